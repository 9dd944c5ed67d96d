"""Space-time scan: what is refused, brute force, another program's figures, invariances, and noise called a cluster."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tensionmap import streams
from tensionmap.errors import GeometryError, MeasureError
from tensionmap.measure import montecarlo, space_time
from tensionmap.measure.space_time import Events, Scan, space_time_scan

REAL = os.environ.get("TENSIONMAP_REAL_DATA")
NEW_YORK = [Path(REAL) / "known_answer" / "csv"] if REAL else []

PERIOD = 200


def noise(
    seed: int, events: int, *, villages: int | None = None, days: int = PERIOD
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Events that have nothing to do with one another, anywhere or in villages of unequal size, mostly in summer."""
    draws = np.random.default_rng(seed)
    if villages is None:
        easting, northing = draws.uniform(0, 30_000, (2, events))
    else:
        easting, northing = draws.uniform(0, 30_000, (2, villages))[:, draws.integers(0, villages, events) ** 2 // villages]
    day = np.where(draws.random(events) < 0.5, draws.integers(0, days, events), draws.normal(days / 2, days / 12, events))
    return easting, northing, np.clip(np.rint(day), 0, days - 1).astype(np.int64)


def strongest(
    easting: np.ndarray,
    northing: np.ndarray,
    day: np.ndarray,
    *,
    max_radius_m: float,
    max_share: float,
    max_days: int,
    strata: np.ndarray | None = None,
    prospective: bool = False,
) -> tuple[float, int, float]:
    """Statistic, cases and expected of the strongest cylinder, by trying them all."""
    stratum = np.zeros(day.size, int) if strata is None else strata
    total, best = day.size, (0.0, 0, 0.0)
    for centre in range(total):
        away = np.hypot(easting - easting[centre], northing - northing[centre])
        for radius in np.unique(away[away <= max_radius_m]):
            inside = away <= radius
            if inside.sum() > max_share * total:
                break
            for first in np.unique(day):
                for last in [day.max()] if prospective else np.unique(day[day >= first]):
                    if last - first >= max_days:
                        continue
                    during = (day >= first) & (day <= last)
                    cases = int((inside & during).sum())
                    expected = sum(
                        (inside & (stratum == s)).sum() * (during & (stratum == s)).sum() / (stratum == s).sum()
                        for s in np.unique(stratum)
                    )
                    if cases >= 2 and cases > expected:
                        ratio = cases * np.log(cases / expected)
                        if cases < total:
                            ratio += (total - cases) * np.log((total - cases) / (total - expected))
                        if ratio > best[0] + 1e-9:
                            best = (float(ratio), cases, float(expected))
    return best


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"easting": np.full(40, np.nan)}, "40 of 40 places are missing"),
        ({"northing": np.full(40, np.inf)}, "40 of 40 places are missing or infinite"),
        ({"day": np.full(40, np.nan)}, "40 of 40 dates are missing"),
        ({"day": np.full(40, 0.5)}, "parts of days"),
        ({"day": np.full(40, "2024-13-01")}, "something that is no date"),
        ({"day": pd.Series([pd.NaT] * 40)}, "40 of 40 dates are missing"),
        ({"day": np.arange(39)}, "day has the shape"),
        ({"strata": np.arange(39)}, "strata have the shape"),
        ({"easting": np.empty(0), "northing": np.empty(0), "day": np.empty(0)}, "no events"),
        ({"max_radius_m": -1}, "max_radius_m is -1"),
        ({"max_radius_m": np.inf}, "max_radius_m is inf"),
        ({"max_share": 0}, "max_share is 0"),
        ({"max_time_share": 1.5}, "max_time_share is 1.5"),
        ({"max_days": 0}, "max_days is 0"),
        ({"step_days": 0}, "step_days is 0"),
        ({"step_days": 1.5}, "step_days is 1.5"),
        ({"fewest_cases": 0}, "fewest_cases is 0"),
        ({"stop_after": 0}, "stop_after is 0"),
        ({"replicates": 18}, "at least 19 replicates"),
        ({"seed": -1}, "seed"),
    ],
)
def test_what_cannot_be_scanned_is_refused(changed: dict[str, Any], words: str) -> None:
    easting, northing, day = noise(1, 40)
    given_: dict[str, Any] = {"easting": easting, "northing": northing, "day": day, "seed": 1} | changed
    with pytest.raises((MeasureError, GeometryError), match=words):
        space_time_scan(given_.pop("easting"), given_.pop("northing"), given_.pop("day"), **given_)


@pytest.mark.parametrize("prospective", [False, True])
@pytest.mark.parametrize("is_split", [False, True])
@pytest.mark.parametrize("villages", [None, 7])
@pytest.mark.parametrize("seed", range(3))
def test_the_strongest_cylinder_is_that_of_brute_force(
    prospective: bool, is_split: bool, villages: int | None, seed: int
) -> None:
    easting, northing, day = noise(seed, 30, villages=villages, days=40)
    limits: dict[str, Any] = {"max_radius_m": 9000.0, "max_share": 0.5, "max_days": 12, "prospective": prospective}
    limits["strata"] = np.arange(30) % 3 if is_split else None
    found = space_time_scan(easting, northing, day, **limits, replicates=19, seed=1)
    ratio, cases, expected = strongest(easting, northing, day, **limits)
    assert len(found) == 0 if ratio == 0 else found.llr[0] == pytest.approx(ratio, abs=1e-8)
    is_like = np.isclose(found.llr, ratio, atol=1e-8)
    assert ratio == 0 or (is_like & (found.cases == cases) & np.isclose(found.expected, expected)).any()


def long_pairs_and_noise(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Maps whose strongest cylinder is long and wide, or tiny, or anything."""
    draws = np.random.default_rng(seed)
    easting, northing = draws.uniform(0, 30_000, (2, 110))
    day = draws.integers(0, 60, 110)
    if seed % 3 == 0:
        easting[:25], northing[:25], day[:25] = 15_000 + draws.uniform(0, 2000, 25), 15_000, 30 + np.arange(25) % 20
    elif seed % 3 == 1:
        easting[:3], northing[:3], day[:3] = 15_000 + 100 * np.arange(3), 15_000, 30
    return easting, northing, day, draws.integers(0, 2, 110)


def strongest_by_sums(
    easting: np.ndarray, northing: np.ndarray, day: np.ndarray, stratum: np.ndarray, *, longest: int, prospective: bool
) -> float:
    """The strongest cylinder of points without ties, up to 10 km and half of the events, every one of them tried."""
    events, days = day.size, int(day.max()) + 1
    counts = np.zeros((events, days))
    counts[np.arange(events), day] = 1
    strata = [(stratum == s).astype(float) for s in np.unique(stratum)]
    all_before = [np.pad(np.cumsum(own @ counts), (1, 0)) for own in strata]
    best = 0.0
    for centre in range(events):
        away = np.hypot(easting - easting[centre], northing - northing[centre])
        order = np.argsort(away)[: events // 2]
        order = order[away[order] <= 10_000]
        before = np.pad(np.cumsum(np.cumsum(counts[order], axis=0), axis=1), ((0, 0), (1, 0)))
        shares = [np.cumsum(own[order]) / own.sum() for own in strata]
        for first in range(days - longest if prospective else 0, days):
            ends = np.array([days]) if prospective else np.arange(first + 1, min(first + longest, days) + 1)
            cases = before[:, ends] - before[:, [first]]
            expected = sum(share[:, None] * (total[ends] - total[first]) for share, total in zip(shares, all_before, strict=True))
            row, column = np.nonzero((cases >= 2) & (cases > expected))
            c, mu = cases[row, column], expected[row, column]
            best = max(best, np.max(c * np.log(c / mu) + (events - c) * np.log((events - c) / (events - mu)), initial=0.0))
    return best


@pytest.mark.parametrize("prospective", [False, True])
@pytest.mark.parametrize("is_split", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_nothing_is_missed_by_what_is_passed_over(
    prospective: bool, is_split: bool, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if seed >= 3:
        # So few events are hardly taken together as it is.
        monkeypatch.setattr(space_time, "_GROUPS", 1)
    easting, northing, day, stratum = long_pairs_and_noise(seed)
    stratum = stratum if is_split else np.zeros(day.size, np.int64)
    limits: dict[str, Any] = {"max_share": 0.5, "max_days": 20, "prospective": prospective, "strata": stratum}
    scan = strongest_by_sums(easting, northing, day, stratum, longest=20, prospective=prospective)
    found = space_time_scan(easting, northing, day, **limits, replicates=19, seed=1)
    assert found.llr[0] == pytest.approx(scan, abs=1e-8)
    events = Events.of(easting, northing, day, strata=stratum, step_days=1)
    again = Scan.of(events, events.circles(10_000.0, 0.5), longest=20, is_prospective=prospective, fewest_cases=2)
    maxima = again.greatest(0, 3, 5)
    for replicate, greatest in enumerate(maxima):
        dealt = deal(again, replicate, 5)
        moved = np.empty(day.size, np.int64)
        moved[events.order[np.argsort(events.stratum, kind="stable")]] = again.world.when[dealt] + day.min()
        greatest_by_sums = strongest_by_sums(easting, northing, moved, stratum, longest=20, prospective=prospective)
        assert greatest == pytest.approx(greatest_by_sums, abs=1e-8)


def deal(scan: Scan, replicate: int, seed: int) -> np.ndarray:
    """Moments of the events in one deal, stratum by stratum."""
    runs = scan.world.runs
    dealt = np.concatenate([np.sort(scan.observed[a:b]) for a, b in pairwise(runs)])
    montecarlo.shuffle(np.uint64(streams.begin(np.uint64(seed), replicate)), dealt, runs)
    return dealt


@pytest.mark.parametrize("prospective", [False, True])
@pytest.mark.parametrize("is_split", [False, True])
def test_deals_are_shuffles_within_strata_and_their_greatest_is_that_of_the_dealt_data(prospective: bool, is_split: bool) -> None:
    easting, northing, day = noise(5, 150, villages=40)
    strata = np.arange(150) % 2 if is_split else None
    events = Events.of(easting, northing, day, strata=strata, step_days=1)
    circles = events.circles(10_000.0, 0.25)
    limits: dict[str, Any] = {"longest": 50, "is_prospective": prospective, "fewest_cases": 2}
    scan = Scan.of(events, circles, **limits)
    drawn = scan.greatest(3, 9, 7)
    for replicate, greatest in zip(range(3, 9), drawn, strict=True):
        dealt = deal(scan, replicate, 7)
        again = Scan(events, circles, scan.world, scan.ladder, dealt)
        assert again.clusters().llr.iloc[0] == greatest


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([None, 12]), st.booleans())
def test_each_cluster_holds_what_it_says(seed: int, villages: int | None, prospective: bool) -> None:
    easting, northing, day = noise(seed, 120, villages=villages)
    found = space_time_scan(easting, northing, day, max_days=40, prospective=prospective, replicates=19, seed=1)
    assert found.llr.is_monotonic_decreasing
    assert (found.recurrence_interval_days.notna() == prospective).all()
    for row in found.itertuples():
        away = np.hypot(easting - row.easting, northing - row.northing) <= row.radius_m + 1e-6
        during = (day >= row.date_from) & (day <= row.date_to)
        assert row.members == tuple(np.flatnonzero(away & during))
        assert row.cases == len(row.members) >= 2
        assert row.expected == pytest.approx(away.sum() * during.sum() / 120)
        assert row.radius_m <= 10_000.001
        assert row.date_to - row.date_from < 40
        assert away.sum() <= 30
        assert not prospective or row.date_to == day.max()
        rest = (120 - row.cases) * np.log((120 - row.cases) / (120 - row.expected))
        assert row.llr == pytest.approx(row.cases * np.log(row.ratio) + rest, abs=1e-8)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_neither_the_order_of_rows_nor_the_origin_nor_the_unit_matters(seed: int, is_split: bool) -> None:
    easting, northing, day = np.rint(noise(seed, 100, villages=15)).astype(np.int64)
    strata = day // 50 if is_split else None
    found = space_time_scan(easting, northing, day, strata=strata, replicates=39, seed=3)
    shuffled = np.random.default_rng(seed).permutation(100)
    mixed = space_time_scan(
        easting[shuffled],
        northing[shuffled],
        day[shuffled],
        strata=None if strata is None else strata[shuffled],
        replicates=39,
        seed=3,
    )
    back = [tuple(sorted(shuffled[list(members)].tolist())) for members in mixed.members]
    assert back == list(found.members)
    pd.testing.assert_frame_equal(found.drop(columns="members"), mixed.drop(columns="members"), check_exact=True)
    moved = space_time_scan(
        2 * easting + 400_000, 2 * northing, day + 20_000, strata=strata, max_radius_m=20_000, replicates=39, seed=3
    )
    figures = ["cases", "expected", "llr", "p", "members"]
    pd.testing.assert_frame_equal(found[figures], moved[figures], check_exact=True)
    assert (moved.date_from == found.date_from + 20_000).all()


def test_any_number_of_threads_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    easting, northing, day = noise(2, 150)
    tables = []
    for threads in (1, 2, 5):
        monkeypatch.setattr(montecarlo, "threads", lambda count=threads: count)
        tables.append(space_time_scan(easting, northing, day, replicates=99, seed=1))
    pd.testing.assert_frame_equal(tables[0], tables[1], check_exact=True)
    pd.testing.assert_frame_equal(tables[0], tables[2], check_exact=True)


def test_dates_come_back_as_dates() -> None:
    easting, northing, day = noise(4, 80)
    plain = space_time_scan(easting, northing, day, replicates=19, seed=1)
    dates = pd.Series(pd.Timestamp("2024-03-01 15:30") + pd.to_timedelta(day, unit="D"), index=np.arange(80) + 7)
    dated = space_time_scan(pd.Series(easting), pd.Series(northing), dates, replicates=19, seed=1)
    assert list(dated.date_from) == [pd.Timestamp("2024-03-01") + pd.Timedelta(days=int(d)) for d in plain.date_from]
    assert list(dated.date_to) == [pd.Timestamp("2024-03-01") + pd.Timedelta(days=int(d)) for d in plain.date_to]
    same = ["cluster", "cases", "llr", "p", "members", "verdict"]
    pd.testing.assert_frame_equal(plain[same], dated[same], check_exact=True)


def test_steps_are_laid_from_the_last_day_back() -> None:
    easting, northing, day = noise(6, 90, villages=9, days=100)
    day[:2] = 0, 99
    by_week = space_time_scan(easting, northing, day, step_days=7, max_days=28, replicates=19, seed=1)
    weeks = space_time_scan(easting, northing, -((99 - day) // 7), max_days=4, replicates=19, seed=1)
    pd.testing.assert_frame_equal(by_week[["cases", "expected", "llr", "p"]], weeks[["cases", "expected", "llr", "p"]])
    assert (by_week.date_to == 99 + 7 * weeks.date_to).all()
    assert (by_week.date_from == np.maximum(99 + 7 * weeks.date_from - 6, 0)).all()


def test_a_planted_cluster_is_found_and_nothing_else() -> None:
    easting, northing, day = noise(8, 200)
    easting[:12] = 15_000 + np.arange(12) * 60
    northing[:12] = 9_000
    day[:12] = 170 + np.arange(12) // 2
    for prospective in (False, True):
        found = space_time_scan(easting, northing, np.minimum(day, 176), prospective=prospective, replicates=199, seed=1)
        clear = found[found.verdict == "cluster"]
        assert len(clear) == 1
        assert set(range(12)) <= set(clear.members.iloc[0])
        assert clear.p.iloc[0] == 0.005
        assert clear.p_gumbel.iloc[0] < 1e-4
    assert clear.recurrence_interval_days.iloc[0] == pytest.approx(200)


def test_places_equally_far_come_in_together_or_not_at_all() -> None:
    easting = np.array([0.0, 1000, -1000, 0, 0] * 8) + 400_000
    northing = np.array([0.0, 0, 0, 1000, -1000] * 8) + 4_400_000.1
    events = Events.of(easting, northing, np.arange(40), strata=None, step_days=1)
    middle = int(np.flatnonzero((events.easting == 400_000) & (events.northing == 4_400_000.1))[0])
    whole = events.circles(1000.0, 1.0)
    entries = slice(*whole.begins[middle : middle + 2])
    assert list(whole.size[entries]) == [8, 40, 40, 40, 40]
    assert list(whole.ring[entries]) == [0, 1, 1, 1, 1]
    for limits in ((1000.0, 0.6), (999.0, 1.0)):
        fewer = events.circles(*limits)
        assert list(fewer.size[slice(*fewer.begins[middle : middle + 2])]) == [8]


def test_a_place_may_be_in_two_clusters_at_different_times_but_not_at_the_same() -> None:
    easting, northing, day = noise(12, 300, days=300)
    first, second = np.arange(13), np.arange(13, 28)
    easting[:28], northing[:28] = 15_000, 15_000
    easting[18:28] = 15_500
    day[first], day[second] = 10 + first % 3, 280 + second % 3
    found = space_time_scan(easting, northing, day, replicates=99, seed=1)
    clear = found[found.verdict == "cluster"]
    assert [set(members) for members in clear.members] == [set(first), set(second)]
    assert clear.radius_m.tolist() == [0.0, 500.0]


@pytest.mark.parametrize("prospective", [False, True])
def test_the_longest_interval_counts_its_first_and_its_last_day(prospective: bool) -> None:
    draws = np.random.default_rng(2)
    easting, day = draws.integers(1, 10, 80) * 20_000.0, draws.integers(0, 100, 80)
    easting[:2], day[:2] = 0.0, (94, 99)
    day[2:] = np.where(np.abs(day[2:] - 97) < 4, 50, day[2:])
    together = []
    for max_days in (5, 6):
        found = space_time_scan(easting, np.zeros(80), day, max_days=max_days, prospective=prospective, replicates=19, seed=1)
        together.append((0, 1) in list(found.members))
    assert together == [False, True]


def test_too_few_events_are_told_of_without_p() -> None:
    easting, northing, day = noise(3, 29)
    found = space_time_scan(easting, northing, day, max_share=0.5, seed=1)
    assert len(found) > 0
    assert (found.verdict == "too few to tell").all()
    assert found[["p", "p_gumbel"]].isna().all().all()


@pytest.mark.parametrize("prospective", [False, True])
@pytest.mark.parametrize(
    ("easting", "day"),
    [(np.zeros(40), np.arange(40)), (np.arange(40) * 100.0, np.zeros(40, int)), (np.zeros(1), np.zeros(1, int))],
    ids=["one place", "one day", "one event"],
)
def test_without_two_places_and_two_days_nothing_is_found(easting: np.ndarray, day: np.ndarray, prospective: bool) -> None:
    found = space_time_scan(easting, np.zeros(day.size), day, max_share=1.0, prospective=prospective, replicates=19, seed=1)
    assert len(found) == 0
    assert list(found.columns[-3:]) == ["recurrence_interval_days", "members", "verdict"]


def test_stopping_early_keeps_the_clusters_and_gives_a_like_p() -> None:
    easting, northing, day = noise(10, 120)
    whole = space_time_scan(easting, northing, day, stop_after=None, seed=2)
    early = space_time_scan(easting, northing, day, seed=2)
    pd.testing.assert_frame_equal(whole.iloc[:, :10], early.iloc[:, :10], check_exact=True)
    assert abs(whole.p[0] - early.p[0]) < 0.15
    assert early.verdict[0] == whole.verdict[0] == "none"


def by_formula(kind: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """240 events in one year, the same on every machine: all at places of their own, or in 23 villages."""
    i = np.arange(240)
    day = (i * i * i * 31 + i * 17) % 365
    if kind == "points":
        day[i % 8 == 0] = 200 + i[i % 8 == 0] % 13
        return (i * 7919 % 2999) * 10.0, (i * i * 104729 % 3001) * 10.0, day
    v = i % 23
    is_odd_one = (v == 5) & (i % 2 == 0)
    day[is_odd_one] = 300 + i[is_odd_one] % 17
    return (v * v * 97 % 29) * 1000.0 + 37 * v, (v * 53 % 31) * 1000.0 + 11 * v * v, day


@pytest.mark.parametrize(
    ("kind", "prospective", "max_days", "published"),
    [
        ("points", False, 91, [(7.851691, 3, 0.083, 1311.37), (7.709437, 3, 0.088, 1985.67), (7.369836, 4, 0.25, 1897.63)]),
        ("points", True, 85, [(4.433928, 4, 0.56, 3554.90), (3.556716, 2, 0.13, 1682.53), (3.259252, 4, 0.80, 5874.73)]),
        ("villages", False, 89, [(7.245666, 9, 1.84, 1296.36), (6.496192, 7, 1.23, 7532.31), (4.459336, 3, 0.28, 0.0)]),
        ("villages", True, 89, [(4.188189, 11, 4.03, 1296.36), (2.568628, 2, 0.23, 0.0)]),
    ],
)
def test_clusters_are_those_of_satscan(
    kind: str, prospective: bool, max_days: int, published: list[tuple[float, int, float, float]]
) -> None:
    """Figures of SaTScan 10.3.2: space-time permutation, days, 10 km, 25 % of the cases."""
    easting, northing, day = by_formula(kind)
    found = space_time_scan(easting, northing, day, max_days=max_days, prospective=prospective, replicates=19, seed=1)
    for row, (ratio, cases, expected, radius_m) in zip(found.itertuples(), published, strict=False):
        assert row.llr == pytest.approx(ratio, abs=1e-6)
        assert row.cases == cases
        assert row.expected == pytest.approx(expected, abs=0.006)
        assert row.radius_m == pytest.approx(radius_m, abs=0.006)


@pytest.mark.parametrize("folder", NEW_YORK)
def test_fever_in_new_york_comes_out_as_published(folder: Path) -> None:
    """SaTScan's own example: three clusters at its settings, none with p < 0.05."""
    cases = pd.read_csv(folder / "rsatscan_NYCfevercas.csv")
    cases = cases.loc[cases.index.repeat(cases.cases)]
    codes = pd.read_csv(folder / "rsatscan_NYCfevergeo.csv").set_index("zip")
    points = gpd.GeoSeries.from_xy(codes.long, codes.lat, index=codes.index, crs="EPSG:4326").to_crs("EPSG:32618")[cases.zip]
    limits: dict[str, Any] = {"max_radius_m": 3000.0, "max_share": 0.5, "max_days": 7, "prospective": True}
    found = space_time_scan(points.x.to_numpy(), points.y.to_numpy(), pd.to_datetime(cases.date), **limits, seed=1)
    first = found.iloc[:3]
    np.testing.assert_allclose(first.llr, [3.845418, 3.164201, 2.137259], atol=1e-6)
    assert list(first.cases) == [4, 2, 2]
    np.testing.assert_allclose(first.expected, [0.67, 0.16, 0.29], atol=0.006)
    assert [f"{begun:%d}-{ended:%d}" for begun, ended in zip(first.date_from, first.date_to, strict=True)] == [
        "22-24",
        "24-24",
        "23-24",
    ]
    where = [sorted({int(cases.zip.iloc[event]) for event in members}) for members in first.members]
    assert where == [[11415, 11417, 11421, 11435], [11372], [10472]]
    assert (found.verdict == "none").all()
    # SaTScan says 0.24: it draws circles around codes without a case, too, and so looks at more.
    assert 0.1 < first.p.iloc[0] < 0.25


@pytest.mark.parametrize("villages", [None, 25])
@pytest.mark.parametrize("prospective", [False, True])
def test_places_and_seasons_that_know_nothing_of_one_another_make_no_cluster(villages: int | None, prospective: bool) -> None:
    maps = 60
    called = 0
    for k in range(maps):
        easting, northing, day = noise(1000 + k, 60, villages=villages)
        found = space_time_scan(easting, northing, day, prospective=prospective, replicates=39, stop_after=3, seed=k)
        called += bool((found.verdict == "cluster").any())
    # With p = 0.05, more than 8 of 60 come up once in 500 times.
    assert called <= 8


def changing_reports(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Two sides, one in the west and one in the east; the one stops reporting little by little while the other begins."""
    draws = np.random.default_rng(seed)
    side = draws.integers(0, 2, 120)
    easting = np.where(side == 0, draws.uniform(0, 12_000, 120), draws.uniform(14_000, 26_000, 120))
    day = np.rint(np.where(side == 0, draws.triangular(0, 0, 200, 120), draws.triangular(100, 300, 300, 120))).astype(np.int64)
    return easting, draws.uniform(0, 12_000, 120), day, side


def test_a_side_that_begins_to_report_is_a_cluster_unless_sides_are_told_apart() -> None:
    maps = 25
    wide: dict[str, Any] = {"max_radius_m": 20_000.0, "max_share": 0.5, "max_time_share": 0.5}
    is_called = np.zeros((maps, 2), bool)
    for k in range(maps):
        easting, northing, day, side = changing_reports(k)
        for way, strata in enumerate((None, side)):
            found = space_time_scan(easting, northing, day, strata=strata, **wide, replicates=39, stop_after=3, seed=k)
            is_called[k, way] = (found.verdict == "cluster").any()
    without, within = is_called.sum(axis=0)
    assert without >= 23
    assert within <= 4
