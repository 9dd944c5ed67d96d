"""Export of a KoboToolbox form -> drafts: one answer one report; answers that were not approved are set aside.

Export "CSV" or "XLS", or the JSON of the web service. Headers are XML names, which stay the same in every language, or labels;
groups may stand before the question's name (``where/location``). Of an export with repeated groups, which has a sheet for each,
a sheet named in study.toml is read, row by row, with the answers of the form to which each row belongs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Unpack

import numpy as np
import pandas as pd

from tensionmap.errors import RawDataError
from tensionmap.ingest.drafts import DRAFT_COLUMNS, NOTHING, Draft, HowRead, Rows, plain, read_as
from tensionmap.ingest.grids import Grid, read_grids
from tensionmap.ingest.places import fold

_STATES = {
    **dict.fromkeys(map(fold, ("", "approved", "одобрено", "утверждено", "подтверждено")), "approved"),
    **dict.fromkeys(map(fold, ("not approved", "не одобрено", "не утверждено", "не подтверждено")), "not approved"),
    **dict.fromkeys(map(fold, ("on hold", "на удержании", "отложено", "в ожидании", "приостановлено")), "on hold"),
}
_REFUSED = {
    "not approved": ("The answer was not approved.", "If it is right after all, approve it in KoboToolbox and export again."),
    "on hold": ("The answer is on hold.", "Approve it in KoboToolbox, or not, and export again."),
    "": (
        "Whether the answer was approved is written in a word that is not known here.",
        "Export again with XML values and headers, which are the same in every language.",
    ),
}
_STATE_HEADERS = ("_validation_status/uid", "_validation_status", "_validation_status/label", "_submission__validation_status")
_RECORD_HEADERS = ("meta/rootUuid", "_id", "_uuid", "_submission__id", "_submission__uuid")
_SENT_HEADERS = ("_submission_time", "_submission__submission_time")
_TABLE, _PARENT, _INDEX = "_parent_table_name", "_parent_index", "_index"


def recognises(headers: frozenset[str]) -> bool:
    """Whether the columns that KoboToolbox adds are there."""
    return {"_uuid", "_submission_time"} <= headers or {_INDEX, _TABLE, _PARENT} <= headers


def read(path: Path, **how: Unpack[HowRead]) -> Iterator[Draft]:
    """The reports of a KoboToolbox export.

    Parameters
    ----------
    path
        The file.
    **how
        See ``HowRead``; ``columns`` may also give ``location``: the geopoint question with its group, e.g. ``where/location``.
        A question that bears our name, in whatever group, needs no entry. With ``sheet`` a repeated group, questions of the form
        around it may be named too.

    Notes
    -----
    The record is ``meta/rootUuid`` or else ``_id``, which unlike ``_uuid`` stay the same when an answer is edited; in a repeated
    group that of the answer, and which row of it.

    The geopoint is taken from ``_location_latitude``, ``_location_longitude`` and ``_location_precision``, or from the cell
    "latitude longitude altitude precision" itself. The precision is the device's own estimate in metres; devices are optimistic.
    A precision of 0 is none: the point was set by hand on a map. Where the form was filled in (``start-geopoint``) is never
    taken for where it happened.

    An answer was reported at its ``_submission_time``, unless the form asks for ``date_reported`` itself.

    One report has one category and one resource: an answer in which several are ticked is set aside.

    Raises
    ------
    RawDataError
        If the file cannot be read or a header is not there.
    """
    columns, values = how.get("columns", NOTHING), how.get("values", NOTHING)
    grids = [grid for grid in read_grids(path, file=how["file"]) if grid.head]
    above = _answers_above(grids, file=how["file"], sheet=how.get("sheet"))
    by_plain = {plain(header): header for header in above.columns}
    inherited = {name: by_plain[plain(header)] for name, header in columns.items() if plain(header) in by_plain}
    how["columns"] = {name: header for name, header in columns.items() if name not in inherited}

    def look(rows: Rows) -> None:
        if len(above.columns):
            _add_answers(rows, above)
        found = list(rows.raw.columns)
        named = by_question(found, "/")
        rows.headers |= inherited
        rows.headers |= {name: named[name] for name in named if name not in {*values, *columns, *rows.headers}}
        if "record_id" not in {*columns, *values}:
            _number(rows)
        if "date_reported" not in {*columns, *values, *named}:
            _received(rows)
        _refuse_unapproved(rows)
        for name in ("category", "resource"):
            if name not in values:
                one_choice(rows, name)
        if "location" in rows.headers:
            point, headers = _geopoint(rows.raw, rows.headers.pop("location"))
            rows.made |= {name: made for name, made in point.items() if name not in {*columns, *values}}
            rows.headers = {**headers, **rows.headers}

    yield from read_as(path, **how, needed=_marks(grids, how.get("sheet")), more=("location",), look=look)


def _marks(grids: list[Grid], sheet: str | None) -> list[str]:
    """Columns of KoboToolbox by which the header is told from an answer that is called like one of our columns."""
    for grid in grids:
        for _, cells in grid.head if sheet in (None, grid.sheet) else ():
            if marks := [cell for cell in cells if cell in (*_RECORD_HEADERS, "_submission_time", _PARENT)]:
                return marks
    return []


def by_question(found: list[str], separator: str) -> dict[str, str]:
    """Our name -> header, for questions that bear our name, in whatever group; the first of those in the fewest groups."""
    questions = [header for header in reversed(found) if header.rpartition("/")[0] not in found]
    questions.sort(key=lambda header: -header.count(separator))
    last = {header.rsplit(separator, 1)[-1].casefold(): header for header in questions}
    return {name: last[name] for name in (*DRAFT_COLUMNS, "location") if name in last}


def one_choice(rows: Rows, name: str) -> None:
    """Set aside answers in which several choices of the question ``name`` are ticked; take the one choice where one is.

    Choices have columns of 0 and 1 of their own, ``question/choice``; the question itself may have a column or not.
    """
    question = rows.headers.get(name)
    choices = [header for header in rows.raw.columns if _is_choice(rows.raw[header], header, question, name)]
    if not choices:
        return
    is_ticked = np.column_stack([rows.raw[header].isin(["1", "True", "true"]) for header in choices])
    words = np.array(["", *(header.rpartition("/")[2] for header in choices)], dtype=object)
    one = pd.Series(words[np.where(is_ticked.any(axis=1), is_ticked.argmax(axis=1) + 1, 0)], index=rows.raw.index, dtype="str")
    rows.made[name] = one if question is None else rows.raw[question].where(rows.raw[question] != "", one)
    rows.headers.setdefault(name, choices[0])
    rows.set_aside(
        pd.Series(is_ticked.sum(axis=1) > 1, index=rows.raw.index),
        rows.headers[name],
        f"Several answers are ticked for one report ({name}).",
        "Make a report of each in a copy of the file, and let the form allow one answer only.",
    )


def _is_choice(cells: pd.Series, header: str, question: str | None, name: str) -> bool:
    asked = header.rpartition("/")[0]
    is_of = asked == question if question else asked.rpartition("/")[2].casefold() == name
    return is_of and asked != "" and bool(cells.isin(["", "0", "1", "True", "False", "true", "false"]).all())


def _number(rows: Rows) -> None:
    """The record of each answer; the row of it in a repeated group."""
    found = rows.raw.columns
    records = [header for header in _RECORD_HEADERS if header in found]
    if not records:
        return
    number = pd.Series("", index=rows.raw.index, dtype="str")
    for header in records:
        number = number.where(number != "", rows.raw[header])
    rows.headers["record_id"] = records[0]
    if _PARENT in found:
        which = number.groupby(number).cumcount() + 1
        number = (number + "/" + which.astype("str")).where(number != "", "")
    rows.made["record_id"] = number


def _received(rows: Rows) -> None:
    """When the server received each answer; an edit leaves it as it was."""
    header = next((header for header in _SENT_HEADERS if header in rows.raw.columns), None)
    if header is None:
        return
    rows.headers["date_reported"] = header
    # The server writes UTC without saying so (github.com/kobotoolbox/kpi/issues/3941).
    bare = r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)"
    rows.made["date_reported"] = rows.raw[header].str.replace(f"^{bare}$", r"\1Z", regex=True)


def _refuse_unapproved(rows: Rows) -> None:
    header = next((header for header in _STATE_HEADERS if header in rows.raw.columns), None)
    if header is None:
        return
    states = {
        cell: _STATES.get(fold(cell).removeprefix(f"{fold('validation status')} "), "") for cell in rows.raw[header].unique()
    }
    for state, (reason, advice) in _REFUSED.items():
        rows.set_aside(rows.raw[header].map(states).astype("str") == state, header, reason, advice)


def _geopoint(raw: pd.DataFrame, question: str) -> tuple[dict[str, pd.Series], Mapping[str, str]]:
    """Latitude, longitude and precision of the geopoint ``question``, and the headers they come from."""
    group, _, name = question.rpartition("/")
    parts = raw[question].str.split(expand=True).reindex(columns=range(4)).fillna("").astype("str")
    point, headers = {}, {}
    for place, (ours, theirs) in {0: ("latitude",) * 2, 1: ("longitude",) * 2, 3: ("precision_m", "precision")}.items():
        split = (f"{group}/_{name}_{theirs}", f"_{name}_{theirs}", f"_{question}_{theirs}")
        header = next((header for header in split if header in raw.columns), question)
        headers[ours] = header
        point[ours] = raw[header].where(raw[header] != "", parts[place]) if header != question else parts[place]
    point["precision_m"] = without_zero(point["precision_m"])
    return point, headers


def without_zero(metres: pd.Series) -> pd.Series:
    """``metres``, empty where 0: so phones write that a point was set by hand."""
    return metres.mask(metres.str.fullmatch(r"0+([.,]0+)?"), "")


# Repeated groups


def _add_answers(rows: Rows, above: pd.DataFrame) -> None:
    """Put the answers of the form around a repeated group beside its rows."""
    around = above.reindex(rows.raw.index)
    rows.raw = rows.raw.join(around)
    rows.set_aside(
        (around == "").all(axis=1),
        _PARENT,
        "The answer to which this row of a repeated group belongs is not in the file.",
        "Export the form again with all its groups.",
    )


def _answers_above(grids: list[Grid], *, file: str, sheet: str | None) -> pd.DataFrame:
    """What the form around the repeated group ``sheet`` holds for each of its rows; index the row.

    Empty if ``sheet`` is no repeated group.
    """
    if not any(grid.sheet == sheet and _PARENT in grid.head[0][1] for grid in grids):
        return pd.DataFrame()
    sheets = {str(grid.sheet): _frame(grid) for grid in grids}
    rows = sheets.pop(str(sheet))
    return _inherited(rows, sheets, file=file).drop(columns=list(rows.columns), errors="ignore")


def _frame(grid: Grid) -> pd.DataFrame:
    pieces = [
        pd.DataFrame(
            {
                name: pd.array(column, dtype="str")
                for name, column in reversed(list(zip(grid.head[0][1], piece.columns, strict=False)))
            },
            index=piece.rows,
        )
        for piece in grid.below(0)
    ]
    return pd.concat(pieces) if pieces else pd.DataFrame(columns=grid.head[0][1], dtype="str")


def _inherited(rows: pd.DataFrame, sheets: Mapping[str, pd.DataFrame], *, file: str) -> pd.DataFrame:
    """The answers to which ``rows`` belong, and those around them, up to the form itself; index of ``rows``."""
    table = next(iter(rows[_TABLE][rows[_TABLE] != ""]), "") if _TABLE in rows else ""
    name = next((name for name in sheets if _is_sheet_of(name, table)), None)
    if name is None or _INDEX not in sheets[name]:
        raise RawDataError(
            f"{file}: the sheet {table!r}, to which the rows of this group belong, is not there or has no column _index. "
            "Export the form again with all its groups, as .xlsx."
        )
    answers = sheets[name].drop_duplicates(_INDEX).set_index(_INDEX, drop=False)
    found = answers.reindex(rows[_PARENT]).set_axis(rows.index).fillna("")
    if _PARENT not in found:
        return found
    others = {other: frame for other, frame in sheets.items() if other != name}
    around = _inherited(found, others, file=file)
    return found.join(around[[header for header in around if header not in found]])


def _is_sheet_of(name: str, table: str) -> bool:
    """Whether the sheet ``name`` is the table's: spreadsheets cut names at 31 letters and forbid some of them."""
    cut, dots, _ = name.partition("...")
    whole = re.sub(r"[\[\]*?:\\/]", "_", table)
    return name == whole or (bool(dots) and whole.startswith(cut))
