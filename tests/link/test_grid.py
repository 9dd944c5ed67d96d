"""The grid: names that never depend on data, and points counted into it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer

from tensionmap.errors import GeometryError
from tensionmap.link.grid import cell_of, make_grid

AREA = (-27.1, 42.95, -26.9, 43.05)
HOW = {"crs": "EPSG:32626", "cell_m": 1000}


class TestRefused:
    def test_too_many_cells(self):
        with pytest.raises(GeometryError, match=r"would be [\d,]+ cells; 4,000,000 is the most\. Make cell_m larger"):
            make_grid(AREA, crs="EPSG:32626", cell_m=5)

    def test_no_cell_fits(self):
        with pytest.raises(GeometryError, match="No cell of 50000 m fits"):
            make_grid(AREA, crs="EPSG:32626", cell_m=50_000)

    def test_degrees(self):
        with pytest.raises(GeometryError, match="not a projected CRS in metres"):
            make_grid(AREA, crs="EPSG:4326", cell_m=1000)


class TestMakeGrid:
    def test_cells_are_squares_at_multiples_of_their_side(self):
        grid = make_grid(AREA, **HOW)
        bounds = grid.bounds.to_numpy()
        assert (bounds % 1000 == 0).all()
        assert (grid.area == 1e6).all()
        assert (grid["easting"] == grid.centroid.x).all()
        assert (grid["northing"] == grid.centroid.y).all()
        assert grid["cell_id"].is_unique
        south_west = grid.iloc[0]
        assert south_west["cell_id"] == f"E{south_west['easting'] // 1000:.0f}N{south_west['northing'] // 1000:.0f}"

    def test_exactly_the_cells_that_lie_wholly_in_the_area(self):
        grid = make_grid(AREA, **HOW)
        in_degrees = grid.to_crs("EPSG:4326").bounds
        assert in_degrees["minx"].min() >= AREA[0]
        assert in_degrees["maxy"].max() <= AREA[3] + 1e-9
        west, south, east, north = Transformer.from_crs(4326, 32626, always_xy=True).transform_bounds(*AREA)
        assert len(grid) >= (int((east - west) / 1000) - 1) * (int((north - south) / 1000) - 1)
        larger = make_grid((-27.2, 42.9, -26.8, 43.1), **HOW)
        around = larger[~larger["cell_id"].isin(grid["cell_id"])].to_crs("EPSG:4326").bounds
        outside = (
            (around["minx"] < AREA[0]) | (around["maxx"] > AREA[2]) | (around["miny"] < AREA[1]) | (around["maxy"] > AREA[3])
        )
        assert outside.all()

    def test_names_and_places_stay_in_a_larger_area(self):
        small = make_grid(AREA, **HOW).set_index("cell_id")
        large = make_grid((-27.2, 42.9, -26.8, 43.1), **HOW).set_index("cell_id")
        assert set(small.index) < set(large.index)
        assert small.geom_equals(large.loc[small.index]).all()

    def test_twice_the_same(self):
        assert make_grid(AREA, **HOW).equals(make_grid(AREA, **HOW))


class TestCellOf:
    def test_every_centre_lies_in_its_own_cell(self):
        grid = make_grid(AREA, crs="EPSG:32626", cell_m=700).sample(frac=1, random_state=3)
        found = cell_of(grid["easting"], grid["northing"], grid, cell_m=700)
        assert found.tolist() == list(range(len(grid)))

    def test_edges_outside_and_missing(self):
        grid = make_grid(AREA, **HOW)
        west, south = grid["easting"].min() - 500, grid["northing"].median() - 500
        easting = [west, west + 1000, west - 0.001, np.nan, 1e300]
        found = cell_of(easting, [south, south, south, south, np.nan], grid, cell_m=1000)
        assert found[1] == found[0] + 1
        assert found[2:].tolist() == [-1, -1, -1]

    def test_no_cells(self):
        assert cell_of([1.0], [1.0], make_grid(AREA, **HOW).iloc[:0], cell_m=1000).tolist() == [-1]

    @settings(max_examples=60, deadline=None)
    @given(st.integers(0, 2**32 - 1), st.sampled_from([500.0, 1000.0, 1234.5]))
    def test_the_cell_found_holds_the_point(self, seed, cell_m):
        grid = make_grid(AREA, crs="EPSG:32626", cell_m=cell_m)
        west, south, east, north = grid.total_bounds
        random = np.random.default_rng(seed)
        easting, northing = random.uniform(west - 2000, east + 2000, 50), random.uniform(south - 2000, north + 2000, 50)
        found = cell_of(easting, northing, grid, cell_m=cell_m)
        bounds = grid.bounds.to_numpy()
        holds = (bounds[:, 0] <= easting[:, None]) & (easting[:, None] < bounds[:, 2])
        holds &= (bounds[:, 1] <= northing[:, None]) & (northing[:, None] < bounds[:, 3])
        assert found.tolist() == np.where(holds.any(axis=1), holds.argmax(axis=1), -1).tolist()
