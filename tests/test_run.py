"""The whole way, once, on the example study: reruns, kills, equal bytes, the planted truth, and nothing private told."""

import json
import shutil
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import numpy as np
import pypdf
import pytest
import shapely

from tensionmap import tables
from tensionmap.crs import DEGREES
from tensionmap.errors import RawDataError
from tensionmap.protect.audit.attacks import find_leaks
from tensionmap.protect.audit.secrets import Secrets
from tensionmap.receipts import read_receipt
from tensionmap.rerun import inputs_of, reasons
from tensionmap.workspace import STAGES, Workspace, register

ROOT = Path(__file__).parents[1]


def change(root, before, after):
    text = (root / "study.toml").read_text(encoding="utf-8")
    assert before in text
    (root / "study.toml").write_text(text.replace(before, after), encoding="utf-8")


def all_bytes(root):
    folders = [root / "data" / "processed", root / "maps"]
    return {p.relative_to(root).as_posix(): p.read_bytes() for f in folders for p in sorted(f.rglob("*")) if p.is_file()}


@pytest.fixture(scope="session")
def study(finished_study):
    return finished_study


@pytest.fixture
def copy(study, tmp_path):
    """The finished study, to be changed."""
    return Path(shutil.copytree(study, tmp_path / "copy"))


@pytest.fixture(scope="session")
def truth(study):
    return json.loads((study / "data/raw/truth.json").read_text(encoding="utf-8"))


def test_every_map_is_there(study):
    names = {path.relative_to(study / "maps").as_posix() for path in (study / "maps").rglob("*.*")}
    maps = [
        f"{'' if audience == 'community' else 'INTERNAL.'}{theme}_map.{audience}"
        for theme in ("crime", "tension")
        for audience in tables.AUDIENCES
    ]
    assert names == {
        *(f"web/{name}.html" for name in maps),
        *(f"paper/{name}.{language}.pdf" for name in maps for language in ("en", "tg")),
        "index.html",
        "audit/verdict.html",
        "audit/verdict.json",
    }


def test_run_again_makes_nothing(study, bring_up):
    assert bring_up(study).made == {}


@pytest.mark.parametrize(
    ("before", "after", "first", "why"),
    [
        ("cell_m = 1000", "cell_m = 2000", "link", "cell_m 1000 -> 2000"),
        ("alpha = 0.05", "alpha = 0.01", "measure", "alpha 0.05 -> 0.01"),
        ("minimum_count = 5", "minimum_count = 10", "protect", "minimum_count 5 -> 10"),
        ('languages = ["en", "tg"]', 'languages = ["en"]', "publish", 'languages ["en", "tg"] -> ["en"]'),
    ],
)
def test_a_changed_setting_remakes_exactly_what_follows(copy, bring_up, before, after, first, why):
    change(copy, before, after)
    assert {stage for stage in STAGES if why in reasons(Workspace(copy), stage)} >= {first}
    made = bring_up(copy).made
    assert list(made) == list(STAGES[STAGES.index(first) :])
    assert made[first] == [why]


def test_a_hand_on_an_output_is_seen_and_mended(copy, study, bring_up):
    path = copy / "data/processed/link/placed.parquet"
    path.write_bytes(path.read_bytes() + b" ")
    assert reasons(Workspace(copy), "link") == ["output edited by hand: data/processed/link/placed.parquet"]
    assert list(bring_up(copy).made) == ["link"]
    assert all_bytes(copy) == all_bytes(study)


def test_files_that_cannot_be_read_are_all_named_at_once(tmp_path, new_study, bring_up):
    root = new_study(tmp_path / "broken")
    for name in ("register_norvia.xlsx", "population.tif", "claims_norvia.geojson"):
        (root / "data/raw" / name).write_text("garbage")
        register(Workspace(root), root / "data/raw" / name, {}, retrieved=date(2026, 1, 2))
    with pytest.raises(RawDataError) as caught:
        bring_up(root)
    for name in ("register_norvia.xlsx", "population.tif", "claims_norvia.geojson"):
        assert f"\n  {name}" in str(caught.value)
    assert read_receipt(Workspace(root).folder("ingest")) is None


def test_status_of_a_study_whose_raw_file_is_gone_says_so(copy):
    (copy / "data/raw/register_selmar.csv").unlink()
    assert reasons(Workspace(copy), "ingest") == ["input gone: data/raw/register_selmar.csv"]


def test_a_source_that_no_reader_reads_makes_nothing_stale(copy):
    note = copy / "data/raw/truth.json"
    note.write_text(note.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert reasons(Workspace(copy), "ingest") == []


def test_two_folders_get_the_same_bytes(study, tmp_path, bring_up, new_study):
    other = new_study(tmp_path / "elsewhere")
    bring_up(other)
    first, second = all_bytes(study), all_bytes(other)
    assert list(first) == list(second)
    assert [name for name in first if first[name] != second[name]] == []


@pytest.mark.parametrize("seconds", [1.5, 3.0, 4.5, 6.0])
def test_killed_at_any_moment_the_next_run_completes_it(copy, study, bring_up, seconds):
    change(copy, "cell_m = 1000", "cell_m = 2000")
    process = subprocess.Popen([sys.executable, "-m", "tensionmap", "run", "protect"], cwd=copy, stdout=subprocess.DEVNULL)
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
    process.wait()
    for stage in STAGES:
        written = Workspace(copy).outputs(stage)
        assert set(written) == set(Workspace(study).outputs(stage)), "a stage is there whole, old or new"
    change(copy, "cell_m = 2000", "cell_m = 1000")
    bring_up(copy)
    assert all_bytes(copy) == all_bytes(study)


def test_every_planted_fault_is_set_aside_with_its_row(study, truth):
    aside = tables.read(tables.SET_ASIDE, study / "data/processed/ingest/set_aside.parquet")
    found = set(zip(aside["source"], aside["row"], strict=True))
    planted = {(fault["source"], fault["row"]): fault["kind"] for fault in (*truth["broken"], *truth["meetings_broken"])}
    assert {kind for place, kind in planted.items() if place not in found} == set()
    assert sorted(found - set(planted)) == [], "a sound row was set aside"
    assert aside[["reason", "advice"]].notna().all().all()


def test_every_row_is_kept_or_set_aside(study, truth):
    counts = json.loads((study / "data/processed/ingest/receipt.json").read_text(encoding="utf-8"))["counts"]
    for source, rows in {**truth["rows"], **truth["meetings"]["rows"]}.items():
        assert sum(counts[source].values()) == rows, source


def test_planted_clusters_are_found_and_nothing_else(study):
    sys.path.insert(0, str(ROOT / "bench"))
    try:
        from planted_clusters import overlap
    finally:
        sys.path.pop(0)
    found, spilled = overlap(study)
    assert (found["found"] >= 0.8).all(), found.to_string()
    assert spilled.sum() == 0


def test_an_imprecise_place_makes_no_hot_spot(study, truth):
    incidents = tables.read(tables.INCIDENTS, study / "data/processed/ingest/incidents.parquet")
    placed = tables.read(tables.PLACED, study / "data/processed/link/placed.parquet")
    trapped = {(report["source"], report["record_id"]) for trap in truth["traps"] for report in trap["reports"]}
    is_trapped = [key in trapped for key in zip(incidents["source"], incidents["record_id"], strict=True)]
    cells = placed.set_index("incident_id").loc[incidents.loc[is_trapped, "incident_id"], "cell_id"]
    assert len(cells) > 50
    assert cells.isna().all()


def test_the_free_text_goes_no_further_than_ingest(study):
    for stage in STAGES[1:]:
        assert not any("private_text" in path for path in inputs_of(Workspace(study), stage))


@pytest.fixture(scope="session")
def secrets(study, truth):
    """Every name, phone, record number and told place of the reports; and the public places that a map may show."""
    private = truth["private"]
    words = {*private["names"], *private["words"], *private["users"], *(report["record_id"] for report in truth["reports"])}
    told = [(r["told_longitude"], r["told_latitude"]) for r in truth["reports"]]
    folder = study / "data/processed"
    layers = [
        tables.read(table, folder / stage / f"{table.name}.parquet")
        for stage, table in [("link", tables.CELLS), *(("ingest", table) for table in tables.BACKGROUND_TABLES.values())]
    ]
    allowed = np.concatenate([shapely.get_coordinates(layer.to_crs(DEGREES).geometry.to_numpy()) for layer in layers])
    return Secrets(
        # Six digits alone stand in any PDF by chance.
        words=tuple(sorted(word for word in words if sum(map(str.isalnum, word)) >= (8 if word.isdigit() else 4))),
        phones=tuple(private["phones"]),
        points=tuple(point for point in told if None not in point),
        allowed=tuple(map(tuple, allowed)),
    )


def community_files(study):
    return [
        path
        for path in sorted(study.rglob("*"))
        if path.is_file() and "community" in path.relative_to(study).as_posix() and not {"raw", "ingest"} & set(path.parts)
    ]


def test_no_byte_of_a_community_file_tells_of_a_single_incident(study, secrets):
    files = community_files(study)
    assert len(files) == 6 + 13
    for path in files:
        assert find_leaks(path.read_bytes(), path.suffix.removeprefix("."), secrets) == [], path.name


def test_the_scanner_would_have_seen_it(study, secrets):
    police = (study / "maps/web/INTERNAL.crime_map.police.html").read_bytes()
    assert find_leaks(police, "html", secrets) != []


def test_every_map_opens_with_the_network_cut_and_asks_for_nothing(study, visit):
    for path in sorted((study / "maps/web").glob("*.html")):
        assert path.stat().st_size < 3_000_000
        page, seen = visit(path.read_text(encoding="utf-8"))
        page.wait_for_selector(".leaflet-squares-chosen-pane svg path", state="attached")
        assert "INVENTED TRAINING DATA" in page.inner_text("header")
        page.select_option("#language", "1")
        assert "МАЪЛУМОТИ СОХТАИ ОМӮЗИШӢ" in page.inner_text("header")
        assert seen == [], path.name
        page.close()


def test_every_sheet_is_a4_and_says_that_the_data_are_invented(study):
    for path in sorted((study / "maps/paper").glob("*.pdf")):
        pages = pypdf.PdfReader(path).pages
        for page in pages:
            assert sorted(round(float(side) / 72 * 25.4) for side in page.mediabox[2:]) == [210, 297]
            banner = "INVENTED TRAINING DATA" if ".en." in path.name else "МАЪЛУМОТИ СОХТАИ ОМӮЗИШӢ"
            assert banner in page.extract_text(), path.name
