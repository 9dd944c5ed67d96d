"""The lie of the land on paper: two light greys that a photocopier drops, as areas without an edge."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import shapely
from contourpy import FillType, contour_generator
from scipy.ndimage import gaussian_filter, zoom

from tensionmap.publish import style
from tensionmap.publish.labels import Box
from tensionmap.publish.relief import Hillshade

PIXEL_MM = 0.8
SMOOTHED_PX = 1.2
MARGIN_PX = 24
SMALLEST_MM2 = 4.0
SIMPLER_MM = 0.08


def tints(land: Hillshade, *, bounds: Box, mm_per_m: float) -> list[tuple[str, Any]]:
    """The slopes in the shade as areas in metres, each class with its grey, the lighter and larger first.

    Parameters
    ----------
    land
        The shading, in the CRS of the map.
    bounds
        West, south, east, north of the map in metres: nothing reaches beyond.
    mm_per_m
        The scale of the map: what is too small to be seen on paper is left out.
    """
    land = _around(land, bounds)
    west, _, east, north = land.extent
    metres = (east - west) / land.tones.shape[1]
    coarser = min(1.0, metres * mm_per_m / PIXEL_MM)
    tones = zoom(
        gaussian_filter(land.tones.astype(float), SMOOTHED_PX / coarser), coarser, order=1, grid_mode=True, mode="nearest"
    )
    rows, columns = tones.shape
    side_x, side_y = (east - west) / columns, (north - land.extent[1]) / rows
    found: Any = contour_generator(
        west + (np.arange(columns) + 0.5) * side_x,
        north - (np.arange(rows) + 0.5) * side_y,
        tones,
        fill_type=FillType.OuterOffset,
    )
    area = shapely.box(*bounds)
    classes = []
    for darkest, grey in style.RELIEF:
        outlines, offsets = found.filled(0.0, darkest)
        shapes = [_polygon(points, ends) for points, ends in zip(outlines, offsets, strict=True)]
        simple = shapely.make_valid(shapely.simplify(np.array(shapes, dtype=object), SIMPLER_MM / mm_per_m))
        parts = shapely.get_parts(shapely.get_parts(shapely.intersection(simple, area)))
        is_seen = (shapely.get_dimensions(parts) == 2) & (shapely.area(parts) * mm_per_m**2 >= SMALLEST_MM2)
        classes.append((grey, shapely.multipolygons(parts[is_seen])))
    return classes


def _around(land: Hillshade, bounds: Box) -> Hillshade:
    """The part of the shading that the map shows, with as much around it as smoothing reaches."""
    west, south, east, north = land.extent
    rows, columns = land.tones.shape
    side_x, side_y = (east - west) / columns, (north - south) / rows
    first_column = max(int((bounds[0] - west) / side_x) - MARGIN_PX, 0)
    last_column = min(int(np.ceil((bounds[2] - west) / side_x)) + MARGIN_PX, columns)
    first_row = max(int((north - bounds[3]) / side_y) - MARGIN_PX, 0)
    last_row = min(int(np.ceil((north - bounds[1]) / side_y)) + MARGIN_PX, rows)
    extent = (
        west + first_column * side_x,
        north - last_row * side_y,
        west + last_column * side_x,
        north - first_row * side_y,
    )
    return replace(land, tones=land.tones[first_row:last_row, first_column:last_column], extent=extent)


def _polygon(points: Any, ends: Any) -> Any:
    """The outer ring and the holes of one area."""
    outer, *holes = np.split(points, ends[1:-1])
    return shapely.Polygon(outer, holes)
