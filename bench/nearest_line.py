"""Metres to the nearest line: link.nearby against geopandas.sjoin_nearest and shapely's tree, in one run, answers compared.

    python bench/nearest_line.py
    python bench/nearest_line.py --points 1000000 --segments 100000 --lines 1000 --without-sjoin

Lines wind like rivers and borders: steps of 50 m whose direction changes a little at each. Only the ratios count.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import geopandas as gpd
import numpy as np
import shapely

from tensionmap.link.nearby import nearest

CRS = "EPSG:32626"
SIDE_M = 100_000
STEP_M = 50


def layers(points: int, segments: int, lines: int, seed: int) -> tuple[gpd.GeoSeries, gpd.GeoSeries]:
    """Points spread evenly over 100 x 100 km, and winding lines that begin there."""
    random = np.random.default_rng(seed)
    shape = lines, segments // lines
    heading = random.uniform(0, 2 * np.pi, (lines, 1)) + np.cumsum(random.normal(0, 0.15, shape), axis=1)
    steps = STEP_M * np.stack([np.cos(heading), np.sin(heading)], axis=2)
    starts = random.uniform(0, SIDE_M, (lines, 1, 2))
    drawn = gpd.GeoSeries(shapely.linestrings(np.concatenate([starts, starts + np.cumsum(steps, axis=1)], axis=1)), crs=CRS)
    return gpd.GeoSeries(shapely.points(random.uniform(0, SIDE_M, (points, 2))), crs=CRS), drawn


def seconds(task: Callable[[], np.ndarray], repeats: int) -> tuple[float, np.ndarray]:
    times, answer = [], np.empty(0)
    for _ in range(repeats):
        start = time.perf_counter()
        answer = task()
        times.append(time.perf_counter() - start)
    return statistics.median(times), answer


def on_lines(points: gpd.GeoSeries, lines: gpd.GeoSeries) -> np.ndarray:
    left, right = gpd.GeoDataFrame(geometry=points), gpd.GeoDataFrame(geometry=lines)
    joined = gpd.sjoin_nearest(left, right, distance_col="distance_m")
    return joined["distance_m"].groupby(level=0).first().to_numpy()


def on_segments(points: gpd.GeoSeries, lines: gpd.GeoSeries) -> np.ndarray:
    ends = shapely.get_coordinates(lines.to_numpy()).reshape(len(lines), -1, 2)
    pieces = shapely.linestrings(np.stack([ends[:, :-1], ends[:, 1:]], axis=2).reshape(-1, 2, 2))
    return shapely.STRtree(pieces).query_nearest(points.to_numpy(), return_distance=True, all_matches=False)[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--segments", type=int, default=100_000)
    parser.add_argument("--lines", type=int, default=1000, help="the segments are spread over so many lines")
    parser.add_argument("--without-sjoin", action="store_true", help="leave out the slowest peer")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    points, lines = layers(given.points, given.segments, given.lines, given.seed)
    nearest(points[:10], lines[:10])  # compile

    ours_s, ours_m = seconds(lambda: nearest(points, lines)[0], given.repeats)
    peers = [("STRtree on single segments", on_segments)]
    if not given.without_sjoin:
        peers.insert(0, ("geopandas.sjoin_nearest", on_lines))
    print(f"{given.points:,} points, {given.segments:,} segments in {given.lines:,} lines; median of {given.repeats}, peers once")
    print(f"link.nearby.nearest        {ours_s:9.3f} s")
    for name, peer in peers:
        peer_s, peer_m = seconds(lambda peer=peer: peer(points, lines), 1)  # type: ignore[misc]
        farthest = float(np.abs(peer_m - ours_m).max())
        assert farthest < 1e-9 * SIDE_M, f"{name} disagrees by {farthest} m"
        print(f"{name:26} {peer_s:9.3f} s   {peer_s / ours_s:7.1f} x   largest difference {farthest:.1e} m")


if __name__ == "__main__":
    main()
