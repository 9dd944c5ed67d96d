"""Hot spots: what is refused, hand-worked tables, invariances, peers, and how often noise is called hot."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats

from tensionmap import streams, tables
from tensionmap.errors import GeometryError, MeasureError
from tensionmap.measure import montecarlo, nulls
from tensionmap.measure.hotspots import Neighbourhoods, count_per_cell, find_hotspots, hotspots_of, support_of
from tensionmap.measure.hotspots import _compound_rarities as compound_rarities


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
        ("weights of the null hold numbers", np.full(48, -1.0)),
        ("weights of the null hold numbers", np.full(48, np.nan)),
        ("Nothing is expected", np.zeros(48)),
        ("belong to other cells", pd.Series(1.0, index=range(1, 49))),
    ],
)
def test_impossible_expectations_are_refused(words: str, expected: Any) -> None:
    with pytest.raises(MeasureError, match=words):
        find_hotspots(COUNTS, CELLS, null=expected, seed=1)


@pytest.mark.parametrize("reach_m", [-5, float("inf"), float("nan")])
def test_a_reach_that_is_no_distance_is_refused(reach_m: float) -> None:
    with pytest.raises(MeasureError, match="number of metres, 0 or more"):
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
    assert found.dtypes.astype(str).to_list() == ["int64", *["float64"] * 7, "str"]
    figures = ["count_low", "count_high", "expected", "gi_z", "p_cell", "p_map", "p_fdr"]
    assert found.columns.to_list() == ["count", *figures, "hotspot"]


def test_p_of_a_cell_is_the_binomial_chance_of_something_as_rare() -> None:
    draws = np.random.default_rng(4)
    weight = draws.gamma(0.4, size=48)
    found = find_hotspots(COUNTS, CELLS, null=weight, replicates=9999, seed=1)
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
    found = find_hotspots(COUNTS, CELLS, null=weight, replicates=199, seed=11)

    keep, other = montecarlo.alias_table(weight)
    drawn = np.empty((199, 48), np.int64)
    for replicate in range(199):
        state = np.uint64(streams.begin(np.uint64(11), replicate))
        montecarlo.draw_kinds(state, np.array([TOTAL]), keep[None], other[None], np.empty(0, np.int64), drawn[replicate])
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
    assert set(find_hotspots(count, cells, null=weight, seed=1).hotspot) == {"none"}


def test_reports_where_nothing_can_be_expected_are_left_out_and_make_nothing_hot() -> None:
    cells = grid(12, 12)
    weight = np.where(cells.easting < 406_000, 1.0, 0.0)
    count = np.where(weight > 0, 2, 0)
    plain = find_hotspots(count, cells, null=weight, seed=1)
    count[11], count[6] = 40, 3
    found = find_hotspots(count, cells, null=weight, seed=1)
    nowhere = cells.easting > 407_000
    assert found.loc[nowhere, ["gi_z", "p_cell", "p_map"]].isna().all(axis=None)
    assert found.hotspot.eq("none").all()
    assert found.loc[[11, 6], "count"].to_list() == [40, 3]
    assert found.expected.sum() == pytest.approx(144)
    counted = ["count", "count_low", "count_high"]
    pd.testing.assert_frame_equal(found.drop(columns=counted), plain.drop(columns=counted))
    assert found.loc[~nowhere, ["gi_z", "p_cell", "p_map"]].notna().all(axis=None)


def test_many_reports_where_hardly_anything_is_expected_are_hot() -> None:
    cells = grid(12, 12)
    weight = np.where(cells.easting < 406_000, 1.0, 1e-4)
    count = np.where(weight == 1, 2, 0)
    count[71] = 6
    found = find_hotspots(count, cells, null=weight, seed=1)
    assert found.hotspot[71] == "hot"
    assert np.isfinite(found.gi_z).all()


@pytest.mark.parametrize("rest", [1e-300, 1e-17, 1e-9, 1.0])
@pytest.mark.parametrize("scale", [1e-300, 1.0, 1e308])
def test_weights_as_different_as_numbers_can_be_are_no_trouble(rest: float, scale: float) -> None:
    weight = np.full(48, rest * scale)
    weight[[0, 9]] = scale
    found = find_hotspots(np.where(weight == scale, 20, 1), CELLS, null=weight, replicates=99, seed=1)
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
    found = find_hotspots(count, cells, null=weight, replicates=99, seed=seed)
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
    found = find_hotspots(COUNTS, cells, null=weight, reach_m=reach_m, replicates=99, seed=5)
    mixed = cells.iloc[order]
    counts = pd.Series(COUNTS, index=labels) if is_series else COUNTS[order]
    again = find_hotspots(counts, mixed, null=pd.Series(weight, index=labels), reach_m=reach_m, replicates=99, seed=5)
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
        found = find_hotspots(COUNTS, CELLS, null=weight, replicates=99, seed=5)
        pd.testing.assert_frame_equal(find_hotspots(COUNTS, CELLS, null=weight * scale, replicates=99, seed=5), found)


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
            find_hotspots(COUNTS, cells, null=weight, reach_m=reach_m, replicates=99, seed=5) for cells in (CELLS, shapeless)
        )
        pd.testing.assert_frame_equal(again, found)


def test_inputs_are_not_changed() -> None:
    cells, counts, weight = CELLS.copy(deep=True), COUNTS.copy(), np.ones(48)
    find_hotspots(counts, cells, null=weight, seed=1)
    assert cells.equals(CELLS)
    assert (counts == COUNTS).all()
    assert (weight == 1).all()


def test_reports_are_counted_in_the_rows_of_their_cells() -> None:
    counted = count_per_cell(pd.Series(["E1N0", None, "E7N5", "E1N0"]), CELLS.set_axis(range(100, 148)))
    assert counted[counted > 0].to_dict() == {101: 2, 147: 1}
    assert counted.index.to_list() == list(range(100, 148))
    assert counted.sum() == 3


def seen_in(cell_ids: Any, *, is_named: Any = False, reported_by: Any = "outside") -> pd.DataFrame:
    return pd.DataFrame({"cell_id": pd.Series(cell_ids, dtype="str"), "is_named": is_named, "reported_by": reported_by})


def hexagons(columns: int, rows: int, *, width: float = 1000.0, is_upright: bool = True) -> gpd.GeoDataFrame:
    """Regular hexagons, each other row shifted by half; ``width`` from side to side."""
    row, column = (part.ravel() for part in np.mgrid[:rows, :columns])
    along, across = 400_000 + width * (column + row % 2 / 2), 4_760_000 + width * np.sqrt(0.75) * row
    turn = np.radians(30 + 60 * np.arange(6))
    corners = width / np.sqrt(3) * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    centres = np.stack([along, across], axis=1)
    shapes = shapely.polygons(centres[:, None] + corners)
    if not is_upright:
        centres, shapes = centres[:, ::-1], shapely.transform(shapes, lambda points: points[:, ::-1])
    table = {"cell_id": [f"H{k}" for k in range(len(centres))], "easting": centres[:, 0], "northing": centres[:, 1]}
    return gpd.GeoDataFrame(table, geometry=shapes, crs="EPSG:32642")


def away_m(cells: gpd.GeoDataFrame) -> np.ndarray:
    return np.hypot(*(np.subtract.outer(c, c) for c in (cells.easting.to_numpy(), cells.northing.to_numpy())))


@pytest.mark.parametrize("is_upright", [True, False])
@pytest.mark.parametrize("width", [1000.0, 1000 / 3, 0.1])
@pytest.mark.parametrize("reach", [None, 0, 0.9, 1.0, 1.5, 1.8, 2.0, 3.3, 5.0, 4000.0])
def test_hexagons_are_near_from_centre_to_centre_and_without_a_reach_the_six_that_touch(
    reach: float | None, width: float, is_upright: bool
) -> None:
    cells = hexagons(9, 8, width=width, is_upright=is_upright).drop(index=[0, 3, 20, 21, 22, 40, 71])
    near = Neighbourhoods.of_cells(cells, None if reach is None else reach * width)
    values = np.arange(len(cells)) ** 2.0
    sums = np.empty(len(cells))
    sums[near.order] = near.sums(values[near.order])
    expected = (away_m(cells) <= (1.0 if reach is None else reach) * width * (1 + 1e-7)) @ values
    np.testing.assert_array_equal(sums, expected)


def test_inside_a_map_of_hexagons_six_touch() -> None:
    near = Neighbourhoods.of_cells(hexagons(5, 5), None)
    assert near.sums(np.ones(25)).max() == 7


def test_boxes_as_long_as_hexagons_are_no_grid() -> None:
    boxes = CELLS.set_geometry(
        shapely.box(CELLS.easting - 500, CELLS.northing - 577.35, CELLS.easting + 500, CELLS.northing + 577.35)
    )
    with pytest.raises(GeometryError, match="regular hexagons"):
        find_hotspots(COUNTS, boxes, seed=1)


@pytest.mark.parametrize("is_grid", [True, False])
def test_with_a_reach_of_0_each_community_stands_for_itself(is_grid: bool) -> None:
    cells = CELLS if is_grid else CELLS.set_geometry(CELLS.geometry.centroid)
    weight = np.random.default_rng(4).gamma(1, size=48)
    found = find_hotspots(COUNTS, cells, null=weight, reach_m=0, replicates=9999, seed=1)
    share = weight / weight.sum()
    np.testing.assert_allclose(found.gi_z, (COUNTS - TOTAL * share) / np.sqrt(TOTAL * share * (1 - share)), rtol=1e-9)
    assert found.hotspot[19] == "hot"
    assert found.hotspot[18] == "none"


def test_communities_of_one_centre_are_refused() -> None:
    twice = CELLS.set_geometry(CELLS.geometry.centroid).assign(easting=np.repeat(CELLS.easting[::2], 2).to_numpy())
    with pytest.raises(GeometryError, match="same centre"):
        find_hotspots(COUNTS, twice, reach_m=0, seed=1)


@pytest.mark.parametrize(
    ("count", "low", "high"), [(0, 0, 3.688879), (1, 0.0253178, 5.571643), (10, 4.795389, 18.39036), (100, 81.36398, 121.6267)]
)
def test_the_interval_of_a_count_is_garwoods(count: int, low: float, high: float) -> None:
    # Published: Garwood (1936), table; more digits from R: poisson.test(count)$conf.int
    counts = COUNTS.copy()
    counts[7] = count
    found = find_hotspots(counts, CELLS, replicates=19, seed=1).loc[7]
    assert found.count_low == pytest.approx(low, rel=1e-5)
    assert found.count_high == pytest.approx(high, rel=1e-5)


def test_p_fdr_is_benjamini_and_hochbergs() -> None:
    weight = np.where(CELLS.easting < 406_000, 1.0, 0.0)
    found = find_hotspots(np.where(weight > 0, COUNTS, 0), CELLS, null=weight, seed=1)
    p = found.p_cell.dropna().sort_values()
    by_hand = np.minimum.accumulate((p.to_numpy() * len(p) / np.arange(1, len(p) + 1))[::-1])[::-1]
    np.testing.assert_allclose(found.p_fdr[p.index], np.minimum(by_hand, 1), rtol=1e-12)
    assert (found.p_fdr.isna() == found.p_cell.isna()).all()
    assert found.p_fdr.isna().any()


def test_cells_finer_than_the_reports_are_refused() -> None:
    find_hotspots(COUNTS, CELLS, precision_m=1000, replicates=19, seed=1)
    with pytest.raises(MeasureError, match=r"1,000 m wide.*known to 1,500 m only"):
        find_hotspots(COUNTS, CELLS, precision_m=1500, replicates=19, seed=1)
    with pytest.raises(MeasureError, match=r"1,000 m wide.*known to 1,500 m only"):
        hotspots_of(seen_in(["E0N0"]), CELLS, precision_m=1500, replicates=19, seed=1)
    find_hotspots(COUNTS, hexagons(8, 6), precision_m=1000, replicates=19, seed=1)
    with pytest.raises(MeasureError, match="precision_m is nan"):
        find_hotspots(COUNTS, CELLS, precision_m=float("nan"), replicates=19, seed=1)


def test_a_null_of_other_cells_or_reports_is_refused() -> None:
    with pytest.raises(MeasureError, match="48 cells, but the null has 47"):
        find_hotspots(COUNTS, CELLS, null=nulls.Null.of_kinds(np.ones(47), np.array([100])), seed=1)
    with pytest.raises(MeasureError, match="one of 99 reports, but 100"):
        find_hotspots(COUNTS, CELLS, null=nulls.Null.of_kinds(np.ones(48), np.array([99])), seed=1)
    fewer = np.roll(COUNTS, 1) + (COUNTS > 0)
    with pytest.raises(MeasureError, match="more reports in question than reports at all"):
        find_hotspots(COUNTS, CELLS, null=nulls.Null.of_labels(fewer, TOTAL), seed=1)


NEAR = away_m(CELLS) < 1500


def test_with_labels_p_of_a_cell_is_the_hypergeometric_chance() -> None:
    pool = COUNTS + np.random.default_rng(2).poisson(3, 48) + np.where(np.arange(48) == 40, 30, 0)
    found = find_hotspots(COUNTS, CELLS, null=nulls.Null.of_labels(pool, TOTAL), replicates=9999, seed=1)
    inside, near = np.arange(TOTAL + 1)[:, None], NEAR @ pool
    law = stats.hypergeom(pool.sum(), near, TOTAL)
    rare = np.minimum(law.sf(inside - 1), law.cdf(inside))
    as_rare = rare <= rare[NEAR @ COUNTS, np.arange(48)] * (1 + 1e-9)
    exact = np.where(as_rare, law.pmf(inside), 0).sum(axis=0)
    error = np.sqrt(exact * np.maximum(1 - exact, 0) / 9999)
    assert (np.abs(found.p_cell - exact) < 4 * error + 2e-4).all()
    np.testing.assert_allclose(found.gi_z, (NEAR @ COUNTS - law.mean()) / law.std(), rtol=1e-9)
    assert found.hotspot[19] == "hot"


def test_water_disputes_where_all_reports_are_thick_are_no_finding() -> None:
    cells = grid(12, 12)
    at_large = planted(cells, 300, 3, cluster=150)
    water = np.bincount(np.random.default_rng(1).permutation(np.repeat(np.arange(144), at_large))[:150], minlength=144)
    assert (find_hotspots(water, cells, seed=1).hotspot == "hot").any()
    assert set(find_hotspots(water, cells, null=nulls.Null.of_labels(at_large, 150), seed=1).hotspot) == {"none"}


def test_when_every_report_is_in_question_nothing_can_be_found() -> None:
    found = find_hotspots(COUNTS, CELLS, null=nulls.Null.of_labels(COUNTS, TOTAL), replicates=99, seed=1)
    assert found.p_map.dropna().eq(1).all()
    assert found.gi_z.dropna().eq(0).all()
    assert found.gi_z.isna().equals(pd.Series(NEAR @ COUNTS == 0))


def kinds_of_reports() -> tuple[np.ndarray, nulls.Null]:
    draws = np.random.default_rng(8)
    shares = draws.gamma(0.5, size=(3, 48)) * (np.arange(48) % np.array([[1], [2], [3]]) == 0)
    totals = np.array([60, 30, 25])
    count = sum(draws.multinomial(n, share / share.sum()) for n, share in zip(totals, shares, strict=True))
    return np.asarray(count), nulls.Null.of_kinds(shares, totals)


def test_with_several_kinds_each_departs_by_its_own_chance() -> None:
    count, null = kinds_of_reports()
    found = find_hotspots(count, CELLS, null=null, replicates=9999, seed=1)
    share = NEAR @ (null.weights / null.weights.sum(axis=1, keepdims=True)).T
    by_hand = (NEAR @ count - share @ null.totals) / np.sqrt((share * (1 - share)) @ null.totals)
    np.testing.assert_allclose(found.gi_z, by_hand, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.expected, null.expected, rtol=1e-12)
    # The law of a sum of three binomials, by convolution.
    cell = int(np.argmin(found.p_cell))
    law = np.array([1.0])
    for n, q in zip(null.totals, share[cell], strict=True):
        law = np.convolve(law, stats.binom.pmf(np.arange(n + 1), n, q))
    mixed, inside = share[cell] @ null.totals / 115, np.arange(116)
    rare = np.minimum(stats.binom.sf(inside - 1, 115, mixed), stats.binom.cdf(inside, 115, mixed))
    exact = law[rare <= rare[(NEAR @ count)[cell]] * (1 + 1e-2)].sum()
    assert found.p_cell[cell] == pytest.approx(exact, abs=4 * np.sqrt(exact / 9999) + 2e-4)


@pytest.mark.parametrize("world", ["kinds", "labels", "weights"])
def test_the_order_of_cells_and_reports_leaves_no_trace_in_any_world(world: str) -> None:
    draws = np.random.default_rng(6)
    order = draws.permutation(48)
    mixed = CELLS.iloc[order]
    if world == "weights":
        seen = seen_in(draws.choice(CELLS.cell_id, 200), reported_by=draws.choice(["a", "b"], 200))
        weights = pd.Series(draws.lognormal(size=200))
        shuffled = draws.permutation(200)
        found = hotspots_of(seen, CELLS, weights=weights, replicates=99, seed=5).set_index("cell_id")
        again = hotspots_of(seen.iloc[shuffled], mixed, weights=weights.iloc[shuffled], replicates=99, seed=5)
        pd.testing.assert_frame_equal(again.set_index("cell_id").loc[found.index], found, rtol=1e-12)
        return
    count, null = kinds_of_reports()
    if world == "labels":
        null = nulls.Null.of_labels(count * 2 + 1, int(count.sum()))
    found = find_hotspots(count, CELLS, null=null, replicates=99, seed=5)
    again = find_hotspots(count[order], mixed, null=null.in_order(order), replicates=99, seed=5)
    pd.testing.assert_frame_equal(again, found.iloc[order], rtol=1e-12)


def test_reports_on_a_grid_fill_the_table_of_hot_spots() -> None:
    cells = grid(10, 10)
    cells.loc[:, "residents_named"] = 0.0
    cells.loc[55, "residents_named"] = 1000.0
    reports = seen_in([*np.repeat("E5N5", 40), *cells.cell_id, *np.repeat(None, 9)], is_named=[True] * 40 + [False] * 109)
    found = hotspots_of(reports, cells, seed=1)
    assert set(found.hotspot) == {"none"}
    assert found.expected.sum() == pytest.approx(140)
    assert found.expected[55] == pytest.approx(41)
    tables.check(found.assign(scope="crime", support=np.nan, rests_on=None), tables.HOTSPOTS)

    blind = hotspots_of(reports.assign(is_named=False), cells, seed=1)
    assert blind.hotspot[55] == "hot"


def test_no_report_at_all_fills_the_table_too() -> None:
    for found in (hotspots_of(seen_in([None, None]), CELLS, seed=1), hotspots_of(seen_in([]), CELLS, seed=1)):
        assert set(found.hotspot) == {"too few to tell"}
        assert found.gi_z.isna().all()
        assert found.expected.sum() == 0


def test_a_grid_that_does_not_cover_the_reports_is_refused() -> None:
    half = ["E0N0"] * 20 + [None] * 20
    assert hotspots_of(seen_in(half), CELLS, replicates=19, seed=1)["count"].sum() == 20
    with pytest.raises(MeasureError, match="21 of 41 reports have a place that is on no cell"):
        hotspots_of(seen_in([*half, None]), CELLS, replicates=19, seed=1)


def test_a_side_that_reports_more_from_its_own_land_makes_nothing_hot() -> None:
    cells = grid(12, 12)
    west = cells.easting < 406_000
    times = np.where(west, 6, 1)
    seen = seen_in(np.repeat(cells.cell_id, times), reported_by=np.repeat(np.where(west, "a", "b"), times))
    own = pd.DataFrame({"a": west, "b": ~west})
    assert (hotspots_of(seen, cells, seed=1).hotspot != "none").any()
    assert set(hotspots_of(seen, cells, own_land=own, seed=1).hotspot) == {"none"}


def test_what_piles_up_on_land_that_both_claim_is_found() -> None:
    cells = grid(12, 12)
    column = (cells.easting - 400_000) // 1000
    own = pd.DataFrame({"a": column < 7, "b": column > 4})
    is_strip = own.a & own.b
    times = np.where(is_strip, 8, 1)
    side = np.where(is_strip, np.where(np.arange(144) % 2, "a", "b"), np.where(own.a, "a", "b"))
    seen = seen_in(np.repeat(cells.cell_id, times), reported_by=np.repeat(side, times))
    found = hotspots_of(seen, cells, own_land=own, seed=1)
    assert (found.hotspot == "hot").any()
    assert column[found.hotspot == "hot"].between(4, 7).all()


def test_shared_land_that_reports_as_much_as_either_side_is_no_spot_and_as_neither_is_one() -> None:
    """Of three reports a cell on the one side's land and one on the other's, anything from one to three is usual in between."""
    cells = grid(15, 15)
    column = (cells.easting - 400_000) // 1000
    own = pd.DataFrame({"a": column < 9, "b": column > 5})
    is_strip = own.a & own.b
    for strip, verdict in ((1, "none"), (2, "none"), (3, "none"), (9, "hot"), (0, "cold")):
        times = np.where(is_strip, 3 * strip, np.where(own.a, 9, 3))
        seen = seen_in(np.repeat(cells.cell_id, times))
        found = hotspots_of(seen, cells, own_land=own, seed=1)
        assert (found.hotspot[is_strip] == verdict).any(), strip
        if verdict == "none":
            assert set(found.hotspot) == {"none"}, strip


def test_several_nulls_agree_or_nothing_is_found() -> None:
    cells = grid(12, 12)
    west = np.where(cells.easting < 406_000, 3.0, 1.0)
    counts = planted(cells, 150, 3, cluster=60)
    alone = [find_hotspots(counts, cells, null=weight, seed=1) for weight in (west, 4 - west)]
    worlds = tuple(nulls.Null.of_kinds(weight, np.array([counts.sum()])) for weight in (west, 4 - west))
    both = find_hotspots(counts, cells, null=worlds, seed=1)
    hot = np.logical_and(*(one.hotspot == "hot" for one in alone))
    assert ((both.hotspot == "hot") == hot).all()
    assert hot.any()
    is_agreed = np.sign(alone[0].gi_z) == np.sign(alone[1].gi_z)
    np.testing.assert_array_equal(both.p_map[is_agreed], np.maximum(alone[0].p_map, alone[1].p_map)[is_agreed])
    assert (both.p_map[~is_agreed] == 1).all()
    assert (both.gi_z[~is_agreed] == 0).all()
    assert (~is_agreed).any()


def test_reports_that_their_kind_cannot_bring_stay_in_the_count_and_out_of_the_test() -> None:
    cells = CELLS.assign(residents_named=np.where(np.arange(48) == 3, 50.0, 0.0))
    seen = seen_in([*CELLS.cell_id, *["E5N5"] * 30], is_named=[False] * 48 + [True] * 30)
    found = hotspots_of(seen, cells, seed=1)
    assert found["count"].sum() == 78
    assert found.loc[45, "count"] == 31
    assert found.expected.sum() == pytest.approx(48)
    assert set(found.hotspot) == {"none"}


@pytest.mark.parametrize("scale", [1.0, 0.3, 1e6])
def test_equal_weights_change_neither_scores_nor_verdicts(scale: float) -> None:
    cells = grid(12, 12)
    seen = seen_in(np.repeat(cells.cell_id, planted(cells, 150, 3, cluster=20)))
    plain = hotspots_of(seen, cells, seed=1)
    found = hotspots_of(seen, cells, weights=np.full(len(seen), scale), seed=1)
    np.testing.assert_allclose(found.gi_z, plain.gi_z, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found.weight, plain["count"] * scale, rtol=1e-12)
    np.testing.assert_allclose(found.weight_expected, plain.expected * scale, rtol=1e-9)
    assert ((found.p_map - plain.p_map).abs() < 0.1).all()
    assert (found.hotspot == plain.hotspot).all()


def test_with_weights_each_kind_departs_by_the_weights_that_it_carries() -> None:
    west = (CELLS.easting < 404_000).to_numpy()
    own = pd.DataFrame({"a": west, "b": ~west})
    draws = np.random.default_rng(5)
    place = draws.integers(48, size=80)
    weights = np.where(west[place], draws.choice([1.0, 4.0], 80), 2.0)
    seen = seen_in(CELLS.cell_id.to_numpy()[place], reported_by=np.where(west[place], "a", "b"))
    found = hotspots_of(seen, CELLS, own_land=own, weights=weights, reach_m=0, share_outside=1, replicates=99, seed=1)
    sums = np.bincount(place, weights, minlength=48)
    of_side = np.where(west, weights[west[place]].sum(), weights[~west[place]].sum())
    squares = np.where(west, (weights[west[place]] ** 2).sum(), (weights[~west[place]] ** 2).sum())
    np.testing.assert_allclose(found.weight_expected, of_side / 24, rtol=1e-9)
    np.testing.assert_allclose(found.gi_z, (sums - of_side / 24) / np.sqrt(squares * 23 / 24**2), rtol=1e-9)


def test_heavy_reports_in_one_place_are_hot_and_their_number_is_not() -> None:
    cells = grid(12, 12)
    count = planted(cells, 200, 3)
    seen = seen_in(np.repeat(cells.cell_id, count))
    is_near = np.repeat(np.hypot(cells.easting - 406_000, cells.northing - 4_766_000) < 1600, count)
    weights = np.where(is_near, 7.0, 1.0)
    assert set(hotspots_of(seen, cells, seed=1).hotspot) == {"none"}
    found = hotspots_of(seen, cells, weights=weights, seed=1)
    hot = found.hotspot.to_numpy() == "hot"
    assert hot.any()
    assert np.hypot(cells.easting - 406_000, cells.northing - 4_766_000)[hot].max() < 3500
    at_random = np.random.default_rng(2).permutation(weights)
    assert set(hotspots_of(seen, cells, weights=at_random, seed=1).hotspot) == {"none"}


def test_p_of_a_weighted_cell_is_the_chance_of_something_as_rare() -> None:
    draws = np.random.default_rng(4)
    seen, weights = seen_in(draws.choice(CELLS.cell_id, 60)), draws.choice([1.0, 2.0, 5.0], 60)
    found = hotspots_of(seen, CELLS, weights=weights, reach_m=0, replicates=4999, share_outside=1, seed=1)
    sums = np.zeros((20_000, 60))
    cell = draws.integers(48, size=sums.shape)
    sums = (weights * (cell == 0)).sum(axis=1)
    level = np.unique(weights, return_counts=True)
    rarity = compound_rarities(60 / 48, level[0].astype(int), level[1] / 60)
    rare = rarity[np.minimum(sums.astype(int), rarity.size - 1)]
    for weight, p in found.groupby("weight").p_cell.mean().items():
        chance = (rare >= rarity[int(weight)]).mean()
        assert p == pytest.approx(chance, abs=0.03)


@pytest.mark.parametrize("mean", [1e-4, 0.3, 4.0, 60.0, 900.0])
def test_the_tails_of_a_weighted_sum_are_those_of_a_compound_poisson_law(mean: float) -> None:
    level, chance = np.array([1, 3, 10]), np.array([0.5, 0.3, 0.2])
    rarity = compound_rarities(mean, level, chance)
    size = rarity.size * 2 + 64
    jump = np.zeros(size)
    jump[level] = chance
    # The characteristic function, inverted.
    law = np.fft.ifft(np.exp(mean * (np.fft.fft(jump) - 1))).real
    upper, lower = np.cumsum(law[::-1])[::-1], np.cumsum(law)
    by_fft = np.minimum(upper, lower)[: rarity.size]
    is_sure = by_fft > 1e-9
    assert is_sure.sum() > 3
    np.testing.assert_allclose(np.exp(-rarity[is_sure]), by_fft[is_sure], rtol=1e-3)
    assert rarity.max() > 25


@pytest.mark.parametrize("wrong", [0.0, -1.0, float("nan"), float("inf")])
def test_impossible_weights_are_refused(wrong: float) -> None:
    with pytest.raises(MeasureError, match="positive weight"):
        hotspots_of(seen_in(["E0N0", "E1N0"]), CELLS, weights=np.array([1.0, wrong]), seed=1)


def test_weights_of_other_reports_are_refused() -> None:
    seen = seen_in(["E0N0", "E1N0"])
    for weights in (np.ones(3), pd.Series([1.0, 1.0], index=[1, 0])):
        with pytest.raises(MeasureError, match="belong to other reports"):
            hotspots_of(seen, CELLS, weights=weights, seed=1)


def test_draws_that_agree_support_what_the_map_shows() -> None:
    cells = grid(15, 15)
    count = planted(cells, 150, 3, cluster=30)
    found = find_hotspots(count, cells, seed=1)
    support = support_of(np.stack([count] * 3), cells, seed=1)
    assert set(support.hot_share) == {0.0, 1.0}
    assert (found.hotspot[support.hot_share == 1] == "hot").all()  # step-down finds no less
    assert support.hot_share[found.p_map.idxmin()] == 1
    assert support.columns.to_list() == ["hot_share", "cold_share", "p_map", "hotspot"]
    assert (support.hotspot[support.p_map <= 0.05] == "hot").all()
    assert support.p_map.min() == pytest.approx(0.002)


def test_a_cluster_known_to_its_district_alone_is_supported_by_no_place() -> None:
    cells = grid(15, 15)
    draws = np.random.default_rng(7)
    firm = planted(cells, 120, 3)
    draw = np.stack([firm + draws.multinomial(30, np.full(225, 1 / 225)) for _ in range(20)])
    assert support_of(draw, cells, seed=1).hot_share.max() < 0.5
    assert set(support_of(draw, cells, seed=1).hotspot) == {"none"}
    at_one_place = firm + np.where(np.arange(225) == 112, 30, 0)
    assert find_hotspots(at_one_place, cells, seed=1).hotspot[112] == "hot"


def test_the_pooled_p_is_twice_the_lower_median_and_draws_of_other_sizes_have_their_own_null() -> None:
    cells = grid(9, 9)
    draws = np.stack([planted(cells, total, seed, cluster=12) for seed, total in enumerate((60, 60, 70, 80))])
    whole = support_of(draws, cells, replicates=199, seed=4)
    alone = np.sort([support_of(draw[None], cells, replicates=199, seed=4).p_map / 2 for draw in draws], axis=0)
    is_whole = alone[1] < 0.49
    np.testing.assert_allclose(whole.p_map[is_whole], np.minimum(2 * alone[1], 1)[is_whole], rtol=1e-12)
    assert is_whole.any()


def test_draws_by_kind_keep_each_kind_to_its_own_share() -> None:
    west = np.where(CELLS.easting < 404_000, 1.0, 0.0)
    null = nulls.Null.of_kinds(np.stack([west, 1 - west]), np.array([0, 0]))
    draws = np.random.default_rng(3)
    by_kind = np.stack(
        [np.stack([draws.multinomial(n, share / share.sum()) for n, share in ((120, west), (20, 1 - west))]) for _ in range(4)]
    )
    assert set(support_of(by_kind, CELLS, null=null, seed=1).hotspot) == {"none"}
    assert (support_of(by_kind.sum(axis=1), CELLS, seed=1).hotspot != "none").any()
    with pytest.raises(MeasureError, match="Give draws by kind"):
        support_of(by_kind.sum(axis=1), CELLS, null=null, seed=1)
    fixed = null.with_totals(np.array([120, 20]))
    pd.testing.assert_frame_equal(
        support_of(by_kind.sum(axis=1), CELLS, null=fixed, seed=1), support_of(by_kind, CELLS, null=null, seed=1)
    )


def test_too_few_reports_on_most_draws_are_too_few_to_tell() -> None:
    few = np.stack([COUNTS, COUNTS // 9, COUNTS // 9])
    found = support_of(few, CELLS, seed=1)
    assert set(found.hotspot) == {"too few to tell"}
    assert found.p_map.isna().all()
    assert set(support_of(few[:2], CELLS, seed=1).hotspot) == {"too few to tell"}


def test_impossible_draws_are_refused() -> None:
    for draws in (COUNTS, COUNTS[None, :-1], np.empty((0, 48)), np.stack([COUNTS] * 2)[None, None]):
        with pytest.raises(MeasureError, match="The draws have the shape"):
            support_of(draws, CELLS, seed=1)
    for wrong in (-1, 0.5, float("nan")):
        with pytest.raises(MeasureError, match="not whole"):
            support_of(COUNTS[None] + wrong * (np.arange(48) == 2), CELLS, seed=1)
    with pytest.raises(MeasureError, match="random labelling"):
        support_of(COUNTS[None], CELLS, null=nulls.Null.of_labels(COUNTS, 10), seed=1)
    with pytest.raises(MeasureError, match="at least 39 replicates"):
        support_of(COUNTS[None], CELLS, replicates=38, seed=1)
