"""A Folium map as one file that stands alone: no request to anyone, no text that can run, the same bytes every time.

Works for any Folium map, not only for ours: ``Path("map.html").write_text(make_offline(m, title="..."), encoding="utf-8")``.

What Folium does, and what is done about it here:

- It loads Leaflet, jQuery, Bootstrap and icon fonts from five hosts. Leaflet (1.9.4) is put into the page, the rest is left
  out; an element that needs the rest, and an address that is not known, is an error, never a page that fails at the reader's.
- It does not escape text, and renders what it has rendered once more as a Jinja template. ``escape`` makes a text harmless
  in HTML, in a JavaScript template literal and in Jinja alike; whoever puts a text on a map passes it through ``escape``.
- It draws random names for everything. They are numbered in the order in which they appear.
- Leaflet's own mark in the corner of the map is left out; credits for the data belong into the text of the page.

Nothing in Folium or Branca is changed, neither a class nor a module.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterator
from functools import lru_cache
from html.parser import HTMLParser
from importlib.resources import files
from typing import Any, cast

import folium
from branca.element import Element, Figure
from folium.map import CustomPane

from tensionmap.errors import ReleaseError

_DANGEROUS = {ord(c): f"&#{ord(c)};" for c in "`${}\\\r\u2028\u2029"}

# Each of these needs Leaflet alone. Popups and icons need jQuery or icon fonts; tiles need a network.
_STANDS_ALONE = frozenset(
    {
        folium.Map,
        folium.FeatureGroup,
        folium.LayerControl,
        folium.FitBounds,
        CustomPane,
        folium.GeoJson,
        folium.GeoJsonTooltip,
        folium.Tooltip,
        folium.Marker,
        folium.Marker.SetIcon,
        folium.DivIcon,
        folium.Circle,
        folium.CircleMarker,
        folium.PolyLine,
        folium.Polygon,
        folium.Rectangle,
        folium.elements.EventHandler,
        folium.elements.ElementAddToElement,
    }
)

# The addresses of folium 0.20.0, word for word and not read from Folium, where any program can add to the list.
_LEAFLET_JS = "https://cdn.jsdelivr.net/npm/leaflet@1.9.3/dist/leaflet.js"
_LEAFLET_CSS = "https://cdn.jsdelivr.net/npm/leaflet@1.9.3/dist/leaflet.css"
_NOT_NEEDED = frozenset(
    {
        "https://code.jquery.com/jquery-3.7.1.min.js",
        "https://cdn.jsdelivr.net/npm/bootstrap@5.2.2/dist/js/bootstrap.bundle.min.js",
        "https://cdnjs.cloudflare.com/ajax/libs/Leaflet.awesome-markers/2.0.2/leaflet.awesome-markers.js",
        "https://cdn.jsdelivr.net/npm/bootstrap@5.2.2/dist/css/bootstrap.min.css",
        "https://netdna.bootstrapcdn.com/bootstrap/3.0.0/css/bootstrap-glyphicons.css",
        "https://cdn.jsdelivr.net/npm/@fortawesome/fontawesome-free@6.2.0/css/all.min.css",
        "https://cdnjs.cloudflare.com/ajax/libs/Leaflet.awesome-markers/2.0.2/leaflet.awesome-markers.css",
        "https://cdn.jsdelivr.net/gh/python-visualization/folium/folium/templates/leaflet.awesome.rotate.min.css",
    }
)

_ASSET = re.compile(r'<script src="([^"]*)"></script>|<link rel="stylesheet" href="([^"]*)"\s*/?>')
_CSS_ADDRESS = re.compile(r"""url\(\s*['"]?([^'")]*)""", re.IGNORECASE)
_CYRILLIC_ESCAPE = re.compile(r"\\\\|\\u(04[0-9a-f]{2})")
_RANDOM_NAME = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
_ADDRESS_ATTRIBUTES = frozenset(
    {"src", "srcset", "href", "xlink:href", "action", "formaction", "data", "poster", "background", "ping", "cite", "manifest"}
)
_FORBIDDEN_TAGS = frozenset({"iframe", "frame", "object", "embed", "base", "form", "applet", "portal"})


def escape(text: object) -> str:
    """``text`` as it will be read, unable to run: for HTML, a quoted attribute, a JavaScript template literal and Jinja.

    Besides ``& < > " '`` the characters back-tick, dollar, braces, backslash, carriage return and the two line
    separators of Unicode become numeric entities: Folium writes texts into template literals and renders them as Jinja
    templates, and ``html.escape`` alone stops neither.
    """
    return html.escape(str(text), quote=True).translate(_DANGEROUS)


def as_json(value: Any) -> str:
    """``value`` as JSON that may stand inside a script: ASCII, and no character that could end the script."""
    return re.sub("[<>&]", lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value))


def make_offline(m: folium.Map, *, title: str, language: str = "en", css: str = "", body: str = "", script: str = "") -> str:
    """The whole HTML text of the page that shows ``m``: open it by double-click, with the cable cut.

    Parameters
    ----------
    m
        A Folium map of elements that need Leaflet alone (paths, GeoJSON, markers without icon fonts, tooltips, groups,
        layer control). Every text in it went through ``escape``. ``tiles=None``: tiles need a network.
    title
        Plain text; escaped here.
    language
        Code of the language of the page, for ``<html lang>``.
    css, body, script
        What stands around the map: style rules, HTML before the map, and a script that runs after the map's own.
        They are taken as they are: escape texts first (in ``script``: ``as_json``).

    Raises
    ------
    ReleaseError
        If the map holds an element that needs more than Leaflet, or an address outside the page; or if the vendored
        files are not those of the manifest.

    Notes
    -----
    The page forbids itself everything (``default-src 'none'``) but its own scripts, named by their sha256, its own
    styles and images inside the page. The same map gives the same bytes, rendered twice or in two processes.
    """
    figure = cast(Figure, m.get_root())
    for element in (e for child in figure._children.values() for e in _elements(child)):
        if type(element) not in _STANDS_ALONE:
            raise ReleaseError(
                f"The map holds a {type(element).__name__}, which needs more than Leaflet (a network, jQuery or icon fonts) "
                "or is not known to work without. Use paths, GeoJson, Tooltip, or Marker with DivIcon, and tiles=None."
            )
    if m.objects_to_stay_in_front:
        raise ReleaseError("keep_in_front needs jQuery, which is not in the page. Add the layers in their order instead.")

    page = figure.render()
    parts = (figure, figure.header, figure.html, figure.script)
    page, script = _numbered([page, script], {element._id for part in parts for element in _tree(part)})
    page = _ASSET.sub(_vendored_asset, _with_letters(page))
    page = page.replace("<body>", f"<body>\n{body}", 1).replace("</html>", f"<script>\n{script}\n</script>\n</html>", 1)
    page = page.replace("</head>", f"<style>\n{css}\n</style>\n</head>", 1)

    scripts = _inspect(page)
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in scripts)
    policy = (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    )
    head = (
        f'<html lang="{escape(language)}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n<title>{escape(title)}</title>'
    )
    return page.replace("<html>\n<head>", head, 1)


def _elements(element: Any) -> Iterator[Any]:
    """The element and everything in it, the markers of GeoJSON layers too."""
    yield element
    inner = [getattr(element, "marker", None)] if isinstance(element, folium.GeoJson) else []
    for child in (*element._children.values(), *(e for e in inner if e is not None)):
        yield from _elements(child)


def _tree(element: Element) -> Iterator[Element]:
    yield element
    for child in element._children.values():
        yield from _tree(child)


def _numbered(texts: list[str], known: set[str]) -> list[str]:
    """``texts`` with every random name of Folium replaced by its number in order of appearance."""
    numbers: dict[str, str] = {}

    def number(found: re.Match[str]) -> str:
        name = found[0]
        return numbers.setdefault(name, str(len(numbers) + 1)) if name in known else name

    return [_RANDOM_NAME.sub(number, text) for text in texts]


def _with_letters(page: str) -> str:
    """``page`` with Cyrillic letters instead of their escapes, which take three times the room."""
    return _CYRILLIC_ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else found[0], page)


def vendored_blocks() -> tuple[str, ...]:
    """SHA-256 of the scripts and styles of every page that are vendored code, so that an audit can pass them over."""
    contents = (re.sub(r"^<(?:script|style)>|</(?:script|style)>$", "", block) for block in (_leaflet_js(), _leaflet_css()))
    return tuple(hashlib.sha256(_with_letters(content).encode()).hexdigest() for content in contents)


def _vendored_asset(found: re.Match[str]) -> str:
    """The code in the page instead of the tag that would fetch it."""
    address = html.unescape(found[1] or found[2])
    if address == _LEAFLET_JS:
        return _leaflet_js()
    if address == _LEAFLET_CSS:
        return _leaflet_css()
    if address in _NOT_NEEDED:
        return ""
    raise ReleaseError(
        f"The map wants to load {address}, which is not among the files kept for pages without internet. "
        "Leave out the plugin that needs it."
    )


def _leaflet_js() -> str:
    code = _vendored("leaflet.js").decode().rsplit("//# sourceMappingURL", 1)[0]
    icons = {
        option: _data_uri(f"images/{name}.png")
        for option, name in (("iconUrl", "marker-icon"), ("iconRetinaUrl", "marker-icon-2x"), ("shadowUrl", "marker-shadow"))
    }
    settings = f"L.Icon.Default.mergeOptions({as_json(icons)}); L.Map.mergeOptions({{attributionControl: false}});"
    return f"<script>\n{code}\n{settings}\n</script>"


def _leaflet_css() -> str:
    code = _vendored("leaflet.css").decode().replace("\r\n", "\n").replace("behavior: url(#default#VML);", "")
    return f"<style>\n{_CSS_ADDRESS.sub(lambda found: f'url({_data_uri(found[1])}', code)}\n</style>"


def _data_uri(name: str) -> str:
    return f"data:image/png;base64,{base64.b64encode(_vendored(name)).decode()}"


@lru_cache
def _vendored(name: str) -> bytes:
    folder = files(__package__).joinpath("vendored")
    manifest = json.loads(folder.joinpath("manifest.json").read_text(encoding="utf-8"))["leaflet"]
    content = folder.joinpath("leaflet", *name.split("/")).read_bytes()
    if hashlib.sha256(content).hexdigest() != manifest["files"][name]:
        raise ReleaseError(
            f"The file {name} of Leaflet {manifest['version']} is not the one that the manifest names. Install tensionmap again."
        )
    return content


class _Inspection(HTMLParser):
    """Reads a page as a browser would: gathers its scripts, refuses whatever reaches outside."""

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
    outside = [address for address in _CSS_ADDRESS.findall(code) if not address.startswith(("data:image/", "#"))]
    if outside or "@import" in code.lower():
        raise ReleaseError("A style of the page loads something from outside the page. Take it out.")


def _inspect(page: str) -> list[str]:
    """The scripts of the page in order; an address outside the page, a frame or an event attribute is refused."""
    inspection = _Inspection()
    inspection.feed(page)
    inspection.close()
    return inspection.scripts
