"""Export of ODK Central -> drafts: one submission one report; submissions that were rejected or have issues are set aside.

Two forms of the same answers are read: the .csv inside the export (groups joined by ``-``, a point in four columns
``loc-Latitude`` ... ``loc-Accuracy``), and the JSON of the OData service (groups joined by ``/``, a point as GeoJSON or WKT).
Of the files in an export, that without a group's name in its own holds the submissions; the table of a repeated group is read
too, row by row, if it says itself when and what.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Unpack

import pandas as pd

from tensionmap.errors import RawDataError
from tensionmap.ingest.drafts import NOTHING, Draft, HowRead, Rows, plain, read_as
from tensionmap.ingest.grids import read_grids
from tensionmap.ingest.readers.kobo import by_question, one_choice, without_zero

_REFUSED = {
    "rejected": ("The submission was rejected.", "If it is right after all, approve it in ODK Central and export again."),
    "hasissues": ("The submission has issues.", "Settle them in ODK Central, approve the submission and export again."),
    "?": ("The state of its review is a word that is not known here.", "Look the submission up in ODK Central."),
}
_KEPT = ("", "approved", "edited", "received")
_LOCKED = ("not decrypted", "notdecrypted", "missing encrypted form data", "missingencryptedformdata")
_PARTS = {"latitude": "-Latitude", "longitude": "-Longitude", "precision_m": "-Accuracy"}


@dataclass(frozen=True)
class _Form:
    """How a file of the export is laid out: the header of the record, what joins groups, and whether it is a repeated group."""

    key: str
    joint: str
    is_repeat: bool


def recognises(headers: frozenset[str]) -> bool:
    """Whether these are the headers of ODK Central: submissions or a repeated group, as csv or from the OData service."""
    return _form(headers) is not None


def read(path: Path, **how: Unpack[HowRead]) -> Iterator[Draft]:
    """The reports of an export of ODK Central.

    Parameters
    ----------
    path
        The file; unpack a .zip first.
    **how
        See ``HowRead``; ``columns`` may also give ``location``: the point with its groups, e.g. ``where-loc`` (``where/loc`` in
        JSON). A question that bears our name, in whatever group, needs no entry.

    Notes
    -----
    The record is ``KEY`` (``__id``), which stays the same when a submission is edited. The precision is ``Accuracy``, the
    device's own estimate in metres; devices are optimistic. 0 is none: the point was set by hand on a map. An edited submission
    counts as it is now. The table of a repeated group does not say what was rejected: that is said in a note.

    A submission was reported on its ``SubmissionDate``, unless the form asks for ``date_reported`` itself.

    Raises
    ------
    RawDataError
        If the file is no export of ODK Central, a header is not there, or it is a repeated group without date or category.
    """
    columns, values = how.get("columns", NOTHING), how.get("values", NOTHING)
    found, form = _header(path, file=how["file"], sheet=how.get("sheet"))
    named = by_question(_without_parts(found), form.joint)
    point = _point(found, columns.get("location") or named.pop("location", None), file=how["file"])
    how["columns"] = {name: header for name, header in columns.items() if name != "location"}
    usual = {**_sent(found), **named, **point, "record_id": form.key}
    if form.is_repeat:
        _refuse_incomplete(found, {*usual, *columns, *values}, file=how["file"])

    def look(rows: Rows) -> None:
        _refuse_unreviewed(rows)
        for name in ("category", "resource"):
            if name not in values:
                one_choice(rows, name)
        made = _position(rows, point)
        rows.made |= {name: column for name, column in made.items() if name not in {*columns, *values}}

    note = f"{how['file']} is a repeated group: it does not say which submissions were rejected; look them up in ODK Central"
    for number, draft in enumerate(read_as(path, **how, needed=(form.key,), usual=usual, look=look)):
        yield replace(draft, notes=(*draft.notes, note)) if form.is_repeat and number == 0 else draft


def _form(headers: frozenset[str]) -> _Form | None:
    if {"key", "submissiondate"} <= headers:
        return _Form("KEY", "-", is_repeat=False)
    if {"key", "parent_key"} <= headers:
        return _Form("KEY", "-", is_repeat=True)
    if {"__id", "__system/submissiondate"} <= headers:
        return _Form("__id", "/", is_repeat=False)
    if "__id" in headers and any(header.startswith("__submissions") and header.endswith("-id") for header in headers):
        return _Form("__id", "/", is_repeat=True)
    return None


def _header(path: Path, *, file: str, sheet: str | None) -> tuple[list[str], _Form]:
    for grid in read_grids(path, file=file, sheet=sheet):
        for _, cells in grid.head:
            if form := _form(frozenset(map(plain, cells))):
                return cells, form
    raise RawDataError(
        f"{file} is no export of ODK Central: no row has the headers KEY and SubmissionDate, or __id. "
        "Export the submissions again, or name another reader in sources.toml."
    )


def _sent(found: list[str]) -> dict[str, str]:
    """The header of the time at which the server received a submission; an edit leaves it as it was."""
    headers = [header for header in found if plain(header) in ("submissiondate", "__system/submissiondate")]
    return {"date_reported": headers[0]} if headers else {}


def _without_parts(found: list[str]) -> list[str]:
    """The questions: each header, but for a point the question instead of its columns."""
    points = _points(found)
    return [*(header for header in found if not any(header.startswith((f"{p}-", f"{p}/")) for p in points)), *points]


def _points(found: list[str]) -> list[str]:
    return [header.removesuffix(end) for end in ("-Latitude", "/coordinates") for header in found if header.endswith(end)]


def _point(found: list[str], question: str | None, *, file: str) -> dict[str, str]:
    """Our name -> header for the point ``question``."""
    if question is None:
        return {}
    if f"{question}-Latitude" in found:
        return {name: f"{question}{part}" for name, part in _PARTS.items() if f"{question}{part}" in found}
    if f"{question}/coordinates" in found:
        accuracy = f"{question}/properties/accuracy"
        both = dict.fromkeys(("latitude", "longitude"), f"{question}/coordinates")
        return both | ({"precision_m": accuracy} if accuracy in found else {})
    if question in found:
        return dict.fromkeys(("latitude", "longitude"), question)
    points = ", ".join(map(repr, _points(found))) or "none"
    raise RawDataError(
        f"{file}: there is no point {question!r}. Points of the file are: {points}. Correct location under columns in study.toml."
    )


def _refuse_incomplete(found: list[str], known: set[str], *, file: str) -> None:
    missing = [name for name in ("date", "category") if name not in known and name not in map(plain, found)]
    if missing:
        raise RawDataError(
            f"{file} is the table of a repeated group, and nothing in it says {' or '.join(missing)} of a report. "
            "Give the file of the submissions, which has SubmissionDate, or name columns or values for it in study.toml."
        )


def _refuse_unreviewed(rows: Rows) -> None:
    for header in ("Status", "__system/status"):
        if header in rows.raw:
            is_locked = rows.raw[header].str.casefold().isin(_LOCKED)
            rows.set_aside(is_locked, header, "The submission is encrypted.", "Export it again with the passphrase.")
    if "__system/deletedAt" in rows.raw:
        is_deleted = rows.raw["__system/deletedAt"] != ""
        rows.set_aside(is_deleted, "__system/deletedAt", "The submission was deleted.", "Nothing needs doing.")
    for header in ("ReviewState", "__system/reviewState"):
        if header in rows.raw:
            _refuse_by_state(rows, header)


def _refuse_by_state(rows: Rows, header: str) -> None:
    states = rows.raw[header].str.casefold()
    states = states.where(states.isin([*_KEPT, *_REFUSED]), "?")
    for state, (reason, advice) in _REFUSED.items():
        rows.set_aside(states.reindex(rows.raw.index) == state, header, reason, advice)


def _position(rows: Rows, point: Mapping[str, str]) -> dict[str, pd.Series]:
    """The columns of the point that do not stand in the file as they are needed."""
    made = {}
    if "precision_m" in point:
        made["precision_m"] = without_zero(rows.raw[point["precision_m"]])
    header = point.get("latitude")
    if header is not None and header == point["longitude"]:
        numbers = rows.raw[header].str.replace(r"(?i)^point\s*z?\s*\(|\)$", "", regex=True)
        parts = numbers.str.split(expand=True).reindex(columns=range(3)).fillna("").astype("str")
        made |= {"longitude": parts[0], "latitude": parts[1]}
    return made
