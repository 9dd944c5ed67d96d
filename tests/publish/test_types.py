"""No public function of publish can be given a raw table and give a map."""

import inspect
import pkgutil
import re
from dataclasses import fields, is_dataclass
from importlib import import_module
from types import SimpleNamespace

import geopandas as gpd
import pandas as pd
import pytest
from shapely.geometry import Point

from tensionmap import pipeline, publish
from tensionmap.errors import ReleaseError
from tensionmap.publish.texts import Texts
from tensionmap.publish.words import Words
from tensionmap.tables import Release

MODULES = [
    import_module(found.name)
    for found in pkgutil.walk_packages(publish.__path__, "tensionmap.publish.")
    if not found.name.startswith("tensionmap.publish.offline")  # knows nothing of this project: any map of Folium
]
PAGES = {"web.crime_map", "web.tension_map", "sheet.crime_sheet", "sheet.tension_sheet"}

RAW = re.compile(r"DataFrame|GeoSeries|Series\b|\bTable\b")
TAKE_FRAMES = {
    "points.pack": "packs the points of a release for the page that `web` makes: a text of numbers, no map",
    "relief.hillshade": "public elevation -> grey tones, no reports",
    "relief.shade": "public elevation -> a grey picture, no reports",
    "scene.near_study": "thins a layer of a release, and gives a layer: no map",
    "shown.cut": "cuts a layer that `shown` or a release gave at a frame, and gives a layer: no map",
}
ANYTHING = re.compile(r"\bAny\b|\bobject\b")
TAKE_ANYTHING = {
    "chart.Chart.index": "a shape in metres -> 'B3'",
    "chart.Chart.mm": "a shape in metres -> a shape in millimetres",
    "page.Page.marks": "points in millimetres on a page of paper",
    "page.Page.shape": "a shape in millimetres on a page of paper",
    "page.Page.stroke": "a line in millimetres on a page of paper",
    "page.coordinates": "corners of shapes",
    "page.lines_of": "lines of a shape",
    "page.outline_of": "a shape as matplotlib writes it",
    "panel.around_the_map": "the scene of the same release",
    "points.with_words": "packed points -> the same with the numbers of texts",
    "scene.area_name": "a numbered area of a release -> words",
    "scene.text_or_nothing": "a name that may be missing -> a text",
    "sentences.area": "a numbered area of a release -> words",
    "sentences.claim": "a claim of a release -> words",
    "sentences.near": "a numbered area of a release -> words",
    "sentences.on_paper": "a numbered area of a release -> words",
    "sentences.support": "a numbered area of a release -> words",
    "shown.cut": "the area is a shape",
    "shown.refuse_unless_release": "refuses whatever is no release",
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
            audience="community", facts=made.facts, tables={**made.tables, "cells": incidents}, background=made.background
        ),
    }


def given(made, name, value):
    """Arguments for a public function: ``value`` for the parameter ``name``, plain ones for the others."""
    plain = {"theme": "crime", "words": Words("en"), "language": "en", "contacts": ("Post 1",), "band": "5-9", "side_cells": 2}
    plain |= {"name": "cells", "languages": ("en",), "texts": Texts(["en"]), "window": "2026Q3", "paper": {}, "has_relief": False}
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
    assert PAGES | {"chart.View", "panel.around_the_map", "scene.scene_of", "sentences.title", "shown.of_theme"} <= set(
        TAKE_RELEASE
    )
    assert len(PUBLIC) > 100


def test_the_pipeline_draws_by_these_functions_alone():
    called = set(re.findall(r"\b(?:web|sheet)\.\w+", inspect.getsource(pipeline)))
    assert called == PAGES | {"web.app_block"}


def test_no_other_function_that_takes_a_release_makes_a_page(release):
    # What draws a page needs to know in which languages.
    assert {name for name in TAKE_RELEASE if {"language", "languages"} & set(annotations(PUBLIC[name]))} == PAGES
    made = release()
    for name in PAGES:
        assert is_map(PUBLIC[name](**given(PUBLIC[name], "release", made)))
    for name in set(TAKE_RELEASE) - PAGES:
        function = PUBLIC[name]
        assert not is_map(function(**given(function, takes(function, r"\bRelease\b")[0], made))), name


@pytest.mark.parametrize("kind", ["table", "layer", "dict", "nothing", "look-alike"])
@pytest.mark.parametrize("name", [*sorted(PAGES), "chart.View", "shown.refuse_unless_release"])
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
    assert list(annotations(view)) == ["release", "theme"]
    with pytest.raises(TypeError):
        view(release(), "crime", cells=raw["layer"])
    with pytest.raises(AttributeError):
        view(release(), "crime").release = raw["look-alike"]


def test_a_release_is_no_raw_table_by_accident(release, raw):
    made = release()
    for name in ("cells", "hotspots"):
        with pytest.raises(Exception, match="breaks its contract"):
            Release("community", made.facts, {**made.tables, name: raw["layer"]}, made.background)
