"""Aoristic sums: what is refused, spans worked by hand, conservation, and a slow way to the same sums."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tensionmap.errors import MeasureError
from tensionmap.measure.aoristic import aoristic

BY = ["weekday", "hour", "weekday_hour", "week", "month"]


def times(*texts: str) -> pd.Series:
    return pd.Series(pd.to_datetime(list(texts), format="ISO8601"))


def spans(rows: int, seed: int, *, longest_days: float = 30.0, step_s: int = 1) -> tuple[pd.Series, pd.Series]:
    draws = np.random.default_rng(seed)
    start = pd.Timestamp("2023-12-20") + pd.to_timedelta(draws.integers(0, 400 * 86_400 // step_s, rows) * step_s, unit="s")
    long = draws.integers(0, int(longest_days * 86_400) // step_s + 1, rows) * step_s
    return pd.Series(start), pd.Series(start + pd.to_timedelta(long, unit="s"))


def shares(start: pd.Series, end: pd.Series, by: Any) -> dict[Any, float]:
    """What is not 0."""
    found = aoristic(start, end, by=by)["reports"]
    return dict(found[found > 0].round(12))


def test_an_unknown_profile_is_refused() -> None:
    with pytest.raises(MeasureError, match=r"no profile by 'year'.*weekday, hour"):
        aoristic(times("2024-05-01"), times("2024-05-01"), by="year")


def test_ends_before_starts_are_refused_with_their_rows() -> None:
    start, end = times(*["2024-05-02"] * 14), times(*["2024-05-02"] * 14)
    end[[1, 3]] = pd.Timestamp("2024-05-01")
    with pytest.raises(MeasureError, match=r"2 reports end before they start: rows 1, 3, counted from 0"):
        aoristic(start, end, by="hour")
    end[:] = pd.Timestamp("2024-05-01")
    with pytest.raises(MeasureError, match=r"14 reports .* rows 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 \.\.\., counted"):
        aoristic(start, end, by="hour")


def test_missing_times_are_refused() -> None:
    good, bad = times("2024-05-01", "2024-05-02"), pd.Series([pd.NaT, pd.Timestamp("2024-05-02")])
    with pytest.raises(MeasureError, match="start is missing in 1 reports: row 0"):
        aoristic(bad, good, by="month")
    with pytest.raises(MeasureError, match="end is missing in 1 reports: row 0"):
        aoristic(good, bad, by="month")


@pytest.mark.parametrize(
    "column", [pd.Series(["2024-05-01"]), pd.Series([45_000]), pd.Series([pd.Timestamp(0), "x"], dtype=object)]
)
def test_what_is_no_time_is_refused(column: pd.Series) -> None:
    with pytest.raises(MeasureError, match="not times"):
        aoristic(column, column, by="hour")


def test_columns_of_different_rows_are_refused() -> None:
    two = times("2024-05-01", "2024-05-02")
    with pytest.raises(MeasureError, match="2 starts and 1 ends"):
        aoristic(two, two[:1], by="hour")
    with pytest.raises(MeasureError, match="different indexes"):
        aoristic(two, two[::-1], by="hour")


def test_time_zones_must_be_alike() -> None:
    plain = times("2024-05-01 10:00")
    here, there = plain.dt.tz_localize("Asia/Dushanbe"), plain.dt.tz_localize("Asia/Bishkek")
    for start, end in [(plain, here), (here, plain), (here, there)]:
        with pytest.raises(MeasureError, match="time zones differ"):
            aoristic(start, end, by="hour")
    assert shares(here, here, "hour") == {10: 1}


def test_half_past_ten_to_half_past_midnight_is_a_quarter_a_half_and_a_quarter() -> None:
    start, end = times("2024-05-03 22:30"), times("2024-05-04 00:30")
    assert shares(start, end, "hour") == {22: 0.25, 23: 0.5, 0: 0.25}
    # A Friday and a Saturday.
    assert shares(start, end, "weekday") == {5: 0.75, 6: 0.25}
    assert shares(start, end, "weekday_hour") == {(5, 22): 0.25, (5, 23): 0.5, (6, 0): 0.25}
    assert shares(start, end, "month") == {5: 1}
    assert shares(start, end, "week") == {18: 1}


@pytest.mark.parametrize(
    ("start", "end", "minutes"),
    [
        ("2024-01-01 01:00", "2024-01-01 01:30", {(1, 1): 30}),
        ("2024-01-01 01:00", "2024-01-01 02:30", {(1, 1): 60, (1, 2): 30}),
        ("2024-01-01 01:50", "2024-01-01 02:10", {(1, 1): 10, (1, 2): 10}),
        ("2024-01-01 23:30", "2024-01-02 01:15", {(1, 23): 30, (2, 0): 60, (2, 1): 15}),
        ("2024-01-07 22:00", "2024-01-08 02:00", {(7, 22): 60, (7, 23): 60, (1, 0): 60, (1, 1): 60}),
    ],
)
def test_the_spans_that_crimepy_tests(start: str, end: str, minutes: dict[tuple[int, int], int]) -> None:
    total = sum(minutes.values())
    assert shares(times(start), times(end), "weekday_hour") == pytest.approx(
        {hour: part / total for hour, part in minutes.items()}
    )


def test_more_than_a_week_is_not_taken_as_even() -> None:
    # crimepy and the R package aoristic give every hour 1 / 168; of 8 days from Monday noon to Tuesday noon 24 hours come twice.
    found = aoristic(times("2024-01-01 12:00"), times("2024-01-09 12:00"), by="weekday_hour").reports * 192
    assert found.tolist() == pytest.approx([1] * 12 + [2] * 24 + [1] * 132)


def test_a_moment_counts_once_where_it_is() -> None:
    moment = times("2024-12-31 23:00:00.000001")
    assert shares(moment, moment, "hour") == {23: 1}
    assert shares(moment, moment, "weekday_hour") == {(2, 23): 1}
    assert shares(moment, moment, "month") == {12: 1}
    # The ISO week of that Tuesday is the first of 2025.
    assert shares(moment, moment, "week") == {1: 1}


def test_whole_days_last_to_the_end_of_the_last_day() -> None:
    # Friday to Monday, the first of a month on Saturday.
    start, end = times("2024-05-31"), times("2024-06-03")
    assert shares(start, end, "weekday") == {5: 0.25, 6: 0.25, 7: 0.25, 1: 0.25}
    assert shares(start, end, "month") == {5: 0.25, 6: 0.75}
    assert shares(start, end, "week") == {22: 0.75, 23: 0.25}
    found = aoristic(start, end, by="hour")
    assert found.reports.tolist() == pytest.approx([1 / 24] * 24)
    assert found.of_whole_days.equals(found.reports)


def test_what_comes_from_whole_days_is_told_apart() -> None:
    start, end = times("2024-05-03", "2024-05-03 00:00"), times("2024-05-03", "2024-05-03 12:00")
    found = aoristic(start, end, by="hour")
    assert found.of_whole_days.sum() == pytest.approx(1)
    assert found.reports[:12].tolist() == pytest.approx([1 / 24 + 1 / 12] * 12)
    assert found.reports[12:].tolist() == pytest.approx([1 / 24] * 12)


def test_a_leap_year_is_spread_over_its_366_days() -> None:
    found = aoristic(times("2024-01-01"), times("2024-12-31"), by="month").reports * 366
    assert found.tolist() == pytest.approx([31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
    weeks = aoristic(times("2020-01-01"), times("2020-12-31"), by="week").reports * 366
    assert weeks.tolist() == pytest.approx([5, *[7] * 51, 4])


def test_eight_days_reach_one_weekday_twice() -> None:
    assert shares(times("2024-05-06"), times("2024-05-13"), "weekday") == {1: 0.25} | dict.fromkeys(range(2, 8), 0.125)


def test_ten_years_are_even_by_the_hour() -> None:
    found = aoristic(times("2015-01-01 05:00"), times("2025-01-01 05:00"), by="hour").reports
    assert found.tolist() == pytest.approx([1 / 24] * 24)


@pytest.mark.parametrize(("by", "rows"), [("weekday", 7), ("hour", 24), ("weekday_hour", 168), ("week", 53), ("month", 12)])
def test_every_part_has_a_row_also_without_any_report(by: Any, rows: int) -> None:
    nothing = pd.Series([], dtype="datetime64[us]")
    found = aoristic(nothing, nothing, by=by)
    assert found.shape == (rows, 2)
    assert not found.any(axis=None)
    names = by.split("_")
    assert list(found.index.names) == names
    if len(names) == 1:
        assert found.index[0] == (0 if by == "hour" else 1)
        assert found.index.is_monotonic_increasing
    assert aoristic(*spans(50, 1), by=by).index.equals(found.index)


@pytest.mark.parametrize("by", BY)
def test_before_1970_weekdays_and_weeks_are_right_too(by: Any) -> None:
    moment = times("1969-07-20 20:17")
    expected = {"weekday": 7, "hour": 20, "weekday_hour": (7, 20), "week": 29, "month": 7}[by]
    assert shares(moment, moment, by) == {expected: 1}


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.sampled_from(BY), st.integers(0, 10**6), st.sampled_from([0.01, 2, 40, 1000]), st.sampled_from([1, 86_400]))
def test_no_report_is_lost_and_the_order_of_rows_does_not_matter(by: Any, seed: int, longest_days: float, step_s: int) -> None:
    start, end = spans(80, seed, longest_days=max(longest_days, step_s / 86_400), step_s=step_s)
    found = aoristic(start, end, by=by)
    assert found.reports.sum() == pytest.approx(80, rel=1e-12)
    assert (found.of_whole_days >= 0).all()
    assert (found.of_whole_days <= found.reports * (1 + 1e-12)).all()
    assert found.of_whole_days.sum() == pytest.approx(80 if step_s == 86_400 else found.of_whole_days.sum())
    order = np.random.default_rng(seed).permutation(80)
    pd.testing.assert_frame_equal(aoristic(start[order], end[order], by=by), found, check_exact=True)
    twice = aoristic(pd.concat([start, start]), pd.concat([end, end]), by=by)
    pd.testing.assert_frame_equal(twice, found * 2)


@pytest.mark.parametrize("by", BY)
@pytest.mark.parametrize("longest_days", [0.2, 20.0])
def test_minute_by_minute_gives_the_same(by: Any, longest_days: float) -> None:
    start, end = spans(30, 4, longest_days=longest_days, step_s=60)
    sums: dict[Any, float] = {}
    for first, last in zip(start, end, strict=True):
        minutes = pd.date_range(first, last, freq="min", inclusive="left") if last > first else pd.DatetimeIndex([first])
        part = {
            "weekday": minutes.day_of_week + 1,
            "hour": minutes.hour,
            "weekday_hour": list(zip(minutes.day_of_week + 1, minutes.hour, strict=True)),
            "week": minutes.isocalendar().week,
            "month": minutes.month,
        }[by]
        for key in part:
            sums[key] = sums.get(key, 0) + 1 / len(minutes)
    found = shares(start, end, by)
    assert found.keys() == sums.keys()
    assert found == pytest.approx(sums)


def test_the_hour_of_the_week_sums_to_hours_and_weekdays() -> None:
    start, end = spans(500, 5)
    both = aoristic(start, end, by="weekday_hour")
    for level in ("weekday", "hour"):
        pd.testing.assert_frame_equal(both.groupby(level=level).sum(), aoristic(start, end, by=level))


def test_inputs_are_not_changed_and_any_unit_of_time_will_do() -> None:
    start, end = spans(50, 6)
    before = start.copy(deep=True), end.copy(deep=True)
    found = aoristic(start, end, by="hour")
    assert start.equals(before[0])
    assert end.equals(before[1])
    for unit in ("s", "ms", "us", "ns"):
        pd.testing.assert_frame_equal(aoristic(start.astype(f"datetime64[{unit}]"), end, by="hour"), found)
