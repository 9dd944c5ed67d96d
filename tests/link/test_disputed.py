"""Disputed land and gaps between claims: hand-worked squares, treaties, and two real layers that do not agree."""

import datetime as dt
import os
from itertools import combinations
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.affinity import rotate, translate
from shapely.geometry import Polygon, box

from tensionmap import tables
from tensionmap.errors import GeometryError
from tensionmap.link.disputed import DISPUTED, disputed_areas, in_dispute

CRS = "EPSG:32626"
AREA = (-27.1, 42.95, -26.9, 43.05)
EAST, NORTH = 500_000, 4_760_000
YEAR = {"date_from": dt.date(2025, 1, 1), "date_to": dt.date(2025, 12, 31)}
TREATY = "2025-03-13"


def claims(*rows, crs=CRS):
    """Rows of claimant, square kilometres as (west, south, east, north) or a shape in km, and perhaps two dates."""
    made = []
    for number, (claimant, where, *dates) in enumerate(rows):
        shape = box(*where) if isinstance(where, tuple) else where
        date_from, date_to = dates or (None, None)
        made.append(
            (f"c{number}", claimant, date_from, date_to, translate(shapely.transform(shape, lambda xy: xy * 1000), EAST, NORTH))
        )
    frame = gpd.GeoDataFrame(made, columns=["claim_id", "claimant", "date_from", "date_to", "geometry"], crs=crs)
    dated = {column: pd.to_datetime(frame[column]).astype("datetime64[us]") for column in ("date_from", "date_to")}
    return tables.check(frame.assign(kind="area", status="claimed", source="survey", **dated), tables.CLAIMS)


def found(given_claims, *, sliver_m=0.5, area=AREA, **when):
    return disputed_areas(given_claims, area=area, crs=str(given_claims.crs), sliver_m=sliver_m, **(when or YEAR))


def sizes(frame, kind="disputed"):
    """Square kilometres by parties."""
    return frame[frame["kind"] == kind].groupby("parties")["area_km2"].sum().round(6).to_dict()


class TestRefused:
    def test_claims_in_another_crs(self):
        with pytest.raises(GeometryError, match="Claims in EPSG:32625 and a study in EPSG:32626 cannot be compared"):
            disputed_areas(claims(("Norvia", (0, 0, 1, 1)), crs="EPSG:32625"), area=AREA, crs=CRS, sliver_m=1, **YEAR)

    def test_degrees(self):
        with pytest.raises(GeometryError, match="not a projected CRS"):
            disputed_areas(claims(("Norvia", (0, 0, 1, 1))), area=AREA, crs="EPSG:4326", sliver_m=1, **YEAR)

    @pytest.mark.parametrize("rows", [(), (("Norvia", (0, 0, 1, 1)), ("Norvia", (0, 0, 2, 2)))])
    def test_fewer_than_two_parties(self, rows):
        given_claims = claims(*rows) if rows else tables.empty(tables.CLAIMS, CRS)
        areas, slivers, (note,) = found(given_claims)
        assert areas.empty
        assert slivers.empty
        assert "fewer than two parties" in note
        assert tables.check(areas, DISPUTED).crs == CRS

    def test_lines_claim_no_land(self):
        lines = claims(("Norvia", (0, 0, 1, 1)), ("Selmar", (0, 0, 1, 1)))
        lines = lines.assign(geometry=lines.boundary, kind="line")
        assert found(lines)[0].empty


class TestDisputed:
    def test_two_squares(self):
        areas, slivers, notes = found(claims(("Selmar", (1, 0, 3, 2)), ("Norvia", (0, 0, 2, 2))))
        assert sizes(areas) == {"Norvia | Selmar": 2.0}
        assert areas.geometry.iloc[0].equals(translate(box(1000, 0, 2000, 2000), EAST, NORTH))
        assert (str(areas["date_from"][0].date()), str(areas["date_to"][0].date())) == ("2025-01-01", "2025-12-31")
        assert slivers.empty
        assert notes[0] == "Pieces of land claimed by more than one party on the last day: 1, 2.0 km2."

    def test_three_parties_in_all_combinations(self):
        areas, *_ = found(claims(("Norvia", (0, 0, 4, 4)), ("Selmar", (2, 0, 6, 4)), ("Tarn", (1, 2, 5, 6))))
        assert sizes(areas) == {"Norvia | Selmar": 4.0, "Norvia | Selmar | Tarn": 4.0, "Norvia | Tarn": 2.0, "Selmar | Tarn": 2.0}
        assert len(areas) == 4

    def test_land_claimed_together_is_not_disputed_between_those_who_do(self):
        assert in_dispute(["Norvia + Selmar"]) == ()
        assert in_dispute(["Norvia + Selmar", "Norvia"]) == ()
        assert in_dispute(["Norvia + Selmar", "Tarn"]) == ("Norvia", "Selmar", "Tarn")
        assert in_dispute(["Norvia + Selmar", "Selmar + Tarn"]) == ("Norvia", "Tarn")
        assert in_dispute(["Selmar", "Norvia"]) == ("Norvia", "Selmar")
        assert in_dispute(["Norvia"]) == in_dispute([]) == ()
        shared = claims(("Norvia + Selmar", (0, 0, 2, 2)), ("Norvia", (0, 0, 2, 2)), ("Tarn", (1, 0, 4, 2)))
        assert sizes(found(shared)[0]) == {"Norvia | Selmar | Tarn": 2.0}

    def test_districts_of_one_party_make_one_piece_and_apart_they_make_two(self):
        districts = [("Norvia", (0, 0, 1, 2)), ("Norvia", (1, 0, 2, 2)), ("Norvia", (5, 0, 6, 2))]
        areas, *_ = found(claims(*districts, ("Selmar", (0, 1, 6, 3))))
        assert sorted(areas["area_km2"].round(6)) == [1.0, 2.0]

    def test_outside_the_study_area_nothing_is_looked_at(self):
        areas, *_ = found(claims(("Norvia", (-50, 0, 50, 1)), ("Selmar", (-50, 0, 50, 1))))
        assert 16.0 < areas["area_km2"].sum() < 16.5  # 0.2 degrees of longitude at 43 north are 16.3 km


class TestDates:
    DISPUTE = claims(
        ("Norvia", (0, 0, 2, 2), None, "2025-03-12"),
        ("Norvia", (0, 0, 1, 2), TREATY, None),
        ("Selmar", (1, 0, 3, 2)),
        ("Norvia", (6, 0, 8, 1)),
        ("Selmar", (7, 0, 9, 1)),
    )

    def test_a_treaty_ends_a_dispute_and_leaves_the_other(self):
        areas, *_ = found(self.DISPUTE)
        by_day = {str(day.date()): sorted(rows["area_km2"].round(6)) for day, rows in areas.groupby("date_from")}
        assert by_day == {"2025-01-01": [1.0, 2.0], TREATY: [1.0]}
        assert set(areas.loc[areas["date_from"] == "2025-01-01", "date_to"].dt.date) == {dt.date(2025, 3, 12)}

    def test_the_same_land_has_the_same_name_in_every_span(self):
        areas, *_ = found(self.DISPUTE)
        lasting = areas[areas["area_km2"].round(6) == 1.0]
        assert len(lasting) == 2
        assert lasting["area_id"].nunique() == 1
        assert areas["area_id"].nunique() == 2

    @pytest.mark.parametrize(("day", "total"), [("2025-03-12", 3.0), (TREATY, 1.0)])
    def test_a_single_day(self, day, total):
        when = dt.date.fromisoformat(day)
        areas, *_ = found(self.DISPUTE, date_from=when, date_to=when)
        assert areas["area_km2"].sum() == pytest.approx(total)
        assert set(areas["date_from"].dt.date) == set(areas["date_to"].dt.date) == {when}


class TestGaps:
    def test_a_strip_that_lies_open_at_the_edge_of_the_study_area(self):
        areas, _, notes = found(claims(("Norvia", (-50, -50, 0, 50)), ("Selmar", (0.1, -50, 50, 50))))
        assert list(areas["kind"]) == ["gap"]
        assert areas["parties"][0] == "Norvia | Selmar"
        assert areas["area_km2"][0] == pytest.approx(0.1 * 11.1, rel=0.01)  # 0.1 degrees of latitude
        assert not any("not called gaps" in note for note in notes)

    def test_a_hole_between_two_parties(self):
        around = [("Norvia", (0, 0, 2, 6)), ("Selmar", (4, 0, 6, 6)), ("Norvia", (2, 0, 4, 2)), ("Selmar", (2, 4, 4, 6))]
        areas, *_ = found(claims(*around))
        assert sizes(areas, "gap") == {"Norvia | Selmar": 4.0}

    def test_a_neighbour_without_a_layer_leaves_none(self):
        areas, _, notes = found(claims(("Norvia", (-50, -50, 0, 0)), ("Selmar", (0, -50, 50, 0))))
        assert areas.empty
        assert "1 pieces of unclaimed land" in notes[-1]
        assert "not called gaps" in notes[-1]

    def test_land_that_one_party_surrounds_is_an_exclave_and_no_gap(self):
        ring = box(0, 0, 3, 3) - box(1, 1, 2, 2)
        areas, _, notes = found(claims(("Norvia", ring), ("Selmar", (3, 0, 5, 3))))
        assert areas.empty
        assert "2 pieces of unclaimed land" in notes[-1]

    def test_a_strip_that_runs_into_open_land_ends_where_that_begins(self):
        areas, *_ = found(claims(("Norvia", (-50, -50, 0, 0)), ("Selmar", (0.2, -50, 50, 0))))
        assert sizes(areas, "gap")["Norvia | Selmar"] == pytest.approx(0.2 * 5.5, rel=0.2)
        assert areas.total_bounds[3] <= NORTH + 1

    def test_the_share_that_is_asked_for(self):
        walls = [("Norvia", (0, 0, 1, 4)), ("Selmar", (3, 0, 4, 4)), ("Norvia", (1, 0, 3, 1))]  # a yard of 2 x 3 km, open north
        assert found(claims(*walls))[0].empty  # 8 of 10 km are closed, but it is one with the land around
        lid = ("Selmar", (1, 3.9, 2.9, 4))  # now it opens only by a door of 100 m
        areas, *_ = found(claims(*walls, lid))
        assert areas.empty or areas["area_km2"].sum() < 0.1

    def test_a_gap_that_a_later_claim_closes(self):
        later = ("Selmar", (0, -50, 0.1, 50), TREATY, None)
        areas, *_ = found(claims(("Norvia", (-50, -50, 0, 50)), ("Selmar", (0.1, -50, 50, 50)), later))
        assert [str(day.date()) for day in areas["date_to"]] == ["2025-03-12"]


class TestSlivers:
    ROWS = (("Norvia", (0, 0, 2, 2)), ("Selmar", (1.98, 0, 4, 2)), ("Norvia", (0, 3, 2, 5)), ("Selmar", (1, 3, 4, 5)))

    @pytest.mark.parametrize(("sliver_m", "drawn", "apart"), [(19, 2, 0), (21, 1, 1), (1001, 0, 2)])
    def test_pieces_nowhere_wider_are_kept_apart(self, sliver_m, drawn, apart):
        areas, slivers, _ = found(claims(*self.ROWS), sliver_m=sliver_m)
        assert (len(areas), len(slivers)) == (drawn, apart)
        assert areas["area_km2"].sum() + slivers["area_km2"].sum() == pytest.approx(2.04)

    def test_they_are_told_in_a_sentence(self):
        *_, notes = found(claims(*self.ROWS), sliver_m=50)
        assert any(note.startswith("1 pieces nowhere wider than 50 m, 0.04 km2 in all") for note in notes)


squares = st.tuples(*(st.integers(0, 4) for _ in range(4))).map(
    lambda c: (min(c[0], c[2]), min(c[1], c[3]), max(c[0], c[2]) + 1, max(c[1], c[3]) + 1)
)
some_claims = st.lists(st.tuples(st.sampled_from(["Norvia", "Selmar", "Tarn", "Norvia + Tarn"]), squares), min_size=2, max_size=7)


class TestProperties:
    @settings(max_examples=40, deadline=None)
    @given(some_claims, st.integers(0, 89), st.randoms(use_true_random=False))
    def test_neither_order_nor_names_matter(self, rows, turned, random):
        rows = [
            (claimant, rotate(box(*where), turned * (1 + i % 2), origin=(2.1, 1.7))) for i, (claimant, where) in enumerate(rows)
        ]
        areas, slivers, _ = found(claims(*rows))
        shuffled = random.sample(rows, len(rows))
        again, apart, _ = found(claims(*shuffled))
        pd.testing.assert_frame_equal(areas.to_wkb(), again.to_wkb())
        pd.testing.assert_frame_equal(slivers.to_wkb(), apart.to_wkb())
        other = {"Norvia": "Zeta", "Selmar": "Alpha", "Tarn": "Mid", "Norvia + Tarn": "Mid + Zeta"}
        renamed, *_ = found(claims(*((other[claimant], where) for claimant, where in rows)))
        back = renamed["parties"].map(
            lambda held: " | ".join(sorted({v: k for k, v in other.items()}[p] for p in held.split(" | ")))
        )
        key = ["kind", "area_id"]
        pd.testing.assert_frame_equal(
            areas.to_wkb().sort_values(key, ignore_index=True),
            renamed.assign(parties=back.astype("str")).to_wkb().sort_values(key, ignore_index=True),
        )

    @settings(max_examples=40, deadline=None)
    @given(some_claims)
    def test_areas_add_up_and_nothing_overlaps(self, rows):
        areas, slivers, _ = found(claims(*rows))
        pieces = pd.concat([areas, slivers])
        assert pieces.is_valid.all()
        shapes = pieces.geometry.to_numpy()
        assert shapely.union_all(shapes).area == pytest.approx(shapely.area(shapes).sum(), abs=1)
        held = {}
        for claimant, where in rows:
            for party in claimant.split(" + "):
                held[party] = shapely.union_all([held.get(party, Polygon()), box(*where)])
        together = shapely.union_all([box(*where) for claimant, where in rows if "+" in claimant] or [Polygon()])
        both = [
            shapely.intersection(held[a], held[b]) - (together if {a, b} == {"Norvia", "Tarn"} else Polygon())
            for a, b in combinations(sorted(held), 2)
        ]
        disputed_km2 = pieces.loc[pieces["kind"] == "disputed", "area_km2"].sum()
        assert disputed_km2 == pytest.approx(shapely.union_all(both).area, abs=1e-6)
        union = shapely.union_all(list(held.values()))
        exclusive_km2 = (union - shapely.union_all(both)).area
        assert exclusive_km2 + disputed_km2 == pytest.approx(union.area, abs=1e-6)
        gaps = shapely.union_all(pieces.geometry[pieces["kind"] == "gap"].to_numpy())
        drawn = shapely.union_all(claims(*rows).geometry.to_numpy())
        assert gaps.intersection(drawn).area == pytest.approx(0, abs=1)


@pytest.fixture(scope="module")
def raw():
    return Path(os.environ["TENSIONMAP_REAL_DATA"]) / "isfara-batken" / "raw"


@pytest.fixture(scope="module")
def layers(raw):
    frames = [
        gpd.read_file(raw / f"districts_{code}.geojson").to_crs("EPSG:32642").assign(claimant=code) for code in ("tj", "kg")
    ]
    both = pd.concat(frames, ignore_index=True)
    empty_dates = {column: pd.Series(pd.NaT, index=both.index, dtype="datetime64[us]") for column in ("date_from", "date_to")}
    ids = both.index.astype("str")
    table = both[["claimant", "geometry"]].assign(claim_id=ids, kind="area", status="claimed", source="layer", **empty_dates)
    return tables.check(table, tables.CLAIMS)


@pytest.fixture(scope="module")
def seen(raw):
    return gpd.read_file(raw / "boundary_disagreement.geojson").to_crs("EPSG:32642")


@pytest.fixture(scope="module")
def areas(layers, seen):
    return found(layers, sliver_m=50, area=tuple(seen.to_crs("EPSG:4326").total_bounds))[0]


@pytest.mark.skipif("TENSIONMAP_REAL_DATA" not in os.environ, reason="TENSIONMAP_REAL_DATA does not name the folder of real data")
class TestTwoRealLayers:
    """Districts of Tajikistan and Kyrgyzstan as two layers draw them, beside an older comparison of the two."""

    def test_the_overlap_is_the_same(self, areas, seen):
        theirs = seen[seen["status"] == "claimed_by_both_national_layers"].union_all()
        ours = areas[areas["kind"] == "disputed"]
        assert theirs.area / 1e6 == pytest.approx(231.09, abs=0.01)
        assert theirs.difference(ours.union_all()).area / 1e6 < 0.01
        small = ours[ours["area_km2"] > 0.2]["area_km2"]  # they left out what is smaller
        assert small.sum() == pytest.approx(231.09, abs=0.01)

    def test_gaps_are_those_between_the_two(self, areas, seen):
        theirs = seen[seen["status"] == "claimed_by_neither_national_layer"]
        ours = areas[areas["kind"] == "gap"].union_all()
        is_ours = theirs.intersection(ours).area > 0.5 * theirs.area
        # The others touch one of the two layers only: they lie along Uzbekistan, of which there is no layer.
        assert theirs[is_ours].area.sum() / 1e6 == pytest.approx(92.2, abs=0.5)
        assert set(areas["parties"]) == {"kg | tj"}
