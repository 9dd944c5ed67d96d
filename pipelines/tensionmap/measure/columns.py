"""Columns of reports as plain numbers: where, when, and which may change places with which.

Whoever has arrays or Series of coordinates and dates can use the statistics; here they are checked, once for all of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from tensionmap.errors import GeometryError, MeasureError

Numbers = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]


def places(easting: pd.Series | Numbers, northing: pd.Series | Numbers) -> tuple[Numbers, Numbers]:
    """Coordinates in metres as numbers.

    Raises
    ------
    MeasureError
        If there are not as many of the one as of the other, or if they are no numbers.
    GeometryError
        If one is missing or infinite.
    """
    try:
        east, north = (_plain(values).astype(np.float64) for values in (easting, northing))
    except (TypeError, ValueError):
        raise MeasureError("Easting and northing must be numbers of metres, one of each for every report.") from None
    if east.ndim != 1 or east.shape != north.shape:
        raise MeasureError(f"There are {east.size} eastings and {north.size} northings. Give one of each for every report.")
    is_place = np.isfinite(east) & np.isfinite(north)
    if not is_place.all():
        raise GeometryError(
            f"{int((~is_place).sum())} of {east.size} places are missing or infinite. Leave those reports out, or locate them."
        )
    # Adding 0 makes -0.0 and 0.0 the same place in every sense.
    return east + 0.0, north + 0.0


def _plain(values: pd.Series | npt.ArrayLike) -> npt.NDArray[Any]:
    """An array; of a Series of numbers one with NaN for what is missing."""
    if isinstance(values, pd.Series) and pd.api.types.is_numeric_dtype(values.dtype):
        numbers: Numbers = values.to_numpy(np.float64, na_value=np.nan)
        return numbers
    return np.asarray(values)


def whole_days(day: pd.Series | npt.ArrayLike, size: int) -> Whole:
    """Whole days: since 1970 if they are dates, else as they are counted.

    Raises
    ------
    MeasureError
        If one is missing, no date or no whole number, or if there are not ``size`` of them.
    """
    found = _plain(day)
    if found.dtype.kind in "OM":
        try:
            found = found.astype("datetime64[D]")
        except (TypeError, ValueError):
            raise MeasureError("day holds something that is no date. Use dates without time zone, or whole days.") from None
        found = np.where(np.isnat(found), np.nan, found.astype(np.int64))
    if found.dtype.kind not in "iuf":
        raise MeasureError("day holds something that is no date. Use dates without time zone, or whole days.")
    found = found.astype(np.float64)
    if found.shape != (size,):
        raise MeasureError(f"There are {size} places, but day has the shape {found.shape}. Give one date for every report.")
    if not np.isfinite(found).all():
        raise MeasureError(f"{int((~np.isfinite(found)).sum())} of {size} dates are missing. Leave those reports out.")
    if (found != np.rint(found)).any():
        raise MeasureError("day holds parts of days. Round them down: only whole days are looked at.")
    days: Whole = found.astype(np.int64)
    return days


def are_dates(day: pd.Series | npt.ArrayLike) -> bool:
    """Whether days came as dates, not as numbers."""
    return _plain(day).dtype.kind in "OM"


def codes(strata: pd.Series | npt.ArrayLike | None, size: int) -> Whole:
    """Strata numbered from 0; all 0 without any.

    Raises
    ------
    MeasureError
        If they are not whole numbers, or not ``size`` of them.
    """
    if strata is None:
        return np.zeros(size, np.int64)
    found = _plain(strata)
    if found.shape != (size,):
        raise MeasureError(f"There are {size} reports, but strata have the shape {found.shape}. Give one for every report.")
    if found.dtype.kind not in "iufb" or not np.isfinite(found).all() or (found != np.rint(found)).any():
        raise MeasureError(
            "Strata are whole numbers, for example 1 for summer and 0 for winter. Code them so, and leave none out."
        )
    numbered: Whole = np.unique(found, return_inverse=True)[1].astype(np.int64)
    return numbered
