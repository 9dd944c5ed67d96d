"""Time for K and cross-K with their envelopes: ours beside R's spatstat and pointpats, same points, in one run.

    python bench/k_function.py
    python bench/k_function.py --sizes 1000 10000 100000 --corrections isotropic translate

K of points in a square, with 99 maps of evenly thrown points, up to a tenth of the side; ours always with the isotropic
correction, exact for every polygon. Cross-K with 99 random labellings. K must be spatstat's to nine digits, if it has the same
correction, and the pairs of cross-K the same; pointpats corrects nothing, so its K must lie below. R times itself, without its
start. Only the ratios count; medians of several runs after one to warm up.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import shapely

from tensionmap.measure.association import cross_k, k_function

SIDE = 1_000_000.0
DISTANCES = np.linspace(0, SIDE / 10, 51)[1:]
SPATSTAT = """
suppressPackageStartupMessages(library(spatstat.explore))
a <- commandArgs(TRUE); d <- read.csv(a[2]); r <- seq(0, 1e5, length.out = 51)
x <- ppp(d$easting, d$northing, window = owin(c(0, 1e6), c(0, 1e6)), check = FALSE)
if (a[1] == "cross") {
  marks(x) <- factor(d$kind)
  s <- system.time(e <- envelope(x, Kcross, i = "0", j = "1", r = r, correction = "none", nsim = 99,
                   simulate = expression(rlabel(x)), verbose = FALSE))
} else s <- system.time(e <- envelope(x, Kest, r = r, correction = a[1], nsim = 99, verbose = FALSE))
cat(sprintf("%.15g", c(s[["elapsed"]], e$obs)))
"""


def points(size: int) -> pd.DataFrame:
    draws = np.random.default_rng(size)
    place = draws.uniform(0, SIDE, (size, 2))
    near = draws.random(size) < 0.6
    place[near] = np.clip(
        draws.choice(place, 50)[draws.integers(0, 50, near.sum())] + draws.normal(0, 20_000, (near.sum(), 2)), 0, SIDE
    )
    return pd.DataFrame({"easting": place[:, 0].round(3), "northing": place[:, 1].round(3), "kind": draws.integers(0, 2, size)})


def seconds(task: Callable[[], Any], runs: int) -> float:
    task()
    taken = []
    for _ in range(runs):
        begun = time.perf_counter()
        task()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def spatstat(what: str, places: pd.DataFrame) -> tuple[float, np.ndarray] | None:
    """Seconds and K at our distances, if R and spatstat are there."""
    if shutil.which("Rscript") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        table, script = Path(folder) / "points.csv", Path(folder) / "k.R"
        places.to_csv(table, index=False)
        script.write_text(SPATSTAT)
        run = subprocess.run(["Rscript", "--vanilla", script, what, table], capture_output=True, text=True, check=False)
    if run.returncode:
        return None
    numbers = np.array(run.stdout.split(), float)
    return float(numbers[0]), numbers[2:]


def pointpats_k(places: pd.DataFrame) -> tuple[float, np.ndarray] | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from pointpats import k_test
        except ImportError:
            return None
        place, square = places[["easting", "northing"]].to_numpy(), shapely.box(0, 0, SIDE, SIDE)
        begun = time.perf_counter()
        found = k_test(place, support=DISTANCES, n_simulations=99, hull=square)
        return time.perf_counter() - begun, np.asarray(found.statistic)


def show(size: int, task: str, mine: float, peer: float) -> None:
    print(f"{size:9}  {task:34}{mine:10.4f} s{peer:10.3f} s{peer / mine:9.1f}", flush=True)


def compare_k(places: pd.DataFrame, corrections: list[str], runs: int) -> None:
    def ours() -> pd.DataFrame:
        bounds = (0, 0, SIDE, SIDE)
        return k_function(places.easting, places.northing, distances_m=DISTANCES, window=bounds, replicates=99, seed=1)

    k, mine = ours().k_m2.to_numpy(), seconds(ours, runs)
    for correction in corrections:
        peer = spatstat(correction, places)
        if peer is None:
            print("R or its package spatstat.explore is not installed and left out")
            break
        apart = np.abs(peer[1] / k - 1).max()
        assert apart < (1e-9 if correction == "isotropic" else 0.1), apart
        show(len(places), f"K, spatstat {correction}", mine, peer[0])
    if len(places) > 2000:
        return
    peer = pointpats_k(places)
    if peer is None:
        print("pointpats is not installed and left out")
    else:
        assert (peer[1] < k).all()
        show(len(places), "K, pointpats, not corrected", mine, peer[0])


def compare_cross(places: pd.DataFrame, runs: int) -> None:
    columns = [places.loc[places.kind == kind, name] for kind in (0, 1) for name in ("easting", "northing")]

    def ours() -> pd.DataFrame:
        return cross_k(*columns, distances_m=DISTANCES, replicates=99, seed=1)

    pairs, mine = ours().pairs.to_numpy(), seconds(ours, runs)
    peer = spatstat("cross", places)
    if peer is None:
        print("R or its package spatstat.explore is not installed and left out")
        return
    theirs = peer[1] * columns[0].size * columns[2].size / SIDE**2
    assert np.abs(theirs - pairs).max() < 0.01, (theirs, pairs)
    show(len(places), "cross-K, spatstat", mine, peer[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 10_000], help="points")
    parser.add_argument("--corrections", nargs="+", default=["isotropic"], help="of spatstat: isotropic, translate, border, none")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()

    print(f"{'points':>9}  {'99 replicates':34}{'tensionmap':>12}{'peer':>12}{'ratio':>9}")
    for size in options.sizes:
        places = points(size)
        compare_k(places, options.corrections, options.runs)
        compare_cross(places, options.runs)


if __name__ == "__main__":
    main()
