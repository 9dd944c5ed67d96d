"""Time from points to hot spots, and for each step on the way: ours beside geopandas, libpysal and esda, in one run.

    python bench/gi_star.py
    python bench/gi_star.py --sides 100 316 1000 --points 1000000 --runs 3
    python bench/gi_star.py --tasks grid whole cold

Tasks, each on the same input with the same answer (asserted):

grid      Points to counts per cell. The peer: geopandas points and sjoin.
analytic  Counts to classic Gi*, neighbours found on both sides. The peer: libpysal Graph and esda. Its Graph is built on corners
          that are whole numbers; on others it loses links.
permuted  Conditional permutations of single cells, 999, neighbours found on both sides. The peer: libpysal Graph and esda on two
          threads.
map-wide  Our test over the whole map beside the same permutations of esda: less work on their side.
whole     Points to cells to classic Gi* with permutations, warm; and to our test over the whole map.
cold      The same, each program in a fresh process: imports, and esda's compiling, are part of it. Ours has compiled before.

Only the ratios count; medians of several runs after one to warm up (the cold ones not).
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

SIDE_M = 1000.0
WEST, SOUTH = 400_000.0, 4_760_000.0
PERMUTATIONS = 999

Row = tuple[str, int, float, float]


def square(side: int) -> Any:
    import geopandas as gpd
    import shapely

    row, column = (part.ravel() for part in np.mgrid[:side, :side])
    west, south = WEST + SIDE_M * column, SOUTH + SIDE_M * row
    shapes = shapely.box(west, south, west + SIDE_M, south + SIDE_M)
    return gpd.GeoDataFrame({"easting": west + SIDE_M / 2, "northing": south + SIDE_M / 2}, geometry=shapes, crs="EPSG:32626")


def thrown(points: int, side: int) -> np.ndarray:
    """Easting and northing of points all over the map, some of them beyond its edges."""
    draws = np.random.default_rng(side)
    reach = SIDE_M * side
    return np.stack([WEST + reach * draws.uniform(-0.02, 1.02, points), SOUTH + reach * draws.uniform(-0.02, 1.02, points)])


def seconds(task: Callable[[], Any], runs: int) -> float:
    task()
    taken = []
    for _ in range(runs):
        begun = time.perf_counter()
        task()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def our_counts(places: np.ndarray, cells: Any) -> np.ndarray:
    from tensionmap.link.grid import cell_of

    found = cell_of(places[0], places[1], cells, cell_m=SIDE_M)
    return np.bincount(found + 1, minlength=len(cells) + 1)[1:]


def their_counts(places: np.ndarray, cells: Any) -> np.ndarray:
    import geopandas as gpd

    points = gpd.GeoDataFrame(geometry=gpd.points_from_xy(places[0], places[1]), crs=cells.crs)
    joined = gpd.sjoin(points, cells[["geometry"]], predicate="within")
    return np.bincount(joined["index_right"].to_numpy(), minlength=len(cells))


def their_graph(cells: Any) -> Any:
    from libpysal.graph import Graph

    return Graph.build_contiguity(cells, rook=False)


def their_star(count: np.ndarray, weights: Any, permutations: int) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from esda import G_Local

        return G_Local(
            count.astype(float),
            weights,
            transform="B",
            permutations=permutations,
            star=True,
            n_jobs=2,
            seed=1,
            keep_simulations=False,
        )


def our_way(places: np.ndarray, side: int, *, map_wide: bool = False) -> Any:
    from tensionmap.measure.gi_star import gi_star_permuted
    from tensionmap.measure.hotspots import find_hotspots

    cells = square(side)
    count = our_counts(places, cells)
    if map_wide:
        return find_hotspots(count, cells, replicates=PERMUTATIONS, seed=1)
    return gi_star_permuted(count, cells, permutations=PERMUTATIONS, seed=1)


def their_way(places: np.ndarray, side: int) -> Any:
    cells = square(side)
    return their_star(their_counts(places, cells), their_graph(cells), PERMUTATIONS)


def assert_same_tails(found: Any, theirs: Any) -> None:
    """Scores to ten digits; p but for the chance of the draws, on values so uneven that hardly any sums are equal.

    Where many are, esda's p is another one: its lower tail leaves out equal sums, and rounding decides which are equal.
    """
    assert np.abs(found.gi_z - theirs.Zs).max() < 1e-10
    apart = np.abs(found.p_sim - theirs.p_sim)
    assert apart.max() < 0.12, apart.max()
    assert apart.mean() < 0.05, apart.mean()


def compare_grid(points: int, side: int, runs: int) -> Iterator[Row]:
    places, cells = thrown(points, side), square(side)
    np.testing.assert_array_equal(our_counts(places, cells), their_counts(places, cells))
    mine = seconds(lambda: our_counts(places, cells), runs)
    yield f"points to counts, {points:,} points", side, mine, seconds(lambda: their_counts(places, cells), 1)


def compare_cells(side: int, runs: int, tasks: list[str]) -> Iterator[Row]:
    from tensionmap.measure.gi_star import gi_star, gi_star_permuted
    from tensionmap.measure.hotspots import find_hotspots

    cells = square(side)
    draws = np.random.default_rng(side)
    count, rate = draws.poisson(1.0, side**2), draws.gamma(1.0, size=side**2)
    graph = their_graph(cells)
    assert np.abs(gi_star(count, cells).to_numpy() - their_star(count, graph, 0).Zs).max() < 1e-10
    if "analytic" in tasks:
        mine = seconds(lambda: gi_star(count, cells), runs)
        yield "Gi*, with neighbours", side, mine, seconds(lambda: their_star(count, their_graph(cells), 0), 1)
    if not {"permuted", "map-wide"} & set(tasks):
        return
    theirs = seconds(lambda: their_star(rate, their_graph(cells), PERMUTATIONS), 1)
    if "permuted" in tasks:
        assert_same_tails(gi_star_permuted(rate, cells, permutations=PERMUTATIONS, seed=1), their_star(rate, graph, PERMUTATIONS))
        mine = seconds(lambda: gi_star_permuted(rate, cells, permutations=PERMUTATIONS, seed=1), runs)
        yield f"Gi*, {PERMUTATIONS} permutations of each cell", side, mine, theirs
    if "map-wide" in tasks:
        mine = seconds(lambda: find_hotspots(count, cells, replicates=PERMUTATIONS, seed=1), 1)
        yield f"test over the whole map, {PERMUTATIONS} maps", side, mine, theirs


def compare_ways(points: int, side: int, runs: int) -> Iterator[Row]:
    places = thrown(points, side)
    assert_same_tails(our_way(places, side), their_way(places, side))
    theirs = seconds(lambda: their_way(places, side), 1)
    yield f"{points:,} points to permuted Gi*", side, seconds(lambda: our_way(places, side), runs), theirs
    yield f"{points:,} points to the map-wide test", side, seconds(lambda: our_way(places, side, map_wide=True), 1), theirs


def compare_cold(points: int, side: int, runs: int) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "points.npy"
        np.save(path, thrown(points, side))
        taken = {}
        for way in ("ours", "map-wide", "theirs"):
            command = [sys.executable, __file__, "--way", way, "--file", str(path), "--sides", str(side)]
            taken[way] = seconds(lambda command=command: subprocess.run(command, check=True), 1 if way == "theirs" else runs)
    yield f"{points:,} points to permuted Gi*, cold", side, taken["ours"], taken["theirs"]
    yield f"{points:,} points to the map-wide test, cold", side, taken["map-wide"], taken["theirs"]


def main() -> None:
    tasks = ("grid", "analytic", "permuted", "map-wide", "whole", "cold")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sides", type=int, nargs="+", default=[100], help="cells along each side")
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--tasks", nargs="+", choices=tasks, default=list(tasks))
    parser.add_argument("--way", choices=("ours", "map-wide", "theirs"), help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        places, side = np.load(options.file), options.sides[0]
        their_way(places, side) if options.way == "theirs" else our_way(places, side, map_wide=options.way == "map-wide")
        return

    print(f"{'cells':>9}  {'task':48}{'tensionmap':>12}{'peer':>12}{'ratio':>8}")
    for side in options.sides:
        rows: list[Iterator[Row]] = []
        if "grid" in options.tasks:
            rows.append(compare_grid(options.points, side, options.runs))
        rows.append(compare_cells(side, options.runs, options.tasks))
        if "whole" in options.tasks:
            rows.append(compare_ways(options.points, side, options.runs))
        if "cold" in options.tasks:
            rows.append(compare_cold(options.points, side, options.runs))
        for part in rows:
            for task, cells, mine, peer in part:
                print(f"{cells**2:9}  {task:48}{mine:10.4f} s{peer:10.3f} s{peer / mine:8.1f}", flush=True)


if __name__ == "__main__":
    main()
