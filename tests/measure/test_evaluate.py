"""Evaluation: flagged areas, indices of accuracy, quarters held out, and displacement differences under no change."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from tensionmap.errors import MeasureError
from tensionmap.measure import montecarlo
from tensionmap.measure.change import counts_by_quarter, e_test
from tensionmap.measure.evaluate import accuracy, flag_top, held_out, wdd

REAL = os.environ.get("TENSIONMAP_REAL_DATA")
CRIME = [Path(REAL) / "crime" / "chicago_burglary_2015_2017.csv.gz"] if REAL else []

OBSERVED = np.array([6, 7, 3, 2, 1, 0])
PREDICTED = np.array([8.0, 4, 4, 2, 1, 0])


# Flags


def test_the_highest_scores_are_flagged_first_and_the_last_place_in_part() -> None:
    assert flag_top(PREDICTED, share_of_area=1 / 6).tolist() == [1, 0, 0, 0, 0, 0]
    assert flag_top(PREDICTED, share_of_area=0.25).tolist() == pytest.approx([1, 0.25, 0.25, 0, 0, 0])
    assert flag_top(PREDICTED, share_of_area=0.5).tolist() == [1, 1, 1, 0, 0, 0]
    assert flag_top(PREDICTED, share_of_area=1).tolist() == [1] * 6


def test_places_count_by_their_area() -> None:
    assert flag_top(np.array([3, 2, 1]), share_of_area=0.5, area=np.array([2, 6, 2])).tolist() == pytest.approx([1, 0.5, 0])


def test_equal_scores_are_flagged_by_equal_parts() -> None:
    assert flag_top(np.zeros(5), share_of_area=0.3).tolist() == pytest.approx([0.3] * 5)


SCORES = hnp.arrays(np.float64, st.integers(1, 30), elements=st.integers(-5, 5).map(float))


@settings(max_examples=80, deadline=None)
@given(SCORES, st.floats(0.001, 1), st.data())
def test_flags_fill_the_share_and_know_no_order_and_no_unit(score: np.ndarray, share: float, data: st.DataObject) -> None:
    area = data.draw(hnp.arrays(np.float64, score.size, elements=st.floats(0.1, 100)))
    part = flag_top(score, share_of_area=share, area=area)
    assert ((part >= 0) & (part <= 1)).all()
    assert (part * area).sum() == pytest.approx(share * area.sum(), rel=1e-6)
    # A place is flagged only where all higher ones are flagged as a whole.
    for one in range(score.size):
        if part[one] > 0:
            assert (part[score > score[one]] > 1 - 1e-9).all()
    order = data.draw(st.permutations(range(score.size)))
    np.testing.assert_allclose(flag_top(score[order], share_of_area=share, area=area[order]), part[order], atol=1e-8)
    np.testing.assert_allclose(flag_top(score * 7 + 1, share_of_area=share, area=area * 1e6), part, atol=1e-8)


# Indices


def test_the_published_table_of_pai_and_pei() -> None:
    # The published table takes the second place before the third, though both have the same score.
    score = PREDICTED - np.array([0, 0, 1e-6, 0, 0, 0])
    table = [accuracy(flag_top(score, share_of_area=k / 6), OBSERVED, before=PREDICTED) for k in range(1, 7)]
    assert [round(row.pai, 4) for row in table] == [1.8947, 2.0526, 1.6842, 1.4211, 1.2, 1]
    assert [round(row.pei_star, 4) for row in table] == [0.8571, 1, 1, 1, 1, 1]
    assert [round(row.hit_rate, 4) for row in table] == [0.3158, 0.6842, 0.8421, 0.9474, 1, 1]
    # 19 predicted, 19 observed: observed over predicted.
    assert [round(row.rri, 4) for row in table] == [
        round(a / b, 4) for a, b in zip([6, 13, 16, 18, 19, 19], [8, 12, 16, 18, 19, 19], strict=True)
    ]
    assert [round(row.pei, 4) for row in table] == [round(n / k / 7, 4) for k, n in enumerate([6, 13, 16, 18, 19, 19], start=1)]


def test_places_that_tie_share_their_hits() -> None:
    # Half of each of the two places with score 4: 6 + (7 + 3) / 2 of 19 reports on two of six places.
    found = accuracy(flag_top(PREDICTED, share_of_area=2 / 6), OBSERVED)
    assert found.hits == pytest.approx(11)
    assert found.pai == pytest.approx(11 / 19 * 3)
    assert found.pei_star == pytest.approx(11 / 13)
    assert np.isnan(found.rri)


def test_areas_of_different_size_by_hand() -> None:
    # Densities 2, 3 and 0.5; flagged: the first, 2 of 10. The best two: two thirds of the second.
    found = accuracy([True, False, False], [4, 9, 2.5], area=[2, 3, 5], before=[2, 6, 2])
    assert (found.reports, found.hits, found.share_of_area) == (15.5, 4, 0.2)
    assert found.pai == pytest.approx(4 / 15.5 / 0.2)
    assert found.pei == pytest.approx(2 / 3)
    assert found.pei_star == pytest.approx(4 / 6)
    assert found.rri == pytest.approx((4 / 15.5) / (2 / 10))


def test_nothing_flagged_has_hit_rate_zero_and_no_index() -> None:
    found = accuracy(np.zeros(6, bool), OBSERVED, before=PREDICTED)
    assert (found.hits, found.hit_rate, found.share_of_area) == (0, 0, 0)
    assert np.isnan([found.pai, found.pei, found.pei_star, found.rri]).all()


def test_nothing_observed_has_no_hit_rate() -> None:
    found = accuracy([True, False], [0, 0], before=[3, 1])
    assert np.isnan([found.hit_rate, found.pai, found.pei, found.pei_star, found.rri]).all()


def test_a_flagged_area_without_reports_before_has_no_recapture_rate() -> None:
    assert np.isnan(accuracy([True, False], [1, 2], before=[0, 5]).rri)
    assert np.isnan(accuracy([True, False], [1, 2], before=[0, 0]).rri)


@settings(max_examples=80, deadline=None)
@given(SCORES, st.floats(0.001, 1), st.data())
def test_no_flagged_area_beats_the_best_of_its_size(score: np.ndarray, share: float, data: st.DataObject) -> None:
    area = data.draw(hnp.arrays(np.float64, score.size, elements=st.floats(0.1, 100)))
    observed = data.draw(hnp.arrays(np.int64, score.size, elements=st.integers(0, 20)))
    part = flag_top(score, share_of_area=share, area=area)
    found = accuracy(part, observed, area=area)
    if observed.sum() == 0:
        assert np.isnan(found.pei_star)
        return
    assert 0 <= found.pei <= found.pei_star + 1e-6
    assert found.pei_star <= 1 + 1e-6
    best = accuracy(flag_top(observed / area, share_of_area=share, area=area), observed, area=area)
    assert best.pei_star == pytest.approx(1)
    assert accuracy(np.ones(score.size), observed, area=area).pai == pytest.approx(1)
    doubled = accuracy(np.tile(part, 2), np.tile(observed, 2), area=np.tile(area, 2))
    assert (doubled.pai, doubled.pei_star) == (pytest.approx(found.pai), pytest.approx(found.pei_star))


@pytest.mark.parametrize(
    ("words", "flagged", "observed", "options"),
    [
        ("not between 0 and 1", [2, 0], [1, 1], {}),
        ("flagged parts hold", [np.nan, 0], [1, 1], {}),
        ("observed reports hold", [1, 0], [-1, 1], {}),
        ("for each of 2 places", [1, 0], [1, 1, 1], {}),
        ("2 of 3 places have no area", [1, 0, 1], [1, 1, 1], {"area": [0, -1, 1]}),
        ("reports before hold", [1, 0], [1, 1], {"before": [np.inf, 0]}),
        ("at least one place", [], [], {}),
        ("are not numbers", ["hot", "none"], [1, 1], {}),
        ("another order", pd.Series([1, 0]), pd.Series([1, 1], index=[1, 0]), {}),
    ],
)
def test_flags_that_cannot_be_judged_are_refused(words: str, flagged: Any, observed: Any, options: dict[str, Any]) -> None:
    with pytest.raises(MeasureError, match=words):
        accuracy(flagged, observed, **options)


@pytest.mark.parametrize("share", [0, -0.1, 1.1, float("nan")])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(MeasureError, match="above 0 and not above 1"):
        flag_top(PREDICTED, share_of_area=share)


# Quarters held out


def past(counts: pd.DataFrame) -> pd.Series:
    return counts.sum(axis=1)


def by_quarters(*rows: list[int]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=[f"2025Q{k + 1}" for k in range(len(rows[0]))], index=[f"p{k}" for k in range(len(rows))])


def test_quarters_held_out_by_hand() -> None:
    counts = by_quarters([5, 1, 20, 6], [3, 9, 10, 30], [0, 0, 5, 2], [0, 0, 5, 2])
    found = held_out(counts, methods={"past": past}, train_quarters=2, share_of_area=[0.25], seed=1)
    # Trained on Q1 and Q2 the second place is first (12), on Q2 and Q3 the first one (21).
    assert found["quarter"].tolist() == ["2025Q3", "2025Q4", "all"]
    assert found["reports"].tolist() == [40, 40, 80]
    assert found["hits"].tolist() == [10, 6, 16]
    assert found["hit_rate"].tolist() == pytest.approx([0.25, 0.15, 0.2])
    assert found["pai"].tolist() == pytest.approx([1, 0.6, 0.8])
    assert found["pei_star"].tolist() == pytest.approx([10 / 20, 6 / 30, 16 / 50])
    assert found["rri"].tolist() == pytest.approx([0.25 / (12 / 18), 0.15 / (21 / 50), 16 / (40 * 12 / 18 + 40 * 21 / 50)])
    low, high = stats.binomtest(10, 40).proportion_ci(0.95, method="exact")
    assert found.loc[0, ["hit_rate_low", "hit_rate_high"]].tolist() == pytest.approx([low, high])
    assert found.loc[0, ["pai_low", "pai_high"]].tolist() == pytest.approx([low * 4, high * 4])
    assert found["verdict"].tolist() == ["no better than chance"] * 3


def test_a_method_never_sees_the_quarter_on_which_it_is_judged() -> None:
    seen: list[list[str]] = []

    def looks(counts: pd.DataFrame) -> np.ndarray:
        seen.append(counts.columns.tolist())
        counts.iloc[:, :] = -1
        return np.zeros(len(counts), bool)

    counts = by_quarters([1, 2, 3, 4], [5, 6, 7, 8])
    kept = counts.copy()
    held_out(counts, methods={"looks": looks}, train_quarters=2, seed=1)
    assert seen == [["2025Q1", "2025Q2"], ["2025Q2", "2025Q3"]]
    pd.testing.assert_frame_equal(counts, kept)


def test_hot_spots_stand_beside_scores_with_their_own_area() -> None:
    counts = by_quarters([40, 50], [4, 20], [4, 10], [4, 20])
    methods = {
        "hot spots": lambda train: train.sum(axis=1) > 30,
        "none": lambda train: np.zeros(len(train), bool),
        "past": past,
        "nullable": lambda train: (train.sum(axis=1) > 30).astype("boolean"),
    }
    found = held_out(counts, methods=methods, train_quarters=1, share_of_area=(0.25, 0.5), seed=1).query("quarter == 'all'")
    assert found["method"].tolist() == ["hot spots", "none", "past", "past", "nullable"]
    assert found["share_of_area"].tolist() == pytest.approx([0.25, 0, 0.25, 0.5, 0.25])
    assert found["hits"].tolist() == pytest.approx([50, 0, 50, 50 + 50 / 3, 50])
    none = found.iloc[1]
    assert none["hit_rate"] == 0
    assert np.isnan(none["pai"])
    # Any of four places is as good with a chance of one in four, the best one included.
    assert found["verdict"].tolist()[:3] == ["no better than chance", "nothing flagged", "no better than chance"]
    assert found["p"].tolist()[0] == pytest.approx(0.25, abs=0.06)
    assert np.isnan(found["p"].tolist()[1])


def one_busy_place(reports: int) -> pd.DataFrame:
    return by_quarters([reports, reports], *[[0, 0]] * 39)


def test_few_reports_are_too_few_to_tell() -> None:
    for reports, verdict in ((29, "too few to tell"), (30, "better than chance")):
        found = held_out(one_busy_place(reports), methods={"past": past}, train_quarters=1, share_of_area=[1 / 40], seed=1)
        assert found["verdict"].tolist() == [verdict] * 2


def test_a_quarter_without_reports_is_a_defined_answer() -> None:
    found = held_out(by_quarters([5, 0], [1, 0]), methods={"past": past}, train_quarters=1, share_of_area=[0.5], seed=1)
    assert found["verdict"].tolist() == ["too few to tell"] * 2
    assert found[["hit_rate", "pai", "pai_low", "pai_high", "pei_star", "p"]].isna().all(axis=None)


def test_p_is_the_share_of_places_that_would_have_done_as_well() -> None:
    # One of 40 places flagged: the one flagged is the third best of all.
    counts = by_quarters(*[[int(k == 7), {5: 90, 6: 80, 7: 70}.get(k, 1)] for k in range(40)])
    found = held_out(counts, methods={"past": past}, train_quarters=1, share_of_area=[1 / 40], replicates=9999, seed=2)
    assert found["p"].tolist() == pytest.approx([3 / 40] * 2, abs=0.01)


def test_a_burst_in_one_place_is_one_stroke_of_luck() -> None:
    # Flags that know nothing on a quarter with one burst: by its reports alone the lucky draw would be beyond doubt.
    draws = np.random.default_rng(4)
    called = sure = 0
    for seed in range(80):
        next_quarter = np.where(np.arange(20) == draws.integers(20), 100, 1)
        counts = pd.DataFrame({"q1": draws.permutation(20), "q2": next_quarter})
        row = held_out(counts, methods={"past": past}, train_quarters=1, share_of_area=[0.1], replicates=99, seed=seed).iloc[-1]
        called += row["verdict"] == "better than chance"
        sure += row["pai_low"] > 1
    assert called <= stats.binom.ppf(0.999, 80, 0.05)
    assert sure > called


def test_lucky_flags_that_stay_are_one_stroke_of_luck_too() -> None:
    # The same uninformed flags for six quarters, on places that differ for good.
    draws = np.random.default_rng(9)
    called = 0
    for seed in range(80):
        counts = pd.DataFrame(draws.poisson(draws.gamma(0.5, 8, (40, 1)), (40, 6)))
        flags = draws.permutation(40) < 8
        found = held_out(counts, methods={"same": lambda _, flags=flags: flags}, train_quarters=1, replicates=99, seed=seed)
        called += found["verdict"].iloc[-1] == "better than chance"
    assert called <= stats.binom.ppf(0.999, 80, 0.05)


def test_the_past_of_places_that_differ_for_good_is_better_than_chance() -> None:
    draws = np.random.default_rng(2)
    counts = pd.DataFrame(draws.poisson(draws.gamma(0.5, 8, (40, 1)), (40, 6)))
    found = held_out(counts, methods={"past": past}, share_of_area=(0.1, 0.2), seed=3)
    assert (found["verdict"] == "better than chance").all()


def test_places_in_another_order_give_the_same() -> None:
    draws = np.random.default_rng(3)
    counts = pd.DataFrame(draws.poisson(draws.gamma(0.5, 4, (25, 1)), (25, 6)), columns=[f"q{k}" for k in range(6)])
    area = pd.Series(draws.uniform(1, 5, 25))
    methods = {"past": lambda train: train.sum(axis=1) / area[train.index], "hot": lambda train: train.sum(axis=1) > 12}
    mixed = draws.permutation(25)
    found = held_out(counts, methods=methods, area=area, replicates=99, seed=4)
    again = held_out(counts.loc[mixed], methods=methods, area=area[mixed], replicates=99, seed=4)
    pd.testing.assert_frame_equal(found, again)


def test_a_method_that_knows_nothing_is_rarely_called_better() -> None:
    draws = np.random.default_rng(12)
    called = 0
    for seed in range(80):
        counts = pd.DataFrame(draws.poisson(2, (40, 2)))
        found = held_out(counts, methods={"past": past}, train_quarters=1, share_of_area=[0.1], replicates=99, seed=seed)
        called += found["verdict"].iloc[-1] == "better than chance"
    assert called <= stats.binom.ppf(0.999, 80, 0.05)


def test_places_of_unequal_area_are_no_better_than_chance_either() -> None:
    draws = np.random.default_rng(13)
    called = 0
    for seed in range(80):
        area = draws.uniform(1, 6, 60)
        counts = pd.DataFrame(draws.poisson(area[:, None], (60, 2)))
        density = {"density": lambda train, area=area: train.sum(axis=1) / area}
        found = held_out(counts, methods=density, area=area, train_quarters=1, share_of_area=[0.1], replicates=99, seed=seed)
        called += found["verdict"].iloc[-1] == "better than chance"
    assert called <= stats.binom.ppf(0.999, 80, 0.05)


def test_any_number_of_threads_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = pd.DataFrame(np.random.default_rng(1).poisson(3, (30, 4)))
    found = held_out(counts, methods={"past": past}, train_quarters=2, seed=5)
    for threads in (1, 3):
        monkeypatch.setattr(montecarlo, "threads", lambda threads=threads: threads)
        pd.testing.assert_frame_equal(held_out(counts, methods={"past": past}, train_quarters=2, seed=5), found)


@pytest.mark.parametrize(("reports", "rate"), [(30, 0.05), (30, 0.3), (100, 0.02), (300, 0.1)])
def test_intervals_of_the_hit_rate_hold_what_they_say(reports: int, rate: float) -> None:
    held = 0.0
    chances = stats.binom.pmf(np.arange(reports + 1), reports, rate)
    for hits, chance in enumerate(chances):
        if chance < 1e-5:
            continue
        counts = by_quarters([1, hits], [0, reports - hits])
        row = held_out(counts, methods={"past": past}, train_quarters=1, share_of_area=[0.5], replicates=19, seed=1).iloc[-1]
        held += chance * (row["hit_rate_low"] <= rate <= row["hit_rate_high"])
    assert held >= 0.95 - 1e-3


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ("none can be held out", {"train_quarters": 3}),
        ("none can be held out", {"train_quarters": 0}),
        ("at least one method", {"methods": {}}),
        ("one share of the area", {"share_of_area": ()}),
        ("above 0 and not above 1", {"share_of_area": (0.1, 1.5)}),
        ("alpha is 0", {"alpha": 0.0}),
        ("at least 19 replicates", {"replicates": 9}),
        ("another order", {"area": pd.Series([1, 2])}),
        ("no area", {"area": np.array([1, 0])}),
        ("for each of 2 places", {"methods": {"short": lambda train: [1.0]}}),
        ("hold numbers that are missing", {"methods": {"nan": lambda train: [1.0, float("nan")]}}),
        ("are not numbers", {"methods": {"words": lambda train: ["hot", "none"]}}),
        ("for other places", {"methods": {"other": lambda train: pd.Series([1.0, 2.0])}}),
    ],
)
def test_what_cannot_be_held_out_is_refused(words: str, options: dict[str, Any]) -> None:
    with pytest.raises(MeasureError, match=words):
        held_out(by_quarters([1, 2, 3], [4, 5, 6]), **({"methods": {"past": past}, "train_quarters": 1, "seed": 1} | options))


def test_counts_that_are_none_are_refused() -> None:
    with pytest.raises(MeasureError, match="reports of 2025Q2"):
        held_out(by_quarters([1, -2, 3], [4, 5, 6]), methods={"past": past}, train_quarters=1, seed=1)


@pytest.mark.parametrize("path", CRIME)
def test_the_past_says_where_real_burglaries_come_next(path: Path) -> None:
    reports = pd.read_csv(path, parse_dates=["date"])
    row, column = ((reports[name] // 0.01).astype(int) for name in ("lat", "lon"))
    place = row.astype("str") + "/" + column.astype("str")
    places = sorted(place.unique())
    spread = {"date_from": pd.Timestamp("2015-01-01"), "date_to": pd.Timestamp("2017-12-31")}
    counts = counts_by_quarter(place, reports["date"], places, **spread)
    assert counts.shape[1] == 12
    assert counts.to_numpy().sum() == reports["date"].between("2015-01-01", "2017-12-31 23:59:59").sum()
    chance: Callable[[pd.DataFrame], np.ndarray] = lambda train: np.random.default_rng(1).random(len(train))  # noqa: E731
    found = held_out(counts, methods={"past": past, "chance": chance}, share_of_area=(0.05, 0.2), seed=1).query(
        "quarter == 'all'"
    )
    assert found["verdict"].tolist() == ["better than chance"] * 2 + ["no better than chance"] * 2
    assert (found["pai"].iloc[:2] > 1.5).all()
    assert (found["pei_star"].iloc[:2].to_numpy() > 2 * found["pei_star"].iloc[2:].to_numpy()).all()


# Weighted displacement difference


def test_wdd_gives_the_published_values() -> None:
    found = wdd(treated=(20, 10), control=(20, 20))
    assert (found.wdd, found.local, found.displacement, found.displacement_se) == (-10, -10, 0, 0)
    assert (found.se, found.z) == (pytest.approx(np.sqrt(70)), pytest.approx(-1.195229, abs=1e-6))
    assert (found.low_normal, found.high_normal) == (pytest.approx(-23.761833), pytest.approx(3.761833))
    assert found.verdict == "no clear change"


def test_wdd_with_buffers_gives_the_values_of_the_paper() -> None:
    found = wdd((207, 110), (308, 318), (178, 157), (150, 140), alpha=0.05)
    assert (found.wdd, found.se**2) == (-118, pytest.approx(1568))
    assert (round(found.z, 2), round(found.low_normal), round(found.high_normal)) == (-2.98, -196, -40)
    assert (found.local, found.displacement) == (-107, -11)
    assert found.verdict == "fewer"


def test_wdd_of_unequal_times_and_areas_gives_the_published_values() -> None:
    times = wdd((80, 20), (100, 50), lengths=(2, 1))
    assert (times.wdd, times.se**2) == (pytest.approx(-20), pytest.approx(115))
    areas = wdd((207, 110), (308, 318), (178, 157), (150, 140), areas=(1.2, 0.9, 1.5, 1.6), alpha=0.05)
    assert (areas.wdd, areas.se, areas.z) == (pytest.approx(-99.69444444), pytest.approx(35.4280755), pytest.approx(-2.813995483))
    assert (areas.low_normal, areas.high_normal) == (pytest.approx(-169.1321965), pytest.approx(-30.25669241))


def test_the_interval_by_hand() -> None:
    # Counts for: 10 + 20; against: 20 + 20. Exact limits of a Poisson count of 30 and of 40, 5 % on either side.
    low_30, high_30 = stats.chi2.ppf(0.05, 60) / 2, stats.chi2.ppf(0.95, 62) / 2
    low_40, high_40 = stats.chi2.ppf(0.05, 80) / 2, stats.chi2.ppf(0.95, 82) / 2
    found = wdd(treated=(20, 10), control=(20, 20))
    assert found.low == pytest.approx(-10 - np.hypot(30 - low_30, high_40 - 40))
    assert found.high == pytest.approx(-10 + np.hypot(high_30 - 30, 40 - low_40))


def test_no_case_at_all_is_a_defined_answer() -> None:
    found = wdd((0, 0), (0, 0))
    assert (found.wdd, found.se, found.verdict) == (0, 0, "too few cases to tell")
    assert np.isnan(found.z)
    # Exact: nothing seen is less than three cases with a chance of 95 %.
    assert found.high == pytest.approx(-np.log(0.05))
    assert found.low == pytest.approx(np.log(0.05))


@pytest.mark.parametrize(
    ("treated", "control", "verdict"),
    [
        ((4, 0), (4, 4), "too few cases to tell"),
        ((5, 5), (3, 3), "too few cases to tell"),
        ((30, 0), (20, 20), "fewer"),
        ((30, 25), (20, 20), "no clear change"),
        ((5, 40), (20, 20), "more"),
        # None before and many after: nothing could have become fewer, but it did become more.
        ((0, 20), (3, 3), "more"),
    ],
)
def test_verdicts(treated: tuple[int, int], control: tuple[int, int], verdict: str) -> None:
    assert wdd(treated, control).verdict == verdict


def test_displacement_is_set_against_the_gain() -> None:
    alone = wdd((60, 20), (60, 60))
    moved = wdd((60, 20), (60, 60), (60, 100), (60, 60))
    assert alone.verdict == "fewer"
    assert (moved.local, moved.displacement, moved.wdd, moved.verdict) == (-40, 40, 0, "no clear change")


PAIRS = st.tuples(st.integers(0, 200), st.integers(0, 200))


@settings(max_examples=100, deadline=None)
@given(PAIRS, PAIRS, PAIRS, PAIRS, st.floats(0.01, 0.3))
def test_wdd_mirrors_treated_and_control_and_before_and_after(
    treated: tuple[int, int], control: tuple[int, int], near: tuple[int, int], far: tuple[int, int], alpha: float
) -> None:
    found = wdd(treated, control, near, far, alpha=alpha)
    assert found.low <= found.wdd <= found.high
    for mirrored in (
        wdd(control, treated, far, near, alpha=alpha),
        wdd(treated[::-1], control[::-1], near[::-1], far[::-1], alpha=alpha),
    ):
        assert (mirrored.wdd, mirrored.low, mirrored.high) == pytest.approx((-found.wdd, -found.high, -found.low))
    scaled = wdd(treated, control, near, far, areas=(4, 4, 4, 4), lengths=(0.5, 0.5), alpha=alpha)
    assert (scaled.wdd, scaled.low, scaled.high) == pytest.approx((found.wdd / 2, found.low / 2, found.high / 2))
    assert scaled.verdict == found.verdict
    # The exact interval is the wider one, and wider still for a smaller alpha.
    wider = wdd(treated, control, near, far, alpha=alpha / 2)
    assert wider.low <= found.low
    assert wider.high >= found.high


def test_wdd_with_equal_areas_tells_what_two_counts_tell() -> None:
    for treated, control in [((30, 4), (20, 22)), ((12, 9), (10, 14)), ((3, 20), (9, 9))]:
        found = wdd(treated, control)
        p = float(e_test(treated[1] + control[0], treated[0] + control[1]))
        assert (found.verdict in {"fewer", "more"}) == (p < 0.08)


@pytest.mark.parametrize("mean", [0.5, 1, 2, 3, 5, 8, 20, 50, 200])
def test_without_change_wdd_errs_no_more_often_than_it_says(mean: float) -> None:
    # Four counts of equal mean: their sums for and against are Poisson with twice the mean. Every pair, no draws.
    most = stats.poisson.isf(1e-7, 2 * mean)
    counts = np.arange(max(stats.poisson.ppf(1e-7, 2 * mean), 0), most + 1)
    chance = stats.poisson.pmf(counts, 2 * mean)
    # Whether 0 is left out is monotone: one search for each count.
    errs = 0.0
    for place, count in enumerate(counts):
        low, high = 0, counts.size
        while low < high:
            middle = (low + high) // 2
            if wdd((counts[middle], count), (0, 0)).low > 0:
                low = middle + 1
            else:
                high = middle
        errs += 2 * chance[place] * chance[:low].sum()
    assert errs <= 0.1


@pytest.mark.parametrize(
    ("means", "lengths", "areas"),
    [
        ((2.0, 0.5, 2.0, 0.5), (4, 1), (1, 1, 1, 1)),
        ((20.0, 5.0, 20.0, 5.0), (4, 1), (1, 1, 1, 1)),
        ((3.0, 3.0, 15.0, 15.0), (1, 1), (1, 5, 1, 1)),
    ],
)
def test_unequal_times_and_areas_err_no_more_often_either(
    means: tuple[float, ...], lengths: tuple[float, float], areas: tuple[float, float, float, float]
) -> None:
    draws = np.random.default_rng(5).poisson(means, (600, 4))
    wrong = sum(wdd((a, b), (c, d), lengths=lengths, areas=areas).verdict in {"fewer", "more"} for a, b, c, d in draws)
    assert wrong <= stats.binom.ppf(0.999, 600, 0.1)


@pytest.mark.parametrize(
    ("words", "arguments", "options"),
    [
        ("not whole", ((1.5, 2), (1, 1)), {}),
        ("negative", ((-1, 2), (1, 1)), {}),
        ("missing", ((float("nan"), 2), (1, 1)), {}),
        ("before and after", ((1, 2, 3), (1, 1)), {}),
        ("before and after", (5, (1, 1)), {}),
        ("Only one of the two buffers", ((1, 2), (1, 1), (1, 1)), {}),
        ("alpha", ((1, 2), (1, 1)), {"alpha": 1.0}),
        ("lengths needs", ((1, 2), (1, 1)), {"lengths": (0, 1)}),
        ("lengths needs", ((1, 2), (1, 1)), {"areas": (1, 1)}),
        ("area is missing", ((1, 2), (1, 1)), {"areas": (1, 0, 1, 1)}),
    ],
)
def test_actions_that_cannot_be_judged_are_refused(words: str, arguments: Any, options: dict[str, Any]) -> None:
    with pytest.raises(MeasureError, match=words):
        wdd(*arguments, **options)
