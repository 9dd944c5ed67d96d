"""Border lines and areas -> dated claims: who holds that it runs so, from when to when, according to what."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

from tensionmap.errors import RawDataError
from tensionmap.ingest.layers import How, open_layer
from tensionmap.ingest.set_aside import Kept
from tensionmap.tables import AREA, CLAIMS

STATUSES = ("claimed", "agreed", "undetermined")
MOST_CHANGE = 0.01
"""Share of the area of a claim by which mending may change it."""


def read_claims(path: Path, *, claimant: str | None = None, date_format: str | None = None, **how: Unpack[How]) -> Kept:
    """One row per claim of the layer, as the table CLAIMS; lines and areas in metres.

    Parameters
    ----------
    path : Path
        Any layer that :mod:`tensionmap.ingest.vectors` reads, but for OpenStreetMap's own files.
    claimant : str, optional
        The party that claims, where the file itself does not say it.
    date_format : str, optional
        strptime format of date_from and date_to; by default 2025-03-13.
    **how
        See :class:`tensionmap.ingest.layers.How`.

    Returns
    -------
    Kept
        Claims; features set aside; notes. Without dates a claim stands always, without a status it is 'claimed',
        without a kind a polygon is an area and a line a line.

    Raises
    ------
    RawDataError
        Unreadable file, or nobody is named who claims.

    Notes
    -----
    A layer of areas says nothing about border lines: its outlines also run along third states and along districts of the
    same party, so they are never taken for one. An outline that crosses itself is mended if its area stays the same within
    ``MOST_CHANGE``; otherwise it is set aside, since nobody can say which land is claimed.
    """
    layer = open_layer(path, CLAIMS, most_change=MOST_CHANGE, **how)
    by_file = layer.text("claimant", claimant)
    if by_file.isna().all() and len(by_file):
        raise RawDataError(
            f'{layer.file}: nobody is named who claims. Write claimant = "..." beside it in sources.toml, '
            f"or map its column in [ingest.files.{layer.source}.columns]."
        )
    layer.fill(claimant=by_file)
    layer.set_aside(by_file.isna(), "claimant", "nobody is named who claims it", "Write the party that claims it.")
    layer.fill(status=layer.kinds(STATUSES, column="status", without="claimed"))
    is_area = layer.features.geometry.geom_type.isin(AREA)
    drawn = is_area.map({True: "area", False: "line"}).astype("str")
    layer.fill(kind=layer.text("kind").fillna(drawn))
    layer.set_aside(
        layer.features["kind"] != drawn,
        "kind",
        "the kind is not the one drawn: a polygon is an area, a line is a line",
        "Leave kind empty, or draw it again.",
    )
    if not {"date_from", "date_to"} & set(layer.features.columns):
        layer.note("there are no dates: every claim is taken as standing throughout.")
    for column in ("date_from", "date_to"):
        layer.fill(**{column: layer.dates(column, date_format)})
    layer.set_aside(
        layer.features["date_from"] > layer.features["date_to"],
        "date_to",
        "the claim ends before it begins",
        "Correct date_from or date_to.",
    )
    layer.ids("claim_id")
    layer.fill(source=layer.text("source", layer.source))
    return layer.kept(CLAIMS)
