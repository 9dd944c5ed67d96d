"""The attacks on files: what of the secrets of a study each file of a release tells, and in which layer.

Bytes in, findings out. A finding says where something was found and of what kind it is, never what it is: the report of the
audit may be read by everybody.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pypdf
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject

from tensionmap.protect.audit import pages
from tensionmap.protect.audit.drawings import Frame, drawing_of, frame_of, tells_places
from tensionmap.protect.audit.layers import Layer, image_notes, kind_of, layers_of, without_known_blocks
from tensionmap.protect.audit.peaks import picture_tells_places, raster_tells_places
from tensionmap.protect.audit.places import ways_told
from tensionmap.protect.audit.secrets import Secrets, folds
from tensionmap.tables import RELEASE_TABLES

ATTACKS = {
    "A1": "A file that nobody meant to hand out: not in the manifest, changed since, of a foreign type, hidden.",
    "A2": "A name, a phone or the number of a record, in any layer of a file, in any script and packing.",
    "A2b": "A kind of report that appears on no map, anywhere but in the sentence that says so.",
    "A3": "Degrees that are more exact than a page needs.",
    "A4": "Numbers that are the place of a report: in any order, unit and packing, apart, or moved by noise that can be undone.",
    "A5": "Fields in the data behind a map that the map does not show.",
    "A10": "Notes, scripts, attachments or hidden text in a printed map, or a place of a report among what it draws.",
    "A11": "Notes in a picture, or a surface that peaks at the places of reports.",
    "A12": "A page that could ask for something on the network.",
    "A13": "A table with formulas, with columns that should not be there, or with letters that a spreadsheet garbles.",
}
"""What each attack would find, for the page that tells of the verdict."""

TYPES = frozenset({"html", "pdf", "json", "geojson", "png", "jpg", "csv", "txt", "md"})
"""Endings that a release may hold."""
PUBLIC = "community"
INTERNAL_WITH_PLACES = frozenset({"police"})
"""Audiences whose files hold the places of reports by intent."""
DECIMALS = 5
"""Of a degree in public files: about a metre."""


@dataclass(frozen=True)
class Expected:
    """What the manifest says of a file: its sha256 and whom it is for (community, police, research)."""

    sha256: str
    audience: str


@dataclass(frozen=True, order=True)
class Finding:
    """Something that a file tells and must not: by which attack, in which file, what and in which layer; never the thing."""

    attack: str
    file: str
    what: str


@dataclass
class _Memory:
    """What was found in layers seen before: files of one release share many."""

    words: dict[str, list[str]] = field(default_factory=dict)
    sealed: dict[str, bool] = field(default_factory=dict)
    places: dict[str | bytes, set[str]] = field(default_factory=dict)


@dataclass
class _File:
    """One file under attack, with what is known of it and what is looked for."""

    name: str
    data: bytes
    secrets: Secrets
    memory: _Memory
    expected: Expected | None = None
    known_blocks: frozenset[str] = frozenset()
    frame: Frame | None = None
    columns: frozenset[str] = frozenset()

    @property
    def audience(self) -> str:
        """Whom it is for; a file that nobody expects could go to anybody."""
        return self.expected.audience if self.expected else PUBLIC

    @property
    def may_hold_places(self) -> bool:
        return self.audience in INTERNAL_WITH_PLACES

    @property
    def ending(self) -> str:
        return self.name.rsplit("/", 1)[-1].rpartition(".")[2].lower()

    @cached_property
    def kind(self) -> str:
        return kind_of(self.data, self.ending)

    @cached_property
    def layers(self) -> list[Layer]:
        return list(layers_of(self.data, self.ending, known_blocks=self.known_blocks))

    @cached_property
    def text(self) -> str:
        return without_known_blocks(self.data, self.known_blocks).decode("utf-8-sig", errors="replace")

    @cached_property
    def page(self) -> pages.Page:
        return pages.read_page(self.text)


def attack_files(
    files: Mapping[str, bytes],
    secrets: Secrets,
    *,
    expected: Mapping[str, Expected],
    known_blocks: frozenset[str] = frozenset(),
    frames: Mapping[str, Frame] | None = None,
    columns: frozenset[str] = frozenset(),
) -> list[Finding]:
    """What the files tell and must not, sorted; an empty list says that every attack failed.

    Parameters
    ----------
    files
        Name (relative, with forward slashes) -> bytes.
    secrets
        What to look for.
    expected
        What the manifest says of each allowed file. Files for the police may hold places of reports; no file may hold names,
        phones, numbers of records or sealed kinds. A file that is not expected is attacked as a public one.
    known_blocks
        sha256 (of UTF-8, hexadecimal) of scripts and styles that hold nothing of a study: a vendored library.
    frames
        How the points of a printed map become metres, by file. Where it is not given it is read from what the map draws.
    columns
        Columns that a CSV may have besides those of the tables of its audience.

    Notes
    -----
    *What it does not show.* Counts below thresholds, totals by subtraction and the order of rows are other attacks. A name
    spelled in a way that no folding makes equal, a place told in words, and a secret that nobody listed are not found.
    """
    memory, found = _Memory(), set()
    for number, (name, data) in enumerate(sorted(files.items()), 1):
        file = _File(name, data, secrets, memory, expected.get(name), known_blocks, (frames or {}).get(name), columns)
        shown = f"file {number} of {len(files)}" if _kinds_in(name, secrets, memory) else name
        for attack, tries in _TRIES:
            found |= {Finding(attack, shown, what) for what in tries(file)}
    return sorted(found)


def find_leaks(data: bytes, ending: str, secrets: Secrets) -> list[str]:
    """What of names, numbers, phones and places the bytes tell, and in which layer; sealed kinds are not looked for."""
    file = _File(f"file.{ending}", data, secrets, _Memory())
    return sorted({*_names_and_numbers(file), *_places(file)})


# A1 ------------------------------------------------------------------------------------------------------------------------

_SYSTEM = frozenset({"thumbs.db", "desktop.ini", "__macosx"})
_CONTENT = {"html": "html", "htm": "html", "pdf": "pdf", "png": "png", "jpg": "jpg", "jpeg": "jpg"}


def _foreign_file(file: _File) -> Iterator[str]:
    if file.expected is None:
        yield "a file that the manifest does not name"
    elif hashlib.sha256(file.data).hexdigest() != file.expected.sha256:
        yield "another content than the manifest names"
    parts = file.name.lower().split("/")
    if any(part.startswith((".", "~")) or part in _SYSTEM for part in parts):
        yield "a hidden file, or one that a system left behind"
    if file.ending not in TYPES:
        yield "a type of file that no release holds"
    elif file.kind != _CONTENT.get(file.ending, file.kind) or (file.ending not in _CONTENT and file.kind in _BINARY):
        yield "a content that is not what its name says"
    if any(layer.fault for layer in file.layers):
        yield "a content that cannot be unpacked, and so was not searched"
    if _kinds_in(file.name, file.secrets, file.memory):
        yield "a name or number out of a report, in the name of the file"


_BINARY = frozenset({"pdf", "parquet", "sqlite", "zip", "png", "jpg", "tif", "gz", "html"})


# A2 ------------------------------------------------------------------------------------------------------------------------

_SAID = {
    "name": "a name out of a report",
    "number": "the number of a record, or another mark out of a report",
    "phone": "a phone number out of a report",
}


def _kinds_in(text: str, secrets: Secrets, memory: _Memory) -> list[str]:
    """What kinds of words and phones stand in a text."""
    if text not in memory.words:
        hits = [hit for spaced in folds(text) for hit in secrets.spellings.found_in(spaced)]
        kinds = {kind for kind, _ in hits}
        memory.sealed[text] = any(kind.startswith("sealed:") for kind in kinds)
        found = {kind for kind in kinds if kind in _SAID}
        if secrets.phones and secrets.numbers.is_in(text):
            found.add("phone")
        memory.words[text] = sorted(found)
    return memory.words[text]


def _names_and_numbers(file: _File) -> Iterator[str]:
    for layer in file.layers:
        if layer.text:
            kinds = _kinds_in(layer.text, file.secrets, file.memory)
            yield from (f"{_SAID[kind]}, in {_place_of(layer)}" for kind in kinds)


def _place_of(layer: Layer) -> str:
    """Where a layer was found; a text that was only unescaped, or freed of its tags, is still the same place."""
    return layer.where.replace("/unescaped", "").replace("/without tags", "")


_BREAK = re.compile(r"""[.!?;:<>"{}|\[\]\n\t]+""")
_FEWEST_KINDS = 3


def _sealed_kinds(file: _File) -> Iterator[str]:
    for layer in file.layers:
        if layer.text:
            _kinds_in(layer.text, file.secrets, file.memory)
            if file.memory.sealed[layer.text] and not _only_says_so(layer, file.secrets):
                yield f"a kind of report that appears on no map, in {_place_of(layer)}"


def _only_says_so(layer: Layer, secrets: Secrets) -> bool:
    """Whether sealed kinds are named only in sentences that name most of them at once and count nothing."""
    text = layer.text.replace("\n", " ") if layer.where.startswith("pdf/page") else layer.text
    for spaced in folds(_BREAK.sub("\n", text)):
        sentences: dict[int, set[str]] = {}
        for kind, at in secrets.spellings.found_in(spaced):
            if kind.startswith("sealed:"):
                sentences.setdefault(spaced.rfind(b"\n", 0, at), set()).add(kind)
        for before, kinds in sentences.items():
            sentence = spaced[before + 1 :].split(b"\n", 1)[0]
            if len(kinds) < _FEWEST_KINDS or any(48 <= byte <= 57 for byte in sentence):
                return False
    return True


# A3, A4 --------------------------------------------------------------------------------------------------------------------

_PRECISE = re.compile(rf"-?\d{{1,3}}\.\d{{{DECIMALS + 1},}}")
_OF_DATA = ("html", "json", "csv", "txt")


def _exact_coordinates(file: _File) -> Iterator[str]:
    if file.may_hold_places or not (file.secrets.points or file.secrets.allowed):
        return
    low, high = file.secrets.study
    for layer in file.layers:
        if layer.text and layer.where.split("/")[0] in _OF_DATA:
            numbers = np.array(list(map(float, set(_PRECISE.findall(layer.text)))))
            if any(((numbers > low[axis]) & (numbers < high[axis])).any() for axis in (0, 1)):
                yield f"degrees with more than {DECIMALS} decimals, in {_place_of(layer)}"


def _places(file: _File) -> Iterator[str]:
    if file.may_hold_places:
        return
    for layer in file.layers:
        for way in sorted(_ways(layer, file.secrets, file.memory)):
            yield f"the place of a report ({way}), in {_place_of(layer)}"


def _ways(layer: Layer, secrets: Secrets, memory: _Memory) -> set[str]:
    content = layer.text or layer.raw
    if not content:
        return ways_told(layer, secrets)
    if content not in memory.places:
        memory.places[content] = ways_told(layer, secrets)
    return memory.places[content]


# A5 ------------------------------------------------------------------------------------------------------------------------

_PRIVATE_KEY = re.compile(
    r"(?:^|_)(?:victims?|suspects?|witness(?:es)?|applicants?|complainants?|persons?|surname|patronymic|first_?name|last_?name|"
    r"full_?name|fio|phones?|tel|mobile|e?mail|passport|plate|address|age|sex|gender|ethnicity|nationality|religion|birth\w*|"
    r"incidents?|records?|report_id|case|narrative|description|longitude|latitude|lon|lat|lng|easting|northing)(?:_id)?$",
    re.IGNORECASE,
)


def _hidden_fields(file: _File) -> Iterator[str]:
    if file.kind == "html":
        scripts = (script for script in file.page.scripts if pages.sha256(script) not in file.known_blocks)
        if any(pages.foreign_keys(script) for script in scripts):
            yield "a field that no map shows, in the data of the page"
    elif file.kind == "json":
        try:
            value = json.loads(file.text)
        except ValueError:
            yield "data that cannot be read as JSON"
            return
        if any(_PRIVATE_KEY.search(key) for key in _keys(value)):
            yield "a field about a single report, in the data"
        if not _properties(value) <= {*pages.PROPERTIES, *_columns(file)}:
            yield "a field that no map shows, in the properties of the data"


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _keys(inner)


def _properties(value: Any) -> set[str]:
    """Names of what the features of GeoJSON tell."""
    features = value.get("features", [value]) if isinstance(value, dict) else []
    told = (feature["properties"] for feature in features if isinstance(feature, dict) and "properties" in feature)
    return {key for properties in told if isinstance(properties, dict) for key in properties}


def _columns(file: _File) -> set[str]:
    """Columns of the tables that the audience of a file may see."""
    tables = RELEASE_TABLES.get(file.audience, {}).values()
    return {column.name for table in tables for column in table.columns} | file.columns


# A10 -----------------------------------------------------------------------------------------------------------------------

_FORBIDDEN = {
    "/JS": "a script",
    "/JavaScript": "a script",
    "/OpenAction": "an action on opening",
    "/AA": "an action",
    "/Launch": "an action",
    "/URI": "an address outside the file",
    "/AcroForm": "a form to fill in",
    "/XFA": "a form to fill in",
    "/EmbeddedFiles": "an attachment",
    "/EmbeddedFile": "an attachment",
    "/Filespec": "an attachment",
    "/AF": "an attachment",
    "/RichMedia": "an attachment",
    "/OCProperties": "layers that can be hidden",
    "/OCG": "layers that can be hidden",
    "/VP": "a georeference",
    "/Measure": "a georeference",
    "/LGIDict": "a georeference",
    "/GPTS": "a georeference",
    "/Metadata": "metadata (XMP)",
    "/PieceInfo": "private data of a program",
}
_METADATA: frozenset[str] = frozenset()
"""Keys that the metadata of a sheet may have: none, our own have none."""
_BESIDE_PT = 2.0
_MOST_CORNERS_OF_A_TEXT = 1000
"""Of straight lines: rules and frames of a page of text have some hundreds, a map thousands."""


def _printed_map(file: _File) -> Iterator[str]:
    if file.kind != "pdf":
        return
    try:
        yield from _printed(file)
    except Exception:
        # What a broken or an encrypted file makes the library raise is not to be foreseen.
        yield "a PDF that cannot be taken apart"


def _printed(file: _File) -> Iterator[str]:
    reader = pypdf.PdfReader(io.BytesIO(file.data))
    if set(reader.metadata or {}) - _METADATA:
        yield "metadata"
    if len(re.findall(rb"%%EOF", file.data)) > 1:
        yield "an earlier state of the file, under the last"
    many = len(reader.xref_objStm) + sum(map(len, reader.xref.values()))
    for number in range(1, many + 1):
        yield from _forbidden_in(reader.get_object(IndirectObject(number, 0, reader)))
    yield from (said for page in reader.pages for said in _printed_page(page, file))


def _forbidden_in(found: Any) -> Iterator[str]:
    """What a dictionary of a PDF holds that no sheet of ours does."""
    if isinstance(found, DictionaryObject):
        for key, value in dict.items(found):
            if key in _FORBIDDEN:
                yield _FORBIDDEN[key]
            elif key in ("/Type", "/Subtype", "/S") and str(value) in _FORBIDDEN:
                yield _FORBIDDEN[str(value)]
            yield from _forbidden_in(value)
    elif isinstance(found, ArrayObject):
        for value in list.__iter__(found):
            yield from _forbidden_in(value)


def _printed_page(page: Any, file: _File) -> Iterator[str]:
    if len(page.get("/Annots", ArrayObject()).get_object()):
        yield "an annotation"
    drawing = drawing_of(page, is_text_alone=file.may_hold_places)
    box = page.cropbox
    low, high = (np.array(corner, dtype=float) for corner in (box.lower_left, box.upper_right))
    texts = np.array(drawing.texts).reshape(-1, 2)
    if ((texts < low - _BESIDE_PT) | (texts > high + _BESIDE_PT)).any():
        yield "text beside the page"
    secrets = file.secrets
    if file.may_hold_places or not secrets.points:
        return
    if ways_told(Layer("pdf", pairs=np.array(drawing.operands).reshape(-1, 2)), secrets):
        yield "the place of a report, as the numbers of what is drawn"
    frame = file.frame or frame_of(drawing, secrets)
    if frame is None and secrets.allowed and len(drawing.corners) > _MOST_CORNERS_OF_A_TEXT:
        yield "a map in which no public place is recognised, so that it could not be compared with the places of reports"
    if frame is not None and tells_places(drawing.places, frame, secrets):
        yield "the place of a report, as the place of what is drawn"


# A11 -----------------------------------------------------------------------------------------------------------------------

_PICTURE = re.compile(r"data:image/(?:png|jpe?g);base64,([A-Za-z0-9+/=]+)")


def _pictures(file: _File) -> Iterator[str]:
    if any(image_notes(picture) for picture in _pictures_of(file)):
        yield "notes in a picture (text, EXIF, position)"
    if file.may_hold_places or not file.secrets.points:
        return
    if file.kind == "tif" and raster_tells_places(file.data, file.secrets):
        yield "a surface that peaks at the places of reports"
    if file.kind == "html":
        laid = (overlay for script in file.page.scripts for overlay in pages.overlays_of(script))
        if any(picture_tells_places(picture, bounds, file.secrets) for picture, bounds in laid):
            yield "a surface that peaks at the places of reports, laid over the map"


def _pictures_of(file: _File) -> Iterable[bytes]:
    if file.kind in ("png", "jpg"):
        return [file.data]
    if file.kind == "html":
        return [pages.as_bytes(found) for found in sorted(set(_PICTURE.findall(file.text)))]
    return []


# A12 -----------------------------------------------------------------------------------------------------------------------


def _requests(file: _File) -> Iterator[str]:
    if file.kind == "html":
        yield from pages.faults_of_rules(file.page)
        yield from pages.requests_of(file.page, file.known_blocks)


# A13 -----------------------------------------------------------------------------------------------------------------------

_NUMBER = re.compile(r"-\d+(?:[.,]\d+)?%?")


def _tables(file: _File) -> Iterator[str]:
    if file.ending != "csv":
        return
    if file.audience == PUBLIC and not file.data.startswith(b"\xef\xbb\xbf") and not file.data.isascii():
        yield "letters that a spreadsheet garbles: no byte order mark"
    delimiter = max(";\t|,", key=file.text.partition("\n")[0].count)
    rows = list(csv.reader(io.StringIO(file.text), delimiter=delimiter))
    if rows and not {heading.strip() for heading in rows[0]} <= _columns(file):
        yield "a column that no table of this audience has"
    if any(_is_formula(cell) for row in rows for cell in row):
        yield "a cell that a spreadsheet takes for a formula"


def _is_formula(cell: str) -> bool:
    return cell.startswith(("=", "+", "-", "@", "\t", "\r")) and not _NUMBER.fullmatch(cell)


_TRIES: tuple[tuple[str, Callable[[_File], Iterator[str]]], ...] = (
    ("A1", _foreign_file),
    ("A2", _names_and_numbers),
    ("A2b", _sealed_kinds),
    ("A3", _exact_coordinates),
    ("A4", _places),
    ("A5", _hidden_fields),
    ("A10", _printed_map),
    ("A11", _pictures),
    ("A12", _requests),
    ("A13", _tables),
)
