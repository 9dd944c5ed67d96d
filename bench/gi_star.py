"""Time for Gi* and for the test over the whole map: ours beside libpysal and esda, same counts, in one run.

    python bench/gi_star.py
    python bench/gi_star.py --sides 100 316 1000

Analytic: cells to classic Gi*, neighbours included on both sides; the scores must agree to 1e-10. Monte-Carlo: our test over the
whole map, with neighbours, beside esda's conditional permutations of single cells without them: less work on their side.
Only the ratios count; medians of several runs after one to warm up.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from tensionmap.measure.hotspots import find_hotspots, gi_star

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from esda import G_Local
    from libpysal.weights import lat2W


def square(side: int) -> gpd.GeoDataFrame:
    row, column = (part.ravel() for part in np.mgrid[:side, :side])
    west, south = 400_000.0 + 1000 * column, 4_760_000.0 + 1000 * row
    shapes = shapely.box(west, south, west + 1000, south + 1000)
    return gpd.GeoDataFrame({"easting": west + 500, "northing": south + 500}, geometry=shapes, crs="EPSG:32626")


def seconds(task: Callable[[], Any], runs: int) -> float:
    task()
    taken = []
    for _ in range(runs):
        begun = time.perf_counter()
        task()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def esda_star(count: np.ndarray, weights: Any, permutations: int) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return G_Local(count.astype(float), weights, transform="B", permutations=permutations, star=True, n_jobs=2, seed=1)


def compare(side: int, replicates: int, runs: int) -> Iterator[tuple[str, float, float]]:
    """Task, our seconds, the peer's."""
    cells = square(side)
    count = np.random.default_rng(side).poisson(0.3, side**2)
    weights = lat2W(side, side, rook=False)

    apart = np.abs(gi_star(count, cells).to_numpy() - esda_star(count, weights, 0).Zs).max()
    assert apart < 1e-10, apart
    mine = seconds(lambda: gi_star(count, cells), runs)
    yield "Gi*, analytic, with neighbours", mine, seconds(lambda: esda_star(count, lat2W(side, side, rook=False), 0), runs)

    mine = seconds(lambda: find_hotspots(count, cells, replicates=replicates, seed=1), runs)
    yield f"map-wide test, {replicates} replicates", mine, seconds(lambda: esda_star(count, weights, replicates), runs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sides", type=int, nargs="+", default=[100, 316], help="cells along each side")
    parser.add_argument("--replicates", type=int, default=999)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()

    print(f"{'cells':>9}  {'task':34}{'tensionmap':>12}{'peer':>12}{'ratio':>8}")
    for side in options.sides:
        for task, mine, peer in compare(side, options.replicates, options.runs):
            print(f"{side**2:9}  {task:34}{mine:10.4f} s{peer:10.3f} s{peer / mine:8.1f}", flush=True)


if __name__ == "__main__":
    main()
