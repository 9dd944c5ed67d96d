"""What is known of a cell: residents conserved, villages, height, land cover, and the price of missing layers."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import LineString, Point

from tensionmap import tables
from tensionmap.link.cells import describe_cells, make_cells
from tensionmap.link.grid import make_grid

CRS = "EPSG:32626"
AREA = (-27.1, 42.95, -26.9, 43.05)
GRID = make_grid(AREA, crs=CRS, cell_m=1000)
WEST, SOUTH = 498_000, 4_760_000


def pixels(column, rows):
    return pd.DataFrame(rows, columns=["easting", "northing", column])


def villages(*rows):
    frame = pd.DataFrame(rows, columns=["settlement_id", "kind", "residents", "easting", "northing"])
    frame["residents"] = frame["residents"].astype("Int64")
    return gpd.GeoDataFrame(
        frame.assign(name="Orrin", name_local=None, alternatives=None, precision_m=900.0).drop(columns=["easting", "northing"]),
        geometry=gpd.points_from_xy(frame["easting"], frame["northing"]),
        crs=CRS,
    )


TWO_VILLAGES = villages(
    ("a", "village", 700, WEST + 500, SOUTH + 500),
    ("b", "town", pd.NA, WEST + 4500, SOUTH + 500),
    ("c", "district", 9, WEST, SOUTH),
)
NOTHING = {
    "population": tables.empty(tables.POPULATION),
    "elevation": tables.empty(tables.ELEVATION),
    "land_cover": tables.empty(tables.LAND_COVER),
}


def describe(**layers):
    facts, notes = describe_cells(GRID, **{**NOTHING, "settlements": TWO_VILLAGES, "cell_m": 1000, **layers})
    assert facts.index.equals(GRID.index)
    return facts.set_index(GRID["cell_id"].to_numpy()), " ".join(notes)


class TestResidents:
    def test_every_resident_is_in_a_cell_or_told(self):
        random = np.random.default_rng(5)
        west, south, east, north = GRID.total_bounds
        many = random.uniform([west - 3000, south - 3000], [east + 3000, north + 3000], (5000, 2))
        population = pixels("residents", np.column_stack([many, random.integers(1, 60, 5000)]).astype(float))
        facts, notes = describe(population=population)
        is_in = gpd.GeoSeries(gpd.points_from_xy(*many.T), crs=CRS).within(GRID.union_all()).to_numpy()
        outside = population["residents"][~is_in].sum()
        assert outside > 0
        assert facts["residents"].sum() == population["residents"][is_in].sum()
        assert f"{outside:,.0f} residents live outside the grid" in notes
        assert facts["residents_named"].sum() == population["residents"].sum()

    def test_pixels_go_to_their_cell_and_to_their_nearest_village(self):
        population = pixels(
            "residents", [(WEST + 100, SOUTH + 100, 3), (WEST + 2400, SOUTH + 100, 4), (WEST + 2600, SOUTH + 100, 5)]
        )
        facts, _ = describe(population=population.astype(float))
        assert facts.loc[["E498N4760", "E500N4760"], "residents"].tolist() == [3, 9]
        assert facts.loc[["E498N4760", "E502N4760"], "residents_named"].tolist() == [7, 5]
        assert facts["residents_named"].sum() == 12

    def test_village_outside_the_grid(self):
        population = pixels("residents", [(WEST + 100.0, SOUTH + 100.0, 3.0)])
        facts, notes = describe(population=population, settlements=villages(("a", "village", 7, WEST, SOUTH - 50_000)))
        assert (facts["residents"].sum(), facts["residents_named"].sum()) == (3, 0)
        assert "3 residents have their nearest village outside the grid" in notes

    def test_without_a_raster_people_live_where_their_village_is(self):
        facts, notes = describe()
        assert facts.loc["E498N4760", ["residents", "residents_named"]].tolist() == [700, 700]
        assert facts["residents"].sum() == 700
        assert "No population raster: the 700 residents of 2 villages" in notes
        assert "1 villages and towns have no number of residents" in notes

    def test_nobody_is_expected_to_be_reported_by_the_name_of_a_place_wider_than_a_cell(self):
        wide = TWO_VILLAGES.assign(precision_m=TWO_VILLAGES["kind"].map({"village": 900.0, "town": 2000.0, "district": 9000.0}))
        wide["residents"] = wide["residents"].fillna(50)
        population = pixels("residents", [(WEST + 100.0, SOUTH + 100.0, 3.0), (WEST + 4600.0, SOUTH + 100.0, 5.0)])
        for layers, lives, named in (({"population": population}, 8, 3), ({}, 750, 700)):
            facts, notes = describe(settlements=wide, **layers)
            assert (facts["residents"].sum(), facts["residents_named"].sum()) == (lives, named)
            assert facts.loc["E498N4760", "residents_named"] == named
            assert "1 villages and towns are wider than a cell" in notes

    def test_without_villages(self):
        facts, notes = describe(
            population=pixels("residents", [(WEST + 1.0, SOUTH + 1.0, 3.0)]), settlements=TWO_VILLAGES.iloc[2:]
        )
        assert facts["residents_named"].sum() == 0
        assert "reports known only by a name cannot be expected" in notes

    def test_order_of_villages_does_not_matter(self):
        population = pixels("residents", [(WEST + 2500.0, SOUTH + 500.0, 8.0)])
        forth, _ = describe(population=population)
        back, _ = describe(population=population, settlements=TWO_VILLAGES.iloc[::-1])
        assert forth.equals(back)


class TestRasters:
    def test_mean_height_and_most_frequent_class(self):
        here = [(WEST + 250, SOUTH + 250), (WEST + 750, SOUTH + 250), (WEST + 250, SOUTH + 750), (WEST + 750, SOUTH + 750)]
        heights = [900.0, 900.0, 1000.0, 1000.0]
        facts, _ = describe(
            elevation=pixels("elevation_m", [(*xy, h) for xy, h in zip(here, heights, strict=True)]),
            land_cover=pixels("land_cover", [(*xy, c) for xy, c in zip(here, ["tree", "field", "tree", "field"], strict=True)]),
        )
        assert facts.loc["E498N4760", "elevation_m"] == 950
        assert facts.loc["E498N4760", "land_cover"] == "field"
        assert facts["elevation_m"].count() == facts["land_cover"].count() < 10

    def test_coarse_pixels_reach_the_cells_around_them(self):
        facts, notes = describe(
            elevation=pixels("elevation_m", [(WEST + 500.0, SOUTH + 500.0, 900.0), (WEST + 3500.0, SOUTH + 500.0, 1200.0)])
        )
        assert facts.loc[["E498N4760", "E499N4760", "E500N4760", "E501N4760"], "elevation_m"].tolist() == [900, 900, 1200, 1200]
        assert "cells hold no pixel and take the nearest (pixels lie 3,000 m apart)" in notes
        assert facts["elevation_m"].isna().any()


class TestMakeCells:
    def make(self, resources):
        return make_cells(
            AREA,
            crs=CRS,
            cell_m=1000,
            settlements=TWO_VILLAGES,
            resources=resources,
            services=tables.empty(tables.SERVICES, CRS),
            **NOTHING,
        )

    def test_the_table_and_the_price_of_missing_layers(self):
        canal = {"resource_id": "r", "kind": "canal", "name": None, "season_from": 4, "season_to": 9}
        line = LineString([(WEST, SOUTH + 500), (WEST + 9000, SOUTH + 500)])
        cells, notes = self.make(gpd.GeoDataFrame([canal], geometry=[line], crs=CRS))
        assert tables.check(cells, tables.CELLS).equals(cells)
        assert cells.set_index("cell_id").loc["E498N4763", "canal_m"] == 3000
        assert cells["spring_m"].isna().all()
        assert not any("kind canal" in note for note in notes)
        assert "No layer of kind spring: nothing can be said about springs and drinking water from them." in notes

    def test_layers_never_move_a_cell(self):
        cells, _ = self.make(tables.empty(tables.RESOURCES, CRS))
        assert cells["cell_id"].tolist() == GRID["cell_id"].tolist()
        assert cells.geometry.geom_equals(GRID.geometry).all()

    @pytest.mark.parametrize("column", ["residents", "residents_named"])
    def test_point_of_a_village_holds_its_people(self, column):
        cells, _ = self.make(tables.empty(tables.RESOURCES, CRS))
        assert cells[cells.geometry.intersects(Point(WEST + 500, SOUTH + 500))][column].tolist() == [700]
