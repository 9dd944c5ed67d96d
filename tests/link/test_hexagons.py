"""Hexagons: names and places that never depend on data, equal areas, shared corners, and points counted into them."""

from __future__ import annotations

import re
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from tensionmap.errors import GeometryError
from tensionmap.link.grid import make_grid
from tensionmap.link.hexagons import hexagon_of, make_hexagons

AREA = (-27.1, 42.95, -26.9, 43.05)
HOW: dict[str, Any] = {"crs": "EPSG:32626", "cell_m": 1000}
HEXAGONS = make_hexagons(AREA, **HOW)


class TestRefused:
    @pytest.mark.parametrize(
        ("words", "change"),
        [
            (r"would be [\d,]+ cells; 4,000,000 is the most\. Make cell_m larger", {"cell_m": 5}),
            ("No hexagon 50000 m wide fits", {"cell_m": 50_000}),
            ("some metres apart", {"cell_m": 0}),
            ("some metres apart", {"cell_m": float("nan")}),
            ("not a projected CRS in metres", {"crs": "EPSG:4326"}),
        ],
    )
    def test_settings(self, words: str, change: dict[str, Any]) -> None:
        with pytest.raises(GeometryError, match=words):
            make_hexagons(AREA, **(HOW | change))

    def test_cells_of_another_size_or_shape(self) -> None:
        for cells, cell_m in ((HEXAGONS, 900.0), (make_grid(AREA, **HOW), 1000.0)):
            with pytest.raises(GeometryError, match="not hexagons whose centres"):
                hexagon_of([0.0], [0.0], cells, cell_m=cell_m)

    def test_more_eastings_than_northings(self) -> None:
        with pytest.raises(GeometryError, match="2 eastings, but 1 northings"):
            hexagon_of([0.0, 1.0], [0.0], HEXAGONS, cell_m=1000)


class TestMakeHexagons:
    def test_names_and_centres_by_hand(self) -> None:
        q, r = np.array([re.fullmatch(r"Q(-?\d+)R(-?\d+)", name).groups() for name in HEXAGONS["cell_id"]], int).T  # type: ignore[union-attr]
        np.testing.assert_allclose(HEXAGONS["easting"], (q + r / 2) * 1000, rtol=1e-14)
        np.testing.assert_allclose(HEXAGONS["northing"], r * np.sqrt(3) / 2 * 1000, rtol=1e-14)
        assert HEXAGONS["cell_id"].is_unique
        assert HEXAGONS.columns.tolist() == make_grid(AREA, **HOW).columns.tolist()
        assert HEXAGONS.dtypes.astype(str).tolist() == make_grid(AREA, **HOW).dtypes.astype(str).tolist()

    def test_equal_areas_around_their_centres(self) -> None:
        np.testing.assert_allclose(HEXAGONS.area, np.sqrt(3) / 2 * 1e6, rtol=1e-9)
        centres = HEXAGONS.centroid
        np.testing.assert_allclose(centres.x, HEXAGONS["easting"])
        np.testing.assert_allclose(centres.y, HEXAGONS["northing"])
        assert HEXAGONS.is_valid.all()

    def test_on_a_corner(self) -> None:
        width, height = (HEXAGONS.bounds[high] - HEXAGONS.bounds[low] for low, high in (("minx", "maxx"), ("miny", "maxy")))
        np.testing.assert_allclose(width, 1000)
        np.testing.assert_allclose(height, 2000 / np.sqrt(3))

    @pytest.mark.parametrize("cell_m", [1000, 777.7])
    def test_six_neighbours_at_one_distance_without_gap_or_overlap(self, cell_m: float) -> None:
        cells = make_hexagons(AREA, crs="EPSG:32626", cell_m=cell_m)
        tree = cKDTree(cells[["easting", "northing"]].to_numpy())
        near = tree.query_ball_point(tree.data, cell_m * 1.01)
        assert max(map(len, near)) == 7
        np.testing.assert_allclose(tree.query(tree.data, k=2)[0][:, 1], cell_m)
        assert shapely.union_all(cells.geometry.to_numpy()).area == pytest.approx(cells.area.sum(), rel=1e-12)
        corners = shapely.get_coordinates(cells.geometry.to_numpy())
        apart = cKDTree(np.unique(corners, axis=0)).query(np.unique(corners, axis=0), k=2)[0][:, 1]
        assert apart.min() > cell_m / 2  # corners of neighbours agree to the last bit

    def test_exactly_the_hexagons_that_lie_wholly_in_the_area(self) -> None:
        larger = make_hexagons((-27.2, 42.9, -26.8, 43.1), **HOW)
        corners = shapely.get_coordinates(larger.to_crs("EPSG:4326").geometry.to_numpy()).reshape(len(larger), 7, 2)
        inside = ((corners >= AREA[:2]) & (corners <= AREA[2:])).all(axis=(1, 2))
        assert larger["cell_id"][inside].tolist() == HEXAGONS["cell_id"].tolist()
        assert larger[inside].geometry.geom_equals(HEXAGONS.geometry, align=False).all()

    def test_from_south_to_north_then_west_to_east_and_twice_the_same(self) -> None:
        assert (np.lexsort((HEXAGONS["easting"], HEXAGONS["northing"])) == np.arange(len(HEXAGONS))).all()
        assert make_hexagons(AREA, **HOW).equals(HEXAGONS)


class TestHexagonOf:
    @pytest.mark.parametrize("cell_m", [1000, 777.7])
    def test_every_centre_lies_in_its_own_cell(self, cell_m: float) -> None:
        cells = make_hexagons(AREA, crs="EPSG:32626", cell_m=cell_m).sample(frac=1, random_state=3)
        assert hexagon_of(cells["easting"], cells["northing"], cells, cell_m=cell_m).tolist() == list(range(len(cells)))

    def test_outside_and_missing(self) -> None:
        inner = HEXAGONS.iloc[[len(HEXAGONS) // 2]]
        east, north = inner["easting"].item(), inner["northing"].item()
        found = hexagon_of(
            [east, east + 501, east - 501, east, east, np.nan, 1e300, east],
            [north, north, north, north + 578, north - 578, north, north, np.inf],
            inner,
            cell_m=1000,
        )
        assert found.tolist() == [0, -1, -1, -1, -1, -1, -1, -1]

    def test_no_points_and_no_cells(self) -> None:
        assert hexagon_of([], [], HEXAGONS, cell_m=1000).tolist() == []
        assert hexagon_of([1.0], [1.0], HEXAGONS.iloc[:0], cell_m=1000).tolist() == [-1]

    @settings(max_examples=60, deadline=None)
    @given(st.integers(0, 2**32 - 1), st.sampled_from([500.0, 1000.0, 1234.5]))
    def test_the_same_cells_as_a_spatial_join(self, seed: int, cell_m: float) -> None:
        cells = make_hexagons(AREA, crs="EPSG:32626", cell_m=cell_m)
        west, south, east, north = cells.total_bounds
        random = np.random.default_rng(seed)
        easting, northing = random.uniform(west - 2000, east + 2000, 300), random.uniform(south - 2000, north + 2000, 300)
        points = gpd.GeoDataFrame(geometry=gpd.points_from_xy(easting, northing), crs=cells.crs)
        joined = gpd.sjoin(points, cells, predicate="within", how="left")["index_right"]
        assert hexagon_of(easting, northing, cells, cell_m=cell_m).tolist() == joined.fillna(-1).tolist()
