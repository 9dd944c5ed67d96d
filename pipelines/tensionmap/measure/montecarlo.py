"""Maps on which nothing is going on, drawn so that any number of threads gives the same ones.

Every replicate has a stream of its own (see `streams`), which depends on the seed and the number of the replicate alone.

References
----------
Vose, M. D. (1991). A linear algorithm for generating random numbers with a given distribution. IEEE Transactions on
Software Engineering 17. https://doi.org/10.1109/32.92917
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from tensionmap.compiled import compiled
from tensionmap.errors import MeasureError
from tensionmap.streams import LARGEST_SEED, STEP, chance

Function = TypeVar("Function", bound=Callable[..., Any])
Result = TypeVar("Result")

_BATCH = 100


@compiled
def draw_kinds(
    state: np.uint64,
    totals: npt.NDArray[np.int64],
    keep: npt.NDArray[np.float64],
    other: npt.NDArray[np.int64],
    pool: npt.NDArray[np.int64],
    counts: npt.NDArray[np.int64],
) -> None:
    """Fill ``counts`` (one a cell) with one map of a `nulls.Null`, from one stream.

    Row k of ``keep`` and ``other`` is the alias table of the ``totals[k]`` reports of kind k. With a ``pool`` there are no
    kinds: ``totals[0]`` of the reports in it, each named by its cell, are taken without putting any back.
    """
    counts[:] = 0
    if pool.size > 0:
        left = pool.copy()
        for taken in range(totals[0]):
            state += STEP
            place = taken + int(chance(state) * (left.size - taken))
            left[taken], left[place] = left[place], left[taken]
            counts[left[taken]] += 1
        return
    cells = keep.shape[1]
    for kind in range(totals.size):
        for _ in range(totals[kind]):
            state += STEP
            place = chance(state) * cells
            cell = int(place)
            if place - cell >= keep[kind, cell]:
                cell = other[kind, cell]
            counts[cell] += 1


@compiled
def shuffle(state: np.uint64, values: npt.NDArray[np.int64], starts: npt.NDArray[np.int64]) -> np.uint64:
    """Shuffle ``values`` in place within the runs ``starts[k]`` to ``starts[k + 1]`` (Fisher and Yates); the state after."""
    for run in range(starts.size - 1):
        for last in range(starts[run + 1] - 1, starts[run], -1):
            state += STEP
            place = starts[run] + int(chance(state) * (last + 1 - starts[run]))
            values[last], values[place] = values[place], values[last]
    return state


@compiled
def alias_table(weights: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Vose's table for drawing cells in proportion to ``weights`` (their sum is positive) at one random number each."""
    cells = weights.size
    keep = weights * (cells / weights.sum())
    other = np.arange(cells)
    small = np.empty(cells, np.int64)
    large = np.empty(cells, np.int64)
    smalls = larges = 0
    for cell in range(cells):
        if keep[cell] < 1.0:
            small[smalls] = cell
            smalls += 1
        else:
            large[larges] = cell
            larges += 1
    while smalls > 0 and larges > 0:
        smalls -= 1
        low, high = small[smalls], large[larges - 1]
        other[low] = high
        keep[high] -= 1.0 - keep[low]
        if keep[high] < 1.0:
            larges -= 1
            small[smalls] = high
            smalls += 1
    # What is left is full but for rounding; a cell without weight never is.
    for left in range(larges):
        keep[large[left]] = 1.0
    for left in range(smalls):
        if weights[small[left]] > 0.0:
            keep[small[left]] = 1.0
    return keep, other


def check_chance(*, replicates: int, alpha: float, seed: int) -> None:
    """Refuse settings with which no verdict could be reached, or no run repeated.

    Raises
    ------
    MeasureError
        If ``alpha`` is not between 0 and 1, if even the rarest map among ``replicates`` could not reach it, or if the seed
        is not a whole number from 0 to 2^64 - 1.
    """
    if not 0 < alpha < 1:
        raise MeasureError(f"alpha is {alpha:g}, but a share of maps lies between 0 and 1. Use 0.05 if in doubt.")
    if replicates < 1 or 1 / (1 + replicates) > alpha:
        needed = next(r for r in range(int(1 / alpha) - 1, int(1 / alpha) + 2) if r > 0 and 1 / (1 + r) <= alpha)
        raise MeasureError(
            f"With {replicates} replicates no p can be {alpha:g} or less, so nothing could ever be found. "
            f"Use at least {needed} replicates; 999 is usual."
        )
    if not 0 <= seed <= LARGEST_SEED:
        raise MeasureError(f"The seed is {seed}, but it must be a whole number from 0 to {LARGEST_SEED}.")


def threads() -> int:
    """How many threads may run side by side here."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def share_out(task: Callable[[int, int], Result], replicates: int, *, first: int = 0) -> list[Result]:
    """Results of ``task(first, last)`` over all replicates first, first + 1, ..., cut into one piece a thread, in order.

    Only sums of whole numbers, or the like, of the results are the same for every number of threads.
    """
    pieces = max(1, min(threads(), replicates))
    bounds = [first + replicates * piece // pieces for piece in range(pieces + 1)]
    if pieces == 1:
        return [task(first, first + replicates)]
    with ThreadPoolExecutor(pieces) as pool:
        return list(pool.map(task, bounds[:-1], bounds[1:]))


def rarest_of_maps(
    task: Callable[[int, int], npt.NDArray[np.float64]], replicates: int, *, observed: float, stop_after: int | None = None
) -> npt.NDArray[np.float64]:
    """The greatest statistic of each replicate map, in order; fewer than ``replicates`` if the answer is clear before.

    Parameters
    ----------
    task
        ``task(first, last)`` gives the greatest statistic of each of the replicates first, ..., last - 1.
    replicates
        Most maps to draw.
    observed
        The greatest statistic of the data.
    stop_after
        Stop at the replicate that is the so-manieth to reach ``observed``: no small p can come of it any more. None: never.

    Returns
    -------
    ndarray
        One number a replicate; ends with the replicate at which it stopped. The same for every number of threads.

    References
    ----------
    Besag, J. and Clifford, P. (1991). Sequential Monte Carlo p-values. Biometrika 78. https://doi.org/10.1093/biomet/78.2.301
    """
    found: list[npt.NDArray[np.float64]] = []
    reached = 0
    for first in range(0, replicates, _BATCH):
        batch = np.concatenate(share_out(task, min(_BATCH, replicates - first), first=first))
        hits = np.flatnonzero(batch >= observed)
        if stop_after is not None and reached + hits.size >= stop_after:
            found.append(batch[: hits[stop_after - reached - 1] + 1])
            break
        reached += hits.size
        found.append(batch)
    return np.concatenate(found)


def p_value(observed: npt.NDArray[np.float64], maxima: npt.NDArray[np.float64], *, replicates: int) -> npt.NDArray[np.float64]:
    """Chance of each of the ``observed`` statistics: the share of maps whose greatest is no less, this map counted among them.

    If the maps were stopped early (fewer ``maxima`` than ``replicates``) the last one is the one that stopped them, and the
    share is taken without this map, as Besag and Clifford show.
    """
    ordered = np.sort(maxima)
    reached = maxima.size - np.searchsorted(ordered, observed, side="left")
    if maxima.size < replicates:
        return np.minimum(np.maximum(reached, 1) / maxima.size, 1.0)
    return (1 + reached) / (1 + maxima.size)


def gumbel_p(observed: npt.NDArray[np.float64], maxima: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Chance of each of the ``observed`` statistics by a Gumbel law fitted by moments to the maxima of the replicates.

    For clusters far beyond every replicate, where the count of replicates can only say "less than 1 / (1 + replicates)".
    An approximation: good in the tail for scan statistics, not a guarantee. NaN if all maxima are equal.

    References
    ----------
    Abrams, A. M., Kleinman, K. and Kulldorff, M. (2010). Gumbel based p-value approximations for spatial scan statistics.
    International Journal of Health Geographics 9:61. https://doi.org/10.1186/1476-072X-9-61
    """
    spread = maxima.std(ddof=1) * np.sqrt(6) / np.pi if maxima.size > 1 else 0.0
    if not spread > 0:
        return np.full(np.shape(observed), np.nan)
    middle = maxima.mean() - np.euler_gamma * spread
    p: npt.NDArray[np.float64] = -np.expm1(-np.exp(-(observed - middle) / spread))
    return p
