"""What of meetings is told: the public list, never who spoke, and no trace of what is left out."""

from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

from tensionmap import tables
from tensionmap.protect.meetings import Meetings, meetings_told
from tensionmap.protect.policy import Policy

HELD = ["meeting_id", "settlement_id", "kind", "date_held", "women", "men", "youth"]
CONCERN = ["concern_id", "meeting_id", "rank", "category", "theme", "tier", "place_id", "raised_by"]
ACTION = [
    *("action_id", "meeting_id", "concern_id", "what", "who", "place_id"),
    *("date_due", "status", "date_done", "result"),
]
EFFECT = ["scope", "action_id", "reports", "wdd", "wdd_low", "wdd_high", "verdict"]


def frame(table, columns, rows):
    return tables.check(pd.DataFrame(rows, columns=columns), table)


MEETINGS = Meetings(
    held=frame(
        tables.MEETINGS,
        HELD,
        [
            ("m1", "v1", "reporting_day", "2026-03-20", 12, 4, None),
            ("m2", "v2", "reporting_day", "2026-03-21", 30, 30, 30),
            ("m3", "v1", "community_team", "2026-07-01", 9, 9, 9),
            ("m4", "far", "reporting_day", "2026-03-20", 9, 9, 9),
        ],
    ),
    concerns=frame(
        tables.CONCERNS,
        CONCERN,
        [
            ("c1", "m1", 1, "domestic_violence", "crime", "S", None, "women"),
            ("c2", "m1", 2, "irrigation_dispute", "tension", "B", "r1", "women|men|youth"),
            ("c3", "m1", 3, "drugs", "crime", "A", "v1", "women"),
            ("c4", "m1", 4, "theft", "crime", "B", "house_7", "men"),
            ("c5", "m2", 1, "theft", "crime", "B", "s1", "women"),
            ("c6", "m3", 1, "theft", "crime", "B", None, None),
            ("c7", "m4", 1, "theft", "crime", "B", None, None),
        ],
    ),
    actions=frame(
        tables.ACTIONS,
        ACTION,
        [
            ("a1", "m1", "c1", "patrol", "police", None, None, "done", "2026-04-02", "better"),
            ("a2", "m1", "c2", "repair", "water_users", "r1", "2026-05-01", "done", "2026-04-20", "better"),
            ("a3", "m1", "c2", "water_timetable", "water_users", None, "2026-04-01", "done", "2026-07-20", "better"),
            ("a4", "m1", None, "information", "school", "elsewhere", None, "not_possible", None, None),
            ("a5", "m1", "c3", "patrol", "police", None, None, "under_way", None, None),
            ("a6", "m2", "c5", "patrol", "police", "s1", None, "done", "2026-04-02", "too_early"),
        ],
    ),
    effects=frame(
        tables.ACTION_EFFECTS,
        EFFECT,
        [
            ("tension", "a2", 44, -20.0, -30.0, -10.0, "fewer"),
            ("tension", "a3", 44, -20.0, -30.0, -10.0, "fewer"),
            ("crime", "a6", 44, 20.0, 10.0, 30.0, "more"),
            ("internal_crime", "a1", 44, 20.0, 10.0, 30.0, "more"),
        ],
    ),
)
BACKGROUND = {
    "settlements": pd.DataFrame({"settlement_id": ["v1", "v2"], "residents": pd.array([1200, 80], dtype="Int64")}),
    "resources": pd.DataFrame({"resource_id": ["r1"]}),
    "services": pd.DataFrame({"service_id": ["s1"]}),
}


USUAL = Policy()


def told(meetings=MEETINGS, audience="community", *, policy=USUAL, date_to=date(2026, 6, 30), **background):
    content = meetings_told(meetings, **{**BACKGROUND, **background}, date_to=date_to, audience=audience, policy=policy)
    contracts = tables.RELEASE_TABLES[audience]
    return {name: tables.check(frame, contracts[name]) for name, frame in content.items()}


def rows(frame, *columns):
    chosen = frame[list(columns)].astype(object)
    return [tuple(row) for row in chosen.where(chosen.notna(), None).itertuples(index=False)]


def same(one, other):
    for name, table in one.items():
        pd.testing.assert_frame_equal(table, other[name])


def without(meetings, *, concerns):
    is_left = ~meetings.concerns["concern_id"].isin(concerns)
    is_answered = meetings.actions["concern_id"].isin(concerns)
    return replace(meetings, concerns=meetings.concerns[is_left], actions=meetings.actions[~is_answered])


def renamed(meetings):
    def other(ids):
        return ids.map(lambda one: one if pd.isna(one) else f"z{100 - int(one[1:])}{one[0]}")

    def of(table):
        keys = [name for name in ("meeting_id", "concern_id", "action_id") if name in table]
        return table.assign(**{name: other(table[name]) for name in keys})

    return Meetings(*(of(getattr(meetings, name)) for name in ("held", "concerns", "actions", "effects")))


def shuffled(meetings):
    parts = (getattr(meetings, name) for name in ("held", "concerns", "actions", "effects"))
    return Meetings(*(part.sample(frac=1, random_state=5) for part in parts))


# what is not told


@pytest.mark.parametrize("audience", tables.AUDIENCES)
def test_a_sealed_concern_and_what_answers_it_leave_no_trace(audience):
    usual = told(audience=audience)
    same(told(without(MEETINGS, concerns=["c1"]), audience), usual)
    again = MEETINGS.concerns[MEETINGS.concerns["tier"] == "S"].assign(concern_id="c9", rank=2, category="recruitment")
    answer = MEETINGS.actions[MEETINGS.actions["concern_id"] == "c1"].assign(action_id="a9", concern_id="c9", what="mediation")
    more = replace(
        MEETINGS,
        concerns=pd.concat([again, MEETINGS.concerns], ignore_index=True),
        actions=pd.concat([answer, MEETINGS.actions], ignore_index=True),
    )
    same(told(more, audience), usual)
    assert not usual["concerns"]["category"].isin(["domestic_violence", "recruitment"]).any()


def test_a_sensitive_concern_leaves_no_trace_for_the_community_and_is_told_inside():
    same(told(without(MEETINGS, concerns=["c3"])), told())
    inside = told(audience="police")
    assert "drugs" in set(inside["concerns"]["category"])
    assert "under_way" in set(inside["actions"]["status"])


@pytest.mark.parametrize("change", [renamed, shuffled])
def test_neither_names_nor_the_order_of_rows_matter(change):
    same(told(change(MEETINGS)), told())


def test_a_group_is_named_only_where_enough_of_it_were_in_the_room():
    """Twelve women, four men, youth not counted; the village of eighty names nobody."""
    of = told()["concerns"]
    assert rows(of, "settlement_id", "rank", "category", "raised_by") == [
        ("v1", 1, "irrigation_dispute", "women"),
        ("v1", 2, "theft", None),
        ("v2", 1, "theft", None),
    ]
    unknown = BACKGROUND["settlements"].assign(residents=pd.array([None, None], dtype="Int64"))
    assert told(settlements=unknown)["concerns"]["raised_by"].isna().all()
    assert told(policy=Policy(minimum_count=20, minimum_count_sensitive=20))["concerns"]["raised_by"].isna().all()


def test_places_that_are_on_no_map_are_not_named():
    assert rows(told()["concerns"], "place_id") == [("r1",), (None,), ("s1",)]
    assert "elsewhere" not in set(told()["actions"]["place_id"].dropna())


def test_meetings_of_other_communities_and_later_ones_are_left_out():
    assert rows(told()["meetings"], "settlement_id", "kind") == [("v1", "reporting_day"), ("v2", "reporting_day")]
    assert len(told(date_to=date(2026, 7, 1))["meetings"]) == 3
    assert told(date_to=date(2026, 3, 20))["meetings"]["settlement_id"].tolist() == ["v1"]


def test_what_was_done_after_the_study_is_not_done_yet():
    of = told()["actions"].query("what == 'water_timetable'")
    assert rows(of, "status", "date_done", "result", "change") == [("agreed", None, None, None)]
    later = told(date_to=date(2026, 7, 31))["actions"].query("what == 'water_timetable'")
    assert rows(later, "status", "result", "change") == [("done", "better", "fewer")]


def test_the_change_is_told_of_villages_large_enough_and_never_from_internal_scopes():
    assert rows(told()["actions"], "settlement_id", "what", "change") == [
        ("v1", "water_timetable", None),
        ("v1", "repair", "fewer"),
        ("v1", "information", None),
        ("v2", "patrol", None),
    ]
    internal = MEETINGS.effects.assign(scope="internal_" + MEETINGS.effects["scope"])
    assert told(replace(MEETINGS, effects=internal))["actions"]["change"].isna().all()


# what is told


def test_who_was_in_the_room_is_told_in_bands():
    assert rows(told()["meetings"], "women", "men", "youth") == [
        ("10-19", "fewer than 5 or none", None),
        ("20+", "20+", "20+"),
    ]
    strict = told(policy=Policy(minimum_count=20, minimum_count_sensitive=20))["meetings"]
    assert rows(strict, "women")[0] == ("fewer than 5 or none",)


def test_actions_are_numbered_by_the_concern_they_answer_and_when_they_are_due():
    assert rows(told()["actions"], "settlement_id", "number", "rank", "what", "who") == [
        ("v1", 1, 1, "water_timetable", "water_users"),
        ("v1", 2, 1, "repair", "water_users"),
        ("v1", 3, None, "information", "school"),
        ("v2", 1, 1, "patrol", "police"),
    ]


def test_two_meetings_of_one_kind_on_one_day_are_one():
    held = pd.concat([MEETINGS.held, MEETINGS.held.iloc[:1].assign(meeting_id="m9", men=3)], ignore_index=True)
    concerns = pd.concat(
        [MEETINGS.concerns, MEETINGS.concerns.iloc[1:2].assign(meeting_id="m9", concern_id="c9", category="pasture_dispute")],
        ignore_index=True,
    )
    of = told(replace(MEETINGS, held=held, concerns=concerns))
    assert rows(of["meetings"], "settlement_id", "women", "men")[0] == ("v1", "20+", "5-9")
    assert rows(of["concerns"], "rank", "category")[:3] == [(1, "irrigation_dispute"), (2, "pasture_dispute"), (3, "theft")]


def test_concerns_that_read_alike_are_told_once():
    again = MEETINGS.concerns.iloc[1:2].assign(concern_id="c9", raised_by="women")
    answer = MEETINGS.actions.iloc[1:2].assign(action_id="a9", concern_id="c9", what="mediation")
    of = told(
        replace(
            MEETINGS,
            concerns=pd.concat([MEETINGS.concerns, again], ignore_index=True),
            actions=pd.concat([MEETINGS.actions, answer], ignore_index=True),
        )
    )
    pd.testing.assert_frame_equal(of["concerns"], told()["concerns"])
    assert rows(of["actions"].query("what == 'mediation'"), "rank") == [(1,)]


@pytest.mark.parametrize("audience", tables.AUDIENCES)
def test_without_meetings_there_is_nothing_to_tell(audience):
    assert all(table.empty for table in told(Meetings(), audience).values())
    bare = {name: layer.iloc[:0] for name, layer in BACKGROUND.items()}
    assert all(table.empty for table in told(MEETINGS, audience, **bare).values())
