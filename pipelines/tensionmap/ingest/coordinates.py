"""Coordinates as people and devices write them -> degrees, or a sentence why they cannot be a place of the study."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.transformer import AreaOfInterest

from tensionmap.crs import DEGREES, metric
from tensionmap.errors import RawDataError, StudyError
from tensionmap.ingest.writing import Digits, Whole, Written, by_form, distinct, is_unknown, one

Axis = Literal["latitude", "longitude"]
Area = tuple[float, float, float, float]

KINDS = ("gps", "settlement", "district", "wider")
DEFAULT_PRECISION_M = {"gps": 50.0, "settlement": 1_000.0, "district": 25_000.0, "wider": 100_000.0}
"""Radius taken for coordinates whose source gives none. Coordinates of a register count as pointed at on a map: 50 m."""
_KIND_WITHIN_M = (("gps", 1_000.0), ("settlement", 3_000.0), ("district", 30_000.0))
"""Largest stated radius of each kind, if the source does not say how the place is known: 9 km is no measured point."""
LEAST_PRECISION_M = 10.0
"""No position is known better than this: a phone that says 0 m was pointed at on a map."""

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]

_ENDS = {"latitude": 90.0, "longitude": 180.0}
_AXES: tuple[Axis, Axis] = ("latitude", "longitude")
_LONGEST, _LONGEST_LINK = 96, 512
"""No cell with more letters is looked at for coordinates: two numbers, a link to a map."""

_MARKS = str.maketrans({**dict.fromkeys("º˚", "°"), **dict.fromkeys("′’‘ʹʼ´`ʻ‛", "'"), **dict.fromkeys("″”“„‟ʺ", '"')})
_MINUS = str.maketrans(dict.fromkeys("−–—‐‑‒﹣－", "-"))
"""Word processors put dashes in the place of a minus sign."""
_MARK_WORDS = (
    (re.compile(r"\s*\b(?:градус(?:а|ов)?|град|degrees?|deg)\b\.?"), "°"),
    (re.compile(r"\s*\b(?:минут[аы]?|мин|min(?:utes?)?)\b\.?"), "'"),
    (re.compile(r"\s*\b(?:секунд[аы]?|сек|sec(?:onds?)?)\b\.?"), '"'),
    (re.compile("''"), '"'),
)
_NUMBER = r"0{1,3}(?:[.,]0+)?"
_DECIMAL = re.compile(rf"(?P<sign>[+-]?)(?P<degrees>{_NUMBER})\s*°?")
_SEXAGESIMAL = re.compile(
    rf"(?P<sign>[+-]?)(?P<degrees>0{{1,3}})\s*[°\s]\s*(?P<minutes>{_NUMBER})\s*'?\s*(?:(?<=['\s])(?P<seconds>{_NUMBER})\s*\"?)?"
)
_JOINED = re.compile(r"(?P<sign>[+-]?)(?P<degrees>0{1,3})(?P<joint>[:-])(?P<minutes>00)(?P=joint)(?P<seconds>00(?:[.,]0+)?)")
_SIDE_TEXT = (
    r"[nsew]|[сc]\.?\s?ш\.?|ю\.?\s?ш\.?|[вb]\.?\s?д\.?|з\.?\s?д\.?|[сc]\.? широты|ю\.? широты|[вb]\.? долготы|з\.? долготы"
    r"|северной широты|южной широты|восточной долготы|западной долготы|[сювз]"
)
_CELL = re.compile(
    r"(?:(?:(?P<latitude>lat(?:itude)?|широта|шир)|(?P<longitude>lon(?:g(?:itude)?)?|lng|долгота|долг))\.?\s*[:=]?\s*)?"
    rf"(?P<before>{_SIDE_TEXT})?\s*(?P<number>[+-]?0.*?)\s*(?P<after>{_SIDE_TEXT})?"
)
_SIDES = {"n": 0, "с": 0, "s": 1, "ю": 1, "e": 2, "в": 2, "w": 3, "з": 3, "c": 0, "b": 2}
"""First letter -> north, south, east, west."""

_BETWEEN = re.compile(r"\s*[;,/|]\s*|\s+|(?<=[nsewшд.])(?=0)")
_ORDERED: tuple[tuple[re.Pattern[str], tuple[Axis, Axis]], ...] = (
    (re.compile(rf"geo:(?P<latitude>-?{_NUMBER}),(?P<longitude>-?{_NUMBER})(?:,-?0+(?:[.,]0+)?)?(?:[;?].*)?"), _AXES),
    (
        re.compile(
            r"https?://\S*?(?:@|[?&](?:q|ll|query|daddr|destination)=(?:loc:)?)"
            rf"(?P<latitude>-?{_NUMBER})(?:,|%0c)(?P<longitude>-?{_NUMBER})(?:[^0-9.].*)?"
        ),
        _AXES,
    ),
    (re.compile(rf"point\s?\(\s?(?P<longitude>-?{_NUMBER})\s(?P<latitude>-?{_NUMBER})\s?\)"), ("longitude", "latitude")),
)

_METRES = re.compile(r"[+-]?[0-9]{5,8}(?:[.,][0-9]+)?")
_RADIUS = re.compile(r"(?P<sign>-?)(?P<number>0{1,9}(?:[.,]0+)?)")
_ZONE = r"(?:utm\s?)?(?P<zone>00?)\s?(?P<band>[c-hj-np-x])\s+"
_GRID_NUMBER = re.compile(
    rf"(?:{_ZONE})?(?P<sign>[+-]?)"
    r"(?P<number>(?:0{1,3}(?P<joint>[ ',.])000(?:(?P=joint)000)+|0{1,3}(?P<joint_once>[ ',])000|0{1,9})(?:[.,]0+)?)"
    r"\s?[mм]?\.?\s?(?P<letter>[en]?)"
)
_GRID_PAIR = re.compile(
    rf"(?:{_ZONE})?(?P<easting>0{{5,8}}(?:[.,]0+)?)\s?m?\s?e?(?:\s*[,;]\s*|\s+)(?P<northing>0{{5,8}}(?:[.,]0+)?)\s?m?\s?n?"
)
_GK_ZONES = range(4, 33)
_GK_EPSG = 28_400
_GK_ZONE_M = 1_000_000
_LAST_UTM_ZONE = 60

_PAIR_MARKS = "The two numbers in this cell are marked as the same axis, or twice.\nCheck latitude and longitude of this row."
_PAIR_BESIDE = "Two numbers stand in this cell, and something else in that beside it.\nWrite latitude and longitude in two cells."
_PAIR_BOTH = (
    "Two numbers stand in one cell, and in either order they lie in the study area.\nWrite latitude and longitude in two cells."
)
_PAIR_NEITHER = (
    "Two numbers stand in one cell, and in neither order do they lie in the study area."
    "\nCheck the coordinates, and write latitude and longitude in two cells."
)
_NOWHERE = "The coordinates are 0 and 0, which a device writes when it knows no place.\nDelete both and name the place instead."
_ZONES = "The row names a grid zone that does not exist.\nCorrect the zone in front of the numbers; they run from 1 to 60."
_GRID_UNNAMED = (
    "Easting and northing are given, but nobody says in which map grid."
    '\nName the grid for this file in study.toml, e.g. crs = "UTM 42N" or crs = "GK 12".'
)
_EXCHANGED_METRES = (
    "Easting and northing are exchanged: as given the place lies outside the study area, the other way round it lies inside."
    "\nExchange the two numbers in this row; if the whole file is so, set mend_exchanged = true for it in study.toml."
)


@dataclass(frozen=True)
class Position:
    """A place in degrees (EPSG:4326), the radius in metres within which it is meant, and how it is known."""

    longitude: float
    latitude: float
    precision_m: float
    kind: str
    is_precision_stated: bool = True


@dataclass(frozen=True)
class PositionsRead:
    """The place of every row in degrees (EPSG:4326), what is wrong with the others, and what was chosen without being asked.

    ``longitude``, ``latitude`` and ``precision_m`` are NaN and ``kind`` is empty where a row has no place or was refused.
    ``faults`` holds position, draft column and message (reason, line break, advice); ``counted`` what was chosen and how often.
    """

    longitude: Floats
    latitude: Floats
    precision_m: Floats
    kind: NDArray[np.object_]
    is_precision_stated: Flags
    faults: list[tuple[int, str, str]]
    counted: dict[str, int]


def parse_coordinate(text: str, *, axis: Axis) -> float:
    """``text`` in degrees, north and east positive.

    Read are decimal degrees with a point or a comma, degrees with decimal minutes, and degrees, minutes and seconds
    (``43°12'30.5" N``, ``43-12-30.5``, ``N43 12.508``), with the side of the world before or behind as N S E W, С Ю В З,
    с.ш. ю.ш. в.д. з.д.

    Raises
    ------
    RawDataError
        If ``text`` is anything else, or lies off the globe. The first line says what is wrong, the second what to do.

    Examples
    --------
    >>> parse_coordinate("43,125", axis="latitude")
    43.125
    >>> parse_coordinate("27°30' W", axis="longitude")
    -27.5
    """
    angles = _angles(one(text).form)
    if len(angles) != 1:
        raise RawDataError(_not_degrees(_cleaned(text), axis))
    values, is_sound = _degrees(angles[0], one(text))
    if not is_sound[0]:
        raise RawDataError(_not_degrees(_cleaned(text), axis))
    degrees = float(values[0])
    if angles[0].is_signed_twice or angles[0].axis not in (None, axis):
        raise RawDataError(
            f"The {axis} is marked {angles[0].mark!r}, which does not go with it.\nCheck latitude and longitude of this row."
        )
    if abs(degrees) > _ENDS[axis]:
        raise RawDataError(
            f"The {axis} is {degrees:g} degrees; it cannot go beyond {_ENDS[axis]:g}.\nCheck whether the decimal point was lost."
        )
    return degrees


def parse_metres(text: str) -> float:
    """The radius in metres that ``text`` names.

    Raises
    ------
    RawDataError
        If it is negative or not a number.
    """
    metres = float(_radii(one(text))[0])
    if np.isnan(metres):
        raise RawDataError(
            "The precision of the place is not a number of metres.\nWrite a number of metres, or leave the cell empty."
        )
    if metres < 0:
        raise RawDataError(
            f"The precision of the place is negative ({metres:g} m).\nWrite the radius in metres, or leave the cell empty."
        )
    return metres


def position(
    latitude: float | None, longitude: float | None, precision_m: float | None, kind: str, *, area: Area
) -> Position | None:
    """The place at these degrees, or nothing if there are none.

    Parameters
    ----------
    latitude, longitude
        Degrees, WGS 84; ``None`` if the cell is empty.
    precision_m
        Radius in metres that the source gives; at least ``LEAST_PRECISION_M`` is kept. ``None``: that of the kind.
    kind
        One of ``KINDS``; empty: by the radius, and ``gps`` if there is none.
    area
        West, south, east, north of the study area in degrees.

    Raises
    ------
    RawDataError
        If only one of the two is there, both are zero, they lie outside the area, or they would lie in it exchanged.
    """
    if latitude is None and longitude is None:
        return None
    if latitude is None or longitude is None:
        lacking = "latitude" if latitude is None else "longitude"
        raise RawDataError(
            f"Only one coordinate is given; the {lacking} is missing.\nAdd the {lacking}, or delete both and name the place."
        )
    if latitude == 0 and longitude == 0:
        raise RawDataError(_NOWHERE)
    if not _lies_in(longitude, latitude, area):
        raise RawDataError(_outside(longitude, latitude, area))
    if precision_m is None:
        return Position(longitude, latitude, DEFAULT_PRECISION_M[kind or "gps"], kind or "gps", is_precision_stated=bool(kind))
    by_radius = next((one for one, within_m in _KIND_WITHIN_M if precision_m <= within_m), "wider")
    return Position(longitude, latitude, max(precision_m, LEAST_PRECISION_M), kind or by_radius)


def parse_kind(text: str) -> str:
    """How the place is known, one of ``KINDS``, or empty text if the source does not say.

    Raises
    ------
    RawDataError
        For any other word.
    """
    word = text.strip().casefold()
    if word and word not in KINDS:
        raise RawDataError(
            f"How the place is known is not one of {', '.join(KINDS)}.\nWrite one of these words, or leave the cell empty."
        )
    return word


def read_positions(
    latitude: pd.Series,
    longitude: pd.Series,
    easting: pd.Series,
    northing: pd.Series,
    precision_m: pd.Series,
    location_kind: pd.Series,
    *,
    area: Area,
    crs: str | None,
    mend_exchanged: bool,
) -> PositionsRead:
    """The place of every row: ``parse_coordinate``, ``parse_metres``, ``parse_kind`` and ``position`` on whole columns.

    Besides, both coordinates may stand in one cell (``39.87833, 70.51643``, ``39°52'42.0"N 70°30'59.1"E``, ``geo:39.87,70.51``, a
    link to a map, ``POINT (70.51 39.87)``): marks, or else the study area, say which is which. A row without degrees may
    have metres of a map grid, or a UTM zone of its own (``42T 543210 4412345``). Words for 'not known' are empty cells.

    Parameters
    ----------
    latitude, longitude, easting, northing, precision_m, location_kind
        Cells as text, without missing values; empty text is an empty cell.
    area
        West, south, east, north of the study area in degrees (EPSG:4326).
    crs
        Grid of easting and northing: ``EPSG:28412``, ``UTM 42N`` or ``GK 12`` (Pulkovo 1942, Gauss-Krueger of 6 degrees). In
        Gauss-Krueger the zone number may stand in front of the easting (12 543 210); without it the zone named is taken.
    mend_exchanged
        Exchange latitude and longitude, or easting and northing, of rows that lie in the area only so; otherwise refuse them.

    Raises
    ------
    StudyError, GeometryError
        If ``crs`` is no grid in metres.

    Notes
    -----
    Pulkovo 1942 is brought to WGS 84 by EPSG's operation "Pulkovo 1942 to WGS 84 (16)", the one for Tajikistan and
    Kyrgyzstan; pyproj states an accuracy of 4.5 m. UTM on WGS 84 needs no change of datum. Other grids: the best operation
    for the study area that needs no grid file. The accuracy is not added to ``precision_m``, of which at least
    ``LEAST_PRECISION_M`` is kept. The band letter S of a UTM zone (32 to 40 N) is read as south only if the area lies south
    of the equator.
    """
    grid = None if crs is None else _grid(crs)
    rows = _Rows(len(latitude), area, mend_exchanged)
    radius_m = rows.radius(precision_m)
    kind = rows.kind(location_kind)
    texts: dict[Axis, pd.Series] = {"latitude": latitude, "longitude": longitude}
    cells = {axis: _Cells.read(cell_texts) for axis, cell_texts in texts.items()}
    has_metres = _is_filled(easting) | _is_filled(northing)
    from_latitude = (cells["latitude"].state == _GRID) & (cells["longitude"].state == _EMPTY) & ~has_metres
    cells["latitude"].state[from_latitude] = _EMPTY
    has_degrees = (cells["latitude"].state != _EMPTY) | (cells["longitude"].state != _EMPTY)
    rows.choose("rows with both degrees and metres; the degrees were used", has_metres & has_degrees)
    rows.take_apart(cells, texts)
    rows.check_axes(cells, texts)
    if has_metres.any() or from_latitude.any():
        metres = {"easting": easting.where(~from_latitude, latitude), "northing": northing}
        rows.from_metres(~has_degrees, from_latitude, metres, grid)
    rows.check_places()
    return rows.answer(radius_m, kind)


@dataclass(frozen=True)
class _Angle:
    """How an angle is written: which digits of the form are its degrees, minutes and seconds, each with its decimals."""

    sign: int
    side: int
    degrees: tuple[Digits, int]
    minutes: tuple[Digits, int] | None
    seconds: tuple[Digits, int] | None
    axis: Axis | None
    mark: str
    is_signed_twice: bool
    is_marked: bool
    """Whether minutes, decimals or a mark show that it is no bare whole number."""


_EMPTY, _READ, _REFUSED, _PAIR, _GRID = range(5)
_NO_AXIS, _LATITUDE, _LONGITUDE = range(3)
_AXIS_CODES: dict[Axis | None, int] = {None: _NO_AXIS, "latitude": _LATITUDE, "longitude": _LONGITUDE}


@dataclass
class _Cells:
    """A column of coordinates: the angle of every cell, a second one where both stand in it, and their marks."""

    state: NDArray[np.int8]
    value: Floats
    second: Floats
    axis: NDArray[np.int8]
    second_axis: NDArray[np.int8]
    is_signed_twice: Flags

    @classmethod
    def read(cls, texts: pd.Series) -> _Cells:
        """Every cell of a column, the rows of one form together."""
        size = len(texts)
        codes = (np.zeros(size, dtype=np.int8) for _ in range(3))
        state, axis, second_axis = codes
        cells = cls(state, np.full(size, np.nan), np.full(size, np.nan), axis, second_axis, np.zeros(size, dtype=np.bool_))
        for written in by_form(texts):
            if written.form and not is_unknown(written.form):
                cells._read(written)
        return cells

    def _read(self, written: Written) -> None:
        rows, angles = written.rows, _angles(written.form)
        if not angles:
            self.state[rows] = _GRID if _GRID_PAIR.fullmatch(_cleaned(written.form)) else _REFUSED
            return
        self.value[rows], is_sound = _degrees(angles[0], written)
        self.axis[rows] = _AXIS_CODES[angles[0].axis]
        self.is_signed_twice[rows] = any(angle.is_signed_twice for angle in angles)
        if len(angles) == 2:
            self.second[rows], is_second_sound = _degrees(angles[1], written)
            self.second_axis[rows] = _AXIS_CODES[angles[1].axis]
            is_sound = is_sound & is_second_sound
        self.state[rows] = np.where(is_sound, _PAIR if len(angles) == 2 else _READ, _REFUSED)


class _Rows:
    """The places of all rows while they are found: degrees, NaN where there are none, and which rows are refused."""

    def __init__(self, size: int, area: Area, mend_exchanged: bool) -> None:
        self.area, self.mend_exchanged = area, mend_exchanged
        self.latitude, self.longitude = np.full(size, np.nan), np.full(size, np.nan)
        self.is_refused = np.zeros(size, dtype=np.bool_)
        self.faults: list[tuple[int, str, str]] = []
        self.chosen: dict[str, Flags] = {}

    def refuse(self, is_wrong: Flags, column: str, texts: pd.Series, why: Callable[[str], str]) -> None:
        """Refuse these rows, the sentence made once for every distinct text."""
        rows = np.flatnonzero(is_wrong)
        if not len(rows):
            return
        which, cells = distinct(texts.iloc[rows])
        messages = [why(cell) for cell in cells]
        self.faults += [(at, column, messages[code]) for at, code in zip(rows.tolist(), which.tolist(), strict=True)]
        self.is_refused |= is_wrong

    def choose(self, words: str, rows: Flags) -> None:
        """Remember what was chosen in these rows."""
        self.chosen[words] = self.chosen.get(words, np.zeros_like(rows)) | rows

    def refuse_rows(self, is_wrong: Flags, column: str | NDArray[np.object_], why: str | Callable[[int], str]) -> None:
        """Refuse these rows, in one column or in that of each row."""
        for at in np.flatnonzero(is_wrong).tolist():
            self.faults.append((at, column if isinstance(column, str) else column[at], why if isinstance(why, str) else why(at)))
        self.is_refused |= is_wrong

    def radius(self, texts: pd.Series) -> Floats:
        """The stated radius of every row, NaN if none is."""
        radius_m, is_wrong = np.full(len(texts), np.nan), np.zeros(len(texts), dtype=np.bool_)
        for written in by_form(texts):
            if written.form and not is_unknown(written.form):
                read = _radii(written)
                radius_m[written.rows] = read
                is_wrong[written.rows] = ~(read >= 0)
        self.refuse(is_wrong, "precision_m", texts, partial(_message, parse_metres))
        return radius_m

    def kind(self, texts: pd.Series) -> NDArray[np.object_]:
        """How the place is known, by the source."""
        which, cells = distinct(texts)
        words = [word if (word := cell.strip().casefold()) in KINDS else "" for cell in cells]
        is_word = [bool(word) or not cell.strip() or is_unknown(cell) for cell, word in zip(cells, words, strict=True)]
        self.refuse(~np.array(is_word, dtype=np.bool_)[which], "location_kind", texts, partial(_message, parse_kind))
        return np.array(words, dtype=object)[which]

    def lies_in(self, longitude: Floats, latitude: Floats) -> Flags:
        """Whether these places lie in the study area."""
        west, south, east, north = self.area
        return (west <= longitude) & (longitude <= east) & (south <= latitude) & (latitude <= north)

    def take_apart(self, cells: dict[Axis, _Cells], texts: dict[Axis, pd.Series]) -> None:
        """Cells that hold both coordinates, the other cell being empty or the same."""
        for axis, other in (_AXES, _AXES[::-1]):
            here, there = cells[axis], cells[other]
            is_pair = here.state == _PAIR
            if not is_pair.any():
                continue
            is_same = (there.state == _PAIR) & (texts[axis] == texts[other]).to_numpy(dtype=np.bool_)
            is_alone = is_pair & ((there.state == _EMPTY) | is_same)
            self._take_apart(is_alone, axis, here, texts[axis])
            self.refuse(is_pair & ~is_alone, axis, texts[axis], lambda _: _PAIR_BESIDE)
            here.state[is_pair] = _EMPTY
            there.state[is_alone] = _EMPTY

    def _take_apart(self, is_pair: Flags, column: str, cells: _Cells, texts: pd.Series) -> None:
        first, second = cells.axis, cells.second_axis
        is_clear = (first != second) & (first + second > 0)
        is_one_axis = is_pair & (((first == second) & (first > 0)) | cells.is_signed_twice)
        is_latitude_first = (first == _LATITUDE) | (second == _LONGITUDE)
        straight = self.lies_in(cells.second, cells.value)
        turned = self.lies_in(cells.value, cells.second)
        is_open = is_pair & ~is_clear & ~is_one_axis
        self.refuse(is_one_axis, column, texts, lambda _: _PAIR_MARKS)
        self.refuse(is_open & straight & turned, column, texts, lambda _: _PAIR_BOTH)
        self.refuse(is_open & ~straight & ~turned, column, texts, lambda _: _PAIR_NEITHER)
        self.choose("coordinates written in one cell were put in order by the study area", is_open)
        is_latitude_first = np.where(is_clear, is_latitude_first, straight)
        sound = is_pair & ~self.is_refused
        self.latitude[sound] = np.where(is_latitude_first, cells.value, cells.second)[sound]
        self.longitude[sound] = np.where(is_latitude_first, cells.second, cells.value)[sound]

    def check_axes(self, cells: dict[Axis, _Cells], texts: dict[Axis, pd.Series]) -> None:
        """Every cell on its own: is it an angle, is it marked for its axis, is it on the globe."""
        is_mended = self._exchanged(cells["latitude"], cells["longitude"])
        for axis, cell in cells.items():
            is_foreign = (cell.axis != _NO_AXIS) & (cell.axis != _AXIS_CODES[axis])
            is_wrong = cell.is_signed_twice | is_foreign | (np.abs(cell.value) > _ENDS[axis])
            is_wrong = (cell.state == _REFUSED) | (cell.state == _GRID) | ((cell.state == _READ) & is_wrong & ~is_mended)
            self.refuse(is_wrong, axis, texts[axis], partial(_message, parse_coordinate, axis=axis))
        is_read = {axis: (cell.state == _READ) & ~self.is_refused for axis, cell in cells.items()}
        values = {axis: np.where(is_read[axis], cell.value, getattr(self, axis)) for axis, cell in cells.items()}
        self.latitude = np.where(is_mended, values["longitude"], values["latitude"])
        self.longitude = np.where(is_mended, values["latitude"], values["longitude"])
        self.choose("rows with latitude and longitude exchanged were put right", is_mended)

    def _exchanged(self, latitude: _Cells, longitude: _Cells) -> Flags:
        """Rows to mend: they lie in the area only the other way round, or are marked so."""
        if not self.mend_exchanged:
            return np.zeros(len(self.is_refused), dtype=np.bool_)
        is_read = (latitude.state == _READ) & (longitude.state == _READ) & ~latitude.is_signed_twice & ~longitude.is_signed_twice
        is_marked_right = (latitude.axis == _LATITUDE) | (longitude.axis == _LONGITUDE)
        is_marked_wrong = (latitude.axis == _LONGITUDE) | (longitude.axis == _LATITUDE)
        is_wrong = is_marked_wrong | ~self.lies_in(longitude.value, latitude.value)
        is_exchanged = is_read & ~is_marked_right & is_wrong & self.lies_in(latitude.value, longitude.value)
        return np.asarray(is_exchanged, dtype=np.bool_)

    def from_metres(self, is_free: Flags, from_latitude: Flags, texts: dict[str, pd.Series], grid: CRS | None) -> None:
        """Rows without degrees that have metres of a map grid; those of a latitude cell stand among the eastings."""
        south = "cdefghjklm" + ("s" if self.area[3] < 0 else "")
        east, north = _Metres.read(texts["easting"], "e", south), _Metres.read(texts["northing"], "n", south)
        east.take_apart(north)
        columns = np.where(from_latitude, "latitude", "easting").astype(object)
        self.refuse_rows(is_free & (east.state == _REFUSED), columns, _not_metres("easting"))
        self.refuse_rows(is_free & (north.state == _REFUSED), "northing", _not_metres("northing"))
        zone = np.where(east.zone, east.zone, north.zone)
        has_east, has_north = (is_free & ~self.is_refused & (cells.state == _READ) for cells in (east, north))
        self.refuse_rows(has_east & ~has_north, columns, _one_of_metres("northing"))
        self.refuse_rows(has_north & ~has_east, "northing", _one_of_metres("easting"))
        both = has_east & has_north
        self.refuse_rows(both & (east.value == 0) & (north.value == 0), columns, _NOWHERE)
        self.refuse_rows(both & (np.abs(zone) > _LAST_UTM_ZONE), columns, _ZONES)
        if grid is None:
            self.refuse_rows(both & (zone == 0), columns, _GRID_UNNAMED)
        self._project(both & ~self.is_refused, _Grid(grid, self.area), east.value, north.value, zone, columns)

    def _project(self, given: Flags, grid: _Grid, east: Floats, north: Floats, zone: Whole, columns: NDArray[np.object_]) -> None:
        """Metres to degrees, as given or, if they lie in the study area only so, exchanged."""
        straight = grid.degrees(given, east, north, zone)
        is_outside = given & ~self.lies_in(straight.longitude, straight.latitude)
        turned = grid.degrees(is_outside, north, east, zone)
        is_turned = is_outside & self.lies_in(turned.longitude, turned.latitude)
        self.choose("rows with easting and northing exchanged were put right", is_turned)
        self.choose(
            "eastings without a zone number were read in the zone that the study names",
            np.where(is_turned, turned.is_completed, straight.is_completed),
        )
        self.choose("eastings and northings were read in the grid zone that their own row names", given & (zone != 0))
        if not self.mend_exchanged:
            self.refuse_rows(is_turned, columns, _EXCHANGED_METRES)
        self.refuse_rows(is_outside & ~is_turned, columns, lambda at: _outside_in_metres(float(east[at]), float(north[at])))
        self.longitude = np.where(given, np.where(is_turned, turned.longitude, straight.longitude), self.longitude)
        self.latitude = np.where(given, np.where(is_turned, turned.latitude, straight.latitude), self.latitude)

    def check_places(self) -> None:
        """Refuse what cannot be a place of the study, as ``position`` does."""
        is_given = ~self.is_refused & ~(np.isnan(self.latitude) & np.isnan(self.longitude))
        is_nowhere = (self.latitude == 0) & (self.longitude == 0)
        is_wrong = is_given & (is_nowhere | ~self.lies_in(self.longitude, self.latitude))

        def why(at: int) -> str:
            latitude, longitude = (None if np.isnan(axis[at]) else float(axis[at]) for axis in (self.latitude, self.longitude))
            return _message(position, latitude, longitude, None, "", area=self.area)

        self.refuse_rows(is_wrong, "latitude", why)

    def answer(self, radius_m: Floats, kind: NDArray[np.object_]) -> PositionsRead:
        """The places found, each with its radius and kind."""
        is_placed = ~self.is_refused & ~np.isnan(self.latitude)
        codes = np.full(len(kind), -1)
        for code, word in enumerate(KINDS):
            codes[kind == word] = code
        is_radius, is_kind = ~np.isnan(radius_m), codes >= 0
        by_radius = np.searchsorted([within_m for _, within_m in _KIND_WITHIN_M], np.where(is_radius, radius_m, 0.0))
        codes = np.where(is_kind, codes, by_radius)
        usual_m = np.array([DEFAULT_PRECISION_M[word] for word in KINDS])[codes]
        precision_m = np.where(is_radius, np.maximum(radius_m, LEAST_PRECISION_M), usual_m)
        chosen = {words: int(np.count_nonzero(rows & is_placed)) for words, rows in self.chosen.items()}
        return PositionsRead(
            longitude=np.where(is_placed, self.longitude, np.nan),
            latitude=np.where(is_placed, self.latitude, np.nan),
            precision_m=np.where(is_placed, precision_m, np.nan),
            kind=np.where(is_placed, np.array(KINDS, dtype=object)[codes], ""),
            is_precision_stated=is_placed & (is_radius | is_kind),
            faults=self.faults,
            counted={words: count for words, count in chosen.items() if count},
        )


@dataclass
class _Metres:
    """A column of eastings or northings: the number of every cell, a second one where both stand in it, and the UTM zone."""

    state: NDArray[np.int8]
    value: Floats
    second: Floats
    zone: Whole
    """UTM zone that the cell names: 1 to 60, negative in the south; 0: none."""

    @classmethod
    def read(cls, texts: pd.Series, letter: str, south: str) -> _Metres:
        """Every cell of a column, the rows of one form together; ``south`` are the band letters that mean the south."""
        size = len(texts)
        cells = cls(np.zeros(size, dtype=np.int8), np.full(size, np.nan), np.full(size, np.nan), np.zeros(size, dtype=np.int64))
        for written in by_form(texts):
            if written.form and not is_unknown(written.form):
                cells._read(written, letter, south)
        return cells

    def _read(self, written: Written, letter: str, south: str) -> None:
        rows, cleaned = written.rows, _cleaned(written.form)
        found = _GRID_NUMBER.fullmatch(cleaned)
        if found and found["letter"] in ("", letter):
            self.value[rows] = _number(found, "number", written) * (-1 if found["sign"] == "-" else 1)
            self.state[rows] = _READ
        elif found := _GRID_PAIR.fullmatch(cleaned):
            self.value[rows], self.second[rows] = (_number(found, name, written) for name in ("easting", "northing"))
            self.state[rows] = _PAIR
        else:
            self.state[rows] = _REFUSED
            return
        if found["zone"]:
            zone = written.number(_place(found, "zone", 0))
            self.zone[rows] = np.where(zone == 0, _LAST_UTM_ZONE + 1, zone) * (-1 if found["band"] in south else 1)

    def take_apart(self, north: _Metres) -> None:
        """Cells that hold both numbers, the other cell being empty, where this column is that of the eastings."""
        mine, theirs = ((here.state == _PAIR) & (there.state == _EMPTY) for here, there in ((self, north), (north, self)))
        for here in (self, north):
            here.state[here.state == _PAIR] = _REFUSED
        north.value[mine], north.state[mine] = self.second[mine], _READ
        self.state[mine] = _READ
        self.value[theirs], self.state[theirs] = north.value[theirs], _READ
        north.value[theirs], north.state[theirs] = north.second[theirs], _READ


@dataclass(frozen=True)
class _Degrees:
    """Degrees of every row, NaN where none were asked for, and where the zone number was put in front of the easting."""

    longitude: Floats
    latitude: Floats
    is_completed: Flags


class _Grid:
    """The map grid of a file, unless a row names its own."""

    def __init__(self, crs: CRS | None, area: Area) -> None:
        self._crs, self._area = crs, area
        code = crs.to_epsg() if crs is not None else None
        self._gk_zone = code - _GK_EPSG if code is not None and code - _GK_EPSG in _GK_ZONES else 0

    def degrees(self, rows: Flags, east: Floats, north: Floats, zone: Whole) -> _Degrees:
        """These rows in degrees (EPSG:4326); infinite where a grid cannot hold them."""
        longitude, latitude = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
        code = np.where(zone > 0, 32_600 + zone, np.where(zone < 0, 32_700 - zone, 0))
        is_completed = np.zeros_like(rows)
        if self._gk_zone:
            front = np.where(rows, east // _GK_ZONE_M, -1)
            is_completed = rows & (code == 0) & (front == 0)
            east = east + np.where(is_completed, self._gk_zone * _GK_ZONE_M, 0)
            has_own = (code == 0) & (front >= _GK_ZONES[0]) & (front <= _GK_ZONES[-1])
            code = np.where(has_own, _GK_EPSG + front, code).astype(np.int64)
        for one_code in np.unique(code[rows]).tolist():
            group = np.flatnonzero(rows & (code == one_code))
            transformer = _to_degrees(f"EPSG:{one_code}" if one_code else self._crs, self._area)
            longitude[group], latitude[group] = transformer.transform(east[group], north[group])
        return _Degrees(longitude, latitude, is_completed)


@lru_cache(maxsize=256)
def _to_degrees(crs: CRS | str, area: Area) -> Transformer:
    return Transformer.from_crs(crs, DEGREES, always_xy=True, area_of_interest=AreaOfInterest(*area))


def _grid(word: str) -> CRS:
    """The grid that a study's word means."""
    found = re.fullmatch(r"(utm|gk|гк|gauss-?kr(?:ue|ü|u)ger)\s*(?:zone)?\s*([0-9]{1,2})\s*([ns]?)", word.strip().casefold())
    if not found:
        return metric(word)
    number, is_utm = int(found[2]), found[1] == "utm"
    if is_utm and found[3] and 1 <= number <= _LAST_UTM_ZONE:
        return metric(f"EPSG:{(32_600 if found[3] == 'n' else 32_700) + number}")
    if not is_utm and not found[3] and number in _GK_ZONES:
        return metric(f"EPSG:{_GK_EPSG + number}")
    raise StudyError(
        f"crs {word!r} is no grid zone. Write it as 'UTM 42N' (1 to 60, N or S), 'GK 12' (Pulkovo 1942, 4 to 32) or 'EPSG:28412'."
    )


def _is_filled(texts: pd.Series) -> Flags:
    is_filled = np.zeros(len(texts), dtype=np.bool_)
    for written in by_form(texts):
        is_filled[written.rows] = bool(written.form) and not is_unknown(written.form)
    return is_filled


def _message(function: Callable[..., Any], *arguments: Any, **named: Any) -> str:
    """What ``function`` says against its arguments."""
    try:
        function(*arguments, **named)
    except RawDataError as error:
        return str(error)
    raise AssertionError(f"{function.__name__} takes what was refused")


def _cleaned(text: str) -> str:
    return " ".join(text.translate(_MINUS).split()).lower()


def _plain(form: str) -> str:
    """A form with one kind of mark for degrees, minutes and seconds."""
    plain = _cleaned(form).translate(_MARKS).strip("()[] ") if "point" not in form.lower() else _cleaned(form)
    for words, mark in _MARK_WORDS:
        plain = words.sub(mark, plain)
    return plain


def _place(found: re.Match[str], group: str, before: int) -> Digits:
    """Which digits a group of a match holds, counted among the digits of the whole form."""
    first = before + found.string.count("0", 0, found.start(group))
    return first, first + found[group].count("0")


def _decimals(text: str) -> int:
    """Digits behind the decimal sign."""
    return len(text) - 1 - max(text.rfind("."), text.rfind(",")) if re.search(r"[.,]", text) else 0


def _number(found: re.Match[str], group: str, written: Written) -> Floats:
    """A number of a map grid; a joint between thousands is no decimal sign."""
    text = found[group]
    groups = found.groupdict()
    joint = groups.get("joint") or groups.get("joint_once")
    return written.decimal(_place(found, group, 0), _decimals(text.replace(f"{joint}000", "000") if joint else text))


def _radii(written: Written) -> Floats:
    """Radii in metres as written, NaN where a cell is no number."""
    found = _RADIUS.fullmatch(written.form.strip().translate(_MINUS))
    if not found:
        return np.full(len(written.rows), np.nan)
    return written.decimal(_place(found, "number", 0), _decimals(found["number"])) * (-1 if found["sign"] else 1)


@lru_cache(maxsize=65_536)
def _angles(form: str) -> tuple[_Angle, ...]:
    """How a form is read: as one angle, as latitude and longitude in one cell, or not at all (nothing)."""
    if "0" not in form or len(form) > _LONGEST_LINK:
        return ()
    plain = _plain(form)
    whole = _angle(plain, 0)
    if whole:
        return (whole,)
    for pattern, axes in _ORDERED:
        if found := pattern.fullmatch(plain):
            pair = (_angle(found[axis], _place(found, axis, 0)[0]) for axis in axes)
            return tuple(replace(angle, axis=axis) for angle, axis in zip(pair, axes, strict=True) if angle)
    pairs = list(_pairs(plain)) if len(form) <= _LONGEST else []
    return pairs[0] if len(pairs) == 1 else ()


def _pairs(plain: str) -> Iterator[tuple[_Angle, _Angle]]:
    """Every way of cutting a form in two angles, neither of them a bare whole number."""
    for between in _BETWEEN.finditer(plain):
        first = _angle(plain[: between.start()], 0)
        second = _angle(plain[between.end() :], plain.count("0", 0, between.end())) if first else None
        if first and second and first.is_marked and second.is_marked:
            yield first, second


def _angle(text: str, before: int) -> _Angle | None:
    """The one angle that a form is, ``before`` digits standing further ahead."""
    cell = _CELL.fullmatch(text)
    if not cell or (cell["before"] and cell["after"]):
        return None
    found = _DECIMAL.fullmatch(cell["number"]) or _SEXAGESIMAL.fullmatch(cell["number"]) or _JOINED.fullmatch(cell["number"])
    if not found:
        return None
    groups = found.groupdict()
    ahead = before + text.count("0", 0, cell.start("number"))
    degrees, minutes, seconds = (
        (_place(found, name, ahead), _decimals(groups[name])) if groups.get(name) else None
        for name in ("degrees", "minutes", "seconds")
    )
    mark = cell["before"] or cell["after"] or ""
    # Two bare numbers can be degrees and minutes or a lost comma; a side and decimals of a minute leave no doubt.
    if minutes and not seconds and "°" not in cell["number"] and not (mark and minutes[1]):
        return None
    label: Axis | None = "latitude" if cell["latitude"] else "longitude" if cell["longitude"] else None
    side = _SIDES[mark[0]] if mark else None
    axis: Axis | None = label if side is None else _AXES[side // 2]
    if degrees is None or (label and label != axis):
        return None
    return _Angle(
        sign=-1 if found["sign"] == "-" else 1,
        side=-1 if side in (1, 3) else 1,
        degrees=degrees,
        minutes=minutes,
        seconds=seconds,
        axis=axis,
        mark=mark or cell["latitude"] or cell["longitude"] or "",
        is_signed_twice=bool(mark and found["sign"]),
        is_marked=bool(degrees[1] or minutes or axis),
    )


def _degrees(angle: _Angle, written: Written) -> tuple[Floats, Flags]:
    """The angle of every row in degrees, and whether it has no more than 60 minutes and seconds."""
    degrees = written.decimal(*angle.degrees)
    is_sound = np.ones(len(degrees), dtype=np.bool_)
    if angle.minutes:
        minutes = written.decimal(*angle.minutes)
        seconds = written.decimal(*angle.seconds) if angle.seconds else np.zeros_like(minutes)
        is_sound = (minutes < 60) & (seconds < 60)
        if angle.seconds:
            is_sound &= minutes % 1 == 0
        degrees = degrees + minutes / 60 + seconds / 3600
    return angle.sign * degrees * angle.side, is_sound


def _not_degrees(text: str, axis: Axis) -> str:
    if not text:
        return f"The {axis} is missing.\nAdd it, or delete the other coordinate and name the place."
    if _METRES.fullmatch(text):
        return (
            f"The {axis} is {text}, which is no number of degrees: metres of a map grid, or the decimal point was lost."
            "\nWrite decimal degrees (WGS 84), e.g. 43.1254."
        )
    return (
        f"The {axis} is not a number of degrees."
        "\nWrite decimal degrees, e.g. 43.1254, or delete both coordinates and name the place."
    )


def _lies_in(longitude: float, latitude: float, area: Area) -> bool:
    west, south, east, north = area
    return west <= longitude <= east and south <= latitude <= north


def _outside(longitude: float, latitude: float, area: Area) -> str:
    given = f"latitude {latitude:g}, longitude {longitude:g}"
    if _lies_in(latitude, longitude, area):
        return (
            f"Latitude and longitude are exchanged: {given} lies outside the study area, the other way round it lies inside."
            "\nExchange the two numbers in this row."
        )
    for sign_lon, sign_lat, which in ((-1, 1, "longitude"), (1, -1, "latitude"), (-1, -1, "latitude and longitude")):
        if _lies_in(sign_lon * longitude, sign_lat * latitude, area):
            return f"The sign of the {which} is lost: {given} lies outside the study area.\nPut the minus sign in this row right."
    return (
        f"The place ({given}) lies outside the study area."
        "\nCheck the coordinates; if they are right, the report is not of this study."
    )


def _not_metres(column: str) -> str:
    return (
        f"The {column} is not a number of metres."
        "\nWrite metres of the map grid, e.g. 543210, or delete easting and northing and name the place."
    )


def _one_of_metres(lacking: str) -> str:
    return (
        f"Only one of easting and northing is given; the {lacking} is missing."
        f"\nAdd the {lacking}, or delete both and name the place."
    )


def _outside_in_metres(easting: float, northing: float) -> str:
    return (
        f"The place (easting {easting:.0f}, northing {northing:.0f}) lies outside the study area."
        "\nCheck the numbers and the map grid; if they are right, the report is not of this study."
    )
