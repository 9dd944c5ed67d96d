"""The main job on real layers and real events of a border region, to the end; the folder is named by TENSIONMAP_REAL_DATA.

Nothing of the data lies in this project. Every row is kept or set aside with its reason, and both numbers are printed.
"""

import json
import os
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from tensionmap import tables
from tensionmap.workspace import Workspace, make_workspace, register

FOLDER = os.environ.get("TENSIONMAP_REAL_DATA")

STUDY = """
name = "Isfara and Batken"
parties = ["Kyrgyzstan", "Tajikistan"]

[ingest]
crs = "EPSG:32642"
area = [69.5, 39.6, 71.2, 40.4]
date_from = 1989-01-01
date_to = 2025-12-31

[ingest.files.damage]
columns = { latitude = "lat", longitude = "lon", place = "place", text = "description_en" }
values = { date = "2022-09-14", date_end = "2022-09-19", category = "armed_clash" }

[ingest.files.settlements]
columns = { settlement_id = "geonameid", residents = "population", alternatives = "alternatenames" }
values = { kind = "village" }

[ingest.files.districts_tj]
columns = { claim_id = "OBJECTID" }
values = { status = "claimed" }

[ingest.files.districts_kg]
columns = { claim_id = "ADM2_PCODE" }
values = { status = "claimed" }

[ingest.files.rivers]
values = { kind = "river" }
"""

# name, file, reader, reported_by, claimant
FILES = [
    ("damage", "damage_2022.csv", "table", "outside", None),
    ("ucdp", "ucdp_ged_v23_sample1000.csv", "ucdp", "outside", None),
    ("settlements", "settlements_geonames.csv", "settlements", None, None),
    ("districts_tj", "districts_tj.geojson", "claims", None, "Tajikistan"),
    ("districts_kg", "districts_kg.geojson", "claims", None, "Kyrgyzstan"),
    ("rivers", "rivers_wdbii.geojson", "resources", None, None),
    ("elevation", "elevation_9km.tif", "elevation", None, None),
]


@pytest.fixture(scope="module")
def real(tmp_path_factory, bring_up):
    if not FOLDER:
        pytest.skip("TENSIONMAP_REAL_DATA is not set: the real study was not run")
    root = tmp_path_factory.mktemp("real") / "study"
    make_workspace(root)
    (root / "study.toml").write_text(STUDY, encoding="utf-8")
    for name, file, reader, reported_by, claimant in FILES:
        given = {"name": name, "reader": reader, "reported_by": reported_by, "claimant": claimant}
        about = {"publisher": "see SOURCES.md", "licence": "see SOURCES.md"}
        register(Workspace(root), Path(FOLDER) / "isfara-batken" / "raw" / file, {**given, **about}, retrieved=date(2026, 11, 20))
    listener = bring_up(root)
    print(*(f"{stage}: {text}" for stage, text in listener.said), sep="\n")
    return root, listener


def test_every_row_is_kept_or_set_aside_with_a_reason(real):
    root, listener = real
    rows = {"damage": 398, "ucdp": 1000}
    told = [text for stage, text in listener.said if "rows read" in text]
    for source, count in rows.items():
        assert any(text.startswith(f"{source}: {count} rows read") for text in told), told
    aside = tables.read(tables.SET_ASIDE, root / "data/processed/ingest/set_aside.parquet")
    assert aside[["reason", "advice"]].notna().all().all()
    print(Counter(zip(aside["source"], aside["reason"], strict=True)).most_common(20))


def test_maps_and_sheets_come_out(real):
    root, _ = real
    written = {path.name: path.stat().st_size for kind in ("web", "paper") for path in (root / "maps" / kind).iterdir()}
    assert len(written) == 18
    assert all(10_000 < size < 3_000_000 for size in written.values()), written


def test_every_map_passed_the_audit(real):
    root, listener = real
    verdict = json.loads((root / "maps/audit/verdict.json").read_bytes())
    assert verdict["passed"] is True
    assert len(verdict["files"]) == 19
    print(*(text for _, text in listener.said if "audit" in text))


def test_missing_layers_cost_is_told(real):
    _, listener = real
    told = " ".join(text for _, text in listener.said)
    for layer in ("population", "canal", "pasture"):
        assert layer in told


def test_nothing_of_the_clashes_reaches_a_community_cell(real):
    root, _ = real
    release = tables.read_release(root / "data/processed/protect/community")
    assert release.tables["cells"].query("theme == 'tension' and band != @tables.BANDS[0]").empty


def test_land_on_which_the_two_layers_disagree_is_told(real):
    root, listener = real
    areas = tables.read(tables.DISPUTED, root / "data/processed/link/disputed.parquet")
    km2 = areas.groupby("kind")["area_km2"].sum()
    print(km2.to_dict(), *(text for stage, text in listener.said if stage == "link" and "land" in text), sep="\n")
    # A published comparison of the two layers has 231 km2 in both; some of it lies outside the study area.
    assert 215 < km2["disputed"] < 235
    assert set(areas["parties"]) == {"Kyrgyzstan | Tajikistan"}
