"""What can be deduced from everything ever published: refused tables, tables worked by hand, and brute force."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from tensionmap.errors import ReleaseError
from tensionmap.protect.statements import Opening, Statements, openings

HIDDEN, FEW, SOME, MANY = (0, 4), (5, 9), (10, 19), (20, math.inf)
WIDTH = 4


def said(*statements, atoms, release=1):
    """Statements as (atoms, ends) or (atoms, ends, release); whoever ends at 0-4 is a secret."""
    sets = [statement[0] for statement in statements]
    ends = [statement[1] for statement in statements]
    releases = [statement[2] if len(statement) > 2 else release for statement in statements]
    is_secret = [end == HIDDEN for end in ends]
    low, high = zip(*ends, strict=True)
    return Statements.of(sets, low, high, atoms=atoms, is_secret=is_secret, release=releases)


def found(table, **options):
    return {opening.statement: (opening.least, opening.most) for opening in openings(table, width=WIDTH, **options)}


def who(table):
    return {opening.statement: opening.releases for opening in openings(table, width=WIDTH)}


# refused


@pytest.mark.parametrize(
    ("sets", "low", "high", "is_secret", "said"),
    [
        ([[0], []], [0, 0], [4, 4], False, r"statement 1 \(0 to 4, release 1\) is about nothing"),
        ([[0]], [0.5], [4], False, "no whole numbers"),
        ([[0]], [0], [4.5], False, "no whole numbers"),
        ([[0]], [math.nan], [4], False, "no whole numbers"),
        ([[0]], [0], [math.nan], False, "no whole numbers"),
        ([[0]], [5], [4], False, "low end above its high end"),
        ([[0]], [-5], [-1], False, "high end below 0"),
        ([[0]], [math.inf], [math.inf], False, "too large for a count"),
        ([[0]], [0], [2.0**45], False, "too large for a count"),
        ([[0]], [1], [4], True, "secret that does not begin with 0"),
        ([[0, 1, 0]], [0], [4], False, "counts an atom more than once"),
    ],
)
def test_statements_without_a_meaning_are_refused(sets, low, high, is_secret, said):
    with pytest.raises(ReleaseError, match=said):
        Statements.of(sets, low, high, atoms=2, is_secret=is_secret, release=1)


def test_columns_of_different_length_are_refused():
    table = said(([0], HIDDEN), ([1], HIDDEN), atoms=2)
    with pytest.raises(ReleaseError, match=r"differ in length \(2, 1, 2, 2, 2\)"):
        replace(table, low=table.low[:1])


def test_a_term_with_a_weight_is_refused():
    table = said(([0], HIDDEN), atoms=1)
    with pytest.raises(ReleaseError, match="more than once"):
        replace(table, atoms=sparse.csr_array([[2]]))


@pytest.mark.parametrize("is_shown", [True, False])
def test_a_contradiction_names_the_releases_that_cannot_all_be_true(is_shown):
    ends = HIDDEN if is_shown else FEW
    table = said(
        ([0], ends, "2024-Q1"),
        ([1], FEW, "2024-Q2"),
        ([2], MANY, "2024-Q3"),
        ([0, 1], HIDDEN, "2024-Q4"),
        ([2], MANY, "2025-Q1"),
        atoms=3,
    )
    with pytest.raises(ReleaseError, match=r"Releases 2024-Q2, 2024-Q4 contradict one another" if is_shown else "contradict"):
        openings(table, width=WIDTH)


@pytest.mark.parametrize("wide", [1, 2000])
def test_a_contradiction_that_no_bound_shows_is_found(wide):
    pairs = [(pair, (1, 1)) for pair in ([0, 1], [1, 2], [0, 2])]
    with pytest.raises(ReleaseError, match="Release 7 contradicts itself"):
        openings(said(*pairs, atoms=3, release=7), width=WIDTH, wide=wide)


# worked by hand


def test_nothing_published_opens_nothing():
    assert openings(Statements.of([], [], [], atoms=3, is_secret=False, release=1), width=WIDTH) == []
    assert found(said(([0], HIDDEN), ([1], MANY), atoms=2)) == {}


def test_row_and_column_totals_open_both_hidden_cells_of_a_table():
    counts = np.array([[3, 12, 7], [9, 2, 6], [8, 11, 5], [14, 6, 10]])
    place = np.arange(12).reshape(4, 3)
    cells = [([i], HIDDEN if n < 5 else (n, n)) for i, n in enumerate(counts.ravel())]
    rows = [(place[i], (counts[i].sum(),) * 2) for i in range(4)]
    columns = [(place[:, j], (counts[:, j].sum(),) * 2) for j in range(3)]
    table = said(*cells, *rows, *columns, atoms=12)
    assert openings(table, width=WIDTH) == [Opening(0, 3, 3, (1,)), Opening(4, 2, 2, (1,))]
    assert found(said(*cells, atoms=12)) == {}


def test_a_hidden_pattern_with_totals_is_known_within_its_range():
    # Two by two hidden, with the sums of the hidden ones known: rows 4 and 3, columns 5 and 2.
    table = said(
        *[([i], HIDDEN) for i in range(4)], ([0, 1], (4, 4)), ([2, 3], (3, 3)), ([0, 2], (5, 5)), ([1, 3], (2, 2)), atoms=4
    )
    assert found(table) == {0: (2, 4), 1: (0, 2), 2: (1, 3), 3: (0, 2)}


def test_overlapping_windows_open_the_quarter_that_left():
    quarters = [([q], (n, n), f"Q{q + 1}") for q, n in enumerate([3, 6, 7, 5, 8]) if q == 4]
    windows = [([0, 1, 2, 3], (21, 21), "Q4"), ([1, 2, 3, 4], (26, 26), "Q5")]
    table = said(([0], HIDDEN, "Q1"), *windows, *quarters, atoms=5)
    assert openings(table, width=WIDTH) == [Opening(0, 3, 3, ("Q1", "Q4", "Q5"))]
    assert found(table.take(table.release != "Q4")) == {}


@pytest.mark.parametrize(
    ("cells", "ends", "expected"),
    [
        (2, FEW, (1, 4)),
        (3, FEW, None),
        (4, SOME, None),
        (3, SOME, (2, 4)),
        (2, HIDDEN, None),
        (4, (16, 19), (4, 4)),
        (2, (0, 3), (0, 3)),
    ],
)
def test_a_block_of_hidden_cells(cells, ends, expected):
    table = said(*[([i], HIDDEN) for i in range(cells)], (range(cells), ends), atoms=cells)
    table = replace(table, is_secret=np.arange(cells + 1) < cells)
    assert found(table) == (dict.fromkeys(range(cells), expected) if expected else {})


def test_a_total_without_its_parts_opens_the_part_that_is_hidden():
    parts = [([0], (30, 30)), ([1], (12, 12)), ([2], HIDDEN)]
    assert found(said(*parts, ([0, 1, 2], (45, 45)), atoms=3)) == {2: (3, 3)}
    assert found(said(*parts, ([0, 1, 2, 3], (45, 45)), atoms=4)) == {2: (0, 3)}
    assert found(said(*parts, ([0, 1, 2, 3], (45, 54)), atoms=4)) == {}


def test_a_coarse_grid_opens_cells_of_the_fine_one_and_names_the_releases():
    fine = [([0], FEW, 1), ([1], HIDDEN, 1), ([2], HIDDEN, 1), ([3], HIDDEN, 2)]
    # Release 2 alone says of cell 3 that it and cell 0 are 10-19, and release 1 that cell 0 is 9 at most.
    table = said(*fine, ([0, 1, 2, 3], MANY, 3), ([0, 3], SOME, 2), atoms=4)
    assert found(table) == {1: (3, 4), 2: (3, 4), 3: (3, 4)}
    assert who(table) == {1: (1, 2, 3), 2: (1, 2, 3), 3: (1, 2)}


def test_a_hidden_block_of_hidden_cells_with_one_shown_is_a_contradiction_and_without_stays_open():
    block = [([i], HIDDEN) for i in range(4)]
    assert found(said(*block, (range(4), HIDDEN), atoms=4)) == {}
    with pytest.raises(ReleaseError, match="contradict"):
        openings(said(*block[:3], ([3], FEW), (range(4), HIDDEN), atoms=4), width=WIDTH)


def test_a_secret_sum_over_a_block_is_opened_by_its_surroundings():
    table = said(([0, 1], HIDDEN, 1), ([2], (6, 6), 1), ([0, 1, 2], FEW, 2), atoms=3)
    assert openings(table, width=WIDTH) == [Opening(0, 0, 3, (1, 2))]


def test_a_period_that_grows_by_a_hidden_quarter_opens_it():
    table = said(([0, 1], FEW, "to Q2"), ([2], HIDDEN, "Q3"), ([0, 1, 2], SOME, "to Q3"), atoms=3)
    assert openings(table, width=WIDTH) == [Opening(1, 1, 4, ("Q3", "to Q2", "to Q3"))]
    assert found(said(([0, 1], FEW), ([2], HIDDEN), ([0, 1, 2], FEW), atoms=3)) == {}


def test_one_release_is_blamed_where_it_alone_opens():
    table = said(([0], HIDDEN, 1), ([1], HIDDEN, 1), ([0, 1], FEW, 1), ([0, 1], (6, 9), 2), ([2], HIDDEN, 3), atoms=3)
    assert openings(table, width=WIDTH) == [Opening(0, 2, 4, (1,)), Opening(1, 2, 4, (1,))]


def test_a_narrower_total_of_many_cells_is_felt_by_each_of_them():
    cells = 40
    hidden = [([i], HIDDEN) for i in range(cells)]
    assert found(said(*hidden, (range(cells), (10, 19)), atoms=cells), wide=5) == {}
    tight = said(*hidden, (range(cells), (157, 160)), atoms=cells)
    assert found(tight, wide=5) == found(tight) == dict.fromkeys(range(cells), (1, 4))


# against brute force


@st.composite
def published(draw):
    """A truth of a few atoms, and true statements about it: bands, exact numbers, sums."""
    atoms = draw(st.integers(1, 5))
    truth = np.array(draw(st.lists(st.integers(0, 6), min_size=atoms, max_size=atoms)))
    sets = draw(st.lists(st.sets(st.integers(0, atoms - 1), min_size=1).map(sorted), min_size=1, max_size=7))
    sums = [int(truth[members].sum()) for members in sets]
    ends = [draw(st.sampled_from([(max(0, n - 3), n + 1), (n, n), (n, n + 5), (max(0, n - 5), n), (n, math.inf)])) for n in sums]
    is_secret = [n <= WIDTH and draw(st.booleans()) for n in sums]
    ends = [
        (0, draw(st.sampled_from([WIDTH, WIDTH + 2]))) if hidden else end for hidden, end in zip(is_secret, ends, strict=True)
    ]
    # No atom is above 6, so that all assignments can be listed.
    sets, ends, is_secret = sets + [[a] for a in range(atoms)], ends + [(0, 6)] * atoms, is_secret + [False] * atoms
    low, high = zip(*ends, strict=True)
    release = draw(st.lists(st.integers(1, 3), min_size=len(sets), max_size=len(sets)))
    return truth, Statements.of(sets, low, high, atoms=atoms, is_secret=is_secret, release=release)


def listed(table):
    """Least and most (up to the width) of every statement, over all assignments that fit."""
    every = np.array(list(itertools.product(range(7), repeat=table.atoms.shape[1])))
    sums = every @ table.atoms.toarray().T
    sums = sums[((sums >= table.low) & (sums <= table.high)).all(axis=1)]
    return sums.min(axis=0), np.minimum(sums.max(axis=0), WIDTH)


def opened(least, most, is_secret):
    return {int(i): (int(least[i]), int(most[i])) for i in np.flatnonzero(is_secret & ((least > 0) | (most < WIDTH)))}


@settings(max_examples=150, derandomize=True, database=None, deadline=None)
@given(drawn=published(), wide=st.sampled_from([1, 2, 3, 2000]))
def test_everything_that_can_be_deduced_is_and_nothing_else(drawn, wide):
    truth, table = drawn
    answer = openings(table, width=WIDTH, wide=wide)
    assert {o.statement: (o.least, o.most) for o in answer} == opened(*listed(table), table.is_secret)
    sums = table.atoms @ truth
    assert all(o.least <= sums[o.statement] and (sums[o.statement] <= o.most or o.most == WIDTH) for o in answer)


@settings(max_examples=60, derandomize=True, database=None, deadline=None)
@given(drawn=published())
def test_the_releases_that_are_blamed_open_it_and_none_of_them_can_be_missing(drawn):
    _, table = drawn
    for opening in openings(table, width=WIDTH):
        original = np.arange(len(table.low))
        for left_out in (None, *opening.releases):
            rows = np.isin(table.release, [release for release in opening.releases if release != left_out])
            opened_by_these = {int(original[rows][o.statement]) for o in openings(table.take(rows), width=WIDTH)}
            assert (opening.statement in opened_by_these) == (left_out is None)


@settings(max_examples=40, derandomize=True, database=None, deadline=None)
@given(drawn=published(), data=st.data())
def test_the_order_of_statements_and_atoms_does_not_matter(drawn, data):
    _, table = drawn
    rows = np.array(data.draw(st.permutations(range(len(table.low)))))
    columns = np.array(data.draw(st.permutations(range(table.atoms.shape[1]))))
    turned = replace(table.take(rows), atoms=sparse.csr_array(table.atoms[rows][:, columns].toarray()))
    answer = {int(rows[o.statement]): replace(o, statement=int(rows[o.statement])) for o in openings(turned, width=WIDTH)}
    assert answer == {o.statement: o for o in openings(table, width=WIDTH)}
