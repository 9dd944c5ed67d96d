"""The crime map and the tension map on a screen: what is refused, then what a reader finds, in a real browser."""

import hashlib
import html
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from importlib.resources import files
from io import BytesIO
from pathlib import Path

import folium
import geopandas as gpd
import matplotlib.image
import numpy as np
import pandas as pd
import pytest
import shapely.affinity
from pypdf import PdfReader
from shapely.geometry import shape

from tensionmap import tables
from tensionmap.errors import ReleaseError
from tensionmap.publish import style, web
from tensionmap.publish.words import languages
from tensionmap.tables import BACKGROUND_TABLES, Release

MAPS = {"crime": web.crime_map, "tension": web.tension_map}

HOSTILE = [
    "<script>window.P=1</script>",
    "<img src=x onerror=window.P=1>",
    "${window.P=1}",
    "`+(window.P=1)+`",
    "\\1 \\u0060 \\",
    "</script><script>window.P=1</script>",
    "\"'><b onmouseover=window.P=1>",
    "{{7*7}}{% raw %}{# x #}{n}",
    "a\u2028b\u2029c",
]

TOOLTIPS = """() => {
  const texts = [];
  map_1.eachLayer(layer => {
    if (!layer.feature) return;
    const latlng = layer.getLatLng ? layer.getLatLng() : layer.getBounds().getCenter();
    layer.fire("mouseover", {latlng}, true);
    const shown = [...document.querySelectorAll(".leaflet-tooltip")].at(-1);
    if (shown) texts.push(shown.textContent);
    layer.fire("mouseout", {latlng}, true);
  });
  return texts;
}"""


KEPT = ("date_precision", "window")


def with_text(release, text):
    """The release with ``text`` in every field that is free text, each beginning with a number of its own where keys need it."""

    def changed(frame, table):
        columns = [c.name for c in table.columns if c.kind == "text" and not c.one_of and c.name not in KEPT]
        return frame.assign(**{c: [f"{i}{text}" if c in table.key else text for i in range(len(frame))] for c in columns})

    facts = replace(
        release.facts,
        study=text,
        parties=(text,),
        reported_by=(text, text),
        missing_layers=(text,),
        loosened=(text,),
    )
    contracts = tables.RELEASE_TABLES[release.audience]
    return Release(
        release.audience,
        facts,
        {name: changed(frame, contracts[name]) for name, frame in release.tables.items()},
        {name: changed(frame, BACKGROUND_TABLES[name]) for name, frame in release.background.items()},
    )


def with_background(release, **changes):
    return replace(release, background={**release.background, **changes})


def with_tables(release, **changes):
    return replace(release, tables={**release.tables, **changes})


def data_of(text):
    """Every GeoJSON layer in the page."""
    return [json.loads(found) for found in re.findall(r"_add\((\{.*\})\);", text)]


def tooltips_of(text):
    """Every tooltip in the page, as read."""
    found = [feature["properties"].get("text", "") for layer in data_of(text) for feature in layer["features"]]
    return [html.unescape(text.replace("<br>", "\n")) for text in found]


def words_of(text, tag):
    """The words in an element that stands once in the page, tags taken out."""
    inside = re.search(rf"<{tag}[ >].*</{tag.split()[0]}>", text, re.DOTALL)[0]
    return html.unescape(re.sub("<[^>]*>", "", inside))


def picture(page):
    return matplotlib.image.imread(BytesIO(page.locator(".folium-map").screenshot()))[..., :3]


@pytest.mark.parametrize("theme", MAPS)
def test_raw_table_is_refused(release, theme):
    cells = release().tables["cells"]
    for raw in (cells, {"cells": cells}, None):
        with pytest.raises(ReleaseError, match="from a Release"):
            MAPS[theme](raw, language="en")


def test_release_without_a_listed_cell_is_drawn_in_the_same_frame(release):
    given = release().tables
    nothing = with_tables(release(), cells=given["cells"].iloc[:0], hotspots=given["hotspots"].iloc[:0])
    bounds = r'"bounds": \[\[[^]]+\], \[[^]]+\]\]'
    assert re.findall(bounds, web.crime_map(nothing, language="en")) == re.findall(
        bounds, web.crime_map(release(), language="en")
    )


def test_language_without_words_is_refused(release):
    with pytest.raises(ReleaseError, match="xx"):
        web.crime_map(release(), language="xx")


@pytest.mark.parametrize(("language", "theme"), [("en", "crime"), *((language, "tension") for language in languages())])
def test_page_asks_nobody_and_complains_of_nothing(any_release, theme, language, visit):
    text = MAPS[theme](any_release, language=language, contacts=["Council House"])
    page, seen = visit(text)
    page.locator("summary").nth(5).click()
    page.locator(".leaflet-control-zoom-in").click()
    page.wait_for_timeout(300)
    assert seen == []
    assert len(text.encode()) < 500_000
    assert page.evaluate("document.documentElement.lang") == language
    assert page.title() == page.locator("h1").text_content()
    assert page.locator(".folium-map").get_attribute("aria-label") == page.title()


def test_layers_of_the_tension_map_are_drawn(release, visit):
    page, _ = visit(web.tension_map(release(), language="en"))
    assert page.locator("#layers label").all_inner_texts() == [
        " Pasture and forest",
        " Reports in a square",
        " Water",
        " Roads, crossings, posts and meeting places",
        " Border claims",
        " Numbered areas",
        " Villages and towns",
    ]
    drawn = {
        "path[fill='#6a51a3']": 1,  # 20+
        "path[fill='#9e9ac8']": 1,  # 10-19, one path for all alike
        "path[fill='#cbc9e2']": 1,  # 5-9
        "path[stroke='#2b6ca3']": 1,
        "path[stroke='#3a86c0']": 1,
        ".number": 1,
        ".claimant": 5,
        ".name": 3,
    }
    assert {look: page.locator(f".leaflet-pane {look}").count() for look in drawn} == drawn
    assert len(np.unique(picture(page).reshape(-1, 3), axis=0)) > 100


def test_crime_map_has_no_water_and_no_cooperation(release, visit):
    page, _ = visit(web.crime_map(release(), language="en"))
    names = " ".join(page.locator("#layers label").all_inner_texts())
    assert "Water" not in names
    assert "Pasture" not in names
    assert "Reports in a square" in names


def test_cooperation_is_marked_on_the_tension_map(release):
    made = release(squares=[("cooperation", tables.PERIOD, 5, 5, 1, "5-9")])
    assert "Cooperation\n5-9 reports" in tooltips_of(web.tension_map(made, language="en"))
    assert "Cooperation\n5-9 reports" not in tooltips_of(web.crime_map(made, language="en"))


def test_mouse_over_a_square_says_what_it_means(release, visit):
    page, _ = visit(web.crime_map(release(), language="en"))
    middle = page.locator(".leaflet-pane path[fill='#6a51a3']").bounding_box()
    page.mouse.move(middle["x"] + middle["width"] * 0.3, middle["y"] + middle["height"] * 0.6)
    tooltip = page.locator(".leaflet-tooltip")
    tooltip.wait_for()
    assert tooltip.inner_text() == "20+ reports"


def test_layer_goes_and_comes_back_below_the_outlines(release, visit):
    page, seen = visit(web.tension_map(release(), language="en"))
    box = page.get_by_label("Reports in a square")
    before = picture(page)
    box.uncheck()
    page.mouse.move(1, 1)
    assert page.locator(".leaflet-pane path[fill='#6a51a3']").count() == 0
    assert (picture(page) != before).any()
    box.check()
    page.mouse.move(1, 1)
    # Chromium paints anew a part of the picture alone, whose edge may differ by one grey of 255; another order is seen better.
    assert np.abs(picture(page) - before).max() < 1.5 / 255
    assert seen == []


@pytest.mark.parametrize("size", [(1024, 768), (400, 700)])
def test_nothing_covers_the_map(release, visit, size):
    page, _ = visit(web.tension_map(release("police"), language="en"))
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.wait_for_timeout(100)
    frame = page.locator(".folium-map").bounding_box()
    assert frame["width"] > 0.6 * size[0]
    assert frame["height"] > 0.6 * size[1]
    for part in ("header", "aside"):
        other = page.locator(part).bounding_box()
        beside = other["x"] >= frame["x"] + frame["width"] or other["y"] >= frame["y"] + frame["height"]
        assert beside or other["y"] + other["height"] <= frame["y"], part


VISIBLE_NAMES = """() => [...document.querySelectorAll(".name")].filter(name => getComputedStyle(name).visibility == "visible")
  .map(name => [name.textContent, name.getBoundingClientRect()])
  .map(([text, box]) => [text, box.left, box.top, box.right, box.bottom])"""


def test_names_never_overlap_and_towns_come_first(release, visit):
    made = release()
    one = made.background["settlements"].query("kind == 'village'").iloc[[0] * 60]
    spots = [(500_000 + 1_300 * (n % 9), 4_760_500 + 1_250 * (n // 9)) for n in range(60)]
    crowd = one.assign(settlement_id=[f"w{n}" for n in range(60)], name=[f"Longish village {n}" for n in range(60)])
    crowd = crowd.set_geometry(gpd.points_from_xy(*zip(*spots, strict=True), crs=crowd.crs))
    both = pd.concat([crowd, made.background["settlements"]], ignore_index=True)
    page, seen = visit(web.crime_map(with_background(made, settlements=both), language="en"))
    counts = []
    for zoom in (10, 12, 14):
        page.evaluate("zoom => { map_1.setMinZoom(0); map_1.setZoom(zoom, {animate: false}); }", zoom)
        names = page.evaluate(VISIBLE_NAMES)
        boxes = shapely.box(*np.array([name[1:] for name in names]).T)
        assert shapely.area(shapely.union_all(boxes)) == pytest.approx(shapely.area(boxes).sum())
        assert any(name[0].startswith("Ulmek") for name in names)
        counts.append(len(names))
    assert counts == sorted(set(counts))
    assert counts[0] < 10
    assert counts[-1] == 63
    assert seen == []


def test_the_map_zooms_in_no_further_than_places_are_known(release, visit):
    page, _ = visit(web.crime_map(release(), language="en"))
    page.evaluate("() => { map_1.setZoom(99, {animate: false}); }")
    assert page.evaluate("map_1.getZoom()") == 15


def test_an_edge_that_only_ends_the_data_is_no_claim(release):
    made = release()
    claims = made.background["claims"]
    areas = [shapely.box(498_500, 4_764_700, 513_500, 4_771_500), shapely.box(498_500, 4_758_500, 513_500, 4_765_300)]
    wider = claims.set_geometry([*claims.geometry[:3], *areas], crs=claims.crs)
    assert claims["kind"].tolist()[3:] == ["area", "area"]
    for kept, longest in ((claims.index, 13_000), (claims.index[3:], 12_100)):
        text = web.tension_map(with_background(made, claims=wider.loc[kept]), language="en")
        drawn = [
            shape(feature["geometry"])
            for layer in data_of(text)
            for feature in layer["features"]
            if "laimed by" in feature["properties"].get("text", "") and "Point" not in feature["geometry"]["type"]
        ]
        lines = gpd.GeoSeries(drawn, crs=4326).to_crs(claims.crs)
        assert len(lines) >= 2
        assert lines.total_bounds[1] > 4_762_000
        assert lines.total_bounds[3] < 4_768_000
        assert lines.length.max() < longest


@pytest.mark.parametrize(
    ("theme", "audience", "payload"), [("tension", "police", p) for p in HOSTILE] + [("crime", "research", "".join(HOSTILE))]
)
def test_hostile_text_is_shown_and_does_not_run(release, visit, theme, audience, payload):
    hostile = with_text(release(audience), payload)
    page, seen = visit(MAPS[theme](hostile, language="en", contacts=[payload]))
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    tooltips = page.evaluate(TOOLTIPS)
    assert seen == []
    assert page.evaluate("window.P") is None
    assert payload in page.title()
    assert page.locator("aside").text_content().count(payload) >= 12
    for place in ("h1", ".loosened", ".name", ".number"):
        assert payload in page.locator(place).first.text_content(), place
    assert payload[0] in page.locator(".claimant").first.text_content()
    assert sum(payload in tooltip for tooltip in tooltips) >= 15


def test_two_renders_give_the_same_bytes(any_release):
    for make in MAPS.values():
        assert make(any_release, language="en") == make(any_release, language="en")


def test_two_processes_give_the_same_bytes(release):
    code = (
        "import hashlib, importlib.util as u, sys; s = u.spec_from_file_location('made', sys.argv[1]);"
        "m = u.module_from_spec(s); s.loader.exec_module(m); from tensionmap.publish import web;"
        "t = web.tension_map(m.make_release('police'), language='en'); print(hashlib.sha256(t.encode()).hexdigest())"
    )
    conftest = Path(__file__).with_name("conftest.py")
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", code, conftest],
            env={**os.environ, "PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in ("1", "2")
    ]
    here = hashlib.sha256(web.tension_map(release("police"), language="en").encode()).hexdigest()
    assert [run.communicate()[0].strip() for run in runs] == [here, here]


def test_folium_is_left_as_it_was(release):
    before = (list(folium.Map.default_js), list(folium.Map.default_css))
    web.tension_map(release(), language="en")
    assert (folium.Map.default_js, folium.Map.default_css) == before


def test_inputs_are_left_as_they_were(release):
    made = release("police")
    digest, background = made.digest, {name: frame.to_wkb() for name, frame in made.background.items()}
    web.tension_map(made, language="en")
    assert made.digest == digest
    for name, frame in made.background.items():
        pd.testing.assert_frame_equal(frame.to_wkb(), background[name])


@pytest.mark.parametrize("theme", MAPS)
def test_page_for_the_community_holds_only_words_and_rounded_shapes(release, theme):
    text = MAPS[theme](release(), language="en")
    body = text[text.index("<body>") :]
    for name in ("p_map", '"count"', "expected", "residents", "record_id", "E503N4763", "2026-01-05", "Counted", "k-anonymity"):
        assert name not in body
    layers = data_of(text)
    assert len(layers) > 5
    for feature in (feature for layer in layers for feature in layer["features"]):
        assert set(feature["properties"]) <= {"text"}
        for number in re.findall(r"-?\d+\.\d+", json.dumps(feature["geometry"])):
            assert len(number.split(".")[1]) <= 5


def test_squares_of_the_lowest_class_are_not_drawn(release):
    tooltips = tooltips_of(web.crime_map(release(), language="en"))
    assert "fewer than 5 or none" not in tooltips
    assert "5-9 reports" in tooltips


@pytest.mark.parametrize("theme", MAPS)
def test_the_community_is_shown_the_period_and_no_quarter(release, theme):
    made = release()
    of_period = {name: made.tables[name].query("window == 'period'") for name in ("cells", "totals", "numbers")}
    whole, period = (MAPS[theme](shown, language="en") for shown in (made, with_tables(made, **of_period)))
    assert whole.replace(made.digest, "") == period.replace(with_tables(made, **of_period).digest, "")
    assert "joint repair" not in words_of(whole, "aside") or theme == "tension"
    for of_quarter in ("fraud", "land dispute", "7,770"):
        assert of_quarter not in whole


def test_a_release_of_quarters_alone_is_an_empty_map(release):
    made = release(verdicts={})
    of_quarters = {name: made.tables[name].query("window != 'period'") for name in ("cells", "totals", "numbers")}
    text = web.tension_map(with_tables(made, **of_quarters, hotspots=made.tables["hotspots"].iloc[:0]), language="en")
    assert not any("reports" in tooltip for tooltip in tooltips_of(text))
    assert words_of(text, "header").endswith("September 2026That is too few to tell whether any area stands out.")
    assert "of 100 reports" not in words_of(text, "aside")


def test_merged_squares_say_their_size(release):
    merged = [("crime", tables.PERIOD, 6, 6, 2, "5-9"), ("cooperation", tables.PERIOD, 0, 4, 4, "5-9")]
    told = "squares of 1 by 1 km, and of 2 or 4 km where fewer reports or people are."
    crime, tension = (MAPS[theme](release(squares=merged), language="en") for theme in MAPS)
    assert "5-9 reports\nSquare of 2 by 2 km" in tooltips_of(crime)
    assert "5-9 reports" in tooltips_of(crime)
    assert "Cooperation\n5-9 reports\nSquare of 4 by 4 km" in tooltips_of(tension)
    assert told in words_of(crime, "aside")
    assert told in words_of(tension, "aside")
    for audience in tables.AUDIENCES:
        plain = web.tension_map(release(audience), language="en")
        assert told not in words_of(plain, "aside")
        assert not any("Square of" in tooltip for tooltip in tooltips_of(plain))


def test_months_are_named_where_squares_and_areas_rest_on_different_ones(release):
    public = {"public_from": "2023-10-01", "public_to": "2026-06-30"}
    text = web.crime_map(release(**public), language="en")
    assert "Crime map of Small Border, October 2023 to June 2026" in words_of(text, "header")
    assert "Reports in a square, October 2023 to June 2026" in words_of(text, "aside")
    assert "Numbered areas, October 2023 to September 2026" in words_of(text, "aside")
    for plain in (web.crime_map(release(), language="en"), web.crime_map(release("research", **public), language="en")):
        assert "Crime map of Small Border, October 2023 to September 2026" in words_of(plain, "header")
        assert "Reports in a square," not in words_of(plain, "aside")
        assert "Numbered areas," not in words_of(plain, "aside")


def test_how_few_reports_a_count_stands_for_is_told_inside_alone(release):
    told = "Counts by theme, quarter and square: the smallest is 1 (k-anonymity k = 1); 38 of 100 reach 5."
    for audience in tables.AUDIENCES:
        made = release(audience, smallest_count=1, percent_at_minimum=38)
        assert (told in words_of(web.crime_map(made, language="en"), "aside")) == (audience != "community")
    assert "k-anonymity" not in web.crime_map(release("police", smallest_count=None), language="en")


@pytest.mark.parametrize("language", ["en", "tg"])
def test_lowered_thresholds_stand_in_plain_sight_and_in_the_doubt(release, visit, language):
    signed = "minimum_residents 50 instead of 100, signed off by A. Orrin and B. Tavesh: <a small valley>"
    text = web.crime_map(release(loosened=(signed,)), language=language)
    page, seen = visit(text)
    assert page.locator("header .banner.loosened").inner_text() == signed
    assert page.locator("header .banner.loosened").is_visible()
    assert signed in words_of(text, "aside")
    assert seen == []


def test_research_sees_figures_and_police_sees_reports(release):
    research = "Counted: 3; expected if nothing is going on: 1.5; p over the whole map: 0.200"
    assert f"5-9 reports\n{research}" in tooltips_of(web.crime_map(release("research"), language="en"))
    police = tooltips_of(web.crime_map(release("police"), language="en"))
    assert "Theft\n5 January 2026\nReported by: Norvia\nPlace known to within 10 m" in police
    assert "5-9 reports\nCounted: 3" in police


def test_single_reports_are_drawn_on_canvas(release, visit):
    page, _ = visit(web.crime_map(release("police"), language="en"))
    assert page.locator(".leaflet-pane canvas").count() == 1
    before = picture(page)
    page.get_by_label("Single reports").uncheck()
    page.mouse.move(1, 1)
    assert (picture(page) != before).any()


@pytest.mark.parametrize(
    ("audience", "banners"),
    [
        ("community", ["INVENTED TRAINING DATA"]),
        ("police", ["INTERNAL: for the police only", "INVENTED TRAINING DATA"]),
        ("research", ["INTERNAL: for research only", "INVENTED TRAINING DATA"]),
    ],
)
def test_banners_say_invented_and_internal(release, audience, banners):
    def found(**facts):
        return re.findall(r'<p class="banner [^>]*>([^.<]*)', web.crime_map(release(audience, **facts), language="en"))

    assert [text.startswith(banner) for text, banner in zip(found(), banners, strict=True)] == [True] * len(banners)
    assert len(found(is_invented=False)) == len(banners) - 1


@pytest.mark.parametrize("audience", tables.AUDIENCES)
@pytest.mark.parametrize("theme", MAPS)
def test_internal_pages_carry_a_red_banner_on_screen_and_when_printed(release, theme, audience, visit):
    page, _ = visit(MAPS[theme](release(audience), language="en"))
    banner, red = page.locator("header .internal"), "rgb(176, 0, 32)"
    if audience == "community":
        assert banner.count() == 0
        return

    def look(name):
        return banner.evaluate("(banner, name) => getComputedStyle(banner)[name]", name)

    assert banner.is_visible()
    assert (look("backgroundColor"), look("color"), look("fontWeight")) == (red, "rgb(255, 255, 255)", "700")
    frame = banner.bounding_box()
    assert (frame["y"], frame["width"]) == (0, 1024)
    # A printer leaves backgrounds out.
    page.emulate_media(media="print")
    assert (look("backgroundColor"), look("color"), look("borderTopColor")) == ("rgba(0, 0, 0, 0)", red, red)
    assert look("borderTopStyle") == "solid"
    assert page.locator(".folium-map").bounding_box()["y"] < page.locator("aside").bounding_box()["y"]
    assert "INTERNAL" in PdfReader(BytesIO(page.pdf(format="A4"))).pages[0].extract_text()


def test_red_is_the_same_on_screen_and_on_paper():
    css = files("tensionmap.publish").joinpath("web.css").read_text(encoding="utf-8")
    assert f".internal {{ background: {style.BANNERS['internal']}; }}" in css
    assert f".internal {{ color: {style.BANNERS['internal']}; }}" in css


@pytest.mark.parametrize(
    ("verdict", "sentence"),
    [
        ("found", "In 1 numbered area there were more than chance would explain."),
        ("none found", "No area stands out more than chance would explain."),
        ("too few to tell", "That is too few to tell whether any area stands out."),
    ],
)
def test_summary_says_the_verdict(release, verdict, sentence):
    made = release(verdicts={"crime": verdict})
    if verdict != "found":
        made = with_tables(made, hotspots=made.tables["hotspots"].iloc[:0])
    assert words_of(web.crime_map(made, language="en"), "header").endswith(f"Reports: about 640. {sentence}")


def test_hidden_hot_spot_is_said_not_drawn(release):
    text = web.crime_map(with_tables(release(), hotspots=release().tables["hotspots"].iloc[:0]), language="en")
    assert "An area stands out, but is not shown, to protect people." in words_of(text, "header")
    assert "not shown: too few people live or reported there" in words_of(text, "aside")
    assert not any(tooltip.startswith("Hot spot") for tooltip in tooltips_of(text))


def test_cold_spot_is_named_and_explained(release):
    made = release()
    cold = made.tables["hotspots"].assign(kind="cold", at_least=0, reported_from=None)
    text = web.crime_map(with_tables(made, hotspots=cold), language="en")
    assert "In 1 numbered area there were fewer than chance would explain." in words_of(text, "header")
    assert "Cold spot 1: fewer reports than chance would explain, near Orrin" in words_of(text, "aside")
    assert "at least" not in words_of(text, "aside")
    assert any(tooltip.startswith("Cold spot 1") for tooltip in tooltips_of(text))


def test_panel_says_what_a_reader_must_know(release):
    made = release(reported_by=("Norvia",))
    beside = words_of(web.tension_map(made, language="en", contacts=["Council House, Orrin: 000-111"]), "aside")
    for sentence in (
        "fewer than 5 or none",
        "Places are approximate: squares of 1 by 1 km.",
        "it does not mean safe",
        "Hot spot 1: more reports than chance would explain, at least 20 reports, reported from both sides, near Orrin (Оррин)",
        "an area would be numbered on at most 5 of 100 (999 such maps were drawn)",
        "Drawing a line, an area or a name does not mean that anybody accepts or endorses it.",
        "N+S: agreed: Norvia + Selmar, since 13 March 2025",
        "Without a place exact enough for the map: 12 of 100 reports.",
        "The study has no data on: gate, spring.",
        "Violence in families, sexual violence, violence against children, recruitment",
        "are counted for the whole study only, from 10 reports on.",
        "All reports come from one side: Norvia.",
        "S: claimed by Selmar, since 1 January 1991 (Selmar survey)",
        made.digest,
        "Council House, Orrin: 000-111",
        "irrigation dispute20+",
        "joint repair5-9",
    ):
        assert sentence in beside


@pytest.mark.parametrize(
    ("at_least", "reported_from", "told"),
    [
        (10, "one side only", ["At least 10 reports", "Reported from one side only"]),
        (1, None, ["At least 1 report"]),
    ],
)
def test_an_area_says_at_least_how_many_and_from_which_sides(release, at_least, reported_from, told):
    made = release()
    hotspots = made.tables["hotspots"].assign(at_least=at_least, reported_from=reported_from)
    tooltips = tooltips_of(web.crime_map(with_tables(made, hotspots=hotspots), language="en"))
    expected = ["Hot spot 1", "More reports than chance would explain", *told, "Near Orrin (Оррин), Tavesh (Тавеш)"]
    assert "\n".join(expected).casefold() in [tooltip.casefold() for tooltip in tooltips]


def test_claims_of_all_parties_are_drawn_alike(release, visit):
    text = web.tension_map(release(), language="en")
    page, _ = visit(text)
    looks = page.evaluate(
        """() => {
          const found = {};
          map_1.eachLayer(layer => {
            const text = layer.feature && layer.feature.properties.text;
            if (!text || !layer.setStyle || !/^Claimed by/.test(text)) return;
            const {color, weight, dashArray, opacity, lineCap} = layer.options;
            const who = text.split(",")[0];
            found[who] = [...(found[who] || []), JSON.stringify([color, weight, dashArray, opacity, lineCap])];
          });
          return found;
        }"""
    )
    assert set(looks) == {"Claimed by Norvia", "Claimed by Selmar"}
    assert set(looks["Claimed by Norvia"]) == set(looks["Claimed by Selmar"])


def test_claim_that_ended_is_counted_and_not_drawn(release):
    made = release()
    claims = made.background["claims"].copy()
    claims.loc[0, "date_to"] = pd.Timestamp("2024-01-01")
    text = web.crime_map(with_background(made, claims=claims), language="en")
    before = tooltips_of(web.crime_map(made, language="en"))
    assert "Claimed by Norvia, since 1 January 1991\nAccording to: Norvian survey" in before
    assert len(tooltips_of(text)) < len(before)
    assert "1 claim that ended before is not drawn." in words_of(text, "aside")


def test_season_of_a_pasture_is_named(release):
    tooltips = tooltips_of(web.tension_map(release(), language="en"))
    assert "Pasture: High Pasture\nIn use: May to September" in tooltips
    assert "Forest" in tooltips


def test_district_is_no_place_on_the_map(release):
    made = release()
    settlements = made.background["settlements"].assign(kind=["village", "district", "town"])
    tooltips = tooltips_of(web.crime_map(with_background(made, settlements=settlements), language="en"))
    assert "Orrin (Оррин)\nvillage" in tooltips
    assert not any("Tavesh (Тавеш)\n" in tooltip for tooltip in tooltips)


def test_empty_background_is_a_map_all_the_same(release, visit):
    made = release(missing_layers=("canal",))
    empty = {name: frame.iloc[:0] for name, frame in made.background.items()}
    page, seen = visit(web.tension_map(replace(made, background=empty), language="en"))
    assert seen == []
    assert "The study has no border claims here: none is drawn." in page.locator("aside").text_content()
    assert page.locator(".leaflet-pane path[fill='#6a51a3']").count() == 1


def test_background_far_from_the_study_is_left_out(release):
    made = release()
    settlements = made.background["settlements"]
    moved = settlements.set_geometry(settlements.geometry.translate(yoff=300_000))
    resources = made.background["resources"]
    longer = resources.set_geometry([shapely.affinity.scale(shape, 40, 40) for shape in resources.geometry], crs=resources.crs)
    text = web.tension_map(with_background(made, settlements=moved, resources=longer), language="en")
    assert "Orrin (Оррин)\nvillage" not in tooltips_of(text)
    numbers = re.findall(r"\[(-?\d+\.\d+), (-?\d+\.\d+)\]", json.dumps(data_of(text)))
    assert len(numbers) > 50
    assert all(-27.1 < float(east) < -26.7 and 42.9 < float(north) < 43.2 for east, north in numbers)
