"""Everything that was ever released is solved together: nothing that is hidden may be opened by it."""

import dataclasses
import itertools
import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tensionmap.errors import ReleaseError
from tensionmap.protect.aggregate import inhabitants
from tensionmap.protect.community import community_sees
from tensionmap.protect.disclosure import opened
from tensionmap.protect.ledger import closed, require_closed
from tensionmap.protect.policy import Policy
from tensionmap.protect.release import Published
from tensionmap.protect.units import grid_of
from tensionmap.tables import PERIOD, RELEASED_HOTSPOTS, THEMES, Facts

QUARTERS = ("2024Q1", "2024Q2", "2024Q3", "2024Q4")
ADVERSE = np.array([0, 4, 5, 9, 10, 20])


@dataclass(frozen=True)
class Sketch:
    """As much of a release as is solved, made without the checks of its tables."""

    digest: str
    facts: Facts
    tables: dict[str, Any]


@pytest.fixture(scope="session")
def sketch(cells_of, hotspots_of):
    """A release of the crime map alone: counts by quarter and cell, residents by cell, which cells are hot."""

    def make(counts, residents, shape, *, is_hot=None, rest=None, digest="new", cell_m=1000.0, policy=Policy()):  # noqa: B008
        cells = cells_of(*shape, residents, cell_m=cell_m).sort_values("cell_id", ignore_index=True)
        quarters = QUARTERS[: len(counts)]
        rows = [
            (window, cell)
            for window, of_window in zip((*quarters, "rest"), [*counts, rest if rest is not None else 0 * counts[0]], strict=True)
            for cell, count in zip(cells["cell_id"], of_window, strict=True)
            for _ in range(count)
        ]
        reports = pd.DataFrame(rows, columns=["window", "cell_id"]).astype("str")
        names = [f"r{n}" for n in range(len(reports))]
        categories = [("theft", "burglary", "fraud")[n % 3] for n in range(len(reports))]
        reports = reports.assign(incident_id=names, event_id=names, reported_by="Norvia", category=categories, tier="B")
        windows = {PERIOD: pd.Series(True, index=reports.index), **{q: reports["window"] == q for q in quarters}}
        people = inhabitants(cells)
        grid = grid_of(cells, people, cell_m=cell_m, minimum_residents=policy.minimum_residents)
        hot = [] if is_hot is None else list(cells["cell_id"][np.asarray(is_hot, dtype=bool)])
        seen = community_sees(
            reports,
            cells,
            grid,
            people,
            hotspots_of(cells, {"crime": hot}),
            gpd.GeoDataFrame({"kind": [], "name": [], "name_local": [], "settlement_id": []}, geometry=[], crs=cells.crs),
            theme="crime",
            windows=windows,
            policy=policy,
            parties=("Norvia", "Selmar"),
            cell_m=cell_m,
        )
        tables = {name: frame.assign(theme="crime") for name, frame in seen.tables.items()}
        counted_in = pd.Series(grid.counted_in).replace(np.inf, None).astype("Int64")
        tables["grid"] = pd.DataFrame({"cell_id": cells["cell_id"], "counted_in": counted_in})
        last = str(pd.Period(quarters[-1]).end_time.date())
        facts = Facts(
            study="Sketch",
            is_invented=True,
            parties=("Norvia", "Selmar"),
            date_from="2024-01-01",
            date_to=last,
            public_from="2024-01-01",
            public_to=last,
            quarters=quarters,
            extent=tuple(map(float, cells.total_bounds)),
            cell_m=cell_m,
            alpha=0.05,
            replicates=99,
            minimum_count=policy.minimum_count,
            minimum_count_sensitive=policy.minimum_count_sensitive,
            minimum_residents=policy.minimum_residents,
            is_withheld=dict.fromkeys(THEMES, False),
        )
        return Sketch(digest, facts, tables)

    return make


# by chance: what is made is closed


def chance_world(seed, largest=8):
    chance = np.random.default_rng(seed)
    shape = tuple(int(n) for n in chance.integers(4, largest + 1, 2))
    size = shape[0] * shape[1]
    weights = [
        [0.5, 0.2, 0.1, 0.1, 0.05, 0.05],
        [0.8, 0.15, 0.05, 0, 0, 0],
        [0.2, 0.5, 0.3, 0, 0, 0],
    ][chance.integers(3)]
    counts = chance.choice(ADVERSE, (int(chance.integers(1, 5)), size), p=weights)
    residents = chance.choice(
        [0.0, 30.0, 60.0, 400.0], size, p=[[0.1, 0.2, 0.2, 0.5], [0, 0.6, 0.4, 0], [0, 0, 0, 1]][chance.integers(3)]
    )
    centre = chance.integers(0, size)
    column, row = np.divmod(np.arange(size), shape[1])
    is_hot = (np.abs(column - column[centre]) <= 1) & (np.abs(row - row[centre]) <= chance.integers(0, 3))
    is_hot |= chance.random(size) < 0.1
    return {"counts": counts, "residents": residents.tolist(), "shape": shape, "is_hot": is_hot}


@settings(
    max_examples=15, derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 2**32))
def test_a_release_alone_opens_nothing(sketch, seed):
    release = sketch(**chance_world(seed))
    assert opened([closed(release, Published())]) == []


def test_a_release_is_nearly_always_whole(sketch):
    """Areas may have to go; a release that is refused without them would be a fault of the rules."""
    seen = Counter()
    for seed in range(20):
        release = sketch(**chance_world(seed, largest=6))
        kept = len(closed(release, Published()).tables["hotspots"])
        seen["areas" if kept else "none"] += kept or 1
        seen["dropped"] += len(release.tables["hotspots"]) - kept
    assert seen["dropped"] <= seen["areas"] / 10, seen
    assert seen["areas"] > 15


# by hand: all truths of a tiny grid


def fitting(truths, release, shape):
    """By hidden cell of a window: what it holds in the ``truths`` that fit the release.

    A truth is what each cell holds in each quarter, and besides them in the period.
    """
    cells, quarters = release.tables["grid"]["cell_id"].tolist(), release.facts.quarters
    listed, ends = release.tables["cells"], {"5-9": (5, 9), "10-19": (10, 19), "20+": (20, np.inf)}
    numbers = release.tables["numbers"].set_index("window")["reports"]
    fits = np.ones(len(truths), dtype=bool)
    hidden = {}
    for window in (PERIOD, *quarters):
        holds = truths.sum(axis=1) if window == PERIOD else truths[:, quarters.index(window)]
        squares = {(cell, 1): holds[:, at] for at, cell in enumerate(cells)}
        if shape == (2, 2):
            squares[cells[0], 2] = holds.sum(axis=1)
        of_window = listed[listed["window"] == window]
        told = dict(zip(zip(of_window["cell_id"], of_window["side_cells"], strict=True), of_window["band"], strict=True))
        for square, number in squares.items():
            if square in told:
                fits &= (number >= ends[told[square]][0]) & (number <= ends[told[square]][1])
            elif square[1] == 1:
                fits &= number <= 4
                hidden[window, f"{square[0]} x 1"] = number
        fits &= holds.sum(axis=1) <= max(numbers[window] + 4, sum(ends[band][0] for band in told.values()))
    return {square: number[fits] for square, number in hidden.items()}


@pytest.mark.parametrize(
    ("shape", "quarters", "most", "seed"),
    [((2, 2), 1, 5, 1), ((1, 2), 2, 9, 0), ((1, 2), 2, 9, 1)],
    ids=["a square and one quarter", "two cells and two quarters", "two cells and two quarters again"],
)
def test_all_truths_of_a_tiny_grid_agree(sketch, shape, quarters, most, seed):
    """As released, and with listed squares struck out, lifted by a band, or the number of reports lowered."""
    chance = np.random.default_rng(seed)
    size = shape[0] * shape[1]
    counts, rest = chance.choice([0, 1, 4, 5], (quarters, size)), chance.choice([0, 1, 4], size)
    release = sketch(counts, [400.0] * size, shape, rest=rest)
    cells, numbers = release.tables["cells"], release.tables["numbers"]
    variants = [{}, {"numbers": numbers.assign(reports=0)}]
    variants += [{"cells": cells.drop(index=at)} for at in cells.index]
    is_liftable = (cells["side_cells"] == 2) | ((cells["window"] == PERIOD) & (quarters > 1))
    variants += [{"cells": cells.assign(band=cells["band"].mask(cells.index == at, "10-19"))} for at in cells.index[is_liftable]]
    slots = (quarters + 1, size)
    truths = np.array(list(itertools.product(range(most + 1), repeat=math.prod(slots))), dtype=np.int8).reshape(-1, *slots)
    for variant in variants:
        part = dataclasses.replace(release, tables={**release.tables, **variant})
        possible = fitting(truths, part, shape)
        if all(len(number) for number in possible.values()):
            by_hand = {square for square, number in possible.items() if number.min() > 0 or number.max() < 4}
            assert {(one.window, one.square) for one in opened([part]) if one.square.endswith("x 1")} == by_hand
        else:
            with pytest.raises(ReleaseError, match=r"contradicts itself"):
                opened([part])


def test_a_square_that_says_too_much_of_its_cells_is_found(sketch):
    release = sketch(np.array([[4, 4, 4, 0]]), [400.0] * 4, (2, 2))
    cells = release.tables["cells"].assign(band="10-19")
    assert set(cells["side_cells"]) == {2}
    numbers = release.tables["numbers"].assign(reports=20)
    assert opened([dataclasses.replace(release, tables={**release.tables, "cells": cells, "numbers": numbers})]) == []
    with pytest.raises(ReleaseError, match=r"Release new contradicts itself: no counts fit"):
        opened([dataclasses.replace(release, tables={**release.tables, "cells": cells.assign(band="20+")})])


# releases together


def with_areas(release, *areas):
    """The release with areas, each of some cells as columns and rows, that hold five reports at least."""
    side = release.facts.cell_m
    shapes = [
        shapely.union_all([shapely.box(c * side, r * side, (c + 1) * side, (r + 1) * side) for c, r in cells]) for cells in areas
    ]
    told = {"theme": "crime", "kind": "hot", "at_least": 5, **dict.fromkeys(("reported_from", "support", "near", "near_local"))}
    frame = pd.DataFrame({"hotspot_id": [str(n) for n in range(1, len(areas) + 1)]}).assign(**told)
    assert {*frame.columns, "geometry"} == set(RELEASED_HOTSPOTS.column_names)
    hotspots = gpd.GeoDataFrame(frame, geometry=shapes, crs=release.tables["cells"].crs)
    return dataclasses.replace(release, digest="area", tables={**release.tables, "hotspots": hotspots})


def test_the_same_release_twice_opens_nothing(sketch):
    release = sketch(np.array([[4, 0, 7, 0], [0, 4, 9, 2]]), [400.0] * 4, (2, 2))
    assert opened([release, release]) == []
    assert opened([release, dataclasses.replace(release, digest="again")]) == []
    require_closed(release, Published((release,)))


def test_an_area_of_two_hidden_cells_is_found_and_dropped(sketch):
    release = with_areas(sketch(np.array([[3, 3, 0, 0, 0, 0]]), [400.0] * 6, (3, 2)), [(500, 4760), (500, 4761)])
    found = opened([release])
    assert {(one.theme, one.window, one.square) for one in found} >= {("crime", PERIOD, "E500N4760 x 1")}
    assert all(one.releases == ("area",) for one in found)
    with pytest.raises(ReleaseError, match=r"square E500N4760 x 1, crime, period: opened by this release \(area\)"):
        require_closed(release, Published())
    whole = closed(release, Published())
    assert whole.tables["hotspots"].empty
    assert whole.facts.is_withheld == {"crime": True, "tension": False, "cooperation": False}
    assert whole.tables["cells"] is release.tables["cells"]


def test_a_thin_cell_in_an_area_hides_nothing(sketch):
    """An area counts the reports of cells that are counted by themselves; a reader knows which."""
    release = sketch(np.array([[3, 3, 0, 0, 0, 0]]), [400.0] * 4 + [30.0] * 2, (1, 6))
    area = [(500, 4762), (500, 4763)]
    assert {one.square for one in opened([with_areas(release, area)])} == {"E500N4762 x 1", "E500N4763 x 1"}
    assert opened([with_areas(release, [*area, (500, 4764)])]) == opened([with_areas(release, area)])


def with_windows(release, digest, *, period=None, quarters=None, **tables):
    """A release with another period or other quarters, and with some of its tables put in anew."""
    facts = release.facts
    if period is not None:
        facts = dataclasses.replace(facts, public_from=period[0], public_to=period[1], date_from=period[0], date_to=period[1])
    if quarters is not None:
        facts = dataclasses.replace(facts, quarters=quarters)
    return Sketch(digest, facts, {**release.tables, **tables})


def listing(release, *rows):
    """The table of listed squares from (window, cell, side, band)."""
    frame = pd.DataFrame(rows, columns=["window", "cell_id", "side_cells", "band"]).assign(theme="crime")
    return gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries([None] * len(rows), crs=release.tables["cells"].crs))


def numbering(**reports):
    return pd.DataFrame({"theme": "crime", "window": list(reports), "reports": list(reports.values()), "unplaced_percent": pd.NA})


def test_overlapping_windows_are_found_and_named(sketch):
    """The half year holds nine at most, its first quarter seven at least: two at most are of the second, which is hidden."""
    plain = sketch(np.array([[0] * 6]), [400.0] * 6, (3, 2))
    plain = dataclasses.replace(plain, facts=dataclasses.replace(plain.facts, minimum_count=7))
    cell = "E502N4760"
    told = {"cells": listing(plain, (PERIOD, cell, 1, "5-9")), "numbers": numbering(period=40)}
    half = with_windows(plain, "half", period=("2024-01-01", "2024-06-30"), quarters=(), **told)
    first = with_windows(plain, "first", period=("2024-01-01", "2024-03-31"), quarters=(), **told)
    hidden = {"cells": listing(plain), "numbers": numbering(period=40)}
    second = with_windows(plain, "second", period=("2024-04-01", "2024-06-30"), quarters=(), **hidden)
    for some in ((half,), (first,), (second,), (half, first), (half, second), (first, second)):
        assert opened(some) == []
    found = opened([half, first, second])
    assert [(one.window, one.square, one.releases) for one in found] == [(PERIOD, f"{cell} x 1", ("first", "half", "second"))]
    with pytest.raises(ReleaseError) as caught:
        require_closed(second, Published((half, first)))
    message = str(caught.value)
    assert f"square {cell} x 1, crime, {PERIOD}: opened by release first and release half and this release (second)" in message
    assert not any(character.isdigit() for character in message.replace(f"{cell} x 1", "")), "no count is told"


def test_two_releases_that_open_a_cell_are_both_named(sketch):
    """A square told in the one, its four cells one by one in the other: three hold none, so the fourth holds five."""
    thin, rich = (
        sketch(np.array([[0] * 4]), [people] * 4, (2, 2), digest=name) for people, name in ((30.0, "old"), (400.0, "new"))
    )
    square = with_windows(thin, "old", cells=listing(thin, (PERIOD, "E500N4760", 2, "10-19")), numbers=numbering(period=10))
    cells = with_windows(rich, "new", cells=listing(rich), numbers=numbering(period=10))
    assert opened([square]) == []
    with pytest.raises(ReleaseError, match=r"Releases new, old contradict one another"):
        opened([square, cells])
    fewer = with_windows(rich, "new", cells=listing(rich, (PERIOD, "E500N4760", 1, "5-9")), numbers=numbering(period=10))
    found = opened([square, fewer])
    assert found
    assert {one.releases for one in found} == {("new", "old")}
    with pytest.raises(ReleaseError, match=r"opened by this release \(new\) and release old"):
        require_closed(fewer, Published((square,)))


def test_squares_of_two_sizes_are_laid_over_one_another(sketch):
    """A square of 2 km with twenty, over three hidden cells of 1 km and a thin one, which holds eight at least."""
    small = sketch(np.array([[0] * 16]), [30.0, *[400.0] * 15], (4, 4), digest="small")
    small = with_windows(small, "small", cells=listing(small), numbers=numbering(period=40))
    large = sketch(np.array([[0] * 4]), [400.0] * 4, (2, 2), cell_m=2000.0, digest="large")
    told = with_windows(large, "large", cells=listing(large, (PERIOD, "E250N2380", 1, "20+")), numbers=numbering(period=40))
    assert opened([small]) == opened([told]) == []
    found = opened([small, told])
    assert [(one.square, one.least, one.releases) for one in found] == [("E500N4760 x 1", 8, ("large", "small"))]
    elsewhere = with_windows(large, "large", cells=listing(large, (PERIOD, "E251N2380", 1, "5-9")), numbers=numbering(period=40))
    with pytest.raises(ReleaseError, match=r"Releases large, small contradict one another"):
        opened([small, elsewhere])  # four hidden cells there hold four together


@pytest.mark.parametrize("cell_m", [1500.0, 2000.0, 3000.0])
def test_other_sizes_of_cells_open_nothing_by_themselves(sketch, cell_m):
    quiet = [sketch(np.array([[0] * 16]), [400.0] * 16, (4, 4), cell_m=size, digest=f"{size:g}") for size in (1000.0, cell_m)]
    assert opened(quiet) == []


def test_cells_of_1500_m_over_1000_m_are_held_against_each_other(sketch):
    """Column 333 of the one reaches from 499.5 to 501 km: over columns 500 (whole) and 499 (half, not on the other grid)."""
    thousand = sketch(np.array([[0] * 36]), [400.0] * 36, (6, 6), digest="thousand")
    told = with_windows(
        thousand,
        "thousand",
        cells=listing(thousand, *((PERIOD, f"E50{c}N476{r}", 1, "20+") for c in (0, 1, 2) for r in (0, 1, 2))),
        numbers=numbering(period=200),
    )
    wide = sketch(np.array([[0] * 16]), [400.0] * 16, (4, 4), cell_m=1500.0, digest="wide")
    nothing = with_windows(wide, "wide", cells=listing(wide), numbers=numbering(period=10))
    with pytest.raises(ReleaseError, match=r"Releases thousand, wide contradict one another"):
        opened([told, nothing])


def test_sizes_that_do_not_fit_are_refused(sketch):
    releases = [sketch(np.array([[0] * 4]), [400.0] * 4, (2, 2), cell_m=size) for size in (1000.0, 1000.5)]
    with pytest.raises(ReleaseError, match=r"squares of 1000 m, 1000\.5 m: .*Keep cell_m as it was"):
        opened(releases)
    assert opened(releases[1:]) == []


def test_another_crs_is_refused(sketch):
    here = sketch(np.array([[0] * 4]), [400.0] * 4, (2, 2))
    cells = here.tables["cells"].set_crs(32627, allow_override=True)
    there = dataclasses.replace(here, digest="there", tables={**here.tables, "cells": cells})
    with pytest.raises(ReleaseError, match=r"stand in another CRS.*withdraw the earlier releases"):
        opened([there, here])


def test_a_message_names_a_few_squares_and_counts_the_rest(sketch):
    column = sketch(np.array([[0] * 6]), [400.0] * 6, (1, 6))
    column = dataclasses.replace(column, tables={**column.tables, "numbers": numbering(period=40)})
    two = with_areas(column, [(500, 4760), (500, 4761)], [(500, 4763), (500, 4764)])
    assert len(opened([two])) == 4
    with pytest.raises(ReleaseError, match=r"and 1 more"):
        require_closed(two, Published())
