"""Files of any kind come out as the same cells, with the row where a spreadsheet or an editor shows them."""

import csv
import gzip
import io
import json
import zipfile
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tensionmap.errors import RawDataError
from tensionmap.ingest.grids import Grid, encodings, read_grids, spreadsheets, texts

HEADER = ["№", "Дата", "Вид", "Описание"]
ROWS = [
    ["1", "30.04.2025", "кража", "Со слов соседей, вечером у моста пропала овца"],
    ["2", "01.05.2025", "хулиганство", "На рынке разбито окно; виновный неизвестен"],
    ["3", "02.05.2025", "спор о поливной воде", "Закрыли шлюз на канале, поле осталось без воды"],
]


def table(grid: Grid, at: int = 0) -> dict[int, list[str]]:
    """Row -> cells of everything below the header."""
    found = {}
    for piece in grid.below(at):
        cells = zip(*(column.to_pylist() for column in piece.columns), strict=True)
        found |= dict(zip(piece.rows.tolist(), map(list, cells), strict=True))
    return found


def torn(grid: Grid, at: int = 0) -> dict[int, str]:
    return {row: reason for piece in grid.below(at) for row, _, reason in piece.torn}


def as_csv(rows: list[list[str]], separator: str = ";") -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator).writerows(rows)
    return text.getvalue()


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def only(path: Path) -> Grid:
    (grid,) = read_grids(path, file=path.name)
    return grid


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0", "neither a spreadsheet nor text"),
        (b"a;b\n1;\0\n" * 100, "neither a spreadsheet nor text"),
        (b"\xff\xfea\x00\x00\xd8", "neither a spreadsheet nor text"),
        (b"\x1f\x8b\x08\0broken", "packing is damaged"),
        (b"PK\x03\x04broken", "packing is damaged"),
        (b"\xd0\xcf\x11\xe0broken", "cannot be opened as a spreadsheet"),
        (b'{"a": ', "begins like JSON"),
        (b"[1, 2]", "no list of records"),
        (b"[" * 100_000, "begins like JSON"),
    ],
)
def test_refuses_what_holds_no_table(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(RawDataError, match=message):
        read_grids(written(tmp_path / "r.csv", content), file="r.csv")


def test_refuses_an_archive_of_several_files(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "r.zip", "w") as packed:
        packed.writestr("a.csv", "a")
        packed.writestr("b.csv", "b")
    with pytest.raises(RawDataError, match="archive of 2 files"):
        read_grids(tmp_path / "r.zip", file="r.zip")


def test_refuses_a_sheet_with_a_cell_far_away(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(HEADER)
    book.active["XFD1048576"] = "x"
    book.save(tmp_path / "r.xlsx")
    with pytest.raises(RawDataError, match="used area is 1,048,576 rows by 16,384 columns"):
        read_grids(tmp_path / "r.xlsx", file="r.xlsx")


def test_refuses_a_spreadsheet_that_unpacks_to_far_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "r.xlsx", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/workbook.xml", b"0" * 3_000_000)
    monkeypatch.setattr(spreadsheets, "MOST_BYTES", 1 << 20)
    with pytest.raises(RawDataError, match="unpacks to more than"):
        read_grids(tmp_path / "r.xlsx", file="r.xlsx")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1251", "koi8-r", "cp866"])
@pytest.mark.parametrize("separator", [";", ",", "\t"])
def test_reads_cyrillic_in_any_common_encoding(tmp_path: Path, encoding: str, separator: str) -> None:
    rows = [["No", *HEADER[1:]], *ROWS] if encoding not in {"utf-8", "utf-16"} else [HEADER, *ROWS]
    grid = only(written(tmp_path / "r.txt", as_csv(rows, separator).encode(encoding)))
    assert grid.head[0][1] == rows[0]
    assert list(table(grid).values()) == ROWS
    assert any(encoding in note for note in grid.notes) == (not encoding.startswith("utf"))


def test_capitals_do_not_make_one_encoding_of_another(tmp_path: Path) -> None:
    rows = [[cell.upper() for cell in row] for row in ROWS]
    for encoding in ("cp1251", "koi8-r", "cp866"):
        assert list(table(only(written(tmp_path / "r.csv", as_csv([["A"] * 4, *rows]).encode(encoding)))).values()) == rows


def test_reads_western_letters_and_tells_of_odd_bytes(tmp_path: Path) -> None:
    rows = [["id", "modalidad"], ["1", "Agresión en la vía pública"], ["2", "niño"]]
    assert list(table(only(written(tmp_path / "w.csv", as_csv(rows).encode("cp1252")))).values()) == rows[1:]
    many = as_csv([["id", "text"], *[[str(n), "Вода"] for n in range(50)]]).encode()
    grid = only(written(tmp_path / "m.csv", many + b"51;caf\xe9\r\n"))
    assert list(table(grid).values())[-1] == ["51", "café"]
    assert "but for 1 lines" in grid.notes[0]


def test_rows_are_counted_as_an_editor_counts_lines(tmp_path: Path) -> None:
    text = 'Title\n\na;b;c\n1;"two\nlines";3\n\n2;x;y\n3;x\n4;"a\r\nb\r\nc";y\n5;x;y\n'
    grid = only(written(tmp_path / "r.csv", text.encode()))
    assert [(row, cells[0]) for row, cells in grid.head][:4] == [(1, "Title"), (2, ""), (3, "a"), (4, "1")]
    assert table(grid, 2) == {
        4: ["1", "two\nlines", "3"],
        6: ["", "", ""],
        7: ["2", "x", "y"],
        9: ["4", "a\r\nb\r\nc", "y"],
        12: ["5", "x", "y"],
    }
    assert torn(grid, 2) == {8: "The line has 2 cells, the table has 3 columns."}


def test_a_quotation_mark_that_is_never_closed_is_told(tmp_path: Path) -> None:
    text = "a;b;c\n1;x;y\n" + '2;"x;y\n' + "".join(f"{n};x;y\n" for n in range(3, 30))
    grid = only(written(tmp_path / "r.csv", text.encode()))
    assert list(table(grid)) == [2]
    assert list(torn(grid)) == [3]


@pytest.mark.parametrize("size", [64, 100, 1000])
def test_pieces_of_any_size_give_the_same_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    lines = [f'{n};"a\n{n}";{"y" * (n % 7)}\n' if n % 3 else f"{n};b\n" for n in range(200)]
    path = written(tmp_path / "r.csv", ("a;b;c\n" + "".join(lines)).encode("utf-16"))
    whole = table(only(path)), torn(only(path))
    for room in (encodings, texts):
        monkeypatch.setattr(room, "PIECE_BYTES", size)
    assert len(list(only(path).below(0))) > 1
    assert (table(only(path)), torn(only(path))) == whole
    assert len(whole[0]) + len(whole[1]) == 200


plain_cell = st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]), max_size=6).map(str.strip)


@given(rows=st.lists(st.lists(plain_cell, min_size=3, max_size=3), min_size=1, max_size=12))
def test_what_is_written_comes_back(tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]) -> None:
    rows = [["first", *row[1:]] for row in rows]
    path = tmp_path_factory.mktemp("grids") / "r.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=";", quoting=csv.QUOTE_ALL).writerows([["a", "b", "c"], *rows])
    grid = only(path)
    if not torn(grid):  # a cell that looks like a line of the table is taken for one
        assert list(table(grid).values()) == rows


def test_packed_text_and_records_are_tables_too(tmp_path: Path) -> None:
    text = as_csv([HEADER, *ROWS]).encode()
    with zipfile.ZipFile(tmp_path / "r.zip", "w") as packed:
        packed.writestr("inner/r.csv", text)
    (tmp_path / "r.csv.gz").write_bytes(gzip.compress(text))
    for name in ("r.zip", "r.csv.gz"):
        assert list(table(only(tmp_path / name)).values()) == ROWS
    records = [{"id": 7, "point": {"latitude": 43.5, "longitude": None}, "tags": [1, 2]}, {"id": 8, "new": True}]
    for content in (records, {"results": records}, {"value": records}):
        grid = only(written(tmp_path / "r.json", json.dumps(content).encode()))
        assert grid.head[0][1] == ["id", "point/latitude", "point/longitude", "tags", "new"]
        assert list(table(grid).values()) == [["7", "43.5", "", "1 2", ""], ["8", "", "", "", "True"]]
