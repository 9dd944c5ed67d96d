"""Are the clusters planted in Two Rivers found, and with what overlap? Prints a table; reads what `tensionmap run` wrote.

    python bench/planted_clusters.py [FOLDER OF THE STUDY]

A planted cluster is the disc of its radius. ``found``: share of its cells that are hot. ``spilled``: hot cells of this
theme that touch no planted disc even as neighbours (a cell is hot for its neighbourhood, so cells next to a disc are
expected to be).
"""

import json
import sys
from pathlib import Path

import geopandas as gpd
import pandas as pd
from shapely.geometry import Point


def planted(root: Path, crs: object) -> gpd.GeoDataFrame:
    truth = json.loads((root / "data/raw/truth.json").read_text(encoding="utf-8"))["clusters"]
    discs = gpd.GeoDataFrame(truth, geometry=[Point(c["longitude"], c["latitude"]) for c in truth], crs="EPSG:4326").to_crs(crs)
    return discs.set_geometry(discs.buffer(discs["radius_m"]))


def overlap(root: Path) -> tuple[pd.DataFrame, pd.Series]:
    """Per planted cluster the share of its cells found hot; per theme the number of hot cells that belong to none."""
    cells = gpd.read_parquet(root / "data/processed/link/cells.parquet")
    spots = pd.read_parquet(root / "data/processed/measure/hotspots.parquet")
    cell_m = cells.geometry.iloc[0].length / 4
    rows, spilled = [], {}
    discs = planted(root, cells.crs)
    for theme, of_theme in discs.groupby("theme"):
        hot_ids = spots.loc[(spots["scope"] == theme) & (spots["hotspot"] == "hot"), "cell_id"]
        hot = cells[cells["cell_id"].isin(hot_ids)]
        for disc in of_theme.itertuples():
            inside = cells[cells.centroid.within(disc.geometry)]
            share = inside["cell_id"].isin(hot_ids).mean()
            rows.append(
                {"cluster": disc.id, "theme": theme, "events": disc.events, "cells": len(inside), "found": round(share, 2)}
            )
        spilled[theme] = int((hot.distance(of_theme.union_all()) > cell_m).sum())
    return pd.DataFrame(rows), pd.Series(spilled)


if __name__ == "__main__":
    table, spilled = overlap(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
    print(table.to_string(index=False))
    print("hot cells that belong to no planted cluster:", spilled.to_dict())
