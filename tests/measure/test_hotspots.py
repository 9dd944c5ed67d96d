"""Hot spots: what is refused, hand-worked tables, invariances, peers, and how often noise is called hot."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats

from tensionmap import tables
from tensionmap.errors import GeometryError, MeasureError
from tensionmap.measure import montecarlo, nulls
from tensionmap.measure.hotspots import Neighbourhoods, count_per_cell, find_hotspots, gi_star, hotspots_of

REAL = os.environ.get("TENSIONMAP_REAL_DATA")
ORACLES = [Path(REAL) / "known_answer" / "r_oracle"] if REAL else []


def grid(
    columns: int, rows: int, *, side: float = 1000.0, easting: float = 400_000.0, northing: float = 4_760_000.0
) -> gpd.GeoDataFrame:
    row, column = (part.ravel() for part in np.mgrid[:rows, :columns])
    west, south = easting + column * side, northing + row * side
    return gpd.GeoDataFrame(
        {
            "cell_id": [f"E{c}N{r}" for c, r in zip(column, row, strict=True)],
            "easting": west + side / 2,
            "northing": south + side / 2,
            "residents": 10.0,
            "residents_named": 10.0,
        },
        geometry=shapely.box(west, south, west + side, south + side),
        crs="EPSG:32626",
    )


def planted(cells: gpd.GeoDataFrame, total: int, seed: int, *, cluster: int = 0) -> np.ndarray:
    """Noise, and ``cluster`` more reports in and around the middle cell."""
    draws = np.random.default_rng(seed)
    count = draws.multinomial(total, np.full(len(cells), 1 / len(cells)))
    away = np.hypot(cells.easting - cells.easting.median(), cells.northing - cells.northing.median())
    near = np.flatnonzero(away < 1600)
    return count + np.bincount(draws.choice(near, cluster), minlength=len(cells))


CELLS = grid(8, 6)
COUNTS = planted(CELLS, 60, 1, cluster=20) + np.where(np.arange(48) == 19, 20, 0)
TOTAL = 100


def refused_counts() -> dict[str, Any]:
    def changed(value: float) -> np.ndarray:
        count = COUNTS.astype(float)
        count[5] = value
        return count

    return {
        "missing, infinite or negative": changed(-1),
        "missing, infinite": changed(float("nan")),
        "infinite or": changed(float("inf")),
        "not whole": changed(0.5),
        r"48 cells, but the counts have the shape \(47,\)": COUNTS[1:],
        "belong to other cells": pd.Series(COUNTS, index=np.arange(48) + 1),
        "other cells: their index": pd.Series(COUNTS[1:]),
    }


@pytest.mark.parametrize(("words", "counts"), list(refused_counts().items()))
def test_impossible_counts_are_refused(words: str, counts: Any) -> None:
    with pytest.raises(MeasureError, match=words):
        find_hotspots(counts, CELLS, seed=1)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("expected hold numbers", np.full(48, -1.0)),
        ("expected hold numbers", np.full(48, np.nan)),
        ("Nothing is expected", np.zeros(48)),
        ("belong to other cells", pd.Series(1.0, index=range(1, 49))),
    ],
)
def test_impossible_expectations_are_refused(words: str, expected: Any) -> None:
    with pytest.raises(MeasureError, match=words):
        find_hotspots(COUNTS, CELLS, expected=expected, seed=1)


@pytest.mark.parametrize("reach_m", [0, -5, float("inf"), float("nan")])
def test_a_reach_that_is_no_distance_is_refused(reach_m: float) -> None:
    with pytest.raises(MeasureError, match="positive number of metres"):
        find_hotspots(COUNTS, CELLS, reach_m=reach_m, seed=1)


def test_degrees_are_refused() -> None:
    with pytest.raises(GeometryError, match="not a projected CRS in metres"):
        find_hotspots(COUNTS, CELLS.to_crs("EPSG:4326"), seed=1)


def test_cells_without_reference_system_are_refused() -> None:
    with pytest.raises(GeometryError, match="do not say their coordinate reference system"):
        find_hotspots(COUNTS, CELLS.set_crs(None, allow_override=True), seed=1)


def test_cells_of_any_shape_are_refused_without_a_reach() -> None:
    with pytest.raises(GeometryError, match="Give reach_m"):
        find_hotspots(COUNTS, CELLS.set_geometry(CELLS.geometry.centroid), seed=1)


def test_squares_off_the_grid_are_refused_without_a_reach() -> None:
    moved = CELLS.copy()
    moved.loc[7, "easting"] += 300
    with pytest.raises(GeometryError, match="Give reach_m"):
        find_hotspots(COUNTS, moved, seed=1)


def test_the_same_cell_twice_is_refused() -> None:
    twice = pd.concat([CELLS, CELLS.iloc[[3]]], ignore_index=True)
    with pytest.raises(GeometryError, match="same centre"):
        find_hotspots(np.append(COUNTS, 0), twice, seed=1)


def test_a_label_twice_is_refused() -> None:
    with pytest.raises(MeasureError, match="same label"):
        find_hotspots(pd.Series(COUNTS), CELLS.set_axis([0] * 48), seed=1)


def test_no_cells_are_refused() -> None:
    with pytest.raises(MeasureError, match="no cells"):
        find_hotspots(np.array([], int), CELLS.iloc[:0], seed=1)


def test_too_few_replicates_for_alpha_are_refused() -> None:
    with pytest.raises(MeasureError, match="at least 99 replicates"):
        find_hotspots(COUNTS, CELLS, alpha=0.01, replicates=98, seed=1)


def test_reports_in_unknown_cells_are_refused() -> None:
    with pytest.raises(MeasureError, match="2 of 3 reports stand in cells that are not on the grid"):
        count_per_cell(pd.Series(["E0N0", "E9N9", "elsewhere"]), CELLS)


def test_cells_of_one_name_are_refused() -> None:
    with pytest.raises(MeasureError, match="same cell_id"):
        count_per_cell(pd.Series(["E0N0"]), CELLS.assign(cell_id="E0N0"))


def test_reports_and_precisions_of_different_rows_are_refused() -> None:
    with pytest.raises(MeasureError, match="different rows"):
        hotspots_of(pd.Series(["E0N0"]), pd.Series([True], index=[1]), CELLS, seed=1)


def test_the_hand_worked_table() -> None:
    # 36 reports on 3 x 3 cells. A corner's neighbourhood has 4 of 9 cells, an edge's 6, the middle's all 9.
    count = np.array([9, 5, 1, 6, 4, 2, 3, 5, 1])
    found = find_hotspots(count, grid(3, 3), seed=1)
    near = np.array([24, 27, 12, 32, 36, 18, 18, 21, 12])
    part = np.array([4, 6, 4, 6, 9, 6, 4, 6, 4]) / 9
    by_hand = (near - 36 * part) / np.where(part < 1, np.sqrt(36 * part * (1 - part)), 1)
    np.testing.assert_allclose(found.gi_z, by_hand, rtol=1e-13, atol=1e-13)
    assert by_hand[0] == pytest.approx(8 / np.sqrt(80 / 9))
    assert found.gi_z[4] == 0
    assert found.p_cell[4] == found.p_map[4] == 1
    assert found["count"].tolist() == count.tolist()
    assert (found.expected == 4).all()
    assert found.dtypes.astype(str).to_list() == ["int64", "float64", "float64", "float64", "float64", "str"]
    assert found.columns.to_list() == ["count", "expected", "gi_z", "p_cell", "p_map", "hotspot"]


def test_p_of_a_cell_is_the_binomial_chance_of_something_as_rare() -> None:
    draws = np.random.default_rng(4)
    weight = draws.gamma(0.4, size=48)
    found = find_hotspots(COUNTS, CELLS, expected=weight, replicates=9999, seed=1)
    near = np.hypot(*(np.subtract.outer(c, c) for c in (CELLS.easting.to_numpy(), CELLS.northing.to_numpy()))) < 1500
    inside = np.arange(TOTAL + 1)[:, None]
    share = near @ (weight / weight.sum())
    rare = np.minimum(stats.binom.sf(inside - 1, TOTAL, share), stats.binom.cdf(inside, TOTAL, share))
    as_rare = rare <= rare[near @ COUNTS, np.arange(48)] * (1 + 1e-9)
    exact = np.where(as_rare, stats.binom.pmf(inside, TOTAL, share), 0).sum(axis=0)
    error = np.sqrt(exact * np.maximum(1 - exact, 0) / 9999)
    assert (np.abs(found.p_cell - exact) < 4 * error + 2e-4).all()
    assert (found.p_cell < 0.01).any()
    assert (found.p_cell > 0.5).any()


@pytest.mark.parametrize("is_lumpy", [False, True])
def test_p_over_the_map_agrees_with_the_slow_step_down(is_lumpy: bool) -> None:
    weight = np.random.default_rng(4).gamma(0.4, size=48) if is_lumpy else np.ones(48)
    found = find_hotspots(COUNTS, CELLS, expected=weight, replicates=199, seed=11)

    keep, other = montecarlo.alias_table(weight)
    drawn = np.empty((199, 48), np.int64)
    for replicate in range(199):
        montecarlo.draw_counts(np.uint64(montecarlo.begin(np.uint64(11), replicate)), TOTAL, keep, other, drawn[replicate])
    near = np.hypot(*(np.subtract.outer(c, c) for c in (CELLS.easting.to_numpy(), CELLS.northing.to_numpy()))) < 1500
    share = near @ (weight / weight.sum())

    odds = share / (1 - share)
    unit = 2.0 ** (np.floor(np.log2(odds)) - 9)
    odds = np.round(odds / unit) * unit
    share = odds / (1 + odds)

    def rarity(inside: np.ndarray) -> np.ndarray:
        return -np.minimum(stats.binom.logsf(inside - 1, TOTAL, share), stats.binom.logcdf(inside, TOTAL, share))

    on_map, on_replicates = rarity(near @ COUNTS), rarity(drawn @ near.T)
    p_cell = (1 + (on_replicates >= on_map - 1e-9).sum(axis=0)) / 200
    p_map, highest = np.empty(48), 0.0
    falling = np.argsort(-on_map)
    for step, cell in enumerate(falling):
        as_rare = on_replicates[:, falling[step:]].max(axis=1) >= on_map[cell] - 1e-9
        highest = max(highest, (1 + as_rare.sum()) / 200)
        p_map[cell] = highest
    np.testing.assert_array_equal(found.p_cell, p_cell)
    np.testing.assert_allclose(found.p_map, p_map, rtol=0, atol=1e-12)
    single_step = (1 + (on_replicates.max(axis=1)[:, None] >= on_map - 1e-9).sum(axis=0)) / 200
    assert (found.p_map < single_step - 0.004).any()


def test_a_planted_cluster_is_hot_and_nothing_far_from_it() -> None:
    cells = grid(25, 25)
    found = find_hotspots(planted(cells, 150, 3, cluster=20), cells, seed=1)
    away = np.hypot(cells.easting - cells.easting.median(), cells.northing - cells.northing.median())
    assert found.hotspot[away == 0].item() == "hot"
    assert (away[found.hotspot == "hot"] < 3500).all()
    assert (found.hotspot != "cold").all()


def test_a_planted_hole_is_cold() -> None:
    cells = grid(15, 15)
    away = np.hypot(cells.easting - cells.easting.median(), cells.northing - cells.northing.median())
    weight = np.where(away < 3500, 0.0, 1.0)
    found = find_hotspots(np.random.default_rng(2).multinomial(1000, weight / weight.sum()), cells, seed=1)
    assert found.hotspot[away < 2000].eq("cold").all()
    assert found.gi_z[away < 2000].max() < 0


def test_a_cluster_in_proportion_to_residents_is_not_hot() -> None:
    cells = grid(25, 25)
    count = planted(cells, 150, 3, cluster=20)
    weight = 0.24 + np.where(np.hypot(cells.easting - 412_500, cells.northing - 4_772_500) < 1600, 20 / 9, 0)
    assert set(find_hotspots(count, cells, expected=weight, seed=1).hotspot) == {"none"}


def test_reports_where_nothing_can_be_expected_are_left_out_and_make_nothing_hot() -> None:
    cells = grid(12, 12)
    weight = np.where(cells.easting < 406_000, 1.0, 0.0)
    count = np.where(weight > 0, 2, 0)
    plain = find_hotspots(count, cells, expected=weight, seed=1)
    count[11], count[6] = 40, 3
    found = find_hotspots(count, cells, expected=weight, seed=1)
    nowhere = cells.easting > 407_000
    assert found.loc[nowhere, ["gi_z", "p_cell", "p_map"]].isna().all(axis=None)
    assert found.hotspot.eq("none").all()
    assert found.loc[[11, 6], "count"].to_list() == [40, 3]
    assert found.expected.sum() == pytest.approx(144)
    pd.testing.assert_frame_equal(found.drop(columns="count"), plain.drop(columns="count"))
    assert found.loc[~nowhere, ["gi_z", "p_cell", "p_map"]].notna().all(axis=None)


def test_many_reports_where_hardly_anything_is_expected_are_hot() -> None:
    cells = grid(12, 12)
    weight = np.where(cells.easting < 406_000, 1.0, 1e-4)
    count = np.where(weight == 1, 2, 0)
    count[71] = 6
    found = find_hotspots(count, cells, expected=weight, seed=1)
    assert found.hotspot[71] == "hot"
    assert np.isfinite(found.gi_z).all()


@pytest.mark.parametrize("rest", [1e-300, 1e-17, 1e-9, 1.0])
@pytest.mark.parametrize("scale", [1e-300, 1.0, 1e308])
def test_weights_as_different_as_numbers_can_be_are_no_trouble(rest: float, scale: float) -> None:
    weight = np.full(48, rest * scale)
    weight[[0, 9]] = scale
    found = find_hotspots(np.where(weight == scale, 20, 1), CELLS, expected=weight, replicates=99, seed=1)
    assert np.isfinite(found[["expected", "gi_z", "p_cell", "p_map"]].loc[weight > 0]).all(axis=None)
    assert found.p_map.loc[weight > 0].between(0.01, 1).all()


@pytest.mark.parametrize(("total", "verdict"), [(0, "too few to tell"), (29, "too few to tell"), (30, "hot")])
def test_fewer_than_30_reports_are_too_few_to_tell(total: int, verdict: str) -> None:
    cells = grid(10, 10)
    count = np.zeros(100, int)
    count[55] = total
    found = find_hotspots(count, cells, seed=1)
    assert found.hotspot[55] == verdict
    assert found.p_map.isna().all() == (verdict == "too few to tell")
    assert found.gi_z.isna().all() == (total == 0)
    assert found.expected.sum() == pytest.approx(total)
    if total < 30:
        assert set(found.hotspot) == {"too few to tell"}


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(2, 7), st.integers(2, 7), st.integers(30, 200), st.sampled_from([0.05, 0.3, 3.0]), st.integers(0, 2**64 - 1))
def test_chances_are_chances_and_never_smaller_over_the_map(columns: int, rows: int, total: int, lumps: float, seed: int) -> None:
    cells = grid(columns, rows)
    draws = np.random.default_rng(seed)
    weight = draws.gamma(lumps, size=len(cells)) + 1e-12
    count = draws.multinomial(total, draws.dirichlet(np.ones(len(cells))))
    found = find_hotspots(count, cells, expected=weight, replicates=99, seed=seed)
    assert found.p_cell.between(0.01, 1).all()
    assert (found.p_map >= found.p_cell).all()
    assert found.p_map.le(1).all()
    assert (found.hotspot.isin(["hot", "cold"]) == (found.p_map <= 0.05)).all()
    assert (found.gi_z[found.hotspot == "hot"] > 0).all()
    assert (found.gi_z[found.hotspot == "cold"] < 0).all()


@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.randoms(use_true_random=False), st.booleans(), st.sampled_from([None, 1000.0, 2500.0]))
def test_neither_order_of_rows_nor_labels_matter(random: Any, is_series: bool, reach_m: float | None) -> None:
    weight = np.random.default_rng(4).gamma(0.4, size=48)
    order = random.sample(range(48), 48)
    labels = [f"cell {k}" for k in range(48)]
    cells = CELLS.set_axis(labels)
    found = find_hotspots(COUNTS, cells, expected=weight, reach_m=reach_m, replicates=99, seed=5)
    mixed = cells.iloc[order]
    counts = pd.Series(COUNTS, index=labels) if is_series else COUNTS[order]
    again = find_hotspots(counts, mixed, expected=pd.Series(weight, index=labels), reach_m=reach_m, replicates=99, seed=5)
    pd.testing.assert_frame_equal(again, found.iloc[order], check_exact=False, rtol=1e-12)
    pd.testing.assert_frame_equal(again[["p_cell", "p_map", "hotspot"]], found.iloc[order][["p_cell", "p_map", "hotspot"]])


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.integers(-300, 300), st.integers(-300, 300), st.sampled_from([1000.0, 1000 / 3, 0.1, 2**0.5 * 100]))
def test_moving_the_map_and_inexact_corners_change_nothing(east: int, north: int, side: float) -> None:
    found = find_hotspots(COUNTS, CELLS, replicates=99, seed=5)
    moved = grid(8, 6, side=side, easting=500_000 + east * side, northing=4_500_000 + north * side)
    pd.testing.assert_frame_equal(find_hotspots(COUNTS, moved, replicates=99, seed=5), found)


@settings(max_examples=10, deadline=None, derandomize=True)
@given(st.floats(1e-9, 1e9))
def test_the_scale_of_the_weights_does_not_matter(scale: float) -> None:
    draws = np.random.default_rng(4)
    for weight in (draws.gamma(0.4, size=48), draws.choice([0.1, 0.2, 0.7], 48), np.full(48, 0.1)):
        found = find_hotspots(COUNTS, CELLS, expected=weight, replicates=99, seed=5)
        pd.testing.assert_frame_equal(find_hotspots(COUNTS, CELLS, expected=weight * scale, replicates=99, seed=5), found)


def test_twice_the_reports_in_every_cell_are_more_surprising_by_the_square_root_of_two() -> None:
    once, twice = (find_hotspots(COUNTS * times, CELLS, replicates=999, seed=5) for times in (1, 2))
    np.testing.assert_allclose(twice.gi_z, once.gi_z * np.sqrt(2), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(twice.expected, once.expected * 2)
    assert (twice.hotspot != "none").sum() > (once.hotspot != "none").sum() > 0


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_turning_the_map_turns_the_scores(turns: int) -> None:
    cells = grid(9, 9)
    count = planted(cells, 120, 8, cluster=15).reshape(9, 9)
    found = find_hotspots(count.ravel(), cells, replicates=4999, seed=5)
    turned = find_hotspots(np.rot90(count, turns).ravel(), cells, replicates=4999, seed=5)
    back = {name: np.rot90(turned[name].to_numpy().reshape(9, 9), -turns).ravel() for name in ("gi_z", "p_cell", "p_map")}
    np.testing.assert_allclose(back["gi_z"], found.gi_z, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(back["p_cell"], found.p_cell, atol=0.045)
    np.testing.assert_allclose(back["p_map"], found.p_map, atol=0.045)


def test_the_number_of_threads_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = grid(20, 20)
    count = planted(cells, 200, 3, cluster=15)
    found = []
    for threads in (1, 2, 5):
        monkeypatch.setattr(montecarlo, "threads", lambda threads=threads: threads)
        found.append(find_hotspots(count, cells, replicates=101, seed=9))
    assert found[0].equals(found[1])
    assert found[0].equals(found[2])
    assert not found[0].equals(find_hotspots(count, cells, replicates=101, seed=10))


@pytest.mark.parametrize("reach_m", [900, 1000, 1414.22, 2000, 2300, 3700, 50_000])
def test_a_reach_is_measured_from_centre_to_centre_also_over_holes(reach_m: float) -> None:
    cells = grid(9, 7).drop(index=[0, 10, 11, 12, 30, 31, 62])
    away = np.hypot(*(np.subtract.outer(c, c) for c in (cells.easting.to_numpy(), cells.northing.to_numpy())))
    sums = Neighbourhoods.of_cells(cells, reach_m).sums(np.arange(56.0) ** 2)
    np.testing.assert_array_equal(sums, (away <= reach_m) @ np.arange(56.0) ** 2)


def test_without_a_reach_the_cells_that_touch_are_near() -> None:
    cells = grid(9, 7).drop(index=[10, 11, 12, 30])
    assert (
        Neighbourhoods.of_cells(cells, None).sums(np.ones(59)).tolist()
        == (
            (
                np.maximum(*(abs(np.subtract.outer(c, c)) for c in (cells.easting.to_numpy(), cells.northing.to_numpy()))) == 1000
            ).sum(axis=1)
            + 1
        ).tolist()
    )


def test_cells_of_any_shape_give_the_same_as_a_grid() -> None:
    weight = np.random.default_rng(4).gamma(0.4, size=48)
    shapeless = CELLS.set_geometry(CELLS.geometry.centroid)
    for reach_m in (1000, 1500, 2500):
        found, again = (
            find_hotspots(COUNTS, cells, expected=weight, reach_m=reach_m, replicates=99, seed=5) for cells in (CELLS, shapeless)
        )
        pd.testing.assert_frame_equal(again, found)


def test_inputs_are_not_changed() -> None:
    cells, counts, weight = CELLS.copy(deep=True), COUNTS.copy(), np.ones(48)
    find_hotspots(counts, cells, expected=weight, seed=1)
    assert cells.equals(CELLS)
    assert (counts == COUNTS).all()
    assert (weight == 1).all()


def test_reports_are_counted_in_the_rows_of_their_cells() -> None:
    counted = count_per_cell(pd.Series(["E1N0", None, "E7N5", "E1N0"]), CELLS.set_axis(range(100, 148)))
    assert counted[counted > 0].to_dict() == {101: 2, 147: 1}
    assert counted.index.to_list() == list(range(100, 148))
    assert counted.sum() == 3


def test_reports_on_a_grid_fill_the_table_of_hot_spots() -> None:
    cells = grid(10, 10)
    cells.loc[:, "residents_named"] = 0.0
    cells.loc[55, "residents_named"] = 1000.0
    reports = pd.Series([*np.repeat("E5N5", 40), *cells.cell_id, *np.repeat(None, 9)])
    is_named = pd.Series([True] * 40 + [False] * 109)
    seen = hotspots_of(reports, is_named, cells, seed=1)
    assert set(seen.hotspot) == {"none"}
    assert seen.expected.sum() == pytest.approx(140)
    assert seen.expected[55] == pytest.approx(41)
    tables.check(seen.assign(scope="crime"), tables.HOTSPOTS)

    blind = hotspots_of(reports, is_named & False, cells, seed=1)
    assert blind.hotspot[55] == "hot"


def test_no_report_at_all_fills_the_table_too() -> None:
    found = hotspots_of(pd.Series([None, None], dtype="str"), pd.Series([False, True]), CELLS, seed=1)
    assert set(found.hotspot) == {"too few to tell"}
    tables.check(found.assign(scope="tension"), tables.HOTSPOTS)


def test_gi_star_is_esdas_to_ten_digits_and_gi_z_the_same_but_for_one_factor() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from esda import G_Local
        from libpysal.weights import lat2W

    cells = grid(14, 11)
    count = np.random.default_rng(3).poisson(1.3, len(cells))
    weights = lat2W(11, 14, rook=False)
    theirs = G_Local(count.astype(float), weights, transform="B", permutations=0, star=True).Zs
    np.testing.assert_allclose(gi_star(count, cells), theirs, rtol=0, atol=1e-10)
    factor = np.sqrt(count.sum() * (count.size - 1)) / (count.size * count.std())
    np.testing.assert_allclose(find_hotspots(count, cells, replicates=99, seed=1).gi_z * factor, theirs, rtol=0, atol=1e-10)


def test_gi_star_of_equal_values_is_empty() -> None:
    assert gi_star(np.full(48, 3.0), CELLS).isna().all()
    assert gi_star(np.arange(9.0), grid(3, 3)).isna().tolist() == [False] * 4 + [True] + [False] * 4


@pytest.mark.parametrize("folder", ORACLES)
def test_gi_star_is_spdeps(folder: Path) -> None:
    table = pd.read_csv(folder / "columbus_CRIME_local_stats.csv")
    edges = pd.read_csv(folder / "columbus_queen_edges_1based.csv") - 1
    near = [{cell, *edges.j[edges.i == cell], *edges.i[edges.j == cell]} for cell in range(len(table))]
    lists = Neighbourhoods.of_lists(near, np.arange(len(table)))
    np.testing.assert_allclose(lists.gi_star(table.CRIME.to_numpy()), table.Gstar_z_binary, rtol=0, atol=1e-10)


def lumpy_cells(draws: np.random.Generator) -> gpd.GeoDataFrame:
    """Most cells uninhabited; people of the others known by one of a dozen villages."""
    cells = grid(25, 25)
    cells["residents"] = np.where(draws.random(625) < 0.6, 0, draws.gamma(0.3, 500, 625)).round()
    villages = draws.choice(625, 12, replace=False)
    away = np.hypot(*(np.subtract.outer(cells[c].to_numpy(), cells[c].to_numpy()[villages]) for c in ("easting", "northing")))
    cells["residents_named"] = np.bincount(villages[away.argmin(axis=1)], cells.residents, minlength=625)
    return cells


@pytest.mark.parametrize("world", ["uniform", "by population", "by population, half by name"])
def test_noise_is_called_hot_on_no_more_maps_than_promised(world: str) -> None:
    maps, spotted, spotted_by_cell = 150, 0, 0
    for number in range(maps):
        draws = np.random.default_rng([number, len(world)])
        cells = lumpy_cells(draws)
        share_named = 0.5 if "name" in world else 0.0
        share = nulls.uniform(cells) if world == "uniform" else nulls.by_population(cells, share_named=share_named)
        found = find_hotspots(draws.multinomial(150, share), cells, expected=share, replicates=199, seed=number)
        spotted += bool((found.p_map <= 0.05).any())
        spotted_by_cell += bool((found.p_cell <= 0.05).any())
    assert spotted <= stats.binom.ppf(0.999, maps, 0.05)
    assert spotted_by_cell > 0.9 * maps
