"""What a release tells of meetings is held against the house: every rule that is broken is found, and nothing else."""

from dataclasses import replace

import pandas as pd
import pytest

from tensionmap.protect.audit.house import House
from tensionmap.protect.audit.meetings import attack_meetings
from tensionmap.protect.audit.proofs import CHANGES_OF_MEETINGS
from tensionmap.protect.meetings import Meetings
from tensionmap.tables import AUDIENCES


@pytest.fixture
def house(world):
    canaries = pd.DataFrame(columns=["incident_id", "kind", "text", "folded"])
    return House(world["incidents"], world["placed"], world["cells"], canaries, world["meetings"])


def broken(release, name, row, **values):
    frame = release.tables[name].copy()
    for column, value in values.items():
        frame.loc[row, column] = value
    return replace(release, tables={**release.tables, name: frame})


def found(release, house, world):
    return [finding.what for finding in attack_meetings(release, house, policy=world["policy"])]


@pytest.mark.parametrize(
    ("name", "row", "values", "what"),
    [
        ("meetings", 0, {"settlement_id": "v2"}, "a meeting that was not held"),
        ("meetings", 0, {"men": "5-9"}, "a band that the people in the room"),
        ("meetings", 0, {"women": "fewer than 5 or none"}, "a band that the people in the room"),
        ("meetings", 0, {"youth": "5-9"}, "where they were not counted"),
        ("concerns", 0, {"category": "domestic_violence"}, "a concern that may not be told"),
        ("concerns", 0, {"category": "drugs"}, "a concern that may not be told"),
        ("concerns", 0, {"rank": 2}, "ranks of concerns with a gap"),
        ("concerns", 0, {"raised_by": "men"}, "of whom too few were in the room"),
        ("actions", 0, {"what": "mediation", "who": "police"}, "an action that answers a concern that may not be told"),
        ("actions", 0, {"number": 3}, "numbers of actions with a gap"),
        ("actions", 0, {"rank": 4}, "a concern that is not told"),
        ("actions", 1, {"change": "fewer"}, "a change after an action that was not done"),
        ("actions", 2, {"date_done": pd.Timestamp("2025-11-20")}, "after the last day"),
    ],
)
def test_a_rule_that_is_broken_is_found(world, release_of, house, name, row, values, what):
    release = broken(release_of(world), name, row, **values)
    told = found(release, house, world)
    assert any(what in one for one in told)
    assert all(one.startswith("for community: ") for one in told)


def test_a_village_too_small_and_a_study_that_ended_earlier_are_found(world, release_of, house):
    release = release_of(world)
    few = release.background["settlements"].assign(residents=pd.array([80] * 4, dtype="Int64"))
    told = found(replace(release, background={**release.background, "settlements": few}), house, world)
    assert [one.split(": ")[1] for one in told] == [
        "a change after an action that was not done, or where too few people live",
        "who raised a concern, where too few people live",
    ]
    earlier = replace(release, facts=replace(release.facts, date_to="2025-05-31"))
    assert found(earlier, house, world) == ["for community: a meeting after the last day of the study"]


@pytest.mark.parametrize("audience", AUDIENCES)
def test_a_release_as_it_is_made_gives_nothing_away(world, release_of, house, audience):
    assert found(release_of(world, audience), house, world) == []
    assert found(release_of(world, audience), replace(house, meetings=Meetings()), world) != []


@pytest.mark.parametrize(("number", "change"), [(number, change) for number, (_, change) in CHANGES_OF_MEETINGS.items()])
@pytest.mark.parametrize("audience", AUDIENCES)
def test_changes_of_what_is_not_told_change_no_release(world, release_of, number, change, audience):
    changed = change(world["meetings"], 3)
    parts = ("held", "concerns", "actions", "effects")
    assert not all(getattr(changed, part).equals(getattr(world["meetings"], part)) for part in parts), number
    assert release_of(world, audience, meetings=changed).digest == release_of(world, audience).digest
