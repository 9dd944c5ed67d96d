"""Dense groups of reports, near one another in place and in time: descriptive, not tested."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from tensionmap.compiled import compiled
from tensionmap.errors import MeasureError
from tensionmap.measure import montecarlo

Numbers = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Truth = npt.NDArray[np.bool_]

NOISE = -1
_ROUNDING = 1e-6
_MOST_COLUMNS = 2**30
_FEW = 32


def st_dbscan(
    easting: pd.Series | Numbers,
    northing: pd.Series | Numbers,
    day: pd.Series | Numbers | Whole,
    *,
    eps_m: float,
    eps_days: float,
    fewest: int = 5,
) -> pd.DataFrame:
    """Which dense group in place and time each report belongs to, or that it is alone: descriptive, not tested.

    Parameters
    ----------
    easting, northing
        Places in metres, projected CRS; one number a report, arrays or Series with the same index.
    day
        When: dates, or numbers of days from any beginning.
    eps_m
        Reports up to so many metres apart are near in place.
    eps_days
        Reports up to so many days apart are near in time.
    fewest
        A report with at least so many reports near it in place and in time, itself counted, is the core of a cluster.

    Returns
    -------
    DataFrame
        One row a report; index of ``easting``, or 0, 1, ... if that is an array. Neither the order of the rows nor the place of
        the origin matters.

        - ``cluster``: whole number. 0, 1, ... in the order of the earliest core report of each cluster, then its easting and
          northing; -1 for noise, a report near no core.
        - ``is_core``: true for cores.

    Raises
    ------
    MeasureError
        If the columns differ in length or index, hold something that is missing, infinite or no date, or if ``eps_m`` is not
        positive, ``eps_days`` negative, or ``fewest`` less than 1.

    Notes
    -----
    Two reports are neighbours if they are within ``eps_m`` (straight line) *and* within ``eps_days``, both inclusive: a
    cylinder. A ball in space and scaled time, as other programs take, is another shape. Cores that are neighbours share a
    cluster. A report that is no core joins the cluster of its nearest core neighbour: nearest in metres, then in days, then
    of the cluster with the lower number. Others let the order of the rows decide that.

    *What it does not show.* There is no test in it. Where people live close together, reports lie close together, and so
    noise gives clusters too; how many depends on ``eps_m``, ``eps_days`` and ``fewest``. The third condition of Birant and
    Kut, that a value measured at each place changes little, is left out, as reports carry none.

    References
    ----------
    Birant, D. and Kut, A. (2007). ST-DBSCAN: an algorithm for clustering spatial-temporal data. Data & Knowledge
    Engineering 60. https://doi.org/10.1016/j.datak.2006.01.013

    Ester, M., Kriegel, H.-P., Sander, J. and Xu, X. (1996). A density-based algorithm for discovering clusters in large
    spatial databases with noise. KDD-96. https://dl.acm.org/doi/10.5555/3001460.3001507

    Examples
    --------
    >>> found = st_dbscan([0, 30, 60, 5000], [0, 0, 0, 0], [1, 2, 2, 2], eps_m=50, eps_days=1, fewest=2)
    >>> found["cluster"].tolist()
    [0, 0, 0, -1]
    """
    _check_settings(eps_m, eps_days, fewest)
    index = _index_of(easting=easting, northing=northing, day=day)
    points = np.empty((3, len(index)))
    for row, (name, column) in enumerate({"easting": easting, "northing": northing, "day": day}.items()):
        points[row] = _numbers(column, name)
    cluster, is_core = _clusters(points, float(eps_m), float(eps_days), fewest)
    return pd.DataFrame({"cluster": cluster, "is_core": is_core}, index=index)


def _clusters(points: Numbers, eps_m: float, eps_days: float, fewest: int) -> tuple[Whole, Truth]:
    rows = points.shape[1]
    if rows == 0:
        return np.empty(0, np.int64), np.empty(0, np.bool_)
    # Squares a hair wider than eps_m, so that no neighbour lies beyond the next square by rounding.
    west, south = points[:2].min(axis=1)
    extent = float((points[:2].max(axis=1) - [west, south]).max())
    side = max(eps_m * (1 + _ROUNDING), extent / _MOST_COLUMNS)
    column, row = ((points[:2] - [[west], [south]]) / side).astype(np.int64)
    key = row * (_MOST_COLUMNS + 2) + column

    order = np.argsort(key)
    key = key[order]
    is_first = np.empty(rows, np.bool_)
    is_first[0] = True
    np.not_equal(key[1:], key[:-1], out=is_first[1:])
    start = np.append(np.flatnonzero(is_first), rows)
    key = key[start[:-1]]
    _sort_days(start, points[2], order)
    place = np.ascontiguousarray(points[:, order])

    # Squares are shared out; a core is a core, whoever counts.
    is_core = np.zeros(rows, np.bool_)

    def count(first: int, last: int) -> None:
        _find_cores(first, last, place, key, start, eps_m, eps_days, fewest, is_core)

    montecarlo.share_out(count, key.size)
    root = np.arange(rows)
    _join_cores(place, key, start, eps_m, eps_days, is_core, root)

    earliest = _earliest_cores(place, root, is_core)
    roots = np.flatnonzero(earliest >= 0)
    east, north, day = place[:, earliest[roots]]
    number = np.full(rows, NOISE)
    number[roots[np.lexsort((north, east, day))]] = np.arange(roots.size)
    found = np.where(is_core, number[root], NOISE)

    def lend(first: int, last: int) -> None:
        _join_others(first, last, place, key, start, eps_m, eps_days, is_core, found)

    montecarlo.share_out(lend, key.size)
    cluster, was_core = np.empty(rows, np.int64), np.empty(rows, np.bool_)
    cluster[order], was_core[order] = found, is_core
    return cluster, was_core


@compiled
def _sort_days(start: Whole, day: Numbers, order: Whole) -> None:
    """Sort ``order`` by day within each square."""
    for square in range(start.size - 1):
        within = order[start[square] : start[square + 1]]
        if within.size > _FEW:
            within[:] = within[np.argsort(day[within])]
            continue
        for last in range(1, within.size):
            one, place = within[last], last
            while place > 0 and day[within[place - 1]] > day[one]:
                within[place] = within[place - 1]
                place -= 1
            within[place] = one


@compiled
def _near_squares(square: int, key: Whole, start: Whole, reach: Whole, near: Whole, begin: Whole, is_forward: bool) -> int:
    """Fill ``near`` and ``begin`` with the squares that touch this one, itself included, and where they begin; their number.

    ``reach`` holds how far each of the three rows has been searched, for squares are asked for in the order of their keys.
    Forward: only itself and the squares after it.
    """
    found = 0
    for line in range(3):
        low = key[square] + (line - 1) * (_MOST_COLUMNS + 2) - 1
        while reach[line] < key.size and key[reach[line]] < low:
            reach[line] += 1
        other = reach[line]
        while other < key.size and key[other] <= low + 2:
            if other >= square or not is_forward:
                near[found], begin[found] = other, start[other]
                found += 1
            other += 1
    return found


@compiled
def _find_cores(
    first: int, last: int, place: Numbers, key: Whole, start: Whole, eps_m: float, eps_days: float, fewest: int, is_core: Truth
) -> None:
    """Mark the cores in the squares ``first`` to ``last``, ``last`` not included."""
    near, begin, reach = np.empty(9, np.int64), np.empty(9, np.int64), np.zeros(3, np.int64)
    farthest = eps_m * eps_m
    for square in range(first, last):
        squares = _near_squares(square, key, start, reach, near, begin, False)
        for one in range(start[square], start[square + 1]):
            east, north, day = place[0, one], place[1, one], place[2, one]
            count = 0
            for which in range(squares):
                end = start[near[which] + 1]
                other = begin[which]
                while other < end and day - place[2, other] > eps_days:
                    other += 1
                begin[which] = other
                while other < end and place[2, other] - day <= eps_days and count < fewest:
                    away = (place[0, other] - east) ** 2 + (place[1, other] - north) ** 2
                    count += away <= farthest
                    other += 1
            is_core[one] = count >= fewest


@compiled
def _root_of(one: int, root: Whole) -> int:
    while root[one] != one:
        root[one] = root[root[one]]
        one = root[one]
    return one


@compiled
def _join_cores(place: Numbers, key: Whole, start: Whole, eps_m: float, eps_days: float, is_core: Truth, root: Whole) -> None:
    """Give all cores of a cluster the same root; every pair is visited once."""
    near, begin, reach = np.empty(9, np.int64), np.empty(9, np.int64), np.zeros(3, np.int64)
    farthest = eps_m * eps_m
    for square in range(key.size):
        squares = _near_squares(square, key, start, reach, near, begin, True)
        for one in range(start[square], start[square + 1]):
            if not is_core[one]:
                continue
            east, north, day = place[0, one], place[1, one], place[2, one]
            mine = _root_of(one, root)
            for which in range(squares):
                end = start[near[which] + 1]
                other = begin[which]
                while other < end and day - place[2, other] > eps_days:
                    other += 1
                begin[which] = other
                if near[which] == square:
                    other = one + 1
                while other < end and place[2, other] - day <= eps_days:
                    away = (place[0, other] - east) ** 2 + (place[1, other] - north) ** 2
                    if away <= farthest and is_core[other] and root[other] != mine:
                        theirs = _root_of(other, root)
                        mine, theirs = min(mine, theirs), max(mine, theirs)
                        root[theirs] = mine
                    other += 1
    for one in range(root.size):
        root[one] = _root_of(one, root)


@compiled
def _earliest_cores(place: Numbers, root: Whole, is_core: Truth) -> Whole:
    """For every root the core of its cluster that comes first by day, easting and northing; -1 for what is no root of cores."""
    earliest = np.full(root.size, -1)
    for one in range(root.size):
        if is_core[one]:
            best = earliest[root[one]]
            if best < 0 or (place[2, one], place[0, one], place[1, one]) < (place[2, best], place[0, best], place[1, best]):
                earliest[root[one]] = one
    return earliest


@compiled
def _join_others(
    first: int, last: int, place: Numbers, key: Whole, start: Whole, eps_m: float, eps_days: float, is_core: Truth, found: Whole
) -> None:
    """Give every report that is no core the cluster of its nearest core, if one is near."""
    near, begin, reach = np.empty(9, np.int64), np.empty(9, np.int64), np.zeros(3, np.int64)
    for square in range(first, last):
        squares = _near_squares(square, key, start, reach, near, begin, False)
        for one in range(start[square], start[square + 1]):
            if is_core[one]:
                continue
            east, north, day = place[0, one], place[1, one], place[2, one]
            nearest = (eps_m * eps_m, eps_days, found.size)
            for which in range(squares):
                end = start[near[which] + 1]
                other = begin[which]
                while other < end and day - place[2, other] > eps_days:
                    other += 1
                begin[which] = other
                while other < end and place[2, other] - day <= eps_days:
                    if is_core[other]:
                        away = (place[0, other] - east) ** 2 + (place[1, other] - north) ** 2
                        core = (away, abs(place[2, other] - day), found[other])
                        if core < nearest:
                            nearest = core
                    other += 1
            if nearest[2] < found.size:
                found[one] = nearest[2]


def _check_settings(eps_m: float, eps_days: float, fewest: int) -> None:
    if not 0 < eps_m < np.inf:
        raise MeasureError(f"eps_m is {eps_m:g}, but reports are near up to a positive number of metres.")
    if not 0 <= eps_days < np.inf:
        raise MeasureError(f"eps_days is {eps_days:g}, but it must be a number of days; 0 means on the same day.")
    if not 1 <= fewest < np.inf or fewest != int(fewest):
        raise MeasureError(f"fewest is {fewest}, but a core needs a whole number of reports, itself counted: 1 or more.")


def _index_of(**columns: pd.Series | Numbers | Whole) -> pd.Index:
    """The index that the columns share."""
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise MeasureError(f"The columns differ in length: {said}. Give one number of each for every report.")
    series = [column for column in columns.values() if isinstance(column, pd.Series)]
    if any(not column.index.equals(series[0].index) for column in series[1:]):
        raise MeasureError("The columns have different indexes. Take them from one table, or give plain arrays.")
    first = next(iter(columns.values()))
    return first.index if isinstance(first, pd.Series) else pd.RangeIndex(len(first))


def _numbers(column: pd.Series | Numbers | Whole, name: str) -> Numbers:
    """The column as finite numbers; dates as days."""
    values = pd.Series(column).reset_index(drop=True)
    if name == "day" and isinstance(values.dtype, pd.DatetimeTZDtype):
        values = values.dt.tz_localize(None)
    if name == "day" and values.dtype.kind == "M":
        values = (values - pd.Timestamp(0)) / pd.Timedelta(days=1)
    if values.dtype.kind not in "iuf" and len(values):
        raise MeasureError(
            f"{name} holds {values.dtype}, not numbers{' or dates' if name == 'day' else ''}. Read the column as such."
        )
    numbers: Numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    bad = np.flatnonzero(~np.isfinite(numbers))
    if bad.size:
        raise MeasureError(
            f"{name} is missing or infinite in {bad.size} of {numbers.size} rows, first in row {bad[0]}, counted from 0. "
            "Leave those reports out and say so."
        )
    return numbers
