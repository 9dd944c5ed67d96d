"""What lies under the reports: settlements, claims, resources and services around the grid."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from tensionmap.tables import BACKGROUND_TABLES, RESOURCE_KINDS, SERVICE_KINDS

MARGIN_M = 5000


def standing(claims: gpd.GeoDataFrame, *, date_from: date, date_to: date) -> gpd.GeoDataFrame:
    """The claims that stood on at least one day from ``date_from`` to ``date_to``, both counted."""
    has_begun = claims["date_from"].isna() | (claims["date_from"] <= pd.Timestamp(date_to))
    has_not_ended = claims["date_to"].isna() | (claims["date_to"] >= pd.Timestamp(date_from))
    return claims[has_begun & has_not_ended]


def around(cells: gpd.GeoDataFrame, layers: Mapping[str, gpd.GeoDataFrame]) -> dict[str, gpd.GeoDataFrame]:
    """Every layer cut at 5 km around the grid and sorted by its key.

    A shape that is not cut stays as it is, so that a canal is still drawn downstream; of one that is cut, only parts of
    its own kind stay (no point where a line touches the frame).
    """
    west, south, east, north = cells.total_bounds
    frame = shapely.box(west - MARGIN_M, south - MARGIN_M, east + MARGIN_M, north + MARGIN_M)
    return {name: _cut(layer, frame).sort_values(list(BACKGROUND_TABLES[name].key)) for name, layer in layers.items()}


def _cut(layer: gpd.GeoDataFrame, frame: Any) -> gpd.GeoDataFrame:
    inside = layer[layer.intersects(frame)]
    shapes = [shape if frame.covers(shape) else _parts_in(shape, frame) for shape in inside.geometry]
    cut = inside.set_geometry(gpd.GeoSeries(shapes, index=inside.index, crs=layer.crs))
    return cut[~cut.is_empty]


def _parts_in(shape: Any, frame: Any) -> Any:
    parts = [
        p for p in shapely.get_parts(shape.intersection(frame)) if shapely.get_dimensions(p) == shapely.get_dimensions(shape)
    ]
    return parts[0] if len(parts) == 1 else shapely.union_all(parts) if parts else shapely.Point()


def missing_layers(resources: gpd.GeoDataFrame, services: gpd.GeoDataFrame) -> tuple[str, ...]:
    """Kinds of resources and services of which the study has nothing, so that nothing can be said about them."""
    known = {*resources["kind"], *services["kind"]}
    return tuple(kind for kind in RESOURCE_KINDS + SERVICE_KINDS if kind not in known)
