"""Any Folium map as a page that stands alone: what is refused, what cannot run, then what comes out."""

import base64
import hashlib
import html
import io
import json
import os
import re
import shutil
import subprocess
import sys
import types
from importlib.resources import files
from pathlib import Path

import branca.element
import folium
import geopandas as gpd
import jinja2
import numpy as np
import pytest
from branca.colormap import LinearColormap, StepColormap
from branca.element import Element, Figure, Html, IFrame, JavascriptLink, MacroElement, Template
from folium import plugins
from folium.utilities import JsCode
from shapely.geometry import Point

from tensionmap.errors import ReleaseError
from tensionmap.publish.offline import OfflineMap, as_json, assets, block_hash, escape, make_offline, vendored_blocks

CENTRE = [43.0, -27.0]
PAYLOADS = [
    "<script>window.P=1</script>",
    "<img src=x onerror=window.P=1>",
    "${window.P=1}",
    "${window.P={x:1}}'\"",
    "`+(window.P=1)+`",
    "\\`+(window.P=1)+\\`",
    "\\1 \\u0060 \\",
    "</script><script>window.P=1</script>",
    "<!--<script>",
    "\"'><b onmouseover=window.P=1>",
    "{{7*7}}{% raw %}{# x #}",
    "{% if %}",
    "',window.P=1,'",
    "<meta http-equiv=refresh content='0;url=https://example.org'>",
    "a\u2028b\u2029c\x00d\ufeffe",
    "Ӯғур \\u0433 \\\\u0433 &amp; &lt;b&gt;",
]


def plain(**options):
    return folium.Map(CENTRE, tiles=None, **options)


def square(text, **properties):
    ring = [[-27.0, 43.0], [-26.9, 43.0], [-26.9, 43.1], [-27.0, 43.0]]
    return {"type": "Feature", "properties": {"text": text, **properties}, "geometry": {"type": "Polygon", "coordinates": [ring]}}


def point(**properties):
    return {"type": "Feature", "properties": properties, "geometry": {"type": "Point", "coordinates": [-27.0, 43.0]}}


def collection(*features):
    return {"type": "FeatureCollection", "features": list(features)}


def blocks(page):
    return re.findall(r"<(?:script|style)>(.*?)</(?:script|style)>", page, re.DOTALL)


# What is refused


@pytest.mark.parametrize(
    ("element", "instead"),
    [
        (lambda: folium.TileLayer("OpenStreetMap"), "tiles=None"),
        (lambda: folium.WmsTileLayer("https://example.org", "x"), "tiles=None"),
        (lambda: plugins.MiniMap(), "tiles=None"),
        (lambda: folium.Marker(CENTRE, icon=folium.Icon()), "CircleMarker.*DivIcon"),
        (lambda: folium.GeoJson(square("x"), marker=folium.Marker(icon=folium.Icon())), "CircleMarker.*DivIcon"),
        (lambda: folium.Marker(CENTRE, popup=folium.Popup(IFrame("x"))), "popup itself"),
        (lambda: folium.Marker(CENTRE, popup=folium.Popup(Element("x"))), "Leave it out"),
        (lambda: plugins.MeasureControl(), "Leave it out"),
        (lambda: plugins.TimestampedGeoJson(collection()), "Leave it out"),
        (lambda: Element("text"), "Leave it out"),
    ],
)
def test_element_that_needs_more_is_refused_by_name_and_says_what_to_use(element, instead):
    with pytest.raises(ReleaseError, match=f"needs more than Leaflet.*{instead}"):
        make_offline(plain().add_child(element()), title="x")


@pytest.mark.parametrize(
    "element",
    [
        lambda: folium.raster_layers.ImageOverlay("https://example.org/x.png", [[0, 0], [1, 1]]),
        lambda: folium.Marker(CENTRE, icon=folium.CustomIcon("https://example.org/x.png")),
    ],
)
def test_picture_from_elsewhere_is_refused(element):
    with pytest.raises(ReleaseError, match="address outside the page"):
        make_offline(plain().add_child(element()), title="x")


def test_layer_that_would_be_fetched_is_refused():
    layer = folium.GeoJson(collection(square("x")))
    layer.embed = False
    with pytest.raises(ReleaseError, match="embed=False"):
        make_offline(plain().add_child(layer), title="x")


def test_pattern_in_a_style_is_refused_and_left_as_it_was():
    pattern = plugins.StripePattern()
    m = plain()
    folium.GeoJson(collection(square("x")), style_function=lambda _: {"fillPattern": pattern}).add_to(m)
    with pytest.raises(ReleaseError, match="pattern"):
        make_offline(m, title="x")
    assert pattern._parent is None


def test_map_inside_a_part_of_a_figure_is_refused():
    m = plain()
    Figure().add_subplot(1, 1, 1).add_child(m)
    with pytest.raises(ReleaseError, match="stands by itself"):
        make_offline(m, title="x")


def test_unknown_address_is_refused_by_name():
    m = plain()
    m.get_root().header.add_child(JavascriptLink("https://example.org/code.js"))
    with pytest.raises(ReleaseError, match=re.escape("https://example.org/code.js")):
        make_offline(m, title="x")


def test_address_added_to_one_map_is_refused():
    m = plain()
    m.default_js = [*m.default_js, ("other", "https://example.org/other.js")]
    with pytest.raises(ReleaseError, match=r"other\.js"):
        make_offline(m, title="x")


@pytest.mark.parametrize(
    "part",
    [
        {"body": '<img src="https://example.org/x.png">'},
        {"body": '<img src="x.png"/>'},
        {"body": '<a href="https://example.org">x</a>'},
        {"body": "<iframe></iframe>"},
        {"body": '<p onclick="x()">x</p>'},
        {"body": '<p style="background: url(x.png)">x</p>'},
        {"body": '<link rel="preload" href="x">'},
        {"body": '<script type="module">1</script>'},
        {"body": '<svg><use xlink:href="other.svg#x"/></svg>'},
        {"body": '<meta http-equiv="refresh" content="0; url=https://example.org">'},
        {"body": '<meta http-equiv="Content-Security-Policy" content="">'},
        {"css": "p { background: URL( 'https://example.org/x.png' ) }"},
        {"css": "@import 'x.css';"},
    ],
)
def test_page_part_that_reaches_outside_is_refused(part):
    with pytest.raises(ReleaseError, match=r"Take it out|forbids itself"):
        make_offline(plain(), title="x", **part)


@pytest.mark.parametrize("code", ["'</script>'", "'</SCRIPT'", "'<!--'", "'<script'"])
def test_script_that_ends_itself_is_refused(code):
    with pytest.raises(ReleaseError, match="as_json"):
        make_offline(plain(), title="x", script=code)
    with pytest.raises(ReleaseError, match="as_json"):
        make_offline(plain(), title="x", known_scripts=[code])


def test_changed_vendored_file_is_refused(tmp_path, monkeypatch):
    shutil.copytree(Path(str(files("tensionmap.publish.offline"))), tmp_path / "copy")
    with (tmp_path / "copy" / "vendored" / "leaflet" / "leaflet.js").open("a") as code:
        code.write(";")
    monkeypatch.setattr(assets, "files", lambda _: tmp_path / "copy")
    assets._vendored.cache_clear()
    with pytest.raises(ReleaseError, match=r"leaflet\.js of leaflet 1\.9\.4"):
        make_offline(plain(), title="x")
    assets._vendored.cache_clear()


def test_manifest_names_every_vendored_file_and_a_licence_for_each():
    folder = Path(str(files("tensionmap.publish.offline").joinpath("vendored")))
    named = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert {path.name for path in folder.iterdir()} == {*named, "manifest.json"}
    for library, entry in named.items():
        found = {
            path.relative_to(folder / library).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in (folder / library).rglob("*")
            if path.is_file()
        }
        assert entry["files"] == found
        assert "LICENSE" in found
        assert entry["licence"] in {"MIT", "BSD-2-Clause"}
        assert entry["version"]
        assert entry["origin"]


def test_every_address_of_a_plain_folium_map_is_known():
    addresses = {address for _, address in (*folium.Map.default_js, *folium.Map.default_css)}
    assert addresses <= {*assets._KEPT, *assets.NOT_NEEDED}


def test_heat_map_code_is_that_of_folium():
    folder = Path(folium.__file__).parent / "templates"
    (file,) = (file for file in assets._KEPT.values() if file.package == "leaflet.heat")
    assert assets._vendored(file) == (folder / "leaflet_heat.min.js").read_bytes()


# What cannot run


@pytest.mark.parametrize("payload", PAYLOADS)
def test_escaped_text_holds_no_character_that_could_run(payload):
    assert not set(escape(payload)) & set("<>\"'`${}\\\u2028\u2029")


@pytest.mark.parametrize("value", [*PAYLOADS, {"a": ["<!--", "&", {"b": {}}], "{{": "{%"}])
def test_json_for_a_script_is_the_same_value_to_jinja_and_to_json(value):
    text = as_json(value)
    assert json.loads(text) == value
    assert jinja2.Template(text).render() == text
    assert text.isascii()
    assert not set(text) & set("<>&")


class Said:
    """What is no text, but is written as one."""

    def __init__(self, text):
        self.text = text

    def __str__(self):
        return self.text


def hostile_map(payload):
    """A map that holds ``payload`` on every path that a text can take, and the texts that a reader shall find."""
    texts = {}

    def text(path):
        return texts.setdefault(path, f"{path}|{payload}")

    m = OfflineMap(CENTRE, zoom_start=8)

    def marker(**options):
        return folium.Marker(CENTRE, **options).add_to(m)

    marker(popup=text("popup"))
    marker(popup=folium.Popup(text("lazy popup"), lazy=True))
    marker(popup=folium.Popup(text("parsed popup"), parse_html=True, show=True))
    marker(popup=folium.Popup(Html(text("popup of Html"))))
    marker(popup=folium.Popup(Html(Said(text("popup of an object")), script=True)))
    marker(popup=folium.Popup(Html(text("popup of script"), script=True)))
    marker(tooltip=text("tooltip"))
    marker(tooltip=folium.Tooltip(text("permanent tooltip"), permanent=True, style=f"color: red; {text('style of tooltip')}"))
    marker(title=text("title of marker"), alt=text("alt of marker"))
    marker(icon=folium.DivIcon(html=text("icon"), class_name=text("class of icon")))
    folium.CircleMarker(CENTRE, popup=text("popup of circle"), tooltip=text("tooltip of circle")).add_to(m)
    folium.PolyLine([CENTRE, [44, -27]], popup=text("popup of line"), color=text("colour of line")).add_to(m)
    picture = folium.raster_layers.ImageOverlay(np.zeros((1, 1)), [CENTRE, [44, -26]], alt=text("alt of picture"))
    picture.layer_name = text("name of picture")
    picture.add_to(m)

    properties = {
        text("name of property"): text("value"),
        "inner": {"key": text("value inside")},
        "unused": text("value unused"),
        "many": [text("value in a list")],
    }
    layer = folium.GeoJson(
        collection({**square("x"), "properties": properties, "id": text("id"), "more": text("member of feature")}),
        name=text("name of layer"),
        style_function=lambda feature: {"color": feature["properties"]["unused"], "dashArray": text("style")},
        highlight_function=lambda _: {"color": text("highlight")},
        tooltip=folium.GeoJsonTooltip(
            [*properties], aliases=[text("alias"), "b", "c", "d"], style="font-family: 'A', \"B\";", permanent=True
        ),
        popup=folium.GeoJsonPopup([*properties], aliases=[text("alias in a popup of a layer"), "b", "c", "d"], localize=False),
    ).add_to(m)
    folium.GeoJson(
        collection(point(**{text("identifier"): "a"}), point(**{texts["identifier"]: "b"})),
        style_function=lambda feature: {"color": feature["properties"][texts["identifier"]]},
        marker=folium.Marker(icon=folium.DivIcon(html=text("icon of layer"))),
        tooltip=text("tooltip of layer"),
    ).add_to(m)
    named = folium.GeoJson(collection(square("x", **{text("name in a table"): 1})), name="named").add_to(m)
    folium.GeoJsonTooltip([texts["name in a table"]], localize=True, permanent=True).add_to(named)
    folium.FeatureGroup(text("name of base layer"), overlay=False).add_to(m)

    groups = [folium.FeatureGroup(text(f"name in group {n}"), show=n == 1).add_to(m) for n in (1, 2, 3, 4, 5)]
    plugins.GroupedLayerControl({text("group"): groups}).add_to(m)
    named_as_option = {"title": [folium.FeatureGroup(text("name in group title")).add_to(m)]}
    plugins.GroupedLayerControl(named_as_option).add_to(m)
    plugins.GroupedLayerControl({text("other group"): [folium.FeatureGroup("x").add_to(m)]}, exclusive_groups=False).add_to(m)
    cluster = plugins.MarkerCluster([CENTRE], popups=[text("popup in cluster")], name=text("name of cluster")).add_to(m)
    plugins.FeatureGroupSubGroup(cluster, text("name of subgroup")).add_to(m)
    plugins.FastMarkerCluster(
        [[*CENTRE, text("row")]],
        callback="row => L.marker(L.latLng(row[0], row[1])).bindPopup(row[2])",
        name=text("name of fast cluster"),
        disableClusteringAtZoom=1,
    ).add_to(m)
    plugins.HeatMap([CENTRE], name=text("name of heat map")).add_to(m)
    plugins.Fullscreen(title=text("title of fullscreen")).add_to(m)
    searched = folium.GeoJson(collection(point(name=text("search result")))).add_to(m)
    plugins.Search(searched, search_label="name", placeholder=text("placeholder"), geom_type="Polygon", search_zoom=8).add_to(m)
    folium.ClickForMarker(text("popup of a click") + " ${lat} ${lng}").add_to(m)
    folium.map.CustomPane(text("pane")).add_to(m)
    LinearColormap(["red", "blue"], vmin=0, vmax=10, caption=text("caption")).add_to(m)
    StepColormap(["red", "blue"], vmin=0, vmax=10, caption=text("caption of steps")).add_to(m)
    layer.add_child(folium.elements.EventHandler(text("event"), JsCode("() => 1")))
    folium.LayerControl(collapsed=False).add_to(m)
    hidden = ["name of property"]
    hidden += ["colour of line", "style", "highlight", "value unused", "member of feature", "id", "identifier", "event"]
    hidden += ["style of tooltip", "class of icon", "pane"]
    return m, {path: said for path, said in texts.items() if path not in hidden}, len(texts)


# Everything a reader can read, after every popup and every tooltip was open.
READ = """async () => {
  const read = new Set();
  const gather = () => {
    const nodes = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
    while (nodes.nextNode()) {
      const node = nodes.currentNode;
      if (node.nodeType === Node.TEXT_NODE && node.parentElement.tagName !== "SCRIPT") read.add(node.data);
      if (node.attributes) for (const { name, value } of node.attributes) if (name !== "style") read.add(value);
    }
  };
  map_1.fire("click", { latlng: L.latLng(43, -27) });
  const layers = [];
  map_1.eachLayer(layer => layers.push(layer));
  for (const layer of layers) {
    layer.fire("click", { latlng: L.latLng(43, -27) });
    layer.fire("mouseover", { latlng: L.latLng(43, -27), originalEvent: {} });
    for (const open of ["openPopup", "openTooltip"]) {
      layer[open]?.(L.latLng(43, -27));
      gather();
    }
  }
  const input = document.querySelector("input.search-input");
  input.value = "search";
  input.dispatchEvent(new KeyboardEvent("keyup", { keyCode: 72 }));
  for (let tries = 0; tries < 100 && !document.querySelector(".search-tip"); tries++) {
    await new Promise(done => setTimeout(done, 20));
  }
  gather();
  return [...read];
}"""


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_text_is_read_and_does_not_run_on_any_path(visit, payload):
    m, texts, paths = hostile_map(payload)
    assert paths * len(PAYLOADS) > 500
    around = {"body": f"<p>{escape(payload)}</p>", "script": f"p = {as_json(payload)}"}
    page, seen = visit(m.page(title=payload, language=payload, **around))
    read = page.evaluate(READ)
    assert seen == []
    assert page.evaluate("window.P") is None
    assert page.evaluate("p") == payload
    assert without_nul(page.evaluate("document.title")) == without_nul(payload)
    assert without_nul(payload) in page.locator("p").text_content()
    lines = {without_nul(line) for line in read}
    missing = [path for path, said in texts.items() if not any(without_nul(as_shown(path, said)) in line for line in lines)]
    assert missing == []


def without_nul(text):
    """No HTML can hold this character: a browser leaves it out, or shows that something is missing."""
    return text.replace("\x00", "").replace("\ufffd", "")


def as_shown(path, said):
    if path in ("value inside", "value in a list"):
        # A table shows what is no text as JSON.
        return json.dumps(said, ensure_ascii=False)[1:-1].replace('\\"', '"')
    if "popup" in path and "layer" not in path:
        # Popup takes a back-tick with and without a backslash for the same.
        said = said.replace("\\`", "`")
    return said


def test_what_the_harness_watches_for_is_seen(visit):
    page, seen = visit("<p><img src='https://example.org/x.png'><script>console.info('hello')</script>")
    assert any("example.org" in entry for entry in seen)
    assert "hello" in seen
    page, _ = visit(make_offline(plain(), title="x", script="`${window.P=1}`"))
    assert page.evaluate("window.P") == 1, "code that is given as code runs, so the tests above can fail"


def test_a_text_of_jinja_is_not_run_when_the_page_is_made():
    m = OfflineMap(CENTRE)
    folium.Marker(CENTRE, tooltip="{{ 6 * 7 }}").add_to(m)
    assert "42" in m.get_root().render(), "Folium does run it"
    assert "6 * 7" in m.page().split("bindTooltip")[-1]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<b>bold</b> `${window.P=1}` {{7*7}} \u2028", "bold `${window.P=1}` {{7*7}} \u2028"),
        (escape("<b>${1}"), "<b>${1}"),
        ('<img src="data:image/png;base64,iVBORw0KGgo=">x', "x"),
    ],
)
def test_texts_that_are_html_are_html_and_do_not_run(visit, text, shown):
    m = plain()
    folium.Marker(CENTRE, tooltip=folium.Tooltip(text, permanent=True), popup=folium.Popup(text, show=True)).add_to(m)
    folium.Marker(CENTRE, icon=folium.DivIcon(html=text), popup=folium.Popup(Html("<i>"), show=True)).add_to(m)
    page, seen = visit(make_offline(m, title="x", is_html=True))
    assert [entry for entry in seen if not entry.startswith("data:image")] == []
    assert page.evaluate("window.P") is None
    for place in (".leaflet-tooltip", ".empty", ".leaflet-popup-content"):
        assert shown.strip() in page.locator(place).first.text_content(), place
    assert page.locator(".leaflet-popup-content").last.text_content() == "<i>"


@pytest.mark.parametrize(
    "text",
    [
        "<script>window.P=1</script>",
        "<img src=x onerror=window.P=1>",
        '<a href="javascript:window.P=1">x</a>',
        "<iframe src=x></iframe>",
        "<meta http-equiv=refresh content='0;url=https://example.org'>",
        '<p style="background:url(https://example.org/x.png)">',
        "<!--><meta http-equiv=refresh content='0;url=https://example.org'>-->",
        "<style></style ><p>",
        "x <meta http-equiv=refresh content='0;url=https://example.org?>' ",
        "<noscript><p title='</noscript><img src=x>'>",
    ],
)
def test_text_of_html_that_reaches_outside_is_refused(text):
    m = plain()
    folium.GeoJson(square(text), tooltip=folium.GeoJsonTooltip(["text"])).add_to(m)
    with pytest.raises(ReleaseError, match=r"Take it out|forbids itself"):
        make_offline(m, title="x", is_html=True)


@pytest.mark.parametrize("style", ["</style><script>window.P=1</script>", "} body { display: none", "color: \\72 ed"])
def test_style_that_could_end_its_rule_is_refused(style):
    m = plain()
    folium.GeoJson(collection(square("x")), tooltip=folium.GeoJsonTooltip(["text"], style=style)).add_to(m)
    with pytest.raises(ReleaseError, match="declarations only"):
        make_offline(m, title="x")


@pytest.mark.parametrize("name", ["x);window.P=1;(y", "a b", "1st", "ӣ", "a-b"])
def test_name_of_a_property_is_never_code(visit, name):
    m = plain()
    data = collection(square("x"), square("x"))
    for number, feature in enumerate(data["features"]):
        feature["properties"] = {name: number}
    colours = ["#ff0000", "#0000ff"]
    folium.GeoJson(data, style_function=lambda feature: {"color": colours[feature["properties"][name]]}).add_to(m)
    page, seen = visit(make_offline(m, title="x"))
    assert seen == []
    assert page.evaluate("window.P") is None
    drawn = page.evaluate("[...document.querySelectorAll('path.leaflet-interactive')].map(path => path.getAttribute('stroke'))")
    assert sorted(drawn) == sorted(colours)
    assert "id" not in data["features"][0]


# What comes out


def test_page_of_any_folium_user_works_without_a_network(visit):
    m = plain(control_scale=True)
    group = folium.FeatureGroup("Layer").add_to(m)
    folium.Marker(CENTRE, popup="a").add_to(group)
    folium.Circle(CENTRE, radius=500).add_to(group)
    folium.PolyLine([[43.0, -27.0], [43.1, -27.1]], tooltip="line").add_to(group)
    folium.GeoJson(square("x"), marker=folium.CircleMarker()).add_to(group)
    folium.LayerControl().add_to(m)
    m.fit_bounds([[43.0, -27.1], [43.1, -27.0]])
    page, seen = visit(make_offline(m, title="Any map"))
    assert seen == []
    assert page.locator("svg path.leaflet-interactive").count() == 3
    assert page.evaluate("document.querySelector('.leaflet-marker-icon').naturalWidth") == 25
    assert page.locator(".leaflet-control-attribution").count() == 0
    page.locator(".leaflet-marker-icon").click()
    assert page.locator(".leaflet-popup-content").text_content().strip() == "a"


def add_search(m):
    layer = folium.GeoJson(collection(point(name="Upper village"))).add_to(m)
    plugins.Search(layer, search_label="name", geom_type="Polygon", search_zoom=8).add_to(m)


PLUGINS = {
    "leaflet.markercluster": (lambda m: plugins.MarkerCluster([CENTRE, CENTRE, CENTRE]).add_to(m), ".marker-cluster"),
    "leaflet.heat": (lambda m: plugins.HeatMap([CENTRE]).add_to(m), "canvas.leaflet-heatmap-layer"),
    "leaflet.fullscreen": (lambda m: plugins.Fullscreen().add_to(m), "a.fullscreen-icon"),
    "leaflet-groupedlayercontrol": (
        lambda m: plugins.GroupedLayerControl({"Group": [folium.FeatureGroup("Layer").add_to(m)]}, collapsed=False).add_to(m),
        ".leaflet-control-layers-group-name",
    ),
    "leaflet-search": (add_search, "input.search-input"),
    "leaflet.featuregroup.subgroup": (
        lambda m: folium.Marker(CENTRE).add_to(
            plugins.FeatureGroupSubGroup(folium.FeatureGroup().add_to(m), "Sub").add_to(m),
        ),
        ".leaflet-marker-icon",
    ),
}


@pytest.mark.parametrize("library", PLUGINS)
def test_plugin_works_without_a_network_and_is_put_into_the_pages_that_use_it(visit, library):
    add, drawn = PLUGINS[library]
    m = plain()
    add(m)
    text = make_offline(m, title="x")
    page, seen = visit(text)
    assert seen == []
    assert page.locator(drawn).count() == 1
    own = {hashlib.sha256(block.encode()).hexdigest() for block in blocks(text)} & set(vendored_blocks())
    kept = [hash_ for hash_, file in zip(vendored_blocks(), assets._KEPT.values(), strict=False) if file.package == library]
    leaflet = [h for h, file in zip(vendored_blocks(), assets._KEPT.values(), strict=False) if file.package == "leaflet"]
    assert own == {*kept, *leaflet}


def test_every_plugin_kept_is_tested():
    assert {file.package for file in assets._KEPT.values()} == {"leaflet", *PLUGINS}


def test_fast_cluster_without_a_callback_draws_plain_markers(visit):
    m = plain()
    plugins.FastMarkerCluster([CENTRE, [44, -20]]).add_to(m)
    page, seen = visit(make_offline(m, title="x"))
    assert seen == []
    assert page.evaluate("document.querySelector('.leaflet-marker-icon').naturalWidth") == 25


def test_zoom_of_clusters_is_that_of_the_map_if_it_says_one(visit):
    for m, zoom in ((plain(), 18), (plain(maxZoom=12), 12), (OfflineMap(CENTRE, max_zoom=11), 11)):
        plugins.MarkerCluster([CENTRE]).add_to(m)
        page, seen = visit(make_offline(m, title="x"))
        assert seen == []
        assert page.evaluate("map_1.getMaxZoom()") == zoom


def test_layer_kept_in_front_is_in_front(visit):
    m = plain()
    behind, front = (folium.FeatureGroup(name) for name in ("behind", "front"))
    for group, colour in ((front, "#ff0000"), (behind, "#0000ff")):
        folium.Circle(CENTRE, radius=5000, color=colour).add_to(group.add_to(m))
    m.keep_in_front(front)
    page, seen = visit(make_offline(m, title="x"))
    assert seen == []
    assert page.locator("path.leaflet-interactive").last.get_attribute("stroke") == "#ff0000"


def test_map_of_explore_works_without_a_network(visit, monkeypatch):
    # GeoPandas asks a library that is not needed here for the class of each number.
    def classify(values, _scheme, bins):
        return types.SimpleNamespace(yb=np.digitize(values, bins, right=True))

    monkeypatch.setitem(sys.modules, "mapclassify", types.SimpleNamespace(classify=classify))
    places = gpd.GeoDataFrame(
        {"name": ["{{7*7}}", "<b>", "`${window.P=1}`"], "count": [1.0, 2.5, 4.0]},
        geometry=[Point(-27, 43), Point(-27.1, 43.1), Point(-26.9, 43)],
        crs=4326,
    )
    m = places.explore("count", tiles=None, popup=True, legend_kwds={"caption": "<How> many"})
    page, seen = visit(make_offline(m, title="x"))
    assert seen == []
    legend = page.locator(".legend")
    assert "<How> many" in legend.text_content()
    assert legend.locator("text").first.text_content() == "1"
    assert legend.locator("rect").count() > 50
    page.evaluate("map_1.eachLayer(l => l.feature?.properties.count === 1 && l.fire('click', { latlng: l.getLatLng() }, true))")
    assert "{{7*7}}" in page.locator(".leaflet-popup-content").text_content()
    assert page.evaluate("window.P") is None
    assert "<b>" in places["name"].to_list()
    with pytest.raises(ReleaseError, match="legend=False"):
        make_offline(places.explore("name", tiles=None), title="x")


def test_choropleth_has_its_colours_and_its_legend(visit):
    m = plain()
    data = collection({**square("x"), "id": "a"}, {**square("x"), "id": "b"})
    folium.Choropleth(data, data={"a": 1, "b": 9}, key_on="feature.id", bins=3, legend_name="Reports").add_to(m)
    page, seen = visit(make_offline(m, title="x"))
    assert seen == []
    fills = page.evaluate("[...document.querySelectorAll('path.leaflet-interactive')].map(path => path.getAttribute('fill'))")
    bar = page.evaluate("[...document.querySelectorAll('.legend rect')].map(part => part.getAttribute('fill'))")
    assert len(set(fills)) == 2
    assert [fill + "ff" for fill in fills] == [bar[0], bar[-1]]
    assert len(bar) == 3
    assert "Reports" in page.locator(".legend").text_content()


class Alone(MacroElement):
    stands_alone = True
    _template = Template("{% macro script(this, kwargs) %}window.told = {{ this.data }};{% endmacro %}")

    def __init__(self, data):
        super().__init__()
        self.data = as_json(data)


class Child(Alone):
    pass


def test_class_may_say_itself_that_it_stands_alone_but_not_for_its_children(visit):
    page, seen = visit(make_offline(plain().add_child(Alone(PAYLOADS)), title="x"))
    assert seen == []
    assert page.evaluate("told") == PAYLOADS
    with pytest.raises(ReleaseError, match="Child"):
        make_offline(plain().add_child(Child("x")), title="x")


def test_what_a_user_added_to_the_figure_stands_in_the_page(visit):
    m = plain()
    m.get_root().html.add_child(Element("<h1>Heading</h1>"))
    m.get_root().header.add_child(Element("<style>h1 { color: rgb(1, 2, 3) }</style>"), name="look")
    m.get_root().script.add_child(Element("window.added = 1;"))
    m.get_root().render()
    page, seen = visit(make_offline(m, title="x"))
    assert seen == []
    assert page.locator("h1").evaluate("heading => getComputedStyle(heading).color") == "rgb(1, 2, 3)"
    assert page.evaluate("added") == 1


def test_known_scripts_are_blocks_of_their_own_between_leaflet_and_the_map(visit):
    known = ["window.first = typeof L.map;\r\nlet x = 'ӯ\\u0433';", "window.second = typeof map_1.getZoom;"]
    text = make_offline(plain(), title="x", known_scripts=known, script="window.third = typeof map_1.getZoom;")
    page, seen = visit(text)
    assert seen == []
    assert page.evaluate("[first, second, third]") == ["function", "undefined", "function"]
    hashes = [hashlib.sha256(block.encode()).hexdigest() for block in blocks(text)]
    assert [hashes.index(block_hash(code)) for code in known] == [len(hashes) - 4, len(hashes) - 3]


def test_vendored_blocks_are_the_blocks_of_a_page_with_everything():
    m = plain()
    for add, _ in PLUGINS.values():
        add(m)
    folium.Marker(CENTRE, popup="x").add_to(m)
    hashes = {hashlib.sha256(block.encode()).hexdigest() for block in blocks(make_offline(m, title="x"))}
    assert set(vendored_blocks()) <= hashes
    assert len(set(vendored_blocks())) == len(vendored_blocks())


def test_plain_page_is_small_and_a_popup_costs_next_to_nothing():
    m = plain()
    size = len(make_offline(m, title="x").encode())
    assert size < 180_000
    folium.Marker(CENTRE, popup="x").add_to(m)
    assert len(make_offline(m, title="x").encode()) < size + 2_000


def test_policy_names_every_script_and_allows_nothing_else():
    page = make_offline(plain(), title="x", known_scripts=["1"])
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)[1]
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(code.encode()).digest()).decode() for code in scripts]
    assert re.findall(r"'sha256-([^']*)'", policy) == hashes
    assert policy.startswith("default-src 'none';")
    assert "unsafe-inline" not in policy.split("style-src")[0]
    assert "eval" not in policy
    assert page.index("Content-Security-Policy") < page.index("<script")


PROCESS = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
from test_offline import hostile_map
print(hashlib.sha256(hostile_map("<b>")[0].page(title="x").encode()).hexdigest())
"""


def test_two_renders_two_maps_and_two_processes_give_the_same_bytes():
    m, *_ = hostile_map("<b>")
    first = m.page(title="x")
    assert m.page(title="x") == first
    assert hostile_map("<b>")[0].page(title="x") == first
    assert not re.search(r"_[0-9a-f]{32}", first)
    assert "standin" not in first
    # What Folium leaves in a map when it renders it makes no difference, nor do other maps.
    m.get_root().render()
    m._repr_html_()
    assert m.page(title="x") == first
    made = [
        subprocess.run(
            [sys.executable, "-c", PROCESS, str(Path(__file__).parent)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        for seed in ("1", "2")
    ]
    assert made == [hashlib.sha256(first.encode()).hexdigest()] * 2


def test_cyrillic_letters_stand_as_letters_and_backslashes_as_they_were():
    m = plain()
    folium.GeoJson(collection(square("Ӯлмек"), square("Ӯлмек \\u0433"))).add_to(m)
    page = make_offline(m, title="x")
    assert '"Ӯлмек"' in page
    assert r'"Ӯлмек \u005cu0433"' in page


def test_a_text_that_looks_like_a_random_name_stays():
    name = "0123456789abcdef" * 2
    m = plain()
    folium.Marker(CENTRE, tooltip=name).add_to(m)
    assert name in make_offline(m, title="x")


def state_of(element):
    """Everything in a map, to be compared."""
    children = [(name, state_of(child)) for name, child in element._children.items()]
    return type(element), {name: repr(value) for name, value in vars(element).items() if name != "_children"}, children


def test_folium_and_the_map_are_left_as_they_were():
    def folium_itself():
        return (
            list(folium.Map.default_js),
            list(folium.Map.default_css),
            {kind: dict(included) for kind, included in folium.Map._includes.items() if included},
            branca.element.Element._generate_id,
            branca.element.urandom,
            plain().get_root().render().count("https://"),
        )

    m, *_ = hostile_map("<b>")
    before = folium_itself(), state_of(m.get_root())
    m.page()
    assert (folium_itself(), state_of(m.get_root())) == before
    assert "default_js" not in vars(m)


def test_offline_map_refuses_tiles():
    with pytest.raises(ReleaseError, match="tiles=None"):
        OfflineMap(CENTRE, tiles="OpenStreetMap")
    m = OfflineMap(CENTRE)
    folium.TileLayer("OpenStreetMap").add_to(m)
    with pytest.raises(ReleaseError, match="tiles=None"):
        m.page()


def test_offline_map_is_saved_as_the_page_that_it_gives(tmp_path):
    m = OfflineMap(CENTRE, zoom_start=7, control_scale=True)
    folium.Marker(CENTRE, tooltip="Ӯ").add_to(m)
    page = m.page(title="Ӯ", css="p { color: red }")
    m.save(tmp_path / "a.html", title="Ӯ", css="p { color: red }")
    m.save(str(tmp_path / "b.html"), title="Ӯ", css="p { color: red }")
    kept = io.BytesIO()
    m.save(kept, close_file=False, title="Ӯ", css="p { color: red }")
    assert {(tmp_path / name).read_bytes() for name in ("a.html", "b.html")} == {kept.getvalue()} == {page.encode()}
    assert page == make_offline(m, title="Ӯ", css="p { color: red }")


def test_offline_map_is_shown_in_a_notebook_as_its_page(visit):
    m = OfflineMap(CENTRE)
    folium.Marker(CENTRE, popup=folium.Popup("</script>", show=True)).add_to(m)
    frame = m._repr_html_()
    assert html.unescape(re.search(r'srcdoc="([^"]*)"', frame)[1]) == m.page()
    page, seen = visit(frame)
    assert [entry for entry in seen if not entry.startswith("about:srcdoc")] == []
    assert page.frames[1].locator(".leaflet-popup-content").text_content().strip() == "</script>"


def test_every_example_of_the_manual_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("start.js").write_text("function start() {} function greet() {}")
    manual = (Path(__file__).parents[2] / "docs" / "offline.md").read_text(encoding="utf-8")
    villages = types.SimpleNamespace(explore=lambda *_, tiles: folium.Map(tiles=tiles))
    names = {"villages": villages, "name": "<", "heading": "<", "settings": {}, "as_json": as_json}
    examples = re.findall(r"```python\n(.*?)```", manual, re.DOTALL)
    for example in examples:
        exec(example, names)  # noqa: S102
    assert len(examples) == 5
    m = names["m"]
    names["Greeting"](["<"]).add_to(m)
    assert names["page"].startswith("<!DOCTYPE html>")
    assert 'greet(map_1, ["\\u003c"])' in m.page()
