"""Words for what happened, in five languages -> the category, its map, its tier and what it was about."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from tensionmap.errors import RawDataError, StudyError
from tensionmap.ingest.places import fold
from tensionmap.tables import THEMES, TIERS


@dataclass(frozen=True)
class Category:
    """One kind of report: its identifier, the map it belongs to, its tier, and what it is about unless the report says."""

    category: str
    theme: str
    tier: str
    resource: str
    severity: float | None = None


@dataclass(frozen=True)
class Taxonomy:
    """Categories by identifier, and both categories and resources by folded word."""

    categories: Mapping[str, Category]
    category_words: Mapping[str, str]
    resource_words: Mapping[str, str]

    def own_words(self, words: Mapping[str, str]) -> dict[str, Category]:
        """A source's own words, folded, and the category that each means.

        Raises
        ------
        StudyError
            If one is translated to a category that does not exist.
        """
        unknown = sorted(set(words.values()) - set(self.categories))
        if unknown:
            raise StudyError(
                f"study.toml translates a word to the category {unknown[0]!r}, which does not exist. "
                f"Categories are: {', '.join(sorted(self.categories))}."
            )
        return {fold(theirs): self.categories[ours] for theirs, ours in words.items()}

    def category(self, word: str, *, own: Mapping[str, Category]) -> Category:
        """What ``word`` means: by the source's ``own`` folded words first, then by the words of the five languages.

        Raises
        ------
        RawDataError
            If the word is empty or unknown. The first line says what is wrong, the second what to do.
        """
        folded = fold(word)
        if folded in own:
            return own[folded]
        if folded in self.category_words:
            return self.categories[self.category_words[folded]]
        if not folded:
            raise RawDataError("The category is missing.\nLook up in the paper register what happened and fill it in.")
        shown = repr(word) if len(word) <= 40 else f"written here ({len(word)} letters)"
        raise RawDataError(
            f"The category {shown} is not known.\n"
            'Correct the word, or add it under words of this file in study.toml, e.g. "theft of a cow" = "livestock_theft".'
        )

    def resource(self, word: str) -> str:
        """The resource that ``word`` means, or empty text if the cell is empty.

        Raises
        ------
        RawDataError
            If the word is unknown.
        """
        folded = fold(word)
        if folded and folded not in self.resource_words:
            raise RawDataError(
                "What it was about (the resource) is not known by this word.\n"
                f"Write one of {', '.join(sorted(set(self.resource_words.values())))}, or leave the cell empty."
            )
        return self.resource_words.get(folded, "")


def read_taxonomy(extra: Mapping[str, Any] | None = None) -> Taxonomy:
    """The categories and resources of taxonomy.toml.

    Parameters
    ----------
    extra
        More of the same, as read from TOML: ``{"category": {id: {theme, tier, resource, severity, words}}}``. A category that
        exists already is replaced as a whole. ``{"severity": {id: number}}`` changes the severity alone.

    Raises
    ------
    StudyError
        If a theme, tier or resource does not exist, one word means two things, or a known category would be guarded less.
    """
    text = files("tensionmap.ingest").joinpath("taxonomy.toml").read_text(encoding="utf-8")
    known = tomllib.loads(text)
    more = extra or {}
    resources, entries = known["resource"], {**known["category"], **more.get("category", {})}
    severity = more.get("severity", {})
    faults = [fault for name, entry in entries.items() for fault in _faults(name, entry, resources)]
    faults += [
        f"category {name!r} is of tier {known['category'][name]['tier']} and may be guarded more, never less. "
        "Give what is less sensitive a category of its own"
        for name, entry in more.get("category", {}).items()
        if name in known["category"] and entry.get("tier") in TIERS[TIERS.index(known["category"][name]["tier"]) + 1 :]
    ]
    faults += [f"severity: there is no category {name!r}" for name in sorted(set(severity) - set(entries))]
    if faults:
        raise StudyError.gather("The categories cannot be used:", faults)
    return Taxonomy(
        categories={
            name: _category(name, {**entry, "severity": severity.get(name, entry.get("severity"))})
            for name, entry in entries.items()
        },
        category_words=_by_word(entries),
        resource_words=_by_word(resources),
    )


def _category(name: str, entry: Mapping[str, Any]) -> Category:
    return Category(name, entry["theme"], entry["tier"], entry["resource"], entry.get("severity"))


def _faults(name: str, entry: Mapping[str, Any], resources: Mapping[str, Any]) -> Iterator[str]:
    for key, allowed in (("theme", THEMES), ("tier", TIERS), ("resource", tuple(resources))):
        if entry.get(key) not in allowed:
            yield f"category {name!r}: {key} must be one of {', '.join(allowed)} (got {entry.get(key)!r})"


def _by_word(entries: Mapping[str, Any]) -> dict[str, str]:
    meaning: dict[str, str] = {}
    for name, entry in entries.items():
        for word in (name, *(word for words in entry.get("words", {}).values() for word in words)):
            if meaning.setdefault(fold(word), name) != name:
                raise StudyError(f"The word {word!r} means both {meaning[fold(word)]!r} and {name!r}. Keep it with one of them.")
    return meaning
