"""Bytes of a text file -> its encoding, and its text as UTF-8."""

from __future__ import annotations

import codecs
import io
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import IO, Any

from tensionmap.errors import RawDataError
from tensionmap.ingest.grids.grid import MOST_BYTES, PIECE_BYTES
from tensionmap.ingest.grids.records import MOST_JSON_BYTES, too_much_json

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

_DOS_END = b"\x1a"
"""Old programs write it behind the last line."""

_ODD = "tensionmap-odd-bytes"
codecs.register_error(_ODD, lambda error: (error.object[error.start : error.end].decode("cp1252", "replace"), error.end))  # type: ignore[attr-defined]


class Utf8(io.RawIOBase):
    """The text of a binary stream as UTF-8, whatever its encoding; bytes that no UTF-8 can hold are read as `_ODD` says."""

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


def encoding_of(opened: Callable[[], IO[bytes]], file: str) -> tuple[str, tuple[str, ...]]:
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
                raise too_much_json(file)
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
