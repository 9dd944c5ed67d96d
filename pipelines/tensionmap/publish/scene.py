"""What a page draws, as plain data: layers of features in degrees, squares by window, looks, and the numbers of their texts.

Everything comes from a ``Release``. The scripts in ``screen`` draw it; nothing in it is HTML, and every text is a number of
``Texts``, so that a reader can change the language and no text can run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely
from shapely.geometry import Point, mapping

from tensionmap.crs import DEGREES
from tensionmap.publish import agreed, meetings, sentences, shown, style
from tensionmap.publish.texts import Say, Texts
from tensionmap.publish.words import Words
from tensionmap.tables import BANDS, PERIOD, Release

DECIMALS = 5  # of a degree: one metre
PIXEL_M = 4.0  # at the closest zoom
MARGIN_M = 5_000.0  # the background is drawn so far beyond the grid

WATER = ("river", "canal", "intake", "gate", "spring")
MOST_ACTIONS = 6
"""How many actions at one place are told, the latest."""
WAYS = ("river", "canal")
"""Kinds of water that the crime map keeps, to find the way by."""

Data = dict[str, Any]


@dataclass(frozen=True)
class Layer:
    """What one tick of the legend shows: its name in the code and the features that the page draws, the lowest first."""

    name: str
    features: list[Data] = field(default_factory=list)

    @property
    def data(self) -> Data:
        """As the page reads it."""
        return {"name": self.name, "features": self.features}


def scene_of(release: Release, theme: str, texts: Texts, *, paper: Mapping[str, str]) -> Data:
    """Everything that the page of one theme draws, ready for JSON.

    Parameters
    ----------
    paper
        Language -> name of the file in which the same map stands on paper; may be empty.

    Returns
    -------
    dict
        ``windows`` (months that can be chosen), ``squares``, ``layers`` from the lowest to the highest, ``areas`` (what is
        told of each numbered area), ``places`` (names to search for), ``looks``, ``glyphs`` and ``bounds`` in degrees.
    """
    shown.refuse_unless_release(release)
    is_tension = theme == "tension"
    resources, services = (near_study(release, release.background[name]) for name in ("resources", "services"))
    settlements = near_study(release, shown.settlements(release))
    drawn = resources if is_tension else resources[resources["kind"].isin(WAYS)]
    layers = [
        Layer("pasture", _ground(drawn, "pasture", texts)),
        Layer("forest", _ground(drawn, "forest", texts)),
        Layer("water", _lines_and_symbols(drawn[drawn["kind"].isin(WATER)], texts)),
        Layer("roads", _lines_and_symbols(services[services["kind"].isin(["road", "crossing"])], texts)),
        Layer("posts", _lines_and_symbols(services[services["kind"] == "police_post"], texts)),
        Layer("meetings", _lines_and_symbols(services[services["kind"] == "meeting_place"], texts)),
        Layer("claims", _claims(release, texts)),
        Layer("cooperation", _cooperation(release, texts) if is_tension else []),
        Layer("areas", _areas(release, theme, texts)),
        Layer("settlements", _settlements(settlements, texts)),
        # Most is agreed for a village, whose own mark would hide it.
        Layer("actions", _actions(release, texts)),
    ]
    return {
        "windows": [_window(release, theme, window, texts) for window in shown.windows(release)],
        "squares": _squares(release, theme, texts),
        "layers": [layer.data for layer in layers if layer.features],
        "areas": [
            _told_of(release, theme, row, resources, services, texts, paper)
            for row in shown.hotspots(release, theme).itertuples()
        ],
        "places": _places(settlements, texts),
        "looks": _looks(),
        "glyphs": {
            kind: {"mark": symbol.glyph, "colour": symbol.screen_colour, "size": symbol.size_pt, "hollow": not symbol.is_filled}
            for kind, symbol in style.SYMBOLS.items()
        },
        "bounds": _bounds(release),
    }


def near_study(release: Release, frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """``frame`` in the CRS of the cells, cut to the study area with its margin and thinned to what a screen can show."""
    frame = frame.to_crs(release.tables["cells"].crs)
    thinned = frame.set_geometry(frame.geometry.simplify(PIXEL_M))
    return shown.cut(thinned, _study(release).buffer(MARGIN_M, join_style="mitre"))


def _study(release: Release) -> Any:
    return shapely.box(*release.facts.extent)


def _bounds(release: Release) -> list[list[float]]:
    """South-western and north-eastern corner, latitude first, as Leaflet wants them."""
    study = gpd.GeoSeries([_study(release)], crs=release.tables["cells"].crs).to_crs(DEGREES)
    west, south, east, north = study.total_bounds.round(DECIMALS).tolist()
    return [[south, west], [north, east]]


def _looks() -> dict[str, list[Data]]:
    """Strokes and fills by name, each as Leaflet's paths from the lowest to the highest."""
    looks = {f"line {kind}": list(strokes(stroke)) for kind, stroke in style.LINES.items()}
    looks |= {f"claim {status}": list(strokes(stroke)) for status, stroke in style.CLAIMS.items()}
    looks |= {f"area {kind}": list(strokes(stroke)) for kind, stroke in style.HOTSPOTS.items()}
    for kind, ground in style.GROUNDS.items():
        outline = ground.outline
        border = {"color": outline.screen_colour, "weight": outline.width_pt, "dashArray": outline.dash_css}
        looks[f"ground {kind}"] = [border | {"fill": True, "fillColor": ground.screen_fill, "fillOpacity": 0.6}]
    edge = style.CELL_EDGE
    for number, band in enumerate(BANDS):
        fill = {"fill": number > 0, "fillColor": f"url(#{style.pattern_id(band)})", "fillOpacity": 1}
        looks[f"square {number}"] = [{"color": edge.screen_colour, "weight": edge.width_pt, **fill}]
    looks["edge"] = [{"color": style.STUDY_EDGE.screen_colour, "weight": style.STUDY_EDGE.width_pt, "fill": False}]
    return looks


def strokes(stroke: style.Stroke) -> tuple[Data, ...]:
    """A stroke as Leaflet's paths, from the halo below to the core on top."""
    line = {"color": stroke.screen_colour, "weight": stroke.width_pt, "dashArray": stroke.dash_css, "lineCap": "butt"}
    passes = (
        [line | {"color": style.PAPER, "weight": stroke.width_pt + 2 * stroke.halo_pt, "dashArray": ""}] if stroke.halo_pt else []
    )
    passes.append(line)
    if stroke.dots_pt:
        dots = {"weight": stroke.dots_pt, "dashArray": f"0 {style.AGREED_DOT_SPACING_PT:g}", "lineCap": "round"}
        passes.append(line | dots)
    if stroke.core_pt:
        passes.append(line | {"color": style.PAPER, "weight": stroke.core_pt})
    return tuple(look | {"opacity": 1, "fill": False} for look in passes)


# Windows -------------------------------------------------------------------------------------------------------------------


def _window(release: Release, theme: str, window: str, texts: Texts) -> Data:
    """The months that a reader can choose: name, title, summary, and which months of the year they are."""
    first, last = shown.months_counted(release, window)
    is_quarter = window != PERIOD
    return {
        "text": texts(lambda words: sentences.months_of(release, words, window)),
        "title": texts(lambda words: sentences.title(release, theme, words, window)),
        "summary": texts(
            lambda words: (
                sentences.summary_of_quarter(release, theme, words, window)
                if is_quarter
                else sentences.summary(release, theme, words)
            )
        ),
        "quarter": window if is_quarter else None,
        "months": sorted({day.month for day in pd.date_range(first, last, freq="MS")}) if is_quarter else [],
    }


# Squares -------------------------------------------------------------------------------------------------------------------


def _squares(release: Release, theme: str, texts: Texts) -> list[Data]:
    """Every square that any window tells of: corners, and by window its band, 0 for the lowest, and what is said of it."""
    by_window = [_squares_of(release, theme, window) for window in shown.windows(release)]
    every = pd.concat(by_window).drop_duplicates(["cell_id", "side_cells"])
    # The largest first: a smaller square inside is drawn over it.
    every = every.sort_values(["side_cells", "cell_id"], ascending=[False, True], kind="stable").to_crs(DEGREES)
    told = [
        {(row["cell_id"], row["side_cells"]): row for row in squares.drop(columns="geometry").to_dict("records")}
        for squares in by_window
    ]
    return [
        {
            "corners": _corners(row.geometry),
            "side": int(row.side_cells),
            "bands": [_band(of_window.get((row.cell_id, row.side_cells))) for of_window in told],
            "lines": [_lines_of_square(release, of_window.get((row.cell_id, row.side_cells)), texts) for of_window in told],
        }
        for row in every.itertuples()
    ]


def _squares_of(release: Release, theme: str, window: str) -> gpd.GeoDataFrame:
    """The squares of a window; inside the house also those of the lowest band that hold reports or stand out."""
    if release.audience == "community":
        return shown.squares(release, theme, window)
    return shown.counted_squares(release, theme, window)


def _corners(square: Any) -> list[list[float]]:
    """The four corners, latitude first."""
    corners: list[list[float]] = shapely.get_coordinates(square)[:4, ::-1].round(DECIMALS).tolist()
    return corners


def _band(row: Mapping[str, Any] | None) -> int:
    """The number of the band; -1 where a window does not tell of the square."""
    return -1 if row is None else BANDS.index(row["band"])


def _lines_of_square(release: Release, row: Mapping[str, Any] | None, texts: Texts) -> list[Any]:
    """What is said of a square, a line each: the number of a text, or with what is put in for its words in braces."""
    if row is None:
        return []
    found: list[Any] = [texts(lambda words: sentences.reports(release, row["band"], words))]
    if row["side_cells"] > 1:
        found.append(texts(lambda words: sentences.size(release, row["side_cells"], words)))
    if row.get("hotspot") in ("hot", "cold"):
        found.append(texts(lambda words: sentences.capital(sentences.meaning(row["hotspot"], words))))
    if "count" in row:
        found.append(_counted(release, row, texts))
    return found


def _counted(release: Release, row: Mapping[str, Any], texts: Texts) -> list[Any]:
    """The counts of a square: a text with numbered gaps, and what stands in them."""
    if release.audience == "research" and "expected" in row:
        said = texts(
            lambda words: words(
                "Counted: {count}; expected if nothing is going on: {expected}; p over the whole map: {p}",
                count="{0}",
                expected="{1}",
                p="{2}",
            )
        )
        return [said, str(row["count"]), _figure(row["expected"], 1), _figure(row["p_map"], 3)]
    return [texts(lambda words: words("Counted: {count}", count="{0}")), str(row["count"])]


def _figure(value: Any, decimals: int) -> str:
    return "–" if pd.isna(value) else f"{value:.{decimals}f}"


# Layers --------------------------------------------------------------------------------------------------------------------


def _feature(geometry: Any, lines: Sequence[int], **more: Any) -> Data:
    """A feature as the page reads it, rounded to about a metre; what is not said of it is left out."""
    rounded = shapely.transform(geometry, lambda degrees: degrees.round(DECIMALS))
    told = {name: value for name, value in more.items() if value is not None}
    return {"geometry": mapping(rounded), "lines": list(lines), **told}


def _ground(resources: gpd.GeoDataFrame, kind: str, texts: Texts) -> list[Data]:
    ground = resources[resources["kind"] == kind].to_crs(DEGREES)
    return [
        _feature(row.geometry, _kind_lines(row, texts), look=f"ground {kind}", season=shown.season(row))
        for row in _alike_as_one(ground).itertuples()
    ]


def _lines_and_symbols(frame: gpd.GeoDataFrame, texts: Texts) -> list[Data]:
    lines, marks = [], []
    for row in _alike_as_one(frame.to_crs(DEGREES)).itertuples():
        told, season = _kind_lines(row, texts), shown.season(row)
        if row.geometry.geom_type == "Point":
            marks.append(_feature(row.geometry, told, season=season, glyph=row.kind))
        elif row.kind in style.LINES:
            lines.append(_feature(row.geometry, told, season=season, look=f"line {row.kind}"))
    return lines + marks


def _alike_as_one(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Lines and areas of which the same is said as one feature: a road in a thousand pieces is drawn once."""
    is_point = frame.geometry.geom_type.isin(["Point", "MultiPoint"])
    points = frame[is_point].explode(index_parts=False)
    alike = [column for column in ("kind", "name", "season_from", "season_to") if column in frame]
    parts = frame[~is_point]
    groups = [
        {**dict(zip(alike, key, strict=True)), "geometry": shapely.union_all(shapely.force_2d(group.geometry.to_numpy()))}
        for key, group in parts.groupby(alike, dropna=False, sort=True)
    ]
    merged = gpd.GeoDataFrame(groups, columns=[*alike, "geometry"], geometry="geometry", crs=frame.crs)
    return gpd.GeoDataFrame(pd.concat([merged, points[[*alike, "geometry"]]], ignore_index=True), crs=frame.crs)


def _kind_lines(row: Any, texts: Texts) -> list[int]:
    name = shown.text_or_nothing(row.name)
    lines = [texts(lambda words: ": ".join(part for part in (sentences.capital(words.label(row.kind)), name) if part))]
    season = shown.season(row)
    if season:
        lines.append(texts(lambda words: words("In use: {months}", months=sentences.in_use(season, words))))
    return lines


def _claims(release: Release, texts: Texts) -> list[Data]:
    """The claims of every window, each drawn in the windows at whose end it stands."""
    letters = shown.claimant_letters(release)
    claimants = sorted(letters)  # each writes its letters at another part of its lines: claims lie close together
    found: dict[tuple[str, bytes], tuple[Any, list[int]]] = {}
    for number, window in enumerate(shown.windows(release)):
        claims = near_study(release, shown.claim_lines(release, window)).to_crs(DEGREES)
        for row in claims.sort_values(["claim_id"], kind="stable").itertuples():
            found.setdefault((row.claim_id, row.geometry.wkb), (row, []))[1].append(number)
    lines, marks = [], []
    for row, numbers in found.values():
        told = [
            texts(partial(_claim, row)),
            texts(partial(_source, row)),
        ]
        lines.append(_feature(row.geometry, told, look=f"claim {row.status}", windows=numbers))
        longest = max(shapely.get_parts(shapely.line_merge(row.geometry)), key=lambda part: part.length)
        middle = longest.interpolate((claimants.index(row.claimant) + 1) / (len(claimants) + 1), normalized=True)
        marks.append(_feature(middle, told, letters=texts.plain(letters[row.claimant]), windows=numbers))
    return lines + marks


def _claim(row: Any, words: Words) -> str:
    return sentences.capital(sentences.claim(row, words))


def _source(row: Any, words: Words) -> str:
    return words("According to: {source}", source=row.source)


def _cooperation(release: Release, texts: Texts) -> list[Data]:
    found: dict[tuple[str, int, str], tuple[Any, list[int]]] = {}
    for number, window in enumerate(shown.windows(release)):
        cells = shown.joint_work(release, window)
        for row in cells.set_geometry(cells.centroid).to_crs(DEGREES).itertuples():
            found.setdefault((row.cell_id, row.side_cells, row.band), (row, []))[1].append(number)
    return [
        _feature(row.geometry, _lines_of_joint_work(release, row, texts), glyph="joint_work", windows=numbers)
        for row, numbers in found.values()
    ]


def _lines_of_joint_work(release: Release, row: Any, texts: Texts) -> list[int]:
    lines = [
        texts(lambda words: sentences.capital(words.label("cooperation"))),
        texts(lambda words: sentences.reports(release, row.band, words)),
    ]
    if row.side_cells > 1:
        lines.append(texts(lambda words: sentences.size(release, row.side_cells, words)))
    return lines


def _actions(release: Release, texts: Texts) -> list[Data]:
    """Where something was agreed at a meeting: a mark a place, which tells what meetings of the months shown agreed for it."""
    latest_first = release.tables["actions"].sort_values("date_held", ascending=False, kind="stable")
    return [
        mark
        for place_id, actions in latest_first.groupby("place_id")
        for mark in _marks_of_actions(release, place_id, list(actions.itertuples()), texts)
    ]


def _marks_of_actions(release: Release, place_id: str, actions: Sequence[Any], texts: Texts) -> list[Data]:
    """The mark of one place: once for all windows that tell the same of it."""
    point = _point_in_study(release, place_id)
    if point is None:
        return []
    name = texts(partial(_name_of_place, release, place_id))
    quarters = [str(pd.Period(row.date_held, "Q")) for row in actions]
    line_of = cache(lambda number: texts(partial(_line_of_action, release, actions[number])))
    found: dict[tuple[int, ...], list[int]] = {}
    for window_number, window in enumerate(shown.windows(release)):
        told = [number for number, quarter in enumerate(quarters) if window in (PERIOD, quarter)]
        if told:
            more = [texts(partial(_more_at_place, len(told) - MOST_ACTIONS))] if len(told) > MOST_ACTIONS else []
            found.setdefault((name, *map(line_of, told[:MOST_ACTIONS]), *more), []).append(window_number)
    return [_feature(point, lines, glyph="action", windows=windows) for lines, windows in found.items()]


def _point_in_study(release: Release, place_id: str) -> Any | None:
    """A point of a place, in degrees; None if it is not known, lies outside, or is a district: that is nowhere in particular."""
    place = meetings.place_of(release, place_id)
    if place is None or place.kind == "district":
        return None
    # Cut first: the middle of a river can lie far outside.
    inside = place.geometry.intersection(_study(release))
    point = gpd.GeoSeries([inside.representative_point()], crs=release.tables["cells"].crs).to_crs(DEGREES).iloc[0]
    return None if inside.is_empty else point


def _name_of_place(release: Release, place_id: str, words: Words) -> str:
    return sentences.capital(agreed.place_name(release, place_id, words))


def _more_at_place(number: int, words: Words) -> str:
    return words("{n} more at the same place", n=words.number(number))


def _line_of_action(release: Release, row: Any, words: Words) -> str:
    """'Repair, agreed 12 July 2026, water users: under way'."""
    community = meetings.Community(release, row.settlement_id, release.facts.quarters[-1]) if release.facts.quarters else None
    return words(
        "{what}, agreed {day}, {who}: {state}",
        what=sentences.capital(words.label(row.what)),
        day=words.day(row.date_held.date().isoformat()),
        who=words.label(row.who),
        state=words.label(row.status) if community is None else agreed.state(community, row, words),
    )


def _settlements(settlements: gpd.GeoDataFrame, texts: Texts) -> list[Data]:
    return [
        _feature(row.geometry, _lines_of_place(row, texts), glyph=row.kind, names=_names(row, texts))
        for row in _by_importance(settlements).to_crs(DEGREES).itertuples()
    ]


def _by_importance(settlements: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """In the order in which names find room: towns, then by residents."""
    return settlements.assign(is_village=settlements["kind"] != "town").sort_values(
        ["is_village", "residents", "settlement_id"], ascending=[True, False, True], na_position="last"
    )


def _names(row: Any, texts: Texts) -> list[int]:
    return texts.each(lambda words: words.names(row.name, shown.text_or_nothing(row.name_local) or None))


def _lines_of_place(row: Any, texts: Texts) -> list[int]:
    return [texts(partial(_place, row)), texts(lambda words: words.label(row.kind))]


def _place(row: Any, words: Words) -> str:
    return words.place(row.name, shown.text_or_nothing(row.name_local) or None)


def _places(settlements: gpd.GeoDataFrame, texts: Texts) -> list[Data]:
    """What a search finds: where it is, what it is called, and every spelling under which it may be looked for."""
    found = []
    for row in _by_importance(settlements).to_crs(DEGREES).itertuples():
        other = shown.text_or_nothing(row.alternatives).split("|")
        spellings = dict.fromkeys(name.strip() for name in (row.name, shown.text_or_nothing(row.name_local), *other))
        found.append(
            {
                "at": [round(row.geometry.y, DECIMALS), round(row.geometry.x, DECIMALS)],
                "text": texts(partial(_place, row)),
                "spellings": [name for name in spellings if name],
            }
        )
    return found


# Numbered areas ------------------------------------------------------------------------------------------------------------


def _areas(release: Release, theme: str, texts: Texts) -> list[Data]:
    """Outlines, and their numbers at the most north-eastern corner: there a number hides nothing inside."""
    outlines, numbers = [], []
    for place, row in enumerate(shown.hotspots(release, theme).to_crs(DEGREES).itertuples()):
        lines = [texts(partial(sentences.area_name, row)), *texts.each(partial(_facts, row))]
        outlines.append(_feature(row.geometry, lines, area=place, look=f"area {row.kind}"))
        corner = Point(max(shapely.get_coordinates(row.geometry).tolist(), key=sum))
        numbers.append(_feature(corner, lines, area=place, number=texts.plain(row.hotspot_id), kind=row.kind))
    return outlines + numbers


def _facts(row: Any, words: Words) -> list[str]:
    return [sentences.capital(text) for text in (sentences.meaning(row.kind, words), *sentences.area(row, words))]


def _told_of(
    release: Release, theme: str, row: Any, resources: Any, services: Any, texts: Texts, paper: Mapping[str, str]
) -> Data:
    """The profile of a numbered area: its name, and paragraphs under headings."""
    things = shown.things_near(row.geometry, [resources, services])
    windows = shown.windows(release)[1:]
    parts: list[tuple[Say | None, list[int]]] = [
        (None, texts.each(partial(_facts, row))),
        (
            lambda words: words("In it or within {metres} m", metres=words.number(shown.NEAR_M)),
            texts.each(lambda words: sentences.things(things, words)),
        ),
        (lambda words: words("Quarter by quarter"), [_quarter_of(release, theme, row, window, texts) for window in windows]),
        (
            lambda words: words("How sure is this?"),
            texts.each(lambda words: [sentences.chance(release, words), *sentences.support(row, words)]),
        ),
        (
            lambda words: words("What this does not show"),
            texts.each(lambda words: [*sentences.not_told_of_area(words), *sentences.doubt(release, theme, words)]),
        ),
        (lambda words: words("On paper"), texts.each(lambda words: sentences.on_paper(row, paper, words))),
    ]
    return {
        "text": texts(partial(sentences.area_name, row)),
        "parts": [{"heading": None if say is None else texts(say), "lines": lines} for say, lines in parts if lines],
    }


def _quarter_of(release: Release, theme: str, row: Any, window: str, texts: Texts) -> int:
    """'July 2026 to September 2026: 10-19 reports', of the fullest square inside."""
    squares = shown.squares(release, theme, window)
    inside = squares[squares.centroid.within(row.geometry)] if len(squares) else squares
    band = max(inside["band"], key=BANDS.index, default=BANDS[0])
    return texts(
        lambda words: words(
            "{months}: {reports} in the fullest square",
            months=sentences.months_of(release, words, window),
            reports=sentences.reports(release, band, words),
        )
    )
