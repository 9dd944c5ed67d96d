"""Density: what is refused, the formula pixel by pixel, edges, bandwidths, peers, files; relative risk and its error rate."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import ndtr

from tensionmap import streams
from tensionmap.errors import GeometryError, MeasureError
from tensionmap.measure import montecarlo
from tensionmap.measure.density import bandwidths_m, density, relative_risk, write_geotiff

REAL = os.environ.get("TENSIONMAP_REAL_DATA")
KNOWN = [Path(REAL) / "known_answer"] if REAL else []
WEST, SOUTH = 500_000.0, 4_400_000.0
BOUNDS = (WEST, SOUTH, WEST + 12_000, SOUTH + 9_000)
SETTINGS: dict[str, Any] = {"bounds_m": BOUNDS, "pixel_m": 100.0, "bandwidth_m": 1500.0}


def places(reports: int, seed: int, *, margin: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    draws = np.random.default_rng(seed)
    west, south, east, north = BOUNDS
    easting = draws.uniform(west + margin, east - margin, reports)
    northing = draws.uniform(south + margin, north - margin, reports)
    return np.where(np.arange(reports) % 3 == 0, WEST + 3000 + (easting - WEST) / 8, easting), northing


def centres(rows: int = 90, columns: int = 120, pixel_m: float = 100.0) -> tuple[np.ndarray, np.ndarray]:
    return WEST + (np.arange(columns) + 0.5) * pixel_m, (SOUTH + rows * pixel_m - (np.arange(rows) + 0.5) * pixel_m)[:, None]


def by_formula(easting: np.ndarray, northing: np.ndarray, bandwidths: Any, kernel: str, weights: Any = 1.0) -> np.ndarray:
    """Reports per km2 at the pixel centres, one report after the other."""
    east, north = centres()
    total = np.zeros((90, 120))
    for e, n, h, w in zip(*np.broadcast_arrays(easting, northing, bandwidths, weights), strict=True):
        square = ((east - e) ** 2 + (north - n) ** 2) / h**2
        if kernel == "quartic":
            total += w * 3 / (np.pi * h**2) * np.where(square < 1, 1 - square, 0) ** 2
        else:
            total += w * np.exp(-square / 2) / (2 * np.pi * h**2)
    return total * 1e6


def left_half() -> np.ndarray:
    return np.broadcast_to(np.arange(120) < 60, (90, 120)).copy()


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ("pixel_m is 0", {"pixel_m": 0}),
        ("pixel_m is nan", {"pixel_m": float("nan")}),
        ("must be west, south, east, north", {"bounds_m": (BOUNDS[2], BOUNDS[1], BOUNDS[0], BOUNDS[3])}),
        ("must be west, south, east, north", {"bounds_m": (float("nan"), *BOUNDS[1:])}),
        ("not a whole number of pixels of 700 m", {"pixel_m": 700.0}),
        ("not a whole number of pixels of 50000 m", {"pixel_m": 50_000.0, "bandwidth_m": 1e6}),
        ("more than 100,000,000", {"pixel_m": 0.5}),
        (r"covered has the shape \(3, 3\)", {"covered": np.ones((3, 3), bool)}),
        ("covered has .* holds int64", {"covered": np.ones((90, 120), np.int64)}),
        ("true for at least one", {"covered": np.zeros((90, 120), bool)}),
        ("not a projected CRS", {"crs": "EPSG:4326"}),
    ],
)
def test_impossible_grids_are_refused(words: str, options: dict[str, Any]) -> None:
    with pytest.raises(GeometryError, match=words):
        density(*places(5, 1), **(SETTINGS | options))


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ("quartic kernel needs at least 2 pixels", {"bandwidth_m": 199}),
        ("gaussian kernel needs at least 1 pixels", {"bandwidth_m": 99, "kernel": "gaussian"}),
        ("bandwidth_m is nan", {"bandwidth_m": float("nan")}),
        ("bandwidth_m is inf", {"bandwidth_m": float("inf")}),
        ("no kernel 'triangular'", {"kernel": "triangular"}),
        ("no method 'fft'", {"method": "fft"}),
        ("weights is missing or infinite", {"weights": [1, 1, 1, 1, float("nan")]}),
        ("weights are negative", {"weights": [1, 1, 1, 1, -1]}),
        ("easting 5, northing 5, weights 4", {"weights": [1, 1, 1, 1]}),
        ("cannot be binned", {"adaptive": True, "method": "binned"}),
    ],
)
def test_impossible_settings_are_refused(words: str, options: dict[str, Any]) -> None:
    with pytest.raises(MeasureError, match=words):
        density(*places(5, 1), **(SETTINGS | options))


def test_impossible_places_are_refused() -> None:
    easting, northing = places(5, 1)
    with pytest.raises(MeasureError, match="easting 4, northing 5"):
        density(easting[1:], northing, **SETTINGS)
    with pytest.raises(MeasureError, match="different indexes"):
        density(pd.Series(easting), pd.Series(northing, index=range(1, 6)), **SETTINGS)
    with pytest.raises(MeasureError, match="northing is missing or infinite in 1 of 5 rows, first in row 2"):
        density(easting, np.where(np.arange(5) == 2, np.nan, northing), **SETTINGS)
    with pytest.raises(MeasureError, match="easting holds something that is no number"):
        density(["a", "b", "c", "d", "e"], northing, **SETTINGS)
    with pytest.raises(MeasureError, match="None of the 5 reports lies in the covered area"):
        density(northing, easting, **SETTINGS)


def test_no_report_is_a_density_of_zero() -> None:
    for options in ({}, {"adaptive": True}, {"kernel": "gaussian"}, {"method": "binned"}, {"method": "exact"}):
        found = density([], [], **(SETTINGS | options))
        assert found.values.shape == (90, 120)
        assert (found.values == 0).all()


def test_the_surface_says_what_it_is() -> None:
    found = density(*places(5, 1), **SETTINGS, crs="EPSG:32642")
    assert (found.west_m, found.north_m, found.pixel_m, found.crs) == (WEST, SOUTH + 9000, 100, "EPSG:32642")
    assert (found.what, found.unit, found.left_out) == ("density: descriptive, not tested", "per_km2", 0)
    assert found.method == "exact, quartic, fixed, bandwidth 1500 m, divided by the kernel inside the covered area"


def test_one_report_by_hand() -> None:
    # On a pixel centre, two kernels of 3 km and 1 km: 3 / (pi 9) and 1 / (2 pi) reports per km2.
    place = {"easting": [WEST + 6050], "northing": [SOUTH + 4550]}
    quartic = density(**place, **(SETTINGS | {"bandwidth_m": 3000}), edge=False).values
    assert quartic[44, 60] == quartic.max() == pytest.approx(3 / (np.pi * 9))
    assert quartic[44, 75] == pytest.approx(3 / (np.pi * 9) * 0.75**2)
    assert quartic[44, 89] > quartic[44, 90] == 0
    gaussian = density(**place, **(SETTINGS | {"bandwidth_m": 1000}), kernel="gaussian", edge=False).values
    assert gaussian[44, 60] == gaussian.max() == pytest.approx(1 / (2 * np.pi))
    assert gaussian[54, 60] == pytest.approx(np.exp(-0.5) / (2 * np.pi))


@pytest.mark.parametrize("kernel", ["quartic", "gaussian"])
@pytest.mark.parametrize("method", ["exact", "binned"])
def test_a_kernel_far_wider_than_the_map_is_flat(kernel: Any, method: Any) -> None:
    options = SETTINGS | {"bandwidth_m": 1e30, "kernel": kernel, "method": method}
    height = 3 / (np.pi * 1e54) if kernel == "quartic" else 1 / (2 * np.pi * 1e54)
    np.testing.assert_allclose(density(*places(7, 1), **options, edge=False).values, 7 * height, rtol=1e-9)


def test_north_is_up() -> None:
    found = density([WEST + 1000], [SOUTH + 8000], **SETTINGS, edge=False).values
    assert np.unravel_index(found.argmax(), found.shape) in {(9, 9), (9, 10), (10, 9), (10, 10)}


@pytest.mark.parametrize("kernel", ["quartic", "gaussian"])
@pytest.mark.parametrize("bandwidth_m", [200.0, 310.0, 1500.0, 20_000.0])
def test_the_exact_method_is_the_formula(kernel: Any, bandwidth_m: float) -> None:
    easting, northing = places(40, 2)
    weights = np.random.default_rng(2).gamma(1, size=40)
    options = SETTINGS | {"bandwidth_m": bandwidth_m, "kernel": kernel, "edge": False, "method": "exact", "weights": weights}
    expected = by_formula(easting, northing, bandwidth_m, kernel, weights)
    np.testing.assert_allclose(density(easting, northing, **options).values, expected, rtol=1e-9, atol=1e-12 * expected.max())


@pytest.mark.parametrize(("kernel", "error"), [("quartic", 1.0), ("gaussian", 0.25)])
@pytest.mark.parametrize("bandwidth_m", [200.0, 450.0, 1500.0, 8000.0])
@pytest.mark.parametrize("reports", [1, 200])
def test_binning_errs_by_no_more_than_the_docstring_says(kernel: Any, error: float, bandwidth_m: float, reports: int) -> None:
    # The worst place of a single report is in the middle between four centres.
    easting, northing = ([WEST + 6000], [SOUTH + 4500]) if reports == 1 else places(reports, 3)
    options = SETTINGS | {"bandwidth_m": bandwidth_m, "kernel": kernel, "edge": False}
    exact, binned = (density(easting, northing, **options, method=method).values for method in ("exact", "binned"))
    apart = np.abs(binned - exact).max() / exact.max()
    assert 0 < apart <= error * (100 / bandwidth_m) ** 2 + 1e-12
    assert (binned >= 0).all()
    if kernel == "quartic" and reports == 1 and bandwidth_m < 5000:
        assert (binned[exact == 0] == 0).mean() > 0.9


@pytest.mark.parametrize("kernel", ["quartic", "gaussian"])
@pytest.mark.parametrize("adaptive", [False, True])
def test_away_from_the_edge_no_report_is_lost(kernel: Any, adaptive: bool) -> None:
    easting, northing = places(60, 4, margin=2000)
    options = SETTINGS | {"bandwidth_m": 1000 if kernel == "quartic" else 250, "kernel": kernel, "adaptive": adaptive}
    for method in ("exact", None if adaptive else "binned"):
        found = density(easting, northing, **options, edge=False, method=method).values
        assert found.sum() * 0.01 == pytest.approx(60, rel=1e-3)


@pytest.mark.parametrize("kernel", ["quartic", "gaussian"])
@pytest.mark.parametrize("adaptive", [False, True])
@pytest.mark.parametrize("is_half", [False, True])
def test_an_even_density_stays_even_up_to_the_edge(kernel: Any, adaptive: bool, is_half: bool) -> None:
    east, north = (part.ravel() for part in np.broadcast_arrays(*centres()))
    options = SETTINGS | {"bandwidth_m": 1000 if kernel == "quartic" else 400, "kernel": kernel, "adaptive": adaptive}
    covered = left_half() if is_half else None
    found = density(east, north, **options, covered=covered)
    inside = np.ones((90, 120), bool) if covered is None else covered
    np.testing.assert_allclose(found.values[inside], 100, rtol=2e-3)
    assert np.isnan(found.values[~inside]).all()
    assert found.left_out == (5400 if is_half else 0)
    rim = density(east, north, **options, covered=covered, edge=False).values[inside]
    assert rim.min() < 35


def test_the_edge_of_a_rectangle_is_the_mass_of_the_gaussian() -> None:
    easting, northing = places(50, 5)
    options = SETTINGS | {"bandwidth_m": 700.0, "kernel": "gaussian"}
    with_edge, without = (density(easting, northing, **options, edge=edge).values for edge in (True, False))
    east, north = centres()
    west, south, right, top = BOUNDS
    mass = (ndtr((right - east) / 700) - ndtr((west - east) / 700)) * (ndtr((top - north) / 700) - ndtr((south - north) / 700))
    np.testing.assert_allclose(without / with_edge, mass, rtol=2e-3)


def test_covered_pixels_alone_count_and_what_is_left_out_is_told() -> None:
    easting, northing = places(200, 6)
    is_left = easting < WEST + 6000
    half = density(easting, northing, **SETTINGS, covered=left_half())
    assert half.left_out == (~is_left).sum() > 20
    alone = density(easting[is_left], northing[is_left], **(SETTINGS | {"bounds_m": (*BOUNDS[:2], WEST + 6000, BOUNDS[3])}))
    np.testing.assert_allclose(half.values[:, :60], alone.values, rtol=1e-9)
    outside = density(np.append(easting, 0.0), np.append(northing, 0.0), **SETTINGS)
    assert outside.left_out == 1
    np.testing.assert_array_equal(outside.values, density(easting, northing, **SETTINGS).values)


@pytest.mark.parametrize("kernel", ["quartic", "gaussian"])
def test_adaptive_bandwidths_are_those_of_abramson(kernel: Any) -> None:
    easting, northing = places(80, 7)
    options = SETTINGS | {"kernel": kernel, "edge": False}
    pilot = density(easting, northing, **options).values
    at = pilot[((BOUNDS[3] - northing) / 100).astype(int), ((easting - WEST) / 100).astype(int)]
    bandwidths = 1500 * np.sqrt(np.exp(np.log(at).mean()) / at)
    expected = by_formula(easting, northing, np.minimum(bandwidths, 5 * np.median(bandwidths)), kernel)
    found = density(easting, northing, **options, adaptive=True)
    np.testing.assert_allclose(found.values, expected, rtol=1e-9, atol=1e-12 * expected.max())
    assert bandwidths.max() > 1.5 * bandwidths.min()
    assert "adaptive" in found.method


@pytest.mark.parametrize("options", [{}, {"method": "binned"}, {"adaptive": True}, {"kernel": "gaussian"}, {"weights": 1}])
def test_neither_the_order_of_rows_nor_the_number_of_threads_matters(options: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    easting, northing = places(300, 8)
    weights = np.random.default_rng(8).gamma(1, size=300) if "weights" in options else None
    found = []
    for seed, threads in enumerate((1, 2, 5)):
        monkeypatch.setattr(montecarlo, "threads", lambda threads=threads: threads)
        order = np.random.default_rng(seed).permutation(300)
        weighted = options | ({"weights": weights[order]} if weights is not None else {})
        found.append(density(easting[order], northing[order], **SETTINGS, **weighted).values)
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.integers(-300_000, 300_000), st.integers(-300_000, 300_000), st.sampled_from(["exact", "binned"]))
def test_moving_all_changes_nothing(east: int, north: int, method: Any) -> None:
    easting, northing = (part.round() for part in places(50, 9))
    moved = SETTINGS | {"bounds_m": (BOUNDS[0] + east, BOUNDS[1] + north, BOUNDS[2] + east, BOUNDS[3] + north)}
    found = density(easting, northing, **SETTINGS, method=method).values
    np.testing.assert_array_equal(density(easting + east, northing + north, **moved, method=method).values, found)


@pytest.mark.parametrize("options", [{}, {"method": "binned"}, {"adaptive": True}])
def test_every_report_twice_or_counted_twice_doubles_the_density(options: Any) -> None:
    easting, northing = places(50, 10)
    once = density(easting, northing, **SETTINGS, **options).values
    twice = density(np.tile(easting, 2), np.tile(northing, 2), **SETTINGS, **options).values
    np.testing.assert_allclose(twice, 2 * once, rtol=1e-9, atol=1e-9 * once.max())
    weighted = density(easting, northing, **SETTINGS, **options, weights=np.full(50, 2.0)).values
    np.testing.assert_allclose(weighted, 2 * once, rtol=1e-9, atol=1e-9 * once.max())


def test_many_reports_and_a_wide_bandwidth_are_binned_and_others_not() -> None:
    easting, northing = places(200_000, 11)
    assert density(easting, northing, **SETTINGS).method.startswith("binned")
    assert density(easting, northing, **(SETTINGS | {"bandwidth_m": 900})).method.startswith("exact")
    assert density(easting[:1000], northing[:1000], **SETTINGS).method.startswith("exact")


def test_reports_on_the_outer_border_belong_to_the_outer_pixels() -> None:
    corners = [WEST, WEST, BOUNDS[2], BOUNDS[2]], [SOUTH, BOUNDS[3], SOUTH, BOUNDS[3]]
    for method in ("exact", "binned"):
        found = density(*corners, **SETTINGS, method=method)
        assert found.left_out == 0
        assert found.values[[0, 0, -1, -1], [0, -1, 0, -1]] == pytest.approx(found.values.max())


def test_gaussian_density_is_that_of_scikit_learn() -> None:
    from sklearn.neighbors import KernelDensity

    easting, northing = places(200, 12)
    east, north = np.broadcast_arrays(*centres())
    fitted = KernelDensity(bandwidth=600).fit(np.column_stack([easting, northing]))
    theirs = 200e6 * np.exp(fitted.score_samples(np.column_stack([east.ravel(), north.ravel()]))).reshape(90, 120)
    options = SETTINGS | {"bandwidth_m": 600.0, "kernel": "gaussian", "edge": False}
    np.testing.assert_allclose(density(easting, northing, **options).values, theirs, rtol=1e-9, atol=1e-12 * theirs.max())


@pytest.mark.parametrize("folder", KNOWN)
@pytest.mark.parametrize(("pattern", "south", "reports"), [("redwood", -1, 58), ("japanesepines", 0, 65)])
def test_density_at_the_reports_is_that_of_spatstat(folder: Path, pattern: str, south: int, reports: int) -> None:
    theirs = pd.read_csv(folder / "r_oracle" / f"{pattern}_kde_sigma008_atpoints.csv")
    # Pixels with their centres on hundredths, where most of the reports are.
    bounds = (-0.005, south - 0.005, 1.005, south + 1.005)
    found = density(theirs.x, theirs.y, bounds_m=bounds, pixel_m=0.01, bandwidth_m=0.08, kernel="gaussian", edge=False)
    column, row = theirs.x * 100, (south + 1 - theirs.y) * 100
    is_centre = (np.abs(column - column.round()) < 1e-9) & (np.abs(row - row.round()) < 1e-9)
    assert is_centre.sum() >= reports
    ours = found.values[row.round().astype(int), column.round().astype(int)] / 1e6
    np.testing.assert_allclose(ours[is_centre], theirs.kde_noedge[is_centre], rtol=1e-12)


@pytest.mark.parametrize("folder", KNOWN)
def test_edge_correction_is_the_uniform_one_of_spatstat(folder: Path) -> None:
    theirs = pd.read_csv(folder / "r_oracle" / "japanesepines_kde_sigma008_atpoints.csv")
    # Pixels of a third of two hundredths: centres on odd hundredths.
    found = density(theirs.x, theirs.y, bounds_m=(0, 0, 1, 1), pixel_m=0.02 / 3, bandwidth_m=0.08, kernel="gaussian")
    odd = theirs[((theirs.x * 100).round() % 2 == 1) & ((theirs.y * 100).round() % 2 == 1)]
    ours = found.values[((1 - odd.y) * 150).astype(int), (odd.x * 150).astype(int)] / 1e6
    np.testing.assert_allclose(ours, odd.kde_edge_uniform, rtol=2e-4)
    assert len(odd) == 16


@pytest.mark.parametrize("folder", KNOWN)
def test_bandwidths_are_those_of_spatstat(folder: Path) -> None:
    for pattern, south, translation in [("redwood", -1, 0.02250489), ("japanesepines", 0, 0.06115460)]:
        reports = pd.read_csv(folder / "csv" / f"spatstat_{pattern}.csv")
        theirs = pd.read_csv(folder / "r_oracle" / f"{pattern}_bandwidths.csv", index_col="bw").value
        found = bandwidths_m(reports.x, reports.y, bounds_m=(0, south, 1, south + 1)).gaussian_m
        assert found["scott"] == pytest.approx(np.sqrt(theirs["scott_x"] * theirs["scott_y"]), rel=1e-10)
        # spatstat with correction="translate"; its default corrects edges in another way and tries the same steps.
        assert found["diggle"] == pytest.approx(translation, rel=1e-6)
        assert found["diggle"] == pytest.approx(theirs["diggle"], rel=0.05)


def test_bandwidths_by_hand() -> None:
    easting, northing = np.arange(64.0) * 100, np.tile([0.0, 1000.0], 32)
    found = bandwidths_m(easting, northing, bounds_m=(0, 0, 6400, 1000), precision_m=700)
    spread = easting.std(ddof=1), northing.std(ddof=1)
    assert found.index.to_list() == ["scott", "nrd", "diggle"]
    assert found.gaussian_m["scott"] == pytest.approx(max(np.sqrt(spread[0] * spread[1]) / 2, 700))
    assert found.gaussian_m["nrd"] == 700
    assert 1.06 * 64**-0.2 * (spread[0] + spread[1]) / 2 < 700
    assert found.is_floor.tolist() == [rule == 700 for rule in found.gaussian_m]
    np.testing.assert_allclose(found.quartic_m, found.gaussian_m * np.sqrt(8))
    scaled = bandwidths_m(easting * 3, northing * 3, bounds_m=(0, 0, 19_200, 3000)).gaussian_m
    np.testing.assert_allclose(scaled, bandwidths_m(easting, northing, bounds_m=(0, 0, 6400, 1000)).gaussian_m * 3)


def test_bandwidths_without_an_answer() -> None:
    with pytest.raises(MeasureError, match="at least 2 reports, but there are 1"):
        bandwidths_m([WEST], [SOUTH], bounds_m=BOUNDS)
    with pytest.raises(MeasureError, match="outside bounds_m"):
        bandwidths_m([WEST, 0], [SOUTH, 0], bounds_m=BOUNDS)
    with pytest.raises(MeasureError, match="precision_m is -1"):
        bandwidths_m([WEST, WEST], [SOUTH, SOUTH], bounds_m=BOUNDS, precision_m=-1)
    same = bandwidths_m([WEST + 50] * 9, [SOUTH + 50] * 9, bounds_m=BOUNDS)
    assert same.gaussian_m[["scott", "nrd"]].isna().all()


@pytest.mark.parametrize("kernel", ["quartic", "gaussian"])
def test_the_three_bandwidths_can_be_used_as_they_are(kernel: Any) -> None:
    easting, northing = places(200, 13)
    for bandwidth_m in bandwidths_m(easting, northing, bounds_m=BOUNDS, precision_m=200)[f"{kernel}_m"]:
        assert density(easting, northing, **(SETTINGS | {"bandwidth_m": bandwidth_m, "kernel": kernel})).values.max() > 0


def test_a_file_can_be_read_back_and_says_that_nothing_was_tested(tmp_path: Path) -> None:
    found = density(*places(50, 14), **SETTINGS, covered=left_half(), crs="EPSG:32642")
    write_geotiff(found, tmp_path / "density.tif")
    with rasterio.open(tmp_path / "density.tif") as file:
        np.testing.assert_array_equal(file.read(1), found.values)
        assert tuple(file.bounds) == BOUNDS
        assert file.crs.to_epsg() == 32642
        assert np.isnan(file.nodata)
        assert file.descriptions == ("density: descriptive, not tested",)
        assert file.units == ("per_km2",)
        tags = file.tags()
    assert tags["TIFFTAG_IMAGEDESCRIPTION"] == "density: descriptive, not tested"
    assert tags["METHOD"] == found.method
    assert tags["LEFT_OUT"] == str(found.left_out)
    assert [path.name for path in tmp_path.iterdir()] == ["density.tif"]


def test_the_same_surface_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one.tif", "two.tif"):
        write_geotiff(density(*places(50, 14), **SETTINGS, crs="EPSG:32642"), tmp_path / name)
    write_geotiff(density(*places(60, 14), **SETTINGS, crs="EPSG:32642"), tmp_path / "other.tif")
    assert (tmp_path / "one.tif").read_bytes() == (tmp_path / "two.tif").read_bytes()
    assert (tmp_path / "one.tif").read_bytes() != (tmp_path / "other.tif").read_bytes()


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    found = density(*places(5, 1), **SETTINGS)
    with pytest.raises(GeometryError, match="does not say its coordinate reference system"):
        write_geotiff(found, tmp_path / "density.tif")
    found = density(*places(5, 1), **SETTINGS, crs="EPSG:32642")
    with pytest.raises(MeasureError, match="cannot be written"):
        write_geotiff(found, tmp_path / "no folder" / "density.tif")


RISK: dict[str, Any] = {"bounds_m": BOUNDS, "pixel_m": 300.0, "bandwidth_m": 1800.0}


def labelled(seed: int, *, excess: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """People in clumps; a fifth of their reports are cases, and so are all of ``excess`` more in one place."""
    draws = np.random.default_rng([seed, 1])
    easting, northing = places(300, seed)
    is_case = draws.random(300) < 0.2
    near = draws.normal(0, 500, (2, excess))
    return (
        np.append(easting, WEST + 9000 + near[0]),
        np.append(northing, SOUTH + 4500 + near[1]),
        np.append(is_case, np.ones(excess, bool)),
    )


def test_impossible_cases_are_refused() -> None:
    easting, northing, is_case = labelled(1)
    for words, cases in [
        ("0 are cases", np.zeros(300, bool)),
        ("300 are cases", np.ones(300, bool)),
        ("is_case holds int64", is_case.astype(int)),
        ("is_case 299", is_case[1:]),
    ]:
        with pytest.raises(MeasureError, match=words):
            relative_risk(easting, northing, cases, **RISK, seed=1)
    with pytest.raises(MeasureError, match="replicates"):
        relative_risk(easting, northing, is_case, **RISK, replicates=18, seed=1)
    with pytest.raises(MeasureError, match="seed"):
        relative_risk(easting, northing, is_case, **RISK, seed=-1)


@pytest.mark.parametrize("kernel", ["quartic", "gaussian"])
def test_the_ratio_is_that_of_two_densities_and_edges_cancel(kernel: Any) -> None:
    easting, northing, is_case = labelled(2, excess=20)
    options = RISK | {"kernel": kernel, "bandwidth_m": 1800 if kernel == "quartic" else 700}
    found = relative_risk(easting, northing, is_case, **options, seed=1)
    cases, controls = (density(easting[which], northing[which], **options).values / which.sum() for which in (is_case, ~is_case))
    known = np.isfinite(found.log_ratio.values)
    expected = np.log(cases[known] / controls[known])
    np.testing.assert_allclose(found.log_ratio.values[known], expected, rtol=1e-6, atol=1e-6)
    assert known.mean() > 0.8
    assert (found.cases, found.controls) == (is_case.sum(), (~is_case).sum())


def test_places_with_too_few_reports_near_are_unknown() -> None:
    easting, northing, is_case = labelled(3)
    found = relative_risk(easting, northing, is_case, **RISK, seed=1)
    pooled = density(easting, northing, **RISK, edge=False).values
    near = pooled * 1.8**2 * 5 * np.pi / 9
    for surface in (found.log_ratio, found.p_point, found.p_map):
        np.testing.assert_array_equal(np.isnan(surface.values), near < 5)
    assert 0 < (near < 5).mean() < 0.5


def test_chances_are_those_of_a_slow_relabelling() -> None:
    easting, northing, is_case = labelled(4, excess=5)
    found = relative_risk(easting, northing, is_case, **RISK, replicates=39, seed=7)
    order = np.lexsort((is_case, (easting - WEST) / 300, (BOUNDS[3] - northing) / 300))
    labels = is_case[order].astype(np.int64)
    pooled, total, cases = density(easting, northing, **RISK, edge=False).values, labels.size, labels.sum()

    def excess(which: np.ndarray) -> np.ndarray:
        kernel = density(easting[order][which == 1], northing[order][which == 1], **RISK, edge=False).values
        return (kernel - cases / total * pooled) / np.sqrt(np.where(pooled > 0, pooled, np.nan))

    drawn = []
    for replicate in range(39):
        mixed = labels.copy()
        montecarlo.shuffle(np.uint64(streams.begin(np.uint64(7), replicate)), mixed, np.array([0, total]))
        drawn.append(excess(mixed))
    observed, known = excess(labels), np.isfinite(found.p_point.values)
    point = (1 + (np.array(drawn) >= observed - 1e-9).sum(axis=0)) / 40
    greatest = np.array([one[known].max() for one in drawn])
    over_map = (1 + (greatest[:, None, None] >= observed - 1e-9).sum(axis=0)) / 40
    np.testing.assert_array_equal(found.p_point.values[known], point[known])
    np.testing.assert_array_equal(found.p_map.values[known], over_map[known])
    assert (found.p_map.values[known] >= found.p_point.values[known]).all()


def test_a_planted_excess_of_cases_is_found_where_it_is() -> None:
    found = relative_risk(*labelled(5, excess=25), **RISK, seed=1)
    row, column = np.nonzero(found.p_map.values <= 0.05)
    away = np.hypot((column + 0.5) * 300 - 9000, 9000 - (row + 0.5) * 300 - 4500)
    assert away.size > 5
    assert away.max() < 3000
    assert found.p_map.what == "p of raised risk over the whole map"
    assert found.p_point.what == "p of raised risk, pointwise: not map-wide"
    assert found.log_ratio.what == "log relative risk: descriptive, not tested"


def test_threads_and_the_order_of_rows_leave_no_trace_on_the_chances(monkeypatch: pytest.MonkeyPatch) -> None:
    easting, northing, is_case = labelled(6, excess=10)
    found = []
    for seed, threads in enumerate((1, 2, 5)):
        monkeypatch.setattr(montecarlo, "threads", lambda threads=threads: threads)
        order = np.random.default_rng(seed).permutation(310)
        found.append(relative_risk(easting[order], northing[order], is_case[order], **RISK, seed=3))
    for name in ("log_ratio", "p_point", "p_map"):
        for other in found[1:]:
            np.testing.assert_array_equal(getattr(found[0], name).values, getattr(other, name).values)
    assert not np.array_equal(
        relative_risk(easting, northing, is_case, **RISK, seed=4).p_map.values, found[0].p_map.values, equal_nan=True
    )


@pytest.mark.parametrize("kernel", ["quartic", "gaussian"])
def test_labels_at_random_give_a_finding_on_no_more_maps_than_promised(kernel: Any) -> None:
    maps, found, pointwise = 200, 0, 0
    options = RISK | {"kernel": kernel, "bandwidth_m": 1800 if kernel == "quartic" else 700}
    for number in range(maps):
        risk = relative_risk(*labelled(number), **options, replicates=99, seed=number)
        found += bool((risk.p_map.values <= 0.05).any())
        pointwise += bool((risk.p_point.values <= 0.05).any())
    assert found <= stats.binom.ppf(0.999, maps, 0.05)
    assert found >= stats.binom.ppf(0.001, maps, 0.05)
    assert pointwise > 0.5 * maps


@pytest.mark.parametrize("folder", KNOWN)
def test_foot_and_mouth_in_cumbria_has_raised_risk_where_sparr_finds_it(folder: Path) -> None:
    cases = pd.read_csv(folder / "csv" / "sparr_fmd_cases.csv")[["x", "y"]].drop_duplicates()
    farms = pd.concat([cases, pd.read_csv(folder / "csv" / "sparr_fmd_controls.csv")])
    options: dict[str, Any] = {"bounds_m": (250, 420, 450, 620), "pixel_m": 2, "bandwidth_m": 8, "kernel": "gaussian"}
    found = relative_risk(farms.x, farms.y, np.arange(len(farms)) < len(cases), **options, seed=1)
    known = np.isfinite(found.p_point.values)
    # sparr 2.3 with the same bandwidth, resolution and number of labellings: 26.0 % of the same pixels have p <= 0.05.
    assert (found.p_point.values[known] <= 0.05).mean() == pytest.approx(0.260, abs=0.01)
    assert (found.p_map.values[known] <= 0.05).mean() < (found.p_point.values[known] <= 0.05).mean()
