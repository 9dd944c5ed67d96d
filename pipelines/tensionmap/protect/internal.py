"""What the police and researchers may see of one theme: counts as they are, and no sealed report.

Verdicts come from the internal scopes, which are measured on every tier at exact points. Counts are of tiers A and B alone:
a count with sealed reports in it, less the points on the map, would say where those are. For the same reason what was
expected is scaled to the reports that are counted here; as reports in all are given when the test expects them, the
scaled number is what is expected of those reports. An area that stands out only by
sealed reports is withheld: a hot square without a report would be a map of them. Only cells with a report, or hot or cold,
are listed. How a shown area holds up when imprecise reports are put elsewhere rests on every tier, as its verdict does; it
is said in one of three words, so that less can be read from it than from ``p_map``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from tensionmap.protect.aggregate import (
    Seen,
    areas_of,
    count_per_cell,
    keep,
    outlines,
    reported_from,
    spots_of,
    support_in_words,
    to_bands,
    verdict_of,
    windowed,
)
from tensionmap.tables import INTERNAL_POINTS, PERIOD

if TYPE_CHECKING:
    import geopandas as gpd

    from tensionmap.protect.policy import Policy

SCOPES = {"crime": "internal_crime", "tension": "internal_tension"}
BAND_FROM = 5


def internals_see(
    reports: pd.DataFrame,
    cells: gpd.GeoDataFrame,
    hotspots: pd.DataFrame,
    settlements: gpd.GeoDataFrame,
    *,
    audience: str,
    theme: str,
    windows: Mapping[str, pd.Series],
    policy: Policy,
    parties: tuple[str, ...],
    cell_m: float,
) -> Seen:
    """The counts, areas and totals of one theme; parameters as `community.community_sees`, the period being the whole study."""
    events = reports[reports["incident_id"] == reports["event_id"]]
    placed = events[events["tier"].isin(policy.tiers(audience, "cell"))]
    counts = count_per_cell(placed, cells)
    spots = spots_of(hotspots, cells, SCOPES.get(theme))
    expected = _scaled(spots["expected"], int(counts.sum()))
    areas, at_least = _explained_areas(cells, spots, counts, expected, cell_m=cell_m)
    is_withheld = spots["hotspot"].isin(("hot", "cold")) & (areas == 0)
    told_reports = reports[reports["tier"].isin(policy.tiers(audience, "cell"))]
    about = pd.DataFrame(
        {
            "kind": spots["hotspot"][areas > 0].groupby(areas[areas > 0]).first(),
            "at_least": at_least,
            "reported_from": reported_from(told_reports, areas, cells, parties=parties, fewest=BAND_FROM).reindex(at_least.index),
            "support": support_in_words(spots["support"], areas),
        }
    )
    listed = cells[["cell_id", "geometry"]].assign(
        band=to_bands(counts, fewest=BAND_FROM),
        hotspot=spots["hotspot"].mask(is_withheld, "none"),
        count=counts,
        expected=expected,
        p_map=spots["p_map"].mask(is_withheld),
    )
    return Seen(
        tables={
            "cells": listed[(counts > 0) | (areas > 0)],
            "quarters": windowed({n: _per_cell(placed[i[placed.index]]) for n, i in windows.items() if n != PERIOD}),
            "hotspots": outlines(cells, areas, about, settlements, cell_m=cell_m),
            "totals": windowed({n: _totals(events[i[events.index]]) for n, i in windows.items()}),
            "numbers": windowed({n: _numbers(events[i[events.index]]) for n, i in windows.items()}),
        },
        verdict=verdict_of(spots),
        is_withheld=bool(is_withheld.any()),
    )


def _per_cell(events: pd.DataFrame) -> pd.DataFrame:
    counts = events["cell_id"].value_counts().sort_index()
    return pd.DataFrame({"cell_id": counts.index.astype("str"), "count": counts.to_numpy()})


def _totals(events: pd.DataFrame) -> pd.DataFrame:
    counts = events["category"].value_counts().sort_index()
    return pd.DataFrame({"category": counts.index.astype("str"), "band": to_bands(counts, fewest=BAND_FROM).to_numpy()})


def _numbers(events: pd.DataFrame) -> pd.DataFrame:
    percent = round(100 * events["cell_id"].isna().mean()) if len(events) else 0
    return pd.DataFrame({"reports": [len(events)], "unplaced_percent": [percent]})


def _explained_areas(
    cells: gpd.GeoDataFrame, spots: pd.DataFrame, counts: pd.Series, expected: pd.Series, *, cell_m: float
) -> tuple[pd.Series, pd.Series]:
    """The area of every cell (0: none), hot ones first, and its reports (cold: 0); none that only sealed reports explain."""
    is_cold = spots["hotspot"] == "cold"
    hot = areas_of(cells, spots["hotspot"] == "hot", cell_m=cell_m)
    found = hot + (areas_of(cells, is_cold, cell_m=cell_m) + hot.max()).where(is_cold, 0)
    sums = pd.DataFrame({"count": counts, "expected": expected, "is_cold": is_cold}).groupby(found).sum()
    sums = sums.drop(index=0, errors="ignore")
    is_shown = (sums["is_cold"] > 0) | (sums["count"] > sums["expected"])
    areas, numbers = keep(found, is_shown)
    return areas, sums["count"].where(sums["is_cold"] == 0, 0)[is_shown].set_axis(numbers)


def _scaled(expected: pd.Series, reports: int) -> pd.Series:
    total = expected.sum()
    return expected * (reports / total) if total > 0 else expected


def points_of(reports: Any) -> Any:
    """Single reports whose place is known to a cell, sorted by what they say: their order tells nothing of the file's."""
    placed = reports[reports["cell_id"].notna() & reports["location_precision_m"].notna() & reports.geometry.notna()]
    order = placed.get_coordinates().rename(columns={"x": "easting", "y": "northing"})
    columns = INTERNAL_POINTS.column_names
    keys = [name for name in columns if name != "geometry"] + ["easting", "northing"]
    return placed[columns].join(order).sort_values(keys, kind="stable", ignore_index=True)[columns]
