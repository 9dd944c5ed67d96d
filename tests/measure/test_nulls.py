"""The worlds in which nothing is going on: what each expects where."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely

from tensionmap.errors import MeasureError
from tensionmap.measure import nulls


def cells_of(residents: list[Any], residents_named: list[Any]) -> gpd.GeoDataFrame:
    west = 1000.0 * np.arange(len(residents))
    return gpd.GeoDataFrame(
        {"residents": residents, "residents_named": residents_named},
        geometry=shapely.box(west, 0, west + 1000, 1000),
        crs="EPSG:32626",
        index=[f"cell {k}" for k in range(len(residents))],
    )


def test_no_cells_are_refused() -> None:
    with pytest.raises(MeasureError, match="no cells"):
        nulls.uniform(cells_of([], []))


def test_an_empty_land_is_refused_and_the_raster_named() -> None:
    with pytest.raises(MeasureError, match=r"Nobody lives in any cell.*population raster"):
        nulls.by_population(cells_of([0, 0], [5, 0]), share_named=0)


def test_named_reports_without_any_known_village_are_refused_and_the_settlements_named() -> None:
    with pytest.raises(MeasureError, match=r"residents_named.*residents of the settlements"):
        nulls.by_population(cells_of([5, 0], [0, 0]), share_named=0.1)


@pytest.mark.parametrize("residents", [[-1.0, 3.0], [float("nan"), 3.0], [None, 3.0], [float("inf"), 1.0]])
def test_impossible_numbers_of_residents_are_refused(residents: list[Any]) -> None:
    with pytest.raises(MeasureError, match="negative or missing"):
        nulls.by_population(cells_of(residents, [1, 1]), share_named=0)


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
@pytest.mark.parametrize("name", ["share_named", "share_outside"])
def test_shares_beyond_0_and_1_are_refused(name: str, share: float) -> None:
    with pytest.raises(MeasureError, match=name):
        nulls.by_population(cells_of([1, 1], [1, 1]), **({"share_named": 0.0} | {name: share}))


def test_uniform_expects_the_same_everywhere() -> None:
    share = nulls.uniform(cells_of([7, 0, 0, 1], [8, 0, 0, 0]))
    assert share.to_dict() == {"cell 0": 0.25, "cell 1": 0.25, "cell 2": 0.25, "cell 3": 0.25}


def test_by_population_gives_the_hand_worked_shares() -> None:
    cells = cells_of([60, 30, 10, 0], [0, 100, 0, 0])
    # exact reports: 0.8 * (0.6, 0.3, 0.1, 0) + 0.2 / 4 each = (0.53, 0.29, 0.13, 0.05); a quarter is known by name only
    share = nulls.by_population(cells, share_named=0.25, share_outside=0.2)
    np.testing.assert_allclose(share, [0.3975, 0.4675, 0.0975, 0.0375], rtol=1e-14)
    assert list(share.index) == list(cells.index)
    assert share.sum() == pytest.approx(1, abs=1e-15)


def test_without_named_reports_the_villages_points_do_not_matter() -> None:
    known = nulls.by_population(cells_of([60, 40], [0, 100]), share_named=0)
    unknown = nulls.by_population(cells_of([60, 40], [0, 0]), share_named=0)
    assert known.equals(unknown)


def test_with_named_reports_alone_nothing_is_expected_but_at_the_villages_points() -> None:
    share = nulls.by_population(cells_of([60, 40, 0], [0, 100, 0]), share_named=1)
    assert share.to_list() == [0, 1, 0]


def test_by_default_a_tenth_of_the_exact_reports_falls_anywhere() -> None:
    share = nulls.by_population(cells_of([10, 0, 0, 0], [10, 0, 0, 0]), share_named=0)
    np.testing.assert_allclose(share, [0.925, 0.025, 0.025, 0.025], rtol=1e-14)


def test_the_cells_are_not_changed() -> None:
    cells = cells_of([60, 40], [0, 100])
    before = cells.copy(deep=True)
    nulls.by_population(cells, share_named=0.5)
    assert cells.equals(before)
