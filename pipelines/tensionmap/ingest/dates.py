"""Dates as people write them -> first day, last day and how precisely it is known. What can be read in two ways is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from babel import Locale
from numpy.typing import NDArray

from tensionmap.errors import RawDataError, StudyError
from tensionmap.ingest.writing import Digits, Whole, Written, by_form, distinct, form_of, is_unknown, one

PRECISIONS = ("day", "week", "month", "year", "range")

_DAY, _WEEK, _MONTH, _YEAR, _RANGE = range(5)
_LOOK_UP = "Look the date up in the paper register and correct it in the file."
_SPREADSHEET_DAY_0 = date(1899, 12, 30)
_DAY_0 = date(1970, 1, 1)
_FIRST_DAY, _LAST_DAY = (date.min - _DAY_0).days, (date.max - _DAY_0).days
_DAY_S = 86_400
_FAR_AHEAD = 20 * 366
_LONGEST = 96
"""No cell with more letters is looked at for a date."""

_ISO_WEEK = re.compile(r"(?P<year>0000)-w(?P<week>00)")
_ISO = re.compile(r"(?P<year>0000)(?:-(?P<month>00)(?:-(?P<day>00))?)?")
_BETWEEN = ("/", "..", "–", "—", " - ", "-")
_FROM_TO = re.compile(r"(?:с|со|from|аз) (.+) (?:по|до|to|till|until|то) (.+)")
_YEAR_WORD = re.compile(r"(?<=[0-9])\s*-?\s*(?:г(?:ода|од)?|ж(?:ыл(?:ы|дын)?)?|й(?:ил)?|y(?:il)?)\.?$")
_ZONE = r"(?P<utc>z|utc|gmt)?\s?(?:(?P<sign>[+-])(?P<zone_hour>00?)(?::?(?P<zone_minute>00))?)?"
_CLOCK = re.compile(
    r"(?P<gap>t|[,;]?\s+|[,;])(?P<word>(?:(?:в|во|около|ок|примерно|приблизительно|at|about|approx|around|соати|тақрибан|саат|soat|"
    r"соат|тахминан|taxminan|~)\.?\s*)*)(?P<hour>00?)(?:"
    r"(?P<mark>[:.])(?P<minute>00?)(?:[:.](?P<second>00)(?:[.,]0+)?)?\s?(?:(?P<half>[ap])\.?m\.?)?"
    r"|\s?(?:часов|часа|час|ч|h)\.?(?:\s?(?P<minutes>00?)\s?(?:минуты|минут|мин|м)?\.?)?)"
    rf"(?:\s?{_ZONE}|\s?[-–—]\s?00?[:.]00)$"
)
_TWO_DIGITS = {"%d": "day", "%m": "month", "%H": "hour", "%I": "hour", "%M": "minute", "%S": "second"}
_DIRECTIVES = {
    **{"%Y": "(?P<year>0000)", "%y": "(?P<year>00)", "%f": "0+", "%%": "%", "%z": _ZONE, "%p": r"(?P<half>[ap])\.?m\.?"},
    **dict.fromkeys(("%B", "%b", "%h"), r"(?P<name>[^\W\d_]+\.?)"),
    **dict.fromkeys(("%A", "%a"), r"[^\W\d_]+\.?"),
}
_THREE_NUMBERS = re.compile(r"00?[./ -]00?[./ -](00|0000)")

_WORDS = re.compile(r"0+|[^\W\d_]+(?:'[^\W\d_]+)?|\S")
_NAMED = re.compile("d-?M-?Y|Y-?d-?M|M-?d-?Y|M-?Y|Y-?M")
_NAMED_MONTH = re.compile("M-?Y|Y-?M")
_NAMED_RANGE = re.compile(
    "<?(?:d-d-?M-?Y|d-?M-d-?M-?Y|d-?M-?Y-d-?M-?Y|Y-?d-d-?M|Y-?d-?M-d-?M|Y-?d-?M-Y-?d-?M"
    "|M-?d-d-?Y|M-?d-M-?d-?Y|M-?d-?Y-M-?d-?Y|M-M-?Y|M-?Y-M-?Y|Y-?M-M|Y-?M-Y-?M)"
)
_PUNCTUATION = frozenset('.,«»"“”„()')


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_BESIDE = _PUNCTUATION | _words(
    "г год года году соли сол ж жыл жылы жылдын й йил йили йилнинг yil yili yilning year of the месяц месяца моҳи мохи рӯзи рузи "
    "санаи айы айынын айында ой ойи oy oyi куни күнү kuni числа число в во дар on in"
)
"""Words that accompany a number or a month and change nothing."""
_BEHIND_NUMBER = _words("го ого е ое st nd rd th ум юм уми юми нчи инчи чи nchi inchi с y")
_FROM = _words("с со from аз")
_TO = _words("- – — / по до to till until то")
_PART_OF_MONTH = _words(
    "начало начале начала середина середине середины конец конце конца early beginning start mid middle late end "
    "аввали миёнаи охири башы башында ортосу ортосунда аягы аягында boshi boshida o'rtasi o'rtasida oxiri oxirida "
    "боши бошида ўртаси ўртасида охирида"
)
_SIGNS = {**dict.fromkeys(_TO, "-"), **dict.fromkeys(_PART_OF_MONTH, "P")}
_CASE_ENDING = re.compile("(?:[ыиу](?:н[дт][ае](?:г[ыи])?)?|е|[дт][ае](?:г[ыи])?|i(?:da(?:gi)?)?|da(?:gi)?)$")
"""Endings of Tajik, Kyrgyz, Uzbek and Russian cases: апрели, апрелинде, апрелда, aprelda, апреле."""
_MORE_MONTHS = {"марте": 3, "мае": 5, "августе": 8, "сентяб": 9, "sept": 9, "sentyabr": 9, "oktyabr": 10}
"""Spellings that the CLDR does not give."""


@dataclass(frozen=True)
class Days:
    """The span of days on which it can have happened, both ends included, and how it is known."""

    start: date
    end: date
    precision: str


@dataclass(frozen=True)
class DaysRead:
    """The days of every row of a column, what is wrong with the others, and what was chosen without being asked.

    ``start`` and ``end`` (datetime64[D]) are NaT and ``precision`` is empty where a row was refused. ``faults`` holds position,
    draft column and message (reason, line break, advice); ``counted`` what was chosen and how often.
    """

    start: NDArray[np.datetime64]
    end: NDArray[np.datetime64]
    precision: NDArray[np.object_]
    faults: list[tuple[int, str, str]]
    counted: dict[str, int]


@dataclass(frozen=True)
class ReportedRead:
    """The day on which every report came in (datetime64[D]; NaT: not given, or of no use), and what was chosen in which rows."""

    day: NDArray[np.datetime64]
    chosen: tuple[tuple[str, NDArray[np.bool_]], ...] = ()


def parse_date(text: str, *, date_format: str | None = None, timezone: str | None = None) -> Days:
    """The days that ``text`` names: one day, a week, a month, a year or a range.

    Read are ``date_format`` (strptime; without ``%d`` it names a month, without ``%m`` a year), ISO 8601 (``2025-04-30``,
    ``2025-W18``, ``2025-04``, ``2025``), months by name in Russian, Tajik, Kyrgyz, Uzbek and English (``30 апреля 2025 г.``,
    ``30 апрели соли 2025``, ``2025-ж. 30-апрель``, ``30-aprel 2025-yil``), and two of them joined by ``/``, ``..``, a dash or
    from-to. The beginning, middle or end of a month is its whole month. A time of day behind a date is passed over, and the
    day counts as written; only a time with its zone is put on the day in ``timezone``, if one is given. 24:00 ends its day.

    Parameters
    ----------
    text
        One cell.
    date_format
        The format that the study names for the file. It comes before ISO 8601.
    timezone
        IANA name, e.g. ``Asia/Dushanbe``.

    Raises
    ------
    RawDataError
        For everything else: a day that the calendar does not have, a year of two digits, an order of day and month that
        nobody named, a season, a bare number. The first line says what is wrong, the second what to do.
    StudyError
        If ``date_format`` itself cannot be used.

    Notes
    -----
    Names of months are those of the Unicode CLDR (https://cldr.unicode.org) with their case endings. The old Kyrgyz names
    (үчтүн айы, ...) are refused: they are months of another calendar, and writers do not agree which of ours they mean.

    Examples
    --------
    >>> parse_date("30.04.2025", date_format="%d.%m.%Y")
    Days(start=datetime.date(2025, 4, 30), end=datetime.date(2025, 4, 30), precision='day')
    >>> parse_date("14–19 сентября 2022").end
    datetime.date(2022, 9, 19)
    >>> parse_date("2025-04-30T22:30:00Z", timezone="Asia/Dushanbe").start
    datetime.date(2025, 5, 1)
    """
    spans = _Spans.empty(1)
    spans.read(one(text), date_format, timezone)
    if spans.fault[0]:
        raise RawDataError(_refusal(text, date_format, spans, 0))
    return Days(_as_date(spans.start[0]), _as_date(spans.end[0]), PRECISIONS[spans.precision[0]])


def span(first: Days, last: Days) -> Days:
    """From the first day of ``first`` to the last day of ``last``.

    Raises
    ------
    RawDataError
        If that ends before it begins.
    """
    if last.end < first.start:
        raise RawDataError(_backwards(first.start, last.end))
    if first.start == last.end:
        return Days(first.start, last.end, "day")
    return first if first == last else Days(first.start, last.end, "range")


def widen(days: Days, precision: str) -> Days:
    """``days`` as known to the ``precision`` that the source states: a single day stands for its whole week, month or year.

    Raises
    ------
    RawDataError
        If ``precision`` is not one of ``PRECISIONS``.
    """
    if precision not in PRECISIONS:
        raise RawDataError(
            f"The precision of the date is not one of {', '.join(PRECISIONS)}."
            "\nWrite one of these words, or leave the cell empty."
        )
    wide = _Spans(
        *(np.array([number]) for number in (_number(days.start), _number(days.end), PRECISIONS.index(days.precision), 0))
    )
    wide.widen(np.array([PRECISIONS.index(precision)]))
    return Days(_as_date(wide.start[0]), _as_date(wide.end[0]), PRECISIONS[wide.precision[0]])


def from_day_number(number: float) -> date | None:
    """The date that a spreadsheet shows for ``number`` (days since 1899-12-30); nothing outside 1954 to 2119."""
    return _SPREADSHEET_DAY_0 + timedelta(days=int(number)) if 20_000 <= number < 80_000 else None


def read_days(
    date: pd.Series,
    date_end: pd.Series,
    date_precision: pd.Series,
    *,
    date_format: str | None,
    timezone: str | None,
    date_from: date,
    date_to: date,
) -> DaysRead:
    """The days of every row, all of them inside the study period: ``parse_date``, ``span`` and ``widen`` on whole columns.

    Parameters
    ----------
    date, date_end, date_precision
        Cells as text, without missing values; empty text is an empty cell. A last day given as unknown is an empty cell.
    date_format, timezone
        As in ``parse_date``.
    date_from, date_to
        First and last day of the study period.

    Raises
    ------
    StudyError
        If ``date_format`` cannot be used.

    Notes
    -----
    Rows of one form are read together (see ``writing``), so the time grows with the number of forms,
    not with that of distinct texts.
    """
    counted: dict[str, int] = {}
    faults: list[tuple[int, str, str]] = []
    last, is_open = _read_ends(date_end, date_format, timezone)
    faults += _faults("date_end", date_end, last, date_format)
    days = _Spans.empty(len(date))
    days.read_all(date, date_format, timezone)
    faults += _faults("date", date, days, date_format)
    sound = (days.fault == 0) & (last.fault == 0)
    days.close(last, sound & ~is_open)
    stated, is_word = _stated(date_precision)
    days.widen(np.where(sound & (days.fault == 0), stated, -1))
    period = (_number(date_from), _number(date_to))
    is_outside = (days.end < period[0]) | (days.start > period[1])
    is_beyond = (days.start < period[0]) | (days.end > period[1])
    refused = sound & ((days.fault != 0) | ~is_word | is_beyond)
    faults += [
        (int(at), "date", _row_refusal(days, int(at), bool(is_word[at]), bool(is_outside[at]), date_from, date_to))
        for at in np.flatnonzero(refused)
    ]
    kept = sound & ~refused
    for words, chosen in _choices(timezone, days, last, is_open, date_end):
        if count := int(np.count_nonzero(chosen & kept)):
            counted[words] = count
    nothing = np.datetime64("NaT", "D")
    return DaysRead(
        start=np.where(kept, days.start.astype("datetime64[D]"), nothing),
        end=np.where(kept, days.end.astype("datetime64[D]"), nothing),
        precision=np.where(kept, np.array(PRECISIONS, dtype=object)[days.precision], ""),
        faults=faults,
        counted=counted,
    )


def read_reported(
    date_reported: pd.Series,
    start: NDArray[np.datetime64],
    *,
    date_format: str | None,
    timezone: str | None,
    date_to: date,
) -> ReportedRead:
    """The day on which each report came in; one that cannot be used is empty and counted, and costs no row.

    Parameters
    ----------
    date_reported
        Cells as text, without missing values; empty text, or a word for 'not known', is an empty cell.
    start
        First day on which it can have happened, NaT where that is not known.
    date_format, timezone
        As in ``parse_date``.
    date_to
        Last day of the study period. A report may come in later, but not 20 years later.

    Returns
    -------
    ReportedRead
        Of a week, month, year or range the last day: by then it had come in.

    Raises
    ------
    StudyError
        If ``date_format`` cannot be used.
    """
    day = np.full(len(date_reported), np.datetime64("NaT", "D"))
    # Most sources do not have it: then a million rows cost nothing.
    if not (date_reported != "").any():
        return ReportedRead(day)
    spans, is_open = _read_ends(date_reported, date_format, timezone)
    # As a number NaT is before every day, so that nothing is before what happened on a day nobody knows.
    is_outside = (spans.end < start.astype(np.int64)) | (spans.end > _number(date_to) + _FAR_AHEAD)
    is_unusable = ~is_open & ((spans.fault != 0) | is_outside)
    is_used = ~is_open & ~is_unusable
    day[is_used] = spans.end[is_used].astype("datetime64[D]")
    return ReportedRead(
        day,
        (
            ("dates of reporting could not be used (unreadable, before the event, or far in the future)", is_unusable),
            (f"times of reporting in UTC or with a zone were {_zoned(timezone)}", is_used & ((spans.marks & _ZONED) > 0)),
        ),
    )


@dataclass(frozen=True)
class _Clock:
    """A time of day: which digits are its hour, minute and second, and how far its zone is ahead of UTC."""

    hour: Digits
    minute: Digits | None
    second: Digits | None
    half: str
    zone: int
    """0: no zone; 1 or -1: the sign of the offset."""
    zone_hour: Digits | None
    zone_minute: Digits | None


@dataclass(frozen=True)
class _Part:
    """A day, week, month or year: which digits of the form are its numbers. A month can be known by its name."""

    year: Digits
    month: Digits | int | None = None
    day: Digits | None = None
    week: Digits | None = None
    clock: _Clock | None = None
    is_about: bool = False


_Reading = tuple[_Part, ...]
"""How a form is read: one part, or the first and the last; nothing if it cannot be read."""

_CALENDAR, _BACKWARDS, _CLOCK_FAULT, _UNREAD = 1, 2, 3, 4
_ZONED, _ABOUT = 1, 2


class _Spans:
    """Days since 1970 row by row: first, last, how precisely known, and the fault of each row (0: none)."""

    def __init__(self, start: Whole, end: Whole, precision: Whole, fault: Whole) -> None:
        self.start, self.end, self.precision, self.fault = start, end, precision, fault
        self.marks = np.zeros(len(start), dtype=np.int8)

    @classmethod
    def empty(cls, rows: int) -> _Spans:
        """No row read yet."""
        return cls(*(np.zeros(rows, dtype=np.int64) for _ in range(4)))

    def read_all(self, texts: pd.Series, date_format: str | None, timezone: str | None) -> None:
        """Read every row of a column."""
        for written in by_form(texts):
            self.read(written, date_format, timezone)

    def read(self, written: Written, date_format: str | None, timezone: str | None) -> None:
        """Read the rows of one form."""
        rows = written.rows
        reading = _reading(written.form, date_format)
        if not reading:
            self.fault[rows] = _UNREAD
            return
        start, end, fault = _days_of(reading[0], written, timezone)
        precision = np.full(len(rows), _precision(reading[0]))
        if len(reading) > 1:
            first_end = end
            last_start, end, last_fault = _days_of(reading[1], written, timezone)
            is_same = (start == last_start) & (first_end == end) & (precision == _precision(reading[1]))
            fault = np.where(fault, fault, np.where(last_fault, last_fault, np.where(end < start, _BACKWARDS, 0)))
            precision = np.where(start == end, _DAY, np.where(is_same, precision, _RANGE))
        self.start[rows], self.end[rows], self.precision[rows], self.fault[rows] = start, end, precision, fault
        is_zoned = any(part.clock and part.clock.zone for part in reading)
        self.marks[rows] = _ZONED * is_zoned + _ABOUT * any(part.is_about for part in reading)

    def close(self, last: _Spans, rows: NDArray[np.bool_]) -> None:
        """Reach to the end of ``last`` in these rows, as ``span`` does."""
        if not rows.any():
            return
        is_same = (self.start == last.start) & (self.end == last.end) & (self.precision == last.precision)
        reached = np.where(self.start == last.end, _DAY, np.where(is_same, self.precision, _RANGE))
        self.fault = np.where(rows & (last.end < self.start), _BACKWARDS, self.fault)
        self.end = np.where(rows, last.end, self.end)
        self.precision = np.where(rows, reached, self.precision)

    def widen(self, stated: Whole) -> None:
        """Take the stated precision (an index of ``PRECISIONS``; -1: none is stated) in every row."""
        if (stated < 0).all():
            return
        is_single = self.start == self.end
        self.precision = np.where(~is_single & (stated > _DAY), stated, self.precision)
        for precision, around in ((_WEEK, _week_around), (_MONTH, _month_around), (_YEAR, _year_around)):
            rows = np.flatnonzero(is_single & (stated == precision))
            self.start[rows], self.end[rows] = around(self.start[rows])
            self.precision[rows] = precision
        self.precision[is_single & ((stated == _DAY) | (stated == _RANGE))] = _DAY


def _as_date(number: Any) -> date:
    return _DAY_0 + timedelta(days=int(number))


def _number(day: date) -> int:
    return (day - _DAY_0).days


def _backwards(start: date, end: date) -> str:
    return f"The last day {end} is before the first day {start}.\n{_LOOK_UP}"


def _read_ends(texts: pd.Series, date_format: str | None, timezone: str | None) -> tuple[_Spans, NDArray[np.bool_]]:
    """The last days of every row, and where none is given."""
    spans, is_open = _Spans.empty(len(texts)), np.zeros(len(texts), dtype=np.bool_)
    for written in by_form(texts):
        if not written.form or is_unknown(written.form):
            is_open[written.rows] = True
        else:
            spans.read(written, date_format, timezone)
    return spans, is_open


def _faults(column: str, texts: pd.Series, spans: _Spans, date_format: str | None) -> Iterator[tuple[int, str, str]]:
    """What is wrong with the cells that could not be read, the sentence made once for every distinct text."""
    refused = np.flatnonzero(spans.fault)
    if not len(refused):
        return
    which, cells = distinct(texts.iloc[refused])
    known: dict[int, str] = {}
    for at, code in zip(refused.tolist(), which.tolist(), strict=True):
        if code not in known:
            known[code] = _refusal(cells[code], date_format, spans, at)
        yield at, column, known[code]


def _stated(words: pd.Series) -> tuple[Whole, NDArray[np.bool_]]:
    """The stated precision of every row as an index of ``PRECISIONS``, -1 if none is, and whether the word is known."""
    which, cells = distinct(words)
    codes = [PRECISIONS.index(cell.casefold()) if cell.casefold() in PRECISIONS else -1 for cell in cells]
    known = [not cell or code >= 0 for cell, code in zip(cells, codes, strict=True)]
    return np.array(codes, dtype=np.int64)[which], np.array(known, dtype=np.bool_)[which]


def _row_refusal(days: _Spans, at: int, is_word: bool, is_outside: bool, date_from: date, date_to: date) -> str:
    """Why a row is refused whose cells can be read one by one."""
    start, end = _as_date(days.start[at]), _as_date(days.end[at])
    if days.fault[at]:
        return _backwards(start, end)
    if not is_word:
        return (
            f"The precision of the date is not one of {', '.join(PRECISIONS)}."
            "\nWrite one of these words, or leave the cell empty."
        )
    shown = str(start) if start == end else f"{start} to {end}"
    if is_outside:
        return (
            f"The date ({shown}) lies outside the study period, {date_from} to {date_to}."
            "\nCheck the year; if it is right, the report is not of this study."
        )
    return (
        f"The dates ({shown}) reach beyond the study period, {date_from} to {date_to}."
        "\nGive the date more exactly if it is known."
    )


def _choices(
    timezone: str | None, days: _Spans, last: _Spans, is_open: NDArray[np.bool_], date_end: pd.Series
) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """What was chosen without being asked, and in which rows."""
    marks = days.marks | last.marks
    yield f"times with a zone were {_zoned(timezone)}", (marks & _ZONED) > 0
    yield "dates in the beginning, middle or end of a month stand for the whole month", (marks & _ABOUT) > 0
    yield "last days given as unknown were read as empty", is_open & (date_end != "").to_numpy(dtype=np.bool_)


def _zoned(timezone: str | None) -> str:
    return f"put on the day in {timezone}" if timezone else "counted on the day as written; the study names no time zone"


def _precision(part: _Part) -> int:
    if part.week:
        return _WEEK
    return _DAY if part.day else _YEAR if part.month is None else _MONTH


def _days_of(part: _Part, written: Written, timezone: str | None) -> tuple[Whole, Whole, Whole]:
    """First and last day since 1970 of every row, and its fault."""
    year = written.number(part.year)
    if part.year[1] - part.year[0] == 2:
        year = year + np.where(year < 69, 2000, 1900)
    exists = year >= 1
    if part.week:
        week = written.number(part.week)
        fourth = _day_number(year * 12, 4)
        start = fourth - (fourth + 3) % 7 + 7 * (week - 1)
        exists &= (week >= 1) & (start + 3 < _day_number(year * 12 + 12, 1))
        end = start + 6
    elif part.month is None:
        start, end = _day_number(year * 12, 1), _day_number(year * 12 + 12, 1) - 1
    else:
        month = written.number(part.month) if isinstance(part.month, tuple) else np.full_like(year, part.month)
        exists &= (month >= 1) & (month <= 12)
        start, end = _day_number(year * 12 + month - 1, 1), _day_number(year * 12 + month, 1) - 1
        if part.day:
            day = written.number(part.day)
            exists &= (day >= 1) & (start + day - 1 <= end)
            start = end = start + day - 1
    if part.clock and part.clock.zone and timezone:
        return _in_zone(part.clock, written, start, exists, ZoneInfo(timezone))
    exists &= (start >= _FIRST_DAY) & (end <= _LAST_DAY)
    return start, end, np.where(exists, 0, _CALENDAR)


def _day_number(months: Whole, day: int) -> Whole:
    """Days since 1970 of a day of the month that is so many months after the beginning of year 0."""
    first = (months - 1970 * 12).astype("datetime64[M]").astype("datetime64[D]")
    return np.asarray(first.astype(np.int64) + (day - 1), dtype=np.int64)


def _week_around(day: Whole) -> tuple[Whole, Whole]:
    monday = day - (day + 3) % 7
    return monday, np.minimum(monday + 6, _LAST_DAY)


def _month_around(day: Whole) -> tuple[Whole, Whole]:
    month = day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) + 1970 * 12
    return _day_number(month, 1), _day_number(month + 1, 1) - 1


def _year_around(day: Whole) -> tuple[Whole, Whole]:
    year = day.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
    return _day_number(year * 12, 1), _day_number(year * 12 + 12, 1) - 1


def _in_zone(
    clock: _Clock, written: Written, day: Whole, exists: NDArray[np.bool_], zone: ZoneInfo
) -> tuple[Whole, Whole, Whole]:
    """The day in ``zone`` on which the clock showed this time, twice, and the fault of each row."""

    def number(digits: Digits | None) -> Whole:
        return written.number(digits) if digits else np.zeros_like(day)

    hour, minute, second = number(clock.hour), number(clock.minute), number(clock.second)
    if clock.half:
        hour = np.where((hour >= 1) & (hour <= 12), hour % 12 + 12 * (clock.half == "p"), 99)
    ahead_min = number(clock.zone_hour) * 60 + number(clock.zone_minute)
    is_time = (hour <= 24) & (minute < 60) & (second <= 60) & (ahead_min <= 14 * 60) & (number(clock.zone_minute) < 60)
    # 24:00 is the last moment of its day, not the first of the next: that is what a register means by it.
    within_s = np.minimum(hour * 3600 + minute * 60 + second, _DAY_S - 1)
    sound = exists & is_time & (day >= _FIRST_DAY + 2) & (day <= _LAST_DAY - 2)
    there = day.copy()
    there[sound] = _local_day((day * _DAY_S + within_s - clock.zone * ahead_min * 60)[sound], zone)
    fault = np.where(exists, np.where(is_time, np.where(sound, 0, _CALENDAR), _CLOCK_FAULT), _CALENDAR)
    return there, there, fault


def _local_day(utc_s: Whole, zone: ZoneInfo) -> Whole:
    """Days since 1970 in ``zone`` at these seconds since 1970 in UTC.

    The offset is asked for at both ends of every distinct day; only where it changes in between, second by second.
    """
    codes, days = pd.factorize(utc_s // _DAY_S)
    at_start = np.array([_offset_s(int(day) * _DAY_S, zone) for day in days], dtype=np.int64)
    at_end = np.array([_offset_s((int(day) + 1) * _DAY_S - 1, zone) for day in days], dtype=np.int64)
    offset_s = at_start[codes]
    changing = np.flatnonzero((at_start != at_end)[codes])
    which, seconds = pd.factorize(utc_s[changing])
    offset_s[changing] = np.array([_offset_s(int(second), zone) for second in seconds], dtype=np.int64)[which]
    there: Whole = (utc_s + offset_s) // _DAY_S
    return there


def _offset_s(utc_s: int, zone: ZoneInfo) -> int:
    offset = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=utc_s)).astimezone(zone).utcoffset()
    return int(offset.total_seconds()) if offset else 0


@lru_cache(maxsize=65_536)
def _reading(form: str, date_format: str | None) -> _Reading:
    """How a form is read: as one part, as a range with names of months, or as two parts with a sign between."""
    if "00" not in form or len(form) > _LONGEST:
        return ()
    cleaned = _cleaned(form).casefold()
    whole = _part(cleaned, 0, date_format)
    if whole:
        return (whole,)
    if reading := _by_name(cleaned, 0):
        return reading
    found = _FROM_TO.fullmatch(cleaned)
    pairs = [cleaned.split(between) for between in _BETWEEN] if not found else [[found[1], found[2]]]
    for pair in pairs:
        if len(pair) != 2:
            continue
        first = _part(pair[0].strip(), 0, date_format)
        last = _part(pair[1].strip(), pair[0].count("0"), date_format)
        if first and last:
            return (first, last)
    return ()


def _cleaned(text: str) -> str:
    return " ".join(text.replace("−", "-").split())


def _part(text: str, before: int, date_format: str | None) -> _Part | None:
    """The one day, week, month or year that a form names, ``before`` digits standing further ahead."""
    whole = _dated(text, before, date_format)
    if whole:
        return whole
    behind = _CLOCK.search(text)
    if not behind or (behind["mark"] == "." and not behind["word"] and not behind["gap"].isspace()):
        return None
    part = _dated(text[: behind.start()], before, date_format)
    if part is None or not part.day:
        return None
    return replace(part, clock=_clock(behind, before))


def _clock(found: re.Match[str], before: int) -> _Clock | None:
    """The time of day that the groups of a match make."""
    given = {name for name, content in found.groupdict().items() if content}

    def digits(name: str) -> Digits | None:
        return _digits(found, name, before) if name in given else None

    hour = digits("hour")
    if hour is None:
        return None
    # Two times joined by a hyphen, 14:00-15:00, are no zone; an offset west of Greenwich stands behind seconds, T or UTC.
    is_behind_blank = "gap" in given and found["gap"] != "t" and "second" not in given
    sign = found["sign"] if "sign" in given else ""
    is_zone = "utc" in given or sign == "+" or (sign == "-" and not is_behind_blank)
    return _Clock(
        hour=hour,
        minute=digits("minute") or digits("minutes"),
        second=digits("second"),
        half=found["half"] if "half" in given else "",
        zone=(-1 if sign == "-" else 1) if is_zone else 0,
        zone_hour=digits("zone_hour"),
        zone_minute=digits("zone_minute"),
    )


def _digits(found: re.Match[str], name: str, before: int) -> Digits:
    """Which digits a group of a match holds, counted among the digits of the whole form."""
    first = before + found.string.count("0", 0, found.start(name))
    return first, first + found[name].count("0")


def _dated(text: str, before: int, date_format: str | None) -> _Part | None:
    """A form without a time of day, by the format of the study, ISO 8601 or the name of the month."""
    bare = _YEAR_WORD.sub("", text)
    if date_format is not None:
        found = _format_pattern(date_format).fullmatch(text) or _format_pattern(date_format).fullmatch(bare)
        if found:
            return _by_groups(found, before)
    if found := _ISO_WEEK.fullmatch(bare) or _ISO.fullmatch(bare):
        return _by_groups(found, before)
    named = _by_name(text, before)
    return named[0] if len(named) == 1 else None


def _by_groups(found: re.Match[str], before: int) -> _Part | None:
    """The part that the groups of a match make."""
    given = {name for name, content in found.groupdict().items() if content}

    def digits(name: str) -> Digits | None:
        return _digits(found, name, before) if name in given else None

    month = _month(found["name"].rstrip(".")) if "name" in given else digits("month")
    year = digits("year")
    if year is None or ("name" in given and month is None):
        return None
    return _Part(year, month, digits("day"), digits("week"), _clock(found, before) if "hour" in given else None)


@cache
def _format_pattern(date_format: str) -> re.Pattern[str]:
    """The forms that a format of strptime reads, casefolded, with a group for every number in them."""
    pieces = re.findall(r"%.?|\s+|[^%\s]+", date_format.strip(), re.DOTALL)
    numbers = [piece in _TWO_DIGITS for piece in pieces]
    pattern = ""
    for at, piece in enumerate(pieces):
        if piece in _TWO_DIGITS:
            # Without a sign between them, 352025 could be cut in two ways: then every number has both its digits.
            is_joined = any(numbers[beside] for beside in (at - 1, at + 1) if 0 <= beside < len(pieces))
            pattern += f"(?P<{_TWO_DIGITS[piece]}>0{'0' if is_joined else '0?'})"
        elif piece.startswith("%"):
            pattern += _DIRECTIVES.get(piece, "(?P<unknown>")
        else:
            pattern += " " if piece.isspace() else re.escape(piece.casefold())
    names = set(re.findall(r"\?P<(\w+)>", pattern))
    advice = "Write it as strptime does, e.g. '%d.%m.%Y' for 30.04.2025."
    if "year" not in names or ("day" in names and not names & {"month", "name"}):
        raise StudyError(f"date_format {date_format!r} does not name a year, a month and a day. {advice}")
    if re.search(r"[0-9]", re.sub("%.", "", date_format)):
        raise StudyError(f"date_format {date_format!r} cannot be used. {advice}")
    try:
        return re.compile(pattern)
    except re.error as error:
        raise StudyError(f"date_format {date_format!r} cannot be used. {advice}") from error


def _by_name(text: str, before: int) -> _Reading:
    """One part or a range of two with months written as words; nothing if any word is not known."""
    signs, numbers, months = _signs(text, before)
    is_about = "P" in signs
    if is_about:
        signs = re.sub("-?P-?", "", signs)
        known = _NAMED_MONTH.fullmatch(signs)
    else:
        known = _NAMED.fullmatch(signs) or _NAMED_RANGE.fullmatch(signs)
    if not known:
        return ()
    days, years = ([digits for sign, digits in numbers if sign == wanted] for wanted in "dY")
    parts = [_Part(years[end], months[end], days[end] if days else None, is_about=is_about) for end in (0, -1)]
    return (parts[0], parts[1]) if _NAMED_RANGE.fullmatch(signs) else (parts[0],)


@lru_cache(maxsize=1024)
def _signs(text: str, before: int) -> tuple[str, tuple[tuple[str, Digits], ...], tuple[int, ...]]:
    """The kinds of words in a form, one letter each, with its numbers and its months; a word nobody knows is an X.

    d: one or two digits, Y: four, M: a month, P: a part of a month, -: up to, <: from. Words that only accompany a number
    or a month (г., соли, -жылы, -го, of) are left out with the hyphen before them.
    """
    signs = ""
    numbers: list[tuple[str, Digits]] = []
    months: list[int] = []
    for found in _WORDS.finditer(text):
        word = found[0]
        if word.startswith("0"):
            first = before + text.count("0", 0, found.start())
            sign = {1: "d", 2: "d", 4: "Y"}.get(len(word), "X")
            numbers.append((sign, (first, first + len(word))))
        elif month := _month(word):
            months.append(month)
            sign = "M"
        elif word in _BESIDE or (word in _BEHIND_NUMBER and signs.rstrip("-")[-1:] in ("d", "Y")):
            signs, sign = signs.removesuffix("-") if word not in _PUNCTUATION else signs, ""
        elif word in _FROM and not signs:
            sign = "<"
        else:
            sign = _SIGNS.get(word, "X")
        signs += sign
    return signs, tuple(numbers), tuple(months)


@cache
def _months() -> tuple[dict[str, int], dict[str, int]]:
    """Every spelling of a month -> its number, and the full names alone, to which case endings may be added."""
    every, full = dict(_MORE_MONTHS), {}
    for language in ("ru", "tg", "ky", "uz", "uz_Cyrl", "en"):
        for width in Locale.parse(language).months.values():
            for kind, names in width.items():
                spelled = {name.casefold().rstrip("."): number for number, name in names.items() if kind != "narrow"}
                every.update(spelled)
                full.update(spelled if kind == "wide" else {})
    return every, full


def _month(word: str) -> int | None:
    every, full = _months()
    return every.get(word) or full.get(_CASE_ENDING.sub("", word))


def _refusal(text: str, date_format: str | None, spans: _Spans, at: int) -> str:
    """What is wrong with a cell that stands in row ``at`` of ``spans``, and what to do."""
    cleaned = _cleaned(text)
    bare = _YEAR_WORD.sub("", cleaned)
    written = repr(bare) if len(bare) <= 24 else f"a text of {len(bare)} letters"
    if not bare:
        return f"The date is missing.\n{_LOOK_UP}"
    if is_unknown(text):
        return "The date is given as unknown.\nIf the month or the year is known, write that, e.g. 2025-04 or 2025."
    if spans.fault[at] == _CALENDAR:
        return f"The calendar has no day {written}.\n{_LOOK_UP}"
    if spans.fault[at] == _BACKWARDS:
        return _backwards(_as_date(spans.start[at]), _as_date(spans.end[at]))
    if spans.fault[at] == _CLOCK_FAULT:
        return (
            "The time behind the date does not exist, and its zone decides on which day it was."
            "\nCorrect the time in the file, or write the date alone."
        )
    return _not_read(bare, written, date_format)


def _not_read(text: str, written: str, date_format: str | None) -> str:
    wanted = f"written as {_sample(date_format)} or 2025-04-30" if date_format else "written as 2025-04-30"
    if re.fullmatch(r"[0-9]+([.,][0-9]+)?", text):
        shown = from_day_number(float(text.replace(",", "."))) if len(text) < 12 else None
        perhaps = f", perhaps a spreadsheet's number for {shown}" if shown else ""
        return f"The date is the bare number {written}{perhaps}.\nWrite the date in the file as {wanted[11:]}."
    lacking = _lacking(form_of(text))
    if lacking == "full year":
        return f"The year in {written} has two digits, so day, month and year can be confused.\nWrite the year with four digits."
    if lacking == "year":
        return f"The date {written} has no year.\nWrite the year with four digits."
    if lacking == "order" and date_format is None:
        first, second = re.findall("[0-9]+", text)[:2]
        return _without_format(written, int(first), int(second))
    return f"{_capital(written)} is not a date {wanted}.\n{_LOOK_UP}"


@lru_cache(maxsize=65_536)
def _lacking(form: str) -> str:
    """What a form that cannot be read lacks to be a date: a full year, a year, an order of its numbers, or nothing known."""
    day = _YEAR_WORD.sub("", _CLOCK.sub("", form.casefold()))
    if numbers := _THREE_NUMBERS.fullmatch(day):
        return "full year" if len(numbers[1]) == 2 else "order"
    signs = _signs(day, 0)[0]
    if re.fullmatch("d-?M-?d", signs):
        return "full year"
    return "year" if re.fullmatch("d-?M|M-?d|<?d-d-?M|<?d-?M-d-?M|P*M", signs) else ""


def _without_format(written: str, first: int, second: int) -> str:
    if not any(1 <= day <= 31 and 1 <= month <= 12 for day, month in ((first, second), (second, first))):
        return f"The calendar has no day {written}.\n{_LOOK_UP}"
    both = first <= 12 and second <= 12 and first != second
    doubt = "can be read with the day or the month first" if both else "is written in an order that the study does not name"
    return f'The date {written} {doubt}.\nName the order for this file in study.toml, e.g. date_format = "%d.%m.%Y".'


def _sample(date_format: str) -> str:
    return datetime(2025, 4, 30).strftime(date_format)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
