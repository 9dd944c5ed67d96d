"""Texts made harmless for what a page and its making would read them as: HTML, JavaScript, Jinja."""

from __future__ import annotations

import html
import json
import re
from typing import Any

_DANGEROUS = {ord(c): f"&#{ord(c)};" for c in "`${}\\\r\u2028\u2029"}

# Whatever means something to HTML, JavaScript, CSS or Jinja, and what a browser or UTF-8 would not keep as it is.
_TELLING = re.compile("[&<>\"'`${}\\\\\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]")


def escape(text: object) -> str:
    """``text`` as it will be read, unable to run: for HTML, a quoted attribute, a JavaScript template literal and Jinja.

    Besides ``& < > " '`` the characters back-tick, dollar, braces, backslash, carriage return and the two line
    separators of Unicode become numeric entities: Folium writes texts into template literals and renders them as Jinja
    templates, and ``html.escape`` alone stops neither.
    """
    return html.escape(str(text), quote=True).translate(_DANGEROUS)


def as_json(value: Any) -> str:
    """``value`` as JSON that may stand inside a script: ASCII, and nothing that could end the script or start Jinja."""
    code = re.sub("[<>&]", lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value))
    # A brace before one of these three stands inside a text: JSON itself never writes it so.
    return re.sub("{(?=[{%#])", r"\\u007b", code)


def is_telling(text: str) -> bool:
    """Whether ``text`` holds a character that is more than itself in HTML, JavaScript, CSS or Jinja."""
    return _TELLING.search(text) is not None


def in_script(text: str) -> str:
    """``text`` as the inside of a JavaScript string of any kind: between ``"``, ``'`` or back-ticks alike.

    Where code stands instead of a string, an escape of JavaScript is a mistake in the script and cannot become code.
    """
    return _TELLING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
