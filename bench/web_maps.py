"""Maps of many single reports as one HTML file: ours beside what Folium offers, written and opened in the same run.

    python bench/web_maps.py
    python bench/web_maps.py --sizes 1000 10000 100000 1000000 --slow --throttle 6

Ours comes twice: the points alone with their filters, histogram and table, and the police's whole crime map in five languages.
Folium's show a tooltip with the same
attributes (Marker, MarkerCluster, GeoJson) or a bare mark (FastMarkerCluster). Each page is opened in Chromium without a network;
the libraries that Folium's pages load from five hosts come from files on this machine and are not counted in their size.

Written: from the table to the file on disk. Ready: from the start of the navigation until the page can be used after the first
drawing. Frame: the longest time without a new frame while the map is dragged across half of the view and let go. Heap: objects
and arrays of the page, after a collection of garbage. ``--slow`` adds runs of peers that take a minute and more;
``--throttle 6`` opens ours once more on a processor six times slower.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.resources import files
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import folium
import geopandas as gpd
import numpy as np
import pandas as pd
from folium.plugins import FastMarkerCluster, MarkerCluster
from playwright.sync_api import Browser, Route, sync_playwright

from tensionmap.publish import web
from tensionmap.publish.offline import as_json, make_offline
from tensionmap.publish.points import pack, with_words
from tensionmap.publish.texts import Texts
from tensionmap.publish.words import languages
from tensionmap.tables import Release

PUBLISH = Path(str(files("tensionmap.publish")))
_SPEC = spec_from_file_location("small", Path(__file__).parents[1] / "tests" / "publish" / "conftest.py")
small = module_from_spec(_SPEC)  # type: ignore[arg-type]
_SPEC.loader.exec_module(small)  # type: ignore[union-attr]
FIELDS = ["category", "reported_by", "source", "date_start", "location_precision_m"]
KINDS = ["theft", "livestock_theft", "burglary", "hooliganism", "fraud", "assault", "irrigation_dispute", "pasture_dispute"]


def reports(size: int) -> gpd.GeoDataFrame:
    """Reports around three hundred villages, over three years."""
    rng = np.random.default_rng(1)
    villages = rng.uniform([-27, 42.98], [-26.86, 43.08], (300, 2))
    degrees = villages[rng.integers(0, 300, size)] + rng.normal(0, 0.004, (size, 2))
    columns = {
        "category": pd.array(np.array(KINDS)[rng.zipf(1.5, size) % len(KINDS)], dtype="str"),
        "reported_by": pd.array(rng.choice(["Norvia", "Selmar", "community"], size), dtype="str"),
        "source": pd.array(rng.choice([f"register_{n}" for n in range(6)], size), dtype="str"),
        "date_start": (pd.Timestamp("2023-10-01") + pd.to_timedelta(rng.integers(0, 1096, size), unit="D")).astype(
            "datetime64[us]"
        ),
        "date_precision": pd.array(rng.choice(["day", "day", "day", "month", "week"], size), dtype="str"),
        "location_precision_m": rng.choice([10.0, 20, 100, 900, 1500, 7000], size),
    }
    return gpd.GeoDataFrame(columns, geometry=gpd.points_from_xy(*degrees.T), crs=4326)


# Pages ---------------------------------------------------------------------------------------------------------------------


def new_map(frame: gpd.GeoDataFrame, **options: Any) -> folium.Map:
    west, south, east, north = frame.total_bounds
    return folium.Map([(south + north) / 2, (west + east) / 2], zoom_start=10, tiles=None, maxZoom=18, **options)


def release_of(frame: gpd.GeoDataFrame) -> Release:
    """The police's release of a small study, with these reports on it."""
    made = small.make_release("police")
    return replace(made, tables={**made.tables, "points": frame.assign(theme="crime").to_crs(small.CRS)})


def ours(release: Release, path: Path) -> None:
    """The whole page in five languages: map, squares, areas, filters, histogram and table."""
    path.write_text(web.crime_map(release, languages=languages()), encoding="utf-8")


PAGE = """
const page = {
  panel: document.getElementById("reports"),
  say: (number, values = {}) => texts[0][number].replace(/\\{(\\w+)\\}/g, (whole, name) => values[name] ?? whole),
  onLanguage: listener => listener(),
  make(tag, className, ...children) {
    const element = Object.assign(document.createElement(tag), { className });
    element.append(...children);
    return element;
  },
};
showPoints(map, given, page);
"""


def points_alone(frame: gpd.GeoDataFrame, path: Path) -> None:
    """Nothing but the points, as on Folium's pages, with what belongs to them: filters, histogram, table."""
    texts = Texts(["en"])
    given = with_words(pack(frame), texts)
    screen = PUBLISH / "screen"
    code = "\n".join((screen / name).read_text(encoding="utf-8") for name in ("points.js", "filters.js", "table.js"))
    css = "\n".join((screen / name).read_text(encoding="utf-8") for name in ("page.css", "points.css"))
    m = new_map(frame)
    names = f"{m.get_name()}, {as_json(given)}, {as_json(texts.by_language)}"
    script = f"(function (map, given, texts) {{\n{code}\n{PAGE}\n}})({names});"
    body = '<header></header><aside><div id="reports"></div></aside>'
    path.write_text(make_offline(m, title="Reports", css=css, body=body, script=script), encoding="utf-8")


def told(row: Any) -> str:
    return "<br>".join(str(value) for value in row[1:6])


def markers(frame: gpd.GeoDataFrame, path: Path) -> None:
    m = new_map(frame)
    add_markers(frame, m)
    m.save(path)


def clustered(frame: gpd.GeoDataFrame, path: Path) -> None:
    m = new_map(frame)
    add_markers(frame, MarkerCluster().add_to(m))
    m.save(path)


def add_markers(frame: gpd.GeoDataFrame, parent: Any) -> None:
    for row, x, y in zip(frame[FIELDS].itertuples(), frame.geometry.x, frame.geometry.y, strict=True):
        folium.CircleMarker([y, x], radius=4, tooltip=told(row)).add_to(parent)


def fast_clustered(frame: gpd.GeoDataFrame, path: Path) -> None:
    m = new_map(frame)
    # As its own, but without the icon, which needs a font.
    callback = "function (row) { return L.marker(new L.LatLng(row[0], row[1])); }"
    FastMarkerCluster(np.column_stack([frame.geometry.y, frame.geometry.x]).tolist(), callback=callback).add_to(m)
    m.save(path)


def geojson(frame: gpd.GeoDataFrame, path: Path) -> None:
    m = new_map(frame, prefer_canvas=True)
    shown = frame.assign(date_start=frame["date_start"].dt.strftime("%Y-%m-%d"))
    marker = folium.CircleMarker(radius=4)
    folium.GeoJson(shown, marker=marker, tooltip=folium.GeoJsonTooltip(FIELDS)).add_to(m)
    m.save(path)


@dataclass(frozen=True)
class Way:
    """A way to make the page, and the most points with which it takes seconds, and with which a minute or more."""

    name: str
    write: Callable[[Any, Path], None]
    most: int
    most_slow: int


OURS = Way("tensionmap, points", points_alone, 10**6, 10**6)
WHOLE = Way("tensionmap, whole map", ours, 10**6, 10**6)
PEERS = (
    WHOLE,
    Way("Marker", markers, 1_000, 10_000),
    Way("MarkerCluster", clustered, 10_000, 10_000),
    Way("FastMarkerCluster", fast_clustered, 100_000, 1_000_000),
    Way("GeoJson, canvas", geojson, 100_000, 100_000),
)

# The browser ---------------------------------------------------------------------------------------------------------------

READY = """async () => {
  while (document.getElementById("reports") && !document.querySelector(".point-filters input")) {
    await new Promise(done => setTimeout(done, 5));
  }
  await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
  return performance.now();
}"""
LISTEN = """() => {
  let before = performance.now();
  window.longest = 0;
  const next = now => {
    window.longest = Math.max(window.longest, now - before);
    before = now;
    requestAnimationFrame(next);
  };
  requestAnimationFrame(next);
}"""


def cluster_code(folder: Path) -> dict[str, bytes]:
    """Leaflet.markercluster by the ends of its addresses: from the package, else from the registry of npm; empty if nowhere."""
    kept = {path.name.lower(): path.read_bytes() for path in PUBLISH.rglob("*markercluster*") if path.suffix in (".js", ".css")}
    if kept:
        return kept
    if shutil.which("npm") is None:
        return {}
    done = subprocess.run(
        ["npm", "pack", "--silent", "leaflet.markercluster@1.5.3"], cwd=folder, capture_output=True, check=False
    )
    if done.returncode:
        return {}
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        wanted = ("leaflet.markercluster.js", "MarkerCluster.css", "MarkerCluster.Default.css")
        archive.extractall(folder, filter="data")
    return {name.lower(): (folder / "package" / "dist" / name).read_bytes() for name in wanted}


class Reader:
    """Opens pages and measures them."""

    def __init__(self, browser: Browser, code: dict[str, bytes]) -> None:
        self._browser = browser
        leaflet = next(PUBLISH.rglob("leaflet.js"))
        self._code = {**code, "leaflet.js": leaflet.read_bytes(), "leaflet.css": leaflet.with_suffix(".css").read_bytes()}

    def _serve(self, route: Route) -> None:
        name = route.request.url.rsplit("/", 1)[-1].lower()
        if route.request.url.startswith("file:"):
            route.continue_()
        else:
            kind = "text/css" if name.endswith(".css") else "text/javascript"
            route.fulfill(body=self._code.get(name, b""), content_type=kind)

    def read(self, path: Path, slower: float = 1) -> tuple[float, float, float]:
        """Milliseconds until it can be used, milliseconds of the longest frame of a drag, megabytes."""
        context = self._browser.new_context(viewport={"width": 1280, "height": 800})
        context.set_default_timeout(600_000)
        page = context.new_page()
        if not path.name.startswith("tensionmap"):
            page.route("**/*", self._serve)
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        session = context.new_cdp_session(page)
        session.send("Emulation.setCPUThrottlingRate", {"rate": slower})
        page.goto(path.as_uri())
        ready = float(page.evaluate(READY))
        page.wait_for_timeout(500)
        page.mouse.move(700, 400)
        page.evaluate(LISTEN)
        page.mouse.down()
        page.mouse.move(300, 500, steps=40)
        page.mouse.up()
        page.wait_for_timeout(1000)
        longest = float(page.evaluate("window.longest"))
        session.send("HeapProfiler.collectGarbage")
        used = session.send("Runtime.getHeapUsage")
        context.close()
        assert not faults, faults
        return ready, longest, (used["usedSize"] + used.get("backingStorageSize", 0)) / 1e6


@dataclass(frozen=True)
class Figures:
    """What was measured of one page: seconds, megabytes, milliseconds, milliseconds, megabytes."""

    written: float
    size: float
    ready: float
    frame: float
    heap: float


def measured(way: Way, frame: gpd.GeoDataFrame, folder: Path, reader: Reader) -> Figures:
    path = folder / f"{way.name}.html"
    given = release_of(frame) if way is WHOLE else frame
    taken = []
    for _ in range(3 if way is OURS else 1):
        begun = time.perf_counter()
        way.write(given, path)
        taken.append(time.perf_counter() - begun)
    size = path.stat().st_size / 1e6
    found = Figures(min(taken), size, *reader.read(path))
    if way not in (OURS, WHOLE):
        path.unlink()
    return found


def show(size: int, name: str, found: Figures, mine: Figures | None = None) -> None:
    row = (found.written, found.size, found.ready, found.frame, found.heap)
    line = f"{size:>9}  {name:20}{row[0]:10.3f}{row[1]:10.2f}{row[2]:10.0f}{row[3]:8.0f}{row[4]:9.1f}"
    if mine is not None:
        ratios = (a / b for a, b in zip(row, (mine.written, mine.size, mine.ready, mine.frame, mine.heap), strict=True))
        line += "   x " + " ".join(f"{ratio:8.1f}" for ratio in ratios)
    print(line, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000], help="points")
    parser.add_argument("--slow", action="store_true", help="peers that take a minute and more")
    parser.add_argument("--throttle", type=float, help="open ours once more on a processor so many times slower")
    options = parser.parse_args()

    pack(reports(10))  # compiled, or read from the disk
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    print(
        f"{'points':>9}  {'':20}{'written s':>10}{'MB':>10}{'ready ms':>10}{'frame':>8}{'heap MB':>9}   times ours, in this order"
    )
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        code = cluster_code(folder)
        browser = playwright.chromium.launch(executable_path=chromium, args=quiet)
        reader = Reader(browser, code)
        for size in options.sizes:
            frame = reports(size)
            mine = measured(OURS, frame, folder, reader)
            show(size, OURS.name, mine)
            for way in PEERS:
                if size > (way.most_slow if options.slow else way.most):
                    continue
                if "Cluster" in way.name and not code:
                    print(f"{way.name} needs Leaflet.markercluster, which is not here, and is left out")
                    continue
                found = measured(way, frame, folder, reader)
                show(size, way.name, found, mine)
                if way is WHOLE and options.throttle:
                    slow = Figures(found.written, found.size, *reader.read(folder / f"{way.name}.html", options.throttle))
                    show(size, f"  {options.throttle:g} times slower", slow)
        browser.close()


if __name__ == "__main__":
    main()
