"""The small pictures of a printed legend: each draws what stands on the map beside its words."""

from __future__ import annotations

from collections.abc import Callable

import shapely
from matplotlib.path import Path as Outline

from tensionmap.publish import style
from tensionmap.publish.drawn import PT_MM
from tensionmap.publish.page import Page
from tensionmap.publish.style import Stroke, Symbol
from tensionmap.tables import BANDS

Key = Callable[[Page, float, float], None]
"""Draws itself from the west end ``x`` at the middle height ``y``."""

KEY_MM = 9.0
STREWN = {
    "pasture": Outline([(-0.5, 0.3), (-0.15, -0.4), (0, 0.5), (0, -0.4), (0.5, 0.3), (0.15, -0.4)], [1, 2, 1, 2, 1, 2]),
    "forest": Outline([(-0.4, -0.25), (0, 0.5), (0.4, -0.25), (-0.4, -0.25), (0, -0.25), (0, -0.55)], [1, 2, 2, 2, 1, 2]),
}


def mark_pt(side_mm: float) -> float:
    """The size of the mark that stands for a square too small for a hatch."""
    return max(side_mm / PT_MM, 6.5)


def band_key(band: str, side_mm: float) -> Key:
    """A square of the map in its band, as wide as the squares are drawn."""

    def draw(page: Page, x: float, y: float) -> None:
        if side_mm >= style.SMALLEST_HATCHED_MM or band == BANDS[0]:
            look = style.BANDS[band]
            page.shape(shapely.box(x, y - 2, x + KEY_MM, y + 2), fill=look.grey, hatch=look.hatch, z=10)
        else:
            page.marks([(x + KEY_MM / 2, y)], "s", mark_pt(side_mm), 10, part_filled=style.MARKS[band])

    return draw


def symbol_key(symbol: Symbol) -> Key:
    """A symbol."""
    return lambda page, x, y: page.symbol([(x + KEY_MM / 2, y)], symbol, 10)


def stroke_key(stroke: Stroke) -> Key:
    """A piece of a line."""
    return lambda page, x, y: page.stroke(shapely.LineString([(x, y), (x + KEY_MM, y)]), stroke, 10)


def hotspot_key(kind: str) -> Key:
    """The outline of a hot or cold area."""
    return lambda page, x, y: page.stroke(shapely.box(x + 0.5, y - 1.6, x + KEY_MM - 0.5, y + 1.6), style.HOTSPOTS[kind], 10)


def relief_key(page: Page, x: float, y: float) -> None:
    """The greys of slopes, side by side."""
    for number, (_, grey) in enumerate(style.RELIEF):
        west = x + number * KEY_MM / len(style.RELIEF)
        page.shape(shapely.box(west, y - 2, west + KEY_MM / len(style.RELIEF), y + 2), fill=grey, ink=False, z=10)


def place_key(kind: str) -> Key:
    """A kind of place: line, symbol or area."""
    if kind in style.LINES:
        return stroke_key(style.LINES[kind])
    if kind in style.SYMBOLS:
        return symbol_key(style.SYMBOLS[kind])

    def draw(page: Page, x: float, y: float) -> None:
        page.stroke(shapely.box(x, y - 2, x + KEY_MM, y + 2), style.GROUNDS[kind].outline, 10)
        page.marks([(x + 2.5, y), (x + KEY_MM - 2.5, y)], STREWN[kind], 6, 10, fill=False)

    return draw
