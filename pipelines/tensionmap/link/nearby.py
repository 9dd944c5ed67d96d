"""What is near every place: metres to the nearest canal, spring, pasture, road, ..., and the areas that cover it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from tensionmap.compiled import compiled
from tensionmap.errors import GeometryError
from tensionmap.tables import AREA, DISTANCE_KINDS

Result = TypeVar("Result")
Floats = NDArray[np.float64]
Wholes = NDArray[np.int64]

LANES = 8  # segments of a leaf, children of a node, and places that are searched together
LEVELS = 24  # halvings of the extent along which places are put in order
POINTS_PER_THREAD = 16_384
SLACK = 1 + 1e-9  # boxes are opened a little beyond the best so far: rounding must not hide an equal one
SHORTEST_SQUARE = 1e-300  # a segment that is shorter is a point: 1 / length would overflow
VERTICES_PER_STRIP = 4
MOST_STRIPS_PER_EDGE = 4  # on average, so that the strips of an area need no more room than its outline
INSIDE, TOO_NEAR, OUTSIDE = 0, 1, 2
DOUBT = 4e-16  # relative error of the side of an edge; Shewchuk (1997), doi:10.1007/PL00009321, proves 3.33e-16


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
        One for each point; 0 inside an area and on its outline, NaN without shapes or without a point.
    position : array of int64
        Position in ``shapes`` (the first one of several at the same distance), -1 where the distance is NaN.

    Raises
    ------
    GeometryError
        The two are in different CRSs.

    Notes
    -----
    Shapes are cut into segments, and these packed along a Hilbert curve into a tree of boxes (Kamel and Faloutsos 1993,
    doi:10.1145/170088.170403). Neighbouring points go down the tree together; a box farther from them than their best
    segments so far is not opened. Exact, up to the rounding of one distance. Lines and outlines with a coordinate that is
    not a number are left out.
    """
    _require_same_crs(points, shapes)
    distance_m, position = np.full(len(points), np.nan), np.full(len(points), -1, dtype="int64")
    east, north = _coordinates(points)
    order = _order(east, north)
    xy, sizes, owners = _outlines(shapes)
    if not len(order) or not len(xy):
        return distance_m, position
    runs = _runs(sizes)
    middle = xy[(runs[:, 0] + runs[:, 1]) // 2]
    leaves, names, boxes = _leaves(xy, owners, runs[_order(middle[:, 0], middle[:, 1])])
    segments, tree = (leaves, names), _tree(boxes)
    _share_out(lambda *piece: _search(east, north, order, piece, segments, tree, distance_m, position), len(order))
    areas = np.flatnonzero(shapes.geom_type.isin(AREA))
    point, area = covering(points, shapes.iloc[areas])
    first = np.flatnonzero(np.diff(point, prepend=-1))
    distance_m[point[first]], position[point[first]] = 0.0, areas[area[first]]
    return distance_m, position


def covering(points: gpd.GeoSeries, areas: gpd.GeoSeries) -> tuple[Wholes, Wholes]:
    """Which areas cover which points: positions of both, one pair for each point and area that covers it.

    Parameters
    ----------
    points : GeoSeries of Point
        May hold empty points: nothing covers them.
    areas : GeoSeries of Polygon or MultiPolygon
        Valid areas in the same CRS; they may overlap.

    Returns
    -------
    point, area : array of int64
        Sorted by point, then area.

    Raises
    ------
    GeometryError
        The two are in different CRSs.

    Notes
    -----
    A point on the outline of an area, or of a hole in it, is covered. Each area is cut into strips from south to north; the
    edges of a point's strip that lie east of it are counted, and an odd count is inside (Shimrat 1962,
    doi:10.1145/368637.368653). Where the point is so near to an edge that rounding could decide, GEOS is asked, so that the
    answer is GEOS's own everywhere.
    """
    _require_same_crs(points, areas)
    shapes = areas.to_numpy()
    polygons, area = shapely.get_parts(shapes, return_index=True)
    boxes = shapely.bounds(polygons)
    together = _order((boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2)
    if not len(together):
        return np.empty(0, dtype="int64"), np.empty(0, dtype="int64")
    east, north = _coordinates(points)
    order = _order(east, north)
    xy, rings, parts = _rings(polygons[together])
    trees = _tree(boxes[together]), _edge_tree(xy, rings)
    strips, owners, bits = _strips(xy, rings, parts), area[together], len(shapes).bit_length()
    found = _share_out(lambda *piece: _cover(east, north, order, piece, trees, xy, strips, owners, bits), len(order))
    sure, doubtful = (_once(np.concatenate(pieces)) for pieces in zip(*found, strict=True))
    doubtful = doubtful[~np.isin(doubtful, sure)] if len(doubtful) else doubtful
    point, area = doubtful >> bits, doubtful & (2**bits - 1)
    is_covered = shapely.intersects(shapes[area], points.to_numpy()[point])
    pairs = np.sort(np.concatenate([sure, doubtful[is_covered]])) if is_covered.any() else sure
    return pairs >> bits, pairs & (2**bits - 1)


def _require_same_crs(points: gpd.GeoSeries, shapes: gpd.GeoSeries) -> None:
    if points.crs != shapes.crs:
        raise GeometryError(f"Points in {points.crs} and shapes in {shapes.crs} cannot be compared: project one of them.")


def _once(numbers: Wholes) -> Wholes:
    """The numbers in order, each once; np.unique hashes them, which takes many times as long."""
    numbers.sort()
    is_new = numbers[1:] != numbers[:-1]
    return numbers if is_new.all() else numbers[np.append(True, is_new)]


def _coordinates(points: gpd.GeoSeries) -> tuple[Floats, Floats]:
    """Easting and northing of every point, NaN where there is none."""
    shapes = points.to_numpy()
    pieces = _share_out(lambda first, last: _xy(shapes[first:last]), len(shapes))
    east, north = (np.concatenate(piece) for piece in zip(*pieces, strict=True))
    return east, north


def _xy(shapes: Any) -> tuple[Floats, Floats]:
    try:
        return shapely.get_x(shapes), shapely.get_y(shapes)
    except shapely.errors.GEOSException:  # an empty point has no coordinates that could be asked for
        shapes = np.where(shapely.is_empty(shapes), None, shapes)
        return shapely.get_x(shapes), shapely.get_y(shapes)


def _outlines(shapes: gpd.GeoSeries) -> tuple[Floats, Wholes, Wholes]:
    """Vertices of all points, lines and rings of areas; how many each has; and the shape that it belongs to."""
    parts, owner = shapely.get_parts(shapes.to_numpy(), return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    is_area = shapely.get_dimensions(parts) == 2
    lines, owner = np.concatenate([parts[~is_area], rings]), np.concatenate([owner[~is_area], owner[part]])
    xy, sizes = shapely.get_coordinates(lines), shapely.get_num_coordinates(lines).astype("int64")
    broken = np.repeat(np.arange(len(lines)), sizes)[~np.isfinite(xy).all(axis=1)]
    if len(broken) or not sizes.all():
        is_whole = sizes > 0
        is_whole[broken] = False
        xy, sizes, owner = xy[np.repeat(is_whole, sizes)], sizes[is_whole], owner[is_whole]
    return xy, sizes, owner.astype("int64")


def _rings(polygons: Any) -> tuple[Floats, Wholes, Wholes]:
    """Vertices of all rings; the first vertex of each ring; the first ring of each polygon. Both end with the sum."""
    rings, polygon = shapely.get_rings(polygons, return_index=True)
    ring_firsts = np.concatenate([[0], np.cumsum(shapely.get_num_coordinates(rings), dtype="int64")])
    return shapely.get_coordinates(rings), ring_firsts, np.searchsorted(polygon, np.arange(len(polygons) + 1)).astype("int64")


def _edge_tree(xy: Floats, rings: Wholes) -> tuple[Floats, Wholes]:
    """The tree of boxes of up to eight edges one after another."""
    boxes = _boxes(xy, _runs(np.diff(rings)))
    return _tree(boxes[_order(boxes[:, 0], boxes[:, 1])])  # type: ignore[no-any-return]


def _share_out(task: Callable[[int, int], Result], count: int) -> list[Result]:
    """Results of ``task(first, last)`` over 0, 1, ..., cut into a few pieces a thread, in order; groups of places stay whole."""
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    pieces = max(1, min(4 * threads, count // POINTS_PER_THREAD))
    bounds = [count * piece // pieces // LANES * LANES for piece in range(pieces)] + [count]
    if pieces == 1:
        return [task(0, count)]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(task, bounds[:-1], bounds[1:]))


def _order(east: Floats, north: Floats) -> Wholes:
    """Positions of the places whose coordinates are numbers, along a Hilbert curve: neighbours there are near on the map."""
    east, north = np.ascontiguousarray(east), np.ascontiguousarray(north)
    count, west, south, extent = _extent(east, north)
    keys = np.empty(len(east), dtype="uint64")
    _share_out(lambda first, last: _along_hilbert(east, north, first, last, west, south, extent, keys), len(east))
    keys.sort()
    return (keys[:count] & np.uint64(2 ** len(east).bit_length() - 1)).astype("int64")


def _curve() -> np.uint64:
    """Hilbert's curve as 16 times 4 bits: from the state of the curve and a quadrant, the next state and the quadrant's rank.

    A state is two truths: the quadrant's axes are swapped (4), and turned over (8).
    """
    table = 0
    for state in range(4):
        for quadrant in range(4):
            right, up = (quadrant >> 1) ^ (state >> 1), (quadrant & 1) ^ (state >> 1)
            if state & 1:
                right, up = up, right
            change = 0 if up else 1 + 2 * right
            table |= ((state ^ change) << 2 | (3 * right) ^ up) << 4 * (4 * state + quadrant)
    return np.uint64(table)


CURVE = _curve()
ONE, TWO, THREE, STATE = np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(12)


@compiled
def _extent(east: Any, north: Any) -> Any:
    """How many places there are, their west and south, and the longer side of the box round them."""
    count, west, south, far_east, far_north = 0, np.inf, np.inf, -np.inf, -np.inf
    for i in range(len(east)):
        if np.isfinite(east[i]) and np.isfinite(north[i]):
            count += 1
            west, far_east = min(west, east[i]), max(far_east, east[i])
            south, far_north = min(south, north[i]), max(far_north, north[i])
    return count, west, south, max(far_east - west, far_north - south)


@compiled
def _along_hilbert(east: Any, north: Any, first: int, last: int, west: float, south: float, extent: float, keys: Any) -> None:
    """Fill ``keys`` with the rank along the curve, and below it the position; places that are none come last."""
    bits = 0
    while len(east) >> bits:
        bits += 1
    shift = np.uint64(bits)
    drop = np.uint64(max(0, 2 * LEVELS + bits - 63))
    scale = (2.0**LEVELS - 1) / extent if 0.0 < extent < np.inf else 0.0
    for i in range(first, last):
        if not (np.isfinite(east[i]) and np.isfinite(north[i])):
            keys[i] = np.uint64(2**64 - 1)
            continue
        column, row = np.uint64((east[i] - west) * scale), np.uint64((north[i] - south) * scale)
        rank, state = np.uint64(0), np.uint64(0)
        for halving in range(LEVELS - 1, -1, -1):
            level = np.uint64(halving)
            quadrant = (column >> level & ONE) << ONE | (row >> level & ONE)
            entry = CURVE >> ((state | quadrant) << TWO)
            rank = rank << TWO | (entry & THREE)
            state = entry & STATE
        keys[i] = rank >> drop << shift | np.uint64(i)


@compiled
def _runs(sizes: Any) -> Any:
    """First and last vertex of every stretch of up to eight segments of a line, and the line; a point is a stretch of its own."""
    count = 0
    for size in sizes:
        count += max(1, (size + LANES - 2) // LANES)
    runs = np.empty((count, 3), dtype=np.int64)
    run, vertex = 0, 0
    for line in range(len(sizes)):
        end = vertex + sizes[line] - 1
        for first in range(vertex, max(end, vertex + 1), LANES):
            runs[run] = first, min(first + LANES, end), line
            run += 1
        vertex = end + 1
    return runs


@compiled
def _boxes(xy: Any, runs: Any) -> Any:
    """West, south, east and north of every stretch of a line."""
    boxes = np.empty((len(runs), 4))
    for run in range(len(runs)):
        west, south, far_east, far_north = np.inf, np.inf, -np.inf, -np.inf
        for vertex in range(runs[run, 0], runs[run, 1] + 1):
            west, far_east = min(west, xy[vertex, 0]), max(far_east, xy[vertex, 0])
            south, far_north = min(south, xy[vertex, 1]), max(far_north, xy[vertex, 1])
        boxes[run, 0], boxes[run, 1], boxes[run, 2], boxes[run, 3] = west, south, far_east, far_north
    return boxes


@compiled
def _leaves(xy: Any, owners: Any, runs: Any) -> Any:
    """Segments by eights: west-most end, other end and 1 / squared length; the shape of each; and the box of the eight."""
    count = 0
    for first, last, _ in runs:
        count += max(1, last - first)
    leaves = np.empty((-(-count // LANES), 5, LANES))
    names = np.empty((len(leaves), LANES), dtype=np.int64)
    boxes = np.empty((len(leaves), 4))
    boxes[:, :2], boxes[:, 2:] = np.inf, -np.inf
    place = 0
    for run in range(len(runs)):
        first, last = runs[run, 0], runs[run, 1]
        for vertex in range(first, max(last, first + 1)):
            _lay(leaves, boxes, place, xy, vertex, min(vertex + 1, last))
            names[place // LANES, place % LANES] = owners[runs[run, 2]]
            place += 1
    while place % LANES:  # what is left of the last leaf repeats its last segment
        leaves[-1, :, place % LANES] = leaves[-1, :, place % LANES - 1]
        names[-1, place % LANES] = names[-1, place % LANES - 1]
        place += 1
    return leaves, names, boxes


@compiled
def _lay(leaves: Any, boxes: Any, place: int, xy: Any, start: int, end: int) -> None:
    """Write a segment into its leaf, always from the same end, so that a border drawn by both neighbours is equally far."""
    if xy[end, 0] < xy[start, 0] or (xy[end, 0] == xy[start, 0] and xy[end, 1] < xy[start, 1]):
        start, end = end, start
    ax, ay, bx, by = xy[start, 0], xy[start, 1], xy[end, 0], xy[end, 1]
    square = (bx - ax) * (bx - ax) + (by - ay) * (by - ay)
    leaf, lane = place // LANES, place % LANES
    leaves[leaf, 0, lane], leaves[leaf, 1, lane], leaves[leaf, 2, lane], leaves[leaf, 3, lane] = ax, ay, bx, by
    leaves[leaf, 4, lane] = 1.0 / square if square > SHORTEST_SQUARE else 0.0
    boxes[leaf, 0], boxes[leaf, 1] = min(boxes[leaf, 0], ax), min(boxes[leaf, 1], ay, by)
    boxes[leaf, 2], boxes[leaf, 3] = max(boxes[leaf, 2], bx), max(boxes[leaf, 3], ay, by)


@compiled
def _tree(boxes: Any) -> Any:
    """West, south, east, north of boxes by eights, then of every eight of these, and so on to one; where each level starts."""
    counts = [len(boxes)]
    while counts[-1] > 1:
        counts.append(-(-counts[-1] // LANES))
    starts = np.zeros(max(2, len(counts)), dtype=np.int64)
    for level in range(len(starts) - 1):
        starts[level + 1] = starts[level] - (-counts[level] // LANES)
    tree = np.empty((starts[-1], 4, LANES))
    tree[:, :2], tree[:, 2:] = np.inf, -np.inf
    for i in range(len(boxes)):
        tree[i // LANES, :, i % LANES] = boxes[i]
    for level in range(1, len(starts) - 1):
        for i in range(counts[level]):
            below, here = tree[starts[level - 1] + i], tree[starts[level] + i // LANES]
            lane = i % LANES
            here[0, lane], here[1, lane] = below[0].min(), below[1].min()
            here[2, lane], here[3, lane] = below[2].max(), below[3].max()
    return tree, starts


@compiled
def _search(east: Any, north: Any, order: Any, piece: Any, segments: Any, boxes: Any, metres: Any, found: Any) -> None:
    """Distance to the nearest segment and its shape, for the places of a piece of the order."""
    (first, last), (leaves, names), (tree, starts) = piece, segments, boxes
    top = len(starts) - 1
    waiting, apart = np.empty((LANES * (top + 1), 2), dtype=np.int64), np.empty(LANES * (top + 1))
    x, y, best, name = np.empty(LANES), np.empty(LANES), np.zeros(LANES), np.empty(LANES, dtype=np.int64)
    start = 0  # the leaf that was best for the neighbours before is a good first guess
    for begin in range(first, last, LANES):
        here = min(LANES, last - begin)
        west, south, far_east, far_north = _gather(east, north, order, begin, here, x, y)
        for i in range(LANES):
            best[i], name[i] = _closest(x[i], y[i], leaves, names, start, np.inf, names[start, 0])
        seen, reach = start, best.max() * SLACK
        waiting[0, 0], waiting[0, 1], apart[0] = top, 0, 0.0
        count = 1
        while count:
            count -= 1
            level, node = waiting[count, 0], waiting[count, 1]
            if level and apart[count] <= reach:
                children = starts[level - 1] + node
                count = _open(tree, children, level - 1, node, west, south, far_east, far_north, reach, waiting, apart, count)
            elif node != seen and apart[count] <= reach:
                is_better = False
                for i in range(LANES):
                    before = best[i]
                    if _square_to_box(x[i], y[i], tree, node) <= before * SLACK:
                        best[i], name[i] = _closest(x[i], y[i], leaves, names, node, before, name[i])
                        is_better |= best[i] < before
                if is_better:
                    start, reach = node, best.max() * SLACK
        for i in range(here):
            metres[order[begin + i]], found[order[begin + i]] = np.sqrt(best[i]), name[i]


@compiled
def _gather(east: Any, north: Any, order: Any, begin: int, here: int, x: Any, y: Any) -> Any:
    """Copy the coordinates of a group of places, the last one into the lanes left over; the box round the group."""
    west, south, far_east, far_north = np.inf, np.inf, -np.inf, -np.inf
    for i in range(LANES):
        place = order[begin + min(i, here - 1)]
        x[i], y[i] = east[place], north[place]
        west, south, far_east, far_north = min(west, x[i]), min(south, y[i]), max(far_east, x[i]), max(far_north, y[i])
    return west, south, far_east, far_north


@compiled
def _open(
    tree: Any, children: int, level: int, node: int, west: float, south: float, far_east: float, far_north: float,
    reach: float, waiting: Any, apart: Any, count: int,
) -> int:  # fmt: skip
    """Put the children of a node within reach of a group on the pile, the nearest on top; how high the pile is then."""
    bottom = count
    for lane in range(LANES):
        dx = max(0.0, max(tree[children, 0, lane] - far_east, west - tree[children, 2, lane]))
        dy = max(0.0, max(tree[children, 1, lane] - far_north, south - tree[children, 3, lane]))
        square = dx * dx + dy * dy
        if square <= reach:
            place = count
            if count > bottom and apart[count - 1] < square:
                waiting[count, 0], waiting[count, 1], apart[count] = level, waiting[count - 1, 1], apart[count - 1]
                place = count - 1
            waiting[place, 0], waiting[place, 1], apart[place] = level, node * LANES + lane, square
            count += 1
    return count


@compiled
def _square_to_box(x: float, y: float, tree: Any, leaf: int) -> float:
    """Square of the distance from a place to the box of a leaf."""
    boxes, lane = leaf // LANES, leaf % LANES
    dx = max(0.0, max(tree[boxes, 0, lane] - x, x - tree[boxes, 2, lane]))
    dy = max(0.0, max(tree[boxes, 1, lane] - y, y - tree[boxes, 3, lane]))
    return float(dx * dx + dy * dy)


@compiled
def _closest(x: float, y: float, leaves: Any, names: Any, leaf: int, best: float, name: int) -> Any:
    """The smaller of ``best`` and the squared distances to the segments of a leaf, and its shape: the first of equal ones."""
    for lane in range(LANES):
        ax, ay, bx, by = leaves[leaf, 0, lane], leaves[leaf, 1, lane], leaves[leaf, 2, lane], leaves[leaf, 3, lane]
        dx, dy, px, py = bx - ax, by - ay, x - ax, y - ay
        along = max((px * dx + py * dy) * leaves[leaf, 4, lane], 0.0)
        ex = px - along * dx if along < 1.0 else x - bx
        ey = py - along * dy if along < 1.0 else y - by
        square = ex * ex + ey * ey
        if square <= best and (square < best or names[leaf, lane] < name):
            best, name = square, names[leaf, lane]
    return best, name


@compiled
def _strips(xy: Any, rings: Any, polygons: Any) -> Any:
    """For every polygon the northings that cut it into strips, and for every strip the edges that reach into it.

    Edges are named by their first vertex. Strip s of polygon p has the number ``firsts[p] + p + s``, its edges are
    ``edges[rows[number] : rows[number + 1]]``; the cuts of p are ``cuts[firsts[p] : firsts[p + 1]]``.
    """
    count = len(polygons) - 1
    firsts = np.zeros(count + 1, dtype=np.int64)
    cuts = np.empty(len(xy) // VERTICES_PER_STRIP + count)
    rows = np.zeros(len(cuts) + count + 1, dtype=np.int64)
    for p in range(count):
        first, last = rings[polygons[p]], rings[polygons[p + 1]]
        own = np.sort(xy[first:last, 1][::VERTICES_PER_STRIP])
        number = firsts[p] + p
        while True:
            rows[number + 1 : number + len(own) + 2] = 0
            if _enter(xy, rings[polygons[p] : polygons[p + 1] + 1], own, rows[number + 1 :], rows[:0]) <= MOST_STRIPS_PER_EDGE * (
                last - first
            ):
                break
            own = own[1::2].copy()
        firsts[p + 1] = firsts[p] + len(own)
        cuts[firsts[p] : firsts[p + 1]] = own
    rows = np.cumsum(rows[: firsts[-1] + count + 1])
    edges = np.empty(rows[-1], dtype=np.int64)
    nexts = rows[:-1].copy()
    for p in range(count):
        _enter(xy, rings[polygons[p] : polygons[p + 1] + 1], cuts[firsts[p] : firsts[p + 1]], nexts[firsts[p] + p :], edges)
    return firsts, cuts[: firsts[-1]].copy(), rows, edges


@compiled
def _enter(xy: Any, rings: Any, cuts: Any, nexts: Any, edges: Any) -> int:
    """Count every edge in the strips that it reaches into, and write it there if there are ``edges`` to write to; how many."""
    entries = 0
    for r in range(len(rings) - 1):
        here = np.searchsorted(cuts, xy[rings[r], 1], side="right")
        for edge in range(rings[r], rings[r + 1] - 1):
            before = here
            while here < len(cuts) and cuts[here] <= xy[edge + 1, 1]:
                here += 1
            while here > 0 and cuts[here - 1] > xy[edge + 1, 1]:
                here -= 1
            for strip in range(min(before, here), max(before, here) + 1):
                if len(edges):
                    edges[nexts[strip]] = edge
                nexts[strip] += 1
                entries += 1
    return entries


@compiled
def _cover(east: Any, north: Any, order: Any, piece: Any, trees: Any, xy: Any, strips: Any, owners: Any, bits: int) -> Any:
    """Point and area that covers it as one number, and the same of pairs that are too near to an outline to tell."""
    (first, last), ((tree, starts), (edge_tree, edge_starts)), (firsts, cuts, rows, edges) = piece, trees, strips
    top = len(starts) - 1
    room = LANES * max(len(starts), len(edge_starts))
    waiting, apart = np.empty((room, 2), dtype=np.int64), np.empty(room)
    x, y = np.empty(LANES), np.empty(LANES)
    pairs, counts = np.empty((2, last - first + LANES), dtype=np.int64), np.zeros(2, dtype=np.int64)
    for begin in range(first, last, LANES):
        here = min(LANES, last - begin)
        west, south, far_east, far_north = _gather(east, north, order, begin, here, x, y)
        is_cut = _meets(edge_tree, edge_starts, west, south, far_east, far_north, waiting, apart)
        waiting[0, 0], waiting[0, 1] = top, 0
        count = 1
        while count:
            count -= 1
            level, node = waiting[count, 0], waiting[count, 1]
            if level:
                children = starts[level - 1] + node
                count = _open(tree, children, level - 1, node, west, south, far_east, far_north, 0.0, waiting, apart, count)
                continue
            if counts.max() + LANES > pairs.shape[1]:
                pairs = np.concatenate((pairs, np.empty_like(pairs)), axis=1)
            side = OUTSIDE
            for i in range(here):
                if is_cut or i == 0:  # no edge among the places of a group: all are on the same side
                    side = OUTSIDE
                    if _square_to_box(x[i], y[i], tree, node) == 0.0:
                        strip = node + _strip(cuts, firsts[node], firsts[node + 1], y[i])
                        side = _side(x[i], y[i], xy, edges, rows[strip], rows[strip + 1])
                if side != OUTSIDE:
                    pairs[side, counts[side]] = order[begin + i] << bits | owners[node]
                    counts[side] += 1
    return pairs[0, : counts[0]].copy(), pairs[1, : counts[1]].copy()


@compiled
def _meets(
    tree: Any, starts: Any, west: float, south: float, far_east: float, far_north: float, waiting: Any, apart: Any
) -> bool:
    """True if any box at the foot of the tree meets this one."""
    waiting[0, 0], waiting[0, 1] = len(starts) - 1, 0
    count = 1
    while count:
        count -= 1
        level, node = waiting[count, 0], waiting[count, 1]
        if level == 0:
            return True
        children = starts[level - 1] + node
        count = _open(tree, children, level - 1, node, west, south, far_east, far_north, 0.0, waiting, apart, count)
    return False


@compiled
def _strip(cuts: Any, first: int, last: int, y: float) -> int:
    """Position of the first cut, from first to last, that is north of a place."""
    count = last - first
    while count > 1:
        half = count // 2
        first += half if cuts[first + half - 1] <= y else 0
        count -= half
    return first + 1 if count and cuts[first] <= y else first


@compiled
def _side(x: float, y: float, xy: Any, edges: Any, first: int, last: int) -> int:
    """Inside, outside, or too near to an edge to tell: by the edges of its strip that cross the way due east of a place."""
    is_inside, is_near = False, False
    for entry in range(first, last):
        edge = edges[entry]
        ax, ay, bx, by = xy[edge, 0], xy[edge, 1], xy[edge + 1, 0], xy[edge + 1, 1]
        left, right = (bx - ax) * (y - ay), (by - ay) * (x - ax)
        crosses = (ay > y) != (by > y)
        is_inside ^= crosses & ((left > right) == (by > y))
        is_near |= crosses & (abs(left - right) <= DOUBT * (abs(left) + abs(right)))
        is_near |= ((y == ay) | (y == by)) & (x >= min(ax, bx)) & (x <= max(ax, bx))
    return TOO_NEAR if is_near else INSIDE if is_inside else OUTSIDE
