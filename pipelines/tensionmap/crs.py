"""Coordinate reference systems: metres for measuring, degrees for the web."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tensionmap.errors import GeometryError

if TYPE_CHECKING:
    import geopandas as gpd
    from pyproj import CRS

DEGREES = "EPSG:4326"


def metric(code: str) -> CRS:
    """The projected CRS in metres that ``code`` names.

    Raises
    ------
    GeometryError
        If ``code`` is unknown, geographic (degrees) or not in metres: distances and areas would be wrong.
    """
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        crs = CRS.from_user_input(code)
    except CRSError as error:
        raise GeometryError(
            f"Unknown coordinate reference system {code!r}. Write it as an EPSG code, for example 'EPSG:32642'."
        ) from error
    if not crs.is_projected or crs.axis_info[0].unit_name != "metre":
        raise GeometryError(
            f"{crs.to_string()!r} ({crs.name}) is not a projected CRS in metres, so distances and areas would be wrong. "
            "Use the UTM zone of the study area, for example 'EPSG:32642' for 66 to 72 degrees east."
        )
    return crs


def to_metric(frame: gpd.GeoDataFrame, code: str, *, source: str) -> gpd.GeoDataFrame:
    """``frame`` in the metric CRS ``code``; a frame without CRS is refused with the name of its ``source``."""
    if frame.crs is None:
        raise GeometryError(
            f"{source}: the layer does not say its coordinate reference system. "
            "Add it to the file (a .prj beside a shapefile, or export again as GeoPackage)."
        )
    return frame.to_crs(metric(code))
