"""Map layers -> a table a layer: what is told of each shape, and its place in the columns ``GEOMETRY``."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from tensionmap.errors import RawDataError
from tensionmap.ingest.grids.grid import GEOMETRY, HEAD, Grid, Piece, written
from tensionmap.ingest.vectors import read_vector, vector_layers


def layers_of(path: Path, *, file: str, sheet: str | None) -> list[Grid]:
    """Every layer with shapes (only the layer ``sheet`` if given); row 0 is its header, row 1 its first feature.

    Raises
    ------
    RawDataError
        If the map cannot be read, has no such layer, or does not say its coordinate reference system.
    """
    names = vector_layers(path, file=file)
    if not names:
        raise RawDataError(f"{file} has no layer with shapes. If its reports stand in a table, export that as csv.")
    if sheet is not None and sheet not in names:
        raise RawDataError(f"{file} has no layer {sheet!r}. Layers are: {', '.join(names)}. Correct 'sheet' in study.toml.")
    return [_layer(path, file, name) for name in ([sheet] if sheet else names)]


def _layer(path: Path, file: str, name: str) -> Grid:
    raw = read_vector(path, file=file, layer=name)
    if raw.crs is None:
        raise RawDataError(
            f"{file} does not say its coordinate reference system. Assign it (in QGIS: Layer, Set CRS), and export it again."
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy's, of coordinates without end: they are told row by row
        x, y, radius = _points(raw.geometry)
    texts = {str(column): _texts_of(raw[column]) for column in raw.columns if column != raw.geometry.name}
    for column, values in zip(GEOMETRY, (x, y, radius), strict=True):
        texts[column] = pd.Series([np.format_float_positional(v, 9, trim="-") if v == v else "" for v in values], dtype="str")
    columns = [pa.chunked_array([pa.array(column.tolist(), pa.large_string())]) for column in texts.values()]
    head = [(0, list(texts)), *[(1 + i, [str(c[i]) for c in columns]) for i in range(min(HEAD - 1, len(raw)))]]

    def below(at: int) -> Iterator[Piece]:
        if at:
            raise RawDataError(f"{file}: the columns named in study.toml are not those of the layer {name!r}.")
        if len(raw):
            yield Piece(np.arange(1, len(raw) + 1, dtype=np.int64), columns)

    return Grid(head, below, sheet=name)


def _points(shapes: Any) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """A point of each shape in degrees, and for lines and outlines how far they reach from it, in metres.

    Not a number where there is no shape; without end where it has no place on earth, so that the row is set aside for it.
    """
    is_point = (shapes.geom_type == "Point").to_numpy()
    x, y, radius = (np.full(len(shapes), np.nan) for _ in range(3))
    exact = shapes[is_point].to_crs("EPSG:4326")
    x[is_point], y[is_point] = exact.x, exact.y
    wide = np.flatnonzero(~is_point & shapes.notna().to_numpy() & ~shapes.is_empty.to_numpy())
    x[wide] = y[wide] = np.inf
    flat = shapes.iloc[wide].force_2d()
    if flat.crs.is_geographic:
        on_earth = (np.abs(flat.bounds.to_numpy()) <= (360, 80, 360, 80)).all(axis=1)
        wide, flat = wide[on_earth], flat[on_earth]
        flat = flat.to_crs(flat.estimate_utm_crs()) if len(flat) else flat
    is_whole = np.isfinite(flat.bounds.to_numpy()).all(axis=1)
    wide, flat = wide[is_whole], flat[is_whole]
    inside = flat.representative_point()
    radius[wide] = inside.hausdorff_distance(flat)
    degrees = inside.to_crs("EPSG:4326")
    x[wide], y[wide] = degrees.x, degrees.y
    return x, y, radius


def _texts_of(values: pd.Series) -> pd.Series:
    if pd.api.types.is_float_dtype(values):
        return values.map(lambda v: "" if pd.isna(v) else np.format_float_positional(v, trim="-")).astype("str")
    return pd.Series([_text_of(value) for value in values], index=values.index, dtype="str")


def _text_of(value: Any) -> str:
    if isinstance(value, bytes) or (pd.api.types.is_scalar(value) and pd.isna(value)):
        return ""
    if isinstance(value, pd.Timestamp):
        return str(value).removesuffix(" 00:00:00")
    return written(value.tolist() if isinstance(value, np.ndarray) else value)
