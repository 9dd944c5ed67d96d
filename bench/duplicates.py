"""Are the events told by two sources found in Two Rivers, and how many are joined by chance? Prints tables.

    python bench/duplicates.py [FOLDER OF THE STUDY]

Reads what `tensionmap run link` wrote and data/raw/truth.json. A pair is two reports of one event. ``precise``: pairs of which
both places are known to a settlement or better. ``on the map``: reports that have a cell, which is what is counted.

By chance: one report of each event, at its place and told by its source, but with the days dealt anew among the reports of a
category: no two belong together, so each join is false. At the density of the study, and with so many times its reports.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

from tensionmap.ingest.duplicates import APART_M, DAYS, assign_events, is_undecided

Pairs = set[tuple[str, str]]


def true_events(incidents: gpd.GeoDataFrame, root: Path) -> pd.Series:
    """The event that each report really tells of, index of ``incidents``."""
    reports = pd.DataFrame(json.loads((root / "data/raw/truth.json").read_text(encoding="utf-8"))["reports"])
    known = reports.drop_duplicates(["source", "record_id"]).set_index(["source", "record_id"])["event_id"]
    keys = pd.MultiIndex.from_frame(incidents[["source", "record_id"]])
    return pd.Series(known.reindex(keys).to_numpy(), index=incidents.index)


def pairs_of(incidents: gpd.GeoDataFrame, events: pd.Series) -> Pairs:
    """Every two reports with the same event, the smaller identifier in front."""
    told = pd.DataFrame({"event": events, "incident": incidents["incident_id"]}).dropna()
    both = told.merge(told, on="event")
    both = both[both["incident_x"] < both["incident_y"]]
    return set(zip(both["incident_x"], both["incident_y"], strict=True))


def among(pairs: Pairs, incidents: set[str]) -> Pairs:
    return {pair for pair in pairs if incidents.issuperset(pair)}


def score(incidents: gpd.GeoDataFrame, true: pd.Series, **options: float) -> dict[str, float]:
    """Precision, and recall among the pairs of precise reports and among all."""
    found, real = pairs_of(incidents, assign_events(incidents, **options)), pairs_of(incidents, true)
    precise = among(real, set(incidents.loc[incidents["location_kind"].isin(["gps", "settlement"]), "incident_id"]))
    return {
        "found": len(found),
        "false": len(found - real),
        "precision": len(found & real) / max(len(found), 1),
        "recall_precise": len(found & precise) / max(len(precise), 1),
        "recall_all": len(found & real) / max(len(real), 1),
    }


def counted_twice(incidents: gpd.GeoDataFrame, true: pd.Series, counted: set[str]) -> tuple[int, int]:
    """Reports among ``counted`` that tell of an event told by another of them already; and the events."""
    events = true[incidents["incident_id"].isin(counted)]
    return len(events) - events.nunique(), events.nunique()


def unrelated(incidents: gpd.GeoDataFrame, times: int, draws: np.random.Generator) -> gpd.GeoDataFrame:
    """So many times the reports, at their places, with the days dealt anew within each category."""
    days = ["date_start", "date_end"]
    parts = []
    for number in range(times):
        part = incidents.assign(incident_id=incidents["incident_id"] + f"-{number}")
        for places in part.groupby("category").indices.values():
            dealt = part[days].iloc[draws.permutation(places)].to_numpy()
            part.loc[part.index[places], days] = dealt
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def by_chance(incidents: gpd.GeoDataFrame, times: int, *, draws: np.random.Generator, repeats: int) -> tuple[int, float, float]:
    """Reports, the share of them that is joined to another by chance, and the seconds that one assignment takes."""
    shares, seconds = [], 0.0
    for _ in range(repeats):
        reports = unrelated(incidents, times, draws)
        before = time.perf_counter()
        events = assign_events(reports)
        seconds += time.perf_counter() - before
        shares.append(1 - events.nunique() / len(reports))
    return len(reports), float(np.mean(shares)), seconds / repeats


def main(root: Path) -> None:
    incidents = gpd.read_parquet(root / "data/processed/ingest/incidents.parquet")
    true = true_events(incidents, root)
    print(
        f"{len(incidents)} reports, {true.nunique()} events; {int(is_undecided(incidents).sum())} reports too imprecise to decide"
    )
    print(f"\n{'days':>5}{'apart_m':>9}{'found':>7}{'false':>7}{'precision':>11}{'recall precise':>16}{'recall all':>12}")
    for days, apart_m in [(DAYS, APART_M), (0, APART_M), (2, APART_M), (DAYS, 0), (DAYS, 150), (DAYS, 600), (DAYS, 1200)]:
        s = score(incidents, true, days=days, apart_m=apart_m)
        shipped = "  as shipped" if (days, apart_m) == (DAYS, APART_M) else ""
        figures = f"{s['precision']:11.3f}{s['recall_precise']:16.3f}{s['recall_all']:12.3f}"
        print(f"{days:5}{apart_m:9.0f}{s['found']:7.0f}{s['false']:7.0f}{figures}{shipped}")

    placed = pd.read_parquet(root / "data/processed/link/placed.parquet").dropna(subset=["cell_id"])["incident_id"]
    print(f"\n{'':38}{'told again':>12}{'events':>8}{'share':>8}")
    for name, counted in [
        ("all reports", set(incidents["incident_id"])),
        ("on the map, each report", set(placed)),
        ("on the map, each event once", set(placed) & set(assign_events(incidents))),
    ]:
        again, events = counted_twice(incidents, true, counted)
        print(f"{name:38}{again:12}{events:8}{again / events:8.1%}")

    print(f"\nby chance: {'times':>5}{'reports':>9}{'joined':>9}{'seconds':>9}")
    draws = np.random.default_rng(20261120)
    for times, repeats in ((1, 50), (3, 15), (10, 5), (70, 1)):
        reports, share, seconds = by_chance(incidents[~true.duplicated()], times, draws=draws, repeats=repeats)
        print(f"{'':11}{times:5}{reports:9}{share:9.2%}{seconds:9.2f}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
