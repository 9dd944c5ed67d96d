"""Paper: a page in millimetres that refuses what cannot be read.

Text that leaves the page, type below 9 pt and letters that the font does not have are refused with the text by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, get_font
from matplotlib.ft2font import LoadFlags
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline
from matplotlib.textpath import text_to_path

from tensionmap.errors import ReleaseError
from tensionmap.publish import style
from tensionmap.publish.labels import Box, is_inside
from tensionmap.publish.style import Stroke, Symbol

A4_MM = (210.0, 297.0)
PT_MM = 25.4 / 72
LINE_SPACING = 1.27
BODY_PT = 9.0


@dataclass
class Page:
    """A page in millimetres from its south-west corner; refuses what cannot be read."""

    width: float
    height: float
    figure: Figure = field(init=False)
    axes: Axes = field(init=False)

    def __post_init__(self) -> None:
        self.figure = Figure(figsize=(self.width / 25.4, self.height / 25.4), frameon=False)
        self.axes = self.figure.add_axes((0, 0, 1, 1), frameon=False, xlim=(0, self.width), ylim=(0, self.height))
        self.axes.set_axis_off()

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = BODY_PT,
        face: str = "",
        colour: str = style.INK,
        z: float = 20,
        halo: bool = False,
    ) -> Box:
        """Write one line from ``x`` on the baseline ``y`` and return its box."""
        width = text_width_mm(text, size, face)
        box = (x, y - 0.24 * size * PT_MM, x + width, y + 0.76 * size * PT_MM)
        if not is_inside(box, (0, 0, self.width, self.height)):
            raise ReleaseError(f"The text {short(text)!r} would leave the page. Make it shorter.")
        font = _font(face)
        if halo:
            outline, codes = text_to_path.get_text_path(font, text, ismath=False)
            letters = Outline(np.reshape(outline, (-1, 2)) * size * PT_MM / text_to_path.FONT_SCALE + (x, y), codes)
            self.axes.add_patch(PathPatch(letters, fc=style.PAPER, ec=style.PAPER, lw=2.4, joinstyle="round", zorder=z - 0.5))
        self.axes.text(x, y, text, fontproperties=font, fontsize=size, color=colour, zorder=z, parse_math=False, clip_on=False)
        return box

    def shape(self, geometry: Any, **options: Any) -> None:
        """Draw lines or areas, already in millimetres."""
        outline = outline_of(geometry)
        if outline is not None:
            self.axes.add_patch(PathPatch(outline, **{"joinstyle": "miter", **options}))

    def stroke(self, geometry: Any, stroke: Stroke, z: float) -> None:
        """Draw ``geometry`` as ``stroke`` says: halo, line, core, dots."""
        if stroke.halo_pt:
            self.shape(geometry, fill=False, lw=stroke.width_pt + 2 * stroke.halo_pt, ec=style.PAPER, zorder=z)
        self.shape(
            geometry, fill=False, lw=stroke.width_pt, ls=stroke.linestyle, ec=stroke.colour, zorder=z + 0.1, capstyle="butt"
        )
        if stroke.core_pt:
            self.shape(geometry, fill=False, lw=stroke.core_pt, ec=style.PAPER, zorder=z + 0.2)
        if stroke.dots_pt:
            points = [point for line in lines_of(geometry) for point in _along(line, style.AGREED_DOT_SPACING_PT * PT_MM)]
            self.marks(points, "o", stroke.dots_pt, z + 0.3)

    def marks(
        self,
        points: Sequence[tuple[float, float]],
        marker: Any,
        size_pt: float,
        z: float,
        *,
        face: str = style.INK,
        edge: str = style.INK,
        edge_pt: float = 1.0,
        fill: Any = "full",
    ) -> None:
        """Draw one mark at each point."""
        if not points:
            return
        x, y = zip(*points, strict=True)
        look = {"mfc": face, "mec": edge, "mew": edge_pt, "fillstyle": fill, "markerfacecoloralt": style.PAPER}
        self.axes.add_line(Line2D(x, y, ls="", marker=marker, ms=size_pt, zorder=z, **look))

    def symbol(self, points: Sequence[tuple[float, float]], symbol: Symbol, z: float) -> None:
        """Draw a symbol at each point, with a white rim so that it stands free of lines."""
        if symbol.marker != "+":
            self.marks(points, symbol.marker, symbol.size_pt + 2, z - 0.1, face=style.PAPER, edge=style.PAPER, edge_pt=1.5)
        self.marks(points, symbol.marker, symbol.size_pt, z, face=style.INK if symbol.is_filled else style.PAPER)


def as_pdf(pages: Sequence[Page]) -> bytes:
    """The pages as a PDF without a time or a maker."""
    stream = BytesIO()
    with PdfPages(stream, metadata={"Creator": None, "Producer": None, "CreationDate": None}) as pdf:
        for page in pages:
            pdf.savefig(page.figure)
    return stream.getvalue()


@lru_cache(maxsize=20_000)
def text_width_mm(text: str, size_pt: float, face: str = "") -> float:
    """How wide a line prints, in millimetres; refuses type that is too small and letters that the font does not have."""
    if size_pt < style.SMALLEST_TYPE_PT:
        raise ReleaseError(
            f"The text {short(text)!r} would be printed at {size_pt:g} pt; below {style.SMALLEST_TYPE_PT:g} pt "
            "letters are lost in a copy."
        )
    font = get_font(str(_font_file(face)))
    missing = sorted({letter for letter in text if not font.get_char_index(ord(letter))})
    if missing:
        raise ReleaseError(
            f"The font has no letter for {', '.join(f'U+{ord(letter):04X}' for letter in missing)} in the text {short(text)!r}. "
            "Write the text with other letters."
        )
    font.set_size(size_pt, 72)
    font.set_text(text, 0.0, flags=LoadFlags.NO_HINTING)
    width, _ = font.get_width_height()
    return float(width) / 64 * PT_MM


def wrap(text: str, width_mm: float, size_pt: float = BODY_PT, face: str = "") -> list[str]:
    """``text`` in lines no wider than ``width_mm``; a word that is wider by itself is refused by name."""
    lines: list[str] = []
    for word in text.split():
        if text_width_mm(word, size_pt, face) > width_mm:
            raise ReleaseError(f"The word {short(word)!r} is wider than its box ({width_mm:.0f} mm). Make it shorter.")
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width_mm(longer, size_pt, face) <= width_mm:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def short(text: str) -> str:
    """``text`` as a message names it."""
    return text if len(text) <= 40 else f"{text[:37]}..."


def _font_file(face: str) -> Path:
    return Path(matplotlib.get_data_path(), "fonts", "ttf", f"DejaVuSans{face and f'-{face}'}.ttf")


def _font(face: str) -> FontProperties:
    return FontProperties(fname=_font_file(face))


def line_mm(size_pt: float) -> float:
    """From one line of text to the next."""
    return size_pt * PT_MM * LINE_SPACING


def outline_of(geometry: Any) -> Outline | None:
    """All rings or lines of ``geometry`` as one matplotlib path."""
    rings = [
        ring
        for part in shapely.get_parts(geometry)
        for ring in (
            [part.exterior, *part.interiors] if part.geom_type == "Polygon" else [part] if part.geom_type == "LineString" else []
        )
    ]
    paths = [Outline(shapely.get_coordinates(ring), closed=ring.geom_type == "LinearRing") for ring in rings]
    return Outline.make_compound_path(*paths) if paths else None


def lines_of(geometry: Any) -> list[Any]:
    """The lines of ``geometry``, each as long as can be."""
    parts = shapely.get_parts(geometry)
    lines = [part for part in parts if part.geom_type == "LineString"]
    merged = shapely.line_merge(shapely.multilinestrings(lines)) if lines else None
    return [] if merged is None else list(shapely.get_parts(merged))


def _along(line: Any, spacing: float) -> list[tuple[float, float]]:
    steps = np.arange(spacing / 2, line.length, spacing)
    return [(point.x, point.y) for point in shapely.line_interpolate_point(line, steps)]


def coordinates(geometry: Iterable[Any]) -> list[tuple[float, float]]:
    """Every corner of ``geometry`` as plain numbers."""
    return [(float(x), float(y)) for x, y in shapely.get_coordinates(list(geometry))]
