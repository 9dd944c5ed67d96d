"""Coordinates as people and devices write them -> degrees, or a sentence why they cannot be a place of the study."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from tensionmap.errors import RawDataError

Axis = Literal["latitude", "longitude"]
Area = tuple[float, float, float, float]

KINDS = ("gps", "settlement", "district", "wider")
DEFAULT_PRECISION_M = {"gps": 50.0, "settlement": 1_000.0, "district": 25_000.0, "wider": 100_000.0}
"""Radius taken for coordinates whose source gives none. Coordinates of a register count as pointed at on a map: 50 m."""
_KIND_WITHIN_M = (("gps", 1_000.0), ("settlement", 3_000.0), ("district", 30_000.0))
"""Largest stated radius of each kind, if the source does not say how the place is known: 9 km is no measured point."""
LEAST_PRECISION_M = 10.0
"""No position is known better than this: a phone that says 0 m was pointed at on a map."""

_ENDS = {"latitude": 90.0, "longitude": 180.0}
_NUMBER = r"[0-9]{1,3}(?:[.,][0-9]+)?"
_DECIMAL = re.compile(rf"([+-]?)({_NUMBER})\s*°?")
_SEXAGESIMAL = re.compile(rf"([+-]?)([0-9]{{1,3}})\s*[°º\s]\s*({_NUMBER})\s*['′]?\s*(?:(?<=['′\s])({_NUMBER})\s*(?:\"|″|'')?)?")
_SIDES = {
    **{"n": ("latitude", 1), "s": ("latitude", -1), "e": ("longitude", 1), "w": ("longitude", -1)},
    **{"с.ш.": ("latitude", 1), "ю.ш.": ("latitude", -1), "в.д.": ("longitude", 1), "з.д.": ("longitude", -1)},
    **{"сш": ("latitude", 1), "юш": ("latitude", -1), "вд": ("longitude", 1), "зд": ("longitude", -1)},
}
_SIDE = re.compile(r"^(?P<before>[nsew])?\s*(?P<number>.*?)\s*(?P<after>[nsew]|[сю]\.?\s?ш\.?|[вз]\.?\s?д\.?)?$", re.DOTALL)
_METRES = re.compile(r"[+-]?[0-9]{5,8}(?:[.,][0-9]+)?")


@dataclass(frozen=True)
class Position:
    """A place in degrees (EPSG:4326), the radius in metres within which it is meant, and how it is known."""

    longitude: float
    latitude: float
    precision_m: float
    kind: str
    is_precision_stated: bool = True


def parse_coordinate(text: str, *, axis: Axis) -> float:
    """``text`` in degrees, north and east positive.

    Read are decimal degrees with a point or a comma, and degrees, minutes and seconds (``43°12'30.5" N``), with the side
    of the world before or behind as N S E W, с.ш. ю.ш. в.д. з.д.

    Raises
    ------
    RawDataError
        If ``text`` is anything else, or lies off the globe. The first line says what is wrong, the second what to do.

    Examples
    --------
    >>> parse_coordinate("43,125", axis="latitude")
    43.125
    >>> parse_coordinate("27°30' W", axis="longitude")
    -27.5
    """
    cleaned = " ".join(text.replace("−", "-").split()).lower()
    parts = _SIDE.fullmatch(cleaned)
    before, number, after = parts.group("before", "number", "after") if parts else (None, cleaned, None)
    degrees = _degrees(number)
    if degrees is None or (before and after):
        raise RawDataError(_not_degrees(cleaned, axis))
    side = re.sub(r"[.\s]", "", before or after or "")
    if side:
        on_axis, sign = _SIDES[side]
        if on_axis != axis or number.startswith(("-", "+")):
            raise RawDataError(
                f"The {axis} is marked {before or after!r}, which does not go with it.\nCheck latitude and longitude of this row."
            )
        degrees *= sign
    if abs(degrees) > _ENDS[axis]:
        raise RawDataError(
            f"The {axis} is {degrees:g} degrees; it cannot go beyond {_ENDS[axis]:g}.\nCheck whether the decimal point was lost."
        )
    return degrees


def parse_metres(text: str) -> float:
    """The radius in metres that ``text`` names.

    Raises
    ------
    RawDataError
        If it is negative or not a number.
    """
    cleaned = text.strip().replace("−", "-")
    if not re.fullmatch(r"-?[0-9]{1,9}([.,][0-9]+)?", cleaned):
        raise RawDataError(
            "The precision of the place is not a number of metres.\nWrite a number of metres, or leave the cell empty."
        )
    metres = float(cleaned.replace(",", "."))
    if metres < 0:
        raise RawDataError(
            f"The precision of the place is negative ({metres:g} m).\nWrite the radius in metres, or leave the cell empty."
        )
    return metres


def position(
    latitude: float | None, longitude: float | None, precision_m: float | None, kind: str, *, area: Area
) -> Position | None:
    """The place at these degrees, or nothing if there are none.

    Parameters
    ----------
    latitude, longitude
        Degrees, WGS 84; ``None`` if the cell is empty.
    precision_m
        Radius in metres that the source gives; at least ``LEAST_PRECISION_M`` is kept. ``None``: that of the kind.
    kind
        One of ``KINDS``; empty: by the radius, and ``gps`` if there is none.
    area
        West, south, east, north of the study area in degrees.

    Raises
    ------
    RawDataError
        If only one of the two is there, both are zero, they lie outside the area, or they would lie in it exchanged.
    """
    if latitude is None and longitude is None:
        return None
    if latitude is None or longitude is None:
        lacking = "latitude" if latitude is None else "longitude"
        raise RawDataError(
            f"Only one coordinate is given; the {lacking} is missing.\nAdd the {lacking}, or delete both and name the place."
        )
    if latitude == 0 and longitude == 0:
        raise RawDataError(
            "The coordinates are 0 and 0, which a device writes when it knows no place.\nDelete both and name the place instead."
        )
    if not _lies_in(longitude, latitude, area):
        raise RawDataError(_outside(longitude, latitude, area))
    if precision_m is None:
        return Position(longitude, latitude, DEFAULT_PRECISION_M[kind or "gps"], kind or "gps", is_precision_stated=bool(kind))
    by_radius = next((one for one, within_m in _KIND_WITHIN_M if precision_m <= within_m), "wider")
    return Position(longitude, latitude, max(precision_m, LEAST_PRECISION_M), kind or by_radius)


def parse_kind(text: str) -> str:
    """How the place is known, one of ``KINDS``, or empty text if the source does not say.

    Raises
    ------
    RawDataError
        For any other word.
    """
    word = text.strip().casefold()
    if word and word not in KINDS:
        raise RawDataError(
            f"How the place is known is not one of {', '.join(KINDS)}.\nWrite one of these words, or leave the cell empty."
        )
    return word


def _degrees(text: str) -> float | None:
    if found := _DECIMAL.fullmatch(text):
        return float(f"{found[1]}{found[2].replace(',', '.')}")
    found = _SEXAGESIMAL.fullmatch(text)
    if not found:
        return None
    minutes, seconds = (float((part or "0").replace(",", ".")) for part in found.group(3, 4))
    is_doubtful = minutes != int(minutes) if found[4] else not re.search("[°º]", text)
    if minutes >= 60 or seconds >= 60 or is_doubtful:
        return None
    return float(f"{found[1]}1") * (int(found[2]) + minutes / 60 + seconds / 3600)


def _not_degrees(text: str, axis: Axis) -> str:
    if not text:
        return f"The {axis} is missing.\nAdd it, or delete the other coordinate and name the place."
    if _METRES.fullmatch(text):
        return (
            f"The {axis} is {text}, which is no number of degrees: metres of a map grid, or the decimal point was lost."
            "\nWrite decimal degrees (WGS 84), e.g. 43.1254."
        )
    return (
        f"The {axis} is not a number of degrees."
        "\nWrite decimal degrees, e.g. 43.1254, or delete both coordinates and name the place."
    )


def _lies_in(longitude: float, latitude: float, area: Area) -> bool:
    west, south, east, north = area
    return west <= longitude <= east and south <= latitude <= north


def _outside(longitude: float, latitude: float, area: Area) -> str:
    given = f"latitude {latitude:g}, longitude {longitude:g}"
    if _lies_in(latitude, longitude, area):
        return (
            f"Latitude and longitude are exchanged: {given} lies outside the study area, the other way round it lies inside."
            "\nExchange the two numbers in this row."
        )
    for sign_lon, sign_lat, which in ((-1, 1, "longitude"), (1, -1, "latitude"), (-1, -1, "latitude and longitude")):
        if _lies_in(sign_lon * longitude, sign_lat * latitude, area):
            return f"The sign of the {which} is lost: {given} lies outside the study area.\nPut the minus sign in this row right."
    return (
        f"The place ({given}) lies outside the study area."
        "\nCheck the coordinates; if they are right, the report is not of this study."
    )
