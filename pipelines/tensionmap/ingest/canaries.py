"""Names, phones, number plates and the like in the free text of reports: what the audit searches every output for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tensionmap.ingest.places import fold

KINDS = ("email", "id_number", "link", "name", "phone", "plate")
COLUMNS = ["incident_id", "kind", "text", "folded"]

PLATES = {
    "Kyrgyzstan": ("99 999 AAA", "99 999 AA", "99 9999 A", "A 9999 AA", "A 9999 A"),
    "Russia": ("A 999 AA 99", "A 999 AA 999"),
    "Soviet Union": ("A 99-99 AA",),
    "Tajikistan": ("9999 AA 99", "999 AA 99", "AA 9999 99", "A 9999 99"),
    "Uzbekistan": ("99 A 999 AA", "99 999 AAA", "99 A 9999", "99 A 999999"),
}
"""Number plates: 9 a digit, A a letter of either script. Old series are still on the road.

https://en.wikipedia.org/wiki/Vehicle_registration_plates_of_Kyrgyzstan (1994 and 2015),
https://de.wikipedia.org/wiki/Kfz-Kennzeichen_(Usbekistan) (before 2008, since; foreigners), for Tajikistan
https://de.wikipedia.org/wiki/Kfz-Kennzeichen_(Tadschikistan) (СТ ҶТ 1020-2013), GOST 3207-77, GOST R 50577.
"""

_LOOK_ALIKE = str.maketrans("АВЕКМНОРСТУХ", "ABEKMHOPCTYX")
_CAPITAL = "[" + "".join(letter for letter in map(chr, range(0x1F00)) if letter.isupper()) + "]"


def _as_pattern(plate: str) -> str:
    """A plate with spaces, hyphens or nothing between its parts, and the sign of the country after the first."""
    parts = [re.sub("A+", lambda run: f"{_CAPITAL}{{{len(run[0])}}}", re.sub("9", r"\\d", part)) for part in plate.split()]
    return rf"{parts[0]}[ \xa0-]?(?:(?:KG|UZ|TJ|КГ)[ \xa0-]?)?" + "[ \xa0-]?".join(parts[1:])


# Small letters only where nothing stands between the parts: "15 500 сом" is money.
_PLATE = re.compile(
    r"(?<![\w-])(?:" + "|".join(_as_pattern(plate) for plates in PLATES.values() for plate in plates) + r")(?![\w])"
    r"|(?<!\w)(?:\d\d(?:kg|кг)?\d{3}[^\W\d_]{3}|\d{4}[^\W\d_]{2}\d\d|\d\d[^\W\d_]\d{3}[^\W\d_]{2}|[^\W\d_]\d{3}[^\W\d_]{2}\d{2,3})(?!\w)"
)

_PHONE = re.compile(r"(?<![\w.,+])(?:\+|00)?\(?\d(?:[ \xa0()./–—‐-]{0,3}\d){4,15}(?!\w)")
_CALLED = re.compile(
    r"(?:тел|моб|сот|номер|звон|раҷ|рақам|phone|tel|call|mob|raqam|whatsapp|ватсап|вотсап)\w*[.:№#;\s\"]*$", re.IGNORECASE
)
_DATE = re.compile(
    r"(?<!\d)(?:\d{1,2}[./-]\d{1,2}[./-](?:19|20)\d\d|(?:19|20)\d\d[./-]\d{1,2}[./-]\d{1,2}|\d\d\.\d\d\.\d\d)(?!\d)"
)
_DECIMAL = re.compile(r"(?<!\d)\d{1,3}\.\d{4,}")

# Passports of the region: one or two letters and seven or eight digits, of Russia four and six; personal numbers: 14 digits.
_ID = re.compile(r"(?<![\w-])(?P<id>[A-ZА-ЯЁ]{1,2}[ \xa0]?№?[ \xa0]?\d{7,8}|\d{14}|\d\d[ \xa0]?\d\d[ \xa0]№?[ \xa0]?\d{6})(?!\w)")
_ID_CALLED = re.compile(
    r"(?:паспорт|шиноснома|удостоверени|свидетельств|passport|pasport|\b(?:инн|пин|рма|inn|pinfl|жшшир)\b)\w*[ \xa0.:№#]*"
    r"(?P<id>(?:[^\W\d_]{1,2}[ \xa0-]?)?\d[\d \xa0-]{4,15}\d)",
    re.IGNORECASE,
)

_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_ADDRESS = re.compile(
    r"(?:https?://|www\.)[^\s<>\"«»]+"
    r"|(?:t\.me|wa\.me|vk\.com|ok\.ru|instagram\.com|facebook\.com|fb\.com|tiktok\.com|youtube\.com)/[^\s<>\"«»]+"
    r"|(?<![\w.@/])@[A-Za-z][\w.]{3,}",
    re.IGNORECASE,
)

_INNER = "'’‘ʻʼ`-"
_WORD = rf"{_CAPITAL}(?:[\w{_INNER}]{{0,60}}\w)?"
_INITIAL = rf"{_CAPITAL}\."
_SON_OF = r"(?i:уулу|кызы|оглы|огли|угли|ўғли|қизи|кизи|uulu|kyzy|qizi|kizi|ogli|o[ʻʼ'’‘`]g[ʻʼ'’‘`]li|зода|zoda)\b"
_PART = re.compile(rf"{_INITIAL}|{_WORD}|{_SON_OF}")
_ROW = re.compile(rf"(?<!\w)(?:{_INITIAL}|{_WORD})(?:[ \xa0]{{0,2}}{_INITIAL}|(?:[ \xa0]{{1,2}}|(?<=\.))(?:{_WORD}|{_SON_OF}))*")
_SENTENCE_END = re.compile(r"[.!?…\n\r;][\s\"'«»“”„()\[\]–—•*-]*$")

_PATRONYMIC = re.compile(
    rf"(?<!\w)[\w{_INNER}]{{2,60}}(?:[оеё]вич|[оеё]вна|ovich|[ey]vich|ovna|[ey]vna|зода|zoda)(?!\w)", re.IGNORECASE
)
_IS_NAME_LIKE = re.compile(
    rf"[\w{_INNER}]{{2,60}}(?:[оеё]в(?:а|у|ым|ом|е|ой|ы|и|ых|ыми)?|[сц]к(?:ий|ая|ого|ой|ому)|[оеё]вич(?:а|у|ем|е)?|[оеё]вн(?:а|ы|е|у|ой)|"
    r"енко|зода|зодаи|заде|зод|бек|бай|бой|хон|хан|жон|ҷон|джон|гул|гүл|бону|улло[ҳх]?|иддин|уулу|кызы|"
    r"ova?|[ey]va?|[st]sk(?:iy|y|aya|ii)|ovich|[ey]vich|ovna|[ey]vna|zoda|zade|zod|bek|bay|bo[iy]|xon|khon|khan|jon|dzhon|gul|gül|"
    r"bonu|ulloh?|iddin|uulu|kyzy)",
    re.IGNORECASE,
)

_NO_NAMES = frozenset(
    fold(
        """
    январь января февраль февраля март марта апрель апреля май мая июнь июня июль июля август августа сентябрь сентября
    октябрь октября ноябрь ноября декабрь декабря январ феврал апрел июн июл сентябр октябр ноябр декабр
    yanvar fevral mart aprel may iyun iyul avgust sentabr sentyabr oktabr oktyabr noyabr dekabr
    january february march april june july august september october november december
    понедельник вторник среда четверг пятница суббота воскресенье душанбе сешанбе чоршанбе панҷшанбе ҷумъа шанбе якшанбе
    дүйшөмбү шейшемби шаршемби бейшемби жума ишемби жекшемби dushanba seshanba chorshanba payshanba juma shanba yakshanba
    monday tuesday wednesday thursday friday saturday sunday
    таджикистан тоҷикистон tajikistan tojikiston кыргызстан киргизия қирғизистон kyrgyzstan qirgʻiziston узбекистан ӯзбекистон
    oʻzbekiston uzbekistan россия русия russia tajik tajiks kyrgyz uzbek uzbeks russian
    заявитель заявительница свидетель потерпевший потерпевшая гражданин гражданка житель жительница сосед соседка обратился
    обратилась участковый водитель пастух чабан подозреваемый милиция полиция село район область
    сокин шоҳид шаҳрванд ҳамсоя ҳамсояҳо ҷабрдида милитсия деҳа ноҳия вилоят ҷамоат
    күбө тургун жашоочу кошуна айыл өкмөтү аксакалдар guvoh fuqaro qoʻshni jabrlanuvchi mahalla tuman viloyat
    witness neighbour neighbor resident driver shepherd complainant victim police elders village district told
    снова слова слово основа основы корова коровы коров корову голова головы готов готова готовы здоров дрова новый новая
    половина остров кров кровь хлев хлева сказал
        """
    ).split()
)
"""Folded words with a capital that name nobody: months, days, countries, what somebody is, words that end like a surname."""

Found = tuple[str, str, str]
"""Kind, text and folded text."""


def find_canaries(private_text: pd.DataFrame, *, not_names: Iterable[str]) -> pd.DataFrame:
    """Every name, phone, number plate, e-mail address, number of a document and link in the free text, once per report.

    Parameters
    ----------
    private_text
        Table PRIVATE_TEXT: ``incident_id`` and ``text_private``.
    not_names
        What a public output may name and is no person: settlements in every spelling, the parties. Words of it, also with an
        ending of one to three letters, are no names, unless they end as a surname does.

    Returns
    -------
    DataFrame
        Text columns ``incident_id``, ``kind`` (one of ``KINDS``), ``text`` as it stands in the report, and ``folded``: the
        digits of a phone, a plate or the number of a document in Latin capitals and digits, a name as
        `tensionmap.ingest.places.fold` writes it, else small letters. Distinct, sorted by these columns.

    Notes
    -----
    Rather too much than too little, for what is found is only searched for in outputs. A name is: two or more words with a
    capital, or initials, in a row; one word with a capital within a sentence; and one at the beginning of a sentence, if it
    ends as surnames, patronymics and given names of the region do, as a word in capitals must everywhere. Names of several
    words stand there whole and by word. Words of fewer than four letters, and ``not_names``, months, days, countries and words
    such as 'neighbour', are left out.

    *What it does not show.* A surname or first name in small letters, a first name alone at the beginning of a sentence, a
    nickname, an address, a description of a person: a text without canaries is not anonymous.

    Examples
    --------
    >>> texts = pd.DataFrame({"incident_id": ["1"], "text_private": ["Со слов Ормадвина Илгарова, тел. +000 11 222 33 44"]})
    >>> find_canaries(texts, not_names=["Навқарун"])[["kind", "folded"]].values.tolist()
    [['name', 'ilgarova'], ['name', 'ormadvina'], ['name', 'ormadvina ilgarova'], ['phone', '000112223344']]
    """
    number, distinct = pd.factorize(private_text["text_private"])
    found = pd.DataFrame(
        _in_all(pa.array(distinct.tolist(), type=pa.large_string()), _stems(not_names)), columns=["at", *COLUMNS[1:]]
    )
    told = pd.DataFrame({"incident_id": private_text["incident_id"].to_numpy(), "at": number}).merge(
        found.drop_duplicates(), on="at"
    )
    return told[COLUMNS].astype("str").sort_values(COLUMNS, ignore_index=True)


def _in_all(texts: pa.Array, places: frozenset[str]) -> Iterator[tuple[int, str, str, str]]:
    """The number of a text and what is in it. A text that cannot hold a kind is not searched for it."""
    searches: tuple[tuple[str, Callable[[str], Iterator[Found]]], ...] = (
        (r"\d.*\d.*\d", _numbers),
        (r"@|/|(?i:www\.)", _addresses),
        (r"\p{Lu}|(?i:ович|евич|овна|евна|ovich|vich|ovna|vna|зода|zoda)", partial(_names, _known_names(places))),
    )
    for needle, search in searches:
        at = pc.indices_nonzero(pc.match_substring_regex(texts, needle))
        for number, text in zip(at.to_pylist(), texts.take(at).to_pylist(), strict=True):
            for found in search(text):
                yield (number, *found)


def _numbers(text: str) -> Iterator[Found]:
    for match in _PLATE.finditer(text):
        yield "plate", match[0], _mark(match[0])
    for pattern in (_ID, _ID_CALLED):
        for match in pattern.finditer(text):
            yield "id_number", match["id"], _mark(match["id"])
    for match in _PHONE.finditer(text):
        digits = re.sub(r"\D", "", match[0]).removeprefix("00" if match[0].startswith("00") else "")
        is_called = bool(_CALLED.search(text, max(match.start() - 24, 0), match.start()))
        if _is_phone(match[0], digits, is_called=is_called):
            yield "phone", match[0], digits


def _is_phone(text: str, digits: str, *, is_called: bool) -> bool:
    """Whether digits are a telephone number: by a word before them, a plus or their count, unless they are a date or degrees."""
    if _DATE.search(text) or _DECIMAL.search(text):
        return False
    if is_called:
        return True
    if text.startswith(("+", "00")):
        return len(digits) >= 9
    return 9 <= len(digits) <= 12 or bool(re.fullmatch(r"\d{3}[ -]\d\d[ -]\d\d", text))


def _mark(text: str) -> str:
    """A plate or number of a document, the same in both scripts."""
    return re.sub(r"[\W_№]", "", text.upper()).translate(_LOOK_ALIKE)


def _addresses(text: str) -> Iterator[Found]:
    for match in _EMAIL.finditer(text):
        yield "email", match[0], match[0].casefold()
    for match in _ADDRESS.finditer(text):
        written = match[0].rstrip(".,;:!?)]}'’»")
        yield "link", written, re.sub(r"^(?:https?://)?(?:www\.)?", "", written.casefold())


def _names(can_name: Callable[[str], bool], text: str) -> Iterator[Found]:
    for match in _PATRONYMIC.finditer(text):
        yield "name", match[0], fold(match[0])
    for match in _ROW.finditer(text):
        row = [part for part in _PART.findall(match[0]) if part.endswith(".") or can_name(part)]
        words = [part for part in row if len(part) > 3 and not part.endswith(".")]
        begins = match.start() == 0 or bool(_SENTENCE_END.search(text[max(match.start() - 12, 0) : match.start()]))
        doubtful = begins and bool(words) and row[0] == words[0] and not _IS_NAME_LIKE.fullmatch(words[0])
        if doubtful and len(row) == 1:
            continue
        # "Met Ormadvin Ilgharov": the first word may be of the name or not, so both are searched for.
        for names in (row, row[1:] if doubtful else []):
            if words and len(names) > 1:
                yield "name", " ".join(names), fold(" ".join(names))
        for word in words:
            yield "name", word, fold(word)


def _stems(not_names: Iterable[str]) -> frozenset[str]:
    """The words of ``not_names`` folded, and without their last vowel, since in a sentence a name has other endings."""
    words = {word for name in not_names if isinstance(name, str) for word in fold(name).split() if len(word) > 3}
    return frozenset(words | {word[:-1] for word in words if len(word) > 4 and word[-1] in "aeiou"})


def _known_names(places: frozenset[str]) -> Callable[[str], bool]:
    """Whether a word with a capital can be a name; each distinct word is looked at once."""

    @lru_cache(maxsize=1_000_000)
    def can_name(word: str) -> bool:
        folded = fold(word)
        if folded in _NO_NAMES or folded in places:
            return False
        if _IS_NAME_LIKE.fullmatch(word):
            return True
        is_known = folded[:-1] in _NO_NAMES or any(folded[:-cut] in places for cut in (1, 2, 3))
        return not is_known and (len(word) == 1 or not word.isupper())

    return can_name
