"""How often does the whole way draw a hot spot where nothing is going on? Prints the share of maps, with an exact interval.

    python bench/whole_way_noise.py [--valleys 40]

Two Rivers is made anew for each seed without its planted clusters: reports follow residents, are told by four sources with all
their mess, some of them twice, and go through ingest, link and the test of hot spots as real ones do. Beside it the share if
every report counted as an event of its own.
"""

import argparse
import tempfile
from pathlib import Path
from shutil import copy

import pandas as pd
from scipy.stats import binomtest

from tensionmap import pipeline, tables
from tensionmap.link.territory import own_land
from tensionmap.measure.hotspots import hotspots_of
from tensionmap.workspace import Workspace
from two_rivers import events, faults, files, sources
from two_rivers.__main__ import write

ROOT = Path(__file__).parents[1]


class Silence:
    """A listener who tells nobody."""

    def starts(self, stage, why):
        """Nothing is said."""

    notes = starts

    def progresses(self, label, done, total):
        """Nothing is shown."""


def quiet_valley(folder, seed):
    """Two Rivers of another seed, without a place where anything is going on."""
    events.CLUSTERS = ()
    for module in (events, faults, files, sources):
        module.SEED = seed
    write(folder / "data" / "raw")
    copy(ROOT / "study.toml", folder)
    return Workspace(folder)


def spots(study, theme):
    """Whether the map of a theme shows a spot: each event once, and with each report an event of its own."""
    cells = tables.read(tables.CELLS, study.folder("link") / "cells.parquet")
    claims = tables.read(tables.CLAIMS, study.folder("ingest") / "claims.parquet")
    placed = tables.read(tables.PLACED, study.folder("link") / "placed.parquet")[["incident_id", "cell_id"]]
    reports = tables.read(tables.INCIDENTS, study.folder("ingest") / "incidents.parquet").merge(placed, on="incident_id")
    every = reports[pipeline.in_scope(reports, theme) & reports["cell_id"].notna()]
    settings, period = study.study.measure, study.study.ingest
    own = own_land(cells, claims, study.study.parties, date_from=period.date_from, date_to=period.date_to)
    chance = {"replicates": settings.replicates, "alpha": settings.alpha, "seed": settings.seed}
    shown = []
    for told in (pipeline.once(every), every):
        seen = told[["cell_id"]].assign(is_named=told["location_kind"] == "settlement").reset_index(drop=True)
        found = hotspots_of(seen, cells, own_land=own, share_outside=settings.share_outside, **chance)["hotspot"]
        shown.append(found.isin(["hot", "cold"]).any())
    return shown


def main(valleys):
    rows = []
    for seed in range(1, valleys + 1):
        with tempfile.TemporaryDirectory() as folder:
            study = quiet_valley(Path(folder), seed)
            pipeline.run(study, "link", Silence())
            rows += [(theme, *spots(study, theme)) for theme in ("crime", "tension")]
    table = pd.DataFrame(rows, columns=["theme", "each event once", "each report"])
    print(f"maps with a hot or cold spot, {valleys} valleys in which nothing is going on, alpha 0.05")
    for name in ("each event once", "each report"):
        for theme in ("crime", "tension"):
            hits = int(table.loc[table["theme"] == theme, name].sum())
            low, high = binomtest(hits, valleys).proportion_ci(method="exact")
            print(f"{name:16} {theme:8} {hits:3} of {valleys}: {hits / valleys:6.1%} [{low:.1%}, {high:.1%}]")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--valleys", type=int, default=40)
    main(parser.parse_args().valleys)
