"""Invented people and telephone numbers, and the short texts that mention them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from two_rivers.names import plain_cyrillic

_GIVEN = (
    ("Ormadvin", "Ормадвин"), ("Fazuvar", "Фазувар"), ("Jolmahor", "Ҷолмаҳор"), ("Qirvana", "Қирвана"), ("Sumehro", "Сумеҳро"),
    ("Toldumat", "Толдумат"), ("Ködöbai", "Көдөбай"), ("Elvügül", "Элвүгүл"), ("Nurvamil", "Нурвамил"),
    ("Aibölön", "Айбөлөн"), ("Varghuna", "Варғуна"), ("Zebonari", "Зебонарӣ"), ("Dülmatay", "Дүлматай"),
    ("Shirvodal", "Ширводал"),
)  # fmt: skip
_FAMILY = (
    ("Tashvelkov", "Ташвелков"), ("Ghanjurov", "Ғанҷуров"), ("Hudvaroni", "Ҳудваронӣ"), ("Qobelmazov", "Қобелмазов"),
    ("Sötönbaev", "Сөтөнбаев"), ("Möngdüev", "Мөңдүев"), ("Zarfushin", "Зарфушин"), ("Ilgharov", "Илғаров"),
    ("Kürpöev", "Күрпөев"), ("Ergeshtin", "Эргештин"), ("Navjarov", "Навҷаров"), ("Bolturmov", "Болтурмов"),
)  # fmt: skip

_TEXTS = {
    "tg": (
        "Сокин {who} хабар дод, тел. {phone}.", "Бо сухани {who}. Ҳамсояҳо тасдиқ карданд.",
        "{who} ва ҳамсояаш баҳс карданд; {phone}", "Масъала ба шӯрои деҳа дода шуд.", "Шоҳид: {who}", "Бе тафсилот.",
    ),
    "ru": (
        "Заявитель {who}, тел. {phone}.", "Со слов {who}; старейшины пригласили обе стороны на встречу.",
        "Обратился {who}, просит перезвонить: {phone}", "Передано участковому.",
        "Свидетель {who} \"видел всё\"; адрес записан отдельно", "Без подробностей; см. журнал",
    ),
    "ky": ("{who} айтып берди, тел. {phone}", "Күбө: {who}.", "Аксакалдар чогулду; {who} катышты.", "Толук маалымат жок."),
    "en": (
        "Told by {who}, phone {phone}.", "{who} asks the water users to meet again; call {phone}", "Elders were there.",
        "Neighbour {who} saw it & wrote it down <b>twice</b>.", "=HYPERLINK(\"tel:{phone}\";\"{who}\")", "No more is known.",
    ),
}  # fmt: skip


@dataclass
class Private:
    """Every name and number that was written into a text: what must never leave the house."""

    names: set[str] = field(default_factory=set)
    words: set[str] = field(default_factory=set)
    phones: set[str] = field(default_factory=set)
    users: set[str] = field(default_factory=set)

    def listed(self) -> dict[str, list[str]]:
        """Sorted, with the numbers also as bare digits."""
        digits = {"".join(c for c in phone if c.isdigit()) for phone in self.phones}
        return {
            "names": sorted(self.names),
            "words": sorted(self.words),
            "phones": sorted(self.phones),
            "phone_digits": sorted(digits),
            "users": sorted(self.users),
        }

    def text(self, rng: np.random.Generator, language: str, *, only_russian_letters: bool = False) -> str:
        """A short text, in seven of ten cases; the people and numbers in it are noted."""
        if rng.random() > 0.7:
            return ""
        sentence = str(rng.choice(_TEXTS[language]))
        who, phone = self._person(rng, language, only_russian_letters=only_russian_letters), self._phone(rng)
        if "{who}" in sentence:
            self.names.add(who)
            self.words.update(who.split())
        if "{phone}" in sentence:
            self.phones.add(phone)
        return sentence.format(who=who, phone=phone)

    def _person(self, rng: np.random.Generator, language: str, *, only_russian_letters: bool) -> str:
        given, family = _GIVEN[int(rng.integers(len(_GIVEN)))], _FAMILY[int(rng.integers(len(_FAMILY)))]
        script = 0 if language == "en" else 1
        name = f"{given[script]} {family[script]}"
        return plain_cyrillic(name) if only_russian_letters else name

    def _phone(self, rng: np.random.Generator) -> str:
        """A number with the prefix +000, which no country has."""
        a, b, c, d = (int(n) for n in rng.integers((10, 100, 10, 10), (100, 1000, 100, 100)))
        shape = str(rng.choice(["+000 {} {} {} {}", "+000 ({}) {}-{}-{}", "+000{}{}{}{}"]))
        return shape.format(a, b, c, d)
