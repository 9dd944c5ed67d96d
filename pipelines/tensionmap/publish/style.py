"""How everything on a map is drawn, once for paper and screen.

Plain values only, so that matplotlib (widths and dashes in points) and Leaflet (the same numbers in pixels) read the same
symbols. Paper is black and white and outlives two photocopies: at most three filled classes and blank, told apart by hatch,
no line thinner than 0.8 pt, no meaning in colour. Screen fills darken with the band in grey too, and none of them is red.

Every claimant's line has the same weight and colour; who claims it is told by letters on the line, never by rank.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tensionmap.tables import BANDS as BAND_NAMES

INK = "#000000"
PAPER = "#ffffff"
BANNERS = {"internal": "#b00020"}
"""What is not for everybody is framed in red. On paper red only helps: the words are bold, and dark in black and white too."""
THINNEST_LINE_PT = 0.8
SMALLEST_TYPE_PT = 9.0


@dataclass(frozen=True)
class Band:
    """The fill of a class of counts: hatch and grey on paper, one colour on screen."""

    name: str
    hatch: str
    grey: str
    screen_fill: str
    screen_opacity: float


@dataclass(frozen=True)
class Stroke:
    """A line: width, dashes (on, off, ... in points; none: solid), a white core (two thin lines) or round dots along it."""

    width_pt: float
    dash: tuple[float, ...] = ()
    colour: str = INK
    screen_colour: str = INK
    core_pt: float = 0.0
    dots_pt: float = 0.0
    halo_pt: float = 0.0

    @property
    def linestyle(self) -> str | tuple[float, tuple[float, ...]]:
        """The dashes as matplotlib wants them."""
        return (0.0, self.dash) if self.dash else "-"

    @property
    def dash_css(self) -> str:
        """The dashes as Leaflet's ``dashArray``; empty for a solid line."""
        return " ".join(f"{length:g}" for length in self.dash)


@dataclass(frozen=True)
class Symbol:
    """A point: a matplotlib marker, the same shape as a character for the screen, its size, and whether it is filled."""

    marker: str
    glyph: str
    size_pt: float
    is_filled: bool = True
    screen_colour: str = INK


@dataclass(frozen=True)
class Ground:
    """An area of the background: its outline, and the small mark that is strewn over it on paper."""

    outline: Stroke
    marker: str
    screen_fill: str


BANDS: dict[str, Band] = {
    band.name: band
    for band in (
        Band(BAND_NAMES[0], "", PAPER, PAPER, 0.0),
        Band(BAND_NAMES[1], "...", PAPER, "#cbc9e2", 0.65),
        Band(BAND_NAMES[2], "///", PAPER, "#9e9ac8", 0.70),
        Band(BAND_NAMES[3], "xxx", "#cfcfcf", "#6a51a3", 0.6),
    )
}
HATCH_LINE_PT = 0.8
SMALLEST_HATCHED_MM = 3.0
"""Squares smaller than this on paper carry a mark instead of a hatch, which would not be seen."""
MARKS: dict[str, str] = {BAND_NAMES[1]: "none", BAND_NAMES[2]: "left", BAND_NAMES[3]: "full"}
"""How much of the mark of a small square is black, in matplotlib's fill styles: empty, half, full."""
CELL_EDGE = Stroke(0.8, colour="#8c8c8c", screen_colour="#8c8c8c")
RELIEF: tuple[tuple[int, str], ...] = ((231, "#f0f0f0"), (216, "#e6e6e6"))
"""On paper, the grey of slopes that are shaded darker than a tone (of 255), the lighter first: a copier drops both."""

HOTSPOTS: dict[str, Stroke] = {
    "hot": Stroke(2.8, halo_pt=1.6),
    "cold": Stroke(2.8, (2.8, 2.2), halo_pt=1.6),
}

CLAIMS: dict[str, Stroke] = {
    "claimed": Stroke(1.5, (7.0, 3.5), halo_pt=1.5),
    "agreed": Stroke(1.3, dots_pt=3.8, halo_pt=1.5),
    "undetermined": Stroke(1.7, (1.7, 2.6), halo_pt=1.5),
}
AGREED_DOT_SPACING_PT = 11.0
STUDY_EDGE = Stroke(0.8)

LINES: dict[str, Stroke] = {
    "river": Stroke(2.2, colour="#3d3d3d", screen_colour="#2b6ca3"),
    "canal": Stroke(0.9, screen_colour="#3a86c0"),
    "road": Stroke(3.0, screen_colour="#7a7a7a", core_pt=1.4),
}

GROUNDS: dict[str, Ground] = {
    "pasture": Ground(Stroke(1.0, (4.0, 1.8), screen_colour="#7d8b3a"), "pasture", "#dfe3bf"),
    "forest": Ground(Stroke(1.0, screen_colour="#3f7f4f"), "forest", "#b9d3b6"),
}

SYMBOLS: dict[str, Symbol] = {
    "village": Symbol("o", "●", 4.8, is_filled=False),
    "town": Symbol("o", "●", 6.5),
    "intake": Symbol("v", "▼", 6.5, is_filled=False, screen_colour="#1f5f99"),
    "gate": Symbol("v", "▼", 6.5, screen_colour="#1f5f99"),
    "spring": Symbol("d", "♦", 6.5, is_filled=False, screen_colour="#1f5f99"),
    "crossing": Symbol("X", "✖", 7.0),
    "police_post": Symbol("^", "▲", 7.5),
    "meeting_place": Symbol("*", "★", 9.5),
    "joint_work": Symbol("P", "✚", 8.0, is_filled=False, screen_colour="#1b6e53"),
    "action": Symbol("s", "■", 6.0, is_filled=False, screen_colour="#8a4b08"),
    "report": Symbol("+", "+", 5.5, is_filled=False, screen_colour="#3f007d"),
}
UNNAMED = Symbol("o", "●", 2.6)
"""A settlement whose name has no room."""


def pattern_id(band: str) -> str:
    """The name under which a page keeps the hatch of a band."""
    return f"band-{BAND_NAMES.index(band)}"


def claimant_letters(parties: Iterable[str]) -> dict[str, str]:
    """The letters that mark each party's lines: the shortest beginning of its name that no other party shares."""
    names = sorted(set(parties))
    return {name: _shortest(name, [other for other in names if other != name]) for name in names}


def _shortest(name: str, others: list[str]) -> str:
    length = next((n for n in range(1, len(name)) if not any(other.startswith(name[:n]) for other in others)), len(name))
    return name[:length]
