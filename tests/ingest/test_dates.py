from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tensionmap.errors import RawDataError, StudyError
from tensionmap.ingest.dates import Days, from_day_number, parse_date, span, widen

DAY_FIRST = "%d.%m.%Y"
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
    ],
)
def test_refuses_what_is_no_date_or_can_be_read_in_two_ways(text: str, date_format: str | None, reason: str) -> None:
    with pytest.raises(RawDataError, match=reason) as refused:
        parse_date(text, date_format=date_format)
    what_is_wrong, what_to_do = str(refused.value).split("\n")
    assert what_is_wrong.endswith(".")
    assert what_to_do


@pytest.mark.parametrize("date_format", ["%d.%m", "%d.%Y", "%Q-%Y", "day month year"])
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
    assert f"{days.start.year:04d}" in text or "W" in text
