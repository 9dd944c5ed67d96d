"""The same event told by two sources: which reports belong together, so that an event can be counted once."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import KDTree

DAYS = 1
APART_M = 300.0
FURTHEST_M = 5000.0
LONGEST_DAYS = 7

_EXACT = ("gps", "settlement")
_STANDING = ["location_precision_m", "source", "record_id"]


def assign_events(incidents: gpd.GeoDataFrame, *, days: int = DAYS, apart_m: float = APART_M) -> pd.Series:
    """For every report the ``incident_id`` of the report that stands for its event; reports of one event share it.

    Parameters
    ----------
    incidents
        Table INCIDENTS without ``event_id`` (points in a metric CRS); nothing is changed in it.
    days
        Days that two sources may differ by on when it happened, over what their dates leave open.
    apart_m
        Metres that two tellers may differ by on where it happened, over what the precision of their places leaves open: one
        stands at the gate, the other at the house. The precision of a GPS fix knows nothing of that.

    Returns
    -------
    Series
        Text ``event_id``, index of ``incidents``, never empty. A report of an event of its own has its own ``incident_id``.
        The report with the most precise place stands for an event; ties are settled by source and record.

    Notes
    -----
    Two reports *may* tell of one event if they come from different sources, agree on the category (and so on theme and tier),
    their spans of days overlap or lie at most ``days`` apart, and their points lie at most the two radii + ``apart_m`` apart,
    never more than ``FURTHEST_M``. Reports that `is_undecided` are never joined.

    Possible pairs are joined from the best: the least sum of (metres apart / metres allowed) and (days between the middles
    of the spans / days allowed), ties by the reports that would stand for the event. Groups are joined only if each report of
    one may tell of the same event as each report of the other, so an event has at most one report of a source, and a chain
    of nearly equal reports does not grow into one event. The order of the rows does not matter.

    *What it does not show.* Nothing is read but place, day and category: two thefts in one village on one day, each told by
    one source, become one, and an event that the sources call by different categories stays two. One source that tells of an
    event twice is not seen. ``bench/duplicates.py`` prints how often each happens in the example study.

    References
    ----------
    Fellegi, I. P. and Sunter, A. B. (1969). A theory for record linkage. Journal of the American Statistical Association 64.
    https://doi.org/10.1080/01621459.1969.10501049
    """
    exact = incidents[~is_undecided(incidents)].sort_values(_STANDING)
    ids = exact["incident_id"].to_numpy()
    stands = dict(zip(ids, ids[_standing(_possible_pairs(exact, days=days, apart_m=apart_m), len(exact))], strict=True))
    return incidents["incident_id"].map(lambda own: stands.get(own, own)).astype("str").rename("event_id")


def is_undecided(incidents: gpd.GeoDataFrame) -> pd.Series:
    """Reports too imprecise to be shown to tell of the same event as another; each counts as an event of its own.

    Known by less than a settlement, or only to a span of more than ``LONGEST_DAYS`` days. Truth, index of ``incidents``.
    """
    is_placed = incidents["location_kind"].isin(_EXACT) & incidents.geometry.notna()
    length = incidents["date_end"] - incidents["date_start"]
    return ~is_placed | (length >= pd.Timedelta(LONGEST_DAYS, unit="D"))


def duplicates_in_words(incidents: gpd.GeoDataFrame) -> list[str]:
    """What was joined and what was left undecided, in sentences without content; ``incidents`` has ``event_id``."""
    reports = incidents.groupby("event_id").size()
    told, undecided = int((reports > 1).sum()), int(is_undecided(incidents).sum())
    notes = [f"{told} events are told by more than one source; all {reports[reports > 1].sum()} reports are kept"] if told else []
    if undecided:
        notes.append(f"{undecided} reports know place or day too little to tell whether another source tells of the same event")
    return notes


def _possible_pairs(exact: gpd.GeoDataFrame, *, days: int, apart_m: float) -> NDArray[np.intp]:
    """Positions in ``exact`` of every two reports that may tell of one event, the likeliest first; the smaller in front."""
    if exact.empty:
        return np.empty((0, 2), dtype=np.intp)
    easting, northing = exact.geometry.x.to_numpy(), exact.geometry.y.to_numpy()
    radius = exact["location_precision_m"].to_numpy(dtype=float)
    first_day, last_day = (exact[name].to_numpy().astype("datetime64[D]").astype(float) for name in ("date_start", "date_end"))
    middle, half = (first_day + last_day) / 2, (last_day - first_day) / 2
    kind = exact.groupby(["theme", "category", "tier"]).ngroup().to_numpy()
    source = exact["source"].to_numpy()

    # A box that holds every possible pair: one apart in each direction; categories lie two apart.
    reach_m = min(2 * radius.max() + apart_m, FURTHEST_M) + 1
    reach_days = 2 * half.max() + days + 1
    box = np.column_stack([easting / reach_m, northing / reach_m, middle / reach_days, 2 * kind])
    near = np.sort(KDTree(box).query_pairs(1, p=np.inf, output_type="ndarray"), axis=1)
    one, other = near[source[near[:, 0]] != source[near[:, 1]]].T

    allowed_m = np.minimum(radius[one] + radius[other] + apart_m, FURTHEST_M)
    allowed_days = half[one] + half[other] + days
    far = np.hypot(easting[one] - easting[other], northing[one] - northing[other]) / np.maximum(allowed_m, 1)
    late = np.abs(middle[one] - middle[other]) / np.maximum(allowed_days, 0.5)
    is_possible = (far <= 1) & (late <= 1)
    one, other, apart = one[is_possible], other[is_possible], (far + late)[is_possible]
    return np.column_stack([one, other])[np.lexsort([other, one, apart])]


def _standing(pairs: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """For each of ``count`` positions the first of its group; ``pairs`` are joined in order, if all of two groups fit."""
    possible = set(map(tuple, pairs.tolist()))
    groups = [[position] for position in range(count)]
    for one, other in pairs.tolist():
        mine, theirs = groups[one], groups[other]
        if all((min(a, b), max(a, b)) in possible for a in mine for b in theirs):
            mine.extend(theirs)
            for position in theirs:
                groups[position] = mine
    return np.array([min(group) for group in groups], dtype=np.intp)
