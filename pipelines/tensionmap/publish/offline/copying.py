"""A copy of a map for rendering: the map itself stays as it was, and in the copy a stand-in takes the place of every text."""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, cast

import folium
from branca.colormap import ColorMap
from branca.element import Element, Figure, Html
from folium import plugins

from tensionmap.errors import ReleaseError
from tensionmap.publish.offline.elements import is_custom
from tensionmap.publish.offline.legend import Legend
from tensionmap.publish.offline.standins import StandIns

CLOSEST_ZOOM = 18
"""How far a map of clusters can be zoomed in if it does not say so itself; without tiles nothing else tells it."""

# What says how elements hang together, and code: neither is a text.
_NO_TEXTS = frozenset(
    {"_id", "_name", "_parent", "_children", "_template", "_template_str", "_template_name", "default_js", "default_css"}
    | {"element_name", "element_parent_name", "feature_identifier", "icon_create_function", "callback"}
)
# Options that the page takes as they are, not as HTML.
_VALUES = frozenset({"title", "title_cancel", "alt", "placeholder", "url", "icon_url", "shadow_url"})
# Folium writes the name of the property into the script as code.
_SAFE = re.compile(r"feature(\.[A-Za-z_]\w*)+", re.ASCII)
_NAME = re.compile("[0-9a-f]{32}")
_PLACES = re.compile(r"(\$\{(?:lat|lng)\})")
# GeoDataFrame.explore protects double braces from Jinja, which never sees them here.
_RAW = re.compile(r"{% raw %}({{+){% endraw %}")


def copied(figure: Figure, texts: StandIns) -> tuple[Figure, set[str]]:
    """The same figure, element for element, with stand-ins for its texts and nothing rendered yet; and its random names."""
    copying = _Copying(texts)
    made = cast(Figure, copying.element(figure))
    for part in (made.header, made.html, made.script):
        part._children = OrderedDict((name, child) for name, child in part._children.items() if _is_added(name, child))
    elements = [element for element in copying.made.values() if not isinstance(element, Figure)]
    for element in elements:
        _mend(element)
    if any(isinstance(element, plugins.MarkerCluster) for element in elements):
        for m in (element for element in elements if isinstance(element, folium.Map)):
            m.options = {"maxZoom": CLOSEST_ZOOM, **m.options}
    return made, {element._id for element in copying.made.values()}


def _is_added(name: str, child: Element) -> bool:
    """Whether a user put ``child`` into the page. What Folium rendered there bears the name of the element it drew."""
    if name == "meta_http" or name.endswith("_includes"):
        return False
    rendered = _NAME.search(name)
    return rendered is None or rendered[0] == child._id


def _mend(element: Element) -> None:
    """Undo what Folium left in an element when it rendered it before, and what would fail or differ in this page."""
    left = (folium.Marker.SetIcon, folium.elements.ElementAddToElement)
    element._children = OrderedDict((name, child) for name, child in element._children.items() if not isinstance(child, left))
    if isinstance(element, plugins.FastMarkerCluster):
        element.callback = element.callback.replace("L.AwesomeMarkers.icon()", "new L.Icon.Default()")
    if isinstance(element, plugins.GroupedLayerControl):
        drawn = [name for group in element.grouped_overlays.values() for name in group.values()]
        # Folium keeps a set of random names, which has another order in every process.
        vars(element)["layers_untoggle"] = [name for name in drawn if name in element.layers_untoggle]
    if isinstance(element, folium.GeoJson) and not _SAFE.fullmatch(getattr(element, "feature_identifier", "feature.id")):
        for number, feature in enumerate(element.data["features"]):
            feature["id"] = str(number)
        element.feature_identifier = "feature.id"


class _Copying:
    """Copies elements; remembers which, for they know one another."""

    def __init__(self, texts: StandIns) -> None:
        self.texts = texts
        self.made: dict[int, Any] = {}
        self._features: dict[int, dict[str, Any]] = {}

    def element(self, given: Element) -> Element:
        """The copy of ``given``, made once."""
        if id(given) in self.made:
            return cast(Element, self.made[id(given)])
        if isinstance(given, ColorMap):
            self.made[id(given)] = legend = Legend.of(given, self.texts.plain)
            legend._parent = self.structure(given._parent)
            return legend
        self.made[id(given)] = made = object.__new__(type(given))
        is_written_by_hand = is_custom(given) or (type(given).__module__.startswith("branca.") and not isinstance(given, Html))
        for name, value in vars(given).items():
            as_it_is = is_written_by_hand or name in _NO_TEXTS
            vars(made)[name] = self.structure(value) if as_it_is else self._attribute(given, name, value)
        return made

    def structure(self, value: Any, text: Callable[[str], str] | None = None) -> Any:
        """``value`` with its elements copied and ``text`` done to its texts; functions, tables and the like stay themselves."""
        if isinstance(value, str):
            return text(value) if text else value
        if isinstance(value, Element):
            return self.element(value)
        if isinstance(value, dict):
            return OrderedDict((self.structure(key, text), self._member(key, inner, text)) for key, inner in value.items())
        for kind in (list, tuple, set):
            if isinstance(value, kind):
                return kind(self.structure(inner, text) for inner in value)
        return value

    def _member(self, key: object, value: Any, text: Callable[[str], str] | None) -> Any:
        is_value = text is not None and isinstance(value, str) and key in _VALUES
        return self.structure(value, self.texts.value if is_value else text)

    def _attribute(self, owner: Element, name: str, value: Any) -> Any:
        """The value of an attribute in which texts may stand."""
        if isinstance(owner, folium.GeoJson) and name == "data":
            return self._geojson(value)
        if name in ("style_function", "highlight_function"):
            return self._styling(value)
        if isinstance(owner, folium.ClickForMarker) and name == "popup":
            return self._with_places(value)
        if isinstance(owner, Html) and name == "data":
            # Popup put a backslash before every back-tick.
            return (self.texts.markup if owner.script else self.texts.plain)(str(value).replace("\\`", "`"))
        if name == "style":
            return self.structure(value, self.texts.plain)
        return self.structure(value, self.texts.value if name in _VALUES else self.texts.markup)

    def _geojson(self, value: Any) -> Any:
        """GeoJSON with stand-ins; numbers, which are most of it, are not copied."""
        if isinstance(value, str):
            return self.texts.markup(_RAW.sub(r"\1", value))
        if isinstance(value, (list, tuple)):
            return [self._geojson(inner) for inner in value]
        if not isinstance(value, dict):
            return value
        made = {
            self._geojson(key): inner if key == "coordinates" and _is_numbers(inner) else self._geojson(inner)
            for key, inner in value.items()
        }
        self._features[id(made)] = value
        return made

    def _styling(self, function: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[dict[str, Any]], dict[str, Any]]:
        """The function, asked about the feature as its author knows it."""

        def styled(feature: dict[str, Any]) -> dict[str, Any]:
            style = function(self._features[id(feature)])
            if any(isinstance(value, Element) for value in style.values()):
                raise ReleaseError("A style asks for a pattern, which needs a network. Give colours, widths and dashes.")
            return cast(dict[str, Any], self.structure(style, self.texts.value))

        return styled

    def _with_places(self, code: str) -> str:
        """The popup of ``ClickForMarker``: the text in a template literal, in which ``${lat}`` and ``${lng}`` stay."""
        if not code.startswith("`"):
            return code
        parts = _PLACES.split(code[1:-1].replace("\\`", "`"))
        return "`" + "".join(part if _PLACES.fullmatch(part) else self.texts.markup(part) for part in parts) + "`"


def _is_numbers(coordinates: Any) -> bool:
    return '"' not in json.dumps(coordinates)
