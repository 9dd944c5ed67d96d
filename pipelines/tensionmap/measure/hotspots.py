"""Hot and cold spots: where there are more or fewer reports than a world without special places would bring.

The statistic of a cell looks at its neighbourhood, itself included, as Gi* does. What may be called a hot spot is decided
over the whole map at once: of maps on which nothing is going on, at most the share ``alpha`` shows any spot at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.spatial import cKDTree
from scipy.special import gammaln

from tensionmap.compiled import compiled
from tensionmap.crs import metric
from tensionmap.errors import GeometryError, MeasureError
from tensionmap.measure import montecarlo
from tensionmap.measure.montecarlo import begin, draw_counts
from tensionmap.measure.nulls import SHARE_OUTSIDE, by_population

if TYPE_CHECKING:
    import geopandas as gpd

Numbers = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

FEWEST_REPORTS = 30
_QUEEN = 1.5
_ROUNDING = 1e-6


def hotspots_of(
    cell_ids: pd.Series,
    is_named: pd.Series,
    cells: gpd.GeoDataFrame,
    *,
    reach_m: float | None = None,
    replicates: int = 999,
    alpha: float = 0.05,
    seed: int,
    share_outside: float = SHARE_OUTSIDE,
) -> pd.DataFrame:
    """Hot and cold cells of reports that stand on a grid, against residents seen through the same precision.

    Parameters
    ----------
    cell_ids
        Cell of every report; empty for reports that are on no cell, which are left out.
    is_named
        True where a report's place is known only as a village. Same index.
    cells
        Table ``CELLS``, in a projected CRS in metres.
    reach_m, replicates, alpha, seed
        As in `find_hotspots`.
    share_outside
        As in `nulls.by_population`.

    Returns
    -------
    DataFrame
        ``cell_id`` and the columns of `find_hotspots`, one row a cell, in the order of ``cells``.

    Raises
    ------
    MeasureError
        As `count_per_cell`, `nulls.by_population` and `find_hotspots`.
    """
    if not is_named.index.equals(cell_ids.index):
        raise MeasureError("cell_ids and is_named have different rows. Both must hold every report once, in the same order.")
    counts = count_per_cell(cell_ids, cells)
    is_on_cell = cell_ids.notna()
    share_named = float(is_named[is_on_cell].mean()) if is_on_cell.any() else 0.0
    expected = by_population(cells, share_named=share_named, share_outside=share_outside)
    found = find_hotspots(counts, cells, expected=expected, reach_m=reach_m, replicates=replicates, alpha=alpha, seed=seed)
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
    known = pd.Index(cells["cell_id"])
    if not known.is_unique:
        raise MeasureError("Two cells have the same cell_id. Make the cells again with link.")
    position = known.get_indexer(pd.Index(cell_ids.dropna()))
    if (position < 0).any():
        raise MeasureError(
            f"{int((position < 0).sum())} of {position.size} reports stand in cells that are not on the grid. "
            "Reports and cells come from different runs: run link again."
        )
    return pd.Series(np.bincount(position, minlength=len(cells)), index=cells.index, name="count")


def find_hotspots(
    counts: pd.Series | Whole,
    cells: gpd.GeoDataFrame,
    *,
    expected: pd.Series | Numbers | None = None,
    reach_m: float | None = None,
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
        Centres in metres in the columns ``easting``, ``northing``; CRS projected, in metres. Equal squares (polygons) on a
        grid, with or without holes, or cells of any shape if ``reach_m`` is given.
    expected
        Where reports would be if nothing were going on: weights of any scale, not negative. None: the same everywhere.
    reach_m
        Neighbourhood of a cell, from centre to centre, in metres. None: the squares that touch it, corners included.
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
        - ``expected``: reports expected in the cell; sums to the reports that can be tested (see Notes).
        - ``gi_z``: reports in the neighbourhood minus expected, over the standard deviation that the null gives it.
          NaN where nothing is expected in the neighbourhood or there is no report at all; 0 where the neighbourhood is the
          whole map.
        - ``p_cell``: share of replicates (and this map) on which this cell departs as far, in either direction. NaN where
          ``gi_z`` is, and everywhere if there are too few to tell.
        - ``p_map``: the same for the whole map; never below ``p_cell``. NaN as ``p_cell``.
        - ``hotspot``: hot or cold if ``p_map`` <= ``alpha``, else none; too few to tell in every cell if fewer than 30
          reports can be tested.

    Raises
    ------
    GeometryError
        If the CRS is not projected in metres, or the centres form no grid and ``reach_m`` is not given.
    MeasureError
        If counts or weights are negative, missing, not whole or belong to other cells, if nothing is expected anywhere, or
        if ``alpha`` cannot be reached with so few replicates.

    Notes
    -----
    *What is compared.* Under the null, N reports fall on the cells independently, in proportion to ``expected``; so the
    number S in a neighbourhood with share q is binomial. Its rarity is the smaller of its two tails, P(at least S) and
    P(at most S), for the odds q / (1 - q) rounded to a thousandth of themselves. Rarities of crowded and of empty
    neighbourhoods are comparable, which ``gi_z`` is not: one report where 0.01 was expected has ``gi_z`` 9.9 and happens
    once in a hundred times. Hence no neighbourhood rules the map because little is expected there, and no lower limit to
    what is expected is needed.

    *p over the map.* Replicates are drawn from the same null and treated by the same function. ``p_map`` is the step-down
    smallest tail of Westfall and Young: (1 + replicates on which any cell that is not rarer than this one on the map
    becomes as rare as it) / (1 + replicates), made monotone. Of maps that follow the null, at most the share ``alpha`` has
    any spot, exactly, for every null and any number of reports.

    *Where nothing can be expected.* Reports in cells of weight 0 are impossible under the null, not just surprising. They
    are left out of the test, and the null is taken for the rest of the reports; they stay in ``count``. To ask about such
    places, use a null that expects something there, as `nulls.by_population` does.

    *What it rests on.* Reports are independent of one another: one event told twice counts twice, and with every tenth event
    told twice more maps of noise show a spot than promised. Take duplicates out first; ``bench/null_maps.py --wrong``
    prints what this and a misjudged null cost.

    *What it does not show.* A spot is a neighbourhood: its cells need not each hold reports. N is taken as it is, so many
    reports in one place mean fewer elsewhere, and a strong hot spot can turn the rest cold. Nothing is said about why.
    ``gi_z`` is not normal where little is expected; do not read p off it. It has the standard deviation of the null, not
    that of the counts: for that one see `gi_star`.

    References
    ----------
    Ord, J. K. and Getis, A. (1995). Local spatial autocorrelation statistics. Geographical Analysis 27.
    https://doi.org/10.1111/j.1538-4632.1995.tb00912.x

    Kulldorff, M. (1997). A spatial scan statistic. Communications in Statistics 26.
    https://doi.org/10.1080/03610929708831995

    Westfall, P. H. and Young, S. S. (1993). Resampling-based multiple testing. Wiley. ISBN 978-0-471-55761-6.

    Phipson, B. and Smyth, G. K. (2010). Permutation p-values should never be zero. Statistical Applications in Genetics and
    Molecular Biology 9. https://doi.org/10.2202/1544-6115.1585
    """
    montecarlo.check_chance(replicates=replicates, alpha=alpha, seed=seed)
    count = _checked_counts(counts, cells)
    weight = _checked_weights(expected, cells)
    near = Neighbourhoods.of_cells(cells, reach_m)

    tested = np.where(weight > 0, count, 0)
    total = int(tested.sum())
    z = np.full(count.size, np.nan)
    p_cell, p_map = np.full((2, count.size), np.nan)
    hotspot = np.full(count.size, "too few to tell", dtype=object)
    local = _Local.of(tested[near.order], weight[near.order], near)
    z[near.order] = local.z
    if total >= FEWEST_REPORTS:
        p_cell[near.order], p_map[near.order] = local.p_values(replicates=replicates, seed=seed)
        hotspot = np.where(p_map <= alpha, np.where(z > 0, "hot", "cold"), "none")
    return pd.DataFrame(
        {
            "count": count,
            "expected": weight * (total / weight[near.order].sum()),
            "gi_z": z,
            "p_cell": p_cell,
            "p_map": p_map,
            "hotspot": pd.array(hotspot, dtype="str"),
        },
        index=cells.index,
    )


def gi_star(values: pd.Series | Numbers, cells: gpd.GeoDataFrame, *, reach_m: float | None = None) -> pd.Series:
    """The classic Gi* of every cell: neighbourhood sum against the mean, over the deviation of the values themselves.

    Parameters
    ----------
    values
        Numbers not negative; a Series with the labels of ``cells``, or an array in their order.
    cells, reach_m
        As in `find_hotspots`; the cell itself belongs to its neighbourhood, and all weights are 1.

    Returns
    -------
    Series
        Standard scores, index of ``cells``; NaN everywhere if all values are equal, and where a neighbourhood is the map.

    Raises
    ------
    GeometryError, MeasureError
        As `find_hotspots`.

    Notes
    -----
    For comparison with other programs; it makes no verdict. With the same expected everywhere it is ``gi_z`` of
    `find_hotspots` times one number for the whole map, sqrt(N (n - 1)) / (n s) for N reports on n cells, since ``gi_z`` has
    the variance of the null and Gi* the variance s^2 of the counts. Read as a normal score, Gi* finds hot spots on almost
    every map of noise.

    References
    ----------
    Ord, J. K. and Getis, A. (1995). Local spatial autocorrelation statistics. Geographical Analysis 27.
    https://doi.org/10.1111/j.1538-4632.1995.tb00912.x
    """
    near = Neighbourhoods.of_cells(cells, reach_m)
    score = np.empty(len(cells))
    score[near.order] = near.gi_star(_aligned(values, cells, "values")[near.order])
    return pd.Series(score, index=cells.index, name="gi_star")


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
        """Cells within ``reach_m`` of each centre; None: the squares that touch."""
        if cells.crs is None:
            raise GeometryError("The cells do not say their coordinate reference system. Make the cells again with link.")
        metric(cells.crs)
        if reach_m is not None and not 0 < reach_m < np.inf:
            raise MeasureError(f"reach_m is {reach_m:g}, but a neighbourhood needs a positive number of metres.")
        easting = _aligned(cells["easting"], cells, "easting", at_least=-np.inf)
        northing = _aligned(cells["northing"], cells, "northing", at_least=-np.inf)
        grid = _grid_of(cells, easting, northing)
        if grid is not None:
            side, column, row = grid
            return cls._on_grid(column, row, _QUEEN if reach_m is None else reach_m / side)
        if reach_m is None:
            raise GeometryError(
                "The cells are not equal squares on one grid, so it is not known which of them touch. "
                "Give reach_m, the distance between centres up to which cells are neighbours."
            )
        order = np.lexsort((easting, northing))
        centres = np.column_stack([easting, northing])[order]
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
    def _on_grid(cls, column: Whole, row: Whole, reach: float) -> Neighbourhoods:
        order = np.lexsort((column, row))
        rows = int(reach + _ROUNDING)
        # Rows lie so far apart along the line of keys that no run reaches into the next one.
        stride = int(column.max()) + 2 * rows + 1 if column.size else 1
        key = (row * stride + column)[order]
        if (np.diff(key) == 0).any():
            raise GeometryError("Two cells have the same centre. Make the cells again with link.")
        rows = min(rows, int(row.max()) if row.size else 0)
        offsets = np.arange(-rows, rows + 1)
        half = (np.sqrt(np.maximum(reach**2 - offsets.astype(float) ** 2, 0)) + _ROUNDING).astype(np.int64)
        middle = key[:, None] + offsets * stride
        low, high = np.searchsorted(key, middle - half), np.searchsorted(key, middle + half, side="right")
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

    def gi_star(self, values: Numbers) -> Numbers:
        """Classic Gi* with weights 1 of ``values`` (in this order)."""
        cells = values.size
        size = self.sums(np.ones(cells))
        spread = np.sqrt(np.mean((values - values.mean()) ** 2)) if cells else 0.0
        deviation = spread * np.sqrt(np.maximum(cells * size - size**2, 0) / max(cells - 1, 1))
        departure = self.sums(values) - size * (values.mean() if cells else 0.0)
        score: Numbers = np.divide(departure, deviation, out=np.full(cells, np.nan), where=deviation > 0)
        return score


@dataclass(frozen=True)
class _Local:
    """One map in the order of its neighbourhoods: what each neighbourhood holds, and the share of all that it expects."""

    near: Neighbourhoods
    weight: Numbers
    total: int
    observed: Whole
    share: Numbers
    is_expected: npt.NDArray[np.bool_]
    """Something is expected in the neighbourhood."""
    is_part: npt.NDArray[np.bool_]
    """Something is expected in the neighbourhood, and something outside."""

    @classmethod
    def of(cls, count: Whole, weight: Numbers, near: Neighbourhoods) -> _Local:
        # Whether a share is 0 or 1 is counted in whole cells, since a sum of shares may miss 1 by rounding.
        is_positive = (weight > 0).astype(float)
        reached = near.sums(is_positive)
        share = near.sums(weight) / weight.sum()
        return cls(
            near=near,
            weight=weight,
            total=int(count.sum()),
            observed=near.sums(count.astype(float)).astype(np.int64),
            share=share,
            is_expected=reached > 0,
            is_part=(reached > 0) & (reached < is_positive.sum()) & (share < 1 - _ROUNDING**2),
        )

    @property
    def z(self) -> Numbers:
        """Observed minus expected over the standard deviation under the null; 0 for the whole map, NaN for nothing expected."""
        z = np.where(self.is_expected & (self.total > 0), 0.0, np.nan)
        deviation = np.sqrt(self.total * self.share * (1 - self.share), where=self.is_part, out=np.ones_like(self.share))
        departure = self.observed - self.total * self.share
        standardised: Numbers = np.divide(departure, deviation, out=z, where=self.is_part & (self.total > 0))
        return standardised

    def p_values(self, *, replicates: int, seed: int) -> tuple[Numbers, Numbers]:
        """Chance of each cell and over the map; 1 where the neighbourhood is the whole map, NaN where nothing is expected."""
        places = np.flatnonzero(self.is_part)
        # Fewer different lists of rarities stay in the processor's cache.
        share = self.share[places]
        odds, kind = np.unique(_rounded(share / (1 - share), bits=10), return_inverse=True)
        chosen = np.arange(self.total + 1.0)
        ways = gammaln(self.total + 1) - gammaln(chosen + 1) - gammaln(self.total - chosen + 1)
        least, begins, rarity = _rarities(self.total, ways, odds)
        size = np.diff(begins)
        within = np.clip(self.observed[places] - least[kind], 0, size[kind] - 1)
        observed = rarity[begins[kind] + within]

        falling = np.argsort(-observed, kind="stable")
        places, kind, observed = places[falling], kind[falling], observed[falling]
        start, low, high = self.near.of_places(places)
        keep, other = montecarlo.alias_table(self.weight)
        tables = (least[kind], size[kind] - 1, begins[kind], rarity)

        def task(first: int, last: int) -> Whole:
            return _as_rare(first, last, np.uint64(seed), self.total, keep, other, start, low, high, *tables, observed)

        as_rare = np.sum(montecarlo.share_out(task, replicates), axis=0)
        p_cell, p_map = np.where(self.is_expected, 1.0, np.nan), np.where(self.is_expected, 1.0, np.nan)
        p_cell[places] = (1 + as_rare[0]) / (1 + replicates)
        p_map[places] = np.maximum.accumulate((1 + as_rare[1]) / (1 + replicates))
        return p_cell, p_map


@compiled
def _rarities(total: int, ways: Numbers, odds: Numbers) -> tuple[Whole, Whole, Numbers]:
    """For all odds, minus the logarithm of the smaller binomial tail, for every number of reports that is ever met.

    Numbers e^30 times rarer than the most frequent one are left out; who meets one takes the last one listed. Returned
    are the least number listed for each of the odds, where its list begins, and all lists.
    """
    least, most = np.empty(odds.size, np.int64), np.empty(odds.size, np.int64)
    begins = np.zeros(odds.size + 1, np.int64)
    for kind in range(odds.size):
        slope = np.log(odds[kind])
        middle = min(int((total + 1) * odds[kind] / (1 + odds[kind])), total)
        floor = ways[middle] + middle * slope - 30.0
        least[kind] = most[kind] = middle
        while least[kind] > 0 and ways[least[kind]] + least[kind] * slope > floor:
            least[kind] -= 1
        while most[kind] < total and ways[most[kind]] + most[kind] * slope > floor:
            most[kind] += 1
        begins[kind + 1] = begins[kind] + most[kind] - least[kind] + 1

    rarity = np.empty(begins[-1])
    for kind in range(odds.size):
        slope, none = np.log(odds[kind]), -total * np.log1p(odds[kind])
        first, shift = least[kind], begins[kind] - least[kind]
        tail = -np.inf
        for inside in range(most[kind], first - 1, -1):
            tail = np.logaddexp(tail, ways[inside] + inside * slope + none)
            rarity[shift + inside] = -tail
        tail = -np.inf
        for inside in range(first, most[kind] + 1):
            tail = np.logaddexp(tail, ways[inside] + inside * slope + none)
            rarity[shift + inside] = max(rarity[shift + inside], -tail)
    return least, begins, rarity


@compiled
def _sums(values: Numbers, start: Whole, low: Whole, high: Whole) -> Numbers:
    sums = np.zeros(start.size - 1)
    for place in range(sums.size):
        for run in range(start[place], start[place + 1]):
            for near in range(low[run], high[run]):
                sums[place] += values[near]
    return sums


@compiled
def _as_rare(
    first: int,
    last: int,
    seed: np.uint64,
    total: int,
    keep: Numbers,
    other: Whole,
    start: Whole,
    low: Whole,
    high: Whole,
    least: Whole,
    span: Whole,
    begins: Whole,
    rarity: Numbers,
    observed: Numbers,
) -> Whole:
    """On how many replicates each cell, or any cell not rarer than it on the map, is as rare as it; rarest cell first."""
    as_rare = np.zeros((2, observed.size), np.int64)
    counts = np.empty(keep.size, np.int64)
    before = np.zeros(keep.size + 1, np.int64)
    for replicate in range(first, last):
        draw_counts(begin(seed, replicate), total, keep, other, counts)
        for place in range(counts.size):
            before[place + 1] = before[place] + counts[place]
        rarest = -np.inf
        for cell in range(observed.size - 1, -1, -1):
            inside = -least[cell]
            for run in range(start[cell], start[cell + 1]):
                inside += before[high[run]] - before[low[run]]
            drawn = rarity[begins[cell] + min(max(inside, 0), span[cell])]
            rarest = max(rarest, drawn)
            as_rare[0, cell] += drawn >= observed[cell]
            as_rare[1, cell] += rarest >= observed[cell]
    return as_rare


def _grid_of(cells: gpd.GeoDataFrame, easting: Numbers, northing: Numbers) -> tuple[float, Whole, Whole] | None:
    """Side in metres, columns and rows, if the cells are equal squares on one grid; whole numbers, never corners compared."""
    bounds = cells.geometry.bounds.to_numpy()
    if bounds.size == 0:
        return None
    sides = bounds[:, 2:] - bounds[:, :2]
    side = float(sides[0, 0])
    if not (side > 0 and np.abs(sides - side).max() <= _ROUNDING * side):
        return None
    steps = np.stack([easting - easting.min(), northing - northing.min()]) / side
    whole = np.rint(steps)
    if np.abs(steps - whole).max() > _ROUNDING:
        return None
    return side, whole[0].astype(np.int64), whole[1].astype(np.int64)


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


def _checked_weights(expected: pd.Series | Numbers | None, cells: gpd.GeoDataFrame) -> Numbers:
    if len(cells) == 0:
        raise MeasureError("There are no cells, so nothing can be found. Check the study area.")
    weight = np.ones(len(cells)) if expected is None else _aligned(expected, cells, "expected")
    if not weight.any():
        raise MeasureError(
            "Nothing is expected in any cell, so nothing can be surprising. Use another null, for example uniform."
        )
    # In parts of the greatest, without the last bits: the scale of the weights shall leave no trace.
    return _rounded(weight / weight.max(), bits=40)


def _rounded(values: Numbers, *, bits: int) -> Numbers:
    """``values`` to so many binary digits each, however large or small."""
    mantissa, exponent = np.frexp(values)
    rounded: Numbers = np.ldexp(np.rint(mantissa * 2.0**bits), exponent - bits)
    return rounded
