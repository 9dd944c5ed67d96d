"""Reports on the frozen grid: counts, bands, areas of cells that hang together, and what they are near.

Everything here goes by the rows of ``cells``: the grid is neither clipped by a border nor moved by the data, so two
releases differ only where reports do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import ndimage

from tensionmap.tables import BANDS, RELEASED_HOTSPOTS, empty

if TYPE_CHECKING:
    import geopandas as gpd

BAND_STARTS = (0, 5, 10, 20)
NEAR_CELLS = 2
NEAR_NAMES = 3
SUPPORT_FROM = {"sometimes": 0.0, "mostly": 0.75, "nearly always": 0.95}
"""Least share of draws for each word."""


@dataclass(frozen=True)
class Seen:
    """What an audience sees of one theme: its part of every table of the release, and what the map says about it."""

    tables: dict[str, Any]
    """Name of a table of the release -> its rows, without the theme."""
    verdict: str
    is_withheld: bool


def count_per_cell(reports: pd.DataFrame, cells: gpd.GeoDataFrame) -> pd.Series:
    """Reports in each cell, in the order of ``cells``; reports without a cell are in none."""
    counts = reports["cell_id"].value_counts().reindex(cells["cell_id"].to_numpy(), fill_value=0)
    return pd.Series(counts.to_numpy(), index=cells.index, dtype="int64")


def inhabitants(cells: gpd.GeoDataFrame) -> pd.Series:
    """Whole people living in each cell; where the raster sees nobody, those of a village that has its point there."""
    from_raster = cells["residents"].round()
    return from_raster.where(from_raster > 0, cells["residents_named"].round())


def to_bands(counts: pd.Series, *, fewest: int) -> pd.Series:
    """The band of each count; below ``fewest`` always the lowest, in which none is not told from some."""
    position = np.searchsorted(BAND_STARTS, counts.to_numpy(), side="right") - 1
    return pd.Series(np.where(counts >= fewest, np.array(BANDS)[position], BANDS[0]), index=counts.index, dtype="str")


def spots_of(hotspots: pd.DataFrame, cells: gpd.GeoDataFrame, scope: str | None) -> pd.DataFrame:
    """Verdict, expected count, p and support of every cell in one scope, in the order of ``cells``.

    Without a scope (cooperation is not tested) or without a result, every cell is 'too few to tell'.
    """
    of_scope = hotspots[hotspots["scope"] == scope].set_index("cell_id")[["hotspot", "expected", "p_map", "support"]]
    spots = of_scope.reindex(cells["cell_id"].to_numpy())
    spots.index = cells.index
    return spots.fillna({"hotspot": "too few to tell"})


def verdict_of(spots: pd.DataFrame) -> str:
    """What a map says in one sentence: found (hot or cold), none found, or too few to tell in any cell."""
    if spots["hotspot"].isin(("hot", "cold")).any():
        return "found"
    return "none found" if (spots["hotspot"] == "none").any() else "too few to tell"


def areas_of(cells: gpd.GeoDataFrame, is_in: pd.Series, *, cell_m: float) -> pd.Series:
    """Which area a cell belongs to: marked cells that touch at an edge or a corner are one area; 0 for the others.

    Areas are numbered 1, 2, ... from north to south and from west to east by their first cell in that order, whatever
    the order of the rows.
    """
    column = np.floor(cells["easting"].to_numpy() / cell_m).astype(int)
    row = -np.floor(cells["northing"].to_numpy() / cell_m).astype(int)
    if not len(cells):
        return pd.Series([], index=cells.index, dtype="int64")
    at = (row - row.min(), column - column.min())
    raster = np.zeros((at[0].max() + 1, at[1].max() + 1), dtype=bool)
    raster[at] = is_in.to_numpy()
    labels: npt.NDArray[np.int64] = ndimage.label(raster, structure=np.ones((3, 3)))[0]
    _, first = np.unique(labels[labels > 0], return_index=True)
    number = np.zeros(labels.max() + 1, dtype=np.int64)
    number[labels[labels > 0][np.sort(first)]] = np.arange(1, labels.max() + 1)
    return pd.Series(number[labels[at]], index=cells.index)


def keep(areas: pd.Series, is_kept: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Areas of which some are withheld: the new number of every cell's area (0: none), and of every kept area by its old one.

    The rest are numbered anew: a gap in the numbers would say where the withheld one lies.
    """
    number = is_kept.cumsum().where(is_kept, 0)
    return areas.map(number).fillna(0).astype("int64"), number[is_kept]


def outlines(
    cells: gpd.GeoDataFrame, areas: pd.Series, told: pd.DataFrame, settlements: gpd.GeoDataFrame, *, cell_m: float
) -> Any:
    """One row an area (numbered as ``areas``): outline, what is ``told`` of it by its number, and the settlements near it."""
    if not areas.any():
        return empty(RELEASED_HOTSPOTS, crs=cells.crs).drop(columns="theme")
    frame = cells[["geometry"]].assign(hotspot_id=areas)[areas > 0].dissolve(by="hotspot_id")
    frame = frame.set_geometry(frame.normalize()).join(told)
    names = [_names_near(shape, settlements, within_m=NEAR_CELLS * cell_m) for shape in frame.geometry]
    frame = frame.assign(near=[near for near, _ in names], near_local=[local for _, local in names]).reset_index()
    return frame.assign(hotspot_id=frame["hotspot_id"].astype(str))


def support_in_words(support: pd.Series, areas: pd.Series) -> pd.Series:
    """By the number of an area, how it holds up when imprecise reports are put elsewhere: a word of ``SUPPORT_FROM``.

    ``support`` is that of every cell, ``areas`` its area as shown (0: none). The word is that of the least sure cell: an
    outline claims every cell in it, and one that is sure does not vouch for another. Empty if a cell of it was not tried.
    """
    is_in = areas > 0
    of_area = support[is_in].groupby(areas[is_in])
    least = of_area.min()
    at = np.searchsorted(list(SUPPORT_FROM.values()), least.to_numpy(dtype=float), side="right") - 1
    told = pd.Series(np.array(list(SUPPORT_FROM), dtype=object)[at], index=least.index, dtype=object)
    return told.where(of_area.count() == of_area.size(), None)


def windowed(parts: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """The rows of every window as one table, each with its window."""
    return pd.concat([frame.assign(window=window) for window, frame in parts.items()], ignore_index=True)


def reported_from(
    reports: pd.DataFrame, areas: pd.Series, cells: pd.DataFrame, *, parties: tuple[str, ...], fewest: int
) -> pd.Series:
    """By the number of an area: both sides, if two parties reported ``fewest`` events there; one side only, if nobody else did.

    ``reports`` are all reports of the events, so that an event told by both sides is one of each. Empty where neither holds.
    """
    area = reports["cell_id"].map(areas.set_axis(cells["cell_id"])).fillna(0).astype("int64")
    events = reports.assign(area=area)[area > 0].groupby(["area", "reported_by"])["event_id"].nunique().unstack(fill_value=0)
    of_parties = events.reindex(columns=list(parties), fill_value=0)
    sides = (of_parties >= fewest).sum(axis=1)
    alone = (sides == 1) & (events.sum(axis=1) - of_parties.max(axis=1) < fewest)
    told = pd.Series(np.select([sides >= 2, alone], ["both sides", "one side only"], ""), index=events.index, dtype=object)
    return told.where(told != "", None)


def _names_near(shape: Any, settlements: gpd.GeoDataFrame, *, within_m: float) -> tuple[str | None, str | None]:
    """Names in Latin letters and in the local script of the nearest villages and towns, joined by |; never a district."""
    places = settlements[settlements["kind"] != "district"]
    away = places.distance(shape).round()
    nearest = places.assign(away=away)[away <= within_m].sort_values(["away", "name", "settlement_id"]).head(NEAR_NAMES)
    if nearest.empty:
        return None, None
    return "|".join(nearest["name"]), "|".join(nearest["name_local"].fillna(nearest["name"]))
