"""The door: nothing goes into maps/ unattacked, what lies in a folder is what was released, and releases are held together."""

import dataclasses
import json
import re
import shutil

import pytest
from click.testing import CliRunner

from tensionmap import audit, pipeline, tables
from tensionmap.cli import main
from tensionmap.errors import ReleaseError
from tensionmap.protect.audit.proofs import CHANGES, CHANGES_OF_MEETINGS
from tensionmap.protect.ledger import read_ledger
from tensionmap.workspace import Workspace

SIGNED = ("--signed-off-by", "A. Officer, police", "--signed-off-by", "B. Member, women's committee")


@pytest.fixture
def copy(finished_study, tmp_path):
    return shutil.copytree(finished_study, tmp_path / "copy")


@pytest.fixture
def run(monkeypatch):
    def ran(folder, *words):
        monkeypatch.chdir(folder)
        return CliRunner().invoke(main, list(words))

    return ran


@pytest.fixture(scope="session")
def name(finished_study):
    """A name that a report tells."""
    return json.loads((finished_study / "data/raw/truth.json").read_text(encoding="utf-8"))["private"]["names"][0]


def change(root, before, after):
    path = root / "study.toml"
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")


def maps_in(root):
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted((root / "maps").rglob("*.*"))}


# before anything is put into maps/


def test_a_map_that_tells_a_name_is_not_put_into_maps(copy, bring_up, monkeypatch, name):
    before = maps_in(copy)
    change(copy, 'languages = ["en", "tg"]', 'languages = ["en"]')
    draw, on_paper = pipeline.MAPS["crime"]
    told = f"<!-- {name} --></body>"
    monkeypatch.setitem(pipeline.MAPS, "crime", (lambda *a, **k: draw(*a, **k).replace("</body>", told), on_paper))
    with pytest.raises(ReleaseError, match=r"A2, crime_map\.community\.html") as refused:
        bring_up(copy)
    assert name not in str(refused.value)
    assert maps_in(copy) == before


def test_a_release_that_depends_on_a_sealed_report_is_not_put_into_maps(copy, bring_up, monkeypatch):
    change(copy, 'languages = ["en", "tg"]', 'languages = ["en"]')
    change(copy, "minimum_count = 5", "minimum_count = 10")
    make = pipeline.make_release

    def makes_it_known(incidents, *others, **options):
        made = make(incidents, *others, **options)
        told = ("sealed",) if (incidents["tier"] == "S").any() else ()
        return dataclasses.replace(made, facts=dataclasses.replace(made.facts, missing_layers=told))

    monkeypatch.setattr(pipeline, "make_release", makes_it_known)
    with pytest.raises(ReleaseError, match=r"N1 drop, the tables of the release: sealed reports left out"):
        bring_up(copy)


@pytest.mark.parametrize(("number", "what"), [(number, what) for number, (what, _) in CHANGES.items()])
def test_every_change_of_private_data_does_change_something(finished_study, number, what):
    house = audit.read_house(Workspace(finished_study))
    changed = CHANGES[number][1](house.incidents, 1000.0, 5)
    same = len(changed) == len(house.incidents) and all(
        (changed[column].astype(str).to_numpy() == house.incidents[column].astype(str).to_numpy()).all()
        for column in house.incidents.columns
    )
    assert not same, what


def test_the_verdict_is_a_page_and_a_table_of_every_file(finished_study):
    folder = finished_study / "maps/audit"
    verdict, page = json.loads((folder / "verdict.json").read_bytes()), (folder / "verdict.html").read_text(encoding="utf-8")
    names = {path.name for kind in ("web", "paper") for path in (finished_study / "maps" / kind).iterdir()} | {"index.html"}
    assert verdict["passed"] is True
    assert set(verdict["files"]) == names
    assert all(name in page for name in names)
    assert "PASSED" in page
    assert {"A1", "A2", "A4", "A6", "A7", "A8", "A9", "A10", "N1 drop", "N2", "N4"} <= set(verdict["attacks"])


def test_the_verdict_opens_with_the_network_cut(finished_study, visit):
    page, seen = visit((finished_study / "maps/audit/verdict.html").read_text(encoding="utf-8"))
    assert "PASSED" in page.inner_text("h1")
    assert seen == []


def test_lower_thresholds_are_printed_on_every_map_and_in_the_receipt(copy, bring_up):
    change(copy, 'languages = ["en", "tg"]', 'languages = ["en"]')
    signed = 'signed_off_by = ["A. Officer, police", "B. Member, women\'s committee"]\nreason = "villages of sixty people"\n'
    change(copy, "minimum_residents = 100", f"minimum_residents = 60\n{signed}")
    bring_up(copy)
    receipt = (copy / "data/processed/protect/receipt.json").read_text(encoding="utf-8")
    for text in (receipt, (copy / "maps/web/crime_map.community.html").read_text(encoding="utf-8")):
        assert "minimum_residents 60 instead of 100" in text
        assert "villages of sixty people" in text
    assert "minimum_residents 60 instead of 100" in (copy / "maps/audit/verdict.html").read_text(encoding="utf-8")


# a folder


def test_the_maps_pass_and_so_does_a_copy_of_some_of_them(run, copy, tmp_path):
    assert re.match(r"PASSED: 19 files", run(copy, "audit").output)
    stick = tmp_path / "stick"
    stick.mkdir()
    for path in (copy / "maps/web").glob("*community*"):
        shutil.copy(path, stick)
    found = run(copy, "audit", str(stick))
    assert (found.exit_code, found.output[:16]) == (0, "PASSED: 2 files,")


@pytest.mark.parametrize(
    ("file", "content", "attack"),
    [
        ("notes.csv", b"square,band\nE500N4760,5-9\n", "A1"),
        (".hidden.html", b"<p>", "A1"),
        ("crime_map.community.html", b"<!doctype html><p>Crime map", "A1"),
        ("cells.geojson", b'{"type":"FeatureCollection","features":[]}', "A1"),
    ],
)
def test_what_is_not_what_was_released_is_found(run, copy, tmp_path, file, content, attack):
    stick = tmp_path / "stick"
    stick.mkdir()
    (stick / file).write_bytes(content)
    found = run(copy, "audit", str(stick), "--page", str(tmp_path / "verdict.json"))
    assert found.exit_code == 1
    assert re.search(rf"^{attack}\s+{re.escape(file)}: ", found.output, re.MULTILINE)
    assert "NOT PASSED" in found.output
    assert json.loads((tmp_path / "verdict.json").read_bytes())["passed"] is False


def test_a_secret_is_found_in_a_folder_and_not_repeated(run, copy, tmp_path, name):
    stick = tmp_path / "stick"
    stick.mkdir()
    (stick / "list.csv").write_text(f"name\n{name}\n", encoding="utf-8")
    found = run(copy, "audit", str(stick))
    assert found.exit_code == 1
    assert re.search(r"^A2\s+list\.csv", found.output, re.MULTILINE)
    assert name not in found.output


def test_the_place_of_a_sealed_report_is_found_in_a_police_file_too(finished_study):
    workspace = Workspace(finished_study)
    incidents = audit.read_house(workspace).incidents
    measured = incidents[incidents["location_kind"] == "gps"].to_crs("EPSG:4326")
    name = "INTERNAL.crime_map.police.html"
    page = (finished_study / "maps/web" / name).read_bytes()
    found = {}
    for tier in ("S", "A"):
        place = measured[measured["tier"] == tier].geometry.iloc[0]
        script = f"<script>var place = [{place.y:.6f}, {place.x:.6f}]</script></body>"
        verdict = pipeline.audit({name: page.replace(b"</body>", script.encode())}, workspace)
        found[tier] = {finding.attack for finding in verdict.findings}
    assert found == {"S": {"A4"}, "A": set()}


def test_without_a_run_there_is_nothing_to_hold_files_against(run, tmp_path, new_study):
    new_study(tmp_path / "fresh")
    found = run(tmp_path / "fresh", "audit")
    assert found.exit_code == 1
    assert "Run 'tensionmap run' first" in found.output
    assert "Traceback" not in found.output


# the ledger


def test_a_release_needs_two_people_and_fresh_maps(run, copy):
    for signers in (SIGNED[:2], SIGNED[:2] * 2):
        found = run(copy, "release", *signers)
        assert found.exit_code == 1
        assert "two people sign" in found.output
    change(copy, 'languages = ["en", "tg"]', 'languages = ["en"]')
    found = run(copy, "release", *SIGNED)
    assert found.exit_code == 1
    assert "not up to date" in found.output
    assert not (copy / "data/released").exists()


def test_what_was_released_is_known_and_changes_nothing(run, copy, bring_up):
    before = maps_in(copy)
    found = run(copy, "release", *SIGNED, "--withdraw-on", "2099-01-31")
    assert found.exit_code == 0, found.output
    (entry,) = read_ledger(copy / "data/released").entries
    assert entry.digest in found.output
    assert entry.withdraw_on == "2099-01-31"
    assert set(entry.files) == {name.split("/")[-1] for name in before if ".community." in name or "index" in name}
    assert list(bring_up(copy).made) == ["protect", "publish"]
    assert maps_in(copy) == before
    again = run(copy, "release", *SIGNED)
    assert again.exit_code == 1
    assert "in the ledger already" in again.output


def test_a_release_is_withdrawn_with_a_reason(run, copy):
    run(copy, "release", *SIGNED)
    (entry,) = read_ledger(copy / "data/released").entries
    assert run(copy, "withdraw", "0000000000", "--why", "x").exit_code == 1
    assert run(copy, "withdraw", entry.digest, "--why", "the square of one farm").exit_code == 0
    (entry,) = read_ledger(copy / "data/released").entries
    assert entry.withdrawn.endswith("the square of one farm")
    assert read_ledger(copy / "data/released").published().releases == ()


def test_the_next_quarter_is_added_and_what_is_out_stays(run, bring_up, new_study, tmp_path):
    root = new_study(tmp_path / "study")
    change(root, "replicates = 999", "replicates = 99")
    change(root, 'languages = ["en", "tg"]', 'languages = ["en"]')
    change(root, "date_to = 2026-09-30", "date_to = 2026-06-30")
    bring_up(root)
    assert run(root, "release", *SIGNED).exit_code == 0
    first = tables.read_release(root / "data/processed/protect/community")
    change(root, "date_to = 2026-06-30", "date_to = 2026-09-30")
    bring_up(root)
    second = tables.read_release(root / "data/processed/protect/community")
    assert first.facts.quarters[-1] == "2026Q2"
    assert second.facts.quarters[-1] == "2026Q3"
    assert (second.facts.public_from, second.facts.public_to) == ("2023-10-01", "2026-06-30")
    for table in ("cells", "totals", "numbers"):
        for window in {tables.PERIOD, *first.facts.quarters} & {tables.PERIOD, *second.facts.quarters}:
            one, two = (r.tables[table][r.tables[table]["window"] == window] for r in (first, second))
            assert one.reset_index(drop=True).equals(two.reset_index(drop=True)), (table, window)
    assert (second.tables["numbers"]["window"] == "2026Q3").any()


# proofs, all the way


def test_the_proof_goes_from_link_to_publish(copy, monkeypatch):
    change(copy, "replicates = 999", "replicates = 99")
    change(copy, 'languages = ["en", "tg"]', 'languages = ["en"]')
    monkeypatch.setattr(audit, "CHANGES", {number: CHANGES[number] for number in ("N1 drop", "N2")})
    monkeypatch.setattr(audit, "CHANGES_OF_MEETINGS", {"N5 add": CHANGES_OF_MEETINGS["N5 add"]})
    workspace = Workspace(copy)
    trial = {**pipeline.FLOW, "publish": pipeline._draw_community}
    teller = type("Teller", (), {"progresses": lambda *_: None})()
    assert audit.prove(workspace, teller, trial, seed=1) == []
