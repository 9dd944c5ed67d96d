"""Changes to private data that must change no byte of what the community sees: proofs, where attacks only search.

Each takes the reports and returns them changed. What a release depends on, it cannot tell; what it does not depend on, nobody
can get out of it, whatever they know.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import shapely

Change = Callable[[Any, float, int], Any]
"""Table ``INCIDENTS``, the side of a cell in metres, a seed -> the table changed."""


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
