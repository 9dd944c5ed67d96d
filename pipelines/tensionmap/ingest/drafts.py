"""Cells of text -> drafts: the columns of a report under our names, and every row that is no report set aside."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol, TypedDict

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tensionmap.errors import RawDataError
from tensionmap.ingest.dates import from_day_number
from tensionmap.ingest.grids import GEOMETRY, HEAD, Grid, Piece, read_grids
from tensionmap.ingest.places import fold
from tensionmap.ingest.set_aside import Kept, SetAside

DRAFT_COLUMNS = (
    "record_id",
    "date",
    "date_end",
    "date_precision",
    "date_reported",
    "latitude",
    "longitude",
    "easting",
    "northing",
    "precision_m",
    "location_kind",
    "place",
    "district",
    "category",
    "resource",
    "severity",
    "verification",
    "text",
    "reported_by",
)
NOTHING: Mapping[str, str] = MappingProxyType({})

_TOTALS = frozenset(
    map(fold, ("total", "grand total", "итого", "всего", "ҷамъ", "ҳамагӣ", "жами", "бардыгы", "жалпы", "jami", "hammasi"))
)
_PERHAPS_TOTAL = "(?i)total|итог|всег|ҷам|ҳама|жам|бард|жалп|hammasi|jami"
_UNSEEN = "[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]"
_POSITION = dict(zip(("longitude", "latitude", "precision_m"), GEOMETRY, strict=True))


class HowRead(TypedDict, total=False):
    """How a file of reports is read.

    ``source`` is its name in sources.toml and ``file`` its path under data/raw, for messages. ``sheet`` names one of several.
    ``columns`` maps our name of a column (``DRAFT_COLUMNS``) to its header in the file, ``values`` to one value for all rows.
    """

    source: str
    file: str
    sheet: str | None
    columns: Mapping[str, str]
    values: Mapping[str, str]


class Reader(Protocol):
    """What a module in ``ingest/readers`` offers; its name is the name of the reader."""

    def recognises(self, headers: frozenset[str]) -> bool:
        """Whether a row of these ``headers`` (small letters) is this format's."""
        ...

    def read(self, path: Path, **how: Any) -> Iterator[Draft]:
        """The reports of the file, piece by piece, as ``HowRead`` says; always at least one piece."""
        ...


@dataclass(frozen=True)
class Draft(Kept):
    """Some reports of one file before anything is understood: text columns ``DRAFT_COLUMNS``, index ``row``.

    ``row`` counts as a spreadsheet does (1 is the first line; in a map layer 1 is the first feature). ``raw`` holds every
    column of the same rows as read, ``headers`` says which header of the file each draft column comes from, ``counted`` how
    often something was chosen automatically: sentence -> number.
    """

    source: str = field(kw_only=True)
    file: str = field(kw_only=True)
    sheet: str | None = field(kw_only=True)
    headers: Mapping[str, str] = field(kw_only=True)
    raw: pd.DataFrame = field(kw_only=True)
    counted: Mapping[str, int] = field(kw_only=True, default_factory=dict)
    corrects: pd.Series | None = field(kw_only=True, default=None)
    """In a corrected list: the key of the row set aside that each row corrects."""


@dataclass
class Rows:
    """A piece of the file while its reader looks at it.

    ``raw`` are the rows as text, index ``row``; ``headers`` our name -> header, ``made`` our name -> column that the reader
    made itself, ``aside`` takes the rows that are no report.
    """

    raw: pd.DataFrame
    headers: dict[str, str]
    made: dict[str, pd.Series]
    aside: SetAside

    def set_aside(self, where: pd.Series, column: str | None, reason: str, advice: str) -> None:
        """Take the rows ``where`` (truth, index of ``raw``) out, with the reason."""
        if where.any():
            self.aside.add_rows(self.raw[where], column, reason, advice)
            self.raw = self.raw[~where]
            self.made = {name: made[~where] for name, made in self.made.items()}

    def codes(self, name: str, header: str, words: Mapping[str, str]) -> None:
        """Make the column ``name`` from the codes under ``header``; an unknown code stays as it is and is refused later."""
        self.headers.setdefault(name, header)
        self.made[name] = self.raw[header].map(lambda code: words.get(code, code)).astype("str")


def read_as(
    path: Path,
    *,
    source: str,
    file: str,
    sheet: str | None = None,
    columns: Mapping[str, str] = NOTHING,
    values: Mapping[str, str] = NOTHING,
    needed: Iterable[str] = (),
    usual: Mapping[str, str] = NOTHING,
    more: Iterable[str] = (),
    look: Callable[[Rows], None] | None = None,
) -> Iterator[Draft]:
    """The reports of a file, piece by piece; every reader is this function with what it knows of its format.

    Parameters
    ----------
    source, file, sheet, columns, values
        See ``HowRead``.
    needed
        Headers of the format, without which the file is none of it; capitals do not matter.
    usual
        Our name of a column -> header of the format, taken where it is there and the study says nothing else.
    more
        Names that ``columns`` and ``values`` may give besides ``DRAFT_COLUMNS``.
    look
        Asked for every piece: it makes columns of its own from the file's, or sets rows aside.

    Raises
    ------
    RawDataError
        If the file cannot be read, or a header is not there: with the header sought, the nearest and all that were found.
    """
    own = (*DRAFT_COLUMNS, *more)
    _check_names(file, columns, values, allowed=own)
    grid, at = _find_table(path, file=file, sheet=sheet, wanted=[*needed, *columns.values()], hoped=[*own, *usual.values()])
    names = _header_names(grid.head[at][1])
    headers = _resolve(names, {**usual, **columns}, values, file=file, own=own, must=columns)
    if set(GEOMETRY) <= set(names):
        headers = {**headers, **{name: header for name, header in _POSITION.items() if name not in {*columns, *values}}}
    is_first = True
    for piece in _without_empty_end(grid.below(at)):
        rows, extra = _rows(piece, names, headers, SetAside(source, file, grid.sheet))
        if look:
            look(rows)
        _need(rows, values, file=file)
        yield _draft(rows, values, grid, file, notes=grid.notes if is_first else ())
        names, is_first = [*names, *extra], False
    if is_first:
        nothing = Rows(pd.DataFrame(columns=names, dtype="str"), headers, {}, SetAside(source, file, grid.sheet))
        nothing.raw.index = pd.Index([], name="row", dtype="int64")
        if look:
            look(nothing)
        _need(nothing, values, file=file)
        yield _draft(nothing, values, grid, file, notes=(*grid.notes, f"{file} has a header, but no rows"))


def _draft(rows: Rows, values: Mapping[str, str], grid: Grid, file: str, *, notes: tuple[str, ...]) -> Draft:
    raw = rows.raw
    empty = pd.Series("", index=raw.index, dtype="str")
    columns = dict.fromkeys(DRAFT_COLUMNS, empty)
    told = {name: raw[header] for name, header in rows.headers.items() if name in columns}
    columns |= {name: _without_dash(cells if name == "text" else _seen(cells)) for name, cells in told.items()}
    columns |= {name: pd.Series(value, index=raw.index, dtype="str") for name, value in values.items() if name in columns}
    table = pd.DataFrame({**columns, **rows.made}, index=raw.index)[list(DRAFT_COLUMNS)]
    counted: dict[str, int] = {}
    if grid.is_spreadsheet:
        for name in ("date", "date_end", "date_reported"):
            table[name], count = _day_numbers(table[name], grid.first_day)
            sentence = f"dates were stored as the spreadsheet's day numbers and read as such (days since {grid.first_day})"
            counted[sentence] = counted.get(sentence, 0) + count
    return Draft(
        table,
        rows.aside.frame(),
        notes,
        source=rows.aside.source,
        file=file,
        sheet=grid.sheet,
        headers=dict(rows.headers),
        raw=raw,
        counted=counted,
    )


def _seen(cells: pd.Series) -> pd.Series:
    """``cells`` without letters that nobody sees."""
    if pc.all(pc.string_is_ascii(pa.array(cells, pa.large_string()))).as_py():
        return cells
    return cells.str.replace(_UNSEEN, "", regex=True).str.strip()


def _without_dash(cells: pd.Series) -> pd.Series:
    """``cells``, empty where only a dash stands: so registers write 'none'."""
    is_dash = cells.str.fullmatch("[-–—]+")
    return cells.mask(is_dash, "") if is_dash.any() else cells


def _check_names(file: str, columns: Mapping[str, str], values: Mapping[str, str], *, allowed: Iterable[str]) -> None:
    """Refuse names in ``columns`` and ``values`` that are not ours, and names in both."""
    names = list(allowed)
    for name in (*columns, *values):
        if name not in names:
            raise RawDataError(
                f"{file}: there is no column {name!r} to read it into. {_nearest(name, names)} Correct it in study.toml."
            )
    if both := sorted(set(columns) & set(values)):
        raise RawDataError(
            f"{file}: {both[0]!r} is given both a header and one value for all rows in study.toml. Keep one of them."
        )


def _find_table(path: Path, *, file: str, sheet: str | None, wanted: list[str], hoped: Iterable[str]) -> tuple[Grid, int]:
    """The grid of the file and the place of its header among the rows: the first row that holds every ``wanted`` header.

    If several sheets could be meant, the first that has it. Without ``wanted`` the row with most of the ``hoped`` names counts.
    """
    grids = [grid for grid in read_grids(path, file=file, sheet=sheet) if grid.head]
    names = set(map(plain, hoped))
    best: tuple[int, int, Grid, int] | None = None
    for grid in grids:
        for at, (_, cells) in enumerate(grid.head[:HEAD]):
            found = {plain(cell) for cell in cells} - {""}
            hits = sum(plain(header) in found for header in wanted)
            if wanted and hits == len(wanted):
                return _with_note(grid, grids), at
            score = (hits, len(found & names) if hits or not wanted else _words(cells))
            if best is None or score > best[:2]:
                best = (*score, grid, at)
    if best is None:
        raise RawDataError(f"{file}: the file has no rows. Check that it was saved completely.")
    if wanted:
        headers = [cell for cell in best[2].head[best[3]][1] if cell]
        found = set(map(plain, headers))
        raise RawDataError(_no_header(file, next(header for header in wanted if plain(header) not in found), headers))
    return _with_note(best[2], grids), best[3]


def _with_note(chosen: Grid, grids: list[Grid]) -> Grid:
    others = [str(grid.sheet) for grid in grids if grid is not chosen]
    note = f"only the sheet {chosen.sheet!r} was read, not {_listed(others)}"
    return replace(chosen, notes=(*chosen.notes, note)) if others else chosen


def _without_empty_end(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """The pieces without the empty rows at the end of all, which a spreadsheet leaves below a table."""
    waiting: list[Piece] = []
    for piece in pieces:
        filled = np.zeros(len(piece.rows), dtype=bool)
        for column in piece.columns:
            filled |= np.asarray(pc.not_equal(column, ""))
        last = max([0, *piece.rows[filled][-1:], *(row for row, cells, _ in piece.torn if any(cells))])
        if last:
            end = int(np.searchsorted(piece.rows, last, side="right"))
            yield from waiting
            yield _part(piece, slice(0, end), [row for row in piece.torn if row[0] <= last])
            waiting, piece = [], _part(piece, slice(end, None), [row for row in piece.torn if row[0] > last])
        if len(piece.rows) or piece.torn:
            waiting.append(piece)


def _part(piece: Piece, rows: slice, torn: list[tuple[int, list[str], str]]) -> Piece:
    first, behind, _ = rows.indices(len(piece.rows))
    return Piece(piece.rows[rows], [column.slice(first, behind - first) for column in piece.columns], torn)


def _rows(piece: Piece, names: list[str], headers: dict[str, str], aside: SetAside) -> tuple[Rows, list[str]]:
    """The rows of a piece as a frame of text; those that are no reports are set aside."""
    extra = _header_names([""] * (len(piece.columns) - len(names)), names)
    named = dict(zip([*names, *extra], piece.columns, strict=False))
    frame = pd.DataFrame(
        {name: pd.Series(pd.array(column, dtype="str")) for name, column in named.items()}, columns=[*names, *extra]
    ).fillna("")
    frame.index = pd.Index(piece.rows, name="row")
    rows = Rows(frame, dict(headers), {}, aside)
    for row, cells, reason in piece.torn:
        original = dict(zip([*names, *extra], cells, strict=False))
        rest = [cell for cell in cells[len(names) + len(extra) :] if cell]
        advice = "Look at this line of the file: close a quotation mark that is open, and bring the report back into one row."
        if not any(cells):
            reason, advice = _EMPTY
        aside.add(row, None, reason, advice, {**original, "more cells": " | ".join(rest)} if rest else original)
    _set_aside_no_reports(rows, list(named.values()))
    rows.raw = rows.raw.drop(columns=[name for name in rows.raw.columns if _is_bare(name) and not rows.raw[name].any()])
    return rows, extra


def _is_bare(name: str) -> bool:
    """Whether a column had no header, and is called by its letter."""
    return re.fullmatch("column [A-Z]+", name) is not None


_EMPTY = ("The row is empty.", "Nothing needs doing; delete the row if it is in the way.")


def _set_aside_no_reports(rows: Rows, columns: list[pa.ChunkedArray]) -> None:
    """Empty rows, totals, headers repeated, headings."""
    frame = rows.raw
    if frame.empty or not columns:
        return
    filled = sum(np.asarray(pc.not_equal(column, "")).astype(np.int64) for column in columns)
    same = sum(np.asarray(pc.equal(column, name)).astype(np.int64) for name, column in zip(frame.columns, columns, strict=True))
    perhaps = np.flatnonzero((filled > 0) & (filled <= max(2, len(columns) // 2)))
    is_total = np.zeros(len(frame), dtype=bool)
    if len(perhaps):
        few = pa.table(columns, names=[str(place) for place in range(len(columns))]).take(perhaps)
        for column in few.columns:
            for place in np.flatnonzero(np.asarray(pc.match_substring_regex(column, _PERHAPS_TOTAL))):
                is_total[perhaps[place]] |= _is_total(column[int(place)].as_py())
    kinds = (
        (filled == 0, *_EMPTY),
        (is_total, "The row is a total, not a report.", "Nothing needs doing: totals are counted anew."),
        (
            (same > len(columns) / 2) & (same > 1),
            "The row repeats the header.",
            "Nothing needs doing; delete the row if it is in the way.",
        ),
        (
            (filled == 1) & (len(columns) > 2),
            "Only one cell is filled: a heading or a remark, not a report.",
            "If it is a report, fill in date, category and place.",
        ),
    )
    done = np.zeros(len(frame), dtype=bool)
    for where, reason, advice in kinds:
        rows.set_aside(pd.Series((where & ~done)[~done], index=rows.raw.index), None, reason, advice)
        done |= where


def _resolve(
    found: list[str], columns: Mapping[str, str], values: Mapping[str, str], *, file: str, own: Iterable[str], must: Iterable[str]
) -> dict[str, str]:
    """Our column name -> header as it stands in the file, for ``columns`` and for headers that equal our ``own`` names."""
    by_plain = {plain(header): header for header in reversed(found)}
    resolved = {}
    for name in own:
        sought = columns.get(name, name)
        if name not in must and plain(sought) not in by_plain:
            sought = name
        if name in values and name not in must:
            continue
        if plain(sought) in by_plain:
            resolved[name] = by_plain[plain(sought)]
            if f"{resolved[name]} (2)" in found:
                raise RawDataError(
                    f"{file}: two columns have the header {resolved[name]!r}. Give each its own header in a copy of the file."
                )
        elif name in must:
            raise RawDataError(_no_header(file, sought, found))
    return resolved


def _need(rows: Rows, values: Mapping[str, str], *, file: str) -> None:
    """Refuse a file in which nothing gives a column that every report must have."""
    for name in ("date", "category"):
        if name not in {*rows.headers, *values, *rows.made}:
            raise RawDataError(
                f"{file}: nothing says which column is {name!r}. Columns of the file are: {_listed(rows.raw.columns)}. "
                f"Name it under columns of this file in study.toml, or one value for all rows under values."
            )


def _header_names(cells: Iterable[str], before: Sequence[str] = ()) -> list[str]:
    """Headers behind those ``before``; a column without one is called by its letter, one that comes again gets a number."""
    names = dict.fromkeys(before)
    times = Counter[str]()
    for place, cell in enumerate(cells, start=len(names)):
        name = own = " ".join(cell.split()) or f"column {_letter(place)}"
        times[own] += 1
        while name in names:
            times[own] += name != own
            name = f"{own} ({max(times[own], 2)})"
        names[name] = None
    return [*names][len(before) :]


def _letter(place: int) -> str:
    return _letter(place // 26 - 1) + chr(65 + place % 26) if place >= 26 else chr(65 + place)


def _is_total(cell: str) -> bool:
    return re.sub(r"[\d\s]+$", "", fold(cell)) in _TOTALS


def _day_numbers(dates: pd.Series, first_day: date) -> tuple[pd.Series, int]:
    is_number = dates.str.fullmatch(r"[0-9]{5}(\.[0-9]+)?")
    if not is_number.any():
        return dates, 0
    later = (first_day - date(1899, 12, 30)).days
    shown = {text: str(from_day_number(float(text) + later) or text) for text in dates[is_number].unique()}
    return dates.where(~is_number, dates.map(shown).astype("str")), int(is_number.sum())


def _words(cells: list[str]) -> int:
    return len({cell for cell in cells if cell and not re.fullmatch(r"[\d\s.,:/+-]+", cell)})


def plain(header: str) -> str:
    """A header by which it is compared: one space between words, small letters."""
    return " ".join(header.split()).casefold()


def _listed(found: Iterable[str]) -> str:
    """The first of the headers, each cut where it is long: a message stays short whatever the file."""
    names = [repr(name if len(name) <= 30 else f"{name[:30]}…") for name in found]
    return ", ".join(names[:8]) + (f" and {len(names) - 8:,} more" if len(names) > 8 else "")


def _nearest(name: str, names: list[str]) -> str:
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    return f"Did you mean {near[0]!r}?" if near else f"Names are: {', '.join(names)}."


def _no_header(file: str, sought: str, found: list[str]) -> str:
    near = get_close_matches(sought, [name for name in found if len(name) <= 60], n=1, cutoff=0.5)
    nearest = f" The nearest is {near[0]!r}." if near else ""
    listed = f"Columns of the file are: {_listed(found)}."
    return f"{file}: there is no column {sought!r}.{nearest} {listed} Correct columns in study.toml."
