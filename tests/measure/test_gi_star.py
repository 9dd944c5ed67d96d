"""Classic Gi*: esda, spdep and every possible draw agree with it, and it finds hot spots on noise."""

from __future__ import annotations

import itertools
import os
import warnings
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from tensionmap import streams
from tensionmap.errors import GeometryError, MeasureError
from tensionmap.measure import montecarlo
from tensionmap.measure.gi_star import gi_star, gi_star_permuted, scores
from tensionmap.measure.hotspots import Neighbourhoods, find_hotspots

REAL = os.environ.get("TENSIONMAP_REAL_DATA")
ORACLES = [Path(REAL) / "known_answer" / "r_oracle"] if REAL else []

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from esda import G_Local
    from libpysal.graph import Graph
    from libpysal.weights import lat2W


def grid(columns: int, rows: int, *, side: float = 1000.0) -> gpd.GeoDataFrame:
    row, column = (part.ravel() for part in np.mgrid[:rows, :columns])
    west, south = 400_000.0 + column * side, 4_760_000.0 + row * side
    return gpd.GeoDataFrame(
        {"easting": west + side / 2, "northing": south + side / 2},
        geometry=shapely.box(west, south, west + side, south + side),
        crs="EPSG:32626",
    )


def esdas(values: np.ndarray, columns: int, rows: int) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return G_Local(values.astype(float), lat2W(rows, columns, rook=False), transform="B", permutations=0, star=True).Zs


CELLS = grid(8, 6)
COUNTS = np.random.default_rng(1).poisson(0.8, 48)
UNEVEN = np.random.default_rng(2).gamma(0.7, size=48)


@pytest.mark.parametrize(
    ("words", "changed"),
    [
        ("at least one is needed", {"permutations": 0}),
        ("seed is -1", {"seed": -1}),
        ("reach_m is -1", {"reach_m": -1.0}),
        (r"48 cells, but the values have the shape \(47,\)", {"values": COUNTS[1:]}),
        ("missing, infinite or negative", {"values": np.where(np.arange(48) == 7, np.nan, COUNTS)}),
        ("values belong to other cells", {"values": pd.Series(COUNTS, index=np.arange(48) + 1)}),
    ],
)
def test_impossible_settings_are_refused(words: str, changed: dict[str, Any]) -> None:
    with pytest.raises(MeasureError, match=words):
        gi_star_permuted(**{"values": COUNTS, "cells": CELLS, "seed": 1, **changed})


def test_degrees_are_refused() -> None:
    with pytest.raises(GeometryError):
        gi_star(COUNTS, CELLS.to_crs("EPSG:4326"))


def test_one_cell_and_no_cell_have_no_score() -> None:
    for cells in (CELLS.iloc[:0], CELLS.iloc[:1]):
        assert gi_star(COUNTS[: len(cells)], cells, reach_m=1500).isna().all()
        found = gi_star_permuted(COUNTS[: len(cells)], cells, reach_m=1500, seed=1)
        assert found.gi_z.isna().all()
        assert found.p_sim.isna().all()
        assert not found.is_high.any()


def test_gi_star_is_esdas_to_ten_digits_and_gi_z_the_same_but_for_one_factor() -> None:
    cells = grid(14, 11)
    count = np.random.default_rng(3).poisson(1.3, len(cells))
    theirs = esdas(count, 14, 11)
    np.testing.assert_allclose(gi_star(count, cells), theirs, rtol=0, atol=1e-10)
    np.testing.assert_allclose(gi_star_permuted(count, cells, permutations=9, seed=1).gi_z, theirs, rtol=0, atol=1e-10)
    factor = np.sqrt(count.sum() * (count.size - 1)) / (count.size * count.std())
    np.testing.assert_allclose(find_hotspots(count, cells, replicates=99, seed=1).gi_z * factor, theirs, rtol=0, atol=1e-10)


def test_gi_star_of_equal_values_is_empty() -> None:
    assert gi_star(np.full(48, 3.0), CELLS).isna().all()
    assert gi_star_permuted(np.full(48, 3.0), CELLS, seed=1).p_sim.isna().all()
    assert gi_star(np.arange(9.0), grid(3, 3)).isna().tolist() == [False] * 4 + [True] + [False] * 4


@pytest.mark.parametrize("folder", ORACLES)
def test_gi_star_is_spdeps(folder: Path) -> None:
    table = pd.read_csv(folder / "columbus_CRIME_local_stats.csv")
    edges = pd.read_csv(folder / "columbus_queen_edges_1based.csv") - 1
    near = [{cell, *edges.j[edges.i == cell], *edges.i[edges.j == cell]} for cell in range(len(table))]
    lists = Neighbourhoods.of_lists(near, np.arange(len(table)))
    np.testing.assert_allclose(scores(table.CRIME.to_numpy(), lists), table.Gstar_z_binary, rtol=0, atol=1e-10)


def test_no_link_is_lost_where_corners_of_cells_do_not_meet_to_the_last_digit() -> None:
    side = 1000 / 3
    cells = grid(20, 20, side=side)
    row, column = (part.ravel() for part in np.mgrid[:20, :20])
    inside = (np.clip(row, 1, 18) == row).astype(int) + (np.clip(column, 1, 18) == column)
    expected = np.array([4.0, 6.0, 9.0])[inside]
    np.testing.assert_array_equal(Neighbourhoods.of_cells(cells, None).sums(np.ones(400)), expected)
    count = np.random.default_rng(5).poisson(1.0, 400)
    np.testing.assert_allclose(gi_star(count, cells), esdas(count, 20, 20), rtol=0, atol=1e-10)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        links = Graph.build_contiguity(cells, rook=False, strict=False).n_edges
    assert links < 0.9 * (expected.sum() - 400), "the lattice of this test is no trap any more"


@pytest.mark.parametrize("values", [COUNTS[:12], UNEVEN[:12], np.where(np.arange(12) == 4, 50, 0)])
def test_permuted_tails_are_those_of_every_possible_draw(values: np.ndarray) -> None:
    cells = grid(4, 3)
    row, column = (part.ravel() for part in np.mgrid[:3, :4])
    permutations = 20_000
    found = gi_star_permuted(values, cells, permutations=permutations, seed=4)
    for cell in range(12):
        is_near = (abs(row - row[cell]) <= 1) & (abs(column - column[cell]) <= 1) & (np.arange(12) != cell)
        others = np.delete(values, cell)
        sums = np.array([sum(draw) for draw in itertools.combinations(others, int(is_near.sum()))])
        observed = values[is_near].sum()
        high, low = (sums >= observed - 1e-9).mean(), (sums <= observed + 1e-9).mean()
        share = high if found.is_high[cell] else low
        assert found.p_sim[cell] == pytest.approx(share, abs=4.5 * np.sqrt(0.25 / permutations))
        assert min(high, low) == pytest.approx(share, abs=0.02)


def test_each_cell_is_counted_as_if_its_draws_had_been_made_for_it_alone() -> None:
    """The same streams, drawn and counted cell by cell in plain Python; equal sums apart by rounding among them."""
    values = np.random.default_rng(6).choice([0.0, 0.1, 0.2, 0.3, 0.7], 20)
    cells = grid(5, 4)
    row, column = (part.ravel() for part in np.mgrid[:4, :5])
    near = (abs(np.subtract.outer(row, row)) <= 1) & (abs(np.subtract.outer(column, column)) <= 1) & ~np.eye(20, dtype=bool)
    high, low = np.zeros((2, 20))
    for replicate in range(99):
        state, left, mask = int(streams.begin(np.uint64(8), replicate)), list(range(20)), 2**64 - 1
        for taken in range(9):
            state = state + int(streams.STEP) & mask
            place = taken + int(float(int(streams.mix(np.uint64(state))) >> 11) * 2.0**-53 * (20 - taken))
            left[taken], left[place] = left[place], left[taken]
        for cell in range(20):
            drawn = [other for other in left[:9] if other != cell][: near[cell].sum()]
            apart = values[drawn].sum() - values[near[cell]].sum()
            high[cell] += apart >= -1e-9
            low[cell] += apart <= 1e-9
    found = gi_star_permuted(values, cells, permutations=99, seed=8)
    np.testing.assert_array_equal(found.p_sim, (1 + np.minimum(high, low)) / 100)
    np.testing.assert_array_equal(found.is_high, high <= low)


def test_an_empty_neighbourhood_on_an_almost_empty_map_is_nothing_rare() -> None:
    """Equal sums count in both tails; a lower tail of sums that are less would give all of these the least p there is."""
    count = np.random.default_rng(1).poisson(0.05, 14 * 14)
    cells = grid(14, 14)
    is_empty = Neighbourhoods.of_cells(cells, None).sums(count.astype(float)) == 0
    found = gi_star_permuted(count, cells, permutations=999, seed=1)
    assert is_empty.sum() > 100
    assert (found.p_sim[is_empty] > 0.5).all()
    assert not found.is_high[is_empty].any()


def test_noise_has_hot_spots_by_permutation_as_its_docstring_says() -> None:
    cells = grid(20, 20)
    maps, spotted, cells_below = 40, 0, 0.0
    for number in range(maps):
        values = np.random.default_rng(number).gamma(1.0, size=400)
        found = gi_star_permuted(values, cells, permutations=199, seed=number)
        spotted += bool(((found.p_sim <= 0.05) & found.is_high).any())
        cells_below += (found.p_sim <= 0.05).mean() / maps
    assert spotted == maps
    assert cells_below == pytest.approx(0.1, abs=0.02)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.permutations(range(48)), st.sampled_from([None, 900.0, 2300.0]))
def test_the_order_of_rows_does_not_matter(order: list[int], reach_m: float | None) -> None:
    found = gi_star_permuted(pd.Series(UNEVEN), CELLS, reach_m=reach_m, permutations=99, seed=2)
    again = gi_star_permuted(pd.Series(UNEVEN), CELLS.iloc[order], reach_m=reach_m, permutations=99, seed=2)
    pd.testing.assert_frame_equal(again.loc[CELLS.index], found)
    pd.testing.assert_series_equal(gi_star(UNEVEN, CELLS, reach_m=reach_m), found.gi_z.rename("gi_star"))


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.floats(1e-6, 1e6))
def test_the_unit_of_the_values_does_not_matter(scale: float) -> None:
    found, scaled = (gi_star_permuted(COUNTS * factor, CELLS, permutations=99, seed=2) for factor in (1.0, scale))
    np.testing.assert_array_equal(scaled.p_sim, found.p_sim)
    np.testing.assert_allclose(scaled.gi_z, found.gi_z, rtol=1e-9)


def test_the_number_of_threads_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for threads in (1, 2, 5):
        monkeypatch.setattr(montecarlo, "threads", lambda threads=threads: threads)
        found.append(gi_star_permuted(UNEVEN, CELLS, permutations=101, seed=9))
    assert found[0].equals(found[1])
    assert found[0].equals(found[2])
    assert not found[0].equals(gi_star_permuted(UNEVEN, CELLS, permutations=101, seed=10))


def test_a_neighbourhood_that_is_the_map_is_not_told() -> None:
    found = gi_star_permuted(UNEVEN, CELLS, reach_m=50_000, seed=1)
    assert found.isna().sum().to_dict() == {"gi_z": 48, "p_sim": 48, "is_high": 0}


def test_inputs_are_not_changed() -> None:
    cells, values = CELLS.copy(deep=True), UNEVEN.copy()
    gi_star_permuted(values, cells, seed=1)
    gi_star(values, cells)
    assert cells.equals(CELLS)
    assert (values == UNEVEN).all()
