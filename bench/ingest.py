"""Time and memory from a messy csv to checked GeoParquet: ours beside a plain script of pandas and geopandas, in one run.

    python bench/ingest.py
    python bench/ingest.py --rows 10000000 --without-peer

The file is a police register of an invented valley: semicolons, decimal commas, day before month, some dates as ISO, stories
with line breaks and quotation marks, and three rows in a hundred that are no sound report. The plain script does what many
write in ten lines, and drops what it cannot read without a word; ours says why of every row, and rows read = kept + set aside.
Both run in a process of their own; seconds include the start of Python. Only the ratio counts.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

CRS, AREA = "EPSG:32626", (-27.25, 42.86, -26.75, 43.14)
COLUMNS = {
    "record_id": "№",
    "date": "Дата",
    "category": "Вид",
    "latitude": "Широта",
    "longitude": "Долгота",
    "text": "Описание",
    "resource": "О чём",
}
CATEGORIES = ["кража", "кража скота", "хулиганство", "мошенничество", "побои", "дтп", "спор о поливной воде"]
FAULTS = 0.03


def write_register(path: Path, rows: int, *, seed: int = 7) -> None:
    """A register of so many rows; a column that nobody reads holds the true day."""
    rng = np.random.default_rng(seed)
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(";".join([*COLUMNS.values(), "true"]) + "\r\n")
        for first in range(0, rows, 100_000):
            count = min(100_000, rows - first)
            day = np.datetime64("2023-10-01") + rng.integers(0, 1096, count)
            part = np.array([str(d).split("-") for d in day])
            clock = rng.integers(0, 24, (2, count))
            dotted = [f"{d}.{m}.{y} {h:02d}:{n:02d}" for (y, m, d), h, n in zip(part, *clock, strict=True)]
            written = np.where(rng.random(count) < 0.2, day.astype(str), dotted)
            latitude = [f"{v:.6f}".replace(".", ",") for v in rng.uniform(42.87, 43.13, count)]
            longitude = [f"{v:.6f}".replace(".", ",") for v in rng.uniform(-27.24, -26.76, count)]
            category = rng.choice(CATEGORIES, count)
            story = rng.choice(['"Со слов; двух соседей"', '"Он сказал ""нет""\r\nи ушёл"', "", "вечером у моста"], count)
            fault = rng.random(count) < FAULTS
            kind = rng.integers(0, 4, count)
            written = np.where(fault & (kind == 0), "31.02.2024", written)
            category = np.where(fault & (kind == 1), "неразборчиво", category)
            latitude = np.where(fault & (kind == 2), "0", latitude)
            longitude = np.where(fault & (kind == 3), "27,0", longitude)
            lines = zip(range(first + 1, first + count + 1), written, category, latitude, longitude, story, day, strict=True)
            file.writelines(f"{n};{w};{c};{y};{x};{s};;{d}\r\n" for n, w, c, y, x, s, d in lines)


def plain(path: Path, out: Path) -> dict[str, float]:
    """What a plain script does."""
    table = pd.read_csv(path, sep=";", decimal=",")
    table["Дата"] = pd.to_datetime(table["Дата"], format="mixed", dayfirst=True, errors="coerce")
    read = len(table)
    table = table.dropna(subset=["Дата", "Широта", "Долгота", "Вид"]).drop_duplicates(subset=["№"])
    table = table[table["Вид"].isin(CATEGORIES)]
    points = gpd.points_from_xy(table["Долгота"], table["Широта"], crs="EPSG:4326")
    layer = gpd.GeoDataFrame(table, geometry=points)
    layer = layer[layer.within(shapely.box(*AREA))].to_crs(CRS)
    layer.to_parquet(out)
    ended = time.time()
    return {
        "ended": ended,
        "read": read,
        "kept": len(layer),
        "wrong": int((layer["Дата"].dt.normalize() != pd.to_datetime(layer["true"])).sum()),
    }


def ours(path: Path, out: Path) -> dict[str, float]:
    """The same through ingest, the reports of one source understood, checked and written."""
    from tensionmap import tables
    from tensionmap.ingest.duplicates import find_duplicates
    from tensionmap.ingest.incidents import How, assemble, understand
    from tensionmap.ingest.places import read_gazetteer
    from tensionmap.ingest.readers import READERS
    from tensionmap.ingest.taxonomy import read_taxonomy

    nobody = tables.empty(tables.SETTLEMENTS, CRS)
    how = How(
        parties=("Norvia", "Selmar"),
        places=read_gazetteer(nobody),
        points=nobody,
        taxonomy=read_taxonomy(),
        crs=CRS,
        area=AREA,
        date_from=date(2023, 10, 1),
        date_to=date(2026, 9, 30),
    )
    drafts = READERS["table"].read(path, source="register", file=path.name, columns=COLUMNS)
    told = understand(drafts, how, source="register", reported_by="Norvia", words={}, date_format="%d.%m.%Y")
    incidents = assemble([told], CRS)
    began = time.perf_counter()
    incidents["event_id"] = find_duplicates(incidents).event_id
    matching = time.perf_counter() - began
    tables.write(incidents, tables.INCIDENTS, out)
    ended = time.time()
    return {
        "read": len(incidents) + len(told.set_aside),
        "kept": len(incidents),
        "wrong": _wrong(incidents, path),
        "matching": matching,
        "ended": ended,
    }


def _wrong(incidents: gpd.GeoDataFrame, path: Path) -> int:
    true = pd.read_csv(path, sep=";", usecols=["№", "true"], dtype={"№": "str"}).drop_duplicates("№").set_index("№")["true"]
    return int((incidents["date_start"] != pd.to_datetime(incidents["record_id"].map(true))).sum())


def measured(which: str, path: Path, folder: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--run", which, str(path), str(folder / f"{which}.parquet")]
    began = time.time()
    told: dict[str, float] = json.loads(
        subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1]
    )
    return {"seconds": told.pop("ended") - began, **told}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--without-peer", action="store_true", help="ours alone, for sizes that the plain script cannot hold")
    parser.add_argument("--run", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        which, path, out = options.run
        told = {"plain": plain, "ours": ours}[which](Path(path), Path(out))
        print(json.dumps({**told, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        path = folder / "register.csv"
        write_register(path, options.rows)
        print(f"{options.rows:,} rows, {path.stat().st_size / 1e6:,.0f} MB")
        print("        seconds  peak MB        read        kept   wrong days")
        best = {}
        for which in ("ours",) if options.without_peer else ("ours", "plain"):
            runs = [measured(which, path, folder) for _ in range(options.runs)]
            best[which] = min(runs, key=lambda run: run["seconds"])
            b = best[which]
            print(f"{which:6}  {b['seconds']:7.2f}  {b['peak_mb']:7,}  {b['read']:10,}  {b['kept']:10,}  {b['wrong']:8,}")
        if "plain" in best:
            whole, matching = best["ours"]["seconds"], best["ours"]["matching"]
            print(f"plain / ours: {best['plain']['seconds'] / whole:.1f} times the time; ", end="")
            rest = best["plain"]["seconds"] / (whole - matching)
            print(f"without looking for events told twice ({matching:.1f} s) {rest:.1f} times")


if __name__ == "__main__":
    main()
