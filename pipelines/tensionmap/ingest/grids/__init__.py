"""Files of any kind -> cells of text with their row in the file, in pieces that fit into memory.

What a file is, its first bytes say, not its name: a spreadsheet, text with separators, JSON records, or a map layer, whose
points become the columns ``GEOMETRY``. Each kind has a module of its own. Nothing is understood here; nothing is passed over
either.
"""

from __future__ import annotations

import gzip
import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, cast

from tensionmap.errors import RawDataError
from tensionmap.ingest.grids.encodings import Utf8, encoding_of
from tensionmap.ingest.grids.grid import GEOMETRY, HEAD, Grid, Piece, unforeseen_end
from tensionmap.ingest.grids.map_layers import layers_of
from tensionmap.ingest.grids.records import json_records
from tensionmap.ingest.grids.spreadsheets import sheets_of
from tensionmap.ingest.grids.texts import HEAD_BYTES, separated_text
from tensionmap.ingest.vectors import is_vector

__all__ = ["GEOMETRY", "HEAD", "Grid", "Piece", "read_grids"]


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
    with unforeseen_end(file):
        if is_vector(path):
            return layers_of(path, file=file, sheet=sheet)
        if first.startswith(b"PK\x03\x04"):
            if _is_spreadsheet(path, file):
                return sheets_of(path, file=file, sheet=sheet)
            return _text(_member(path, file), inside=_PACKED_TEXT, file=file, sheet=sheet)
        if first.startswith(b"\xd0\xcf\x11\xe0"):
            return sheets_of(path, file=file, sheet=sheet)
        if first.startswith(b"\x1f\x8b"):
            return _text(lambda: cast("IO[bytes]", gzip.open(path)), inside=_PACKED_TEXT, file=file, sheet=sheet)
        return _text(lambda: path.open("rb"), inside="is", file=file, sheet=sheet)


def _first_bytes(path: Path, file: str) -> bytes:
    if path.is_dir():
        raise RawDataError(f"{file} is a folder. Name the one file in it that holds the reports.")
    try:
        with path.open("rb") as stream:
            return stream.read(4096)
    except OSError as error:
        raise RawDataError(f"{file} cannot be read: {error.strerror}. Check that it lies under data/raw.") from error


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


def _text(opened: Callable[[], IO[bytes]], *, inside: str, file: str, sheet: str | None) -> list[Grid]:
    """The one table of what ``opened`` opens, which is JSON or text with separators if anything."""
    with opened() as stream:
        _refuse_foreign(stream.read(4096), file, inside=inside)
    if sheet is not None:
        raise RawDataError(f"{file} is a text file and has no sheet {sheet!r}. Delete 'sheet' for this file in study.toml.")
    encoding, notes = encoding_of(opened, file)
    with io.BufferedReader(Utf8(opened(), encoding)) as stream:
        start = stream.read(HEAD_BYTES).decode("utf-8", errors="ignore")
    if start.lstrip()[:1] not in ("[", "{"):
        return separated_text(opened, encoding, start, file=file, notes=notes)
    with io.BufferedReader(Utf8(opened(), encoding)) as stream:
        return json_records(stream, file=file, notes=notes)


_PACKED_TEXT = "is packed, and holds"
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
