"""The worlds in which nothing is going on: where reports would be if no place were special.

Each returns the share of all reports expected in every cell. A hot spot is a claim against one of these, and only as good
as it: a place where more is *reported* by each resident is hot, whatever the reason.
"""

from __future__ import annotations

from dataclasses import dataclass
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

SHARE_OUTSIDE = 0.1


@dataclass(frozen=True)
class Null:
    """A world in which nothing is going on, ready to be drawn from by `montecarlo.draw_kinds`.

    Reports of several kinds (who reported them, how well their place is known) fall on the cells, each kind in its own
    proportion. How many there are of each kind is as in the data, on every map.
    """

    totals: Whole
    """Reports of each kind."""
    expected: Numbers
    """Reports expected in each cell, all kinds together; sums to all reports."""
    keep: Numbers
    """Alias tables, one row a kind, one column a cell."""
    other: Whole
    pool: Whole
    """Cells of all the reports from which the reports in question are taken; empty if they fall in proportion to shares."""

    @property
    def total(self) -> int:
        """Reports on every map."""
        return int(self.totals.sum())

    @property
    def tables(self) -> tuple[Whole, Numbers, Whole, Whole]:
        """What `montecarlo.draw_kinds` wants between the state of the stream and the counts."""
        return self.totals, self.keep, self.other, self.pool

    @classmethod
    def of_kinds(cls, shares: Numbers, totals: Whole) -> Null:
        """From weights of any scale, one row a kind and one column a cell, and the reports of each kind."""
        shares, totals = np.atleast_2d(np.asarray(shares, np.float64)), np.atleast_1d(np.asarray(totals, np.int64))
        is_weight = np.isfinite(shares).all() and (shares >= 0).all() and (shares.sum(axis=1) > 0).all()
        if shares.shape[0] != totals.size or not is_weight or (totals < 0).any():
            raise MeasureError("Each kind of report needs a number of reports and weights: not negative, not all 0.")
        shares = shares / shares.sum(axis=1, keepdims=True)
        drawn = [alias_table(row) for row in shares]
        keep: Numbers = np.stack([table[0] for table in drawn])
        other: Whole = np.stack([table[1] for table in drawn])
        return cls(totals, totals @ shares, keep, other, np.empty(0, np.int64))

    @classmethod
    def of_labels(cls, all_counts: Whole, total: int) -> Null:
        """Random labelling: ``total`` of the reports in ``all_counts`` (one number a cell) are the ones in question."""
        all_counts = np.asarray(all_counts, np.int64)
        if not 0 <= total <= all_counts.sum() or all_counts.sum() == 0 or (all_counts < 0).any():
            raise MeasureError(
                f"{total} reports cannot be taken from {all_counts.sum()}. Count the reports in question among all reports."
            )
        nothing = np.empty((0, all_counts.size))
        pool = np.repeat(np.arange(all_counts.size), all_counts)
        expected = all_counts * (total / all_counts.sum())
        return cls(np.array([total]), expected, nothing, nothing.astype(np.int64), pool)


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
    for name, share in (("share_named", share_named), ("share_outside", share_outside)):
        if not 0 <= share <= 1:
            raise MeasureError(f"{name} is {share:g}, but a share lies between 0 and 1.")
    exact = (1 - share_outside) * _shares(cells, "residents") + share_outside * uniform(cells)
    if share_named == 0:
        return exact.rename("share")
    return ((1 - share_named) * exact + share_named * _shares(cells, "residents_named")).rename("share")


def _shares(cells: gpd.GeoDataFrame, column: str) -> pd.Series:
    people = pd.Series(cells[column].to_numpy(dtype=np.float64, na_value=np.nan), index=cells.index)
    if not (np.isfinite(people) & (people >= 0)).all():
        raise MeasureError(f"Column {column!r} of the cells holds negative or missing numbers. Make the cells again with link.")
    if people.sum() == 0:
        source = "the population raster" if column == "residents" else "the residents of the settlements"
        raise MeasureError(
            f"Nobody lives in any cell (column {column!r} is 0 everywhere), so reports cannot be expected by population. "
            f"Check that {source} is registered and covers the study area."
        )
    return people / people.sum()
