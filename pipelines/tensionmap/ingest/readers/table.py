"""Registers as offices keep them, .xlsx or .csv -> a draft: every report as text, with its row in the file.

Title rows above the header, blank columns, merged cells and a total below are common and do no harm. Encoding and
separator of a .csv are found out. Every row that is no report is set aside with its reason; none is passed over.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from python_calamine import CalamineError, CalamineWorkbook

from tensionmap.errors import RawDataError
from tensionmap.ingest.dates import from_day_number
from tensionmap.ingest.places import fold
from tensionmap.ingest.set_aside import Kept, SetAside

DRAFT_COLUMNS = (
    "record_id",
    "date",
    "date_end",
    "date_precision",
    "latitude",
    "longitude",
    "precision_m",
    "location_kind",
    "place",
    "category",
    "resource",
    "text",
    "reported_by",
)
NOTHING: Mapping[str, str] = MappingProxyType({})

_SEPARATORS = (";", ",", "\t", "|")
_HEADER_WITHIN = 50
_TOTALS = frozenset(
    map(fold, ("total", "grand total", "итого", "всего", "ҷамъ", "ҳамагӣ", "жами", "бардыгы", "жалпы", "jami", "hammasi"))
)


@dataclass(frozen=True)
class Draft(Kept):
    """The reports of one file before anything is understood: text columns ``DRAFT_COLUMNS``, index ``row``.

    ``row`` counts as a spreadsheet does (1 is the first line). ``raw`` holds every column of the same rows as read, and
    ``headers`` says which header of the file each draft column comes from.
    """

    file: str = field(kw_only=True)
    sheet: str | None = field(kw_only=True)
    headers: Mapping[str, str] = field(kw_only=True)
    raw: pd.DataFrame = field(kw_only=True)


@dataclass(frozen=True)
class Grid:
    """The cells of a file as text. ``rows`` are (row as a spreadsheet counts, cells); ``broken`` names rows torn apart."""

    rows: list[tuple[int, list[str]]]
    sheet: str | None = None
    notes: tuple[str, ...] = ()
    is_spreadsheet: bool = False
    broken: Mapping[int, str] = field(default_factory=dict)


def read(
    path: Path,
    *,
    source: str,
    file: str,
    sheet: str | None = None,
    columns: Mapping[str, str] = NOTHING,
    values: Mapping[str, str] = NOTHING,
) -> Draft:
    """The reports of a register.

    Parameters
    ----------
    path
        The file: .xlsx, .xls, .ods, or text in UTF-8, UTF-16 or cp1251 with ``;`` ``,`` tab or ``|`` between cells.
        Text may be packed with gzip.
    source, file
        Name in sources.toml and path under data/raw, for rows set aside and messages.
    sheet
        Sheet of a spreadsheet; by default the first that has the columns.
    columns
        Our name of a column (``DRAFT_COLUMNS``) -> its header in the file. A header equal to our name needs no entry.
    values
        Our name of a column -> one value for the whole file.

    Raises
    ------
    RawDataError
        If the file cannot be read, or a header is not there: with the header sought, the nearest and all that were found.
    """
    check_names(file, columns, values, allowed=DRAFT_COLUMNS)
    grid, at = find_table(path, file=file, sheet=sheet, wanted=list(columns.values()), hoped=DRAFT_COLUMNS)
    raw, aside = body(grid, at, source=source, file=file)
    headers = resolve(raw.columns, columns, values, file=file, own=DRAFT_COLUMNS)
    need(headers, values, ("date", "category"), file=file, found=raw.columns)
    return draft(raw, aside, headers=headers, values=values, grid=grid, file=file)


def draft(
    raw: pd.DataFrame,
    aside: SetAside,
    *,
    headers: Mapping[str, str],
    values: Mapping[str, str],
    grid: Grid,
    file: str,
    made: Mapping[str, pd.Series] = MappingProxyType({}),
) -> Draft:
    """The draft from columns of the file (``headers``), one value for all (``values``) and columns that a reader ``made``."""
    empty = pd.Series("", index=raw.index, dtype="str")
    columns = dict.fromkeys(DRAFT_COLUMNS, empty)
    columns |= {name: _without_dash(raw[header]) for name, header in headers.items() if name in columns}
    columns |= {name: pd.Series(value, index=raw.index, dtype="str") for name, value in values.items() if name in columns}
    table = pd.DataFrame({**columns, **made})[list(DRAFT_COLUMNS)]
    notes = list(grid.notes)
    if grid.is_spreadsheet:
        mended = 0
        for name in ("date", "date_end"):
            table[name], count = _day_numbers(table[name])
            mended += count
        if mended:
            notes.append(f"{mended} dates were stored as the spreadsheet's day numbers and read as such (days since 1899-12-30)")
    return Draft(table, aside.frame(), tuple(notes), file=file, sheet=grid.sheet, headers=dict(headers), raw=raw)


def _without_dash(cells: pd.Series) -> pd.Series:
    """``cells``, empty where only a dash stands: so registers write 'none'."""
    return cells.mask(cells.str.fullmatch("[-–—]+"), "")


def check_names(file: str, columns: Mapping[str, str], values: Mapping[str, str], *, allowed: Iterable[str]) -> None:
    """Refuse names in ``columns`` and ``values`` that are not ours, and names in both.

    Raises
    ------
    RawDataError
        With the nearest right name.
    """
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


def find_table(path: Path, *, file: str, sheet: str | None, wanted: list[str], hoped: Iterable[str]) -> tuple[Grid, int]:
    """The grid of the file and the place of its header among the rows: the first row that holds every ``wanted`` header.

    If several sheets could be meant, the first that has it. Without ``wanted`` the row with most of the ``hoped`` names counts.

    Raises
    ------
    RawDataError
        If the file cannot be read or no row holds all ``wanted`` headers.
    """
    grids = [grid for grid in read_grids(path, file=file, sheet=sheet) if grid.rows]
    names = set(map(_plain, hoped))
    best: tuple[int, int, Grid, int] | None = None
    for grid in grids:
        for at, (_, cells) in enumerate(grid.rows[:_HEADER_WITHIN]):
            found = {_plain(cell) for cell in cells} - {""}
            hits = sum(_plain(header) in found for header in wanted)
            if wanted and hits == len(wanted):
                return _with_note(grid, grids), at
            score = (hits, len(found & names) if hits or not wanted else _words(cells))
            if best is None or score > best[:2]:
                best = (*score, grid, at)
    if best is None:
        raise RawDataError(f"{file}: the file has no rows. Check that it was saved completely.")
    if wanted:
        headers = [cell for cell in best[2].rows[best[3]][1] if cell]
        plain = set(map(_plain, headers))
        raise RawDataError(_no_header(file, next(header for header in wanted if _plain(header) not in plain), headers))
    return _with_note(best[2], grids), best[3]


def _with_note(chosen: Grid, grids: list[Grid]) -> Grid:
    others = [repr(grid.sheet) for grid in grids if grid is not chosen]
    note = f"only the sheet {chosen.sheet!r} was read, not {', '.join(others)}"
    return replace(chosen, notes=(*chosen.notes, note)) if others else chosen


def body(grid: Grid, at: int, *, source: str, file: str) -> tuple[pd.DataFrame, SetAside]:
    """The rows below the header as a frame of text with index ``row``, and those set aside because they are no reports."""
    names, places = _header_names(grid.rows[at][1], [cells for _, cells in grid.rows[at + 1 :]])
    header = [_plain(name) for name in names]
    aside = SetAside(source, file, grid.sheet)
    rows, kept = [], []
    last = max((place for place, (_, cells) in enumerate(grid.rows) if any(cells)), default=at)
    for row, cells in grid.rows[at + 1 : last + 1]:
        chosen = [cells[place] if place < len(cells) else "" for place in places]
        fault = _no_report(chosen, header, grid.broken.get(row))
        if fault:
            original = dict(zip(names, chosen, strict=True))
            rest = [cell for place, cell in enumerate(cells) if place not in set(places) and cell]
            aside.add(row, None, *fault, original={**original, "more cells": " | ".join(rest)} if rest else original)
        else:
            rows.append(row)
            kept.append(chosen)
    frame = pd.DataFrame(kept, columns=names, index=pd.Index(rows, name="row", dtype="int64"), dtype="str")
    return frame, aside


def resolve(
    found: Iterable[str], columns: Mapping[str, str], values: Mapping[str, str], *, file: str, own: Iterable[str]
) -> dict[str, str]:
    """Our column name -> header as it stands in the file, for ``columns`` and for headers that equal our ``own`` names.

    Raises
    ------
    RawDataError
        If a header is missing, or stands in the file twice.
    """
    headers = list(found)
    by_plain = {_plain(header): header for header in reversed(headers)}
    resolved = {}
    for name in own:
        sought = columns.get(name, "" if name in values else name)
        if _plain(sought) in by_plain:
            resolved[name] = by_plain[_plain(sought)]
            if f"{resolved[name]} (2)" in headers:
                raise RawDataError(
                    f"{file}: two columns have the header {resolved[name]!r}. Give each its own header in a copy of the file."
                )
        elif name in columns:
            raise RawDataError(_no_header(file, sought, headers))
    return resolved


def need(headers: Mapping[str, str], values: Mapping[str, str], names: Iterable[str], *, file: str, found: Iterable[str]) -> None:
    """Refuse a file in which none of the headers gives a column that every report must have."""
    for name in names:
        if name not in headers and name not in values:
            raise RawDataError(
                f"{file}: nothing says which column is {name!r}. Columns of the file are: {_listed(found)}. "
                f"Name it under columns of this file in study.toml, or one value for all rows under values."
            )


def read_grids(path: Path, *, file: str, sheet: str | None = None) -> list[Grid]:
    """Every sheet of the file (only ``sheet`` if given) as text; a text file is one grid. What it is, its first bytes say."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RawDataError(f"{file} cannot be read: {error.strerror}. Check that it lies under data/raw.") from error
    if content.startswith(b"\x1f\x8b"):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError) as error:
            raise RawDataError(f"{file} is packed with gzip, but the packing is damaged. Copy the file again.") from error
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return _spreadsheet(content, file=file, sheet=sheet)
    if sheet is not None:
        raise RawDataError(f"{file} is a text file and has no sheet {sheet!r}. Delete 'sheet' for this file in study.toml.")
    return [_text(content, file=file)]


def _spreadsheet(content: bytes, *, file: str, sheet: str | None) -> list[Grid]:
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        if sheet is not None and sheet not in book.sheet_names:
            raise RawDataError(
                f"{file} has no sheet {sheet!r}. Sheets are: {', '.join(book.sheet_names)}. Correct it in study.toml."
            )
        return [_sheet(book, name) for name in ([sheet] if sheet else book.sheet_names)]
    except CalamineError as error:
        raise RawDataError(
            f"{file} cannot be opened as a spreadsheet ({error}). Remove a password, or save it again as .xlsx."
        ) from error


def _sheet(book: Any, name: str) -> Grid:
    sheet = book.get_sheet_by_name(name)
    rows = [[_cell(value) for value in row] for row in sheet.to_python(skip_empty_area=False)]
    for (top, left), (bottom, _) in sheet.merged_cell_ranges or ():
        for row in range(top + 1, min(bottom + 1, len(rows))):
            rows[row][left] = rows[top][left]
    return Grid(list(enumerate(rows, start=1)), sheet=name, is_spreadsheet=True)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return np.format_float_positional(value, trim="-")
    if isinstance(value, datetime):
        return (
            value.isoformat(sep=" ", timespec="seconds") if value.time().isoformat() != "00:00:00" else value.date().isoformat()
        )
    return value.isoformat() if isinstance(value, date) else str(value).strip()


def _text(content: bytes, *, file: str) -> Grid:
    text, encoding = _decode(content, file=file)
    separator = _separator(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    rows: list[tuple[int, list[str]]] = []
    before = 0
    try:
        for cells in reader:
            rows.append((before + 1, [cell.strip() for cell in cells]))
            before = reader.line_num
    except csv.Error as error:
        raise RawDataError(
            f"{file}, line {before + 1}: the cells cannot be told apart ({error}). "
            "Probably a quotation mark is opened and not closed there; mend it in a copy of the file."
        ) from error
    notes = () if encoding.startswith("utf") else (f"{file} is not UTF-8 and was read as {encoding}",)
    return Grid(rows, notes=notes, broken=dict(_broken(rows, separator)))


def _decode(content: bytes, *, file: str) -> tuple[str, str]:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        candidates = ["utf-16"]
    elif b"\0" in content[:200]:
        candidates = ["utf-16-le" if content[1:200:2].count(0) > content[:200:2].count(0) else "utf-16-be"]
    else:
        candidates = ["utf-8-sig", "cp1251"]
    for encoding in candidates:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text, encoding
    raise RawDataError(
        f"{file} is neither a spreadsheet nor text in UTF-8, UTF-16 or cp1251. Save it again as CSV UTF-8 or .xlsx."
    )


def _separator(text: str) -> str:
    """The separator by which most cells of the first lines stand in lines of equal length."""
    sample = list(io.StringIO(text[:100_000], newline=""))[:200]

    def score(separator: str) -> int:
        widths = Counter(len(cells) for cells in csv.reader(sample, delimiter=separator) if len(cells) > 1)
        return max((width * lines for width, lines in widths.items()), default=0)

    return max(_SEPARATORS, key=score)


def _broken(rows: list[tuple[int, list[str]]], separator: str) -> Iterator[tuple[int, str]]:
    """Rows whose line breaks or quotation marks are wrong: more or fewer cells than most, or other rows swallowed."""
    widths = Counter(len(cells) for _, cells in rows if len(cells) > 1)
    if not widths:
        return
    width = max(widths.items(), key=lambda item: (item[1], item[0]))[0]
    for row, cells in rows:
        if any(cells) and len(cells) != width:
            yield row, f"The line has {len(cells)} cells, the table has {width} columns."
        elif any("\n" in cell and _holds_a_row(cell, separator, width) for cell in cells):
            yield row, "A quotation mark is opened and not closed, so that the lines below were read as part of this one."


def _holds_a_row(cell: str, separator: str, width: int) -> bool:
    return width > 2 and any(line.count(separator) >= width - 1 for line in cell.splitlines()[1:])


def _header_names(cells: list[str], below: list[list[str]]) -> tuple[list[str], list[int]]:
    """Headers and their places; columns without header and content are left out, one with content is called by its letter."""
    width = max((len(row) for row in below), default=len(cells)) if any(not cell for cell in cells) else len(cells)
    filled = {place for row in below for place, cell in enumerate(row[:width]) if cell} if "" in cells else set()
    names: list[str] = []
    places: list[int] = []
    for place, cell in enumerate(cells):
        header = " ".join(cell.split())
        if not header and place not in filled:
            continue
        name = header or f"column {_letter(place)}"
        same = sum(other == name or re.fullmatch(rf"{re.escape(name)} \(\d+\)", other) is not None for other in names)
        names.append(f"{name} ({same + 1})" if same else name)
        places.append(place)
    return names, places


def _letter(place: int) -> str:
    return _letter(place // 26 - 1) + chr(65 + place % 26) if place >= 26 else chr(65 + place)


def _no_report(cells: list[str], header: list[str], broken: str | None) -> tuple[str, str] | None:
    """Why this row is no report, and what to do; nothing if it may be one."""
    filled = [cell for cell in cells if cell]
    if not filled:
        return "The row is empty.", "Nothing needs doing; delete the row if it is in the way."
    if len(filled) <= max(2, len(cells) // 2) and any(_is_total(cell) for cell in filled):
        return "The row is a total, not a report.", "Nothing needs doing: totals are counted anew."
    if (
        _plain(filled[0]) in header
        and sum(_plain(cell) == name for cell, name in zip(cells, header, strict=True)) > len(header) / 2
    ):
        return "The row repeats the header.", "Nothing needs doing; delete the row if it is in the way."
    if broken:
        return broken, "Look at this line of the file, close the quotation marks, and bring the report back into one row."
    if len(filled) == 1 and len(cells) > 2:
        return (
            "Only one cell is filled: a heading or a remark, not a report.",
            "If it is a report, fill in date, category and place.",
        )
    return None


def _is_total(cell: str) -> bool:
    return re.sub(r"[\d\s]+$", "", fold(cell)) in _TOTALS


def _day_numbers(dates: pd.Series) -> tuple[pd.Series, int]:
    is_number = dates.str.fullmatch(r"[0-9]{5}(\.[0-9]+)?")
    if not is_number.any():
        return dates, 0
    shown = {text: str(from_day_number(float(text)) or text) for text in dates[is_number].unique()}
    return dates.where(~is_number, dates.map(shown).astype("str")), int(is_number.sum())


def _words(cells: list[str]) -> int:
    return len({cell for cell in cells if cell and not re.fullmatch(r"[\d\s.,:/+-]+", cell)})


def _plain(header: str) -> str:
    return " ".join(header.split()).casefold()


def _listed(found: Iterable[str]) -> str:
    return ", ".join(repr(header) for header in found)


def _nearest(name: str, names: list[str]) -> str:
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    return f"Did you mean {near[0]!r}?" if near else f"Names are: {', '.join(names)}."


def _no_header(file: str, sought: str, found: list[str]) -> str:
    near = get_close_matches(sought, found, n=1, cutoff=0.5)
    nearest = f" The nearest is {near[0]!r}." if near else ""
    listed = f"Columns of the file are: {_listed(found)}."
    return f"{file}: there is no column {sought!r}.{nearest} {listed} Correct columns in study.toml."
