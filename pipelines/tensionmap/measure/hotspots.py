"""Hot and cold spots: where there are more or fewer reports than a world without special places would bring.

The statistic of a cell looks at its neighbourhood, itself included, as Gi* does. What may be called a hot spot is decided
over the whole map at once: of maps on which nothing is going on, at most the share ``alpha`` shows any spot at all.

`hotspots_of` is the whole way from reports on a grid; `find_hotspots` tests any counts against any null; `support_of` asks
how much of the finding is left when reports can have been elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.spatial import cKDTree
from scipy.special import gammaincinv, gammaln
from scipy.stats import false_discovery_control

from tensionmap.compiled import compiled
from tensionmap.crs import metric
from tensionmap.errors import GeometryError, MeasureError
from tensionmap.measure import montecarlo
from tensionmap.measure.montecarlo import draw_kinds
from tensionmap.measure.nulls import SHARE_OUTSIDE, Null, kinds, pieces_of_land, positions, rounded
from tensionmap.streams import STEP, begin, chance

if TYPE_CHECKING:
    import geopandas as gpd

Numbers = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Truths = npt.NDArray[np.bool_]

FEWEST_REPORTS = 30
_TOUCH_SQUARES = 1.5
_TOUCH_HEXAGONS = 1.25
_ROUNDING = 1e-6
_CERTAIN = 1 - _ROUNDING**2
_LEVELS = 200
_FARTHEST = 30.0


def hotspots_of(
    seen: pd.DataFrame,
    cells: gpd.GeoDataFrame,
    *,
    own_land: pd.DataFrame | None = None,
    weights: pd.Series | Numbers | None = None,
    reach_m: float | None = None,
    precision_m: float | None = None,
    replicates: int = 999,
    alpha: float = 0.05,
    seed: int,
    share_outside: float = SHARE_OUTSIDE,
) -> pd.DataFrame:
    """Hot and cold cells of reports that stand on a grid, against residents seen through the same eyes as the reports.

    Parameters
    ----------
    seen
        One row a report whose place is known well enough for a cell: ``cell_id`` (empty if the grid does not hold the place),
        ``is_named`` (truth: known only as a village). Leave out reports with vaguer places: they say nothing about cells. Other
        columns are not looked at.
    cells
        Table ``CELLS``, in a projected CRS in metres; or communities as cells, with ``reach_m=0``.
    own_land
        Per cell and party: the land that it counts as its own, as in `nulls.observed`. None: the map is one piece of land.
    weights
        How much each report counts, such as its severity: positive, in the rows of ``seen``. None: each counts as one.
    reach_m, precision_m, replicates, alpha, seed
        As in `find_hotspots`.
    share_outside
        As in `nulls.observed`.

    Returns
    -------
    DataFrame
        ``cell_id`` and the columns of `find_hotspots`, one row a cell, in the order of ``cells``. ``count`` holds all reports
        on the cell, ``expected`` sums to those that can be tested (`nulls.observed` says which cannot). With ``weights``, the
        columns ``weight`` and ``weight_expected`` (sums over the cell's tested reports) follow ``expected``, and ``gi_z``,
        ``p_*`` and ``hotspot`` are about weights.

    Raises
    ------
    MeasureError
        As `nulls.observed` and `find_hotspots`; if of 30 reports or more most are on no cell; if a weight is not a positive
        number.

    Notes
    -----
    *With weights.* Under the null a report falls by its kind and keeps its weight, so that weights are exchanged among the
    reports of a kind: a place is hot because more, or heavier reports stand there than elsewhere. The sum in a neighbourhood is
    scored by the tail of a compound Poisson law with the weights of the map, so that one heavy report in an empty place and
    many light ones in a crowded place are compared fairly; replicates are treated alike, so the promise of `find_hotspots`
    holds for any weights. Unless they are whole multiples (up to 200) of the smallest, weights are taken in two-hundredths of
    the greatest, at least one. The score is a little cautious where a neighbourhood expects much of the whole map.
    """
    montecarlo.check_chance(replicates=replicates, alpha=alpha, seed=seed)
    _check_cells(cells, precision_m)
    ways = [kinds(seen, cells, land, share_outside=share_outside) for land, _ in pieces_of_land(own_land, cells)]
    position = ways[0][0]
    _check_cover(position)
    is_tested = np.all([kind >= 0 for _, kind, _ in ways], axis=0)
    count, tested = (np.bincount(position[rows], minlength=len(cells)) for rows in (position >= 0, is_tested))
    worlds = [Null.of_kinds(shares, np.bincount(kind[is_tested], minlength=len(shares))) for _, kind, shares in ways]
    near = Neighbourhoods.of_cells(cells, reach_m)
    if weights is None:
        local = [_Local.of(tested, world, near) for world in worlds]
        found = _table(local, count, cells, replicates=replicates, alpha=alpha, seed=seed)
    else:
        units, unit = _units(_checked_severity(weights, seen))
        units, place = units[is_tested], position[is_tested]
        sums = np.bincount(place, units, minlength=len(cells)).astype(np.int64)
        carried = [units[np.lexsort((units, kind[is_tested]))] for _, kind, _ in ways]
        local = [_Local.of(sums, world, near, carried=of_world) for world, of_world in zip(worlds, carried, strict=True)]
        found = _table(local, count, cells, replicates=replicates, alpha=alpha, seed=seed)
        falls = [
            world.with_totals(np.bincount(kind[is_tested], units, minlength=len(shares)).astype(np.int64)).expected
            for world, (_, kind, shares) in zip(worlds, ways, strict=True)
        ]
        found.insert(4, "weight", sums * unit)
        found.insert(5, "weight_expected", np.mean(falls, axis=0) * unit)
    found.insert(0, "cell_id", cells["cell_id"])
    return found.reset_index(drop=True)


def count_per_cell(cell_ids: pd.Series, cells: gpd.GeoDataFrame) -> pd.Series:
    """Reports in every cell.

    Parameters
    ----------
    cell_ids
        Cell of every report; empty for reports that are on no cell, which are not counted.
    cells
        Table ``CELLS``.

    Returns
    -------
    Series
        Whole numbers, index of ``cells``; 0 where there is no report.

    Raises
    ------
    MeasureError
        If a report stands in a cell that is not among ``cells``.
    """
    position = positions(cell_ids, cells)
    return pd.Series(np.bincount(position[position >= 0], minlength=len(cells)), index=cells.index, name="count")


def find_hotspots(
    counts: pd.Series | Whole,
    cells: gpd.GeoDataFrame,
    *,
    null: Null | tuple[Null, ...] | pd.Series | Numbers | None = None,
    reach_m: float | None = None,
    precision_m: float | None = None,
    replicates: int = 999,
    alpha: float = 0.05,
    seed: int,
) -> pd.DataFrame:
    """Cells around which there is more or less than expected, with p over the whole map.

    Parameters
    ----------
    counts
        Reports in each cell: whole numbers; a Series with the labels of ``cells``, or an array in their order.
    cells
        Centres in metres in the columns ``easting``, ``northing``; CRS projected, in metres. Equal squares or regular hexagons
        (polygons) on a grid, with or without holes, or places of any shape if ``reach_m`` is given.
    null
        Where reports would be if nothing were going on. Weights of any scale, not negative (reports are of one kind); or a
        `nulls.Null`, with cells in the order of ``cells``, for several kinds or for random labelling; or several of them in a
        tuple, if it is not known which holds: then a spot must be one against each. None: the same everywhere.
    reach_m
        Neighbourhood of a cell, from centre to centre, in metres. 0: each cell for itself, as for communities. None: the
        cells that touch it; of squares the eight, corners included, of hexagons the six.
    precision_m
        How precisely the places of the reports are known: median radius in metres. Finer cells are refused. None: not looked at.
    replicates
        Maps drawn to compare with.
    alpha
        Share of maps of pure noise on which any hot or cold cell may be found.
    seed
        Seed of all chance. The same seed gives the same bytes on any number of threads.

    Returns
    -------
    DataFrame
        Index of ``cells``.

        - ``count``: reports in the cell.
        - ``count_low``, ``count_high``: exact 95 % interval (Garwood) of what a cell with this count would hold on average,
          were its reports a Poisson number. Of the cell alone, descriptive: no test against ``expected``.
        - ``expected``: reports expected in the cell; sums to the reports that can be tested (see Notes).
        - ``gi_z``: reports in the neighbourhood minus expected, over the standard deviation that the null gives it.
          NaN where nothing is expected in the neighbourhood or there is no report at all; 0 where nothing else is possible, as
          when the neighbourhood is the whole map.
        - ``p_cell``: share of replicates (and this map) on which this cell departs as far, in either direction. NaN where
          ``gi_z`` is, and everywhere if there are too few to tell.
        - ``p_map``: the same for the whole map; never below ``p_cell``. NaN as ``p_cell``.
        - ``p_fdr``: ``p_cell`` adjusted by Benjamini and Hochberg. A second view with another, weaker promise: of the cells
          with ``p_fdr`` <= 0.05 about 5 % are false *on average over maps*. Maps of pure noise may still show some,
          and with r replicates it is never below 1 / (1 + r).
        - ``hotspot``: hot or cold if ``p_map`` <= ``alpha``, else none; too few to tell in every cell if fewer than 30
          reports can be tested.

    Raises
    ------
    GeometryError
        If the CRS is not projected in metres, two cells have one centre, or the cells form no grid and ``reach_m`` is not given.
    MeasureError
        If counts or weights are negative, missing, not whole or belong to other cells; if nothing is expected anywhere; if the
        null holds other reports than the counts; if cells are finer than the reports are precise; or if ``alpha`` cannot be
        reached with so few replicates.

    Notes
    -----
    *What is compared.* Under the null, N reports fall on the cells independently, those of a kind in proportion to its weights.
    With one kind, the number S in a neighbourhood with share q is binomial. Its rarity is the smaller of its two tails,
    P(at least S) and P(at most S), for the odds q / (1 - q) rounded to a thousandth of themselves. Rarities of crowded and of
    empty neighbourhoods are comparable, which ``gi_z`` is not: one report where 0.01 was expected has ``gi_z`` 9.9 and happens
    once in a hundred times. Hence no neighbourhood rules the map because little is expected there, and no lower limit to
    what is expected is needed. With several kinds, q is the share of all of them, and the binomial is a score, no longer the law
    of S; with random labelling the law is hypergeometric, and used.

    *p over the map.* Replicates are drawn from the same null, kinds and labels included, and treated by the same function.
    ``p_map`` is the step-down smallest tail of Westfall and Young: (1 + replicates on which any cell that is not rarer than this
    one on the map becomes as rare as it) / (1 + replicates), made monotone. Of maps that follow the null, at most the share
    ``alpha`` has any spot, exactly, for every null and any number of reports.

    *Several nulls.* ``p_cell`` and ``p_map`` are the greatest over the nulls, ``gi_z`` is the smallest departure, and
    ``expected`` the mean. Where the departures point in different directions, p is 1 and ``gi_z`` 0. Whichever null holds, the
    promise holds.

    *Where nothing can be expected.* Reports in cells of weight 0 are impossible under the null, not just surprising. They
    are left out of the test, and the null is taken for the rest of the reports; they stay in ``count``. To ask about such
    places, use a null that expects something there, as `nulls.by_population` does.

    *What it rests on.* Reports are independent of one another: one event told twice counts twice, and with every tenth event
    told twice more maps of noise show a spot than promised. Take duplicates out first; ``bench/null_maps.py --wrong``
    prints what this and a misjudged null cost.

    *What it does not show.* A spot is a neighbourhood: its cells need not each hold reports. N is taken as it is, so many
    reports in one place mean fewer elsewhere, and a strong hot spot can turn the rest cold. Nothing is said about why.
    ``gi_z`` is not normal where little is expected; do not read p off it. It has the standard deviation of the null, not
    that of the counts: for that one see `gi_star.gi_star`.

    References
    ----------
    Ord, J. K. and Getis, A. (1995). Local spatial autocorrelation statistics. Geographical Analysis 27.
    https://doi.org/10.1111/j.1538-4632.1995.tb00912.x

    Kulldorff, M. (1997). A spatial scan statistic. Communications in Statistics 26.
    https://doi.org/10.1080/03610929708831995

    Westfall, P. H. and Young, S. S. (1993). Resampling-based multiple testing. Wiley. ISBN 978-0-471-55761-6.

    Phipson, B. and Smyth, G. K. (2010). Permutation p-values should never be zero. Statistical Applications in Genetics and
    Molecular Biology 9. https://doi.org/10.2202/1544-6115.1585

    Benjamini, Y. and Hochberg, Y. (1995). Controlling the false discovery rate. Journal of the Royal Statistical Society B 57.
    https://doi.org/10.1111/j.2517-6161.1995.tb02031.x

    Garwood, F. (1936). Fiducial limits for the Poisson distribution. Biometrika 28. https://doi.org/10.1093/biomet/28.3-4.437
    """
    montecarlo.check_chance(replicates=replicates, alpha=alpha, seed=seed)
    _check_cells(cells, precision_m)
    count = _checked_counts(counts, cells)
    worlds = [_world(one, count, cells) for one in (null if isinstance(null, tuple) else (null,))]
    near = Neighbourhoods.of_cells(cells, reach_m)
    local = [_Local.of(np.where(world.is_possible, count, 0), world, near) for world in worlds]
    return _table(local, count, cells, replicates=replicates, alpha=alpha, seed=seed)


def support_of(
    draws: npt.NDArray[np.integer],
    cells: gpd.GeoDataFrame,
    *,
    null: Null | pd.Series | Numbers | None = None,
    reach_m: float | None = None,
    replicates: int = 999,
    alpha: float = 0.05,
    seed: int,
) -> pd.DataFrame:
    """How firmly each cell is hot or cold, when reports can have been in several places: over draws of where they were.

    Parameters
    ----------
    draws
        Reports in each cell, whole numbers: (draws, cells); or (draws, kinds, cells), with the kinds of ``null``. Each draw puts
        every report into one of the cells in which it can have been; reports may fall outside the grid in some draws.
    cells, reach_m, replicates, alpha, seed
        As in `find_hotspots`.
    null
        Weights, or a `nulls.Null` of which the weights are used: the numbers of reports of each kind are those of each draw.
        If it has several kinds and the draws do not tell them apart, each draw must hold as many reports as it. Not random
        labelling.

    Returns
    -------
    DataFrame
        Index of ``cells``.

        - ``hot_share``, ``cold_share``: share of the draws on which the cell is hot, or cold, by its ``p_map`` there.
          Descriptive.
        - ``p_map``: chance over the whole map and all draws: twice the median over draws of the cell's ``p_map``, at most 1.
          NaN where nothing is expected.
        - ``hotspot``: hot or cold if ``p_map`` <= ``alpha``, else none; too few to tell in every cell if half of the draws or
          more hold fewer than 30 reports that can be tested.

    Raises
    ------
    GeometryError, MeasureError
        As `find_hotspots`; if draws are of another shape or not whole numbers; if the null is one of random labelling.

    Notes
    -----
    Each draw must be a map that follows the null whenever nothing is going on: draw an imprecise report within its area in
    proportion to what the null expects there. Each draw is tested as `find_hotspots` would, with the same seed.

    Draws are no replicates: they show doubt about places, not chance. If p is valid on each draw, then twice the median is valid
    under any dependence between the draws: by Markov's inequality, at least half of the p are <= alpha / 2 at once with
    probability alpha at most. So on at most the share ``alpha`` of maps of noise any cell is called hot or cold. A cell is
    called so only if it is hot by far (at ``alpha`` / 2) on half of the draws.

    References
    ----------
    Meinshausen, N., Meier, L. and Buehlmann, P. (2009). p-values for high-dimensional regression. Journal of the American
    Statistical Association 104. https://doi.org/10.1198/jasa.2009.tm08647

    Vovk, V. and Wang, R. (2020). Combining p-values via averaging. Biometrika 107. https://doi.org/10.1093/biomet/asaa027
    """
    montecarlo.check_chance(replicates=replicates, alpha=alpha / 2, seed=seed)
    _check_cells(cells, None)
    near = Neighbourhoods.of_cells(cells, reach_m)
    world, maps, totals = _worlds_of_draws(null, draws, cells)
    p, z = np.ones(maps.shape), np.zeros(maps.shape)
    for number, of_kinds in enumerate(totals):
        local = _Local.of(maps[number], world.with_totals(of_kinds), near)
        if local.null.total >= FEWEST_REPORTS:
            _, p_map = local.p_values(replicates=replicates, seed=seed)
            p[number, near.order], z[number, near.order] = np.nan_to_num(p_map, nan=1.0), local.z
    hot, cold = ((p <= alpha) & (z > 0)).mean(axis=0), ((p <= alpha) & (z < 0)).mean(axis=0)
    # The lower median: it is t or less only if at least half of the draws are.
    pooled = np.minimum(2 * np.quantile(p, 0.5, axis=0, method="inverted_cdf"), 1.0)
    pooled[near.sums(world.is_possible[near.order].astype(float))[np.argsort(near.order)] == 0] = np.nan
    hotspot = np.where(pooled <= alpha, np.where(hot >= cold, "hot", "cold"), "none")
    if np.mean(totals.sum(axis=1) < FEWEST_REPORTS) >= 0.5:
        pooled, hotspot = np.full(len(cells), np.nan), np.full(len(cells), "too few to tell")
    return pd.DataFrame(
        {"hot_share": hot, "cold_share": cold, "p_map": pooled, "hotspot": pd.array(hotspot, dtype="str")}, index=cells.index
    )


@dataclass(frozen=True)
class Neighbourhoods:
    """The cells near each cell, itself included, as runs of cells that follow one another in a fixed order.

    The order depends on the places alone, not on the rows of a table, so that sums and draws do neither.
    """

    order: Whole
    """Position in the table of the first, second, ... cell."""
    start: Whole
    """Cell k owns the runs ``start[k]`` to ``start[k + 1]``."""
    low: Whole
    high: Whole
    """A run holds the cells ``low`` to ``high``, ``high`` not included."""

    @classmethod
    def of_cells(cls, cells: gpd.GeoDataFrame, reach_m: float | None) -> Neighbourhoods:
        """Cells within ``reach_m`` of each centre; None: the squares or hexagons that touch; 0: each cell for itself."""
        if cells.crs is None:
            raise GeometryError("The cells do not say their coordinate reference system. Make the cells again with link.")
        metric(cells.crs)
        if reach_m is not None and not 0 <= reach_m < np.inf:
            raise MeasureError(f"reach_m is {reach_m:g}, but a neighbourhood needs a number of metres, 0 or more.")
        easting = _aligned(cells["easting"], cells, "easting", at_least=-np.inf)
        northing = _aligned(cells["northing"], cells, "northing", at_least=-np.inf)
        lattice = _lattice_of(cells, easting, northing)
        if lattice is not None:
            return cls._on_lattice(lattice, lattice.touch if reach_m is None else reach_m / lattice.side_m)
        if reach_m is None:
            raise GeometryError(
                "The cells are not equal squares or regular hexagons on one grid, so it is not known which of them touch. "
                "Give reach_m, the distance between centres up to which cells are neighbours; 0 takes each for itself."
            )
        order = np.lexsort((easting, northing))
        centres = np.column_stack([easting, northing])[order]
        if (np.diff(centres, axis=0) == 0).all(axis=1).any():
            raise GeometryError("Two cells have the same centre. Make the cells again with link.")
        if reach_m == 0:
            each = np.arange(order.size)
            return cls(order, np.append(each, order.size), each, each + 1)
        return cls.of_lists(cKDTree(centres).query_ball_point(centres, reach_m * (1 + _ROUNDING)), order)

    @classmethod
    def of_lists(cls, lists: Iterable[Iterable[int]], order: Whole) -> Neighbourhoods:
        """From the neighbours of each cell, named by their places in ``order``."""
        start, low, high = [0], list[int](), list[int]()
        for neighbours in lists:
            for place in sorted(neighbours):
                if len(low) > start[-1] and high[-1] == place:
                    high[-1] += 1
                else:
                    low.append(place)
                    high.append(place + 1)
            start.append(len(low))
        return cls(order, np.array(start, np.int64), np.array(low, np.int64), np.array(high, np.int64))

    @classmethod
    def _on_lattice(cls, lattice: _Lattice, reach: float) -> Neighbourhoods:
        column, row = lattice.column, lattice.row
        order = np.lexsort((column, row))
        columns, rows = (int(place.max()) if place.size else 0 for place in (column, row))
        reach = min(reach, columns + rows + 1.0)  # no two cells are farther apart
        rows = min(int(reach / lattice.height + _ROUNDING), rows)
        # Rows lie so far apart along the line of keys that no run reaches into the next one.
        stride = columns + 2 * int(reach + rows * lattice.slant + 2) + 1
        key = (row * stride + column)[order]
        if (np.diff(key) == 0).any():
            raise GeometryError("Two cells have the same centre. Make the cells again with link.")
        offsets = np.arange(-rows, rows + 1)
        half = np.sqrt(np.maximum(reach**2 - (offsets * lattice.height) ** 2, 0)) + _ROUNDING
        first = np.ceil(-half - offsets * lattice.slant).astype(np.int64)
        last = np.floor(half - offsets * lattice.slant).astype(np.int64)
        low, high = _lattice_runs(key, offsets * stride + first, offsets * stride + last)
        return cls(order, np.arange(key.size + 1) * offsets.size, low.ravel(), high.ravel())

    def of_places(self, places: Whole) -> tuple[Whole, Whole, Whole]:
        """``start``, ``low``, ``high`` of the neighbourhoods of ``places`` alone, one after another."""
        runs = self.start[places + 1] - self.start[places]
        start = np.concatenate([[0], np.cumsum(runs)])
        taken = np.arange(start[-1]) + np.repeat(self.start[places] - start[:-1], runs)
        return start, self.low[taken], self.high[taken]

    def sums(self, values: Numbers) -> Numbers:
        """Sum of ``values`` (in this order) over each neighbourhood."""
        sums: Numbers = _sums(values, self.start, self.low, self.high)
        return sums


@dataclass(frozen=True)
class _Lattice:
    """Cells on a regular grid, by whole numbers: rows of equal cells, each shifted by ``slant`` cells against the one below."""

    side_m: float
    """From one centre to the next in a row."""
    height: float
    """From one row to the next, in sides."""
    slant: float
    touch: float
    """Reach, in sides, within which lie the centres of the cells that touch."""
    column: Whole
    row: Whole


_NOTHING = np.empty(0, np.int64)


@dataclass(frozen=True)
class _Local:
    """One map in the order of its neighbourhoods: what each neighbourhood holds, and what the null gives it."""

    near: Neighbourhoods
    null: Null
    """With cells in the order of ``near``."""
    carried: Whole
    """Weight of each report, kind after kind; empty: each counts as one."""
    observed: Whole
    expected: Numbers
    variance: Numbers
    share: Numbers
    """Of all reports, expected in the neighbourhood."""
    is_expected: Truths
    """Some report is possible in the neighbourhood."""
    is_part: Truths
    """More than one number of reports is possible in the neighbourhood."""

    @classmethod
    def of(cls, tested: Whole, null: Null, near: Neighbourhoods, *, carried: Whole = _NOTHING) -> _Local:
        """``tested`` (counts, or sums of what reports carry) and ``null`` have their cells in the order of the table."""
        null = null.in_order(near.order)
        sums, squares = (_per_kind(null.totals, carried**power) for power in (1, 2))
        expected, variance = np.zeros((2, near.order.size))
        for kind, weights in enumerate(null.weights):
            share = near.sums(weights / weights.sum())
            expected += sums[kind] * share
            variance += squares[kind] * np.where(share < _CERTAIN, share * (1 - share), 0)
        if null.pool.size > 1:
            variance *= (null.pool.size - null.total) / (null.pool.size - 1)
        # Whether a neighbourhood is nothing or the whole map is counted in whole cells, since sums of shares are rounded.
        is_possible = null.is_possible.astype(float)
        reached = near.sums(is_possible)
        share = near.sums(null.expected) / max(null.total, 1)
        return cls(
            near=near,
            null=null,
            carried=carried,
            observed=near.sums(tested[near.order].astype(float)).astype(np.int64),
            expected=expected,
            variance=variance,
            share=share,
            is_expected=reached > 0,
            is_part=(reached > 0) & (reached < is_possible.sum()) & (variance > 0) & (share < _CERTAIN),
        )

    @property
    def z(self) -> Numbers:
        """Observed minus expected over the standard deviation under the null; 0 if it cannot differ, NaN if nothing is there."""
        z = np.where(self.is_expected & (self.null.total > 0), 0.0, np.nan)
        deviation = np.sqrt(self.variance, where=self.is_part, out=np.ones_like(self.variance))
        standardised: Numbers = np.divide(self.observed - self.expected, deviation, out=z, where=self.is_part)
        return standardised

    def p_values(self, *, replicates: int, seed: int) -> tuple[Numbers, Numbers]:
        """Chance of each cell and over the map; 1 where nothing else is possible, NaN where nothing is."""
        places = np.flatnonzero(self.is_part)
        lists = self._lists(places)
        observed = lists.of_numbers(self.observed[places])
        falling = np.argsort(-observed, kind="stable")
        places, lists, observed = places[falling], lists.in_order(falling), observed[falling]
        runs, drawn = self.near.of_places(places), (*self.null.tables, self.carried)

        def task(first: int, last: int) -> Whole:
            return _as_rare(first, last, np.uint64(seed), drawn, runs, lists.arrays, observed)

        as_rare = np.sum(montecarlo.share_out(task, replicates), axis=0)
        p_cell, p_map = np.where(self.is_expected, 1.0, np.nan), np.where(self.is_expected, 1.0, np.nan)
        p_cell[places] = (1 + as_rare[0]) / (1 + replicates)
        p_map[places] = np.maximum.accumulate((1 + as_rare[1]) / (1 + replicates))
        return p_cell, p_map

    def _lists(self, places: Whole) -> _Lists:
        """How rare every number is in the neighbourhoods of ``places``; those that expect about the same share a list."""
        total, share = self.null.total, self.share[places]
        if self.carried.size:
            means, kind = np.unique(rounded(total * share, bits=7), return_inverse=True)
            level, times = np.unique(self.carried, return_counts=True)
            rarity = [_compound_rarities(mean, level, times / self.carried.size) for mean in means]
            begins = np.concatenate([[0], np.cumsum([len(part) for part in rarity])]).astype(np.int64)
            return _Lists.of(np.zeros(means.size, np.int64), begins, np.concatenate([*rarity, np.empty(0)]), kind)
        # Fewer different lists of rarities stay in the processor's cache.
        pool = self.null.pool.size
        drawn_from = np.rint(share * pool) if pool else rounded(share / (1 - share), bits=10)
        alike, kind = np.unique(drawn_from, return_inverse=True)
        least, begins, listed = _rarities(total, gammaln(np.arange(max(total, pool) + 1.0) + 1), alike, pool)
        return _Lists.of(least, begins, listed, kind)


@dataclass(frozen=True)
class _Lists:
    """How rare each number of reports is, place by place: ``rarity[begins + number - least]``, ``span`` numbers beyond it."""

    least: Whole
    span: Whole
    begins: Whole
    rarity: Numbers

    @classmethod
    def of(cls, least: Whole, begins: Whole, rarity: Numbers, kind: Whole) -> _Lists:
        return cls(least[kind], np.diff(begins)[kind] - 1, begins[:-1][kind], rarity)

    @property
    def arrays(self) -> tuple[Whole, Whole, Whole, Numbers]:
        return self.least, self.span, self.begins, self.rarity

    def in_order(self, order: Whole) -> _Lists:
        return _Lists(self.least[order], self.span[order], self.begins[order], self.rarity)

    def of_numbers(self, inside: Whole) -> Numbers:
        """Rarity of the numbers ``inside`` the neighbourhoods; who is beyond a list takes its end."""
        found: Numbers = self.rarity[self.begins + np.clip(inside - self.least, 0, self.span)]
        return found


@compiled
def _lattice_runs(key: Whole, first: Whole, last: Whole) -> tuple[Whole, Whole]:
    """Where ``key + first`` to ``key + last`` begin and end among the rising ``key``, one column an offset."""
    low, high = np.empty((key.size, first.size), np.int64), np.empty((key.size, first.size), np.int64)
    begin_at, end_at = np.zeros(first.size, np.int64), np.zeros(first.size, np.int64)
    for cell in range(key.size):
        for offset in range(first.size):
            while begin_at[offset] < key.size and key[begin_at[offset]] < key[cell] + first[offset]:
                begin_at[offset] += 1
            while end_at[offset] < key.size and key[end_at[offset]] <= key[cell] + last[offset]:
                end_at[offset] += 1
            low[cell, offset], high[cell, offset] = begin_at[offset], end_at[offset]
    return low, high


@compiled
def _log_chance(inside: int, total: int, logs: Numbers, drawn_from: float, pool: int) -> float:
    """Logarithm of the chance of a number, but for a constant: binomial with odds, or hypergeometric with a part of a pool."""
    ways = logs[total] - logs[inside] - logs[total - inside]
    if pool == 0:
        return float(ways + inside * np.log(drawn_from) - total * np.log1p(drawn_from))
    part = int(drawn_from)
    if inside > part or total - inside > pool - part:
        return -np.inf
    rest = logs[part] - logs[part - inside] + logs[pool - part] - logs[pool - part - total + inside]
    return float(ways + rest - logs[pool] + logs[pool - total])


@compiled
def _rarities(total: int, logs: Numbers, alike: Numbers, pool: int) -> tuple[Whole, Whole, Numbers]:
    """Minus the logarithm of the smaller tail, for every number of reports that is ever met.

    ``alike`` holds odds of the binomial; with a ``pool``, how many of its reports are in the neighbourhood. Numbers e^30 times
    rarer than the most frequent one are left out; who meets one takes the last one listed. Returned are the least number listed
    for each of them, where its list begins, and all lists.
    """
    least, most = np.empty(alike.size, np.int64), np.empty(alike.size, np.int64)
    begins = np.zeros(alike.size + 1, np.int64)
    for kind in range(alike.size):
        expects = alike[kind] / pool if pool > 0 else alike[kind] / (1 + alike[kind])
        middle = min(int((total + 1) * expects), total)
        if pool > 0:
            middle = min(max(middle, total - (pool - int(alike[kind]))), int(alike[kind]))
        floor = _log_chance(middle, total, logs, alike[kind], pool) - _FARTHEST
        least[kind] = most[kind] = middle
        while least[kind] > 0 and _log_chance(least[kind], total, logs, alike[kind], pool) > floor:
            least[kind] -= 1
        while most[kind] < total and _log_chance(most[kind], total, logs, alike[kind], pool) > floor:
            most[kind] += 1
        begins[kind + 1] = begins[kind] + most[kind] - least[kind] + 1

    rarity = np.empty(begins[-1])
    for kind in range(alike.size):
        first = least[kind]
        chance = rarity[begins[kind] : begins[kind + 1]]
        for inside in range(chance.size):
            chance[inside] = _log_chance(first + inside, total, logs, alike[kind], pool)
        _smaller_tail(chance)
    return least, begins, rarity


@compiled
def _smaller_tail(chance: Numbers) -> None:
    """Turn logarithms of chances into minus the logarithm of the smaller of the two tails, in place."""
    below = np.empty(chance.size)
    tail = -np.inf
    for inside in range(chance.size):
        tail = np.logaddexp(tail, chance[inside])
        below[inside] = tail
    tail = -np.inf
    for inside in range(chance.size - 1, -1, -1):
        tail = np.logaddexp(tail, chance[inside])
        chance[inside] = max(-tail, -below[inside])


@compiled
def _compound_rarities(mean: float, level: Whole, chance: Numbers) -> Numbers:
    """Minus the logarithm of the smaller tail of a compound Poisson sum, for the sums 0, 1, ... until they are too rare.

    ``mean`` reports are expected, each of a ``level`` with its ``chance``. Panjer's recursion, scaled against overflow.
    """
    top, scale = level[-1], -mean
    pull = level * chance * mean
    law = np.zeros(5 * top + 64)  # scaled; the sum ``place`` stands ``top`` farther on, so that none is out of reach
    logs = np.empty(4 * top + 64)
    law[top], logs[0] = 1.0, scale
    highest, likely, place, sum_of_levels = scale, 0, 0, pull.sum()
    while place <= sum_of_levels or place - likely <= top:
        place += 1
        if place == logs.size:
            logs, law = np.concatenate((logs, np.empty(logs.size))), np.concatenate((law, np.zeros(logs.size)))
        value = 0.0
        for number in range(level.size):
            value += pull[number] * law[top + place - level[number]]
        value /= place
        law[top + place] = value
        logs[place] = np.log(value) + scale if value > 0 else -np.inf
        highest = max(highest, logs[place])
        if logs[place] > highest - _FARTHEST:
            likely = place
        if value > 1e200:
            law[place : top + place + 1] *= 1e-200
            scale += 200 * np.log(10.0)
    found = logs[: place + 1].copy()
    _smaller_tail(found)
    return found


@compiled
def _sums(values: Numbers, start: Whole, low: Whole, high: Whole) -> Numbers:
    sums = np.zeros(start.size - 1)
    for place in range(sums.size):
        for run in range(start[place], start[place + 1]):
            for near in range(low[run], high[run]):
                sums[place] += values[near]
    return sums


_Drawn = tuple[Whole, Numbers, Whole, Whole, Whole]
_Runs = tuple[Whole, Whole, Whole]
_Rarity = tuple[Whole, Whole, Whole, Numbers]


@compiled
def _draw(state: np.uint64, drawn: _Drawn, counts: Whole, before: Whole) -> None:
    """Fill ``counts`` with one map of the null, in reports or in what they carry, and ``before`` with its running sums."""
    totals, keep, other, pool, carried = drawn
    if carried.size == 0:
        draw_kinds(state, totals, keep, other, pool, counts)
    else:
        counts[:] = 0
        report, cells = 0, keep.shape[1]
        for kind in range(totals.size):
            for _ in range(totals[kind]):
                state += STEP
                place = chance(state) * cells
                cell = int(place)
                if place - cell >= keep[kind, cell]:
                    cell = other[kind, cell]
                counts[cell] += carried[report]
                report += 1
    for place in range(counts.size):
        before[place + 1] = before[place] + counts[place]


@compiled
def _rarity_in(cell: int, before: Whole, runs: _Runs, lists: _Rarity) -> float:
    start, low, high = runs
    least, span, begins, rarity = lists
    inside = -least[cell]
    for run in range(start[cell], start[cell + 1]):
        inside += before[high[run]] - before[low[run]]
    return float(rarity[begins[cell] + min(max(inside, 0), span[cell])])


@compiled
def _as_rare(first: int, last: int, seed: np.uint64, drawn: _Drawn, runs: _Runs, lists: _Rarity, observed: Numbers) -> Whole:
    """On how many replicates each cell, or any cell not rarer than it on the map, is as rare as it; rarest cell first."""
    as_rare = np.zeros((2, observed.size), np.int64)
    counts = np.empty(drawn[1].shape[1], np.int64)
    before = np.zeros(counts.size + 1, np.int64)
    for replicate in range(first, last):
        _draw(begin(seed, replicate), drawn, counts, before)
        rarest = -np.inf
        for cell in range(observed.size - 1, -1, -1):
            found = _rarity_in(cell, before, runs, lists)
            rarest = max(rarest, found)
            as_rare[0, cell] += found >= observed[cell]
            as_rare[1, cell] += rarest >= observed[cell]
    return as_rare


def _table(
    worlds: Sequence[_Local], count: Whole, cells: gpd.GeoDataFrame, *, replicates: int, alpha: float, seed: int
) -> pd.DataFrame:
    """The columns of `find_hotspots`; ``count`` in the order of ``cells``."""
    order = worlds[0].near.order
    expected, z, p_cell, p_map, p_fdr = np.full((5, count.size), np.nan)
    hotspot = np.full(count.size, "too few to tell", dtype=object)
    expected[order] = np.mean([local.null.expected for local in worlds], axis=0)
    z[order] = _least([local.z for local in worlds])
    if worlds[0].null.total >= FEWEST_REPORTS:
        found = [local.p_values(replicates=replicates, seed=seed) for local in worlds]
        is_agreed = (np.sign([local.z for local in worlds]) == np.sign(worlds[0].z)).all(axis=0) | np.isnan(worlds[0].z)
        for p, part in ((p_cell, 0), (p_map, 1)):
            p[order] = np.where(is_agreed, np.max([of_world[part] for of_world in found], axis=0), 1.0)
        tested = ~np.isnan(p_cell)
        p_fdr[tested] = false_discovery_control(p_cell[tested])
        hotspot = np.select([(p_map <= alpha) & (z > 0), (p_map <= alpha) & (z < 0)], ["hot", "cold"], "none")
    met, of_met = np.unique(count, return_inverse=True)
    low = gammaincinv(np.maximum(met, 1), 0.025) * (met > 0)
    return pd.DataFrame(
        {
            "count": count,
            "count_low": low[of_met],
            "count_high": gammaincinv(met + 1, 0.975)[of_met],
            "expected": expected,
            "gi_z": z,
            "p_cell": p_cell,
            "p_map": p_map,
            "p_fdr": p_fdr,
            "hotspot": pd.array(hotspot, dtype="str"),
        },
        index=cells.index,
    )


def _least(z: Sequence[Numbers]) -> Numbers:
    """The departure that all worlds agree on: the smallest, or 0 if they point in different directions."""
    low, high = np.min(z, axis=0), np.max(z, axis=0)
    agreed: Numbers = np.where(low > 0, low, np.where(high < 0, high, np.where(np.isnan(low), np.nan, 0.0)))
    return agreed


def _per_kind(totals: Whole, carried: Whole) -> Numbers:
    """Sum of what the reports of each kind carry; their number if they carry nothing."""
    if carried.size == 0:
        return totals.astype(np.float64)
    before = np.concatenate([[0], np.cumsum(carried)])
    ends = np.cumsum(totals)
    sums: Numbers = (before[ends] - before[ends - totals]).astype(np.float64)
    return sums


def _lattice_of(cells: gpd.GeoDataFrame, easting: Numbers, northing: Numbers) -> _Lattice | None:
    """The grid, if the cells are equal squares or regular hexagons on one; whole numbers, never corners compared."""
    bounds = cells.geometry.bounds.to_numpy()
    if bounds.size == 0:
        return None
    sides = bounds[:, 2:] - bounds[:, :2]
    width, height = float(sides[0, 0]), float(sides[0, 1])
    if not (min(width, height) > 0 and np.abs(sides - sides[0]).max() <= _ROUNDING * min(width, height)):
        return None
    if abs(width - height) <= _ROUNDING * width:
        return _lattice(easting, northing, side_m=width, height=1.0, slant=0.0, touch=_TOUCH_SQUARES)
    upright = np.sqrt(0.75)  # a hexagon is so much as wide as it is long, and so far apart are its rows
    hexagons = {"height": float(upright), "slant": 0.5, "touch": _TOUCH_HEXAGONS}
    if abs(width - upright * height) <= _ROUNDING * width:
        return _lattice(easting, northing, side_m=width, **hexagons)
    if abs(height - upright * width) <= _ROUNDING * height:
        return _lattice(northing, easting, side_m=height, **hexagons)
    return None


def _lattice(along: Numbers, across: Numbers, *, side_m: float, height: float, slant: float, touch: float) -> _Lattice | None:
    """Whole-numbered places in rows that run ``along``; None if they are not whole."""
    first = np.lexsort((along, across))[0]
    row = (across - across[first]) / (side_m * height)
    column = (along - along[first]) / side_m - np.rint(row) * slant
    places = np.stack([column, row])
    whole = np.rint(places)
    if np.abs(places - whole).max() > _ROUNDING:
        return None
    column, row = whole.astype(np.int64)
    return _Lattice(side_m, height, slant, touch, column - column.min(), row)


def _aligned(values: pd.Series | Numbers, cells: gpd.GeoDataFrame, name: str, *, at_least: float = 0.0) -> Numbers:
    """``values`` as finite numbers in the order of ``cells``."""
    if isinstance(values, pd.Series):
        if not cells.index.is_unique:
            raise MeasureError("Two cells have the same label in the index. Reset the index of the cells.")
        if len(values) != len(cells) or not cells.index.isin(values.index).all():
            raise MeasureError(f"The {name} belong to other cells: their index differs. Give one number for each cell.")
        found: Numbers = values.reindex(cells.index).to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        found = np.asarray(values, dtype=np.float64)
        if found.shape != (len(cells),):
            raise MeasureError(f"There are {len(cells)} cells, but the {name} have the shape {found.shape}.")
    if not (np.isfinite(found) & (found >= at_least)).all():
        raise MeasureError(
            f"The {name} hold numbers that are missing, infinite or negative. Mend them, or leave those cells out."
        )
    return found


def _checked_counts(counts: pd.Series | Whole, cells: gpd.GeoDataFrame) -> Whole:
    found = _aligned(counts, cells, "counts")
    if (found != np.rint(found)).any():
        raise MeasureError("The counts are not whole numbers. Each report counts as one; weights and rates cannot be tested.")
    return found.astype(np.int64)


def _check_cells(cells: gpd.GeoDataFrame, precision_m: float | None) -> None:
    if len(cells) == 0:
        raise MeasureError("There are no cells, so nothing can be found. Check the study area.")
    if precision_m is None:
        return
    if not 0 <= precision_m < np.inf:
        raise MeasureError(f"precision_m is {precision_m:g}, but a precision is a number of metres, 0 or more.")
    west, south, east, north = cells.geometry.bounds.to_numpy().T
    wide_m = float(np.median(np.minimum(east - west, north - south)))
    if 0 < wide_m < precision_m * (1 - _ROUNDING):
        raise MeasureError(
            f"The cells are {wide_m:,.0f} m wide, but the places of the reports are known to {precision_m:,.0f} m only: spots of "
            "such cells would be made up. Make the cells wider, or leave out the reports with vague places."
        )


def _check_cover(position: Whole) -> None:
    outside = int((position < 0).sum())
    if position.size >= FEWEST_REPORTS and outside > position.size / 2:
        raise MeasureError(
            f"{outside} of {position.size} reports have a place that is on no cell, so the grid does not cover the reports. "
            "Check the study area and the coordinates; leave out reports whose place is vaguer than a cell."
        )


def _checked_severity(weights: pd.Series | Numbers, seen: pd.DataFrame) -> Numbers:
    if len(weights) != len(seen) or (isinstance(weights, pd.Series) and not weights.index.equals(seen.index)):
        raise MeasureError("The weights belong to other reports. Give one weight for each row of seen, in the same order.")
    found = np.asarray(weights, dtype=np.float64)
    if not (np.isfinite(found) & (found > 0)).all():
        raise MeasureError("A weight is missing, infinite, negative or 0. Give each report a positive weight, or leave it out.")
    return found


def _units(weights: Numbers) -> tuple[Whole, float]:
    """Weights as whole numbers of a unit: of the smallest if they are multiples of it, else of a part of the greatest."""
    if weights.size == 0:
        return np.empty(0, np.int64), 1.0
    unit = float(weights.min())
    times = weights / unit
    if times.max() > _LEVELS + 0.5 or np.abs(times - np.rint(times)).max() > _ROUNDING:
        unit = float(weights.max()) / _LEVELS
        times = np.maximum(weights / unit, 1.0)
    return np.rint(times).astype(np.int64), unit


def _world(null: Null | pd.Series | Numbers | None, count: Whole, cells: gpd.GeoDataFrame) -> Null:
    """The null of ``count``; weights are those of one kind of report."""
    if not isinstance(null, Null):
        world = _of_weights(null, cells)
        return world.with_totals(np.array([count[world.is_possible].sum()]))
    _check_size(null, cells)
    tested = int(count[null.is_possible].sum())
    if tested != null.total:
        raise MeasureError(
            f"The null is one of {null.total} reports, but {tested} were counted where it expects any. "
            "Make both from the same reports."
        )
    if null.pool.size and (np.bincount(null.pool, minlength=count.size) < count).any():
        raise MeasureError("Some cell holds more reports in question than reports at all. Count the former among the latter.")
    return null


def _of_weights(weights: pd.Series | Numbers | None, cells: gpd.GeoDataFrame) -> Null:
    found = np.ones(len(cells)) if weights is None else _aligned(weights, cells, "weights of the null")
    if not found.any():
        raise MeasureError(
            "Nothing is expected in any cell, so nothing can be surprising. Use another null, for example uniform."
        )
    return Null.of_kinds(found, np.zeros(1, np.int64))


def _check_size(null: Null, cells: gpd.GeoDataFrame) -> None:
    if null.weights.shape[1] != len(cells):
        raise MeasureError(f"There are {len(cells)} cells, but the null has {null.weights.shape[1]}. Make it for these cells.")


def _worlds_of_draws(
    null: Null | pd.Series | Numbers | None, draws: npt.NDArray[np.integer], cells: gpd.GeoDataFrame
) -> tuple[Null, Whole, Whole]:
    """The null; per draw and cell the reports that can be tested; and per draw and kind how many they are."""
    world = null if isinstance(null, Null) else _of_weights(null, cells)
    _check_size(world, cells)
    if world.pool.size:
        raise MeasureError("With random labelling the reports at large would have to be drawn as well. Give weights as the null.")
    found = np.asarray(draws)
    of_kinds = world.totals.size
    fits = found.ndim in (2, 3) and found.shape[-1] == len(cells) and found.shape[0] > 0
    if not fits or (found.ndim == 3 and found.shape[1] != of_kinds):
        raise MeasureError(
            f"The draws have the shape {found.shape}, but must be (draws, {len(cells)} cells) or (draws, {of_kinds} kinds, "
            f"{len(cells)} cells)."
        )
    if not np.isfinite(found).all() or (found < 0).any() or (found != np.rint(found)).any():
        raise MeasureError("The draws hold numbers that are missing, negative or not whole. Each report counts as one.")
    found = found.astype(np.int64)
    if found.ndim == 2 and of_kinds > 1:
        maps = np.where(world.is_possible, found, 0)
        if (maps.sum(axis=1) != world.total).any():
            raise MeasureError(
                f"The null is one of {world.total} reports of {of_kinds} kinds, but some draws hold other numbers. "
                "Give draws by kind: (draws, kinds, cells)."
            )
        return world, maps, np.repeat(world.totals[None], len(maps), axis=0)
    by_kind = np.where(world.weights > 0, found.reshape(len(found), of_kinds, len(cells)), 0)
    return world, by_kind.sum(axis=1), by_kind.sum(axis=2)
