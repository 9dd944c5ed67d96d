"""Text with separators -> its rows with the line on which each begins, block by block; torn rows stand apart."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
from numpy.typing import NDArray

from tensionmap.errors import RawDataError
from tensionmap.ingest.grids.encodings import Utf8
from tensionmap.ingest.grids.grid import HEAD, PIECE_BYTES, Grid, Piece, refuse_columns, unforeseen_end

HEAD_BYTES = 4 << 20
"""Bytes of UTF-8 among which the head of a text is looked for."""

_LONG_CELL = 1 << 17
csv.field_size_limit(PIECE_BYTES)  # a long story in one of the first rows is no fault

_SEPARATORS = (";", ",", "\t", "|")
_SAID = re.compile(r"sep=([!#-/:-@\[-`{-~\t])(?=[\r\n])", re.IGNORECASE)
"""The line by which Excel says the separator to itself."""


def separated_text(
    opened: Callable[[], IO[bytes]], encoding: str, start: str, *, file: str, notes: tuple[str, ...]
) -> list[Grid]:
    """The one table of a text; its head is cut from ``start``, the rows below are read when they are asked for.

    Parameters
    ----------
    opened, encoding
        Opens the text anew, and its encoding.
    start
        The first `HEAD_BYTES` of it.
    file, notes
        Its name for messages, and what is to be told of it.

    Raises
    ------
    RawDataError
        If the cells cannot be told apart, or are more in a row than in any table.
    """
    said = _SAID.match(start)
    separator = said[1] if said else _separator(start)
    head, lines = _head(start, separator, file)
    width = _width([cells for _, cells in head])
    refuse_columns(max([width, *(len(cells) for _, cells in head)]), file)

    def below(at: int) -> Iterator[Piece]:
        with unforeseen_end(file), io.BufferedReader(Utf8(opened(), encoding), PIECE_BYTES) as stream:
            wide = max(width, len(head[at][1]))
            yield from _pieces(stream, separator, skip=lines[at], width=wide, file=file)

    return [Grid(head, below, notes=notes)]


def _head(start: str, separator: str, file: str) -> tuple[list[tuple[int, list[str]]], list[int]]:
    """The first rows, and the line on which each ends."""
    reader = csv.reader(io.StringIO(start, newline=""), delimiter=separator)
    rows: list[tuple[int, list[str]]] = []
    ends: list[int] = []
    before = 0
    try:
        for cells in reader:
            rows.append((before + 1, [cell.strip() for cell in cells] or [""]))
            before = reader.line_num
            ends.append(before)
            if len(rows) == HEAD:
                return rows, ends
    except csv.Error as error:
        raise _never_closed(file, f"line {before + 1}") from error
    if rows and max(map(len, rows[-1][1])) > _LONG_CELL and start.count('"') % 2:
        raise _never_closed(file, f"line {rows[-1][0]}")
    is_cut = len(start) > HEAD_BYTES // 4 and len(rows) > 1
    return (rows[:-1], ends[:-1]) if is_cut else (rows, ends)


def _never_closed(file: str, where: str) -> RawDataError:
    return RawDataError(
        f"{file}, {where}: the cells cannot be told apart. "
        "Probably a quotation mark is opened and not closed there; mend it in a copy of the file."
    )


def _width(rows: Sequence[Sequence[str]]) -> int:
    """Cells of most rows."""
    widths = Counter(len(cells) for cells in rows if len(cells) > 1)
    return max(widths.items(), key=lambda item: (item[1], item[0]))[0] if widths else 1


def _separator(text: str) -> str:
    """The separator by which most cells of the first lines stand in lines of equal length."""
    sample = list(io.StringIO(text[:100_000], newline=""))[:HEAD]

    def score(separator: str) -> int:
        widths = Counter(len(cells) for cells in csv.reader(sample, delimiter=separator) if len(cells) > 1)
        return max((width * lines for width, lines in widths.items()), default=0)

    try:
        return max(_SEPARATORS, key=score)
    except csv.Error:
        return max(_SEPARATORS, key=text[:100_000].count)


def _pieces(stream: IO[bytes], separator: str, *, skip: int, width: int, file: str) -> Iterator[Piece]:
    """The rows below line ``skip``, block by block."""
    names = [str(place) for place in range(width)]
    torn: list[tuple[int, str]] = []

    def keep(row: Any) -> str:
        torn.append((row.number, row.text))
        return "skip"

    line, count = skip + 1, skip
    try:
        reader = pa_csv.open_csv(
            pa.PythonFile(stream, mode="r"),
            read_options=pa_csv.ReadOptions(use_threads=False, block_size=PIECE_BYTES, skip_rows=skip, column_names=names),
            parse_options=pa_csv.ParseOptions(
                delimiter=separator, newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=keep
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.large_string()), strings_can_be_null=False, quoted_strings_can_be_null=False
            ),
        )
        for batch in reader:
            # The reader is ahead of us: torn rows behind the last row of the batch belong to a later one.
            within = [row for i, row in enumerate(torn) if row[0] - count - 1 - i < batch.num_rows]
            piece = _numbered(batch, within, separator, first_line=line, first_row=count + 1)
            line, count = piece.next_line, count + batch.num_rows + len(within)
            del torn[: len(within)]
            yield piece.piece
        if torn:
            nothing = pa.record_batch([pa.array([], pa.large_string())] * width, names=names)
            yield _numbered(nothing, torn, separator, first_line=line, first_row=count + 1).piece
    except pa.ArrowInvalid as error:
        if "Empty CSV" in str(error) or "Could not skip" in str(error):  # nothing below the header, or no line end behind it
            return
        raise _never_closed(file, f"below line {line}") from error


@dataclass(frozen=True)
class _Numbered:
    piece: Piece
    next_line: int


def _numbered(
    batch: pa.RecordBatch, torn: list[tuple[int, str]], separator: str, *, first_line: int, first_row: int
) -> _Numbered:
    """``batch`` with the line on which each row begins: rows with line breaks inside take several."""
    count = batch.num_rows + len(torn)
    extra = np.zeros(count, dtype=np.int64)
    is_torn = np.zeros(count, dtype=bool)
    for number, text in torn:
        is_torn[number - first_row] = True
        extra[number - first_row] = text.count("\n") or text.count("\r")
    for column in batch.columns:
        if _has_breaks(column):
            breaks = pc.count_substring_regex(pc.replace_substring(column, "\r\n", "\n"), "[\n\r]")
            extra[~is_torn] += np.asarray(breaks, dtype=np.int64)
    lines = first_line + np.arange(count) + np.concatenate([[0], np.cumsum(extra)[:-1]]) if count else np.empty(0, np.int64)
    width = batch.num_columns
    apart = [
        (
            int(lines[number - first_row]),
            cells,
            _NOT_CLOSED if _is_open(text) else f"The line has {len(cells)} cells, the table has {width} columns.",
        )
        for number, text in torn
        for cells in [_cells(text, separator)]
    ]
    rows, columns = lines[~is_torn], [pa.chunked_array([pc.utf8_trim_whitespace(column)]) for column in batch.columns]
    swallowed = _swallowing(columns, separator)
    for place in np.flatnonzero(swallowed):
        apart.append((int(rows[place]), [column[int(place)].as_py() for column in columns], _NOT_CLOSED))
    if swallowed.any():
        left = pa.array(~swallowed)
        rows, columns = rows[~swallowed], [column.filter(left) for column in columns]
    return _Numbered(Piece(rows.astype(np.int64), columns, sorted(apart)), int(first_line + count + extra.sum()))


_NOT_CLOSED = "A quotation mark is opened and not closed, so that the lines below were read as part of this one."


def _is_open(text: str) -> bool:
    return text.count('"') % 2 == 1 and re.search(r"[\r\n].", text) is not None


def _has_breaks(column: Any) -> bool:
    """Whether line breaks can stand in the column: its bytes are looked through at once."""
    pieces = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    letters = (np.frombuffer(piece.buffers()[2], dtype=np.uint8) for piece in pieces if piece.buffers()[2] is not None)
    return any(bool(((byte == 10) | (byte == 13)).any()) for byte in letters)


def _cells(text: str, separator: str) -> list[str]:
    try:
        return [cell.strip() for cells in csv.reader([text], delimiter=separator) for cell in cells]
    except csv.Error:
        return [text]


def _swallowing(columns: list[pa.ChunkedArray], separator: str) -> NDArray[np.bool_]:
    """Rows of which one cell holds a whole line of the table."""
    found = np.zeros(len(columns[0]) if columns else 0, dtype=bool)
    width = len(columns)
    if 2 < width <= 900:  # a regular expression repeats no more often than 1,000 times
        part = re.escape(separator)
        line = f"[\n\r]([^\n\r{part}]*{part}){{{width - 1}}}"
        for column in columns:
            if _has_breaks(column):
                found |= np.asarray(pc.match_substring_regex(column, line))
    return found
