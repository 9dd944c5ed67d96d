"""Sums must leave open what they are sums of: public totals that give no hidden cell away by subtraction.

A cell in the lowest band hides a count between 0 and ``hidden = fewest - 1``. A reader also knows, per theme,

1. the band of every shown area of cells,
2. the number of reports, rounded (tiers A and B, with a place or without),
3. the share of them without a place, rounded,
4. the bands of the categories,

and may solve these for a hidden cell. Each rule below keeps one of the four from binding, so that every count from 0 to
``hidden`` stays possible in every hidden cell; tests/protect/test_margins.py solves the whole system by linear
programming. Rules 2 and 3 move a number by looking at public numbers alone, so that the moving tells nothing either:

1. An area is shown only if its band still holds with any one of its hidden cells at 0, and at ``hidden`` (`leaves_open`).
2. The rounded number is at least the least that bands already show (`rounded_reports`). Otherwise 24 reports, of which
   the bands show 20 at least and rounding says 'at most 24' and, were it 20 exactly, the reader would know all others.
3. The rounded share leaves room for ``hidden`` reports more than the bands show (`rounded_percent`).
4. Categories are listed only if their bands leave that room, with a step to spare (`may_list`).

From above the cells are safe if what their bands could hold is more than what they do hold: `require_room` refuses the
release otherwise, which takes a grid of a handful of cells.

Not covered: sums over two releases whose periods overlap (a released quarter is never released again), and that a theme
with too few reports to test ('too few to tell') has fewer than the test asks for.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from tensionmap.errors import ReleaseError
from tensionmap.protect.aggregate import BAND_STARTS
from tensionmap.tables import BANDS

PERCENT_STEP = 5


def ends(bands: pd.Series, *, fewest: int) -> pd.DataFrame:
    """What a reader knows of the counts behind ``bands``: columns ``low`` and ``high`` (the highest band has no end)."""
    starts = pd.Series([0, *(max(start, fewest) for start in BAND_STARTS[1:])], index=list(BANDS), dtype="float64")
    stops = pd.Series([fewest - 1, *(start - 1 for start in BAND_STARTS[2:]), math.inf], index=list(BANDS), dtype="float64")
    return pd.DataFrame({"low": bands.map(starts), "high": bands.map(stops)}, index=bands.index, dtype="float64")


def leaves_open(cells: pd.DataFrame, area: pd.Series, *, fewest: int) -> bool:
    """Whether the band of an area leaves each of its hidden cells anything from none to ``fewest`` - 1.

    ``cells`` and ``area`` are rows of `ends`: of the cells that are summed, and of the area.
    """
    hidden = fewest - 1
    if not (cells["low"] == 0).any():
        return True
    return bool(cells["high"].sum() - hidden >= area["low"] and cells["low"].sum() + hidden <= area["high"])


def range_of_sum(cells: pd.DataFrame, areas: pd.Series, of_areas: pd.DataFrame) -> tuple[float, float]:
    """Least and most reports in all cells that the bands of cells and of shown areas allow.

    ``cells`` and ``of_areas`` are `ends`; ``areas`` says to which row of ``of_areas`` a cell belongs (0: none).
    """
    sums = cells.groupby(areas).sum()
    inside = sums.reindex(of_areas.index, fill_value=0.0)
    outside = sums.drop(index=of_areas.index, errors="ignore").sum()
    low = outside["low"] + np.maximum(inside["low"], of_areas["low"]).sum()
    high = outside["high"] + np.minimum(inside["high"], of_areas["high"]).sum()
    return float(low), float(high)


def rounded_reports(reports: int, *, shown: float, fewest: int) -> int:
    """``reports`` to the nearest multiple of twice ``fewest`` (10), but not below ``shown``, the least that bands show."""
    step = 2 * fewest
    return max((reports + fewest) // step * step, math.ceil(shown / step) * step)


def rounded_percent(unplaced: int, reports: int, *, rounded: int, shown: float, fewest: int) -> int:
    """Share without a place to the nearest 5 per cent, lowered until ``fewest`` - 1 reports more than ``shown`` have one."""
    if not reports:
        return 0
    hidden = fewest - 1
    most = 100 * (1 - (shown + hidden) / (rounded + hidden)) + PERCENT_STEP / 2 if rounded else 0
    nearest = math.floor(100 * unplaced / reports / PERCENT_STEP + 0.5) * PERCENT_STEP
    return min(nearest, math.floor(most / PERCENT_STEP + 1e-9) * PERCENT_STEP)


def may_list(most: float, *, rounded: int, percent: int, shown: float, fewest: int) -> bool:
    """Whether categories that hold ``most`` reports leave the cells room for a step more than ``shown``."""
    without_place = max(rounded - fewest, 0) * max(percent - PERCENT_STEP / 2, 0) / 100
    return most - without_place >= shown + fewest - 1 + 2 * fewest


def require_room(placed: int, most: float, *, theme: str, fewest: int) -> None:
    """Refuse a grid whose cells are so full that ``placed`` reports tell what the hidden ones hold.

    Raises
    ------
    ReleaseError
        If the bands cannot hold ``fewest`` - 1 reports more than there are.
    """
    if placed and placed > most - (fewest - 1):
        raise ReleaseError(
            f"The {theme} map has {placed} reports in so few cells that the total would give away what single cells hold. "
            "Use smaller cells or a larger study area."
        )
