"""The worlds in which nothing is going on: where reports would be if no place were special, and when if no day were.

A hot spot is a claim against one of these, and only as good as it: a place where more is *reported* by each resident is hot,
whatever the reason.

- `uniform`, `by_population`: shares of all reports, for reports of one kind.
- `observed`: by population, seen through who reported and how well places are known. The null of the maps.
- `Null.of_labels`: random labelling, for some of the reports among all of them.
- `strata`: days that may be exchanged, for tests that shuffle dates (`montecarlo.shuffle`): within season, or, with one
  stratum for all, the space-time permutation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from tensionmap.errors import MeasureError
from tensionmap.measure.montecarlo import alias_table

if TYPE_CHECKING:
    import geopandas as gpd

Numbers = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Truths = npt.NDArray[np.bool_]

SHARE_OUTSIDE = 0.1
IRRIGATION = ((4, 10),)
"""April to October: water is in the canals, herds are on the pasture."""


@dataclass(frozen=True, eq=False)
class Null:
    """A world in which nothing is going on, ready to be drawn from by `montecarlo.draw_kinds`.

    Reports of several kinds (who reported them, how well their place is known) fall on the cells, each kind in its own
    proportion. How many there are of each kind is as in the data, on every map.
    """

    totals: Whole
    """Reports of each kind."""
    weights: Numbers
    """In what proportion they fall, one row a kind, one column a cell; the greatest of each row is 1."""
    pool: Whole
    """Cells of all the reports from which the reports in question are taken; empty if they fall in proportion to weights."""

    @property
    def total(self) -> int:
        """Reports on every map."""
        return int(self.totals.sum())

    @cached_property
    def expected(self) -> Numbers:
        """Reports expected in each cell, all kinds together; sums to all reports."""
        per_weight = self.totals / self.weights.sum(axis=1)
        expected = np.zeros(self.weights.shape[1])
        for kind in range(self.totals.size):  # no matrix product: its rounding may depend on the machine
            expected += per_weight[kind] * self.weights[kind]
        return expected

    @cached_property
    def is_possible(self) -> Truths:
        """Cells in which some report may fall."""
        some = self.weights[self.totals > 0] if self.total else self.weights
        possible: Truths = np.any(some > 0, axis=0)
        return possible

    @cached_property
    def tables(self) -> tuple[Whole, Numbers, Whole, Whole]:
        """What `montecarlo.draw_kinds` wants between the state of the stream and the counts."""
        keep, other = np.empty_like(self.weights), np.empty(self.weights.shape, np.int64)
        for kind, weights in enumerate(self.weights):
            keep[kind], other[kind] = alias_table(weights)
        return self.totals, keep, other, self.pool

    @property
    def keep(self) -> Numbers:
        """Alias tables, one row a kind, one column a cell: the share that a cell keeps of its turn."""
        return self.tables[1]

    @property
    def other(self) -> Whole:
        """Alias tables: who has the rest of a cell's turn."""
        return self.tables[2]

    def in_order(self, order: Whole) -> Null:
        """The same world with the cells in another order: cell ``order[k]`` becomes cell k."""
        place = np.empty_like(order)
        place[order] = np.arange(order.size)
        return Null(self.totals, np.ascontiguousarray(self.weights[:, order]), np.sort(place[self.pool]))

    def gathered(self, place: Whole, places: int) -> Null:
        """The same world with cells put together, as the cells of one community: cell k belongs to ``place[k]``, from 0."""
        weights = [np.bincount(place, row, minlength=places) for row in self.weights / self.weights.sum(axis=1, keepdims=True)]
        whole = Null.of_kinds(np.stack(weights), self.totals)
        return Null(self.totals, whole.weights, np.sort(place[self.pool]))

    def with_totals(self, totals: Whole) -> Null:
        """The same world with other numbers of reports of each kind."""
        return Null(np.asarray(totals, np.int64), self.weights, self.pool)

    @classmethod
    def of_kinds(cls, shares: Numbers, totals: Whole) -> Null:
        """From weights of any scale, one row a kind and one column a cell, and the reports of each kind."""
        shares, totals = np.atleast_2d(np.asarray(shares, np.float64)), np.atleast_1d(np.asarray(totals, np.int64))
        is_weight = np.isfinite(shares).all() and (shares >= 0).all() and (shares > 0).any(axis=1).all()
        if shares.shape[0] != totals.size or not is_weight or (totals < 0).any():
            raise MeasureError("Each kind of report needs a number of reports and weights: not negative, not all 0.")
        # In parts of the greatest, without the last bits: the scale of the weights shall leave no trace.
        return cls(totals, rounded(shares / shares.max(axis=1, keepdims=True), bits=40), np.empty(0, np.int64))

    @classmethod
    def of_labels(cls, all_counts: Whole, total: int) -> Null:
        """Random labelling: ``total`` of the reports in ``all_counts`` (one number a cell) are the ones in question.

        Asks whether reports about water, say, stand together more than reports at large do. Where reports at large
        stand, and whether they cluster, is taken as given.
        """
        all_counts = np.asarray(all_counts, np.int64)
        if not 0 <= total <= all_counts.sum() or all_counts.sum() == 0 or (all_counts < 0).any():
            raise MeasureError(
                f"{total} reports cannot be taken from {all_counts.sum()}. Count the reports in question among all reports."
            )
        pool = np.repeat(np.arange(all_counts.size), all_counts)
        return cls(np.array([total]), all_counts[None, :] / all_counts.max(), pool)


def rounded(values: Numbers, *, bits: int) -> Numbers:
    """``values`` to so many binary digits each, however large or small."""
    mantissa, exponent = np.frexp(values)
    found: Numbers = np.ldexp(np.rint(mantissa * 2.0**bits), exponent - bits)
    return found


def uniform(cells: gpd.GeoDataFrame) -> pd.Series:
    """The same share of the reports in every cell: each place is as likely as any other.

    Parameters
    ----------
    cells
        Cells of equal area.

    Returns
    -------
    Series
        Shares, index of ``cells``, sum 1.

    Raises
    ------
    MeasureError
        If there is no cell.

    Notes
    -----
    Against this null every village is a hot spot, because people live there. Use it only where that is the question.
    """
    if len(cells) == 0:
        raise MeasureError("There are no cells, so reports can be expected nowhere. Check the study area.")
    return pd.Series(1 / len(cells), index=cells.index, name="share")


def by_population(cells: gpd.GeoDataFrame, *, share_named: float, share_outside: float = SHARE_OUTSIDE) -> pd.Series:
    """Reports in proportion to residents, seen through the eyes of the reports: exact places and names of villages.

    Parameters
    ----------
    cells
        Table ``CELLS``: ``residents`` (where people live) and ``residents_named`` (the same people, all put into the cell
        that holds their village's point).
    share_named
        Share of the mapped reports whose place is known only as a village, 0 to 1. These fall in proportion to
        ``residents_named``, all others in proportion to ``residents``.
    share_outside
        Share of the others that falls anywhere, evenly over all cells: pasture, forest and roads, where nobody lives but
        people meet. 0 to 1; 0.1 unless the study knows better.

    Returns
    -------
    Series
        Shares, index of ``cells``, sum 1.

    Raises
    ------
    MeasureError
        If a share is not between 0 and 1, if residents are negative or missing, or if nobody lives in any cell.

    Notes
    -----
    With share n of named reports and share o outside, a cell is expected to hold

        (1 - n) * ((1 - o) * residents / all residents + o / cells) + n * residents_named / all residents_named

    ``share_outside`` is an assumption and no estimate. Set too low, it makes disputes on pasture look like hot spots; set
    too high, it hides them and makes large villages look hot. It also keeps a single report on an empty mountain from
    being infinitely surprising. The null knows nothing of who comes to a place by day, nor of who is willing to report.
    """
    _check_share(share_named, "share_named")
    _check_share(share_outside, "share_outside")
    exact = (1 - share_outside) * _shares(cells, "residents") + share_outside * uniform(cells)
    if share_named == 0:
        return exact.rename("share")
    return ((1 - share_named) * exact + share_named * _shares(cells, "residents_named")).rename("share")


def observed(
    seen: pd.DataFrame, cells: gpd.GeoDataFrame, *, own_land: pd.DataFrame | None = None, share_outside: float = SHARE_OUTSIDE
) -> tuple[pd.Series, tuple[Null, ...]]:
    """The reports that can be tested, per cell, and the worlds by population in which they are observed as these were.

    Parameters
    ----------
    seen
        One row a report that stands on a cell: ``cell_id``; ``is_named`` (truth: its place is known only as a village). Rows
        without ``cell_id`` are left out.
    cells
        Table ``CELLS``: ``cell_id``, ``residents`` and ``residents_named``.
    own_land
        One row a cell (index of ``cells``), one column a party, truths: it claims the cell, alone or with others, or nobody
        does. None: the map is one piece of land.
    share_outside
        As in `by_population`, within each piece of land. 1: reports with exact places fall evenly and ``residents`` are not
        needed.

    Returns
    -------
    Series
        Reports in each cell that can be tested, whole numbers, index of ``cells``.
    tuple of Null
        Worlds of which any may be the true one: what is found must be found against each (`hotspots.find_hotspots` sees to
        it). The first expects most from shared land, and is the careful one for a test that looks for more reports only.

    Raises
    ------
    MeasureError
        If a column is missing or holds something else, a report stands in an unknown cell, residents are negative or missing,
        nobody lives in any cell, or ``own_land`` belongs to other cells.

    Notes
    -----
    A report is of a *kind*: on whose land it lies, and whether its place is exact or a village's name. On every map there are as
    many of each kind as in the data, and each falls on its own land alone:

    - exact: (1 - o) * residents / residents of that land + o / cells of that land, where o is ``share_outside``; evenly if
      nobody lives on that land;
    - named: residents_named / residents_named of that land.

    So it is no finding that twice as much is told from the land of one side as from that of the other: each keeps its own
    number. *Shared land*, which several sides may call their own, belongs to no side here. To how many reports by resident its
    people are given is not known: to as many as those of one side, of the other, or some to the one and some to the other,
    village by village. So there is a world for each side, in which shared land is one piece with the land of that side
    alone. What piles up along a disputed strip, beyond what is usual on the land of *every* side, stays a finding; what
    is only usual for the side that tells more is none. Land that is nobody's by ``own_land`` is a piece of its own.

    *What cannot be tested.* A report in a cell where its kind expects nothing (a village's name in a cell in which no village
    is known) is impossible under the null, not just surprising. It is left out of the counts: ``len(seen) - counts.sum()``
    tells how many were.

    *What it does not know.* Who comes to a place by day; who within one side is willing to report.
    """
    ways = pieces_of_land(own_land, cells)
    found = [kinds(seen, cells, land, share_outside=share_outside) for land, _ in ways]
    position, is_tested = found[0][0], np.all([kind >= 0 for _, kind, _ in found], axis=0)
    counts = np.bincount(position[is_tested], minlength=len(cells))
    worlds = [Null.of_kinds(weights, np.bincount(kind[is_tested], minlength=len(weights))) for _, kind, weights in found]
    falling = sorted(zip(worlds, ways, strict=True), key=lambda pair: -pair[0].expected[pair[1][1]].sum())
    return pd.Series(counts, index=cells.index, name="count"), tuple(world for world, _ in falling)


def observed_draws(
    seen: pd.DataFrame,
    drawn: Whole,
    cells: gpd.GeoDataFrame,
    *,
    own_land: pd.DataFrame | None = None,
    share_outside: float = SHARE_OUTSIDE,
) -> tuple[tuple[Whole, Null], ...]:
    """Draws of where the reports can have been, by kind of report, with the null of each: for `hotspots.support_of`.

    Parameters
    ----------
    seen
        As in `observed`, one row a report; ``cell_id`` is not looked at.
    drawn
        Row of ``cells`` in which each report stands on each draw, shape (draws, reports); -1 for none.
    cells, own_land, share_outside
        As in `observed`. If draws spread the reports known by village over the land around it, ``residents_named`` must be spread
        alike: the people who would be drawn in each cell.

    Returns
    -------
    tuple of (ndarray of int64, Null)
        For each world of `observed`, in the order of the sides: reports that can be tested, shape (draws, kinds, cells), and
        the same kinds without reports, since each draw has its own numbers.

    Raises
    ------
    MeasureError
        As `observed`; if ``drawn`` has another shape or names rows that ``cells`` does not have.

    Notes
    -----
    On each draw a report is of the kind that the drawn cell makes it.
    """
    drawn = np.asarray(drawn)
    if drawn.ndim != 2 or drawn.shape[1] != len(seen) or drawn.dtype.kind not in "iu":
        raise MeasureError(f"The draws have the shape {drawn.shape}, but must be whole numbers, (draws, {len(seen)} reports).")
    if drawn.size and not (drawn.min() >= -1 and drawn.max() < len(cells)):
        raise MeasureError(f"The draws name cells from {drawn.min()} to {drawn.max()}, but there are {len(cells)}; -1 is none.")
    names = np.array([*_column(cells, "cell_id"), None], dtype=object)
    every = pd.concat([seen] * len(drawn), ignore_index=True) if len(drawn) else seen.iloc[:0]
    every = every.assign(cell_id=pd.Series(names[drawn.ravel()], dtype="str"))
    number = np.repeat(np.arange(len(drawn)), len(seen))
    found = []
    for land, _ in pieces_of_land(own_land, cells):
        position, kind, weights = kinds(every, cells, land, share_outside=share_outside)
        shape = (len(drawn), *weights.shape)
        is_tested = kind >= 0
        place = np.ravel_multi_index((number[is_tested], kind[is_tested], position[is_tested]), shape)
        counts = np.bincount(place, minlength=int(np.prod(shape))).reshape(shape)
        found.append((counts, Null.of_kinds(weights, np.zeros(len(weights), np.int64))))
    return tuple(found)


def pieces_of_land(own_land: pd.DataFrame | None, cells: gpd.GeoDataFrame) -> tuple[tuple[Whole, Truths], ...]:
    """The ways to part the map into pieces of land: for each the piece of every cell, and which cells are shared land.

    As `observed`, which see. One way if there is no shared land, or no land of one side alone.
    """
    if own_land is None:
        return ((np.zeros(len(cells), np.int64), np.zeros(len(cells), np.bool_)),)
    sides = _aligned_land(own_land, cells).to_numpy(dtype=np.bool_)
    of_how_many = sides.sum(axis=1)
    is_shared: Truths = of_how_many > 1
    # Land of one side alone has the side's number, nobody's land the number after the last.
    piece = np.where(of_how_many == 1, sides.argmax(axis=1), sides.shape[1])
    alone = np.unique(piece[of_how_many == 1])
    if not is_shared.any() or alone.size == 0:
        return ((piece, is_shared),)
    return tuple((np.where(is_shared, side, piece), is_shared) for side in alone)


def kinds(
    seen: pd.DataFrame, cells: gpd.GeoDataFrame, land: Whole, *, share_outside: float = SHARE_OUTSIDE
) -> tuple[Whole, Whole, Numbers]:
    """Cell of each report (-1: none), its kind (-1: it cannot be tested), and the weights of each kind in each cell.

    As `observed`, which see; ``land`` is one of `pieces_of_land`. There is at least one row of weights.
    """
    _check_share(share_outside, "share_outside")
    position = positions(_column(seen, "cell_id"), cells)
    is_named, on_cell = _truths(seen, "is_named"), position >= 0
    if (~is_named & on_cell).any() and share_outside < 1:
        _shares(cells, "residents")
    if (is_named & on_cell).any():
        _shares(cells, "residents_named")
    kind = np.full(len(seen), -1)
    weights: list[Numbers] = []
    piece = np.where(on_cell, land[position], -1)
    for number in np.unique(piece[on_cell]):
        for named in (False, True):
            reports = np.flatnonzero((piece == number) & (is_named == named))
            if reports.size:
                falls = _falls(cells, (land == number).astype(np.float64), is_named=named, share_outside=share_outside)
                kind[reports[falls[position[reports]] > 0]] = len(weights)
                weights.append(falls)
    some = [row for row in weights if row.any()]
    if len(some) < len(weights):
        kept = np.cumsum([row.any() for row in weights]) - 1
        kind = np.where(kind >= 0, kept[kind], -1)
    if not some:
        some.append(_falls(cells, np.ones(len(cells)), is_named=False, share_outside=share_outside))
    return position, kind, np.stack(some)


def positions(cell_ids: pd.Series, cells: gpd.GeoDataFrame) -> Whole:
    """Row of ``cells`` in which each report stands; -1 for reports without a cell.

    Raises
    ------
    MeasureError
        If two cells have one name, or a report stands in a cell that is not among ``cells``.
    """
    known = pd.Index(_column(cells, "cell_id"))
    if not known.is_unique:
        raise MeasureError("Two cells have the same cell_id. Make the cells again with link.")
    found = np.full(len(cell_ids), -1)
    on_cell = cell_ids.notna().to_numpy()
    found[on_cell] = known.get_indexer(pd.Index(cell_ids[on_cell]))
    strange = int((found[on_cell] < 0).sum())
    if strange:
        raise MeasureError(
            f"{strange} of {int(on_cell.sum())} reports stand in cells that are not on the grid. "
            "Reports and cells come from different runs: run link again."
        )
    return found


def strata(
    days: pd.Series | npt.ArrayLike, *, season_months: tuple[tuple[int, int], ...] = IRRIGATION, weekdays: bool = False
) -> Whole:
    """Which dates may be exchanged with which: those of one season, of whatever year.

    Parameters
    ----------
    days
        Day of each report.
    season_months
        First and last month of each season, 1 to 12; (11, 2) runs over the new year. Seasons may overlap. None at all, ``()``:
        every date may be exchanged with every other (space-time permutation).
    weekdays
        Exchange within the same weekday only: markets and Friday prayers come round each week.

    Returns
    -------
    ndarray of int64
        A code for each report, the same for dates that may be exchanged: the bits say which seasons the day is in, and
        above them, with ``weekdays``, stands the weekday (0 is Monday).

    Raises
    ------
    MeasureError
        If a date is missing or none, or a month is not from 1 to 12.

    Notes
    -----
    Shuffling dates within strata keeps how many reports each season and each day had, and loses which place had which of
    them. A place that is busy every summer, like a pasture, is then no finding; reports that follow one another in one place
    within weeks are.

    Summers of all years are one stratum. Within single years there would be few reports to exchange, and quiet years none.
    The price: a place whose years differ from those of other places (busy in 2021, quiet since) is in the alternative.
    A trend that all places share never is, since the dates themselves stay.

    Examples
    --------
    >>> from tensionmap.measure import nulls
    >>> nulls.strata(["2024-05-01", "2024-12-24", "2019-07-31"])
    array([1, 0, 1])
    """
    day = _dates(days)
    if np.isnat(day).any():
        raise MeasureError(
            f"{int(np.isnat(day).sum())} of {day.size} reports have no date. Leave them out of questions about time."
        )
    code = np.zeros(day.size, np.int64)
    month = day.astype("datetime64[M]").astype(np.int64) % 12 + 1
    for bit, (first, last) in enumerate(season_months):
        if not (1 <= first <= 12 and 1 <= last <= 12):
            raise MeasureError(f"A season runs from month {first} to month {last}, but months are 1 to 12.")
        inside = (month >= first) & (month <= last) if first <= last else (month >= first) | (month <= last)
        code |= inside.astype(np.int64) << bit
    if weekdays:
        code += (day.astype(np.int64) + 3) % 7 << len(season_months)  # 1970 began on a Thursday
    return code


def _dates(days: pd.Series | npt.ArrayLike) -> npt.NDArray[np.datetime64]:
    given = np.asarray(days)
    if given.size == 0:
        return np.empty(0, "datetime64[D]")
    try:
        if given.dtype.kind in "biuf":
            raise TypeError("bare numbers would be taken for days since 1970")
        return given.astype("datetime64[D]")
    except (TypeError, ValueError) as error:
        raise MeasureError("The days are not all dates. Give a date for each report.") from error


def _falls(cells: gpd.GeoDataFrame, land: Numbers, *, is_named: bool, share_outside: float) -> Numbers:
    """In what proportion reports on a piece of land fall on the cells; all 0 for names where no village is known."""
    if is_named:
        return land * _people(cells, "residents_named")
    evenly: Numbers = land / land.sum()
    people = np.zeros(len(cells)) if share_outside == 1 else land * _people(cells, "residents")
    if people.sum() == 0:
        return evenly
    falls: Numbers = (1 - share_outside) * people / people.sum() + share_outside * evenly
    return falls


def _aligned_land(own_land: pd.DataFrame, cells: gpd.GeoDataFrame) -> pd.DataFrame:
    is_same = len(own_land) == len(cells) and own_land.index.is_unique and cells.index.isin(own_land.index).all()
    if not is_same:
        raise MeasureError("own_land belongs to other cells: its index differs. Give one row for each cell.")
    if own_land.isna().any(axis=None) or not own_land.isin([True, False]).all(axis=None):
        raise MeasureError("own_land must say true or false for every cell and party.")
    return own_land.reindex(cells.index)


def _column(table: pd.DataFrame, name: str) -> pd.Series:
    if name not in table.columns:
        raise MeasureError(f"There is no column {name!r}; there are: {', '.join(map(str, table.columns))}.")
    return table[name]


def _truths(seen: pd.DataFrame, name: str) -> Truths:
    column = _column(seen, name)
    if column.isna().any() or not column.isin([True, False]).all():
        raise MeasureError(f"Column {name!r} must say true or false for every report.")
    truths: Truths = column.to_numpy(dtype=np.bool_)
    return truths


def _check_share(share: float, name: str) -> None:
    if not 0 <= share <= 1:
        raise MeasureError(f"{name} is {share:g}, but a share lies between 0 and 1.")


def _people(cells: gpd.GeoDataFrame, column: str) -> Numbers:
    people: Numbers = _column(cells, column).to_numpy(dtype=np.float64, na_value=np.nan)
    if not (np.isfinite(people) & (people >= 0)).all():
        raise MeasureError(f"Column {column!r} of the cells holds negative or missing numbers. Make the cells again with link.")
    return people


def _shares(cells: gpd.GeoDataFrame, column: str) -> pd.Series:
    people = pd.Series(_people(cells, column), index=cells.index)
    if people.sum() == 0:
        source = "the population raster" if column == "residents" else "the residents of the settlements"
        raise MeasureError(
            f"Nobody lives in any cell (column {column!r} is 0 everywhere), so reports cannot be expected by population. "
            f"Check that {source} is registered and covers the study area."
        )
    return people / people.sum()
