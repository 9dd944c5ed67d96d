"""Drafts of every reader -> one table of incidents, the free text apart, and every other row set aside with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from itertools import chain
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyproj import Transformer
from scipy.spatial import KDTree

from tensionmap.crs import DEGREES, metric
from tensionmap.errors import RawDataError
from tensionmap.ingest.coordinates import Area, PositionsRead, read_positions
from tensionmap.ingest.dates import DaysRead, ReportedRead, read_days, read_reported
from tensionmap.ingest.places import AmbiguousPlace, Gazetteer, fold
from tensionmap.ingest.set_aside import SetAside, corrections, mark_corrected
from tensionmap.tables import INCIDENTS, PRIVATE_TEXT, SET_ASIDE, VERIFICATIONS, check, empty

if TYPE_CHECKING:
    from tensionmap.ingest.drafts import Draft
    from tensionmap.ingest.taxonomy import Taxonomy

REPORTERS_BESIDE_PARTIES = ("community", "outside")

_ON_THE_POINT_M = 10.0
_HASH_KEY = "tensionmapreport"
_MOST_SEVERE = 7.0

_WORDS = (
    *("source", "reported_by", "category", "theme", "tier", "resource", "verification", "date_precision", "location_kind"),
    "settlement_id",
)
_KEPT = pa.schema(
    [
        pa.field("incident", pa.uint64()),
        pa.field("source_row", pa.int64()),
        pa.field("record_id", pa.large_string()),
        *[pa.field(name, pa.dictionary(pa.int32(), pa.string())) for name in _WORDS],
        pa.field("date_start", pa.date32()),
        pa.field("date_end", pa.date32()),
        pa.field("date_reported", pa.date32()),
        *[pa.field(n, pa.float64()) for n in ("severity", "location_precision_m", "place_score", "easting", "northing")],
    ]
)
"""A report while it waits for the others: words as numbers, no geometry, about 120 bytes."""


@dataclass(frozen=True)
class How:
    """How the reports of a study are understood: the same for every source.

    Parameters
    ----------
    parties
        The parties of the study, by which a row's own words are known.
    places, points
        The gazetteer, and table SETTLEMENTS that it was made from.
    taxonomy
        Categories and resources.
    crs
        Projected CRS in metres.
    area
        West, south, east, north in degrees (EPSG:4326).
    date_from, date_to
        First and last day of the study period; a report that may have happened outside is set aside.
    timezone
        Where a time that names its zone is put on a day; none: on the day as written.
    """

    parties: Sequence[str]
    places: Gazetteer
    points: gpd.GeoDataFrame
    taxonomy: Taxonomy
    crs: str
    area: Area
    date_from: date
    date_to: date
    timezone: str | None = None


@dataclass(frozen=True)
class Understood:
    """The reports of one source: those kept, their free text, those set aside, and the places that a person must decide on."""

    kept: pa.Table
    private_text: pd.DataFrame
    set_aside: pd.DataFrame
    notes: tuple[str, ...]
    counts: Mapping[str, int]
    """Rows kept of each file, by the name of its source."""
    doubtful: Mapping[AmbiguousPlace, int] = field(default_factory=dict)


def understand(
    drafts: Iterable[Draft],
    how: How,
    *,
    source: str,
    reported_by: str,
    words: Mapping[str, str],
    date_format: str | None = None,
    crs: str | None = None,
    mend_exchanged: bool = False,
    corrected: Iterable[Draft] = (),
) -> Understood:
    """Every report of one source understood or set aside with the reason: rows read = kept + set aside.

    Parameters
    ----------
    drafts
        What the reader gives, piece by piece; only what is kept stays in memory.
    source, reported_by
        Name in sources.toml, and whose people reported: a party, 'community' or 'outside'; a row may say otherwise.
    words, date_format, crs, mend_exchanged
        The source's own words for categories, the format of its dates, the CRS of its eastings and northings, and whether
        exchanged coordinates are mended.
    corrected
        Rows of it that were set aside, corrected by a person: see ``set_aside.corrections``.

    Returns
    -------
    Understood
        Coordinates win over a name, unless they are a settlement's own point, copied. A report known by name lies on the
        settlement's point with the settlement's radius; one with neither has ``location_kind`` none.

    Raises
    ------
    RawDataError
        If the file cannot be read, or nobody says whose people reported.
    StudyError
        If a date format cannot be used or a word is translated to a category that does not exist.
    """
    reporters = {fold(name): name for name in (*how.parties, *REPORTERS_BESIDE_PARTIES)}
    usual = _usual_reporter(reporters, source, reported_by)
    own = how.taxonomy.own_words(words)
    settled = _Settled(how.points, how.crs)
    seen, alike = _Seen(), _Alike()
    kept, texts = [], []
    aside: list[pd.DataFrame] = []
    notes: list[str] = []
    counted, doubtful, counts = Counter[str](), Counter[AmbiguousPlace](), Counter[str]()
    mended: dict[str, list[str]] = {}
    for draft in chain(_ahead(drafts), corrections(corrected, aside, mended)):
        rows = _Rows(draft)
        category = rows.each("category", lambda word: how.taxonomy.category(word, own=own))
        resource = rows.each("resource", how.taxonomy.resource)
        severity = rows.each("severity", _severity)
        verification = rows.each("verification", _verification)
        days = rows.take(
            read_days(
                *(draft.table[name] for name in ("date", "date_end", "date_precision")),
                date_format=date_format,
                timezone=how.timezone,
                date_from=how.date_from,
                date_to=how.date_to,
            )
        )
        reported = read_reported(
            draft.table["date_reported"], days.start, date_format=date_format, timezone=how.timezone, date_to=how.date_to
        )
        given = rows.take(
            read_positions(
                *(draft.table[n] for n in ("latitude", "longitude", "easting", "northing", "precision_m", "location_kind")),
                area=how.area,
                crs=crs,
                mend_exchanged=mend_exchanged,
            )
        )
        where = settled.place(given)
        named = _named(rows, how.places, where.is_placed, doubtful)
        reporter = rows.each("reported_by", lambda word: _reporter(reporters, usual, word))
        records = _records(draft, source, rows.sound(), alike, counted)
        found = _Found(category, resource, severity, verification, days, reported, where, named, reporter, records)
        _refuse_repeated(rows, found, seen)
        kept.append(_kept(rows, found, settled, source))
        texts.append(_private_text(rows, records))
        aside += [draft.set_aside, rows.set_aside()]
        counts[draft.source] += int(rows.sound().sum())
        if draft.corrects is not None:
            for key in draft.corrects[rows.sound()]:
                mended.setdefault(key, []).append(draft.file)
        notes += draft.notes
        counted.update({**draft.counted, **days.counted, **given.counted})
        _count(counted, rows, found)
    notes += [f"{count} {what}" for what, count in counted.items() if count]
    return Understood(
        kept=pa.concat_tables(kept).unify_dictionaries() if kept else _KEPT.empty_table(),
        private_text=_joined(texts, empty(PRIVATE_TEXT)),
        set_aside=check(mark_corrected(_joined(aside, empty(SET_ASIDE)), mended).sort_values(["source", "row"]), SET_ASIDE),
        notes=tuple(f"{source}: {note}" for note in notes),
        counts=counts,
        doubtful=doubtful,
    )


def assemble(sources: Sequence[Understood], crs: str) -> gpd.GeoDataFrame:
    """The reports of all ``sources`` as table INCIDENTS, in the order of ``incident_id``, each an event of its own."""
    kept = pa.concat_tables([_KEPT.empty_table(), *(source.kept for source in sources)]).unify_dictionaries()
    some = kept.take(np.argsort(kept["incident"].to_numpy(), kind="stable"))
    del kept
    columns: dict[str, Any] = {name: pd.array(some[name].cast(pa.large_string()), dtype="str") for name in _WORDS}
    columns["incident_id"] = columns["event_id"] = _as_hex(some["incident"].to_numpy()).array
    columns["record_id"] = pd.array(some["record_id"], dtype="str")
    for name in ("date_start", "date_end", "date_reported"):
        columns[name] = some[name].to_numpy().astype("datetime64[us]")
    for name in ("source_row", "severity", "location_precision_m", "place_score"):
        columns[name] = some[name].to_numpy()
    x = some["easting"].to_numpy()
    geometry = gpd.points_from_xy(x, some["northing"].to_numpy(), crs=metric(crs))
    geometry[np.isnan(x)] = None
    frame = pd.DataFrame({name: columns[name] for name in INCIDENTS.column_names if name != "geometry"})
    return gpd.GeoDataFrame(frame.astype({"source_row": "Int64"}), geometry=geometry, crs=metric(crs))


def _ahead(drafts: Iterable[Draft]) -> Iterator[Draft]:
    """``drafts``, the next of which is read while the last one is understood."""
    pieces = iter(drafts)
    with ThreadPoolExecutor(max_workers=1) as other:
        coming = other.submit(next, pieces, None)
        while (draft := coming.result()) is not None:
            coming = other.submit(next, pieces, None)
            yield draft


@dataclass(frozen=True)
class _Where:
    """Where each row of a piece lies in the CRS of the study by its coordinates; NaN without."""

    easting: NDArray[np.float64]
    northing: NDArray[np.float64]
    precision_m: NDArray[np.float64]
    kind: NDArray[Any]
    centre: NDArray[np.int64]
    """The settlement whose own point was written down, as a position in SETTLEMENTS; -1: none."""

    @property
    def is_placed(self) -> NDArray[np.bool_]:
        """Rows that need no name of a place."""
        return ~np.isnan(self.easting) | (self.centre >= 0)


@dataclass(frozen=True)
class _Answers:
    """What was understood of a column: for each row the number of an answer; None where the cell was refused."""

    codes: NDArray[np.int64]
    answers: list[Any]
    hashes: NDArray[np.uint64]
    """Of the cells as written."""

    def each(self, function: Callable[[Any], Any], *, dtype: Any = object) -> NDArray[Any]:
        """``function`` of the answer of every row; nothing of a refused one is told."""
        told = np.zeros(len(self.answers), dtype=dtype)
        for place, answer in enumerate(self.answers):
            if answer is not None:
                told[place] = function(answer)
        of_rows: NDArray[Any] = told[self.codes]
        return of_rows


def _words(at: NDArray[np.int64], function: Callable[..., str | None], *columns: _Answers) -> pa.DictionaryArray:
    """``function`` of the answers of the rows ``at``, asked once for each combination."""
    together = np.zeros(len(at), dtype=np.int64)
    for column in columns:
        together = together * len(column.answers) + column.codes[at]
    codes, distinct = pd.factorize(together)
    words = []
    for number in distinct.tolist():
        answers = []
        for column in reversed(columns):
            number, place = divmod(number, len(column.answers))
            answers.append(column.answers[place])
        words.append(function(*reversed(answers)))
    return pa.array(words, pa.string()).dictionary_encode().take(pa.array(codes)) if words else _NO_WORDS


_NO_WORDS = pa.array([], pa.string()).dictionary_encode()


@dataclass(frozen=True)
class _Found:
    """What was understood of every row of a piece, in its order; what was refused holds anything."""

    category: _Answers
    resource: _Answers
    severity: _Answers
    verification: _Answers
    days: DaysRead
    reported: ReportedRead
    where: _Where
    named: _Answers
    reporter: _Answers
    records: _Records

    def content(self, text: pd.Series) -> NDArray[np.uint64]:
        """64 bits of what each row says, by which a row that repeats another is told from one that differs.

        When it was reported does not count: the same report entered again on another day is still the same.
        """
        content = _hashes(text)
        columns = (self.category, self.resource, self.severity, self.verification, self.named, self.reporter)
        numbers = (self.days.start.astype(np.int64), self.days.end.astype(np.int64), self.where.easting, self.where.northing)
        for part in (*(column.hashes for column in columns), *map(pd.util.hash_array, numbers)):
            content = content * np.uint64(0x9E3779B97F4A7C15) + part
        return content


class _Rows:
    """The rows of one piece and what is wrong with each."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.faults: dict[int, list[tuple[str, str]]] = {}

    def __len__(self) -> int:
        return len(self.draft.table)

    def each(self, column: str, function: Callable[[str], Any]) -> _Answers:
        """``function`` of every cell of a draft column, asked once for each distinct cell; a refusal is kept as a fault."""
        codes, cells = pd.factorize(self.draft.table[column])
        answers = _Answers(codes, [None] * len(cells), _hashes(cells)[codes])
        for place, cell in enumerate(cells):
            try:
                answers.answers[place] = function(cell)
            except RawDataError as error:
                self.refuse(np.flatnonzero(codes == place), column, str(error))
        return answers

    def take(self, read: Any) -> Any:
        """``read`` itself, its faults added to ours."""
        for place, column, message in read.faults:
            self.faults.setdefault(place, []).append((column, message))
        return read

    def refuse(self, places: Iterable[int], column: str, message: str) -> None:
        """Rows with a fault in ``column``: what is wrong, and in a second line what to do."""
        for place in places:
            self.faults.setdefault(int(place), []).append((column, message))

    def sound(self) -> NDArray[np.bool_]:
        """Rows with no fault so far."""
        sound = np.ones(len(self), dtype=bool)
        sound[list(self.faults)] = False
        return sound

    def set_aside(self) -> pd.DataFrame:
        """The rows with faults: all faults of a row in one entry, the column that of the first."""
        aside = SetAside(self.draft.source, self.draft.file, self.draft.sheet)
        places = sorted(self.faults)
        columns: list[str | None] = []
        reasons: list[str] = []
        advices: list[str] = []
        for place in places:
            parts = [message.split("\n", 1) for _, message in self.faults[place]]
            columns.append(self.draft.headers.get(self.faults[place][0][0]))
            for texts, heap in zip(zip(*parts, strict=True), (reasons, advices), strict=True):
                heap.append(" ".join(dict.fromkeys(texts)))
        aside.add_rows(self.draft.raw.iloc[places], columns, reasons, advices)
        return aside.frame()


def _severity(cell: str) -> float:
    if not cell:
        return np.nan
    try:
        severity = float(cell.replace("−", "-").replace(",", "."))
    except ValueError:
        severity = np.nan
    if not -_MOST_SEVERE <= severity <= _MOST_SEVERE:
        raise RawDataError(
            "The severity is not a number from -7 to 7 (BAR scale).\nWrite the step of the scale, or leave the cell empty."
        )
    return severity


def _verification(cell: str) -> str:
    word = cell.strip().casefold()
    if word and word not in VERIFICATIONS:
        raise RawDataError(
            f"The verification is not one of {', '.join(VERIFICATIONS)}.\nWrite one of these words, or leave the cell empty."
        )
    return word


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


class _Settled:
    """The settlements: where a report lies that knows no more than a name."""

    def __init__(self, settlements: gpd.GeoDataFrame, crs: str) -> None:
        points = settlements.to_crs(metric(crs))
        self.easting, self.northing = points.geometry.x.to_numpy(), points.geometry.y.to_numpy()
        self.precision_m = points["precision_m"].to_numpy(dtype=float)
        self.kind = np.where(points["kind"] == "district", "district", "settlement").astype(object)
        self.ids = points["settlement_id"].to_numpy(dtype=object)
        self.position = {name: place for place, name in enumerate(self.ids)}
        self._to_metres = Transformer.from_crs(DEGREES, metric(crs), always_xy=True)
        self._tree = KDTree(np.column_stack([self.easting, self.northing])) if len(points) else None

    def place(self, given: PositionsRead) -> _Where:
        """The positions in metres; one that is a settlement's own point, copied, is taken back: only the name is known.

        Only coordinates whose source states no precision, within ``_ON_THE_POINT_M`` (what four decimals can tell apart).
        """
        has = ~np.isnan(given.longitude)
        x, y = np.full(len(has), np.nan), np.full(len(has), np.nan)
        x[has], y[has] = self._to_metres.transform(given.longitude[has], given.latitude[has])
        centre = np.full(len(has), -1, dtype=np.int64)
        bare = np.flatnonzero(has & ~given.is_precision_stated)
        if self._tree is not None and len(bare):
            away, nearest = self._tree.query(np.column_stack([x[bare], y[bare]]), distance_upper_bound=_ON_THE_POINT_M)
            centre[bare[np.isfinite(away)]] = nearest[np.isfinite(away)]
        x[centre >= 0] = y[centre >= 0] = np.nan
        return _Where(x, y, given.precision_m, given.kind, centre)


def _named(rows: _Rows, places: Gazetteer, is_placed: NDArray[np.bool_], doubtful: Counter[AmbiguousPlace]) -> _Answers:
    """The settlement named by each row; with coordinates a name that nobody knows does no harm."""
    table = rows.draft.table
    codes, pairs = pd.factorize(table["place"] + "\x1f" + table["district"])
    named = _Answers(codes, [None] * len(pairs), _hashes(pairs)[codes])
    for number, pair in enumerate(pairs):
        name, _, district = pair.partition("\x1f")
        if not fold(name):
            continue
        try:
            named.answers[number] = places.find(name, district)
        except RawDataError as error:
            unplaced = np.flatnonzero((codes == number) & ~is_placed)
            rows.refuse(unplaced, "place", str(error))
            if isinstance(error, AmbiguousPlace) and len(unplaced):
                doubtful[error] += len(unplaced)
    return named


@dataclass(frozen=True)
class _Records:
    """The number of each row's record, made from its content where the file has none, and what that makes its identifier."""

    record_id: pd.Series
    incident: NDArray[np.uint64]
    is_made: NDArray[np.bool_]


def _records(draft: Draft, source: str, sound: NDArray[np.bool_], alike: _Alike, counted: Counter[str]) -> _Records:
    record_id = draft.table["record_id"].reset_index(drop=True)
    is_made = (record_id == "").to_numpy()
    if is_made.any():
        content = _hashes(_contents(draft.raw.iloc[np.flatnonzero(is_made)]))
        # People do not write the same story twice: a row that is alike with its text is a repeat, one without may be another.
        may_be_another = (draft.table["text"] == "").to_numpy()[is_made] & sound[is_made]
        times = alike.count(content, may_be_another)
        made = [f"content-{h:016x}" + (f"-{n + 1}" if n else "") for h, n in zip(content, times, strict=True)]
        record_id = record_id.mask(is_made, pd.Series(made, index=np.flatnonzero(is_made)).reindex(record_id.index)).astype("str")
        counted[
            "rows are alike in every column with an earlier one and have neither number nor text; each counts as a report"
        ] += int((times > 0).sum())
    return _Records(record_id, _hashes(f"{source}\n" + record_id), is_made)


def _hashes(texts: Any) -> NDArray[np.uint64]:
    """64 bits of SipHash of each text, the same in every run. Two of ten million are alike with a chance of 3 in a million."""
    hashes: NDArray[np.uint64] = pd.util.hash_array(
        np.asarray(pd.array(texts, dtype="str").to_numpy(dtype=object)), hash_key=_HASH_KEY, categorize=False
    )
    return hashes


def _contents(frame: pd.DataFrame) -> pa.ChunkedArray:
    """Each row as one text, of the cells that are filled under their headers."""
    nothing = pa.scalar(None, pa.large_string())
    between, empty_text = pa.scalar("\x1e", pa.large_string()), pa.scalar("", pa.large_string())
    named = []
    for name in frame.columns:
        cells = pa.array(frame[name], pa.large_string())
        is_filled = pc.not_equal(cells, "")
        if pc.any(is_filled).as_py():
            of_name = pc.binary_join_element_wise(pa.scalar(f"{name}\x1f", pa.large_string()), cells, empty_text)
            named.append(pc.if_else(is_filled, of_name, nothing))
    if not named:
        return pa.array([""] * len(frame), pa.large_string())
    # The empty text in front keeps a row without any cell: what is null throughout would be left out.
    return pc.binary_join_element_wise(empty_text, *named, between, null_handling="skip")


class _Alike:
    """How often each content came before, in this piece and in earlier ones."""

    def __init__(self) -> None:
        self._contents = np.empty(0, dtype=np.uint64)
        self._times = np.empty(0, dtype=np.int64)

    def count(self, contents: NDArray[np.uint64], counts: NDArray[np.bool_]) -> NDArray[np.int64]:
        """For each of ``contents`` how many came before among those that count; 0 for one that does not count."""
        times = np.zeros(len(contents), dtype=np.int64)
        new = pd.Series(contents[counts])
        before = np.zeros(len(new), dtype=np.int64)
        if len(self._contents):
            at = np.minimum(np.searchsorted(self._contents, new.to_numpy()), len(self._contents) - 1)
            before = np.where(self._contents[at] == new.to_numpy(), self._times[at], 0)
        times[counts] = before + new.groupby(new).cumcount().to_numpy()
        together = pd.Series(
            np.concatenate([self._times, np.ones(len(new), dtype=np.int64)]),
            index=np.concatenate([self._contents, new.to_numpy()]),
        )
        total = together.groupby(level=0, sort=True).sum()
        self._contents, self._times = total.index.to_numpy(dtype=np.uint64), total.to_numpy()
        return times


class _Seen:
    """The sound records so far: identifier, row and content, in sorted blocks of growing size."""

    def __init__(self) -> None:
        self._blocks: list[tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.uint64]]] = []

    def earlier(self, ids: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
        """Row and content of the earlier record with each of ``ids``; row 0: none."""
        rows, contents = np.zeros(len(ids), dtype=np.int64), np.zeros(len(ids), dtype=np.uint64)
        for known, known_rows, known_contents in self._blocks:
            at = np.minimum(np.searchsorted(known, ids), len(known) - 1)
            is_known = known[at] == ids
            rows[is_known], contents[is_known] = known_rows[at[is_known]], known_contents[at[is_known]]
        return rows, contents

    def add(self, ids: NDArray[np.uint64], rows: NDArray[np.int64], contents: NDArray[np.uint64]) -> None:
        """Remember these too."""
        if not len(ids):
            return
        order = np.argsort(ids, kind="stable")
        self._blocks.append((ids[order], rows[order], contents[order]))
        while len(self._blocks) > 1 and len(self._blocks[-1][0]) >= len(self._blocks[-2][0]):
            one, other = self._blocks.pop(), self._blocks.pop()
            both = [np.concatenate(pair) for pair in zip(one, other, strict=True)]
            order = np.argsort(both[0], kind="stable")
            self._blocks.append((both[0][order], both[1][order], both[2][order]))


def _refuse_repeated(rows: _Rows, found: _Found, seen: _Seen) -> None:
    """Refuse every sound row whose record stands further up already, as a sound row."""
    sound = np.flatnonzero(rows.sound())
    records = found.records
    ids = records.incident[sound]
    source_rows = rows.draft.table.index.to_numpy(dtype=np.int64)[sound]
    contents = found.content(rows.draft.table["text"])[sound]
    row, content = seen.earlier(ids)
    if pd.Series(ids).duplicated().any():
        first = pd.Series(np.arange(len(sound))).groupby(ids).transform("first").to_numpy()
        in_piece = (row == 0) & (first != np.arange(len(sound)))
        row[in_piece], content[in_piece] = source_rows[first[in_piece]], contents[first[in_piece]]
    for place in np.flatnonzero(row):
        if content[place] == contents[place] or records.is_made[sound[place]]:
            reason = f"The row repeats row {row[place]}."
            advice = "If it is another report, give it its own number; otherwise nothing needs doing."
        else:
            reason = f"The number of the record stands in row {row[place]} already, with other content."
            advice = "Look up which of the two is right, and give each report its own number."
        rows.refuse([sound[place]], "record_id", f"{reason}\n{advice}")
    new = row == 0
    seen.add(ids[new], source_rows[new], contents[new])


def _kept(rows: _Rows, found: _Found, settled: _Settled, source: str) -> pa.Table:
    """The rows kept, compact."""
    at = np.flatnonzero(rows.sound())
    where, days = found.where, found.days
    centre = where.centre[at]
    by_its_name = found.named.each(lambda name: settled.position[name.settlement_id] + 1, dtype=np.int64)[at] - 1
    spot = np.where(centre >= 0, centre, by_its_name)
    has = ~np.isnan(where.easting[at])
    by_name = ~has & (spot >= 0)
    x, y, precision_m = where.easting[at], where.northing[at], where.precision_m[at]
    kind = np.where(has, where.kind[at], "none")
    places = ((x, settled.easting), (y, settled.northing), (precision_m, settled.precision_m), (kind, settled.kind))
    for values, of_settlements in places:
        values[by_name] = of_settlements[spot[by_name]]
    precision_m[~has & ~by_name] = np.nan
    given, usual = (
        column.each(get, dtype=float)[at]
        for column, get in (
            (found.severity, float),
            (found.category, lambda one: np.nan if one.severity is None else one.severity),
        )
    )
    score = np.where(centre < 0, found.named.each(lambda name: name.score, dtype=float)[at], np.nan)
    columns: dict[str, Any] = {
        "incident": found.records.incident[at],
        "source_row": rows.draft.table.index.to_numpy(dtype=np.int64)[at],
        "record_id": pa.array(found.records.record_id.iloc[at], pa.large_string()),
        "source": pa.DictionaryArray.from_arrays(np.zeros(len(at), dtype=np.int32), pa.array([source], pa.string())),
        "reported_by": _words(at, str, found.reporter),
        "category": _words(at, lambda one: one.category, found.category),
        "theme": _words(at, lambda one: one.theme, found.category),
        "tier": _words(at, lambda one: one.tier, found.category),
        "resource": _words(at, lambda stated, one: stated or one.resource, found.resource, found.category),
        "verification": _words(at, lambda stated: stated or VERIFICATIONS[0], found.verification),
        "date_precision": pa.array(days.precision[at], pa.string()).dictionary_encode(),
        "location_kind": pa.array(kind, pa.string()).dictionary_encode(),
        "settlement_id": pa.array(np.array([*settled.ids, None], dtype=object)[spot], pa.string()).dictionary_encode(),
        "date_start": pa.array(days.start[at].astype("datetime64[D]"), pa.date32()),
        "date_end": pa.array(days.end[at].astype("datetime64[D]"), pa.date32()),
        "date_reported": pa.array(found.reported.day[at], pa.date32()),
        "severity": np.where(np.isnan(given), usual, given),
        "location_precision_m": precision_m,
        "place_score": np.where(by_its_name >= 0, score, np.nan),
        "easting": x,
        "northing": y,
    }
    return pa.table({field.name: pa.array(columns[field.name]) for field in _KEPT}).cast(_KEPT)


def _private_text(rows: _Rows, records: _Records) -> pd.DataFrame:
    """The free text of the rows kept; rows without text have none."""
    texts = rows.draft.table["text"].reset_index(drop=True)
    told = np.flatnonzero(rows.sound() & (texts != "").to_numpy())
    return pd.DataFrame({"incident_id": _as_hex(records.incident[told]), "text_private": texts.iloc[told].array})


def _as_hex(ids: NDArray[np.uint64]) -> pd.Series:
    ends = pa.py_buffer(np.arange(0, 16 * len(ids) + 1, 16, dtype=np.int64))
    digits = pa.py_buffer(ids.astype(">u8").tobytes().hex().encode())
    return pd.Series(pd.array(pa.LargeStringArray.from_buffers(len(ids), ends, digits), dtype="str"))


def _count(counted: Counter[str], rows: _Rows, found: _Found) -> None:
    """Count what was chosen automatically among the rows kept."""
    sound = rows.sound()
    has_name = found.named.each(lambda _: True, dtype=bool)
    fuzzy = found.named.each(lambda name: name.is_fuzzy, dtype=bool)
    placed = ~np.isnan(found.where.easting)
    centre = found.where.centre >= 0
    written = (rows.draft.table["place"] != "").to_numpy()
    for what, where in (
        ("place names read in spite of a slip in the spelling", fuzzy & ~centre),
        ("place names not in the list of settlements; the coordinates were used", written & placed & ~has_name),
        ("coordinates that are a settlement's own point; taken as known only by its name", centre),
        ("reports without a number; one was made from the content of the row", found.records.is_made),
        ("reports with neither coordinates nor a place; they are on no map", ~has_name & ~placed & ~centre),
        *found.reported.chosen,
    ):
        counted[what] += int((where & sound).sum())


def _joined(frames: list[pd.DataFrame], nothing: pd.DataFrame) -> pd.DataFrame:
    filled = [frame for frame in frames if len(frame)]
    return pd.concat(filled, ignore_index=True) if filled else nothing
