"""What may be told of meetings: what was spoken of and agreed in public, never who spoke, and nothing of what is sealed.

A reporting day is public: that it was held, what it was worried about and what was agreed belongs to everybody who was in the
room, and those who were not have a right to it. What can hurt is told less, or not at all:

- *A concern of a kind that an audience sees in no square* (sealed ones for anybody; sensitive ones for the community) is left
  out before anything is numbered, with every action that answers it. A list with a gap would say that there was something.
- *Who raised a concern* is told of women, men or youth only where enough of them were in the room that day and enough people
  live in the village: "raised by women", of a meeting with two women, names two people to the whole village. If they were not
  counted, or residents are unknown, nothing is told.
- *How many were in the room* is told in bands, as reports are.
- *A small village's list is told.* It was read out there, and to say that there are worries about water is what the meeting
  was held for. What harm its list can do to a village as a whole is for the meeting to weigh, before it is written down.
- *What came after an action* is one word, from reports that are not sealed alone, and not told of a village too small.
- *What happened after the last day of the study* is not known yet.

The same rules hold for every audience: the police have no more business with who spoke than the neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from functools import partial

import pandas as pd

from tensionmap.protect.aggregate import to_bands
from tensionmap.protect.policy import Policy
from tensionmap.tables import (
    ACTION_EFFECTS,
    ACTIONS,
    CONCERNS,
    GROUPS,
    MEETINGS,
    RELEASED_ACTIONS,
    RELEASED_CONCERNS,
    RELEASED_MEETINGS,
    THEMES,
    empty,
)

OF_MEETING = list(RELEASED_MEETINGS.key)


@dataclass(frozen=True)
class Meetings:
    """What the house knows of meetings: the tables MEETINGS, CONCERNS, ACTIONS and ACTION_EFFECTS; none, if not said."""

    held: pd.DataFrame = field(default_factory=partial(empty, MEETINGS))
    concerns: pd.DataFrame = field(default_factory=partial(empty, CONCERNS))
    actions: pd.DataFrame = field(default_factory=partial(empty, ACTIONS))
    effects: pd.DataFrame = field(default_factory=partial(empty, ACTION_EFFECTS))


NO_MEETINGS = Meetings()


def meetings_told(
    meetings: Meetings,
    *,
    settlements: pd.DataFrame,
    resources: pd.DataFrame,
    services: pd.DataFrame,
    date_to: date,
    audience: str,
    policy: Policy,
) -> dict[str, pd.DataFrame]:
    """The tables ``meetings``, ``concerns`` and ``actions`` of a release.

    Parameters
    ----------
    meetings
        What the house knows.
    settlements, resources, services
        The background of the release: meetings of other communities are left out, and so are names of other places.
    date_to
        Last day of the study: later meetings are left out, and an action done later is agreed, but not done.
    audience, policy
        Who is told, and the thresholds: ``minimum_count`` for people in a room, ``minimum_residents`` for villages.

    Returns
    -------
    dict of str to DataFrame
        RELEASED_MEETINGS, RELEASED_CONCERNS and RELEASED_ACTIONS by name, sorted by what they say: neither the order of rows
        nor an identifier of a meeting, concern or action leaves a trace, and nothing that is left out does.

    Notes
    -----
    Two meetings of one kind in one community on one day are told as one, their people added. Concerns of equal rank are put in
    the order of their category, those that read alike told once. Actions are numbered by the concern that they answer, then
    by when they are due.
    """
    held = meetings.held[["meeting_id", *OF_MEETING, *GROUPS]]
    held = held[held["settlement_id"].isin(settlements["settlement_id"]) & (held["date_held"] <= pd.Timestamp(date_to))]
    room = held.groupby(OF_MEETING)[list(GROUPS)].agg(lambda people: people.sum(skipna=False))
    is_large = room.index.get_level_values("settlement_id").isin(_large(settlements, policy))
    may_be_named = room.ge(policy.minimum_count).fillna(False).astype(bool).mul(is_large, axis=0)
    places = pd.concat([settlements["settlement_id"], resources["resource_id"], services["service_id"]])

    concerns = _of_meetings(meetings.concerns, held, places)
    concerns = concerns[concerns["tier"].isin(policy.tiers(audience, "cell"))]
    concerns["raised_by"] = [
        "|".join(group for group in GROUPS if group in told.split("|") and may_be_named.loc[tuple(of_meeting), group])
        for told, *of_meeting in concerns[["raised_by", *OF_MEETING]].fillna("").itertuples(index=False)
    ]
    concerns["rank"] = _in_order(concerns, ["rank", "category", "place_id", "raised_by"], same_if_alike=True)

    actions = _of_meetings(meetings.actions, held, places)
    actions = actions.merge(concerns[[*OF_MEETING, "concern_id", "rank"]], on=[*OF_MEETING, "concern_id"], how="left")
    actions = _as_of(actions[actions["concern_id"].isna() | actions["rank"].notna()], date_to)
    told = meetings.effects[meetings.effects["scope"].isin(THEMES)].set_index("action_id")["verdict"]
    may_be_told = (actions["status"] == "done") & actions["settlement_id"].isin(_large(settlements, policy))
    actions["change"] = actions["action_id"].map(told).where(may_be_told)
    said = [name for name in RELEASED_ACTIONS.column_names if name not in (*OF_MEETING, "number", "rank", "date_due")]
    actions["number"] = _in_order(actions, ["rank", "date_due", *said])

    bands = {group: _banded(room[group], policy.minimum_count) for group in GROUPS}
    found = {
        RELEASED_MEETINGS: room.assign(**bands).reset_index(),
        RELEASED_CONCERNS: concerns.replace({"raised_by": {"": None}}).drop_duplicates([*OF_MEETING, "rank"]),
        RELEASED_ACTIONS: actions,
    }
    return {
        table.name: frame[table.column_names].sort_values(list(table.key), ignore_index=True) for table, frame in found.items()
    }


def _large(settlements: pd.DataFrame, policy: Policy) -> pd.Series:
    """The communities in which enough people live; not those of which that is unknown."""
    return settlements.loc[settlements["residents"].ge(policy.minimum_residents).fillna(False).astype(bool), "settlement_id"]


def _of_meetings(frame: pd.DataFrame, held: pd.DataFrame, places: pd.Series) -> pd.DataFrame:
    """The rows of meetings that are told, each with its meeting's community, day and kind, and without places that are not."""
    known = frame.merge(held[["meeting_id", *OF_MEETING]], on="meeting_id")
    return known.assign(place_id=known["place_id"].where(known["place_id"].isin(places)))


def _as_of(actions: pd.DataFrame, day: date) -> pd.DataFrame:
    """How the actions stood on ``day``."""
    is_later = actions["date_done"] > pd.Timestamp(day)
    not_yet = {"status": "agreed", "date_done": pd.NaT, "result": None}
    return actions.assign(**{name: actions[name].mask(is_later, value) for name, value in not_yet.items()})


def _in_order(frame: pd.DataFrame, by: list[str], *, same_if_alike: bool = False) -> pd.Series:
    """1, 2, ... within each meeting, in the order of ``by``; what is empty comes last."""
    columns = [*OF_MEETING, *by]
    ordered = frame.sort_values(columns, kind="stable")
    is_next = ~ordered.duplicated(columns) if same_if_alike else pd.Series(True, index=ordered.index)
    return is_next.astype("int64").groupby([ordered[name] for name in OF_MEETING]).cumsum().reindex(frame.index)


def _banded(people: pd.Series, fewest: int) -> pd.Series:
    return to_bands(people.fillna(0), fewest=fewest).where(people.notna())
