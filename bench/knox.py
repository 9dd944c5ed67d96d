"""Time for the Knox test: ours beside pointpats and R's NearRepeat and surveillance, same incidents, in one run.

    python bench/knox.py
    python bench/knox.py --sizes 1000 10000 100000

One band of distance and days, as pointpats has it, with 999 deals of the dates; then our whole table of 20 cells and the chains,
which pointpats has not. The density is the same at every size. Pairs must be equal, and p alike. R's packages are timed by R
itself, without its start, for 1000 incidents at most and 19 deals, taken as 999. Only the ratios count; medians after one run to
warm up.
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

from tensionmap.measure.near_repeat import chains, knox_table

WITHIN_M, WITHIN_DAYS = 5000.0, 14
R_DEALS = 19
R_PEERS = {
    "surveillance": """
d <- read.csv(commandArgs(TRUE)[1])
s <- system.time(r <- surveillance::knox(dt = dist(d$day), ds = dist(d[, 1:2]), eps.t = 14, eps.s = 5000,
                 simulate.p.value = TRUE, B = 19, .progress = "none"))
cat(s[["elapsed"]], as.integer(r$statistic))
""",
    "NearRepeat": """
d <- read.csv(commandArgs(TRUE)[1])
s <- system.time(r <- NearRepeat::NearRepeat(d$easting, d$northing, d$day, sds = c(0, 0.001, 5000.001), tds = c(0, 15),
                 method = "euclidean", nrep = 19))
cat(s[["elapsed"]], sum(r$observed))
""",
}


def incidents(size: int) -> pd.DataFrame:
    """Six tenths round villages, a tenth of all followed by another within 1 km and 14 days."""
    draws = np.random.default_rng(size)
    side, first = 1_000_000 * np.sqrt(size / 100_000), size - size // 10
    villages = draws.uniform(0, side, (max(size // 200, 5), 2))
    place = draws.uniform(0, side, (first, 2))
    named = draws.random(first) < 0.6
    place[named] = villages[draws.integers(0, len(villages), named.sum())] + draws.normal(0, 10_000, (named.sum(), 2))
    day = draws.integers(0, 1826, first)
    again = draws.integers(0, first, size // 10)
    place = np.concatenate([place, place[again] + draws.uniform(-700, 700, (again.size, 2))])
    return pd.DataFrame(
        {
            "easting": place[:, 0].round(1),
            "northing": place[:, 1].round(1),
            "day": np.concatenate([day, day[again] + draws.integers(0, 15, again.size)]),
        }
    )


def seconds(task: Callable[[], Any], runs: int) -> float:
    task()
    taken = []
    for _ in range(runs):
        begun = time.perf_counter()
        task()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def pointpats_knox(events: pd.DataFrame, deals: int) -> tuple[float, int, float]:
    """Seconds, pairs and p of pointpats; of its function, which is faster than its class."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pointpats.spacetime import knox

        place, day = events[["easting", "northing"]].to_numpy(), events[["day"]].to_numpy(float)
        begun = time.perf_counter()
        np.random.seed(1)  # pointpats draws from numpy's own stream.
        found = knox(place, day.copy(), WITHIN_M, WITHIN_DAYS, permutations=deals)
        return time.perf_counter() - begun, int(found["stat"]), float(np.ravel(found["pvalue"])[0])


def r_knox(package: str, events: pd.DataFrame) -> tuple[float, int] | None:
    """Seconds for 999 deals and pairs of an R package, if it is there."""
    if shutil.which("Rscript") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        table, script = Path(folder) / "events.csv", Path(folder) / "knox.R"
        events.to_csv(table, index=False)
        script.write_text(R_PEERS[package])
        run = subprocess.run(["Rscript", "--vanilla", script, table], capture_output=True, text=True, check=False)
    if run.returncode:
        return None
    taken, pairs = run.stdout.split()[-2:]
    return float(taken) * 999 / R_DEALS, int(pairs)


def show(size: int, task: str, mine: float, peer: float | None) -> None:
    ratio = "" if peer is None else f"{peer:10.3f} s{peer / mine:9.0f}"
    print(f"{size:9}  {task:34}{mine:10.4f} s{ratio}", flush=True)


def compare(size: int, runs: int) -> None:
    events = incidents(size)
    columns = events.easting, events.northing, events.day

    def one() -> pd.DataFrame:
        return knox_table(*columns, distance_bands_m=(WITHIN_M,), day_bands=(WITHIN_DAYS,), seed=1)

    found, mine = one().iloc[0], seconds(one, runs)
    try:
        taken, pairs, p = pointpats_knox(events, 999)
        assert pairs == found.pairs, (pairs, found.pairs)
        assert abs(p - found.p_cell) < 0.02, (p, found.p_cell)
        show(size, "one band, pointpats knox", mine, taken)
    except ImportError:
        print("pointpats is not installed and left out")
    for package in R_PEERS if size <= 1000 else ():
        peer = r_knox(package, events)
        if peer is None:
            print(f"{package} for R is not installed and left out")
        else:
            assert peer[1] == found.pairs, (package, peer[1], found.pairs)
            show(size, f"one band, R {package}", mine, peer[0])
    show(size, "20 bands, exact mean, p over all", seconds(lambda: knox_table(*columns, seed=1), runs), None)
    task = seconds(lambda: chains(*columns, within_m=WITHIN_M, within_days=WITHIN_DAYS, seed=1), 1)
    show(size, "chains", task, None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 10_000], help="incidents")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()

    print(f"{'incidents':>9}  {'999 deals of the dates':34}{'tensionmap':>12}{'peer':>12}{'ratio':>9}")
    for size in options.sizes:
        compare(size, options.runs)


if __name__ == "__main__":
    main()
