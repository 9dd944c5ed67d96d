"""What came after actions: refused inputs, hand-worked verdicts, and how often noise is called a change."""

import numpy as np
import pandas as pd
import pytest

from tensionmap import tables
from tensionmap.errors import MeasureError
from tensionmap.measure.actions import action_effects, counts_of_communities, done_actions

QUARTERS = [f"{year}Q{quarter}" for year in (2024, 2025) for quarter in (1, 2, 3, 4)]


def counted(**villages):
    return pd.DataFrame(list(villages.values()), index=pd.Index(villages, name="settlement_id"), columns=QUARTERS)


def acted(*rows):
    return pd.DataFrame(rows, columns=["action_id", "settlement_id", "quarter"]).astype("str")


FEWER = [30, 30, 30, 30, 9, 8, 7, 8]
STEADY = {"v2": [40] * 8, "v3": [20] * 8, "v4": [25] * 8}
COUNTS = counted(v1=FEWER, **STEADY)
ONE = acted(("a1", "v1", "2025Q1"))


def verdicts(done, counts, **options):
    found = action_effects(done, counts, **{"alpha": 0.05, **options})
    tables.check(found.assign(scope="tension"), tables.ACTION_EFFECTS)
    return dict(zip(found["action_id"], found["verdict"], strict=True))


# refused


@pytest.mark.parametrize(("options", "says"), [({"alpha": 0.0}, "alpha is 0"), ({"fewest_reports": 0}, "fewest_reports is 0")])
def test_what_makes_no_sense_is_refused(options, says):
    with pytest.raises(MeasureError, match=says):
        verdicts(ONE, COUNTS, **options)


# too few


@pytest.mark.parametrize("quarter", ["2023Q4", "2024Q2", "2025Q3", "2026Q1"])
def test_quarters_beyond_the_study_are_too_few_to_tell(quarter):
    found = action_effects(acted(("a1", "v1", quarter)), COUNTS, alpha=0.05).iloc[0]
    assert found["verdict"] == "too few to tell"
    assert np.isnan(found[["wdd", "wdd_low", "wdd_high"]].astype(float)).all()


def test_few_reports_are_too_few_to_tell():
    few = counted(v1=[0, 0, 9, 10, 5, 0, 0, 0], **STEADY)
    assert verdicts(ONE, few) == {"a1": "too few to tell"}
    assert verdicts(ONE, few, fewest_reports=19) == {"a1": "fewer"}


def test_without_two_communities_to_compare_with_there_is_nothing_to_tell():
    """A community with an action of its own within the five quarters, or without a report, is none."""
    assert verdicts(ONE, counted(v1=FEWER, v2=[40] * 8, v3=[0] * 8)) == {"a1": "too few to tell"}
    busy = acted(("a1", "v1", "2025Q1"), ("a2", "v2", "2025Q3"), ("a3", "v3", "2024Q3"))
    assert verdicts(busy, COUNTS)["a1"] == "too few to tell"
    free = acted(("a1", "v1", "2025Q1"), ("a2", "v2", "2025Q4"), ("a3", "v3", "2024Q2"))
    assert verdicts(free, COUNTS)["a1"] == "fewer"


def test_a_community_that_is_no_village_is_left_out():
    assert verdicts(acted(("a1", "d1", "2025Q1")), COUNTS) == {}
    assert verdicts(acted(), COUNTS) == {}


# verdicts


def test_a_change_beside_the_others_by_hand():
    """60 before and 15 after, beside 170 and 170, scaled by 340 over 75: -45 less 0."""
    found = action_effects(ONE, COUNTS, alpha=0.05).iloc[0]
    assert (found["reports"], found["wdd"], found["verdict"]) == (75, -45.0, "fewer")
    assert found["wdd_low"] < -45 < found["wdd_high"] < 0
    assert verdicts(ONE, counted(v1=FEWER[::-1], **STEADY)) == {"a1": "more"}
    assert verdicts(ONE, counted(v1=[20] * 8, **STEADY)) == {"a1": "no clear change"}


def test_what_changes_everywhere_alike_is_no_effect():
    """The season: three times as many before as after, in villages of any size."""
    season = np.array([30, 30, 30, 30, 10, 10, 10, 10])
    everywhere = counted(v1=season, v2=3 * season, v3=season // 2, v4=2 * season)
    found = action_effects(ONE, everywhere, alpha=0.05).iloc[0]
    assert found["wdd"] == pytest.approx(0, abs=1e-9)
    assert found["verdict"] == "no clear change"


def test_where_villages_change_by_themselves_a_change_must_be_larger():
    restless = counted(v1=FEWER, v2=[60] * 4 + [20] * 4, v3=[5] * 4 + [35] * 4, v4=[20] * 4 + [30] * 4)
    calm, wild = (action_effects(ONE, counts, alpha=0.05).iloc[0] for counts in (COUNTS, restless))
    assert wild["wdd_high"] - wild["wdd_low"] > 3 * (calm["wdd_high"] - calm["wdd_low"])
    assert wild["verdict"] == "no clear change"


def test_the_chance_of_an_error_is_shared_by_the_communities_of_a_quarter_and_by_no_other():
    steady = {f"w{n}": [30] * 8 for n in range(4)}
    counts = counted(v1=FEWER, v2=[20] * 8, v3=[20] * 8, **steady)
    alone, twice, later = (
        action_effects(done, counts, alpha=0.05).set_index("action_id").loc["a1"]
        for done in (
            acted(("a1", "v1", "2025Q1"), ("a2", "v2", "2024Q3")),
            acted(("a1", "v1", "2025Q1"), ("a2", "v2", "2025Q1")),
            acted(("a1", "v1", "2025Q1"), ("a2", "v1", "2025Q1"), ("a3", "v2", "2024Q4")),
        )
    )
    assert twice["wdd_high"] > alone["wdd_high"]
    assert later["wdd_high"] == alone["wdd_high"]


def test_rows_in_another_order_change_nothing():
    done = acted(("a1", "v1", "2025Q1"), ("a2", "v1", "2024Q3"), ("a3", "v2", "2025Q1"))
    usual = action_effects(done, COUNTS, alpha=0.05)
    pd.testing.assert_frame_equal(action_effects(done[::-1], COUNTS[::-1], alpha=0.05), usual)


def test_noise_is_rarely_called_a_change():
    """Half of the villages three times as large, a season, villages that vary by a quarter, three actions: at most alpha."""
    rng = np.random.default_rng(7)
    size = np.repeat([12.0, 36.0], 6)[:, None] * np.array([1, 3, 3, 1] * 2)
    done = acted(*((f"a{n}", f"v{3 * n}", "2025Q1") for n in range(3)))
    names = [f"v{n}" for n in range(12)]
    called = judged = 0
    for _ in range(150):
        drawn = rng.poisson(size * rng.gamma(16, 1 / 16, size.shape))
        found = action_effects(done, pd.DataFrame(drawn, index=names, columns=QUARTERS), alpha=0.05)["verdict"]
        judged += (found != "too few to tell").all()
        called += found.isin(["fewer", "more"]).any()
    assert judged == 150
    assert called <= 150 * 0.05


# from tables


def test_actions_that_were_done_have_a_place_a_quarter_and_a_map():
    meetings = pd.DataFrame({"meeting_id": ["m1", "m2"], "settlement_id": ["v1", "v2"]})
    concerns = pd.DataFrame(
        {
            "concern_id": ["c1", "c2", "c3", "c4"],
            "theme": ["crime", "tension", "cooperation", "crime"],
            "tier": ["B", "A", "B", "S"],
        }
    )
    actions = pd.DataFrame(
        [
            ("a7", "m1", None, "done", "2025-12-31"),
            ("a6", "m2", "c4", "done", "2025-02-01"),
            ("a5", "m2", "c1", "done", None),
            ("a4", "m2", "c1", "under_way", "2025-02-01"),
            ("a3", "m2", "c3", "done", "2025-02-01"),
            ("a2", "m1", "c2", "done", "2025-03-31"),
            ("a1", "m1", "c1", "done", "2025-04-01"),
        ],
        columns=["action_id", "meeting_id", "concern_id", "status", "date_done"],
    ).astype({"date_done": "datetime64[us]", "concern_id": "str"})
    assert done_actions(meetings, concerns, actions).to_numpy().tolist() == [
        ["a1", "v1", "2025Q2", "crime"],
        ["a2", "v1", "2025Q1", "tension"],
        ["a3", "v2", "2025Q1", "tension"],
        ["a7", "v1", "2025Q4", "tension"],
    ]
    assert done_actions(meetings, concerns, actions.iloc[:0]).empty


def test_reports_are_counted_by_the_village_nearest_to_their_cell():
    cells = pd.DataFrame({"cell_id": ["E1N1", "E1N2", "E1N3"]})
    reports = pd.DataFrame(
        [
            ("E1N1", "2025-01-05", "2025-01-05"),
            ("E1N2", "2025-02-05", "2025-03-31"),
            ("E1N3", "2025-04-05", "2025-04-05"),
            ("E1N3", "2025-03-31", "2025-04-01"),
            (None, "2025-01-05", "2025-01-05"),
        ],
        columns=["cell_id", "date_start", "date_end"],
    ).astype({"date_start": "datetime64[us]", "date_end": "datetime64[us]"})
    period = {"date_from": pd.Timestamp("2025-01-01").date(), "date_to": pd.Timestamp("2025-08-15").date()}
    found = counts_of_communities(reports, cells, pd.Series(["v2", "v2", "v1"]), **period)
    assert found.to_dict("index") == {"v1": {"2025Q1": 0, "2025Q2": 1}, "v2": {"2025Q1": 2, "2025Q2": 0}}
    unknown = counts_of_communities(reports, cells, pd.Series([pd.NA] * 3, dtype="str"), **period)
    assert unknown.empty
