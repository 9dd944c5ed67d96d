"""Who reported: hand-worked shares, an error rate over the map, no side favoured, and hot spots without one side's reports."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tensionmap.errors import MeasureError
from tensionmap.measure import montecarlo
from tensionmap.measure.sides import rests_on, side_shares

SIDES = ("Norvia", "Selmar", "community")


def reports(counts: Any, sides: tuple[str, ...] = SIDES) -> pd.DataFrame:
    """One row of counts a place, one column a side."""
    rows = [(f"p{place}", sides[side]) for (place, side), count in np.ndenumerate(np.asarray(counts)) for _ in range(count)]
    return pd.DataFrame(rows, columns=["settlement_id", "reported_by"], dtype="str")


def shares(counts: Any, **options: Any) -> pd.DataFrame:
    return side_shares(reports(counts), "settlement_id", **({"replicates": 199, "seed": 1} | options))


class TestRefused:
    @pytest.mark.parametrize(
        ("words", "seen", "options"),
        [
            ("no column 'settlement_id'", pd.DataFrame({"reported_by": ["a"]}), {}),
            ("no column 'reported_by'", pd.DataFrame({"settlement_id": ["a"]}), {}),
            ("1 of 2 reports do not say", pd.DataFrame({"settlement_id": ["a", "b"], "reported_by": ["a", None]}), {}),
            ("at least 99 replicates", reports([[1, 1]]), {"alpha": 0.01, "replicates": 98}),
            ("Selmar is missing", reports([[1, 1]]), {"expected": pd.Series({"Norvia": 1.0})}),
            ("p1 is missing", reports([[1, 1], [1, 1]]), {"expected": pd.DataFrame({"Norvia": 1, "Selmar": 1}, index=["p0"])}),
            ("never reported", reports([[1, 1]]), {"expected": pd.Series({"Norvia": 1, "Selmar": 1, "Else": 1})}),
            ("missing, infinite, negative", reports([[1, 1]]), {"expected": pd.Series({"Norvia": 1.0, "Selmar": -1.0})}),
            ("missing, infinite, negative", reports([[1, 1]]), {"expected": pd.Series({"Norvia": 1.0, "Selmar": np.nan})}),
            ("missing, infinite, negative", reports([[1, 1]]), {"expected": pd.Series({"Norvia": 0.0, "Selmar": 0.0})}),
            ("nothing of it is expected", reports([[1, 1]]), {"expected": pd.Series({"Norvia": 1.0, "Selmar": 0.0})}),
        ],
    )
    def test_impossible_input(self, words: str, seen: pd.DataFrame, options: dict[str, Any]) -> None:
        with pytest.raises(MeasureError, match=words):
            side_shares(seen, "settlement_id", seed=1, **options)


class TestSideShares:
    def test_the_hand_worked_table(self) -> None:
        found = shares([[6, 4], [0, 10], [1, 1]])
        assert found.columns.tolist() == [
            "settlement_id", "reported_by", "count", "share", "expected_share", "share_low", "share_high", "p_map", "asymmetry"
        ]  # fmt: skip
        assert found["settlement_id"].tolist() == ["p0", "p0", "p1", "p1", "p2", "p2"]
        assert found["reported_by"].tolist() == ["Norvia", "Selmar"] * 3
        assert found["count"].tolist() == [6, 4, 0, 10, 1, 1]
        assert found["share"].tolist() == [0.6, 0.4, 0.0, 1.0, 0.5, 0.5]
        np.testing.assert_allclose(found["expected_share"], [7 / 22, 15 / 22] * 3)
        # Clopper and Pearson for 6 of 10, and 0 of 10, in any table: 0.2624 to 0.8784, and 0 to 1 - 0.025^(1/10).
        np.testing.assert_allclose(found.loc[0, ["share_low", "share_high"]].astype(float), [0.2623781, 0.8784477], atol=1e-7)
        np.testing.assert_allclose(found.loc[2, ["share_low", "share_high"]].astype(float), [0, 1 - 0.025**0.1])
        np.testing.assert_allclose(found.loc[3, ["share_low", "share_high"]].astype(float), [0.025**0.1, 1])
        assert found["asymmetry"].tolist() == [*["as expected"] * 2, "fewer", "more", *["too few to tell"] * 2]

    def test_intervals_agree_with_scipy(self) -> None:
        found = shares([[8, 2, 5], [0, 10, 1], [1, 1, 1], [90, 40, 3]])
        total = found.groupby("settlement_id")["count"].transform("sum")
        for row, places in zip(found.itertuples(), total, strict=True):
            exact = stats.binomtest(row.count if isinstance(row.count, int) else row[3], places).proportion_ci(method="exact")
            assert (row.share_low, row.share_high) == pytest.approx((exact.low, exact.high))

    @pytest.mark.parametrize("is_given", [False, True])
    def test_p_over_the_map_agrees_with_all_labellings_there_are(self, is_given: bool) -> None:
        count = np.array([[3, 0], [1, 2], [0, 2]])
        total, whole = count.sum(axis=1), count.sum()
        given_ = np.array([0.4, 0.6])

        def rarity(one: np.ndarray) -> np.ndarray:
            laws = stats.binom(total[:, None], given_) if is_given else stats.hypergeom(whole, count.sum(axis=0), total[:, None])
            return np.minimum(laws.cdf(one), laws.sf(one - 1))

        rarest, chance = [], []
        for labels in np.ndindex(*[2] * whole):
            if is_given or sum(labels) == count[:, 1].sum():
                one = np.stack([np.bincount(part, minlength=2) for part in np.split(np.array(labels), np.cumsum(total)[:-1])])
                rarest.append(rarity(one).min())
                chance.append(np.prod(given_[list(labels)]) if is_given else 1)
        as_rare = np.array(rarest) <= rarity(count).ravel()[:, None] * (1 + 1e-9)
        exact = as_rare @ chance / np.sum(chance)
        found = shares(count, replicates=9999, expected=pd.Series(given_, index=SIDES[:2]) if is_given else None)
        np.testing.assert_allclose(found["p_map"], exact, atol=0.02)
        assert exact.min() < 0.6

    def test_expected_shares_of_each_place(self) -> None:
        expected = pd.DataFrame({"Selmar": [10, 90, 0.5], "Norvia": [90, 10, 0.5]}, index=["p0", "p1", "p2"])
        found = shares([[90, 10], [10, 90], [90, 10]], expected=expected)
        np.testing.assert_allclose(found["expected_share"], [0.9, 0.1, 0.1, 0.9, 0.5, 0.5])
        assert found["asymmetry"].tolist() == [*["as expected"] * 4, "more", "fewer"]
        everywhere = shares([[50, 50], [40, 60]], expected=pd.Series({"Norvia": 9, "Selmar": 1}))
        assert everywhere["asymmetry"].tolist() == ["fewer", "more"] * 2
        impossible = shares([[9, 0], [9, 9]], expected=pd.DataFrame({"Selmar": [0, 1], "Norvia": [1, 1]}, index=["p0", "p1"]))
        assert impossible["asymmetry"].tolist()[:2] == ["too few to tell"] * 2

    def test_one_side_one_place_or_none_tell_nothing(self) -> None:
        for counts in ([[9], [3]], [[9, 4]]):
            found = shares(counts)
            assert (found["p_map"] == 1).all()
            assert (found["asymmetry"] == "too few to tell").all()
        nothing = side_shares(reports([[1]]).iloc[:0], "settlement_id", seed=1)
        assert nothing.empty
        assert nothing.columns.tolist() == shares([[1]]).columns.tolist()

    def test_reports_without_place_are_left_out_and_sides_that_are_nowhere_too(self) -> None:
        seen = pd.concat([reports([[3, 2]]), pd.DataFrame({"settlement_id": [None, None], "reported_by": ["Norvia", "outside"]})])
        pd.testing.assert_frame_equal(
            side_shares(seen, "settlement_id", seed=1), side_shares(reports([[3, 2]]), "settlement_id", seed=1)
        )

    @settings(max_examples=30, deadline=None)
    @given(st.integers(0, 2**32 - 1), st.integers(2, 3), st.sampled_from([None, "everywhere", "each"]))
    def test_other_names_of_sides_change_nothing_but_the_names(self, seed: int, number: int, how: str | None) -> None:
        random = np.random.default_rng(seed)
        count = random.integers(0, 9, (random.integers(1, 5), number)) + np.eye(1, number, dtype=int)
        weights = random.random((len(count), number)) + 0.01
        names = SIDES[:number]
        found = []
        for turned in permutations(range(number)):
            called = dict(zip(names, np.array(names)[list(turned)], strict=True))
            seen = reports(count).replace({"reported_by": called}).astype("str").sample(frac=1, random_state=seed % 1000)
            expected: Any = None
            if how == "each":
                expected = pd.DataFrame(weights, index=[f"p{k}" for k in range(len(count))], columns=list(called.values()))
            elif how:
                expected = pd.Series(weights[0], index=list(called.values()))
            if expected is not None:
                expected = expected[sorted(set(seen["reported_by"]))]
            one = side_shares(seen, "settlement_id", expected=expected, replicates=39, seed=seed)
            back = {new: old for old, new in called.items()}
            one = one.assign(reported_by=one["reported_by"].map(back).astype("str"))
            found.append(one.sort_values(["settlement_id", "reported_by"], ignore_index=True))
        for other in found[1:]:
            pd.testing.assert_frame_equal(found[0], other, check_exact=True)

    def test_the_same_on_any_number_of_threads(self, monkeypatch: pytest.MonkeyPatch) -> None:
        count = np.random.default_rng(2).integers(0, 9, (20, 3))
        found = shares(count)
        monkeypatch.setattr(montecarlo, "threads", lambda: 3)
        pd.testing.assert_frame_equal(found, shares(count), check_exact=True)
        assert not found.equals(shares(count, seed=2))

    @pytest.mark.parametrize("is_given", [False, True])
    def test_maps_of_noise_have_an_unusual_side_at_most_as_often_as_promised(self, is_given: bool) -> None:
        random = np.random.default_rng(6)
        chances = np.array([0.55, 0.35, 0.1])
        expected = pd.Series(chances, index=SIDES) if is_given else None
        maps = 200
        shown = 0
        for number in range(maps):
            count = np.stack([random.multinomial(total, chances) for total in (3, 8, 8, 15, 30, 60, 120)])
            found = shares(count, expected=expected, replicates=99, seed=number)
            shown += found["asymmetry"].isin(["more", "fewer"]).any()
        assert stats.binomtest(shown, maps, 0.05, alternative="greater").pvalue > 0.01
        assert shown > 0

    def test_planted_asymmetry_is_found(self) -> None:
        found = shares([[20, 20]] * 6 + [[38, 2]])
        assert found["asymmetry"].tolist() == ["as expected"] * 12 + ["more", "fewer"]


CELLS = ["c0", "c1", "c2", "c3"]


def find(seen: pd.DataFrame, *, least: int = 3) -> pd.DataFrame:
    """Hot: at least so many reports; too few to tell: fewer than two on the whole map. In another order than was given."""
    count = seen["cell_id"].value_counts().reindex(CELLS[::-1], fill_value=0)
    word = np.where(len(seen) < 2, "too few to tell", np.where(count >= least, "hot", "none"))
    return pd.DataFrame({"cell_id": CELLS[::-1], "hotspot": word})


def seen_by(*cells: dict[str, int]) -> pd.DataFrame:
    rows = [
        (cell, who) for cell, counts in zip(CELLS, cells, strict=False) for who, count in counts.items() for _ in range(count)
    ]
    return pd.DataFrame(rows, columns=["cell_id", "reported_by"], dtype="str")


def rests(seen: pd.DataFrame, **options: Any) -> list[Any]:
    spots = find(seen, **options).set_axis(list("zyxw"))
    found = rests_on(spots, seen, lambda left: find(left, **options), parties=["Norvia", "Selmar"])
    assert found.index.tolist() == list("zyxw")
    assert found.dtype == "str"
    return found.iloc[::-1].fillna("").tolist()


class TestRestsOn:
    def test_two_sides_by_hand(self) -> None:
        # Hot by Norvia alone; by either; needing both; not hot.
        seen = seen_by({"Norvia": 4, "Selmar": 1}, {"Norvia": 3, "Selmar": 3}, {"Norvia": 2, "Selmar": 2}, {"Selmar": 2})
        assert rests(seen) == ["Norvia alone", "both", "both", ""]

    def test_more_than_two_reporters(self) -> None:
        seen = seen_by({"community": 3}, {"Norvia": 2, "Selmar": 2, "outside": 2}, {"Norvia": 3, "Selmar": 1}, {"outside": 1})
        assert rests(seen) == ["community alone", "several", "Norvia alone", ""]

    def test_all_reports_from_one_reporter(self) -> None:
        assert rests(seen_by({"Selmar": 3}, {"Selmar": 2})) == ["Selmar alone", "", "", ""]

    def test_too_few_without_one_side_is_no_longer_hot(self) -> None:
        assert rests(seen_by({"Norvia": 1, "Selmar": 3}), least=1) == ["Selmar alone", "", "", ""]

    def test_reports_on_no_cell_make_no_reporter(self) -> None:
        seen = seen_by({"Norvia": 4, "Selmar": 4})
        more = pd.concat([seen, pd.DataFrame({"cell_id": [None], "reported_by": ["community"]})])
        assert rests(more) == rests(seen) == ["both", "", "", ""]

    def test_nothing_hot_is_not_searched_again(self) -> None:
        seen = seen_by({"Norvia": 1})
        spots = pd.DataFrame({"cell_id": CELLS, "hotspot": ["cold", "none", "none", "cold"]})
        assert rests_on(spots, seen, lambda left: pytest.fail("searched"), parties=["Norvia"]).isna().all()
        assert rests_on(spots.iloc[:0], seen.iloc[:0], find, parties=[]).empty

    def test_the_order_of_rows_and_the_names_of_sides_do_not_matter(self) -> None:
        seen = seen_by({"Norvia": 4, "Selmar": 1}, {"Norvia": 3, "Selmar": 3}, {"Selmar": 4})
        assert rests(seen.sample(frac=1, random_state=1)) == rests(seen) == ["Norvia alone", "both", "Selmar alone", ""]
        turned = seen.replace({"reported_by": {"Norvia": "Selmar", "Selmar": "Norvia"}})
        assert rests(turned) == ["Selmar alone", "both", "Norvia alone", ""]

    def test_impossible_input(self) -> None:
        seen, spots = seen_by({"Norvia": 3}), find(seen_by({"Norvia": 3}))
        for words, call in {
            "Reports come from Norvia, but those who can report are Selmar, community, outside": (spots, seen, find, ["Selmar"]),
            "no column 'cell_id'": (spots, seen[["reported_by"]], find, ["Norvia"]),
            "stands twice in a table": (pd.concat([spots, spots]), seen, find, ["Norvia"]),
            "or is missing": (
                spots,
                seen_by({"Norvia": 3, "Selmar": 3}),
                lambda left: find(left).iloc[1:3],
                ["Norvia", "Selmar"],
            ),
        }.items():
            with pytest.raises(MeasureError, match=words):
                rests_on(*call[:3], parties=call[3])
