"""UCDP GED -> a draft: one event one report. Columns as in the codebook (49 of them, the same since version 17).

What the codes of precision mean here:

==========  ==========================================================  ==============  ==========
where_prec  in the codebook                                             location_kind   radius
==========  ==========================================================  ==============  ==========
1           a named place: its coordinates, not those of the event      settlement      2 km
2           within about 25 km of a known point                         wider           25 km
3           a district (second order), its centre                       district        25 km
4           a province (first order), its centre                        wider           100 km
5           a line or an area without edges, a point that stands for it wider           100 km
6           a country                                                   wider           500 km
7           international water or air                                  wider           500 km
==========  ==========================================================  ==============  ==========

date_prec 1 is a day, 2 a range of days, 3 a week, 4 a month, 5 up to a year; first and last day are in the file.

References
----------
Sundberg, R. and Melander, E. (2013). Introducing the UCDP Georeferenced Event Dataset. Journal of Peace Research 50(4).
https://doi.org/10.1177/0022343313484347
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from tensionmap.ingest.readers.table import DRAFT_COLUMNS, NOTHING, Draft, body, check_names, draft, find_table, resolve

NEEDED = ("id", "type_of_violence", "where_prec", "date_prec", "latitude", "longitude", "date_start", "date_end")

_HEADERS = {
    "record_id": "id",
    "date": "date_start",
    "date_end": "date_end",
    "date_precision": "date_prec",
    "latitude": "latitude",
    "longitude": "longitude",
    "precision_m": "where_prec",
    "location_kind": "where_prec",
    "place": "where_coordinates",
    "category": "type_of_violence",
    "text": "source_headline",
}
_PRECISION_M = {"1": "2000", "2": "25000", "3": "25000", "4": "100000", "5": "100000", "6": "500000", "7": "500000"}
_KIND = {"1": "settlement", "2": "wider", "3": "district", "4": "wider", "5": "wider", "6": "wider", "7": "wider"}
_DAYS = {"1": "day", "2": "range", "3": "week", "4": "month", "5": "year"}
_CATEGORY = {"1": "armed_clash", "2": "intercommunal_clash", "3": "armed_clash"}
"""State-based, non-state, one-sided. A study that sees it otherwise translates these words for this source."""


def read(
    path: Path,
    *,
    source: str,
    file: str,
    sheet: str | None = None,
    columns: Mapping[str, str] = NOTHING,
    values: Mapping[str, str] = NOTHING,
) -> Draft:
    """The events of a UCDP GED file (.csv or .xlsx).

    Events with fewer than one death are not in UCDP GED: what it does not hold may still have happened.

    Parameters
    ----------
    columns, values
        As for ``table``; rarely needed, since the headers are fixed.

    Raises
    ------
    RawDataError
        If the file cannot be read or one of the columns of UCDP GED is not there.
    """
    check_names(file, columns, values, allowed=DRAFT_COLUMNS)
    grid, at = find_table(path, file=file, sheet=sheet, wanted=[*NEEDED, *columns.values()], hoped=DRAFT_COLUMNS)
    raw, aside = body(grid, at, source=source, file=file)
    found = {name: header for name, header in _HEADERS.items() if header in raw.columns and name not in values}
    headers = resolve(raw.columns, {**found, **columns}, values, file=file, own=DRAFT_COLUMNS)
    meant = {
        "precision_m": ("where_prec", _PRECISION_M),
        "location_kind": ("where_prec", _KIND),
        "date_precision": ("date_prec", _DAYS),
        "category": ("type_of_violence", _CATEGORY),
    }
    made = {name: _meaning(raw[header], codes) for name, (header, codes) in meant.items() if name not in {*columns, *values}}
    made |= {name: raw[headers[name]].mask(raw[headers[name]] == "NA", "") for name in ("text", "place") if name in headers}
    if "place" not in columns and "place" in made:
        made["place"] = made["place"].where(raw["where_prec"] == "1", "")
    return draft(raw, aside, headers=headers, values=values, grid=grid, file=file, made=made)


def _meaning(codes: pd.Series, words: Mapping[str, str]) -> pd.Series:
    """The word for each code; an unknown code stays as it is and is set aside later."""
    return codes.map(lambda code: words.get(code, code)).astype("str")
