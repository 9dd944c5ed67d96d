"""The correction sheet: the map faint, to draw and write on, with marks by which a photograph of it is placed again."""

from __future__ import annotations

import re
from collections.abc import Sequence

import shapely

from tensionmap.errors import ReleaseError
from tensionmap.marks import MARGIN_MM, MARK_MM, QUIET_MM, SheetCode, marks_of
from tensionmap.publish import sentences, style
from tensionmap.publish.chart import INDEX_MM, Chart, View
from tensionmap.publish.columns import RULE_MM, Column, fill_with_rules
from tensionmap.publish.drawn import PT_MM
from tensionmap.publish.page import BODY_PT, Page, line_mm, wrap
from tensionmap.publish.qr import code_mm, draw_code
from tensionmap.publish.words import Words

VEIL = "#ffffff8c"
"""Laid over the map: pens stand out, and names can still be read."""
MODULE_MM = 0.7
BESIDE_MM = MARGIN_MM + MARK_MM + 2 * QUIET_MM
"""How much of the page's edge the marks in its corners need."""
GAP_MM = 2.5


def correction_sheet(
    page: Page, view: View, words: Words, *, name: str, title: str, index_m: float, scales: Sequence[int], zoom: float
) -> None:
    """Draw the map of ``view`` faint on an empty page, with marks and code, what the pens mean, and room to write.

    Parameters
    ----------
    name
        What the strokes are filed under, beside the digest: community, quarter, theme and language.
    title
        What the map shows.
    index_m
        Side of the squares of the index in metres: those of the map that is corrected, so that C3 is C3 on both.
    scales
        Scales that may be chosen, the largest map first.
    zoom
        How many times as large the page will be printed.

    Raises
    ------
    ReleaseError
        If the map fits at none of the scales, or a text cannot be printed legibly.
    """
    y = _head(page, view, words, title)
    west, south, east, north = view.bounds
    code_text = _code(view, name, (10.0, 10.0, 10.0 + (east - west) / 100, 10.0 + (north - south) / 100), page).as_text()
    foot = max(code_mm(code_text, MODULE_MM), 3 * RULE_MM) + GAP_MM + BESIDE_MM
    top = y - GAP_MM - INDEX_MM
    need = max((east - west) / (page.width - 2 * (MARGIN_MM + INDEX_MM)), (north - south) / (top - foot - INDEX_MM)) * 1000
    scale = next((scale for scale in scales if scale * zoom >= need), None)
    if scale is None:
        raise ReleaseError("The map of the correction sheet fits at no scale. Choose a smaller around_m under [publish].")
    mm_per_m = 1000 / scale / zoom
    chart = Chart(page, view, words, mm_per_m, top, (page.width - (east - west) * mm_per_m) / 2)
    chart.index_m = index_m
    chart.draw()
    page.shape(shapely.box(*chart.frame), fill=VEIL, ink=False, z=15.5)
    for mark in marks_of(page.width, page.height):
        page.shape(mark.ink, fill=style.INK, ink=False, z=20)
    _foot(page, _code(view, name, chart.frame, page), chart.frame[1] - INDEX_MM - GAP_MM)


def _head(page: Page, view: View, words: Words, title: str) -> float:
    """Between the upper marks: for whom it is, what it shows and how to draw on it; where it ends."""
    texts = [
        *((text, BODY_PT, "Bold") for _, text in sentences.banners(view.release, words)),
        (title, 12.0, "Bold"),
        (words("What is wrong or missing? Draw and write on this map."), 11.0, "Bold"),
        (words("Red: a place that worries people. Blue: wrong or missing on the map. Green: what helps."), 10.0, ""),
        (words("Use thick coloured pens. No names, no houses. An analyst looks at every stroke before it is used."), 10.0, ""),
    ]
    y = page.height - MARGIN_MM
    for text, size, face in texts:
        for line in wrap(text, page.width - 2 * BESIDE_MM, size, face):
            page.text(BESIDE_MM, y - size * PT_MM, line, size=size, face=face)
            y -= line_mm(size)
    return min(y, page.height - BESIDE_MM)


def _code(view: View, name: str, frame: tuple[float, float, float, float], page: Page) -> SheetCode:
    return SheetCode(
        digest=view.release.digest,
        name=re.sub("[^0-9A-Z.-]", "-", name.upper())[:40],
        crs=view.cells.crs.to_string(),
        extent_m=view.bounds,
        frame_mm=frame,
        page_mm=(page.width, page.height),
    )


def _foot(page: Page, code: SheetCode, top: float) -> None:
    """Under the map: the code, once for a program and once for people, and lines to write on."""
    text = code.as_text()
    side = code_mm(text, MODULE_MM)
    x = page.width - BESIDE_MM - side
    draw_code(page, x, top - side, text, MODULE_MM)
    lines = wrap(text, page.width - 2 * BESIDE_MM)
    floor = MARGIN_MM + len(lines) * line_mm(BODY_PT)
    fill_with_rules(page, [Column(BESIDE_MM, top, floor, x - 2 * GAP_MM - BESIDE_MM)])
    for number, line in enumerate(reversed(lines)):
        page.text(BESIDE_MM, MARGIN_MM + number * line_mm(BODY_PT) + 1, line)
