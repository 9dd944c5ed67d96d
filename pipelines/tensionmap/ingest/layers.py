"""Vector files of any format and CRS -> features in metres, each kept, left out as far away, or set aside with its reason."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NotRequired, TypedDict, Unpack

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from pyproj import Transformer

from tensionmap.crs import DEGREES, metric, to_metric
from tensionmap.errors import RawDataError
from tensionmap.ingest.set_aside import Kept, SetAside
from tensionmap.tables import AREA, Table, check, empty

MARGIN_M = 10_000
"""Features farther than this from the study area are left out; nearer ones are kept whole."""

POSITION = ("longitude", "latitude")

Area = tuple[float, float, float, float]


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

    def __init__(self, raw: gpd.GeoDataFrame, aside: SetAside, how: How) -> None:
        self.notes: list[str] = []
        self.source, self.file = how["source"], how["file"]
        self._words = how.get("words", {})
        self._crs = how["crs"]
        self._raw = raw
        self._aside = aside
        self._far = 0
        self.features = raw.assign(outline_radius_m=np.nan)

    def note(self, sentence: str) -> None:
        """Tell an automatic choice or a mending."""
        self.notes.append(f"{self.file}: {sentence}")

    def set_aside(self, where: Any, column: str | None, reason: str, advice: str) -> None:
        """Take the features ``where`` (a mask over ``features``) out, with the reason."""
        mask = np.asarray(where, dtype=bool)
        for number in self.features.index[mask]:
            original = self._raw.loc[number].drop("geometry")
            self._aside.add(int(number), column, reason, advice, {str(k): v for k, v in original.items() if not _is_missing(v)})
        self.features = self.features[~mask]

    def leave_out(self, far: Any) -> None:
        """Take the features ``far`` from the study area out; a note will say how many."""
        mask = np.asarray(far, dtype=bool)
        self._far += int(mask.sum())
        self.features = self.features[~mask]

    def fill(self, **columns: Any) -> None:
        """Set columns of the features kept so far."""
        self.features = self.features.assign(**columns)

    def text(self, column: str, default: Any = None) -> pd.Series:
        """The column as trimmed text; whole numbers without '.0', empty text as missing, missing as ``default``."""
        if column not in self.features:
            return pd.Series(default, index=self.features.index, dtype="str")
        values = self.features[column].map(_as_text).astype("str")
        return values if default is None else values.fillna(default)

    def ids(self, column: str) -> pd.Series:
        """The column, or source and number of the feature where it is empty; a second feature of the same id is set aside."""
        own = pd.Series([f"{self.source}-{number}" for number in self.features.index], index=self.features.index, dtype="str")
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
        self.fill(**{column: kinds.map(lambda word: self._words.get(word, word).lower(), na_action="ignore")})
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
        """The features that are left, as ``table``."""
        if self._far:
            self.note(
                f"{self._far} of {len(self._raw)} features lie more than {MARGIN_M / 1000:.0f} km outside the study area "
                "and were left out."
            )
        rows = self.features
        kept = empty(table, self._crs) if rows.empty else check(rows[table.column_names], table)
        return Kept(kept, self._aside.frame(), tuple(self.notes))


def open_layer(path: Path, table: Table, **how: Unpack[How]) -> Layer:
    """Features of the file near the study area, in metres, with geometry that ``table`` allows.

    Everything that :mod:`pyogrio` reads (GeoJSON, GeoPackage, shapefile, also zipped), and csv with the columns longitude
    and latitude in degrees. Outlines that cross themselves are mended; in a table without areas an outline becomes a
    point inside it.

    Raises
    ------
    RawDataError
        The file cannot be read, is no proper GeoJSON, has several layers of which none is named, or lacks a header.
    GeometryError
        The file does not say its CRS.
    """
    is_csv = path.suffix.lower() in {".csv", ".tsv", ".txt"}
    raw = _read_csv(path, how) if is_csv else _read_vector(path, how)
    raw = _named(raw, table, how)
    layer = Layer(raw, SetAside(how["source"], how["file"], how.get("sheet")), how)
    if is_csv:
        _refuse_positions(layer)
    else:
        layer.set_aside(
            layer.features.geometry.isna() | layer.features.geometry.is_empty,
            None,
            "the feature has no geometry, or one that cannot be read",
            "Draw it again, or delete the feature.",
        )
    near = _into_metres(layer, how)
    _mend(layer)
    layer.leave_out(~layer.features.geometry.intersects(near))
    if not set(AREA) & set(table.geometry):
        _outlines_to_points(layer)
    _refuse_types(layer, table)
    return layer


def _read_vector(path: Path, how: How) -> gpd.GeoDataFrame:
    file = how["file"]
    if path.suffix.lower() in {".geojson", ".json"}:
        _refuse_broken_geojson(path, file)
    try:
        sheet = _sheet(path, how)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # GDAL's remarks name no feature; what matters is checked feature by feature
            raw = pyogrio.read_dataframe(path, layer=sheet, fid_as_index=True, on_invalid="ignore")
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, UnicodeDecodeError, OSError) as error:
        raise RawDataError(
            f"{file} cannot be read as a map layer. Open it in QGIS and export it again as GeoPackage or GeoJSON (UTF-8)."
        ) from error
    if not isinstance(raw, gpd.GeoDataFrame):
        raise RawDataError(f"{file} has no geometry column. Give a map layer, or a csv file with longitude and latitude.")
    if raw.empty:
        raise RawDataError(f"{file} holds no features that can be read. Open it in QGIS, see whether it draws, and export again.")
    raw.index = raw.index.astype("int64")
    return raw if raw.crs is not None else to_metric(raw, how["crs"], source=f"{how['source']} ({file})")


def _sheet(path: Path, how: How) -> str:
    names = [str(name) for name, geometry in pyogrio.list_layers(path) if geometry]  # QGIS keeps its styles in a table beside
    wanted = how.get("sheet")
    if wanted in names:
        return str(wanted)
    if wanted is None and len(names) == 1:
        return names[0]
    asked = f"no layer {wanted!r}" if wanted else "several layers"
    raise RawDataError(
        f"{how['file']} has {asked}; it holds: {', '.join(names)}. "
        f"Name one in study.toml: sheet under [ingest.files.{how['source']}]."
    )


def _refuse_broken_geojson(path: Path, file: str) -> None:
    """GDAL leaves out, without a word, whatever stands in 'features' but is not a Feature: refuse it by number."""
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise RawDataError(f"{file} cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise RawDataError(f"{file} is not valid GeoJSON (UTF-8): {error}. Export it again.") from error
    features = content.get("features", []) if isinstance(content, dict) else []
    wrong = [(i, f.get("type") if isinstance(f, dict) else f) for i, f in enumerate(features)]
    wrong = [(i, kind) for i, kind in wrong if kind != "Feature"]
    if wrong:
        number, kind = wrong[0]
        raise RawDataError(
            f"{file} is not proper GeoJSON: {len(wrong)} of {len(features)} entries of 'features' are not of type 'Feature' "
            f"(entry {number} is a bare {kind!r}), and GIS programs leave them out without a word. "
            "Wrap each geometry as {'type': 'Feature', 'properties': {}, 'geometry': ...}, or export the layer again."
        )


def _read_csv(path: Path, how: How) -> gpd.GeoDataFrame:
    file = how["file"]
    try:
        raw = pd.read_csv(path, dtype="str", sep=None, engine="python", encoding="utf-8-sig", skip_blank_lines=False)
    except UnicodeDecodeError as error:
        raise RawDataError(f"{file} is not UTF-8 text. Save it again as 'CSV UTF-8'.") from error
    except (OSError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise RawDataError(f"{file} cannot be read as csv. Save it again as 'CSV UTF-8' with one header line.") from error
    headers = {**{name: name for name in POSITION}, **how.get("columns", {})}
    missing = [headers[name] for name in POSITION if headers[name] not in raw]
    if missing:
        raise RawDataError(
            f"{file} has no column {' and '.join(map(repr, missing))}; its headers are: {', '.join(map(str, raw.columns))}. "
            f"Name those with degrees as longitude and latitude in [ingest.files.{how['source']}.columns]."
        )
    raw.index = pd.RangeIndex(2, len(raw) + 2)  # as a spreadsheet counts
    degrees = {name: pd.to_numeric(raw[headers[name]], errors="coerce") for name in POSITION}
    points = gpd.points_from_xy(degrees["longitude"], degrees["latitude"], crs=DEGREES)
    return gpd.GeoDataFrame(raw, geometry=points)


def _refuse_positions(layer: Layer) -> None:
    points = layer.features.geometry
    layer.set_aside(
        ~(points.x.between(-180, 180) & points.y.between(-90, 90)),
        "longitude",
        "longitude or latitude is missing or not in degrees",
        "Write decimal degrees with a point, for example 70.83 and 39.84.",
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


def _into_metres(layer: Layer, how: How) -> Any:
    """Project; the study area with its margin. What is far away goes first: a projection has no place for all of the world."""
    code = metric(how["crs"])
    west, south, east, north = Transformer.from_crs(DEGREES, code, always_xy=True).transform_bounds(*how["area"])
    near = shapely.box(west - MARGIN_M, south - MARGIN_M, east + MARGIN_M, north + MARGIN_M)
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


def _mend(layer: Layer) -> None:
    shapes = layer.features.geometry
    broken = ~shapes.is_valid
    if not broken.any():
        return
    mended = shapely.make_valid(shapes[broken].to_numpy(), method="structure")
    dimension = shapely.get_dimensions(shapes[broken].to_numpy())
    whole = [_of_dimension(shape, wanted) for shape, wanted in zip(mended, dimension, strict=True)]
    layer.features = layer.features.set_geometry(
        shapes.where(~broken, gpd.GeoSeries(whole, index=shapes.index[broken], crs=shapes.crs).reindex(shapes.index))
    )
    lost = layer.features.geometry.isna() | layer.features.geometry.is_empty
    if mended_count := int((broken & ~lost).sum()):
        numbers = ", ".join(str(n) for n in shapes.index[broken & ~lost][:10])
        layer.note(f"{mended_count} features crossed themselves and were mended (number {numbers}).")
    layer.set_aside(lost, None, "the shape has no extent and cannot be mended", "Draw it again.")


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


def _as_text(value: Any) -> str | None:
    if _is_missing(value):
        return None
    text = str(int(value)) if isinstance(value, float | np.floating) and float(value).is_integer() else str(value).strip()
    return text or None


def _is_missing(value: Any) -> bool:
    return bool(pd.api.types.is_scalar(value) and pd.isna(value))
