import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tensionmap.errors import RawDataError
from tensionmap.ingest.readers import tfdd
from tensionmap.ingest.taxonomy import read_taxonomy

EVENT = {
    "ID": "1",
    "UNIQUE_ID": "7",
    "DATE": "1999-05-01",
    "DYAD_CODE": "NOR_SEL",
    "BCode": "TWOR",
    "BAR_Scale": "-3.0",
    "EVENT_TYPE": "y",
    "EVENT_SUMMARY": "Norvia stopped the water of the canal.",
    "Issue_Type1": "2.0",
    "Issue_Type2": "9.0",
    "Comments": "",
}
NO_EVENT = "The database itself says that this is no event between states about water."
REPEAT = "The event stands further up: this row is the same event for another pair of states or another basin."


def rows(*events: dict[str, str]) -> list[list[str]]:
    return [list(EVENT), *(list({**EVENT, "UNIQUE_ID": str(n + 1), **event}.values()) for n, event in enumerate(events))]


def reasons(draft: Any) -> dict[int, str]:
    return dict(zip(draft.set_aside["row"], draft.set_aside["reason"], strict=True))


@pytest.mark.parametrize("missing", ["BAR_Scale", "UNIQUE_ID", "DYAD_CODE", "Issue_Type1"])
def test_refuses_a_file_without_a_column_of_the_database(read: Any, write: Any, missing: str) -> None:
    at = list(EVENT).index(missing)
    with pytest.raises(RawDataError, match=f"there is no column '{missing.lower()}'"):
        read("tfdd", write("t.csv", [[*line[:at], *line[at + 1 :]] for line in rows({})]))


def test_sets_aside_what_is_no_event_and_what_has_no_step(read: Any, write: Any) -> None:
    events: tuple[dict[str, str], ...] = (
        {"EVENT_TYPE": "n/a-contextual information"},
        {"BAR_Scale": ""},
        {"BAR_Scale": "0.0"},
        {},
        {"EVENT_TYPE": "ExVar"},
    )
    draft = read("tfdd", write("t.csv", rows(*events)))
    assert list(draft.table.index) == [5, 6]
    assert reasons(draft) == {
        2: NO_EVENT,
        3: "The event has no step on the scale.",
        4: "The event is neutral by the scale: neither dispute nor cooperation.",
    }


def test_an_event_of_many_pairs_of_states_counts_once(read: Any, write: Any) -> None:
    ids = [("7", "-3"), ("8", ""), ("7", "-3"), ("8", "2"), ("", "1"), ("", "1"), ("8", "2")]
    draft = read("tfdd", write("t.csv", rows(*({"UNIQUE_ID": one, "BAR_Scale": step} for one, step in ids))))
    assert draft.table["record_id"].to_dict() == {2: "7", 5: "8", 6: "", 7: ""}
    assert reasons(draft) == {3: "The event has no step on the scale.", 4: REPEAT, 8: REPEAT}


def test_reads_an_event(read: Any, write: Any, sniff: Any) -> None:
    path = write("t.xlsx", rows({}))
    assert sniff(path) == "tfdd"
    table = read("tfdd", path).table
    assert {name: cell for name, cell in table.loc[2].to_dict().items() if cell} == {
        "record_id": "1",
        "date": "1999-05-01",
        "severity": "-3.0",
        "category": "irrigation_dispute",
        "resource": "irrigation",
        "text": "Norvia stopped the water of the canal.",
    }


@pytest.mark.parametrize(
    ("step", "kind", "category"),
    [
        *((str(step), "y", "armed_clash") for step in (-7, -6, -5)),
        ("-5.0", "y-internal", "intercommunal_clash"),
        ("-4", "y", "border_incident"),
        ("-4", "y-internal", "intercommunal_clash"),
        *((str(step), "y", "irrigation_dispute") for step in (-3, -2, -1)),
        ("-1.0", "y-internal", "irrigation_dispute"),
        *((str(step), "y", "joint_meeting") for step in (1, 2)),
        *((str(step), "y", "agreement") for step in (3, 4, 5, 6, 7)),
        ("9", "y", "9"),
        ("-5.5", "y", "-5.5"),
    ],
)
def test_calls_steps_of_the_scale_by_our_categories(read: Any, write: Any, step: str, kind: str, category: str) -> None:
    table = read("tfdd", write("t.csv", rows({"BAR_Scale": step, "EVENT_TYPE": kind}))).table
    assert table.loc[2, ["severity", "category"]].to_list() == [step, category]


@pytest.mark.parametrize(
    ("issues", "resource"),
    [
        (("9.0", "0.0"), "irrigation"),
        (("3", "9"), "irrigation"),
        (("2.0", ""), "irrigation"),
        (("1", "8"), "none"),
        (("29", ""), "none"),
    ],
)
def test_what_it_was_about(read: Any, write: Any, issues: tuple[str, str], resource: str) -> None:
    table = read("tfdd", write("t.csv", rows({"Issue_Type1": issues[0], "Issue_Type2": issues[1]}))).table
    assert table.loc[2, "resource"] == resource


def test_a_date_that_is_called_approximate_is_known_to_the_month(read: Any, write: Any) -> None:
    told = ("Date is approximation.", "date is approximate", "an approximate sum", "")
    table = read("tfdd", write("t.csv", rows(*({"Comments": words} for words in told)))).table
    assert table["date_precision"].to_list() == ["month", "month", "", ""]


def test_a_study_may_see_it_otherwise(read: Any, write: Any) -> None:
    table = read(
        "tfdd", write("t.csv", rows({})), values={"category": "border_incident"}, columns={"resource": "Issue_Type1"}
    ).table
    assert table.loc[2, ["category", "resource"]].to_list() == ["border_incident", "2.0"]


def test_its_categories_are_ours() -> None:
    assert {*tfdd._CATEGORY.values(), "intercommunal_clash"} <= set(read_taxonomy().categories)


cells = st.one_of(
    st.sampled_from(["", "0", "-0.0", "-5.0", "7", "n/a", "y-internal", "NA", "9.0", "1e3"]), st.text("a1;,\"' -.я", max_size=8)
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=st.lists(st.lists(cells, min_size=len(EVENT), max_size=len(EVENT)), min_size=1, max_size=6))
def test_no_cell_does_any_harm_and_no_row_is_lost(read: Any, write: Any, events: list[list[str]]) -> None:
    lines = rows({}, *(dict(zip(EVENT, event, strict=True)) for event in events), {})
    draft = read("tfdd", write("t.csv", lines))
    assert len(draft.table) + len(draft.set_aside) == len(lines) - 1


@pytest.mark.skipif("TENSIONMAP_REAL_DATA" not in os.environ, reason="TENSIONMAP_REAL_DATA names no folder of real data")
def test_the_real_table_of_central_asia(read: Any, sniff: Any) -> None:
    path = Path(os.environ["TENSIONMAP_REAL_DATA"]) / "isfara-batken/raw/tfdd_events_central_asia.csv"
    assert sniff(path) == "tfdd"
    draft = read("tfdd", path)
    assert len(draft.table) + len(draft.set_aside) == 277
    assert draft.table["record_id"].is_unique
    assert draft.set_aside["reason"].value_counts().to_dict()[REPEAT] == 205
    assert draft.table["category"].value_counts().to_dict() == {
        "agreement": 28,
        "joint_meeting": 23,
        "irrigation_dispute": 5,
        "intercommunal_clash": 3,
        "border_incident": 1,
    }
