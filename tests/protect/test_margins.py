"""No sum gives a hidden cell away: the whole system of public numbers is solved for every hidden cell."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from tensionmap.errors import ReleaseError
from tensionmap.protect import margins
from tensionmap.protect.community import community_sees
from tensionmap.protect.policy import Policy
from tensionmap.tables import BANDS

B_CATEGORIES, A_CATEGORIES = ("theft", "burglary", "fraud"), ("drugs", "weapons")
UNKNOWN = (0.0, math.inf)


def band_ends(band, fewest):
    low, high = {BANDS[0]: (0, 4), "5-9": (5, 9), "10-19": (10, 19), "20+": (20, math.inf)}[band]
    return (0, fewest - 1) if band == BANDS[0] else (max(low, fewest), high)


class Reader:
    """Somebody who knows the grid, the rules and one theme of a public release, and solves for single cells.

    Unknowns: reports in each cell, without a place (tiers B and A), of A with a place, in each category, and in all.
    """

    def __init__(self, cells, seen, policy):
        fewest = policy.minimum_count
        self.names = [*cells["cell_id"], "B without", "A without", "A placed", *B_CATEGORIES, *A_CATEGORIES, "all"]
        bands = seen.cells.set_index("cell_id")["band"].reindex(cells["cell_id"], fill_value=BANDS[0])
        is_counted = (cells["residents"] == 0) | (cells["residents"] >= policy.minimum_residents)
        cell_ends = [band_ends(band, fewest) if counted else UNKNOWN for band, counted in zip(bands, is_counted, strict=True)]
        self.hidden = [i for i, ends in enumerate(cell_ends) if ends == (0, fewest - 1)]
        listed = seen.totals.set_index("category")["band"]
        ends_of = dict(zip(cells["cell_id"], cell_ends, strict=True))
        for known, least in ((B_CATEGORIES, fewest), (A_CATEGORIES, policy.minimum_count_sensitive)):
            for category in known:
                hidden = (0, least - 1) if len(listed) else UNKNOWN
                ends_of[category] = band_ends(listed[category], least) if category in listed else hidden
        rounded, percent, shown = (
            int(seen.reports),
            seen.unplaced_percent,
            self._shown(cells, seen, cell_ends, is_counted, fewest),
        )
        known = max(shown, self._listed(B_CATEGORIES, ends_of)) + self._listed(A_CATEGORIES, ends_of)
        was_lifted = rounded == math.ceil(known / (2 * fewest)) * 2 * fewest
        ends_of["all"] = (0 if was_lifted else rounded - fewest, rounded + fewest - 1)
        self.bounds = [ends_of.get(name, UNKNOWN) for name in self.names]
        self.at_most, self.limits, self.equal = [], [], []
        self._say({**dict.fromkeys(cells["cell_id"], 1), "B without": 1, **dict.fromkeys(B_CATEGORIES, -1)})
        self._say({"A placed": 1, "A without": 1, **dict.fromkeys(A_CATEGORIES, -1)})
        self._say({"all": 1, **dict.fromkeys((*B_CATEGORIES, *A_CATEGORIES), -1)})
        self._bound({"B without": -1, "A without": -1, "all": max(percent - 2.5, 0) / 100}, 0)
        if 100 * (1 - (shown + fewest - 1) / (rounded + fewest - 1)) >= percent + 5:
            self._bound({"B without": 1, "A without": 1, "all": -(percent + 2.5) / 100}, 0)
        for area in seen.hotspots.itertuples():
            inside = cells["cell_id"][cells.within(area.geometry.buffer(1)) & is_counted]
            low, high = band_ends(area.band, fewest)
            self._bound(dict.fromkeys(inside, -1), -low)
            if math.isfinite(high):
                self._bound(dict.fromkeys(inside, 1), high)

    @staticmethod
    def _listed(categories, ends_of):
        return sum(ends_of[category][0] for category in categories)

    @staticmethod
    def _shown(cells, seen, cell_ends, is_counted, fewest):
        low = pd.Series([ends[0] for ends in cell_ends], index=cells.index)
        total = low.sum()
        for area in seen.hotspots.itertuples():
            inside = low[cells.within(area.geometry.buffer(1)) & is_counted].sum()
            total += max(band_ends(area.band, fewest)[0] - inside, 0)
        return total

    def _row(self, terms):
        row = np.zeros(len(self.names))
        for name, factor in terms.items():
            row[self.names.index(name)] += factor
        return row

    def _say(self, terms):
        self.equal.append(self._row(terms))

    def _bound(self, terms, limit):
        self.at_most.append(self._row(terms))
        self.limits.append(limit)

    def extreme(self, index, sign):
        aim = np.zeros(len(self.names))
        aim[index] = sign
        zeros = np.zeros(len(self.equal))
        found = linprog(aim, A_ub=self.at_most, b_ub=self.limits, A_eq=self.equal, b_eq=zeros, bounds=self.bounds)
        assert found.status == 0, "the public numbers contradict one another"
        return sign * found.fun


@st.composite
def small_worlds(draw):
    columns, rows = draw(st.integers(1, 4)), draw(st.integers(2, 5))
    size = columns * rows
    adverse = st.sampled_from([0, 0, 0, 1, 2, 3, 4, 5, 5, 6, 9, 10, 10, 19, 20])
    return {
        "shape": (columns, rows),
        "ordinary": draw(st.lists(adverse, min_size=size, max_size=size)),
        "sensitive": draw(st.lists(st.sampled_from([0, 0, 0, 1, 6]), min_size=size, max_size=size)),
        "residents": draw(st.lists(st.sampled_from([0.0, 30.0, 400.0, 400.0]), min_size=size, max_size=size)),
        "is_hot": draw(st.lists(st.booleans(), min_size=size, max_size=size)),
        "unplaced": draw(st.sampled_from([0, 0, 1, 5, 40])),
        "turn": draw(st.integers(1, 5)),
        "fewest": draw(st.sampled_from([5, 5, 5, 7, 12])),
    }


def reports_in(cell_ids, ordinary, sensitive, unplaced, turn):
    rows = [(B_CATEGORIES[k // turn % 3], "B", c) for c, n in zip(cell_ids, ordinary, strict=True) for k in range(n)]
    rows += [("drugs", "A", c) for c, n in zip(cell_ids, sensitive, strict=True) for _ in range(n)]
    rows += [("theft", "B", None)] * unplaced
    return pd.DataFrame(rows, columns=["category", "tier", "cell_id"]).astype("str")


def public_and_reader(world, drawn, hotspots_of):
    columns, rows = drawn["shape"]
    every = world["cells"]
    inside = (every["easting"] < 500_000 + 1000 * columns) & (every["northing"] < 4_760_000 + 1000 * rows)
    cells = every[inside].sort_values("cell_id", ignore_index=True).assign(residents=drawn["residents"])
    reports = reports_in(cells["cell_id"], drawn["ordinary"], drawn["sensitive"], drawn["unplaced"], drawn["turn"])
    hotspots = hotspots_of(cells, {"crime": list(cells["cell_id"][np.array(drawn["is_hot"])])})
    policy = Policy(minimum_count=drawn["fewest"], minimum_count_sensitive=max(10, drawn["fewest"]))
    seen = community_sees(reports, cells, hotspots, world["settlements"], theme="crime", policy=policy, cell_m=1000)
    return seen, Reader(cells, seen, policy)


@settings(
    max_examples=60,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)
@given(drawn=small_worlds())
def test_every_hidden_cell_stays_open(world, hotspots_of, drawn):
    try:
        _, reader = public_and_reader(world, drawn, hotspots_of)
    except ReleaseError:
        assume(False)
    for index in reader.hidden:
        assert reader.extreme(index, 1) == pytest.approx(0, abs=1e-6)
        assert reader.extreme(index, -1) >= drawn["fewest"] - 1 - 1e-6


def drawn_by_hand(ordinary, *, is_hot=(), unplaced=0, turn=1, fewest=5):
    size = len(ordinary)
    return {
        "shape": (2, size // 2),
        "ordinary": ordinary,
        "sensitive": [0] * size,
        "residents": [400.0] * size,
        "is_hot": [i in is_hot for i in range(size)],
        "unplaced": unplaced,
        "turn": turn,
        "fewest": fewest,
    }


@pytest.mark.parametrize(
    "drawn",
    [
        drawn_by_hand([3, 3, 0, 0, 20, 0, 0, 0, 0, 0], is_hot=(0, 1)),
        drawn_by_hand([7, 10, 0, 0, 0, 0, 0, 0, 0, 0], fewest=7),
        drawn_by_hand([0, 0, 0, 0, 0, 0, 0, 0, 0, 0], unplaced=40),
        drawn_by_hand([5, 5, 5, 5, 0, 0, 0, 0, 0, 0], turn=2),
    ],
    ids=["two hidden cells with 5-9 together", "rounded to what is shown", "nothing has a place", "categories as full as cells"],
)
def test_known_openings_are_closed(world, hotspots_of, drawn):
    seen, reader = public_and_reader(world, drawn, hotspots_of)
    assert seen.hotspots.empty
    assert reader.hidden
    for index in reader.hidden:
        assert reader.extreme(index, 1) == pytest.approx(0, abs=1e-6)
        assert reader.extreme(index, -1) >= drawn["fewest"] - 1 - 1e-6


def test_a_grid_of_two_full_cells_is_refused(world, hotspots_of):
    with pytest.raises(ReleaseError, match=r"crime map has 8 reports in so few cells"):
        public_and_reader(world, drawn_by_hand([4, 4]), hotspots_of)


def test_a_grid_too_full_to_hide_anything_is_refused():
    with pytest.raises(ReleaseError, match=r"crime map has 7 reports in so few cells"):
        margins.require_room(7, 8, theme="crime", fewest=5)
    margins.require_room(4, 8, theme="crime", fewest=5)
    margins.require_room(0, 0, theme="crime", fewest=5)


@pytest.mark.parametrize(
    ("reports", "shown", "rounded"), [(0, 0, 0), (4, 0, 0), (5, 0, 10), (644, 300, 640), (645, 300, 650), (24, 21, 30)]
)
def test_reports_are_rounded_but_not_below_what_is_shown(reports, shown, rounded):
    assert margins.rounded_reports(reports, shown=shown, fewest=5) == rounded


@pytest.mark.parametrize(("unplaced", "reports", "percent"), [(0, 0, 0), (45, 640, 5), (96, 640, 15), (30, 30, 90)])
def test_the_share_without_a_place_is_rounded_and_leaves_room(unplaced, reports, percent):
    rounded = margins.rounded_reports(reports, shown=0, fewest=5)
    assert margins.rounded_percent(unplaced, reports, rounded=rounded, shown=0, fewest=5) == percent


def test_ends_of_bands():
    ends = margins.ends(pd.Series(BANDS), fewest=7)
    assert ends.to_numpy().tolist() == [[0, 6], [7, 9], [10, 19], [20, math.inf]]
