"""Attacks on the numbers of a community release, counted anew from the reports by other means than those that made it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
import shapely

from tensionmap.errors import ReleaseError
from tensionmap.protect.aggregate import inhabitants
from tensionmap.protect.audit.attacks import Finding
from tensionmap.protect.audit.house import House
from tensionmap.protect.ledger import require_closed
from tensionmap.protect.policy import Policy
from tensionmap.protect.release import Published
from tensionmap.protect.windows import STEP_QUARTERS, counted_in, mark
from tensionmap.tables import BANDS, PERIOD, Release

NUMBER_ATTACKS = {
    "A6": "A square, a total or an area stands for fewer reports than the minimum, or for reports that may not be counted.",
    "A7": "A square or an area holds people, but fewer than the minimum.",
    "A8": "A hidden number can be worked out from all numbers that were ever released.",
    "A9": "A quarter or a period was told before and is told otherwise now.",
}
FILE = "the tables of the release"
LEAST = dict(zip(BANDS, (0, 5, 10, 20), strict=True))


def attack_numbers(release: Release, house: House, *, policy: Policy, published: Published) -> list[Finding]:
    """What the numbers of a community release give away; an empty list says that nothing was found."""
    reports = _reports(release, house, policy, published)
    return sorted(
        {*_counts(release, reports, house, policy, published), *_people(release, house, policy), *_sums(release, published)}
    )


def _reports(release: Release, house: House, policy: Policy, published: Published) -> pd.DataFrame:
    """Every event once that may be seen at all, with its cell's centre and its quarter."""
    incidents = house.incidents
    may = set(policy.tiers("community", "study")) - {"S"}
    columns = ["incident_id", "event_id", "theme", "tier", "category", "date_start", "date_end", "date_reported"]
    frame = pd.DataFrame(incidents[columns])[incidents["tier"].isin(may).to_numpy()]
    known = frame["incident_id"].map(mark).isin(published.counted)
    known_events = set(frame.loc[known, "event_id"])
    frame = frame.merge(house.placed[["incident_id", "cell_id"]], on="incident_id", how="left")
    frame = frame.merge(house.cells[["cell_id", "easting", "northing"]], on="cell_id", how="left")
    frame = frame[frame["incident_id"] == frame["event_id"]].reset_index(drop=True)
    is_new = ~frame["event_id"].isin(known_events)
    return frame.assign(quarter=counted_in(frame, is_new, released=published.quarters, quarters=release.facts.quarters))


def _in_window(reports: pd.DataFrame, release: Release, window: str) -> pd.DataFrame:
    if window != PERIOD:
        return reports[reports["quarter"] == window]
    first, last = pd.Timestamp(release.facts.public_from), pd.Timestamp(release.facts.public_to)
    return reports[(reports["date_start"] >= first) & (reports["date_end"] <= last)]


def _counts(release: Release, reports: pd.DataFrame, house: House, policy: Policy, published: Published) -> Iterator[Finding]:
    """A6: recount of every square, total and area. Windows that are out already were counted when they were released."""
    out = {*published.quarters, *(PERIOD for r in published.releases if r.facts.public_to == release.facts.public_to)}
    in_cells = reports[reports["tier"].isin(policy.tiers("community", "cell")) & reports["easting"].notna()]
    for (theme, window), squares in release.tables["cells"].groupby(["theme", "window"]):
        if window in out:
            continue
        here = _in_window(in_cells[in_cells["theme"] == theme], release, window)
        for square, count in zip(squares.itertuples(), _count_inside(here, squares.geometry), strict=True):
            # What earlier releases told of a period stays in it, even where reports were struck out since.
            is_told_before = window == PERIOD and bool(published.releases)
            least = 0 if is_told_before else max(policy.minimum_count, LEAST[square.band])
            if count < least or _above(square.band, count):
                yield Finding("A6", FILE, f"a {theme} square of {window} says {square.band}, which its reports do not bear out")
    for (theme, window), totals in release.tables["totals"].groupby(["theme", "window"]):
        here = _in_window(reports[reports["theme"] == theme], release, window)
        tiers, counts = here.groupby("category")["tier"].first(), here["category"].value_counts()
        for total in totals.itertuples() if window not in out else ():
            fewest = policy.minimum_count_sensitive if tiers.get(total.category) == "A" else policy.minimum_count
            if total.category not in tiers or counts[total.category] < max(fewest, LEAST[total.band]):
                yield Finding("A6", FILE, f"a {theme} total of {window} is told of too few reports, or of a sealed category")
    is_counted = house.cells.assign(people=inhabitants(house.cells)).set_index("cell_id")["people"]
    alone = in_cells[in_cells["cell_id"].map((is_counted == 0) | (is_counted >= policy.minimum_residents)).astype(bool)]
    for area in release.tables["hotspots"].itertuples():
        count, counted_alone = (_count_inside(of[of["theme"] == area.theme], [area.geometry])[0] for of in (in_cells, alone))
        if count < area.at_least or counted_alone < policy.minimum_count:
            yield Finding("A6", FILE, f"a {area.theme} area is told of fewer reports than it says")


def _above(band: str, count: int) -> bool:
    """Whether ``count`` is beyond the end of its band."""
    later = [least for least in LEAST.values() if least > LEAST[band]]
    return bool(later) and count >= later[0]


def _count_inside(reports: pd.DataFrame, shapes: Any) -> list[int]:
    points = shapely.points(reports["easting"].to_numpy(), reports["northing"].to_numpy())
    return [int(shapely.contains(shape, points).sum()) for shape in shapes]


def _people(release: Release, house: House, policy: Policy) -> Iterator[Finding]:
    """A7: the people inside every square and area."""
    people = inhabitants(house.cells).to_numpy()
    points = shapely.points(house.cells["easting"].to_numpy(), house.cells["northing"].to_numpy())
    for name in ("cells", "hotspots"):
        frame = release.tables[name]
        for theme, shape in zip(frame["theme"], frame.geometry, strict=True):
            inside = people[shapely.contains(shape, points)].sum()
            if 0 < inside < policy.minimum_residents:
                what = "square" if name == "cells" else "area"
                yield Finding("A7", FILE, f"a {theme} {what} is told where too few people live")
    if policy.minimum_residents_sensitive > people.sum() and "A" in policy.tiers("community", "study"):
        sensitive = set(house.incidents.loc[house.incidents["tier"] == "A", "category"])
        if sensitive & set(release.tables["totals"]["category"]):
            yield Finding("A7", FILE, "a sensitive category is told of a study where too few people live")


def _sums(release: Release, published: Published) -> Iterator[Finding]:
    """A8 and A9: what all releases together give away."""
    try:
        require_closed(release, published)
    except ReleaseError:
        yield Finding("A8", FILE, "a hidden number can be worked out by subtraction")
    for earlier in published.releases:
        before, now = earlier.facts, release.facts
        same_grid = (before.cell_m, before.extent) == (now.cell_m, now.extent)
        for window in set(before.quarters) & set(now.quarters) if same_grid else ():
            if any(_told(earlier, name, window) != _told(release, name, window) for name in ("cells", "totals", "numbers")):
                yield Finding("A9", FILE, f"{window} was released before and reads otherwise now")
        added = len(pd.period_range(before.public_to, now.public_to, freq="Q")) - 1
        if before.public_to != now.public_to and added < STEP_QUARTERS:
            yield Finding("A9", FILE, "the period was moved by less than a year since an earlier release")


def _told(release: Release, name: str, window: str) -> list[tuple[Any, ...]]:
    frame = release.tables[name]
    plain = pd.DataFrame(frame.drop(columns="geometry", errors="ignore"))
    return sorted(map(str, plain[plain["window"] == window].itertuples(index=False, name=None)))  # type: ignore[arg-type]
