"""When a report counts: in a whole calendar quarter that is told once, and in the public period.

Windows that overlap can be subtracted from one another: quarters 1 to 4 less quarters 2 to 5 plus quarter 5 is quarter 1. So a
quarter is released once and stays as it was, and the public period is renewed only when a year or more can be added at once:
then the difference of two periods is of at least four quarters, and leaves each of them open.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd

STEP_QUARTERS = 4


@dataclass(frozen=True)
class Windows:
    """The windows of a release: the first and last day of the period, and the quarters told one by one, earliest first."""

    public_from: date
    public_to: date
    quarters: tuple[str, ...]


def complete_quarters(date_from: date, date_to: date) -> tuple[str, ...]:
    """The calendar quarters that lie wholly from ``date_from`` to ``date_to``, both counted, as 2026Q3."""
    inside = pd.period_range(date_from, date_to, freq="Q")
    return tuple(str(q) for q in inside if q.start_time.date() >= date_from and q.end_time.date() <= date_to)


def public_windows(date_from: date, date_to: date, *, most_quarters: int, periods: Sequence[tuple[date, date]] = ()) -> Windows:
    """The windows that a release of the study period may tell.

    Parameters
    ----------
    date_from, date_to
        First and last day of the study period.
    most_quarters
        How many quarters are told, the latest.
    periods
        First and last days of the public periods released before, the earliest release first.

    Returns
    -------
    Windows
        The period ends with the last complete quarter (without one: as the study). If less than a year came since the
        period released last, or the study no longer reaches so far, that period stands.
    """
    quarters = complete_quarters(date_from, date_to)
    last = pd.Period(quarters[-1]).end_time.date() if quarters else date_to
    if periods:
        since = pd.period_range(periods[-1][1], last, freq="Q")
        if len(since) - 1 < STEP_QUARTERS:
            return Windows(*periods[-1], quarters[-most_quarters:])
    return Windows(date_from, last, quarters[-most_quarters:])


def is_within(quarter: str, first_day: str, last_day: str) -> bool:
    """Whether a quarter lies wholly between two days as ISO text, both counted."""
    period = pd.Period(quarter)
    return bool(first_day <= str(period.start_time.date()) and str(period.end_time.date()) <= last_day)


def mark(incident_id: str) -> str:
    """Sixteen hexadecimal digits by which a report that was counted is known again without its number."""
    return hashlib.sha256(incident_id.encode()).hexdigest()[:16]


def counted_in(events: pd.DataFrame, is_new: pd.Series, *, released: Collection[str], quarters: Sequence[str]) -> pd.Series:
    """The quarter in which each event counts, or none: that in which it happened, or, if it came late, was reported.

    Parameters
    ----------
    events
        ``date_start``, ``date_end``, ``date_reported`` (may be empty).
    is_new
        Whether an event was in no released quarter yet; same index. One that happened in a released quarter is late.
    released
        Quarters that are out.
    quarters
        The quarters of this release in order; a late report whose day of reporting is unknown, or lies in a released
        quarter, counts in the first one not yet released.

    Returns
    -------
    Series of str
        Quarter as 2026Q3; None for an event that may have happened in two quarters, or came late with no quarter left.
    """
    first, last, reported = (_quarter(events[name]) for name in ("date_start", "date_end", "date_reported"))
    happened = first.where(first == last)
    still_open = [quarter for quarter in quarters if quarter not in released]
    late = reported.where(reported.isin(still_open), still_open[0] if still_open else None)
    counted = happened.mask(happened.isin(list(released)) & is_new, late)
    return counted.where(counted.notna(), None)


def _quarter(days: pd.Series) -> pd.Series:
    return days.dt.to_period("Q").astype("str").astype(object).where(days.notna(), None)
