"""No public function of publish can be given a raw table and give a map."""

import ast
import inspect
import pkgutil
import re
from dataclasses import fields, is_dataclass, replace
from importlib import import_module
from types import SimpleNamespace

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from pandas.testing import assert_frame_equal
from shapely.geometry import Point

from tensionmap import pipeline, publish, report
from tensionmap.errors import ReleaseError
from tensionmap.publish import shown
from tensionmap.publish.texts import Texts
from tensionmap.publish.words import Words
from tensionmap.tables import Release

MODULES = [
    import_module(found.name)
    for found in pkgutil.walk_packages(publish.__path__, "tensionmap.publish.")
    if not found.name.startswith("tensionmap.publish.offline")  # knows nothing of this project: any map of Folium
]
PAGES = {
    "council.council_page",
    "reporting_day.meeting_pack",
    "sheet.crime_sheet",
    "sheet.tension_sheet",
    "web.crime_map",
    "web.tension_map",
}
GATES = {"chart.View", "meetings.Community", "meetings.District"}
"""What pages are made of: whoever holds one holds a release."""

RAW = re.compile(r"DataFrame|GeoSeries|Series\b|\bTable\b")
TAKE_FRAMES = {
    "points.pack": "packs the points of a release for the page that `web` makes: a text of numbers, no map",
    "relief.hillshade": "public elevation -> grey tones, no reports",
    "relief.shade": "public elevation -> a grey picture, no reports",
    "scene.near_study": "thins a layer of a release, and gives a layer: no map",
    "shown.cut": "cuts a layer that `shown` or a release gave at a frame, and gives a layer: no map",
    "shown.things_near": "kinds and names of what a layer of a release has near an area: words, no map",
}
ANYTHING = re.compile(r"\bAny\b|\bobject\b")
TAKE_ANYTHING = {
    "agreed.action": "an action of a community -> words",
    "agreed.areas": "the numbered areas of a view -> words; only their squares are named by what it is given",
    "agreed.around": "the squares of a community inside a shape -> words",
    "agreed.concern": "a concern of a community -> words",
    "agreed.due": "the day of an action of a release -> words",
    "agreed.place_name": "an identifier -> a name of the release",
    "agreed.state": "an action of a community -> words",
    "chart.Chart.index": "a shape in metres -> 'B3'",
    "chart.Chart.mm": "a shape in metres -> a shape in millimetres",
    "drawn.Drawn.begin": "whatever draws",
    "drawn.Drawn.draw": "whatever draws",
    "drawn.Marks": "points in millimetres on a page of paper",
    "drawn.Marks.begin": "whatever draws",
    "drawn.Marks.draw": "whatever draws",
    "drawn.Shape": "a shape in millimetres on a page of paper",
    "drawn.Shape.begin": "whatever draws",
    "drawn.Shape.draw": "whatever draws",
    "drawn.Writing.begin": "whatever draws",
    "drawn.Writing.draw": "whatever draws",
    "drawn.outline_of": "a shape as matplotlib writes it",
    "meetings.Community.actions": "a meeting of the same community -> what it agreed",
    "meetings.Community.concerns": "a meeting of the same community -> what worried it",
    "meetings.Community.is_done": "an action of a release -> yes or no",
    "meetings.Community.is_overdue": "an action of a release -> yes or no",
    "meetings.place_of": "an identifier -> a row of the background of a release",
    "page.Page.marks": "points in millimetres on a page of paper",
    "page.Page.shape": "a shape in millimetres on a page of paper",
    "page.Page.stroke": "a line in millimetres on a page of paper",
    "page.coordinates": "corners of shapes",
    "page.lines_of": "lines of a shape",
    "panel.around_the_map": "the scene of the same release",
    "points.with_words": "packed points -> the same with the numbers of texts",
    "sentences.area": "a numbered area of a release -> words",
    "sentences.area_name": "a numbered area of a release -> words",
    "sentences.claim": "a claim of a release -> words",
    "sentences.near": "a numbered area of a release -> words",
    "sentences.on_paper": "a numbered area of a release -> words",
    "sentences.support": "a numbered area of a release -> words",
    "shown.cut": "the area is a shape",
    "shown.refuse_unless_release": "refuses whatever is no release",
    "shown.season": "a row of the background of a release -> months",
    "shown.text_or_nothing": "a name that may be missing -> a text",
    "shown.things_near": "the area is a shape",
    "words.Words.__call__": "values put into a sentence",
    "words.Words.n": "values put into a sentence",
}


def is_public(name):
    return not name.startswith("_") or name in ("__init__", "__call__")


def public():
    """Every public function, class and method of publish, by its name."""
    for module in MODULES:
        short = module.__name__.removeprefix("tensionmap.publish.")
        for name, found in vars(module).items():
            if getattr(found, "__module__", None) == module.__name__ and is_public(name):
                if inspect.isclass(found):
                    yield f"{short}.{name}", found
                    methods = inspect.getmembers(found, inspect.isfunction)
                    yield from (
                        (f"{short}.{name}.{method}", made)
                        for method, made in methods
                        if is_public(method) and method != "__init__"
                    )
                elif callable(found):
                    yield f"{short}.{name}", found


PUBLIC = dict(public())


def annotations(made):
    """The parameters of a function or of a class with what they are said to be."""
    if is_dataclass(made) and inspect.isclass(made):
        return {field.name: str(field.type) for field in fields(made) if field.init}
    return {name: str(parameter.annotation) for name, parameter in inspect.signature(made).parameters.items()}


def takes(made, pattern):
    return [name for name, said in annotations(made).items() if re.search(pattern, said)]


TAKE_RELEASE = sorted(name for name, made in PUBLIC.items() if takes(made, r"\bRelease\b"))


@pytest.fixture
def raw(release):
    """What is no release, however much it looks like one."""
    incidents = gpd.GeoDataFrame(
        {"theme": ["crime"], "incident_id": ["CANARY-1"], "description": ["CANARY-2"], "band": ["20+"], "window": ["period"]},
        geometry=[Point(503_123, 4_763_456)],
        crs="EPSG:32626",
    )
    made = release("police")
    return {
        "table": pd.DataFrame(incidents.drop(columns="geometry")),
        "layer": incidents,
        "dict": {"cells": incidents},
        "nothing": None,
        "look-alike": SimpleNamespace(
            audience="community",
            facts=made.facts,
            tables={**made.tables, "cells": incidents},
            background=made.background,
            remembered={},
        ),
    }


DISTRICT = "North"


def with_a_district(made):
    """The release with a district that holds all its settlements: the fixture has none."""
    settlements = made.background["settlements"].assign(district=DISTRICT)
    return replace(made, background={**made.background, "settlements": settlements})


def given(made, name, value):
    """Arguments for a public function: ``value`` for the parameter ``name``, plain ones for the others."""
    plain = {
        "theme": "crime",
        "words": Words("en"),
        "language": "en",
        "contacts": (("other", "Post 1"),),
        "band": "5-9",
        "side_cells": 2,
    }
    plain |= {"quarter": "2026Q3", "now": "2026Q3", "then": "2026Q2", "settlement_id": "v1", "place_id": "r2"}
    plain |= {"district": DISTRICT, "name": {"District": DISTRICT, "find_settlement": "Orrin"}.get(made.__name__, "cells")}
    plain |= {"languages": ("en",), "texts": Texts(["en"]), "window": "2026Q3", "paper": {}, "has_relief": False}
    plain |= {
        "frame": gpd.GeoDataFrame({"kind": []}, geometry=[], crs="EPSG:32626"),
        "drawn": {"layers": [], "windows": [], "places": []},
    }
    needed = [
        n for n, p in inspect.signature(made).parameters.items() if p.default is p.empty and n != name and "*" not in str(p)
    ]
    return {name: value, **{parameter: plain[parameter] for parameter in needed}}


def is_map(answer):
    start = answer[:200].encode() if isinstance(answer, str) else answer[:200] if isinstance(answer, bytes) else b""
    return b"<html" in start.lower() or b"<!doctype" in start.lower() or b"%PDF" in start


def test_the_walk_finds_what_there_is():
    assert set(PUBLIC) >= PAGES
    assert PAGES | GATES | {"panel.around_the_map", "scene.scene_of", "sentences.title", "shown.of_theme"} <= set(TAKE_RELEASE)
    assert len(PUBLIC) > 100


def used_of_publish(module):
    """The public functions and classes of publish that a module names, imported one by one or by their modules."""
    tree = ast.parse(inspect.getsource(module))
    froms = [
        node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(publish.__name__)
    ]
    modules = {name.asname or name.name: name.name for node in froms if node.module == publish.__name__ for name in node.names}
    prefix = f"{publish.__name__}."
    named = {
        f"{node.module.removeprefix(prefix)}.{name.name}"
        for node in froms
        if node.module != publish.__name__
        for name in node.names
    }
    named |= {
        f"{modules[node.value.id]}.{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules
    }
    return named & set(PUBLIC)


def test_the_pipeline_draws_by_these_functions_alone():
    """What is called with a release draws the pages, a small picture, or says which communities there are."""
    used = used_of_publish(pipeline) | used_of_publish(report)
    asked = {"index.thumbnail", "meetings.communities_to_report", "meetings.find_settlement"}
    assert used & set(TAKE_RELEASE) == PAGES | asked | {"meetings.Community", "meetings.District"}
    assert used - set(TAKE_RELEASE) == {
        "checklist.study_gaps", "index.Entry", "index.index_page", "relief.Hillshade", "relief.Relief", "relief.hillshade",
        "relief.shade", "web.app_block", "words.every_text",
    }  # fmt: skip


def test_no_other_function_that_takes_a_release_makes_a_page(release):
    # What draws a page needs to know in which languages.
    assert {name for name in TAKE_RELEASE if {"language", "languages"} & set(annotations(PUBLIC[name]))} == PAGES
    made = with_a_district(release())
    for name in PAGES:
        assert is_map(PUBLIC[name](**given(PUBLIC[name], "release", made))), name
    for name in set(TAKE_RELEASE) - PAGES:
        function = PUBLIC[name]
        assert not is_map(function(**given(function, takes(function, r"\bRelease\b")[0], made))), name


@pytest.mark.parametrize("kind", ["table", "layer", "dict", "nothing", "look-alike"])
@pytest.mark.parametrize("name", [*sorted(PAGES | GATES), "meetings.require_quarter", "shown.refuse_unless_release"])
def test_what_draws_refuses_everything_but_a_release(name, kind, raw):
    function = PUBLIC[name]
    parameter = "given" if name.endswith("unless_release") else "release"
    with pytest.raises(ReleaseError, match=r"drawn from a Release, not from a (DataFrame|GeoDataFrame|dict|NoneType|Simple)"):
        function(**given(function, parameter, raw[kind]))


@pytest.mark.parametrize("name", sorted(set(TAKE_RELEASE) - PAGES))
def test_what_only_words_a_release_fails_on_a_raw_table_or_says_nothing_of_it(name, raw):
    function = PUBLIC[name]
    parameter = takes(function, r"\bRelease\b")[0]
    for kind in ("table", "layer", "dict", "nothing"):
        try:
            answer = function(**given(function, parameter, raw[kind]))
        except (ReleaseError, AttributeError):
            continue
        assert not is_map(answer)
        assert "CANARY" not in repr(answer)


def test_no_public_function_asks_for_a_raw_table():
    asking = {name for name, made in PUBLIC.items() if takes(made, RAW)}
    assert asking == set(TAKE_FRAMES)


def test_what_takes_anything_is_known_by_name():
    taking = {name for name, made in PUBLIC.items() if takes(made, ANYTHING) or "" in annotations(made).values()}
    assert taking == set(TAKE_ANYTHING)


def test_every_parameter_says_what_it_is():
    silent = [f"{name}({p})" for name, made in PUBLIC.items() for p, said in annotations(made).items() if "_empty" in said]
    assert [found for found in silent if not found.endswith("(self)")] == []


def test_only_the_pages_are_made_of_a_map_of_folium():
    """`offline` takes any map of Folium, whoever drew it; of the rest of publish only `web` may ask it to."""
    asking = {
        module.__name__.removeprefix("tensionmap.publish.")
        for module in MODULES
        if {"make_offline", "OfflineMap"} & set(vars(module))
    }
    assert asking == {"web"}


def test_a_view_holds_nothing_but_what_the_release_gives(release, raw):
    view = PUBLIC["chart.View"]
    # Besides the release a view is told which part of it is drawn, and what that part is called.
    assert annotations(view) == {
        "release": "Release",
        "theme": "str",
        "part": "Box | None",
        "named": "tuple[str, str | None]",
    }
    with pytest.raises(TypeError):
        view(release(), "crime", cells=raw["layer"])
    with pytest.raises(AttributeError):
        view(release(), "crime").release = raw["look-alike"]
    with pytest.raises(AttributeError):
        view(release(), "crime").cells = raw["layer"]


def test_a_part_of_a_view_is_cut_from_the_same_release(release):
    made = release("police")
    west, south, *_ = made.facts.extent
    whole, part = (
        PUBLIC["chart.View"](made, "tension"),
        PUBLIC["chart.View"](made, "tension", (west, south, west + 5000, south + 5000)),
    )
    for layer in ("cells", "hotspots", "points", "settlements", "claims", "resources", "services"):
        every, kept = getattr(whole, layer), getattr(part, layer)
        assert 0 < len(kept) <= len(every), layer
        assert set(kept.index) <= set(every.index), layer
        assert kept.covered_by(shapely.box(*part.bounds)).all(), layer


def test_what_a_release_remembers_is_what_it_would_answer_anew(release):
    """Answers are kept and handed out again: whoever changed one would change every later page."""
    made, fresh = with_a_district(release()), with_a_district(release())
    for name in sorted(PAGES):
        PUBLIC[name](**given(PUBLIC[name], "release", made))
    assert len(made.remembered) > 20
    for (name, args, options), kept in made.remembered.items():
        anew = PUBLIC[f"shown.{name}"](fresh, *args, **dict(options))
        if isinstance(kept, pd.DataFrame):
            assert_frame_equal(kept, anew)
        else:
            assert kept == anew, name


def test_releases_do_not_remember_each_other(release):
    made = release()
    assert len(shown.squares(made, "crime")) > 0
    without = replace(made, tables={**made.tables, "cells": made.tables["cells"].iloc[:0]})
    assert len(shown.squares(without, "crime")) == 0
    assert len(shown.squares(made, "crime")) > 0


def test_a_release_is_no_raw_table_by_accident(release, raw):
    made = release()
    for name in ("cells", "hotspots"):
        with pytest.raises(Exception, match="breaks its contract"):
            Release("community", made.facts, {**made.tables, name: raw["layer"]}, made.background)
