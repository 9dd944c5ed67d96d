"""The same event told twice: which reports belong together, so that an event can be counted once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tensionmap.compiled import compiled
from tensionmap.tables import VERIFICATIONS

DAYS = 1
APART_M = 300.0
LEAST_SCORE = 0.45
LISTED_SCORE = 0.3
LONGEST_DAYS = 7

MOST_ALIKE = 100_000
"""Reports of one family of categories and one source, above which none is looked for that was entered twice."""

TOLD_AGAIN = 0.1
"""Share of the reports of the source with fewer of them that the other source tells again: what is held before comparing."""

CALLED_OTHERWISE = 0.1
"""For each event that two sources call by one category, how many they call by two categories of a family."""

RATE_DAYS = 182
"""Days before and after a report, together a year, over which it is counted how often unrelated reports come."""

LEAST_WATCHED_DAYS = 90
"""A shorter study is taken to be so long: no rate can be read from a handful of days."""

FAMILIES = (
    ("theft", "livestock_theft", "burglary"),
    ("assault", "hooliganism"),
    ("domestic_violence", "sexual_violence", "child_violence"),
    ("irrigation_dispute", "drinking_water_dispute"),
    ("pasture_dispute", "forest_dispute", "land_dispute"),
    ("border_incident", "armed_clash", "intercommunal_clash", "youth_violence"),
    ("joint_repair", "mutual_aid"),
    ("agreement", "joint_meeting"),
)
"""Categories by which two sources may call one event, each in one family. Any other category is a family of its own."""

_EXACT = ("gps", "settlement")
_READ = [
    *("incident_id", "source", "record_id", "theme", "tier", "category", "date_start", "date_end"),
    *("location_kind", "location_precision_m", "geometry"),
]
_STANDING = ["location_precision_m", "source", "record_id"]
_SPREADS = 2.45  # 19 of 20 points of a round normal cloud lie within so many standard deviations of its middle.
SQUARE_M = 1000.0  # side of the squares by which near reports are found; a report with a wider radius is looked at each time

Wholes = NDArray[np.int64]
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Duplicates:
    """Which reports tell of one event, and every pair of reports that a person should look at.

    ``event_id``: text, for every report the ``incident_id`` of the report that stands for its event; index of the incidents.
    ``pairs``: ``incident_a`` < ``incident_b``, ``distance_m``, ``days_apart``, ``score``, ``is_one_source``, ``is_joined``;
    the likeliest first. ``notes``: counts in sentences, without content.
    """

    event_id: pd.Series
    pairs: pd.DataFrame
    notes: tuple[str, ...]


class _Reports(NamedTuple):
    """Reports in columns, by block and first day."""

    where: Numbers
    """Easting, northing, radius."""
    when: Wholes
    """First and last day."""
    what: Wholes
    """Block, category, and source within the block."""
    watched: Wholes
    """Days of the study in the year round the report."""
    key: Wholes
    """Sorted: source within the block, column and row of the square (0, 0: a radius wider than a square)."""
    shelf: Wholes
    """Positions of the reports in the order of ``key``."""
    corner: Numbers
    columns: int
    rows: int


def find_duplicates(
    incidents: gpd.GeoDataFrame, *, days: int = DAYS, apart_m: float = APART_M, least_score: float = LEAST_SCORE
) -> Duplicates:
    """The reports of one event share an ``event_id``; every pair that looks like one event is listed with its score.

    Parameters
    ----------
    incidents
        Table INCIDENTS without ``event_id`` (points in a metric CRS); nothing is changed in it.
    days
        Days that two tellings may differ by on when it happened, over what their dates leave open.
    apart_m
        Metres within which 19 of 20 second tellings of an event lie, over what the precision of their places leaves open: one
        stands at the gate, the other at the house. The precision of a GPS fix knows nothing of that.
    least_score
        Score, above 0 and at most 1, from which two sources' reports are joined.

    Returns
    -------
    Duplicates
        A report of an event of its own has its own ``incident_id``. The report with the most precise place stands for an
        event; ties are settled by source and record. Pairs are listed from ``LISTED_SCORE`` (or ``least_score``, if less).

    Notes
    -----
    Two reports *may* tell of one event if they agree on theme, on being sealed or not, and on the family of their categories
    (``FAMILIES``), their spans of days overlap or lie at most ``days`` apart, and their points lie at most the two radii +
    ``apart_m`` apart. A report without a place has no pair. The score weighs, as Fellegi and Sunter do, how often the reports
    of one event would differ so much against how often unrelated reports differ as little::

        score = agreement / (agreement + chance / TOLD_AGAIN)
        agreement = exp(-(distance / spread)^2 / 2), times CALLED_OTHERWISE if the categories differ
        spread^2 = (radius^2 + radius^2) / 4 + (apart_m / 2.45)^2

    ``chance`` is how many unrelated reports of the other's source one report would find this near (in spreads) and this few
    days away, in the same category (or, if these differ, family), at the rate of the year round the report; of the two
    reports' answers the greater. So the score rises the nearer two reports are in place and time, is higher for the same
    category, and falls where reports are many: where thefts are told every day, two on one day in one town show nothing.

    Joined are reports of *different* sources of at least ``least_score`` that are not `is_undecided`, from the best pair; ties
    by the reports that would stand for the event. Groups are joined only if each report of one may be joined to each of the
    other, so an event has at most one report of a source, and a chain does not grow into one event. Two reports of one
    source, and reports too imprecise, are listed for a person and never joined. The order of the rows does not matter, and
    sealed reports have no influence on others.

    *What it does not show.* Nothing is read but place, day and category: two thefts in one village on one day, each told by
    one source, can become one. Unrelated reports are taken to come evenly over the year, so where many events happen within
    a day, as in a clash along a border, scores are too high. ``bench/duplicates.py`` prints how often each happens in invented
    valleys; there, the scores of joined pairs are rather too low than too high.

    References
    ----------
    Fellegi, I. P. and Sunter, A. B. (1969). A theory for record linkage. Journal of the American Statistical Association 64.
    https://doi.org/10.1080/01621459.1969.10501049
    """
    reports, crowded = _in_blocks(incidents)
    listed = _likely_pairs(_for_search(reports), days, apart_m, min(LISTED_SCORE, least_score))
    pairs = _described(reports, *listed)
    can_join = ~pairs["is_one_source"] & ~pairs["is_undecided"] & (pairs["score"] >= least_score)
    stands = _stands_for(reports, pairs[can_join])
    event_id = _event(incidents["incident_id"], stands)
    pairs["is_joined"] = can_join & (_event(pairs["incident_a"], stands) == _event(pairs["incident_b"], stands))
    pairs = pairs.sort_values(["score", "incident_a", "incident_b"], ascending=[False, True, True], ignore_index=True)
    notes = _in_words(Counter(stands.values()), pairs, int(is_undecided(incidents).sum()), crowded)
    return Duplicates(event_id, pairs.drop(columns=["one", "other", "is_undecided"]), notes)


def verified(incidents: gpd.GeoDataFrame, parties: Sequence[str]) -> pd.Series:
    """How far each report is confirmed by who tells of its event; what a report says of itself is never lowered.

    Parameters
    ----------
    incidents
        Table INCIDENTS with ``event_id``, ``reported_by`` and ``verification`` as the source states it.
    parties
        The parties of the study. 'community' and 'outside' are no party.

    Returns
    -------
    Series
        ``verification``, index of ``incidents``: 'both_sides' if at least two parties tell of the event, 'one_side' if one
        does (whoever else does), else 'unverified'; but 'official', or whatever is stronger, where the report says so.

    Notes
    -----
    *What it does not show.* That both sides tell of an event says nothing about whether they agree on what happened.
    """
    side = incidents["reported_by"].where(incidents["reported_by"].isin(list(parties)))
    told = side.groupby(incidents["event_id"]).transform("nunique").clip(upper=VERIFICATIONS.index("both_sides"))
    own = incidents["verification"].map({word: rank for rank, word in enumerate(VERIFICATIONS)})
    strongest = np.maximum(own.to_numpy(dtype=np.intp), told.to_numpy(dtype=np.intp))
    return pd.Series(np.array(VERIFICATIONS)[strongest], index=incidents.index, dtype="str", name="verification")


def is_undecided(incidents: gpd.GeoDataFrame) -> pd.Series:
    """Reports too imprecise to be shown to tell of the same event as another; each counts as an event of its own.

    Known by less than a settlement, or only to a span of more than ``LONGEST_DAYS`` days. Truth, index of ``incidents``.
    """
    is_placed = incidents["location_kind"].isin(_EXACT) & incidents.geometry.notna()
    length = incidents["date_end"] - incidents["date_start"]
    return ~is_placed | (length >= pd.Timedelta(LONGEST_DAYS, unit="D"))


def _in_words(reports: Mapping[str, int], pairs: pd.DataFrame, undecided: int, crowded: int) -> tuple[str, ...]:
    """What was joined and what was left open, in sentences without content; ``reports``: event -> how many tell of it."""
    told = [count for count in reports.values() if count > 1]
    is_open = ~pairs["is_joined"]
    counted = (
        (len(told), f"events are told by more than one source; all {sum(told)} reports are kept"),
        (undecided, "reports know place or day too little to tell whether another source tells of the same event"),
        (crowded, "reports stand among so many alike ones of one source that events entered twice were not looked for"),
        (
            (is_open & ~pairs["is_one_source"]).sum(),
            "pairs of reports of two sources may tell of one event; they were not joined and are listed in same_event",
        ),
        (
            pairs["is_one_source"].sum(),
            "pairs of reports of one source may be one event entered twice; they were not joined and are listed in same_event",
        ),
    )
    return tuple(f"{count} {what}" for count, what in counted if count)


def _in_blocks(incidents: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, int]:
    """The reports with a place, one behind another those that may belong together, by their first day; how many were left out.

    Left out are more than ``MOST_ALIKE`` alike reports that one source alone tells: they cannot be joined, and to look for those
    entered twice would take hours and show nothing.
    """
    placed = incidents.loc[incidents.geometry.notna() & (incidents["location_kind"] != "none"), _READ]
    family = {category: family[0] for family in FAMILIES for category in family}
    placed = placed.assign(
        is_sealed=placed["tier"] == "S",
        family=placed["category"].map({name: family.get(name, name) for name in placed["category"].unique()}),
    )
    placed = placed.assign(block=placed.groupby(["theme", "is_sealed", "family"]).ngroup())
    of_block = placed.groupby("block")["source"].agg(["size", "nunique"])
    crowded = placed["block"].isin(of_block.index[(of_block["size"] > MOST_ALIKE) & (of_block["nunique"] == 1)])
    placed = placed[~crowded]
    order = np.lexsort([placed["date_end"], placed["date_start"], placed["block"]])
    return placed.iloc[order].reset_index(drop=True), int(crowded.sum())


def _for_search(reports: gpd.GeoDataFrame) -> _Reports:
    """What the compiled search reads of every report, and where the reports of a source in a square are found."""
    where = np.column_stack([reports.geometry.x, reports.geometry.y, reports["location_precision_m"].to_numpy(dtype=float)])
    when = np.column_stack([_day_numbers(reports["date_start"]), _day_numbers(reports["date_end"])])
    what = np.column_stack(
        [reports["block"], pd.factorize(reports["category"])[0], reports.groupby(["block", "source"]).ngroup()]
    )
    days = pd.DataFrame(when).groupby([reports["theme"], reports["is_sealed"]])
    begin, end = days[0].transform("min").to_numpy(), days[1].transform("max").to_numpy()
    watched = np.minimum(when[:, 0] + RATE_DAYS, end) - np.maximum(when[:, 0] - RATE_DAYS, begin) + 1
    corner = where[:, :2].min(axis=0, initial=np.inf)
    square = ((where[:, :2] - corner) // SQUARE_M).astype(np.int64) + 1
    square[where[:, 2] > SQUARE_M] = 0
    columns, rows = square.max(axis=0, initial=0) + 1
    key = (what[:, 2] * columns + square[:, 0]) * rows + square[:, 1]
    shelf = np.argsort(key, kind="stable")
    lowest = np.maximum(watched, LEAST_WATCHED_DAYS)
    return _Reports(where, when, what.astype(np.int64), lowest, key[shelf], shelf, corner, int(columns), int(rows))


def _day_numbers(dates: pd.Series) -> Wholes:
    numbers: Wholes = dates.to_numpy().astype("datetime64[D]").astype(np.int64)
    return numbers


@compiled
def _square_m2(where: Any, a: int, b: int) -> Any:
    return (where[a, 0] - where[b, 0]) ** 2 + (where[a, 1] - where[b, 1]) ** 2


@compiled
def _spread_m2(one_m: float, other_m: float, told_m: float) -> float:
    """A place within a radius lies half of it off, in each direction."""
    return max((one_m**2 + other_m**2) / 4 + told_m**2, 1.0)


@compiled
def _far(where: Any, a: int, b: int, told_m: float) -> Any:
    """Square of the distance in spreads."""
    return _square_m2(where, a, b) / _spread_m2(where[a, 2], where[b, 2], told_m)


@compiled
def _chance(reports: _Reports, a: int, b: int, told_m: float, most: float) -> float:
    """Reports of the source of ``b`` that ``a`` would find as near as ``b`` by chance; counting stops above ``most``."""
    where, watched = reports.where, reports.watched
    reach_m = np.sqrt(_far(where, a, b, told_m) * _spread_m2(where[a, 2], SQUARE_M, told_m)) + 1
    west = max(int((where[a, 0] - reach_m - reports.corner[0]) // SQUARE_M) + 1, 1)
    east = min(int((where[a, 0] + reach_m - reports.corner[0]) // SQUARE_M) + 1, reports.columns - 1)
    south = max(int((where[a, 1] - reach_m - reports.corner[1]) // SQUARE_M) + 1, 1)
    north = min(int((where[a, 1] + reach_m - reports.corner[1]) // SQUARE_M) + 1, reports.rows - 1)
    first = reports.what[b, 2] * reports.columns
    days = _days_in(reports, a, b, told_m, first * reports.rows, first * reports.rows, most)
    for column in range(first + west, first + east + 1):
        if days > most * watched[a]:
            break
        days += _days_in(reports, a, b, told_m, column * reports.rows + south, column * reports.rows + north, most)
    return float(days / watched[a])


@compiled
def _days_in(reports: _Reports, a: int, b: int, told_m: float, low: int, high: int, most: float) -> int:
    """Days on which the reports on some shelves might have happened to be as near to ``a`` in time as ``b`` is."""
    where, when, what, watched = reports.where, reports.when, reports.what, reports.watched
    far = _far(where, a, b, told_m)
    gap = max(when[b, 0] - when[a, 1], when[a, 0] - when[b, 1], 0)
    length = when[a, 1] - when[a, 0] + 1 + 2 * gap
    is_same = what[a, 1] == what[b, 1]
    days = 0
    for at in range(np.searchsorted(reports.key, low), np.searchsorted(reports.key, high + 1)):
        c = reports.shelf[at]
        is_like = c != a and (what[c, 1] == what[b, 1] or not is_same) and abs(when[c, 0] - when[a, 0]) <= RATE_DAYS
        if is_like and _far(where, a, c, told_m) <= far:
            # Whole days, so that the sum is the same in every order.
            days += length + when[c, 1] - when[c, 0]
            if days > most * watched[a]:
                break
    return days


@compiled
def _score(reports: _Reports, a: int, b: int, told_m: float, least: float) -> float:
    """Score of two reports, or 0 if it is less than ``least``."""
    agreement = np.exp(-_far(reports.where, a, b, told_m) / 2)
    if reports.what[a, 1] != reports.what[b, 1]:
        agreement *= CALLED_OTHERWISE
    most = agreement * (1 / least - 1) * TOLD_AGAIN
    chance = 1 / max(reports.watched[a], reports.watched[b])
    if chance <= most:
        chance = _chance(reports, a, b, told_m, most)
    if chance <= most:
        chance = max(chance, _chance(reports, b, a, told_m, most))
    return float(agreement / (agreement + chance / TOLD_AGAIN)) if chance <= most else 0.0


@compiled
def _likely_pairs(reports: _Reports, days: int, apart_m: float, least: float) -> tuple[Any, Any, Any]:
    """Positions of every two reports that may be one event, with a score of at least ``least``.

    A score means that few reports are as near, so no report has many such pairs, however many there are.
    """
    where, when, what = reports.where, reports.when, reports.what
    one, other, scores = [np.int64(0)], [np.int64(0)], [0.0]  # the first of each only tells the compiler the type
    for a in range(len(where)):
        for b in range(a + 1, len(where)):
            if what[b, 0] != what[a, 0] or when[b, 0] > when[a, 1] + days:
                break
            if _square_m2(where, a, b) <= (where[a, 2] + where[b, 2] + apart_m) ** 2:
                score = _score(reports, a, b, apart_m / _SPREADS, least)
                if score > 0:
                    one.append(np.int64(a))
                    other.append(np.int64(b))
                    scores.append(score)
    return np.array(one)[1:], np.array(other)[1:], np.array(scores)[1:]


def _described(reports: gpd.GeoDataFrame, one: Wholes, other: Wholes, score: Numbers) -> pd.DataFrame:
    """The pairs as a person reads them, and the positions in ``reports`` of the two."""
    told = reports.iloc[np.concatenate([one, other])]
    ids = told["incident_id"].to_numpy(dtype=object).reshape(2, -1).T
    (_, first_b), (last, _), (source, source_b), (undecided, undecided_b), (east, east_b), (north, north_b) = (
        np.split(column.to_numpy(), 2)
        for column in (
            *(told[name] for name in ("date_start", "date_end", "source")),
            *(is_undecided(told), told.geometry.x, told.geometry.y),
        )
    )
    apart = np.maximum(first_b - last, np.timedelta64(0)) // np.timedelta64(1, "D")
    return pd.DataFrame(
        {
            "incident_a": pd.array(ids.min(axis=1), dtype="str"),
            "incident_b": pd.array(ids.max(axis=1), dtype="str"),
            "distance_m": np.hypot(east - east_b, north - north_b).round(1),
            "days_apart": pd.array(apart.astype(np.int64), dtype="Int64"),
            "score": score.round(4),
            "is_one_source": source == source_b,
            "is_undecided": undecided | undecided_b,
            "one": one,
            "other": other,
        }
    )


def _stands_for(reports: gpd.GeoDataFrame, pairs: pd.DataFrame) -> dict[str, str]:
    """For each report of ``pairs`` the one that stands for its event."""
    told = reports.iloc[np.unique(pairs[["one", "other"]].to_numpy())].sort_values(_STANDING)
    rank = pd.Series(np.arange(len(told)), index=told.index)
    both = np.sort(np.column_stack([pairs["one"].map(rank), pairs["other"].map(rank)]).astype(np.int64), axis=1)
    keys = both[:, 0] * len(told) + both[:, 1]
    order = np.lexsort([keys, -pairs["score"].to_numpy()])
    ids = told["incident_id"].to_numpy()
    return dict(zip(ids, ids[_grouped(both[order], np.sort(keys), len(told))], strict=True))


def _event(incident_id: pd.Series, stands: dict[str, str]) -> pd.Series:
    is_told = incident_id.isin(list(stands))
    return incident_id.mask(is_told, incident_id[is_told].map(stands)).astype("str").rename("event_id")


@compiled
def _fit(one: int, other: int, after: Any, keys: Any) -> bool:
    """Whether each report of one group makes a possible pair with each of the other."""
    a = one
    while a >= 0:
        b = other
        while b >= 0:
            key = min(a, b) * len(after) + max(a, b)
            at = np.searchsorted(keys, key)
            if at == len(keys) or keys[at] != key:
                return False
            b = after[b]
        a = after[a]
    return True


@compiled
def _grouped(pairs: Any, keys: Any, count: int) -> Any:
    """For each of ``count`` positions the first of its group; ``pairs`` are joined in order, if all of two groups fit."""
    first, after = np.arange(count), np.full(count, -1)
    for number in range(len(pairs)):
        a, b = first[pairs[number, 0]], first[pairs[number, 1]]
        one, other = min(a, b), max(a, b)
        if one != other and _fit(one, other, after, keys):
            end = one
            while after[end] >= 0:
                end = after[end]
            after[end] = other
            while other >= 0:
                first[other] = one
                other = after[other]
    return first
