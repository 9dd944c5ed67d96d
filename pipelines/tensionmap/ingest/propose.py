"""A raw file -> how it is probably read: its reader, which header is which of our columns, and every doubt in a sentence.

A column is proposed where one header alone speaks for it and its cells do not speak against it. Where two could be meant, or
the cells prove nothing, it is told and left to the person: a wrong proposal is worse than none.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import rasterio
from rasterio.errors import RasterioError
from rasterio.windows import Window

from tensionmap.errors import RawDataError
from tensionmap.ingest import osm
from tensionmap.ingest.claims import STATUSES
from tensionmap.ingest.coordinates import Axis, parse_coordinate
from tensionmap.ingest.dates import parse_date
from tensionmap.ingest.drafts import DRAFT_COLUMNS, plain
from tensionmap.ingest.grids import GEOMETRY, Grid, read_grids
from tensionmap.ingest.places import fold
from tensionmap.ingest.rasters import ELEVATIONS_M, WORLD_COVER
from tensionmap.ingest.readers import READERS
from tensionmap.ingest.resources import HYDRORIVERS
from tensionmap.ingest.services import GEONAMES, PRECISION_M
from tensionmap.ingest.taxonomy import Taxonomy
from tensionmap.ingest.tiles import DRIVERS
from tensionmap.ingest.vectors import is_osm, is_vector, read_vector
from tensionmap.ingest.writing import is_unknown
from tensionmap.tables import RESOURCE_KINDS, SERVICE_KINDS

Area = tuple[float, float, float, float]
Numbers = np.ndarray[Any, np.dtype[np.float64]]

SAMPLE = 20_000
"""Rows that are looked at."""

MOST_TEXTS = 150
"""Different cells of a column by which it is judged what it holds."""

_LONG = 40
"""Cells that are longer on average are free text; no longer word is repeated."""

_NEAR = 0.75
"""How alike a word must be to one that is known to be proposed as it."""

_FEWEST = 3
"""A word of fewer rows is not repeated: it may be what somebody wrote about somebody."""

_MOST_TOLD = 6
"""If more columns than these could be meant, none is named."""

_LONGEST_HEADER = 80

_FORMS = ("kobo", "odk")

REPORT_WORDS = {
    "record_id": "id, record id, incident id, incident key, event id, case number, case id, record number, №, № п/п, номер, "
    "номер записи, № записи, номер дела, № дела, ид, № сабт, рақами сабт, рақам, каттоо номери, номери, raqami, қайд рақами, "
    "qayd raqami, folio, número",
    "date": "date, event date, incident date, date of incident, date start, start date, occurred, occur date, month, datetime, "
    "дата, дата происшествия, дата события, дата инцидента, дата совершения, дата и время, дата начала, сана, санаи ҳодиса, "
    "таърих, таърихи ҳодиса, рӯзи ҳодиса, күнү, окуянын күнү, датасы, дата күнү, sana, sanasi, hodisa sanasi, санаси, "
    "ҳодиса санаси, fecha, fecha hecho, fecha hechos, data do fato, datum",
    "date_end": "date end, end date, дата окончания, дата завершения, дата конца, санаи анҷом, таърихи анҷом, аяктаган күнү, "
    "бүткөн күнү, tugash sanasi, тугаш санаси, fecha fin",
    "date_reported": "date reported, reported date, reported on, date rptd, report date, date of report, registered on, "
    "date registered, registration date, date of registration, date received, received on, дата регистрации, "
    "дата и время регистрации, дата регистрации происшествия, дата регистрации сообщения, дата регистрации в кусп, "
    "зарегистрировано, дата сообщения, дата заявления, дата обращения, дата поступления, санаи бақайдгирӣ, санаи қайд, "
    "таърихи бақайдгирӣ, рӯзи бақайдгирӣ, санаи муроҷиат, катталган күнү, каттоо күнү, катталган датасы, каттоо датасы, "
    "кайрылган күнү, ro'yxatga olingan sana, ro'yxatga olish sanasi, qayd etilgan sana, qayd sanasi, murojaat sanasi, "
    "рўйхатга олинган сана, рўйхатга олиш санаси, қайд этилган сана, қайд санаси, мурожаат санаси",
    "latitude": "latitude, lat, широта, арз, арзи ҷуғрофӣ, кеңдик, кенглик, kenglik, latitud, zeměpisná šířka",
    "longitude": "longitude, lon, long, lng, долгота, тӯл, тӯли ҷуғрофӣ, узундук, узунлик, uzunlik, longitud, zeměpisná délka",
    "easting": "easting, восточная координата, восточное положение",
    "northing": "northing, северная координата, северное положение",
    "precision_m": "precision m, precision, accuracy, точность, точность м, дақиқӣ, дақиқӣ м, тактык, тактыгы, аниқлик, aniqlik",
    "place": "place, village, settlement, location, locality, place name, место, место происшествия, село, населенный пункт, "
    "нас пункт, ҷой, ҷойи ҳодиса, деҳа, маҳалли аҳолинишин, айыл, айылы, орду, окуя болгон жер, калктуу конуш, joy, joyi, "
    "hodisa joyi, қишлоқ, qishloq, жой, lugar, localidad, obec",
    "district": "district, район, ноҳия, району, tuman, туман, rayon, municipality, municipio, okres",
    "category": "category, offence, offense, crime, crime type, offence type, offense type, incident type, "
    "event type, type, kind, категория, вид, тип, вид происшествия, вид преступления, тип происшествия, происшествие, "
    "навъ, навъи ҳодиса, намуд, "
    "намуди ҳодиса, категорияи ҳодиса, түрү, окуянын түрү, кылмыштын түрү, turi, hodisa turi, toifa, toifasi, тури, "
    "ҳодиса тури, тоифа, тоифаси, delito",
    "resource": "resource, about, subject of dispute, предмет спора, предмет, из-за чего, мавзӯи баҳс, сабаби баҳс, "
    "талаш предмети, nizo predmeti, низо предмети",
    "severity": "bar scale, bar",
    "text": "text, description, narrative, story, note, notes, comment, comments, remarks, summary, описание, примечание, "
    "комментарий, фабула, краткое описание, шарҳ, тавсиф, эзоҳ, мазмун, сүрөттөмө, баяндама, эскертүү, tavsif, izoh, мазмуни, "
    "изоҳ, descripción, popis",
    "reported_by": "reported by",
    "date_precision": "date precision",
    "location_kind": "location kind",
    "verification": "verification",
}
"""Our column -> headers by which registers call it. Compared folded, so that script, capitals and accents do not count."""

LAYER_WORDS = {
    "settlements": {
        "settlement_id": "settlement id, id, geonameid, pcode, code",
        "name": "name, settlement, village, place name, название, наименование, населенный пункт, ном, номи деҳа, аталышы, nomi, "
        "номи, nombre",
        "name_local": "name local, local name",
        "alternatives": "alternatives, alternatenames, alternate names, other names, alt names, alt name",
        "kind": "kind",
        "residents": "residents, population, pop, население, численность населения, жители, аҳолӣ, "
        "калк, калкы, aholi, aholisi, аҳоли",
        "precision_m": "precision m",
        "district": REPORT_WORDS["district"],
        "longitude": REPORT_WORDS["longitude"],
        "latitude": REPORT_WORDS["latitude"],
    },
    "claims": {name: name for name in ("claim_id", "claimant", "kind", "status", "date_from", "date_to", "source")},
    "resources": {
        "resource_id": "resource id, id",
        "kind": "kind, type",
        "name": "name, название, ном, аталышы, nomi",
        **{name: name for name in ("season_from", "season_to")},
        "longitude": REPORT_WORDS["longitude"],
        "latitude": REPORT_WORDS["latitude"],
    },
    "services": {
        "service_id": "service id, id",
        "kind": "kind, type",
        "name": "name, название, ном, аталышы, nomi",
        "longitude": REPORT_WORDS["longitude"],
        "latitude": REPORT_WORDS["latitude"],
    },
}

_NOT_MEANT = {
    "date": "registration, registered, reported, report, rpt, created, updated, modified, published, submission, submitted, "
    "entry, source, doc, birth, регистрации, сообщения, рождения, обращения, заявления, поступления, внесения, "
    "обновления, возбуждения, "
    "бақайдгирӣ, сабт, таваллуд, пешниҳод, катталган, каттоо, туулган, tugilgan, қайд, qayd, roʻyxat, nacimiento",
    "category": "location, loc, place, victim, sex, vehicle, weather, participant, participants, road, age, место, места, "
    "жертвы, пол, погода, участник, дорога, транспорт, id, код, code, date, дата",
    "place": "type, category, kind, id, code, код, тип, вид, номер, рождения, birth, работы, жительства",
}
"""Words in a header that say that it is another date, kind or place than that of what happened."""
_PAIR = frozenset(map(fold, ("coordinates", "координаты", "gps", "координатҳо", "koordinatalar", "координаталар", "geopoint")))
_TWO_NUMBERS = re.compile(r"\d[.,°]\d+\D+\d+[.,°]\d")
_X_Y = frozenset(map(fold, ("x", "y", "coord x", "coord y", "коорд x", "коорд y", "координата x", "координата y")))
_ADMIN = re.compile(r"adm(in)?[0-4]|district|province|region|raion|oblast|nuts|country|p_?code|name", re.IGNORECASE)
_ORDER = re.compile(r"(\d{1,4})([./ -])(\d{1,2})\2(\d{4}|\d{2})(?=$|[T ,;–—-])")


@dataclass(frozen=True)
class Word:
    """A category word that the taxonomy does not know, the nearest category if one is near, and the rows that hold it."""

    text: str
    nearest: str | None
    rows: int


@dataclass(frozen=True)
class Proposal:
    """How a file is probably read. ``reader`` is None where that cannot be told; ``doubts`` are sentences for the person.

    ``columns`` maps our names to headers. ``date_format`` is there only if cells prove it. No cell is repeated but short
    category words (``words``) that occur several times.
    """

    reader: str | None
    sheet: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    date_format: str | None = None
    words: tuple[Word, ...] = ()
    doubts: tuple[str, ...] = ()


def propose(path: Path, *, file: str, taxonomy: Taxonomy, area: Area | None) -> Proposal:
    """How the file is probably read: reader, sheet, columns, format of dates, unknown categories, doubts. Never raises.

    Parameters
    ----------
    path, file
        The file, and its name for sentences.
    taxonomy
        Words that are known for categories and resources.
    area
        West, south, east, north of the study area in degrees, by which latitude and longitude are told apart.

    Notes
    -----
    Judged are the headers and at most ``SAMPLE`` rows; what stands only further below is not seen. A text file is besides
    passed through once to find its encoding.
    """
    try:
        if path.suffix.lower() in DRIVERS:
            return _of_raster(path, file)
        if is_osm(path):
            return Proposal(None, doubts=(_several(file, tuple(osm.TAGS)),))
        return _of_grids(path, [grid for grid in read_grids(path, file=file) if grid.head], file, taxonomy, area)
    except RawDataError as error:
        return Proposal(None, doubts=(str(error),))


def as_toml(proposal: Proposal, name: str) -> str:
    """The block ``[ingest.files.NAME]`` for the source ``name``, to append to study.toml; empty if there is nothing to say."""
    keys = {key: value for key in ("sheet", "date_format") if (value := getattr(proposal, key)) is not None}
    if not (keys or proposal.columns or proposal.words or proposal.doubts):
        return ""
    table = f"ingest.files.{name if re.fullmatch('[A-Za-z0-9_-]+', name) else _quoted(name)}"
    lines = ["", f"[{table}]", *(_comment(doubt) for doubt in proposal.doubts)]
    lines += [f"{key} = {_quoted(value)}" for key, value in keys.items()]
    if proposal.columns:
        lines += ["", f"[{table}.columns]", *(f"{ours} = {_quoted(theirs)}" for ours, theirs in proposal.columns.items())]
    if proposal.words:
        lines += [
            "",
            f"[{table}.words]",
            "# Not known by these words; correct the category behind each, and take the first # away.",
        ]
        lines += [f"# {_quoted(w.text)} = {_quoted(w.nearest or '?')}  # {w.rows} rows" for w in proposal.words]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """A basic string of TOML: it escapes as JSON does, and the sign 127 besides."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f").encode("utf-8", "replace").decode()


def _comment(text: str) -> str:
    return "# " + re.sub(r"[\x00-\x1f\x7f]+", " ", text).encode("utf-8", "replace").decode()


# What a column holds


@dataclass(frozen=True)
class _Column:
    """A column of the sample: its header, and each different cell that is not empty with its number of rows."""

    header: str
    values: Any
    counts: Any
    rows: int

    @cached_property
    def texts(self) -> list[str]:
        """Some of the different cells."""
        return cast("list[str]", self.values[:MOST_TEXTS].to_pylist())

    @property
    def filled(self) -> int:
        """Rows with a cell."""
        return int(self.counts.sum()) if len(self.counts) else 0

    @cached_property
    def question(self) -> str:
        """The header, folded, without the groups of a form and what stands in brackets."""
        last = self.header.rsplit("/", 1)[-1]
        return fold(last.partition("(")[0]) or fold(last)

    @cached_property
    def numbers(self) -> Numbers:
        """``texts`` as numbers, NaN where one is none."""
        return np.array([_number(text) for text in self.texts], dtype=np.float64)

    def share(self, test: Callable[[str], bool]) -> float:
        """Share of the rows of ``texts`` that pass."""
        rows = self.counts[:MOST_TEXTS]
        return float(np.average([test(text) for text in self.texts], weights=rows)) if self.texts else 0.0

    @property
    def is_numeric(self) -> bool:
        """Whether nearly all are plain numbers."""
        return self.share(lambda text: np.isfinite(_number(text))) > 0.9

    @property
    def is_long(self) -> bool:
        """Whether the cells are free text."""
        return self.share(lambda text: len(text) > _LONG and text.count(" ") > 3) > 0.3

    @property
    def is_unique(self) -> bool:
        """Whether every row has a cell of its own, short and with a digit: a number of the record."""
        is_code = self.share(lambda text: len(text) <= _LONG and any(sign.isdigit() for sign in text)) > 0.95
        return self.rows > 2 and self.filled >= 0.95 * self.rows and len(self.values) >= 0.98 * self.filled and is_code


def _number(text: str) -> float:
    return float(text.replace(",", ".")) if re.fullmatch(r"[+-]?\d+([.,]\d+)?", text) else np.nan


def _is_date(text: str) -> bool:
    """Whether a cell alone looks like a date; a bare number does not."""
    if len(text) > _LONG or _number(text) == _number(text):
        return False
    return bool(_ORDER.match(text)) or _parses(text)


def _parses(text: str) -> bool:
    try:
        parse_date(text)
    except RawDataError:
        return False
    return True


def _is_degrees(text: str, axis: Axis) -> bool:
    try:
        parse_coordinate(text, axis=axis)
    except RawDataError:
        return False
    return True


@dataclass(frozen=True)
class _Seen:
    """The table of the file that was looked at, with what is known about study and file."""

    file: str
    columns: list[_Column]
    taxonomy: Taxonomy
    area: Area | None
    is_layer: bool
    sheet: str | None
    doubts: list[str]

    def fits(self, name: str, column: _Column) -> bool:
        """Whether the cells do not speak against ``column`` being our column ``name``."""
        test = _FITS.get(name)
        return not column.texts or test is None or test(self, column)

    def knows_category(self, text: str) -> bool:
        """Whether the taxonomy knows the word."""
        return fold(text) in self.taxonomy.category_words

    def knows_resource(self, text: str) -> bool:
        """Whether the taxonomy knows what it is about."""
        return fold(text) in self.taxonomy.resource_words


def _is_of_degrees(axis: Axis) -> Callable[[_Seen, _Column], bool]:
    return lambda _, column: column.share(lambda text: _is_degrees(text, axis) or is_unknown(text)) > 0.8


def _is_when(_: _Seen, column: _Column) -> bool:
    def is_named(text: str) -> bool:  # under a header that says so, a year or a spreadsheet's day number is a date too
        return _is_date(text) or re.fullmatch(r"(19|20)\d\d|[34]\d{4}(\.\d+)?", text) is not None

    return column.share(is_named) > 0.6


def _is_small_word(_: _Seen, column: _Column) -> bool:
    return not column.is_numeric and not column.is_long and column.share(_is_date) < 0.5


_FITS: dict[str, Callable[[_Seen, _Column], bool]] = {
    "record_id": lambda _, column: len(column.values) >= 0.9 * column.filled and not column.is_long,
    "date": _is_when,
    "date_end": _is_when,
    "date_reported": _is_when,
    "latitude": _is_of_degrees("latitude"),
    "longitude": _is_of_degrees("longitude"),
    "easting": lambda _, column: column.is_numeric and bool(np.nanmin(np.abs(column.numbers)) > 1000),
    "northing": lambda _, column: column.is_numeric and bool(np.nanmin(np.abs(column.numbers)) > 1000),
    "precision_m": lambda _, column: column.share(lambda text: re.match(r"[\d.,]+", text) is not None) > 0.8,
    "place": _is_small_word,
    "district": _is_small_word,
    "name": _is_small_word,
    "category": lambda seen, column: _is_small_word(seen, column) and _is_vocabulary(column),
    "resource": lambda seen, column: column.share(seen.knows_resource) > 0.3,
    "severity": lambda _, column: column.is_numeric and bool(np.nanmax(np.abs(column.numbers)) <= 7),
    "text": lambda _, column: not column.is_numeric and column.share(_is_date) < 0.5,
    "residents": lambda _, column: column.is_numeric,
}


def _is_vocabulary(column: _Column) -> bool:
    """Whether few words come again and again; of a short table nothing can be said."""
    return len(column.values) <= max(40, 0.1 * column.filled)


# Which header is meant


def _phrases(words: Mapping[str, str]) -> dict[str, str]:
    """Folded phrase -> our column."""
    found = {fold(phrase): name for name, phrases in words.items() for phrase in (name, *phrases.split(", "))}
    found.pop("", None)
    return found


# Registers call many things severity; only the person knows whether it is the BAR scale.
_REPORT_PHRASES = {phrase: name for phrase, name in _phrases(REPORT_WORDS).items() if phrase != fold("severity")}
_ALL_PHRASES = {phrase for words in (REPORT_WORDS, *LAYER_WORDS.values()) for phrase in _phrases(words)}
_FOLDED_NOT_MEANT = {name: frozenset(map(fold, words.split(", "))) for name, words in _NOT_MEANT.items()}
_ONLY_WHOLE = frozenset(
    map(fold, ("id", "номер", "№", "type", "kind", "вид", "тип", "long", "note", "code", "предмет", "about", "crime"))
)
_ONLY_WHOLE |= frozenset(phrase for phrase, name in _REPORT_PHRASES.items() if name == "date_reported")
"""Phrases that say too little inside a longer header; a registration may be that of a car or a birth."""


def _meant(column: _Column, phrases: Mapping[str, str]) -> tuple[str, bool] | None:
    """Our column that a header names, and whether it names nothing else: the longest phrase in it counts."""
    header, words = column.question, set(fold(column.header).split())
    inside = [p for p in phrases if p not in _ONLY_WHOLE and f" {p} " in f" {header} "] if column.texts else []
    name = phrases.get(header) or (phrases[max(inside, key=len)] if inside else None)
    if name is None or (header not in phrases and _FOLDED_NOT_MEANT.get(name, frozenset()) & words):
        return None
    return name, header in phrases


def _by_header(seen: _Seen, phrases: Mapping[str, str], without: Iterable[str] = ()) -> dict[str, _Column]:
    """Our column -> the one column whose header names it best and whose cells agree; equally good ones are told."""
    candidates: dict[str, list[tuple[bool, _Column]]] = {}
    for column in seen.columns:
        meant = _meant(column, phrases)
        if meant and meant[0] not in without and seen.fits(meant[0], column):
            candidates.setdefault(meant[0], []).append((meant[1], column))
    chosen = {}
    for name, found in candidates.items():
        best = [column for is_whole, column in found if is_whole == max(is_whole for is_whole, _ in found)]
        if len(best) == 1:
            chosen[name] = best[0]
        else:
            seen.doubts.append(f"{name}: equally likely are {_listed(best)}; name one under columns.")
    return chosen


def _listed(columns: Iterable[_Column]) -> str:
    return ", ".join(repr(column.header) for column in columns)


def _by_cells(seen: _Seen, chosen: dict[str, _Column], name: str, test: Callable[[_Column], bool], told: str) -> None:
    """Give ``name`` the one column left whose cells pass, if no header named it; of several it is told."""
    if name in chosen or any(doubt.startswith(f"{name}: equally") for doubt in seen.doubts):
        return
    taken = [column.header for column in chosen.values()]
    found = [column for column in seen.columns if column.header not in taken and column.texts and test(column)]
    if len(found) == 1:
        chosen[name] = found[0]
        seen.doubts.append(
            f"{name}: only the cells of {found[0].header!r} look like {told}, not its header; see whether it is meant."
        )
    elif 1 < len(found) <= _MOST_TOLD:
        seen.doubts.append(f"{name}: the cells of {_listed(found)} look like {told}; name the one that is meant under columns.")


# Tables and layers


def _of_grids(path: Path, grids: list[Grid], file: str, taxonomy: Taxonomy, area: Area | None) -> Proposal:
    if not grids:
        return Proposal(None, doubts=(f"{file} has no rows.",))
    special = next((name for name in READERS if name != "table" and any(_recognises(name, grid) for grid in grids)), None)
    if special and special not in _FORMS:
        return Proposal(special)
    if not special and len(grids) == 1 and _is_geonames(grids[0]):
        return Proposal("settlements")
    grid, at, doubts = _chosen(grids, special)
    if not special and _is_data(grid.head[at][1]):
        return Proposal(
            None, doubts=(f"{file}: no row of headers was found. Put one above the first row in a copy of the file.",)
        )
    sheet = grid.sheet if len(grids) > 1 and not doubts else None
    seen = _Seen(file, _columns(grid, at, doubts), taxonomy, area, is_vector(path), sheet, doubts)
    if special:
        return _of_form(seen, special)
    return _of_layer(seen, path, grid) if seen.is_layer else _of_table(seen)


def _recognises(reader: str, grid: Grid) -> bool:
    return any(READERS[reader].recognises(frozenset(map(plain, cells))) for _, cells in grid.head[:50])


def _is_geonames(grid: Grid) -> bool:
    first = grid.head[0][1]
    if {"feature_class", "feature_code", "alternatenames"} <= set(first):
        return True
    return len(first) == len(GEONAMES) and all(_number(first[place]) == _number(first[place]) for place in (0, 4, 5))


def _chosen(grids: list[Grid], reader: str | None) -> tuple[Grid, int, list[str]]:
    """The grid and the row in it with most headers that are known, and a doubt if several grids are equally good."""

    def score(grid: Grid, cells: Sequence[str]) -> tuple[bool, int, int]:
        short = {fold(cell.rsplit("/", 1)[-1]) for cell in cells if 0 < len(cell) <= _LONGEST_HEADER}
        known = sum(any(f" {phrase} " in f" {header} " for phrase in _ALL_PHRASES) for header in short)
        words = sum(_number(cell) != _number(cell) for cell in cells if cell)
        is_own = bool(reader) and READERS[str(reader)].recognises(frozenset(map(plain, cells)))
        return is_own, known, words if len(grid.head) > 1 else 0

    best = [max((score(grid, cells), -at) for at, (_, cells) in enumerate(grid.head[:30])) for grid in grids]
    place = best.index(max(best, key=lambda found: found[0]))
    same = [repr(grid.sheet) for grid, found in zip(grids, best, strict=True) if found[0][:2] == best[place][0][:2]]
    told = [f"sheet: {', '.join(same)} have the same headers; only one is read. Name it as sheet, or save each as its own file."]
    return grids[place], -best[place][1], told if len(same) > 1 else []


def _is_data(cells: Sequence[str]) -> bool:
    """Whether a row is no header, since numbers and dates stand in it; what it holds is then nobody's business."""
    filled = [cell for cell in cells if cell]
    return sum(_is_date(cell) or _number(cell) == _number(cell) for cell in filled) >= max(1, 0.2 * len(filled))


def _columns(grid: Grid, at: int, doubts: list[str]) -> list[_Column]:
    """The columns below the header, as far as the sample; those without a header of their own are left out."""
    headers = grid.head[at][1]
    same = Counter(" ".join(header.split()) for header in headers)
    parts: list[list[Any]] = [[] for _ in headers]
    rows = 0
    with closing(cast("Any", grid.below(at))) as pieces:
        for piece in pieces:
            for part, column in zip(parts, piece.columns, strict=False):
                part.extend(column.slice(0, SAMPLE - rows).chunks)
            rows += min(len(piece.rows), SAMPLE - rows)
            if rows >= SAMPLE:
                break
    if twice := sorted(header for header in same if header and same[header] > 1):
        doubts.append(
            f"Several columns have the same header: {', '.join(map(repr, twice))}. Give each its own in a copy of the file."
        )
    is_told_apart = [same[" ".join(header.split())] == 1 and 0 < len(header) <= _LONGEST_HEADER for header in headers]
    alone = [found for found, is_apart in zip(zip(headers, parts, strict=True), is_told_apart, strict=True) if is_apart]
    return [_column(header, pa.chunked_array(part, pa.large_string()), rows) for header, part in alone if header not in GEOMETRY]


def _column(header: str, cells: Any, rows: int) -> _Column:
    counted = pc.value_counts(cells.filter(pc.not_equal(cells, "")))
    return _Column(header, counted.field(0), counted.field(1).to_numpy(zero_copy_only=False), rows)


def _of_form(seen: _Seen, reader: str) -> Proposal:
    """KoboToolbox and ODK Central: questions; record, point and day of reporting are the reader's own business."""
    headers = {column.header for column in seen.columns}
    ends = {"kobo": r"(?P<group>.*/)?_(?P<name>[^/]+)_latitude", "odk": r"(?P<group>)(?P<name>.+)-Latitude"}[reader]
    points = [(found["group"] or "") + found["name"] for header in sorted(headers) if (found := re.fullmatch(ends, header))]
    points = [point for point in points if "start-geopoint" not in point and "start_geopoint" not in point]
    questions = [
        column
        for column in seen.columns
        if column.header.rpartition("/")[0] not in headers and not column.header.rsplit("/", 1)[-1].startswith("_")
    ]
    asked = _Seen(seen.file, questions, seen.taxonomy, seen.area, False, seen.sheet, seen.doubts)
    own = ("record_id", "date_reported", "latitude", "longitude", "easting", "northing", "precision_m", "verification")
    chosen = _by_header(asked, _REPORT_PHRASES, without=own)
    location = {"location": points[0]} if len(points) == 1 else {}
    if len(points) > 1:
        seen.doubts.append(f"location: the form asks for several points: {', '.join(map(repr, points))}; name one under columns.")
    return _of_reports(asked, reader, chosen, location, has_position=bool(points))


def _of_table(seen: _Seen) -> Proposal:
    """A register, or a table of settlements, resources or services with longitude and latitude."""
    reports = _reports(seen)
    placed = {"latitude", "longitude"} <= set(reports)
    if placed and not {"date", "category"} & set(reports) and (layer := _layer_reader(seen, is_point=True)):
        return _of_layer_columns(seen, layer)
    if not ("date" in reports or (placed and {"category", "place", "text"} & set(reports))):
        told = "Neither dates nor places with a text were found, so it looks like no file of reports or of places."
        return Proposal(None, seen.sheet, doubts=(told,))
    return _of_reports(seen, "table", reports, {}, has_position=placed or "easting" in reports)


def _reports(seen: _Seen) -> dict[str, _Column]:
    """The columns of reports, by header and by cells."""
    without = ("latitude", "longitude", "easting", "northing") if seen.is_layer else ()
    chosen = _by_header(seen, _REPORT_PHRASES, without)
    if not seen.is_layer:
        _positions(seen, chosen)
    dates = [column for column in seen.columns if column.share(_is_date) > 0.8]
    meant = [column for column in dates if not _FOLDED_NOT_MEANT["date"] & set(column.question.split())]
    _by_cells(seen, chosen, "date", lambda column: column in meant, "dates")
    if "date" not in chosen and not meant and dates:
        seen.doubts.append(f"date: {_listed(dates)} holds dates, but by its header not of what happened.")
    _by_cells(seen, chosen, "category", lambda column: column.share(seen.knows_category) > 0.6, "categories")
    _by_cells(seen, chosen, "record_id", lambda column: _is_record(column, dates), "numbers of records")
    return chosen


def _is_record(column: _Column, dates: list[_Column]) -> bool:
    has_decimals = column.is_numeric and any(sign in text for text in column.texts for sign in ".,")
    is_name = column.share(lambda text: sum(sign.isalpha() for sign in text) > 8) > 0.1
    return column.is_unique and column not in dates and not has_decimals and not is_name


def _of_reports(seen: _Seen, reader: str, chosen: dict[str, _Column], more: Mapping[str, str], *, has_position: bool) -> Proposal:
    """The proposal for reports, with what is told about their dates, categories, places and texts."""
    for name, advice in (("date", "the header of the day on which it happened"), ("category", "the header of what happened")):
        if name not in chosen:
            seen.doubts.append(f"{name}: not found. Give {advice} under columns, or one value for all rows under values.")
    if not has_position and "place" not in chosen:
        seen.doubts.append("place: neither coordinates nor names of places were found; without them a report has no place.")
    date_format = _date_format(seen, [chosen[name] for name in ("date", "date_end") if name in chosen])
    words = _unknown_words(seen, chosen["category"]) if "category" in chosen else ()
    _tell_rows(seen, chosen)
    order = {name: place for place, name in enumerate(DRAFT_COLUMNS)}
    columns = {name: chosen[name].header for name in sorted(chosen, key=lambda name: order[name])} | dict(more)
    return Proposal(reader, seen.sheet, columns, date_format, words, tuple(seen.doubts))


def _tell_rows(seen: _Seen, chosen: Mapping[str, _Column]) -> None:
    taken = {column.header for column in chosen.values()}
    if "date" in chosen and (lacking := chosen["date"].rows - chosen["date"].filled):
        seen.doubts.append(f"date: {lacking} of the first {chosen['date'].rows} rows have none and would be set aside.")
    if "date" in chosen and len(chosen["date"].texts) > 2 and chosen["date"].share(lambda text: _is_first_day(text)) == 1:
        seen.doubts.append(
            'date: every one is the first of a month; if only the month is known, write date_precision = "month" under values.'
        )
    if texts := [column for column in seen.columns if column.is_long and column.header not in taken]:
        seen.doubts.append(
            f"text: {_listed(texts)} holds long texts and would not be read; name it under columns if it tells what happened."
        )
    never = {"latitude", "longitude"} if seen.is_layer else set()
    own = [column for column in seen.columns if plain(column.header) in {*DRAFT_COLUMNS} - never - set(chosen)]
    if own := [column for column in own if column.header not in taken]:
        seen.doubts.append(
            f"{_listed(own)}: our own name, so it is read as such, though nothing else speaks for it. "
            "If it is something else, give it another header in a copy of the file."
        )


def _is_first_day(text: str) -> bool:
    return re.match(r"\d{4}-\d\d-01(?!\d)", text) is not None


def _unknown_words(seen: _Seen, column: _Column) -> tuple[Word, ...]:
    """Category words that are not known, most frequent first. Long ones, numbers and those that stand once are only counted."""
    spelt: dict[str, Counter[str]] = {}
    for text, rows in zip(column.values.to_pylist(), column.counts.tolist(), strict=True):
        if not is_unknown(text):
            spelt.setdefault(fold(text), Counter())[text] += rows
    known = seen.taxonomy.category_words
    read, words, others = [], [], 0
    for folded, spellings in sorted(spelt.items(), key=lambda item: (-item[1].total(), item[0])):
        text, rows = spellings.most_common(1)[0][0], spellings.total()
        if folded in known:
            read.append(f"{text} = {known[folded]}")
        elif rows >= _FEWEST and _is_short_word(text):
            near = get_close_matches(folded, known, n=1, cutoff=_NEAR)
            words.append(Word(text, known[near[0]] if near else None, rows))
        else:
            others += rows
    if read:
        seen.doubts.append(f"category: these words are known; correct under words what means otherwise here: {', '.join(read)}.")
    if others:
        seen.doubts.append(
            f"category: in {others} rows it is not known, and seldom, long or with numbers; they would be set aside."
        )
    return tuple(words)


def _is_short_word(text: str) -> bool:
    return len(text) <= _LONG and len(text.split()) <= 5 and not any(sign.isdigit() for sign in text)


# Dates


def _date_format(seen: _Seen, columns: Sequence[_Column]) -> str | None:
    """The format of days written in numbers, if the cells prove which number is the day."""
    numeric = [
        found
        for column in columns
        for text in column.values.to_pylist()
        if len(text) <= _LONG and (found := _ORDER.match(text)) and not re.match(r"\d{4}-", text)
    ]
    if not numeric:
        return None
    full = [found for found in numeric if len(found[1]) == 4 or len(found[4]) == 4]
    if short := len(numeric) - len(full):
        seen.doubts.append(
            f"date_format: a year of two digits proves nothing and is not read without its format (dates: {short})."
        )
    if not full or short > len(full):
        return None
    signs = [(found[2], len(found[1]) == 4) for found in full]
    sign, is_year_first = max(sorted(set(signs)), key=signs.count)
    parts = [(found[1], found[3], found[4]) for found in full if (found[2], len(found[1]) == 4) == (sign, is_year_first)]
    if others := len(full) - len(parts):
        seen.doubts.append(f"date_format: dates written otherwise than with {sign!r} would be set aside (dates: {others}).")
    numbers = np.array([(int(b), int(c)) if is_year_first else (int(a), int(b)) for a, b, c in parts])
    forms = ("%Y{0}%d{0}%m", "%Y{0}%m{0}%d") if is_year_first else ("%d{0}%m{0}%Y", "%m{0}%d{0}%Y")
    is_day = (numbers > 12).any(axis=0)
    if is_day.sum() == 1:
        return forms[int(np.argmax(is_day))].format(sign)
    why = "days above 12 stand in both positions" if is_day.all() else "no day is above 12"
    seen.doubts.append(
        f"date_format: {why}, so both orders are possible: {forms[0].format(sign)!r} or {forms[1].format(sign)!r}."
    )
    return None


# Places


def _positions(seen: _Seen, chosen: dict[str, _Column]) -> None:
    """Latitude and longitude, or easting and northing, told apart by header, by the study area and by their size."""
    for column in seen.columns:
        if _PAIR & set(column.question.split()) and column.share(lambda text: _TWO_NUMBERS.search(text) is not None) > 0.5:
            seen.doubts.append(f"latitude: {column.header!r} may hold both coordinates in one cell; then name it as latitude.")
    if not {"latitude", "longitude"} & set(chosen):
        _unnamed_positions(seen, chosen)
    if {"easting", "northing"} & set(chosen):
        seen.doubts.append("crs: eastings and northings need their zone; give crs for this file, e.g. 'UTM 42N' or 'GK 12'.")
    if len({"latitude", "longitude"} & set(chosen)) == 1:
        name = next(iter({"latitude", "longitude"} & set(chosen)))
        seen.doubts.append(
            f"{name}: {chosen.pop(name).header!r} was found, but not the other coordinate; name both under columns."
        )
    if {"latitude", "longitude"} <= set(chosen) and seen.area:
        _check_area(seen, chosen, seen.area)


def _unnamed_positions(seen: _Seen, chosen: dict[str, _Column]) -> None:
    numeric = [
        column for column in seen.columns if column.is_numeric and any(re.search(r"[.,]\d\d\d", text) for text in column.texts)
    ]
    if seen.area:
        west, south, east, north = seen.area
        latitudes = [column for column in numeric if _within(column, south, north) > 0.9]
        longitudes = [column for column in numeric if _within(column, west, east) > 0.9]
        if len(latitudes) == len(longitudes) == 1 and latitudes != longitudes:
            chosen |= {"latitude": latitudes[0], "longitude": longitudes[0]}
            seen.doubts.append(
                f"latitude, longitude: {_listed(latitudes + longitudes)} lie in the study area; their headers do not say so."
            )
            return
        if latitudes and longitudes:
            seen.doubts.append(
                f"latitude, longitude: could be {_listed({c.header: c for c in latitudes + longitudes}.values())}; name both."
            )
    axes = [column for column in seen.columns if column.question in _X_Y and column.is_numeric]
    large = [column for column in axes if np.nanmin(np.abs(column.numbers)) > 10_000]
    if len(large) == 2:
        seen.doubts.append(
            f"easting, northing: {_listed(large)} look like metres. In some countries x is the northing: name easting, northing "
            "and their zone (crs, e.g. 'UTM 42N' or 'GK 12') for this file."
        )
    elif len(axes) == 2 and not {"latitude", "longitude"} & set(chosen):
        seen.doubts.append(f"latitude, longitude: {_listed(axes)} may be meant; name which is which under columns.")


def _within(column: _Column, low: float, high: float) -> float:
    numbers = column.numbers[np.isfinite(column.numbers)]
    return float(((numbers >= low) & (numbers <= high)).mean()) if len(numbers) else 0.0


def _check_area(seen: _Seen, chosen: dict[str, _Column], area: Area) -> None:
    west, south, east, north = area
    latitude, longitude = chosen["latitude"], chosen["longitude"]
    if not (latitude.is_numeric and longitude.is_numeric):
        return
    right = min(_within(latitude, south, north), _within(longitude, west, east))
    turned = min(_within(latitude, west, east), _within(longitude, south, north))
    if turned > 0.9 > right:
        del chosen["latitude"], chosen["longitude"]
        seen.doubts.append(
            f"latitude, longitude: under {latitude.header!r} and {longitude.header!r} they are exchanged. "
            f"Write latitude = {longitude.header!r} and longitude = {latitude.header!r} under columns if that is so in all rows."
        )
    elif turned > 0 and right < 1:
        seen.doubts.append("latitude, longitude: some are perhaps exchanged; if so, write mend_exchanged = true for this file.")
    elif right == 0:
        seen.doubts.append("latitude, longitude: none lies in the study area.")


# Layers


def _of_layer(seen: _Seen, path: Path, grid: Grid) -> Proposal:
    if seen.doubts and seen.doubts[0].startswith("sheet:"):
        return Proposal(None, doubts=tuple(seen.doubts))
    frame = read_vector(path, file=seen.file, layer=grid.sheet)
    carried = {table: found for table in osm.TAGS if (found := osm.recognise(frame, table)) is not None}
    if "kind" not in frame and carried:
        return _of_tags(seen, {table: float(found.frame["kind"].notna().mean()) for table, found in carried.items()})
    shapes = frame.geometry.geom_type
    reader = _layer_reader(seen, is_point=bool(shapes.isin(("Point", "MultiPoint")).mean() > 0.5))
    if reader:
        return _of_layer_columns(seen, reader)
    reports = _reports(seen) if shapes.eq("Point").mean() > 0.5 else {}
    if "date" in reports:
        return _of_reports(seen, "table", reports, {}, has_position=True)
    return Proposal(None, seen.sheet, doubts=(_what_shapes_can_be(frame, seen),))


def _of_tags(seen: _Seen, shares: Mapping[str, float]) -> Proposal:
    found = [table for table, share in shares.items() if share > 0]
    if not found:
        return Proposal(None, seen.sheet, doubts=(f"{seen.file} has tags of OpenStreetMap, but none of those that are taken.",))
    if len(found) == 1 and shares[found[0]] > 0.5:
        return Proposal(found[0], seen.sheet)
    return Proposal(None, seen.sheet, doubts=(_several(seen.file, found),))


def _several(file: str, tables: Sequence[str]) -> str:
    return (
        f"{file} has tags of OpenStreetMap and can be read as {' or '.join(tables)}: name one with --reader. For several, "
        "register a copy under another name for each."
    )


def _layer_reader(seen: _Seen, *, is_point: bool) -> str | None:
    """The kind of layer, by columns that only it has and by the words in its column of kinds."""
    columns = {column.question: column for column in seen.columns}
    headers = {column.header.upper() for column in seen.columns}
    kinds, status = (set(columns[name].texts) if name in columns else set() for name in ("kind", "status"))
    if {"claim id", "claimant"} & set(columns) or (kinds and kinds <= {"line", "area"} and status and status <= set(STATUSES)):
        return "claims"
    for reader, allowed in (("resources", RESOURCE_KINDS), ("services", SERVICE_KINDS), ("settlements", tuple(PRECISION_M))):
        if kinds and len(kinds & set(allowed)) > 0.5 * len(kinds):
            return reader
    if set(HYDRORIVERS) <= headers:
        return "resources"
    named = [_meant(column, _LAYER_PHRASES["settlements"]) for column in seen.columns]
    ours = {meant[0] for meant in named if meant}
    if not is_point or "name" not in ours:
        return None
    is_gazetteer = seen.is_layer or any(c.filled > 0.9 * c.rows and len(c.values) > 0.9 * c.filled for c in _names(seen))
    return "settlements" if "residents" in ours or (is_gazetteer and not seen.is_layer) else None


def _names(seen: _Seen) -> list[_Column]:
    meant = ((column, _meant(column, _LAYER_PHRASES["settlements"])) for column in seen.columns)
    return [column for column, found in meant if found and found[0] == "name"]


_LAYER_PHRASES = {reader: _phrases(words) for reader, words in LAYER_WORDS.items()}


def _of_layer_columns(seen: _Seen, reader: str) -> Proposal:
    seen.doubts[:] = [doubt for doubt in seen.doubts if doubt.startswith(("sheet:", "Several"))]
    without = ("latitude", "longitude") if seen.is_layer else ()
    chosen = _by_header(seen, _LAYER_PHRASES[reader], without)
    if reader == "settlements" and "name" not in chosen:
        seen.doubts.append("name: every settlement needs one; name its header under columns.")
    if reader == "claims" and "claimant" not in chosen:
        seen.doubts.append("claimant: no column says who claims; name the party with --claimant.")
    if not seen.is_layer and seen.area and {"latitude", "longitude"} <= set(chosen):
        _check_area(seen, chosen, seen.area)
    columns = {name: chosen[name].header for name in LAYER_WORDS[reader] if name in chosen}
    return Proposal(reader, seen.sheet, columns, doubts=tuple(seen.doubts))


def _what_shapes_can_be(frame: gpd.GeoDataFrame, seen: _Seen) -> str:
    types = frame.geometry.geom_type
    if types.str.contains("Polygon").mean() > 0.5:
        is_admin = any(_ADMIN.search(column.header) for column in seen.columns)
        likely = "areas with names, perhaps districts or countries" if is_admin else "areas"
        return (
            f"{seen.file} holds {likely}. Registered with --reader claims and --claimant it says that this party claims them, "
            "which nobody can decide by looking at the file; pasture and forest are resources, outlines of villages settlements."
        )
    if types.str.contains("Line").mean() > 0.5:
        return (
            f"{seen.file} holds lines without a kind that is known: rivers and canals are resources, roads services, border "
            "lines claims. Name one with --reader, and the kind of all under values."
        )
    return f"{seen.file} holds points, but neither dates nor kinds that are known. Name what they are with --reader."


# Rasters

_RASTER_NAMES = {
    "population": re.compile(r"pop|ppp|people|inhabit|насел|аҳол|калк|aholi"),
    "elevation": re.compile(r"elev|dem(?![a-z]{2})|srtm|dtm|dsm|height|altitude|copernicus|рельеф|высот"),
    "land_cover": re.compile(r"land.?cover|world.?cover|lulc|landuse|покров"),
}


def _of_raster(path: Path, file: str) -> Proposal:
    """By its name and a few pixels: both must speak for it."""
    try:
        with rasterio.open(path, driver=DRIVERS[path.suffix.lower()]) as raster:
            values, is_whole = _pixels(raster), np.dtype(raster.dtypes[0]).kind in "iu"
    except (RasterioError, OSError, TypeError):
        return Proposal(None, doubts=(f"{file} cannot be opened as a raster. Copy or download it again.",))
    if not len(values):
        return Proposal(
            None, doubts=(f"{file}: no pixel with a value was found where it was looked at. Name what it is with --reader.",)
        )
    can = {
        "population": bool(values.min() >= 0),
        "elevation": bool(values.min() >= ELEVATIONS_M[0] and values.max() <= ELEVATIONS_M[1]),
        "land_cover": is_whole and set(np.unique(values).tolist()) <= set(WORLD_COVER),
    }
    named = [reader for reader, name in _RASTER_NAMES.items() if name.search(path.stem.lower())]
    if len(named) == 1 and can[named[0]]:
        return Proposal(named[0])
    if not named and can["land_cover"] and len(np.unique(values)) > 2:
        return Proposal("land_cover")
    likely = [reader for reader, is_possible in can.items() if is_possible]
    told = (
        f"its numbers can be {' or '.join(likely)}" if likely else "its numbers are of none of population, elevation, land_cover"
    )
    return Proposal(None, doubts=(f"{file}: {told}, and its name does not settle it. Name what it is with --reader.",))


def _pixels(raster: Any) -> Numbers:
    """Values of some small windows spread over the first band."""
    found = []
    for down in range(4):
        for across in range(4):
            left, top = (int(length * (part + 0.5) / 4) for length, part in ((raster.width, across), (raster.height, down)))
            window = Window(max(0, left - 16), max(0, top - 16), 32, 32).intersection(Window(0, 0, raster.width, raster.height))
            block = raster.read(1, window=window, masked=True)
            found.append(block.compressed().astype(np.float64))
    values = np.concatenate(found)
    return cast("Numbers", values[np.isfinite(values)] * raster.scales[0] + raster.offsets[0])
