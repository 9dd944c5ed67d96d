"""Water Conflict Chronology of the Pacific Institute -> drafts: one entry one report.

Columns as on its page (Date, Headline, Conflict Type, Region, Description, Sources, Latitude, Longitude, Start, End) and as
Resource Watch passes them on (conflict_type, start_year, end_year). What they mean here:

========================  ===================================================================================================
column                    here
========================  ===================================================================================================
Conflict Type             Trigger, alone or with others: intercommunal_clash, for water was what it was about. Only Weapon or
                          Casualty: armed_clash, for water was its tool or its victim
Headline, Description     text; with Trigger, 'irrigation' or 'drinking water' in it is the resource, if only one of the two is
Latitude, Longitude       location_kind wider, 100 km: the chronology places an event on the centre of a region or a whole
                          country where it cannot find the name
Date                      the date, where it names a day or a month, and lies in the years from Start to End
Start, End                first and last year, where Date says no more
========================  ===================================================================================================

Entries are cases of violence or of its threat. Entries without a number have none made up by the reader; a mended description
makes another record. Events before year 1 are set aside.

References
----------
Pacific Institute, Water Conflict Chronology, Oakland, https://www.worldwater.org/water-conflict
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Unpack

import pandas as pd

from tensionmap.errors import RawDataError
from tensionmap.ingest.dates import parse_date
from tensionmap.ingest.drafts import Draft, HowRead, Rows, plain, read_as

NEEDED = ("date", "headline", "region", "description")
_TYPE, _START, _END = ("conflict type", "conflict_type"), ("start", "start_year"), ("end", "end_year")
_RADIUS_M = "100000"


def recognises(headers: frozenset[str]) -> bool:
    """Whether these are the headers of the chronology."""
    return headers.issuperset(NEEDED) and any(header in headers for header in _TYPE)


def read(path: Path, **how: Unpack[HowRead]) -> Iterator[Draft]:
    """The entries of the Water Conflict Chronology.

    Parameters
    ----------
    path
        The file.
    **how
        See ``HowRead``; ``columns`` are rarely needed, since the headers are fixed. Whoever knows the place of every entry
        better says so by ``location_kind`` and ``precision_m`` under values.

    Raises
    ------
    RawDataError
        If the file cannot be read or one of its columns is not there.
    """
    given = {*how.get("columns", {}), *how.get("values", {})}

    def look(rows: Rows) -> None:
        names = {plain(name): name for name in reversed(list(rows.raw.columns))}
        start, end = (next((names[name] for name in choice if name in names), None) for choice in (_START, _END))
        if start is not None:
            _set_ancient_aside(rows, start)
        made = _days(rows.raw, names["date"], start, end) | _placed(rows.raw) | _told(rows.raw, names)
        rows.made |= {name: column for name, column in made.items() if name not in given}
        of = {"date_end": end or names["date"], "category": _type(names)}
        rows.headers |= {name: header for name, header in of.items() if header and name not in given}

    yield from read_as(path, **how, needed=NEEDED, look=look)


def _type(names: dict[str, str]) -> str | None:
    return next((names[name] for name in _TYPE if name in names), None)


def _set_ancient_aside(rows: Rows, start: str) -> None:
    rows.set_aside(rows.raw[start].str.match("[-−] ?[0-9]"), start, "The event happened before year 1.", "Nothing needs doing.")


def _days(raw: pd.DataFrame, header: str, start: str | None, end: str | None) -> dict[str, pd.Series]:
    """First and last day: of the date where it says more than the years, else of the years."""
    dates = raw[header]
    if start is None:
        return {"date": dates}
    first = _years(raw[start])
    last = _years(raw[end]).where(raw[end] != "", first) if end else first
    exact = dates.map({text: _exact(text) for text in dates.unique()}).astype("str")
    is_exact = (exact != "") & (exact.str.slice(0, 4) >= first) & (exact.str.slice(5) <= last) | (first == "")
    return {"date": dates.where(is_exact, first), "date_end": last.where(~is_exact, "")}


def _years(cells: pd.Series) -> pd.Series:
    return cells.str.removesuffix(".0").str.replace("^([0-9]{1,3})$", lambda found: found[1].zfill(4), regex=True)


def _exact(text: str) -> str:
    """First and last year of a date that names more than years, else nothing."""
    try:
        days = parse_date(text)
    except RawDataError:
        return ""
    is_years = (days.start.month, days.start.day, days.end.month, days.end.day) == (1, 1, 12, 31)
    return "" if is_years else f"{days.start.year:04} {days.end.year:04}"


def _placed(raw: pd.DataFrame) -> dict[str, pd.Series]:
    return {
        "location_kind": pd.Series("wider", index=raw.index, dtype="str"),
        "precision_m": pd.Series(_RADIUS_M, index=raw.index, dtype="str"),
    }


def _told(raw: pd.DataFrame, names: dict[str, str]) -> dict[str, pd.Series]:
    """What is told, what kind of event it is, and what it was about."""
    text = raw[names["headline"]] + ". " + raw[names["description"]]
    header = _type(names)
    if header is None:
        return {"text": text}
    category = raw[header].map({kind: _category(kind) for kind in raw[header].unique()}).astype("str")
    is_irrigation, is_drinking = text.str.contains("(?i)irrigat"), text.str.contains("(?i)drinking[- ]water")
    is_about = (category == "intercommunal_clash") & (is_irrigation != is_drinking)
    resource = pd.Series("", index=raw.index, dtype="str").mask(is_about, "irrigation")
    return {"text": text, "category": category, "resource": resource.mask(is_about & is_drinking, "drinking_water")}


def _category(kind: str) -> str:
    if "trigger" in kind.casefold():
        return "intercommunal_clash"
    return "armed_clash" if any(word in kind.casefold() for word in ("weapon", "casualty")) else kind
