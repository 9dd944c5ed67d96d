"""What everybody may see of one theme: bands, areas that stand out, and no way back to a person.

Counted are ordinary reports (tier B) in cells that are a public place (nobody lives there) or home to enough people;
sensitive reports (tier A) are only in the totals of the whole study. Sealed reports never come here.

Only what stands above the lowest band is listed, of cells as of categories: **not listed means 'fewer than 5 or none'**
(or, for a cell, too few residents to say). So a report more or less in the lowest band changes no byte.

Areas with more reports than chance would explain are shown as found on tiers A and B, if ordinary reports alone explain
them: an area that stands out by sensitive reports would say where those are. Areas with fewer reports are never shown:
where almost nothing was expected to be missing, 'fewer' tells none from some, which the lowest band is there to hide, and a
place where nobody reports is not a safe place. What is not shown still counts for the verdict, which names no place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tensionmap.protect import margins
from tensionmap.protect.aggregate import (
    Seen,
    areas_of,
    count_per_cell,
    inhabitants,
    keep,
    outlines,
    spots_of,
    to_bands,
    verdict_of,
)
from tensionmap.protect.policy import Policy
from tensionmap.tables import BANDS

if TYPE_CHECKING:
    import geopandas as gpd

SCOPES = {"crime": "crime", "tension": "tension"}


def community_sees(
    reports: pd.DataFrame,
    cells: gpd.GeoDataFrame,
    hotspots: pd.DataFrame,
    settlements: gpd.GeoDataFrame,
    *,
    theme: str,
    policy: Policy,
    cell_m: float,
) -> Seen:
    """The bands, areas and totals of one theme, and the rounded number of its reports.

    Parameters
    ----------
    reports
        Unsealed reports of the theme: ``category``, ``tier``, ``cell_id`` (empty without a place).
    cells, hotspots, settlements
        Tables ``CELLS`` (sorted by ``cell_id``), ``HOTSPOTS``, ``SETTLEMENTS``.
    theme, policy, cell_m
        Which map; the thresholds; side of a cell in metres.

    Raises
    ------
    ReleaseError
        If there are so few cells that totals would open them.
    """
    fewest = policy.minimum_count
    people = inhabitants(cells)
    is_counted = (people == 0) | (people >= policy.minimum_residents)
    ordinary = count_per_cell(reports[reports["tier"] == "B"], cells)
    counts = ordinary.where(is_counted, 0)
    bands = to_bands(counts, fewest=fewest)
    ends = margins.ends(bands, fewest=fewest)[is_counted]

    spots = spots_of(hotspots, cells, SCOPES.get(theme))
    areas, bands_of_areas = _shown_areas(cells, spots, counts, people, ends, policy=policy, cell_m=cell_m)
    shown, most = margins.range_of_sum(ends, areas[is_counted], margins.ends(bands_of_areas, fewest=fewest))
    margins.require_room(int(ordinary.sum()), most, theme=theme, fewest=fewest)

    totals, lows, highs = _totals(reports, policy)
    rounded = margins.rounded_reports(len(reports), shown=max(shown, lows["B"]) + lows["A"], fewest=fewest)
    unplaced = int(reports["cell_id"].isna().sum())
    percent = margins.rounded_percent(unplaced, len(reports), rounded=rounded, shown=shown, fewest=fewest)
    if not margins.may_list(highs["B"], rounded=rounded, percent=percent, shown=shown, fewest=fewest):
        totals = totals.iloc[:0]

    verdict = verdict_of(spots)
    resting = "too few to tell" if verdict == "too few to tell" else "none"
    listed = cells[["cell_id", "geometry"]].assign(band=bands, hotspot=np.where(areas > 0, "hot", resting))
    stands_out = spots["hotspot"].isin(("hot", "cold"))
    return Seen(
        cells=listed[(bands != BANDS[0]) | (areas > 0)],
        hotspots=outlines(cells, areas, spots["hotspot"], bands_of_areas, settlements, cell_m=cell_m),
        totals=totals,
        reports=str(rounded),
        unplaced_percent=percent,
        verdict=verdict,
        is_withheld=bool((stands_out & (areas == 0)).any()),
    )


def _shown_areas(
    cells: gpd.GeoDataFrame,
    spots: pd.DataFrame,
    counts: pd.Series,
    people: pd.Series,
    ends: pd.DataFrame,
    *,
    policy: Policy,
    cell_m: float,
) -> tuple[pd.Series, pd.Series]:
    """The shown area of every cell (0: none), and the band of every shown area by its number."""
    fewest = policy.minimum_count
    found = areas_of(cells, spots["hotspot"] == "hot", cell_m=cell_m)
    sums = pd.DataFrame({"count": counts, "people": people, "expected": spots["expected"]}).groupby(found).sum()
    sums = sums.drop(index=0, errors="ignore")
    bands = to_bands(sums["count"], fewest=fewest)
    of_areas = margins.ends(bands, fewest=fewest)
    counted = found[ends.index]
    is_open = [margins.leaves_open(ends[counted == area], of_areas.loc[area], fewest=fewest) for area in sums.index]
    is_shown = (
        (sums["count"] >= fewest)
        & (sums["count"] > sums["expected"])
        & ((sums["people"] == 0) | (sums["people"] >= policy.minimum_residents))
        & np.array(is_open, dtype=bool)
    )
    areas, numbers = keep(found, is_shown)
    return areas, bands[is_shown].set_axis(numbers)


def _totals(reports: pd.DataFrame, policy: Policy) -> tuple[pd.DataFrame, dict[str, float], dict[str, float]]:
    """Categories above the lowest band, and the least and most reports of each tier that the list tells."""
    found, lows, highs = [], {}, {}
    for tier, fewest in (("A", policy.minimum_count_sensitive), ("B", policy.minimum_count)):
        counts = reports.loc[reports["tier"] == tier, "category"].value_counts().sort_index()
        counts = counts[counts >= fewest]
        bands = to_bands(counts, fewest=fewest)
        ends = margins.ends(bands, fewest=fewest)
        lows[tier], highs[tier] = float(ends["low"].sum()), float(ends["high"].sum())
        found.append(pd.DataFrame({"category": counts.index.astype("str"), "band": bands.to_numpy()}))
    return pd.concat(found, ignore_index=True), lows, highs
