"""Metres to the nearest thing: equal to measuring every pair."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.affinity import translate
from shapely.geometry import LineString, MultiLineString, MultiPolygon, Point, box

from tensionmap import tables
from tensionmap.errors import GeometryError
from tensionmap.link.nearby import by_kind, distances_m, nearest

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
