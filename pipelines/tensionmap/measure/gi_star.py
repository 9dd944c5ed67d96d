"""The classic Gi*, by formula and by permutation, as other programs compute it: to compare with them, not to find hot spots.

Both answer for one cell at a time. A map has many cells, and on a map of pure noise some of them stand out: for what may be
called a hot spot see `hotspots.find_hotspots`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from tensionmap.compiled import compiled
from tensionmap.errors import MeasureError
from tensionmap.measure import montecarlo
from tensionmap.measure.hotspots import Neighbourhoods, _aligned
from tensionmap.streams import STEP, begin, chance

if TYPE_CHECKING:
    import geopandas as gpd

Numbers = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

_ROUNDING = 1e-12


def gi_star(values: pd.Series | Numbers, cells: gpd.GeoDataFrame, *, reach_m: float | None = None) -> pd.Series:
    """The classic Gi* of every cell: neighbourhood sum against the mean, over the deviation of the values themselves.

    Parameters
    ----------
    values
        Numbers not negative; a Series with the labels of ``cells``, or an array in their order.
    cells, reach_m
        As in `hotspots.find_hotspots`; the cell itself belongs to its neighbourhood, and all weights are 1.

    Returns
    -------
    Series
        Standard scores, index of ``cells``; NaN everywhere if all values are equal, and where a neighbourhood is the map.

    Raises
    ------
    GeometryError, MeasureError
        As `hotspots.find_hotspots`.

    Notes
    -----
    For comparison with other programs; it makes no verdict. With the same expected everywhere it is ``gi_z`` of
    `hotspots.find_hotspots` times one number for the whole map, sqrt(N (n - 1)) / (n s) for N reports on n cells, since
    ``gi_z`` has the variance of the null and Gi* the variance s^2 of the counts. Read as a normal score, Gi* finds hot spots
    on almost every map of noise.

    References
    ----------
    Ord, J. K. and Getis, A. (1995). Local spatial autocorrelation statistics. Geographical Analysis 27.
    https://doi.org/10.1111/j.1538-4632.1995.tb00912.x
    """
    near = Neighbourhoods.of_cells(cells, reach_m)
    score = np.empty(len(cells))
    score[near.order] = scores(_aligned(values, cells, "values")[near.order], near)
    return pd.Series(score, index=cells.index, name="gi_star")


def gi_star_permuted(
    values: pd.Series | Numbers, cells: gpd.GeoDataFrame, *, reach_m: float | None = None, permutations: int = 999, seed: int
) -> pd.DataFrame:
    """How rare the sum around each cell is among shuffles of the other cells. It calls hot spots on noise: see Notes.

    Parameters
    ----------
    values, cells, reach_m
        As in `gi_star`.
    permutations
        Shuffles to compare each cell with.
    seed
        Seed of all chance. The same seed gives the same bytes on any number of threads.

    Returns
    -------
    DataFrame
        Index of ``cells``.

        - ``gi_z``: as `gi_star`.
        - ``p_sim``: (1 + shuffles with a sum as extreme) / (1 + permutations), in one tail: the one with fewer of them. NaN
          where ``gi_z`` is.
        - ``is_high``: the tail of ``p_sim`` is the upper one (sums at least as great), else the lower one (at most).

    Raises
    ------
    GeometryError, MeasureError
        As `gi_star`; also for fewer than one permutation or a seed that is no seed.

    Notes
    -----
    For comparison with other programs. Each cell keeps its own value, and its neighbours are drawn from all other cells
    without putting any back. ``p_sim`` is the smaller of two tails: of cells on which nothing is going on, about one in ten
    has ``p_sim`` <= 0.05, and nearly every map of noise holds some. Neither this nor a correction of the false discovery rate
    is a verdict on a map, since the sums of neighbours overlap and their smallest p cannot pass 1 / (1 + permutations).

    With equal weights the shuffles of a cell differ from those of another one with as many neighbours only in which value is
    kept: one set of draws serves all. Where the cell itself was drawn, the next cell drawn takes its place, so that each
    cell's draws are exactly as they should be; p of different cells are as dependent as their draws are.

    Sums that differ by rounding alone are equal, and equal sums count in both tails. Programs that count in the lower tail
    only what is less find empty neighbourhoods surprising where most neighbourhoods are empty.

    References
    ----------
    Anselin, L. (1995). Local indicators of spatial association: LISA. Geographical Analysis 27.
    https://doi.org/10.1111/j.1538-4632.1995.tb00338.x
    """
    if permutations < 1:
        raise MeasureError(f"There are {permutations} permutations, but at least one is needed. Use 999 if in doubt.")
    montecarlo.check_chance(replicates=permutations, alpha=0.5, seed=seed)
    near = Neighbourhoods.of_cells(cells, reach_m)
    value = _aligned(values, cells, "values")[near.order]
    gi_z = np.empty(len(cells))
    gi_z[near.order] = scores(value, near)
    at_least, at_most = np.empty((2, len(cells)), np.int64)
    at_least[near.order], at_most[near.order] = _as_extreme(value, near, permutations=permutations, seed=seed)
    p_sim = np.where(np.isfinite(gi_z), (1 + np.minimum(at_least, at_most)) / (1 + permutations), np.nan)
    is_high = np.isfinite(gi_z) & (at_least <= at_most)
    return pd.DataFrame({"gi_z": gi_z, "p_sim": p_sim, "is_high": is_high}, index=cells.index)


def scores(values: Numbers, near: Neighbourhoods) -> Numbers:
    """Classic Gi* with weights 1 of ``values``, both in the order of the neighbourhoods."""
    cells = values.size
    size = near.sums(np.ones(cells))
    spread = np.sqrt(np.mean((values - values.mean()) ** 2)) if cells else 0.0
    deviation = spread * np.sqrt(np.maximum(cells * size - size**2, 0) / max(cells - 1, 1))
    departure = near.sums(values) - size * (values.mean() if cells else 0.0)
    score: Numbers = np.divide(departure, deviation, out=np.full(cells, np.nan), where=deviation > 0)
    return score


def _as_extreme(values: Numbers, near: Neighbourhoods, *, permutations: int, seed: int) -> tuple[Whole, Whole]:
    """For each cell, shuffles whose sum is at least, and at most, that of its neighbours (itself left out)."""
    others = np.rint(near.sums(np.ones(values.size))).astype(np.int64) - 1
    sums = near.sums(values) - values
    sizes, kind = np.unique(others, return_inverse=True)
    slack = _ROUNDING * float(values.max(initial=0.0)) * float(sizes.max(initial=0) + 1)

    def draw(first: int, last: int) -> tuple[Numbers, Whole]:
        return _drawn(first, last, np.uint64(seed), values, sums, sizes, kind, slack)

    drawn = montecarlo.share_out(draw, permutations)
    ordered = np.sort(np.concatenate([sums_of for sums_of, _ in drawn]).T.copy(), axis=1)
    moved: Whole = np.sum([change for _, change in drawn], axis=0)

    def rank(first: int, last: int) -> Whole:
        return _ranked(first, last, sums, kind, ordered, slack)

    extreme = np.concatenate(montecarlo.share_out(rank, values.size), axis=1) + moved
    return extreme[0], extreme[1]


@compiled
def _drawn(
    first: int, last: int, seed: np.uint64, values: Numbers, sums: Numbers, sizes: Whole, kind: Whole, slack: float
) -> tuple[Numbers, Whole]:
    """Sum of each number of cells, drawn without putting any back, a row a shuffle; and what that misses for each cell.

    A cell must not be drawn among its own neighbours. Where it is, the cell drawn after the last one takes its place; the
    second table holds by how much that changes the number of sums that are at least, and at most, the one observed.
    """
    found = np.zeros((last - first, sizes.size))
    change = np.zeros((2, values.size), np.int64)
    left = np.arange(values.size)
    most = min(sizes[-1] + 1, values.size)
    place = np.empty(most, np.int64)
    before = np.zeros(most + 1)
    for replicate in range(first, last):
        state = begin(seed, replicate)
        for taken in range(most):
            state += STEP
            place[taken] = taken + int(chance(state) * (left.size - taken))
            left[taken], left[place[taken]] = left[place[taken]], left[taken]
            before[taken + 1] = before[taken] + values[left[taken]]
        for size in range(sizes.size):
            found[replicate - first, size] = before[sizes[size]]
        for taken in range(most - 1):
            cell = left[taken]
            wanted = sizes[kind[cell]]
            if taken < wanted:
                wrong, right = before[wanted], before[wanted + 1] - values[cell]
                change[0, cell] += int(right >= sums[cell] - slack) - int(wrong >= sums[cell] - slack)
                change[1, cell] += int(right <= sums[cell] + slack) - int(wrong <= sums[cell] + slack)
        # Every replicate starts from the same order, whoever draws it.
        for taken in range(most - 1, -1, -1):
            left[taken], left[place[taken]] = left[place[taken]], left[taken]
    return found, change


@compiled
def _ranked(first: int, last: int, sums: Numbers, kind: Whole, ordered: Numbers, slack: float) -> Whole:
    """For the cells ``first`` to ``last``: how many of the ``ordered`` sums of their kind are at least, and at most, theirs."""
    extreme = np.empty((2, last - first), np.int64)
    for cell in range(first, last):
        row = ordered[kind[cell]]
        extreme[0, cell - first] = row.size - np.searchsorted(row, sums[cell] - slack, side="left")
        extreme[1, cell - first] = np.searchsorted(row, sums[cell] + slack, side="right")
    return extreme
