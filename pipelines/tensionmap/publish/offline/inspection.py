"""Reading a page as a browser would: which scripts it holds, and whether anything in it reaches outside."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from tensionmap.errors import ReleaseError

CSS_ADDRESS = re.compile(r"""url\(\s*['"]?([^'")]*)""", re.IGNORECASE)
_ADDRESS_ATTRIBUTES = frozenset(
    {"src", "srcset", "href", "xlink:href", "action", "formaction", "data", "poster", "background", "ping", "cite", "manifest"}
)
# What follows one of these is no HTML, and where it ends is told differently.
_TWO_WAYS = re.compile("<[!?]|</?(?:script|style|xmp|noembed|noframes|noscript|plaintext|title|textarea|template)", re.IGNORECASE)
_TAG = re.compile("</?[a-z]", re.IGNORECASE)
_FORBIDDEN_TAGS = frozenset({"iframe", "frame", "object", "embed", "base", "form", "applet", "portal"})


def scripts_of(page: str) -> list[str]:
    """The scripts of a page in order, each as it stands between its tags.

    Raises
    ------
    ReleaseError
        If the page holds an address outside itself, a frame, an event attribute or a script that is fetched.
    """
    return _inspected(page).scripts


def refuse_outside(markup: str) -> None:
    """Pass over a piece of HTML that neither runs nor reaches outside, whatever stands before and behind it.

    Raises
    ------
    ReleaseError
        As ``scripts_of``, and if there is something in it that browsers and Python may read in two ways: a comment, a script,
        a style sheet, or a tag without end.
    """
    inspection = _Inspection()
    inspection.feed(markup)
    if _TWO_WAYS.search(markup) or _TAG.match(inspection.rawdata):
        raise ReleaseError(
            "A text of the map holds a comment, a script, a style sheet or a tag without end. Take it out, or do without is_html."
        )


def _inspected(page: str) -> _Inspection:
    inspection = _Inspection()
    inspection.feed(page)
    inspection.close()
    return inspection


class _Inspection(HTMLParser):
    """Gathers scripts, refuses whatever reaches outside."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        if tag == "script":
            self.scripts.append("")
        if tag in _FORBIDDEN_TAGS or (tag == "script" and attrs):
            raise ReleaseError(f"The page holds a <{tag}> element that could reach outside the page. Take it out.")
        for name, value in attrs:
            self._attribute(tag, name, value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self._inside = ""

    def handle_endtag(self, tag: str) -> None:
        if tag == self._inside:
            self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts[-1] += data
        elif self._inside == "style":
            _refuse_css(data)

    def _attribute(self, tag: str, name: str, value: str) -> None:
        if name.startswith("on"):
            raise ReleaseError(f"A <{tag}> element of the page has the attribute {name}, which the page forbids itself.")
        if name in _ADDRESS_ATTRIBUTES and not value.startswith(("data:image/", "#")):
            raise ReleaseError(f"The {name} of a <{tag}> element of the page is an address outside the page. Take it out.")
        if name == "http-equiv" and value.lower() != "content-type":
            raise ReleaseError(f"The page holds a <meta http-equiv={value!r}>, which could lead out of the page. Take it out.")
        if name == "style":
            _refuse_css(value)


def _refuse_css(code: str) -> None:
    outside = [address for address in CSS_ADDRESS.findall(code) if not address.startswith(("data:image/", "#"))]
    if outside or "@import" in code.lower():
        raise ReleaseError("A style of the page loads something from outside the page. Take it out.")
