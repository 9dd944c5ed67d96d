"""ACLED -> drafts: one event one report. Columns of today (31) and of before March 2023, headers in small or capital letters.

What the codes of precision mean here:

==============  =====================================================  =============  ======
geo_precision   in the codebook                                        location_kind  radius
==============  =====================================================  =============  ======
1               a town or village: its coordinates, not the event's    settlement     2 km
2               near a town, or a small part of a region               wider          25 km
3               a larger region, a natural feature near it             wider          100 km
==============  =====================================================  =============  ======

==============  ==================================================  ==============  ======================================
time_precision  in the codebook                                     date_precision  days
==============  ==================================================  ==============  ======================================
1               the day                                             day             that day
2               some day of the week                                week            Monday to Sunday around the day written
3               some day of the month; its middle is written down   month           15 days before to 15 days after
==============  ==================================================  ==============  ======================================

The third is no calendar month, since a middle is written down even where a source says "in late April".

What the kinds of events are called here:

=================================================================  ======================================================
sub_event_type                                                     category
=================================================================  ======================================================
Armed clash, Attack                                                armed_clash; intercommunal_clash if both sides are
                                                                   identity militias, rioters, protesters or civilians
Government regains territory, Non-state actor overtakes territory  armed_clash
every kind of Explosions/Remote violence                           armed_clash
Mob violence                                                       intercommunal_clash
Sexual violence                                                    sexual_violence
Agreement                                                          agreement
Disrupted weapons use                                              weapons
all others (protests, arrests, looting ...)                        as written: set aside unless the study translates it
=================================================================  ======================================================

A study that sees it otherwise names ``category = "sub_event_type"`` under columns, and every kind under words. Actors and notes
are free text: they stay with the private text.

ACLED's terms of use forbid to give its rows on to others: a study may hold them, a release may not. Its events are changed and
deleted later on: export the whole period anew, and replace the file. ``timestamp`` is the time of the last change, which may be
years after an event became known, so when it was reported stays empty.

References
----------
Raleigh, C., Linke, A., Hegre, H. and Karlsen, J. (2010). Introducing ACLED: an armed conflict location and event dataset.
Journal of Peace Research 47(5). https://doi.org/10.1177/0022343310378914
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Unpack

import pandas as pd

from tensionmap.errors import RawDataError
from tensionmap.ingest.dates import parse_date
from tensionmap.ingest.drafts import Draft, HowRead, Rows, plain, read_as

NEEDED = (
    *("event_id_cnty", "event_date", "time_precision", "event_type", "sub_event_type"),
    *("latitude", "longitude", "geo_precision"),
)

_HEADERS = {
    "record_id": "event_id_cnty",
    "date": "event_date",
    "latitude": "latitude",
    "longitude": "longitude",
    "place": "location",
    "district": "admin2",
    "category": "sub_event_type",
    "text": "notes",
}
_MADE_OF = {
    "date_end": "event_date",
    "date_precision": "time_precision",
    "location_kind": "geo_precision",
    "precision_m": "geo_precision",
}
_KIND = {"1": "settlement", "2": "wider", "3": "wider"}
_PRECISION_M = {"1": "2000", "2": "25000", "3": "100000"}
_DAYS = {"1": "day", "2": "week", "3": "month"}
_HALF_A_MONTH = timedelta(days=15)
_CATEGORY = {
    "armed clash": "armed_clash",
    "attack": "armed_clash",
    "government regains territory": "armed_clash",
    "non-state actor overtakes territory": "armed_clash",
    "chemical weapon": "armed_clash",
    "air/drone strike": "armed_clash",
    "suicide bomb": "armed_clash",
    "shelling/artillery/missile attack": "armed_clash",
    "remote explosive/landmine/ied": "armed_clash",
    "grenade": "armed_clash",
    "mob violence": "intercommunal_clash",
    "sexual violence": "sexual_violence",
    "agreement": "agreement",
    "disrupted weapons use": "weapons",
}
_PERHAPS_COMMUNAL = ("armed clash", "attack")
_COMMUNITY = re.compile(r"[4567](\.0)?|(identity|communal) militia.*|rioter.*|protester.*|civilian.*")
"""Kind of actor, as the number of older files or the words of newer ones."""
_NUMBERS = re.compile(r"([0-9]{1,2})[-/.]([0-9]{1,2})[-/.]([0-9]{4})")
_DAY_FIRST = "dates were written in numbers and read with the day first, as the codebook says and other dates of the file show"


@dataclass(frozen=True)
class _Whole:
    """What only the whole file can tell: the newest version of each event that stands in it twice, and the order of its dates."""

    newest: pd.Series
    is_day_first: bool


def recognises(headers: frozenset[str]) -> bool:
    """Whether these are the headers of ACLED."""
    return headers.issuperset(NEEDED)


def read(path: Path, **how: Unpack[HowRead]) -> Iterator[Draft]:
    """The events of an ACLED file; of an event in several versions the one with the newest ``timestamp`` counts.

    Parameters
    ----------
    path
        The file; it is read twice.
    **how
        See ``HowRead``; ``columns`` are rarely needed, since the headers are fixed.

    Notes
    -----
    Dates in numbers, ``30-04-2025``, are read if the file itself shows their order: some first number is above 12, and no second
    one. Else they are refused until the study names ``date_format``; ``2025-04-30`` and ``30 April 2025`` never are.

    Even the best place is the point of a village: nothing smaller than the distance between villages can be seen.

    Raises
    ------
    RawDataError
        If the file cannot be read or one of the columns of ACLED is not there.
    """
    given = {*how.get("columns", {}), *how.get("values", {})}
    whole = _look_through(path, how)
    day_first = 0

    def look(rows: Rows) -> None:
        nonlocal day_first
        _set_older_aside(rows, whole.newest)
        names = _names(rows)
        made, is_turned = _days(rows.raw[names["event_date"]], _code(rows, names, "time_precision"), whole.is_day_first)
        geo = _code(rows, names, "geo_precision")
        made["location_kind"] = _each(geo, lambda code: _KIND.get(code, code))
        made["precision_m"] = _each(geo, lambda code: _PRECISION_M.get(code, code))
        made["category"] = _category(rows, names)
        made["text"] = _told(rows, names)
        made["place"] = _cells(rows, names, "location").where(geo == "1", "")
        day_first = 0 if "date" in given else int(is_turned.sum())
        rows.made |= {name: column for name, column in made.items() if name not in given}
        rows.headers |= {name: names[header] for name, header in _MADE_OF.items() if name not in given}

    for draft in read_as(path, **how, needed=NEEDED, usual=_HEADERS, look=look):
        yield replace(draft, counted={**draft.counted, _DAY_FIRST: day_first})


def _look_through(path: Path, how: HowRead) -> _Whole:
    ids: list[pd.Series] = []
    stamps: list[pd.Series] = []
    dates: set[str] = set()

    def look(rows: Rows) -> None:
        names = _names(rows)
        ids.append(rows.raw[names["event_id_cnty"]])
        stamps.append(_stamps(rows, names))
        dates.update(rows.raw[names["event_date"]].unique())

    for _ in read_as(path, **how, needed=NEEDED, usual=_HEADERS, look=look):
        pass
    every, stamp = pd.concat(ids), pd.concat(stamps)
    is_repeated = every.duplicated(keep=False).to_numpy() & (every != "").to_numpy() & stamp.notna().to_numpy()
    orders = [(int(found[1]), int(found[2])) for text in dates if (found := _NUMBERS.fullmatch(text))]
    return _Whole(
        newest=stamp[is_repeated].groupby(every[is_repeated].to_numpy()).max(),
        is_day_first=any(first > 12 for first, _ in orders) and all(second <= 12 for _, second in orders),
    )


def _set_older_aside(rows: Rows, newest: pd.Series) -> None:
    if newest.empty:
        return
    names = _names(rows)
    best = rows.raw[names["event_id_cnty"]].map(newest)
    rows.set_aside(
        _stamps(rows, names) < best,
        names["event_id_cnty"],
        "The file holds a newer version of this event.",
        "Nothing needs doing: the newest version counts.",
    )


def _names(rows: Rows) -> dict[str, str]:
    """Header in small letters -> header as it stands in the file."""
    return {plain(name): name for name in reversed(list(rows.raw.columns))}


def _cells(rows: Rows, names: dict[str, str], header: str) -> pd.Series:
    """The column ``header``, or empty cells if the file lacks it."""
    return rows.raw[names[header]] if header in names else pd.Series("", index=rows.raw.index, dtype="str")


def _code(rows: Rows, names: dict[str, str], header: str) -> pd.Series:
    return rows.raw[names[header]].str.removesuffix(".0")


def _stamps(rows: Rows, names: dict[str, str]) -> pd.Series:
    """When each version was written, in seconds; nothing where the file does not say."""
    return pd.to_numeric(_cells(rows, names, "timestamp"), errors="coerce")


def _each(cells: pd.Series, function: Callable[[str], str]) -> pd.Series:
    """``function`` of every cell, asked once for every distinct text."""
    return cells.map({cell: function(cell) for cell in cells.unique()}).astype("str")


def _days(dates: pd.Series, codes: pd.Series, is_day_first: bool) -> tuple[dict[str, pd.Series], pd.Series]:
    """First and last day and how it is known, and which dates were turned from numbers with the day first."""
    turned = _each(dates, _turned) if is_day_first else dates
    read = _each(turned, _around)
    is_month = (codes == "3") & (read != "")
    made = {
        "date": turned.where(~is_month, read.str.slice(0, 10)),
        "date_end": read.str.slice(11).where(is_month, ""),
        "date_precision": _each(codes, lambda code: _DAYS.get(code, code)),
    }
    return made, turned != dates


def _turned(text: str) -> str:
    found = _NUMBERS.fullmatch(text)
    return f"{found[3]}-{int(found[2]):02}-{int(found[1]):02}" if found else text


def _around(text: str) -> str:
    """The first and the last of the days around the day ``text``, or nothing if it is none."""
    try:
        day = parse_date(text)
        return f"{_shifted(day.start, -_HALF_A_MONTH)} {_shifted(day.end, _HALF_A_MONTH)}" if day.precision == "day" else ""
    except (RawDataError, OverflowError):
        return ""


def _shifted(day: date, by: timedelta) -> str:
    return (day + by).isoformat()


def _category(rows: Rows, names: dict[str, str]) -> pd.Series:
    kinds = rows.raw[names["sub_event_type"]]
    is_communal = pd.Series(True, index=kinds.index)
    for side in ("inter1", "inter2"):
        actors = _cells(rows, names, side)
        is_communal &= actors.map({one: _COMMUNITY.fullmatch(plain(one)) is not None for one in actors.unique()}).astype(bool)
    perhaps = kinds.map({kind: plain(kind) in _PERHAPS_COMMUNAL for kind in kinds.unique()}).astype(bool)
    return _each(kinds, lambda kind: _CATEGORY.get(plain(kind), kind)).mask(is_communal & perhaps, "intercommunal_clash")


def _told(rows: Rows, names: dict[str, str]) -> pd.Series:
    """Who is named and what is told, as one text."""
    first, second = _cells(rows, names, "actor1"), _cells(rows, names, "actor2")
    notes = _cells(rows, names, "notes")
    actors = (first + " / " + second).where(second != "", first)
    return (actors + ": " + notes).where(actors != "", notes)
