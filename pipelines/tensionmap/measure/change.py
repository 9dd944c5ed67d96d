"""Quarter against quarter: where there are more or fewer reports than before, and what became of the hot spots.

A change of one place is told apart from a change of the whole region, and decided over the whole map at once: of maps on
which nothing changed but the season, at most the share ``alpha`` shows any change at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import gammaln
from scipy.stats import norm

from tensionmap.compiled import compiled
from tensionmap.errors import MeasureError
from tensionmap.measure import montecarlo
from tensionmap.measure.montecarlo import draw_kinds
from tensionmap.measure.nulls import Null
from tensionmap.streams import begin

Numbers = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Truth = npt.NDArray[np.bool_]
Against = Literal["previous", "same quarter last year"]

NO_PATTERN = "no pattern"
TOO_FEW = "too few to tell"
STEPS_FOR_TRENDS = 10
BACK: dict[Against, int] = {"previous": 1, "same quarter last year": 4}
_QUARTERS = 4
_ROUNDING = 1e-12
# Beyond this a chance is too small for a number: e^-700.
_DEEPEST = -700.0


def quarter_of(days: pd.Series | npt.NDArray[np.datetime64]) -> pd.Series:
    """Calendar quarter of every day, as "2025Q3".

    Parameters
    ----------
    days
        Dates or times. Times keep their own clock: a time with a zone falls into the quarter of that zone.

    Returns
    -------
    Series
        Labels that sort by time, index of ``days``; missing where the day is.

    Raises
    ------
    MeasureError
        If these are no dates. Text is refused: which number is the day and which the month is not guessed here.

    Examples
    --------
    >>> import numpy as np
    >>> quarter_of(np.array(["2025-03-31", "2025-04-01"], dtype="datetime64[D]")).tolist()
    ['2025Q1', '2025Q2']
    """
    when = _dates(days)
    number = _quarters(when)
    known = number >= 0
    label = np.full(len(when), None, dtype=object)
    different, kind = np.unique(number[known], return_inverse=True)
    label[known] = np.array([_label(each) for each in different], dtype=object)[kind]
    return pd.Series(pd.array(label, dtype="str"), index=when.index, name="quarter")


def counts_by_quarter(
    place_ids: pd.Series, days: pd.Series, places: Sequence[str] | pd.Series | pd.Index, *, date_from: date, date_to: date
) -> pd.DataFrame:
    """Reports of every place in every full quarter, zeros included.

    Parameters
    ----------
    place_ids
        Cell or community of every report; empty for reports that belong to none, which are not counted.
    days
        Day of every report. Same index.
    places
        Identifiers of all places, those without reports too.
    date_from, date_to
        First and last day on which reports were gathered, both included.

    Returns
    -------
    DataFrame
        Whole numbers. Index: ``places``, in their order; columns: the quarters that lie wholly between ``date_from`` and
        ``date_to``, in order of time, whether anything was reported in them or not.

    Raises
    ------
    MeasureError
        If a report has no day or a place that is not among ``places``, if two places have the same identifier, or if no
        quarter is complete.

    Notes
    -----
    Quarters at the edges of which only a part was covered are left out, with their reports: half a quarter beside a whole
    one looks like a fall by half. Reports before ``date_from`` and after ``date_to`` are left out for the same reason.
    """
    if not place_ids.index.equals(days.index):
        raise MeasureError("place_ids and days have different rows. Both must hold every report once, in the same order.")
    known = pd.Index(places)
    if not known.is_unique:
        raise MeasureError("Two places have the same identifier. Give every place once.")
    first, last = _full_quarters(date_from, date_to)
    quarter = _quarters(_dates(days))
    if (quarter < 0).any():
        raise MeasureError(
            f"{int((quarter < 0).sum())} of {quarter.size} reports have no day, so their quarter is not known. "
            "Leave them out, and say how many they are."
        )
    has_place = place_ids.notna().to_numpy()
    position = known.get_indexer(pd.Index(place_ids[has_place]))
    if (position < 0).any():
        raise MeasureError(
            f"{int((position < 0).sum())} of {position.size} reports are in places that are not among the {len(known)} given. "
            "Give all places, or leave these reports out."
        )
    step = quarter[has_place] - first
    steps = last - first + 1
    inside = (step >= 0) & (step < steps)
    flat = np.bincount(position[inside] * steps + step[inside], minlength=len(known) * steps)
    columns = pd.Index([_label(number) for number in range(first, last + 1)], dtype="str", name="quarter")
    return pd.DataFrame(flat.reshape(len(known), steps), index=known, columns=columns)


def e_test(
    now: npt.ArrayLike, before: npt.ArrayLike, *, exposure_now: npt.ArrayLike = 1.0, exposure_before: npt.ArrayLike = 1.0
) -> Numbers:
    """Chance that two counts differ as much as these if both come at the same rate (E-test, two-sided).

    Parameters
    ----------
    now, before
        Counts, whole numbers, of any shapes that can be broadcast together.
    exposure_now, exposure_before
        Days, residents or area behind each count; positive.

    Returns
    -------
    ndarray
        p of each pair, in the common shape; 1 where both rates are equal, two zeros included.

    Raises
    ------
    MeasureError
        If counts are negative, missing or not whole, or exposures not positive.

    Notes
    -----
    With the pooled rate r = (now + before) / (exposure_now + exposure_before), p is the chance under two Poisson laws with
    means r * exposure that

        |x1 / e1 - x2 / e2| / sqrt(x1 / e1^2 + x2 / e2^2)

    is no less than for the data. All terms are summed; nothing is drawn.

    The test that takes the sum of both counts as given (binomial, "C-test") never exceeds its level, but is far below it
    for small counts: with equal exposures and means of 2 to 10 it errs in 0.5 to 2.9 % of cases where 5 % are allowed, the
    E-test in 4.1 to 4.9 %. Over means of 0.5 to 60 the E-test stays within 5 and 10 %, and reaches 1.13 % where 1 % is
    allowed. So it is the one to show for a single place. Where a promise is made over the whole map, in `change`, the
    counts are conditioned on, and the promise is exact.

    It knows nothing of how often it was asked: of 100 places without change about 4 have p below 0.05.

    References
    ----------
    Krishnamoorthy, K. and Thomson, J. (2004). A more powerful test for comparing two Poisson means. Journal of Statistical
    Planning and Inference 119. https://doi.org/10.1016/S0378-3758(02)00408-1

    Examples
    --------
    >>> round(float(e_test(6, 2)), 7)
    0.1748748
    """
    counts = np.broadcast_arrays(_checked_counts(now, "now"), _checked_counts(before, "before"))
    exposures = np.asarray(exposure_now, np.float64), np.asarray(exposure_before, np.float64)
    for exposure in exposures:
        if not (np.isfinite(exposure) & (exposure > 0)).all():
            raise MeasureError("An exposure is missing, infinite or not positive. Give the days or residents behind each count.")
    spread = np.broadcast_arrays(*counts, *exposures)
    pairs = np.column_stack([each.ravel().astype(np.float64) for each in spread])
    different, kind = np.unique(pairs, axis=0, return_inverse=True)
    p: Numbers = _e_tests(different)[kind.ravel()].reshape(spread[0].shape)
    return p


def change(
    now: pd.Series | Whole,
    before: pd.Series | Whole,
    *,
    exposure_now: float = 1.0,
    exposure_before: float = 1.0,
    replicates: int = 999,
    alpha: float = 0.05,
    seed: int,
) -> pd.DataFrame:
    """Places with more or fewer reports than before, beyond what changed in the whole region, with p over the whole map.

    Parameters
    ----------
    now, before
        Reports of every place in the two periods: whole numbers; Series with the same labels, or arrays of the same length.
    exposure_now, exposure_before
        Length of the two periods, in days or in any one unit.
    replicates
        Maps drawn to compare with.
    alpha
        Share of maps without local change on which any place may be called changed.
    seed
        Seed of all chance. The same seed gives the same bytes on any number of threads.

    Returns
    -------
    DataFrame
        Index of ``now``.

        - ``now``, ``before``, ``difference``: reports, and now minus before.
        - ``expected``: reports now if every place had changed as the whole region did.
        - ``z``: difference of the square roots, standardised; about normal with variance 1 if the rate is the same and
          both counts are about 5 or more. Descriptive.
        - ``p``: `e_test` of this place alone: has its rate changed, for whatever reason? No account of other places.
        - ``p_map``: chance over the whole map that the place departs so far from ``expected``.
        - ``verdict``: see Notes.

    Raises
    ------
    MeasureError
        If counts are negative, missing, not whole or of different places, if there is no place, or if ``alpha`` cannot be
        reached with so few replicates.

    Notes
    -----
    *z.* The square root of a Poisson count has variance about 1/4, so the field's 2 (sqrt(now) - sqrt(before)) has variance
    about 2 and no unit variance. Here

        z = 2 (sqrt(now / e_now) - sqrt(before / e_before)) / sqrt(1 / e_now + 1 / e_before)

    which for equal exposures is sqrt(2) (sqrt(now) - sqrt(before)).

    *p over the map.* The reports of each place, and of each period, are taken as given. If every place changed by the same
    factor, the reports of ``now`` are a random sample of all reports: each place's share of them is hypergeometric,
    whatever the factor and however uneven the places. The rarity of a place is the smaller of its two tails. Replicates
    shuffle the periods among the reports; ``p_map`` is the step-down smallest tail of Westfall and Young. Of maps without
    local change, at most the share ``alpha`` has any verdict of change, exactly, for any number of reports. A rise of the
    whole region leads to none; ask `e_test` of the two sums about it.

    *Verdict.* ``more`` (``fewer``): ``p_map`` <= ``alpha``, and the rate of the place is above (below) both the rate
    before and the share expected. The word is thus true of the place itself too: a place that stayed as it was while all
    others doubled is not called fewer. ``too few to tell``: even if all its reports had come in one of the two periods,
    it could not have been called changed on this map. ``no clear change``: all others.

    *What it rests on.* Reports are independent of one another. Reports that bring further ones, and events told twice,
    make changes look clearer than they are: with every tenth event told twice, about 10 % of maps without change show one
    where 5 % are promised. Take duplicates out first. A place whose own season differs from the region's changes from
    quarter to quarter without anything new: compare with the same quarter of last year. One place that changed much moves
    the share expected of all others, so beside it others can be called changed a little more often than promised.

    References
    ----------
    Krishnamoorthy, K. and Thomson, J. (2004). A more powerful test for comparing two Poisson means. Journal of Statistical
    Planning and Inference 119. https://doi.org/10.1016/S0378-3758(02)00408-1

    Westfall, P. H. and Young, S. S. (1993). Resampling-based multiple testing. Wiley. ISBN 978-0-471-55761-6.
    """
    montecarlo.check_chance(replicates=replicates, alpha=alpha, seed=seed)
    index, after, earlier = _aligned(now, before)
    p = e_test(after, earlier, exposure_now=exposure_now, exposure_before=exposure_before)
    every = after + earlier
    expected = every * (after.sum() / max(every.sum(), 1))
    p_map, p_best = _p_over_map(after, every, replicates=replicates, seed=seed)

    rate, rate_before = after / exposure_now, earlier / exposure_before
    is_clear = p_map <= alpha
    is_more = (rate > rate_before) & (after > expected)
    is_fewer = (rate < rate_before) & (after < expected)
    verdict = np.select([is_clear & is_more, is_clear & is_fewer, p_best > alpha], ["more", "fewer", TOO_FEW], "no clear change")
    return pd.DataFrame(
        {
            "now": after,
            "before": earlier,
            "difference": after - earlier,
            "expected": expected,
            "z": 2 * (np.sqrt(rate) - np.sqrt(rate_before)) / np.sqrt(1 / exposure_now + 1 / exposure_before),
            "p": p,
            "p_map": p_map,
            "verdict": pd.array(verdict, dtype="str"),
        },
        index=index,
    )


def change_of_quarter(
    counts: pd.DataFrame,
    *,
    quarter: str | None = None,
    against: Against = "previous",
    replicates: int = 999,
    alpha: float = 0.05,
    seed: int,
) -> pd.DataFrame:
    """Places with more or fewer reports than in the previous quarter, or in the same quarter of last year.

    Parameters
    ----------
    counts
        As `counts_by_quarter` gives them: one row a place, one column a quarter, labelled "2025Q3".
    quarter
        The quarter in question. None: the last one.
    against
        What it is compared with. The same quarter of last year has the same season.
    replicates, alpha, seed
        As in `change`.

    Returns
    -------
    DataFrame
        As `change`, index of ``counts``. The length of the quarters in days is allowed for.

    Raises
    ------
    MeasureError
        As `change`, and if one of the two quarters is not among the columns.
    """
    if against not in BACK:
        raise MeasureError(f"against is {against!r}, but must be one of: {', '.join(BACK)}.")
    if counts.shape[1] == 0:
        raise MeasureError("There are no quarters in the counts, so nothing can be compared.")
    label = str(counts.columns[-1]) if quarter is None else quarter
    number = _number(label)
    earlier = _label(number - BACK[against])
    for wanted in (label, earlier):
        if wanted not in counts.columns:
            raise MeasureError(
                f"{label} cannot be compared with {earlier}: there are no counts for {wanted}. "
                f"Counts begin with {counts.columns[0]} and end with {counts.columns[-1]}."
            )
    return change(
        counts[label],
        counts[earlier],
        exposure_now=_days_in(number),
        exposure_before=_days_in(number - BACK[against]),
        replicates=replicates,
        alpha=alpha,
        seed=seed,
    )


@dataclass(frozen=True)
class Trend:
    """A Mann-Kendall test of one series."""

    s: int
    """Pairs in which the later value is greater, minus pairs in which it is less."""
    variance: float
    """Variance of ``s`` without trend, ties allowed for."""
    z: float
    p: float
    """Two-sided, by the normal law with correction for continuity."""


def mann_kendall(values: pd.Series | Numbers) -> Trend:
    """Whether a series rises or falls: the Mann-Kendall test.

    Parameters
    ----------
    values
        Numbers in order of time. Missing ones are left out.

    Returns
    -------
    Trend
        ``s``, ``variance``, ``z`` and ``p``; p is 1 for fewer than two values, and if all are equal.

    Raises
    ------
    MeasureError
        If a value is infinite.

    Notes
    -----
    S = sum over pairs of sign(later - earlier); variance = (n (n - 1) (2n + 5) - sum of t (t - 1) (2t + 5) over groups of t
    equal values) / 18; z = (S - sign(S)) / sqrt(variance). For ten values without ties |S| >= 23 has p 0.049 here and 0.046
    exactly. It asks for a steady rise or fall, and takes the values as independent: a season within the series, or values
    that depend on the one before, are taken for trends too often.

    References
    ----------
    Mann, H. B. (1945). Nonparametric tests against trend. Econometrica 13. https://doi.org/10.2307/1907187

    Kendall, M. G. (1975). Rank correlation methods, 4th edition. Griffin. ISBN 978-0-85264-199-6.
    """
    series = np.asarray(values, np.float64)
    series = series[~np.isnan(series)]
    if not np.isfinite(series).all():
        raise MeasureError("The series holds infinite values, so no trend can be tested. Leave them out.")
    size = series.size
    s = int(np.sign(series[None, :] - series[:, None])[np.triu_indices(size, 1)].sum())
    ties = np.unique(series, return_counts=True)[1]
    variance = (size * (size - 1) * (2 * size + 5) - float((ties * (ties - 1) * (2 * ties + 5)).sum())) / 18
    z = float((s - np.sign(s)) / np.sqrt(variance)) if variance > 0 else 0.0
    return Trend(s=s, variance=variance, z=z, p=min(1.0, 2 * float(norm.sf(abs(z)))))


def classes(hotspots: pd.DataFrame, z: pd.DataFrame | None = None, *, alpha: float = 0.05) -> pd.Series:
    """What became of the hot and cold spot of each place: new, persistent, fading, and so on.

    Parameters
    ----------
    hotspots
        One row a place, one column a step of time, in order: ``hot``, ``cold``, ``none``, or ``too few to tell`` for a whole
        step, as `hotspots.find_hotspots` says in its column ``hotspot``.
    z
        Strength of each step, as ``gi_z`` of `hotspots.find_hotspots`: same rows, same columns. Needed from ten steps on.
    alpha
        Level of the trend test that parts intensifying and diminishing from persistent.

    Returns
    -------
    Series
        Class of each place, index of ``hotspots``: a word of the tables below and ``hot spot`` or ``cold spot``, or
        ``no pattern``; ``too few to tell`` in every place if the last step is, or if fewer than two other steps are left.

    Raises
    ------
    MeasureError
        If there are fewer than two steps, a word is not one of those above, a step is too few to tell in some places only,
        ``z`` is missing, infinite or of other places or steps, or ``alpha`` is not between 0 and 1.

    Notes
    -----
    Steps that are too few to tell are left out. With *ten or more* steps the classes are those of Emerging Hot Spot Analysis.
    Hot in h of n steps; the table is read from the top, so that each place has one class:

    ============== ============ ==================== ==========================================
    class          last step    hot in h of n steps  and
    ============== ============ ==================== ==========================================
    intensifying   hot          h >= 0.9 n           z rises (Mann-Kendall, p <= ``alpha``)
    diminishing    hot          h >= 0.9 n           z falls
    persistent     hot          h >= 0.9 n           z does neither
    historical     none         h >= 0.9 n
    oscillating    hot          h < 0.9 n            cold in some earlier step
    new            hot          h = 1                never cold
    consecutive    hot          1 < h < 0.9 n        never cold; the h steps are the last h
    sporadic       hot          1 < h < 0.9 n        never cold; the h steps have gaps
    ============== ============ ==================== ==========================================

    Cold spots mirror this: cold for hot, and z falling for intensifying. All else, also a place that was hot now and then
    but is not so in the last step, is ``no pattern``. The last step decides: a place that is cold in it is no historical hot
    spot. Definitions elsewhere overlap, and programs resolve this differently: sfdep calls a place persistent that is not hot
    any more, sporadic if it was hot only in the past, and historical only where z has become negative.

    With *fewer than ten* steps, shares of 90 % and trends say nothing. Then:

    ============== ============ ==================== ==========================================
    class          last step    hot in h of n steps  and
    ============== ============ ==================== ==========================================
    persistent     hot          h >= 0.8 n
    emerging       hot          h = 1
    former         none         h >= 1               never cold
    ============== ============ ==================== ==========================================

    with everything else ``no pattern``. The shares 0.8, and 0.2 of the steps as "recent" (that is one step of two to nine),
    are the defaults of sfhotspot, which counts one step more as recent than it divides by.

    Each step keeps its own promise of error; a class made from n steps does not: one false hot spot in the last of n steps is
    enough for ``new``. z grows with the number of reports, so ``intensifying`` can mean that more was reported everywhere.

    References
    ----------
    Esri (2024). How Emerging Hot Spot Analysis works.
    https://pro.arcgis.com/en/pro-app/latest/tool-reference/space-time-pattern-mining/learnmoreemerging.htm

    Ashby, M. (2025). sfhotspot: hot-spot analysis with simple features. https://doi.org/10.32614/CRAN.package.sfhotspot
    """
    if not 0 < alpha < 1:
        raise MeasureError(f"alpha is {alpha:g}, but must lie between 0 and 1. Use 0.05 if in doubt.")
    if hotspots.shape[1] < 2:
        raise MeasureError("Classes over time need at least two steps. Give one column for each quarter.")
    told, last_told = _told_steps(hotspots)
    found = np.full(len(hotspots), TOO_FEW, dtype=object)
    if last_told and told.sum() > 1:
        is_hot, is_cold = (hotspots.to_numpy()[:, told] == word for word in ("hot", "cold"))
        if told.sum() < STEPS_FOR_TRENDS:
            rows = _short(is_hot, is_cold), _short(is_cold, is_hot)
        else:
            strength = _strength(z, hotspots)[:, told]
            rows = _emerging(is_hot, is_cold, strength, alpha), _emerging(is_cold, is_hot, -strength, alpha)
        hot, cold = rows
        found = np.where(hot != "", hot + " hot spot", np.where(cold != "", cold + " cold spot", NO_PATTERN)).astype(object)
    return pd.Series(pd.array(found, dtype="str"), index=hotspots.index, name="class")


def _emerging(is_it: Truth, is_other: Truth, strength: Numbers, alpha: float) -> npt.NDArray[np.str_]:
    """Class of each place by the table for ten or more steps; empty where there is none."""
    steps = is_it.shape[1]
    times = is_it.sum(axis=1)
    is_last, is_often = is_it[:, -1], 10 * times >= 9 * steps
    is_still = is_often & is_last
    trend = np.zeros(len(times))
    for place in np.flatnonzero(is_still):
        test = mann_kendall(strength[place])
        trend[place] = np.sign(test.s) if test.p <= alpha else 0
    was_other = is_other.any(axis=1)
    is_rare = is_last & ~is_often
    return np.select(
        [
            is_still & (trend > 0),
            is_still & (trend < 0),
            is_still,
            is_often & ~is_other[:, -1],
            is_rare & was_other,
            is_rare & (times == 1),
            is_rare & (_final_run(is_it) == times),
            is_rare,
        ],
        ["intensifying", "diminishing", "persistent", "historical", "oscillating", "new", "consecutive", "sporadic"],
        "",
    )


def _short(is_it: Truth, is_other: Truth) -> npt.NDArray[np.str_]:
    """Class of each place by the table for fewer than ten steps; empty where there is none."""
    times = is_it.sum(axis=1)
    is_last = is_it[:, -1]
    return np.select(
        [is_last & (5 * times >= 4 * is_it.shape[1]), is_last & (times == 1), ~is_last & (times > 0) & ~is_other.any(axis=1)],
        ["persistent", "emerging", "former"],
        "",
    )


def _final_run(is_it: Truth) -> Whole:
    """Steps without a gap up to the last one."""
    backwards = is_it[:, ::-1]
    run: Whole = np.where(backwards.all(axis=1), is_it.shape[1], np.argmin(backwards, axis=1))
    return run


def _told_steps(hotspots: pd.DataFrame) -> tuple[Truth, bool]:
    """Which steps can be told, and whether the last one can."""
    words = hotspots.to_numpy(dtype=object)
    if not np.isin(words, ["hot", "cold", "none", TOO_FEW]).all():
        raise MeasureError(f"A step of a place must be hot, cold, none or {TOO_FEW}. Other words, or none at all, were given.")
    untold = words == TOO_FEW
    if (untold.any(axis=0) & ~untold.all(axis=0)).any():
        raise MeasureError(f"A step is {TOO_FEW} in some places only. A step is tested as one map: test it again.")
    told: Truth = ~untold.any(axis=0)
    return told, bool(told[-1])


def _strength(z: pd.DataFrame | None, hotspots: pd.DataFrame) -> Numbers:
    if z is None:
        raise MeasureError(f"From {STEPS_FOR_TRENDS} steps on, trends are tested: give z, the strength of each step.")
    if not (z.index.equals(hotspots.index) and z.columns.equals(hotspots.columns)):
        raise MeasureError("z and hotspots have different places or steps. Give both with the same rows and columns.")
    strength: Numbers = z.to_numpy(dtype=np.float64, na_value=np.nan)
    return strength


def _dates(days: pd.Series | npt.NDArray[np.datetime64]) -> pd.Series:
    when = pd.Series(days)
    if pd.api.types.infer_dtype(when, skipna=True) in ("date", "datetime", "empty") and when.dtype == object:
        when = pd.to_datetime(when)
    if not pd.api.types.is_datetime64_any_dtype(when.dtype):
        raise MeasureError(f"The days are no dates (they are {when.dtype}). Read them with a named format first.")
    return when


def _quarters(when: pd.Series) -> Whole:
    """Quarters since the year 0; -1 where the day is missing."""
    known = when.notna().to_numpy()
    number = np.full(len(when), -1, np.int64)
    number[known] = (when[known].dt.year * _QUARTERS + when[known].dt.quarter - 1).to_numpy()
    return number


def _label(number: int) -> str:
    return f"{number // _QUARTERS:04d}Q{number % _QUARTERS + 1}"


def _number(label: str) -> int:
    year, _, part = label.partition("Q")
    if not (year.isdecimal() and len(year) == 4 and part in {"1", "2", "3", "4"}):
        raise MeasureError(f"{label!r} is no quarter. Quarters are written like 2025Q3.")
    return int(year) * _QUARTERS + int(part) - 1


def _first_day(number: int) -> pd.Timestamp:
    return pd.Timestamp(year=number // _QUARTERS, month=3 * (number % _QUARTERS) + 1, day=1)


def _days_in(number: int) -> int:
    days: int = (_first_day(number + 1) - _first_day(number)).days
    return days


def _day(day: date) -> pd.Timestamp:
    try:
        return pd.Timestamp(day).tz_localize(None).normalize()
    except (AttributeError, TypeError, ValueError):
        raise MeasureError(f"{day!r} is no date. Give the first and the last day on which reports were gathered.") from None


def _full_quarters(date_from: date, date_to: date) -> tuple[int, int]:
    start, end = _day(date_from), _day(date_to)
    first, last = (day.year * _QUARTERS + day.quarter - 1 for day in (start, end + pd.Timedelta(days=1)))
    if start != _first_day(first):
        first += 1
    if last <= first:
        raise MeasureError(
            f"No quarter lies wholly between {start:%Y-%m-%d} and {end:%Y-%m-%d}, so none can be compared. "
            "Quarters begin in January, April, July and October."
        )
    return first, last - 1


def _checked_counts(values: npt.ArrayLike, name: str) -> Whole:
    try:
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan) if isinstance(values, pd.Series) else values
        found = np.asarray(numbers, np.float64)
    except (TypeError, ValueError):
        raise MeasureError(f"The counts of {name} are not numbers. Give the reports of each place.") from None
    if not (np.isfinite(found) & (found >= 0)).all() or (found != np.rint(found)).any():
        raise MeasureError(f"The counts of {name} hold numbers that are missing, infinite, negative or not whole. Mend them.")
    return found.astype(np.int64)


def _aligned(now: pd.Series | Whole, before: pd.Series | Whole) -> tuple[pd.Index, Whole, Whole]:
    """Labels of the places, and both counts in their order."""
    if isinstance(now, pd.Series) and isinstance(before, pd.Series):
        if not (now.index.is_unique and len(now) == len(before) and now.index.isin(before.index).all()):
            raise MeasureError("now and before have different places, or one place twice. Give both for the same places.")
        before = before.reindex(now.index)
    after, earlier = _checked_counts(now, "now"), _checked_counts(before, "before")
    if after.ndim != 1 or after.shape != earlier.shape:
        raise MeasureError(f"now has the shape {after.shape} and before {earlier.shape}. Give one number for each place in both.")
    if after.size == 0:
        raise MeasureError("There are no places, so no change can be found.")
    index = now.index if isinstance(now, pd.Series) else pd.RangeIndex(after.size)
    return index, after, earlier


def _p_over_map(now: Whole, every: Whole, *, replicates: int, seed: int) -> tuple[Numbers, Numbers]:
    """Step-down p of each place, and the p of the most uneven split that its reports allow."""
    reports, total = int(every.sum()), int(now.sum())
    if min(total, reports - total) == 0:
        return np.ones(now.size), np.ones(now.size)
    sizes, kind = np.unique(every, return_inverse=True)
    begins, rarity = _rarities(sizes, total, gammaln(np.arange(reports + 1.0) + 1))
    observed = rarity[begins[kind] + now]
    # The order depends on the counts alone, and places with equal counts cannot be told apart: rows leave no trace.
    falling = np.lexsort((now, every, -observed))
    null = Null.of_labels(every[falling], total)
    start, rarest = begins[kind][falling], observed[falling]

    def task(first: int, last: int) -> tuple[Whole, Numbers]:
        drawn: tuple[Whole, Numbers] = _as_rare(first, last, np.uint64(seed), *null.tables, start, rarity, rarest)
        return drawn

    pieces = montecarlo.share_out(task, replicates)
    p_map = np.empty(now.size)
    p_map[falling] = np.maximum.accumulate((1 + np.sum([piece[0] for piece in pieces], axis=0)) / (1 + replicates))
    fewest, most = np.maximum(every - (reports - total), 0), np.minimum(every, total)
    extreme = np.maximum(rarity[begins[kind] + fewest], rarity[begins[kind] + most])
    maxima = np.concatenate([piece[1] for piece in pieces])
    return p_map, montecarlo.p_value(extreme, maxima, replicates=replicates)


@compiled
def _rarities(sizes: Whole, total: int, log_factorial: Numbers) -> tuple[Whole, Numbers]:
    """For places with so many reports, minus the logarithm of the smaller hypergeometric tail for every number of them now.

    Returned are where the list of each size begins, and all lists; each begins with 0 reports now. What cannot happen is 0.
    """
    reports = log_factorial.size - 1
    begins = np.zeros(sizes.size + 1, np.int64)
    for kind in range(sizes.size):
        begins[kind + 1] = begins[kind] + sizes[kind] + 1
    rarity = np.zeros(begins[-1])
    for kind in range(sizes.size):
        size, shift = sizes[kind], begins[kind]
        fewest, most = max(0, size - (reports - total)), min(size, total)
        constant = (
            log_factorial[total] + log_factorial[reports - total] + log_factorial[size] + log_factorial[reports - size]
        ) - log_factorial[reports]
        chance = np.empty(size + 1)
        for inside in range(fewest, most + 1):
            outside = size - inside
            chance[inside] = constant - (
                log_factorial[inside]
                + log_factorial[total - inside]
                + log_factorial[outside]
                + log_factorial[reports - total - outside]
            )
        tail = -np.inf
        for inside in range(most, fewest - 1, -1):
            tail = np.logaddexp(tail, chance[inside])
            rarity[shift + inside] = -tail
        tail = -np.inf
        for inside in range(fewest, most + 1):
            tail = np.logaddexp(tail, chance[inside])
            rarity[shift + inside] = max(rarity[shift + inside], -tail)
    return begins, rarity


@compiled
def _as_rare(
    first: int,
    last: int,
    seed: np.uint64,
    totals: Whole,
    keep: Numbers,
    other: Whole,
    pool: Whole,
    start: Whole,
    rarity: Numbers,
    observed: Numbers,
) -> tuple[Whole, Numbers]:
    """On how many replicates any place not rarer than each is as rare as it, rarest first; and the rarest of each map."""
    as_rare = np.zeros(observed.size, np.int64)
    maxima = np.empty(last - first)
    counts = np.empty(observed.size, np.int64)
    for replicate in range(first, last):
        draw_kinds(begin(seed, replicate), totals, keep, other, pool, counts)
        rarest = -np.inf
        for place in range(observed.size - 1, -1, -1):
            rarest = max(rarest, rarity[start[place] + counts[place]])
            as_rare[place] += rarest >= observed[place]
        maxima[replicate - first] = rarest
    return as_rare, maxima


@compiled
def _poisson(mean: float) -> tuple[int, Numbers]:
    """Chances of a Poisson law (mean positive): the first number listed, and the chance of it and of those after it."""
    middle = int(mean)
    peak = middle * np.log(mean) - mean - _log_factorial(middle)
    low = high = middle
    chance = peak
    while low > 0 and chance > _DEEPEST:
        chance += np.log(low / mean)
        low -= 1
    chance = peak
    while chance > _DEEPEST:
        high += 1
        chance += np.log(mean / high)
    listed = np.empty(high - low + 1)
    listed[middle - low] = np.exp(peak)
    for number in range(middle, low, -1):
        listed[number - 1 - low] = listed[number - low] * (number / mean)
    for number in range(middle + 1, high + 1):
        listed[number - low] = listed[number - 1 - low] * (mean / number)
    return low, listed


@compiled
def _log_factorial(number: int) -> float:
    # Stirling's series: exact to the last digits from 20 on.
    if number < 20:
        product = 1.0
        for factor in range(2, number + 1):
            product *= factor
        return float(np.log(product))
    n = float(number)
    series = 1 / (12 * n) - 1 / (360 * n**3) + 1 / (1260 * n**5) - 1 / (1680 * n**7)
    return float(n * np.log(n) - n + 0.5 * np.log(2 * np.pi * n) + series)


@compiled
def _e_tests(pairs: Numbers) -> Numbers:
    """Chance of each row of ``pairs``: now, before, and the exposure of each."""
    p = np.ones(pairs.shape[0])
    for pair in range(pairs.shape[0]):
        now, before, exposure, exposure_before = pairs[pair]
        departure = (now * exposure_before - before * exposure) ** 2
        if departure <= _ROUNDING * (now * exposure_before) ** 2:
            continue
        spread = now * exposure_before**2 + before * exposure**2
        limit = departure / spread * (1 - _ROUNDING)
        rate = (now + before) / (exposure + exposure_before)
        low, chance = _poisson(rate * exposure)
        low_before, chance_before = _poisson(rate * exposure_before)
        # Chance of the first k and of the last k numbers listed; summed from the small ends.
        size = chance_before.size
        below, above = np.zeros(size + 1), np.zeros(size + 1)
        for place in range(size):
            below[place + 1] = below[place] + chance_before[place]
            above[place + 1] = above[place] + chance_before[size - 1 - place]
        # As x grows, more numbers of before are too small for it, and fewer too large.
        small, large = 0, 0
        total = 0.0
        for place in range(chance.size):
            x = float(low + place)
            while small < size:
                y = float(low_before + small)
                gap = x * exposure_before - y * exposure
                if not (gap > 0 and gap**2 >= limit * (x * exposure_before**2 + y * exposure**2)):
                    break
                small += 1
            while large < size:
                y = float(low_before + large)
                gap = y * exposure - x * exposure_before
                if gap > 0 and gap**2 >= limit * (x * exposure_before**2 + y * exposure**2):
                    break
                large += 1
            total += chance[place] * (below[small] + above[size - large])
        p[pair] = min(total, 1.0)
    return p
