"""What a page says, in all its languages at once: the page holds numbers of texts, and a reader chooses the language."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from tensionmap.errors import ReleaseError
from tensionmap.publish.offline import escape
from tensionmap.publish.words import Words

Say = Callable[[Words], str]
"""Says the same thing in the language of the words it is given."""


class Texts:
    """Every text of a page by number, the same number in each language.

    Parameters
    ----------
    languages
        Codes of the languages, the first the one in which the page opens.

    Raises
    ------
    ReleaseError
        If there is no language, or no words for one of them.
    """

    def __init__(self, languages: Sequence[str]) -> None:
        if not languages:
            raise ReleaseError("A page needs a language. Name one, for example languages=['en'].")
        self.words = [Words(language) for language in dict.fromkeys(languages)]
        self._numbers: dict[tuple[str, ...], int] = {}
        self._told: list[tuple[str, ...]] = []

    def __call__(self, say: Say) -> int:
        """The number of what ``say`` says."""
        return self._numbered(tuple(say(words) for words in self.words))

    def _numbered(self, told: tuple[str, ...]) -> int:
        if told not in self._numbers:
            self._numbers[told] = len(self._told)
            self._told.append(told)
        return self._numbers[told]

    def plain(self, text: str) -> int:
        """The number of a text that is the same in every language: a name, a telephone number."""
        return self(lambda _: text)

    def each(self, say: Callable[[Words], Iterable[str]]) -> list[int]:
        """The numbers of several texts that are said together: as many in every language."""
        said = [list(say(words)) for words in self.words]
        return [self._numbered(told) for told in zip(*said, strict=True)]

    @property
    def by_language(self) -> list[list[str]]:
        """All texts, one list a language."""
        return [[told[place] for told in self._told] for place in range(len(self.words))]

    def first(self, number: int) -> str:
        """A text as it is read when the page opens."""
        return self._told[number][0]

    def element(self, tag: str, say: Say, css_class: str = "") -> str:
        """An HTML element that says it; nothing if there is nothing to say."""
        said = say(self.words[0])
        named = f' class="{css_class}"' if css_class else ""
        return f'<{tag}{named} data-text="{self(say)}">{escape(said)}</{tag}>' if said else ""

    def elements(self, tag: str, say: Callable[[Words], Iterable[str]], css_class: str = "") -> list[str]:
        """An HTML element for each of several texts."""
        named = f' class="{css_class}"' if css_class else ""
        return [f'<{tag}{named} data-text="{n}">{escape(self.first(n))}</{tag}>' for n in self.each(say)]
