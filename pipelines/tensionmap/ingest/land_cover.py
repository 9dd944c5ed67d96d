"""Land-cover rasters of any size, in one or many tiles -> outlines of pasture and forest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from rasterio import features
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from tensionmap.crs import DEGREES, metric
from tensionmap.errors import RawDataError
from tensionmap.ingest import tiles
from tensionmap.ingest.set_aside import Kept
from tensionmap.ingest.tiles import (
    Area,
    Meaning,
    Numbers,
    Overlap,
    Tile,
    Truths,
    at,
    between,
    most_frequent,
    open_tiles,
    pixel_m,
    window_of,
)
from tensionmap.tables import RESOURCES, SET_ASIDE, check, empty

Whole = NDArray[np.int64]

KINDS = {"forest": (10,), "pasture": (30,)}
"""Classes of ESA WorldCover by kind of resource: 10 tree cover, 30 grassland."""

FINEST_M = 30
"""Finer pixels are summed up to about this size: single trees and tufts would be outlines by the million."""

LEAST_AREA_M2 = 50_000
"""5 ha. A patch of 200 x 250 m is 2 mm wide on a sheet of 1 : 100,000."""

SQUARE_PIXELS = 256
"""A patch larger than a square of so many pixels (7 km of 30 m) is cut along such squares: to test, draw or measure to one
outline of a million corners takes minutes, again in every stage."""

BEND_PIXELS = 16
"""Straight edges get a corner so often, so that they bend with the projection; they stay within a hundredth of a pixel."""

CM2 = 1e4


def read_cover_areas(
    paths: Sequence[Path],
    *,
    crs: str,
    area: Area,
    classes: Mapping[str, Sequence[int]] = KINDS,
    least_area_m2: float = LEAST_AREA_M2,
) -> Kept:
    """Patches of pasture and forest from a land-cover raster, as the table RESOURCES, in metres.

    Parameters
    ----------
    paths : sequence of Path
        Tiles of one map of land cover (whole numbers, one band), each in any CRS and resolution. Where two tiles have a
        value, the first in this order counts.
    crs : str
        Metric CRS of the study.
    area : tuple of float
        West, south, east, north in degrees. Pixels whose centre lies in it are taken, so patches are cut at its edge: of a
        place near the edge the nearest pasture may lie outside, unseen.
    classes : mapping of str to whole numbers
        Kind of resource -> codes of the raster that are of this kind.
    least_area_m2 : float
        Smaller patches are left out.

    Returns
    -------
    Kept
        One polygon a patch: pixels of one kind that touch along an edge, holes kept, outline along the edges of the pixels.
        A patch larger than about 50 km2 is several polygons that meet along straight lines 7 km apart. The ``resource_id``
        names the kind and the easting and northing of its first pixel, the uppermost, then leftmost; name and season
        are empty. Nothing is set aside; the notes say how large each kind is and how much of it was left out.

    Raises
    ------
    RawDataError
        As of :func:`tensionmap.ingest.rasters.read_population`, or one code is given as two kinds.

    Notes
    -----
    Pixels finer than 30 m are first summed up to about 30 m (most frequent class, the lowest code of several).

    Grass seen from above is not the right to graze: it does not show who may use a patch, whether anybody does, in which
    season, nor whether it is hay meadow, stubble or a lawn. Tree cover is orchard as well as forest. A patch ends where the
    land cover changes, not where a pasture of one user or a forest of one forester ends. Classes are right for about three
    quarters of all pixels (ESA WorldCover 2021 v200, doi:10.5281/zenodo.7254221), grass and shrubs less often than trees.
    """
    kinds = sorted(classes)
    codes = [code for kind in kinds for code in classes[kind]]
    if len(set(codes)) < len(codes):
        raise RawDataError("A code of land cover is given as two kinds of resource at once. Give each code one kind.")
    with open_tiles(paths, Meaning(are_classes=True), area) as (opened, notes):
        lattice = _lattice(opened, area)
        patches = _find(lattice, [classes[kind] for kind in kinds], crs)
        kept = patches.at_least(least_area_m2)
        # Told before the second reading counts the overlaps again.
        notes += lattice.notes() + patches.notes(kinds, least_area_m2) + lattice.notes_on_cuts(kept)
        outlines, of_kind = _outlines(lattice, [classes[kind] for kind in kinds], kept)
    if not len(outlines):
        return Kept(empty(RESOURCES, crs), empty(SET_ASIDE), tuple(notes))
    kind = pd.Series(np.array(kinds)[of_kind], dtype="str")
    table = gpd.GeoDataFrame(
        {
            "resource_id": kind + "-" + lattice.places(outlines, crs),
            "kind": kind,
            "name": pd.Series(None, index=kind.index, dtype="str"),
            "season_from": pd.Series(pd.NA, index=kind.index, dtype="Int64"),
            "season_to": pd.Series(pd.NA, index=kind.index, dtype="Int64"),
        },
        geometry=lattice.into_metres(outlines, crs),
        crs=metric(crs),
    )
    return Kept(check(table, RESOURCES), empty(SET_ASIDE), tuple(notes))


@dataclass(frozen=True)
class _Lattice:
    """One grid of pixels over the study area, that of the first tile; the other tiles are fitted into it.

    ``left`` and ``top`` are counted in pixels of the first tile's file, ``columns`` and ``rows`` in pixels of the lattice,
    each ``factor`` x ``factor`` of those.
    """

    tiles: list[Tile]
    offsets: list[tuple[int, int] | None]
    overlaps: list[Overlap]
    area: Area
    factor: int
    left: int
    top: int
    columns: int
    rows: int

    def bands(self, codes: Sequence[Sequence[int]]) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """First row and kinds (0: none, else place in ``codes`` plus 1) of a few rows at a time.

        A band never reaches from one row of squares into the next.
        """
        step = max(1, tiles.PIXELS_AT_ONCE // (self.columns * self.factor**2))
        for first, last in self._rows_at_once(step):
            values = self._values(first, last)
            cover, known = most_frequent(values, ~np.isnan(values), self.factor)
            kinds = np.zeros(cover.shape, dtype="uint8")
            for number, of_kind in enumerate(codes, 1):
                kinds[known & np.isin(cover, list(of_kind))] = number
            yield first, np.where(self._is_inside(first, last), kinds, 0)

    def _rows_at_once(self, step: int) -> Iterator[tuple[int, int]]:
        for top in range(0, self.rows, SQUARE_PIXELS):
            bottom = min(top + SQUARE_PIXELS, self.rows)
            yield from ((first, min(first + step, bottom)) for first in range(top, bottom, step))

    def _values(self, first: int, last: int) -> Numbers:
        """The pixels of the file in a band, each from the first tile that has it."""
        band = np.full(((last - first) * self.factor, self.columns * self.factor), np.nan)
        for tile, offset, overlap in zip(self.tiles, self.offsets, self.overlaps, strict=True):
            if offset is None:
                self._fit(band, tile, first)
                continue
            # Columns and rows of the band in pixels of the tile.
            left, top = self.left - offset[0], self.top + first * self.factor - offset[1]
            start = max(left, 0), max(top, 0)
            end = min(left + band.shape[1], tile.raster.width), min(top + band.shape[0], tile.raster.height)
            if start[0] >= end[0] or start[1] >= end[1]:
                continue
            here = band[start[1] - top : end[1] - top, start[0] - left : end[0] - left]
            values, _ = tile.read(*start, *end)
            if tile is not self.tiles[0]:
                overlap.add(values, here, is_same_grid=True)
            np.copyto(here, values, where=np.isnan(here))
        return band

    def _fit(self, band: Numbers, tile: Tile, first: int) -> None:
        """Fill what is empty with the value of the ``tile`` at the centre of the pixel."""
        rows, columns = np.nonzero(np.isnan(band))
        across, down = self.left + columns + 0.5, self.top + first * self.factor + rows + 0.5
        band[rows, columns] = tile.sample(*at(self.tiles[0].raster.transform, across, down), self.tiles[0].crs)

    def _is_inside(self, first: int, last: int) -> Truths:
        """Whether the centre of each pixel lies in the study area."""
        found = np.ones((last - first, self.columns), dtype=bool)
        for left in range(0, self.columns, 256):
            rows, columns = np.mgrid[first:last, left : min(left + 256, self.columns)]
            # A piece whose rim lies in the area lies in it as a whole.
            rim = np.zeros(rows.shape, dtype=bool)
            rim[[0, -1]] = rim[:, [0, -1]] = True
            if not self._are_in(columns[rim] + 0.5, rows[rim] + 0.5).all():
                found[:, left : left + 256] = self._are_in(columns + 0.5, rows + 0.5)
        return found

    def _are_in(self, across: Any, down: Any) -> Truths:
        west, south, east, north = self.area
        longitude, latitude = between(self.tiles[0].crs, CRS(DEGREES)).transform(*self._at(across, down))
        inside: Truths = (longitude >= west) & (longitude < east) & (latitude >= south) & (latitude < north)
        return inside

    def _at(self, across: Any, down: Any) -> tuple[Any, Any]:
        """Position in the CRS of the first tile, of columns and rows of the lattice."""
        f = self.factor
        return at(self.tiles[0].raster.transform, self.left + across * f, self.top + down * f)

    def _metres(self, across: Any, down: Any, crs: str) -> tuple[Any, Any]:
        east, north = between(self.tiles[0].crs, metric(crs)).transform(*self._at(across, down))
        return east, north

    def places(self, outlines: NDArray[Any], crs: str) -> list[str]:
        """Easting and northing of the centre of the first pixel of each outline, as words of an identifier."""
        column, row = _first_pixels(outlines)
        easting, northing = self._metres(column + 0.5, row + 0.5, crs)
        return [f"{east:.0f}-{north:.0f}" for east, north in zip(easting, northing, strict=True)]

    def pixel_cm2(self, crs: str) -> Numbers:
        """Area of a pixel of each row, in whole cm2: added up, whole numbers do not depend on the order."""
        rows, middle = np.arange(self.rows), self.columns // 2
        corners = [self._metres(np.full(self.rows, middle + i), rows + j, crs) for i, j in ((0, 0), (1, 0), (1, 1), (0, 1))]
        crosses = [corners[i][0] * corners[i - 3][1] - corners[i - 3][0] * corners[i][1] for i in range(4)]
        cm2: Numbers = np.round(np.abs(sum(crosses)) / 2 * CM2)
        return cm2

    def into_metres(self, outlines: NDArray[Any], crs: str) -> NDArray[Any]:
        """Outlines in columns and rows of the lattice, in the metric CRS."""
        if self.tiles[0].crs != metric(crs):
            outlines = _with_bends(outlines)
        kind, points, offsets = shapely.to_ragged_array(outlines)
        easting, northing = self._metres(points[:, 0], points[:, 1], crs)
        metres: NDArray[Any] = shapely.from_ragged_array(kind, np.column_stack([easting, northing]), offsets)
        return metres

    @property
    def squares(self) -> tuple[int, int]:
        """Squares along the columns and rows."""
        return -(-self.columns // SQUARE_PIXELS), -(-self.rows // SQUARE_PIXELS)

    def square(self, first: int, count: int) -> Whole:
        """Which square each pixel of so many rows lies in."""
        rows, columns = (np.arange(first, first + count), np.arange(self.columns))
        return rows[:, None] // SQUARE_PIXELS * self.squares[0] + columns // SQUARE_PIXELS

    def notes_on_cuts(self, patches: _Patches) -> list[str]:
        """How many patches were cut."""
        cut = int((patches.pixels > SQUARE_PIXELS**2).sum())
        tile = self.tiles[0]
        side_km = SQUARE_PIXELS * self.factor * pixel_m(tile.raster.transform, tile.crs) / 1000
        return [f"{cut} patches are larger than a square of {side_km:.0f} km and were cut along such squares."] if cut else []

    def notes(self) -> list[str]:
        """How the tiles became one."""
        first = self.tiles[0].file
        found = [f"{first}: {self.factor} x {self.factor} pixels were summed up to one (most frequent class)."]
        found = found if self.factor > 1 else []
        for tile, offset, overlap in zip(self.tiles, self.offsets, self.overlaps, strict=True):
            found += overlap.notes(tile)
            if offset is None:
                found.append(
                    f"{tile.file}: its pixels are of another size or place than those of {first}; "
                    "where that has none, its value at the centre of each pixel was taken."
                )
        return found


def _lattice(opened: list[Tile], area: Area) -> _Lattice:
    first = opened[0]
    factor = max(1, int(FINEST_M / pixel_m(first.raster.transform, first.crs) + 1e-6))
    left, top, right, bottom = window_of(area, first)
    if len(opened) == 1:  # no need to look where there is nothing
        left, top = max(left, 0), max(top, 0)
        right, bottom = min(right, first.raster.width), min(bottom, first.raster.height)
    left, top = left // factor * factor, top // factor * factor
    return _Lattice(
        opened,
        [tile.offset_from(first) for tile in opened],
        [Overlap() for _ in opened],
        area,
        factor,
        left,
        top,
        -(-(right - left) // factor),
        -(-(bottom - top) // factor),
    )


@dataclass(frozen=True)
class _Patches:
    """Patches by their number: kind, number of pixels, area in cm2; and the patch of each label of each band."""

    kind: Whole
    pixels: Whole
    cm2: Numbers
    of_label: Whole

    def at_least(self, area_m2: float) -> _Patches:
        """Those not smaller; labels of the others have the patch -1."""
        is_large = self.cm2 >= area_m2 * CM2
        number = np.where(is_large, np.cumsum(is_large) - 1, -1)
        return _Patches(self.kind[is_large], self.pixels[is_large], self.cm2[is_large], number[self.of_label])

    def notes(self, kinds: Sequence[str], least_area_m2: float) -> list[str]:
        """How large each kind is, and how much of it is too small to be kept."""
        found = []
        for number, kind in enumerate(kinds):
            cm2 = self.cm2[self.kind == number]
            small = cm2[cm2 < least_area_m2 * CM2]
            if not len(cm2):
                found.append(f"There is no {kind} in the study area by the land-cover raster.")
                continue
            kept_km2, lost_km2 = ((part / CM2 / 1e6) for part in (cm2.sum() - small.sum(), small.sum()))
            found.append(f"{kind}: {kept_km2:,.1f} km2 in {len(cm2) - len(small):,} patches by the land-cover raster.")
            if len(small):
                found.append(
                    f"{kind}: {len(small):,} patches smaller than {least_area_m2 / 10_000:,.1f} ha were left out, "
                    f"{lost_km2:,.1f} km2 or {lost_km2 / (kept_km2 + lost_km2):.1%} of all {kind}."
                )
        return found


def _labels(kinds: NDArray[np.uint8], count: int) -> tuple[NDArray[np.int32], Whole]:
    """Connected pixels of one kind, numbered from 1 in the band; and the kind of each number."""
    labels = np.zeros(kinds.shape, dtype="int32")
    of_label = [np.empty(0, dtype="int64")]
    total = 0
    for kind in range(count):
        found, more = ndimage.label(kinds == kind + 1)
        labels += np.where(found > 0, found + np.int32(total), np.int32(0))
        of_label.append(np.full(more, kind))
        total += more
    return labels, np.concatenate(of_label)


def _find(lattice: _Lattice, codes: Sequence[Sequence[int]], crs: str) -> _Patches:
    """All patches, put together from their pieces in the bands."""
    pixel_cm2 = lattice.pixel_cm2(crs)
    kind, pixels, cm2, pairs = [], [], [], [np.empty((0, 2), dtype="int64")]
    above_kinds, above = np.zeros(lattice.columns, dtype="uint8"), np.zeros(lattice.columns, dtype="int64")
    total = 0
    for first, kinds in lattice.bands(codes):
        labels, of_label = _labels(kinds, len(codes))
        weights = np.broadcast_to(pixel_cm2[first : first + len(kinds), None], kinds.shape).ravel()
        kind.append(of_label)
        pixels.append(np.bincount(labels.ravel(), minlength=len(of_label) + 1)[1:])
        cm2.append(np.bincount(labels.ravel(), weights=weights, minlength=len(of_label) + 1)[1:])
        touch = (kinds[0] > 0) & (kinds[0] == above_kinds)
        pairs.append(np.unique(np.column_stack([above[touch], labels[0][touch] + total - 1]), axis=0))
        above_kinds, above = kinds[-1], labels[-1] + np.int64(total - 1)
        total += len(of_label)
    ends = np.concatenate(pairs).T
    links = coo_array((np.ones(ends.shape[1], dtype="uint8"), tuple(ends)), shape=(total, total))
    count, of_label = connected_components(links, directed=False) if total else (0, np.empty(0, dtype="int64"))
    of_patch = np.zeros(count, dtype="int64")
    of_patch[of_label] = np.concatenate(kind)
    # Whole numbers far below 2**53: exact as weights, in any order.
    sums = [np.bincount(of_label, np.concatenate(part), minlength=count).astype("float64") for part in (pixels, cm2)]
    return _Patches(of_patch, sums[0].astype("int64"), sums[1], of_label)


def _outlines(lattice: _Lattice, codes: Sequence[Sequence[int]], patches: _Patches) -> tuple[NDArray[Any], Whole]:
    """Polygons in columns and rows of the lattice, the same for any division into bands, and their kinds."""
    large = np.flatnonzero(patches.pixels > SQUARE_PIXELS**2)
    rank = np.full(len(patches.kind) + 1, -1)
    rank[large] = np.arange(len(large))
    squares = lattice.squares[0] * lattice.squares[1]
    pieces, keys = [], []
    waiting: list[NDArray[np.int32]] = []
    total = 0
    for first, kinds in lattice.bands(codes):
        labels, of_label = _labels(kinds, len(codes))
        patch = np.concatenate([[-1], patches.of_label[total : total + len(of_label)]])[labels]
        total += len(of_label)
        in_square = len(patches.kind) + rank[patch] * squares + lattice.square(first, len(patch))
        waiting.append(np.where(rank[patch] >= 0, in_square, patch).astype("int32"))
        if (last := first + len(kinds)) % SQUARE_PIXELS == 0 or last == lattice.rows:
            # A whole row of squares: only what reaches from it into the next is in pieces.
            found, key = _traced(np.concatenate(waiting), (last - 1) // SQUARE_PIXELS * SQUARE_PIXELS)
            pieces.append(found)
            keys.append(key)
            waiting.clear()
    shapes, key = np.concatenate(pieces), np.concatenate(keys)
    if not len(shapes):
        return shapes, key
    is_cut = key >= len(patches.kind)
    joined, patch = _joined(shapes[~is_cut], key[~is_cut])
    shapes = np.concatenate([shapely.normalize(_without_straight(joined)), shapely.normalize(shapes[is_cut])])
    patch = np.concatenate([patch, large[(key[is_cut] - len(patches.kind)) // squares]])
    column, row = _first_pixels(shapes)
    order = np.lexsort([column, row])
    return shapes[order], patches.kind[patch[order]]


def _joined(shapes: NDArray[Any], patch: Whole) -> tuple[NDArray[Any], Whole]:
    """The pieces of each patch as one polygon, and the patches."""
    order = np.argsort(patch, kind="stable")
    shapes, patch = shapes[order], patch[order]
    starts = np.flatnonzero(np.diff(patch, prepend=-1))
    groups = np.split(shapes, starts[1:])
    whole = [group[0] if len(group) == 1 else shapely.union_all(group) for group in groups if len(group)]
    return np.array(whole, dtype=object), patch[starts]


def _first_pixels(outlines: NDArray[Any]) -> tuple[Numbers, Numbers]:
    """Column and row of the uppermost, then leftmost pixel of each outline."""
    points, outline = shapely.get_coordinates(outlines, return_index=True)
    order = np.lexsort([points[:, 0], points[:, 1], outline])
    first = points[order[np.flatnonzero(np.diff(outline, prepend=-1))]]
    return first[:, 0], first[:, 1]


def _traced(number: NDArray[np.int32], first: int) -> tuple[NDArray[Any], Whole]:
    """Polygons along the edges of pixels of one number (-1: none) and these numbers; rows are counted from ``first``."""
    points: list[tuple[float, float]] = []
    lengths: list[int] = []
    counts, numbers = [], []
    for shape, value in features.shapes(number, mask=number >= 0, connectivity=4):
        rings = shape["coordinates"]
        points.extend(chain.from_iterable(rings))
        lengths.extend(map(len, rings))
        counts.append(len(rings))
        numbers.append(value)
    coordinates = np.array(points, dtype="float64").reshape(-1, 2) + np.array([0, first])
    return _polygons(coordinates, lengths, counts), np.array(numbers, dtype="int64")


def _polygons(points: Numbers, lengths: Any, counts: Any) -> NDArray[Any]:
    """Polygons of closed rings of so many points, so many rings each."""
    offsets = tuple(np.concatenate([[0], np.cumsum(part, dtype="int64")]).astype("int64") for part in (lengths, counts))
    polygons: NDArray[Any] = shapely.from_ragged_array(shapely.GeometryType.POLYGON, points, offsets)
    return polygons


def _rings(polygons: NDArray[Any]) -> tuple[Numbers, Whole, Whole]:
    """Points of all closed rings, points of each ring, rings of each polygon."""
    _, points, (rings, parts) = shapely.to_ragged_array(polygons)
    return points, np.diff(rings), np.diff(parts)


def _without_straight(polygons: NDArray[Any]) -> NDArray[Any]:
    """The same polygons without points in the middle of a straight edge, such as seams leave."""
    if not len(polygons):
        return polygons
    points, lengths, counts = _rings(polygons)
    ends = np.cumsum(lengths) - 1
    is_end = np.zeros(len(points), dtype=bool)
    is_end[ends] = True
    before, after = np.roll(points, 1, axis=0), np.roll(points, -1, axis=0)
    before[ends - lengths + 1] = points[ends - 1]  # a ring ends where it starts
    into, out = points - before, after - points
    corner = (into[:, 0] * out[:, 1] != into[:, 1] * out[:, 0]) & ~is_end
    ring = np.repeat(np.arange(len(lengths)), lengths)[corner]
    kept = np.bincount(ring, minlength=len(lengths))
    starts = np.cumsum(kept) - kept
    closed = np.insert(points[corner], starts + kept, points[corner][starts], axis=0)
    return _polygons(closed, kept + 1, counts)


def _with_bends(polygons: NDArray[Any]) -> NDArray[Any]:
    """The same polygons with points on long edges, wherever a column or row is a multiple of BEND_PIXELS."""
    points, lengths, counts = _rings(polygons)
    ring = np.repeat(np.arange(len(lengths)), lengths)[:-1]
    is_edge = np.diff(np.repeat(np.arange(len(lengths)), lengths)) == 0
    moves = points[1:] != points[:-1]
    start, end = (np.where(moves[:, 0], part[:, 0], part[:, 1]) / BEND_PIXELS for part in (points[:-1], points[1:]))
    more = np.ceil(np.maximum(start, end)) - 1 - np.floor(np.minimum(start, end))
    more = np.where(is_edge, np.maximum(more, 0), 0).astype("int64")
    edge = np.repeat(np.arange(len(more)), more)
    number = np.arange(len(edge)) - np.repeat(np.cumsum(more) - more, more)
    along = np.where(end > start, np.floor(start) + 1, np.ceil(start) - 1)[edge] + np.where(end > start, 1, -1)[edge] * number
    bends = np.where(moves[edge], along[:, None] * BEND_PIXELS, points[edge])
    bent = np.insert(points, edge + 1, bends, axis=0)
    return _polygons(bent, lengths + np.bincount(ring[edge], minlength=len(lengths)), counts)
