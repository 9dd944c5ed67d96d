"""What came after an action: reports of its community before and after, beside the communities where nothing was done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm, t

from tensionmap.errors import MeasureError
from tensionmap.measure.change import counts_by_quarter, quarter_of
from tensionmap.measure.evaluate import wdd
from tensionmap.tables import ACTION_EFFECTS, DTYPES, TOO_FEW

Whole = npt.NDArray[np.int64]

FEWEST_REPORTS = 20
FEWEST_COMMUNITIES = 2
"""Of one alone nobody knows how much communities differ by themselves."""
BEFORE, AFTER = (-2, -1), (1, 2)
"""Quarters that are compared, counted from the one in which it was done; that one belongs to neither."""

_CONCERN_OF_NONE = {"theme": "tension", "tier": "B"}


def done_actions(meetings: pd.DataFrame, concerns: pd.DataFrame, actions: pd.DataFrame) -> pd.DataFrame:
    """The actions that were done: where, in which quarter, and on which map their effect is looked for.

    Parameters
    ----------
    meetings, concerns, actions
        The tables MEETINGS, CONCERNS and ACTIONS.

    Returns
    -------
    DataFrame
        ``action_id``, ``settlement_id``, ``quarter`` ("2025Q3") and ``scope`` of the actions with the status done and a day.

    Notes
    -----
    The scope is the theme of the concern that the action answers; tension where it answers none, or one about cooperation.
    What answers a sealed concern is left out here, before anything is compared: else it would decide which communities
    are fit to be compared with others.
    """
    is_done = (actions["status"] == "done") & actions["date_done"].notna()
    known = actions[is_done].merge(meetings[["meeting_id", "settlement_id"]], on="meeting_id")
    known = known.merge(concerns[["concern_id", "theme", "tier"]], on="concern_id", how="left")
    answers_none = known["concern_id"].isna()
    for name, value in _CONCERN_OF_NONE.items():
        known[name] = known[name].mask(answers_none, value)
    known = known[known["tier"].isin(["A", "B"])]
    scope = known["theme"].where(known["theme"] == "crime", "tension")
    told = known[["action_id", "settlement_id"]].assign(quarter=quarter_of(known["date_done"]), scope=scope)
    return told.sort_values("action_id", ignore_index=True).astype("str")


def counts_of_communities(
    reports: pd.DataFrame, cells: pd.DataFrame, communities: pd.Series, *, date_from: date, date_to: date
) -> pd.DataFrame:
    """Reports of every community in every whole quarter, by the cells that are nearest to it.

    Parameters
    ----------
    reports
        ``cell_id`` (empty: not counted), ``date_start``, ``date_end``; those that can have been in two quarters are not
        counted.
    cells, communities
        ``cell_id`` of all cells, and the ``settlement_id`` of each, with the index of ``cells``.
    date_from, date_to
        First and last day of the study.

    Returns
    -------
    DataFrame
        Whole numbers; index ``settlement_id``, sorted; columns "2025Q1", ... in order of time.

    Raises
    ------
    MeasureError
        As `change.counts_by_quarter`.
    """
    is_of_one = quarter_of(reports["date_start"]) == quarter_of(reports["date_end"])
    counted = reports[reports["cell_id"].notna() & is_of_one]
    by_cell = counts_by_quarter(counted["cell_id"], counted["date_start"], cells["cell_id"], date_from=date_from, date_to=date_to)
    return by_cell.groupby(communities.to_numpy()).sum().rename_axis("settlement_id")


def action_effects(
    done: pd.DataFrame, counts: pd.DataFrame, *, alpha: float, fewest_reports: int = FEWEST_REPORTS
) -> pd.DataFrame:
    """Whether fewer or more was reported after each action than before, beside the communities without one.

    Parameters
    ----------
    done
        Actions of one scope, as `done_actions` gives them.
    counts
        Reports of that scope by community and quarter, as `counts_of_communities` gives them: every community of the study,
        quarters in order of time without a gap.
    alpha
        Chance that a quarter in which nothing changed has an action with a verdict of fewer or more. It is shared among the
        communities in which an action of that quarter can be judged.
    fewest_reports
        Fewer reports of the community in the quarters compared are too few to tell.

    Returns
    -------
    DataFrame
        ACTION_EFFECTS without ``scope``, one row for each action of a community that ``counts`` has, by ``action_id``.
        ``wdd`` is in reports of that community over half a year, its interval at the level that its share of ``alpha``
        leaves; all three are empty where nothing can be compared: a quarter lies outside the study, or fewer than two
        communities without an action have a report.

    Raises
    ------
    MeasureError
        If alpha is not between 0 and 1, ``fewest_reports`` below 1, or a count negative or not whole.

    Notes
    -----
    Two whole quarters before the one in which the action was done are held against the two after it, by the weighted
    displacement difference (`evaluate.wdd`) without buffers. The control is one area: all communities in which no action of
    this scope was done in those five quarters, together, scaled so that it holds as many reports as the community in the four
    quarters compared. So the season, and whatever else moves all communities alike, is no effect, at any level: given both
    totals, the difference is that of two shares, which is 0 on average. Scaled by the quarters *before* alone, a community
    that was picked because it had many reports would seem to improve.

    Quarrels breed quarrels: counts of a village vary more than Poisson counts do. How much more is seen in the control, whose
    communities nobody acted in; the interval is widened by it (quasi-Poisson, variance growing with the square of the mean,
    Student's quantile).

    *What it does not show.* That the action was the cause: what else happened there in that half year is in the same
    numbers, and so are other actions there on the same theme, which all get the same figures. People do not choose by lot
    where to act: they act where it has just been worst, and there it is calmer afterwards by itself. Reports may have
    moved to neighbours, which are in the control, and fewer reports may be less trust. No clear change is no proof that
    nothing changed: with 20 reports hardly anything but an end of all reports is clear.

    Examples
    --------
    >>> quarters = ["2025Q1", "2025Q2", "2025Q3", "2025Q4", "2026Q1"]
    >>> counts = pd.DataFrame([[30, 30, 9, 8, 7], [40] * 5, [20] * 5], index=["v1", "v2", "v3"], columns=quarters)
    >>> done = pd.DataFrame({"action_id": ["a1"], "settlement_id": ["v1"], "quarter": ["2025Q3"]})
    >>> action_effects(done, counts, alpha=0.05)[["reports", "wdd", "verdict"]].values.tolist()
    [[75, -45.0, 'fewer']]
    """
    if not 0 < alpha < 1:
        raise MeasureError(f"alpha is {alpha:g}, but must lie between 0 and 1. Use 0.05 if in doubt.")
    if fewest_reports < 1:
        raise MeasureError(f"fewest_reports is {fewest_reports}, but without a report there is nothing to judge. Use 20.")
    here = done[done["settlement_id"].isin(counts.index)].sort_values("action_id", ignore_index=True)
    busy = here.groupby("settlement_id")["quarter"].agg(set).to_dict()
    compared = {
        (place, quarter): _both_times(place, quarter, counts, busy)
        for place, quarter in here[["settlement_id", "quarter"]].drop_duplicates().itertuples(index=False)
    }
    is_judged = {of: control is not None and int(own.sum()) >= fewest_reports for of, (own, control) in compared.items()}
    judged = Counter(quarter for (_, quarter), is_so in is_judged.items() if is_so)
    effects = {
        of: _effect(own, control, alpha=alpha / max(judged[of[1]], 1), is_judged=is_judged[of])
        for of, (own, control) in compared.items()
    }
    rows = [
        {"action_id": action, **effects[place, quarter]}
        for action, place, quarter in here[["action_id", "settlement_id", "quarter"]].itertuples(index=False)
    ]
    columns = {column.name: DTYPES[column.kind] for column in ACTION_EFFECTS.columns if column.name != "scope"}
    return pd.DataFrame(rows, columns=list(columns)).astype(columns)


def _both_times(place: str, quarter: str, counts: pd.DataFrame, busy: Mapping[str, set[str]]) -> tuple[Whole, Whole | None]:
    """Reports before and after: of the community, and of each one in its control; None if nothing can be compared."""
    middle = pd.Period(quarter, freq="Q")
    before, after = ([str(middle + step) for step in steps] for steps in (BEFORE, AFTER))
    known = counts.reindex(columns=[*before, *after], fill_value=0)
    both = np.column_stack([known[quarters].sum(axis=1) for quarters in (before, after)])
    near = {*before, str(middle), *after}
    is_free = np.array([not near & busy.get(community, set()) for community in counts.index])
    control = both[is_free & (both.sum(axis=1) > 0)]
    is_whole = set(before + after) <= set(counts.columns)
    return both[counts.index.get_loc(place)], control if is_whole and len(control) >= FEWEST_COMMUNITIES else None


def _effect(own: Whole, control: Whole | None, *, alpha: float, is_judged: bool) -> dict[str, Any]:
    reports = int(own.sum())
    if control is None or not reports:
        return {"reports": reports, "wdd": np.nan, "wdd_low": np.nan, "wdd_high": np.nan, "verdict": TOO_FEW}
    (own_before, own_after), (before, after) = own.tolist(), control.sum(axis=0).tolist()
    scale = (before + after) / reports
    found = wdd((own_before, own_after), (before, after), areas=(1.0, scale, 1.0, 1.0), alpha=alpha)
    wider = _widening(control, reports, alpha)
    low, high = found.wdd - wider * (found.wdd - found.low), found.wdd + wider * (found.high - found.wdd)
    verdict = "fewer" if high < 0 else "more" if low > 0 else "no clear change"
    can_tell = is_judged and found.verdict in ("fewer", "more", "no clear change")
    return {"reports": reports, "wdd": found.wdd, "wdd_low": low, "wdd_high": high, "verdict": verdict if can_tell else TOO_FEW}


def _widening(control: Whole, reports: int, alpha: float) -> float:
    """How many times wider than Poisson counts make it the interval of a community with ``reports`` must be.

    Chi-squared of the control's communities against one common change says how much more than Poisson counts they differ; that
    more grows with the number of reports. Known from few communities, it needs the quantile of Student's law.
    """
    totals, share = control.sum(axis=1), control[:, 1].sum() / control.sum()
    degrees = len(control) - 1
    if share in (0.0, 1.0):
        return 1.0
    chi_squared = ((control[:, 1] - share * totals) ** 2 / (share * (1 - share) * totals)).sum()
    excess = (chi_squared - degrees) / (totals.sum() - (totals**2).sum() / totals.sum())
    if excess <= 0:
        return 1.0
    return float(np.sqrt(1 + excess * reports) * t.isf(alpha / 2, degrees) / norm.isf(alpha / 2))
