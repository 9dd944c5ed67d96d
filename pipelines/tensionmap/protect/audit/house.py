"""What stays in the house, and what of it the attacks look for in everything that leaves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import shapely

from tensionmap.crs import DEGREES
from tensionmap.protect.audit.secrets import Secrets, folded, folds
from tensionmap.protect.meetings import NO_MEETINGS, Meetings
from tensionmap.tables import RELEASE_TABLES, Release


@dataclass(frozen=True)
class House:
    """The reports with their cells, the cells with their people, names and phones out of the reports' texts, and the meetings.

    Tables ``INCIDENTS``, ``PLACED``, ``CELLS``, ``CANARIES``.
    """

    incidents: Any
    placed: pd.DataFrame
    cells: Any
    canaries: pd.DataFrame
    meetings: Meetings = NO_MEETINGS


def secrets_of(house: House, releases: Mapping[str, Release], *, public_texts: Iterable[str]) -> Secrets:
    """What no file may tell: names, phones, record numbers and places of reports, less what is public anyway.

    Parameters
    ----------
    house
        What stays in the house.
    releases
        Their background (villages, claims, canals, ...) and their grid are what a map may show.
    public_texts
        Everything that maps say of themselves: their words, names of villages and parties, whom to call. A name out of a
        report that stands there as a whole word gives nobody away.
    """
    canaries, incidents = house.canaries, house.incidents
    is_phone = canaries["kind"] == "phone"
    layers = [frame for release in releases.values() for frame in release.background.values()]
    texts = [*public_texts, *_texts_in(layers)]
    public, numbers = _words_of(texts), " ".join(map(_digits, texts))
    words = {*canaries.loc[~is_phone, "text"], *incidents["record_id"]}
    measured = incidents[(incidents["location_kind"] == "gps") & ~incidents.geometry.isna()]
    return Secrets.gathered(
        (word for word in sorted(words) if not folded(word) & public),
        (phone for phone in canaries.loc[is_phone, "text"] if _digits(phone) not in numbers),
        points=_degrees([measured]),
        allowed=_degrees([*layers, house.cells, *_drawn(releases)]),
        crs=house.cells.crs.to_string(),
    )


def sealed_places(house: House, secrets: Secrets) -> Secrets:
    """The places of sealed reports alone, which not even the police see; those of other reports may be shown to them."""
    incidents = house.incidents
    measured = incidents[(incidents["location_kind"] == "gps") & ~incidents.geometry.isna()]
    is_sealed = measured["tier"] == "S"
    shown = _degrees([measured[~is_sealed]])
    return replace(
        secrets, words=(), phones=(), points=tuple(_degrees([measured[is_sealed]])), allowed=(*secrets.allowed, *shown)
    )


def _drawn(releases: Mapping[str, Release]) -> list[Any]:
    """Squares and areas that the maps draw."""
    return [
        release.tables[name]
        for release in releases.values()
        for name, table in RELEASE_TABLES[release.audience].items()
        if table.geometry and name != "points"
    ]


def _texts_in(layers: Iterable[Any]) -> list[str]:
    return [
        text
        for layer in layers
        for column in ("name", "name_local", "alternatives", "claimant", "source")
        if column in layer
        for text in layer[column].dropna().unique()
    ]


def _words_of(texts: Iterable[str]) -> set[bytes]:
    """Every single word of ``texts``, and every text as a whole, folded as secrets are."""
    found: set[bytes] = set()
    for text in texts:
        found |= folded(text)
        for one in folds(text):
            found |= set(one.split())
    return found


def _digits(text: str) -> str:
    return "".join(character for character in text if character.isdigit())


def _degrees(layers: Iterable[Any]) -> list[tuple[float, float]]:
    """Corners and middles of every shape, in degrees; lines keep their order."""
    found = []
    for layer in layers:
        if len(layer):
            shapes = layer.geometry
            places = np.concatenate(
                [shapely.get_coordinates(s.to_numpy()) for s in (shapes.to_crs(DEGREES), shapes.centroid.to_crs(DEGREES))]
            )
            found.append(places[np.isfinite(places).all(axis=1)])
    return [(float(a), float(b)) for a, b in np.concatenate(found)] if found else []
