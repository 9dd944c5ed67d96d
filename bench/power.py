"""How well planted clusters are found: ours beside esda's local G* with fdr, in one run.

    python bench/power.py
    python bench/power.py --maps 100 --reports 150 --radii 2.5

In a round cluster the risk of a report is some times that of elsewhere; people live unevenly. Found: some hot cell lies in
the cluster. PPV: share of all hot cells that lie in it. Overlap: cells hot and in the cluster over cells hot or in it, mean
of all maps. Risk 1 plants nothing: 'false' is the share of those maps, in per cent, with any hot cell. A method that is wrong
on most maps of noise finds clusters too: read its power beside its error.
"""

from __future__ import annotations

import argparse
import warnings

import geopandas as gpd
import numpy as np
import shapely

from tensionmap.measure import nulls
from tensionmap.measure.hotspots import find_hotspots

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from esda import G_Local, fdr
    from libpysal.weights import lat2W

PROGRAMS = ("tensionmap", "esda p_sim + fdr")


def uneven_land(side: int, draws: np.random.Generator) -> gpd.GeoDataFrame:
    row, column = (part.ravel() for part in np.mgrid[:side, :side])
    west, south = 400_000.0 + 1000 * column, 4_760_000.0 + 1000 * row
    shapes = shapely.box(west, south, west + 1000, south + 1000)
    people = draws.gamma(1.0, 200, side**2).round()
    return gpd.GeoDataFrame(
        {"easting": west + 500, "northing": south + 500, "residents": people, "residents_named": people},
        geometry=shapes,
        crs="EPSG:32626",
    )


def hot_cells(
    count: np.ndarray, cells: gpd.GeoDataFrame, weights: object, options: argparse.Namespace, seed: int
) -> list[np.ndarray]:
    expected = nulls.by_population(cells, share_named=0)
    mine = find_hotspots(count, cells, expected=expected, replicates=options.replicates, alpha=options.alpha, seed=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rate = count / expected.to_numpy()
        g = G_Local(rate, weights, transform="B", permutations=options.replicates, star=True, n_jobs=1, seed=seed)
    return [mine.hotspot.eq("hot").to_numpy(), (g.p_sim <= fdr(g.p_sim, options.alpha)) & (g.Zs > 0)]


def one_map(risk: float, radius: float, reports: int, number: int, weights: object, options: argparse.Namespace) -> np.ndarray:
    """Per program: found, any hot cell, hot cells in the cluster, hot cells, overlap."""
    draws = np.random.default_rng([options.seed, number])
    cells = uneven_land(options.side, draws)
    column, row = draws.uniform(radius, options.side - radius, 2)
    away = np.hypot(cells.easting - 400_000 - 1000 * column, cells.northing - 4_760_000 - 1000 * row).to_numpy()
    is_cluster = away <= 1000 * radius
    share = nulls.by_population(cells, share_named=0).to_numpy() * np.where(is_cluster, risk, 1)
    count = draws.multinomial(reports, share / share.sum())
    figures = []
    for is_hot in hot_cells(count, cells, weights, options, number):
        both = (is_hot & is_cluster).sum()
        figures.append([both > 0, is_hot.any(), both, is_hot.sum(), both / (is_hot | is_cluster).sum()])
    return np.array(figures, float)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--maps", type=int, default=50, help="maps in each row")
    parser.add_argument("--side", type=int, default=25, help="cells along each side")
    parser.add_argument("--reports", type=int, nargs="+", default=[150, 600])
    parser.add_argument("--risks", type=float, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--radii", type=float, nargs="+", default=[1.5, 2.5, 4.0], help="of the cluster, in cells")
    parser.add_argument("--replicates", type=int, default=999)
    parser.add_argument("--alpha", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=20261120)
    options = parser.parse_args()
    weights = lat2W(options.side, options.side, rook=False)

    print(f"{options.side} x {options.side} cells of uneven population, {options.maps} maps a row, alpha {options.alpha:g}")
    print(f"{'':25}" + "".join(f"{program:^30}" for program in PROGRAMS))
    print(f"{'reports':>8}{'radius':>8}{'risk':>6}   " + f"{'found':>10}{'PPV':>10}{'overlap':>10}" * 2)
    for reports in options.reports:
        for radius in options.radii:
            for risk in options.risks:
                maps = [one_map(risk, radius, reports, number, weights, options) for number in range(options.maps)]
                line = f"{reports:8}{radius:8.1f}{risk:6.1f}   "
                for found, any_hot, both, hot, overlap in np.mean(maps, axis=0):
                    ppv = f"{both / hot:10.2f}" if hot and risk > 1 else f"{'-':>10}"
                    line += f"{100 * any_hot:4.0f} false{'':20}" if risk == 1 else f"{100 * found:8.0f} %{ppv}{overlap:10.2f}"
                print(line, flush=True)


if __name__ == "__main__":
    main()
