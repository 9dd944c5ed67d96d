"""Settings and registered sources: refused with every fault at once, or read."""

import json
from datetime import date
from pathlib import Path

import pytest

from tensionmap.errors import StudyError
from tensionmap.ingest.taxonomy import read_taxonomy
from tensionmap.study import make_source, read_sources, read_study, source_as_toml, study_schema
from tensionmap.tables import data_dictionary

ROOT = Path(__file__).parents[1]
SOUND = """
name = "Valley"
parties = ["A", "B"]
[ingest]
crs = "EPSG:32626"
area = [-27.3, 42.8, -26.7, 43.2]
date_from = 2023-10-01
date_to = 2026-09-30
"""
SOURCE = {
    "name": "register",
    "file": "register.csv",
    "sha256": "0" * 64,
    "publisher": 'Police "East"\nPost',
    "licence": "internal",
    "retrieved": date(2026, 1, 2),
    "reader": "table",
    "reported_by": "A",
}


def study_with(folder, text):
    path = folder / "study.toml"
    path.write_text(text, encoding="utf-8")
    return read_study(path)


@pytest.mark.parametrize(
    ("added", "sentences"),
    [
        ("[link]\ncel_m = 5", ["link.cel_m: there is no such key; did you mean 'cell_m'?"]),
        ("[link]\ncell_m = -5\n[measure]\nalpha = 0.9", ["link.cell_m", "greater than 0 (got -5)", "measure.alpha", "(got 0.9)"]),
        ("[ingest.files.x]\ncolum = {}", ["ingest.files.x.colum: there is no such key; did you mean 'columns'?"]),
        ("[publish]\nlanguages = ['fr']", ["publish.languages.0"]),
        ("[protect]\nminimum_count = 2", ["protect.minimum_count: Input should be greater than or equal to 5 (got 2)"]),
        ("[wether]\na = 1", ["wether: there is no such key; keys here are: name"]),
        ("= 3", ["not valid TOML"]),
        ("timezone = 'Asia/Isfara'", ["no such time zone; write it as Asia/Dushanbe"]),
        ("[ingest.taxonomy.category.x]\ntheme = 'weather'\ntier = 'B'", ["ingest.taxonomy.category.x.theme"]),
        ("[ingest.seasons]\ncanal = [4, 13]", ["ingest.seasons.canal.1"]),
    ],
)
def test_faults_are_named(tmp_path, added, sentences):
    with pytest.raises(StudyError) as caught:
        study_with(tmp_path, SOUND + added)
    for sentence in sentences:
        assert sentence in str(caught.value)


def test_several_faults_come_at_once(tmp_path):
    text = SOUND.replace("[-27.3, 42.8, -26.7, 43.2]", "[1, 2, 0, 3]").replace('name = "Valley"', "") + "[link]\ncell = 1"
    with pytest.raises(StudyError) as caught:
        study_with(tmp_path, text)
    for part in ("ingest.area: write west, south, east, north", "name: this key is needed", "link.cell: there is no such key"):
        assert part in str(caught.value)


def test_period_must_run_forward(tmp_path):
    with pytest.raises(StudyError, match="date_from is later than date_to"):
        study_with(tmp_path, SOUND.replace("2026-09-30", "2022-09-30"))


def test_not_utf8_is_said(tmp_path):
    (tmp_path / "study.toml").write_bytes('name = "Водӣ"'.encode("utf-16"))
    with pytest.raises(StudyError, match="not UTF-8"):
        read_study(tmp_path / "study.toml")


def test_a_sound_study_is_read_and_frozen(tmp_path):
    study = study_with(tmp_path, "\ufeff" + SOUND)
    assert study.link.cell_m == 1000
    assert study.ingest.date_to == date(2026, 9, 30)
    with pytest.raises(Exception, match="frozen"):
        study.name = "other"  # type: ignore[misc]


def test_a_study_adds_categories_and_weighs_them_itself(tmp_path):
    study = study_with(
        tmp_path,
        SOUND
        + """
[ingest.taxonomy.category.poaching]
theme = "crime"
tier = "B"
resource = "forest"
words.ru = ["браконьерство"]
[ingest.taxonomy.severity]
irrigation_dispute = -1
""",
    )
    taxonomy = read_taxonomy(study.ingest.taxonomy.model_dump())
    assert taxonomy.category("Браконьерство", own={}).resource == "forest"
    assert taxonomy.category("irrigation dispute", own={}).severity == -1
    assert taxonomy.category("pasture dispute", own={}).severity == -2
    assert taxonomy.category("theft", own={}).severity is None
    with pytest.raises(StudyError, match="severity: there is no category 'irigation'"):
        read_taxonomy({"severity": {"irigation": 1}})


def test_schema_for_editors_has_not_drifted():
    written = json.loads((ROOT / "study.schema.json").read_text(encoding="utf-8"))
    assert written == json.loads(json.dumps(study_schema())), "write it again: tensionmap schema > study.schema.json"


def test_data_dictionary_has_not_drifted():
    written = (ROOT / "docs" / "data-dictionary.md").read_text(encoding="utf-8")
    assert written == data_dictionary(), "write it again: tensionmap schema tables > docs/data-dictionary.md"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"sha256": "abc"}, "sha256"),
        ({"reported_by": None}, "reported_by is needed"),
        ({"file": "../secret.csv"}, "must lie under data/raw"),
        ({"file": "a\\b.csv"}, "forward slashes"),
        ({"reader": "excel"}, "reader"),
        ({"publisher": ""}, "publisher"),
    ],
)
def test_a_source_that_says_too_little_is_refused(change, sentence):
    with pytest.raises(StudyError, match=sentence):
        make_source({**SOURCE, **change})


def test_a_source_written_as_toml_is_read_back(tmp_path):
    source = make_source(SOURCE)
    (tmp_path / "sources.toml").write_text("# register\n" + source_as_toml(source), encoding="utf-8")
    assert read_sources(tmp_path / "sources.toml") == (source,)


def test_a_name_or_file_used_twice_is_refused(tmp_path):
    text = source_as_toml(make_source(SOURCE)) + source_as_toml(make_source({**SOURCE, "name": "other"}))
    (tmp_path / "sources.toml").write_text(text, encoding="utf-8")
    with pytest.raises(StudyError, match="same file more than once"):
        read_sources(tmp_path / "sources.toml")
