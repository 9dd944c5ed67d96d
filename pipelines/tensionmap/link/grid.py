"""The frozen grid: square cells whose names and places depend on their size alone, never on the data."""

from __future__ import annotations

from collections.abc import Iterable
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

MOST_CELLS = 4_000_000

Area = tuple[float, float, float, float]
Floats = NDArray[np.float64]


def make_grid(area: Area, *, crs: str, cell_m: float) -> gpd.GeoDataFrame:
    """Every grid cell that lies wholly in the study area.

    Parameters
    ----------
    area : tuple of float
        West, south, east, north in degrees.
    crs : str
        Metric CRS of the study.
    cell_m : float
        Side of a cell in metres.

    Returns
    -------
    GeoDataFrame
        ``cell_id`` (E<easting>N<northing> of the south-west corner in units of cell_m), ``easting`` and ``northing`` of the
        centre, and the square; sorted from south to north, then west to east; a plain index from 0.

    Raises
    ------
    GeometryError
        More than 4 million cells, or none; or a CRS that is not metric.

    Notes
    -----
    Corners stand at multiples of ``cell_m`` in the CRS. A cell that sticks out of the study area is left out, since its
    residents and reports would be known in part only: along the edge a strip narrower than a cell's diagonal has no cell.
    Cells are equal squares on the map; on the ground a UTM cell's area varies by less than 0.3 % within its zone.
    """
    code = metric(crs)
    bounds = Transformer.from_crs(DEGREES, code, always_xy=True).transform_bounds(*area)
    first_column, first_row, last_column, last_row = (int(np.floor(value / cell_m)) for value in bounds)
    count = (last_column - first_column + 1) * (last_row - first_row + 1)
    if count > MOST_CELLS:
        raise GeometryError(
            f"A study area of {(bounds[2] - bounds[0]) / 1000:,.0f} x {(bounds[3] - bounds[1]) / 1000:,.0f} km in cells of "
            f"{cell_m:g} m would be {count:,} cells; {MOST_CELLS:,} is the most. Make cell_m larger or the area smaller."
        )
    rows, columns = np.divmod(np.arange(count), last_column - first_column + 1)
    rows, columns = rows + first_row, columns + first_column
    corners = [((columns + right) * cell_m, (rows + up) * cell_m) for right, up in ((0, 0), (1, 0), (1, 1), (0, 1))]
    whole = lie_inside(corners, area, code)
    rows, columns = rows[whole], columns[whole]
    if not len(rows):
        raise GeometryError(f"No cell of {cell_m:g} m fits into the study area {area}. Make cell_m smaller or the area larger.")
    west, south = columns * cell_m, rows * cell_m
    return gpd.GeoDataFrame(
        {
            "cell_id": pd.Series([f"E{c}N{r}" for c, r in zip(columns, rows, strict=True)], dtype="str"),
            "easting": west + cell_m / 2,
            "northing": south + cell_m / 2,
        },
        geometry=shapely.box(west, south, (columns + 1) * cell_m, (rows + 1) * cell_m),
        crs=code,
    )


def lie_inside(corners: Iterable[tuple[Floats, Floats]], area: Area, crs: Any) -> NDArray[np.bool_]:
    """Which cells have all their corners in the area; eastings and northings of the first corners, of the second, ..."""
    west, south, east, north = area
    to_degrees = Transformer.from_crs(crs, DEGREES, always_xy=True)
    inside = []
    for easting, northing in corners:
        longitude, latitude = to_degrees.transform(easting, northing)
        inside.append((longitude >= west) & (longitude <= east) & (latitude >= south) & (latitude <= north))
    whole: NDArray[np.bool_] = np.logical_and.reduce(inside)
    return whole


def cell_of(easting: Any, northing: Any, cells: pd.DataFrame, *, cell_m: float) -> NDArray[np.int64]:
    """Position in ``cells`` of the cell that each point lies in.

    Parameters
    ----------
    easting, northing : array-like of float
        Metres in the CRS of the grid; may hold NaN.
    cells : DataFrame
        With ``easting`` and ``northing`` of the centres, as :func:`make_grid` gives them, in any order.
    cell_m : float
        Side of a cell in metres.

    Returns
    -------
    array of int64
        -1 for a point outside every cell. West and south edges belong to a cell, east and north edges to the next.
    """
    east, north = np.ascontiguousarray(easting, dtype="float64"), np.ascontiguousarray(northing, dtype="float64")
    columns = np.floor(cells["easting"].to_numpy() / cell_m).astype("int64")
    rows = np.floor(cells["northing"].to_numpy() / cell_m).astype("int64")
    if not len(columns):
        return np.full(len(east), -1, dtype="int64")
    first_column, first_row = int(columns.min()), int(rows.min())
    positions = np.full((int(rows.max()) - first_row + 1, int(columns.max()) - first_column + 1), -1, dtype="int64")
    positions[rows - first_row, columns - first_column] = np.arange(len(cells))
    found: NDArray[np.int64] = _look_up(east, north, positions, first_column, first_row, float(cell_m))
    return found


@compiled
def _look_up(east: Any, north: Any, positions: Any, first_column: int, first_row: int, cell_m: float) -> Any:
    rows, columns = positions.shape
    found = np.full(len(east), -1, dtype=np.int64)
    for i in range(len(east)):
        column, row = np.floor(east[i] / cell_m) - first_column, np.floor(north[i] / cell_m) - first_row
        if 0 <= column < columns and 0 <= row < rows:  # never true for NaN
            found[i] = positions[int(row), int(column)]
    return found
