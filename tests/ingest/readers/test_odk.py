from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tensionmap.errors import RawDataError

ANSWER = {
    "SubmissionDate": "2025-04-30T10:05:00.000Z",
    "meta-instanceID": "uuid:edit-3",
    "report-date": "2025-04-30",
    "report-category": "theft",
    "report-place": "Sarguno",
    "report-location-Latitude": "43.01",
    "report-location-Longitude": "-27.02",
    "report-location-Altitude": "900",
    "report-location-Accuracy": "4.5",
    "story": "told",
    "KEY": "uuid:1",
    "SubmitterID": "5",
    "SubmitterName": "Volunteer",
    "AttachmentsPresent": "0",
    "AttachmentsExpected": "0",
    "Status": "",
    "ReviewState": "",
    "DeviceID": "",
    "Edits": "0",
    "FormVersion": "1",
}
"""Headers as in the tests of ODK Central's server (briefcase.js, submissions.js)."""
REPEAT = ["animal", "date", "PARENT_KEY", "KEY"]


def rows(*answers: dict[str, str]) -> list[list[str]]:
    return [list(ANSWER), *(list({**ANSWER, "KEY": f"uuid:{n}", **answer}.values()) for n, answer in enumerate(answers))]


def service(**more: Any) -> dict[str, Any]:
    system = {"submissionDate": "2025-04-30T10:05:00.000Z", "updatedAt": None, "submitterId": "5", "status": None}
    return {
        "__id": "uuid:1",
        "__system": {**system, "reviewState": None, "deletedAt": None, **more.pop("system", {})},
        "meta": {"instanceID": "uuid:1"},
        "report": {
            "date": "2025-04-30",
            "category": "theft",
            "location": {"type": "Point", "coordinates": [-27.02, 43.01, 900], "properties": {"accuracy": 4.5}},
            **more.pop("report", {}),
        },
        **more,
    }


def reasons(draft: Any) -> dict[int, str]:
    return dict(zip(draft.set_aside["row"], draft.set_aside["reason"], strict=True))


def test_refuses_what_is_no_export_of_odk_central(read: Any, write: Any) -> None:
    with pytest.raises(RawDataError, match=r"o\.csv is no export of ODK Central: no row has the headers KEY and SubmissionDate"):
        read("odk", write("o.csv", [["date", "category", "place"], ["2025-04-30", "theft", "A"]]))


def test_refuses_a_repeated_group_that_does_not_say_when_or_what(read: Any, write: Any) -> None:
    path = write("o-animals.csv", [REPEAT, ["cow", "2025-04-30", "uuid:1", "uuid:1/animals[1]"]])
    with pytest.raises(
        RawDataError, match=r"table of a repeated group, and nothing in it says category of a report\. Give the file"
    ):
        read("odk", path)


def test_refuses_a_point_that_is_not_there(read: Any, write: Any) -> None:
    path = write("o.csv", rows({}))
    with pytest.raises(RawDataError, match=r"no point 'report-where'\. Points of the file are: 'report-location'\."):
        read("odk", path, columns={"location": "report-where"})


def test_refuses_a_question_that_is_not_there(read: Any, write: Any) -> None:
    with pytest.raises(RawDataError, match="there is no column 'stori'"):
        read("odk", write("o.csv", rows({})), columns={"text": "stori"})


def test_reads_a_submission(read: Any, write: Any, sniff: Any) -> None:
    path = write("o.csv", rows({}))
    assert sniff(path) == "odk"
    draft = read("odk", path, columns={"text": "story"})
    assert {name: cell for name, cell in draft.table.loc[2].to_dict().items() if cell} == {
        "record_id": "uuid:0",
        "date": "2025-04-30",
        "date_reported": "2025-04-30T10:05:00.000Z",
        "category": "theft",
        "place": "Sarguno",
        "latitude": "43.01",
        "longitude": "-27.02",
        "precision_m": "4.5",
        "text": "told",
    }
    assert draft.headers["precision_m"] == "report-location-Accuracy"


def test_a_day_of_reporting_that_the_form_or_the_study_names_comes_first(read: Any, write: Any) -> None:
    lines = rows({}, {})
    asked = write(
        "o.csv", [[*lines[0], "report-date_reported", "seen"], *([*line, "2025-05-02", "2025-05-03"] for line in lines[1:])]
    )
    assert read("odk", asked).table["date_reported"].to_list() == ["2025-05-02"] * 2
    assert read("odk", asked, columns={"date_reported": "seen"}).table["date_reported"].to_list() == ["2025-05-03"] * 2
    assert read("odk", asked, values={"date_reported": "2025-06"}).table["date_reported"].to_list() == ["2025-06"] * 2


def test_sets_aside_by_the_state_of_review(read: Any, write: Any) -> None:
    states = ["", "approved", "edited", "hasIssues", "rejected", "received", "abgelehnt"]
    draft = read("odk", write("o.csv", rows(*({"ReviewState": state} for state in states))))
    assert list(draft.table.index) == [2, 3, 4, 7]
    assert reasons(draft) == {
        5: "The submission has issues.",
        6: "The submission was rejected.",
        8: "The state of its review is a word that is not known here.",
    }


def test_sets_aside_what_is_encrypted(read: Any, write: Any) -> None:
    blank = dict.fromkeys([header for header in ANSWER if header.startswith("report")], "")
    draft = read("odk", write("o.csv", rows({"Status": "not decrypted", **blank}, {"Status": "missing encrypted form data"}, {})))
    assert list(draft.table.index) == [4]
    assert set(draft.set_aside["reason"]) == {"The submission is encrypted."}


def test_an_accuracy_of_zero_is_none(read: Any, write: Any) -> None:
    table = read("odk", write("o.csv", rows(*({"report-location-Accuracy": metres} for metres in ("0", "0.0", "0.5", ""))))).table
    assert table["precision_m"].to_list() == ["", "", "0.5", ""]


def test_several_ticked_answers_are_set_aside(read: Any, write: Any) -> None:
    headers = ["SubmissionDate", "date", "category", "category/theft", "category/fight", "about", "about/road", "KEY"]
    lines = [
        ["x", "2025-04-30", "theft fight", "1", "1", "road", "1", "uuid:1"],
        ["x", "2025-04-30", "fight", "0", "1", "", "0", "uuid:2"],
        ["x", "2025-04-30", "", "0", "0", "", "0", "uuid:3"],
    ]
    draft = read("odk", write("o.csv", [headers, *lines]), columns={"resource": "about"})
    assert draft.table["category"].to_dict() == {3: "fight", 4: ""}
    assert reasons(draft) == {2: "Several answers are ticked for one report (category)."}
    assert set(draft.set_aside["column"]) == {"category"}


def test_reads_what_the_service_gives(read: Any, write: Any, sniff: Any) -> None:
    answers = [
        service(story="told"),
        service(__id="uuid:2", report={"location": None}),
        service(__id="uuid:3", system={"reviewState": "rejected"}),
        service(__id="uuid:4", system={"deletedAt": "2025-05-01T00:00:00Z"}),
        service(__id="uuid:5", system={"status": "notDecrypted"}),
        service(__id="uuid:6", report={"location": {"type": "Point", "coordinates": [-27, 43], "properties": {"accuracy": 0}}}),
    ]
    path = write("o.json", {"@odata.context": "...", "value": answers})
    assert sniff(path) == "odk"
    draft = read("odk", path, columns={"text": "story"})
    assert draft.table["date_reported"].to_list() == ["2025-04-30T10:05:00.000Z"] * 3
    assert draft.headers["date_reported"] == "__system/submissionDate"
    columns = ["record_id", "date", "category", "latitude", "longitude", "precision_m", "text"]
    assert draft.table[columns].to_numpy().tolist() == [
        ["uuid:1", "2025-04-30", "theft", "43.01", "-27.02", "4.5", "told"],
        ["uuid:2", "2025-04-30", "theft", "", "", "", ""],
        ["uuid:6", "2025-04-30", "theft", "43", "-27", "", ""],
    ]
    assert reasons(draft) == {
        4: "The submission was rejected.",
        5: "The submission was deleted.",
        6: "The submission is encrypted.",
    }


def test_reads_points_written_as_text(read: Any, write: Any) -> None:
    answers = [service(report={"location": text}) for text in ("POINT (-27.02 43.01 900)", "POINT(-27.02 43.01)", None, "here")]
    table = read("odk", write("o.json", {"value": answers})).table
    assert table["longitude"].to_list() == ["-27.02", "-27.02", "", "here"]
    assert table["latitude"].to_list() == ["43.01", "43.01", "", ""]


def test_a_cell_that_is_called_like_a_column_is_no_header(read: Any, write: Any) -> None:
    answers = [service(report={"category": "place", "kind": "district"}), service(report={"category": "text", "kind": "place"})]
    assert read("odk", write("o.json", {"value": answers})).table["category"].to_list() == ["place", "text"]


def test_reads_a_repeated_group_that_says_when_and_what(read: Any, write: Any, sniff: Any) -> None:
    path = write("o-animals.csv", [REPEAT, ["cow", "2025-04-30", "uuid:1", "uuid:1/animals[1]"]])
    draft = read("odk", path, values={"category": "livestock_theft"})
    assert sniff(path) == "odk"
    assert draft.table.loc[2, ["record_id", "date", "category"]].to_list() == [
        "uuid:1/animals[1]",
        "2025-04-30",
        "livestock_theft",
    ]
    assert draft.table["date_reported"].to_list() == [""]
    assert draft.notes == (
        "o-animals.csv is a repeated group: it does not say which submissions were rejected; look them up in ODK Central",
    )
    nested = write(
        "o-animals.json", {"value": [{"__id": "a", "__Submissions-id": "uuid:1", "date": "2025-04-30", "category": "x"}]}
    )
    assert sniff(nested) == "odk"
    assert read("odk", nested).table["record_id"].to_list() == ["a"]


cells = st.one_of(
    st.sampled_from(["", "0", "1", "rejected", "POINT (", "43.01 -27", "uuid:0", "date"]), st.text("a1;,\"' -.я", max_size=8)
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(answers=st.lists(st.lists(cells, min_size=len(ANSWER), max_size=len(ANSWER)), min_size=1, max_size=6))
def test_no_cell_does_any_harm_and_no_row_is_lost(read: Any, write: Any, answers: list[list[str]]) -> None:
    lines = [*rows({}), *answers, *rows({})[1:]]
    draft = read("odk", write("o.csv", lines))
    assert len(draft.table) + len(draft.set_aside) == len(lines) - 1
