"""Canals as a graph: a main canal with a branch, worked out by hand."""

import datetime as dt

import geopandas as gpd
import networkx as nx
import pandas as pd
import pytest
from shapely.affinity import translate
from shapely.geometry import LineString, MultiLineString, Point, box

from tensionmap import tables
from tensionmap.link.canals import canal_graph, canal_sections

CRS = "EPSG:32626"
DAY = dt.date(2025, 1, 1)
MAIN = LineString([(0, 0), (3000, 0), (6000, 0)])
BRANCH = LineString([(3010, -10), (3010, 3000)])
LATERAL = LineString([(3020, 2990), (1000, 3005)])

NORVIA = ("n", "Norvia", box(-100, -100, 4000, 5000))
SELMAR = ("s", "Selmar", box(3900, -100, 9000, 5000))


def resources(**shapes):
    kinds = {"i": "intake", "g": "gate", "c": "canal", "p": "spring"}
    frame = pd.DataFrame({"resource_id": list(shapes), "kind": [kinds[name[0]] for name in shapes], "name": None})
    frame[["season_from", "season_to"]] = pd.NA
    return tables.check(gpd.GeoDataFrame(frame, geometry=list(shapes.values()), crs=CRS), tables.RESOURCES)


def claims(*areas):
    columns = {
        "claim_id": [a[0] for a in areas],
        "claimant": [a[1] for a in areas],
        "kind": "area",
        "status": "claimed",
        "source": "survey",
    }
    frame = gpd.GeoDataFrame(columns, geometry=[a[2] for a in areas], crs=CRS)
    return tables.check(frame.assign(date_from=pd.NaT, date_to=pd.NaT), tables.CLAIMS)


NETWORK = resources(
    c_main=MAIN,
    c_branch=BRANCH,
    c_lateral=LATERAL,
    i_head=Point(5, 5),
    g_two=Point(4500, 8),
    g_branch=Point(3010, 100),
    p_far=Point(0, 9),
)


def sections(network=NETWORK, areas=(), **options):
    table, notes = canal_sections(network, claims(*areas), day=DAY, **options)
    assert tables.check(table, tables.CANAL_SECTIONS).equals(table)
    return table.set_index(["resource_id", "section"]), " ".join(notes)


def test_canals_are_cut_at_junctions_and_gates():
    table, notes = sections()
    assert table.index.tolist() == [
        ("c_branch", 1), ("c_branch", 2), ("c_lateral", 1), ("c_main", 1), ("c_main", 2), ("c_main", 3)
    ]  # fmt: skip
    assert table.length.sum() == pytest.approx(MAIN.length + BRANCH.length + LATERAL.length)
    assert table.loc[("c_main", 2), "geometry"].coords[0] == pytest.approx((3010, 0))
    assert notes == ""


def test_metres_from_the_intake_along_the_canals():
    table, _ = sections()
    assert set(table["intake_id"]) == {"i_head"}
    assert table.loc["c_main", "from_intake_m"].tolist() == pytest.approx([0, 3010, 4500])
    assert table.loc["c_branch", "from_intake_m"].tolist() == pytest.approx([3010, 3120])
    assert table.loc[("c_lateral", 1), "from_intake_m"] == pytest.approx(3010 + 3010)


def test_head_middle_and_tail_are_thirds_of_the_longest_way():
    table, _ = sections()
    assert table.loc["c_main", "position"].tolist() == ["head", "middle", "middle"]
    assert table.loc["c_branch", "position"].tolist() == ["middle", "middle"]
    assert table.loc["c_lateral", "position"].tolist() == ["tail"]


def test_gates_upstream():
    table, _ = sections()
    passed = table["gates_upstream"].fillna("")
    assert passed.loc["c_main"].tolist() == ["", "", "g_two"]
    assert passed.loc["c_branch"].tolist() == ["", "g_branch"]
    assert passed.loc["c_lateral"].tolist() == ["g_branch"]
    below_both, _ = sections(resources(c=MAIN, g_b=Point(1000, 0), g_a=Point(2000, 0)))
    assert below_both["gates_upstream"].fillna("").tolist() == ["", "g_b", "g_a|g_b"]


def test_whose_areas_it_runs_through():
    table, _ = sections(areas=[NORVIA, SELMAR])
    crossed = table["crosses_claims"].fillna("")
    assert crossed.loc["c_main"].tolist() == ["", "Norvia > Norvia + Selmar > Selmar", ""]
    assert crossed.loc["c_lateral"].tolist() == [""]
    upstream, _ = sections(resources(c=MAIN.reverse()), areas=[NORVIA, SELMAR])
    assert upstream["crosses_claims"].tolist() == ["Selmar > Norvia + Selmar > Norvia"]
    assert sections()[0]["crosses_claims"].isna().all()


def test_a_claim_that_does_not_stand_on_the_day():
    areas = claims(NORVIA, SELMAR).assign(date_from=pd.Timestamp("2025-01-02"))
    table, _ = canal_sections(NETWORK, areas, day=DAY)
    assert table["crosses_claims"].isna().all()


def test_without_an_intake_it_is_measured_from_the_top_and_told():
    table, notes = sections(resources(c=MAIN, i_far=Point(0, 500)))
    assert table["intake_id"].isna().all()
    assert table["from_intake_m"].tolist() == [0]
    assert "1 of kind intake lie more than 30 m from every canal: i_far" in notes
    assert "No intake is known for the canals c" in notes


def test_an_intake_midway_feeds_what_lies_below():
    table, _ = sections(resources(c=MAIN, i_mid=Point(2000, 0)))
    assert table["intake_id"].fillna("").tolist() == ["", "i_mid"]
    assert table["from_intake_m"].tolist() == [0, 0]


def test_gaps_wider_than_the_tolerance_stay_open():
    assert nx.number_weakly_connected_components(canal_graph(NETWORK, tolerance_m=30)) == 1
    assert nx.number_weakly_connected_components(canal_graph(NETWORK, tolerance_m=1)) == 3


def test_a_circle_has_no_beginning():
    table, _ = sections(resources(c=LineString([(0, 0), (900, 0), (900, 900), (0, 900), (0, 0)])))
    assert table[["from_intake_m", "position", "intake_id"]].isna().all(axis=None)


def test_a_canal_in_several_pieces():
    table, _ = sections(resources(c=MultiLineString([[(0, 0), (900, 0)], [(900, 0), (900, 900)]])))
    assert table.index.tolist() == [("c", 1), ("c", 2)]
    assert table["from_intake_m"].tolist() == [0, 900]


def test_no_canals():
    table, notes = canal_sections(tables.empty(tables.RESOURCES, CRS), claims(), day=DAY)
    assert tables.check(table, tables.CANAL_SECTIONS).empty
    assert notes == ()


def test_order_and_place_do_not_matter():
    plain, _ = sections()
    mixed, _ = sections(NETWORK.sample(frac=1, random_state=2))
    pd.testing.assert_frame_equal(plain, mixed)
    moved, _ = sections(NETWORK.assign(geometry=[translate(shape, 7000, -300) for shape in NETWORK.geometry]))
    assert moved["from_intake_m"].to_numpy() == pytest.approx(plain["from_intake_m"].to_numpy())


def test_two_intakes_equally_near():
    arms = {
        "c_a": LineString([(0, 0), (900, 0)]),
        "c_b": LineString([(1800, 0), (900, 0)]),
        "c_c": LineString([(900, 0), (900, 9)]),
    }
    network = resources(i_a=Point(0, 0), i_b=Point(1800, 0), **arms)
    forth, back = sections(network, tolerance_m=1)[0], sections(network.iloc[::-1], tolerance_m=1)[0]
    assert forth["intake_id"].tolist() == back["intake_id"].tolist() == ["i_a", "i_b", "i_a"]
