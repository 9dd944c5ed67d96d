"""Are the events told twice found in Two Rivers, and how many are joined by chance? Prints tables.

    python bench/duplicates.py [FOLDER OF THE STUDY] [--valleys 24]

Reads what `tensionmap run link` wrote and data/raw/truth.json, and makes Two Rivers anew for other seeds. A pair is two reports
of one event. ``precise``: pairs of which both places are known to a settlement or better. ``on the map``: reports that have a
cell, which is what is counted.

By chance: one report of each event, at its place and told by its source, but with the days dealt anew among the reports of a
category: no two belong together, so each join is false. At the density of the study, and with so many times its reports.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from shutil import copy

import geopandas as gpd
import numpy as np
import pandas as pd
from scipy.stats import binomtest

from tensionmap import pipeline
from tensionmap.ingest.duplicates import APART_M, DAYS, FAMILIES, LEAST_SCORE, find_duplicates, is_undecided
from tensionmap.workspace import Workspace
from two_rivers import events, faults, files, sources
from two_rivers.__main__ import write

ROOT = Path(__file__).parents[1]
SEED = 20261120
Pairs = set[tuple[str, str]]


class Silence:
    """A listener who tells nobody."""

    def starts(self, stage, why):
        """Nothing is said."""

    notes = starts

    def progresses(self, label, done, total):
        """Nothing is shown."""


def of_study(root: Path) -> gpd.GeoDataFrame:
    """The incidents of a study, and in ``true`` the event that each really tells of."""
    incidents = gpd.read_parquet(root / "data/processed/ingest/incidents.parquet").drop(columns="event_id")
    reports = pd.DataFrame(json.loads((root / "data/raw/truth.json").read_text(encoding="utf-8"))["reports"])
    known = reports.drop_duplicates(["source", "record_id"]).set_index(["source", "record_id"])["event_id"]
    true = known.reindex(pd.MultiIndex.from_frame(incidents[["source", "record_id"]])).to_numpy()
    return incidents.assign(true=np.where(pd.isna(true), incidents["incident_id"], true))


def valleys(count: int) -> list[gpd.GeoDataFrame]:
    """The incidents of Two Rivers, made anew for so many other seeds."""
    parts = []
    for seed in range(1, count + 1):
        with tempfile.TemporaryDirectory() as folder:
            for module in (events, faults, files, sources):
                module.SEED = seed
            write(Path(folder) / "data" / "raw")
            copy(ROOT / "study.toml", folder)
            pipeline.run(Workspace(Path(folder)), "ingest", Silence())
            parts.append(of_study(Path(folder)))
    return parts


def pairs_of(incidents: gpd.GeoDataFrame, event: pd.Series) -> Pairs:
    """Every two reports with the same event, the smaller identifier in front."""
    told = pd.DataFrame({"event": event, "incident": incidents["incident_id"]})
    both = told.merge(told, on="event")
    both = both[both["incident_x"] < both["incident_y"]]
    return set(zip(both["incident_x"], both["incident_y"], strict=True))


def among(pairs: Pairs, incidents: gpd.GeoDataFrame) -> Pairs:
    precise = set(incidents.loc[incidents["location_kind"].isin(["gps", "settlement"]), "incident_id"])
    return {pair for pair in pairs if precise.issuperset(pair)}


def score(studies: list[gpd.GeoDataFrame], **options: float) -> str:
    """Precision with its 95 % interval, and recall among the pairs of precise reports and among all."""
    counts = np.zeros(5, dtype=int)
    for incidents in studies:
        found = pairs_of(incidents, find_duplicates(incidents, **options).event_id)
        real = pairs_of(incidents, incidents["true"])
        precise = among(real, incidents)
        counts += [len(found), len(found & real), len(found & precise), len(precise), len(real)]
    found, right, right_precise, precise, real = (int(count) for count in counts)
    low, high = binomtest(right, found).proportion_ci(method="exact")
    return (
        f"{found:7}{found - right:7}{right / found:11.3f} [{low:.3f}, {high:.3f}]"
        f"{right_precise / precise:16.3f}{right / real:12.3f}"
    )


def print_thresholds(name: str, studies: list[gpd.GeoDataFrame]) -> None:
    print(f"\n{name}: {sum(map(len, studies))} reports, {sum(s['true'].nunique() for s in studies)} events")
    undecided = sum(int(is_undecided(s).sum()) for s in studies)
    print(f"{undecided} reports too imprecise to decide")
    print(
        f"{'days':>5}{'apart_m':>9}{'least_score':>13}{'found':>7}{'false':>7}{'precision':>11}{'':15}"
        f"{'recall precise':>16}{'recall all':>12}"
    )
    shipped = (DAYS, APART_M, LEAST_SCORE)
    others = [(DAYS, APART_M, s) for s in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)]
    others += [(d, APART_M, LEAST_SCORE) for d in (0, 2)] + [(DAYS, m, LEAST_SCORE) for m in (150, 200, 400, 600)]
    for days, apart_m, least in [shipped, *others]:
        said = score(studies, days=days, apart_m=apart_m, least_score=least)
        print(f"{days:5}{apart_m:9.0f}{least:13.2f}{said}{'  as shipped' if (days, apart_m, least) == shipped else ''}")


def print_scores(studies: list[gpd.GeoDataFrame]) -> None:
    """How many pairs of a score are real: of two decided reports, of an undecided one, of one source."""
    parts = []
    for incidents in studies:
        pairs = find_duplicates(incidents, least_score=0.05).pairs
        by_id = incidents.assign(open=is_undecided(incidents)).set_index("incident_id")
        a, b = (by_id.loc[pairs[name]].reset_index() for name in ("incident_a", "incident_b"))
        group = np.select([pairs["is_one_source"], a["open"] | b["open"]], ["one source", "undecided"], "two sources")
        parts.append(pd.DataFrame({"group": group, "score": pairs["score"], "real": a["true"] == b["true"]}))
    told = pd.concat(parts)
    told["band"] = pd.cut(told["score"], [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1])
    print("\npairs by score, and the share of them that is real")
    for group, its in told.groupby("group"):
        counted = its.groupby("band", observed=False)["real"].agg(["size", "mean"])
        print(
            f"{group:12}"
            + "".join(
                f"{band.right:5.1f}: {n:4.0f} {m:4.2f} " for band, (n, m) in zip(counted.index, counted.to_numpy(), strict=True)
            )
        )


def otherwise(incidents: gpd.GeoDataFrame, draws: np.random.Generator, share: float) -> gpd.GeoDataFrame:
    """Of ``share`` of the events that two sources tell, one source calls it by another category of the family."""
    retold = incidents[incidents["true"].duplicated()]
    chosen = retold.index[draws.random(len(retold)) < share]
    tiers = incidents.groupby("category")["tier"].first()
    family = {own: [o for o in f if o != own and o in tiers.index] for f in FAMILIES for own in f}
    changed = incidents["category"].copy()
    for at in chosen:
        if names := family.get(changed[at]):
            changed[at] = str(draws.choice(names))
    return incidents.assign(category=changed, tier=changed.map(tiers))


def print_called_otherwise(studies: list[gpd.GeoDataFrame]) -> None:
    draws = np.random.default_rng(SEED)
    renamed = [otherwise(incidents, draws, 1.0) for incidents in studies]
    changed = [
        new[(new["category"] != old["category"]) | new["true"].isin(new.loc[new["category"] != old["category"], "true"])]
        for new, old in zip(renamed, studies, strict=True)
    ]
    real = found = 0
    for new, of in zip(renamed, changed, strict=True):
        planted = among(pairs_of(of, of["true"]), of)
        real += len(planted)
        found += len(planted & pairs_of(new, find_duplicates(new).event_id))
    print(f"\ncalled by another category of the family by the second source: {found} of {real} precise pairs found")


def print_repeats(studies: list[gpd.GeoDataFrame]) -> None:
    """One report in fifty is entered again, under another number: on the same day, or the next, at the same place."""
    draws = np.random.default_rng(SEED)
    planted = listed = precise = found = 0
    for incidents in studies:
        again = incidents[~incidents["true"].duplicated(keep=False)].sample(frac=0.02, random_state=1)
        late = pd.to_timedelta(draws.integers(0, 2, len(again)), unit="D")
        again = again.assign(
            incident_id="again-" + again["incident_id"],
            record_id="again-" + again["record_id"],
            date_start=again["date_start"] + late,
            date_end=again["date_end"] + late,
        )
        pairs = find_duplicates(pd.concat([incidents, again], ignore_index=True)).pairs
        pairs = pairs[pairs["is_one_source"]]
        right = "again-" + pairs["incident_a"] == pairs["incident_b"]
        planted, listed, found = planted + len(again), listed + len(pairs), found + int(right.sum())
        precise += int((~is_undecided(again)).sum())
    print(f"\nentered twice in one source: {planted} planted ({precise} precise), {found} of them among {listed} pairs listed")


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


def print_by_chance(incidents: gpd.GeoDataFrame) -> None:
    alone = incidents[~incidents["true"].duplicated()]
    print(f"\nby chance: {'times':>5}{'reports':>9}{'joined':>9}{'listed pairs':>14}{'seconds':>9}")
    draws = np.random.default_rng(SEED)
    for times, repeats in ((1, 50), (3, 15), (10, 5), (70, 1)):
        shares, listed, seconds = [], 0, 0.0
        for _ in range(repeats):
            reports = unrelated(alone, times, draws)
            before = time.perf_counter()
            found = find_duplicates(reports)
            seconds += time.perf_counter() - before
            shares.append(1 - found.event_id.nunique() / len(reports))
            listed += len(found.pairs)
        count = len(alone) * times
        print(f"{'':11}{times:5}{count:9}{np.mean(shares):9.2%}{listed / repeats:14.1f}{seconds / repeats:9.2f}", flush=True)


def print_counted_twice(incidents: gpd.GeoDataFrame, placed: set[str]) -> None:
    """Reports that tell of an event told by another of those counted already; and the events."""
    print(f"\n{'':38}{'told again':>12}{'events':>8}{'share':>8}")
    for name, counted in [
        ("all reports", set(incidents["incident_id"])),
        ("on the map, each report", placed),
        ("on the map, each event once", placed & set(find_duplicates(incidents).event_id)),
    ]:
        told = incidents.loc[incidents["incident_id"].isin(counted), "true"]
        again, unique = len(told) - told.nunique(), told.nunique()
        print(f"{name:38}{again:12}{unique:8}{again / unique:8.1%}")


def main(root: Path, count: int) -> None:
    study, others = of_study(root), valleys(count)
    print_thresholds("the study", [study])
    print_thresholds(f"{count} other valleys", others)
    print_scores(others)
    print_called_otherwise(others)
    print_repeats(others)
    placed = pd.read_parquet(root / "data/processed/link/placed.parquet").dropna(subset=["cell_id"])["incident_id"]
    print_counted_twice(study, set(placed))
    print_by_chance(study)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("root", nargs="?", type=Path, default=Path())
    parser.add_argument("--valleys", type=int, default=24)
    given = parser.parse_args()
    main(given.root, given.valleys)
