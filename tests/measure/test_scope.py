"""Everything measured of one scope, on a small piece of land with a canal and two sides."""

from dataclasses import replace
from datetime import date

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from tensionmap import tables
from tensionmap.measure.scope import Land, Reports, Settings, measure_scope, shapes_looked_for, surfaces

SIDE = 14
DRAWS = 50
SETTINGS = Settings(
    date_from=date(2023, 1, 1),
    date_to=date(2025, 12, 31),
    parties=("Norvia", "Selmar"),
    reach_m=None,
    replicates=99,
    alpha=0.05,
    share_outside=0.1,
    largest_radius_m=5000,
    largest_share=0.25,
    season=(4, 10),
    seed=1,
)


@pytest.fixture(scope="module")
def land() -> Land:
    row, column = (part.ravel() for part in np.mgrid[:SIDE, :SIDE])
    west, south = 400_000.0 + 1000 * column, 4_760_000.0 + 1000 * row
    cells = gpd.GeoDataFrame(
        {"cell_id": [f"E{c}N{r}" for c, r in zip(400 + column, 4760 + row, strict=True)]},
        geometry=shapely.box(west, south, west + 1000, south + 1000),
        crs="EPSG:32626",
    )
    cells["easting"], cells["northing"] = west + 500, south + 500
    cells["residents"] = 20.0 + 100 * ((row + column) % 3)
    village = 4 * (row // 4) + column // 4
    cells["residents_named"] = np.where(
        (row % 4 == 1) & (column % 4 == 1), cells["residents"].groupby(village).transform("sum"), 0
    )
    canal = np.flatnonzero(row == 6)
    node_of_cell = np.full(len(cells), -1)
    node_of_cell[canal] = np.arange(SIDE)
    return Land(
        cells=cells,
        own_land=pd.DataFrame({"Norvia": column < 8, "Selmar": column >= 6}),
        communities=pd.Series(pd.array([f"V{number:02d}" for number in village], dtype="str")),
        drawn_named=cells["residents"],
        edges=np.column_stack([np.arange(SIDE - 1), np.arange(1, SIDE)]),
        lengths_m=np.full(SIDE - 1, 1000.0),
        nodes=cells[["easting", "northing"]].to_numpy()[canal],
        node_of_cell=node_of_cell,
    )


def reports_at(land: Land, position: np.ndarray, day: np.ndarray, reporter: np.ndarray) -> Reports:
    cells = land.cells.iloc[position].reset_index(drop=True)
    when = pd.Series(pd.Timestamp("2023-01-01") + pd.to_timedelta(day, unit="D")).astype("datetime64[us]")
    table = pd.DataFrame(
        {
            "cell_id": cells["cell_id"],
            "is_named": False,
            "reported_by": pd.array(reporter, dtype="str"),
            "easting": cells["easting"],
            "northing": cells["northing"],
            "date_start": when,
            "date_end": when,
        }
    )
    return Reports(table, np.tile(position, (DRAWS, 1)), np.tile(when.to_numpy("datetime64[D]"), (DRAWS, 1)))


def noise_of(land: Land, size: int, seed: int, planted: int = 0) -> Reports:
    """Reports by residents, each told by the side whose land it is on; and some more at one place on the canal."""
    draws = np.random.default_rng(seed)
    share = (land.cells["residents"] / land.cells["residents"].sum()).to_numpy()
    position = np.concatenate([draws.choice(len(share), size, p=share), np.full(planted, 6 * SIDE + 3)])
    reporter = np.where(position % SIDE < 7, "Norvia", "Selmar")
    return reports_at(land, position, draws.integers(0, 1096, position.size), reporter)


def checked(found: dict[tables.Table, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    return {table.name: tables.concat([frame.assign(scope="tension")], table) for table, frame in found.items()}


def test_without_reports_nothing_is_said(land):
    nothing = np.empty(0, np.int64)
    found = checked(measure_scope(reports_at(land, nothing, nothing, np.empty(0, dtype=object)), land, SETTINGS))
    assert set(found["hotspots"]["hotspot"]) == set(found["village_hotspots"]["hotspot"]) == {"too few to tell"}
    assert len(found["hotspots"]) == SIDE**2
    assert found["clusters"].empty
    assert found["sides"].empty
    assert set(found["near_repeat"]["verdict"]) == {"too few to tell"}
    assert found["times"]["reports"].sum() == 0


def test_without_canals_claims_and_villages_the_rest_is_still_measured(land):
    nobody = pd.Series(pd.NA, index=land.cells.index, dtype="str")
    bare = replace(land, own_land=None, communities=nobody, node_of_cell=np.full(len(land.cells), -1))
    found = checked(measure_scope(noise_of(land, 200, 1, planted=25), bare, SETTINGS))
    assert (found["hotspots"]["hotspot"] == "hot").any()
    assert found["village_hotspots"].empty
    assert found["sides"].empty
    assert "canal" not in set(found["clusters"]["window"])
    assert set(found["changes"]["unit"]) == {"cell"}


def test_a_planted_cluster_is_found_by_each_way_and_rests_on_who_told_of_it(land):
    found = checked(measure_scope(noise_of(land, 200, 1, planted=25), land, SETTINGS))
    cell = "E403N4766"
    spot = found["hotspots"].set_index("cell_id").loc[cell]
    assert (spot["hotspot"], spot["rests_on"], spot["support"]) == ("hot", "Norvia alone", 1.0)
    assert spot["count_low"] < spot["count"] < spot["count_high"]
    strongest = found["clusters"].query("cluster == 1").set_index("window")
    for window in ("circle", "ellipse", "canal"):
        assert strongest.loc[window, "verdict"] == "hot"
        assert cell in strongest.loc[window, "cell_ids"].split("|")
    villages = found["village_hotspots"].set_index("settlement_id")
    assert list(villages.index[villages["hotspot"] == "hot"]) == ["V04"]
    assert found["village_hotspots"]["count"].sum() == 225


def test_the_order_of_reports_leaves_no_trace(land):
    reports = noise_of(land, 120, 3, planted=12)
    order = np.random.default_rng(0).permutation(len(reports.table))
    mixed = Reports(reports.table.iloc[order].reset_index(drop=True), reports.drawn_cells[:, order], reports.drawn_days[:, order])
    first, second = (measure_scope(each, land, SETTINGS) for each in (reports, mixed))
    for table, frame in first.items():
        pd.testing.assert_frame_equal(frame.reset_index(drop=True), second[table].reset_index(drop=True))


def test_days_known_to_a_month_make_no_repeats_and_count_in_the_quarter_that_holds_them(land):
    reports = noise_of(land, 90, 5)
    first = reports.table["date_start"].dt.to_period("M")
    reports.table["date_start"], reports.table["date_end"] = first.dt.start_time, first.dt.end_time.dt.normalize()
    found = checked(measure_scope(reports, land, SETTINGS))
    assert found["near_repeat"]["pairs"].sum() == 0
    assert "space-time" not in set(found["clusters"]["window"])
    changes = found["changes"].query("unit == 'cell' and against == 'previous'")
    assert changes["now"].sum() == (reports.table["date_start"] >= "2025-10-01").sum()


def test_each_report_has_a_weekday_and_a_month(land):
    found = checked(measure_scope(noise_of(land, 60, 2), land, SETTINGS))
    assert found["times"].groupby("by")["reports"].sum().round(9).to_dict() == {"month": 60, "weekday": 60}


def test_surfaces_hold_the_reports_at_three_bandwidths_none_finer_than_a_cell(land):
    reports = noise_of(land, 150, 4).table
    found = surfaces(reports, land.cells)
    assert set(found) == {"scott", "nrd", "diggle"}
    for surface in found.values():
        assert "not tested" in surface.what
        total = np.nansum(surface.values) * (surface.pixel_m / 1000) ** 2
        assert total == pytest.approx(150, rel=0.15)
    assert surfaces(reports.iloc[:1], land.cells) == {}


def test_ellipses_are_left_out_where_they_would_fill_the_memory(land):
    assert shapes_looked_for(land, SETTINGS) == ("circle", "ellipse")
    many = replace(land, cells=pd.concat([land.cells] * 600))
    assert shapes_looked_for(many, replace(SETTINGS, largest_radius_m=10_000)) == ("circle",)


def test_a_stricter_error_rate_is_held_by_every_part(land):
    strict = replace(SETTINGS, alpha=0.004, replicates=999)
    found = checked(measure_scope(noise_of(land, 200, 1, planted=25), land, strict))
    assert found["hotspots"].set_index("cell_id").loc["E403N4766", "hotspot"] == "hot"
    assert found["hotspots"]["support"].max() == 1.0
