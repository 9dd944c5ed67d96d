"""No sum gives a hidden square away: all public numbers of one window are solved for every hidden square and thin cell."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from tensionmap.protect import margins
from tensionmap.protect.aggregate import inhabitants
from tensionmap.protect.community import community_sees
from tensionmap.protect.policy import Policy
from tensionmap.protect.units import grid_of, known
from tensionmap.tables import BANDS, PERIOD

B_CATEGORIES, A_CATEGORIES = ("theft", "burglary", "fraud"), ("drugs", "weapons")
UNKNOWN = (0.0, math.inf)


def band_ends(band, fewest):
    low, high = {BANDS[0]: (0, 4), "5-9": (5, 9), "10-19": (10, 19), "20+": (20, math.inf)}[band]
    return (0, fewest - 1) if band == BANDS[0] else (max(low, fewest), high)


class Reader:
    """Somebody who knows the grid, the rules and one theme and window of a public release, and solves for single squares.

    Unknowns: reports in each cell, without a place (tiers B and A), of A with a place, in each category, and in all.
    """

    def __init__(self, cells, grid, seen, policy):
        fewest = policy.minimum_count
        self.cells = list(cells["cell_id"])
        self.names = [*self.cells, "B without", "A without", "A placed", *B_CATEGORIES, *A_CATEGORIES, "all"]
        self.at_most, self.limits, self.equal = [], [], []
        squares = self._squares(grid, seen.tables["cells"], fewest)
        self.secrets = [[cell] for cell, counted in zip(self.cells, grid.is_counted, strict=True) if not counted]
        for inside in self._hidden(grid, squares, fewest):
            self._bound(dict.fromkeys(inside, 1), fewest - 1)
            self.secrets.append(inside)
        shown = 0
        for inside, (low, high) in squares.values():
            self._between(inside, low, high)
            shown += low
        counted = {cell for cell, is_counted in zip(self.cells, grid.is_counted, strict=True) if is_counted}
        for area in seen.tables["hotspots"].itertuples():
            inside = cells["cell_id"][cells.within(area.geometry.buffer(1))]
            self._between([cell for cell in inside if cell in counted], area.at_least, math.inf)
        self.bounds = [UNKNOWN] * len(self.names)
        self._sums(seen, policy, shown)

    def _squares(self, grid, listed, fewest):
        """Side and place of a listed square -> its cells, and the ends of its band."""
        found = {}
        for row in listed[listed["window"] == PERIOD].itertuples():
            square = grid.squares[row.side_cells]
            places = [f"E{column}N{north}" for column, north in zip(square.column, square.row, strict=True)]
            at = places.index(row.cell_id)
            found[row.side_cells, at] = (self._cells_of(square, at), band_ends(row.band, fewest))
        return found

    def _cells_of(self, square, at):
        return [cell for cell, of_cell in zip(self.cells, square.of_cell, strict=True) if of_cell == at]

    def _hidden(self, grid, squares, fewest):
        listed = {side: np.zeros(len(square.may_stand), dtype=bool) for side, square in grid.squares.items()}
        for side, at in squares:
            listed[side][at] = True
        for side, is_hidden in known(grid, listed, fewest=fewest).items():
            for at in np.flatnonzero(is_hidden):
                yield self._cells_of(grid.squares[side], at)

    def _sums(self, seen, policy, shown):
        fewest = policy.minimum_count
        listed = seen.tables["totals"].query("window == @PERIOD").set_index("category")["band"]
        numbers = seen.tables["numbers"].query("window == @PERIOD").iloc[0]
        rounded, percent = int(numbers["reports"]), int(numbers["unplaced_percent"])
        ends_of = {}
        for known_categories, least in ((B_CATEGORIES, fewest), (A_CATEGORIES, policy.minimum_count_sensitive)):
            for category in known_categories:
                hidden = (0, least - 1) if len(listed) else UNKNOWN
                ends_of[category] = band_ends(listed[category], least) if category in listed else hidden
        lows = {tier: sum(ends_of[c][0] for c in names) for tier, names in (("A", A_CATEGORIES), ("B", B_CATEGORIES))}
        was_lifted = rounded == math.ceil((max(shown, lows["B"]) + lows["A"]) / (2 * fewest)) * 2 * fewest
        ends_of["all"] = (0 if was_lifted else rounded - fewest, rounded + fewest - 1)
        self.bounds = [ends_of.get(name, UNKNOWN) for name in self.names]
        self._say({**dict.fromkeys(self.cells, 1), "B without": 1, **dict.fromkeys(B_CATEGORIES, -1)})
        self._say({"A placed": 1, "A without": 1, **dict.fromkeys(A_CATEGORIES, -1)})
        self._say({"all": 1, **dict.fromkeys((*B_CATEGORIES, *A_CATEGORIES), -1)})
        self._bound({"B without": -1, "A without": -1, "all": max(percent - 2.5, 0) / 100}, 0)
        if 100 * (1 - (shown + fewest - 1) / (rounded + fewest - 1)) >= percent + 5:
            self._bound({"B without": 1, "A without": 1, "all": -(percent + 2.5) / 100}, 0)

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

    def _between(self, cells, low, high):
        self._bound(dict.fromkeys(cells, -1), -low)
        if math.isfinite(high):
            self._bound(dict.fromkeys(cells, 1), high)

    def extreme(self, cells, sign):
        """The least (1) or the most (-1) that the public numbers leave to ``cells`` together."""
        aim = sign * self._row(dict.fromkeys(cells, 1))
        limits = (self.at_most, self.limits) if self.limits else (None, None)
        found = linprog(aim, *limits, self.equal, np.zeros(len(self.equal)), bounds=self.bounds)
        if sign < 0 and found.status == 3:
            return math.inf
        assert found.status == 0, "the public numbers contradict one another"
        return sign * found.fun

    def finds(self, fewest):
        """The secrets that do not stay open, with what they can still be."""
        found = [(cells, round(self.extreme(cells, 1), 6), self.extreme(cells, -1)) for cells in self.secrets]
        return [one for one in found if one[1] > 0 or one[2] < fewest - 1 - 1e-6]


@st.composite
def small_worlds(draw):
    columns, rows = draw(st.integers(1, 5)), draw(st.integers(2, 5))
    size = columns * rows
    adverse = st.sampled_from([0, 0, 0, 1, 2, 3, 4, 5, 5, 6, 9, 10, 10, 19, 20])
    few = st.sampled_from([0, 1, 2, 4, 4])
    return {
        "shape": (columns, rows),
        "ordinary": draw(st.lists(draw(st.sampled_from([adverse, few])), min_size=size, max_size=size)),
        "sensitive": draw(st.lists(st.sampled_from([0, 0, 0, 1, 6]), min_size=size, max_size=size)),
        "residents": draw(
            st.lists(
                st.sampled_from(draw(st.sampled_from([[0.0, 30.0, 400.0, 400.0], [400.0], [30.0]]))), min_size=size, max_size=size
            )
        ),
        "is_hot": draw(st.lists(st.booleans(), min_size=size, max_size=size)),
        "unplaced": draw(st.sampled_from([0, 0, 1, 5, 40])),
        "turn": draw(st.sampled_from([1, 2, 3, 5, 50])),
        "fewest": draw(st.sampled_from([5, 5, 5, 10, 20])),
    }


def reports_in(cell_ids, ordinary, sensitive, unplaced, turn):
    rows = [(B_CATEGORIES[k // turn % 3], "B", c) for c, n in zip(cell_ids, ordinary, strict=True) for k in range(n)]
    rows += [("drugs", "A", c) for c, n in zip(cell_ids, sensitive, strict=True) for _ in range(n)]
    rows += [("theft", "B", None)] * unplaced
    frame = pd.DataFrame(rows, columns=["category", "tier", "cell_id"]).astype("str")
    names = [f"r{n}" for n in range(len(frame))]
    return frame.assign(incident_id=names, event_id=names, reported_by="Norvia")


def public_and_reader(world, drawn, hotspots_of, cells_of):
    cells = cells_of(*drawn["shape"], drawn["residents"]).sort_values("cell_id", ignore_index=True)
    reports = reports_in(cells["cell_id"], drawn["ordinary"], drawn["sensitive"], drawn["unplaced"], drawn["turn"])
    hotspots = hotspots_of(cells, {"crime": list(cells["cell_id"][np.array(drawn["is_hot"])])})
    policy = Policy(minimum_count=drawn["fewest"], minimum_count_sensitive=max(10, drawn["fewest"]))
    people = inhabitants(cells)
    grid = grid_of(cells, people, cell_m=1000, minimum_residents=policy.minimum_residents)
    every = {PERIOD: pd.Series(True, index=reports.index)}
    options = {"theme": "crime", "windows": every, "policy": policy, "parties": ("Norvia",), "cell_m": 1000}
    seen = community_sees(reports, cells, grid, people, hotspots, world["settlements"], **options)
    return seen, Reader(cells, grid, seen, policy)


@settings(
    max_examples=40,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)
@given(drawn=small_worlds())
def test_every_hidden_square_stays_open(world, hotspots_of, cells_of, drawn):
    _, reader = public_and_reader(world, drawn, hotspots_of, cells_of)
    assert reader.finds(drawn["fewest"]) == []


def drawn_by_hand(ordinary, *, is_hot=(), unplaced=0, turn=1, fewest=5, columns=2, residents=400.0):
    size = len(ordinary)
    return {
        "shape": (columns, size // columns),
        "ordinary": ordinary,
        "sensitive": [0] * size,
        "residents": residents if isinstance(residents, list) else [residents] * size,
        "is_hot": [i in is_hot for i in range(size)],
        "unplaced": unplaced,
        "turn": turn,
        "fewest": fewest,
    }


@pytest.mark.parametrize(
    "drawn",
    [
        drawn_by_hand([3, 3, 0, 0, 20, 0, 0, 0, 0, 0], is_hot=(0, 1)),
        drawn_by_hand([10, 10, 0, 0, 0, 0, 0, 0, 0, 0], fewest=10),
        drawn_by_hand([0, 0, 0, 0, 0, 0, 0, 0, 0, 0], unplaced=40),
        drawn_by_hand([5, 5, 5, 5, 0, 0, 0, 0, 0, 0], turn=2),
        drawn_by_hand([4, 4, 4], turn=50, columns=1),
        drawn_by_hand([4, 4, 4, 4, 4], turn=50, columns=1),
        drawn_by_hand([4, 4], columns=1),
        drawn_by_hand([4, 4, 4], turn=50, columns=1, residents=[400.0, 400.0, 30.0]),
        drawn_by_hand(([4] + [0] * 7) * 2 + [0] * 16 + ([4] + [0] * 3) * 2 + [0] * 24, turn=3, columns=8, residents=7.0),
        drawn_by_hand([1] * 4 + [0] * 60 + [1] * 4 + [0] * 12, turn=50, columns=4, residents=7.0),
    ],
    ids=[
        "two hidden cells with 5-9 together",
        "rounded to what is shown",
        "nothing has a place",
        "categories as full as cells",
        "three full cells, 10-19 in all",
        "five full cells, 20+ in all",
        "two full cells",
        "a thin cell beside two full ones",
        "four full squares of sixteen",
        "thin squares of sixteen",
    ],
)
def test_known_openings_are_closed(world, hotspots_of, cells_of, drawn):
    seen, reader = public_and_reader(world, drawn, hotspots_of, cells_of)
    assert seen.tables["hotspots"].empty
    assert reader.secrets
    assert reader.finds(drawn["fewest"]) == []


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
