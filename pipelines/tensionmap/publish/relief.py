"""The lie of the land as a light grey picture under a map: where valleys and ridges run, without taking the eye.

``hillshade`` gives the shading in metres of the study's CRS, for paper; ``shade`` makes of it a small JPEG in the projection
of web maps, for a screen. Elevation is public: nothing of a report is in either.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from io import BytesIO
from math import ceil

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from rasterio import Affine
from rasterio.enums import Resampling
from rasterio.warp import reproject, transform, transform_bounds
from scipy.ndimage import correlate1d, distance_transform_edt, map_coordinates

from tensionmap.crs import DEGREES, metric
from tensionmap.errors import GeometryError

Bounds = tuple[float, float, float, float]
"""West, south, east, north."""
Numbers = NDArray[np.float64]
Truths = NDArray[np.bool_]
Tones = NDArray[np.uint8]

MARGIN_M = 5_000.0
LONGEST_PX = 1_200
JPEG_QUALITY = 58
DARKEST, LEVEL, LIGHTEST, PAPER = 200, 242, 254, 255
"""Tones of grey: what no slope is darker than, level ground, slopes in full light, and where no elevation is known."""
COARSEST_M = 1_000.0
"""Of pixels further apart no shading is made: what it showed would be blots, and no valley."""

_WEB = "EPSG:3857"
_LIGHT_FROM, _LIGHT_HEIGHT = np.radians(315.0), np.radians(50.0)
"""From the north-west, where hands that draw have it; so high that slopes aside of it are told from level ground."""
_STEEP, _MOST_EXAGGERATED = 0.7, 8.0
_DEEP_SHADE = 0.35
_FADE_PX = 20.0
_BESIDE = np.array([1.0, 2.0, 1.0]) / 4
_FEWEST = 0.3
"""So much of the usual number of points, those of its neighbours counted in part, a cell must have for its height to be known."""


@dataclass(frozen=True)
class Hillshade:
    """A shading in metres: ``tones`` from 200 to 255, rows from the north, and the ``extent`` of the whole in ``crs``."""

    tones: Tones
    extent: Bounds
    crs: str
    exaggeration: float
    """How many times higher than they are heights were taken."""


@dataclass(frozen=True)
class Relief:
    """A picture to lay under a web map: a JPEG, and its ``bounds`` in degrees (west, south, east, north)."""

    jpeg: bytes
    bounds: Bounds

    @property
    def data_uri(self) -> str:
        """The picture as an address inside the page."""
        return f"data:image/jpeg;base64,{base64.b64encode(self.jpeg).decode()}"


def shade(elevation: pd.DataFrame, *, crs: str, extent: Bounds) -> Relief | None:
    """The shading of ``hillshade`` as a small picture for a web map; None if elevation is not known there, or too coarsely.

    Parameters and errors are those of ``hillshade``.

    Returns
    -------
    Relief
        A grey JPEG of at most 1,200 pixels on the longer side, without metadata, in the projection of web maps (EPSG:3857),
        so that it fits where Leaflet lays it. The same elevation gives the same bytes.
    """
    land = hillshade(elevation, crs=crs, extent=extent)
    if land is None:
        return None
    picture, (left, bottom, right, top) = _on_web(land)
    (west, east), (south, north) = transform(_WEB, DEGREES, [left, right], [bottom, top])
    stream = BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=JPEG_QUALITY, optimize=True, progressive=True)
    return Relief(stream.getvalue(), (round(west, 5), round(south, 5), round(east, 5), round(north, 5)))


def hillshade(elevation: pd.DataFrame, *, crs: str, extent: Bounds) -> Hillshade | None:
    """The shading of the land around a study, in metres; None if elevation is not known there, or too coarsely.

    Parameters
    ----------
    elevation
        Table ELEVATION: ``easting`` and ``northing`` of pixel centres in ``crs``, and ``elevation_m``. Pixels may lie in any
        order, on any grid, and may have holes.
    crs
        The study's CRS, in metres.
    extent
        West, south, east, north of the study in that CRS; 5 km more on each side is shaded, as far as elevation is known.

    Raises
    ------
    GeometryError
        If ``crs`` is not in metres, or a column is missing.

    Notes
    -----
    Slopes after Horn (1981), doi:10.1109/PROC.1981.11918, under a light from the north-west, 50 degrees high. Heights are
    exaggerated so that the steeper tenth of the land rises 70 m or more on 100 m, but at most 8 times and never less than
    once: the shading of a plain and that of a mountain range look alike, and are not to be compared. Land casts no shadow and
    is not darker for being high or low. Where no elevation is known the tone is that of paper, into which the shading fades.

    Memory grows with the rows of the table by a few numbers a row; the shading has at most 1,200 by 1,200 cells.
    """
    if missing := {"easting", "northing", "elevation_m"} - set(elevation.columns):
        raise GeometryError(
            f"The table of elevation has no column {' and no column '.join(sorted(missing))}. Give the one that ingest wrote."
        )
    metric(crs)
    land = _heights(elevation, (extent[0] - MARGIN_M, extent[1] - MARGIN_M, extent[2] + MARGIN_M, extent[3] + MARGIN_M))
    if land is None:
        return None
    east, north = _slopes(land)
    steep = float(np.percentile(np.hypot(east, north)[land.is_known], 90))
    exaggeration = max(1.0, _STEEP / max(steep, _STEEP / _MOST_EXAGGERATED))
    tones = _tones(_light(east * exaggeration, north * exaggeration))
    from_edge = distance_transform_edt(np.pad(land.is_known, 1))[1:-1, 1:-1]
    faded = (PAPER - (PAPER - tones) * np.minimum(1.0, from_edge / _FADE_PX)).round().astype(np.uint8)
    # A strip of a few pixels may be all faded.
    return Hillshade(faded, land.extent, crs, exaggeration) if (faded < PAPER).any() else None


@dataclass(frozen=True)
class _Land:
    """Heights on a square grid, rows from the north, and where they are known."""

    metres: Numbers
    is_known: Truths
    extent: Bounds
    cell_m: float


def _heights(elevation: pd.DataFrame, extent: Bounds) -> _Land | None:
    """Heights as finely as a picture can show them; None if there are too few."""
    east, north = elevation["easting"].to_numpy(), elevation["northing"].to_numpy()
    inside = (east >= extent[0]) & (east <= extent[2]) & (north >= extent[1]) & (north <= extent[3])
    east, north, metres = east[inside], north[inside], elevation["elevation_m"].to_numpy()[inside]
    spacing = _spacing(east, north) if len(east) else 0.0
    if not 0 < spacing <= COARSEST_M:
        return None
    west, top = float(east.min() - spacing / 2), float(north.max() + spacing / 2)
    sides = top - (north.min() - spacing / 2), east.max() + spacing / 2 - west
    cell = max(spacing, float(max(sides)) / LONGEST_PX)
    shape = ceil(sides[0] / cell), ceil(sides[1] / cell)
    heights, is_known = _gridded((east - west) / cell, (top - north) / cell, metres, shape)
    if cell == spacing:
        heights, is_known, cell = _finer(heights, is_known, cell)
    rows, columns = heights.shape
    return _Land(heights, is_known, (west, top - rows * cell, west + columns * cell, top), cell)


def _spacing(east: Numbers, north: Numbers) -> float:
    """Metres from a pixel to the next: the side of the square of land that each has for itself; 0 if they lie on a line."""
    width, height = float(np.ptp(east)), float(np.ptp(north))
    if not width or not height:
        return 0.0
    blocks = max(1, int(np.sqrt(len(east) / 9)))
    column, row = (np.minimum((at - at.min()) / np.ptp(at) * blocks, blocks - 1).astype(np.int32) for at in (east, north))
    occupied = np.count_nonzero(np.bincount(row * blocks + column))
    # A little more: of cells that are a little too small some stay empty.
    return float(1.05 * np.sqrt(width * height * occupied / blocks**2 / len(east)))


def _gridded(across: Numbers, down: Numbers, metres: Numbers, shape: tuple[int, int]) -> tuple[Numbers, Truths]:
    """Heights at the middles of cells, from points at places that are counted in cells; and which of them are known.

    Points of another grid stand beside the middles, now more and now fewer in a cell, and a slope of their means would look
    like stairs. So each mean is carried along the slope, from where its points stand to the middle.
    """
    row, column = (np.clip(at.astype(np.int32), 0, n - 1) for at, n in zip((down, across), shape, strict=True))
    cell = row * shape[1] + column

    def total(values: Numbers | None = None) -> Numbers:
        return np.bincount(cell, values, shape[0] * shape[1]).reshape(shape).astype(np.float64)

    points = total()
    weight = _with_neighbours(points)
    is_known = weight > _FEWEST * len(metres) / np.count_nonzero(points)
    means = [_with_neighbours(total(values)) / np.where(is_known, weight, 1.0) for values in (metres, down, across)]
    nearest_known = tuple(distance_transform_edt(~is_known, return_distances=False, return_indices=True))
    mean, *aside = (
        (values - middle)[nearest_known] for values, middle in zip(means, (0.0, *(np.indices(shape) + 0.5)), strict=True)
    )
    heights = mean
    for _ in range(3):
        slopes = np.gradient(heights)
        heights = mean - slopes[0] * aside[0] - slopes[1] * aside[1]
    return heights, is_known


def _with_neighbours(values: Numbers) -> Numbers:
    smoothed: Numbers = correlate1d(correlate1d(values, _BESIDE, 0, mode="constant"), _BESIDE, 1, mode="constant")
    return smoothed


def _finer(heights: Numbers, is_known: Truths, cell_m: float) -> tuple[Numbers, Truths, float]:
    """Heights on the finest grid that a picture can show: a spline has no edges between its cells, so light shows none."""
    finer = LONGEST_PX / max(heights.shape)
    at = np.meshgrid(*((np.arange(round(n * finer)) + 0.5) / finer - 0.5 for n in heights.shape), indexing="ij")
    known = map_coordinates(is_known.astype(np.float64), at, order=1, mode="nearest") > 0.5
    return map_coordinates(heights, at, order=3, mode="nearest"), known, cell_m / finer


def _slopes(land: _Land) -> tuple[Numbers, Numbers]:
    """How steeply the land rises to the east and to the north, from the eight neighbours of each cell."""
    step = np.array([-1.0, 0.0, 1.0]) / (2 * land.cell_m)
    east, south = (
        correlate1d(correlate1d(land.metres, _BESIDE, 1 - axis, mode="nearest"), step, axis, mode="nearest") for axis in (1, 0)
    )
    return east, -south


def _light(east: Numbers, north: Numbers) -> Numbers:
    """How much more light slopes get than level ground: from -0.77 in the shade to 0.23 face to face with it."""
    rise = east * np.sin(_LIGHT_FROM) + north * np.cos(_LIGHT_FROM)
    found: Numbers = np.maximum(0.0, np.sin(_LIGHT_HEIGHT) - np.cos(_LIGHT_HEIGHT) * rise) / np.sqrt(1 + east**2 + north**2)
    found -= np.sin(_LIGHT_HEIGHT)
    return found


def _tones(light: Numbers) -> Numbers:
    """Light as grey; deep shade darkens ever less, so that even the darkest slopes keep their shape."""
    darker = np.tanh(np.maximum(0.0, -light) / _DEEP_SHADE) * (LEVEL - DARKEST)
    lighter = np.maximum(0.0, light) / (1 - np.sin(_LIGHT_HEIGHT)) * (LIGHTEST - LEVEL)
    tones: Numbers = LEVEL - darker + lighter
    return tones


def _on_web(land: Hillshade) -> tuple[Tones, Bounds]:
    """The shading in the projection of web maps, rows from the north, without an empty rim; and its edges there in metres."""
    rows, columns = land.tones.shape
    left, bottom, right, top = transform_bounds(land.crs, _WEB, *land.extent)
    pixel = max(right - left, top - bottom) / LONGEST_PX
    width, height = round((right - left) / pixel), round((top - bottom) / pixel)
    picture = np.full((height, width), PAPER, dtype=np.uint8)
    reproject(
        land.tones,
        picture,
        src_transform=_pixels_to_metres(land.extent, columns, rows),
        src_crs=land.crs,
        dst_transform=_pixels_to_metres((left, bottom, right, top), width, height),
        dst_crs=_WEB,
        resampling=Resampling.bilinear,
        init_dest_nodata=False,
    )
    (first, last), (west, east) = (np.flatnonzero((picture < PAPER).any(axis=axis))[[0, -1]] for axis in (1, 0))
    across, down = (right - left) / width, (top - bottom) / height
    edges = (left + west * across, top - (last + 1) * down, left + (east + 1) * across, top - first * down)
    return picture[first : last + 1, west : east + 1], edges


def _pixels_to_metres(bounds: Bounds, columns: int, rows: int) -> Affine:
    west, south, east, north = bounds
    return Affine((east - west) / columns, 0.0, west, 0.0, (south - north) / rows, north)
