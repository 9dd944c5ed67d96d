"""Pen on a sheet that was laid flat -> loops, lines and marks, in pixels of it.

What is neither white nor grey is pen. Strokes are closed over small gaps, thinned to their middle and followed as graphs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import networkx as nx
import numpy as np
import shapely
from numpy.typing import NDArray

from tensionmap.ingest.scanning import PX_PER_MM, Floats, Pixels, Truths, opencv, pixels_of, skeletonize
from tensionmap.marks import MARGIN_MM, QUIET_MM, SheetCode

COLOURS = ("red", "green", "blue", "other")
KINDS = ("area", "line", "mark")

SURE_CHROMA, LEAST_CHROMA, FRINGE_CHROMA = 0.14, 0.09, 0.35
"""Difference of the strongest and weakest of red, green and blue, of paper = 1: a stroke must reach the first somewhere;
beside print and weaker than the last it is the coloured fringe that a lens gives to print."""
BRIDGED_MM, HIDDEN_MM = 1.6, 3.2
"""A gap this wide is no gap: on white paper, and where print or another pen hides the stroke."""
SPECK_MM, SPOT_MM = 0.7, 2.0
"""Anything smaller than the first is dirt; smaller than the second and beside pen of another colour, a mixture of both."""
DOT_MM, CROSS_MM = 6.0, 12.0
"""Up to the first across everything is a mark, up to the second what is more than one line: a cross."""
HOLE_MM2 = 6.0
"""A stroke is closed if it encloses so much."""
FILLED_MM = 1.5
"""Half as wide as no pen writes: filled in."""
LOOP_MM, TAIL_MM, CLOSED_MM = 8.0, 5.0, 5.0
"""A loop up to so wide may be one of a long line; a shorter side stroke is a slip of the hand; two ends of a stroke this near to
each other, and to a fifth of its length, were meant to meet."""


def _pen(lit: NDArray[np.float32]) -> tuple[dict[str, Truths], Truths, int]:
    """Colour -> where there is pen of it; where print or pen hides another; how many coloured fringes of print were left out."""
    cv2 = opencv()
    # Fringes of print are coloured the one way on its left and the other way on its right: blurred, they cancel.
    soft = np.minimum(cv2.GaussianBlur(lit, (0, 0), 0.2 * PX_PER_MM), 1)
    chroma, lightest = chroma_of(soft)
    sharp, _ = chroma_of(np.minimum(cv2.GaussianBlur(lit, (0, 0), 0.08 * PX_PER_MM), 1))
    # Half of the stroke's own strength is its edge; JPEG's halo is weaker than that.
    is_pen = sharp > np.maximum(LEAST_CHROMA, 0.45 * cv2.dilate(sharp, _disc(1.5 * PX_PER_MM)))
    # At the edge of the paper the table shows.
    edge = round((MARGIN_MM - QUIET_MM) * PX_PER_MM)
    is_pen[:edge] = is_pen[-edge:] = is_pen[:, :edge] = is_pen[:, -edge:] = False
    count, numbers = cv2.connectedComponents(is_pen.astype(np.uint8), connectivity=8)
    strength = np.zeros(count, np.float32)
    np.maximum.at(strength, numbers[is_pen], chroma[is_pen])
    # However thin a stroke, colour is the same share of its darkness; print has none.
    is_print = (lightest < 0.75) & (chroma < 0.18 * (1 - lightest + chroma))
    beside = cv2.dilate(is_print.astype(np.uint8), _disc(PX_PER_MM))
    is_beside = np.bincount(numbers.ravel(), beside.ravel(), count) > 0.6 * np.bincount(numbers.ravel(), minlength=count)
    is_fringe = (strength > SURE_CHROMA) & (strength < FRINGE_CHROMA) & is_beside
    is_stroke = (strength > SURE_CHROMA) & ~is_fringe
    is_fringe[0] = is_stroke[0] = False
    is_pen = is_stroke[numbers]
    hides = cv2.dilate((is_print | is_pen).astype(np.uint8), _disc(0.6 * PX_PER_MM)).astype(bool)
    if not is_pen.any():
        return dict.fromkeys(COLOURS, is_pen), hides, int(is_fringe.sum())
    is_sure = is_pen & (chroma > SURE_CHROMA)
    hue = _nearest(_hue_class(cv2.cvtColor(soft, cv2.COLOR_RGB2HSV)[is_sure, 0]), is_sure)
    # A stroke is of one colour, unless a good part of it is of another: then two were crossed.
    votes = np.bincount(numbers[is_pen] * len(COLOURS) + hue[is_pen], minlength=count * len(COLOURS)).reshape(count, -1)
    is_mixed = votes.max(axis=1) < 0.85 * votes.sum(axis=1)
    own = np.where(is_mixed[numbers], hue, votes.argmax(axis=1)[numbers])
    return {colour: is_pen & (own == number) for number, colour in enumerate(COLOURS)}, hides, int(is_fringe.sum())


def _hue_class(degrees: NDArray[np.float32]) -> NDArray[np.int64]:
    """Number in ``COLOURS`` of each hue; 0 is red, 120 green, 240 blue."""
    red, green, blue, other = range(len(COLOURS))
    names = np.array([red, other, green, blue, other, red])
    return names[np.searchsorted([22, 72, 172, 264, 335], degrees)]


def chroma_of(light: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Difference of the strongest and weakest colour, and the strongest."""
    cv2 = opencv()
    red, green, blue = cv2.split(light)
    strongest = cv2.max(cv2.max(red, green), blue)
    return strongest - cv2.min(cv2.min(red, green), blue), strongest


def _nearest(values: NDArray[np.int64], known: Truths) -> NDArray[np.int64]:
    """At each pixel the value of the nearest that is ``known``."""
    cv2 = opencv()
    _, label = cv2.distanceTransformWithLabels((~known).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    by_label = np.zeros(label.max() + 1, np.int64)
    by_label[label[known]] = values
    return np.asarray(by_label[label])


@dataclass(frozen=True)
class Stroke:
    """One feature: its shape in pixels of the picture that it was found in, then in millimetres of the page."""

    kind: str
    shape: Any
    width_mm: float
    gap_mm: float = 0.0
    colour: str = ""


@dataclass
class _Tally:
    """What was left out or cut, to be told."""

    specks: int = 0
    fringes: int = 0
    outside: int = 0
    cut: int = 0

    def notes(self) -> list[str]:
        told = (
            (self.outside, f"{many(self.outside, 'stroke')} outside the map frame left out."),
            (self.cut, f"{many(self.cut, 'stroke')} cut at the map frame."),
            (self.fringes, f"{many(self.fringes, 'faintly coloured edge')} of print left out."),
            (self.specks, f"{many(self.specks, 'coloured speck')} smaller than a dot of a pen, or where pens cross, left out."),
        )
        return [sentence for count, sentence in told if count]


def strokes_of(lit: NDArray[np.float32], code: SheetCode) -> tuple[list[Stroke], list[str]]:
    """The strokes inside the map frame in millimetres of the page, and notes on what was left out."""
    cv2 = opencv()
    tally = _Tally()
    found: list[Stroke] = []
    disc = _disc(BRIDGED_MM * PX_PER_MM)
    pens, hides, tally.fringes = _pen(lit)
    every = np.logical_or.reduce(list(pens.values()))
    is_map = np.zeros(every.shape, bool)
    is_map[pixels_of(code.frame_mm, len(lit))] = True
    for colour, pen in pens.items():
        if not pen.any():
            continue
        closed = (_closed(pen, BRIDGED_MM) | (_closed(pen, HIDDEN_MM) & hides)).astype(np.uint8)
        count, numbers, boxes, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
        for number in range(1, count):
            column, row, wide, high, _ = (int(value) for value in boxes[number])
            window = (slice(max(row - 9, 0), row + high + 9), slice(max(column - 9, 0), column + wide + 9))
            blob = numbers[window] == number
            near = cv2.dilate(blob.astype(np.uint8), disc).astype(bool) & ~blob
            # Where two strokes cross, or at a stroke's edge, a spot has the colour of neither.
            is_mixture = max(wide, high) < SPOT_MM * PX_PER_MM and (near & every[window]).any()
            if is_mixture or max(wide, high) < SPECK_MM * PX_PER_MM:
                tally.specks += 1
                continue
            corner = (window[1].start, window[0].start)
            if not (blob & is_map[window]).any():
                tally.outside += 1
                continue
            for stroke in _vectorised(blob, pen[window] & blob):
                found += _in_frame(replace(stroke, colour=colour), corner, len(lit), code, tally)
    return found, tally.notes()


def _closed(pen: Truths, gap_mm: float) -> Truths:
    """``pen`` with gaps up to ``gap_mm`` filled."""
    cv2 = opencv()
    reach = gap_mm * PX_PER_MM / 2
    is_near = cv2.distanceTransform((~pen).astype(np.uint8), cv2.DIST_L2, 5) <= reach
    return np.asarray(cv2.distanceTransform(is_near.astype(np.uint8), cv2.DIST_L2, 5) > reach) | pen


def _in_frame(stroke: Stroke, corner: tuple[int, int], rows: int, code: SheetCode, tally: _Tally) -> Iterator[Stroke]:
    """The stroke on the page, cut at the map frame; nothing if it lies outside."""

    def on_page(xy: Floats) -> Floats:
        return ((xy + corner + 0.5) * (1, -1) + (0, rows)) / PX_PER_MM

    shape = shapely.transform(stroke.shape, on_page)
    frame = shapely.box(*code.frame_mm)
    if not shape.within(frame):
        parts = [part for part in shapely.get_parts(shape.intersection(frame)) if part.geom_type == _PART[stroke.kind]]
        if not parts or shapely.length(parts).sum() < SPOT_MM:
            tally.outside += 1
            return
        tally.cut += 1
        shape = parts[0] if len(parts) == 1 else _MANY[stroke.kind](parts)
    yield replace(stroke, shape=shape)


_PART = {"area": "Polygon", "line": "LineString", "mark": "Point"}
_MANY = {"area": shapely.multipolygons, "line": shapely.multilinestrings}


def _vectorised(blob: Truths, pen: Truths) -> list[Stroke]:
    """One connected stroke as features; ``pen`` is what of it is ink and no bridge."""
    cv2 = opencv()
    bones = skeletonize(blob)
    depth = cv2.distanceTransform(pen.astype(np.uint8), cv2.DIST_L2, 5)
    spine = depth[bones & pen]
    half = float(np.median(spine)) if spine.size else 0.5
    width_mm = 2 * half / PX_PER_MM
    rows, columns = np.nonzero(blob)
    extent_mm = float(max(np.ptp(rows), np.ptp(columns)) + 1) / PX_PER_MM
    middle = shapely.points(columns.mean(), rows.mean())
    if extent_mm <= DOT_MM:
        return [Stroke("mark", middle, width_mm)]
    areas = _areas(blob, bones)
    paths = _paths(bones & ~_covered(areas, blob.shape), TAIL_MM if areas else 0.0)
    around = sum(area.length for area in areas)
    if areas and sum(map(_length, paths)) > 2 * around and around < np.pi * LOOP_MM * PX_PER_MM:
        # A small loop in a long line belongs to the line.
        areas, paths = [], _paths(bones, 0.0)
    found = [Stroke("area", area, width_mm) for area in areas]
    if areas:
        return found + [Stroke("line", _smooth(path), width_mm) for path in paths]
    if extent_mm <= CROSS_MM and 2 * sum(map(_length, paths[1:])) >= _length(paths[0]):
        return [Stroke("mark", middle, width_mm)]
    return [_open(paths, width_mm)]


def _open(paths: Sequence[Floats], width_mm: float) -> Stroke:
    """A stroke that is not closed: a line with its longer branches, or an area if its ends were meant to meet."""
    ring, gap = _nearly_closed(paths[0])
    if ring is not None:
        return Stroke("area", ring, width_mm, gap / PX_PER_MM)
    lines = [_smooth(paths[0]), *(_smooth(path) for path in paths[1:] if _length(path) >= TAIL_MM * PX_PER_MM)]
    return Stroke("line", lines[0] if len(lines) == 1 else shapely.multilinestrings(lines), width_mm)


def _areas(blob: Truths, bones: Truths) -> list[Any]:
    """What closed strokes enclose, along the middle of the stroke; of a patch that was filled in, its outline."""
    cv2 = opencv()
    filled = _filled(blob)
    depth = float(cv2.distanceTransform(filled * blob, cv2.DIST_L2, 5).max())
    is_patch = depth >= FILLED_MM * PX_PER_MM and filled.sum() < 8 * np.pi * depth**2
    # Ends that stick out of a loop are one pixel wide, and go.
    body = cv2.morphologyEx(filled if is_patch else _filled(bones), cv2.MORPH_OPEN, _disc(10 if is_patch else 2))
    rings, _ = cv2.findContours(body, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    areas = [shapely.polygons(ring[:, 0, :].astype(float)) for ring in rings if len(ring) > 2]
    return [shapely.simplify(area, 0.7) for area in areas if area.area >= HOLE_MM2 * PX_PER_MM**2]


def _filled(blob: Truths) -> Pixels:
    """``blob`` with what it encloses."""
    cv2 = opencv()
    outlines, _ = cv2.findContours(blob.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.asarray(cv2.drawContours(np.zeros(blob.shape, np.uint8), outlines, -1, 1, cv2.FILLED))


def _covered(areas: Sequence[Any], shape: tuple[int, ...]) -> Truths:
    """Where ``areas`` are, and the stroke around them."""
    cv2 = opencv()
    covered = np.zeros(shape, np.uint8)
    for area in areas:
        cv2.fillPoly(covered, [np.round(shapely.get_coordinates(area)).astype(np.int32)], 1)
    return cv2.dilate(covered, _disc(1.2 * PX_PER_MM)).astype(bool) if areas else covered.astype(bool)


def _nearly_closed(path: Floats) -> tuple[Any, float]:
    """The ring of a path whose ends nearly meet or overlap, and the gap in pixels; None if they were not meant to."""
    third = len(path) // 3
    to_start = np.hypot(*(path[:third] - path[-1]).T) if third else np.array([np.inf])
    to_end = np.hypot(*(path[len(path) - third :] - path[0]).T) if third else np.array([np.inf])
    gap = float(min(to_start.min(), to_end.min()))
    if gap > CLOSED_MM * PX_PER_MM or third < 2:
        return None, gap
    from_start = to_start.min() <= to_end.min()
    part = path[int(to_start.argmin()) :] if from_start else path[: len(path) - third + int(to_end.argmin()) + 1]
    corners = shapely.get_coordinates(_smooth(part))
    ring = shapely.polygons(corners) if len(corners) > 2 else shapely.Polygon()
    is_ring = gap <= 0.2 * _length(part) and ring.is_valid and 4 * np.pi * ring.area > 0.25 * ring.length**2
    return (ring, gap) if is_ring and ring.area >= HOLE_MM2 * PX_PER_MM**2 else (None, gap)


def _paths(bones: Truths, least_mm: float) -> list[Floats]:
    """The paths through a skeleton, columns and rows: in each piece the longest first, then what branches off it."""
    graph = _graph(bones)
    found = []
    waiting = [graph.subgraph(piece) for piece in nx.connected_components(graph)]
    while waiting:
        piece = waiting.pop()
        nodes = _longest(piece)
        path = np.array([graph.nodes[node]["at"] for node in nodes], float)
        if _length(path) >= least_mm * PX_PER_MM:
            found.append(path)
            rest = piece.subgraph(set(piece) - set(nodes))
            waiting += [rest.subgraph(part) for part in nx.connected_components(rest) if len(part) > 5]
    return sorted(found, key=lambda path: (-_length(path), *path[0]))


def _graph(bones: Truths) -> Any:
    """The pixels of a skeleton as a graph of neighbours."""
    rows, columns = np.nonzero(bones)
    number = np.full((bones.shape[0] + 2, bones.shape[1] + 2), -1)
    number[rows + 1, columns + 1] = np.arange(len(rows))
    graph = nx.Graph()
    graph.add_nodes_from((node, {"at": at}) for node, at in enumerate(zip(columns.tolist(), rows.tolist(), strict=True)))
    for down, right in ((0, 1), (1, -1), (1, 0), (1, 1)):
        other = number[rows + 1 + down, columns + 1 + right]
        pairs = np.flatnonzero(other >= 0)
        weight = float(np.hypot(down, right))
        graph.add_weighted_edges_from(
            (near, far, weight) for near, far in zip(pairs.tolist(), other[pairs].tolist(), strict=True)
        )
    return graph


def _longest(piece: Any) -> list[int]:
    """The longest of the shortest ways through a piece: exact where it has no loop."""
    start = _farthest(nx.single_source_dijkstra_path_length(piece, min(piece)))
    before, lengths = nx.dijkstra_predecessor_and_distance(piece, start)
    way = [_farthest(lengths)]
    while before[way[-1]]:
        way.append(before[way[-1]][0])
    return way


def _farthest(lengths: dict[int, float]) -> int:
    return max(lengths, key=lambda node: (lengths[node], -node))


def _length(path: Floats) -> float:
    return float(np.hypot(*np.diff(path, axis=0).T).sum())


def _smooth(path: Floats) -> Any:
    """A path without the stairs of its pixels, its ends kept."""
    reach = min(4, (len(path) - 1) // 2)
    padded = np.pad(path, ((reach, reach), (0, 0)), mode="edge")
    mean = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=0).mean(axis=2)
    mean[[0, -1]] = path[[0, -1]]
    return shapely.simplify(shapely.linestrings(mean if len(mean) > 1 else np.repeat(mean, 2, axis=0)), 0.7)


def _disc(across: float) -> Any:
    side = 2 * round(across / 2) + 1
    return opencv().getStructuringElement(opencv().MORPH_ELLIPSE, (side, side))


def many(count: int, thing: str) -> str:
    """'1 line', '2 lines'."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"
