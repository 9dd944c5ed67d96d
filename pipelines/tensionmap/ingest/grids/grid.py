"""One table of text, cut out of a file of any kind: what every room gives back, and the limits that hold in all of them."""

from __future__ import annotations

import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tensionmap.errors import RawDataError

GEOMETRY = ("geometry longitude", "geometry latitude", "geometry radius, m")
"""Columns that hold the place of a feature of a map layer, in degrees (EPSG:4326), and the reach of an outline in metres."""

HEAD = 200
"""Rows in which a header is looked for, and by which a text file is judged."""

PIECE_BYTES = 8 << 20
"""Bytes of text that are read at a time; one row cannot be longer."""

MOST_CELLS = 30_000_000
"""A spreadsheet with a larger used area is refused: it has cells far away from its table. Each takes about 100 bytes."""

MOST_COLUMNS = 16_384
"""No spreadsheet has more, and no register needs more."""

MOST_BYTES = 4 << 30
"""A packed file that unpacks to more is refused."""


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


def grid_of_rows(rows: list[tuple[int, list[str]]], **about: Any) -> Grid:
    """A table that is in memory as a whole, from its rows with their numbers; ``about`` are further fields of `Grid`."""

    def below(at: int) -> Iterator[Piece]:
        chosen = rows[at + 1 :]
        width = max((len(cells) for _, cells in [rows[at], *chosen]), default=0)
        cells = [cells + [""] * (width - len(cells)) for _, cells in chosen]
        columns = [pa.chunked_array([pa.array(column, pa.large_string())]) for column in zip(*cells, strict=True)]
        if chosen:
            yield Piece(np.array([row for row, _ in chosen], dtype=np.int64), columns)

    return Grid(rows[:HEAD], below, **about)


def refuse_columns(count: int, file: str) -> None:
    """Refuse a table of more than `MOST_COLUMNS`."""
    if count > MOST_COLUMNS:
        raise RawDataError(
            f"{file} has {count:,} columns, more than any table. Look whether its line ends were lost, or it is damaged."
        )


@contextmanager
def unforeseen_end(file: str) -> Iterator[None]:
    """Whatever unpacking says against a file becomes one sentence."""
    try:
        yield
    except (EOFError, OSError, RuntimeError, zlib.error, lzma.LZMAError, zipfile.BadZipFile) as error:
        raise RawDataError(
            f"{file} is packed, but the packing is damaged, or of an unusual kind. Copy the file again, or unpack it first."
        ) from error


def written(value: Any) -> str:
    """The value as text, without halves of letters, which no file can hold."""
    return "" if value is None else str(value).strip().encode("utf-8", "replace").decode()
