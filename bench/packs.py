"""The packs of sixty communities in five languages: how long they take on this machine's cores, and how large they are.

    tensionmap run && python bench/packs.py
    python bench/packs.py --communities 12 --paper A3

Takes the example study's release for the community, and moves copies of its villages a little until there are enough. Beside it,
in the same run, what matplotlib takes for empty pages with the same number of words, which is what a page costs at the least.
"""

from __future__ import annotations

import argparse
import os
import time
from io import BytesIO
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from pypdf import PdfReader

from tensionmap import report, tables
from tensionmap.publish.meetings import communities_to_report
from tensionmap.publish.relief import hillshade
from tensionmap.publish.words import languages
from tensionmap.study import read_study
from tensionmap.tables import Release

ROOT = Path(__file__).parents[1]


def with_communities(release: Release, wanted: int) -> Release:
    """The release with copies of its communities and of their meetings, each some hundred metres aside."""
    known = communities_to_report(release)
    settlements, more = release.background["settlements"], []
    content: dict[str, list[pd.DataFrame]] = {name: [release.tables[name]] for name in ("meetings", "concerns", "actions")}
    for number in range(max(wanted - len(known), 0)):
        original, name = known[number % len(known)], f"copy{number}"
        row = settlements[settlements["settlement_id"] == original]
        more.append(row.assign(settlement_id=name, geometry=row.geometry.translate(300 + 10 * number, 200)))
        for table, frames in content.items():
            own = release.tables[table]
            frames.append(own[own["settlement_id"] == original].assign(settlement_id=name))
    background = {**release.background, "settlements": gpd.GeoDataFrame(pd.concat([settlements, *more], ignore_index=True))}
    joined = {name: pd.concat(frames, ignore_index=True) for name, frames in content.items()}
    return Release(release.audience, release.facts, {**release.tables, **joined}, background)


def matplotlib_alone(pages: int, words: int) -> float:
    """Seconds for ``pages`` empty pages of matplotlib with ``words`` words each, in files of ten pages."""
    begun = time.perf_counter()
    for _ in range(max(pages // 10, 1)):
        with PdfPages(BytesIO()) as pdf:
            for _ in range(10):
                figure = Figure(figsize=(8.27, 11.69))
                for number in range(words):
                    figure.text(0.1 + 0.08 * (number % 10), 0.95 - 0.02 * (number // 10), "Ташвишҳо", fontsize=9)
                pdf.savefig(figure)
    return (time.perf_counter() - begun) * pages / (max(pages // 10, 1) * 10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--communities", type=int, default=60)
    parser.add_argument("--paper", choices=["A4", "A3"], default="A4")
    given = parser.parse_args()
    study = read_study(ROOT / "study.toml")
    processed = ROOT / "data" / "processed"
    release = with_communities(tables.read_release(processed / "protect" / "community"), given.communities)
    relief = hillshade(
        tables.read(tables.ELEVATION, processed / "ingest" / "elevation.parquet"),
        crs=study.ingest.crs,
        extent=release.facts.extent,
    )
    settings = report.Settings(
        quarter=release.facts.quarters[-1],
        paper=given.paper,
        around_m=study.publish.around_m,
        contacts=[(contact.office, contact.text, ()) for contact in study.publish.contact],
        notices=[(notice.about, dict(notice.text), ()) for notice in study.publish.notice],
    )
    chosen = communities_to_report(release)[: given.communities]
    jobs = report.jobs_of(release, settings.quarter, languages(), communities=chosen)
    begun = time.perf_counter()
    sizes, pages, largest = [], 0, 0.0
    for _, content in report.make(jobs, release, settings, relief):
        count = len(PdfReader(BytesIO(content)).pages)
        sizes.append(len(content))
        pages += count
        largest = max(largest, len(content) / count)
    seconds = time.perf_counter() - begun
    peer = matplotlib_alone(pages // 20, 150) * 20 / (os.cpu_count() or 1)
    print(f"{len(chosen)} communities x {len(languages())} languages on {os.cpu_count()} cores: {len(jobs)} packs, {pages} pages")
    print(f"made in {seconds:.0f} s, {len(jobs) / seconds:.1f} packs a second")
    print(f"matplotlib alone, as many pages of 150 words: {peer:.0f} s; the packs take {seconds / peer:.2f} times as long")
    print(f"a pack has {np.median(sizes) / 1000:.0f} kB (median), a page at most {largest / 1000:.0f} kB")


if __name__ == "__main__":
    main()
