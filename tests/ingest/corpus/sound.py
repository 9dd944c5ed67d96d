"""One small sound file of every kind that is read, all with the same three reports: what the fuzzing breaks."""

import gzip
import io
import json
import struct
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import geopandas as gpd
import openpyxl
import pandas as pd

HEADER = ["record_id", "date", "category", "place", "latitude", "longitude", "text"]
ROWS = [
    ["1", "2025-04-30", "theft", "Navqarun", "43.0123", "-27.0211", "Со слов соседей, вечером у моста"],
    ["2", "2025-05-01", "хулиганство", "Навқарун", "43.0456", "-27.0322", "Разбито окно; виновный неизвестен"],
    ["3", "2025-05-02", "irrigation_dispute", "Upland", "43.0789", "-27.0433", "Поле осталось без воды"],
]


def lines(rows: list[list[str]], separator: str = ";", end: str = "\n") -> str:
    """Text with separators; cells are not quoted."""
    return end.join(separator.join(cell.replace(separator, " ") for cell in row) for row in rows) + end


def packed(members: dict[str, bytes | str]) -> bytes:
    """A zip archive."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return content.getvalue()


def xlsx(rows: list[list[object]], change: Callable[[openpyxl.Workbook], object] = lambda book: None) -> bytes:
    """A workbook of one sheet, as ``change`` leaves it."""
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    change(book)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def ods(rows: list[list[str]], more: str = "") -> bytes:
    """An OpenDocument spreadsheet of text cells; ``more`` stands behind the rows."""
    escaped = [[cell.replace("&", "&amp;").replace("<", "&lt;") for cell in row] for row in rows]
    cells = "".join(
        f"<table:table-row>{''.join(f'<table:table-cell {_TEXT}><text:p>{c}</text:p></table:table-cell>' for c in row)}"
        "</table:table-row>"
        for row in escaped
    )
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {_SPACES} office:version="1.2"><office:body>'
        f'<office:spreadsheet><table:table table:name="Register">{cells}{more}</table:table></office:spreadsheet></office:body>'
        "</office:document-content>"
    )
    manifest = (
        f'<manifest:manifest xmlns:manifest="{_URN}:manifest:1.0"><manifest:file-entry manifest:full-path="/" '
        f'manifest:media-type="{_KIND}"/></manifest:manifest>'
    )
    return packed({"mimetype": _KIND, "content.xml": content, "META-INF/manifest.xml": manifest})


_URN, _KIND = "urn:oasis:names:tc:opendocument:xmlns", "application/vnd.oasis.opendocument.spreadsheet"
_SPACES = " ".join(f'xmlns:{name}="{_URN}:{name}:1.0"' for name in ("office", "table", "text"))
_TEXT = 'office:value-type="string"'


def xls(rows: list[list[str | float]], *, first_day_1904: bool = False) -> bytes:
    """A workbook of Excel 97 (BIFF8 in an OLE container) of one sheet with text and numbers."""

    def record(kind: int, content: bytes = b"") -> bytes:
        return struct.pack("<HH", kind, len(content)) + content

    def cell(row: int, column: int, value: str | float) -> bytes:
        if isinstance(value, str):
            text = struct.pack("<HB", len(value), 1) + value.encode("utf-16-le")
            return record(0x0204, struct.pack("<HHH", row, column, 0) + text)
        return record(0x0203, struct.pack("<HHHd", row, column, 0, value))

    start = {kind: record(0x0809, struct.pack("<HHHHII", 0x0600, kind, 0x0DBB, 0x07CC, 0, 6)) for kind in (5, 16)}
    dimensions = record(0x0200, struct.pack("<IIHHH", 0, len(rows), 0, max(map(len, rows)), 0))
    cells = b"".join(cell(r, c, value) for r, row in enumerate(rows) for c, value in enumerate(row))
    opening = start[5] + record(0x0042, struct.pack("<H", 1200)) + record(0x0022, struct.pack("<H", first_day_1904))
    name = b"\x08\0Register"
    size = len(opening) + 4 + 6 + len(name) + 4
    stream = opening + record(0x0085, struct.pack("<IBB", size, 0, 0) + name) + record(0x000A)
    stream += start[16] + dimensions + cells + record(0x000A)
    stream += b"\0" * max(4096 - len(stream), -len(stream) % 512)
    return _ole(stream, "Workbook")


def _ole(stream: bytes, name: str) -> bytes:
    """An OLE container of one stream: one sector of the allocation table, one of the directory, then the stream."""
    sectors = len(stream) // 512
    table = [0xFFFFFFFD, 0xFFFFFFFE, *range(3, sectors + 2), 0xFFFFFFFE]
    table += [0xFFFFFFFF] * (128 - len(table))

    def entry(title: str, kind: int, child: int, start: int, size: int) -> bytes:
        text = (title + "\0").encode("utf-16-le")
        places = struct.pack("<HBBIII", len(text) if title else 0, kind, 1, 0xFFFFFFFF, 0xFFFFFFFF, child)
        return (text if title else b"").ljust(64, b"\0") + places + b"\0" * 36 + struct.pack("<IQ", start, size)

    directory = entry("Root Entry", 5, 1, 0xFFFFFFFE, 0) + entry(name, 2, 0xFFFFFFFF, 2, len(stream)) + entry("", 0, 0, 0, 0) * 2
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 16 + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + b"\0" * 6
    head += struct.pack("<IIIIIIIII", 0, 1, 1, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)
    head += struct.pack("<109I", 0, *[0xFFFFFFFF] * 108)
    return head + struct.pack("<128I", *table) + directory + stream


def geojson(rows: list[list[str]] = ROWS) -> bytes:
    """A layer of points."""
    features = [
        {
            "type": "Feature",
            "properties": dict(zip(HEADER[:4], row[:4], strict=True)) | {"text": row[6]},
            "geometry": {"type": "Point", "coordinates": [float(row[5]), float(row[4])]},
        }
        for row in rows
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False).encode()


def kml(rows: list[list[str]] = ROWS) -> str:
    """Placemarks with data of their own."""
    marks = "".join(
        "<Placemark><ExtendedData>"
        + "".join(f'<Data name="{n}"><value>{v}</value></Data>' for n, v in zip(HEADER[:4], row[:4], strict=True))
        + f"</ExtendedData><Point><coordinates>{row[5]},{row[4]}</coordinates></Point></Placemark>"
        for row in rows
    )
    return f'<?xml version="1.0"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document>{marks}</Document></kml>'


def gpx(rows: list[list[str]] = ROWS) -> str:
    """Waypoints."""
    points = "".join(
        f'<wpt lat="{row[4]}" lon="{row[5]}"><time>{row[1]}T10:00:00Z</time><name>{row[2]}</name></wpt>' for row in rows
    )
    return f'<?xml version="1.0"?><gpx version="1.1" creator="x" xmlns="http://www.topografix.com/GPX/1/1">{points}</gpx>'


def layer(rows: list[list[str]] = ROWS) -> gpd.GeoDataFrame:
    """The reports as features."""
    frame = pd.DataFrame([row[:4] for row in rows], columns=HEADER[:4])
    frame["when"] = pd.to_datetime(frame["date"])
    points = gpd.points_from_xy([float(row[5]) for row in rows], [float(row[4]) for row in rows])
    return gpd.GeoDataFrame(frame, geometry=points, crs="EPSG:4326")


def _by_gdal(ending: str, driver: str | None) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"layer{ending}"
        if driver is None:
            layer().to_parquet(path)
        else:
            layer().drop(columns="when" if ending == ".shp" else []).rename(columns={"record_id": "rec"}).to_file(
                path, driver=driver
            )
        if ending == ".shp":
            return packed({part.name: part.read_bytes() for part in sorted(Path(folder).iterdir())})
        return path.read_bytes()


def sound_files() -> dict[str, bytes]:
    """Name -> content of one file of each kind."""
    text = lines([HEADER, *ROWS])
    records = [dict(zip(HEADER, row, strict=True)) for row in ROWS]
    typed = [[row[0], date.fromisoformat(row[1]), *row[2:4], float(row[4]), float(row[5]), row[6]] for row in ROWS]
    return {
        "utf8.csv": text.encode(),
        "quoted.csv": "".join(";".join(f'"{c}"' for c in row) + "\r\n" for row in [HEADER, *ROWS]).encode("utf-8-sig"),
        "cp1251.csv": text.replace("қ", "к").encode("cp1251"),
        "utf16.txt": text.encode("utf-16"),
        "text.csv.gz": gzip.compress(text.encode(), mtime=0),
        "text.zip": packed({"inside/register.csv": text}),
        "records.json": json.dumps({"results": records}, ensure_ascii=False).encode(),
        "book.xlsx": xlsx([[*HEADER], *typed]),
        "book.ods": ods([HEADER, *ROWS]),
        "book.xls": xls([[*HEADER], *[[*row[:4], float(row[4]), float(row[5]), row[6]] for row in ROWS]]),
        "layer.geojson": geojson(),
        "layer.kml": kml().encode(),
        "layer.kmz": packed({"doc.kml": kml()}),
        "layer.gpx": gpx().encode(),
        "layer.gpkg": _by_gdal(".gpkg", "GPKG"),
        "layer.fgb": _by_gdal(".fgb", "FlatGeobuf"),
        "layer.zip": _by_gdal(".shp", "ESRI Shapefile"),
        "layer.parquet": _by_gdal(".parquet", None),
    }
