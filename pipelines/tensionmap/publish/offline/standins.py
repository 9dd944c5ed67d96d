"""Stand-ins: names that mean nothing and take the place of the texts of a map while Folium renders it."""

from __future__ import annotations

import html
import re
from secrets import token_hex

from tensionmap.errors import ReleaseError
from tensionmap.publish.offline.escaping import in_script, is_telling
from tensionmap.publish.offline.inspection import refuse_outside

_BLOCK = re.compile(r"(<style[^>]*>.*?</style>|<script[^>]*>.*?</script>)", re.DOTALL)


class StandIns:
    """Takes texts and gives stand-ins; puts the texts back into what was rendered.

    Folium writes a text into HTML inside a template literal, into JSON, between single quotes, into a style rule, and lets
    Jinja read all of it once more. A stand-in is a plain word for each of them. Once nothing is rendered any more, the
    text is written in the one way that is right where its stand-in came to stand.

    Parameters
    ----------
    is_html
        Whether the texts are HTML. Else each will be read as it is written.
    """

    def __init__(self, *, is_html: bool) -> None:
        self.is_html = is_html
        self._texts: dict[str, tuple[str, str]] = {}
        self._names: dict[tuple[str, str], str] = {}
        # No text can know the word, so none can be taken for a stand-in. It never reaches the page.
        self._word = token_hex(16)
        self._pattern = re.compile(f"standin{self._word}n[0-9]+n")

    def markup(self, text: str) -> str:
        """The stand-in of a text that the page takes for HTML."""
        if self.is_html:
            refuse_outside(text)
        return self._name(text, text if self.is_html else html.escape(text))

    def plain(self, text: str) -> str:
        """The stand-in of a text that the page takes for HTML but whoever wrote it does not."""
        return self._name(text, html.escape(text))

    def value(self, text: str) -> str:
        """The stand-in of a text that the page takes as it is: the ``title`` of a marker, the address of a picture."""
        return self._name(text, text)

    def _name(self, text: str, shown: str) -> str:
        if not is_telling(text):
            return text
        name = self._names.setdefault((text, shown), f"standin{self._word}n{len(self._names)}n")
        self._texts[name] = (text, shown)
        return name

    def back_in_script(self, code: str) -> str:
        """``code`` with the texts where their stand-ins were, each inside its JavaScript string."""
        return self._pattern.sub(lambda found: in_script(self._texts[found[0]][1]), code)

    def back_in_html(self, markup: str) -> str:
        """``markup`` with the texts where their stand-ins were: as what is read, or as part of a style or a script.

        Raises
        ------
        ReleaseError
            If a text in a style rule could end it.
        """
        return "".join(self._back_in_part(part) for part in _BLOCK.split(markup))

    def _back_in_part(self, part: str) -> str:
        if part.startswith("<script"):
            return self.back_in_script(part)
        if part.startswith("<style"):
            return self._pattern.sub(lambda found: _style(self._texts[found[0]][0]), part)
        return self._pattern.sub(lambda found: html.escape(self._texts[found[0]][0]), part)


def _style(text: str) -> str:
    if set(text) & set("<{}\\"):
        raise ReleaseError(f"The style {text[:80]!r} holds <, {{, }} or a backslash. Give declarations only: 'color: red;'.")
    return text
