import json
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Point

from tensionmap import tables
from tensionmap.ingest.duplicates import assign_events, duplicates_in_words, is_undecided

CRS = "EPSG:32626"
WEST, SOUTH = 500_000.0, 4_760_000.0
REPORT: dict[str, Any] = {
    "source": "a", "category": "theft", "first": 0, "last": 0, "east_m": 0.0, "radius_m": 50.0, "kind": "gps",
}  # fmt: skip


def reports(*changes: dict[str, Any]) -> gpd.GeoDataFrame:
    """One report for each change of the usual one; its ``incident_id`` is its ``record_id``, its place in the list."""
    rows = pd.DataFrame([{**REPORT, "record_id": str(number), **change} for number, change in enumerate(changes)])
    days = pd.Timestamp("2025-05-01") + pd.to_timedelta(rows[["first", "last"]].stack(), unit="D").unstack()
    frame = pd.DataFrame(
        {
            "incident_id": rows["source"] + rows["record_id"],
            "source": rows["source"],
            "source_row": range(2, len(rows) + 2),
            "record_id": rows["record_id"],
            "reported_by": "Norvia",
            "category": rows["category"],
            "theme": "crime",
            "tier": "B",
            "resource": "none",
            "date_start": days["first"],
            "date_end": days["last"],
            "date_precision": "day",
            "location_kind": rows["kind"],
            "location_precision_m": rows["radius_m"],
            "settlement_id": None,
        }
    )
    places = [Point(WEST + east, SOUTH) if kind != "none" else None for east, kind in zip(rows.east_m, rows.kind, strict=True)]
    return gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries(places, crs=CRS))


def events(*changes: dict[str, Any]) -> list[str]:
    return assign_events(reports(*changes)).tolist()


@pytest.mark.parametrize(
    "other",
    [
        {"source": "a"},
        {"category": "burglary"},
        {"first": 2, "last": 2},
        {"first": -2, "last": -2},
        {"first": 2, "last": 5},
        {"east_m": 401.0},
        {"kind": "district", "radius_m": 9000.0},
        {"kind": "wider", "radius_m": 100_000.0},
        {"kind": "none", "radius_m": np.nan},
        {"first": 0, "last": 7},
        {"kind": "settlement", "radius_m": 9000.0, "east_m": 5001.0},
    ],
    ids=str,
)
def test_what_cannot_be_shown_to_be_one_event_is_two(other: dict[str, Any]) -> None:
    assert events({}, {"source": "b", **other}) == ["a0", f"{other.get('source', 'b')}1"]


def test_two_imprecise_reports_in_the_same_words_are_two_events() -> None:
    border = {"kind": "district", "radius_m": 9000.0}
    assert events(border, {"source": "b", **border}) == ["a0", "b1"]


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"first": 1, "last": 1},
        {"first": -1, "last": -1},
        {"first": 1, "last": 7},
        {"east_m": 400.0},
        {"kind": "settlement", "radius_m": 800.0, "east_m": 1150.0},
        {"kind": "settlement", "radius_m": 9000.0, "east_m": 5000.0},
    ],
    ids=str,
)
def test_what_two_sources_tell_alike_is_one_event(other: dict[str, Any]) -> None:
    assert events({}, {"source": "b", **other}) == ["a0", "a0"]


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("one", "other", "stands"),
    [
        ({"source": "a", "radius_m": 800.0, "kind": "settlement"}, {"source": "b", "radius_m": 20.0}, "b1"),
        ({"source": "b", "record_id": "1"}, {"source": "a", "record_id": "2"}, "a2"),
    ],
)
def test_the_most_precise_place_stands_for_the_event(
    one: dict[str, Any], other: dict[str, Any], stands: str, turned: bool
) -> None:
    pair = [{"record_id": "0", **one}, {"record_id": "1", **other}]
    assert events(*(pair[::-1] if turned else pair)) == [stands, stands]


def test_of_two_possible_partners_the_nearer_is_taken() -> None:
    assert events({}, {"source": "b", "east_m": 90.0}, {"source": "b", "east_m": -60.0}) == ["a0", "b1", "a0"]
    assert events({}, {"source": "b", "first": 1, "last": 1}, {"source": "b", "east_m": 60.0}) == ["a0", "b1", "a0"]


def test_of_two_equal_partners_the_smaller_number_is_taken() -> None:
    late, early = {"source": "b", "record_id": "5"}, {"source": "b", "record_id": "3"}
    assert events({}, late, early) == ["a0", "b5", "a0"]
    assert events({}, early, late) == ["a0", "a0", "b5"]


def test_each_partner_is_taken_once() -> None:
    assert events({}, {"east_m": 50.0}, {"source": "b", "east_m": 40.0}) == ["a0", "a1", "a1"]


def test_three_sources_tell_of_one_event() -> None:
    assert events({}, {"source": "b", "first": 1, "last": 1}, {"source": "c", "east_m": 30.0}) == ["a0"] * 3


def test_a_chain_of_neighbours_does_not_grow_into_one_event() -> None:
    chain = [{"source": source, "east_m": east_m} for source, east_m in (("a", 0.0), ("b", 300.0), ("c", 590.0))]
    assert events(*chain) == ["a0", "b1", "b1"]
    days = [{"source": source, "first": day, "last": day} for source, day in (("a", 0), ("b", 1), ("c", 2))]
    assert events(*days) == ["a0", "a0", "c2"]


def test_no_report_is_an_empty_answer() -> None:
    found = assign_events(tables.empty(tables.INCIDENTS, CRS).drop(columns="event_id"))
    assert found.empty
    assert found.dtype == "str"


def test_the_answer_has_the_index_of_the_reports_and_they_stay_as_they_were() -> None:
    given_ = reports({}, {"source": "b"}).set_axis([7, 3])
    before = given_.copy()
    found = assign_events(given_)
    assert (found.name, found.index.tolist(), found.tolist()) == ("event_id", [7, 3], ["a0", "a0"])
    pd.testing.assert_frame_equal(given_, before)
    tables.check(given_.assign(event_id=found), tables.INCIDENTS)


def test_what_was_joined_and_what_was_left_open_is_said_in_counts() -> None:
    found = reports({}, {"source": "b"}, {"source": "b", "kind": "none", "radius_m": np.nan}, {"first": 0, "last": 40})
    assert is_undecided(found).tolist() == [False, False, True, True]
    assert duplicates_in_words(found.assign(event_id=assign_events(found))) == [
        "1 events are told by more than one source; all 2 reports are kept",
        "2 reports know place or day too little to tell whether another source tells of the same event",
    ]
    alone = reports({})
    assert duplicates_in_words(alone.assign(event_id=assign_events(alone))) == []


one_report = st.builds(
    lambda source, category, first, length, east_m, known: {
        "source": source, "category": category, "first": first, "last": first + length, "east_m": float(east_m),
        "kind": known[0], "radius_m": known[1],
    },
    source=st.sampled_from("abc"),
    category=st.sampled_from(["theft", "fraud"]),
    first=st.integers(0, 4),
    length=st.sampled_from([0, 0, 0, 3, 7]),
    east_m=st.integers(0, 60).map(lambda step: 100 * step),
    known=st.sampled_from([("gps", 50.0), ("gps", 50.0), ("settlement", 800.0), ("settlement", 3000.0), ("district", 900.0)]),
)  # fmt: skip


def may_be_one(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """The rule once more, in plain words."""
    return (
        one["source"] != other["source"]
        and one["category"] == other["category"]
        and {one["kind"], other["kind"]} <= {"gps", "settlement"}
        and max(one["last"] - one["first"], other["last"] - other["first"]) < 7
        and max(one["first"] - other["last"], other["first"] - one["last"]) <= 1
        and abs(one["east_m"] - other["east_m"]) <= min(one["radius_m"] + other["radius_m"] + 300, 5000)
    )


@settings(deadline=None, max_examples=200)
@given(one_report, one_report)
def test_two_reports_alone_are_joined_exactly_by_the_rule(one: dict[str, Any], other: dict[str, Any]) -> None:
    found = events(one, other)
    assert (found[0] == found[1]) is may_be_one(one, other)


@settings(deadline=None, max_examples=100)
@given(st.lists(one_report, min_size=1, max_size=14), st.randoms())
def test_groups_hold_one_report_of_a_source_and_no_order_of_rows_matters(told: list[dict[str, Any]], chance: Any) -> None:
    given_ = reports(*told)
    found = assign_events(given_)
    for _, group in given_.groupby(found.to_numpy()):
        assert group["source"].is_unique
        rows = [told[int(record)] for record in group["record_id"]]
        assert all(may_be_one(a, b) for at, a in enumerate(rows) for b in rows[:at])
    assert set(found) <= set(given_["incident_id"])
    turned = assign_events(given_.loc[chance.sample(range(len(told)), len(told))])
    pd.testing.assert_series_equal(turned.sort_index(), found)


def pairs(frame: pd.DataFrame, event: str) -> set[tuple[str, str]]:
    both = frame[["incident_id", event]].merge(frame[["incident_id", event]], on=event)
    both = both[both["incident_id_x"] < both["incident_id_y"]]
    return set(zip(both["incident_id_x"], both["incident_id_y"], strict=True))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, new_study: Any, bring_up: Any) -> tuple[Any, Any]:
    root = new_study(tmp_path_factory.mktemp("told_twice"))
    return root, bring_up(root, "measure")


@pytest.fixture(scope="module")
def incidents(study: tuple[Any, Any]) -> gpd.GeoDataFrame:
    return tables.read(tables.INCIDENTS, study[0] / "data/processed/ingest/incidents.parquet")


def test_the_planted_pairs_are_found_and_hardly_any_other(study: tuple[Any, Any], incidents: gpd.GeoDataFrame) -> None:
    planted = json.loads((study[0] / "data/raw/truth.json").read_text(encoding="utf-8"))["duplicates"]
    told = [{**report, "true": event["event_id"]} for event in planted for report in event["reports"]]
    known = incidents.merge(pd.DataFrame(told), on=["source", "record_id"])
    real, found = pairs(known, "true"), pairs(incidents, "event_id")
    precise = pairs(known[known["location_kind"].isin(["gps", "settlement"])], "true")
    assert len(precise) > 80
    assert len(found & real) / len(found) >= 0.97
    assert len(found & precise) / len(precise) >= 0.95
    assert len(found & real) / len(real) >= 0.70


def test_an_event_told_twice_is_counted_once_and_said(study: tuple[Any, Any], incidents: gpd.GeoDataFrame) -> None:
    root, listener = study
    spots = tables.read(tables.HOTSPOTS, root / "data/processed/measure/hotspots.parquet")
    placed = tables.read(tables.PLACED, root / "data/processed/link/placed.parquet").dropna(subset=["cell_id"])
    of_tension = incidents[(incidents["theme"] == "tension") & (incidents["tier"] != "S")]
    events = of_tension["event_id"].nunique()
    on_map = of_tension.loc[of_tension["incident_id"].isin(placed["incident_id"]), "event_id"].nunique()
    assert len(of_tension) - events > 20
    assert spots.loc[spots["scope"] == "tension", "count"].sum() == on_map
    said = [text for stage, text in listener.said if stage == "measure" and text.startswith("tension:")]
    assert said[0].endswith(
        f"from {on_map} of {events} events; {len(of_tension) - events} more reports tell of one of them again"
    )
