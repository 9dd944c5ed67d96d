import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tensionmap.errors import RawDataError
from tensionmap.ingest.readers import READERS, ucdp
from tensionmap.ingest.taxonomy import read_taxonomy

EVENT = {
    "id": "5",
    "relid": "INV-1",
    "year": "2025",
    "code_status": "Clear",
    "type_of_violence": "1",
    "source_headline": "Shots",
    "where_prec": "1",
    "where_coordinates": "Sarguno",
    "adm_2": "Upper valley",
    "latitude": "43.01",
    "longitude": "-27.02",
    "date_prec": "1",
    "date_start": "2025-04-30 00:00:00.000",
    "date_end": "2025-04-30 00:00:00.000",
    "best": "1",
}
FORMATS = {
    "acled": (
        *("event_id_cnty", "event_date", "year", "time_precision", "event_type", "sub_event_type", "actor1", "location"),
        *("latitude", "longitude", "geo_precision", "notes", "timestamp"),
    ),
    "kobo": ("start", "g/date", "g/category", "g/place", "_id", "_uuid", "_submission_time", "_validation_status"),
    "odk": ("SubmissionDate", "meta-instanceID", "date", "category", "place", "KEY", "SubmitterID", "ReviewState"),
    "table": ("Дата", "Вид происшествия", "Место"),
    "tfdd": ("ID", "UNIQUE_ID", "DATE", "DYAD_CODE", "BAR_Scale", "EVENT_SUMMARY", "Issue_Type1"),
    "ucdp": tuple(EVENT),
    "water_conflict": ("Date", "Headline", "Conflict Type", "Region", "Description", "Latitude", "Longitude", "Start", "End"),
}
RAW = Path(__file__).parents[3] / "data/raw"


def rows(*events: dict[str, str]) -> list[list[str]]:
    return [list(EVENT), *(list({**EVENT, "id": str(n), **event}.values()) for n, event in enumerate(events))]


@pytest.mark.parametrize("missing", ucdp.NEEDED)
def test_refuses_a_file_without_a_column_of_ucdp(read: Any, write: Any, missing: str) -> None:
    at = list(EVENT).index(missing)
    with pytest.raises(RawDataError, match=f"there is no column '{missing}'"):
        read("ucdp", write("u.csv", [[*line[:at], *line[at + 1 :]] for line in rows({})]))


@pytest.mark.parametrize("capitals", [False, True])
def test_reads_an_event(read: Any, write: Any, capitals: bool, sniff: Any) -> None:
    header, event = rows({})
    path = write("u.csv", [[name.upper() if capitals else name for name in header], event])
    assert sniff(path) == "ucdp"
    assert {name: cell for name, cell in read("ucdp", path).table.loc[2].to_dict().items() if cell} == {
        "record_id": "0",
        "date": "2025-04-30 00:00:00.000",
        "date_end": "2025-04-30 00:00:00.000",
        "date_precision": "day",
        "latitude": "43.01",
        "longitude": "-27.02",
        "precision_m": "2000",
        "location_kind": "settlement",
        "place": "Sarguno",
        "district": "Upper valley",
        "category": "armed_clash",
        "text": "Shots",
    }


def test_reads_a_spreadsheet_and_records(read: Any, write: Any, sniff: Any) -> None:
    plain = read("ucdp", write("u.csv", rows({}, {"where_prec": "4"}))).table
    records = [dict(zip(EVENT, line, strict=True)) for line in rows({}, {"where_prec": "4"})[1:]]
    for path in (write("u.xlsx", rows({}, {"where_prec": "4"})), write("u.json", records)):
        assert sniff(path) == "ucdp"
        assert read("ucdp", path).table.equals(plain), path.name


def test_understands_its_codes(read: Any, write: Any) -> None:
    codes = ["1", "1.0", "2", "3", "4", "5", "6", "7", "8", ""]
    events = ({"where_prec": code, "date_prec": code, "type_of_violence": code} for code in codes)
    table = read("ucdp", write("u.csv", rows(*events))).table
    assert table["location_kind"].to_list() == [*["settlement"] * 2, "wider", "district", *["wider"] * 4, "8", ""]
    assert table["precision_m"].to_list() == [*["2000"] * 2, *["25000"] * 2, *["100000"] * 2, *["500000"] * 2, "8", ""]
    assert table["date_precision"].to_list() == ["day", "day", "range", "week", "month", "year", "6", "7", "8", ""]
    assert table["category"].to_list()[:4] == ["armed_clash", "armed_clash", "intercommunal_clash", "armed_clash"]
    assert table["place"].to_list() == ["Sarguno", "Sarguno", *[""] * 8], "a wider place is not the village whose point it bears"


def test_na_is_nothing(read: Any, write: Any) -> None:
    missing = {"source_headline": "NA", "where_coordinates": "NA", "adm_2": "NA"}
    assert read("ucdp", write("u.csv", rows(missing))).table.loc[2, ["text", "place", "district"]].to_list() == ["", "", ""]


def test_counts_candidates_that_are_not_yet_clear(read: Any, write: Any) -> None:
    draft = read("ucdp", write("u.csv", rows({}, {"code_status": "Check deaths"}, {"code_status": "Check type"})))
    assert len(draft.table) == 3
    assert list(draft.counted.values()) == [2]


def test_its_categories_are_ours() -> None:
    assert set(ucdp._CATEGORY.values()) <= set(read_taxonomy().categories)


def test_a_format_is_claimed_by_its_own_reader_alone(write: Any, sniff: Any) -> None:
    assert set(FORMATS) == set(READERS)
    for name, headers in FORMATS.items():
        claiming = [
            other
            for other, reader in READERS.items()
            if other != "table" and reader.recognises(frozenset(header.casefold() for header in headers))
        ]
        assert claiming == [name] * (name != "table"), name
        if name != "table":
            assert sniff(write("f.csv", [headers, ["1"] * len(headers)])) == name


def test_the_files_of_the_example_study_are_told_apart(sniff: Any) -> None:
    # Lists of meetings look like registers: their reader is named when they are added.
    lists = {"meetings.xlsx", "concerns.csv", "actions.csv"}
    paths = [path for path in sorted(RAW.iterdir()) if path.name not in lists]
    found = {path.name: sniff(path) for path in paths if path.suffix in {".csv", ".xlsx", ".geojson", ".tif"}}
    reports = {name: reader for name, reader in found.items() if reader in READERS}
    registers = {"register_norvia.xlsx": "table", "register_selmar.csv": "table"}
    assert reports == {"ged_like.csv": "ucdp", "kobo_community.csv": "kobo", **registers}


cells = st.one_of(st.sampled_from(["", "1", "8", "NA", "1.0", "-", "Clear", "nan"]), st.text("a1;,\"' -.я", max_size=8))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=st.lists(st.lists(cells, min_size=len(EVENT), max_size=len(EVENT)), min_size=1, max_size=6))
def test_no_cell_does_any_harm_and_no_row_is_lost(read: Any, write: Any, events: list[list[str]]) -> None:
    lines = [*rows({}), *events, *rows({})[1:]]
    draft = read("ucdp", write("u.csv", lines))
    assert len(draft.table) + len(draft.set_aside) == len(lines) - 1


@pytest.mark.skipif("TENSIONMAP_REAL_DATA" not in os.environ, reason="TENSIONMAP_REAL_DATA names no folder of real data")
def test_the_real_sample_of_the_world(read: Any) -> None:
    path = Path(os.environ["TENSIONMAP_REAL_DATA"]) / "isfara-batken/raw/ucdp_ged_v23_sample1000.csv"
    draft = read("ucdp", path)
    assert (len(draft.table), len(draft.set_aside)) == (1000, 0)
    assert draft.table["record_id"].is_unique
    assert draft.table["location_kind"].value_counts().to_dict() == {"settlement": 475, "wider": 385, "district": 140}
    assert (draft.table["place"] != "").sum() <= 475
