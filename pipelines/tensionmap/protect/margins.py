"""Sums must leave open what they are sums of: public totals that give no hidden cell away by subtraction.

A cell in the lowest band hides a count between 0 and ``hidden = fewest - 1``. A reader also knows, per theme and window,

1. the number of reports, rounded (tiers A and B, with a place or without),
2. the share of them without a place, rounded,
3. the bands of the categories,

and may solve these for a hidden cell. Each rule below keeps one of the three from binding, so that every count from 0 to
``hidden`` stays possible in every hidden cell; tests/protect/test_margins.py solves the whole system by linear
programming. Rules 1 and 2 move a number by looking at public numbers alone, so that the moving tells nothing either:

1. The rounded number is at least the least that bands already show (`rounded_reports`). Otherwise 24 reports, of which
   the bands show 20 at least and rounding says 'at most 24' and, were it 20 exactly, the reader would know all others.
2. The rounded share leaves room for ``hidden`` reports more than the bands show (`rounded_percent`).
3. Categories are listed only if their bands leave that room, with a step to spare (`may_list`), and if the squares have room
   for all that they say while any hidden one holds nothing, in the quarter as in the period (`needed`). Otherwise three cells
   in the lowest band that hold a category of 10-19 would hold two reports each at least.

What several windows, hot spots and earlier releases say together is solved by `disclosure` before a release is made. Not
covered: that a theme with too few reports to test ('too few to tell') has fewer than the test asks for.
"""

from __future__ import annotations

import math

import pandas as pd

from tensionmap.protect.aggregate import BAND_STARTS
from tensionmap.tables import BANDS

PERCENT_STEP = 5


def ends(bands: pd.Series, *, fewest: int) -> pd.DataFrame:
    """What a reader knows of the counts behind ``bands``: columns ``low`` and ``high`` (the highest band has no end)."""
    starts = pd.Series([0, *(max(start, fewest) for start in BAND_STARTS[1:])], index=list(BANDS), dtype="float64")
    stops = pd.Series([fewest - 1, *(start - 1 for start in BAND_STARTS[2:]), math.inf], index=list(BANDS), dtype="float64")
    return pd.DataFrame({"low": bands.map(starts), "high": bands.map(stops)}, index=bands.index, dtype="float64")


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


def needed(least: float, most_sensitive: float, *, rounded: int, percent: int, fewest: int) -> float:
    """How many reports must have a place, if ordinary categories hold ``least`` and sensitive ones ``most_sensitive``."""
    without_place = max(rounded - fewest, 0) * percent / 100
    return max(least, rounded - fewest - most_sensitive) - without_place
