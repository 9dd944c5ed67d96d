"""What all community releases together say, as statements that can be solved: no hidden number may be opened by their sum.

The smallest thing counted is a theme in a cell in a quarter. Releases on grids of other cell sizes are laid over one another
on the grid that both are made of. Beside the quarters that are told one by one, every period has a rest: reports of it that
belong to no such quarter.

Taken in are squares, the rounded numbers of reports, and hot spots ('at least'). Not taken in are the bands of categories
and the rounded share without a place, which `margins` keeps from binding, and from which sides an area was reported.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from tensionmap.errors import ReleaseError
from tensionmap.protect import margins
from tensionmap.protect.statements import Statements, openings
from tensionmap.protect.units import Grid, grid_in, known
from tensionmap.tables import BANDS, PERIOD, THEMES, Release

Wholes = npt.NDArray[np.int64]
Told = dict[tuple[str, str, str], list[tuple[Any, ...]]]
"""Table, theme, window -> what its rows tell of numbers."""

NUMBERED = {"cells": ("cell_id", "side_cells", "band"), "numbers": ("reports",)}
CELL_ID = re.compile(r"E(-?\d+)N(-?\d+)")


@dataclass(frozen=True)
class Opened:
    """A hidden number that is opened: what it is of, what it can still be, and the digests of the releases that open it."""

    theme: str
    window: str
    square: str
    least: int
    most: int
    releases: tuple[str, ...]


def opened(releases: Sequence[Release]) -> list[Opened]:
    """The hidden numbers that ``releases`` open together, each with the releases that open it.

    Raises
    ------
    ReleaseError
        If two releases cannot be laid over one another, or contradict one another.
    """
    width = min(release.facts.minimum_count for release in releases) - 1
    rows = _rows_of(releases)
    found = openings(rows.table([release.digest for release in releases]), width=width)
    return [Opened(*rows.secrets[one.statement], one.least, one.most, tuple(map(str, one.releases))) for one in found]


def _rows_of(releases: Sequence[Release]) -> _Rows:
    """Everything that ``releases`` say of numbers of reports."""
    if len({release.tables["cells"].crs for release in releases}) > 1:
        raise ReleaseError(
            "Maps released earlier stand in another CRS, so that their squares cut across the new ones. "
            "Keep the CRS of the study, or withdraw the earlier releases with 'tensionmap withdraw'."
        )
    ground = _Ground(releases)
    rows = _Rows(ground.size)
    said: set[Any] = set()
    for number, release in enumerate(releases):
        grid = grid_in(release.tables["grid"]["cell_id"], release.tables["grid"]["counted_in"])
        laid = ground.laid(grid, release.facts.cell_m)
        told, told_grid = _told(release), release.tables["grid"].to_csv(index=False)
        for at, theme in enumerate(THEMES):
            for window in (PERIOD, *release.facts.quarters):
                what = (told_grid, *_what_is_said(release, told, theme, window))
                if what in said:  # a window that stays as it was released says nothing new
                    continue
                said.add(what)
                of_window = laid[:, :, None] * ground.slots + np.array(ground.of_window(release, window))
                atoms = of_window.reshape(len(laid), -1) + at * ground.size_of_theme
                _say_squares(rows, release, told, number, grid, theme, window, atoms)
            of_study = (laid[:, :, None] * ground.slots + np.array(ground.of_study(release))).reshape(len(laid), -1)
            _say_areas(rows, release, number, grid, theme, of_study + at * ground.size_of_theme)
    return rows


def _told(release: Release) -> Told:
    """The rows of a release that tell numbers."""
    found: Told = {}
    for name, columns in NUMBERED.items():
        for theme, window, *row in release.tables[name][["theme", "window", *columns]].itertuples(index=False, name=None):
            found.setdefault((name, theme, window), []).append(tuple(row))
    return found


def _what_is_said(release: Release, told: Told, theme: str, window: str) -> tuple[Any, ...]:
    """Everything that a release says of a window, so that the same is taken in once."""
    facts = release.facts
    span = _public(release) if window == PERIOD else ()
    rows = [tuple(told.get((name, theme, window), ())) for name in NUMBERED]
    return theme, window, span, facts.cell_m, facts.extent, facts.minimum_count, *rows


class _Ground:
    """Which atoms a cell and a window of a release are made of, on a grid that all releases share."""

    def __init__(self, releases: Sequence[Release]) -> None:
        sizes = [release.facts.cell_m for release in releases]
        if any(size % 1 for size in sizes) and len(set(sizes)) > 1:
            told = ", ".join(f"{size:g} m" for size in sorted(set(sizes)))
            raise ReleaseError(
                f"Released maps have squares of {told}: no whole numbers of metres, so they cannot be laid over one another. "
                "Keep cell_m as it was."
            )
        self.cell_m: float = math.gcd(*map(int, sizes)) if len(set(sizes)) > 1 else sizes[0]
        self._at: dict[tuple[int, int], int] = {}
        quarters = sorted({quarter for release in releases for quarter in release.facts.quarters})
        self._slot = {quarter: number for number, quarter in enumerate(quarters)}
        self._periods: list[tuple[str, str]] = []
        for release in releases:
            for span in (_public(release), _study(release)):
                if span not in self._periods:
                    self._periods.append(span)
        self.slots = len(quarters) + len(self._periods)
        for release in releases:
            self.laid(grid_in(release.tables["grid"]["cell_id"], release.tables["grid"]["counted_in"]), release.facts.cell_m)

    @property
    def size_of_theme(self) -> int:
        """Atoms of one theme."""
        return len(self._at) * self.slots

    @property
    def size(self) -> int:
        """Atoms in all."""
        return self.size_of_theme * len(THEMES)

    def laid(self, grid: Grid, cell_m: float) -> Wholes:
        """Cells x parts: which cells of the shared grid each cell of ``grid`` is made of."""
        parts = round(cell_m / self.cell_m)
        steps = [(east, north) for east in range(parts) for north in range(parts)]
        return np.array(
            [
                [self._at.setdefault((column * parts + east, row * parts + north), len(self._at)) for east, north in steps]
                for column, row in zip(grid.column.tolist(), grid.row.tolist(), strict=True)
            ],
            dtype=np.int64,
        ).reshape(len(grid.column), len(steps))

    def of_window(self, release: Release, window: str) -> list[int]:
        """The slots of time that a window of a release holds."""
        return [self._slot[window]] if window != PERIOD else self._within(_public(release))

    def of_study(self, release: Release) -> list[int]:
        """The slots of time over which the hot spots of a release are measured."""
        return self._within(_study(release))

    def _within(self, span: tuple[str, str]) -> list[int]:
        told = [slot for quarter, slot in self._slot.items() if span[0] <= _first(quarter) and _last(quarter) <= span[1]]
        # What belongs to no quarter told belongs to the narrowest period around it.
        rests = [n for n, inner in enumerate(self._periods) if span[0] <= inner[0] and inner[1] <= span[1]]
        return told + [len(self._slot) + n for n in rests]


def _public(release: Release) -> tuple[str, str]:
    return release.facts.public_from, release.facts.public_to


def _study(release: Release) -> tuple[str, str]:
    return release.facts.date_from, release.facts.date_to


def _first(quarter: str) -> str:
    return str(pd.Period(quarter).start_time.date())


def _last(quarter: str) -> str:
    return str(pd.Period(quarter).end_time.date())


class _Rows:
    """Statements as they are collected."""

    def __init__(self, atoms: int) -> None:
        self._size = atoms
        self._atoms: list[Wholes] = []
        self._ends: list[tuple[float, float]] = []
        self._release: list[int] = []
        self.secrets: dict[int, tuple[str, str, str]] = {}
        """Row of a statement that must stay open -> theme, window, name of the square."""

    def say(self, atoms: Wholes, low: float, high: float, release: int, secret: tuple[str, str, str] | None = None) -> None:
        """Add one statement."""
        if secret:
            self.secrets[len(self._atoms)] = secret
        self._atoms.append(atoms)
        self._ends.append((low, high))
        self._release.append(release)

    def table(self, names: Sequence[str]) -> Statements:
        """All statements, releases by their names."""
        low, high = np.array(self._ends, dtype=float).reshape(-1, 2).T
        is_secret = np.zeros(len(self._atoms), dtype=bool)
        is_secret[list(self.secrets)] = True
        return Statements.of(
            self._atoms, low, high, atoms=self._size, is_secret=is_secret, release=np.array(names)[self._release]
        )


def _say_squares(
    rows: _Rows, release: Release, told: Told, number: int, grid: Grid, theme: str, window: str, atoms: Wholes
) -> None:
    """Listed and hidden squares of a window, and its rounded number of reports; ``atoms`` has a row for each cell."""
    fewest = release.facts.minimum_count
    bands = _listed(told.get(("cells", theme, window), ()), grid)
    is_listed = {side: np.isin(np.arange(len(square.may_stand)), list(bands[side])) for side, square in grid.squares.items()}
    is_hidden = known(grid, is_listed, fewest=fewest)
    ends = margins.ends(pd.Series(BANDS), fewest=fewest).set_axis(BANDS).to_dict("index")
    shown = 0.0
    for side, square in grid.squares.items():
        order = np.argsort(square.of_cell, kind="stable")
        starts = np.searchsorted(square.of_cell[order], np.arange(len(square.may_stand) + 1))
        for place, band in sorted(bands[side].items()):
            low, high = ends[band]["low"], ends[band]["high"]
            rows.say(atoms[order[starts[place] : starts[place + 1]]].ravel(), low, high, number)
            shown += low
        for at in np.flatnonzero(is_hidden[side]):
            name = f"E{square.column[at]}N{square.row[at]} x {side}"
            rows.say(atoms[order[starts[at] : starts[at + 1]]].ravel(), 0, fewest - 1, number, (theme, window, name))
    # A cell with too few people carries no number, and must stay open all the same.
    for at in np.flatnonzero(~grid.is_counted):
        rows.say(atoms[at], 0, math.inf, number, (theme, window, f"E{grid.column[at]}N{grid.row[at]} x 1"))
    for (rounded,) in told.get(("numbers", theme, window), ()):
        rows.say(atoms.ravel(), 0, max(rounded + fewest - 1, shown), number)


def _listed(squares: Sequence[tuple[Any, ...]], grid: Grid) -> dict[int, dict[int, str]]:
    """By side: the listed squares, by their place among those of that side, each with its band."""
    bands: dict[int, dict[int, str]] = {}
    for side, square in grid.squares.items():
        places = {place: at for at, place in enumerate(zip(square.column.tolist(), square.row.tolist(), strict=True))}
        of_side = [(CELL_ID.fullmatch(cell_id), band) for cell_id, side_cells, band in squares if side_cells == side]
        bands[side] = {places[int(found[1]), int(found[2])]: band for found, band in of_side if found}
    return bands


def _say_areas(rows: _Rows, release: Release, number: int, grid: Grid, theme: str, atoms: Wholes) -> None:
    """That an area holds the minimum at least in cells that are counted by themselves; more is said by its squares."""
    side = release.facts.cell_m
    middle = shapely.points((grid.column + 0.5) * side, (grid.row + 0.5) * side)
    areas = release.tables["hotspots"]
    for area in areas[areas["theme"] == theme].itertuples():
        is_inside = shapely.contains(area.geometry, middle) & grid.is_counted
        rows.say(atoms[is_inside].ravel(), release.facts.minimum_count, math.inf, number)
