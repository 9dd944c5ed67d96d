"""Spatial scans: what is refused, every window by hand, invariances, SaTScan's answers, and how often noise is a cluster."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tensionmap.errors import GeometryError, MeasureError
from tensionmap.measure import montecarlo, scan
from tensionmap.measure.montecarlo import draw_kinds
from tensionmap.measure.nulls import Null
from tensionmap.measure.scan import ELLIPSES, bernoulli_scan, distinct, network_scan, poisson_scan
from tensionmap.streams import begin

REAL = os.environ.get("TENSIONMAP_REAL_DATA")
ORACLES = [Path(REAL) / "known_answer"] if REAL else []

RANDOM = np.random.default_rng(20)
PLACES = 20
EAST, NORTH = RANDOM.uniform(400_000, 410_000, PLACES), RANDOM.uniform(4_430_000, 4_440_000, PLACES)
PEOPLE = RANDOM.integers(20, 200, PLACES)
CASES = RANDOM.multinomial(60, PEOPLE / PEOPLE.sum()) + np.where(np.hypot(EAST - EAST[3], NORTH - NORTH[3]) < 2500, 4, 0)
CONTROLS = RANDOM.poisson(4, PLACES)
EDGES = [(node, node + 1) for node in range(11)] + [(4, 12), *pairwise(range(12, 18)), (7, 18), (18, 19), (2, 14)]
LENGTHS = RANDOM.uniform(300, 900, len(EDGES))


# Every window by hand: plain loops that share nothing with the code under test.


def llr(cases: float, held: float, total: float, everything: float, *, bernoulli: bool) -> float:
    def part(some: float, expected: float) -> float:
        return some * np.log(some / expected) if some > 0 else 0.0

    def rest(some: float) -> float:
        return total - some

    if not bernoulli:
        expected = total * held / everything
        return part(cases, expected) + part(rest(cases), total - expected)
    return (
        part(cases, held)
        + part(held - cases, held)
        + part(rest(cases), everything - held)
        + part(everything - held - rest(cases), everything - held)
        - part(total, everything)
        - part(everything - total, everything)
    )


def windows(away: np.ndarray, weight: np.ndarray, share: float, radius: float) -> Iterator[list[int]]:
    """All sets of places within some distance of one centre."""
    for distance in sorted(set(away[np.isfinite(away)])):
        members = [place for place in range(away.size) if away[place] <= distance * (1 + 1e-9)]
        if distance <= radius * (1 + 1e-9) and weight[members].sum() <= share * weight.sum() * (1 + 1e-9):
            yield members


def ellipse_distances(east: np.ndarray, north: np.ndarray) -> Iterator[tuple[float, np.ndarray]]:
    """Shape, and the semi-major axis of the ellipse around each place on whose edge another one lies."""
    for shape, angles in ({1.0: 1} | ELLIPSES).items():
        for turn in np.arange(angles) * np.pi / angles:
            steps = (east[:, None] - east) + 1j * (north[:, None] - north)
            steps = steps * np.exp(-1j * turn)
            yield shape, shape * np.hypot(steps.real / shape, steps.imag)


def by_hand(
    layers: list[tuple[float, np.ndarray]],
    cases: np.ndarray,
    weight: np.ndarray,
    *,
    rates: str = "high",
    share: float = 0.25,
    radius: float = np.inf,
    power: float = 0.5,
    fewest: int = 2,
    bernoulli: bool = False,
) -> list[tuple[float, set[int]]]:
    """Statistic and members of the strongest window of each centre, strongest first, for layers of (shape, distances)."""
    total, everything = cases.sum(), weight.sum()
    found = []
    for centre in range(layers[0][1].shape[0]):
        best: tuple[float, set[int]] = (0.0, set())
        for shape, distances in layers:
            for members in windows(distances[centre], weight, share, radius):
                inside, held = cases[members].sum(), weight[members].sum()
                is_high = inside * everything > total * held
                is_low = inside * everything < total * held
                is_wanted = (is_high and inside >= fewest and rates != "low") or (is_low and rates != "high")
                value = llr(inside, held, total, everything, bernoulli=bernoulli) * (4 * shape / (shape + 1) ** 2) ** power
                if is_wanted and value > best[0] + 1e-12:
                    best = (value, set(members))
        if best[0] > 0:
            found.append(best)
    return sorted(found, key=lambda pair: -pair[0])


def kept_by_hand(found: list[tuple[float, set[int]]]) -> list[tuple[float, set[int]]]:
    kept: list[tuple[float, set[int]]] = []
    for value, members in found:
        if not any(members & other for _, other in kept):
            kept.append((value, members))
    return kept


def assert_as_by_hand(table: pd.DataFrame, found: list[tuple[float, set[int]]]) -> None:
    kept = kept_by_hand(found)[: len(table)]
    statistic = table["statistic"] if "statistic" in table else table["llr"]
    np.testing.assert_allclose(statistic, [value for value, _ in kept], rtol=1e-9)
    assert [set(members) for members in table["members"]] == [members for _, members in kept]


def plane(east: np.ndarray, north: np.ndarray) -> list[tuple[float, np.ndarray]]:
    return [(1.0, np.hypot(east[:, None] - east, north[:, None] - north))]


def network(edges: list[tuple[int, int]], lengths: np.ndarray) -> list[tuple[float, np.ndarray]]:
    graph = nx.Graph()
    for (start, end), length in zip(edges, lengths, strict=True):
        graph.add_edge(start, end, weight=min(length, graph.get_edge_data(start, end, {"weight": np.inf})["weight"]))
    away = dict(nx.all_pairs_dijkstra_path_length(graph))
    nodes = range(graph.number_of_nodes())
    return [(1.0, np.array([[away[start].get(end, np.inf) for end in nodes] for start in nodes]))]


LOOSE: dict[str, Any] = {"seed": 3, "max_radius_m": None, "replicates": 99, "stop_after": None}


# Refused.


def changed(values: np.ndarray, value: float) -> np.ndarray:
    other = values.astype(float)
    other[2] = value
    return other


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        ("cases holds numbers that are missing", {"cases": changed(CASES, np.nan)}),
        ("cases holds numbers", {"cases": changed(CASES, -1)}),
        ("cases holds numbers that are not whole", {"cases": changed(CASES, 0.5)}),
        ("population holds", {"population": changed(PEOPLE, np.inf)}),
        ("different lengths: cases 19, easting 20", {"cases": CASES[1:]}),
        ("shape", {"cases": np.zeros((20, 1))}),
        ("population is 0 at every place", {"population": np.zeros(PLACES)}),
        ("cases lie at places where the population is 0", {"population": np.where(CASES.max() == CASES, 0, PEOPLE)}),
        ("shape is 'square'", {"shape": "square"}),
        ("penalty is 'weak'", {"penalty": "weak"}),
        ("rates is 'hot'", {"rates": "hot"}),
        ("max_share is 0.6", {"max_share": 0.6}),
        ("max_share is nan", {"max_share": float("nan")}),
        ("max_radius_m is 0", {"max_radius_m": 0.0}),
        ("fewest_cases is 0", {"fewest_cases": 0}),
        ("stop_after is 0", {"stop_after": 0}),
        ("at least 19 replicates", {"replicates": 18}),
        ("seed", {"seed": -1}),
        ("Null draws 5 reports", {"population": Null.of_kinds(np.ones(PLACES), np.array([5]))}),
        ("different lengths", {"population": Null.of_kinds(np.ones(4), np.array([CASES.sum()]))}),
        ("index differs", {"cases": pd.Series(CASES), "population": pd.Series(PEOPLE, index=np.arange(PLACES) + 1)}),
    ],
)
def test_what_cannot_be_scanned_is_refused(words: str, arguments: dict[str, Any]) -> None:
    given_ = {"cases": CASES, "population": PEOPLE, "easting": EAST, "northing": NORTH, "seed": 1} | arguments
    with pytest.raises(MeasureError, match=words):
        poisson_scan(**given_)


def test_coordinates_that_are_missing_are_refused() -> None:
    with pytest.raises(GeometryError, match="northing"):
        poisson_scan(CASES, PEOPLE, EAST, changed(NORTH, np.nan), seed=1)
    with pytest.raises(MeasureError, match="and a place"):
        poisson_scan([], [], [], [], seed=1)


def test_cases_without_controls_are_refused() -> None:
    with pytest.raises(MeasureError, match="no controls"):
        bernoulli_scan(CASES, np.zeros(PLACES), EAST, NORTH, seed=1)


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        ("edges has the shape", {"lengths_m": LENGTHS[1:]}),
        ("edges has the shape", {"edges": np.array(EDGES) - 1}),
        ("lengths_m holds", {"lengths_m": np.where(LENGTHS[0] == LENGTHS, -1, LENGTHS)}),
        ("names nodes that no edge has", {"node_of_place": np.arange(PLACES) + 1}),
        ("names nodes that no edge has", {"node_of_place": np.arange(PLACES) - 2}),
        ("not whole", {"node_of_place": np.arange(PLACES) / 2}),
        ("No place lies at a node", {"node_of_place": np.full(PLACES, -1)}),
        (
            "1 places lie at no node",
            {
                "node_of_place": np.where(np.arange(PLACES) == 5, -1, np.arange(PLACES)),
                "population": Null.of_kinds(PEOPLE.astype(float), np.array([CASES.sum()])),
            },
        ),
    ],
)
def test_networks_that_cannot_be_are_refused(words: str, arguments: dict[str, Any]) -> None:
    given_: dict[str, Any] = {"cases": CASES, "population": PEOPLE, "edges": EDGES, "lengths_m": LENGTHS}
    with pytest.raises((MeasureError, GeometryError), match=words):
        network_scan(**(given_ | {"node_of_place": np.arange(PLACES), "seed": 1} | arguments))


def test_windows_too_many_to_hold_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "MOST_MEMBERS", 50)
    with pytest.raises(MeasureError, match="too many to hold"):
        poisson_scan(CASES, PEOPLE, EAST, NORTH, **LOOSE)


# Answers that are defined.


def test_clusters_that_share_a_member_with_a_stronger_one_are_not_told_of() -> None:
    assert distinct([[1, 2], [2, 3], [3, 4], [9], [4, 9], []]) == [0, 2, 3, 5]
    assert distinct([np.array([7, 3]), np.array([3])]) == [0]
    assert distinct([]) == []


def test_no_case_is_no_cluster_in_a_table_with_all_columns() -> None:
    found = poisson_scan(np.zeros(PLACES), PEOPLE, EAST, NORTH, seed=1)
    assert len(found) == 0
    assert found.columns.tolist() == [
        *("cluster", "easting", "northing", "radius_m", "places", "members", "cases", "expected", "relative_risk"),
        *("llr", "p", "p_gumbel", "verdict"),
    ]
    full = poisson_scan(CASES, PEOPLE, EAST, NORTH, seed=1)
    assert found.dtypes.tolist() == full.dtypes.tolist()
    ellipses = poisson_scan(CASES * 0, PEOPLE, EAST, NORTH, shape="ellipse", seed=1)
    assert {"semi_minor_m", "semi_major_m", "angle_degrees", "statistic"} <= set(ellipses.columns)
    assert len(bernoulli_scan(CASES * 0, CONTROLS, EAST, NORTH, seed=1)) == 0
    assert "node" in network_scan(CASES * 0, PEOPLE, EDGES, LENGTHS, np.arange(PLACES), seed=1)


@pytest.mark.parametrize("places", [1, 5])
def test_a_single_spot_has_no_cluster(places: int) -> None:
    at = np.full(places, 400_000.0)
    assert len(poisson_scan(np.full(places, 10), np.ones(places), at, at, seed=1)) == 0


def test_few_cases_are_described_but_not_judged() -> None:
    cases = np.where(np.arange(PLACES) == 3, 29, 0)
    found = poisson_scan(cases, PEOPLE, EAST, NORTH, **LOOSE)
    assert found.loc[0, ["members", "cases", "relative_risk", "verdict"]].tolist() == [(3,), 29, np.inf, "too few to tell"]
    assert found["p"].isna().all()
    assert found["p_gumbel"].isna().all()
    judged = poisson_scan(cases + np.where(np.arange(PLACES) == 3, 1, 0), PEOPLE, EAST, NORTH, **LOOSE)
    assert judged.loc[0, ["p", "verdict"]].tolist() == [0.01, "hot"]


def test_relative_risk_compares_inside_with_outside() -> None:
    found = poisson_scan([30, 10, 10, 10], [100, 100, 100, 300], [0, 9e3, 2e4, 4e4], [0, 0, 0, 0], **LOOSE)
    assert found.loc[0, "members"] == (0,)
    assert found.loc[0, "expected"] == 10
    assert found.loc[0, "relative_risk"] == pytest.approx((30 / 10) / (30 / 50))
    assert found.loc[0, "llr"] == pytest.approx(30 * np.log(3) + 30 * np.log(30 / 50))


def test_a_lack_of_cases_is_cold() -> None:
    people = np.full(PLACES, 50)
    cases = np.full(PLACES, 10)
    near = np.argsort(np.hypot(EAST - EAST[3], NORTH - NORTH[3]))[:4]
    cases[near] = 1
    found = poisson_scan(cases, people, EAST, NORTH, rates="low", **LOOSE)
    assert (set(found.loc[0, "members"]), found.loc[0, "verdict"]) == (set(near.tolist()), "cold")
    both = poisson_scan(cases, people, EAST, NORTH, rates="both", **LOOSE)
    assert both.loc[0, "members"] == found.loc[0, "members"]
    assert "cold" not in set(poisson_scan(cases, people, EAST, NORTH, **LOOSE)["verdict"])


def test_a_cluster_has_the_fewest_cases_asked_for() -> None:
    fewest = poisson_scan(CASES, PEOPLE, EAST, NORTH, **LOOSE)["cases"].min()
    found = poisson_scan(CASES, PEOPLE, EAST, NORTH, fewest_cases=fewest + 1, **LOOSE)
    assert found["cases"].min() > fewest
    assert_as_by_hand(found, by_hand(plane(EAST, NORTH), CASES, PEOPLE, fewest=fewest + 1))


# Every window by hand.


@pytest.mark.parametrize("rates", ["high", "low", "both"])
@pytest.mark.parametrize("share", [0.1, 0.5])
def test_circles_are_all_tried(rates: str, share: float) -> None:
    for radius in (None, 3000.0):
        options = LOOSE | {"rates": rates, "max_share": share, "max_radius_m": radius}
        limits: dict[str, Any] = {"rates": rates, "share": share, "radius": radius or np.inf}
        found = poisson_scan(CASES, PEOPLE, EAST, NORTH, **options)
        assert_as_by_hand(found, by_hand(plane(EAST, NORTH), CASES, PEOPLE, **limits))
        found = bernoulli_scan(CASES, CONTROLS, EAST, NORTH, **options)
        assert_as_by_hand(found, by_hand(plane(EAST, NORTH), CASES, CASES + CONTROLS, bernoulli=True, **limits))


@pytest.mark.parametrize(("penalty", "power"), [("none", 0.0), ("medium", 0.5), ("strong", 1.0)])
def test_ellipses_are_all_tried(penalty: str, power: float) -> None:
    layers = list(ellipse_distances(EAST, NORTH))
    assert len(layers) == 47
    for radius in (None, 4000.0):
        options: dict[str, Any] = LOOSE | {"shape": "ellipse", "penalty": penalty, "max_radius_m": radius}
        found = poisson_scan(CASES, PEOPLE, EAST, NORTH, **options)
        assert_as_by_hand(found, by_hand(layers, CASES, PEOPLE, power=power, radius=radius or np.inf))
        found = bernoulli_scan(CASES, CONTROLS, EAST, NORTH, rates="both", **options)
        by_hand_ = by_hand(layers, CASES, CASES + CONTROLS, power=power, radius=radius or np.inf, rates="both", bernoulli=True)
        assert_as_by_hand(found, by_hand_)


def test_the_axes_of_an_ellipse_reach_its_furthest_member() -> None:
    along = np.arange(-4, 5) * 1000.0
    east, north = along * np.cos(np.radians(30)), along * np.sin(np.radians(30))
    east, north = np.append(east, [4000, -4000, 0, 0]), np.append(north, [-4000, 4000, 5000, -5000])
    cases = np.array([1, 1, 9, 9, 9, 9, 9, 1, 1, 10, 10, 10, 10])
    found = poisson_scan(cases, np.full(13, 10) + 20 * (cases == 10), east, north, shape="ellipse", max_share=0.5, **LOOSE)
    first = found.iloc[0]
    assert first["members"] == (2, 3, 4, 5, 6)
    if first["semi_major_m"] > first["semi_minor_m"]:
        assert first["angle_degrees"] == pytest.approx(30)
    assert first["semi_major_m"] >= 2000 - 1e-6


@pytest.mark.parametrize("radius", [None, 1500.0])
def test_parts_of_a_network_are_all_tried(radius: float | None) -> None:
    found = network_scan(CASES, PEOPLE, EDGES, LENGTHS, np.arange(PLACES), **(LOOSE | {"max_radius_m": radius}))
    assert_as_by_hand(found, by_hand(network(EDGES, LENGTHS), CASES, PEOPLE, radius=radius or np.inf))


@pytest.mark.parametrize("seed", range(4))
def test_places_at_equal_distance_enter_together(seed: int) -> None:
    """Two neighbours on a grid are no disk: whoever takes the one takes the other three as well."""
    row, column = np.divmod(np.arange(49), 7)
    east, north = 400_000 + 1000.0 * column, 4_400_000 + 1000.0 * row
    cases = np.random.default_rng(seed).poisson(1, 49) + np.where((np.arange(49) == 24) | (np.arange(49) == 25), 8, 0)
    found = poisson_scan(cases, np.ones(49), east, north, **LOOSE).iloc[0]
    assert found["llr"] == pytest.approx(by_hand(plane(east, north), cases, np.ones(49))[0][0], rel=1e-9)
    away = np.hypot(east - found["easting"], north - found["northing"])
    assert found["members"] == tuple(np.flatnonzero(away <= found["radius_m"] + 1e-6).tolist())


def test_a_window_told_of_is_the_narrowest_that_holds_its_places() -> None:
    found = poisson_scan([20, 20, 20, 5, 5, 5, 5], np.ones(7), [0, 1000, 2000, 30_000, 40_000, 51_000, 63_000], np.zeros(7),
                         max_share=0.5, **LOOSE)  # fmt: skip
    assert found.loc[0, ["easting", "radius_m", "members"]].tolist() == [1000, 1000, (0, 1, 2)]


# Replicates.


@pytest.mark.parametrize("rates", ["high", "low", "both"])
@pytest.mark.parametrize("shape", ["circle", "ellipse"])
def test_the_strongest_window_of_every_replicate_is_found(rates: str, shape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    replicates, observed = 40, list[Any]()
    told = montecarlo.rarest_of_maps
    monkeypatch.setattr(montecarlo, "rarest_of_maps", lambda *a, **k: observed.append(told(*a, **k)) or observed[-1])
    layers = plane(EAST, NORTH) if shape == "circle" else list(ellipse_distances(EAST, NORTH))
    order = np.lexsort((EAST, NORTH))
    for bernoulli in (False, True):
        weight = CASES + CONTROLS if bernoulli else PEOPLE
        task = bernoulli_scan if bernoulli else poisson_scan
        task(
            CASES,
            CONTROLS if bernoulli else PEOPLE,
            EAST,
            NORTH,
            **LOOSE | {"rates": rates, "shape": shape, "replicates": replicates},
        )
        total = np.array([CASES.sum()])
        null = Null.of_labels(weight[order], total[0]) if bernoulli else Null.of_kinds(weight[order].astype(float), total)
        drawn, counts = np.empty(PLACES, np.int64), np.empty(PLACES, np.int64)
        for replicate in range(0, replicates, 1 if shape == "circle" else 13):
            draw_kinds(np.uint64(begin(np.uint64(3), replicate)), *null.tables, drawn)
            counts[order] = drawn
            expected = by_hand(layers, counts, weight, rates=rates, bernoulli=bernoulli)[0][0]
            assert observed[-1][replicate] == pytest.approx(expected, rel=1e-9)


def test_threads_leave_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = []
    for threads in (1, 3, 8):
        monkeypatch.setattr(montecarlo, "threads", lambda threads=threads: threads)
        tables.append(poisson_scan(CASES, PEOPLE, EAST, NORTH, seed=5, shape="ellipse", rates="both", replicates=199))
    pd.testing.assert_frame_equal(tables[0], tables[1], check_exact=True)
    pd.testing.assert_frame_equal(tables[0], tables[2], check_exact=True)


def test_many_cases_are_counted_as_exactly_as_few() -> None:
    people, cases = PEOPLE * 1.0, CASES * 900
    found = poisson_scan(cases, people, EAST, NORTH, **LOOSE)
    assert cases.sum() > np.iinfo(np.int16).max
    assert_as_by_hand(found, by_hand(plane(EAST, NORTH), cases, people))
    assert found.loc[0, "verdict"] == "hot"


def test_a_scan_of_noise_stops_early() -> None:
    cases = np.random.default_rng(1).multinomial(60, PEOPLE / PEOPLE.sum())
    early = poisson_scan(cases, PEOPLE, EAST, NORTH, seed=1, stop_after=10)
    full = poisson_scan(cases, PEOPLE, EAST, NORTH, seed=1, stop_after=None)
    assert full.loc[0, "p"] > 0.1
    assert early.loc[0, "p"] == pytest.approx(full.loc[0, "p"], abs=0.25)
    assert early.loc[0, "p"] * 1000 % 1 != 0


def test_a_null_of_kinds_is_what_cases_are_held_against() -> None:
    named = np.where(np.arange(PLACES) == 7, 1.0, 0.0)
    totals = np.array([40, CASES.sum()])
    cases = CASES + np.where(np.arange(PLACES) == 7, 40, 0)
    null = Null.of_kinds(np.stack([named, PEOPLE / PEOPLE.sum()]), totals)
    against_people = poisson_scan(cases, PEOPLE, EAST, NORTH, **LOOSE | {"max_share": 0.5})
    against_null = poisson_scan(cases, null, EAST, NORTH, **LOOSE | {"max_share": 0.5})
    assert against_people.loc[0, "members"] == (7,)
    assert 7 not in against_null.loc[0, "members"]
    np.testing.assert_allclose(
        against_null["expected"], [null.expected[list(m)].sum() for m in against_null["members"]], rtol=1e-9
    )


# What must not matter.


def same(one: pd.DataFrame, other: pd.DataFrame, order: np.ndarray) -> None:
    """``other`` was made from rows in ``order``."""
    other = other.assign(members=[tuple(sorted(int(order[row]) for row in members)) for members in other["members"]])
    pd.testing.assert_frame_equal(one, other, check_exact=True)


@settings(max_examples=15, deadline=None)
@given(st.permutations(range(PLACES)), st.sampled_from(["circle", "ellipse"]))
def test_the_order_of_rows_does_not_matter(order: list[int], shape: str) -> None:
    rows = np.array(order)
    options: dict[str, Any] = {"seed": 2, "shape": shape, "replicates": 99}
    null = Null.of_kinds(np.stack([PEOPLE, PEOPLE[::-1]]).astype(float), np.array([10, CASES.sum() - 10]))
    turned = Null.of_kinds(np.stack([PEOPLE[rows], PEOPLE[::-1][rows]]).astype(float), null.totals)
    for first, second in ((PEOPLE, PEOPLE[rows]), (null, turned)):
        one = poisson_scan(CASES, first, EAST, NORTH, **options)
        same(one, poisson_scan(CASES[rows], second, EAST[rows], NORTH[rows], **options), rows)
    one = bernoulli_scan(CASES, CONTROLS, EAST, NORTH, **options)
    same(one, bernoulli_scan(CASES[rows], CONTROLS[rows], EAST[rows], NORTH[rows], **options), rows)


@settings(max_examples=15, deadline=None)
@given(st.permutations(range(len(EDGES))), st.permutations(range(PLACES)))
def test_the_order_of_edges_and_places_does_not_matter(edges: list[int], order: list[int]) -> None:
    rows, nodes = np.array(order), np.arange(PLACES) // 2
    one = network_scan(CASES, PEOPLE, EDGES, LENGTHS, nodes, seed=2, replicates=99)
    other = network_scan(
        CASES[rows], PEOPLE[rows], np.array(EDGES)[edges][:, ::-1], LENGTHS[edges], nodes[rows], seed=2, replicates=99
    )
    same(one, other, rows)


@settings(max_examples=15, deadline=None)
@given(st.integers(-300_000, 300_000), st.integers(-4_000_000, 4_000_000), st.sampled_from([2, 8, 0.5]))
def test_moving_everything_or_counting_twice_as_many_people_changes_nothing(east: int, north: int, times: float) -> None:
    easting, northing = np.rint(EAST), np.rint(NORTH)
    one = poisson_scan(CASES, PEOPLE, easting, northing, seed=2, replicates=99)
    other = poisson_scan(CASES, PEOPLE * times, easting + east, northing + north, seed=2, replicates=99)
    pd.testing.assert_frame_equal(one, other.assign(easting=one["easting"], northing=one["northing"]), rtol=1e-9)


def test_rows_at_one_spot_are_one_place() -> None:
    rows = np.repeat(np.arange(PLACES), 3)
    cases = np.zeros(rows.size, int)
    cases[::3], cases[1::3] = CASES - CASES // 2, CASES // 2
    single = poisson_scan(CASES, 3 * PEOPLE, EAST, NORTH, **LOOSE)
    thrice = poisson_scan(cases, PEOPLE[rows], EAST[rows], NORTH[rows], **LOOSE)
    assert (thrice["places"] == 3 * single["places"]).all()
    assert [{int(rows[row]) for row in members} for members in thrice["members"]] == [set(m) for m in single["members"]]
    columns = ["easting", "northing", "radius_m", "cases", "expected", "llr", "p"]
    pd.testing.assert_frame_equal(single[columns], thrice[columns], check_exact=True)


def test_points_are_places_of_one_report() -> None:
    row = np.repeat(np.arange(PLACES), CASES + CONTROLS)
    is_case = np.concatenate([np.arange(n) < c for c, n in zip(CASES, CASES + CONTROLS, strict=True)])
    counted = bernoulli_scan(CASES, CONTROLS, EAST, NORTH, **LOOSE)
    points = bernoulli_scan(is_case * 1, ~is_case * 1, EAST[row], NORTH[row], **LOOSE)
    pd.testing.assert_frame_equal(counted[["cases", "expected", "llr", "p"]], points[["cases", "expected", "llr", "p"]])


def test_series_and_nullable_columns_are_read_like_arrays() -> None:
    frame = pd.DataFrame({"cases": CASES, "people": PEOPLE, "e": EAST, "n": NORTH}, index=np.arange(PLACES) + 7)
    frame = frame.astype({"cases": "Int64"})
    before = frame.copy()
    found = poisson_scan(frame["cases"], frame["people"], frame["e"], frame["n"], seed=1)
    pd.testing.assert_frame_equal(found, poisson_scan(CASES, PEOPLE, EAST, NORTH, seed=1))
    pd.testing.assert_frame_equal(frame, before)


# Networks.


def test_canals_side_by_side_do_not_mix() -> None:
    """Two canals 100 m apart; only one of them has disputes."""
    nodes = np.arange(40)
    edges = [(node, node + 1) for node in range(39) if node != 19]
    cases = np.where((nodes >= 5) & (nodes < 9), 12, 2)
    along = network_scan(cases, np.ones(40), edges, np.full(38, 1000.0), nodes, **LOOSE)
    assert along.loc[0, "members"] in {(5, 6, 7), (6, 7, 8), (4, 5, 6, 7, 8), (5, 6, 7, 8, 9)}
    assert along.loc[0, "verdict"] == "hot"
    around = poisson_scan(cases, np.ones(40), 1000.0 * (nodes % 20), 100.0 * (nodes // 20), **LOOSE)
    assert around.loc[0, "llr"] < along.loc[0, "llr"]


def test_the_shortest_of_several_edges_counts_and_a_loop_is_none() -> None:
    edges = [*EDGES, (0, 1), (1, 0), (5, 5)]
    lengths = np.concatenate([LENGTHS, [LENGTHS[0] * 3, LENGTHS[0] * 2, 10.0]])
    one = network_scan(CASES, PEOPLE, EDGES, LENGTHS, np.arange(PLACES), **LOOSE)
    pd.testing.assert_frame_equal(one, network_scan(CASES, PEOPLE, edges, lengths, np.arange(PLACES), **LOOSE))


def test_an_edge_without_length_joins_its_ends() -> None:
    found = network_scan([20, 20, 5, 5, 5, 5], np.ones(6), [(k, k + 1) for k in range(5)], [0, 9e3, 9e3, 9e3, 9e3], range(6),
                         max_share=0.5, **LOOSE)  # fmt: skip
    assert found.loc[0, ["members", "radius_m"]].tolist() == [(0, 1), 0]


def test_places_off_the_network_are_left_out_and_said() -> None:
    nodes = np.append(np.arange(PLACES), [-1, -1])
    found = network_scan(np.append(CASES, [50, 7]), np.append(PEOPLE, [10, 0]), EDGES, LENGTHS, nodes, **LOOSE)
    alone = network_scan(CASES, PEOPLE, EDGES, LENGTHS, np.arange(PLACES), **LOOSE)
    pd.testing.assert_frame_equal(found, alone)
    assert found.attrs["left_out"] == {"places": 2, "cases": 57}
    assert alone.attrs["left_out"] == {"places": 0, "cases": 0}


def test_nodes_without_places_only_lead_on() -> None:
    """Every edge cut in two by a node at which nobody lives."""
    middle = PLACES + np.arange(len(EDGES))
    halves = [pair for (start, end), node in zip(EDGES, middle, strict=True) for pair in ((start, node), (node, end))]
    cut = network_scan(CASES, PEOPLE, halves, np.repeat(LENGTHS / 2, 2), np.arange(PLACES), **LOOSE)
    distances = network(halves, np.repeat(LENGTHS / 2, 2))[0][1][:, :PLACES]
    assert_as_by_hand(cut.head(1), by_hand([(1.0, distances)], CASES, PEOPLE)[:1])


# Noise.


@pytest.mark.parametrize("kind", ["poisson", "ellipse", "bernoulli", "network"])
def test_noise_is_seldom_a_cluster(kind: str) -> None:
    side, maps, total = 9, 120, 60
    row, column = np.divmod(np.arange(side**2), side)
    people = np.random.default_rng(1).lognormal(0, 1, side**2)
    edges = [(at, at + 1) for at in range(side**2) if column[at] < side - 1] + [
        (at, at + side) for at in range(0, side**2 - side, side)
    ]
    draws = np.random.default_rng(2)
    hot = 0
    for seed in range(maps):
        cases = draws.multinomial(total, people / people.sum())
        options: dict[str, Any] = {"seed": seed, "replicates": 99}
        if kind == "network":
            found = network_scan(cases, people, edges, np.full(len(edges), 1000.0), np.arange(side**2), **options)
        elif kind == "bernoulli":
            controls = draws.multinomial(2 * total, people / people.sum())
            found = bernoulli_scan(cases, controls, 1000.0 * column, 1000.0 * row, **options)
        else:
            shape: Any = "ellipse" if kind == "ellipse" else "circle"
            found = poisson_scan(cases, people, 1000.0 * column, 1000.0 * row, shape=shape, **options)
        hot += len(found) > 0 and found.loc[0, "verdict"] == "hot"
    # 0.05 * 120 = 6; more than 13 happens once in three hundred times if the rate is 5 %.
    assert hot <= 13


def test_a_planted_cluster_is_found() -> None:
    side = 15
    row, column = np.divmod(np.arange(side**2), side)
    near = np.hypot(row - 7, column - 4) <= 2
    weight = np.where(near, 4.0, 1.0)
    found = 0
    for seed in range(20):
        cases = np.random.default_rng(seed).multinomial(150, weight / weight.sum())
        told = poisson_scan(cases, np.ones(side**2), 1000.0 * column, 1000.0 * row, replicates=99, seed=seed)
        found += told.loc[0, "verdict"] == "hot" and near[list(told.loc[0, "members"])].mean() > 0.5
    assert found >= 18


# SaTScan's own answers.


def new_york(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Leukemia in upstate New York, 281 tracts; coordinates in degrees taken for a plane, as in SaTScan's run."""
    cases, people, at = (np.loadtxt(folder / "satscan_ny" / f"satscan_ny_{name}.txt") for name in ("cases", "pop", "coords"))
    return cases[:, 1], people[:, 2], at[:, 1], at[:, 2]


def reported(path: Path) -> list[tuple[set[int], int, float, float, float]]:
    """Members, cases, relative risk, test statistic and p of every cluster that a result file of SaTScan 9.6 reports."""
    found = []
    for block in path.read_text().split("PARAMETER SETTINGS")[0].split("Location IDs included.:")[1:]:
        members = block.split("  Overlap")[0].split("  Coordinates")[0]
        values = {line.split("..")[0].strip(): line.split(": ")[-1] for line in block.splitlines() if ".:" in line}
        statistic = float(values.get("Test statistic", values["Log likelihood ratio"]))
        told = int(values["Number of cases"]), float(values["Relative risk"]), statistic, float(values["P-value"])
        found.append(({int(number) - 1 for number in members.replace(",", " ").split()}, *told))
    return found


# Names of the result files, what was asked, and log likelihood ratio (test statistic), cases and areas of the first cluster.
SATSCAN = [
    ("circular_cartesian", {"max_share": 0.5}, (14.083511, 100, 28)),
    ("circular_cartesian_ubpop_10percent", {"max_share": 0.1}, (11.577255, 85, 26)),
    ("elliptical_ubpop_10percent_penalty_medium", {"max_share": 0.1, "shape": "ellipse"}, (14.474236, 93, 25)),
]


@pytest.mark.parametrize("folder", ORACLES)
@pytest.mark.parametrize(("name", "options", "first"), SATSCAN)
def test_new_york_as_satscan(folder: Path, name: str, options: dict[str, Any], first: tuple[float, int, int]) -> None:
    found = poisson_scan(*new_york(folder), max_radius_m=None, stop_after=None, seed=1, **options)
    statistic = found["statistic"] if "statistic" in found else found["llr"]
    assert (round(statistic[0], 6), found.loc[0, "cases"], found.loc[0, "places"]) == first
    theirs = reported(folder / "satscan_ny" / f"scan_test_ny_poisson_{name}.txt")
    assert len(theirs) >= 6
    for number, (members, cases, risk, value, p) in enumerate(theirs):
        assert set(found.loc[number, "members"]) == members
        assert found.loc[number, "cases"] == cases
        assert found.loc[number, "relative_risk"] == pytest.approx(risk, abs=0.005)
        assert statistic[number] == pytest.approx(value, abs=1e-6)
        assert found.loc[number, "p"] == pytest.approx(p, abs=0.002 + 4 * np.sqrt(2 * p * (1 - p) / 999))
    # SaTScan gives small p by the Gumbel law, too; from 999 replicates it is good to a factor.
    assert 1 / 3 < found.loc[0, "p_gumbel"] / theirs[0][-1] < 3


@pytest.mark.parametrize("folder", ORACLES)
def test_north_humberside_as_satscan(folder: Path) -> None:
    """SaTScan 10.3.2, Bernoulli, half of all reports: 6 clusters; the shares of replicates below are by full enumeration."""
    read = [pd.read_csv(folder / "csv" / f"rsatscan_NHumberside{part}.csv") for part in ("cas", "ctl", "geo")]
    columns = read[0]["numcases"], read[1]["numcontrols"], read[2]["x-coordinate"], read[2]["y-coordinate"]
    high = bernoulli_scan(*columns, max_share=0.5, max_radius_m=None, stop_after=None, seed=1)
    np.testing.assert_allclose(high["llr"], np.repeat([4.836516, 3.712697, 3.609718], 2), atol=1e-6)
    assert [len(members) for members in high["members"]] == [4, 4, 6, 6, 3, 3]
    np.testing.assert_allclose(high["p"], np.repeat([0.66, 0.85, 0.98], 2), atol=0.05)
    low = bernoulli_scan(*columns, rates="low", max_share=0.5, max_radius_m=None, stop_after=None, seed=1)
    assert low.loc[0, ["llr", "cases", "places"]].tolist() == [pytest.approx(5.327243, abs=1e-6), 0, 11]


def test_of_several_worlds_the_one_that_explains_most_decides() -> None:
    """A strip that may report like the land to its west, thrice as much, or like that to its east."""
    row, column = (part.ravel() for part in np.mgrid[:15, :15])
    east, north = 1000.0 * column, 1000.0 * row
    with_west = Null.of_kinds(np.stack([column < 9, column >= 9]).astype(float), np.array([0, 0]))
    with_east = Null.of_kinds(np.stack([column < 6, column >= 6]).astype(float), np.array([0, 0]))
    found = {}
    for name, times in {"as in the west": 3, "as in the east": 1, "more than either": 12}.items():
        cases = 4 * np.where(column < 6, 3, np.where(column < 9, times, 1))
        worlds = tuple(
            null.with_totals(np.array([cases[of_first].sum(), cases[~of_first].sum()]))
            for null, of_first in ((with_west, column < 9), (with_east, column < 6))
        )
        alone = [poisson_scan(cases, null, east, north, seed=1) for null in worlds]
        both = poisson_scan(cases, worlds, east, north, seed=1)
        assert both.members.head(1).equals(alone[0].members.head(1))
        assert (both.p.head(1) >= alone[0].p.head(1)).all()
        found[name] = (both.verdict == "hot").any(), [(one.verdict == "hot").any() for one in alone]
    assert found["as in the west"] == (False, [False, True])
    assert not found["as in the east"][0]
    assert found["more than either"] == (True, [True, True])


def test_one_world_twice_is_one_world() -> None:
    cases = np.array([2, 3, 2, 14, 16, 3, 2, 1, 2])
    null = Null.of_kinds(np.full(9, 1.0), np.array([45]))
    plain = poisson_scan(cases, null, 2000.0 * np.arange(9), np.zeros(9), seed=1)
    twice = poisson_scan(cases, (null, null), 2000.0 * np.arange(9), np.zeros(9), seed=1)
    pd.testing.assert_frame_equal(plain, twice)
