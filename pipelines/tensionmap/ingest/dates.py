"""Dates as people write them -> first day, last day and how precisely it is known. What can be read in two ways is refused."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache

from tensionmap.errors import RawDataError, StudyError

PRECISIONS = ("day", "week", "month", "year", "range")

_CLOCK = re.compile(r"[T ]+[0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?( ?(Z|[+-][0-9]{2}:?[0-9]{2}))?$")
_ISO_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_ISO_WEEK = re.compile(r"([0-9]{4})-W([0-9]{2})")
_ISO_MONTH = re.compile(r"([0-9]{4})-([0-9]{2})")
_ISO_YEAR = re.compile(r"[0-9]{4}")
_THREE_NUMBERS = re.compile(r"([0-9]{1,2})[./ -]([0-9]{1,2})[./ -]([0-9]{2}|[0-9]{4})")
_BETWEEN = ("/", "..", "–", "—", " - ", "-")
_LOOK_UP = "Look the date up in the paper register and correct it in the file."
_SPREADSHEET_DAY_0 = date(1899, 12, 30)


@dataclass(frozen=True)
class Days:
    """The span of days on which it can have happened, both ends included, and how it is known."""

    start: date
    end: date
    precision: str


def parse_date(text: str, *, date_format: str | None = None) -> Days:
    """The days that ``text`` names: one day, a week, a month, a year or a range.

    Read are ``date_format`` (strptime; without ``%d`` it names a month, without ``%m`` a year) and ISO 8601:
    ``2025-04-30``, ``2025-W18``, ``2025-04``, ``2025``, and two of them joined by ``/``, ``..`` or a dash. A time of day
    behind a date is passed over: the day counts as written, in whatever time zone it was written.

    Raises
    ------
    RawDataError
        For everything else: a day that the calendar does not have, a year of two digits, an order of day and month that
        nobody named, a bare number. The first line says what is wrong, the second what to do.
    StudyError
        If ``date_format`` itself cannot be used.

    Examples
    --------
    >>> parse_date("30.04.2025", date_format="%d.%m.%Y")
    Days(start=datetime.date(2025, 4, 30), end=datetime.date(2025, 4, 30), precision='day')
    >>> parse_date("2025-02").end
    datetime.date(2025, 2, 28)
    """
    if date_format is not None:
        _check_format(date_format)
    cleaned = re.sub(r"\s*г(\.|ода)?$", "", " ".join(text.split()))
    whole = _one(cleaned, date_format)
    if whole is not None:
        return whole
    for between in _BETWEEN:
        parts = [_one(part.strip(), date_format) for part in cleaned.split(between)]
        if len(parts) == 2 and parts[0] is not None and parts[1] is not None:
            return span(parts[0], parts[1])
    raise _refusal(cleaned, date_format)


def span(first: Days, last: Days) -> Days:
    """From the first day of ``first`` to the last day of ``last``.

    Raises
    ------
    RawDataError
        If that ends before it begins.
    """
    if last.end < first.start:
        raise RawDataError(f"The last day {last.end} is before the first day {first.start}.\n{_LOOK_UP}")
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
    if days.start != days.end:
        return days if precision == "day" else Days(days.start, days.end, precision)
    if precision == "week":
        monday = days.start - timedelta(days=days.start.weekday())
        return Days(monday, monday + timedelta(days=6), "week")
    if precision == "month":
        return _month(days.start.year, days.start.month)
    if precision == "year":
        return _year(days.start.year)
    return Days(days.start, days.end, "day")


def from_day_number(number: float) -> date | None:
    """The date that a spreadsheet shows for ``number`` (days since 1899-12-30); nothing outside 1954 to 2119."""
    return _SPREADSHEET_DAY_0 + timedelta(days=int(number)) if 20_000 <= number < 80_000 else None


def _one(text: str, date_format: str | None) -> Days | None:
    """The days that ``text`` names without a range sign, or nothing."""
    try:
        return _iso(text) or _named(text, date_format) or _iso(_CLOCK.sub("", text)) or _named(_CLOCK.sub("", text), date_format)
    except (ValueError, OverflowError):
        return None


def _iso(text: str) -> Days | None:
    if found := _ISO_DAY.fullmatch(text):
        day = date(int(found[1]), int(found[2]), int(found[3]))
        return Days(day, day, "day")
    if found := _ISO_WEEK.fullmatch(text):
        monday = date.fromisocalendar(int(found[1]), int(found[2]), 1)
        return Days(monday, monday + timedelta(days=6), "week")
    if found := _ISO_MONTH.fullmatch(text):
        return _month(int(found[1]), int(found[2]))
    return _year(int(text)) if _ISO_YEAR.fullmatch(text) else None


def _named(text: str, date_format: str | None) -> Days | None:
    """``text`` read by ``date_format``, only if writing the date back gives the same text but for leading zeros."""
    if date_format is None:
        return None
    try:
        read = datetime.strptime(text, date_format)
    except ValueError:
        return None
    if _bare(read.strftime(date_format)) != _bare(text):
        return None
    if "%d" in date_format:
        return Days(read.date(), read.date(), "day")
    return _month(read.year, read.month) if re.search("%[mbB]", date_format) else _year(read.year)


def _bare(text: str) -> str:
    return re.sub(r"(?<![0-9])0+(?=[0-9])", "", text.casefold())


def _month(year: int, month: int) -> Days:
    first = date(year, month, 1)
    return Days(first, date(year, month, calendar.monthrange(year, month)[1]), "month")


def _year(year: int) -> Days:
    return Days(date(year, 1, 1), date(year, 12, 31), "year")


@cache
def _check_format(date_format: str) -> None:
    advice = "Write it as strptime does, e.g. '%d.%m.%Y' for 30.04.2025."
    if not re.search("%[Yy]", date_format) or ("%d" in date_format and not re.search("%[mbB]", date_format)):
        raise StudyError(f"date_format {date_format!r} does not name a year, a month and a day. {advice}")
    sample = datetime(2000, 11, 22)
    try:
        datetime.strptime(sample.strftime(date_format), date_format)
    except ValueError as error:
        raise StudyError(f"date_format {date_format!r} cannot be used. {advice}") from error


def _refusal(text: str, date_format: str | None) -> RawDataError:
    written = repr(text) if len(text) <= 24 else f"a text of {len(text)} letters"
    wanted = f"written as {_sample(date_format)} or 2025-04-30" if date_format else "written as 2025-04-30"
    numbers = _THREE_NUMBERS.fullmatch(_CLOCK.sub("", text))
    if not text:
        return RawDataError(f"The date is missing.\n{_LOOK_UP}")
    if re.fullmatch(r"[0-9]+([.,][0-9]+)?", text):
        shown = from_day_number(float(text.replace(",", "."))) if len(text) < 12 else None
        perhaps = f", perhaps a spreadsheet's number for {shown}" if shown else ""
        return RawDataError(f"The date is the bare number {written}{perhaps}.\nWrite the date in the file as {wanted[11:]}.")
    if numbers and len(numbers[3]) == 2:
        return RawDataError(
            f"The year in {written} has two digits, so day, month and year can be confused.\nWrite the year with four digits."
        )
    if numbers and date_format is None:
        return _without_format(written, int(numbers[1]), int(numbers[2]))
    if _looks_like_a_day(text, date_format):
        return RawDataError(f"The calendar has no day {written}.\n{_LOOK_UP}")
    return RawDataError(f"{_capital(written)} is not a date {wanted}.\n{_LOOK_UP}")


def _without_format(written: str, first: int, second: int) -> RawDataError:
    if not any(1 <= day <= 31 and 1 <= month <= 12 for day, month in ((first, second), (second, first))):
        return RawDataError(f"The calendar has no day {written}.\n{_LOOK_UP}")
    both = first <= 12 and second <= 12 and first != second
    doubt = "can be read with the day or the month first" if both else "is written in an order that the study does not name"
    return RawDataError(
        f'The date {written} {doubt}.\nName the order for this file in study.toml, e.g. date_format = "%d.%m.%Y".'
    )


def _looks_like_a_day(text: str, date_format: str | None) -> bool:
    samples = (_sample(date_format), "2025-04-30", "2025-04", "2025-W18")
    return _shape(_CLOCK.sub("", text)) in [_shape(sample) for sample in samples]


def _shape(text: str) -> str:
    return re.sub("[0-9]+", lambda digits: "year" if len(digits[0]) == 4 else "number", text)


def _sample(date_format: str | None) -> str:
    return datetime(2025, 4, 30).strftime(date_format or "%Y-%m-%d")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
