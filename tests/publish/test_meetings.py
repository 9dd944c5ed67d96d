"""What a meeting's pages take from a release: the community, its last meeting, neighbours across a line, changes in words."""

from dataclasses import replace

import pandas as pd
import pytest

from tensionmap import tables
from tensionmap.errors import ReleaseError
from tensionmap.publish import agreed, meetings
from tensionmap.publish.words import Words, languages
from tensionmap.tables import Release


def with_tables(release, **frames):
    """The release with other rows in some of its tables."""
    checked = {name: tables.check(frame, tables.RELEASE_TABLES[release.audience][name]) for name, frame in frames.items()}
    return Release(release.audience, release.facts, {**release.tables, **checked}, release.background)


def with_numbers(release, **told):
    """The release with ``{quarter: reports}``, the same of both maps."""
    rows = [(theme, quarter, number, None) for theme in ("crime", "tension") for quarter, number in told.items()]
    numbers = pd.DataFrame(rows, columns=["theme", "window", "reports", "unplaced_percent"]).astype({"unplaced_percent": "Int64"})
    facts = replace(release.facts, quarters=tuple(sorted({*told, *release.facts.quarters})))
    return Release(release.audience, facts, {**release.tables, "numbers": numbers}, release.background)


# Refused ---------------------------------------------------------------------------------------------------------------------


def test_an_unknown_settlement_is_refused(release):
    with pytest.raises(ReleaseError, match="no settlement 'v9'"):
        meetings.Community(release(), "v9", "2026Q3")


def test_a_quarter_that_is_not_told_is_refused_with_those_that_are(release):
    with pytest.raises(ReleaseError, match="2026Q2 to 2026Q3"):
        meetings.Community(release(), "v1", "2031Q1")


def test_a_raw_table_is_refused(release):
    with pytest.raises(ReleaseError, match="drawn from a Release"):
        meetings.Community(pd.DataFrame(), "v1", "2026Q3")


def test_a_name_of_two_settlements_is_refused_with_their_identifiers(release):
    made = release()
    twins = made.background["settlements"].assign(name="Orrin")
    twice = Release(made.audience, made.facts, made.tables, {**made.background, "settlements": twins})
    with pytest.raises(ReleaseError, match="v1, v2, v3"):
        meetings.find_settlement(twice, "orrin")
    assert meetings.find_settlement(twice, "V2") == "v2"


def test_an_unknown_name_and_an_unknown_district_are_refused(release):
    with pytest.raises(ReleaseError, match="is called 'Nowhere'"):
        meetings.find_settlement(release(), "Nowhere")
    with pytest.raises(ReleaseError, match="has no districts"):
        meetings.District(release(), "North", "2026Q3")


# Communities -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Orrin", "ОРРИН", " orrin ", "v1"])
def test_a_settlement_is_found_by_either_name(release, name):
    assert meetings.find_settlement(release(), name) == "v1"


def test_a_part_lies_on_the_grid_and_inside_the_study(release):
    made = release()
    west, south, east, north = made.facts.extent
    for settlement_id in ("v1", "v2", "v3"):
        part = meetings.Community(made, settlement_id, "2026Q3").part(2500)
        assert (part[2] - part[0], part[3] - part[1]) == (5000, 5000)
        assert all((edge - start) % 1000 == 0 for edge, start in zip(part, (west, south) * 2, strict=True))
        assert (part[0] >= west, part[1] >= south, part[2] <= east, part[3] <= north) == (True,) * 4
        point = meetings.Community(made, settlement_id, "2026Q3").settlement.geometry
        assert (part[0] <= point.x <= part[2], part[1] <= point.y <= part[3]) == (True, True)
    assert meetings.Community(made, "v1", "2026Q3").part(50_000) == (west, south, east, north)


def test_the_last_meeting_is_that_of_the_quarter_and_nothing_later_is_seen(release):
    community = meetings.Community(release(), "v1", "2026Q2")
    assert community.last_meeting.date_held == pd.Timestamp("2026-06-19")
    assert [row.category for row in community.concerns(community.last_meeting)] == [
        "irrigation_dispute",
        "pasture_dispute",
        "theft",
    ]
    assert [row.what for row in community.actions(community.last_meeting, 1)] == ["water_timetable"]
    assert community.actions(community.last_meeting) == []
    assert meetings.Community(release(), "v2", "2026Q2").last_meeting is None


def test_overdue_is_what_was_not_done_by_its_day_up_to_the_end_of_the_quarter(release):
    by_what = {row.what: row for row in meetings.Community(release(), "v1", "2026Q3").every_action}
    for quarter, overdue in (("2026Q2", set()), ("2026Q3", {"water_timetable", "joint_meeting"})):
        community = meetings.Community(release(), "v1", quarter)
        assert {what for what, row in by_what.items() if community.is_overdue(row)} == overdue
    done = with_tables(
        release(),
        actions=release()
        .tables["actions"]
        .assign(status="done", date_due=pd.Timestamp("2026-06-25"), date_done=pd.Timestamp("2026-07-20")),
    )
    late = meetings.Community(done, "v1", "2026Q2").every_action[0]
    assert meetings.Community(done, "v1", "2026Q2").is_overdue(late)
    assert not meetings.Community(done, "v1", "2026Q3").is_overdue(late)


def test_neighbours_count_only_across_a_claimed_line_and_only_with_the_same_concern(release):
    made = release()
    concerns = made.tables["concerns"]
    same = concerns.assign(category="irrigation_dispute")
    # v1 lies south of both claimed lines, v3 north of them.
    assert meetings.across(meetings.Community(made, "v1", "2026Q2")) == {}
    both = with_tables(made, concerns=same)
    assert meetings.across(meetings.Community(both, "v1", "2026Q2")) == {"irrigation_dispute": ["v3"]}
    no_line = Release(both.audience, both.facts, both.tables, {**both.background, "claims": both.background["claims"].iloc[:0]})
    assert meetings.across(meetings.Community(no_line, "v1", "2026Q2")) == {}


# Changes in words ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "then", "said"),
    [
        (400, 200, "more"),  # 2 (sqrt 391 - sqrt 204) = 11
        (200, 400, "fewer"),
        (70, 60, "about the same"),
        (10, 0, "about the same"),
        (60, 0, "more"),  # 2 (sqrt 51 - sqrt 4) = 10
        (60, 30, "about the same"),  # 2 (sqrt 51 - sqrt 34) = 2.6, though of the told numbers alone it is 4.5
        (0, 0, "about the same"),
    ],
)
def test_a_change_is_told_only_if_it_holds_for_every_pair_of_counts_behind_the_numbers(release, now, then, said):
    made = with_numbers(release(), **{"2026Q3": now, "2026Q2": then})
    assert agreed.change(made, "crime", "2026Q3", "2026Q2") == said


def test_inside_the_house_numbers_are_exact(release):
    made = with_numbers(release("research"), **{"2026Q3": 60, "2026Q2": 30})
    assert agreed.change(made, "crime", "2026Q3", "2026Q2") == "more"


def test_without_a_number_nothing_is_said(release):
    made = with_numbers(release(), **{"2026Q3": 60})
    assert agreed.change(made, "crime", "2026Q3", "2026Q2") == ""


@pytest.mark.parametrize("language", languages())
def test_three_numbers_stand_side_by_side_without_a_percent(release, language):
    words = Words(language)
    made = with_numbers(release(), **{"2026Q3": 70, "2026Q2": 60, "2025Q3": 400})
    headings, rows = agreed.numbers(made, "2026Q3", words)
    assert {len(headings), *map(len, rows)} == {5}
    assert [number in rows[0][place] for place, number in ((1, "70"), (2, "60"), (3, "400"))] == [True] * 3
    assert words("fewer than a year before") in rows[0][4]
    assert "%" not in " ".join(sum(rows, headings))


def test_the_headline_says_what_the_numbers_say(release):
    words = Words("en")
    numbers = {"2026Q3": 70, "2026Q2": 60}
    assert "fewer reports" in agreed.headline(with_numbers(release(), **numbers, **{"2025Q3": 400}), "2026Q3", words)
    assert "what was reported" in agreed.headline(with_numbers(release(), **numbers), "2026Q3", words)


def test_what_was_asked_for_stands_beside_what_was_done(release):
    community = meetings.Community(release(), "v1", "2026Q3")
    headings, rows = agreed.asked_and_done(community, Words("en"))
    assert [len(row) for row in rows] == [len(headings)] * 3
    assert rows[0][0] == "1. Irrigation dispute, Head Intake (intake) (raised by: women)"
    assert rows[0][1:4] == ("Water timetable, Long Canal (canal)", "water users", "10 July 2026")
    assert rows[0][4] == "not done yet, its day has passed"
    assert rows[2][1] == "nothing agreed yet"


def test_what_was_done_is_told_with_what_people_and_reports_say_of_it(release):
    community = meetings.Community(release(), "v1", "2026Q3")
    done = next(row for row in community.every_action if row.what == "repair")
    assert agreed.state(community, done, Words("en")) == "done, 10 April 2026; people say: better; no clear change in reports"
