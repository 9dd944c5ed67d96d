"""Settlements, roads, crossings, police posts and meeting places."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

import geopandas as gpd
import pandas as pd

from tensionmap.ingest.layers import How, Layer, open_layer
from tensionmap.ingest.osm import Recognised
from tensionmap.ingest.set_aside import Kept
from tensionmap.tables import LINE, POINT, SERVICE_KINDS, SERVICES, SETTLEMENTS

PRECISION_M = {"village": 1000.0, "town": 2000.0, "district": 15_000.0}
"""How far from its point a report known only by the name may lie, where the file does not say it."""

MOST_RESIDENTS = 50_000_000

GEONAMES = (
    *("geonameid", "name", "asciiname", "alternatenames", "latitude", "longitude", "feature_class", "feature_code"),
    *("country_code", "cc2", "admin1_code", "admin2_code", "admin3_code", "admin4_code", "population", "elevation", "dem"),
    *("timezone", "modification_date"),
)
"""Columns of a GeoNames country file (https://download.geonames.org/export/dump/readme.txt), which has no header."""

GEONAMES_TOWNS = ("PPLC", "PPLA", "PPLA2", "PPLG")
GEONAMES_NO_PLACES = ("PPLX", "PPLQ", "PPLH", "PPLW", "PPLCH")
"""Parts of towns, abandoned, former and destroyed places, former capitals."""

TOWN_RESIDENTS = 10_000
"""From so many residents on a populated place of GeoNames is a town."""


def read_services(path: Path, **how: Unpack[How]) -> Kept:
    """One row per road, crossing, police post or meeting place, as the table SERVICES, in metres.

    Parameters
    ----------
    path : Path
        Any layer that :mod:`tensionmap.ingest.vectors` reads, or a table with longitude and latitude. Buildings drawn as outlines
        become a point inside. OpenStreetMap is known by its tags.
    **how
        See :class:`tensionmap.ingest.layers.How`.

    Returns
    -------
    Kept
        Services; features set aside (unknown kind, a road that is no line, another kind that is no point); notes.

    Raises
    ------
    RawDataError
        Unreadable file.
    """
    layer = open_layer(path, SERVICES, **how)
    layer.kinds(SERVICE_KINDS)
    is_line = layer.features.geometry.geom_type.isin(LINE)
    layer.set_aside(
        is_line != (layer.features["kind"] == "road"),
        "kind",
        f"a road must be drawn as {' or '.join(LINE)}, every other kind as {POINT[0]}",
        "Draw it again in that type.",
    )
    layer.ids("service_id")
    layer.fill(name=layer.text("name"))
    return layer.kept(SERVICES)


def read_settlements(path: Path, **how: Unpack[How]) -> Kept:
    """One row per village, town or district, as the table SETTLEMENTS; points in metres.

    Parameters
    ----------
    path : Path
        Any layer that :mod:`tensionmap.ingest.vectors` reads, or a table with longitude and latitude in degrees. Outlines become
        a point inside, with the reach of the outline as precision. OpenStreetMap is known by its tags, GeoNames by its columns,
        also in its own file without headers (``TJ.txt``).
    **how
        See :class:`tensionmap.ingest.layers.How`.

    Returns
    -------
    Kept
        Settlements; features set aside (no name, unknown kind); notes on what was filled: kind 'village', precision by kind,
        residents 0 as unknown.

    Raises
    ------
    RawDataError
        Unreadable file, or csv without longitude and latitude.
    """
    layer = open_layer(path, SETTLEMENTS, known=_geonames, headerless=GEONAMES, **how)
    layer.fill(name=layer.text("name"))
    layer.set_aside(
        layer.features["name"].isna(), "name", "it has no name, so no report can mean it", "Write its name, or delete it."
    )
    layer.fill(kind=layer.kinds(tuple(PRECISION_M), without="village"))
    layer.ids("settlement_id")
    layer.fill(
        name_local=layer.text("name_local"),
        district=layer.text("district"),
        alternatives=_alternatives(layer.text("alternatives")),
    )
    _fill_residents(layer)
    _fill_precision(layer)
    return layer.kept(SETTLEMENTS)


def _geonames(raw: gpd.GeoDataFrame) -> Recognised | None:
    """GeoNames: populated places and second-order districts; every other feature has no kind."""
    if not {"feature_class", "feature_code", "alternatenames"} <= set(raw.columns):
        return None
    code, residents = raw["feature_code"].astype("str"), pd.to_numeric(raw["population"], errors="coerce")
    is_place = (raw["feature_class"] == "P") & ~code.isin(GEONAMES_NO_PLACES)
    is_town = is_place & (code.isin(GEONAMES_TOWNS) | (residents >= TOWN_RESIDENTS))
    kind = pd.Series(None, index=raw.index, dtype="str").mask(is_place, "village").mask(is_town, "town")
    kind = kind.mask(code == "ADM2", "district")
    former = int(((raw["feature_class"] == "P") & ~is_place).sum())
    names = raw["asciiname"] + "," + raw["alternatenames"]
    frame = raw.assign(kind=kind, settlement_id=raw["geonameid"], residents=raw["population"], alternatives=names.str.strip(","))
    told = (
        "it is GeoNames: populated places are villages, or towns if they are seats or have "
        f"{TOWN_RESIDENTS:,} residents; ADM2 are districts; {former} parts of towns and former places were left out."
    )
    return Recognised(frame, (told,))


def _alternatives(given: pd.Series) -> pd.Series:
    """Other spellings joined by '|': as given, or, where no value has a '|', cut at ';' or else at ','."""
    cut = next((sign for sign in "|;," if given.str.contains(sign, regex=False, na=False).any()), "|")

    def joined(text: str) -> str:
        return "|".join(dict.fromkeys(word.strip() for word in text.split(cut) if word.strip()))

    return given.map(joined, na_action="ignore")


def _fill_residents(layer: Layer) -> None:
    residents = layer.wholes("residents", at_least=0, at_most=MOST_RESIDENTS)
    if nobody := int((residents == 0).sum()):
        layer.note(f"{nobody} places have 0 residents: taken as unknown.")
    layer.fill(residents=residents.mask(residents == 0))


def _fill_precision(layer: Layer) -> None:
    given = layer.text("precision_m")
    wrong = given.notna() & ~(pd.to_numeric(given, errors="coerce") >= 0)
    layer.set_aside(wrong, "precision_m", "not a number of metres", "Correct it, or leave it empty.")
    drawn = layer.features["outline_radius_m"]
    measured = pd.to_numeric(given[~wrong], errors="coerce").astype("float64").fillna(drawn)
    if missing := int(measured.isna().sum()):
        words = ", ".join(f"{kind} {metres:.0f} m" for kind, metres in PRECISION_M.items())
        layer.note(f"{missing} places have no precision_m: {words}.")
    layer.fill(precision_m=measured.fillna(layer.features["kind"].map(PRECISION_M)))
