"""How many maps of pure noise show a hot spot: ours beside esda's local G*, in one run.

    python bench/null_maps.py
    python bench/null_maps.py --maps 50 --side 40 --reports 60 400
    python bench/null_maps.py --wrong

On every map reports fall by the null alone, so each spot found is false. esda is given reports / expected, so that it knows as
much as we do, and its default conditional permutations; 'fdr' is esda.fdr at the same level.

With --wrong the world is not as our null by population holds it: more or fewer reports outside than assumed, or events told
twice. There nothing is promised; the table shows what such a mistake costs.
"""

from __future__ import annotations

import argparse
import warnings

import geopandas as gpd
import numpy as np
import shapely
from scipy.stats import binomtest

from tensionmap.measure import nulls
from tensionmap.measure.hotspots import hotspots_of

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from esda import G_Local, fdr
    from libpysal.weights import lat2W

WORLDS = ("uniform", "by population", "by population, half of the reports known by village")
PROGRAMS = ("tensionmap", "esda p_sim", "esda p_sim + fdr")


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


def ours(cells: gpd.GeoDataFrame, place: np.ndarray, is_named: np.ndarray, options: argparse.Namespace, seed: int) -> list[bool]:
    ids = cells.cell_id.iloc[place].reset_index(drop=True)
    named = ids.notna() & is_named
    found = hotspots_of(ids, named, cells, replicates=options.replicates, alpha=options.alpha, seed=seed).hotspot
    return [found.eq("hot").any(), found.isin(["hot", "cold"]).any()]


def theirs(rate: np.ndarray, weights: object, options: argparse.Namespace, seed: int) -> list[list[bool]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        g = G_Local(rate, weights, transform="B", permutations=options.replicates, star=True, n_jobs=1, seed=seed)
    found = []
    for limit in (options.alpha, fdr(g.p_sim, options.alpha)):
        is_spot = g.p_sim <= limit
        found.append([(is_spot & (g.Zs > 0)).any(), is_spot.any()])
    return found


def one_map(world: str, number: int, reports: int, weights: object, options: argparse.Namespace) -> np.ndarray:
    draws = np.random.default_rng([options.seed, WORLDS.index(world), reports, number])
    cells = lumpy_land(options.side, draws)
    if world == "uniform":
        cells["residents"] = cells["residents_named"] = 1.0
    place, is_named = draw(cells, reports, draws, named=0.5 if world == WORLDS[2] else 0, outside=nulls.SHARE_OUTSIDE)
    expected = nulls.by_population(cells, share_named=is_named.mean())
    rate = np.bincount(place, minlength=len(cells)) / expected.to_numpy()
    return np.array([ours(cells, place, is_named, options, number), *theirs(rate, weights, options, number)])


def in_words(hits: int, maps: int) -> str:
    interval = binomtest(hits, maps).proportion_ci()
    return f"{100 * hits / maps:6.1f} % [{100 * interval.low:5.1f}, {100 * interval.high:5.1f}]"


def compare(options: argparse.Namespace) -> None:
    weights = lat2W(options.side, options.side, rook=False)
    for world in WORLDS:
        for reports in options.reports:
            hits = sum(one_map(world, number, reports, weights, options).astype(int) for number in range(options.maps))
            print(f"\n{world}; {reports} reports\n{'':20}{'hot':>26}{'hot or cold':>26}")
            for program, (hot, either) in zip(PROGRAMS, hits, strict=True):
                print(f"{program:20}{in_words(hot, options.maps):>26}{in_words(either, options.maps):>26}", flush=True)
            assert binomtest(int(hits[0, 1]), options.maps, options.alpha, alternative="greater").pvalue > 0.001


def misjudge(options: argparse.Namespace) -> None:
    print(f"\nby population; tensionmap, which assumes {nulls.SHARE_OUTSIDE:.0%} outside and each event told once")
    print(f"{'reports':>8}{'outside':>9}{'told twice':>12}{'hot':>26}{'hot or cold':>26}")
    wrongs = [(outside, 0.0) for outside in (0, 0.05, 0.1, 0.15, 0.2, 0.3)] + [(0.1, twice) for twice in (0.02, 0.05, 0.1, 0.2)]
    for reports in options.reports:
        for outside, told_twice in wrongs:
            hits = np.zeros(2, int)
            for number in range(options.maps):
                draws = np.random.default_rng([options.seed, reports, number])
                cells = lumpy_land(options.side, draws)
                place, is_named = draw(cells, reports, draws, named=0, outside=outside, told_twice=told_twice)
                hits += ours(cells, place, is_named, options, number)
            line = "".join(f"{in_words(int(hit), options.maps):>26}" for hit in hits)
            print(f"{reports:8}{outside:9.0%}{told_twice:12.0%}{line}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--maps", type=int, default=200, help="maps of noise in each row")
    parser.add_argument("--side", type=int, default=25, help="cells along each side")
    parser.add_argument("--reports", type=int, nargs="+", default=[150], help="reports on each map")
    parser.add_argument("--replicates", type=int, default=999)
    parser.add_argument("--alpha", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=20261120)
    parser.add_argument("--wrong", action="store_true", help="worlds that are not as the null holds them")
    options = parser.parse_args()
    print(f"Maps of noise with a false spot: {options.maps} maps a row, {options.side} x {options.side} cells, ", end="")
    print(f"alpha {options.alpha:g}, {options.replicates} replicates, exact 95 % intervals")
    (misjudge if options.wrong else compare)(options)


if __name__ == "__main__":
    main()
