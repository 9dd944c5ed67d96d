"""What really happens in the valley: a background that follows the residents, and the clusters planted into it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np

from two_rivers import PARTIES, SEED, STUDY_FROM, STUDY_TO, land
from two_rivers.land import Km
from two_rivers.names import SETTLEMENTS, Settlement
from two_rivers.rasters import PIXEL_M, Terrain

NORVIA, SELMAR, KOBO, GED = "register_norvia", "register_selmar", "kobo_community", "ged_like"
REGISTERS = {"Norvia": NORVIA, "Selmar": SELMAR}

# Share of each category in the background of its theme, and the months in which it happens (all, if none are named).
_BACKGROUND: dict[str, tuple[int, dict[str, float]]] = {
    "crime": (
        710,
        {
            "theft": 25, "livestock_theft": 9, "burglary": 11, "hooliganism": 11, "fraud": 8, "traffic_accident": 10,
            "assault": 9, "drugs": 3, "weapons": 1.5, "domestic_violence": 7, "sexual_violence": 1.3, "child_violence": 1.2,
        },
    ),
    "tension": (
        395,
        {
            "irrigation_dispute": 13, "drinking_water_dispute": 10, "pasture_dispute": 11, "forest_dispute": 7,
            "land_dispute": 11, "border_incident": 12, "road_blockade": 8, "intercommunal_clash": 9, "youth_violence": 5,
            "armed_clash": 6, "recruitment": 3.5,
        },
    ),
    "cooperation": (58, {"joint_repair": 25, "agreement": 15, "joint_meeting": 30, "joint_patrol": 10, "mutual_aid": 20}),
}  # fmt: skip
THEME_OF = {category: theme for theme, (_, shares) in _BACKGROUND.items() for category in shares}
# Roads, fields and pasture where nobody lives, but people meet: one background event in sixteen happens just anywhere.
SHARE_ANYWHERE = 1 / 16
SEASON = {"irrigation_dispute": (4, 9), "pasture_dispute": (5, 9)}
SEALED = ("domestic_violence", "sexual_violence", "child_violence", "recruitment")
SENSITIVE = ("drugs", "weapons", "intercommunal_clash", "youth_violence", "armed_clash")
RESOURCE_OF = {
    "irrigation_dispute": "irrigation", "drinking_water_dispute": "drinking_water", "pasture_dispute": "pasture",
    "forest_dispute": "forest", "land_dispute": "land", "road_blockade": "road", "joint_repair": "irrigation",
}  # fmt: skip


@dataclass(frozen=True)
class Event:
    """One thing that happened, exactly where and when it happened."""

    event_id: str
    category: str
    easting: float
    northing: float
    day: date
    last_day: date
    side: str
    settlement: Settlement
    settlement_m: float
    """Metres to the point of that settlement."""
    cluster_id: str | None = None
    told_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cluster:
    """A planted excess: what, where, when, why, how many reports, and who tells of it."""

    cluster_id: str
    theme: str
    category: str
    centre: Km
    radius_m: float
    events: int
    date_from: date
    date_to: date
    months: tuple[int, int]
    why: str
    told_by: Mapping[str, float]
    retold: float = 0.08
    """Share of events of which a second source tells too."""
    along: tuple[Km, ...] = field(default=())


CLUSTERS: tuple[Cluster, ...] = (
    Cluster(
        "tension-gate", "tension", "irrigation_dispute", land.LOWER_GATE, 1200, 40, STUDY_FROM, STUDY_TO, (4, 9),
        "Water is let through the lower gate, just below the border, in turns that nobody agreed on; every irrigation season.",
        {SELMAR: 0.45, KOBO: 0.30, NORVIA: 0.25},
    ),
    Cluster(
        "tension-pasture", "tension", "pasture_dispute", land.DISPUTED_PASTURE, 1200, 36, STUDY_FROM, STUDY_TO, (5, 9),
        "Both states claim the middle pasture and herders of both use it in summer; only the Norvian register tells of it.",
        {NORVIA: 1.0}, retold=0.0,
    ),
    Cluster(
        "tension-crossing", "tension", "road_blockade", land.MIDDLE_CROSSING, 1200, 32, date(2024, 11, 1), date(2026, 6, 30),
        (1, 12), "The valley road is closed at the middle crossing whenever the two sides cannot agree on something else.",
        {NORVIA: 0.38, SELMAR: 0.38, KOBO: 0.24},
    ),
    Cluster(
        "crime-pasture-road", "crime", "livestock_theft", (36.0, 9.0), 1800, 38, STUDY_FROM, STUDY_TO, (5, 10),
        "Animals are taken at night from the road to the Orgüldü pasture, where no post is near.",
        {SELMAR: 0.65, KOBO: 0.35}, along=((34.9, 9.75), (36.0, 9.0), (36.9, 8.4)),
    ),
    Cluster(
        "crime-quarter", "crime", "burglary", (8.5, 15.8), 550, 54, date(2025, 1, 1), STUDY_TO, (1, 12),
        "A new quarter in the east of Navqarun stands empty by day while its people work in the fields.",
        {NORVIA: 0.7, KOBO: 0.3},
    ),
)  # fmt: skip


def _days(months: tuple[int, int], date_from: date, date_to: date) -> list[date]:
    span = (date_to - date_from).days + 1
    every = [date_from + timedelta(days=n) for n in range(span)]
    return [day for day in every if months[0] <= day.month <= months[1]]


class _People:
    """Where residents live: places drawn in proportion to the population raster, and a few anywhere."""

    def __init__(self, ground: Terrain) -> None:
        shares = ground.residents.astype("float64").ravel()
        self._shares = shares / shares.sum()
        self._easting, self._northing = ground.easting.ravel(), ground.northing.ravel()

    def places(self, rng: np.random.Generator, count: int) -> np.ndarray:
        pixels = rng.choice(self._shares.size, size=count, p=self._shares)
        centres = np.column_stack([self._easting[pixels], self._northing[pixels]])
        lived_in = centres + rng.uniform(-PIXEL_M / 2, PIXEL_M / 2, size=(count, 2))
        anywhere = np.array(land.CORNER) + rng.uniform(0, 1, size=(count, 2)) * (land.WIDTH_KM * 1000, land.HEIGHT_KM * 1000)
        found: np.ndarray = np.where(rng.random((count, 1)) < SHARE_ANYWHERE, anywhere, lived_in)
        return found


def nearest_settlement(easting: float, northing: float) -> tuple[Settlement, float]:
    """The nearest village or town, and the metres to it."""
    away = [float(np.hypot(easting - p[0], northing - p[1])) for p in map(land.position, SETTLEMENTS)]
    nearest = int(np.argmin(away))
    return SETTLEMENTS[nearest], away[nearest]


def _last_day(rng: np.random.Generator, day: date) -> date:
    """Mostly the same day; one event in sixteen lasts longer or is known only to a few days."""
    length = int(rng.integers(1, 6)) if rng.random() < 0.06 else 0
    return min(day + timedelta(days=length), STUDY_TO)


def events(ground: Terrain) -> list[Event]:
    """Everything that happens in the three years, in the order of its days."""
    found = _background(ground) + [event for cluster in CLUSTERS for event in _of_cluster(cluster)]
    return sorted(found, key=lambda e: (e.day, e.event_id))


def _background(ground: Terrain) -> list[Event]:
    people = _People(ground)
    found: list[Event] = []
    for stream, (theme, (count, shares)) in enumerate(_BACKGROUND.items()):
        rng = np.random.default_rng([SEED, 10, stream])
        weights = np.array(list(shares.values()), dtype="float64")
        categories = rng.choice(list(shares), size=count, p=weights / weights.sum())
        for number, (category, place) in enumerate(zip(categories, people.places(rng, count), strict=True), start=1):
            days = _days(SEASON.get(str(category), (1, 12)), STUDY_FROM, STUDY_TO)
            found.append(_event(rng, f"{theme}-{number:04d}", str(category), place, days, None))
    return found


def _of_cluster(cluster: Cluster) -> list[Event]:
    rng = np.random.default_rng([SEED, 20, *cluster.cluster_id.encode()])
    days = _days(cluster.months, cluster.date_from, cluster.date_to)
    found: list[Event] = []
    while len(found) < cluster.events:
        place = _within(rng, cluster)
        if place is not None:
            found.append(
                _event(rng, f"{cluster.cluster_id}-{len(found) + 1:02d}", cluster.category, place, days, cluster.cluster_id)
            )
    return found


def _within(rng: np.random.Generator, cluster: Cluster) -> np.ndarray | None:
    """A place in the cluster, thick in its middle (or along its road); None if the draw fell outside its radius."""
    centre = np.array(land.metres(cluster.centre))
    if cluster.along:
        start, end = np.sort(rng.choice(len(cluster.along), size=2, replace=False))
        share = rng.random()
        on_road = (1 - share) * np.array(land.metres(cluster.along[start])) + share * np.array(land.metres(cluster.along[end]))
        place = on_road + rng.normal(0, 200, size=2)
    else:
        place = centre + rng.normal(0, cluster.radius_m / 2.4, size=2)
    return place if float(np.hypot(*(place - centre))) <= cluster.radius_m - 60 else None


def _event(
    rng: np.random.Generator, event_id: str, category: str, place: np.ndarray, days: list[date], cluster_id: str | None
) -> Event:
    day = days[int(rng.integers(len(days)))]
    settlement, away_m = nearest_settlement(float(place[0]), float(place[1]))
    return Event(
        event_id=event_id,
        category=category,
        easting=float(place[0]),
        northing=float(place[1]),
        day=day,
        last_day=_last_day(rng, day),
        side=settlement.side,
        settlement=settlement,
        settlement_m=away_m,
        cluster_id=cluster_id,
    )


def tellers(rng: np.random.Generator, event: Event, *, is_near_border: bool) -> tuple[str, ...]:
    """The sources that tell of ``event``: one, sometimes two. Both parties' registers tell at the same rate."""
    planted = {cluster.cluster_id: cluster for cluster in CLUSTERS}.get(event.cluster_id or "")
    if planted is not None:
        first = str(rng.choice(list(planted.told_by), p=list(planted.told_by.values())))
        others = [source for source in planted.told_by if source != first]
        return (first, str(rng.choice(others))) if others and rng.random() < planted.retold else (first,)
    own, other = REGISTERS[event.side], REGISTERS[PARTIES[1 - PARTIES.index(event.side)]]
    if event.category in ("armed_clash", "intercommunal_clash") and rng.random() < 0.85:
        return (GED, own) if rng.random() < 0.4 else (GED,)
    first = own if rng.random() < 0.7 else KOBO
    if THEME_OF[event.category] == "cooperation" and rng.random() < 0.35:
        return (own, other)
    if THEME_OF[event.category] == "tension" and is_near_border and rng.random() < 0.2:
        return (own, other)
    return (own, KOBO) if rng.random() < 0.05 else (first,)
