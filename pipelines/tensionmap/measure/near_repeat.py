"""Near repeats: whether one incident is followed by others close by and soon after, more often than dates dealt anew.

Places stay and dates are dealt anew, so villages, roads and the seasons of the whole area cannot look like repeats. What
can is a season that is tied to places (pasture in summer, canals in spring): deal the dates within ``strata`` then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import gammainc, gammaincc

from tensionmap.compiled import compiled
from tensionmap.errors import MeasureError
from tensionmap.measure import montecarlo
from tensionmap.measure.columns import codes, places, whole_days
from tensionmap.measure.hotspots import FEWEST_REPORTS
from tensionmap.streams import STEP, begin, mix

if TYPE_CHECKING:
    import networkx as nx

Numbers = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Places = npt.NDArray[np.int32]
Days = npt.NDArray[Any]


DISTANCE_BANDS_M = (0, 1000, 2500, 5000, 10_000)
DAY_BANDS = (7, 14, 28, 60)
TOO_FEW = "too few to tell"

_ROUNDING = 1e-9
_SIDE_BY_SIDE = 64
_MOST_STRATA = 200
_MOST_DAYS = 10_000_000
_FLUSH = 2**30
_32 = np.uint64(32)
_LOW = np.uint64(2**32 - 1)
_METRICS = ("euclidean", "manhattan")


def knox_table(
    easting: pd.Series | Numbers,
    northing: pd.Series | Numbers,
    day: pd.Series | Whole,
    *,
    distance_bands_m: Sequence[float] = DISTANCE_BANDS_M,
    day_bands: Sequence[int] = DAY_BANDS,
    strata: pd.Series | Whole | None = None,
    metric: str = "euclidean",
    replicates: int = 999,
    alpha: float = 0.05,
    seed: int,
) -> pd.DataFrame:
    """Pairs of incidents in each band of distance and days, beside what dates dealt anew would bring, with p over the table.

    Parameters
    ----------
    easting, northing
        Where each incident was, in metres, projected CRS.
    day
        When: whole numbers of days counted from any day, or dates without time zone (hours are cut off).
    distance_bands_m
        Upper ends of the distance bands in metres, rising. Each band holds its upper end, not its lower one; the first band
        begins at 0 and holds it. A first end of 0 is a band of its own: exactly the same place.
    day_bands
        Upper ends of the bands of days between two incidents, rising, whole. Each band begins on the day after the one
        before it ends; the first one begins at 0, the same day.
    strata
        Whole numbers that say which incidents may change dates with one another, for example the season of each. None: all.
    metric
        ``euclidean``, or ``manhattan`` (easting and northing differences added up), as the Near Repeat Calculator measures.
    replicates, alpha, seed
        Deals to compare with; share of tables without any repeat on which a departure may be found; seed of all chance. The
        same seed gives the same bytes, in any order of rows and on any number of threads.

    Returns
    -------
    DataFrame
        One row for each pair of bands, distances first.

        - ``distance_from_m``, ``distance_to_m``: more than the one, up to the other; from 0, if the first or the same place.
        - ``days_from``, ``days_to``: both included.
        - ``pairs``: pairs of incidents, each counted once.
        - ``expected``: the mean over *all* ways to deal the dates; exact, not drawn.
        - ``ratio``: pairs by expected; NaN where none is expected.
        - ``p_cell``: share of deals (and this table) in which this cell departs as far, in either direction.
        - ``p_map``: the same over the whole table; never below ``p_cell``.
        - ``verdict``: more or fewer if ``p_map`` <= ``alpha``; else too few to tell if less than one pair is expected, or if no
          deal changes the number; else none. Below 30 incidents all are too few to tell and both p are NaN.

    Raises
    ------
    MeasureError
        If bands do not rise, dates are missing or not whole days, strata are not whole numbers, columns differ in length, the
        metric is unknown, or ``alpha`` cannot be reached with so few replicates.
    GeometryError
        If coordinates are missing or infinite.

    Notes
    -----
    *Expected.* A pair of places of one stratum has any two of its dates, each two as likely; so n_s pairs in a distance band
    and n_t of all n pairs of dates in a band of days give n_s n_t / n. With strata this is added up over pairs of strata.

    *What is compared.* The rarity of a cell is the smaller of its two tails, P(at least so many) and P(at most so many), by
    a Poisson law with the expected mean, stretched to the variance that the cell has over all deals and this table (a quasi
    Poisson law: counts and mean are divided by variance / mean). Pairs share incidents, so their number varies more than
    Poisson. Cells with 0.1 and with 1000 expected pairs become comparable; that the law is only about right costs no
    validity, since every deal goes the same way. ``p_map`` is the step-down greatest rarity of Westfall and Young, as in
    `hotspots.find_hotspots`: if dates are independent of places within the strata, at most the share ``alpha`` of tables
    shows anything, exactly.

    *What it does not show.* Not why: the same people, revenge, or a canal that was dry for a week all look the same. An
    event reported twice is a repeat: remove duplicates first. A day rounded to the first of the month, or a village's point
    for its pasture, makes pairs of the same day or place, but no more than dealt anew unless both come together. A place
    that only reported in one year makes repeats in short bands: use the years as ``strata``.

    The time grows with the pairs within the largest band, memory only with the incidents: no list of pairs is kept, and each
    distance is computed once for many deals.

    References
    ----------
    Knox, E. G. (1964). The detection of space-time interactions. Applied Statistics 13. https://doi.org/10.2307/2985220

    Johnson, S. D. et al. (2007). Space-time patterns of risk: a cross national assessment of residential burglary
    victimization. Journal of Quantitative Criminology 23. https://doi.org/10.1007/s10940-007-9025-3

    Westfall, P. H. and Young, S. S. (1993). Resampling-based multiple testing. Wiley.

    Examples
    --------
    >>> table = knox_table([0, 0, 900, 90_000], [0, 0, 0, 0], [1, 3, 20, 21], seed=1)
    >>> table.loc[table.pairs > 0, ["distance_to_m", "days_to", "pairs", "expected", "verdict"]]
       distance_to_m  days_to  pairs  expected          verdict
    0            0.0        7      1  0.333333  too few to tell
    6         1000.0       28      2  1.333333  too few to tell
    """
    montecarlo.check_chance(replicates=replicates, alpha=alpha, seed=seed)
    ends_m = rising(distance_bands_m, "distance_bands_m")
    ends_days = rising(day_bands, "day_bands")
    if (ends_days != np.rint(ends_days)).any():
        raise MeasureError(f"day_bands are {list(day_bands)}, but days are counted whole. Use whole numbers.")
    if metric not in _METRICS:
        raise MeasureError(f"The metric is {metric!r}, but it must be one of {', '.join(_METRICS)}.")
    events = Events.of(easting, northing, day, strata=strata, reach_m=ends_m[-1], is_manhattan=metric == "manhattan")
    observed, expected = events.pairs(ends_m, ends_days)

    table = pd.DataFrame(
        {
            "distance_from_m": np.repeat(np.concatenate([[0.0], ends_m[:-1]]), ends_days.size),
            "distance_to_m": np.repeat(ends_m, ends_days.size),
            "days_from": np.tile(np.concatenate([[0], ends_days[:-1] + 1]).astype(np.int64), ends_m.size),
            "days_to": np.tile(ends_days.astype(np.int64), ends_m.size),
            "pairs": observed,
            "expected": expected,
            "ratio": np.divide(observed, expected, out=np.full(expected.size, np.nan), where=expected > 0),
            "p_cell": np.nan,
            "p_map": np.nan,
            "verdict": TOO_FEW,
        }
    )
    if events.day.size < FEWEST_REPORTS:
        return table
    drawn = events.pairs_of_deals(ends_m, ends_days, replicates=replicates, seed=seed)
    maps = np.vstack([observed, drawn])
    table["p_cell"], table["p_map"] = _step_down(_rarity(maps, expected))
    is_found = (table.p_map <= alpha).to_numpy()
    is_clear = (expected >= 1) & (maps != observed).any(axis=0)
    table["verdict"] = np.select(
        [is_found & (observed > expected), is_found, is_clear], ["more", "fewer", "none"], default=TOO_FEW
    )
    return table


@dataclass(frozen=True)
class Chains:
    """Incidents linked to one another by near repeats, and whether such chains are more than chance."""

    chain: pd.Series
    """Number of each incident's chain, 1 for the longest; 0 if it is in none. Index of ``easting`` if that is a Series."""
    chains: pd.DataFrame
    """One row a chain, index ``chain``: ``events``, ``first_day``, ``last_day``, and ``p_map``, the share of deals (and this
    map) with a chain at least as long. NaN for fewer than 30 incidents."""
    figures: pd.DataFrame
    """Rows ``longest_chain`` and ``events_in_chains``; columns ``observed``, ``expected`` (mean of the deals), ``p``."""
    links: nx.Graph
    """Incidents by their label in the index, and an edge with ``distance_m`` and ``days`` for each near repeat."""


def chains(
    easting: pd.Series | Numbers,
    northing: pd.Series | Numbers,
    day: pd.Series | Whole,
    *,
    within_m: float,
    within_days: int,
    strata: pd.Series | Whole | None = None,
    replicates: int = 999,
    seed: int,
) -> Chains:
    """Chains of incidents, each near in place and time to another of its chain, and p of their length and number.

    Parameters
    ----------
    easting, northing, day, strata
        As in `knox_table`.
    within_m, within_days
        Two incidents are linked if they are no farther apart than this, in metres and in whole days; both ends included.
    replicates, seed
        As in `knox_table`.

    Returns
    -------
    Chains
        Chain of each incident, one row a chain, figures with p, and the graph of links.

    Raises
    ------
    MeasureError, GeometryError
        As `knox_table`.

    Notes
    -----
    A chain is a connected component of at least two incidents: its first and last may lie far apart and long after one
    another. Dates are dealt anew as in `knox_table`; the longest chain and the number of incidents in chains have a p each,
    of 1.0 / (1 + replicates) at least, and neither is corrected for the other. ``p_map`` of a chain compares it with the
    *longest* of each deal, so that at most the share alpha of maps without repeats has any chain with p_map <= alpha.

    In a crowded place chains grow long by chance alone. A chain is a reason to read the reports, never a proof that one
    incident led to the next.

    The graph is a networkx one, for drawing and for asking which incident holds two chains together; the components of the
    deals, which nobody looks at, are found by a compiled union of sets.

    References
    ----------
    Davies, T. and Marchione, E. (2015). Event networks and the identification of crime pattern motifs. PLOS ONE 10.
    https://doi.org/10.1371/journal.pone.0143638

    Examples
    --------
    >>> found = chains([0, 100, 200, 90_000], [0, 0, 0, 0], [1, 3, 5, 6], within_m=150, within_days=7, seed=1)
    >>> found.chain.to_list()
    [1, 1, 1, 0]
    >>> found.figures.observed.to_dict()
    {'longest_chain': 3, 'events_in_chains': 3}
    """
    montecarlo.check_chance(replicates=replicates, alpha=0.5, seed=seed)
    rising([within_m], "within_m")
    if within_days != np.rint(rising([within_days], "within_days")[0]):
        raise MeasureError(f"within_days is {within_days}, but days are counted whole. Use a whole number.")
    events = Events.of(easting, northing, day, strata=strata, reach_m=within_m)
    labels = easting.index if isinstance(easting, pd.Series) else pd.RangeIndex(events.day.size)
    if not labels.is_unique:
        raise MeasureError("Two incidents have the same label in the index. Reset the index first.")
    links = events.links(within_days, labels)
    number, found = events.numbered(links, labels)
    dates = pd.Series(np.asarray(day)) if not isinstance(day, pd.Series) else day.reset_index(drop=True)
    for name in ("first_day", "last_day"):
        found[name] = dates.iloc[found[name]].to_numpy()

    observed = np.array([found.events.max() if len(found) else 1, found.events.sum()], np.int64)
    figures = pd.DataFrame(
        {"observed": observed, "expected": np.nan, "p": np.nan}, index=pd.Index(["longest_chain", "events_in_chains"])
    )
    if labels.size >= FEWEST_REPORTS:
        drawn = events.chains_of_deals(within_days, replicates=replicates, seed=seed)
        figures["expected"] = drawn.mean(axis=0)
        figures["p"] = (1 + (drawn >= observed).sum(axis=0)) / (1 + replicates)
        longest = drawn[:, 0].astype(np.float64)
        found["p_map"] = montecarlo.p_value(found.events.to_numpy(np.float64), longest, replicates=replicates)
    return Chains(number, found, figures, links)


class Near(NamedTuple):
    """Points sorted into squares at least as wide as a reach, so that the pairs within it are met quickly and once."""

    easting: Numbers
    northing: Numbers
    square: Whole
    """Square of each point. Squares are numbered row by row, with an empty one at the end of each row."""
    starts: Whole
    """Where the points of each square begin."""
    columns: int
    reach_m: float
    is_manhattan: bool


@dataclass(frozen=True)
class Events:
    """Incidents sorted into squares, and their dates sorted within strata, ready to be dealt anew."""

    row: Whole
    """Row of each incident in the data, in the order of the squares, as are all that follow."""
    near: Near
    day: Whole
    stratum: Whole
    slot: Whole
    """Which of the ``dates`` is each incident's in a deal."""
    dates: Whole
    """All dates, stratum by stratum, rising in each."""
    runs: Whole
    """Where the dates of each stratum begin, and where the last ones end."""

    @classmethod
    def of(
        cls,
        easting: pd.Series | Numbers,
        northing: pd.Series | Numbers,
        day: pd.Series | Whole,
        *,
        strata: pd.Series | Whole | None,
        reach_m: float,
        is_manhattan: bool = False,
    ) -> Events:
        """Checked incidents, for pairs up to ``reach_m`` apart; the same in any order of rows."""
        east, north = places(easting, northing)
        days, stratum = whole_days(day, east.size), codes(strata, east.size)
        _check_span(days, stratum)
        days = days - days.min(initial=np.iinfo(np.int64).max)
        row = np.lexsort((stratum, north, east))
        order, near = sort_into_squares(east[row], north[row], reach_m, is_manhattan)
        row = row[order]
        slot = np.empty(row.size, np.int64)
        slot[np.argsort(stratum[row], kind="stable")] = np.arange(row.size)
        dates = days[np.lexsort((days, stratum))]
        runs = np.concatenate([[0], np.cumsum(np.bincount(stratum, minlength=1))])
        return cls(row, near, days[row], stratum[row], slot, dates, runs)

    def pairs(self, ends_m: Numbers, ends_days: Numbers) -> tuple[Whole, Numbers]:
        """Pairs in each band, distances first, and what dates dealt anew bring on average: exactly, not by drawing."""
        strata = self.runs.size - 1
        near = _pairs_of_strata(self.near, squared(ends_m), self.stratum, strata)
        share = np.zeros((strata, strata, ends_days.size))
        for one, other in zip(*np.nonzero(near.any(axis=0)), strict=True):
            share[one, other] = self._share_of_dates(one, other, ends_days)
        expected = np.tensordot(near, share, axes=2)
        rows = np.repeat(self.day[:, None], _SIDE_BY_SIDE, axis=1).astype(np.float32)
        observed = _counts(self.near, squared(ends_m), ends_days.astype(np.float32), rows)[:, :, 0]
        return np.diff(observed, axis=1, prepend=0).ravel(), expected.ravel()

    def pairs_of_deals(self, ends_m: Numbers, ends_days: Numbers, *, replicates: int, seed: int) -> Whole:
        """Pairs in each band when dates are dealt anew; one row a deal."""
        bands = squared(ends_m), ends_days.astype(np.float32)

        def task(first: int, last: int) -> Whole:
            return _counts_of_deals(first, last, np.uint64(seed), *self._deck, self.near, *bands)

        drawn = np.concatenate(montecarlo.share_out(task, replicates))
        return np.diff(drawn, axis=2, prepend=0).reshape(replicates, -1)

    def chains_of_deals(self, within_days: int, *, replicates: int, seed: int) -> Whole:
        """Incidents in the longest chain and in all chains when dates are dealt anew; one row a deal."""

        def task(first: int, last: int) -> Whole:
            return _chains_of_deals(first, last, np.uint64(seed), *self._deck, self.near, within_days)

        return np.concatenate(montecarlo.share_out(task, replicates))

    def links(self, within_days: int, labels: pd.Index) -> nx.Graph:
        """All incidents, and the pairs of them that are near in place and time."""
        import networkx as nx

        one, other = _links(self.near, self.day, within_days).T
        distance_m = np.hypot(
            self.near.easting[one] - self.near.easting[other], self.near.northing[one] - self.near.northing[other]
        )
        days = np.abs(self.day[one] - self.day[other])
        named = labels[self.row]
        graph = nx.Graph()
        graph.add_nodes_from(labels)
        for first, second, metres, apart in zip(named[one], named[other], distance_m.tolist(), days.tolist(), strict=True):
            graph.add_edge(first, second, distance_m=metres, days=apart)
        return graph

    @property
    def _deck(self) -> tuple[Days, Whole, Whole]:
        return self.dates.astype(np.float32), self.runs, self.slot

    def numbered(self, links: nx.Graph, labels: pd.Index) -> tuple[pd.Series, pd.DataFrame]:
        """Chain of every incident, the longest first, then the earliest; and one row a chain, with the rows of its ends."""
        import networkx as nx

        place = dict(zip(labels[self.row], range(self.row.size), strict=True))
        parts = [np.array([place[label] for label in part]) for part in nx.connected_components(links) if len(part) > 1]
        # No two chains share a day and a place, so the order is the same in any order of rows.
        when = list(zip(self.day.tolist(), self.near.easting.tolist(), self.near.northing.tolist(), strict=True))
        parts.sort(key=lambda part: (-part.size, min(when[place] for place in part)))
        number = pd.Series(0, index=labels, name="chain")
        for chain, part in enumerate(parts, start=1):
            number.iloc[self.row[part]] = chain
        found = pd.DataFrame(
            {
                "events": np.array([part.size for part in parts], np.int64),
                "first_day": np.array([self.row[part[self.day[part].argmin()]] for part in parts], np.int64),
                "last_day": np.array([self.row[part[self.day[part].argmax()]] for part in parts], np.int64),
                "p_map": np.full(len(parts), np.nan),
            },
            index=pd.RangeIndex(1, len(parts) + 1, name="chain"),
        )
        return number, found

    def _share_of_dates(self, one: int, other: int, ends_days: Numbers) -> Numbers:
        """Share of the pairs of dates of two strata, or of one and itself, that is in each band of days."""
        first, second = (self.dates[self.runs[stratum] : self.runs[stratum + 1]] for stratum in (one, other))
        late = np.searchsorted(second, first[:, None] + ends_days, side="right").sum(axis=0)
        near = late - np.searchsorted(second, first[:, None] - ends_days, side="left").sum(axis=0)
        # Within one stratum each date has also met itself, and each pair was counted twice.
        itself = first.size if one == other else 0
        share: Numbers = np.diff(near - itself, prepend=0) / (first.size * second.size - itself)
        return share


def _check_span(days: Whole, stratum: Whole) -> None:
    span = int(days.max() - days.min()) if days.size else 0
    if span > _MOST_DAYS:
        raise MeasureError(f"The dates span {span} days. Check that day counts days, not seconds.")
    strata = int(stratum.max(initial=-1)) + 1
    if strata > _MOST_STRATA:
        raise MeasureError(
            f"There are {strata} strata, more than {_MOST_STRATA}. Dates change places only within one, so use few and "
            "large ones, for example seasons."
        )


def rising(ends: Sequence[float] | Numbers, name: str) -> Numbers:
    """``ends`` of bands as numbers, refused if they are negative or do not rise."""
    found = np.atleast_1d(np.asarray(ends, np.float64))
    if found.ndim != 1 or found.size == 0 or not np.isfinite(found).all() or found[0] < 0 or (np.diff(found) <= 0).any():
        raise MeasureError(f"{name} is {ends}, but bands need ends that are not negative and rise, each once.")
    return found


def squared(ends_m: Numbers) -> Numbers:
    """Squares of distances, so much larger that rounding of coordinates puts no pair beyond them; 0 stays 0."""
    return (ends_m * (1 + _ROUNDING)) ** 2


def _rarity(maps: Whole, expected: Numbers) -> Numbers:
    """Minus the logarithm of the smaller tail of every count, by a Poisson law stretched to the variance over all ``maps``."""
    is_any = expected > 0
    mean = np.where(is_any, expected, 1.0)
    stretch = ((maps - mean) ** 2).mean(axis=0) / mean
    rarity = np.zeros(maps.shape)
    for cell in np.flatnonzero(is_any & (maps != maps[0]).any(axis=0)):
        count, back = np.unique(maps[:, cell], return_inverse=True)
        middle = mean[cell] / stretch[cell]
        # P(at least n) of a Poisson law is the lower incomplete gamma function at n, P(at most n) the upper one at n + 1.
        at_least = np.where(count > 0, gammainc(np.maximum(count, 1) / stretch[cell], middle), 1.0)
        at_most = gammaincc((count + 1) / stretch[cell], middle)
        rarity[:, cell] = -np.log(np.maximum(np.minimum(at_least, at_most), np.finfo(np.float64).tiny))[back]
    return rarity


def _step_down(rarity: Numbers) -> tuple[Numbers, Numbers]:
    """Share of maps on which each cell, and any cell not rarer than it on the first map, is as rare as on the first map."""
    falling = np.argsort(-rarity[0], kind="stable")
    ordered = rarity[:, falling]
    rarest = np.maximum.accumulate(ordered[:, ::-1], axis=1)[:, ::-1]
    p_cell, p_map = np.empty(falling.size), np.empty(falling.size)
    p_cell[falling] = (ordered >= ordered[0]).mean(axis=0)
    p_map[falling] = np.maximum.accumulate((rarest >= ordered[0]).mean(axis=0))
    return p_cell, p_map


@compiled
def sort_into_squares(easting: Numbers, northing: Numbers, reach_m: float, is_manhattan: bool) -> tuple[Whole, Near]:
    """Order of the points by squares, and the points in that order, ready for `later_near` with ``reach_m``."""
    size = easting.size
    order, square = np.empty(size, np.int64), np.empty(size, np.int64)
    if size == 0:
        return order, Near(easting[order], northing[order], square, np.zeros(1, np.int64), 1, reach_m, is_manhattan)
    west, south = easting.min(), northing.min()
    extent = max(easting.max() - west, northing.max() - south)
    # Not many more squares than points, however small the reach.
    side = max(reach_m * (1 + 2 * _ROUNDING), extent / np.ceil(np.sqrt(size)), 1e-300)
    columns = int((easting.max() - west) / side) + 2
    rows = int((northing.max() - south) / side) + 1
    starts = np.zeros((rows + 1) * columns + 3, np.int64)
    for point in range(size):
        square[point] = int((northing[point] - south) / side) * columns + int((easting[point] - west) / side)
        starts[square[point] + 1] += 1
    for place in range(1, starts.size):
        starts[place] += starts[place - 1]
    free = starts.copy()
    for point in range(size):
        order[free[square[point]]] = point
        free[square[point]] += 1
    return order, Near(easting[order], northing[order], square[order], starts, columns, reach_m, is_manhattan)


@compiled
def later_near(near: Near, point: int, others: Places, away: Numbers) -> int:
    """How many points that follow ``point`` are within reach; they and their squared distances stand first in the two lists."""
    # Unsigned, so that no index is checked for counting from the end.
    found = np.uint64(0)
    limit = (near.reach_m * (1 + _ROUNDING)) ** 2
    east, north = near.easting[point], near.northing[point]
    below = near.square[point] + near.columns
    for run in range(2):
        first = point + 1 if run == 0 else near.starts[below - 1]
        last = near.starts[near.square[point] + 2] if run == 0 else near.starts[below + 2]
        for other in range(np.uint64(first), np.uint64(last)):
            easts, norths = np.abs(near.easting[other] - east), np.abs(near.northing[other] - north)
            distance = (easts + norths) ** 2 if near.is_manhattan else easts * easts + norths * norths
            # Always written, seldom kept: cheaper than a branch that cannot be foreseen.
            others[found] = other
            away[found] = distance
            found += np.uint64(distance <= limit)
    return int(found)


@compiled
def _pairs_of_strata(near: Near, ends: Numbers, stratum: Whole, strata: int) -> Whole:
    """Pairs in each band of squared distance, by the strata of the two."""
    pairs = np.zeros((ends.size, strata, strata), np.int64)
    others, away = np.empty(stratum.size + 1, np.int32), np.empty(stratum.size + 1)
    for point in range(stratum.size):
        for place in range(later_near(near, point, others, away)):
            pairs[np.searchsorted(ends, away[place]), stratum[point], stratum[others[place]]] += 1
    return pairs


@compiled
def _counts(near: Near, ends: Numbers, ends_days: Days, dates: Days) -> Whole:
    """Pairs in each band of squared distance and no more than each number of days apart, for many deals side by side."""
    size = dates.shape[0]
    counts = np.zeros((ends.size, ends_days.size, _SIDE_BY_SIDE), np.int64)
    recent = np.zeros((ends.size, ends_days.size, _SIDE_BY_SIDE), np.int32)
    others, away = np.empty(size + 1, np.int32), np.empty(size + 1)
    pending = 0
    for point in range(size):
        found = later_near(near, point, others, away)
        for place in range(found):
            band = 0
            while ends[band] < away[place]:
                band += 1
            other = others[place]
            for days in range(ends_days.size):
                end = ends_days[days]
                for deal in range(_SIDE_BY_SIDE):
                    recent[band, days, deal] += np.abs(dates[point, deal] - dates[other, deal]) <= end
        pending += found
        if pending > _FLUSH or point == size - 1:
            counts += recent
            recent[:] = 0
            pending = 0
    return counts


@compiled
def _shuffle_into(state: np.uint64, deck: Days, into: Days) -> np.uint64:
    """Fill ``into`` with the ``deck`` in random order (Fisher and Yates, inside out); the state after.

    Each draw of 64 bits serves two cards, so that no order is more likely than another by more than cards / 2^32 a card.
    """
    drawn = np.uint64(0)
    for card in range(deck.size):
        if card % 2 == 0:
            state += STEP
            drawn = mix(state)
        place = ((drawn & _LOW) * np.uint64(card + 1)) >> _32
        drawn >>= _32
        into[card] = into[place]
        into[place] = deck[card]
    return state


@compiled
def deal_anew(seed: np.uint64, first: int, deck: Days, runs: Whole, slot: Whole, shuffled: Days, dates: Days) -> None:
    """Fill ``dates`` (one row an incident, one column a deal) with the deals first, first + 1, ..."""
    for deal in range(_SIDE_BY_SIDE):
        state = begin(seed, first + deal)
        for run in range(runs.size - 1):
            cards = slice(runs[run], runs[run + 1])
            state = _shuffle_into(state, deck[cards], shuffled[deal, cards])
    for point in range(slot.size):
        for deal in range(_SIDE_BY_SIDE):
            dates[point, deal] = shuffled[deal, slot[point]]


@compiled
def _counts_of_deals(
    first: int,
    last: int,
    seed: np.uint64,
    deck: Days,
    runs: Whole,
    slot: Whole,
    near: Near,
    ends: Numbers,
    ends_days: Days,
) -> Whole:
    """As `_counts`, deals first."""
    counts = np.empty((last - first, ends.size, ends_days.size), np.int64)
    shuffled = np.empty((_SIDE_BY_SIDE, slot.size), np.float32)
    dates = np.empty((slot.size, _SIDE_BY_SIDE), np.float32)
    for begun in range(first, last, _SIDE_BY_SIDE):
        deal_anew(seed, begun, deck, runs, slot, shuffled, dates)
        found = _counts(near, ends, ends_days, dates)
        for deal in range(min(_SIDE_BY_SIDE, last - begun)):
            counts[begun - first + deal] = found[:, :, deal]
    return counts


@compiled
def _chains_of_deals(
    first: int, last: int, seed: np.uint64, deck: Days, runs: Whole, slot: Whole, near: Near, within_days: int
) -> Whole:
    """Incidents in the longest chain and in all chains of each deal."""
    size = slot.size
    figures = np.empty((last - first, 2), np.int64)
    shuffled = np.empty((_SIDE_BY_SIDE, size), np.float32)
    dates = np.empty((size, _SIDE_BY_SIDE), np.float32)
    others, away = np.empty(size + 1, np.int32), np.empty(size + 1)
    for begun in range(first, last, _SIDE_BY_SIDE):
        deal_anew(seed, begun, deck, runs, slot, shuffled, dates)
        parent = np.repeat(np.arange(size).astype(np.int32), _SIDE_BY_SIDE).reshape(size, _SIDE_BY_SIDE)
        members = np.ones((size, _SIDE_BY_SIDE), np.int32)
        for point in range(size):
            for place in range(later_near(near, point, others, away)):
                for deal in range(min(_SIDE_BY_SIDE, last - begun)):
                    if np.abs(dates[point, deal] - dates[others[place], deal]) <= within_days:
                        _join(parent[:, deal], members[:, deal], point, others[place])
        for deal in range(min(_SIDE_BY_SIDE, last - begun)):
            figures[begun - first + deal] = _longest_and_all(members[:, deal])
    return figures


@compiled
def _join(parent: Places, members: Places, one: int, other: int) -> None:
    """Make one set of the sets of two incidents; ``members`` is the size of each set at its root, and 0 elsewhere."""
    while parent[one] != one:
        parent[one] = parent[parent[one]]
        one = parent[one]
    while parent[other] != other:
        parent[other] = parent[parent[other]]
        other = parent[other]
    if one != other:
        if members[one] < members[other]:
            one, other = other, one
        parent[other] = one
        members[one] += members[other]
        members[other] = 0


@compiled
def _longest_and_all(members: Places) -> tuple[int, int]:
    longest = together = 0
    for size in members:
        longest = max(longest, size)
        if size > 1:
            together += size
    return longest, together


@compiled
def _links(near: Near, day: Whole, within_days: int) -> Places:
    """Pairs of incidents near in place and time."""
    links = np.empty((16, 2), np.int32)
    found = 0
    others, away = np.empty(day.size + 1, np.int32), np.empty(day.size + 1)
    for point in range(day.size):
        for place in range(later_near(near, point, others, away)):
            if np.abs(day[point] - day[others[place]]) <= within_days:
                if found == links.shape[0]:
                    links = np.concatenate((links, links))
                links[found, 0], links[found, 1] = point, others[place]
                found += 1
    return links[:found]
