"""Where and when an imprecise report can have been: draws, so that a place known only by a name never makes a hot spot.

One draw is a map on which every report stands in one cell in which it can have been, the likelier ones more often. What
holds on nearly all draws does not hang on a guess about places.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from tensionmap.compiled import compiled
from tensionmap.errors import GeometryError, TableError
from tensionmap.streams import LARGEST_SEED, STEP, chance

Floats = NDArray[np.float64]
Wholes = NDArray[np.int64]
Flags = NDArray[np.bool_]

POINTS_A_SIDE = 5
"""A cell can belong to several villages: it is shared out among them by so many points a side, its people evenly."""
WIDEST_NAME_CELLS = 50
"""A village whose name reaches farther than so many cells is drawn like a district: by a circle."""
OFF_GRID = -1
_FARTHEST_M = 1e9
_ROUNDING = 1e-9


def draw_cells(
    incidents: gpd.GeoDataFrame,
    placed: pd.DataFrame,
    cells: pd.DataFrame,
    settlements: gpd.GeoDataFrame,
    *,
    cell_m: float,
    draws: int = 50,
    share_outside: float = 0.1,
    seed: int,
) -> Wholes:
    """The cell of every report on every draw: its own if the place is exact, else one in which it can have been.

    Parameters
    ----------
    incidents : GeoDataFrame
        The table INCIDENTS, in the CRS of the grid.
    placed : DataFrame
        The table PLACED of the same reports, in any order.
    cells : DataFrame
        The table CELLS (``cell_id``, ``easting``, ``northing``, ``residents``) of square cells, in any order.
    settlements : GeoDataFrame
        The table SETTLEMENTS, in the CRS of the grid.
    cell_m : float
        Side of a cell in metres.
    draws : int
        Maps to draw.
    share_outside : float
        Share of the reports not known by a village that falls anywhere, evenly: as the null by population has it.
    seed : int
        Seed of all chance, 0 to 2^64 - 1.

    Returns
    -------
    array of int64, shape (draws, reports)
        Positions in ``cells``; -1 where a report is on no cell. Reports stand in the order of ``incidents``.

    Raises
    ------
    TableError
        ``placed`` lacks a report or names a cell that is not there, an incident_id or settlement_id occurs twice, or
        residents are missing or negative.
    GeometryError
        The layers are in different CRSs, or a setting is impossible.

    Notes
    -----
    *Who is drawn from where.* A report that was measured or pointed at, within a radius of at most ``cell_m``, stands in its
    own cell on every draw (on none if that is off the grid). All others are drawn:

    - *known by a village or town*: in proportion to residents, among the land that is nearer to this village than to any
      other, in a straight line (the rule of ``residents_named``), and within the report's radius of the village's point
      (``location_precision_m``, which for a report known by the name alone is the name's ``precision_m``). Land is looked at
      as 5 x 5 points a cell, and a cell's people are taken to live evenly in it. If nobody is known to live there, the
      village's own cell.
    - *measured, but to a radius larger than a cell*: among the cells whose centre lies within the radius of its own cell's
      centre, in proportion to (1 - o) * residents / all residents + o / cells, with o = ``share_outside``.
    - *district*, and villages that the settlements do not hold or whose radius is beyond 50 cells: in the same way, around the
      cell of the settlement that is named, or else the report's own.
    - *wider, none*, and whatever has no point or no radius: -1.

    The share of such land or circle that has no cell, by area, is drawn as -1.

    *What it depends on.* The k-th draw of a report depends on the seed, k and its incident_id. So other reports may come,
    go, or change places, more draws may be asked for, and a report may be moved within its cell (a named one anywhere): no
    draw of any other, and none of its own, changes.

    *Why a test on draws keeps its error rate.* Let reports follow the null by population, and let a village's name be given
    by people for whom it is the nearest and within reach. Given the name, the true place follows residents among just the
    land described above, and so does the draw. Hence draw and truth have the same distribution, and each draw, taken alone,
    is a map of the null (with `residents_named` as what it expects of reports known by village). For all others this
    holds if an error is as likely in one direction as in the opposite one, and close to the edge of the grid if as many people
    live off it as on it. So the test on a single draw finds something on at most the share ``alpha`` of maps of noise. Draws of
    one map are not independent, but need not be: the share of draws on which anything is found has at most the mean ``alpha``,
    and by Markov's inequality it reaches s on at most ``alpha / s`` of the maps. What is called hot only if it is hot on at
    least the share s of the draws keeps that rate: 0.0526 for 0.05 and s = 0.95. (An average of p values over draws does not
    keep it: twice the average does, Vovk and Wang 2020.) A test may also pool the draws in any other way, if every replicate is
    observed as reports are, and its draws pooled alike.

    *What it does not show.* Draws know nothing of the report but its place: a quarrel over pasture known by the village is
    drawn where people live. They are no better than the population raster. Many reports of one village can still make the
    village's land hot: more came than its people explain, but where in it is not claimed.

    References
    ----------
    Steele, G. L., Lea, D. and Flood, C. H. (2014). Fast splittable pseudorandom number generators. OOPSLA '14.
    https://doi.org/10.1145/2660193.2660195

    Vovk, V. and Wang, R. (2020). Combining p-values via averaging. Biometrika 107. https://doi.org/10.1093/biomet/asaa027
    """
    _check(incidents, draws=draws, seed=seed)
    if not 0 <= share_outside <= 1:
        raise GeometryError(f"share_outside is {share_outside:g}, but a share lies between 0 and 1.")
    land = _Land.of(cells, settlements, incidents.crs, cell_m)
    ways = _Ways.of(incidents, settlements, land)
    streams = _streams(incidents["incident_id"], "cell", seed)
    found = np.full((len(incidents), draws), OFF_GRID, np.int64)
    found[ways.is_exact] = _own_cells(incidents["incident_id"][ways.is_exact], placed, cells)[:, None]

    _by_village(found, streams, ways, land)
    _by_circle(found, streams, ways, land, share_outside)
    return np.ascontiguousarray(found.T)


def draw_days(incidents: pd.DataFrame, *, draws: int = 50, seed: int) -> NDArray[np.datetime64]:
    """The day of every report on every draw: each day from its first to its last possible one is as likely as the others.

    Parameters
    ----------
    incidents : DataFrame
        With ``incident_id``, ``date_start`` and ``date_end``.
    draws : int
        How many.
    seed : int
        Seed of all chance, 0 to 2^64 - 1.

    Returns
    -------
    array of datetime64[D], shape (draws, reports)
        In the order of ``incidents``. A report known to the day has the same day on every draw.

    Raises
    ------
    TableError
        A date is missing, the last day comes before the first, or an incident_id occurs twice.
    GeometryError
        A setting is impossible.

    Notes
    -----
    The k-th draw of a report depends on the seed, k and its incident_id alone, and not on the draws of its place. Days on which
    more happens are not preferred: use it where the season is not the question within the span of an imprecise date.
    """
    _check(incidents, draws=draws, seed=seed)
    first, last = (incidents[name].to_numpy("datetime64[D]") for name in ("date_start", "date_end"))
    wrong = np.isnat(first) | np.isnat(last) | (last < first)
    if wrong.any():
        raise TableError(
            f"{wrong.sum()} of {len(incidents)} reports have no first or no last day, or the last comes before the first. "
            "Leave them out, or correct the dates."
        )
    days = _draw_days(_streams(incidents["incident_id"], "day", seed), first.astype(np.int64), last.astype(np.int64), draws)
    found: NDArray[np.datetime64] = days.astype("datetime64[D]")
    return found


def residents_named(cells: pd.DataFrame, settlements: gpd.GeoDataFrame, *, cell_m: float) -> pd.Series:
    """People of every cell who live within reach of their nearest village: where draws of reports known by village fall.

    Parameters
    ----------
    cells, settlements, cell_m
        As in `draw_cells`.

    Returns
    -------
    Series of float64
        Index of ``cells``; never more than ``residents``.

    Raises
    ------
    TableError, GeometryError
        As `draw_cells`.

    Notes
    -----
    What a null by population expects of *draws*, in the place of the column ``residents_named``, which puts the same people
    into the cell of their village's point, where reports known by village stand without draws. People beyond the reach of
    every name (``precision_m``) are in neither draw nor expectation: a report from there would not be known by that name.
    """
    land = _Land.of(cells, settlements, getattr(settlements, "crs", None), cell_m)
    points = np.zeros(len(cells), np.int64)
    for village in np.flatnonzero(land.reach_m <= WIDEST_NAME_CELLS * cell_m).tolist():
        near, of_village, _ = land.catchment(village, land.reach_m[village])
        points[near] += of_village
    people = land.residents * (points / POINTS_A_SIDE**2)
    return pd.Series(people, index=cells.index, name="residents_named")


@dataclass(frozen=True)
class _Land:
    """The grid as a window of columns and rows, who lives where, and the villages in the order of their identifiers."""

    cell_m: float
    first_column: int
    first_row: int
    window: Wholes
    """Position in the table of cells by row and column; -1 where there is no cell."""
    residents: Floats
    points: Floats
    """Easting and northing of each village."""
    reach_m: Floats
    village_ids: pd.Index
    tree: Any

    @classmethod
    def of(cls, cells: pd.DataFrame, settlements: gpd.GeoDataFrame, crs: Any, cell_m: float) -> _Land:
        if not 0 < cell_m < np.inf:
            raise GeometryError(f"cell_m is {cell_m:g}, but a cell needs a side of some metres.")
        for layer, name in ((cells, "cells"), (settlements, "settlements")):
            if getattr(layer, "crs", None) is not None and layer.crs != crs:
                raise GeometryError(f"The {name} are in another coordinate reference system than the reports. Run link again.")
        residents = cells["residents"].to_numpy(dtype=np.float64, na_value=np.nan)
        if not (np.isfinite(residents) & (residents >= 0)).all():
            raise TableError("Column 'residents' of the cells holds missing or negative numbers. Make the cells again with link.")
        if not settlements["settlement_id"].is_unique:
            raise TableError("A settlement_id occurs twice. Give each settlement its own.")
        columns, rows = (np.floor(cells[name].to_numpy() / cell_m).astype(np.int64) for name in ("easting", "northing"))
        first_column, first_row = (int(place.min()) if place.size else 0 for place in (columns, rows))
        shape = (rows.max() - first_row + 1, columns.max() - first_column + 1) if len(cells) else (0, 0)
        window = np.full(shape, OFF_GRID, np.int64)
        window[rows - first_row, columns - first_column] = np.arange(len(cells))
        villages = settlements[settlements["kind"].isin(["village", "town"])].sort_values("settlement_id", kind="stable")
        points = np.column_stack([villages.geometry.x, villages.geometry.y])
        reach_m = villages["precision_m"].to_numpy(dtype=np.float64)
        tree = cKDTree(points) if len(points) else None
        return cls(
            float(cell_m), first_column, first_row, window, residents, points, reach_m, pd.Index(villages["settlement_id"]), tree
        )

    @property
    def all_residents(self) -> float:
        """People of all cells, summed in the order of places, so that the order of the table leaves no trace."""
        return float(self.residents[self.window[self.window >= 0]].sum())

    def position(self, column: Any, row: Any) -> Wholes:
        """Position of the cells in these columns and rows of the whole plane; -1 where there is none."""
        right, up = np.asarray(column) - self.first_column, np.asarray(row) - self.first_row
        is_in = (right >= 0) & (right < self.window.shape[1]) & (up >= 0) & (up < self.window.shape[0])
        found = np.full(is_in.shape, OFF_GRID, np.int64)
        found[is_in] = self.window[up[is_in], right[is_in]]
        return found

    def catchment(self, village: int, reach_m: float) -> tuple[Wholes, Wholes, float]:
        """Cells within reach to which this village is the nearest, how many of their points are, and the share off the grid."""
        step = self.cell_m / POINTS_A_SIDE
        low, high = (np.floor((self.points[village] + side * reach_m) / step).astype(np.int64) for side in (-1, 1))
        easts, norths = np.arange(low[0], high[0] + 1), np.arange(low[1], high[1] + 1)
        steps = np.stack([part.ravel() for part in np.meshgrid(easts, norths)], axis=1)
        places = (steps + 0.5) * step
        steps, places = (part[np.hypot(*(places - self.points[village]).T) <= reach_m] for part in (steps, places))
        steps = steps[self.tree.query(places)[1] == village]
        if not len(steps):
            return np.empty(0, np.int64), np.empty(0, np.int64), 0.0
        # In the order of rows and columns, so that the order of the table of cells leaves no trace.
        squares, count = np.unique(steps[:, ::-1] // POINTS_A_SIDE, axis=0, return_counts=True)
        found = self.position(squares[:, 1], squares[:, 0])
        is_on = found >= 0
        return found[is_on], count[is_on], float(count[~is_on].sum() / count.sum())

    def around_village(self, village: int, reach_m: float) -> tuple[Wholes, Floats, float]:
        """Cells for a report known by this village, running sums of their weights, and the share off the grid."""
        near, points, off = self.catchment(village, reach_m)
        weight = self.residents[near] * points
        if weight.sum() > 0:
            return near, np.cumsum(weight), off
        column, row = np.floor(self.points[village] / self.cell_m).astype(np.int64)
        return self.position([column], [row]), np.ones(1), 0.0


@dataclass(frozen=True)
class _Ways:
    """For every report, how it is drawn."""

    is_exact: Flags
    is_circle: Flags
    radius_m: Floats
    village: Wholes
    """Village that it is known by; -1: it is drawn in another way."""
    column: Wholes
    row: Wholes
    """Square of the whole plane around whose centre the circle lies."""

    @classmethod
    def of(cls, incidents: gpd.GeoDataFrame, settlements: gpd.GeoDataFrame, land: _Land) -> _Ways:
        kind = incidents["location_kind"].to_numpy(dtype=object)
        named = pd.Index(settlements["settlement_id"]).get_indexer(pd.Index(incidents["settlement_id"]))
        is_measured, is_name = kind == "gps", np.isin(kind, ["settlement", "district"])
        named = np.where(is_name, named, -1)
        radius_m = incidents["location_precision_m"].to_numpy(dtype=np.float64, na_value=np.nan)
        given = np.append(settlements["precision_m"].to_numpy(dtype=np.float64), np.nan)[named]
        radius_m = np.where(np.isnan(radius_m), given, radius_m)

        village = land.village_ids.get_indexer(pd.Index(incidents["settlement_id"]))
        by_name = (kind == "settlement") & (radius_m >= 0) & (radius_m <= WIDEST_NAME_CELLS * land.cell_m)
        village = np.where(by_name, village, -1)
        own = np.column_stack([incidents.geometry.x, incidents.geometry.y])
        of_name = np.vstack([np.column_stack([settlements.geometry.x, settlements.geometry.y]), [[np.nan, np.nan]]])[named]
        centre = np.where((named >= 0)[:, None], of_name, own)
        has_place = (np.abs(centre) < _FARTHEST_M).all(axis=1) & (radius_m >= 0) & (radius_m < _FARTHEST_M)
        is_exact = is_measured & has_place & (radius_m <= land.cell_m)
        is_circle = (is_measured | is_name) & has_place & ~is_exact & (village < 0)
        column, row = np.floor(np.where(is_circle[:, None], centre, 0.0) / land.cell_m).astype(np.int64).T
        return cls(is_exact, is_circle, radius_m, village, column, row)


def _check(incidents: pd.DataFrame, *, draws: int, seed: int) -> None:
    if draws < 1:
        raise GeometryError(f"{draws} draws were asked for, but at least 1 is needed; 50 is usual.")
    if not 0 <= seed <= LARGEST_SEED:
        raise GeometryError(f"The seed is {seed}, but it must be a whole number from 0 to {LARGEST_SEED}.")
    if not incidents["incident_id"].is_unique:
        raise TableError("An incident_id occurs twice, so two reports would always be drawn alike. Give each report its own.")


def _own_cells(ids: pd.Series, placed: pd.DataFrame, cells: pd.DataFrame) -> Wholes:
    """Position of the cell that each report was put into by link."""
    if not (placed["incident_id"].is_unique and cells["cell_id"].is_unique):
        raise TableError("A report is placed twice, or two cells have the same cell_id. Run link again.")
    row = pd.Index(placed["incident_id"]).get_indexer(pd.Index(ids))
    cell_ids = placed["cell_id"].iloc[row]
    position = pd.Index(cells["cell_id"]).get_indexer(pd.Index(cell_ids))
    is_on = cell_ids.notna().to_numpy()
    if (row < 0).any() or (position[is_on] < 0).any():
        raise TableError("Reports, their places and the cells come from different runs. Run link again.")
    found: Wholes = np.where(is_on, position, OFF_GRID)
    return found


def _by_village(found: Wholes, streams: Any, ways: _Ways, land: _Land) -> None:
    named = np.flatnonzero(ways.village >= 0)
    for reports, (village, reach_m) in _groups(named, ways.village, ways.radius_m):
        positions, cumulative, off = land.around_village(int(village), reach_m)
        _draw(found, reports, streams[reports], positions, cumulative, off)


def _by_circle(found: Wholes, streams: Any, ways: _Ways, land: _Land, share_outside: float) -> None:
    groups = [reports for reports, _ in _groups(np.flatnonzero(ways.is_circle), ways.column, ways.row, ways.radius_m)]
    if not groups:
        return
    order, starts = np.concatenate(groups), np.cumsum([0, *(reports.size for reports in groups)])
    first = order[starts[:-1]]
    by_people = land.residents / (land.all_residents or 1.0)
    weight = (1 - share_outside) * by_people + share_outside / max(by_people.size, 1)
    square = ways.column[first] - land.first_column, ways.row[first] - land.first_row
    _draw_circles(found, order, starts, streams, *square, ways.radius_m[first] / land.cell_m, weight, land.window)


def _streams(ids: pd.Series, what: str, seed: int) -> NDArray[np.uint64]:
    """Where the stream of each report begins: it depends on the report, the seed and what is drawn."""
    key = seed.to_bytes(8, "little") + what.encode()
    digests = b"".join(blake2b(str(one).encode(), digest_size=8, key=key).digest() for one in ids)
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)


def _groups(reports: Wholes, *values: Any) -> Iterator[tuple[Wholes, tuple[float, ...]]]:
    """The reports that share all values, and these."""
    if not reports.size:
        return
    table = np.column_stack([np.asarray(value)[reports].astype(np.float64) for value in values])
    order = np.lexsort(table.T[::-1])
    table, reports = table[order], reports[order]
    starts = np.flatnonzero(np.append(True, (table[1:] != table[:-1]).any(axis=1)))
    for start, members in zip(starts, np.split(reports, starts[1:]), strict=True):
        yield members, tuple(table[start].tolist())


@compiled
def _pick(chance: float, cumulative: Any, size: int, off: float) -> int:
    """Place in the running sums, or -1 for off the grid, that a number between 0 and 1 stands for."""
    if size == 0 or chance < off:
        return -1
    aim = (chance - off) / (1.0 - off) * cumulative[size - 1]
    return min(int(np.searchsorted(cumulative[:size], aim, side="right")), size - 1)


@compiled
def _draw(found: Any, reports: Any, streams: Any, positions: Any, cumulative: Any, off: float) -> None:
    for k in range(reports.size):
        for number in range(found.shape[1]):
            place = _pick(chance(streams[k] + np.uint64(number + 1) * STEP), cumulative, positions.size, off)
            if place >= 0:
                found[reports[k], number] = positions[place]


@compiled
def _draw_circles(
    found: Any, order: Any, starts: Any, streams: Any, column: Any, row: Any, radius: Any, weight: Any, window: Any
) -> None:
    """Draw the reports of every group within so many cells of the centre of its square."""
    positions = np.empty(window.size, np.int64)
    cumulative = np.empty(window.size)
    for group in range(starts.size - 1):
        size, off = _circle(column[group], row[group], radius[group], weight, window, positions, cumulative)
        members = order[starts[group] : starts[group + 1]]
        _draw(found, members, streams[members], positions[:size], cumulative, off)


@compiled
def _circle(column: int, row: int, radius: float, weight: Any, window: Any, positions: Any, cumulative: Any) -> tuple[int, float]:
    """Fill in the cells of a circle and running sums of their weights; how many, and the share off the grid."""
    rows, columns = window.shape
    points = size = 0
    total = 0.0
    reach = int(radius + _ROUNDING)
    for up in range(-reach, reach + 1):
        half = int(np.sqrt(max(radius**2 - up**2, 0.0)) + _ROUNDING)
        points += 2 * half + 1
        if 0 <= row + up < rows:
            for place in range(max(column - half, 0), min(column + half + 1, columns)):
                if window[row + up, place] >= 0:
                    positions[size] = window[row + up, place]
                    total += weight[positions[size]]
                    cumulative[size] = total
                    size += 1
    if total == 0.0:
        for place in range(size):
            cumulative[place] = place + 1.0
    return size, (points - size) / points


@compiled
def _draw_days(streams: Any, first: Any, last: Any, draws: int) -> Any:
    days = np.empty((draws, first.size), np.int64)
    for k in range(first.size):
        for number in range(draws):
            days[number, k] = first[k] + int(chance(streams[k] + np.uint64(number + 1) * STEP) * (last[k] - first[k] + 1))
    return days
