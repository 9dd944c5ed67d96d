"""Squares that a number may stand for: cells of the frozen grid, thin ones merged by four and by sixteen.

The squares are those of the grid alone, the same for every release and on both sides of every border. A square is told if

- nobody lives in it or enough people do,
- it holds enough reports, by what is known now or by what was told of it before (`at_least`), and no smaller square inside
  it is told already, and
- **whatever its band could turn out to be**, it would leave every hidden number in it open (`_is_testable`). That is judged
  by numbers that are public anyway, never by the count itself, so that not telling a square tells nothing.

Everything else stays hidden: a cell or square that could have been told and was not has 'fewer than 5 or none'.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from tensionmap.protect.aggregate import BAND_STARTS

SIDES = (1, 2, 4)
"""Sides of squares, in cells."""

Floats = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]
Wholes = npt.NDArray[np.int64]
BySide = dict[int, Wholes]
"""Side of squares in cells -> a number for each square of that side."""


@dataclass(frozen=True)
class Grid:
    """The frozen grid as whole columns and rows.

    ``counted_in``: side in cells of the smallest square around a cell where nobody lives, or enough people (infinite: none).
    """

    column: Wholes
    row: Wholes
    counted_in: Floats

    @cached_property
    def is_counted(self) -> Truths:
        """Whether a cell is counted by itself."""
        by_itself: Truths = self.counted_in == 1
        return by_itself

    @cached_property
    def squares(self) -> dict[int, Square]:
        """The squares of each side."""
        return {side: self._squares(side) for side in SIDES}

    def _squares(self, side: int) -> Square:
        corners, of_cell, sizes = _in_squares(self.column, self.row, side)
        needed = np.zeros(len(sizes))
        np.maximum.at(needed, of_cell, self.counted_in)
        return Square(side, corners[0], corners[1], of_cell, (sizes == side * side) & (needed <= side))


def grid_of(cells: pd.DataFrame, people: pd.Series, *, cell_m: float, minimum_residents: int) -> Grid:
    """The grid of ``cells`` (centres in metres), in their order, from the ``people`` in each."""
    column, row = (np.floor(cells[name].to_numpy() / cell_m).astype(np.int64) for name in ("easting", "northing"))
    counted_in = np.full(len(cells), np.inf)
    for side in reversed(SIDES):
        _, of_cell, sizes = _in_squares(column, row, side)
        inside = np.bincount(of_cell, weights=people.to_numpy(dtype=float), minlength=len(sizes))[of_cell]
        counted_in[(inside == 0) | (inside >= minimum_residents)] = side
    return Grid(column, row, counted_in)


def grid_in(cell_ids: pd.Series, counted_in: pd.Series) -> Grid:
    """The grid as a release tells it."""
    places = cell_ids.str.extract(r"^E(-?\d+)N(-?\d+)$").astype("int64")
    return Grid(places[0].to_numpy(), places[1].to_numpy(), counted_in.astype("float64").fillna(np.inf).to_numpy())


def _in_squares(column: Wholes, row: Wholes, side: int) -> tuple[Wholes, Wholes, Wholes]:
    """South-western column and row of the squares of one side, the square of each cell, and how many cells each has."""
    corners, of_cell, sizes = np.unique(
        np.stack([column // side * side, row // side * side]), axis=1, return_inverse=True, return_counts=True
    )
    return corners, of_cell.reshape(-1), sizes


@dataclass(frozen=True)
class Square:
    """All squares of one side: column and row of their south-western cell, the square of each cell, and which may be told."""

    side: int
    column: Wholes
    row: Wholes
    of_cell: Wholes
    may_stand: Truths


@dataclass(frozen=True)
class Told:
    """What is told of one window: per side, squares that are listed, and squares that are hidden though they might be."""

    is_listed: dict[int, Truths]
    is_hidden: dict[int, Truths]
    """A reader knows of them that they hold fewer than the minimum."""
    sums: BySide

    def units(self) -> pd.DataFrame:
        """The listed squares: ``side``, ``square`` (position among those of its side), ``count``."""
        parts = [
            pd.DataFrame({"side": side, "square": np.flatnonzero(listed), "count": self.sums[side][listed]})
            for side, listed in self.is_listed.items()
        ]
        return pd.concat(parts, ignore_index=True)


def tell(counts: pd.Series, grid: Grid, *, fewest: int, least: BySide | None = None) -> Told:
    """Which squares are told and which are hidden, from the reports in each cell (in the order of the grid).

    ``least``: what earlier releases told that a square holds at least. A report that was counted and then struck out or
    corrected stays in what is told: else the difference would say where it was.
    """
    listed: dict[int, Truths] = {}
    hidden: dict[int, Truths] = {}
    sums: BySide = {}
    for side, square in grid.squares.items():
        sums[side] = np.bincount(square.of_cell, weights=counts.to_numpy(), minlength=len(square.may_stand)).astype(np.int64)
        if least is not None:
            sums[side] = np.maximum(sums[side], least[side])
    could = could_be_told(grid, {}, fewest=fewest, sums=sums)
    for side, is_testable in could.items():
        listed[side] = is_testable & (sums[side] >= fewest)
        hidden[side] = is_testable & ~listed[side]
    return Told(listed, hidden, sums)


def as_told(squares: pd.DataFrame, grid: Grid, *, fewest: int) -> Told:
    """What a reader knows of one window from its listed ``squares``: ``cell_id``, ``side_cells``, ``low``."""
    sums = lows(squares, grid)
    listed = {side: of_side > 0 for side, of_side in sums.items()}
    return Told(listed, known(grid, listed, fewest=fewest), sums)


def lows(squares: pd.DataFrame, grid: Grid) -> BySide:
    """The least of every listed square, by its place among those of its side; of others 0."""
    found: BySide = {}
    corners = grid_in(squares["cell_id"], squares["side_cells"])
    for side, square in grid.squares.items():
        places = {place: at for at, place in enumerate(zip(square.column.tolist(), square.row.tolist(), strict=True))}
        found[side] = np.zeros(len(square.may_stand), dtype=np.int64)
        is_of_side = corners.counted_in == side
        corner = zip(corners.column[is_of_side].tolist(), corners.row[is_of_side].tolist(), strict=True)
        found[side][[places[place] for place in corner]] = squares["low"].to_numpy()[is_of_side]
    return found


def at_least(grid: Grid, *told: BySide) -> BySide:
    """The most that ``told`` of a square, or of the squares inside it together."""
    found: BySide = {}
    inside, of_inside = np.zeros(len(grid.column)), np.arange(len(grid.column))
    for side, square in grid.squares.items():
        parent = np.zeros(len(inside), dtype=np.int64)
        parent[of_inside] = square.of_cell
        together = np.bincount(parent, weights=inside, minlength=len(square.may_stand)).astype(np.int64)
        found[side] = np.max([together, *(one[side] for one in told)], axis=0)
        inside, of_inside = found[side].astype(float), square.of_cell
    return found


def room_in(told: Told, grid: Grid, *, fewest: int) -> float:
    """The most that all squares together can hold, by what is told, while any one hidden number is 0."""
    ends = np.array([*(start - 1 for start in BAND_STARTS[1:]), np.inf])
    is_loose = ~grid.is_counted
    for side, square in grid.squares.items():
        is_loose &= ~(told.is_listed[side] | told.is_hidden[side])[square.of_cell]
    # A cell that nothing limits can hold everything, unless it is the one that holds nothing.
    inside = np.where(is_loose, np.inf if is_loose.sum() > 1 else 0.0, np.inf)
    of_inside = np.arange(len(inside))
    for side, square in grid.squares.items():
        parent = np.zeros(len(inside), dtype=np.int64)
        parent[of_inside] = square.of_cell
        highest = ends[np.searchsorted(BAND_STARTS, told.sums[side], side="right") - 1]
        limit = np.where(told.is_listed[side], highest, np.where(told.is_hidden[side], fewest - 1, np.inf))
        inside = np.minimum(np.bincount(parent, weights=inside, minlength=len(square.may_stand)), limit)
        of_inside = square.of_cell
    return float(inside.sum()) - (fewest - 1)


def known(grid: Grid, listed: dict[int, Truths], *, fewest: int) -> dict[int, Truths]:
    """The squares of each side that a reader knows to be hidden, from those ``listed`` and the rules alone."""
    could = could_be_told(grid, listed, fewest=fewest)
    return {side: is_testable & ~listed[side] for side, is_testable in could.items()}


def could_be_told(
    grid: Grid, listed: dict[int, Truths], *, fewest: int, sums: dict[int, Wholes] | None = None
) -> dict[int, Truths]:
    """Per side: the squares that are told if they hold enough, by public numbers alone.

    ``listed`` are the squares of each side that are told; with ``sums`` instead, those are that hold enough.
    """
    found: dict[int, Truths] = {}
    # Of the squares one size down: the most they can hold, and whether anything inside is told.
    most_inside = np.full(len(grid.column), np.inf)
    is_told_inside = np.zeros(len(grid.column), dtype=bool)
    of_inside = np.arange(len(grid.column))
    for side, square in grid.squares.items():
        number = len(square.may_stand)
        parent = np.zeros(len(most_inside), dtype=np.int64)
        parent[of_inside] = square.of_cell
        finite = np.where(np.isfinite(most_inside), most_inside, 0.0)
        total: Floats = np.bincount(parent, weights=finite, minlength=number).astype(np.float64)
        endless: Floats = np.bincount(parent, weights=~np.isfinite(most_inside), minlength=number).astype(np.float64)
        is_told = np.bincount(parent, weights=is_told_inside, minlength=number) > 0
        is_open = _leaves_open(total, endless, fewest=fewest) | (side == SIDES[0])
        is_testable = square.may_stand & ~is_told & is_open
        now = is_testable & (sums[side] >= fewest) if sums is not None else listed[side]
        most = np.where(is_testable & ~now, fewest - 1.0, np.where(endless > 0, np.inf, total))
        found[side] = is_testable
        most_inside, is_told_inside, of_inside = most, is_told | now, square.of_cell
    return found


def _leaves_open(total: Floats, endless: Floats, *, fewest: int) -> Truths:
    """Whether no band of a square opens a number in it: its parts hold ``total`` at most, ``endless`` of them have no limit.

    Each part must be able to hold nothing while the others fill the highest band that the square could have.
    """
    starts = np.array([max(start, fewest) for start in BAND_STARTS[1:]], dtype=float)
    highest = starts[np.searchsorted(starts, total, side="right") - 1] * (total >= starts[0])
    without_limit = (endless >= 2) | ((endless == 1) & (total >= starts[-1]))
    is_open: Truths = np.where(endless > 0, without_limit, (total >= starts[0]) & (total - (fewest - 1) >= highest))
    return is_open
