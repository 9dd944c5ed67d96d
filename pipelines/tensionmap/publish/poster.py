"""A wall map from an office printer: the front of a sheet, enlarged and cut into eight sheets of A4 to be glued together."""

from __future__ import annotations

import shapely

from tensionmap.publish import style
from tensionmap.publish.drawn import PT_MM
from tensionmap.publish.labels import Box
from tensionmap.publish.page import A4_MM, BODY_PT, Page, line_mm, text_width_mm, wrap
from tensionmap.publish.words import Words

ZOOM = 2.5
"""How many times larger than on one A4 sheet everything is; the margins of the front are not needed, so that it is not more."""
UNPRINTABLE_MM = 8.0
OVERLAP_MM = 15.0
"""What two sheets side by side both show: as high as a line of text, and as wide as a letter, so that each is whole on one."""
CAPTION_LINES = 2
MARK_MM = 3.0


def poster(front: Page, *, number: str, words: Words) -> list[Page]:
    """The eight sheets of a poster, row by row from the north-west, each with nothing but what it shows.

    Parameters
    ----------
    front
        A page of A4, upright or across; of its own margins 9 mm are left out at the longer ends.
    number
        The number of the map, printed on each sheet, so that sheets of two posters are not mixed up.

    Notes
    -----
    An upright poster is two sheets wide and four high, and its sheets lie across; one that lies across is made of upright
    sheets. A sheet is cut along its corner marks and laid on the short lines of the one before it, to the west or north.
    """
    across, down = (2, 4) if front.width < front.height else (4, 2)
    width, height = A4_MM[::-1] if front.width < front.height else A4_MM
    bottom = UNPRINTABLE_MM + CAPTION_LINES * line_mm(BODY_PT)
    seen_mm = (width - 2 * UNPRINTABLE_MM, height - UNPRINTABLE_MM - bottom)
    step_mm = [side - OVERLAP_MM for side in seen_mm]
    whole_mm = [many * step + OVERLAP_MM for many, step in zip((across, down), step_mm, strict=True)]
    west, south = ((side - whole / ZOOM) / 2 for side, whole in zip((front.width, front.height), whole_mm, strict=True))
    sheets = []
    for row in range(down):
        for column in range(across):
            corner = (west + column * step_mm[0] / ZOOM, south + (down - 1 - row) * step_mm[1] / ZOOM)
            window = (*corner, corner[0] + seen_mm[0] / ZOOM, corner[1] + seen_mm[1] / ZOOM)
            sheet = front.part(window, ZOOM, width=width, height=height, corner=(UNPRINTABLE_MM, bottom))
            frame = (UNPRINTABLE_MM, bottom, UNPRINTABLE_MM + seen_mm[0], bottom + seen_mm[1])
            _draw_marks(sheet, frame, has_east=column < across - 1, has_south=row < down - 1)
            place = words(
                "Map {number}, sheet {n} of {all}: row {row}, column {column}.",
                number=number, n=row * across + column + 1, all=across * down, row=row + 1, column=column + 1,
            )  # fmt: skip
            _write(sheet, frame, place, words("Cut at the corner marks. Glue the next sheet up to the short lines."))
            sheets.append(sheet)
    return sheets


def _draw_marks(sheet: Page, frame: Box, *, has_east: bool, has_south: bool) -> None:
    """Marks to cut at, outside the corners of what the sheet shows, and lines up to which the next sheets are glued."""
    west, south, east, north = frame
    marks = [[(x, y), (x + dx * MARK_MM, y)] for x, dx in ((west, -1), (east, 1)) for y in (south, north)]
    marks += [[(x, y), (x, y + dy * MARK_MM)] for y, dy in ((south, -1), (north, 1)) for x in (west, east)]
    if has_east:
        marks += [[(east - OVERLAP_MM, y), (east - OVERLAP_MM, y + dy * MARK_MM)] for y, dy in ((south, -1), (north, 1))]
    if has_south:
        marks += [[(x, south + OVERLAP_MM), (x + dx * MARK_MM, south + OVERLAP_MM)] for x, dx in ((west, -1), (east, 1))]
    sheet.shape(shapely.multilinestrings(marks), lw=style.THINNEST_LINE_PT, z=30)


def _write(sheet: Page, frame: Box, place: str, advice: str) -> None:
    """Which sheet it is and what to do with it, under what it shows, clear of the marks."""
    west, south, east, _ = frame
    room = east - west - 4 - OVERLAP_MM
    told = f"{place} {advice}"
    lines = [told] if text_width_mm(told, BODY_PT) <= room else [line for text in (place, advice) for line in wrap(text, room)]
    for number, line in enumerate(lines):
        sheet.text(west + 2, south - 0.9 * BODY_PT * PT_MM - number * line_mm(BODY_PT), line)
