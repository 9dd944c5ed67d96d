"""Meetings, concerns and actions: what is refused, set aside, and read of messy lists, and that no name comes through."""

from __future__ import annotations

import csv
import json
import tomllib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook
from shapely.geometry import LineString, Point

from tensionmap import tables
from tensionmap.errors import RawDataError, StudyError
from tensionmap.ingest import meetings as module
from tensionmap.ingest.incidents import How
from tensionmap.ingest.meetings import (
    ACTION_COLUMNS,
    CONCERN_COLUMNS,
    MEETING_COLUMNS,
    Listed,
    Things,
    read_actions,
    read_concerns,
    read_meetings,
)
from tensionmap.ingest.places import fold, read_gazetteer
from tensionmap.ingest.resources import read_resources
from tensionmap.ingest.services import read_services, read_settlements
from tensionmap.ingest.taxonomy import read_taxonomy
from tensionmap.study import MEETING_READERS, READERS, make_source, read_study

ROOT = Path(__file__).parents[2]
RAW = ROOT / "data" / "raw"
CRS = "EPSG:32626"
HELD = {"community": "Navqarun", "date": "2025-04-30", "kind": "reporting day"}
CONCERN = {"community": "Navqarun", "date": "2025-04-30", "category": "irrigation"}
ACTION = {"community": "Navqarun", "date": "2025-04-30", "what": "repair", "who": "water users"}
PERSON = "Lieutenant Qodirjon Karimovzoda"


def layer(rows: list[dict[str, Any]], key: str) -> gpd.GeoDataFrame:
    frame = pd.DataFrame(rows)
    return gpd.GeoDataFrame(frame.drop(columns="at"), geometry=list(frame["at"]), crs=CRS).rename(columns={"id": key})


def study() -> tuple[How, Things]:
    settlements = layer(
        [
            {"id": "v1", "name": "Navqarun", "name_local": "Навқарун", "kind": "village", "at": Point(0, 0)},
            {"id": "v2", "name": "Gulvaron", "name_local": None, "kind": "village", "at": Point(9000, 0)},
            {"id": "v3", "name": "Gulvaron", "name_local": None, "kind": "village", "at": Point(0, 9000)},
            {"id": "v4", "name": "Ak-Sai", "name_local": "Ак-Сай", "kind": "town", "at": Point(5000, 5000)},
            {"id": "d1", "name": "Upland", "name_local": None, "kind": "district", "at": Point(1000, 1000)},
        ],
        "settlement_id",
    ).assign(alternatives=None, district=None, residents=500, precision_m=700.0)
    resources = layer(
        [
            {"id": "canal-1", "kind": "canal", "name": "Right canal", "at": LineString([(3000, 0), (4000, 0)])},
            {"id": "canal-2", "kind": "canal", "name": "Right canal", "at": LineString([(4000, 0), (6000, 5000)])},
            {"id": "spring-1", "kind": "spring", "name": "Bulak", "at": Point(1, 1)},
            {"id": "river-1", "kind": "river", "name": "Ak-Sai", "at": Point(1, 1)},
            {"id": "forest-1", "kind": "forest", "name": "Navqarum", "at": Point(1, 1)},
            {"id": "gate-1", "kind": "gate", "name": None, "at": Point(1, 1)},
        ],
        "resource_id",
    )
    services = layer([{"id": "road-1", "kind": "road", "name": "Bulak", "at": LineString([(0, 0), (1, 1)])}], "service_id")
    how = How(
        parties=("Norvia", "Selmar"),
        places=read_gazetteer(settlements),
        points=settlements,
        taxonomy=read_taxonomy(),
        crs=CRS,
        area=(-27.25, 42.86, -26.75, 43.14),
        date_from=date(2023, 10, 1),
        date_to=date(2026, 9, 30),
    )
    return how, Things(resources, services, settlements)


HOW, THINGS = study()
COLUMNS = {"meetings": MEETING_COLUMNS, "concerns": CONCERN_COLUMNS, "actions": ACTION_COLUMNS}
TABLES = {"meetings": tables.MEETINGS, "concerns": tables.CONCERNS, "actions": tables.ACTIONS}


@dataclass
class Lists:
    """Lists of rows, written and read one after the other."""

    folder: Path
    read: dict[str, list[Listed]] = field(default_factory=lambda: {name: [] for name in COLUMNS})

    def add(self, what: str, rows: list[dict[str, Any]], *, columns: tuple[str, ...] = (), **listed: Any) -> Listed:
        name = f"{what}_{len(self.read[what])}"
        path = self.folder / f"{name}.csv"
        header = columns or tuple(dict.fromkeys(name for row in rows for name in row))
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([header, *[[row.get(column, "") for column in header] for row in rows]])
        return self.take(what, path, source=name, **listed)

    def take(self, what: str, path: Path, **listed: Any) -> Listed:
        known: dict[str, Any] = {
            "meetings": {"earlier": self.read["meetings"]},
            "concerns": {"meetings": self.read["meetings"], "things": THINGS},
            "actions": {"meetings": self.read["meetings"], "concerns": self.read["concerns"], "things": THINGS},
        }[what]
        reader: Callable[..., Listed] = {"meetings": read_meetings, "concerns": read_concerns, "actions": read_actions}[what]
        told = reader(path, HOW, file=path.name, **known, **listed)
        tables.check(told.table, TABLES[what])
        self.read[what].append(told)
        return told


@pytest.fixture
def lists(tmp_path: Path) -> Lists:
    return Lists(tmp_path)


@pytest.fixture
def held(lists: Lists) -> Lists:
    """With one meeting of Navqarun."""
    lists.add("meetings", [HELD])
    return lists


def reasons(told: Listed) -> list[tuple[int, str | None, str]]:
    return [tuple(row) for row in filled(told.set_aside[["row", "column", "reason"]])]


def filled(frame: pd.DataFrame) -> list[list[Any]]:
    """The cells of a frame, None where they are empty."""
    return frame.astype(object).where(frame.notna(), None).to_numpy().tolist()


def openly(told: Listed) -> str:
    """All that a list told outside of its free text."""
    return " ".join(
        (
            *(str(cell) for row in filled(told.table) for cell in row),
            *told.notes,
            *told.set_aside["reason"],
            *told.set_aside["advice"],
        )
    )


# What is refused


@pytest.mark.parametrize(
    ("what", "row", "lacking"),
    [
        ("meetings", {"community": "Navqarun", "women": "3"}, "date"),
        ("meetings", {"date": "2025-04-30", "women": "3"}, "community"),
        ("concerns", {"community": "Navqarun", "date": "2025-04-30"}, "category"),
        ("concerns", {"community": "Navqarun", "category": "theft"}, "meeting_id, or community and date"),
        ("actions", {"meeting_id": "1", "who": "police"}, "what"),
        ("actions", {"meeting_id": "1", "what": "patrol"}, "who"),
    ],
)
def test_a_list_without_a_needed_column_is_refused(lists: Lists, what: str, row: dict[str, str], lacking: str) -> None:
    with pytest.raises(RawDataError, match=f"nothing says which column is {lacking}") as refused:
        lists.add(what, [row])
    assert f"[ingest.files.{what}_0.columns]" in str(refused.value)
    assert repr(next(iter(row))) in str(refused.value)


def test_a_name_of_no_column_and_a_word_for_nothing_are_refused_with_the_nearest(lists: Lists) -> None:
    with pytest.raises(RawDataError, match=r"no column 'comunity' to read it into\. Did you mean 'community'"):
        lists.add("meetings", [HELD], columns=("community", "date"), values={"comunity": "Navqarun"})
    with pytest.raises(RawDataError, match=r"no column 'xyz' to read it into\. Names are: meeting_id"):
        lists.add("meetings", [HELD], values={"xyz": "43"})
    with pytest.raises(StudyError, match="translates a word to 'patrole', which no column of actions can say"):
        lists.add("actions", [ACTION], words={"обход": "patrole"})
    with pytest.raises(StudyError, match="translates a word to 'patrol', which no column of meetings can say"):
        lists.add("meetings", [HELD], words={"обход": "patrol"})


def test_a_file_that_is_no_table_is_refused(lists: Lists, tmp_path: Path) -> None:
    (tmp_path / "page.xls").write_text("<html><table><tr><td>community</td></tr></table></html>")
    with pytest.raises(RawDataError, match="a web page"):
        lists.take("meetings", tmp_path / "page.xls", source="page")


# What is set aside


@pytest.mark.parametrize(
    ("change", "column", "reason"),
    [
        ({"community": ""}, "community", "The community is missing."),
        ({"community": "Nowhere"}, "community", "The place 'Nowhere' is not in the list of settlements."),
        ({"community": "Gulvaron"}, "community", "The place 'Gulvaron' can mean Gulvaron (v2) or Gulvaron (v3)."),
        ({"community": "Upland"}, "community", "A whole district is named."),
        ({"date": ""}, "date", "The date is missing."),
        ({"date": "2025-02-31"}, "date", "The calendar has no day '2025-02-31'."),
        ({"date": "2025-04"}, "date", "The date is more than one day."),
        ({"date": "30.04.25"}, "date", "The year in '30.04.25' has two digits, so day, month and year can be confused."),
        ({"date": "03.04.2025"}, "date", "The date 03.04.2025 can be read with the day or the month first."),
        ({"date": "2015-04-30"}, "date", "The date (2015-04-30) lies outside the study period, 2023-10-01 to 2026-09-30."),
        ({"kind": ""}, "kind", "What kind of meeting it was is missing."),
        ({"kind": "wedding"}, "kind", "What kind of meeting it was is not known by this word."),
    ],
)
def test_an_odd_meeting_is_set_aside_with_column_and_reason(
    lists: Lists, change: dict[str, str], column: str, reason: str
) -> None:
    told = lists.add("meetings", [{**HELD, "date": "2025-06-01"}, {**HELD, **change}])
    assert [(row, where, text.replace("'03.04.2025'", "03.04.2025")) for row, where, text in reasons(told)] == [
        (3, column, reason)
    ]
    assert len(told.table) == 1
    assert told.set_aside["advice"].str.len().min() > 10
    assert json.loads(told.set_aside["original"].iloc[0])["community"] == {**HELD, **change}["community"]


def test_two_faults_of_a_row_are_told_together(lists: Lists) -> None:
    told = lists.add("meetings", [{**HELD, "community": "Nowhere", "kind": "wedding"}])
    assert reasons(told)[0][2] == (
        "The place 'Nowhere' is not in the list of settlements. What kind of meeting it was is not known by this word."
    )


def test_a_meeting_is_one_however_often_it_is_listed(lists: Lists) -> None:
    first = lists.add(
        "meetings",
        [
            {**HELD, "meeting_id": "1", "women": "5"},
            {**HELD, "meeting_id": "1", "women": "5"},
            {**HELD, "meeting_id": "2", "women": "6"},
            {**HELD, "meeting_id": "1", "women": "7", "date": "2025-05-30"},
            {**HELD, "meeting_id": "3", "kind": "public council"},
        ],
    )
    assert [(row, text.split(".")[0]) for row, _, text in reasons(first)] == [
        (3, "The row repeats row 2"),
        (4, "This meeting stands in row 2 already"),
        (5, "This identifier stands in row 2 already, with other content"),
    ]
    assert first.table["meeting_id"].tolist() == ["v1-2025-04-30-reporting_day", "v1-2025-04-30-public_council"]
    other = lists.add("meetings", [{**HELD, "meeting_id": "A"}])
    assert [text for *_, text in reasons(other)] == ["This meeting stands in another list already."]
    concern = lists.add("concerns", [{"meeting_id": "A", "category": "theft"}])
    assert concern.table["meeting_id"].tolist() == ["v1-2025-04-30-reporting_day"], "known by both numbers"


@pytest.mark.parametrize(
    ("change", "column", "reason"),
    [
        ({"date": "2025-05-01"}, "date", "The meeting that it is of is not in a list of meetings."),
        ({"community": "Ak-Sai"}, "date", "The meeting that it is of is not in a list of meetings."),
        ({"community": ""}, "community", "The community is missing."),
        ({"meeting_id": "77"}, "meeting_id", "The meeting that it is of is not in a list of meetings."),
        ({"kind": "public council"}, "date", "The meeting that it is of is not in a list of meetings."),
        ({"category": "bad weather"}, "category", "The category 'bad weather' is not known."),
        ({"rank": "-1"}, "rank", "The number of the concern is not one whole number from 1."),
        ({"rank": "0"}, "rank", "The number of the concern is not one whole number from 1."),
    ],
)
def test_an_odd_concern_is_set_aside(held: Lists, change: dict[str, str], column: str, reason: str) -> None:
    told = held.add("concerns", [CONCERN, {**CONCERN, **change}])
    assert reasons(told) == [(3, column, reason)]
    assert told.table["concern_id"].tolist() == ["concerns_0-00002"]


@pytest.mark.parametrize(
    ("change", "column", "reason"),
    [
        ({"date": "2025-05-01"}, "date", "The meeting that it is of is not in a list of meetings."),
        ({"what": "to think"}, "what", "What is to be done is not known by this word."),
        ({"what": ""}, "what", "What is to be done is missing."),
        ({"who": PERSON}, "who", "Who does it is not known by this word."),
        ({"status": "perhaps"}, "status", "How it stands is not known by this word."),
        ({"result": "perhaps"}, "result", "What became of it is not known by this word."),
        (
            {"status": "agreed", "date_done": "2025-06-01"},
            "status",
            "There is a day on which it was done, but the status is another.",
        ),
        ({"rank": "2"}, "rank", "The concern that it answers is not among those of the meeting, or was set aside."),
        ({"rank": "1, 2"}, "rank", "The number of the concern is not one whole number from 1."),
        ({"concern_id": "K9"}, "concern_id", "The concern that it answers is not among those of the meeting, or was set aside."),
    ],
)
def test_an_odd_action_is_set_aside(held: Lists, change: dict[str, str], column: str, reason: str) -> None:
    held.add("concerns", [{**CONCERN, "concern_id": "K1"}])
    told = held.add("actions", [{**ACTION, "rank": "1"}, {**ACTION, **change}])
    assert reasons(told) == [(3, column, reason)]
    assert told.table["concern_id"].tolist() == ["concerns_0-00002"]


def test_who_does_it_is_an_office_and_the_message_does_not_repeat_the_person(held: Lists) -> None:
    told = held.add("actions", [{**ACTION, "who": PERSON}])
    said = " ".join((*told.set_aside["reason"], *told.set_aside["advice"], *told.notes))
    assert "Write the office or body, never a person's name: one of police, local_government" in said
    assert not [word for word in PERSON.split() if word in said]


def test_an_action_that_answers_a_concern_set_aside_is_not_told_without_it(held: Lists) -> None:
    """The concern may have been sealed: kept without it, the action would tell of it."""
    held.add("concerns", [{**CONCERN, "rank": "1"}, {**CONCERN, "category": "something at home", "rank": "2"}])
    told = held.add("actions", [{**ACTION, "rank": "2"}, {**ACTION, "rank": "1"}, {**ACTION, "rank": ""}])
    assert [row for row, *_ in reasons(told)] == [2]
    assert told.table["concern_id"].isna().tolist() == [False, True]


def test_an_action_never_answers_a_concern_of_another_meeting(held: Lists) -> None:
    held.add("meetings", [{**HELD, "date": "2025-07-30"}])
    held.add("concerns", [{**CONCERN, "date": "2025-07-30", "concern_id": "K1"}])
    told = held.add("actions", [{**ACTION, "concern_id": "K1"}, {**ACTION, "rank": "1"}])
    assert len(told.table) == 0
    assert len(told.set_aside) == 2


def test_a_rank_that_two_concerns_have_answers_neither(held: Lists) -> None:
    held.add("concerns", [{**CONCERN, "rank": "1"}, {**CONCERN, "rank": "1", "category": "theft"}])
    told = held.add("actions", [{**ACTION, "rank": "1"}])
    assert reasons(told) == [(2, "rank", "Several concerns of the meeting have this number.")]


def test_rows_that_are_none_are_set_aside(held: Lists) -> None:
    header = dict.fromkeys(CONCERN, "") | {name: name for name in CONCERN}
    told = held.add(
        "concerns", [CONCERN, header, dict.fromkeys(CONCERN, ""), {"community": "Total"}, {**CONCERN, "category": "theft"}]
    )
    assert [row for row, *_ in reasons(told)] == [3, 4, 5]
    assert len(told.table) == 2


# What is read


@pytest.mark.parametrize(
    ("cell", "count"),
    [("12", 12), ("12,0", 12), ("12.0", 12), ("12 (двенадцать)", 12), ("12 чел.", 12), ("12 нафар", 12), ("нет", 0), ("Не", 0),
     ("жок", 0), ("yoʻq", 0), ("none", 0), ("0", 0), ("", None), ("-", None), ("—", None)],
)  # fmt: skip
def test_a_count_is_read_as_people_write_it(lists: Lists, cell: str, count: int | None) -> None:
    told = lists.add("meetings", [{**HELD, "women": cell, "men": "5"}])
    assert filled(told.table[["women", "men"]]) == [[count, 5]]
    assert told.notes == ("meetings_0: 1 rows read, 1 kept, 0 set aside",)


@pytest.mark.parametrize("cell", ["-3", "12,5", "many", "12 (+3)", "10-15", "123456", "12 Karimov", "≈12"])
def test_a_count_that_is_none_is_left_empty_with_a_note(lists: Lists, cell: str) -> None:
    told = lists.add("meetings", [{**HELD, "women": cell}])
    assert told.table["women"].isna().all()
    assert "meetings_0: 1 counts of women that are none were left empty (row 2)" in told.notes
    assert cell not in " ".join(told.notes)


@pytest.mark.parametrize(
    ("cell", "groups"),
    [("women", "women"), ("women, youth", "women|youth"), ("youth/women", "women|youth"), ("занон", "women"),
     ("Занон ва мардон", "women|men"),
     ("женщины и молодёжь", "women|youth"), ("эркектер, жаштар", "men|youth"), ("ayollar va yoshlar", "women|youth"),
     ("все", "women|men|youth"), ("", None), ("-", None)],
)  # fmt: skip
def test_several_groups_stand_in_a_cell_in_five_languages(held: Lists, cell: str, groups: str | None) -> None:
    told = held.add("concerns", [{**CONCERN, "raised_by": cell}])
    assert filled(told.table[["raised_by"]]) == [[groups]]
    assert len(told.notes) == 2


def test_a_group_that_is_none_is_left_empty_and_does_not_tell_the_others(held: Lists) -> None:
    told = held.add("concerns", [{**CONCERN, "raised_by": "women, elders"}])
    assert told.table["raised_by"].isna().all()
    assert [note for note in told.notes if "raised_by" in note and "row 2" in note]


@pytest.mark.parametrize("language", ["en", "ru", "tg", "ky", "uz"])
def test_every_word_of_every_language_means_what_its_table_says(language: str) -> None:
    every = tomllib.loads((ROOT / "pipelines/tensionmap/ingest/meetings.toml").read_text(encoding="utf-8"))
    wanted = {
        "kind": tables.MEETING_KINDS, "group": (*tables.GROUPS, "everyone"), "what": tables.ACTION_KINDS, "who": tables.OFFICES,
        "status": tables.ACTION_STATES, "result": tables.RESULTS, "count": ("nobody", "people"),
    }  # fmt: skip
    assert {column: tuple(entries) for column, entries in every.items()} == wanted
    for column, entries in every.items():
        for meaning, entry in entries.items():
            assert entry["words"][language], (column, meaning)
            assert {module._meanings(column)[fold(word)] for word in entry["words"][language]} == {meaning}


def test_names_of_meetings_offices_and_results_are_read_in_five_languages(held: Lists) -> None:
    rows = [
        {**ACTION, "what": "таъмир", "who": "ҷамоат", "status": "иҷро шуд", "result": "беҳтар"},
        {**ACTION, "what": "Патрулирование", "who": "участковый", "status": "в работе"},
        {**ACTION, "what": "суу графиги", "who": "суу пайдалануучулар", "status": "макулдашылды"},
        {**ACTION, "what": "taʼmirlash", "who": "mahalla", "status": "bajarildi", "result": "yomonlashdi"},
        {**ACTION, "what": "ашар", "who": "school", "status": "not possible"},
    ]
    told = held.add("actions", rows, words={"ашар": "new_work"})
    assert told.table[["what", "who", "status"]].values.tolist() == [
        ["repair", "local_government", "done"],
        ["patrol", "police", "under_way"],
        ["water_timetable", "water_users", "agreed"],
        ["repair", "local_government", "done"],
        ["new_work", "school", "not_possible"],
    ]
    assert told.table["result"].dropna().tolist() == ["better", "worse"]


def test_a_list_without_kinds_is_of_reporting_days_and_says_so(lists: Lists) -> None:
    told = lists.add("meetings", [{"community": "Navqarun", "date": "2025-04-30"}])
    assert told.table["kind"].tolist() == ["reporting_day"]
    assert "meetings are taken as reporting days" in told.notes[0]
    team = lists.add("meetings", [{"community": "Navqarun", "date": "2025-04-30"}], values={"kind": "community_team"})
    assert team.table["kind"].tolist() == ["community_team"]


def test_a_meeting_is_named_by_number_or_by_community_day_and_kind(lists: Lists) -> None:
    lists.add("meetings", [{**HELD, "meeting_id": "М-1"}, {**HELD, "meeting_id": "М-2", "kind": "public council"}])
    by_id = lists.add("concerns", [{"meeting_id": "м-2", "category": "theft"}, {"meeting_id": "М-1", "category": "theft"}])
    assert [key.rsplit("-", 1)[1] for key in by_id.table["meeting_id"]] == ["public_council", "reporting_day"]
    by_day = lists.add("concerns", [CONCERN, {**CONCERN, "kind": "шӯрои ҷамъиятӣ"}])
    assert reasons(by_day) == [(2, "date", "It can be of several meetings.")]
    assert by_day.table["meeting_id"].tolist() == ["v1-2025-04-30-public_council"]
    odd = lists.add("concerns", [{**CONCERN, "meeting_id": "М-1", "date": "spring", "community": "the club"}])
    assert odd.table["meeting_id"].tolist() == ["v1-2025-04-30-reporting_day"], "an odd date beside the number does no harm"
    clash = lists.add("concerns", [{**CONCERN, "meeting_id": "М-1", "community": "Ak-Sai"}])
    assert reasons(clash) == [(2, "meeting_id", "The meeting that it is of is not in a list of meetings.")]


def test_a_number_that_two_lists_use_is_of_neither_unless_the_place_is_named(lists: Lists) -> None:
    lists.add("meetings", [{**HELD, "meeting_id": "1"}])
    lists.add("meetings", [{**HELD, "meeting_id": "1", "community": "Ak-Sai"}])
    rows = [
        {"meeting_id": "1", "category": "theft"},
        {"meeting_id": "1", "category": "theft", "community": "Ak-Sai", "date": "2025-04-30"},
    ]
    told = lists.add("concerns", rows)
    assert reasons(told) == [(2, "meeting_id", "It can be of several meetings.")]
    assert told.table["meeting_id"].tolist() == ["v4-2025-04-30-reporting_day"]


def test_concerns_without_a_rank_are_numbered_as_they_are_listed_even_past_one_set_aside(held: Lists) -> None:
    rows = [{**CONCERN, "category": word} for word in ("theft", "bad weather", "pasture")]
    told = held.add("concerns", rows)
    assert told.table[["category", "rank"]].values.tolist() == [["theft", 1], ["pasture_dispute", 3]]
    assert "numbered in the order of the list (row 2, 4)" in told.notes[0]
    given = held.add(
        "concerns",
        [{**CONCERN, "rank": cell, "category": word} for cell, word in (("№ 2", "theft"), ("1.", "land"), ("", "drugs"))],
    )
    assert given.table[["category", "rank", "tier"]].values.tolist() == [
        ["theft", 2, "B"],
        ["land_dispute", 1, "B"],
        ["drugs", 3, "A"],
    ]


@pytest.mark.parametrize(
    ("cell", "place_id"),
    [
        ("Навқарун", "v1"),
        ("с. Navqarun", "v1"),
        ("Navqaruun", "v1"),
        ("Навкарум", "forest-1"),
        ("RIGHT CANAL", "canal-1"),
        ("right  canal", "canal-1"),
        ("canal-2", "canal-2"),
        ("v3", "v3"),
        ("gate-1", "gate-1"),
        ("Ак-Сай", "v4"),
        ("Bulak", None),
        ("Gulvaron", None),
        ("by the mill", None),
        ("Upland", "d1"),
        ("", None),
    ],
)
def test_a_place_is_a_settlement_or_the_nearest_thing_of_its_name(held: Lists, cell: str, place_id: str | None) -> None:
    told = held.add("concerns", [{**CONCERN, "place": cell}])
    assert filled(told.table[["place_id"]]) == [[place_id]]
    assert any("were left empty (row 2)" in note for note in told.notes) == bool(cell and not place_id)
    assert [question.name for question in told.doubtful] == (["Gulvaron"] if cell == "Gulvaron" else [])


def test_of_a_canal_in_pieces_the_one_nearest_to_the_community_is_meant(held: Lists) -> None:
    held.add("meetings", [{**HELD, "community": "Ak-Sai"}])
    told = held.add("concerns", [{**CONCERN, "place": "Right canal", "community": name} for name in ("Navqarun", "Ak-Sai")])
    assert told.table["place_id"].tolist() == ["canal-1", "canal-2"]


def test_dates_before_the_meeting_or_without_sense_are_left_empty_with_a_note(held: Lists) -> None:
    rows = [
        {**ACTION, "date_due": "2025-06", "status": "done", "date_done": "30 июня 2025 г."},
        {**ACTION, "date_due": "2025-04-29", "status": "done", "date_done": "2025-01-05"},
        {**ACTION, "date_due": "soon", "status": "agreed", "date_done": ""},
        {**ACTION, "date_due": "2099-01-01", "status": "", "date_done": "2025-05-01"},
        {**ACTION, "date_due": "01.06.25", "status": "", "date_done": ""},
    ]
    told = held.add("actions", rows)
    dates = told.table[["date_due", "date_done"]].astype("str").where(told.table[["date_due", "date_done"]].notna(), "")
    assert dates.values.tolist() == [["2025-06-30", "2025-06-30"], ["", ""], ["", ""], ["", "2025-05-01"], ["", ""]]
    assert told.table["status"].tolist() == ["done", "done", "agreed", "done", "agreed"]
    notes = " ".join(told.notes)
    assert "4 dates of date_due that are none, or lie before the meeting or far away, were left empty (row 3, 4, 5, 6)" in notes
    assert "1 dates of date_done that are none, or lie before the meeting or far away, were left empty (row 3)" in notes
    assert "2 actions without a status were taken as done if there is a day, else as agreed (row 5, 6)" in notes


def test_two_digit_years_are_read_where_the_study_names_them(lists: Lists) -> None:
    told = lists.add("meetings", [{**HELD, "date": "30.04.25"}], date_format="%d.%m.%y")
    assert told.table["date_held"].astype("str").tolist() == ["2025-04-30"]


def test_what_became_of_an_action_that_is_not_done_is_left_out(held: Lists) -> None:
    told = held.add(
        "actions", [{**ACTION, "status": "under way", "result": "better"}, {**ACTION, "status": "done", "result": "better"}]
    )
    assert told.table["result"].notna().tolist() == [False, True]
    assert "1 results of actions that are not done were left out (row 2)" in " ".join(told.notes)


def test_a_workbook_with_titles_dates_and_day_numbers_is_read(lists: Lists, tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    rows = [
        ["Вохӯриҳо, 2025"], [], ["Деҳа", "Сана", "Занон", "Қарор", "То", "Кай", "Корҳо", "Кӣ"],
        ["Навқарун", date(2025, 4, 30), "12 (дувоздаҳ)", "", "", "", "", ""],
        ["Навқарун", 45838, 3, "", "", "", "", ""],
        ["НАВКАРУН", "01.08.2025", None, "", "", "", "", ""],
    ]  # fmt: skip
    for row in rows:
        sheet.append(row)
    sheet.merge_cells("A1:H1")
    book.save(tmp_path / "list.xlsx")
    columns = {"community": "Деҳа", "date": "Сана", "women": "Занон"}
    told = lists.take("meetings", tmp_path / "list.xlsx", source="office", columns=columns, date_format="%d.%m.%Y")
    assert told.table["date_held"].astype("str").tolist() == ["2025-04-30", "2025-06-30", "2025-08-01"]
    assert told.table["women"].fillna(-1).tolist() == [12, 3, -1]
    acts = Workbook()
    acts.active.append(["Деҳа", "Сана", "Корҳо", "Кӣ", "То", "Кай"])
    acts.active.append(["Навқарун", date(2025, 4, 30), "таъмир", "сокинон", 45838, date(2025, 6, 1)])
    acts.save(tmp_path / "acts.xlsx")
    columns = {"community": "Деҳа", "date": "Сана", "what": "Корҳо", "who": "Кӣ", "date_due": "То", "date_done": "Кай"}
    told = lists.take("actions", tmp_path / "acts.xlsx", source="acts", columns=columns)
    assert told.table[["date_due", "date_done"]].astype("str").values.tolist() == [["2025-06-30", "2025-06-01"]]


def test_an_old_russian_csv_with_semicolons_is_read(held: Lists, tmp_path: Path) -> None:
    text = 'Село;Встреча;№;Что;Кто;Заметка\r\nНавкарун;30.04.2025;1,0;"поливная вода";"женщины; молодёжь";"Со слов: да"\r\n'
    (tmp_path / "old.csv").write_bytes(text.encode("cp1251"))
    columns = {"community": "Село", "date": "Встреча", "rank": "№", "category": "Что", "raised_by": "Кто", "note": "Заметка"}
    told = held.take("concerns", tmp_path / "old.csv", source="old", columns=columns, date_format="%d.%m.%Y")
    assert told.table[["rank", "category", "raised_by"]].values.tolist() == [[1, "irrigation_dispute", "women|youth"]]
    assert told.private_text.values.tolist() == [["old-00002", "Со слов: да"]]
    assert any("read as cp1251" in note for note in told.notes)


def test_a_list_with_a_header_alone_is_empty(lists: Lists) -> None:
    told = lists.add("meetings", [], columns=("community", "date"))
    assert (len(told.table), len(told.set_aside)) == (0, 0)
    assert len(lists.add("concerns", [], columns=("community", "date", "category")).table) == 0
    assert len(lists.add("actions", [], columns=("meeting_id", "what", "who")).table) == 0


def test_the_readers_are_registered_and_need_no_reporter() -> None:
    assert set(MEETING_READERS) < set(READERS)
    fields = {"name": "m", "file": "m.csv", "sha256": "0" * 64, "publisher": "p", "licence": "l", "retrieved": date(2026, 1, 1)}
    for reader in MEETING_READERS:
        assert make_source({**fields, "reader": reader}).reported_by is None


# What always holds

_CELLS = st.sampled_from(
    ["", "-", "1", "2", "-3", "12 (двенадцать)", "нет", "Navqarun", "Навқарун", "Gulvaron", "Upland", "2025-04-30", "30.04.25",
     "spring", "theft", "насилие в семье", "repair", "police", "done", "agreed", "better", "women", "все", PERSON, "\u200b",
     "=1+1", "Right canal", "reporting day", "М-1", "<b>", "9" * 40]
)  # fmt: skip


@st.composite
def _odd_rows(draw: st.DrawFn, columns: tuple[str, ...], sound: dict[str, str]) -> list[dict[str, str]]:
    rows = []
    for _ in range(draw(st.integers(0, 6))):
        changed = draw(st.dictionaries(st.sampled_from(columns), _CELLS, max_size=5))
        rows.append({**sound, **changed})
    return rows


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    _odd_rows(MEETING_COLUMNS, {**HELD, "meeting_id": "М-1", "women": "4"}),
    _odd_rows(CONCERN_COLUMNS, {**CONCERN, "note": PERSON, "raised_by": "women"}),
    _odd_rows(ACTION_COLUMNS, {**ACTION, "agreed": f"{PERSON} will do it", "text": "Тел. +992 90 000 00 00"}),
)
def test_every_row_is_kept_or_set_aside_and_no_name_reaches_a_table(
    tmp_path: Path, meetings: list[dict[str, str]], concerns: list[dict[str, str]], actions: list[dict[str, str]]
) -> None:
    lists = Lists(tmp_path)
    for what, rows in (("meetings", meetings), ("concerns", concerns), ("actions", actions)):
        told = lists.add(what, rows, columns=COLUMNS[what])
        read = len(rows) - _empty_at_the_end(rows)
        assert len(told.table) + len(told.set_aside) == read
        assert set(told.private_text["incident_id"]) <= set(told.table.iloc[:, 0])
        said = openly(told).replace(repr(PERSON), "")  # a place that nobody knows is quoted, to be found
        assert not [word for word in (*PERSON.split()[1:], "+992") if word in said]


def _empty_at_the_end(rows: list[dict[str, str]]) -> int:
    count = 0
    for row in reversed(rows):
        if any(row.values()):
            break
        count += 1
    return count


def test_the_free_text_goes_to_private_text_with_the_key_of_its_row(lists: Lists) -> None:
    told = lists.add(
        "meetings",
        [{**HELD, "text": "one", "note": "two"}, {**HELD, "date": "2025-05-30"}, {**HELD, "date": "x", "text": "lost"}],
    )
    assert told.private_text.values.tolist() == [["v1-2025-04-30-reporting_day", "one\ntwo"]]
    tables.check(told.private_text, tables.PRIVATE_TEXT)


# The example


@pytest.fixture(scope="module")
def example() -> tuple[dict[str, Listed], dict[str, Any]]:
    study = read_study(ROOT / "study.toml")
    sources = {s["name"]: s["file"] for s in tomllib.loads((RAW / "sources.toml").read_text(encoding="utf-8"))["source"]}
    places: dict[str, Any] = {"crs": study.ingest.crs, "area": study.ingest.area}
    layers = [
        read(RAW / sources[name], source=name, file=sources[name], **places).table
        for name, read in (("settlements", read_settlements), ("resources", read_resources), ("services", read_services))
    ]
    how = How(
        parties=study.parties,
        places=read_gazetteer(layers[0]),
        points=layers[0],
        taxonomy=read_taxonomy(),
        date_from=study.ingest.date_from,
        date_to=study.ingest.date_to,
        **places,
    )
    things = Things(layers[1], layers[2], layers[0])
    found: dict[str, Listed] = {}
    readers: dict[str, Callable[..., Listed]] = {"meetings": read_meetings, "concerns": read_concerns, "actions": read_actions}
    for name, read_list in readers.items():
        known: dict[str, Any] = {before: [listed] for before, listed in found.items()} | ({"things": things} if found else {})
        reading = study.ingest.files[name].model_dump(include={"sheet", "columns", "values", "words", "date_format"})
        found[name] = read_list(RAW / sources[name], how, source=name, file=sources[name], **known, **reading)
    return found, json.loads((RAW / "truth.json").read_text(encoding="utf-8"))


def test_every_planted_fault_of_the_example_is_set_aside_and_nothing_else_is(
    example: tuple[dict[str, Listed], dict[str, Any]],
) -> None:
    found, truth = example
    aside = {(name, int(row)) for name, told in found.items() for row in told.set_aside["row"]}
    assert aside == {(fault["source"], fault["row"]) for fault in truth["meetings_broken"]}
    for name, rows in truth["meetings"]["rows"].items():
        assert len(found[name].table) + len(found[name].set_aside) == rows


def test_every_planted_oddity_of_the_example_costs_a_cell_and_is_told(example: tuple[dict[str, Listed], dict[str, Any]]) -> None:
    found, truth = example
    about = Counter(
        (name, note.split("(row ")[1].rstrip(")")) for name, told in found.items() for note in told.notes if "(row " in note
    )
    assert about == Counter((one["source"], str(one["row"])) for one in truth["meetings_odd"])


def test_the_example_is_understood_as_it_was_meant(example: tuple[dict[str, Listed], dict[str, Any]]) -> None:
    found, truth = example
    meant = {(one["source"], one["row"]): one for one in truth["meetings_meant"]}
    odd = {(one["source"], one["row"]): one["kind"] for one in truth["meetings_odd"]}
    held = found["meetings"].table.set_index("meeting_id")
    categories = found["concerns"].table.set_index("concern_id")["category"]
    assert set(held.index) == {
        f"{m['settlement_id']}-{m['day']}-{m['kind']}" for (name, _), m in meant.items() if name == "meetings"
    }
    for name in ("concerns", "actions"):
        assert len(found[name].table) == sum(source == name for source, _ in meant)
        table = found[name].table
        for row in table.astype(object).where(table.notna(), "").itertuples(index=False):
            number = int(row[0].removeprefix(f"{name}-"))
            one = meant[name, number]
            assert row.meeting_id == f"{one['settlement_id']}-{one['day']}-{one['kind']}"
            if name == "concerns":
                assert (row.rank, row.category) == (one["rank"], one["category"])
                assert row.raised_by == one["raised_by"] or odd[name, number] == "unknown_group"
                assert row.place_id == one["place_id"] or odd[name, number] == "unknown_place"
            else:
                assert (row.what, row.who, row.status, row.result) == (one["what"], one["who"], one["status"], one["result"])
                assert (categories[row.concern_id] if row.concern_id else "") == one["answers"]


def test_no_name_or_number_of_the_example_reaches_its_tables(example: tuple[dict[str, Listed], dict[str, Any]]) -> None:
    found, truth = example
    private = [*truth["private"]["words"], *truth["private"]["phones"], *truth["private"]["phone_digits"]]
    texts = " ".join(text for told in found.values() for text in told.private_text["text_private"])
    assert sum(name in texts for name in truth["private"]["names"]) > 100
    for told in found.values():
        said = openly(told)
        assert not [word for word in private if word in said]


def test_villages_of_both_sides_raise_the_same_concern_in_the_same_quarter(
    example: tuple[dict[str, Listed], dict[str, Any]],
) -> None:
    found, truth = example
    pair = truth["meetings"]["pair"]
    both = found["concerns"].table.merge(found["meetings"].table, on="meeting_id")
    quarter = both["date_held"].dt.to_period("Q").astype("str")
    same = both[(quarter == pair["quarter"]) & (both["place_id"] == pair["place_id"]) & (both["rank"] == 1)]
    assert set(pair["settlements"]) <= set(same["settlement_id"])
    assert {truth["sides"][one] for one in pair["settlements"]} == {"Norvia", "Selmar"}
    assert set(same["category"]) == {"irrigation_dispute"}
