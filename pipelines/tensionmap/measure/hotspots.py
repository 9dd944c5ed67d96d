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
from scipy.special import xlogy

from tensionmap.crs import metric
from tensionmap.errors import GeometryError, MeasureError
from tensionmap.measure import montecarlo
from tensionmap.measure.montecarlo import compiled
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
    found = find_hotspots(
        counts, cells, expected=expected, reach_m=reach_m, replicates=replicates, alpha=alpha, seed=seed
    )
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
    number S in a neighbourhood with share q is binomial. Its departure is measured by the likelihood ratio of Kulldorff's
    scan for a fixed window, S log(S / Nq) + (N - S) log((N - S) / N(1 - q)), for too many and too few alike. By Chernoff's
    bound its exponent is never smaller than the chance of a departure that large, whatever q; therefore neighbourhoods
    in which almost nothing is expected do not rule the maximum, as they do if ``gi_z`` itself is compared, and no lower
    limit to what is expected is needed.

    *p over the map.* Replicates are drawn from the same null and treated by the same function. ``p_map`` is the step-down
    maximum statistic of Westfall and Young: (1 + replicates on which any cell that departs no more than this one departs
    as far) / (1 + replicates), made monotone. On maps that follow the null, the share with any spot is at most ``alpha``,
    exactly, for every null and any number of reports.

    *Where nothing can be expected.* Reports in cells of weight 0 are impossible under the null, not just surprising. They
    are left out of the test, and the null is taken for the rest of the reports; they stay in ``count``. To ask about such
    places, use a null that expects something there, as `nulls.by_population` does.

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

    tested = np.where(weight > 0, count, 0)[near.order]
    total = int(tested.sum())
    weight = weight / weight.sum()
    local = _Local(tested, total, weight[near.order], near)
    p_cell, p_map = np.full((2, count.size), np.nan)
    hotspot = np.full(count.size, "too few to tell", dtype=object)
    if total >= FEWEST_REPORTS:
        p_cell, p_map = local.p_values(replicates=replicates, seed=seed)
        hotspot = np.where(p_map <= alpha, np.where(local.z > 0, "hot", "cold"), "none")
    back = np.argsort(near.order)
    return pd.DataFrame(
        {
            "count": count,
            "expected": weight * total,
            "gi_z": local.z[back],
            "p_cell": p_cell[back],
            "p_map": p_map[back],
            "hotspot": pd.array(hotspot[back], dtype="str"),
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
        start, low, high = [0], [], []
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

    def sums(self, values: Numbers) -> Numbers:
        """Sum of ``values`` (in this order) over each neighbourhood."""
        return _sums(values, self.start, self.low, self.high)

    def gi_star(self, values: Numbers) -> Numbers:
        """Classic Gi* with weights 1 of ``values`` (in this order)."""
        cells = values.size
        size = self.sums(np.ones(cells))
        spread = np.sqrt(np.mean((values - values.mean()) ** 2)) if cells else 0.0
        deviation = spread * np.sqrt(np.maximum(cells * size - size**2, 0) / max(cells - 1, 1))
        departure = self.sums(values) - size * (values.mean() if cells else 0.0)
        return np.divide(departure, deviation, out=np.full(cells, np.nan), where=deviation > 0)


class _Local:
    """The statistic of every cell on one map, in the order of the neighbourhoods."""

    def __init__(self, count: Whole, total: int, weight: Numbers, near: Neighbourhoods) -> None:
        self._total, self._weight, self._near = total, weight, near
        observed = near.sums(count.astype(float))
        reached = near.sums((weight > 0).astype(float))
        share = near.sums(weight)
        is_something = (reached > 0) & (total > 0)
        is_part = is_something & (reached < (weight > 0).sum())
        deviation = np.sqrt(total * share * (1 - share), out=np.ones_like(share), where=is_part)
        self.z = np.where(is_part, (observed - total * share) / deviation, np.where(is_something, 0.0, np.nan))
        self._observed, self._share, self._is_part = observed.astype(np.int64), share, is_part

    def p_values(self, *, replicates: int, seed: int) -> tuple[Numbers, Numbers]:
        """p of each cell and over the map; NaN where nothing is expected, 1 where the neighbourhood is the whole map."""
        part = np.flatnonzero(self._is_part)
        share = self._share[part]
        # likelihood ratio = table[S] + S * slope + base; one table for the map, two numbers a cell
        reports = np.arange(self._total + 1)
        table = xlogy(reports, reports / self._total) + xlogy(reports[::-1], reports[::-1] / self._total)
        slope, base = np.log1p(-share) - np.log(share), -self._total * np.log1p(-share)
        observed = self._observed[part]
        score = table[observed] + observed * slope + base

        falling = np.argsort(-score, kind="stable")
        part = part[falling]
        runs = [np.arange(self._near.start[k], self._near.start[k + 1]) for k in part]
        raise NotImplementedError(runs)
