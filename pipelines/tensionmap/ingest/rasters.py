"""Population, elevation and land-cover rasters -> tables of pixels of the study area: what the figures mean."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from tensionmap.ingest.tiles import Area, Meaning, mosaic, most_frequent
from tensionmap.tables import ELEVATION, LAND_COVER, POPULATION, Table, check, empty

FINEST_M = 100
"""Elevation and land cover are summed up to pixels of about this size; residents never are."""

PEOPLE_PER_KM2 = 1_000_000
PEOPLE_PER_PIXEL = 10_000
"""More than these in one pixel (the higher of both) is no number of residents. The densest quarters have 0.2 million per km2."""

ELEVATIONS_M = (-500, 9_000)

WORLD_COVER = {
    10: "tree cover",
    20: "shrubland",
    30: "grassland",
    40: "cropland",
    50: "built-up",
    60: "bare or sparse vegetation",
    70: "snow and ice",
    80: "permanent water",
    90: "herbaceous wetland",
    95: "mangroves",
    100: "moss and lichen",
}

PEOPLE = Meaning(are_people=True, limits=(0, PEOPLE_PER_PIXEL), most_per_km2=PEOPLE_PER_KM2)
METRES = Meaning(limits=ELEVATIONS_M, finest_m=FINEST_M, how="mean")
CLASSES = Meaning(are_classes=True, codes=tuple(WORLD_COVER), finest_m=FINEST_M, sum_up=most_frequent, how="most frequent class")


def read_population(paths: Sequence[Path], *, crs: str, area: Area) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Residents of every inhabited pixel whose centre lies in the study area, as the table POPULATION, and notes.

    Parameters
    ----------
    paths : sequence of Path
        Tiles of one map of people per pixel (not per km2), one band each, each in any CRS and resolution. Where two tiles
        have a value, the first in this order counts.
    crs : str
        Metric CRS of the study; pixel centres are given in it.
    area : tuple of float
        West, south, east, north in degrees. West and south edges belong to it, east and north do not.

    Returns
    -------
    frame : DataFrame
        The sum of residents is that of the pixels in the area: nothing is resampled, nobody is counted twice.
    notes : tuple of str
        How many people were found, what was read as no data, where tiles overlap or disagree, what no tile covers.

    Raises
    ------
    RawDataError
        Unreadable, of another format, without CRS or place, turned into a picture, of several bands, broken off; or no tile
        reaches the area. All faults of all tiles are in one message.

    Notes
    -----
    A pixel lies where its centre lies. Where tiles of different pixel sizes meet, the pixels at the seam may therefore
    overlap by up to half of the larger pixel.
    """
    pixels, notes = mosaic(paths, PEOPLE, crs=crs, area=area)
    table = _as_table(pixels, POPULATION)
    found = f"{_name(paths)}: {table['residents'].sum():,.0f} residents in {len(table):,} pixels of the study area."
    return table, (found, *notes)


def read_elevation(paths: Sequence[Path], *, crs: str, area: Area) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Mean metres above sea level per pixel of the study area, as the table ELEVATION, and notes.

    Parameters and errors as in :func:`read_population`. Pixels finer than 100 m are averaged to about 100 m; what lies
    below -500 or above 9,000 m is read as no data.
    """
    pixels, notes = mosaic(paths, METRES, crs=crs, area=area)
    return _as_table(pixels, ELEVATION), notes


def read_land_cover(paths: Sequence[Path], *, crs: str, area: Area) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Class of land cover per pixel of the study area, as the table LAND_COVER, and notes.

    Parameters and errors as in :func:`read_population`. Codes are those of ESA WorldCover (doi:10.5281/zenodo.7254221);
    of pixels finer than 100 m the most frequent class of about 100 m is taken (the lowest code of several). Other codes
    are left out with a note.
    """
    pixels, notes = mosaic(paths, CLASSES, crs=crs, area=area)
    return _as_table(pixels.assign(value=pixels["value"].map(WORLD_COVER)), LAND_COVER), notes


def _name(paths: Sequence[Path]) -> str:
    return paths[0].name if len(paths) == 1 else f"{paths[0].name} and {len(paths) - 1} more"


def _as_table(pixels: pd.DataFrame, table: Table) -> pd.DataFrame:
    if pixels.empty:
        return empty(table)
    return check(pixels.rename(columns={"value": table.columns[-1].name}), table)
