"""What each audience sees of the small border, table by table."""

import numpy as np
import pandas as pd
import pytest
from shapely.geometry import LineString, box

from tensionmap.errors import ReleaseError
from tensionmap.protect.policy import Policy
from tensionmap.tables import AUDIENCES, BANDS, RELEASE_TABLES

LOWEST = BANDS[0]


def rows(frame, *columns):
    return list(frame[list(columns)].itertuples(index=False, name=None))


# refused inputs


def test_an_unknown_audience_is_refused(world, release_of):
    with pytest.raises(ReleaseError, match=r"Unknown audience 'press'"):
        release_of(world, "press")


def test_layers_in_two_crs_are_refused(world, release_of):
    with pytest.raises(ReleaseError, match=r"CRS of settlements \(EPSG:32627\) is not that of the grid"):
        release_of(world, settlements=world["settlements"].to_crs(32627))


def test_a_grid_without_cells_is_refused(world, release_of):
    with pytest.raises(ReleaseError, match=r"no cells"):
        release_of(world, cells=world["cells"].iloc[:0])


def test_reports_outside_the_grid_are_refused(world, release_of):
    with pytest.raises(ReleaseError, match=r"2 reports stand on cells that the grid does not have"):
        release_of(world, cells=world["cells"][world["cells"]["cell_id"] != "E507N4761"])


def test_a_grid_without_residents_is_no_public_map(world, release_of):
    nobody = world["cells"].assign(residents=0.0)
    with pytest.raises(ReleaseError, match=r"population raster"):
        release_of(world, cells=nobody)
    assert release_of(world, "police", cells=nobody).audience == "police"


# the community


def test_community_cells_are_ordinary_reports_in_bands(world, release_of):
    cells = release_of(world).tables["cells"]
    assert rows(cells, "theme", "cell_id", "band", "hotspot") == [
        ("cooperation", "E504N4764", "5-9", "too few to tell"),
        ("crime", "E503N4763", "10-19", "hot"),
        ("crime", "E503N4764", "20+", "hot"),
        ("crime", "E504N4765", LOWEST, "hot"),
        ("crime", "E508N4768", "5-9", "none"),
        ("tension", "E504N4764", "5-9", "none"),
        ("tension", "E510N4767", "5-9", "hot"),
    ]


def test_village_hotspots_are_areas_with_names_but_no_district(world, release_of):
    hotspots = release_of(world).tables["hotspots"]
    assert rows(hotspots, "theme", "hotspot_id", "kind", "band", "near", "near_local") == [
        ("crime", "1", "hot", "20+", "Orrin|Tavesh", "Оррин|Tavesh"),
        ("tension", "1", "hot", "5-9", "Ulmek", "Ӯлмек"),
    ]
    assert hotspots.geometry.area.tolist() == [3e6, 1e6]


def test_community_totals_hold_only_what_is_above_the_lowest_band(world, release_of):
    totals = release_of(world).tables["totals"]
    assert rows(totals, "theme", "category", "band") == [
        ("crime", "drugs", "10-19"),
        ("crime", "fraud", "5-9"),
        ("crime", "theft", "20+"),
    ]


def test_community_facts_are_rounded(world, release_of):
    facts = release_of(world).facts
    assert facts.reports == {"crime": "70", "tension": "30", "cooperation": "10"}
    assert facts.unplaced_percent == {"crime": 5, "tension": 0, "cooperation": 0}
    assert facts.verdicts == {"crime": "found", "tension": "found", "cooperation": "too few to tell"}
    assert facts.is_withheld == {"crime": True, "tension": True, "cooperation": False}
    assert (facts.minimum_count, facts.minimum_residents) == (5, 100)
    assert (facts.date_from, facts.date_to) == ("2023-10-01", "2026-09-30")
    assert facts.missing_layers == ("river", "intake", "gate", "spring", "forest", "road", "crossing", "meeting_place")


def test_a_cell_with_few_residents_is_never_counted(world, release_of):
    cells = world["cells"]
    few = cells.assign(residents=cells["residents"].mask(cells["cell_id"] == "E503N4764", 99.0))
    found = release_of(world, cells=few).tables
    assert rows(found["cells"], "cell_id", "band")[1:3] == [("E503N4763", "10-19"), ("E503N4764", LOWEST)]
    assert found["hotspots"]["band"].tolist() == ["10-19", "5-9"]


def test_a_village_that_the_raster_does_not_see_counts_as_inhabited(world, release_of, cell_at):
    cells = world["cells"]
    unseen = cells.assign(residents_named=cells["residents_named"].mask(cells["cell_id"] == cell_at(10, 7), 60.0))
    found = release_of(world, cells=unseen).tables
    assert "E510N4767" not in set(found["cells"]["cell_id"])


@pytest.mark.parametrize(
    ("counts", "why"),
    [
        ({("theft", "E505N4765"): 4}, "fewer than five"),
        ({("theft", "E505N4765"): 3, ("theft", "E505N4766"): 3}, "neither cell could be none"),
        ({("theft", "E505N4765"): 5, ("drugs", "E505N4765"): 40}, "only sensitive reports make it stand out"),
        ({("domestic_violence", "E505N4765"): 40}, "only sealed reports"),
    ],
)
def test_an_area_is_withheld(world, release_of, reports_of, hotspots_of, counts, why):
    hotspots = hotspots_of(world["cells"], {"crime": ["E505N4765", "E505N4766"]})
    hotspots["expected"] = 4.0
    release = release_of(world, **reports_of({("theft", "E501N4761"): 30, **counts}), hotspots=hotspots)
    assert release.tables["hotspots"].empty, why
    assert set(release.tables["cells"]["hotspot"]) == {"none"}
    assert release.facts.verdicts["crime"] == "found"
    assert release.facts.is_withheld["crime"]


def test_numbers_of_areas_have_no_gap_where_one_is_withheld(world, release_of, reports_of, hotspots_of, cell_at):
    spots = {"crime": [cell_at(1, 9), cell_at(5, 5), cell_at(8, 5), cell_at(2, 2)]}
    reports = reports_of({("theft", cell_at(1, 9)): 9, ("theft", cell_at(8, 5)): 30, ("theft", cell_at(2, 2)): 12})
    hotspots = release_of(world, **reports, hotspots=hotspots_of(world["cells"], spots)).tables["hotspots"]
    assert rows(hotspots, "hotspot_id", "band") == [("1", "5-9"), ("2", "20+"), ("3", "10-19")]


def test_the_community_sees_no_area_with_few_reports(world, release_of, hotspots_of, cell_at):
    cold = hotspots_of(world["cells"], {}, {"crime": [cell_at(3, 3)]})
    release = release_of(world, hotspots=cold)
    assert release.tables["hotspots"].empty
    assert set(release.tables["cells"].query("theme == 'crime'")["hotspot"]) == {"none"}
    assert (release.facts.verdicts["crime"], release.facts.is_withheld["crime"]) == ("found", True)


def test_too_few_to_tell_is_said(world, release_of):
    few = world["hotspots"].assign(hotspot="too few to tell")
    release = release_of(world, hotspots=few)
    assert release.facts.verdicts == dict.fromkeys(("crime", "tension", "cooperation"), "too few to tell")
    assert set(release.tables["cells"]["hotspot"]) == {"too few to tell"}


def test_a_higher_threshold_hides_more(world, release_of):
    strict = release_of(world, policy=Policy(minimum_count=12, minimum_count_sensitive=20)).tables
    assert rows(strict["cells"].query("theme == 'crime'"), "cell_id", "band") == [
        ("E503N4763", "10-19"),
        ("E503N4764", "20+"),
        ("E504N4765", LOWEST),
    ]
    assert "drugs" not in set(strict["totals"]["category"])


def test_somebody_who_reported_rarely_is_not_named(world, release_of, usual_counts):
    names = world["incidents"]["reported_by"].where(np.arange(len(world["incidents"])) > 3, "outside")
    release = release_of(world, incidents=world["incidents"].assign(reported_by=names))
    assert release.facts.reported_by == ("Norvia", "Selmar", "community")
    assert "outside" in release_of(world, "police", incidents=world["incidents"].assign(reported_by=names)).facts.reported_by


# the police and researchers


@pytest.mark.parametrize("audience", ["police", "research"])
def test_internal_counts_are_exact_and_hold_no_sealed_report(world, release_of, audience, usual_counts):
    cells = release_of(world, audience).tables["cells"]
    unsealed = {(c, cell): n for (c, cell), n in usual_counts.items() if c not in ("domestic_violence", "recruitment") and cell}
    assert cells["count"].sum() == sum(unsealed.values())
    at = cells.set_index(["theme", "cell_id"])
    assert at.loc[("crime", "E503N4763"), ["count", "band", "hotspot"]].tolist() == [24, "20+", "hot"]
    assert at.loc[("crime", "E500N4769"), ["count", "hotspot"]].tolist() == [0, "cold"]
    assert at.loc[("tension", "E504N4764"), ["count", "hotspot"]].tolist() == [7, "hot"]


def test_internal_verdicts_do_not_show_where_sealed_reports_are(world, release_of, cell_at):
    release = release_of(world, "police")
    assert cell_at(1, 1) not in set(release.tables["cells"]["cell_id"])
    assert release.facts.is_withheld == {"crime": True, "tension": False, "cooperation": False}
    assert rows(release.tables["hotspots"], "theme", "hotspot_id", "kind") == [
        ("crime", "1", "hot"),
        ("crime", "2", "hot"),
        ("crime", "3", "cold"),
        ("tension", "1", "hot"),
    ]


def test_expected_counts_are_of_the_reports_that_are_counted(world, release_of):
    hotspots = world["hotspots"].assign(expected=1.0)
    cells = release_of(world, "research", hotspots=hotspots).tables["cells"].query("theme == 'crime'")
    assert cells["expected"].to_numpy() == pytest.approx(cells["count"].sum() / len(world["cells"]))


def test_internal_facts_are_exact(world, release_of):
    facts = release_of(world, "police").facts
    assert facts.reports == {"crime": "69", "tension": "25", "cooperation": "7"}
    assert facts.unplaced_percent == {"crime": 7, "tension": 0, "cooperation": 0}


def test_police_points_say_what_and_when_but_not_who(world, release_of):
    points = release_of(world, "police").tables["points"]
    assert len(points) == 96
    assert not {"domestic_violence", "recruitment"} & set(points["category"])
    assert points["category"].is_monotonic_increasing or points["theme"].is_monotonic_increasing
    assert set(points.columns) == set(RELEASE_TABLES["police"]["points"].column_names)


# every audience


@pytest.mark.parametrize("audience", AUDIENCES)
def test_a_study_without_reports_has_empty_tables_in_its_crs(world, release_of, reports_of, audience):
    incidents, placed = (world[name].iloc[:0] for name in ("incidents", "placed"))
    release = release_of(world, audience, incidents=incidents, placed=placed, hotspots=world["hotspots"].iloc[:0])
    for name, table in RELEASE_TABLES[audience].items():
        assert release.tables[name].empty
        if table.geometry:
            assert release.tables[name].crs == world["cells"].crs
    assert release.facts.reports == {"crime": "0", "tension": "0", "cooperation": "0"}
    assert release.facts.verdicts["crime"] == "too few to tell"
    assert release.facts.reported_by == ()


def test_the_background_is_cut_around_the_grid(world, release_of):
    background = release_of(world).background
    frame = box(495_000, 4_755_000, 517_000, 4_775_000)
    assert all(layer.within(frame.buffer(1)).all() for layer in background.values())
    assert background["settlements"]["settlement_id"].tolist() == ["d1", "v1", "v2", "v3"]
    assert background["resources"]["resource_id"].tolist() == ["r1"]
    assert (
        background["resources"]
        .geometry.iloc[0]
        .equals_exact(LineString([(517_000, 4_767_000), (509_000, 4_767_000), (501_000, 4_762_100)]), 1e-6)
    ), "still drawn downstream"


def test_only_claims_that_stood_in_the_period_are_shown(world, release_of):
    assert release_of(world).background["claims"]["claim_id"].tolist() == ["c1", "c2"]


def test_a_line_that_only_touches_the_frame_leaves_no_point(world, release_of):
    touching = world["resources"].assign(geometry=[LineString([(517_000, 4_767_000), (520_000, 4_767_000)])] * 2)
    assert release_of(world, resources=touching).background["resources"].empty


def test_a_study_without_background_is_drawn_on_its_own(world, release_of):
    bare = {name: world[name].iloc[:0] for name in ("settlements", "claims", "resources", "services")}
    hotspots = release_of(world, **bare).tables["hotspots"]
    assert hotspots["near"].isna().all()
    assert len(hotspots) == 2


def test_inputs_are_not_changed(world, release_of):
    before = {name: value.copy() for name, value in world.items() if isinstance(value, pd.DataFrame)}
    for audience in AUDIENCES:
        release_of(world, audience)
    for name, frame in before.items():
        pd.testing.assert_frame_equal(world[name], frame)
