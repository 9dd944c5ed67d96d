"""Which claims cover a place on a day, and how far each claimant's border is. No claim is preferred to another."""

from __future__ import annotations

import datetime as dt
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tensionmap.link.nearby import covering, nearest
from tensionmap.tables import TERRITORY, check, empty

Wholes = NDArray[np.int64]

ONE_DAY = pd.Timedelta(days=1)
TOGETHER = " + "
NOBODY = "none"


def claims_on(claims: gpd.GeoDataFrame, day: dt.date) -> gpd.GeoDataFrame:
    """The claims that stand on a day: date_from and date_to belong to the claim, an empty date is no limit."""
    when = pd.Timestamp(day)
    return claims[~(claims["date_from"] > when) & ~(claims["date_to"] < when)]


def spans(claims: gpd.GeoDataFrame, *, date_from: dt.date, date_to: dt.date) -> list[tuple[pd.Timestamp, pd.Timestamp]]:
    """First and last day of every stretch of the period in which no claim begins or ends."""
    first, last = pd.Timestamp(date_from), pd.Timestamp(date_to)
    changes = pd.concat([claims["date_from"], claims["date_to"] + ONE_DAY]).dropna()
    starts = sorted({first, *(day for day in changes if first < day <= last)})
    return list(zip(starts, [*(day - ONE_DAY for day in starts[1:]), last], strict=True))


def territory(cells: pd.DataFrame, claims: gpd.GeoDataFrame, *, date_from: dt.date, date_to: dt.date) -> pd.DataFrame:
    """For every cell, span and claimant: is the centre inside, how far is the border, and what is its status.

    Parameters
    ----------
    cells : DataFrame
        With ``cell_id``, ``easting`` and ``northing`` of the centres.
    claims : GeoDataFrame
        The table CLAIMS, in the CRS of the cells.
    date_from, date_to : date
        First and last day of the study period.

    Returns
    -------
    DataFrame
        The table TERRITORY, sorted by span, claimant and cell. A claimant has rows in the spans in which a claim of his
        stands. ``border_m`` is measured from the cell's centre to his nearest border *line*, and is NaN if he has none.

    Notes
    -----
    Outlines of areas are not taken for border lines: they also run along third states and between districts of one party.
    """
    claims = claims.sort_values("claim_id", kind="stable")
    points = gpd.GeoSeries(gpd.points_from_xy(cells["easting"], cells["northing"]), crs=claims.crs)
    found = [
        _of_claimant(cells["cell_id"], points, own, span, str(claimant))
        for span in spans(claims, date_from=date_from, date_to=date_to)
        for claimant, own in claims_on(claims, span[0]).groupby("claimant")
    ]
    return check(pd.concat(found), TERRITORY) if found else empty(TERRITORY)


def own_land(
    cells: pd.DataFrame, claims: gpd.GeoDataFrame, parties: tuple[str, ...], *, date_from: dt.date, date_to: dt.date
) -> pd.DataFrame | None:
    """Which cells each party may call its own: those that it claimed, alone or with others, or that nobody claimed.

    Parameters
    ----------
    cells : DataFrame
        With ``easting`` and ``northing`` of the centres.
    claims : GeoDataFrame
        The table CLAIMS, in the CRS of the cells.
    parties : tuple of str
        Names of the parties.
    date_from, date_to : date
        First and last day of the study period.

    Returns
    -------
    DataFrame of bool, or None
        Index of ``cells``, a column for each party: on some day of the study period. None if nobody claimed any area.

    Notes
    -----
    No claim is preferred: land that several parties claim, at once or one after the other, is own land to each of them.
    """
    areas = claims[claims["kind"] == "area"]
    points = gpd.GeoSeries(gpd.points_from_xy(cells["easting"], cells["northing"]), crs=claims.crs)
    own = np.zeros((len(cells), len(parties)), dtype=bool)
    is_any = False
    for first, _ in spans(areas, date_from=date_from, date_to=date_to):
        standing = claims_on(areas, first.date())
        is_any = is_any or len(standing) > 0
        place, claim = covering(points, standing.geometry)
        is_claimed = np.zeros(len(cells), dtype=bool)
        is_claimed[place] = True
        own[~is_claimed] = True
        named = standing["claimant"].str.split(TOGETHER, regex=False).to_numpy()
        for column, party in enumerate(parties):
            is_of_party = np.array([party in names for names in named], dtype=bool)
            own[place[is_of_party[claim]], column] = True
    return pd.DataFrame(own, index=cells.index, columns=list(parties)) if is_any else None


def _of_claimant(
    cell_ids: pd.Series, points: gpd.GeoSeries, own: gpd.GeoDataFrame, span: tuple[pd.Timestamp, pd.Timestamp], claimant: str
) -> pd.DataFrame:
    lines, areas = own[own["kind"] == "line"], own[own["kind"] == "area"]
    border_m, line = nearest(points, lines.geometry)
    status = np.where(line >= 0, lines["status"].to_numpy(dtype=object)[line] if len(lines) else None, None)
    is_inside = np.zeros(len(points), dtype=bool)
    is_inside[covering(points, areas.geometry)[0]] = True
    return pd.DataFrame(
        {
            "cell_id": cell_ids.to_numpy(),
            "date_from": span[0],
            "date_to": span[1],
            "claimant": claimant,
            "status": pd.Series(status, dtype="str"),
            "is_inside": is_inside,
            "border_m": border_m,
        }
    )


def claimed_by(points: gpd.GeoSeries, dates: pd.Series, claims: gpd.GeoDataFrame) -> pd.Series:
    """Who claims each place on its day: the parties of all area claims that cover it, joined by ' + ', or 'none'.

    Parameters
    ----------
    points : GeoSeries of Point
        In the CRS of the claims.
    dates : Series of datetime64
        The day that is asked for, same index.
    claims : GeoDataFrame
        The table CLAIMS.

    Returns
    -------
    Series of str
        Same index; parties in alphabetical order, each once. A place on the outline of an area is covered by it.

    Raises
    ------
    GeometryError
        Points and claims are in different CRSs.
    """
    areas = claims[claims["kind"] == "area"]
    point, area = covering(points, areas.geometry)
    day = dates.to_numpy()[point]
    stands = ~(areas["date_from"].to_numpy()[area] > day) & ~(areas["date_to"].to_numpy()[area] < day)
    codes, claimants = pd.factorize(areas["claimant"], sort=True)
    group, groups = _groups(point[stands], codes[area[stands]], len(points))
    names = pd.Series([joined(claimants[code] for code in members) for members in groups], dtype="str")
    return names.take(group).set_axis(points.index)


def _groups(member_of: Wholes, member: Wholes, count: int) -> tuple[Wholes, list[tuple[int, ...]]]:
    """The set of members of each of 0, 1, ..., count - 1: a number for each, and the set of each number."""
    pairs = pd.DataFrame({"owner": member_of, "member": member}).drop_duplicates().sort_values(["owner", "member"])
    owner, member = pairs["owner"].to_numpy(), pairs["member"].to_numpy()
    rank = np.arange(len(owner)) - np.searchsorted(owner, owner)
    group = np.zeros(count, dtype="int64")
    groups: list[tuple[int, ...]] = [()]
    for place in range(rank.max(initial=-1) + 1):  # at most as often as there are claimants
        is_here = rank == place
        owners, size = owner[is_here], int(member.max()) + 1
        code, together = pd.factorize(group[owners] * size + member[is_here])
        group[owners] = code + len(groups)
        groups += [(*groups[whole // size], whole % size) for whole in together]
    return group, groups


def joined(claimants: Any) -> str:
    """All parties among the claimants, each once, in alphabetical order."""
    return TOGETHER.join(sorted({party for claimant in claimants for party in claimant.split(TOGETHER)})) or NOBODY


def border_m(points: gpd.GeoSeries, dates: pd.Series, claims: gpd.GeoDataFrame) -> pd.Series:
    """Metres from each place to the nearest border line that anybody claims or has agreed on its day; NaN if there is none.

    Parameters as in :func:`claimed_by`; same index as ``points``.
    """
    lines = claims[claims["kind"] == "line"]
    distance_m = pd.Series(np.nan, index=points.index, dtype="float64")
    if points.empty:
        return distance_m
    for first, last in spans(lines, date_from=dates.min(), date_to=dates.max()):
        during = dates.between(first, last).to_numpy()
        distance_m[during] = nearest(points[during], claims_on(lines, first).geometry)[0]
    return distance_m


def without_claims(claims: gpd.GeoDataFrame) -> tuple[str, ...]:
    """Notes: what cannot be told if there are no border lines, or no areas."""
    notes = []
    if not (claims["kind"] == "line").any():
        notes.append(
            "No border lines: how far a place is from any border cannot be told (outlines of areas are not border lines)."
        )
    if not (claims["kind"] == "area").any():
        notes.append("No claimed areas: who claims a place cannot be told.")
    return tuple(notes)
