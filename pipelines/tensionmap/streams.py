"""Random numbers that are the same everywhere: the k-th number of a stream is a function of the stream and k alone.

Nothing is handed from one stream to the next, so who draws, on how many threads, and in what order, does not matter. The
generator (SplitMix64) is written out here because numpy promises no equal draws between its versions.

References
----------
Steele, G. L., Lea, D. and Flood, C. H. (2014). Fast splittable pseudorandom number generators. OOPSLA '14.
https://doi.org/10.1145/2660193.2660195
"""

from __future__ import annotations

import numpy as np

from tensionmap.compiled import compiled

LARGEST_SEED = 2**64 - 1
STEP = np.uint64(0x9E3779B97F4A7C15)
"""Added to the state of a stream before each number."""

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
def begin(seed: np.uint64, number: int) -> np.uint64:
    """Where the stream of this number begins."""
    return mix(mix(seed + STEP) + np.uint64(number) * STEP)


@compiled
def chance(state: np.uint64) -> float:
    """A number from 0 to 1, 1 not included, that a state stands for."""
    return np.float64(mix(state) >> _11) * 2.0**-53
