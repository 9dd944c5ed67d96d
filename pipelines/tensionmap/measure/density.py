"""Density of reports as a surface: descriptive, not tested. And the ratio of two, with a test over the map."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import fft

from tensionmap.compiled import compiled
from tensionmap.crs import metric
from tensionmap.errors import GeometryError, MeasureError
from tensionmap.measure import montecarlo
from tensionmap.measure.montecarlo import shuffle
from tensionmap.streams import begin

Numbers = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Truth = npt.NDArray[np.bool_]
Column: TypeAlias = pd.Series | npt.NDArray[np.generic]
Bounds = tuple[float, float, float, float]
Kernel = Literal["quartic", "gaussian"]
Method = Literal["exact", "binned"]

DENSITY = "density: descriptive, not tested"
LOG_RATIO = "log relative risk: descriptive, not tested"
P_POINT = "p of raised risk, pointwise: not map-wide"
P_MAP = "p of raised risk over the whole map"

QUARTIC_PER_GAUSSIAN = 8.0**0.5
"""Radius of the quartic kernel that has the standard deviation 1 along each axis."""

# Kernels in units of the bandwidth: how far they reach, the integral of their square, the least bandwidth in pixels that
# keeps the total, and the least one at which binning errs by 1 % of the highest value.
_REACH = {"quartic": 1.0, "gaussian": 8.6}
_SQUARE = {"quartic": 9 / (5 * np.pi), "gaussian": 1 / (4 * np.pi)}
_LEAST_PIXELS = {"quartic": 2.0, "gaussian": 1.0}
_BINNED_PIXELS = {"quartic": 10.0, "gaussian": 5.0}

_MOST_PIXELS = 100_000_000
_MOST_VISITS = 50_000_000
_ROUNDING = 1e-12
_TIE = 1e-9
_BIN_BITS = 13
_BIN_STEPS = 2.0**_BIN_BITS
_BIN_MASK = 2**_BIN_BITS - 1
_PARTS = 2
_TRIM = 5.0
_LEVELS = 1.25
_FEWEST_NEAR = 5.0
_DIGGLE_STEPS = 512
_DIGGLE_NEAR = 1000


@dataclass(frozen=True)
class Surface:
    """Numbers on square pixels, north up, and what they are."""

    values: Numbers
    """Rows from north to south, columns from west to east; at the centres of the pixels. NaN: not covered, or unknown."""
    west_m: float
    north_m: float
    """The north-western corner of the first pixel, metres."""
    pixel_m: float
    crs: str | None
    what: str
    """What the numbers are, and whether anything was tested."""
    unit: str
    method: str
    """How they were computed; automatic choices are named."""
    left_out: int = 0
    """Reports outside the covered area, which were not used."""


@dataclass(frozen=True)
class RelativeRisk:
    """How much more frequent cases are than controls, place by place, and how surprising that is."""

    log_ratio: Surface
    p_point: Surface
    p_map: Surface
    cases: int
    controls: int


def density(
    easting: Column,
    northing: Column,
    *,
    bounds_m: Bounds,
    pixel_m: float,
    bandwidth_m: float,
    kernel: Kernel = "quartic",
    adaptive: bool = False,
    edge: bool = True,
    covered: Truth | None = None,
    weights: Column | None = None,
    method: Method | None = None,
    crs: str | None = None,
) -> Surface:
    """Reports per square kilometre, smoothed by a kernel: descriptive, not tested.

    Parameters
    ----------
    easting, northing
        Places in metres, projected CRS; one number a report.
    bounds_m
        West, south, east, north of the surface in metres; whole pixels. Reports can come from within only.
    pixel_m
        Side of a pixel in metres.
    bandwidth_m
        Quartic: the radius at which the kernel ends. Gaussian: its standard deviation. At least 2 pixels, or 1 pixel.
        See `bandwidths_m`.
    kernel
        Quartic (biweight) or Gaussian.
    adaptive
        True: narrower where reports are dense, wider where they are sparse (see Notes); ``bandwidth_m`` is the geometric mean.
    edge
        True: divide by the part of the kernel that lies in the covered area, so that its border is no rim of low density.
    covered
        Pixels from which reports can have come, (rows, columns) with north up. None: all. Others become NaN, and reports in
        them are left out and counted.
    weights
        What each report counts, not negative. None: 1.
    method
        Exact: every kernel at every pixel. Binned: reports are first shared out between the four nearest pixel centres, then
        smoothed by FFT. None: exact if that is quick or the bandwidth less than 10 pixels (Gaussian: 5), else binned.
    crs
        Name of the projected CRS, for example 'EPSG:32642'; needed only to write the surface to a file.

    Returns
    -------
    Surface
        Reports per km2 at the pixel centres, 0 or more; 0 everywhere if there is no report. The order of the rows does not
        matter.

    Raises
    ------
    MeasureError
        If columns differ in length, numbers are missing or infinite, weights negative, the bandwidth too small for the
        pixels, or all reports lie outside.
    GeometryError
        If the bounds are not whole pixels, ``covered`` has another shape, or the CRS is not in metres.

    Notes
    -----
    With h the bandwidth and d the distance, a report adds 3 / (pi h^2) (1 - d^2 / h^2)^2 up to d = h (quartic), or
    exp(-d^2 / 2 h^2) / (2 pi h^2), cut at 8.6 h where it is less than the rounding (Gaussian). Without edge correction the
    total over an area that holds all kernels is the number of reports. With it (Diggle 1985) an even density stays even up
    to the border of the covered area, while the total is kept only on average.

    *Adaptive* (Abramson 1982): the bandwidth of a report is ``bandwidth_m`` times (f / g)^(-1/2), where f is the density of
    the fixed bandwidth at its pixel and g the geometric mean of f over the reports. It is cut to 5 times the median of
    all, and to no less than the least that the pixels carry. Always exact. Edge correction: the part of the kernel with
    the bandwidth that belongs to the density of the pixel, from levels of bandwidth 25 % apart.

    *Error of binning,* in parts of the highest value: at most (pixel_m / bandwidth_m)^2 for the quartic kernel and
    0.25 (pixel_m / bandwidth_m)^2 for the Gaussian; that is for one report in its worst place, for many it is less.

    *What it does not show.* A peak is no hot spot: smoothed noise has peaks too, and where people live there is more to
    report. The picture depends on the bandwidth more than on anything else: show several.

    References
    ----------
    Silverman, B. W. (1986). Density estimation for statistics and data analysis. Chapman and Hall.
    https://doi.org/10.1201/9781315140919

    Diggle, P. J. (1985). A kernel method for smoothing point process data. Applied Statistics 34.
    https://doi.org/10.2307/2347366

    Abramson, I. S. (1982). On bandwidth variation in kernel estimates: a square root law. Annals of Statistics 10.
    https://doi.org/10.1214/aos/1176345986

    Wand, M. P. (1994). Fast computation of multivariate kernel estimators. Journal of Computational and Graphical
    Statistics 3. https://doi.org/10.1080/10618600.1994.10474656

    Examples
    --------
    >>> found = density([500.0], [500.0], bounds_m=(0, 0, 1000, 1000), pixel_m=100, bandwidth_m=300, edge=False)
    >>> found.values.shape, round(float(found.values.sum() * 0.01), 2)
    ((10, 10), 1.0)
    """
    grid = _Grid.of(bounds_m, pixel_m, covered, crs)
    radius = _bandwidth_in_pixels(bandwidth_m, pixel_m, kernel)
    reports = grid.place(*_reports(easting, northing, weights))
    if method not in (None, "exact", "binned"):
        raise MeasureError(f"There is no method {method!r}. Use 'exact' or 'binned', or leave it out.")
    if adaptive and method == "binned":
        raise MeasureError("An adaptive bandwidth cannot be binned: every report has its own kernel. Leave method out.")
    chosen = method or ("exact" if adaptive else _method_for(reports, radius, kernel))
    # Sums of whole numbers of bin steps are exact in any order; all others need one order.
    if chosen == "exact" or weights is not None:
        reports = reports.in_order()

    radii = np.full(reports.weight.size, radius)
    said = f"{chosen}, {kernel}, {'adaptive' if adaptive else 'fixed'}, bandwidth {bandwidth_m:g} m"
    if adaptive:
        pilot = _smoothed(reports, radii, grid, kernel, _method_for(reports, radius, kernel))
        radii, radius_at = _abramson(_divided(pilot, _mass(grid, radius, kernel)) if edge else pilot, reports, radius, kernel)
    values = _smoothed(reports, radii, grid, kernel, chosen)
    if edge:
        values = _divided(values, _mass_of_levels(grid, radius_at, kernel) if adaptive else _mass(grid, radius, kernel))
        said += ", divided by the kernel inside the covered area"
    if grid.covered is not None:
        values[~grid.covered] = np.nan
    values *= 1e6 / pixel_m**2
    return grid.surface(values, what=DENSITY, unit="per_km2", method=said, left_out=reports.left_out)


def bandwidths_m(easting: Column, northing: Column, *, bounds_m: Bounds, precision_m: float = 0.0) -> pd.DataFrame:
    """Three bandwidths by three rules, to be shown side by side, for either kernel.

    Parameters
    ----------
    easting, northing
        Places in metres, projected CRS; one number a report, at least 2 reports.
    bounds_m
        West, south, east, north of the area from which reports can come, in metres.
    precision_m
        How precisely places are known, as a standard deviation along each axis: no bandwidth is less.

    Returns
    -------
    DataFrame
        Index ``rule``: scott, nrd, diggle. Columns ``gaussian_m`` (standard deviation) and ``quartic_m`` (radius with the
        same standard deviation, sqrt(8) times as long), both for `density`; ``is_floor``: the rule asked for less than
        ``precision_m``. NaN where a rule has no answer.

    Raises
    ------
    MeasureError
        As `density`; also if there are fewer than 2 reports or a report lies outside ``bounds_m``.

    Notes
    -----
    - scott: n^(-1/6) times the geometric mean of the standard deviations along both axes. Best if places are normal; too wide
      for clusters.
    - nrd: 1.06 n^(-1/5) times the smaller of the standard deviation and the interquartile range / 1.34; the mean of both axes.
    - diggle: the bandwidth of least mean square error for a Cox process (Berman and Diggle 1989), K with translation
      correction. Made for clusters; often narrow.

    None of them knows what the map is for. Where they differ by much, the data do not settle the question.

    References
    ----------
    Scott, D. W. (1992). Multivariate density estimation. Wiley. https://doi.org/10.1002/9780470316849

    Berman, M. and Diggle, P. (1989). Estimating weighted integrals of the second-order intensity of a spatial point
    process. Journal of the Royal Statistical Society B 51. https://doi.org/10.1111/j.2517-6161.1989.tb01750.x
    """
    if not 0 <= precision_m < np.inf:
        raise MeasureError(f"precision_m is {precision_m:g}, but it must be a number of metres, 0 or more.")
    west, south, east, north = _checked_bounds(bounds_m)
    places = np.stack(_reports(easting, northing, None)[:2])
    places = places[:, np.lexsort(places)]
    if places.shape[1] < 2:
        raise MeasureError(f"A bandwidth needs at least 2 reports, but there are {places.shape[1]}.")
    if ((places < [[west], [south]]) | (places > [[east], [north]])).any():
        raise MeasureError("Some reports lie outside bounds_m. Widen the bounds, or leave those reports out.")
    reports = places.shape[1]
    spread = places.std(axis=1, ddof=1)
    quarter, three = np.quantile(places, [0.25, 0.75], axis=1)
    rules = {
        "scott": float(np.sqrt(spread[0] * spread[1])) * reports ** (-1 / 6),
        "nrd": 1.06 * float(np.minimum(spread, (three - quarter) / 1.34).mean()) * reports ** (-1 / 5),
        "diggle": _diggle(places[0] - west, places[1] - south, east - west, north - south),
    }
    asked = pd.Series(rules).rename_axis("rule")
    asked[asked == 0] = np.nan
    return pd.DataFrame(
        {
            "gaussian_m": asked.clip(lower=precision_m),
            "quartic_m": asked.clip(lower=precision_m) * QUARTIC_PER_GAUSSIAN,
            "is_floor": asked < precision_m,
        }
    )


def relative_risk(
    easting: Column,
    northing: Column,
    is_case: Column,
    *,
    bounds_m: Bounds,
    pixel_m: float,
    bandwidth_m: float,
    kernel: Kernel = "quartic",
    covered: Truth | None = None,
    replicates: int = 199,
    seed: int,
    crs: str | None = None,
) -> RelativeRisk:
    """Where cases are more frequent among all reports than elsewhere: ratio of two densities, p pointwise and over the map.

    Parameters
    ----------
    easting, northing
        Places in metres, projected CRS; one number a report.
    is_case
        True for cases, false for controls: reports of one kind against the others, or of one side against the other.
    bounds_m, pixel_m, bandwidth_m, kernel, covered, crs
        As in `density`; one fixed bandwidth for both.
    replicates
        Random labellings to compare with.
    seed
        Seed of all chance. The same seed gives the same bytes on any number of threads.

    Returns
    -------
    RelativeRisk
        - ``log_ratio``: log of the density of cases over that of controls, each with total 1; descriptive. Minus infinity where
          no case is near, infinity where no control is.
        - ``p_point``: share of labellings (and this one) with as many cases here. Its contour at 0.05 is the usual tolerance
          contour. *Pointwise, not map-wide:* of maps with labels at random most have such a place somewhere.
        - ``p_map``: the same for the greatest excess anywhere on the map. Of maps with labels at random, at most 5 % have any
          place with ``p_map`` <= 0.05. Only this one may be called a finding.

        NaN where there is too little to tell: fewer than 5 reports of both kinds together under the kernel.

    Raises
    ------
    GeometryError, MeasureError
        As `density`; also if there are no cases or no controls, or too few replicates.

    Notes
    -----
    The null: the places of all reports are as they are, and which of them are cases is chance. So it does not matter how
    unevenly people live or report, as long as cases and controls share it. With C the smoothed cases, P all reports
    smoothed, q the share of cases and R the integral of the squared kernel, the excess is
    (C - q P) / sqrt(q (1 - q) R P), about standard normal under the null; P / R is the number of reports under the kernel.
    For one place p is the same for the excess, for C and for the ratio, since P is fixed. The edge correction cancels in
    the ratio. Reports are taken as independent: one event told twice counts twice. The bandwidth must be chosen before: who
    tries several and keeps the best finds more than 5 %.

    *What it does not show.* Only raised risk is tested; exchange cases and controls for the other side. Nothing is said
    about why.

    References
    ----------
    Kelsall, J. E. and Diggle, P. J. (1995). Non-parametric estimation of spatial variation in relative risk. Statistics in
    Medicine 14. https://doi.org/10.1002/sim.4780142106

    Davies, T. M. and Hazelton, M. L. (2010). Adaptive kernel estimation of spatial relative risk. Statistics in Medicine
    29. https://doi.org/10.1002/sim.3995
    """
    montecarlo.check_chance(replicates=replicates, alpha=0.05, seed=seed)
    grid = _Grid.of(bounds_m, pixel_m, covered, crs)
    radius = _bandwidth_in_pixels(bandwidth_m, pixel_m, kernel)
    reports = grid.place(*_reports(easting, northing, _as_truth(is_case), name="is_case")).in_order()
    total, cases = reports.weight.size, int(reports.weight.sum())
    if cases in (0, total):
        raise MeasureError(f"Of {total} reports inside, {cases} are cases. A ratio needs both cases and controls.")
    smooth = _Smoother.of(grid, radius, kernel, _method_for(reports, radius, kernel))

    pooled = smooth(reports.with_weights(np.ones(total)))
    known = pooled * radius**2 / _SQUARE[kernel] >= _FEWEST_NEAR
    if grid.covered is not None:
        known &= grid.covered
    share = cases / total
    deviation = np.sqrt(share * (1 - share) * _SQUARE[kernel] / radius**2 * pooled[known])
    expected, tie = share * pooled[known], _TIE * float(pooled.max())
    observed = smooth(reports)[known]

    def task(first: int, last: int) -> tuple[Whole, Numbers]:
        as_many, greatest = np.zeros(observed.size, np.int64), np.full(last - first, -np.inf)
        runs = np.array([0, total])
        for replicate in range(first, last):
            labels = reports.weight.astype(np.int64)
            shuffle(np.uint64(begin(np.uint64(seed), replicate)), labels, runs)
            drawn = smooth(reports.with_weights(labels.astype(np.float64)))[known]
            as_many += drawn >= observed - tie
            greatest[replicate - first] = ((drawn - expected) / deviation).max(initial=-np.inf)
        return as_many, greatest

    found = montecarlo.share_out(task, replicates)
    as_many = np.sum([part[0] for part in found], axis=0)
    greatest = np.concatenate([part[1] for part in found])
    p_point, p_map, ratio = np.full((3, *pooled.shape), np.nan)
    p_point[known] = (1 + as_many) / (1 + replicates)
    p_map[known] = montecarlo.p_value((observed - expected) / deviation - _TIE, greatest, replicates=replicates)
    others = np.maximum(pooled[known] - observed, 0.0)
    with np.errstate(divide="ignore"):
        ratio[known] = np.log(np.where(observed > tie, observed, 0) / cases) - np.log(
            np.where(others > tie, others, 0) / (total - cases)
        )

    def surface(values: Numbers, what: str, unit: str) -> Surface:
        said = f"{smooth.method}, {kernel}, fixed, bandwidth {bandwidth_m:g} m, {replicates} labellings, seed {seed}"
        return grid.surface(values, what=what, unit=unit, method=said, left_out=reports.left_out)

    return RelativeRisk(
        log_ratio=surface(ratio, LOG_RATIO, "log"),
        p_point=surface(p_point, P_POINT, "share"),
        p_map=surface(p_map, P_MAP, "share"),
        cases=cases,
        controls=total - cases,
    )


def write_geotiff(surface: Surface, path: str | Path) -> None:
    """Write a surface to a GeoTIFF that says what it is; same surface, same bytes.

    Parameters
    ----------
    surface
        From `density` or `relative_risk`, with a CRS.
    path
        File to write; an older one is replaced.

    Raises
    ------
    GeometryError
        If the surface has no CRS.
    MeasureError
        If the file cannot be written.

    Notes
    -----
    Numbers of 64 bits, deflated, NaN for no data. ``what`` is the description of the file and of its band, so that a viewer
    shows "descriptive, not tested" beside the colours; ``unit``, ``method`` and ``left_out`` are tags. No time is written.
    """
    import rasterio
    from rasterio.errors import RasterioError
    from rasterio.transform import Affine

    if surface.crs is None:
        raise GeometryError("The surface does not say its coordinate reference system. Give crs when making it.")
    rows, columns = surface.values.shape
    try:
        with rasterio.open(
            path,
            "w",
            driver="GTiff",
            width=columns,
            height=rows,
            count=1,
            dtype="float64",
            crs=metric(surface.crs),
            transform=Affine(surface.pixel_m, 0, surface.west_m, 0, -surface.pixel_m, surface.north_m),
            nodata=np.nan,
            compress="deflate",
        ) as file:
            file.write(surface.values, 1)
            file.set_band_description(1, surface.what)
            file.set_band_unit(1, surface.unit)
            file.update_tags(TIFFTAG_IMAGEDESCRIPTION=surface.what, METHOD=surface.method, LEFT_OUT=str(surface.left_out))
    except (RasterioError, OSError) as error:
        raise MeasureError(
            f"{path} cannot be written. Check that its folder exists and that no other program holds it."
        ) from error


@dataclass(frozen=True)
class _Reports:
    """Reports inside, in pixels from the north-western corner, and what each counts."""

    column: Numbers
    row: Numbers
    weight: Numbers
    left_out: int

    def in_order(self) -> _Reports:
        order = np.lexsort((self.weight, self.column, self.row))
        return _Reports(self.column[order], self.row[order], self.weight[order], self.left_out)

    def with_weights(self, weight: Numbers) -> _Reports:
        return _Reports(self.column, self.row, weight, self.left_out)


@dataclass(frozen=True)
class _Grid:
    """Square pixels, north up."""

    west: float
    north: float
    pixel_m: float
    rows: int
    columns: int
    covered: Truth | None
    crs: str | None

    @classmethod
    def of(cls, bounds_m: Bounds, pixel_m: float, covered: Truth | None, crs: str | None) -> _Grid:
        if crs is not None:
            metric(crs)
        if not 0 < pixel_m < np.inf:
            raise GeometryError(f"pixel_m is {pixel_m:g}, but a pixel needs a positive number of metres.")
        west, south, east, north = _checked_bounds(bounds_m)
        columns, rows = round((east - west) / pixel_m), round((north - south) / pixel_m)
        if max(abs(columns * pixel_m - (east - west)), abs(rows * pixel_m - (north - south))) > 1e-6 * pixel_m or 0 in (
            rows,
            columns,
        ):
            raise GeometryError(
                f"The bounds are {east - west:g} m by {north - south:g} m, not a whole number of pixels of {pixel_m:g} m. "
                f"With south-west {west:g}, {south:g} the north-east can be "
                f"{west + max(columns, 1) * pixel_m:g}, {south + max(rows, 1) * pixel_m:g}."
            )
        if rows * columns > _MOST_PIXELS:
            raise GeometryError(f"{rows} rows of {columns} pixels are more than {_MOST_PIXELS:,}. Use larger pixels.")
        if covered is not None:
            covered = np.asarray(covered)
            if covered.shape != (rows, columns) or covered.dtype != np.bool_ or not covered.any():
                raise GeometryError(
                    f"covered has the shape {covered.shape} and holds {covered.dtype}, but must say true or false for "
                    f"{rows} rows of {columns} pixels, true for at least one."
                )
        return cls(west, north, pixel_m, rows, columns, covered, crs)

    def place(self, easting: Numbers, northing: Numbers, weight: Numbers) -> _Reports:
        column, row = (easting - self.west) / self.pixel_m, (self.north - northing) / self.pixel_m
        if self.covered is None and _within(column, self.columns) and _within(row, self.rows):
            return _Reports(column, row, weight, 0)
        inside = (column >= 0) & (column <= self.columns) & (row >= 0) & (row <= self.rows)
        if self.covered is not None:
            inside[inside] = self.at(self.covered, column[inside], row[inside])
        count = int(np.count_nonzero(inside))
        if count == 0 and inside.size:
            raise MeasureError(
                f"None of the {inside.size} reports lies in the covered area. Check that bounds_m, in the order west, south, "
                "east, north, and the reports are in the same CRS."
            )
        if count < inside.size:
            column, row, weight = column[inside], row[inside], weight[inside]
        return _Reports(column, row, weight, inside.size - count)

    def at(self, values: npt.NDArray[np.generic], column: Numbers, row: Numbers) -> npt.NDArray[np.generic]:
        """``values`` of the pixels that hold these places; the last column and row own their outer border."""
        return values[np.minimum(row.astype(np.int64), self.rows - 1), np.minimum(column.astype(np.int64), self.columns - 1)]

    def surface(self, values: Numbers, *, what: str, unit: str, method: str, left_out: int) -> Surface:
        return Surface(values, self.west, self.north, self.pixel_m, self.crs, what, unit, method, left_out)


def _within(places: Numbers, most: int) -> bool:
    return bool(places.size == 0 or (places.min() >= 0 and places.max() <= most))


@dataclass(frozen=True)
class _Smoother:
    """One kernel of one bandwidth on one grid, used many times; per pixel, without edge correction."""

    grid: _Grid
    radius: float
    kernel: Kernel
    method: Method
    transform: Numbers

    @classmethod
    def of(cls, grid: _Grid, radius: float, kernel: Kernel, method: Method) -> _Smoother:
        return cls(grid, radius, kernel, method, _transform(grid, radius, kernel) if method == "binned" else np.empty((0, 0)))

    def __call__(self, reports: _Reports) -> Numbers:
        if self.method == "exact":
            radii = np.full(reports.weight.size, self.radius)
            return _scattered(reports, radii, self.grid, self.kernel, 0, self.grid.rows)
        # Always the same parts, so that the number of threads does not change the order of the sums.
        bounds = [reports.weight.size * part // _PARTS for part in range(_PARTS + 1)]

        def task(first: int, last: int) -> list[Numbers]:
            return [self._binned(reports, slice(bounds[part], bounds[part + 1])) for part in range(first, last)]

        binned, *others = (part for parts in montecarlo.share_out(task, _PARTS) for part in parts)
        for other in others:
            binned += other
        return _convolved(binned, self.transform)[1 : self.grid.rows + 1, 1 : self.grid.columns + 1].copy()

    def _binned(self, reports: _Reports, part: slice) -> Numbers:
        # A ring of one more pixel, for reports beyond the centres of the outer ones.
        binned = np.zeros(_padded(self.grid, self.radius, self.kernel))
        _bin(reports.column[part], reports.row[part], reports.weight[part], binned)
        return binned


def _smoothed(reports: _Reports, radii: Numbers, grid: _Grid, kernel: Kernel, method: Method) -> Numbers:
    """Sum of the kernels of all reports at the pixel centres, per pixel; exact: rows are shared out between threads."""
    if reports.weight.size == 0:
        return np.zeros((grid.rows, grid.columns))
    if method == "binned":
        return _Smoother.of(grid, float(radii[0]), kernel, method)(reports)
    return np.vstack(montecarlo.share_out(lambda first, last: _scattered(reports, radii, grid, kernel, first, last), grid.rows))


def _scattered(reports: _Reports, radii: Numbers, grid: _Grid, kernel: Kernel, first: int, last: int) -> Numbers:
    scatter = _scatter_quartic if kernel == "quartic" else _scatter_gaussian
    band = np.zeros((last - first, grid.columns))
    scatter(reports.column, reports.row, reports.weight, radii, first, band)
    return band


def _method_for(reports: _Reports, radius: float, kernel: Kernel) -> Method:
    visits = reports.weight.size * np.pi * (radius * _REACH[kernel]) ** 2
    return "binned" if visits > _MOST_VISITS and radius >= _BINNED_PIXELS[kernel] else "exact"


def _padded(grid: _Grid, radius: float, kernel: Kernel) -> tuple[int, int]:
    """Rows and columns, even, on which a kernel that leaves one side does not come back on the other."""
    reach = int(np.ceil(radius * _REACH[kernel]))
    rows, columns = (side + 2 + min(reach, side + 1) for side in (grid.rows, grid.columns))
    return 2 * fft.next_fast_len(-(-rows // 2), real=True), 2 * fft.next_fast_len(-(-columns // 2), real=True)


def _transform(grid: _Grid, radius: float, kernel: Kernel) -> Numbers:
    """Fourier transform of the kernel at whole pixels; an even function, so that a quarter of it is enough."""
    rows, columns = _padded(grid, radius, kernel)
    square = (np.arange(rows // 2 + 1)[:, None] / radius) ** 2 + (np.arange(columns // 2 + 1) / radius) ** 2
    if kernel == "quartic":
        values = 3 / np.pi / radius**2 * np.maximum(1 - square, 0) ** 2
    else:
        values = np.exp(-square / 2) / (2 * np.pi * radius**2) * (square <= _REACH[kernel] ** 2)
    quarter: Numbers = fft.dctn(values, type=1)
    return np.concatenate([quarter, quarter[-2:0:-1]])


def _convolved(values: Numbers, transform: Numbers) -> Numbers:
    spectrum = fft.rfft2(values, workers=_PARTS)
    spectrum *= transform
    found: Numbers = fft.irfft2(spectrum, values.shape, overwrite_x=True, workers=_PARTS)
    # What rounding left where nothing is.
    found[found < _ROUNDING * found.max()] = 0.0
    return found


def _mass(grid: _Grid, radius: float, kernel: Kernel) -> Numbers:
    """Part of the kernel at every pixel that lies in the covered area; more than 0 in it."""
    inside = np.zeros(_padded(grid, radius, kernel))
    inside[1 : grid.rows + 1, 1 : grid.columns + 1] = 1.0 if grid.covered is None else grid.covered
    transform = _transform(grid, radius, kernel)
    return _convolved(inside, transform / transform[0, 0])[1 : grid.rows + 1, 1 : grid.columns + 1]


def _mass_of_levels(grid: _Grid, radius_at: Numbers, kernel: Kernel) -> Numbers:
    """The same with a bandwidth of its own at every pixel, from a few levels and straight lines between their logarithms."""
    low, high = float(radius_at.min()), float(radius_at.max())
    steps = max(1, int(np.ceil(np.log(high / low) / np.log(_LEVELS))))
    place = np.log(radius_at / low) / max(np.log(high / low), _ROUNDING) * steps
    mass = np.zeros(radius_at.shape)
    for step in range(steps + 1):
        part = np.maximum(1 - np.abs(place - step), 0.0)
        if part.any():
            mass += part * _mass(grid, low * (high / low) ** (step / steps), kernel)
    return mass


def _divided(values: Numbers, mass: Numbers) -> Numbers:
    return np.divide(values, mass, out=np.zeros_like(values), where=mass > 0)


def _abramson(pilot: Numbers, reports: _Reports, radius: float, kernel: Kernel) -> tuple[Numbers, Numbers]:
    """Bandwidth of every report and at every pixel, in pixels."""
    if reports.weight.size == 0:
        return np.empty(0), np.full(pilot.shape, radius)
    rows, columns = pilot.shape
    at_reports = pilot[
        np.minimum(reports.row.astype(np.int64), rows - 1), np.minimum(reports.column.astype(np.int64), columns - 1)
    ]
    counted = reports.weight > 0
    mean = np.exp(np.log(at_reports[counted]).mean()) if counted.any() else 1.0
    with np.errstate(divide="ignore"):
        radii, radius_at = (radius * np.sqrt(mean / values) for values in (np.where(counted, at_reports, mean), pilot))
    most = _TRIM * float(np.median(radii))
    least = _LEAST_PIXELS[kernel]
    return np.clip(radii, least, max(most, least)), np.clip(radius_at, least, max(most, least))


@compiled
def _scatter_quartic(column: Numbers, row: Numbers, weight: Numbers, radii: Numbers, first: int, band: Numbers) -> None:
    """Add the kernels of all reports to the rows ``first``, first + 1, ... of the grid."""
    for one in range(column.size):
        radius = radii[one]
        if weight[one] == 0.0:
            continue
        # Compared as floats, since a very wide kernel ends beyond any whole number.
        height = weight[one] * 3.0 / (np.pi * radius * radius)
        scale = 1.0 / (radius * radius)
        top = int(max(np.ceil(row[one] - radius - 0.5), first))
        bottom = int(min(np.floor(row[one] + radius - 0.5), first + band.shape[0] - 1))
        for line in range(top, bottom + 1):
            down = line + 0.5 - row[one]
            rest = 1.0 - down * down * scale
            half = radius * np.sqrt(max(rest, 0.0))
            left = int(max(np.ceil(column[one] - half - 0.5), 0))
            right = int(min(np.floor(column[one] + half - 0.5), band.shape[1] - 1))
            # Counted from 0 on a part of the row, so that the loop becomes vector code.
            stretch = band[line - first, left : max(right + 1, left)]
            west = left + 0.5 - column[one]
            for place in range(stretch.size):
                across = west + place
                part = rest - across * across * scale
                stretch[place] += height * part * part


@compiled
def _scatter_gaussian(column: Numbers, row: Numbers, weight: Numbers, radii: Numbers, first: int, band: Numbers) -> None:
    """Add the kernels of all reports to the rows ``first``, first + 1, ... of the grid."""
    across = np.empty(band.shape[1])
    for one in range(column.size):
        radius = radii[one]
        reach = 8.6 * radius
        top = int(max(np.ceil(row[one] - reach - 0.5), first))
        bottom = int(min(np.floor(row[one] + reach - 0.5), first + band.shape[0] - 1))
        if weight[one] == 0.0 or bottom < top:
            continue
        left = int(max(np.ceil(column[one] - reach - 0.5), 0))
        right = int(min(np.floor(column[one] + reach - 0.5), band.shape[1] - 1))
        for place in range(left, right + 1):
            across[place] = np.exp(-0.5 * ((place + 0.5 - column[one]) / radius) ** 2)
        for line in range(top, bottom + 1):
            height = weight[one] / (2 * np.pi * radius * radius) * np.exp(-0.5 * ((line + 0.5 - row[one]) / radius) ** 2)
            stretch, share = band[line - first, left : max(right + 1, left)], across[left : max(right + 1, left)]
            for place in range(stretch.size):
                stretch[place] += height * share[place]


@compiled
def _bin(column: Numbers, row: Numbers, weight: Numbers, binned: Numbers) -> None:
    """Share every report out between the four nearest centres; the centre of pixel (0, 0) is ``binned[1, 1]``."""
    next_one = np.uint64(1)
    for one in range(column.size):
        across, down = int((column[one] + 0.5) * _BIN_STEPS + 0.5), int((row[one] + 0.5) * _BIN_STEPS + 0.5)
        # Unsigned, so that no index is looked at for being negative.
        place, line = np.uint64(across >> _BIN_BITS), np.uint64(down >> _BIN_BITS)
        right, low = (across & _BIN_MASK) / _BIN_STEPS, (down & _BIN_MASK) / _BIN_STEPS
        upper, lower = weight[one] * (1 - low), weight[one] * low
        binned[line, place] += upper * (1 - right)
        binned[line, place + next_one] += upper * right
        binned[line + next_one, place] += lower * (1 - right)
        binned[line + next_one, place + next_one] += lower * right


def _diggle(across: Numbers, up: Numbers, width: float, height: float) -> float:
    """Bandwidth of least mean square error by the rule of Diggle, half the radius of the disc that it is made for."""
    reports, area = across.size, width * height
    reach = min(min(width, height) / 4, float(np.sqrt(_DIGGLE_NEAR * area / (np.pi * reports))))
    radius = np.linspace(0, reach, _DIGGLE_STEPS)
    rise = _pairs(across, up, width, height, radius[1]) * area**2 / (reports * (reports - 1))
    risen = np.concatenate([[0.0], np.cumsum(rise)])

    tried = radius[1 : (_DIGGLE_STEPS + 1) // 2]
    middle = (radius[1:] + radius[:-1]) / 2
    near = np.minimum(middle / (2 * tried[:, None]), 1.0)
    overlap = 2 * tried[:, None] ** 2 * (np.arccos(near) - near * np.sqrt(1 - near**2))
    disc = np.pi * tried**2
    error = (area / reports - 2 * risen[1 : tried.size + 1]) / disc + overlap @ rise / disc**2
    return float(tried[error.argmin()] / 2)


@compiled
def _pairs(across: Numbers, up: Numbers, width: float, height: float, step: float) -> Numbers:
    """Pairs, both ways, by distance in steps, each over the area in which it could have been seen; ``up`` rises."""
    found = np.zeros(_DIGGLE_STEPS - 1)
    reach = step * found.size
    for one in range(up.size):
        other = one + 1
        while other < up.size and up[other] - up[one] <= reach:
            right, away = abs(across[other] - across[one]), up[other] - up[one]
            distance = np.sqrt(right * right + away * away)
            if distance < reach:
                found[int(distance / step)] += 2.0 / ((width - right) * (height - away))
            other += 1
    return found


def _checked_bounds(bounds_m: Bounds) -> Bounds:
    west, south, east, north = (float(side) for side in bounds_m)
    if not np.isfinite([west, south, east, north]).all() or west >= east or south >= north:
        raise GeometryError(
            f"The bounds are {west:g}, {south:g}, {east:g}, {north:g}, but must be west, south, east, north in metres, "
            "west less than east and south less than north."
        )
    return west, south, east, north


def _bandwidth_in_pixels(bandwidth_m: float, pixel_m: float, kernel: Kernel) -> float:
    if kernel not in _REACH:
        raise MeasureError(f"There is no kernel {kernel!r}. Use 'quartic' or 'gaussian'.")
    least = _LEAST_PIXELS[kernel]
    if not least * pixel_m * (1 - _ROUNDING) <= bandwidth_m < np.inf:
        raise MeasureError(
            f"bandwidth_m is {bandwidth_m:g} with pixels of {pixel_m:g} m, but a {kernel} kernel needs at least {least:g} "
            "pixels, or reports would fall between their centres. Use a wider bandwidth or smaller pixels."
        )
    return bandwidth_m / pixel_m


def _reports(
    easting: Column, northing: Column, weights: Column | None, *, name: str = "weights"
) -> tuple[Numbers, Numbers, Numbers]:
    columns = {"easting": easting, "northing": northing} | ({} if weights is None else {name: weights})
    if len({len(column) for column in columns.values()}) > 1:
        said = ", ".join(f"{name} {len(column)}" for name, column in columns.items())
        raise MeasureError(f"The columns differ in length: {said}. Give one number of each for every report.")
    series = [column for column in columns.values() if isinstance(column, pd.Series)]
    if any(not column.index.equals(series[0].index) for column in series[1:]):
        raise MeasureError("The columns have different indexes. Take them from one table, or give plain arrays.")
    found = [_numbers(column, name) for name, column in columns.items()]
    if weights is None:
        return found[0], found[1], np.ones(found[0].size)
    if (found[2] < 0).any():
        raise MeasureError("Some weights are negative, but no report counts less than nothing.")
    return found[0], found[1], found[2]


def _numbers(column: Column, name: str) -> Numbers:
    try:
        numbers: Numbers = pd.Series(column).to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise MeasureError(f"{name} holds something that is no number. Read the column as numbers.") from error
    bad = np.flatnonzero(~np.isfinite(numbers))
    if bad.size:
        raise MeasureError(
            f"{name} is missing or infinite in {bad.size} of {numbers.size} rows, first in row {bad[0]}, counted from 0. "
            "Leave those reports out and say so."
        )
    return numbers


def _as_truth(is_case: Column) -> Column:
    kind = pd.Series(is_case).dtype
    if kind != np.bool_:
        raise MeasureError(f"is_case holds {kind}, but must say true or false for every report.")
    return is_case
