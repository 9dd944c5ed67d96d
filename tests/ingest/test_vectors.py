"""Map files of every kind: what is refused with which sentence, and that every kind gives the same features."""

import http.server
import json
import os
import sqlite3
import threading
import zipfile
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyarrow.parquet as pq
import pyogrio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely.geometry import GeometryCollection, LineString, Point, Polygon

from tensionmap.errors import RawDataError
from tensionmap.ingest import vectors
from tensionmap.ingest.vectors import is_vector, open_vector, read_vector, vector_layers

NAMES = ["Оррин", "Тавеш", "Upper canal"]
FRAME = gpd.GeoDataFrame(
    {"name": NAMES, "number": [1, 2, 3]}, geometry=[Point(-27, 43), Point(-26.9, 43.1), Point(-20, 45)], crs="EPSG:4326"
)
FORMATS = {
    "gpkg": {},
    "geojson": {},
    "geojsonl": {"driver": "GeoJSONSeq"},
    "fgb": {"SPATIAL_INDEX": "NO"},
    "shp": {"encoding": "UTF-8"},
    "kml": {"driver": "KML"},
    "gpx": {"driver": "GPX", "GPX_USE_EXTENSIONS": "YES"},
}
POINT = {"type": "Point", "coordinates": [-27, 43]}
FEATURE = {"type": "Feature", "properties": {"a": 1}, "geometry": POINT}
KML = '<kml xmlns="http://www.opengis.net/kml/2.2"><Document>{}</Document></kml>'
PLACEMARK = "<Placemark><name>{}</name><Point><coordinates>-27,43</coordinates></Point></Placemark>"


def refused(path, **how):
    with pytest.raises(RawDataError) as error:
        read_vector(path, file=path.name, **how)
    assert path.name in str(error.value)
    assert "\n" not in str(error.value)
    return str(error.value)


def written(folder, ending):
    path = folder / f"layer.{ending}"
    if ending == "parquet":
        FRAME.to_parquet(path)
    else:
        FRAME.to_file(path, **FORMATS[ending])
    return path


def collection(*features, **members):
    return json.dumps({"type": "FeatureCollection", **members, "features": list(features)}, ensure_ascii=False)


def file(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


class TestRefused:
    def test_no_file_an_empty_one_and_a_folder(self, tmp_path):
        assert "cannot be read: No such file" in refused(tmp_path / "a.gpkg")
        assert "is empty (0 bytes)" in refused(file(tmp_path / "b.geojson", ""))
        assert "is a folder" in refused(tmp_path)
        assert not is_vector(tmp_path)
        assert not is_vector(tmp_path / "a.gpkg")

    def test_no_permission(self, tmp_path, monkeypatch):
        path = written(tmp_path, "geojson")
        if os.access(path, os.R_OK) and hasattr(os, "geteuid") and os.geteuid() == 0:
            monkeypatch.setattr(vectors, "_driver", lambda _: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
        path.chmod(0)
        assert "cannot be read: Permission denied" in refused(path)

    @pytest.mark.parametrize("ending", [*FORMATS, "parquet"])
    @pytest.mark.parametrize("share", [0.3, 0.6, 0.97])
    def test_a_file_that_was_cut_off(self, tmp_path, ending, share):
        path = written(tmp_path, ending)
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
        said = refused(path)
        assert ending != "geojson" or share < 0.5 or "it ends in the middle" in said

    def test_a_shapefile_with_parts_missing_or_cut(self, tmp_path):
        path = written(tmp_path, "shp")
        table = path.with_suffix(".dbf")
        table.write_bytes(table.read_bytes()[:-20])
        assert "its .dbf is shorter than it says" in refused(path)
        table.unlink()
        assert ".dbf is missing beside it" in refused(path)
        path.with_suffix(".shx").unlink()
        assert ".shx and .dbf are missing beside it" in refused(path)
        assert "only a part of a shapefile" in refused(path.with_suffix(".prj"))

    @pytest.mark.parametrize(
        ("name", "text", "said"),
        [
            ("a.json", '{"type": "Topology", "objects": {}}', "TopoJSON"),
            ("a.json", '{"geometryType": "esriGeometryPoint", "features": []}', "ArcGIS JSON"),
            ("a.geojson", "<html></html>", "not valid GeoJSON"),
            ("a.geojson", '[{"type": "Point"}]', "not valid GeoJSON"),
            ("a.kml", '<OGRVRTDataSource><OGRVRTLayer name="a"/></OGRVRTDataSource>', "its content is none of"),
            ("a.kml", '<gml:FeatureCollection xmlns:gml="http://www.opengis.net/gml"/>', "its content is none of"),
            ("a.csv", "longitude,latitude\n1,2\n", "its content is none of"),
        ],
    )
    def test_other_kinds(self, tmp_path, name, text, said):
        path = file(tmp_path / name, text)
        assert said in refused(path)
        assert not is_vector(path)

    def test_a_pipeline_in_the_clothes_of_geojson_is_not_run(self, tmp_path):
        inner = written(tmp_path, "gpkg")
        command = f"gdal vector pipeline ! read {inner} ! write --output-format stream streamed_dataset"
        path = file(tmp_path / "a.json", json.dumps({"type": "gdal_streamed_alg", "command_line": command, "features": []}))
        assert len(pyogrio.read_dataframe(path)) == 3  # left alone, GDAL follows it
        refused(path)

    def test_only_the_driver_of_geojson_reads_it(self, tmp_path):
        of_arcgis = {"spatialReference": {"wkid": 4326}, "features": [{"attributes": {"a": 1}, "geometry": {"x": 1, "y": 2}}]}
        path = file(tmp_path / "a.geojson", json.dumps(of_arcgis))
        assert pyogrio.read_info(path)["driver"] == "ESRIJSON"  # left alone, GDAL guesses
        assert "cannot be read as a map layer" in refused(path)

    def test_entries_that_are_no_features(self, tmp_path):
        bare = {"type": "GeometryCollection", "geometries": [POINT]}
        said = refused(file(tmp_path / "a.geojson", collection(FEATURE, bare)))
        assert "1 of 2 entries of 'features' are not of type 'Feature' (entry 1 is a bare 'GeometryCollection')" in said
        assert "3 of 4 entries" in refused(file(tmp_path / "b.geojson", collection(None, 5, "a, b", FEATURE)))
        lines = "\n".join(json.dumps(one) for one in (FEATURE, FEATURE, {"type": "Topology"}))
        assert "1 of 3 entries" in refused(file(tmp_path / "c.geojsonl", lines))

    def test_geojson_of_another_encoding(self, tmp_path):
        text = collection({**FEATURE, "properties": {"name": "Оррин"}})
        assert "line 1 is not UTF-8 text" in refused(file(tmp_path / "a.geojson", text, "cp1251"))
        assert "not valid GeoJSON" in refused(file(tmp_path / "b.geojson", text, "utf-16"))
        lines = file(tmp_path / "c.geojsonl", "\n".join([json.dumps(FEATURE), text, ""]), "koi8-r")
        assert "line 2 is not UTF-8 text" in refused(lines)

    @pytest.mark.parametrize("kind", ["url", "link", "URL"])
    @pytest.mark.parametrize("where", ["root", "geometry", "escaped", "line"])
    def test_an_address_in_the_file_is_never_followed(self, tmp_path, kind, where):
        asked = []

        class Listener(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.path)
                self.send_error(404)

            def log_message(self, *_):
                pass

        with http.server.HTTPServer(("127.0.0.1", 0), Listener) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            address = f"http://127.0.0.1:{server.server_port}/crs"
            crs = {"properties": {"url": address, "href": address, "also": {"more": []}}, "type": kind}
            inner = {**FEATURE, "geometry": {**POINT, "crs": crs}}
            text = {
                "root": collection(FEATURE, crs=crs),
                "geometry": collection(FEATURE, inner),
                "escaped": collection(FEATURE, crs=crs).replace('"crs"', '"\\u0063rs"'),
                "line": json.dumps(FEATURE) + "\n" + json.dumps(inner) + "\n",
            }[where]
            assert "an address on the internet, which is never followed" in refused(file(tmp_path / "a.geojson", text))
            server.shutdown()
        assert asked == []

    @pytest.mark.parametrize("name", ["a.kml", "a.gpx", "a.osm"])
    def test_a_document_type(self, tmp_path, name):
        root = name[2:]
        text = f'<?xml version="1.0"?><!DOCTYPE {root} [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><{root}>&b;</{root}>'
        assert "declares a document type (DOCTYPE)" in refused(file(tmp_path / name, text))

    def test_several_layers_none_and_empty_ones(self, tmp_path):
        path = tmp_path / "layers.gpkg"
        for name in ("east", "west"):
            FRAME.to_file(path, layer=name)
        FRAME[:0].to_file(path, layer="empty")
        pyogrio.write_dataframe(pd.DataFrame({"style": ["red"]}), path, layer="layer_styles", append=True)
        assert vector_layers(path, file="a") == ["east", "west"]
        assert "has several layers; it holds: east, west. Name one as sheet" in refused(path)
        assert "has no layer 'north'; it holds: east, west" in refused(path, layer="north")
        assert len(read_vector(path, file="a", layer="west")) == 3
        pyogrio.write_dataframe(pd.DataFrame({"a": [1]}), tmp_path / "table.gpkg")
        assert "has no layer with shapes" in refused(tmp_path / "table.gpkg")
        FRAME[:0].to_file(tmp_path / "empty.gpkg")
        assert "holds no features" in refused(tmp_path / "empty.gpkg")
        assert "holds no features" in refused(file(tmp_path / "empty.geojson", collection()))
        assert "has no layer with shapes" in refused(file(tmp_path / "empty.gpx", '<gpx version="1.1"></gpx>'))

    def test_two_columns_of_one_name(self, tmp_path):
        path = written(tmp_path, "shp")
        table = bytearray(path.with_suffix(".dbf").read_bytes())
        table[64:75] = table[32:43]
        path.with_suffix(".dbf").write_bytes(table)
        assert "several columns called 'name'" in refused(path)
        columns = pq.read_table(written(tmp_path, "parquet"))
        names = ["name", "name", "geometry"]
        pq.write_table(columns.rename_columns(names).replace_schema_metadata(columns.schema.metadata), tmp_path / "two.parquet")
        assert "several columns called 'name'" in refused(tmp_path / "two.parquet")

    def test_parquet_without_geometry_and_with_too_much(self, tmp_path, monkeypatch):
        pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "plain.parquet")
        assert "Parquet table without a geometry column" in refused(tmp_path / "plain.parquet")
        path = written(tmp_path, "parquet")
        monkeypatch.setattr(vectors, "MOST_FEATURES", 2)
        assert "3 features; the limit is 2 GB and 2" in refused(path)

    def test_a_geopackage_that_is_still_open(self, tmp_path):
        path = written(tmp_path, "gpkg")
        path.with_name("layer.gpkg-wal").write_bytes(b"changes not yet written")
        assert "still open in another program" in refused(path)


class TestArchives:
    def pack(self, path, **members):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return path

    def test_a_bomb_is_told_from_its_directory(self, tmp_path, monkeypatch):
        monkeypatch.setattr(vectors, "MOST_UNPACKED_BYTES", 1 << 20)
        monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_: pytest.fail("was unpacked"))
        path = tmp_path / "a.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            monkeypatch.undo()
            archive.writestr("a.geojson", b" " * (2 << 20))
        monkeypatch.setattr(vectors, "MOST_UNPACKED_BYTES", 1 << 20)
        monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_: pytest.fail("was unpacked"))
        assert "unpacks to 0.0 GB; more than 0 GB are not unpacked" in refused(path)

    def test_a_directory_that_lies_about_sizes_unpacks_no_more_than_it_says(self, tmp_path):
        path = self.pack(tmp_path / "a.zip", **{"a.geojson": collection(*[FEATURE] * 2000)})
        content = bytearray(path.read_bytes())
        at = content.rindex(b"PK\x01\x02") + 24
        content[at : at + 4] = (50).to_bytes(4, "little")
        path.write_bytes(content)
        refused(path)

    def test_names_and_links_stay_in_the_file(self, tmp_path):
        outside = file(tmp_path / "outside.geojson", collection(FEATURE))
        climbing = self.pack(tmp_path / "a.zip", **{"x/../../../climbed.geojson": outside.read_bytes()})
        assert len(read_vector(climbing, file="a.zip")) == 1
        assert not list(tmp_path.parent.rglob("climbed*"))
        link = zipfile.ZipInfo("a.geojson")
        link.external_attr = 0o120777 << 16
        with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
            archive.writestr(link, str(outside))
        assert "not valid GeoJSON" in refused(tmp_path / "b.zip")

    def test_damaged_locked_and_without_layers(self, tmp_path):
        path = self.pack(tmp_path / "a.zip", **{"a.geojson": collection(FEATURE, FEATURE)})
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        assert "damaged archive" in refused(path)
        broken = bytearray(whole)
        broken[60] ^= 255
        path.write_bytes(broken)
        assert "cannot be unpacked" in refused(path)
        locked = bytearray(whole)
        locked[6] |= 1
        locked[whole.rindex(b"PK\x01\x02") + 8] |= 1
        path.write_bytes(locked)
        assert "locked with a password" in refused(path)
        assert not is_vector(self.pack(tmp_path / "b.zip", **{"a.csv": "a,b"}))
        assert not is_vector(self.pack(tmp_path / "c.zip"))

    def test_shapefile_and_kmz(self, tmp_path):
        parts = {f"Слой/A{p.suffix.upper()}": p.read_bytes() for p in written(tmp_path, "shp").parent.glob("layer.*")}
        path = self.pack(tmp_path / "shapes.zip", **parts, **{"__MACOSX/._A.shp": b"x"})
        assert read_vector(path, file="a")["name"].tolist() == NAMES
        assert vector_layers(path, file="a") == ["A"]
        main = self.pack(tmp_path / "a.kmz", **{"files/x.kml": "<kml/>", "doc.kml": KML.format(PLACEMARK.format("Оррин"))})
        assert read_vector(main, file="a")["Name"].tolist() == ["Оррин"]

    def test_several_files_are_layers(self, tmp_path):
        one, two = written(tmp_path, "geojson"), written(tmp_path, "gpkg")
        path = self.pack(tmp_path / "a.zip", **{"x/one.geojson": one.read_bytes(), "two.gpkg": two.read_bytes()})
        assert vector_layers(path, file="a") == ["two", "one"]
        assert "several layers; it holds: two, one" in refused(path)
        assert [len(read_vector(path, file="a", layer=name)) for name in ("one", "two")] == [3, 3]


class TestRead:
    @pytest.mark.parametrize("ending", [*FORMATS, "parquet"])
    @pytest.mark.parametrize("suffix", ["", ".txt"])
    def test_every_kind_gives_the_same_features(self, tmp_path, ending, suffix):
        path = written(tmp_path, ending)
        if suffix and ending != "shp":
            path = path.rename(tmp_path / f"wrong{suffix}")
        assert is_vector(path)
        frame = read_vector(path, file="a")
        assert frame["Name" if ending == "kml" else "name"].tolist() == NAMES
        assert frame.geometry.geom_equals_exact(FRAME.geometry, 1e-9, align=False).all()
        assert frame.crs == "EPSG:4326"
        assert frame.index.dtype == "int64"
        assert frame.index.tolist() == ([1, 2, 3] if ending in {"gpkg", "kml"} else [0, 1, 2])
        assert len(vector_layers(path, file="a")) == 1

    @pytest.mark.parametrize("name", ["a!b.geojson", "a;b.geojson", "a b#1.geojson", "вилоят №1 (копия).geojson", ".geojson"])
    def test_odd_names(self, tmp_path, name):
        path = written(tmp_path, "geojson").rename(tmp_path / name)
        assert len(read_vector(path, file=name)) == 3

    def test_what_stands_beside_a_file_is_not_seen(self, tmp_path):
        path = written(tmp_path, "shp")
        written(tmp_path, "gpkg")
        (tmp_path / "layer.qix").write_bytes(b"rubbish")
        assert read_vector(path, file="a", bbox=(-27.1, 42.9, -26, 44))["name"].tolist() == NAMES

    @pytest.mark.parametrize("ending", ["gpkg", "fgb"])
    def test_an_index_is_used_and_the_others_are_counted(self, tmp_path, ending):
        path = tmp_path / f"layer.{ending}"
        FRAME.to_crs("EPSG:32626").to_file(path)
        opened = open_vector(path, file="a", bbox=(-27.05, 42.95, -26.95, 43.05))
        assert opened.frame["name"].tolist() == ["Оррин"]
        assert opened.features == 3

    @pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:32626", "EPSG:32642", "EPSG:3857", "EPSG:3035"])
    def test_a_box_finds_all_that_lies_in_it(self, tmp_path, crs):
        west, south, east, north = box = (-28.0, 42.0, -26.0, 44.0)
        steps = [i / 10 for i in range(11)]
        edge = [Point(west + 2 * s, y) for s in steps for y in (south, north)] + [
            Point(x, south + 2 * s) for s in steps for x in (west, east)
        ]
        gpd.GeoDataFrame(geometry=edge, crs=4326).to_crs(crs).to_file(tmp_path / "edge.gpkg")
        assert len(read_vector(tmp_path / "edge.gpkg", file="a", bbox=box)) == 44

    def test_shapeless_features_are_read_although_no_box_finds_them(self, tmp_path):
        path = tmp_path / "layer.gpkg"
        frame = gpd.GeoDataFrame({"a": range(5)}, geometry=[Point(0, 0), None, Point(-27, 43), Polygon(), None], crs=4326)
        frame.to_file(path)
        opened = open_vector(path, file="a", bbox=(-27.1, 42.9, -26.9, 43.1))
        assert opened.frame.index.tolist() == [2, 3, 4, 5]
        assert opened.features == 5

    def test_reading_leaves_nothing_beside_the_file(self, tmp_path):
        path = written(tmp_path, "gpkg")
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.close()
        before = path.read_bytes()
        assert len(read_vector(path, file="a")) == 3
        assert [p.name for p in tmp_path.iterdir()] == ["layer.gpkg"]
        assert path.read_bytes() == before

    @pytest.mark.parametrize("encoding", ["cp1251", "koi8-r", "cp866", "UTF-8"])
    @pytest.mark.parametrize("said", ["rightly", "not", "as western", "as rubbish"])
    def test_letters_of_shapefiles(self, tmp_path, encoding, said):
        path = tmp_path / "layer.shp"
        FRAME.to_file(path, encoding=encoding)
        cpg = path.with_suffix(".cpg")
        cpg.write_text({"rightly": encoding, "as western": "ISO-8859-1", "as rubbish": "letters"}.get(said, ""))
        if said == "not":
            cpg.unlink()
        table = bytearray(path.with_suffix(".dbf").read_bytes())
        table[29] = 0
        path.with_suffix(".dbf").write_bytes(table)
        opened = open_vector(path, file="a")
        assert opened.frame["name"].tolist() == NAMES
        assert bool(opened.notes) == (said != "rightly")

    def test_western_letters_stay_western(self, tmp_path):
        path = tmp_path / "layer.shp"
        FRAME.assign(name=["Café à côté", "Où déjà", "naïveté"]).to_file(path, encoding="ISO-8859-1")
        assert read_vector(path, file="a")["name"].tolist() == ["Café à côté", "Où déjà", "naïveté"]

    @pytest.mark.parametrize("encoding", ["windows-1251", "utf-16", "utf-8-sig"])
    def test_letters_of_kml_and_gpx(self, tmp_path, encoding):
        head = f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?>'
        gpx = (
            '<gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1"><wpt lat="43" lon="-27"><name>Оррин</name></wpt></gpx>'
        )
        path = file(tmp_path / "a.gpx", head + gpx, encoding)
        assert read_vector(path, file="a")["name"].tolist() == ["Оррин"]
        path = file(tmp_path / "a.kml", head + KML.format(PLACEMARK.format("Оррин")), encoding)
        assert read_vector(path, file="a")["Name"].tolist() == ["Оррин"]

    def test_a_document_type_in_a_description_is_text(self, tmp_path):
        text = "<description><![CDATA[<!DOCTYPE html><b>x</b>]]></description>"
        path = file(tmp_path / "a.kml", KML.format(PLACEMARK.format("a").replace("<Point>", f"{text}<Point>")))
        assert read_vector(path, file="a")["description"].tolist() == ["<!DOCTYPE html><b>x</b>"]

    def test_gpx_points_of_tracks_are_no_layer_of_their_own(self, tmp_path):
        track = '<trk><trkseg><trkpt lat="43" lon="-27"/><trkpt lat="43.1" lon="-27"/></trkseg></trk>'
        path = file(tmp_path / "a.gpx", f'<gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1">{track}</gpx>')
        assert vector_layers(path, file="a") == ["tracks"]
        assert read_vector(path, file="a").geom_type.tolist() == ["MultiLineString"]
        assert len(read_vector(path, file="a", layer="track_points")) == 2

    def test_geojson_of_one_feature_or_shape(self, tmp_path):
        for text in (json.dumps(FEATURE), json.dumps(POINT), json.dumps(FEATURE, indent=1) + "\n"):
            assert len(read_vector(file(tmp_path / "a.geojson", text), file="a")) == 1

    def test_mixed_shapes_heights_and_own_numbers(self, tmp_path):
        shapes = [Point(-27, 43, 900), LineString([(-27, 43), (-26, 43)]), GeometryCollection([Point(-27, 43)])]
        gpd.GeoDataFrame({"fid": [7, 9, 11], "A": 1, "a": 2}, geometry=shapes, crs=4326).to_file(tmp_path / "a.geojson")
        frame = read_vector(tmp_path / "a.geojson", file="a")
        assert frame.geom_type.tolist() == ["Point", "LineString", "GeometryCollection"]
        assert list(frame.columns) == ["fid", "A", "a", "geometry"]
        FRAME.assign(fid=[7, 9, 11]).to_file(tmp_path / "b.gpkg")
        assert read_vector(tmp_path / "b.gpkg", file="b").index.tolist() == [7, 9, 11]

    def test_a_layer_without_crs_says_so(self, tmp_path):
        path = written(tmp_path, "shp")
        path.with_suffix(".prj").unlink()
        assert read_vector(path, file="a").crs is None


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text('{}[],:"\\ featursя', max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["features", "a", '"', "crs"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    entries=st.lists(VALUES, max_size=6),
    before=st.dictionaries(st.sampled_from(["name", "bbox", "z"]), VALUES, max_size=3),
    after=VALUES,
    is_ascii=st.booleans(),
    indent=st.sampled_from([None, 1]),
    piece=st.integers(8, 200),
)
def test_entries_are_counted_as_a_parser_of_json_counts_them(
    tmp_path, monkeypatch, entries, before, after, is_ascii, indent, piece
):
    monkeypatch.setattr(vectors, "_PIECE", piece)
    whole = {**before, "features": entries, "after": after}
    path = file(tmp_path / "a.geojson", json.dumps(whole, ensure_ascii=is_ascii, indent=indent))
    assert vectors._entries(path, "a") == len(entries)


REAL = [Path(os.environ["TENSIONMAP_REAL_DATA"])] if "TENSIONMAP_REAL_DATA" in os.environ else []


@pytest.mark.parametrize("data", REAL)
def test_real_files_are_read_or_refused_with_a_sentence(data):
    read, said = {}, {}
    patterns = ("isfara-batken/raw/**/*.geojson", "world/*.geojson", "messy/**/*.*", "known_answer/libpysal/*/*.shp")
    for path in sorted(path for pattern in patterns for path in data.glob(pattern)):
        try:
            read[path.name] = [open_vector(path, file=path.name, layer=n).features for n in vector_layers(path, file=path.name)]
        except RawDataError as error:
            said[path.name] = str(error)
    assert (read["districts_tj.geojson"], read["us48.shp"], read["cdmx_car_jacking.gpkg"]) == ([58], [48], [2811])
    assert (read["praha_boundary.zip"], read["chicago_police_districts.kml"], read["route.gpx"]) == ([1], [25], [1])
    assert read["cerknicko-jezero.gpx"] == [7, 8]
    bare = [name for name, sentence in said.items() if "bare 'GeometryCollection'" in sentence]
    assert len(bare) == 19
    others = {Path(name).suffix for name in said if name not in bare}
    assert others <= {".xlsx", ".tab", ".csv", ".gz", ".json"}
