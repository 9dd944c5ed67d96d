"""Maps on which nothing is going on, drawn so that any number of threads gives the same ones.

Every replicate has a stream of its own, which depends on the seed and the number of the replicate alone. The k-th number
of a stream is a function of k (SplitMix64), so nothing is handed from one replicate to the next, and who draws a
replicate does not matter. The generator is written out here because numpy promises no equal draws between its versions.

References
----------
Steele, G. L., Lea, D. and Flood, C. H. (2014). Fast splittable pseudorandom number generators. OOPSLA '14.
https://doi.org/10.1145/2660193.2660195

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

Function = TypeVar("Function", bound=Callable[..., Any])
Result = TypeVar("Result")

LARGEST_SEED = 2**64 - 1

_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_30 = np.uint64(30)
_27 = np.uint64(27)
_31 = np.uint64(31)
_11 = np.uint64(11)


@compiled
def mix(state: np.uint64) -> np.uint64:
    """64 bits that look random, from 64 bits that need not."""
    state = (state ^ (state >> _30)) * _FIRST
    state = (state ^ (state >> _27)) * _SECOND
    return state ^ (state >> _31)


@compiled
def begin(seed: np.uint64, replicate: int) -> np.uint64:
    """Where the stream of one replicate begins."""
    return mix(mix(seed + _STEP) + np.uint64(replicate) * _STEP)


@compiled
def draw_counts(
    state: np.uint64, total: int, keep: npt.NDArray[np.float64], other: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]
) -> None:
    """Fill ``counts`` with ``total`` reports thrown at cells by the alias table ``keep``, ``other``, from one stream."""
    cells = keep.size
    counts[:] = 0
    for _ in range(total):
        state += _STEP
        place = np.float64(mix(state) >> _11) * 2.0**-53 * cells
        cell = int(place)
        if place - cell >= keep[cell]:
            cell = other[cell]
        counts[cell] += 1


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


def share_out(task: Callable[[int, int], Result], replicates: int) -> list[Result]:
    """Results of ``task(first, last)`` over all replicates 0, 1, ..., cut into one piece a thread, in order.

    Only sums of whole numbers, or the like, of the results are the same for every number of threads.
    """
    pieces = max(1, min(threads(), replicates))
    bounds = [replicates * piece // pieces for piece in range(pieces + 1)]
    if pieces == 1:
        return [task(0, replicates)]
    with ThreadPoolExecutor(pieces) as pool:
        return list(pool.map(task, bounds[:-1], bounds[1:]))
