import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tensionmap.errors import RawDataError
from tensionmap.ingest.grids import texts
from tensionmap.ingest.readers import READERS, acled
from tensionmap.ingest.taxonomy import read_taxonomy

NOW = (
    *("event_id_cnty", "event_date", "year", "time_precision", "disorder_type", "event_type", "sub_event_type", "actor1"),
    *("assoc_actor_1", "inter1", "actor2", "assoc_actor_2", "inter2", "interaction", "civilian_targeting", "iso", "region"),
    *("country", "admin1", "admin2", "admin3", "location", "latitude", "longitude", "geo_precision", "source", "source_scale"),
    *("notes", "fatalities", "tags", "timestamp"),
)
BEFORE_2023 = (
    *("data_id", "iso", "event_id_cnty", "event_id_no_cnty", "event_date", "year", "time_precision", "event_type"),
    *("sub_event_type", "actor1", "assoc_actor_1", "inter1", "actor2", "assoc_actor_2", "inter2", "interaction", "region"),
    *("country", "admin1", "admin2", "admin3", "location", "latitude", "longitude", "geo_precision", "source", "source_scale"),
    *("notes", "fatalities", "timestamp", "iso3"),
)
EVENT = {
    "event_id_cnty": "NOR1",
    "event_date": "2025-04-30",
    "year": "2025",
    "time_precision": "1",
    "event_type": "Battles",
    "sub_event_type": "Armed clash",
    "actor1": "Border guards of Norvia",
    "inter1": "State forces",
    "actor2": "Border guards of Selmar",
    "inter2": "State forces",
    "admin2": "Upper valley",
    "location": "Sarguno",
    "latitude": "43.01",
    "longitude": "-27.02",
    "geo_precision": "1",
    "notes": "Shots at the intake.",
    "timestamp": "1746000000",
}


def rows(*events: dict[str, str], headers: tuple[str, ...] = NOW) -> list[list[str]]:
    whole = [{**EVENT, "event_id_cnty": f"NOR{n + 1}", **event} for n, event in enumerate(events)]
    return [list(headers), *([event.get(header, "") for header in headers] for event in whole)]


@pytest.mark.parametrize("missing", ["event_id_cnty", "time_precision", "geo_precision", "sub_event_type"])
def test_refuses_a_file_without_a_column_of_acled(read: Any, write: Any, missing: str) -> None:
    headers = tuple(header for header in NOW if header != missing)
    with pytest.raises(RawDataError, match=f"there is no column '{missing}'"):
        read("acled", write("a.csv", rows({}, headers=headers)))


def test_refuses_nothing_and_says_so_if_there_is_no_event(read: Any, write: Any) -> None:
    draft = read("acled", write("a.csv", rows()))
    assert draft.table.empty
    assert draft.notes == ("a.csv has a header, but no rows",)


@pytest.mark.parametrize("headers", [NOW, BEFORE_2023, tuple(map(str.upper, BEFORE_2023))])
def test_reads_the_columns_of_all_years(read: Any, write: Any, headers: tuple[str, ...], sniff: Any) -> None:
    lines = rows({}, headers=tuple(map(str.lower, headers)))
    path = write("a.csv", [list(headers), *lines[1:]], separator=";")
    assert sniff(path) == "acled"
    assert read("acled", path).table.loc[2].to_dict() == {
        **dict.fromkeys(("easting", "northing", "resource", "severity", "verification", "reported_by", "date_end"), ""),
        "date_reported": "",
        "record_id": "NOR1",
        "date": "2025-04-30",
        "date_precision": "day",
        "latitude": "43.01",
        "longitude": "-27.02",
        "precision_m": "2000",
        "location_kind": "settlement",
        "place": "Sarguno",
        "district": "Upper valley",
        "category": "armed_clash",
        "text": "Border guards of Norvia / Border guards of Selmar: Shots at the intake.",
    }


def test_reads_a_spreadsheet_and_what_the_web_service_gives(read: Any, write: Any, tmp_path: Path, sniff: Any) -> None:
    plain = read("acled", write("a.csv", rows({}, {"geo_precision": "2"}))).table
    sheet = write("a.xlsx", rows({}, {"geo_precision": "2"}))
    service = tmp_path / "a.json"
    events = [dict(zip(NOW, line, strict=True)) for line in rows({}, {"geo_precision": "2"})[1:]]
    numbers = [{**event, "geo_precision": int(event["geo_precision"]), "timestamp": 1} for event in events]
    service.write_text(json.dumps({"status": 200, "success": True, "count": 2, "data": numbers}), encoding="utf-8")
    for path in (sheet, service):
        assert sniff(path) == "acled"
        assert read("acled", path).table.equals(plain), path.name


def test_reads_a_map_layer(read: Any, tmp_path: Path, sniff: Any) -> None:
    event = {name: cell for name, cell in EVENT.items() if name not in {"latitude", "longitude"}}
    shape = {"type": "Point", "coordinates": [-27.02, 43.01]}
    feature = {"type": "Feature", "geometry": shape, "properties": {**event, "latitude": 43.01, "longitude": -27.02}}
    path = tmp_path / "a.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}), encoding="utf-8")
    assert sniff(path) == "acled"
    table = read("acled", path).table
    assert table.loc[1, ["latitude", "longitude", "precision_m", "location_kind"]].to_list() == [
        *("43.01", "-27.02", "2000", "settlement")
    ]


def test_understands_its_codes_of_precision(read: Any, write: Any) -> None:
    codes = ("1", "2", "3", "3.0", "7")
    table = read("acled", write("a.csv", rows(*({"geo_precision": code, "time_precision": code} for code in codes)))).table
    assert table["location_kind"].to_list() == ["settlement", "wider", "wider", "wider", "7"]
    assert table["precision_m"].to_list() == ["2000", "25000", "100000", "100000", "7"]
    assert table["place"].to_list() == ["Sarguno", "", "", "", ""], "a wider place is not the village whose point it bears"
    assert table["date_precision"].to_list() == ["day", "week", "month", "month", "7"]
    assert table["date"].to_list() == ["2025-04-30", "2025-04-30", "2025-04-15", "2025-04-15", "2025-04-30"]
    assert table["date_end"].to_list() == ["", "", "2025-05-15", "2025-05-15", ""]


@pytest.mark.parametrize(
    ("dates", "read_as", "turned"),
    [
        (["30-04-2025", "04-05-2025"], ["2025-04-30", "2025-05-04"], 2),
        (["30/04/2025", "2025-05-04", "4 May 2025"], ["2025-04-30", "2025-05-04", "4 May 2025"], 1),
        (["04-05-2025", "06-05-2025"], ["04-05-2025", "06-05-2025"], 0),
        (["30-04-2025", "04-30-2025"], ["30-04-2025", "04-30-2025"], 0),
        (["04/30/2025", "04/05/2025"], ["04/30/2025", "04/05/2025"], 0),
        (["2025-04-30T00:00:00.000Z", "30 April 2025"], ["2025-04-30T00:00:00.000Z", "30 April 2025"], 0),
    ],
)
def test_the_whole_file_decides_the_order_of_day_and_month(
    read: Any, write: Any, dates: list[str], read_as: list[str], turned: int
) -> None:
    draft = read("acled", write("a.csv", rows(*({"event_date": date} for date in dates))))
    assert draft.table["date"].to_list() == read_as
    assert list(draft.counted.values()) == ([turned] if turned else [])


def test_a_middle_of_a_month_is_half_a_month_either_way(read: Any, write: Any) -> None:
    dates = ["15 March 2024", "2024-03-15", "15.03.2024", "16-03-2024", "nonsense", "0001-01-03", "9999-12-30"]
    events = ({"event_date": date, "time_precision": "3"} for date in dates)
    table = read("acled", write("a.csv", rows(*events))).table
    assert table["date"].to_list() == [*["2024-02-29"] * 3, "2024-03-01", "nonsense", "0001-01-03", "9999-12-30"]
    assert table["date_end"].to_list() == [*["2024-03-30"] * 3, "2024-03-31", "", "", ""]


@pytest.mark.parametrize(
    ("kind", "sides", "category"),
    [
        ("Armed clash", ("1", "8"), "armed_clash"),
        ("Armed clash", ("4", "4"), "intercommunal_clash"),
        ("Armed clash", ("Identity militia", "Identity militia"), "intercommunal_clash"),
        ("Attack", ("Rioters", "Civilians"), "intercommunal_clash"),
        ("Attack", ("5.0", "7.0"), "intercommunal_clash"),
        ("Attack", ("State forces", "Civilians"), "armed_clash"),
        ("Attack", ("Identity militia", ""), "armed_clash"),
        ("ATTACK", ("Political militia", "Civilians"), "armed_clash"),
        ("Shelling/artillery/missile attack", ("4", "7"), "armed_clash"),
        ("Mob violence", ("Rioters", "Civilians"), "intercommunal_clash"),
        ("Sexual violence", ("1", "7"), "sexual_violence"),
        ("Agreement", ("1", "1"), "agreement"),
        ("Peaceful protest", ("6", ""), "Peaceful protest"),
        ("", ("", ""), ""),
    ],
)
def test_calls_events_by_our_categories(read: Any, write: Any, kind: str, sides: tuple[str, str], category: str) -> None:
    event = {"sub_event_type": kind, "inter1": sides[0], "inter2": sides[1]}
    assert read("acled", write("a.csv", rows(event))).table.loc[2, "category"] == category


def test_a_study_may_call_them_otherwise(read: Any, write: Any) -> None:
    path = write("a.csv", rows({}))
    own = read("acled", path, columns={"category": "sub_event_type"}, values={"location_kind": "wider", "text": ""}).table
    assert own.loc[2, ["category", "location_kind", "text"]].to_list() == ["Armed clash", "wider", ""]


def test_the_newest_version_of_an_event_counts(read: Any, write: Any) -> None:
    versions = [
        {"event_id_cnty": "NOR7", "timestamp": "100", "geo_precision": "3"},
        {"event_id_cnty": "NOR8", "timestamp": "100"},
        {"event_id_cnty": "NOR7", "timestamp": "300", "geo_precision": "1"},
        {"event_id_cnty": "NOR7", "timestamp": "200", "geo_precision": "2"},
        {"event_id_cnty": "", "timestamp": "1"},
        {"event_id_cnty": "", "timestamp": "2"},
        {"event_id_cnty": "NOR9", "timestamp": "no time"},
        {"event_id_cnty": "NOR9", "timestamp": "5"},
    ]
    draft = read("acled", write("a.csv", rows(*versions)))
    assert list(draft.table.index) == [3, 4, 6, 7, 8, 9]
    assert draft.table.loc[4, "location_kind"] == "settlement"
    assert draft.set_aside["row"].to_list() == [2, 5]
    assert set(draft.set_aside["reason"]) == {"The file holds a newer version of this event."}
    assert set(draft.set_aside["column"]) == {"event_id_cnty"}


def test_tells_what_the_file_tells(read: Any, write: Any) -> None:
    told = [{"actor2": ""}, {"actor1": "", "actor2": ""}, {"notes": ""}]
    assert read("acled", write("a.csv", rows(*told))).table["text"].to_list() == [
        "Border guards of Norvia: Shots at the intake.",
        "Shots at the intake.",
        "Border guards of Norvia / Border guards of Selmar: ",
    ]
    few = tuple(
        header for header in NOW if header not in {"notes", "actor1", "actor2", "inter1", "inter2", "location", "timestamp"}
    )
    table = read("acled", write("b.csv", rows({}, headers=few))).table
    assert table.loc[2, ["text", "place", "category"]].to_list() == ["", "", "armed_clash"]


cells = st.one_of(
    st.sampled_from(
        ["", "1", "2", "3", "30-04-2025", "31-31-2025", "NA", "Attack", "1e999", "nan", "-", "4", "2025-02-30", "inf"]
    ),
    st.text("a1;,\"' -/.я", max_size=8),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=st.lists(st.lists(cells, min_size=len(EVENT), max_size=len(EVENT)), min_size=1, max_size=6))
def test_no_cell_does_any_harm_and_no_row_is_lost(read: Any, write: Any, events: list[list[str]]) -> None:
    lines = rows({}, *(dict(zip(EVENT, event, strict=True)) for event in events), {})
    draft = read("acled", write("a.csv", lines))
    assert len(draft.table) + len(draft.set_aside) == len(lines) - 1


def test_versions_and_the_order_of_dates_are_found_across_pieces_of_a_large_file(
    read: Any, write: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texts, "PIECE_BYTES", 4096)
    events = [{"event_date": "04-05-2025", "timestamp": "100"} for _ in range(60)]
    events[2]["timestamp"] = "50"
    events += [{"event_id_cnty": "NOR3", "event_date": "30-04-2025"}, {"event_id_cnty": "NOR5", "timestamp": "99"}]
    path = write("a.csv", rows(*events))
    assert len(list(READERS["acled"].read(path, source="s", file="a.csv"))) > 2
    draft = read("acled", path)
    assert draft.set_aside["row"].to_list() == [4, 63]
    assert draft.table["date"].value_counts().to_dict() == {"2025-05-04": 59, "2025-04-30": 1}
    assert sum(draft.counted.values()) == 60


def test_its_categories_are_ours() -> None:
    assert {*acled._CATEGORY.values(), "intercommunal_clash"} <= set(read_taxonomy().categories)
