"""Land that several parties claim, and land between their claims that nobody claims. No claim is preferred to another."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable
from itertools import combinations
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from tensionmap.crs import DEGREES, metric
from tensionmap.errors import GeometryError
from tensionmap.link.grid import Area
from tensionmap.link.nearby import covering, nearest
from tensionmap.link.territory import TOGETHER, claims_on, spans
from tensionmap.tables import DISPUTED, check, empty

Wholes = NDArray[np.int64]

AGAINST = " | "
PRECISION_M = 0.001
ENCLOSED = 0.8
"""Share of the outline of a gap that must run along claims."""
OWN_SIDE = 0.05
"""Share of the outline of a gap that must run along the claims of each of two parties."""
NECK_M = 1000.0
"""Where unclaimed land that lies open is narrower than this, it is cut off and judged by itself."""
STEP_DEGREES = 0.01


def disputed_areas(
    claims: gpd.GeoDataFrame, *, date_from: dt.date, date_to: dt.date, area: Area, crs: str, sliver_m: float
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame, tuple[str, ...]]:
    """Every piece of land that several parties claim, and every gap between their claims, span by span.

    Parameters
    ----------
    claims : GeoDataFrame
        The table CLAIMS, in ``crs``; only its areas count.
    date_from, date_to : date
        First and last day that are asked for; the same day twice for a single day.
    area : tuple of float
        Study area: west, south, east, north in degrees. Nothing outside it is looked at.
    crs : str
        Metric CRS of the study.
    sliver_m : float
        A piece that is nowhere wider than this, in metres, is a sliver.

    Returns
    -------
    areas : GeoDataFrame
        The table DISPUTED without slivers: one row for each connected piece and span, sorted by date, kind, parties and
        ``area_id``.
    slivers : GeoDataFrame
        The slivers, in the same form. They are for counting, not for drawing.
    notes : tuple of str
        What was found, which slivers were kept apart, and which unclaimed land was not taken for a gap.

    Raises
    ------
    GeometryError
        Claims in another CRS, or one that is not metric.

    Notes
    -----
    *Disputed* is land that the areas of two or more parties cover on that day, whichever way the claims are marked; parties
    that are named together as the claimant of one area are not in dispute with one another where it lies.

    *A gap* is land in the study area that no area covers and that lies between the claims of different parties: at least
    80 % of its outline runs along claims, and at least 5 % along those of each of two parties. So a strip between two layers
    that do not meet is a gap even if it lies open at both ends. Land that one party's claims enclose alone (a third state's
    exclave, or a hole between districts of one party) is none, nor is land that lies open: a neighbour without a layer looks
    the same. Where open land narrows to less than 1 km, the narrow part is judged by itself.

    All outlines are cut at one another once, rounded to a millimetre, so that the pieces of a day neither overlap nor leave
    anything out, and do not depend on the order of the claims. What a layer draws is what counts: a dispute that is only a
    coarse drawing cannot be told from a real one, and no piece says who is right.
    """
    code = metric(crs)
    if claims.crs != code:
        raise GeometryError(f"Claims in {claims.crs} and a study in {code} cannot be compared: project one of them.")
    drawn = claims[(claims["kind"] == "area") & ~(claims["date_from"] > pd.Timestamp(date_to))]
    drawn = drawn[~(drawn["date_to"] < pd.Timestamp(date_from))].reset_index(drop=True)
    if len(_parties(drawn["claimant"])) < 2:
        return _table([], crs), _table([], crs), ("Areas of fewer than two parties: no disputed land and no gaps can be told.",)
    land = shapely.segmentize(shapely.box(*area), STEP_DEGREES)
    faces = _faces(drawn.geometry.to_numpy(), gpd.GeoSeries([land], crs=DEGREES).to_crs(code).iloc[0])
    face, claim = covering(gpd.GeoSeries(shapely.point_on_surface(faces), crs=code), drawn.geometry)
    edges = _shared_edges(faces)
    pieces, left_out = [], []
    for span in spans(drawn, date_from=date_from, date_to=date_to):
        stands = np.isin(claim, claims_on(drawn, span[0].date()).index)
        holders = _holders(face[stands], drawn["claimant"].to_numpy(dtype=object)[claim[stands]], len(faces))
        gaps, open_land = _gaps(faces, edges, holders, code)
        pieces += [(kind, parties, *span, shape) for kind, parties, shape in [*_disputes(faces, edges, holders), *gaps]]
        left_out += open_land
    table = _table(pieces, crs)
    is_sliver = shapely.is_empty(shapely.buffer(table.geometry.to_numpy(), -sliver_m / 2))
    areas, slivers = table[~is_sliver].reset_index(drop=True), table[is_sliver].reset_index(drop=True)
    return areas, slivers, _notes(areas, slivers, left_out, sliver_m)


def _parties(claimants: Iterable[str]) -> set[str]:
    return {party for claimant in claimants for party in claimant.split(TOGETHER)}


def in_dispute(claimants: Iterable[str]) -> tuple[str, ...]:
    """The parties among claimants of the same land that are in dispute there: those that no claim names together."""
    named = [set(claimant.split(TOGETHER)) for claimant in set(claimants)]
    pairs = combinations(sorted(_parties(claimants)), 2)
    return tuple(sorted({party for pair in pairs if not any(set(pair) <= both for both in named) for party in pair}))


def _faces(shapes: Any, land: Any) -> Any:
    """The study area cut along every outline: polygons that no outline crosses."""
    touching = shapes[shapely.intersects(shapes, land)]
    outlines = shapely.boundary(np.append(touching, land))
    cut = shapely.union_all(outlines, grid_size=PRECISION_M)
    faces = shapely.get_parts(shapely.polygonize([cut]))
    return faces[shapely.intersects(land, shapely.point_on_surface(faces))]


def _shared_edges(faces: Any) -> pd.DataFrame:
    """Every segment between two faces: both faces, and its ends."""
    rings, face = shapely.get_rings(faces, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    starts = np.flatnonzero(ring[1:] == ring[:-1])
    ends = np.hstack([xy[starts], xy[starts + 1]])
    marks = np.rint(ends / PRECISION_M).astype("int64")
    is_turned = (marks[:, 0] > marks[:, 2]) | ((marks[:, 0] == marks[:, 2]) & (marks[:, 1] > marks[:, 3]))
    marks[is_turned] = marks[is_turned][:, [2, 3, 0, 1]]
    order = np.lexsort(marks.T)
    same = np.flatnonzero((marks[order][1:] == marks[order][:-1]).all(axis=1))
    one, other = order[same], order[same + 1]
    found = pd.DataFrame(ends[one], columns=["ax", "ay", "bx", "by"])
    return found.assign(one=face[ring[starts[one]]], other=face[ring[starts[other]]])


def _holders(face: Wholes, claimant: Any, faces: int) -> list[frozenset[str]]:
    """Claimants of every face."""
    found = pd.Series(claimant, dtype=object).groupby(face).agg(frozenset)
    return list(found.reindex(range(faces)).map(lambda held: held if isinstance(held, frozenset) else frozenset()))


def _merged(faces: Any, edges: pd.DataFrame, labels: Any) -> list[tuple[Any, Any]]:
    """Label and polygon of every connected piece of faces of one label; faces with an empty label are left out."""
    codes, names = pd.factorize(pd.Series(labels, dtype=object))
    is_in = np.array([bool(name) for name in names])[codes]
    same = edges[(codes[edges["one"]] == codes[edges["other"]])]
    links = coo_array((np.ones(len(same)), (same["one"], same["other"])), shape=(len(faces), len(faces)))
    piece = connected_components(links, directed=False)[1]
    members = pd.Series(np.flatnonzero(is_in)).groupby(piece[is_in])
    return [(labels[rows.iloc[0]], _united(faces[rows.to_numpy()])) for _, rows in members]


def _united(faces: Any) -> Any:
    return shapely.normalize(shapely.get_parts(shapely.coverage_union_all(faces))[0])


def _disputes(faces: Any, edges: pd.DataFrame, holders: list[frozenset[str]]) -> list[tuple[str, str, Any]]:
    labels = {held: AGAINST.join(in_dispute(held)) for held in set(holders)}
    return [("disputed", parties, shape) for parties, shape in _merged(faces, edges, [labels[held] for held in holders])]


def _gaps(
    faces: Any, edges: pd.DataFrame, holders: list[frozenset[str]], crs: Any
) -> tuple[list[tuple[str, str, Any]], list[Any]]:
    """Gaps, and unclaimed land that is none."""
    pieces = [shape for _, shape in _merged(faces, edges, ["" if held else "unclaimed" for held in holders])]
    if not pieces:
        return [], []
    is_held = np.array([bool(held) for held in holders])
    rim = edges[is_held[edges["one"]] != is_held[edges["other"]]]
    behind = np.where(is_held[rim["one"]], rim["one"], rim["other"])
    sides = shapely.linestrings(rim[["ax", "ay", "bx", "by"]].to_numpy().reshape(-1, 2, 2))
    facing = {
        party: gpd.GeoSeries(sides[[party in _parties(holders[face]) for face in behind]], crs=crs)
        for party in sorted(_parties(claimant for held in holders for claimant in held))
    }
    enclosed_by = _enclosed_by(pieces, facing, crs)
    narrows = [part for piece, parties in zip(pieces, enclosed_by, strict=True) if not parties for part in _narrow_parts(piece)]
    candidates = [*pieces, *narrows]
    parties = [*enclosed_by, *_enclosed_by(narrows, facing, crs)]
    gaps = [("gap", held, shape) for held, shape in zip(parties, candidates, strict=True) if held]
    return gaps, [piece for piece, held in zip(pieces, enclosed_by, strict=True) if not held]


def _enclosed_by(pieces: list[Any], facing: dict[str, gpd.GeoSeries], crs: Any) -> list[str]:
    """The parties between whose claims each piece lies, joined; empty if it is no gap."""
    rings, piece = shapely.get_rings(np.array(pieces, dtype=object), return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    starts = np.flatnonzero(ring[1:] == ring[:-1])
    owner = piece[ring[starts]]
    length_m = np.hypot(*(xy[starts + 1] - xy[starts]).T)
    middles = gpd.GeoSeries(shapely.points((xy[starts] + xy[starts + 1]) / 2), crs=crs)
    along = {party: nearest(middles, sides)[0] <= 2 * PRECISION_M for party, sides in facing.items()}
    total = np.bincount(owner, length_m, len(pieces))
    by_party = {party: np.bincount(owner, length_m * is_along, len(pieces)) / total for party, is_along in along.items()}
    closed = np.bincount(owner, length_m * np.logical_or.reduce(list(along.values())), len(pieces)) / total
    return [
        AGAINST.join(sides)
        if closed[i] >= ENCLOSED and len(sides := [party for party, share in by_party.items() if share[i] >= OWN_SIDE]) > 1
        else ""
        for i in range(len(pieces))
    ]


def _narrow_parts(piece: Any) -> list[Any]:
    """The parts of unclaimed land that no disc of 1 km fits into."""
    wide = shapely.buffer(shapely.buffer(piece, -NECK_M / 2), NECK_M / 2 + 0.1)  # a little more, or rounding leaves threads
    parts = shapely.get_parts(shapely.difference(piece, wide, grid_size=PRECISION_M))
    return [shapely.normalize(part) for part in parts if part.area > 0]


def _table(pieces: list[tuple[Any, ...]], crs: str) -> gpd.GeoDataFrame:
    if not pieces:
        return empty(DISPUTED, crs)
    found = gpd.GeoDataFrame(pieces, columns=["kind", "parties", "date_from", "date_to", "geometry"], crs=crs)
    found["area_id"] = [hashlib.sha256(outline).hexdigest()[:12] for outline in shapely.to_wkb(found.geometry.to_numpy())]
    found["area_km2"] = found.area / 1e6
    return check(found.sort_values(["date_from", "kind", "parties", "area_id"], kind="stable"), DISPUTED)


def _notes(areas: gpd.GeoDataFrame, slivers: gpd.GeoDataFrame, left_out: list[Any], sliver_m: float) -> tuple[str, ...]:
    """What was found on the last day, and what was kept apart over the whole time; each piece of land is counted once."""
    last = areas[areas["date_to"] == areas["date_to"].max()]
    notes = []
    for kind, what in (("disputed", "claimed by more than one party"), ("gap", "between the claims and claimed by none")):
        found = last[last["kind"] == kind]
        notes.append(f"Pieces of land {what} on the last day: {len(found)}, {found['area_km2'].sum():,.1f} km2.")
    once = slivers.drop_duplicates("area_id")
    if len(once):
        notes.append(
            f"{len(once)} pieces nowhere wider than {sliver_m:g} m, {once['area_km2'].sum():,.2f} km2 in all, are taken for "
            "inexact drawing: they are counted here and not drawn."
        )
    open_land = {shapely.to_wkb(piece): piece.area / 1e6 for piece in left_out}
    if open_land:
        notes.append(
            f"{len(open_land)} pieces of unclaimed land, {sum(open_land.values()):,.1f} km2 in all, are not called gaps: they "
            "lie open, or one party alone surrounds them, as land of a neighbour does of whom there is no layer."
        )
    return tuple(notes)
