"""The frozen grid of hexagons: cells with six neighbours at one distance, named and placed by their size alone."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import Transformer

from tensionmap.compiled import compiled
from tensionmap.crs import DEGREES, metric
from tensionmap.errors import GeometryError
from tensionmap.link.grid import MOST_CELLS, Area, Floats, lie_inside

Wholes = NDArray[np.int64]

ROWS_APART = np.sqrt(3) / 2
"""Northing from one row of centres to the next, in units of cell_m."""
_CORNERS = ((0, 2), (-1, 1), (-1, -1), (0, -2), (1, -1), (1, 1))
"""Corners around a centre: east in halves of cell_m, north in sixths of two rows."""
_ROUNDING = 1e-6


def make_hexagons(area: Area, *, crs: str, cell_m: float) -> gpd.GeoDataFrame:
    """Every hexagon that lies wholly in the study area.

    Parameters
    ----------
    area : tuple of float
        West, south, east, north in degrees.
    crs : str
        Metric CRS of the study.
    cell_m : float
        Metres from the centre of a hexagon to those of its six neighbours; also its width from side to side.

    Returns
    -------
    GeoDataFrame
        ``cell_id`` (Q<q>R<r>, the axial coordinates), ``easting`` and ``northing`` of the centre, and the hexagon; sorted from
        south to north, then west to east; a plain index from 0.

    Raises
    ------
    GeometryError
        More than 4 million cells, or none; a size that is none; or a CRS that is not metric.

    Notes
    -----
    Hexagons stand on a corner (pointy top), in rows from west to east; one has its centre at the origin of the CRS. The one
    named QqRr has its centre at ((q + r / 2) * cell_m, r * sqrt(3) / 2 * cell_m). Neighbours are the six that differ by one
    step, and they share corners to the last bit. Area: sqrt(3) / 2 * cell_m^2, 13 % less than a square of that side. As with
    squares, a hexagon that sticks out of the study area is left out.

    References
    ----------
    Birch, C. P. D., Oom, S. P. and Beecham, J. A. (2007). Rectangular and hexagonal grids used for observation, experiment
    and simulation in ecology. Ecological Modelling 206. https://doi.org/10.1016/j.ecolmodel.2007.03.041
    """
    code = metric(crs)
    if not 0 < cell_m < np.inf:
        raise GeometryError(f"cell_m is {cell_m:g}, but neighbouring hexagons lie some metres apart.")
    west, south, east, north = Transformer.from_crs(DEGREES, code, always_xy=True).transform_bounds(*area)
    first_place, last_place = int(np.floor(west / cell_m)) - 1, int(np.ceil(east / cell_m)) + 1
    first_row, last_row = (int(np.floor(side / (ROWS_APART * cell_m))) for side in (south, north))
    count = (last_place - first_place + 1) * (last_row - first_row + 2)
    if count > MOST_CELLS:
        raise GeometryError(
            f"A study area of {(east - west) / 1000:,.0f} x {(north - south) / 1000:,.0f} km in hexagons {cell_m:g} m wide would "
            f"be {count:,} cells; {MOST_CELLS:,} is the most. Make cell_m larger or the area smaller."
        )
    row, place = (part.ravel() for part in np.mgrid[first_row : last_row + 2, first_place : last_place + 1])
    eastings, northings = _corners(row, place, cell_m)
    whole = lie_inside(zip(eastings, northings, strict=True), area, code)
    if not whole.any():
        raise GeometryError(f"No hexagon {cell_m:g} m wide fits into the study area {area}. Make cell_m smaller.")
    row, place = row[whole], place[whole]
    corners = np.stack([eastings[:, whole].T, northings[:, whole].T], axis=-1)
    return gpd.GeoDataFrame(
        {
            "cell_id": pd.Series([f"Q{p - r // 2}R{r}" for r, p in zip(row.tolist(), place.tolist(), strict=True)], dtype="str"),
            "easting": (2 * place + row % 2) * (cell_m / 2),
            "northing": row * (ROWS_APART * cell_m),
        },
        geometry=shapely.polygons(np.concatenate([corners, corners[:, :1]], axis=1)),
        crs=code,
    )


def _corners(row: Wholes, place: Wholes, cell_m: float) -> tuple[Floats, Floats]:
    """Eastings and northings of the six corners, each from whole numbers, so that neighbours agree on them."""
    right, up = np.array(_CORNERS).T[:, :, None]
    return (2 * place + row % 2 + right) * (cell_m / 2), (3 * row + up) * (ROWS_APART * cell_m / 3)


def hexagon_of(easting: Any, northing: Any, cells: pd.DataFrame, *, cell_m: float) -> Wholes:
    """Position in ``cells`` of the hexagon that each point lies in.

    Parameters
    ----------
    easting, northing : array-like of float
        Metres in the CRS of the hexagons; may hold NaN.
    cells : DataFrame
        With ``easting`` and ``northing`` of the centres, as :func:`make_hexagons` gives them, in any order.
    cell_m : float
        Metres between the centres of neighbours.

    Returns
    -------
    array of int64
        -1 for a point outside every cell. A point on a common side belongs to one of its cells, always the same.

    Raises
    ------
    GeometryError
        The centres are not those of hexagons of this size, or there are more or fewer eastings than northings.

    Notes
    -----
    The point's axial coordinates are rounded to the nearest centre, so no outline is looked at, and the time does not depend
    on how many cells there are.
    """
    east, north = np.ascontiguousarray(easting, dtype="float64"), np.ascontiguousarray(northing, dtype="float64")
    if east.shape != north.shape or east.ndim != 1:
        raise GeometryError(f"There are {east.size} eastings, but {north.size} northings. Each point needs one of both.")
    if not len(cells):
        return np.full(len(east), -1, dtype="int64")
    rows = cells["northing"].to_numpy() / (ROWS_APART * cell_m)
    row = np.rint(rows).astype("int64")
    places = cells["easting"].to_numpy() / cell_m - (row % 2) / 2
    place = np.rint(places).astype("int64")
    if max(np.abs(rows - row).max(), np.abs(places - place).max()) > _ROUNDING:
        raise GeometryError(f"The cells are not hexagons whose centres lie {cell_m:g} m apart. Give the cell_m of their making.")
    first_row, first_place = int(row.min()), int(place.min())
    positions = np.full((int(row.max()) - first_row + 1, int(place.max()) - first_place + 1), -1, dtype="int64")
    positions[row - first_row, place - first_place] = np.arange(len(cells))
    found: Wholes = _look_up(east, north, positions, first_place, first_row, float(cell_m))
    return found


@compiled
def _look_up(east: Any, north: Any, positions: Any, first_place: int, first_row: int, cell_m: float) -> Any:
    rows, places = positions.shape
    found = np.full(len(east), -1, dtype=np.int64)
    for i in range(len(east)):
        along_r = north[i] / (ROWS_APART * cell_m)
        along_q = east[i] / cell_m - along_r / 2
        q, r = np.rint(along_q), np.rint(along_r)
        third = np.rint(-along_q - along_r)
        if q + r + third != 0:
            # The coordinate that was rounded farthest follows from the other two, whose sum with it is 0.
            off_q, off_r = np.abs(q - along_q), np.abs(r - along_r)
            if off_q > off_r and off_q > np.abs(third + along_q + along_r):
                q = -r - third
            elif off_r > np.abs(third + along_q + along_r):
                r = -q - third
        row, place = r - first_row, q + np.floor(r / 2) - first_place
        if 0 <= row < rows and 0 <= place < places:  # never true for NaN
            found[i] = positions[int(row), int(place)]
    return found
