"""Space-time scan: where and when there was more than that place and that time, each taken alone, would bring.

For anybody with two columns of coordinates and a date. No population and no area is needed: the comparison is between the
incidents themselves. A village that always has many reports, and a summer in which every village has many, are both taken
as they are; what is looked for is the village *in* the summer, more than the two together explain.

    found = space_time_scan(easting, northing, day, seed=1)

The scan looks through cylinders: a circle of places, and an interval of days. Its p says how often dates dealt anew among the
incidents would bring a cylinder as unusual anywhere, at any time. With ``prospective=True`` only intervals that last until now
are looked through: is anything going on at present?
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from tensionmap.compiled import compiled
from tensionmap.errors import MeasureError
from tensionmap.measure import montecarlo
from tensionmap.measure.columns import are_dates, codes, places, whole_days
from tensionmap.measure.hotspots import FEWEST_REPORTS
from tensionmap.measure.montecarlo import shuffle
from tensionmap.streams import begin

Numbers = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Short = npt.NDArray[np.int32]
Single = npt.NDArray[np.float32]

# What the compiled loops see of Circles, World and Ladder: code that is kept on disk must not depend on classes.
Rings = tuple[Whole, Short, Short, Whole, Numbers]
Law = tuple[Numbers, Single, Numbers, Numbers, Numbers]
Limits = tuple[Whole, Whole, int, bool]
Rungs = tuple[Numbers, Whole, Whole]

_SAME_M = 1e-3
_RUNG = 0.5
_RUNGS = 60
# How much is looked at together: found by trying; only the time depends on it.
_GROUPS = 20
_TOGETHER = 3.0
_BITS = 2.0**32


def space_time_scan(
    easting: pd.Series | Numbers,
    northing: pd.Series | Numbers,
    day: pd.Series | Whole,
    *,
    max_radius_m: float = 10_000.0,
    max_share: float = 0.25,
    max_days: int | None = None,
    max_time_share: float = 0.25,
    step_days: int = 1,
    prospective: bool = False,
    fewest_cases: int = 2,
    strata: pd.Series | Whole | None = None,
    replicates: int = 999,
    stop_after: int | None = 50,
    alpha: float = 0.05,
    seed: int,
) -> pd.DataFrame:
    """Clusters in space and time, the strongest first, with p over all places and times looked at.

    Parameters
    ----------
    easting, northing
        Where each event was, in metres, projected CRS. Events with equal coordinates are at one place.
    day
        When: whole numbers of days counted from any day, or dates without time zone (hours are cut off).
    max_radius_m
        Greatest radius of a circle, in metres. Circles are drawn around each place that has an event.
    max_share
        Greatest share of all events, of any time, in a circle; 0 to 1. A place with more is in no circle.
    max_days
        Longest interval, in days. None: ``max_time_share`` of the days from the first to the last event.
    max_time_share
        See ``max_days``; 0 to 1. Not used if ``max_days`` is given.
    step_days
        Days that are counted together. Steps are laid from the last day back; the first one may be cut short.
    prospective
        Look only at intervals that last until the last day.
    fewest_cases
        Smallest number of events that may be called a cluster.
    strata
        Whole numbers that say which events may change dates with one another, for example the season of each, or the side that
        reported it. None: all.
    replicates, alpha, seed
        Deals of the dates to compare with; share of maps without interaction on which any cluster may be found; seed of all
        chance. The same seed gives the same bytes, in any order of rows and on any number of threads.
    stop_after
        Stop after so many deals that reach the strongest cluster: it cannot become rare any more. None: never.

    Returns
    -------
    DataFrame
        One row a cluster; no row if no cylinder has more than expected. No two clusters share a place at the same time.

        - ``cluster``: 1, 2, ...
        - ``easting``, ``northing``, ``radius_m``: centre and radius, up to the farthest place in it; 0 for one place.
        - ``date_from``, ``date_to``: first and last day, both included; whole numbers or dates, as ``day``.
        - ``cases``, ``expected``, ``ratio``: events in the cylinder; expected there if place and time had nothing to do with
          one another; the one by the other.
        - ``llr``: logarithm of the likelihood ratio.
        - ``p``: share of deals (and this map) whose strongest cluster is no weaker. The p of a second, third, ... cluster is
          too large rather than too small. NaN below 30 events.
        - ``p_gumbel``: the same by a Gumbel law, for p too small for ``replicates``; an approximation.
        - ``recurrence_interval_days``: only with ``prospective``, else NaN: ``step_days`` / ``p``. If the scan is run anew at
          each step, a cluster so strong comes up by chance about once in so many days.
        - ``members``: positions in the data of the events in the cylinder, a tuple.
        - ``verdict``: cluster if ``p`` <= ``alpha``, else none; too few to tell below 30 events.

    Raises
    ------
    MeasureError
        If dates are missing or no whole days, columns differ in length, a limit is out of range, or ``alpha`` cannot be reached
        with so few replicates.
    GeometryError
        If coordinates are missing or infinite.

    Notes
    -----
    *Expected.* With C events, of which C_z are in the circle and C_t in the interval, C_z C_t / C are expected in the cylinder.
    With strata this is added up over them. No figure about residents is used.

    *Statistic.* For c cases and mu expected, c > mu: c log(c / mu) + (C - c) log((C - c) / (C - mu)). The law is only a
    measure of how unusual a cylinder is: p comes from the deals, which leave the number at each place and on each day as they
    are. Of maps on which dates are independent of places within the strata, at most the share ``alpha`` has any cluster,
    exactly, whatever the pattern in space and the pattern in time.

    *Cylinders.* Each circle holds all places up to some distance from its centre; places equally far (to a millimetre) come
    in together. Intervals are whole steps. Those that begin or end on a day without an event in the circle are passed over:
    there is always a shorter one with as many cases. The strongest cylinder around each centre is kept, then of those that
    share a place at the same time only the strongest. So a second cluster at a place, at another time, is told of only if it is
    the strongest around some centre.

    *What it does not show.* More than usual *for that place*, not more than elsewhere: a place that is always bad is no
    cluster. Nothing about why. If a side starts or stops reporting, or a village is cut off or newly settled, its reports change
    over time unlike those elsewhere, and that is a cluster too: use ``strata`` (the side that reported), or shorter periods.
    Events told twice and reports put on one village's point on one day are clusters: take duplicates out first.

    *Speed.* The expected number of a cylinder is the same in every deal. Circles around a centre are looked through many at a
    time: if no interval that holds as many events as in the largest of them, and as few expected as in the smallest, is
    stronger than the best cylinder so far, none of them has to be opened. Intervals are taken together by their number of
    events likewise. Nothing is missed. The time grows with the replicates, the centres, and the events in a circle.

    References
    ----------
    Kulldorff, M., Heffernan, R., Hartman, J., Assuncao, R. and Mostashari, F. (2005). A space-time permutation scan statistic
    for disease outbreak detection. PLOS Medicine 2. https://doi.org/10.1371/journal.pmed.0020059

    Kleinman, K., Abrams, A., Kulldorff, M. and Platt, R. (2005). A model-adjusted space-time scan statistic with an
    application to syndromic surveillance. Epidemiology and Infection 133. https://doi.org/10.1017/S0950268804003528

    Besag, J. and Clifford, P. (1991). Sequential Monte Carlo p-values. Biometrika 78. https://doi.org/10.1093/biomet/78.2.301

    Examples
    --------
    Six villages with an event every ten days, and one more village with six events in one week of its own:

    >>> village = np.append(np.arange(60) % 6, np.full(6, 6))
    >>> day = np.append(np.arange(60) // 6 * 10, [42, 43, 44, 45, 46, 47])
    >>> found = space_time_scan(20_000.0 * village, np.zeros(66), day, seed=1)
    >>> found.loc[found.verdict == "cluster", ["easting", "date_from", "date_to", "cases", "expected", "p"]]
        easting  date_from  date_to  cases  expected      p
    0  120000.0         42       47      6  0.545455  0.001
    """
    montecarlo.check_chance(replicates=replicates, alpha=alpha, seed=seed)
    _check_limits(max_radius_m, max_share, max_time_share, max_days, step_days, fewest_cases, stop_after)
    events = Events.of(easting, northing, day, strata=strata, step_days=step_days)
    longest = events.steps_of(max_days, max_time_share)
    circles = events.circles(max_radius_m, max_share)
    scan = Scan.of(events, circles, longest=longest, is_prospective=prospective, fewest_cases=fewest_cases)

    found = scan.clusters()
    found["p"] = found["p_gumbel"] = np.nan
    found["recurrence_interval_days"] = np.nan
    found["members"] = found.pop("members")
    found["verdict"] = pd.array(np.full(len(found), "too few to tell", dtype=object), dtype="str")
    if len(found) == 0 or events.place.size < FEWEST_REPORTS:
        return found
    strength = found["llr"].to_numpy()
    maxima = montecarlo.rarest_of_maps(
        lambda first, last: scan.greatest(first, last, seed), replicates, observed=strength[0], stop_after=stop_after
    )
    found["p"] = montecarlo.p_value(strength, maxima, replicates=replicates)
    found["p_gumbel"] = montecarlo.gumbel_p(strength, maxima)
    if prospective:
        found["recurrence_interval_days"] = step_days / found["p"]
    found["verdict"] = pd.array(np.where(found["p"] <= alpha, "cluster", "none"), dtype="str")
    return found


@dataclass(frozen=True)
class Events:
    """Events place by place, from south to north: an order of places that does not depend on the rows of a table."""

    order: Whole
    """Position in the data of the first, second, ... event."""
    easting: Numbers
    northing: Numbers
    """Of each place."""
    place: Whole
    step: Whole
    stratum: Whole
    """Of each event: its place, its step of time, its stratum, all counted from 0."""
    last_day: int
    step_days: int
    is_dated: bool
    """Whether days came as dates."""
    first_day: int

    @classmethod
    def of(
        cls,
        easting: pd.Series | Numbers,
        northing: pd.Series | Numbers,
        day: pd.Series | Whole,
        *,
        strata: pd.Series | Whole | None,
        step_days: int,
    ) -> Events:
        """Events of three columns, checked."""
        east, north = places(easting, northing)
        days, stratum = whole_days(day, east.size), codes(strata, east.size)
        if east.size == 0:
            raise MeasureError("There are no events, so nothing can be found. Check the table and its filter.")
        spots, place = np.unique(np.column_stack([north, east]), axis=0, return_inverse=True)
        # Steps are counted from the last day back, so that the newest one is whole.
        back = (days.max() - days) // step_days
        step = back.max() - back
        order = np.argsort(place.ravel(), kind="stable")
        return cls(
            order=order,
            easting=spots[:, 1],
            northing=spots[:, 0],
            place=place.ravel()[order],
            step=step[order],
            stratum=stratum[order],
            last_day=int(days.max()),
            first_day=int(days.min()),
            step_days=step_days,
            is_dated=are_dates(day),
        )

    @property
    def steps(self) -> int:
        """Steps of time from the first event to the last."""
        return int(self.step.max()) + 1

    def steps_of(self, max_days: int | None, max_time_share: float) -> int:
        """Steps of the longest interval; at least one."""
        longest = int(self.steps * max_time_share + 1e-9) if max_days is None else max_days // self.step_days
        return max(1, min(longest, self.steps))

    def circles(self, max_radius_m: float, max_share: float) -> Circles:
        """All circles of places around every place."""
        events = np.bincount(self.place, minlength=self.easting.size)
        most = int(max_share * self.place.size + 1e-9)
        parts = montecarlo.share_out(
            lambda first, last: _circles(first, last, self.easting, self.northing, events, max_radius_m + _SAME_M, most),
            self.easting.size,
        )
        begins = np.concatenate([[0], np.cumsum(np.concatenate([part[0] for part in parts]))])
        near, away, ring = (np.concatenate([part[k] for part in parts]) for k in (1, 2, 3))
        strata = int(self.stratum.max()) + 1
        held = np.bincount(self.place * strata + self.stratum, minlength=events.size * strata).reshape(-1, strata)
        inside = _inside(begins, near, ring, held)
        return Circles(begins, near, away, ring, inside, np.rint(inside.sum(axis=1)).astype(np.int64))

    def dates(self, step: Whole, *, is_end: bool) -> Any:
        """First or last day of each step, as the days came."""
        back = (self.steps - 1 - step) * self.step_days
        days = self.last_day - back if is_end else np.maximum(self.last_day - back - self.step_days + 1, self.first_day)
        return days.astype("datetime64[D]").astype("datetime64[s]") if self.is_dated else days


@dataclass(frozen=True)
class Circles:
    """Circles around each centre, one an entry: its places, in order of their distance, up to this one."""

    begins: Whole
    """Centre k owns the entries ``begins[k]`` to ``begins[k + 1]``."""
    near: Short
    away: Numbers
    """Place, and its distance from the centre in metres."""
    ring: Short
    """The first entry, counted from the centre, that is equally far; its whole ring belongs to the circle."""
    inside: Numbers
    """Events in the circle (row) in each stratum (column)."""
    size: Whole
    """Events in the circle."""


@dataclass(frozen=True)
class World:
    """What all deals have in common, for the compiled loops. Events stand stratum by stratum."""

    place: Whole
    """Place of each event."""
    runs: Whole
    """Where each stratum begins among the events."""
    when: Whole
    """The steps of time that have any event: the moments."""
    before: Numbers
    """Events of each stratum (row) before each moment (column, one more than there are moments)."""
    counted: Single
    """The same in single precision, for bounds."""
    totals: Numbers
    quietest: Numbers
    busiest: Numbers
    """Events of each stratum, fewest of them in any moment, and most in any interval that is not too long."""
    longest: int
    """Steps of the longest interval."""
    is_prospective: bool


@dataclass(frozen=True)
class Ladder:
    """How few events may be expected at most for so many cases to be as strong as each rung of the statistic."""

    most: Numbers
    """Row: rung; column: cases."""
    first: Whole
    last: Whole
    """Groups of numbers of cases that are looked at together."""


@dataclass(frozen=True)
class Scan:
    """All cylinders to look through, and how."""

    events: Events
    circles: Circles
    world: World
    ladder: Ladder
    observed: Whole
    """Moment of each event, stratum by stratum."""

    @classmethod
    def of(cls, events: Events, circles: Circles, *, longest: int, is_prospective: bool, fewest_cases: int) -> Scan:
        """Cylinders over ``circles``, no longer than ``longest`` steps."""
        when, moment = np.unique(events.step, return_inverse=True)
        strata = int(events.stratum.max()) + 1
        counts = np.bincount(events.stratum * when.size + moment, minlength=strata * when.size).reshape(strata, -1)
        before = np.concatenate([np.zeros((strata, 1)), np.cumsum(counts, axis=1)], axis=1)
        beyond = np.searchsorted(when, when + longest)
        totals = before[:, -1]
        by_stratum = np.argsort(events.stratum, kind="stable")
        world = World(
            place=events.place[by_stratum],
            runs=np.concatenate([[0], np.cumsum(totals.astype(np.int64))]),
            when=when,
            before=before,
            counted=before.astype(np.float32),
            totals=totals.copy(),
            quietest=np.diff(before, axis=1).min(axis=1),
            busiest=(before[:, beyond] - before[:, :-1]).max(axis=1),
            longest=longest,
            is_prospective=is_prospective,
        )
        ladder = _ladder(int(circles.size.max(initial=1)), fewest_cases, float(totals.sum()))
        return cls(events, circles, world, ladder, moment[by_stratum])

    @property
    def _tables(self) -> tuple[Rings, Law, Limits, Rungs]:
        circles, world, ladder = self.circles, self.world, self.ladder
        return (
            (circles.begins, circles.near, circles.ring, circles.size, circles.inside),
            (world.before, world.counted, world.totals, world.quietest, world.busiest),
            (world.place, world.when, world.longest, world.is_prospective),
            (ladder.most, ladder.first, ladder.last),
        )

    def greatest(self, first: int, last: int, seed: int) -> Numbers:
        """The greatest statistic of each of the deals first, ..., last - 1."""
        # No deal knows which dates were whose: within a stratum they begin sorted.
        stratum = np.repeat(np.arange(self.world.totals.size), np.diff(self.world.runs))
        moments = self.observed[np.lexsort((self.observed, stratum))]
        return _greatest(first, last, np.uint64(seed), moments, self.world.runs, *self._tables)

    def clusters(self) -> pd.DataFrame:
        """The strongest cylinder around each centre; of those that share a place the strongest."""
        centres = self.events.easting.size
        strength, figures = np.zeros(centres), np.zeros((centres, 4), np.int64)
        _look(self.observed, *self._tables, True, strength, figures)
        ranked = np.argsort(-strength, kind="stable")[: np.count_nonzero(strength)]
        kept = self._apart(ranked, figures)
        entries, begun, ended, cases = figures[kept].T
        inside, before, totals = self.circles.inside[entries], self.world.before, self.world.totals
        expected = (inside * (before[:, ended + 1] - before[:, begun]).T / totals).sum(axis=1)
        return pd.DataFrame(
            {
                "cluster": np.arange(1, kept.size + 1),
                "easting": self.events.easting[kept],
                "northing": self.events.northing[kept],
                "radius_m": [self._radius_m(centre, figures[centre, 0]) for centre in kept],
                "date_from": self.events.dates(self.world.when[begun], is_end=False),
                "date_to": self.events.dates(self.world.when[ended], is_end=True),
                "cases": cases,
                "expected": expected,
                "ratio": cases / expected,
                "llr": strength[kept],
                "members": pd.Series([self._members(centre, figures[centre]) for centre in kept], dtype=object),
            }
        )

    def _apart(self, ranked: Whole, figures: Whole) -> Whole:
        """Centres of the cylinders that share no place at the same time with a stronger one that is kept."""
        kept = list[int]()
        taken = list[tuple[int, int, set[int]]]()
        for centre in ranked:
            entry, begun, ended, _ = figures[centre]
            places = set(self._places(centre, entry).tolist())
            if not any(begun <= last and first <= ended and not places.isdisjoint(others) for first, last, others in taken):
                kept.append(centre)
                taken.append((begun, ended, places))
        return np.array(kept, np.int64)

    def _entries(self, centre: int, entry: int) -> Whole:
        """Entries of the places in a circle."""
        begin, end = self.circles.begins[centre : centre + 2]
        entries: Whole = begin + np.flatnonzero(self.circles.ring[begin:end] <= self.circles.ring[entry])
        return entries

    def _places(self, centre: int, entry: int) -> Short:
        return self.circles.near[self._entries(centre, entry)]

    def _radius_m(self, centre: int, entry: int) -> float:
        return float(self.circles.away[self._entries(centre, entry)].max())

    def _members(self, centre: int, figures: Whole) -> tuple[int, ...]:
        first, last = self.world.when[figures[1:3]]
        is_in = np.isin(self.events.place, self._places(centre, figures[0]))
        is_in &= (self.events.step >= first) & (self.events.step <= last)
        return tuple(np.sort(self.events.order[is_in]).tolist())


def _ladder(most_events: int, fewest_cases: int, total: float) -> Ladder:
    first = [fewest_cases]
    while first[-1] + 1 + first[-1] // _GROUPS <= most_events:
        first.append(first[-1] + 1 + first[-1] // _GROUPS)
    starts = np.array(first, np.int64)
    most = _most_expected(_RUNG * np.arange(_RUNGS, dtype=np.float64), most_events, fewest_cases, total)
    return Ladder(most, starts, np.append(starts[1:] - 1, most_events))


@compiled
def _llr(cases: float, expected: float, total: float) -> float:
    """The statistic; without its last bits, so that equal ones stay equal however the expected number was added up."""
    ratio = cases * np.log(cases / expected)
    if cases < total:
        ratio += (total - cases) * np.log((total - cases) / (total - expected))
    return float(np.rint(ratio * _BITS)) / _BITS


@compiled
def _most_expected(levels: Numbers, most_events: int, fewest_cases: int, total: float) -> Numbers:
    """Most that may be expected if so many cases (column) shall reach a level (row); rounded up, -1 if they never do."""
    most = np.full((levels.size, most_events + 1), -1.0)
    for rung in range(levels.size):
        for cases in range(fewest_cases, most_events + 1):
            low, high = 0.0, np.float64(cases)
            for _ in range(50):
                middle = 0.5 * (low + high)
                if middle > 0.0 and _llr(cases, middle, total) < levels[rung] - 1e-6:
                    high = middle
                else:
                    low = middle
            most[rung, cases] = high * (1.0 + 1e-9)
    return most


@compiled
def _circles(
    first: int, last: int, easting: Numbers, northing: Numbers, events: Whole, reach: float, most_events: int
) -> tuple[Whole, Short, Numbers, Short]:
    """Entries of the centres first, ..., last - 1: how many, and of each the place, how far it is, and its ring."""
    sizes = np.zeros(last - first, np.int64)
    near, away, ring = np.empty(1024, np.int32), np.empty(1024, np.float64), np.empty(1024, np.int32)
    distance, found_at = np.empty(easting.size), np.empty(easting.size, np.int64)
    filled = 0
    for centre in range(first, last):
        found = 0
        for place in range(easting.size):
            metres = np.hypot(easting[place] - easting[centre], northing[place] - northing[centre])
            if metres <= reach:
                distance[found], found_at[found] = metres, place
                found += 1
        order = np.argsort(distance[:found], kind="mergesort")
        begun, held = filled, 0
        for rank in range(found):
            place, metres = found_at[order[rank]], distance[order[rank]]
            if filled == near.size:
                near, away, ring = np.append(near, near), np.append(away, away), np.append(ring, ring)
            is_tie = rank > 0 and metres - distance[order[rank - 1]] <= _SAME_M
            near[filled], away[filled] = place, metres
            ring[filled] = ring[filled - 1] if is_tie else filled - begun
            held += events[place]
            if held > most_events:
                # Places that are equally far come in together or not at all.
                filled = begun + ring[filled]
                break
            filled += 1
        sizes[centre - first] = filled - begun
    return sizes, near[:filled].copy(), away[:filled].copy(), ring[:filled].copy()


@compiled
def _inside(begins: Whole, near: Short, ring: Short, held: Whole) -> Numbers:
    """Events of each stratum in the circle of each entry, its whole ring included."""
    inside = np.zeros((near.size, held.shape[1]))
    for centre in range(begins.size - 1):
        for entry in range(begins[centre], begins[centre + 1]):
            inside[entry] = held[near[entry]]
            if entry > begins[centre]:
                inside[entry] += inside[entry - 1]
        for entry in range(begins[centre + 1] - 2, begins[centre] - 1, -1):
            if ring[entry] == ring[entry + 1]:
                inside[entry] = inside[entry + 1]
    return inside


@compiled
def _greatest(
    first: int, last: int, seed: np.uint64, moments: Whole, runs: Whole, rings: Rings, law: Law, limits: Limits, rungs: Rungs
) -> Numbers:
    """The greatest statistic of each of the deals first, ..., last - 1 of the ``moments``."""
    greatest = np.zeros(last - first)
    strength, figures = np.zeros(1), np.zeros((1, 4), np.int64)
    for replicate in range(first, last):
        dealt = moments.copy()
        shuffle(begin(seed, replicate), dealt, runs)
        strength[0] = 0.0
        _look(dealt, rings, law, limits, rungs, False, strength, figures)
        greatest[replicate - first] = strength[0]
    return greatest


@compiled
def _look(
    dealt: Whole,
    rings: Rings,
    law: Law,
    limits: Limits,
    rungs: Rungs,
    each: bool,
    strength: Numbers,
    figures: Whole,
) -> None:
    """Greatest statistic around ``each`` centre, or around all, and its entry, first and last moment, and cases.

    Circles around a centre are gone through from the largest down, many at a time: all of them hold no more than the events
    of the largest, and expect no less than the smallest. If no interval with so many events and so few expected is strong
    enough, none of these circles has one. Else fewer are taken at a time, and at last one.
    """
    begins, near, ring_at, sizes, _ = rings
    fewest = rungs[1][0]
    places, moments = _in_time(dealt, limits)
    ring_of = np.full(limits[0].max() + 1, -1, np.int32)
    ring, moment = np.empty(places.size, np.int32), np.empty(places.size, np.int32)
    start, end = np.empty(places.size, np.float32), np.empty(places.size, np.float32)
    for centre in range(begins.size - 1):
        best = centre if each else 0
        begun = begins[centre]
        high = begins[centre + 1] - begun - 1
        for entry in range(begun, begun + high + 1):
            ring_of[near[entry]] = ring_at[entry]
        events = 0
        for event in range(places.size):
            mine = ring_of[places[event]]
            ring[events], moment[events] = mine, moments[event]
            events += mine >= 0
        for entry in range(begun, begun + high + 1):
            ring_of[near[entry]] = -1
        while high >= 0:
            events = _keep(ring, moment, events, high)
            if events < fewest:
                break
            low = high - 1
            enough = sizes[begun + high] - _TOGETHER * np.sqrt(sizes[begun + high])
            while low >= 0 and sizes[begun + low] >= enough:
                low -= 1
            while _is_near(moment, events, begun + low + 1, strength[best], start, end, rings, law, limits[3], rungs):
                if low + 1 == high:
                    _weigh(moment, events, begun + high, best, start, end, rings, law, limits, rungs, strength, figures)
                    break
                low = (low + high) >> 1
            high = low


@compiled
def _in_time(dealt: Whole, limits: Limits) -> tuple[Short, Short]:
    """Places and moments of the events that matter, in order of time."""
    place_of, when, longest, is_prospective = limits
    alive = np.searchsorted(when, when[-1] - longest + 1) if is_prospective else 0
    slot = np.zeros(when.size + 1, np.int64)
    for event in range(dealt.size):
        slot[dealt[event] + 1] += 1
    slot[: alive + 1] = 0
    slot = np.cumsum(slot)
    place, moment = np.empty(slot[-1], np.int32), np.empty(slot[-1], np.int32)
    for event in range(dealt.size):
        if dealt[event] >= alive:
            place[slot[dealt[event]]], moment[slot[dealt[event]]] = place_of[event], dealt[event]
            slot[dealt[event]] += 1
    return place, moment


@compiled
def _keep(ring: Short, moment: Short, events: int, high: int) -> int:
    """Keep the events whose ring is no farther than ``high``; how many they are."""
    kept = 0
    for event in range(events):
        mine = ring[event]
        ring[kept], moment[kept] = mine, moment[event]
        kept += mine <= high
    return kept


@compiled
def _expected(inside: Numbers, before: Numbers, totals: Numbers, first: int, last: int) -> float:
    """Events expected in a circle that holds ``inside`` of each stratum, from the ``first`` moment to the ``last``."""
    expected = 0.0
    for stratum in range(totals.size):
        expected += inside[stratum] * (before[stratum, last + 1] - before[stratum, first]) / totals[stratum]
    return expected


@compiled
def _is_near(
    moment: Short,
    events: int,
    entry: int,
    best: float,
    start: Single,
    end: Single,
    rings: Rings,
    law: Law,
    is_prospective: bool,
    rungs: Rungs,
) -> bool:
    """Whether the events, where the circle ``entry`` expects them, have an interval that may be stronger than ``best``.

    Leaves the events expected before each of them in ``start``, and with it in ``end``.
    """
    size, inside = rings[3][entry], rings[4][entry]
    _, counted, totals, quietest, busiest = law
    least = widest = 0.0
    for stratum in range(inside.size):
        least += inside[stratum] / totals[stratum] * quietest[stratum]
        widest += inside[stratum] / totals[stratum] * busiest[stratum]
    _measure(moment, events, inside, totals, counted, start, end)
    all_most, first, last = rungs
    most = all_most[min(int(best / _RUNG), _RUNGS - 1)]
    lost = _lost(size, inside.size)
    if is_prospective:
        return _is_any_lasting(start, events, np.float64(size), most, lost)
    for group in range(first.size):
        fewest = first[group]
        if fewest > events:
            return False
        bound = min(most[last[group]], widest) + lost
        if bound >= least and _is_any(start, end, events, fewest, np.float32(bound)):
            return True
        if most[fewest] >= widest:
            return False
    return False


@compiled
def _lost(size: int, strata: int) -> float:
    """More than single precision can lose of a sum over strata that is no greater than ``size``."""
    return 2e-7 * (4 + strata) * size


@compiled
def _measure(moment: Short, events: int, inside: Numbers, totals: Numbers, counted: Single, start: Single, end: Single) -> None:
    """Events expected before each event, and with it."""
    start[:events] = 0.0
    end[:events] = 0.0
    for stratum in range(inside.size):
        share = np.float32(inside[stratum] / totals[stratum])
        before = counted[stratum]
        for event in range(events):
            at = np.uint32(moment[event])
            start[event] += share * before[at]
            end[event] += share * before[at + np.uint32(1)]


@compiled
def _is_any(start: Single, end: Single, events: int, cases: int, bound: np.float32) -> bool:
    """Whether so few are expected from any event to the last of so many ``cases``."""
    found = False
    for event in range(events - cases + 1):
        found |= end[np.uint64(event + cases - 1)] - start[event] <= bound
    return found


@compiled
def _is_any_lasting(start: Single, events: int, now: float, most: Numbers, lost: float) -> bool:
    """The same for intervals from any event until now."""
    found = False
    for event in range(events):
        found |= now - start[event] <= most[events - event] + lost
    return found


@compiled
def _weigh(
    moment: Short,
    events: int,
    entry: int,
    best: int,
    start: Single,
    end: Single,
    rings: Rings,
    law: Law,
    limits: Limits,
    rungs: Rungs,
    strength: Numbers,
    figures: Whole,
) -> None:
    """Keep the strongest interval of a circle, if it is stronger than the best so far."""
    before, _, totals, _, _ = law
    _, when, longest, is_prospective = limits
    total, now = totals.sum(), when.size - 1
    inside = rings[4][entry]
    most = rungs[0][min(int(strength[best] / _RUNG), _RUNGS - 1)]
    lost = _lost(rings[3][entry], inside.size)
    for first in range(events):
        least_cases = events - first if is_prospective else rungs[1][0]
        for last in range(first + least_cases - 1, events):
            ended = now if is_prospective else moment[last]
            if when[ended] - when[moment[first]] >= longest:
                break
            cases = last - first + 1
            if not is_prospective and end[last] - start[first] > most[cases] + lost:
                continue
            expected = _expected(inside, before, totals, moment[first], ended)
            if expected > most[cases]:
                continue
            ratio = _llr(cases, expected, total)
            if ratio > strength[best]:
                strength[best] = ratio
                figures[best, 0], figures[best, 1] = entry, moment[first]
                figures[best, 2], figures[best, 3] = ended, cases


def _check_limits(
    max_radius_m: float,
    max_share: float,
    max_time_share: float,
    max_days: int | None,
    step_days: int,
    fewest_cases: int,
    stop_after: int | None,
) -> None:
    if not 0 <= max_radius_m < np.inf:
        raise MeasureError(f"max_radius_m is {max_radius_m:g}, but a radius is a number of metres, 0 or more.")
    for name, share in (("max_share", max_share), ("max_time_share", max_time_share)):
        if not 0 < share <= 1:
            raise MeasureError(f"{name} is {share:g}, but it must be a share, more than 0 and at most 1.")
    wholes = {"step_days": step_days, "fewest_cases": fewest_cases, "max_days": max_days, "stop_after": stop_after}
    for name, number in wholes.items():
        if number is not None and not (number == int(number) and number >= 1):
            raise MeasureError(f"{name} is {number}, but it must be a whole number, 1 or more.")
