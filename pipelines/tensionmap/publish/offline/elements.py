"""Which elements of Folium are known to work in a page without internet, and what to use instead of the others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import folium
from branca.colormap import LinearColormap, StepColormap
from branca.element import Element, Html
from folium import features, plugins
from folium.map import CustomPane, FitOverlays

from tensionmap.errors import ReleaseError

KNOWN = frozenset(
    {
        folium.Map,
        folium.FeatureGroup,
        folium.LayerControl,
        folium.FitBounds,
        FitOverlays,
        CustomPane,
        folium.GeoJson,
        folium.GeoJsonTooltip,
        folium.GeoJsonPopup,
        folium.Choropleth,
        folium.ColorLine,
        LinearColormap,
        StepColormap,
        folium.Tooltip,
        folium.Popup,
        Html,
        folium.LatLngPopup,
        folium.ClickForMarker,
        folium.Marker,
        folium.Marker.SetIcon,
        folium.DivIcon,
        folium.CustomIcon,
        folium.Circle,
        folium.CircleMarker,
        folium.PolyLine,
        folium.Polygon,
        folium.Rectangle,
        folium.raster_layers.ImageOverlay,
        folium.elements.EventHandler,
        folium.elements.ElementAddToElement,
        plugins.MarkerCluster,
        plugins.FastMarkerCluster,
        plugins.FeatureGroupSubGroup,
        plugins.HeatMap,
        plugins.Fullscreen,
        plugins.GroupedLayerControl,
        plugins.Search,
    }
)

_TILES = "Tiles need a network: use tiles=None, and GeoJson or one ImageOverlay for what lies below."
_INSTEAD = {
    folium.TileLayer: _TILES,
    folium.WmsTileLayer: _TILES,
    plugins.MiniMap: _TILES,
    folium.Icon: "Its icon fonts need a network: use CircleMarker, or Marker without icon, with DivIcon or with CustomIcon.",
    folium.IFrame: "A frame is a page of its own: put its text into the popup itself.",
}
_ELSE = "Leave it out, or use paths, GeoJson, Marker, Tooltip and Popup. (A legend of explore() is left out by legend=False.)"
# What holds other elements and draws nothing itself: the inside of a popup.
_POPUP_PARTS = ("header", "html", "script")


def is_custom(element: Element) -> bool:
    """Whether the class of ``element`` says itself ``stands_alone = True``. Saying it for a parent class is not enough."""
    return vars(type(element)).get("stands_alone") is True


def refuse_unknown(figure: folium.Figure) -> None:
    """Pass over a figure that holds nothing but elements known to work in a page without internet.

    Raises
    ------
    ReleaseError
        If an element is not known, is known to load something, or shows a picture from elsewhere. The message says what to
        use instead.
    """
    for element in elements_in(figure):
        if type(element) not in KNOWN and not is_custom(element):
            instead = next((text for kind, text in _INSTEAD.items() if isinstance(element, kind)), _ELSE)
            raise ReleaseError(
                f"The map holds a {type(element).__name__}, which needs more than Leaflet and the plugins kept here, "
                f"or is not known to work with them. {instead}"
            )
        _refuse_loading(element)


def elements_in(figure: folium.Figure) -> Iterator[Element]:
    """Every element that a figure draws: the markers of GeoJSON layers and what stands in popups too."""
    waiting: list[Element] = list(figure._children.values())
    while waiting:
        element = waiting.pop()
        yield element
        waiting += element._children.values()
        if isinstance(element, folium.GeoJson) and element.marker is not None:
            waiting.append(element.marker)
        if isinstance(element, folium.Popup):
            waiting += (child for part in _POPUP_PARTS for child in getattr(element, part)._children.values())


def needs_jquery(figure: folium.Figure) -> bool:
    """Whether a script of Folium's own in this figure asks something of jQuery."""
    return any(isinstance(e, folium.Popup) or getattr(e, "objects_to_stay_in_front", None) for e in elements_in(figure))


def _refuse_loading(element: Element) -> None:
    if isinstance(element, folium.GeoJson) and not element.embed:
        raise ReleaseError("A GeoJson layer with embed=False is fetched when the page is opened. Use embed=True.")
    options: dict[str, Any] = getattr(element, "options", None) or {}
    pictures = [getattr(element, "url", None)] if isinstance(element, folium.raster_layers.ImageOverlay) else []
    if isinstance(element, features.CustomIcon):
        pictures += [options.get("icon_url"), options.get("shadow_url")]
    if any(picture and not str(picture).startswith("data:image/") for picture in pictures):
        raise ReleaseError(
            f"The picture of a {type(element).__name__} stands at an address outside the page. Give a file or an array instead."
        )
