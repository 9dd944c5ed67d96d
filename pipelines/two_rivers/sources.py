"""How four sources tell what happened: who tells, how well the place is known, in which words and spelling."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
from shapely.geometry import Point
from shapely.ops import unary_union

from two_rivers import SEED, STUDY_FROM, STUDY_TO, land
from two_rivers.events import GED, KOBO, NORVIA, RESOURCE_OF, SELMAR, THEME_OF, Event, tellers
from two_rivers.names import BORDER_AREA, DISTRICTS, SETTLEMENTS, Settlement, plain_cyrillic
from two_rivers.people import Private

SOURCES = (NORVIA, SELMAR, KOBO, GED)
# Reports that know no more than "at the border" are sometimes given the coordinates of one point; this is their honest radius.
BORDER_POINT_PRECISION_M = 9000

WORDS: dict[str, dict[str, str]] = {
    NORVIA: {
        "theft": "дуздӣ", "livestock_theft": "дуздии чорво", "burglary": "дуздӣ аз хона", "hooliganism": "авбошӣ",
        "fraud": "қаллобӣ", "traffic_accident": "садамаи нақлиётӣ", "assault": "лату кӯб", "drugs": "маводи мухаддир",
        "weapons": "силоҳи ғайриқонунӣ", "domestic_violence": "зӯроварии оилавӣ", "sexual_violence": "зӯроварии ҷинсӣ",
        "child_violence": "зӯроварӣ нисбати кӯдак", "irrigation_dispute": "баҳси оби полезӣ",
        "drinking_water_dispute": "баҳси оби нӯшокӣ", "pasture_dispute": "баҳси чарогоҳ", "forest_dispute": "баҳси ҷангал",
        "land_dispute": "баҳси замин", "border_incident": "ҳодисаи сарҳадӣ", "road_blockade": "бастани роҳ",
        "intercommunal_clash": "задухӯрди байни ҷамоатҳо", "youth_violence": "задухӯрди ҷавонон",
        "armed_clash": "задухӯрди мусаллаҳона", "recruitment": "ҷалб ба гурӯҳҳо", "joint_repair": "таъмири якҷоя",
        "agreement": "созишнома", "joint_meeting": "вохӯрии якҷоя", "joint_patrol": "гашти якҷоя",
        "mutual_aid": "ёрии ҳамдигарӣ",
    },
    SELMAR: {
        "theft": "кража", "livestock_theft": "кража скота", "burglary": "кража со взломом", "hooliganism": "хулиганство",
        "fraud": "мошенничество", "traffic_accident": "ДТП", "assault": "побои", "drugs": "наркотики",
        "weapons": "незаконное оружие", "domestic_violence": "насилие в семье", "sexual_violence": "сексуальное насилие",
        "child_violence": "насилие над ребёнком", "irrigation_dispute": "спор о поливной воде",
        "drinking_water_dispute": "спор о питьевой воде", "pasture_dispute": "спор о пастбище",
        "forest_dispute": "спор о лесе", "land_dispute": "земельный спор", "border_incident": "пограничный случай",
        "road_blockade": "перекрытие дороги", "intercommunal_clash": "столкновение общин", "youth_violence": "драка молодёжи",
        "armed_clash": "вооружённое столкновение", "recruitment": "вербовка", "joint_repair": "совместный ремонт",
        "agreement": "соглашение", "joint_meeting": "совместная встреча", "joint_patrol": "совместный патруль",
        "mutual_aid": "взаимопомощь",
    },
    KOBO: {
        "theft": "theft", "livestock_theft": "animals_stolen", "burglary": "house_break_in", "hooliganism": "rowdiness",
        "fraud": "cheating", "traffic_accident": "road_accident", "assault": "beating", "drugs": "drugs", "weapons": "weapons",
        "domestic_violence": "violence_at_home", "sexual_violence": "violence_sexual", "child_violence": "violence_child",
        "irrigation_dispute": "water_fields", "drinking_water_dispute": "water_drinking", "pasture_dispute": "pasture",
        "forest_dispute": "forest", "land_dispute": "land", "border_incident": "border", "road_blockade": "road_closed",
        "intercommunal_clash": "clash_villages", "youth_violence": "fight_youth", "armed_clash": "shots",
        "recruitment": "recruiting", "joint_repair": "repair_together", "agreement": "agreement",
        "joint_meeting": "meeting_together", "joint_patrol": "patrol_together", "mutual_aid": "help",
    },
}  # fmt: skip
RESOURCE_WORDS = {
    NORVIA: {
        "irrigation": "оби полезӣ", "drinking_water": "оби нӯшокӣ", "pasture": "чарогоҳ", "forest": "ҷангал", "land": "замин",
        "road": "роҳ", "none": "",
    },
    SELMAR: {
        "irrigation": "поливная вода", "drinking_water": "питьевая вода", "pasture": "пастбище", "forest": "лес",
        "land": "земля", "road": "дорога", "none": "",
    },
}  # fmt: skip
_AT_THE_BORDER = {NORVIA: ("дар сарҳад", "на границе"), SELMAR: ("на границе", "у границы"), KOBO: ("at the border", "чек арада")}
_LANGUAGES = {NORVIA: ("tg", "tg", "ru"), SELMAR: ("ru",), KOBO: ("en", "tg", "ky", "ru")}
_AMBIGUOUS = {s.name for s in SETTLEMENTS if s.own_spellings}

# gps: coordinates; settlement: only its name; district; border: "at the border"; blank: no place at all.
_KNOWN_AS = ("gps", "settlement", "district", "border", "blank")
_PLANTED_KNOWN_AS = (0.84, 0.0, 0.08, 0.0, 0.08)
_KNOWN_AS_SHARES = {
    "crime": (0.57, 0.34, 0.05, 0.01, 0.03),
    "tension": (0.53, 0.30, 0.05, 0.10, 0.02),
    "cooperation": (0.58, 0.33, 0.05, 0.02, 0.02),
}


@dataclass(frozen=True)
class Report:
    """What one source says of one event, before it is written in the source's own format."""

    source: str
    event: Event
    known_as: str
    day: date
    last_day: date
    longitude: float | None
    latitude: float | None
    precision_m: int | None
    place: str
    text: str
    where_prec: int | None = None
    date_prec: int | None = None
    is_misspelt: bool = False


@dataclass
class Row:
    """One line of a file: its cells by our own names of columns, the report behind it, and what is wrong with it."""

    cells: dict[str, Any]
    report: Report | None = None
    fault: str | None = None
    detail: str = ""
    number: int = field(default=0)


def reports(events: list[Event], private: Private) -> dict[str, list[Report]]:
    """Per source, what it tells, in the order of its days."""
    rng = np.random.default_rng([SEED, 30])
    border = unary_union([land.main_line(party, is_after_treaty=False) for party in ("Norvia", "Selmar")])
    found: dict[str, list[Report]] = {source: [] for source in SOURCES}
    for event in events:
        is_near = bool(border.distance(Point(event.easting, event.northing)) < 2500)
        for turn, source in enumerate(tellers(rng, event, is_near_border=is_near)):
            seen = event if turn == 0 else _seen_by_another(rng, event)
            found[source].append(_ged_report(rng, seen) if source == GED else _report(rng, seen, source, private))
    return {source: sorted(told, key=lambda r: (r.day, r.event.event_id)) for source, told in found.items()}


def _seen_by_another(rng: np.random.Generator, event: Event) -> Event:
    """The same event as a second source knows it: up to a day later, some steps away."""
    shift = timedelta(days=int(rng.integers(0, 2)))
    east, north = rng.normal(0, 120, size=2)
    last = min(event.last_day + shift, STUDY_TO)
    return replace(
        event, day=min(event.day + shift, STUDY_TO), last_day=last, easting=event.easting + east, northing=event.northing + north
    )


def _report(rng: np.random.Generator, event: Event, source: str, private: Private) -> Report:
    shares = _PLANTED_KNOWN_AS if event.cluster_id else _KNOWN_AS_SHARES[THEME_OF[event.category]]
    known_as = str(rng.choice(_KNOWN_AS, p=shares))
    if known_as == "settlement" and event.settlement_m > event.settlement.precision_m:
        known_as = "gps"
    longitude, latitude, precision_m, place = _place(rng, event, source, known_as)
    is_misspelt = known_as == "settlement" and len(place.strip()) >= 7 and rng.random() < 0.03
    if is_misspelt:
        place = _with_slip(place)
    text = private.text(rng, str(rng.choice(_LANGUAGES[source])), only_russian_letters=source == SELMAR)
    return Report(
        source, event, known_as, event.day, event.last_day, longitude, latitude, precision_m, place, text, is_misspelt=is_misspelt
    )


def _place(
    rng: np.random.Generator, event: Event, source: str, known_as: str
) -> tuple[float | None, float | None, int | None, str]:
    """Longitude, latitude, precision and words of the place, as far as the source gives them."""
    if known_as == "gps":
        east, north = rng.normal(0, 15, size=2)
        longitude, latitude = (round(d, 6) for d in land.degrees(event.easting + east, event.northing + north))
        precision_m = (
            int(rng.integers(4, 26)) if source == KOBO else int(rng.choice([10, 20, 50, 100])) if rng.random() < 0.3 else None
        )
        is_named = event.settlement_m < event.settlement.precision_m and rng.random() < 0.7
        return longitude, latitude, precision_m, spelling(rng, event.settlement, source) if is_named else ""
    if known_as == "settlement":
        return None, None, None, spelling(rng, event.settlement, source)
    if known_as == "district":
        return None, None, None, spelling(rng, next(d for d in DISTRICTS if d.settlement_id == event.settlement.district), source)
    if known_as == "border":
        words = str(rng.choice(_AT_THE_BORDER[source]))
        if rng.random() < 0.5:
            return None, None, None, words
        longitude, latitude = border_point()
        return longitude, latitude, BORDER_POINT_PRECISION_M, words
    return None, None, None, ""


def border_point() -> tuple[float, float]:
    """The one point that stands for "at the border"."""
    longitude, latitude = land.degrees(*land.position(BORDER_AREA))
    return round(longitude, 6), round(latitude, 6)


def spelling(rng: np.random.Generator, settlement: Settlement, source: str) -> str:
    """A name as this source writes it; never one that two settlements share."""
    russian = plain_cyrillic(settlement.name_local)
    if settlement.name in _AMBIGUOUS and settlement.own_spellings:
        latin, local, *_ = settlement.own_spellings
        return latin if source == KOBO else local
    if source == SELMAR:
        return str(rng.choice([russian, russian, russian.upper(), f"{russian} "]))
    if source == NORVIA:
        return str(
            rng.choice([settlement.name_local] * 5 + [russian, settlement.name_local.upper(), f" {settlement.name_local}"])
        )
    return str(
        rng.choice(
            [settlement.name, settlement.name, settlement.name_local, russian, settlement.name.lower(), *settlement.alternatives]
        )
    )


def _with_slip(name: str) -> str:
    """``name`` as tired fingers type it: its first vowel doubled."""
    place = next(at for at, letter in enumerate(name) if letter.lower() in "aeiouöüаеиоуыөүӣӯэ")
    return name[: place + 1] + name[place].lower() + name[place + 1 :]


def _ged_report(rng: np.random.Generator, event: Event) -> Report:
    """An event as a list of violent events has it: a point for every place, however little is known."""
    where_prec = int(rng.choice([1, 2, 3, 4, 5], p=[0.4, 0.2, 0.15, 0.1, 0.15]))
    date_prec = int(rng.choice([1, 2, 3, 4, 5], p=[0.6, 0.15, 0.1, 0.1, 0.05]))
    district = next(d for d in DISTRICTS if d.settlement_id == event.settlement.district)
    name, (east, north) = {
        1: (event.settlement.name, (event.easting, event.northing)),
        2: (event.settlement.name, land.position(event.settlement)),
        3: (f"{district.name} district", land.position(district)),
        4: (f"{event.side}", _middle_of(event.side)),
        5: ("border area", land.position(BORDER_AREA)),
    }[where_prec]
    longitude, latitude = (round(d, 6) for d in land.degrees(east, north))
    day, last_day = _ged_days(rng, event.day, date_prec)
    known_as = {1: "gps", 2: "settlement", 3: "district", 4: "wider", 5: "border"}[where_prec]
    return Report(GED, event, known_as, day, last_day, longitude, latitude, None, name, "", where_prec, date_prec)


def _middle_of(side: str) -> tuple[float, float]:
    places = np.array([land.position(s) for s in SETTLEMENTS if s.side == side])
    east, north = places.mean(axis=0)
    return float(east), float(north)


def _ged_days(rng: np.random.Generator, day: date, date_prec: int) -> tuple[date, date]:
    """First and last day for UCDP's date_prec: 1 a day, 2 two to six days, 3 a week, 4 a month, 5 up to a year."""
    if date_prec == 1:
        return day, day
    if date_prec == 4:
        first = day.replace(day=1)
        return first, (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    length = {2: int(rng.integers(2, 7)), 3: 7, 5: 120}[date_prec]
    first = max(day - timedelta(days=int(rng.integers(0, length))), STUDY_FROM)
    last = min(first + timedelta(days=length - 1), STUDY_TO)
    return first, last


def resource_of(event: Event) -> str:
    """What the event was about, in our words."""
    return RESOURCE_OF.get(event.category, "none")
