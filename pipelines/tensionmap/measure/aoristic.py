"""When reports happened, if each is known only to lie between two times: every report is spread evenly over its span."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from tensionmap.compiled import compiled
from tensionmap.errors import MeasureError

Numbers = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Truth = npt.NDArray[np.bool_]
By = Literal["weekday", "hour", "weekday_hour", "week", "month"]

_HOUR = 3_600_000_000
_DAY = 24 * _HOUR
# Microseconds in one part, and how many parts until they begin again.
_CLOCKS = {"weekday": (_DAY, 7), "hour": (_HOUR, 24), "weekday_hour": (_HOUR, 168)}
_CALENDARS = {"week": 53, "month": 12}
# 1970-01-01 was a Thursday, 1969-12-29 a Monday.
_MONDAY = 3 * _DAY


def aoristic(start: pd.Series, end: pd.Series, *, by: By) -> pd.DataFrame:
    """Reports expected in every weekday, hour, hour of the week, week or month, each spread evenly over its span.

    Parameters
    ----------
    start, end
        Earliest and latest time of every report: dates or times, with the same index. Times are read as the clock shows
        them: without time zone, or all in the same one.
    by
        What to sum by, over all years together: weekday, hour (of the day), weekday_hour, week (ISO, of the year), month (of
        the year).

    Returns
    -------
    DataFrame
        One row a part, in order, empty ones too. Index: ``weekday`` 1 (Monday) to 7, ``hour`` 0 to 23, both, ``week`` 1 to 53, or
        ``month`` 1 to 12.

        - ``reports``: sum of the shares of all reports; sums to the number of reports.
        - ``of_whole_days``: how much of that comes from reports that are known by date only. They say nothing about the hour.

    Raises
    ------
    MeasureError
        If the columns differ in length, index or time zone, hold something that is no time or is missing, or a report ends
        before it starts; the rows are named, counted from 0.

    Notes
    -----
    A report from s to e gives each part the share of e - s that falls in it. If s = e it is known to the moment and counts
    in one part. A report of which both times are midnight sharp is taken as whole days, the last included: from the
    beginning of its first to the end of its last day. Spans may be of any length. A clock that is put forward or back within
    a span is not seen.

    *What it does not show.* Shares are not certainty: nobody knows that a theft during a week of absence is as likely at noon as
    at night, and long spans flatten every profile. The sums are no counts: no test for counts applies to them.

    References
    ----------
    Ratcliffe, J. H. (2000). Aoristic analysis: the spatial interpretation of unspecific temporal events. International
    Journal of Geographical Information Science 14. https://doi.org/10.1080/136588100424963

    Examples
    --------
    >>> when = pd.Series(pd.to_datetime(["2024-05-03 22:30"]))
    >>> found = aoristic(when, when + pd.Timedelta(hours=2), by="hour")
    >>> found["reports"][lambda share: share > 0].to_dict()
    {0: 0.25, 22: 0.25, 23: 0.5}
    """
    if by not in (*_CLOCKS, *_CALENDARS):
        raise MeasureError(f"There is no profile by {by!r}. Use one of: {', '.join([*_CLOCKS, *_CALENDARS])}.")
    first, last = _spans(start, end)
    is_whole_days = (first % _DAY == 0) & (last % _DAY == 0)
    last = np.where(is_whole_days, last + _DAY, last)
    # Sums in one order, so that that of the rows leaves no trace.
    order = np.lexsort((last, first))
    first, last, is_whole_days = first[order], last[order], is_whole_days[order]
    if by in _CLOCKS:
        part, parts = _CLOCKS[by]
        sums = _by_clock(first + _MONDAY, last + _MONDAY, is_whole_days, part, parts)
    else:
        edges, number = _calendar(first, last, by)
        sums = _by_calendar(first, last, is_whole_days, edges, number, _CALENDARS[by])
    return pd.DataFrame({"reports": sums.sum(axis=0), "of_whole_days": sums[1]}, index=_index(by))


def _index(by: By) -> pd.Index:
    weekday, hour = pd.RangeIndex(1, 8, name="weekday"), pd.RangeIndex(24, name="hour")
    if by == "weekday_hour":
        return pd.MultiIndex.from_product([weekday, hour])
    if by in _CALENDARS:
        return pd.RangeIndex(1, _CALENDARS[by] + 1, name=by)
    return weekday if by == "weekday" else hour


def _spans(start: pd.Series, end: pd.Series) -> tuple[Whole, Whole]:
    """Both columns as microseconds of the clock since 1970."""
    columns = {"start": pd.Series(start), "end": pd.Series(end)}
    if len(columns["start"]) != len(columns["end"]):
        raise MeasureError(f"There are {len(start)} starts and {len(end)} ends. Give one of each for every report.")
    if isinstance(start, pd.Series) and isinstance(end, pd.Series) and not start.index.equals(end.index):
        raise MeasureError("start and end have different indexes. Take them from one table.")
    zones = [getattr(column.dtype, "tz", None) for column in columns.values()]
    if str(zones[0]) != str(zones[1]):
        raise MeasureError(
            f"The time zones differ: start has {zones[0] or 'none'}, end has {zones[1] or 'none'}. Convert both to local time."
        )
    first, last = (_microseconds(column, name) for name, column in columns.items())
    backward = np.flatnonzero(last < first)
    if backward.size:
        raise MeasureError(
            f"{backward.size} reports end before they start: {_rows(backward)}. "
            "Exchange the two times, or leave those reports out."
        )
    return first, last


def _microseconds(column: pd.Series, name: str) -> Whole:
    if len(column) == 0:
        return np.empty(0, np.int64)
    if column.dtype.kind != "M":
        raise MeasureError(f"{name} holds {column.dtype}, not times. Read it with pandas.to_datetime and the format that it has.")
    missing = np.flatnonzero(column.isna())
    if missing.size:
        raise MeasureError(f"{name} is missing in {missing.size} reports: {_rows(missing)}. Leave those reports out and say so.")
    clock = column.dt.tz_localize(None) if isinstance(column.dtype, pd.DatetimeTZDtype) else column
    microseconds: Whole = clock.to_numpy(dtype="datetime64[us]").astype(np.int64)
    return microseconds


def _rows(rows: Whole) -> str:
    return f"row{'s' if rows.size > 1 else ''} {', '.join(map(str, rows[:10]))}{' ...' if rows.size > 10 else ''}, counted from 0"


def _calendar(first: Whole, last: Whole, by: By) -> tuple[Whole, Whole]:
    """When each week or month begins, from the first report to the last, and its number in the year."""
    if first.size == 0:
        return np.zeros(1, np.int64), np.zeros(1, np.int64)
    unit = "W-SUN" if by == "week" else "M"
    low, high = (pd.Timestamp(int(time), unit="us").to_period(unit) for time in (first.min(), last.max()))
    begins = pd.period_range(low, high + 1, freq=unit).to_timestamp()
    number = begins.isocalendar()["week"] if by == "week" else begins.month
    return begins.to_numpy(dtype="datetime64[us]").astype(np.int64), np.asarray(number, dtype=np.int64) - 1


@compiled
def _by_clock(first: Whole, last: Whole, is_whole_days: Truth, part: int, parts: int) -> Numbers:
    """Sums of shares of reports known to times and to days, in ``parts`` that come again and again."""
    sums = np.zeros((2, parts))
    everywhere = np.zeros(2)
    for one in range(first.size):
        row = 1 if is_whole_days[one] else 0
        length = last[one] - first[one]
        time = first[one]
        place = (time // part) % parts
        if length == 0:
            sums[row, place] += 1.0
            continue
        # Whole rounds reach every part alike; the rest is less than one round.
        rounds = length // (part * parts)
        everywhere[row] += rounds * part / length
        time += rounds * part * parts
        until, share = (time // part + 1) * part, 1.0 / length
        while time < last[one]:
            sums[row, place] += (min(until, last[one]) - time) * share
            time, until, place = until, until + part, place + 1
            if place == parts:
                place = 0
    return sums + everywhere.reshape(2, 1)


@compiled
def _by_calendar(first: Whole, last: Whole, is_whole_days: Truth, edges: Whole, number: Whole, parts: int) -> Numbers:
    """The same in parts of unequal length; ``first`` rises, and ``edges`` reach beyond the last report."""
    sums = np.zeros((2, parts))
    begin = 0
    for one in range(first.size):
        row = 1 if is_whole_days[one] else 0
        length = last[one] - first[one]
        while edges[begin + 1] <= first[one]:
            begin += 1
        if length == 0:
            sums[row, number[begin]] += 1.0
            continue
        place, time = begin, first[one]
        while time < last[one]:
            until = min(edges[place + 1], last[one])
            sums[row, number[place]] += (until - time) / length
            time = until
            place += 1
    return sums
