import json
import math
from itertools import combinations
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Point

from tensionmap import tables
from tensionmap.ingest import duplicates
from tensionmap.ingest.duplicates import FAMILIES, LEAST_SCORE, LISTED_SCORE, find_duplicates, is_undecided, verified
from tensionmap.ingest.taxonomy import read_taxonomy

CRS = "EPSG:32626"
WEST, SOUTH = 500_000.0, 4_760_000.0
REPORT: dict[str, Any] = {
    "source": "a", "category": "theft", "theme": "crime", "tier": "B", "first": 0, "last": 0, "east_m": 0.0, "radius_m": 50.0,
    "kind": "gps", "by": "Norvia", "verification": "unverified",
}  # fmt: skip


def reports(*changes: dict[str, Any]) -> gpd.GeoDataFrame:
    """One report for each change of the usual one; its ``incident_id`` is its source and ``record_id``, its place in the list."""
    rows = pd.DataFrame([{**REPORT, "record_id": str(number), **change} for number, change in enumerate(changes)])
    days = pd.Timestamp("2025-05-01") + pd.to_timedelta(rows[["first", "last"]].stack(), unit="D").unstack()
    frame = pd.DataFrame(
        {
            "incident_id": rows["source"] + rows["record_id"],
            "source": rows["source"],
            "source_row": range(2, len(rows) + 2),
            "record_id": rows["record_id"],
            "reported_by": rows["by"],
            "category": rows["category"],
            "theme": rows["theme"],
            "tier": rows["tier"],
            "resource": "none",
            "severity": np.nan,
            "verification": rows["verification"],
            "date_start": days["first"],
            "date_end": days["last"],
            "date_precision": "day",
            "date_reported": pd.NaT,
            "location_kind": rows["kind"],
            "location_precision_m": rows["radius_m"],
            "settlement_id": None,
            "place_score": np.nan,
        }
    )
    places = [Point(WEST + east, SOUTH) if kind != "none" else None for east, kind in zip(rows.east_m, rows.kind, strict=True)]
    return gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries(places, crs=CRS))


def events(*changes: dict[str, Any]) -> list[str]:
    return find_duplicates(reports(*changes)).event_id.tolist()


def score(*changes: dict[str, Any]) -> float:
    """Of the first two reports."""
    pairs = find_duplicates(reports(*changes), least_score=1e-9).pairs.set_index(["incident_a", "incident_b"])["score"]
    one, other = (f"{change.get('source', 'a')}{number}" for number, change in enumerate(changes[:2]))
    return float(pairs.get((one, other), 0.0))


@pytest.mark.parametrize(
    "other",
    [
        {"source": "a"},
        {"category": "fraud"},
        {"category": "burglary", "first": 1, "last": 1},
        {"theme": "tension"},
        {"tier": "S"},
        {"first": 2, "last": 2},
        {"first": -2, "last": -2},
        {"first": 2, "last": 5},
        {"east_m": 401.0},
        {"kind": "district", "radius_m": 9000.0},
        {"kind": "wider", "radius_m": 100_000.0},
        {"kind": "none", "radius_m": np.nan},
        {"first": 0, "last": 7},
        {"kind": "settlement", "radius_m": 800.0, "east_m": 1151.0},
    ],
    ids=str,
)
def test_what_cannot_be_shown_to_be_one_event_is_two(other: dict[str, Any]) -> None:
    assert events({}, {"source": "b", **other}) == ["a0", f"{other.get('source', 'b')}1"]


def test_two_imprecise_reports_in_the_same_words_are_two_events_and_listed() -> None:
    border = {"kind": "district", "radius_m": 9000.0}
    found = find_duplicates(reports(border, {"source": "b", **border}))
    assert found.event_id.tolist() == ["a0", "b1"]
    assert found.pairs["is_joined"].tolist() == [False]


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"tier": "A"},
        {"category": "burglary"},
        {"first": 1, "last": 1},
        {"first": -1, "last": -1},
        {"first": 1, "last": 6},
        {"east_m": 250.0},
        {"kind": "settlement", "radius_m": 800.0, "east_m": 700.0},
    ],
    ids=str,
)
def test_what_two_sources_tell_alike_is_one_event(other: dict[str, Any]) -> None:
    assert events({}, {"source": "b", **other}) == ["a0", "a0"]


def test_the_score_of_a_lone_pair_is_the_one_worked_by_hand() -> None:
    # 1 report in 90 days, by the day: chance 1/90; one in ten is told again: 1 / (1 + 10/90) = 0.9.
    assert score({}, {"source": "b"}) == 0.9
    # A day later three days would do as well: 1 / (1 + 10 * 3/90) = 0.75.
    assert score({}, {"source": "b", "first": 1, "last": 1}) == 0.75
    # Another category of the family: 0.1 / (0.1 + 10/90) = 0.4737.
    assert score({}, {"source": "b", "category": "burglary"}) == 0.4737
    # 250 m, spread^2 = (2500 + 2500)/4 + (300/2.45)^2 = 16243.8, agreement = exp(-62500 / 2 / 16243.8) = 0.14605.
    assert score({}, {"source": "b", "east_m": 250.0}) == pytest.approx(0.14605 / (0.14605 + 1 / 9), abs=1e-4)


def test_no_pair_lies_further_apart_than_its_places_leave_open() -> None:
    wide = {"source": "b", "kind": "settlement", "radius_m": 3000.0}
    assert [bool(score({}, {**wide, "east_m": east_m})) for east_m in (3350.0, 3351.0)] == [True, False]


def test_where_reports_are_many_the_same_likeness_shows_nothing() -> None:
    pair = [{}, {"source": "b"}]
    for more, joined in ((2, True), (20, False)):
        unrelated = [{"source": "b", "first": 5 + day, "last": 5 + day} for day in range(more)]
        assert (events(*pair, *unrelated)[1] == "a0") is joined
    far = [{"source": "b", "first": 5 + day, "last": 5 + day, "east_m": 9000.0} for day in range(20)]
    others = [{"source": "b", "first": 5 + day, "last": 5 + day, "category": "fraud"} for day in range(20)]
    assert events(*pair, *far, *others)[1] == "a0"


near = st.integers(0, 39).map(lambda step: 10.0 * step)


@settings(deadline=None, max_examples=50)
@given(near, near, st.integers(0, 1), st.lists(st.tuples(near, st.integers(3, 60)), max_size=6))
def test_nearer_in_place_or_time_and_the_same_category_score_higher(
    one_m: float, other_m: float, late: int, unrelated: list[tuple[float, int]]
) -> None:
    rest = [{"source": "b", "east_m": east, "first": day, "last": day} for east, day in unrelated]
    nearer, farther = sorted([one_m, other_m])
    other = {"source": "b", "first": late, "last": late}
    assert score({}, {**other, "east_m": nearer}, *rest) >= score({}, {**other, "east_m": farther}, *rest)
    assert score({}, {"source": "b", "east_m": one_m}, *rest) >= score({}, {**other, "east_m": one_m}, *rest)
    called = {**other, "east_m": one_m, "category": "burglary"}
    assert score({}, {**other, "east_m": one_m}, *rest) >= score({}, called, *rest)


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
    chain = [{"source": source, "east_m": east_m} for source, east_m in (("a", 0.0), ("b", 240.0), ("c", 470.0))]
    assert events(*chain) == ["a0", "b1", "b1"]
    days = [{"source": source, "first": day, "last": day} for source, day in (("a", 0), ("b", 1), ("c", 2))]
    assert events(*days) == ["a0", "a0", "c2"]


def test_one_event_entered_twice_in_one_source_is_listed_and_never_joined() -> None:
    found = find_duplicates(reports({}, {"east_m": 20.0}, {"source": "b", "first": 40, "last": 40}))
    assert found.event_id.tolist() == ["a0", "a1", "b2"]
    assert found.pairs[["incident_a", "incident_b", "is_one_source", "is_joined"]].to_numpy().tolist() == [
        ["a0", "a1", True, False]
    ]
    assert found.notes == (
        "1 pairs of reports of one source may be one event entered twice; they were not joined and are listed in same_event",
    )


def test_the_pairs_are_told_with_what_a_person_needs() -> None:
    given_ = reports(
        {}, {"source": "b", "east_m": 90.04, "first": 1, "last": 3}, {"source": "c", "kind": "district", "radius_m": 4000.0}
    )
    pairs = find_duplicates(given_).pairs
    assert pairs.columns.tolist() == [
        "incident_a", "incident_b", "distance_m", "days_apart", "score", "is_one_source", "is_joined",
    ]  # fmt: skip
    assert pairs["score"].is_monotonic_decreasing
    joined = pairs[pairs["is_joined"]].iloc[0]
    assert joined[["incident_a", "incident_b", "distance_m", "days_apart"]].tolist() == ["a0", "b1", 90.0, 1]
    assert set(map(tuple, pairs.loc[~pairs["is_joined"], ["incident_a", "incident_b"]].to_numpy())) <= {
        ("a0", "c2"),
        ("b1", "c2"),
    }
    assert dict(pairs.dtypes.astype(str)) == {
        "incident_a": "str", "incident_b": "str", "distance_m": "float64", "days_apart": "Int64", "score": "float64",
        "is_one_source": "bool", "is_joined": "bool",
    }  # fmt: skip


def test_no_report_and_no_pair_are_empty_answers() -> None:
    for given_ in (tables.empty(tables.INCIDENTS, CRS).drop(columns="event_id"), reports({}), reports({"kind": "none"})):
        found = find_duplicates(given_)
        assert found.pairs.empty
        assert found.event_id.dtype == "str"
        assert found.event_id.tolist() == given_["incident_id"].tolist()
        assert dict(found.pairs.dtypes) == dict(find_duplicates(reports({}, {"source": "b"})).pairs.dtypes)


def test_the_answer_has_the_index_of_the_reports_and_they_stay_as_they_were() -> None:
    given_ = reports({}, {"source": "b"}).set_axis([7, 3])
    before = given_.copy()
    found = find_duplicates(given_).event_id
    assert (found.name, found.index.tolist(), found.tolist()) == ("event_id", [7, 3], ["a0", "a0"])
    pd.testing.assert_frame_equal(given_, before)
    tables.check(given_.assign(event_id=found), tables.INCIDENTS)


def test_what_was_joined_and_what_was_left_open_is_said_in_counts() -> None:
    found = reports({}, {"source": "b"}, {"source": "b", "kind": "none", "radius_m": np.nan}, {"source": "c", "last": 40})
    assert is_undecided(found).tolist() == [False, False, True, True]
    assert find_duplicates(found).notes == (
        "1 events are told by more than one source; all 2 reports are kept",
        "2 reports know place or day too little to tell whether another source tells of the same event",
    )
    assert find_duplicates(reports({})).notes == ()
    district = {"kind": "district", "radius_m": 9000.0}
    assert find_duplicates(reports({}, {"source": "b", **district})).notes[1:] == (
        "1 pairs of reports of two sources may tell of one event; they were not joined and are listed in same_event",
    )


def test_sealed_reports_have_no_influence_on_others() -> None:
    ordinary = [{}, {"source": "b", "first": 1, "last": 1}, {"source": "b", "east_m": 100.0, "first": 30, "last": 30}]
    sealed = [{"tier": "S", "source": "b", "first": day, "last": day} for day in (-400, *range(20), 400)]
    alone, among = find_duplicates(reports(*ordinary)), find_duplicates(reports(*ordinary, *sealed))
    assert among.event_id.tolist()[:3] == alone.event_id.tolist()
    ours = among.pairs[among.pairs["incident_a"].isin(alone.event_id) & among.pairs["incident_b"].isin(["b1", "b2"])]
    pd.testing.assert_frame_equal(ours.reset_index(drop=True), alone.pairs)


def test_families_hold_categories_of_one_map_and_all_sealed_or_none_and_each_once() -> None:
    known = read_taxonomy().categories
    for family in FAMILIES:
        assert len({(known[category].theme, known[category].tier == "S") for category in family}) == 1, family
    every = [category for family in FAMILIES for category in family]
    assert len(every) == len(set(every))


one_report = st.builds(
    lambda source, category, first, length, east_m, known: {
        "source": source, "category": category, "first": first, "last": first + length, "east_m": float(east_m),
        "kind": known[0], "radius_m": known[1],
    },
    source=st.sampled_from("abc"),
    category=st.sampled_from(["theft", "theft", "burglary", "fraud"]),
    first=st.one_of(st.integers(0, 4), st.integers(0, 500)),
    length=st.sampled_from([0, 0, 0, 3, 7]),
    east_m=st.integers(0, 60).map(lambda step: 50 * step),
    known=st.sampled_from([("gps", 50.0), ("gps", 50.0), ("settlement", 800.0), ("settlement", 3000.0), ("district", 900.0)]),
)  # fmt: skip


def family_of(report: dict[str, Any]) -> str:
    return "theft" if report["category"] == "burglary" else str(report["category"])


def far(one: dict[str, Any], other: dict[str, Any]) -> float:
    return (one["east_m"] - other["east_m"]) ** 2 / ((one["radius_m"] ** 2 + other["radius_m"] ** 2) / 4 + (300 / 2.45) ** 2)


def chance(told: list[dict[str, Any]], one: dict[str, Any], other: dict[str, Any]) -> float:
    first, last = min(report["first"] for report in told), max(report["last"] for report in told)
    watched = max(min(one["first"] + 182, last) - max(one["first"] - 182, first) + 1, 90)
    gap = max(one["first"] - other["last"], other["first"] - one["last"], 0)
    total = 0
    for third in told:
        is_like = third["source"] == other["source"] and family_of(third) == family_of(other) and third is not one
        if one["category"] == other["category"]:
            is_like &= third["category"] == other["category"]
        if is_like and abs(third["first"] - one["first"]) <= 182 and far(one, third) <= far(one, other):
            lengths = one["last"] - one["first"] + third["last"] - third["first"]
            total += lengths + 1 + 2 * gap
    return total / watched


def plain_score(told: list[dict[str, Any]], one: dict[str, Any], other: dict[str, Any]) -> float:
    """The rule once more, without any shortcut."""
    if family_of(one) != family_of(other) or max(one["first"] - other["last"], other["first"] - one["last"]) > 1:
        return 0.0
    if abs(one["east_m"] - other["east_m"]) > one["radius_m"] + other["radius_m"] + 300:
        return 0.0
    agreement = math.exp(-far(one, other) / 2) * (1 if one["category"] == other["category"] else 0.1)
    return agreement / (agreement + 10 * max(chance(told, one, other), chance(told, other, one)))


@settings(deadline=None, max_examples=200)
@given(st.lists(one_report, min_size=2, max_size=14))
def test_every_pair_has_the_score_of_the_rule_in_plain_words(told: list[dict[str, Any]]) -> None:
    given_ = reports(*told)
    listed = find_duplicates(given_).pairs
    found = {frozenset(pair): score for *pair, score in listed[["incident_a", "incident_b", "score"]].itertuples(index=False)}
    ids = given_["incident_id"].tolist()
    for one, other in combinations(range(len(told)), 2):
        expected = plain_score(told, told[one], told[other])
        if abs(expected - LISTED_SCORE) > 1e-6:
            assert found.get(frozenset([ids[one], ids[other]]), 0.0) == pytest.approx(
                expected if expected > LISTED_SCORE else 0, abs=6e-5
            )


@settings(deadline=None, max_examples=100)
@given(st.lists(one_report, min_size=1, max_size=14), st.randoms())
def test_groups_hold_one_report_of_a_source_and_no_order_of_rows_matters(told: list[dict[str, Any]], chance: Any) -> None:
    given_ = reports(*told)
    found = find_duplicates(given_)
    likely = found.pairs[(found.pairs["score"] >= LEAST_SCORE) & ~found.pairs["is_one_source"]]
    possible = set(map(frozenset, likely[["incident_a", "incident_b"]].to_numpy().tolist()))
    for _, group in given_.groupby(found.event_id.to_numpy()):
        assert group["source"].is_unique
        assert len(group) == 1 or not is_undecided(group).any()
        assert all(frozenset(pair) in possible for pair in combinations(group["incident_id"], 2))
    assert pairs(given_.assign(event=found.event_id), "event") == set(
        map(tuple, found.pairs.loc[found.pairs["is_joined"], ["incident_a", "incident_b"]].to_numpy().tolist())
    )
    turned = find_duplicates(given_.loc[chance.sample(range(len(told)), len(told))])
    pd.testing.assert_series_equal(turned.event_id.sort_index(), found.event_id)
    pd.testing.assert_frame_equal(turned.pairs, found.pairs)


def told_by(*tellings: tuple[str, str, str]) -> pd.DataFrame:
    """Reports of (event, who reported, what the source says of itself)."""
    rows = pd.DataFrame(tellings, columns=["event_id", "reported_by", "verification"])
    return rows.set_axis(range(9, 9 + len(rows)))


@pytest.mark.parametrize(
    ("tellings", "expected"),
    [
        ([("1", "Norvia", "unverified")], ["one_side"]),
        ([("1", "community", "unverified")], ["unverified"]),
        ([("1", "community", "unverified"), ("1", "outside", "unverified")], ["unverified"] * 2),
        ([("1", "community", "unverified"), ("1", "Selmar", "unverified")], ["one_side"] * 2),
        ([("1", "Norvia", "unverified"), ("1", "Norvia", "unverified")], ["one_side"] * 2),
        ([("1", "Norvia", "unverified"), ("1", "Selmar", "one_side"), ("1", "outside", "unverified")], ["both_sides"] * 3),
        ([("1", "Norvia", "official"), ("1", "Selmar", "unverified")], ["official", "both_sides"]),
        ([("1", "community", "official")], ["official"]),
        ([("1", "community", "both_sides")], ["both_sides"]),
        ([("1", "Norvia", "both_sides")], ["both_sides"]),
        ([("1", "Norvia", "unverified"), ("2", "Selmar", "unverified")], ["one_side"] * 2),
        ([("1", who, "unverified") for who in ("Norvia", "Selmar", "Third")], ["both_sides"] * 3),
        ([], []),
    ],
)
def test_an_event_is_as_confirmed_as_the_parties_that_tell_of_it(tellings: list[Any], expected: list[str]) -> None:
    given_ = told_by(*tellings)
    found = verified(given_, ["Norvia", "Selmar", "Third"])
    assert found.tolist() == expected
    assert (found.name, found.dtype, found.index.tolist()) == ("verification", "str", given_.index.tolist())


telling = st.tuples(
    st.sampled_from("12"), st.sampled_from(["Norvia", "Selmar", "community", "outside"]), st.sampled_from(tables.VERIFICATIONS)
)


@given(st.lists(telling, min_size=1, max_size=8))
def test_no_report_loses_what_its_source_says_of_it(tellings: list[tuple[str, str, str]]) -> None:
    given_ = told_by(*tellings)
    rank = tables.VERIFICATIONS.index
    found = verified(given_, ["Norvia", "Selmar"])
    assert all(rank(now) >= rank(said) for now, said in zip(found, given_["verification"], strict=True))
    assert (found == "official").tolist() == (given_["verification"] == "official").tolist()
    pd.testing.assert_series_equal(verified(given_, ["Selmar", "Norvia"]), found)


def pairs(frame: pd.DataFrame, event: str) -> set[tuple[str, str]]:
    both = frame[["incident_id", event]].merge(frame[["incident_id", event]], on=event)
    both = both[both["incident_id_x"] < both["incident_id_y"]]
    return set(zip(both["incident_id_x"], both["incident_id_y"], strict=True))


def crowd(count: int, sources: int) -> gpd.GeoDataFrame:
    """So many unrelated reports in fifty categories over three years in a valley of 35 km."""
    draws = np.random.default_rng(5)
    frame = pd.concat([reports({})] * count, ignore_index=True)
    day = pd.Timestamp("2023-10-01") + pd.to_timedelta(draws.integers(0, 1095, count), unit="D")
    number = pd.Series(range(count)).astype("str")
    points = gpd.points_from_xy(draws.uniform(0, 35_000, count), draws.uniform(0, 35_000, count), crs=CRS)
    return frame.assign(
        incident_id=number.str.zfill(6),
        record_id=number,
        source=pd.Series(range(count)).mod(sources).map(lambda source: f"s{source}").astype("str"),
        category=pd.Series(draws.integers(0, 50, count)).map(lambda category: f"c{category}").astype("str"),
        date_start=day,
        date_end=day,
        geometry=points,
    )


def test_a_crowd_of_unrelated_reports_is_left_alone() -> None:
    one = find_duplicates(crowd(30_000, 1))
    assert (one.event_id == crowd(30_000, 1)["incident_id"]).all()
    two = find_duplicates(crowd(30_000, 2))
    assert two.event_id.duplicated().mean() < 0.001


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
    assert len(found & real) / len(found) >= 0.98
    assert len(found & precise) / len(precise) >= 0.90
    assert len(found & real) / len(real) >= 0.66


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


def test_a_crowd_of_alike_reports_of_one_source_is_told_and_not_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    alike = reports({}, {}, {"category": "fraud"}, {"category": "fraud", "source": "b"})
    assert len(find_duplicates(alike).pairs) == 2
    monkeypatch.setattr(duplicates, "MOST_ALIKE", 1)
    found = find_duplicates(alike)
    assert found.pairs["incident_a"].tolist() == ["a2"], "two sources are always compared"
    crowd = "2 reports stand among so many alike ones of one source that events entered twice were not looked for"
    assert crowd in found.notes
