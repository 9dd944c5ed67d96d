"""Where each report stands on the grid, and what is near it."""

from __future__ import annotations

from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from tensionmap.link.grid import cell_of
from tensionmap.link.nearby import distances_m
from tensionmap.link.territory import border_m, claimed_by
from tensionmap.tables import PLACED, check

PRECISE_KINDS = ("gps", "settlement")


def place_incidents(
    incidents: gpd.GeoDataFrame,
    cells: pd.DataFrame,
    claims: gpd.GeoDataFrame,
    layers: Mapping[str, gpd.GeoSeries | gpd.GeoDataFrame],
    *,
    cell_m: float,
) -> pd.DataFrame:
    """The cell of every report that is known as precisely as a cell, who claims the place, and what is near.

    Parameters
    ----------
    incidents : GeoDataFrame
        The table INCIDENTS.
    cells : DataFrame
        The table CELLS.
    claims : GeoDataFrame
        The table CLAIMS.
    layers : mapping of str to GeoSeries or GeoDataFrame
        Shapes per kind, as :func:`tensionmap.link.nearby.by_kind` gives them.
    cell_m : float
        Side of a cell in metres.

    Returns
    -------
    DataFrame
        The table PLACED, one row for each report, in the order of ``incidents``.

    Raises
    ------
    GeometryError
        Layers in different CRSs.

    Notes
    -----
    A report has a cell if its place was measured, pointed at, or given as a village, *and* the radius within which it
    happened is no larger than ``cell_m``. A report known by its village stands in the cell of the village's point, which is
    where ``residents_named`` expects it. Any other report ("in the district", "on the border") has no cell, and neither
    distances nor claims: they would be those of a point that nobody reported. Reports outside the grid have none either.
    Claims are those of the first day on which it can have happened.
    """
    incidents = incidents.reset_index(drop=True)
    shapes = incidents.geometry
    is_precise = incidents["location_kind"].isin(PRECISE_KINDS) & (incidents["location_precision_m"] <= cell_m) & shapes.notna()
    points = shapes[is_precise.to_numpy()]
    position = cell_of(points.x, points.y, cells, cell_m=cell_m)
    points = points[position >= 0]
    days = incidents.loc[points.index, "date_start"]
    facts = distances_m(points, layers).assign(
        cell_id=cells["cell_id"].to_numpy()[position[position >= 0]],
        claimed_by=claimed_by(points, days, claims),
        border_m=border_m(points, days, claims),
    )
    return check(incidents[["incident_id"]].join(facts), PLACED)


def nearest_village(cells: pd.DataFrame, settlements: gpd.GeoDataFrame) -> pd.Series:
    """The village or town that each cell belongs to: the nearest one, in a straight line from the cell's centre.

    Parameters
    ----------
    cells : DataFrame
        With ``easting`` and ``northing`` of the centres.
    settlements : GeoDataFrame
        The table SETTLEMENTS, in the CRS of the grid.

    Returns
    -------
    Series of str
        ``settlement_id``, index of ``cells``; missing everywhere if there is no village or town.

    Notes
    -----
    Nearest across any border: no claim decides to which village a piece of land belongs. Who uses it may be others.
    """
    villages = settlements[settlements["kind"].isin(["village", "town"])].sort_values("settlement_id", kind="stable")
    if villages.empty:
        return pd.Series(pd.NA, index=cells.index, name="settlement_id", dtype="str")
    _, nearest = cKDTree(villages.get_coordinates().to_numpy()).query(cells[["easting", "northing"]].to_numpy())
    ids = villages["settlement_id"].to_numpy(dtype=object)[nearest]
    return pd.Series(ids, index=cells.index, name="settlement_id", dtype="str")


def unplaced(incidents: pd.DataFrame, placed: pd.DataFrame) -> tuple[str, ...]:
    """Notes: how many reports have no cell, and why."""
    kinds = incidents.set_index("incident_id")["location_kind"].reindex(placed["incident_id"])
    without = kinds[placed["cell_id"].isna().to_numpy()]
    if without.empty:
        return ()
    counts = ", ".join(f"{kind} {count}" for kind, count in without.value_counts(sort=False).sort_index().items())
    share = np.ceil(100 * len(without) / len(placed))
    return (
        f"{len(without)} of {len(placed)} reports ({share:.0f} %) have no cell: less precise than a cell, or outside the grid "
        f"(place known as: {counts}).",
    )


def on_other_side(incidents: pd.DataFrame, placed: pd.DataFrame) -> tuple[str, ...]:
    """Notes: reports of each party whose place only others claim. They may be right; or a coordinate is wrong.

    ``claimed_by`` and the parties that reported are compared as they are written; who is right about the land is not asked.
    """
    reporter = incidents.set_index("incident_id")["reported_by"].reindex(placed["incident_id"]).to_numpy()
    known = placed["claimed_by"].notna() & (placed["claimed_by"] != "none")
    claimants = placed["claimed_by"].fillna("").str.split(" + ", regex=False)
    parties = {party for named in claimants[known] for party in named}
    other = known & np.array([who in parties and who not in named for who, named in zip(reporter, claimants, strict=True)])
    return tuple(
        f"{count} reports of {who} lie on land that only others claim: if that surprises you, look at their coordinates."
        for who, count in pd.Series(reporter[other.to_numpy()]).value_counts().sort_index().items()
    )
