import csv
import json
import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tensionmap import tables
from tensionmap.errors import RawDataError, StudyError
from tensionmap.ingest.incidents import How, assemble, understand
from tensionmap.ingest.places import fold, read_gazetteer
from tensionmap.ingest.readers import READERS, Draft
from tensionmap.ingest.set_aside import as_csv
from tensionmap.ingest.taxonomy import read_taxonomy
from tensionmap.study import read_study

ROOT = Path(__file__).parents[2]
CRS = "EPSG:32626"
AREA = (-27.25, 42.86, -26.75, 43.14)
HEADER = [
    "record_id", "date", "date_end", "date_precision", "latitude", "longitude", "precision_m", "location_kind",
    "place", "category", "resource", "text", "reported_by", "date_reported",
]  # fmt: skip
SOUND = {"date": "2025-04-30", "category": "theft", "latitude": "43.01", "longitude": "-27.02"}
BEYOND = "The dates ({}) reach beyond the study period, 2023-10-01 to 2026-09-30."
ZERO = "The coordinates are 0 and 0, which a device writes when it knows no place."
NO_POINT = {"latitude": "", "longitude": ""}
BY_NAME = {"date": "2025-04-30", "category": "theft"}


@pytest.fixture(scope="module")
def gazetteer() -> gpd.GeoDataFrame:
    frame = pd.DataFrame(
        {
            "settlement_id": ["v1", "v2", "v3", "d1"],
            "name": ["Navqarun", "Gulvaron", "Gulvaron", "Upland"],
            "name_local": ["Навқарун", None, None, None],
            "alternatives": [None, None, None, "на границе"],
            "kind": ["village", "village", "village", "district"],
            "district": pd.array([None] * 4, dtype="str"),
            "residents": pd.array([500, 200, 100, None], dtype="Int64"),
            "precision_m": [800.0, 600.0, 600.0, 9000.0],
        }
    )
    points = gpd.points_from_xy([-27.05, -27.1, -26.9, -27.0], [43.05, 42.9, 42.9, 43.0], crs="EPSG:4326")
    return gpd.GeoDataFrame(frame, geometry=points).to_crs(CRS)


@dataclass
class Found:
    incidents: gpd.GeoDataFrame
    private_text: pd.DataFrame
    set_aside: pd.DataFrame
    notes: tuple[str, ...]


def draft_of(folder: Path, rows: list[dict[str, str]], *, source: str = "office") -> list[Draft]:
    path = folder / f"{source}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([HEADER, *[[row.get(name, "") for name in HEADER] for row in rows]])
    return list(READERS["table"].read(path, source=source, file=path.name))


def assembled(
    drafts: dict[str, list[Draft]],
    gazetteer: gpd.GeoDataFrame,
    *,
    reported_by: dict[str, str] | None = None,
    words: dict[str, dict[str, str]] | None = None,
    date_formats: dict[str, str | None] | None = None,
    **options: Any,
) -> Found:
    usual: dict[str, Any] = {
        "parties": ("Norvia", "Selmar"),
        "taxonomy": read_taxonomy(),
        "crs": CRS,
        "area": AREA,
        "date_from": date(2023, 10, 1),
        "date_to": date(2026, 9, 30),
    }
    how = How(places=read_gazetteer(gazetteer), points=gazetteer, **{**usual, **options})
    told = [
        understand(
            pieces,
            how,
            source=source,
            reported_by=(dict.fromkeys(drafts, "Norvia") if reported_by is None else reported_by).get(source, ""),
            words=(words or {}).get(source, {}),
            date_format=(date_formats or {}).get(source),
        )
        for source, pieces in drafts.items()
    ]
    nothing = [pd.DataFrame(columns=["row", "reason", "source"])] if not told else []
    return Found(
        assemble(told, how.crs),
        pd.concat([*nothing, *(one.private_text for one in told)], ignore_index=True),
        pd.concat([*nothing, *(one.set_aside for one in told)], ignore_index=True),
        tuple(note for one in told for note in one.notes),
    )


def one(folder: Path, row: dict[str, str], gazetteer: gpd.GeoDataFrame, **options: Any) -> pd.Series:
    found = assembled({"office": draft_of(folder, [row])}, gazetteer, **options)
    assert found.set_aside["reason"].to_list() == []
    return found.incidents.iloc[0]


@pytest.mark.parametrize(
    ("change", "column", "reason"),
    [
        ({"date": ""}, "date", "The date is missing."),
        ({"date": "2025-02-30"}, "date", "The calendar has no day '2025-02-30'."),
        ({"date": "2023-09-30"}, "date", "The date (2023-09-30) lies outside the study period, 2023-10-01 to 2026-09-30."),
        ({"date": "2023"}, "date", BEYOND.format("2023-01-01 to 2023-12-31")),
        ({"date_end": "2026-10-01"}, "date", BEYOND.format("2025-04-30 to 2026-10-01")),
        ({"date_end": "2025-04-29"}, "date", "The last day 2025-04-29 is before the first day 2025-04-30."),
        ({"date_end": "29.04.25"}, "date_end", "The year in '29.04.25' has two digits, so day, month and year can be confused."),
        ({"date_precision": "hour"}, "date", "The precision of the date is not one of day, week, month, year, range."),
        ({"category": ""}, "category", "The category is missing."),
        ({"category": "parking"}, "category", "The category 'parking' is not known."),
        ({"category": "Rahim " * 9}, "category", "The category written here (53 letters) is not known."),
        ({"resource": "oil"}, "resource", "What it was about (the resource) is not known by this word."),
        ({"reported_by": "Third"}, "reported_by", "Who reported is not one of Norvia, Selmar, community, outside."),
        ({"latitude": ""}, "latitude", "Only one coordinate is given; the latitude is missing."),
        ({"latitude": "0", "longitude": "0"}, "latitude", ZERO),
        ({"latitude": "near the mill"}, "latitude", "The latitude is not a number of degrees."),
        ({"longitude": "by"}, "longitude", "The longitude is not a number of degrees."),
        ({"precision_m": "-3"}, "precision_m", "The precision of the place is negative (-3 m)."),
        ({"location_kind": "hamlet"}, "location_kind", "How the place is known is not one of gps, settlement, district, wider."),
        ({**NO_POINT, "place": "Far"}, "place", "The place 'Far' is not in the list of settlements."),
        ({**NO_POINT, "place": "Gulvaron"}, "place", "The place 'Gulvaron' can mean Gulvaron (v2) or Gulvaron (v3)."),
    ],
)  # fmt: skip
def test_sets_a_row_aside_with_its_reason(
    tmp_path: Path, gazetteer: gpd.GeoDataFrame, change: dict[str, str], column: str, reason: str
) -> None:
    draft = draft_of(tmp_path, [SOUND, {**SOUND, **change, "text": "as told"}])
    found = assembled({"office": draft}, gazetteer)
    assert len(found.incidents) == 1
    aside = found.set_aside.iloc[0]
    assert (aside["row"], aside["column"], aside["reason"]) == (3, column, reason)
    assert aside["advice"]
    assert json.loads(aside["original"])["text"] == "as told"
    assert found.private_text.empty


def test_tells_every_fault_of_a_row_at_once(tmp_path: Path, gazetteer: gpd.GeoDataFrame) -> None:
    found = assembled({"office": draft_of(tmp_path, [{**SOUND, "date": "", "category": "", "latitude": "x"}])}, gazetteer)
    assert found.set_aside["reason"].to_list() == [
        "The category is missing. The date is missing. The latitude is not a number of degrees."
    ]


def test_refuses_a_translation_to_no_category(tmp_path: Path, gazetteer: gpd.GeoDataFrame) -> None:
    with pytest.raises(StudyError, match="'thft', which does not exist"):
        assembled({"office": draft_of(tmp_path, [SOUND])}, gazetteer, words={"office": {"never used": "thft"}})


@pytest.mark.parametrize("reported_by", [{}, {"office": ""}, {"office": "Norway"}])
def test_refuses_a_source_of_which_nobody_says_who_reported(
    tmp_path: Path, gazetteer: gpd.GeoDataFrame, reported_by: dict[str, str]
) -> None:
    with pytest.raises(RawDataError, match=r"office: reported_by .* write one of Norvia, Selmar, community, outside"):
        assembled({"office": draft_of(tmp_path, [SOUND])}, gazetteer, reported_by=reported_by)


@pytest.mark.parametrize("cell", ["31.02.2025", "last spring", "2025-04-29", "2025-03", "2060-01-01", "1746000000"])
def test_a_day_of_reporting_that_cannot_be_costs_no_row(tmp_path: Path, gazetteer: gpd.GeoDataFrame, cell: str) -> None:
    rows = [SOUND | {"date_reported": cell}, SOUND | {"date_reported": cell, "category": ""}, SOUND]
    found = assembled({"office": draft_of(tmp_path, rows)}, gazetteer)
    assert found.set_aside["reason"].to_list() == ["The category is missing."]
    assert found.incidents["date_reported"].isna().to_list() == [True, True]
    told = "1 dates of reporting could not be used (unreadable, before the event, or far in the future)"
    assert f"office: {told}" in found.notes
    assert not any(cell in note for note in found.notes)


def test_a_report_entered_again_on_another_day_is_still_the_same(tmp_path: Path, gazetteer: gpd.GeoDataFrame) -> None:
    row = {**SOUND, "record_id": "1"}
    found = assembled({"office": draft_of(tmp_path, [row, {**row, "date_reported": "2025-05-02"}])}, gazetteer)
    assert found.set_aside["reason"].to_list() == ["The row repeats row 2."]


def test_when_it_was_reported_makes_no_other_incident(tmp_path: Path, gazetteer: gpd.GeoDataFrame) -> None:
    without, early, late = (
        one(tmp_path, {**SOUND, "record_id": "1", "date_reported": cell}, gazetteer) for cell in ("", "2025-05-02", "2026-12")
    )
    assert without["incident_id"] == early["incident_id"] == late["incident_id"]
    assert without.drop("date_reported").equals(late.drop("date_reported"))
    assert pd.isna(without["date_reported"])
    assert early["date_reported"] == pd.Timestamp("2025-05-02")
    assert late["date_reported"] == pd.Timestamp("2026-12-31"), "it may come in after the study period"


def test_days_of_reporting_stay_with_their_reports(tmp_path: Path, gazetteer: gpd.GeoDataFrame) -> None:
    some = [{**SOUND, "record_id": str(n), "date_reported": f"2025-05-{n:02}" if n % 2 else ""} for n in range(1, 9)]
    none = [{**SOUND, "record_id": str(n)} for n in range(9)]
    found = assembled(
        {"a": draft_of(tmp_path, some, source="a"), "b": draft_of(tmp_path, none, source="b")},
        gazetteer,
        reported_by={"a": "Norvia", "b": "Selmar"},
    )
    checked = tables.check(found.incidents, tables.INCIDENTS)
    assert checked["date_reported"].dtype == found.incidents["date_reported"].dtype == "datetime64[us]"
    told = checked[checked["date_reported"].notna()]
    assert set(told["source"]) == {"a"}
    assert dict(zip(told["record_id"], told["date_reported"].dt.day, strict=True)) == {"1": 1, "3": 3, "5": 5, "7": 7}
    assert not any("reporting" in note for note in found.notes)


def test_a_row_given_back_keeps_its_day_of_reporting(tmp_path: Path, gazetteer: gpd.GeoDataFrame) -> None:
    rows = [{**SOUND, "record_id": "1"}, {**SOUND, "record_id": "2", "date": "30.04.25", "date_reported": "2025-05-02"}]
    drafts = draft_of(tmp_path, rows)
    how = How(
        parties=("Norvia",),
        places=read_gazetteer(gazetteer),
        points=gazetteer,
        taxonomy=read_taxonomy(),
        crs=CRS,
        area=AREA,
        date_from=date(2023, 10, 1),
        date_to=date(2026, 9, 30),
    )
    about: dict[str, Any] = {"source": "office", "reported_by": "Norvia", "words": {}}
    listed = as_csv(understand(drafts, how, **about).set_aside).decode("utf-8-sig")
    assert "2025-05-02" in listed
    (tmp_path / "fixed.csv").write_text(listed.replace("30.04.25", "2025-04-30"), encoding="utf-8")
    fixed = READERS["table"].read(tmp_path / "fixed.csv", source="fixed", file="fixed.csv")
    told = understand(drafts, how, corrected=fixed, **about)
    days = assemble([told], CRS).set_index("record_id")["date_reported"]
    assert pd.isna(days["1"])
    assert days["2"] == pd.Timestamp("2025-05-02")


def test_of_two_rows_with_one_number_the_later_is_set_aside(tmp_path: Path, gazetteer: gpd.GeoDataFrame) -> None:
    rows = [
        {**SOUND, "record_id": "1"},
        {**SOUND, "record_id": "1"},
        {**SOUND, "record_id": "1", "category": "fraud"},
        {**SOUND, "record_id": "2", "date": "31.02.2025"},
        {**SOUND, "record_id": "2"},
    ]
    found = assembled({"office": draft_of(tmp_path, rows)}, gazetteer)
    assert sorted(found.incidents["source_row"]) == [2, 6]
    assert found.set_aside["row"].to_list() == [3, 4, 5]
    assert found.set_aside["reason"].to_list()[:2] == [
        "The row repeats row 2.",
        "The number of the record stands in row 2 already, with other content.",
    ]


def test_rows_without_number_are_known_by_their_content(tmp_path: Path, gazetteer: gpd.GeoDataFrame) -> None:
    told, other = {**SOUND, "text": "as told"}, {**SOUND, "category": "fraud", "text": "as told"}
    first = assembled({"office": draft_of(tmp_path, [told, other, told])}, gazetteer)
    turned = assembled({"office": draft_of(tmp_path, [other, told])}, gazetteer)
    assert first.incidents["incident_id"].to_list() == turned.incidents["incident_id"].to_list()
    assert first.set_aside["reason"].to_list() == ["The row repeats row 2."]
    assert "office: 2 reports without a number; one was made from the content of the row" in first.notes


def test_alike_rows_with_neither_number_nor_story_are_reports_of_their_own(tmp_path: Path, gazetteer: gpd.GeoDataFrame) -> None:
    other = {**SOUND, "category": "fraud"}
    first = assembled({"office": draft_of(tmp_path, [SOUND, other, SOUND, SOUND])}, gazetteer)
    turned = assembled({"office": draft_of(tmp_path, [SOUND, SOUND, other, SOUND])}, gazetteer)
    assert len(first.incidents) == 4
    assert first.incidents["incident_id"].to_list() == turned.incidents["incident_id"].to_list()
    counted = "2 rows are alike in every column with an earlier one and have neither number nor text; each counts as a report"
    assert f"office: {counted}" in first.notes


def test_the_same_number_in_two_sources_is_two_reports(tmp_path: Path, gazetteer: gpd.GeoDataFrame) -> None:
    row = {**SOUND, "record_id": "1"}
    drafts = {name: draft_of(tmp_path, [row], source=name) for name in ("a", "b")}
    found = assembled(drafts, gazetteer, reported_by={"a": "Norvia", "b": "Selmar"})
    assert found.incidents["incident_id"].is_unique
    assert dict(zip(found.incidents["source"], found.incidents["reported_by"], strict=True)) == {"a": "Norvia", "b": "Selmar"}


def test_a_sound_row_becomes_an_incident(tmp_path: Path, gazetteer: gpd.GeoDataFrame) -> None:
    row = {**SOUND, "record_id": "7", "category": "Баҳси чарогоҳ", "place": "с. Навкарун", "date_end": "2025-05-02"}
    found = one(tmp_path, {**row, "reported_by": " Community"}, gazetteer)
    expected = {
        "source": "office", "source_row": 2, "record_id": "7", "reported_by": "community", "category": "pasture_dispute",
        "theme": "tension", "tier": "B", "resource": "pasture", "date_start": pd.Timestamp("2025-04-30"),
        "date_end": pd.Timestamp("2025-05-02"), "date_precision": "range", "location_kind": "gps",
        "location_precision_m": 50.0, "settlement_id": "v1",
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected
    degrees = gpd.GeoSeries([found["geometry"]], crs=CRS).to_crs("EPSG:4326")[0]
    assert (degrees.x, degrees.y) == pytest.approx((-27.02, 43.01), abs=1e-7)


@pytest.mark.parametrize(
    ("change", "kind", "radius_m", "settlement_id", "at"),
    [
        ({"place": "Navqarun"}, "settlement", 800.0, "v1", "v1"),
        ({"place": "на границе"}, "district", 9000.0, "d1", "d1"),
        ({}, "none", None, None, None),
        ({"latitude": "43.05", "longitude": "-27.05"}, "settlement", 800.0, "v1", "v1"),
        ({"latitude": "43.00001", "longitude": "-27.00001", "place": "Far"}, "district", 9000.0, "d1", "d1"),
        ({"latitude": "43.05", "longitude": "-27.05", "precision_m": "4"}, "gps", 10.0, None, "v1"),
        ({"latitude": "43.0", "longitude": "-27.0", "precision_m": "9000"}, "district", 9000.0, None, "d1"),
        ({"latitude": "43.0", "longitude": "-27.0", "location_kind": "wider"}, "wider", 100_000.0, None, "d1"),
    ],
)
def test_how_the_place_is_known(
    tmp_path: Path,
    gazetteer: gpd.GeoDataFrame,
    change: dict[str, str],
    kind: str,
    radius_m: float | None,
    settlement_id: str | None,
    at: str | None,
) -> None:
    found = one(tmp_path, {**BY_NAME, **change}, gazetteer)
    assert found["location_kind"] == kind
    assert (None if pd.isna(found["location_precision_m"]) else found["location_precision_m"]) == radius_m
    assert (None if pd.isna(found["settlement_id"]) else found["settlement_id"]) == settlement_id
    if at is None:
        assert found["geometry"] is None
    else:
        assert found["geometry"].distance(gazetteer.set_index("settlement_id").geometry[at]) < 2


def test_coordinates_win_over_a_name_that_nobody_knows(tmp_path: Path, gazetteer: gpd.GeoDataFrame) -> None:
    found = assembled({"office": draft_of(tmp_path, [{**SOUND, "place": "Far"}, {**SOUND, "place": "Gulvaron"}])}, gazetteer)
    assert found.incidents["settlement_id"].isna().all()
    assert "office: 2 place names not in the list of settlements; the coordinates were used" in found.notes


def test_a_mended_name_is_counted(tmp_path: Path, gazetteer: gpd.GeoDataFrame) -> None:
    found = assembled({"office": draft_of(tmp_path, [{**BY_NAME, "place": "Navqaurn"}])}, gazetteer)
    assert found.incidents["settlement_id"].to_list() == ["v1"]
    assert "office: 1 place names read in spite of a slip in the spelling" in found.notes


def test_a_sources_own_words_and_dates_come_first(tmp_path: Path, gazetteer: gpd.GeoDataFrame) -> None:
    row = {**SOUND, "category": "THEFT", "date": "03.04.2025"}
    found = one(tmp_path, row, gazetteer, words={"office": {"theft": "fraud"}}, date_formats={"office": "%d.%m.%Y"})
    assert (found["category"], found["date_start"]) == ("fraud", pd.Timestamp("2025-04-03"))


def test_what_the_report_says_it_was_about_wins(tmp_path: Path, gazetteer: gpd.GeoDataFrame) -> None:
    row = {**SOUND, "category": "joint_repair"}
    assert one(tmp_path, row, gazetteer)["resource"] == "none"
    assert one(tmp_path, {**row, "resource": "Оби полезӣ"}, gazetteer)["resource"] == "irrigation"


def test_a_day_known_to_its_month_stands_for_the_month(tmp_path: Path, gazetteer: gpd.GeoDataFrame) -> None:
    found = one(tmp_path, {**SOUND, "date_precision": "Month"}, gazetteer)
    assert (found["date_start"], found["date_end"]) == (pd.Timestamp("2025-04-01"), pd.Timestamp("2025-04-30"))
    assert found["date_precision"] == "month"


def test_free_text_is_kept_apart(tmp_path: Path, gazetteer: gpd.GeoDataFrame) -> None:
    found = assembled(
        {"office": draft_of(tmp_path, [{**SOUND, "text": "Rahim, +000 123"}, {**SOUND, "category": "fraud"}])}, gazetteer
    )
    assert found.private_text["text_private"].to_list() == ["Rahim, +000 123"]
    assert set(found.private_text["incident_id"]) < set(found.incidents["incident_id"])
    assert "Rahim" not in found.incidents.drop(columns="geometry").to_csv()
    assert not any("Rahim" in note for note in found.notes)


def test_nothing_gives_empty_tables(tmp_path: Path, gazetteer: gpd.GeoDataFrame) -> None:
    for drafts in ({}, {"office": draft_of(tmp_path, [])}):
        found = assembled(drafts, gazetteer)
        assert (len(found.incidents), len(found.private_text), len(found.set_aside)) == (0, 0, 0)
        assert found.incidents.crs == CRS
    assert len(assembled({"office": draft_of(tmp_path, [SOUND])}, gazetteer.iloc[:0]).incidents) == 1


def test_drafts_and_gazetteer_are_not_changed(tmp_path: Path, gazetteer: gpd.GeoDataFrame) -> None:
    (draft,) = draft_of(tmp_path, [SOUND, {**BY_NAME, "place": "Navqarun"}, {}])
    before, places = draft.table.copy(), gazetteer.copy()
    assembled({"office": [draft]}, gazetteer)
    pd.testing.assert_frame_equal(draft.table, before)
    pd.testing.assert_frame_equal(gazetteer, places)


cell = st.sampled_from(
    ["", "0", "1", "-27.02", "43.01", "2025-04-30", "30.04.25", "theft", "Navqarun", "Far", "gps", "month", "Norvia", "-5"]
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.dictionaries(st.sampled_from(HEADER), cell, min_size=1), max_size=8))
def test_rows_read_are_kept_or_set_aside(tmp_path: Path, gazetteer: gpd.GeoDataFrame, rows: list[dict[str, str]]) -> None:
    ends = {**SOUND, "record_id": "last"}
    found = assembled(
        {"office": draft_of(tmp_path, [*rows, *[SOUND | {**row, "record_id": ""} for row in rows], ends])}, gazetteer
    )
    places = [*found.incidents["source_row"], *found.set_aside["row"]]
    assert sorted(places) == list(range(2, 2 * len(rows) + 3))


def test_the_order_of_rows_does_not_matter(tmp_path: Path, gazetteer: gpd.GeoDataFrame) -> None:
    rows = [{**SOUND, "record_id": str(n), "latitude": f"43.0{n}"} for n in range(6)]
    one_way = assembled({"office": draft_of(tmp_path, rows)}, gazetteer).incidents.drop(columns="source_row")
    other_way = assembled({"office": draft_of(tmp_path, rows[::-1])}, gazetteer).incidents.drop(columns="source_row")
    pd.testing.assert_frame_equal(one_way, other_way)


def test_every_category_has_words_in_five_languages_and_none_means_two() -> None:
    known = tomllib.loads((ROOT / "pipelines/tensionmap/ingest/taxonomy.toml").read_text(encoding="utf-8"))
    taxonomy = read_taxonomy()
    assert len(taxonomy.categories) == 28
    for name, entry in (*known["category"].items(), *known["resource"].items()):
        assert set(entry["words"]) == {"en", "ru", "tg", "ky", "uz"}, name
    for name, entry in known["category"].items():
        for word in (word for words in entry["words"].values() for word in words):
            assert taxonomy.category(word.upper(), own={}).category == name
    assert taxonomy.resource("Родник") == "drinking_water"
    assert taxonomy.resource("") == ""


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"theme": "weather", "tier": "B", "resource": "none"}, "theme must be one of crime, tension, cooperation"),
        ({"theme": "crime", "tier": "C", "resource": "none"}, "tier must be one of S, A, B"),
        ({"theme": "crime", "tier": "B", "resource": "oil"}, "resource must be one of irrigation"),
        ({"theme": "crime", "tier": "B", "resource": "none", "words": {"en": ["Theft"]}}, "means both 'theft' and 'poaching'"),
    ],
)
def test_refuses_a_category_that_cannot_be(entry: dict[str, Any], message: str) -> None:
    with pytest.raises(StudyError, match=message):
        read_taxonomy({"category": {"poaching": entry}})


def test_a_study_can_add_a_category() -> None:
    taxonomy = read_taxonomy(
        {"category": {"poaching": {"theme": "crime", "tier": "B", "resource": "forest", "words": {"ru": ["браконьерство"]}}}}
    )
    assert taxonomy.category("Браконьерство", own={}).resource == "forest"
    assert fold("poaching") in taxonomy.category_words


REASONS = {
    "missing_date": "date is missing",
    "impossible_date": "calendar has no day",
    "two_digit_year": "two digits",
    "other_date_format": "is not a date written as",
    "date_outside_period": "lies outside the study period",
    "swapped_coordinates": "are exchanged",
    "zero_coordinates": "are 0 and 0",
    "outside_area": "lies outside the study area",
    "coordinates_in_words": "is not a number of degrees",
    "one_coordinate": "Only one coordinate",
    "unknown_category": "is not known",
    "missing_category": "category is missing",
    "unknown_place": "not in the list of settlements",
    "ambiguous_place": "can mean",
    "exact_duplicate": "The row repeats row",
    "record_number_again": "stands in row",
    "not_a_record": "The row ",
    "not_approved": "was not approved",
    "end_before_start": "before the first day",
    "negative_precision": "is negative",
}


@pytest.fixture(scope="module")
def example() -> tuple[Found, dict[str, Any]]:
    raw, study = ROOT / "data/raw", read_study(ROOT / "study.toml")
    sources = tomllib.loads((raw / "sources.toml").read_text(encoding="utf-8"))["source"]
    incident_sources = [source for source in sources if source["reader"] in READERS]
    drafts = {}
    for source in incident_sources:
        how = study.ingest.files.get(source["name"])
        options = how.model_dump(include={"sheet", "columns", "values"}) if how else {}
        read = READERS[source["reader"]].read(raw / source["file"], source=source["name"], file=source["file"], **options)
        drafts[source["name"]] = list(read)
    settlements = gpd.read_file(raw / "settlements.geojson").to_crs(study.ingest.crs)
    found = assembled(
        drafts,
        settlements.assign(district=pd.array([None] * len(settlements), dtype="str")),
        reported_by={source["name"]: source["reported_by"] for source in incident_sources},
        parties=study.parties,
        words={name: dict(how.words) for name, how in study.ingest.files.items()},
        date_formats={name: how.date_format for name, how in study.ingest.files.items()},
        crs=study.ingest.crs,
        area=study.ingest.area,
        date_from=study.ingest.date_from,
        date_to=study.ingest.date_to,
    )
    return found, json.loads((raw / "truth.json").read_text(encoding="utf-8"))


def test_the_example_loses_no_row(example: tuple[Found, dict[str, Any]]) -> None:
    found, truth = example
    rows = pd.concat([found.incidents["source"], found.set_aside["source"]]).value_counts().to_dict()
    assert rows == truth["rows"]


def test_every_planted_fault_of_the_example_is_set_aside_with_its_reason_and_nothing_else_is(
    example: tuple[Found, dict[str, Any]],
) -> None:
    found, truth = example
    told = found.set_aside.set_index(["source", "row"])["reason"].to_dict()
    planted = {(fault["source"], fault["row"]): REASONS[fault["kind"]] for fault in truth["broken"]}
    assert sorted(told) == sorted(planted)
    assert [place for place, reason in planted.items() if reason not in told[place]] == []


def test_the_example_is_understood_as_it_was_meant(example: tuple[Found, dict[str, Any]]) -> None:
    found, truth = example
    meant = pd.DataFrame(truth["reports"]).rename(columns={"row": "source_row"})
    both = found.incidents.merge(meant, on=["source", "source_row"], suffixes=("", "_meant"), validate="1:1")
    assert len(both) == len(found.incidents)
    assert (both["category"] == both["category_meant"]).all()
    day = pd.to_datetime(both["day"])
    assert ((both["date_start"] <= day) & (day <= both["date_end"])).all()
    own = both[both["source"] != "ged_like"]
    kinds = {"gps": "gps", "settlement": "settlement", "district": "district", "border": "district", "blank": "none"}
    assert (own["location_kind"] == own["known_as"].map(kinds)).all()
    by_name = own[own["known_as"] == "settlement"]
    assert (by_name["settlement_id"] == by_name["settlement_id_meant"]).all()
    assert (both.loc[both["source"] == "ged_like", "location_kind"] != "gps").all()
