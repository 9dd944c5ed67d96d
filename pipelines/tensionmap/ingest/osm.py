"""OpenStreetMap: tags -> our kinds, names and seasons, from its own files and from layers that were exported from it.

The tables below are all that is taken. Boundaries are never taken for claims: who claims what, a mapper cannot know.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from tensionmap.errors import RawDataError
from tensionmap.ingest.vectors import Opened, open_vector, texts
from tensionmap.tables import AREA, LINE, POINT

ANY: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tag:
    """Features with one of these ``values`` of ``key`` (``ANY``: all but ``but``), drawn as ``drawn``, are of this kind."""

    key: str
    values: tuple[str, ...]
    kind: str
    drawn: tuple[str, ...] = POINT + LINE + AREA
    but: tuple[str, ...] = ()


NO_ROADS = (
    *("proposed", "construction", "planned", "abandoned", "razed", "disused", "platform", "corridor", "elevator", "raceway"),
    *("rest_area", "services", "bus_stop", "via_ferrata", "no"),
)

TAGS: dict[str, tuple[Tag, ...]] = {
    "resources": (
        Tag("waterway", ("canal", "ditch", "drain"), "canal", LINE),
        Tag("waterway", ("river", "stream", "tidal_channel"), "river", LINE),
        Tag("waterway", ("riverbank",), "river", AREA),
        Tag("water", ("river", "stream"), "river", AREA),
        Tag("waterway", ("intake", "water_intake"), "intake"),
        Tag("man_made", ("intake", "water_intake"), "intake"),
        Tag("waterway", ("sluice_gate", "weir", "dam"), "gate"),
        Tag("natural", ("spring",), "spring"),
        Tag("landuse", ("meadow",), "pasture", AREA),
        Tag("natural", ("grassland",), "pasture", AREA),
        Tag("landcover", ("grass",), "pasture", AREA),
        Tag("landuse", ("forest",), "forest", AREA),
        Tag("natural", ("wood",), "forest", AREA),
        Tag("landcover", ("trees",), "forest", AREA),
    ),
    "services": (
        Tag("barrier", ("border_control",), "crossing"),
        Tag("amenity", ("police",), "police_post"),
        Tag("amenity", ("community_centre", "townhall"), "meeting_place"),
        Tag("highway", ANY, "road", LINE, NO_ROADS),
    ),
    "settlements": (
        Tag("place", ("city", "town"), "town", POINT + AREA),
        Tag("place", ("village", "hamlet"), "village", POINT + AREA),
    ),
}
"""Table -> what is taken; where several fit, the first. Scrub is no pasture: what is grazed there, the tag does not say."""

MONTHS = {"spring": (3, 5), "summer": (6, 8), "autumn": (9, 11), "winter": (12, 2)}
"""Seasons of the northern half of the world, as the tag 'seasonal' names them."""

_AS_POINTS = ("intake", "gate", "spring", "crossing", "police_post", "meeting_place")
_AS_AREAS = ("pasture", "forest")
_LAYERS = ("points", "lines", "multilinestrings", "multipolygons")
_OF_ALL_TAGS = ("all_tags", "other_tags")
_NAMES = ("alt_name", "old_name", "official_name", "loc_name", "short_name")
_PAIR = re.compile(r'"((?:[^"\\]|\\.)*)"=>"((?:[^"\\]|\\.)*)"')
_OF_OSM = {"osm_id", "osm_way_id", "osm_type", "@id", "full_id", *_OF_ALL_TAGS}


@dataclass(frozen=True)
class Recognised:
    """A layer of which our columns were filled, with notes; features without a kind are of no kind that the table holds."""

    frame: gpd.GeoDataFrame
    notes: tuple[str, ...]


def read_osm(path: Path, table: str, *, file: str) -> Opened:
    """The features of an OpenStreetMap file (``.osm``, ``.osm.pbf``) that carry the tags of a table, as one frame.

    Raises
    ------
    RawDataError
        As :func:`tensionmap.ingest.vectors.open_vector`; for claims; if no feature carries one of the tags.

    Notes
    -----
    Every layer is one pass over the file. What stays in memory is what carries a tag of the table, not the whole file.
    """
    if table not in TAGS:
        raise RawDataError(
            f"{file} is an OpenStreetMap file: it says where mappers drew boundaries, not who claims them. "
            "Export the boundary that is claimed as a layer of its own, and name the claimant in sources.toml."
        )
    found = []
    for number, layer in enumerate(_LAYERS):
        where = " OR ".join(f"all_tags LIKE '%\"{key}\"=>%'" for key in sorted({tag.key for tag in TAGS[table]}))
        frame = open_vector(path, file=file, layer=layer, where=where).frame
        found.append(frame.assign(osm_type=_type(frame, number)))
    every = pd.concat([frame for frame in found if len(frame)] or found[:1], ignore_index=True)
    every = every[_kinds(every, TAGS[table]).notna()].reset_index(drop=True)
    if every.empty:
        values = ", ".join(dict.fromkeys(tag.key for tag in TAGS[table]))
        raise RawDataError(f"{file} holds nothing for {table}: no feature has a tag {values} of the values that are taken.")
    return Opened(every, len(every), (f"of this OpenStreetMap file only what carries tags of {table} was read.",))


def _type(frame: gpd.GeoDataFrame, layer: int) -> pd.Series:
    """node, way or relation: an area is a relation unless it has the number of a way."""
    if "osm_way_id" not in frame:
        return pd.Series(("node", "way", "relation", "relation")[layer], index=frame.index, dtype="str")
    is_way = frame["osm_way_id"].notna()
    return pd.Series(np.where(is_way, "way", "relation"), index=frame.index, dtype="str")


def recognise(raw: gpd.GeoDataFrame, table: str) -> Recognised | None:
    """``raw`` with our columns made from its tags; nothing if it carries no tags of this table.

    Parameters
    ----------
    raw : GeoDataFrame
        Tags as columns (HOT exports, QuickOSM, Overpass) or in a column ``other_tags`` (GDAL, QGIS).
    table : str
        Name of the table to be filled.
    """
    rules = TAGS.get(table, ())
    is_exported = bool(_OF_OSM & set(raw.columns))
    if not is_exported and not any(rule.key in raw for rule in rules):
        return None
    kinds = _kinds(raw, rules)
    if not rules or not (is_exported or kinds.notna().any()):
        return None
    frame = raw.assign(kind=kinds)
    counts = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.value_counts().items())) or "none of them"
    notes = [f"its tags are those of OpenStreetMap; kinds were taken from them: {counts}."]
    own = {"resources": "resource_id", "services": "service_id", "settlements": "settlement_id"}[table]
    if (ids := _ids(raw)) is not None:
        frame[own] = ids
    if table == "settlements":
        frame = _with_names(frame)
        twice = _drawn_twice(frame, tag(raw, "name"))
        frame["kind"] = frame["kind"].mask(twice)
        if twice.any():
            notes.append(f"{twice.sum()} outlines of places were left out: a point of the same name stands inside.")
    else:
        frame["name"] = tag(raw, "name").fillna(tag(raw, "int_name"))
    if table == "resources":
        frame, told = _with_seasons(frame)
        notes += told
    frame, told = _as_drawn(frame)
    return Recognised(frame, (*notes, *told))


def tag(frame: pd.DataFrame, key: str) -> pd.Series:
    """The values of one tag as text: from its own column, or from the column that holds all other tags."""
    values = pd.Series(None, index=frame.index, dtype="str")
    for header in (key, key.replace(":", "_")):
        if header in frame:
            values = values.fillna(texts(frame[header]))
    for header in _OF_ALL_TAGS:
        if header in frame and len(frame):
            pattern = rf'(?:^|,)"{re.escape(key)}"=>"(?P<value>(?:[^"\\]|\\.)*)"'
            cells = pa.array(texts(frame[header]), type=pa.large_string(), from_pandas=True)
            found = pc.struct_field(pc.extract_regex(cells, pattern), "value")
            plain = pc.replace_substring_regex(found, r"\\(.)", r"\1")
            values = values.fillna(pd.Series(plain.to_pandas().to_numpy(), index=frame.index, dtype="str"))
    return values


def parse_tags(text: str) -> dict[str, str]:
    r"""All tags of one cell written as hstore: ``"key"=>"value","key"=>"value"``; a quotation mark inside stands as ``\"``.

    Examples
    --------
    >>> parse_tags('"name"=>"Old \\"Upper\\" canal","width"=>"3"')
    {'name': 'Old "Upper" canal', 'width': '3'}
    """
    return {re.sub(r"\\(.)", r"\1", key): re.sub(r"\\(.)", r"\1", value) for key, value in _PAIR.findall(text)}


def _kinds(frame: gpd.GeoDataFrame, rules: Sequence[Tag]) -> pd.Series:
    values = {key: tag(frame, key).str.replace(r"\s*;.*", "", regex=True) for key in {rule.key for rule in rules}}
    drawn = _drawn(frame)
    kinds = pd.Series(None, index=frame.index, dtype="str")
    for rule in rules:
        value = values[rule.key]
        fits = value.isin(rule.values) if rule.values else value.notna() & ~value.isin(rule.but)
        kinds = kinds.mask(kinds.isna() & fits & drawn.isin(rule.drawn), rule.kind)
    return kinds


def _drawn(frame: gpd.GeoDataFrame) -> pd.Series:
    """Geometry types; a line that comes back to where it began, and carries a tag of areas alone, is an area."""
    drawn = frame.geometry.geom_type.astype("str")
    closed = _is_ring(frame)
    return drawn.mask(closed & tag(frame, "highway").isna() & tag(frame, "waterway").isna(), "Polygon") if closed.any() else drawn


def _is_ring(frame: gpd.GeoDataFrame) -> pd.Series:
    shapes = frame.geometry.to_numpy()
    closed = (shapely.get_type_id(shapes) == 1) & shapely.is_closed(shapes) & (shapely.get_num_points(shapes) > 3)
    return pd.Series(closed, index=frame.index)


def _ids(frame: pd.DataFrame) -> pd.Series | None:
    """node/1, way/2 or relation/3; nothing if the layer does not say."""
    for header in ("@id", "id", "full_id"):
        if header in frame and (text := texts(frame[header])).str.fullmatch(r"(node|way|relation)/\d+|[nwr]\d+").any():
            return (
                text.str.replace(r"^n(?=\d)", "node/", regex=True)
                .str.replace(r"^w(?=\d)", "way/", regex=True)
                .str.replace(r"^r(?=\d)", "relation/", regex=True)
            )
    if "osm_id" not in frame:
        return None
    number = texts(frame["osm_id"])
    if "osm_way_id" in frame:
        number = number.fillna(texts(frame["osm_way_id"]))
    if "osm_type" not in frame:
        return number
    words = {"n": "node/", "w": "way/", "r": "relation/"}
    return texts(frame["osm_type"]).str[:1].str.lower().map(words).astype("str").fillna("osm/") + number


def _with_names(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Names in Latin and in local letters, every other spelling, residents and district of places."""
    local, latin = tag(frame, "name"), tag(frame, "name:en").fillna(tag(frame, "int_name"))
    latin = latin.fillna(local.where(local.str.contains("[A-Za-z]", na=False))).fillna(local)
    others = {key: tag(frame, key) for key in ("int_name", *_NAMES)}
    others |= {str(c): texts(frame[c]) for c in frame.columns if re.fullmatch(r"name[:_][A-Za-z_-]{2,12}", str(c))}
    spellings = pd.DataFrame({**others, "name": local})
    cells = next((texts(frame[header]) for header in _OF_ALL_TAGS if header in frame), None)
    told = cells.map(_names_in, na_action="ignore") if cells is not None else pd.Series(None, index=frame.index, dtype="object")
    joined = [
        "|".join(
            dict.fromkeys(
                word.strip()
                for value in [*row, *(more if isinstance(more, list) else [])]
                if isinstance(value, str)
                for word in re.split(r"[;|]", value)
                if word.strip() and word.strip() != chosen
            )
        )
        for row, more, chosen in zip(spellings.itertuples(index=False, name=None), told, latin, strict=True)
    ]
    people = tag(frame, "population").str.replace(r"[\s  ,.](?=\d{3}\b)", "", regex=True)
    return frame.assign(
        name=latin,
        name_local=local.where(local != latin),
        alternatives=pd.Series(joined, index=frame.index, dtype="str").replace("", None),
        residents=people.where(people.str.fullmatch(r"\d{1,8}", na=False)),
        district=tag(frame, "addr:district").fillna(tag(frame, "is_in:district")),
    )


def _names_in(cell: str) -> list[str]:
    tags = parse_tags(cell)
    return [value for key, value in tags.items() if key.startswith("name:") or key in _NAMES]


def _with_seasons(frame: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, list[str]]:
    """First and last month from 'seasonal'; what runs for a part of the year without saying which is told."""
    seasonal, intermittent = tag(frame, "seasonal"), tag(frame, "intermittent")
    months = {text: _months(text) for text in seasonal.dropna().unique()}
    first = seasonal.map({text: str(pair[0]) for text, pair in months.items() if pair}).astype("str")
    last = seasonal.map({text: str(pair[1]) for text, pair in months.items() if pair}).astype("str")
    frame = frame.assign(season_from=first, season_to=last)
    unsaid = ((intermittent == "yes") | (seasonal.notna() & (seasonal != "no"))) & first.isna() & frame["kind"].notna()
    told = f"{unsaid.sum()} features have water, or are used, for a part of the year only, without saying in which months."
    return frame, [told] if unsaid.any() else []


def _months(text: str) -> tuple[int, int] | None:
    """First and last month of seasons joined by ';' if they follow one another."""
    words = [word.strip() for word in text.split(";")]
    if not set(words) <= set(MONTHS):
        return None
    order = list(MONTHS)
    is_in = [season in words for season in order]
    starts = [season for place, season in enumerate(order) if is_in[place] and not is_in[place - 1]]
    ends = [season for place, season in enumerate(order) if is_in[place] and not is_in[(place + 1) % len(order)]]
    return (MONTHS[starts[0]][0], MONTHS[ends[0]][1]) if len(starts) == 1 else None


def _as_drawn(frame: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, list[str]]:
    """Gates, springs, posts ... drawn as lines or outlines become points on them; rings of pasture and forest become areas."""
    shapes = frame.geometry.to_numpy().copy()
    types = shapely.get_type_id(shapes)
    as_point = frame["kind"].isin(_AS_POINTS).to_numpy() & np.isin(types, (1, 3, 5, 6))
    as_area = frame["kind"].isin(_AS_AREAS).to_numpy() & _is_ring(frame).to_numpy()
    is_line = as_point & (types == 1)
    shapes[is_line] = shapely.line_interpolate_point(shapes[is_line], 0.5, normalized=True)
    shapes[as_point & ~is_line] = shapely.point_on_surface(shapes[as_point & ~is_line])
    shapes[as_area] = shapely.polygons(shapes[as_area])
    frame = frame.set_geometry(gpd.GeoSeries(shapes, index=frame.index, crs=frame.crs))
    told = (
        f"{as_point.sum()} gates, springs, posts and the like that are drawn as lines or outlines were read as a point on them."
    )
    return frame, [told] if as_point.any() else []


def _drawn_twice(frame: gpd.GeoDataFrame, spelling: pd.Series) -> pd.Series:
    """Outlines of places inside which a point of the same name stands."""
    result = pd.Series(False, index=frame.index)
    is_place = frame["kind"].notna() & spelling.notna()
    areas = frame[is_place & frame.geometry.geom_type.isin(AREA)]
    points = frame[is_place & frame.geometry.geom_type.isin(POINT)]
    pairs = shapely.STRtree(points.geometry.to_numpy()).query(areas.geometry.to_numpy(), predicate="intersects")
    same = spelling[areas.index].to_numpy()[pairs[0]] == spelling[points.index].to_numpy()[pairs[1]]
    result.loc[areas.index[np.unique(pairs[0][same])]] = True
    return result
