"""What does an adversary get out of all community releases of twelve quarters? Prints figures beside what the prior alone gives.

    python bench/adversary.py [--valleys 24]

Everything happens in invented valleys of 30 x 24 cells: villages, thin cells, land where nobody lives; ordinary, sensitive and
sealed reports, some late, some without a place. Each valley is released quarter by quarter with the real functions, ledger and
test of hot spots included, and the adversary holds every table of all twelve releases.

1. Guesses. A forest and a logistic regression learn on half of the valleys, where they are shown the truth, and guess in the
   other half: which cells hold sealed reports, and how many reports a hidden cell has. Their baseline knows residents and the
   public totals alone, so that the difference is what the maps give away.
2. One report: how often does a byte change if one is taken out or put in? What changes tells one who knows all the others.
3. Classical attacks, each first on a naive release, where it opens what is hidden, then on ours.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from tensionmap import tables
from tensionmap.errors import ReleaseError
from tensionmap.measure.hotspots import hotspots_of
from tensionmap.protect import ledger, margins, statements
from tensionmap.protect.policy import Policy
from tensionmap.protect.release import Published, counted_marks, make_release
from tensionmap.protect.units import grid_in, known
from tensionmap.tables import PERIOD

CRS = "EPSG:32626"
COLUMNS, ROWS, CELL_M = 30, 24, 1000.0
WEST, SOUTH = 500, 4760
QUARTERS = tuple(str(q) for q in pd.period_range("2022Q1", periods=12, freq="Q"))
THEMES = ("crime", "tension")
CATEGORIES = {
    "crime": {"B": ("theft", "burglary", "livestock_theft"), "A": ("weapons",), "S": ("domestic_violence",)},
    "tension": {"B": ("irrigation_dispute", "pasture_dispute"), "A": ("youth_violence",), "S": ("recruitment",)},
    "cooperation": {"B": ("joint_repair",)},
}
A_QUARTER = {("crime", "B"): 150, ("crime", "A"): 15, ("tension", "B"): 90, ("tension", "A"): 15, ("cooperation", "B"): 12}
"""Reports that a quarter brings on average."""
SHARE_LATE, SHARE_UNPLACED, SHARE_OUTSIDE = 0.12, 0.08, 0.1
SEALED_CELLS, SEALED_REPORTS = 6, 12
REPLICATES = 199
POLICY = Policy(most_quarters=1)
"""Each release tells its own quarter and the period. Quarters told before would be repeated as they were: all twelve releases
say the same as with the default of twelve quarters, in a tenth of the time."""

NOTHING = Published()


# Invented valleys


@dataclass(frozen=True)
class Valley:
    """An invented valley: ``cells``, where ordinary reports of a theme tend to happen, and what was reported."""

    seed: int
    cells: gpd.GeoDataFrame
    intensity: dict[str, np.ndarray]
    incidents: gpd.GeoDataFrame
    placed: pd.DataFrame
    background: dict[str, gpd.GeoDataFrame]
    cell_m: float = CELL_M

    @cached_property
    def residents(self):
        """People of each cell."""
        return self.cells["residents"].to_numpy()

    def with_reports(self, incidents, placed):
        """The same valley, and other reports."""
        return replace(self, incidents=incidents, placed=placed)

    def known_by(self, quarter):
        """The reports that are known when a quarter ends."""
        end = pd.Period(quarter).end_time
        is_known = self.incidents["date_reported"] <= end
        return self.incidents[is_known], self.placed[is_known.to_numpy()]


def make_valley(seed, *, columns=COLUMNS, rows=ROWS, scale=1.0, quarters=QUARTERS):
    """An invented valley; ``scale`` multiplies the number of reports."""
    rng = np.random.default_rng([seed, columns, rows])
    cells = make_cells(rng, columns, rows)
    intensity = {theme: tendency(rng, cells) for theme in CATEGORIES}
    ordinary = [draw(rng, theme, tier, intensity[theme], scale * mean, quarters) for (theme, tier), mean in A_QUARTER.items()]
    sealed = draw_sealed(rng, cells["residents"].to_numpy(), quarters)
    incidents, placed = as_tables(pd.concat([*ordinary, sealed], ignore_index=True), cells, rng)
    return Valley(seed, cells, intensity, incidents, placed, background_of(cells))


def make_cells(rng, columns=COLUMNS, rows=ROWS, cell_m=CELL_M, residents=None):
    """Table CELLS: people crowd in villages, some live on farms between them, most land is empty."""
    east, north = (axis.ravel() for axis in np.meshgrid(np.arange(columns), np.arange(rows), indexing="ij"))
    if residents is None:
        people = np.where(rng.random(len(east)) < 0.2, rng.integers(1, 70, len(east)), 0).astype(float)
        for _ in range(max(3, columns * rows // 80)):
            away = (east - rng.uniform(0, columns)) ** 2 + (north - rng.uniform(0, rows)) ** 2
            people += rng.lognormal(6.2, 0.6) * np.exp(-away / 2)
        residents = np.where(people < 1, 0, people.round())
    west, south = (WEST * CELL_M // cell_m + east) * cell_m, (SOUTH * CELL_M // cell_m + north) * cell_m
    frame = pd.DataFrame(
        {
            "cell_id": [f"E{e:.0f}N{n:.0f}" for e, n in zip(west / cell_m, south / cell_m, strict=True)],
            "easting": west + cell_m / 2,
            "northing": south + cell_m / 2,
            "residents": residents,
            "residents_named": 0.0,
            "elevation_m": 900.0,
            "land_cover": "cropland",
            **{f"{kind}_m": np.nan for kind in tables.DISTANCE_KINDS},
        }
    )
    frame = gpd.GeoDataFrame(frame, geometry=shapely.box(west, south, west + cell_m, south + cell_m), crs=CRS)
    return tables.check(frame.sort_values("cell_id", ignore_index=True), tables.CELLS)


def tendency(rng, cells):
    """Where reports tend to happen: by residents, with places that stand out, some of them where nobody lives."""
    people = cells["residents"].to_numpy()
    lived = people**0.9 * rng.gamma(1.2, 1 / 1.2, len(cells))
    around = rng.integers(len(cells), size=4)
    for at in around:
        away = np.hypot(*(cells[n].to_numpy() - cells[n].iloc[at] for n in ("easting", "northing")))
        lived = lived * (1 + 3 * (away < 1600))
    outside = np.zeros(len(cells))
    outside[rng.choice(len(cells), min(len(cells), 25), replace=False)] = rng.gamma(1.0, 1.0, min(len(cells), 25))
    return (1 - SHARE_OUTSIDE) * lived / lived.sum() + SHARE_OUTSIDE * outside / outside.sum()


def draw(rng, theme, tier, intensity, mean, quarters):
    """Reports of one theme and tier: cell, category, quarter in which it happened and quarter of its reporting."""
    number = rng.poisson(mean * (1 + 0.25 * np.sin(np.arange(len(quarters)) * np.pi / 2)))
    quarter = np.repeat(np.arange(len(quarters)), number)
    late = np.where(rng.random(len(quarter)) < SHARE_LATE, rng.integers(1, 4, len(quarter)), 0)
    known = CATEGORIES[theme][tier]
    share = np.array([0.6, 0.3, 0.1, 0.1][: len(known)])
    return pd.DataFrame(
        {
            "theme": theme,
            "tier": tier,
            "category": rng.choice(known, len(quarter), p=share / share.sum()),
            "at": np.where(rng.random(len(quarter)) < SHARE_UNPLACED, -1, rng.choice(len(intensity), len(quarter), p=intensity)),
            "quarter": [quarters[q] for q in quarter],
            "reported": [str(pd.Period(quarters[q]) + int(by)) for q, by in zip(quarter, late, strict=True)],
        }
    )


def draw_sealed(rng, weight, quarters):
    """Sealed reports of both themes, in a few cells that are chosen by ``weight``."""
    held = sealed_cells(rng, weight)
    at = np.repeat(held, rng.integers(SEALED_REPORTS // 2, SEALED_REPORTS * 2, len(held)))
    theme = rng.choice(THEMES, len(at), p=[0.8, 0.2])
    quarter = rng.choice(quarters, len(at))
    return pd.DataFrame(
        {
            "theme": theme,
            "tier": "S",
            "category": [CATEGORIES[of]["S"][0] for of in theme],
            "at": at,
            "quarter": quarter,
            "reported": quarter,
        }
    )


def sealed_cells(rng, weight):
    """Cells that hold sealed reports."""
    number = min(SEALED_CELLS, int((weight > 0).sum()))
    return rng.choice(len(weight), number, replace=False, p=weight / weight.sum())


def as_tables(drawn, cells, rng):
    """Tables INCIDENTS and PLACED of reports that were drawn."""
    size = len(drawn)
    start = pd.PeriodIndex(drawn["quarter"], freq="Q").start_time + pd.to_timedelta(rng.integers(0, 88, size), unit="D")
    end_of_reporting = pd.PeriodIndex(drawn["reported"], freq="Q").end_time.normalize()
    place = drawn["at"].to_numpy()
    has_place = place >= 0
    half = float(np.sqrt(cells.geometry.iloc[0].area)) / 2 - 1
    shift = rng.uniform(-half, half, (size, 2))
    middle = cells[["easting", "northing"]].to_numpy()[np.where(has_place, place, 0)] + shift
    incident_id = pd.Series([f"register:{n:06}" for n in range(size)])
    frame = pd.DataFrame(
        {
            "incident_id": incident_id,
            "event_id": incident_id,
            "source": "register",
            "source_row": np.arange(size) + 2,
            "record_id": incident_id,
            "reported_by": rng.choice(["Norvia", "Selmar", "community"], size),
            "category": drawn["category"],
            "theme": drawn["theme"],
            "tier": drawn["tier"],
            "resource": "none",
            "severity": np.nan,
            "verification": "one_side",
            "date_start": start,
            "date_end": start,
            "date_precision": "day",
            "date_reported": end_of_reporting,
            "location_kind": np.where(has_place, "gps", "district"),
            "location_precision_m": np.where(has_place, 10.0, 20_000.0),
            "settlement_id": None,
            "place_score": np.nan,
        }
    )
    shapes = np.where(has_place, shapely.points(middle), None)
    cell_id = cells["cell_id"].to_numpy()[np.where(has_place, place, 0)]
    placed = pd.DataFrame({"incident_id": incident_id, "cell_id": np.where(has_place, cell_id, None)})
    placed = placed.assign(claimed_by=None, border_m=np.nan, **{f"{kind}_m": np.nan for kind in tables.DISTANCE_KINDS})
    incidents = tables.check(gpd.GeoDataFrame(frame, geometry=shapes, crs=CRS), tables.INCIDENTS)
    return incidents, tables.check(placed, tables.PLACED)


def background_of(cells):
    """Layers behind the map: a village, and nothing else."""
    layers = {
        "settlements": tables.SETTLEMENTS,
        "claims": tables.CLAIMS,
        "resources": tables.RESOURCES,
        "services": tables.SERVICES,
    }
    return {name: tables.empty(table, crs=cells.crs) for name, table in layers.items()}


# Releases


def hot(valley, incidents, placed, *, seed=1):
    """Table HOTSPOTS by the real test, from the unsealed reports of each theme."""
    parts = []
    cell_of = placed.set_index("incident_id")["cell_id"]
    for scope in tables.SCOPES:
        reports = incidents[(incidents["theme"] == scope.removeprefix("internal_")) & (incidents["tier"] != "S")]
        seen = pd.DataFrame({"cell_id": cell_of.reindex(reports["incident_id"]).to_numpy()}).dropna(ignore_index=True)
        if scope.startswith("internal_"):
            found = parts[len(parts) % 2].assign(scope=scope)
        else:
            found = hotspots_of(seen.assign(is_named=False), valley.cells, replicates=REPLICATES, seed=seed)
            found = found.assign(scope=scope, support=0.0, rests_on=None)
        parts.append(found)
    return tables.check(pd.concat(parts, ignore_index=True)[tables.HOTSPOTS.column_names], tables.HOTSPOTS)


def release_of(valley, until, *, since=QUARTERS[0], published=NOTHING, seed=1, **changes):
    """The community's release of a valley at the end of a quarter, from what is known by then."""
    incidents, placed = valley.known_by(until)
    options = {
        "audience": "community",
        "policy": POLICY,
        "study": "Invented Valley",
        "is_invented": True,
        "parties": ("Norvia", "Selmar"),
        "date_from": pd.Period(since).start_time.date(),
        "date_to": pd.Period(until).end_time.date(),
        "cell_m": valley.cell_m,
        "alpha": 0.05,
        "replicates": REPLICATES,
        "published": published,
        **changes,
    }
    in_study = incidents["date_start"] >= pd.Timestamp(options["date_from"])
    spots = hot(valley, incidents[in_study], placed, seed=seed)
    return make_release(incidents, placed, valley.cells, spots, **valley.background, **options)


def series(valley, *, quarters=QUARTERS, policy=POLICY, folder=None):
    """A release a quarter, each held against all before; with a ``folder``, entered into a ledger there and read from it."""
    published = Published()
    for number, quarter in enumerate(quarters):
        made = release_of(valley, quarter, since=quarters[0], published=published, policy=policy)
        release = ledger.closed(made, published)
        counted = counted_marks(valley.known_by(quarter)[0], release, published, policy)
        published = Published((*published.releases, release), counted)
        if folder:
            ledger.enter(ledger.read_ledger(folder), entry_of(release, number), release, counted)
            published = ledger.read_ledger(folder).published()
    return published.releases


def entry_of(release, number):
    """The line of a release in the ledger."""
    facts = release.facts
    return ledger.Entry(
        digest=release.digest,
        released=date(2030, 1, 1 + number).isoformat(),
        signed_off_by=("A, police", "B, women of the valley"),
        withdraw_on="2031-01-01",
        study=facts.study,
        crs=CRS,
        cell_m=facts.cell_m,
        period=(facts.public_from, facts.public_to),
        quarters=facts.quarters,
        files={},
    )


# What an adversary reads


@dataclass(frozen=True)
class Said:
    """What is told of one theme in one window, cell by cell: of the square of each side around it, and the rounded number."""

    low: dict[int, np.ndarray]
    """Least reports of the listed square that a cell lies in; 0: it is not listed."""
    is_hidden: dict[int, np.ndarray]
    """Whether the square that it lies in is known to hold fewer than five."""
    listed: list[tuple[np.ndarray, float, float]]
    """Cells of each listed square, and the ends of its band."""
    hidden: list[np.ndarray]
    """Cells of each square known to hold fewer than five."""
    reports: int


def said(release, grid, theme, window):
    """What a release says of a theme in a window."""
    table, numbers = release.tables["cells"], release.tables["numbers"]
    of_window = table[(table["theme"] == theme) & (table["window"] == window)]
    low, is_hidden, listed, is_listed = {}, {}, [], {}
    corners = of_window["cell_id"].str.extract(r"^E(-?\d+)N(-?\d+)$").astype(int).to_numpy()
    ends = margins.ends(of_window["band"], fewest=release.facts.minimum_count).to_numpy()
    for side, square in grid.squares.items():
        place = {at: n for n, at in enumerate(zip(square.column.tolist(), square.row.tolist(), strict=True))}
        low[side], is_listed[side] = np.zeros(len(grid.column)), np.zeros(len(square.may_stand), dtype=bool)
        for row in np.flatnonzero((of_window["side_cells"] == side).to_numpy()):
            number = place[tuple(corners[row].tolist())]
            inside = np.flatnonzero(square.of_cell == number)
            is_listed[side][number] = True
            low[side][inside] = ends[row, 0]
            listed.append((inside, *ends[row]))
    hidden = []
    for side, is_known in known(grid, is_listed, fewest=release.facts.minimum_count).items():
        of_cell = grid.squares[side].of_cell
        is_hidden[side] = is_known[of_cell]
        hidden += [np.flatnonzero(of_cell == number) for number in np.flatnonzero(is_known)]
    told = numbers[(numbers["theme"] == theme) & (numbers["window"] == window)]["reports"]
    return Said(low, is_hidden, listed, hidden, int(told.iloc[0]))


def public_span(release):
    """First and last day of the public period."""
    return release.facts.public_from, release.facts.public_to


def study_span(release):
    """First and last day of the study, over which areas are found."""
    return release.facts.date_from, release.facts.date_to


def quarter_span(quarter):
    """First and last day of a quarter."""
    return str(pd.Period(quarter).start_time.date()), str(pd.Period(quarter).end_time.date())


class Reading:
    """Everything that all releases say of one theme: each quarter, each period by its days, and the areas that stand out."""

    def __init__(self, releases, theme, valley):
        last = releases[-1].tables["grid"]
        self.grid = grid_in(last["cell_id"], last["counted_in"])
        self.shape = (len(np.unique(self.grid.column)), len(np.unique(self.grid.row)))
        self.residents = valley.residents
        self.quarters, self.periods, self.areas = {}, {}, []
        middle = shapely.points(valley.cells[["easting", "northing"]].to_numpy())
        for release in releases:
            for window in (PERIOD, *release.facts.quarters):
                name, told = (public_span(release), self.periods) if window == PERIOD else (window, self.quarters)
                if name not in told:
                    told[name] = said(release, self.grid, theme, window)
            hotspots = release.tables["hotspots"]
            self.areas += [
                (study_span(release), np.flatnonzero(shapely.contains(area.geometry, middle)), area.at_least)
                for area in hotspots[hotspots["theme"] == theme].itertuples()
            ]
        self.hot = np.bincount(np.concatenate([[], *(a for _, a, _ in self.areas)]).astype(int), minlength=len(middle))

    def around(self, values, reach=1):
        """The mean over a cell and its neighbours."""
        from scipy.ndimage import uniform_filter

        return uniform_filter(values.reshape(self.shape).astype(float), 2 * reach + 1, mode="constant").ravel()

    def prior(self):
        """What is public without any map: residents, here and around."""
        thin = np.where(np.isfinite(self.grid.counted_in), self.grid.counted_in, 8)
        people = np.log1p(self.residents)
        return np.column_stack([people, np.log1p(self.around(self.residents)), np.log1p(self.around(self.residents, 2)), thin])

    def overall(self):
        """What all releases together say of a cell: how often and how much it and the squares around it are listed."""
        parts = [self.hot, self.around(self.hot)]
        for side in (1, 2, 4):
            lows = np.array([told.low[side] for told in self.quarters.values()])
            parts += [lows.mean(axis=0), (lows > 0).mean(axis=0), self.around(lows.mean(axis=0))]
            lows = np.array([told.low[side] for told in self.periods.values()])
            parts += [lows[-1], lows.mean(axis=0), self.around(lows[-1])]
        return np.column_stack(parts)

    def quarterly(self, quarter):
        """What the releases say of each cell in one quarter: its squares and neighbours, and those a quarter before and after."""
        told, names = self.quarters[quarter], list(self.quarters)
        at = names.index(quarter)
        parts = [self.around(told.low[1])]
        for side in (2, 4):
            of_cell = self.grid.squares[side].of_cell
            is_open = (told.low[1] == 0) & ((side == 2) | (told.low[2] == 0))
            number = np.bincount(of_cell, is_open)[of_cell]
            people = np.bincount(of_cell, self.residents * is_open)[of_cell]
            share = self.residents / np.maximum(people, 1)
            parts += [
                told.low[side],
                told.is_hidden[side],
                number,
                share,
                told.low[side] / np.maximum(number, 1),
                told.low[side] * share,
            ]
        for step in (-1, 1):
            other = self.quarters[names[at + step]] if 0 <= at + step < len(names) else told
            parts += [other.low[side] for side in (1, 2, 4)]
        return np.column_stack(parts)


def counts_told(valley, theme, quarters=QUARTERS):
    """Ordinary reports behind the maps: cells x quarters in which they count (late ones: of their reporting)."""
    frame = valley.incidents.assign(
        cell_id=valley.placed["cell_id"].to_numpy(), quarter=valley.incidents["date_reported"].dt.to_period("Q").astype(str)
    )
    frame = frame[(frame["theme"] == theme) & (frame["tier"] == "B") & frame["cell_id"].notna() & frame["quarter"].isin(quarters)]
    at = pd.Index(valley.cells["cell_id"]).get_indexer(frame["cell_id"])
    counts = np.zeros((len(valley.cells), len(quarters)), dtype=int)
    np.add.at(counts, (at, pd.Index(quarters).get_indexer(frame["quarter"])), 1)
    return counts


# 1. Guesses


DRAWS = 8
"""How often sealed reports are drawn anew, given the ordinary ones: the first draw is in the valley, the others never were."""


def observed(seed):
    """One valley, all its releases, and everything that guesses are made from and held against."""
    valley = make_valley(seed)
    rng = np.random.default_rng([seed, 77])
    ordinary = counts_told(valley, "crime").sum(axis=1)
    weights = {"apart": valley.residents, "together": (ordinary + 0.05) ** 1.5 * (valley.residents > 0)}
    held = {name: np.array([marked(rng, weight) for _ in range(DRAWS)]) for name, weight in weights.items()}
    valley = with_sealed(valley, rng, held)
    every = series_quickly(valley)
    releases = every[-1].releases
    crime, tension = (Reading(releases, theme, valley) for theme in THEMES)
    lived = valley.residents > 0
    told = np.column_stack([crime.overall(), tension.overall()])
    naive = valley.with_reports(valley.incidents.assign(tier=valley.incidents["tier"].replace("S", "B")), valley.placed)
    leaky = [release_of(naive, QUARTERS[-1])]
    of_naive = np.column_stack([Reading(leaky, theme, valley).overall() for theme in THEMES])
    return {
        "seed": seed,
        "sealed": {name: cells[:, lived] for name, cells in held.items()},
        "prior": crime.prior()[lived],
        "told": told[lived],
        "naive": of_naive[lived],
        "hidden": hidden_rows(valley, crime, told),
        "narrowed": narrowed_in_all(valley, releases),
        "one report": one_report(valley, every, rng),
    }


def marked(rng, weight):
    """Truth per cell: it holds sealed reports."""
    result = np.zeros(len(weight), dtype=bool)
    result[sealed_cells(rng, weight)] = True
    return result


def with_sealed(valley, rng, held):
    """The valley with the first draw of either kind as its sealed reports."""
    parts = []
    for theme, name in (("crime", "together"), ("tension", "apart")):
        cells = np.flatnonzero(held[name][0])
        at = np.repeat(cells, rng.integers(SEALED_REPORTS // 2, SEALED_REPORTS * 2, len(cells)))
        quarter = rng.choice(QUARTERS, len(at))
        category = CATEGORIES[theme]["S"][0]
        parts.append(
            pd.DataFrame({"theme": theme, "tier": "S", "category": category, "at": at, "quarter": quarter, "reported": quarter})
        )
    incidents, placed = as_tables(pd.concat(parts, ignore_index=True), valley.cells, rng)
    incidents, placed = (
        frame.assign(**{n: "sealed:" + frame[n].str.removeprefix("register:") for n in ("incident_id", "event_id") if n in frame})
        for frame in (incidents, placed)
    )
    is_open = (valley.incidents["tier"] != "S").to_numpy()
    return valley.with_reports(
        tables.concat([valley.incidents[is_open], incidents], tables.INCIDENTS, CRS),
        tables.concat([valley.placed[is_open], placed], tables.PLACED),
    )


def series_quickly(valley, *, quarters=QUARTERS):
    """What is out after each quarter. Not held against earlier releases, by which areas may be dropped: a little more is told."""
    every = [Published()]
    for quarter in quarters:
        release = release_of(valley, quarter, since=quarters[0], published=every[-1])
        counted = counted_marks(valley.known_by(quarter)[0], release, every[-1], POLICY)
        every.append(Published((*every[-1].releases, release), counted))
    return every[1:]


def hidden_rows(valley, crime, told):
    """Every cell and quarter whose number of crime reports is not told, with what is known of it and the truth."""
    counts, parts = counts_told(valley, "crime"), []
    prior, wholes = crime.prior(), np.array(list(crime.periods.values()), dtype=object)
    for at, (quarter, window) in enumerate(crime.quarters.items()):
        numbers = np.full((len(prior), 2), np.log1p([window.reports, wholes[-1].reports]))
        in_square = np.maximum(window.low[2], np.where(window.low[2] > 0, 0, window.low[4]))
        parts.append(
            {
                "prior": np.column_stack([prior, numbers]),
                "told": np.column_stack([prior, numbers, crime.quarterly(quarter), told]),
                "count": counts[:, at],
                "is_counted": crime.grid.is_counted & window.is_hidden[1],
                "is_thin": ~crime.grid.is_counted,
                "is_lived": valley.residents > 0,
                "square": in_square,
                "side": np.where(window.low[2] > 0, 2, np.where(window.low[4] > 0, 4, 0)),
            }
        )
    rows = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    assert rows["count"][rows["is_counted"]].max() < POLICY.minimum_count, "a cell that is hidden holds fewer than five"
    return {name: values[rows["is_counted"] | rows["is_thin"]] for name, values in rows.items()}


def interval(values):
    """Mean and half of its 95 % interval over valleys."""
    from scipy.stats import t

    values = np.asarray(values, dtype=float)
    return values.mean(), t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))


def guess_sealed(valleys, known_by, world, model, *, draws):
    """For every valley the chance of each cell to hold sealed reports, learnt in the other half of the valleys."""
    guesses = {}
    for half in (0, 1):
        learnt = [v for n, v in enumerate(valleys) if n % 2 == half]
        features = np.concatenate([known_by(v) for v in learnt])
        share = np.concatenate([v["sealed"][world][:draws].mean(axis=0) for v in learnt])
        fitted = model()
        weights = {f"{fitted.steps[-1][0]}__sample_weight": np.concatenate([share, 1 - share])}
        fitted.fit(np.concatenate([features, features]), np.repeat([1, 0], len(share)), **weights)
        guesses |= {v["seed"]: fitted.predict_proba(known_by(v))[:, 1] for n, v in enumerate(valleys) if n % 2 != half}
    return guesses


def models():
    """The two ways of learning."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    return {
        "forest": lambda: make_pipeline(
            FunctionTransformer(), RandomForestClassifier(200, min_samples_leaf=8, max_features=0.4, random_state=1)
        ),
        "logistic": lambda: make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000)),
    }


def sealed_table(valleys):
    """How well each way of guessing tells the cells with sealed reports from the others (AUC: 0.5 is chance)."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    sources = {
        "prior": (lambda v: v["prior"], DRAWS),
        "releases": (lambda v: np.column_stack([v["prior"], v["told"]]), DRAWS),
        "naive": (lambda v: np.column_stack([v["prior"], v["told"], v["naive"]]), 1),
    }
    rows = []
    for world in ("apart", "together"):
        for way, model in models().items():
            scores = {}
            for source, (known_by, draws) in sources.items():
                guesses = guess_sealed(valleys, known_by, world, model, draws=draws)
                for name, score in (("AUC", roc_auc_score), ("AP", average_precision_score)):
                    scores[source, name] = np.array([[score(y, guesses[v["seed"]]) for y in v["sealed"][world]] for v in valleys])
            row = {"sealed reports": world, "by": way}
            for source in sources:
                row[f"{source}"] = "{:.2f}".format(scores[source, "AUC"][:, 0].mean())
            gain = scores["releases", "AUC"] - scores["prior", "AUC"]
            row["releases - prior"] = "{:+.3f} ± {:.3f}".format(*interval(gain.mean(axis=1)))
            # Of the gains, since some cells are easier to guess by the prior than others.
            row["real - drawn anew"] = "{:+.3f} ± {:.3f}".format(*interval(gain[:, 0] - gain[:, 1:].mean(axis=1)))
            row["naive - releases"] = "{:+.3f} ± {:.3f}".format(
                *interval(scores["naive", "AUC"][:, 0] - scores["releases", "AUC"][:, 0])
            )
            row["AP prior, releases, naive"] = ", ".join(f"{scores[s, 'AP'][:, 0].mean():.2f}" for s in sources)
            rows.append(row)
    return pd.DataFrame(rows)


def guess_counts(valleys, source, group):
    """For every valley the chances of 0, 1, ... reports in each of its rows of ``group``, learnt in the other half."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    guesses = {}
    for half in (0, 1):
        learnt = [v["hidden"] for n, v in enumerate(valleys) if n % 2 == half]
        features = np.concatenate([v[source][v[group]] for v in learnt])
        count = np.concatenate([v["count"][v[group]] for v in learnt]).clip(max=POLICY.minimum_count)
        fitted = HistGradientBoostingClassifier(
            learning_rate=0.1, max_iter=60, max_leaf_nodes=16, min_samples_leaf=40, l2_regularization=1.0, random_state=1
        )
        fitted.fit(features, count)
        for v in (v for n, v in enumerate(valleys) if n % 2 != half):
            chances = np.zeros((v["hidden"][group].sum(), POLICY.minimum_count + 1))
            chances[:, fitted.classes_] = fitted.predict_proba(v["hidden"][source][v["hidden"][group]])
            guesses[v["seed"]] = chances
    return guesses


def hidden_table(valleys):
    """What the releases tell of hidden numbers beyond the prior, by the situation of the cell."""
    rows = []
    for group, situations in (
        ("is_counted", ("all", "people live there", "no listed square around it", "in a listed 2 x 2", "in a listed 4 x 4")),
        ("is_thin", ("all", "in a listed 2 x 2", "in a listed 4 x 4")),
    ):
        guesses = {source: guess_counts(valleys, source, group) for source in ("prior", "told")}
        for situation in situations:
            rows.append(hidden_row(valleys, guesses, group, situation))
    return pd.DataFrame(rows)


def is_in_situation(hidden, group, situation):
    """Which rows of a group are in a situation."""
    side = hidden["side"][hidden[group]]
    return {
        "all": side >= 0,
        "people live there": hidden["is_lived"][hidden[group]],
        "no listed square around it": side == 0,
        "in a listed 2 x 2": side == 2,
        "in a listed 4 x 4": side == 4,
    }[situation]


def hidden_row(valleys, guesses, group, situation):
    """One row of `hidden_table`."""
    bits, right, brier, every = {"prior": [], "told": []}, {"prior": [], "told": []}, {"prior": [], "told": []}, []
    for v in valleys:
        wanted = is_in_situation(v["hidden"], group, situation)
        count = v["hidden"]["count"][v["hidden"][group]][wanted].clip(max=POLICY.minimum_count)
        if not len(count):
            continue
        for source, found in guesses.items():
            chances = found[v["seed"]][wanted]
            bits[source].append(-np.log2(np.maximum(chances[np.arange(len(count)), count], 1e-6)).mean())
            right[source].append((chances.argmax(axis=1) == count).mean())
            brier[source].append(((1 - chances[:, 0] - (count > 0)) ** 2).mean())
        every.append(np.column_stack([count, guesses["prior"][v["seed"]][wanted], guesses["told"][v["seed"]][wanted]]))
    every = np.concatenate(every)
    count, prior, told = every[:, 0].astype(int), every[:, 1:7], every[:, 7:]
    return {
        "number": "0 to 4, hidden" if group == "is_counted" else "too few residents",
        "situation": situation,
        "n": len(count),
        "some": f"{(count > 0).mean():.0%}",
        "bits prior, told": "{:.3f}, {:.3f}".format(np.mean(bits["prior"]), np.mean(bits["told"])),
        "bits learnt": "{:.3f} ± {:.3f}".format(*interval(np.subtract(bits["prior"], bits["told"]))),
        "right prior, told": "{:.1%}, {:.1%}".format(np.mean(right["prior"]), np.mean(right["told"])),
        "Brier prior, told": "{:.3f}, {:.3f}".format(np.mean(brier["prior"]), np.mean(brier["told"])),
        "most sure of one number > 0": f"{prior[:, 1:].max():.2f}, {told[:, 1:].max():.2f}",
        "most sure of some": f"{1 - prior[:, 0].min():.3f}, {1 - told[:, 0].min():.3f}",
        "sure of some at 95 %": sure(1 - told[:, 0], count > 0),
        "sure of none at 95 %": sure(told[:, 0], count == 0),
    }


def sure(belief, is_so, at=0.95):
    """How often somebody is sure, and is right when sure."""
    claims = belief >= at
    return f"{claims.mean():.1%}: {is_so[claims].mean():.1%} true" if claims.any() else "never"


def squares_table(valleys):
    """Without any model: how often a hidden cell holds something, by what is told of the merged square around it."""
    rows = {name: np.concatenate([v["hidden"][name] for v in valleys]) for name in ("count", "side", "square", "is_counted")}
    frame = pd.DataFrame(rows).assign(is_some=rows["count"] > 0)
    frame["hidden"] = np.where(frame["is_counted"], "0 to 4", "too few residents")
    table = frame.groupby(["hidden", "side", "square"])["is_some"].agg(["size", "mean"]).reset_index()
    table["square"] = table["square"].map({0: "not listed", 5: "5-9", 10: "10-19", 20: "20+"})
    table["mean"] = table["mean"].map("{:.1%}".format)
    return table.rename(columns={"side": "side of the square", "square": "told of it", "size": "n", "mean": "hold some"})


# 2. One report


TRIALS = 10
RENEWED = 8
"""Position of the quarter in which the period is told anew, so that a report counts in most windows."""


def one_report(valley, every, rng):
    """What changes in a release if one report, taken at random, is not there."""
    quarter, published = QUARTERS[RENEWED], every[RENEWED - 1]
    base = release_of(valley, quarter, published=published)
    placed, incidents = valley.placed, valley.incidents
    is_new = incidents["date_reported"].dt.to_period("Q").astype(str) == quarter
    candidates = np.flatnonzero(is_new & (incidents["tier"] != "S") & incidents["theme"].isin(THEMES) & placed["cell_id"].notna())
    rows = []
    for at in rng.choice(candidates, TRIALS, replace=False):
        left = np.arange(len(incidents)) != at
        less = release_of(valley.with_reports(incidents[left], placed[left]), quarter, published=published)
        is_beside = is_new & (incidents["tier"] == "B") & (incidents["theme"] == incidents["theme"].iloc[at])
        beside = int((is_beside & (placed["cell_id"] == placed["cell_id"].iloc[at])).sum())
        rows.append({"tier": incidents["tier"].iloc[at], "in its cell": beside, **differences(base, less)})
    return rows


def differences(one, other):
    """Which parts of two releases differ."""
    found = {}
    for name, window in (("squares of the quarter", False), ("squares of the period", True)):
        parts = [r.tables["cells"][(r.tables["cells"]["window"] == PERIOD) == window] for r in (one, other)]
        found[name] = not parts[0].reset_index(drop=True).equals(parts[1].reset_index(drop=True))
    for name, table in (("rounded numbers", "numbers"), ("bands of categories", "totals"), ("areas that stand out", "hotspots")):
        found[name] = not one.tables[table].equals(other.tables[table])
    found["facts"] = one.facts != other.facts
    found["any byte"] = one.digest != other.digest
    return found


def one_report_table(valleys):
    """How often leaving out one report changes something that is published."""
    from scipy.stats import binomtest

    trials = pd.DataFrame([row for v in valleys for row in v["one report"]])
    rows = []
    for name in trials.columns[2:]:
        of_tiers = {}
        for tier, of_tier in (("B", trials[trials["tier"] == "B"]), ("A", trials[trials["tier"] == "A"])):
            low, high = binomtest(int(of_tier[name].sum()), len(of_tier)).proportion_ci(method="exact")
            of_tiers[f"tier {tier}, {len(of_tier)} reports"] = f"{of_tier[name].mean():.1%} [{low:.1%}, {high:.1%}]"
        rows.append({"a report less changes": name, **of_tiers})
    at_edge = trials[(trials["tier"] == "B") & (trials["in its cell"] == POLICY.minimum_count)]
    return pd.DataFrame(rows), len(at_edge), int(at_edge["squares of the quarter"].sum())


# 3. Classical attacks


REPEATS = (1, 4, 16, 32)


def donut_errors(rng, repeats, *, houses=4000):
    """Median error in metres of a house that is masked anew, 200 to 1000 m away, in each release, after averaging."""
    radius, bearing = (rng.uniform(*ends, (houses, repeats)) for ends in ((200, 1000), (0, 2 * np.pi)))
    return float(np.median(np.hypot((radius * np.cos(bearing)).mean(axis=1), (radius * np.sin(bearing)).mean(axis=1))))


def with_house(valley, rng, house, cell_id):
    """The valley with twelve more reports from one house."""
    size = 12
    theft = valley.incidents[(valley.incidents["category"] == "theft") & valley.placed["cell_id"].notna().to_numpy()].head(size)
    names = [f"house:{n}" for n in rng.choice(10**6, size, replace=False)]
    first = pd.Period(QUARTERS[0]).start_time + pd.to_timedelta(rng.integers(0, 88, size), unit="D")
    more = theft.assign(incident_id=names, event_id=names, date_start=first, date_end=first, date_reported=first)
    more = more.set_geometry([shapely.Point(house)] * size, crs=CRS)
    placed = valley.placed.head(size).assign(incident_id=names, cell_id=cell_id)
    order = rng.permutation(len(valley.incidents) + size)
    return valley.with_reports(
        tables.concat([valley.incidents, more], tables.INCIDENTS, CRS).iloc[order].reset_index(drop=True),
        tables.concat([valley.placed, placed], tables.PLACED).iloc[order].reset_index(drop=True),
    )


def averaged(valley, rng, repeats):
    """Distances of a house from the best guess by one release, and by ``repeats`` releases; and how many releases differ.

    In each the house lies elsewhere in its cell, and its reports have other numbers, days and rows. The best guess is the
    middle of the smallest listed square.
    """
    at = int(np.argmax(valley.residents))
    cell = valley.cells.iloc[at]
    guesses, digests = [], set()
    for _ in range(repeats):
        house = rng.uniform(1, valley.cell_m - 1, 2) + np.array(cell.geometry.bounds[:2])
        release = release_of(with_house(valley, rng, house, cell["cell_id"]), QUARTERS[0])
        digests.add(release.digest)
        squares = release.tables["cells"].query("theme == 'crime' and side_cells == 1")
        around = squares[squares["cell_id"] == cell["cell_id"]].geometry.iloc[0]
        guesses.append(np.array(around.centroid.coords[0]))
    houses = rng.uniform(0, valley.cell_m, (4000, 2)) + np.array(cell.geometry.bounds[:2])
    errors = [float(np.median(np.hypot(*(houses - np.mean(guesses[:n], axis=0)).T))) for n in (1, repeats)]
    return *errors, len(digests)


def known_seed_error(seed=7):
    """How far from its place a house is found by somebody who knows the seed of its mask."""

    def mask():
        rng = np.random.default_rng(seed)
        radius, bearing = rng.uniform(200, 1000), rng.uniform(0, 2 * np.pi)
        return radius * np.array([np.cos(bearing), np.sin(bearing)])

    house = np.array([500_123.0, 4_760_456.0])
    return float(np.hypot(*(house + mask() - mask() - house)))


def seeded_digests(valley, seeds):
    """The digests of one release, with every seed of chance that there is set anew."""
    import random

    found = set()
    for seed in seeds:
        random.seed(seed)
        np.random.seed(seed)
        found.add(release_of(valley, QUARTERS[0]).digest)
    return found


class Program:
    """Unknown numbers, none below 0, and what is known of sums of them: solved for the least and the most of a sum."""

    def __init__(self, unknowns):
        self.unknowns, self.rows, self.low, self.high = unknowns, [], [], []

    def say(self, members, low, high, weights=1.0):
        """A weighted sum lies between two ends."""
        self.rows.append((np.asarray(members), np.broadcast_to(np.asarray(weights, dtype=float), len(members))))
        self.low.append(low)
        self.high.append(high)

    @cached_property
    def matrix(self):
        """Sums x unknowns."""
        from scipy import sparse

        sizes = [len(members) for members, _ in self.rows]
        at = (np.repeat(np.arange(len(sizes)), sizes), np.concatenate([members for members, _ in self.rows]))
        return sparse.csr_array((np.concatenate([weights for _, weights in self.rows]), at), shape=(len(sizes), self.unknowns))

    def ends(self, members):
        """The least and the most that a sum can be."""
        from scipy.optimize import linprog
        from scipy.sparse import vstack

        low, high = np.array(self.low, dtype=float), np.array(self.high, dtype=float)
        below, above = np.isfinite(high), low > 0
        limits = {"A_ub": vstack([self.matrix[below], -self.matrix[above]]), "b_ub": np.concatenate([high[below], -low[above]])}
        aim = np.zeros(self.unknowns)
        aim[members] = 1
        found = [linprog(sign * aim, **limits, method="highs") for sign in (1, -1)]
        assert all(one.status in (0, 3) for one in found), "what is known cannot be true"
        return tuple(np.inf if one.status == 3 else round(sign * one.fun, 6) for sign, one in zip((1, -1), found, strict=True))


def program_of_categories(release, reading, theme, window):
    """Cells x categories of one window by all that is told of it, margins included. Unknowns of a cell come together."""
    told = reading.periods[public_span(release)] if window == PERIOD else reading.quarters[window]
    ordinary, sensitive = CATEGORIES[theme]["B"], CATEGORIES[theme]["A"]
    cells, kinds, fewest = len(reading.residents), len(ordinary), release.facts.minimum_count
    ids = np.arange(cells * kinds).reshape(cells, kinds)
    unplaced, of_a = cells * kinds + np.arange(kinds), cells * kinds + kinds + np.arange(2)
    program = Program(cells * kinds + kinds + 2)
    for inside, low, high in told.listed:
        program.say(ids[inside].ravel(), low, high)
    for inside in told.hidden:
        program.say(ids[inside].ravel(), 0, fewest - 1)
    listed = release.tables["totals"].query("theme == @theme and window == @window").set_index("category")["band"]
    lows = {"A": 0.0, "B": 0.0}
    for tier, category, members, least in (
        *(("B", c, [*ids[:, n], unplaced[n]], fewest) for n, c in enumerate(ordinary)),
        *(("A", c, of_a, release.facts.minimum_count_sensitive) for c in sensitive),
    ):
        low, high = (0.0, least - 1.0 if len(listed) else np.inf)
        if category in listed.index:
            low, high = margins.ends(listed[[category]], fewest=least).iloc[0]
        lows[tier] += low
        program.say(members, low, high)
    shown = max(sum(low for _, low, _ in told.listed), lows["B"]) + lows["A"]
    was_lifted = told.reports == int(np.ceil(shown / (2 * fewest))) * 2 * fewest
    every = np.arange(program.unknowns)
    program.say(every, 0 if was_lifted else told.reports - fewest, told.reports + fewest - 1)
    if window == PERIOD:
        numbers = release.tables["numbers"].query("theme == @theme and window == @window")
        share = max(int(numbers["unplaced_percent"].iloc[0]) - margins.PERCENT_STEP / 2, 0) / 100
        program.say(every, 0, np.inf, np.where(np.isin(every, [*unplaced, of_a[1]]), 1 - share, -share))
    return program, ids


def known_of_windows(releases, reading, *, with_rest=True):
    """Sums of cells x quarters of one theme by all squares, rounded numbers and areas of all releases.

    Each period, and each study by the areas found over it, may hold reports that belong to no quarter, since they can have
    happened in two. ``with_rest=False`` is somebody who is sure that there are none.

    Returns
    -------
    tuple
        Number of unknowns; and of every sum: its members, its least, its most, and whether it is hidden.
    """
    fewest, cells = releases[-1].facts.minimum_count, len(reading.residents)
    spans = sorted({span(release) for release in releases for span in (public_span, study_span)})
    parts = np.array([quarter_span(quarter) for quarter in reading.quarters] + (spans if with_rest else []))
    ids = np.arange(cells * len(parts)).reshape(cells, len(parts))
    within = {(a, b): np.flatnonzero((parts[:, 0] >= a) & (parts[:, 1] <= b)) for a, b in spans}
    windows = [(told, [at]) for at, told in enumerate(reading.quarters.values())]
    windows += [(told, within[span]) for span, told in reading.periods.items()]
    sums = []
    for told, slots in windows:
        sums += [(ids[inside][:, slots].ravel(), low, high, False) for inside, low, high in told.listed]
        sums += [(ids[inside][:, slots].ravel(), 0, fewest - 1, True) for inside in told.hidden]
        sums += [(ids[cell, slots], 0, np.inf, True) for cell in np.flatnonzero(~reading.grid.is_counted)]
        shown = sum(low for _, low, _ in told.listed)
        sums.append((ids[:, slots].ravel(), 0, max(told.reports + fewest - 1, shown), False))
    for span, inside, at_least in reading.areas:
        members = ids[inside[reading.grid.is_counted[inside]]][:, within[span]].ravel()
        sums.append((members, min(at_least, fewest) if with_rest else at_least, np.inf, False))
    return ids.size, sums


def narrowed(releases, reading, *, with_rest=True):
    """How many numbers are hidden by all releases, and how many of them cannot be none, or cannot be four."""
    unknowns, sums = known_of_windows(releases, reading, with_rest=with_rest)
    members, low, high, hidden = zip(*sums, strict=True)
    table = statements.Statements.of(members, low, high, atoms=unknowns, is_secret=hidden, release=0)
    return sum(hidden), len(statements.openings(table, width=releases[-1].facts.minimum_count - 1))


def narrowed_in_all(valley, releases):
    """`narrowed` of either theme, with reports of no quarter and without; then again as the ledger lets the releases pass."""

    def told_by(some):
        return [narrowed(some, Reading(some, theme, valley), with_rest=rest) for theme in THEMES for rest in (True, False)]

    found = told_by(releases)
    # Where nothing is narrowed, the ledger has no reason to change a release.
    return found, told_by(series(valley)) if any(less for _, less in found) else found


def solved_again(releases, reading, rng, *, sample, with_rest=True):
    """The ends of a ``sample`` of the hidden numbers, by linear programming: checks `narrowed` by another way."""
    unknowns, sums = known_of_windows(releases, reading, with_rest=with_rest)
    program = Program(unknowns)
    for members, low, high, _ in sums:
        program.say(members, low, high)
    hidden = [members for members, _, _, is_hidden in sums if is_hidden]
    return {program.ends(hidden[at]) for at in rng.choice(len(hidden), sample, replace=False)}


NAIVE_TABLE = np.array([[12, 7, 3], [9, 15, 6], [8, 2, 11], [5, 6, 10]])
"""Cells x categories; what is below five is not shown, sums of rows and columns are."""


def naive_margins(table=NAIVE_TABLE, fewest=5):
    """The ends of every number of a table that is not shown, by its margins."""
    program, ids = Program(table.size), np.arange(table.size).reshape(table.shape)
    for line, sums in ((ids, table.sum(axis=1)), (ids.T, table.sum(axis=0))):
        for members, total in zip(line, sums, strict=True):
            program.say(members, total, total)
    for at, value in zip(ids.ravel(), table.ravel(), strict=True):
        program.say([at], value if value >= fewest else 0, value if value >= fewest else np.inf)
    return {int(table.ravel()[at]): program.ends([at]) for at in ids[table < fewest]}


def margins_world(table=NAIVE_TABLE):
    """A valley whose reports are those of ``table``, in cells far from one another, all in one quarter."""
    rng = np.random.default_rng(5)
    cells = make_cells(rng, 8, 8, residents=np.full(64, 400.0))
    at = [0, 20, 42, 63]
    drawn = [
        {"theme": "crime", "tier": "B", "category": category, "at": cell, "quarter": QUARTERS[0], "reported": QUARTERS[0]}
        for cell, row in zip(at, table, strict=True)
        for category, count in zip(CATEGORIES["crime"]["B"], row, strict=True)
        for _ in range(count)
    ]
    incidents, placed = as_tables(pd.DataFrame(drawn), cells, rng)
    return Valley(0, cells, {}, incidents, placed, background_of(cells)), at


def told_exactly(counts, fewest=5):
    """Ends of each count as a naive map tells it: exactly, if it is not below ``fewest``."""
    return np.where(counts >= fewest, counts, 0), np.where(counts >= fewest, counts, fewest - 1)


def opened_by(low, high, hidden, fewest=5):
    """Of the ``hidden`` numbers, between these ends: how many there are, are narrowed, are known exactly."""
    low, high = np.maximum(low, 0)[hidden], np.minimum(high, fewest - 1)[hidden]
    return int(hidden.sum()), int(((low > 0) | (high < fewest - 1)).sum()), int((low == high).sum())


def naive_windows(counts):
    """What quarters 1-4, 2-5 and 5 tell of quarter 1, and quarters 1-4 and 1-5 of quarter 5."""
    first, second, longer = counts[:, :4].sum(axis=1), counts[:, 1:5].sum(axis=1), counts[:, :5].sum(axis=1)
    (a, a_most), (b, b_most), (c, c_most), (d, d_most) = map(told_exactly, (first, second, counts[:, 4], longer))
    return {
        "overlapping windows": opened_by(a - b_most + c, a_most - b + c_most, counts[:, 0] < 5),
        "period longer by a quarter": opened_by(d - a_most, d_most - a, counts[:, 4] < 5),
    }


def naive_grids(valley, counts):
    """What exact squares of 2 km tell of the cells of 1 km in them."""
    of_cell = grid_in(valley.cells["cell_id"], pd.Series(np.ones(len(counts)))).squares[2].of_cell
    low, high = told_exactly(counts)
    whole, whole_most = told_exactly(np.bincount(of_cell, counts).astype(int))
    others_low, others_high = (np.bincount(of_cell, ends)[of_cell] - ends for ends in (low, high))
    return opened_by(whole[of_cell] - others_high, whole_most[of_cell] - others_low, counts < 5)


def coarser(valley):
    """The same valley on a grid of 2 km."""
    side = 2 * valley.cell_m
    column, row = (np.floor(valley.cells[name] / side).astype(int) for name in ("easting", "northing"))
    name = "E" + column.astype(str) + "N" + row.astype(str)
    people = valley.cells["residents"].groupby(name).sum()
    cells = make_cells(None, column.max() - column.min() + 1, row.max() - row.min() + 1, side, residents=np.zeros(len(people)))
    cells = cells.assign(residents=cells["cell_id"].map(people).to_numpy())
    of_cell = dict(zip(valley.cells["cell_id"], name, strict=True))
    placed = valley.placed.assign(cell_id=valley.placed["cell_id"].map(of_cell))
    return replace(valley, cells=cells, placed=placed, cell_m=side)


def verdict(release, *earlier):
    """What the ledger says to a release that was made without regard to the earlier ones; empty: nothing is opened."""
    try:
        ledger.require_closed(release, Published(earlier))
    except ReleaseError as error:
        return str(error)
    return ""


def punctual(valley):
    """The same valley, where no report comes late: with late ones, releases made anew contradict the earlier ones at once."""
    on = valley.incidents["date_reported"]
    return valley.with_reports(valley.incidents.assign(date_start=on, date_end=on), valley.placed)


def forced(valley):
    """Releases that the usual way never makes: what the ledger says, and what somebody sure of every quarter works out."""
    usual, valley = {"policy": Policy()}, punctual(valley)
    first = release_of(valley, QUARTERS[3], **usual)
    found = {}
    for name, until, since in (("overlapping windows", 4, 1), ("period longer by a quarter", 4, 0)):
        second = release_of(valley, QUARTERS[until], since=QUARTERS[since], **usual)
        kept = release_of(valley, QUARTERS[until], since=QUARTERS[since], published=Published((first,)), **usual)
        sentence = (verdict(second, first).splitlines() or ["not refused"])[0]
        hidden, less = narrowed((first, second), Reading((first, second), "crime", valley), with_rest=False)
        usually, still = narrowed((first, kept), Reading((first, kept), "crime", valley), with_rest=False)
        found[name] = (
            f"the usual way keeps the period {' to '.join(public_span(kept))}: {still} of {usually} narrowed; "
            f"made by force: {sentence} ({less} of {hidden} narrowed for somebody sure that each report is of one quarter)"
        )
    found["2 km after 1 km"] = (
        verdict(release_of(coarser(valley), QUARTERS[3], **usual), first).splitlines() or ["not refused"]
    )[0]
    return found


def without_sealed(valley):
    """The valley without its sealed reports."""
    is_open = (valley.incidents["tier"] != "S").to_numpy()
    return valley.with_reports(valley.incidents[is_open], valley.placed[is_open])


def digest_elsewhere(hash_seed):
    """The digest of one release as another process makes it, with another seed of Python's hashes."""
    code = "import adversary as a; print(a.release_of(a.small_valley(), a.QUARTERS[0]).digest)"
    where = {**os.environ, "PYTHONHASHSEED": str(hash_seed), "PYTHONPATH": str(Path(__file__).parent)}
    done = subprocess.run([sys.executable, "-c", code], env=where, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def small_valley(seed=1):
    """A valley of 12 x 10 cells with a quarter of the reports."""
    return make_valley(seed, columns=12, rows=10, scale=0.25)


def attacks():
    """The classical attacks: what each opens on a naive release, and on ours."""
    rng, small, large = np.random.default_rng(1), small_valley(), make_valley(3)
    errors = {n: donut_errors(rng, n) for n in REPEATS}
    once, often, different = averaged(small, rng, REPEATS[-1])
    digests = seeded_digests(small, range(3)) | {digest_elsewhere(n) for n in (1, 2)}
    measured = [release_of(small, QUARTERS[-1], seed=n) for n in range(1, 6)]
    changed = {name for one in measured for name, is_so in differences(measured[0], one).items() if is_so and name != "any byte"}
    world, at = margins_world()
    release = release_of(world, QUARTERS[0])
    reading = Reading((release,), "crime", world)
    program, ids = program_of_categories(release, reading, "crime", PERIOD)
    counts = counts_told(large, "crime")
    found = {**naive_windows(counts), "2 km after 1 km": naive_grids(large, counts[:, :4].sum(axis=1))}
    with tempfile.TemporaryDirectory() as folder:
        kept = series(small, folder=Path(folder))
    every, without = (series_quickly(valley)[-1].releases for valley in (small, without_sealed(small)))
    same = sum(one.digest == other.digest for one, other in zip(every, without, strict=True))
    sealed = int((small.incidents.query("theme == 'crime'")["tier"] == "S").sum())
    rows = [
        (
            "averaging: a house, masked anew 200-1000 m away; median error after 1, 4, 16, 32 releases",
            ", ".join(f"{error:.0f} m" for error in errors.values()),
            f"{once:.0f} m after 1, {often:.0f} m after {REPEATS[-1]}: {different} digest in {REPEATS[-1]} releases",
        ),
        ("a known seed of the mask", f"{known_seed_error():.0f} m", f"{len(digests)} digest for 5 seeds of chance and of hashes"),
        ("another seed of the test of hot spots", "", f"of 5 seeds, differs: {', '.join(sorted(changed)) or 'nothing'}"),
        (
            "category totals less their parts: sealed reports",
            f"all {sealed} of them",
            f"{same} of 12 releases same without sealed rows",
        ),
        (
            "margins of a table of 4 x 3, ends of the two numbers below five (3 and 2)",
            "; ".join(f"{least:.0f} to {most:.0f}" for least, most in naive_margins().values()),
            "; ".join("{:.0f} to {:.0f}".format(*program.ends([ids[at[row], column]])) for row, column in ((0, 2), (2, 1))),
        ),
    ]
    for name, sentence in forced(large).items():
        hidden, less, exactly = found[name]
        naive = f"of {hidden} hidden numbers {less} narrowed, {exactly} exactly known"
        rows.append((name, naive, sentence))
    again = solved_again(every, Reading(every, "crime", small), rng, sample=60)
    least, most = max(low for low, _ in again), min(high for _, high in again)
    rows.append(("all releases, 60 hidden numbers by linear programming", "", f"each can be {least:.0f}, each can be {most:.0f}"))
    rows.append(("the same as kept by a ledger", "", f"{len(kept)} releases, {len({r.digest for r in kept})} digests"))
    return rows


def main(valleys):
    began = time.perf_counter()
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # threads that wait for one another cost more than they bring
    with ProcessPoolExecutor(2) as pool:
        found = list(pool.map(observed, range(1, valleys + 1)))
    print(f"{valleys} valleys, 12 releases each; ± and brackets: 95 % intervals over valleys, or exact ones of shares")
    print("\nWhich inhabited cells hold sealed reports, AUC (0.5: chance); 'together': where ordinary ones are")
    print(sealed_table(found).to_string(index=False))
    print("\nHow many crime reports a cell and quarter has whose number is not told")
    print(hidden_table(found).to_string(index=False))
    print(squares_table(found).to_string(index=False))
    for held, before in enumerate(("made without the ledger", "as the ledger lets them pass")):
        for at, name in enumerate(("if reports may be of no quarter", "for somebody sure that each is of one quarter")):
            pairs = [one for v in found for one in v["narrowed"][held][at::2]]
            less, hidden = sum(n for _, n in pairs), sum(n for n, _ in pairs)
            print(f"hidden numbers with ends narrower than 0 to 4, releases {before}, {name}: {less} of {hidden}")
    table, at_edge, shown = one_report_table(found)
    print("\nOne report less")
    print(table.to_string(index=False))
    print(f"reports that were the fifth of their cell and quarter: {at_edge}, and so told {shown}")
    print("\nClassical attacks")
    for name, naive, ours in attacks():
        print(f"{name}\n    naive: {naive or '-'}\n    ours:  {ours}")
    print(f"\n{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--valleys", type=int, default=24)
    main(parser.parse_args().valleys)
