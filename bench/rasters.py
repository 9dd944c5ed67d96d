"""Time and peak memory of reading rasters: ours beside a plain script that reads the whole array, same answers, in one run.

    python bench/rasters.py
    python bench/rasters.py --columns 28000 --rows 18000

Three tasks on invented rasters, each in a process of its own: residents of a dense raster; residents of a raster as wide as a
country of which only a valley is inhabited; pasture and forest of 10 m land cover. The script does what most would write with
rasterio, numpy and geopandas: read the array, mask, project, and (land cover) sum up by majority, trace all shapes, drop specks.
It knows no tiles, no strange numbers, no study area across CRS. Memory is that of the process beyond what imports take.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import rasterio
from pyproj import Transformer
from rasterio import features
from rasterio.transform import from_origin
from rasterio.windows import Window
from scipy import ndimage

from tensionmap.ingest.land_cover import read_cover_areas
from tensionmap.ingest.rasters import read_population

CRS = "EPSG:32626"
WEST, NORTH = -28.0, 43.4
PIXEL = 1 / 12_000
LEAST_M2 = 50_000
BLOCKS = {"tiled": True, "blockxsize": 512, "blockysize": 512, "compress": "deflate", "SPARSE_OK": True, "BIGTIFF": "YES"}


def area(columns: int, rows: int) -> tuple[float, float, float, float]:
    return WEST, NORTH - rows * PIXEL, WEST + columns * PIXEL, NORTH


def write(path: Path, columns: int, rows: int, dtype: str, nodata: float) -> Any:
    shape = {"width": columns, "height": rows, "count": 1, "dtype": dtype, "nodata": nodata}
    return rasterio.open(
        path, "w", driver="GTiff", crs="EPSG:4326", transform=from_origin(WEST, NORTH, PIXEL, PIXEL), **shape, **BLOCKS
    )


def write_people(path: Path, columns: int, rows: int, inhabited: int = 1_000_000) -> None:
    """Only the first so many columns and rows are inhabited; blocks beyond are absent."""
    random = np.random.default_rng(1)
    with write(path, columns, rows, "float32", -1) as target:
        for top in range(0, min(rows, inhabited), 512):
            height, width = min(512, rows - top), min(columns, inhabited)
            people = random.gamma(0.3, 20, (height, width)).astype("float32") * (random.random((height, width)) < 0.1)
            target.write(people, 1, window=Window(0, top, width, height))


def write_sparse(path: Path, columns: int, rows: int) -> None:
    write_people(path, columns, rows, inhabited=2048)


def write_cover(path: Path, columns: int, rows: int) -> None:
    """Patches from a few kilometres to a few pixels, and single odd pixels."""
    random = np.random.default_rng(2)

    def hills() -> np.ndarray:
        total = np.zeros((rows, columns), dtype="float32")
        for pixels, weight in ((512, 1.0), (128, 0.6), (32, 0.45), (8, 0.35), (3, 0.3)):
            coarse = random.standard_normal((rows // pixels + 4, columns // pixels + 4), dtype="float32")
            total += weight * ndimage.zoom(coarse, pixels, order=1)[:rows, :columns]
        return total

    first, second = hills(), hills()
    cover = np.full((rows, columns), 30, dtype="uint8")
    for code, where in ((20, first > 0.6), (40, first < -0.8), (10, second > 1.0), (60, second < -1.2)):
        cover[where] = code
    odd = random.random((rows, columns), dtype="float32") < 0.02
    cover[odd] = random.choice([10, 20, 30, 40, 50, 60], odd.sum())
    with write(path, columns, rows, "uint8", 0) as target:
        target.write(cover, 1)


def our_people(path: Path, columns: int, rows: int) -> dict[str, float]:
    table, _ = read_population([path], crs=CRS, area=area(columns, rows))
    return {"pixels": len(table), "residents": float(table["residents"].sum())}


def script_people(path: Path, columns: int, rows: int) -> dict[str, float]:
    west, south, east, north = area(columns, rows)
    with rasterio.open(path) as raster:
        values = raster.read(1, masked=True).filled(0)
        row, column = np.nonzero(values > 0)
        longitude, latitude = raster.xy(row, column)
    longitude, latitude = np.asarray(longitude), np.asarray(latitude)
    inside = (longitude >= west) & (longitude < east) & (latitude >= south) & (latitude < north)
    easting, northing = Transformer.from_crs(4326, CRS, always_xy=True).transform(longitude[inside], latitude[inside])
    people = values[row, column].astype("float64")[inside]
    table = gpd.pd.DataFrame({"easting": easting, "northing": northing, "residents": people})
    return {"pixels": len(table), "residents": float(table["residents"].sum())}


def our_cover(path: Path, columns: int, rows: int) -> dict[str, float]:
    kept = read_cover_areas([path], crs=CRS, area=area(columns, rows), least_area_m2=LEAST_M2).table
    return {kind: float(kept[kept["kind"] == kind].area.sum() / 1e6) for kind in ("forest", "pasture")}


def script_cover(path: Path, columns: int, rows: int) -> dict[str, float]:
    with rasterio.open(path) as raster:
        values, transform = raster.read(1), raster.transform
    values = values[: rows // 3 * 3, : columns // 3 * 3]
    blocks = values.reshape(rows // 3, 3, columns // 3, 3)
    codes = np.unique(values)
    cover = codes[np.stack([(blocks == code).sum(axis=(1, 3), dtype="uint8") for code in codes]).argmax(axis=0)]
    coarse = from_origin(transform.c, transform.f, 3 * transform.a, -3 * transform.e)
    shapes = [
        {"type": "Feature", "geometry": shape, "properties": {"code": int(code)}}
        for shape, code in features.shapes(cover, mask=np.isin(cover, [10, 30]), transform=coarse)
    ]
    frame = gpd.GeoDataFrame.from_features(shapes, crs="EPSG:4326").to_crs(CRS)
    frame = frame[frame.area >= LEAST_M2]
    return {kind: float(frame[frame["code"] == code].area.sum() / 1e6) for kind, code in (("forest", 10), ("pasture", 30))}


WAYS: dict[str, tuple[Callable[[Path, int, int], Any], ...]] = {
    "people": (our_people, script_people, write_people),
    "sparse": (our_people, script_people, write_sparse),
    "cover": (our_cover, script_cover, write_cover),
}


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def alone(task: str, way: int, path: Path, columns: int, rows: int) -> dict[str, Any]:
    """One way of one task in a new process: seconds of processor, megabytes beyond the imports, answer."""
    command = [sys.executable, __file__, "--alone", task, str(way), str(path), "--columns", str(columns), "--rows", str(rows)]
    found: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def compare(task: str, path: Path, columns: int, rows: int) -> None:
    alone(task, 2, path, columns, rows)  # writes it; elsewhere, since a process starts with the peak of its parent
    ours, script = (alone(task, way, path, columns, rows) for way in (0, 1))
    for name, figure in script["answer"].items():
        assert abs(ours["answer"][name] - figure) <= 2e-3 * figure, (task, name, ours["answer"], script["answer"])
    what = f"{task}, {columns:,} x {rows:,}"
    for name, unit in (("seconds", "s"), ("megabytes", "MB")):
        print(f"{what:28}{ours[name]:12,.1f} {unit:2}{script[name]:12,.1f} {unit:2}{script[name] / ours[name]:10.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--columns", type=int, default=14_000)
    parser.add_argument("--rows", type=int, default=9_000)
    parser.add_argument("--wide", type=int, default=40_000, help="columns and rows of the raster that is mostly empty")
    parser.add_argument("--alone", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.alone:
        task, way, path = given.alone
        before, start = peak_mb(), time.process_time()
        answer = WAYS[task][int(way)](Path(path), given.columns, given.rows)
        print(json.dumps({"seconds": time.process_time() - start, "megabytes": peak_mb() - before, "answer": answer}))
        return
    print(f"{'':28}{'tensionmap':>15}{'whole array':>15}{'ratio':>10}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "raster.tif"
        compare("people", path, given.columns, given.rows)
        compare("sparse", path, given.wide, given.wide)
        compare("cover", path, given.columns, given.rows)


if __name__ == "__main__":
    main()
