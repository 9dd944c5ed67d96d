"""ST-DBSCAN: what is refused, hand-worked chains, invariances, peers, and the clusters that another program loses."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tensionmap.errors import MeasureError
from tensionmap.measure import montecarlo
from tensionmap.measure.st_dbscan import st_dbscan

REAL = os.environ.get("TENSIONMAP_REAL_DATA")
ORACLES = [Path(REAL) / "known_answer" / "r_oracle"] if REAL else []
SETTINGS: dict[str, Any] = {"eps_m": 500, "eps_days": 10, "fewest": 4}


def reports(rows: int, seed: int, *, side: float = 10_000, days: int = 100) -> pd.DataFrame:
    """Half of them round a few places and days, half anywhere; whole days, places to the metre."""
    draws = np.random.default_rng(seed)
    hubs = max(1, rows // 40)
    hub = draws.integers(0, hubs, rows)
    near = draws.random(rows) < 0.5
    place = np.where(
        near, draws.uniform(0, side, (2, hubs))[:, hub] + draws.normal(0, 300, (2, rows)), draws.uniform(0, side, (2, rows))
    )
    day = np.where(near, draws.uniform(0, days, hubs)[hub] + draws.normal(0, 5, rows), draws.uniform(0, days, rows))
    return pd.DataFrame({"easting": 500_000 + place[0].round(), "northing": 4_400_000 + place[1].round(), "day": day.round()})


def found_in(frame: pd.DataFrame, **options: Any) -> pd.DataFrame:
    return st_dbscan(frame.easting, frame.northing, frame.day, **(SETTINGS | options))


def slow(frame: pd.DataFrame, eps_m: float, eps_days: float, fewest: int) -> pd.DataFrame:
    """The same, pair by pair."""
    east, north, day = frame[["easting", "northing", "day"]].to_numpy().T
    away = np.hypot(np.subtract.outer(east, east), np.subtract.outer(north, north))
    apart = np.abs(np.subtract.outer(day, day))
    near = (away <= eps_m) & (apart <= eps_days)
    is_core = near.sum(axis=1) >= fewest
    cluster = np.full(len(frame), -1)
    number = 0
    for seed in np.lexsort((north, east, day)):
        if not is_core[seed] or cluster[seed] >= 0:
            continue
        todo = [seed]
        while todo:
            one = todo.pop()
            if cluster[one] < 0:
                cluster[one] = number
                todo.extend(np.flatnonzero(near[one] & is_core))
        number += 1
    for one in np.flatnonzero(~is_core):
        lenders = np.flatnonzero(near[one] & is_core)
        if lenders.size:
            cluster[one] = min((away[one, k], apart[one, k], cluster[k]) for k in lenders)[2]
    return pd.DataFrame({"cluster": cluster, "is_core": is_core}, index=frame.index)


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ("eps_m is 0", {"eps_m": 0}),
        ("eps_m is -5", {"eps_m": -5}),
        ("eps_m is nan", {"eps_m": float("nan")}),
        ("eps_m is inf", {"eps_m": float("inf")}),
        ("eps_days is -1", {"eps_days": -1}),
        ("eps_days is nan", {"eps_days": float("nan")}),
        ("fewest is 0", {"fewest": 0}),
        ("fewest is 2.5", {"fewest": 2.5}),
        ("fewest is nan", {"fewest": float("nan")}),
        ("fewest is inf", {"fewest": float("inf")}),
    ],
)
def test_impossible_settings_are_refused(words: str, options: dict[str, Any]) -> None:
    with pytest.raises(MeasureError, match=words):
        found_in(reports(20, 1), **options)


@pytest.mark.parametrize("column", ["easting", "northing", "day"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_missing_and_infinite_numbers_are_refused(column: str, value: float) -> None:
    frame = reports(20, 1)
    frame.loc[7, column] = value
    with pytest.raises(MeasureError, match=f"{column} is missing or infinite in 1 of 20 rows, first in row 7"):
        found_in(frame)


def test_missing_dates_are_refused() -> None:
    frame = reports(3, 1).assign(day=pd.to_datetime(["2024-05-01", None, "2024-05-02"]))
    with pytest.raises(MeasureError, match="day is missing"):
        found_in(frame)


def test_words_for_dates_are_refused() -> None:
    with pytest.raises(MeasureError, match="day holds str, not numbers or dates"):
        found_in(reports(2, 1).assign(day=["2024-05-01", "2024-05-02"]))


def test_columns_of_different_rows_are_refused() -> None:
    frame = reports(20, 1)
    with pytest.raises(MeasureError, match="differ in length: easting 20, northing 19, day 20"):
        st_dbscan(frame.easting, frame.northing[:-1], frame.day, **SETTINGS)
    with pytest.raises(MeasureError, match="different indexes"):
        st_dbscan(frame.easting, frame.northing[::-1], frame.day, **SETTINGS)


def test_no_report_gives_no_row() -> None:
    found = st_dbscan([], [], [], **SETTINGS)
    assert found.dtypes.astype(str).to_dict() == {"cluster": "int64", "is_core": "bool"}
    assert len(found) == 0


def test_one_report_is_noise_unless_one_is_enough() -> None:
    assert st_dbscan([1.0], [2.0], [3], **SETTINGS).to_dict("list") == {"cluster": [-1], "is_core": [False]}
    assert st_dbscan([1.0], [2.0], [3], eps_m=1, eps_days=0, fewest=1).to_dict("list") == {"cluster": [0], "is_core": [True]}


def test_many_reports_in_one_place_on_one_day_are_one_cluster() -> None:
    same = np.full(3000, 7.0)
    found = st_dbscan(same, same, same, eps_m=1e-6, eps_days=0, fewest=3000)
    assert (found.cluster == 0).all()
    assert found.is_core.all()
    assert (st_dbscan(same, same, same, eps_m=1e-6, eps_days=0, fewest=3001).cluster == -1).all()


def test_the_hand_worked_chain() -> None:
    # Five in a row, 50 m and a day apart; the ends see two reports, the others three. One far in place, one far in time.
    easting = [0, 50, 100, 150, 200, 1000, 100]
    found = st_dbscan(easting, [0] * 7, [1, 2, 3, 4, 5, 3, 30], eps_m=50, eps_days=1, fewest=3)
    assert found.cluster.tolist() == [0, 0, 0, 0, 0, -1, -1]
    assert found.is_core.tolist() == [False, True, True, True, False, False, False]


def test_both_limits_are_inclusive_and_both_must_hold() -> None:
    def together(metres: float, days: float) -> bool:
        return bool(st_dbscan([0, 0.6 * metres], [0, 0.8 * metres], [0, days], eps_m=500, eps_days=10, fewest=2).is_core.all())

    assert together(500, 10)
    assert not together(500.001, 10)
    assert not together(500, 10.001)
    # The ball of scaled space and time would take the one and the Manhattan sum neither.
    assert together(490, 9)


def test_a_report_between_two_clusters_joins_the_nearest_in_metres_then_days_then_the_first() -> None:
    early = [(0, 0, 0), (-50, 0, 0), (-50, 1, 0), (-50, -1, 0)]
    late = [(200, 0, 2), (250, 0, 2), (250, 1, 2), (250, -1, 2)]
    for middle, cluster in [((99, 0, 2), 0), ((101, 0, 0), 1), ((100, 0, 0), 0), ((100, 0, 2), 1), ((100, 0, 1), 0)]:
        for order in (slice(None), slice(None, None, -1)):
            rows = np.array([*early, *late, middle], float)[order]
            found = st_dbscan(*rows.T, eps_m=101, eps_days=2, fewest=4)
            assert found.cluster[:: 1 if order.step is None else -1].tolist() == [0] * 4 + [1] * 4 + [cluster]
            assert not found.is_core.to_numpy()[order][-1]


@pytest.mark.parametrize("turn", [(1, 0, 0, 1), (-1, 0, 0, -1), (0, 1, 1, 0), (0, -1, -1, 0)])
def test_a_report_near_two_clusters_does_not_make_them_one_from_whatever_side(turn: tuple[int, int, int, int]) -> None:
    places = np.array([(0, 0), (-50, 0), (-50, 1), (-50, -1), (150, 0), (200, 0), (200, 1), (200, -1), (75, 60)], float)
    easting, northing = (places @ np.array(turn).reshape(2, 2)).T
    found = st_dbscan(easting, northing, [0] * 4 + [2] * 4 + [0], eps_m=101, eps_days=2, fewest=4)
    assert found.cluster.tolist() == [0] * 4 + [1] * 4 + [0]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.integers(1, 150),
    st.integers(0, 10**6),
    st.sampled_from([30.0, 500.0, 3000.0, 1e7]),
    st.sampled_from([0, 3, 40]),
    st.integers(1, 9),
)
def test_pair_by_pair_gives_the_same(rows: int, seed: int, eps_m: float, eps_days: float, fewest: int) -> None:
    frame = reports(rows, seed)
    options = {"eps_m": eps_m, "eps_days": eps_days, "fewest": fewest}
    pd.testing.assert_frame_equal(found_in(frame, **options), slow(frame, **options))


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.randoms(use_true_random=False), st.integers(0, 10**6))
def test_the_order_of_rows_does_not_matter(random: Any, seed: int) -> None:
    frame = reports(300, seed)
    order = random.sample(range(300), 300)
    pd.testing.assert_frame_equal(found_in(frame.iloc[order]), found_in(frame).iloc[order])


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.integers(-5000, 5000), st.integers(-5000, 5000), st.integers(-5000, 5000))
def test_moving_all_in_place_and_time_changes_nothing(east: int, north: int, days: int) -> None:
    frame = reports(400, 5)
    moved = frame.assign(easting=frame.easting + east, northing=frame.northing + north, day=frame.day + days)
    pd.testing.assert_frame_equal(found_in(moved), found_in(frame))


def test_every_report_twice_and_twice_as_many_for_a_core_is_the_same() -> None:
    frame = reports(500, 6)
    twice = found_in(pd.concat([frame, frame], ignore_index=True), fewest=8)
    pd.testing.assert_frame_equal(twice[:500], found_in(frame))
    assert (twice[:500].to_numpy() == twice[500:].to_numpy()).all()


def test_the_number_of_threads_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = reports(4000, 7, side=40_000)
    found = []
    for threads in (1, 2, 5):
        monkeypatch.setattr(montecarlo, "threads", lambda threads=threads: threads)
        found.append(found_in(frame))
    assert found[0].equals(found[1])
    assert found[0].equals(found[2])
    assert found[0].cluster.max() > 50


def test_dates_are_days_and_the_index_is_kept() -> None:
    frame = reports(200, 8).set_axis([f"report {k}" for k in range(200)])
    dated = frame.assign(day=pd.Timestamp("2023-11-20") + pd.to_timedelta(frame.day, unit="D"))
    pd.testing.assert_frame_equal(found_in(dated), found_in(frame))
    zoned = dated.assign(day=dated.day.dt.tz_localize("Asia/Dushanbe"))
    pd.testing.assert_frame_equal(found_in(zoned), found_in(frame))
    assert found_in(frame).index.equals(frame.index)


def test_inputs_are_not_changed() -> None:
    frame = reports(100, 9)
    before = frame.copy(deep=True)
    found_in(frame)
    pd.testing.assert_frame_equal(frame, before)


def test_clusters_are_those_of_scikit_learn() -> None:
    from sklearn.cluster import DBSCAN

    frame = reports(1500, 10)
    east, north, day = frame.to_numpy().T
    away = np.hypot(np.subtract.outer(east, east), np.subtract.outer(north, north)) / 500
    peer = DBSCAN(eps=1, min_samples=4, metric="precomputed").fit(np.maximum(away, np.abs(np.subtract.outer(day, day)) / 10))
    found = found_in(frame)
    is_core = np.zeros(1500, bool)
    is_core[peer.core_sample_indices_] = True
    assert (found.is_core == is_core).all()
    assert ((found.cluster < 0) == (peer.labels_ < 0)).all()
    pairs = pd.DataFrame({"ours": found.cluster, "theirs": peer.labels_})[is_core].drop_duplicates()
    assert pairs.ours.is_unique
    assert pairs.theirs.is_unique
    assert len(pairs) == found.cluster.max() + 1 > 20


@pytest.mark.parametrize("rows", [19_000, 21_000, 30_000])
def test_all_planted_clusters_of_one_day_are_found_however_many_rows(rows: int) -> None:
    # st-dbscan 0.2.3 finds all of them in fewer than 20,000 rows and none in more.
    draws = np.random.default_rng(rows)
    planted = np.repeat(np.arange(200), 10)
    east = np.concatenate([planted % 20 * 5e4 + draws.uniform(0, 100, 2000), draws.uniform(0, 1e6, rows - 2000)])
    north = np.concatenate([planted // 20 * 5e4 + draws.uniform(0, 100, 2000), draws.uniform(0, 1e6, rows - 2000)])
    day = np.concatenate([planted * 7, draws.integers(0, 1826, rows - 2000)])
    found = st_dbscan(east, north, day, eps_m=200, eps_days=0, fewest=5)
    assert found.cluster[:2000].groupby(planted).nunique().eq(1).all()
    assert found.cluster[:2000].nunique() == 200
    assert found.is_core[:2000].all()


def assert_same_clusters(found: pd.DataFrame, theirs: pd.Series) -> None:
    """Theirs counts from 1, noise is 0; a report between two clusters may be in either."""
    assert ((found.cluster < 0) == (theirs == 0)).all()
    pairs = pd.DataFrame({"ours": found.cluster, "theirs": theirs})[found.is_core].drop_duplicates()
    assert pairs.ours.is_unique
    assert pairs.theirs.is_unique
    assert len(pairs) == theirs.max()


@pytest.mark.parametrize("folder", ORACLES)
def test_space_alone_is_dbscan_of_r(folder: Path) -> None:
    arson = pd.read_csv(folder / "chicago_arson_dbscan_eps400_min5.csv", parse_dates=["date"])
    assert_same_clusters(st_dbscan(arson.x, arson.y, arson.date, eps_m=400, eps_days=1e6, fewest=5), arson.cluster)
    moons = pd.read_csv(folder / "moons_dbscan_hdbscan.csv")
    found = st_dbscan(moons.X, moons.Y, np.zeros(len(moons)), eps_m=0.5, eps_days=0, fewest=5)
    assert_same_clusters(found, moons.dbscan_eps05_min5)


@pytest.mark.parametrize("folder", ORACLES)
def test_days_apart_break_up_the_clusters_of_space(folder: Path) -> None:
    arson = pd.read_csv(folder / "chicago_arson_dbscan_eps400_min5.csv", parse_dates=["date"])
    in_time = st_dbscan(arson.x, arson.y, arson.date, eps_m=400, eps_days=90, fewest=5)
    assert (arson.cluster[in_time.cluster >= 0] > 0).all()
    assert (in_time.cluster >= 0).sum() < (arson.cluster > 0).sum()
