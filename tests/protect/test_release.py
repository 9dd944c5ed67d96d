"""What each audience sees of the small border, table by table."""

from datetime import date

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


def test_community_squares_are_ordinary_reports_in_bands_by_window(world, release_of):
    cells = release_of(world).tables["cells"]
    assert rows(cells.query("window == 'period'"), "theme", "cell_id", "side_cells", "band") == [
        ("cooperation", "E504N4764", 1, "5-9"),
        ("crime", "E502N4766", 1, "5-9"),
        ("crime", "E503N4763", 1, "10-19"),
        ("crime", "E503N4764", 1, "20+"),
        ("crime", "E504N4764", 4, "5-9"),
        ("crime", "E506N4762", 1, "10-19"),
        ("crime", "E508N4768", 1, "5-9"),
        ("tension", "E504N4764", 1, "5-9"),
        ("tension", "E510N4767", 1, "5-9"),
        ("tension", "E511N4761", 1, "5-9"),
    ]
    quarterly = rows(cells.query("window != 'period'"), "theme", "window", "cell_id", "band")
    assert {
        ("crime", "2024Q4", "E506N4762", "5-9"),
        ("crime", "2025Q1", "E506N4762", "5-9"),
        ("crime", "2025Q2", "E502N4766", "5-9"),
        ("tension", "2024Q3", "E511N4761", "5-9"),
    } <= set(quarterly)
    assert LOWEST not in set(cells["band"])


def test_a_square_is_drawn_where_it_lies(world, release_of, cell_at):
    thin = world["cells"].assign(residents=30.0)
    cells = release_of(world, cells=thin).tables["cells"].query("window == 'period' and theme == 'crime'")
    assert rows(cells, "cell_id", "side_cells", "band") == [
        ("E502N4762", 2, "10-19"),
        ("E502N4764", 2, "20+"),
        ("E502N4766", 2, "5-9"),
        ("E504N4764", 4, "5-9"),
        ("E506N4762", 2, "10-19"),
        ("E508N4768", 2, "5-9"),
    ]
    assert cells.geometry.iloc[0].equals(box(502_000, 4_762_000, 504_000, 4_764_000))
    assert cells.geometry.area.tolist() == [4e6, 4e6, 4e6, 16e6, 4e6, 4e6]


def test_the_grid_says_how_large_a_square_must_be(world, release_of, cell_at):
    few = {cell_at(3, 4): 30.0, cell_at(0, 0): 0.0, cell_at(8, 8): 0.0, cell_at(8, 9): 0.0, cell_at(11, 9): 5.0}
    cells = world["cells"].assign(residents=world["cells"]["cell_id"].map(few).fillna(world["cells"]["residents"]))
    grid = release_of(world, cells=cells).tables["grid"].set_index("cell_id")["counted_in"]
    assert list(grid.index) == sorted(cells["cell_id"])
    assert (grid[cell_at(0, 0)], grid[cell_at(3, 4)]) == (1, 2)
    assert grid[cell_at(11, 9)] is pd.NA
    assert set(grid.drop([cell_at(3, 4), cell_at(11, 9)])) == {1}


def test_village_hotspots_are_areas_with_names_but_no_district(world, release_of):
    hotspots = release_of(world).tables["hotspots"]
    assert rows(hotspots, "theme", "hotspot_id", "kind", "at_least", "near", "near_local") == [
        ("crime", "1", "hot", 30, "Orrin|Tavesh", "Оррин|Tavesh"),
        ("tension", "1", "hot", 5, "Ulmek", "Ӯлмек"),
    ]
    assert hotspots.geometry.area.tolist() == [3e6, 1e6]


@pytest.mark.parametrize(
    ("reporters", "told"),
    [
        (("Norvia", "Selmar"), "both sides"),
        (("Norvia",), "one side only"),
        (("community",), None),
        (("Norvia", "Norvia", "Norvia", "Selmar"), "one side only"),
        (("Norvia", "community"), None),
    ],
)
def test_who_reported_an_area_is_said_only_if_enough_did(world, release_of, reports_of, hotspots_of, cell_at, reporters, told):
    reports = reports_of({("theft", cell_at(5, 5)): 12})
    reports["incidents"]["reported_by"] = (list(reporters) * 12)[:12]
    hotspots = release_of(world, **reports, hotspots=hotspots_of(world["cells"], {"crime": [cell_at(5, 5)]})).tables["hotspots"]
    assert [who if isinstance(who, str) else None for who in hotspots["reported_from"]] == [told]


def test_an_event_told_by_both_sides_counts_once_in_squares_and_for_both_of_them(
    world, release_of, reports_of, hotspots_of, cell_at
):
    reports = reports_of({("theft", cell_at(5, 5)): 18})
    first = reports["incidents"]["incident_id"].iloc[:9].tolist()
    reports["incidents"] = reports["incidents"].assign(
        event_id=first * 2, reported_by=["Norvia"] * 9 + ["Selmar"] * 9, date_start=pd.Timestamp("2025-05-05")
    )
    reports["incidents"]["date_end"] = reports["incidents"]["date_start"]
    hotspots = hotspots_of(world["cells"], {"crime": [cell_at(5, 5)]})
    found = release_of(world, **reports, hotspots=hotspots).tables
    assert rows(found["cells"], "window", "band") == [("2025Q2", "5-9"), ("period", "5-9")]
    assert rows(found["hotspots"], "at_least", "reported_from") == [(5, "both sides")]
    assert found["numbers"].query("theme == 'crime' and window == 'period'")["reports"].tolist() == [10]


@pytest.mark.parametrize(
    ("shares", "told"),
    [
        ((1.0, 0.95), "nearly always"),
        ((0.94, 1.0), "mostly"),
        ((0.75, 0.75), "mostly"),
        ((1.0, 0.74), "sometimes"),
        ((0.0, 0.0), "sometimes"),
        ((np.nan, 1.0), None),
        ((np.nan, np.nan), None),
    ],
)
@pytest.mark.parametrize("audience", AUDIENCES)
def test_an_area_holds_up_as_its_least_sure_cell_does(
    world, release_of, reports_of, hotspots_of, cell_at, audience, shares, told
):
    area = [cell_at(5, 5), cell_at(5, 6)]
    scopes = ("crime",) if audience == "community" else ("internal_crime",)
    hotspots = hotspots_of(world["cells"], dict.fromkeys(scopes, area))
    for name, share in zip(area, shares, strict=True):
        hotspots.loc[hotspots["cell_id"] == name, "support"] = share
    reports = reports_of({("theft", name): 12 for name in area})
    found = release_of(world, audience, **reports, hotspots=hotspots).tables["hotspots"]
    assert [word if isinstance(word, str) else None for word in found["support"]] == [told]


def test_community_totals_hold_only_what_is_above_the_lowest_band(world, release_of):
    totals = release_of(world).tables["totals"]
    assert rows(totals.query("window == 'period'"), "theme", "category", "band") == [
        ("crime", "burglary", "5-9"),
        ("crime", "drugs", "20+"),
        ("crime", "fraud", "5-9"),
        ("crime", "theft", "20+"),
        ("tension", "irrigation_dispute", "10-19"),
        ("tension", "pasture_dispute", "10-19"),
    ]
    assert ("crime", "2024Q4", "theft", "10-19") in rows(totals, "theme", "window", "category", "band")
    assert LOWEST not in set(totals["band"])
    assert not {"domestic_violence", "recruitment"} & set(totals["category"])


def test_sensitive_totals_need_enough_residents(world, release_of):
    village = world["cells"].assign(residents=8.0)  # 960 in all
    assert "drugs" not in set(release_of(world, cells=village).tables["totals"]["category"])
    town = world["cells"].assign(residents=9.0)
    assert "drugs" in set(release_of(world, cells=town).tables["totals"]["category"])


def test_categories_of_quarters_are_not_told_if_the_period_has_no_room_for_all_of_them(small_world, release_of, cell_at):
    """Five cells of the lowest band hold four each at most in the period: ten and ten reports would fill them all."""
    first = {("theft", cell_at(0, row), "2024Q1"): 2 for row in range(5)}
    second = {("theft", cell_at(0, row), "2024Q2"): 2 for row in range(5)}
    one, both = (release_of(small_world(1, 5, counts)).tables["totals"] for counts in (first, {**first, **second}))
    assert rows(one, "window", "category", "band") == [("2024Q1", "theft", "10-19"), ("period", "theft", "10-19")]
    assert both.empty


def test_community_numbers_are_rounded(world, release_of):
    release = release_of(world)
    numbers = release.tables["numbers"]
    assert rows(numbers.query("window == 'period'"), "theme", "reports", "unplaced_percent") == [
        ("cooperation", 10, 0),
        ("crime", 100, 5),
        ("tension", 30, 0),
    ]
    assert (numbers["reports"] % 10 == 0).all()
    assert numbers.query("window != 'period'")["unplaced_percent"].isna().all()
    assert len(numbers) == 3 * (1 + len(release.facts.quarters))


def test_community_facts(world, release_of):
    facts = release_of(world).facts
    assert facts.verdicts == {"crime": "found", "tension": "found", "cooperation": "too few to tell"}
    assert facts.is_withheld == {"crime": True, "tension": True, "cooperation": False}
    assert (facts.minimum_count, facts.minimum_count_sensitive, facts.minimum_residents) == (5, 10, 100)
    assert (facts.date_from, facts.date_to) == ("2024-01-01", "2025-11-15")
    assert (facts.public_from, facts.public_to) == ("2024-01-01", "2025-09-30")
    assert facts.quarters == ("2024Q3", "2024Q4", "2025Q1", "2025Q2", "2025Q3")
    assert (facts.smallest_count, facts.percent_at_minimum, facts.loosened) == (None, None, ())
    assert facts.missing_layers == ("river", "intake", "gate", "spring", "forest", "road", "crossing", "meeting_place")


def test_only_the_latest_quarters_are_told(world, release_of):
    release = release_of(world, policy=Policy(most_quarters=2))
    assert release.facts.quarters == ("2025Q2", "2025Q3")
    for name in ("cells", "totals", "numbers"):
        assert set(release.tables[name]["window"]) <= {"period", "2025Q2", "2025Q3"}


def test_what_happened_after_the_last_whole_quarter_is_not_public_yet(world, release_of, reports_of, cell_at):
    reports = reports_of({("theft", cell_at(5, 5)): 9, ("fraud", cell_at(1, 1), "2024Q1"): 6})
    is_late = reports["incidents"]["category"] == "theft"
    for name in ("date_start", "date_end"):
        reports["incidents"].loc[is_late, name] = pd.Timestamp("2025-10-20")
    community, police = (release_of(world, audience, **reports) for audience in ("community", "police"))
    assert set(community.tables["cells"]["cell_id"]) == {cell_at(1, 1)}
    assert community.tables["numbers"].query("theme == 'crime' and window == 'period'")["reports"].tolist() == [10]
    assert police.tables["numbers"].query("theme == 'crime' and window == 'period'")["reports"].tolist() == [15]


def test_a_cell_with_few_residents_is_never_told_alone(world, release_of):
    cells = world["cells"]
    few = cells.assign(residents=cells["residents"].mask(cells["cell_id"] == "E503N4764", 99.0))
    found = release_of(world, cells=few).tables
    assert "E503N4764" not in set(found["cells"].query("theme == 'crime'")["cell_id"])
    assert rows(found["hotspots"], "theme", "at_least") == [("crime", 10), ("tension", 5)]


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
    assert release.facts.verdicts["crime"] == "found"
    assert release.facts.is_withheld["crime"]


def test_an_area_of_hidden_squares_is_shown_if_each_could_hold_nothing(world, release_of, reports_of, hotspots_of, cell_at):
    """Three hidden squares with five at least: two of them can hold it. Two hidden squares: neither could be none."""
    area = [cell_at(column, 5) for column in (3, 4, 5, 6)]
    # Two cells that are told keep the squares of sixteen around them from being hidden as one.
    reports = reports_of(
        {**{("theft", cell): 3 for cell in (area[0], area[1], area[3])}, ("theft", cell_at(0, 6)): 9, ("theft", cell_at(5, 7)): 9}
    )
    shown = release_of(world, **reports, hotspots=hotspots_of(world["cells"], {"crime": area})).tables["hotspots"]
    assert rows(shown, "at_least") == [(5,)]
    assert release_of(world, **reports, hotspots=hotspots_of(world["cells"], {"crime": area[:3]})).tables["hotspots"].empty


def test_numbers_of_areas_have_no_gap_where_one_is_withheld(world, release_of, reports_of, hotspots_of, cell_at):
    spots = {"crime": [cell_at(1, 9), cell_at(5, 5), cell_at(8, 5), cell_at(2, 2)]}
    reports = reports_of({("theft", cell_at(1, 9)): 9, ("theft", cell_at(8, 5)): 30, ("theft", cell_at(2, 2)): 12})
    support = {"crime": {cell_at(1, 9): 0.8, cell_at(5, 5): 0.1, cell_at(2, 2): 0.5}}
    found = hotspots_of(world["cells"], spots, support=support)
    hotspots = release_of(world, **reports, hotspots=found).tables["hotspots"]
    assert rows(hotspots, "hotspot_id", "at_least", "support") == [
        ("1", 5, "mostly"),
        ("2", 20, "nearly always"),
        ("3", 10, "sometimes"),
    ]


def test_the_community_sees_no_area_with_few_reports(world, release_of, hotspots_of, cell_at):
    cold = hotspots_of(world["cells"], {}, {"crime": [cell_at(3, 3)]})
    release = release_of(world, hotspots=cold)
    assert release.tables["hotspots"].empty
    assert (release.facts.verdicts["crime"], release.facts.is_withheld["crime"]) == ("found", True)


def test_too_few_to_tell_is_said(world, release_of):
    few = world["hotspots"].assign(hotspot="too few to tell")
    release = release_of(world, hotspots=few)
    assert release.facts.verdicts == dict.fromkeys(("crime", "tension", "cooperation"), "too few to tell")
    assert release.tables["hotspots"].empty


def test_a_higher_threshold_hides_more(world, release_of):
    strict = release_of(world, policy=Policy(minimum_count=10, minimum_count_sensitive=25)).tables
    assert rows(strict["cells"].query("theme == 'crime' and window == 'period'"), "cell_id", "band") == [
        ("E503N4763", "10-19"),
        ("E503N4764", "20+"),
        ("E506N4762", "10-19"),
    ]
    assert "drugs" not in set(strict["totals"]["category"])


def test_lower_thresholds_are_said_with_who_allowed_them(world, release_of, cell_at):
    cells = world["cells"]
    few = cells.assign(residents=cells["residents"].mask(cells["cell_id"] == cell_at(8, 8), 60.0))
    signed = Policy(minimum_residents=50, signed_off_by=("A, police", "B, women's committee"), reason="villages of sixty")
    assert cell_at(8, 8) not in set(release_of(world, cells=few).tables["cells"]["cell_id"])
    release = release_of(world, cells=few, policy=signed)
    assert cell_at(8, 8) in set(release.tables["cells"]["cell_id"])
    assert release.facts.loosened == (
        "minimum_residents 50 instead of 100, signed off by A, police and B, women's committee: villages of sixty",
    )


def test_the_community_is_told_less_where_the_study_says_so(world, release_of):
    def release(**geography):
        return release_of(world, policy=Policy(most_quarters=5, geography={"community": geography}))

    quiet = release(A="nowhere")
    assert "drugs" not in set(quiet.tables["totals"]["category"])
    assert quiet.tables["numbers"].query("theme == 'crime' and window == 'period'")["reports"].tolist() == [70]
    assert rows(quiet.tables["cells"], "theme", "window", "cell_id") == rows(
        release_of(world).tables["cells"], "theme", "window", "cell_id"
    )
    unmapped = release(B="study")
    assert unmapped.tables["cells"].empty
    assert unmapped.tables["hotspots"].empty
    assert {"theft", "drugs"} <= set(unmapped.tables["totals"]["category"])


def test_somebody_who_reported_rarely_is_not_named(world, release_of):
    names = world["incidents"]["reported_by"].where(np.arange(len(world["incidents"])) > 3, "outside")
    release = release_of(world, incidents=world["incidents"].assign(reported_by=names))
    assert release.facts.reported_by == ("Norvia", "Selmar", "community")
    assert "outside" in release_of(world, "police", incidents=world["incidents"].assign(reported_by=names)).facts.reported_by


# what is out already


def test_what_is_out_stays_as_it_was_and_late_reports_are_told_when_reported(world, release_of, reports_of, out_after, cell_at):
    counts = {("theft", cell_at(1, 1), "2024Q1"): 6, ("theft", cell_at(2, 2), "2024Q1"): 4}
    first_world = {**world, **reports_of(counts), "date_to": date(2024, 6, 30)}
    first = release_of(first_world)
    late = reports_of({**counts, ("fraud", cell_at(2, 2), "2024Q1"): 5, ("fraud", cell_at(3, 3), "2024Q1"): 5})
    is_late = late["incidents"]["category"] == "fraud"
    in_third = late["placed"]["cell_id"] == cell_at(3, 3)
    late["incidents"].loc[is_late, "date_reported"] = pd.Timestamp("2024-08-01")
    late["incidents"].loc[is_late & in_third, "date_reported"] = pd.Timestamp("2024-11-01")
    second = release_of({**world, **late, "date_to": date(2024, 12, 31)}, published=out_after(first, first_world))
    assert rows(second.tables["cells"], "window", "cell_id", "band") == [
        ("2024Q1", cell_at(1, 1), "5-9"),
        ("2024Q3", cell_at(2, 2), "5-9"),
        ("2024Q4", cell_at(3, 3), "5-9"),
        ("period", cell_at(1, 1), "5-9"),
    ]
    assert (second.facts.public_to, second.facts.date_to) == ("2024-06-30", "2024-12-31")


def test_an_area_says_no_more_than_the_squares_of_a_period_that_stands(
    world, release_of, reports_of, hotspots_of, out_after, cell_at
):
    spots = {"hotspots": hotspots_of(world["cells"], {"crime": [cell_at(1, 1)]})}
    first_world = {**world, **spots, **reports_of({("theft", cell_at(1, 1), "2024Q1"): 9}), "date_to": date(2024, 6, 30)}
    published = out_after(release_of(first_world), first_world)
    more = reports_of({("theft", cell_at(1, 1), "2024Q1"): 9, ("fraud", cell_at(1, 1), "2024Q2"): 30})
    for date_to, band, at_least in ((date(2024, 12, 31), "5-9", 5), (date(2025, 6, 30), "20+", 20)):
        found = release_of({**world, **spots, **more, "date_to": date_to}, published=published).tables
        assert rows(found["cells"].query("window == 'period'"), "band") == [(band,)]
        assert rows(found["hotspots"], "at_least") == [(at_least,)]


def test_a_report_struck_out_later_stays_in_what_is_told_of_the_period(world, release_of, reports_of, out_after, cell_at):
    """Else the renewed period, less the quarter that is out, would say where it was."""
    counts = {("theft", cell_at(1, 1), "2024Q1"): 5, ("theft", cell_at(1, 1), "2024Q2"): 5, ("theft", cell_at(4, 4), "2024Q2"): 4}
    first_world = {**world, **reports_of(counts), "policy": Policy(), "date_to": date(2024, 6, 30)}
    published = out_after(release_of(first_world), first_world)
    fewer = {name: frame.iloc[7:].reset_index(drop=True) for name, frame in reports_of(counts).items()}
    for date_to in (date(2024, 12, 31), date(2025, 6, 30)):
        found = release_of({**world, **fewer, "policy": Policy(), "date_to": date_to}, published=published)
        assert found.facts.public_to == ("2024-06-30" if date_to.year == 2024 else "2025-06-30")
        assert rows(found.tables["cells"], "window", "cell_id", "band") == [
            ("2024Q1", cell_at(1, 1), "5-9"),
            ("2024Q2", cell_at(1, 1), "5-9"),
            ("period", cell_at(1, 1), "10-19"),
        ]
        assert found.tables["numbers"].query("theme == 'crime' and window == 'period'")["reports"].tolist() in ([10], [20])


# the police and researchers


@pytest.mark.parametrize("audience", ["police", "research"])
def test_internal_counts_are_exact_and_hold_no_sealed_report(world, release_of, audience, usual_counts):
    cells = release_of(world, audience).tables["cells"]
    sealed = ("domestic_violence", "recruitment")
    unsealed = sum(n for (category, cell, *_), n in usual_counts.items() if category not in sealed and cell)
    assert cells["count"].sum() == unsealed
    at = cells.set_index(["theme", "cell_id"])
    assert at.loc[("crime", "E503N4763"), ["count", "band", "hotspot"]].tolist() == [24, "20+", "hot"]
    assert at.loc[("crime", "E500N4769"), ["count", "hotspot"]].tolist() == [0, "cold"]
    assert at.loc[("tension", "E504N4764"), ["count", "hotspot"]].tolist() == [7, "hot"]


@pytest.mark.parametrize("audience", ["police", "research"])
def test_internal_quarters_are_exact_and_add_up(world, release_of, audience):
    release = release_of(world, audience, policy=Policy())
    quarters, cells = release.tables["quarters"], release.tables["cells"]
    at = quarters.set_index(["theme", "window", "cell_id"])["count"]
    assert at["crime", "2025Q2", "E502N4766"] == 6 + 11
    assert at["tension", "2024Q3", "E511N4761"] == 9
    sums = quarters.groupby(["theme", "cell_id"])["count"].sum()
    assert sums.to_dict() == cells[cells["count"] > 0].set_index(["theme", "cell_id"])["count"].to_dict()
    assert set(quarters["window"]) <= set(release.facts.quarters)
    assert release.facts.smallest_count == quarters["count"].min()
    assert release.facts.percent_at_minimum == round(100 * (quarters["count"] >= 5).mean())
    assert (release.facts.public_from, release.facts.public_to) == ("2024-01-01", "2025-11-15")


def test_internal_verdicts_do_not_show_where_sealed_reports_are(world, release_of, cell_at):
    release = release_of(world, "police")
    assert cell_at(1, 1) not in set(release.tables["cells"]["cell_id"])
    assert release.facts.is_withheld == {"crime": True, "tension": False, "cooperation": False}
    assert rows(release.tables["hotspots"], "theme", "hotspot_id", "kind", "support") == [
        ("crime", "1", "hot", "sometimes"),
        ("crime", "2", "hot", "nearly always"),
        ("crime", "3", "cold", "mostly"),
        ("tension", "1", "hot", "mostly"),
    ]


def test_expected_counts_are_of_the_reports_that_are_counted(world, release_of):
    hotspots = world["hotspots"].assign(expected=1.0)
    cells = release_of(world, "research", hotspots=hotspots).tables["cells"].query("theme == 'crime'")
    assert cells["expected"].to_numpy() == pytest.approx(cells["count"].sum() / len(world["cells"]))


def test_internal_numbers_are_exact(world, release_of):
    numbers = release_of(world, "police").tables["numbers"]
    assert rows(numbers.query("window == 'period'"), "theme", "reports", "unplaced_percent") == [
        ("cooperation", 7, 0),
        ("crime", 101, 5),
        ("tension", 34, 0),
    ]


def test_police_points_say_what_and_when_but_not_who(world, release_of, usual_counts):
    points = release_of(world, "police").tables["points"]
    sealed = ("domestic_violence", "recruitment")
    assert len(points) == sum(n for (category, cell, *_), n in usual_counts.items() if category not in sealed and cell)
    assert not {"domestic_violence", "recruitment"} & set(points["category"])
    assert points["category"].is_monotonic_increasing or points["theme"].is_monotonic_increasing
    assert set(points.columns) == set(RELEASE_TABLES["police"]["points"].column_names)


def test_points_say_which_source_told_them_and_the_community_is_told_of_none(world, release_of):
    incidents = world["incidents"]
    of_reporter = {"Norvia": "register_norvia", "Selmar": "register_selmar", "community": "kobo_community"}
    told = incidents.assign(source=incidents["reported_by"].map(of_reporter))
    points = release_of(world, "police", incidents=told).tables["points"]
    assert points["source"].tolist() == points["reported_by"].map(of_reporter).tolist()
    assert points["source"].nunique() == 3
    for audience in ("community", "research"):
        assert not any("source" in frame for frame in release_of(world, audience).tables.values())


def test_sensitive_points_stay_in_the_house_where_the_study_says_so(world, release_of):
    release = release_of(world, "police", policy=Policy(geography={"police": {"A": "cell"}}))
    assert not {"drugs", "weapons", "youth_violence"} & set(release.tables["points"]["category"])
    full = release_of(world, "police")
    pd.testing.assert_frame_equal(release.tables["cells"], full.tables["cells"])
    assert {"drugs", "weapons", "youth_violence"} <= set(full.tables["points"]["category"])


# every audience


@pytest.mark.parametrize("audience", AUDIENCES)
def test_a_study_without_reports_has_empty_tables_in_its_crs(world, release_of, reports_of, audience):
    incidents, placed = (world[name].iloc[:0] for name in ("incidents", "placed"))
    release = release_of(world, audience, incidents=incidents, placed=placed, hotspots=world["hotspots"].iloc[:0])
    for name, table in RELEASE_TABLES[audience].items():
        assert release.tables[name].empty == (name not in ("grid", "numbers", "meetings", "concerns", "actions"))
        if table.geometry:
            assert release.tables[name].crs == world["cells"].crs
    assert set(release.tables["numbers"]["reports"]) == {0}
    assert release.facts.smallest_count is None
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


@pytest.mark.parametrize("audience", AUDIENCES)
def test_meetings_are_told_until_the_last_day_of_the_study(world, release_of, audience):
    """By their villages and places in the background: nothing is told of a study without either."""
    release = release_of(world, audience)
    assert release.facts.data_as_of == "2025-11-20"
    assert rows(release.tables["meetings"], "settlement_id", "kind") == [("v1", "reporting_day"), ("v3", "public_council")]
    inside = [] if audience == "community" else ["drugs"]
    assert release.tables["concerns"]["category"].tolist() == ["irrigation_dispute", *inside, "theft"]
    assert rows(release.tables["actions"], "what", "status", "place_id", "change") == [
        ("repair", "done", "r1", "fewer"),
        ("information", "agreed", np.nan, np.nan),
        ("patrol", "agreed", "s1", np.nan),
    ]
    bare = release_of(world, audience, settlements=world["settlements"].iloc[:0])
    assert all(bare.tables[name].empty for name in ("meetings", "concerns", "actions"))


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
        release_of(world, audience, study="Made Anew")
    for name, frame in before.items():
        pd.testing.assert_frame_equal(world[name], frame)
