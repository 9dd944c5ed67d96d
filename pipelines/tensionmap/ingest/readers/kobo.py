"""Export of a KoboToolbox form -> a draft: one answer one report; answers that were not approved are set aside.

Export "CSV" or "XLS" with XML names as headers; groups may stand before the question's name (``where/location``).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from tensionmap.ingest.places import fold
from tensionmap.ingest.readers.table import DRAFT_COLUMNS, NOTHING, Draft, body, check_names, draft, find_table, need, resolve
from tensionmap.ingest.set_aside import SetAside

SYSTEM = ("_uuid", "_id", "_submission_time", "_validation_status")
_OWN = (*DRAFT_COLUMNS, "location")
_REFUSED = {
    "not approved": ("The answer was not approved.", "If it is right after all, approve it in KoboToolbox and export again."),
    "on hold": ("The answer is on hold.", "Approve it in KoboToolbox, or not, and export again."),
}


def read(
    path: Path,
    *,
    source: str,
    file: str,
    sheet: str | None = None,
    columns: Mapping[str, str] = NOTHING,
    values: Mapping[str, str] = NOTHING,
) -> Draft:
    """The reports of a KoboToolbox export.

    Parameters
    ----------
    columns
        As for ``table``, and ``location``: the geopoint question with its group, e.g. ``where/location``. A question that
        bears our name, in whatever group, needs no entry. The record is ``_id``, which
        unlike ``_uuid`` stays the same when an answer is edited; ``_uuid`` if there is no ``_id``.

    Notes
    -----
    The geopoint is taken from ``_location_latitude``, ``_location_longitude`` and ``_location_precision``, or from the cell
    "latitude longitude altitude precision" itself. The precision is the device's own estimate in metres; devices are optimistic.

    Raises
    ------
    RawDataError
        If the file cannot be read or a header is not there.
    """
    check_names(file, columns, values, allowed=_OWN)
    wanted = [header for name, header in columns.items() if name != "location"]
    grid, at = find_table(path, file=file, sheet=sheet, wanted=wanted, hoped=(*_OWN, *SYSTEM))
    raw, aside = body(grid, at, source=source, file=file)
    headers = resolve(raw.columns, {**_by_question(list(raw.columns), values), **columns}, values, file=file, own=_OWN)
    record = next((name for name in ("_id", "_uuid") if name in raw.columns), None)
    headers = {**({"record_id": record} if record else {}), **headers}
    need(headers, values, ("date", "category"), file=file, found=raw.columns)
    approved = _approved(raw, aside)
    point, point_headers = _geopoint(approved, headers.get("location"))
    return draft(approved, aside, headers={**point_headers, **headers}, values=values, grid=grid, file=file, made=point)


def _by_question(found: list[str], values: Mapping[str, str]) -> dict[str, str]:
    """Our name -> header, for questions that bear our name inside a group."""
    last = {header.rsplit("/", 1)[-1].casefold(): header for header in reversed(found) if "/" in header}
    return {name: last[name] for name in _OWN if name in last and name not in values and name not in found}


def _approved(raw: pd.DataFrame, aside: SetAside) -> pd.DataFrame:
    if "_validation_status" not in raw.columns:
        return raw
    status = raw["_validation_status"].map(lambda cell: fold(cell).removeprefix("validation status ")).astype("str")
    for word, (reason, advice) in _REFUSED.items():
        for row in raw.index[status == fold(word)]:
            aside.add(int(row), "_validation_status", reason, advice, raw.loc[row].to_dict())
    return raw[~status.isin([fold(word) for word in _REFUSED])]


def _geopoint(raw: pd.DataFrame, question: str | None) -> tuple[dict[str, pd.Series], dict[str, str]]:
    """Latitude, longitude and precision of the geopoint ``question``, and the headers they come from."""
    if question is None:
        return {}, {}
    group, _, name = question.rpartition("/")
    parts = raw[question].str.split(expand=True).reindex(columns=range(4)).fillna("").astype("str")
    point, headers = {}, {}
    for place, (ours, theirs) in enumerate(
        (("latitude",) * 2, ("longitude",) * 2, ("altitude",) * 2, ("precision_m", "precision"))
    ):
        header = f"{group}/_{name}_{theirs}" if group else f"_{name}_{theirs}"
        headers[ours] = header if header in raw.columns else question
        point[ours] = raw[header].where(raw[header] != "", parts[place]) if header in raw.columns else parts[place]
    del point["altitude"], headers["altitude"]
    return point, headers
