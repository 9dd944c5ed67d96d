"""Lists of meetings, concerns and actions as offices keep them -> three tables; odd rows set aside, free text kept apart."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NotRequired, TypedDict, Unpack

import geopandas as gpd
import pandas as pd

from tensionmap.errors import RawDataError, StudyError
from tensionmap.ingest.dates import parse_date, read_days
from tensionmap.ingest.drafts import DRAFT_COLUMNS, Rows, read_as
from tensionmap.ingest.incidents import How
from tensionmap.ingest.places import AmbiguousPlace, fold
from tensionmap.ingest.set_aside import Kept, SetAside
from tensionmap.tables import ACTIONS, CONCERNS, GROUPS, MEETINGS, PRIVATE_TEXT, Table, check, empty

TEXTS = ("text", "note", "agreed")
"""Columns of free text: kept apart, whatever they say."""

OF_MEETING = ("meeting_id", "community", "district", "date", "kind")
"""By which concerns and actions say of which meeting they are: its identifier, or the community, the day, and the kind if
there were two on that day."""

MEETING_COLUMNS = (*OF_MEETING, *GROUPS, *TEXTS)
CONCERN_COLUMNS = ("concern_id", *OF_MEETING, "rank", "category", "place", "raised_by", *TEXTS)
ACTION_COLUMNS = (
    *("action_id", *OF_MEETING, "what", "who", "concern_id", "rank", "place"),
    *("date_due", "status", "date_done", "result", *TEXTS),
)

MOST_PEOPLE = 10_000
"""More in one room are a slip of the pen."""

LONGEST = timedelta(days=3653)
"""Nothing is agreed for more than ten years, nor entered more than ten years after the study period."""

# The columns of drafts in which our own dates travel, so that a spreadsheet's day numbers are read in them as well.
_TRAVELS_AS = {"date_due": "date_end", "date_done": "date_reported"}
_COUNT = re.compile(r"(?P<number>[0-9]{1,6})(?:[.,]0+)?\s*(?P<words>[^0-9]*)")
_RANK = re.compile(r"(?:№|no\.?|n)?\s*(?P<number>[0-9]{1,4})(?:[.,]0+)?[.)]?", re.IGNORECASE)
_BETWEEN_GROUPS = re.compile(r"[,;/|+&\n]|\s(?:and|и|ва|жана|va|hamda)\s", re.IGNORECASE)
_EVERYONE = "everyone"


class HowListed(TypedDict):
    """How one list is read, as study.toml says: see ``Reading`` there. ``source`` and ``file`` name it in messages."""

    source: str
    file: str
    sheet: NotRequired[str | None]
    columns: NotRequired[Mapping[str, str]]
    values: NotRequired[Mapping[str, str]]
    words: NotRequired[Mapping[str, str]]
    date_format: NotRequired[str | None]


@dataclass(frozen=True)
class Listed(Kept):
    """What one list told: its rows as a table, its free text, and what later lists may name.

    ``called`` has the columns ``called`` (the row's own identifier as written, folded) and ``key`` (ours), a row for each.
    """

    private_text: pd.DataFrame = field(kw_only=True)
    called: pd.DataFrame = field(kw_only=True)
    doubtful: Mapping[AmbiguousPlace, int] = field(kw_only=True, default_factory=dict)


class Things:
    """Canals, springs, pastures, roads and the like, by identifier and by folded name.

    Parameters
    ----------
    resources, services
        Tables RESOURCES and SERVICES.
    settlements
        Table SETTLEMENTS, in the same CRS in metres.
    """

    def __init__(self, resources: gpd.GeoDataFrame, services: gpd.GeoDataFrame, settlements: gpd.GeoDataFrame) -> None:
        self._points = settlements.set_index("settlement_id").geometry
        self._shapes: dict[str, Any] = {}
        self._kinds: dict[str, str] = {}
        self._named: dict[str, list[str]] = {}
        for layer, key in ((resources, "resource_id"), (services, "service_id")):
            for one, kind, name, shape in zip(layer[key], layer["kind"], layer["name"], layer.geometry, strict=True):
                self._shapes[one], self._kinds[one] = shape, kind
                if isinstance(name, str) and fold(name):
                    self._named.setdefault(fold(name), []).append(one)

    def find(self, name: str, near: str) -> str:
        """The thing of this identifier or name; of several of one kind (a canal in pieces) the nearest to settlement ``near``.

        Raises
        ------
        RawDataError
            If nothing has the name, or things of different kinds have it.
        """
        if name in self._shapes:
            return name
        found = self._named.get(fold(name), [])
        if len({self._kinds[one] for one in found}) != 1:
            told = "Things of different kinds have this name." if found else "Nothing has this name."
            raise RawDataError(f"{told}\nWrite the identifier of the one that is meant.")
        here = self._points[near]
        return min(found, key=lambda one: (float(here.distance(self._shapes[one])), one))


def read_meetings(path: Path, how: How, *, earlier: Sequence[Listed] = (), **listed: Unpack[HowListed]) -> Listed:
    """One row per meeting, as the table MEETINGS: where, when, of which kind, and how many were in the room.

    Parameters
    ----------
    path
        A spreadsheet or text with separators, with the columns ``MEETING_COLUMNS``; ``community`` and ``date`` are needed.
    how
        How the study is understood: its places, period and categories.
    earlier
        Lists of meetings that were read before: a meeting that stands in one of them is not a second one.
    **listed
        See ``HowListed``.

    Returns
    -------
    Listed
        ``meeting_id`` is made from settlement, day and kind, so that it can hold nobody's name; the list's own identifier
        serves to name the meeting in other lists. A count that is none is left empty, with a note.

    Raises
    ------
    RawDataError
        If the file cannot be read or has no community or date.
    StudyError
        If a word is translated to something that no column of the list can say.
    """
    rows = _Rows(path, how, MEETINGS, MEETING_COLUMNS, needed=("community", "date"), **listed)
    settlement, day = rows.communities("community"), rows.days()
    if "kind" not in rows.given:
        rows.cells["kind"] = "reporting_day"
        rows.note("meetings are taken as reporting days: the list has no column kind", range(len(rows)))
    kind = rows.each("kind", rows.word("kind", "What kind of meeting it was"))
    keys = [f"{one}-{when}-{what}" for one, when, what in zip(settlement, day, kind, strict=True)]
    rows.refuse_repeated("meeting_id")
    known = {key for before in earlier for key in before.table["meeting_id"]}
    called = _called(rows, "meeting_id", keys)
    first: dict[str, int] = {}
    for place in rows.sound():
        key = keys[place]
        if key in known or key in first:
            where = f"in row {rows.cells.index[first[key]]}" if key in first else "in another list"
            advice = "Bring the two into one row; if there were two meetings on that day, give each its kind."
            rows.refuse([place], "date", f"This meeting stands {where} already.\n{advice}")
        first.setdefault(key, place)
    counts = {group: rows.optional(group, _count, f"counts of {group} that are none") for group in GROUPS}
    table = rows.table(MEETINGS, {"meeting_id": keys, "settlement_id": settlement, "kind": kind, "date_held": day, **counts})
    return rows.listed(table, keys, called)


def read_concerns(path: Path, how: How, *, meetings: Sequence[Listed], things: Things, **listed: Unpack[HowListed]) -> Listed:
    """One row per concern, as the table CONCERNS: of which meeting, how pressing, what about, where, and who raised it.

    Parameters
    ----------
    path
        A spreadsheet or text with separators, with the columns ``CONCERN_COLUMNS``. Needed are ``category``, and
        ``meeting_id`` or ``community`` and ``date``.
    how
        As for meetings.
    meetings
        The lists of meetings.
    things
        What a concern may be about beside settlements.
    **listed
        See ``HowListed``.

    Returns
    -------
    Listed
        ``concern_id`` is made from the source and the row. Without ``rank`` the order of the list counts. A place that nobody
        knows, and groups that are none, are left empty with a note.

    Raises
    ------
    RawDataError, StudyError
        As for meetings.
    """
    rows = _Rows(path, how, CONCERNS, CONCERN_COLUMNS, needed=("category",), **listed)
    meeting = rows.meetings(meetings)
    own = how.taxonomy.own_words({theirs: ours for theirs, ours in rows.words.items() if ours in how.taxonomy.categories})
    category = rows.each("category", lambda word: how.taxonomy.category(word, own=own))
    rank = _ranks(rows, meeting)
    rows.refuse_repeated("concern_id")
    keys = rows.keys()
    values = {
        "concern_id": keys,
        "meeting_id": [one and one.meeting_id for one in meeting],
        "rank": rank,
        **{name: [one and getattr(one, name) for one in category] for name in ("category", "theme", "tier")},
        "place_id": rows.things(things, meeting),
        "raised_by": rows.optional("raised_by", rows.groups, "cells of raised_by with a word for none of women, men, youth"),
    }
    return rows.listed(rows.table(CONCERNS, values), keys, _called(rows, "concern_id", keys))


def read_actions(
    path: Path,
    how: How,
    *,
    meetings: Sequence[Listed],
    concerns: Sequence[Listed],
    things: Things,
    **listed: Unpack[HowListed],
) -> Listed:
    """One row per agreed action, as the table ACTIONS: what, which office, where, until when, and what became of it.

    Parameters
    ----------
    path
        A spreadsheet or text with separators, with the columns ``ACTION_COLUMNS``. Needed are ``what``, ``who``, and
        ``meeting_id`` or ``community`` and ``date``. ``rank`` or ``concern_id`` says which concern of the meeting it answers.
    how, meetings, things
        As for concerns.
    concerns
        The lists of concerns.
    **listed
        See ``HowListed``.

    Returns
    -------
    Listed
        ``action_id`` is made from the source and the row. An action that answers a concern which nobody knows is set aside,
        not kept without it: the concern may be one that must not be told, and the action would tell it.
        A date before the meeting is left empty with a note.

    Raises
    ------
    RawDataError, StudyError
        As for meetings.
    """
    rows = _Rows(path, how, ACTIONS, ACTION_COLUMNS, needed=("what", "who"), **listed)
    meeting = rows.meetings(meetings)
    what = rows.each("what", rows.word("what", "What is to be done"))
    who = rows.each("who", rows.word("who", "Who does it", "Write the office or body, never a person's name"))
    answered = _answered(rows, meeting, concerns)
    held = [one and one.date_held for one in meeting]
    due, done = rows.dates("date_due", held), rows.dates("date_done", held)
    status = _status(rows, done)
    result = rows.each("result", rows.word("result", "What became of it", may_be_empty=True))
    early = [place for place, one in enumerate(status) if one != "done" and result[place]]
    rows.note("results of actions that are not done were left out", early)
    for place in early:
        result[place] = None
    rows.refuse_repeated("action_id")
    keys = rows.keys()
    values = {
        "action_id": keys,
        "meeting_id": [one and one.meeting_id for one in meeting],
        "concern_id": answered,
        "what": what,
        "who": who,
        "place_id": rows.things(things, meeting),
        "date_due": due,
        "status": status,
        "date_done": done,
        "result": result,
    }
    return rows.listed(rows.table(ACTIONS, values), keys, _called(rows, "action_id", keys))


class _Rows:
    """The rows of one list: their cells under our names, and what is wrong with each."""

    def __init__(
        self,
        path: Path,
        how: How,
        table: Table,
        own: Sequence[str],
        *,
        needed: Sequence[str],
        **listed: Unpack[HowListed],
    ) -> None:
        source, file = listed["source"], listed["file"]
        columns, values = listed.get("columns", {}), listed.get("values", {})
        self.how, self.source, self.file = how, source, file
        self.words, self.date_format = listed.get("words", {}), listed.get("date_format")
        self.doubtful: Counter[AmbiguousPlace] = Counter()
        self._notes: list[str] = []
        self._chosen: list[tuple[str, list[int]]] = []
        self._faults: dict[int, list[tuple[str, str]]] = {}
        _require_own_names(file, (*columns, *values), own)
        _require_meaning(self.words, table, how)
        drafts = list(
            read_as(
                path,
                source=source,
                file=file,
                sheet=listed.get("sheet"),
                columns={_TRAVELS_AS.get(name, name): header for name, header in columns.items()},
                values={_TRAVELS_AS.get(name, name): value for name, value in values.items()},
                usual={travels: name for name, travels in _TRAVELS_AS.items()},
                more=[name for name in own if name not in (*DRAFT_COLUMNS, *_TRAVELS_AS)],
                look=lambda rows: _ask_for_nothing(rows, values),
            )
        )
        self._set_aside = [draft.set_aside for draft in drafts]
        self._sheet = drafts[0].sheet
        headers: dict[str, str] = {}
        for draft in drafts:
            headers |= draft.headers
            self._notes += [*draft.notes, *(f"{count} {what}" for what, count in draft.counted.items() if count)]
        self._headers = {name: headers.get(_TRAVELS_AS.get(name, name)) for name in own}
        self._raw = pd.concat([draft.raw for draft in drafts]).fillna("")
        read = pd.concat([draft.table for draft in drafts])
        self.given = {name for name in own if self._headers[name] or name in values}
        cells = {}
        for name in own:
            if _TRAVELS_AS.get(name, name) in read:
                cells[name] = read[_TRAVELS_AS.get(name, name)]
            elif header := self._headers[name]:
                cells[name] = self._raw[header].str.strip().str.replace(r"^[-–—]+$", "", regex=True)
            else:
                cells[name] = pd.Series(values.get(name, ""), index=self._raw.index)
        self.cells = pd.DataFrame(cells, index=self._raw.index, dtype="str")
        self._require(needed)

    def __len__(self) -> int:
        return len(self.cells)

    def _require(self, needed: Sequence[str]) -> None:
        """Refuse a file in which nothing gives a column that every row must have."""
        missing = [name for name in needed if name not in self.given]
        if "community" not in needed and not ({"meeting_id"} <= self.given or {"community", "date"} <= self.given):
            missing.append("meeting_id, or community and date")
        if missing:
            raise RawDataError(
                f"{self.file}: nothing says which column is {' and which is '.join(missing)}. "
                f"Columns of the file are: {', '.join(map(repr, list(self._raw.columns)[:12]))}. "
                f"Name it in [ingest.files.{self.source}.columns] of study.toml, or one value for all rows under values."
            )

    def sound(self) -> list[int]:
        """Positions of the rows with no fault so far."""
        return [place for place in range(len(self)) if place not in self._faults]

    def refuse(self, places: Iterable[int], column: str, message: str) -> None:
        """Rows with a fault in ``column``: what is wrong, and in a second line what to do."""
        for place in places:
            self._faults.setdefault(place, []).append((column, message))

    def refused(self, column: str) -> set[int]:
        """Positions of the rows with a fault in this column."""
        return {place for place, faults in self._faults.items() if column in (name for name, _ in faults)}

    def note(self, what: str, places: Iterable[int]) -> None:
        """Tell what was chosen in these rows; never what stands in them."""
        self._chosen.append((what, list(places)))

    def each(self, column: str, function: Callable[[str], Any]) -> list[Any]:
        """``function`` of every cell of the column; a row whose cell it refuses is refused."""
        return self._each(column, function, lambda place, error: self.refuse([place], column, str(error)))

    def optional(self, column: str, function: Callable[[str], Any], what: str) -> list[Any]:
        """``function`` of every cell of the column; a cell that it refuses is left empty with a note."""
        odd: list[int] = []
        found = self._each(column, function, lambda place, _: odd.append(place))
        self.note(f"{what} were left empty", odd)
        return found

    def _each(self, column: str, function: Callable[[str], Any], odd: Callable[[int, RawDataError], None]) -> list[Any]:
        found = []
        for place, cell in enumerate(self.cells[column]):
            try:
                found.append(function(cell))
            except RawDataError as error:
                found.append(None)
                odd(place, error)
        return found

    def word(self, column: str, about: str, remedy: str = "", *, may_be_empty: bool = False) -> Callable[[str], str | None]:
        """What a cell of a column with set answers means; the refusal never repeats the cell, which may name a person."""
        known = _meanings(column)
        own = {fold(theirs): ours for theirs, ours in self.words.items() if ours in set(known.values())}
        advice = f"{remedy or 'Correct the word'}: one of {', '.join(dict.fromkeys(known.values()))}; or translate the word in "
        advice += f"[ingest.files.{self.source}.words]."

        def meaning(cell: str) -> str | None:
            folded = fold(cell)
            if not folded and may_be_empty:
                return None
            if found := own.get(folded) or known.get(folded):
                return found
            raise RawDataError(f"{about} is {'not known by this word' if folded else 'missing'}.\n{advice}")

        return meaning

    def groups(self, cell: str) -> str | None:
        """The groups named in a cell, joined by | in the order of ``GROUPS``; nothing for an empty cell."""
        if not cell:
            return None
        meaning = self.word("group", "Who raised it")
        named = {meaning(part) for part in _BETWEEN_GROUPS.split(cell) if fold(part)}
        return "|".join(group for group in GROUPS if group in named or _EVERYONE in named) or None

    def communities(self, column: str) -> list[str | None]:
        """The settlement that each row names; a district is none."""
        districts = set(self.how.points.loc[self.how.points["kind"] == "district", "settlement_id"])
        fuzzy: list[int] = []
        found: list[str | None] = []
        for place, (name, district) in enumerate(zip(self.cells[column], self.cells["district"], strict=True)):
            found.append(None)
            if not name:
                self.refuse([place], column, "The community is missing.\nWrite the village or town that met.")
                continue
            try:
                named = self.how.places.find(name, district)
            except RawDataError as error:
                self.refuse([place], column, str(error))
                if isinstance(error, AmbiguousPlace):
                    self.doubtful[error] += 1
                continue
            if named.settlement_id in districts:
                self.refuse([place], column, "A whole district is named.\nWrite the village or town that met.")
                continue
            found[-1] = named.settlement_id
            fuzzy += [place] if named.is_fuzzy else []
        self.note("names of communities were read in spite of a slip in the spelling", fuzzy)
        return found

    def days(self) -> list[date | None]:
        """The day of each meeting, inside the study period."""
        blank = pd.Series("", index=self.cells.index, dtype="str")
        read = read_days(
            self.cells["date"],
            blank,
            blank,
            date_format=self.date_format,
            timezone=self.how.timezone,
            date_from=self.how.date_from,
            date_to=self.how.date_to,
        )
        for place, column, message in read.faults:
            self.refuse([int(place)], column, message.replace("the report is not of this study", "it is not of this study"))
        found: list[date | None] = [None if pd.isna(day) else day.item() for day in read.start]
        inexact = [place for place, precision in enumerate(read.precision) if precision not in ("day", "")]
        self.refuse(inexact, "date", "The date is more than one day.\nWrite the day on which the meeting was held.")
        return [None if place in inexact else day for place, day in enumerate(found)]

    def meetings(self, lists: Sequence[Listed]) -> list[Any]:
        """The meeting of each row, as a row of MEETINGS; a row of which nobody can say it is refused."""
        known = {one.meeting_id: one for listed in lists for one in listed.table.itertuples(index=False)}
        called: dict[str, set[str]] = {}
        by_day: dict[tuple[str | None, date | None], set[str]] = {}
        for key, one in known.items():
            called.setdefault(fold(key), set()).add(key)
            by_day.setdefault((one.settlement_id, one.date_held.date()), set()).add(key)
        for listed in lists:
            for name, key in listed.called.itertuples(index=False):
                called.setdefault(name, set()).add(key)
        named = [fold(cell) for cell in self.cells["meeting_id"]]
        settlement, day = self.communities("community"), self.days()
        kind = self.each("kind", self.word("kind", "What kind of meeting it was", may_be_empty=True))
        found: list[Any] = []
        for place, (name, where, when) in enumerate(zip(named, settlement, day, strict=True)):
            found.append(None)
            if name:
                self._faults.pop(place, None)  # where the identifier says it, an odd cell beside it does no harm
            elif place in self._faults:
                continue
            keys = called.get(name, set()) if name else set(known)
            keys = keys & by_day.get((where, when), set()) if where and when else keys
            keys = {key for key in keys if kind[place] in (None, known[key].kind)}
            column = "meeting_id" if name else "date"
            if len(keys) == 1:
                found[-1] = known[next(iter(keys))]
            elif keys:
                self.refuse([place], column, "It can be of several meetings.\nWrite their community, date and kind.")
            else:
                advice = "Correct it, or add the meeting to the list of meetings; if the meeting was set aside, correct it there."
                self.refuse([place], column, f"The meeting that it is of is not in a list of meetings.\n{advice}")
        return found

    def things(self, things: Things, meeting: Sequence[Any]) -> list[str | None]:
        """The settlement, resource or service that the place of each row means; what nobody knows is empty, with a note."""
        found: list[str | None] = []
        odd = []
        for place, name in enumerate(self.cells["place"]):
            found.append(None)
            if not name or meeting[place] is None:
                continue
            try:
                found[-1] = self._thing(things, name, meeting[place].settlement_id)
            except RawDataError as error:
                odd.append(place)
                if isinstance(error, AmbiguousPlace):
                    self.doubtful[error] += 1
        self.note("places that no settlement, resource or service has as its name, or several have, were left empty", odd)
        return found

    def _thing(self, things: Things, name: str, near: str) -> str:
        """A settlement by a spelling of the list, else a thing of this name, else a settlement whose spelling was mended."""
        if name in self.how.places.places:
            return name
        try:
            settlement = self.how.places.find(name)
        except RawDataError as refused:
            try:
                return things.find(name, near)
            except RawDataError:
                raise refused from None
        if settlement.is_fuzzy:
            with suppress(RawDataError):
                return things.find(name, near)
        return settlement.settlement_id

    def dates(self, column: str, held: Sequence[Any]) -> list[date | None]:
        """The day of each row, of a month or year its last; one that is no date or of no sense is left empty with a note."""
        found: list[date | None] = []
        odd = []
        for place, (cell, meeting) in enumerate(zip(self.cells[column], held, strict=True)):
            found.append(None)
            if not cell:
                continue
            try:
                day = parse_date(cell, date_format=self.date_format, timezone=self.how.timezone).end
            except RawDataError:
                odd.append(place)
                continue
            if meeting is None or meeting.date() <= day <= self.how.date_to + LONGEST:
                found[-1] = day
            else:
                odd.append(place)
        self.note(f"dates of {column} that are none, or lie before the meeting or far away, were left empty", odd)
        return found

    def refuse_repeated(self, column: str) -> None:
        """Refuse a sound row that repeats another as a whole, or whose own identifier stands further up."""
        whole: dict[tuple[str, ...], int] = {}
        named: dict[str, int] = {}
        for place in self.sound():
            row, name = tuple(self._raw.iloc[place]), fold(self.cells[column].iloc[place])
            if row in whole:
                self.refuse([place], column, f"The row repeats row {whole[row]}.\nNothing needs doing; or delete the row.")
            elif name and name in named:
                reason = f"This identifier stands in row {named[name]} already, with other content."
                self.refuse([place], column, f"{reason}\nLook up which of the two is right, and give each its own identifier.")
            whole.setdefault(row, self.cells.index[place])
            named.setdefault(name, self.cells.index[place])

    def keys(self) -> list[str]:
        """Source and row of each row, in the order of the list also as text."""
        return [f"{self.source}-{row:05d}" for row in self.cells.index]

    def table(self, table: Table, values: Mapping[str, Sequence[Any]]) -> pd.DataFrame:
        """The sound rows as ``table``."""
        sound = self.sound()
        if not sound:
            return empty(table)
        columns = {name: pd.Series([values[name][place] for place in sound], dtype="object") for name in table.column_names}
        return check(pd.DataFrame(columns), table)

    def listed(self, table: pd.DataFrame, keys: Sequence[str], called: pd.DataFrame) -> Listed:
        """All that the list told, with a note that counts its rows."""
        aside = SetAside(self.source, self.file, self._sheet)
        for place in sorted(self._faults):
            faults = self._faults[place]
            reasons, advices = zip(*(message.split("\n", 1) for _, message in faults), strict=True)
            told = [" ".join(dict.fromkeys(texts)) for texts in (reasons, advices)]
            aside.add_rows(self._raw.iloc[[place]], self._headers.get(faults[0][0]), *told)
        frames = [frame for frame in (*self._set_aside, aside.frame()) if len(frame)]
        refused = pd.concat(frames, ignore_index=True).sort_values("row", kind="stable") if frames else aside.frame()
        for what, chosen in self._chosen:
            numbers = [f"{self.cells.index[place]}" for place in chosen if place not in self._faults]
            more = f" and {len(numbers) - 8} more" if len(numbers) > 8 else ""
            self._notes += [f"{len(numbers)} {what} (row {', '.join(numbers[:8])}{more})"] if numbers else []
        rows = f"{len(table) + len(refused)} rows read, {len(table)} kept, {len(refused)} set aside"
        return Listed(
            table,
            refused,
            tuple(f"{self.source}: {note}" for note in (*self._notes, rows)),
            private_text=self._private_text(keys),
            called=called,
            doubtful=self.doubtful,
        )

    def _private_text(self, keys: Sequence[str]) -> pd.DataFrame:
        """The free text of the rows kept, as PRIVATE_TEXT; rows without text have none."""
        told = [(keys[place], "\n".join(filter(None, self.cells[list(TEXTS)].iloc[place]))) for place in self.sound()]
        with_text = [(key, text) for key, text in told if text]
        return pd.DataFrame(with_text, columns=PRIVATE_TEXT.column_names, dtype="str") if with_text else empty(PRIVATE_TEXT)


def _ask_for_nothing(rows: Rows, values: Mapping[str, str]) -> None:
    """What every report must have, a list need not: an empty column stands in for it."""
    for name in ("date", "category"):
        if name not in rows.headers and name not in values:
            rows.made[name] = pd.Series("", index=rows.raw.index, dtype="str")


def _require_own_names(file: str, names: Iterable[str], own: Sequence[str]) -> None:
    for name in names:
        if name not in own:
            near = get_close_matches(name, own, n=1, cutoff=0.5)
            nearest = f"Did you mean {near[0]!r}?" if near else f"Names are: {', '.join(own)}."
            raise RawDataError(f"{file}: there is no column {name!r} to read it into. {nearest} Correct it in study.toml.")


def _require_meaning(words: Mapping[str, str], table: Table, how: How) -> None:
    """Refuse a word that is translated to what no column of the list can say."""
    columns = {CONCERNS.name: ("group",), ACTIONS.name: ("what", "who", "status", "result")}.get(table.name, ())
    known = {ours for column in ("kind", *columns) for ours in _meanings(column).values()}
    known |= set(how.taxonomy.categories) if table is CONCERNS else set()
    if unknown := sorted(set(words.values()) - known):
        raise StudyError(
            f"study.toml translates a word to {unknown[0]!r}, which no column of {table.name} can say. "
            f"It can say: {', '.join(sorted(known))}."
        )


@cache
def _meanings(column: str) -> dict[str, str]:
    """Folded word -> what it means in this column: what we call it ourselves, or a word of the five languages."""
    entries = tomllib.loads(files("tensionmap.ingest").joinpath("meetings.toml").read_text(encoding="utf-8"))[column]
    meaning: dict[str, str] = {}
    for ours, entry in entries.items():
        for word in (ours, *(word for words in entry["words"].values() for word in words)):
            if meaning.setdefault(fold(word), ours) != ours:
                raise StudyError(f"The word {word!r} means both {meaning[fold(word)]!r} and {ours!r}. Keep it with one of them.")
    return meaning


def _count(cell: str) -> int | None:
    """How many people a cell says: '12', '12,0', '12 (двенадцать)', '12 чел.', 'нет'; nothing for an empty cell."""
    if not cell:
        return None
    words = _meanings("count")
    if words.get(fold(cell)) == "nobody":
        return 0
    found = _COUNT.fullmatch(cell)
    bare = re.sub(r"\([^\W\d_][^()0-9]*\)", "", found["words"]) if found else ""
    if not found or (fold(bare) and words.get(fold(bare)) != "people") or "+" in bare or int(found["number"]) > MOST_PEOPLE:
        raise RawDataError("This is no count of people.\nWrite the number alone.")
    return int(found["number"])


def _rank(cell: str) -> int | None:
    """The number of a concern: '1', '№ 1', '1.', '1)'; nothing for an empty cell or a word for none."""
    if not cell or _meanings("count").get(fold(cell)) == "nobody":
        return None
    found = _RANK.fullmatch(cell)
    if not found or int(found["number"]) < 1:
        raise RawDataError(
            "The number of the concern is not one whole number from 1.\nWrite 1 for the most pressing; an action that "
            "answers several concerns is written once for each."
        )
    return int(found["number"])


def _ranks(rows: _Rows, meeting: Sequence[Any]) -> list[Any]:
    """The rank of each concern; those that have none follow behind those of their meeting that have one, as they are listed."""
    rank = rows.each("rank", _rank)
    # Also rows that are refused have their number: the others must keep theirs.
    highest: Counter[str] = Counter()
    for one, given in zip(meeting, rank, strict=True):
        if one is not None:
            highest[one.meeting_id] = max(highest[one.meeting_id], given or 0)
    without = [place for place in range(len(rows)) if rank[place] is None and place not in rows.refused("rank")]
    for place in without:
        if meeting[place] is not None:
            highest[meeting[place].meeting_id] += 1
            rank[place] = highest[meeting[place].meeting_id]
    rows.note("concerns without a rank were numbered in the order of the list", without)
    return rank


def _answered(rows: _Rows, meeting: Sequence[Any], concerns: Sequence[Listed]) -> list[str | None]:
    """The concern that each action answers, empty where it names none; one that its meeting does not have is refused."""
    called: dict[str, set[str]] = {}
    ranked: dict[tuple[str, int], set[str]] = {}
    of_meeting: dict[str, set[str]] = {}
    for listed in concerns:
        for name, key in listed.called.itertuples(index=False):
            called.setdefault(name, set()).add(key)
        for one in listed.table.itertuples(index=False):
            called.setdefault(fold(one.concern_id), set()).add(one.concern_id)
            ranked.setdefault((one.meeting_id, int(one.rank)), set()).add(one.concern_id)
            of_meeting.setdefault(one.meeting_id, set()).add(one.concern_id)
    rank = rows.each("rank", _rank)
    found: list[str | None] = []
    for place, name in enumerate(map(fold, rows.cells["concern_id"])):
        found.append(None)
        if meeting[place] is None or not (name or rank[place]):
            continue
        here = meeting[place].meeting_id
        keys = of_meeting.get(here, set())
        keys = keys & called.get(name, set()) if name else keys
        keys = keys & ranked.get((here, rank[place]), set()) if rank[place] else keys
        if len(keys) == 1:
            found[-1] = next(iter(keys))
        elif keys:
            reason = "Several concerns of the meeting have this number."
            rows.refuse([place], "rank", f"{reason}\nGive each concern of a meeting its own rank.")
        else:
            reason = "The concern that it answers is not among those of the meeting, or was set aside."
            advice = "Correct the number, or the concern; leave the cell empty only if it answers none of them."
            rows.refuse([place], "concern_id" if name else "rank", f"{reason}\n{advice}")
    return found


def _status(rows: _Rows, done: Sequence[Any]) -> list[str | None]:
    """How each action stands; without a word done if a day is given, else agreed. A day that clashes with the word is refused."""
    status = rows.each("status", rows.word("status", "How it stands", may_be_empty=True))
    unsaid = [place for place, one in enumerate(status) if one is None and place not in rows.refused("status")]
    for place in unsaid:
        status[place] = "agreed" if done[place] is None else "done"
    clash = [place for place, one in enumerate(status) if one not in (None, "done") and done[place] is not None]
    reason = "There is a day on which it was done, but the status is another."
    rows.refuse(clash, "status", f"{reason}\nCorrect the status, or take the day out.")
    rows.note("actions without a status were taken as done if there is a day, else as agreed", unsaid)
    return status


def _called(rows: _Rows, column: str, keys: Sequence[str]) -> pd.DataFrame:
    """The own identifiers of the sound rows, and ours."""
    names = [(fold(rows.cells[column].iloc[place]), keys[place]) for place in rows.sound()]
    return pd.DataFrame([one for one in names if one[0]], columns=["called", "key"], dtype="str")
