"""Changes to private data that must change no byte of what the community sees: proofs, where attacks only search.

Each takes the reports, or what was said at meetings, and returns them changed. What a release depends on, it cannot tell; what
it does not depend on, nobody can get out of it, whatever they know.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pandas as pd
import shapely

from tensionmap.protect.meetings import Meetings

Change = Callable[[Any, float, int], Any]
"""Table ``INCIDENTS``, the side of a cell in metres, a seed -> the table changed."""
ChangeOfMeetings = Callable[[Meetings, int], Meetings]
"""What meetings said, a seed -> the same changed."""


def drop_sealed(incidents: Any, cell_m: float, seed: int) -> Any:  # noqa: ARG001
    """The reports without those that are sealed."""
    return incidents[incidents["tier"] != "S"].reset_index(drop=True)


def move_sealed(incidents: Any, cell_m: float, seed: int) -> Any:  # noqa: ARG001
    """Sealed reports at places, on days and from people of other reports."""
    sealed = np.flatnonzero(incidents["tier"] == "S")
    taken = np.random.default_rng(seed).integers(0, len(incidents), len(sealed))
    changed = incidents.copy()
    names = ["date_start", "date_end", "date_precision", "reported_by", "location_kind", "location_precision_m", "settlement_id"]
    for name in names:
        values = changed[name].to_numpy(copy=True)
        values[sealed] = incidents[name].to_numpy()[taken]
        changed[name] = pd.Series(values, index=changed.index).astype(incidents[name].dtype)
    shapes = incidents.geometry.to_numpy().copy()
    shapes[sealed] = shapes[taken]
    return changed.set_geometry(shapes, crs=incidents.crs)


def add_sealed(incidents: Any, cell_m: float, seed: int) -> Any:  # noqa: ARG001
    """Sealed reports four times over; where there are none, one in ten of all reports again as sealed ones."""
    sealed = incidents[incidents["tier"] == "S"]
    if sealed.empty:
        sealed = incidents[::10].assign(tier="S", category="domestic_violence", theme="crime")
    copies = [
        sealed.assign(**dict.fromkeys(("incident_id", "event_id"), sealed["incident_id"] + f"-{number}")) for number in range(4)
    ]
    return pd.concat([incidents, *copies], ignore_index=True)


def jitter(incidents: Any, cell_m: float, seed: int) -> Any:
    """Every measured place moved at will inside its own square."""
    rng = np.random.default_rng(seed)
    shapes = incidents.geometry.to_numpy().copy()
    measured = np.flatnonzero((incidents["location_kind"] == "gps") & ~incidents.geometry.isna())
    at = shapely.get_coordinates(shapes[measured])
    # Not onto an edge: there a rounding would decide on the square.
    within = (at // cell_m + rng.uniform(0.01, 0.99, at.shape)) * cell_m
    shapes[measured] = shapely.points(within)
    return incidents.set_geometry(shapes, crs=incidents.crs)


def rename(incidents: Any, cell_m: float, seed: int) -> Any:  # noqa: ARG001
    """Other numbers of records and other rows of files."""
    order = np.random.default_rng(seed).permutation(len(incidents))
    return incidents.assign(record_id=[f"R{number:07}" for number in order], source_row=order + 2)


def retime(incidents: Any, cell_m: float, seed: int) -> Any:  # noqa: ARG001
    """Every event of one quarter on another day of that quarter."""
    first, last = (incidents[name].dt.to_period("Q") for name in ("date_start", "date_end"))
    begin, end = first.dt.start_time.dt.normalize(), first.dt.end_time.dt.normalize()
    room = (end - begin - (incidents["date_end"] - incidents["date_start"])).dt.days.clip(lower=0)
    shift = (np.random.default_rng(seed).random(len(incidents)) * (room + 1)).astype("int64")
    moved = begin + pd.to_timedelta(shift, unit="D")
    is_inside = (first == last).to_numpy()
    length = incidents["date_end"] - incidents["date_start"]
    return incidents.assign(
        date_start=incidents["date_start"].mask(is_inside, moved), date_end=incidents["date_end"].mask(is_inside, moved + length)
    )


def shuffle(incidents: Any, cell_m: float, seed: int) -> Any:  # noqa: ARG001
    """The rows in another order."""
    return incidents.sample(frac=1, random_state=seed, ignore_index=True)


CHANGES: dict[str, tuple[str, Change]] = {
    "N1 drop": ("Sealed reports left out", drop_sealed),
    "N1 move": ("Sealed reports moved to other places and days", move_sealed),
    "N1 add": ("Sealed reports added", add_sealed),
    "N2": ("Every place moved inside its square", jitter),
    "N3 names": ("Every report renamed", rename),
    "N3 days": ("Every report on another day of its quarter", retime),
    "N4": ("Rows in another order", shuffle),
}


def drop_sealed_concerns(meetings: Meetings, seed: int) -> Meetings:  # noqa: ARG001
    """What meetings said without the sealed concerns and what answers them."""
    sealed = meetings.concerns.loc[meetings.concerns["tier"] == "S", "concern_id"]
    return replace(
        meetings,
        concerns=meetings.concerns[~meetings.concerns["concern_id"].isin(sealed)],
        actions=meetings.actions[~meetings.actions["concern_id"].isin(sealed)],
    )


def add_sealed_concerns(meetings: Meetings, seed: int) -> Meetings:  # noqa: ARG001
    """At every meeting a sealed concern before all others, and something that was done about it soon after."""
    held = meetings.held
    of = pd.DataFrame({"meeting_id": held["meeting_id"], "concern_id": "sealed " + held["meeting_id"], "place_id": None})
    soon = held["date_held"] + pd.Timedelta(20, unit="D")
    concerns = of.assign(rank=1, category="domestic_violence", theme="crime", tier="S", raised_by="women")
    actions = of.assign(action_id="sealed " + held["meeting_id"], what="mediation", who="police", result="better")
    return replace(
        meetings,
        concerns=_more(meetings.concerns, concerns),
        actions=_more(meetings.actions, actions.assign(status="done", date_due=soon, date_done=soon)),
    )


def _more(table: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([table, rows[table.columns].astype(table.dtypes)], ignore_index=True)


def rename_meetings(meetings: Meetings, seed: int) -> Meetings:
    """Other identifiers of meetings, concerns and actions, and their rows in another order."""

    def changed(table: pd.DataFrame) -> pd.DataFrame:
        keys = [name for name in ("meeting_id", "concern_id", "action_id") if name in table]
        # Backwards, so that they sort otherwise too.
        return table.assign(**{name: table[name].str[::-1] for name in keys}).sample(frac=1, random_state=seed, ignore_index=True)

    return Meetings(**{part.name: changed(getattr(meetings, part.name)) for part in fields(meetings)})


CHANGES_OF_MEETINGS: dict[str, tuple[str, ChangeOfMeetings]] = {
    "N5 drop": ("Sealed concerns, and what answers them, left out", drop_sealed_concerns),
    "N5 add": ("Sealed concerns, and something done about them, added to every meeting", add_sealed_concerns),
    "N5 names": ("Meetings, concerns and actions renamed and in another order", rename_meetings),
}
