"""Which areas cover which points: link.nearby against geopandas and shapely, in one run, answers compared.

    python bench/point_in_polygon.py
    python bench/point_in_polygon.py --points 1000000 --rows 16 --halvings 9

Areas are a chequerboard whose borders are bent like rivers, halved again and again, each drawn by both neighbours. Ours is
timed with everything, from the points as geometries to the list of pairs; of a peer that needs a tree, the time is told with
the building of the tree and without. Only the ratios count.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import geopandas as gpd
import numpy as np
import shapely

from tensionmap.link.nearby import covering

CRS = "EPSG:32626"
SIDE_M = 1_000_000
BEND = 0.04


def border(start: np.ndarray, end: np.ndarray, halvings: int, random: np.random.Generator) -> np.ndarray:
    line = np.array([start, end])
    for _ in range(halvings):
        step = np.diff(line, axis=0)
        bent = line[:-1] + step / 2 + step[:, ::-1] * [-1, 1] * random.uniform(-BEND, BEND, (len(step), 1))
        longer = np.empty((2 * len(line) - 1, 2))
        longer[::2], longer[1::2] = line, bent
        line = longer
    return line


def layers(points: int, rows: int, halvings: int, seed: int) -> tuple[gpd.GeoSeries, gpd.GeoSeries]:
    """Points, six in ten of them round fifty places, over 1000 x 1000 km; and rows x rows areas that fill it."""
    random = np.random.default_rng(seed)
    corners = np.stack(np.meshgrid(*[np.linspace(0, SIDE_M, rows + 1)] * 2), axis=2)
    corners[1:-1, 1:-1] += random.uniform(-0.25, 0.25, (rows - 1, rows - 1, 2)) * SIDE_M / rows
    across = [
        [border(corners[r, c], corners[r, c + 1], halvings * (0 < r < rows), random) for c in range(rows)]
        for r in range(rows + 1)
    ]
    up = [
        [border(corners[r, c], corners[r + 1, c], halvings * (0 < c < rows), random) for c in range(rows + 1)]
        for r in range(rows)
    ]
    areas = [
        shapely.polygons(np.vstack([across[r][c], up[r][c + 1][1:], across[r + 1][c][-2::-1], up[r][c][-2::-1]]))
        for r in range(rows)
        for c in range(rows)
    ]
    near = points * 6 // 10
    round_places = random.uniform(0.05, 0.95, (50, 2))[random.integers(0, 50, near)] + random.normal(0, 0.02, (near, 2))
    places = np.concatenate([round_places, random.uniform(0, 1, (points - near, 2))])
    random.shuffle(places)
    return gpd.GeoSeries(shapely.points(places * SIDE_M), crs=CRS), gpd.GeoSeries(areas, crs=CRS)


def seconds(task: Callable[[], np.ndarray], repeats: int) -> tuple[float, np.ndarray]:
    times, answer = [], np.empty(0)
    for _ in range(repeats):
        start = time.perf_counter()
        answer = task()
        times.append(time.perf_counter() - start)
    return statistics.median(times), answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--rows", type=int, default=16, help="areas along a side")
    parser.add_argument("--halvings", type=int, default=9, help="every border is bent so many times")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    points, areas = layers(given.points, given.rows, given.halvings, given.seed)
    covering(points[:10], areas[:1])  # compile
    ours_s, ours = seconds(lambda: np.stack(covering(points, areas)), given.repeats)

    def joined() -> np.ndarray:
        left, right = gpd.GeoDataFrame(geometry=points), gpd.GeoDataFrame(geometry=areas)
        found = gpd.sjoin(left, right, predicate="within")[
            "index_right"
        ]  # "intersects" prepares nothing and takes 25 times as long
        return np.stack([found.index.to_numpy(), found.to_numpy()])

    def fresh(shapes: gpd.GeoSeries) -> np.ndarray:
        """Copies that shapely has not prepared yet."""
        return shapely.from_wkb(shapely.to_wkb(shapes.to_numpy()))

    shapes, bare = points.to_numpy(), fresh(areas)
    build_s, _ = seconds(lambda: shapely.STRtree(shapes).query(shapely.Point(0, 0)), 3)
    tree = shapely.STRtree(shapes)
    tree.query(shapely.Point(0, 0))
    query_s, by_area = seconds(lambda: tree.query(bare, predicate="intersects"), 3)
    sjoin_s, by_sjoin = seconds(joined, 3)
    print(f"{given.points:,} points, {len(areas)} areas, {shapely.get_num_coordinates(bare).sum():,} vertices; median of several")
    print(f"link.nearby.covering, all       {ours_s:8.3f} s")
    for name, peer_s, pairs in (
        ("geopandas.sjoin", sjoin_s, by_sjoin),
        ("STRtree of points, query only", query_s, by_area[::-1]),
        ("STRtree of points, with the tree", query_s + build_s, by_area[::-1]),
    ):
        assert np.array_equal(pairs[:, np.lexsort(pairs[::-1])], ours), f"{name} disagrees"
        print(f"{name:32}{peer_s:8.3f} s   {peer_s / ours_s:6.1f} x   the same {pairs.shape[1]:,} pairs")


if __name__ == "__main__":
    main()
