"""Streams of chance: known answers, fair draws, and no trace of who drew them."""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from tensionmap import streams
from tensionmap.errors import MeasureError
from tensionmap.measure import montecarlo


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
        state = np.uint64(streams.begin(np.uint64(3), replicate))
        montecarlo.draw_kinds(state, np.array([1000]), keep[None], other[None], np.empty(0, np.int64), counts)
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


def test_the_stream_of_several_kinds_is_that_of_one_after_another() -> None:
    weights = np.random.default_rng(2).gamma(0.5, size=(2, 9))
    tables = [montecarlo.alias_table(row) for row in weights]
    keep, other = (np.stack(part) for part in zip(*tables, strict=True))
    state, counts, nobody = np.uint64(streams.begin(np.uint64(3), 5)), np.empty(9, np.int64), np.empty(0, np.int64)
    montecarlo.draw_kinds(state, np.array([40, 0]), keep, other, nobody, counts)
    alone = np.empty(9, np.int64)
    montecarlo.draw_kinds(state, np.array([40]), keep[:1], other[:1], nobody, alone)
    assert counts.tolist() == alone.tolist()
    montecarlo.draw_kinds(state, np.array([40, 25]), keep, other, nobody, counts)
    assert counts.sum() == 65
    assert (counts >= alone).all()


def test_each_kind_falls_in_its_own_proportion() -> None:
    weights = np.array([[1.0, 3, 0, 0, 0], [0, 0, 2, 2, 6]])
    keep, other = (np.stack(part) for part in zip(*(montecarlo.alias_table(row) for row in weights), strict=True))
    counts, summed = np.empty(5, np.int64), np.zeros(5)
    for replicate in range(300):
        state = np.uint64(streams.begin(np.uint64(4), replicate))
        montecarlo.draw_kinds(state, np.array([100, 50]), keep, other, np.empty(0, np.int64), counts)
        assert counts[:2].sum() == 100
        summed += counts
    assert stats.chisquare(summed[:2], 30_000 * np.array([0.25, 0.75])).pvalue > 0.001
    assert stats.chisquare(summed[2:], 15_000 * np.array([0.2, 0.2, 0.6])).pvalue > 0.001


def test_labels_are_drawn_without_putting_any_back_and_the_pool_stays() -> None:
    pool = np.array([0, 0, 0, 1, 1, 3])
    nothing = np.empty((0, 4))
    counts, seen = np.empty(4, np.int64), np.zeros((7, 4))
    for replicate in range(4000):
        state = np.uint64(streams.begin(np.uint64(9), replicate))
        montecarlo.draw_kinds(state, np.array([3]), nothing, nothing.astype(np.int64), pool, counts)
        assert counts.sum() == 3
        assert (counts <= [3, 2, 0, 1]).all()
        seen[counts, np.arange(4)] += 1
    assert pool.tolist() == [0, 0, 0, 1, 1, 3]
    # In the first cell: hypergeometric, 3 of 6 drawn, 3 of them there: 1, 9, 9, 1 of 20.
    assert stats.chisquare(seen[:4, 0], 4000 * np.array([1, 9, 9, 1]) / 20).pvalue > 0.001
    montecarlo.draw_kinds(np.uint64(1), np.array([6]), nothing, nothing.astype(np.int64), pool, counts)
    assert counts.tolist() == [3, 2, 0, 1]


def test_a_shuffle_keeps_each_run_to_itself_and_all_orders_are_as_frequent() -> None:
    starts = np.array([0, 3, 3, 4, 8])
    orders: dict[tuple[int, ...], int] = {}
    state = np.uint64(streams.begin(np.uint64(5), 0))
    for _ in range(3000):
        values = np.arange(8)
        state = np.uint64(montecarlo.shuffle(state, values, starts))
        assert sorted(values[:3]) == [0, 1, 2]
        assert values[3] == 3
        assert sorted(values[4:]) == [4, 5, 6, 7]
        orders[tuple(values[:3])] = orders.get(tuple(values[:3]), 0) + 1
    assert len(orders) == 6
    assert stats.chisquare(list(orders.values())).pvalue > 0.001


def task_of(maxima: np.ndarray) -> Any:
    return lambda first, last: maxima[first:last]


def test_maps_are_drawn_until_the_answer_is_clear_and_no_further() -> None:
    maxima = np.random.default_rng(3).random(950)
    assert montecarlo.rarest_of_maps(task_of(maxima), 950, observed=0.9).tolist() == maxima.tolist()
    stopped = montecarlo.rarest_of_maps(task_of(maxima), 950, observed=0.9, stop_after=20)
    reached = np.flatnonzero(maxima >= 0.9)
    assert stopped.tolist() == maxima[: reached[19] + 1].tolist()
    assert montecarlo.rarest_of_maps(task_of(maxima), 950, observed=2.0, stop_after=1).size == 950
    assert montecarlo.rarest_of_maps(task_of(maxima), 950, observed=-1.0, stop_after=1).size == 1


def test_who_draws_the_maps_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    maxima = np.random.default_rng(3).random(333)
    found = []
    for threads in (1, 3, 8):
        monkeypatch.setattr(montecarlo, "threads", lambda threads=threads: threads)
        found.append(montecarlo.rarest_of_maps(task_of(maxima), 333, observed=0.95, stop_after=9).tolist())
    assert found[0] == found[1] == found[2]


def test_p_counts_this_map_among_the_others_and_ties_against_it() -> None:
    maxima = np.array([5.0, 1, 3, 3])
    observed = np.array([6.0, 5, 3, 2, 0])
    assert montecarlo.p_value(observed, maxima, replicates=4).tolist() == [0.2, 0.4, 0.8, 0.8, 1.0]
    # Stopped at the second map of at most 99 that reached 3: two of four.
    assert montecarlo.p_value(np.array([3.0]), np.array([1.0, 3, 2, 4]), replicates=99).tolist() == [0.5]
    assert montecarlo.p_value(np.array([9.0]), np.array([1.0, 3, 2, 4]), replicates=99).tolist() == [0.25]


def test_p_is_valid_with_and_without_an_early_stop() -> None:
    draws = np.random.default_rng(11)
    small = np.zeros(2)
    for _ in range(2000):
        values = draws.random(100)
        for way, stop_after in enumerate((None, 5)):
            maxima = montecarlo.rarest_of_maps(task_of(values[1:]), 99, observed=values[0], stop_after=stop_after)
            small[way] += montecarlo.p_value(values[:1], maxima, replicates=99)[0] <= 0.05
    assert (stats.binomtest(int(small[0]), 2000, 0.05).pvalue, stats.binomtest(int(small[1]), 2000, 0.05).pvalue) > (0.001, 0.001)


def test_a_gumbel_law_gives_back_its_own_tail() -> None:
    law = stats.gumbel_r(4, 1.5)
    maxima = law.rvs(200_000, random_state=1)
    far = law.isf([0.05, 1e-3, 1e-6])
    np.testing.assert_allclose(montecarlo.gumbel_p(far, maxima), [0.05, 1e-3, 1e-6], rtol=0.05)


@pytest.mark.parametrize("maxima", [np.full(9, 2.0), np.array([1.0]), np.empty(0)])
def test_a_gumbel_law_of_equal_maxima_says_nothing(maxima: np.ndarray) -> None:
    assert np.isnan(montecarlo.gumbel_p(np.array([1.0, 2.0]), maxima)).all()
