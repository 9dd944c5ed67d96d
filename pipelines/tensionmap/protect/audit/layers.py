"""Every layer of a file, unpacked from its bytes: what is written, what is packed in it, and what is packed in that.

Entities, escapes, percent signs, base64, hexadecimal, zlib, gzip, zip and packed points; metadata, texts, attachments and
objects of a PDF; columns of Parquet; tables and free pages of a database; sheets of a workbook, hidden ones too; tags of images
and rasters; outputs of a notebook. Nothing is taken from the name of a file that its first bytes do not bear out.
"""

from __future__ import annotations

import base64
import binascii
import csv
import hashlib
import html
import io
import json
import re
import sqlite3
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Any
from urllib.parse import unquote

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import pypdf
import rasterio
import shapely
from PIL import Image
from pypdf.generic import ArrayObject, DecodedStreamObject, IndirectObject, NameObject, StreamObject
from python_calamine import CalamineWorkbook

from tensionmap.protect.audit.packed import without_packed

Pairs = npt.NDArray[np.float64]

DEPTH = 4
_LARGEST = 50_000_000
"""Bytes of one packed layer that are looked at: a file made to fill the memory must not."""


@dataclass(frozen=True)
class Layer:
    """One unpacked layer: where it was found, its text, its bytes if they are not text, pairs of numbers already read.

    ``fault`` says that the layer could not be unpacked, and so was not searched.
    """

    where: str
    text: str = ""
    raw: bytes = b""
    pairs: Pairs | None = None
    fault: bool = False


_MAGIC = (
    (b"%PDF", "pdf"),
    (b"PAR1", "parquet"),
    (b"SQLite format 3\0", "sqlite"),
    (b"PK\x03\x04", "zip"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpg"),
    (b"II*\0", "tif"),
    (b"MM\0*", "tif"),
    (b"II+\0", "tif"),
    (b"MM\0+", "tif"),
    (b"\x1f\x8b", "gz"),
)
_MARKUP = re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*<(?:!doctype html|html)", re.IGNORECASE)


def kind_of(data: bytes, ending: str) -> str:
    """What a file is by its first bytes, or by the ending of its name where they do not say."""
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            return kind
    if _MARKUP.match(data):
        return "html"
    return {"htm": "html", "ipynb": "json", "geojson": "json", "jpeg": "jpg", "tiff": "tif", "gpkg": "sqlite"}.get(ending, ending)


def layers_of(data: bytes, ending: str, *, known_blocks: frozenset[str] = frozenset()) -> Iterator[Layer]:
    """Every layer of a file, from the bytes as they are to what is packed in what is packed.

    Parameters
    ----------
    data
        The file.
    ending
        Of its name, without the dot: html, pdf, parquet, csv, ...
    known_blocks
        sha256 of scripts and styles of a page that hold nothing of a study, such as a vendored library.
    """
    kind = kind_of(data, ending)
    if kind == "html":
        data = without_known_blocks(data, known_blocks)
    if kind in _READERS:
        yield from _safely(_READERS[kind](data), kind)
    yield from _safely(_unpack(data, kind, DEPTH), kind)


def _safely(layers: Iterator[Layer], where: str) -> Iterator[Layer]:
    """The layers, and a fault instead of an error: what libraries raise on a broken file is not to be foreseen."""
    try:
        yield from layers
    except Exception:
        yield Layer(where, fault=True)


_BLOCK = re.compile(rb"(<(script|style)\b[^>]*>)(.*?)(</\2\s*>)", re.DOTALL | re.IGNORECASE)


def without_known_blocks(page: bytes, known_blocks: frozenset[str]) -> bytes:
    """``page`` without the content of the scripts and styles whose sha256 is known."""
    if not known_blocks:
        return page
    return _BLOCK.sub(lambda m: m[1] + m[4] if hashlib.sha256(m[3]).hexdigest() in known_blocks else m[0], page)


# Bytes ---------------------------------------------------------------------------------------------------------------------


def _unpack(data: bytes, where: str, depth: int) -> Iterator[Layer]:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        yield from _unpack_binary(data, where, depth)
        return
    yield from _texts(text, where, depth)
    if "\0" in text or "\4" in text:
        yield from (Layer(where, text=wide) for wide in _wide_texts(data))


def _unpack_binary(data: bytes, where: str, depth: int) -> Iterator[Layer]:
    rest = data
    if depth:
        inflated, rest = _inflated(data)
        for inner in inflated:
            yield from _unpack(inner, f"{where}/zlib", depth - 1)
        for name, inner in _archived(data):
            yield from _unpack(inner, f"{where}/{name}", depth - 1)
    yield Layer(where, raw=rest)
    for text in _binary_texts(rest):
        yield from _texts(text, where, depth)


def _inflated(data: bytes) -> tuple[list[bytes], bytes]:
    """Every zlib stream, and the bytes between them."""
    found, rest, end = [], [], 0
    for start in re.finditer(rb"\x78[\x01\x5e\x9c\xda]", data):
        if start.start() < end:
            continue
        stream = zlib.decompressobj()
        try:
            inner = stream.decompress(data[start.start() :], _LARGEST)
        except zlib.error:
            continue
        if len(inner) >= 4:
            found.append(inner)
            rest.append(data[end : start.start()])
            end = len(data) - len(stream.unused_data) if stream.eof else start.start() + 2
    return found, b"\n".join([*rest, data[end:]])


def _archived(data: bytes) -> Iterator[tuple[str, bytes]]:
    if data.startswith(b"\x1f\x8b"):
        yield "gzip", zlib.decompressobj(31).decompress(data, _LARGEST)
    if data.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for number, member in enumerate(archive.infolist(), 1):
                yield f"zip/name {number}", member.filename.encode()
                with archive.open(member) as opened:
                    yield f"zip/member {number}", opened.read(_LARGEST)


_ASCII_RUN = re.compile(rb"[\x09\x20-\x7e]{4,}")
_UTF_8_RUN = re.compile(rb"(?:(?:[\xc3-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2})[\x20-\x7e]{0,3}){3,}")
_CYRILLIC_RUN = re.compile(rb"[\x80-\xff]{4,}")
# A word of one alphabet, in small letters but for the first or in capitals: noise hardly ever looks like that.
_SMALL, _CAPITAL = rb"\xb8\xb3\xa2\xbf\xe0-\xff", rb"\xa8\xb2\xa1\xaf\xc0-\xdf"
_CP1251_WORD = re.compile(rb"[%s]?[%s]{3,}|[%s]{4,}" % (_CAPITAL, _SMALL, _CAPITAL))
_IS_NO_TEXT = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f\x7f]")


@lru_cache(maxsize=256)
def _binary_texts(data: bytes) -> tuple[str, ...]:
    """What reads as text in bytes that are not UTF-8: whole Windows texts, and rows of letters in anything else."""
    if not _IS_NO_TEXT.search(data):
        return (data.decode("cp1251", errors="replace"),)
    runs = "\n".join(run.decode() for run in _ASCII_RUN.findall(data))
    letters = "\n".join(run.decode(errors="ignore") for run in _UTF_8_RUN.findall(data))
    words = " ".join(run.decode("cp1251") for run in _CYRILLIC_RUN.findall(data) if _CP1251_WORD.fullmatch(run))
    return (runs, letters, words, *_wide_texts(data))


def _wide_texts(data: bytes) -> Iterator[str]:
    """Rows of Latin, Cyrillic or common signs in UTF-16 of either order."""
    row = np.frombuffer(data, dtype=np.uint8)
    is_plain, is_zero, is_cyrillic = _IS_PLAIN[row], row == 0, row == 4
    for order, high, low in (("le", slice(1, None), slice(None, -1)), ("be", slice(None, -1), slice(1, None))):
        is_unit = is_cyrillic[high] | (is_zero[high] & is_plain[low])
        starts = np.flatnonzero(is_unit[:-6] & is_unit[2:-4] & is_unit[4:-2] & is_unit[6:]) if len(row) > 7 else ()
        runs, end = [], 0
        for start in starts:
            if start >= end:
                end = _end_of_run(is_unit, int(start))
                runs.append(data[start:end].decode(f"utf-16-{order}", errors="ignore"))
        if runs:
            yield "\n".join(runs)


_IS_PLAIN = np.array([byte in (9, 10, 13) or 32 <= byte < 127 for byte in range(256)])


def _end_of_run(is_unit: npt.NDArray[np.bool_], start: int) -> int:
    others = np.flatnonzero(~is_unit[start::2][:10_000])
    return start + 2 * int(others[0] if len(others) else len(is_unit[start::2][:10_000]))


# Texts ---------------------------------------------------------------------------------------------------------------------

_WORD = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_SMALL_PIECE = 200


def _texts(text: str, where: str, depth: int) -> Iterator[Layer]:
    if not text:
        return
    if where.startswith("pdf"):
        text = without_paths(text)
    plain, packed = without_packed(text)
    yield from _packed_points(packed, where)
    yield Layer(where, text=plain)
    for _ in range(3):
        before = plain
        for sign, unescape in (("&", html.unescape), ("\\", _unescape), ("%", unquote)):
            if sign in plain and (unescaped := unescape(plain)) != plain:
                plain, packed = without_packed(unescaped)
                yield from _packed_points(packed, where)
                yield Layer(f"{where}/unescaped", text=plain)
        if plain == before:
            break
    if "<" in plain:
        yield Layer(f"{where}/without tags", text=re.sub(r"<[^<>]{0,300}>", "", plain))
    if depth:
        yield from _decoded_words(plain, where, depth)


def _packed_points(packed: list[Pairs | None], where: str) -> Iterator[Layer]:
    yield from (Layer(f"{where}/packed points", pairs=pairs, fault=pairs is None) for pairs in packed)


def _decoded_words(text: str, where: str, depth: int) -> Iterator[Layer]:
    """What words of base64 and hexadecimal digits stand for; small pieces together, since most are words by chance."""
    pieces: dict[bytes, None] = {}
    for word in set(_WORD.findall(text)):
        for name, inner in _decoded(word):
            if name == "hex" or len(inner) > _SMALL_PIECE or _is_utf_8(inner):
                yield from _unpack(inner, f"{where}/{name}", depth - 1)
            else:
                pieces[inner] = None
    if pieces:
        yield from _unpack(b"\xff\n".join(sorted(pieces)), f"{where}/base64", depth - 1)


def _is_utf_8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _unescape(text: str) -> str:
    """Numeric escapes as JavaScript and JSON write them."""
    pairs = re.sub(
        r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})",
        lambda m: bytes.fromhex(m[1] + m[2]).decode("utf-16-be"),
        text,
    )
    return re.sub(
        r"\\u\{([0-9a-fA-F]{1,6})\}|\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})",
        lambda m: chr(min(int(m[1] or m[2] or m[3], 16), 0x10FFFF)),
        pairs,
    )


def _decoded(word: str) -> Iterator[tuple[str, bytes]]:
    if re.fullmatch(r"(?:[0-9a-fA-F]{2}){8,}", word):
        yield "hex", bytes.fromhex(word)
    try:
        standard = word.rstrip("=").replace("-", "+").replace("_", "/")
        yield "base64", base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except binascii.Error:
        return


# Formats -------------------------------------------------------------------------------------------------------------------

_PATH = re.compile(r"^(?:[-+]?[\d.]+[ \t]+){2,6}(?:[mlcvy]|re|cm /\w+ Do)[ \t\r]*$\n?", re.MULTILINE)


def without_paths(content: str) -> str:
    """The content of a PDF page without the lines that only draw: their numbers are no text, and recovered by themselves."""
    return _PATH.sub("", content) if " l\n" in content or " c\n" in content or " Do\n" in content else content


def _of_pdf(data: bytes) -> Iterator[Layer]:
    reader = pypdf.PdfReader(io.BytesIO(data))
    for value in (reader.metadata or {}).values():
        yield from _texts(str(value), "pdf/metadata", 1)
    if reader.xmp_metadata is not None:
        yield from _unpack(reader.xmp_metadata.stream.get_data(), "pdf/XMP", 1)
    for name, files in reader.attachments.items():
        yield from _texts(name, "pdf/name of an attachment", 1)
        for inner in files:
            yield from _unpack(inner, "pdf/attachment", 2)
    # The objects first: the text of a page is read from its content without the paths, which replaces it.
    for number in range(1, len(reader.xref_objStm) + sum(map(len, reader.xref.values())) + 1):
        yield from _of_pdf_object(reader, number)
    for number, page in enumerate(reader.pages, 1):
        for annotation in page.get("/Annots", ArrayObject()).get_object():
            yield from _texts(str(annotation.get_object()), f"pdf/annotation on page {number}", 1)
        yield from _texts(page_text(page), f"pdf/page {number}", 1)


# The small shifts between the letters of a word, of which there are more than letters.
_KERNING = re.compile(r"(?<!\\)\)\s*-?\d{0,2}\.\d+\s*\(")


def page_text(page: Any) -> str:
    """All text of a page, seen or not; the page's paths are gone afterwards."""
    content = page.get_contents()
    if content is None:
        return ""
    texts = DecodedStreamObject()
    told = without_paths(content.get_data().decode("latin-1"))
    texts.set_data(_KERNING.sub("", told).encode("latin-1"))
    page[NameObject("/Contents")] = texts
    return str(page.extract_text())


def _of_pdf_object(reader: pypdf.PdfReader, number: int) -> Iterator[Layer]:
    found = reader.get_object(IndirectObject(number, 0, reader))
    if isinstance(found, StreamObject) and found.get("/Subtype") != "/Image":
        yield from _texts(str(dict(found)), f"pdf/object {number}", 1)
        yield from _unpack(found.get_data(), f"pdf/object {number}", 1)
    elif found is not None:
        yield from _texts(str(found), f"pdf/object {number}", 1)


def _of_parquet(data: bytes) -> Iterator[Layer]:
    table = pq.read_table(io.BytesIO(data))
    for key, value in (table.schema.metadata or {}).items():
        yield from _unpack(key + b" " + value, "parquet/metadata", 2)
    yield from _texts("\n".join(table.column_names), "parquet/names of columns", 1)
    numbers = []
    for number, name in enumerate(table.column_names, 1):
        values = table.column(name).to_pylist()
        where = f"parquet/column {number}"
        if any(isinstance(value, bytes) for value in values):
            shapes = shapely.from_wkb([value for value in values if isinstance(value, bytes)], on_invalid="ignore")
            yield Layer(where, pairs=shapely.get_coordinates(shapes))
        elif any(isinstance(value, float) for value in values):
            numbers.append(np.array(values, dtype=float))
        yield from _texts(json.dumps([str(value) for value in values], ensure_ascii=False), where, 1)
    yield from _column_pairs(numbers, "parquet")


def _column_pairs(columns: list[npt.NDArray[np.float64]], where: str) -> Iterator[Layer]:
    for first, second in combinations(columns[:40], 2):
        yield Layer(f"{where}/two columns", pairs=np.column_stack([first, second]))


def _of_csv(data: bytes) -> Iterator[Layer]:
    """Numbers of a table by column: longitude and latitude need not stand side by side."""
    text = data.decode("utf-8-sig", errors="replace")
    head = text[:10_000]
    delimiter = max(";\t|,", key=head.count)
    rows = list(csv.reader(io.StringIO(text), delimiter=delimiter))
    widest = max(map(len, rows), default=0)
    columns = [np.array([_as_number(row[at]) if at < len(row) else np.nan for row in rows]) for at in range(widest)]
    yield from _column_pairs([column for column in columns if np.isfinite(column).any()], "csv")


def _as_number(cell: str) -> float:
    try:
        return float(cell.strip().replace(",", "."))
    except ValueError:
        return np.nan


def _of_json(data: bytes) -> Iterator[Layer]:
    """Texts as they read, those in several lines joined: a notebook writes its pictures so."""
    for text in _strings(json.loads(data)):
        if "\n" in text and re.fullmatch(r"[A-Za-z0-9+/=\s]{16,}", text):
            yield from _unpack(base64.b64decode(re.sub(r"\s", "", text) + "=="), "json/base64", 2)
        elif len(text) > 3:
            yield Layer("json/text", text=text)


def _strings(value: Any) -> Iterator[str]:
    """Every text in a JSON value; a list of lines is one text."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list):
        if value and all(isinstance(line, str) for line in value):
            yield "".join(value)
        else:
            for inner in value:
                yield from _strings(inner)


def _of_database(data: bytes) -> Iterator[Layer]:
    """All rows of all tables as SQL; what was deleted is left in the bytes, which are searched as well."""
    connection = sqlite3.connect(":memory:")
    try:
        # A database in write-ahead mode cannot be read from memory; the mode stands in two bytes.
        connection.deserialize(data[:18] + b"\1\1" + data[20:])
        connection.text_factory = lambda text: text.decode("utf-8", errors="replace")
        yield from _texts("\n".join(connection.iterdump()), "database", 2)
    finally:
        connection.close()


def _of_workbook(data: bytes) -> Iterator[Layer]:
    """Every sheet, shown or hidden; nothing for an archive that is no workbook."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if not {"xl/workbook.xml", "content.xml"} & set(archive.namelist()):
            return
    book = CalamineWorkbook.from_filelike(io.BytesIO(data))
    for number, name in enumerate(book.sheet_names, 1):
        rows = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
        told = "\n".join([name, *(json.dumps(row, default=str, ensure_ascii=False) for row in rows)])
        yield from _texts(told, f"sheet {number}", 1)


def _of_image(data: bytes) -> Iterator[Layer]:
    for name, content in image_notes(data):
        yield from _unpack(content, f"image/{name}", 2)
    with Image.open(io.BytesIO(data)) as image:
        tags = image.getexif()
        told = [str(value) for value in {**tags, **tags.get_ifd(0x8769)}.values()]
        place = tags.get_ifd(0x8825)
    yield from _texts("\n".join(told), "image/EXIF", 1)
    if {2, 4} <= set(place):
        latitude, longitude = _decimal(place[2], place.get(1, "N")), _decimal(place[4], place.get(3, "E"))
        yield Layer("image/GPS", pairs=np.array([[longitude, latitude]]))


def _decimal(parts: Any, side: str) -> float:
    degrees = float(sum(float(part) / 60**power for power, part in enumerate(parts)))
    return -degrees if side in ("S", "W") else degrees


_NEEDED_CHUNKS = frozenset({"IHDR", "PLTE", "IDAT", "IEND", "tRNS", "gAMA", "cHRM", "sRGB", "iCCP", "bKGD", "pHYs", "sBIT"})
_JPEG_NOTES = frozenset({*range(0xE1, 0xF0), 0xFE})
_HARMLESS_SEGMENTS = (b"ICC_PROFILE\0", b"Adobe\0")


def image_notes(data: bytes) -> list[tuple[str, bytes]]:
    """What a PNG or JPEG holds besides its picture: name of the part, content. The resolution is part of the picture."""
    if data.startswith(b"\x89PNG"):
        chunks = _png_chunks(data)
        return [(name, content) for name, content in chunks if name not in _NEEDED_CHUNKS]
    segments = _jpeg_segments(data)
    return [
        (f"segment {marker:x}", content)
        for marker, content in segments
        if marker in _JPEG_NOTES and not content.startswith(_HARMLESS_SEGMENTS)
    ]


def _png_chunks(data: bytes) -> Iterator[tuple[str, bytes]]:
    at = 8
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : at + 8].decode("latin-1"), data[at + 8 : at + 8 + size]
        at += 12 + size
        if data[at - size - 8 : at - size - 4] == b"IEND" and at < len(data):
            yield "after the end", data[at:]
            return


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker, size = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == 0xDA:  # the picture itself
            after = data.rfind(b"\xff\xd9") + 2
            if after > 1 and data[after:].strip(b"\0"):
                yield 0xFE, data[after:]
            return
        yield marker, data[at + 4 : at + 2 + size]
        at += 2 + size


def _of_raster(data: bytes) -> Iterator[Layer]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.MemoryFile(data) as memory, memory.open() as raster:
            spaces = [raster.tags(), *(raster.tags(ns=space) for space in raster.tag_namespaces())]
            spaces += [raster.tags(band) for band in raster.indexes]
            told = [f"{key} {value}" for tags in spaces for key, value in tags.items()]
            told += [str(text) for text in raster.descriptions if text]
    yield from _texts("\n".join(told), "raster/tags", 2)


_READERS: dict[str, Callable[[bytes], Iterator[Layer]]] = {
    "pdf": _of_pdf,
    "parquet": _of_parquet,
    "csv": _of_csv,
    "json": _of_json,
    "sqlite": _of_database,
    "zip": _of_workbook,
    "png": _of_image,
    "jpg": _of_image,
    "tif": _of_raster,
}
