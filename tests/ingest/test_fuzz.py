"""Whatever the bytes, a file is read row by row or refused in one sentence: no other error, no hang, no flood of memory.

Hypothesis takes the same examples in every run. A long hunt: ``--hypothesis-profile`` of your own, without derandomize.
"""

import gzip
import io
import json
import runpy
import subprocess
import sys
import warnings
import zipfile
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tensionmap.errors import GeometryError, RawDataError, StudyError
from tensionmap.ingest.incidents import How, Understood, assemble, understand
from tensionmap.ingest.places import read_gazetteer
from tensionmap.ingest.readers import READERS
from tensionmap.ingest.taxonomy import read_taxonomy

FOLDER = Path(__file__).parent / "corpus"
sound = runpy.run_path(str(FOLDER / "sound.py"))
HEADER, ROWS = sound["HEADER"], sound["ROWS"]
CRS = "EPSG:32626"
COLUMNS = {"layer.gpx": {"date": "time", "category": "name"}}
LONGEST = 450

few = settings(
    max_examples=60,
    derandomize=True,
    deadline=timedelta(seconds=10),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


@cache
def files() -> dict[str, bytes]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made: dict[str, bytes] = sound["sound_files"]()
    return made


@cache
def how() -> How:
    frame = pd.DataFrame(
        {
            "settlement_id": ["v1", "v2", "v3"],
            "name": ["Navqarun", "Gulvaron", "Gulvaron"],
            "name_local": ["Навқарун", None, None],
            "alternatives": [None, None, None],
            "kind": ["village", "village", "village"],
            "district": pd.array([None] * 3, dtype="str"),
            "residents": pd.array([500, 200, 100], dtype="Int64"),
            "precision_m": [800.0, 600.0, 600.0],
        }
    )
    points = gpd.points_from_xy([-27.05, -27.1, -26.9], [43.05, 42.9, 42.9], crs="EPSG:4326")
    gazetteer = gpd.GeoDataFrame(frame, geometry=points).to_crs(CRS)
    period = {"date_from": date(2023, 10, 1), "date_to": date(2026, 9, 30)}
    area = (-27.25, 42.86, -26.75, 43.14)
    places = read_gazetteer(gazetteer)
    return How(("Norvia", "Selmar"), places, gazetteer, taxonomy=read_taxonomy(), crs=CRS, area=area, **period)


def read(path: Path) -> Understood | None:
    """What is understood of the file, or nothing if it is refused; any other error is a fault of ours."""
    columns = COLUMNS.get(path.name, {})
    try:
        drafts = READERS["table"].read(path, source="office", file=path.name, columns=columns)
        found = understand(drafts, how(), source="office", reported_by="Norvia", words={})
        incidents = assemble([found], CRS)
    except (RawDataError, GeometryError, StudyError) as refusal:
        said = str(refusal)
    else:
        return whole(found, incidents)
    assert len(said) <= LONGEST
    assert path.name in said
    return None


def whole(found: Understood, incidents: gpd.GeoDataFrame) -> Understood:
    rows = [*incidents["source_row"], *found.set_aside["row"]]
    assert len(rows) == len(set(rows)), "a row is both kept and set aside, or twice"
    return found


def broken(content: bytes, steps: list[tuple[str, float, int, bytes]]) -> bytes:
    """``content`` after some harm: bytes put in, taken out, changed, said twice, or cut off."""
    for harm, where, size, more in steps:
        at = int(where * len(content))
        before, part, behind = content[:at], content[at : at + size], content[at + size :]
        content = {
            "put in": before + more + part + behind,
            "take out": before + behind,
            "change": before + more[: len(part)].ljust(len(part), b"\xff") + behind,
            "twice": before + part * 3 + behind,
            "cut off": before,
        }[harm]
    return content


steps = st.lists(
    st.tuples(
        st.sampled_from(["put in", "take out", "change", "change", "twice", "cut off"]),
        st.floats(0, 1, exclude_max=True),
        st.integers(1, 64),
        st.one_of(
            st.binary(max_size=8), st.sampled_from([b'"', b"\0", b"\r", b"<", b"{", b"99999999999", b"1e999", b"NaN", b"-"])
        ),
    ),
    min_size=1,
    max_size=4,
)
NAMES = [
    *("utf8.csv", "quoted.csv", "cp1251.csv", "utf16.txt", "text.csv.gz", "text.zip", "records.json", "book.xlsx", "book.ods"),
    *(
        "book.xls",
        "layer.geojson",
        "layer.kml",
        "layer.kmz",
        "layer.gpx",
        "layer.gpkg",
        "layer.fgb",
        "layer.zip",
        "layer.parquet",
    ),
]


@pytest.mark.parametrize("name", NAMES)
def test_a_sound_file_of_every_kind_is_read(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(files()[name])
    found = read(tmp_path / name)
    assert sorted(files()) == sorted(NAMES)
    assert found is not None
    assert (len(found.kept), len(found.set_aside)) == (3, 0)


@pytest.mark.parametrize("name", NAMES)
@few
@given(steps=steps, is_inside=st.booleans())
def test_a_broken_file_is_read_or_refused(
    tmp_path: Path, name: str, steps: list[tuple[str, float, int, bytes]], is_inside: bool
) -> None:
    content = files()[name]
    if is_inside and content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            members = {member: packed.read(member) for member in packed.namelist()}
        member = sorted(members)[int(steps[0][1] * len(members))]
        content = sound["packed"]({**members, member: broken(members[member], steps)})
    elif is_inside and content.startswith(b"\x1f\x8b"):
        content = gzip.compress(broken(gzip.decompress(content), steps))
    else:
        content = broken(content, steps)
    (tmp_path / name).write_bytes(content)
    read(tmp_path / name)


starts = st.sampled_from(
    [
        *(b"", b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b\x08", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"\xff\xfe", b"\xfe\xff"),
        *(b"\xef\xbb\xbf", b"SQLite format 3\0", b"fgb\x03fgb\0", b"PAR1", b"\x00\x00\x27\x0a", b"<kml>", b"<gpx>", b"<html>"),
        *(b"[", b"{", b'{"type": "FeatureCollection", "features": [', b"\x1e{", b"sep=;\n", b"date;category\n", b'"', b"{\\rtf"),
    ]
)


@few
@given(start=starts, rest=st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(tmp_path: Path, start: bytes, rest: bytes) -> None:
    path = tmp_path / "register.csv"
    path.write_bytes(start + rest)
    read(path)


nasty = st.one_of(
    st.sampled_from(
        [
            *(
                "",
                "-",
                "—",
                " ",
                "\u00a0",
                "\u200b",
                "\u202e",
                "0",
                "1e999",
                "nan",
                "inf",
                "-0",
                "−27.02",
                "43,01",
                "43.0123",
                "-27.02",
            ),
            *(
                "43°00'44\"N",
                "2025-04-30",
                "30.04.2025",
                "31.02.2025",
                "45777",
                "99999",
                "0000-00-00",
                "2025-04-30T25:61",
                "theft",
            ),
            *(
                "Кража",
                "theft\u200b",
                "Navqarun",
                "Gulvaron",
                "=cmd|' /C calc'!A0",
                "@x",
                "+1",
                "'",
                '"',
                "Итого",
                "date",
                "🙂",
                "٣",
            ),
            *("a" * 5000, "1" * 5000, "{", "[", "<", "&amp;", "\\", "%s", "{0}", "\x1f", "\x85", "\u2028"),
        ]
    ),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n"), max_size=12),
)
tables = st.lists(st.lists(nasty, min_size=7, max_size=7), min_size=1, max_size=6)


@few
@given(rows=tables)
def test_no_row_of_any_table_is_lost(tmp_path: Path, rows: list[list[str]]) -> None:
    rows = [*rows, ROWS[0]]  # empty rows at the end are not of the table
    text = "".join(";".join('"' + cell.replace('"', '""') + '"' for cell in row) + "\n" for row in [HEADER, *rows])
    (tmp_path / "register.csv").write_text(text, encoding="utf-8", newline="")
    records = [dict(zip(HEADER, row, strict=True)) for row in rows]
    (tmp_path / "register.json").write_text(json.dumps(records), encoding="utf-8")
    for name in ("register.csv", "register.json"):
        found = read(tmp_path / name)
        assert found is not None
        numbers = [*found.kept["source_row"].to_pylist(), *found.set_aside["row"]]
        assert sorted(numbers) == list(range(2, len(rows) + 2))
        assert (found.set_aside["reason"] != "").all()
        assert (found.set_aside["advice"] != "").all()
    assert all(len(text) <= 2000 for text in [*found.set_aside["reason"], *found.set_aside["advice"]])


values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), nasty, st.text(max_size=4)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from([*HEADER, "x"]) | st.text(max_size=3), inner)
    ),
    max_leaves=20,
)


@few
@given(content=st.one_of(values, st.lists(st.dictionaries(st.sampled_from(HEADER), values), max_size=5)))
def test_any_json_is_read_or_refused(tmp_path: Path, content: Any) -> None:
    path = tmp_path / "records.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    found = read(path)
    if found is not None and isinstance(content, list):
        assert len(found.kept) + len(found.set_aside) <= len(content)


COUNT = """
import resource, sys, time
from pathlib import Path
from tensionmap.errors import RawDataError
from tensionmap.ingest.readers import READERS
resource.setrlimit(resource.RLIMIT_AS, (12 << 30, 12 << 30))
def most_mb():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) / 1024
before, path = most_mb(), Path(sys.argv[1])
start = time.monotonic()
try:
    rows = sum(len(draft.table) for draft in READERS["table"].read(path, source="office", file=path.name))
    said = f"{rows} rows"
except RawDataError as refusal:
    said = str(refusal)
seconds = time.monotonic() - start
print(seconds, most_mb() - before, said, sep="|")
"""


def packed_blanks(name: str, *beside: str, start: bytes = b"", size_mb: int = 300) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        for other in beside:
            packed.writestr(other, "<x/>")
        with packed.open(name, "w", force_zip64=True) as member:
            member.write(start)
            for _ in range(size_mb):
                member.write(b" " * (1 << 20))
    return content.getvalue()


def one_gz_line() -> bytes:
    return gzip.compress(b"date;category\n" + b"x" * (300 << 20), compresslevel=1)


def repeated() -> bytes:
    cell = '<table:table-cell table:number-columns-repeated="{}" {}/>'
    kind = 'office:value-type="float" office:value="1"'
    row = f'<table:table-row table:number-rows-repeated="40000">{cell.format(1000, kind)}</table:table-row>'
    made: bytes = sound["ods"]([HEADER, *ROWS], row)
    return made


def old_workbook() -> bytes:
    """Dimensions of four thousand million rows: calamine asks for memory for all of them, and is ended by the system."""
    content: bytes = sound["xls"]([HEADER, *ROWS])
    at = content.index(b"\x00\x02\x0e\x00") + 4
    return content[:at] + b"\0\0\0\0\xf0\xff\xff\xff\0\0\xf0\xff" + content[at + 12 :]


BOMBS = {
    "book.xls": old_workbook,
    "line.csv.gz": one_gz_line,
    "book.xlsx": lambda: packed_blanks("xl/worksheets/sheet1.xml", "xl/workbook.xml"),
    "book.ods": repeated,
    "layer.kmz": lambda: packed_blanks("doc.kml", start=b"<kml>"),
    "names.json": lambda: json.dumps([{f"name {n}": n} for n in range(50_000)]).encode(),
    "deep.json": lambda: b'[{"a":' * 200_000,
    "lines.csv": lambda: b"\n" * 20_000_000,
    "separators.csv": lambda: b";" * 3_000_000 + b"\n" + b";" * 3_000_000,
}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is measured as Linux counts it")
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_takes_little_time_and_memory(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(BOMBS[name]())
    done = subprocess.run(
        [sys.executable, "-c", COUNT, tmp_path / name], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-1000:]
    seconds, more_mb, said = done.stdout.split("|", 2)
    assert float(seconds) < 30, said
    assert float(more_mb) < 2500, said
    assert len(said) <= LONGEST
