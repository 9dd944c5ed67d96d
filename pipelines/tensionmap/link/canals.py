"""Irrigation as a directed graph: who lies at the head and who at the tail, below which gates, across whose claims.

And any network of lines, canals or roads, as a graph of short pieces with the cells that lie along it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from itertools import count, islice, pairwise
from typing import Any, NamedTuple

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from shapely.ops import substring

from tensionmap.crs import metric
from tensionmap.errors import GeometryError
from tensionmap.link.nearby import nearest
from tensionmap.link.territory import claimed_by, claims_on
from tensionmap.tables import CANAL_POSITIONS, CANAL_SECTIONS, check, empty


def canal_graph(resources: gpd.GeoDataFrame, *, tolerance_m: float) -> nx.MultiDiGraph:
    """The canals as a graph: nodes are ends, junctions, intakes and gates; edges are sections, pointing downstream.

    Parameters
    ----------
    resources : GeoDataFrame
        The table RESOURCES; of it, canals (lines drawn downstream), intakes and gates are used.
    tolerance_m : float
        Ends, intakes and gates no farther from one another, or from a canal, are taken to touch.

    Returns
    -------
    MultiDiGraph
        Nodes are numbers. Edges carry ``resource_id``, ``section``, ``length_m`` and ``shape``. ``graph["intake"]`` and
        ``graph["gate"]`` hold the node of each intake and gate that touches a canal.
    """
    resources = resources.sort_values("resource_id", kind="stable")
    canals = resources[resources["kind"] == "canal"]
    owners, lines = _single_lines(canals)
    works = resources[resources["kind"].isin(["intake", "gate"])]
    ends = shapely.points(np.array([shapely.get_coordinates(line)[[0, -1]] for line in lines]).reshape(-1, 2))
    places = np.concatenate([ends, works.geometry.to_numpy()])
    nodes = _touching(shapely.get_coordinates(places), tolerance_m)
    graph = nx.MultiDiGraph(intake={}, gate={})
    cuts = _cuts(lines, places, nodes, tolerance_m)
    sections: dict[str, int] = {}
    for owner, line, marks in zip(owners, lines, cuts, strict=True):
        for (start_m, start), (end_m, end) in pairwise(marks):
            sections[owner] = sections.get(owner, 0) + 1
            shape = substring(line, start_m, end_m)
            graph.add_edge(start, end, resource_id=owner, section=sections[owner], length_m=shape.length, shape=shape)
    for resource_id, kind, node in zip(works["resource_id"], works["kind"], nodes[len(ends) :], strict=True):
        if int(node) in graph:
            graph.graph[kind][resource_id] = int(node)
    return graph


def canal_sections(
    resources: gpd.GeoDataFrame, claims: gpd.GeoDataFrame, *, day: dt.date, tolerance_m: float = 30
) -> tuple[gpd.GeoDataFrame, tuple[str, ...]]:
    """Every section of every canal: how far below its intake, at the head or the tail, below which gates, across whose claims.

    Parameters
    ----------
    resources, claims : GeoDataFrame
        The tables RESOURCES and CLAIMS, in the same metric CRS.
    day : date
        The day whose claims are asked for.
    tolerance_m : float
        Gaps up to this are closed when canals, intakes and gates are joined.

    Returns
    -------
    sections : GeoDataFrame
        The table CANAL_SECTIONS.
    notes : tuple of str
        Intakes and gates that touch no canal, and canals without a known intake.

    Notes
    -----
    Distances are along the drawn lines. Where water can come from two intakes, the nearer one counts. The graph shows
    who can be upstream of whom; how much water flows, and who took it, it does not show.
    """
    graph = canal_graph(resources, tolerance_m=tolerance_m)
    if not graph:
        return empty(CANAL_SECTIONS, str(resources.crs)), ()
    source, from_source_m = _from_sources(graph)
    gates = _gates_upstream(graph)
    frame = gpd.GeoDataFrame(
        [
            {
                "resource_id": edge["resource_id"],
                "section": edge["section"],
                "source": source.get(start),
                "from_intake_m": from_source_m.get(start, np.nan),
                "length_m": edge["length_m"],
                "gates_upstream": "|".join(sorted(gates[start])) or None,
                "geometry": edge["shape"],
            }
            for start, _, edge in graph.edges(data=True)
        ],
        crs=resources.crs,
    )
    intakes = {node: intake for intake, node in sorted(graph.graph["intake"].items(), reverse=True)}
    frame["intake_id"] = pd.Series([intakes.get(node) for node in frame["source"]], dtype="str")
    frame["position"] = _thirds(frame)
    frame["crosses_claims"] = _crossings(frame.geometry, claims_on(claims[claims["kind"] == "area"], day), day)
    table = check(frame.drop(columns=["source", "length_m"]), CANAL_SECTIONS)
    return table.sort_values(["resource_id", "section"], ignore_index=True), _notes(resources, graph, table, tolerance_m)


class Network(NamedTuple):
    """Lines as a graph of short pieces, and the cells along it."""

    edges: NDArray[np.int64]
    """Shape (pieces, 2): the nodes that each piece joins, in the direction in which its line is drawn."""
    lengths_m: NDArray[np.float64]
    """Shape (pieces,): metres along the line; 0 where two lines touch a third at the same place, too far from one another."""
    node_of_cell: NDArray[np.int64]
    """Shape (cells,): node that each cell is put to; -1 where no line is near."""
    easting: NDArray[np.float64]
    northing: NDArray[np.float64]
    """Shape (nodes,): places of the nodes, metres in the CRS of the lines."""


def along_lines(
    lines: gpd.GeoSeries, cells: pd.DataFrame, *, within_m: float = 1000.0, step_m: float = 1000.0, tolerance_m: float = 30.0
) -> Network:
    """Canals or roads as a graph of pieces no longer than a step, and the node that every cell near them belongs to.

    Parameters
    ----------
    lines : GeoSeries of LineString or MultiLineString
        Geometry of CANAL_SECTIONS, of canals or of roads, in a metric CRS; in any order.
    cells : DataFrame
        With ``easting`` and ``northing`` of the centres, in the CRS of the lines.
    within_m : float
        Cells whose centre lies farther than this from every line belong to no node.
    step_m : float
        Longest piece, in metres.
    tolerance_m : float
        Ends of lines no farther from one another, or from a line, are taken to touch; as in `canal_sections`.

    Returns
    -------
    Network
        ``edges``, ``lengths_m``, ``node_of_cell`` (in the order of ``cells``), and ``easting`` and ``northing`` of the nodes.

    Raises
    ------
    GeometryError
        Something else than lines, another CRS than that of the cells, one not in metres, or distances that are none.

    Notes
    -----
    Lines meet where the end of one touches another, and at vertices that they share: where canals or roads merely cross on the
    map, water or cars need not pass from one to the other. Between such places a line is cut into equal pieces. A cell is put
    to the nearer end of the nearest piece, so to a place on the line that it lies at, though a node of another may be nearer.
    Lines of the same course are counted once. Nodes are numbered by their places: the order of the lines leaves no trace.
    """
    if not (0 <= within_m < np.inf and 0 < step_m < np.inf and 0 <= tolerance_m < np.inf):
        raise GeometryError(
            f"within_m is {within_m:g}, step_m {step_m:g}, tolerance_m {tolerance_m:g}, but all are distances in metres, and a "
            "step is longer than 0."
        )
    metric(lines.crs)
    single = _sorted_lines(lines)
    ends = shapely.points(np.array([shapely.get_coordinates(line)[[0, -1]] for line in single]).reshape(-1, 2))
    places = np.concatenate([ends, shapely.points(_shared_vertices(single).reshape(-1, 2))])
    nodes = _touching(shapely.get_coordinates(places), tolerance_m)
    where = {int(node): shapely.get_coordinates(places[node])[0] for node in np.unique(nodes)}
    fresh = count(len(places))
    pieces: list[tuple[int, int, Any]] = []
    for line, marks in zip(single, _cuts(single, places, nodes, tolerance_m), strict=True):
        for (start_m, start), (end_m, end) in pairwise(marks):
            cut = _cut_evenly(substring(line, start_m, end_m), start, end, step_m, fresh)
            where |= {node: np.array(shape.coords[0]) for node, _, shape in cut[1:]}
            pieces += cut
    numbers = {node: number for number, node in enumerate(sorted(where, key=lambda node: (*where[node][::-1], node)))}
    edges = np.array([(numbers[here], numbers[there]) for here, there, _ in pieces], np.int64).reshape(-1, 2)
    at = np.array([where[node] for node in numbers]).reshape(-1, 2)
    shapes = gpd.GeoSeries([shape for *_, shape in pieces], crs=lines.crs)
    return Network(edges, shapes.length.to_numpy(), _node_of_cell(cells, shapes, edges, at, within_m), at[:, 0], at[:, 1])


def _sorted_lines(lines: gpd.GeoSeries) -> list[Any]:
    """Single lines, each course once, in an order that depends on their places alone."""
    single = lines[~(lines.is_empty | lines.isna())].explode(index_parts=False)
    if not (single.geom_type == "LineString").all():
        raise GeometryError("There is something else than lines among the lines. Give only canals, or only roads.")
    courses = {tuple(map(tuple, shapely.get_coordinates(line).tolist())): line for line in single if line.length > 0}
    return [courses[course] for course in sorted(courses) if course <= course[::-1] or course[::-1] not in courses]


def _shared_vertices(lines: list[Any]) -> NDArray[np.float64]:
    """Places of the vertices that at least two lines have."""
    own = [np.unique(shapely.get_coordinates(line), axis=0) for line in lines]
    if not own:
        return np.empty((0, 2))
    vertices, times = np.unique(np.concatenate(own), axis=0, return_counts=True)
    found: NDArray[np.float64] = vertices[times > 1]
    return found


def _cut_evenly(shape: Any, start: int, end: int, step_m: float, fresh: Iterator[int]) -> list[tuple[int, int, Any]]:
    """Equal pieces of what lies between two nodes, joined by fresh ones; none ends where it begins."""
    least = 2 if start == end and shape.length > 0 else 1
    number = max(int(np.ceil(shape.length / step_m * (1 - 1e-12))), least)
    if number == 1:
        return [(start, end, shape)]
    between = list(islice(fresh, number - 1))
    shapes = [substring(shape, piece / number, (piece + 1) / number, normalized=True) for piece in range(number)]
    return list(zip([start, *between], [*between, end], shapes, strict=True))


def _node_of_cell(
    cells: pd.DataFrame, shapes: gpd.GeoSeries, edges: NDArray[np.int64], at: NDArray[np.float64], within_m: float
) -> NDArray[np.int64]:
    """The nearer end of the nearest piece; -1 where none is near."""
    centres = gpd.GeoSeries(
        gpd.points_from_xy(cells["easting"], cells["northing"]), crs=getattr(cells, "crs", None) or shapes.crs
    )
    metres, piece = nearest(centres, shapes)
    ends = edges[piece[metres <= within_m]]
    here = np.column_stack([cells["easting"], cells["northing"]])[metres <= within_m]
    start_m, end_m = (np.hypot(*(at[ends[:, side]] - here).T) for side in (0, 1))
    found = np.full(len(cells), -1, np.int64)
    found[metres <= within_m] = np.where(end_m < start_m, ends[:, 1], ends[:, 0])
    return found


def _single_lines(canals: gpd.GeoDataFrame) -> tuple[list[str], list[Any]]:
    lines = canals[["resource_id", "geometry"]].explode(index_parts=False)
    return lines["resource_id"].tolist(), lines.geometry.tolist()


def _touching(coordinates: Any, tolerance_m: float) -> Any:
    """A number for each place; places within the tolerance of one another, directly or through others, share it."""
    near = nx.Graph()
    near.add_nodes_from(range(len(coordinates)))
    if len(coordinates):
        near.add_edges_from(cKDTree(coordinates).query_pairs(tolerance_m))
    nodes = np.arange(len(coordinates))
    for together in nx.connected_components(near):
        nodes[list(together)] = min(together)
    return nodes


def _cuts(lines: list[Any], places: Any, nodes: Any, tolerance_m: float) -> list[list[tuple[float, int]]]:
    """For each line the nodes on it, downstream: metres along the line, and number."""
    tree = shapely.STRtree(places)
    found = []
    for number, line in enumerate(lines):
        start, end = int(nodes[2 * number]), int(nodes[2 * number + 1])
        inner: dict[int, tuple[float, float]] = {}
        for place in tree.query(line, predicate="dwithin", distance=tolerance_m):
            node = int(nodes[place])
            inner[node] = min((line.distance(places[place]), line.project(places[place])), inner.get(node, (np.inf, 0.0)))
        marks = sorted((along_m, node) for node, (_, along_m) in inner.items() if 0 < along_m < line.length)
        found.append([(0.0, start), *marks, (line.length, end)])
    return found


def _from_sources(graph: nx.MultiDiGraph) -> tuple[dict[int, int], dict[int, float]]:
    """For each node the intake it is fed from, or the top of its canal where no intake is known, and the metres from there."""
    source: dict[int, int] = {}
    from_source_m: dict[int, float] = {}
    tops = [node for node, count in graph.in_degree() if count == 0]
    for starts in (sorted(set(graph.graph["intake"].values())), sorted(tops)):
        open_starts = [node for node in starts if node not in source]
        if open_starts:
            metres, paths = nx.multi_source_dijkstra(graph, open_starts, weight="length_m")
            fresh = [node for node in metres if node not in source]
            source.update({node: paths[node][0] for node in fresh})
            from_source_m.update({node: float(metres[node]) for node in fresh})
    return source, from_source_m


def _gates_upstream(graph: nx.MultiDiGraph) -> dict[int, set[str]]:
    gates: dict[int, set[str]] = {node: set() for node in graph}
    for gate, node in graph.graph["gate"].items():
        for below in (node, *nx.descendants(graph, node)):
            gates[below].add(gate)
    return gates


def _thirds(sections: pd.DataFrame) -> pd.Series:
    end_m = (sections["from_intake_m"] + sections["length_m"]).groupby(sections["source"]).transform("max")
    share = (sections["from_intake_m"] + sections["length_m"] / 2) / end_m
    return pd.cut(share, [0, 1 / 3, 2 / 3, np.inf], labels=CANAL_POSITIONS, right=False).astype("str")


def _crossings(sections: gpd.GeoSeries, areas: gpd.GeoDataFrame, day: dt.date) -> pd.Series:
    """Whose areas each section runs through, downstream; empty if it stays in the same."""
    outlines = shapely.union_all(areas.geometry.boundary.to_numpy())
    shapes = sections.to_numpy()
    pieces, owner = shapely.get_parts(shapely.difference(shapes, outlines), return_index=True)
    middles = shapely.line_interpolate_point(pieces, 0.5, normalized=True)
    along_m = shapely.line_locate_point(shapes[owner], middles)
    points = gpd.GeoSeries(middles, crs=sections.crs)
    parties = claimed_by(points, pd.Series(pd.Timestamp(day), index=points.index), areas)
    ordered = pd.DataFrame({"owner": owner, "along_m": along_m, "parties": parties}).sort_values(["owner", "along_m"])
    changes = ordered[(ordered["parties"] != ordered["parties"].shift()) | (ordered["owner"] != ordered["owner"].shift())]
    way = changes.groupby("owner")["parties"].agg(lambda names: " > ".join(names) if len(names) > 1 else None)
    return way.reindex(range(len(sections))).set_axis(sections.index).astype("str")


def _notes(resources: gpd.GeoDataFrame, graph: nx.MultiDiGraph, sections: pd.DataFrame, tolerance_m: float) -> tuple[str, ...]:
    notes = []
    for kind in ("intake", "gate"):
        ids = set(resources.loc[resources["kind"] == kind, "resource_id"]) - set(graph.graph[kind])
        if ids:
            notes.append(f"{len(ids)} of kind {kind} lie more than {tolerance_m:g} m from every canal: {', '.join(sorted(ids))}.")
    without = sorted(set(sections.loc[sections["intake_id"].isna(), "resource_id"]))
    if without:
        notes.append(f"No intake is known for the canals {', '.join(without)}: they are measured from their top.")
    return tuple(notes)
