"""A small release to draw: twelve by ten cells of an invented border, for any audience."""

from collections.abc import Mapping, Sequence

import geopandas as gpd
import pandas as pd
import pytest
from shapely.geometry import LineString, Point, Polygon, box

from tensionmap import tables
from tensionmap.tables import Facts, Release

CRS = "EPSG:32626"
WEST, SOUTH, CELL_M = 500_000, 4_760_000, 1000


Square = tuple[str, str, int, int, int, str]
"""Theme, window, column, row, side in cells, band."""

BANDED = {(3, 3): "10-19", (3, 4): "20+", (4, 3): "5-9", (4, 4): "10-19", (8, 7): "5-9"}


def _square(column: int, row: int, side: int = 1) -> Polygon:
    west, south = WEST + column * CELL_M, SOUTH + row * CELL_M
    return box(west, south, west + side * CELL_M, south + side * CELL_M)


def _listed(squares: Sequence[Square]) -> gpd.GeoDataFrame:
    """What the community sees: the squares of the period, one of a quarter that no map of today may show, and ``squares``."""
    listed: list[Square] = [
        *((theme, tables.PERIOD, *place, 1, band) for theme in ("crime", "tension") for place, band in BANDED.items()),
        *((theme, "2026Q3", 10, 8, 1, "20+") for theme in tables.THEMES),
        *squares,
    ]
    return gpd.GeoDataFrame(
        {
            "theme": [theme for theme, *_ in listed],
            "window": [window for _, window, *_ in listed],
            "cell_id": [f"E{500 + column}N{4760 + row}" for _, _, column, row, *_ in listed],
            "side_cells": [side for *_, side, _ in listed],
            "band": [band for *_, band in listed],
        },
        geometry=[_square(column, row, side) for _, _, column, row, side, _ in listed],
        crs=CRS,
    )


def _counted(squares: Sequence[Square]) -> gpd.GeoDataFrame:
    """What is seen inside the house: every cell, of the whole study."""
    more = {(theme, (column, row)): band for theme, _, column, row, _, band in squares}
    rows = []
    for theme in tables.THEMES:
        for column in range(12):
            for row in range(10):
                is_tested = theme != "cooperation"
                band = BANDED.get((column, row), tables.BANDS[0]) if is_tested else tables.BANDS[0]
                rows.append(
                    {
                        "theme": theme,
                        "cell_id": f"E{500 + column}N{4760 + row}",
                        "band": more.get((theme, (column, row)), band),
                        "hotspot": "hot" if is_tested and column in (3, 4) and row in (3, 4) else "none",
                        "geometry": _square(column, row),
                    }
                )
    return gpd.GeoDataFrame(rows, crs=CRS).assign(count=3, expected=1.5, p_map=0.2)


def _numbers(reports: Mapping[str, int]) -> pd.DataFrame:
    """Reports of the period, and those of a quarter that no map of today may show."""
    unplaced = {"crime": 7, "tension": 12, "cooperation": 0}
    told = [(theme, tables.PERIOD, number, unplaced[theme]) for theme, number in reports.items()]
    told += [(theme, "2026Q3", 7770, None) for theme in tables.THEMES]
    return pd.DataFrame(told, columns=["theme", "window", "reports", "unplaced_percent"]).astype({"unplaced_percent": "Int64"})


def _meetings() -> dict[str, pd.DataFrame]:
    """Three meetings of two villages: concerns with and without a place, and an action of every state."""
    spring, summer, council = (
        ("v1", "2026-03-20", "reporting_day"),
        ("v1", "2026-06-19", "reporting_day"),
        ("v3", "2026-06-25", "public_council"),
    )
    few, some, many = tables.BANDS[0], tables.BANDS[2], tables.BANDS[3]
    rows: dict[tables.Table, list[tuple[object, ...]]] = {
        tables.RELEASED_MEETINGS: [(*spring, some, many, few), (*summer, many, some, None), (*council, few, some, few)],
        tables.RELEASED_CONCERNS: [
            (*spring, 1, "irrigation_dispute", "r2", "women|men"),
            (*spring, 2, "livestock_theft", "r4", None),
            (*summer, 1, "irrigation_dispute", "r3", "women"),
            (*summer, 2, "pasture_dispute", "r4", "men"),
            (*summer, 3, "theft", None, None),
            (*council, 1, "road_blockade", "s1", None),
        ],
        tables.RELEASED_ACTIONS: [
            (*spring, 1, 1, "repair", "water_users", "r3", "2026-04-15", "done", "2026-04-10", "better", "no clear change"),
            (*spring, 2, 2, "patrol", "police", "r4", "2026-05-01", "done", "2026-05-20", "about_the_same", "too few to tell"),
            (*spring, 3, None, "information", "school", None, None, "not_possible", None, None, None),
            (*summer, 1, 1, "water_timetable", "water_users", "r2", "2026-07-10", "under_way", None, None, None),
            (*summer, 2, 2, "joint_meeting", "pasture_committee", "s4", "2026-09-01", "agreed", None, None, None),
            (*council, 1, 1, "request_to_authorities", "local_government", "s1", None, "agreed", None, None, None),
        ],
    }
    return {table.name: pd.DataFrame(found, columns=table.column_names) for table, found in rows.items()}


def make_release(
    audience: str = "community",
    *,
    squares: Sequence[Square] = (),
    reports: Mapping[str, int] | None = None,
    **facts: object,
) -> Release:
    hotspots = gpd.GeoDataFrame(
        [
            {
                "theme": theme,
                "hotspot_id": "1",
                "kind": "hot",
                "at_least": 20,
                "reported_from": "both sides",
                "support": "mostly",
                "near": "Orrin|Tavesh",
                "near_local": "Оррин|Тавеш",
                "geometry": box(WEST + 3000, SOUTH + 3000, WEST + 5000, SOUTH + 5000),
            }
            for theme in ("crime", "tension")
        ],
        crs=CRS,
    )
    totals = pd.DataFrame(
        [
            ("crime", tables.PERIOD, "theft", "20+"),
            ("crime", tables.PERIOD, "livestock_theft", "10-19"),
            ("crime", "2026Q3", "fraud", "20+"),
            ("tension", tables.PERIOD, "irrigation_dispute", "20+"),
            ("tension", tables.PERIOD, "pasture_dispute", "5-9"),
            ("tension", "2026Q3", "land_dispute", "20+"),
            ("cooperation", tables.PERIOD, "joint_repair", "5-9"),
        ],
        columns=["theme", "window", "category", "band"],
    )
    numbers = _numbers({"crime": 640, "tension": 410, "cooperation": 60} if reports is None else reports)
    content: dict[str, object] = {"hotspots": hotspots, "totals": totals, "numbers": numbers}
    contracts = tables.RELEASE_TABLES[audience]
    content |= {name: tables.check(frame, contracts[name]) for name, frame in _meetings().items()}
    if audience == "community":
        names = [f"E{500 + column}N{4760 + row}" for column in range(12) for row in range(10)]
        content["cells"] = _listed(squares)
        content["grid"] = pd.DataFrame({"cell_id": names, "counted_in": 1})
    else:
        content["cells"] = _counted(squares)
        content["quarters"] = pd.DataFrame({"theme": ["crime"], "window": "2026Q3", "cell_id": "E510N4768", "count": [7770]})
    if audience == "police":
        content["points"] = gpd.GeoDataFrame(
            {
                "theme": ["crime", "tension"],
                "category": ["theft", "irrigation_dispute"],
                "reported_by": ["Norvia", "Selmar"],
                "source": ["register_norvia", "register_selmar"],
                "date_start": pd.to_datetime(["2026-01-05", "2026-05-06"]),
                "date_precision": ["day", "day"],
                "location_precision_m": [10.0, 20.0],
            },
            geometry=[Point(WEST + 3400, SOUTH + 4200), Point(WEST + 4100, SOUTH + 3300)],
            crs=CRS,
        )
    settlements = gpd.GeoDataFrame(
        {
            "settlement_id": ["v1", "v2", "v3"],
            "name": ["Orrin", "Tavesh", "Ulmek"],
            "name_local": ["Оррин", "Тавеш", "Ӯлмек"],
            "alternatives": ["", "Tavish", None],
            "kind": ["village", "village", "town"],
            "district": None,
            "residents": [1200, 800, 5600],
            "precision_m": [900.0, 800.0, 1500.0],
        },
        geometry=[Point(WEST + 3500, SOUTH + 3500), Point(WEST + 4600, SOUTH + 4400), Point(WEST + 8500, SOUTH + 7500)],
        crs=CRS,
    )
    claims = gpd.GeoDataFrame(
        {
            "claim_id": ["c1", "c2", "c3", "c4", "c5"],
            "claimant": ["Norvia", "Selmar", "Norvia + Selmar", "Norvia", "Selmar"],
            "kind": ["line", "line", "line", "area", "area"],
            "status": ["claimed", "claimed", "agreed", "claimed", "claimed"],
            "date_from": pd.to_datetime(["1991-01-01", "1991-01-01", "2025-03-13", "1991-01-01", "1991-01-01"]),
            "date_to": pd.to_datetime([None, None, None, None, None]),
            "source": ["Norvian survey", "Selmar survey", "Treaty of 2025", "Norvian survey", "Selmar survey"],
        },
        geometry=[
            LineString([(WEST, SOUTH + 5200), (WEST + 6000, SOUTH + 5600)]),
            LineString([(WEST, SOUTH + 4600), (WEST + 6000, SOUTH + 5000)]),
            LineString([(WEST + 6000, SOUTH + 5300), (WEST + 12000, SOUTH + 5900)]),
            box(WEST, SOUTH + 4700, WEST + 12000, SOUTH + 10000),
            box(WEST, SOUTH, WEST + 12000, SOUTH + 5300),
        ],
        crs=CRS,
    )
    resources = gpd.GeoDataFrame(
        {
            "resource_id": ["r1", "r2", "r3", "r4", "r5"],
            "kind": ["river", "canal", "intake", "pasture", "forest"],
            "name": ["First River", "Long Canal", "Head Intake", "High Pasture", None],
            "season_from": pd.array([None, 4, 4, 5, None], dtype="Int64"),
            "season_to": pd.array([None, 9, 9, 9, None], dtype="Int64"),
        },
        geometry=[
            LineString([(WEST, SOUTH + 2000), (WEST + 12000, SOUTH + 2600)]),
            LineString([(WEST + 1000, SOUTH + 2100), (WEST + 4000, SOUTH + 4000), (WEST + 9000, SOUTH + 7000)]),
            Point(WEST + 1000, SOUTH + 2100),
            box(WEST + 9000, SOUTH + 1000, WEST + 11500, SOUTH + 3500),
            box(WEST + 500, SOUTH + 7500, WEST + 2500, SOUTH + 9500),
        ],
        crs=CRS,
    )
    services = gpd.GeoDataFrame(
        {
            "service_id": ["s1", "s2", "s3", "s4"],
            "kind": ["road", "crossing", "police_post", "meeting_place"],
            "name": [None, "Bridge Crossing", "Orrin Post", "Council House"],
        },
        geometry=[
            LineString([(WEST, SOUTH + 3300), (WEST + 5000, SOUTH + 4500), (WEST + 12000, SOUTH + 7800)]),
            Point(WEST + 6300, SOUTH + 5350),
            Point(WEST + 3600, SOUTH + 3300),
            Point(WEST + 8300, SOUTH + 7600),
        ],
        crs=CRS,
    )
    known: dict[str, object] = {
        "study": "Small Border",
        "is_invented": True,
        "parties": ("Norvia", "Selmar"),
        "date_from": "2023-10-01",
        "date_to": "2026-09-30",
        "public_from": "2023-10-01",
        "public_to": "2026-09-30",
        "quarters": ("2026Q2", "2026Q3"),
        "extent": (WEST, SOUTH, WEST + 12 * CELL_M, SOUTH + 10 * CELL_M),
        "cell_m": 1000.0,
        "alpha": 0.05,
        "replicates": 999,
        "minimum_count": 5,
        "minimum_count_sensitive": 10,
        "minimum_residents": 100,
        "verdicts": {"crime": "found", "tension": "found", "cooperation": "too few to tell"},
        "is_withheld": {"crime": True, "tension": False, "cooperation": False},
        "reported_by": ("Norvia", "Selmar", "community"),
        "missing_layers": ("gate", "spring"),
        "data_as_of": "2026-10-02",
    }
    if audience != "community":
        known |= {"smallest_count": 1, "percent_at_minimum": 38}
    return Release(
        audience,
        Facts(**{**known, **facts}),  # type: ignore[arg-type]
        content,
        {"settlements": settlements, "claims": claims, "resources": resources, "services": services},
    )


@pytest.fixture
def release():
    return make_release


@pytest.fixture(params=tables.AUDIENCES)
def any_release(request):
    return make_release(request.param)
