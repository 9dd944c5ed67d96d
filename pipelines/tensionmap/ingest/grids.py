"""Files of any kind -> cells of text with their row in the file, in pieces that fit into memory.

What a file is, its first bytes say, not its name: a spreadsheet, text with separators, JSON records, or a map layer, whose
points become the columns ``GEOMETRY``. Nothing is understood here; nothing is passed over either.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import lzma
import math
import re
import subprocess
import sys
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
from numpy.typing import NDArray
from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from tensionmap.errors import RawDataError
from tensionmap.ingest.vectors import is_vector, read_vector, vector_layers

GEOMETRY = ("geometry longitude", "geometry latitude", "geometry radius, m")
"""Columns that hold the place of a feature of a map layer, in degrees (EPSG:4326), and the reach of an outline in metres."""

HEAD = 200
"""Rows in which a header is looked for, and by which a text file is judged."""

PIECE_BYTES = 8 << 20
"""Bytes of text that are read at a time; one row cannot be longer."""

MOST_CELLS = 30_000_000
"""A spreadsheet with a larger used area is refused: it has cells far away from its table. Each takes about 100 bytes."""

MOST_EMPTY_ROWS = 10_000
"""A sheet with more empty rows between filled ones is refused: a stray cell stands far below its table."""

MOST_COLUMNS = 16_384
"""No spreadsheet has more, and no register needs more."""

MOST_BYTES = 4 << 30
"""A packed file that unpacks to more is refused."""

MOST_JSON_BYTES = 200 << 20
"""A larger file of JSON records is refused: it is read as a whole, and takes ten times its size."""

_HEAD_BYTES = 4 << 20
_LONG_CELL = 1 << 17
csv.field_size_limit(PIECE_BYTES)  # a long story in one of the first rows is no fault

_SEPARATORS = (";", ",", "\t", "|")
_SAID = re.compile(r"sep=([!#-/:-@\[-`{-~\t])(?=[\r\n])", re.IGNORECASE)
"""The line by which Excel says the separator to itself."""
_CYRILLIC = {
    letter: math.log(share)
    for letter, share in zip(
        "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё",
        (
            *(0.110, 0.085, 0.080, 0.074, 0.067, 0.063, 0.055, 0.047, 0.045, 0.044, 0.035, 0.032, 0.030, 0.028, 0.026, 0.020),
            *(0.019, 0.017, 0.017, 0.016, 0.016, 0.014, 0.012, 0.010, 0.009, 0.007, 0.006, 0.005, 0.004, 0.003, 0.003, 0.0004),
            0.0004,
        ),
        strict=True,
    )
}
"""Logarithms of how often letters stand in Russian text: tells one 8-bit encoding from another."""
_UNLIKELY = math.log(0.0001)


@dataclass(frozen=True)
class Piece:
    """Consecutive rows: their numbers as a spreadsheet counts, one column of text for each place, and the torn rows apart."""

    rows: NDArray[np.int64]
    columns: list[pa.ChunkedArray]
    torn: list[tuple[int, list[str], str]] = field(default_factory=list)
    """Row, its cells, what is wrong: a row with more or fewer cells than the table, or one that swallowed others."""


@dataclass(frozen=True)
class Grid:
    """One table of text: a text file, a sheet, a layer. ``head`` are its first rows; ``below`` gives the rows after a header."""

    head: list[tuple[int, list[str]]]
    below: Callable[[int], Iterator[Piece]]
    """Position of the header in ``head`` -> the rows below it."""
    sheet: str | None = None
    notes: tuple[str, ...] = ()
    is_spreadsheet: bool = False
    first_day: date = date(1899, 12, 30)
    """Day 0 of a spreadsheet, from which it counts dates that are stored as bare numbers."""


def read_grids(path: Path, *, file: str, sheet: str | None = None) -> list[Grid]:
    """Every table of the file (only ``sheet`` if given); of a large text file only the head is read now.

    Parameters
    ----------
    path, file
        The file, and its name for messages.
    sheet
        Sheet of a spreadsheet, layer of a map file.

    Raises
    ------
    RawDataError
        If the file cannot be read, or has no such sheet.
    """
    first = _first_bytes(path, file)
    with _unforeseen_end(file):
        if is_vector(path):
            return _layers(path, file=file, sheet=sheet)
        if first.startswith(b"PK\x03\x04"):
            if _is_spreadsheet(path, file):
                return _spreadsheet(path, file=file, sheet=sheet)
            return _packed_texts(_member(path, file), file=file, sheet=sheet)
        if first.startswith(b"\xd0\xcf\x11\xe0"):
            return _spreadsheet(path, file=file, sheet=sheet)
        if first.startswith(b"\x1f\x8b"):
            return _packed_texts(lambda: cast("IO[bytes]", gzip.open(path)), file=file, sheet=sheet)
        return _texts(lambda: path.open("rb"), file=file, sheet=sheet)


def _first_bytes(path: Path, file: str) -> bytes:
    if path.is_dir():
        raise RawDataError(f"{file} is a folder. Name the one file in it that holds the reports.")
    try:
        with path.open("rb") as stream:
            return stream.read(4096)
    except OSError as error:
        raise RawDataError(f"{file} cannot be read: {error.strerror}. Check that it lies under data/raw.") from error


@contextmanager
def _unforeseen_end(file: str) -> Iterator[None]:
    try:
        yield
    except (EOFError, OSError, RuntimeError, zlib.error, lzma.LZMAError, zipfile.BadZipFile) as error:
        raise RawDataError(
            f"{file} is packed, but the packing is damaged, or of an unusual kind. Copy the file again, or unpack it first."
        ) from error


_FOREIGN = (
    (rb"%PDF-", "a PDF document"),
    (rb"\{\\rtf", "a text document (RTF)"),
    (rb"MIME-Version:", "a web page (MHTML)"),
    (rb"(?i)<(!doctype|html|head|body|meta|style|script|title|table|div|p|font|center|!--)\b", "a web page (HTML)"),
    (rb"<", "XML that is damaged or of an unknown kind"),
)
_PACKED = rb"Rar!|7z\xbc\xaf|BZh[1-9]|\xfd7zXZ|\x28\xb5\x2f\xfd|\x1f\x8b|PK\x03\x04|\xd0\xcf\x11\xe0"


def _refuse_foreign(start: bytes, file: str, *, inside: str) -> None:
    """Refuse what is no table, though it may be named like one: many systems hand web pages out as .xls."""
    if re.match(_PACKED, start):
        raise RawDataError(f"{file} {inside} a packed file of another kind. Unpack it, and add the file that is in it.")
    plain = re.sub(rb"^(\xef\xbb\xbf|[\xff\xfe]{2})", b"", start).replace(b"\0", b"").lstrip()
    for pattern, what in _FOREIGN:
        if re.match(pattern, plain):
            raise RawDataError(
                f"{file} {inside} {what}, not a table. "
                "Open it in the program that it is made for, and save the table as .xlsx or CSV UTF-8."
            )


# Text with separators


def _packed_texts(opened: Callable[[], IO[bytes]], *, file: str, sheet: str | None) -> list[Grid]:
    with opened() as stream:
        _refuse_foreign(stream.read(4096), file, inside="is packed, and holds")
    return _texts(opened, file=file, sheet=sheet)


def _texts(opened: Callable[[], IO[bytes]], *, file: str, sheet: str | None) -> list[Grid]:
    with opened() as stream:
        _refuse_foreign(stream.read(4096), file, inside="is")
    if sheet is not None:
        raise RawDataError(f"{file} is a text file and has no sheet {sheet!r}. Delete 'sheet' for this file in study.toml.")
    encoding, notes = _encoding(opened, file)
    with io.BufferedReader(_Utf8(opened(), encoding)) as stream:
        start = stream.read(_HEAD_BYTES).decode("utf-8", errors="ignore")
    if start.lstrip()[:1] in ("[", "{"):
        return _records(opened, encoding, file=file, notes=notes)
    said = _SAID.match(start)
    separator = said[1] if said else _separator(start)
    head, lines = _head(start, separator, file)
    width = _width([cells for _, cells in head])
    _refuse_columns(max([width, *(len(cells) for _, cells in head)]), file)

    def below(at: int) -> Iterator[Piece]:
        with _unforeseen_end(file), io.BufferedReader(_Utf8(opened(), encoding), PIECE_BYTES) as stream:
            wide = max(width, len(head[at][1]))
            yield from _pieces(stream, separator, skip=lines[at], width=wide, file=file)

    return [Grid(head, below, notes=notes)]


def _refuse_columns(count: int, file: str) -> None:
    if count > MOST_COLUMNS:
        raise RawDataError(
            f"{file} has {count:,} columns, more than any table. Look whether its line ends were lost, or it is damaged."
        )


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
    is_cut = len(start) > _HEAD_BYTES // 4 and len(rows) > 1
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


class _Utf8(io.RawIOBase):
    """The text of a binary stream as UTF-8, whatever its encoding; bytes that no UTF-8 can hold are read as ``_odd`` says."""

    def __init__(self, stream: IO[bytes], encoding: str) -> None:
        self._stream = stream
        self._decode = None if encoding == "utf-8" else codecs.getincrementaldecoder(encoding.removesuffix("+"))
        self._decoder = self._decode(errors=_ODD if encoding.endswith("+") else "replace") if self._decode else None
        self._rest = self._ends = b""
        if encoding == "utf-8":
            mark = stream.read(3)
            self._rest = b"" if mark == codecs.BOM_UTF8 else mark

    def readable(self) -> bool:
        """It is."""
        return True

    def close(self) -> None:
        """Close the stream below too."""
        if not self.closed:
            self._stream.close()
        super().close()

    def readinto(self, buffer: Any) -> int:
        """Fill ``buffer``; 0 at the end."""
        data = self._rest or self._more(len(buffer))
        self._rest = data[len(buffer) :]
        size = min(len(data), len(buffer))
        buffer[:size] = data[:size]
        return size

    def _more(self, size: int) -> bytes:
        while True:
            raw = self._stream.read(size)
            text = raw if self._decoder is None else self._decoder.decode(raw, final=not raw).removeprefix("\ufeff").encode()
            text = self._ends + text
            kept = text.rstrip(_DOS_END)
            self._ends = text[len(kept) :]
            if kept or not raw:
                return kept


_DOS_END = b"\x1a"
"""Old programs write it behind the last line."""
_ODD = "tensionmap-odd-bytes"
codecs.register_error(_ODD, lambda error: (error.object[error.start : error.end].decode("cp1252", "replace"), error.end))  # type: ignore[attr-defined]


def _encoding(opened: Callable[[], IO[bytes]], file: str) -> tuple[str, tuple[str, ...]]:
    """The encoding of the whole text, and a note if it is not UTF-8."""
    with opened() as stream:
        start = stream.read(1 << 16)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _whole(opened, file, "utf-16"), ()
    if start[:200].count(0) > len(start[:200]) / 5:
        little = start[1:200:2].count(0) > start[:200:2].count(0)
        return _whole(opened, file, "utf-16-le" if little else "utf-16-be"), ()
    lines = odd = 0
    for block in _lines(opened, file):
        if b"\0" in block:
            raise _not_text(file)
        more = _count_odd(block)
        lines, odd = lines + more[0], odd + more[1]
    if not odd:
        return "utf-8", ()
    if lines and odd <= lines / 10:
        return "utf-8+", (f"{file} is UTF-8 but for {odd} lines, whose odd bytes were read as cp1252; look at their letters",)
    encoding = _eight_bit(opened)
    return encoding, (f"{file} is not UTF-8 and was read as {encoding}",)


def _not_text(file: str) -> RawDataError:
    return RawDataError(
        f"{file} is neither a spreadsheet nor text in UTF-8, UTF-16, cp1251, koi8-r, cp866 or cp1252. "
        "Save it again as CSV UTF-8 or .xlsx."
    )


def _whole(opened: Callable[[], IO[bytes]], file: str, encoding: str) -> str:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for block in _lines(opened, file):
            if "\0" in decoder.decode(block):
                raise _not_text(file)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise _not_text(file) from error
    return encoding


def _lines(opened: Callable[[], IO[bytes]], file: str) -> Iterator[bytes]:
    """The file in blocks of whole lines; refused at once where a line has no end, or the packing no bottom."""
    rest, total, longest = b"", 0, PIECE_BYTES
    with opened() as stream:
        while raw := stream.read(PIECE_BYTES):
            if not total and raw[:400].translate(None, b"\0\xef\xbb\xbf\xff\xfe").lstrip()[:1] in (b"[", b"{"):
                longest = MOST_JSON_BYTES
            total += len(raw)
            if total > MOST_BYTES and not isinstance(stream, io.BufferedReader):
                raise RawDataError(f"{file} unpacks to more than {MOST_BYTES >> 30} GB. Unpack it, and split it by years.")
            end = max(raw.rfind(b"\n"), raw.rfind(b"\r")) + 1
            if end:
                yield rest + raw[:end]
            rest = raw[end:] if end else rest + raw
            if len(rest) > longest == MOST_JSON_BYTES:
                raise _too_much_json(file)
            if len(rest) > longest:
                raise RawDataError(
                    f"{file} has a line of more than {longest >> 20} MB, as no table has. "
                    "Look whether it was saved whole, with line ends, and as CSV UTF-8."
                )
    if rest:
        yield rest


def _count_odd(block: bytes) -> tuple[int, int]:
    if block.isascii():
        return 0, 0
    try:
        block.decode()
    except UnicodeDecodeError:
        lines = [line for line in block.split(b"\n") if not line.isascii()]
        odd = sum(not _is_utf8(line) for line in lines)
        return len(lines) - odd, odd
    return 1, 0


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _eight_bit(opened: Callable[[], IO[bytes]]) -> str:
    """The 8-bit encoding in which the letters of the text are most like those of Cyrillic or of West European text."""
    with opened() as stream:
        sample = b"".join(line for line in stream.read(4 * PIECE_BYTES).splitlines()[:20_000] if not line.isascii())[:200_000]

    def score(encoding: str) -> float:
        text = sample.decode(encoding, errors="replace").casefold()
        if encoding == "cp1252":  # its letters stand alone among plain Latin ones
            beyond = re.findall(r"[^\x00-\x7f]", text)
            alone = re.findall(r"(?<=[a-z])[à-ÿœšž](?![à-ÿœšž])|(?<![à-ÿœšž])[à-ÿœšž](?=[a-z])", text)
            return len(alone) * -2.0 + (len(beyond) - len(alone)) * 2 * _UNLIKELY
        letters = Counter(letter for letter in text if letter > "\x7f")
        mixed = len(re.findall(r"[a-z][а-яё]|[а-яё][a-z]", text))
        return sum(_CYRILLIC.get(letter, _UNLIKELY) * count for letter, count in letters.items()) + mixed * _UNLIKELY

    return max(("cp1251", "koi8-r", "cp866", "cp1252"), key=score)


# JSON records


def _records(opened: Callable[[], IO[bytes]], encoding: str, *, file: str, notes: tuple[str, ...]) -> list[Grid]:
    """A list of objects, as web services give it; members of members are named by their way: ``point/latitude``."""
    with io.BufferedReader(_Utf8(opened(), encoding)) as stream:
        text = stream.read(MOST_JSON_BYTES + 1)
    if len(text) > MOST_JSON_BYTES:
        raise _too_much_json(file)
    try:
        # Numbers stay as they are written, so that no digit is lost and none is too large.
        content = json.loads(text, object_pairs_hook=_once, parse_int=str, parse_float=str, parse_constant=str)
        if isinstance(content, dict):
            lists = (content[key] for key in ("results", "value", "data") if isinstance(content.get(key), list))
            content = next(lists, [content])
        if not content or not all(isinstance(record, dict) for record in content):
            raise RawDataError(f"{file} is JSON, but no list of records. Export it as csv, or as a list of objects.")
        flat = [dict(_flattened(record)) for record in content]
    except json.JSONDecodeError as error:
        raise RawDataError(
            f"{file} begins like JSON, but is not valid in line {error.lineno}. Fetch or export it again."
        ) from error
    except RecursionError as error:
        raise RawDataError(f"{file} begins like JSON, but is nested too deep for a table. Export it as csv.") from error
    except ValueError as error:
        raise RawDataError(f"{file} is JSON in which a record has one name twice. Export it again, or as csv.") from error
    names = list(dict.fromkeys(name for record in flat for name in record))
    _refuse_columns(len(names), file)
    if len(names) * len(flat) > MOST_CELLS:
        raise RawDataError(f"{file} has {len(flat):,} records with {len(names):,} names in all. Export it as csv.")
    rows = [[record.get(name, "") for name in names] for record in flat]
    return [_of_rows([(1, names), *enumerate(rows, start=2)], notes=notes)]


def _too_much_json(file: str) -> RawDataError:
    return RawDataError(f"{file} is JSON of more than {MOST_JSON_BYTES >> 20} MB. Export it as csv, or year by year.")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The members of an object; one of two of the same name would be lost."""
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError
    return members


def _flattened(record: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    for name, value in record.items():
        whole = before + _written(name)
        if isinstance(value, Mapping):
            yield from _flattened(value, f"{whole}/")
        elif isinstance(value, list) and any(isinstance(v, dict | list) for v in value):
            yield whole, _written(json.dumps(value, ensure_ascii=False))
        else:
            yield whole, " ".join(map(_written, value)) if isinstance(value, list) else _written(value)


def _written(value: Any) -> str:
    """The value as text, without halves of letters, which no file can hold."""
    return "" if value is None else str(value).strip().encode("utf-8", "replace").decode()


# Spreadsheets


def _is_spreadsheet(path: Path, file: str) -> bool:
    with zipfile.ZipFile(path) as packed:
        names = set(packed.namelist())
    if names & {"xl/workbook.bin", "word/document.xml", "ppt/presentation.xml"}:
        raise RawDataError(f"{file} is a binary workbook, a text document or a presentation. Save the register alone as .xlsx.")
    return bool(names & {"xl/workbook.xml", "content.xml"})


_HIDDEN = re.compile(r"(^|/)\.[^./]")


def _member(path: Path, file: str) -> Callable[[], IO[bytes]]:
    """The one file inside a zip archive."""
    with zipfile.ZipFile(path) as packed:
        inside = [
            entry.filename
            for entry in packed.infolist()
            if entry.filename and not entry.is_dir() and not _HIDDEN.search(entry.filename)
        ]
        if len(inside) != 1:
            raise RawDataError(f"{file} is an archive of {len(inside)} files. Unpack it, and add the files one by one.")
        if packed.getinfo(inside[0]).flag_bits & 1:
            raise RawDataError(f"{file} is locked with a password. Unpack it, and add the file that is in it.")
    return lambda: zipfile.ZipFile(path).open(inside[0])


def _spreadsheet(path: Path, *, file: str, sheet: str | None) -> list[Grid]:
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
    _refuse_columns(sheet.total_width, file)
    raw = sheet.to_python(skip_empty_area=False)
    _refuse_gap(np.array([row.count("") < len(row) for row in raw], dtype=bool), file)
    rows = [[value.strip() if isinstance(value, str) else _cell(value) for value in row] for row in raw]
    for (top, left), (bottom, _) in sheet.merged_cell_ranges or ():
        if top < len(rows) and left < len(rows[top]) and rows[top][left]:
            for row in range(top + 1, min(bottom + 1, len(rows))):
                rows[row][left] = rows[top][left]
    last = max((place for place, cells in enumerate(rows) if any(cells)), default=-1)
    return _of_rows(list(enumerate(rows[: last + 1], start=1)), sheet=name, is_spreadsheet=True, first_day=first_day)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return np.format_float_positional(value, trim="-")
    if isinstance(value, datetime):
        return (
            value.isoformat(sep=" ", timespec="seconds") if value.time().isoformat() != "00:00:00" else value.date().isoformat()
        )
    return value.isoformat() if isinstance(value, date) else str(value).strip()


def _of_rows(rows: list[tuple[int, list[str]]], **about: Any) -> Grid:
    def below(at: int) -> Iterator[Piece]:
        chosen = rows[at + 1 :]
        width = max((len(cells) for _, cells in [rows[at], *chosen]), default=0)
        cells = [cells + [""] * (width - len(cells)) for _, cells in chosen]
        columns = [pa.chunked_array([pa.array(column, pa.large_string())]) for column in zip(*cells, strict=True)]
        if chosen:
            yield Piece(np.array([row for row, _ in chosen], dtype=np.int64), columns)

    return Grid(rows[:HEAD], below, **about)


# Map layers


def _layers(path: Path, *, file: str, sheet: str | None) -> list[Grid]:
    names = vector_layers(path, file=file)
    if not names:
        raise RawDataError(f"{file} has no layer with shapes. If its reports stand in a table, export that as csv.")
    if sheet is not None and sheet not in names:
        raise RawDataError(f"{file} has no layer {sheet!r}. Layers are: {', '.join(names)}. Correct 'sheet' in study.toml.")
    return [_layer(path, file, name) for name in ([sheet] if sheet else names)]


def _layer(path: Path, file: str, name: str) -> Grid:
    raw = read_vector(path, file=file, layer=name)
    if raw.crs is None:
        raise RawDataError(
            f"{file} does not say its coordinate reference system. Assign it (in QGIS: Layer, Set CRS), and export it again."
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy's, of coordinates without end: they are told row by row
        x, y, radius = _points(raw.geometry)
    texts = {str(column): _texts_of(raw[column]) for column in raw.columns if column != raw.geometry.name}
    for column, values in zip(GEOMETRY, (x, y, radius), strict=True):
        texts[column] = pd.Series([np.format_float_positional(v, 9, trim="-") if v == v else "" for v in values], dtype="str")
    columns = [pa.chunked_array([pa.array(column.tolist(), pa.large_string())]) for column in texts.values()]
    head = [(0, list(texts)), *[(1 + i, [str(c[i]) for c in columns]) for i in range(min(HEAD - 1, len(raw)))]]

    def below(at: int) -> Iterator[Piece]:
        if at:
            raise RawDataError(f"{file}: the columns named in study.toml are not those of the layer {name!r}.")
        if len(raw):
            yield Piece(np.arange(1, len(raw) + 1, dtype=np.int64), columns)

    return Grid(head, below, sheet=name)


def _points(shapes: Any) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """A point of each shape in degrees, and for lines and outlines how far they reach from it, in metres.

    Not a number where there is no shape; without end where it has no place on earth, so that the row is set aside for it.
    """
    is_point = (shapes.geom_type == "Point").to_numpy()
    x, y, radius = (np.full(len(shapes), np.nan) for _ in range(3))
    exact = shapes[is_point].to_crs("EPSG:4326")
    x[is_point], y[is_point] = exact.x, exact.y
    wide = np.flatnonzero(~is_point & shapes.notna().to_numpy() & ~shapes.is_empty.to_numpy())
    x[wide] = y[wide] = np.inf
    flat = shapes.iloc[wide].force_2d()
    if flat.crs.is_geographic:
        on_earth = (np.abs(flat.bounds.to_numpy()) <= (360, 80, 360, 80)).all(axis=1)
        wide, flat = wide[on_earth], flat[on_earth]
        flat = flat.to_crs(flat.estimate_utm_crs()) if len(flat) else flat
    is_whole = np.isfinite(flat.bounds.to_numpy()).all(axis=1)
    wide, flat = wide[is_whole], flat[is_whole]
    inside = flat.representative_point()
    radius[wide] = inside.hausdorff_distance(flat)
    degrees = inside.to_crs("EPSG:4326")
    x[wide], y[wide] = degrees.x, degrees.y
    return x, y, radius


def _texts_of(values: pd.Series) -> pd.Series:
    if pd.api.types.is_float_dtype(values):
        return values.map(lambda v: "" if pd.isna(v) else np.format_float_positional(v, trim="-")).astype("str")
    return pd.Series([_text_of(value) for value in values], index=values.index, dtype="str")


def _text_of(value: Any) -> str:
    if isinstance(value, bytes) or (pd.api.types.is_scalar(value) and pd.isna(value)):
        return ""
    if isinstance(value, pd.Timestamp):
        return str(value).removesuffix(" 00:00:00")
    return _written(value.tolist() if isinstance(value, np.ndarray) else value)
