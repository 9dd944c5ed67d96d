"""OpenStreetMap: its own files and layers exported from it give the same canals, roads and villages."""

import os
import struct
from pathlib import Path

import geopandas as gpd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from shapely.geometry import LineString, Point, box

from tensionmap.errors import RawDataError
from tensionmap.ingest.osm import TAGS, parse_tags, recognise, tag
from tensionmap.ingest.resources import read_resources
from tensionmap.ingest.services import read_services, read_settlements
from tensionmap.ingest.vectors import is_osm, vector_layers

HOW = {"source": "osm", "file": "valley.osm", "crs": "EPSG:32626", "area": (-27.2, 42.9, -26.8, 43.1)}

NODES = {1: (43.00, -27.00), 2: (43.01, -27.01), 3: (43.02, -27.02), 4: (43.03, -27.00), 5: (43.01, -27.00), 6: (43.00, -27.01)}
NODES |= {7: (43.00, -27.02), 8: (50.0, 10.0), 9: (50.1, 10.0)}
OF_NODES = {
    1: {
        "place": "village",
        "name": "Оррин",
        "name:en": "Orrin",
        "name:tg": "Оррини",
        "alt_name": "Orin;Orrinabad",
        "population": "1 200",
    },
    4: {"natural": "spring", "name": 'Old "Upper" \\ spring, cold', "seasonal": "winter;spring"},
    6: {"barrier": "border_control"},
    7: {"highway": "crossing"},
}
RING = [2, 3, 5, 2]
WAYS = {
    10: ([2, 3], {"waterway": "ditch", "intermittent": "yes", "name": 'Аҳмад "2"'}),
    11: (RING, {"landcover": "trees"}),
    12: (RING, {"highway": "residential", "name": "Ring road"}),
    13: (RING, {"amenity": "police", "building": "yes"}),
    14: ([2, 3], {"waterway": "weir"}),
    15: (RING, {}),
    16: (RING, {"place": "village", "name": "Тавеш"}),
    17: ([2, 3], {"highway": "construction"}),
    18: ([8, 9], {"waterway": "river", "highway": "track"}),
    19: (RING, {"boundary": "administrative", "admin_level": "6", "name": "Upper"}),
}


def escaped(text):
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")


def as_xml(path):
    def tags(of):
        return "".join(f'<tag k="{escaped(k)}" v="{escaped(v)}"/>' for k, v in of.items())

    nodes = "".join(f'<node id="{n}" lat="{y}" lon="{x}">{tags(OF_NODES.get(n, {}))}</node>' for n, (y, x) in NODES.items())
    steps = {n: "".join(f'<nd ref="{ref}"/>' for ref in refs) for n, (refs, _) in WAYS.items()}
    ways = "".join(f'<way id="{n}">{steps[n]}{tags(of)}</way>' for n, (_, of) in WAYS.items())
    member = '<relation id="20"><member type="way" ref="15" role="outer"/>'
    relation = f"{member}{tags({'type': 'multipolygon', 'landuse': 'meadow'})}</relation>"
    path.write_text(f'<?xml version="1.0"?><osm version="0.6">{nodes}{ways}{relation}</osm>', encoding="utf-8")
    return path


def varint(number):
    out = b""
    while number > 127:
        out, number = out + bytes([number & 127 | 128]), number >> 7
    return out + bytes([number])


def field(number, value):
    """One field of a protocol buffer: bytes with their length, or a whole number."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def zigzag(number):
    return varint(number << 1 if number >= 0 else -number * 2 - 1)


def as_pbf(path):
    """The same valley as .osm.pbf, uncompressed (https://wiki.openstreetmap.org/wiki/PBF_Format)."""
    texts = [""]

    def at(text):
        if text not in texts:
            texts.append(text)
        return texts.index(text)

    def tags(of):
        return (
            field(2, b"".join(varint(at(k)) for k in of)) + field(3, b"".join(varint(at(v)) for v in of.values())) if of else b""
        )

    def number(n, value):
        return varint(n << 3) + zigzag(value)

    nodes = b"".join(
        field(1, number(1, n) + tags(OF_NODES.get(n, {})) + number(8, round(y * 1e7)) + number(9, round(x * 1e7)))
        for n, (y, x) in NODES.items()
    )
    ways = b""
    for n, (refs, of) in WAYS.items():
        steps = b"".join(zigzag(b - a) for a, b in zip([0, *refs], refs, strict=False))
        ways += field(3, field(1, n) + tags(of) + field(8, steps))
    of_relation = tags({"type": "multipolygon", "landuse": "meadow"})
    members = field(8, varint(at("outer"))) + field(9, zigzag(15)) + field(10, varint(1))
    relation = field(4, field(1, 20) + of_relation + members)
    strings = field(1, b"".join(field(1, text.encode()) for text in texts))
    header = field(4, b"OsmSchema-V0.6")
    blocks = [(b"OSMHeader", header), (b"OSMData", strings + field(2, nodes) + field(2, ways) + field(2, relation))]
    content = b""
    for kind, block in blocks:
        blob = field(1, block) + field(2, len(block))
        head = field(1, kind) + field(3, len(blob))
        content += struct.pack(">I", len(head)) + head + blob
    path.write_bytes(content)
    return path


@pytest.fixture(params=["osm", "osm.pbf"])
def valley(request, tmp_path):
    return (as_xml if request.param == "osm" else as_pbf)(tmp_path / f"valley.{request.param}")


def rows(kept, *columns):
    return kept.table[list(columns)].astype("object").where(kept.table[list(columns)].notna(), None).to_numpy().tolist()


def test_nothing_of_a_kind_is_refused(tmp_path):
    path = tmp_path / "valley.osm"
    path.write_text('<osm version="0.6"><node id="1" lat="43" lon="-27"><tag k="amenity" v="bench"/></node></osm>')
    with pytest.raises(RawDataError, match="holds nothing for services: no feature has a tag barrier, amenity, highway"):
        read_services(path, **HOW)


@pytest.mark.parametrize("writer", [as_xml, as_pbf])
def test_a_file_that_was_cut_off(tmp_path, writer):
    path = writer(tmp_path / "valley.osm.pbf")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(RawDataError, match=r"damaged or was cut off|cannot be read as a map layer"):
        read_services(path, **HOW)


def test_water_pasture_and_forest(valley):
    assert is_osm(valley)
    kept = read_resources(valley, **HOW)
    assert rows(kept, "resource_id", "kind", "name", "season_from", "season_to") == [
        ["node/4", "spring", 'Old "Upper" \\ spring, cold', 12, 5],
        ["way/10", "canal", 'Аҳмад "2"', None, None],
        ["way/14", "gate", None, None, None],
        ["relation/20", "pasture", None, None, None],
        ["way/11", "forest", None, None, None],
    ]
    assert kept.table.geom_type.tolist() == ["Point", "LineString", "Point", "MultiPolygon", "MultiPolygon"]
    assert kept.left_out == 1
    assert any("6 features, 5 kept, 0 set aside, 1 farther than 10 km" in note for note in kept.notes)
    assert any("1 features have water, or are used, for a part of the year only" in note for note in kept.notes)
    assert any("1 gates, springs, posts and the like that are drawn as lines" in note for note in kept.notes)


def test_roads_and_services(valley):
    kept = read_services(valley, **HOW)
    assert (len(kept.set_aside), kept.left_out) == (0, 1)
    assert rows(kept, "service_id", "kind", "name") == [
        ["node/6", "crossing", None],
        ["way/12", "road", "Ring road"],
        ["way/13", "police_post", None],
    ]


def test_villages_with_every_spelling(valley):
    kept = read_settlements(valley, **HOW)
    columns = ("settlement_id", "name", "name_local", "alternatives", "kind", "residents", "district")
    assert rows(kept, *columns) == [
        ["node/1", "Orrin", "Оррин", "Orin|Orrinabad|Оррин|Оррини", "village", 1200, None],
        ["way/16", "Тавеш", None, None, "village", None, None],
    ]
    assert kept.table["precision_m"].tolist()[0] == 1000
    assert kept.table["precision_m"].tolist()[1] > 500


def test_layers_have_the_names_of_gdal(valley):
    assert vector_layers(valley, file="a") == ["points", "lines", "multilinestrings", "multipolygons", "other_relations"]


class TestExported:
    def layer(self, path, shapes, **columns):
        gpd.GeoDataFrame(columns, geometry=shapes, crs="EPSG:4326").to_file(path)
        return path

    def test_tags_as_columns(self, tmp_path):
        path = self.layer(
            tmp_path / "health.geojson",
            [Point(-27, 43), Point(-27, 43.01), Point(-27, 43.02), box(-27.01, 43, -27, 43.01)],
            amenity=["pharmacy", "police", None, "townhall;library"],
            name=["a", "Пост", "c", "Hall"],
            osm_id=[1, 2, 3, 4],
            osm_type=["nodes", "nodes", "nodes", "ways_poly"],
        )
        kept = read_services(path, **HOW)
        assert rows(kept, "service_id", "kind", "name") == [["node/2", "police_post", "Пост"], ["way/4", "meeting_place", "Hall"]]
        assert (len(kept.set_aside), kept.left_out) == (0, 2)
        assert any("its tags are those of OpenStreetMap; kinds were taken from them: 1 meeting_place" in n for n in kept.notes)
        assert kept.notes[-1].endswith(
            "4 features, 2 kept, 0 set aside, 0 farther than 10 km from the study area, 2 of other kinds."
        )

    def test_other_tags_and_numbers_of_overpass(self, tmp_path):
        line = LineString([(-27, 43), (-27.01, 43)])
        path = self.layer(
            tmp_path / "lines.gpkg",
            [line, line, line],
            other_tags=['"a"=>"x,\\"waterway\\"=>\\"river","waterway"=>"canal"', '"a\\\\"=>"1","waterway"=>"drain"', None],
            **{"@id": ["way/7", "way/8", "way/9"]},
        )
        kept = read_resources(path, **HOW)
        assert rows(kept, "resource_id", "kind") == [["way/7", "canal"], ["way/8", "canal"]]

    def test_kinds_that_the_user_names_come_first(self, tmp_path):
        line = LineString([(-27, 43), (-27.01, 43)])
        path = self.layer(tmp_path / "lines.geojson", [line], waterway=["ditch"], type=["river"])
        assert read_resources(path, columns={"kind": "type"}, **HOW).table["kind"].tolist() == ["river"]
        assert read_resources(path, values={"kind": "river"}, **HOW).table["kind"].tolist() == ["river"]
        assert read_resources(path, **HOW).table["kind"].tolist() == ["canal"]

    def test_a_column_of_the_same_name_is_no_tag(self, tmp_path):
        path = self.layer(tmp_path / "places.geojson", [Point(-27, 43)], name=["Orrin"], place=["by the river"])
        assert read_settlements(path, **HOW).table["kind"].tolist() == ["village"]

    def test_a_village_drawn_as_point_and_outline_is_one(self, tmp_path):
        shapes = [Point(-27.005, 43.005), box(-27.01, 43, -27, 43.01), box(-27.05, 43, -27.04, 43.01)]
        path = self.layer(tmp_path / "places.geojson", shapes, place=["village"] * 3, name=["Оррин", "Оррин", "Тавеш"])
        kept = read_settlements(path, **HOW)
        assert kept.table["name"].tolist() == ["Оррин", "Тавеш"]
        assert kept.left_out == 1
        assert any("1 outlines of places were left out" in note for note in kept.notes)

    def test_names(self, tmp_path):
        path = self.layer(
            tmp_path / "places.geojson",
            [Point(-27, 43)] * 4,
            place=["town", "hamlet", "city", "suburb"],
            name=["Тавеш", "Ulmek", "Беш", "x"],
            **{
                "int_name": [None, None, "Besh", None],
                "name:ky": ["Тавеш", "Үлмек", None, None],
                "addr:district": ["Upper", None, "", None],
            },
            population=["12.000", "about 90", "300", "4"],
        )
        kept = read_settlements(path, **HOW)
        assert rows(kept, "name", "name_local", "alternatives", "kind", "residents", "district") == [
            ["Тавеш", None, None, "town", 12000, "Upper"],
            ["Ulmek", None, "Үлмек", "village", None, None],
            ["Besh", "Беш", "Беш", "town", 300, None],
        ]


@example({'b"waterway': "river", "c": 'x","waterway"=>"river'})
@given(st.dictionaries(st.text('ab"\\,=> ', min_size=1, max_size=4), st.text('ab"\\,=> waterway', max_size=12), max_size=4))
def test_hstore_is_read_as_it_was_written(tags):
    def quoted(text):
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    cell = ",".join(f"{quoted(k)}=>{quoted(v)}" for k, v in {**tags, "waterway": "canal"}.items())
    assert parse_tags(cell) == {**tags, "waterway": "canal"}
    frame = gpd.GeoDataFrame({"other_tags": [cell]}, geometry=[Point(0, 0)])
    assert tag(frame, "waterway").tolist() == ["canal"]
    assert tag(frame, "highway").isna().all()


def test_every_kind_of_the_tables_can_come_from_a_tag():
    from tensionmap.tables import RESOURCE_KINDS, SERVICE_KINDS

    kinds = {table: {one.kind for one in tags} for table, tags in TAGS.items()}
    assert kinds == {"resources": set(RESOURCE_KINDS), "services": set(SERVICE_KINDS), "settlements": {"town", "village"}}


REAL = [Path(os.environ["TENSIONMAP_REAL_DATA"]) / "isfara-batken" / "raw"] if "TENSIONMAP_REAL_DATA" in os.environ else []


@pytest.mark.parametrize("raw", REAL)
def test_real_export_is_recognised(raw):
    points = gpd.read_file(raw / "health_points_kg.geojson")
    found = recognise(points, "services")
    assert found is not None
    assert found.frame["kind"].isna().all()
    how = {"source": "health", "file": "health", "crs": "EPSG:32642", "area": (69.5, 39.6, 71.2, 40.4)}
    kept = read_services(raw / "health_points_kg.geojson", **how)
    assert (len(kept.table), len(kept.set_aside), kept.left_out) == (0, 0, 1078)
