"""A quarter is told once, the period is renewed by a year at least, and late reports are told in the quarter of reporting."""

import itertools
from datetime import date

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tensionmap.protect.windows import STEP_QUARTERS, Windows, complete_quarters, counted_in, mark, public_windows

NEW_YEAR = date(2024, 1, 1)


def last_day(quarter):
    return pd.Period(quarter).end_time.date()


# which windows


@pytest.mark.parametrize(
    ("date_from", "date_to", "expected"),
    [
        (date(2024, 1, 1), date(2024, 12, 31), ("2024Q1", "2024Q2", "2024Q3", "2024Q4")),
        (date(2024, 1, 2), date(2024, 12, 30), ("2024Q2", "2024Q3")),
        (date(2023, 11, 20), date(2024, 6, 30), ("2024Q1", "2024Q2")),
        (date(2024, 1, 1), date(2024, 3, 31), ("2024Q1",)),
        (date(2024, 1, 1), date(2024, 3, 30), ()),
        (date(2024, 2, 1), date(2024, 5, 31), ()),
        (date(2024, 2, 29), date(2024, 2, 29), ()),
    ],
)
def test_only_whole_quarters_are_told(date_from, date_to, expected):
    assert complete_quarters(date_from, date_to) == expected


def test_the_first_period_ends_with_the_last_whole_quarter():
    found = public_windows(date(2023, 11, 20), date(2024, 11, 15), most_quarters=2)
    assert found == Windows(date(2023, 11, 20), date(2024, 9, 30), ("2024Q2", "2024Q3"))


def test_less_than_a_quarter_is_a_period_alone():
    assert public_windows(date(2024, 2, 1), date(2024, 3, 15), most_quarters=12) == Windows(
        date(2024, 2, 1), date(2024, 3, 15), ()
    )


@pytest.mark.parametrize(
    ("date_to", "public_to"),
    [
        (date(2024, 9, 30), date(2024, 6, 30)),
        (date(2025, 3, 31), date(2024, 6, 30)),
        (date(2025, 6, 29), date(2024, 6, 30)),
        (date(2025, 6, 30), date(2025, 6, 30)),
        (date(2026, 2, 1), date(2025, 12, 31)),
    ],
)
def test_a_period_stands_until_four_quarters_can_be_added(date_to, public_to):
    found = public_windows(NEW_YEAR, date_to, most_quarters=3, periods=[(NEW_YEAR, date(2024, 6, 30))])
    assert (found.public_from, found.public_to) == (NEW_YEAR, public_to)
    assert found.quarters == complete_quarters(NEW_YEAR, date_to)[-3:]


def test_a_period_stands_if_the_study_was_cut_short():
    released = (NEW_YEAR, date(2025, 12, 31))
    found = public_windows(NEW_YEAR, date(2025, 4, 1), most_quarters=9, periods=[released])
    assert (found.public_from, found.public_to) == released


def test_the_period_released_last_counts():
    periods = [(NEW_YEAR, date(2024, 6, 30)), (NEW_YEAR, date(2025, 6, 30))]
    assert public_windows(NEW_YEAR, date(2026, 3, 31), most_quarters=1, periods=periods).public_to == date(2025, 6, 30)


@settings(max_examples=60, derandomize=True, database=None, deadline=None)
@given(days=st.lists(st.integers(0, 1500), min_size=1, max_size=9).map(sorted))
def test_two_periods_of_a_series_differ_by_a_year_or_not_at_all(days):
    periods = []
    for day in days:
        found = public_windows(
            NEW_YEAR, (pd.Timestamp(NEW_YEAR) + pd.Timedelta(day, unit="D")).date(), most_quarters=4, periods=periods
        )
        periods.append((found.public_from, found.public_to))
    ends = sorted({pd.Period(last, "Q") for _, last in periods})
    assert all((later - earlier).n >= STEP_QUARTERS for earlier, later in itertools.pairwise(ends))


# which quarter


def counted(rows, *, released=(), quarters=("2024Q1", "2024Q2", "2024Q3", "2024Q4")):
    """The quarter of events (first day, last day, day of reporting, whether new); the index is not a plain one."""
    frame = pd.DataFrame(
        rows, columns=["date_start", "date_end", "date_reported", "is_new"], index=[7 + 2 * n for n in range(len(rows))]
    )
    for name in ("date_start", "date_end", "date_reported"):
        frame[name] = pd.to_datetime(frame[name])
    before = frame.copy()
    found = counted_in(frame, frame["is_new"], released=released, quarters=quarters)
    pd.testing.assert_frame_equal(frame, before)
    assert found.index.equals(frame.index)
    assert found.dtype == object
    return found.tolist()


def test_an_event_counts_where_it_happened():
    rows = [("2024-03-31", "2024-03-31", None, True), ("2024-04-01", "2024-06-30", "2024-12-01", True)]
    assert counted(rows) == ["2024Q1", "2024Q2"]


def test_an_event_that_may_have_happened_in_two_quarters_counts_in_none():
    assert counted([("2024-03-31", "2024-04-01", None, True), ("2024-01-01", "2024-12-31", "2024-03-01", True)]) == [None, None]


OUT = ("2024Q1", "2024Q2")


@pytest.mark.parametrize(
    ("reported", "is_new", "quarter"),
    [
        ("2024-09-30", True, "2024Q3"),
        ("2024-10-01", True, "2024Q4"),
        ("2024-06-30", True, "2024Q3"),
        ("2024-02-10", True, "2024Q3"),
        ("2025-01-15", True, "2024Q3"),
        (None, True, "2024Q3"),
        ("2024-10-01", False, "2024Q1"),
        (None, False, "2024Q1"),
    ],
    ids=[
        "open",
        "later open",
        "reported in a quarter that is out",
        "reported at once",
        "beyond",
        "unknown",
        "counted",
        "counted, unknown",
    ],
)
def test_a_report_of_a_quarter_that_is_out_counts_when_it_was_reported(reported, is_new, quarter):
    assert counted([("2024-02-10", "2024-02-10", reported, is_new)], released=OUT) == [quarter]


def test_a_late_report_counts_in_no_quarter_if_all_are_out():
    every = ("2024Q1", "2024Q2", "2024Q3", "2024Q4")
    assert counted([("2024-02-10", "2024-02-10", "2024-10-01", True)], released=every) == [None]


def test_a_report_of_an_open_quarter_is_never_moved():
    assert counted([("2024-07-01", "2024-07-01", "2024-12-31", True)], released=OUT) == ["2024Q3"]


def test_an_event_that_spans_a_quarter_that_is_out_counts_in_none():
    assert counted([("2024-06-30", "2024-07-01", "2024-07-01", True)], released=OUT) == [None]


def test_no_events_count_nowhere():
    assert counted([], released=OUT) == []


def test_a_mark_names_no_report():
    marks = {mark(f"register:{n}") for n in range(1000)}
    assert len(marks) == 1000
    assert all(len(one) == 16 and int(one, 16) >= 0 for one in marks)
    assert mark("register:5") == mark("register:5")
