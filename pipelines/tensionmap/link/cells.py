"""What is known of every cell: who lives there, how high it lies, what grows there, and what is near."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from tensionmap.link.grid import Area, cell_of, make_grid
from tensionmap.link.nearby import by_kind, distances_m
from tensionmap.tables import CELLS, DISTANCE_KINDS, check

COST = {
    "canal": "nothing can be said about canals, nor about who lies at the head or the tail of one",
    "intake": "nothing can be said about intakes of water",
    "gate": "nothing can be said about the gates that share out water",
    "spring": "nothing can be said about springs and drinking water from them",
    "river": "nothing can be said about rivers",
    "pasture": "nothing can be said about pasture",
    "forest": "nothing can be said about forest",
    "road": "nothing can be said about roads, nor about travel times",
    "crossing": "nothing can be said about crossings of the border",
    "police_post": "nothing can be said about how far the police are",
}


def make_cells(
    area: Area,
    *,
    crs: str,
    cell_m: float,
    population: pd.DataFrame,
    settlements: gpd.GeoDataFrame,
    elevation: pd.DataFrame,
    land_cover: pd.DataFrame,
    resources: gpd.GeoDataFrame,
    services: gpd.GeoDataFrame,
) -> tuple[gpd.GeoDataFrame, tuple[str, ...]]:
    """The grid of the study area with all that is known of its cells, as the table CELLS, and notes.

    Parameters
    ----------
    area : tuple of float
        West, south, east, north in degrees.
    crs : str
        Metric CRS of the study; every layer must be in it.
    cell_m : float
        Side of a cell in metres.
    population, settlements, elevation, land_cover, resources, services : DataFrame or GeoDataFrame
        Tables of that name; one without rows is a layer that is missing.

    Returns
    -------
    cells : GeoDataFrame
        The table CELLS.
    notes : tuple of str
        Automatic choices, and what each missing layer costs the answer.

    Raises
    ------
    GeometryError
        Too many cells, none, or a layer in another CRS.

    Notes
    -----
    Distances are measured from the centre of the cell, in a straight line.
    """
    grid = make_grid(area, crs=crs, cell_m=cell_m)
    facts, notes = describe_cells(
        grid, population=population, settlements=settlements, elevation=elevation, land_cover=land_cover, cell_m=cell_m
    )
    layers = by_kind(resources, services)
    centres = gpd.GeoSeries(gpd.points_from_xy(grid["easting"], grid["northing"]), index=grid.index, crs=grid.crs)
    near = distances_m(centres, layers)
    costs = tuple(f"No layer of kind {kind}: {COST[kind]}." for kind in DISTANCE_KINDS if kind not in layers)
    return check(grid.join(facts).join(near), CELLS), notes + costs


def describe_cells(
    cells: pd.DataFrame,
    *,
    population: pd.DataFrame,
    settlements: gpd.GeoDataFrame,
    elevation: pd.DataFrame,
    land_cover: pd.DataFrame,
    cell_m: float,
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Residents, residents by village, elevation and land cover of every cell, and notes.

    Parameters
    ----------
    cells : DataFrame
        With ``easting`` and ``northing`` of the centres.
    population, elevation, land_cover : DataFrame
        Pixels: easting, northing and a value; without rows if there is no such raster.
    settlements : GeoDataFrame
        The table SETTLEMENTS, in the CRS of the grid.
    cell_m : float
        Side of a cell in metres.

    Returns
    -------
    facts : DataFrame
        Same index as ``cells``: ``residents`` (sum of the pixels whose centre lies in the cell), ``residents_named`` (people
        whose nearest village or town has its point in the cell, if it is no wider than a cell: by the name of a wider one
        no report gets a cell), ``elevation_m`` (mean; NaN where unknown) and
        ``land_cover`` (most frequent class, the first in the alphabet of several; missing where unknown).
    notes : tuple of str
        What was left outside, filled, or missing.

    Notes
    -----
    Nearest is meant in a straight line, and across any border: who lives in a hamlet that the settlements do not name is
    counted with the next village, of whichever party. Without a population raster all residents of a village are taken to
    live in the cell of its point. Cells without a pixel of a coarse raster take the nearest pixel, if it is as near as
    pixels are to one another.
    """
    villages = settlements[settlements["kind"].isin(["village", "town"])].sort_values("settlement_id", kind="stable")
    residents, named, notes = _residents(cells, population, villages, cell_m)
    elevation_m, more = _mean(cells, elevation, cell_m)
    cover, most = _most_frequent(cells, land_cover, cell_m)
    facts = pd.DataFrame(
        {"residents": residents, "residents_named": named, "elevation_m": elevation_m, "land_cover": cover}, index=cells.index
    )
    return facts.astype({"land_cover": "str"}), (*notes, *more, *most)


def _residents(
    cells: pd.DataFrame, population: pd.DataFrame, villages: gpd.GeoDataFrame, cell_m: float
) -> tuple[Any, Any, list[str]]:
    """Residents per cell, where they live and where their village is."""
    home = cell_of(villages.geometry.x, villages.geometry.y, cells, cell_m=cell_m)
    # A place wider than a cell puts no report into one by its name, so nobody is expected to be reported there by it.
    is_wide = (villages["precision_m"] > cell_m).to_numpy()
    if population.empty:
        known = villages["residents"].astype("Float64").fillna(0).to_numpy(dtype="float64")
        residents, outside = _sum(home, known, len(cells))
        note = f"No population raster: the {residents.sum():,.0f} residents of {(home >= 0).sum()} villages and towns"
        notes = [f"{note} are taken to live in the cell of its point; elsewhere nobody is expected to report."]
        if unknown := int(villages["residents"].isna().sum()):
            notes.append(f"{unknown} villages and towns have no number of residents and count as 0.")
        named, _ = _sum(home[~is_wide], known[~is_wide], len(cells))
        return residents, named, notes + _wide(is_wide) + _left_outside(outside, "live in villages outside the grid")
    people = population["residents"].to_numpy()
    lives = cell_of(population["easting"], population["northing"], cells, cell_m=cell_m)
    residents, outside = _sum(lives, people, len(cells))
    notes = _left_outside(outside, "live outside the grid, along the edge of the study area")
    if villages.empty:
        notes.append("No villages or towns: reports known only by a name cannot be expected anywhere.")
        return residents, np.zeros(len(cells)), notes
    _, village = cKDTree(villages.get_coordinates().to_numpy()).query(population[["easting", "northing"]].to_numpy())
    is_named = ~is_wide[village]
    named, outside = _sum(home[village][is_named], people[is_named], len(cells))
    return residents, named, notes + _wide(is_wide) + _left_outside(outside, "have their nearest village outside the grid")


def _wide(is_wide: Any) -> list[str]:
    count = int(is_wide.sum())
    return [f"{count} villages and towns are wider than a cell: reports known only by their name have no cell."] if count else []


def _sum(positions: NDArray[np.int64], values: Any, count: int) -> tuple[Any, float]:
    """Sums per cell, and what falls outside."""
    is_in = positions >= 0
    return np.bincount(positions[is_in], weights=values[is_in], minlength=count), float(values[~is_in].sum())


def _left_outside(people: float, where: str) -> list[str]:
    return [f"{people:,.0f} residents {where}, and count in no cell."] if people > 0 else []


def _mean(cells: pd.DataFrame, pixels: pd.DataFrame, cell_m: float) -> tuple[Any, list[str]]:
    if pixels.empty:
        return np.full(len(cells), np.nan), ["No elevation raster: nothing can be said about height above sea level."]
    positions, values, notes = _cover(cells, pixels, "elevation_m", cell_m)
    sums, _ = _sum(positions, values, len(cells))
    counts = np.bincount(positions[positions >= 0], minlength=len(cells))
    return np.divide(sums, counts, out=np.full(len(cells), np.nan), where=counts > 0), notes


def _most_frequent(cells: pd.DataFrame, pixels: pd.DataFrame, cell_m: float) -> tuple[Any, list[str]]:
    if pixels.empty:
        return np.full(len(cells), None), ["No land-cover raster: nothing can be said about fields, pasture and built-up land."]
    positions, values, notes = _cover(cells, pixels, "land_cover", cell_m)
    codes, classes = pd.factorize(values, sort=True)
    is_in = positions >= 0
    counts = np.bincount(positions[is_in] * len(classes) + codes[is_in], minlength=len(cells) * len(classes))
    counts = counts.reshape(len(cells), len(classes))
    return np.where(counts.any(axis=1), np.asarray(classes, dtype=object)[counts.argmax(axis=1)], None), notes


def _cover(cells: pd.DataFrame, pixels: pd.DataFrame, column: str, cell_m: float) -> tuple[NDArray[np.int64], Any, list[str]]:
    """Cell and value of every pixel; a cell without one is given the nearest pixel, if the raster reaches it."""
    values = pixels[column].to_numpy()
    positions = cell_of(pixels["easting"], pixels["northing"], cells, cell_m=cell_m)
    bare = np.flatnonzero(np.bincount(positions[positions >= 0], minlength=len(cells)) == 0)
    if not len(bare) or len(pixels) < 2:
        return positions, values, []
    tree = cKDTree(pixels[["easting", "northing"]].to_numpy())
    apart = np.median(tree.query(tree.data[:: max(1, len(pixels) // 1000)], k=2)[0][:, 1])
    distance, pixel = tree.query(cells[["easting", "northing"]].to_numpy()[bare])
    near = distance <= apart
    note = (
        f"{column}: {near.sum():,} of {len(cells):,} cells hold no pixel and take the nearest (pixels lie {apart:,.0f} m apart)."
    )
    filled = np.concatenate([positions, bare[near]]), np.concatenate([values, values[pixel[near]]])
    return *filled, [note] if near.any() else []
