"""The crime map and the tension map for a screen: one HTML file each, complete without a network.

Everything drawn comes from a ``Release``, so nothing can be drawn that the audience may not see. The map is a Folium map of
paths, markers and tooltips; ``offline`` makes it stand alone. ``panel`` writes what stands beside it,
and nothing covers it. Symbols come from ``style``, sentences from ``words``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import folium
import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from babel.dates import get_month_names
from shapely.geometry import Point, box, mapping
from shapely.geometry.base import BaseGeometry

from tensionmap.crs import DEGREES
from tensionmap.publish import panel, sentences, shown, style
from tensionmap.publish.offline import as_json, escape, make_offline
from tensionmap.publish.panel import Look
from tensionmap.publish.words import Words
from tensionmap.tables import BANDS, Release

CLOSEST_ZOOM = 15
_DECIMALS = 5  # of a degree: one metre
_PIXEL_M = 4.0  # at the closest zoom
_MARGIN_M = 5_000.0  # the background is drawn so far beyond the grid

_WATER = ("river", "canal", "intake", "gate", "spring")


@dataclass(frozen=True)
class _Shape:
    """One thing on the map, in degrees: its tooltip as HTML, and its styles from the lowest stroke to the highest."""

    geometry: BaseGeometry
    tooltip: str
    styles: tuple[Look, ...]


@dataclass(frozen=True)
class _Layer:
    """What one line of the layer control switches on and off."""

    name: str
    parts: tuple[folium.GeoJson, ...]


def crime_map(release: Release, *, language: str, contacts: Sequence[str] = ()) -> str:
    """The crime map as the whole HTML text of a page: bands, hot spots, settlements, border claims, posts and roads.

    Parameters
    ----------
    release
        What one audience may see. The tables stand in a CRS in metres; the page holds degrees rounded to about a metre.
    language
        Language of every word on the page, one of ``words.languages()``.
    contacts
        Whom to call, one line each, as they shall be read.

    Raises
    ------
    ReleaseError
        If ``release`` is not a Release, or if there are no words for ``language``.

    Notes
    -----
    A band counts what was reported, not what happened. A square left blank holds too few reports to be told, or none, which
    is not the same as safe. A hot spot passed the map-wide test; everything else on the map is description.
    """
    return _page(release, "crime", language, contacts)


def tension_map(release: Release, *, language: str, contacts: Sequence[str] = ()) -> str:
    """The tension map as the whole HTML text of a page: as ``crime_map``, with water, pasture, forest and cooperation.

    Parameters, returns and raises are those of ``crime_map``.

    Notes
    -----
    What a report was about and what lies near it is shown, not who is to blame. Cooperation is counted as tension is.
    """
    return _page(release, "tension", language, contacts)


def _page(release: Release, theme: str, language: str, contacts: Sequence[str]) -> str:
    shown.refuse_unless_release(release)
    words = Words(language)
    title = sentences.title(release, theme, words)
    study = gpd.GeoSeries([box(*release.facts.extent)], crs=release.tables["cells"].crs).to_crs(DEGREES)
    m, control, groups = _folium_map(study, _layers(release, theme, words), is_canvas=release.audience == "police")
    west, south, east, north = study.total_bounds.round(_DECIMALS).tolist()
    names = f"{m.get_name()}, {control.get_name()}, [{', '.join(group.get_name() for group in groups)}]"
    given = {
        "title": title,
        "zoom_in": words("Zoom in"),
        "zoom_out": words("Zoom out"),
        "bounds": [[south, west], [north, east]],
    }
    return make_offline(
        m,
        title=title,
        language=language,
        css=_beside("web.css"),
        body=panel.header(release, theme, words) + panel.beside(release, theme, words, contacts),
        script=f"({_beside('web.js')})({names}, {as_json(given)});",
    )


def _beside(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8").strip()


def _folium_map(
    study: gpd.GeoSeries, layers: Sequence[_Layer], *, is_canvas: bool
) -> tuple[folium.Map, folium.LayerControl, list[folium.FeatureGroup]]:
    """The map with the edge of the study and every layer; a canvas draws thousands of single reports, but knows no shapes."""
    middle = study.iloc[0].centroid
    m = folium.Map(
        [round(middle.y, _DECIMALS), round(middle.x, _DECIMALS)],
        tiles=None,
        control_scale=True,
        prefer_canvas=is_canvas,
        font_size="14px",
        maxZoom=CLOSEST_ZOOM,
        zoomSnap=0.25,
    )
    edge = {"color": style.STUDY_EDGE.screen_colour, "weight": style.STUDY_EDGE.width_pt, "fill": False}
    folium.GeoJson(_collection(list(study)), style_function=lambda _: edge, control=False, interactive=False).add_to(m)
    groups = []
    for layer in layers:
        group = folium.FeatureGroup(name=escape(layer.name))
        m.add_child(group)
        for part in layer.parts:
            part.add_to(group)
        groups.append(group)
    control = folium.LayerControl(collapsed=False)
    m.add_child(control)
    return m, control, groups


def _layers(release: Release, theme: str, words: Words) -> list[_Layer]:
    """The layers from the lowest to the highest; one without content is left out."""
    is_tension = theme == "tension"
    resources, services, settlements = (
        _near(release, layer)
        for layer in (release.background["resources"], release.background["services"], shown.settlements(release))
    )
    water = resources[resources["kind"].isin(_WATER)]
    found = [
        (words("Pasture and forest"), _ground(resources, words) if is_tension else []),
        (words("Reports in a square"), _cells(release, theme, words)),
        (words("Water"), _lines_and_symbols(water, words) if is_tension else []),
        (words("Roads, crossings, posts and meeting places"), _lines_and_symbols(services, words)),
        (words("Single reports"), _points(release, theme, words)),
        (words("Border claims"), _claims(release, words)),
        (panel.capital(words.label("cooperation")), _cooperation(release, words) if is_tension else []),
        (words("Numbered areas"), _hotspots(release, theme, words)),
        (words("Villages and towns"), _settlements(settlements, words)),
    ]
    return [_Layer(name, tuple(parts)) for name, parts in found if parts]


def _near(release: Release, frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """``frame`` in the CRS of the cells, cut to the study area with its margin and thinned to what a screen can show."""
    frame = frame.to_crs(release.tables["cells"].crs)
    thinned = frame.set_geometry(frame.geometry.simplify(_PIXEL_M))
    return shown.cut(thinned, box(*release.facts.extent).buffer(_MARGIN_M, join_style="mitre"))


def _cells(release: Release, theme: str, words: Words) -> list[folium.GeoJson]:
    cells = shown.of_theme(release, "cells", theme)
    is_drawn = cells["band"] != BANDS[0]
    if "hotspot" in cells:
        is_drawn |= cells["hotspot"].isin(["hot", "cold"])
    drawn = cells[is_drawn].to_crs(DEGREES)
    edge = style.CELL_EDGE
    shapes = []
    rows = [(_cell_tooltip(release, row, words), row["band"]) for row in drawn.to_dict("records")]
    for (tooltip, band), same in drawn.groupby(pd.Series(rows, index=drawn.index, dtype=object), sort=False):
        look = style.BANDS[band]
        fill = {"fill": True, "fillColor": look.screen_fill, "fillOpacity": look.screen_opacity}
        shapes.append(
            _Shape(
                shapely.MultiPolygon(list(same.geometry)),
                tooltip,
                ({"color": edge.screen_colour, "weight": edge.width_pt, **fill},),
            )
        )
    return _paths(shapes)


def _cell_tooltip(release: Release, row: Mapping[Any, Any], words: Words) -> str:
    lines = [sentences.reports(release, row["band"], words), *_size(release, row.get("side_cells", 1), words)]
    if row.get("hotspot") in ("hot", "cold"):
        lines.append(panel.capital(sentences.meaning(row["hotspot"], words)))
    if release.audience == "research":
        lines.append(
            words(
                "Counted: {count}; expected if nothing is going on: {expected}; p over the whole map: {p}",
                count=words.number(row["count"]),
                expected=_figure(row["expected"], 1),
                p=_figure(row["p_map"], 3),
            )
        )
    elif release.audience == "police":
        lines.append(words("Counted: {count}", count=words.number(row["count"])))
    return _lines(lines)


def _size(release: Release, side_cells: int, words: Words) -> list[str]:
    size = sentences.size(release, side_cells, words)
    return [size] if size else []


def _hotspots(release: Release, theme: str, words: Words) -> list[folium.GeoJson]:
    spots = shown.of_theme(release, "hotspots", theme).to_crs(DEGREES)
    rows = list(spots.itertuples())
    outlines = [_Shape(row.geometry, _hotspot_tooltip(row, words), panel.strokes(style.HOTSPOTS[row.kind])) for row in rows]
    numbers = [
        _Shape(
            _north_east(row.geometry),
            _hotspot_tooltip(row, words),
            ({"html": f'<b class="number {row.kind}">{escape(row.hotspot_id)}</b>'},),
        )
        for row in rows
    ]
    return _paths(outlines) + _marks(numbers)


def _north_east(area: BaseGeometry) -> Point:
    """The most north-eastern corner of an area: there its number hides nothing inside."""
    return Point(max(shapely.get_coordinates(area).tolist(), key=sum))


def _hotspot_tooltip(row: Any, words: Words) -> str:
    return _lines([panel.hotspot_name(row, words), *panel.hotspot_facts(row, words)])


def _settlements(settlements: gpd.GeoDataFrame, words: Words) -> list[folium.GeoJson]:
    shapes = []
    # In the order in which names find room: towns, then by residents.
    order = settlements.assign(is_village=settlements["kind"] != "town").sort_values(
        ["is_village", "residents", "settlement_id"], ascending=[True, False, True], na_position="last"
    )
    for row in order.to_crs(DEGREES).itertuples():
        first, *other = words.names(row.name, panel.text_or_nothing(row.name_local) or None)
        second = "".join(f"<small>{escape(name)}</small>" for name in other)
        label = f'{panel.glyph(row.kind)}<span class="name {row.kind}">{escape(first)}{second}</span>'
        shapes.append(
            _Shape(
                row.geometry,
                _lines([words.place(row.name, panel.text_or_nothing(row.name_local) or None), words.label(row.kind)]),
                ({"html": label},),
            )
        )
    return _marks(shapes)


def _claims(release: Release, words: Words) -> list[folium.GeoJson]:
    claims = _near(release, shown.claim_lines(release)).to_crs(DEGREES)
    letters = shown.claimant_letters(release)
    claimants = sorted(letters)  # each writes its letters at another part of its lines: claims lie close together
    lines, marks = [], []
    for row in claims.sort_values(["claim_id"], kind="stable").itertuples():
        tooltip = _lines([panel.capital(sentences.claim(row, words)), words("According to: {source}", source=row.source)])
        lines.append(_Shape(row.geometry, tooltip, panel.strokes(style.CLAIMS[row.status])))
        longest = max(shapely.get_parts(shapely.line_merge(row.geometry)), key=lambda part: part.length)
        middle = longest.interpolate((claimants.index(row.claimant) + 1) / (len(claimants) + 1), normalized=True)
        mark = f'<span class="claimant">{escape(letters[row.claimant])}</span>'
        marks.append(_Shape(middle, tooltip, ({"html": mark},)))
    return _paths(lines) + _marks(marks)


def _ground(resources: gpd.GeoDataFrame, words: Words) -> list[folium.GeoJson]:
    ground = resources[resources["kind"].isin(list(style.GROUNDS))].to_crs(DEGREES)
    shapes = []
    for row in ground.itertuples():
        look = style.GROUNDS[row.kind]
        outline = {"color": look.outline.screen_colour, "weight": look.outline.width_pt, "dashArray": look.outline.dash_css}
        fill = {"fill": True, "fillColor": look.screen_fill, "fillOpacity": 0.6}
        shapes.append(_Shape(row.geometry, _kind_tooltip(row, words), ({**outline, **fill},)))
    return _paths(shapes)


def _lines_and_symbols(frame: gpd.GeoDataFrame, words: Words) -> list[folium.GeoJson]:
    lines, marks = [], []
    for row in frame.to_crs(DEGREES).itertuples():
        tooltip = _kind_tooltip(row, words)
        if row.geometry.geom_type in ("Point", "MultiPoint"):
            marks.append(_Shape(row.geometry, tooltip, ({"html": panel.glyph(row.kind)},)))
        elif row.kind in style.LINES:
            lines.append(_Shape(row.geometry, tooltip, panel.strokes(style.LINES[row.kind])))
    return _paths(lines) + _marks(marks)


def _kind_tooltip(row: Any, words: Words) -> str:
    lines = [": ".join(part for part in (panel.capital(words.label(row.kind)), panel.text_or_nothing(row.name)) if part)]
    months = [getattr(row, name, None) for name in ("season_from", "season_to")]
    if not any(pd.isna(month) for month in months):
        first, last = (get_month_names("wide", context="stand-alone", locale=words.language)[month] for month in months)
        lines.append(words("In use: {months}", months=words("{first} to {last}", first=first, last=last)))
    return _lines(lines)


def _cooperation(release: Release, words: Words) -> list[folium.GeoJson]:
    cells = shown.joint_work(release)
    title = panel.capital(words.label("cooperation"))
    return _marks(
        [
            _Shape(
                row.geometry,
                _lines([title, sentences.reports(release, row.band, words), *_size(release, row.side_cells, words)]),
                ({"html": panel.glyph("joint_work")},),
            )
            for row in cells.set_geometry(cells.centroid).to_crs(DEGREES).itertuples()
        ]
    )


def _points(release: Release, theme: str, words: Words) -> list[folium.GeoJson]:
    if "points" not in release.tables:
        return []
    points = release.tables["points"].to_crs(DEGREES)
    shown = points[points["theme"].isin([theme, "cooperation"] if theme == "tension" else [theme])]
    return _circles([_Shape(row.geometry, _point_tooltip(row, words), (panel.POINT,)) for row in shown.itertuples()])


def _point_tooltip(row: Any, words: Words) -> str:
    return _lines(
        [
            panel.capital(words.label(row.category)),
            _date(row.date_start.date().isoformat(), row.date_precision, words),
            words("Reported by: {who}", who=words.label(row.reported_by)),
            words("Place known to within {metres} m", metres=f"{row.location_precision_m:.0f}"),
        ]
    )


def _date(day: str, precision: str, words: Words) -> str:
    if precision == "day":
        return words.day(day)
    if precision == "month":
        return words.months(day, day)
    return day[:4] if precision == "year" else words("from {day}", day=words.day(day))


def _paths(shapes: Sequence[_Shape]) -> list[folium.GeoJson]:
    return _geojson([(shape, look) for shape in shapes for look in shape.styles])


def _circles(shapes: Sequence[_Shape]) -> list[folium.GeoJson]:
    return _geojson([(shape, shape.styles[0]) for shape in shapes], marker=folium.CircleMarker(radius=4))


def _marks(shapes: Sequence[_Shape]) -> list[folium.GeoJson]:
    icon = folium.DivIcon(icon_size=(0, 0), class_name="mark")
    return _geojson([(shape, shape.styles[0]) for shape in shapes], marker=folium.Marker(icon=icon))


def _geojson(looks: Sequence[tuple[_Shape, Look]], **options: Any) -> list[folium.GeoJson]:
    """One layer of the shapes, each in its style, with tooltips; none if there is no shape."""
    if not looks:
        return []
    data = _collection([shape.geometry for shape, _ in looks], [shape.tooltip for shape, _ in looks])
    layer = folium.GeoJson(data, style_function=lambda feature: looks[int(feature["id"])][1], **options)
    layer.add_child(folium.GeoJsonTooltip(["text"], labels=False, class_name="words"))
    return [layer]


def _collection(geometries: Sequence[BaseGeometry], texts: Sequence[str] = ()) -> dict[str, Any]:
    rounded = shapely.transform(np.array(geometries, dtype=object), lambda degrees: degrees.round(_DECIMALS))
    properties = [{"text": text} for text in texts] or [{} for _ in geometries]
    return {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "id": str(i), "properties": p, "geometry": mapping(g)}
            for i, (g, p) in enumerate(zip(rounded, properties, strict=True))
        ],
    }


def _lines(texts: Iterable[str]) -> str:
    return "<br>".join(escape(text) for text in texts)


def _figure(value: Any, decimals: int) -> str:
    return "–" if pd.isna(value) else f"{value:.{decimals}f}"
