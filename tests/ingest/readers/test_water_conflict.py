from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tensionmap.errors import RawDataError

ENTRY = {
    "Date": "2014",
    "Headline": "Shots at the intake",
    "Conflict Type": "Trigger",
    "Region": "Invented",
    "Description": "A dispute over irrigation water.",
    "Sources": "Gazette",
    "Latitude": "43.01",
    "Longitude": "-27.02",
    "Start": "2014",
    "End": "2014",
}


def rows(*entries: dict[str, str]) -> list[list[str]]:
    return [list(ENTRY), *(list({**ENTRY, **entry}.values()) for entry in entries)]


@pytest.mark.parametrize("missing", ["Headline", "Region", "Description", "Date"])
def test_refuses_a_file_without_a_column_of_the_chronology(read: Any, write: Any, missing: str) -> None:
    at = list(ENTRY).index(missing)
    with pytest.raises(RawDataError, match=f"there is no column '{missing.lower()}'"):
        read("water_conflict", write("w.csv", [[*line[:at], *line[at + 1 :]] for line in rows({})]))


def test_refuses_a_file_that_does_not_say_what_kind_of_conflict(read: Any, write: Any) -> None:
    with pytest.raises(RawDataError, match="nothing says which column is 'category'"):
        read("water_conflict", write("w.csv", [[*line[:2], *line[3:]] for line in rows({})]))


def test_reads_an_entry(read: Any, write: Any, sniff: Any) -> None:
    path = write("w.csv", rows({}))
    assert sniff(path) == "water_conflict"
    table = read("water_conflict", path).table
    assert {name: cell for name, cell in table.loc[2].to_dict().items() if cell} == {
        "date": "2014",
        "date_end": "2014",
        "latitude": "43.01",
        "longitude": "-27.02",
        "location_kind": "wider",
        "precision_m": "100000",
        "category": "intercommunal_clash",
        "resource": "irrigation",
        "text": "Shots at the intake. A dispute over irrigation water.",
    }


def test_reads_it_as_resource_watch_passes_it_on(read: Any, write: Any, sniff: Any) -> None:
    named = {"Conflict Type": "conflict_type", "Start": "start_year", "End": "end_year"}
    path = write("w.xlsx", [[named.get(header, header.lower()) for header in ENTRY], *rows({})[1:]])
    assert sniff(path) == "water_conflict"
    assert read("water_conflict", path).table.equals(read("water_conflict", write("w.csv", rows({}))).table)


@pytest.mark.parametrize(
    ("written", "start", "end", "read_as"),
    [
        ("2014", "2014", "2014", ("2014", "2014")),
        ("2012-2014", "2012", "2014", ("2012", "2014")),
        ("2012-14", "2012", "2014", ("2012", "2014")),
        ("April 2014", "2014", "2014", ("April 2014", "")),
        ("2014-04-30", "2014", "2014.0", ("2014-04-30", "")),
        ("2013-04-30", "2014", "2014", ("2014", "2014")),
        ("May 2014 - June 2016", "2014", "2014", ("2014", "2014")),
        ("May 2014 - June 2016", "2014", "2016", ("May 2014 - June 2016", "")),
        ("622", "622", "", ("0622", "0622")),
        ("2014-04-30", "", "", ("2014-04-30", "")),
        ("some time", "2014", "2015", ("2014", "2015")),
    ],
)
def test_the_date_counts_where_it_says_more_than_the_years(
    read: Any, write: Any, written: str, start: str, end: str, read_as: tuple[str, str]
) -> None:
    table = read("water_conflict", write("w.csv", rows({"Date": written, "Start": start, "End": end}))).table
    assert tuple(table.loc[2, ["date", "date_end"]]) == read_as


def test_events_of_antiquity_are_set_aside(read: Any, write: Any) -> None:
    draft = read("water_conflict", write("w.csv", rows({"Date": "3000 BC", "Start": "-3000", "End": "-3000"}, {})))
    assert list(draft.table.index) == [3]
    assert draft.set_aside.loc[0, ["row", "column", "reason"]].to_list() == [2, "Start", "The event happened before year 1."]


@pytest.mark.parametrize(
    ("kind", "told", "meant"),
    [
        ("Trigger, Casualty", "irrigation canal", ("intercommunal_clash", "irrigation")),
        ("trigger", "no drinking-water", ("intercommunal_clash", "drinking_water")),
        ("Trigger", "irrigation and drinking water", ("intercommunal_clash", "")),
        ("Trigger", "a well", ("intercommunal_clash", "")),
        ("Casualty", "irrigation pumps", ("armed_clash", "")),
        ("Weapon;Casualty", "", ("armed_clash", "")),
        ("Dispute", "", ("Dispute", "")),
        ("", "", ("", "")),
    ],
)
def test_what_it_was_and_what_about(read: Any, write: Any, kind: str, told: str, meant: tuple[str, str]) -> None:
    table = read("water_conflict", write("w.csv", rows({"Conflict Type": kind, "Description": told}))).table
    assert tuple(table.loc[2, ["category", "resource"]]) == meant


def test_a_study_may_know_the_places_better(read: Any, write: Any) -> None:
    better = {"location_kind": "settlement", "precision_m": "2000"}
    table = read("water_conflict", write("w.csv", rows({})), values=better).table
    assert table.loc[2, ["location_kind", "precision_m"]].to_list() == ["settlement", "2000"]


cells = st.one_of(
    st.sampled_from(["", "-3000", "2014", "2014.0", "0", "9999", "4 May 2014", "NA", "1e3"]), st.text("a1;,\"' -.я", max_size=8)
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries=st.lists(st.lists(cells, min_size=len(ENTRY), max_size=len(ENTRY)), min_size=1, max_size=6))
def test_no_cell_does_any_harm_and_no_row_is_lost(read: Any, write: Any, entries: list[list[str]]) -> None:
    lines = [*rows({}), *entries, *rows({})[1:]]
    draft = read("water_conflict", write("w.csv", lines))
    assert len(draft.table) + len(draft.set_aside) == len(lines) - 1
