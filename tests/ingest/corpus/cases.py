"""Broken registers of all kinds, as they really come: each with what has to be said of it, or how it is read all the same."""

import gzip
import io
import json
import sys
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parent))
from sound import HEADER, ROWS, geojson, gpx, kml, layer, lines, ods, packed, xls, xlsx

sys.path.pop(0)


class Case(NamedTuple):
    """One file. ``rows`` are the rows below its header, counted by hand: so many are kept or set aside, unless it is refused."""

    id: str
    file: str
    content: bytes | Callable[[Path], Any]
    rows: int = 3
    aside: dict[int, str] = {}
    """Row in the file -> words of the reason."""
    refused: str | None = None
    """Words of the sentence by which the whole file is refused."""
    notes: tuple[str, ...] = ()
    first: dict[str, Any] = {}
    """What the first incident must be."""
    how: dict[str, Any] = {}


SOUND = {"date": "2025-04-30", "category": "theft", "latitude": "43.0123", "longitude": "-27.0211"}
BY_NAME = {"date": "2025-04-30", "category": "theft"}
COLUMNS = [*HEADER, "date_end", "precision_m", "location_kind", "reported_by", "resource", "severity", "verification"]


def quoted(rows: list[list[str]]) -> bytes:
    return "".join(";".join('"' + cell.replace('"', '""') + '"' for cell in row) + "\n" for row in rows).encode()


def written(*reports: dict[str, str]) -> bytes:
    return quoted([COLUMNS, *[[report.get(name, "") for name in COLUMNS] for report in reports]])


def row(name: str, change: dict[str, str], reason: str, *, base: dict[str, str] = SOUND, **how: Any) -> Case:
    """One row that is set aside, below a sound one."""
    content = written({**SOUND, "record_id": "a"}, {**base, "record_id": "b", **change})
    return Case(f"row: {name}", "register.csv", content, rows=2, aside={3: reason}, how=how)


def well(name: str, change: dict[str, str], first: dict[str, Any], *, base: dict[str, str] = SOUND, **how: Any) -> Case:
    """One row that is understood."""
    return Case(f"row: {name}", "register.csv", written({**base, **change}), rows=1, first=first, how=how)


def reads(name: str, file: str, content: Any, **more: Any) -> Case:
    """A file that is read."""
    return Case(f"file: {name}", file, content, **more)


def refuses(name: str, file: str, content: Any, refused: str, **how: Any) -> Case:
    """A file that is refused as a whole."""
    return Case(f"file: {name}", file, content, refused=refused, how=how)


NBSP, WIDTHLESS, LONG = "\u00a0", "\u200b", "Rahim told it again. " * 50_000
LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
TEXT = lines([HEADER, *ROWS])
DAY = {"date_start": datetime(2025, 4, 30)}
AT_NAVQARUN = {"settlement_id": "v1", "location_kind": "settlement"}

ROW_CASES = [
    # dates
    row("no date", {"date": ""}, "date is missing"),
    row("a date of a dash", {"date": "—"}, "date is missing"),
    row("a date nobody knows", {"date": "неизвестно"}, "date"),
    row("31 February", {"date": "31.02.2025"}, "calendar has no day", date_format="%d.%m.%Y"),
    row("29 February of no leap year", {"date": "29.02.2025"}, "calendar has no day", date_format="%d.%m.%Y"),
    row("day and month that can be exchanged", {"date": "03.04/2025"}, "date"),
    row("an American date", {"date": "04/05/2025"}, "the day or the month first"),
    row("a year of two digits", {"date": "30.04.25"}, "two digits"),
    row("a day in the future", {"date": "2031-01-01"}, "outside the study period"),
    row("a year of 3025", {"date": "3025-04-30"}, "outside the study period"),
    row("a range turned round", {"date": "2025-04-30", "date_end": "2025-04-01"}, "before the first day"),
    row("a range of exchanged days in one cell", {"date": "30.04.2025-01.04.2025"}, "before", date_format="%d.%m.%Y"),
    row("a story for a date", {"date": LONG}, "date"),
    row("a telephone number for a date", {"date": "+992 92 777 00 00"}, "date"),
    row("a formula that failed", {"date": "#REF!"}, "date"),
    row("a month 13", {"date": "2025-13-01"}, "calendar"),
    row("digits of another script with letters", {"date": "٣٠ abc"}, "date"),
    well("a date with its time", {"date": "30.04.2025 14:05"}, DAY, date_format="%d.%m.%Y"),
    well("a date in Russian words", {"date": "30 апреля 2025 г."}, DAY),
    well("a date between blanks nobody sees", {"date": f"{NBSP}30.04.2025{WIDTHLESS} "}, DAY, date_format="%d.%m.%Y"),
    well("a date in a format that the study names", {"date": "04/30/2025"}, DAY, date_format="%m/%d/%Y"),
    # categories
    row("no category", {"category": ""}, "category is missing"),
    row("an unknown category", {"category": "parking"}, "'parking' is not known"),
    row("a story for a category", {"category": LONG}, "is not known"),
    row("a category that is an error of a spreadsheet", {"category": "#N/A"}, "category"),
    row("a category in signs only", {"category": "???"}, "category"),
    well("a category with blanks nobody sees", {"category": f" {NBSP}theft{WIDTHLESS}{NBSP} "}, {"category": "theft"}),
    well("a category in capitals", {"category": "ХУЛИГАНСТВО"}, {"category": "hooliganism"}),
    well("a category with letters of another script", {"category": "Кpaжa"}, {"category": "theft"}),
    well("a category with marks of direction", {"category": "\u202btheft\u202c"}, {"category": "theft"}),
    well("the words of the source", {"category": "кр."}, {"category": "theft"}, words={"кр.": "theft"}),
    # coordinates
    row("the zero that devices write", {"latitude": "0", "longitude": "0"}, "0 and 0"),
    row("one coordinate", {"longitude": ""}, "Only one coordinate"),
    row("exchanged coordinates", {"latitude": "-27.0211", "longitude": "43.0123"}, "exchanged"),
    row("a place elsewhere", {"latitude": "48.85", "longitude": "2.35"}, "outside the study area"),
    row("a lost decimal point", {"latitude": "430123", "longitude": "-270211"}, "latitude"),
    row("words for coordinates", {"latitude": "у моста"}, "not a number of degrees"),
    row("coordinates not a number", {"latitude": "NaN", "longitude": "inf"}, "longitude"),
    row("coordinates without end", {"latitude": "1e999", "longitude": "-27.0211"}, "latitude"),
    row("a story for a coordinate", {"latitude": LONG}, "not a number of degrees"),
    row("minutes beyond 60", {"latitude": "43°75'10\"N", "longitude": "27°01'16\"W"}, "latitude"),
    row("a precision below zero", {"precision_m": "-3"}, "negative"),
    row("a precision in words", {"precision_m": "good"}, "precision"),
    row("an unknown kind of place", {"location_kind": "hamlet"}, "not one of gps"),
    well("decimal commas", {"latitude": "43,0123", "longitude": "-27,0211"}, {"location_kind": "gps"}),
    well("a minus sign of print", {"longitude": "−27.0211"}, {"location_kind": "gps"}),
    well("a dash for a minus", {"longitude": "–27.0211"}, {"location_kind": "gps"}),
    well("degrees, minutes, seconds", {"latitude": "43°00'44\"N", "longitude": "27°01'16\"W"}, {"location_kind": "gps"}),
    well("hemispheres in letters", {"latitude": "N 43.0123", "longitude": "W 27.0211"}, {"location_kind": "gps"}),
    well("both coordinates in one cell", {"latitude": "43.0123, -27.0211", "longitude": ""}, {"location_kind": "gps"}),
    well("degree signs", {"latitude": "43.0123°", "longitude": "-27.0211°"}, {"location_kind": "gps"}),
    # places
    row("a place nobody knows", {"place": "Far"}, "'Far' is not in the list", base=BY_NAME),
    row("two places of one name", {"place": "Gulvaron"}, "can mean Gulvaron", base=BY_NAME),
    row("a telephone number for a place", {"place": "+992 92 777-00-00"}, "place", base=BY_NAME),
    row("a story for a place", {"place": LONG}, "place", base=BY_NAME),
    row("a formula for a place", {"place": "=cmd|' /C calc'!A0"}, "place", base=BY_NAME),
    *[
        well(f"a name spelt {spelt}", {"place": spelt}, AT_NAVQARUN, base=BY_NAME)
        for spelt in ("NAVQARUN", "Навқарун", "Навкарун", "с. Навқарун", "Nаvqаrun", "деҳаи Навқарун", " Navqarun\u200b ")
    ],
    well("a place that is a dash", {"place": "-"}, {"location_kind": "none"}, base=BY_NAME),
    well("a smiling text", {"text": "🙂 " + "\u202eнавтов"}, {"category": "theft"}),
    # the rest
    row("an unknown resource", {"resource": "oil"}, "resource"),
    row("an unknown reporter", {"reported_by": "Third"}, "Who reported"),
    row("a severity beyond the scale", {"severity": "12"}, "severity"),
    row("a severity that is no number", {"severity": "nan"}, "severity"),
    row("an unknown verification", {"verification": "maybe"}, "verification"),
    row("three faults at once", {"date": "", "category": "", "latitude": "x"}, "category is missing. The date is missing."),
]

ALIKE = {**SOUND, "text": "as told"}
LIST_CASES = [
    Case("rows: one number twice, alike", "r.csv", written({**SOUND, "record_id": "1"}, {**SOUND, "record_id": "1"}), 2,
         aside={3: "repeats row 2"}),
    Case("rows: one number twice, not alike", "r.csv",
         written({**SOUND, "record_id": "1"}, {**SOUND, "record_id": "1", "category": "fraud"}), 2,
         aside={3: "stands in row 2 already"}),
    Case("rows: alike with their story", "r.csv", written(ALIKE, ALIKE, ALIKE), 3,
         aside={3: "repeats row 2", 4: "repeats row 2"}),
    Case("rows: alike without number or story", "r.csv", written(SOUND, SOUND), 2, notes=("1 rows are alike",)),
    Case("rows: an empty one between", "r.csv", lines([HEADER, ROWS[0], [""] * 7, *ROWS[1:]]).encode(), 4,
         aside={3: "row is empty"}),
    Case("rows: a blank line between", "r.csv", TEXT.replace("\n2;", "\n\n2;").encode(), 4, aside={3: "row is empty"}),
    Case("rows: a line of blanks between", "r.csv", TEXT.replace("\n2;", "\n   \n2;").encode(), 4, aside={3: "row is empty"}),
    Case("rows: the header again", "r.csv", lines([HEADER, ROWS[0], HEADER, *ROWS[1:]]).encode(), 4,
         aside={3: "repeats the header"}),
    Case("rows: units below the header", "r.csv",
         lines([HEADER, ["№", "дд.мм.гггг", "код", "", "градусы", "градусы", ""], *ROWS]).encode(), 4, aside={2: "category"}),
    Case("rows: numbers of columns below the header", "r.csv",
         lines([HEADER, ["1", "2", "3", "4", "5", "6", "7"], *ROWS[1:]]).encode(), 3, aside={2: "date"}),
    *[
        Case(f"rows: a total, {word}", "r.csv", lines([HEADER, *ROWS, ["", word, "", "", "", "", "3"]]).encode(), 4,
             aside={5: "is a total"})
        for word in ("Итого", "ВСЕГО:", "Ҷамъ", "Ҳамагӣ", "Total", "Жами")
    ],
    Case("rows: a heading within", "r.csv", lines([HEADER, ["Апрель"] + [""] * 6, *ROWS]).encode(), 4,
         aside={2: "Only one cell"}),
    Case("rows: footnotes", "r.csv", lines([HEADER, *ROWS, ["* по данным РОВД"] + [""] * 6]).encode(), 4,
         aside={5: "Only one cell"}),
    Case("rows: too few cells", "r.csv", (TEXT + "4;2025-05-03\n").encode(), 4, aside={5: "has 2 cells, the table has 7"}),
    Case("rows: too many cells", "r.csv", (TEXT + "4;2025-05-03;theft;;;;a;b;c\n").encode(), 4, aside={5: "has 9 cells"}),
    Case("rows: a line break in a quoted cell", "r.csv", quoted([HEADER, [*ROWS[0][:6], "one\ntwo\r\nthree"], *ROWS[1:]])),
    Case("rows: quotation marks in quoted cells", "r.csv", quoted([HEADER, [*ROWS[0][:6], 'he said "no"'], *ROWS[1:]])),
    Case("rows: a tab in a cell", "r.csv", quoted([HEADER, [*ROWS[0][:6], "one\ttwo"], *ROWS[1:]])),
    Case("rows: a quotation mark never closed, in the first", "r.csv", TEXT.replace("1;", '"1;', 1).encode(), 1,
         aside={2: "quotation mark"}),
    Case("rows: a quotation mark never closed, in the middle", "r.csv", TEXT.replace(";хул", ';"хул', 1).encode(), 2,
         aside={3: "quotation mark"}),
    Case("rows: a cell of a megabyte", "r.csv", lines([HEADER, [*ROWS[0][:6], LONG], *ROWS[1:]]).encode()),
    Case("rows: a record number of a megabyte", "r.csv", lines([HEADER, [LONG, *ROWS[0][1:]], *ROWS[1:]]).encode()),
]  # fmt: skip

LEFT = [["", *row] for row in (HEADER, *ROWS)]
GAPS = [[*row[:2], "", *row[2:5], "", *row[5:]] for row in (HEADER, *ROWS)]
LOCAL = ["№", "Дата", "Вид", "Место", "Широта", "Долгота", "Фабула"]
TO_LOCAL = {"columns": dict(zip(HEADER, LOCAL, strict=True))}
CP1251 = lines([HEADER, *[[*row[:3], "Navqarun", *row[4:]] for row in ROWS]])
TEXT_CASES = [
    refuses("nothing in it", "r.csv", b"", "has no rows"),
    refuses("blank lines only", "r.csv", b"\n \n\n", "nothing says which column"),
    refuses("a mark of order and nothing else", "r.csv", b"\xef\xbb\xbf", "has no rows"),
    reads("a header only", "r.csv", TEXT.splitlines()[0].encode(), rows=0, notes=("has a header, but no rows",)),
    refuses("one row without a header", "r.csv", ";".join(ROWS[0]).encode(), "nothing says which column is 'date'"),
    refuses("one column", "r.csv", b"date\n2025-04-30\n", "which column is 'category'"),
    refuses("headers of another language", "r.csv", lines([LOCAL, *ROWS]).encode(), "Name it under columns"),
    refuses("a header that is not there", "r.csv", TEXT.encode(), "no column 'Когда'", columns={"date": "Когда"}),
    refuses("one header twice", "r.csv", lines([[*HEADER, "date"], *[[*r, "x"] for r in ROWS]]).encode(), "two columns"),
    reads("headers that the study names", "r.csv", lines([LOCAL, *ROWS]).encode(), how=TO_LOCAL),
    reads("the header in row 7", "r.csv", ("Отдел внутренних дел\n\n\n\n\n\n" + TEXT).encode()),
    reads("two header rows", "r.csv", lines([["", "", "", "Где", "", "", ""], HEADER, *ROWS]).encode()),
    reads("an empty first column", "r.csv", lines(LEFT).encode()),
    reads("empty columns between", "r.csv", lines(GAPS).encode()),
    reads("blank lines at the end", "r.csv", (TEXT + "\n\n;;;;;;\n").encode()),
    reads("headers in capitals with blanks", "r.csv", (" ; ".join(HEADER).upper() + TEXT[TEXT.index("\n") :]).encode()),
    *[
        reads(f"separated by {name}", "r.csv", lines([HEADER, *ROWS], separator).encode())
        for name, separator in (("commas", ","), ("tabs", "\t"), ("bars", "|"))
    ],
    *[
        reads(f"the separator {separator!r} said in the first line", "r.csv",
              (f"sep={separator}\r\n" + lines([HEADER, *ROWS], separator, "\r\n")).encode("utf-8-sig"))
        for separator in ";,\t|^~"
    ],
    reads("the separator said in UTF-16", "r.csv", ("sep=;\r\n" + lines([HEADER, *ROWS], end="\r\n")).encode("utf-16")),
    *[
        reads(f"in {encoding}", "r.csv", (TEXT if "utf" in encoding else CP1251).encode(encoding),
              notes=() if "utf" in encoding else (f"read as {encoding}",))
        for encoding in ("cp1251", "koi8-r", "cp866", "utf-16", "utf-16-le", "utf-16-be", "utf-8-sig")
    ],
    reads("in UTF-8 with a few letters of another encoding", "r.csv",
          lines([HEADER, *[[str(n), *ROWS[n % 3][1:]] for n in range(20)]]).encode() + b"20;2025-05-03;theft;;;;caf\xe9\n",
          rows=21, notes=("UTF-8 but for 1 lines",)),
    reads("a byte that its encoding does not know", "r.csv", CP1251.encode("cp1251").replace(b"2025-05-02", b"\x98"),
          aside={4: "date"}, notes=("read as cp1251",)),
    reads("line ends CR", "r.csv", lines([HEADER, *ROWS], end="\r").encode()),
    reads("line ends CRLF", "r.csv", lines([HEADER, *ROWS], end="\r\n").encode()),
    reads("no line end at the end", "r.csv", TEXT.rstrip().encode()),
    reads("the end mark of old programs", "r.csv", TEXT.encode() + b"\x1a"),
    reads("the end mark of old programs, padded", "r.csv", TEXT.encode() + b"\x1a" * 500),
    refuses("zeros within", "r.csv", TEXT.encode() + b"\0" * 40, "neither a spreadsheet nor text"),
    refuses("half a letter of UTF-16", "r.csv", TEXT.encode("utf-16") + b"\0\xd8", "neither a spreadsheet nor text"),
    refuses("a picture", "r.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "neither a spreadsheet nor text"),
    refuses("a PDF", "r.xlsx", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj", "a PDF document"),
    refuses("RTF", "r.doc", b"{\\rtf1\\ansi register}", "RTF"),
    refuses("a web page named .xls", "r.xls", b"<html><table><tr><td>date</td></tr></table></html>", "web page"),
    refuses("a web page with a mark of order", "r.xls", "\ufeff<!DOCTYPE html><html>".encode(), "web page"),
    refuses("a web page in UTF-16", "r.xls", "<table><tr><td>date".encode("utf-16"), "web page"),
    refuses("a web archive", "r.xls", b"MIME-Version: 1.0\r\nContent-Type: multipart/related", "MHTML"),
    refuses("an XML spreadsheet of 2003", "r.xls", b'<?xml version="1.0"?><Workbook xmlns="urn:x"/>', "XML"),
    refuses("an archive of another kind", "r.zip", b"Rar!\x1a\x07\x00", "a packed file of another kind"),
    refuses("a quotation mark that is opened in the header", "r.csv", ('"' + TEXT).encode(), "which column is 'date'"),
    refuses("a cell that never ends", "r.csv", (TEXT + '4;"' + "x" * 200_000).encode(), "quotation mark"),
    refuses("twenty thousand columns", "r.csv", (";".join(f"c{n}" for n in range(20_000)) + "\n").encode() * 2,
            "has 20,000 columns"),
    refuses("two thousand columns, and none of ours", "r.csv", (";".join(f"c{n}" for n in range(2000)) + "\n").encode() * 2,
            "and 1,992 more"),
    reads("a thousand columns more", "r.csv", "\n".join(
        line + "".join(f";{n * place}" for n in range(1000)) for place, line in enumerate(TEXT.splitlines())).encode()),
    refuses("a sheet of a text", "r.csv", TEXT.encode(), "text file and has no sheet 'Май'", sheet="Май"),
]  # fmt: skip


def hidden(book: Any) -> None:
    old = book.create_sheet("Old", 0)
    for cells in (HEADER, ["9", "2024-01-01", "fraud"]):
        old.append(cells)
    old.sheet_state = "hidden"


def merged(book: Any) -> None:
    sheet = book.active
    sheet["B3"] = None
    sheet.merge_cells("B2:B3")
    sheet.merge_cells("K1:M9")  # to the right of all cells
    sheet.merge_cells("A50:B60")  # below all cells


def from_1904(book: Any) -> None:
    book.epoch = datetime(1904, 1, 1)


def bare_1904(book: Any) -> None:
    from_1904(book)
    book.active["B2"] = 44315  # 30 April 2025 in days since 1904


def laughing(content: bytes) -> bytes:
    """The archive, the text of its sheet grown from entities."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = next(name for name in members if "sheet1" in name or name == "content.xml")
    start, root, rest = members[name].partition(b"<worksheet" if "sheet1" in name else b"<office:document-content")
    return packed({**members, name: start + LAUGHS.encode() + root + rest.replace(b"theft", b"&b;")})


def cell_set(place: str, value: Any) -> Callable[[Any], None]:
    def change(book: Any) -> None:
        book.active[place] = value

    return change


BOOK: list[list[Any]] = [list(HEADER), *[list(row) for row in ROWS]]
SPREADSHEET_CASES = [
    reads("dates of a spreadsheet", "r.xlsx", xlsx(BOOK, cell_set("B2", datetime(2025, 4, 30))), first=DAY),
    reads("dates stored as bare numbers", "r.xlsx", xlsx(BOOK, cell_set("B2", 45777)), first=DAY, notes=("day numbers",)),
    reads("dates counted from 1904", "r.xlsx", xlsx([BOOK[0], ["1", datetime(2025, 4, 30), *ROWS[0][2:]], *BOOK[2:]], from_1904),
          first=DAY),
    reads("dates counted from 1904, stored as bare numbers", "r.xlsx", xlsx(BOOK, bare_1904), first=DAY, notes=("1904-01-01",)),
    reads("merged cells, some beside and below the table", "r.xlsx", xlsx(BOOK, merged)),
    reads("a hidden sheet before the other", "r.xlsx", xlsx(BOOK, hidden), notes=("not 'Old'",), first=DAY),
    reads("a formula that was never counted", "r.xlsx", xlsx(BOOK, cell_set("B2", "=TODAY()")), aside={2: "date is missing"}),
    reads("a stray cell to the right", "r.xlsx", xlsx(BOOK, cell_set("ZZ3", "x"))),
    reads("truth values for text", "r.xlsx", xlsx(BOOK, cell_set("G2", True))),
    refuses("a stray cell far away", "r.xlsx", xlsx(BOOK, cell_set("XFD1048576", "x")), "a stray cell stands far away"),
    refuses("a stray cell far below", "r.xlsx", xlsx(BOOK, cell_set("A900000", "x")), "899,995 empty rows above row 900,000"),
    reads("a remark far below", "r.xlsx", xlsx(BOOK, cell_set("B9", "see page 2")), rows=8,
          aside={**dict.fromkeys(range(5, 9), "row is empty"), 9: "Only one cell"}),
    refuses("an empty workbook", "r.xlsx", xlsx([]), "has no rows"),
    refuses("a sheet that is not there", "r.xlsx", xlsx(BOOK), "has no sheet 'Май'. Sheets are: Sheet", sheet="Май"),
    refuses("a workbook that is cut off", "r.xlsx", xlsx(BOOK)[:3000], "packing is damaged"),
    refuses("a workbook without its sheet", "r.xlsx", packed({"xl/workbook.xml": "<workbook/>"}), "cannot be opened"),
    refuses("a binary workbook", "r.xlsb", packed({"xl/workbook.bin": b"\0"}), "binary workbook"),
    refuses("a text document", "r.docx", packed({"word/document.xml": "<w/>", "x": ""}), "text document"),
    refuses("entities that grow", "r.xlsx", laughing(xlsx(BOOK)), "declares a document type"),
    refuses("OpenDocument with entities that grow", "r.ods", laughing(ods([HEADER, *ROWS])), "declares a document type"),
    refuses("an old workbook with a password", "r.xls",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "locked with a password"),
    refuses("an old workbook that is cut off", "r.xls", xls(BOOK)[:2500], "cannot be opened as a spreadsheet"),
    reads("an old workbook", "r.xls", xls(BOOK), first=DAY),
    reads("an old workbook with bare numbers", "r.xls", xls([BOOK[0], ["1", 45777.0, *ROWS[0][2:]]]), rows=1, first=DAY),
    reads("OpenDocument", "r.ods", ods([HEADER, *ROWS]), first=DAY),
    reads("OpenDocument with a million empty rows", "r.ods", ods([HEADER, *ROWS],
          '<table:table-row table:number-rows-repeated="1048570"><table:table-cell table:number-columns-repeated="16384"/>'
          "</table:table-row>")),
    refuses("OpenDocument that repeats a cell without end", "r.ods", ods([HEADER, *ROWS],
            '<table:table-row table:number-rows-repeated="1048570"><table:table-cell table:number-columns-repeated="16000" '
            'office:value-type="string"><text:p>x</text:p></table:table-cell></table:table-row>'),
            "cannot be opened as a spreadsheet"),
    reads("text named .xlsx", "r.xlsx", TEXT.encode()),
    reads("a workbook named .csv", "r.csv", xlsx(BOOK)),
    reads("records named .csv", "r.csv", json.dumps([dict(zip(HEADER, row, strict=True)) for row in ROWS]).encode()),
    reads("text in an archive", "r.zip", packed({"../../r.csv": TEXT, ".DS_Store": "x"})),
    reads("text packed alone", "r.csv.gz", gzip.compress(TEXT.encode())),
    refuses("an archive in an archive", "r.zip", packed({"inner.zip": packed({"r.csv": TEXT})}),
            "holds a packed file of another kind"),
    refuses("a workbook in an archive", "r.zip", packed({"r.xlsx": xlsx(BOOK)}), "holds a packed file of another kind"),
    refuses("an archive of two files", "r.zip", packed({"a.csv": TEXT, "b.csv": TEXT}), "archive of 2 files"),
    refuses("an empty archive", "r.zip", b"PK\x05\x06" + b"\0" * 18, "neither a spreadsheet nor text"),
    refuses("a damaged archive", "r.zip", packed({"r.csv": TEXT})[:-40], "packing is damaged"),
    refuses("packed text that is cut off", "r.csv.gz", gzip.compress(TEXT.encode())[:-30], "packing is damaged"),
    refuses("packed zeros", "r.csv.gz", gzip.compress(b"\0" * 5_000_000), "neither a spreadsheet nor text"),
    refuses("one packed line of 40 MB", "r.csv.gz", gzip.compress(b"a" * 40_000_000), "a line of more than 8 MB"),
]  # fmt: skip

RECORDS = [dict(zip(HEADER, row, strict=True)) for row in ROWS]


def as_json(*records: Any) -> bytes:
    return json.dumps(list(records), ensure_ascii=False).encode()


FEATURES = json.loads(geojson())["features"]


def features(*shapes: Any) -> bytes:
    kinds = [{**feature, "geometry": shape} for feature, shape in zip(FEATURES, shapes, strict=True)]
    return json.dumps({"type": "FeatureCollection", "features": kinds}).encode()


POINT = {"type": "Point", "coordinates": [-27.02, 43.01]}
LINE = {"type": "LineString", "coordinates": [[-27.02, 43.01], [-27.03, 43.02]]}
AREA = {"type": "Polygon", "coordinates": [[[-27.02, 43.01], [-27.03, 43.01], [-27.03, 43.02], [-27.02, 43.01]]]}
ELSEWHERE = {"type": "LineString", "coordinates": [[-27.02, 4301.0], [-27.03, 4302.0]]}


def attributes_only(path: Path) -> None:
    import pyogrio

    pyogrio.write_dataframe(
        layer()[["record_id", "date"]].rename(columns={"record_id": "rec"}), path, driver="GPKG", layer="words"
    )


def without_shapes(path: Path) -> None:
    frame = layer().rename(columns={"record_id": "rec"})
    frame.set_geometry([None] * 3, crs="EPSG:4326").to_file(path, driver="GPKG")


def lists_in_cells(path: Path) -> None:
    layer().assign(more=[[1, 2], [], [3]], raw=[b"\0", b"x", b""]).to_parquet(path)


STORED_CASES = [
    refuses("JSON that ends in the middle", "r.json", as_json(*RECORDS)[:-20], "not valid in line 1"),
    refuses("JSON of numbers", "r.json", b"[1, 2]", "no list of records"),
    refuses("JSON of nothing", "r.json", b"[]", "no list of records"),
    refuses("JSON of empty records", "r.json", b"[{}, {}]", "nothing says which column"),
    refuses("JSON with a name twice", "r.json", b'[{"date": "2025-04-30", "date": "2025-04-29"}]', "one name twice"),
    refuses("JSON nested too deep", "r.json", b"[" * 100_000, "nested too deep"),
    refuses("records nested too deep", "r.json", b"[" + b'{"a":' * 901 + b"1" + b"}" * 901 + b"]",
            "which column is 'date'"),
    refuses("records of ever new names", "r.json", as_json(*[{f"n{i}": i} for i in range(6000)]), "6,000 names in all"),
    reads("JSON with NaN and Infinity", "r.json", as_json(
        {**RECORDS[0], "latitude": float("nan"), "longitude": float("inf")}, *RECORDS[1:]), aside={2: "longitude"}),
    reads("JSON with a huge number", "r.json", as_json(*RECORDS).replace(b'"43.0123"', b"9" * 5000), aside={2: "latitude"}),
    reads("JSON with a number without end", "r.json", as_json(*RECORDS).replace(b'"43.0123"', b"1e99999"), aside={2: "latitude"}),
    reads("JSON with half a letter", "r.json", as_json(*RECORDS).replace(b'"theft"', b'"theft", "x": "\\ud800"')),
    reads("JSON with nulls, lists and truth", "r.json",
          as_json(*[{**r, "a": None, "b": [None, True, {"c": 1}]} for r in RECORDS])),
    reads("JSON with numbers for numbers", "r.json", as_json({**RECORDS[0], "latitude": 43.05, "longitude": -27.0},
          *RECORDS[1:]), first={"location_kind": "gps"}),
    reads("JSON with a formula", "r.json", as_json({**RECORDS[0], "date": "\t=cmd|x!A0"}, *RECORDS[1:]), aside={2: "date"}),
    reads("a layer of points, a line and an outline", "r.geojson", features(POINT, LINE, AREA), first={"location_kind": "gps"}),
    reads("a layer without shapes", "r.geojson", features(None, None, None), first=AT_NAVQARUN),
    reads("a layer with one shape", "r.geojson", features(None, POINT, None)),
    reads("a layer with a line that is nowhere", "r.geojson", features(POINT, ELSEWHERE, LINE), aside={2: "latitude"}),
    reads("a layer with empty shapes", "r.geojson", features({"type": "Polygon", "coordinates": []}, POINT, POINT)),
    reads("a layer with a point beyond the pole", "r.geojson", features({**POINT, "coordinates": [5000, 5000]}, POINT, LINE),
          aside={1: "latitude"}),
    refuses("a layer that is cut off", "r.geojson", geojson()[:-50], "cut off"),
    refuses("a layer whose table has no shapes", "r.gpkg", attributes_only, "no layer with shapes"),
    reads("a layer all of whose shapes are missing", "r.gpkg", without_shapes),
    reads("a layer with lists and bytes", "r.parquet", lists_in_cells),
    reads("waypoints", "r.gpx", gpx().encode(), how={"columns": {"date": "time", "category": "name"}}, first=DAY),
    refuses("waypoints that lack a column", "r.gpx", gpx().encode(), "no column 'когда'", columns={"date": "когда"}),
    refuses("waypoints that are cut off", "r.gpx", gpx().encode()[:-20], "damaged or was cut off"),
    refuses("waypoints with entities that grow", "r.gpx", gpx().replace("?>", f"?>{LAUGHS}", 1).encode(), "document type"),
    reads("placemarks", "r.kml", kml().encode(), first=DAY),
    refuses("placemarks with entities that grow", "r.kml", kml().replace("?>", f"?>{LAUGHS}", 1).encode(), "document type"),
    reads("packed placemarks", "r.kmz", packed({"doc.kml": kml()}), first=DAY),
    reads("packed placemarks whose name leads outside", "r.kmz", packed({"../../../doc.kml": kml()}), first=DAY),
    refuses("packed placemarks of 40 MB of blanks", "r.kmz", packed({"doc.kml": b" " * 40_000_000}), "cannot be read"),
    refuses("a folder", "r.csv", lambda path: path.mkdir(), "is a folder"),
    refuses("no file", "r.csv", lambda path: None, "cannot be read"),
]  # fmt: skip

CASES = [*ROW_CASES, *LIST_CASES, *TEXT_CASES, *SPREADSHEET_CASES, *STORED_CASES]
