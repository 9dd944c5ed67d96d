"""What the police and researchers may see of one theme: counts as they are, and no sealed report.

Verdicts come from the internal scopes, which are measured on every tier at exact points. Counts are of tiers A and B alone:
a count with sealed reports in it, less the points on the map, would say where those are. For the same reason what was
expected is scaled to the reports that are counted here; as reports in all are given when the test expects them, the
scaled number is what is expected of those reports. An area that stands out only by
sealed reports is withheld: a hot square without a report would be a map of them. Only cells with a report, or hot or cold,
are listed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from tensionmap.protect.aggregate import Seen, areas_of, count_per_cell, keep, outlines, spots_of, to_bands, verdict_of
from tensionmap.tables import INTERNAL_POINTS

if TYPE_CHECKING:
    import geopandas as gpd

SCOPES = {"crime": "internal_crime", "tension": "internal_tension"}
BAND_FROM = 5


def internals_see(
    reports: pd.DataFrame,
    cells: gpd.GeoDataFrame,
    hotspots: pd.DataFrame,
    settlements: gpd.GeoDataFrame,
    *,
    theme: str,
    cell_m: float,
) -> Seen:
    """The counts, areas and totals of one theme; parameters as `community.community_sees`."""
    counts = count_per_cell(reports, cells)
    spots = spots_of(hotspots, cells, SCOPES.get(theme))
    expected = _scaled(spots["expected"], int(counts.sum()))
    areas, bands_of_areas = _explained_areas(cells, spots, counts, expected, cell_m=cell_m)
    is_withheld = spots["hotspot"].isin(("hot", "cold")) & (areas == 0)
    by_category = reports["category"].value_counts().sort_index()
    unplaced = int(reports["cell_id"].isna().sum())
    listed = cells[["cell_id", "geometry"]].assign(
        band=to_bands(counts, fewest=BAND_FROM),
        hotspot=spots["hotspot"].mask(is_withheld, "none"),
        count=counts,
        expected=expected,
        p_map=spots["p_map"].mask(is_withheld),
    )
    return Seen(
        cells=listed[(counts > 0) | (areas > 0)],
        hotspots=outlines(cells, areas, spots["hotspot"], bands_of_areas, settlements, cell_m=cell_m),
        totals=pd.DataFrame(
            {"category": by_category.index.astype("str"), "band": to_bands(by_category, fewest=BAND_FROM).to_numpy()}
        ),
        reports=str(len(reports)),
        unplaced_percent=round(100 * unplaced / len(reports)) if len(reports) else 0,
        verdict=verdict_of(spots),
        is_withheld=bool(is_withheld.any()),
    )


def _explained_areas(
    cells: gpd.GeoDataFrame, spots: pd.DataFrame, counts: pd.Series, expected: pd.Series, *, cell_m: float
) -> tuple[pd.Series, pd.Series]:
    """The area of every cell (0: none), hot ones first, and its band; no hot area that only sealed reports explain."""
    is_cold = spots["hotspot"] == "cold"
    hot = areas_of(cells, spots["hotspot"] == "hot", cell_m=cell_m)
    found = hot + (areas_of(cells, is_cold, cell_m=cell_m) + hot.max()).where(is_cold, 0)
    sums = pd.DataFrame({"count": counts, "expected": expected, "is_cold": is_cold}).groupby(found).sum()
    sums = sums.drop(index=0, errors="ignore")
    is_shown = (sums["is_cold"] > 0) | (sums["count"] > sums["expected"])
    areas, numbers = keep(found, is_shown)
    return areas, to_bands(sums["count"][is_shown], fewest=BAND_FROM).set_axis(numbers)


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
