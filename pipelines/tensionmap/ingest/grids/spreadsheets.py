"""Spreadsheets, new and old -> a table a sheet, as people see it; refused is one that is harmful, or mostly empty."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray
from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from tensionmap.errors import RawDataError
from tensionmap.ingest.grids.grid import MOST_BYTES, MOST_CELLS, PIECE_BYTES, Grid, grid_of_rows, refuse_columns

MOST_EMPTY_ROWS = 10_000
"""A sheet with more empty rows between filled ones is refused: a stray cell stands far below its table."""


def sheets_of(path: Path, *, file: str, sheet: str | None) -> list[Grid]:
    """Every sheet of cells (only ``sheet`` if given), those that people see first.

    Raises
    ------
    RawDataError
        If the spreadsheet cannot be opened, is far too large, or has no such sheet.
    """
    first_day = date(1899, 12, 30)
    if zipfile.is_zipfile(path):
        first_day = _looked_through(path, file)
    else:
        _try_apart(path, file)
    with _calamine(file), CalamineWorkbook.from_path(str(path)) as book:
        if sheet is not None and sheet not in book.sheet_names:
            raise RawDataError(f"{file} has no sheet {sheet!r}. Sheets are: {_few(book.sheet_names)}. Correct it in study.toml.")
        # Of two sheets that could be meant, the one that people see counts.
        seen = sorted(book.sheets_metadata, key=lambda about: about.visible != SheetVisibleEnum.Visible)
        names = [sheet] if sheet else [about.name for about in seen if about.typ == SheetTypeEnum.WorkSheet]
        return [_sheet(book, name, file, first_day) for name in names]


@contextmanager
def _calamine(file: str) -> Iterator[None]:
    """Whatever calamine says against a file becomes one sentence; of a damaged one it panics, which Python takes for no error."""
    try:
        yield
    except (RawDataError, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        raise _not_opened(file) from error


def _not_opened(file: str) -> RawDataError:
    return RawDataError(
        f"{file} cannot be opened as a spreadsheet: it is damaged, locked with a password, or of an unusual kind. "
        "Open it in a spreadsheet program, remove the password, and save it again as .xlsx."
    )


_TRIAL = "import sys, python_calamine; python_calamine.CalamineWorkbook.from_path(sys.argv[1])"


def _try_apart(path: Path, file: str) -> None:
    """Open an old workbook in a process of its own first: a damaged one asks for so much memory that the process is ended."""
    try:
        subprocess.run([sys.executable, "-I", "-c", _TRIAL, path], capture_output=True, check=True, timeout=300)  # noqa: S603
    except subprocess.SubprocessError as error:
        raise _not_opened(file) from error


def _few(names: Sequence[str]) -> str:
    """The first of the names, each cut where it is long."""
    shown = ", ".join(name if len(name) <= 40 else f"{name[:40]}…" for name in names[:8])
    return f"{shown} and {len(names) - 8:,} more" if len(names) > 8 else shown


_REFERENCE = re.compile(rb"""(?<![\w:.-])r\s*=\s*["']\s*([A-Za-z]{0,9})(\d{1,30})""")


def _looked_through(path: Path, file: str) -> date:
    """Day 0 of a packed spreadsheet; refused is one that unpacks to far more than a register, or whose used area is a desert."""
    is_from_1904 = False
    with zipfile.ZipFile(path) as packed:
        entries = packed.infolist()
        if any(entry.flag_bits & 1 for entry in entries):
            raise RawDataError(f"{file} is locked with a password. Remove the password, and save it again.")
        if any(entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED} for entry in entries):
            raise RawDataError(f"{file} is packed in an unusual way. Open it in a spreadsheet program, and save it again.")
        if sum(entry.file_size for entry in entries) > MOST_BYTES:
            raise RawDataError(f"{file} unpacks to more than {MOST_BYTES >> 30} GB. Save only the register, as csv.")
        for entry in entries:
            with packed.open(entry) as stream:
                start = cast("zipfile.ZipExtFile", stream).peek(1 << 16)
                if b"<!DOCTYPE" in start[:4096]:
                    raise RawDataError(
                        f"{file} declares a document type (DOCTYPE), as no spreadsheet program does; it may be harmful. "
                        "Open it in a spreadsheet program, and save it again as .xlsx."
                    )
                is_from_1904 |= re.search(rb"""date1904\s*=\s*["'](1|true)""", start) is not None
                _refuse_desert(*_used_area(stream), file)  # to its end, where its sum is compared; a sheet may bear any name
    return date(1904, 1, 1) if is_from_1904 else date(1899, 12, 30)


def _used_area(stream: IO[bytes]) -> tuple[int, int]:
    """Rows and columns of a sheet."""
    rows = columns = 1
    rest = b""
    while block := stream.read(PIECE_BYTES):
        block, rest = rest + block, block[-100:]
        found = set(_REFERENCE.findall(block))
        rows = max([rows, *(int(row) for _, row in found)])
        columns = max([columns, *map(_number, {letters.upper() for letters, _ in found})])
    return rows, columns


def _refuse_desert(rows: int, columns: int, file: str) -> None:
    if rows * columns > MOST_CELLS:
        raise RawDataError(
            f"{file} has a sheet whose used area is {rows:,} rows by {columns:,} columns. "
            "Copy the register alone into a new sheet: a stray cell stands far away from it."
        )


def _refuse_gap(is_filled: NDArray[np.bool_], file: str) -> None:
    """Refuse a cell far below the table: each of the empty rows above it would have to be told."""
    filled = np.flatnonzero(is_filled)
    gaps = np.diff(filled)
    if len(gaps) and gaps.max() > MOST_EMPTY_ROWS:
        place = int(gaps.argmax())
        raise RawDataError(
            f"{file} has a sheet with {gaps[place] - 1:,} empty rows above row {filled[place + 1] + 1:,}. "
            "Delete the cells that stand far below the register."
        )


def _number(letters: bytes) -> int:
    """1 for column A, 27 for AA."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _sheet(book: Any, name: str, file: str, first_day: date) -> Grid:
    sheet = book.get_sheet_by_name(name)
    _refuse_desert(sheet.total_height, sheet.total_width, file)
    refuse_columns(sheet.total_width, file)
    raw = sheet.to_python(skip_empty_area=False)
    _refuse_gap(np.array([row.count("") < len(row) for row in raw], dtype=bool), file)
    rows = [[value.strip() if isinstance(value, str) else _cell(value) for value in row] for row in raw]
    for (top, left), (bottom, _) in sheet.merged_cell_ranges or ():
        if top < len(rows) and left < len(rows[top]) and rows[top][left]:
            for row in range(top + 1, min(bottom + 1, len(rows))):
                rows[row][left] = rows[top][left]
    last = max((place for place, cells in enumerate(rows) if any(cells)), default=-1)
    return grid_of_rows(list(enumerate(rows[: last + 1], start=1)), sheet=name, is_spreadsheet=True, first_day=first_day)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return np.format_float_positional(value, trim="-")
    if isinstance(value, datetime):
        return (
            value.isoformat(sep=" ", timespec="seconds") if value.time().isoformat() != "00:00:00" else value.date().isoformat()
        )
    return value.isoformat() if isinstance(value, date) else str(value).strip()
