"""Names in the order of the alphabet of a language: Tajik Ғ after Г, Kyrgyz Ө after О, Uzbek Oʻ, Gʻ, Sh, Ch after Z."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_LATIN = "abcdefghijklmnopqrstuvwxyz"
_CYRILLIC = "абвгғдеёжзийӣкқлмнңоөпрстуӯүўфхҳцчҷшщъыьэюя"
"""The letters of Russian, Tajik, Kyrgyz and Uzbek: each language keeps its own order in it."""
_AT_THE_END = {"uz": ("oʻ", "gʻ", "sh", "ch")}
"""Letters of two characters that follow Z. Not ng: in Namangan it is two letters, and nothing tells the two apart."""
_APOSTROPHES = str.maketrans(dict.fromkeys("ʼ‘’'`", "ʻ"))


def in_order(names: Iterable[str], language: str, *, is_cyrillic: bool) -> list[str]:
    """``names`` in the order of the alphabet, those in the script of the language first.

    Parameters
    ----------
    names
        In any script; capitals, apostrophes that belong to no letter and accents of other languages do not matter.
    language
        Two letters: 'ky'.
    is_cyrillic
        Whether the language is written in Cyrillic letters.
    """
    pairs = _AT_THE_END.get(language, ())
    letters = [*_CYRILLIC, *_LATIN] if is_cyrillic else [*_LATIN, *pairs, *_CYRILLIC]
    places = {letter: place for place, letter in enumerate([" ", *"0123456789", *letters])}
    one = re.compile("|".join([*pairs, "."]), re.DOTALL)

    def key(name: str) -> tuple[list[int], str]:
        plain = unicodedata.normalize("NFC", name).casefold().translate(_APOSTROPHES)
        return [_place(letter, places) for letter in one.findall(plain) if letter != "ʻ"], name

    return sorted(names, key=key)


def _place(letter: str, places: dict[str, int]) -> int:
    if letter in places:
        return places[letter]
    bare = unicodedata.normalize("NFKD", letter)[0]
    if bare in places:
        return places[bare]
    return len(places) + ord(letter) if letter.isalnum() else places[" "]
