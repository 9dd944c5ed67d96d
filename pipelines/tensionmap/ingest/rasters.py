"""Population, elevation and land-cover rasters -> pixels of the study area, read block by block."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import rasterio
from pyproj import Transformer
from rasterio.enums import Resampling
from rasterio.errors import RasterioIOError
from rasterio.windows import Window

from tensionmap.crs import DEGREES, metric
from tensionmap.errors import RawDataError
from tensionmap.tables import ELEVATION, LAND_COVER, POPULATION, Table, check, empty

Area = tuple[float, float, float, float]

FINEST_M = 100
"""Elevation and land cover are summed up to pixels of about this size; residents never are."""

METRES_PER_DEGREE = 111_320

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


def read_population(path: Path, *, crs: str, area: Area) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Residents of every inhabited pixel whose centre lies in the study area, as the table POPULATION, and notes.

    Parameters
    ----------
    path : Path
        Raster of one band with people per pixel (not per km2), in any CRS.
    crs : str
        Metric CRS of the study; pixel centres are given in it.
    area : tuple of float
        West, south, east, north in degrees. West and south edges belong to it, east and north do not.

    Returns
    -------
    frame : DataFrame
        The sum of residents is exactly that of the raster's pixels in the area: nothing is resampled.
    notes : tuple of str
        Negative pixels that were read as uninhabited, and how many people were found.

    Raises
    ------
    RawDataError
        Unreadable, no CRS, more than one band, or no overlap with the area.
    """
    with _open(path) as raster:
        pixels, refused = _pixels(raster, path.name, crs=crs, area=area, lowest=0.0)
    table = _as_table(pixels[pixels["value"] > 0], POPULATION)
    notes = [f"{path.name}: {table['residents'].sum():,.0f} residents in {len(table):,} pixels of the study area."]
    if refused:
        notes.append(f"{path.name}: {refused:,} pixels with negative residents were read as uninhabited.")
    return table, tuple(notes)


def read_elevation(path: Path, *, crs: str, area: Area) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Mean metres above sea level per pixel of the study area, as the table ELEVATION, and notes.

    Parameters and errors as in :func:`read_population`. Pixels finer than 100 m are averaged to about 100 m.
    """
    with _open(path) as raster:
        factor = _factor(raster)
        pixels, _ = _pixels(raster, path.name, crs=crs, area=area, factor=factor, resampling=Resampling.average)
    return _as_table(pixels, ELEVATION), _summed_up(path.name, factor, "mean")


def read_land_cover(path: Path, *, crs: str, area: Area) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Class of land cover per pixel of the study area, as the table LAND_COVER, and notes.

    Parameters and errors as in :func:`read_population`. Codes are those of ESA WorldCover (doi:10.5281/zenodo.7254221);
    of pixels finer than 100 m the most frequent class of about 100 m is taken. Other codes are left out with a note.
    """
    with _open(path) as raster:
        if not np.issubdtype(np.dtype(raster.dtypes[0]), np.integer):
            raise RawDataError(f"{path.name} does not hold whole numbers, so it is no raster of land-cover classes.")
        factor = _factor(raster)
        pixels, _ = _pixels(raster, path.name, crs=crs, area=area, factor=factor, resampling=Resampling.mode)
    words = pixels["value"].map(WORLD_COVER)
    unknown = sorted({int(code) for code in pixels["value"][words.isna()]} - {0})
    if unknown and words.isna().all():
        raise RawDataError(f"{path.name} holds the codes {unknown[:10]}, none of which is a class of ESA WorldCover.")
    notes = _summed_up(path.name, factor, "most frequent class")
    if unknown:
        notes += (f"{path.name}: pixels of the codes {unknown[:10]}, unknown to ESA WorldCover, were left out.",)
    return _as_table(pixels.assign(value=words)[words.notna()], LAND_COVER), notes


def _open(path: Path) -> Any:
    try:
        # Overviews are other people's summaries: counted are the pixels themselves.
        raster = rasterio.open(path, OVERVIEW_LEVEL="NONE")
    except RasterioIOError as error:
        raise RawDataError(f"{path.name} cannot be read as a raster. Export it again as GeoTIFF.") from error
    fault = None
    if raster.count != 1:
        fault = f"{path.name} has {raster.count} bands where one is meant. Export the one band that holds the values."
    elif raster.crs is None or not (raster.crs.is_geographic or raster.crs.is_projected):
        fault = f"{path.name} does not say its coordinate reference system. Assign it (in QGIS: Raster, Projections)."
    if fault:
        raster.close()
        raise RawDataError(fault)
    return raster


def _factor(raster: Any) -> int:
    """How many pixels along each side are summed up to one."""
    metres = abs(raster.transform.e) * (METRES_PER_DEGREE if raster.crs.is_geographic else raster.crs.linear_units_factor[1])
    return max(1, int(FINEST_M / metres + 1e-6))


def _summed_up(file: str, factor: int, how: str) -> tuple[str, ...]:
    return (f"{file}: {factor} x {factor} pixels were summed up to one ({how}).",) if factor > 1 else ()


def _pixels(
    raster: Any,
    file: str,
    *,
    crs: str,
    area: Area,
    factor: int = 1,
    resampling: Resampling = Resampling.nearest,
    lowest: float = -np.inf,
) -> tuple[pd.DataFrame, int]:
    """Easting, northing and value of the pixels whose centre lies in the area; how many lay below ``lowest``."""
    to_degrees = Transformer.from_crs(raster.crs, DEGREES, always_xy=True)
    to_metres = Transformer.from_crs(raster.crs, metric(crs), always_xy=True)
    west, south, east, north = area
    found, refused = [], 0
    for window in _blocks(raster, _window(raster, file, area, factor), factor):
        shape = (window.height // factor, window.width // factor)
        block = raster.read(1, window=window, out_shape=shape, resampling=resampling, masked=True)
        values = block.astype("float64").filled(np.nan) * raster.scales[0] + raster.offsets[0]
        rows, columns = np.nonzero(np.isfinite(values))
        across = window.col_off + (columns + 0.5) * factor
        down = window.row_off + (rows + 0.5) * factor
        x, y = _at(raster.transform, across, down)
        longitude, latitude = to_degrees.transform(x, y)
        inside = (longitude >= west) & (longitude < east) & (latitude >= south) & (latitude < north)
        value = values[rows, columns]
        refused += int((inside & (value < lowest)).sum())
        inside &= value >= lowest
        easting, northing = to_metres.transform(x[inside], y[inside])
        found.append(pd.DataFrame({"easting": easting, "northing": northing, "value": value[inside]}))
    return pd.concat(found, ignore_index=True), refused


def _window(raster: Any, file: str, area: Area, factor: int) -> Window:
    """The part of the raster that holds the area, a multiple of ``factor`` pixels wide and high."""
    to_raster = Transformer.from_crs(DEGREES, raster.crs, always_xy=True)
    west, south, east, north = to_raster.transform_bounds(*area)
    corners = np.array([_at(~raster.transform, x, y) for x in (west, east) for y in (south, north)])
    size = np.array([raster.width, raster.height])
    first, end = np.clip(np.floor(corners.min(axis=0)), 0, size), np.clip(np.ceil(corners.max(axis=0)), 0, size)
    if not (first < end).all():  # also where the CRS of the raster has no place for the area
        own = Transformer.from_crs(raster.crs, DEGREES, always_xy=True).transform_bounds(*raster.bounds)
        raise RawDataError(
            f"{file} does not reach the study area: it covers {_degrees(own)}, the study area is {_degrees(area)} "
            "(west, south, east, north). Fetch the sheet that covers it."
        )
    length = np.minimum(np.ceil((end - first) / factor), size // factor).astype(int) * factor
    (column, row), (width, height) = np.minimum(first, size - length).astype(int).tolist(), length.tolist()
    return Window(column, row, width, height)


def _at(transform: Any, across: Any, down: Any) -> tuple[Any, Any]:
    """Written out: the operator for it differs between versions of affine."""
    return transform.a * across + transform.b * down + transform.c, transform.d * across + transform.e * down + transform.f


def _multiple(length: int, factor: int) -> int:
    return -(-length // factor) * factor


def _degrees(bounds: Any) -> str:
    return ", ".join(f"{value:.2f}" for value in bounds)


def _blocks(raster: Any, window: Window, factor: int) -> Iterator[Window]:
    """Strips of the window, of a few hundred rows, in whole blocks of the file and whole multiples of ``factor``."""
    step = _multiple(_multiple(256, raster.block_shapes[0][0]), factor)
    for top in range(window.row_off, window.row_off + window.height, step):
        height = min(step, window.row_off + window.height - top)
        yield Window(window.col_off, top, window.width, height)


def _as_table(pixels: pd.DataFrame, table: Table) -> pd.DataFrame:
    if pixels.empty:
        return empty(table)
    return check(pixels.rename(columns={"value": table.columns[-1].name}), table)
