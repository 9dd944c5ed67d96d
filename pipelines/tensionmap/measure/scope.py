"""Everything that is measured of one scope: hot spots, clusters, repeats, changes, sides, and how well they say what comes.

The reports of a scope go in, a table of each kind comes out. Who may see a scope is decided elsewhere; here no report of
another scope is ever at hand.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from tensionmap import tables
from tensionmap.measure.aoristic import aoristic
from tensionmap.measure.change import BACK, change_of_quarter, classes, counts_by_quarter, quarter_of
from tensionmap.measure.density import Surface, bandwidths_m, density
from tensionmap.measure.evaluate import held_out
from tensionmap.measure.gi_star import gi_star
from tensionmap.measure.hotspots import find_hotspots, support_of
from tensionmap.measure.near_repeat import knox_table
from tensionmap.measure.nulls import Null, observed, observed_draws, strata
from tensionmap.measure.scan import ELLIPSES, MOST_MEMBERS, Shape, network_scan, poisson_scan
from tensionmap.measure.sides import rests_on, side_shares
from tensionmap.measure.space_time import space_time_scan

if TYPE_CHECKING:
    import geopandas as gpd

Numbers = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

LATEST_QUARTERS = 16
"""Four years: what was longer ago says little about the next quarter."""
TRAINING_QUARTERS = 4
LONGEST_SPAN_DAYS = 7
STEP_DAYS = 7
USUAL_SCORE = 1.96
REPLICATES_OF_DRAWS = 199
_NEXT_TO_NOTHING = 1e-9


@dataclass(frozen=True)
class Land:
    """What all scopes share: the cells, and what is known of them."""

    cells: gpd.GeoDataFrame
    """The table CELLS."""
    own_land: pd.DataFrame | None
    """For each cell and party, whether its people may call the land their own; see `nulls.observed`."""
    communities: pd.Series
    """settlement_id of the village nearest to each cell; index of ``cells``."""
    drawn_named: pd.Series
    """Where *draws* of reports known by village are expected; index of ``cells``."""
    edges: Whole
    """The canals as a graph: pairs of nodes, shape (edges, 2)."""
    lengths_m: npt.NDArray[np.float64]
    nodes: npt.NDArray[np.float64]
    """Easting and northing of each node."""
    node_of_cell: Whole
    """The canals' node next to each cell; -1 where no canal is near."""


@dataclass(frozen=True)
class Reports:
    """The reports of one scope, each event once."""

    table: pd.DataFrame
    """Index 0, 1, ...: ``cell_id`` (may be empty), ``is_named``, ``reported_by``, ``easting``, ``northing`` (of the cell's
    centre, or exact), ``date_start``, ``date_end``."""
    drawn_cells: Whole
    """(draws, reports): position in the cells where each report can have been; -1 for none."""
    drawn_days: npt.NDArray[np.datetime64]
    """(draws, reports)."""


@dataclass(frozen=True)
class Settings:
    """How it is measured; words as in ``study.toml``."""

    date_from: date
    date_to: date
    parties: tuple[str, ...]
    reach_m: float | None
    replicates: int
    alpha: float
    share_outside: float
    largest_radius_m: float
    largest_share: float
    season: tuple[int, int]
    seed: int

    @property
    def chance(self) -> dict[str, Any]:
        """Replicates, alpha and seed."""
        return {"replicates": self.replicates, "alpha": self.alpha, "seed": self.seed}

    @property
    def windows(self) -> dict[str, Any]:
        """How large a window of a scan may be."""
        return {"max_radius_m": self.largest_radius_m, "max_share": self.largest_share}


def measure_scope(reports: Reports, land: Land, settings: Settings) -> dict[tables.Table, pd.DataFrame]:
    """Every table of one scope, without its column ``scope``.

    Parameters
    ----------
    reports
        The reports of the scope, each event once.
    land
        The cells and what is known of them.
    settings
        How it is measured.

    Returns
    -------
    dict
        Table -> frame with its columns but ``scope``.

    Raises
    ------
    MeasureError
        As the functions that are called.

    Notes
    -----
    Reports that stand on no cell take part in ``times`` and, as far as draws put them on one, in the ``support`` of hot spots.
    Quarters count only reports that can have been in one quarter alone, and only the latest 16 full quarters are looked at; days,
    only those known to the week or better.
    """
    on_cell = reports.table[reports.table["cell_id"].notna()].reset_index(drop=True)
    on_cell["quarter"] = _quarters(on_cell)
    counts, nulls = observed(on_cell, land.cells, own_land=land.own_land, share_outside=settings.share_outside)
    dated = _dated(reports, settings)
    of_quarter = on_cell[on_cell["quarter"].notna()]
    by_quarter = counts_by_quarter(
        of_quarter["cell_id"],
        of_quarter["date_start"],
        land.cells["cell_id"],
        date_from=settings.date_from,
        date_to=settings.date_to,
    ).iloc[:, -LATEST_QUARTERS:]
    return {
        tables.HOTSPOTS: _hotspots(on_cell, counts, nulls, reports, land, settings),
        tables.VILLAGE_HOTSPOTS: _communities(counts, nulls, land, settings),
        tables.CLUSTERS: _clusters(counts, nulls, on_cell, dated, land, settings),
        tables.NEAR_REPEAT: _near_repeat(dated, settings),
        tables.CHANGES: _changes(by_quarter, land, settings),
        tables.PATTERNS: _patterns(on_cell, by_quarter.columns, land, settings),
        tables.SIDES: _sides(on_cell, land, settings),
        tables.ACCURACY: _accuracy(by_quarter, nulls, land, settings),
        tables.TIMES: _times(reports.table),
    }


def surfaces(reports: pd.DataFrame, cells: gpd.GeoDataFrame) -> dict[str, Surface]:
    """Densities of the reports that have a cell, by three rules for the bandwidth, side by side: descriptive, not tested.

    Parameters
    ----------
    reports
        As `Reports.table`, with exact places.
    cells
        The table CELLS, squares.

    Returns
    -------
    dict
        Name of the rule (see `density.bandwidths_m`) -> surface with four pixels along a cell's side. No bandwidth is narrower
        than a cell, since a place is known no better. Empty if there are fewer than two different places.
    """
    places = reports.loc[reports["cell_id"].notna(), ["easting", "northing"]]
    if len(places.drop_duplicates()) < 2:
        return {}
    side, bounds_m = _side_of(cells), tuple(cells.total_bounds)
    rules = bandwidths_m(**places, bounds_m=bounds_m, precision_m=side)["quartic_m"]
    return {
        str(rule): density(**places, bounds_m=bounds_m, pixel_m=side / 4, bandwidth_m=width, crs=cells.crs.to_string())
        for rule, width in rules.dropna().items()
    }


def _side_of(cells: gpd.GeoDataFrame) -> float:
    west, _, east, _ = cells.geometry.iloc[0].bounds
    return float(east - west)


def _hotspots(
    on_cell: pd.DataFrame, counts: pd.Series, nulls: tuple[Null, ...], reports: Reports, land: Land, settings: Settings
) -> pd.DataFrame:
    """Hot and cold cells, how firmly they stand when places are imprecise, and on whose reports they rest."""
    spots = _tested(on_cell, counts, nulls, land, settings)
    # No more than the question needs: each draw has replicates of its own.
    enough = max(REPLICATES_OF_DRAWS, math.ceil(2 / settings.alpha))
    chance = {**settings.chance, "replicates": min(settings.replicates, enough)}
    ways = observed_draws(
        reports.table,
        reports.drawn_cells,
        land.cells.assign(residents_named=land.drawn_named),
        own_land=land.own_land,
        share_outside=settings.share_outside,
    )
    support = [support_of(drawn, land.cells, null=null, reach_m=settings.reach_m, **chance) for drawn, null in ways]
    hot, cold = (np.min([of_way[name] for of_way in support], axis=0) for name in ("hot_share", "cold_share"))
    shares = pd.Series(np.where(spots["hotspot"] == "hot", hot, cold), index=spots.index)
    spots["support"] = shares.where(spots["hotspot"].isin(["hot", "cold"]))
    if (spots["hotspot"] == "hot").any():
        spots["rests_on"] = rests_on(spots, on_cell, lambda left: _found_again(left, land, settings), parties=settings.parties)
    else:
        spots["rests_on"] = pd.Series(pd.NA, index=spots.index, dtype="str")
    return spots


def _found_again(left: pd.DataFrame, land: Land, settings: Settings) -> pd.DataFrame:
    counts, nulls = observed(left, land.cells, own_land=land.own_land, share_outside=settings.share_outside)
    return _tested(left, counts, nulls, land, settings)


def _tested(on_cell: pd.DataFrame, counts: pd.Series, nulls: tuple[Null, ...], land: Land, settings: Settings) -> pd.DataFrame:
    spots = find_hotspots(counts, land.cells, null=nulls, reach_m=settings.reach_m, **settings.chance)
    spots.insert(0, "cell_id", land.cells["cell_id"])
    # What cannot be tested (a village's name where no village is known) still stands in its cell.
    spots["count"] = on_cell["cell_id"].value_counts().reindex(spots["cell_id"]).fillna(0).astype("int64").to_numpy()
    return spots


def _communities(counts: pd.Series, nulls: tuple[Null, ...], land: Land, settings: Settings) -> pd.DataFrame:
    """Each village with the cells nearest to it, for itself."""
    if land.communities.isna().any():
        return _rows([], tables.VILLAGE_HOTSPOTS)
    community, ids = pd.factorize(land.communities, sort=True)
    middle = land.cells[["easting", "northing"]].groupby(community).mean()
    places = land.cells.iloc[np.unique(community, return_index=True)[1]].reset_index(drop=True)
    places = places.assign(easting=middle["easting"].to_numpy(), northing=middle["northing"].to_numpy())
    summed = np.bincount(community, counts, minlength=len(ids)).astype(np.int64)
    gathered = tuple(null.gathered(community, len(ids)) for null in nulls)
    found = find_hotspots(summed, places, null=gathered, reach_m=0, **settings.chance)
    found.insert(0, "settlement_id", ids)
    return found[[column.name for column in tables.VILLAGE_HOTSPOTS.columns[1:]]]


def _clusters(
    counts: pd.Series, nulls: tuple[Null, ...], on_cell: pd.DataFrame, dated: pd.DataFrame, land: Land, settings: Settings
) -> Any:
    """Clusters of cells in circles, ellipses and along canals, and of places in a span of days.

    Four kinds of window are looked through; each has a quarter of ``alpha``, so that all together keep it.
    """
    limits = {**settings.windows, **settings.chance, "alpha": settings.alpha / len(tables.WINDOWS)}
    east, north = (land.cells[name].to_numpy() for name in ("easting", "northing"))
    ids = land.cells["cell_id"].to_numpy(dtype=object)
    found = []
    for window in shapes_looked_for(land, settings) if counts.any() else ():
        clusters = poisson_scan(counts, nulls, east, north, shape=window, **limits)
        found.append(_listed(clusters.rename(columns={"semi_major_m": "radius_m"}), window, ids))
    is_along = land.node_of_cell >= 0
    if counts[is_along].any():
        cells, own = land.cells[is_along], None if land.own_land is None else land.own_land[is_along]
        along = on_cell[on_cell["cell_id"].isin(cells["cell_id"])]
        beside, worlds = observed(along, cells, own_land=own, share_outside=settings.share_outside)
        clusters = network_scan(beside, worlds, land.edges, land.lengths_m, land.node_of_cell[is_along], **limits)
        middle = land.nodes[clusters.pop("node").to_numpy(dtype=np.int64)].reshape(-1, 2)
        clusters = clusters.assign(easting=middle[:, 0], northing=middle[:, 1])
        found.append(_listed(clusters, "canal", ids[is_along]))
    if len(dated):
        clusters = space_time_scan(
            dated["easting"], dated["northing"], dated["day"], strata=dated["stratum"], step_days=STEP_DAYS, **limits
        )
        clusters = clusters.rename(columns={"ratio": "relative_risk"}).replace({"verdict": {"cluster": "hot"}})
        found.append(_listed(clusters, "space-time", dated["cell_id"].to_numpy(dtype=object)))
    return _rows(found, tables.CLUSTERS)


def shapes_looked_for(land: Land, settings: Settings) -> tuple[Shape, ...]:
    """Circles, and ellipses if the windows of so many cells can be held in memory."""
    cells = len(land.cells)
    near = min(cells, math.pi * (settings.largest_radius_m / _side_of(land.cells)) ** 2)
    shapes = 1 + sum(ELLIPSES.values())
    return ("circle", "ellipse") if cells * near * shapes <= MOST_MEMBERS else ("circle",)


def _listed(clusters: pd.DataFrame, window: str, cell_ids: npt.NDArray[np.object_]) -> pd.DataFrame:
    """Clusters as rows of the table; those that are no rarer than a map of noise's strongest are left out."""
    rows = clusters.rename(columns={"p": "p_map"}).assign(window=window)
    rows["cell_ids"] = ["|".join(sorted(set(cell_ids[list(members)]))) for members in rows["members"]]
    for name in ("date_from", "date_to"):
        rows[name] = pd.to_datetime(rows[name]) if name in rows else pd.NaT
    return rows[[column.name for column in tables.CLUSTERS.columns[1:]]]


def _dated(reports: Reports, settings: Settings) -> pd.DataFrame:
    """Reports with a cell, known to the week or better, with the day of the first draw and who may change days with whom.

    Days are exchanged within the season and within what one side reported: so neither the season, nor a side that reports
    more than it used to, is a finding.
    """
    span = (reports.table["date_end"] - reports.table["date_start"]).dt.days
    is_dated = (reports.table["cell_id"].notna() & (span < LONGEST_SPAN_DAYS)).to_numpy()
    dated = reports.table[is_dated].reset_index(drop=True)
    dated["day"] = reports.drawn_days[0, is_dated].astype("datetime64[us]")
    season = strata(dated["day"], season_months=(settings.season,))
    dated["stratum"] = 2 * pd.factorize(dated["reported_by"], sort=True)[0] + season
    return dated


def _near_repeat(dated: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    return knox_table(dated["easting"], dated["northing"], dated["day"], strata=dated["stratum"], **settings.chance)


def _quarters(on_cell: pd.DataFrame) -> pd.Series:
    """The quarter of every report that can have been in one alone; missing for the others."""
    first, last = (quarter_of(on_cell[name]) for name in ("date_start", "date_end"))
    return first.where(first == last)


def _changes(counts: pd.DataFrame, land: Land, settings: Settings) -> pd.DataFrame:
    """The last full quarter against the one before and the same of last year, for cells and for villages."""
    units = {"cell": counts}
    if land.communities.notna().all():
        units["village"] = counts.groupby(land.communities.to_numpy()).sum()
    found = []
    for unit, of_unit in units.items():
        for against, back in BACK.items():
            if counts.shape[1] > back:
                change = change_of_quarter(of_unit, against=against, **settings.chance)
                about = {"unit": unit, "place_id": change.index, "quarter": str(counts.columns[-1]), "against": against}
                found.append(change.assign(**about))
    return _rows(found, tables.CHANGES)


def _patterns(on_cell: pd.DataFrame, quarters: pd.Index, land: Land, settings: Settings) -> pd.DataFrame:
    """What became of the cells that were hot or cold in any quarter, each tested for itself."""
    verdicts, strength = {}, {}
    for quarter in quarters:
        of_quarter = on_cell[on_cell["quarter"] == quarter]
        spots = _found_again(of_quarter, land, settings).set_index("cell_id")
        verdicts[quarter], strength[quarter] = spots["hotspot"], spots["gi_z"].fillna(0.0)
    if len(verdicts) < 2:
        return _rows([], tables.PATTERNS)
    hotspots = pd.DataFrame(verdicts)
    found = pd.DataFrame(
        {
            "quarters": hotspots.shape[1],
            "hot": (hotspots == "hot").sum(axis=1),
            "cold": (hotspots == "cold").sum(axis=1),
            "pattern": classes(hotspots, pd.DataFrame(strength)),
        }
    )
    return _rows([found[(found["hot"] > 0) | (found["cold"] > 0)].reset_index()], tables.PATTERNS)


def _sides(on_cell: pd.DataFrame, land: Land, settings: Settings) -> pd.DataFrame:
    villages = pd.Series(land.communities.to_numpy(), index=land.cells["cell_id"])
    seen = on_cell[["reported_by"]].assign(settlement_id=villages.reindex(on_cell["cell_id"]).to_numpy())
    return _rows([side_shares(seen, "settlement_id", **settings.chance)], tables.SIDES)


def _accuracy(counts: pd.DataFrame, nulls: tuple[Null, ...], land: Land, settings: Settings) -> pd.DataFrame:
    """Every way of marking places, side by side, on quarters that it has not seen."""
    if counts.shape[1] <= TRAINING_QUARTERS:
        return _rows([], tables.ACCURACY)
    # A report where nothing is expected would make the scan refuse all others.
    expected = nulls[0].expected + _NEXT_TO_NOTHING
    ways: dict[str, Callable[..., Any]] = {
        "hot spots over the whole map": _marked_over_the_map,
        "clusters of the scan": _marked_by_scan,
        "Gi* above 1.96": _marked_by_gi_star,
        "density": _marked_by_density,
        "reports so far": lambda past, *_: past,
        "residents alone": lambda _, expected, *__: expected,
    }
    methods = {
        name: lambda past, way=way: way(past.sum(axis=1).to_numpy(), expected, land, settings) for name, way in ways.items()
    }
    return _rows([held_out(counts, methods=methods, train_quarters=TRAINING_QUARTERS, **settings.chance)], tables.ACCURACY)


def _marked_over_the_map(past: Whole, expected: Numbers, land: Land, settings: Settings) -> Any:
    spots = find_hotspots(past, land.cells, null=expected, reach_m=settings.reach_m, **settings.chance)
    return (spots["hotspot"] == "hot").to_numpy()


def _marked_by_scan(past: Whole, expected: Numbers, land: Land, settings: Settings) -> Any:
    east, north = (land.cells[name].to_numpy() for name in ("easting", "northing"))
    clusters = poisson_scan(past, expected, east, north, **settings.windows, **settings.chance)
    is_hot = np.zeros(past.size, bool)
    for members in clusters.loc[clusters["verdict"] == "hot", "members"]:
        is_hot[list(members)] = True
    return is_hot


def _marked_by_gi_star(past: Whole, _: Numbers, land: Land, settings: Settings) -> Any:
    return (gi_star(past, land.cells, reach_m=settings.reach_m) > USUAL_SCORE).to_numpy()


def _marked_by_density(past: Whole, _: Numbers, land: Land, __: Settings) -> Any:
    bounds_m, side = tuple(land.cells.total_bounds), _side_of(land.cells)
    surface = density(
        land.cells["easting"], land.cells["northing"], weights=past, bounds_m=bounds_m, pixel_m=side, bandwidth_m=3 * side
    )
    row = ((bounds_m[3] - land.cells["northing"]) // side).astype(int)
    column = ((land.cells["easting"] - bounds_m[0]) // side).astype(int)
    return surface.values[row, column]


def _times(reports: pd.DataFrame) -> pd.DataFrame:
    """Reports by weekday and by month; those known only to a year say nothing of either and are spread evenly."""
    found = []
    for by in ("weekday", "month"):
        shares = aoristic(reports["date_start"], reports["date_end"], by=by)
        found.append(pd.DataFrame({"by": by, "part": shares.index, "reports": shares["reports"].to_numpy()}))
    return _rows(found, tables.TIMES)


def _rows(found: list[pd.DataFrame], table: tables.Table) -> pd.DataFrame:
    """The tables found, one below the other, with the columns of ``table``; empty if none was."""
    names = [column.name for column in table.columns[1:]]
    return pd.concat([frame[names] for frame in found], ignore_index=True) if found else pd.DataFrame(columns=names)
