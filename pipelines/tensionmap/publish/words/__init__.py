"""The words of a map in the language of its reader.

English sentences stand in the code; every other language is one catalogue ``<language>.po`` beside this file, in the format
that translators' own tools read. Catalogues are read as they are: nothing is compiled, nothing else is registered.
How to add a language: docs/translating.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import cached_property, lru_cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from io import BytesIO
from typing import Literal

from babel import Locale
from babel.core import get_global
from babel.dates import get_month_names
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

from tensionmap.errors import ReleaseError
from tensionmap.publish.words import alphabet

SOURCE_LANGUAGE = "en"


def sentence(text: str) -> str:
    """``text`` unchanged: marks words that are translated where they are used, so that extraction finds them."""
    return text


LABELS = (
    # themes
    sentence("crime"),
    sentence("tension"),
    sentence("cooperation"),
    # crime
    sentence("theft"),
    sentence("livestock theft"),
    sentence("burglary"),
    sentence("hooliganism"),
    sentence("fraud"),
    sentence("traffic accident"),
    sentence("assault"),
    sentence("drugs"),
    sentence("weapons"),
    sentence("domestic violence"),
    sentence("sexual violence"),
    sentence("child violence"),
    # tension
    sentence("irrigation dispute"),
    sentence("drinking water dispute"),
    sentence("pasture dispute"),
    sentence("forest dispute"),
    sentence("land dispute"),
    sentence("border incident"),
    sentence("road blockade"),
    sentence("intercommunal clash"),
    sentence("youth violence"),
    sentence("armed clash"),
    sentence("recruitment"),
    # cooperation
    sentence("joint repair"),
    sentence("agreement"),
    sentence("joint meeting"),
    sentence("joint patrol"),
    sentence("mutual aid"),
    # resources and services
    sentence("irrigation"),
    sentence("drinking water"),
    sentence("land"),
    sentence("river"),
    sentence("canal"),
    sentence("intake"),
    sentence("gate"),
    sentence("spring"),
    sentence("pasture"),
    sentence("forest"),
    sentence("road"),
    sentence("crossing"),
    sentence("police post"),
    sentence("meeting place"),
    sentence("village"),
    sentence("town"),
    sentence("district"),
    # bands and verdicts
    sentence("5-9"),
    sentence("10-19"),
    sentence("20+"),
    sentence("hot"),
    sentence("cold"),
    sentence("too few to tell"),
    sentence("none found"),
    # who reported, and how a border line stands
    sentence("community"),
    sentence("outside"),
    sentence("claimed"),
    sentence("agreed"),
    sentence("undetermined"),
    # meetings, and what was agreed there
    sentence("reporting day"),
    sentence("community team"),
    sentence("public council"),
    sentence("women"),
    sentence("men"),
    sentence("youth"),
    sentence("repair"),
    sentence("new work"),
    sentence("water timetable"),
    sentence("pasture timetable"),
    sentence("patrol"),
    sentence("mediation"),
    sentence("request to authorities"),
    sentence("information"),
    sentence("other"),
    sentence("police"),
    sentence("local government"),
    sentence("water users"),
    sentence("pasture committee"),
    sentence("school"),
    sentence("border service"),
    sentence("residents"),
    sentence("helpline for women"),
    sentence("under way"),
    sentence("done"),
    sentence("not possible"),
    sentence("better"),
    sentence("about the same"),
    sentence("worse"),
    sentence("too early"),
)
"""English words of every identifier that a map can show: ``livestock_theft`` is shown as the translation of 'livestock theft'."""


class Words:
    """The words of one language: ``words("Crime map")``.

    Parameters
    ----------
    language
        'en', or the name of a catalogue beside this file.

    Raises
    ------
    ReleaseError
        If there is no such catalogue.
    """

    def __init__(self, language: str) -> None:
        if language not in languages():
            raise ReleaseError(
                f"There are no words for language {language!r}; there are words for: {', '.join(languages())}. "
                "Choose one of them, or add a catalogue as docs/translating.md says."
            )
        self.language = language
        self._catalogue = _catalogue(language)

    def __call__(self, text: str, /, **values: object) -> str:
        """The English ``text`` in this language, with ``values`` put in for the names in braces."""
        return self._catalogue.gettext(text).format(**values)

    def n(self, singular: str, plural: str, n: int, /, **values: object) -> str:
        """The form of the sentence that goes with the number ``n``, which stands for ``{n}`` in it."""
        return self._catalogue.ngettext(singular, plural, n).format(n=n, **values)

    def label(self, identifier: str) -> str:
        """The word for a category, kind, band, verdict or reporter; an unknown identifier with spaces for underscores."""
        return self._catalogue.gettext(identifier.replace("_", " ")) if identifier else ""

    def number(self, number: float) -> str:
        """A number as it is written in this language: '100,000'."""
        return str(format_decimal(number, locale=self._locale))

    @property
    def north(self) -> str:
        """The letter that marks north on a map."""
        return self(sentence("N"))

    def place(self, name: str, name_local: str | None = None) -> str:
        """Both names of a place, the one in the script of this language first: 'Orrin (Оррин)'."""
        first, *other = self.names(name, name_local)
        return f"{first} ({other[0]})" if other else first

    def names(self, name: str, name_local: str | None = None) -> tuple[str, ...]:
        """The one or two names of a place, the one in the script of this language first."""
        known = (name, name_local) if isinstance(name_local, str) and name_local.strip() not in ("", name) else (name,)
        return known[::-1] if self._is_cyrillic else known

    def in_order(self, names: Iterable[str]) -> list[str]:
        """``names`` in the order of the alphabet of this language, those in its script first."""
        return alphabet.in_order(names, self.language, is_cyrillic=self._is_cyrillic)

    def months(self, date_from: str, date_to: str) -> str:
        """The months of a period: 'October 2023 to September 2026', 'July to September 2026'; ISO dates in."""
        first, last = date.fromisoformat(date_from), date.fromisoformat(date_to)
        if (first.year, first.month) == (last.year, last.month):
            return self._month_and_year(date_from)
        if first.year == last.year:
            months = {"first": self.month(first.month), "last": self.month(last.month)}
            return self(sentence("{first} to {last} {year}"), year=last.year, **months)
        return self(sentence("{first} to {last}"), first=self._month_and_year(date_from), last=self._month_and_year(date_to))

    def day(self, day: str) -> str:
        """An ISO date in words: '13 March 2025'."""
        when = date.fromisoformat(day)
        return self(sentence("{day} {month} {year}"), day=when.day, month=self.month_of_day(when.month), year=when.year)

    def month(self, number: int) -> str:
        """A month (1 to 12) by itself or with its year: 'March', in Russian 'март'."""
        return self._month(number, "stand-alone")

    def month_of_day(self, number: int) -> str:
        """A month (1 to 12) as it is said with a day: 'March', in Russian 'марта'."""
        return self._month(number, "format")

    def _month_and_year(self, day: str) -> str:
        when = date.fromisoformat(day)
        return self(sentence("{month} {year}"), month=self.month(when.month), year=when.year)

    def _month(self, number: int, context: Literal["format", "stand-alone"]) -> str:
        name = str(get_month_names("wide", context, self._locale)[number])
        return name if self.language == SOURCE_LANGUAGE else name.lower()

    @cached_property
    def _locale(self) -> Locale:
        return Locale.parse(self.language)

    @cached_property
    def _is_cyrillic(self) -> bool:
        return "_Cyrl" in get_global("likely_subtags").get(self.language, "")


@lru_cache
def languages() -> tuple[str, ...]:
    """The languages that a map can be made in: English and every catalogue beside this file."""
    found = sorted(entry.name.removesuffix(".po") for entry in files(__package__).iterdir() if entry.name.endswith(".po"))
    return (SOURCE_LANGUAGE, *found)


def every_text() -> list[str]:
    """Every sentence and word that a map can say by itself, in every language."""
    found = list(LABELS)
    for language in languages()[1:]:
        for message in _messages(language):
            for text in (message.id, message.string):
                found += [text] if isinstance(text, str) else list(text or ())
    return [text for text in found if text]


def _messages(language: str) -> Catalog:
    return read_po(BytesIO(files(__package__).joinpath(f"{language}.po").read_bytes()), locale=language)


@lru_cache
def _catalogue(language: str) -> NullTranslations:
    if language == SOURCE_LANGUAGE:
        return NullTranslations()
    catalogue = _messages(language)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return GNUTranslations(compiled)
