"""How well planted clusters are found, and how often noise is called one: ours beside esda and SaTScan, in one run.

    python bench/power.py
    python bench/power.py --shapes round canal --maps 100 --reports 150 600
    python bench/power.py --satscan PATH_OF_ITS_PROGRAM

People live unevenly on a square of cells, and reports fall by the null by population. In a cluster the risk is some times
that of elsewhere:

round       a disc
canal       a stretch of a bent canal, one cell wide, its bend included
space-time  a disc, for 30 of 365 days
season      a disc, from April to September of three years

Every method is told the null, and gets the same reports. All scans have the same caps: a quarter of what is expected or of
the reports, and a radius of 10 km (an ellipse's or network's is measured otherwise); a quarter of the time, in steps of a
week. SaTScan has its own defaults in all else (clusters reported: no geographical overlap, without the Gini collection).
Methods that are told more than the others (the canal; the season) say so.

    found     share of maps on which some hot cell lies in the cluster, with its exact 95 % interval
    PPV       hot cells in the cluster over hot cells, all maps together
    sens.     cells of the cluster that are hot, mean of all maps
    overlap   cells hot and in the cluster over cells hot or in it, mean of all maps, with two standard errors
    false     with risk 1 nothing is planted: share of maps with any hot cell, with its exact 95 % interval

A method that is wrong on most maps of noise finds clusters too: read its power beside its error.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.stats import binomtest

from tensionmap.measure import nulls
from tensionmap.measure.hotspots import find_hotspots
from tensionmap.measure.near_repeat import chains
from tensionmap.measure.scan import network_scan, poisson_scan
from tensionmap.measure.space_time import space_time_scan

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from esda import G_Local, fdr
    from libpysal.weights import lat2W

WEST, SOUTH, CELL_M = 400_000.0, 4_760_000.0, 1000.0
MAX_SHARE, MAX_RADIUS_M, STEP_DAYS = 0.25, 10_000, 7
DISC_CELLS, STRETCH_CELLS, EPISODE_DAYS = 2.5, 16, 30
APRIL, OCTOBER = 90, 273
DAYS = {"round": 365, "canal": 365, "space-time": 365, "season": 3 * 365}


class Land(NamedTuple):
    """Cells, the share of the reports that each is expected to hold, and the cells along the canal, in its order."""

    side: int
    cells: gpd.GeoDataFrame
    share: pd.Series
    canal: np.ndarray


class Reports(NamedTuple):
    """Cell and day of every report."""

    place: np.ndarray
    day: np.ndarray


class Settings(NamedTuple):
    """What every method is told of chance, and where SaTScan is."""

    replicates: int
    alpha: float
    seed: int
    satscan: Path | None


Method = Callable[[Land, Reports, Settings], np.ndarray]


def land_of(side: int, draws: np.random.Generator) -> Land:
    row, column = (part.ravel() for part in np.mgrid[:side, :side])
    west, south = WEST + CELL_M * column, SOUTH + CELL_M * row
    people = draws.gamma(1.0, 200, side**2).round()
    cells = gpd.GeoDataFrame(
        {"easting": west + CELL_M / 2, "northing": south + CELL_M / 2, "residents": people, "residents_named": people},
        geometry=shapely.box(west, south, west + CELL_M, south + CELL_M),
        crs="EPSG:32626",
    )
    # From one edge to a bend near the middle and on to the next edge, turned and mirrored at random.
    corners = np.array([[0, draws.uniform(0.2, 0.6)], draws.uniform(0.4, 0.6, 2), [draws.uniform(0.2, 0.6), 1]])
    for axis in (0, 1):
        corners[:, axis] = corners[:, axis] if draws.random() < 0.5 else 1 - corners[:, axis]
    line = shapely.LineString(np.array([WEST, SOUTH]) + side * CELL_M * corners)
    crossed = np.flatnonzero(cells.intersects(line))
    canal = crossed[np.argsort(line.project(shapely.points(cells.easting, cells.northing)[crossed]))]
    return Land(side, cells, nulls.by_population(cells, share_named=0), canal)


def cluster_in(land: Land, shape: str, draws: np.random.Generator) -> np.ndarray:
    """True for the cells of a cluster."""
    is_cluster = np.zeros(len(land.cells), bool)
    if shape == "canal":
        middle = land.canal.size // 2 + draws.integers(-3, 4)
        is_cluster[land.canal[max(middle - STRETCH_CELLS // 2, 0) : middle + STRETCH_CELLS // 2]] = True
        return is_cluster
    column, row = draws.uniform(DISC_CELLS, land.side - DISC_CELLS, 2)
    east, north = land.cells.easting - WEST - CELL_M * column, land.cells.northing - SOUTH - CELL_M * row
    return np.hypot(east, north).to_numpy() <= CELL_M * DISC_CELLS


def is_season(day: np.ndarray) -> np.ndarray:
    return (day % 365 >= APRIL) & (day % 365 < OCTOBER)


def reports_on(
    land: Land, is_cluster: np.ndarray, shape: str, *, risk: float, reports: int, draws: np.random.Generator
) -> Reports:
    """Reports by the null, each kept in proportion to the risk of its place and day."""
    days, first = DAYS[shape], draws.integers(DAYS[shape] - EPISODE_DAYS)
    place, day = np.empty(0, int), np.empty(0, int)
    while place.size < reports:
        at, on = draws.choice(land.share.size, 20 * reports, p=land.share), draws.integers(days, size=20 * reports)
        is_time = {"space-time": (on >= first) & (on < first + EPISODE_DAYS), "season": is_season(on)}.get(shape, True)
        is_kept = draws.random(at.size) < np.where(is_cluster[at] & is_time, risk, 1) / risk
        place, day = np.append(place, at[is_kept]), np.append(day, on[is_kept])
    return Reports(place[:reports], day[:reports])


def counts(land: Land, reports: Reports) -> np.ndarray:
    return np.bincount(reports.place, minlength=len(land.cells))


def mask(land: Land, members: list[tuple[int, ...]]) -> np.ndarray:
    is_hot = np.zeros(len(land.cells), bool)
    for places in members:
        is_hot[list(places)] = True
    return is_hot


def hot_spots(land: Land, reports: Reports, settings: Settings) -> np.ndarray:
    chance = {"replicates": settings.replicates, "alpha": settings.alpha, "seed": settings.seed}
    return find_hotspots(counts(land, reports), land.cells, null=land.share, **chance).hotspot.eq("hot").to_numpy()


def hot_spots_told_the_season(land: Land, reports: Reports, settings: Settings) -> np.ndarray:
    is_told = is_season(reports.day)
    return hot_spots(land, Reports(reports.place[is_told], reports.day[is_told]), settings)


def scan(shape: str) -> Method:
    def method(land: Land, reports: Reports, settings: Settings) -> np.ndarray:
        found = poisson_scan(
            counts(land, reports),
            land.share,
            land.cells.easting,
            land.cells.northing,
            shape=shape,
            max_share=MAX_SHARE,
            max_radius_m=MAX_RADIUS_M,
            replicates=settings.replicates,
            alpha=settings.alpha,
            seed=settings.seed,
        )
        return mask(land, found.members[found.verdict == "hot"].to_list())

    return method


def canal_edges(land: Land) -> tuple[np.ndarray, np.ndarray]:
    """From cell to cell along the canal, and metres. Cells off the canal are on their own."""
    east, north = (land.cells[name].to_numpy()[land.canal] for name in ("easting", "northing"))
    return np.column_stack([land.canal[:-1], land.canal[1:]]), np.hypot(np.diff(east), np.diff(north))


def scan_told_the_canal(land: Land, reports: Reports, settings: Settings) -> np.ndarray:
    edges, lengths_m = canal_edges(land)
    node = np.argsort(np.argsort(np.isin(np.arange(len(land.cells)), land.canal), kind="stable"))
    found = network_scan(
        counts(land, reports),
        land.share,
        node[edges],
        lengths_m,
        node,
        max_share=MAX_SHARE,
        max_radius_m=MAX_RADIUS_M,
        replicates=settings.replicates,
        alpha=settings.alpha,
        seed=settings.seed,
    )
    return mask(land, found.members[found.verdict == "hot"].to_list())


def scan_in_space_and_time(land: Land, reports: Reports, settings: Settings) -> np.ndarray:
    found = space_time_scan(
        land.cells.easting.to_numpy()[reports.place],
        land.cells.northing.to_numpy()[reports.place],
        reports.day,
        max_radius_m=MAX_RADIUS_M,
        max_share=MAX_SHARE,
        step_days=STEP_DAYS,
        replicates=settings.replicates,
        alpha=settings.alpha,
        seed=settings.seed,
    )
    members = found.members[found.verdict == "cluster"]
    return mask(land, [tuple(reports.place[list(events)]) for events in members])


def chains_of_repeats(land: Land, reports: Reports, settings: Settings) -> np.ndarray:
    found = chains(
        land.cells.easting.to_numpy()[reports.place],
        land.cells.northing.to_numpy()[reports.place],
        reports.day,
        within_m=1.5 * CELL_M,
        within_days=14,
        replicates=settings.replicates,
        seed=settings.seed,
    )
    if "p_map" not in found.chains:
        return mask(land, [])
    rare = found.chains.index[found.chains.p_map <= settings.alpha]
    return mask(land, [tuple(reports.place[found.chain.isin(rare).to_numpy()])])


def esda_with_fdr(land: Land, reports: Reports, settings: Settings) -> np.ndarray:
    rate = counts(land, reports) / land.share.to_numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        weights = lat2W(land.side, land.side, rook=False)
        g = G_Local(
            rate, weights, permutations=settings.replicates, transform="B", star=True, n_jobs=1, seed=settings.seed % 2**31
        )
    return (g.p_sim <= fdr(g.p_sim, settings.alpha)) & (g.Zs > 0)


def satscan(land: Land, settings: Settings, cases: list[str], options: dict[str, object]) -> np.ndarray:
    """Cells in a significant cluster; ``cases`` as lines of its case file."""
    people = (land.share * 1e8).round().astype(int)
    files = {
        "geo": [f"{cell} {east:.0f} {north:.0f}" for cell, east, north in land.cells[["easting", "northing"]].itertuples()],
        "pop": [f"{cell} 2001 {number}" for cell, number in people.items()],
        "cas": cases,
    }
    if "UseLocationsNetworkFile" in options:
        # Every place must be in its network: cells off the canal hang on a line so long that no window reaches along it.
        lines = [f"{one} {other} {length:.3f}" for (one, other), length in zip(*canal_edges(land), strict=True)]
        alone = np.setdiff1d(np.arange(len(land.cells)), land.canal)
        files["net"] = lines + [f"{cell} {land.canal[0]} {1000 * MAX_RADIUS_M}" for cell in alone]
    with tempfile.TemporaryDirectory() as folder:
        for name, lines in files.items():
            (Path(folder) / f"x.{name}").write_text("\n".join(lines) + "\n", encoding="ascii")
        given = {
            "CaseFile": "x.cas",
            "PopulationFile": "x.pop",
            "CoordinatesFile": "x.geo",
            "CoordinatesType": 0,
            "StartDate": "2001/1/1",
            "EndDate": "2001/12/31",
            "PrecisionCaseTimes": 0,
            "TimeAggregationUnits": 0,
            "AnalysisType": 1,
            "ModelType": 0,
            "ScanAreas": 1,
            "ResultsFile": "x.txt",
            "CensusAreasReportedClustersASCII": "y",
            "MaxSpatialSizeInPopulationAtRisk": round(100 * MAX_SHARE),
            "UseDistanceFromCenterOption": "y",
            "MaxSpatialSizeInDistanceFromCenter": MAX_RADIUS_M,
            "MonteCarloReps": settings.replicates,
            "ReportGiniClusters": "n",
            "LogRunToHistoryFile": "n",
            "SuppressWarnings": "y",
            **options,
        }
        (Path(folder) / "x.prm").write_text("[System]\nVersion=10.3.2\n", encoding="ascii")
        command = [str(settings.satscan), "x.prm", *(part for name, value in given.items() for part in (f"--{name}", str(value)))]
        run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if "completed successfully" not in run.stdout:
            raise RuntimeError(run.stdout + run.stderr)
        rows = [line.split() for line in (Path(folder) / "x.gis.txt").read_text(encoding="ascii").splitlines()]
    return mask(land, [(int(cell),) for cell, _, p, *_ in rows if cell.isdigit() and float(p) <= settings.alpha])


def satscan_in_space(**options: object) -> Method:
    def method(land: Land, reports: Reports, settings: Settings) -> np.ndarray:
        count = counts(land, reports)
        return satscan(land, settings, [f"{cell} {count[cell]}" for cell in np.flatnonzero(count)], options)

    return method


def satscan_in_space_and_time(land: Land, reports: Reports, settings: Settings) -> np.ndarray:
    dates = pd.Timestamp("2001-01-01") + pd.to_timedelta(reports.day, unit="D")
    cases = [f"{cell} 1 {date:%Y/%m/%d}" for cell, date in zip(reports.place, dates, strict=True)]
    options = {
        "AnalysisType": 3,
        "ModelType": 2,
        "PrecisionCaseTimes": 3,
        "TimeAggregationUnits": 3,
        "TimeAggregationLength": STEP_DAYS,
        "EndDate": "2001/12/31" if reports.day.max() < 365 else "2003/12/31",
        "MaxTemporalSize": 25,
    }
    return satscan(land, settings, cases, options)


IN_SPACE: dict[str, Method] = {
    "find_hotspots": hot_spots,
    "scan, circles": scan("circle"),
    "scan, ellipses": scan("ellipse"),
    "esda p_sim + fdr": esda_with_fdr,
}
IN_TIME: dict[str, Method] = {
    "space_time_scan": scan_in_space_and_time,
    "chains": chains_of_repeats,
}
METHODS: dict[str, dict[str, Method]] = {
    "round": IN_SPACE,
    "canal": IN_SPACE | {"network scan, told the canal": scan_told_the_canal},
    "space-time": IN_TIME | {"find_hotspots": hot_spots},
    "season": IN_TIME | {"find_hotspots": hot_spots, "find_hotspots, told the season": hot_spots_told_the_season},
}
SATSCAN_IN_SPACE: dict[str, Method] = {
    "SaTScan, circles": satscan_in_space(),
    "SaTScan, ellipses": satscan_in_space(
        SpatialWindowShapeType=1, NonCompactnessPenalty=1, EllipseShapes="1.5,2,3,4,5", EllipseAngles="4,6,9,12,15"
    ),
}
SATSCAN: dict[str, dict[str, Method]] = {
    "round": SATSCAN_IN_SPACE,
    "canal": SATSCAN_IN_SPACE
    | {"SaTScan, told the canal": satscan_in_space(UseLocationsNetworkFile="y", LocationsNetworkFilename="x.net")},
    "space-time": {"SaTScan, space-time": satscan_in_space_and_time},
    "season": {"SaTScan, space-time": satscan_in_space_and_time},
}


def one_map(
    shape: str, risk: float, reports: int, number: int, methods: dict[str, Method], options: argparse.Namespace
) -> np.ndarray:
    """Per method: any hot cell, hot cells in the cluster, hot cells, cells of the cluster."""
    draws = np.random.default_rng([options.seed, number])
    land = land_of(options.side, draws)
    is_cluster = cluster_in(land, shape, draws)
    seen = reports_on(land, is_cluster, shape, risk=risk, reports=reports, draws=draws)
    settings = Settings(options.replicates, options.alpha, options.seed + number, options.satscan)
    found = [method(land, seen, settings) for method in methods.values()]
    return np.array([[is_hot.any(), (is_hot & is_cluster).sum(), is_hot.sum(), is_cluster.sum()] for is_hot in found], float)


def share_of_maps(is_so: np.ndarray) -> str:
    interval = binomtest(int(is_so.sum()), is_so.size).proportion_ci(method="exact")
    return f"{100 * is_so.mean():4.0f} % ({100 * interval.low:3.0f} to {100 * interval.high:3.0f})"


def print_row(name: str, risk: float, maps: np.ndarray) -> None:
    any_hot, both, hot, cluster = maps.T
    if risk == 1:
        print(f"    {name:32}{share_of_maps(any_hot > 0)} false", flush=True)
        return
    overlap = both / (hot + cluster - both)
    ppv = f"{both.sum() / hot.sum():6.2f}" if hot.any() else f"{'-':>6}"
    twice_error = 2 * overlap.std(ddof=1) / maps.shape[0] ** 0.5
    figures = f"{share_of_maps(both > 0)}{ppv}{np.mean(both / cluster):7.2f}{overlap.mean():9.3f} +- {twice_error:.3f}"
    print(f"    {name:32}{figures}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", nargs="+", choices=list(METHODS), default=list(METHODS))
    parser.add_argument("--maps", type=int, default=50, help="maps in each row")
    parser.add_argument("--side", type=int, default=25, help="cells along each side")
    parser.add_argument("--reports", type=int, nargs="+", default=[60, 150, 600, 2000])
    parser.add_argument("--risks", type=float, nargs="+", default=[1, 1.5, 2, 3, 5])
    parser.add_argument("--replicates", type=int, default=999)
    parser.add_argument("--alpha", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=20261120)
    parser.add_argument("--satscan", type=Path, help="SaTScan's program for the command line; left out if not given")
    parser.add_argument("--without", nargs="+", default=[], help="methods to leave out")
    options = parser.parse_args()
    if options.satscan is None:
        print("SaTScan is left out: give the path of its program for the command line with --satscan.")

    print(f"{options.side} x {options.side} cells of uneven population, {options.maps} maps a row, alpha {options.alpha:g}")
    for shape in options.shapes:
        methods = METHODS[shape] | (SATSCAN[shape] if options.satscan else {})
        methods = {name: method for name, method in methods.items() if name not in options.without}
        for reports in options.reports:
            for risk in options.risks:
                print(f"{shape}, {reports} reports, risk {risk:g}{'':10}found (95 %)         PPV  sens.  overlap")
                maps = np.stack([one_map(shape, risk, reports, number, methods, options) for number in range(options.maps)])
                for position, name in enumerate(methods):
                    print_row(name, risk, maps[:, position])


if __name__ == "__main__":
    main()
