"""The example study: the generator repeats itself, what was planted is in the files, and nothing in it is real."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import networkx as nx
import numpy as np
import openpyxl
import pytest
import rasterio
from pyproj import Transformer

from tensionmap.ingest.places import fold
from tensionmap.study import read_study

PROJECT = Path(__file__).parents[1]
RAW = PROJECT / "data" / "raw"
TRUTH: dict[str, Any] = json.loads((RAW / "truth.json").read_text(encoding="utf-8"))
STUDY = read_study(PROJECT / "study.toml")
NORVIA, SELMAR, KOBO, GED = "register_norvia", "register_selmar", "kobo_community", "ged_like"
REPORTS = [report for report in TRUTH["reports"] if report["fault"] is None]
REAL_NAMES = [
    "Isfara", "Batken", "Vorukh", "Chorkuh", "Surkh", "Ak-Sai", "Kok-Tash", "Ak-Tatyr", "Samarkandek", "Khujand", "Osh",
    "Dushanbe", "Bishkek", "Konibodom", "Sokh", "Shurab", "Leilek", "Isfana", "Kyzyl-Kiya", "Navkat", "Rasht", "Darband",
    "Kulob", "Uch-Dobo", "Maksat", "Arka", "Borborduk", "Ovchi", "Lakkon", "Min-Oruk", "Dostuk", "Kapchygai", "Kara-Bak",
    "Khojai-Alo", "Kulundu", "Bobojon-Gafurov", "Spitamen", "Mastchoh", "Zafarobod", "Istaravshan", "Panjakent", "Murghob",
    "Naryn", "Talas", "Jalal-Abad", "Исфара", "Баткен", "Ворух", "Чоркуҳ", "Сурх", "Ак-Сай", "Көк-Таш", "Самаркандек",
    "Хуҷанд", "Конибодом", "Лейлек", "Мургоб",
]  # fmt: skip


def generate(folder: Path, **surroundings: str) -> Path:
    environment = {**os.environ, "PYTHONPATH": str(PROJECT / "pipelines"), **surroundings}
    subprocess.run([sys.executable, "-m", "two_rivers", str(folder)], env=environment, cwd=folder.parent, check=True)
    return folder


@pytest.fixture(scope="module")
def again(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate(tmp_path_factory.mktemp("one") / "raw", PYTHONHASHSEED="1", TZ="UTC")


def read_csv(file: str, encoding: str, delimiter: str) -> dict[int, list[str]]:
    text = (RAW / file).read_bytes().decode(encoding)
    return dict(enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), start=1))


def read_xlsx(path: Path) -> dict[int, list[Any]]:
    sheet = openpyxl.load_workbook(path).worksheets[-1]
    return {number: ["" if value is None else value for value in row] for number, row in enumerate(sheet.values, start=1)}


@pytest.fixture(scope="module")
def rows() -> dict[str, dict[int, list[Any]]]:
    return {
        NORVIA: read_xlsx(RAW / f"{NORVIA}.xlsx"),
        SELMAR: read_csv(f"{SELMAR}.csv", "cp1251", ";"),
        KOBO: read_csv(f"{KOBO}.csv", "utf-8", ";"),
        GED: read_csv(f"{GED}.csv", "utf-8", ","),
    }


@pytest.fixture(scope="module")
def meetings() -> dict[str, dict[int, list[Any]]]:
    return {
        "meetings": read_xlsx(RAW / "meetings.xlsx"),
        "concerns": read_csv("concerns.csv", "cp1251", ";"),
        "actions": read_csv("actions.csv", "utf-8", ","),
    }


def headers(rows: dict[str, dict[int, list[Any]]], source: str) -> dict[str, int]:
    """Our name of a column -> its place in the file."""
    if source == GED:
        ours = {"record_id": "id", "date": "date_start", "date_end": "date_end", "latitude": "latitude", "longitude": "longitude"}
    else:
        ours = dict(STUDY.ingest.files[source].columns)
    if source == KOBO:
        ours |= {"record_id": "_id", "latitude": "report/_where_latitude", "longitude": "report/_where_longitude"}
        ours |= {"precision_m": "report/_where_precision", "status": "_validation_status"}
    header = rows[source][4 if source == NORVIA else 1]
    return {name: header.index(title) for name, title in ours.items() if title in header}


def cells(rows: dict[str, dict[int, list[Any]]], source: str, row: int) -> dict[str, Any]:
    return {name: rows[source][row][place] for name, place in headers(rows, source).items()}


def layer(name: str) -> gpd.GeoDataFrame:
    return gpd.read_file(RAW / f"{name}.geojson").to_crs(STUDY.ingest.crs)


def to_metres(longitude: Any, latitude: Any) -> np.ndarray:
    return np.column_stack(Transformer.from_crs(4326, STUDY.ingest.crs, always_xy=True).transform(longitude, latitude))


@pytest.fixture(scope="module")
def claims() -> dict[str, Any]:
    return {str(c.claim_id): c for party in ("norvia", "selmar", "treaty") for c in layer(f"claims_{party}").itertuples()}


def main_line(claims: dict[str, Any], letter: str) -> Any:
    lines = [claims[f"{letter}-line-{part}"].geometry for part in ("south", "middle", "bend", "north")]
    return gpd.GeoSeries(lines).union_all()


def test_without_a_folder_the_generator_says_what_to_write() -> None:
    environment = {**os.environ, "PYTHONPATH": str(PROJECT / "pipelines")}
    run = subprocess.run([sys.executable, "-m", "two_rivers"], env=environment, capture_output=True, text=True)
    assert run.returncode != 0
    assert "python -m two_rivers data/raw" in run.stderr


def test_two_runs_give_identical_bytes(again: Path, tmp_path: Path) -> None:
    other = generate(tmp_path / "elsewhere", PYTHONHASHSEED="2", TZ="Asia/Dushanbe", SOURCE_DATE_EPOCH="0")
    assert sorted(p.name for p in other.iterdir()) == sorted(p.name for p in again.iterdir())
    assert [p.name for p in again.iterdir() if p.read_bytes() != (other / p.name).read_bytes()] == []


def test_the_workbook_holds_no_clock(again: Path) -> None:
    for name in (NORVIA, "meetings"):
        with zipfile.ZipFile(again / f"{name}.xlsx") as book:
            assert {entry.date_time for entry in book.infolist()} == {(2026, 10, 5, 0, 0, 0)}
            stamps = re.findall(rb"\d{4}-\d\d-\d\dT[\d:]+Z", book.read("docProps/core.xml"))
        assert set(stamps) == {b"2026-10-05T00:00:00Z"}


def test_data_raw_is_what_the_generator_writes(again: Path) -> None:
    """Text byte for byte; rasters and the workbook by content, since other versions of their libraries pack otherwise."""
    assert sorted(p.name for p in RAW.iterdir()) == sorted(p.name for p in again.iterdir())
    for path in again.iterdir():
        kept = RAW / path.name
        if path.suffix == ".tif":
            with rasterio.open(path) as new, rasterio.open(kept) as old:
                np.testing.assert_array_equal(new.read(), old.read())
        elif path.suffix == ".xlsx":
            assert read_xlsx(path) == read_xlsx(kept)
        elif path.name != "sources.toml":
            assert path.read_bytes() == kept.read_bytes(), path.name


def test_every_file_is_registered_with_its_digest_and_marked_as_invented() -> None:
    sources = tomllib.loads((RAW / "sources.toml").read_text(encoding="utf-8"))["source"]
    assert sorted(s["file"] for s in sources) == sorted(p.name for p in RAW.iterdir() if p.name != "sources.toml")
    assert len({s["name"] for s in sources}) == len(sources)
    assert all(hashlib.sha256((RAW / s["file"]).read_bytes()).hexdigest() == s["sha256"] for s in sources)
    assert all("invented" in s["publisher"] for s in sources)
    assert {s["name"]: s["reported_by"] for s in sources if "reported_by" in s} == {
        NORVIA: "Norvia",
        SELMAR: "Selmar",
        KOBO: "community",
        GED: "outside",
    }
    assert "INVENTED DATA" in (RAW / "sources.toml").read_text(encoding="utf-8")
    assert "INVENTED DATA" in TRUTH["note"]
    assert "INVENTED DATA" in str(read_xlsx(RAW / f"{NORVIA}.xlsx")[3][0])
    assert all("INVENTED DATA" in path.read_text(encoding="utf-8")[:200] for path in RAW.glob("*.geojson"))
    assert STUDY.is_invented


def test_everything_together_stays_below_four_megabytes() -> None:
    assert sum(path.stat().st_size for path in RAW.iterdir()) < 4_000_000


def test_four_sources_hold_about_1500_reports_of_which_three_in_a_hundred_are_broken(rows: Any) -> None:
    first = {NORVIA: 5, SELMAR: 2, KOBO: 2, GED: 2}
    assert {source: len(those) - first[source] + 1 for source, those in rows.items()} == TRUTH["rows"]
    total = sum(TRUTH["rows"].values())
    assert 1450 <= total <= 1550
    assert 0.025 <= len(TRUTH["broken"]) / total <= 0.035
    assert 24 <= TRUTH["rows"][GED] <= 72
    assert len(rows[GED][1]) == 49


def test_broken_rows_are_of_twenty_kinds_in_all_four_sources() -> None:
    kinds = Counter(broken["kind"] for broken in TRUTH["broken"])
    assert len(kinds) == 20
    assert set(kinds) == set(TRUTH["fault_kinds"])
    assert {broken["source"] for broken in TRUTH["broken"]} == {NORVIA, SELMAR, KOBO, GED}
    assert len({(broken["source"], broken["row"]) for broken in TRUTH["broken"]}) == len(TRUTH["broken"])


def number(text: Any) -> float:
    return float(str(text).replace(",", "."))


def day(text: Any) -> date:
    if not isinstance(text, str):
        return text.date()
    return date.fromisoformat(text) if "-" in text else date(*map(int, reversed(text.split("."))))


SHOWS = {
    "missing_date": lambda c: c["date"] == "",
    "impossible_date": lambda c: str(c["date"]).startswith("31.02."),
    "two_digit_year": lambda c: re.fullmatch(r"\d\d\.\d\d\.\d\d", c["date"]),
    "other_date_format": lambda c: re.fullmatch(r"\d{4}/\d\d/\d\d|\d\d-\d\d-\d{4}", c["date"]),
    "date_outside_period": lambda c: not date(2023, 10, 1) <= day(c["date"]) <= date(2026, 9, 30),
    "swapped_coordinates": lambda c: number(c["latitude"]) < 0 < number(c["longitude"]),
    "zero_coordinates": lambda c: number(c["latitude"]) == 0 == number(c["longitude"]),
    "outside_area": lambda c: not 42.86 <= number(c["latitude"]) <= 43.14,
    "coordinates_in_words": lambda c: re.fullmatch(r"[а-яё ]+", c["latitude"]),
    "one_coordinate": lambda c: c["latitude"] != "" and c["longitude"] == "",
    "unknown_category": lambda c: c["category"] != "",
    "missing_category": lambda c: c["category"] == "",
    "unknown_place": lambda c: c["place"] != "" and c["latitude"] == "",
    "ambiguous_place": lambda c: fold(c["place"]) == "gulvaron" and c["latitude"] == "",
    "not_approved": lambda c: c["status"] == "Not approved",
    "end_before_start": lambda c: day(c["date_end"]) < day(c["date"]),
    "negative_precision": lambda c: number(c["precision_m"]) < 0,
}


@pytest.mark.parametrize("kind", SHOWS)
def test_a_broken_row_shows_its_fault_in_the_file(kind: str, rows: Any) -> None:
    its = [broken for broken in TRUTH["broken"] if broken["kind"] == kind]
    assert its
    assert all(SHOWS[kind](cells(rows, broken["source"], broken["row"])) for broken in its)


def test_repeated_rows_and_rows_that_are_no_record_stand_where_truth_says(rows: Any) -> None:
    for broken in TRUTH["broken"]:
        source, row = broken["source"], rows[broken["source"]][broken["row"]]
        if broken["kind"] in ("exact_duplicate", "record_number_again"):
            place = headers(rows, source)["record_id"]
            same = [n for n, other in rows[source].items() if other[place] == row[place]]
            assert len(same) == 2
            assert same[1] == broken["row"]
            assert (rows[source][same[0]] == row) is (broken["kind"] == "exact_duplicate")
    told = {
        broken["detail"]: rows[broken["source"]][broken["row"]] for broken in TRUTH["broken"] if broken["kind"] == "not_a_record"
    }
    assert str(told["total in the middle"][0]).startswith("Ҳамагӣ")
    assert str(told["total at the end"][0]).startswith("Ҳамагӣ")
    assert set(told["empty row"]) == {""}
    assert told["header again"] == rows[SELMAR][1]


def test_truth_names_every_whole_row_and_no_record_number_comes_twice(rows: Any) -> None:
    place = {source: headers(rows, source)["record_id"] for source in rows}
    for report in TRUTH["reports"]:
        assert str(rows[report["source"]][report["row"]][place[report["source"]]]) == report["record_id"]
    keys = [(r["source"], r["record_id"]) for r in TRUTH["reports"]]
    assert len(set(keys)) == len(keys)
    assert len(REPORTS) + len(TRUTH["broken"]) == sum(TRUTH["rows"].values())


def test_every_category_word_is_known_to_the_study_but_those_planted(rows: Any) -> None:
    for source in (NORVIA, SELMAR, KOBO):
        words = {fold(word): category for word, category in STUDY.ingest.files[source].words.items()}
        assert set(words.values()) == set(TRUTH["categories"])
        its = [
            r for r in TRUTH["reports"] if r["source"] == source and r["fault"] not in ("unknown_category", "missing_category")
        ]
        assert all(words[fold(cells(rows, source, r["row"])["category"])] == r["category"] for r in its)
        unknown = [b for b in TRUTH["broken"] if b["source"] == source and b["kind"] == "unknown_category"]
        assert all(fold(cells(rows, source, b["row"])["category"]) not in words for b in unknown)


def test_eight_quarters_of_meetings_are_as_messy_as_real_lists(meetings: Any) -> None:
    truth, meant = TRUTH["meetings"], TRUTH["meetings_meant"]
    assert {name: len(its) - (3 if name == "meetings" else 1) for name, its in meetings.items()} == truth["rows"]
    held = [one for one in meant if one["source"] == "meetings"]
    quarters = {(date.fromisoformat(one["day"]).year, (date.fromisoformat(one["day"]).month - 1) // 3) for one in held}
    assert len(quarters) == 8
    assert min(quarters) == (2024, 3)
    assert max(quarters) == (2026, 2)
    assert not {one["settlement_id"] for one in held} & set(truth["never"])
    assert Counter(TRUTH["sides"][settlement] for settlement in {one["settlement_id"] for one in held}).keys() == {
        "Norvia",
        "Selmar",
    }
    assert {type(row[1]).__name__ for row in list(meetings["meetings"].values())[3:]} == {"datetime", "int", "str"}
    assert {row[3] for row in meetings["meetings"].values()} >= {3, -3, ""}
    tiers = Counter(TRUTH["categories"][one["category"]]["tier"] for one in meant if one["source"] == "concerns")
    assert tiers["S"] > 5
    assert tiers["A"] > 5
    assert tiers["B"] > 150
    agreed = [one for one in meant if one["source"] == "actions"]
    assert {one["status"] for one in agreed} == {"agreed", "under_way", "done", "not_possible"}
    due = [row for row in meetings["actions"].values() if row[7] in ("agreed", "in progress") and row[6] < "2026-06"]
    assert len(due) > 10, "overdue"


def test_each_kind_of_fault_of_the_meetings_was_planted_where_truth_says(meetings: Any) -> None:
    truth = TRUTH["meetings"]
    assert {fault["kind"] for fault in TRUTH["meetings_broken"]} == set(truth["fault_kinds"])
    assert {fault["kind"] for fault in TRUTH["meetings_odd"]} == set(truth["odd_kinds"])
    at = {(one["source"], one["kind"]): meetings[one["source"]][one["row"]] for one in TRUTH["meetings_broken"]}
    assert at["meetings", "impossible_date"][1] == "31.02.2025"
    assert at["actions", "person"][4].startswith("Lieutenant")
    assert at["concerns", "unknown_category"][3] == "плохая погода"


def test_places_dates_and_tiers_are_mixed_as_in_a_real_register(rows: Any) -> None:
    known_as = Counter(r["known_as"] for r in REPORTS)
    assert 0.55 <= known_as["gps"] / len(REPORTS) <= 0.66
    assert 0.2 <= known_as["settlement"] / len(REPORTS) <= 0.35
    tiers = Counter(TRUTH["categories"][r["category"]]["tier"] for r in REPORTS)
    assert 0.04 <= tiers["S"] / len(REPORTS) <= 0.08
    assert 0.06 <= tiers["A"] / len(REPORTS) <= 0.11
    themes = Counter(TRUTH["categories"][r["category"]]["theme"] for r in REPORTS)
    assert min(themes.values()) > 40
    assert set(themes) == {"crime", "tension", "cooperation"}
    kinds = {type(cells(rows, NORVIA, r["row"])["date"]).__name__ for r in REPORTS if r["source"] == NORVIA}
    assert kinds == {"str", "datetime", "int"}
    assert any("," in str(cells(rows, SELMAR, r["row"])["latitude"]) for r in REPORTS if r["source"] == SELMAR)
    place = [rows[GED][1].index(name) for name in ("where_prec", "date_prec", "type_of_violence")]
    assert [sorted({row[at] for n, row in rows[GED].items() if n > 1}) for at in place] == [
        list("12345"),
        list("12345"),
        list("12"),
    ]


def test_duplicates_are_one_event_told_by_different_sources_within_a_day() -> None:
    by_key = {(r["source"], r["record_id"]): r for r in REPORTS}
    assert len(TRUTH["duplicates"]) > 60
    for duplicate in TRUTH["duplicates"]:
        told = [by_key[key["source"], key["record_id"]] for key in duplicate["reports"]]
        assert len({r["source"] for r in told}) == len(told) > 1
        assert {r["event_id"] for r in told} == {duplicate["event_id"]}
        days = [date.fromisoformat(r["day"]) for r in told]
        assert (max(days) - min(days)).days <= 1
    assert sum(count > 1 for count in Counter(r["event_id"] for r in REPORTS).values()) == len(TRUTH["duplicates"])
    assert not {d["event_id"] for d in TRUTH["duplicates"]} & {r["event_id"] for r in TRUTH["reports"] if r["fault"]}


def test_clusters_lie_where_and_when_truth_says() -> None:
    assert Counter(c["theme"] for c in TRUTH["clusters"]) == {"crime": 2, "tension": 3}
    by_key = {(r["source"], r["record_id"]): r for r in REPORTS}
    for cluster in TRUTH["clusters"]:
        its = [by_key[key["source"], key["record_id"]] for key in cluster["reports"]]
        assert 25 <= len(its) <= 60
        assert {(r["cluster"], r["category"]) for r in its} == {(cluster["id"], cluster["category"])}
        assert {r["source"] for r in its} == set(cluster["told_by"])
        centre = to_metres([cluster["longitude"]], [cluster["latitude"]])
        places = to_metres([r["longitude"] for r in its], [r["latitude"] for r in its])
        assert np.hypot(*(places - centre).T).max() < cluster["radius_m"] + 500  # a second source knows it some steps away
        assert np.median(np.hypot(*(places - centre).T)) < cluster["radius_m"]
        first, last = cluster["months"]
        days = [date.fromisoformat(r["day"]) for r in its]
        assert sum(first <= d.month <= last for d in days) >= len(days) - 1
        assert cluster["date_from"] <= min(days).isoformat()
    assert [c["id"] for c in TRUTH["clusters"] if c["told_by"] == [NORVIA]] == ["tension-pasture"]
    assert sum(r["cluster"] is not None for r in REPORTS) == sum(len(c["reports"]) for c in TRUTH["clusters"])


def test_outside_the_clusters_both_sides_report_alike_for_each_resident() -> None:
    residents = layer("settlements").set_index("settlement_id")["residents"].groupby(TRUTH["sides"]).sum()
    events = {r["event_id"]: TRUTH["sides"][r["settlement_id"]] for r in TRUTH["reports"] if r["cluster"] is None}
    rates = {side: count / residents[side] for side, count in Counter(events.values()).items()}
    assert set(rates) == {"Norvia", "Selmar"}
    assert rates["Norvia"] / rates["Selmar"] == pytest.approx(1, abs=0.12)


def test_the_trap_piles_up_imprecise_reports_on_one_point_far_from_every_cluster() -> None:
    border, *districts = TRUTH["traps"]
    assert len(border["reports"]) >= 30
    assert len(districts) == 5
    by_key = {(r["source"], r["record_id"]): r for r in REPORTS}
    its = [by_key[key["source"], key["record_id"]] for key in border["reports"]]
    literal = {(r["told_longitude"], r["told_latitude"]) for r in its if r["told_longitude"] is not None}
    assert literal == {(border["longitude"], border["latitude"])}
    assert sum(r["told_longitude"] is not None for r in its) >= 15
    assert border["precision_m"] > 5 * STUDY.link.cell_m
    at = to_metres([border["longitude"]], [border["latitude"]])
    for cluster in TRUTH["clusters"]:
        assert np.hypot(*(to_metres([cluster["longitude"]], [cluster["latitude"]]) - at)[0]) > 4000


def spellings(settlement: Any) -> set[str]:
    alternatives = settlement.alternatives or ""
    return {s for s in (settlement.name, settlement.name_local, *alternatives.split("|")) if s}


def test_settlements_have_names_in_two_scripts_and_none_is_a_real_one() -> None:
    places = list(layer("settlements").itertuples(index=False))
    assert Counter(p.kind for p in places)["district"] == 6
    assert 40 <= sum(p.kind != "district" for p in places) <= 60
    local = "".join(p.name_local for p in places).lower()
    assert set("ҷҳқғӣӯңөү") <= set(local)
    assert not {fold(name) for name in REAL_NAMES} & {fold(s) for p in places for s in spellings(p)}
    meant: dict[str, set[str]] = {}
    for place in places:
        for spelling in spellings(place):
            meant.setdefault(fold(spelling), set()).add(place.settlement_id)
    shared = {name: ids for name, ids in meant.items() if len(ids) > 1}
    assert list(shared) == ["gulvaron"]
    assert len({TRUTH["districts"][settlement_id] for settlement_id in shared["gulvaron"]}) == 2


def test_a_report_known_by_name_alone_names_its_settlement_but_for_the_slips_listed(rows: Any) -> None:
    meant = {fold(s): p.settlement_id for p in layer("settlements").itertuples(index=False) for s in spellings(p)}
    slips = {(m["source"], m["record_id"]): m for m in TRUTH["misspelt"]}
    assert 4 <= len(slips) <= 30
    for report in REPORTS:
        if report["known_as"] == "settlement" and report["source"] != GED:
            place = cells(rows, report["source"], report["row"])["place"]
            slip = slips.get((report["source"], report["record_id"]))
            assert meant.get(fold(place)) == (None if slip else report["settlement_id"])
            assert slip is None or (slip["place"], slip["settlement_id"]) == (place.strip(), report["settlement_id"])


def test_the_old_register_of_selmar_has_no_letter_beyond_cp1251(rows: Any) -> None:
    text = (RAW / f"{SELMAR}.csv").read_bytes().decode("cp1251")
    assert not set("ҷҳқғӣӯңөү") & set(text.lower())
    with pytest.raises(UnicodeDecodeError):
        (RAW / f"{SELMAR}.csv").read_bytes().decode("utf-8")
    assert "ҷ" in str(rows[NORVIA].values())
    assert {"ө", "ҳ"} <= set(str(rows[KOBO].values()))


def test_every_name_and_number_in_a_text_is_listed_and_each_listed_one_is_in_a_text(rows: Any, meetings: Any) -> None:
    texts = [str(cells(rows, s, n)["text"]) for s in (NORVIA, SELMAR, KOBO) for n in rows[s] if len(rows[s][n]) > 8]
    texts += [str(row[-1]) for its in meetings.values() for row in its.values()]  # remarks stand in the last column
    together = "\n".join(texts)
    private = TRUTH["private"]
    assert len(private["names"]) > 100
    assert len(private["phones"]) > 100
    assert all(name in together for name in (*private["names"], *private["phones"]))
    assert set(re.findall(r"\+000[\d ()-]*\d", together)) == set(private["phones"])
    assert not re.search(r"\+(?!000)\d", together)
    assert {"".join(c for c in phone if c.isdigit()) for phone in private["phones"]} == set(private["phone_digits"])
    assert {word for name in private["names"] for word in name.split()} == set(private["words"])
    public = "".join(
        (RAW / f).read_text(encoding="utf-8") for f in ("settlements.geojson", "resources.geojson", "services.geojson")
    )
    assert not [word for word in private["words"] if fold(word) in fold(public)]


def test_the_kobo_export_has_the_columns_of_a_real_one(rows: Any) -> None:
    header = rows[KOBO][1]
    assert {"report/where", "report/_where_precision", "_id", "_uuid", "_submission_time", "_validation_status"} <= set(header)
    raw = (RAW / f"{KOBO}.csv").read_text(encoding="utf-8").splitlines()
    assert all(line.startswith('"') and line.endswith('"') and line.count('";"') >= len(header) - 1 for line in raw)
    choices = [place for place, title in enumerate(header) if title.startswith("report/asked/")]
    for number_, row in list(rows[KOBO].items())[1:]:
        asked = row[header.index("report/asked")].split()
        assert [header[c].rsplit("/", 1)[1] for c in choices if row[c] == "1"] == asked, number_


def test_claims_overlap_and_leave_a_gap_and_the_treaty_ends_both_in_the_north(claims: Any) -> None:
    def areas(when: str) -> tuple[Any, Any]:
        return claims[f"N-area-{when}"].geometry, claims[f"S-area-{when}"].geometry

    before, after = areas("before"), areas("after")
    assert before[0].intersection(before[1]).area > after[0].intersection(after[1]).area > 20e6
    for norvia, selmar in (before, after):
        holes = [ring for part in getattr(norvia.union(selmar), "geoms", [norvia.union(selmar)]) for ring in part.interiors]
        assert len(holes) == 1
        assert {norvia.geom_type, selmar.geom_type} == {"MultiPolygon"}  # pockets beyond the border
    agreed = claims["T-line-north"]
    assert (agreed.claimant, agreed.status, agreed.kind) == ("Norvia + Selmar", "agreed", "line")
    assert str(agreed.date_from)[:10] == TRUTH["treaty"] == "2025-04-17"
    for letter in "NS":
        assert (
            str(claims[f"{letter}-line-north"].date_to)[:10] == str(claims[f"{letter}-area-before"].date_to)[:10] == "2025-04-16"
        )
        assert str(claims[f"{letter}-area-after"].date_from)[:10] == "2025-04-17"
        assert str(claims[f"{letter}-line-middle"].date_to) in ("NaT", "None")
    assert {c.status for c in claims.values()} == {"claimed", "agreed", "undetermined"}


def test_the_canal_crosses_both_lines_and_roads_cross_them_at_the_two_crossings_alone(claims: Any) -> None:
    resources, services = layer("resources"), layer("services")
    assert set(resources["kind"]) == {"river", "canal", "intake", "gate", "spring", "pasture", "forest"}
    assert set(services["kind"]) == {"road", "crossing", "police_post", "meeting_place"}
    crossings = services[services["kind"] == "crossing"].geometry
    assert len(crossings) == 2
    canals = resources[resources["kind"] == "canal"].geometry
    roads = services[services["kind"] == "road"].geometry
    for letter in "NS":
        border = main_line(claims, letter)
        assert canals.crosses(border).sum() == 2
        touched = roads.buffer(1).intersection(border.buffer(1)).union_all()
        assert touched.difference(crossings.buffer(20).union_all()).area == 0
        assert crossings.distance(border).max() < 1
    ends = [end for kind in ("intake", "gate") for end in resources[resources["kind"] == kind].geometry]
    assert all(canals.distance(end).min() < 1 for end in ends)


def test_roads_and_canals_hang_together_at_shared_points() -> None:
    resources, services = layer("resources"), layer("services")
    for lines, networks in ((services[services["kind"] == "road"], 1), (resources[resources["kind"] == "canal"], 2)):
        graph = nx.Graph()
        for shape in lines.geometry:
            nx.add_path(graph, [(round(e, 2), round(n, 2)) for e, n in shape.coords])
        assert nx.number_connected_components(graph) == networks


def test_the_claims_together_cover_the_study_area_but_for_the_gap(claims: Any) -> None:
    west, south, east, north = STUDY.ingest.area
    corners = to_metres([west, west, east, east], [south, north, north, south])
    area = gpd.GeoSeries.from_xy(corners[:, 0], corners[:, 1]).union_all().convex_hull
    unclaimed = area.difference(claims["N-area-before"].geometry.union(claims["S-area-before"].geometry))
    assert unclaimed.geom_type == "Polygon"
    assert 4e6 < unclaimed.area < 8e6


def test_villages_of_both_sides_lie_among_one_another(claims: Any) -> None:
    villages = layer("settlements").query("kind != 'district'")
    sides = villages["settlement_id"].map(TRUTH["sides"])
    body = max(claims["N-area-before"].geometry.geoms, key=lambda part: part.area).convex_hull
    inside = villages.within(body)
    assert (inside & (sides == "Selmar")).sum() >= 2
    pockets = [part for part in claims["N-area-before"].geometry.geoms if part.area < 20e6]
    assert len(pockets) == 2
    assert all(villages[sides == "Norvia"].within(pocket).sum() == 1 for pocket in pockets)


def test_rasters_fit_the_settlements_and_the_study() -> None:
    villages = layer("settlements").query("kind != 'district'")
    with rasterio.open(RAW / "population.tif") as raster:
        people = raster.read(1)
        assert (raster.crs.to_string(), raster.res, people.dtype) == ("EPSG:32626", (100.0, 100.0), np.float32)
        assert raster.profile["compress"] == "deflate"
        west, south, east, north = raster.bounds
    assert 60_000 <= people.sum() <= 90_000
    assert people.sum() == pytest.approx(villages["residents"].sum(), rel=0.06)
    corners = to_metres([STUDY.ingest.area[0], STUDY.ingest.area[2]] * 2, [STUDY.ingest.area[1]] * 2 + [STUDY.ingest.area[3]] * 2)
    assert west <= corners[:, 0].min() < corners[:, 0].max() <= east
    assert south <= corners[:, 1].min() < corners[:, 1].max() <= north
    with rasterio.open(RAW / "land_cover.tif") as raster:
        assert set(np.unique(raster.read(1)).tolist()) == {10, 20, 30, 40, 50, 60, 80}
        assert raster.dtypes == ("uint8",)
    with rasterio.open(RAW / "elevation.tif") as raster:
        assert raster.dtypes == ("int16",)
        heights = raster.read(1)
    assert heights.min() > 300
    assert heights.max() < 4000


def test_the_study_says_what_the_readers_need() -> None:
    assert STUDY.name == "Two Rivers"
    assert STUDY.parties == ("Norvia", "Selmar")
    assert (STUDY.ingest.date_from, STUDY.ingest.date_to) == (date(2023, 10, 1), date(2026, 9, 30))
    assert (PROJECT / "study.toml").read_text(encoding="utf-8").splitlines()[0] == "#:schema study.schema.json"
