"""Whether the peaks of a raster of values stand on private places: a surface of few reports peaks at their doors."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable

import numpy as np
import rasterio
from PIL import Image
from rasterio.warp import transform
from scipy.ndimage import maximum_filter
from scipy.spatial import cKDTree
from scipy.stats import binom

from tensionmap.protect.audit.secrets import Flags, Numbers, Secrets

_COARSE_M = 400.0
"""A raster of coarser cells is a count of squares, and its cells hide their reports as squares do."""
_CHANCE = 1e-3
_MOST_PEAKS = 5000


def raster_tells_places(data: bytes, secrets: Secrets) -> bool:
    """Whether peaks of a georeferenced raster stand on private places more often than chance brings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.MemoryFile(data) as memory, memory.open() as raster:
            if raster.crs is None:
                return False
            values, at, crs = raster.read(1).astype(float), raster.transform, raster.crs
            values[raster.read_masks(1) == 0] = -np.inf

            def metres(rows: Numbers, columns: Numbers) -> Numbers:
                x = at.a * (columns + 0.5) + at.b * (rows + 0.5) + at.c
                y = at.d * (columns + 0.5) + at.e * (rows + 0.5) + at.f
                return np.column_stack(transform(crs, secrets.crs, x, y))

    return _peaks_tell(values, metres, secrets)


def picture_tells_places(picture: bytes, bounds: tuple[float, float, float, float], secrets: Secrets) -> bool:
    """Whether peaks of a picture laid over the map, bright or dark, stand on private places more often than chance brings."""
    with Image.open(io.BytesIO(picture)) as image:
        layers = np.asarray(image.convert("LA")).astype(float)
    west, south, east, north = bounds
    height, width = layers.shape[:2]

    def metres(rows: Numbers, columns: Numbers) -> Numbers:
        longitudes = west + (columns + 0.5) / width * (east - west)
        latitudes = north - (rows + 0.5) / height * (north - south)
        return secrets.metres(np.column_stack([longitudes, latitudes]))

    grey, alpha = layers[:, :, 0], layers[:, :, 1]
    return any(_peaks_tell(values, metres, secrets) for values in (grey, -grey, alpha))


def _peaks_tell(values: Numbers, metres: Callable[[Numbers, Numbers], Numbers], secrets: Secrets) -> bool:
    rows, columns = np.nonzero(_is_peak(values))
    if not 0 < len(rows) <= _MOST_PEAKS or not secrets.points:
        return False
    peaks = metres(rows.astype(np.float64), columns.astype(np.float64))
    beside = metres(rows[:1].astype(np.float64) + 1, columns[:1].astype(np.float64) + 1)
    cell_m = float(np.abs(beside - peaks[:1]).max())
    private = secrets.places[0]
    if not private.n or cell_m > _COARSE_M:
        return False
    within = cKDTree(private.data).query(peaks, distance_upper_bound=cell_m)[0]
    hit = int(np.isfinite(within).sum())
    share = _share_near(private.data, metres, values.shape, cell_m)
    return hit > 0 and bool(binom.sf(hit - 1, len(peaks), share) < _CHANCE)


def _is_peak(values: Numbers) -> Flags:
    """Cells higher than their surroundings; a plain, and a top of more than one cell, has none."""
    around = maximum_filter(values, footprint=np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]]), mode="constant", cval=-np.inf)
    peaks: Flags = (values > around) & np.isfinite(values)
    return peaks


def _share_near(private: Numbers, metres: Callable[[Numbers, Numbers], Numbers], shape: tuple[int, ...], cell_m: float) -> float:
    """The share of the raster that lies within a cell of a private place: how often a peak does so by chance."""
    rows, columns = (axis.ravel().astype(float) for axis in np.indices((min(shape[0], 200), min(shape[1], 200))))
    places = metres(rows * max(1.0, shape[0] / 200), columns * max(1.0, shape[1] / 200))
    near = np.isfinite(cKDTree(private).query(places, distance_upper_bound=cell_m)[0])
    return max(float(near.mean()), 1 / len(places))
