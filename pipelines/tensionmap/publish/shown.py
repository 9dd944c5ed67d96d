"""What of a release a map shows: the claims that stand, who claims them, and shapes cut to an area."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from tensionmap.errors import ReleaseError
from tensionmap.publish import style
from tensionmap.tables import BANDS, Release

EDGE_SHARE = 1 / 500
LINE_SHARE = 1 / 60
"""How near an outline lies to the edge, or to a line of the same party, that is left out: shares of the map's longer side."""


def refuse_unless_release(given: Any) -> None:
    """A map is drawn from what an audience may see, and from nothing else.

    Raises
    ------
    ReleaseError
        If ``given`` is not a Release.
    """
    if not isinstance(given, Release):
        raise ReleaseError(
            f"A map is drawn from a Release, not from a {type(given).__name__}: a raw table holds what nobody may see. "
            "Make one in the stage protect."
        )


def of_theme(release: Release, name: str, theme: str) -> Any:
    """The rows of one theme of a table of the release."""
    table = release.tables[name]
    return table[table["theme"] == theme]


def joint_work(release: Release) -> gpd.GeoDataFrame:
    """The squares with five or more joint repairs, agreements or meetings."""
    cells = of_theme(release, "cells", "cooperation")
    return cells[cells["band"] != BANDS[0]].sort_values("cell_id", kind="stable")


def settlements(release: Release) -> gpd.GeoDataFrame:
    """Villages and towns; the point of a district is nowhere in particular."""
    every = release.background["settlements"]
    return every[every["kind"] != "district"]


def standing(release: Release) -> gpd.GeoDataFrame:
    """The claims that stand on the last day of the period."""
    claims, last = release.background["claims"], pd.Timestamp(release.facts.date_to)
    return claims[~(claims["date_from"] > last) & ~(claims["date_to"] < last)]


def ended(release: Release) -> int:
    """How many claims ended before the last day of the period."""
    return int((release.background["claims"]["date_to"] < pd.Timestamp(release.facts.date_to)).sum())


def claimant_letters(release: Release) -> dict[str, str]:
    """The letters of each claimant as the claims write it: 'Norvia + Selmar' -> 'N+S'."""
    claimants = sorted(set(release.background["claims"]["claimant"]))
    single = style.claimant_letters([*release.facts.parties, *(name for names in claimants for name in names.split(" + "))])
    return {names: "+".join(single[name] for name in names.split(" + ")) for names in claimants}


def claim_lines(release: Release) -> gpd.GeoDataFrame:
    """The standing claims as lines, in the CRS of the cells.

    Areas claimed by one party on the same ground count as one, and become its outline inside the study, without the edge of
    the study and without what a line of the same party already says: where the data or a district ends is nobody's claim.
    """
    claims = _one_area_each(standing(release).to_crs(release.tables["cells"].crs))
    frame = shapely.box(*release.facts.extent)
    side = max(np.ptp(release.facts.extent[::2]), np.ptp(release.facts.extent[1::2]))
    inside = frame.buffer(-side * EDGE_SHARE, join_style="mitre")
    lines = claims[claims["kind"] == "line"]
    shapes = claims.geometry.to_numpy().copy()
    for place in np.flatnonzero(claims["kind"] == "area"):
        claimant = claims["claimant"].iloc[place]
        is_own = np.array([claimant in names.split(" + ") for names in lines["claimant"]], dtype=bool)
        own = shapely.union_all(lines.geometry.to_numpy()[is_own]).buffer(side * LINE_SHARE)
        shapes[place] = shapely.difference(shapely.intersection(shapes[place].boundary, inside), own)
    return _with_shapes(claims, shapes)


def _one_area_each(claims: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """``claims`` with the areas of one claimant, status, date and source as one."""
    claims = claims.reset_index(drop=True)
    alike = claims.groupby(["kind", "status", "claimant", "date_from", "source"], dropna=False, sort=False)
    number = alike.ngroup().where(claims["kind"] == "area", -1 - np.arange(len(claims)))
    shapes = claims.geometry.groupby(number).agg(lambda parts: shapely.union_all(parts.to_numpy()))
    one = claims[~number.duplicated()]
    return _with_shapes(one, shapes.loc[number[one.index]].to_numpy())


def cut(layer: gpd.GeoDataFrame, area: Any) -> gpd.GeoDataFrame:
    """``layer`` inside ``area``; what only touches it is left out."""
    shapes = layer.geometry.to_numpy().copy()
    for place in np.flatnonzero(~shapely.covered_by(shapes, area)):
        parts = shapely.get_parts(shapely.intersection(shapes[place], area))
        is_whole = shapely.get_dimensions(parts) == shapely.get_dimensions(shapes[place])
        shapes[place] = shapely.union_all(parts[is_whole])
    return _with_shapes(layer, shapes)


def _with_shapes(layer: gpd.GeoDataFrame, shapes: Any) -> gpd.GeoDataFrame:
    """``layer`` with other shapes, rows without one left out."""
    found = layer.set_geometry(gpd.GeoSeries(shapes, index=layer.index, crs=layer.crs))
    return found[~found.geometry.is_empty]
