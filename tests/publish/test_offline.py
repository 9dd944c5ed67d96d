"""Any Folium map as a page that stands alone: what is refused, then what comes out."""

import base64
import hashlib
import json
import re
import shutil
from importlib.resources import files
from pathlib import Path

import branca.element
import folium
import folium.plugins
import pytest
from branca.element import Element, JavascriptLink

from tensionmap.errors import ReleaseError
from tensionmap.publish import offline
from tensionmap.publish.offline import as_json, escape, make_offline

PAYLOADS = [
    "<script>window.P=1</script>",
    "<img src=x onerror=window.P=1>",
    "${window.P=1}",
    "`+(window.P=1)+`",
    "\\1 \\u0060",
    "</script><script>window.P=1</script>",
    "\"'><b onmouseover=window.P=1>",
    "{{7*7}}{% raw %}{# x #}",
    "a\u2028b\u2029c",
    "Ӯғур \\u0433 \\\\u0433",
]


def plain(**options):
    return folium.Map([43.0, -27.0], tiles=None, **options)


def square(text):
    ring = [[-27.0, 43.0], [-26.9, 43.0], [-26.9, 43.1], [-27.0, 43.0]]
    return {"type": "Feature", "properties": {"text": text}, "geometry": {"type": "Polygon", "coordinates": [ring]}}


@pytest.mark.parametrize(
    "element",
    [
        lambda: folium.TileLayer("OpenStreetMap"),
        lambda: folium.Popup("text"),
        lambda: folium.Marker([43, -27], icon=folium.Icon()),
        lambda: folium.Marker([43, -27], popup="text"),
        lambda: folium.GeoJson(square("x"), marker=folium.Marker(icon=folium.Icon())),
        lambda: folium.plugins.MarkerCluster(),
        lambda: folium.plugins.HeatMap([[43, -27]]),
        lambda: folium.ClickForMarker(),
        lambda: Element("text"),
    ],
)
def test_element_that_needs_more_than_leaflet_is_refused_by_name(element):
    with pytest.raises(ReleaseError, match="needs more than Leaflet"):
        make_offline(plain().add_child(element()), title="x")


def test_layer_kept_in_front_by_jquery_is_refused():
    m = plain()
    m.keep_in_front(folium.FeatureGroup().add_to(m))
    with pytest.raises(ReleaseError, match="keep_in_front"):
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
        {"css": "p { background: URL( 'https://example.org/x.png' ) }"},
        {"css": "@import 'x.css';"},
    ],
)
def test_page_part_that_reaches_outside_is_refused(part):
    with pytest.raises(ReleaseError, match=r"Take it out|forbids itself"):
        make_offline(plain(), title="x", **part)


def test_changed_vendored_file_is_refused(tmp_path, monkeypatch):
    folder = Path(str(files("tensionmap.publish").joinpath("vendored")))
    shutil.copytree(folder, tmp_path / "vendored")
    with (tmp_path / "vendored" / "leaflet" / "leaflet.js").open("a") as code:
        code.write(";")
    monkeypatch.setattr(offline, "files", lambda _: tmp_path)
    offline._vendored.cache_clear()
    with pytest.raises(ReleaseError, match=r"leaflet\.js of Leaflet 1\.9\.4"):
        make_offline(plain(), title="x")
    offline._vendored.cache_clear()


def test_manifest_names_every_vendored_file():
    folder = Path(str(files("tensionmap.publish").joinpath("vendored")))
    named = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["leaflet"]["files"]
    found = {
        path.relative_to(folder / "leaflet").as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (folder / "leaflet").rglob("*")
        if path.is_file()
    }
    assert named == found


def test_every_address_of_a_plain_folium_map_is_known():
    addresses = {address for _, address in (*folium.Map.default_js, *folium.Map.default_css)}
    assert addresses == {offline._LEAFLET_JS, offline._LEAFLET_CSS, *offline._NOT_NEEDED}


@pytest.mark.parametrize("payload", PAYLOADS)
def test_escaped_text_holds_no_character_that_could_run(payload):
    assert not set(escape(payload)) & set("<>\"'`${}\\\u2028\u2029")


@pytest.mark.parametrize("value", [*PAYLOADS, {"a": ["<!--", "&"]}])
def test_json_for_a_script_is_the_same_value(value):
    text = as_json(value)
    assert json.loads(text) == value
    assert text.isascii()
    assert not set(text) & set("<>&")


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_text_is_shown_and_does_not_run(visit, payload):
    m = plain()
    text = escape(payload)
    folium.Marker([43.0, -27.0], tooltip=folium.Tooltip(text, permanent=True)).add_to(m)
    folium.Marker([43.1, -27.1], icon=folium.DivIcon(html=text)).add_to(m)
    layer = folium.GeoJson({"type": "FeatureCollection", "features": [square(text)]}, name=text).add_to(m)
    folium.GeoJsonTooltip(["text"], labels=False, permanent=True).add_to(layer)
    folium.LayerControl(collapsed=False).add_to(m)
    page, seen = visit(make_offline(m, title=payload, language=payload, body=f"<p>{text}</p>", script=f"p = {as_json(payload)}"))
    assert seen == []
    assert page.evaluate("window.P") is None
    assert page.evaluate("p") == payload
    assert page.evaluate("document.title") == payload
    for place in ("p", ".leaflet-tooltip div", ".empty", ".leaflet-tooltip td", ".leaflet-control-layers label"):
        assert payload in page.locator(place).first.text_content(), place


def test_what_the_harness_watches_for_is_seen(visit):
    page, seen = visit("<p><img src='https://example.org/x.png'><script>console.info('hello')</script>")
    assert any("example.org" in entry for entry in seen)
    assert "hello" in seen
    m = plain()
    folium.Marker([43.0, -27.0], tooltip="${window.P=1}").add_to(m)
    page, _ = visit(make_offline(m, title="x"))
    assert page.evaluate("window.P") == 1, "a text that was not escaped runs, so the tests above can fail"


def test_page_of_any_folium_user_works_without_a_network(visit):
    m = plain(control_scale=True)
    group = folium.FeatureGroup("Layer").add_to(m)
    folium.Marker([43.0, -27.0]).add_to(group)
    folium.Circle([43.0, -27.0], radius=500).add_to(group)
    folium.PolyLine([[43.0, -27.0], [43.1, -27.1]], tooltip="line").add_to(group)
    folium.GeoJson(square("x"), marker=folium.CircleMarker()).add_to(group)
    folium.LayerControl().add_to(m)
    m.fit_bounds([[43.0, -27.1], [43.1, -27.0]])
    page, seen = visit(make_offline(m, title="Any map"))
    assert seen == []
    assert page.locator("svg path.leaflet-interactive").count() == 3
    assert page.evaluate("document.querySelector('.leaflet-marker-icon').naturalWidth") == 25
    assert page.locator(".leaflet-control-attribution").count() == 0


def test_policy_names_every_script_and_allows_nothing_else():
    page = make_offline(plain(), title="x")
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)[1]
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(code.encode()).digest()).decode() for code in scripts]
    assert re.findall(r"'sha256-([^']*)'", policy) == hashes
    assert policy.startswith("default-src 'none';")
    assert "unsafe-inline" not in policy.split("style-src")[0]
    assert page.index("Content-Security-Policy") < page.index("<script")


def test_two_renders_and_two_maps_give_the_same_bytes():
    def made():
        m = plain()
        for k in range(12):
            folium.CircleMarker([43, -27 + k / 10], tooltip=str(k)).add_to(m)
        return m

    m = made()
    first = make_offline(m, title="x")
    assert make_offline(m, title="x") == first
    assert make_offline(made(), title="x") == first
    assert not re.search(r"_[0-9a-f]{32}", first)


def test_cyrillic_letters_stand_as_letters_and_backslashes_as_they_were():
    m = plain()
    folium.GeoJson({"type": "FeatureCollection", "features": [square("Ӯлмек \\u0433")]}).add_to(m)
    page = make_offline(m, title="x")
    assert r'"Ӯлмек \\u0433"' in page


def test_a_text_that_looks_like_a_random_name_stays():
    name = "0123456789abcdef" * 2
    m = plain()
    folium.Marker([43.0, -27.0], tooltip=name).add_to(m)
    assert name in make_offline(m, title="x")


def test_folium_is_left_as_it_was():
    def state():
        return (
            list(folium.Map.default_js),
            list(folium.Map.default_css),
            dict(folium.Map._includes),
            branca.element.Element._generate_id,
            branca.element.urandom,
            plain().get_root().render().count("https://"),
        )

    before = state()
    m = plain()
    options = dict(m.options)
    make_offline(m, title="x")
    assert state() == before
    assert m.options == options
    assert "default_js" not in vars(m)
