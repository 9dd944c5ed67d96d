"""The generator of random numbers, and how inner loops are compiled."""

from typing import Any

import numba
import numpy as np
import pytest

from tensionmap import streams
from tensionmap.compiled import compiled


def test_the_generator_gives_the_published_numbers_of_splitmix64() -> None:
    drawn = [int(streams.mix(np.uint64((1234567 + k * int(streams.STEP)) % 2**64))) for k in range(1, 6)]
    assert drawn == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


def test_streams_of_neighbouring_seeds_and_replicates_begin_apart() -> None:
    begun = {int(streams.begin(np.uint64(seed), replicate)) for seed in range(50) for replicate in range(50)}
    assert len(begun) == 2500


def test_chances_are_even_and_below_one() -> None:
    state, drawn = np.uint64(streams.begin(np.uint64(5), 0)), np.empty(20_000)
    for number in range(drawn.size):
        state = np.uint64((int(state) + int(streams.STEP)) % 2**64)
        drawn[number] = streams.chance(state)
    assert 0 <= drawn.min() < drawn.max() < 1
    assert np.abs(np.histogram(drawn, bins=10, range=(0, 1))[0] - 2000).max() < 6 * 2000**0.5


def test_without_any_folder_to_write_to_code_is_compiled_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    njit = numba.njit

    def no_folder(**options: Any) -> Any:
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return njit(**options)

    monkeypatch.setattr(numba, "njit", no_folder)

    @compiled
    def twice(number: int) -> int:
        return 2 * number

    assert twice(21) == 42
