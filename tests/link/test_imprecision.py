"""Draws of imprecise reports: where they can fall, what they depend on, and that they make no hot spot out of nothing."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tensionmap.errors import GeometryError, TableError
from tensionmap.link.imprecision import draw_cells, draw_days, residents_named
from tensionmap.measure.hotspots import find_hotspots

CRS = "EPSG:32626"
MANY = 20_000


def grid(columns: int, rows: int, residents: Any = 10.0) -> gpd.GeoDataFrame:
    row, column = (part.ravel() for part in np.mgrid[:rows, :columns])
    return gpd.GeoDataFrame(
        {
            "cell_id": [f"E{c}N{r}" for c, r in zip(column, row, strict=True)],
            "easting": column * 1000.0 + 500,
            "northing": row * 1000.0 + 500,
            "residents": np.broadcast_to(np.asarray(residents, float), columns * rows),
        },
        geometry=shapely.box(column * 1000, row * 1000, column * 1000 + 1000, row * 1000 + 1000),
        crs=CRS,
    )


def places(*rows: tuple[Any, ...]) -> gpd.GeoDataFrame:
    frame = pd.DataFrame(rows, columns=["settlement_id", "kind", "precision_m", "easting", "northing"])
    points = gpd.points_from_xy(frame.pop("easting"), frame.pop("northing"))
    return gpd.GeoDataFrame(frame.astype({"settlement_id": "str"}), geometry=points, crs=CRS)


def reports(*rows: tuple[Any, ...]) -> gpd.GeoDataFrame:
    """Kind, radius, settlement, easting, northing."""
    frame = pd.DataFrame(rows, columns=["location_kind", "location_precision_m", "settlement_id", "easting", "northing"])
    frame["settlement_id"] = frame["settlement_id"].astype("str")
    frame["location_precision_m"] = frame["location_precision_m"].astype("float64")
    frame.insert(0, "incident_id", [f"i{number}" for number in range(len(frame))])
    given = zip(frame.pop("easting"), frame.pop("northing"), strict=True)
    points = [None if pd.isna(easting) else shapely.Point(easting, northing) for easting, northing in given]
    return gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries(points, crs=CRS))


def placed(incidents: gpd.GeoDataFrame, cells: pd.DataFrame) -> pd.DataFrame:
    """As link places them: measured no worse than a cell, and on the grid."""
    names = set(cells["cell_id"])
    own = [
        None if shape is None else f"E{int(shape.x // 1000)}N{int(shape.y // 1000)}" for shape in incidents.geometry.to_numpy()
    ]
    is_on = incidents["location_kind"].isin(["gps", "settlement"]) & (incidents["location_precision_m"] <= 1000)
    cell_id = [name if on and name in names else None for name, on in zip(own, is_on, strict=True)]
    return pd.DataFrame({"incident_id": incidents["incident_id"].to_numpy(), "cell_id": pd.Series(cell_id, dtype="str")})


def drawn(incidents: gpd.GeoDataFrame, cells: gpd.GeoDataFrame, settlements: gpd.GeoDataFrame, **options: Any) -> np.ndarray:
    found = draw_cells(incidents, placed(incidents, cells), cells, settlements, **({"cell_m": 1000, "seed": 5} | options))
    assert found.dtype == np.int64
    assert found.shape == (options.get("draws", 50), len(incidents))
    return found


def assert_follows(found: np.ndarray, cells: pd.DataFrame, weights: dict[str, float], *, off: float = 0) -> None:
    """All draws of one report, against weights of the cells on the grid and the share off it."""
    names = np.append(cells["cell_id"].to_numpy(dtype=object), "off")[found]
    total = sum(weights.values())
    expected = {name: (1 - off) * weight / total for name, weight in weights.items()} | ({"off": off} if off else {})
    assert set(names) == {name for name, share in expected.items() if share > 0}
    counts = [np.count_nonzero(names == name) for name in expected]
    assert stats.chisquare(counts, len(names) * np.array(list(expected.values()))).pvalue > 0.001


NOWHERE = places()
VILLAGES = places(("a", "village", 1500.0, 500, 500), ("b", "town", 1500.0, 3500, 500), ("d", "district", 2100.0, 2500, 2500))
GRID = grid(5, 5)
FIVE = reports(
    ("gps", 30, None, 2100, 2100),
    ("gps", 1500, None, 2100, 2100),
    ("settlement", 1500, "b", 3500, 500),
    ("district", 2100, "d", 2500, 2500),
    ("wider", 100_000, None, 2500, 2500),
)


class TestRefused:
    @pytest.mark.parametrize(
        ("words", "change"),
        [
            ("draws were asked for", {"draws": 0}),
            ("whole number from 0", {"seed": -1}),
            ("whole number from 0", {"seed": 2**64}),
            ("share lies between", {"share_outside": 1.5}),
            ("share lies between", {"share_outside": float("nan")}),
            ("side of some metres", {"cell_m": 0}),
        ],
    )
    def test_settings(self, words: str, change: dict[str, Any]) -> None:
        with pytest.raises(GeometryError, match=words):
            drawn(FIVE, GRID, VILLAGES, **change)

    @pytest.mark.parametrize("residents", [-1.0, np.nan, np.inf])
    def test_residents(self, residents: float) -> None:
        with pytest.raises(TableError, match="missing or negative"):
            drawn(FIVE, grid(5, 5, residents), VILLAGES)

    def test_identifiers_that_occur_twice(self) -> None:
        with pytest.raises(TableError, match="incident_id occurs twice"):
            drawn(FIVE.assign(incident_id="i"), GRID, VILLAGES)
        with pytest.raises(TableError, match="settlement_id occurs twice"):
            drawn(FIVE, GRID, VILLAGES.assign(settlement_id="a"))

    def test_tables_of_different_runs(self) -> None:
        for wrong in (placed(FIVE, GRID).iloc[1:], placed(FIVE, GRID).assign(cell_id="E99N99")):
            with pytest.raises(TableError, match="different runs"):
                draw_cells(FIVE, wrong, GRID, VILLAGES, cell_m=1000, seed=1)

    def test_another_reference_system(self) -> None:
        with pytest.raises(GeometryError, match="settlements are in another"):
            drawn(FIVE, GRID, VILLAGES.to_crs("EPSG:32627"))
        with pytest.raises(GeometryError, match="cells are in another"):
            drawn(FIVE.to_crs("EPSG:32627"), GRID, VILLAGES)

    @pytest.mark.parametrize(("first", "last"), [("2025-01-02", "2025-01-01"), (None, "2025-01-01"), ("2025-01-01", None)])
    def test_dates(self, first: Any, last: Any) -> None:
        frame = pd.DataFrame({"incident_id": ["i"], "date_start": pd.to_datetime([first]), "date_end": pd.to_datetime([last])})
        with pytest.raises(TableError, match="1 of 1 reports have no first or no last day"):
            draw_days(frame, seed=1)


class TestWhere:
    def test_a_measured_report_stays_in_its_cell(self) -> None:
        found = drawn(
            reports(("gps", 30, "b", 2100, 2100), ("gps", 1000, None, 0, 999), ("gps", 30, None, -1, 9)), GRID, VILLAGES
        )
        assert (found == [12, 0, -1]).all()

    @pytest.mark.parametrize(
        "row",
        [
            ("wider", 100.0, None, 2500, 2500),
            ("none", None, None, None, None),
            ("gps", None, None, 2500, 2500),
            ("gps", 10, None, None, None),
            ("district", None, None, 2500, 2500),
            ("settlement", 800, "elsewhere", None, None),
            ("gps", 3000, None, 1e300, 1e300),
            ("district", 900, None, 90_500, 500),
        ],
    )
    def test_no_place_or_too_wide_is_never_on_the_grid(self, row: tuple[Any, ...]) -> None:
        assert (drawn(reports(row), GRID, VILLAGES) == -1).all()

    def test_a_village_by_hand(self) -> None:
        # Of 5 x 5 points a cell, 177 lie within 1500 m of the middle of E0N0: all of it and of the four that touch its sides,
        # 13 of each that touches its corners; of these 25 + 25 + 25 + 13 = 88 are on the grid. Village b is farther from all.
        cells = grid(5, 5).set_index("cell_id")
        cells.loc[["E0N0", "E1N0", "E0N1", "E1N1"], "residents"] = [0, 30, 60, 100]
        found = drawn(reports(("settlement", None, "a", 9, 9)), cells.reset_index(), VILLAGES, draws=MANY)
        assert_follows(found[:, 0], GRID, {"E1N0": 30 * 25, "E0N1": 60 * 25, "E1N1": 100 * 13}, off=89 / 177)

    def test_land_belongs_to_the_nearest_village(self) -> None:
        # a at 500 and b at 1900: their land meets at 1200, between the first point of E1 and the rest.
        two = places(("a", "village", 900.0, 500, 500), ("b", "village", 900.0, 1900, 500))
        found = drawn(reports(("settlement", None, "b", 0, 0)), grid(3, 3), two, draws=MANY)
        points = [(e, n) for e in np.arange(-900, 3000, 200) for n in np.arange(-900, 3000, 200)]
        near = [(e // 1000, n // 1000) for e, n in points if np.hypot(e - 1900, n - 500) <= 900 and e > 1200]
        on = [cell for cell in near if cell[1] >= 0]
        weights = {f"E{c:.0f}N{r:.0f}": on.count((c, r)) for c, r in set(on)}
        assert_follows(found[:, 0], grid(3, 3), weights, off=1 - len(on) / len(near))

    def test_without_known_residents_the_village_s_cell(self) -> None:
        found = drawn(reports(("settlement", None, "b", 0, 0), ("settlement", 0, "b", 0, 0)), grid(5, 5, 0.0), VILLAGES)
        assert (found == 3).all()

    def test_two_villages_in_one_cell(self) -> None:
        two = places(("a", "village", 100.0, 2500, 2500), ("b", "village", 100.0, 2501, 2500))
        found = drawn(reports(("settlement", None, "a", 0, 0), ("settlement", None, "b", 0, 0)), GRID, two)
        assert (found == 12).all()

    def test_a_circle_by_hand(self) -> None:
        # Within 1500 m of its cell's centre: its cell, the four beside it and the four at its corners.
        residents = np.zeros(25)
        residents[[12, 6]] = 60, 30
        found = drawn(reports(("gps", 1500, None, 2100, 2900)), grid(5, 5, residents), NOWHERE, draws=MANY)
        near = [f"E{c}N{r}" for r in (1, 2, 3) for c in (1, 2, 3)]
        weights = dict.fromkeys(near, 0.1 / 25)
        weights["E2N2"] += 0.9 * 60 / 90
        weights["E1N1"] += 0.9 * 30 / 90
        assert_follows(found[:, 0], GRID, weights)

    def test_the_part_of_a_circle_off_the_grid(self) -> None:
        # 13 cells within 2 km of the corner cell's centre, 6 of them on the grid. The point itself may lie off the grid too.
        for easting, on in ((500, ["E0N0", "E1N0", "E2N0", "E0N1", "E1N1", "E0N2"]), (-500, ["E0N0", "E1N0", "E0N1"])):
            found = drawn(reports(("gps", 2000, None, easting, 500)), GRID, NOWHERE, draws=MANY)
            assert_follows(found[:, 0], GRID, dict.fromkeys(on, 1), off=1 - len(on) / 13)

    def test_a_district_around_its_point_and_an_unknown_name_around_its_own(self) -> None:
        residents = np.zeros(25)
        residents[[2, 12, 24]] = 10, 30, 99
        both = reports(("district", 2000, "d", 0, 0), ("settlement", 2000, "lost", 2999, 2001))
        found = drawn(both, grid(5, 5, residents), VILLAGES, share_outside=0, draws=MANY)
        for one in found.T:
            assert_follows(one, GRID, {"E2N0": 10, "E2N2": 30})

    def test_a_name_wider_than_fifty_cells_is_a_circle_around_the_village(self) -> None:
        wide = places(("a", "village", 1e8, 500, 500), ("b", "village", 600.0, 4500, 500))
        found = drawn(
            reports(("settlement", 50_001, "a", None, None), ("settlement", 50_000, "a", None, None)), GRID, wide, draws=100_000
        )
        off = [np.mean(one == -1) for one in found.T]
        assert off[0] == pytest.approx(1 - 25 / (np.pi * 50**2), abs=0.002)
        assert {4, 9, 24} <= set(found[:, 0])
        assert not {4, 9, 24} & set(found[:, 1])
        people = residents_named(GRID, wide, cell_m=1000)
        assert people[people > 0].index.tolist() == [3, 4, 9]
        assert residents_named(GRID, wide.iloc[:1], cell_m=1000).sum() == 0

    def test_where_nobody_lives_evenly(self) -> None:
        for share_outside in (0, 0.1):
            found = drawn(
                reports(("district", 1000, None, 2500, 2500)),
                grid(5, 5, 0.0),
                VILLAGES,
                share_outside=share_outside,
                draws=MANY,
            )
            assert_follows(found[:, 0], GRID, dict.fromkeys(["E2N2", "E1N2", "E3N2", "E2N1", "E2N3"], 1))

    def test_the_radius_of_a_settlement_that_is_named_stands_in_for_one_that_is_missing(self) -> None:
        found = drawn(reports(("district", None, "d", None, None), ("district", 2100, "d", 7, 7)), GRID, VILLAGES, draws=2000)
        assert set(found[:, 0]) == set(found[:, 1])

    def test_no_reports_no_cells_no_settlements(self) -> None:
        assert drawn(FIVE.iloc[:0], GRID, NOWHERE).shape == (50, 0)
        assert (drawn(FIVE, grid(0, 0), NOWHERE) == -1).all()
        assert set(drawn(FIVE.iloc[[2]], GRID, NOWHERE)[:, 0]) <= {3, 2, 4, 8, 7, 9, -1}


MIXED = st.tuples(
    st.sampled_from(["gps", "settlement", "district", "wider", "none"]),
    st.sampled_from([None, 10.0, 1000.0, 1001.0, 1700.0, 4000.0]),
    st.sampled_from([None, "a", "b", "d", "lost"]),
    st.integers(-2, 6),
    st.integers(-2, 6),
)


class TestWhatItDependsOn:
    @settings(max_examples=40, deadline=None)
    @given(st.lists(MIXED, min_size=1, max_size=12), st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1))
    def test_moving_within_cells_mixing_rows_and_leaving_some_out_changes_no_draw(self, rows: Any, seed: int, other: int) -> None:
        random = np.random.default_rng(other)
        cells = grid(5, 5, random.gamma(0.5, 20, 25).round(2))

        def somewhere(row: tuple[Any, ...]) -> tuple[Any, ...]:
            inside = random.integers(0, 1000, 2)
            return (*row[:3], row[3] * 1000.0 + inside[0], row[4] * 1000.0 + inside[1])

        first, moved = (reports(*(somewhere(row) for row in rows)) for _ in range(2))
        found = drawn(first, cells, VILLAGES, draws=9, seed=seed)
        assert found.tobytes() == drawn(moved, cells, VILLAGES, draws=9, seed=seed).tobytes()
        assert (found == drawn(first, cells, VILLAGES, draws=15, seed=seed)[:9]).all()

        kept = random.permutation(len(rows))[: random.integers(1, len(rows) + 1)]
        some = drawn(first.iloc[kept], cells, VILLAGES.sample(frac=1, random_state=other), draws=9, seed=seed)
        assert (some == found[:, kept]).all()

        turned = random.permutation(25)
        again = drawn(first, cells.iloc[turned].reset_index(drop=True), VILLAGES, draws=9, seed=seed)
        assert (np.append(turned, -1)[again] == found).all()

    def test_a_named_report_may_be_moved_anywhere(self) -> None:
        moved = FIVE.set_geometry(gpd.GeoSeries([*FIVE.geometry[:2], *[shapely.Point(0, 0)] * 3], crs=CRS))
        assert (drawn(FIVE, GRID, VILLAGES) == drawn(moved, GRID, VILLAGES)).all()

    def test_seed_and_identity_make_the_draw(self) -> None:
        found = drawn(FIVE, GRID, VILLAGES)
        assert (found != drawn(FIVE, GRID, VILLAGES, seed=6)).any()
        assert (found != drawn(FIVE.assign(incident_id=list("vwxyz")), GRID, VILLAGES)).any()

    def test_reports_are_drawn_independently_of_one_another(self) -> None:
        two = drawn(reports(*[("gps", 1500, None, 2500, 2500)] * 2), GRID, NOWHERE, draws=MANY)
        assert stats.chi2_contingency(pd.crosstab(two[:, 0], two[:, 1])).pvalue > 0.001
        one = drawn(reports(("gps", 1500, None, 2500, 2500)), GRID, NOWHERE, draws=MANY)[:, 0]
        assert stats.chi2_contingency(pd.crosstab(one[:-1], one[1:])).pvalue > 0.001


class TestDays:
    def test_every_day_of_the_span_is_as_likely(self) -> None:
        days = pd.to_datetime(["2024-02-27", "2024-02-28"]), pd.to_datetime(["2024-03-02", "2024-02-28"])
        frame = pd.DataFrame({"incident_id": ["i", "j"], "date_start": days[0], "date_end": days[1]})
        found = draw_days(frame, draws=MANY, seed=3)
        assert found.dtype == np.dtype("datetime64[D]")
        assert (found[:, 1] == np.datetime64("2024-02-28")).all()
        span, counts = np.unique(found[:, 0], return_counts=True)
        assert span.tolist() == pd.date_range("2024-02-27", "2024-03-02").date.tolist()
        assert stats.chisquare(counts).pvalue > 0.001
        assert (draw_days(frame.iloc[::-1], draws=9, seed=3) == found[:9, ::-1]).all()

    def test_days_and_cells_are_drawn_apart(self) -> None:
        day = pd.to_datetime(["2024-01-01"]), pd.to_datetime(["2024-01-05"])
        frame = reports(("gps", 1500, None, 2500, 2500)).assign(date_start=day[0], date_end=day[1])
        table = pd.crosstab(drawn(frame, GRID, NOWHERE, draws=MANY)[:, 0], draw_days(frame, draws=MANY, seed=5)[:, 0])
        assert stats.chi2_contingency(table).pvalue > 0.001


class TestNull:
    """Reports by population, seen through names and bad measurements."""

    CELLS = grid(12, 12, np.where(np.random.default_rng(8).random(144) < 0.5, 0, np.random.default_rng(9).gamma(0.6, 200, 144)))
    TOWNS = places(
        *((f"v{k}", "village", 1400.0, *place) for k, place in enumerate(np.random.default_rng(7).uniform(2000, 10_000, (9, 2))))
    )

    def named(self, total: int, random: np.random.Generator) -> gpd.GeoDataFrame:
        """People drawn evenly within their cells, who name the nearest village if it is near enough."""
        rows: list[tuple[Any, ...]] = []
        towns = np.column_stack([self.TOWNS.geometry.x, self.TOWNS.geometry.y])
        while len(rows) < total:
            cell = random.choice(144, p=self.CELLS["residents"] / self.CELLS["residents"].sum())
            point = np.array([cell % 12, cell // 12]) * 1000 + 200 * (random.integers(0, 5, 2) + 0.5)
            away = np.hypot(*(towns - point).T)
            if away.min() <= 1400:
                rows.append(("settlement", 1400.0, f"v{away.argmin()}", *towns[away.argmin()]))
        return reports(*rows)

    def test_draws_of_named_reports_follow_the_residents_in_reach(self) -> None:
        people = residents_named(self.CELLS, self.TOWNS, cell_m=1000)
        assert (people <= self.CELLS["residents"]).all()
        assert 0 < people.sum() < self.CELLS["residents"].sum()
        found = drawn(self.named(4000, np.random.default_rng(1)), self.CELLS, self.TOWNS, draws=1)
        counts = np.bincount(found[0], minlength=144)
        some = (people > 0).to_numpy()
        assert counts[~some].sum() == 0
        assert stats.chisquare(counts[some], 4000 * people[some] / people[some].sum()).pvalue > 0.001

    def test_draws_of_bad_measurements_follow_the_null_that_the_truth_follows(self) -> None:
        # An error to all cells within 2 km alike; nobody lives so close to the edge that a circle would leave the grid.
        random = np.random.default_rng(4)
        middle = (np.abs(self.CELLS[["easting", "northing"]] - 6000).max(axis=1) < 2000).to_numpy()
        people = np.where(middle, random.gamma(0.4, 100, 144), 0)
        errors = np.array([(e, n) for e in range(-2, 3) for n in range(-2, 3) if e**2 + n**2 <= 4])
        truth = random.choice(144, 5000, p=people / people.sum())
        centre = np.column_stack([truth % 12, truth // 12]) + errors[random.integers(0, len(errors), 5000)]
        seen = reports(*(("gps", 2000, None, *(place * 1000.0 + 7)) for place in centre))
        found = drawn(seen, self.CELLS.assign(residents=people), self.TOWNS, share_outside=0, draws=1)
        counts = np.bincount(found[0], minlength=144)
        some = people > 0
        assert counts[~some].sum() == 0
        assert (found[0] != truth).mean() > 0.3
        assert stats.chisquare(counts[some], 5000 * people[some] / people.sum()).pvalue > 0.001

    def test_maps_of_noise_show_a_spot_at_most_as_often_as_promised(self) -> None:
        people = residents_named(self.CELLS, self.TOWNS, cell_m=1000)
        numbers = pd.Series(range(144), index=self.CELLS["cell_id"])

        def has_spot(places_: Any, expected: Any) -> bool:
            count = np.bincount(places_, minlength=144)
            return find_hotspots(count, self.CELLS, null=expected, replicates=99, seed=1)["hotspot"].isin(["hot", "cold"]).any()

        shown, stacked = [], []
        for number in range(100):
            incidents = self.named(80, np.random.default_rng(number))
            shown.append(has_spot(drawn(incidents, self.CELLS, self.TOWNS, draws=1, seed=number)[0], people))
            if number < 20:
                at_point = placed(incidents.assign(location_precision_m=9.0), self.CELLS)["cell_id"]
                stacked.append(has_spot(numbers[at_point], self.CELLS["residents"] + 1))
        assert stats.binomtest(sum(shown), len(shown), 0.05, alternative="greater").pvalue > 0.01
        assert sum(stacked) >= 18
