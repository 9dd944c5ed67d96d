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

date_prec 1 is a day, 2 a range of days, 3 a week, 4 a month, 5 up to a year; first and last day are in the file. Candidate events
(the monthly files) may be dropped or changed later; how many of a file are not yet clear is said in a note.

References
----------
Sundberg, R. and Melander, E. (2013). Introducing the UCDP Georeferenced Event Dataset. Journal of Peace Research 50(4).
https://doi.org/10.1177/0022343313484347
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Unpack

from tensionmap.ingest.drafts import Draft, HowRead, Rows, plain, read_as

NEEDED = ("id", "type_of_violence", "where_prec", "date_prec", "latitude", "longitude", "date_start", "date_end")

_HEADERS = {
    "record_id": "id",
    "date": "date_start",
    "date_end": "date_end",
    "latitude": "latitude",
    "longitude": "longitude",
    "place": "where_coordinates",
    "district": "adm_2",
    "text": "source_headline",
}
_PRECISION_M = {"1": "2000", "2": "25000", "3": "25000", "4": "100000", "5": "100000", "6": "500000", "7": "500000"}
_KIND = {"1": "settlement", "2": "wider", "3": "district", "4": "wider", "5": "wider", "6": "wider", "7": "wider"}
_DAYS = {"1": "day", "2": "range", "3": "week", "4": "month", "5": "year"}
_CATEGORY = {"1": "armed_clash", "2": "intercommunal_clash", "3": "armed_clash"}
"""State-based, non-state, one-sided. A study that sees it otherwise translates these words for this source."""
_CODES = (
    ("precision_m", "where_prec", _PRECISION_M),
    ("location_kind", "where_prec", _KIND),
    ("date_precision", "date_prec", _DAYS),
    ("category", "type_of_violence", _CATEGORY),
)
_UNCLEAR = "events are still being looked into by UCDP (code_status); the next release may change or drop them"


def recognises(headers: frozenset[str]) -> bool:
    """Whether these are the headers of UCDP GED, stable or candidate."""
    return headers.issuperset(NEEDED)


def read(path: Path, **how: Unpack[HowRead]) -> Iterator[Draft]:
    """The events of a UCDP GED file, stable or candidate.

    Events with fewer than one death are not in UCDP GED: what it does not hold may still have happened.

    Parameters
    ----------
    path
        The file.
    **how
        See ``HowRead``; ``columns`` are rarely needed, since the headers are fixed.

    Raises
    ------
    RawDataError
        If the file cannot be read or one of the columns of UCDP GED is not there.
    """
    given = {*how.get("columns", {}), *how.get("values", {})}
    unclear = 0

    def look(rows: Rows) -> None:
        nonlocal unclear
        header = {plain(name): name for name in reversed(list(rows.raw.columns))}
        for name, code, words in _CODES:
            if name not in given:
                rows.codes(name, header[code], words | {f"{number}.0": word for number, word in words.items()})
        for name in ("text", "place", "district"):
            if name in rows.headers:
                cells = rows.raw[rows.headers[name]]
                rows.made[name] = cells.mask(cells == "NA", "")
        if "place" not in given and "place" in rows.made:
            rows.made["place"] = rows.made["place"].where(rows.raw[header["where_prec"]].isin(["1", "1.0"]), "")
        if "code_status" in header:
            unclear = int((~rows.raw[header["code_status"]].isin(["", "Clear"])).sum())

    for draft in read_as(path, **how, needed=NEEDED, usual=_HEADERS, look=look):
        yield replace(draft, counted={**draft.counted, _UNCLEAR: unclear})
