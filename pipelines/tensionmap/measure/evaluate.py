"""Did it hold: whether hot spots of the past say where reports come next, and whether an action changed anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import beta, chi2, norm

from tensionmap.compiled import compiled
from tensionmap.errors import MeasureError
from tensionmap.measure import montecarlo
from tensionmap.measure.montecarlo import shuffle
from tensionmap.streams import begin

Numbers = npt.NDArray[np.float64]
Truth = npt.NDArray[np.bool_]
Whole = npt.NDArray[np.int64]
Method = Callable[[pd.DataFrame], "pd.Series | Numbers | Truth"]
Pair = tuple[float, float]
Verdict = Literal["fewer", "more", "no clear change", "too few cases to tell"]

FEWEST_REPORTS = 30
ALL_QUARTERS = "all"
_ROUNDING = 1e-7


def flag_top(score: pd.Series | Numbers, *, share_of_area: float, area: pd.Series | Numbers | None = None) -> Numbers:
    """The part of every place that is flagged if the highest scores are taken until a share of the area is full.

    Parameters
    ----------
    score
        Reports expected, or any score: higher is taken first, whatever the size of the place. Give densities (a score per
        area) if places differ in size.
    share_of_area
        Share of the whole area to flag, above 0, at most 1.
    area
        Area of each place, or another measure of its size: inhabited km2, km of road. Positive. None: all the same.

    Returns
    -------
    ndarray
        0 to 1 for each place: 1 for those flagged as a whole. The last places to be flagged share what is left: those with
        equal scores are flagged by equal parts, so the order of rows does not matter.

    Raises
    ------
    MeasureError
        If scores are missing or infinite, areas not positive, numbers of places differ, or the share is not in (0, 1].
    """
    _check_share(share_of_area)
    _check_same_places(score, area)
    found = _numbers(score, "scores")
    return _filled(found, _sizes(area, found.size), share_of_area)


@dataclass(frozen=True)
class Accuracy:
    """How well a flagged area caught the reports that came. Descriptive: see `accuracy`."""

    reports: float
    """All reports that came."""
    hits: float
    """Reports that came in the flagged area."""
    share_of_area: float
    """Share of the area that was flagged."""
    hit_rate: float
    """Share of the reports that came in the flagged area."""
    pai: float
    pei: float
    pei_star: float
    rri: float


def accuracy(
    flagged: pd.Series | Numbers | Truth,
    observed: pd.Series | Numbers,
    *,
    area: pd.Series | Numbers | None = None,
    before: pd.Series | Numbers | None = None,
) -> Accuracy:
    """How many of the reports that came were in the flagged area, against chance and against the best that was possible.

    Parameters
    ----------
    flagged
        True for flagged places, or the flagged part of each, 0 to 1, as `flag_top` gives it.
    observed
        Reports that came in each place: not negative.
    area
        As in `flag_top`. Use the area that is inhabited, or covered by the reports: mountains where nothing can be reported
        make every map look accurate.
    before
        Reports of each place in the time from which the flags were made; needed for ``rri``.

    Returns
    -------
    Accuracy
        With n reports of N in the flagged area a of A; the best possible area of the same size would have held n*:

        - ``hit_rate`` = n / N; NaN if nothing came.
        - ``pai`` = (n / N) / (a / A), prediction accuracy index: 1 is no better than spreading the flags evenly.
        - ``pei`` = (n / a) / (greatest density of any one place): PAI over the greatest PAI that any area, however small,
          could have had.
        - ``pei_star`` = n / n*: PAI over the greatest PAI of any area as large as the one flagged. 0 to 1.
        - ``rri`` = (n / N) / (n' / N'), recapture rate index, with n' and N' the reports ``before``: 1 if the flagged area
          kept its share of reports; NaN without ``before``, and if n' or N' is 0.

        Nothing flagged: ``hit_rate`` is 0, and ``pai``, ``pei``, ``pei_star`` and ``rri`` are NaN.

    Raises
    ------
    MeasureError
        If numbers are missing, negative or of different places, flagged parts are not 0 to 1, or areas not positive.

    Notes
    -----
    Descriptive figures, without doubt attached; `held_out` adds it. PAI falls as the flagged area grows and cannot be compared
    between areas of different size; PEI* can. n* fills the area with the densest places, the last one in part. What other
    programs call PEI is often PEI*, and what ptools calls RRI is predicted over observed reports.

    References
    ----------
    Chainey, S., Tompson, L. and Uhlig, S. (2008). The utility of hotspot mapping for predicting spatial patterns of crime.
    Security Journal 21. https://doi.org/10.1057/palgrave.sj.8350066

    Levine, N. (2008). The "hottest" part of a hotspot: comments on "The utility of hotspot mapping for predicting spatial
    patterns of crime". Security Journal 21, 295-302.

    Hunt, J. M. (2016). Do crime hot spots move? Exploring the effects of the modifiable areal unit problem and modifiable
    temporal unit problem on crime hot spot stability. Dissertation, American University, Washington.

    White, V. M., Hunt, J. and Green, B. (2023). A discussion of current crime forecasting indices and an improvement to the
    prediction efficiency index for applications. Security Journal 36. https://doi.org/10.1057/s41284-023-00367-4

    Examples
    --------
    >>> result = accuracy([True, False, False], [6, 3, 0])
    >>> result.hits, round(result.pai, 2), result.pei_star
    (6.0, 2.0, 1.0)
    """
    _check_same_places(flagged, observed, area, before)
    part = _numbers(flagged, "flagged parts")
    came = _numbers(observed, "observed reports", at_least=0.0, places=part.size)
    earlier = None if before is None else _numbers(before, "reports before", at_least=0.0, places=part.size)
    if ((part < 0) | (part > 1)).any():
        raise MeasureError("A flagged part of a place is not between 0 and 1. Give True and False, or parts.")
    return _Tally.of(part, came, _sizes(area, part.size), earlier).accuracy()


def held_out(
    counts: pd.DataFrame,
    *,
    methods: Mapping[str, Method],
    area: pd.Series | Numbers | None = None,
    train_quarters: int = 4,
    share_of_area: Sequence[float] = (0.01, 0.05, 0.1),
    replicates: int = 999,
    alpha: float = 0.05,
    seed: int,
) -> pd.DataFrame:
    """Whether the past says where reports come next: every method, each quarter held out in turn, side by side.

    Parameters
    ----------
    counts
        Reports, one row a place, one column a quarter, in order of time, as `change.counts_by_quarter` gives them.
    methods
        Name of each method, and a function from the counts of the training quarters (rows and columns as in ``counts``) to
        one value for each place: a score (higher is flagged first; a density if areas differ), or True for hot spots.
    area
        As in `accuracy`.
    train_quarters
        Quarters before the one held out that a method is given.
    share_of_area
        Shares of the area to flag by scores. Hot spots have an area of their own and are taken as they are.
    replicates
        Times that the scores are shuffled over the places.
    alpha
        Level of the verdict, and one minus the confidence of the intervals.
    seed
        Seed of all chance. The same seed gives the same bytes on any number of threads.

    Returns
    -------
    DataFrame
        One row for each method, share and quarter held out, and with ``quarter`` "all" for these quarters together:

        - ``method``, ``quarter``, ``share_of_area``: flagged; of hot spots the share that they take, in "all" the mean.
        - ``reports``, ``hits``, ``hit_rate``, ``pai``, ``pei``, ``pei_star``, ``rri``: as in `accuracy`.
        - ``hit_rate_low``, ``hit_rate_high``, ``pai_low``, ``pai_high``: intervals.
        - ``p``: share of shuffles, the data among them, with a PAI no less.
        - ``verdict``: ``better than chance`` if ``p`` <= ``alpha``, else ``no better than chance``; ``nothing flagged`` (hit
          rate 0, no PAI); ``too few to tell`` with fewer than 30 reports held out.

    Raises
    ------
    MeasureError
        If there are too few quarters, no method, counts are negative or missing, a method does not give one finite value
        for each place, or ``alpha`` cannot be reached with so few replicates.

    Notes
    -----
    A method sees the training quarters alone, never the quarter on which it is judged. Over "all" quarters each index is the
    sum of hits over the sum of what it is measured by (for PAI: N a / A of each quarter), so quarters count by their reports.

    *p* is against a method that knows nothing: its scores of all quarters, as one block, are handed to other places at
    random, and flag as large an area there. Places, not reports, are the units, so a burst of reports in one place is one
    stroke of luck, and so is a place that was flagged by chance and stays busy. It only says that reports come where they
    came, or where people live: put a method that knows nothing but residents beside the others. Each row keeps its own
    level: of 20 rows one is wrong by chance.

    *Intervals* are those of Clopper and Pearson for the hit rate, and the same over a / A for PAI. They say what other reports
    of the same quarter, in the same places with the same chances, would have brought. Resampling the reports instead says 0 to
    0 where there was no hit, and of nominal 95 % holds 78 % at 30 reports and a hit rate of 0.05; these hold 95 % and more.
    They say nothing of how much one quarter differs from another, and are too narrow where reports come in bursts. PEI*
    has none: n* is chosen by the same reports, and larger by chance the fewer they are, so PEI* of any method falls short
    of 1 even if the method knows every true rate.

    References
    ----------
    Clopper, C. J. and Pearson, E. S. (1934). The use of confidence or fiducial limits illustrated in the case of the
    binomial. Biometrika 26. https://doi.org/10.1093/biomet/26.4.404
    """
    montecarlo.check_chance(replicates=replicates, alpha=alpha, seed=seed)
    _check_held_out(counts, methods, area, train_quarters, share_of_area)
    size = _sizes(area, len(counts))

    held = range(train_quarters, counts.shape[1])
    came = counts.iloc[:, train_quarters:].to_numpy(dtype=np.float64).T
    quarters = [*map(str, counts.columns[train_quarters:]), ALL_QUARTERS]
    rows: list[dict[str, float | str]] = []
    for name, method in methods.items():
        scores: dict[float, list[Numbers]] = {}
        tallies: dict[float, list[_Tally]] = {}
        for step, last in enumerate(held):
            training = counts.iloc[:, last - train_quarters : last]
            before = training.sum(axis=1).to_numpy(dtype=np.float64)
            score, is_mask = _scores(method, name, training)
            for share in (0.0,) if is_mask else share_of_area:
                part = score if is_mask else _filled(score, size, share)
                scores.setdefault(share, []).append(score)
                tallies.setdefault(share, []).append(_Tally.of(part, came[step], size, before))
        for share, of_quarters in tallies.items():
            flagged = np.array([tally.flagged for tally in of_quarters])
            p = _p_of_scores(np.array(scores[share]), flagged, came, size, replicates=replicates, seed=seed)
            for quarter, tally, chance in zip(quarters, [*of_quarters, _Tally.together(of_quarters)], p, strict=True):
                rows.append({"method": name, "quarter": quarter, **_judged(tally, chance, alpha)})
    table = pd.DataFrame(rows)
    return table.astype(dict.fromkeys(("method", "quarter", "verdict"), "str"))


def _check_held_out(
    counts: pd.DataFrame,
    methods: Mapping[str, Method],
    area: pd.Series | Numbers | None,
    train_quarters: int,
    share_of_area: Sequence[float],
) -> None:
    if not methods or not share_of_area:
        raise MeasureError("There is nothing to judge. Give at least one method and one share of the area.")
    for share in share_of_area:
        _check_share(share)
    if not 1 <= train_quarters < counts.shape[1]:
        raise MeasureError(
            f"With {counts.shape[1]} quarters and {train_quarters} to train on, none can be held out. "
            "Give at least one quarter to train on, and one more."
        )
    for quarter in counts.columns:
        _numbers(counts[quarter], f"reports of {quarter}", at_least=0.0)
    _check_same_places(counts[counts.columns[0]], area)


@dataclass(frozen=True)
class Displacement:
    """A weighted displacement difference, with its doubt: see `wdd`."""

    local: float
    """Change in the treated area minus change in its control area."""
    local_se: float
    displacement: float
    """The same for the buffers around them; 0 if none were given."""
    displacement_se: float
    wdd: float
    """``local`` plus ``displacement``."""
    se: float
    z: float
    """``wdd`` over ``se``; NaN if there was no case at all."""
    low_normal: float
    """Interval by the normal law, as published."""
    high_normal: float
    low: float
    """Interval that holds for few cases too; the verdict rests on it."""
    high: float
    verdict: Verdict


def wdd(
    treated: Pair,
    control: Pair,
    treated_buffer: Pair | None = None,
    control_buffer: Pair | None = None,
    *,
    lengths: Pair = (1.0, 1.0),
    areas: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0),
    alpha: float = 0.1,
) -> Displacement:
    """Whether an action changed the number of reports, allowing for the change elsewhere and for displacement.

    Parameters
    ----------
    treated, control
        Reports before and after the action, where it was done and in an area like it where it was not: whole numbers.
    treated_buffer, control_buffer
        The same for the areas around them into which reports may have moved. Both or none.
    lengths
        Length of the time before and after, in any one unit.
    areas
        Sizes of the four areas, in the order of the arguments, in any one unit. With sizes other than 1 all figures are
        changes per unit of area (and of time).
    alpha
        One minus the confidence of the intervals; level of the verdict.

    Returns
    -------
    Displacement
        ``wdd`` below 0: fewer reports than the control lets expect. ``verdict``: ``fewer`` if the interval ``low`` to
        ``high`` lies below 0, ``more`` if above; ``too few cases to tell`` if the interval would have held 0 even if nothing
        at all had been reported in the treated area and its buffer after the action; else ``no clear change``.

    Raises
    ------
    MeasureError
        If a count is negative, missing or not whole, a length or size not positive, only one buffer is given, or ``alpha``
        is not between 0 and 1.

    Notes
    -----
    WDD = (T1 - T0) - (C1 - C0), plus the same of the buffers; each count over its length and area. Its variance, with
    Poisson counts, is estimated by the sum of all counts, each over the square of its length and area; ``low_normal`` and
    ``high_normal`` are WDD +- z sqrt(variance), as published.

    *Few cases.* With equal lengths and areas WDD is the difference of two Poisson counts, T1 + C0 and T0 + C1. The published
    interval leaves out the truth in 6 to 10.3 % of cases for ``alpha`` 0.1 and means of 0.5 to 200 in each of the four
    counts, and has no width where nothing was reported. ``low`` and ``high`` come from exact Poisson limits (Garwood) of the
    groups of equal weight, put together by recovery of variances (Zou and Donner): they err in 1.4 to 9.5 %, never more than
    they say, for unequal lengths and areas too. The price is power: at means of 2 they err in 5.6 %.

    *What it does not show.* It compares numbers, not ratios: if everything falls by a fifth, an area with 100 reports loses
    20 and one with 10 loses 2, and WDD sees an effect where there is none. Choose a control with about as many reports before
    the action. A place chosen because it had many reports has fewer afterwards without any action (regression to the mean).
    Counts that vary more than Poisson counts, as near repeats make them, need a wider interval. Nothing proves that the
    action was the cause.

    References
    ----------
    Wheeler, A. P. and Ratcliffe, J. H. (2018). A simple weighted displacement difference test to evaluate place based crime
    interventions. Crime Science 7:11. https://doi.org/10.1186/s40163-018-0085-5

    Zou, G. Y. and Donner, A. (2008). Construction of confidence limits about effect measures: a general approach. Statistics
    in Medicine 27. https://doi.org/10.1002/sim.3095

    Garwood, F. (1936). Fiducial limits for the Poisson distribution. Biometrika 28. https://doi.org/10.1093/biomet/28.3-4.437

    Examples
    --------
    >>> result = wdd(treated=(20, 10), control=(20, 20))
    >>> result.wdd, round(result.se, 2), round(result.low_normal, 1), round(result.high_normal, 1)
    (-10.0, 8.37, -23.8, 3.8)
    """
    if (treated_buffer is None) != (control_buffer is None):
        raise MeasureError("Only one of the two buffers is given. Displacement needs both, or leave both out.")
    if not 0 < alpha < 1:
        raise MeasureError(f"alpha is {alpha:g}, but must lie between 0 and 1. Use 0.1 if in doubt.")
    length, size = np.asarray(lengths, np.float64), np.asarray(areas, np.float64)
    if length.shape != (2,) or size.shape != (4,) or not (np.isfinite(length) & (length > 0)).all():
        raise MeasureError("lengths needs two positive numbers (before, after), and areas four.")
    if not (np.isfinite(size) & (size > 0)).all():
        raise MeasureError("An area is missing, infinite or not positive. Give the sizes of all four areas in one unit.")
    nothing = (0.0, 0.0)
    counts = _case_counts(treated, control, treated_buffer or nothing, control_buffer or nothing)
    # After counts for, before against; the control the other way round.
    weight = np.array([[-1.0, 1.0], [1.0, -1.0]])[[0, 1, 0, 1]] / (size[:, None] * length[None, :])
    if treated_buffer is None:
        counts, weight = counts[:2], weight[:2]

    part, variance = (weight * counts).sum(axis=1), (weight**2 * counts).sum(axis=1)
    total, se = float(part.sum()), float(np.sqrt(variance.sum()))
    half = float(norm.isf(alpha / 2)) * se
    low, high = _limits(weight, counts, alpha)
    best = counts.copy()
    best[[row for row in (0, 2) if row < len(best)], 1] = 0
    verdict: Verdict = "no clear change"
    if high < 0:
        verdict = "fewer"
    elif low > 0:
        verdict = "more"
    elif _limits(weight, best, alpha)[1] >= 0:
        verdict = "too few cases to tell"
    return Displacement(
        local=float(part[:2].sum()),
        local_se=float(np.sqrt(variance[:2].sum())),
        displacement=float(part[2:].sum()),
        displacement_se=float(np.sqrt(variance[2:].sum())),
        wdd=total,
        se=se,
        z=total / se if se > 0 else float("nan"),
        low_normal=total - half,
        high_normal=total + half,
        low=low,
        high=high,
        verdict=verdict,
    )


@dataclass(frozen=True)
class _Tally:
    """Hits, and what each index measures them by; the sums over quarters give the indices of all quarters together."""

    reports: float
    hits: float
    flagged: float
    """Share of the area flagged."""
    even: float
    """Hits if reports fell evenly over the area."""
    densest: float
    """Hits if the whole flagged area were as dense as the densest place."""
    best: float
    """Hits of the best area of the same size."""
    kept: float
    """Hits if the flagged area had kept its share of the reports before; NaN if that is not known."""
    quarters: int = 1

    @classmethod
    def of(cls, part: Numbers, came: Numbers, size: Numbers, before: Numbers | None) -> _Tally:
        reports, whole = float(came.sum()), float(size.sum())
        flagged = float((part * size).sum()) / whole
        density = came / size
        best = float((_filled(density, size, flagged) * came).sum()) if flagged > 0 else 0.0
        kept = np.nan if before is None or before.sum() == 0 else float((part * before).sum()) / float(before.sum()) * reports
        return cls(
            reports=reports,
            hits=float((part * came).sum()),
            flagged=flagged,
            even=reports * flagged,
            densest=float(density.max()) * flagged * whole,
            best=best,
            kept=kept,
        )

    @classmethod
    def together(cls, tallies: Sequence[_Tally]) -> _Tally:
        names = ("reports", "hits", "flagged", "even", "densest", "best", "kept")
        sums = {name: float(sum(getattr(tally, name) for tally in tallies)) for name in names}
        quarters = sum(tally.quarters for tally in tallies)
        return cls(**(sums | {"flagged": sums["flagged"] / quarters}), quarters=quarters)

    def accuracy(self) -> Accuracy:
        def over(measure: float) -> float:
            return self.hits / measure if measure > 0 else float("nan")

        return Accuracy(
            reports=self.reports,
            hits=self.hits,
            share_of_area=self.flagged,
            hit_rate=over(self.reports),
            pai=over(self.even),
            pei=over(self.densest),
            pei_star=over(self.best),
            rri=over(self.kept),
        )


def _judged(tally: _Tally, p: float, alpha: float) -> dict[str, float | str]:
    """One row of `held_out`: the indices, their intervals, and the verdict."""
    found = tally.accuracy()
    low, high = np.nan, np.nan
    if tally.reports > 0:
        misses = max(tally.reports - tally.hits, 0.0)
        low = float(beta.ppf(alpha / 2, tally.hits, misses + 1)) if tally.hits > 0 else 0.0
        high = float(beta.isf(alpha / 2, tally.hits + 1, misses)) if misses > 0 else 1.0
    scale = tally.reports / tally.even if tally.even > 0 else np.nan
    verdict = "better than chance" if p <= alpha else "no better than chance"
    if tally.flagged == 0:
        verdict = "nothing flagged"
    elif tally.reports < FEWEST_REPORTS:
        verdict = "too few to tell"
    return {
        "share_of_area": found.share_of_area,
        "reports": found.reports,
        "hits": found.hits,
        "hit_rate": found.hit_rate,
        "pai": found.pai,
        "pei": found.pei,
        "pei_star": found.pei_star,
        "rri": found.rri,
        "hit_rate_low": low,
        "hit_rate_high": high,
        "pai_low": low * scale,
        "pai_high": high * scale,
        "p": p if tally.even > 0 else np.nan,
        "verdict": verdict,
    }


def _scores(method: Method, name: str, training: pd.DataFrame) -> tuple[Numbers, bool]:
    """What a method says of each place, and whether these are hot spots, which have an area of their own."""
    answer = method(training.copy())
    if isinstance(answer, pd.Series) and not answer.index.equals(training.index):
        raise MeasureError(f"The method {name!r} gave values for other places than it was given, or in another order.")
    score = _numbers(answer, f"values of the method {name!r}", places=len(training))
    kind = answer.dtype if isinstance(answer, pd.Series) else np.asarray(answer).dtype
    return score, pd.api.types.is_bool_dtype(kind)


def _p_of_scores(score: Numbers, flagged: Numbers, came: Numbers, size: Numbers, *, replicates: int, seed: int) -> Numbers:
    """Share of shuffles of places (and the data) on which as much is caught, for each quarter and for all together."""
    # Places that are alike in all respects cannot be told apart, so rows in another order leave no trace.
    order = np.lexsort((*score, *came, size))
    score, came, size = score[:, order], came[:, order], size[order]
    ranked = np.argsort(-score, axis=1, kind="stable")
    level = np.take_along_axis(score, ranked, axis=1)

    def task(first: int, last: int) -> Whole:
        as_good: Whole = _as_good(first, last, np.uint64(seed), ranked, level, flagged * size.sum(), came, size)
        return as_good

    p: Numbers = (1 + np.sum(montecarlo.share_out(task, replicates), axis=0)) / (1 + replicates)
    return p


@compiled
def _as_good(
    first: int,
    last: int,
    seed: np.uint64,
    ranked: Whole,
    level: Numbers,
    area: Numbers,
    came: Numbers,
    size: Numbers,
) -> Whole:
    """On how many shuffles of scores over places an area as large catches no less: each quarter, and last all together."""
    quarters, places = came.shape
    as_good = np.zeros(quarters + 1, np.int64)
    observed = np.zeros(quarters + 1)
    starts = np.array([0, places])
    for replicate in range(first - 1, last):
        order = np.arange(places)
        if replicate >= first:
            shuffle(begin(seed, replicate), order, starts)
        hits = np.zeros(quarters + 1)
        for quarter in range(quarters):
            hits[quarter] = _caught(ranked[quarter], level[quarter], order, area[quarter], came[quarter], size)
            hits[quarters] += hits[quarter]
        if replicate < first:
            observed = hits * (1 - _ROUNDING)
        else:
            as_good += hits >= observed
    return as_good


@compiled
def _caught(ranked: Whole, level: Numbers, order: Whole, area: float, came: Numbers, size: Numbers) -> float:
    """Reports in the area filled by the highest scores, equal scores by equal parts; score k goes to place ``order[k]``."""
    left, hits = area, 0.0
    rank = 0
    while rank < ranked.size and left > _ROUNDING * area:
        taken = held = 0.0
        tied = rank
        while tied < ranked.size and level[tied] == level[rank]:
            place = order[ranked[tied]]
            taken += size[place]
            held += came[place]
            tied += 1
        part = min(1.0, left / taken)
        hits += part * held
        left -= part * taken
        rank = tied
    return hits


def _filled(score: Numbers, size: Numbers, share: float) -> Numbers:
    """Part of each place taken, highest scores first, equal scores by equal parts, until the share of the area is full."""
    levels, kind = np.unique(-score, return_inverse=True)
    of_level = np.bincount(kind, weights=size, minlength=levels.size)
    left = share * size.sum() - (np.cumsum(of_level) - of_level)
    # The last digits depend on the order of rows, and what is left of a full place is no part.
    part: Numbers = np.round(np.clip(left / of_level, 0.0, 1.0), 12)[kind]
    return part


def _limits(weight: Numbers, counts: Numbers, alpha: float) -> tuple[float, float]:
    """Interval of the sum of ``weight`` times Poisson means: exact limits of groups of equal weight, put together."""
    different, kind = np.unique(weight.ravel(), return_inverse=True)
    cases = np.bincount(kind.ravel(), weights=counts.ravel())
    least = np.where(cases > 0, chi2.ppf(alpha / 2, 2 * np.maximum(cases, 1)) / 2, 0.0)
    most = chi2.isf(alpha / 2, 2 * cases + 2) / 2
    middle = float((different * cases).sum())
    below = different * (cases - np.where(different > 0, least, most))
    above = different * (np.where(different > 0, most, least) - cases)
    return middle - float(np.sqrt((below**2).sum())), middle + float(np.sqrt((above**2).sum()))


def _case_counts(*pairs: Pair) -> Numbers:
    counts = np.array([np.asarray(pair, np.float64) for pair in pairs if np.shape(pair) == (2,)])
    if len(counts) != len(pairs):
        raise MeasureError("Each area needs two numbers of reports: before and after.")
    if not (np.isfinite(counts) & (counts >= 0)).all() or (counts != np.rint(counts)).any():
        raise MeasureError("A number of reports is missing, infinite, negative or not whole. Each report counts as one.")
    return counts


def _numbers(values: npt.ArrayLike, name: str, *, at_least: float = -np.inf, places: int | None = None) -> Numbers:
    """``values`` as finite numbers, one for each place."""
    try:
        known = values.to_numpy(dtype=np.float64, na_value=np.nan) if isinstance(values, pd.Series) else values
        found = np.asarray(known, np.float64)
    except (TypeError, ValueError):
        raise MeasureError(f"The {name} are not numbers. Give one number for each place.") from None
    if found.ndim != 1 or found.size == 0 or (places is not None and found.size != places):
        wanted = "at least one place" if places is None else f"{places} places"
        raise MeasureError(f"The {name} have the shape {found.shape}. Give one number for each of {wanted}.")
    if not (np.isfinite(found) & (found >= at_least)).all():
        raise MeasureError(f"The {name} hold numbers that are missing, infinite or too small. Mend them, or leave them out.")
    return found


def _check_share(share: float) -> None:
    if not 0 < share <= 1:
        raise MeasureError(f"share_of_area is {share:g}, but a share of the area lies above 0 and not above 1.")


def _check_same_places(*values: object) -> None:
    labels = [value.index for value in values if isinstance(value, pd.Series)]
    if any(not other.equals(labels[0]) for other in labels[1:]):
        raise MeasureError("The values belong to different places, or stand in another order. Give all with the same index.")


def _sizes(area: pd.Series | Numbers | None, places: int) -> Numbers:
    if area is None:
        return np.ones(places)
    size = _numbers(area, "areas", places=places)
    if (size <= 0).any():
        raise MeasureError(
            f"{int((size <= 0).sum())} of {places} places have no area, so nothing can be flagged there. "
            "Leave them out, with their reports, or use another measure of size."
        )
    return size
