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
from pathlib import Path

import folium
import geopandas as gpd
import pandas as pd
import pytest
import shapely.affinity
from shapely.geometry import shape

from tensionmap import tables
from tensionmap.errors import ReleaseError
from tensionmap.protect.audit.pages import foreign_keys, read_page
from tensionmap.publish import style, web
from tensionmap.publish.words import Words, languages

MAPS = {"crime": web.crime_map, "tension": web.tension_map}


def with_background(release, **changes):
    return replace(release, background={**release.background, **changes})


def with_tables(release, **changes):
    return replace(release, tables={**release.tables, **changes})


def scene_of(text):
    """What the page hands to its scripts."""
    return json.loads(re.search(r"showMap\(map_1, (\{.*\})\);", text)[1])


def said(scene, line, language=0):
    """A line as it is read."""
    number, *values = line if isinstance(line, list) else [line]
    told = scene["texts"][language][number]
    for gap, value in enumerate(values):
        told = told.replace(f"{{{gap}}}", value)
    return told


def tooltips_of(text, window=0):
    """Every tooltip that can be read in one window, its lines joined."""
    scene = scene_of(text)
    features = [feature for layer in scene["layers"] for feature in layer["features"]]
    shown = [feature["lines"] for feature in features if window in feature.get("windows", [window])]
    shown += [square["lines"][window] for square in scene["squares"] if square["lines"][window]]
    return ["\n".join(said(scene, line) for line in lines) for lines in shown]


def features_of(text, name):
    """The features of one layer; none if the page does not have it."""
    return [feature for layer in scene_of(text)["layers"] if layer["name"] == name for feature in layer["features"]]


def words_of(text, tag):
    """The words in an element that stands once in the page, tags taken out."""
    inside = re.search(rf"<{tag}[ >].*</{tag.split()[0]}>", text, re.DOTALL)[0]
    return html.unescape(re.sub("<[^>]*>", "", inside))


@pytest.mark.parametrize("theme", MAPS)
def test_raw_table_is_refused(release, theme):
    cells = release().tables["cells"]
    for raw in (cells, {"cells": cells}, None):
        with pytest.raises(ReleaseError, match="from a Release"):
            MAPS[theme](raw, languages=["en"])


def test_release_without_a_listed_cell_is_drawn_in_the_same_frame(release):
    given = release().tables
    nothing = with_tables(release(), cells=given["cells"].iloc[:0], hotspots=given["hotspots"].iloc[:0])
    bounds = r'"bounds": \[\[[^]]+\], \[[^]]+\]\]'
    assert re.findall(bounds, web.crime_map(nothing, languages=["en"])) == re.findall(
        bounds, web.crime_map(release(), languages=["en"])
    )


def test_language_without_words_is_refused(release):
    with pytest.raises(ReleaseError, match="xx"):
        web.crime_map(release(), languages=["xx"])


def test_cooperation_is_marked_on_the_tension_map(release):
    made = release(squares=[("cooperation", tables.PERIOD, 5, 5, 1, "5-9")])
    assert "Cooperation\n5-9 reports" in tooltips_of(web.tension_map(made, languages=["en"]))
    assert "Cooperation\n5-9 reports" not in tooltips_of(web.crime_map(made, languages=["en"]))


VISIBLE_NAMES = """() => [...document.querySelectorAll(".name")].filter(name => getComputedStyle(name).visibility == "visible")
  .map(name => [name.textContent, name.getBoundingClientRect()])
  .map(([text, box]) => [text, box.left, box.top, box.right, box.bottom])"""


def test_two_renders_give_the_same_bytes(any_release):
    for make in MAPS.values():
        assert make(any_release, languages=["en"]) == make(any_release, languages=["en"])


def test_two_processes_give_the_same_bytes(release):
    code = (
        "import hashlib, importlib.util as u, sys; s = u.spec_from_file_location('made', sys.argv[1]);"
        "m = u.module_from_spec(s); s.loader.exec_module(m); from tensionmap.publish import web;"
        "t = web.tension_map(m.make_release('police'), languages=['en']); print(hashlib.sha256(t.encode()).hexdigest())"
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
    here = hashlib.sha256(web.tension_map(release("police"), languages=["en"]).encode()).hexdigest()
    assert [run.communicate()[0].strip() for run in runs] == [here, here]


def test_folium_is_left_as_it_was(release):
    before = (list(folium.Map.default_js), list(folium.Map.default_css))
    web.tension_map(release(), languages=["en"])
    assert (folium.Map.default_js, folium.Map.default_css) == before


def test_inputs_are_left_as_they_were(release):
    made = release("police")
    digest, background = made.digest, {name: frame.to_wkb() for name, frame in made.background.items()}
    web.tension_map(made, languages=["en"])
    assert made.digest == digest
    for name, frame in made.background.items():
        pd.testing.assert_frame_equal(frame.to_wkb(), background[name])


def test_merged_squares_say_their_size(release):
    merged = [("crime", tables.PERIOD, 6, 6, 2, "5-9"), ("cooperation", tables.PERIOD, 0, 4, 4, "5-9")]
    told = "squares of 1 by 1 km, and of 2 or 4 km where fewer reports or people are."
    crime, tension = (MAPS[theme](release(squares=merged), languages=["en"]) for theme in MAPS)
    assert "5-9 reports\nSquare of 2 by 2 km" in tooltips_of(crime)
    assert "5-9 reports" in tooltips_of(crime)
    assert "Cooperation\n5-9 reports\nSquare of 4 by 4 km" in tooltips_of(tension)
    assert told in words_of(crime, "aside")
    assert told in words_of(tension, "aside")
    for audience in tables.AUDIENCES:
        plain = web.tension_map(release(audience), languages=["en"])
        assert told not in words_of(plain, "aside")
        assert not any("Square of" in tooltip for tooltip in tooltips_of(plain))


def test_how_few_reports_a_count_stands_for_is_told_inside_alone(release):
    told = "Counts by theme, quarter and square: the smallest is 1 (k-anonymity k = 1); 38 of 100 reach 5."
    for audience in tables.AUDIENCES:
        made = release(audience, smallest_count=1, percent_at_minimum=38)
        assert (told in words_of(web.crime_map(made, languages=["en"]), "aside")) == (audience != "community")
    assert "k-anonymity" not in web.crime_map(release("police", smallest_count=None), languages=["en"])


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
        return re.findall(r'<p class="banner [^>]*>([^.<]*)', web.crime_map(release(audience, **facts), languages=["en"]))

    assert [text.startswith(banner) for text, banner in zip(found(), banners, strict=True)] == [True] * len(banners)
    assert len(found(is_invented=False)) == len(banners) - 1


def test_red_is_the_same_on_screen_and_on_paper():
    css = files("tensionmap.publish").joinpath("screen", "page.css").read_text(encoding="utf-8")
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
    assert f"Reports: about 640. {sentence}" in words_of(web.crime_map(made, languages=["en"]), "header")


def test_hidden_hot_spot_is_said_not_drawn(release):
    text = web.crime_map(with_tables(release(), hotspots=release().tables["hotspots"].iloc[:0]), languages=["en"])
    assert "An area stands out, but is not shown, to protect people." in words_of(text, "header")
    assert "not shown: too few people live or reported there" in words_of(text, "aside")
    assert not any(tooltip.startswith("Hot spot") for tooltip in tooltips_of(text))


def test_cold_spot_is_named_and_explained(release):
    made = release()
    cold = made.tables["hotspots"].assign(kind="cold", at_least=0, reported_from=None)
    text = web.crime_map(with_tables(made, hotspots=cold), languages=["en"])
    assert "In 1 numbered area there were fewer than chance would explain." in words_of(text, "header")
    assert "Cold spot 1: fewer reports than chance would explain, near Orrin" in words_of(text, "aside")
    assert "at least" not in words_of(text, "aside")
    assert any(tooltip.startswith("Cold spot 1") for tooltip in tooltips_of(text))


def test_panel_says_what_a_reader_must_know(release):
    made = release(reported_by=("Norvia",))
    beside = words_of(web.tension_map(made, languages=["en"], contacts=[("other", "Council House, Orrin: 000-111")]), "aside")
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
    tooltips = tooltips_of(web.crime_map(with_tables(made, hotspots=hotspots), languages=["en"]))
    expected = ["Hot spot 1", "More reports than chance would explain", *told, "Near Orrin (Оррин), Tavesh (Тавеш)"]
    assert "\n".join(expected).casefold() in [tooltip.casefold() for tooltip in tooltips]


def test_season_of_a_pasture_is_named(release):
    tooltips = tooltips_of(web.tension_map(release(), languages=["en"]))
    assert "Pasture: High Pasture\nIn use: May to September" in tooltips
    assert "Forest" in tooltips


def test_district_is_no_place_on_the_map(release):
    made = release()
    settlements = made.background["settlements"].assign(kind=["village", "district", "town"])
    tooltips = tooltips_of(web.crime_map(with_background(made, settlements=settlements), languages=["en"]))
    assert "Orrin (Оррин)\nvillage" in tooltips
    assert not any("Tavesh (Тавеш)\n" in tooltip for tooltip in tooltips)


def test_crime_map_has_ways_but_no_land_and_no_cooperation(release):
    names = [layer["name"] for layer in scene_of(web.crime_map(release(), languages=["en"]))["layers"]]
    assert names == ["water", "roads", "posts", "meetings", "claims", "areas", "settlements", "actions"]
    kinds = {feature.get("look") for feature in features_of(web.crime_map(release(), languages=["en"]), "water")}
    assert kinds == {"line river", "line canal"}


def test_layers_of_the_tension_map_in_their_order(release):
    made = release(squares=[("cooperation", tables.PERIOD, 5, 5, 1, "5-9")])
    scene = scene_of(web.tension_map(made, languages=["en"]))
    assert [layer["name"] for layer in scene["layers"]] == [
        "pasture", "forest", "water", "roads", "posts", "meetings", "claims", "cooperation", "areas", "settlements", "actions",
    ]  # fmt: skip


def test_an_edge_that_only_ends_the_data_is_no_claim(release):
    made = release()
    claims = made.background["claims"]
    areas = [shapely.box(498_500, 4_764_700, 513_500, 4_771_500), shapely.box(498_500, 4_758_500, 513_500, 4_765_300)]
    wider = claims.set_geometry([*claims.geometry[:3], *areas], crs=claims.crs)
    assert claims["kind"].tolist()[3:] == ["area", "area"]
    for kept, longest in ((claims.index, 13_000), (claims.index[3:], 12_100)):
        text = web.tension_map(with_background(made, claims=wider.loc[kept]), languages=["en"])
        drawn = [shape(f["geometry"]) for f in features_of(text, "claims") if f.get("look") == "claim claimed"]
        lines = gpd.GeoSeries(drawn, crs=4326).to_crs(claims.crs)
        assert len(lines) >= 2
        assert lines.total_bounds[1] > 4_762_000
        assert lines.total_bounds[3] < 4_768_000
        assert lines.length.max() < longest


@pytest.mark.parametrize("theme", MAPS)
def test_page_for_the_community_holds_only_words_and_rounded_shapes(release, theme):
    text = MAPS[theme](release(), languages=["en", "tg"])
    data = json.dumps(scene_of(text))
    for name in ("p_map", '"count"', "expected", "residents", "record_id", "E503N4763", "2026-01-05", "Counted", "k-anonymity"):
        assert name not in data
    numbers = re.findall(r"-?\d+\.\d+", json.dumps([scene_of(text)[part] for part in ("layers", "squares", "places", "bounds")]))
    assert len(numbers) > 100
    assert max(len(number.split(".")[1]) for number in numbers) <= 5


def test_squares_of_the_lowest_class_are_drawn_inside_the_house_alone(release):
    assert {band for square in scene_of(web.crime_map(release(), languages=["en"]))["squares"] for band in square["bands"]} == {
        -1, 1, 2, 3,
    }  # fmt: skip
    inside = scene_of(web.crime_map(release("research"), languages=["en"]))["squares"]
    assert 0 in {band for square in inside for band in square["bands"]}
    assert "fewer than 5 or none\nCounted: 3; expected if nothing is going on: 1.5; p over the whole map: 0.200" in tooltips_of(
        web.crime_map(release("research"), languages=["en"])
    )


def test_each_quarter_has_its_own_squares_numbers_and_claims(release):
    made = release(squares=[("crime", "2026Q2", 2, 2, 1, "10-19")])
    claims = made.background["claims"].copy()
    claims.loc[0, "date_to"] = pd.Timestamp("2026-05-01")
    text = web.crime_map(with_background(made, claims=claims), languages=["en", "tg"])
    scene = scene_of(text)
    assert [said(scene, window["text"]) for window in scene["windows"]] == [
        "October 2023 to September 2026",
        "April to June 2026",
        "July to September 2026",
    ]
    assert said(scene, scene["windows"][2]["title"]) == "Crime map of Small Border, July to September 2026"
    assert said(scene, scene["windows"][2]["summary"]).startswith("Reports: about 7,770. Numbered areas are measured over all")
    assert scene["windows"][2]["months"] == [7, 8, 9]
    bands = [
        sorted(square["bands"][window] for square in scene["squares"] if square["bands"][window] >= 0) for window in range(3)
    ]
    assert bands == [[1, 1, 2, 2, 3], [2], [3]]
    norvian = "Claimed by Norvia, since 1 January 1991\nAccording to: Norvian survey"
    # The claimed line ended in May: it is drawn in no window that ends later; the claimed area stands.
    of_line = [f for f in features_of(text, "claims") if said(scene, f["lines"][0]).startswith("Claimed by Norvia")]
    assert all(feature["windows"] == [0, 1, 2] for feature in of_line)
    earlier = claims.assign(date_to=[pd.Timestamp("2026-07-15"), *claims["date_to"][1:]])
    scene = scene_of(web.crime_map(with_background(made, claims=earlier), languages=["en"]))
    windows = {tuple(f["windows"]) for layer in scene["layers"] if layer["name"] == "claims" for f in layer["features"]}
    assert (1,) in windows
    assert norvian in tooltips_of(web.crime_map(made, languages=["en"]))


def test_totals_of_each_window_stand_in_a_table_of_its_own(release):
    text = web.crime_map(release(), languages=["en"])
    shown, hidden = (re.search(rf'<table data-windows="{n}"{more}>.*?</table>', text)[0] for n, more in ((0, ""), (2, " hidden")))
    assert "livestock theft" in shown
    assert "fraud" not in shown
    assert "fraud" in hidden


def test_a_release_of_quarters_alone_is_an_empty_map(release):
    made = release(verdicts={})
    of_quarters = {name: made.tables[name].query("window != 'period'") for name in ("cells", "totals", "numbers")}
    nothing = {name: made.tables[name].iloc[:0] for name in ("hotspots", "actions")}
    text = web.tension_map(with_tables(made, **of_quarters, **nothing), languages=["en"])
    assert not any("reports" in tooltip for tooltip in tooltips_of(text))
    assert any("reports" in tooltip for tooltip in tooltips_of(text, 2))
    summary = scene_of(text)["windows"][0]["summary"]
    assert said(scene_of(text), summary) == "That is too few to tell whether any area stands out."
    assert "of 100 reports" not in words_of(text, "aside")


def test_months_are_named_where_squares_and_areas_rest_on_different_ones(release):
    public = {"public_from": "2023-10-01", "public_to": "2026-06-30"}
    text = web.crime_map(release(**public), languages=["en"])
    assert "Crime map of Small Border, October 2023 to June 2026" in words_of(text, "header")
    assert "Reports in a square, October 2023 to June 2026" in words_of(text, "aside")
    assert "Numbered areas, October 2023 to September 2026" in words_of(text, "aside")
    plain = web.crime_map(release("research", quarters=(), **public), languages=["en"])
    assert "Crime map of Small Border, October 2023 to September 2026" in words_of(plain, "header")
    assert "Reports in a square," not in words_of(plain, "aside")
    assert "Numbered areas," not in words_of(plain, "aside")


def test_research_sees_figures_and_police_sees_reports(release):
    research = "Counted: 3; expected if nothing is going on: 1.5; p over the whole map: 0.200"
    hot = "5-9 reports\nMore reports than chance would explain"
    assert f"{hot}\n{research}" in tooltips_of(web.crime_map(release("research"), languages=["en"]))
    police = web.crime_map(release("police"), languages=["en"])
    assert f"{hot}\nCounted: 3" in tooltips_of(police)
    points = scene_of(police)["points"]
    assert (points["count"], [said(scene_of(police), n) for n in points["categories"]]) == (1, ["Theft"])
    assert scene_of(web.tension_map(release("police"), languages=["en"]))["points"]["count"] == 1
    for audience in ("community", "research"):
        assert "points" not in scene_of(web.crime_map(release(audience), languages=["en"]))


def test_claim_that_ended_is_counted_and_not_drawn(release):
    made = release()
    claims = made.background["claims"].copy()
    claims.loc[0, "date_to"] = pd.Timestamp("2024-01-01")
    text = web.crime_map(with_background(made, claims=claims), languages=["en"])
    assert len(tooltips_of(text)) < len(tooltips_of(web.crime_map(made, languages=["en"])))
    assert "1 claim that ended before is not drawn." in words_of(text, "aside")


def test_background_far_from_the_study_is_left_out(release):
    made = release()
    settlements = made.background["settlements"]
    moved = settlements.set_geometry(settlements.geometry.translate(yoff=300_000))
    resources = made.background["resources"]
    longer = resources.set_geometry([shapely.affinity.scale(shape, 40, 40) for shape in resources.geometry], crs=resources.crs)
    text = web.tension_map(with_background(made, settlements=moved, resources=longer), languages=["en"])
    assert "Orrin (Оррин)\nvillage" not in tooltips_of(text)
    numbers = re.findall(r"\[(-?\d+\.\d+), (-?\d+\.\d+)\]", json.dumps(scene_of(text)["layers"]))
    assert len(numbers) > 40
    assert all(-27.1 < float(east) < -26.7 and 42.9 < float(north) < 43.2 for east, north in numbers)


def with_actions(release, *, keep=(0,), **changes):
    """The release with these rows of its actions alone, and other values in them."""
    actions = release.tables["actions"].iloc[list(keep)].assign(**changes)
    return with_tables(release, actions=tables.check(actions, tables.RELEASED_ACTIONS))


def agreed_of(text, language=0):
    """Windows and lines of each mark where something was agreed."""
    scene = scene_of(text)
    return [(mark["windows"], [said(scene, line, language) for line in mark["lines"]]) for mark in features_of(text, "actions")]


@pytest.mark.parametrize("theme", MAPS)
@pytest.mark.parametrize("audience", tables.AUDIENCES)
def test_what_was_agreed_is_told_where_it_was_agreed_for(release, theme, audience):
    text = MAPS[theme](release(audience), languages=["en"])
    timetable, meeting = "Water timetable, agreed 19 June 2026, water users", "Joint meeting, agreed 19 June 2026"
    assert agreed_of(text) == [
        ([0, 1], ["Long Canal (canal)", f"{timetable}: not done yet, its day has passed"]),
        (
            [0],
            [
                "Head Intake (intake)",
                "Repair, agreed 20 March 2026, water users: done, 10 April 2026; people say: better; no clear change in reports",
            ],
        ),
        (
            [0],
            [
                "High Pasture (pasture)",
                "Patrol, agreed 20 March 2026, police: done, 20 May 2026; people say: about the same; "
                "too few reports to tell a change",
            ],
        ),
        ([0, 1], ["Road", "Request to authorities, agreed 25 June 2026, local government: agreed"]),
        ([0, 1], ["Council House (meeting place)", f"{meeting}, pasture committee: not done yet, its day has passed"]),
    ]
    assert {mark["glyph"] for mark in features_of(text, "actions")} == {"action"}
    assert "agreed at a meeting: what, by whom, and how it stands" in words_of(text, "aside")


@pytest.mark.parametrize("language", languages())
def test_what_was_agreed_is_told_in_each_language(release, language):
    made, words = with_actions(release(), keep=[1], place_id="v3"), Words(language)
    text = web.crime_map(made, languages=["en" if language != "en" else "tg", language])
    done = words("done, {day}", day=words.day("2026-05-20"))
    people = words("people say: {result}", result=words.label("about_the_same"))
    told = words(
        "{what}, agreed {day}, {who}: {state}",
        what=words.label("patrol"),
        day=words.day("2026-03-20"),
        who=words.label("police"),
        state=f"{done}; {people}; {words('too few reports to tell a change')}",
    )
    [(_, lines)] = agreed_of(text, 1)
    assert lines == [words.place("Ulmek", "Ӯлмек"), told[0].upper() + told[1:]]
    assert agreed_of(text, 0) != agreed_of(text, 1)


def test_each_quarter_tells_what_its_own_meetings_agreed(release):
    days = pd.to_datetime(["2026-03-20", "2026-06-19", "2026-06-25", "2026-07-01", "2026-08-01"])
    made = with_actions(
        release(), keep=[0] * 5, place_id="r4", date_held=days, status="agreed", date_due=pd.NaT, date_done=pd.NaT, result=None,
        change=None, what=["repair", "patrol", "mediation", "information", "other"],
    )  # fmt: skip
    told = {
        tuple(windows): [line.split(",")[0] for line in lines[1:]]
        for windows, lines in agreed_of(web.crime_map(made, languages=["en"]))
    }
    first = ["Repair", "Patrol", "Mediation", "Information", "Other"]
    assert told == {(0,): first[::-1], (1,): first[2:0:-1], (2,): first[:2:-1]}


def test_of_much_that_was_agreed_the_latest_is_told_and_how_much_more_there_is(release):
    days = pd.date_range("2026-07-01", periods=9)
    made = with_actions(release(), keep=[0] * 9, date_held=days, place_id="r4")
    [(windows, lines)] = agreed_of(web.tension_map(made, languages=["en"]))
    assert windows == [0, 2]
    assert [re.search(r"agreed (\d+) July", line)[1] for line in lines[1:-1]] == ["9", "8", "7", "6", "5", "4"]
    assert lines[-1] == "3 more at the same place"


@pytest.mark.parametrize("place_id", [None, "nowhere", "v2", "r5"])
def test_what_was_agreed_for_no_place_on_the_map_is_on_no_map(release, place_id):
    """Without a place, of a place that is not told, for a district, or far away."""
    made = with_actions(release(), keep=[0], what="mediation", place_id=place_id)
    settlements = made.background["settlements"].assign(kind=["village", "district", "town"])
    resources = made.background["resources"]
    far = resources.geometry.where(resources["resource_id"] != "r5", resources.geometry.translate(xoff=40_000))
    made = with_background(made, settlements=settlements, resources=resources.set_geometry(far))
    text = web.tension_map(made, languages=["en"])
    assert features_of(text, "actions") == []
    assert not any("Mediation" in told for told in scene_of(text)["texts"][0])
    assert "What was agreed" not in words_of(text, "aside")


def test_the_mark_of_what_was_agreed_lies_at_its_place_and_inside_the_study(release):
    made = with_actions(release(), keep=[0] * 3, place_id=["r2", "r4", "r5"], number=[1, 2, 3])
    resources = made.background["resources"]
    west, south, east, north = made.facts.extent
    longer = [
        resources.geometry[0],
        shapely.LineString([(west + 9000, south + 1000), (east + 40_000, south + 1000), (east + 90_000, north + 90_000)]),
        resources.geometry[2],
        shapely.box(east - 500, south + 2000, east + 30_000, south + 8000),
        # Its middle lies in the hole between two halves, one of them outside.
        shapely.union_all(
            [shapely.box(west + 500, north - 2000, west + 900, north - 100), shapely.box(west, north, east, north + 9000)]
        ),
    ]
    text = web.tension_map(with_background(made, resources=resources.set_geometry(longer, crs=resources.crs)), languages=["en"])
    marks = gpd.GeoSeries([shape(mark["geometry"]) for mark in features_of(text, "actions")], crs=4326).to_crs(resources.crs)
    assert len(marks) == 3
    assert marks.within(shapely.box(*made.facts.extent)).all()
    assert [mark.distance(longer[place]) < 2 for mark, place in zip(marks, (1, 3, 4), strict=True)] == [True] * 3


HOSTILE = ["<img src=x onerror=alert(1)>", "</script><script>alert(1)</script>", "${alert(1)}", "`+alert(1)+`", "{n} {0} {what}"]


@pytest.mark.parametrize("payload", HOSTILE)
def test_the_name_of_a_place_is_a_text_whatever_it_holds(release, payload):
    made = with_actions(release(), keep=[0, 1, 2], place_id=["r2", "v1", "s4"])
    named = {name: made.background[name].assign(name=payload) for name in ("settlements", "resources", "services")}
    text = web.tension_map(with_background(made, **named), languages=["en", "tg"])
    names = [lines[0] for _, lines in agreed_of(text)]
    assert names == [f"{payload} (canal)", f"{payload} (meeting place)", f"{payload} (Оррин)"]
    assert payload in scene_of(text)["texts"][1][features_of(text, "actions")[0]["lines"][0]]
    assert "<" not in payload or payload not in text


def test_the_audit_knows_all_that_a_mark_of_what_was_agreed_holds(release):
    for make in MAPS.values():
        scripts = read_page(make(release(), languages=languages())).scripts
        assert sum('"glyph": "action"' in script for script in scripts) == 1
        assert not any(foreign_keys(script) for script in scripts if "showMap(map_1" in script)


def test_a_road_in_pieces_is_one_feature(release):
    made = release()
    services = made.background["services"]
    road = services.query("kind == 'road'")
    pieces = [
        shapely.LineString([a, b]) for line in road.geometry for a, b in zip(line.coords[:-1], line.coords[1:], strict=True)
    ]
    cut = pd.concat([services.query("kind != 'road'"), *(road.set_geometry([piece], crs=road.crs) for piece in pieces)])
    cut["service_id"] = [f"s{n}" for n in range(len(cut))]
    features = features_of(web.crime_map(with_background(made, services=cut), languages=["en"]), "roads")
    assert [feature["look"] for feature in features if "look" in feature] == ["line road"]


def profile_of(text, place=0):
    """Heading -> lines of the profile of a numbered area."""
    scene = scene_of(text)
    return {
        None if part["heading"] is None else said(scene, part["heading"]): [said(scene, line) for line in part["lines"]]
        for part in scene["areas"][place]["parts"]
    }


def test_the_profile_of_an_area_says_what_lies_there_how_sure_it_is_and_what_it_does_not_show(release):
    text = web.tension_map(release(), languages=["en"], paper={"en": "tension_map.community.en.pdf"})
    profile = profile_of(text)
    assert profile[None][:2] == ["More reports than chance would explain", "At least 20 reports"]
    assert profile["In it or within 500 m"] == [
        "canal: Long Canal (April to September)",
        "road",
        "police post: Orrin Post",
    ]
    assert profile["Quarter by quarter"] == [
        "April to June 2026: fewer than 5 or none in the fullest square",
        "July to September 2026: fewer than 5 or none in the fullest square",
    ]
    assert "at most 5 of 100" in profile["How sure is this?"][0]
    assert profile["How sure is this?"][1].endswith("all of it mostly stands out.")
    assert profile["What this does not show"][0].startswith("Not who did anything")
    assert profile["On paper"] == ["tension_map.community.en.pdf, number 1"]
    assert "On paper" not in profile_of(web.tension_map(release(), languages=["en"]))


def test_an_area_with_nothing_near_says_so(release):
    made = release()
    empty = {name: made.background[name].iloc[:0] for name in ("resources", "services")}
    profile = profile_of(web.tension_map(with_background(made, **empty), languages=["en"]))
    assert profile["In it or within 500 m"] == ["No water, pasture, forest, road or post is known here."]


def test_every_language_says_as_many_texts(release):
    texts = scene_of(web.tension_map(release("police"), languages=languages()))["texts"]
    assert len(texts) == len(languages())
    assert len({len(told) for told in texts}) == 1
    assert len({tuple(told) for told in texts}) == len(languages())


def test_a_page_without_a_language_is_refused(release):
    with pytest.raises(ReleaseError, match="needs a language"):
        web.crime_map(release(), languages=[])


def test_letters_stand_in_the_page_as_letters_and_not_as_escapes(release):
    """An escape inside a word would hide it from whoever searches the page, the audit first of all."""
    text = web.crime_map(release(), languages=["uz", "tg", "ky"])
    assert "zoʻravonlik" in text
    assert not re.findall(r"\\u0(?:4[0-9a-f]{2}|2b[bc])", text)
