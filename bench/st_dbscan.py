"""Time for clusters in place and time: ours beside scikit-learn and R's dbscan, same reports, in one run.

    python bench/st_dbscan.py
    python bench/st_dbscan.py --reports 10000 100000 1000000

The density of the reports is the same at every number of them. Three questions:

- place and time: within 5 km and within 15 days, the question of ST-DBSCAN. Peer: scikit-learn on a sparse matrix of the pairs
  near in place, those far in time struck out. Cores and noise must be the same.
- place alone: our days without limit, 1.5 km. Peers: scikit-learn and R. Cores (where told) and noise must be the same.
- scaled ball: what is done in want of the first, 15 days taken for 5 km in three dimensions. Another question, so that only the
  times stand side by side; ours is that of place and time.

Runs take turns, ratios are those of medians after one run to warm up. R's time is its own, without reading the file.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.cluster import DBSCAN
from sklearn.neighbors import NearestNeighbors

from tensionmap.measure.st_dbscan import st_dbscan

EPS_M, EPS_DAYS, FEWEST = 5000.0, 15, 8
ALONE_M = 1500.0
R_CODE = """
a <- commandArgs(TRUE)
suppressPackageStartupMessages(library(dbscan))
d <- as.matrix(read.csv(a[1]))
s <- system.time(r <- dbscan(d, eps = as.numeric(a[2]), minPts = as.integer(a[3])))[["elapsed"]]
cat(s, sum(r$cluster == 0), max(r$cluster))
"""


def reports(count: int) -> pd.DataFrame:
    """Half of them in clusters of about a hundred, the others anywhere within five years."""
    draws = np.random.default_rng(count)
    side = 1e6 * np.sqrt(count / 100_000)
    hubs = max(1, count // 200)
    hub, is_near = draws.integers(0, hubs, count), draws.random(count) < 0.5
    near = draws.uniform(0, side, (2, hubs))[:, hub] + draws.normal(0, 5000, (2, count))
    place = np.where(is_near, near, draws.uniform(0, side, (2, count)))
    day = np.where(is_near, draws.uniform(0, 1826, hubs)[hub] + draws.normal(0, 20, count), draws.uniform(0, 1826, count))
    return pd.DataFrame({"easting": place[0], "northing": place[1], "day": day.round()})


def ours(frame: pd.DataFrame, eps_m: float, eps_days: float) -> tuple[np.ndarray, np.ndarray]:
    found = st_dbscan(frame.easting, frame.northing, frame.day, eps_m=eps_m, eps_days=eps_days, fewest=FEWEST)
    return found.is_core.to_numpy(), found.cluster.to_numpy() < 0


def by_sklearn(points: Any, eps: float, **options: Any) -> tuple[np.ndarray, np.ndarray]:
    found = DBSCAN(eps=eps, min_samples=FEWEST, n_jobs=-1, **options).fit(points)
    is_core = np.zeros(found.labels_.size, bool)
    is_core[found.core_sample_indices_] = True
    return is_core, found.labels_ < 0


def by_sklearn_in_time(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    places, day = frame[["easting", "northing"]].to_numpy(), frame.day.to_numpy()
    pairs = NearestNeighbors(radius=EPS_M, n_jobs=-1).fit(places).radius_neighbors_graph(mode="distance").tocoo()
    near = np.abs(day[pairs.row] - day[pairs.col]) <= EPS_DAYS
    # A hair more than 0, since a sparse matrix takes zeros for pairs that are not near.
    kept = sparse.csr_matrix((pairs.data[near] + 1e-9, (pairs.row[near], pairs.col[near])), shape=pairs.shape)
    return by_sklearn(kept, EPS_M + 1e-6, metric="precomputed")


def by_r(points: np.ndarray, eps: float, runs: int) -> tuple[float, int] | None:
    """Median seconds, and reports that are noise; None without R or its package."""
    program = shutil.which("Rscript")
    if program is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        table, code = Path(folder) / "points.csv", Path(folder) / "dbscan.R"
        pd.DataFrame(points).to_csv(table, index=False, float_format="%.17g")
        code.write_text(R_CODE)
        command = [program, "--vanilla", str(code), str(table), str(eps), str(FEWEST)]
        said = [subprocess.run(command, capture_output=True, text=True, check=False).stdout.split() for _ in range(runs)]
    if not all(said):
        return None
    return statistics.median(float(one[0]) for one in said), int(said[0][1])


def taking_turns(tasks: list[Callable[[], Any]], runs: int) -> list[float]:
    """Median seconds of each."""
    taken: list[list[float]] = [[] for _ in tasks]
    for run in range(runs + 1):
        for task, seconds in zip(tasks, taken, strict=True):
            begun = time.perf_counter()
            task()
            if run:
                seconds.append(time.perf_counter() - begun)
    return [statistics.median(seconds) for seconds in taken]


def compare(count: int, runs: int) -> Iterator[tuple[str, str, float, float]]:
    """Question, peer, our seconds, the peer's."""
    frame = reports(count)
    places = frame[["easting", "northing"]].to_numpy()
    ball = np.column_stack([places / EPS_M, frame.day / EPS_DAYS])
    # The peer's pairs near in place fill the memory beyond.
    has_pairs = count <= 200_000

    in_time, alone = ours(frame, EPS_M, EPS_DAYS), ours(frame, ALONE_M, 1e9)
    if has_pairs:
        for mine, theirs in zip(in_time, by_sklearn_in_time(frame), strict=True):
            assert (mine == theirs).all()
    for mine, theirs in zip(alone, by_sklearn(places, ALONE_M), strict=True):
        assert (mine == theirs).all()

    tasks: list[Callable[[], Any]] = [
        lambda: ours(frame, EPS_M, EPS_DAYS),
        lambda: ours(frame, ALONE_M, 1e9),
        lambda: by_sklearn(ball, 1.0),
        lambda: by_sklearn(places, ALONE_M),
    ]
    if has_pairs:
        tasks.append(lambda: by_sklearn_in_time(frame))
    mine, mine_alone, scaled, peer_alone, *pairs = taking_turns(tasks, runs)
    for peer in pairs:
        yield "place and time", "scikit-learn", mine, peer
    yield "place alone", "scikit-learn", mine_alone, peer_alone
    by_package = by_r(places, ALONE_M, runs), by_r(ball, 1.0, runs)
    if by_package[0] is not None:
        assert by_package[0][1] == alone[1].sum()
        yield "place alone", "R dbscan", mine_alone, by_package[0][0]
    yield "scaled ball", "scikit-learn", mine, scaled
    if by_package[1] is not None:
        yield "scaled ball", "R dbscan", mine, by_package[1][0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reports", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()

    print(f"{'reports':>9}  {'question':16}{'peer':14}{'tensionmap':>12}{'peer':>12}{'ratio':>8}")
    for count in options.reports:
        for question, peer, mine, theirs in compare(count, options.runs):
            print(f"{count:9}  {question:16}{peer:14}{mine:10.4f} s{theirs:10.3f} s{theirs / mine:8.1f}", flush=True)


if __name__ == "__main__":
    main()
