"""How many maps of pure noise show a hot spot: ours beside esda, sfhotspot, in one run.

    python bench/null_maps.py
    python bench/null_maps.py --maps 100 --worlds "by population" --reports 150
    python bench/null_maps.py --wrong

On every map reports fall by the null alone, so each spot found is false. Six worlds, four numbers of reports, grids from 10 x 10
to 50 x 50. Ours: the hot spots of cells (hot or cold), the scan with circles, and near repeats, each through the same observation
as the reports. esda is given reports / expected, so that it knows as much as we do, and its default conditional permutations;
'fdr' is esda.fdr at the same level. sfhotspot is run as it comes, on the points (it knows no residents), if R has it.

Reports known only to a district have no cell of ours; a usual map puts them on the district's one point, as the peers do here.

With --wrong the world is not as our null by population holds it: more or fewer reports outside than assumed, or events told
twice. There nothing is promised; the table shows what such a mistake costs.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.stats import binomtest

from tensionmap.measure import nulls
from tensionmap.measure.hotspots import find_hotspots, hotspots_of
from tensionmap.measure.near_repeat import knox_table
from tensionmap.measure.scan import poisson_scan

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from esda import G_Local, fdr
    from libpysal.weights import lat2W

WORLDS = ("uniform", "by population", "village-snapped", "village and district", "seasonal", "one side reports twice")
SIDES = {60: 10, 150: 25, 400: 50, 2000: 40}
"""Cells along each side of the map, by the number of reports; with --all-grids each number is put on each grid."""
DAYS = 3 * 365
SUMMER = (4, 9)
R_SCRIPT = """
suppressMessages({library(sf); library(sfhotspot)})
given <- commandArgs(trailingOnly = TRUE)
points <- read.csv(given[1])
side <- as.integer(given[2])
ground <- st_sfc(st_polygon(list(1000 * rbind(c(0, 0), c(side, 0), c(side, side), c(0, side), c(0, 0)))), crs = 32626)
grid <- st_sf(geometry = st_make_grid(ground, cellsize = 1000))
for (number in unique(points$map)) {
  data <- st_as_sf(points[points$map == number, ], coords = c("easting", "northing"), crs = 32626)
  found <- suppressWarnings(suppressMessages(hotspot_gistar(data, grid = grid, cell_size = 1000, kde = FALSE, quiet = TRUE)))
  cat(as.integer(any(found$gistar > 0 & found$pvalue <= 0.05)), "\\n")
}
"""


@dataclass(frozen=True)
class Map:
    """One map of noise, and what is known of its land."""

    cells: gpd.GeoDataFrame
    own_land: pd.DataFrame | None
    seen: pd.DataFrame
    """One row a report: ``cell`` on a usual map, ``is_on_cell`` of ours, ``is_named``, ``reported_by``, ``day``, ``season``."""


def lumpy_land(side: int, draws: np.random.Generator) -> gpd.GeoDataFrame:
    """Squares of 1 km, most of them empty, and everybody belongs to the nearest of some villages."""
    row, column = (part.ravel() for part in np.mgrid[:side, :side])
    west, south = 400_000.0 + 1000 * column, 4_760_000.0 + 1000 * row
    cells = gpd.GeoDataFrame(
        {"cell_id": [f"E{c}N{r}" for c, r in zip(column, row, strict=True)], "easting": west + 500, "northing": south + 500},
        geometry=shapely.box(west, south, west + 1000, south + 1000),
        crs="EPSG:32626",
    )
    cells["residents"] = np.where(draws.random(side**2) < 0.6, 0, draws.gamma(0.3, 500, side**2)).round()
    villages = draws.choice(side**2, max(side // 2, 2), replace=False)
    away = np.hypot(row[:, None] - row[villages], column[:, None] - column[villages])
    cells["residents_named"] = np.bincount(villages[away.argmin(axis=1)], cells.residents, minlength=side**2)
    return cells


def draw(
    cells: gpd.GeoDataFrame, reports: int, draws: np.random.Generator, *, named: float, outside: float, told_twice: float = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Cell of every report, and whether it is known by its village only; each drawn on its own, not by our sampler."""
    events = round(reports / (1 + told_twice))
    is_named = draws.random(events) < named
    is_outside = draws.random(events) < outside
    anywhere = draws.integers(len(cells), size=events)
    at_home, at_village = (
        draws.choice(len(cells), events, p=cells[c] / cells[c].sum()) for c in ("residents", "residents_named")
    )
    place = np.where(is_named, at_village, np.where(is_outside, anywhere, at_home))
    times = 1 + (draws.random(events) < told_twice)
    return np.repeat(place, times), np.repeat(is_named, times)


def make_map(world: str, number: int, reports: int, side: int, seed: int) -> Map:
    draws = np.random.default_rng([seed, WORLDS.index(world), reports, side, number])
    cells = lumpy_land(side, draws)
    if world == "uniform":
        cells["residents"] = cells["residents_named"] = 1.0
    named = {"village-snapped": 0.5, "village and district": 0.3, "one side reports twice": 0.3}.get(world, 0.0)
    day = draws.integers(0, DAYS, reports)
    reported_by, own_land = np.full(reports, "outside", dtype=object), None
    if world == "one side reports twice":
        # Two parties whose claims overlap in a strip, in which each village tells its own side; the first side tells twice as
        # much of what happens.
        column = ((cells["easting"] - 400_000) // 1000).to_numpy()
        own_land = pd.DataFrame({"first": column < 0.55 * side, "second": column >= 0.45 * side})
        place, is_named = draw(cells, 4 * reports, draws, named=named, outside=nulls.SHARE_OUTSIDE)
        by_first = draws.random(place.size) < np.where(column[place] < 0.5 * side, 1.0, 0.0)
        told = np.flatnonzero(draws.random(place.size) < np.where(by_first, 1.0, 0.5))[:reports]
        place, is_named, reported_by = place[told], is_named[told], np.where(by_first[told], "first", "second")
    else:
        place, is_named = draw(cells, reports, draws, named=named, outside=nulls.SHARE_OUTSIDE)
    season = np.zeros(reports, np.int64)
    if world == "seasonal":
        # Three times as many reports in summer, and then on other land: herders and farmers are elsewhere.
        season = (draws.random(reports) < 0.75).astype(np.int64)
        day = 365 * draws.integers(0, 3, reports) + np.where(season, 91, 274) + draws.integers(0, 182, reports)
        summer = summer_land(cells)
        place = np.where(season, draws.choice(len(cells), reports, p=summer / summer.sum()), place)
    is_on_cell = np.ones(reports, bool)
    if world == "village and district":
        # A third known to one of four districts: drawn by residents, then put on the district's middle by a usual map.
        is_on_cell = draws.random(reports) >= 1 / 3
        row, column = np.divmod(place, side)
        middle = (side // 4 + (side // 2) * (row >= side / 2)) * side + side // 4 + (side // 2) * (column >= side / 2)
        place, is_named = np.where(is_on_cell, place, middle), is_named & is_on_cell
    about = {"cell": place, "is_on_cell": is_on_cell, "is_named": is_named, "reported_by": reported_by, "day": day}
    return Map(cells, own_land, pd.DataFrame({**about, "season": season}))


def summer_land(cells: gpd.GeoDataFrame) -> np.ndarray:
    """Where people are in summer: on the land without houses as well."""
    return cells["residents"].to_numpy() + np.where(cells["residents"] == 0, 100.0, 0.0)


def null_of(noise: Map) -> tuple[pd.Series, tuple[nulls.Null, ...]]:
    on_cell = noise.seen[noise.seen["is_on_cell"]]
    if noise.seen["season"].any():
        winter = nulls.by_population(noise.cells, share_named=0).to_numpy()
        summer = summer_land(noise.cells) / summer_land(noise.cells).sum()
        totals = np.bincount(on_cell["season"], minlength=2)
        counts = np.bincount(on_cell["cell"], minlength=len(noise.cells))
        return pd.Series(counts, index=noise.cells.index), (nulls.Null.of_kinds(np.stack([winter, summer]), totals),)
    seen = on_cell.assign(cell_id=noise.cells["cell_id"].to_numpy()[on_cell["cell"]]).reset_index(drop=True)
    return nulls.observed(seen, noise.cells, own_land=noise.own_land)


def ours(noise: Map, options: argparse.Namespace, seed: int) -> list[bool]:
    counts, worlds = null_of(noise)
    chance = {"replicates": options.replicates, "alpha": options.alpha, "seed": seed}
    spots = find_hotspots(counts, noise.cells, null=worlds, **chance)["hotspot"]
    east, north = (noise.cells[name].to_numpy() for name in ("easting", "northing"))
    clusters = poisson_scan(counts, worlds, east, north, **chance)
    on_cell = noise.seen[noise.seen["is_on_cell"]]
    place, strata = on_cell["cell"].to_numpy(), on_cell["season"].to_numpy()
    repeats = knox_table(east[place], north[place], on_cell["day"].to_numpy(), strata=strata, **chance)
    return [
        spots.isin(["hot", "cold"]).any(),
        (clusters["p"] <= options.alpha).any(),
        repeats["verdict"].isin(["more", "fewer"]).any(),
    ]


def esdas(noise: Map, options: argparse.Namespace, seed: int) -> list[bool]:
    side = int(np.sqrt(len(noise.cells)))
    _, worlds = null_of(noise)
    rate = np.bincount(noise.seen["cell"], minlength=side**2) / np.maximum(worlds[0].expected, 1e-9)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        weights = lat2W(side, side, rook=False)
        g = G_Local(rate, weights, transform="B", permutations=999, star=True, n_jobs=1, seed=seed)
    return [((g.p_sim <= limit) & (g.Zs > 0)).any() for limit in (options.alpha, fdr(g.p_sim, options.alpha))]


def sfhotspots(maps: list[Map], side: int) -> list[bool]:
    """Whether sfhotspot, all its defaults, marks a hot cell on each map."""
    points = pd.concat(
        [
            pd.DataFrame(
                {
                    "map": number,
                    "easting": noise.cells["easting"].to_numpy()[noise.seen["cell"]] - 400_000,
                    "northing": noise.cells["northing"].to_numpy()[noise.seen["cell"]] - 4_760_000,
                }
            )
            for number, noise in enumerate(maps)
        ]
    )
    with tempfile.TemporaryDirectory() as folder:
        points.to_csv(Path(folder) / "points.csv", index=False)
        (Path(folder) / "run.R").write_text(R_SCRIPT)
        command = ["Rscript", f"{folder}/run.R", f"{folder}/points.csv", str(side)]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [word == "1" for word in said.split()]


def has_sfhotspot() -> bool:
    if shutil.which("Rscript") is None:
        return False
    asked = ["Rscript", "-e", "quit(status = !requireNamespace('sfhotspot', quietly = TRUE))"]
    return subprocess.run(asked, capture_output=True, check=False).returncode == 0


def one_map(world: str, number: int, reports: int, side: int, options: argparse.Namespace) -> list[list[bool]]:
    noise = make_map(world, number, reports, side, options.seed)
    found = [ours(noise, options, number)]
    if number < options.peer_maps:
        found.append(esdas(noise, options, number))
    return found


def in_words(hits: int, maps: int) -> str:
    interval = binomtest(hits, maps).proportion_ci()
    return f"{100 * hits / maps:5.1f} [{100 * interval.low:4.1f},{100 * interval.high:5.1f}]"


def compare(options: argparse.Namespace) -> None:
    programs = ("hot spots", "scan", "near repeat", "esda p_sim", "esda + fdr", "sfhotspot")
    with_r = has_sfhotspot()
    print(f"per cent of maps with a false spot [exact 95 % interval]; sfhotspot is {'' if with_r else 'not '}there")
    print(f"{'world':24}{'reports':>8}{'grid':>8}" + "".join(f"{program:>19}" for program in programs))
    sums = np.zeros(3, int)
    rows = [(world, reports, side) for world in options.worlds for reports in options.reports for side in sides(reports, options)]
    with ProcessPoolExecutor(options.processes) as pool:
        for world, reports, side in rows:
            tasks = [pool.submit(one_map, world, number, reports, side, options) for number in range(options.maps)]
            results = [task.result() for task in tasks]
            mine = np.sum([result[0] for result in results], axis=0)
            theirs = np.sum([result[1] for result in results if len(result) > 1], axis=0)
            line = [in_words(int(hits), options.maps) for hits in mine]
            line += [in_words(int(hits), min(options.peer_maps, options.maps)) for hits in np.atleast_1d(theirs)]
            if with_r and options.r_maps:
                maps = [make_map(world, number, reports, side, options.seed) for number in range(options.r_maps)]
                line.append(in_words(sum(sfhotspots(maps, side)), options.r_maps))
            print(f"{world:24}{reports:8}{f'{side}x{side}':>8}" + "".join(f"{part:>19}" for part in line), flush=True)
            sums += mine
    maps = options.maps * len(rows)
    print(f"{'all':40}" + "".join(f"{in_words(int(hits), maps):>19}" for hits in sums))
    for program, hits in zip(programs, sums, strict=False):
        assert binomtest(int(hits), maps, options.alpha, alternative="greater").pvalue > 0.001, f"{program} breaks its promise"


def sides(reports: int, options: argparse.Namespace) -> list[int]:
    return sorted(set(SIDES.values())) if options.all_grids else [SIDES.get(reports, 25)]


def misjudge(options: argparse.Namespace) -> None:
    print(f"\nby population; tensionmap, which assumes {nulls.SHARE_OUTSIDE:.0%} outside and each event told once")
    print(f"{'reports':>8}{'outside':>9}{'told twice':>12}{'hot or cold':>26}")
    wrongs = [(outside, 0.0) for outside in (0, 0.05, 0.1, 0.15, 0.2, 0.3)] + [(0.1, twice) for twice in (0.02, 0.05, 0.1, 0.2)]
    for reports in options.reports:
        for outside, told_twice in wrongs:
            hits = 0
            for number in range(options.maps):
                draws = np.random.default_rng([options.seed, reports, number])
                cells = lumpy_land(25, draws)
                place, is_named = draw(cells, reports, draws, named=0, outside=outside, told_twice=told_twice)
                seen = pd.DataFrame({"cell_id": cells.cell_id.iloc[place].array, "is_named": is_named, "reported_by": "outside"})
                found = hotspots_of(seen, cells, replicates=options.replicates, alpha=options.alpha, seed=number)
                hits += found["hotspot"].isin(["hot", "cold"]).any()
            print(f"{reports:8}{outside:9.0%}{told_twice:12.0%}{in_words(int(hits), options.maps):>26}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--maps", type=int, default=400, help="maps of noise in each row")
    parser.add_argument("--peer-maps", type=int, default=60, help="of these, maps given to esda")
    parser.add_argument("--r-maps", type=int, default=20, help="maps given to sfhotspot")
    parser.add_argument("--worlds", nargs="+", default=WORLDS, choices=WORLDS)
    parser.add_argument("--reports", type=int, nargs="+", default=list(SIDES), help="reports on each map")
    parser.add_argument("--all-grids", action="store_true", help="each number of reports on each grid")
    parser.add_argument("--replicates", type=int, default=199)
    parser.add_argument("--alpha", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=20261120)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--wrong", action="store_true", help="worlds that are not as the null holds them")
    options = parser.parse_args()
    print(f"Maps of noise: {options.maps} a row, alpha {options.alpha:g}, {options.replicates} replicates; ", end="")
    (misjudge if options.wrong else compare)(options)


if __name__ == "__main__":
    main()
