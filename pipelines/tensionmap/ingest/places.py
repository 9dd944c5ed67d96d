"""Names of places in five spellings -> the settlement meant, or a sentence why nobody can say."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from rapidfuzz import process
from rapidfuzz.distance import OSA

from tensionmap.errors import RawDataError

if TYPE_CHECKING:
    import geopandas as gpd

_LATIN = str.maketrans(
    {
        **dict(zip("абвгдезийклмнопрстуфхэ", "abvgdeziiklmnoprstufhe", strict=True)),
        **dict(zip("ғқҳҷңөү", "gkhjnou", strict=True)),
        **{"ж": "zh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "sh", "ы": "i", "ю": "yu", "я": "ya", "ъ": "", "ь": ""},
        **{"ı": "i", "ʻ": "", "ʼ": "", "‘": "", "’": "", "`": "", "'": "", "ʹ": ""},
    }
)
_ALIKE = re.compile("dzh|zh|dj|kh|gh|[qxwy]")
_ONE_LETTER = {"dzh": "j", "zh": "j", "dj": "j", "kh": "h", "gh": "g", "q": "k", "x": "h", "w": "v", "y": "i"}

_VILLAGE = frozenset(
    {"v", "vil", "village", "s", "selo", "kishlak", "deha", "dehai", "ail", "aiil", "aili", "aiili", "kishlok", "kishlogi"}
)
"""Folded words for 'village' in the five languages. Words for 'district' never belong here: they change which place is meant."""


@lru_cache(maxsize=65_536)
def fold(text: str) -> str:
    """``text`` as it sounds: one spelling for Cyrillic and Latin letters, for capitals, accents, hyphens and spaces.

    Tajik, Kyrgyz and Uzbek letters fall together with the letters that people type in their place, and common ways
    of transliteration with one another, so that Ворух, ВОРУХ and Vorukh are one name.

    Notes
    -----
    Two different names can fold alike; whoever looks a name up must expect several answers.

    Examples
    --------
    >>> fold("Ак-Сай"), fold("Ak Say"), fold("ҶАМОАТ")
    ('ak sai', 'ak sai', 'jamoat')
    """
    lower = text.casefold().replace("ў", "o")
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", lower) if not unicodedata.combining(letter))
    latin = _ALIKE.sub(lambda found: _ONE_LETTER[found[0]], plain.casefold().translate(_LATIN))
    return " ".join(re.findall(r"\w+", latin.replace("_", " ")))


@dataclass(frozen=True)
class Named:
    """The settlement that a name means, and whether the spelling was mended to find it."""

    settlement_id: str
    is_fuzzy: bool


@dataclass(frozen=True)
class Gazetteer:
    """Settlements by every folded spelling of their names."""

    by_name: Mapping[str, tuple[str, ...]]
    labels: Mapping[str, str]
    districts: frozenset[str]

    def find(self, name: str) -> Named:
        """The settlement that ``name`` means.

        A spelling of the gazetteer comes first, with or without a word for 'village' around it. Otherwise the nearest
        spelling counts if it is one slip away (names of 5 to 8 letters) or two (longer names): a letter wrong, missing,
        too many, or two exchanged. Shorter names, and names that differ in a number, are never mended.

        Raises
        ------
        RawDataError
            If no settlement or more than one is meant. The first line says what is wrong, the second what to do.
        """
        folded = fold(name)
        bare = _without_village(folded)
        found = self.by_name.get(folded) or self._villages(self.by_name.get(bare, ()))
        if found:
            return Named(self._only(name, found), is_fuzzy=False)
        near = self._nearest(bare)
        return Named(self._only(name, near if bare == folded else self._villages(near)), is_fuzzy=True)

    def _villages(self, found: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(one for one in found if one not in self.districts)

    def _nearest(self, folded: str) -> tuple[str, ...]:
        slips = 0 if len(folded) < 5 else 1 if len(folded) < 9 else 2
        if not slips:
            return ()
        near = process.extract(folded, list(self.by_name), scorer=OSA.distance, processor=None, score_cutoff=slips, limit=None)
        same_numbers = [(key, distance) for key, distance, _ in near if _numbers(key) == _numbers(folded)]
        nearest = min((distance for _, distance in same_numbers), default=0)
        return tuple(sorted({one for key, distance in same_numbers if distance == nearest for one in self.by_name[key]}))

    def _only(self, name: str, found: tuple[str, ...]) -> str:
        if not found:
            raise RawDataError(
                f"The place {_quoted(name)} is not in the list of settlements.\n"
                "Correct the name, or add the settlement or this spelling to the settlements file, or give coordinates."
            )
        if len(found) > 1:
            meant = " or ".join(f"{self.labels[one]} ({one})" for one in found)
            raise RawDataError(
                f"The place {_quoted(name)} can mean {meant}.\n"
                "Write the name as in the settlements file so that only one is meant, or give coordinates."
            )
        return found[0]


def read_gazetteer(settlements: gpd.GeoDataFrame) -> Gazetteer:
    """Every name, local name and alternative spelling in ``settlements`` (table SETTLEMENTS), folded."""
    meant: dict[str, set[str]] = {}
    names = settlements[["settlement_id", "name", "name_local", "alternatives"]].astype("str").fillna("")
    for settlement_id, name, local, alternatives in names.itertuples(index=False):
        for spelling in (name, local, *alternatives.split("|")):
            if folded := fold(spelling):
                meant.setdefault(folded, set()).add(settlement_id)
    return Gazetteer(
        by_name={name: tuple(sorted(found)) for name, found in sorted(meant.items())},
        labels=dict(zip(names["settlement_id"], names["name"], strict=True)),
        districts=frozenset(settlements.loc[settlements["kind"] == "district", "settlement_id"]),
    )


def _without_village(folded: str) -> str:
    words = folded.split()
    kept = [word for place, word in enumerate(words) if not (word in _VILLAGE and place in (0, len(words) - 1))]
    return " ".join(kept or words)


def _numbers(folded: str) -> list[str]:
    return re.findall(r"\d+", folded)


def _quoted(name: str) -> str:
    """The name for a message; a long cell is free text and is not repeated."""
    return repr(name) if len(name) <= 60 else f"written here ({len(name)} letters)"
