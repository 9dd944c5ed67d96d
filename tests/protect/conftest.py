"""An invented border of twelve by ten cells with reports of every tier, and a release made of it for any audience."""

import dataclasses
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import LineString, Point, box

from tensionmap import tables
from tensionmap.protect.meetings import Meetings
from tensionmap.protect.policy import Policy
from tensionmap.protect.release import Published, counted_marks, make_release

CRS = "EPSG:32626"
WEST, SOUTH, CELL_M = 500_000, 4_760_000, 1000.0
COLUMNS, ROWS = 12, 10
CATEGORIES = {
    "crime": {"theft": "B", "burglary": "B", "fraud": "B", "drugs": "A", "weapons": "A", "domestic_violence": "S"},
    "tension": {"irrigation_dispute": "B", "pasture_dispute": "B", "youth_violence": "A", "recruitment": "S"},
    "cooperation": {"joint_repair": "B", "agreement": "B"},
}
NOTHING = Published()
World = dict[str, Any]
Counts = dict[tuple[str, str | None] | tuple[str, str | None, str], int]
"""Reports of a category in a cell (None: without a place), in a quarter (not said: in any)."""


def cell(column: int, row: int) -> str:
    return f"E{500 + column}N{4760 + row}"


def make_cells(
    columns: int = COLUMNS, rows: int = ROWS, residents: Sequence[float] | None = None, *, cell_m: float = CELL_M
) -> gpd.GeoDataFrame:
    """CELLS from the south-western corner northwards, column by column."""
    places = [(column, row) for column in range(columns) for row in range(rows)]
    west, south = round(WEST / cell_m), round(SOUTH / cell_m)
    frame = pd.DataFrame({"cell_id": [f"E{west + column}N{south + row}" for column, row in places]})
    frame["easting"] = [(west + column + 0.5) * cell_m for column, _ in places]
    frame["northing"] = [(south + row + 0.5) * cell_m for _, row in places]
    frame["residents"] = residents if residents is not None else [0.0 if column >= 9 else 400.0 for column, _ in places]
    frame["residents_named"] = 0.0
    frame["elevation_m"] = 900.0
    frame["land_cover"] = "cropland"
    for kind in tables.DISTANCE_KINDS:
        frame[f"{kind}_m"] = np.nan
    half = cell_m / 2
    shapes = [box(e - half, n - half, e + half, n + half) for e, n in zip(frame["easting"], frame["northing"], strict=True)]
    return tables.check(gpd.GeoDataFrame(frame, geometry=shapes, crs=CRS), tables.CELLS)


def make_reports(counts: Counts, seed: int = 1) -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    """INCIDENTS and PLACED with so many reports of a category in a cell."""
    rng = np.random.default_rng(seed)
    themes = {category: (theme, tier) for theme, known in CATEGORIES.items() for category, tier in known.items()}
    rows: list[dict[str, Any]] = []
    for (category, cell_id, *quarter), count in counts.items():
        for _ in range(count):
            first = pd.Period(quarter[0]).start_time if quarter else pd.Timestamp("2024-01-01")
            easting, northing = rng.uniform(1, 999, 2).round(2)
            column, row = (int(part) for part in cell_id[1:].split("N")) if cell_id else (0, 0)
            rows.append(
                {
                    "record_id": f"KD-{20000 + len(rows)}",
                    "reported_by": ("Norvia", "Selmar", "community")[int(rng.integers(3))],
                    "category": category,
                    "theme": themes[category][0],
                    "tier": themes[category][1],
                    "date_start": first + pd.Timedelta(int(rng.integers(90 if quarter else 600)), unit="D"),
                    "cell_id": cell_id,
                    "geometry": Point(column * 1000 + easting, row * 1000 + northing) if cell_id else None,
                }
            )
    frame = pd.DataFrame(
        rows, columns=["record_id", "reported_by", "category", "theme", "tier", "date_start", "cell_id", "geometry"]
    )
    frame["incident_id"] = "register:" + frame["record_id"].astype(str)
    placed = frame[["incident_id", "cell_id"]].assign(claimed_by=None, border_m=np.nan)
    placed = placed.assign(**{f"{kind}_m": np.nan for kind in tables.DISTANCE_KINDS})
    frame = frame.assign(
        event_id=frame["incident_id"],
        source="register",
        source_row=range(2, len(frame) + 2),
        resource="none",
        date_end=frame["date_start"],
        date_precision="day",
        date_reported=pd.NaT,
        location_kind=np.where(frame["cell_id"].isna(), "district", "gps"),
        location_precision_m=np.where(frame["cell_id"].isna(), 20_000.0, 10.0),
        settlement_id=None,
        severity=np.nan,
        verification="one_side",
        place_score=np.nan,
    )
    frame = gpd.GeoDataFrame(frame.drop(columns="cell_id"), geometry="geometry", crs=CRS)
    return tables.check(frame, tables.INCIDENTS), tables.check(placed, tables.PLACED)


def make_hotspots(
    cells: gpd.GeoDataFrame,
    hot: dict[str, list[str]],
    cold: dict[str, list[str]] | None = None,
    support: dict[str, dict[str, float]] | None = None,
) -> pd.DataFrame:
    """HOTSPOTS with these hot and cold cells; they are so on every draw where ``support`` does not say otherwise."""
    parts = []
    for scope in tables.SCOPES:
        part = pd.DataFrame({"scope": scope, "cell_id": cells["cell_id"], "count": 0, "expected": 0.5, "gi_z": 0.0})
        part = part.assign(count_low=0.0, count_high=3.7, p_fdr=1.0, rests_on=None)
        part["p_cell"] = part["p_map"] = 0.5
        part["hotspot"] = "none"
        part.loc[part["cell_id"].isin(hot.get(scope, [])), "hotspot"] = "hot"
        part.loc[part["cell_id"].isin((cold or {}).get(scope, [])), "hotspot"] = "cold"
        shares = part["cell_id"].map((support or {}).get(scope, {})).astype(float).fillna(1.0)
        part["support"] = shares.where(part["hotspot"] != "none")
        parts.append(part)
    return tables.check(pd.concat(parts), tables.HOTSPOTS)


def _background() -> dict[str, gpd.GeoDataFrame]:
    settlements = gpd.GeoDataFrame(
        {
            "settlement_id": ["v1", "v2", "v3", "v4", "d1"],
            "name": ["Orrin", "Tavesh", "Ulmek", "Faraway", "Orrin district"],
            "name_local": ["Оррин", None, "Ӯлмек", "Дур", None],
            "alternatives": None,
            "kind": ["village", "village", "town", "village", "district"],
            "district": None,
            "residents": [1200, 800, 5600, None, 9000],
            "precision_m": [900.0, 800.0, 1500.0, 500.0, 20000.0],
        },
        geometry=[
            Point(WEST + 3500, SOUTH + 3500),
            Point(WEST + 4600, SOUTH + 6000),
            Point(WEST + 8500, SOUTH + 7500),
            Point(WEST + 40_000, SOUTH),
            Point(WEST + 3600, SOUTH + 3600),
        ],
        crs=CRS,
    )
    claims = gpd.GeoDataFrame(
        {
            "claim_id": ["c1", "c2", "c3", "c4"],
            "claimant": ["Norvia", "Selmar", "Norvia", "Norvia + Selmar"],
            "kind": ["line", "area", "line", "line"],
            "status": ["claimed", "claimed", "claimed", "agreed"],
            "date_from": pd.to_datetime([None, "1991-01-01", "1924-01-01", "2025-11-16"]),
            "date_to": pd.to_datetime([None, "2024-01-01", "2023-12-31", None]),
            "source": "survey",
        },
        geometry=[
            LineString([(WEST - 30_000, SOUTH + 5200), (WEST + 6000, SOUTH + 5600)]),
            box(WEST, SOUTH - 90_000, WEST + 12_000, SOUTH + 5300),
            LineString([(WEST, SOUTH), (WEST + 1, SOUTH + 1)]),
            LineString([(WEST, SOUTH), (WEST + 1, SOUTH + 1)]),
        ],
        crs=CRS,
    )
    resources = gpd.GeoDataFrame(
        {
            "resource_id": ["r2", "r1"],
            "kind": ["pasture", "canal"],
            "name": ["High Pasture", None],
            "season_from": pd.array([5, None], dtype="Int64"),
            "season_to": pd.array([9, None], dtype="Int64"),
        },
        geometry=[
            box(WEST + 17_000, SOUTH, WEST + 19_000, SOUTH + 500),
            LineString([(WEST + 40_000, SOUTH + 7000), (WEST + 9000, SOUTH + 7000), (WEST + 1000, SOUTH + 2100)]),
        ],
        crs=CRS,
    )
    services = gpd.GeoDataFrame(
        {"service_id": ["s1"], "kind": ["police_post"], "name": ["Orrin Post"]},
        geometry=[Point(WEST + 3600, SOUTH + 3300)],
        crs=CRS,
    )
    return {"settlements": settlements, "claims": claims, "resources": resources, "services": services}


def make_meetings() -> Meetings:
    """Two meetings: of women, a few men and youth that were not counted; and one after the study ends."""
    held = [
        ("m1", "v1", "reporting_day", "2025-03-20", 12, 4, None),
        ("m2", "v3", "public_council", "2025-06-20", 7, 25, 9),
        ("m3", "v1", "reporting_day", "2025-12-01", 30, 30, 30),
    ]
    concerns = [
        ("c1", "m1", 1, "domestic_violence", "crime", "S", None, "women"),
        ("c2", "m1", 2, "irrigation_dispute", "tension", "B", "r1", "women|men"),
        ("c3", "m1", 3, "drugs", "crime", "A", "v1", "youth"),
        ("c4", "m2", 1, "theft", "crime", "B", "s1", "men|youth"),
        ("c5", "m3", 1, "theft", "crime", "B", None, None),
    ]
    actions = [
        ("a1", "m1", "c1", "mediation", "police", None, None, "done", "2025-04-02", "better"),
        ("a2", "m1", "c2", "repair", "water_users", "r1", "2025-05-01", "done", "2025-04-20", "better"),
        ("a3", "m1", None, "information", "school", None, None, "agreed", None, None),
        ("a4", "m2", "c4", "patrol", "police", "s1", None, "done", "2025-11-20", "better"),
    ]
    effects = [("tension", "a2", 44, -20.0, -30.0, -10.0, "fewer")]
    rows = {"held": held, "concerns": concerns, "actions": actions, "effects": effects}
    contracts = {
        "held": tables.MEETINGS,
        "concerns": tables.CONCERNS,
        "actions": tables.ACTIONS,
        "effects": tables.ACTION_EFFECTS,
    }
    return Meetings(
        **{name: tables.check(pd.DataFrame(rows[name], columns=table.column_names), table) for name, table in contracts.items()}
    )


COUNTS: Counts = {
    ("theft", cell(3, 3)): 12,
    ("burglary", cell(3, 3)): 3,
    ("theft", cell(3, 4)): 21,
    ("theft", cell(4, 5)): 4,
    ("fraud", cell(8, 8)): 6,
    ("fraud", cell(7, 1)): 2,
    ("theft", None): 5,
    ("drugs", cell(3, 3)): 9,
    ("drugs", cell(10, 2)): 4,
    ("weapons", cell(6, 6)): 3,
    ("domestic_violence", cell(6, 6)): 11,
    ("domestic_violence", cell(1, 1)): 2,
    ("domestic_violence", None): 4,
    ("irrigation_dispute", cell(10, 7)): 8,
    ("irrigation_dispute", cell(4, 4)): 7,
    ("pasture_dispute", cell(2, 8)): 2,
    ("youth_violence", cell(2, 8)): 8,
    ("recruitment", cell(4, 4)): 5,
    ("joint_repair", cell(4, 4)): 6,
    ("agreement", cell(5, 5)): 1,
}
HOT = {
    "crime": [cell(3, 3), cell(3, 4), cell(4, 5), cell(10, 2)],
    "tension": [cell(10, 7), cell(2, 8)],
    "internal_crime": [cell(3, 3), cell(3, 4), cell(4, 5), cell(6, 6), cell(1, 1)],
    "internal_tension": [cell(4, 4)],
}
COLD = {"crime": [cell(0, 9)], "internal_crime": [cell(0, 9), cell(1, 9)]}
SUPPORT = {
    "crime": {cell(3, 3): 0.98, cell(3, 4): 0.8, cell(10, 2): 0.3, cell(0, 9): 0.4},
    "tension": {cell(10, 7): 0.96, cell(2, 8): 0.2},
    "internal_crime": {cell(3, 4): 0.96, cell(6, 6): 0.5, cell(1, 1): 0.1, cell(1, 9): 0.76},
    "internal_tension": {cell(4, 4): 0.9},
}


QUARTERLY: Counts = {
    ("theft", cell(6, 2), "2024Q4"): 7,
    ("theft", cell(6, 2), "2025Q1"): 5,
    ("theft", cell(7, 7), "2024Q4"): 3,
    ("burglary", cell(2, 6), "2025Q2"): 6,
    ("drugs", cell(2, 6), "2025Q2"): 11,
    ("domestic_violence", cell(2, 6), "2025Q2"): 6,
    ("pasture_dispute", cell(11, 1), "2024Q3"): 9,
}


@pytest.fixture(scope="session")
def usual_world() -> World:
    """Arguments of ``make_release``, audience left out: seven whole quarters, of which five are told, and a part of one."""
    cells = make_cells()
    incidents, placed = make_reports({**COUNTS, **QUARTERLY})
    return {
        "incidents": incidents,
        "placed": placed,
        "cells": cells,
        "hotspots": make_hotspots(cells, HOT, COLD, SUPPORT),
        **_background(),
        "policy": Policy(most_quarters=5),
        "study": "Small Border",
        "is_invented": True,
        "parties": ("Norvia", "Selmar"),
        "date_from": date(2024, 1, 1),
        "date_to": date(2025, 11, 15),
        "cell_m": CELL_M,
        "alpha": 0.05,
        "replicates": 999,
        "meetings": make_meetings(),
        "data_as_of": "2025-11-20",
    }


@pytest.fixture
def world(usual_world: World) -> World:
    """The usual world; parts of it may be put in anew, none is changed."""
    return dict(usual_world)


@pytest.fixture(scope="session")
def release_of(usual_world: World) -> Callable[..., tables.Release]:
    """The release of a world, with some of its parts put in anew; that of the usual world is made once an audience."""
    made: dict[str, tables.Release] = {}

    def make(world: World, audience: str = "community", **changes: Any) -> tables.Release:
        is_usual = not changes and all(world[name] is part for name, part in usual_world.items())
        if is_usual and audience in made:
            return made[audience]
        frames = {**world, **changes}
        four = [frames.pop(name) for name in ("incidents", "placed", "cells", "hotspots")]
        release = make_release(*four, audience=audience, **frames)
        return made.setdefault(audience, release) if is_usual else release

    return make


@pytest.fixture(scope="session")
def reports_of() -> Callable[..., dict[str, Any]]:
    """The parts ``incidents`` and ``placed`` of a world with so many reports of a category in a cell (and quarter)."""

    def make(counts: Counts, **options: Any) -> dict[str, Any]:
        return dict(zip(("incidents", "placed"), make_reports(counts, **options), strict=True))

    return make


@pytest.fixture(scope="session")
def small_world() -> Callable[..., World]:
    """A bare world of a few cells, from the residents of each and the reports."""

    def make(
        columns: int,
        rows: int,
        counts: Counts,
        *,
        residents: Sequence[float] | None = None,
        hot: dict[str, list[str]] | None = None,
        cell_m: float = CELL_M,
        **changes: Any,
    ) -> World:
        people = residents if residents is not None else [400.0] * (columns * rows)
        cells = make_cells(columns, rows, people, cell_m=cell_m)
        incidents, placed = make_reports(counts)
        return {
            "incidents": incidents,
            "placed": placed,
            "cells": cells,
            "hotspots": make_hotspots(cells, hot or {}),
            **{name: layer.iloc[:0] for name, layer in _background().items()},
            "policy": Policy(),
            "study": "Few Cells",
            "is_invented": True,
            "parties": ("Norvia", "Selmar"),
            "date_from": date(2024, 1, 1),
            "date_to": date(2024, 6, 30),
            "cell_m": cell_m,
            "alpha": 0.05,
            "replicates": 999,
            **changes,
        }

    return make


@pytest.fixture(scope="session")
def out_after() -> Callable[..., Published]:
    """What is out once a release of a world was handed out."""

    def make(release: tables.Release, world: World, published: Published = NOTHING) -> Published:
        marks = counted_marks(world["incidents"], release, published, world["policy"])
        return Published((*published.releases, release), marks)

    return make


@pytest.fixture(scope="session")
def bytes_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[tables.Release], list[bytes]]:
    """Everything that a release says, as bytes."""
    path = tmp_path_factory.mktemp("bytes") / "table.parquet"

    def collect(release: tables.Release) -> list[bytes]:
        files = [release.digest.encode(), repr(dataclasses.asdict(release.facts)).encode()]
        contracts = (tables.RELEASE_TABLES[release.audience], tables.BACKGROUND_TABLES)
        for known, layers in zip(contracts, (release.tables, release.background), strict=True):
            for name, table in known.items():
                tables.write(layers[name], table, path)
                files.append(path.read_bytes())
        return files

    return collect


@pytest.fixture(scope="session")
def usual_counts() -> Counts:
    return {**COUNTS, **QUARTERLY}


@pytest.fixture(scope="session")
def hotspots_of() -> Callable[..., pd.DataFrame]:
    return make_hotspots


@pytest.fixture(scope="session")
def cells_of() -> Callable[..., gpd.GeoDataFrame]:
    return make_cells


@pytest.fixture(scope="session")
def cell_at() -> Callable[[int, int], str]:
    return cell
