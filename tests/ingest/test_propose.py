"""What is proposed for a raw file: doubtful ones first, then tables, layers, rasters, and the block for study.toml."""

import csv
import os
import time
import tomllib
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tensionmap.ingest.drafts import DRAFT_COLUMNS
from tensionmap.ingest.propose import Proposal, Word, as_toml, propose
from tensionmap.ingest.readers import READERS
from tensionmap.ingest.taxonomy import read_taxonomy
from tensionmap.study import MEETING_READERS, Reading, read_sources, read_study

ROOT = Path(__file__).parents[2]
RAW = ROOT / "data" / "raw"
REAL = os.environ.get("TENSIONMAP_REAL_DATA")
AREA = (-27.25, 42.86, -26.75, 43.14)
TAXONOMY = read_taxonomy()

HEADER = ["№", "Дата", "Вид происшествия", "Место", "Широта", "Долгота", "Описание"]
ROW = ["1", "30.04.2025", "кража", "Торпону", "43,0123", "-27,0234", "Со слов; двух соседей ничего больше не известно никому"]


def looked_at(path: Path, area=AREA) -> Proposal:
    return propose(path, file=path.name, taxonomy=TAXONOMY, area=area)


@pytest.fixture
def table(tmp_path):
    """The proposal for a text file of these rows; without a header given, for the usual one."""

    def make(rows, header=HEADER, area=AREA, name="file.csv"):
        path = tmp_path / name
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, delimiter=";").writerows([header, *rows] if header else rows)
        return looked_at(path, area)

    return make


def rows_with(place: int, cells, *, row=ROW) -> list[list[str]]:
    return [[str(number), *row[1:place], cell, *row[place + 1 :]] for number, cell in enumerate(cells)]


def told(proposal: Proposal, words: str) -> bool:
    return any(words in doubt for doubt in proposal.doubts)


def parsed(proposal: Proposal, name: str = "office") -> dict:
    """The block as study.toml gives it, accepted by the settings."""
    read = tomllib.loads('name = "x"\n[ingest]\ncrs = "EPSG:32626"\n' + as_toml(proposal, name))
    found = read["ingest"].get("files", {}).get(name, {})
    Reading.model_validate(found)
    return found


# Refused and doubtful


@pytest.mark.parametrize("content", [b"", b"\0\1\2\3", b"PK\x03\x04broken", b"{", b"a", b"\x1f\x8bbroken", b'"open\n1;2'])
@pytest.mark.parametrize("ending", ["csv", "xlsx", "tif", "geojson"])
def test_broken_file_gives_a_doubt_and_no_reader(tmp_path, content, ending):
    (tmp_path / f"f.{ending}").write_bytes(content)
    proposal = looked_at(tmp_path / f"f.{ending}")
    assert proposal.reader is None
    assert proposal.doubts


def test_missing_file_gives_a_doubt(tmp_path):
    assert looked_at(tmp_path / "none.csv").doubts


def test_two_headers_equally_likely_are_told_and_neither_is_proposed(table):
    header = ["№", "Дата", "Date", *HEADER[2:]]
    proposal = table([["1", "30.04.2025", "29.04.2025", *ROW[2:]]] * 3, header)
    assert "date" not in proposal.columns
    assert told(proposal, "date: equally likely are 'Дата', 'Date'")


def test_a_header_that_stands_twice_is_never_proposed(table):
    for cell in ("31.12.2024", "стёрто"):
        proposal = table([[*ROW, cell]] * 3, [*HEADER, "Дата"])
        assert "date" not in proposal.columns
        assert told(proposal, "same header: 'Дата'")


def test_date_of_registration_or_birth_is_not_the_date_of_what_happened(table):
    for header in ("Дата регистрации", "Дата рождения", "Reported date", "Санаи таваллуд"):
        proposal = table([ROW] * 3, [HEADER[0], header, *HEADER[2:]])
        assert "date" not in proposal.columns, header
        assert told(proposal, "not of what happened"), header


@pytest.mark.parametrize(
    "header",
    [
        *("Vehicle registration date", "Дата регистрации автомобиля", "Дата регистрации рождения", "Дата события и регистрации"),
        *("Дата происшествия, дата регистрации", "Санаи ҳодиса ва санаи бақайдгирӣ", "Дата создания", "Updated on"),
    ],
)
def test_a_longer_header_is_no_day_of_reporting(table, header):
    assert "date_reported" not in table([[*ROW, "01.05.2025"]] * 3, [*HEADER, header]).columns


def test_two_days_of_reporting_are_told_and_neither_is_proposed(table):
    proposal = table([[*ROW, "01.05.2025", "02.05.2025"]] * 3, [*HEADER, "Дата регистрации", "Дата сообщения"])
    assert "date_reported" not in proposal.columns
    assert told(proposal, "date_reported: equally likely are 'Дата регистрации', 'Дата сообщения'")


def test_a_header_of_reporting_above_other_cells_is_not_proposed(table):
    assert "date_reported" not in table([[*ROW, "Отдел 3"]] * 3, [*HEADER, "Зарегистрировано"]).columns


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        (["01.02.2025", "30.04.2025"], "%d.%m.%Y"),
        (["01/02/2025", "04/30/2025"], "%m/%d/%Y"),
        (["01.02.2025 14:05", "30.04.2025 9:00"], "%d.%m.%Y"),
        (["2025/02/01", "2025/04/30"], "%Y/%m/%d"),
        (["01.02.2025", "05.12.2025", "12.12.2025"], None),
        (["13.02.2025", "02.13.2025"], None),
        (["01.02.25", "30.04.25"], None),
        (["2025-02-01", "2025-04-30"], None),
        (["01.02.2025", "12.12.2025", "30.04.25"], None),
    ],
)
def test_date_format_only_if_the_cells_prove_it(table, dates, expected):
    proposal = table(rows_with(1, dates))
    assert proposal.columns["date"] == "Дата"
    assert proposal.date_format == expected
    if expected is None and "-" not in dates[0]:
        assert told(proposal, "date_format:")


def test_the_proof_can_stand_below_the_first_rows(table):
    dates = ["01.02.2025"] * 5_000 + ["30.04.2025"]
    assert table(rows_with(1, dates)).date_format == "%d.%m.%Y"
    assert told(table(rows_with(1, dates[:-1])), "both orders are possible: '%d.%m.%Y' or '%m.%d.%Y'")


def test_exchanged_coordinates_are_not_proposed_but_told(table):
    row = [*ROW[:4], "-27,0234", "43,0123", ROW[6]]
    proposal = table([row] * 3)
    assert not {"latitude", "longitude"} & set(proposal.columns)
    assert told(proposal, "exchanged")
    some = table([ROW, ROW, row])
    assert some.columns["latitude"] == "Широта"
    assert told(some, "mend_exchanged")


def test_metres_need_their_zone_and_x_and_y_are_not_guessed(table):
    row = [*ROW[:4], "4761234.5", "12498765.1", ROW[6]]
    proposal = table([row] * 3, [*HEADER[:4], "X", "Y", HEADER[6]])
    assert not {"easting", "northing", "latitude", "longitude"} & set(proposal.columns)
    assert told(proposal, "crs")
    named = table([row] * 3, [*HEADER[:4], "Northing", "Easting", HEADER[6]])
    assert (named.columns["northing"], named.columns["easting"]) == ("Northing", "Easting")
    assert told(named, "crs")


def test_metres_under_latitude_are_not_proposed(table):
    proposal = table([[*ROW[:4], "4761234.5", "498765.1", ROW[6]]] * 3)
    assert not {"latitude", "longitude"} & set(proposal.columns)


def test_one_coordinate_alone_is_told(table):
    proposal = table([ROW] * 3, [*HEADER[:5], "abc", HEADER[6]])
    assert not {"latitude", "longitude"} & set(proposal.columns)
    assert told(proposal, "not the other coordinate")


def test_severity_by_its_header_alone_is_told_not_proposed(table):
    proposal = table([[*ROW, "3"]] * 3, [*HEADER, "severity"])
    assert "severity" not in proposal.columns
    assert told(proposal, "'severity': our own name")


def test_other_kinds_and_numbers_are_no_category(table):
    header = [*HEADER[:2], "location_category", *HEADER[3:]]
    assert "category" not in table(rows_with(2, ["house", "street", "house"]), header).columns
    assert "category" not in table(rows_with(2, ["1", "3", "1"])).columns


def test_nothing_private_is_repeated(table):
    private = "Гулнора Саидова, тел. 900-11-22-33"
    names = ["Анвар Каримов", "Бахром Усмонов"]
    rows = [
        [str(n), "30.04.2025", word, private, "43.01234", "-27.02345", private * 3]
        for n, word in enumerate([*names, "кража", "кража"])
    ]
    proposal = table(rows)
    block = as_toml(proposal, "office")
    assert proposal.columns["category"] == "Вид происшествия"
    assert not [word for word in (private, *names, "900-11", "43.01234", "27.02345") if word in block]
    assert told(proposal, "in 2 rows it is not known")


def test_a_file_without_headers_is_not_read_by_its_first_row(table):
    row = ["77", "Анвар Каримов", "30.04.2025", "кража", "село Торпону", "43.01234", "-27.02345"]
    proposal = table(rows_with(1, ["Анвар Каримов"] * 9, row=row), header=None)
    assert proposal.reader is None
    assert told(proposal, "no row of headers")
    assert "Каримов" not in as_toml(proposal, "office")


def test_table_without_dates_and_places_is_nothing(table):
    assert table([["a", "1"]] * 5, ["ward", "population"]).reader is None
    assert looked_at(RAW / "truth.json").reader is None
    assert looked_at(RAW / "sources.toml").reader is None


# Tables


@pytest.mark.parametrize(
    "header",
    [
        HEADER,
        ["Record ID", "Date of incident", "Category", "Village", "Lat", "Lon", "Description"],
        ["№ сабт", "Санаи ҳодиса", "Навъи ҳодиса", "Ҷой (деҳа, ноҳия)", "Арз, °", "Тӯл, °", "Шарҳ"],
        ["Номери", "Күнү", "Окуянын түрү", "Айылы", "Кеңдик", "Узундук", "Эскертүү"],
        ["Raqami", "Sana", "Hodisa turi", "Qishloq", "Kenglik", "Uzunlik", "Izoh"],
        ["Рақами", "Санаси", "Ҳодиса тури", "Қишлоқ", "Кенглик", "Узунлик", "Изоҳ"],
        ["Número", "Fecha", "Delito", "Lugar", "Latitud", "Longitud", "Descripción"],
        ["НОМЕР  записи", "ДАТА СОБЫТИЯ", "категория", "Населённый пункт", "широта", "долгота", "Фабула"],
    ],
)
def test_headers_of_every_language_are_known(table, header):
    proposal = table(rows_with(6, [ROW[6], ROW[6] + " вчера", ""]), header)
    names = ("record_id", "date", "category", "place", "latitude", "longitude", "text")
    assert proposal.reader == "table"
    assert proposal.columns == dict(zip(names, header, strict=True))
    assert proposal.date_format == "%d.%m.%Y"


@pytest.mark.parametrize(
    ("happened", "header"),
    [
        ("Date", "Date reported"),
        ("Date of incident", "Registered on"),
        ("Дата", "Дата регистрации"),
        ("Дата происшествия", "Дата и время регистрации (КУСП)"),
        ("Санаи ҳодиса", "Санаи бақайдгирӣ"),
        ("Күнү", "Катталган күнү"),
        ("Sana", "Ro'yxatga olingan sana"),
        ("Hodisa sanasi", "Roʻyxatga olish sanasi"),
        ("Санаси", "Рўйхатга олинган сана"),
        ("DATE OCC", "Date Rptd"),
        ("date", "date_reported"),
    ],
)
def test_the_day_of_reporting_is_known_and_takes_nothing_from_the_date(table, happened, header):
    for headers in ([happened, header], [header, happened]):
        dates = ["30.04.2025", "01.05.2025"][:: 1 if headers[0] == happened else -1]
        proposal = table([["1", *dates, *ROW[2:]]] * 3, ["№", *headers, *HEADER[2:]])
        assert (proposal.columns["date"], proposal.columns["date_reported"]) == (happened, header)
        assert not told(proposal, "date:")


def test_the_day_of_reporting_of_a_form_is_left_to_its_reader(table):
    header = ["date", "category", "place", "Дата регистрации", "_uuid", "_submission_time", "_id"]
    proposal = table(
        [["2025-04-30", "theft", "A", "2025-05-02", f"u{n}", "2025-05-01T10:00:00", str(n)] for n in range(3)], header
    )
    assert proposal.reader == "kobo"
    assert "date_reported" not in proposal.columns


def test_columns_without_a_telling_header_are_found_by_their_cells(table):
    rows = [[f"A-{n}", f"{n % 28 + 1:02d}.04.2025", "кража", "x", f"43,0{n}1", f"-27,0{n}1"] for n in range(10, 60)]
    proposal = table(rows, ["a", "b", "c", "d", "e", "f"])
    expected = {"record_id": "a", "date": "b", "latitude": "e", "longitude": "f", "category": "c"}
    assert proposal.columns == expected
    assert all(told(proposal, f"'{header}'") for header in expected.values())
    without = table(rows, ["a", "b", "c", "d", "e", "f"], area=None)
    assert not {"latitude", "longitude"} & set(without.columns)


def test_unknown_categories_come_with_the_nearest_known_and_their_rows(table):
    cells = ["кража"] * 5 + ["Незаконное оружие дома"] * 3 + ["незаконное оружие дома"] + ["игра в кости"] * 3 + ["стук"] * 2
    proposal = table(rows_with(2, cells))
    assert proposal.words == (Word("Незаконное оружие дома", "weapons", 4), Word("игра в кости", None, 3))
    block = as_toml(proposal, "office")
    assert '# "Незаконное оружие дома" = "weapons"  # 4 rows' in block
    assert parsed(proposal)["words"] == {}
    assert told(proposal, "кража = theft")


def test_rows_without_date_are_counted(table):
    assert told(table(rows_with(1, ["30.04.2025", "", ""])), "2 of the first 3 rows")


def test_header_with_a_line_break_is_read_as_it_is_proposed(tmp_path):
    path = tmp_path / "f.csv"
    path.write_text('№;"Дата\nсобытия";Категория;Село\n1;30.04.2025;кража;Торпону\n', encoding="utf-8")
    columns = Reading.model_validate(parsed(looked_at(path))).columns
    [piece] = READERS["table"].read(path, source="s", file="f.csv", columns=columns, values={})
    assert list(piece.table["date"]) == ["30.04.2025"]


def test_titles_above_the_header_are_passed_over(table):
    proposal = table([["Реестр происшествий", *[""] * 6], HEADER, ROW, ROW], header=None)
    assert proposal.columns["date"] == "Дата"


def test_what_is_proposed_can_be_read(tmp_path):
    for name in ("register_norvia.xlsx", "register_selmar.csv", "kobo_community.csv"):
        proposal = looked_at(RAW / name)
        pieces = READERS[proposal.reader].read(
            RAW / name, source="s", file=name, sheet=proposal.sheet, columns=dict(proposal.columns), values={}
        )
        assert sum(len(piece.table) for piece in pieces) > 300


def test_example_study_every_column_is_proposed_as_it_is_written():
    files, area = read_study(ROOT / "study.toml").ingest.files, AREA
    # Lists of meetings are named when they are added: nothing is proposed for them.
    for source in (source for source in read_sources(RAW / "sources.toml") if source.reader not in MEETING_READERS):
        proposal = propose(RAW / source.file, file=source.file, taxonomy=TAXONOMY, area=area)
        reading = files.get(source.name, Reading())
        assert (proposal.reader or "none") == source.reader, source.name
        if source.name in files:
            assert dict(proposal.columns) == reading.columns
            assert proposal.sheet == reading.sheet
            assert proposal.date_format in (reading.date_format, None if reading.date_format == "%Y-%m-%d" else "")
            wrong = [word for word in proposal.words if word.nearest not in (None, reading.words.get(word.text))]
            assert not wrong


# Layers


def layer(path: Path, shapes, crs="EPSG:4326", **columns) -> Path:
    gpd.GeoDataFrame(columns, geometry=shapes, crs=crs).to_file(path)
    return path


POINTS = [shapely.Point(-27 + n / 100, 43) for n in range(3)]
AREAS = [point.buffer(0.01) for point in POINTS]
LINES = [shapely.LineString([point, (point.x, 43.1)]) for point in POINTS]


def test_areas_with_names_are_never_claims_by_themselves(tmp_path):
    proposal = looked_at(layer(tmp_path / "d.gpkg", AREAS, ADM2_EN=list("abc"), date=["2018-08-28"] * 3))
    assert (proposal.reader, dict(proposal.columns)) == (None, {})
    assert told(proposal, "--claimant")


def test_lines_without_kinds_are_left_to_the_person(tmp_path):
    assert looked_at(layer(tmp_path / "l.gpkg", LINES, kind=["-1", "-1", "2"])).reader is None


def test_tags_of_openstreetmap_that_fit_several_tables_are_told(tmp_path):
    path = layer(
        tmp_path / "o.geojson",
        POINTS,
        osm_id=["1", "2", "3"],
        place=["village", None, None],
        amenity=[None, "police", None],
        natural=[None, "spring", "spring"],
    )
    proposal = looked_at(path)
    assert proposal.reader is None
    assert all(told(proposal, table) for table in ("settlements", "services", "resources"))


def test_layers_by_their_columns_and_kinds(tmp_path):
    cases = {
        "settlements": (POINTS, {"name": list("abc"), "population": [5, 6, 7]}),
        "resources": (LINES, {"kind": ["canal"] * 3, "name": list("abc")}),
        "services": (POINTS, {"kind": ["crossing", "police_post", "meeting_place"]}),
        "claims": (LINES, {"claimant": ["Norvia"] * 3}),
        "table": (POINTS, {"date": ["2025-04-30"] * 3, "category": ["theft"] * 3}),
    }
    for reader, (shapes, columns) in cases.items():
        proposal = looked_at(layer(tmp_path / f"{reader}.gpkg", shapes, **columns))
        assert proposal.reader == reader
        assert not {"latitude", "longitude"} & set(proposal.columns)
    assert looked_at(tmp_path / "settlements.gpkg").columns == {"name": "name", "residents": "population"}


def test_places_in_a_table_are_settlements(table):
    rows = [[str(n), f"Village {'abcdef'[n]}", "43.012", "-27.023", str(n * 100)] for n in range(6)]
    proposal = table(rows, ["id", "name", "lat", "lon", "population"])
    assert proposal.reader == "settlements"
    expected = {"settlement_id": "id", "name": "name", "residents": "population", "longitude": "lon", "latitude": "lat"}
    assert proposal.columns == expected


def test_headerless_geonames_is_known(tmp_path):
    line = "1121271\tYang\tYang\tYangi\t43.01\t-27.02\tP\tPPL\tNO\t\t24\t\t\t\t11100\t\t400\tAtlantic/Azores\t2012-01-19\n"
    (tmp_path / "NO.txt").write_text(line * 5)
    assert looked_at(tmp_path / "NO.txt") == Proposal("settlements")


# Rasters


@pytest.mark.parametrize(
    ("name", "values", "dtype", "expected"),
    [
        ("srtm_42.tif", (300, 4000), "int16", "elevation"),
        ("ppp_2020.tif", (0, 90), "float32", "population"),
        ("tile.tif", (10, 20, 30, 40), "uint8", "land_cover"),
        ("worldcover.tif", (10, 20), "uint8", "land_cover"),
        ("worldcover.tif", (1, 2, 3), "uint8", None),
        ("ppp_2020.tif", (-5, 90), "float32", None),
        ("tile.tif", (300, 4000), "int16", None),
        ("population_elevation.tif", (300, 4000), "int16", None),
    ],
)
def test_rasters_by_name_and_values_together(tmp_path, name, values, dtype, expected):
    grid = np.resize(np.array(values, dtype=dtype), (50, 51))
    profile = {"driver": "GTiff", "height": 50, "width": 51, "count": 1, "dtype": dtype, "crs": "EPSG:4326"}
    with rasterio.open(tmp_path / name, "w", **profile, transform=Affine(0.01, 0, -27, 0, -0.01, 43)) as raster:
        raster.write(grid, 1)
    proposal = looked_at(tmp_path / name)
    assert proposal.reader == expected
    assert bool(proposal.doubts) == (expected is None)


# The block

ANYTHING = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(
    st.dictionaries(st.sampled_from(DRAFT_COLUMNS), ANYTHING),
    st.none() | ANYTHING,
    st.lists(st.builds(Word, ANYTHING, st.none() | st.just("theft"), st.integers(1, 99)), max_size=3),
    st.lists(ANYTHING, max_size=3),
    ANYTHING.filter(bool),
)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_block_is_toml_whatever_the_headers(columns, sheet, words, doubts, name):
    proposal = Proposal("table", sheet, columns, None, tuple(words), tuple(doubts))
    found = parsed(proposal, name)
    assert found.get("columns", {}) == columns
    assert found.get("sheet") == sheet
    assert not found.get("words")


def test_signs_that_nobody_sees_do_no_harm():
    strange = 'a"b\\c\n[x]\x7f\x00.\u2028'
    found = parsed(Proposal("table", strange, {"date": strange}, None, (Word(strange, None, 3),), (strange,)))
    assert (found["sheet"], found["columns"]) == (strange, {"date": strange})


def test_nothing_to_say_is_no_block():
    assert as_toml(looked_at(RAW / "ged_like.csv"), "ged") == ""


def test_block_can_be_appended_to_the_example_study(tmp_path):
    text = (ROOT / "study.toml").read_text(encoding="utf-8")
    (tmp_path / "study.toml").write_text(text + as_toml(looked_at(RAW / "register_selmar.csv"), "new"), encoding="utf-8")
    reading = read_study(tmp_path / "study.toml").ingest.files["new"]
    assert reading.columns == read_study(ROOT / "study.toml").ingest.files["register_selmar"].columns


# Speed, and real files


def test_of_a_large_file_only_the_head_is_understood(tmp_path):
    line = "1;30.04.2025;theft;Torponu;43.01;-27.02;nothing more is known about it by anyone\n"
    path = tmp_path / "large.csv"
    with path.open("w") as file:
        file.write("id;date;category;place;lat;lon;text\n")
        for _ in range(64):
            file.write(line * 13_000)
    started = time.process_time()
    assert looked_at(path).date_format == "%d.%m.%Y"
    assert time.process_time() - started < 4


WANTED = {
    "isfara-batken/raw/damage_2022.csv": ("table", {"latitude": "lat", "longitude": "lon", "place": "place"}),
    "isfara-batken/raw/settlements_geonames.csv": (
        "settlements",
        {
            "settlement_id": "geonameid",
            "name": "name",
            "alternatives": "alternatenames",
            "residents": "population",
            "longitude": "longitude",
            "latitude": "latitude",
        },
    ),
    "isfara-batken/raw/villages_en_ru.csv": ("settlements", {"settlement_id": "id", "longitude": "lon", "latitude": "lat"}),
    "isfara-batken/raw/tfdd_events_central_asia.csv": ("tfdd", {}),
    "isfara-batken/raw/ucdp_ged_v23_sample1000.csv": ("ucdp", {}),
    "isfara-batken/raw/districts_tj.geojson": (None, {}),
    "isfara-batken/raw/districts_kg.geojson": (None, {}),
    "isfara-batken/raw/rivers_wdbii.geojson": (None, {}),
    "isfara-batken/raw/health_points_kg.geojson": (None, {}),
    "isfara-batken/raw/elevation_9km.tif": ("elevation", {}),
    "messy/dtpstat_road_incidents_ru.json": (
        "table",
        {
            "record_id": "id",
            "date": "datetime",
            "latitude": "point/latitude",
            "longitude": "point/longitude",
            "category": "category_name",
        },
    ),
    "messy/crimemappingdata/cdmx_car_jacking.gpkg": ("table", {"date": "fecha_hechos"}),
    "messy/crimemappingdata/lancashire_ward_pop.xlsx": (None, {}),
    "messy/crimemappingdata/qld_stalking.xlsx": (None, {}),
    "messy/crimemappingdata/praha_boundary.zip": (None, {}),
    "messy/crimemappingdata/medellin_homicides.csv": (
        "table",
        {"date": "fecha_hecho", "latitude": "latitud", "longitude": "longitud"},
    ),
    "crime/chicago_burglary_2015_2017.csv.gz": ("table", {"date": "date", "latitude": "lat", "longitude": "lon"}),
    "crime/chicago_aggravated_assaults.csv.gz": (
        "table",
        {"date": "date", "latitude": "latitude", "longitude": "longitude"},
    ),
}


@pytest.mark.skipif(not REAL, reason="TENSIONMAP_REAL_DATA does not name the folder of real files")
@pytest.mark.parametrize("name", WANTED)
def test_real_files(name):
    reader, columns = WANTED[name]
    proposal = looked_at(Path(REAL or "") / name, area=None)
    assert proposal.reader == reader
    assert dict(proposal.columns) == columns
    parsed(proposal)
