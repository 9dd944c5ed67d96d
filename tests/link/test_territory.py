"""Claims on a day: each is told with its claimant, and none is preferred."""

import datetime as dt

import geopandas as gpd
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import LineString, Point, box

from tensionmap import tables
from tensionmap.errors import GeometryError
from tensionmap.link.territory import border_m, claimed_by, claims_on, joined, own_land, spans, territory, without_claims

CRS = "EPSG:32626"
PERIOD = {"date_from": dt.date(2023, 10, 1), "date_to": dt.date(2026, 9, 30)}
TREATY = "2025-03-13"

CLAIMS = gpd.GeoDataFrame(
    [
        ("n_area", "Norvia", "area", "claimed", None, None, box(0, 0, 1000, 2000)),
        ("s_area", "Selmar", "area", "claimed", None, "2025-03-12", box(0, 1000, 1000, 3000)),
        ("s_area_new", "Selmar", "area", "agreed", TREATY, None, box(0, 2000, 1000, 3000)),
        ("n_line", "Norvia", "line", "claimed", None, "2025-03-12", LineString([(0, 2000), (1000, 2000)])),
        ("n_line_far", "Norvia", "line", "undetermined", None, None, LineString([(0, 9000), (1000, 9000)])),
        ("s_line", "Selmar", "line", "claimed", None, "2025-03-12", LineString([(0, 1000), (1000, 1000)])),
        ("treaty", "Norvia + Selmar", "line", "agreed", TREATY, None, LineString([(0, 2000), (1000, 2000)])),
    ],
    columns=["claim_id", "claimant", "kind", "status", "date_from", "date_to", "geometry"],
    crs=CRS,
).assign(source="survey", date_from=lambda f: pd.to_datetime(f["date_from"]), date_to=lambda f: pd.to_datetime(f["date_to"]))
CELLS = pd.DataFrame({"cell_id": ["south", "middle", "north"], "easting": [500.0] * 3, "northing": [500.0, 1500.0, 2500.0]})
NO_CLAIMS = tables.empty(tables.CLAIMS, CRS)


def series(*places):
    return gpd.GeoSeries([Point(place) for place in places], crs=CRS)


def days(*written):
    return pd.Series(pd.to_datetime(list(written)))


class TestRefused:
    def test_another_crs(self):
        points = series((0, 0)).set_crs("EPSG:32625", allow_override=True)
        with pytest.raises(GeometryError, match="cannot be compared"):
            claimed_by(points, days("2025-01-01"), CLAIMS)


class TestClaimsOn:
    def test_first_and_last_day_belong_to_the_claim(self):
        before, after = (set(claims_on(CLAIMS, dt.date(2025, 3, day))["claim_id"]) for day in (12, 13))
        assert before == {"n_area", "s_area", "n_line", "n_line_far", "s_line"}
        assert after == {"n_area", "s_area_new", "n_line_far", "treaty"}

    def test_spans_meet_and_cover_the_period(self):
        stretches = spans(CLAIMS, **PERIOD)
        assert [(str(a.date()), str(b.date())) for a, b in stretches] == [("2023-10-01", "2025-03-12"), (TREATY, "2026-09-30")]
        assert len(spans(NO_CLAIMS, **PERIOD)) == 1

    @given(st.lists(st.tuples(st.integers(-900, 2000), st.integers(0, 900)), max_size=6))
    def test_no_claim_changes_within_a_span(self, stretches):
        first = pd.Timestamp(PERIOD["date_from"])
        claims = pd.DataFrame(
            {
                "date_from": pd.to_datetime([first + pd.Timedelta(days=a) for a, _ in stretches]),
                "date_to": pd.to_datetime([first + pd.Timedelta(days=a + b) for a, b in stretches]),
            }
        )
        found = spans(claims, **PERIOD)
        every_day = [day for a, b in found for day in pd.date_range(a, b)]
        assert every_day == list(pd.date_range(PERIOD["date_from"], PERIOD["date_to"]))
        for a, b in found:
            assert claims_on(claims, a).index.equals(claims_on(claims, b).index)


class TestTerritory:
    def test_every_claimant_is_told_for_himself(self):
        found = territory(CELLS, CLAIMS, **PERIOD)
        before = found[found["date_from"] == "2023-10-01"].set_index(["claimant", "cell_id"])
        assert before.loc["Norvia", "is_inside"].to_dict() == {"south": True, "middle": True, "north": False}
        assert before.loc["Selmar", "is_inside"].to_dict() == {"south": False, "middle": True, "north": True}
        assert before.loc["Norvia", "border_m"].to_dict() == {"south": 1500, "middle": 500, "north": 500}
        assert before.loc["Selmar", "border_m"].to_dict() == {"south": 500, "middle": 500, "north": 1500}
        assert set(before["status"]) == {"claimed"}

    def test_after_the_treaty(self):
        found = territory(CELLS, CLAIMS, **PERIOD)
        after = found[found["date_from"] == TREATY].set_index(["claimant", "cell_id"])
        assert set(after.index.get_level_values("claimant")) == {"Norvia", "Selmar", "Norvia + Selmar"}
        assert after.loc["Norvia + Selmar", "border_m"].to_dict() == {"south": 1500, "middle": 500, "north": 500}
        assert set(after.loc["Norvia + Selmar", "status"]) == {"agreed"}
        assert set(after.loc["Norvia", "status"]) == {"undetermined"}
        assert after.loc["Selmar", ["status", "border_m"]].isna().all(axis=None)

    def test_the_table(self):
        found = territory(CELLS, CLAIMS, **PERIOD)
        assert tables.check(found, tables.TERRITORY).equals(found)
        assert len(found) == 3 * (2 + 3)
        assert tables.check(territory(CELLS, NO_CLAIMS, **PERIOD), tables.TERRITORY).empty

    def test_order_of_claims_does_not_matter(self):
        doubtful = CLAIMS[CLAIMS["claim_id"] == "n_line"].assign(claim_id="n_line_again", status="undetermined")
        claims = pd.concat([CLAIMS, doubtful], ignore_index=True)
        assert territory(CELLS, claims, **PERIOD).equals(territory(CELLS, claims.iloc[::-1], **PERIOD))

    def test_names_of_claimants_do_not_matter(self):
        other = {"Norvia": "Selmar", "Selmar": "Norvia", "Norvia + Selmar": "Norvia + Selmar"}
        key = ["claimant", "date_from", "cell_id"]
        plain = territory(CELLS, CLAIMS, **PERIOD)
        swapped = territory(CELLS, CLAIMS.assign(claimant=CLAIMS["claimant"].map(other)), **PERIOD)
        swapped["claimant"] = swapped["claimant"].map(other).astype("str")
        pd.testing.assert_frame_equal(plain.sort_values(key, ignore_index=True), swapped.sort_values(key, ignore_index=True))


class TestPlaces:
    def test_claimed_by_all_parties_that_cover_it_on_its_day(self):
        points = series((500, 500), (500, 1500), (500, 1500), (500, 2000), (5000, 0)).set_axis([4, 3, 2, 1, 0])
        when = days("2024-01-01", "2025-03-12", TREATY, TREATY, "2024-01-01").set_axis(points.index)
        found = claimed_by(points, when, CLAIMS)
        assert found.to_dict() == {4: "Norvia", 3: "Norvia + Selmar", 2: "Norvia", 1: "Norvia + Selmar", 0: "none"}
        assert set(claimed_by(points, when, NO_CLAIMS)) == {"none"}

    def test_a_shared_area_names_each_party_once(self):
        shared = CLAIMS.iloc[[0, 0]].assign(claimant=["Norvia + Selmar", "Norvia"])
        assert claimed_by(series((500, 500)), days("2024-01-01"), shared).tolist() == ["Norvia + Selmar"]

    @given(st.lists(st.tuples(st.sampled_from(["Norvia", "Selmar", "Tarn", "Norvia + Tarn"]), st.integers(0, 3)), max_size=8))
    def test_equals_asking_every_claim_for_every_place(self, rows):
        made = [
            (f"c{i}", who, "area", "claimed", pd.NaT, pd.NaT, "survey", box(1000 * w, 0, 1500, 500))
            for i, (who, w) in enumerate(rows)
        ]
        claims = gpd.GeoDataFrame(made, columns=NO_CLAIMS.columns, crs=CRS) if rows else NO_CLAIMS
        claims = tables.check(claims, tables.CLAIMS)
        points = series(*((x, 250) for x in range(250, 4000, 500)))
        found = claimed_by(points, days(*["2025-01-01"] * len(points)), claims)
        for place, told in zip(points, found, strict=True):
            assert told == joined(claims["claimant"][claims.intersects(place)])

    def test_nearest_border_of_anybody_on_its_day(self):
        found = border_m(series((500, 1100), (500, 1100), (500, 8000)), days("2025-03-12", TREATY, TREATY), CLAIMS)
        assert found.tolist() == [100, 900, 1000]
        assert border_m(series((500, 1100)), days(TREATY), NO_CLAIMS).isna().all()
        assert border_m(series(), days(), CLAIMS).empty


def test_what_missing_claims_cost():
    assert without_claims(CLAIMS) == ()
    (lines,) = without_claims(CLAIMS[CLAIMS["kind"] == "area"])
    assert "No border lines" in lines
    (areas,) = without_claims(CLAIMS[CLAIMS["kind"] == "line"])
    assert "No claimed areas" in areas


class TestOwnLand:
    def test_each_party_has_what_it_claimed_on_some_day_and_what_nobody_claims(self):
        cells = pd.concat(
            [CELLS, pd.DataFrame({"cell_id": ["far"], "easting": [9500.0], "northing": [500.0]})], ignore_index=True
        )
        found = own_land(cells, CLAIMS, ("Norvia", "Selmar"), **PERIOD)
        assert found["Norvia"].tolist() == [True, True, False, True]
        assert found["Selmar"].tolist() == [False, True, True, True]

    def test_land_that_a_treaty_leaves_to_nobody_is_anybodys(self):
        claims = CLAIMS[CLAIMS["claim_id"] == "s_area"]
        found = own_land(CELLS, claims, ("Norvia", "Selmar"), **PERIOD)
        assert found.all().all()

    def test_an_area_of_two_parties_is_land_of_both(self):
        claims = CLAIMS[CLAIMS["claim_id"] == "n_area"].assign(claimant="Norvia + Selmar")
        found = own_land(CELLS, claims, ("Norvia", "Selmar", "Tarn"), **PERIOD)
        assert found["Norvia"].equals(found["Selmar"].rename("Norvia"))
        assert found["Tarn"].tolist() == [False, False, True]

    def test_without_claimed_areas_there_is_none(self):
        assert own_land(CELLS, NO_CLAIMS, ("Norvia",), **PERIOD) is None
