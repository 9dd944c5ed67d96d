"""Water, pasture and forest layers -> resources with their season."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

from tensionmap.ingest.layers import How, open_layer
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


def read_resources(path: Path, **how: Unpack[How]) -> Kept:
    """One row per canal, river, intake, gate, spring, pasture or forest, as the table RESOURCES, in metres.

    Parameters
    ----------
    path : Path
        Any layer that pyogrio reads. A canal is a line drawn downstream.
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
        Unreadable file.

    Notes
    -----
    It cannot be seen from a line whether it was drawn downstream: who draws the canals must see to it.
    """
    layer = open_layer(path, RESOURCES, **how)
    layer.kinds(RESOURCE_KINDS)
    for kind, types in DRAWN_AS.items():
        wrong = (layer.features["kind"] == kind) & ~layer.features.geometry.geom_type.isin(types)
        layer.set_aside(wrong, "kind", f"a {kind} must be drawn as {' or '.join(types)}", "Draw it again in that type.")
    if not {"season_from", "season_to"} & set(layer.features.columns):
        layer.note("there is no season: every resource is taken as used all year.")
    for column in ("season_from", "season_to"):
        layer.fill(**{column: layer.wholes(column, at_least=1, at_most=12)})
    layer.ids("resource_id")
    layer.fill(name=layer.text("name"))
    return layer.kept(RESOURCES)
