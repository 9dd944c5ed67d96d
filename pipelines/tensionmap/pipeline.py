"""The flow on one page: raw files -> ingest -> link -> measure -> protect -> publish -> maps.

Five short functions, one a stage, each over pure functions that know neither study nor folder. Below them stands what
decides whether a stage is made again: doit walks the stages in order, and a stage's receipt says why it is stale.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from tensionmap import tables
from tensionmap.errors import TensionmapError
from tensionmap.ingest.claims import read_claims
from tensionmap.ingest.incidents import assemble
from tensionmap.ingest.rasters import read_elevation, read_land_cover, read_population
from tensionmap.ingest.readers import READERS
from tensionmap.ingest.readers import sniff as sniff_reports
from tensionmap.ingest.resources import read_resources
from tensionmap.ingest.services import read_services, read_settlements
from tensionmap.ingest.set_aside import as_csv
from tensionmap.ingest.taxonomy import read_taxonomy
from tensionmap.link.canals import canal_sections
from tensionmap.link.cells import make_cells
from tensionmap.link.nearby import by_kind
from tensionmap.link.place import place_incidents, unplaced
from tensionmap.link.territory import territory, without_claims
from tensionmap.measure.hotspots import hotspots_of
from tensionmap.protect.policy import Policy
from tensionmap.protect.release import make_release
from tensionmap.publish import sheet, web
from tensionmap.receipts import Makings, Receipt, hash_code, library_versions, read_receipt, reasons_to_remake, sha256
from tensionmap.study import Reading
from tensionmap.workspace import STAGES, Workspace


class Teller(Protocol):
    """Whoever listens to a run."""

    def starts(self, stage: str, why: Sequence[str]) -> None:
        """``stage`` is made now, because of ``why``; nothing in ``why``: it is fresh and is left alone."""

    def notes(self, stage: str, text: str) -> None:
        """An automatic choice, a mending or a result worth saying."""

    def progresses(self, label: str, done: int, total: int) -> None:
        """``done`` of ``total`` steps are behind us."""


@dataclass
class _Making:
    """One stage at work: where it reads, where it writes, and what it has to say about it."""

    stage: str
    here: Workspace
    to: Workspace
    teller: Teller
    rows: dict[str, int] = field(default_factory=dict)
    choices: list[str] = field(default_factory=list)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    aside: list[pd.DataFrame] = field(default_factory=list)

    def read(self, stage: str, table: tables.Table) -> Any:
        return tables.read(table, self.here.folder(stage) / f"{table.name}.parquet")

    def write(self, frame: Any, table: tables.Table) -> None:
        tables.write(frame, table, self.to.folder(self.stage) / f"{table.name}.parquet")
        self.rows[table.name] = len(frame)

    def note(self, *texts: str) -> None:
        for text in texts:
            self.choices.append(text)
            self.teller.notes(self.stage, text)

    def set_aside(self, rows: pd.DataFrame) -> None:
        """Keep these rows for data/processed/ingest/set_aside.csv, and count them for their sources."""
        self.aside.append(rows)
        for source, count in rows.groupby("source").size().items():
            self.counts.setdefault(str(source), {"kept": 0, "set_aside": 0})["set_aside"] += int(count)

    def count(self, source: str, *, kept: int) -> None:
        self.counts.setdefault(source, {"kept": 0, "set_aside": 0})["kept"] += kept

    def progress(self, label: str, done: int, total: int) -> None:
        self.teller.progresses(f"{self.stage}: {label}", done, total)


def ingest(making: _Making) -> None:
    """RAW FILES -> CHECKED TABLES: every row is kept, or set aside with its reason."""
    here, how = making.here, making.here.study.ingest
    layers = {name: _read_layers(making, name) for name in LAYERS}
    for name in RASTERS:
        _read_rasters(making, name)
    drafts = {}
    sources = [source for source in here.sources if source.reader in READERS]
    for done, source in enumerate(sources):
        making.progress(source.file, done, len(sources))
        reading = how.files.get(source.name, Reading())
        drafts[source.name] = READERS[source.reader](
            here.raw_file(source),
            source=source.name,
            file=source.file,
            sheet=reading.sheet,
            columns=reading.columns,
            values=reading.values,
        )
    found = assemble(
        drafts,
        reported_by={source.name: source.reported_by or "" for source in sources},
        parties=here.study.parties,
        gazetteer=layers["settlements"],
        taxonomy=read_taxonomy(),
        words={name: reading.words for name, reading in how.files.items()},
        date_formats={source.name: how.files.get(source.name, Reading()).date_format for source in sources},
        crs=how.crs,
        area=how.area,
        date_from=how.date_from,
        date_to=how.date_to,
    )
    making.write(found.incidents, tables.INCIDENTS)
    making.write(found.private_text, tables.PRIVATE_TEXT)
    making.note(*found.notes)
    making.set_aside(found.set_aside)
    for source in sources:
        making.count(source.name, kept=int((found.incidents["source"] == source.name).sum()))
    (making.to.folder("ingest") / "set_aside.csv").write_bytes(as_csv(making.aside))
    for name, count in sorted(making.counts.items()):
        making.note(f"{name}: {sum(count.values())} rows read, {count['kept']} kept, {count['set_aside']} set aside")


def link(making: _Making) -> None:
    """TABLES -> PLACES THAT CAN BE COMPARED: the frozen grid, what is near, and whose claims cover it on which day."""
    study = making.here.study
    when = {"date_from": study.ingest.date_from, "date_to": study.ingest.date_to}
    incidents, settlements, claims, resources, services = (
        making.read("ingest", table)
        for table in (tables.INCIDENTS, tables.SETTLEMENTS, tables.CLAIMS, tables.RESOURCES, tables.SERVICES)
    )
    cells, notes = make_cells(
        study.ingest.area,
        crs=study.ingest.crs,
        cell_m=study.link.cell_m,
        population=making.read("ingest", tables.POPULATION),
        settlements=settlements,
        elevation=making.read("ingest", tables.ELEVATION),
        land_cover=making.read("ingest", tables.LAND_COVER),
        resources=resources,
        services=services,
    )
    placed = place_incidents(incidents, cells, claims, by_kind(resources, services), cell_m=study.link.cell_m)
    canals, canal_notes = canal_sections(resources, claims, day=study.ingest.date_to)
    making.write(cells, tables.CELLS)
    making.write(placed, tables.PLACED)
    making.write(territory(cells, claims, **when), tables.TERRITORY)
    making.write(canals, tables.CANAL_SECTIONS)
    making.note(*notes, *unplaced(incidents, placed), *without_claims(claims), *canal_notes)


def measure(making: _Making) -> None:
    """PLACES -> HOT SPOTS, WITH THEIR DOUBT: one map for each scope."""
    settings = making.here.study.measure
    cells, placed = making.read("link", tables.CELLS), making.read("link", tables.PLACED)
    reports = making.read("ingest", tables.INCIDENTS).merge(placed[["incident_id", "cell_id"]], on="incident_id")
    found = []
    for done, scope in enumerate(tables.SCOPES):
        making.progress(scope, done, len(tables.SCOPES))
        of_scope = reports[in_scope(reports, scope)]
        spots = hotspots_of(
            of_scope["cell_id"],
            of_scope["location_kind"] == "settlement",
            cells,
            reach_m=settings.reach_m,
            replicates=settings.replicates,
            alpha=settings.alpha,
            seed=settings.seed,
        )
        making.note(f"{scope}: {_verdict(spots)}, from {of_scope['cell_id'].notna().sum()} of {len(of_scope)} reports")
        found.append(spots.assign(scope=scope))
    making.write(pd.concat(found, ignore_index=True), tables.HOTSPOTS)


def protect(making: _Making) -> None:
    """TABLES -> WHAT AN AUDIENCE MAY SEE: one release for each audience."""
    study = making.here.study
    for audience in tables.AUDIENCES:
        release = make_release(
            making.read("ingest", tables.INCIDENTS),
            making.read("link", tables.PLACED),
            making.read("link", tables.CELLS),
            making.read("measure", tables.HOTSPOTS),
            **{
                table.name: making.read("ingest", table)
                for table in (tables.SETTLEMENTS, tables.CLAIMS, tables.RESOURCES, tables.SERVICES)
            },
            audience=audience,
            policy=Policy(**study.protect.model_dump()),
            study=study.name,
            is_invented=study.is_invented,
            parties=study.parties,
            date_from=study.ingest.date_from,
            date_to=study.ingest.date_to,
            cell_m=study.link.cell_m,
            alpha=study.measure.alpha,
            replicates=study.measure.replicates,
        )
        tables.write_release(release, making.to.folder("protect") / audience)
        making.note(f"{audience}: release {release.digest}")


def publish(making: _Making) -> None:
    """WHAT MAY BE SEEN -> MAPS: a page and a sheet for each audience, language and theme."""
    settings = making.here.study.publish
    drawings: list[tuple[Callable[..., str | bytes], str, str, str]] = [
        (web.crime_map, "web", "crime_map", "html"),
        (web.tension_map, "web", "tension_map", "html"),
        (sheet.crime_sheet, "paper", "crime_map", "pdf"),
        (sheet.tension_sheet, "paper", "tension_map", "pdf"),
    ]
    wanted = [
        (audience, language, *drawing) for audience in tables.AUDIENCES for language in settings.languages for drawing in drawings
    ]
    releases = {audience: tables.read_release(making.here.folder("protect") / audience) for audience in tables.AUDIENCES}
    for done, (audience, language, draw, folder, name, ending) in enumerate(wanted):
        making.progress(f"{name}.{audience}.{language}.{ending}", done, len(wanted))
        drawn = draw(releases[audience], language=language, contacts=settings.contacts)
        path = making.to.maps(folder) / f"{name}.{audience}.{language}.{ending}"
        path.write_bytes(drawn.encode() if isinstance(drawn, str) else drawn)


FLOW: dict[str, Callable[[_Making], None]] = {
    "ingest": ingest,
    "link": link,
    "measure": measure,
    "protect": protect,
    "publish": publish,
}

LAYERS: dict[str, tuple[Callable[..., Any], tables.Table]] = {
    "settlements": (read_settlements, tables.SETTLEMENTS),
    "claims": (read_claims, tables.CLAIMS),
    "resources": (read_resources, tables.RESOURCES),
    "services": (read_services, tables.SERVICES),
}
RASTERS = {
    "population": (read_population, tables.POPULATION),
    "elevation": (read_elevation, tables.ELEVATION),
    "land_cover": (read_land_cover, tables.LAND_COVER),
}


def _read_layers(making: _Making, name: str) -> Any:
    """All files of one kind of layer as one table, written; an empty table if the study has none."""
    read, table = LAYERS[name]
    study = making.here.study.ingest
    found = []
    for source in (source for source in making.here.sources if source.reader == name):
        reading = study.files.get(source.name, Reading())
        how = {
            "source": source.name,
            "file": source.file,
            "crs": study.crs,
            "area": study.area,
            "columns": reading.columns,
            "values": reading.values,
            "words": reading.words,
            "sheet": reading.sheet,
        }
        of_claims = {"claimant": source.claimant, "date_format": reading.date_format} if name == "claims" else {}
        kept = read(making.here.raw_file(source), **how, **of_claims)
        making.note(*kept.notes)
        making.set_aside(kept.set_aside)
        making.count(source.name, kept=len(kept.table))
        found.append(kept.table)
    layer = tables.concat(found, table, study.crs)
    making.write(layer, table)
    return layer


def _read_rasters(making: _Making, name: str) -> None:
    read, table = RASTERS[name]
    study = making.here.study.ingest
    found = []
    for source in (source for source in making.here.sources if source.reader == name):
        frame, notes = read(making.here.raw_file(source), crs=study.crs, area=study.area)
        making.note(*notes)
        found.append(frame)
    making.write(tables.concat(found, table), table)


def in_scope(reports: pd.DataFrame, scope: str) -> pd.Series:
    """Which reports a scope counts: its theme, and without ``internal_`` no sealed ones."""
    theme = scope.removeprefix("internal_")
    return (reports["theme"] == theme) & ((reports["tier"] != "S") | (scope != theme))


def _verdict(spots: pd.DataFrame) -> str:
    if (spots["hotspot"] == "too few to tell").all():
        return "too few to tell"
    return " and ".join(f"{(spots['hotspot'] == kind).sum()} {kind} cells" for kind in ("hot", "cold"))


def sniff(file: Path) -> str | None:
    """The reader that fits ``file``, as far as its headers tell."""
    return sniff_reports(file)


# The files that a stage reads, by the stage that wrote them. Nothing downstream reads the free text.
READS: dict[str, dict[str, tuple[str, ...]]] = {
    "ingest": {},
    "link": {"ingest": ("incidents", "settlements", "claims", "resources", "services", "population", "elevation", "land_cover")},
    "measure": {"ingest": ("incidents",), "link": ("cells", "placed")},
    "protect": {
        "ingest": ("incidents", "settlements", "claims", "resources", "services"),
        "link": ("cells", "placed"),
        "measure": ("hotspots",),
    },
    "publish": {"protect": tables.AUDIENCES},
}


def _settings(workspace: Workspace, stage: str) -> dict[str, Any]:
    """The settings that decide what ``stage`` writes: its own section and what it needs of the others."""
    study = workspace.study
    data = study.model_dump(mode="json")
    frame = {key: data["ingest"][key] for key in ("crs", "area", "date_from", "date_to")}
    about = {key: data[key] for key in ("name", "is_invented", "parties")}
    if stage == "ingest":
        sources = {
            source.name: source.model_dump(include={"file", "reader", "reported_by", "claimant"})
            for source in workspace.sources
            if source.reader != "none"
        }
        return {"parties": data["parties"], **data["ingest"], "sources": sources}
    more = {"link": frame, "protect": {**about, **frame, **{key: data["measure"][key] for key in ("alpha", "replicates")}}}
    cell = {} if stage in ("link", "publish") else {"cell_m": data["link"]["cell_m"]}
    return {**more.get(stage, {}), **cell, **data[stage]}


def _inputs(workspace: Workspace, stage: str) -> dict[str, str]:
    if stage == "ingest":
        return {f"data/raw/{s.file}": sha256(workspace.raw_file(s)) for s in workspace.sources if s.reader != "none"}
    written = {before: workspace.outputs(before) for before in READS[stage]}
    return {
        path: digest
        for before, names in READS[stage].items()
        for path, digest in written[before].items()
        if path.removeprefix(f"data/processed/{before}/").split("/")[0].removesuffix(".parquet") in names
    }


def _makings(workspace: Workspace, stage: str) -> Makings:
    settings = json.loads(json.dumps(_settings(workspace, stage)))
    return Makings(settings, _inputs(workspace, stage), hash_code(stage), library_versions())


def reasons(workspace: Workspace, stage: str) -> list[str]:
    """Why ``stage`` must be made again, a sentence each; an empty list says that it is fresh."""
    receipt = read_receipt(workspace.folder(stage))
    if receipt is None:
        return ["not made yet"]
    return reasons_to_remake(receipt, _makings(workspace, stage), workspace.outputs(stage))


def run(workspace: Workspace, until: str, teller: Teller) -> None:
    """Bring every stage up to ``until`` up to date; a stage whose makings and outputs are unchanged is left alone."""
    from doit.cmd_base import ModuleTaskLoader
    from doit.doit_cmd import DoitMain

    workspace.require_usable()
    failures: list[BaseException] = []

    def is_fresh(stage: str) -> bool:
        fresh = not reasons(workspace, stage)
        if fresh:
            teller.starts(stage, ())
        return fresh

    def make(stage: str) -> bool:
        try:
            _make(workspace, stage, teller)
        except Exception as error:  # doit would print it; it is raised again below
            failures.append(error)
        return not failures

    def task(stage: str, before: Sequence[str]) -> dict[str, Any]:
        return {
            "actions": [(make, [stage])],
            "uptodate": [(is_fresh, [stage])],
            "task_dep": list(before[-1:]),
            "io": {"capture": False},
        }

    # The receipts hold what doit would remember between runs, and say it in words.
    with workspace.locked(), tempfile.TemporaryDirectory() as memory:
        config = {"backend": "json", "dep_file": str(Path(memory) / "doit.json"), "reporter": "zero"}
        tasks = {f"task_{stage}": lambda s=stage, b=STAGES[:i]: task(s, b) for i, stage in enumerate(STAGES)}
        code = DoitMain(ModuleTaskLoader({**tasks, "DOIT_CONFIG": config}), config_filenames=()).run(["run", until])
    if failures:
        raise failures[0]
    if code:
        raise TensionmapError(f"The stages could not be put in order (doit returned {code}).")


def _make(workspace: Workspace, stage: str, teller: Teller) -> None:
    teller.starts(stage, reasons(workspace, stage))
    makings = _makings(workspace, stage)
    with workspace.staging(stage) as staged:
        making = _Making(stage, workspace, staged, teller)
        FLOW[stage](making)
        receipt = Receipt(stage, makings, staged.outputs(stage), making.rows, tuple(making.choices), making.counts)
        receipt.write(staged.folder(stage))
