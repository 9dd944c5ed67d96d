"""Real files of reports, as offices and projects publish them, all go through: rows in the file = kept + set aside.

The files are not part of this project; TENSIONMAP_REAL_DATA names their folder. Printed: file, rows, kept, set aside, why.
"""

import csv
import gzip
import io
import json
import os
import re
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pyogrio
import pytest

from tensionmap import tables
from tensionmap.ingest.incidents import How, assemble, understand
from tensionmap.ingest.places import read_gazetteer
from tensionmap.ingest.readers import READERS
from tensionmap.ingest.taxonomy import read_taxonomy

FOLDER = os.environ.get("TENSIONMAP_REAL_DATA")
FERGANA, WORLD = (69.5, 39.6, 71.2, 40.4), (-180.0, -89.0, 180.0, 89.0)
THEFT, ASSAULT = {"category": "theft"}, {"category": "assault"}


def lines(path: Path) -> int:
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8", errors="replace")
    return sum(any(row) for row in csv.reader(io.StringIO(text, newline=""))) - 1


def features(path: Path) -> int:
    return int(pyogrio.read_info(path, force_feature_count=True)["features"])


def records(path: Path) -> int:
    return len(json.loads(path.read_text(encoding="utf-8")))


def rows_of_sheet(sheet: str) -> Callable[[Path], int]:
    return lambda path: len(pd.read_excel(path, sheet_name=sheet, engine="calamine"))


# file, reader, options, UTM zone of the place, area, how its rows are counted without us, how many of them are kept
FILES: list[tuple[str, str, dict[str, Any], int, Any, Any, int]] = [
    (
        "isfara-batken/raw/damage_2022.csv",
        "table",
        {
            "columns": {"latitude": "lat", "longitude": "lon", "text": "description_en"},
            "values": {"date": "2022-09-14", "date_end": "2022-09-19", "category": "armed_clash"},
        },
        32642,
        FERGANA,
        lines,
        398,
    ),
    ("isfara-batken/raw/ucdp_ged_v23_sample1000.csv", "ucdp", {}, 32642, FERGANA, lines, 1),
    ("isfara-batken/raw/tfdd_events_central_asia.csv", "tfdd", {}, 32642, FERGANA, lines, 57),
    (
        "isfara-batken/raw/fires_2023.geojson",
        "table",
        {"columns": {"date": "ACQ_DATE"}, "values": THEFT},
        32642,
        FERGANA,
        features,
        23,
    ),
    (
        "crime/chicago_burglary_2015_2017.csv.gz",
        "table",
        {"columns": {"latitude": "lat", "longitude": "lon"}, "values": {"category": "burglary"}},
        32616,
        WORLD,
        lines,
        40_328,
    ),
    ("crime/chicago_aggravated_assaults.csv.gz", "table", {"values": ASSAULT}, 32616, WORLD, lines, 148_636),
    (
        "messy/crimemappingdata/nottingham_burglary.csv.gz",
        "table",
        {"columns": {"date": "month", "place": "location"}, "values": {"category": "burglary", "date_precision": "month"}},
        32630,
        WORLD,
        lines,
        1795,
    ),
    (
        "messy/crimemappingdata/lancashire_asb.tab",
        "table",
        {"columns": {"date": "month", "place": "location"}, "values": {"category": "hooliganism", "date_precision": "month"}},
        32630,
        WORLD,
        lines,
        56_434,
    ),
    (
        "messy/crimemappingdata/nyc_shootings.csv",
        "table",
        {"columns": {"record_id": "incident_key", "date": "occur_date"}, "values": {"category": "weapons"}},
        32618,
        WORLD,
        lines,
        777,
    ),
    (
        "messy/crimemappingdata/medellin_homicides.csv",
        "table",
        {"columns": {"date": "fecha_hecho", "latitude": "latitud", "longitude": "longitud"}, "values": ASSAULT},
        32618,
        WORLD,
        lines,
        9360,
    ),
    (
        "messy/crimemappingdata/sao_paulo_homicides.xlsx",
        "table",
        {"values": ASSAULT},
        32723,
        WORLD,
        rows_of_sheet("Sheet1"),
        6214,
    ),
    *[
        (
            "messy/crimemappingdata/aggravated_assaults.xlsx",
            "table",
            {"sheet": sheet, "values": ASSAULT},
            zone,
            WORLD,
            rows_of_sheet(sheet),
            kept,
        )
        for sheet, zone, kept in (("Austin", 32614, 8694), ("Fort Worth", 32614, 1577), ("Seattle", 32610, 2529))
    ],
    (
        "messy/crimemappingdata/qld_stalking.xlsx",
        "table",
        {"columns": {"date": "year", "place": "division"}, "values": ASSAULT},
        32756,
        WORLD,
        rows_of_sheet("Sheet1"),
        0,
    ),
    (
        "messy/crimemappingdata/czechia_mcycle_thefts.gpkg",
        "table",
        {"columns": {"record_id": "id"}, "values": THEFT},
        32633,
        WORLD,
        features,
        9463,
    ),
    (
        "messy/crimemappingdata/cdmx_car_jacking.gpkg",
        "table",
        {"columns": {"date": "fecha_hechos"}, "values": THEFT},
        32614,
        WORLD,
        features,
        2659,
    ),
    (
        "messy/dtpstat_road_incidents_ru.json",
        "table",
        {
            "columns": {"record_id": "id", "date": "datetime", "latitude": "point/latitude", "longitude": "point/longitude"},
            "values": {"category": "traffic_accident"},
        },
        32637,
        WORLD,
        records,
        7346,
    ),
]


@pytest.mark.skipif(not FOLDER, reason="TENSIONMAP_REAL_DATA is not set: no real file was read")
@pytest.mark.parametrize(
    ("file", "reader", "options", "zone", "area", "count", "kept"), FILES, ids=[f"{f[0]} {f[2].get('sheet', '')}" for f in FILES]
)
def test_rows_of_a_real_file_are_kept_or_set_aside(
    file: str, reader: str, options: dict[str, Any], zone: int, area: Any, count: Callable[[Path], int], kept: int
) -> None:
    path, crs = Path(str(FOLDER)) / file, f"EPSG:{zone}"
    nobody = tables.empty(tables.SETTLEMENTS, crs)
    how = How(
        parties=("Norvia", "Selmar"),
        places=read_gazetteer(nobody),
        points=nobody,
        taxonomy=read_taxonomy(),
        crs=crs,
        area=area,
        date_from=date(1960, 1, 1),
        date_to=date(2026, 9, 30),
    )
    drafts = READERS[reader].read(path, source="real", file=path.name, **options)
    told = understand(drafts, how, source="real", reported_by="outside", words={})
    incidents = tables.check(assemble([told], crs), tables.INCIDENTS)
    assert len(incidents) + len(told.set_aside) == count(path)
    assert told.set_aside[["reason", "advice"]].notna().all().all()
    alike = told.set_aside["reason"].str.replace(r"'[^']*'|-?\d[\d.,-]*", "…", regex=True).map(lambda r: re.split(r"[(:.]", r)[0])
    print(f"\n{file}: {count(path)} rows, {len(incidents)} kept, {len(told.set_aside)} set aside", Counter(alike).most_common(4))
    print(*told.notes, sep="\n")
    assert len(incidents) == kept
