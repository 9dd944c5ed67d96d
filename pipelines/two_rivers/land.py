"""The land: claims, water, pasture, forest, settlements, roads, posts; all in metres, written out in degrees."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from pyproj import Transformer
from shapely import set_precision, transform
from shapely.geometry import LineString, Point, Polygon, mapping
from shapely.geometry.base import BaseGeometry
from shapely.ops import nearest_points, unary_union

from two_rivers import CRS, INVENTED, TREATY
from two_rivers.names import DISTRICT_NAMES, DISTRICTS, SETTLEMENTS, Settlement

CORNER = (480_000.0, 4_746_000.0)
WIDTH_KM, HEIGHT_KM = 40.0, 30.0
# Claims go on beyond the study area.
BEYOND_KM = 1.5

_TO_DEGREES = Transformer.from_crs(CRS, "EPSG:4326", always_xy=True)

Km = tuple[float, float]
Feature = tuple[dict[str, Any], BaseGeometry]


def metres(place: Km) -> Km:
    """Easting and northing of a place given in kilometres from the valley's south-west corner."""
    return CORNER[0] + place[0] * 1000, CORNER[1] + place[1] * 1000


def degrees(easting: float, northing: float) -> tuple[float, float]:
    """Longitude and latitude."""
    longitude, latitude = _TO_DEGREES.transform(easting, northing)
    return float(longitude), float(latitude)


def _rounded(ring: list[Km]) -> list[Km]:
    """``ring`` with its corners cut twice (Chaikin)."""
    for _ in range(2):
        pairs = zip(ring, ring[1:] + ring[:1], strict=True)
        ring = [(a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share) for a, b in pairs for share in (0.25, 0.75)]
    return ring


def line(*points: Km) -> LineString:
    """A winding line through all of these places in kilometres (Catmull-Rom), so that lines that share a place meet there."""
    places = np.array([points[0], *points, points[-1]], dtype="float64")
    found: list[Km] = []
    for before, start, end, after in zip(places, places[1:], places[2:], places[3:], strict=False):
        for share in (0.0, 0.2, 0.4, 0.6, 0.8):
            bend = (end - before) * share + (2 * before - 5 * start + 4 * end - after) * share**2
            place = start + 0.5 * (bend + (3 * start - before - 3 * end + after) * share**3)
            found.append((float(place[0]), float(place[1])))
    return LineString([metres(p) for p in (*found, points[-1])])


def pocket(centre: Km, east_km: float, north_km: float, *, turn: float = 0.0) -> Polygon:
    """An uneven area around ``centre``."""
    angles = np.linspace(0, 2 * np.pi, 9, endpoint=False)
    reach = 1 + 0.12 * np.sin(3 * angles + turn)
    ring = [
        (centre[0] + float(east_km * r * np.cos(a)), centre[1] + float(north_km * r * np.sin(a)))
        for a, r in zip(angles, reach, strict=True)
    ]
    return Polygon([metres(p) for p in _rounded(ring)])


SOUTH_CROSSING: Km = (21.5, 6.0)
MIDDLE_CROSSING: Km = (21.0, 16.0)
TREATY_START: Km = (21.0, 20.5)
TREATY_END: Km = (22.0, HEIGHT_KM + BEYOND_KM)
LOWER_GATE: Km = (25.2, 9.8)

# South of the first crossing both maps show the same line, and neither state has confirmed it.
SOUTH = line((21.0, -BEYOND_KM), (20.5, 3.0), SOUTH_CROSSING)
MIDDLE = {
    "Norvia": line(SOUTH_CROSSING, (23.4, 8.0), (23.9, 11.0), (23.4, 13.4), MIDDLE_CROSSING),
    "Selmar": line(SOUTH_CROSSING, (19.8, 8.2), (19.4, 11.0), (19.8, 13.6), MIDDLE_CROSSING),
}
# Between the middle crossing and the river neither state claims the strip between the two lines.
RIVER_BEND = {
    "Norvia": line(MIDDLE_CROSSING, (19.9, 17.4), (19.9, 19.0), TREATY_START),
    "Selmar": line(MIDDLE_CROSSING, (21.9, 17.4), (21.8, 19.0), TREATY_START),
}
NORTH = {
    "Norvia": line(TREATY_START, (23.1, 22.4), (22.6, 25.0), (21.7, 27.5), TREATY_END),
    "Selmar": line(TREATY_START, (19.4, 23.0), (19.0, 25.5), (20.0, 28.0), TREATY_END),
}
AGREED = line(TREATY_START, (21.5, 22.7), (20.6, 25.2), (21.0, 27.8), TREATY_END)

_POCKETS_OF_SELMAR = {
    "Norvia": (pocket((13.1, 9.0), 1.2, 1.1), pocket((14.0, 22.4), 1.2, 1.1, turn=1)),
    "Selmar": (pocket((13.1, 9.0), 1.6, 1.4), pocket((14.0, 22.4), 1.2, 1.1, turn=1)),
}
_POCKETS_OF_NORVIA = {
    "Norvia": (pocket((28.6, 18.4), 1.5, 1.3), pocket((30.6, 6.4), 1.3, 1.2, turn=2)),
    "Selmar": (pocket((28.6, 18.4), 1.5, 1.3), pocket((30.6, 6.4), 1.3, 1.2, turn=2)),
}


def main_line(party: str, *, is_after_treaty: bool) -> LineString:
    """The whole border from south to north as ``party`` draws it."""
    north = AGREED if is_after_treaty else NORTH[party]
    points: list[Km] = []
    for part in (SOUTH, MIDDLE[party], RIVER_BEND[party], north):
        points += list(part.coords)[1 if points else 0 :]
    return LineString(points)


def _own_side(party: str, *, is_after_treaty: bool) -> BaseGeometry:
    """The area that ``party`` claims, its pockets beyond the border included and the other's pockets left out."""
    points = list(main_line(party, is_after_treaty=is_after_treaty).coords)
    edge = -BEYOND_KM if party == "Norvia" else WIDTH_KM + BEYOND_KM
    body = Polygon([*points, metres((edge, HEIGHT_KM + BEYOND_KM)), metres((edge, -BEYOND_KM))])
    own, others = _POCKETS_OF_NORVIA[party], _POCKETS_OF_SELMAR[party]
    if party == "Selmar":
        own, others = others, own
    return unary_union([body.difference(unary_union(others)), *own])


def claims(party: str) -> list[Feature]:
    """All claims of ``party``: lines by segment, rings of the pockets, and its area before and after the treaty."""
    letter = party[0]
    map_year, since = {"Norvia": ("1989", "1994-05-20"), "Selmar": ("1958", "1993-11-02")}[party]
    source = f"Map of {map_year}, as held by {party}"
    day_before = (TREATY - timedelta(days=1)).isoformat()
    treaty_source = "Treaty on the northern section, article 2"

    def claim(key: str, kind: str, shape: BaseGeometry, **other: Any) -> Feature:
        told = {"status": "claimed", "date_from": since, "date_to": None, "source": source, **other}
        return {"claim_id": f"{letter}-{key}", "kind": kind, **told}, shape

    found = [
        claim("line-south", "line", SOUTH, status="undetermined"),
        claim("line-middle", "line", MIDDLE[party]),
        claim("line-bend", "line", RIVER_BEND[party]),
        claim("line-north", "line", NORTH[party], date_to=day_before),
    ]
    for number, ring in enumerate([*_POCKETS_OF_NORVIA[party], *_POCKETS_OF_SELMAR[party]], start=1):
        found.append(claim(f"ring-{number}", "line", LineString(ring.exterior.coords)))
    return [
        *found,
        claim("area-before", "area", _own_side(party, is_after_treaty=False), date_to=day_before),
        claim(
            "area-after",
            "area",
            _own_side(party, is_after_treaty=True),
            date_from=TREATY.isoformat(),
            source=f"{source}; {treaty_source}",
        ),
    ]


def treaty() -> list[Feature]:
    """The segment that both states agreed on."""
    return [
        (
            {
                "claim_id": "T-line-north",
                "claimant": "Norvia + Selmar",
                "kind": "line",
                "status": "agreed",
                "date_from": TREATY.isoformat(),
                "date_to": None,
                "source": "Treaty on the northern section, article 2",
            },
            AGREED,
        )
    ]


CONFLUENCE: Km = (24.5, 21.8)
RIVERS = {
    "Ardun": line((7.0, 0.0), (9.0, 6.0), (10.0, 11.0), (12.0, 16.8), (16.0, 20.2), (20.0, 20.9), CONFLUENCE),
    "Suvmar": line((33.0, 0.0), (32.4, 8.0), (30.0, 12.0), (26.2, 17.0), CONFLUENCE),
    "Ardun-Suvmar": line(CONFLUENCE, (25.3, 26.0), (24.8, 30.0)),
}


def _on_river(name: str, near: Km) -> Km:
    point = nearest_points(RIVERS[name], Point(metres(near)))[0]
    return (point.x - CORNER[0]) / 1000, (point.y - CORNER[1]) / 1000


_UPPER_GATE: Km = (16.0, 10.7)
_NORTH_GATE: Km = (23.0, 23.9)
_WEST_GATE: Km = (18.8, 24.4)
INTAKES = {"Ardun intake": _on_river("Ardun", (10.3, 11.6)), "Suvmar intake": _on_river("Ardun-Suvmar", (24.9, 23.2))}
GATES = {"Upper gate": _UPPER_GATE, "Lower gate": LOWER_GATE, "North gate": _NORTH_GATE, "West gate": _WEST_GATE}
CANALS = {
    "Valley canal, head": line(INTAKES["Ardun intake"], (13.2, 11.4), _UPPER_GATE),
    "Valley canal, middle": line(_UPPER_GATE, (19.0, 10.4), (22.0, 10.1), LOWER_GATE),
    "Valley canal, tail": line(LOWER_GATE, (28.0, 9.9), (30.8, 9.1)),
    "Jilvanak branch": line(_UPPER_GATE, (17.0, 12.6), (17.6, 13.8)),
    "Tüpkelen branch": line(LOWER_GATE, (26.3, 11.6), (27.4, 13.6)),
    "Köpölen branch": line(LOWER_GATE, (25.6, 8.0), (26.3, 6.8)),
    "North canal, head": line(INTAKES["Suvmar intake"], (24.0, 23.5), _NORTH_GATE),
    "North canal, middle": line(_NORTH_GATE, (21.0, 24.4), _WEST_GATE),
    "North canal, tail": line(_WEST_GATE, (17.2, 25.0), (15.5, 25.8)),
    "Qashvorud branch": line(_WEST_GATE, (18.0, 26.4), (17.0, 27.5)),
    "Eldingür branch": line(_NORTH_GATE, (23.3, 25.0), (23.2, 26.6)),
}
SPRINGS = {
    "Hovarjin spring": (3.4, 12.1), "Murghovan spring": (6.9, 4.3), "Moldöng spring": (22.2, 13.5),
    "Bolnavesh spring": (17.6, 22.0), "Ünggöldük spring": (37.4, 14.9), "Tashmüyün spring": (34.9, 4.1),
    "Sögötmar spring": (30.8, 26.9), "Shahdovir spring": (17.2, 5.7), "Ayüzgön spring": (23.3, 18.1),
}  # fmt: skip
DISPUTED_PASTURE: Km = (21.4, 11.7)
PASTURES = {
    "Middle pasture": pocket(DISPUTED_PASTURE, 1.7, 1.2),
    "Southern summer pasture": pocket((10.0, 2.4), 3.0, 1.4, turn=1),
    "Orgüldü pasture": pocket((38.0, 9.6), 1.3, 1.1, turn=2),
    "Northern pasture": pocket((25.6, 28.2), 2.4, 1.2),
    "Samvuhi pasture": pocket((2.4, 20.4), 1.5, 1.0, turn=3),
    "Akshördü pasture": pocket((31.0, 1.4), 2.0, 0.9),
}
FORESTS = {
    "Virquhan forest": pocket((5.6, 26.9), 2.6, 1.7, turn=1),
    "Border forest": pocket((21.0, 2.0), 1.6, 1.3),
    "Balköbön forest": pocket((37.0, 25.6), 2.2, 2.0, turn=2),
    "Ghalvoni forest": pocket((2.6, 4.6), 1.6, 1.7),
}


def resources() -> list[Feature]:
    """Water, pasture and forest, with the months in which they are used."""
    groups: list[tuple[str, dict[str, Any], tuple[int | None, int | None]]] = [
        ("river", RIVERS, (None, None)),
        ("canal", CANALS, (4, 9)),
        ("intake", INTAKES, (4, 9)),
        ("gate", GATES, (4, 9)),
        ("spring", SPRINGS, (None, None)),
        ("pasture", PASTURES, (5, 9)),
        ("forest", FORESTS, (None, None)),
    ]
    found = []
    for kind, things, (season_from, season_to) in groups:
        for number, (name, shape) in enumerate(things.items(), start=1):
            told = {
                "resource_id": f"{kind}-{number}",
                "kind": kind,
                "name": name,
                "season_from": season_from,
                "season_to": season_to,
            }
            found.append((told, Point(metres(shape)) if isinstance(shape, tuple) else shape))
    return found


PASTURE_ROAD = line((34.2, 10.2), (36.0, 9.0), (37.3, 8.1))
ROADS = {
    "Valley road, west": line((0.5, 15.0), (4.0, 14.2), (8.0, 15.5), (12.0, 15.2), (15.5, 15.0), (19.4, 15.4), MIDDLE_CROSSING),
    "Valley road, east": line(MIDDLE_CROSSING, (24.0, 17.0), (28.0, 15.5), (31.5, 14.6), (36.6, 14.1), (39.5, 14.5)),
    "Southern road, west": line((3.1, 8.2), (8.3, 8.0), (10.9, 5.4), (16.5, 6.6), SOUTH_CROSSING),
    "Southern road, east": line(SOUTH_CROSSING, (26.1, 6.1), (30.0, 3.6), (34.3, 4.9), (37.3, 8.1)),
    "Road to Murghovan": line((8.0, 15.5), (8.3, 9.6), (8.3, 8.0), (6.2, 5.1)),
    "Road to Fushqin": line((8.0, 15.5), (10.4, 20.1), (11.8, 24.6), (15.0, 27.6)),
    "Road to Qashvorud": line((12.0, 15.2), (14.5, 18.5), (17.1, 21.4), (18.0, 25.6)),
    "Road to Eldingür": line((31.5, 14.6), (31.0, 20.3), (27.2, 23.2), (23.7, 25.7)),
    "Pasture road": PASTURE_ROAD,
    "Road to Ködölmar": line((31.5, 14.6), (32.6, 12.0), (34.2, 10.2)),
    "Gate road": line((28.0, 15.5), (28.0, 12.7), (25.8, 10.7), (26.1, 6.1)),
    "Road to Sögötmar": line((31.0, 20.3), (34.0, 23.9), (30.1, 26.1)),
    "Road to Quzdara": line((15.5, 15.0), (16.5, 12.0), (18.2, 9.2), (16.5, 6.6)),
    "Track to Syngardöl": line((10.9, 5.4), (12.0, 7.4), (13.1, 9.0)),
    "Track to Elchürgün": line((14.5, 18.5), (14.3, 20.4), (14.0, 22.4)),
    "Track to Oshmaghun": line((31.0, 20.3), (29.9, 19.2), (28.6, 18.4)),
    "Track to Taqovin": line((30.0, 3.6), (30.2, 5.0), (30.6, 6.4)),
}
CROSSINGS = {"South crossing": SOUTH_CROSSING, "Middle crossing": MIDDLE_CROSSING}
POLICE_POSTS = {
    "Navqarun post": (8.1, 15.2), "Lojvarun post": (14.3, 18.3), "Shahdovir post": (16.7, 6.8), "Tirvoghon post": (19.2, 15.3),
    "Kümüshtal post": (31.3, 14.8), "Tengirsay post": (27.0, 23.0), "Köpölen post": (25.9, 6.3), "Ayüzgön post": (23.7, 17.2),
}  # fmt: skip
MEETING_PLACES = {
    "Tea house at the middle crossing": (21.1, 15.8), "Water users' house": (25.1, 10.1), "Navqarun school": (7.7, 15.7),
    "Kümüshtal hall": (31.8, 14.4), "Bridge meeting place": (24.1, 21.9),
}  # fmt: skip


def services() -> list[Feature]:
    """Roads, the two crossings, police posts and meeting places."""
    groups: list[tuple[str, dict[str, Any]]] = [
        ("road", ROADS),
        ("crossing", CROSSINGS),
        ("police_post", POLICE_POSTS),
        ("meeting_place", MEETING_PLACES),
    ]
    return [
        (
            {"service_id": f"{kind}-{number}", "kind": kind, "name": name},
            Point(metres(shape)) if isinstance(shape, tuple) else shape,
        )
        for kind, things in groups
        for number, (name, shape) in enumerate(things.items(), start=1)
    ]


def position(settlement: Settlement) -> Km:
    """Easting and northing of a settlement's point."""
    return metres((settlement.east_km, settlement.north_km))


def settlements() -> list[Feature]:
    """Villages, towns and districts with their names."""
    return [
        (
            {
                "settlement_id": s.settlement_id,
                "name": s.name,
                "name_local": s.name_local,
                "alternatives": "|".join(s.alternatives),
                "kind": s.kind,
                "district": None if s.kind == "district" else DISTRICT_NAMES[s.district],
                "residents": s.residents,
                "precision_m": s.precision_m,
            },
            Point(position(s)),
        )
        for s in (*SETTLEMENTS, *DISTRICTS)
    ]


def _in_degrees(points: np.ndarray) -> np.ndarray:
    longitude, latitude = _TO_DEGREES.transform(points[:, 0], points[:, 1])
    return np.column_stack([longitude, latitude])


def write_layer(features: list[Feature], path: Path) -> None:
    """GeoJSON in degrees with seven decimals, one feature a line."""
    lines = []
    for number, (told, shape) in enumerate(features):
        geometry = mapping(set_precision(transform(shape, _in_degrees), 1e-7))
        geometry = {"type": geometry["type"], "coordinates": _seven_decimals(geometry["coordinates"])}
        lines.append(json.dumps({"type": "Feature", "id": number, "properties": told, "geometry": geometry}, ensure_ascii=False))
    body = ",\n".join(lines)
    opening = f'{{"type": "FeatureCollection", "description": {json.dumps(INVENTED)}, "features": [\n'
    path.write_bytes(f"{opening}{body}\n]}}\n".encode())


def _seven_decimals(coordinates: Any) -> Any:
    if isinstance(coordinates, float):
        return round(coordinates, 7)
    return [_seven_decimals(part) for part in coordinates]


def write_layers(folder: Path) -> None:
    """All layers of the study."""
    write_layer(settlements(), folder / "settlements.geojson")
    write_layer(claims("Norvia"), folder / "claims_norvia.geojson")
    write_layer(claims("Selmar"), folder / "claims_selmar.geojson")
    write_layer(treaty(), folder / "claims_treaty.geojson")
    write_layer(resources(), folder / "resources.geojson")
    write_layer(services(), folder / "services.geojson")
