"""Squares that a telephone reads: a QR code in vectors, which stays sharp at any size."""

from __future__ import annotations

from functools import lru_cache
from itertools import groupby

import numpy as np
import segno
import shapely

from tensionmap.publish.drawn import PT_MM
from tensionmap.publish.page import Page

QUIET = 4
"""So many modules around a code must stay white."""


def code_mm(text: str, module_mm: float = 0.5) -> float:
    """The side of the code of ``text`` in millimetres, without the white around it."""
    return len(_modules(text)) * module_mm


@lru_cache
def _modules(text: str) -> tuple[bytes, ...]:
    """The modules of the code, rows from the top: 1 is dark."""
    return tuple(map(bytes, segno.make_qr(text, error="m").matrix))


def draw_code(page: Page, x: float, y: float, text: str, module_mm: float = 0.5) -> float:
    """Draw the QR code of ``text`` with its south-west corner at ``x``, ``y``, and return its side in millimetres.

    Notes
    -----
    A seventh of it may be lost (error correction M). Dark modules side by side are one stroke: squares would look like those of
    the map to whoever measures the page. The white of ``QUIET`` modules around it is the caller's to keep.
    """
    matrix = _modules(text)
    strokes = []
    for row, modules in enumerate(reversed(matrix)):
        for is_dark, run in groupby(enumerate(modules), key=lambda module: module[1]):
            columns = [column for column, _ in run]
            if is_dark:
                strokes.append([(columns[0], row + 0.5), (columns[-1] + 1, row + 0.5)])
    lines = shapely.multilinestrings(np.array(strokes) * module_mm + (x, y))
    page.shape(lines, lw=module_mm / PT_MM, z=10)
    return len(matrix) * module_mm
