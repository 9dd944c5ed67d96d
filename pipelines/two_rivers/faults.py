"""Twenty kinds of broken rows, as they really arrive, put into the files at known places."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from two_rivers import SEED
from two_rivers.events import GED, KOBO, NORVIA, SELMAR
from two_rivers.sources import Row

KINDS = {
    "missing_date": "the date is empty",
    "impossible_date": "a day that no calendar has",
    "two_digit_year": "the year has two digits",
    "other_date_format": "the date is written in another way than the study names",
    "date_outside_period": "the date lies before or after the study period",
    "swapped_coordinates": "latitude and longitude stand in each other's columns",
    "zero_coordinates": "latitude and longitude are both 0",
    "outside_area": "the place lies outside the study area",
    "coordinates_in_words": "the coordinates are words",
    "one_coordinate": "only one of the two coordinates is given",
    "unknown_category": "a category word that the study does not know",
    "missing_category": "the category is empty",
    "unknown_place": "no coordinates, and a place that the gazetteer does not have",
    "ambiguous_place": "no coordinates, and a name that two villages share",
    "exact_duplicate": "the same row a second time",
    "record_number_again": "the record number of another row, with other content",
    "not_a_record": "a total, an empty row or the header again",
    "not_approved": "the reviewers of the form did not approve it",
    "end_before_start": "the last day is before the first day",
    "negative_precision": "the precision of the position is negative",
}

_PLAN: dict[str, tuple[tuple[str, str], ...]] = {
    NORVIA: (
        ("missing_date", ""), ("impossible_date", ""), ("two_digit_year", ""), ("other_date_format", ""),
        ("date_outside_period", "after"), ("swapped_coordinates", ""), ("zero_coordinates", ""), ("coordinates_in_words", ""),
        ("one_coordinate", ""), ("unknown_category", ""), ("unknown_place", ""), ("ambiguous_place", ""),
        ("exact_duplicate", ""), ("not_a_record", "total in the middle"), ("not_a_record", "empty row"),
        ("end_before_start", ""),
    ),
    SELMAR: (
        ("missing_category", ""), ("impossible_date", ""), ("date_outside_period", "before"), ("two_digit_year", ""),
        ("other_date_format", ""), ("outside_area", ""), ("coordinates_in_words", ""), ("one_coordinate", ""),
        ("unknown_category", ""), ("unknown_place", ""), ("record_number_again", ""), ("not_a_record", "header again"),
        ("negative_precision", ""), ("swapped_coordinates", ""), ("exact_duplicate", ""),
    ),
    KOBO: (
        ("not_approved", ""), ("not_approved", ""), ("not_approved", ""), ("missing_date", ""), ("missing_category", ""),
        ("zero_coordinates", ""), ("swapped_coordinates", ""), ("exact_duplicate", ""), ("negative_precision", ""),
        ("ambiguous_place", ""), ("outside_area", ""),
    ),
    GED: (("zero_coordinates", ""), ("end_before_start", "")),
}  # fmt: skip
_INSERTED = ("exact_duplicate", "record_number_again", "not_a_record")
_ON_POINTS = (
    "swapped_coordinates",
    "zero_coordinates",
    "outside_area",
    "coordinates_in_words",
    "one_coordinate",
    "negative_precision",
)


@dataclass(frozen=True)
class Hand:
    """How one source writes: its dates, numbers, and the words it would use for what the study does not know."""

    written_date: Callable[[date], Any]
    other_date: Callable[[date], str]
    number: Callable[[float], Any]
    unknown_category: str
    unknown_place: str
    shared_name: str
    at_the_bridge: str
    total: str
    header: dict[str, str]


def break_rows(rows: list[Row], source: str, hand: Hand, retold: set[str]) -> list[Row]:
    """``rows`` with the planned faults of ``source``; events in ``retold`` and planted ones are left whole."""
    rng = np.random.default_rng([SEED, 40, *source.encode()])
    whole = [
        row
        for row in rows
        if row.report is not None and row.report.event.cluster_id is None and row.report.event.event_id not in retold
    ]
    points = [row for row in whole if row.report is not None and row.report.known_as == "gps"]
    inserted: list[tuple[int, Row]] = []
    for kind, detail in _PLAN[source]:
        if kind in _INSERTED:
            inserted.append(_insertion(rng, rows, kind, detail, hand))
            continue
        candidates = [row for row in (points if kind in _ON_POINTS else whole) if row.fault is None]
        row = candidates[int(rng.integers(len(candidates)))]
        row.fault, row.detail = kind, detail
        _CHANGES[kind](row, hand)
    result = list(rows)
    for place, row in sorted(inserted, key=lambda pair: pair[0], reverse=True):
        result.insert(place, row)
    return result


def _insertion(rng: np.random.Generator, rows: list[Row], kind: str, detail: str, hand: Hand) -> tuple[int, Row]:
    """A row that belongs to no new event, and before which row it stands."""
    place = int(rng.integers(len(rows) // 4, len(rows) - 20))
    while rows[place].fault is not None or rows[place + 9].fault is not None:
        place += 1
    first, later = rows[place], rows[place + 9]
    if kind == "exact_duplicate":
        return place + 5, Row(dict(first.cells), None, kind, f"of record {first.cells['record_id']}")
    if kind == "record_number_again":
        cells = {**later.cells, "record_id": first.cells["record_id"]}
        return place + 5, Row(cells, None, kind, f"of record {first.cells['record_id']}")
    instead: dict[str, dict[str, Any]] = {
        "total in the middle": {"record_id": hand.total, "category": place},
        "header again": dict(hand.header),
        "empty row": {},
    }
    return place, Row(instead[detail], None, kind, detail)


def _day(row: Row) -> date:
    assert row.report is not None  # noqa: S101 - only rows with a report are changed
    return row.report.day


def _put(**cells: Any) -> Callable[[Row, Hand], None]:
    return lambda row, _: row.cells.update(cells)


def _impossible_date(row: Row, _: Hand) -> None:
    row.cells.update(date=f"31.02.{_day(row).year}", date_end="")


def _two_digit_year(row: Row, _: Hand) -> None:
    row.cells.update(date=_day(row).strftime("%d.%m.%y"), date_end="")


def _other_date(row: Row, hand: Hand) -> None:
    row.cells.update(date=hand.other_date(_day(row)), date_end="")


def _outside_period(row: Row, hand: Hand) -> None:
    years = 4 if row.detail == "after" else -9
    row.cells.update(date=hand.written_date(_day(row).replace(day=11, year=_day(row).year + years)), date_end="")


def _end_before_start(row: Row, hand: Hand) -> None:
    row.cells.update(date=hand.written_date(_day(row)), date_end=hand.written_date(_day(row) - timedelta(days=12)))


def _swapped(row: Row, _: Hand) -> None:
    row.cells.update(latitude=row.cells["longitude"], longitude=row.cells["latitude"], place="")


def _zero(row: Row, hand: Hand) -> None:
    row.cells.update(latitude=hand.number(0.0), longitude=hand.number(0.0), place="")


def _outside_area(row: Row, hand: Hand) -> None:
    row.cells.update(latitude=hand.number(44.316204), longitude=hand.number(-25.481733), place="")


def _in_words(row: Row, hand: Hand) -> None:
    row.cells.update(latitude=hand.at_the_bridge, longitude=hand.at_the_bridge, place="")


def _unknown_category(row: Row, hand: Hand) -> None:
    row.cells.update(category=hand.unknown_category)


def _unknown_place(row: Row, hand: Hand) -> None:
    row.cells.update(place=hand.unknown_place, latitude="", longitude="", precision_m="")


def _ambiguous_place(row: Row, hand: Hand) -> None:
    row.cells.update(place=hand.shared_name, latitude="", longitude="", precision_m="")


def _negative_precision(row: Row, hand: Hand) -> None:
    row.cells.update(precision_m=hand.number(-12))


_CHANGES: dict[str, Callable[[Row, Hand], None]] = {
    "missing_date": _put(date="", date_end=""),
    "impossible_date": _impossible_date,
    "two_digit_year": _two_digit_year,
    "other_date_format": _other_date,
    "date_outside_period": _outside_period,
    "swapped_coordinates": _swapped,
    "zero_coordinates": _zero,
    "outside_area": _outside_area,
    "coordinates_in_words": _in_words,
    "one_coordinate": _put(longitude="", place=""),
    "unknown_category": _unknown_category,
    "missing_category": _put(category=""),
    "unknown_place": _unknown_place,
    "ambiguous_place": _ambiguous_place,
    "not_approved": _put(validation="Not approved"),
    "end_before_start": _end_before_start,
    "negative_precision": _negative_precision,
}
