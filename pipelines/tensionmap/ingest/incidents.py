"""Drafts of every reader -> one table of incidents, the free text apart, and every other row set aside with its reason."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
from pyproj import Transformer

from tensionmap.crs import DEGREES, metric
from tensionmap.errors import RawDataError
from tensionmap.ingest.coordinates import Area, Position, parse_coordinate, parse_kind, parse_metres, position
from tensionmap.ingest.dates import Days, parse_date, span, widen
from tensionmap.ingest.duplicates import assign_events, duplicates_in_words
from tensionmap.ingest.places import Gazetteer, Named, fold, read_gazetteer
from tensionmap.ingest.set_aside import SetAside
from tensionmap.tables import INCIDENTS, PRIVATE_TEXT, SET_ASIDE, check, empty

if TYPE_CHECKING:
    from tensionmap.ingest.readers import Draft
    from tensionmap.ingest.taxonomy import Category, Taxonomy

REPORTERS_BESIDE_PARTIES = ("community", "outside")

_ON_THE_POINT_M = 10.0

_REFUSED: Any = object()
"""Stands in a list of results where a row was refused, so that nothing further is asked of it."""


@dataclass(frozen=True)
class Incidents:
    """Tables INCIDENTS (points in the CRS of the study), PRIVATE_TEXT and SET_ASIDE, and notes on automatic choices."""

    incidents: gpd.GeoDataFrame
    private_text: pd.DataFrame
    set_aside: pd.DataFrame
    notes: tuple[str, ...]


def assemble(
    drafts: Mapping[str, Draft],
    *,
    reported_by: Mapping[str, str],
    parties: Sequence[str],
    gazetteer: gpd.GeoDataFrame,
    taxonomy: Taxonomy,
    words: Mapping[str, Mapping[str, str]],
    date_formats: Mapping[str, str | None],
    crs: str,
    area: Area,
    date_from: date,
    date_to: date,
) -> Incidents:
    """Every report of ``drafts`` as an incident, or set aside with the reason: for every file, rows read = kept + set aside.

    Parameters
    ----------
    drafts
        Name of the source -> what its reader gave.
    reported_by
        Name of the source -> whose people reported: a party, 'community' or 'outside'; a row may say otherwise.
    parties
        The parties of the study, by which a row's own words are known.
    gazetteer
        Table SETTLEMENTS.
    words, date_formats
        Name of the source -> its own words for categories, and the format of its dates; both may lack a source.
    crs
        Projected CRS in metres.
    area
        West, south, east, north in degrees (EPSG:4326).
    date_from, date_to
        First and last day of the study period; a report that may have happened outside is set aside.

    Returns
    -------
    Incidents
        Coordinates win over a name, unless they are a settlement's own point, copied. A report known by name lies on the
        settlement's point with the settlement's radius; one with neither has ``location_kind`` none and an empty geometry.
        Reports of the same event, told by several sources, share the ``event_id``; all of them are kept.
        Sorted by ``incident_id``.

    Raises
    ------
    RawDataError
        If nobody says whose people reported a source.
    StudyError
        If a date format cannot be used or a word is translated to a category that does not exist.
    """
    places = read_gazetteer(gazetteer)
    points = gazetteer.to_crs(metric(crs)).set_index("settlement_id")
    reporters = {fold(name): name for name in (*parties, *REPORTERS_BESIDE_PARTIES)}
    tables, texts, aside, notes = [], [], [], []
    for source, draft in drafts.items():
        usual = _usual_reporter(reporters, source, reported_by.get(source, ""))
        rows = _Rows(source, draft)
        category = rows.each(partial(taxonomy.category, own=taxonomy.own_words(words.get(source, {}))), "category")
        resource = rows.combine(_resource, category, rows.each(taxonomy.resource, "resource"), column="resource")
        days = _days(rows, date_formats.get(source), date_from, date_to)
        measured = _positions(rows, area)
        centres = _centres(measured, points)
        named = rows.combine(partial(_named, _looked_up(places, rows)), rows.texts("place"), measured, centres, column="place")
        where = [None if centre else position for position, centre in zip(measured, centres, strict=True)]
        reporter = rows.each(partial(_reporter, reporters, usual), "reported_by")
        rows.refuse_repeated()
        found = _Found(category, resource, days, where, named, reporter)
        tables.append(_table(rows, found, points, crs))
        texts.append(rows.private_text())
        aside += [draft.set_aside, rows.set_aside()]
        notes += [f"{source}: {note}" for note in (*draft.notes, *_notes(rows, found, centres))]
    incidents = _joined(tables, empty(INCIDENTS, crs))
    incidents = check(incidents.assign(event_id=assign_events(incidents)), INCIDENTS)
    return Incidents(
        incidents=incidents.sort_values("incident_id", ignore_index=True),
        private_text=check(_joined(texts, empty(PRIVATE_TEXT)), PRIVATE_TEXT).sort_values("incident_id", ignore_index=True),
        set_aside=check(_joined(aside, empty(SET_ASIDE)).sort_values(["source", "row"], kind="stable"), SET_ASIDE),
        notes=(*notes, *duplicates_in_words(incidents)),
    )


@dataclass(frozen=True)
class _Found:
    """What was understood of every row of a draft, in its order; ``_REFUSED`` where it was not."""

    category: list[Category]
    resource: list[str]
    days: list[Days]
    where: list[Position | None]
    named: list[Named | None]
    reporter: list[str]


class _Rows:
    """The rows of one draft and what is wrong with each. A function is asked once for every distinct input."""

    def __init__(self, source: str, draft: Draft) -> None:
        self.source = source
        self._draft = draft
        self.faults: dict[int, list[tuple[str, str]]] = {}
        self.record_ids = self._record_ids()
        self.incident_ids = [_short_hash(f"{source}\n{record}") for record in self.record_ids]

    def texts(self, column: str) -> list[str]:
        """The cells of a draft column."""
        texts: list[str] = self._draft.table[column].to_numpy(dtype=object).tolist()
        return texts

    def each(self, function: Callable[[str], Any], column: str) -> list[Any]:
        """``function`` of every cell of a draft column."""
        return self.combine(function, self.texts(column), column=column)

    def combine(self, function: Callable[..., Any], *inputs: list[Any], column: str) -> list[Any]:
        """``function`` of the inputs row by row; where one was refused already, so is the result."""
        known: dict[tuple[Any, ...], Any] = {}
        results = []
        for place, arguments in enumerate(zip(*inputs, strict=True)):
            if arguments not in known:
                known[arguments] = _REFUSED if _REFUSED in arguments else _answer(function, arguments)
            result = known[arguments]
            if isinstance(result, RawDataError):
                self.faults.setdefault(place, []).append((column, str(result)))
                result = _REFUSED
            results.append(result)
        return results

    def refuse_repeated(self) -> None:
        """Refuse every sound row whose record stands further up already, as a sound row."""
        first: dict[str, int] = {}
        content = self._draft.table.to_numpy(dtype=object)
        rows = self.source_rows()
        for place, record in enumerate(self.record_ids):
            if place in self.faults:
                continue
            earlier = first.setdefault(record, place)
            if earlier == place:
                continue
            if np.array_equal(content[earlier], content[place]):
                reason = f"The row repeats row {rows[earlier]}."
                advice = "If it is another report, give it its own number; otherwise nothing needs doing."
            else:
                reason = f"The number of the record stands in row {rows[earlier]} already, with other content."
                advice = "Look up which of the two is right, and give each report its own number."
            self.faults[place] = [("record_id", f"{reason}\n{advice}")]

    @property
    def kept(self) -> list[int]:
        """Places of the rows with no fault."""
        return [place for place in range(len(self.record_ids)) if place not in self.faults]

    def source_rows(self) -> list[int]:
        """Rows in the file, as a spreadsheet counts."""
        return [int(row) for row in self._draft.table.index]

    def private_text(self) -> pd.DataFrame:
        """The free text of the rows kept; rows without text have none."""
        texts = self.texts("text")
        told = [(self.incident_ids[place], texts[place]) for place in self.kept if texts[place]]
        return pd.DataFrame(told, columns=PRIVATE_TEXT.column_names, dtype="str")

    def set_aside(self) -> pd.DataFrame:
        """The rows with faults: all faults of a row in one entry, the column that of the first."""
        aside = SetAside(self.source, self._draft.file, self._draft.sheet)
        rows, raw = self.source_rows(), self._draft.raw
        for place, faults in sorted(self.faults.items()):
            parts = [message.split("\n", 1) for _, message in faults]
            reason, advice = (" ".join(dict.fromkeys(part)) for part in zip(*parts, strict=True))
            aside.add(rows[place], self._draft.headers.get(faults[0][0]), reason, advice, raw.iloc[place].to_dict())
        return aside.frame()

    def _record_ids(self) -> list[str]:
        given = self.texts("record_id")
        if all(given):
            return given
        content = self._draft.raw.to_numpy(dtype=object)
        return [record or f"content-{_content_hash(row)}" for record, row in zip(given, content, strict=True)]


def _answer(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    try:
        return function(*arguments)
    except RawDataError as error:
        return error


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _content_hash(cells: Sequence[str]) -> str:
    return _short_hash(json.dumps(list(cells), ensure_ascii=False))


def _resource(category: Category, stated: str) -> str:
    return stated or category.resource


def _usual_reporter(reporters: Mapping[str, str], source: str, stated: str) -> str:
    if fold(stated) not in reporters:
        raise RawDataError(
            f"{source}: reported_by in sources.toml is {stated!r}. Whose people report is part of every count; "
            f"write one of {', '.join(reporters.values())}."
        )
    return reporters[fold(stated)]


def _reporter(reporters: Mapping[str, str], usual: str, stated: str) -> str:
    if not stated:
        return usual
    if fold(stated) not in reporters:
        raise RawDataError(
            f"Who reported is not one of {', '.join(reporters.values())}.\nWrite one of these words, or leave the cell empty."
        )
    return reporters[fold(stated)]


def _days(rows: _Rows, date_format: str | None, date_from: date, date_to: date) -> list[Any]:
    """The days of every row, all of them inside the study period."""
    read = partial(parse_date, date_format=date_format)

    def whole(first: Days, last: Days | None, precision: str) -> Days:
        days = span(first, last) if last else first
        days = widen(days, precision) if precision else days
        if days.end < date_from or days.start > date_to:
            raise RawDataError(
                f"The date ({_shown(days)}) lies outside the study period, {date_from} to {date_to}."
                "\nCheck the year; if it is right, the report is not of this study."
            )
        if days.start < date_from or days.end > date_to:
            raise RawDataError(
                f"The dates ({_shown(days)}) reach beyond the study period, {date_from} to {date_to}."
                "\nGive the date more exactly if it is known."
            )
        return days

    last = rows.each(lambda cell: read(cell) if cell else None, "date_end")
    precision = [word.casefold() for word in rows.texts("date_precision")]
    return rows.combine(whole, rows.each(read, "date"), last, precision, column="date")


def _shown(days: Days) -> str:
    return str(days.start) if days.start == days.end else f"{days.start} to {days.end}"


def _positions(rows: _Rows, area: Area) -> list[Any]:
    """The position of every row, or nothing where there are no coordinates."""

    def degrees(axis: Any) -> list[Any]:
        return rows.each(lambda cell: parse_coordinate(cell, axis=axis) if cell else None, axis)

    metres = rows.each(lambda cell: parse_metres(cell) if cell else None, "precision_m")
    kind = rows.each(parse_kind, "location_kind")
    return rows.combine(partial(position, area=area), degrees("latitude"), degrees("longitude"), metres, kind, column="latitude")


def _centres(where: list[Any], points: gpd.GeoDataFrame) -> list[str | None]:
    """The settlement whose point was written down as coordinates: such a report is known only by that name.

    Only for coordinates whose source states no precision, within ``_ON_THE_POINT_M`` (what four decimals can tell apart).
    """
    centres: list[str | None] = [None] * len(where)
    bare = [at for at, place in enumerate(where) if isinstance(place, Position) and not place.is_precision_stated]
    if not bare or points.empty:
        return centres
    given = _projected([where[at] for at in bare], points.crs)
    found, nearest = points.sindex.nearest(given, max_distance=_ON_THE_POINT_M, return_all=False)
    for at, settlement in zip(found, nearest, strict=True):
        centres[bare[at]] = points.index[settlement]
    return centres


def _looked_up(places: Gazetteer, rows: _Rows) -> dict[str, Named | RawDataError | None]:
    """Every distinct name of a place, looked up once."""
    return {name: _answer(places.find, (name,)) if fold(name) else None for name in set(rows.texts("place"))}


def _named(
    looked_up: Mapping[str, Named | RawDataError | None], name: str, where: Position | None, centre: str | None
) -> Named | None:
    """The settlement named; with coordinates a name that nobody knows does no harm."""
    if centre:
        return Named(centre, is_fuzzy=False)
    found = looked_up[name]
    if isinstance(found, RawDataError):
        if where is None:
            raise found
        return None
    return found


def _table(rows: _Rows, found: _Found, points: gpd.GeoDataFrame, crs: str) -> gpd.GeoDataFrame:
    """The rows kept as table INCIDENTS, still without ``event_id``."""
    kept = rows.kept
    source_rows = rows.source_rows()
    spots = _spots([found.where[place] for place in kept], [found.named[place] for place in kept], points)
    frame = pd.DataFrame(
        {
            "incident_id": [rows.incident_ids[place] for place in kept],
            "source": rows.source,
            "source_row": [source_rows[place] for place in kept],
            "record_id": [rows.record_ids[place] for place in kept],
            "reported_by": [found.reporter[place] for place in kept],
            "category": [found.category[place].category for place in kept],
            "theme": [found.category[place].theme for place in kept],
            "tier": [found.category[place].tier for place in kept],
            "resource": [found.resource[place] for place in kept],
            "date_start": pd.to_datetime([found.days[place].start for place in kept]),
            "date_end": pd.to_datetime([found.days[place].end for place in kept]),
            "date_precision": [found.days[place].precision for place in kept],
            "location_kind": [spot.kind for spot in spots],
            "location_precision_m": [spot.precision_m for spot in spots],
            "settlement_id": [named.settlement_id if (named := found.named[place]) else None for place in kept],
        }
    )
    geometry = gpd.points_from_xy([spot.easting for spot in spots], [spot.northing for spot in spots], crs=crs)
    geometry[[spot.kind == "none" for spot in spots]] = None
    return gpd.GeoDataFrame(frame, geometry=geometry, crs=crs)


@dataclass(frozen=True)
class _Spot:
    """Where a report lies in the CRS of the study, within which radius, and how that is known."""

    kind: str
    precision_m: float
    easting: float
    northing: float


_NOWHERE = _Spot("none", np.nan, np.nan, np.nan)


def _settled(points: gpd.GeoDataFrame) -> dict[str, _Spot]:
    """The spot of every settlement: where a report lies that knows no more than its name."""
    kinds = ["district" if kind == "district" else "settlement" for kind in points["kind"]]
    columns = (points.index, kinds, points["precision_m"], points.geometry.x, points.geometry.y)
    return {name: _Spot(kind, float(radius), x, y) for name, kind, radius, x, y in zip(*columns, strict=True)}


def _spots(where: list[Position | None], named: list[Named | None], points: gpd.GeoDataFrame) -> list[_Spot]:
    """Coordinates, else the settlement named, else nowhere."""
    settled = _settled(points)
    given = _projected(where, points.crs)
    return [
        _Spot(place.kind, place.precision_m, x, y) if place else settled[name.settlement_id] if name else _NOWHERE
        for place, name, x, y in zip(where, named, given.x, given.y, strict=True)
    ]


def _projected(where: list[Position | None], crs: Any) -> gpd.array.GeometryArray:
    longitude = [place.longitude if place else np.nan for place in where]
    latitude = [place.latitude if place else np.nan for place in where]
    return gpd.points_from_xy(*Transformer.from_crs(DEGREES, crs, always_xy=True).transform(longitude, latitude), crs=crs)


def _notes(rows: _Rows, found: _Found, centres: list[str | None]) -> list[str]:
    """Counts of what was chosen automatically among the rows kept."""
    counted = Counter[str]()
    places, records = rows.texts("place"), rows.texts("record_id")
    for at in rows.kept:
        named, where = found.named[at], found.where[at]
        counted["place names read in spite of a slip in the spelling"] += bool(named and named.is_fuzzy)
        counted["place names not in the list of settlements; the coordinates were used"] += bool(
            fold(places[at]) and where and not named
        )
        counted["coordinates that are a settlement's own point; taken as known only by its name"] += centres[at] is not None
        counted["reports without a number; one was made from the content of the row"] += not records[at]
        counted["reports with neither coordinates nor a place; they are on no map"] += not (named or where)
    return [f"{count} {what}" for what, count in counted.items() if count]


def _joined(frames: list[Any], nothing: Any) -> Any:
    filled = [frame for frame in frames if len(frame)]
    return pd.concat(filled, ignore_index=True) if filled else nothing
