from datetime import UTC, date, datetime, timedelta
from datetime import timezone as fixed_zone
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from babel.dates import format_date
from hypothesis import given
from hypothesis import strategies as st

from tensionmap.errors import RawDataError, StudyError
from tensionmap.ingest.dates import PRECISIONS, Days, from_day_number, parse_date, read_days, read_reported, span, widen
from tensionmap.ingest.writing import is_unknown

DAY_FIRST = "%d.%m.%Y"
DUSHANBE = "Asia/Dushanbe"
YEARS = {"date_from": date(2000, 1, 1), "date_to": date(2030, 12, 31)}
a_date = st.dates(date(1900, 1, 1), date(2100, 12, 31))
date_like = st.text("0123456789./- :TWгZ+,", max_size=24)


@pytest.mark.parametrize(
    ("text", "date_format", "reason"),
    [
        ("", DAY_FIRST, "is missing"),
        ("31.02.2025", DAY_FIRST, "calendar has no day"),
        ("2025-02-30", None, "calendar has no day"),
        ("2025-02-30", DAY_FIRST, "calendar has no day"),
        ("2025-13", None, "calendar has no day"),
        ("2025-W60", None, "calendar has no day"),
        ("45.13.2025", None, "calendar has no day"),
        ("03.04.25", DAY_FIRST, "two digits"),
        ("03/04/25", None, "two digits"),
        ("03.04.2025", None, "day or the month first"),
        ("13.04.2025", None, "order that the study does not name"),
        ("04/13/2025", DAY_FIRST, "is not a date written as 30.04.2025"),
        ("13/04/2025", DAY_FIRST, "is not a date written as 30.04.2025"),
        ("45123", DAY_FIRST, "spreadsheet's number for 2023-07-16"),
        ("20250430", None, "bare number"),
        ("весной", DAY_FIRST, "is not a date"),
        ("30.04.2025 и 02.05.2025", DAY_FIRST, "is not a date"),
        ("01-03.05.2025", DAY_FIRST, "is not a date"),
        ("2025-05-03/2025-05-01", None, "is before the first day"),
        ("٢٠٢٥-٠٤-٣٠", None, "is not a date"),
        ("after the fight between A and her neighbour", DAY_FIRST, "A text of 43 letters"),
        ("неизвестно", None, "given as unknown"),
        ("н/д", None, "given as unknown"),
        ("NA", DAY_FIRST, "given as unknown"),
        ("маълум нест", None, "given as unknown"),
        ("весна 2024", None, "is not a date"),
        ("spring 2024", None, "is not a date"),
        ("31 февраля 2025", None, "calendar has no day"),
        ("30 апреля", None, "has no year"),
        ("14-19 сентября", None, "has no year"),
        ("30 апр. 25", None, "two digits"),
        ("30-Apr-25", None, "two digits"),
        ("28 декабря - 3 января 2025", None, "is before the first day"),
        ("үчтүн айы 2025", None, "is not a date"),
        ("Мари 2024", None, "is not a date"),
        ("14 и 19 сентября 2022", None, "is not a date"),
        ("после 3 мая 2024", None, "is not a date"),
        ("с 3 мая 2024", None, "is not a date"),
        ("начало 3 мая 2024", None, "is not a date"),
        ("3 мая 2024, 5.06", None, "is not a date"),
        ("2025 14.05", None, "is not a date"),
        ("0000-01-01", None, "calendar has no day"),
        ("2025-02-30T10:00Z", None, "calendar has no day"),
    ],
)
def test_refuses_what_is_no_date_or_can_be_read_in_two_ways(text: str, date_format: str | None, reason: str) -> None:
    with pytest.raises(RawDataError, match=reason) as refused:
        parse_date(text, date_format=date_format)
    what_is_wrong, what_to_do = str(refused.value).split("\n")
    assert what_is_wrong.endswith(".")
    assert what_to_do


@pytest.mark.parametrize("text", ["2025-04-30T25:00Z", "2025-04-30T10:75Z", "2025-04-30T10:00+15:00", "2025-04-30 13:00 pm Z"])
def test_refuses_a_time_that_does_not_exist_where_its_zone_decides_on_the_day(text: str) -> None:
    assert parse_date(text).start == date(2025, 4, 30)
    with pytest.raises(RawDataError, match="time behind the date does not exist"):
        parse_date(text, timezone=DUSHANBE)


@pytest.mark.parametrize(
    "date_format", ["%d.%m", "%d.%Y", "%Q-%Y", "%j %Y", "%d.%m.20%y", "%d.%d.%m.%Y", "%d.%m.%Y%", "day month year"]
)
def test_refuses_a_format_that_names_no_date(date_format: str) -> None:
    with pytest.raises(StudyError, match="date_format"):
        parse_date("2025-04-30", date_format=date_format)


def test_a_format_without_separators_does_not_guess() -> None:
    assert parse_date("03052025", date_format="%d%m%Y").start == date(2025, 5, 3)
    with pytest.raises(RawDataError):
        parse_date("352025", date_format="%d%m%Y")


@pytest.mark.parametrize(
    ("text", "first", "last", "precision"),
    [
        ("30.04.2025", date(2025, 4, 30), date(2025, 4, 30), "day"),
        ("3.4.2025", date(2025, 4, 3), date(2025, 4, 3), "day"),
        (" 30.04.2025 г. ", date(2025, 4, 30), date(2025, 4, 30), "day"),
        ("30.04.2025 14:05", date(2025, 4, 30), date(2025, 4, 30), "day"),
        ("2025-04-30", date(2025, 4, 30), date(2025, 4, 30), "day"),
        ("2025-04-30T23:30:00.000+05:00", date(2025, 4, 30), date(2025, 4, 30), "day"),
        ("2025-W01", date(2024, 12, 30), date(2025, 1, 5), "week"),
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29), "month"),
        ("2025", date(2025, 1, 1), date(2025, 12, 31), "year"),
        ("30.04.2025 - 02.05.2025", date(2025, 4, 30), date(2025, 5, 2), "range"),
        ("30.04.2025–02.05.2025", date(2025, 4, 30), date(2025, 5, 2), "range"),
        ("2025-04-30/2025-05-02", date(2025, 4, 30), date(2025, 5, 2), "range"),
        ("2025-04-30/2025-04-30", date(2025, 4, 30), date(2025, 4, 30), "day"),
        ("2025-02..2025-04", date(2025, 2, 1), date(2025, 4, 30), "range"),
    ],
)
def test_reads_days_and_spans(text: str, first: date, last: date, precision: str) -> None:
    assert parse_date(text, date_format=DAY_FIRST) == Days(first, last, precision)


@pytest.mark.parametrize(
    ("text", "first", "last", "precision"),
    [
        ("30 апреля 2025 г.", date(2025, 4, 30), date(2025, 4, 30), "day"),
        ("«30» апреля 2025 года", date(2025, 4, 30), date(2025, 4, 30), "day"),
        ("30-го апреля 2025", date(2025, 4, 30), date(2025, 4, 30), "day"),
        ("апр. 2025", date(2025, 4, 1), date(2025, 4, 30), "month"),
        ("в августе 2024 г.", date(2024, 8, 1), date(2024, 8, 31), "month"),
        ("30 апрели соли 2025", date(2025, 4, 30), date(2025, 4, 30), "day"),
        ("30-юми апрели соли 2025", date(2025, 4, 30), date(2025, 4, 30), "day"),
        ("22 майи соли 2016", date(2016, 5, 22), date(2016, 5, 22), "day"),
        ("2025-ж. 30-апрель", date(2025, 4, 30), date(2025, 4, 30), "day"),
        ("2008-жылдын 25-апрели", date(2008, 4, 25), date(2008, 4, 25), "day"),
        ("1996-жылдын 27-июну", date(1996, 6, 27), date(1996, 6, 27), "day"),
        ("2009-жылдын 1-октябрында", date(2009, 10, 1), date(2009, 10, 1), "day"),
        ("2019-жылдын 5-декабрындагы", date(2019, 12, 5), date(2019, 12, 5), "day"),
        ("2001-жылы 27-декабрда", date(2001, 12, 27), date(2001, 12, 27), "day"),
        ("25-Сентябрь, 2024-жыл", date(2024, 9, 25), date(2024, 9, 25), "day"),
        ("30-aprel 2025-yil", date(2025, 4, 30), date(2025, 4, 30), "day"),
        ("2025-yil 1-sentyabr", date(2025, 9, 1), date(2025, 9, 1), "day"),
        ("2021 йилнинг 30 июль", date(2021, 7, 30), date(2021, 7, 30), "day"),
        ("30 апрел 2025", date(2025, 4, 30), date(2025, 4, 30), "day"),
        ("April 30th, 2025", date(2025, 4, 30), date(2025, 4, 30), "day"),
        ("30-Apr-2025", date(2025, 4, 30), date(2025, 4, 30), "day"),
        ("14-19 сентября 2022", date(2022, 9, 14), date(2022, 9, 19), "range"),
        ("14–19 September 2022", date(2022, 9, 14), date(2022, 9, 19), "range"),
        ("с 3 по 5 мая 2024", date(2024, 5, 3), date(2024, 5, 5), "range"),
        ("аз 3 то 5 майи соли 2024", date(2024, 5, 3), date(2024, 5, 5), "range"),
        ("2022-ж. 14-19-сентябрь", date(2022, 9, 14), date(2022, 9, 19), "range"),
        ("30 апреля - 2 мая 2025", date(2025, 4, 30), date(2025, 5, 2), "range"),
        ("28 декабря 2024 — 3 января 2025", date(2024, 12, 28), date(2025, 1, 3), "range"),
        ("апрель-май 2024", date(2024, 4, 1), date(2024, 5, 31), "range"),
        ("3-3 мая 2024", date(2024, 5, 3), date(2024, 5, 3), "day"),
        ("начало мая 2024", date(2024, 5, 1), date(2024, 5, 31), "month"),
        ("в середине мая 2024 г.", date(2024, 5, 1), date(2024, 5, 31), "month"),
        ("mid-May 2024", date(2024, 5, 1), date(2024, 5, 31), "month"),
        ("охири майи соли 2024", date(2024, 5, 1), date(2024, 5, 31), "month"),
        ("с 03.05.2024 по 05.05.2024", date(2024, 5, 3), date(2024, 5, 5), "range"),
        ("30 апреля 2025 г., около 14.00", date(2025, 4, 30), date(2025, 4, 30), "day"),
        ("30.04.2025 ж. соат 9:5", date(2025, 4, 30), date(2025, 4, 30), "day"),
        ("30.04.2025 14.00", date(2025, 4, 30), date(2025, 4, 30), "day"),
        ("30.04.2025 8 ч. 30 мин.", date(2025, 4, 30), date(2025, 4, 30), "day"),
        ("30.04.2025 24:00", date(2025, 4, 30), date(2025, 4, 30), "day"),
        ("30.04.2025 14:00-15:00", date(2025, 4, 30), date(2025, 4, 30), "day"),
        ("30.04.2025 02:30:00 PM", date(2025, 4, 30), date(2025, 4, 30), "day"),
    ],
)
def test_reads_months_by_name_and_times(text: str, first: date, last: date, precision: str) -> None:
    assert parse_date(text, date_format=DAY_FIRST) == Days(first, last, precision)


@pytest.mark.parametrize("language", ["ru", "tg", "ky", "uz", "uz_Cyrl", "en"])
@pytest.mark.parametrize("month", range(1, 13))
@pytest.mark.parametrize("width", ["full", "long", "medium"])
def test_reads_the_dates_that_the_cldr_writes(language: str, month: int, width: str) -> None:
    day = date(2023, month, 17)
    written = format_date(day, "d MMMM y" if width == "full" else width, locale=language)
    assert parse_date(written) == Days(day, day, "day")
    named = format_date(day, "LLLL y", locale=language)
    assert parse_date(named).precision == "month"


@pytest.mark.parametrize(
    ("text", "date_format"),
    [
        ("30 апреля 2025", "%d %B %Y"),
        ("30 апрели 2025", "%d %B %Y"),
        ("30-апр-25", "%d-%b-%y"),
        ("Ср 30 Apr. 2025", "%a %d %b %Y"),
        ("04/30/2025 02:30:00 PM", "%m/%d/%Y %I:%M:%S %p"),
        ("30.04.2025 г.", "%d.%m.%Y г."),
        ("2025-30-04", "%Y-%d-%m"),
    ],
)
def test_reads_what_the_format_names_in_five_languages(text: str, date_format: str) -> None:
    assert parse_date(text, date_format=date_format) == Days(date(2025, 4, 30), date(2025, 4, 30), "day")


def test_the_format_of_the_study_comes_before_iso() -> None:
    assert parse_date("2025-04-05", date_format="%Y-%d-%m").start == date(2025, 5, 4)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2025-04-30T22:30:00Z", date(2025, 5, 1)),
        ("2025-04-30T18:59:59.9Z", date(2025, 4, 30)),
        ("2025-04-30T22:30:00+05:00", date(2025, 4, 30)),
        ("2025-05-01 00:30 +06:00", date(2025, 4, 30)),
        ("2025-05-01 00:30 +0600", date(2025, 4, 30)),
        ("2025-04-30 05:30 UTC", date(2025, 4, 30)),
        ("2025-04-30 22:30 UTC+3", date(2025, 5, 1)),
        ("2025-04-30T10:00-09:30", date(2025, 5, 1)),
        ("2025-04-30 11:00 PM Z", date(2025, 5, 1)),
        ("2025-04-30T24:00+05:00", date(2025, 4, 30)),
        ("2025-04-30T22:30", date(2025, 4, 30)),
        ("2025-04-30 10:00-12:00", date(2025, 4, 30)),
    ],
)
def test_a_time_with_its_zone_is_put_on_the_day_of_the_study(text: str, day: date) -> None:
    assert parse_date(text, timezone=DUSHANBE) == Days(day, day, "day")
    assert parse_date(text).start == date.fromisoformat(text[:10])


def test_a_format_can_name_the_zone() -> None:
    assert parse_date("30.04.2025 23:10 +0000", date_format="%d.%m.%Y %H:%M %z", timezone=DUSHANBE).start == date(2025, 5, 1)


def test_a_format_without_day_names_a_month() -> None:
    assert parse_date("02.2024", date_format="%m.%Y") == Days(date(2024, 2, 1), date(2024, 2, 29), "month")


@pytest.mark.parametrize(
    ("precision", "first", "last"),
    [
        ("day", date(2025, 4, 30), date(2025, 4, 30)),
        ("week", date(2025, 4, 28), date(2025, 5, 4)),
        ("month", date(2025, 4, 1), date(2025, 4, 30)),
        ("year", date(2025, 1, 1), date(2025, 12, 31)),
    ],
)
def test_a_day_known_only_to_its_month_stands_for_the_month(precision: str, first: date, last: date) -> None:
    assert widen(parse_date("2025-04-30"), precision) == Days(first, last, precision)


def test_the_stated_precision_of_a_span_is_kept() -> None:
    days = span(parse_date("2025-04-30"), parse_date("2025-05-06"))
    assert widen(days, "week") == Days(days.start, days.end, "week")
    assert widen(days, "day") == days
    with pytest.raises(RawDataError, match="not one of day, week"):
        widen(days, "hour")


def test_day_numbers_of_a_spreadsheet() -> None:
    assert from_day_number(45123.75) == date(2023, 7, 16)
    assert from_day_number(2025) is None


@given(a_date)
def test_every_date_is_read_back(day: date) -> None:
    one = Days(day, day, "day")
    assert parse_date(day.isoformat()) == one
    assert parse_date(f"{day:%d.%m.%Y}", date_format=DAY_FIRST) == one
    assert parse_date(f"{day.day}.{day.month}.{day.year}", date_format=DAY_FIRST) == one
    assert parse_date(f"{day:%m/%d/%Y}", date_format="%m/%d/%Y") == one


@given(a_date, st.integers(1, 400))
def test_every_range_is_read_back(day: date, length_days: int) -> None:
    last = day + timedelta(days=length_days)
    assert parse_date(f"{day:%d.%m.%Y}-{last:%d.%m.%Y}", date_format=DAY_FIRST) == Days(day, last, "range")


@given(date_like | st.text(max_size=40), st.sampled_from([None, DAY_FIRST, "%m/%d/%Y", "%m.%Y"]))
def test_whatever_is_written_it_is_a_date_with_a_full_year_or_a_refusal(text: str, date_format: str | None) -> None:
    try:
        days = parse_date(text, date_format=date_format)
    except RawDataError:
        return
    assert days.start <= days.end
    assert f"{days.start.year:04d}" in text or "W" in text.upper()


@given(
    st.datetimes(datetime(1950, 1, 1), datetime(2090, 1, 1)),
    st.integers(-12 * 4, 14 * 4),
    st.sampled_from([DUSHANBE, "America/New_York", "Europe/Dublin", "Africa/Casablanca", "Pacific/Apia", "Asia/Bishkek"]),
)
def test_the_day_in_a_zone_is_that_of_the_standard_library(moment: datetime, quarters: int, zone: str) -> None:
    aware = moment.replace(microsecond=0, tzinfo=fixed_zone(timedelta(minutes=15 * quarters)))
    assert parse_date(aware.isoformat(), timezone=zone).start == aware.astimezone(ZoneInfo(zone)).date()


@given(st.lists(st.datetimes(datetime(2000, 1, 2), datetime(2030, 12, 30)), min_size=1, max_size=30))
def test_a_column_of_times_is_put_on_the_days_of_a_zone_with_summer_time(moments: list[datetime]) -> None:
    texts = [f"{moment:%Y-%m-%dT%H:%M:%S}Z" for moment in moments]
    read = columns(texts, timezone="America/New_York")
    there = [moment.replace(tzinfo=UTC).astimezone(ZoneInfo("America/New_York")).date() for moment in moments]
    assert read.start.tolist() == there
    assert read.counted == {"times with a zone were put on the day in America/New_York": len(moments)}


@given(st.integers(1900, 2100), st.integers(1, 53))
def test_weeks_are_those_of_the_calendar(year: int, week: int) -> None:
    try:
        monday = date.fromisocalendar(year, week, 1)
    except ValueError:
        with pytest.raises(RawDataError, match="calendar has no day"):
            parse_date(f"{year}-W{week:02d}")
    else:
        assert parse_date(f"{year}-W{week:02d}") == Days(monday, monday + timedelta(days=6), "week")


def columns(texts: list[str], ends: list[str] | None = None, words: list[str] | None = None, **named):
    nothing = [""] * len(texts)
    cells = (pd.Series(column, dtype="str") for column in (texts, ends or nothing, words or nothing))
    return read_days(*cells, **{"date_format": None, "timezone": None, **YEARS, **named})


def row_by_row(texts, ends, words, date_format, timezone):
    """What ``read_days`` says, by the functions for one cell."""
    faults, spans = {"date_end": [], "date": [], "whole": []}, []

    def read(column, at, text):
        try:
            return parse_date(text, date_format=date_format, timezone=timezone)
        except RawDataError as error:
            faults[column].append((at, column, str(error)))
            return None

    for at, (text, end, word) in enumerate(zip(texts, ends, words, strict=True)):
        has_end = bool(end) and not is_unknown(end)
        last, first = read("date_end", at, end) if has_end else None, read("date", at, text)
        spans.append(None)
        if first is None or (has_end and last is None):
            continue
        try:
            days = span(first, last) if last else first
            days = widen(days, word.casefold()) if word else days
        except RawDataError as error:
            faults["whole"].append((at, "date", str(error)))
            continue
        if YEARS["date_from"] <= days.start and days.end <= YEARS["date_to"]:
            spans[-1] = days
        else:
            shown = str(days.start) if days.start == days.end else f"{days.start} to {days.end}"
            outside = days.end < YEARS["date_from"] or days.start > YEARS["date_to"]
            verb, what = ("lies outside", "The date") if outside else ("reach beyond", "The dates")
            faults["whole"].append((at, "date", f"{what} ({shown}) {verb} the study period, 2000-01-01 to 2030-12-31."))
    return spans, [*faults["date_end"], *faults["date"], *faults["whole"]]


dated = st.one_of(
    date_like,
    st.text(max_size=40),
    a_date.map(date.isoformat),
    a_date.map(lambda day: f"{day:%d.%m.%Y} 14:05"),
    st.sampled_from(
        ["30 апреля 2025 г.", "апр. 2025", "с 3 по 5 мая 2024", "2025-W18", "2025-04-30T22:30Z", "2025", "31 мая 2024"]
    ),
    st.dates(date(1999, 12, 1), date(2000, 2, 1)).map(date.isoformat),
)


@given(
    st.lists(
        st.tuples(dated, st.just("") | st.just("н/д") | dated, st.sampled_from(["", *PRECISIONS, "Week", "hour"])), max_size=12
    ),
    st.sampled_from([None, DAY_FIRST, "%d %B %Y", "%m.%Y"]),
    st.sampled_from([None, DUSHANBE]),
)
def test_columns_say_what_the_functions_for_one_cell_say(rows, date_format, timezone) -> None:
    texts, ends, words = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    read = columns(texts, ends, words, date_format=date_format, timezone=timezone)
    spans, faults = row_by_row(texts, ends, words, date_format, timezone)
    assert read.start.dtype == read.end.dtype == np.dtype("datetime64[D]")
    assert read.start.tolist() == [days.start if days else None for days in spans]
    assert read.end.tolist() == [days.end if days else None for days in spans]
    assert read.precision.tolist() == [days.precision if days else "" for days in spans]
    assert [fault[:2] for fault in read.faults] == [fault[:2] for fault in faults]
    for (_, _, message), (_, _, expected) in zip(read.faults, faults, strict=True):
        assert message.startswith(expected)
        assert message.count("\n") == 1


def test_what_was_chosen_is_counted_among_the_rows_kept() -> None:
    texts = ["2025-04-30T22:30Z", "начало мая 2024", "2025-04-30", "1990-04-30T22:30Z"]
    read = columns(texts, ["", "", "н/д", ""])
    assert read.counted == {
        "times with a zone were counted on the day as written; the study names no time zone": 1,
        "dates in the beginning, middle or end of a month stand for the whole month": 1,
        "last days given as unknown were read as empty": 1,
    }
    assert [(at, column) for at, column, _ in read.faults] == [(3, "date")]


def test_both_cells_of_a_row_are_complained_of() -> None:
    read = columns(["весной"], ["31.31"])
    assert [(at, column) for at, column, _ in read.faults] == [(0, "date_end"), (0, "date")]
    assert read.precision.tolist() == [""]
    assert np.isnat(read.start).all()


UNUSABLE = "dates of reporting could not be used (unreadable, before the event, or far in the future)"


def reported(texts: list[str], start: str | None = "2025-04-30", date_format=DAY_FIRST, timezone=None):
    """The days of reporting of events on ``start``, and what was chosen how often."""
    first = np.full(len(texts), np.datetime64(start or "NaT", "D"))
    cells = pd.Series(texts, dtype="str")
    read = read_reported(cells, first, date_format=date_format, timezone=timezone, date_to=YEARS["date_to"])
    assert read.day.dtype == np.dtype("datetime64[D]")
    return read.day.tolist(), {words: int(rows.sum()) for words, rows in read.chosen if rows.any()}


@pytest.mark.parametrize(
    "text",
    [
        *("31.02.2025", "03.05.25", "13/05/2025", "весной", "45123", "1746000000", "после обеда " * 20),
        *("29.04.2025", "2025-03", "2024", "2025-W17", "2025-04-01/2025-04-29", "2025-05-02/2025-05-01", "0001-01-01"),
        *("2051-02-01", "9999-12-31", "2025-05-01T25:00+05:00"),
    ],
)
def test_a_day_of_reporting_that_cannot_be_is_left_empty_and_counted(text: str) -> None:
    assert reported([text, "01.05.2025", text], timezone=DUSHANBE) == ([None, date(2025, 5, 1), None], {UNUSABLE: 2})


@pytest.mark.parametrize("text", ["", "-", "н/д", "неизвестно", "маълум нест", "not known"])
def test_no_day_of_reporting_is_normal_and_silent(text: str) -> None:
    assert reported([text]) == ([None], {})
    assert reported([text, "2025-04-30"]) == ([None, date(2025, 4, 30)], {})
    assert reported([]) == ([], {})


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("30.04.2025", date(2025, 4, 30)),
        ("01.05.2025 09:10", date(2025, 5, 1)),
        ("2025-04", date(2025, 4, 30)),
        ("май 2025", date(2025, 5, 31)),
        ("2025", date(2025, 12, 31)),
        ("2025-W18", date(2025, 5, 4)),
        ("2025-04-01/2025-05-02", date(2025, 5, 2)),
        ("2050-12-31", date(2050, 12, 31)),
    ],
)
def test_of_a_day_of_reporting_not_exactly_known_the_last_one_counts(text: str, day: date) -> None:
    assert reported([text]) == ([day], {})


def test_a_report_of_which_nobody_knows_when_it_happened_comes_before_nothing() -> None:
    assert reported(["01.01.1900"], start=None) == ([date(1900, 1, 1)], {})


def test_a_time_of_reporting_is_put_on_the_day_of_the_study() -> None:
    assert reported(["2025-04-30T22:30:00.000Z", "01.05.2025"], timezone=DUSHANBE) == (
        [date(2025, 5, 1)] * 2,
        {"times of reporting in UTC or with a zone were put on the day in Asia/Dushanbe": 1},
    )
    assert reported(["2025-04-30T22:30:00.000Z"]) == (
        [date(2025, 4, 30)],
        {"times of reporting in UTC or with a zone were counted on the day as written; the study names no time zone": 1},
    )


def test_the_last_week_that_there_is_does_no_harm() -> None:
    assert widen(parse_date("9999-12-31"), "week").end == date.max
    read = columns(["9999-12-31"], [""], ["week"])
    assert "lies outside the study period" in read.faults[0][2]
