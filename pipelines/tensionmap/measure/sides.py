"""Who reported: places where one side's share is unusual, and what is left of a hot spot without one side's reports.

All sides are treated alike; calling them by other names changes nothing but the names.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import betaincinv, gammaln, xlog1py, xlogy

from tensionmap.compiled import compiled
from tensionmap.errors import MeasureError
from tensionmap.measure.montecarlo import check_chance, p_value, rarest_of_maps, shuffle
from tensionmap.streams import STEP, begin, chance

Numbers = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

MORE, FEWER, AS_EXPECTED, TOO_FEW = "more", "fewer", "as expected", "too few to tell"
NOT_A_PARTY = ("community", "outside")
"""Who else may report, besides the parties."""
_INTERVAL = 0.95
_DIGITS = 9


def side_shares(
    seen: pd.DataFrame,
    places: str,
    *,
    expected: pd.Series | pd.DataFrame | None = None,
    replicates: int = 999,
    alpha: float = 0.05,
    seed: int,
) -> pd.DataFrame:
    """Each side's share of the reports of every place, and whether it is more or fewer than chance would bring.

    Parameters
    ----------
    seen
        One row a report: ``reported_by`` and the column of places. Reports without a place are left out.
    places
        Name of the column that holds the place, for example ``cell_id`` or ``settlement_id``.
    expected
        Shares of the sides that would be expected: a Series (index: sides) if they are the same everywhere, a DataFrame (index:
        places, columns: sides) if not, for example each side's share of the residents. Weights of any scale. None: each side's
        share of all reports.
    replicates
        Maps drawn to compare with.
    alpha
        Share of maps on which nothing is unusual that may have any side called more or fewer at any place.
    seed
        Seed of all chance. The same seed gives the same bytes on any number of threads.

    Returns
    -------
    DataFrame
        One row a place and side, sorted by both; a side that reported elsewhere only has a row with the count 0.

        - the place, under the name of its column, and ``reported_by``.
        - ``count``: reports of this side from this place.
        - ``share``: of all reports from this place.
        - ``expected_share``.
        - ``share_low``, ``share_high``: exact 95 % interval of the share (Clopper and Pearson), for this place and side alone.
        - ``p_map``: chance that any side at any place departs as far, in either direction, if nothing is unusual.
        - ``asymmetry``: more or fewer if ``p_map`` <= ``alpha``, else as expected; too few to tell if even all or none of the
          place's reports would not have been unusual.

    Raises
    ------
    MeasureError
        If a column or a reporter is missing, ``expected`` lacks a side or a place or is no share, or ``alpha`` cannot be reached
        with so few replicates.

    Notes
    -----
    *What is compared.* Without ``expected``, who reported is shuffled among all reports (random labelling): the number of
    reports of every place and of every side stays, and the count of a side with K of N reports at a place with n of them is
    hypergeometric. With ``expected`` each report of a place is drawn by its shares, and the count is binomial. The statistic is
    the rarity of the count, the smaller of its two tails, which may be compared between large places and small ones.

    *p over the map.* The share of replicates (and this map) whose rarest count, over all places and sides, is as rare as this
    one. So of maps on which nothing is unusual at most the share ``alpha`` has any side called more or fewer.

    *What it does not show.* More reports by one side may mean that it suffers more, that it is asked more often, or that the
    others do not dare. Without ``expected`` a place is compared with all places: where each side lives in villages of its own,
    most will differ, and should. Reports must be independent: one event told twice counts twice.

    References
    ----------
    Clopper, C. J. and Pearson, E. S. (1934). The use of confidence or fiducial limits illustrated in the case of the binomial.
    Biometrika 26. https://doi.org/10.1093/biomet/26.4.404

    Westfall, P. H. and Young, S. S. (1993). Resampling-based multiple testing. Wiley. ISBN 978-0-471-55761-6.
    """
    check_chance(replicates=replicates, alpha=alpha, seed=seed)
    _check_columns(seen, places)
    counts = pd.crosstab(seen[places], seen["reported_by"])  # without reports that have no place
    count = counts.to_numpy(dtype=np.int64)
    shares = _expected_shares(counts, expected)
    # Sides in the order of what is known of them, not of their names, so that these leave no trace.
    order = np.array(sorted(range(len(counts.columns)), key=lambda side: (*shares[:, side], *count[:, side])), np.int64)
    drawn = _Labelling(count[:, order], shares[:, order], is_given=expected is not None)
    p_map, p_extreme = np.ones((2, *count.shape))
    if count.size:
        maxima = drawn.maxima(replicates, seed)
        p_map[:, order] = p_value(drawn.observed, maxima, replicates=replicates)
        p_extreme[:, order] = p_value(drawn.most_extreme, maxima, replicates=replicates)
    return _as_table(counts, shares, p_map, p_extreme, places=places, alpha=alpha)


def _as_table(
    counts: pd.DataFrame, shares: Numbers, p_map: Numbers, p_extreme: Numbers, *, places: str, alpha: float
) -> pd.DataFrame:
    count = counts.to_numpy(dtype=np.int64)
    total = np.broadcast_to(count.sum(axis=1, keepdims=True), count.shape)
    tail = (1 - _INTERVAL) / 2
    low = np.where(count > 0, betaincinv(np.maximum(count, 1), total - count + 1, tail), 0.0)
    high = np.where(count < total, betaincinv(count + 1, np.maximum(total - count, 1), 1 - tail), 1.0)
    share = count / total
    word = np.where(p_map > alpha, AS_EXPECTED, np.where(share > shares, MORE, FEWER))
    word = np.where(p_extreme > alpha, TOO_FEW, word)
    columns = {
        "count": count,
        "share": share,
        "expected_share": shares,
        "share_low": low,
        "share_high": high,
        "p_map": p_map,
        "asymmetry": word,
    }
    index = pd.MultiIndex.from_product([counts.index, counts.columns], names=[places, "reported_by"])
    table = pd.DataFrame({name: values.ravel() for name, values in columns.items()}, index=index).reset_index()
    return table.astype({"reported_by": "str", "asymmetry": "str"})


def _check_columns(seen: pd.DataFrame, *names: str) -> None:
    for name in ("reported_by", *names):
        if name not in seen.columns:
            raise MeasureError(f"The reports have no column {name!r}. They have: {', '.join(map(str, seen.columns))}.")
    if seen["reported_by"].isna().any():
        missing = int(seen["reported_by"].isna().sum())
        raise MeasureError(f"{missing} of {len(seen)} reports do not say who reported. Leave them out, or name the reporter.")


def _expected_shares(counts: pd.DataFrame, expected: pd.Series | pd.DataFrame | None) -> Numbers:
    """Expected share of every side at every place."""
    count = counts.to_numpy(dtype=np.float64)
    if expected is None:
        shares: Numbers = np.broadcast_to(count.sum(axis=0) / max(count.sum(), 1), count.shape).copy()
        return shares
    if isinstance(expected, pd.Series):
        expected = pd.DataFrame(np.broadcast_to(expected, (len(counts), len(expected))), counts.index, expected.index)
    lacking = [*counts.columns.difference(expected.columns), *counts.index.difference(expected.index)]
    extra = expected.columns.difference(counts.columns)
    if lacking or not (expected.index.is_unique and expected.columns.is_unique) or (expected[extra] != 0).any(axis=None):
        raise MeasureError(
            "The expected shares belong to other places or sides"
            + (f": {', '.join(map(str, lacking))} is missing." if lacking else ", or name one twice, or one that never reported.")
            + " Give one share for each side, and each place if they differ."
        )
    weight = expected.reindex(index=counts.index, columns=counts.columns).to_numpy(dtype=np.float64, na_value=np.nan)
    if not (np.isfinite(weight) & (weight >= 0)).all() or not (weight.sum(axis=1) > 0).all():
        raise MeasureError("The expected shares are missing, infinite, negative or all 0 somewhere. Correct them.")
    if (count[weight == 0] > 0).any():
        raise MeasureError("A side reported from a place where nothing of it is expected. Expect a little, or leave it out.")
    # fsum, since an ordinary sum depends on the order of the sides.
    found: Numbers = weight / np.array([math.fsum(row) for row in weight]).reshape(-1, 1)
    return found


class _Labelling:
    """Who reported, drawn anew: how rare every count of every side can be at every place, and the rarest of each replicate."""

    def __init__(self, count: Whole, shares: Numbers, *, is_given: bool) -> None:
        self.count = count
        self.totals = count.sum(axis=1)
        self.shares = shares
        self.is_given = is_given
        self.begins = np.zeros(count.shape, np.int64)
        lists: list[Numbers] = []
        known: dict[tuple[int, float], int] = {}
        size = 0
        for (place, side), share in np.ndenumerate(shares):
            total, of_side = int(self.totals[place]), int(count[:, side].sum())
            key = (total, float(share) if is_given else of_side)
            if key not in known:
                law = _binomial(total, share) if is_given else _hypergeometric(int(count.sum()), of_side, total)
                lists.append(_rarities(law))
                known[key] = size
                size += total + 1
            self.begins[place, side] = known[key]
        self.rarity = np.concatenate(lists) if lists else np.empty(0)

    @property
    def observed(self) -> Numbers:
        """Rarity of every count."""
        found: Numbers = self.rarity[self.begins + self.count]
        return found

    @property
    def most_extreme(self) -> Numbers:
        """Rarity of the most or the fewest reports that a side can have at a place, whichever is rarer."""
        total, sides = self.totals[:, None], self.count.sum(axis=0)
        if self.is_given:
            least, most = np.where(self.shares < 1, 0, total), np.where(self.shares > 0, total, 0)
        else:
            least, most = np.maximum(total + sides - sides.sum(), 0), np.minimum(sides, total)
        found: Numbers = np.maximum(self.rarity[self.begins + least], self.rarity[self.begins + most])
        return found

    def maxima(self, replicates: int, seed: int) -> Numbers:
        """The rarest count of each replicate."""
        sides = np.repeat(np.arange(self.count.shape[1]), self.count.sum(axis=0))
        starts = np.concatenate([[0], np.cumsum(self.totals)])

        cumulative = np.cumsum(self.shares, axis=1) if self.is_given else np.empty((0, sides.size))

        def task(first: int, last: int) -> Numbers:
            found: Numbers = _rarest(first, last, np.uint64(seed), sides, starts, cumulative, self.begins, self.rarity)
            return found

        return rarest_of_maps(task, replicates, observed=np.inf)


def _binomial(total: int, share: float) -> Numbers:
    """Logarithms of the chances of 0, 1, ..., total."""
    inside = np.arange(total + 1)
    chances: Numbers = _ways(total, inside) + xlogy(inside, share) + xlog1py(total - inside, -share)
    return chances


def _hypergeometric(whole: int, kind: int, total: int) -> Numbers:
    """Logarithms of the chances of 0, 1, ..., total of a kind among so many that are taken from the whole."""
    inside = np.arange(total + 1)
    is_possible = (inside <= kind) & (total - inside <= whole - kind)
    ways = np.full(total + 1, -np.inf)
    ways[is_possible] = (_ways(kind, inside) + _ways(whole - kind, total - inside))[is_possible]
    return ways - _ways(whole, np.array(total))


def _ways(total: int, chosen: Any) -> Numbers:
    """Logarithms of the binomial coefficients; meaningless where more are chosen than there are."""
    ways: Numbers = gammaln(total + 1) - gammaln(chosen + 1) - gammaln(np.maximum(total - chosen, 0) + 1)
    return ways


def _rarities(logarithms: Numbers) -> Numbers:
    """Minus the logarithm of the smaller tail of each number, from the logarithms of their chances."""
    at_most = np.logaddexp.accumulate(logarithms)
    at_least = np.logaddexp.accumulate(logarithms[::-1])[::-1]
    rarer: Numbers = np.minimum(at_most, at_least)
    return -rarer.round(_DIGITS)  # what differs in the last bits only is made equal


@compiled
def _rarest(
    first: int, last: int, seed: np.uint64, sides: Whole, starts: Whole, cumulative: Numbers, begins: Whole, rarity: Numbers
) -> Numbers:
    """The rarest count of each of the replicates: of sides shuffled, or drawn by shares if there are any."""
    rarest = np.empty(last - first)
    whole = np.array([0, sides.size])
    counts = np.empty(begins.shape[1], np.int64)
    for replicate in range(first, last):
        state = begin(seed, replicate)
        drawn = sides.copy()
        if cumulative.shape[0] == 0:
            state = shuffle(state, drawn, whole)
        greatest = 0.0
        for place in range(starts.size - 1):
            counts[:] = 0
            for report in range(starts[place], starts[place + 1]):
                if cumulative.shape[0] > 0:
                    state += STEP
                    aim = chance(state) * cumulative[place, -1]
                    drawn[report] = min(int(np.searchsorted(cumulative[place], aim, side="right")), counts.size - 1)
                counts[drawn[report]] += 1
            for side in range(counts.size):
                greatest = max(greatest, rarity[begins[place, side] + counts[side]])
        rarest[replicate - first] = greatest
    return rarest


def rests_on(
    spots: pd.DataFrame, seen: pd.DataFrame, find: Callable[[pd.DataFrame], pd.DataFrame], *, parties: Sequence[str]
) -> pd.Series:
    """On whose reports each hot spot rests: on one reporter's alone, or on those of both, or of several.

    Parameters
    ----------
    spots
        Hot spots of all reports: ``cell_id`` and ``hotspot`` (hot, cold, none or too few to tell).
    seen
        One row a report: ``cell_id``, ``reported_by``, and whatever ``find`` needs. Reports on no cell are left out.
    find
        Takes rows of ``seen`` and returns a table like ``spots``, found in the same way and with the same seed.
    parties
        Names of the parties. Whoever reports is one of them, 'community' or 'outside'.

    Returns
    -------
    Series of str
        Index of ``spots``. For hot cells '<reporter> alone', or else 'both' ('several' if more than two reported); missing for
        all other cells.

    Raises
    ------
    MeasureError
        If a column is missing, a cell stands twice in a table or is missing in one that was found, or somebody else reported.

    Notes
    -----
    Everything is found again with the reports of one reporter left out, once for each. A hot cell rests on X alone if it is no
    longer hot without X, and stays hot without any one of the others. So with two sides, X alone means: hot by the reports of X,
    and not by those of the other. It rests on both if it stays hot without either, and also if it needs both.

    *What it does not show.* Fewer reports find less: a spot can vanish because the reports that are left are few, not because
    they tell otherwise; ``find`` may then say too few to tell, and that too is no longer hot. Hence 'X alone' says that nobody
    else's reports bear the spot out, not that X is wrong, nor that the others disagree. No error rate is attached to the word.
    With more than two reporters only one is left out at a time.
    """
    _check_columns(seen, "cell_id")
    seen = seen[seen["cell_id"].notna()]
    known = (*parties, *NOT_A_PARTY)
    reporters = sorted(seen["reported_by"].unique())
    if unknown := [str(one) for one in reporters if one not in known]:
        raise MeasureError(
            f"Reports come from {', '.join(unknown)}, but those who can report are {', '.join(known)}. Correct one of the two."
        )
    is_hot = _is_hot(spots, spots["cell_id"])
    found = pd.Series(pd.NA, index=spots.index, name="rests_on", dtype="str")
    if not is_hot.any():
        return found
    stays = np.array([_stays_hot(seen[seen["reported_by"] != one], find, spots["cell_id"]) for one in reporters])
    goes = is_hot & ~stays
    word = np.full(len(spots), "both" if len(reporters) <= 2 else "several", dtype=object)
    for number, one in enumerate(reporters):
        word[goes[number] & (goes.sum(axis=0) == 1)] = f"{one} alone"
    found[is_hot] = word[is_hot]
    return found


def _stays_hot(left: pd.DataFrame, find: Callable[[pd.DataFrame], pd.DataFrame], cell_ids: pd.Series) -> npt.NDArray[np.bool_]:
    """Which cells are hot by the reports that are left; none if none are."""
    return _is_hot(find(left), cell_ids) if len(left) else np.zeros(len(cell_ids), dtype=bool)


def _is_hot(spots: pd.DataFrame, cell_ids: pd.Series) -> npt.NDArray[np.bool_]:
    cells = pd.Index(spots["cell_id"])
    position = cells.get_indexer(pd.Index(cell_ids)) if cells.is_unique else np.array([-1])
    if (position < 0).any():
        raise MeasureError("A cell stands twice in a table of hot spots, or is missing. Find them again on the same cells.")
    is_hot: npt.NDArray[np.bool_] = (spots["hotspot"] == "hot").to_numpy()[position]
    return is_hot
