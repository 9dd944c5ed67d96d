"""What a correction sheet carries so that a scan of it can be placed again: four marks in its corners, and a code.

``publish`` draws both and ``ingest`` reads them; neither needs the other. Positions are millimetres from the south-west corner
of the page. A sheet that was enlarged or reduced as a whole stays readable, since everything is relative to the page.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from typing import Any

import shapely

from tensionmap.errors import RawDataError, ReleaseError

Box = tuple[float, float, float, float]
"""West, south, east, north."""

MARGIN_MM = 8.0
MODULE_MM = 1.5
MODULES = 7
MARK_MM = MODULES * MODULE_MM
QUIET_MM = 1.5
"""How much around a mark must stay white, else it is not found."""

CORNERS = ("north-west", "north-east", "south-east", "south-west")

PATTERNS = (
    "10100 01011 01100 10101 11100",
    "00001 11000 00001 10111 00110",
    "11010 11110 00011 10110 11101",
    "10000 00111 00101 01111 10111",
    "11010 11101 01101 01001 00100",
    "11101 01000 00010 00001 01101",
    "01101 00111 10101 11111 01100",
    "01110 00100 00101 00011 01011",
)
"""The first eight marks of ArUco's dictionary 5x5_50, 1 is white: 0 to 3 for a page that stands, 4 to 7 for one that lies.

S. Garrido-Jurado et al. 2014, doi:10.1016/j.patcog.2014.01.005.
"""

FIRST = "TM1"
"""How every code begins; a later form of it begins otherwise."""


@dataclass(frozen=True)
class Mark:
    """One corner mark of a page."""

    mark_id: int
    corner: str
    box: Box

    @property
    def ink(self) -> Any:
        """What is black, in millimetres, as one area without seams: for ``Page.shape``."""
        west, _, _, north = self.box
        rows = ["0" * MODULES, *(f"0{row}0" for row in PATTERNS[self.mark_id].split()), "0" * MODULES]
        squares = [
            shapely.box(
                west + column * MODULE_MM,
                north - (row + 1) * MODULE_MM,
                west + (column + 1) * MODULE_MM,
                north - row * MODULE_MM,
            )
            for row, modules in enumerate(rows)
            for column, module in enumerate(modules)
            if module == "0"
        ]
        return shapely.union_all(squares)

    @property
    def corners(self) -> tuple[tuple[float, float], ...]:
        """Its corners north-west, north-east, south-east, south-west: the order in which ArUco finds them."""
        west, south, east, north = self.box
        return ((west, north), (east, north), (east, south), (west, south))

    @property
    def kept_free(self) -> Box:
        """What nothing else may be drawn in: the mark and the white around it."""
        west, south, east, north = self.box
        return (west - QUIET_MM, south - QUIET_MM, east + QUIET_MM, north + QUIET_MM)


def marks_of(width_mm: float, height_mm: float) -> tuple[Mark, ...]:
    """The four marks of a page, in the order of ``CORNERS``; whether the page stands or lies is in their numbers."""
    west, south, east, north = MARGIN_MM, MARGIN_MM, width_mm - MARGIN_MM, height_mm - MARGIN_MM
    boxes = (
        (west, north - MARK_MM, west + MARK_MM, north),
        (east - MARK_MM, north - MARK_MM, east, north),
        (east - MARK_MM, south, east, south + MARK_MM),
        (west, south, west + MARK_MM, south + MARK_MM),
    )
    first = 0 if height_mm >= width_mm else len(CORNERS)
    return tuple(Mark(first + number, corner, box) for number, (corner, box) in enumerate(zip(CORNERS, boxes, strict=True)))


@dataclass(frozen=True)
class SheetCode:
    """Which sheet this is, and where on the ground its map lies: what the QR code holds.

    Parameters
    ----------
    digest
        Ten hex digits: what the release prints on all of its papers.
    name
        Community, quarter, theme and language in at most 40 capitals, digits, hyphens and points: 'ISFARA-2026Q3-TENSION-TG'.
    crs
        CRS of the study in metres as authority and number: 'EPSG:32642'.
    extent_m
        West, south, east, north of the map on the ground; kept in whole metres.
    frame_mm
        West, south, east, north of the map on the page; kept in tenths of a millimetre.
    page_mm
        Width and height of the page; kept in whole millimetres.

    Raises
    ------
    ReleaseError
        If any of it cannot be: a letter that the code cannot hold, a frame off the page, another scale across than along.
    """

    digest: str
    name: str
    crs: str
    extent_m: Box
    frame_mm: Box
    page_mm: tuple[float, float]

    def __post_init__(self) -> None:
        for field, value in (
            ("digest", self.digest.upper()),
            ("extent_m", tuple(float(round(metres)) for metres in self.extent_m)),
            ("frame_mm", tuple(round(float(mm), 1) for mm in self.frame_mm)),
            ("page_mm", tuple(float(round(mm)) for mm in self.page_mm)),
        ):
            # So that a code that was read equals the one that was written.
            object.__setattr__(self, field, value)
        faults = self._faults()
        if faults:
            raise ReleaseError.gather("The sheet cannot be given a code:", faults)

    def _faults(self) -> list[str]:
        west, south, east, north = self.extent_m
        left, bottom, right, top = self.frame_mm
        width, height = self.page_mm
        are_ordered = west < east and south < north and 0 <= left < right <= width and 0 <= bottom < top <= height
        rules = (
            (re.fullmatch("[0-9A-F]{10}", self.digest), "The digest must be ten hex digits."),
            (
                re.fullmatch("[0-9A-Z.-]{1,40}", self.name),
                f"The name {self.name[:50]!r} must be 1 to 40 capitals A-Z, digits, hyphens and points.",
            ),
            (
                re.fullmatch("[0-9A-Z]{2,10}:[0-9A-Z]{1,12}", self.crs),
                f"The CRS {self.crs[:50]!r} must be an authority and a number, for example 'EPSG:32642'.",
            ),
            (are_ordered, "West must be less than east and south less than north, and the frame must lie on the page."),
            (
                are_ordered and abs((east - west) / (right - left) * (top - bottom) / (north - south) - 1) < 0.01,
                "The map must have the same scale from west to east as from south to north.",
            ),
        )
        return [sentence for is_kept, sentence in rules if not is_kept]

    @property
    def sheet_id(self) -> str:
        """Digest and name: what its strokes are filed under."""
        return f"{self.digest}-{self.name}"

    @property
    def metres_per_mm(self) -> float:
        """How many metres on the ground one millimetre of the page is: the scale divided by 1000."""
        return (self.extent_m[2] - self.extent_m[0]) / (self.frame_mm[2] - self.frame_mm[0])

    def as_text(self) -> str:
        """The code as about 100 characters of a QR code's alphanumeric mode; the last four tell a slip of the pen."""
        numbers = (self.extent_m, [10 * mm for mm in self.frame_mm], self.page_mm)
        boxes = ("/".join(str(round(number)) for number in group) for group in numbers)
        text = " ".join((FIRST, self.digest, self.name, self.crs, *boxes))
        return f"{text} {_check(text)}"

    @classmethod
    def read(cls, text: str) -> SheetCode:
        """The code that ``as_text`` wrote; small letters and more spaces are taken too, since people type it by hand.

        Raises
        ------
        RawDataError
            If it is another code, cut short, or mistyped.
        """
        words = text.upper().split()
        if not words or words[0] != FIRST:
            raise RawDataError(f"This is not the code of a correction sheet, which begins with {FIRST}: {text[:40]!r}.")
        if len(words) != 8 or _check(" ".join(words[:-1])) != words[-1]:
            raise RawDataError(
                "The code of the sheet is cut short or mistyped: its last four characters do not fit the others. "
                "Copy all of it, as it is printed beside the square code."
            )
        try:
            extent, frame, page = ([int(number) for number in word.split("/")] for word in words[4:7])
            west, south, east, north = extent
            left, bottom, right, top = (tenths / 10 for tenths in frame)
            width, height = page
            return cls(words[1], words[2], words[3], (west, south, east, north), (left, bottom, right, top), (width, height))
        except (ValueError, OverflowError, ReleaseError) as error:
            raise RawDataError("The code of the sheet holds numbers that cannot be a map. Is it of a newer version?") from error


def _check(text: str) -> str:
    return f"{zlib.crc32(text.encode()) & 0xFFFF:04X}"
