"""Paper: a page in millimetres that refuses what cannot be read.

Text that leaves the page, type below 9 pt and letters that the font does not have are refused with the text by name.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from io import BytesIO
from typing import Any, Literal

import matplotlib
import numpy as np
import pypdf
import shapely
from matplotlib import rc_context, rcdefaults
from matplotlib.artist import Artist
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from pypdf.generic import ArrayObject, FloatObject, NameObject

from tensionmap.errors import ReleaseError
from tensionmap.publish import style
from tensionmap.publish.drawn import PT_MM, Drawn, Marks, Shape, Writing
from tensionmap.publish.labels import Box, is_inside
from tensionmap.publish.letters import face as face_of
from tensionmap.publish.style import Stroke, Symbol

A4_MM = (210.0, 297.0)
LINE_SPACING = 1.27
BODY_PT = 9.0


@dataclass
class Page:
    """A page in millimetres from its south-west corner; refuses what cannot be read. ``zoom`` enlarges its hatches."""

    width: float
    height: float
    zoom: float = 1.0
    drawn: list[Drawn] = field(default_factory=list)

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
        text_width_mm(text, size, face)
        writing = Writing(z=z, x=x, y=y, text=_as_printed(text), size=size, face=face, colour=colour, has_halo=halo)
        if not is_inside(writing.box, (0, 0, self.width, self.height)):
            raise ReleaseError(f"The text {short(text)!r} would leave the page. Make it shorter.")
        self.drawn.append(writing)
        return writing.box

    def shape(
        self,
        geometry: Any,
        *,
        fill: str | Literal[False] = False,
        ink: str | Literal[False] = style.INK,
        lw: float = style.THINNEST_LINE_PT,
        dash: Sequence[float] = (),
        hatch: str = "",
        z: float = 1,
    ) -> None:
        """Draw lines or areas, already in millimetres; ``lw`` in points, ``dash`` (on, off, ...) in widths of the line."""
        parts = shapely.geometrycollections(shapely.get_parts(geometry))
        self.drawn.append(Shape(z=z, geometry=parts, fill=fill, ink=ink, width_pt=lw, dash=dash, dash_from=0.0, hatch=hatch))

    def stroke(self, geometry: Any, stroke: Stroke, z: float) -> None:
        """Draw ``geometry`` as ``stroke`` says: halo, line, core, dots."""
        if stroke.halo_pt:
            self.shape(geometry, lw=stroke.width_pt + 2 * stroke.halo_pt, ink=style.PAPER, z=z)
        self.shape(geometry, lw=stroke.width_pt, dash=stroke.dash, ink=stroke.colour, z=z + 0.1)
        if stroke.core_pt:
            self.shape(geometry, lw=stroke.core_pt, ink=style.PAPER, z=z + 0.2)
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
        fill: str | Literal[False] = style.INK,
        edge: str = style.INK,
        edge_pt: float = 1.0,
        part_filled: Any = "full",
    ) -> None:
        """Draw one mark at each point."""
        if len(points):
            look = {"fill": fill, "edge": edge, "edge_pt": edge_pt, "part_filled": part_filled}
            self.drawn.append(Marks(z=z, points=np.array(points), marker=marker, size_pt=size_pt, **look))

    def symbol(self, points: Sequence[tuple[float, float]], symbol: Symbol, z: float) -> None:
        """Draw a symbol at each point, with a white rim so that it stands free of lines."""
        if symbol.marker != "+":
            self.marks(points, symbol.marker, symbol.size_pt + 2, z - 0.1, fill=style.PAPER, edge=style.PAPER, edge_pt=1.5)
        self.marks(points, symbol.marker, symbol.size_pt, z, fill=style.INK if symbol.is_filled else style.PAPER)

    def part(self, window: Box, zoom: float, *, width: float, height: float, corner: tuple[float, float]) -> Page:
        """What lies in ``window``, ``zoom`` times as large, on a page of its own, where its south-west is at ``corner``."""
        east, north = corner[0] - window[0] * zoom, corner[1] - window[1] * zoom
        cut = [piece.enlarged(zoom, east, north) for whole in self.drawn for piece in whole.cut(window)]
        return Page(width, height, self.zoom * zoom, cut)


class _Content(Artist):
    """All of a page, the lowest first."""

    def __init__(self, page: Page) -> None:
        super().__init__()
        self.page = page

    def draw(self, renderer: Any) -> None:
        """Draw it on a page of matplotlib's."""
        for piece in sorted(self.page.drawn, key=lambda piece: piece.z):
            piece.draw(renderer)


def as_pdf(pages: Sequence[Page]) -> bytes:
    """The pages as a PDF without a time or a maker, in our own drawing settings; pages of one file share their zoom."""
    stream = BytesIO()
    with rc_context():
        rcdefaults()
        # The PDF backend reads how many letters a font may have from the PostScript setting: 3 would cut every word in pieces.
        matplotlib.rcParams.update({"pdf.fonttype": 42, "ps.fonttype": 42})
        matplotlib.rcParams.update({"pdf.compression": 6, "hatch.linewidth": style.HATCH_LINE_PT})
        with PdfPages(stream, metadata={"Creator": None, "Producer": None, "CreationDate": None}) as pdf:
            for page in pages:
                figure = Figure(figsize=(page.width / 25.4, page.height / 25.4), frameon=False)
                figure.add_artist(_Content(page))
                pdf.savefig(figure)
    return stream.getvalue() if pages[0].zoom == 1 else _with_hatches(stream, pages[0].zoom)


def _with_hatches(pdf: BytesIO, zoom: float) -> bytes:
    """The same PDF with its hatches ``zoom`` times as large: matplotlib draws them in one size, whatever the page."""
    writer: Any = pypdf.PdfWriter(clone_from=pdf)
    resources = [page["/Resources"].get_object() for page in writer.pages]
    patterns = {found.idnum: found.get_object() for held in resources for found in dict.values(held["/Pattern"])}
    for pattern in patterns.values():
        matrix = [float(number) for number in pattern["/Matrix"]]
        larger = [number * zoom for number in matrix[:4]] + matrix[4:]
        pattern[NameObject("/Matrix")] = ArrayObject(map(FloatObject, larger))
    stream = BytesIO()
    writer.write(stream)
    return stream.getvalue()


@lru_cache(maxsize=20_000)
def text_width_mm(text: str, size_pt: float, face: str = "") -> float:
    """How wide a line prints, in millimetres; refuses type that is too small and letters that the font does not have."""
    if size_pt < style.SMALLEST_TYPE_PT:
        raise ReleaseError(
            f"The text {short(text)!r} would be printed at {size_pt:g} pt; below {style.SMALLEST_TYPE_PT:g} pt "
            "letters are lost in a copy."
        )
    letters, printed = face_of(face), _as_printed(text)
    if missing := letters.missing(printed):
        raise ReleaseError(
            f"The font has no letter for {', '.join(f'U+{ord(letter):04X}' for letter in missing)} in the text {short(text)!r}. "
            "Write the text with other letters."
        )
    return sum(map(letters.width, printed)) * size_pt * PT_MM


def _as_printed(text: str) -> str:
    """``text`` with letters and their signs in one, where there is such a letter."""
    return unicodedata.normalize("NFC", text)


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


def line_mm(size_pt: float) -> float:
    """From one line of text to the next."""
    return size_pt * PT_MM * LINE_SPACING


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
