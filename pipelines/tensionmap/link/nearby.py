"""Metres to the nearest canal, spring, pasture, road, ... of every place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numba import njit
from numpy.typing import NDArray

from tensionmap.errors import GeometryError
from tensionmap.tables import AREA, DISTANCE_KINDS

Floats = NDArray[np.float64]
Wholes = NDArray[np.int64]

BRANCHES = 8


def by_kind(resources: gpd.GeoDataFrame, services: gpd.GeoDataFrame) -> dict[str, gpd.GeoSeries]:
    """The shapes of each kind that occurs in the two tables, as :func:`distances_m` wants them."""
    shapes = {kind: rows.geometry for kind, rows in [*resources.groupby("kind"), *services.groupby("kind")]}
    return {kind: shapes[kind] for kind in DISTANCE_KINDS if kind in shapes}


def distances_m(points: gpd.GeoSeries, layers: Mapping[str, gpd.GeoSeries | gpd.GeoDataFrame]) -> pd.DataFrame:
    """Metres from every point to the nearest thing of each kind.

    Parameters
    ----------
    points : GeoSeries of Point
        In a metric CRS; may hold empty points.
    layers : mapping of str to GeoSeries or GeoDataFrame
        Shapes of each kind, of any type, in the same CRS; kinds of :data:`tensionmap.tables.DISTANCE_KINDS`.

    Returns
    -------
    DataFrame of float64
        Same index as ``points``, one column ``<kind>_m`` for each of the kinds; 0 inside an area, NaN where there is no such
        layer or no point.

    Raises
    ------
    GeometryError
        A layer is in another CRS.

    Notes
    -----
    Straight lines on the map: not along roads, and not over mountains.
    """
    columns = {}
    for kind in DISTANCE_KINDS:
        columns[f"{kind}_m"] = nearest(points, layers[kind].geometry)[0] if kind in layers else np.nan
    return pd.DataFrame(columns, index=points.index)


def nearest(points: gpd.GeoSeries, shapes: gpd.GeoSeries) -> tuple[Floats, Wholes]:
    """Metres to the nearest shape, and which one it is.

    Parameters
    ----------
    points : GeoSeries of Point
        In a metric CRS.
    shapes : GeoSeries
        Points, lines or areas, in the same CRS.

    Returns
    -------
    distance_m : array of float64
        One for each point; 0 inside an area, NaN without shapes or without a point.
    position : array of int64
        Position in ``shapes`` (the first one of several at the same distance), -1 where the distance is NaN.

    Raises
    ------
    GeometryError
        The two are in different CRSs.

    Notes
    -----
    Shapes are cut into segments, and these packed into a tree of boxes (Leutenegger et al. 1997,
    doi:10.1109/ICDE.1997.582015); a box farther away than the best segment so far is not opened. Exact.
    """
    if points.crs != shapes.crs:
        raise GeometryError(f"Points in {points.crs} and shapes in {shapes.crs} cannot be compared: project one of them.")
    east, north = points.x.to_numpy(dtype="float64"), points.y.to_numpy(dtype="float64")
    distance_m, position = np.full(len(points), np.nan), np.full(len(points), -1, dtype="int64")
    is_point = np.isfinite(east) & np.isfinite(north)
    segments, owners = _segments(shapes)
    if not is_point.any() or not len(segments):
        return distance_m, position
    distance_m[is_point], found = _search(east[is_point], north[is_point], segments)
    position[is_point] = owners[found]
    inside, area = _inside(points, shapes)
    distance_m[inside], position[inside] = 0.0, area
    return distance_m, position


def _segments(shapes: gpd.GeoSeries) -> tuple[Floats, Wholes]:
    """Every straight piece of the shapes as west-or-start and end coordinates, and the shape that it belongs to."""
    parts, owner = shapely.get_parts(shapes.to_numpy(), return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    is_area = shapely.get_dimensions(parts) == 2
    lines = np.concatenate([parts[~is_area], rings])
    owner = np.concatenate([owner[~is_area], owner[part]])
    xy, line = shapely.get_coordinates(lines, return_index=True)
    starts = np.flatnonzero(line[1:] == line[:-1])
    single = np.flatnonzero(np.bincount(line, minlength=len(lines))[line] == 1)
    first, last = np.concatenate([starts, single]), np.concatenate([starts + 1, single])
    return np.ascontiguousarray(np.hstack([xy[first], xy[last]])), owner[line[first]].astype("int64")


def _inside(points: gpd.GeoSeries, shapes: gpd.GeoSeries) -> tuple[Wholes, Wholes]:
    """Positions of the points that lie in an area, and of the first area that each lies in."""
    areas = np.flatnonzero(shapes.geom_type.isin(AREA))
    which, tree = shapely.STRtree(shapes.to_numpy()[areas]).query(points.to_numpy(), predicate="intersects")
    pairs = pd.DataFrame({"point": which, "area": areas[tree]}).groupby("point")["area"].min()
    return pairs.index.to_numpy(), pairs.to_numpy()


def _search(east: Floats, north: Floats, segments: Floats) -> tuple[Floats, Wholes]:
    """Distance to the nearest segment and its number, for every point."""
    order = _near_together((segments[:, 0] + segments[:, 2]) / 2, (segments[:, 1] + segments[:, 3]) / 2)
    boxes, starts = _boxes_of_boxes(segments[order])
    visit = _near_together(east, north)
    distance_m, found = np.empty(len(east)), np.empty(len(east), dtype="int64")
    distance_m[visit], found[visit] = _descend(east[visit], north[visit], segments[order], order, boxes, starts)
    return distance_m, found


def _near_together(east: Floats, north: Floats) -> Wholes:
    """An order in which neighbours in the list are neighbours on the map: strips from west to east, each from south to north."""
    strips = max(1, int(np.sqrt(len(east) / BRANCHES)))
    strip = np.empty(len(east), dtype="int64")
    strip[np.argsort(east, kind="stable")] = np.arange(len(east)) * strips // len(east)
    return np.lexsort((north, strip))


def _boxes_of_boxes(segments: Floats) -> tuple[Floats, Wholes]:
    """West, south, east, north of every segment, then of every eight of these, and so on to one; and where each level starts."""
    low, high = np.minimum(segments[:, :2], segments[:, 2:]), np.maximum(segments[:, :2], segments[:, 2:])
    levels = [np.hstack([low, high])]
    while len(levels[-1]) > 1:
        firsts = np.arange(0, len(levels[-1]), BRANCHES)
        low, high = np.minimum.reduceat(levels[-1][:, :2], firsts), np.maximum.reduceat(levels[-1][:, 2:], firsts)
        levels.append(np.hstack([low, high]))
    return np.concatenate(levels), np.cumsum([0, *(len(level) for level in levels)])


@njit(cache=True, nogil=True)
def _descend(east: Any, north: Any, segments: Any, numbers: Any, boxes: Any, starts: Any) -> Any:
    distance_m = np.empty(len(east))
    found = np.empty(len(east), dtype=np.int64)
    waiting = np.empty((BRANCHES * len(starts), 2), dtype=np.int64)
    nearest_last = 0  # the answer of the neighbour before is a good first guess
    for i in range(len(east)):
        x, y = east[i], north[i]
        best, which = _square(x, y, segments, nearest_last), nearest_last
        waiting[0] = len(starts) - 2, 0
        count = 1
        while count:
            count -= 1
            level, node = waiting[count]
            west, south, far_east, far_north = boxes[starts[level] + node]
            dx, dy = max(west - x, 0.0, x - far_east), max(south - y, 0.0, y - far_north)
            if dx * dx + dy * dy > best:
                continue
            if level == 0:
                square = _square(x, y, segments, node)
                if square < best or (square == best and numbers[node] < numbers[which]):
                    best, which = square, node
                continue
            last = min((node + 1) * BRANCHES, starts[level] - starts[level - 1])
            for child in range(node * BRANCHES, last):
                waiting[count] = level - 1, child
                count += 1
        distance_m[i] = np.sqrt(best)
        found[i] = numbers[which]
        nearest_last = which
    return distance_m, found


@njit(cache=True, nogil=True)
def _square(x: float, y: float, segments: Any, number: int) -> float:
    """Square of the distance from a point to a segment."""
    ax, ay, bx, by = segments[number]
    dx, dy = bx - ax, by - ay
    length = dx * dx + dy * dy
    along = min(1.0, max(0.0, ((x - ax) * dx + (y - ay) * dy) / length)) if length > 0.0 else 0.0
    ex, ey = x - ax - along * dx, y - ay - along * dy
    return float(ex * ex + ey * ey)
