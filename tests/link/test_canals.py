"""Canals as a graph: a main canal with a branch, worked out by hand."""

import datetime as dt

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.affinity import translate
from shapely.geometry import LineString, MultiLineString, Point, box

from tensionmap import tables
from tensionmap.errors import GeometryError
from tensionmap.link.canals import along_lines, canal_graph, canal_sections

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


def points(*places):
    return pd.DataFrame(places, columns=["easting", "northing"], dtype=float)


def along(*shapes, cells=((0, 0),), **options):
    return along_lines(gpd.GeoSeries(list(shapes), crs=CRS), points(*cells), **options)


class TestAlongLines:
    @pytest.mark.parametrize("change", [{"step_m": 0}, {"within_m": -1}, {"tolerance_m": float("nan")}, {"step_m": float("inf")}])
    def test_distances_that_are_none(self, change):
        with pytest.raises(GeometryError, match="distances in metres"):
            along(MAIN, **change)

    def test_other_shapes_and_other_systems(self):
        with pytest.raises(GeometryError, match="something else than lines"):
            along(MAIN, Point(0, 0))
        with pytest.raises(GeometryError, match="not a projected CRS in metres"):
            along_lines(gpd.GeoSeries([MAIN], crs="EPSG:4326"), points((0, 0)))
        cells = gpd.GeoDataFrame(points((0, 0)), geometry=[Point(0, 0)], crs="EPSG:32627")
        with pytest.raises(GeometryError, match="cannot be compared"):
            along_lines(gpd.GeoSeries([MAIN], crs=CRS), cells)

    def test_a_main_canal_with_a_branch_by_hand(self):
        # The branch touches the main canal at 3010 m: 3010 = 4 x 752.5, 2990 = 3 x 996.67, 3010 = 4 x 752.5.
        cells = [(0, 0), (370, 900), (380, 999), (3400, 400), (3500, 400), (6100, 1100), (3900, 2000)]
        found = along(MAIN, BRANCH, cells=cells)
        assert found.edges.shape == (11, 2)
        assert sorted(found.lengths_m.round(2)) == [752.5] * 8 + [996.67] * 3
        assert found.easting.size == found.northing.size == 12
        at = [(found.easting[n], found.northing[n]) if n >= 0 else None for n in found.node_of_cell]
        assert at[0] == (0, 0)
        assert at[1] == pytest.approx((0, 0))
        assert at[2] == pytest.approx((752.5, 0))
        assert at[3] == pytest.approx((3010, 742.5), abs=1)
        assert at[4] == pytest.approx((3010, 0), abs=10)
        assert at[5] is None
        assert at[6] == pytest.approx((3010, 2247.5), abs=1)
        assert (np.lexsort((found.easting, found.northing)) == np.arange(12)).all()

    def test_pieces_point_downstream_and_are_as_long_as_the_lines(self):
        table, _ = canal_sections(NETWORK, claims(), day=DAY)
        found = along_lines(table.geometry, points(), step_m=400)
        assert found.lengths_m.max() <= 400
        assert found.lengths_m.sum() == pytest.approx(table.length.sum())
        graph = nx.DiGraph(found.edges.tolist())
        assert nx.number_weakly_connected_components(graph) == 1
        assert nx.is_directed_acyclic_graph(graph)
        top = next(node for node, count in graph.in_degree() if count == 0)
        assert (found.easting[top], found.northing[top]) == pytest.approx((0, 0), abs=10)
        assert found.node_of_cell.size == 0

    def test_lines_that_cross_meet_only_at_a_vertex_of_both(self):
        bridge = LineString([(1500, -900), (1500, 900)])
        crossing = LineString([(1500, -900), (1500, 0), (1500, 900)])
        road = LineString([(0, 0), (1500, 0), (3000, 0)])
        graphs = [nx.Graph(along(road, other, step_m=500).edges.tolist()) for other in (bridge, crossing)]
        apart, joined = (nx.number_connected_components(graph) for graph in graphs)
        assert (apart, joined) == (2, 1)

    def test_a_cell_belongs_to_the_line_it_lies_at(self):
        # 400 m from the first line, 600 m from the second, whose node is nearer than those of the first.
        found = along(LineString([(0, 0), (4000, 0)]), LineString([(2000, 1000), (2000, 1500)]), cells=[(2000, 400)], step_m=4000)
        node = found.node_of_cell[0]
        assert (found.easting[node], found.northing[node]) == (0, 0)

    def test_circles_and_doubles(self):
        circle = LineString([(0, 0), (90, 0), (90, 90), (0, 90), (0, 0)])
        found = along(circle, circle.reverse(), circle)
        assert found.lengths_m.tolist() == [180, 180]
        assert (found.edges[:, 0] != found.edges[:, 1]).all()

    def test_nothing(self):
        for lines in ([], [None, LineString()]):
            found = along(*lines, cells=[(0, 0), (5, 5)])
            assert found.edges.shape == (0, 2)
            assert found.lengths_m.size == found.easting.size == found.northing.size == 0
            assert found.node_of_cell.tolist() == [-1, -1]

    @settings(max_examples=30, deadline=None)
    @given(st.integers(0, 2**32 - 1))
    def test_neither_order_nor_place_matters_and_every_near_cell_is_near(self, seed):
        random = np.random.default_rng(seed)
        lines = [LineString(random.integers(0, 40, (random.integers(2, 5), 2)) * 100.0) for _ in range(random.integers(1, 8))]
        lines = [line for line in lines if line.length > 0]
        cells = random.integers(-20, 60, (30, 2)) * 100.0
        options = {"step_m": 250.0, "within_m": 300.0, "tolerance_m": 5.0}
        found = along(*lines, cells=cells, **options)
        again = along(*(lines[place] for place in random.permutation(len(lines))), cells=cells, **options)
        assert all(one.tobytes() == other.tobytes() for one, other in zip(found, again, strict=True))

        metres = gpd.GeoSeries(gpd.points_from_xy(*cells.T)).distance(MultiLineString(lines)).to_numpy()
        assert ((found.node_of_cell >= 0) == (metres <= 300)).all()
        node = found.node_of_cell[metres <= 300]
        away = np.hypot(found.easting[node] - cells[metres <= 300, 0], found.northing[node] - cells[metres <= 300, 1])
        assert (away <= np.hypot(metres[metres <= 300], 125) + 250).all()
        courses = {min(line.wkt, line.reverse().wkt): line.length for line in lines}
        assert found.lengths_m.sum() == pytest.approx(sum(courses.values()))
        assert set(found.edges.ravel()) == set(range(found.easting.size))
