import csv
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tensionmap.errors import RawDataError
from tensionmap.ingest.dates import parse_date

ANSWER = {
    "start": "2025-04-30T10:00:00.000+05:00",
    "g/date": "2025-04-30",
    "g/category": "theft",
    "g/place": "Sarguno",
    "g/location": "43.01 -27.02 900 4.5",
    "g/_location_latitude": "43.01",
    "g/_location_longitude": "-27.02",
    "g/_location_altitude": "900",
    "g/_location_precision": "4.5",
    "story": "told",
    "_id": "700",
    "_uuid": "u0",
    "_submission_time": "2025-04-30T10:05:00",
    "_validation_status": "",
    "_notes": "",
    "_status": "submitted_via_web",
    "_submitted_by": "volunteer",
    "__version__": "v1",
    "_tags": "",
    "_index": "1",
}
FORM: list[list[Any]] = [
    [
        "date",
        "Село",
        "_location_latitude",
        "_location_longitude",
        "location",
        "_id",
        "_uuid",
        "_submission_time",
        "_validation_status",
        "_index",
    ],
    ["2025-04-30", "Sarguno", "43.01", "-27.02", "43.01 -27.02 0 0", 700, "u0", "t", "validation_status_approved", 1],
    ["2025-05-01", "Kudo", "", "", "", 701, "u1", "t", "validation_status_not_approved", 2],
    ["2025-05-02", "Sarguno", "", "", "", 702, "u2", "t", "", 3],
]
CASES: list[list[Any]] = [
    ["category", "text", "_index", "_parent_table_name", "_parent_index", "_submission__id", "_submission__uuid"],
    ["theft", "a", 1, "Reports of the valley", 1, 700, "u0"],
    ["fight", "b", 2, "Reports of the valley", 1, 700, "u0"],
    ["fight", "c", 3, "Reports of the valley", 2, 701, "u1"],
    ["fraud", "d", 4, "Reports of the valley", 3, 702, "u2"],
    ["fraud", "e", 5, "Reports of the valley", 9, 709, "u9"],
]


def rows(*answers: dict[str, str], without: tuple[str, ...] = ()) -> list[list[str]]:
    headers = [
        header for header in dict.fromkeys([*ANSWER, *(name for answer in answers for name in answer)]) if header not in without
    ]
    whole = [{**ANSWER, "_id": str(700 + n), "_uuid": f"u{n}", **answer} for n, answer in enumerate(answers)]
    return [headers, *([answer.get(header, "") for header in headers] for answer in whole)]


def reasons(draft: Any) -> dict[int, str]:
    return dict(zip(draft.set_aside["row"], draft.set_aside["reason"], strict=True))


def test_refuses_a_question_that_is_not_there(read: Any, write: Any) -> None:
    with pytest.raises(RawDataError, match=r"there is no column 'g/wher'\. The nearest is 'g/where'"):
        read("kobo", write("k.csv", rows({"g/where": ""})), columns={"location": "g/wher"})


def test_refuses_a_repeated_group_whose_form_is_not_in_the_file(read: Any, write: Any) -> None:
    path = write("k.xlsx", sheets={"cases": CASES, "other": [["a"], ["b"]]})
    with pytest.raises(
        RawDataError, match="the sheet 'Reports of the valley', to which the rows of this group belong, is not there"
    ):
        read("kobo", path, sheet="cases")


@pytest.mark.parametrize("separator", [";", ","])
def test_reads_an_answer(read: Any, write: Any, separator: str, sniff: Any) -> None:
    path = write("k.csv", rows({}), separator=separator)
    assert sniff(path) == "kobo"
    draft = read("kobo", path, columns={"text": "story"})
    assert {name: cell for name, cell in draft.table.loc[2].to_dict().items() if cell} == {
        "record_id": "700",
        "date": "2025-04-30",
        "date_reported": "2025-04-30T10:05:00Z",
        "category": "theft",
        "place": "Sarguno",
        "latitude": "43.01",
        "longitude": "-27.02",
        "precision_m": "4.5",
        "text": "told",
    }


def test_the_record_stays_when_an_answer_is_edited(read: Any, write: Any) -> None:
    roots = rows({"meta/rootUuid": "uuid:r0"}, {"meta/rootUuid": ""}, {"meta/rootUuid": "", "_id": ""})
    assert read("kobo", write("k.csv", roots)).table["record_id"].to_list() == ["uuid:r0", "701", "u2"]
    assert read("kobo", write("l.csv", rows({}, without=("_id",)))).table["record_id"].to_list() == ["u0"]
    own = read("kobo", write("m.csv", roots), columns={"record_id": "_uuid"})
    assert own.table["record_id"].to_list() == ["u0", "u1", "u2"]


def test_it_was_reported_when_the_server_received_it_which_writes_utc(read: Any, write: Any) -> None:
    cells = ("2025-04-30T22:05:00", "2025-04-30 22:05:00.123", "2025-04-30T22:05:00+05:00", "2025-04-30", "t", "")
    draft = read("kobo", write("k.csv", rows(*({"_submission_time": cell} for cell in cells))))
    assert draft.table["date_reported"].to_list() == [f"{cells[0]}Z", f"{cells[1]}Z", *cells[2:]]
    assert draft.headers["date_reported"] == "_submission_time"
    sheet = write("k.xlsx", rows({"_submission_time": datetime(2025, 4, 30, 22, 5, 7)}))
    assert parse_date(read("kobo", sheet).table["date_reported"].item(), timezone="Asia/Dushanbe").start == date(2025, 5, 1)
    without = read("kobo", write("l.csv", rows({}, without=("_submission_time",))), columns={"date": "g/date"})
    assert without.table["date_reported"].to_list() == [""]


def test_a_day_of_reporting_that_the_form_or_the_study_names_comes_first(read: Any, write: Any) -> None:
    asked = write("k.csv", rows({"g/date_reported": "2025-05-02", "seen": "2025-05-03"}))
    assert read("kobo", asked).table["date_reported"].to_list() == ["2025-05-02"]
    assert read("kobo", asked, columns={"date_reported": "seen"}).table["date_reported"].to_list() == ["2025-05-03"]
    assert read("kobo", asked, values={"date_reported": "2025-06"}).table["date_reported"].to_list() == ["2025-06"]


def test_only_what_was_not_refused_counts_in_whatever_language_and_form(read: Any, write: Any) -> None:
    states = {
        "": None,
        "Approved": None,
        "validation_status_approved": None,
        "Одобрено": None,
        "Not approved": "The answer was not approved.",
        "Not Approved": "The answer was not approved.",
        "validation_status_not_approved": "The answer was not approved.",
        "Не одобрено": "The answer was not approved.",
        "On Hold": "The answer is on hold.",
        "validation_status_on_hold": "The answer is on hold.",
        "en attente": "Whether the answer was approved is written in a word that is not known here.",
    }
    draft = read("kobo", write("k.csv", rows(*({"_validation_status": state} for state in states))))
    assert reasons(draft) == {n + 2: reason for n, reason in enumerate(states.values()) if reason}
    assert set(draft.set_aside["column"]) == {"_validation_status"}


def test_reads_what_the_web_service_gives(read: Any, write: Any, sniff: Any) -> None:
    system = {"_id": 7, "_uuid": "u", "_submission_time": "t", "_attachments": [{"id": 1}], "_geolocation": [43.5, -27.5]}
    answers = [
        {**system, "meta/rootUuid": "r1", "g/date": "2025-04-30", "g/category": "theft", "g/location": "43.01 -27.02 0 4.5"},
        {**system, "meta/rootUuid": "r2", "g/date": "2025-04-30", "g/category": "theft", "_geolocation": [None, None]},
        {**system, "meta/rootUuid": "r3", "g/date": "x", "g/category": "theft", "_validation_status": {}},
        {
            **system,
            "meta/rootUuid": "r4",
            "_validation_status": {"uid": "validation_status_not_approved", "label": "Не одобрено"},
        },
    ]
    path = write("k.json", {"count": 4, "next": None, "results": answers})
    assert sniff(path) == "kobo"
    draft = read("kobo", path)
    assert draft.table["record_id"].to_list() == ["r1", "r2", "r3"]
    assert draft.table["latitude"].to_list() == ["43.01", "", ""], "where the form was filled in is not where it happened"
    assert reasons(draft) == {5: "The answer was not approved."}


def test_headers_may_be_labels_in_any_language(read: Any, write: Any) -> None:
    labels = {
        "Дата": "2025-04-30",
        "Что/Вид происшествия": "кража",
        "Где? село/улица": "43.01 -27.02 0 0",
        "_Где? село/улица_latitude": "43.01",
        "_Где? село/улица_longitude": "-27.02",
        "_Где? село/улица_precision": "12",
        "Ҷой": "Сарғуно",
        "_uuid": "u0",
        "_submission_time": "t",
    }
    columns = {"date": "Дата", "category": "Что/Вид происшествия", "location": "Где? село/улица", "place": "Ҷой"}
    draft = read("kobo", write("k.csv", [list(labels), list(labels.values())], separator=";"), columns=columns)
    assert draft.table.loc[2, ["date", "category", "latitude", "longitude", "precision_m", "place"]].to_list() == [
        *("2025-04-30", "кража", "43.01", "-27.02", "12", "Сарғуно")
    ]
    assert draft.headers["latitude"] == "_Где? село/улица_latitude"


def test_a_precision_of_zero_is_none(read: Any, write: Any) -> None:
    metres = ("0", "0.0", "0,00", "3", "")
    answers = ({"g/_location_precision": cell, "g/location": "43.01 -27.02 9 0"} for cell in metres)
    assert read("kobo", write("k.csv", rows(*answers))).table["precision_m"].to_list() == ["", "", "", "3", ""]


def test_several_ticked_answers_are_set_aside(read: Any, write: Any) -> None:
    both = [
        {"g/category": "theft fight", "g/category/theft": "1", "g/category/fight": "1"},
        {"g/category": "fight", "g/category/theft": "0", "g/category/fight": "1"},
        {"g/category": "", "g/category/theft": "", "g/category/fight": ""},
    ]
    draft = read("kobo", write("k.csv", rows(*both)))
    assert draft.table["category"].to_dict() == {3: "fight", 4: ""}
    assert reasons(draft) == {2: "Several answers are ticked for one report (category)."}
    details = read("kobo", write("d.csv", rows(*both, without=("g/category",))))
    assert details.table["category"].to_dict() == {3: "fight", 4: ""}
    assert reasons(details) == reasons(draft)


def test_a_choice_is_no_question(read: Any, write: Any) -> None:
    answers = rows({"g/asked": "place", "g/asked/place": "1", "g/asked/text": "0"}, without=("g/place",))
    draft = read("kobo", write("k.csv", answers))
    assert draft.table.loc[2, ["place", "text"]].to_list() == ["", ""]


def test_the_question_in_the_fewest_groups_comes_first(read: Any, write: Any) -> None:
    bare = rows({"h/i/place": "far", "place": "near", "h/place": "far"})
    grouped = rows({"h/i/place": "far", "h/place": "second", "g/place": "first"})
    assert read("kobo", write("k.csv", bare)).table.loc[2, "place"] == "near"
    assert read("kobo", write("l.csv", grouped)).table.loc[2, "place"] == "first"


def test_rows_of_a_repeated_group_take_what_the_form_around_them_says(read: Any, write: Any) -> None:
    path = write("k.xlsx", sheets={"Reports of the valley": FORM, "cases": CASES})
    draft = read("kobo", path, sheet="cases", columns={"place": "село"})
    columns = ["record_id", "date", "category", "place", "latitude", "precision_m", "text"]
    assert draft.table[columns].to_numpy().tolist() == [
        ["700/1", "2025-04-30", "theft", "Sarguno", "43.01", "", "a"],
        ["700/2", "2025-04-30", "fight", "Sarguno", "43.01", "", "b"],
        ["702/1", "2025-05-02", "fraud", "Sarguno", "", "", "d"],
    ]
    assert draft.headers["place"] == "Село"
    assert draft.table["date_reported"].to_list() == ["t", "t", "t"]
    assert reasons(draft) == {
        4: "The answer was not approved.",
        6: "The answer to which this row of a repeated group belongs is not in the file.",
    }


def test_the_form_itself_is_read_unless_the_study_names_a_group(read: Any, write: Any) -> None:
    path = write("k.xlsx", sheets={"Reports of the valley": FORM, "cases": CASES})
    draft = read("kobo", path, values={"category": "theft"})
    assert draft.sheet == "Reports of the valley"
    assert draft.notes == ("only the sheet 'Reports of the valley' was read, not 'cases'",)


def test_groups_in_groups_and_sheets_with_names_cut_short(read: Any, write: Any) -> None:
    long = "A very long name of a form: reports [of] the valley"
    form = [["date", "_id", "_validation_status", "_index"], ["2025-04-30", 700, "", 1], ["2025-05-01", 701, "On hold", 2]]
    visits = [["place", "_index", "_parent_table_name", "_parent_index"], ["A", 1, long, 1], ["B", 2, long, 1], ["C", 3, long, 2]]
    cases = [
        ["category", "_parent_table_name", "_parent_index"],
        ["theft", "visits", 1],
        ["fight", "visits", 2],
        ["fraud", "visits", 3],
    ]
    cut = "A very long name of a form_ ..."
    path = write("k.xlsx", sheets={cut: form, "visits": visits, "cases": cases})
    draft = read("kobo", path, sheet="cases")
    assert draft.table[["record_id", "date", "place", "category"]].to_numpy().tolist() == [
        ["700/1", "2025-04-30", "A", "theft"],
        ["700/2", "2025-04-30", "B", "fight"],
    ]
    assert reasons(draft) == {4: "The answer is on hold."}


cells = st.one_of(
    st.sampled_from(["", "0", "1", "Approved", "43.01 -27.02", "1 2 3 4 5 6", "None None", "date", "700", "True"]),
    st.text("a1;,\"' -.я", max_size=8),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(answers=st.lists(st.lists(cells, min_size=len(ANSWER) + 2, max_size=len(ANSWER) + 2), min_size=1, max_size=6))
def test_no_cell_does_any_harm_and_no_row_is_lost(read: Any, write: Any, answers: list[list[str]]) -> None:
    sure = rows({"g/category/theft": "1", "g/category/fight": "0"})
    lines = [*sure, *answers, sure[1]]
    draft = read("kobo", write("k.csv", lines))
    assert len(draft.table) + len(draft.set_aside) == len(lines) - 1


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cases=st.lists(st.lists(cells, min_size=len(CASES[0]), max_size=len(CASES[0])), min_size=1, max_size=4))
def test_no_row_of_a_repeated_group_is_lost(read: Any, write: Any, cases: list[list[str]]) -> None:
    lines = [*CASES[:2], *cases, CASES[2]]
    draft = read("kobo", write("k.xlsx", sheets={"Reports of the valley": FORM, "cases": lines}), sheet="cases")
    assert len(draft.table) + len(draft.set_aside) == len(lines) - 1


def test_the_form_of_the_example_study_is_read_whole(read: Any) -> None:
    path = Path(__file__).parents[3] / "data/raw/kobo_community.csv"
    with path.open(encoding="utf-8", newline="") as file:
        answers = sum(1 for _ in csv.reader(file, delimiter=";")) - 1
    draft = read("kobo", path, columns={"location": "report/where"})
    assert len(draft.table) + len(draft.set_aside) == answers
    assert len(draft.table) > 0.9 * answers
