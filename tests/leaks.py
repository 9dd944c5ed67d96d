"""Searches the bytes of a file for what must not leave the house: names, phones, numbers of records, places of reports.

Every layer of a file is unpacked (entities, escapes, percent signs, base64, hexadecimal, zlib, gzip, zip; streams, texts and
metadata of a PDF; columns and schema of Parquet), scripts are folded, and numbers are read as coordinates in any order
and unit. ``allowed`` names places that a file may show: vertices of settlements, cells, claims and other public layers.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import html
import io
import json
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from urllib.parse import unquote

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import pypdf
import shapely
from pyproj import Transformer
from scipy.spatial import cKDTree

WITHIN_M = 5.0
DEPTH = 4
GRAM = 6
Pairs = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Canaries:
    """What to look for.

    ``words``: names and numbers of records, at least four letters or digits each. ``phones``: at least seven digits each.
    ``points`` and ``allowed``: longitude and latitude in degrees, one row a place. ``crs``: metric CRS of the study.
    """

    words: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    points: tuple[tuple[float, float], ...] = ()
    allowed: tuple[tuple[float, float], ...] = ()
    crs: str = "EPSG:32626"

    def __post_init__(self) -> None:
        short = [word for word in self.words if len(compact(base(word))) < 4]
        short += [phone for phone in self.phones if len(re.sub(r"\D", "", phone)) < 7]
        if short:
            raise ValueError(f"too short to be searched for: {short}")

    @cached_property
    def folded(self) -> dict[str, str]:
        """Every folded spelling of a word -> the word."""
        return {spelling: word for word in self.words for spelling in {compact(fold(word)) for fold in FOLDS}}

    @cached_property
    def numbers(self) -> dict[str, str]:
        """Phones as digits, whole and without the code of the country -> the phone."""
        digits = {phone: re.sub(r"\D", "", phone) for phone in self.phones}
        return {form: phone for phone, known in digits.items() for form in (known, known[-9:])}

    @cached_property
    def bounds(self) -> tuple[Pairs, Pairs]:
        """South-west and north-east of the private points, with a margin of a hundredth of a degree."""
        degrees = np.array(self.points)
        return degrees.min(axis=0) - 0.01, degrees.max(axis=0) + 0.01

    @cached_property
    def places(self) -> tuple[cKDTree, cKDTree | None]:
        """Private points less the allowed ones, and the allowed ones, in metres."""
        allowed = cKDTree(self.metres(np.array(self.allowed))) if self.allowed else None
        private = self.metres(np.array(self.points))
        if allowed is not None:
            private = private[allowed.query(private)[0] > 1.0]
        return cKDTree(private), allowed

    @cached_property
    def to_metres(self) -> Transformer:
        return Transformer.from_crs("EPSG:4326", self.crs, always_xy=True)

    @cached_property
    def from_web(self) -> Transformer:
        return Transformer.from_crs("EPSG:3857", "EPSG:4326", always_xy=True)

    def metres(self, degrees: Pairs) -> Pairs:
        return np.column_stack(self.to_metres.transform(degrees[:, 0], degrees[:, 1]))


_TO_RUSSIAN = str.maketrans("ҷҳқғңөүһ", "чхкгноух")
_TO_LATIN = {
    "а": "a",
    "б": "b",
    "в": "v",
    "г": "g",
    "д": "d",
    "е": "e",
    "ж": "zh",
    "з": "z",
    "и": "i",
    "й": "i",
    "к": "k",
    "л": "l",
    "м": "m",
    "н": "n",
    "о": "o",
    "п": "p",
    "р": "r",
    "с": "s",
    "т": "t",
    "у": "u",
    "ф": "f",
    "х": "kh",
    "ц": "ts",
    "ч": "ch",
    "ш": "sh",
    "щ": "sh",
    "ъ": "",
    "ы": "y",
    "ь": "",
    "э": "e",
    "ю": "yu",
    "я": "ya",
}
_TO_LATIN_OWN = {**_TO_LATIN, **dict(zip("ҷҳқғңөүхж", "jhkgnouhj", strict=True))}
_ALIKE = {
    "dzh": "j",
    "zh": "j",
    "kh": "h",
    "gh": "g",
    "ng": "n",
    "x": "h",
    "q": "k",
    "w": "v",
    "yo": "e",
    "ya": "a",
    "yu": "u",
    "y": "i",
}


def base(text: str) -> str:
    """Lower case, no accents, Tajik, Kyrgyz and Uzbek letters as the Russian ones, then Latin letters."""
    return _latin(unicodedata.normalize("NFKC", text).casefold().translate(_TO_RUSSIAN), _TO_LATIN)


def own(text: str) -> str:
    """Lower case, no accents, each letter as the languages themselves write it in Latin letters."""
    return _latin(unicodedata.normalize("NFKC", text).casefold(), _TO_LATIN_OWN)


def _latin(text: str, letters: dict[str, str]) -> str:
    """Latin letters without accents, spellings that sound alike made one."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if unicodedata.category(c) not in ("Mn", "Lm", "Sk"))
    latin = bare.translate(str.maketrans(letters))
    for spelling, alike in _ALIKE.items():
        latin = latin.replace(spelling, alike)
    return latin


FOLDS = (base, own)


def compact(text: str) -> str:
    """Letters and digits alone."""
    return "".join(c for c in text if c.isalnum())


@dataclass(frozen=True)
class Layer:
    """One unpacked layer: where it was found, its text, its bytes if they are not text, pairs of numbers already read."""

    where: str
    text: str = ""
    raw: bytes = b""
    pairs: Pairs | None = None


def layers_of(data: bytes, kind: str) -> Iterator[Layer]:
    """Every layer of a file, from the bytes as they are to what is packed in what is packed."""
    if kind == "pdf":
        yield from _of_pdf(data)
    if kind == "parquet":
        yield from _of_parquet(data)
    yield from _unpack(data, kind, DEPTH)


def _unpack(data: bytes, where: str, depth: int) -> Iterator[Layer]:
    yield Layer(where, raw=data)
    for encoding in _encodings(data):
        yield from _texts(data.decode(encoding, errors="replace"), where, depth)
    if depth:
        for name, inner in _packed(data):
            yield from _unpack(inner, f"{where}/{name}", depth - 1)


def _encodings(data: bytes) -> list[str]:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return ["utf-8", "cp1251", "utf-16-le", "utf-16-be"]
    return ["utf-8"]


def _packed(data: bytes) -> Iterator[tuple[str, bytes]]:
    for found in re.finditer(rb"\x78[\x01\x5e\x9c\xda]", data):
        try:
            inner = zlib.decompressobj().decompress(data[found.start() :], 50_000_000)
        except zlib.error:
            continue
        if len(inner) >= 4:
            yield "zlib", inner
    if data.startswith(b"\x1f\x8b"):
        yield "gzip", gzip.decompress(data)
    if data.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield from ((f"zip/{name}", archive.read(name)) for name in archive.namelist())


def _texts(text: str, where: str, depth: int) -> Iterator[Layer]:
    yield Layer(where, text=text)
    seen, plain = {text}, text
    for _ in range(3):
        for unescape in (html.unescape, _unescape, unquote):
            plain = unescape(plain)
            if plain not in seen:
                seen.add(plain)
                yield Layer(f"{where}/unescaped", text=plain)
    if "<" in plain:
        yield Layer(f"{where}/without tags", text=re.sub(r"<[^<>]{0,300}>", "", plain))
    if depth:
        for found in re.finditer(r"[A-Za-z0-9+/_-]{16,}={0,2}", plain):
            for name, inner in _decoded(found.group()):
                yield from _unpack(inner, f"{where}/{name}", depth - 1)


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


def _of_pdf(data: bytes) -> Iterator[Layer]:
    reader = pypdf.PdfReader(io.BytesIO(data))
    yield Layer("pdf/metadata", text="\n".join(str(value) for value in (reader.metadata or {}).values()))
    for name, files in reader.attachments.items():
        yield Layer("pdf/attachment", text=name)
        for inner in files:
            yield from _unpack(inner, "pdf/attachment", 2)
    for number, page in enumerate(reader.pages, 1):
        yield from _texts(page.extract_text(), f"pdf/page {number}", 1)
        for annotation in page.get("/Annots") or ():
            yield from _texts(str(annotation.get_object()), f"pdf/annotation on page {number}", 1)
    for number in range(1, len(reader.xref_objStm) + sum(map(len, reader.xref.values())) + 1):
        found = reader.get_object(pypdf.generic.IndirectObject(number, 0, reader))
        if isinstance(found, pypdf.generic.StreamObject) and found.get("/Subtype") != "/Image":
            yield from _unpack(found.get_data(), f"pdf/object {number}", 1)
        elif found is not None:
            yield from _texts(str(found), f"pdf/object {number}", 1)


def _of_parquet(data: bytes) -> Iterator[Layer]:
    table = pq.read_table(io.BytesIO(data))
    for key, value in (table.schema.metadata or {}).items():
        yield from _texts(f"{key.decode()} {value.decode()}", "parquet/metadata", 2)
    numbers = []
    for name in table.column_names:
        values = table.column(name).to_pylist()
        if any(isinstance(value, bytes) for value in values):
            shapes = shapely.get_coordinates(shapely.from_wkb([value for value in values if value], on_invalid="ignore"))
            yield Layer(f"parquet/column {name}", pairs=shapes)
        elif any(isinstance(value, float) for value in values):
            numbers.append(np.array(values, dtype=float))
        yield from _texts(json.dumps([str(value) for value in values], ensure_ascii=False), f"parquet/column {name}", 1)
    for first in range(len(numbers)):
        for second in range(first + 1, len(numbers)):
            yield Layer("parquet/two columns", pairs=np.column_stack([numbers[first], numbers[second]]))


def find_leaks(data: bytes, kind: str, canaries: Canaries) -> list[str]:
    """What of ``canaries`` the file tells, and in which layer; an empty list says that nothing was found.

    ``kind`` is the ending of the file's name: html, pdf, parquet, json, csv, png, ... (unknown ones are searched as bytes).
    """
    found: dict[str, None] = {}
    seen: set[str | bytes] = set()
    for layer in layers_of(data, kind):
        content = layer.text or layer.raw
        if content and content in seen:
            continue
        seen.add(content)
        for leak in _leaks_in(layer, canaries):
            found[f"{layer.where}: {leak}"] = None
    return sorted(found)


def _leaks_in(layer: Layer, canaries: Canaries) -> Iterator[str]:
    if layer.text:
        if canaries.words:
            yield from _words_in(layer.text, canaries)
        if canaries.phones:
            yield from _phones_in(layer.text, canaries)
    if canaries.points:
        if layer.text:
            yield from _split_coordinates_in(layer.text, canaries)
        for pairs in _pairs_of(layer):
            yield from _points_in(pairs, canaries)


def _words_in(text: str, canaries: Canaries) -> Iterator[str]:
    for fold in FOLDS:
        folded = fold(text)
        joined, parts = compact(folded), re.findall(r"[^\W_]+", folded)
        tokens = {*parts, *map("".join, pairwise(parts))}
        grams = {joined[i : i + GRAM] for i in range(len(joined) - GRAM + 1)}
        for spelling, word in canaries.folded.items():
            if len(spelling) < GRAM or spelling.isdigit():
                if spelling in tokens:
                    yield f"word {word!r}"
            elif spelling[:GRAM] in grams and spelling in joined:
                yield f"word {word!r}"


def _phones_in(text: str, canaries: Canaries) -> Iterator[str]:
    groups = [(m.start(), m.end(), m.group()) for m in re.finditer(r"\d+", unicodedata.normalize("NFKC", text))]
    for first, (_, end, digits) in enumerate(groups):
        for start, stop, more in [*groups[first + 1 : first + 9], (-1, -1, "")]:
            if digits in canaries.numbers:
                yield f"phone {canaries.numbers[digits]!r}"
            gap = text[end:start] if start >= 0 else "end"
            if len(digits) > 15 or not re.fullmatch(r"[\s().\-‐-–/]{1,3}", gap):
                break
            digits, end = digits + more, stop


_NUMBER = re.compile(r"[-−]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_COMMA_NUMBER = re.compile(r"[-−]?\d+(?:,\d+)?")
_SEXAGESIMAL = re.compile(r"(\d{1,3})\s*°\s*(\d{1,2})\s*['′’]\s*(?:(\d{1,2}(?:[.,]\d+)?)\s*(?:\"|″|''|’’)?)?\s*([NSEWСЮВЗ])?")


def _pairs_of(layer: Layer) -> Iterator[Pairs]:
    if layer.pairs is not None:
        yield layer.pairs
    if layer.text:
        for pattern in (_NUMBER, _COMMA_NUMBER):
            yield _neighbours([float(m.replace("−", "-").replace(",", ".")) for m in pattern.findall(layer.text)])
        yield _neighbours([_degrees(*m) for m in _SEXAGESIMAL.findall(layer.text)])
    if layer.raw:
        for size, kind in ((8, "<f8"), (8, ">f8"), (4, "<f4")):
            for offset in range(min(size, len(layer.raw))):
                usable = (len(layer.raw) - offset) // size * size
                with np.errstate(invalid="ignore"):
                    yield _neighbours(np.frombuffer(layer.raw[offset : offset + usable], dtype=kind).astype(float))


def _degrees(degrees: str, minutes: str, seconds: str, side: str) -> float:
    value = float(degrees) + float(minutes) / 60 + float(seconds.replace(",", ".") or 0) / 3600
    return -value if side and side in "SWЮЗ" else value


def _neighbours(numbers: list[float] | npt.NDArray[np.float64]) -> Pairs:
    """Each number with the next, and with the next but one (a height may stand between)."""
    row = np.asarray(numbers, dtype=float)
    return (
        np.concatenate([np.column_stack([row[:-1], row[1:]]), np.column_stack([row[:-2], row[2:]])])
        if len(row) > 1
        else np.empty((0, 2))
    )


def _points_in(pairs: Pairs, canaries: Canaries) -> Iterator[str]:
    pairs = pairs[np.isfinite(pairs).all(axis=1)]
    if not len(pairs):
        return
    for order in (pairs, pairs[:, ::-1]):
        for name, metres in _readings(order, canaries):
            private, allowed = canaries.places
            if not private.n or not len(metres):
                continue
            away, which = private.query(metres, distance_upper_bound=WITHIN_M)
            is_near = np.isfinite(away)
            if allowed is not None and is_near.any():
                is_near[is_near] = allowed.query(metres[is_near])[0] > 1.0
            for number in sorted(set(which[is_near])):
                yield f"place {number} as {name}"


def _readings(pairs: Pairs, canaries: Canaries) -> Iterator[tuple[str, Pairs]]:
    """The pairs in metres, read as degrees (whole or in thousandths to ten-millionths), projected and as web Mercator."""
    low, high = canaries.bounds
    for scale in (1.0, 1e4, 1e5, 1e6, 1e7):
        read = pairs / scale
        read = read[((read > low) & (read < high)).all(axis=1)]
        yield "degrees", canaries.metres(read) if len(read) else read
    private = canaries.places[0].data
    if len(private):
        yield "metres", pairs[((pairs > private.min(axis=0) - 9) & (pairs < private.max(axis=0) + 9)).all(axis=1)]
    web = pairs[(np.abs(pairs) < 2.1e7).all(axis=1) & (np.abs(pairs) > 1e4).any(axis=1)]
    if len(web):
        read = np.column_stack(canaries.from_web.transform(web[:, 0], web[:, 1]))
        read = read[((read > low) & (read < high)).all(axis=1)]
        yield "web Mercator", canaries.metres(read) if len(read) else read


def _split_coordinates_in(text: str, canaries: Canaries) -> Iterator[str]:
    """Places whose longitude and latitude stand apart (a list of each), written with at least six decimals."""
    precise = np.unique([float(number) for number in re.findall(r"-?\d{1,3}\.\d{6,}", text)])
    if not len(precise):
        return
    degrees = np.array(canaries.points)
    allowed = np.array(canaries.allowed).reshape(-1, 2)
    is_there = np.ones(len(degrees), dtype=bool)
    for axis in (0, 1):
        public = np.concatenate([allowed[:, axis], [1e9]])
        candidates = precise[np.abs(precise[:, None] - public[None, :]).min(axis=1) > 1e-5] if len(precise) < 5000 else precise
        nearest = (
            np.abs(degrees[:, axis][:, None] - candidates[None, :]).min(axis=1) if len(candidates) else np.full(len(degrees), 9.0)
        )
        is_there &= nearest < 2e-6
    for number in np.flatnonzero(is_there):
        yield f"place {number} with longitude and latitude apart"
