"""Near repeats: what is refused, tables by hand, invariances, peers, published tables, and how often noise repeats."""

from __future__ import annotations

import itertools
import os
import re
import warnings
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tensionmap import streams
from tensionmap.errors import GeometryError, MeasureError
from tensionmap.measure import montecarlo
from tensionmap.measure.near_repeat import DAY_BANDS, DISTANCE_BANDS_M, chains, knox_table

REAL = os.environ.get("TENSIONMAP_REAL_DATA")
ORACLES = [Path(REAL) / "known_answer"] if REAL else []


def village_events(size: int, seed: int, *, villages: int = 12, days: int = 730, snapped: float = 0.5) -> pd.DataFrame:
    """Reports round villages, half of them known by the village alone; dates know nothing of places."""
    draws = np.random.default_rng(seed)
    centre = draws.uniform(0, 40_000, (villages, 2)).round()
    place = centre[draws.integers(0, villages, size)]
    place += np.where(draws.random((size, 1)) < snapped, 0, draws.normal(0, 1500, (size, 2)).round())
    return pd.DataFrame({"easting": place[:, 0], "northing": place[:, 1], "day": draws.integers(0, days, size)})


def planted(size: int, repeats: int, seed: int) -> pd.DataFrame:
    """As `village_events`, and so many more reports within 800 m and 6 days of another."""
    events, draws = village_events(size, seed), np.random.default_rng([seed, 1])
    again = events.iloc[draws.integers(0, size, repeats)]
    again = again + np.column_stack([draws.integers(-500, 500, (repeats, 2)), draws.integers(0, 7, repeats)])
    return pd.concat([events, again], ignore_index=True)


EVENTS = planted(120, 25, 3)
COLUMNS = (EVENTS.easting, EVENTS.northing, EVENTS.day)


def slow_table(events: pd.DataFrame, ends_m: Any, ends_days: Any, metric: str) -> np.ndarray:
    apart = [np.abs(np.subtract.outer(events[c].to_numpy(), events[c].to_numpy())) for c in ("easting", "northing", "day")]
    away = np.hypot(apart[0], apart[1]) if metric == "euclidean" else apart[0] + apart[1]
    upper = np.triu_indices(len(events), 1)
    low_m, low_days = [-1, *ends_m[:-1]], [-1, *ends_days[:-1]]
    return np.array(
        [
            ((away > a) & (away <= b) & (apart[2] > c) & (apart[2] <= d))[upper].sum()
            for (a, b), (c, d) in itertools.product(zip(low_m, ends_m, strict=True), zip(low_days, ends_days, strict=True))
        ]
    )


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"easting": EVENTS.easting[1:]}, "144 eastings and 145 northings"),
        ({"day": EVENTS.day[1:]}, r"145 places, but day has the shape \(144,\)"),
        ({"day": EVENTS.day.astype(float).where(EVENTS.index > 1)}, "2 of 145 dates are missing"),
        ({"day": pd.to_datetime(EVENTS.day.where(EVENTS.index > 1), unit="D")}, "2 of 145 dates are missing"),
        ({"day": EVENTS.day + 0.5}, "parts of days"),
        ({"day": EVENTS.day * 86_400}, "not seconds"),
        ({"day": EVENTS.day.astype(str) + "."}, "no date"),
        ({"easting": EVENTS.easting.astype(str) + "m"}, "numbers of metres"),
        ({"strata": EVENTS.day % 2 + 0.5}, "whole numbers"),
        ({"strata": EVENTS.day[1:] % 2}, "strata have the shape"),
        ({"strata": pd.Series(["summer"] * 145)}, "whole numbers"),
        ({"strata": np.arange(145) * 2, "day": EVENTS.day}, None),
        ({"distance_bands_m": (0, 5000, 5000)}, "each once"),
        ({"distance_bands_m": ()}, "each once"),
        ({"distance_bands_m": (-1, 5)}, "not negative"),
        ({"distance_bands_m": (1, float("inf"))}, "ends"),
        ({"day_bands": (7, 3)}, "rise"),
        ({"day_bands": (7, 8.5)}, "counted whole"),
        ({"metric": "road"}, "euclidean, manhattan"),
        ({"replicates": 18}, "at least 19 replicates"),
        ({"seed": -1}, "seed"),
    ],
)
def test_impossible_input_is_refused(changed: dict[str, Any], words: str | None) -> None:
    given_ = {"easting": EVENTS.easting, "northing": EVENTS.northing, "day": EVENTS.day, "seed": 1} | changed
    if words is None:
        assert knox_table(**given_).p_map.eq(1).all()
    else:
        with pytest.raises(MeasureError, match=words):
            knox_table(**given_)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_places_that_are_nowhere_are_refused(value: float) -> None:
    easting = EVENTS.easting.where(EVENTS.index != 7, value)
    with pytest.raises(GeometryError, match="1 of 145 places"):
        knox_table(easting, EVENTS.northing, EVENTS.day, seed=1)


def test_more_strata_than_can_be_meant_are_refused() -> None:
    events = village_events(300, 1)
    with pytest.raises(MeasureError, match="300 strata"):
        knox_table(events.easting, events.northing, events.day, strata=np.arange(300), seed=1)


@pytest.mark.parametrize(("within_m", "within_days"), [(-1, 3), (float("nan"), 3), (100, -1), (100, 2.5)])
def test_chains_without_a_reach_are_refused(within_m: float, within_days: Any) -> None:
    with pytest.raises(MeasureError):
        chains(*COLUMNS, within_m=within_m, within_days=within_days, seed=1)


def test_chains_of_labels_that_occur_twice_are_refused() -> None:
    with pytest.raises(MeasureError, match="same label"):
        chains(EVENTS.easting.set_axis([0] * 145), EVENTS.northing, EVENTS.day, within_m=1, within_days=1, seed=1)


@pytest.mark.parametrize("size", [0, 1, 29])
def test_a_handful_is_too_few_to_tell(size: int) -> None:
    few = EVENTS[:size]
    table = knox_table(few.easting, few.northing, few.day, seed=1)
    assert set(table.verdict) == {"too few to tell"}
    assert table[["p_cell", "p_map"]].isna().all(axis=None)
    assert table.pairs.to_list() == slow_table(few, DISTANCE_BANDS_M, DAY_BANDS, "euclidean").tolist()
    found = chains(few.easting, few.northing, few.day, within_m=1000, within_days=7, seed=1)
    assert found.figures.p.isna().all()
    assert found.chain.size == size


def test_all_in_one_place_or_on_one_day_is_too_few_to_tell() -> None:
    nowhere, never = np.zeros(40), np.zeros(40, int)
    for place, day in ((nowhere, np.arange(40)), (np.arange(40.0), never), (nowhere, never)):
        table = knox_table(place, nowhere, day, seed=1)
        assert set(table.verdict) == {"too few to tell"}
        assert table.p_map.eq(1).all()
        assert table.pairs.sum() == table.expected.sum() == 780


def test_the_hand_worked_table() -> None:
    # On a line at 0, 0, 1000, 2500 m, on days 0, 7, 8, 15. Two of the six pairs of dates are up to 7 days apart, one exactly 8.
    table = knox_table([0, 0, 1000, 2500], [0] * 4, [0, 7, 8, 15], distance_bands_m=(0, 1000, 2500), day_bands=(7, 8), seed=1)
    assert table.distance_from_m.to_list() == [0, 0, 0, 0, 1000, 1000]
    assert table.distance_to_m.to_list() == [0, 0, 1000, 1000, 2500, 2500]
    assert table.days_from.to_list() == [0, 8] * 3
    assert table.days_to.to_list() == [7, 8] * 3
    assert table.pairs.to_list() == [1, 0, 1, 1, 1, 1]
    np.testing.assert_allclose(table.expected, np.outer([1, 2, 3], [3, 2]).ravel() / 6)
    np.testing.assert_allclose(table.ratio, [2, 0, 1, 1.5, 2 / 3, 1])
    assert table.dtypes.astype(str).to_list() == [*["float64"] * 2, *["int64"] * 3, *["float64"] * 4, "str"]


@pytest.mark.parametrize("metric", ["euclidean", "manhattan"])
@pytest.mark.parametrize("ends_m", [DISTANCE_BANDS_M, (300.0, 100_000.0)])
def test_pairs_are_those_of_the_slow_count(metric: str, ends_m: tuple[float, ...]) -> None:
    table = knox_table(*COLUMNS, distance_bands_m=ends_m, metric=metric, seed=1)
    assert table.pairs.to_list() == slow_table(EVENTS, ends_m, DAY_BANDS, metric).tolist()


@pytest.mark.parametrize("is_stratified", [False, True])
def test_the_expectation_is_the_mean_over_all_deals(is_stratified: bool) -> None:
    few = EVENTS[:7].assign(day=[0, 3, 9, 9, 20, 33, 40])
    strata = np.array([0, 0, 0, 1, 1, 1, 1]) if is_stratified else np.zeros(7, int)
    table = knox_table(few.easting, few.northing, few.day, distance_bands_m=(9000, 50_000), strata=strata, seed=1)
    orders = [order for order in itertools.permutations(range(7)) if (strata[list(order)] == strata).all()]
    deals = [slow_table(few.assign(day=few.day.to_numpy()[list(o)]), (9000, 50_000), DAY_BANDS, "euclidean") for o in orders]
    np.testing.assert_allclose(table.expected, np.mean(deals, axis=0), rtol=1e-12)


def test_the_drawn_mean_is_the_exact_one() -> None:
    from tensionmap.measure.near_repeat import Events

    ends_m, ends_days = np.array([1000.0, 5000.0]), np.array([7.0, 60.0])
    for strata in (None, EVENTS.day.to_numpy() // 200):
        events = Events.of(*COLUMNS, strata=strata, reach_m=5000.0)
        _, expected = events.pairs(ends_m, ends_days)
        drawn = events.pairs_of_deals(ends_m, ends_days, replicates=5000, seed=1)
        assert (np.abs(drawn.mean(axis=0) - expected) < 4 * drawn.std(axis=0) / np.sqrt(5000)).all()


def test_every_order_of_the_dates_is_as_likely() -> None:
    from tensionmap.measure.near_repeat import _shuffle_into

    orders: dict[tuple[float, ...], int] = {}
    into = np.empty(4, np.float32)
    for replicate in range(24_000):
        _shuffle_into(np.uint64(streams.begin(np.uint64(5), replicate)), np.arange(4, dtype=np.float32), into)
        orders[tuple(into)] = orders.get(tuple(into), 0) + 1
    assert len(orders) == 24
    assert stats.chisquare(list(orders.values())).pvalue > 0.001


def test_planted_repeats_are_found_where_they_are() -> None:
    table = knox_table(*COLUMNS, seed=1)
    assert table.verdict[(table.distance_to_m == 1000) & (table.days_to == 7)].item() == "more"
    assert not (table.verdict[table.distance_from_m >= 2500] == "more").any()
    assert ((table.p_map >= table.p_cell) | table.p_map.isna()).all()


def test_events_that_keep_apart_are_fewer() -> None:
    # Each place reports every 60 days, never twice a month.
    day, place = np.arange(0, 1200, 60), np.arange(10.0)
    when = (day[:, None] + 5 * np.arange(10)).ravel()
    where = np.tile(place * 50_000, 20)
    table = knox_table(where, np.zeros(200), when, distance_bands_m=(0,), day_bands=(30, 59), seed=1)
    assert set(table.verdict) == {"fewer"}
    assert table.pairs.eq(0).all()


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.randoms(use_true_random=False), st.integers(0, 2**64 - 1), st.booleans())
def test_order_of_rows_does_not_matter(random: Any, seed: int, is_stratified: bool) -> None:
    strata = EVENTS.day // 182 % 2 if is_stratified else pd.Series(0, index=EVENTS.index)
    order = random.sample(range(145), 145)
    mixed = EVENTS.iloc[order]
    pd.testing.assert_frame_equal(
        knox_table(mixed.easting, mixed.northing, mixed.day, strata=strata.iloc[order], replicates=99, seed=seed),
        knox_table(*COLUMNS, strata=strata, replicates=99, seed=seed),
    )
    found = chains(*COLUMNS, strata=strata, within_m=1000, within_days=7, replicates=99, seed=seed)
    again = chains(
        mixed.easting,
        mixed.northing,
        mixed.day,
        strata=strata.iloc[order],
        within_m=1000,
        within_days=7,
        replicates=99,
        seed=seed,
    )
    pd.testing.assert_series_equal(again.chain.sort_index(), found.chain)
    pd.testing.assert_frame_equal(again.chains, found.chains)
    pd.testing.assert_frame_equal(again.figures, found.figures)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.integers(-5000, 5000), st.integers(-5000, 5000), st.integers(-700_000, 700_000))
def test_moving_map_and_calendar_changes_nothing(east: int, north: int, days: int) -> None:
    moved = knox_table(EVENTS.easting + 1000 * east, EVENTS.northing + 1000 * north, EVENTS.day + days, replicates=99, seed=1)
    pd.testing.assert_frame_equal(moved, knox_table(*COLUMNS, replicates=99, seed=1))


def test_the_names_of_the_strata_do_not_matter_and_one_stratum_is_none() -> None:
    table = knox_table(*COLUMNS, strata=EVENTS.day // 200, seed=1)
    pd.testing.assert_frame_equal(knox_table(*COLUMNS, strata=-7 + 5 * (EVENTS.day // 200), seed=1), table)
    pd.testing.assert_frame_equal(knox_table(*COLUMNS, strata=np.full(145, 4), seed=1), knox_table(*COLUMNS, seed=1))


def test_dates_and_days_give_the_same() -> None:
    dates = pd.to_datetime(EVENTS.day, unit="D")
    expected = knox_table(*COLUMNS, seed=1)
    for day in (dates, dates + pd.Timedelta(hours=13), dates.to_numpy(), dates.dt.date, EVENTS.day.astype("Int64")):
        pd.testing.assert_frame_equal(knox_table(EVENTS.easting, EVENTS.northing, day, seed=1), expected)


def test_twice_every_event_is_a_repeat_of_each() -> None:
    twice = pd.concat([EVENTS, EVENTS])
    table, once = knox_table(twice.easting, twice.northing, twice.day, seed=1), knox_table(*COLUMNS, seed=1)
    is_same = (table.distance_to_m == 0) & (table.days_from == 0)
    assert (table.pairs == 4 * once.pairs + 145 * is_same).all()
    assert table.verdict[is_same].item() == "more"


def test_the_number_of_threads_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    tables, figures = [], []
    for threads in (1, 2, 5):
        monkeypatch.setattr(montecarlo, "threads", lambda threads=threads: threads)
        tables.append(knox_table(*COLUMNS, replicates=151, seed=9))
        figures.append(chains(*COLUMNS, within_m=1000, within_days=7, replicates=151, seed=9).figures)
    assert tables[0].equals(tables[1])
    assert tables[0].equals(tables[2])
    assert figures[0].equals(figures[1])
    assert figures[0].equals(figures[2])
    assert not tables[0].equals(knox_table(*COLUMNS, replicates=151, seed=10))


def test_inputs_are_not_changed() -> None:
    events = EVENTS.copy(deep=True)
    knox_table(*COLUMNS, strata=EVENTS.day % 2, seed=1)
    chains(*COLUMNS, within_m=1000, within_days=7, seed=1)
    assert events.equals(EVENTS)


def test_many_pairs_are_counted_in_full() -> None:
    # Everything in two places: the number of pairs is far beyond that of events.
    where, when = np.repeat([0.0, 500.0], 1500), np.tile(np.arange(1500) // 100, 2)
    table = knox_table(where, np.zeros(3000), when, distance_bands_m=(0, 500), day_bands=(0, 14), replicates=19, seed=1)
    assert table.pairs.to_list() == [2 * 15 * 4950, 2 * 1500 * 1499 // 2 - 2 * 15 * 4950, 15 * 100**2, 1500**2 - 15 * 100**2]


def test_chains_are_the_components_of_the_links() -> None:
    found = chains(*COLUMNS, within_m=1000, within_days=7, seed=1)
    near = (np.hypot(*(np.subtract.outer(c.to_numpy(), c.to_numpy()) for c in COLUMNS[:2])) <= 1000) & (
        np.abs(np.subtract.outer(EVENTS.day.to_numpy(), EVENTS.day.to_numpy())) <= 7
    )
    graph = nx.from_numpy_array(np.triu(near, 1))
    assert {frozenset(e) for e in graph.edges} == {frozenset(e) for e in found.links.edges}
    parts = {frozenset(part) for part in nx.connected_components(graph) if len(part) > 1}
    assert {frozenset(part.index) for chain, part in found.chain.groupby(found.chain) if chain > 0} == parts
    assert found.chains.events.to_list() == sorted((len(part) for part in parts), reverse=True)
    assert found.figures.observed.to_list() == [max(map(len, parts)), sum(map(len, parts))]
    for chain, row in found.chains.iterrows():
        days = EVENTS.day[found.chain == chain]
        assert (row.events, row.first_day, row.last_day) == (days.size, days.min(), days.max())
    for one, other, link in found.links.edges(data=True):
        assert link["days"] == abs(EVENTS.day[one] - EVENTS.day[other])
        assert link["distance_m"] == pytest.approx(np.hypot(*(EVENTS.loc[one] - EVENTS.loc[other])[["easting", "northing"]]))


def test_chains_of_the_deals_are_those_of_networkx() -> None:
    from tensionmap.measure import near_repeat

    events = near_repeat.Events.of(*COLUMNS, strata=EVENTS.day // 300, reach_m=3000.0)
    drawn = events.chains_of_deals(20, replicates=64, seed=4)
    shuffled, dates = np.empty((64, 145), np.float32), np.empty((145, 64), np.float32)
    near_repeat.deal_anew(np.uint64(4), 0, events.dates.astype(np.float32), events.runs, events.slot, shuffled, dates)
    place = np.column_stack([events.near.easting, events.near.northing])
    near = np.hypot(*np.moveaxis(place[:, None] - place, 2, 0)) <= 3000
    for deal in range(64):
        linked = near & (np.abs(np.subtract.outer(dates[:, deal], dates[:, deal])) <= 20)
        sizes = [len(part) for part in nx.connected_components(nx.from_numpy_array(linked))]
        assert drawn[deal].tolist() == [max(sizes), sum(size for size in sizes if size > 1)]


def test_planted_chains_are_more_than_chance() -> None:
    found = chains(*COLUMNS, within_m=1000, within_days=7, seed=1)
    assert found.figures.p["events_in_chains"] == 0.001
    assert found.figures.expected["events_in_chains"] < 0.7 * found.figures.observed["events_in_chains"]
    assert found.chains.p_map.is_monotonic_increasing
    line = pd.DataFrame({"easting": np.arange(20) * 900.0, "northing": 100_000.0, "day": 3 * np.arange(20)})
    with_line = pd.concat([village_events(100, 8), line], ignore_index=True)
    found = chains(with_line.easting, with_line.northing, with_line.day, within_m=1000, within_days=4, seed=1)
    assert found.chain[100:].eq(1).all()
    assert found.chains.p_map[1] == 0.001


def test_dates_of_chains_are_dates_if_dates_were_given() -> None:
    dates = pd.to_datetime(EVENTS.day, unit="D")
    found = chains(EVENTS.easting, EVENTS.northing, dates, within_m=1000, within_days=7, seed=1)
    first = dates[found.chain == 1]
    assert found.chains.first_day[1] == first.min()
    assert found.chains.last_day[1] == first.max()


@pytest.mark.parametrize("folder", ORACLES)
def test_burkitt_is_as_surveillance_has_it(folder: Path) -> None:
    cases = pd.read_csv(folder / "csv" / "splancs_burkitt.csv")
    theirs = pd.read_csv(folder / "r_oracle" / "burkitt_knox_surveillance.csv")
    table = knox_table(cases.x, cases.y, cases.t, distance_bands_m=(2, 5, 10, 20), day_bands=(5, 30, 60, 120), seed=1)
    up_to = {name: table[name].to_numpy().reshape(4, 4).cumsum(0).cumsum(1).ravel() for name in ("pairs", "expected")}
    assert up_to["pairs"].tolist() == theirs.STpairs.to_list()
    np.testing.assert_allclose(up_to["expected"], theirs.expected, rtol=1e-12)
    one = knox_table(cases.x, cases.y, cases.t, distance_bands_m=(20,), day_bands=(5,), replicates=9999, seed=1).iloc[0]
    assert (one.pairs, round(one.expected, 4)) == (13, 10.1438)
    by_poisson = theirs.p_poisson[theirs.eps_s.eq(20) & theirs.eps_t.eq(5)].item()
    # Theirs is P(more than 13), which leaves the observed number out; ours has it in, and looks in both directions.
    assert stats.poisson.sf(13, one.expected) == pytest.approx(by_poisson, rel=1e-9)
    at_least = stats.poisson.sf(12, one.expected)
    assert 0.8 * at_least < one.p_cell < 2.2 * at_least


@pytest.mark.parametrize("folder", ORACLES)
def test_chicago_arson_is_as_surveillance_has_it(folder: Path) -> None:
    arson = pd.read_csv(folder / "csv" / "NearRepeat_chicago_arson.csv")
    theirs = pd.read_csv(folder / "r_oracle" / "chicago_arson_knox_surveillance.csv")
    bands = {"distance_bands_m": (100, 200, 400, 600, 1000), "day_bands": (1, 2, 3, 7, 14)}
    table = knox_table(arson.X, arson.Y, pd.to_datetime(arson.date), **bands, seed=1)
    up_to = {name: table[name].to_numpy().reshape(5, 5).cumsum(0).cumsum(1).ravel() for name in ("pairs", "expected")}
    assert up_to["pairs"].tolist() == theirs.STpairs.to_list()
    np.testing.assert_allclose(up_to["expected"], theirs.expected, rtol=1e-12)


@pytest.mark.parametrize("folder", ORACLES)
def test_chicago_arson_is_as_the_near_repeat_calculator_has_it_once_its_labels_are_mended(folder: Path) -> None:
    arson = pd.read_csv(folder / "csv" / "NearRepeat_chicago_arson.csv")
    verbose = (folder / "near_repeat" / "chicago_arson_NRverbose_2019-09-23_145637.csv").read_text()
    rows = verbose.split("Observed frequencies distribution")[1].splitlines()[3:8]
    # Nothing between commas is 0; "201 to 400" means from 200 to below 400, "2 to 2" means 1 day.
    theirs = np.array([[int(cell or 0) for cell in row.split(",")[2:6]] for row in rows])
    bands = {"distance_bands_m": (0, 200, 400, 600, 1e6), "day_bands": (0, 1, 2, 10_000)}
    table = knox_table(arson.X, arson.Y, pd.to_datetime(arson.date), **bands, metric="manhattan", replicates=999, seed=1)
    ours = table.pairs.to_numpy().reshape(5, 4)
    assert ours.sum() == theirs.sum() == 522 * 521 // 2
    assert np.abs(ours - theirs).sum() <= 2, ours - theirs
    assert (ours[:, :3] == theirs[:, :3]).all()
    html = (folder / "near_repeat" / "chicago_arson_NRsummary_2019-09-23_145637.htm").read_text()
    assert re.search("28.29", html)
    assert ours[0].tolist() == [0, 2, 0, 8]
    assert table.verdict[4] == "more"


def test_pairs_are_those_of_pointpats() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pointpats.spacetime import knox

        place, day = EVENTS[["easting", "northing"]].to_numpy(), EVENTS[["day"]].to_numpy(float, copy=True)
        np.random.seed(1)
        theirs = knox(place, day, 3000, 20, permutations=999)
    ours = knox_table(*COLUMNS, distance_bands_m=(3000,), day_bands=(20,), seed=1).iloc[0]
    assert ours.pairs == theirs["stat"]
    # Theirs looks in one direction, ours in both.
    assert abs(ours.p_cell - theirs["pvalue"]) < 0.02


def seasonal(size: int, seed: int) -> pd.DataFrame:
    """Summer on one of 10 pastures, winter in one of 10 villages; nothing repeats."""
    draws = np.random.default_rng(seed)
    is_summer = draws.random(size) < 0.5
    place = np.random.default_rng(1).uniform(0, 60_000, (20, 2)).round()
    spot = draws.integers(0, 10, size) + 10 * is_summer
    day = draws.integers(0, 182, size) + 182 * is_summer + 365 * draws.integers(0, 3, size)
    return pd.DataFrame({"easting": place[spot, 0], "northing": place[spot, 1], "day": day, "season": is_summer.astype(int)})


def share_of_tables(maps: int, world: Any, *, is_stratified: bool) -> int:
    found = 0
    for number in range(maps):
        events = world(150, number)
        strata = events.season if is_stratified else None
        table = knox_table(events.easting, events.northing, events.day, strata=strata, replicates=199, seed=number)
        found += bool((table.p_map <= 0.05).any())
    return found


def test_noise_in_villages_repeats_in_no_more_tables_than_promised() -> None:
    assert share_of_tables(150, village_events, is_stratified=False) <= stats.binom.ppf(0.999, 150, 0.05)


def test_seasons_look_like_repeats_unless_dates_are_dealt_within_them() -> None:
    assert share_of_tables(40, seasonal, is_stratified=False) > 36
    assert share_of_tables(150, seasonal, is_stratified=True) <= stats.binom.ppf(0.999, 150, 0.05)


def test_noise_makes_long_chains_on_no_more_maps_than_promised() -> None:
    by_length = by_number = 0
    for number in range(150):
        events = village_events(120, number)
        found = chains(events.easting, events.northing, events.day, within_m=2000, within_days=14, replicates=199, seed=number)
        by_length += found.figures.p["longest_chain"] <= 0.05
        by_number += found.figures.p["events_in_chains"] <= 0.05
    assert max(by_length, by_number) <= stats.binom.ppf(0.999, 150, 0.05)
