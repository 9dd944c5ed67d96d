"""What no file may tell: names, phones, numbers of records, kinds of sealed reports and places; and finding them in text.

A text is folded twice, once as Russian writes Tajik, Kyrgyz and Uzbek names and once as the languages themselves do, down to
small Latin letters and digits. A spelling is then looked up by its first letters in a table, so that thousands of names cost
one pass over the text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
from pyproj import Transformer
from scipy.spatial import cKDTree

from tensionmap.crs import DEGREES

Numbers = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

FEWEST_LETTERS, FEWEST_DIGITS, FEWEST_LONE_DIGITS = 4, 7, 8
"""Shorter words and phones stand in any text by chance, and so do shorter words of digits alone."""

SAME_M = 1.0
"""A place so near to a public one is that one: a page rounds degrees to about a metre."""

SEALED: dict[str, tuple[str, ...]] = {
    "domestic_violence": (
        "domestic violence",
        "family violence",
        "violence in the family",
        "violence in families",
        "домашнее насилие",
        "семейное насилие",
        "насилие в семье",
        "насилие в семьях",
        "зӯроварӣ дар оила",
        "хушунат дар оила",
        "зӯроварии оилавӣ",
        "үй-бүлөлүк зомбулук",
        "үй-бүлөдөгү зомбулук",
        "oilaviy zoʻravonlik",
        "оилавий зўравонлик",
        "oiladagi zoʻravonlik",
    ),
    "sexual_violence": (
        "sexual violence",
        "rape",
        "sexual assault",
        "сексуальное насилие",
        "изнасилование",
        "зӯроварии ҷинсӣ",
        "таҷовуз ба номус",
        "сексуалдык зомбулук",
        "зордуктоо",
        "jinsiy zoʻravonlik",
        "жинсий зўравонлик",
        "nomusga tegish",
    ),
    "child_violence": (
        "child violence",
        "violence against children",
        "violence against a child",
        "child abuse",
        "насилие над ребенком",
        "насилие над детьми",
        "жестокое обращение с ребенком",
        "насилие в отношении детей",
        "зӯроварӣ нисбат ба кӯдак",
        "зӯроварӣ нисбат ба кӯдакон",
        "зӯроварӣ нисбати кӯдакон",
        "зӯроварӣ нисбати кӯдак",
        "балага зомбулук",
        "балдарга карата зомбулук",
        "bolaga nisbatan zoʻravonlik",
        "bolalarga nisbatan zoʻravonlik",
        "болаларга нисбатан зўравонлик",
    ),
    "recruitment": (
        "recruitment",
        "recruitment by extremists",
        "recruiting",
        "вербовка",
        "ҷалбкунӣ",
        "ҷалб ба гурӯҳҳои тундрав",
        "ҷалб ба гурӯҳҳо",
        "азгыруу",
        "жалдоо",
        "yollash",
        "ёллаш",
    ),
}
"""Kinds of reports that appear on no map, with every name of the taxonomy and of the sentence that says so."""


@dataclass(frozen=True)
class Secrets:
    """What to look for.

    Parameters
    ----------
    words
        Names and numbers of records, at least four letters or digits each.
    phones
        At least seven digits each.
    points
        Places of reports: longitude and latitude in degrees, one row a place.
    allowed
        Places that a file may show (villages, corners and centres of cells, claims, canals, roads), the same way. Keep the
        vertices of a line in their order: the scale of a printed map is read from them.
    crs
        Metric CRS of the study.
    sealed
        Kinds of reports that appear nowhere, and what they are called.
    """

    words: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    points: tuple[tuple[float, float], ...] = ()
    allowed: tuple[tuple[float, float], ...] = ()
    crs: str = "EPSG:32626"
    sealed: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: SEALED)

    def __post_init__(self) -> None:
        short = [word for word in self.words if not _is_long_enough(word)]
        short += [phone for phone in self.phones if len(_digits(phone)) < FEWEST_DIGITS]
        if short:
            raise ValueError(f"too short to be searched for: {short}")

    @classmethod
    def gathered(
        cls,
        words: Iterable[str],
        phones: Iterable[str],
        *,
        points: Iterable[tuple[float, float]] = (),
        allowed: Iterable[tuple[float, float]] = (),
        crs: str = "EPSG:32626",
    ) -> Secrets:
        """The secrets of a study, without what is too short to be searched for and without repetitions."""
        told = {word for word in words if _is_long_enough(word) and not _is_short_number(word)}
        called = {phone for phone in phones if len(_digits(phone)) >= FEWEST_DIGITS}
        return cls(tuple(sorted(told)), tuple(sorted(called)), tuple(points), tuple(allowed), crs)

    @cached_property
    def spellings(self) -> Lookup:
        """Every folded spelling of every word and of every sealed kind."""
        entries = {
            spelling: Entry(spelling, "number" if any(map(str.isdigit, word)) else "name", is_whole_word=len(spelling) < _GRAM)
            for word in self.words
            for spelling in folded(word)
        }
        for kind, names in self.sealed.items():
            for name in (kind, *names):
                for spelling in folded(name):
                    entries.setdefault(spelling, Entry(spelling, f"sealed:{kind}", is_whole_word=True))
        return Lookup(entries.values())

    @cached_property
    def numbers(self) -> PhoneBook:
        """Phones as digits, whole and without the code of the country."""
        return PhoneBook({form for phone in self.phones for form in (_digits(phone), _digits(phone)[-9:])})

    @cached_property
    def points_degrees(self) -> Numbers:
        """The private points, one row each."""
        return np.array(self.points).reshape(-1, 2)

    @cached_property
    def allowed_degrees(self) -> Numbers:
        """The allowed places, one row each."""
        return np.array(self.allowed).reshape(-1, 2)

    @cached_property
    def bounds(self) -> tuple[Numbers, Numbers]:
        """South-west and north-east of the private points in degrees, with a margin of a hundredth."""
        degrees = self.points_degrees
        return degrees.min(axis=0) - 0.01, degrees.max(axis=0) + 0.01

    @cached_property
    def study(self) -> tuple[Numbers, Numbers]:
        """South-west and north-east of all places that are known, in degrees."""
        degrees = np.concatenate([self.points_degrees, self.allowed_degrees])
        return degrees.min(axis=0) - 0.01, degrees.max(axis=0) + 0.01

    @cached_property
    def places(self) -> tuple[cKDTree, cKDTree | None]:
        """Private points less the allowed ones, and the allowed ones, in metres."""
        allowed = cKDTree(self.allowed_m) if self.allowed else None
        private = self.metres(self.points_degrees)
        if allowed is not None:
            private = private[allowed.query(private)[0] > SAME_M]
        return cKDTree(private), allowed

    @cached_property
    def allowed_m(self) -> Numbers:
        """The allowed places in metres, in their order."""
        return self.metres(self.allowed_degrees)

    @cached_property
    def to_metres(self) -> Transformer:
        """Degrees to metres of the study."""
        return Transformer.from_crs(DEGREES, self.crs, always_xy=True)

    @cached_property
    def from_web(self) -> Transformer:
        """Web Mercator to degrees."""
        return Transformer.from_crs("EPSG:3857", DEGREES, always_xy=True)

    def metres(self, degrees: Numbers) -> Numbers:
        """Longitude and latitude in degrees as easting and northing."""
        return np.column_stack(self.to_metres.transform(degrees[:, 0], degrees[:, 1]))

    def is_near(self, metres: Numbers, within_m: float) -> npt.NDArray[np.intp]:
        """For each place the number of the private point that it gives away, else -1."""
        private, allowed = self.places
        if not private.n or not len(metres):
            return np.full(len(metres), -1)
        away, which = private.query(metres, distance_upper_bound=within_m)
        is_told: Flags = np.isfinite(away)
        if allowed is not None and is_told.any():
            is_told[is_told] = allowed.query(metres[is_told])[0] > SAME_M
        return np.where(is_told, which, -1)


def _is_long_enough(word: str) -> bool:
    return len(next(iter(folded(word)), b"")) >= FEWEST_LETTERS


def _is_short_number(word: str) -> bool:
    letters = [c for c in word if c.isalnum()]
    return len(letters) < FEWEST_LONE_DIGITS and all(map(str.isdigit, letters))


def _digits(phone: str) -> str:
    return re.sub(r"\D", "", phone)


# Letters -------------------------------------------------------------------------------------------------------------------

_TO_RUSSIAN = str.maketrans("ҷҳқғңөүһ", "чхкгноух")
_TO_LATIN = dict(
    zip(
        "абвгдежзийклмнопрстуфхцчшщъыьэюя",
        re.split(" ", "a b v g d e zh z i i k l m n o p r s t u f kh ts ch sh sh  y  e yu ya"),
        strict=True,
    )
)
_TO_LATIN_OWN = {**_TO_LATIN, **dict(zip("ҷҳқғңөүхж", "jhkgnouhj", strict=True))}
_ALIKE = ((b"dzh", b"j"), (b"zh", b"j"), (b"kh", b"h"), (b"gh", b"g"), (b"ng", b"n"), (b"yo", b"e"), (b"ya", b"a"), (b"yu", b"u"))
_ALIKE_ALONE = bytes.maketrans(b"xqwy", b"hkvi")
_SPACE, _LINE, _FOREIGN = ord(" "), ord("\n"), 128
_ASCII = bytes(byte if chr(byte).isalnum() or byte == _LINE else _SPACE for byte in range(128)).lower() + bytes([_SPACE] * 128)
_MARKS = frozenset({"Mn", "Lm", "Sk", "Cf"})
_WIDEST = 4


def _base(character: str) -> str:
    """Small letters, the Tajik, Kyrgyz and Uzbek ones as the Russian ones, then Latin."""
    return unicodedata.normalize("NFKC", character).casefold().translate(_TO_RUSSIAN)


def _own(character: str) -> str:
    """Small letters, to be written in Latin as the languages themselves do."""
    return unicodedata.normalize("NFKC", character).casefold()


class Alphabet:
    """Folds a text to small Latin letters and digits, with spaces for all else but ends of lines; learns each character once."""

    def __init__(self, lower: Callable[[str], str], latin: Mapping[str, str]) -> None:
        self._lower, self._latin = lower, str.maketrans(dict(latin))
        self._known = np.zeros(0x110000, dtype=bool)
        self._letters = np.zeros((0x110000, _WIDEST), dtype=np.uint8)

    def fold(self, text: str) -> bytes:
        """``text`` as letters, digits and spaces; letters of other scripts are bytes above 127."""
        if text.isascii():
            spaced = text.encode("ascii").translate(_ASCII)
        else:
            codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
            unknown = codes[~self._known[codes]]
            for code in np.unique(unknown).tolist():
                self._learn(code)
            letters = self._letters[codes].ravel()
            spaced = letters[letters != 0].tobytes()
        for spelling, alike in _ALIKE:
            spaced = spaced.replace(spelling, alike)
        return spaced.translate(_ALIKE_ALONE)

    def _learn(self, code: int) -> None:
        bare = (c for c in unicodedata.normalize("NFKD", self._lower(chr(code))) if unicodedata.category(c) not in _MARKS)
        letters = bytes(map(_byte, "".join(bare).translate(self._latin)))[:_WIDEST]
        self._letters[code, : len(letters)] = list(letters)
        self._known[code] = True


def _byte(letter: str) -> int:
    if not letter.isalnum():
        return _LINE if letter == "\n" else _SPACE
    return ord(letter) if letter.isascii() else _FOREIGN + ord(letter) % _FOREIGN


@lru_cache(maxsize=1)
def alphabets() -> tuple[Alphabet, Alphabet]:
    """The two ways of writing names in Latin letters."""
    return Alphabet(_base, _TO_LATIN), Alphabet(_own, _TO_LATIN_OWN)


def folded(word: str) -> set[bytes]:
    """Every folded spelling of a word, letters and digits alone."""
    return {alphabet.fold(word).translate(None, b" \n") for alphabet in alphabets()}


def folds(text: str) -> Iterator[bytes]:
    """``text`` folded in each way that differs from the one before."""
    first, second = alphabets()
    spaced = first.fold(text)
    yield spaced
    if not text.isascii() and (other := second.fold(text)) != spaced:
        yield other


# Looking up ----------------------------------------------------------------------------------------------------------------

_GRAM = 6
_BITS = 18
_MIX = np.uint64(0x9E3779B97F4A7C15)
_CODE = np.array(
    [byte - 87 if 97 <= byte <= 122 else byte - 48 if 48 <= byte <= 57 else 36 + byte % 28 for byte in range(256)],
    dtype=np.uint64,
)


@dataclass(frozen=True)
class Entry:
    """A folded spelling, what it is of, and whether it counts only as a word by itself (short ones stand in other words)."""

    spelling: bytes
    kind: str
    is_whole_word: bool

    @property
    def most_words(self) -> int:
        """Over how many words it may be spread where it counts only as whole words."""
        if self.spelling.isdigit():
            return 1
        return 9 if self.kind.startswith("sealed:") else 2


class Lookup:
    """Finds any of many spellings in a folded text."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        long: list[Entry] = []
        short: list[Entry] = []
        for entry in entries:
            (long if len(entry.spelling) >= _GRAM else short).append(entry)
        self._grams = [_Grams(size, group) for size, group in ((_GRAM, long), (FEWEST_LETTERS, short)) if group]

    def found_in(self, spaced: bytes) -> list[tuple[str, int]]:
        """Kind and place in ``spaced`` of every entry that stands there."""
        row = np.frombuffer(spaced, dtype=np.uint8)
        is_letter = row > _SPACE
        letters = row[is_letter]
        at = _Words(is_letter)
        found = [hit for grams in self._grams for hit in grams.found(letters, at)]
        places = np.flatnonzero(is_letter) if found else row
        return [(entry.kind, int(places[start])) for entry, start in found]


class _Words:
    """Where words begin and end in a text whose spaces are gone."""

    def __init__(self, is_letter: Flags) -> None:
        self._is_letter = is_letter

    @cached_property
    def begins(self) -> Flags:
        """Whether a letter begins a word."""
        before = np.concatenate([[False], self._is_letter[:-1]])
        begins: Flags = ~before[self._is_letter]
        return begins

    def are_words(self, start: int, stop: int, most: int) -> bool:
        """Whether letters ``start`` to ``stop`` are whole words, no more than ``most``."""
        begins = self.begins
        is_end = stop == len(begins) or bool(begins[stop])
        return bool(begins[start]) and is_end and int(begins[start:stop].sum()) <= most


class _Grams:
    """Entries by their first letters."""

    def __init__(self, size: int, entries: Iterable[Entry]) -> None:
        self._size = size
        self._entries: dict[bytes, list[Entry]] = {}
        for entry in entries:
            self._entries.setdefault(entry.spelling[:size], []).append(entry)
        self._is_first = np.zeros(1 << _BITS, dtype=bool)
        self._is_first[self._buckets(np.frombuffer(b"".join(self._entries), dtype=np.uint8))[::size]] = True

    def _buckets(self, letters: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint64]:
        codes = _CODE[letters]
        many = len(codes) - self._size + 1
        gram = codes[:many].copy()
        for step in range(1, self._size):
            gram <<= np.uint64(6)
            gram |= codes[step : step + many]
        gram *= _MIX
        gram >>= np.uint64(64 - _BITS)
        return gram

    def found(self, letters: npt.NDArray[np.uint8], at: _Words) -> Iterator[tuple[Entry, int]]:
        """Entries that stand in ``letters``, and where, one as often as it stands there."""
        if len(letters) < self._size:
            return
        text = letters.tobytes()
        for start in np.flatnonzero(self._is_first[self._buckets(letters)]).tolist():
            for entry in self._entries.get(text[start : start + self._size], ()):
                stop = start + len(entry.spelling)
                if text.startswith(entry.spelling, start) and (
                    not (entry.is_whole_word or entry.spelling.isdigit()) or at.are_words(start, stop, entry.most_words)
                ):
                    yield entry, start


# Phones --------------------------------------------------------------------------------------------------------------------

_GAP, _OTHER = 10, 11


def _digit(code: int) -> int:
    character = unicodedata.normalize("NFKC", chr(code))
    if len(character) == 1 and character.isdecimal():
        return unicodedata.decimal(character)
    return _GAP if re.fullmatch(r"[\s().\-‐-–/]+", character) else _OTHER


@lru_cache(maxsize=1)
def _digit_table() -> npt.NDArray[np.uint8]:
    """Code point -> its digit, or whether it may stand between the digits of a phone."""
    table = np.full(0x110000, _OTHER, dtype=np.uint8)
    # Beyond these there are digits of scripts in which nobody here writes a phone.
    for code in chain(range(0x3001), range(0xFF00, 0xFFF0), range(0x1D7CE, 0x1D800)):
        table[code] = _digit(code)
    return table


class PhoneBook:
    """Finds any of many phones in a text, however its digits are set apart."""

    _LEAD = FEWEST_DIGITS

    def __init__(self, phones: Iterable[str]) -> None:
        self._phones: dict[bytes, list[bytes]] = {}
        for phone in phones:
            row = bytes(map(int, phone))
            self._phones.setdefault(row[: self._LEAD], []).append(row)
        self._is_lead = np.zeros(1 << _BITS, dtype=bool)
        leads = np.frombuffer(b"".join(self._phones), dtype=np.uint8)
        if len(leads):
            self._is_lead[self._buckets(leads)[:: self._LEAD]] = True

    def _buckets(self, digits: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint64]:
        wide = digits.astype(np.uint64)
        many = len(wide) - self._LEAD + 1
        lead = wide[:many].copy()
        for step in range(1, self._LEAD):
            lead *= np.uint64(10)
            lead += wide[step : step + many]
        lead *= _MIX
        lead >>= np.uint64(64 - _BITS)
        return lead

    def is_in(self, text: str) -> bool:
        """Whether a phone stands in ``text``: groups of digits with one to three spaces, brackets, dots or dashes between."""
        codes: Any = np.frombuffer(text.encode("ascii"), np.uint8) if text.isascii() else None
        if codes is None:
            codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
        kinds = _digit_table()[codes]
        at = np.flatnonzero(kinds < _GAP)
        if len(at) < self._LEAD or not self._phones:
            return False
        others = np.cumsum(kinds == _OTHER)
        gap = np.diff(at) - 1
        is_apart = np.concatenate([[True], gap > 0, [True]])
        is_broken = np.concatenate([[True], (gap > 3) | (np.diff(others[at]) > 0), [True]])
        digits = kinds[at]
        candidates = np.flatnonzero(self._is_lead[self._buckets(digits)] & is_apart[: len(digits) - self._LEAD + 1])
        return any(self._is_phone(int(start), digits, is_apart, is_broken) for start in candidates)

    def _is_phone(self, start: int, digits: npt.NDArray[np.uint8], is_apart: Flags, is_broken: Flags) -> bool:
        for phone in self._phones.get(digits[start : start + self._LEAD].tobytes(), ()):
            stop = start + len(phone)
            if digits[start:stop].tobytes() == phone and is_apart[stop] and not is_broken[start + 1 : stop].any():
                return True
        return False
