"""The places that a page packs into one text: found in any text, unpacked by other means than those that packed them.

The form is told in ``publish/points.py``. A word that keeps to it to its last byte is taken out of the text: names and numbers
would stand among its letters by chance. A word that begins so and does not keep to it stays, and is a fault. What is said of the
points stands in the block as codes, of texts that stand outside; the codes are not searched.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib

import numpy as np
import numpy.typing as npt

Pairs = npt.NDArray[np.float64]

_WORD = re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{16,}={0,2}")
_MAGIC = b"TMP1"
_FIRST_LETTERS, _FIRST_BYTES = 1024, 64
"""Of a word, to see whether it is a block at all: the table of codes before its first bytes is never longer."""
_MOST_POINTS = 5_000_000
_PER_DEGREE = 100_000


def without_packed(text: str) -> tuple[str, list[Pairs | None]]:
    """``text`` without the packed places in it, and those places: longitude and latitude in degrees; None for a broken block."""
    found: list[Pairs | None] = []

    def cut(word: re.Match[str]) -> str:
        if not _is_packed(word[0]):
            return word[0]
        found.append(_unpacked(word[0]))
        return word[0] if found[-1] is None else ""

    return _WORD.sub(cut, text), found


def _is_packed(word: str) -> bool:
    try:
        start = base64.b64decode(word[: len(word) // 4 * 4][:_FIRST_LETTERS])
        return zlib.decompressobj(-15).decompress(start, _FIRST_BYTES).startswith(_MAGIC)
    except (binascii.Error, zlib.error):
        return False


def _unpacked(word: str) -> Pairs | None:
    """The places that a block holds; None if it does not keep to the form."""
    stream = zlib.decompressobj(-15)
    try:
        plain = stream.decompress(base64.b64decode(word, validate=True), 20 * _MOST_POINTS)
    except (binascii.Error, zlib.error):
        return None
    if not stream.eof or stream.unused_data:
        return None
    (count, length, planes), start = _head(plain)
    if count > _MOST_POINTS or len(plain) != start + length + planes * count:
        return None
    steps = _varints(np.frombuffer(plain, dtype=np.uint8, count=length, offset=start))
    if steps is None or len(steps) != count:
        return None
    places = np.cumsum(steps, dtype=np.uint64)
    return np.column_stack(
        [_every_second_bit(places) / _PER_DEGREE - 180, _every_second_bit(places >> np.uint64(1)) / _PER_DEGREE - 90]
    )


def _head(plain: bytes) -> tuple[list[int], int]:
    """The three numbers after the name of the form, and where they end."""
    numbers, at = [0, 0, 0], len(_MAGIC)
    for which in range(3):
        for place in range(10):
            byte = plain[at] if at < len(plain) else 0
            numbers[which] += (byte & 127) << (7 * place)
            at += 1
            if byte < 128:
                break
    return numbers, at


def _varints(row: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint64] | None:
    """The numbers that a row of bytes holds; None if the last one is cut off or one is too large."""
    ends = np.flatnonzero(row < 128)
    if not len(row):
        return np.empty(0, dtype=np.uint64)
    if not len(ends) or ends[-1] != len(row) - 1:
        return None
    starts = np.concatenate([[0], ends[:-1] + 1])
    place = np.arange(len(row)) - np.repeat(starts, ends - starts + 1)
    if place.max() > 8:
        return None
    parts = (row & 127).astype(np.uint64) << (7 * place).astype(np.uint64)
    numbers: npt.NDArray[np.uint64] = np.add.reduceat(parts, starts)
    return numbers


def _every_second_bit(places: npt.NDArray[np.uint64]) -> npt.NDArray[np.float64]:
    """Bits 0, 2, 4 ... as one number."""
    found = np.zeros(len(places), dtype=np.uint64)
    for bit in range(32):
        found |= ((places >> np.uint64(2 * bit)) & np.uint64(1)) << np.uint64(bit)
    return found.astype(np.float64)
