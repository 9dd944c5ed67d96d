"""K and cross-K: what is refused, values by hand, edges of windows, spatstat's figures, and noise."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tensionmap.errors import GeometryError, MeasureError
from tensionmap.measure import montecarlo
from tensionmap.measure.association import (
    _Bands,
    _edges,
    _outside,
    _triangles,
    _views,
    _weighted_pairs_of_maps,
    cross_k,
    k_function,
)
from tensionmap.measure.near_repeat import sort_into_squares

REAL = os.environ.get("TENSIONMAP_REAL_DATA")
ORACLES = [Path(REAL) / "known_answer"] if REAL else []

SQUARE = (0.0, 0.0, 10_000.0, 10_000.0)
CRANKY = shapely.Polygon(
    [(0, 0), (9000, 0), (9000, 4000), (5000, 4000), (5000, 6000), (9000, 6000), (10_000, 10_000), (0, 9000)],
    holes=[[(1000, 1000), (3000, 1500), (2000, 3000)]],
)
DISTANCES = [250.0, 500.0, 1000.0, 1500.0, 2000.0]


def thrown(size: int, seed: int, window: Any = None) -> np.ndarray:
    draws, window = np.random.default_rng(seed), window or shapely.box(*SQUARE)
    place = draws.uniform(0, 10_000, (40 * size, 2))
    return place[shapely.contains_xy(window, place)][:size]


def villages(size_a: int, size_b: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two kinds of report, both round the same villages, half of them at the village's point."""
    draws = np.random.default_rng(seed)
    centre = draws.uniform(0, 30_000, (15, 2))
    place = centre[draws.integers(0, 15, size_a + size_b)]
    place = place + np.where(draws.random((len(place), 1)) < 0.5, 0, draws.normal(0, 800, place.shape))
    return place[:size_a], place[size_a:]


def crossed(a: np.ndarray, b: np.ndarray, **options: Any) -> pd.DataFrame:
    return cross_k(*a.T, *b.T, **({"distances_m": DISTANCES, "seed": 1} | options))


POINTS = thrown(80, 2)
ONE, TWO = villages(40, 60, 5)


@pytest.mark.parametrize(
    ("changed", "error", "words"),
    [
        ({"window": (0, 0, 5000, 10_000)}, GeometryError, "of 80 points lie outside the window"),
        ({"window": (0, 0, 0, 10_000)}, GeometryError, "west, south, east and north"),
        ({"window": (0, 0, float("nan"), 10_000)}, GeometryError, "west, south"),
        ({"window": shapely.LineString([(0, 0), (9, 9)])}, GeometryError, "valid polygon"),
        ({"window": shapely.Polygon()}, GeometryError, "valid polygon"),
        ({"window": shapely.Polygon([(0, 0), (9, 9), (0, 9), (9, 0)])}, GeometryError, "make_valid"),
        ({"distances_m": [500, 250]}, MeasureError, "rise"),
        ({"distances_m": []}, MeasureError, "rise"),
        ({"distances_m": [-1, 250]}, MeasureError, "negative"),
        ({"easting": POINTS[1:, 0]}, MeasureError, "79 eastings and 80 northings"),
        ({"easting": np.where(np.arange(80) == 3, np.nan, POINTS[:, 0])}, GeometryError, "1 of 80 places"),
        ({"replicates": 18}, MeasureError, "at least 19"),
        ({"seed": -1}, MeasureError, "seed"),
    ],
)
def test_impossible_input_is_refused(changed: dict[str, Any], error: type[Exception], words: str) -> None:
    given_ = {"easting": POINTS[:, 0], "northing": POINTS[:, 1], "distances_m": DISTANCES, "window": SQUARE, "seed": 1}
    with pytest.raises(error, match=words):
        k_function(**(given_ | changed))


def test_two_kinds_are_checked_alike() -> None:
    with pytest.raises(MeasureError, match="39 eastings"):
        cross_k(ONE[1:, 0], ONE[:, 1], *TWO.T, distances_m=DISTANCES, seed=1)
    with pytest.raises(GeometryError, match="1 of 60"):
        cross_k(*ONE.T, np.where(np.arange(60) == 3, np.inf, TWO[:, 0]), TWO[:, 1], distances_m=DISTANCES, seed=1)
    with pytest.raises(MeasureError, match="rise"):
        crossed(ONE, TWO, distances_m=[5, 5])


@pytest.mark.parametrize("size", [0, 1, 2, 29])
def test_a_handful_is_too_few_to_tell(size: int) -> None:
    found = k_function(*POINTS[:size].T, distances_m=DISTANCES, window=SQUARE, seed=1)
    assert set(found.verdict) == {"too few to tell"}
    assert found[["low_m2", "high_m2", "p_map"]].isna().all(axis=None)
    assert found.k_m2.isna().all() == (size < 2)
    found = crossed(POINTS[:size], POINTS[size:29])
    assert set(found.verdict) == {"too few to tell"}
    assert found.p_map.isna().all()
    assert found.pairs.notna().all()


def test_a_kind_that_is_missing_is_too_few_to_tell() -> None:
    found = crossed(POINTS, POINTS[:0])
    assert set(found.verdict) == {"too few to tell"}
    assert found.pairs.eq(0).all()
    assert found.ratio.isna().all()


def test_all_reports_in_one_place_tell_nothing_of_kinds() -> None:
    found = crossed(np.zeros((20, 2)), np.zeros((30, 2)))
    assert set(found.verdict) == {"too few to tell"}
    assert found.pairs.eq(600).all()
    np.testing.assert_allclose(found.expected, 600)


def test_k_by_hand_in_the_middle_and_beside_an_edge() -> None:
    # Two points 600 m apart, far from the edges: both ways count once. 10,000^2 / (2 * 1) * 2 pairs.
    middle = k_function([5000, 5600], [5000, 5000], distances_m=[599.9, 600], window=SQUARE, seed=1)
    assert middle.k_m2.tolist() == [0, 1e8]
    np.testing.assert_allclose(middle.expected_m2, np.pi * np.array([599.9, 600]) ** 2)
    np.testing.assert_allclose(middle.l_minus_r_m[1], np.sqrt(1e8 / np.pi) - 600)
    # Both 300 m from the edge: acos(300 / 600) / pi = 1/3 of the circle lies outside, so each counts 3/2.
    edge = k_function([300, 300], [5000, 5600], distances_m=[600], window=SQUARE, seed=1)
    assert edge.k_m2[0] == pytest.approx(1.5e8)
    # On the edge half of the circle is inside; a metre from two edges little more than a quarter.
    border = k_function([4000, 4600], [0, 0], distances_m=[600], window=SQUARE, seed=1)
    assert border.k_m2[0] == pytest.approx(0.5e8 * (2 + 2))
    corner = k_function([1, 601], [1, 1], distances_m=[600], window=SQUARE, seed=1)
    outside = np.array([2 * np.arccos(1 / 600) - (np.arccos(1 / 600) - np.arcsin(1 / 600)) / 2, np.arccos(1 / 600)]) / np.pi
    assert corner.k_m2[0] == pytest.approx(0.5e8 * (1 / (1 - outside)).sum(), rel=1e-6)


@pytest.mark.parametrize(
    "window",
    [shapely.box(*SQUARE), CRANKY, shapely.MultiPolygon([shapely.box(0, 0, 3000, 9000), CRANKY - shapely.box(0, 0, 3500, 9999)])],
)
def test_the_share_of_a_circle_in_the_window_is_that_of_many_points_on_it(window: Any) -> None:
    place = thrown(40, 4, window)
    order, near = sort_into_squares(*place.T.copy(), 3000.0, False)
    starts, views, _ = _views(near, _edges(window))
    angle = (np.arange(40_000) + 0.5) / 40_000 * 2 * np.pi
    shapely.prepare(window)
    for point, distance in itertools.product(range(40), [50.0, 700.0, 2999.0]):
        east, north = place[order[point]]
        inside = shapely.contains_xy(window, east + distance * np.cos(angle), north + distance * np.sin(angle)).mean()
        ours = 1 / _outside(distance, starts[point], starts[point + 1], views)
        assert ours == pytest.approx(max(inside, 0.01), abs=4e-4)


def test_triangles_fill_the_window_and_are_drawn_by_area() -> None:
    corners, keep, _ = _triangles(CRANKY)
    triangles = shapely.polygons(corners.reshape(-1, 3, 2))
    assert shapely.area(triangles).sum() == pytest.approx(CRANKY.area)
    assert shapely.union_all(triangles).symmetric_difference(CRANKY).area < 1e-6
    assert keep.size == len(corners)


@pytest.mark.parametrize("window", [shapely.box(*SQUARE), CRANKY])
def test_k_of_evenly_thrown_points_is_on_average_that_of_the_plane(window: Any) -> None:
    ends_m = np.array(DISTANCES)
    corners, keep, other = _triangles(window)
    bands = _Bands.of(ends_m)
    drawn = _weighted_pairs_of_maps(0, 1000, np.uint64(1), 40, corners, keep, other, 2000.0, _edges(window), bands)
    k = drawn * window.area / (40 * 39)
    assert (np.abs(k.mean(axis=0) - np.pi * ends_m**2) < 4 * k.std(axis=0) / np.sqrt(1000)).all()


@settings(max_examples=10, deadline=None, derandomize=True)
@given(st.randoms(use_true_random=False), st.integers(0, 2**64 - 1))
def test_order_of_rows_does_not_matter(random: Any, seed: int) -> None:
    order = random.sample(range(80), 80)
    pd.testing.assert_frame_equal(
        k_function(*POINTS[order].T, distances_m=DISTANCES, window=SQUARE, seed=seed),
        k_function(*POINTS.T, distances_m=DISTANCES, window=SQUARE, seed=seed),
        check_exact=True,
    )
    one, two = random.sample(range(40), 40), random.sample(range(60), 60)
    pd.testing.assert_frame_equal(crossed(ONE[one], TWO[two], seed=seed), crossed(ONE, TWO, seed=seed), check_exact=True)


def test_the_kinds_may_change_names() -> None:
    columns = ["pairs", "expected", "ratio"]
    pd.testing.assert_frame_equal(crossed(ONE, TWO)[columns], crossed(TWO, ONE)[columns])


@pytest.mark.parametrize("factor", [0.001, 1.0, 37.0])
def test_scale_and_place_of_the_map_do_not_matter(factor: float) -> None:
    found = k_function(*POINTS.T, distances_m=DISTANCES, window=SQUARE, seed=1)
    moved = k_function(
        *(POINTS * factor + 4e5 * factor).T,
        distances_m=np.array(DISTANCES) * factor,
        window=tuple((np.array(SQUARE) + 4e5) * factor),
        seed=1,
    )
    np.testing.assert_allclose(moved.k_m2, found.k_m2 * factor**2, rtol=1e-6)
    np.testing.assert_allclose(moved.high_m2, found.high_m2 * factor**2, rtol=1e-6)
    assert moved.p_map.equals(found.p_map)


def test_a_rectangle_is_a_polygon() -> None:
    one, two = (k_function(*POINTS.T, distances_m=DISTANCES, window=w, seed=1) for w in (SQUARE, shapely.box(*SQUARE)))
    pd.testing.assert_frame_equal(one, two)


def test_the_number_of_threads_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for threads in (1, 2, 5):
        monkeypatch.setattr(montecarlo, "threads", lambda threads=threads: threads)
        k = k_function(*POINTS.T, distances_m=DISTANCES, window=CRANKY.convex_hull.union(shapely.box(*SQUARE)), seed=3)
        found.append((k, crossed(ONE, TWO, replicates=151, seed=3)))
    for k, cross in found[1:]:
        assert k.equals(found[0][0])
        assert cross.equals(found[0][1])
    assert not crossed(ONE, TWO, replicates=151, seed=4).equals(found[0][1])


def test_inputs_are_not_changed() -> None:
    place, window = POINTS.copy(), np.array(SQUARE)
    k_function(*place.T, distances_m=DISTANCES, window=tuple(window), seed=1)
    crossed(place[:40], place[40:])
    assert (place == POINTS).all()


def test_clusters_are_more_and_a_lattice_is_fewer() -> None:
    draws = np.random.default_rng(1)
    clusters = np.repeat(thrown(20, 1) * 0.8 + 1000, 5, axis=0) + draws.normal(0, 100, (100, 2))
    found = k_function(*clusters.T, distances_m=DISTANCES, window=SQUARE, seed=1)
    assert found.verdict[0] == "more"
    assert found.p_map.eq(0.01).all()
    lattice = np.stack(np.mgrid[500:10_000:1000, 500:10_000:1000], axis=-1).reshape(-1, 2)
    found = k_function(*lattice.T, distances_m=[900], window=SQUARE, seed=1)
    assert found.verdict.to_list() == ["fewer"]
    assert ((found.k_m2 < found.low_m2) & (found.l_minus_r_m == -900)).all()


def test_the_mean_and_the_spread_of_labels_are_those_of_all_deals() -> None:
    place = villages(4, 4, 3)
    together = np.concatenate(place)
    away = np.hypot(*np.moveaxis(together[:, None] - together, 2, 0))
    found = crossed(*place, distances_m=[0, 3000, 20_000])
    for row, ends in zip(found.itertuples(), [0, 3000, 20_000], strict=True):
        counts = []
        for kind in itertools.combinations(range(8), 4):
            is_a = np.isin(np.arange(8), kind)
            counts.append((away[is_a][:, ~is_a] <= ends).sum())
        assert row.expected == pytest.approx(np.mean(counts))
        from tensionmap.measure.association import _labelling

        neighbours = (away <= ends).sum(axis=1, keepdims=True) - 1
        mean, deviation = _labelling(neighbours, 4, 4)
        assert mean[0] == pytest.approx(np.mean(counts))
        assert deviation[0] == pytest.approx(np.std(counts))


def test_kinds_that_seek_or_shun_one_another_are_found() -> None:
    draws = np.random.default_rng(1)
    first = draws.uniform(0, 50_000, (60, 2))
    beside = crossed(first, first + draws.normal(0, 100, (60, 2)))
    assert beside.verdict[0] == "more"
    assert beside.ratio[0] > 1.5
    halves = crossed(first * [0.4, 1], first[::-1] * [0.4, 1] + [30_000, 0], distances_m=[8000])
    assert halves.verdict.to_list() == ["fewer"]
    assert halves.pairs[0] < halves.low[0]


def test_pairs_are_those_of_the_slow_count() -> None:
    away = np.hypot(*np.moveaxis(ONE[:, None] - TWO, 2, 0))
    found = crossed(ONE, TWO, distances_m=[0, 100, 5000, 90_000])
    assert found.pairs.to_list() == [(away <= end).sum() for end in (0, 100, 5000, 90_000)]
    assert found.pairs[0] > 0


@pytest.mark.parametrize("folder", ORACLES)
@pytest.mark.parametrize(("name", "window"), [("redwood", (0, -1, 1, 0)), ("japanesepines", (0, 0, 1, 1))])
def test_k_is_spatstats(folder: Path, name: str, window: tuple[float, float, float, float]) -> None:
    place = pd.read_csv(folder / "csv" / f"spatstat_{name}.csv")
    theirs = pd.read_csv(folder / "r_oracle" / f"{name}_Kest.csv")[1:]
    k = k_function(place.x, place.y, distances_m=theirs.r, window=window, seed=1).k_m2.to_numpy()
    below = k_function(place.x, place.y, distances_m=theirs.r * (1 - 1e-6), window=window, seed=1).k_m2.to_numpy()
    # Pairs exactly as far apart as a distance are on either side of it by rounding in spatstat.
    assert ((below <= theirs.iso + 1e-10) & (theirs.iso <= k + 1e-10)).all()
    is_clear = below == k
    assert is_clear.sum() > 20
    np.testing.assert_allclose(k[is_clear], theirs.iso[is_clear], rtol=0, atol=1e-10)


@pytest.mark.parametrize("folder", ORACLES)
def test_k_in_a_polygon_is_spatstats(folder: Path) -> None:
    place = pd.read_csv(folder / "csv" / "spatstat_chorley.csv").query("type == 'lung'")
    window = shapely.Polygon(pd.read_csv(folder / "csv" / "spatstat_chorley_window.csv"))
    theirs = pd.read_csv(folder / "r_oracle" / "chorley_lung_Kest.csv")[1:]
    k, below = (
        k_function(place.x, place.y, distances_m=theirs.r * near, window=window, replicates=19, seed=1).k_m2.to_numpy()
        for near in (1, 1 - 1e-6)
    )
    # Its shares of circles in a polygon are wrong by up to a tenth for a few pairs in a hundred thousand.
    assert ((below <= theirs.iso * (1 + 2e-5)) & (theirs.iso <= k * (1 + 2e-5))).all()


def test_evenly_thrown_points_leave_the_envelope_no_more_often_than_promised() -> None:
    for window in (shapely.box(*SQUARE), CRANKY):
        left = 0
        for number in range(150):
            place = thrown(60, number, window)
            found = k_function(*place.T, distances_m=DISTANCES, window=window, seed=number)
            left += found.p_map[0] <= 0.05
            assert found.verdict.isin(["more", "fewer"]).any() == (found.p_map[0] <= 0.05)
        assert left <= stats.binom.ppf(0.999, 150, 0.05)


def test_people_in_villages_leave_the_envelope_of_even_points_and_that_of_labels_no_more_than_promised() -> None:
    left = 0
    for number in range(150):
        found = crossed(*villages(30, 60, number), replicates=199, seed=number)
        left += found.p_map[0] <= 0.05
        assert found.verdict.isin(["more", "fewer"]).any() == (found.p_map[0] <= 0.05)
    assert left <= stats.binom.ppf(0.999, 150, 0.05)
    together = np.concatenate(villages(30, 60, 1))
    assert k_function(*together.T, distances_m=DISTANCES, window=(-9e3, -9e3, 4e4, 4e4), seed=1).verdict.eq("more").all()
