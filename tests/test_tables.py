"""Contracts of tables: every fault named at once, never its value; equal content, equal bytes; what a release may hold."""

from dataclasses import replace

import geopandas as gpd
import pandas as pd
import pytest
from shapely.geometry import LineString, Point, Polygon

from tensionmap import tables
from tensionmap.crs import metric, to_metric
from tensionmap.errors import GeometryError, ReleaseError, TableError
from tensionmap.ingest.set_aside import SetAside, as_csv

CRS = "EPSG:32626"


def services(**columns):
    given = {"service_id": ["s1", "s2"], "kind": ["road", "crossing"], "name": ["Secret Lane", None]}
    shapes = columns.pop("geometry", [LineString([(0, 0), (1, 1)]), Point(2, 3)])
    return gpd.GeoDataFrame({**given, **columns}, geometry=shapes, crs=columns.pop("crs", CRS))


def faults(frame, table=tables.SERVICES):
    with pytest.raises(TableError) as caught:
        tables.check(frame, table)
    return str(caught.value)


def test_missing_and_foreign_columns_come_together():
    told = faults(services().drop(columns="kind").assign(colour="red"))
    assert "column 'kind' is missing" in told
    assert "column 'colour' does not belong here" in told


def test_every_fault_is_named_with_its_row_and_without_its_value():
    told = faults(services(service_id=["s1", "s1"], kind=["road", "Secret kind"]))
    assert "column 'kind', row 1: not one of road, crossing" in told
    assert "column 'service_id', row 0: the key occurs twice" in told
    assert "Secret" not in told


@pytest.mark.parametrize(
    ("shapes", "sentence"),
    [
        ([None, Point(0, 0)], "row 0: the geometry is empty"),
        ([Point(), Point(0, 0)], "row 0: the geometry is empty"),
        ([Point(0, 0), Polygon([(0, 0), (1, 0), (1, 1)])], "row 1: geometry type Polygon, allowed are Point"),
    ],
)
def test_shapes_that_do_not_belong_are_named(shapes, sentence):
    assert sentence in faults(services(geometry=shapes))


def test_a_shape_that_crosses_itself_is_named():
    bow = gpd.GeoDataFrame(
        {
            "claim_id": "c",
            "claimant": "A",
            "kind": "area",
            "status": "claimed",
            "date_from": None,
            "date_to": None,
            "source": "x",
        },
        geometry=[Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])],
        index=[0],
        crs=CRS,
    )
    assert "not valid" in faults(bow, tables.CLAIMS)


def test_a_layer_in_degrees_or_without_crs_is_refused():
    with pytest.raises(GeometryError, match="not a projected CRS in metres"):
        tables.check(services().set_crs("EPSG:4326", allow_override=True), tables.SERVICES)
    assert "no coordinate reference system" in faults(services().set_crs(None, allow_override=True))
    with pytest.raises(GeometryError, match="Unknown coordinate reference system 'EPSG:0'"):
        metric("EPSG:0")
    with pytest.raises(GeometryError, match="the layer does not say"):
        to_metric(services().set_crs(None, allow_override=True), CRS, source="roads.shp")


def test_a_table_is_read_back_as_written_whatever_the_order_of_rows(tmp_path):
    tables.write(services(), tables.SERVICES, tmp_path / "a.parquet")
    tables.write(services().iloc[::-1], tables.SERVICES, tmp_path / "b.parquet")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    back = tables.read(tables.SERVICES, tmp_path / "a.parquet")
    pd.testing.assert_frame_equal(pd.DataFrame(back), pd.DataFrame(tables.check(services(), tables.SERVICES)))


@pytest.mark.parametrize("table", [t for stage in tables.HANDED_ON.values() for t in stage], ids=lambda t: t.name)
def test_an_empty_table_keeps_its_contract(table):
    assert len(tables.check(tables.empty(table, CRS), table)) == 0


def release():
    empty = {name: tables.empty(table, CRS) for name, table in tables.RELEASE_TABLES["community"].items()}
    background = {name: tables.empty(table, CRS) for name, table in tables.BACKGROUND_TABLES.items()}
    facts = tables.Facts(
        study="Small Border",
        is_invented=True,
        parties=("A", "B"),
        date_from="2024-01-01",
        date_to="2024-12-31",
        public_from="2024-01-01",
        public_to="2024-12-31",
        quarters=("2024Q4",),
        extent=(0.0, 0.0, 1000.0, 1000.0),
        cell_m=1000.0,
        alpha=0.05,
        replicates=999,
        minimum_count=5,
        minimum_count_sensitive=10,
        minimum_residents=100,
    )
    return tables.Release("community", facts, empty, background)


def test_a_raw_table_cannot_become_a_release():
    made = release()
    incidents = tables.empty(tables.INCIDENTS, CRS)
    with pytest.raises(TableError, match="does not belong here"):
        replace(made, tables={**made.tables, "cells": incidents})
    with pytest.raises(ReleaseError, match="holds exactly the tables"):
        replace(made, tables={**made.tables, "points": incidents})
    with pytest.raises(ReleaseError, match="Unknown audience 'press'"):
        replace(made, audience="press")


def test_a_release_is_read_back_with_its_digest_and_the_digest_tells_of_every_change(tmp_path):
    made = release()
    tables.write_release(made, tmp_path / "community")
    assert tables.read_release(tmp_path / "community").digest == made.digest
    roads = {**made.background, "services": tables.check(services(), tables.SERVICES)}
    others = [replace(made, background=roads), replace(made, facts=replace(made.facts, alpha=0.01))]
    assert len({made.digest, *(other.digest for other in others)}) == 3
    (tmp_path / "community" / "release.json").write_text("{}")
    with pytest.raises(ReleaseError, match="no whole release"):
        tables.read_release(tmp_path / "community")


def test_rows_set_aside_open_in_a_spreadsheet_and_run_no_formula():
    aside = SetAside("register", "register.csv")
    aside.add(7, "=Дата", "+1 is no date", "@look it up", {"Сана": "=HYPERLINK(1)"})
    data = as_csv(aside.frame())
    assert data.startswith(b"\xef\xbb\xbf")
    (header, row) = data.decode("utf-8-sig").splitlines()
    assert header.endswith(";set aside: key;Сана")
    assert row.startswith("7;'=Дата;'+1 is no date;'@look it up;")
    assert row.endswith(";'=HYPERLINK(1)")
