"""A scanned or photographed correction sheet -> what people drew on it in colour, as features on the ground.

The picture is laid flat by the four marks in its corners, light and shadow are evened out, and everything that is neither
white nor grey is taken for pen. Where the map lies on the ground is in the sheet's code. What is found is a proposal: the
strokes of residents are private, may point at a house or a person, and stay in the house until an analyst has accepted them.
"""

from __future__ import annotations

import sqlite3
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
import shapely
from affine import Affine
from numpy.typing import NDArray
from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError
from pyogrio.errors import DataSourceError
from rasterio.errors import RasterioError

from tensionmap.crs import metric
from tensionmap.errors import RawDataError, WorkspaceError
from tensionmap.ingest.scanning import PX_PER_MM, Floats, Pixels, opencv, pdfium2, pixels_of, require_installed
from tensionmap.ingest.strokes import COLOURS, KINDS, Stroke, chroma_of, many, strokes_of
from tensionmap.marks import CORNERS, FIRST, MARK_MM, MODULES, PATTERNS, Mark, SheetCode, marks_of

LAYER = "strokes"
COLUMNS = ("stroke_id", "page", "sheet_id", "colour", "kind", "length_m", "width_m", "gap_m")

DPI = 300
MOST_PX = 6000
MOST_PAGES = 200
FORMATS = ("JPEG", "PNG", "TIFF", "WEBP")
A4_MM = (210.0, 297.0)

FLATTEST_MM, WORST_MM = 0.3, 2.0
"""How far the marks may lie from where they should: above the first it is said, above the second the page is refused."""
COARSEST_PX_PER_MM = 5.0


@dataclass(frozen=True)
class Digitised:
    """What one page of a scan holds."""

    page: int
    code: SheetCode
    features: gpd.GeoDataFrame
    """One row a stroke with ``COLUMNS``, in the CRS of the sheet: an area is a Polygon along the middle of the closed stroke, a
    line a LineString or MultiLineString along its middle, a mark a Point. ``length_m`` is that of the line or around the
    area, ``width_m`` of the pen; ``gap_m`` of an area is how much of its edge was not drawn."""
    picture: Pixels
    """The map in its frame, north up, evenly lit: rows, columns, red-green-blue."""
    notes: tuple[str, ...]

    @property
    def transform(self) -> Affine:
        """Columns and rows of ``picture`` -> easting and northing."""
        west, south, east, north = self.code.extent_m
        rows, columns = self.picture.shape[:2]
        return Affine((east - west) / columns, 0, west, 0, (south - north) / rows, north)


def digitise(path: Path, *, code: str = "") -> tuple[Digitised, ...]:
    """The pen strokes on every page of ``path`` that is a correction sheet, placed on the ground.

    Parameters
    ----------
    path
        A photograph or scan in colour (JPEG, PNG, TIFF, WebP) or a PDF of scans; pages may lie in any direction.
    code
        The sheet's code as it is printed, for pages whose QR code cannot be read. A QR code that can be read comes first.

    Returns
    -------
    tuple of Digitised
        One a page; a page without strokes has an empty table. ``notes`` says what was found, left out and doubtful.

    Raises
    ------
    RawDataError
        If the file cannot be read, no page shows three or more of the marks, or the code cannot be read.
    GeometryError
        If the CRS in the code is unknown, or not in metres.

    Notes
    -----
    What was printed in black and grey is never a stroke, and neither is a black pen or a pencil. Two areas of the same colour
    that touch come back as one. Letters written on the map come back as strokes; an analyst tells which are.
    """
    require_installed()
    found: list[Digitised] = []
    aside: list[str] = []
    for page, picture in _pictures(path):
        try:
            found.append(_read_page(picture, page, code))
        except RawDataError as error:
            aside.append(f"page {page}: {error}")
    if not found:
        raise RawDataError.gather(f"{path.name}: no page could be placed on the map.", aside)
    if aside:
        found[0] = replace(found[0], notes=(*found[0].notes, *aside))
    return tuple(found)


def write_sheets(target: Path, sheets: Sequence[Digitised], *, is_forced: bool = False) -> tuple[Path, ...]:
    """Write the strokes of all ``sheets`` to ``target`` and the map of each beside it; the files that were written.

    Parameters
    ----------
    target
        A GeoPackage: it gets the layer ``strokes`` with one more column, ``is_accepted``, which is False for the analyst to set.
        The maps are GeoTIFF with the same name and '-map' after it, numbered from the second on.
    is_forced
        Whether files that are there already are replaced.

    Returns
    -------
    tuple of Path
        The same strokes and pictures give the same bytes.

    Raises
    ------
    WorkspaceError
        If a file is there already or cannot be written.
    RawDataError
        If the sheets are in different CRS, which one layer cannot hold.
    """
    systems = sorted({sheet.code.crs for sheet in sheets})
    if len(systems) > 1:
        raise RawDataError(f"The sheets are in different CRS ({', '.join(systems)}). Write each into a file of its own.")
    ends = ["-map.tif", *(f"-map-{number}.tif" for number in range(2, len(sheets) + 1))]
    paths = (target, *(target.with_name(target.stem + end) for end in ends))
    there = [path.name for path in paths if path.exists()]
    if there and not is_forced:
        raise WorkspaceError(
            f"{', '.join(there)}: there already, and kept. Choose another name (--to), or replace it with --force."
        )
    try:
        _renamed(target, partial(_write_strokes, sheets))
        for path, sheet in zip(paths[1:], sheets, strict=True):
            _renamed(path, partial(_write_picture, sheet))
    except (OSError, DataSourceError, RasterioError, sqlite3.Error) as error:
        raise WorkspaceError(
            f"{target.parent} cannot be written to. Close its files in other programs, or choose another."
        ) from error
    return paths


def _renamed(path: Path, write: Callable[[Path], None]) -> None:
    """Write under another name first, so that no half file is left under this one."""
    unfinished = path.with_name(f".partial-{path.name}")
    try:
        unfinished.unlink(missing_ok=True)
        write(unfinished)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _write_strokes(sheets: Sequence[Digitised], path: Path) -> None:
    frame = pd.concat([sheet.features for sheet in sheets], ignore_index=True)
    frame["is_accepted"] = False
    frame.to_file(path, layer=LAYER, driver="GPKG", geometry_type="Unknown", engine="pyogrio")
    database = sqlite3.connect(path)
    with database:
        database.execute("UPDATE gpkg_contents SET last_change = '2000-01-01T00:00:00.000Z'")
    database.close()


def _write_picture(sheet: Digitised, path: Path) -> None:
    rows, columns, bands = sheet.picture.shape
    look = {"compress": "jpeg", "photometric": "ycbcr", "jpeg_quality": 85, "tiled": True, "blockxsize": 256, "blockysize": 256}
    place = {"crs": metric(sheet.code.crs).to_wkt(), "transform": sheet.transform}
    size = {"height": rows, "width": columns, "count": bands, "dtype": "uint8"}
    with rasterio.open(path, "w", driver="GTiff", **size, **place, **look) as raster:
        raster.write(np.moveaxis(sheet.picture, 2, 0))


def _read_page(picture: Pixels, page: int, by_hand: str) -> Digitised:
    placed = _place(picture, A4_MM)
    lit = _evened(placed.page)
    code, told = _code(lit, picture, by_hand)
    height, width = lit.shape[:2]
    if (code.page_mm[0] > code.page_mm[1]) != (width > height):
        raise RawDataError("The corner marks and the code are those of different sheets. Photograph one sheet at a time.")
    if sorted(code.page_mm) != sorted(A4_MM):
        placed = _place(picture, code.page_mm)
        lit = _evened(placed.page)
        height = len(lit)
    strokes, tallies = strokes_of(lit, code)
    shown = np.clip(lit[pixels_of(code.frame_mm, height)] * 250, 0, 255).astype(np.uint8)
    features = _features(strokes, code, page)
    notes = (*_found(features, code), *tallies, *placed.notes(code), *told)
    return Digitised(page, code, features, shown, tuple(f"page {page}: {note}" for note in notes))


# What a picture is


def _pictures(path: Path) -> Iterator[tuple[int, Pixels]]:
    """Every page of the file as red-green-blue, numbered from 1, no side longer than ``MOST_PX``."""
    try:
        with path.open("rb") as file:
            is_pdf = b"%PDF-" in file.read(1024)
    except OSError as error:
        raise RawDataError(f"{path.name} cannot be opened. Is it there, and closed in other programs?") from error
    yield from enumerate(_pdf_pages(path) if is_pdf else _image_pages(path), start=1)


def _pdf_pages(path: Path) -> Iterator[Pixels]:
    pdfium = pdfium2()
    try:
        document = pdfium.PdfDocument(path)
    except pdfium.PdfiumError as error:
        raise RawDataError(
            f"{path.name} is a damaged PDF, or one with a password. Scan it again, or save it without password."
        ) from error
    try:
        for number in range(_countable(len(document), path)):
            try:
                page = document[number]
                scale = min(DPI / 72, MOST_PX / max(page.get_size()))
                yield np.ascontiguousarray(page.render(scale=scale, rev_byteorder=True).to_numpy()[:, :, :3])
            except pdfium.PdfiumError as error:
                raise RawDataError(f"{path.name}: page {number + 1} is damaged. Scan it again.") from error
    finally:
        document.close()


def _image_pages(path: Path) -> Iterator[Pixels]:
    try:
        with warnings.catch_warnings():
            # Its size is looked at below; a picture that is far too large is an error of Pillow's own.
            warnings.simplefilter("ignore")
            Image.init()
            with Image.open(path, formats=FORMATS) as image:
                many = _countable(getattr(image, "n_frames", 1), path) if image.format == "TIFF" else 1
                for number, frame in enumerate(ImageSequence.Iterator(image)):
                    if number == many:
                        break
                    yield _as_colour(frame)
    except Image.DecompressionBombError as error:
        raise RawDataError(f"{path.name} is too large a picture. Scan it with 300 dpi.") from error
    except UnidentifiedImageError as error:
        raise RawDataError(
            f"{path.name} is no picture that can be read. Save it as JPEG, PNG, TIFF or PDF; some phones need to be told."
        ) from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise RawDataError(f"{path.name} is damaged or was not copied to its end. Copy or scan it again.") from error


def _countable(pages: int, path: Path) -> int:
    if pages > MOST_PAGES:
        raise RawDataError(f"{path.name} has {pages} pages; at most {MOST_PAGES} are read at once. Divide it.")
    return pages


def _as_colour(image: Image.Image) -> Pixels:
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        deep = np.asarray(image).astype(np.float64)
        image = Image.fromarray((deep / (256 if deep.max() > 255 else 1)).astype(np.uint8))
    if image.has_transparency_data:
        clear = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear)
    image = image.convert("RGB")
    image.thumbnail((MOST_PX, MOST_PX), Image.Resampling.BOX)
    return np.asarray(image)


# Where the page lies


@dataclass(frozen=True)
class _Placed:
    """A page laid flat, and how well it lies."""

    page: Pixels
    missing: tuple[str, ...]
    residual_mm: float
    px_per_mm: float
    has_colour: bool

    def notes(self, code: SheetCode) -> Iterator[str]:
        metres = self.residual_mm * code.metres_per_mm
        yield f"the corner marks fit within {self.residual_mm:.2f} mm, {metres:.0f} m on the ground."
        if self.missing:
            yield (
                f"the mark in the {self.missing[0]} was not found; the page was placed by the other three, "
                "and may lie less well near that corner."
            )
        if self.residual_mm > FLATTEST_MM:
            yield "the sheet did not lie flat, or the lens bends: lay the picture over the map, or photograph it again."
        if self.px_per_mm < COARSEST_PX_PER_MM:
            yield f"the picture is coarse ({self.px_per_mm:.1f} pixels per mm): thin strokes may be missing. Go nearer."
        if not self.has_colour:
            yield "the picture holds no colour at all. If it was scanned in grey, scan it again in colour."


def _place(picture: Pixels, page_mm: tuple[float, float]) -> _Placed:
    """Lay the page flat by its marks, each colour by itself: lenses and scanners shift red and blue against green."""
    cv2 = opencv()
    found = _find_marks(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))
    first = max((0, len(CORNERS)), key=lambda start: sum(start <= number < start + len(CORNERS) for number in found))
    width, height = sorted(page_mm, reverse=first > 0)
    marks = marks_of(width, height)
    seen = [mark for mark in marks if mark.mark_id in found]
    _require_enough(seen)
    source = np.concatenate([found[mark.mark_id] for mark in seen])
    target = np.concatenate([_in_pixels(np.array(mark.corners), height) for mark in seen])
    edge_px = float(
        np.mean([np.linalg.norm(found[mark.mark_id] - np.roll(found[mark.mark_id], 1, axis=0), axis=1) for mark in seen])
    )
    size = (round(width * PX_PER_MM), round(height * PX_PER_MM))
    channels, residuals = [], []
    for channel in cv2.split(picture):
        corners = _sharpened(channel, source, edge_px / MODULES)
        flat, _ = cv2.findHomography(corners, target)
        if flat is None:
            raise RawDataError("The corner marks lie in no plane. Photograph the sheet again, flat and from above.")
        apart = np.hypot(*(cv2.perspectiveTransform(corners[None], flat)[0] - target).T)
        residuals.append(float(np.sqrt((apart**2).mean())) / PX_PER_MM)
        channels.append(cv2.warpPerspective(channel, flat, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE))
    if not max(residuals) <= WORST_MM:
        raise RawDataError(
            f"The corner marks lie {max(residuals):.1f} mm from where they should. Photograph the sheet again, flat and whole."
        )
    missing = tuple(mark.corner for mark in marks if mark not in seen)
    red, green, blue = channels
    has_colour = not (np.array_equal(red, green) and np.array_equal(green, blue))
    return _Placed(cv2.merge(channels), missing, max(residuals), edge_px / MARK_MM, has_colour)


def _sharpened(channel: Pixels, corners: Floats, module_px: float) -> Floats:
    """The corners of the marks as this colour shows them."""
    cv2 = opencv()
    reach = max(2, round(module_px / 2))
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 50, 0.01)
    moved = cv2.cornerSubPix(channel, corners.astype(np.float32).copy(), (reach, reach), (-1, -1), stop).astype(np.float64)
    # A corner that runs away has found something else.
    is_near = np.hypot(*(moved - corners).T) < reach
    return np.where(is_near[:, None], moved, corners)


def _find_marks(grey: Pixels) -> dict[int, Floats]:
    """Our marks in the picture, number -> four corners in pixels."""
    cv2 = opencv()
    how = cv2.aruco.DetectorParameters()
    how.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
    how.adaptiveThreshWinSizeMax = 53
    how.minMarkerPerimeterRate = 0.02
    # A single wrong bit of 25 may be dirt, more may be another mark.
    how.errorCorrectionRate = 0.35
    detector = cv2.aruco.ArucoDetector(cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_5X5_50), how)
    found: dict[int, Floats] = {}
    # Grain and paper hide an edge that a coarser picture shows.
    for shrink in (1, 2, 4):
        small = cv2.resize(grey, None, fx=1 / shrink, fy=1 / shrink, interpolation=cv2.INTER_AREA) if shrink > 1 else grey
        corners, numbers, _ = detector.detectMarkers(small)
        here = [] if numbers is None else [int(number) for number in np.ravel(numbers)]
        ours = Counter(number for number in here if number < len(PATTERNS))
        if ours and max(ours.values()) > 1:
            raise RawDataError("The picture shows the same corner mark twice. Photograph one sheet at a time.")
        for number, corner in zip(here, corners, strict=True):
            if number in ours and number not in found:
                found[number] = (corner.reshape(4, 2).astype(np.float64) + 0.5) * shrink - 0.5
        if any(all(start + corner in found for corner in range(len(CORNERS))) for start in (0, len(CORNERS))):
            break
    return found


def _require_enough(seen: Sequence[Mark]) -> None:
    if len(seen) < 3:
        which = ", ".join(mark.corner for mark in seen)
        raise RawDataError(
            f"{len(seen)} of the four square marks in the corners of the sheet were found{f' ({which})' if which else ''}; "
            "at least three are needed. Photograph or scan the whole sheet again: flat, sharp, all four corners in the picture, "
            "no finger or fold on the marks."
        )


def _in_pixels(mm: Floats, height_mm: float) -> Floats:
    """Millimetres from the south-west corner -> columns and rows, counted from the middle of the first pixel."""
    return np.column_stack([mm[:, 0], height_mm - mm[:, 1]]) * PX_PER_MM - 0.5


def _evened(page: Pixels) -> NDArray[np.float32]:
    """The page divided by the white of its paper at each place: shadows, dim light and yellow lamps are gone, paper is 1."""
    cv2 = opencv()
    step = PX_PER_MM // 2
    low = cv2.resize(page, None, fx=1 / step, fy=1 / step, interpolation=cv2.INTER_AREA).astype(np.float32)
    wide = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (41, 41))
    rough = np.maximum(cv2.GaussianBlur(cv2.morphologyEx(low, cv2.MORPH_CLOSE, wide), (0, 0), 12), 1)
    part = low / rough
    tint, lightest = chroma_of(part)
    is_paper = ((lightest - tint > 0.8) & (tint < 0.1)).astype(np.float32)
    # The mean of what is surely paper nearby; far from any, the rough guess.
    near = cv2.GaussianBlur(low * is_paper[:, :, None], (0, 0), 6) + rough * 1e-3
    white = near / (cv2.GaussianBlur(is_paper, (0, 0), 6) + 1e-3)[:, :, None]
    rows, columns = page.shape[:2]
    white = np.maximum(cv2.resize(white, (columns, rows), interpolation=cv2.INTER_LINEAR), 1)
    return np.asarray(page / white, np.float32)


def _code(lit: NDArray[np.float32], picture: Pixels, by_hand: str) -> tuple[SheetCode, list[str]]:
    """The code of the sheet, from its QR code or given by hand, and which of both."""
    text = _qr(lit, picture)
    given = SheetCode.read(by_hand) if by_hand else None
    if text:
        code = SheetCode.read(text)
        is_other = given is not None and given != code
        return code, ["the QR code says another sheet than the code given by hand; the QR code was taken."] if is_other else []
    if given is None:
        raise RawDataError(
            "The QR code of the sheet cannot be read. Photograph it again, sharp and without a reflection, "
            "or give the code that is printed beside it (--code)."
        )
    return given, ["the QR code cannot be read; the code given by hand was taken."]


def _qr(lit: NDArray[np.float32], picture: Pixels) -> str:
    """The text of the sheet's QR code; empty if there is none that can be read."""
    cv2 = opencv()
    flat = np.clip(lit.mean(axis=2) * 250, 0, 255).astype(np.uint8)
    raw = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    tries = (
        flat,
        cv2.resize(flat, None, fx=1.5, fy=1.5, interpolation=cv2.INTER_CUBIC),
        raw,
        cv2.GaussianBlur(flat, (0, 0), 1.5),
    )
    for detector in (cv2.QRCodeDetector(), cv2.QRCodeDetectorAruco()):
        for grey in tries:
            try:
                _, texts, _, _ = detector.detectAndDecodeMulti(grey)
            except (cv2.error, UnicodeDecodeError):
                continue
            ours = sorted(text for text in texts or () if text.startswith(FIRST))
            if ours:
                return str(ours[0])
    return ""


# What is told


def _features(strokes: Sequence[Stroke], code: SheetCode, page: int) -> gpd.GeoDataFrame:
    """The strokes on the ground, as ``Digitised.features``."""
    scale = code.metres_per_mm
    origin, corner = np.array(code.extent_m[:2]), np.array(code.frame_mm[:2])
    shapes = [shapely.transform(stroke.shape, lambda xy: (xy - corner) * scale + origin) for stroke in strokes]
    return gpd.GeoDataFrame(
        {
            "stroke_id": [f"{code.sheet_id}-{page}-{number}" for number in range(1, len(strokes) + 1)],
            "page": np.full(len(strokes), page, np.int64),
            "sheet_id": [code.sheet_id] * len(strokes),
            "colour": pd.array([stroke.colour for stroke in strokes], "str"),
            "kind": pd.array([stroke.kind for stroke in strokes], "str"),
            "length_m": np.array([round(shape.length, 1) for shape in shapes], float),
            "width_m": np.array([round(stroke.width_mm * scale, 1) for stroke in strokes], float),
            "gap_m": np.array([round(stroke.gap_mm * scale, 1) for stroke in strokes], float),
        },
        geometry=gpd.GeoSeries(shapes, crs=metric(code.crs)),
    )


def _found(features: gpd.GeoDataFrame, code: SheetCode) -> Iterator[str]:
    if features.empty:
        yield f"sheet {code.sheet_id}: no pen strokes in colour were found."
        return
    kinds = ", ".join(many(int(count), kind) for kind in KINDS if (count := (features["kind"] == kind).sum()))
    colours = ", ".join(f"{colour} {count}" for colour in COLOURS if (count := (features["colour"] == colour).sum()))
    yield f"sheet {code.sheet_id}: {kinds} ({colours})."
    gaps = features["gap_m"][features["gap_m"] > 0]
    if len(gaps):
        yield f"{many(len(gaps), 'area')} closed across a gap of up to {gaps.max():.0f} m (column gap_m)."
