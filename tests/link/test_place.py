"""Reports on the grid: an imprecise place never gets a cell, nor anything that would follow from one."""

import geopandas as gpd
import pandas as pd
import pytest
from shapely.geometry import LineString, Point, box

from tensionmap import tables
from tensionmap.link.grid import make_grid
from tensionmap.link.place import nearest_village, on_other_side, place_incidents, unplaced

CRS = "EPSG:32626"
CELLS = make_grid((-27.1, 42.95, -26.9, 43.05), crs=CRS, cell_m=1000)
WEST, SOUTH = 498_000, 4_760_000
HERE = Point(WEST + 500, SOUTH + 500)
CLAIMS = gpd.GeoDataFrame(
    {
        "claim_id": ["a", "l"],
        "claimant": ["Norvia", "Norvia"],
        "kind": ["area", "line"],
        "status": ["claimed", "claimed"],
        "date_from": pd.to_datetime([None, "2024-01-01"]),
        "date_to": pd.to_datetime([None, None]),
        "source": ["survey", "survey"],
    },
    geometry=[box(WEST, SOUTH, WEST + 1000, SOUTH + 1000), LineString([(WEST, SOUTH), (WEST, SOUTH + 1000)])],
    crs=CRS,
)
LAYERS = {"spring": gpd.GeoSeries([Point(WEST + 500, SOUTH + 800)], crs=CRS)}


def incidents(*rows):
    frame = pd.DataFrame(rows, columns=["location_kind", "location_precision_m", "date_start", "geometry"])
    frame["date_start"] = pd.to_datetime(frame["date_start"])
    ids = [f"i{number}" for number in range(len(frame))]
    return gpd.GeoDataFrame(frame.assign(incident_id=ids), geometry="geometry", crs=CRS)


def place(*rows):
    return place_incidents(incidents(*rows), CELLS, CLAIMS, LAYERS, cell_m=1000)


@pytest.mark.parametrize(
    ("kind", "precision_m", "shape"),
    [
        ("gps", 1001.0, HERE),
        ("gps", None, HERE),
        ("settlement", 2000.0, HERE),
        ("district", 100.0, HERE),
        ("wider", 100.0, HERE),
        ("none", None, None),
        ("gps", 10.0, None),
        ("gps", 10.0, Point(WEST, SOUTH - 90_000)),
    ],
)
def test_no_cell_and_nothing_that_follows_from_one(kind, precision_m, shape):
    placed = place((kind, precision_m, "2025-01-01", shape))
    assert placed.drop(columns="incident_id").isna().all(axis=None)


def test_precise_reports_stand_in_their_cell():
    placed = place(("gps", 10.0, "2023-12-31", HERE), ("settlement", 1000.0, "2024-01-01", HERE))
    assert placed["cell_id"].tolist() == ["E498N4760", "E498N4760"]
    assert placed["claimed_by"].tolist() == ["Norvia", "Norvia"]
    assert placed["spring_m"].tolist() == [300, 300]
    assert placed["canal_m"].isna().all()


def test_claims_are_those_of_the_first_day():
    placed = place(("gps", 10.0, "2023-12-31", HERE), ("gps", 10.0, "2024-01-01", HERE))
    assert placed["border_m"].isna().tolist() == [True, False]
    assert placed["border_m"].tolist()[1] == 500


def test_one_row_for_each_report_in_their_order():
    rows = [("district", None, "2024-01-01", None), ("gps", 5.0, "2024-01-01", HERE), ("none", None, "2024-01-01", None)]
    given = incidents(*rows).iloc[::-1]
    before = given.copy()
    placed = place_incidents(given, CELLS, CLAIMS, LAYERS, cell_m=1000)
    assert placed["incident_id"].tolist() == ["i2", "i1", "i0"]
    assert placed["cell_id"].notna().tolist() == [False, True, False]
    assert tables.check(placed, tables.PLACED).equals(placed)
    pd.testing.assert_frame_equal(given, before)


def test_no_reports():
    assert place_incidents(tables.empty(tables.INCIDENTS, CRS), CELLS, CLAIMS, LAYERS, cell_m=1000).empty


def test_what_has_no_cell_is_told():
    given = incidents(
        ("district", None, "2024-01-01", None), ("gps", 5.0, "2024-01-01", HERE), ("gps", 5000.0, "2024-01-01", HERE)
    )
    placed = place_incidents(given, CELLS, CLAIMS, LAYERS, cell_m=1000)
    assert "2 of 3 reports (67 %) have no cell" in unplaced(given, placed)[0]
    assert "(place known as: district 1, gps 1)" in unplaced(given, placed)[0]
    assert unplaced(given.iloc[1:2], placed.iloc[1:2]) == ()


def test_a_report_on_land_that_only_others_claim_is_told():
    told = pd.DataFrame(
        {"incident_id": list("abcdef"), "reported_by": ["Norvia", "Norvia", "Selmar", "Selmar", "outside", "Selmar"]}
    )
    placed = pd.DataFrame(
        {"incident_id": list("abcdef"), "claimed_by": ["Norvia", "Selmar", "Norvia + Selmar", "Norvia", "Norvia", None]}
    )
    assert on_other_side(told, placed) == (
        "1 reports of Norvia lie on land that only others claim: if that surprises you, look at their coordinates.",
        "1 reports of Selmar lie on land that only others claim: if that surprises you, look at their coordinates.",
    )
    assert on_other_side(told, placed.assign(claimed_by=None)) == ()


def test_each_cell_belongs_to_its_nearest_village_whoever_claims_it():
    points = gpd.points_from_xy([0, 5000, 2500], [0, 0, 0])
    villages = gpd.GeoDataFrame(
        {"settlement_id": ["b", "a", "d"], "kind": ["village", "town", "district"]}, geometry=points, crs=CRS
    )
    cells = pd.DataFrame({"easting": [500.0, 2400.0, 2600.0, 9000.0], "northing": 0.0}, index=[4, 3, 2, 1])
    assert nearest_village(cells, villages).to_dict() == {4: "b", 3: "b", 2: "a", 1: "a"}
    assert nearest_village(cells, villages[villages["kind"] == "district"]).isna().all()
