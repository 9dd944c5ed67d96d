"""How the cells of a column are written: rows that differ only in their digits are read together, in one stroke.

The form of a cell is its text with every digit replaced by ``0``. The form alone decides how a cell is read ("30.04.2025 14:05"
as "01.12.2024 09:10"), so a way of reading is found once a form, and the digits of all its rows are taken as columns of numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

Whole = NDArray[np.int64]
Digits = tuple[int, int]
"""First and behind the last of some digits of a form, counted among its digits alone."""

_ZERO = ord("0")
_EXACT_DIGITS = 15
"""A whole number of so many digits and its power of ten are exact in a float, so that their quotient is rounded once."""
_APOSTROPHES = str.maketrans(dict.fromkeys("ʻʼ‘’`´", "'"))

UNKNOWN = frozenset(
    {
        *(
            "-",
            "--",
            "---",
            "–",
            "—",
            "?",
            "??",
            "???",
            "*",
            ".",
            "…",
            "...",
            "n/a",
            "#n/a",
            "n.a.",
            "na",
            "nan",
            "nat",
            "none",
            "null",
        ),
        *(
            "nil",
            "unknown",
            "not known",
            "no data",
            "not stated",
            "неизвестно",
            "неизвестна",
            "неизвестен",
            "не известно",
            "неизв.",
        ),
        *(
            "не известна",
            "нет",
            "нет данных",
            "не указано",
            "не указана",
            "не установлено",
            "не установлена",
            "н/д",
            "н.д.",
            "нд",
        ),
        *(
            "н/у",
            "маълум нест",
            "номаълум",
            "номуайян",
            "нест",
            "белгисиз",
            "белгилүү эмес",
            "жок",
            "noma'lum",
            "ma'lum emas",
            "yo'q",
        ),
        *("маълум эмас", "йўқ"),
    }
)
"""Words by which registers say that nothing is known, casefolded."""


def is_unknown(text: str) -> bool:
    """Whether ``text`` is one of the words for 'not known'."""
    return " ".join(text.split()).casefold().translate(_APOSTROPHES) in UNKNOWN


@dataclass(frozen=True)
class Written:
    """The rows of a column that are written in one form: their positions, and the digits of each."""

    form: str
    rows: Whole
    _content: NDArray[np.uint8]
    _starts: Whole

    def number(self, digits: Digits) -> Whole:
        """The whole number that some digits make, row by row; at most 18 digits."""
        value = np.zeros(len(self.rows), dtype=np.int64)
        for place in self._places[slice(*digits)]:
            value = value * 10 + (self._content[self._starts + place] - _ZERO)
        return value

    def decimal(self, digits: Digits, decimals: int) -> NDArray[np.float64]:
        """The number that some digits make, the last ``decimals`` of them behind the point: the float nearest to it."""
        first, behind = digits
        if behind - first <= _EXACT_DIGITS:
            return np.asarray(self.number(digits) / 10.0**decimals, dtype=np.float64)
        places = self._places[first:behind]
        text = np.full((len(self.rows), len(places) + 1), ord("."), dtype=np.uint8)
        text[:, np.delete(np.arange(len(places) + 1), len(places) - decimals)] = self._content[self._starts[:, None] + places]
        offsets = np.arange(len(self.rows) + 1, dtype=np.int64) * text.shape[1]
        column = pa.LargeStringArray.from_buffers(len(self.rows), pa.py_buffer(offsets), pa.py_buffer(text.tobytes()))
        return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)

    @cached_property
    def _places(self) -> Whole:
        return np.flatnonzero(np.frombuffer(self.form.encode(), dtype=np.uint8) == _ZERO)


def form_of(text: str) -> str:
    """The form of one cell."""
    return re.sub("[0-9]", "0", text)


def one(text: str) -> Written:
    """A column of the single cell ``text``."""
    nowhere = np.zeros(1, dtype=np.int64)
    return Written(form_of(text), nowhere, np.frombuffer(text.encode(), dtype=np.uint8), nowhere)


def by_form(texts: pd.Series) -> Iterator[Written]:
    """The rows of ``texts``, an arrow-backed column without missing values, apart by form in order of first appearance."""
    column = _array(texts)
    if not len(column):
        return
    _, offsets_buffer, content_buffer = column.buffers()
    content = np.frombuffer(content_buffer or b"", dtype=np.uint8)
    offsets = np.frombuffer(offsets_buffer, dtype=np.int64)[column.offset : column.offset + len(column) + 1]
    plain = np.where(content - np.uint8(_ZERO) < 10, np.uint8(_ZERO), content)
    forms = pa.LargeStringArray.from_buffers(len(column), offsets_buffer, pa.py_buffer(plain), offset=column.offset)
    encoded = forms.dictionary_encode()
    codes = encoded.indices.to_numpy()
    names = encoded.dictionary.to_pylist()
    if len(names) == 1:
        yield Written(names[0], np.arange(len(column)), content, offsets[:-1])
        return
    # Sixteen bits are sorted by radix: one pass over the rows, whatever their number.
    order = np.argsort(codes.astype(np.int16) if len(names) < 2**15 else codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(len(names) + 1))
    for name, first, behind in zip(names, bounds[:-1], bounds[1:], strict=True):
        rows = order[first:behind]
        yield Written(name, rows, content, offsets[rows])


def distinct(texts: pd.Series) -> tuple[NDArray[np.int32], list[str]]:
    """Which of the distinct texts each row holds, and these."""
    encoded = _array(texts).dictionary_encode()
    return encoded.indices.to_numpy(), encoded.dictionary.to_pylist()


def _array(texts: pd.Series) -> Any:
    column = pa.array(texts, type=pa.large_string())
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
