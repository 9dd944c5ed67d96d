"""Change: quarters, two counts, changes over the map, and classes over time; and how often noise is called a change."""

from __future__ import annotations

from datetime import date
from itertools import permutations
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
from tensionmap.measure.change import (
    change,
    change_of_quarter,
    classes,
    counts_by_quarter,
    e_test,
    mann_kendall,
    quarter_of,
)

YEAR = {"date_from": date(2025, 1, 1), "date_to": date(2025, 12, 31)}


def days(*texts: str | None) -> pd.Series:
    return pd.Series(pd.to_datetime(list(texts), format="%Y-%m-%d"))


# Quarters


def test_quarters_begin_and_end_on_the_calendar_days() -> None:
    found = quarter_of(days("2025-01-01", "2025-03-31", "2025-04-01", "2025-09-30", "2025-10-01", "2024-12-31", None))
    assert found[:-1].tolist() == ["2025Q1", "2025Q1", "2025Q2", "2025Q3", "2025Q4", "2024Q4"]
    assert found.dtype == "str"
    assert pd.isna(found.iloc[-1])


def test_days_may_be_plain_dates_or_times_with_a_zone() -> None:
    assert quarter_of(pd.Series([date(2025, 4, 1), None])).iloc[0] == "2025Q2"
    late = pd.Series(pd.to_datetime(["2025-03-31 22:00"])).dt.tz_localize("UTC")
    assert quarter_of(late).tolist() == ["2025Q1"]
    assert quarter_of(late.dt.tz_convert("Asia/Dushanbe")).tolist() == ["2025Q2"]


def test_no_days_give_no_quarters() -> None:
    assert len(quarter_of(days())) == 0
    assert len(quarter_of(np.array([], dtype="datetime64[D]"))) == 0


@pytest.mark.parametrize("wrong", [pd.Series(["2025-01-02"]), pd.Series([20250102]), pd.Series([45000.5])])
def test_text_and_numbers_are_no_days(wrong: pd.Series) -> None:
    with pytest.raises(MeasureError, match="no dates"):
        quarter_of(wrong)


def test_counts_have_every_place_and_every_quarter() -> None:
    when = days("2025-01-01", "2025-03-31", "2025-07-10", "2025-12-31", "2025-12-31")
    place = pd.Series(["a", "a", "c", "b", None])
    found = counts_by_quarter(place, when, ["c", "a", "b", "d"], **YEAR)
    assert found.columns.tolist() == ["2025Q1", "2025Q2", "2025Q3", "2025Q4"]
    assert found.index.tolist() == ["c", "a", "b", "d"]
    assert found.to_numpy().tolist() == [[0, 0, 1, 0], [2, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0]]


@pytest.mark.parametrize(
    ("date_from", "date_to", "quarters"),
    [
        (date(2025, 1, 1), date(2025, 3, 31), ["2025Q1"]),
        (date(2025, 1, 2), date(2025, 6, 30), ["2025Q2"]),
        (date(2025, 1, 1), date(2025, 6, 29), ["2025Q1"]),
        (date(2024, 11, 5), date(2025, 8, 1), ["2025Q1", "2025Q2"]),
        (date(2024, 10, 1), date(2025, 3, 31), ["2024Q4", "2025Q1"]),
    ],
)
def test_quarters_covered_in_part_are_left_out(date_from: date, date_to: date, quarters: list[str]) -> None:
    when = days("2024-10-01", "2024-12-31", "2025-01-01", "2025-03-31", "2025-06-30", "2025-09-01")
    found = counts_by_quarter(pd.Series(["a"] * 6), when, ["a"], date_from=date_from, date_to=date_to)
    everything = {"2024Q4": 2, "2025Q1": 2, "2025Q2": 1}
    assert found.loc["a"].to_dict() == {quarter: everything[quarter] for quarter in quarters}


@pytest.mark.parametrize(
    ("date_from", "date_to"),
    [(date(2025, 1, 2), date(2025, 6, 29)), (date(2025, 6, 30), date(2025, 1, 1)), (date(2025, 5, 1), date(2025, 5, 2))],
)
def test_no_full_quarter_is_refused(date_from: date, date_to: date) -> None:
    with pytest.raises(MeasureError, match="No quarter lies wholly between"):
        counts_by_quarter(pd.Series(["a"]), days("2025-01-01"), ["a"], date_from=date_from, date_to=date_to)


@pytest.mark.parametrize("wrong", ["some day", None, pd.NaT])
def test_a_first_day_that_is_none_is_refused(wrong: Any) -> None:
    with pytest.raises(MeasureError, match="is no date"):
        counts_by_quarter(pd.Series(["a"]), days("2025-01-01"), ["a"], date_from=wrong, date_to=date(2025, 12, 31))


@pytest.mark.parametrize(
    ("words", "place", "when", "places"),
    [
        ("have no day", pd.Series(["a", "a"]), days("2025-01-01", None), ["a"]),
        ("not among the 1 given", pd.Series(["a", "b"]), days("2025-01-01", "2025-01-01"), ["a"]),
        ("same identifier", pd.Series(["a"]), days("2025-01-01"), ["a", "a"]),
        ("different rows", pd.Series(["a"], index=[7]), days("2025-01-01"), ["a"]),
    ],
)
def test_reports_that_cannot_be_counted_are_refused(words: str, place: pd.Series, when: pd.Series, places: list[str]) -> None:
    with pytest.raises(MeasureError, match=words):
        counts_by_quarter(place, when, places, **YEAR)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 364)), max_size=40), st.randoms())
def test_every_report_within_the_year_is_counted_once_in_any_order(reports: list[tuple[str, int]], chance: Any) -> None:
    def counted(rows: list[tuple[str, int]]) -> pd.DataFrame:
        when = pd.Series(np.datetime64("2025-01-01", "D") + np.array([day for _, day in rows], dtype="timedelta64[D]"))
        return counts_by_quarter(pd.Series([place for place, _ in rows], dtype="str"), when, list("abc"), **YEAR)

    found = counted(reports)
    assert found.to_numpy().sum() == len(reports)
    chance.shuffle(reports)
    pd.testing.assert_frame_equal(counted(reports), found)


# Two counts


def test_the_e_test_gives_the_published_values() -> None:
    assert float(e_test(6, 2)) == pytest.approx(0.1748748, abs=5e-8)
    assert float(e_test(3, 0)) == pytest.approx(0.0884, abs=5e-5)


def by_hand(now: int, before: int, exposure: int, exposure_before: int) -> float:
    """The sum over all pairs of counts, with whole numbers where two values are compared."""
    rate = (now + before) / (exposure + exposure_before)
    x, y = np.arange(250, dtype=object)[:, None], np.arange(250, dtype=object)[None, :]
    departure, spread = (x * exposure_before - y * exposure) ** 2, x * exposure_before**2 + y * exposure**2
    observed = (now * exposure_before - before * exposure) ** 2, now * exposure_before**2 + before * exposure**2
    is_as_far = (departure * observed[1] >= observed[0] * spread).astype(bool)
    is_as_far[0, 0] = observed[0] == 0
    chances = stats.poisson.pmf(x.astype(int), rate * exposure) * stats.poisson.pmf(y.astype(int), rate * exposure_before)
    return float(chances[is_as_far].sum())


@pytest.mark.parametrize(
    "pair", [(6, 2, 1, 1), (4, 1, 8, 1), (57, 49, 5, 8), (9, 1, 1, 1), (1, 9, 1, 2), (60, 6, 1, 1), (40, 3, 9, 2), (0, 1, 1, 1)]
)
def test_the_e_test_is_the_sum_over_all_pairs(pair: tuple[int, int, int, int]) -> None:
    now, before, exposure, exposure_before = pair
    found = float(e_test(now, before, exposure_now=exposure, exposure_before=exposure_before))
    assert found == pytest.approx(by_hand(*pair), rel=1e-10)


def test_the_e_test_agrees_with_scipy_where_no_pairs_tie() -> None:
    for now, before, exposure, exposure_before in [(20, 7, 17877, 16660), (0, 3, 100, 100), (50, 80, 92, 90), (7, 30, 2, 5)]:
        peer = stats.poisson_means_test(now, exposure, before, exposure_before).pvalue
        found = float(e_test(now, before, exposure_now=exposure, exposure_before=exposure_before))
        assert found == pytest.approx(peer, abs=1e-8)


def test_the_e_test_holds_for_large_counts_and_tiny_chances() -> None:
    assert float(e_test(1_000_000, 1_003_000)) == pytest.approx(2 * stats.norm.sf(3000 / np.sqrt(2_003_000)), rel=1e-3)
    assert 0 < float(e_test(1000, 10)) < 1e-200
    assert float(e_test(5_000_000, 5_000_000)) == 1


def test_the_e_test_takes_tables_and_keeps_their_shape() -> None:
    found = e_test(np.array([[6, 0], [2, 3]]), 2)
    assert found.shape == (2, 2)
    assert found[0, 0] == float(e_test(6, 2))
    assert found[1, 0] == 1
    assert e_test([], []).shape == (0,)
    assert float(e_test(0, 0)) == 1


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 300), st.integers(0, 300), st.integers(1, 50), st.integers(1, 50))
def test_the_e_test_knows_no_order_and_no_unit(now: int, before: int, exposure: int, exposure_before: int) -> None:
    p = float(e_test(now, before, exposure_now=exposure, exposure_before=exposure_before))
    assert 0 < p <= 1
    assert float(e_test(before, now, exposure_now=exposure_before, exposure_before=exposure)) == pytest.approx(p, rel=1e-9)
    scaled = e_test(now, before, exposure_now=exposure * 365.25, exposure_before=exposure_before * 365.25)
    assert float(scaled) == pytest.approx(p, rel=1e-9)


def test_the_e_test_stays_near_its_level() -> None:
    # All pairs of counts, each with its chance: no draws.
    for mean, least in ((2, 0.04), (8, 0.045), (20, 0.049)):
        counts = np.arange(int(mean + 12 * np.sqrt(mean)))
        chance = stats.poisson.pmf(counts, mean)
        errs = (chance[:, None] * chance[None, :])[e_test(counts[:, None], counts[None, :]) <= 0.05].sum()
        assert least < errs <= 0.05


@pytest.mark.parametrize("wrong", [-1, 0.5, float("nan"), float("inf"), "many"])
def test_counts_that_are_none_are_refused(wrong: Any) -> None:
    with pytest.raises(MeasureError, match="counts of now"):
        e_test(wrong, 1)
    with pytest.raises(MeasureError, match="counts of before"):
        e_test(1, wrong)


@pytest.mark.parametrize("wrong", [0, -1, float("nan"), float("inf")])
def test_exposures_that_are_none_are_refused(wrong: float) -> None:
    with pytest.raises(MeasureError, match="exposure"):
        e_test(1, 2, exposure_now=wrong)


# Changes over the map


def test_a_map_of_two_places_is_fishers_exact_test() -> None:
    now, before = np.array([9, 3]), np.array([2, 8])
    found = change(now, before, replicates=19_999, seed=3)
    lower, upper = (stats.fisher_exact([now, before], alternative=side).pvalue for side in ("less", "greater"))
    # Both places hold the same test, so the map's p is the chance of a tail as small on either side.
    tails = np.array([min(stats.hypergeom.cdf(k, 22, 12, 11), stats.hypergeom.sf(k - 1, 22, 12, 11)) for k in range(12)])
    exact = stats.hypergeom.pmf(np.arange(12), 22, 12, 11)[tails <= min(lower, upper) * (1 + 1e-9)].sum()
    assert found.p_map.tolist() == pytest.approx([exact] * 2, abs=4 * np.sqrt(exact * (1 - exact) / 19_999))


def test_the_columns_by_hand() -> None:
    found = change(pd.Series([30, 5, 0, 1], index=list("wxyz")), pd.Series([4, 5, 0, 9], index=list("wxyz")), seed=1)
    assert found.index.tolist() == list("wxyz")
    assert found["difference"].tolist() == [26, 0, 0, -8]
    assert found["expected"].tolist() == pytest.approx([34 * 36 / 54, 10 * 36 / 54, 0, 10 * 36 / 54])
    assert found["z"].tolist() == pytest.approx([np.sqrt(2) * (np.sqrt(30) - 2), 0, 0, np.sqrt(2) * (1 - 3)])
    assert found["p"].tolist() == [float(e_test(a, b)) for a, b in ((30, 4), (5, 5), (0, 0), (1, 9))]
    assert found["verdict"].tolist() == ["more", "no clear change", "too few to tell", "fewer"]
    assert found["verdict"].dtype == "str"


def test_a_rise_of_the_whole_region_is_no_local_change() -> None:
    before = np.arange(10, 40)
    found = change(3 * before, before, seed=1)
    assert (found["p"] < 0.01).all()
    assert (found["p_map"] == 1).all()
    assert (found["verdict"] == "no clear change").all()


def test_a_place_that_stays_while_all_others_double_is_not_called_fewer() -> None:
    before = np.full(10, 60)
    now = np.where(np.arange(10) == 0, 60, 120)
    found = change(now, before, seed=1)
    assert found["p_map"][0] <= 0.05
    assert found["verdict"][0] == "no clear change"


def test_too_few_to_tell_is_what_could_not_have_been_found_in_any_case() -> None:
    now, before = np.full(30, 3), np.full(30, 3)
    now[0], before[0] = 40, 40
    found = change(now, before, seed=5)
    assert found["verdict"].tolist() == ["no clear change"] + ["too few to tell"] * 29
    now[1], before[1] = 6, 0
    assert change(now, before, seed=5)["verdict"][1] == "too few to tell"


def test_a_place_that_stays_while_all_others_halve_is_not_called_more() -> None:
    before = np.full(10, 120)
    now = np.where(np.arange(10) == 0, 120, 60)
    found = change(now, before, seed=1)
    assert found["p_map"][0] <= 0.05
    assert found["verdict"][0] == "no clear change"


def test_a_change_that_could_have_been_found_in_one_direction_could_have_been_found() -> None:
    # One report in ten is new: ten reports now would have been found, none now would not.
    now, before = np.full(30, 1), np.full(30, 9)
    assert (change(now, before, seed=2)["verdict"] == "no clear change").all()


@pytest.mark.parametrize(("now", "before"), [([0, 0], [9, 40]), ([9, 40], [0, 0]), ([0, 0], [0, 0]), ([50], [3])])
def test_nothing_in_one_of_the_periods_or_one_place_leaves_nothing_to_compare(now: list[int], before: list[int]) -> None:
    found = change(np.array(now), np.array(before), seed=1)
    assert (found["p_map"] == 1).all()
    assert (found["verdict"] == "too few to tell").all()


def test_longer_periods_are_allowed_for() -> None:
    found = change(np.array([20, 40]), np.array([10, 20]), exposure_now=2, exposure_before=1, seed=1)
    assert found["z"].tolist() == [0, 0]
    assert found["p"].tolist() == [1, 1]
    uneven = change(np.array([18, 50]), np.array([4, 16]), exposure_now=2, exposure_before=1, seed=1)
    assert uneven["z"].tolist() == pytest.approx([2 * (3 - 2) / np.sqrt(1.5), 2 * (5 - 4) / np.sqrt(1.5)])


def test_rows_in_another_order_and_any_number_of_threads_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    draws = np.random.default_rng(8)
    now, before = (pd.Series(draws.poisson(draws.gamma(0.5, 12, 40)), index=[f"p{k}" for k in range(40)]) for _ in range(2))
    found = change(now, before, replicates=299, seed=6)
    mixed = draws.permutation(now.index)
    pd.testing.assert_frame_equal(change(now[mixed], before, replicates=299, seed=6).loc[now.index], found)
    for threads in (1, 5):
        monkeypatch.setattr(montecarlo, "threads", lambda threads=threads: threads)
        pd.testing.assert_frame_equal(change(now, before, replicates=299, seed=6), found)
    assert not change(now, before, replicates=299, seed=7)["p_map"].equals(found["p_map"])


def test_places_that_are_equally_rare_leave_no_trace_of_their_order() -> None:
    # Half of all reports are now: one of three and two of five are both a tail of one half, to the last digit or nearly.
    now, before = np.array([1, 2, 1, 2, 3, 0, 3, 2, 0, 4]), np.array([2, 1, 0, 3, 2, 1, 4, 3, 2, 0])
    assert now.sum() == before.sum()
    found = change(now, before, replicates=199, seed=3)
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(now.size)
        again = change(now[order], before[order], replicates=199, seed=3)
        pd.testing.assert_frame_equal(again, found.loc[order].reset_index(drop=True))


@settings(max_examples=25, deadline=None)
@given(hnp.arrays(np.int64, st.tuples(st.just(2), st.integers(1, 12)), elements=st.integers(0, 30)))
def test_now_and_before_mirror_each_other(counts: np.ndarray) -> None:
    forth, back = change(counts[0], counts[1], replicates=99, seed=2), change(counts[1], counts[0], replicates=99, seed=2)
    np.testing.assert_allclose(forth["z"], -back["z"])
    np.testing.assert_allclose(forth["p"], back["p"])
    assert forth["expected"].sum() == pytest.approx(counts[0].sum())
    assert ((forth["p_map"] > 0) & (forth["p_map"] <= 1)).all()
    is_changed = forth["verdict"].isin(["more", "fewer"])
    assert (np.sign(forth["difference"][is_changed]) == np.where(forth["verdict"][is_changed] == "more", 1, -1)).all()


@pytest.mark.parametrize(
    ("words", "now", "before"),
    [
        ("different places", pd.Series([1, 2]), pd.Series([1, 2], index=[5, 6])),
        ("one place twice", pd.Series([1, 2], index=[1, 1]), pd.Series([1, 2], index=[1, 1])),
        ("has the shape", np.array([1, 2]), np.array([1, 2, 3])),
        ("has the shape", np.array([[1, 2]]), np.array([[1, 2]])),
        ("no places", np.array([]), np.array([])),
        ("counts of now", np.array([1.5, 2]), np.array([1, 2])),
        ("counts of before", np.array([1, 2]), np.array([np.nan, 2])),
    ],
)
def test_counts_that_do_not_belong_together_are_refused(words: str, now: Any, before: Any) -> None:
    with pytest.raises(MeasureError, match=words):
        change(now, before, seed=1)


def test_settings_that_can_never_find_anything_are_refused() -> None:
    with pytest.raises(MeasureError, match="at least 19 replicates"):
        change(np.array([1, 2]), np.array([2, 1]), replicates=9, seed=1)
    with pytest.raises(MeasureError, match="exposure"):
        change(np.array([1, 2]), np.array([2, 1]), exposure_now=0, seed=1)


def quarters(*counts: list[int]) -> pd.DataFrame:
    labels = [f"{year}Q{part}" for year in (2024, 2025) for part in (1, 2, 3, 4)]
    return pd.DataFrame(list(zip(*counts, strict=True)), columns=labels[: len(counts)])


def test_quarters_are_compared_with_the_one_before_or_with_last_years() -> None:
    counts = quarters([1, 2], [3, 4], [5, 6], [7, 8], [9, 10])
    previous = change_of_quarter(counts, seed=1)
    assert previous[["now", "before"]].to_numpy().tolist() == [[9, 7], [10, 8]]
    # 2025Q1 has 90 days, 2024Q4 has 92, 2024Q1 has 91.
    assert previous["p"].tolist() == e_test([9, 10], [7, 8], exposure_now=90, exposure_before=92).tolist()
    last_year = change_of_quarter(counts, against="same quarter last year", seed=1)
    assert last_year["before"].tolist() == [1, 2]
    assert last_year["p"].tolist() == e_test([9, 10], [1, 2], exposure_now=90, exposure_before=91).tolist()
    assert change_of_quarter(counts, quarter="2024Q3", seed=1)["before"].tolist() == [3, 4]


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ("2024Q3 cannot be compared with 2023Q3: there are no counts for 2023Q3", {"against": "same quarter last year"}),
        ("no counts for 2030Q1", {"quarter": "2030Q1"}),
        ("is no quarter", {"quarter": "2024-Q1"}),
        ("is no quarter", {"quarter": "2024Q5"}),
        ("must be one of: previous, same quarter last year", {"against": "yesterday"}),
    ],
)
def test_quarters_that_are_not_there_are_refused(words: str, options: dict[str, Any]) -> None:
    with pytest.raises(MeasureError, match=words):
        change_of_quarter(quarters([1, 2], [3, 4], [5, 6]), **options, seed=1)


def test_a_table_without_quarters_is_refused() -> None:
    with pytest.raises(MeasureError, match="no quarters"):
        change_of_quarter(pd.DataFrame(index=["a"]), seed=1)


def test_a_planted_change_is_found_and_named() -> None:
    draws = np.random.default_rng(4)
    found = []
    for seed in range(30):
        before, now = draws.poisson(10, 50), draws.poisson(np.where(np.arange(50) == 7, 90, 15))
        found.append(change(now, before, replicates=99, seed=seed)["verdict"][7])
    assert found.count("more") >= 28


@pytest.mark.parametrize(("now", "before"), [(80, 300), (300, 300), (3000, 1000)])
def test_uneven_places_under_seasons_without_local_change_show_one_on_few_maps(now: int, before: int) -> None:
    draws = np.random.default_rng(now)
    weight = draws.gamma(0.4, 1, 60)
    weight /= weight.sum()
    maps = 150
    shown = 0
    for seed in range(maps):
        found = change(draws.poisson(weight * now), draws.poisson(weight * before), replicates=99, seed=seed)
        shown += bool((found["p_map"] <= 0.05).any())
    assert shown <= stats.binom.ppf(0.999, maps, 0.05)


# Trends and classes


def test_mann_kendall_by_hand() -> None:
    # 1 3 2 4: pairs up 5, down 1. 1 1 2: two up, one tie: (3 * 2 * 11 - 2 * 1 * 9) / 18.
    found = mann_kendall(np.array([1.0, 3, 2, 4]))
    assert (found.s, found.variance) == (4, pytest.approx(4 * 3 * 13 / 18))
    assert found.z == pytest.approx(3 / np.sqrt(4 * 3 * 13 / 18))
    tied = mann_kendall(np.array([1.0, 1, 2]))
    assert (tied.s, tied.variance) == (2, pytest.approx(48 / 18))


@pytest.mark.parametrize("values", [[], [3.0], [2.0, 2, 2], [float("nan"), 1.0]])
def test_a_series_without_change_has_no_trend(values: list[float]) -> None:
    assert (mann_kendall(np.array(values)).s, mann_kendall(np.array(values)).p) == (0, 1)


def test_missing_values_are_left_out_and_infinite_ones_refused() -> None:
    assert mann_kendall(np.array([1, np.nan, 2, 3])) == mann_kendall(pd.Series([1.0, 2, 3]))
    with pytest.raises(MeasureError, match="infinite"):
        mann_kendall(np.array([1, np.inf]))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 6), min_size=3, max_size=25))
def test_mann_kendall_agrees_with_kendalls_tau(values: list[int]) -> None:
    found = mann_kendall(np.array(values, float))
    if len(set(values)) == 1:
        assert found.p == 1
        return
    size = len(values)
    tau = stats.kendalltau(np.arange(size), values, method="asymptotic")
    pairs = size * (size - 1) / 2
    tied = sum(count * (count - 1) / 2 for count in np.unique(values, return_counts=True)[1])
    assert found.s == pytest.approx(tau.statistic * np.sqrt(pairs * (pairs - tied)))
    # scipy takes no account of continuity: the same without it.
    assert 2 * stats.norm.sf(abs(found.s) / np.sqrt(found.variance)) == pytest.approx(tau.pvalue)
    assert found.p >= tau.pvalue - 1e-12


def test_mann_kendall_errs_no_more_often_than_it_says() -> None:
    every = np.array([mann_kendall(np.array(order, float)).p for order in permutations(range(6))])
    for alpha in (0.01, 0.05, 0.1, 0.2):
        assert (every <= alpha).mean() <= alpha
    # Ten values: 23 is the first S with p below 0.05; the exact chance comes from the recursion over orders.
    ways = np.ones(1)
    for size in range(2, 11):
        ways = np.convolve(ways, np.ones(size)) / size
    s = 45 - 2 * np.arange(46)
    assert ways[np.abs(s) >= 23].sum() == pytest.approx(0.0466, abs=5e-5)
    assert 2 * stats.norm.sf(22 / np.sqrt(125)) == pytest.approx(0.0491, abs=5e-5)


WORDS = {"h": "hot", "c": "cold", "-": "none", "?": "too few to tell"}
MIRROR = str.maketrans("hc", "ch")


def table(*rows: str) -> pd.DataFrame:
    return pd.DataFrame([[WORDS[step] for step in row] for row in rows])


def classed(row: str, z: str = "flat") -> str:
    steps = np.arange(len(row), dtype=float)
    strength = {"flat": np.cos(np.pi * steps), "rising": steps, "falling": -steps}[z]
    return str(classes(table(row), pd.DataFrame([strength])).iloc[0])


# Last step, share of steps, history; steps run from left to right.
LONG = [
    ("hhhhhhhhhh", "rising", "intensifying hot spot"),
    ("hhhhhhhhhh", "falling", "diminishing hot spot"),
    ("hhhhhhhhhh", "flat", "persistent hot spot"),
    ("-hhhhhhhhh", "flat", "persistent hot spot"),
    ("hhhh-hhhhh", "rising", "intensifying hot spot"),
    ("chhhhhhhhh", "flat", "persistent hot spot"),
    # Nine of ten are hot, but not the last one: sfdep calls it persistent.
    ("hhhhhhhhh-", "flat", "historical hot spot"),
    ("hhhhhhhhh-", "falling", "historical hot spot"),
    ("---------h", "rising", "new hot spot"),
    ("--------hh", "rising", "consecutive hot spot"),
    ("--hhhhhhhh", "flat", "consecutive hot spot"),
    ("-h------hh", "flat", "sporadic hot spot"),
    ("h--------h", "flat", "sporadic hot spot"),
    ("hhhhhhhh-h"[1:] + "h", "flat", "persistent hot spot"),
    ("-hhhhhh-hh", "flat", "sporadic hot spot"),
    ("c--------h", "flat", "oscillating hot spot"),
    ("c-------hh", "flat", "oscillating hot spot"),
    ("ch--c--h-h", "flat", "oscillating hot spot"),
    # The last step decides: cold now, though nine of ten were hot.
    ("hhhhhhhhhc", "flat", "oscillating cold spot"),
    # Hot now and then, and not in the last step: sfdep calls it sporadic.
    ("-h--h-hh--", "flat", "no pattern"),
    ("hhhhhhhh--", "flat", "no pattern"),
    ("hhhhcccc--", "flat", "no pattern"),
    ("----------", "rising", "no pattern"),
    # 17 of 19 are less than nine tenths, 18 of 20 are not.
    ("--" + "h" * 17, "flat", "consecutive hot spot"),
    ("--" + "h" * 18, "flat", "persistent hot spot"),
]

SHORT = [
    ("hhhh", "persistent hot spot"),
    ("-hhhh", "persistent hot spot"),
    ("-hhh", "no pattern"),
    ("--h", "emerging hot spot"),
    ("cch", "emerging hot spot"),
    ("-h", "emerging hot spot"),
    ("hh", "persistent hot spot"),
    ("hhhh-", "former hot spot"),
    # The step before the last is not recent: sfhotspot's window of one step holds two and calls it intermittent.
    ("---h-", "former hot spot"),
    ("h--------"[:9], "former hot spot"),
    ("h--h", "no pattern"),
    ("hc-", "no pattern"),
    ("--", "no pattern"),
    ("hhhhhhhhh", "persistent hot spot"),
]


@pytest.mark.parametrize(("row", "z", "expected"), LONG)
def test_classes_of_ten_steps_and_more(row: str, z: str, expected: str) -> None:
    assert classed(row, z) == expected


@pytest.mark.parametrize(("row", "z", "expected"), LONG)
def test_cold_spots_mirror_hot_spots(row: str, z: str, expected: str) -> None:
    other = {"rising": "falling", "falling": "rising", "flat": "flat"}[z]
    swapped = expected.replace("hot", "#").replace("cold", "hot").replace("#", "cold")
    assert classed(row.translate(MIRROR), other) == swapped


def test_the_rows_above_show_all_seventeen_classes() -> None:
    hot = {expected for _, _, expected in LONG}
    assert len({name for name in hot if "hot spot" in name}) == 8


@pytest.mark.parametrize(("row", "expected"), SHORT)
def test_classes_of_fewer_than_ten_steps(row: str, expected: str) -> None:
    assert classes(table(row)).iloc[0] == expected
    swapped = expected.replace("hot", "#").replace("cold", "hot").replace("#", "cold")
    assert classes(table(row.translate(MIRROR))).iloc[0] == swapped


def test_steps_that_are_too_few_to_tell_are_left_out() -> None:
    assert classes(table("?hh?hh", "?--?-h")).tolist() == ["persistent hot spot", "emerging hot spot"]
    assert classes(table("hhhh?", "----?")).tolist() == ["too few to tell"] * 2
    assert classes(table("??h", "??-")).tolist() == ["too few to tell"] * 2
    # Ten steps, of which nine can be told: the short table.
    assert classes(table("?--------h")).tolist() == ["emerging hot spot"]


def test_the_level_of_the_trend_is_used() -> None:
    strength = pd.DataFrame([np.array([3.0, 1, 2, 4, 6, 5, 7, 8, 10, 9])])
    assert mann_kendall(strength.iloc[0]).p < 0.01
    assert classes(table("h" * 10), strength).iloc[0] == "intensifying hot spot"
    assert classes(table("h" * 10), strength, alpha=1e-6).iloc[0] == "persistent hot spot"


@pytest.mark.parametrize("alpha", [0, 1, float("nan")])
def test_a_level_that_is_none_is_refused(alpha: float) -> None:
    with pytest.raises(MeasureError, match="alpha"):
        classes(table("hh"), alpha=alpha)


def test_labels_and_order_of_places_are_kept() -> None:
    rows = table("hh", "-h", "h-").set_axis(["x", "y", "z"])
    found = classes(rows)
    assert found.index.tolist() == ["x", "y", "z"]
    assert found.dtype == "str"
    pd.testing.assert_series_equal(classes(rows.iloc[::-1]).iloc[::-1], found)
    assert len(classes(rows.iloc[:0])) == 0


@pytest.mark.parametrize(
    ("words", "hotspots", "z"),
    [
        ("at least two steps", table("h"), None),
        ("must be hot, cold, none", table("hh").replace("hot", "warm"), None),
        ("must be hot, cold, none", table("hh").mask(table("h-") == "none"), None),
        ("in some places only", table("h?", "hh"), None),
        ("give z", table("h" * 10), None),
        ("different places or steps", table("h" * 10), pd.DataFrame(np.ones((1, 9)))),
        ("infinite", table("h" * 10), pd.DataFrame(np.full((1, 10), np.inf))),
    ],
)
def test_steps_that_cannot_be_classed_are_refused(words: str, hotspots: pd.DataFrame, z: pd.DataFrame | None) -> None:
    with pytest.raises(MeasureError, match=words):
        classes(hotspots, z)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text("hc-", min_size=12, max_size=12), min_size=1, max_size=8))
def test_every_place_has_one_class_that_fits_its_last_step(rows: list[str]) -> None:
    found = classes(table(*rows), pd.DataFrame(np.zeros((len(rows), 12))))
    for row, name in zip(rows, found, strict=True):
        assert name != "too few to tell"
        if row[-1] == "h":
            assert name.endswith("hot spot")
        elif row[-1] == "c":
            assert name.endswith("cold spot")
        else:
            assert name.startswith("historical") or name == "no pattern"
