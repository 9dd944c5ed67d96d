"""Names of places in five languages and two scripts -> the settlement meant, or a sentence why nobody can say."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from rapidfuzz.distance import OSA
from rapidfuzz.process import cdist

from tensionmap.errors import RawDataError
from tensionmap.ingest.sheets import unguarded

if TYPE_CHECKING:
    from pathlib import Path

    import geopandas as gpd

MARGIN = 1
"""A mended name counts only if every other place is more than so many slips farther away than the nearest."""
DOUBT = 10
"""Points taken off the score if the stated district could not be checked, or a wider area named after the place is meant."""
NOWHERE = "none"
"""What a person writes as settlement_id for 'not a place of this study'."""

MOST_SHOWN = 5
"""At most so many places stand in a sentence, and in a row of the sheet of questions."""

_SHORTEST_MENDED, _LONG = 5, 8
_AGREES, _UNKNOWN, _ELSEWHERE = range(3)

_DROPPED = re.compile("[\u02b0-\u02ff'`´‘’′‛№\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\u061c]")
"""Signs for hard and soft, the sign for a number, and characters that nobody sees."""
_CYRILLIC, _ROMAN = re.compile("[\u0400-\u04ff]"), re.compile("[A-Za-z]")
_ALIKE = dict(zip("ABCEHKMOPTXYaceikopxy", "АВСЕНКМОРТХУасеікорху", strict=True))
_AS_CYRILLIC = str.maketrans(_ALIKE)
_AS_ROMAN = str.maketrans({cyrillic: roman for roman, cyrillic in _ALIKE.items()})
_MARKED = str.maketrans({"ў": "o", "й": "y", "ə": "a", **dict.fromkeys("šşșŝ", "sh"), **dict.fromkeys("čçĉ", "ch"), "ž": "zh"})
_LATIN = str.maketrans(
    {
        **dict(zip("абвгдезиклмнопрстуфхэ", "abvgdeziklmnoprstufhe", strict=True)),
        **dict(zip("ғӷқӄҡҝҳһӽҷӌңӊөүұәіы", "ggkkkkhhhjjnnouuaiy", strict=True)),
        **{"ж": "zh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "sh", "ю": "yu", "я": "ya", "ъ": "", "ь": "", "ı": "i"},
    }
)
_SOUNDS = {
    **{"tsch": "ch", "tch": "ch", "shch": "sh", "sch": "sh", "dzh": "j", "zh": "j", "dj": "j", "kh": "h", "gh": "g", "ng": "n"},
    **{"q": "k", "x": "h", "w": "v", "iyo": "ie", "yyo": "ie", "iy": "i", "yy": "i", "ye": "e", "yo": "e", "y": "i"},
}
_SOUND_OF = re.compile("|".join(sorted(_SOUNDS, key=len, reverse=True)))


@lru_cache(maxsize=262_144)
def fold(text: str) -> str:
    """``text`` as it is spelt: one spelling for Cyrillic and Latin letters, for capitals, accents, hyphens and spaces.

    Tajik, Kyrgyz and Uzbek letters fall together with the letters that people type in their place, and the usual ways
    of transliteration with one another, so that Ворух, ВОРУХ and Vorukh are one name. Latin letters typed in a Cyrillic
    word because they look the same are read as Cyrillic. Folding twice changes nothing more.

    Notes
    -----
    Two different names can fold alike; whoever looks a name up must expect several answers.

    Examples
    --------
    >>> fold("Ак-Сай"), fold("Ak Say"), fold("ҶАМОАТ"), fold("Чоң-Алай"), fold("Chong-Alay")
    ('ak sai', 'ak sai', 'jamoat', 'chon alai', 'chon alai')
    """
    seen = _one_script(unicodedata.normalize("NFKC", _DROPPED.sub("", text)))
    bare = unicodedata.normalize("NFKD", seen.casefold().translate(_MARKED)).casefold()
    plain = "".join(letter for letter in bare if not unicodedata.combining(letter)).translate(_LATIN)
    while (sounds := _SOUND_OF.sub(lambda found: _SOUNDS[found[0]], plain)) != plain:
        plain = sounds
    return " ".join(re.findall(r"[^\W_]+", plain))


def _one_script(text: str) -> str:
    """``text`` with the letters of the other script that only look right in a word put into the script of the word."""
    if not (_CYRILLIC.search(text) and _ROMAN.search(text)):
        return text
    return re.sub(r"[^\W\d_]+", lambda word: _word_in_one_script(word[0]), text)


def _word_in_one_script(word: str) -> str:
    roman, cyrillic = _ROMAN.findall(word), _CYRILLIC.findall(word)
    is_roman_alike, is_cyrillic_alike = _ALIKE.keys() >= set(roman), set(_ALIKE.values()) >= set(cyrillic)
    if is_roman_alike and not (is_cyrillic_alike and len(roman) > len(cyrillic) > 0):
        return word.translate(_AS_CYRILLIC)
    return word.translate(_AS_ROMAN) if is_cyrillic_alike else word


_KINDS = {
    "village": (
        *("v", "vil", "village", "village of", "town", "city", "s", "selo", "posyolok", "gorod", "kishlak", "qishloq"),
        *("qishlogʻi", "deha", "dehai", "deh", "ail", "ayil", "aiyl", "ayili", "aiyly", "shahr", "shahri", "shaharcha"),
        *("shaharchasi", "mahalla", "mahallai", "mahallasi", "mahallya", "mfy", "с", "в с", "село", "села", "селе", "в селе"),
        *("д", "дер", "деревня", "п", "пос", "пгт", "поселок", "поселка", "г", "гор", "город", "города", "к", "киш", "кишлак"),
        *("кишлака", "қишлоқ", "қишлоғи", "дех", "деҳа", "деҳаи", "аил", "айыл", "айылы", "айылынын", "айылында", "шаҳр"),
        *("шаҳри", "шаҳрак", "шаҳраки", "ш", "шаары", "шаарчасы", "махалла", "маҳалла", "маҳаллаи", "маҳалласи", "мфй"),
    ),
    "area": (
        *("jamoat", "jamoati", "ҷамоат", "ҷамоати", "джамоат", "ҷамоати деҳоти", "ҷ д", "ayil okmotu", "aiyl okmotu"),
        *("aiyl aimagy", "ayil aymagi", "ayil aimak", "айыл өкмөтү", "аильный округ", "айыльный аймак", "айылный аймак"),
        *("айыл аймагы", "а о", "а а", "сельсовет", "с с", "сельский совет", "сельский округ", "сельская управа", "qfy"),
    ),
    "district": (
        *("district", "district of", "rayon", "raion", "raionu", "nohiya", "nohiyai", "tuman", "tumani", "район", "района"),
        *("районе", "району", "районунун", "районунда", "р н", "рн", "ноҳия", "ноҳияи", "туман", "тумани"),
    ),
}
_KIND_OF = {fold(word): kind for kind, words in _KINDS.items() for word in words}
"""Folded words around a name: for a village, for an area named after its village, and for a district, which is another place."""
_AROUND = "|".join(sorted(_KIND_OF, key=len, reverse=True))
_BEFORE, _AFTER = re.compile(f"({_AROUND}) (?=.)"), re.compile(f"(?<=.) ({_AROUND})$")
_NUMBERS = {"ii": "2", "iii": "3", "iv": "4", "vi": "6", "vii": "7", "viii": "8"}
_J_AS_I, _GLIDE, _DOUBLE = re.compile("(?<=[aeiou])j(?![aeiou])"), re.compile("i(?=[aou])"), re.compile(r"([^\W\d])\1+")
_VOWELS = str.maketrans("aui", "ooe")
_ADJECTIVES = ("insk", "ensk", "nsk", "isk", "usk", "sk", "k")


class Candidate(NamedTuple):
    """A settlement that a name may mean; score 0 to 100, district empty if unknown."""

    settlement_id: str
    name: str
    district: str
    score: float


class AmbiguousPlace(RawDataError):  # noqa: N818 - a question, not a fault
    """A name that may mean one of several places, or one elsewhere than stated: a question for a person."""

    def __init__(self, message: str, *, name: str, district: str, candidates: tuple[Candidate, ...]) -> None:
        super().__init__(message)
        self.name = name
        self.district = district
        self.candidates = candidates


@dataclass(frozen=True)
class Named:
    """The settlement that a name means; ``score`` 100: a spelling of the list; ``is_fuzzy``: the spelling was mended."""

    settlement_id: str
    score: float = 100.0
    is_fuzzy: bool = False


class _Asked(NamedTuple):
    """A folded name: whole, without the words around it, and the kind of place that these words say."""

    whole: str
    bare: str
    kind: str


def _asked(name: str) -> _Asked:
    folded, kinds = fold(name), set()
    whole = rest = folded
    while found := _BEFORE.match(rest) or _AFTER.search(rest):
        kinds.add(_KIND_OF[found[1]])
        rest = (rest[: found.start()] + rest[found.end() :]).strip()
    kind = next((kind for kind in ("district", "area", "village") if kind in kinds), "")
    return _Asked(_joined(whole), _joined(rest), kind)


def _key(text: str) -> str:
    return _joined(fold(text))


def _joined(folded: str) -> str:
    return "".join(_NUMBERS.get(word, word) for word in folded.split())


def _sound(key: str) -> str:
    """What speakers of the five languages hear alike in a folded name: a, o and u; e and i; double letters; j as in Ajni."""
    vowels = _GLIDE.sub("", _J_AS_I.sub("i", key)).translate(_VOWELS)
    return _DOUBLE.sub(r"\1", vowels)


class _Near(NamedTuple):
    slips: int
    is_allowed: bool


class _Names:
    """Folded names and who bears them, found by letter, by sound or within a few slips."""

    def __init__(self, borne: Mapping[str, set[str]]) -> None:
        self._owners = {key: tuple(sorted(owners)) for key, owners in borne.items() if key}
        keys = sorted(self._owners, key=lambda key: (len(key), key))
        self._keys = np.array(keys, dtype=object)
        self._lengths = np.array([len(key) for key in keys], dtype=np.int64)
        self._letters = np.array([_letters(key) for key in keys], dtype=np.uint64)
        self._by_sound: dict[str, list[str]] = {}
        for key in keys:
            self._by_sound.setdefault(_sound(key), []).append(key)

    def equal(self, key: str) -> tuple[str, ...]:
        return self._owners.get(key, ())

    def near(self, key: str) -> dict[str, _Near]:
        """Who bears a name that is near ``key`` but not equal, as far as the margin of a mended name reaches."""
        found: dict[str, _Near] = {}
        if not (most := _slips(key)):
            return found
        for other, slips in self._within(key, most + MARGIN):
            near = _Near(slips, slips <= min(most, _slips(other)))
            for owner in self._owners[other]:
                found[owner] = min(found.get(owner, near), near, key=lambda one: (not one.is_allowed, one.slips))
        return found

    def _within(self, key: str, reach: int) -> Iterator[tuple[str, int]]:
        """Names that sound alike, and names at most ``reach`` slips away; numbers are never mended.

        A slip changes at most two of the letters that occur, so most names are passed over without a closer look.
        """
        sounding = set(self._by_sound.get(_sound(key), ()))
        first, last = np.searchsorted(self._lengths, [len(key) - reach, len(key) + reach + 1])
        differing = np.bitwise_count(self._letters[first:last] ^ np.uint64(_letters(key)))
        likely = self._keys[first:last][differing <= 2 * reach].tolist()
        slips = cdist([key], likely, scorer=OSA.distance, score_cutoff=reach, dtype=np.uint8)[0].tolist() if likely else []
        distances = {other: far for other, far in zip(likely, slips, strict=True) if far <= reach}
        distances |= dict.fromkeys(sounding, 1)
        yield from ((other, far) for other, far in distances.items() if _digits(other) == _digits(key) and other != key)


def _letters(key: str) -> int:
    """One bit for each letter that occurs."""
    bits = 0
    for letter in key:
        bits |= 1 << (ord(letter) % 64)
    return bits


def _slips(key: str) -> int:
    """How many slips are mended: none in a short name, one, or two in a long name."""
    return (len(key) >= _SHORTEST_MENDED) + (len(key) >= _LONG)


def _digits(key: str) -> list[str]:
    return re.findall(r"\d+", key)


@dataclass(frozen=True)
class Decision:
    """What a person decided about a name: the settlement meant, or nothing for 'not a place of this study'."""

    settlement_id: str | None
    row: int


@dataclass(frozen=True)
class Decisions:
    """The decisions of one file, by folded name and folded district."""

    file: str
    by_place: Mapping[tuple[str, str], Decision]


class _Districts:
    """Names of districts, with or without the word for 'district', and as adjectives: Баткен, Баткенский район."""

    def __init__(self, borne: Mapping[str, set[str]]) -> None:
        self._names = _Names(borne)

    def named(self, asked: _Asked) -> tuple[str, ...]:
        """The districts of this name, nothing mended."""
        equal = self._names.equal(asked.whole) or self._names.equal(asked.bare)
        return equal or tuple(sorted({one for noun in _nouns(asked.bare) for one in self._names.equal(noun)}))

    def meant(self, text: str) -> frozenset[str]:
        """The districts that ``text`` means, a slip mended if only one is near; nothing if nobody can say."""
        asked = _asked(text)
        if found := self.named(asked):
            return frozenset(found)
        near = _nearest(self._names.near(asked.bare))
        return frozenset(near if len(near) == 1 else ())


def _nouns(key: str) -> Iterator[str]:
    """What a Russian adjective in -ский can be made of: Ат-Башынский of Ат-Башы, Исфаринский of Исфара."""
    stem = re.sub("(i|ogo|om|omu)$", "", key)
    for end in _ADJECTIVES:
        if stem.endswith(end):
            yield from (stem.removesuffix(end) + vowel for vowel in ("", "a", "i", "o"))


def _nearest(near: Mapping[str, _Near]) -> tuple[str, ...]:
    """Who bears the nearest name that may be taken, and everybody within the margin if it had to be mended."""
    least = min((one.slips for one in near.values() if one.is_allowed), default=-1)
    margin = MARGIN if least > 0 else 0
    return tuple(sorted(owner for owner, one in near.items() if one.slips <= least + margin))


class _Place(NamedTuple):
    """A settlement: its name, that of its district, and the districts it is known to lie in; a district lies in itself."""

    name: str
    district: str
    lies_in: frozenset[str]
    is_district: bool


@dataclass(frozen=True)
class Gazetteer:
    """Settlements by every spelling of their names, and what a person decided about names. Made by `read_gazetteer`."""

    places: Mapping[str, _Place]
    names: _Names
    districts: _Districts
    decisions: Decisions

    def find(self, name: str, district: str = "") -> Named:
        """The settlement that ``name`` means, in ``district`` if one is stated.

        A person's decision comes before anything else. Then a spelling of the list, with or without words for 'village'
        around it. Otherwise a spelling that sounds alike, or one slip away (names of 5 to 7 letters) or two (longer names):
        a letter wrong, missing, too many, or two exchanged; and only if every other place is more than ``MARGIN`` slips
        farther away. Shorter names, and names that differ in a number, are never mended. Population never decides.

        Returns
        -------
        Named
            ``score`` 100 for a spelling of the list and for a decision; the share of letters that agree, in percent, for one
            that was mended; ``DOUBT`` less if nobody knows in which district the settlement lies though one is stated, and
            if the words around the name say a wider area (jamoat, ayil okmotu).

        Raises
        ------
        AmbiguousPlace
            If more than one settlement may be meant, or only one that lies outside the stated district.
        RawDataError
            If no settlement is meant, or a person decided that the name is no place of this study. The first line says
            what is wrong, the second what to do.
        """
        if decision := self.decisions.by_place.get((_key(name), _key(district))):
            return self._decided(name, decision)
        asked = _asked(name)
        stated = self.districts.meant(district) if fold(district) else None
        meant, near = self._meant(asked, stated)
        if not meant:
            raise RawDataError(
                f"The place {_quoted(name)} is not in the list of settlements.\n"
                "Correct the name, or add the settlement or this spelling to the settlements file, or give coordinates."
            )
        scores = {one: self._score(asked, near[one].slips, self._agreement(one, stated)) for one in meant}
        only = meant[0]
        if len(meant) > 1 or self._agreement(only, stated) == _ELSEWHERE:
            raise self._question(name, district, scores)
        return Named(only, scores[only], is_fuzzy=near[only].slips > 0)

    def _meant(self, asked: _Asked, stated: frozenset[str] | None) -> tuple[tuple[str, ...], Mapping[str, _Near]]:
        """The settlements that may be meant, and how near everybody's name is.

        A spelling of the list in the stated district settles it. Otherwise no spelling of the list is passed over, wherever
        it is, and no place of which nobody knows the district.
        """
        exact = dict.fromkeys(self._exact(asked), _Near(0, is_allowed=True))
        if agreeing := tuple(one for one in exact if self._agreement(one, stated) == _AGREES):
            return agreeing, exact
        near = {**self._of_kind(asked, self.names.near(asked.bare)), **exact}
        pools: dict[int, dict[str, _Near]] = {_AGREES: {}, _UNKNOWN: {}, _ELSEWHERE: {}}
        for one, far in near.items():
            pools[self._agreement(one, stated)][one] = far
        inside = _nearest(pools[_AGREES])
        may_be = _nearest(pools[_AGREES] | pools[_UNKNOWN])
        return tuple(sorted({*inside, *(may_be or _nearest(pools[_ELSEWHERE])), *exact})), near

    def _exact(self, asked: _Asked) -> tuple[str, ...]:
        if found := self.names.equal(asked.whole):
            return found
        if asked.kind == "district":
            return tuple(one for one in self.districts.named(asked) if one in self.places)
        return tuple(self._of_kind(asked, dict.fromkeys(self.names.equal(asked.bare), _Near(0, is_allowed=True))))

    def _of_kind(self, asked: _Asked, near: Mapping[str, _Near]) -> dict[str, _Near]:
        """Those of the kind that the words around the name say: a village is no district, and a district no village."""
        is_district = asked.kind == "district"
        return {one: far for one, far in near.items() if not asked.kind or self.places[one].is_district == is_district}

    def _agreement(self, settlement_id: str, stated: frozenset[str] | None) -> int:
        lies_in = self.places[settlement_id].lies_in
        if stated is None or lies_in & stated:
            return _AGREES
        return _ELSEWHERE if lies_in else _UNKNOWN

    def _score(self, asked: _Asked, slips: int, agreement: int) -> float:
        is_wider = asked.kind == "area" and not self.names.equal(asked.whole)
        share = round(100 * (1 - slips / max(len(asked.bare), 1)))
        return float(max(share - DOUBT * ((agreement != _AGREES) + is_wider), 0))

    def _decided(self, name: str, decision: Decision) -> Named:
        if decision.settlement_id is None:
            raise RawDataError(
                f"The place {_quoted(name)} is not a place of this study: so it was decided.\n"
                f"Nothing needs doing; if this is wrong, change row {decision.row} of {self.decisions.file}."
            )
        return Named(decision.settlement_id)

    def _question(self, name: str, district: str, scores: Mapping[str, float]) -> AmbiguousPlace:
        order = sorted(scores, key=lambda one: (-scores[one], one))
        candidates = tuple(Candidate(one, self.places[one].name, self.places[one].district, scores[one]) for one in order)
        told = [f"{one.name} ({one.settlement_id}{', ' + one.district if one.district else ''})" for one in candidates]
        if len(told) == 1:
            reason = f"The place {_quoted(name)} is not known in the district {_quoted(district)}, but elsewhere: {told[0]}."
            advice = "Correct the place or the district, or decide it in the sheet of questions."
        else:
            more = f" or {len(told) - MOST_SHOWN} more" if len(told) > MOST_SHOWN else ""
            reason = f"The place {_quoted(name)} can mean {' or '.join(told[:MOST_SHOWN])}{more}."
            advice = "Name the place or its district so that only one is meant, or decide it in the sheet of questions."
        return AmbiguousPlace(f"{reason}\n{advice}", name=name, district=district, candidates=candidates)


def read_gazetteer(settlements: gpd.GeoDataFrame, decisions: Decisions | None = None) -> Gazetteer:
    """Every name, local name and alternative spelling in ``settlements`` (table SETTLEMENTS), folded, and the decisions.

    Raises
    ------
    RawDataError
        If a decision names a settlement that is not in the table.
    """
    columns = ["settlement_id", "name", "name_local", "alternatives", "district"]
    texts = pd.DataFrame(settlements).reindex(columns=columns).astype("str").fillna("")
    rows = list(texts.itertuples(index=False, name=None))
    is_district = dict(zip(texts["settlement_id"], settlements["kind"] == "district", strict=True))
    names: dict[str, set[str]] = {}
    of_districts: dict[str, set[str]] = {}
    for one, name, local, alternatives, _ in rows:
        for asked in map(_asked, {name, local, *alternatives.split("|")}):
            names.setdefault(asked.whole, set()).add(one)
            if is_district[one]:
                of_districts.setdefault(asked.bare if asked.kind == "district" else asked.whole, set()).add(one)
            elif len(asked.bare) >= _SHORTEST_MENDED:
                names.setdefault(asked.bare, set()).add(one)
    districts, lies_in = _districts(of_districts, set(texts["district"]))
    places = {
        one: _Place(name, district, lies_in[district] | ({one} if is_district[one] else set()), is_district[one])
        for one, name, _, _, district in rows
    }
    return Gazetteer(places, _Names(names), districts, _checked(decisions or Decisions("", {}), places))


def _districts(borne: Mapping[str, set[str]], texts: set[str]) -> tuple[_Districts, dict[str, frozenset[str]]]:
    """The districts by name, and those that each of ``texts`` means: of the table, or else one known by this text alone."""
    listed = _Districts(borne)
    meant = {text: frozenset(listed.named(_asked(text))) for text in texts if fold(text)}
    unlisted = {text: f"{_asked(text).bare} " for text, found in meant.items() if not found}
    known = {**borne, **{one.strip(): {one} for one in unlisted.values()}}
    alone = {text: frozenset({one}) for text, one in unlisted.items()}
    return _Districts(known), {**dict.fromkeys(texts, frozenset[str]()), **meant, **alone}


def _checked(decisions: Decisions, places: Mapping[str, _Place]) -> Decisions:
    """``decisions`` with the settlements as the list of settlements writes them."""
    unknown = [one for one in decisions.by_place.values() if one.settlement_id is not None and one.settlement_id not in places]
    if unknown:
        faults = [f"Row {one.row}: {_quoted(str(one.settlement_id))}" for one in sorted(unknown, key=lambda one: one.row)]
        raise RawDataError.gather(
            f"{decisions.file} names settlements that are not in the list of settlements. "
            f"Copy it from candidate_1_id and so on (a spreadsheet takes zeros in front away), or write {NOWHERE}:",
            faults,
        )
    return decisions


def read_decisions(path: Path) -> Decisions:
    """What a person wrote into the sheet of questions: columns name, district, settlement_id and note; more do no harm.

    Rows without settlement_id are not decided yet. ``none`` stands for 'not a place of this study'.

    Parameters
    ----------
    path
        A csv in UTF-8, with semicolons or commas, as a spreadsheet saves it.

    Raises
    ------
    RawDataError
        If the file cannot be read, a column is missing, a row has no name, or two rows decide differently on one name.
    """
    known: dict[tuple[str, str], Decision] = {}
    faults = []
    for number, row in _sheet_rows(path):
        decided = row.get("settlement_id", "").strip()
        if not decided:
            continue
        place = _key(row.get("name", "")), _key(row.get("district", ""))
        decision = Decision(None if decided.casefold() == NOWHERE else unguarded(decided), number)
        earlier = known.setdefault(place, decision)
        if not place[0]:
            faults.append(f"Row {number} decides, but has no name. Write the name as in the reports, or delete the row.")
        elif earlier.settlement_id != decision.settlement_id:
            faults.append(f"Rows {earlier.row} and {number} decide differently on one name. Keep one of them.")
    if faults:
        raise RawDataError.gather(f"{path.name} cannot be used:", faults)
    return Decisions(path.name, known)


def _sheet_rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """The rows of a csv by header, numbered as a spreadsheet does."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
        first = text.partition("\n")[0]
        separator = ";" if first.count(";") > first.count(",") else ","
        cells = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RawDataError(f"{path.name} cannot be read. Save it in the spreadsheet as 'CSV UTF-8'.") from error
    header = [cell.strip().casefold() for cell in cells[0]] if cells else []
    if missing := [column for column in ("name", "settlement_id") if column not in header]:
        raise RawDataError(
            f"{path.name} has no column {' and no column '.join(missing)}. "
            "Its first line must name the columns as the sheet of questions does: name, district, settlement_id, note."
        )
    return [(number, dict(zip(header, row, strict=False))) for number, row in enumerate(cells[1:], start=2) if any(row)]


def questions(asked: Iterable[AmbiguousPlace], times: Mapping[tuple[str, str], int]) -> pd.DataFrame:
    """The sheet in which a person decides what names mean: a row for each name and district, the most frequent first.

    Parameters
    ----------
    asked
        The questions, in any order; those that fold alike are one question.
    times
        Name and district as written -> how many reports write them so.

    Returns
    -------
    pandas.DataFrame
        All text: name and district as most reports write them, times_seen, candidates (how many), candidate_1_id, _name,
        _district, _score and so on for the best ``MOST_SHOWN``, and settlement_id and note, empty, to be filled in.
    """
    alike: dict[tuple[str, str], dict[tuple[str, str], AmbiguousPlace]] = {}
    for one in asked:
        alike.setdefault((_key(one.name), _key(one.district)), {})[one.name, one.district] = one
    rows = []
    for written in alike.values():
        usual = min(written, key=lambda place: (-times.get(place, 0), place))
        rows.append((sum(times.get(place, 0) for place in written), written[usual]))
    rows.sort(key=lambda row: (-row[0], row[1].name, row[1].district))
    shown = min(MOST_SHOWN, max((len(one.candidates) for _, one in rows), default=0))
    parts = [f"candidate_{number}_{part}" for number in range(1, shown + 1) for part in ("id", "name", "district", "score")]
    header = ["name", "district", "times_seen", "candidates", *parts, "settlement_id", "note"]
    cells = [[one.name, one.district, f"{seen}", f"{len(one.candidates)}", *_shown(one, shown), "", ""] for seen, one in rows]
    return pd.DataFrame(cells, columns=header, dtype="str")


def _shown(question: AmbiguousPlace, most: int) -> list[str]:
    cells = [cell for *texts, score in question.candidates[:most] for cell in (*texts, f"{score:.0f}")]
    return cells + [""] * (4 * most - len(cells))


def _quoted(text: str) -> str:
    """A cell for a message; a long cell is free text and is not repeated."""
    return repr(text) if len(text) <= 60 else f"written here ({len(text)} letters)"
