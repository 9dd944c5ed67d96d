"""The worlds in which nothing is going on: what each expects where."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from tensionmap.errors import MeasureError
from tensionmap.measure import montecarlo, nulls


def cells_of(residents: list[Any], residents_named: list[Any]) -> gpd.GeoDataFrame:
    west = 1000.0 * np.arange(len(residents))
    return gpd.GeoDataFrame(
        {"residents": residents, "residents_named": residents_named},
        geometry=shapely.box(west, 0, west + 1000, 1000),
        crs="EPSG:32626",
        index=[f"cell {k}" for k in range(len(residents))],
    )


def test_no_cells_are_refused() -> None:
    with pytest.raises(MeasureError, match="no cells"):
        nulls.uniform(cells_of([], []))


def test_an_empty_land_is_refused_and_the_raster_named() -> None:
    with pytest.raises(MeasureError, match=r"Nobody lives in any cell.*population raster"):
        nulls.by_population(cells_of([0, 0], [5, 0]), share_named=0)


def test_named_reports_without_any_known_village_are_refused_and_the_settlements_named() -> None:
    with pytest.raises(MeasureError, match=r"residents_named.*residents of the settlements"):
        nulls.by_population(cells_of([5, 0], [0, 0]), share_named=0.1)


@pytest.mark.parametrize("residents", [[-1.0, 3.0], [float("nan"), 3.0], [None, 3.0], [float("inf"), 1.0]])
def test_impossible_numbers_of_residents_are_refused(residents: list[Any]) -> None:
    with pytest.raises(MeasureError, match="negative or missing"):
        nulls.by_population(cells_of(residents, [1, 1]), share_named=0)


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
@pytest.mark.parametrize("name", ["share_named", "share_outside"])
def test_shares_beyond_0_and_1_are_refused(name: str, share: float) -> None:
    with pytest.raises(MeasureError, match=name):
        nulls.by_population(cells_of([1, 1], [1, 1]), **({"share_named": 0.0} | {name: share}))


def test_uniform_expects_the_same_everywhere() -> None:
    share = nulls.uniform(cells_of([7, 0, 0, 1], [8, 0, 0, 0]))
    assert share.to_dict() == {"cell 0": 0.25, "cell 1": 0.25, "cell 2": 0.25, "cell 3": 0.25}


def test_by_population_gives_the_hand_worked_shares() -> None:
    cells = cells_of([60, 30, 10, 0], [0, 100, 0, 0])
    # exact reports: 0.8 * (0.6, 0.3, 0.1, 0) + 0.2 / 4 each = (0.53, 0.29, 0.13, 0.05); a quarter is known by name only
    share = nulls.by_population(cells, share_named=0.25, share_outside=0.2)
    np.testing.assert_allclose(share, [0.3975, 0.4675, 0.0975, 0.0375], rtol=1e-14)
    assert list(share.index) == list(cells.index)
    assert share.sum() == pytest.approx(1, abs=1e-15)


def test_without_named_reports_the_villages_points_do_not_matter() -> None:
    known = nulls.by_population(cells_of([60, 40], [0, 100]), share_named=0)
    unknown = nulls.by_population(cells_of([60, 40], [0, 0]), share_named=0)
    assert known.equals(unknown)


def test_with_named_reports_alone_nothing_is_expected_but_at_the_villages_points() -> None:
    share = nulls.by_population(cells_of([60, 40, 0], [0, 100, 0]), share_named=1)
    assert share.to_list() == [0, 1, 0]


def test_by_default_a_tenth_of_the_exact_reports_falls_anywhere() -> None:
    share = nulls.by_population(cells_of([10, 0, 0, 0], [10, 0, 0, 0]), share_named=0)
    np.testing.assert_allclose(share, [0.925, 0.025, 0.025, 0.025], rtol=1e-14)


def test_the_cells_are_not_changed() -> None:
    cells = cells_of([60, 40], [0, 100])
    before = cells.copy(deep=True)
    nulls.by_population(cells, share_named=0.5)
    assert cells.equals(before)


def seen_in(cell_ids: Any, *, is_named: Any = False, reported_by: Any = "outside") -> pd.DataFrame:
    return pd.DataFrame({"cell_id": pd.Series(cell_ids, dtype="str"), "is_named": is_named, "reported_by": reported_by})


LAND = cells_of([60, 30, 10, 0], [0, 100, 0, 0]).assign(cell_id=["a", "b", "c", "d"])
OWN = pd.DataFrame({"east": [False, False, True, True], "west": [True, True, True, False]}, index=LAND.index)


def test_one_kind_of_report_is_by_population() -> None:
    counts, (null,) = nulls.observed(seen_in(["a", "a", "c", None]), LAND, share_outside=0.2)
    assert counts.to_dict() == {"cell 0": 2, "cell 1": 0, "cell 2": 1, "cell 3": 0}
    assert null.totals.tolist() == [3]
    share = nulls.by_population(LAND, share_named=0, share_outside=0.2)
    np.testing.assert_allclose(null.expected, 3 * share, rtol=1e-10)


def test_names_of_villages_and_exact_places_are_two_kinds() -> None:
    counts, (null,) = nulls.observed(seen_in(["a", "b", "b", "d"], is_named=[False, True, True, False]), LAND)
    assert counts.sum() == null.total == 4
    assert sorted(null.totals) == [2, 2]
    share = nulls.by_population(LAND, share_named=0.5)
    np.testing.assert_allclose(null.expected, 4 * share, rtol=1e-10)


def test_shared_land_is_one_piece_with_the_land_of_each_side_in_turn_by_the_hand_worked_table() -> None:
    # Cells 0 and 1 are west's alone (3 reports), 3 is east's alone (2 reports), 2 is shared (2 reports).
    seen = seen_in(["a", "a", "b", "d", "d", "c", "c"])
    counts, worlds = nulls.observed(seen, LAND, own_land=OWN, share_outside=0.2)
    assert counts.to_list() == [2, 1, 2, 2]
    with_west = 5 * (0.8 * np.array([60, 30, 10, 0]) / 100 + 0.2 * np.array([1, 1, 1, 0]) / 3) + 2 * np.array([0, 0, 0, 1])
    with_east = 3 * (0.8 * np.array([60, 30, 0, 0]) / 90 + 0.2 * np.array([1, 1, 0, 0]) / 2)
    with_east = with_east + 4 * (0.8 * np.array([0, 0, 1, 0]) + 0.2 * np.array([0, 0, 1, 1]) / 2)
    # The world that expects most from shared land comes first: here that in which it is one with the land of east.
    np.testing.assert_allclose(worlds[0].expected, with_east, rtol=1e-10)
    np.testing.assert_allclose(worlds[1].expected, with_west, rtol=1e-10)
    assert len(worlds) == 2


@pytest.mark.parametrize(
    "own",
    [OWN.assign(east=False), OWN.assign(east=True, west=True), OWN.assign(east=[False, False, False, True]), None],
    ids=["of one side and of nobody", "all shared", "nothing shared", "not known"],
)
def test_without_a_doubt_about_shared_land_there_is_one_world(own: Any) -> None:
    _, worlds = nulls.observed(seen_in(["a", "b", "d", "d"]), LAND, own_land=own, share_outside=1)
    assert len(worlds) == 1
    is_one_piece = own is None or own.all(axis=None)
    expected = [1.0] * 4 if is_one_piece else [2 / 3, 2 / 3, 2 / 3, 2.0]
    np.testing.assert_allclose(worlds[0].expected, expected, rtol=1e-10)


def test_who_reported_changes_no_world() -> None:
    one, other = (nulls.observed(seen_in(["a", "c", "d"], reported_by=who), LAND, own_land=OWN)[1] for who in ("west", "outside"))
    assert all(np.array_equal(first.expected, second.expected) for first, second in zip(one, other, strict=True))


def test_where_nobody_lives_reports_fall_evenly() -> None:
    empty = LAND.assign(residents=[60, 30, 0, 0])
    worlds = nulls.observed(seen_in(["c", "d", "d"]), empty, own_land=OWN)[1]
    np.testing.assert_allclose(worlds[0].expected, [0, 0, 1.5, 1.5], rtol=1e-10)


def test_reports_impossible_for_their_kind_are_not_tested() -> None:
    seen = seen_in(["a", "b", "a"], is_named=[True, True, False])
    counts, (null,) = nulls.observed(seen, LAND)
    assert counts.to_list() == [1, 1, 0, 0]
    assert null.total == 2
    # A name on land where no village is known: its whole kind.
    counts, worlds = nulls.observed(seen_in(["d", "a"], is_named=[True, False]), LAND, own_land=OWN)
    assert counts.to_list() == [1, 0, 0, 0]
    assert [null.totals.tolist() for null in worlds] == [[1]] * 2


def test_without_residents_reports_can_fall_evenly() -> None:
    _, (null,) = nulls.observed(seen_in(["a", "b"]), LAND.drop(columns=["residents", "residents_named"]), share_outside=1)
    np.testing.assert_allclose(null.expected, 0.5)


def test_no_report_is_a_world_too() -> None:
    counts, (null,) = nulls.observed(seen_in([]), LAND)
    assert counts.to_list() == [0, 0, 0, 0]
    assert null.total == 0
    assert null.expected.tolist() == [0, 0, 0, 0]


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1))
def test_the_order_of_reports_and_cells_does_not_change_the_world(seed: int) -> None:
    draws = np.random.default_rng(seed)
    sides = draws.choice(["east", "west"], 30)
    seen = seen_in(draws.choice(LAND.cell_id, 30), is_named=draws.random(30) < 0.3, reported_by=sides)
    counts, worlds = nulls.observed(seen, LAND, own_land=OWN)
    order = draws.permutation(4)
    again, mixed = nulls.observed(seen.iloc[draws.permutation(30)], LAND.iloc[order], own_land=OWN.iloc[draws.permutation(4)])
    assert again.to_list() == counts.iloc[order].to_list()
    for null, other in zip(worlds, mixed, strict=True):
        assert other.totals.tolist() == null.totals.tolist()
        np.testing.assert_allclose(other.weights, null.in_order(order).weights, rtol=1e-9)
        np.testing.assert_allclose(null.expected.sum(), counts.sum(), rtol=1e-9)
        assert (null.expected[counts > 0] > 0).all()


@pytest.mark.parametrize(
    ("words", "seen", "own_land"),
    [
        ("no column 'is_named'", seen_in(["a"]).drop(columns="is_named"), None),
        ("'is_named' must say true or false", seen_in(["a", "b"], is_named=[True, None]), None),
        ("'is_named' must say true or false", seen_in(["a"], is_named=[3]), None),
        ("1 of 2 reports stand in cells that are not on the grid", seen_in(["a", "z"]), None),
        ("own_land belongs to other cells", seen_in(["a"]), OWN.reset_index()),
        ("own_land belongs to other cells", seen_in(["a"]), OWN.iloc[:3]),
        ("own_land must say true or false", seen_in(["a"]), OWN * 2.0),
    ],
)
def test_reports_and_land_that_say_too_little_are_refused(words: str, seen: pd.DataFrame, own_land: Any) -> None:
    with pytest.raises(MeasureError, match=words):
        nulls.observed(seen, LAND, own_land=own_land)


def test_an_empty_land_is_refused_for_reports_seen_too() -> None:
    with pytest.raises(MeasureError, match=r"Nobody lives in any cell.*population raster"):
        nulls.observed(seen_in(["a"]), LAND.assign(residents=0.0))
    with pytest.raises(MeasureError, match=r"residents_named.*residents of the settlements"):
        nulls.observed(seen_in(["a"], is_named=True), LAND.assign(residents_named=0.0))
    with pytest.raises(MeasureError, match="share_outside is"):
        nulls.observed(seen_in(["a"]), LAND, share_outside=1.1)


def test_kinds_of_any_scale_are_one_world() -> None:
    shares = np.random.default_rng(1).gamma(0.2, size=(3, 20))
    null = nulls.Null.of_kinds(shares, np.array([5, 0, 9]))
    scaled = nulls.Null.of_kinds(shares * np.array([[1e-200], [3.0], [1e200]]), np.array([5, 0, 9]))
    np.testing.assert_array_equal(null.weights, scaled.weights)
    by_hand = 5 * shares[0] / shares[0].sum() + 9 * shares[2] / shares[2].sum()
    np.testing.assert_allclose(null.expected, by_hand, rtol=1e-10)
    assert null.total == 14
    assert null.is_possible.all()


@pytest.mark.parametrize(
    ("shares", "totals"),
    [([[1, -1]], [3]), ([[0, 0]], [3]), ([[1, np.nan]], [3]), ([[1, 1]], [-3]), ([[1, 1]], [3, 3]), ([[np.inf, 1]], [1])],
)
def test_impossible_kinds_are_refused(shares: Any, totals: Any) -> None:
    with pytest.raises(MeasureError, match="Each kind of report"):
        nulls.Null.of_kinds(np.array(shares), np.array(totals))


def test_labels_expect_their_part_of_all_reports() -> None:
    null = nulls.Null.of_labels(np.array([4, 0, 6]), 5)
    np.testing.assert_allclose(null.expected, [2, 0, 3], rtol=1e-12)
    assert null.is_possible.tolist() == [True, False, True]
    moved = null.in_order(np.array([2, 0, 1]))
    np.testing.assert_allclose(moved.expected, [3, 2, 0], rtol=1e-12)
    assert np.bincount(moved.pool, minlength=3).tolist() == [6, 4, 0]


def test_cells_put_together_expect_what_they_expected() -> None:
    place = np.array([1, 0, 1, 3, 0])
    null = nulls.Null.of_kinds(np.random.default_rng(1).gamma(0.5, size=(2, 5)), np.array([7, 9]))
    together = null.gathered(place, 4)
    np.testing.assert_allclose(together.expected, np.bincount(place, null.expected), rtol=1e-10)
    assert together.is_possible.tolist() == [True, True, False, True]
    assert together.totals.tolist() == [7, 9]
    labels = nulls.Null.of_labels(np.array([4, 0, 6, 1, 2]), 5).gathered(place, 4)
    assert np.bincount(labels.pool, minlength=4).tolist() == [2, 10, 0, 1]
    np.testing.assert_allclose(labels.expected, 5 * np.array([2, 10, 0, 1]) / 13, rtol=1e-10)


@pytest.mark.parametrize(("counts", "total"), [([1, 2], 4), ([1, 2], -1), ([0, 0], 0), ([3, -1], 1)])
def test_impossible_labels_are_refused(counts: Any, total: int) -> None:
    with pytest.raises(MeasureError, match="cannot be taken from"):
        nulls.Null.of_labels(np.array(counts), total)


def test_strata_are_seasons_of_all_years() -> None:
    days = pd.Series(pd.to_datetime(["2024-03-31", "2024-04-01", "2019-10-31", "2021-11-01"]))
    assert nulls.strata(days).tolist() == [0, 1, 1, 0]
    assert nulls.strata(days, season_months=()).tolist() == [0, 0, 0, 0]
    assert nulls.strata(days, season_months=((4, 10), (11, 3), (3, 4))).tolist() == [0b110, 0b101, 0b001, 0b010]


def test_weekdays_stand_above_the_seasons() -> None:
    days = np.array(["2024-01-01", "2024-01-07", "2024-05-06"], dtype="datetime64[D]")  # Monday, Sunday, Monday
    assert nulls.strata(days, weekdays=True).tolist() == [0, 6 << 1, 1]


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_dates_shuffled_within_strata_keep_every_season_and_weekday(seed: int, weekdays: bool) -> None:
    draws = np.random.default_rng(seed)
    days = np.datetime64("2019-01-01") + draws.integers(0, 2000, size=80)
    strata = nulls.strata(days, weekdays=weekdays)
    order = np.argsort(strata, kind="stable")
    starts = np.append(np.flatnonzero(np.diff(strata[order], prepend=-1)), order.size)
    shuffled = days[order].astype(np.int64)
    montecarlo.shuffle(np.uint64(seed), shuffled, starts)
    after = np.empty_like(days)
    after[order] = shuffled.astype("datetime64[D]")
    assert sorted(after) == sorted(days)
    np.testing.assert_array_equal(nulls.strata(after, weekdays=weekdays), strata)
    assert (after != days).any()


@pytest.mark.parametrize("days", [["soon"], [1.5], [20240501], [object()]])
def test_days_that_are_no_dates_are_refused(days: Any) -> None:
    with pytest.raises(MeasureError, match="not all dates"):
        nulls.strata(days)


def test_missing_dates_and_impossible_months_are_refused() -> None:
    with pytest.raises(MeasureError, match="1 of 2 reports have no date"):
        nulls.strata(pd.Series(pd.to_datetime(["2024-03-31", None])))
    with pytest.raises(MeasureError, match="months are 1 to 12"):
        nulls.strata(["2024-03-31"], season_months=((0, 4),))


def test_draws_are_counted_by_the_kind_that_their_cell_makes_them() -> None:
    seen = seen_in([None, None, None])
    ways = nulls.observed_draws(seen, np.array([[0, 3, 3], [2, -1, 3]]), LAND, own_land=OWN)
    for counts, null in ways:
        assert counts.shape == (2, null.totals.size, 4)
        assert counts.sum(axis=1).tolist() == [[1, 0, 0, 2], [0, 0, 1, 1]]
    for draw, cell_ids in enumerate((["a", "d", "d"], ["c", None, "d"])):
        worlds = nulls.observed(seen.assign(cell_id=pd.Series(cell_ids, dtype="str")), LAND, own_land=OWN)[1]
        drawn = [null.with_totals(counts[draw].sum(axis=1)).expected for counts, null in ways]
        for expected in (world.expected for world in worlds):
            assert any(np.allclose(expected, other, rtol=1e-10) for other in drawn)


def test_no_draw_has_no_reports() -> None:
    ((counts, null),) = nulls.observed_draws(seen_in(["a"]), np.empty((0, 1), np.int64), LAND)
    assert counts.shape == (0, 1, 4)
    assert null.total == 0


@pytest.mark.parametrize("drawn", [np.zeros(2, int), np.zeros((2, 3), int), np.zeros((3, 2)), [[0, 4]], [[-2, 0]]])
def test_impossible_draws_are_refused(drawn: Any) -> None:
    with pytest.raises(MeasureError, match="The draws"):
        nulls.observed_draws(seen_in(["a", "b"]), np.asarray(drawn), LAND)
