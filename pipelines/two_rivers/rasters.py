"""Population, elevation and land cover as GeoTIFFs of 100 m pixels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import shapely
from rasterio.transform import from_origin
from shapely.ops import unary_union

from two_rivers import CRS, INVENTED, SEED, land
from two_rivers.names import SETTLEMENTS

PIXEL_M = 100.0
WEST, NORTH = 479_500.0, 4_776_800.0
COLUMNS, ROWS = 410, 318

TREES, SHRUBS, GRASS, CROPS, BUILT, BARE, WATER = 10, 20, 30, 40, 50, 60, 80


@dataclass(frozen=True)
class Terrain:
    """The three rasters, and the centres of their pixels in metres."""

    easting: np.ndarray
    northing: np.ndarray
    residents: np.ndarray
    elevation_m: np.ndarray
    land_cover: np.ndarray


def terrain() -> Terrain:
    """The valley, pixel by pixel."""
    easting, northing = np.meshgrid(WEST + PIXEL_M * (np.arange(COLUMNS) + 0.5), NORTH - PIXEL_M * (np.arange(ROWS) + 0.5))
    residents = _residents(easting, northing)
    elevation_m = _elevation(easting, northing)
    return Terrain(easting, northing, residents, elevation_m, _land_cover(easting, northing, residents, elevation_m))


def _residents(easting: np.ndarray, northing: np.ndarray) -> np.ndarray:
    """Villages as heaps of houses that end within their ``precision_m``, and homesteads between them."""
    people = np.zeros(easting.shape)
    for settlement in SETTLEMENTS:
        east, north = land.position(settlement)
        away = np.hypot(easting - east, northing - north)
        width = settlement.precision_m / 2.4
        heap = np.where(away < settlement.precision_m - 75, np.exp(-0.5 * (away / width) ** 2), 0.0)
        people += heap * (settlement.residents or 0) / heap.sum()

    rng = np.random.default_rng([SEED, 1])
    lived_in = [land.DISPUTED_PASTURE, land.MIDDLE_CROSSING, land.LOWER_GATE, (36.0, 9.0)]
    homesteads = [*rng.uniform((2, 2), (38, 28), size=(240, 2))]
    homesteads += [np.array(place) + rng.normal(0, 0.8, size=2) for place in lived_in for _ in range(14)]
    for place in homesteads:
        east, north = land.metres((float(place[0]), float(place[1])))
        people[int((NORTH - north) // PIXEL_M), int((east - WEST) // PIXEL_M)] += int(rng.integers(4, 15))
    rounded: np.ndarray = people.round(2).astype("float32")
    return rounded


def _elevation(easting: np.ndarray, northing: np.ndarray) -> np.ndarray:
    """Mountains in the south and at both edges, a plain that falls to the north, rivers cut into it."""
    east, north = (easting - land.CORNER[0]) / 1000, (northing - land.CORNER[1]) / 1000
    height = 980 - 7 * north + 55 * np.clip(9 - north, 0, None) ** 1.4 + 16 * np.clip(np.abs(east - 20) - 13, 0, None) ** 1.7
    rng = np.random.default_rng([SEED, 2])
    for wavelength_km in (11, 7, 4, 2.5):
        turn, shift = rng.uniform(0, 2 * np.pi, size=2)
        height += 9 * wavelength_km * np.sin((east * np.cos(turn) + north * np.sin(turn)) * 2 * np.pi / wavelength_km + shift)
    away = _away_m(easting, northing, unary_union(list(land.RIVERS.values())))
    height -= 0.12 * height * np.exp(-((away / 900) ** 2))
    rounded: np.ndarray = height.round().astype("int16")
    return rounded


def _land_cover(easting: np.ndarray, northing: np.ndarray, residents: np.ndarray, elevation_m: np.ndarray) -> np.ndarray:
    """Codes of ESA WorldCover."""
    cover = np.full(easting.shape, GRASS, dtype="uint8")
    cover[elevation_m > 1150] = SHRUBS
    cover[elevation_m > 1700] = BARE
    rivers = unary_union(list(land.RIVERS.values()))
    canals = unary_union(list(land.CANALS.values()))
    cover[(_away_m(easting, northing, canals) < 1100) | (_away_m(easting, northing, rivers) < 700)] = CROPS
    for pasture in land.PASTURES.values():
        cover[shapely.contains_xy(pasture, easting, northing)] = GRASS
    for forest in land.FORESTS.values():
        cover[shapely.contains_xy(forest, easting, northing)] = TREES
    cover[residents > 8] = BUILT
    cover[_away_m(easting, northing, rivers) < 80] = WATER
    return cover


def _away_m(easting: np.ndarray, northing: np.ndarray, shape: Any) -> np.ndarray:
    shapely.prepare(shape)
    found: np.ndarray = shapely.distance(shapely.points(easting, northing), shape)
    return found


def write_rasters(ground: Terrain, folder: Path) -> None:
    """population.tif, elevation.tif and land_cover.tif."""
    _write(ground.residents, folder / "population.tif", predictor=3, unit="residents")
    _write(ground.elevation_m, folder / "elevation.tif", predictor=2, unit="m")
    _write(ground.land_cover, folder / "land_cover.tif", predictor=2, unit="ESA WorldCover class")


def _write(values: np.ndarray, path: Path, *, predictor: int, unit: str) -> None:
    profile = {
        "driver": "GTiff",
        "height": ROWS,
        "width": COLUMNS,
        "count": 1,
        "dtype": values.dtype.name,
        "crs": CRS,
        "transform": from_origin(WEST, NORTH, PIXEL_M, PIXEL_M),
        "compress": "deflate",
        "predictor": predictor,
        "zlevel": 9,
    }
    with rasterio.open(path, "w", **profile) as target:
        target.write(values, 1)
        target.update_tags(TIFFTAG_IMAGEDESCRIPTION=INVENTED)
        target.set_band_unit(1, unit)
