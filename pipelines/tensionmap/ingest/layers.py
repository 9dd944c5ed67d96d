"""Map layers of any format and CRS -> features in metres, each kept, left out as far away, or set aside with its reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from itertools import count
from pathlib import Path
from typing import Any, NotRequired, TypedDict, Unpack

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import Transformer

from tensionmap.crs import DEGREES, metric, to_metric
from tensionmap.errors import RawDataError
from tensionmap.ingest import osm
from tensionmap.ingest.coordinates import Axis, parse_coordinate
from tensionmap.ingest.grids import Grid, read_grids
from tensionmap.ingest.osm import Recognised
from tensionmap.ingest.set_aside import Kept, SetAside
from tensionmap.ingest.vectors import Opened, is_osm, is_vector, open_vector, texts
from tensionmap.tables import AREA, Table, check, empty

MARGIN_M = 10_000
"""Features farther than this from the study area are left out; nearer ones are kept whole."""

POSITION: tuple[Axis, Axis] = ("longitude", "latitude")

TABLES = (".csv", ".tsv", ".txt", ".tab", ".xlsx", ".xls", ".ods")
"""Files that are no map layer but may hold longitude and latitude."""

Area = tuple[float, float, float, float]
Recogniser = Callable[[gpd.GeoDataFrame], Recognised | None]


class How(TypedDict):
    """How a layer is read: the same for claims, resources, services and settlements.

    ``source`` and ``file`` name it in messages. ``crs`` is the metric CRS of the study and ``area`` its west, south,
    east, north in degrees. ``columns`` maps our name of a column to its header in the file, ``values`` gives one value
    for all features, ``words`` maps a kind as written in the file to ours, ``sheet`` names one layer of several.
    """

    source: str
    file: str
    crs: str
    area: Area
    columns: NotRequired[Mapping[str, str]]
    values: NotRequired[Mapping[str, str]]
    words: NotRequired[Mapping[str, str]]
    sheet: NotRequired[str | None]


class Layer:
    """The features of one file while they are checked.

    ``features`` has our column names, geometry in the metric CRS and the number of the feature as index;
    ``outline_radius_m`` is how far an outline that became a point reaches from it (empty for points).
    """

    def __init__(self, opened: Opened, features: gpd.GeoDataFrame, aside: SetAside, how: How) -> None:
        self.notes: list[str] = []
        self.source, self.file = how["source"], how["file"]
        self._words = how.get("words", {})
        self._crs = how["crs"]
        self._raw = opened.frame
        self._aside = aside
        self._read = opened.features
        self._far = opened.features - len(opened.frame) - len(aside)
        self._others = 0
        self.features = features.assign(outline_radius_m=np.nan)

    def note(self, sentence: str) -> None:
        """Tell an automatic choice or a mending."""
        self.notes.append(f"{self.file}: {sentence}")

    def set_aside(self, where: Any, column: str | None, reason: str, advice: str) -> None:
        """Take the features ``where`` (a mask over ``features``) out, with the reason."""
        mask = np.asarray(where, dtype=bool)
        if mask.any():
            rows = self._raw.loc[self.features.index[mask]].drop(columns="geometry")
            self._aside.add_rows(rows.apply(lambda column: texts(column).fillna("")), column, reason, advice)
            self.features = self.features[~mask]

    def leave_out(self, where: Any, *, of_other_kind: bool = False) -> None:
        """Take the features ``where`` out without blame: they lie far away, or are nothing that the table holds."""
        mask = np.asarray(where, dtype=bool)
        if of_other_kind:
            self._others += int(mask.sum())
        else:
            self._far += int(mask.sum())
        self.features = self.features[~mask]

    def fill(self, **columns: Any) -> None:
        """Set columns of the features kept so far."""
        self.features = self.features.assign(**columns)

    def text(self, column: str, default: Any = None) -> pd.Series:
        """The column as trimmed text; whole numbers without '.0', empty text as missing, missing as ``default``."""
        if column not in self.features:
            return pd.Series(default, index=self.features.index, dtype="str")
        values = texts(self.features[column])
        return values if default is None else values.fillna(default)

    def ids(self, column: str) -> pd.Series:
        """The column, or source and number of the feature where it is empty; a second feature of the same id is set aside."""
        numbers = self.features.index.to_series().astype("str")
        own = f"{self.source}-" + numbers
        if column not in self.features:
            self.note(f"there is no column {column}: it was made from the name of the source and the number of the feature.")
        self.fill(**{column: self.text(column).fillna(own)})
        self.set_aside(
            self.features[column].duplicated(),
            column,
            "an earlier feature of this file has the same identifier",
            "Give every feature its own identifier, or map no column to it.",
        )
        return self.features[column]

    def kinds(self, allowed: Sequence[str], *, column: str = "kind", without: str | None = None) -> pd.Series:
        """The kind of every feature in our words; unknown ones are set aside. A file without the column is all ``without``."""
        if column not in self.features and without:
            self.note(f"there is no column {column}: every feature is taken as {without}.")
            return self.text(column, without)
        kinds = self.text(column)
        ours = {word: self._words.get(word, word).lower() for word in kinds.dropna().unique()}
        self.fill(**{column: kinds.map(ours).astype("str")})
        self.set_aside(
            ~self.features[column].isin(allowed),
            column,
            f"the {column} is missing or not one of {', '.join(allowed)}",
            f"Correct it, give {column} for the whole file in [ingest.files.{self.source}.values], "
            f"or translate it in [ingest.files.{self.source}.words].",
        )
        return self.features[column]

    def wholes(self, column: str, *, at_least: int, at_most: int) -> pd.Series:
        """The column as whole numbers, empty where empty; anything else is set aside."""
        given = self.text(column)
        numbers = pd.to_numeric(given, errors="coerce")
        wrong = given.notna() & ~(numbers.between(at_least, at_most) & (numbers % 1 == 0))
        self.set_aside(
            wrong,
            column,
            f"not a whole number from {at_least:,} to {at_most:,}",
            "Correct it, or leave it empty if it is unknown.",
        )
        return numbers[~wrong].astype("Int64")

    def dates(self, column: str, date_format: str | None) -> pd.Series:
        """The column as days, empty where empty; what is not a date of the format is set aside."""
        values = self.features[column] if column in self.features else pd.Series(pd.NaT, index=self.features.index)
        if pd.api.types.is_datetime64_any_dtype(values):
            days = values.dt.tz_localize(None) if values.dt.tz is not None else values
            return days.dt.normalize().astype("datetime64[us]")
        given = self.text(column)
        days = pd.to_datetime(given, format=date_format or "%Y-%m-%d", errors="coerce").astype("datetime64[us]")
        wrong = given.notna() & days.isna()
        written = date_format or "2025-03-13 (year-month-day)"
        self.set_aside(wrong, column, f"not a date written as {written}", "Correct it, or give date_format for this file.")
        return days[~wrong]

    def kept(self, table: Table) -> Kept:
        """The features that are left, as ``table``; a note counts what became of every feature of the file."""
        rows = self.features
        kept = empty(table, self._crs) if rows.empty else check(rows[table.column_names], table)
        others = f", {self._others:,} of other kinds" if self._others else ""
        self.note(
            f"{self._read:,} features, {len(kept):,} kept, {len(self._aside):,} set aside, "
            f"{self._far:,} farther than {MARGIN_M / 1000:.0f} km from the study area{others}."
        )
        return Kept(kept, self._aside.frame(), tuple(self.notes), self._far + self._others)


def open_layer(
    path: Path,
    table: Table,
    *,
    known: Recogniser | None = None,
    headerless: Sequence[str] = (),
    most_change: float = np.inf,
    **how: Unpack[How],
) -> Layer:
    """Features of the file near the study area, in metres, with geometry that ``table`` allows.

    Parameters
    ----------
    path : Path
        Everything that :mod:`tensionmap.ingest.vectors` reads, and tables with longitude and latitude in degrees (csv in any
        encoding, Excel). OpenStreetMap's tags are understood where no column ``kind`` is named.
    table : Table
        What is to be filled. In a table without areas an outline becomes a point inside it.
    known : callable, optional
        Recognises another layer by its columns and fills ours.
    headerless : sequence of str
        Headers of a known table that comes without any.
    most_change : float
        Share of its area by which mending may change an outline that crosses itself; one that changes more is set aside.
    **how
        See :class:`How`.

    Raises
    ------
    RawDataError
        The file cannot be read, is no proper GeoJSON, has several layers of which none is named, or lacks a header.
    GeometryError
        The file does not say its CRS.
    """
    is_table = path.suffix.lower() in TABLES and not is_vector(path)
    aside = SetAside(how["source"], how["file"], how.get("sheet"))
    opened = _read_table(path, aside, headerless, how) if is_table else _read_map(path, table, how)
    if opened.frame.crs is None:
        to_metric(opened.frame, how["crs"], source=f"{how['source']} ({how['file']})")  # says what is missing
    recognised = _recognised(opened.frame, table, known, how)
    frame = recognised.frame if recognised else opened.frame
    layer = Layer(opened, _named(frame, table, how), aside, how)
    for sentence in (*opened.notes, *(recognised.notes if recognised else ())):
        layer.note(sentence)
    if recognised:
        layer.leave_out(layer.features["kind"].isna(), of_other_kind=True)
    _refuse_shapeless(layer, is_table=is_table)
    near = _into_metres(layer, how)
    _mend(layer, most_change)
    layer.leave_out(~layer.features.geometry.intersects(near))
    if not set(AREA) & set(table.geometry):
        _outlines_to_points(layer)
    _refuse_types(layer, table)
    return layer


def unique_ids(frames: Sequence[Any], table: Table) -> list[Any]:
    """``frames`` of one table, each from a file of its own, so that no identifier occurs in two of them.

    An identifier that an earlier frame has gets '/2' (or the next free number) in the later one, so nothing that was read
    before changes its name when a file is added. Frames of a table whose key is not one text stay as they are.
    """
    key = table.key[0] if len(table.key) == 1 else ""
    if key not in {column.name for column in table.columns if column.kind == "text"}:
        return list(frames)
    taken: set[str] = set()
    unique = []
    for frame in frames:
        own = set(frame[key])
        renamed: dict[str, str] = {}
        for clash in sorted(own & taken):
            renamed[clash] = next(new for n in count(2) if (new := f"{clash}/{n}") not in taken | own)
            own.add(renamed[clash])
        taken |= own
        unique.append(frame.assign(**{key: frame[key].replace(renamed)}) if renamed else frame)
    return unique


def _read_map(path: Path, table: Table, how: How) -> Opened:
    sheet = how.get("sheet")
    if sheet is None and is_osm(path):
        return osm.read_osm(path, table.name, file=how["file"])
    west, south, east, north = _near(how)
    to_degrees = Transformer.from_crs(metric(how["crs"]), DEGREES, always_xy=True)
    around = to_degrees.transform_bounds(west, south, east, north)
    return open_vector(path, file=how["file"], layer=sheet, bbox=around)


def _read_table(path: Path, aside: SetAside, headerless: Sequence[str], how: How) -> Opened:
    """Points of a table with longitude and latitude; its index counts as a spreadsheet does."""
    file = how["file"]
    grids = read_grids(path, file=file, sheet=how.get("sheet"))
    if len(grids) != 1:
        raise RawDataError(f"{file} has several sheets, or none. Name one as sheet for this file in study.toml.")
    grid = grids[0]
    headers: dict[str, str] = {**dict(zip(POSITION, POSITION, strict=True)), **how.get("columns", {})}
    at, names = _header(grid, [headers[name] for name in POSITION], headerless, how)
    raw = _cells(grid, at, names, aside)
    longitude, latitude = (_degrees(raw[headers[axis]], axis) for axis in POSITION)
    points = gpd.points_from_xy(longitude, latitude, crs=DEGREES)
    return Opened(gpd.GeoDataFrame(raw, geometry=points), len(raw) + len(aside), grid.notes)


def _header(grid: Grid, wanted: Sequence[str], headerless: Sequence[str], how: How) -> tuple[int, list[str]]:
    """The place of the header in the table, -1 if it comes without one, and the headers."""
    first = grid.head[0][1] if grid.head else []
    if headerless and len(first) == len(headerless) and all(_is_number(first[headerless.index(name)]) for name in POSITION):
        return -1, list(headerless)
    for at, (_, cells) in enumerate(grid.head):
        if set(wanted) <= set(cells):
            return at, [name or f"column {place}" for place, name in enumerate(cells, start=1)]
    missing = [name for name in wanted if name not in first]
    raise RawDataError(
        f"{how['file']} has no column {' and '.join(map(repr, missing))}; its headers are: {', '.join(first)}. "
        f"Name those with degrees as longitude and latitude in [ingest.files.{how['source']}.columns]."
    )


def _cells(grid: Grid, at: int, names: list[str], aside: SetAside) -> pd.DataFrame:
    pieces = list(grid.below(max(at, 0)))
    width = max([len(names), *(len(piece.columns) for piece in pieces)])
    names = names + [f"column {place}" for place in range(len(names) + 1, width + 1)]
    frames = [
        pd.DataFrame(
            {n: pd.Series(pd.array(c, dtype="str"), index=piece.rows) for n, c in zip(names, piece.columns, strict=False)}
        )
        for piece in pieces
    ]
    if at < 0:
        row, cells = grid.head[0]
        frames.insert(0, pd.DataFrame([cells], index=[row], columns=names[: len(cells)], dtype="str"))
    for row, cells, reason in (torn for piece in pieces for torn in piece.torn if any(torn[1])):
        aside.add(
            row,
            None,
            reason,
            "Bring this line of the file into the columns of the others.",
            dict(zip(names, cells, strict=False)),
        )
    raw = pd.concat(frames) if frames else pd.DataFrame(columns=names, dtype="str")
    return raw[raw.ne("").any(axis=1)]


def _is_number(text: str) -> bool:
    return bool(pd.notna(pd.to_numeric(text, errors="coerce")))


def _degrees(written: pd.Series, axis: Axis) -> pd.Series:
    """Degrees of the column; what is none, or off the globe, is empty."""
    numbers = pd.to_numeric(written.str.replace(",", ".", regex=False), errors="coerce")
    others = written[numbers.isna() & (written != "")]
    read = {text: _coordinate(text, axis) for text in others.unique()}
    numbers = numbers.fillna(others.map(read)).astype("float64")
    return numbers.where(numbers.abs() <= (90 if axis == "latitude" else 180))


def _coordinate(text: str, axis: Axis) -> float:
    try:
        return parse_coordinate(text, axis=axis)
    except RawDataError:
        return np.nan


def _recognised(raw: gpd.GeoDataFrame, table: Table, known: Recogniser | None, how: How) -> Recognised | None:
    """The layer with our columns filled, if it is a known one and the user names no kinds himself."""
    if "kind" in {*how.get("columns", {}), *how.get("values", {})} or "kind" in raw:
        return None
    return (known(raw) if known else None) or osm.recognise(raw, table.name)


def _refuse_shapeless(layer: Layer, *, is_table: bool) -> None:
    shapes = layer.features.geometry
    if is_table:
        layer.set_aside(
            ~np.isfinite(shapes.x.to_numpy() + shapes.y.to_numpy()),
            "longitude",
            "longitude or latitude is missing or not in degrees",
            "Write decimal degrees, for example 70.83 and 39.84.",
        )
        return
    layer.set_aside(
        shapes.isna() | shapes.is_empty,
        None,
        "the feature has no geometry, or one that cannot be read",
        "Draw it again, or delete the feature.",
    )


def _named(raw: gpd.GeoDataFrame, table: Table, how: How) -> gpd.GeoDataFrame:
    """``raw`` with our names: renamed as ``columns`` says, constants added; headers that mean nothing to us stay."""
    columns, values = how.get("columns", {}), how.get("values", {})
    ours = [name for name in table.column_names if name != "geometry"] + list(POSITION)
    faults = [
        f"{name!r} is not a column of {table.name}: {_nearest(name, ours)}" for name in [*columns, *values] if name not in ours
    ]
    faults += [f"{name!r} is given by columns and by values: keep one" for name in columns if name in values]
    headers = [str(name) for name in raw.columns if name != "geometry"]
    faults += [f"there is no header {h!r} in the file: {_nearest(h, headers)}" for h in columns.values() if h not in headers]
    if faults:
        raise RawDataError("\n  ".join([f"{how['file']} cannot be read as [ingest.files.{how['source']}] says:", *faults]))
    taken = {name: raw[header] for name, header in columns.items()} | {
        name: pd.Series(value, index=raw.index, dtype="str") for name, value in values.items()
    }
    return raw.assign(**taken)


def _nearest(word: str, known: Sequence[str]) -> str:
    near = get_close_matches(word, known, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}"


def _near(how: How) -> Area:
    """West, south, east, north of the study area with its margin, in metres."""
    code = metric(how["crs"])
    west, south, east, north = Transformer.from_crs(DEGREES, code, always_xy=True).transform_bounds(*how["area"])
    return (west - MARGIN_M, south - MARGIN_M, east + MARGIN_M, north + MARGIN_M)


def _into_metres(layer: Layer, how: How) -> Any:
    """Project; the study area with its margin. What is far away goes first: a projection has no place for all of the world."""
    code, near = metric(how["crs"]), shapely.box(*_near(how))
    source_crs = layer.features.crs
    around = Transformer.from_crs(code, source_crs, always_xy=True).transform_bounds(*near.bounds)
    reach = layer.features.geometry.bounds
    layer.leave_out(
        (reach["maxx"] < around[0]) | (reach["maxy"] < around[1]) | (reach["minx"] > around[2]) | (reach["miny"] > around[3])
    )
    flat = layer.features.set_geometry(layer.features.geometry.force_2d())
    layer.features = to_metric(flat, how["crs"], source=f"{layer.source} ({layer.file})")
    layer.set_aside(
        ~np.isfinite(layer.features.geometry.bounds.to_numpy()).all(axis=1),
        None,
        "the feature reaches to where the CRS of the study has no place",
        "Clip the layer to the surroundings of the study area.",
    )
    return near


def _mend(layer: Layer, most_change: float) -> None:
    """Outlines that cross themselves are made sound, and told with their area before and after."""
    shapes = layer.features.geometry
    broken = ~shapes.is_valid
    if not broken.any():
        return
    as_drawn = shapes[broken].to_numpy()
    dimension = shapely.get_dimensions(as_drawn)
    mended = shapely.make_valid(as_drawn, method="structure")
    whole = [_of_dimension(shape, wanted) for shape, wanted in zip(mended, dimension, strict=True)]
    sound = gpd.GeoSeries(whole, index=shapes.index[broken], crs=shapes.crs)
    before, after = pd.Series(shapely.area(as_drawn), index=sound.index) / 1e6, sound.area / 1e6
    change = (after - before).abs() / before.where(before > 0, after / 2)
    layer.features = layer.features.set_geometry(shapes.where(~broken, sound.reindex(shapes.index)))
    lost = (sound.isna() | sound.is_empty).reindex(shapes.index, fill_value=False)
    unsure = (change > most_change).reindex(shapes.index, fill_value=False) & ~lost
    if told := [f"{n}: {before[n]:.3f} before, {after[n]:.3f} after" for n in shapes.index[broken & ~lost & ~unsure]]:
        more = f", and {len(told) - 10} more" if len(told) > 10 else ""
        layer.note(f"{len(told)} features crossed themselves and were mended (number: km2 {'; '.join(told[:10])}{more}).")
    layer.set_aside(lost, None, "the shape has no extent and cannot be mended", "Draw it again.")
    layer.set_aside(
        unsure[~lost],
        None,
        f"the outline crosses itself, and mending it would change its area by more than {most_change:.0%}",
        "Draw it again: nobody can say which land is meant.",
    )


def _of_dimension(shape: Any, dimension: int) -> Any:
    """The parts of ``shape`` with that dimension (0 point, 1 line, 2 area), as one shape."""
    parts = shapely.get_parts(shapely.get_parts([shape]))
    chosen = parts[shapely.get_dimensions(parts) == dimension]
    if len(chosen) <= 1:
        return chosen[0] if len(chosen) else None
    return [shapely.multipoints, shapely.multilinestrings, shapely.union_all][dimension](chosen)


def _outlines_to_points(layer: Layer) -> None:
    shapes = layer.features.geometry
    outlines = shapes.geom_type.isin(AREA)
    if not outlines.any():
        return
    inside = shapes[outlines].representative_point()
    radius = inside.hausdorff_distance(shapes[outlines])
    layer.features = layer.features.set_geometry(shapes.where(~outlines, inside.reindex(shapes.index)))
    layer.fill(outline_radius_m=radius.reindex(shapes.index))
    layer.note(f"{outlines.sum()} outlines were read as a point inside them.")


def _refuse_types(layer: Layer, table: Table) -> None:
    """Collections and multipoints of one kind of part become that part; what the table has no room for is set aside."""
    shapes = layer.features.geometry
    loose = shapes.geom_type.isin(["MultiPoint", "GeometryCollection", "LinearRing"]).to_numpy()
    if loose.any():
        values = shapes.to_numpy().copy()
        values[loose] = [_of_dimension(shape, shapely.get_dimensions(shape)) for shape in values[loose]]
        layer.features = layer.features.set_geometry(gpd.GeoSeries(values, index=shapes.index, crs=shapes.crs))
        layer.note(f"of {loose.sum()} collections of shapes only the parts of the highest dimension were taken.")
    layer.set_aside(
        ~layer.features.geometry.geom_type.isin(table.geometry),
        None,
        f"the geometry is not one of {', '.join(table.geometry)}",
        "Draw each thing as one feature of that type.",
    )
