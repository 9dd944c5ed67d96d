"""Thin cells are merged by four and by sixteen, and what is told of a square opens nothing in it."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tensionmap.protect.units import SIDES, grid_in, grid_of, known, tell


def grid(columns, rows, people, *, west=0, south=0, cell_m=1000.0, minimum_residents=100):
    """A grid from its south-western corner northwards, column by column; people in that order, or of every cell."""
    places = [(west + column, south + row) for column in range(columns) for row in range(rows)]
    cells = pd.DataFrame([((c + 0.5) * cell_m, (r + 0.5) * cell_m) for c, r in places], columns=["easting", "northing"])
    people = pd.Series(people if isinstance(people, list) else [people] * len(cells), dtype=float)
    return grid_of(cells, people, cell_m=cell_m, minimum_residents=minimum_residents)


def told(grid, counts, *, fewest=5):
    """Listed and hidden squares as (side, column, row)."""
    found = tell(pd.Series(counts), grid, fewest=fewest)
    return tuple(
        {
            (side, int(grid.squares[side].column[at]), int(grid.squares[side].row[at]))
            for side, is_so in which.items()
            for at in np.flatnonzero(is_so)
        }
        for which in (found.is_listed, found.is_hidden)
    )


# which squares a cell is counted in


def test_a_cell_is_counted_in_the_smallest_square_that_hides_a_person():
    people = [0, 100, 30, 30, *[30] * 12]
    assert grid(4, 4, people).counted_in.tolist() == [1, 1, 2, 2, 2, 2, 2, 2, *[2] * 8]
    assert grid(4, 4, 7.0).counted_in.tolist() == [4] * 16
    assert grid(4, 4, 6.0).counted_in.tolist() == [np.inf] * 16
    assert grid(2, 2, [0, 0, 0, 99]).counted_in.tolist() == [1, 1, 1, np.inf]


def test_a_square_of_nobody_is_counted_and_one_of_few_is_not():
    assert grid(2, 2, 0.0, minimum_residents=10_000).counted_in.tolist() == [1] * 4
    assert grid(2, 2, [0, 0, 0, 1]).counted_in.tolist() == [1, 1, 1, np.inf]


def test_a_grid_is_known_again_from_what_a_release_tells():
    first = grid(3, 5, [0, 30, 400, 60, 30] * 3, west=-2, south=-3)
    ids = pd.Series([f"E{c}N{r}" for c, r in zip(first.column, first.row, strict=True)])
    again = grid_in(ids, pd.Series(first.counted_in).replace(np.inf, None).astype("Int64"))
    for name in ("column", "row", "counted_in"):
        np.testing.assert_array_equal(getattr(again, name), getattr(first, name))


# which squares are told: worked by hand


def test_cells_are_told_from_the_minimum_on():
    assert told(grid(2, 2, 400.0), [4, 5, 6, 0]) == ({(1, 0, 1), (1, 1, 0)}, {(1, 0, 0), (1, 1, 1)})
    assert told(grid(2, 2, 400.0), [8, 9, 0, 0], fewest=9) == ({(1, 0, 1)}, {(1, 0, 0), (1, 1, 0), (1, 1, 1)})


def test_four_thin_cells_are_told_as_one_square():
    assert told(grid(2, 2, 30.0), [2, 1, 1, 1]) == ({(2, 0, 0)}, set())
    assert told(grid(2, 2, 30.0), [1, 1, 1, 1]) == (set(), {(2, 0, 0)})


def test_sixteen_thin_cells_are_told_as_one_square():
    assert told(grid(4, 4, 7.0), [0] * 11 + [1] * 5) == ({(4, 0, 0)}, set())
    assert told(grid(4, 4, 7.0), [0] * 12 + [1] * 4) == (set(), {(4, 0, 0)})


def test_sixteen_cells_are_told_as_four_squares_where_that_is_enough():
    listed, hidden = told(grid(4, 4, 30.0), [1, 2, 0, 0, 2, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 1])
    assert listed == {(2, 0, 0), (2, 2, 0)}
    assert hidden == {(2, 0, 2), (2, 2, 2)}


def test_three_hidden_cells_never_open_a_thin_one_beside_them():
    """Four a cell at most: a square with 20 would have eight at least in the thin one. So no band of it is told."""
    one_thin = grid(2, 2, [400.0, 400.0, 400.0, 30.0])
    for in_thin_cell in (0, 5, 20, 500):
        assert told(one_thin, [4, 4, 4, in_thin_cell]) == (set(), {(1, 0, 0), (1, 0, 1), (1, 1, 0)})


def test_two_thin_cells_hide_each_other():
    two_thin = grid(2, 2, [400.0, 400.0, 60.0, 60.0])
    assert told(two_thin, [4, 4, 3, 9]) == ({(2, 0, 0)}, {(1, 0, 0), (1, 0, 1)})
    assert told(two_thin, [0, 4, 0, 0]) == (set(), {(1, 0, 0), (1, 0, 1), (2, 0, 0)})


def test_four_hidden_cells_are_told_as_a_square():
    """Sixteen at most, of which 10-19 leaves every cell the room to hold nothing."""
    assert told(grid(2, 2, 400.0), [4, 4, 4, 0])[0] == {(2, 0, 0)}
    assert told(grid(2, 2, 400.0), [4, 0, 0, 0])[0] == set()


def test_a_town_cell_that_is_told_leaves_hidden_ones_beside_it_alone():
    """The band of a square around it, less the town, would be of the others."""
    town = grid(2, 2, [5000.0, 400.0, 400.0, 30.0])
    assert told(town, [7, 4, 4, 4]) == ({(1, 0, 0)}, {(1, 0, 1), (1, 1, 0)})
    beside_thin = grid(4, 4, [5000.0, *[30.0] * 15])
    assert told(beside_thin, [7, *[1] * 15]) == ({(1, 0, 0)}, {(2, 0, 2), (2, 2, 0), (2, 2, 2)})


def test_cells_at_the_edge_are_not_merged():
    assert told(grid(3, 2, 60.0), [9, 9, 9, 9, 9, 9]) == ({(2, 0, 0)}, set())
    without_one = grid(2, 2, 60.0)
    three = type(without_one)(without_one.column[:3], without_one.row[:3], np.full(3, 2.0))
    assert told(three, [9, 9, 9]) == (set(), set())


def test_columns_and_rows_below_zero_merge_like_others():
    for west, south in ((-4, -4), (-2, 2), (-4, 0)):
        listed, _ = told(grid(4, 4, 7.0, west=west, south=south), [1] * 16)
        assert listed == ({(4, west, south)} if west % 4 == 0 and south % 4 == 0 else set())
    assert told(grid(4, 4, 30.0, west=-3, south=-1), [9] * 16)[0] == {(2, -2, 0)}


# and by chance


@st.composite
def worlds(draw):
    columns, rows = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    size = columns * rows
    chance = np.random.default_rng(draw(st.integers(0, 2**32)))
    people = chance.choice([0, 10, 30, 60, 400], size, p=draw(st.sampled_from([(0.1, 0, 0.3, 0.2, 0.4), (0, 0.6, 0.3, 0.1, 0)])))
    counts = chance.choice(
        [0, 1, 2, 4, 5, 9, 10, 20], size, p=draw(st.sampled_from([[0.125] * 8, [0.3, 0.2, 0.2, 0.25, 0.05, 0, 0, 0]]))
    )
    west, south = draw(st.integers(-7, 3)), draw(st.integers(-7, 3))
    fewest = draw(st.sampled_from([5, 5, 7, 12, 25]))
    return grid(columns, rows, people.tolist(), west=west, south=south), counts, people, fewest


chance_worlds = settings(max_examples=150, derandomize=True, database=None, deadline=None)


@chance_worlds
@given(worlds())
def test_a_reader_knows_the_hidden_squares_from_the_lists_alone(world):
    on, counts, _, fewest = world
    found = tell(pd.Series(counts), on, fewest=fewest)
    for side, is_hidden in known(on, found.is_listed, fewest=fewest).items():
        np.testing.assert_array_equal(is_hidden, found.is_hidden[side])


@chance_worlds
@given(worlds())
def test_listed_squares_hold_enough_of_both_and_no_other_square(world):
    on, counts, people, fewest = world
    found = tell(pd.Series(counts), on, fewest=fewest)
    times_told = np.zeros(len(counts), dtype=int)
    for side in SIDES:
        square = on.squares[side]
        for at in np.flatnonzero(found.is_listed[side]):
            inside = square.of_cell == at
            assert inside.sum() == side * side
            assert counts[inside].sum() == found.sums[side][at] >= fewest
            assert people[inside].sum() == 0 or people[inside].sum() >= 100
            times_told += inside
        for at in np.flatnonzero(found.is_hidden[side]):
            assert counts[square.of_cell == at].sum() < fewest
    assert times_told.max() <= 1
    units = found.units()
    assert units["count"].ge(fewest).all()
    assert len(units) == sum(listed.sum() for listed in found.is_listed.values())


@chance_worlds
@given(worlds(), st.randoms(use_true_random=False))
def test_the_order_of_cells_does_not_matter(world, random):
    on, counts, _, fewest = world
    order = list(range(len(counts)))
    random.shuffle(order)
    mixed = type(on)(on.column[order], on.row[order], on.counted_in[order])
    assert told(mixed, counts[order], fewest=fewest) == told(on, counts, fewest=fewest)


@chance_worlds
@given(worlds())
def test_what_a_hidden_square_holds_changes_nothing(world):
    on, counts, _, fewest = world
    listed, hidden = told(on, counts, fewest=fewest)
    found = tell(pd.Series(counts), on, fewest=fewest)
    is_free = np.zeros(len(counts), dtype=bool)
    for side in SIDES:
        is_free |= found.is_hidden[side][on.squares[side].of_cell]
    for side in SIDES:
        is_free &= ~found.is_listed[side][on.squares[side].of_cell]
    assert told(on, np.where(is_free, 0, counts), fewest=fewest) == (listed, hidden)


@pytest.mark.parametrize("fewest", [5, 20, 30])
def test_a_grid_without_reports_lists_nothing(fewest):
    assert told(grid(8, 8, 400.0), [0] * 64, fewest=fewest)[0] == set()
