"""Rows set aside are listed so that a person can correct them and give them back."""

import csv
import io
import json
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest

from tensionmap import tables
from tensionmap.errors import StudyError
from tensionmap.ingest.readers import READERS
from tensionmap.ingest.set_aside import LIST_COLUMNS, SetAside, as_csv
from tensionmap.workspace import Workspace, register

REGISTER = "register_selmar"


def rows_of(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=";"))


def saved(rows: list[dict[str, str]], path: Path, *, delimiter: str = ";", encoding: str = "utf-8-sig") -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.mark.parametrize(
    "cell", ["=1+1", "+992 92 700", "@x", "-27.02", "'quoted", "a;b", 'say "no"', "two\nlines", "  ", "Ҷӯраев"]
)
def test_a_cell_comes_back_from_the_list_as_it_was(tmp_path: Path, cell: str) -> None:
    aside = SetAside("office", "r.csv")
    aside.add(7, "Дата", "It is wrong.", "Mend it.", {"date": cell, "category": "theft", "№": "1"})
    (row,) = rows_of(as_csv(aside.frame()))
    assert [row[name] for name in LIST_COLUMNS[:4]] == ["7", "Дата", "It is wrong.", "Mend it."]
    assert not row["date"].startswith(("=", "+", "@"))
    path = saved([row], tmp_path / "list.csv")
    (draft,) = READERS["table"].read(path, source="fixed", file="list.csv")
    from tensionmap.ingest.set_aside import corrections

    (back,) = corrections([draft], [aside.frame()], {})
    assert back.raw.iloc[0].to_dict() == {"date": cell.strip(), "category": "theft", "№": "1"}
    assert len(back.set_aside) == 0


@pytest.fixture
def study(tmp_path, new_study):
    return new_study(tmp_path / "study")


def incidents(root: Path) -> gpd.GeoDataFrame:
    return tables.read(tables.INCIDENTS, root / "data/processed/ingest/incidents.parquet")


def aside(root: Path) -> pd.DataFrame:
    return tables.read(tables.SET_ASIDE, root / "data/processed/ingest/set_aside.parquet")


def test_a_corrected_list_is_added_back(study: Path, tmp_path: Path, bring_up) -> None:
    bring_up(study, "ingest")
    before, listed = incidents(study), rows_of((study / f"data/processed/ingest/set_aside/{REGISTER}.csv").read_bytes())
    dates = [row for row in listed if row["set aside: column"] == "Дата" and "two digits" in row["set aside: reason"]]
    assert dates
    for row in dates:
        day, month, year = row["Дата"].split(".")
        row["Дата"] = f"{day}.{month}.20{year}"
    still_wrong = next(row for row in listed if row not in dates)
    foreign = {**still_wrong, "set aside: key": "0123456789ab"}
    path = saved([*dates, still_wrong, foreign], tmp_path / "fixed.csv", delimiter=",")
    about = {"name": "fixed", "corrects": REGISTER}
    source = register(Workspace(study), path, about, retrieved=before["date_end"].max().date())
    assert (source.reader, source.reported_by) == ("table", "Selmar")

    told = bring_up(study, "ingest")
    after = incidents(study)
    new = after[~after["incident_id"].isin(before["incident_id"])]
    assert len(after) == len(before) + len(dates)
    assert set(new["source"]) == {REGISTER}
    assert before["incident_id"].isin(after["incident_id"]).all()
    counts = [text for _, text in told.said if "rows read" in text]
    assert any(text.startswith(f"fixed: {len(dates) + 2} rows read, {len(dates)} kept, 2 set aside") for text in counts)
    now = aside(study)
    done = now[now["reason"] == "The row stands corrected in fixed.csv."]
    assert set(done["row"]) == {int(row["set aside: row"]) for row in dates}
    own = now[now["source"] == "fixed"]["reason"].tolist()
    assert "The row corrects none of the rows set aside now, or one that stands corrected already." in own
    assert all(LIST_COLUMNS[-1] not in json.loads(text) for text in now[now["source"] == REGISTER]["original"])


def test_a_list_that_corrects_no_source_is_refused(study: Path, tmp_path: Path) -> None:
    workspace = Workspace(study)
    with workspace.sources_file.open("a", encoding="utf-8") as file:
        block = workspace.sources_file.read_text(encoding="utf-8").split("[[source]]")[-1]
        name = block.split('name = "')[1].split('"')[0]
        changed = block.replace(f'name = "{name}"', 'name = "again"\ncorrects = "nobody"')
        file.write("\n[[source]]" + changed.replace('file = "', 'file = "other_'))
    with pytest.raises(StudyError, match="again: corrects = 'nobody'"):
        _ = Workspace(study).sources


def test_a_place_decided_by_a_person_is_used_from_then_on(study: Path, bring_up) -> None:
    bring_up(study, "ingest")
    questions = rows_of((study / "data/processed/ingest/place_questions.csv").read_bytes())
    assert questions
    assert all(row["settlement_id"] == "" for row in questions)
    before, open_rows = incidents(study), aside(study)["reason"].str.contains("can mean").sum()
    for row in questions:
        row["settlement_id"] = row["candidate_1_id"]
    saved(questions, study / "data/raw/place_decisions.csv")

    told = bring_up(study, "ingest")
    assert told.made["ingest"] == ["input new: data/raw/place_decisions.csv"]
    after = incidents(study)
    assert len(after) == len(before) + open_rows
    assert not aside(study)["reason"].str.contains("can mean").any()
    new = after[~after["incident_id"].isin(before["incident_id"])]
    assert set(new["settlement_id"]) <= {row["candidate_1_id"] for row in questions}
    assert not (study / "data/processed/ingest/place_questions.csv").exists()


def test_a_row_that_two_lists_correct_counts_once(study: Path, tmp_path: Path, bring_up) -> None:
    bring_up(study, "ingest")
    before = incidents(study)
    listed = rows_of((study / f"data/processed/ingest/set_aside/{REGISTER}.csv").read_bytes())
    row = next(row for row in listed if row["set aside: column"] == "Дата" and "two digits" in row["set aside: reason"])
    # Without a number and a text nothing but the key tells that the two are one.
    row["Дата"] = row["Дата"][:6] + "20" + row["Дата"][6:]
    row["Номер записи"] = row["Описание"] = ""
    for name in ("first", "second"):
        path = saved([row, row], tmp_path / f"{name}.csv")
        register(Workspace(study), path, {"name": name, "corrects": REGISTER}, retrieved=before["date_end"].max().date())
    told = bring_up(study, "ingest")
    assert len(incidents(study)) == len(before) + 1
    assert ("ingest", "first: 2 rows read, 1 kept, 1 set aside") in told.said
    assert ("ingest", "second: 2 rows read, 0 kept, 2 set aside") in told.said
