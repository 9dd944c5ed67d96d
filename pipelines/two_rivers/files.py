"""The four files of reports, each in the format in which such a source really sends it."""

from __future__ import annotations

import csv
import io
import re
import uuid
import zipfile
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from openpyxl import Workbook
from openpyxl.styles import Alignment, Font

from two_rivers import INVENTED, SEED
from two_rivers.events import GED, KOBO, NORVIA, SELMAR
from two_rivers.faults import Hand, break_rows
from two_rivers.names import DISTRICT_NAMES
from two_rivers.people import Private
from two_rivers.sources import RESOURCE_WORDS, WORDS, Report, Row, resource_of

NORVIA_HEADER = {
    "record_id": "№ сабт", "date": "Санаи ҳодиса", "date_end": "Санаи анҷом", "category": "Навъи ҳодиса",
    "place": "Ҷой (деҳа, ноҳия)", "blank": None, "latitude": "Арз, °", "longitude": "Тӯл, °", "precision_m": "Дақиқӣ, м",
    "resource": "Мавзӯи баҳс", "blank_2": None, "text": "Шарҳ / Примечание",
}  # fmt: skip
SELMAR_HEADER = {
    "record_id": "Номер записи", "date": "Дата", "date_end": "Дата окончания", "category": "Вид происшествия",
    "place": "Место", "latitude": "Широта", "longitude": "Долгота", "precision_m": "Точность, м", "resource": "Предмет спора",
    "text": "Описание",
}  # fmt: skip
KOBO_ASKED = ("elders", "police", "water_users", "nobody")
KOBO_COLUMNS = (
    "start", "end", "report/date", "report/category", "report/place", "report/where", "report/_where_latitude",
    "report/_where_longitude", "report/_where_altitude", "report/_where_precision", "report/about", "report/asked",
    *(f"report/asked/{choice}" for choice in KOBO_ASKED), "report/story", "_id", "_uuid", "_submission_time",
    "_validation_status", "_notes", "_status", "_submitted_by", "__version__", "_tags", "_index",
)  # fmt: skip
GED_COLUMNS = (
    "id", "relid", "year", "active_year", "code_status", "type_of_violence", "conflict_dset_id", "conflict_new_id",
    "conflict_name", "dyad_dset_id", "dyad_new_id", "dyad_name", "side_a_dset_id", "side_a_new_id", "side_a", "side_b_dset_id",
    "side_b_new_id", "side_b", "number_of_sources", "source_article", "source_office", "source_date", "source_headline",
    "source_original", "where_prec", "where_coordinates", "where_description", "adm_1", "adm_2", "latitude", "longitude",
    "geom_wkt", "priogrid_gid", "country", "country_id", "region", "event_clarity", "date_prec", "date_start", "date_end",
    "deaths_a", "deaths_b", "deaths_civilians", "deaths_unknown", "best", "high", "low", "gwnoa", "gwnob",
)  # fmt: skip
NORVIA_TITLE = (
    "ВАЗОРАТИ КОРҲОИ ДОХИЛИИ НОРВИЯ",
    "Реестри ҳодисаҳо, 2023-2026",
    f"МАЪЛУМОТИ СОХТА - ВЫМЫШЛЕННЫЕ ДАННЫЕ - {INVENTED}",
)
NORVIA_SHEET = "Реестр"
_SAVED_AT = datetime(2026, 10, 5)
_SPREADSHEET_DAY_0 = date(1899, 12, 30)


def _dotted(day: date) -> str:
    return day.strftime("%d.%m.%Y")


def _with_comma(value: float) -> str:
    return f"{value:g}".replace(".", ",") if value == int(value) else f"{value:.6f}".replace(".", ",")


def _with_point(value: float) -> str:
    return f"{value:g}" if value == int(value) else f"{value:.6f}"


HANDS = {
    NORVIA: Hand(
        _dotted, lambda d: d.strftime("%Y/%m/%d"), float, "гум шудани ҳуҷҷат", "фурудгоҳи партофташуда", "Гулварон", "назди пул",
        "Ҳамагӣ", {k: v for k, v in NORVIA_HEADER.items() if v},
    ),
    SELMAR: Hand(
        _dotted, lambda d: d.strftime("%m-%d-%Y"), _with_comma, "утеря документа", "заброшенный аэродром", "Гулварон",
        "возле моста", "Итого", dict(SELMAR_HEADER),
    ),
    KOBO: Hand(date.isoformat, _dotted, _with_point, "lost_papers", "old airfield", "Gulvaron", "by the bridge", "Total", {}),
    GED: Hand(date.isoformat, _dotted, _with_point, "", "", "", "", "", {}),
}  # fmt: skip


def write_reports(told: dict[str, list[Report]], private: Private, folder: Path) -> dict[str, list[Row]]:
    """All four files; returns their rows as they stand in them, numbered as a spreadsheet counts."""
    counts: dict[str, int] = {}
    for report in (r for reports in told.values() for r in reports):
        counts[report.event.event_id] = counts.get(report.event.event_id, 0) + 1
    retold = {event_id for event_id, count in counts.items() if count > 1}

    found = {}
    for source, cells in ((NORVIA, _norvia_cells), (SELMAR, _selmar_cells), (KOBO, _kobo_cells), (GED, _ged_cells)):
        rng = np.random.default_rng([SEED, 50, *source.encode()])
        rows = [Row(cells(rng, report, number, private), report) for number, report in enumerate(told[source], start=1)]
        found[source] = break_rows(rows, source, HANDS[source], retold)
        first_line = len(NORVIA_TITLE) + 2 if source == NORVIA else 2
        for line, row in enumerate(found[source], start=first_line):
            row.number = line
    _write_norvia(found[NORVIA], folder / f"{NORVIA}.xlsx")
    _write_selmar(found[SELMAR], folder / f"{SELMAR}.csv")
    _write_kobo(found[KOBO], folder / f"{KOBO}.csv")
    _write_ged(found[GED], folder / f"{GED}.csv")
    return found


def _register_cells(rng: np.random.Generator, report: Report, record_id: str) -> dict[str, Any]:
    word = WORDS[report.source][report.event.category]
    shape = rng.random()
    hand = HANDS[report.source]
    return {
        "record_id": record_id,
        "date": _dotted(report.day),
        "date_end": _dotted(report.last_day) if report.last_day > report.day else "",
        "category": word.capitalize() if shape < 0.06 and word != "ДТП" else f"{word} " if shape < 0.1 else word,
        "place": report.place,
        "latitude": "" if report.latitude is None else hand.number(report.latitude),
        "longitude": "" if report.longitude is None else hand.number(report.longitude),
        "precision_m": "" if report.precision_m is None else hand.number(report.precision_m),
        "resource": RESOURCE_WORDS[report.source][resource_of(report.event)],
        "text": report.text,
    }


def _norvia_cells(rng: np.random.Generator, report: Report, number: int, _: Private) -> dict[str, Any]:
    cells = _register_cells(rng, report, f"Н-{number:04d}")
    kept_as = rng.random()
    if kept_as < 0.6:
        cells["date"] = report.day if kept_as < 0.55 else (report.day - _SPREADSHEET_DAY_0).days
        cells["date_end"] = report.last_day if report.last_day > report.day else ""
    typed = rng.random()
    if report.latitude is not None and report.longitude is not None and typed < 0.1:
        cells.update(latitude=_with_comma(report.latitude), longitude=_with_comma(report.longitude))
    elif report.latitude is not None and report.longitude is not None and typed < 0.14:
        cells.update(latitude=_sexagesimal(report.latitude, "с.ш."), longitude=_sexagesimal(-report.longitude, "з.д."))
    return cells


def _sexagesimal(degrees: float, side: str) -> str:
    tenths = round(degrees * 36_000)
    return f"{tenths // 36_000}°{tenths // 600 % 60:02d}'{tenths % 600 / 10:04.1f}\" {side}"


def _selmar_cells(rng: np.random.Generator, report: Report, number: int, _: Private) -> dict[str, Any]:
    return _register_cells(rng, report, f"С-{report.day.year}/{number:04d}")


def _kobo_cells(rng: np.random.Generator, report: Report, number: int, private: Private) -> dict[str, Any]:
    sent = datetime(report.day.year, report.day.month, report.day.day) + timedelta(
        days=int(rng.integers(1, 9)), seconds=int(rng.integers(25_000, 70_000))
    )
    user = f"volunteer_{int(rng.integers(1, 9))}_{report.event.side.lower()}"
    private.users.add(user)
    asked = [choice for choice in KOBO_ASKED[:3] if rng.random() < 0.4] or [KOBO_ASKED[3]]
    return {
        "start": sent - timedelta(minutes=int(rng.integers(4, 40))),
        "sent": sent,
        "record_id": str(70_300_000 + 37 * number),
        "date": report.day.isoformat(),
        "category": WORDS[KOBO][report.event.category],
        "place": report.place,
        "latitude": "" if report.latitude is None else _with_point(report.latitude),
        "longitude": "" if report.longitude is None else _with_point(report.longitude),
        "altitude": f"{rng.uniform(800, 1100):.1f}",
        "precision_m": "" if report.precision_m is None else _with_point(report.precision_m),
        "resource": resource_of(report.event),
        "index": number,
        "asked": asked,
        "text": report.text,
        "uuid": str(uuid.UUID(bytes=rng.bytes(16), version=4)),
        "validation": "Approved" if rng.random() < 0.8 else "",
        "user": user,
    }


def _ged_cells(rng: np.random.Generator, report: Report, number: int, _: Private) -> dict[str, Any]:
    is_armed = report.event.category == "armed_clash"
    best = int(rng.integers(1, 4)) if rng.random() < 0.4 else 0
    return {
        "record_id": str(900_000 + number),
        "category": 1 if is_armed else 2,
        "date": report.day.isoformat(),
        "date_end": report.last_day.isoformat(),
        "latitude": _with_point(report.latitude or 0.0),
        "longitude": _with_point(report.longitude or 0.0),
        "place": report.place,
        "where_prec": report.where_prec,
        "date_prec": report.date_prec,
        "side": report.event.side,
        "district": DISTRICT_NAMES[report.event.settlement.district],
        "best": best,
        "high": best + int(rng.integers(0, 2)),
        "sources": int(rng.integers(1, 4)),
    }


def _write_norvia(rows: list[Row], path: Path) -> None:
    """A register kept by hand: merged titles, columns without a head, dates as numbers and as text, a total below."""
    book = Workbook()
    cover = book.active
    cover.title = "Титул"
    cover["A1"] = INVENTED
    sheet = book.create_sheet(NORVIA_SHEET)
    width = len(NORVIA_HEADER)
    for line, title in enumerate(NORVIA_TITLE, start=1):
        sheet.cell(line, 1, title).font = Font(bold=True)
        sheet.cell(line, 1).alignment = Alignment(horizontal="center")
        sheet.merge_cells(start_row=line, end_row=line, start_column=1, end_column=width)
    for column, header in enumerate(NORVIA_HEADER.values(), start=1):
        sheet.cell(len(NORVIA_TITLE) + 1, column, header).font = Font(bold=True)
    for row in rows:
        for column, name in enumerate(NORVIA_HEADER, start=1):
            value = row.cells.get(name, "")
            if value != "":
                cell = sheet.cell(row.number, column, value)
                if isinstance(value, date):
                    cell.number_format = "dd.mm.yyyy"
    last = rows[-1].number + 1
    sheet.cell(last, 1, "Ҳамагӣ:").font = Font(bold=True)
    sheet.cell(last, 4, len(rows))
    sheet.merge_cells(start_row=last, end_row=last, start_column=1, end_column=3)
    rows.append(Row({"record_id": "Ҳамагӣ:", "category": len(rows)}, None, "not_a_record", "total at the end", last))
    book.properties.title = INVENTED
    book.properties.creator = "two_rivers"
    path.write_bytes(without_clock(book))


def without_clock(book: Workbook) -> bytes:
    """The workbook packed without the time at which it was packed: the same book, the same bytes."""
    raw, packed = io.BytesIO(), io.BytesIO()
    book.save(raw)
    stamp = _SAVED_AT.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    with zipfile.ZipFile(raw) as source, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for name in sorted(source.namelist(), key=lambda n: (n != "[Content_Types].xml", n)):
            content = source.read(name)
            if name == "docProps/core.xml":
                content = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", stamp, content)
            entry = zipfile.ZipInfo(name, date_time=_SAVED_AT.timetuple()[:6])
            entry.create_system = 0
            entry.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(entry, content)
    return packed.getvalue()


def as_csv(lines: list[list[Any]], *, encoding: str, delimiter: str, quoting: int) -> bytes:
    """The lines as a text file with separators."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator="\r\n").writerows(lines)  # type: ignore[arg-type]
    return text.getvalue().encode(encoding)


def _write_selmar(rows: list[Row], path: Path) -> None:
    lines = [list(SELMAR_HEADER.values()), *([row.cells.get(name, "") for name in SELMAR_HEADER] for row in rows)]
    path.write_bytes(as_csv(lines, encoding="cp1251", delimiter=";", quoting=csv.QUOTE_MINIMAL))


def _write_kobo(rows: list[Row], path: Path) -> None:
    lines: list[list[Any]] = [list(KOBO_COLUMNS)]
    for row in rows:
        told = _kobo_line(row.cells)
        lines.append([told[name] for name in KOBO_COLUMNS])
    path.write_bytes(as_csv(lines, encoding="utf-8", delimiter=";", quoting=csv.QUOTE_ALL))


def _kobo_line(cells: dict[str, Any]) -> dict[str, Any]:
    point = [cells["latitude"], cells["longitude"]]
    has_point = any(part != "" for part in point)
    altitude, precision = (cells["altitude"], cells["precision_m"]) if has_point else ("", "")
    return {
        "start": cells["start"].isoformat(timespec="milliseconds") + "-02:00",
        "end": cells["sent"].isoformat(timespec="milliseconds") + "-02:00",
        "report/date": cells["date"],
        "report/category": cells["category"],
        "report/place": cells["place"],
        "report/where": " ".join([*point, altitude, precision]).strip() if has_point else "",
        "report/_where_latitude": point[0],
        "report/_where_longitude": point[1],
        "report/_where_altitude": altitude,
        "report/_where_precision": precision,
        "report/about": cells["resource"],
        "report/asked": " ".join(cells["asked"]),
        **{f"report/asked/{choice}": int(choice in cells["asked"]) for choice in KOBO_ASKED},
        "report/story": cells["text"],
        "_id": cells["record_id"],
        "_uuid": cells["uuid"],
        "_submission_time": cells["sent"].isoformat(),
        "_validation_status": cells["validation"],
        "_notes": "",
        "_status": "submitted_via_web",
        "_submitted_by": cells["user"],
        "__version__": "vInventedTwoRivers1",
        "_tags": "",
        "_index": cells["index"],
    }


def _write_ged(rows: list[Row], path: Path) -> None:
    lines: list[list[Any]] = [list(GED_COLUMNS)]
    for row in rows:
        told = _ged_line(row.cells)
        lines.append([told.get(name, "") for name in GED_COLUMNS])
    path.write_bytes(as_csv(lines, encoding="utf-8", delimiter=",", quoting=csv.QUOTE_NONNUMERIC))


def _ged_line(cells: dict[str, Any]) -> dict[str, Any]:
    """One line of a UCDP-GED-like list; actors are the invented states and communities."""
    is_armed = cells["category"] == 1
    kind = "border guards" if is_armed else "communities"
    dyad = 9101 if is_armed else 9102
    country_id = {"Norvia": 9001, "Selmar": 9002}[cells["side"]]
    latitude, longitude = float(cells["latitude"]), float(cells["longitude"])
    year = int(cells["date"][:4])
    return {
        "id": int(cells["record_id"]), "relid": f"INV-{year}-{cells['category']}-{dyad}-{int(cells['record_id']) - 900_000}",
        "year": year, "active_year": 0, "code_status": "Clear", "type_of_violence": cells["category"],
        "conflict_dset_id": 9100, "conflict_new_id": 9100, "conflict_name": "Norvia - Selmar: valley (invented)",
        "dyad_dset_id": dyad, "dyad_new_id": dyad, "dyad_name": f"Norvia {kind} - Selmar {kind}", "side_a_dset_id": 9201,
        "side_a_new_id": 9201, "side_a": f"Norvia {kind}", "side_b_dset_id": 9202, "side_b_new_id": 9202,
        "side_b": f"Selmar {kind}", "number_of_sources": cells["sources"],
        "source_article": f"Invented Valley Gazette,{cells['date']}", "source_office": "Invented Valley Gazette",
        "source_date": cells["date"], "source_headline": "Reports from the valley", "source_original": "invented",
        "where_prec": cells["where_prec"], "where_coordinates": cells["place"], "where_description": f"near {cells['place']}",
        "adm_1": cells["side"], "adm_2": cells["district"], "latitude": latitude, "longitude": longitude,
        "geom_wkt": f"POINT ({longitude} {latitude})",
        "priogrid_gid": int((latitude + 90) * 2) * 720 + int((longitude + 180) * 2) + 1, "country": cells["side"],
        "country_id": country_id, "region": "Invented", "event_clarity": 1 if cells["where_prec"] < 4 else 2,
        "date_prec": cells["date_prec"], "date_start": cells["date"], "date_end": cells["date_end"], "deaths_a": 0,
        "deaths_b": 0, "deaths_civilians": 0, "deaths_unknown": cells["best"], "best": cells["best"], "high": cells["high"],
        "low": 0, "gwnoa": 9001, "gwnob": 9002,
    }  # fmt: skip
