"""Attacks on what a release tells of meetings, held against the tables of the house row by row, for every audience."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd

from tensionmap.protect.audit.attacks import Finding
from tensionmap.protect.audit.house import House
from tensionmap.protect.audit.numbers import FILE, LEAST
from tensionmap.protect.meetings import Meetings
from tensionmap.protect.policy import Policy
from tensionmap.tables import GROUPS, Release

MEETING_ATTACKS = {
    "A14": "A meeting tells of a concern that may not be told, or of what answers it; who spoke, or how many were in the room, "
    "where too few were; or of something after the last day of the study.",
}
_Meeting = tuple[Any, ...]


def attack_meetings(release: Release, house: House, *, policy: Policy) -> list[Finding]:
    """What a release tells of meetings and must not; an empty list says that nothing was found."""
    told = {name: _by_meeting(release.tables[name].to_dict("records")) for name in ("meetings", "concerns", "actions")}
    raw = _Raw(house.meetings, release, policy)
    last = pd.Timestamp(release.facts.date_to)
    return sorted(
        {Finding("A14", FILE, f"for {release.audience}: {what}") for what in _found(told, raw, last)},
    )


def _by_meeting(rows: Iterable[dict[Any, Any]]) -> dict[_Meeting, list[dict[Any, Any]]]:
    found: dict[_Meeting, list[dict[Any, Any]]] = {}
    for row in rows:
        found.setdefault((row["settlement_id"], row["date_held"], row["kind"]), []).append(row)
    return found


class _Raw:
    """The house's own rows, by meeting as a release names it."""

    def __init__(self, meetings: Meetings, release: Release, policy: Policy) -> None:
        key = {m["meeting_id"]: (m["settlement_id"], m["date_held"], m["kind"]) for m in meetings.held.to_dict("records")}
        may = set(policy.tiers(release.audience, "cell")) - {"S"}
        self.fewest = policy.minimum_count
        self.held = _by_meeting(meetings.held.to_dict("records"))
        self.may_not = {c["concern_id"] for c in meetings.concerns.to_dict("records") if c["tier"] not in may}
        self.concerns: dict[_Meeting, set[str]] = {of: set() for of in self.held}
        self.actions: dict[_Meeting, Counter[tuple[str, str]]] = {of: Counter() for of in self.held}
        for concern in meetings.concerns.to_dict("records"):
            if concern["meeting_id"] in key and concern["tier"] in may:
                self.concerns[key[concern["meeting_id"]]].add(concern["category"])
        for action in meetings.actions.to_dict("records"):
            if action["meeting_id"] in key and action["concern_id"] not in self.may_not:
                self.actions[key[action["meeting_id"]]][action["what"], action["who"]] += 1
        villages = release.background["settlements"].to_dict("records")
        self.large = {v["settlement_id"] for v in villages if (_number(v["residents"]) or 0) >= policy.minimum_residents}

    def people(self, meeting: _Meeting, group: str) -> int | None:
        """How many of ``group`` were in the room; None if that is not known."""
        counted = [_number(one[group]) for one in self.held[meeting]]
        return None if None in counted else sum(number or 0 for number in counted)


def _number(value: Any) -> int | None:
    return None if pd.isna(value) else int(value)


def _found(told: dict[str, dict[_Meeting, list[dict[Any, Any]]]], raw: _Raw, last: pd.Timestamp) -> Iterator[str]:
    for meeting in {*told["meetings"], *told["concerns"], *told["actions"]}:
        if meeting not in raw.held:
            yield "a meeting that was not held"
            continue
        if meeting[1] > last:
            yield "a meeting after the last day of the study"
        for row in told["meetings"].get(meeting, []):
            yield from _of_room(row, meeting, raw)
        concerns, actions = (told[name].get(meeting, []) for name in ("concerns", "actions"))
        if sorted(row["rank"] for row in concerns) != list(range(1, len(concerns) + 1)):
            yield "ranks of concerns with a gap"
        for row in concerns:
            yield from _of_concern(row, meeting, raw)
        if sorted(row["number"] for row in actions) != list(range(1, len(actions) + 1)):
            yield "numbers of actions with a gap"
        if Counter((row["what"], row["who"]) for row in actions) - raw.actions[meeting]:
            yield "an action that answers a concern that may not be told, or that nobody agreed"
        for row in actions:
            yield from _of_action(row, {concern["rank"] for concern in concerns}, raw, last)


def _of_room(row: dict[Any, Any], meeting: _Meeting, raw: _Raw) -> Iterator[str]:
    for group in GROUPS:
        people, band = raw.people(meeting, group), row[group]
        if people is None:
            if not pd.isna(band):
                yield "how many were in the room, where they were not counted"
            continue
        fitting = max(least for least in LEAST.values() if least <= people) if people >= raw.fewest else 0
        if LEAST.get(band) != fitting:
            yield "a band that the people in the room do not bear out"


def _of_concern(row: dict[Any, Any], meeting: _Meeting, raw: _Raw) -> Iterator[str]:
    if row["category"] not in raw.concerns[meeting]:
        yield "a concern that may not be told, or that nobody had"
    if pd.isna(row["raised_by"]):
        return
    if meeting[0] not in raw.large:
        yield "who raised a concern, where too few people live"
    for group in row["raised_by"].split("|"):
        if (raw.people(meeting, group) or 0) < raw.fewest:
            yield "who raised a concern, of whom too few were in the room"


def _of_action(row: dict[Any, Any], ranks: set[int], raw: _Raw, last: pd.Timestamp) -> Iterator[str]:
    if not pd.isna(row["rank"]) and row["rank"] not in ranks:
        yield "an action that answers a concern that is not told"
    if not pd.isna(row["date_done"]) and row["date_done"] > last:
        yield "an action that was done after the last day of the study"
    if not pd.isna(row["change"]) and (row["status"] != "done" or row["settlement_id"] not in raw.large):
        yield "a change after an action that was not done, or where too few people live"
