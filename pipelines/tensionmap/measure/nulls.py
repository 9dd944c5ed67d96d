"""The worlds in which nothing is going on: where reports would be if no place were special.

Each returns the share of all reports expected in every cell. A hot spot is a claim against one of these, and only as good
as it: a place where more is *reported* by each resident is hot, whatever the reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tensionmap.errors import MeasureError

if TYPE_CHECKING:
    import geopandas as gpd

SHARE_OUTSIDE = 0.1


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
