"""The settlements of the valley: names in two scripts, other spellings, side, place and residents."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

# The letters of Tajik and Kyrgyz that cp1251 and most police computers do not have, and what is written instead.
PLAIN_LETTERS = {
    "ҷ": "дж", "ҳ": "х", "қ": "к", "ғ": "г", "ӣ": "и", "ӯ": "у", "ң": "н", "ө": "о", "ү": "у", "Ҷ": "Дж", "Ҳ": "Х", "Қ": "К",
    "Ғ": "Г", "Ӯ": "У", "Ө": "О", "Ү": "У",
}  # fmt: skip


@dataclass(frozen=True)
class Settlement:
    """A village, a town, or a district that a report can name; ``east_km`` and ``north_km`` from the valley's corner."""

    settlement_id: str
    name: str
    name_local: str
    kind: str
    side: str
    east_km: float
    north_km: float
    residents: int | None
    precision_m: float
    district: str
    own_spellings: tuple[str, ...] = ()
    """Spellings that no other settlement shares; empty if its name is its own."""

    @property
    def alternatives(self) -> tuple[str, ...]:
        """Other spellings: without the letters that keyboards lack, and as the neighbours write it."""
        found = [*self.own_spellings, plain_latin(self.name), plain_cyrillic(self.name_local)]
        for letters, written in (("gh", "g'"), ("q", "k"), ("j", "dzh"), ("h", "kh"), ("kh", "x")):
            if letters in self.name.lower() and not (letters == "h" and _has_digraph(self.name)):
                found.append(plain_latin(self.name).lower().replace(letters, written).capitalize())
                break
        return tuple(dict.fromkeys(s for s in found if s not in (self.name, self.name_local)))


def _has_digraph(name: str) -> bool:
    return any(pair in name.lower() for pair in ("gh", "sh", "ch", "zh", "kh"))


def plain_cyrillic(text: str) -> str:
    """``text`` in the letters of Russian, as a cp1251 file holds it."""
    return "".join(PLAIN_LETTERS.get(letter, letter) for letter in text)


def plain_latin(text: str) -> str:
    """``text`` without dots and bars over its letters."""
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


# name | local | kind | east_km | north_km | residents | district | own spellings
_NORVIA = """
Navqarun    | Навқарун   | town    |  8.0 | 15.5 | 6800 | 1
Lojvarun    | Лоҷварун   | town    | 14.5 | 18.5 | 5100 | 2
Hovarjin    | Ҳоварҷин   | village |  4.0 | 12.9 | 1450 | 1
Sumgharob   | Сумғароб   | village | 11.2 | 13.0 | 2100 | 1
Jilvanak    | Ҷилванак   | village | 16.5 | 12.0 | 1650 | 3
Quzdara     | Қуздара    | village | 18.2 |  9.2 | 1180 | 3
Tirvoghon   | Тирвоғон   | village | 19.4 | 15.1 | 1320 | 2
Orjumin     | Орҷумин    | village |  4.8 | 18.6 |  980 | 1
Pushtivar   | Пуштивар   | village | 10.4 | 20.1 | 1730 | 2
Ghalvoni    | Ғалвонӣ    | village |  3.1 |  8.2 |  640 | 3
Zirhasht    | Зирҳашт    | village |  8.3 |  9.6 | 1210 | 3
Murghovan   | Мурғован   | village |  6.2 |  5.1 |  720 | 3
Chavqandak  | Чавқандак  | village | 10.9 |  5.4 |  890 | 3
Shahdovir   | Шаҳдовир   | village | 16.5 |  6.6 | 1540 | 3
Bolnavesh   | Болнавеш   | village | 17.1 | 21.4 | 1390 | 2
Qashvorud   | Қашворуд   | village | 18.0 | 25.6 | 1120 | 2
Dahvashin   | Даҳвашин   | village | 11.8 | 24.6 | 1010 | 2
Rezghona    | Резғона    | village |  7.4 | 23.0 |  760 | 1
Samvuhi     | Самвӯҳӣ    | village |  3.6 | 22.4 |  540 | 1
Fushqin     | Фушқин     | village | 15.0 | 27.6 |  830 | 2
Gulvaron    | Гулварон   | village |  1.8 | 16.2 |  690 | 1 | Gulvaroni Bolo, Гулварони Боло, Upper Gulvaron
Gulvaron    | Гулварон   | village | 13.3 |  3.0 |  610 | 3 | Gulvaroni Poyon, Гулварони Поён, Lower Gulvaron
Virquhan    | Вирқуҳан   | village |  9.6 | 27.5 |  470 | 2
Oshmaghun   | Ошмағун    | village | 28.6 | 18.4 | 1060 | 2
Taqovin     | Тақовин    | village | 30.6 |  6.4 |  780 | 3
Sarghajin   | Сарғаҷин   | village | 21.7 |  8.4 |  870 | 3
"""

_SELMAR = """
Kümüshtal   | Күмүштал   | town    | 31.5 | 14.6 | 7100 | 4
Tengirsay   | Теңирсай   | town    | 27.2 | 23.2 | 4700 | 5
Böröndü     | Бөрөндү    | village | 25.8 | 10.7 | 1480 | 4
Örüktam     | Өрүктам    | village | 28.6 |  8.9 | 1290 | 4
Moldöng     | Молдөң     | village | 22.7 | 12.9 |  960 | 4
Sargünöt    | Саргүнөт   | village | 25.3 | 14.4 | 1570 | 4
Ayüzgön     | Аюзгөн     | village | 23.9 | 17.5 | 1410 | 5
Tüpkelen    | Түпкелең   | village | 28.0 | 12.7 | 1730 | 4
Ködölmar    | Көдөлмар   | village | 34.2 | 10.2 | 1350 | 4
Ünggöldük   | Үңгөлдүк   | village | 36.6 | 14.1 | 1090 | 4
Kashköyün   | Кашкөйүн   | village | 34.6 | 18.5 | 1240 | 5
Zhelbürgön  | Желбүргөн  | village | 31.0 | 20.3 | 1620 | 5
Torpöngü    | Торпөңү    | village | 25.0 | 20.4 | 1150 | 5
Eldingür    | Элдиңүр    | village | 23.7 | 25.7 | 1020 | 5
Sögötmar    | Сөгөтмар   | village | 30.1 | 26.1 |  880 | 5
Chüylök     | Чүйлөк     | village | 34.0 | 23.9 |  940 | 5
Balköbön    | Балкөбөн   | village | 37.2 | 20.8 |  670 | 5
Orgüldü     | Оргүлдү    | village | 37.3 |  8.1 |  910 | 4
Tashmüyün   | Ташмүйүн   | village | 34.3 |  4.9 |  730 | 4
Köpölen     | Көпөлең    | village | 26.1 |  6.1 | 1310 | 4
Dümbölet    | Дүмбөлет   | village | 24.4 |  3.2 |  590 | 4
Akshördü    | Акшөрдү    | village | 29.2 |  2.7 |  520 | 4
Syngardöl   | Сыңардөл   | village | 13.1 |  9.0 | 1130 | 4
Elchürgün   | Элчүргүн   | village | 14.0 | 22.4 |  950 | 5
"""

# name | local | side | east_km | north_km | precision_m | number | own spellings. The last is what "the border" means.
_DISTRICTS = """
Haftvezin   | Ҳафтвезин  | Norvia |  5.6 | 10.9 | 8000 | 1
Lojdurmand  | Лоҷдурманд | Norvia | 12.6 | 22.3 | 8500 | 2
Qaroshebin  | Қарошебин  | Norvia | 14.2 |  7.6 | 9000 | 3
Üzöngmar    | Үзөңмар    | Selmar | 32.6 |  9.4 | 9000 | 4
Tolgündü    | Толгүндү   | Selmar | 32.3 | 22.4 | 8500 | 5
Border area | Минтақаи сарҳадӣ | both | 21.2 | 26.6 | 16000 | 6 | at the border, на границе, у границы, дар сарҳад, чек арада
"""


def _cells(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()]


def _inhabited(table: str, side: str, letter: str) -> list[Settlement]:
    found = []
    for number, (name, local, kind, east, north, residents, district, *own) in enumerate(_cells(table), start=1):
        found.append(
            Settlement(
                settlement_id=f"{letter}{number:02d}",
                name=name,
                name_local=local,
                kind=kind,
                side=side,
                east_km=float(east),
                north_km=float(north),
                residents=int(residents),
                precision_m=1000.0 if kind == "town" else 700.0,
                district=f"D{district}",
                own_spellings=tuple(s.strip() for s in own[0].split(",")) if own else (),
            )
        )
    return found


def _districts() -> list[Settlement]:
    return [
        Settlement(
            settlement_id=f"D{number}",
            name=name,
            name_local=local,
            kind="district",
            side=side,
            east_km=float(east),
            north_km=float(north),
            residents=None,
            precision_m=float(precision),
            district=f"D{number}",
            own_spellings=tuple(s.strip() for s in own[0].split(",")) if own else (),
        )
        for name, local, side, east, north, precision, number, *own in _cells(_DISTRICTS)
    ]


SETTLEMENTS: tuple[Settlement, ...] = (*_inhabited(_NORVIA, "Norvia", "N"), *_inhabited(_SELMAR, "Selmar", "S"))
DISTRICTS: tuple[Settlement, ...] = tuple(_districts())
BORDER_AREA = DISTRICTS[-1]

DISTRICT_NAMES = {district.settlement_id: district.name for district in DISTRICTS}
