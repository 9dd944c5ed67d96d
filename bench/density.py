"""Time for a density surface: ours beside KDEpy, same reports, same pixels, in one run.

    python bench/density.py
    python bench/density.py --reports 10000 100000 1000000 --side 1000

Quartic kernel of 20 pixels, no edge correction, since KDEpy has none; all reports lie farther than a kernel from the border, as
KDEpy asks for. Our exact method must agree with a sum over reports at pixels taken at random; the two binned ones with it to
the error of binning, (1 / 20)^2 of the highest value. Runs take turns, ratios are those of medians after one run to warm up.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tensionmap.measure.density import density

try:
    from KDEpy import FFTKDE
except ImportError:
    FFTKDE = None

PIXEL_M = 1000.0
BANDWIDTH_M = 20_000.0
ERROR = (PIXEL_M / BANDWIDTH_M) ** 2


def reports(count: int, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Six of ten round 50 hubs, the others anywhere."""
    draws = np.random.default_rng(count)
    hubs = draws.uniform(0.1, 0.9, (50, 2))
    spread = hubs[draws.integers(0, 50, count)] + draws.normal(0, 0.02, (count, 2))
    places = np.where(draws.random((count, 1)) < 0.6, spread, draws.random((count, 2)))
    margin = BANDWIDTH_M + PIXEL_M
    places = margin + np.clip(places, 0, 1) * (side * PIXEL_M - 2 * margin)
    return np.ascontiguousarray(places[:, 0]), np.ascontiguousarray(places[:, 1])


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


def by_formula(easting: np.ndarray, northing: np.ndarray, east: float, north: float) -> float:
    square = ((easting - east) ** 2 + (northing - north) ** 2) / BANDWIDTH_M**2
    return float(3e6 / (np.pi * BANDWIDTH_M**2) * (np.maximum(1 - square, 0) ** 2).sum())


def compare(count: int, side: int, runs: int) -> Iterator[tuple[str, float, float]]:
    """Task, our seconds, the peer's."""
    easting, northing = reports(count, side)
    bounds = (0.0, 0.0, side * PIXEL_M, side * PIXEL_M)

    def ours(**options: Any) -> Any:
        return density(easting, northing, bounds_m=bounds, pixel_m=PIXEL_M, bandwidth_m=BANDWIDTH_M, edge=False, **options)

    exact = ours(method="exact").values
    for row, column in np.random.default_rng(1).integers(0, side, (20, 2)):
        there = by_formula(easting, northing, (column + 0.5) * PIXEL_M, (side - row - 0.5) * PIXEL_M)
        assert abs(exact[row, column] - there) < 1e-9 * exact.max()
    chosen = ours()
    apart = np.abs(chosen.values - exact).max() / exact.max()
    assert apart <= ERROR, apart

    tasks: list[Callable[[], Any]] = [lambda: ours(method="exact"), ours, lambda: ours(method="binned"), lambda: None]
    if FFTKDE is not None:
        # It wants one row a pixel, northing running fastest.
        axis = (np.arange(side) + 0.5) * PIXEL_M
        pixels = np.array(np.meshgrid(axis, axis, indexing="ij")).reshape(2, -1).T.copy()
        places = np.column_stack([easting, northing])

        def theirs() -> Any:
            return FFTKDE(kernel="biweight", bw=BANDWIDTH_M / np.sqrt(7)).fit(places).evaluate(pixels)

        surface = theirs().reshape(side, side).T[::-1] * count * 1e6
        apart = np.abs(surface - exact).max() / exact.max()
        assert apart <= 2 * ERROR, apart
        tasks[-1] = theirs
    *mine, peer = taking_turns(tasks, runs)
    for name, seconds in zip(("exact", f"as chosen ({chosen.method.split(',')[0]})", "binned"), mine, strict=True):
        yield name, seconds, peer if FFTKDE is not None else float("nan")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reports", type=int, nargs="+", default=[10_000, 1_000_000])
    parser.add_argument("--side", type=int, default=1000, help="pixels along each side")
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()

    if FFTKDE is None:
        print("KDEpy is not installed: no peer.")
    print(f"{'reports':>9}  {'method':24}{'tensionmap':>12}{'KDEpy':>12}{'ratio':>8}")
    for count in options.reports:
        for task, mine, peer in compare(count, options.side, options.runs):
            print(f"{count:9}  {task:24}{mine:10.4f} s{peer:10.3f} s{peer / mine:8.1f}", flush=True)


if __name__ == "__main__":
    main()
