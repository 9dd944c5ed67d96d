import csv
import dataclasses
import gzip
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tensionmap.errors import RawDataError
from tensionmap.ingest.readers import DRAFT_COLUMNS, READERS, Draft

COLUMNS = {"record_id": "№", "date": "Дата", "category": "Вид", "latitude": "Широта", "longitude": "Долгота", "text": "Описание"}
HEADER = list(COLUMNS.values())
ROW = ["7", "30.04.2025", "кража", "43,01", "-27,02", "Со слов; двух «соседей»"]


def read(path: Path, reader: str = "table", **options: Any) -> Draft:
    """All pieces of a file as one draft."""
    pieces = list(READERS[reader].read(path, source="office", file=path.name, **options))
    assert pieces
    counted = sum((Counter(piece.counted) for piece in pieces), Counter())
    return dataclasses.replace(
        pieces[0],
        table=pd.concat([piece.table for piece in pieces]),
        raw=pd.concat([piece.raw for piece in pieces]),
        set_aside=pd.concat([piece.set_aside for piece in pieces], ignore_index=True),
        notes=(*(note for piece in pieces for note in piece.notes), *(f"{n} {what}" for what, n in counted.items() if n)),
    )


def write_csv(path: Path, rows: list[list[str]], *, encoding: str = "utf-8", delimiter: str = ";") -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)
    return path


def write_xlsx(
    path: Path, rows: list[list[Any]], *, merged: tuple[str, ...] = (), sheets: Mapping[str, list[list[Any]]] | None = None
) -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for cells in merged:
        book.active.merge_cells(cells)
    for name, others in (sheets or {}).items():
        sheet = book.create_sheet(name)
        for row in others:
            sheet.append(row)
    book.save(path)
    return path


def reasons(draft: Draft) -> dict[int, str]:
    return dict(zip(draft.set_aside["row"], draft.set_aside["reason"], strict=True))


def test_refuses_a_missing_header_with_the_nearest(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "r.csv", [HEADER, ROW])
    with pytest.raises(
        RawDataError, match=r"r\.csv: there is no column 'Долготa'\. The nearest is 'Долгота'\. Columns of the file are: '№'"
    ):
        read(path, columns={**COLUMNS, "longitude": "Долготa"})


def test_refuses_a_file_that_does_not_say_what_happened_or_when(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "r.csv", [HEADER, ROW])
    for name in ("date", "category"):
        with pytest.raises(RawDataError, match=f"nothing says which column is '{name}'"):
            read(path, columns={ours: theirs for ours, theirs in COLUMNS.items() if ours != name})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"columns": {"dates": "Дата"}}, "Did you mean 'date'"),
        ({"values": {"kategory": "theft"}}, "Did you mean 'category'"),
        ({"columns": COLUMNS, "values": {"category": "theft"}}, "both a header and one value"),
        ({"columns": COLUMNS, "sheet": "2025"}, "text file and has no sheet '2025'"),
    ],
)
def test_refuses_settings_that_clash(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(RawDataError, match=message):
        read(write_csv(tmp_path / "r.csv", [HEADER, ROW]), **options)


def test_refuses_a_header_that_stands_twice(tmp_path: Path) -> None:
    with pytest.raises(RawDataError, match="two columns have the header 'Дата'"):
        read(write_csv(tmp_path / "r.csv", [[*HEADER, "Дата"], [*ROW, "1"]]), columns=COLUMNS)


def test_refuses_an_unknown_sheet_and_names_those_there(tmp_path: Path) -> None:
    with pytest.raises(RawDataError, match=r"no sheet 'Mai'\. Sheets are: Sheet"):
        read(write_xlsx(tmp_path / "r.xlsx", [HEADER, ROW]), columns=COLUMNS, sheet="Mai")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has no rows"),
        (b"PK\x03\x04 no archive", "packing is damaged"),
        (b"\x1f\x8b no archive", "packing is damaged"),
        (b"a;b\n" + b"x" * 300 + b"\0\x98", "neither a spreadsheet nor text"),
        (b'a;b\n1;"' + b"x" * 140_000, "line 2: the cells cannot be told apart"),
    ],
)
def test_refuses_a_file_that_cannot_be_read(tmp_path: Path, content: bytes, message: str, sniff: Any) -> None:
    path = tmp_path / "r.csv"
    path.write_bytes(content)
    with pytest.raises(RawDataError, match=message):
        read(path, columns={"date": "a", "category": "b"})
    assert sniff(path) is None


def test_refuses_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RawDataError, match="lies under data/raw"):
        read(tmp_path / "none.csv")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
def test_finds_encoding_and_separator(tmp_path: Path, encoding: str, delimiter: str) -> None:
    rows = [HEADER, ROW, ["8", *ROW[1:5], 'two\nlines "quoted"'], ["9", *ROW[1:5], ""]]
    draft = read(write_csv(tmp_path / "r.csv", rows, encoding=encoding, delimiter=delimiter), columns=COLUMNS)
    assert list(draft.table.index) == [2, 3, 5]
    assert draft.table.index.name == "row"
    assert list(draft.table.columns) == list(DRAFT_COLUMNS)
    assert draft.table.loc[2, ["record_id", "latitude", "text", "place"]].to_list() == ["7", "43,01", ROW[5], ""]
    assert draft.table.loc[3, "text"] == 'two\nlines "quoted"'
    assert draft.set_aside.empty
    assert draft.notes == (("r.csv is not UTF-8 and was read as cp1251",) if encoding == "cp1251" else ())


def test_reads_a_packed_file(tmp_path: Path) -> None:
    path = tmp_path / "r.csv.gz"
    path.write_bytes(gzip.compress(b"date,category\n2025-04-30,theft\n"))
    assert read(path).table["category"].to_list() == ["theft"]


def test_sets_aside_what_is_no_report(tmp_path: Path) -> None:
    rows = [
        ["Реестр", "", "", "", "", ""],
        HEADER,
        ROW,
        [""] * 6,
        ["II квартал", "", "", "", "", ""],
        HEADER,
        ["8", *ROW[1:]],
        ["", "Всего: 2", "", "", "", ""],
        [""] * 6,
    ]
    draft = read(write_csv(tmp_path / "r.csv", rows), columns=COLUMNS)
    assert list(draft.table.index) == [3, 7]
    assert reasons(draft) == {
        4: "The row is empty.",
        5: "Only one cell is filled: a heading or a remark, not a report.",
        6: "The row repeats the header.",
        8: "The row is a total, not a report.",
    }
    assert set(draft.set_aside["file"]) == {"r.csv"}


def test_a_report_about_a_total_is_no_total(tmp_path: Path) -> None:
    draft = read(write_csv(tmp_path / "r.csv", [HEADER, [*ROW[:5], "Всего"]]), columns=COLUMNS)
    assert len(draft.table) == 1


def test_sets_aside_lines_torn_apart_with_all_they_hold(tmp_path: Path) -> None:
    good = ";".join(ROW[:5]) + ";ok\n"
    path = tmp_path / "r.csv"
    lines = [
        ";".join(HEADER) + "\n",
        good,
        good,
        '9;30.04.2025;кража;43,01;-27,02;"torn\n',
        good,
        good,
        'end";x\n',
        good,
        "1;2;3\n",
    ]
    path.write_text("".join(lines), encoding="utf-8")
    draft = read(path, columns=COLUMNS)
    assert list(draft.table.index) == [2, 3, 8]
    assert reasons(draft) == {
        4: "The line has 7 cells, the table has 6 columns.",
        9: "The line has 3 cells, the table has 6 columns.",
    }
    assert draft.set_aside["original"].str.contains("кража").iloc[0]
    assert draft.set_aside["original"].str.contains("more cells").iloc[0]


def test_sets_aside_a_row_that_swallowed_others(tmp_path: Path) -> None:
    good = ";".join(ROW[:5]) + ";ok\n"
    path = tmp_path / "r.csv"
    path.write_text(";".join(HEADER) + "\n" + good * 3 + '9;30.04.2025;кража;43,01;-27,02;"torn\n' + good * 2, encoding="utf-8")
    draft = read(path, columns=COLUMNS)
    assert list(draft.table.index) == [2, 3, 4]
    assert "quotation mark is opened and not closed" in reasons(draft)[5]


def test_a_day_of_reporting_stored_as_a_number_is_read_as_the_spreadsheet_shows_it(tmp_path: Path) -> None:
    rows = [["date", "category", "registered"], ["2025-04-30", "theft", 45778], ["2025-04-30", "theft", date(2025, 5, 2)]]
    draft = read(write_xlsx(tmp_path / "r.xlsx", rows), columns={"date_reported": "registered"})
    assert draft.table["date_reported"].to_list() == ["2025-05-01", "2025-05-02"]
    assert draft.notes == ("1 dates were stored as the spreadsheet's day numbers and read as such (days since 1899-12-30)",)


def test_reads_a_register_with_titles_blank_columns_and_real_dates(tmp_path: Path) -> None:
    rows: list[list[Any]] = [
        ["Ministry"],
        [],
        ["№", "Дата", None, "Вид", "Широта ", "Долгота", "Описание"],
        [1, date(2025, 4, 30), None, "кража", 43.01, -27.02, "a"],
        [2, datetime(2025, 4, 30, 14, 5), None, "кража", 43, -27.00001, "b"],
        [3, 45777, None, "кража", "43,01", "-27,02", "–"],
        [4, "30.04.2025", None, "кража", None, None, None],
        ["Итого", None, None, 4],
    ]
    draft = read(write_xlsx(tmp_path / "r.xlsx", rows, merged=("A1:G1",)), columns=COLUMNS)
    assert list(draft.table.index) == [4, 5, 6, 7]
    assert draft.table["date"].to_list() == ["2025-04-30", "2025-04-30 14:05:00", "2025-04-30", "30.04.2025"]
    assert draft.table["record_id"].to_list() == ["1", "2", "3", "4"]
    assert draft.table["latitude"].to_list() == ["43.01", "43", "43,01", ""]
    assert draft.table["longitude"].to_list()[1] == "-27.00001"
    assert draft.table["text"].to_list() == ["a", "b", "", ""]
    assert reasons(draft) == {8: "The row is a total, not a report."}
    assert list(draft.raw.columns) == ["№", "Дата", "Вид", "Широта", "Долгота", "Описание"]
    assert draft.notes == ("1 dates were stored as the spreadsheet's day numbers and read as such (days since 1899-12-30)",)
    assert draft.headers["latitude"] == "Широта"


def test_a_cell_merged_downwards_holds_for_every_row(tmp_path: Path) -> None:
    rows: list[list[Any]] = [
        ["date", "category", "place"],
        ["2025-04-30", "theft", "A"],
        [None, "fraud", "B"],
        ["2025-05-01", "theft", "C"],
    ]
    draft = read(write_xlsx(tmp_path / "r.xlsx", rows, merged=("A2:A3",)))
    assert draft.table["date"].to_list() == ["2025-04-30", "2025-04-30", "2025-05-01"]


def test_reads_the_sheet_with_the_columns_and_says_which_were_not_read(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "r.xlsx", [["nothing here"]], sheets={"2025": [HEADER, ROW], "2026": [HEADER, ROW, ROW]})
    draft = read(path, columns=COLUMNS)
    assert (draft.sheet, len(draft.table)) == ("2025", 1)
    assert draft.notes == ("only the sheet '2025' was read, not 'Sheet', '2026'",)
    assert len(read(path, columns=COLUMNS, sheet="2026").table) == 2


def test_one_value_for_all_rows(tmp_path: Path) -> None:
    draft = read(
        write_csv(tmp_path / "r.csv", [["lat", "lon"], ["43", "-27"]]),
        columns={"latitude": "lat", "longitude": "lon"},
        values={"date": "2025-04-30", "category": "theft"},
    )
    assert draft.table.loc[2, ["date", "category", "latitude"]].to_list() == ["2025-04-30", "theft", "43"]


def test_a_header_without_name_but_with_content_is_kept_as_read(tmp_path: Path) -> None:
    draft = read(write_csv(tmp_path / "r.csv", [["date", "", "category", ""], ["2025-04-30", "x", "theft", ""]]))
    assert list(draft.raw.columns) == ["date", "column B", "category"]


KOBO = [
    "start",
    "g/date",
    "g/category",
    "g/where",
    "g/_where_latitude",
    "g/_where_longitude",
    "g/_where_altitude",
    "g/_where_precision",
    "g/story",
]
SYSTEM = ["_id", "_uuid", "_submission_time", "_validation_status", "_index"]
ANSWER = ["2025-04-30T10:00:00.000+05:00", "2025-04-30", "theft", "43.01 -27.02 900 4.5", "43.01", "-27.02", "900", "4.5", "told"]


def write_kobo(path: Path, states: list[str]) -> Path:
    answers = [[*ANSWER, str(700 + n), f"u{n}", "2025-04-30T10:05:00", state, str(n)] for n, state in enumerate(states)]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=";", quoting=csv.QUOTE_ALL).writerows([[*KOBO, *SYSTEM], *answers])
    return path


def test_kobo_sets_aside_what_was_not_approved(tmp_path: Path) -> None:
    states = ["Approved", "", "Not approved", "On hold", "validation_status_not_approved", "validation_status_approved"]
    draft = read(write_kobo(tmp_path / "k.csv", states), "kobo", columns={"location": "g/where", "text": "g/story"})
    assert list(draft.table.index) == [2, 3, 7]
    assert reasons(draft) == {4: "The answer was not approved.", 5: "The answer is on hold.", 6: "The answer was not approved."}
    assert set(draft.set_aside["column"]) == {"_validation_status"}


def test_kobo_takes_the_geopoint_from_its_parts_or_from_the_cell(tmp_path: Path) -> None:
    whole = read(write_kobo(tmp_path / "k.csv", [""]), "kobo", columns={"location": "g/where", "text": "g/story"})
    assert whole.table.loc[2, ["record_id", "date", "category", "latitude", "longitude", "precision_m", "text"]].to_list() == [
        "700",
        "2025-04-30",
        "theft",
        "43.01",
        "-27.02",
        "4.5",
        "told",
    ]
    assert whole.headers["latitude"] == "g/_where_latitude"
    rows = [
        ["_uuid", "date", "category", "location"],
        ["u1", "2025-04-30", "theft", "43.01 -27.02 900 4.5"],
        ["u2", "2025-04-30", "theft", "43.01 -27.02"],
        ["u3", "2025-04-30", "theft", ""],
    ]
    bare = read(write_csv(tmp_path / "b.csv", rows), "kobo")
    assert bare.table["record_id"].to_list() == ["u1", "u2", "u3"]
    assert bare.table["longitude"].to_list() == ["-27.02", "-27.02", ""]
    assert bare.table["precision_m"].to_list() == ["4.5", "", ""]


def test_kobo_refuses_a_question_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RawDataError, match=r"there is no column 'g/wher'\. The nearest is 'g/where'"):
        read(write_kobo(tmp_path / "k.csv", [""]), "kobo", columns={"location": "g/wher"})


UCDP = [
    "id",
    "type_of_violence",
    "source_headline",
    "where_prec",
    "where_coordinates",
    "date_prec",
    "latitude",
    "longitude",
    "date_start",
    "date_end",
]


def test_ucdp_translates_its_codes(tmp_path: Path) -> None:
    rows = [UCDP, ["5", "1", "NA", "1", "Rami village", "1", "43", "-27", "2025-04-30", "2025-04-30"]]
    rows += [
        [str(n), "2", "head", str(n), "province", str(min(n, 5)), "43", "-27", "2025-04-28", "2025-05-04"] for n in range(2, 9)
    ]
    table = read(write_csv(tmp_path / "u.csv", rows, delimiter=","), "ucdp").table
    told = ["record_id", "date", "date_end", "date_precision", "latitude", "longitude", "precision_m", "location_kind", "place"]
    assert table.loc[2, [*told, "category", "text"]].to_list() == [
        "5",
        "2025-04-30",
        "2025-04-30",
        "day",
        "43",
        "-27",
        "2000",
        "settlement",
        "Rami village",
        "armed_clash",
        "",
    ]
    assert table["location_kind"].to_list() == ["settlement", "wider", "district", "wider", "wider", "wider", "wider", "8"]
    assert table["precision_m"].to_list() == ["2000", "25000", "25000", "100000", "100000", "500000", "500000", "8"]
    assert table["date_precision"].to_list() == ["day", "range", "week", "month", "year", "year", "year", "year"]
    assert set(table["category"][1:]) == {"intercommunal_clash"}
    assert set(table["place"][1:]) == {""}


def test_ucdp_refuses_a_file_without_its_columns(tmp_path: Path) -> None:
    rows = [[header for header in UCDP if header != "where_prec"]]
    with pytest.raises(RawDataError, match="there is no column 'where_prec'"):
        read(write_csv(tmp_path / "u.csv", rows, delimiter=","), "ucdp")


def test_tells_the_readers_apart(tmp_path: Path, sniff: Any) -> None:
    assert sniff(write_kobo(tmp_path / "k.csv", [""])) == "kobo"
    assert sniff(write_csv(tmp_path / "u.csv", [UCDP], delimiter=",")) == "ucdp"
    assert sniff(write_xlsx(tmp_path / "r.xlsx", [["Office"], HEADER, ROW])) == "table"
    assert sniff(write_csv(tmp_path / "s.csv", [["name", "residents"], ["A", "5"]])) is None
    (tmp_path / "a.geojson").write_text("{}")
    assert sniff(tmp_path / "a.geojson") is None


cells = st.text("ab1;,\"'\n \tя-", max_size=6)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(cells, min_size=3, max_size=3), min_size=1, max_size=12), delimiter=st.sampled_from(";,\t"))
def test_no_row_is_lost(tmp_path: Path, rows: list[list[str]], delimiter: str) -> None:
    sure = ["2025-04-30", "theft", "A"]
    path = write_csv(tmp_path / "r.csv", [["date", "category", "place"], *[sure] * 30, *rows, sure], delimiter=delimiter)
    draft = read(path)
    found = [*draft.table.index, *draft.set_aside["row"]]
    assert len(found) == len(set(found)) == 31 + len(rows)
    first_lines = [2 + n for n in range(30)]
    assert sorted(found)[:30] == first_lines


def real_files() -> Iterator[Any]:
    """Real files, only where the environment names the folder that holds them."""
    folder = os.environ.get("TENSIONMAP_REAL_DATA")
    if not folder:
        return
    root, month = Path(folder), {"date": "month"}
    messy = root / "messy/crimemappingdata"
    damage = {"latitude": "lat", "longitude": "lon", "category": "impact", "text": "description_en"}
    yield "ucdp", root / "isfara-batken/raw/ucdp_ged_v23_sample1000.csv", {}, 1000
    yield (
        "table",
        root / "isfara-batken/raw/damage_2022.csv",
        {"columns": damage, "values": {"date": "2022-09-14", "date_end": "2022-09-19"}},
        398,
    )
    yield "table", messy / "medellin_homicides.csv", {"columns": {"date": "fecha_hecho", "category": "modalidad"}}, 9360
    yield "table", messy / "nyc_shootings.csv", {"columns": {"date": "occur_date"}, "values": {"category": "x"}}, 967
    yield "table", messy / "lancashire_asb.tab", {"columns": month, "values": {"category": "x"}}, 56434
    yield "table", messy / "nottingham_burglary.csv.gz", {"columns": month, "values": {"category": "x"}}, 1795
    yield "table", messy / "aggravated_assaults.xlsx", {"sheet": "Fort Worth", "values": {"category": "x"}}, 1577
    yield "table", messy / "sao_paulo_homicides.xlsx", {"values": {"category": "x"}}, 6214


def test_real_files_lose_no_row() -> None:
    for reader, path, options, rows in real_files():
        draft = read(path, reader, **options)
        assert len(draft.table) + len(draft.set_aside) == rows, path.name
        assert len(draft.table) > 0.95 * rows, path.name
