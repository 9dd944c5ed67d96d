"""Water, pasture and forest layers -> resources with their season."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Unpack

import geopandas as gpd

from tensionmap.errors import RawDataError
from tensionmap.ingest.layers import How, Layer, open_layer
from tensionmap.ingest.osm import Recognised
from tensionmap.ingest.set_aside import Kept
from tensionmap.tables import AREA, LINE, POINT, RESOURCE_KINDS, RESOURCES

DRAWN_AS = {
    "river": LINE + AREA,
    "canal": LINE,
    "intake": POINT,
    "gate": POINT,
    "spring": POINT,
    "pasture": AREA,
    "forest": AREA,
}


ALL_YEAR: Mapping[str, tuple[int, int]] = MappingProxyType({})

HYDRORIVERS = ("HYRIV_ID", "NEXT_DOWN")
"""Columns by which HydroRIVERS (https://doi.org/10.1002/hyp.9740) is known."""


def read_resources(path: Path, *, seasons: Mapping[str, tuple[int, int]] = ALL_YEAR, **how: Unpack[How]) -> Kept:
    """One row per canal, river, intake, gate, spring, pasture or forest, as the table RESOURCES, in metres.

    Parameters
    ----------
    path : Path
        Any layer that :mod:`tensionmap.ingest.vectors` reads. A canal is a line drawn downstream. OpenStreetMap and HydroRIVERS
        are known by their columns.
    seasons : mapping of str to (int, int)
        Kind -> first and last month of its use, 1 to 12, where the layer says none; 11 to 3 goes over the new year.
    **how
        See :class:`tensionmap.ingest.layers.How`.

    Returns
    -------
    Kept
        Resources; features set aside (unknown kind, a kind drawn as the wrong type, a month that is none); notes.
        Without a season a resource counts as used all year.

    Raises
    ------
    RawDataError
        Unreadable file; a season for a kind that there is not.

    Notes
    -----
    It cannot be seen from a line whether it was drawn downstream: who draws the canals must see to it.
    """
    if wrong_kinds := sorted(set(seasons) - set(RESOURCE_KINDS)):
        raise RawDataError(
            f"[ingest] seasons names {', '.join(map(repr, wrong_kinds))}, which is no kind of resource. "
            f"Kinds are: {', '.join(RESOURCE_KINDS)}."
        )
    layer = open_layer(path, RESOURCES, known=_hydrorivers, **how)
    layer.kinds(RESOURCE_KINDS)
    for kind, types in DRAWN_AS.items():
        wrong = (layer.features["kind"] == kind) & ~layer.features.geometry.geom_type.isin(types)
        layer.set_aside(wrong, "kind", f"a {kind} must be drawn as {' or '.join(types)}", "Draw it again in that type.")
    for column in ("season_from", "season_to"):
        layer.fill(**{column: layer.wholes(column, at_least=1, at_most=12)})
    _fill_seasons(layer, seasons)
    layer.ids("resource_id")
    layer.fill(name=layer.text("name"))
    return layer.kept(RESOURCES)


def _fill_seasons(layer: Layer, seasons: Mapping[str, tuple[int, int]]) -> None:
    """The season of the kind where the layer says neither month."""
    kinds = layer.features["kind"]
    unsaid = layer.features["season_from"].isna() & layer.features["season_to"].isna()
    filled = unsaid & kinds.isin(list(seasons))
    for column, end in (("season_from", 0), ("season_to", 1)):
        months = kinds.map({kind: season[end] for kind, season in seasons.items()}).astype("Int64")
        layer.fill(**{column: layer.features[column].mask(filled, months)})
    if filled.any():
        words = ", ".join(f"{kind} {seasons[kind][0]} to {seasons[kind][1]}" for kind in sorted(kinds[filled].unique()))
        layer.note(f"{filled.sum()} features say no season and took that of [ingest] seasons (months: {words}).")
    if all_year := int((unsaid & ~filled).sum()):
        layer.note(f"{all_year} features have no season: they are taken as used all year.")


def _hydrorivers(raw: gpd.GeoDataFrame) -> Recognised | None:
    """HydroRIVERS: every reach is a river, its number the identifier."""
    headers = {str(column).upper(): column for column in raw.columns}
    if not set(HYDRORIVERS) <= set(headers):
        return None
    frame = raw.assign(kind="river", resource_id=raw[headers["HYRIV_ID"]])
    return Recognised(frame, ("it is HydroRIVERS: every reach is taken as a river, HYRIV_ID as its identifier.",))
