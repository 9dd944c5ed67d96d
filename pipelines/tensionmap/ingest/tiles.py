"""Rasters of any size, in one or many tiles -> windows, block by block, and one mosaic of pixels of the study area."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import rasterio
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from tensionmap.crs import DEGREES, metric
from tensionmap.errors import RawDataError

Area = tuple[float, float, float, float]
Numbers = NDArray[np.float64]
Truths = NDArray[np.bool_]
SumUp = Callable[[NDArray[Any], Truths, int], tuple[NDArray[Any], Truths]]

DRIVERS = {".tif": "GTiff", ".tiff": "GTiff", ".asc": "AAIGrid", ".img": "HFA"}
"""Formats by the ending of the file. Others stay shut: some point at files elsewhere, or hold many layers."""

PIXELS_AT_ONCE = 2_000_000
"""A window holds about so many pixels of a file, so that memory does not grow with the file."""

CACHE_BYTES = 256_000_000
BLOCK_BYTES = 500_000_000
MOST_PIXELS = 20_000_000_000

METRES_PER_DEGREE = 111_320


def average(values: NDArray[Any], known: Truths, factor: int) -> tuple[NDArray[Any], Truths]:
    """Mean of the known of each ``factor`` x ``factor`` pixels, and whether there are any."""
    total, count = np.zeros(_shape(values, factor)), np.zeros(_shape(values, factor))
    filled = np.where(known, values, 0)
    for part in _parts(factor):
        total += filled[part]
        count += known[part]
    return total / np.maximum(count, 1), count > 0


def most_frequent(values: NDArray[Any], known: Truths, factor: int) -> tuple[NDArray[Any], Truths]:
    """Most frequent of the known of each ``factor`` x ``factor`` pixels (the lowest of several), and whether there are any."""
    best, most = np.zeros(_shape(values, factor), values.dtype), np.zeros(_shape(values, factor), "uint16")
    for code in sorted(pd.unique(values[known])):
        hits = (values == code) & known
        votes = np.zeros_like(most)
        for part in _parts(factor):
            votes += hits[part]
        wins = votes > most
        best[wins], most[wins] = code, votes[wins]
    return best, most > 0


def _shape(values: NDArray[Any], factor: int) -> tuple[int, int]:
    return values.shape[0] // factor, values.shape[1] // factor


def _parts(factor: int) -> Iterator[tuple[slice, slice]]:
    """Always in the same order, so that sums do not depend on the window."""
    return ((slice(row, None, factor), slice(column, None, factor)) for row in range(factor) for column in range(factor))


@dataclass(frozen=True)
class Meaning:
    """What the numbers of a raster mean: which of them can be, and how fine pixels are summed up.

    ``limits`` are the lowest and highest number that can be, where ``most_per_km2`` does not allow for more in a large pixel;
    ``codes`` those that can be of classes (none: all). Pixels finer than ``finest_m`` are summed up to about that size by
    ``sum_up``, which ``how`` calls by name (0: never).
    """

    are_people: bool = False
    are_classes: bool = False
    limits: tuple[float, float] = (-np.inf, np.inf)
    most_per_km2: float = 0
    codes: tuple[int, ...] = ()
    finest_m: float = 0
    sum_up: SumUp = average
    how: str = ""


def _limits(raster: Any, crs: CRS, meaning: Meaning) -> tuple[float, float]:
    if not meaning.are_people:
        return meaning.limits
    lowest, highest = meaning.limits
    most = max(highest, meaning.most_per_km2 * (pixel_m(raster.transform, crs) / 1000) ** 2)
    dtype = np.dtype(raster.dtypes[0])
    if raster.nodata is None and dtype.kind in "iu":  # 255 or 65535 by itself is what programs write where nothing is known
        most = min(most, np.iinfo(dtype).max - 1)
    return lowest, min(most, float(np.finfo("float32").max))


@dataclass(frozen=True)
class Tile:
    """One open raster as a grid of pixels, ``factor`` x ``factor`` of the file summed up to one.

    ``size`` is columns and rows of that grid, ``window`` left, top, right, bottom of the part that holds the study area.
    """

    file: str
    raster: Any
    crs: CRS
    meaning: Meaning
    limits: tuple[float, float]
    factor: int
    fill: float | None
    window: tuple[int, int, int, int] = (0, 0, 0, 0)

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows."""
        return -(-self.raster.width // self.factor), -(-self.raster.height // self.factor)

    @property
    def step(self) -> tuple[int, int]:
        """Columns and rows of a window of about PIXELS_AT_ONCE, in whole blocks of the file as far as can be."""
        height, width = (_multiple(length, self.factor) for length in self.raster.block_shapes[0])
        across = min(_multiple(self.raster.width, self.factor), max(1, PIXELS_AT_ONCE // (height * width)) * width)
        down = height * max(1, PIXELS_AT_ONCE // (across * height))
        return across // self.factor, down // self.factor

    def windows(self) -> Iterator[tuple[int, int, int, int]]:
        """The part that holds the study area, piece by piece, along the blocks of the file."""
        left, top, right, bottom = self.window
        across, down = self.step
        for row in range(top // down * down, bottom, down):
            for column in range(left // across * across, right, across):
                yield column, max(row, top), min(column + across, right), min(row + down, bottom)

    def read(self, left: int, top: int, right: int, bottom: int) -> tuple[Numbers, Numbers]:
        """Values of a window, NaN where there are none; and the numbers in it that cannot be, which are none either."""
        f = self.factor
        rows, columns = (top * f, min(bottom * f, self.raster.height)), (left * f, min(right * f, self.raster.width))
        try:
            block = self.raster.read(1, window=Window.from_slices(rows, columns), masked=True)
        except (RasterioError, OSError) as error:
            raise RawDataError(f"{self.file} breaks off before its end or is damaged. Copy or download it again.") from error
        known = ~np.ma.getmaskarray(block)
        if not known.any():
            return np.full((bottom - top, right - left), np.nan), np.empty(0)
        values = self._scaled(block.data, known)
        sound = self._is_sound(values)
        strange = values[known & ~sound].astype("float64")
        known &= sound
        if f > 1:
            short = ((0, (bottom - top) * f - values.shape[0]), (0, (right - left) * f - values.shape[1]))
            values, known = self.meaning.sum_up(np.pad(values, short), np.pad(known, short), f)
        return np.where(known, values, np.nan), strange

    def _scaled(self, values: NDArray[Any], known: Truths) -> NDArray[Any]:
        """Values in their unit; what the file calls empty, or is no number, is taken out of ``known``."""
        if values.dtype.kind == "f":
            known &= np.isfinite(values)
        if self.fill is not None:
            known &= values != self.fill
        scale, offset = self.raster.scales[0], self.raster.offsets[0]
        return values if (scale, offset) == (1, 0) else values.astype("float64") * scale + offset

    def _is_sound(self, values: NDArray[Any]) -> Truths:
        if self.meaning.codes:
            return np.isin(values, self.meaning.codes)
        lowest, highest = self.limits
        return (values >= lowest) & (values <= highest)

    def centres(self, columns: NDArray[Any], rows: NDArray[Any]) -> tuple[Numbers, Numbers]:
        """Where pixels have their centre, in the CRS of the raster; at its far edges they may be cut."""
        f = self.factor
        across = (columns * f + np.minimum((columns + 1) * f, self.raster.width)) / 2
        down = (rows * f + np.minimum((rows + 1) * f, self.raster.height)) / 2
        return at(self.raster.transform, across, down)

    def locate(self, x: Numbers, y: Numbers, crs: CRS) -> tuple[NDArray[np.int64], NDArray[np.int64], Truths]:
        """Column and row of the pixel that holds each place, and whether there is one."""
        across, down = at(~self.raster.transform, *between(crs, self.crs).transform(x, y))
        is_in = (across >= 0) & (down >= 0) & (across < self.raster.width) & (down < self.raster.height)
        columns, rows = (np.where(is_in, pixels, 0).astype("int64") // self.factor for pixels in (across, down))
        return columns, rows, is_in

    def sample(self, x: Numbers, y: Numbers, crs: CRS) -> Numbers:
        """The value at each place, NaN where the tile has none; read window by window, only where there are places."""
        columns, rows, is_in = self.locate(x, y, crs)
        found = np.full(len(columns), np.nan)
        across, down = self.step
        window = rows // down * (self.size[0] // across + 1) + columns // across
        spots = np.flatnonzero(is_in)
        spots = spots[np.argsort(window[spots], kind="stable")]
        for here in np.split(spots, np.flatnonzero(np.diff(window[spots])) + 1) if len(spots) else []:
            column, row = columns[here], rows[here]
            left, top = int(column.min()), int(row.min())
            values, _ = self.read(left, top, int(column.max()) + 1, int(row.max()) + 1)
            found[here] = values[row - top, column - left]
        return found

    def offset_from(self, other: Tile) -> tuple[int, int] | None:
        """By how many columns and rows of the file it lies right of and below the ``other``; None if their pixels differ."""
        mine, theirs = self.raster.transform, other.raster.transform
        if self.crs != other.crs or self.factor != other.factor:
            return None
        corners = [(0, 0), (self.raster.width, 0), (0, self.raster.height)]
        there = np.array([at(~theirs, *at(mine, across, down)) for across, down in corners])
        moved = there - corners
        is_grid = np.abs(moved - np.round(moved[0])).max() < 0.05
        return (round(moved[0][0]), round(moved[0][1])) if is_grid else None


@contextmanager
def open_tiles(paths: Sequence[Path], meaning: Meaning, area: Area) -> Iterator[tuple[list[Tile], list[str]]]:
    """The tiles that reach the study area, in the order given, and notes on the others and on gaps.

    Raises
    ------
    RawDataError
        Faults of all tiles in one message; or no tile reaches the area.
    """
    with rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES), _without_citations(), ExitStack() as stack:
        with gathered_faults() as gather:
            opened = []
            for path in paths:
                with gather():
                    opened.append(_placed(_open(path, meaning, stack), area))
        tiles = [tile for tile in opened if _reaches(tile)]
        if not tiles:
            raise RawDataError(_far(opened, area))
        notes = [f"{tile.file} does not reach the study area; no pixel of it was used." for tile in opened if not _reaches(tile)]
        yield tiles, notes + _summed_up(tiles) + _gaps(tiles, area)


@contextmanager
def gathered_faults() -> Iterator[Callable[[], Any]]:
    """Collects the faults of several files, each met in a ``with gather():``, and raises them as one."""
    faults: dict[str, None] = {}

    @contextmanager
    def gather() -> Iterator[None]:
        try:
            yield
        except RawDataError as error:
            faults[str(error)] = None

    yield gather
    if faults:
        raise RawDataError("\n".join(faults))


def _open(path: Path, meaning: Meaning, stack: ExitStack) -> Tile:
    file, driver = path.name, DRIVERS.get(path.suffix.lower())
    if path.suffix.lower() == ".vrt":
        raise RawDataError(f"{file} holds no pixels: it points at other files. Register those files instead, each as a tile.")
    if driver is None:
        raise RawDataError(
            f"{file} is no raster of a format that is read: GeoTIFF (.tif), ASCII grid (.asc), Erdas Imagine (.img). "
            "Export it as GeoTIFF."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)  # told in our own words
            # Windows are read pixel by pixel, so overviews, which are other people's summaries, are never used.
            raster = stack.enter_context(rasterio.open(path.absolute(), driver=driver))
            fault = _fault(raster, meaning)
    except (RasterioError, OSError) as error:
        raise RawDataError(f"{file} cannot be read as a raster. Copy or download it again, or export it as GeoTIFF.") from error
    if fault:
        raise RawDataError(f"{file} {fault}")
    crs = CRS.from_wkt(raster.crs.to_wkt())
    factor = max(1, int(meaning.finest_m / pixel_m(raster.transform, crs) + 1e-6))
    return Tile(file, raster, crs, meaning, _limits(raster, crs, meaning), factor, _fill_value(raster))


@contextmanager
def _without_citations() -> Iterator[None]:
    """GDAL cites what it cannot read, and rasterio prints a traceback if that is no text, besides raising the fault itself."""
    hooks = sys.excepthook, sys.unraisablehook
    sys.excepthook, sys.unraisablehook = lambda *_: None, lambda _: None
    try:
        yield
    finally:
        sys.excepthook, sys.unraisablehook = hooks


def _fault(raster: Any, meaning: Meaning) -> str | None:
    """Why the raster cannot be used, if so."""
    if raster.count != 1:
        return f"has {raster.count} bands where one is meant. Export the one band that holds the values."
    return _fault_of_place(raster) or _fault_of_values(raster, meaning)


def _fault_of_place(raster: Any) -> str | None:
    transform = raster.transform
    try:
        known = raster.crs is not None and (raster.crs.is_geographic or raster.crs.is_projected)
        known = known and bool(CRS.from_wkt(raster.crs.to_wkt()))
    except (CRSError, RasterioError):
        known = False
    if not known:
        return "does not say its coordinate reference system. Assign it (in QGIS: Raster, Projections, Assign Projection)."
    numbers = np.array(transform[:6])
    if transform.is_identity or not np.isfinite(numbers).all() or transform.determinant == 0:
        return "does not say where its pixels lie. Georeference it (in QGIS: Layer, Georeferencer) and export it as GeoTIFF."
    return None


def _fault_of_values(raster: Any, meaning: Meaning) -> str | None:
    kind = "c" if raster.dtypes[0].startswith("complex") else np.dtype(raster.dtypes[0]).kind
    is_scaled = (raster.scales[0], raster.offsets[0]) != (1, 0)
    if meaning.are_classes and (kind not in "iu" or is_scaled):
        return "does not hold whole numbers, so it is no raster of land-cover classes."
    if kind not in "iuf":
        return "holds numbers of two parts (real and imaginary), where one number a pixel is meant."
    if not meaning.are_classes and raster.colorinterp[0].name == "palette":
        return "is a picture: its numbers stand for colours. Ask for the raster with the values themselves."
    height, width = raster.block_shapes[0]
    if height * width * np.dtype(raster.dtypes[0]).itemsize > BLOCK_BYTES:
        return "is stored as one piece that is too large to read. Export it again as tiled GeoTIFF (TILED=YES)."
    return None


def _fill_value(raster: Any) -> float | None:
    """What a file that came from netCDF calls empty without having declared it as no data."""
    try:
        return float(raster.tags(1)["_FillValue"])
    except (KeyError, ValueError):
        return None


def pixel_m(transform: Any, crs: CRS) -> float:
    """About how long the side of a pixel is."""
    unit = METRES_PER_DEGREE if crs.is_geographic else crs.axis_info[0].unit_conversion_factor
    return float(np.sqrt(abs(transform.determinant)) * unit)


def _placed(tile: Tile, area: Area) -> Tile:
    """The tile with the window that holds the study area."""
    left, top, right, bottom = window_of(area, tile)
    (columns, rows), f = tile.size, tile.factor
    window = max(left // f, 0), max(top // f, 0), min(-(-right // f), columns), min(-(-bottom // f), rows)
    pixels = float(window[2] - window[0]) * (window[3] - window[1]) * f * f
    if pixels > MOST_PIXELS and window[0] < window[2] and window[1] < window[3]:
        raise RawDataError(
            f"{tile.file} has {pixels / 1e9:,.0f} thousand million pixels in the study area, too many to read. "
            "Export it with larger pixels."
        )
    return replace(tile, window=window)


def window_of(area: Area, tile: Tile) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the study area in pixels of the file, also beyond its edges; empty if it has no place there."""
    bounds = between(CRS(DEGREES), tile.crs).transform_bounds(*area, densify_pts=201)
    corners = np.array([at(~tile.raster.transform, x, y) for x in bounds[::2] for y in bounds[1::2]])
    if not np.isfinite(corners).all():
        return 0, 0, 0, 0
    # One pixel more, for what bulges between the points of the edge that were looked at; and no more than fits a number.
    first, end = np.floor(corners.min(axis=0)) - 1, np.ceil(corners.max(axis=0)) + 1
    left, top, right, bottom = np.clip([*first, *end], -(2**40), 2**40).astype("int64").tolist()
    return left, top, right, bottom


def _reaches(tile: Tile) -> bool:
    left, top, right, bottom = tile.window
    return left < right and top < bottom


def _far(tiles: Sequence[Tile], area: Area) -> str:
    def covered(tile: Tile) -> str:
        return _degrees(between(tile.crs, CRS(DEGREES)).transform_bounds(*tile.raster.bounds))

    each = "; ".join(f"{tile.file} covers {covered(tile)}" for tile in tiles[:5]) + ("; ..." if len(tiles) > 5 else "")
    reach = f"{tiles[0].file} does not reach" if len(tiles) == 1 else f"None of {len(tiles)} rasters reaches"
    each = each.replace(f"{tiles[0].file} covers", "it covers") if len(tiles) == 1 else each
    return (
        f"{reach} the study area: {each}, the study area is {_degrees(area)} (west, south, east, north). "
        "Fetch the sheet that covers it."
    )


def _degrees(bounds: Any) -> str:
    return ", ".join(f"{value:.2f}" for value in bounds)


def _gaps(tiles: Sequence[Tile], area: Area) -> list[str]:
    """Tried at 100 x 100 places spread evenly over the study area."""
    west, south, east, north = area
    along = (np.arange(100) + 0.5) / 100
    longitude, latitude = (part.ravel() for part in np.meshgrid(west + along * (east - west), south + along * (north - south)))
    is_covered = np.zeros(longitude.shape, dtype=bool)
    for tile in tiles:
        is_covered |= tile.locate(longitude, latitude, CRS(DEGREES))[2]
    share = 1 - is_covered.mean()
    where = "the raster" if len(tiles) == 1 else f"the {len(tiles)} tiles"
    return [f"About {share:.0%} of the study area lies outside {where}: nothing is known there."] if share >= 0.01 else []


def _summed_up(tiles: Sequence[Tile]) -> list[str]:
    return [f"{t.file}: {t.factor} x {t.factor} pixels were summed up to one ({t.meaning.how})." for t in tiles if t.factor > 1]


@dataclass
class Overlap:
    """Pixels of a tile that lie where an earlier tile has a value, and were left out."""

    pixels: int = 0
    amount: float = 0
    compared: int = 0
    differing: int = 0

    def add(self, values: Numbers, earlier: Numbers, *, is_same_grid: bool) -> None:
        """Count the values where an ``earlier`` tile has one too; only pixels of one grid can be compared."""
        both = ~np.isnan(values) & ~np.isnan(earlier)
        if not both.any():
            return
        self.pixels += int(both.sum())
        self.amount += float(values[both].sum())
        if is_same_grid:
            self.compared += int(both.sum())
            self.differing += int((~np.isclose(values[both], earlier[both], rtol=1e-5, atol=1e-9)).sum())

    def notes(self, tile: Tile) -> list[str]:
        """What was left out, and a warning if the tiles do not say the same."""
        if not self.pixels:
            return []
        people = f" with {self.amount:,.0f} residents" if tile.meaning.are_people else ""
        found = [f"{tile.file}: {self.pixels:,} pixels{people} were left out, since they lie on a tile before it."]
        if self.differing:
            found.append(
                f"Warning: {tile.file}: {self.differing:,} of these {self.pixels:,} pixels say something else than the tile "
                "before it. See whether the tiles belong to one map of one year."
            )
        if self.compared < self.pixels:
            found.append(
                f"Warning: {tile.file}: {self.pixels - self.compared:,} of these {self.pixels:,} pixels are of another size or "
                "place than those of the tile before it, so they could not be compared, and the seam is as wide as a pixel."
            )
        return found


def mosaic(paths: Sequence[Path], meaning: Meaning, *, crs: str, area: Area) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Easting, northing and value of all pixels whose centre lies in the area, each place from the first tile that has it.

    Parameters
    ----------
    paths : sequence of Path
        Tiles of one map, one band each, each in any CRS and resolution.
    meaning : Meaning
        What their numbers mean. Of people, only inhabited pixels come.
    crs : str
        Metric CRS of the study.
    area : tuple of float
        West, south, east, north in degrees. West and south edges belong to it, east and north do not.

    Returns
    -------
    pixels : DataFrame
        One row a pixel, tile by tile: ``easting`` and ``northing`` of its centre in metres of ``crs``, and its ``value``.
    notes : tuple of str
        What was read as no data, where tiles overlap or disagree, what no tile covers.

    Raises
    ------
    RawDataError
        As of :func:`open_tiles`; a tile breaks off, or holds none of the classes. Faults of all tiles are in one message.
    """
    parts: list[pd.DataFrame] = []
    more: list[str] = []
    with open_tiles(paths, meaning, area) as (tiles, notes), gathered_faults() as gather:
        for number, tile in enumerate(tiles):
            with gather():
                found, told = _pixels(tile, tiles[:number], crs=crs, area=area)
                parts += found
                more += told
    nothing = pd.DataFrame({"easting": [], "northing": [], "value": []}, dtype="float64")
    return pd.concat(parts or [nothing], ignore_index=True), (*notes, *more)


def _pixels(tile: Tile, earlier: Sequence[Tile], *, crs: str, area: Area) -> tuple[list[pd.DataFrame], list[str]]:
    """Of one tile, window by window, without what lies on an ``earlier`` one; and notes."""
    to_degrees, to_metres = between(tile.crs, CRS(DEGREES)), between(tile.crs, metric(crs))
    west, south, east, north = area
    overlap, strange = Overlap(), Strange()
    found = []
    for window in tile.windows():
        values, odd = tile.read(*window)
        strange.add(odd)
        # Nobody living there need not be compared with anything, unless an earlier tile says that somebody does.
        wanted = ~np.isnan(values) if earlier or not tile.meaning.are_people else values > 0
        spots = np.flatnonzero(wanted)
        if not len(spots):
            continue
        rows, columns = np.divmod(spots, values.shape[1])
        x, y = tile.centres(columns + window[0], rows + window[1])
        longitude, latitude = to_degrees.transform(x, y)
        inside = (longitude >= west) & (longitude < east) & (latitude >= south) & (latitude < north)
        x, y, value = x[inside], y[inside], values.ravel()[spots[inside]]
        for other in earlier:
            there = other.sample(x, y, tile.crs)
            overlap.add(value, there, is_same_grid=tile.offset_from(other) is not None)
            free = np.isnan(there)
            x, y, value = x[free], y[free], value[free]
        if tile.meaning.are_people:
            x, y, value = x[value > 0], y[value > 0], value[value > 0]
        easting, northing = to_metres.transform(x, y)
        found.append(pd.DataFrame({"easting": easting, "northing": northing, "value": value}))
    strange.require_some(tile, sum(map(len, found)))
    return found, overlap.notes(tile) + strange.notes(tile)


@dataclass
class Strange:
    """Numbers of a raster that cannot mean what they should, and were read as no data."""

    pixels: int = 0
    below: int = 0
    values: set[float] = field(default_factory=set)

    def add(self, odd: Numbers) -> None:
        """Count them; which they are is kept of the first few only. Zero is what many rasters of classes write for no data."""
        odd = odd[odd != 0]
        self.pixels += len(odd)
        self.below += int((odd < 0).sum())
        if len(self.values) < 1000:
            self.values.update(pd.unique(odd)[:1000].tolist())

    def require_some(self, tile: Tile, kept: int) -> None:
        """Refuse a raster of classes that are all unknown."""
        if tile.meaning.codes and not kept and self.values:
            raise RawDataError(f"{tile.file} holds the codes {self._codes()}, none of which is a class of ESA WorldCover.")

    def notes(self, tile: Tile) -> list[str]:
        """How many, and of which kind."""
        if tile.meaning.codes:
            unknown = f"{tile.file}: pixels of the codes {self._codes()}, unknown to ESA WorldCover, were left out."
            return [unknown] if self.values else []
        above = self.pixels - self.below if tile.meaning.are_people else 0
        lowest, highest = tile.limits
        told = []
        if tile.meaning.are_people and self.below:
            told.append(f"{tile.file}: {self.below:,} pixels with negative residents were read as uninhabited.")
        if above:
            told.append(
                f"{tile.file}: {above:,} pixels with more than {highest:,.0f} residents were read as no data, since so many "
                "cannot live there. If the number stands for no data, declare it so (in QGIS: Raster, Conversion, Translate)."
            )
        if self.pixels and not tile.meaning.are_people:
            told.append(f"{tile.file}: {self.pixels:,} pixels below {lowest:,} or above {highest:,} m were read as no data.")
        return told

    def _codes(self) -> list[int]:
        return [int(code) for code in sorted(self.values)][:10]


@cache
def between(crs: CRS, other: CRS) -> Transformer:
    """From one CRS into the other, longitude or easting first."""
    return Transformer.from_crs(crs, other, always_xy=True)


def at(transform: Any, across: Any, down: Any) -> tuple[Any, Any]:
    """Written out: the operator for it differs between versions of affine."""
    return transform.a * across + transform.b * down + transform.c, transform.d * across + transform.e * down + transform.f


def _multiple(length: int, factor: int) -> int:
    return -(-length // factor) * factor
