"""Map layers of claims, resources, services and settlements: what is refused, set aside, left out, mended and kept."""

import json
import os
import re
import zipfile
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest
from shapely.affinity import translate
from shapely.geometry import GeometryCollection, LineString, MultiPoint, Point, Polygon, box

from tensionmap import tables
from tensionmap.errors import GeometryError, RawDataError
from tensionmap.ingest.claims import read_claims
from tensionmap.ingest.layers import unique_ids
from tensionmap.ingest.resources import read_resources
from tensionmap.ingest.services import read_services, read_settlements

HOW = {"source": "layer", "file": "layer.geojson", "crs": "EPSG:32626", "area": (-27.2, 42.9, -26.8, 43.1)}
SQUARE = box(-27.05, 42.95, -27.0, 43.0)
BOWTIE = Polygon([(-27.05, 42.95), (-27.0, 43.0), (-27.0, 42.95), (-27.05, 43.0)])
RIVER = LineString([(-27.1, 42.95), (-26.9, 43.05)])
VILLAGE = Point(-27.01, 43.01)
FAR = box(10, 50, 11, 51)

REAL = [Path(os.environ["TENSIONMAP_REAL_DATA"]) / "isfara-batken" / "raw"] if "TENSIONMAP_REAL_DATA" in os.environ else []
REAL_HOW = {"source": "real", "crs": "EPSG:32642", "area": (69.5, 39.6, 71.2, 40.4)}


def layer(path: Path, shapes: list[object], **columns: list[object]) -> Path:
    gpd.GeoDataFrame(columns, geometry=shapes, crs="EPSG:4326").to_file(path)
    return path


@pytest.fixture
def geojson(tmp_path):
    return lambda shapes, **columns: layer(tmp_path / "layer.geojson", shapes, **columns)


def reasons(kept):
    return dict(zip(kept.set_aside["row"], kept.set_aside["reason"], strict=True))


class TestRefused:
    def test_bare_geometry_as_a_feature(self, tmp_path):
        path = tmp_path / "layer.geojson"
        bare = {"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [-27, 43]}]}
        proper = {"type": "Feature", "properties": {}, "geometry": {"type": "Point", "coordinates": [-27, 43]}}
        path.write_text(json.dumps({"type": "FeatureCollection", "features": [proper, bare]}), encoding="utf-8")
        with pytest.raises(
            RawDataError, match=r"1 of 2 entries .* not of type 'Feature' \(entry 1 is a bare 'GeometryCollection'\)"
        ):
            read_services(path, **HOW)

    def test_no_geojson(self, tmp_path):
        path = tmp_path / "layer.geojson"
        path.write_text("<html>", encoding="utf-8")
        with pytest.raises(RawDataError, match="not valid GeoJSON"):
            read_claims(path, **HOW)
        with pytest.raises(RawDataError, match="cannot be read: No such file"):
            read_claims(tmp_path / "other.geojson", **HOW)

    @pytest.mark.parametrize("name", ["layer.gpkg", "layer.zip", "layer.shp"])
    def test_unreadable(self, tmp_path, name):
        (tmp_path / name).write_bytes(b"nothing that GDAL knows")
        with pytest.raises(RawDataError, match="cannot be read as a map layer"):
            read_claims(tmp_path / name, **HOW)

    def test_several_layers_and_none_named(self, tmp_path):
        path = tmp_path / "layers.gpkg"
        for name in ("east", "west"):
            gpd.GeoDataFrame({"kind": ["road"]}, geometry=[RIVER], crs="EPSG:4326").to_file(path, layer=name)
        with pytest.raises(RawDataError, match=r"several layers; it holds: east, west\. Name one"):
            read_services(path, **HOW)
        with pytest.raises(RawDataError, match="no layer 'north'"):
            read_services(path, sheet="north", **HOW)
        assert len(read_services(path, sheet="west", **HOW).table) == 1

    def test_a_table_of_styles_is_no_second_layer(self, tmp_path):
        path = layer(tmp_path / "roads.gpkg", [RIVER], kind=["road"])
        pyogrio.write_dataframe(pd.DataFrame({"style": ["red"]}), path, layer="layer_styles", append=True)
        assert len(read_services(path, **HOW).table) == 1

    def test_layer_without_crs(self, tmp_path):
        path = layer(tmp_path / "layer.shp", [RIVER], kind=["road"])
        path.with_suffix(".prj").unlink()
        with pytest.raises(GeometryError, match="does not say its coordinate reference system"):
            read_services(path, **HOW)

    def test_misspelt_columns_are_told_together(self, geojson):
        path = geojson([SQUARE], Side=["Norvia"])
        with pytest.raises(RawDataError) as error:
            read_claims(path, columns={"claimant": "Sied", "clamant": "Side"}, values={"claimant": "Selmar"}, **HOW)
        assert "there is no header 'Sied' in the file: did you mean 'Side'?" in str(error.value)
        assert "'clamant' is not a column of claims: did you mean 'claimant'?" in str(error.value)
        assert "'claimant' is given by columns and by values" in str(error.value)

    def test_nobody_claims(self, geojson):
        with pytest.raises(RawDataError, match="nobody is named who claims"):
            read_claims(geojson([SQUARE]), **HOW)

    def test_csv_without_position(self, tmp_path):
        path = tmp_path / "places.csv"
        path.write_text("name,lat\nOrrin,43\n", encoding="utf-8")
        with pytest.raises(RawDataError, match=r"no column 'longitude' and 'latitude'; its headers are: name, lat"):
            read_settlements(path, **HOW)

    def test_season_of_a_kind_that_there_is_not(self, geojson):
        with pytest.raises(RawDataError, match=r"seasons names 'canals', which is no kind of resource"):
            read_resources(geojson([RIVER], kind=["canal"]), seasons={"canals": (4, 10)}, **HOW)

    def test_openstreetmap_is_no_claim(self, tmp_path):
        path = tmp_path / "valley.osm"
        path.write_text('<osm version="0.6"><node id="1" lat="43" lon="-27"/></osm>', encoding="utf-8")
        with pytest.raises(RawDataError, match="where mappers drew boundaries, not who claims them"):
            read_claims(path, claimant="Norvia", **HOW)


class TestSetAside:
    def test_geometry_that_is_none(self, geojson):
        path = geojson([RIVER, None, LineString()], kind=["road", "road", "road"])
        kept = read_services(path, **HOW)
        assert len(kept.table) == 1
        assert list(reasons(kept)) == [1, 2]
        assert "no geometry" in reasons(kept)[1]

    def test_line_without_length(self, geojson):
        kept = read_services(geojson([LineString([(-27, 43), (-27, 43)]), RIVER], kind=["road", "road"]), **HOW)
        assert "no extent" in reasons(kept)[0]

    def test_kind(self, geojson):
        kept = read_resources(geojson([RIVER, RIVER, RIVER], kind=["river", "waterfall", None]), **HOW)
        assert list(reasons(kept)) == [1, 2]
        assert "not one of river, canal" in reasons(kept)[1]

    def test_kind_drawn_as_the_wrong_type(self, geojson):
        kept = read_resources(geojson([SQUARE, VILLAGE, VILLAGE], kind=["canal", "pasture", "spring"]), **HOW)
        assert kept.table["kind"].tolist() == ["spring"]
        assert "canal must be drawn as LineString" in reasons(kept)[0]
        assert "pasture must be drawn as Polygon" in reasons(kept)[1]
        kept = read_services(geojson([VILLAGE, RIVER], kind=["road", "crossing"]), **HOW)
        assert list(reasons(kept)) == [0, 1]

    def test_month_that_is_none(self, geojson):
        path = geojson([RIVER, RIVER, RIVER], kind=["river"] * 3, season_from=[4, 13, None], season_to=["9", "9", "May"])
        kept = read_resources(path, **HOW)
        assert kept.table[["season_from", "season_to"]].to_numpy().tolist() == [[4, 9]]
        assert reasons(kept) == dict.fromkeys([1, 2], "not a whole number from 1 to 12")

    def test_dates(self, geojson):
        path = geojson([SQUARE] * 4, date_from=["1991-01-01", "13.03.2025", "2025-03-13", ""], date_to=["", "", "2024-01-01", ""])
        kept = read_claims(path, claimant="Norvia", **HOW)
        assert "not a date written as 2025-03-13" in reasons(kept)[1]
        assert "ends before it begins" in reasons(kept)[2]
        assert kept.table["date_from"].tolist() == [pd.Timestamp("1991-01-01"), pd.NaT]
        written = read_claims(geojson([SQUARE], date_from=["13.03.2025"]), claimant="Norvia", date_format="%d.%m.%Y", **HOW)
        assert written.table["date_from"].tolist() == [pd.Timestamp("2025-03-13")]

    def test_dates_of_a_geopackage_are_days(self, tmp_path):
        when = pd.to_datetime(["2025-03-13T22:30:00", None])
        kept = read_claims(layer(tmp_path / "a.gpkg", [SQUARE, SQUARE], date_from=when), claimant="Norvia", **HOW)
        assert kept.table["date_from"].tolist() == [pd.Timestamp("2025-03-13"), pd.NaT]

    def test_what_the_projection_has_no_place_for(self, geojson):
        kept = read_services(geojson([LineString([(-27, 43), (63, 0)]), RIVER], kind=["road", "road"]), **HOW)
        assert len(kept.table) == 1
        assert "the CRS of the study has no place" in reasons(kept)[0]

    def test_status_kind_and_claimant(self, geojson):
        path = geojson(
            [SQUARE, SQUARE, SQUARE, RIVER],
            status=["agreed", None, "claimed", "claimed"],
            kind=["area", "area", "line", None],
            claimant=["Norvia", "Norvia", "Norvia", None],
        )
        kept = read_claims(path, **HOW)
        assert len(kept.table) == 1
        assert "status" in reasons(kept)[1]
        assert "not the one drawn" in reasons(kept)[2]
        assert "nobody is named" in reasons(kept)[3]

    def test_second_feature_of_the_same_identifier(self, geojson):
        kept = read_claims(
            geojson([SQUARE, RIVER], id_text=["a", "a"]), claimant="Norvia", columns={"claim_id": "id_text"}, **HOW
        )
        assert kept.table["claim_id"].tolist() == ["a"]
        assert "same identifier" in reasons(kept)[1]

    def test_settlements(self, tmp_path):
        path = tmp_path / "places.csv"
        path.write_text(
            "name;longitude;latitude;kind;residents;precision_m\n"
            "Orrin;-27;43;village;1200;\n;-27;43;village;;\nTavesh;27°70;43;town;;\nUlmek;-27;43;hamlet;;\n"
            "Besh;-27;43;town;many;\nKorin;-27;43;town;;-5\nSary;-27;99;town;;\n",
            encoding="utf-8",
        )
        kept = read_settlements(path, **HOW)
        assert kept.table["name"].tolist() == ["Orrin"]
        assert reasons(kept) == {
            3: "it has no name, so no report can mean it",
            4: "longitude or latitude is missing or not in degrees",
            5: "the kind is missing or not one of village, town, district",
            6: "not a whole number from 0 to 50,000,000",
            7: "not a number of metres",
            8: "longitude or latitude is missing or not in degrees",
        }
        assert json.loads(kept.set_aside.set_index("row")["original"][7])["name"] == "Korin"

    def test_every_feature_is_kept_set_aside_or_left_out(self, geojson):
        shapes = [RIVER, None, FAR, BOWTIE, FAR, SQUARE, VILLAGE, translate(BOWTIE, 40)]
        kinds = ["river", "river", "forest", "forest", "none", "x", "spring", "forest"]
        kept = read_resources(geojson(shapes, kind=kinds), **HOW)
        assert (len(kept.table), len(kept.set_aside)) == (3, 2)
        assert kept.left_out == 3
        assert kept.notes[-1] == ("layer.geojson: 8 features, 3 kept, 2 set aside, 3 farther than 10 km from the study area.")

    def test_a_claim_that_mending_would_change(self, geojson):
        kept = read_claims(geojson([BOWTIE, SQUARE]), claimant="Norvia", **HOW)
        assert kept.table["claim_id"].tolist() == ["layer-1"]
        assert "mending it would change its area by more than 1%" in reasons(kept)[0]


class TestKept:
    def test_outline_that_crosses_itself_is_mended(self, geojson):
        kept = read_resources(geojson([BOWTIE], kind=["pasture"]), **HOW)
        shape = kept.table.geometry.iloc[0]
        assert shape.is_valid
        assert shape.geom_type == "MultiPolygon"
        assert shape.area == pytest.approx(gpd.GeoSeries([SQUARE], crs=4326).to_crs(32626).area.iloc[0] / 2, rel=1e-3)
        assert any(
            re.search(r"1 features crossed .* mended \(number: km2 0: 0\.000 before, 11\.\d+ after\)", n) for n in kept.notes
        )

    def test_a_claim_is_mended_where_its_area_stays(self, geojson):
        west, south, east, north = SQUARE.bounds
        spike = [(west, south), (east, south), (east, north), (west, north), (west, north + 0.01), (west, north)]
        kept = read_claims(geojson([Polygon([*spike, (west, south)])]), claimant="Norvia", **HOW)
        assert kept.table.geometry.iloc[0].equals(gpd.GeoSeries([SQUARE], crs=4326).to_crs(32626).iloc[0])
        told = next(re.search(r"0: ([\d.]+) before, ([\d.]+) after", note) for note in kept.notes if "mended" in note)
        assert told[1] == told[2]

    def test_any_format_and_crs_gives_the_same(self, tmp_path):
        frame = gpd.GeoDataFrame({"kind": ["canal"], "name": ["Канал"]}, geometry=[RIVER], crs="EPSG:4326")
        expected = gpd.GeoSeries([RIVER], crs=4326).to_crs(32626).iloc[0]
        frame.to_file(tmp_path / "a.geojson")
        frame.to_crs(3857).to_file(tmp_path / "b.gpkg")
        frame.to_crs(3857).to_file(tmp_path / "c.shp", encoding="UTF-8")
        with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
            for part in tmp_path.glob("c.*"):
                archive.write(part, part.name)
        for name in ("a.geojson", "b.gpkg", "c.shp", "d.zip"):
            table = read_resources(tmp_path / name, **HOW).table
            assert table.crs == "EPSG:32626"
            assert table["name"].tolist() == ["Канал"]
            assert table.geometry.iloc[0].equals_exact(expected, 0.01)

    def test_heights_are_dropped(self, geojson):
        kept = read_services(geojson([LineString([(-27, 43, 900), (-26.9, 43, 950)])], kind=["road"]), **HOW)
        assert not kept.table.geometry.has_z.any()

    def test_collections_keep_their_highest_dimension(self, geojson):
        mixed = GeometryCollection([VILLAGE, SQUARE])
        kept = read_resources(geojson([mixed, MultiPoint([VILLAGE])], kind=["forest", "spring"]), **HOW)
        assert kept.table.geometry.geom_type.tolist() == ["Polygon", "Point"]

    def test_what_a_claims_file_does_not_say_is_filled_and_told(self, geojson):
        kept = read_claims(geojson([SQUARE, RIVER]), claimant="Norvia", **HOW)
        table = kept.table
        assert table["claim_id"].tolist() == ["layer-0", "layer-1"]
        assert table["kind"].tolist() == ["area", "line"]
        assert table["status"].tolist() == ["claimed", "claimed"]
        assert table["source"].tolist() == ["layer", "layer"]
        assert table["date_from"].isna().all()
        assert sum("status" in note or "dates" in note or "claim_id" in note for note in kept.notes) == 3

    def test_columns_values_and_words(self, geojson):
        path = geojson([RIVER, RIVER], waterway=["ditch", "river"], kind=["a", "b"], name=[" Long ", ""])
        kept = read_resources(path, columns={"kind": "waterway"}, values={"season_from": "4"}, words={"ditch": "canal"}, **HOW)
        assert kept.table["kind"].tolist() == ["canal", "river"]
        assert kept.table["name"].tolist()[0] == "Long"
        assert kept.table["name"].isna().tolist() == [False, True]
        assert kept.table["season_from"].tolist() == [4, 4]

    def test_buildings_and_districts_become_points(self, geojson):
        services = read_services(geojson([SQUARE], kind=["police_post"]), **HOW)
        assert services.table.geometry.geom_type.tolist() == ["Point"]
        places = read_settlements(geojson([SQUARE, VILLAGE], name=["Upper", "Orrin"], kind=["district", "village"]), **HOW).table
        outline = gpd.GeoSeries([SQUARE], crs=4326).to_crs(32626).iloc[0]
        assert outline.contains(places.geometry.iloc[0])
        assert places["precision_m"].tolist()[1] == 1000
        assert outline.within(places.geometry.iloc[0].buffer(places["precision_m"].iloc[0] * 1.01))
        assert not outline.within(places.geometry.iloc[0].buffer(places["precision_m"].iloc[0] * 0.99))

    def test_settlements_from_a_gazetteer(self, tmp_path):
        path = tmp_path / "gazetteer.csv"
        path.write_text(
            "\ufeffgeonameid,name,latitude,longitude,population,alternatenames\n"
            '7,Orrin,43.01,-27.0,0,"Orin, Оррин,Orin"\n9,Tavesh,43.0,-26.9,1500,\n11,Away,0,0,5,\n',
            encoding="utf-8",
        )
        columns = {"settlement_id": "geonameid", "residents": "population", "alternatives": "alternatenames"}
        kept = read_settlements(path, columns=columns, values={"kind": "village"}, **HOW)
        assert kept.table["settlement_id"].tolist() == ["7", "9"]
        assert kept.table["alternatives"].tolist()[0] == "Orin|Оррин"
        assert kept.table["residents"].tolist() == [pd.NA, 1500]
        assert kept.table["precision_m"].tolist() == [1000, 1000]
        assert any("1 places have 0 residents" in note for note in kept.notes)

    def test_nothing_near_gives_an_empty_table(self, geojson):
        kept = read_claims(geojson([FAR]), claimant="Norvia", **HOW)
        assert len(kept.table) == 0
        assert tables.check(kept.table, tables.CLAIMS).crs == "EPSG:32626"

    def test_ten_kilometres_around_the_area_are_kept(self, geojson):
        around = LineString([(-28, 43), (-28, 44), (-27, 44)])
        shapes = [Point(-27.31, 43), Point(-27.34, 43), around, LineString([(-28, 43), (-27.31, 43)])]
        kept = read_services(geojson(shapes, kind=["crossing", "crossing", "road", "road"]), **HOW)
        assert kept.table["service_id"].tolist() == ["layer-0", "layer-3"]

    @pytest.mark.parametrize("ending", ["geojson", "gpkg", "fgb", "shp"])
    def test_far_features_are_counted_whether_read_or_not(self, tmp_path, ending):
        frame = gpd.GeoDataFrame({"kind": ["road"] * 3}, geometry=[RIVER, translate(RIVER, 30), translate(RIVER, -30)], crs=4326)
        frame.to_file(tmp_path / f"layer.{ending}")
        kept = read_services(tmp_path / f"layer.{ending}", **HOW)
        assert (len(kept.table), len(kept.set_aside), kept.left_out) == (1, 0, 2)
        assert kept.notes[-1].endswith("3 features, 1 kept, 0 set aside, 2 farther than 10 km from the study area.")

    def test_seasons_fill_what_the_layer_does_not_say(self, geojson):
        path = geojson(
            [RIVER, RIVER, SQUARE], kind=["river", "canal", "pasture"], season_from=[5, None, None], season_to=[6, None, None]
        )
        kept = read_resources(path, seasons={"river": (1, 2), "pasture": (11, 3)}, **HOW)
        seasons = kept.table[["season_from", "season_to"]]
        assert seasons.astype("object").where(seasons.notna(), None).to_numpy().tolist() == [[5, 6], [None, None], [11, 3]]
        assert any(
            "1 features say no season and took that of [ingest] seasons (months: pasture 11 to 3)" in n for n in kept.notes
        )
        assert any("1 features have no season: they are taken as used all year" in note for note in kept.notes)

    def test_hydrorivers(self, geojson):
        path = geojson([RIVER, translate(RIVER, 0.01)], HYRIV_ID=[20001, 20002], NEXT_DOWN=[20002, 0], ORD_STRA=[1, 2])
        kept = read_resources(path, **HOW)
        assert kept.table["resource_id"].tolist() == ["20001", "20002"]
        assert kept.table["kind"].tolist() == ["river", "river"]
        assert any("it is HydroRIVERS" in note for note in kept.notes)

    def test_geonames_without_headers(self, tmp_path):
        lines = [
            "7\tOrrin\tOrin\tОррин,Orrinobod\t43.01\t-27.0\tP\tPPL\tXX\t\t01\t\t\t\t1200\t\t900\tX/Y\t2020-01-01",
            "8\tTavesh\tTavesh\t\t43.0\t-26.9\tP\tPPLA2\tXX\t\t01\t\t\t\t0\t\t900\tX/Y\t2020-01-01",
            "9\tOld Orrin\tOld Orrin\t\t43.0\t-27.0\tP\tPPLQ\tXX\t\t01\t\t\t\t0\t\t900\tX/Y\t2020-01-01",
            "10\tUpper\tUpper\t\t43.0\t-27.0\tA\tADM2\tXX\t\t01\t\t\t\t90000\t\t900\tX/Y\t2020-01-01",
            "11\tRiver\tRiver\t\t43.0\t-27.0\tH\tSTM\tXX\t\t01\t\t\t\t0\t\t900\tX/Y\t2020-01-01",
            "12\tAway\tAway\t\t3.0\t7.0\tP\tPPL\tXX\t\t01\t\t\t\t0\t\t900\tX/Y\t2020-01-01",
        ]
        path = tmp_path / "XX.txt"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        kept = read_settlements(path, **HOW)
        assert kept.table[["settlement_id", "name", "kind"]].to_numpy().tolist() == [
            ["7", "Orrin", "village"],
            ["8", "Tavesh", "town"],
            ["10", "Upper", "district"],
        ]
        assert kept.table["alternatives"].tolist() == ["Orin|Оррин|Orrinobod", "Tavesh", "Upper"]
        assert kept.table["residents"].tolist() == [1200, pd.NA, 90000]
        assert kept.left_out == 3
        assert any("1 parts of towns and former places were left out" in note for note in kept.notes)
        assert kept.notes[-1].endswith("1 farther than 10 km from the study area, 2 of other kinds.")

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1251", "koi8-r", "utf-16"])
    def test_tables_as_people_save_them(self, tmp_path, encoding):
        path = tmp_path / "places.csv"
        names = ["Оррин", "Тавеш", "Верхний канал", "Северное поле", "Новое село"]
        places = ["-27,01;43,01", "27°00'36\" W;43°00'36\" N", "27.01 з.д.;43.01 с.ш.", "-27.01;43.01", "−27,01;+43,01"]
        text = "name;longitude;latitude;district\n" + "".join(
            f"{n};{p};Верхний район\n" for n, p in zip(names, places, strict=True)
        )
        path.write_bytes(text.encode(encoding, "replace"))
        kept = read_settlements(path, **HOW)
        read = 4 if encoding in {"cp1251", "koi8-r"} else 5  # these have no minus sign but the hyphen
        assert kept.table["name"].tolist() == names[:read]
        assert kept.table["district"].tolist() == ["Верхний район"] * read
        expected = gpd.GeoSeries([Point(-27.01, 43.01)], crs=4326).to_crs(32626).iloc[0]
        assert kept.table.distance(expected).max() < 0.01

    def test_a_spreadsheet_of_places(self, tmp_path):
        path = tmp_path / "places.xlsx"
        head = pd.DataFrame([["Places of the valley", None, None], ["name", "longitude", "latitude"], ["Orrin", -27.01, 43.01]])
        head.to_excel(path, index=False, header=False)
        kept = read_settlements(path, **HOW)
        assert kept.table["name"].tolist() == ["Orrin"]

    def test_identifiers_of_two_files_never_clash(self, geojson):
        first = read_services(geojson([RIVER, RIVER], kind=["road"] * 2, service_id=["a", "a/2"]), **HOW).table
        second = read_services(geojson([RIVER, RIVER], kind=["road"] * 2, service_id=["a", "b"]), **HOW).table
        unique = unique_ids([first, second, second], tables.SERVICES)
        assert [frame["service_id"].tolist() for frame in unique] == [["a", "a/2"], ["a/3", "b"], ["a/4", "b/2"]]
        assert second["service_id"].tolist() == ["a", "b"]
        assert len(tables.concat(unique, tables.SERVICES)) == 6
        again = unique_ids([first[:1], first], tables.SERVICES)
        assert again[1]["service_id"].tolist() == ["a/3", "a/2"]
        assert unique_ids([first], tables.SERVICES)[0] is first

    def test_the_same_file_gives_the_same_table(self, geojson):
        path = geojson([SQUARE, RIVER, BOWTIE], name=["a", "b", "c"])
        first, second = (read_claims(path, claimant="Norvia", **HOW) for _ in range(2))
        pd.testing.assert_frame_equal(first.table, second.table)
        assert first.notes == second.notes


@pytest.mark.parametrize("raw", REAL)
def test_real_layers(raw):
    districts = read_claims(
        raw / "districts_tj.geojson", claimant="Tajikistan", file="tj", values={"status": "claimed"}, **REAL_HOW
    )
    assert (len(districts.table), len(districts.set_aside)) == (10, 0)
    assert set(districts.table["kind"]) == {"area"}
    places = read_settlements(
        raw / "settlements_geonames.csv", file="places", columns={"settlement_id": "geonameid"}, **REAL_HOW
    ).table
    assert {"Isfara", "Batken"} <= set(places["name"])
    for outline in sorted((raw / "village_outlines").glob("*.geojson")):
        if outline.stem != "kgz-amd2":
            with pytest.raises(RawDataError, match="bare 'GeometryCollection'"):
                read_claims(outline, claimant="none", file=outline.name, **REAL_HOW)
