"""Streams of chance: known answers, fair draws, and no trace of who drew them."""

from __future__ import annotations

from itertools import chain
from typing import Any

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from tensionmap.errors import MeasureError
from tensionmap.measure import montecarlo

STEP = 0x9E3779B97F4A7C15


@pytest.mark.parametrize(
    ("settings_", "words"),
    [
        ({"alpha": 0.0}, "between 0 and 1"),
        ({"alpha": 1.0}, "between 0 and 1"),
        ({"alpha": float("nan")}, "between 0 and 1"),
        ({"replicates": 18}, "at least 19 replicates"),
        ({"replicates": 0}, "at least 19 replicates"),
        ({"replicates": 99, "alpha": 0.001}, "at least 999 replicates"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**64}, "seed"),
    ],
)
def test_settings_that_can_never_find_anything_are_refused(settings_: dict[str, Any], words: str) -> None:
    with pytest.raises(MeasureError, match=words):
        montecarlo.check_chance(**({"replicates": 999, "alpha": 0.05, "seed": 1} | settings_))


def test_just_enough_replicates_are_accepted() -> None:
    montecarlo.check_chance(replicates=19, alpha=0.05, seed=0)
    montecarlo.check_chance(replicates=999, alpha=0.001, seed=2**64 - 1)


def test_the_generator_gives_the_published_numbers_of_splitmix64() -> None:
    drawn = [int(montecarlo.mix(np.uint64((1234567 + k * STEP) % 2**64))) for k in range(1, 6)]
    assert drawn == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


def test_streams_of_neighbouring_seeds_and_replicates_begin_apart() -> None:
    begun = {int(montecarlo.begin(np.uint64(seed), replicate)) for seed in range(50) for replicate in range(50)}
    assert len(begun) == 2500


@settings(max_examples=40, deadline=None)
@given(hnp.arrays(np.float64, st.integers(1, 30), elements=st.one_of(st.just(0.0), st.floats(1e-6, 1e6))))
def test_an_alias_table_holds_exactly_the_weights(weights: np.ndarray) -> None:
    if weights.sum() == 0:
        weights[0] = 1
    keep, other = montecarlo.alias_table(weights)
    held = keep.copy()
    np.add.at(held, other, 1 - keep)
    np.testing.assert_allclose(held / weights.size, weights / weights.sum(), atol=1e-12)
    assert (held[weights == 0] == 0).all()


def test_draws_follow_the_weights_and_miss_nothing() -> None:
    weights = np.array([0.0, 1, 2, 3, 10, 0, 4])
    keep, other = montecarlo.alias_table(weights)
    counts = np.empty(7, np.int64)
    summed = np.zeros(7)
    for replicate in range(200):
        montecarlo.draw_counts(np.uint64(montecarlo.begin(np.uint64(3), replicate)), 1000, keep, other, counts)
        assert counts.sum() == 1000
        summed += counts
    some = weights > 0
    assert summed[~some].sum() == 0
    assert stats.chisquare(summed[some], 200_000 * weights[some] / weights.sum()).pvalue > 0.001


@pytest.mark.parametrize("threads", [1, 2, 3, 7, 50])
def test_replicates_are_shared_out_without_gap_or_overlap(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(montecarlo, "threads", lambda: threads)
    pieces = montecarlo.share_out(lambda first, last: list(range(first, last)), 20)
    assert list(chain.from_iterable(pieces)) == list(range(20))
    assert len(pieces) == min(threads, 20)


def test_without_any_folder_to_write_to_code_is_compiled_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    njit = numba.njit

    def no_folder(**options: Any) -> Any:
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return njit(**options)

    monkeypatch.setattr(numba, "njit", no_folder)

    @montecarlo.compiled
    def twice(number: int) -> int:
        return 2 * number

    assert twice(21) == 42
