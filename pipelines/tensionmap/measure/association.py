"""Whether reports lie closer to one another, or to reports of another kind, than chance would put them.

`k_function` compares reports with points thrown evenly over the window. People do not live evenly, so against that null
every village is a cluster: the figure describes, it accuses no place. `cross_k` keeps all places as they are and asks only
which kind of report is where; villages, roads and uneven reporting that both kinds share cancel. It is the one to argue with.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry

from tensionmap.compiled import compiled
from tensionmap.errors import GeometryError
from tensionmap.measure import montecarlo
from tensionmap.measure.columns import places
from tensionmap.measure.hotspots import FEWEST_REPORTS
from tensionmap.measure.montecarlo import alias_table
from tensionmap.measure.near_repeat import (
    TOO_FEW,
    Near,
    deal_anew,
    later_near,
    rising,
    sort_into_squares,
    squared,
)
from tensionmap.streams import STEP, begin, chance

Numbers = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

_SIDE_BY_SIDE = 64
_FEWEST_PAIRS = 1.0
_LEAST_INSIDE = 0.01
_ROUNDING = 1e-9
_STEPS = 4096


def k_function(
    easting: pd.Series | Numbers,
    northing: pd.Series | Numbers,
    *,
    distances_m: Sequence[float] | Numbers,
    window: BaseGeometry | tuple[float, float, float, float],
    replicates: int = 99,
    alpha: float = 0.05,
    seed: int,
) -> pd.DataFrame:
    """Ripley's K of points in a window, beside points thrown evenly over it; with p over all distances.

    Parameters
    ----------
    easting, northing
        Points in metres, projected CRS; all in the window.
    distances_m
        Distances in metres, rising, not negative. A pair exactly so far apart is counted. Farther than a quarter of the
        window's shorter side the figures get very uncertain.
    window
        Where points could be: polygon with or without holes, several polygons, or the bounds (west, south, east, north) of a
        rectangle; in the CRS of the points.
    replicates, alpha, seed
        Maps of evenly thrown points to compare with; share of such maps that leaves the envelope; seed of all chance. The
        same seed gives the same bytes, in any order of rows and on any number of threads.

    Returns
    -------
    DataFrame
        One row a distance.

        - ``distance_m``: r.
        - ``k_m2``: K(r), square metres; NaN for fewer than two points.
        - ``expected_m2``: what evenly thrown points bring, pi r^2.
        - ``low_m2``, ``high_m2``: the envelope of K. Of evenly thrown maps, the share ``alpha`` leaves it *anywhere*.
        - ``l_minus_r_m``: sqrt(K / pi) - r: above 0 closer together than even, below 0 farther apart.
        - ``p_map``: share of maps (and this one) whose L leaves r as far at any distance; the same in all rows.
        - ``verdict``: more or fewer neighbours than even where K leaves the envelope, else none. Below 30 points all are too
          few to tell, and envelope and p are NaN.

    Raises
    ------
    MeasureError
        If distances do not rise, columns differ in length, or ``alpha`` cannot be reached with so few replicates.
    GeometryError
        If the window is empty or not valid, or if points lie outside it, are missing or infinite.

    Notes
    -----
    K(r) = A / (n (n - 1)) * sum over ordered pairs no farther apart than r of 1 / w, where w is the share of the circle round
    the first point through the second that lies in the window (Ripley's isotropic correction; w is taken as 0.01 at least).
    The share is exact for every polygon: 1 minus the angles under which the first point sees the pieces of border within
    the circle, over 2 pi. A point exactly on a corner of the window is taken as standing on a straight border.

    *Envelope.* The greatest |L(r) - r| over the given distances, of this map and of each replicate, are compared; the
    envelope is as wide as the greatest one that is still not surprising. L is used because its spread hardly depends on r.
    Envelopes made distance by distance are left by far more than the stated share of maps of pure noise.

    *What it does not show.* Anything about people or places, unless residents are spread evenly, which they are not. Take it
    as a description: at which distances neighbours abound. A report told twice, or known to its village only, makes K jump
    at 0. The time grows with pairs within the greatest distance, and with the corners of the window.

    References
    ----------
    Ripley, B. D. (1977). Modelling spatial patterns. Journal of the Royal Statistical Society B 39.
    https://doi.org/10.1111/j.2517-6161.1977.tb01615.x

    Ripley, B. D. (1979). Tests of 'randomness' for spatial point patterns. Journal of the Royal Statistical Society B 41.
    https://doi.org/10.1111/j.2517-6161.1979.tb01091.x

    Examples
    --------
    >>> found = k_function([1, 2, 8], [1, 1, 9], distances_m=[1, 2], window=(0, 0, 10, 10), seed=1)
    >>> found[["distance_m", "k_m2", "expected_m2"]].round(2)
       distance_m   k_m2  expected_m2
    0         1.0  33.33         3.14
    1         2.0  33.33        12.57
    """
    montecarlo.check_chance(replicates=replicates, alpha=alpha, seed=seed)
    ends_m = rising(distances_m, "distances_m")
    east, north = places(easting, northing)
    polygon = _checked_window(window, east, north)
    size, edges = east.size, _edges(polygon)
    bands = _Bands.of(ends_m)
    scale = polygon.area / max(size * (size - 1), 1)

    order = np.lexsort((north, east))
    k = _weighted_pairs(east[order], north[order], ends_m[-1], edges, bands) * scale
    table = pd.DataFrame(
        {
            "distance_m": ends_m,
            "k_m2": k if size > 1 else np.nan,
            "expected_m2": np.pi * ends_m**2,
            "low_m2": np.nan,
            "high_m2": np.nan,
            "l_minus_r_m": np.sqrt(k / np.pi) - ends_m if size > 1 else np.nan,
            "p_map": np.nan,
            "verdict": TOO_FEW,
        }
    )
    if size < FEWEST_REPORTS:
        return table
    triangles, keep, other = _triangles(polygon)

    def task(first: int, last: int) -> Numbers:
        return _weighted_pairs_of_maps(first, last, np.uint64(seed), size, triangles, keep, other, ends_m[-1], edges, bands)

    maps = np.concatenate(montecarlo.share_out(task, replicates)) * scale
    departure = np.sqrt(np.vstack([k, maps]) / np.pi) - ends_m
    p_map, widest = _over_all(np.abs(departure), alpha)
    table["low_m2"] = np.pi * np.maximum(ends_m - widest, 0) ** 2
    table["high_m2"] = np.pi * (ends_m + widest) ** 2
    table["p_map"] = p_map
    table["verdict"] = np.select([departure[0] > widest, departure[0] < -widest], ["more", "fewer"], default="none")
    return table


def cross_k(
    easting_a: pd.Series | Numbers,
    northing_a: pd.Series | Numbers,
    easting_b: pd.Series | Numbers,
    northing_b: pd.Series | Numbers,
    *,
    distances_m: Sequence[float] | Numbers,
    replicates: int = 999,
    alpha: float = 0.05,
    seed: int,
) -> pd.DataFrame:
    """Pairs of one report of each of two kinds up to each distance, beside kinds dealt anew over the same places.

    Parameters
    ----------
    easting_a, northing_a, easting_b, northing_b
        Places of the reports of the two kinds, in metres, in one projected CRS.
    distances_m
        As in `k_function`. 0 asks for pairs at the same place.
    replicates, alpha, seed
        Deals of the kinds to compare with; share of deals that leaves the envelope; seed, as in `k_function`.

    Returns
    -------
    DataFrame
        One row a distance.

        - ``distance_m``: r.
        - ``pairs``: pairs of one report of each kind no farther apart than r.
        - ``expected``: the mean over all ways to deal the kinds; exact, not drawn.
        - ``ratio``: pairs by expected: the cross-K of the two kinds by the K of all reports. NaN where none is expected.
        - ``low``, ``high``: the envelope of ``pairs``. Of deals, the share ``alpha`` leaves it *anywhere*.
        - ``p_map``: share of deals (and this map) that depart as far at any distance; the same in all rows.
        - ``verdict``: more or fewer where ``pairs`` leaves the envelope; none inside; too few to tell where less than one pair is
          expected or no deal changes the number. Below 30 reports all are too few, and envelope and p are NaN.

    Raises
    ------
    MeasureError, GeometryError
        As `k_function`.

    Notes
    -----
    With a and b reports of the kinds, N = a + b, and m(r) pairs of any kind up to r, the mean is m 2ab / (N (N - 1)). The
    statistic is the greatest departure over all distances in standard deviations of random labelling, which are exact: with
    P = 2ab / (N (N - 1)), Q = 4ab (a - 1)(b - 1) / (N (N - 1)(N - 2)(N - 3)) and T the sum over reports of d (d - 1), d
    being a report's neighbours up to r, the variance is m P + T P / 2 + (m (m - 1) - T) Q - (m P)^2.

    No window and no correction of edges are needed: what is cut off at the edge is cut off in every deal. The K of spatstat's
    ``Kcross`` without correction is ``pairs`` times area / (a b).

    *What it does not show.* More pairs than expected says that the two kinds are found together more than reports in
    general; not that one brings the other. Fewer says that they keep apart. Both rest on the reports being independent, and
    on either kind being reported equally well everywhere, or equally badly in the same places. Two kinds that differ in the
    precision of their places keep apart for that reason alone: compare reports of one precision.

    References
    ----------
    Diggle, P. J. and Chetwynd, A. G. (1991). Second-order analysis of spatial clustering for inhomogeneous populations.
    Biometrics 47. https://doi.org/10.2307/2532668

    Lotwick, H. W. and Silverman, B. W. (1982). Methods for analysing spatial processes of several types of points. Journal
    of the Royal Statistical Society B 44. https://doi.org/10.1111/j.2517-6161.1982.tb01221.x

    Examples
    --------
    >>> found = cross_k([0, 100], [0, 0], [10, 900], [0, 0], distances_m=[10, 100], seed=1)
    >>> found[["distance_m", "pairs", "expected"]]
       distance_m  pairs  expected
    0        10.0      1  0.666667
    1       100.0      2  2.000000
    """
    montecarlo.check_chance(replicates=replicates, alpha=alpha, seed=seed)
    ends_m = rising(distances_m, "distances_m")
    of_a, of_b = places(easting_a, northing_a), places(easting_b, northing_b)
    east, north = (np.concatenate(both) for both in zip(of_a, of_b, strict=True))
    kind = np.repeat(np.array([1, 0], np.uint8), [of_a[0].size, of_b[0].size])
    order = np.lexsort((north, east))
    by_square, near = sort_into_squares(east[order], north[order], ends_m[-1], False)
    kind = kind[order][by_square]
    bands = _Bands.of(ends_m)

    neighbours = _neighbours(near, bands).cumsum(axis=1)
    pairs = _mixed_pairs(near, bands, np.repeat(kind[:, None], _SIDE_BY_SIDE, axis=1))[:, 0].cumsum()
    expected, deviation = _labelling(neighbours, of_a[0].size, of_b[0].size)
    table = pd.DataFrame(
        {
            "distance_m": ends_m,
            "pairs": pairs,
            "expected": expected,
            "ratio": np.divide(pairs, expected, out=np.full(expected.size, np.nan), where=expected > 0),
            "low": np.nan,
            "high": np.nan,
            "p_map": np.nan,
            "verdict": TOO_FEW,
        }
    )
    is_clear = (expected >= _FEWEST_PAIRS) & (deviation > 0)
    if kind.size < FEWEST_REPORTS or not is_clear.any():
        return table
    runs, slot, deck = np.array([0, kind.size]), np.arange(kind.size), np.sort(kind)

    def task(first: int, last: int) -> Whole:
        return _mixed_pairs_of_deals(first, last, np.uint64(seed), deck, runs, slot, near, bands)

    maps = np.vstack([pairs, np.concatenate(montecarlo.share_out(task, replicates)).cumsum(axis=1)])
    score = (maps - expected)[:, is_clear] / deviation[is_clear]
    p_map, widest = _over_all(np.abs(score), alpha)
    table.loc[is_clear, "low"] = np.maximum(expected - widest * deviation, 0)[is_clear]
    table.loc[is_clear, "high"] = (expected + widest * deviation)[is_clear]
    table["p_map"] = p_map
    table.loc[is_clear, "verdict"] = np.select([score[0] > widest, score[0] < -widest], ["more", "fewer"], default="none")
    return table


def _over_all(departures: Numbers, alpha: float) -> tuple[float, float]:
    """Chance of the first row's greatest departure among those of all rows, and the departure beyond which p <= ``alpha``."""
    greatest = departures.max(axis=1)
    allowed = int(alpha * greatest.size * (1 + _ROUNDING))
    return float((greatest >= greatest[0]).mean()), float(np.sort(greatest[1:])[-allowed])


def _labelling(neighbours: Whole, size_a: int, size_b: int) -> tuple[Numbers, Numbers]:
    """Mean and standard deviation of the mixed pairs up to each distance, from the neighbours of each report up to it."""
    size = size_a + size_b
    if size < 4:
        share = 2 * size_a * size_b / max(size * (size - 1), 1)
        return neighbours.sum(axis=0) / 2 * share, np.zeros(neighbours.shape[1])
    degree = neighbours.astype(np.float64)
    pairs, touching = degree.sum(axis=0) / 2, (degree * (degree - 1)).sum(axis=0)
    one = 2 * size_a * size_b / (size * (size - 1))
    two = one * 2 * (size_a - 1) * (size_b - 1) / ((size - 2) * (size - 3))
    variance = pairs * one + touching * one / 2 + (pairs * (pairs - 1) - touching) * two - (pairs * one) ** 2
    # What remains of large numbers that cancel is no variance.
    variance = np.where(variance > _ROUNDING * (pairs * one) ** 2, variance, 0.0)
    return pairs * one, np.sqrt(variance)


def _checked_window(
    window: BaseGeometry | tuple[float, float, float, float], easting: Numbers, northing: Numbers
) -> BaseGeometry:
    if not isinstance(window, BaseGeometry):
        bounds = np.asarray(window, np.float64)
        if bounds.shape != (4,) or not np.isfinite(bounds).all() or (bounds[2:] <= bounds[:2]).any():
            raise GeometryError(f"The window is {window}. Give west, south, east and north in metres, or a polygon.")
        window = shapely.box(*bounds)
    if window.geom_type not in ("Polygon", "MultiPolygon") or window.is_empty or not window.is_valid or window.area == 0:
        raise GeometryError(
            "The window must be a valid polygon with an area, or several that do not overlap. "
            "Mend it, for example with shapely.make_valid."
        )
    tolerance = _ROUNDING * np.abs(window.bounds).max()
    is_outside = ~shapely.intersects_xy(window, easting, northing)
    is_outside[is_outside] = shapely.distance(window, shapely.points(easting[is_outside], northing[is_outside])) > tolerance
    if is_outside.any():
        raise GeometryError(
            f"{int(is_outside.sum())} of {easting.size} points lie outside the window. Leave them out, or take a larger window; "
            "both must be in the same CRS."
        )
    return window


def _edges(polygon: BaseGeometry) -> Numbers:
    """Pieces of the border, one a row: from easting, northing, to easting, northing, with the inside on the left."""
    pieces = []
    for part in shapely.get_parts(polygon):
        part = shapely.orient_polygons(part)
        for ring in (part.exterior, *part.interiors):
            corner = shapely.get_coordinates(ring)
            pieces.append(np.hstack([corner[:-1], corner[1:]]))
    edges = np.concatenate(pieces)
    lengthy: Numbers = edges[(edges[:, :2] != edges[:, 2:]).any(axis=1)]
    return lengthy


def _triangles(polygon: BaseGeometry) -> tuple[Numbers, Numbers, Whole]:
    """Triangles that fill the polygon (corners as six numbers a row), and the alias table that draws them by area."""
    triangles = shapely.get_parts(shapely.constrained_delaunay_triangles(polygon))
    keep, other = alias_table(shapely.area(triangles))
    corners = shapely.get_coordinates(shapely.get_exterior_ring(triangles)).reshape(-1, 8)[:, :6]
    return corners, keep, other


class _Bands(NamedTuple):
    """Bands of squared distance, and where to look for the one that holds a distance."""

    ends: Numbers
    first: Whole
    """The first band that a squared distance can be in, for equal steps up to the last end."""
    steps_per_m2: float

    @classmethod
    def of(cls, ends_m: Numbers) -> _Bands:
        ends = squared(ends_m)
        first = np.searchsorted(ends, np.arange(_STEPS + 1) * (ends[-1] / _STEPS) * (1 - _ROUNDING))
        return cls(ends, first, _STEPS / ends[-1] if ends[-1] > 0 else 0.0)


@compiled
def _band(away: float, bands: _Bands) -> int:
    """The band that holds a squared distance within reach."""
    band = int(bands.first[np.uint64(away * bands.steps_per_m2)])
    while bands.ends[band] < away:
        band += 1
    return band


@compiled
def _views(near: Near, edges: Numbers) -> tuple[Whole, Numbers, Numbers]:
    """How each point sees the edges within reach: distance to the line (below 0 from the right), first and last angle.

    Point k owns the rows ``starts[k]`` to ``starts[k + 1]``. Angles are measured at the point from the perpendicular. Third comes
    the squared distance of each point to the nearest edge, if one is within reach.
    """
    starts = np.zeros(near.easting.size + 1, np.int64)
    views = np.empty((16, 3))
    clear = np.full(near.easting.size, np.inf)
    for point in range(near.easting.size):
        found = starts[point]
        for edge in range(edges.shape[0]):
            east, north = edges[edge, 2] - edges[edge, 0], edges[edge, 3] - edges[edge, 1]
            length = np.hypot(east, north)
            to_east, to_north = edges[edge, 0] - near.easting[point], edges[edge, 1] - near.northing[point]
            aside = (to_east * north - to_north * east) / length
            begins = (to_east * east + to_north * north) / length
            ends = begins + length
            beside = max(begins, -ends, 0.0)
            away = aside * aside + beside * beside
            if away < (near.reach_m * (1 + _ROUNDING)) ** 2:
                clear[point] = min(clear[point], away)
                if beside == 0.0 and np.abs(aside) <= _ROUNDING * length:
                    # On the border: rounding shall not put it outside.
                    aside = np.abs(aside)
                if found == views.shape[0]:
                    views = np.concatenate((views, views))
                views[found, 0] = aside
                views[found, 1] = np.arctan2(begins, np.abs(aside))
                views[found, 2] = np.arctan2(ends, np.abs(aside))
                found += 1
        starts[point + 1] = found
    return starts, views, clear


@compiled
def _outside(distance: float, first: int, last: int, views: Numbers) -> float:
    """One over the share of a circle that is in the window, from how its centre sees the edges ``first`` to ``last``."""
    angle = 0.0
    for view in range(first, last):
        aside = np.abs(views[view, 0])
        if aside < distance:
            half = np.arccos(aside / distance)
            seen = max(min(views[view, 2], half) - max(views[view, 1], -half), 0.0)
            angle += seen if views[view, 0] >= 0 else -seen
    return 1 / max(1 - angle / (2 * np.pi), _LEAST_INSIDE)


@compiled
def _weighted_pairs(easting: Numbers, northing: Numbers, reach_m: float, edges: Numbers, bands: _Bands) -> Numbers:
    """Ordered pairs up to each distance, each by one over the share of its circle that is in the window."""
    _, near = sort_into_squares(easting, northing, reach_m, False)
    starts, views, clear = _views(near, edges)
    weight = np.zeros(bands.ends.size)
    others, away = np.empty(easting.size + 1, np.int32), np.empty(easting.size + 1)
    for point in range(easting.size):
        for place in range(later_near(near, point, others, away)):
            both = 2.0
            for end in range(2):
                centre = point if end == 0 else int(others[place])
                if away[place] > clear[centre]:
                    both += _outside(np.sqrt(away[place]), starts[centre], starts[centre + 1], views) - 1
            weight[_band(away[place], bands)] += both
    return np.cumsum(weight)


@compiled
def _weighted_pairs_of_maps(
    first: int,
    last: int,
    seed: np.uint64,
    size: int,
    triangles: Numbers,
    keep: Numbers,
    other: Whole,
    reach_m: float,
    edges: Numbers,
    bands: _Bands,
) -> Numbers:
    """As `_weighted_pairs` for ``size`` points thrown evenly; one row a map."""
    found = np.empty((last - first, bands.ends.size))
    easting, northing = np.empty(size), np.empty(size)
    for replicate in range(first, last):
        state = begin(seed, replicate)
        for point in range(size):
            state += STEP
            place = chance(state) * keep.size
            state += STEP
            along = chance(state)
            state += STEP
            across = chance(state)
            triangle = int(place)
            if place - triangle >= keep[triangle]:
                triangle = other[triangle]
            if along + across > 1:
                along, across = 1 - along, 1 - across
            corner = triangles[triangle]
            easting[point] = corner[0] + along * (corner[2] - corner[0]) + across * (corner[4] - corner[0])
            northing[point] = corner[1] + along * (corner[3] - corner[1]) + across * (corner[5] - corner[1])
        found[replicate - first] = _weighted_pairs(easting, northing, reach_m, edges, bands)
    return found


@compiled
def _neighbours(near: Near, bands: _Bands) -> Whole:
    """Neighbours of each point in each band of distance."""
    size = near.easting.size
    found = np.zeros((size, bands.ends.size), np.int64)
    others, away = np.empty(size + 1, np.int32), np.empty(size + 1)
    for point in range(size):
        for place in range(later_near(near, point, others, away)):
            band = _band(away[place], bands)
            found[point, band] += 1
            found[others[place], band] += 1
    return found


@compiled
def _mixed_pairs(near: Near, bands: _Bands, kinds: npt.NDArray[np.uint8]) -> Whole:
    """Pairs of different kinds in each band of distance, for many deals side by side."""
    size = near.easting.size
    pairs = np.zeros((bands.ends.size, _SIDE_BY_SIDE), np.int64)
    others, away = np.empty(size + 1, np.int32), np.empty(size + 1)
    for point in range(size):
        for place in range(later_near(near, point, others, away)):
            band, other = _band(away[place], bands), others[place]
            for column in range(_SIDE_BY_SIDE):
                pairs[band, column] += kinds[point, column] ^ kinds[other, column]
    return pairs


@compiled
def _mixed_pairs_of_deals(
    first: int,
    last: int,
    seed: np.uint64,
    deck: npt.NDArray[np.uint8],
    runs: Whole,
    slot: Whole,
    near: Near,
    bands: _Bands,
) -> Whole:
    """As `_mixed_pairs` when kinds are dealt anew; one row a deal."""
    found = np.empty((last - first, bands.ends.size), np.int64)
    shuffled = np.empty((_SIDE_BY_SIDE, slot.size), np.uint8)
    kinds = np.empty((slot.size, _SIDE_BY_SIDE), np.uint8)
    for begun in range(first, last, _SIDE_BY_SIDE):
        deal_anew(seed, begun, deck, runs, slot, shuffled, kinds)
        pairs = _mixed_pairs(near, bands, kinds)
        for column in range(min(_SIDE_BY_SIDE, last - begun)):
            found[begun - first + column] = pairs[:, column]
    return found
