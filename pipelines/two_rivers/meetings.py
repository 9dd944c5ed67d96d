"""Eight quarters of meetings: who met, what worried them, what was agreed and what became of it. Three files, three hands."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from openpyxl import Workbook
from openpyxl.styles import Font
from shapely.geometry import Point
from shapely.geometry.base import BaseGeometry

from two_rivers import INVENTED, SEED, STUDY_TO, land
from two_rivers.events import SEALED, SELMAR, SENSITIVE
from two_rivers.files import as_csv, without_clock
from two_rivers.names import SETTLEMENTS, Settlement, plain_cyrillic
from two_rivers.people import Private
from two_rivers.sources import WORDS, Row

MEETINGS, CONCERNS, ACTIONS = "meetings", "concerns", "actions"
QUARTERS = ((2024, 10), (2025, 1), (2025, 4), (2025, 7), (2025, 10), (2026, 1), (2026, 4), (2026, 7))
NEVER = ("N07", "N19", "N23", "S17", "S22")
"""Villages that never held a meeting."""
STEADY = ("N01", "N02", "N05", "N06", "N14", "N26", "S01", "S02", "S03", "S05", "S07", "S08")
"""Places that hold a reporting day nearly every quarter."""
TEAMS = ("N06", "N14", "S03", "S08")
"""Places with a community team, which meets between the reporting days."""
PAIR = ("N26", "S03")
PAIR_QUARTER = (2026, 4)
PAIR_PLACE = "gate-2"
"""On both sides of the border the first worry of this quarter is the same gate of the same canal."""
_GULVARON = {"N21": "Гулварони Боло", "N22": "Гулварони Поён"}

FAULTS = {
    "unknown_community": "a village that the gazetteer does not have",
    "district": "a whole district instead of a village",
    "impossible_date": "a day that no calendar has",
    "two_digit_year": "the year has two digits",
    "outside_period": "the date lies outside the study period",
    "meeting_again": "a meeting that stands in the list already",
    "row_again": "the same row a second time",
    "unknown_kind": "a kind of meeting that nobody knows",
    "unknown_meeting": "a day on which that community held no meeting",
    "unknown_category": "a worry that the study does not know",
    "person": "a person's name instead of an office",
    "unknown_what": "something that is no kind of action",
    "unknown_concern": "the number of a concern that the meeting did not have",
    "two_concerns": "two numbers in one cell",
    "status_clashes": "not done, and a day on which it was done",
    "no_row": "a total or an empty row",
}
ODD = {
    "negative_count": "fewer than nobody in the room",
    "count_in_words": "a count that is no number",
    "unknown_place": "a place that nobody knows",
    "unknown_group": "a group that is none of women, men and youth",
    "done_before": "done before it was agreed",
    "no_date": "a last day that is no date",
}
"""What costs a cell, not the row."""

MEETING_HEADER = {
    "community": "Деҳа", "date": "Санаи вохӯрӣ", "kind": "Намуди вохӯрӣ", "women": "Занон", "men": "Мардон", "youth": "Ҷавонон",
    "text": "Эзоҳ",
}  # fmt: skip
CONCERN_HEADER = {
    "community": "Село", "date": "Дата встречи", "rank": "№", "category": "Что беспокоит", "place": "Где",
    "raised_by": "Кто поднял", "text": "Примечание",
}  # fmt: skip
ACTION_HEADER = {
    "community": "Community", "date": "Meeting", "what": "Agreed action", "rank": "Answers concern no.", "who": "Who",
    "place": "Where", "date_due": "Until", "status": "Status", "date_done": "Done on", "result": "Result", "text": "Remarks",
}  # fmt: skip
_TITLE = ("Вохӯриҳои милитсия ва сокинон, 2024-2026", f"МАЪЛУМОТИ СОХТА - {INVENTED}")
_SHEET = "Вохӯриҳо"
_KINDS = {"reporting_day": "рӯзи ҳисоботдиҳӣ", "community_team": "дастаи ҷомеа"}
_RUSSIAN_GROUPS = {"women": "женщины", "men": "мужчины", "youth": "молодёжь"}
_RUSSIAN_MONTHS = (
    *("января", "февраля", "марта", "апреля", "мая", "июня"),
    *("июля", "августа", "сентября", "октября", "ноября", "декабря"),
)
OWN_RUSSIAN = {"irrigation_dispute": "не хватает поливной воды", "theft": "кражи в селе"}
"""Words of this list alone, which study.toml translates."""
_ACTS: dict[str, tuple[tuple[str, str], ...]] = {
    "irrigation_dispute": (("repair", "water_users"), ("water_timetable", "water_users"), ("joint_meeting", "local_government")),
    "drinking_water_dispute": (
        ("repair", "local_government"), ("new_work", "residents"), ("request_to_authorities", "community_team"),
    ),
    "pasture_dispute": (("pasture_timetable", "pasture_committee"), ("joint_meeting", "community_team"), ("mediation", "police")),
    "road_blockade": (("mediation", "local_government"), ("joint_meeting", "border_service"), ("patrol", "police")),
    "border_incident": (("request_to_authorities", "local_government"), ("information", "border_service")),
    "youth_violence": (("information", "school"), ("patrol", "police"), ("mediation", "community_team")),
    "domestic_violence": (("information", "community_team"), ("mediation", "police")),
    "recruitment": (("information", "school"),),
}  # fmt: skip
_USUAL_ACTS = (("patrol", "police"), ("information", "police"), ("other", "residents"))
_WHAT = {
    "repair": ("repair", "Repair "),
    "new_work": ("construction", "new work"),
    "water_timetable": ("water timetable", "water turns"),
    "pasture_timetable": ("grazing timetable",),
    "patrol": ("patrol", "more patrols"),
    "mediation": ("mediation",),
    "joint_meeting": ("joint meeting", "meeting of both sides"),
    "request_to_authorities": ("letter to the authorities",),
    "information": ("information campaign", "awareness"),
    "other": ("other",),
}
OWN_ENGLISH = {"more patrols": "patrol"}
"""Words of this list alone, which study.toml translates."""
_WHO = {
    "police": ("police", "Police"),
    "local_government": ("local government", "administration"),
    "community_team": ("community team",),
    "water_users": ("water users' association", "WUA"),
    "pasture_committee": ("pasture committee",),
    "school": ("school",),
    "border_service": ("border guards",),
    "residents": ("residents", "villagers"),
}
_STATUS = {"agreed": "agreed", "under_way": "in progress", "done": "done", "not_possible": "not possible"}
_RESULT = {"better": "better", "about_the_same": "no change", "worse": "worse", "too_early": "too early to say"}


@dataclass(frozen=True)
class Meeting:
    """One meeting."""

    settlement: Settlement
    day: date
    kind: str
    women: int
    men: int
    youth: int


@dataclass(frozen=True)
class Concern:
    """What a meeting was worried about."""

    meeting: Meeting
    rank: int
    category: str
    place_id: str
    groups: tuple[str, ...]


@dataclass(frozen=True)
class Action:
    """What a meeting agreed to do."""

    meeting: Meeting
    concern: Concern | None
    what: str
    who: str
    place_id: str
    due: date
    status: str
    done: date | None
    result: str


@dataclass
class Told:
    """The rows of the three files as they stand in them, and what is really meant by those without a fault."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    meant: dict[str, list[Any]] = field(default_factory=dict)


def write_meetings(private: Private, folder: Path) -> Told:
    """All three files; what they hold, with the people and numbers in their texts noted."""
    held = _meetings()
    worries = [concern for meeting in held for concern in _concerns(meeting)]
    agreed = [action for concern in worries for action in _actions(concern)]
    told = Told()
    writers: tuple[tuple[str, list[Any], Callable[..., dict[str, Any]], Callable[[list[Row], Path], None]], ...] = (
        (MEETINGS, held, _meeting_cells, _write_meetings),
        (CONCERNS, worries, _concern_cells, _write_concerns),
        (ACTIONS, agreed, _action_cells, _write_actions),
    )
    for name, meant, cells, write in writers:
        rng = np.random.default_rng([SEED, 60, *name.encode()])
        rows = [Row({"key": number, **cells(rng, one, private)}) for number, one in enumerate(meant)]
        told.rows[name] = _broken(rows, name)
        told.meant[name] = meant
        write(told.rows[name], folder)
    return told


def _first_day(quarter: tuple[int, int]) -> date:
    return date(*quarter, 1)


def _meetings() -> list[Meeting]:
    found = []
    for settlement in SETTLEMENTS:
        if settlement.settlement_id in NEVER:
            continue
        rng = np.random.default_rng([SEED, 61, *settlement.settlement_id.encode()])
        for quarter in QUARTERS:
            is_steady = settlement.settlement_id in STEADY
            is_held = rng.random() < (0.9 if is_steady else 0.2)
            found += [_meeting(rng, settlement, quarter, "reporting_day")] if is_held or _is_pair(settlement, quarter) else []
            if settlement.settlement_id in TEAMS and rng.random() < 0.5:
                found.append(_meeting(rng, settlement, quarter, "community_team"))
    return sorted(found, key=lambda one: (one.day, one.settlement.settlement_id, one.kind))


def _is_pair(settlement: Settlement, quarter: tuple[int, int]) -> bool:
    return settlement.settlement_id in PAIR and quarter == PAIR_QUARTER


def _meeting(rng: np.random.Generator, settlement: Settlement, quarter: tuple[int, int], kind: str) -> Meeting:
    """Reporting days in the second half of a quarter, teams in the first; in one of six hardly a woman is there."""
    first = 0 if kind == "community_team" else 45
    day = _first_day(quarter) + timedelta(days=first + int(rng.integers(0, 40)))
    size = 9 if kind == "community_team" else int(rng.integers(18, 60))
    women = int(rng.integers(1, 4)) if rng.random() < 0.17 else round(size * rng.uniform(0.2, 0.5))
    youth = 0 if rng.random() < 0.12 else round(size * rng.uniform(0.1, 0.3))
    return Meeting(settlement, day, kind, women, max(size - women - youth, 2), youth)


def _near(settlement: Settlement, reach_m: float) -> list[tuple[str, str, float]]:
    """Kind, identifier and metres of the resources and services that the village worries about, the nearest first."""
    here = Point(land.position(settlement))
    shapes: list[tuple[str, str, BaseGeometry]] = [(one["kind"], one["resource_id"], shape) for one, shape in land.resources()]
    shapes += [(one["kind"], one["service_id"], shape) for one, shape in land.services()]
    near = [(kind, key, float(here.distance(shape))) for kind, key, shape in shapes]
    return sorted((one for one in near if one[2] < reach_m), key=lambda one: one[2])


_ABOUT = {
    "canal": "irrigation_dispute", "gate": "irrigation_dispute", "spring": "drinking_water_dispute", "pasture": "pasture_dispute",
    "crossing": "road_blockade", "road": "traffic_accident",
}  # fmt: skip
_ELSEWHERE = {
    "theft": 5, "livestock_theft": 5, "hooliganism": 2, "fraud": 2, "land_dispute": 4, "border_incident": 3, "youth_violence": 2,
    "drugs": 1, "domestic_violence": 2, "recruitment": 1,
}  # fmt: skip


def _concerns(meeting: Meeting) -> list[Concern]:
    """One to three, mostly about what lies near; a summer without water comes first."""
    settlement, day = meeting.settlement, meeting.day
    rng = np.random.default_rng([SEED, 62, *settlement.settlement_id.encode(), day.toordinal()])
    near = [(_ABOUT[kind], key) for kind, key, _ in _near(settlement, 4000) if kind in _ABOUT]
    if not 4 <= day.month <= 9:
        near = [(category, key) for category, key in near if category not in ("irrigation_dispute", "pasture_dispute")]
    about = dict(reversed(near))
    weights = np.array(
        [*_ELSEWHERE.values(), *(1 if category in _ELSEWHERE or category == "traffic_accident" else 16 for category in about)],
        dtype=float,
    )
    every = [*_ELSEWHERE, *about]
    most = 3 if settlement.settlement_id in STEADY and meeting.kind == "reporting_day" else 1
    chosen = rng.choice(every, size=int(rng.integers(1, most + 1)), replace=False, p=weights / weights.sum()).tolist()
    if meeting.kind == "reporting_day" and _is_pair(settlement, (day.year, (day.month - 1) // 3 * 3 + 1)):
        chosen = ["irrigation_dispute", *[one for one in chosen if one != "irrigation_dispute"][:2]]
        about["irrigation_dispute"] = PAIR_PLACE
    found = []
    for rank, category in enumerate(chosen, start=1):
        groups = tuple(group for group in ("women", "men", "youth") if getattr(meeting, group) and rng.random() < 0.45)
        is_told = category not in (*SEALED, *SENSITIVE) and rng.random() < 0.85
        place_id = about.get(category, settlement.settlement_id) if is_told else ""
        found.append(Concern(meeting, rank, category, place_id, groups or ("men",)))
    return found


def _actions(concern: Concern) -> list[Action]:
    """To every other concern something is agreed; most of it is done, some late, some never."""
    meeting = concern.meeting
    rng = np.random.default_rng(
        [SEED, 63, *meeting.settlement.settlement_id.encode(), meeting.day.toordinal(), concern.rank, len(meeting.kind)]
    )
    if rng.random() > 0.6:
        return []
    acts = _ACTS.get(concern.category, _USUAL_ACTS)
    what, who = acts[int(rng.integers(len(acts)))]
    due = meeting.day + timedelta(days=int(rng.integers(20, 120)))
    done = meeting.day + timedelta(days=int(rng.integers(10, 130)))
    status = str(rng.choice(["done", "done", "done", "under_way", "agreed", "not_possible"]))
    is_done = status == "done" and done <= STUDY_TO
    if status == "done" and not is_done:
        status = "under_way" if rng.random() < 0.5 else "agreed"
    result = str(rng.choice(["better", "better", "about_the_same", "about_the_same", "worse", "too_early"])) if is_done else ""
    answers = concern if rng.random() < 0.9 or concern.category in (*SEALED, *SENSITIVE) else None
    return [Action(meeting, answers, what, who, concern.place_id, due, status, done if is_done else None, result)]


# The cells of each file


def _meeting_cells(rng: np.random.Generator, meeting: Meeting, private: Private) -> dict[str, Any]:
    shape = rng.random()
    name = _GULVARON.get(meeting.settlement.settlement_id, meeting.settlement.name_local)
    day: Any = meeting.day
    if shape < 0.3:
        day = meeting.day.strftime("%d.%m.%Y")
    elif shape < 0.4:
        day = (meeting.day - date(1899, 12, 30)).days
    return {
        "community": name.upper() if rng.random() < 0.1 else f"деҳаи {name}" if rng.random() < 0.1 else name,
        "date": day,
        "kind": _KINDS[meeting.kind].capitalize() if rng.random() < 0.3 else _KINDS[meeting.kind],
        "women": _people(rng, meeting.women),
        "men": _people(rng, meeting.men),
        "youth": _people(rng, meeting.youth),
        "text": private.text(rng, "tg"),
    }


def _people(rng: np.random.Generator, count: int) -> Any:
    """A number, or as people write one."""
    shape = rng.random()
    if count == 0 and shape < 0.6:
        return "не"
    if shape < 0.08:
        return f"{count} нафар"
    if count == 12 or shape < 0.1:
        return f"{count} (бо рӯйхат)"
    return "" if shape > 0.98 else count


def _concern_cells(rng: np.random.Generator, concern: Concern, private: Private) -> dict[str, Any]:
    meeting = concern.meeting
    day = meeting.day
    groups = [_RUSSIAN_GROUPS[group] for group in concern.groups]
    own = OWN_RUSSIAN.get(concern.category) if rng.random() < 0.3 else None
    word = own or WORDS[SELMAR][concern.category]
    return {
        "community": plain_cyrillic(_GULVARON.get(meeting.settlement.settlement_id, meeting.settlement.name_local)),
        "date": f"{day.day} {_RUSSIAN_MONTHS[day.month - 1]} {day.year} г." if rng.random() < 0.2 else day.strftime("%d.%m.%Y"),
        "kind": "",
        "rank": f"№ {concern.rank}" if rng.random() < 0.1 else f"{concern.rank},0" if rng.random() < 0.05 else concern.rank,
        "category": word.capitalize() if rng.random() < 0.2 else word,
        "place": plain_cyrillic(_name_of(concern.place_id)) if concern.place_id else "",
        "raised_by": str(rng.choice([", ", " и ", "; "])).join(groups),
        "text": private.text(rng, "ru", only_russian_letters=True),
    }


def _action_cells(rng: np.random.Generator, action: Action, private: Private) -> dict[str, Any]:
    settlement = action.meeting.settlement
    name = settlement.own_spellings[-1] if settlement.settlement_id in _GULVARON else settlement.name
    return {
        "community": name.lower() if rng.random() < 0.1 else f"{name} village" if rng.random() < 0.1 else name,
        "date": action.meeting.day.isoformat(),
        "what": str(rng.choice(_WHAT[action.what])),
        "rank": action.concern.rank if action.concern else "-",
        "who": str(rng.choice(_WHO[action.who])),
        "place": _name_of(action.place_id) if action.place_id else "",
        "date_due": f"{action.due:%Y-%m}" if rng.random() < 0.2 else action.due.isoformat(),
        "status": _STATUS[action.status],
        "date_done": action.done.isoformat() if action.done else "",
        "result": _RESULT[action.result] if action.result else "",
        "text": private.text(rng, "en"),
    }


def _name_of(place_id: str) -> str:
    """The name of a village in the local script, and of anything else as it stands on the maps."""
    for settlement in SETTLEMENTS:
        if settlement.settlement_id == place_id:
            return _GULVARON.get(place_id, settlement.name_local)
    for key, layer in (("resource_id", land.resources()), ("service_id", land.services())):
        for one, _ in layer:
            if one[key] == place_id:
                return _in_one_alphabet(str(one["name"]))
    raise KeyError(place_id)


def _in_one_alphabet(name: str) -> str:
    """Without dots over its letters, which cp1251 does not have."""
    return name.translate(str.maketrans("öüÖÜ", "ouOU"))


# Faults

_PLAN: dict[str, tuple[str, ...]] = {
    MEETINGS: (
        "impossible_date", "two_digit_year", "outside_period", "district", "unknown_kind", "meeting_again",
        "row_again", "no_row", "negative_count", "count_in_words",
    ),
    CONCERNS: (
        "unknown_community", "unknown_meeting", "unknown_category", "impossible_date", "row_again", "no_row", "unknown_place",
        "unknown_group",
    ),
    ACTIONS: (
        "person", "unknown_meeting", "unknown_what", "unknown_concern", "two_concerns", "status_clashes", "row_again", "no_row",
        "done_before", "no_date", "unknown_place",
    ),
}  # fmt: skip


def _broken(rows: list[Row], name: str) -> list[Row]:
    """``rows`` with a planted fault of each kind, numbered as a spreadsheet counts. Faulty rows are added, sound ones stay."""
    rng = np.random.default_rng([SEED, 65, *name.encode()])
    result = list(rows)
    for kind in _PLAN[name]:
        sound = [
            place for place, row in enumerate(result) if row.fault is None and (kind not in _NEEDS or row.cells[_NEEDS[kind]])
        ]
        place = sound[int(rng.integers(len(sound) // 4, len(sound)))]
        cells = dict(result[place].cells)
        if kind in ODD:
            result[place] = replace(result[place], cells=cells | _CHANGES[kind](cells), fault=None, detail=kind)
            continue
        result.insert(place + 1, Row({**cells, **_CHANGES[kind](cells)}, None, kind))
    header = len(_TITLE) + 1 if name == MEETINGS else 1
    return [replace(row, number=number) for number, row in enumerate(result, start=header + 1)]


_NEEDS = {"done_before": "date_done", "no_date": "date_due", "unknown_place": "place", "unknown_group": "raised_by"}
_CHANGES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "unknown_community": lambda _: {"community": "Заброшенный Аул"},
    "district": lambda _: {"community": "ноҳияи Ҳафтвезин"},
    "impossible_date": lambda _: {"date": "31.02.2025"},
    "two_digit_year": lambda _: {"date": "14.03.25"},
    "outside_period": lambda _: {"date": "14.03.2015"},
    "meeting_again": lambda cells: {"women": 5, "men": 6, "text": ""} | {"community": f" {cells['community']}"},
    "row_again": lambda _: {},
    "unknown_kind": lambda _: {"kind": "тӯй"},
    "unknown_meeting": lambda _: {"date": "2023-11-11"},
    "unknown_category": lambda _: {"category": "плохая погода"},
    "person": lambda _: {"who": "Lieutenant A. Zarfushin"},
    "unknown_what": lambda _: {"what": "to think about it"},
    "unknown_concern": lambda _: {"rank": 9},
    "two_concerns": lambda _: {"rank": "1, 2"},
    "status_clashes": lambda cells: {"status": "in progress", "date_done": cells["date"], "result": ""},
    "no_row": lambda cells: dict.fromkeys(cells, ""),
    "negative_count": lambda _: {"women": -3},
    "count_in_words": lambda _: {"men": "бисёр"},
    "unknown_place": lambda _: {"place": "by the old mill"},
    "unknown_group": lambda _: {"raised_by": "старейшины"},
    "done_before": lambda _: {"date_done": "2024-01-15"},
    "no_date": lambda _: {"date_due": "soon"},
}


# Files


def _write_meetings(rows: list[Row], folder: Path) -> None:
    """A workbook with merged titles above its header, dates as dates, as text and as bare numbers."""
    book = Workbook()
    sheet = book.active
    sheet.title = _SHEET
    for line, title in enumerate(_TITLE, start=1):
        sheet.cell(line, 1, title).font = Font(bold=True)
        sheet.merge_cells(start_row=line, end_row=line, start_column=1, end_column=len(MEETING_HEADER))
    for column, header in enumerate(MEETING_HEADER.values(), start=1):
        sheet.cell(len(_TITLE) + 1, column, header).font = Font(bold=True)
    for row in rows:
        for column, name in enumerate(MEETING_HEADER, start=1):
            value = row.cells[name]
            if value != "":
                cell = sheet.cell(row.number, column, value)
                if isinstance(value, date):
                    cell.number_format = "dd.mm.yyyy"
    book.properties.title = INVENTED
    book.properties.creator = "two_rivers"
    (folder / f"{MEETINGS}.xlsx").write_bytes(without_clock(book))


def _write_concerns(rows: list[Row], folder: Path) -> None:
    lines = [list(CONCERN_HEADER.values()), *([row.cells[name] for name in CONCERN_HEADER] for row in rows)]
    text = as_csv(lines, encoding="cp1251", delimiter=";", quoting=csv.QUOTE_MINIMAL)
    (folder / f"{CONCERNS}.csv").write_bytes(text)


def _write_actions(rows: list[Row], folder: Path) -> None:
    lines = [list(ACTION_HEADER.values()), *([row.cells[name] for name in ACTION_HEADER] for row in rows)]
    (folder / f"{ACTIONS}.csv").write_bytes(as_csv(lines, encoding="utf-8", delimiter=",", quoting=csv.QUOTE_MINIMAL))


def what_was_planted(told: Told) -> dict[str, Any]:
    """Of truth.json: rows, faults and oddities, what each sound row means, and the pair across the border."""
    key: dict[str, Callable[[Any], dict[str, Any]]] = {MEETINGS: _of_meeting, CONCERNS: _of_concern, ACTIONS: _of_action}
    quarter = f"{PAIR_QUARTER[0]}Q{PAIR_QUARTER[1] // 3 + 1}"
    return {
        "meetings": {
            "rows": {name: len(rows) for name, rows in told.rows.items()},
            "fault_kinds": FAULTS,
            "odd_kinds": ODD,
            "pair": {"settlements": list(PAIR), "quarter": quarter, "place_id": PAIR_PLACE},
            "never": list(NEVER),
        },
        "meetings_broken": _faults(told, lambda row: row.fault),
        "meetings_odd": _faults(told, lambda row: row.detail if row.fault is None else None),
        "meetings_meant": [
            {"source": name, "row": row.number, **key[name](told.meant[name][row.cells["key"]])}
            for name, rows in told.rows.items()
            for row in rows
            if row.fault is None
        ],
    }


def _faults(told: Told, kind_of: Callable[[Row], str | None]) -> list[dict[str, Any]]:
    return [
        {"source": name, "row": row.number, "kind": kind}
        for name, rows in told.rows.items()
        for row in rows
        if (kind := kind_of(row))
    ]


def _of_meeting(meeting: Meeting) -> dict[str, Any]:
    return {"settlement_id": meeting.settlement.settlement_id, "day": meeting.day.isoformat(), "kind": meeting.kind}


def _of_concern(concern: Concern) -> dict[str, Any]:
    told = {
        "rank": concern.rank,
        "category": concern.category,
        "place_id": concern.place_id,
        "raised_by": "|".join(concern.groups),
    }
    return {**_of_meeting(concern.meeting), **told}


def _of_action(action: Action) -> dict[str, Any]:
    return {
        **_of_meeting(action.meeting),
        "what": action.what,
        "who": action.who,
        "status": action.status,
        "answers": action.concern.category if action.concern else "",
        "result": action.result,
    }
