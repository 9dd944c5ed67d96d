"""The pages in a real browser without a network: what a reader can do with them, by mouse, finger and keyboard."""

import html
import re
from dataclasses import replace
from io import BytesIO

import geopandas as gpd
import matplotlib.image
import numpy as np
import pandas as pd
import pytest
import shapely
from axe_playwright_python.sync_playwright import Axe
from pypdf import PdfReader

from tensionmap import tables
from tensionmap.publish import web
from tensionmap.publish.words import Words, languages
from tensionmap.tables import BACKGROUND_TABLES, Release

MAPS = {"crime": web.crime_map, "tension": web.tension_map}
PERIOD, SPRING, SUMMER = 0, 1, 2

HOSTILE = [
    "<script>window.P=1</script>",
    "<img src=x onerror=window.P=1>",
    "${window.P=1}",
    "`+(window.P=1)+`",
    "\\1 \\u0060 \\",
    "</script><script>window.P=1</script>",
    "\"'><b onmouseover=window.P=1>",
    "{{7*7}}{% raw %}{# x #}{n}{0}",
    "a\u2028b\u2029c",
    "<!--<script>",
    "javascript:window.P=1",
]


def with_text(release, text):
    """The release with ``text`` in every field that is free text; behind the keys, which still name what they named."""

    def changed(frame, table):
        kept = ("date_precision", "window", "support")
        columns = [c.name for c in table.columns if c.kind == "text" and not c.one_of and c.name not in kept]
        named = {*table.key, "place_id"}
        return frame.assign(**{c: frame[c] + text if c in named else text for c in columns})

    facts = replace(
        release.facts, study=text, parties=(text,), reported_by=(text, text), missing_layers=(text,), loosened=(text,)
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


def picture(page):
    return matplotlib.image.imread(BytesIO(page.locator(".folium-map").screenshot()))[..., :3]


def slide(page, window):
    """Move the slider as a hand would: by its own event."""
    page.locator("#window").evaluate(
        "(slider, to) => { slider.value = to; slider.dispatchEvent(new Event('input')); }", str(window)
    )


def squares(page, side="chosen"):
    """How many paths of squares are on the map, by band."""
    found = page.locator(f".leaflet-squares-{side}-pane path")
    return sorted(found.nth(n).get_attribute("fill") for n in range(found.count()))


@pytest.mark.parametrize("theme", MAPS)
def test_page_asks_nobody_and_complains_of_nothing(any_release, theme, visit):
    text = MAPS[theme](any_release, languages=languages(), contacts=[("other", "Council House")])
    page, seen = visit(text)
    for number, language in enumerate(languages()):
        if len(languages()) > 1:
            page.select_option("#language", str(number))
        assert page.evaluate("document.documentElement.lang") == language
        assert page.title() == page.locator("h1").text_content()
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    for window in (SUMMER, SPRING, PERIOD):
        slide(page, window)
    page.locator(".leaflet-control-zoom-in").click()
    page.wait_for_timeout(300)
    assert seen == []
    assert len(text.encode()) < 700_000


def test_language_changes_every_word_without_a_request(release, visit):
    page, seen = visit(web.tension_map(release(), languages=languages()))
    english = page.locator("body").inner_text()
    for number, language in enumerate(languages()):
        page.select_option("#language", str(number))
        words = Words(language)
        assert page.locator("h1").text_content() == words(
            "Tension map of {study}, {months}", study="Small Border", months=words.months("2023-10-01", "2026-09-30")
        )
        assert page.locator(".leaflet-control-zoom-in").get_attribute("aria-label") == words("Zoom in")
        assert page.locator("[data-layer=pasture] label").inner_text().strip() == words("Pasture")
        first = page.locator(".name").first.inner_text().split("\n")[0]
        assert bool(re.search("[а-я]", first)) == words._is_cyrillic, language
    page.select_option("#language", "0")
    assert page.locator("body").inner_text() == english
    assert seen == []


def test_no_language_is_offered_where_there_is_one(release, visit):
    page, _ = visit(web.crime_map(release(), languages=["en"]))
    assert page.locator("#language").count() == 0


def test_slider_changes_squares_title_and_totals_at_once(release, visit):
    page, seen = visit(web.crime_map(release(squares=[("crime", "2026Q2", 2, 2, 1, "10-19")]), languages=["en"]))
    assert squares(page) == ["url(#band-1)", "url(#band-2)", "url(#band-3)"]
    slide(page, SPRING)
    assert squares(page) == ["url(#band-2)"]
    assert page.locator("h1").text_content() == "Crime map of Small Border, April to June 2026"
    assert page.locator("#window").get_attribute("aria-valuetext") == "April to June 2026"
    assert "Reports in a square, April to June 2026" in page.locator("[data-layer=squares]").inner_text()
    slide(page, SUMMER)
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    assert page.locator("table:visible caption").all_inner_texts() == ["July to September 2026"]
    assert "fraud" in page.locator("table:visible").inner_text()
    page.locator("#window").focus()
    page.keyboard.press("ArrowLeft")
    assert page.locator("h1").text_content().endswith("April to June 2026")
    assert seen == []


def test_claims_follow_the_date(release, visit):
    made = release()
    claims = made.background["claims"].query("kind == 'line'").copy()
    claims.loc[0, "date_to"] = pd.Timestamp("2026-07-15")
    page, _ = visit(web.tension_map(with_background(made, claims=claims), languages=["en"]))
    lines = page.locator(".leaflet-claims-chosen-pane path")
    counts = []
    for window in (PERIOD, SPRING, SUMMER):
        slide(page, window)
        counts.append(lines.count())
        told = page.locator("[data-layer=claims] li:visible").all_inner_texts()
        assert any("Norvian survey" in text and "laimed" in text for text in told) == (window == SPRING)
    assert counts[0] == counts[2] < counts[1]


def test_two_times_stand_side_by_side_and_the_edge_moves_by_keyboard(release, visit):
    page, seen = visit(web.crime_map(release(squares=[("crime", "2026Q2", 2, 2, 1, "10-19")]), languages=["en"]))
    assert page.locator(".swipe").is_hidden()
    slide(page, SUMMER)
    page.select_option("#other", str(SPRING))
    assert squares(page, "other") == ["url(#band-2)"]
    assert squares(page, "chosen") == ["url(#band-3)"]
    assert page.locator(".time.left").inner_text() == "April to June 2026"
    assert page.locator(".time.right").inner_text() == "July to September 2026"
    edge = page.locator(".swipe")
    edge.focus()
    before = page.locator(".leaflet-squares-other-pane").evaluate("pane => pane.style.clipPath")
    page.keyboard.press("End")
    after = page.locator(".leaflet-squares-other-pane").evaluate("pane => pane.style.clipPath")
    widths = [max(float(x) for x in re.findall(r"(-?[\d.]+)px -?[\d.]+px", clip)) for clip in (before, after)]
    assert widths[1] > widths[0] + 100
    page.select_option("#other", "")
    assert page.locator(".swipe").is_hidden()
    assert page.locator(".leaflet-squares-chosen-pane").evaluate("pane => pane.style.clipPath") == ""
    assert seen == []


def test_water_and_pasture_out_of_season_are_faint(release, visit):
    page, _ = visit(web.tension_map(release(), languages=["en"]))

    def opacity():
        return page.locator(".leaflet-pasture-chosen-pane path").get_attribute("fill-opacity")

    assert opacity() == "0.6"
    page.select_option("#season", "1")
    assert float(opacity()) < 0.3
    page.select_option("#season", "6")
    assert opacity() == "0.6"
    page.select_option("#season", "")
    slide(page, SUMMER)
    assert opacity() == "0.6"


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("orrin", "Orrin (Оррин)"),
        ("Оррин", "Orrin (Оррин)"),
        ("Тавиш", "Tavesh (Тавеш)"),
        ("Tavsh", "Tavesh (Тавеш)"),
        ("tavesch", "Tavesh (Тавеш)"),
        ("улмек", "Ulmek (Ӯлмек)"),
        ("ULM", "Ulmek (Ӯлмек)"),
    ],
)
def test_a_village_is_found_by_any_spelling(release, visit, asked, found):
    page, _ = visit(web.crime_map(release(), languages=["en"]))
    page.get_by_label("Find a village").fill(asked)
    assert page.locator("#found button").first.inner_text() == found
    page.keyboard.press("Enter")
    page.wait_for_timeout(100)
    tooltip = page.locator(".leaflet-tooltip", has_text=found.split()[0])
    assert tooltip.count() == 1
    assert page.evaluate("map_1.getZoom()") >= 13


def test_a_village_that_is_not_there_is_said_to_be_missing(release, visit):
    page, _ = visit(web.crime_map(release(), languages=["en"]))
    page.get_by_label("Find a village").fill("Xyzzyplugh")
    assert page.locator("#found").inner_text() == "No village of this name is on the map."
    page.get_by_label("Find a village").fill("")
    assert page.locator("#found").is_hidden()


def test_a_click_on_a_numbered_area_tells_its_profile_and_closes_by_escape(release, visit):
    page, seen = visit(web.tension_map(release(), languages=["en", "tg"]))
    profile = page.locator("#profile")
    assert profile.is_hidden()
    page.locator(".number").click()
    assert profile.locator("h2").inner_text() == "Hot spot 1"
    assert profile.locator("h3").all_inner_texts()[-2:] == ["How sure is this?", "What this does not show"]
    assert page.evaluate("document.activeElement.id") == "profile"
    page.select_option("#language", "1")
    assert profile.locator("h2").inner_text() == Words("tg")("Hot spot {number}", number="1")
    page.select_option("#language", "0")
    page.keyboard.press("Tab")
    profile.get_by_role("button", name="Close").click()
    assert profile.is_hidden()
    page.locator(".areas button").first.press("Enter")
    assert profile.is_visible()
    page.keyboard.press("Escape")
    assert profile.is_hidden()
    assert page.evaluate("document.activeElement.dataset.area") == "0"
    page.locator(".mark.leaflet-interactive:has(.number)").press("Enter")
    assert profile.is_visible()
    assert seen == []


def test_mouse_over_a_square_and_a_tap_say_what_it_means(release, visit):
    page, _ = visit(web.crime_map(release(), languages=["en"]))
    box = page.locator(".leaflet-squares-chosen-pane path[fill='url(#band-3)']").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.7)
    tooltip = page.locator(".leaflet-tooltip")
    tooltip.wait_for()
    assert tooltip.inner_text() == "20+ reports"
    page.mouse.move(5, 400)
    tooltip.wait_for(state="detached")
    page.mouse.click(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.7)
    assert tooltip.inner_text() == "20+ reports"


def test_enter_tells_of_the_middle_of_the_map(release, visit):
    page, _ = visit(web.crime_map(release(), languages=["en"]))
    frame = page.locator(".folium-map")
    frame.focus()
    page.keyboard.press("Enter")
    assert frame.locator("[aria-live]").text_content() == "Nothing is told of the middle of the map."
    square = gpd.GeoSeries(gpd.points_from_xy([503_500], [4_764_500]), crs="EPSG:32626").to_crs(4326).iloc[0]
    page.evaluate("place => map_1.setView(place, 14, {animate: false})", [square.y, square.x])
    page.keyboard.press("Enter")
    assert "20+ reports" in frame.locator("[aria-live]").text_content()
    page.keyboard.press("ArrowUp")
    page.wait_for_timeout(400)
    assert page.evaluate("map_1.getCenter().lat") > square.y + 0.0001


def test_legend_follows_the_layers_and_layers_come_back_as_they_were(release, visit):
    page, seen = visit(web.tension_map(release(), languages=["en"]))
    entry = page.locator("[data-layer=squares]")
    before = picture(page)
    entry.locator("input").uncheck()
    page.mouse.move(1, 1)
    assert squares(page) == []
    assert entry.locator(".keys").is_hidden()
    assert (picture(page) != before).any()
    entry.locator("input").check()
    page.mouse.move(1, 1)
    assert entry.locator(".keys").is_visible()
    # Chromium paints anew a part of the picture alone, whose edge may differ by one grey of 255; another order is seen better.
    assert np.abs(picture(page) - before).max() < 1.5 / 255
    assert seen == []


def test_every_layer_has_a_tick_with_a_plain_name(release, visit):
    made = release("police", squares=[("cooperation", tables.PERIOD, 5, 5, 1, "5-9")])
    page, _ = visit(web.tension_map(made, languages=["en"]))
    assert [text.strip() for text in page.locator(".layer > label").all_inner_texts()] == [
        "Reports in a square",
        "Single reports",
        "Numbered areas",
        "Cooperation",
        "What was agreed",
        "Border claims",
        "Water",
        "Pasture",
        "Forest",
        "Villages and towns",
        "Roads and crossings",
        "Police posts",
        "Meeting places",
    ]
    assert page.locator("fieldset > legend").all_inner_texts()[:4] == ["What was reported", "Border", "Water and land", "Places"]


@pytest.mark.parametrize("theme", MAPS)
def test_the_tick_of_what_was_agreed_hides_its_marks_and_shows_them(release, visit, theme):
    page, seen = visit(MAPS[theme](release(), languages=["en"]))
    marks, entry = page.locator(".leaflet-actions-chosen-pane .glyph"), page.locator("[data-layer=actions]")
    tick = entry.get_by_label("What was agreed")
    assert tick.is_checked()
    assert marks.count() == 5
    assert marks.first.text_content() == entry.locator(".keys .glyph").text_content() == "■"
    before = picture(page)
    tick.uncheck()
    page.mouse.move(1, 1)
    assert marks.count() == 0
    assert entry.locator(".keys").is_hidden()
    assert (picture(page) != before).any()
    slide(page, SPRING)
    assert marks.count() == 0
    tick.check()
    assert marks.count() == 3
    assert entry.locator(".keys").is_visible()
    slide(page, SUMMER)
    assert marks.count() == 0
    slide(page, PERIOD)
    assert marks.count() == 5
    assert seen == []


@pytest.mark.parametrize("place_id", ["v1", "v3", "s4"])
def test_what_was_agreed_for_a_village_or_a_meeting_place_can_be_read(release, visit, place_id):
    """The mark of the place itself lies at the same point."""
    made = release()
    actions = made.tables["actions"].iloc[:1].assign(place_id=place_id)
    page, _ = visit(web.tension_map(replace(made, tables={**made.tables, "actions": actions}), languages=["en"]))
    box = page.locator(".leaflet-actions-chosen-pane .glyph").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tooltip = page.locator(".leaflet-tooltip")
    tooltip.wait_for()
    assert "Repair, agreed 20 March 2026, water users: done, 10 April 2026" in tooltip.inner_text()


@pytest.mark.parametrize("size", [(1024, 768), (400, 700)])
def test_nothing_covers_the_map(release, visit, size):
    page, _ = visit(web.tension_map(release("police"), languages=languages()))
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.wait_for_timeout(100)
    frame = page.locator(".folium-map").bounding_box()
    assert frame["width"] > 0.6 * size[0]
    assert frame["height"] > 0.6 * size[1]
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
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
    page, seen = visit(web.crime_map(with_background(made, settlements=both), languages=["en"]))
    frame = page.locator(".folium-map").bounding_box()
    edge = shapely.box(frame["x"], frame["y"], frame["x"] + frame["width"], frame["y"] + frame["height"]).exterior
    counts = []
    for zoom in (10, 12, 14):
        page.evaluate("zoom => { map_1.setMinZoom(0); map_1.setZoom(zoom, {animate: false}); }", zoom)
        page.wait_for_timeout(400)
        names = page.evaluate(VISIBLE_NAMES)
        boxes = shapely.box(*np.array([name[1:] for name in names]).T)
        assert shapely.area(shapely.union_all(boxes)) == pytest.approx(shapely.area(boxes).sum())
        assert not shapely.intersects(boxes, edge).any()
        assert any(name[0].startswith("Ulmek") for name in names)
        counts.append(len(names))
    assert counts == sorted(set(counts))
    assert counts[0] < 10
    assert counts[-1] > 55
    assert seen == []


def test_the_map_zooms_in_no_further_than_places_are_known(release, visit):
    page, _ = visit(web.crime_map(release(), languages=["en"]))
    page.evaluate("() => { map_1.setZoom(99, {animate: false}); }")
    assert page.evaluate("map_1.getZoom()") == 15


def test_bands_differ_by_hatch_and_darken_in_grey(release, visit):
    page, _ = visit(web.crime_map(release(), languages=["en"]))
    shares = []
    for number in (1, 2, 3):
        key = page.locator(f"[data-layer=squares] rect[fill='url(#band-{number})']")
        shot = matplotlib.image.imread(BytesIO(key.screenshot()))[..., :3]
        shares.append(float(shot.mean()))
        assert shot.std() > 0.03, "a hatch"
    assert shares[0] > shares[1] + 0.05 > shares[2] + 0.1


def test_claims_of_all_parties_are_drawn_alike(release, visit):
    page, _ = visit(web.tension_map(release(), languages=["en"]))
    looks = page.evaluate(
        """() => {
          const found = {};
          map_1.eachLayer(layer => {
            const tooltip = layer.getTooltip && layer.getTooltip();
            const text = tooltip && layer.setStyle && layer.eachLayer && tooltip._content(layer).textContent;
            if (!text || !/^Claimed by/.test(text)) return;
            const {color, weight, dashArray, opacity, lineCap} = layer.options;
            const who = text.split(",")[0];
            found[who] = [...(found[who] || []), JSON.stringify([color, weight, dashArray, opacity, lineCap])];
          });
          return found;
        }"""
    )
    assert set(looks) == {"Claimed by Norvia", "Claimed by Selmar"}
    assert set(looks["Claimed by Norvia"]) == set(looks["Claimed by Selmar"])


def test_empty_background_is_a_map_all_the_same(release, visit):
    made = release(missing_layers=("canal",))
    empty = {name: frame.iloc[:0] for name, frame in made.background.items()}
    page, seen = visit(web.tension_map(replace(made, background=empty), languages=["en"]))
    assert seen == []
    assert "The study has no border claims here: none is drawn." in page.locator("aside").text_content()
    assert "url(#band-3)" in squares(page)
    assert page.locator("#search").count() == 0


@pytest.mark.parametrize("language", languages())
def test_lowered_thresholds_stand_in_plain_sight_and_in_the_doubt(release, visit, language):
    signed = "minimum_residents 50 instead of 100, signed off by A. Orrin and B. Tavesh: <a small valley>"
    text = web.crime_map(release(loosened=(signed,)), languages=[language])
    page, seen = visit(text)
    assert page.locator("header .banner.loosened").inner_text() == signed
    assert page.locator("header .banner.loosened").is_visible()
    assert page.locator("aside").text_content().count(signed) == 1
    assert seen == []


@pytest.mark.parametrize("audience", tables.AUDIENCES)
@pytest.mark.parametrize("theme", MAPS)
def test_internal_pages_carry_a_red_banner_on_screen_and_when_printed(release, theme, audience, visit):
    page, _ = visit(MAPS[theme](release(audience), languages=["en"]))
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


def test_single_reports_follow_the_tick_and_the_slider(release, visit):
    page, seen = visit(web.crime_map(release("police"), languages=["en"]))
    page.locator(".point-filters").wait_for()
    assert "1 of 1 reports shown" in page.locator("#reports").inner_text()
    before = picture(page)
    page.locator("[data-layer=points] input").uncheck()
    page.mouse.move(1, 1)
    page.wait_for_timeout(200)
    assert (picture(page) != before).any()
    slide(page, SUMMER)
    page.wait_for_timeout(200)
    assert "0 of 1 reports shown" in page.locator("#reports").inner_text()
    assert seen == []


TOLD = """() => [...document.querySelectorAll(".leaflet-tooltip")].map(tooltip => [getComputedStyle(tooltip), tooltip.innerText])
  .filter(([look]) => look.opacity > 0 && look.display != "none").map(([, text]) => text)"""


def told(page):
    """What the tooltips say that can be seen."""
    page.wait_for_timeout(80)
    return page.evaluate(TOLD)


def at(page, easting, northing):
    """Where a place is on the screen."""
    place = gpd.GeoSeries.from_xy([easting], [northing], crs="EPSG:32626").to_crs(4326).iloc[0]
    inside = page.evaluate("place => map_1.latLngToContainerPoint(place)", [place.y, place.x])
    frame = page.locator(".folium-map").bounding_box()
    return frame["x"] + inside["x"], frame["y"] + inside["y"]


def focused(page):
    return page.evaluate("document.activeElement.id || document.activeElement.textContent")


REPORT, SQUARE = (503_400, 4_764_200), (504_700, 4_763_700)


def test_single_reports_stand_on_the_side_of_their_own_months(release, visit):
    page, _ = visit(web.crime_map(release("police"), languages=["en"]))
    page.locator(".point-filters").wait_for()
    page.mouse.move(*at(page, *REPORT))
    assert told(page)[0].startswith("Theft")
    page.mouse.move(1, 1)
    page.select_option("#other", str(SUMMER))
    clip = "name => document.querySelector(`.leaflet-${name}-pane`).style.clipPath"
    assert page.evaluate(clip, "points") == page.evaluate(clip, "squares-chosen") != ""
    page.mouse.move(*at(page, *REPORT))
    assert told(page) == []
    page.locator(".swipe").fill("5")
    page.mouse.move(*at(page, 503_410, 4_764_200))
    assert told(page)[0].startswith("Theft")


def test_one_thing_is_told_at_a_time(release, visit):
    page, _ = visit(web.crime_map(release("police"), languages=["en"]))
    page.locator(".point-filters").wait_for()
    for name in ("Orrin", "Tavesh"):
        page.get_by_label("Find a village").fill(name)
        page.keyboard.press("Enter")
    assert told(page) == ["Tavesh (Тавеш)"]
    page.mouse.move(*at(page, *SQUARE))
    assert [text.split("\n")[0] for text in told(page)] == ["5-9 reports"]
    page.locator(".point-table summary").click()
    page.locator(".point-table .go").click()
    page.wait_for_timeout(400)
    assert [text.split("\n")[0] for text in told(page)] == ["Theft"]
    page.mouse.move(*at(page, *SQUARE))
    assert [text.split("\n")[0] for text in told(page)] == ["5-9 reports"]
    page.mouse.click(*at(page, *REPORT))
    assert [text.split("\n")[0] for text in told(page)] == ["Theft"]


def test_nothing_is_told_any_more_of_months_or_in_a_language_that_were_left(release, visit):
    page, _ = visit(web.crime_map(release(), languages=["en", "tg"]))
    for change in (lambda: slide(page, SPRING), lambda: page.select_option("#language", "1")):
        page.evaluate("place => map_1.setView(place, 13, {animate: false})", centre(503_500, 4_764_500))
        page.locator(".folium-map").focus()
        page.keyboard.press("Enter")
        assert len(told(page)) == 1
        assert page.locator(".folium-map [aria-live]").text_content()
        change()
        assert told(page) == []
        assert page.locator(".folium-map [aria-live]").text_content() == ""


def centre(easting, northing):
    place = gpd.GeoSeries.from_xy([easting], [northing], crs="EPSG:32626").to_crs(4326).iloc[0]
    return [place.y, place.x]


def test_what_is_found_is_reached_by_arrows_and_the_list_closes(release, visit):
    page, _ = visit(web.crime_map(release(), languages=["en", "tg"]))
    field, found = page.locator("#search"), page.locator("#found")
    field.fill("e")
    assert found.locator("button").count() > 1
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert focused(page) == found.locator("button").nth(1).text_content()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    assert focused(page) == "search"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Escape")
    assert found.is_hidden()
    assert focused(page) == "search"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert found.is_hidden()
    assert focused(page) == "map_1"
    page.select_option("#language", "1")
    assert found.is_hidden()
    field.fill("e")
    page.mouse.click(5, 400)
    assert found.is_hidden()
    field.fill("e")
    found.locator("button").first.click()
    assert focused(page) == "map_1"


def test_the_map_is_read_before_the_legend_and_its_lines_are_no_stops(release, visit):
    page, _ = visit(web.tension_map(release(), languages=["en"]))
    page.locator(".folium-map").focus()
    stops = []
    for _ in range(4):
        page.keyboard.press("Tab")
        stops.append(page.evaluate("(stop => stop.getAttribute('aria-label') || stop.type)(document.activeElement)"))
    assert stops == ["Hot spot 1", "Zoom in", "Zoom out", "checkbox"]
    assert page.locator(".summary").get_attribute("aria-live") == "polite"
    assert page.locator("#months").get_attribute("aria-live") == "off"


def test_the_number_of_an_area_is_named_in_the_language_and_opens_by_the_space_bar(release, visit):
    page, _ = visit(web.tension_map(release(), languages=["en", "tg"]))
    page.select_option("#language", "1")
    number = page.locator(".mark.leaflet-interactive:has(.number)")
    assert number.get_attribute("aria-label") == Words("tg")("Hot spot {number}", number="1")
    number.press(" ")
    assert page.locator("#profile").is_visible()


def test_an_area_that_is_chosen_is_seen_whole_with_its_number(release, visit):
    made = release()
    spots = made.tables["hotspots"]
    tall = spots.set_geometry(spots.geometry.scale(1, 4))
    page, _ = visit(web.tension_map(replace(made, tables={**made.tables, "hotspots": tall}), languages=["en"]))
    page.select_option("#other", str(SUMMER))
    page.locator(".areas button").click()
    number, name = page.locator(".number").bounding_box(), page.locator(".time.left").bounding_box()
    assert number["y"] > name["y"] + name["height"]


def test_marks_lie_above_the_lines_of_their_pane(release, visit):
    page, _ = visit(web.tension_map(release(), languages=["en"]))
    page.evaluate("() => { map_1.panBy([0, 5000], {animate: false}); }")
    heights = page.evaluate("() => [...document.querySelectorAll('.mark')].map(mark => Number(mark.style.zIndex))")
    lines = page.evaluate("Number(getComputedStyle(document.querySelector('.leaflet-claims-chosen-pane > svg')).zIndex)")
    assert min(heights) > lines


def test_the_map_fills_what_the_words_above_it_leave(release, visit):
    page, _ = visit(web.tension_map(release(), languages=["en"]))
    page.locator(".summary").evaluate("summary => { summary.textContent = 'many words '.repeat(60); }")
    page.wait_for_timeout(100)
    assert page.evaluate("map_1.getSize().y") == page.evaluate("map_1.getContainer().clientHeight")


def test_paper_gets_the_whole_map_and_nothing_folded_away(release, visit):
    page, _ = visit(web.tension_map(release(), languages=["en"]))
    page.set_viewport_size({"width": 1600, "height": 900})
    page.select_option("#other", str(SUMMER))
    doubt = page.locator("details:has-text('How sure is this?') p").first.text_content()
    before = page.evaluate("[map_1.getZoom(), map_1.getCenter().lat]")
    text = PdfReader(BytesIO(page.pdf(format="A4"))).pages
    assert " ".join(doubt.split()) in " ".join(" ".join(one.extract_text() for one in text).split())
    assert page.locator("aside details[open]").count() == 0
    assert page.evaluate("[map_1.getZoom(), map_1.getCenter().lat]") == pytest.approx(before)
    page.evaluate("() => { dispatchEvent(new Event('beforeprint')); }")
    page.emulate_media(media="print")
    size = page.evaluate("[map_1.getSize().x, map_1.getSize().y]")
    frame = page.locator(".folium-map").bounding_box()
    assert size == [round(frame["width"]), round(frame["height"])]
    assert frame["width"] < 700
    study = page.locator(".leaflet-edge-chosen-pane path").bounding_box()
    assert frame["x"] < study["x"]
    assert study["x"] + study["width"] < frame["x"] + frame["width"]
    assert study["width"] > 0.6 * frame["width"]


def test_on_paper_single_reports_wipe_nothing_off_the_squares(release, visit):
    page, _ = visit(web.crime_map(release("police"), languages=["en"]))
    canvas = page.locator(".point-canvas")
    canvas.wait_for()
    opacity = "canvas => Number(getComputedStyle(canvas).opacity)"
    assert canvas.evaluate(opacity) == 1
    page.emulate_media(media="print")
    # Anything below 1 makes the canvas a group of its own in the PDF, which no reader of PDF text can tell.
    assert 0.9 < canvas.evaluate(opacity) < 1


def test_the_names_of_two_times_stand_beside_each_other_on_a_telephone(release, visit):
    page, _ = visit(web.crime_map(release(), languages=languages()))
    page.set_viewport_size({"width": 400, "height": 800})
    page.select_option("#other", str(SUMMER))
    for language in range(len(languages())):
        page.select_option("#language", str(language))
        left, right = (page.locator(f".time.{side}").bounding_box() for side in ("left", "right"))
        assert left["x"] + left["width"] <= right["x"], language


@pytest.mark.parametrize("width", [1024, 400])
def test_what_is_chosen_can_be_read_and_stands_still(release, visit, width):
    page, _ = visit(web.tension_map(release(), languages=languages()))
    page.set_viewport_size({"width": width, "height": 768})
    for language in range(len(languages())):
        page.select_option("#language", str(language))
        for name in ("other", "season"):
            room = page.locator(f"#{name}").evaluate(
                """select => {
                  const free = document.createElement("select");
                  free.append(...[...select.options].map(option => option.cloneNode(true)));
                  Object.assign(free.style, { maxWidth: "none", position: "absolute" });
                  document.body.append(free);
                  const wanted = free.offsetWidth;
                  free.remove();
                  return select.offsetWidth - wanted;
                }"""
            )
            assert room >= 0, (language, name)
        places = []
        for window in (PERIOD, SUMMER):
            slide(page, window)
            places.append([page.locator(name).bounding_box()["x"] for name in ("#other", "#season", "#search")])
        assert places[0] == places[1]
    slide(page, PERIOD)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_who_wants_no_motion_gets_none(release, visit):
    page, _ = visit(web.tension_map(release(), languages=["en"]))
    page.emulate_media(reduced_motion="reduce")
    page.reload()
    page.locator(".leaflet-control-zoom-in").click()
    moving = page.locator(".leaflet-squares-chosen-pane svg").evaluate("picture => getComputedStyle(picture).transitionDuration")
    assert moving == "0s"
    assert page.evaluate("map_1.options.inertia") is False


def test_a_map_keeps_its_signs_in_forced_colours(release, visit):
    page, _ = visit(web.tension_map(release(), languages=["en"]))
    before = picture(page)
    page.emulate_media(forced_colors="active", color_scheme="dark")
    page.wait_for_timeout(100)
    differs = np.abs(picture(page) - before).max(axis=2) > 0.1
    assert differs.mean() < 0.001


TOOLTIPS = """() => {
  const texts = [];
  map_1.eachLayer(layer => {
    const tooltip = layer.getTooltip && layer.getTooltip();
    if (tooltip && typeof tooltip._content == "function") texts.push(tooltip._content(layer).textContent);
  });
  return texts;
}"""


@pytest.mark.parametrize(
    ("theme", "audience", "payload"), [("tension", "police", p) for p in HOSTILE] + [("crime", "research", "".join(HOSTILE))]
)
def test_hostile_text_is_shown_and_does_not_run(release, visit, theme, audience, payload):
    hostile = with_text(release(audience), payload)
    text = MAPS[theme](hostile, languages=["en", "tg"], contacts=[("other", payload)], paper={"en": payload, "tg": payload})
    page, seen = visit(text)
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    page.locator(".areas button").first.click()
    for number in ("1", "0"):
        page.select_option("#language", number)
    slide(page, SUMMER)
    page.select_option("#other", "1")
    slide(page, PERIOD)
    if audience == "police":
        page.locator(".point-filters").wait_for()
    page.get_by_label("Find a village").fill("script")
    page.wait_for_timeout(100)
    tooltips = page.evaluate(TOOLTIPS)
    assert seen == []
    assert page.evaluate("window.P") is None
    assert payload in page.title()
    assert page.locator("aside").text_content().count(payload) >= 12
    for place in ("h1", ".loosened", ".name", ".number", "#profile h2", "#profile p"):
        assert payload in "".join(page.locator(place).all_text_contents()), place
    assert payload[0] in page.locator(".claimant").first.text_content()
    assert sum(payload in tooltip for tooltip in tooltips) >= 12
    # Five marks of the whole period, and beside them the three of one quarter; the name of a place begins with a capital.
    assert sum(payload[1:] in tooltip and ", agreed " in tooltip for tooltip in tooltips) == 5 + 3


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize(("theme", "audience"), [("tension", "community"), ("crime", "police")])
def test_axe_finds_no_barrier(release, browser, tmp_path, theme, audience, language):
    path = tmp_path / "page.html"
    text = MAPS[theme](
        release(audience), languages=[language, "en" if language != "en" else "tg"], contacts=[("other", "Council House")]
    )
    path.write_text(text, encoding="utf-8")
    # axe is a script of its own, which the rules of the page would keep out.
    context = browser.new_context(offline=True, viewport={"width": 1024, "height": 768}, bypass_csp=True)
    page = context.new_page()
    page.goto(path.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    page.locator(".areas button").first.click()
    page.select_option("#other", "1")
    page.get_by_label(Words(language)("Find a village")).fill("o")
    page.wait_for_timeout(300)
    found = Axe().run(page).response
    context.close()
    assert len(found["passes"]) > 20
    assert [(fault["impact"], fault["id"], fault["nodes"][0]["html"]) for fault in found["violations"]] == []


def test_the_words_of_a_page_stand_in_it_before_any_script_runs(release):
    text = web.crime_map(release(), languages=["en", "tg"])
    body = html.unescape(re.sub("<[^>]*>", "\n", text[text.index("<header>") : text.index("</aside>")]))
    for sentence in (
        "Crime map of Small Border",
        "20+ reports",
        "Places are approximate",
        "more reports than chance would explain",
    ):
        assert sentence in body


def test_the_page_itself_never_scrolls_away_under_a_large_screen(release, visit):
    page, _ = visit(web.crime_map(release("police"), languages=["en"]))
    page.locator(".point-filters").wait_for()
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    page.evaluate("document.querySelector('.point-table').scrollIntoView()")
    assert page.evaluate("scrollY") == 0
    assert page.locator("aside").evaluate("aside => aside.scrollTop") > 0


def test_a_step_of_the_slider_places_the_names_once(release, visit):
    page, _ = visit(web.tension_map(release(), languages=["en"]))
    names = page.locator(".name").count()
    page.wait_for_timeout(200)
    page.evaluate(
        """() => {
          window.measured = 0;
          const measure = Element.prototype.getBoundingClientRect;
          Element.prototype.getBoundingClientRect = function () {
            if (this.classList.contains("name")) window.measured += 1;
            return measure.call(this);
          };
        }"""
    )
    slide(page, SUMMER)
    page.wait_for_timeout(300)
    assert names <= page.evaluate("window.measured") <= 4 * names
