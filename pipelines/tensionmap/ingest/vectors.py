"""Map files of any kind -> their features, opened by the one driver that the content asks for, or a sentence why not.

The only place where GDAL opens a vector file. What a file is, its first bytes say, not its name. GDAL sees it under a plain name
in a folder of its own, with nothing beside it, so that no file can lead GDAL to another file, or to a service.
"""

from __future__ import annotations

import codecs
import json
import re
import shutil
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory, gettempdir
from typing import Any
from xml.parsers import expat

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pyproj
from numpy.typing import NDArray
from pyproj import Transformer

from tensionmap.crs import DEGREES
from tensionmap.errors import RawDataError

MOST_UNPACKED_BYTES = 2 << 30
"""An archive whose layer unpacks to more is refused before anything is unpacked; so is a Parquet file."""

MOST_FEATURES = 50_000_000
"""A Parquet file that promises more rows is refused: few bytes can promise any number."""

OSM = "OSM"
SHAPEFILE = "ESRI Shapefile"

Bounds = tuple[float, float, float, float]

_ENDINGS = {
    "GPKG": ".gpkg",
    "GeoJSON": ".geojson",
    "GeoJSONSeq": ".geojsonl",
    SHAPEFILE: ".shp",
    "LIBKML": ".kml",
    "GPX": ".gpx",
    "FlatGeobuf": ".fgb",
    "OSM": ".osm",
    "OSM-PBF": ".osm.pbf",
    "Parquet": ".parquet",
}
"""What may be read: driver -> name under which GDAL knows it."""

_ROOTS = {"kml": "LIBKML", "gpx": "GPX", "osm": "OSM"}
_PREFIXES = {"GeoJSON": "GeoJSON:", "GeoJSONSeq": "GeoJSONSeq:"}
"""Several drivers read JSON, some of which follow addresses in it: these names bind GDAL to one."""

_GEOMETRIES = ("Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection")
_GEOJSON = {"FeatureCollection", "Feature", *_GEOMETRIES}
_PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")
_AGAIN_AS_POINTS = {"route_points", "track_points"}
_HEAD = 1 << 16
_PIECE = 8 << 20
_LARGEST_TOLD = 100 << 20
"""A faulty GeoJSON up to this size is read once more to name the entry at fault."""

_OSM_CONF = """
[general]
closed_ways_are_polygons=aeroway,amenity,boundary,building,craft,geological,historic,landuse,landcover,leisure,military,natural,\
office,place,shop,sport,tourism,waterway=riverbank
[points]
osm_id=yes
unsignificant=created_by,converted_by,source,time,ele,attribution
other_tags=no
all_tags=yes
[lines]
osm_id=yes
other_tags=no
all_tags=yes
[multipolygons]
osm_id=yes
other_tags=no
all_tags=yes
[multilinestrings]
osm_id=yes
other_tags=no
all_tags=yes
[other_relations]
osm_id=yes
other_tags=no
all_tags=yes
"""
"""How GDAL hands OpenStreetMap over: all tags in one column (hstore), and closed ways as areas where their tags mean one."""

_NOWHERE = {"GDAL_HTTP_PROXY": "127.0.0.1:9", "GDAL_HTTPS_PROXY": "127.0.0.1:9", "CPL_TMPDIR": gettempdir()}
"""GDAL has no switch against the internet; a proxy that is not there comes next to it. Its own large notes go where ours go."""

_EXPORT = "Open it in QGIS and export it again as GeoPackage."


@dataclass(frozen=True)
class Opened:
    """The features read (in the file's own CRS, index: number of the feature), how many the layer holds, and notes."""

    frame: gpd.GeoDataFrame
    features: int
    notes: tuple[str, ...] = ()


def is_vector(path: Path) -> bool:
    """Whether the file is of a kind that :func:`read_vector` reads, by its content. Never raises."""
    try:
        return _driver(path) is not None
    except (OSError, zipfile.BadZipFile, NotImplementedError):
        return False


def vector_layers(path: Path, *, file: str) -> list[str]:
    """Names of the layers that have geometry, and features if there are several.

    Raises
    ------
    RawDataError
        The file is missing, empty, damaged, of another kind, or a danger. ``file`` names it in the message.
    """
    with _staged(path, file, None) as staged:
        return staged.offered


def read_vector(path: Path, *, file: str, layer: str | None = None, bbox: Bounds | None = None) -> gpd.GeoDataFrame:
    """Features of one layer, as they are: see :func:`open_vector`, which also tells how many the layer holds."""
    return open_vector(path, file=file, layer=layer, bbox=bbox).frame


def open_vector(
    path: Path, *, file: str, layer: str | None = None, bbox: Bounds | None = None, where: str | None = None
) -> Opened:
    """Features of one layer, as they are.

    Parameters
    ----------
    path, file
        The file, and its name for messages.
    layer : str, optional
        Needed if the file holds several.
    bbox : tuple of float, optional
        West, south, east, north in degrees (EPSG:4326). Where the file has a spatial index, only features that touch the box are
        read, and those without a shape; elsewhere all are read.
    where : str, optional
        Condition on the columns in OGR SQL; features that do not meet it count as not in the file.

    Returns
    -------
    Opened
        Features in the file's own CRS (``.crs`` is None where it does not say it), index: number of the feature in the file.

    Raises
    ------
    RawDataError
        The file is missing, empty, damaged, of another kind, or a danger; it holds several layers and none is named, no layer of
        that name, or no features.
    """
    with _staged(path, file, layer) as staged:
        name = _chosen(staged, file)
        if staged.driver == "Parquet":
            opened = _parquet(staged, file)
        else:
            opened = _features(staged, name, file=file, bbox=bbox, where=where)
    if not opened.features and where is None:
        raise RawDataError(f"{file} holds no features that can be read. Open it in QGIS, see whether it draws, and export again.")
    return opened


def is_osm(path: Path) -> bool:
    """Whether the file is OpenStreetMap's own. Never raises."""
    try:
        return (_driver(path) or "").startswith(OSM)
    except (OSError, zipfile.BadZipFile, NotImplementedError):
        return False


def texts(values: pd.Series) -> pd.Series:
    """Any column as trimmed text; whole numbers without '.0', empty text as missing."""
    if pd.api.types.is_float_dtype(values):
        numbers = values.dropna()
        is_whole = np.isfinite(numbers) & (numbers % 1 == 0) & (numbers.abs() < 2**53)
        words = numbers.where(~is_whole).astype("str").mask(is_whole, numbers.where(is_whole, 0).astype("int64").astype("str"))
        return words.reindex(values.index).astype("str")
    words = values.astype("str").str.strip()
    return words.mask(words == "")


# What a file is


def _driver(path: Path) -> str | None:
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        with zipfile.ZipFile(path) as packed:
            return "zip" if _inside(packed, path.suffix.lower() == ".kmz") else None
    return _binary(head, path) or _text(head, path)


def _binary(head: bytes, path: Path) -> str | None:
    if head.startswith(b"SQLite format 3\0"):
        return "GPKG" if head[68:72] in {b"GPKG", b"GP10", b"GP11"} or path.suffix.lower() == ".gpkg" else None
    if head.startswith(b"fgb") and head[4:7] == b"fgb":
        return "FlatGeobuf"
    if head.startswith(b"PAR1"):
        return "Parquet"
    if head.startswith(b"\x00\x00\x27\x0a"):
        return SHAPEFILE
    return "OSM-PBF" if head[4:6] == b"\x0a\x09" and head[6:15] == b"OSMHeader" else None


def _text(head: bytes, path: Path) -> str | None:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"<") or head.startswith((b"\xff\xfe<", b"\xfe\xff\0<")):
        return _ROOTS.get(_root(path) or "")
    if start.startswith((b"{", b"\x1e")):
        return _json_driver(start, path)
    return None


def _root(path: Path) -> str | None:
    """The outermost element of an XML file, without its prefix."""
    found: list[str] = []
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda name, _: found.append(name)
    with path.open("rb") as stream:
        while not found and (piece := stream.read(_HEAD)):
            try:
                parser.Parse(piece)
            except expat.ExpatError:
                break
    return found[0].rpartition(":")[2] if found else None


def _json_driver(start: bytes, path: Path) -> str | None:
    if start.startswith(b"\x1e") or _is_by_line(path):
        first = start.lstrip(b"\x1e \t\r\n")
        return "GeoJSONSeq" if _root_keys(first).get("type") in {"Feature", *_GEOMETRIES} else None
    keys = _root_keys(start)
    if "geometryType" in keys or keys.get("type") == "Topology":
        return None
    return "GeoJSON" if keys.get("type") in _GEOJSON or "features" in keys else None


def _root_keys(head: bytes) -> dict[str, str]:
    """Keys of the outermost object, as far as ``head`` goes, each with its value if that is a text."""
    depth, key, keys = 0, "", {}
    for token in re.finditer(rb'("(?:[^"\\]|\\.)*")\s*(:?)|[{}\[\]]', head):
        text = token[1]
        if text is None:
            depth += 1 if token[0] in b"{[" else -1
            if depth == 0:
                break
        elif depth == 1 and token[2]:
            key = text[1:-1].decode("utf-8", "replace")
            keys[key] = ""
        elif depth == 1 and not keys.get(key):
            keys[key] = text[1:-1].decode("utf-8", "replace")
    return keys


def _is_by_line(path: Path) -> bool:
    """Whether one object a line follows another: a line ends with a brace, and the next begins with one."""
    last = b""
    with path.open("rb") as stream:
        while piece := stream.read(_HEAD):
            before, line_end, after = (last + piece).partition(b"\n")
            if line_end:
                following = (after + stream.read(_HEAD)).lstrip()
                return before.rstrip().endswith(b"}") and following.startswith((b"{", b"\x1e"))
            last = piece[-64:]
    return False


# How it is brought before GDAL


@dataclass(frozen=True)
class _Staged:
    """A file as GDAL will see it, its driver, the names of its layers, and the one that is wanted."""

    path: Path
    driver: str
    layers: tuple[str, ...]
    wanted: str | None = None
    encoding: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def source(self) -> str | Path:
        prefix = _PREFIXES.get(self.driver)
        return f"{prefix}{self.path}" if prefix else self.path

    @property
    def offered(self) -> list[str]:
        return [name for name in self.layers if self.driver != "GPX" or name not in _AGAIN_AS_POINTS]


@contextmanager
def _staged(path: Path, file: str, layer: str | None) -> Iterator[_Staged]:
    driver = _known_driver(path, file)
    with TemporaryDirectory(prefix="tensionmap-") as folder:
        place = Path(folder) / "opened"
        place.mkdir()
        if driver == "zip":
            members = _unpacked(path, file, layer, Path(folder))
            if len(members) > 1:
                yield _Staged(path, driver, tuple(members), layer)
                return
            layer = None if layer in members else layer
            path = next(iter(members.values()))
            driver = _known_driver(path, file)
        yield replace(_ready(_beside(path, driver, place, file), driver, file), wanted=layer)


def _known_driver(path: Path, file: str) -> str:
    try:
        if path.is_dir():
            raise RawDataError(f"{file} is a folder. Name the one file in it that holds the layer.")
        if path.stat().st_size == 0:
            raise RawDataError(f"{file} is empty (0 bytes). Copy or download it again.")
        driver = _driver(path)
    except zipfile.BadZipFile as error:
        raise RawDataError(f"{file} is a damaged archive: it was cut off, or not copied whole. Copy it again.") from error
    except OSError as error:
        raise RawDataError(f"{file} cannot be read: {error.strerror}. Look whether it is there and may be opened.") from error
    if driver is None:
        raise RawDataError(_unknown(path, file))
    return driver


def _unknown(path: Path, file: str) -> str:
    with path.open("rb") as stream:
        start = stream.read(_HEAD)
    plain = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if plain.startswith(b"{") and b'"Topology"' in start:
        return f"{file} cannot be read as a map layer: it is TopoJSON. Export it as GeoJSON or GeoPackage."
    if plain.startswith(b"{") and b"geometryType" in start:
        return f"{file} cannot be read as a map layer: it is ArcGIS JSON. Download it as GeoJSON (f=geojson), or as shapefile."
    if path.suffix.lower() in {".geojson", ".json"}:
        return f"{file} is not valid GeoJSON. Export the layer again, as GeoJSON (UTF-8) or GeoPackage."
    if path.suffix.lower() in {".shx", ".dbf", ".prj", ".cpg"}:
        return f"{file} is only a part of a shapefile. Register the file that ends with .shp; the others stay beside it."
    return (
        f"{file} cannot be read as a map layer: its content is none of GeoPackage, GeoJSON, shapefile (also zipped), KML, KMZ, "
        f"GPX, GeoParquet, FlatGeobuf or OpenStreetMap. {_EXPORT}"
    )


def _beside(path: Path, driver: str, folder: Path, file: str) -> Path:
    """The file, and nothing but what belongs to it, in ``folder`` under a plain name."""
    name = _plain(path.stem)
    target = folder / f"{name}{_ENDINGS[driver]}"
    if driver != SHAPEFILE:
        _place(path, target, driver, file)
        return target
    beside = {p.suffix.lower(): p for p in sorted(path.parent.iterdir()) if p.stem == path.stem and p.suffix.lower() in _PARTS}
    beside[".shp"] = path
    if missing := [ending for ending in (".shx", ".dbf") if ending not in beside]:
        raise RawDataError(
            f"{file} cannot be read as a map layer: a shapefile is several files, and {' and '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} missing beside it. Copy them all, or export it as GeoPackage."
        )
    if cut := [ending for ending in (".shp", ".dbf") if _promised_bytes(beside[ending]) > beside[ending].stat().st_size]:
        raise RawDataError(f"{file} was cut off: its {cut[0]} is shorter than it says. Copy it again, with all files beside it.")
    for ending, part in beside.items():
        _place(part, folder / f"{name}{ending}", driver, file)
    return target


def _promised_bytes(part: Path) -> int:
    """How long the head of a .shp or .dbf file says that the file is."""
    with part.open("rb") as stream:
        head = stream.read(32)
    if len(head) < 32:
        return 32
    if part.suffix.lower() == ".shp":
        return 2 * int.from_bytes(head[24:28], "big")
    rows, before, row = (int.from_bytes(head[a:b], "little") for a, b in ((4, 8), (8, 10), (10, 12)))
    return before + rows * row


def _plain(name: str) -> str:
    """``name`` without what GDAL or pyogrio could take for an instruction."""
    return re.sub(r"[^\w -]", "_", name)[:100] or "layer"


def _place(path: Path, target: Path, driver: str, file: str) -> None:
    """A link, or a copy where links are not allowed; always a copy where reading would leave traces beside the file."""
    if driver == "GPKG":
        log = path.with_name(f"{path.name}-wal")
        if log.exists() and log.stat().st_size:
            raise RawDataError(f"{file} is still open in another program (there is {log.name}). Close it there, and try again.")
        with path.open("rb") as stream:
            keeps_log = stream.read(20)[18:20] == b"\x02\x02"
        if keeps_log:
            shutil.copyfile(path, target)
            return
    if driver in _ROOTS.values() and (encoding := _xml_encoding(path)):
        with (
            path.open(encoding=encoding, errors="replace", newline="") as source,
            target.open("w", encoding="utf-8", newline="") as to,
        ):
            to.write(re.sub(r"<\?xml.*?\?>", "", source.read(_HEAD), count=1, flags=re.DOTALL))
            shutil.copyfileobj(source, to, _PIECE)
        return
    try:
        target.symlink_to(path.resolve())
    except OSError:
        shutil.copyfile(path, target)


def _ready(path: Path, driver: str, file: str) -> _Staged:
    """Look for what GDAL must not see, then ask it for the layers, unless there can be but one: each asking reads the file."""
    if driver in {"Parquet", "GeoJSON", "GeoJSONSeq"}:
        return _Staged(path, driver, (_json_name(path) if driver == "GeoJSON" else path.stem,))
    encoding: str | None = None
    notes: tuple[str, ...] = ()
    if driver in _ROOTS.values():
        _refuse_broken_xml(path, file)
    elif driver == SHAPEFILE:
        encoding, notes = _shapefile_encoding(path)
    driver = OSM if driver.startswith(OSM) else driver
    staged = _Staged(path, driver, (), None, encoding, notes)
    with _gdal(file):
        layers = [str(name) for name, geometry in pyogrio.list_layers(staged.source) if geometry]  # QGIS keeps styles in a table
        if len(layers) > 1 and driver != OSM:
            layers = [name for name in layers if _count(staged, name)]
    return replace(staged, layers=tuple(layers))


def _json_name(path: Path) -> str:
    with path.open("rb") as stream:
        return _root_keys(stream.read(_HEAD)).get("name") or path.stem


def _count(staged: _Staged, layer: str) -> int:
    return int(pyogrio.read_info(staged.source, layer=layer, force_feature_count=True)["features"])


@contextmanager
def _gdal(file: str) -> Iterator[None]:
    """Whatever GDAL, pyproj and geopandas say against a file becomes one sentence; GDAL is led to no service meanwhile."""
    pyogrio.set_gdal_config_options(_NOWHERE)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # GDAL's remarks name no feature; what matters is checked feature by feature
            yield
    except UnicodeDecodeError as error:
        raise RawDataError(
            f"{file} has letters in another encoding than it says. {_EXPORT} For a shapefile, name the encoding in a .cpg file."
        ) from error
    except (RuntimeError, ValueError, OSError, KeyError, TypeError, AttributeError, NameError, MemoryError, zlib.error) as error:
        raise RawDataError(f"{file} cannot be read as a map layer: it is damaged, or was cut off. {_EXPORT}") from error


def _chosen(staged: _Staged, file: str) -> str:
    if staged.wanted in staged.layers:
        return str(staged.wanted)
    if staged.wanted is None and len(staged.offered) == 1:
        return staged.offered[0]
    if not staged.offered:
        raise RawDataError(f"{file} has no layer with shapes that can be read. {_EXPORT}")
    asked = f"no layer {staged.wanted!r}" if staged.wanted else "several layers"
    raise RawDataError(
        f"{file} has {asked}; it holds: {', '.join(staged.offered)}. Name one as sheet for this file in study.toml."
    )


# Archives


def _inside(packed: zipfile.ZipFile, is_kmz: bool) -> list[zipfile.ZipInfo]:
    """The members that are map files; of a KMZ its main document alone."""
    endings = {*_ENDINGS.values(), ".pbf", ".geojsons", ".ndjson"}
    names = {entry: PurePosixPath(entry.filename) for entry in packed.infolist() if entry.filename and not entry.is_dir()}
    members = [
        entry
        for entry, name in names.items()
        if name.suffix.lower() in endings and not name.name.startswith(".") and "__MACOSX" not in name.parts
    ]
    by_name = {entry.filename: entry for entry in members}
    if not is_kmz and "doc.kml" not in by_name:
        return sorted(members, key=lambda entry: entry.filename)
    documents = [entry for entry in members if entry.filename.lower().endswith(".kml")]
    main = by_name.get("doc.kml") or next((e for e in documents if "/" not in e.filename), next(iter(documents), None))
    return [main] if main else []


def _unpacked(path: Path, file: str, layer: str | None, folder: Path) -> dict[str, Path]:
    """The map files of the archive by their names; unpacked if it is one, or if one of that name is wanted."""
    with _archive(path, file) as packed:
        by_stem = {PurePosixPath(entry.filename).stem: entry for entry in _inside(packed, path.suffix.lower() == ".kmz")}
        if len(by_stem) > 1 and layer not in by_stem:
            return dict.fromkeys(by_stem, path)
        stem = layer if len(by_stem) > 1 and layer else next(iter(by_stem))
        own = PurePosixPath(by_stem[stem].filename)
        wanted = _shapefile_parts(packed, own) if own.suffix.lower() == ".shp" else [by_stem[stem]]
        _refuse_bomb(wanted, file)
        for entry in wanted:
            target = folder / f"{_plain(stem)}{PurePosixPath(entry.filename).suffix.lower()}"
            with packed.open(entry) as source, target.open("wb") as to:
                shutil.copyfileobj(source, to, _PIECE)
    return {stem: folder / f"{_plain(stem)}{own.suffix.lower()}"}


def _shapefile_parts(packed: zipfile.ZipFile, own: PurePosixPath) -> list[zipfile.ZipInfo]:
    names = {entry: PurePosixPath(entry.filename) for entry in packed.infolist()}
    return [e for e, n in names.items() if n.with_suffix("") == own.with_suffix("") and n.suffix.lower() in _PARTS]


def _refuse_bomb(entries: list[zipfile.ZipInfo], file: str) -> None:
    if any(entry.flag_bits & 1 for entry in entries):
        raise RawDataError(f"{file} is locked with a password. Unpack it, and add the file that is in it.")
    total = sum(entry.file_size for entry in entries)
    if total > MOST_UNPACKED_BYTES:
        raise RawDataError(
            f"{file} unpacks to {total / 2**30:.1f} GB; more than {MOST_UNPACKED_BYTES >> 30} GB are not unpacked. "
            "Clip the layer to the surroundings of the study area."
        )


@contextmanager
def _archive(path: Path, file: str) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as packed:
            yield packed
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        raise RawDataError(
            f"{file} cannot be unpacked: it is damaged, cut off, or packed in an unusual way. Unpack it, and add what is in it."
        ) from error


# What GDAL would pass over in silence


def _refuse_broken_xml(path: Path, file: str) -> None:
    """One pass of the parser of Python, which stops at a document type: entities in it grow without bound."""

    def refuse(*_: Any) -> None:
        raise RawDataError(
            f"{file} declares a document type (DOCTYPE), as no device and no map program does; it may be harmful. {_EXPORT}"
        )

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    with path.open("rb") as stream:
        try:
            while piece := stream.read(_PIECE):
                parser.Parse(piece)
            parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise RawDataError(
                f"{file} is damaged or was cut off: line {error.lineno} is no proper XML. Copy it again, or export it again."
            ) from error


def _xml_encoding(path: Path) -> str | None:
    """What Python calls the encoding of an XML file, if it is another than GDAL reads."""
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    named = re.match(rb"""(?:\xef\xbb\xbf)?\s*<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""", head)
    if not named or named[1].lower() in {b"utf-8", b"utf8", b"us-ascii", b"ascii"}:
        return None
    return _by_name(named[1].decode("ascii"))


_MARKS = b'{}[],"'
_REST = bytes(sorted(set(range(256)) - set(_MARKS)))
_STEPS = np.zeros(256, dtype=np.int8)
_STEPS[list(b"{[")], _STEPS[list(b"}]")] = 1, -1
_FEATURES = re.compile(rb'"features"\s*:\s*\[')


class _Nesting:
    """Brackets of a JSON text outside of strings, piece by piece, with how deep each one leads."""

    def __init__(self) -> None:
        self.depth, self.is_string_open = 0, False

    def follow(self, piece: bytes) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
        marks = np.frombuffer(piece.translate(None, _REST), dtype=np.uint8)
        is_quote = marks == ord('"')
        is_inside = np.bitwise_xor.accumulate(is_quote.view(np.uint8)).view(np.bool_)
        outside = marks[~(is_inside ^ self.is_string_open) & ~is_quote]
        depths = self.depth + np.cumsum(_STEPS[outside], dtype=np.int32)
        self.is_string_open ^= bool(is_inside[-1]) if len(marks) else False
        self.depth = int(depths[-1]) if len(depths) else self.depth
        return outside, depths


def _promised(staged: _Staged, file: str) -> int | None:
    """How many features a GeoJSON file should hold; nothing for other files, and for a single feature or shape."""
    count = {"GeoJSON": _entries, "GeoJSONSeq": _records}.get(staged.driver)
    return count(staged.path, file) if count else None


def _entries(path: Path, file: str) -> int | None:
    """How many entries stand in 'features' of a GeoJSON file; nothing if it is a single feature or shape.

    One pass over the bytes, which tells text that is not UTF-8 and a file that was cut off as well. GDAL leaves out whatever
    stands there but is not a feature: the caller compares the counts.
    """
    nesting, entries, is_open = _Nesting(), None, False
    for piece in _pieces(path, file):
        plain = piece.replace(rb"\\", b"") if rb"\\" in piece else piece
        plain = plain.replace(rb"\"", b"") if rb"\"" in plain else plain
        before = (nesting.depth, nesting.is_string_open)
        marks, depths = nesting.follow(plain)
        if entries is None and (start := _start(plain, *before)):
            after, entries, is_open = start[0], int(not start[1]), True
            marks, depths = marks[after:], depths[after:]
        if is_open and entries is not None:
            ends = np.flatnonzero(depths < 2)
            upto = int(ends[0]) if len(ends) else len(marks)
            entries += int(np.count_nonzero((marks[:upto] == ord(",")) & (depths[:upto] == 2)))
            is_open = not len(ends)
    if nesting.depth or nesting.is_string_open:
        raise RawDataError(f"{file} is not valid GeoJSON: it ends in the middle. It was cut off: copy or export it again.")
    return entries


def _start(plain: bytes, depth: int, is_string_open: bool) -> tuple[int, bool] | None:
    """How many brackets stand up to the beginning of the outermost 'features', and whether it is empty."""
    for found in _FEATURES.finditer(plain):
        so_far = _Nesting()
        so_far.depth, so_far.is_string_open = depth, is_string_open
        marks, _ = so_far.follow(plain[: found.end()])
        if so_far.depth == 2 and not so_far.is_string_open:
            return len(marks), re.compile(rb"\s*\]").match(plain, found.end()) is not None
    return None


_CRS = re.compile(rb'"(?:[cC]|\\u00[46]3)(?:[rR]|\\u00[57]2)(?:[sS]|\\u00[57]3)"\s*:\s*')


def _pieces(path: Path, file: str) -> Iterator[bytes]:
    """The file in pieces that end with a comma, so that no key, escape or letter is cut; each is tested before it is given."""
    rest, line, at = b"", 1, 0
    with path.open("rb") as stream:
        while block := stream.read(_PIECE):
            if len(rest) > _LARGEST_TOLD:
                raise RawDataError(f"{file} is not valid GeoJSON: it goes on without a comma. {_EXPORT}")
            before, comma, rest = (rest + block).rpartition(b",")
            piece = before + comma
            line = _require_utf8(piece, line, file)
            _refuse_addresses(piece, path, at, file)
            at += len(piece)
            yield piece
    _require_utf8(rest, line, file)
    yield rest  # an address has a comma in it, so it began before


def _refuse_addresses(piece: bytes, path: Path, at: int, file: str) -> None:
    """GDAL fetches a CRS from the internet if the file gives its address: refuse the file before GDAL sees it."""
    decoder = json.JSONDecoder(object_pairs_hook=list)
    for found in _CRS.finditer(piece):
        with path.open("rb") as stream:
            stream.seek(at + found.end())
            text = stream.read(_HEAD).decode("utf-8", "ignore")
        try:
            named = decoder.raw_decode(text)[0]
        except (ValueError, RecursionError):
            named = [("type", "url")]
        pairs = [pair for pair in named if isinstance(pair, tuple)] if isinstance(named, list) else []
        if any(str(key).lower() == "type" and str(kind).lower() in {"url", "link"} for key, kind in pairs):
            raise RawDataError(
                f"{file} gives its coordinate reference system as an address on the internet, which is never followed. {_EXPORT}"
            )


def _require_utf8(piece: bytes, line: int, file: str) -> int:
    try:
        if not piece.isascii():
            piece.decode("utf-8")
    except UnicodeDecodeError as error:
        at = line + piece.count(b"\n", 0, error.start)
        raise RawDataError(f"{file} is not valid GeoJSON: line {at} is not UTF-8 text. Export it again as UTF-8.") from error
    return line + piece.count(b"\n")


def _records(path: Path, file: str) -> int:
    """How many features a GeoJSON file with one feature a line should hold."""
    for _ in _pieces(path, file):
        pass
    lines = marks = 0
    with path.open("rb") as stream:
        for line in stream:
            lines += not line.isspace()
            marks += line.count(b"\x1e")
    return marks or lines


def _lost(staged: _Staged, wanted: int, read: int, file: str) -> str:
    """GDAL leaves out, without a word, whatever is not a Feature: tell it, by number where that is cheap."""
    told = ""
    if staged.path.stat().st_size <= _LARGEST_TOLD and (wrong := _not_features(staged)):
        number, kind = wrong[0]
        told = f" (entry {number} is a bare {str(kind)[:40]!r})" if kind else f" (entry {number} is none, or cut off)"
        read = wanted - len(wrong)
    return (
        f"{file} is not proper GeoJSON: {wanted - read} of {wanted} entries of 'features' are not of type 'Feature'{told}, "
        "and GIS programs leave them out without a word. "
        "Wrap each geometry as {'type': 'Feature', 'properties': {}, 'geometry': ...}, or export the layer again."
    )


def _not_features(staged: _Staged) -> list[tuple[int, Any]]:
    text = staged.path.read_text(encoding="utf-8-sig")
    if staged.driver == "GeoJSONSeq":
        records = [record for record in text.split("\x1e" if "\x1e" in text else "\n") if record.strip()]
        found = [_parsed(record) for record in records]
    else:
        parsed = _parsed(text)
        found = parsed.get("features", []) if isinstance(parsed, dict) else []
    kinds = [(number, one.get("type") if isinstance(one, dict) else one) for number, one in enumerate(found)]
    return [(number, kind) for number, kind in kinds if kind != "Feature"]


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


# Features


def _features(staged: _Staged, layer: str, *, file: str, bbox: Bounds | None, where: str | None) -> Opened:
    own = layer if staged.driver not in {SHAPEFILE, "GeoJSON", "GeoJSONSeq", "FlatGeobuf"} else None
    how: dict[str, Any] = {"layer": own, "encoding": staged.encoding, "where": where, "fid_as_index": True, "use_arrow": False}
    if staged.driver == OSM:
        how["CONFIG_FILE"] = str(staged.path.with_suffix(".ini"))
        Path(how["CONFIG_FILE"]).write_text(_OSM_CONF, encoding="ascii")
    wanted = _promised(staged, file)
    with _gdal(file):
        info = _info(staged, layer, file)
        box = _in_crs(bbox, info["crs"]) if info and where is None and info["capabilities"]["fast_spatial_filter"] else None
        frame = _as_layer(pyogrio.read_dataframe(staged.source, bbox=box, on_invalid="ignore", **how), file)
        if box is not None and staged.driver == "GPKG":
            frame = _with_shapeless(frame, staged, layer, info, how)
    count = len(frame) if box is None else int(info["features"])
    if wanted is not None and wanted != count:
        raise RawDataError(_lost(staged, wanted, count, file))
    if not frame.index.is_unique:
        frame.index = range(len(frame))
    frame.index = frame.index.astype("int64")
    return Opened(frame, count, staged.notes)


def _info(staged: _Staged, layer: str, file: str) -> dict[str, Any]:
    """What GDAL knows beforehand of tables that may have an index, or two columns of one name; of others it would read all."""
    if staged.driver not in {"GPKG", "FlatGeobuf", SHAPEFILE}:
        return {}
    own = layer if staged.driver == "GPKG" else None
    info: dict[str, Any] = pyogrio.read_info(staged.source, layer=own, encoding=staged.encoding)
    _refuse_same_names(info["fields"], file)
    return info


def _refuse_same_names(names: Iterable[str], file: str) -> None:
    if twice := sorted(name for name, count in Counter(map(str, names)).items() if count > 1):
        raise RawDataError(f"{file} has several columns called {twice[0]!r}. Rename one of them, or delete it.")


def _as_layer(raw: Any, file: str) -> gpd.GeoDataFrame:
    if not isinstance(raw, gpd.GeoDataFrame):
        raise RawDataError(f"{file} has no geometry column. Give a map layer, or a csv file with longitude and latitude.")
    return raw


def _with_shapeless(
    near: gpd.GeoDataFrame, staged: _Staged, layer: str, info: Mapping[str, Any], how: dict[str, Any]
) -> gpd.GeoDataFrame:
    """Features without a shape are not in the index, so no box finds them: they are read as well, to be told."""
    key, index = (name.replace('"', '""') for name in (info["fid_column"], f"rtree_{layer}_{info['geometry_name']}"))
    without = pyogrio.read_dataframe(staged.source, **how | {"where": f'"{key}" NOT IN (SELECT id FROM "{index}")'})  # noqa: S608
    return near if without.empty else pd.concat([near, without]).sort_index()


def _in_crs(bbox: Bounds | None, crs: str | None) -> Bounds | None:
    """The box in degrees as a box in ``crs``, a little wider; nothing where that CRS has no place for it."""
    if bbox is None or crs is None:
        return None
    try:
        west, south, east, north = Transformer.from_crs(DEGREES, crs, always_xy=True).transform_bounds(*bbox, densify_pts=51)
    except pyproj.exceptions.ProjError:
        return None
    aside, up = 0.01 * (east - west), 0.01 * (north - south)
    box = (west - aside, south - up, east + aside, north + up)
    return box if np.isfinite(box).all() and aside > 0 and up > 0 else None


def _parquet(staged: _Staged, file: str) -> Opened:
    import pyarrow.parquet as pq

    with _gdal(file):
        promised = pq.read_metadata(staged.path)
        _refuse_same_names(promised.schema.to_arrow_schema().names, file)
        size = sum(promised.row_group(group).total_byte_size for group in range(promised.num_row_groups))
    if size > MOST_UNPACKED_BYTES or promised.num_rows > MOST_FEATURES:
        raise RawDataError(
            f"{file} unpacks to {size / 2**30:.1f} GB and {promised.num_rows:,} features; the limit is "
            f"{MOST_UNPACKED_BYTES >> 30} GB and {MOST_FEATURES:,}. Clip the layer to the surroundings of the study area."
        )
    if b"geo" not in (promised.metadata or {}):
        raise RawDataError(f"{file} is a Parquet table without a geometry column. Save it as GeoParquet, or as GeoPackage.")
    with _gdal(file):
        frame = gpd.read_parquet(staged.path).reset_index(drop=True)
        frame = frame.rename_geometry("geometry") if frame.geometry.name != "geometry" else frame
    return Opened(frame, len(frame))


# Letters of shapefiles

_OFTEN = frozenset("оеаинтрслв")
_VAGUE = {0, 1, 2, 3, 0x57}
"""Marks of a .dbf table that programs write without knowing: none, and the western ones."""


def _shapefile_encoding(path: Path) -> tuple[str | None, tuple[str, ...]]:
    """The encoding of a table whose letters are Cyrillic, with a note where it does not say so, or says a western one."""
    cpg = path.with_suffix(".cpg")
    named = _by_name(cpg.read_bytes()[:40].decode("ascii", "replace")) if cpg.exists() else None
    if named and codecs.lookup(named).name not in {"iso8859-1", "iso8859-15", "cp1252", "ascii"}:
        return named, ()
    with path.with_suffix(".dbf").open("rb") as stream:
        head = stream.read(32)
        letters = stream.read(1 << 20)
    if head[29] not in _VAGUE or letters.isascii():
        return named, ()
    guess = _guess(letters)
    said = f"the shapefile does not say its encoding, or a western one: its Cyrillic letters were read as {guess}."
    return (guess, (said,)) if guess else (named, ())


def _by_name(name: str) -> str | None:
    """What Python calls the encoding that a .cpg file names; GDAL decides where Python does not know it."""
    plain = name.strip().upper().removeprefix("ANSI").strip()
    code = f"cp{plain}" if plain.isdigit() and len(plain) <= 4 else plain
    try:
        "".encode(code)
    except (LookupError, ValueError):
        return None
    return code or None


def _guess(letters: bytes) -> str | None:
    # Western words have one or two such letters in a row, Cyrillic words consist of them.
    beyond = b" ".join(re.findall(rb"[\x80-\xff]{3,}", letters))
    try:
        # The last letter may be cut where reading ended.
        letters[:-4].decode("utf-8")
    except UnicodeDecodeError:
        scores = {code: _likeness(beyond.decode(code, "ignore")) for code in ("cp1251", "koi8-r", "cp866")}
        best = max(scores, key=lambda code: scores[code])
        return best if scores[best] > 0.4 else None
    return "UTF-8"


def _likeness(text: str) -> float:
    """Share of the letters that are among the ten most frequent of Cyrillic writing."""
    letters = [letter for letter in text.lower() if not letter.isspace()]
    return sum(letter in _OFTEN for letter in letters) / max(len(letters), 1)
