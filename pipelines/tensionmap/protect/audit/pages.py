"""What a page for a screen asks for and holds: addresses, its own rules, the keys of its data, pictures laid over the map."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

_ADDRESSES = frozenset(
    {"src", "srcset", "href", "xlink:href", "action", "formaction", "data", "poster", "background", "ping", "cite", "manifest"}
)
_INSIDE = re.compile(r"(?:data:(?:image|font)/|#)", re.IGNORECASE)
_BESIDE = re.compile(r"(?:web|paper)/[\w.-]+")
"""A link to a file of the same maps, which the reader may follow."""
_CSS_ADDRESS = re.compile(r"""(?:url\(\s*|@import\s+)['"]?([^'")\s;]*)""", re.IGNORECASE)
_SCRIPT_ADDRESS = re.compile(r"""["'`](?:https?:|wss?:|ftp:)?//[\w[]""", re.IGNORECASE)
_ASKS = re.compile(
    r"\b(?:fetch|importScripts|import|sendBeacon)\s*\(|\b(?:XMLHttpRequest|WebSocket|EventSource|RTCPeerConnection)\b"
)
_NAMESPACES = re.compile(r"https?://www\.w3\.org/(?:1999/xhtml|1999/xlink|2000/svg|1998/Math/MathML)")


@dataclass
class Page:
    """A page as a browser would read it: its tags with attributes, scripts and styles."""

    tags: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)
    styles: list[str] = field(default_factory=list)


class _Reading(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        self.page.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag == "script":
            self.page.scripts.append("")
        elif tag == "style":
            self.page.styles.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == self._inside:
            self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.page.scripts[-1] += data
        elif self._inside == "style":
            self.page.styles[-1] += data


def read_page(text: str) -> Page:
    """The tags, scripts and styles of a page."""
    reading = _Reading()
    reading.feed(text)
    reading.close()
    return reading.page


# Requests ------------------------------------------------------------------------------------------------------------------


def requests_of(page: Page, known_blocks: frozenset[str]) -> Iterator[str]:
    """In which parts a page names an address outside itself or could ask for one, in words."""
    for tag, attributes in page.tags:
        for name, value in attributes.items():
            is_inside = _INSIDE.match(value.strip()) or (tag == "a" and name == "href" and _BESIDE.fullmatch(value))
            is_address = name in _ADDRESSES and value and not is_inside
            if is_address or (name == "style" and _css_reaches_out(value)):
                yield f"an address outside the page, in the attribute {name} of a <{tag}>"
        if tag == "meta" and attributes.get("http-equiv", "").lower() == "refresh":
            yield "an order to go to another page, in a <meta>"
    for style in page.styles:
        if sha256(style) not in known_blocks and _css_reaches_out(style):
            yield "an address outside the page, in a style"
    for script in page.scripts:
        if sha256(script) not in known_blocks:
            yield from _requests_of_script(script)


def _requests_of_script(script: str) -> Iterator[str]:
    if _SCRIPT_ADDRESS.search(_NAMESPACES.sub("", script)):
        yield "an address outside the page, in a script"
    if _ASKS.search(script):
        yield "a call that could fetch or send, in a script"


def _css_reaches_out(code: str) -> bool:
    return any(not _INSIDE.match(address) for address in _CSS_ADDRESS.findall(code))


def sha256(text: str) -> str:
    """Of a text, in hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


# The page's own rules ------------------------------------------------------------------------------------------------------

_MAY = {
    "default-src": r"'none'",
    "connect-src": r"'none'",
    "script-src": r"'none'|'sha(?:256|384|512)-[A-Za-z0-9+/=]+'",
    "style-src": r"'none'|'unsafe-inline'|'sha(?:256|384|512)-[A-Za-z0-9+/=]+'",
    "img-src": r"'none'|data:",
    "font-src": r"'none'|data:",
    "base-uri": r"'none'",
    "form-action": r"'none'",
}


def faults_of_rules(page: Page) -> Iterator[str]:
    """Where the page does not forbid itself everything but its own scripts, styles and pictures, in words."""
    policies = [
        attributes.get("content", "")
        for tag, attributes in page.tags
        if tag == "meta" and attributes.get("http-equiv", "").lower() == "content-security-policy"
    ]
    if not policies:
        yield "no content security policy"
        return
    rules = {name: sources for name, *sources in (rule.split() for rule in policies[0].split(";") if rule.strip())}
    if rules.get("default-src") != ["'none'"]:
        yield "a content security policy that does not begin with nothing (default-src 'none')"
    for name, sources in rules.items():
        if name not in _MAY or any(not re.fullmatch(_MAY[name], source) for source in sources):
            yield f"a content security policy that lets in more than the page needs ({name if name in _MAY else 'another rule'})"


# Data ----------------------------------------------------------------------------------------------------------------------

# fmt: off
KEYS = frozenset(
    {
        "action", "all", "animate", "area", "area cold", "area hot", "areas", "at", "attributionControl", "autoZIndex", "bands",
        "bbox", "both", "bounds", "bubblingMouseEvents", "by_category", "by_precision", "by_reporter", "by_source",
        "bytes", "categories", "claim agreed", "claim claimed", "claim undetermined", "className", "classes", "close",
        "collapsed", "color", "colour", "column_date", "column_place", "coordinates", "corners", "count", "crossing",
        "crs", "dashArray", "dashOffset", "date_precisions", "day", "edge", "features", "fill", "fillColor",
        "fillOpacity", "fillRule", "first_day", "from", "gate", "geometry", "glyph", "glyphs", "ground forest",
        "ground pasture", "heading", "here", "hollow", "html", "iconAnchor", "iconRetinaUrl", "iconSize", "iconUrl",
        "icon_size", "id", "intake", "interactive", "joint_work", "kind", "languages", "latest", "layers", "letters",
        "line canal", "line river", "line road", "lineCap", "lineJoin", "lines", "look", "looks", "mark", "maxZoom",
        "meeting_place", "metres", "minZoom", "month", "months", "months_of_day", "more", "name", "names", "noClip", "none",
        "not_found", "nothing", "nothing_here", "number", "opacity", "out_of", "out_of_season", "packed", "padding",
        "parts", "period", "picture", "places", "points", "police_post", "position", "precisions", "quarter", "preferCanvas",
        "properties", "radius", "relief", "report", "reporters", "reset", "season", "shadowUrl", "shown", "side",
        "since", "size", "smoothFactor", "sources", "spellings", "spring", "square 0", "square 1", "square 2",
        "square 3", "squares", "sticky", "stroke", "summary", "swipe", "table", "text", "texts", "thousands", "time",
        "title", "to", "town", "type", "village", "weight", "who", "windows", "within", "words", "zoom",
        "zoomControl", "zoomDelta", "zoomSnap", "zoom_in", "zoom_out",
    }
)
# fmt: on
"""Keys of GeoJSON and of drawing that our pages write; a key that is not here is data that nobody meant to show."""
PROPERTIES = frozenset({"text", "html"})
"""What a feature may tell: its tooltip and its mark."""

_KEY = re.compile(r'"([^"\\\n]{1,80})"\s*:\s*(?=["\d\[{-]|(?:true|false|null|NaN)\b)')
_PROPERTIES = re.compile(r'"properties"\s*:\s*\{([^{}]{0,2000})\}')


def foreign_keys(script: str) -> bool:
    """Whether a script holds data under a key, or of a feature, that no clean page has."""
    if not set(_KEY.findall(script)) <= KEYS:
        return True
    told = {key for properties in set(_PROPERTIES.findall(script)) for key in _KEY.findall(f"{{{properties}}}")}
    return not told <= PROPERTIES


_PICTURE = r"data:image/[\w+.-]+;base64,(?P<picture>[A-Za-z0-9+/=]+)[\"'`]"
_NUMBER = r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"
_SOUTH_WEST, _NORTH_EAST = (
    rf"\[\s*(?P<{down}>{_NUMBER})\s*,\s*(?P<{across}>{_NUMBER})\s*\]" for down, across in (("south", "west"), ("north", "east"))
)
_CORNERS = rf"\[\s*{_SOUTH_WEST}\s*,\s*{_NORTH_EAST}\s*\]"
_BETWEEN = r"[^\[\]{}]{0,200}?"
_OVERLAYS = (re.compile(f"{_PICTURE}{_BETWEEN}{_CORNERS}"), re.compile(f"{_CORNERS}{_BETWEEN}[\"'`]{_PICTURE}"))
"""A picture and two corners beside each other, in either order: as Folium calls imageOverlay, and as our own data hold them."""


def overlays_of(script: str) -> Iterator[tuple[bytes, tuple[float, float, float, float]]]:
    """Pictures laid over the map, with the west, south, east and north of each in degrees."""
    for form in _OVERLAYS:
        for found in form.finditer(script):
            south, west, north, east = (float(found[name]) for name in ("south", "west", "north", "east"))
            yield as_bytes(found["picture"]), (min(west, east), min(south, north), max(west, east), max(south, north))


def as_bytes(word: str) -> bytes:
    """What a picture in a page is, from its base64."""
    return base64.b64decode(word + "==")
