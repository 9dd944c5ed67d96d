"""Bad input is normal: every broken file or row gets one clear sentence and what to do, and no row is lost."""

import json
import os
import re
import runpy
import warnings
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest

from tensionmap.errors import RawDataError
from tensionmap.ingest.grids import texts
from tensionmap.ingest.incidents import How, Understood, assemble, understand
from tensionmap.ingest.places import read_gazetteer
from tensionmap.ingest.readers import READERS
from tensionmap.ingest.set_aside import as_csv
from tensionmap.ingest.taxonomy import read_taxonomy

corpus = runpy.run_path(str(Path(__file__).parent / "corpus" / "cases.py"))
CRS = "EPSG:32626"
LONGEST = 400
"""Letters of a message."""

# Words of Python and of its libraries, that no reader of a register knows.
JARGON = re.compile(
    r"Traceback|Error\b|Exception|\bNone\b|\bnan\b|<class|dtype|\bstr\b|\bfloat\b|\bint\b|NoneType|ndarray|pyarrow|pandas|calamine"
    r"|codec|unicode|0x[0-9a-f]{4}|\bline \d+ column \d+ \(char"
)


@pytest.fixture(scope="session")
def how() -> How:
    frame = pd.DataFrame(
        {
            "settlement_id": ["v1", "v2", "v3", "d1"],
            "name": ["Navqarun", "Gulvaron", "Gulvaron", "Upland"],
            "name_local": ["Навқарун", None, None, None],
            "alternatives": [None, None, None, "на границе"],
            "kind": ["village", "village", "village", "district"],
            "district": pd.array([None] * 4, dtype="str"),
            "residents": pd.array([500, 200, 100, None], dtype="Int64"),
            "precision_m": [800.0, 600.0, 600.0, 9000.0],
        }
    )
    points = gpd.points_from_xy([-27.05, -27.1, -26.9, -27.0], [43.05, 42.9, 42.9, 43.0], crs="EPSG:4326")
    gazetteer = gpd.GeoDataFrame(frame, geometry=points).to_crs(CRS)
    return How(
        parties=("Norvia", "Selmar"),
        places=read_gazetteer(gazetteer),
        points=gazetteer,
        taxonomy=read_taxonomy(),
        crs=CRS,
        area=(-27.25, 42.86, -26.75, 43.14),
        date_from=date(2023, 10, 1),
        date_to=date(2026, 9, 30),
    )


def understood(path: Path, how: How, *, corrected: Path | None = None, **options: Any) -> Understood:
    read = {name: options[name] for name in ("sheet", "columns", "values") if name in options}
    told = {name: options[name] for name in ("date_format", "crs") if name in options}
    table = READERS["table"].read
    return understand(
        table(path, source="office", file=path.name, **read),
        how,
        source="office",
        reported_by="Norvia",
        words=options.get("words", {}),
        corrected=table(corrected, source="corrected", file=corrected.name, **read) if corrected else (),
        **told,
    )


def laid(folder: Path, file: str, content: bytes | Callable[[Path], Any]) -> Path:
    path = folder / file
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        content(path) if callable(content) else path.write_bytes(content)
    return path


def assert_clear(message: str, *, about: str = "") -> None:
    """One sentence for a village registrar, short, and about a file by its name."""
    assert about in message
    assert 10 < len(message) <= LONGEST, message
    assert not JARGON.search(message), message


@pytest.mark.parametrize("case", corpus["CASES"], ids=lambda case: case.id)
def test_every_broken_thing_is_told_and_no_row_is_lost(tmp_path: Path, how: How, case: Any) -> None:
    path = laid(tmp_path, case.file, case.content)
    if case.refused is not None:
        with pytest.raises(RawDataError, match=re.escape(case.refused)) as refusal:
            understood(path, how, **case.how)
        assert_clear(str(refusal.value), about=case.file)
        assert str(refusal.value).count(". ") >= 1, "what is wrong, and what to do"
        return
    found = understood(path, how, **case.how)
    incidents = assemble([found], CRS)
    aside = found.set_aside.set_index("row")
    assert {row: words for row, words in case.aside.items() if words not in aside["reason"].get(row, "")} == {}
    assert set(aside.index) == set(case.aside), aside["reason"].to_dict()
    assert len(incidents) + len(aside) == case.rows
    assert not set(incidents["source_row"]) & set(aside.index)
    for note in case.notes:
        assert note in " ".join(found.notes)
    if case.first:
        first = incidents.sort_values("source_row").iloc[0]
        assert {name: first[name] for name in case.first} == case.first
    for sentence in [*aside["reason"], *aside["advice"], *found.notes]:
        assert_clear(sentence)


def test_there_are_cases_enough_each_of_its_own() -> None:
    names = [case.id for case in corpus["CASES"]]
    assert len(names) == len(set(names)) >= 120


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the owner of the machine may read every file")
def test_refuses_a_file_that_may_not_be_opened(tmp_path: Path, how: How) -> None:
    path = laid(tmp_path, "r.csv", b"date;category\n")
    path.chmod(0)
    with pytest.raises(RawDataError, match="cannot be read"):
        understood(path, how)


FORMULAS = [
    *("=cmd|' /C calc'!A0", "+1+cmd|x!A0", "-2+3+cmd|x!A0", "@SUM(1+1)*cmd|x!A0", '=HYPERLINK("http://x.invalid";"a")'),
    *("'quoted'", "-5", "+5", "-5,5", "=", "+", "@", "- at the mill", "＝1+1", "−5", "'", "''=1", "'=already guarded"),
]


def test_no_cell_of_the_list_of_rows_set_aside_runs_and_each_comes_back_unchanged(tmp_path: Path, how: How) -> None:
    columns = corpus["COLUMNS"]
    reports = [{**corpus["SOUND"], "record_id": str(n), "date": "", "text": text} for n, text in enumerate(FORMULAS)]
    path = laid(tmp_path, "register.csv", corpus["written"](*reports))
    aside = understood(path, how).set_aside
    assert [json.loads(original)["text"] for original in aside["original"]] == FORMULAS
    listed = as_csv(aside)
    for cell in re.findall(r'(?:^|;)"?([^;"\r\n]+)', listed.decode("utf-8-sig"), re.MULTILINE):
        assert cell[0] not in "=@\t\r", cell
        assert cell[0] not in "+-" or re.fullmatch(r"[+-]?[0-9]+([.,][0-9]+)?", cell) or cell in columns, cell
    place = listed.decode("utf-8-sig").splitlines()[0].split(";").index("date")
    mended = [line.split(";") for line in listed.decode("utf-8-sig").splitlines()]
    assert place > 0
    corrected = laid(tmp_path, "corrected.csv", listed)
    frame = pd.read_csv(corrected, sep=";", dtype="str", keep_default_na=False, encoding="utf-8-sig")
    frame["date"] = "2025-04-30"
    frame.to_csv(corrected, sep=";", index=False, encoding="utf-8-sig")
    found = understood(path, how, corrected=corrected)
    texts = dict(zip(found.private_text["incident_id"], found.private_text["text_private"], strict=True))
    incidents = assemble([found], CRS)
    read = {record: texts.get(name) for record, name in zip(incidents["record_id"], incidents["incident_id"], strict=True)}
    assert read == {str(n): text for n, text in enumerate(FORMULAS)}
    assert len(mended) == len(FORMULAS) + 1


@pytest.mark.parametrize("size", [160, 400, 1 << 20])
def test_empty_rows_are_told_between_reports_and_not_below_them(
    tmp_path: Path, how: How, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    header, first, *_ = corpus["TEXT"].splitlines(keepends=True)
    content = header + first + ";;;;;;\n" * 50 + first.replace("1;", "2;", 1) + ";;;;;;\n" * 50
    path = laid(tmp_path, "register.csv", content.encode())
    monkeypatch.setattr(texts, "PIECE_BYTES", size)
    found = understood(path, how)
    assert found.kept["source_row"].to_pylist() == [2, 53]
    assert found.set_aside["row"].to_list() == list(range(3, 53))
