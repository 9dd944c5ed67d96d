"""What of a release a meeting's pages tell: the community, its last meeting, what was agreed there and what became of it.

Everything here is taken from a release, and from nothing else; names of places come from its background.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import shapely

from tensionmap.errors import ReleaseError
from tensionmap.publish import shown
from tensionmap.tables import MEETING_KINDS, Release

NEIGHBOUR_M = 8000.0
"""How far a community can lie from another whose concerns are laid beside its own."""
HELD = MEETING_KINDS[0]


@dataclass(frozen=True)
class Community:
    """A settlement, and what its meetings said up to the end of a quarter.

    Raises
    ------
    ReleaseError
        If there is no such settlement in the release, or the quarter is not one that it tells.
    """

    release: Release
    settlement_id: str
    quarter: str

    def __post_init__(self) -> None:
        require_quarter(self.release, self.quarter)
        if self.settlement_id not in set(shown.settlements(self.release)["settlement_id"]):
            raise ReleaseError(f"There is no settlement {self.settlement_id!r} in the study. Take one of its settlements.")

    @cached_property
    def settlement(self) -> Any:
        """Its row of the settlements."""
        settlements = shown.settlements(self.release)
        return next(settlements[settlements["settlement_id"] == self.settlement_id].itertuples())

    @cached_property
    def last_day(self) -> pd.Timestamp:
        """The last day of the quarter."""
        return pd.Timestamp(shown.months_counted(self.release, self.quarter)[1])

    def part(self, around_m: float) -> tuple[float, float, float, float]:
        """West, south, east, north of the square that reaches ``around_m`` around it, at edges of the grid, inside the study."""
        west, south, east, north = self.release.facts.extent
        side = self.release.facts.cell_m
        across = _centred(self.settlement.geometry.x, around_m, (west, east), side)
        along = _centred(self.settlement.geometry.y, around_m, (south, north), side)
        return (across[0], along[0], across[1], along[1])

    @cached_property
    def meetings(self) -> Any:
        """Its meetings up to the end of the quarter, the latest first."""
        meetings = self._own("meetings")
        return meetings.sort_values(["date_held", "kind"], ascending=[False, True], kind="stable")

    @cached_property
    def last_meeting(self) -> Any | None:
        """The latest meeting that told concerns, else the latest; None if none was held."""
        told = set(self._own("concerns")["date_held"])
        with_concerns = self.meetings[self.meetings["date_held"].isin(told)]
        return next((with_concerns if len(with_concerns) else self.meetings).itertuples(), None)

    @cached_property
    def first_day(self) -> pd.Timestamp:
        """The first day of the quarter."""
        return pd.Timestamp(shown.months_counted(self.release, self.quarter)[0])

    @cached_property
    def in_quarter(self) -> list[Any]:
        """The meetings of the quarter itself, the latest first."""
        return list(self.meetings[self.meetings["date_held"] >= self.first_day].itertuples())

    @property
    def reporting_day(self) -> Any | None:
        """The reporting day held in the quarter itself; None if there was none."""
        return next((meeting for meeting in self.in_quarter if meeting.kind == HELD), None)

    def concerns(self, meeting: Any) -> list[Any]:
        """What a meeting was worried about, the most pressing first."""
        return list(_of(self._own("concerns"), meeting).sort_values("rank").itertuples())

    def actions(self, meeting: Any, rank: int | None = None) -> list[Any]:
        """What a meeting agreed: on the concern of a rank, or without one."""
        actions = _of(self._own("actions"), meeting).sort_values("number")
        return list(actions[actions["rank"].isna() if rank is None else (actions["rank"] == rank).fillna(False)].itertuples())

    @cached_property
    def every_action(self) -> list[Any]:
        """All that was agreed up to the end of the quarter, the earliest first."""
        return list(self._own("actions").sort_values(["date_held", "kind", "number"]).itertuples())

    def is_done(self, action: Any) -> bool:
        """Whether an action was done by the end of the quarter."""
        return action.status == "done" and not action.date_done > self.last_day

    def is_overdue(self, action: Any) -> bool:
        """Whether its day has passed and it was not done."""
        is_open = action.status in ("agreed", "under_way") or (action.status == "done" and action.date_done > self.last_day)
        return bool(is_open and action.date_due < self.last_day)

    def _own(self, name: str) -> Any:
        table = self.release.tables[name]
        return table[(table["settlement_id"] == self.settlement_id) & (table["date_held"] <= self.last_day)]


@dataclass(frozen=True)
class District:
    """The communities of a district at the end of a quarter, in the order of their identifiers.

    Raises
    ------
    ReleaseError
        If no settlement of the release lies in it, or the quarter is not one that it tells.
    """

    release: Release
    name: str
    quarter: str

    def __post_init__(self) -> None:
        require_quarter(self.release, self.quarter)
        if not self.communities:
            known = sorted(set(shown.settlements(self.release)["district"].dropna()))
            raise ReleaseError(
                f"No settlement lies in the district {self.name!r}. "
                + (f"Districts are: {', '.join(known)}." if known else "The layer of settlements has no districts.")
            )

    @cached_property
    def names(self) -> tuple[str, str | None]:
        """Its name, and its local one if the layer has the district itself."""
        every = self.release.background["settlements"]
        own = every[(every["kind"] == "district") & (every["name"] == self.name)]["name_local"].dropna()
        return self.name, next(iter(own), None)

    @cached_property
    def communities(self) -> list[Community]:
        """Its communities."""
        settlements = shown.settlements(self.release)
        ids = sorted(settlements.loc[(settlements["district"] == self.name).fillna(False), "settlement_id"])
        return [Community(self.release, settlement_id, self.quarter) for settlement_id in ids]


def require_quarter(release: Release, quarter: str) -> None:
    """Pass if it is a release, and tells of ``quarter``.

    Raises
    ------
    ReleaseError
        If it is none, or does not tell of it, with the quarters that it tells.
    """
    shown.refuse_unless_release(release)
    told = release.facts.quarters
    if quarter not in told:
        span = f"It tells {told[0]} to {told[-1]}." if told else "It tells no quarter."
        raise ReleaseError(f"The release does not tell of the quarter {quarter!r}. {span}")


def communities_to_report(release: Release) -> list[str]:
    """The settlements that ever held a meeting, by their identifiers; every one if none is on record."""
    known = set(shown.settlements(release)["settlement_id"])
    return sorted(known & set(release.tables["meetings"]["settlement_id"]) or known)


def find_settlement(release: Release, name: str) -> str:
    """The identifier of the settlement that ``name`` means: an identifier, or a name in either script in any capitals.

    Raises
    ------
    ReleaseError
        If there is none, or several are called so.
    """
    settlements = shown.settlements(release)
    wanted = name.strip().casefold()
    columns = [settlements[column].fillna("").str.casefold() for column in ("settlement_id", "name", "name_local")]
    found = sorted(set(settlements.loc[np.logical_or.reduce([column == wanted for column in columns]), "settlement_id"]))
    if len(found) == 1:
        return str(found[0])
    if found:
        raise ReleaseError(f"Several settlements are called {name!r}. Give one by its identifier: {', '.join(found)}.")
    raise ReleaseError(f"No settlement of the study is called {name!r}. Write its name as it stands in the layer of settlements.")


def before(quarter: str, quarters: int) -> str:
    """The quarter so many quarters earlier: '2026Q3', 4 -> '2025Q3'."""
    return str(pd.Period(quarter) - quarters)


def place_of(release: Release, place_id: Any) -> Any | None:
    """The settlement, resource or service of an identifier; None if there is none."""
    return shown.places(release).get(place_id)


def across(community: Community) -> Mapping[str, Sequence[str]]:
    """Category -> the neighbours across a claimed line that raised the same concern in this quarter or the one before.

    A neighbour lies within ``NEIGHBOUR_M``, and a border claim that stands at the end of the quarter runs between the two
    on the straight line from one to the other. That they raised the same does not show that it is the same dispute.
    """
    release, here = community.release, community.settlement
    own = _lately_raised(community)
    if not own:
        return {}
    lines = shown.claim_lines(release, community.quarter).geometry.to_numpy()
    border = shapely.union_all(lines)
    found: dict[str, list[str]] = {}
    for other in shown.settlements(release).sort_values("settlement_id").itertuples():
        way = shapely.LineString([here.geometry, other.geometry])
        if other.settlement_id != here.settlement_id and way.length <= NEIGHBOUR_M and border.intersects(way):
            for category in own & _lately_raised(Community(release, other.settlement_id, community.quarter)):
                found.setdefault(category, []).append(other.settlement_id)
    return found


def _lately_raised(community: Community) -> set[str]:
    first = pd.Period(before(community.quarter, 1)).start_time
    concerns = community.release.tables["concerns"]
    is_own = (concerns["settlement_id"] == community.settlement_id) & (concerns["date_held"] <= community.last_day)
    return set(concerns.loc[is_own & (concerns["date_held"] >= first), "category"])


def _of(table: Any, meeting: Any) -> Any:
    return table[(table["date_held"] == meeting.date_held) & (table["kind"] == meeting.kind)]


def _centred(middle: float, reach: float, edges: tuple[float, float], step: float) -> tuple[float, float]:
    """A span of ``2 * reach`` around ``middle``, moved to lie between ``edges`` and on whole steps from the first of them."""
    length = min(np.ceil(2 * reach / step) * step, edges[1] - edges[0])
    start = edges[0] + np.round((middle - length / 2 - edges[0]) / step) * step
    start = min(max(start, edges[0]), edges[1] - length)
    return float(start), float(start + length)
