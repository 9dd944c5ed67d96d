"""Metres to the nearest thing: equal to measuring every pair."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.affinity import translate
from shapely.geometry import LineString, MultiLineString, MultiPolygon, Point, box

from tensionmap import tables
from tensionmap.errors import GeometryError
from tensionmap.link import nearby
from tensionmap.link.nearby import by_kind, covering, distances_m, nearest

CRS = "EPSG:32626"
EAST, NORTH = 500_000, 4_760_000


def series(*shapes, crs=CRS):
    return gpd.GeoSeries([translate(shape, EAST, NORTH) for shape in shapes], crs=crs)


def brute_force(points, shapes):
    return np.array([min(shape.distance(point) for shape in shapes) for point in points])


class TestRefused:
    def test_layers_in_another_crs(self):
        with pytest.raises(GeometryError, match=r"EPSG:32626 and shapes in EPSG:32625 cannot be compared"):
            nearest(series(Point(0, 0)), series(Point(0, 0), crs="EPSG:32625"))

    def test_areas_in_another_crs(self):
        with pytest.raises(GeometryError, match=r"EPSG:32626 and shapes in EPSG:32625 cannot be compared"):
            covering(series(Point(0, 0)), series(box(0, 0, 1, 1), crs="EPSG:32625"))


class TestNearest:
    @settings(max_examples=80, deadline=None)
    @given(seed=st.integers(0, 2**32 - 1), many=st.integers(1, 30), reach_m=st.sampled_from([1.0, 300.0, 5000.0]))
    def test_equals_brute_force(self, seed, many, reach_m):
        random = np.random.default_rng(seed)
        shapes = []
        for kind in random.integers(0, 4, many):
            place = random.uniform(0, 10_000, 2)
            walk = place + np.cumsum(random.normal(0, reach_m, (5, 2)), axis=0)
            shapes.append(
                [Point(place), LineString(walk), MultiLineString([walk[:2], walk[2:]]), box(*place, *(place + reach_m))][kind]
            )
        points = series(*(Point(xy) for xy in random.uniform(-20_000, 30_000, (40, 2))))
        layer = series(*shapes)
        distance_m, position = nearest(points, layer)
        assert distance_m == pytest.approx(brute_force(points, layer), abs=1e-6)
        own = np.array([layer.iloc[p].distance(point) for p, point in zip(position, points, strict=True)])
        assert own == pytest.approx(distance_m, abs=1e-6)

    @pytest.mark.parametrize("shape", [LineString([(0, 0), (5000, 0)]), LineString([(70, 0), (70, 9000)]), Point(3, 3)])
    def test_layers_without_width(self, shape):
        points = series(Point(100, 50), Point(70, 0), Point(-8000, 9000))
        assert nearest(points, series(shape))[0] == pytest.approx(brute_force(points, series(shape)), abs=1e-6)

    def test_all_in_one_place(self):
        assert nearest(series(Point(1, 1)), series(Point(1, 1)))[0].tolist() == [0]

    def test_inside_an_area_and_in_its_hole(self):
        ring = box(0, 0, 1000, 1000).difference(box(400, 400, 600, 600))
        layer = series(Point(900, 900), MultiPolygon([ring, box(5000, 0, 6000, 1000)]))
        distance_m, position = nearest(series(Point(100, 100), Point(500, 500), Point(5500, 500), Point(1100, 500)), layer)
        assert distance_m.tolist() == pytest.approx([0, 100, 0, 100])
        assert position.tolist() == [1, 1, 1, 1]

    def test_the_first_of_several_at_the_same_distance(self):
        lines = series(LineString([(0, 10), (9, 10)]), LineString([(0, -10), (9, -10)]), LineString([(0, -10), (9, -10)]))
        assert nearest(series(Point(5, 0)), lines)[1].tolist() == [0]
        assert nearest(series(Point(5, -1)), lines)[1].tolist() == [1]

    def test_nothing_near(self):
        distance_m, position = nearest(series(Point(0, 0)), series())
        assert np.isnan(distance_m).all()
        assert position.tolist() == [-1]

    def test_a_border_drawn_by_both_neighbours_is_equally_far(self):
        random = np.random.default_rng(3)
        border = np.cumsum(random.normal(0, 100, (200, 2)), axis=0)
        lines = series(LineString(border), LineString(border[::-1]), box(90_000, 0, 90_001, 1))
        points = series(*(Point(xy) for xy in random.normal(0, 2000, (500, 2))))
        assert set(nearest(points, lines)[1]) == {0}
        assert set(nearest(points, lines.iloc[[2, 1, 0]])[1]) == {1}

    def test_areas_and_lines_at_the_same_distance(self):
        mixed = series(box(0, 10, 9, 20), LineString([(0, -10), (9, -10)]))
        assert nearest(series(Point(5, 0)), mixed)[1].tolist() == [0]
        assert nearest(series(Point(5, 0)), mixed.iloc[::-1])[1].tolist() == [0]


def as_told_by_shapely(points, shapes):
    """Distances by shapely's tree on single segments, position ignored."""
    xy, line = shapely.get_coordinates(shapes.to_numpy(), return_index=True)
    first = np.flatnonzero(line[1:] == line[:-1])
    pieces = shapely.linestrings(np.stack([xy[first], xy[first + 1]], axis=1))
    return shapely.STRtree(pieces).query_nearest(points.to_numpy(), return_distance=True, all_matches=False)[1]


class TestAnyCoordinates:
    @pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6, 1e12, 1e100])
    def test_any_extent(self, scale):
        random = np.random.default_rng(4)
        lines = gpd.GeoSeries(shapely.linestrings(scale * random.normal(0, 1, (40, 9, 2))), crs=CRS)
        points = gpd.GeoSeries(shapely.points(scale * random.normal(0, 3, (300, 2))), crs=CRS)
        assert nearest(points, lines)[0] == pytest.approx(as_told_by_shapely(points, lines), rel=1e-9, abs=1e-12 * scale)

    def test_points_far_from_all_lines_and_far_from_one_another(self):
        random = np.random.default_rng(5)
        lines = series(*(LineString(xy) for xy in random.uniform(0, 1000, (2000, 2, 2))))
        points = series(*(Point(xy) for xy in 1e6 * random.normal(0, 3, (3000, 2))))
        assert nearest(points, lines)[0] == pytest.approx(as_told_by_shapely(points, lines), rel=1e-9)

    def test_very_uneven_density(self):
        random = np.random.default_rng(6)
        spread = 10.0 ** random.uniform(-3, 7, (4000, 1))
        ends = random.normal(0, 1, (4000, 2)) * spread
        lines = series(
            *(LineString(pair) for pair in np.stack([ends, ends + random.normal(0, 1, (4000, 2)) * spread / 50], axis=1))
        )
        points = series(*(Point(xy) for xy in random.normal(0, 1, (4000, 2)) * spread[::-1]))
        assert nearest(points, lines)[0] == pytest.approx(as_told_by_shapely(points, lines), rel=1e-9, abs=1e-8)

    def test_one_line_of_a_million_vertices(self):
        random = np.random.default_rng(7)
        line = series(LineString(np.cumsum(random.normal(0, 10, (1_000_000, 2)), axis=0)))
        points = series(*(Point(xy) for xy in random.normal(0, 5000, (2000, 2))))
        assert nearest(points, line)[0] == pytest.approx(as_told_by_shapely(points, line), rel=1e-9, abs=1e-8)

    def test_segments_without_length_duplicates_and_a_single_one(self):
        shapes = series(LineString([(5, 5), (5, 5)]), LineString([(5, 5), (5, 5)]), LineString([(9, 5), (9, 5), (9, 6)]))
        points = series(Point(5, 5), Point(8, 9), Point(8, 9), Point(2, 1))
        assert nearest(points, shapes)[0] == pytest.approx(brute_force(points, shapes))
        assert nearest(points, shapes)[1].tolist() == [0, 2, 2, 0]
        assert nearest(points, shapes.iloc[:1])[0] == pytest.approx(brute_force(points, shapes.iloc[:1]))

    def test_places_and_vertices_that_are_no_numbers(self):
        points = gpd.GeoSeries([Point(np.nan, 1), None, Point(), Point(np.inf, 0), Point(3, 4)], crs=CRS)
        with np.errstate(invalid="ignore"):
            broken = shapely.linestrings([(0, 0), (np.nan, 1), (3, 4)])
        shapes = gpd.GeoSeries([broken, None, LineString(), LineString([(0, 0), (0, 9)])], crs=CRS)
        distance_m, position = nearest(points, shapes)
        assert np.isnan(distance_m[:4]).all()
        assert position.tolist() == [-1, -1, -1, -1, 3]
        assert distance_m[4] == 3
        assert np.isnan(nearest(points, shapes.iloc[:3])[0]).all()
        assert covering(points, series(box(0, 0, 9, 9)).translate(-EAST, -NORTH))[0].tolist() == [4]

    def test_the_same_for_any_number_of_threads(self, monkeypatch):
        random = np.random.default_rng(8)
        shapes = series(
            *(LineString(xy) for xy in random.integers(0, 50, (300, 4, 2))),
            *(box(*xy, *xy + 5) for xy in random.integers(0, 50, (50, 2))),
        )
        points = series(*(Point(xy) for xy in random.integers(0, 55, (1001, 2))))
        one = [*nearest(points, shapes), *covering(points, shapes.iloc[300:])]
        monkeypatch.setattr(nearby, "POINTS_PER_THREAD", 100)
        for before, after in zip(one, [*nearest(points, shapes), *covering(points, shapes.iloc[300:])], strict=True):
            assert np.array_equal(before, after)


def brute_cover(points, areas):
    return np.nonzero(shapely.intersects(points.to_numpy()[:, None], areas.to_numpy()[None, :]))


def same_pairs(points, areas):
    ours, theirs = covering(points, areas), brute_cover(points, areas)
    return np.array_equal(ours[0], theirs[0]) and np.array_equal(ours[1], theirs[1])


class TestCovering:
    @settings(max_examples=60, deadline=None)
    @given(seed=st.integers(0, 2**32 - 1))
    def test_places_on_corners_edges_and_in_holes(self, seed):
        random = np.random.default_rng(seed)
        areas = []
        for _ in range(6):
            west, south = random.integers(0, 6, 2)
            area = box(west, south, west + 6, south + 6).difference(box(west + 2, south + 1, west + 4, south + 3))
            if random.random() < 0.5:
                area = area.union(Point(west, south + 3).buffer(3, quad_segs=1))
            areas.append(MultiPolygon([area, box(20, south, 22, south + 1)]) if random.random() < 0.5 else area)
        grid = np.stack(np.meshgrid(np.arange(-1, 24, 0.5), np.arange(-1, 14, 0.5)), axis=2).reshape(-1, 2)
        assert same_pairs(series(*(Point(xy) for xy in grid)), series(*areas))

    @pytest.mark.parametrize("away_m", [0.0, 1.0, 1e6])
    @pytest.mark.parametrize("spread_m", [1e-3, 1e-9, 1e-15, 0.0])
    def test_places_nearer_to_an_outline_than_rounding_can_tell(self, spread_m, away_m):
        random = np.random.default_rng(9)
        turn = np.sort(random.uniform(0, 2 * np.pi, 4000))
        ring = away_m + np.column_stack([np.cos(turn), np.sin(turn)]) * random.uniform(0.1, 1, (len(turn), 1))
        edge = np.roll(ring, -1, axis=0) - ring
        places = ring + random.uniform(0, 1, (len(ring), 1)) * edge + random.normal(0, 1, ring.shape) * spread_m
        points = gpd.GeoSeries(shapely.points(np.concatenate([places, ring])), crs=CRS)
        assert same_pairs(points, gpd.GeoSeries([shapely.polygons(ring)], crs=CRS))

    def test_long_thin_teeth_do_not_fill_the_memory(self):
        teeth = np.arange(20_000) / 10
        comb = np.column_stack([teeth, np.where(np.arange(20_000) % 2, 0, 1000.0 + teeth)])
        area = series(shapely.polygons([*comb, (2000, -1), (0, -1)]))
        random = np.random.default_rng(10)
        points = series(*(Point(xy) for xy in random.uniform(-10, 2010, (300, 2))))
        assert same_pairs(points, area)
        xy, rings, parts = nearby._rings(area.to_numpy())
        assert len(nearby._strips(xy, rings, parts)[3]) <= nearby.MOST_STRIPS_PER_EDGE * len(xy)

    def test_many_areas_over_one_another(self):
        random = np.random.default_rng(11)
        areas = series(*(Point(xy).buffer(40) for xy in random.uniform(0, 100, (90, 2))))
        assert same_pairs(series(*(Point(xy) for xy in random.uniform(0, 100, (700, 2)))), areas)

    def test_nothing_to_cover_or_to_be_covered(self):
        assert [len(found) for found in covering(series(), series(box(0, 0, 1, 1)))] == [0, 0]
        assert [len(found) for found in covering(series(Point(0, 0)), series())] == [0, 0]
        assert [len(found) for found in covering(gpd.GeoSeries([None], crs=CRS), series(box(0, 0, 1, 1)))] == [0, 0]


def test_each_loop_is_compiled_for_one_kind_of_numbers_only():
    points = series(Point(0, 0), Point(5, 5))
    nearest(points, series(box(0, 0, 1, 1), Point(3, 3)))
    loops = "_extent _along_hilbert _runs _boxes _leaves _tree _search _strips _cover"  # those that Python calls
    assert {name: len(getattr(nearby, name).signatures) for name in loops.split()} == dict.fromkeys(loops.split(), 1)


class TestDistances:
    def test_columns_index_and_missing_layers(self):
        points = series(Point(0, 0), Point(300, 400)).set_axis([7, 3])
        points = pd.concat([points, gpd.GeoSeries([None], index=[5], crs=CRS)])
        roads = gpd.GeoDataFrame(geometry=series(LineString([(0, 0), (0, 900)])))
        found = distances_m(points, {"spring": series(Point(0, 0)), "road": roads})
        assert found.columns.tolist() == [f"{kind}_m" for kind in tables.DISTANCE_KINDS]
        assert found.index.tolist() == [7, 3, 5]
        assert found["spring_m"].tolist()[:2] == [0, 500]
        assert found["road_m"].tolist()[:2] == [0, 300]
        assert found.loc[5].isna().all()
        assert found[["canal_m", "pasture_m"]].isna().all(axis=None)
        assert (found.dtypes == "float64").all()

    def test_kinds_of_the_two_tables(self):
        resources = gpd.GeoDataFrame(
            {"kind": ["spring", "forest", "spring"]}, geometry=series(Point(0, 0), box(0, 0, 1, 1), Point(1, 1))
        )
        services = gpd.GeoDataFrame(
            {"kind": ["road", "meeting_place"]}, geometry=series(LineString([(0, 0), (1, 1)]), Point(0, 0))
        )
        layers = by_kind(resources, services)
        assert {kind: len(shapes) for kind, shapes in layers.items()} == {"spring": 2, "forest": 1, "road": 1}
        assert by_kind(tables.empty(tables.RESOURCES, CRS), tables.empty(tables.SERVICES, CRS)) == {}
