"""Water events of the Transboundary Freshwater Dispute Database -> drafts: one event one report, whatever pairs of states it has.

The table has a row for every pair of states and every basin; one summit of five states is ten rows. ``UNIQUE_ID`` is the event:
its first row counts, the others are set aside. Set aside too are rows that the database itself calls no event between states
about water (``EVENT_TYPE`` n/a), and those without a step on its scale.

What the steps of the scale (``BAR_Scale``, which is also the severity) are called here:

==========  ==================================================================  =================================================
BAR_Scale   in the scale                                                        category
==========  ==================================================================  =================================================
-7 to -5    war; extensive, small military acts                                 armed_clash; intercommunal_clash within one state
-4          hostile acts, political and military                                border_incident; intercommunal_clash within one
                                                                                state
-3 to -1    hostile acts, diplomatic and economic; strong, mild hostile words   irrigation_dispute
0           neutral                                                             none: set aside
1, 2        talks; support in words                                             joint_meeting
3 to 7      agreements, treaties, union                                         agreement
==========  ==================================================================  =================================================

The resource is irrigation if one of the two issues is irrigation (``Issue_Type`` 9) or the amount of water (2); else none: the
quality of water (1), hydropower (3), navigation (4), fishing (5), floods (6), economic development (7), joint management (8),
infrastructure (10) and technical help (11) are no resource of a village.

No row has a place: these events stand on time lines and in counts, never on a map. Where the comments call the date approximate,
it is known to the month; the first of January often stands for a year of which nothing more is known, which no column says.

References
----------
Yoffe, S. and others (2004). Geography of international water conflict and cooperation: data sets and applications.
Water Resources Research 40. https://doi.org/10.1029/2003WR002530
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Unpack

import pandas as pd

from tensionmap.ingest.drafts import Draft, HowRead, Rows, plain, read_as

NEEDED = ("unique_id", "date", "dyad_code", "bar_scale", "event_summary", "issue_type1")

_HEADERS = {"record_id": "unique_id", "severity": "bar_scale", "text": "event_summary"}
_MADE_OF = {"category": "bar_scale", "resource": "issue_type1", "date_precision": "comments"}
_CATEGORY = {
    **dict.fromkeys(("-7", "-6", "-5"), "armed_clash"),
    "-4": "border_incident",
    **dict.fromkeys(("-3", "-2", "-1"), "irrigation_dispute"),
    **dict.fromkeys(("1", "2"), "joint_meeting"),
    **dict.fromkeys(("3", "4", "5", "6", "7"), "agreement"),
}
_BY_FORCE = ("-7", "-6", "-5", "-4")
_ABOUT_IRRIGATION = ("2", "9")


def recognises(headers: frozenset[str]) -> bool:
    """Whether these are the headers of the water events of the TFDD."""
    return headers.issuperset(NEEDED)


def read(path: Path, **how: Unpack[HowRead]) -> Iterator[Draft]:
    """The water events of the TFDD.

    Parameters
    ----------
    path
        The file.
    **how
        See ``HowRead``; ``columns`` are rarely needed, since the headers are fixed.

    Raises
    ------
    RawDataError
        If the file cannot be read or one of its columns is not there.
    """
    given = {*how.get("columns", {}), *how.get("values", {})}
    seen: set[str] = set()

    def look(rows: Rows) -> None:
        names = {plain(name): name for name in reversed(list(rows.raw.columns))}
        _set_aside_no_events(rows, names)
        _set_repeats_aside(rows, names["unique_id"], seen)
        made = _understood(rows.raw, names)
        rows.made |= {name: column for name, column in made.items() if name not in given}
        rows.headers |= {name: names[header] for name, header in _MADE_OF.items() if header in names and name not in given}

    yield from read_as(path, **how, needed=NEEDED, usual=_HEADERS, look=look)


def _set_aside_no_events(rows: Rows, names: dict[str, str]) -> None:
    step = names["bar_scale"]
    if "event_type" in names:
        kind = names["event_type"]
        rows.set_aside(
            rows.raw[kind].str.startswith("n/a"),
            kind,
            "The database itself says that this is no event between states about water.",
            "Nothing needs doing.",
        )
    codes = _codes(rows.raw, step)
    rows.set_aside(
        codes == "", step, "The event has no step on the scale.", "Nothing needs doing, or look the event up and add it."
    )
    rows.set_aside(
        _codes(rows.raw, step) == "0",
        step,
        "The event is neutral by the scale: neither dispute nor cooperation.",
        "Nothing needs doing.",
    )


def _set_repeats_aside(rows: Rows, header: str, seen: set[str]) -> None:
    ids = rows.raw[header]
    is_repeat = (ids != "") & (ids.duplicated() | ids.isin(list(seen)))
    seen.update(ids)
    rows.set_aside(
        is_repeat,
        header,
        "The event stands further up: this row is the same event for another pair of states or another basin.",
        "Nothing needs doing: an event counts once.",
    )


def _understood(raw: pd.DataFrame, names: dict[str, str]) -> dict[str, pd.Series]:
    step = _codes(raw, names["bar_scale"])
    category = step.map(lambda code: _CATEGORY.get(code, code)).astype("str")
    if "event_type" in names:
        is_within = raw[names["event_type"]].str.contains("internal", regex=False)
        category = category.mask(is_within & step.isin(_BY_FORCE), "intercommunal_clash")
    is_irrigation = pd.Series(False, index=raw.index)
    for issue in ("issue_type1", "issue_type2"):
        if issue in names:
            is_irrigation |= _codes(raw, names[issue]).isin(_ABOUT_IRRIGATION)
    none = pd.Series("none", index=raw.index, dtype="str")
    made = {"category": category, "resource": none.mask(is_irrigation, "irrigation")}
    if "comments" in names:
        is_about = raw[names["comments"]].str.contains("(?i)date is approximat")
        made["date_precision"] = pd.Series("", index=raw.index, dtype="str").mask(is_about, "month")
    return made


def _codes(raw: pd.DataFrame, header: str) -> pd.Series:
    """Whole numbers as spreadsheets write them: '-5' and '-5.0' are one code."""
    return raw[header].str.removesuffix(".0")
