"""The flow on one page: raw files -> ingest -> link -> measure -> protect -> publish -> maps.

Five short functions, one a stage, each over pure functions that know neither study nor folder.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from tensionmap import tables
from tensionmap.ingest.claims import read_claims
from tensionmap.ingest.incidents import assemble
from tensionmap.ingest.rasters import read_elevation, read_land_cover, read_population
from tensionmap.ingest.readers import READERS, Draft
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
from tensionmap.rerun import Flow, Making, Teller, bring_up
from tensionmap.study import Reading, Source
from tensionmap.workspace import Workspace


def ingest(making: Making) -> None:
    """RAW FILES -> CHECKED TABLES: every row is kept, or set aside with its reason."""
    how = making.here.study.ingest
    raw = read_raw(making)
    found = assemble(
        raw.drafts,
        reported_by={name: raw.sources[name].reported_by or "" for name in raw.drafts},
        parties=making.here.study.parties,
        gazetteer=raw.layers["settlements"],
        taxonomy=read_taxonomy(),
        words={name: reading.words for name, reading in how.files.items()},
        date_formats={name: how.files.get(name, Reading()).date_format for name in raw.drafts},
        crs=how.crs,
        area=how.area,
        date_from=how.date_from,
        date_to=how.date_to,
    )
    for name, (_, table) in {**LAYERS, **RASTERS}.items():
        making.write(raw.layers[name], table)
    making.write(found.incidents, tables.INCIDENTS)
    making.write(found.private_text, tables.PRIVATE_TEXT)
    making.note(*found.notes)
    making.set_aside(found.set_aside)
    for name, kept in found.incidents["source"].value_counts().items():
        making.count(str(name), kept=int(kept))
    (making.to.folder("ingest") / "set_aside.csv").write_bytes(as_csv(making.aside))
    for name, count in sorted(making.counts.items()):
        what = "rows read" if name in raw.drafts else "features in and around the study area"
        making.note(f"{name}: {sum(count.values())} {what}, {count['kept']} kept, {count['set_aside']} set aside")


def link(making: Making) -> None:
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


def measure(making: Making) -> None:
    """PLACES -> HOT SPOTS, WITH THEIR DOUBT: one map for each scope."""
    settings = making.here.study.measure
    cells, placed = making.read("link", tables.CELLS), making.read("link", tables.PLACED)
    reports = making.read("ingest", tables.INCIDENTS).merge(placed[["incident_id", "cell_id"]], on="incident_id")
    found = []
    for done, scope in enumerate(tables.SCOPES):
        making.progress(scope, done, len(tables.SCOPES))
        of_scope = reports[in_scope(reports, scope)]
        events = once(of_scope)
        spots = hotspots_of(
            events["cell_id"],
            events["location_kind"] == "settlement",
            cells,
            reach_m=settings.reach_m,
            replicates=settings.replicates,
            alpha=settings.alpha,
            share_outside=settings.share_outside,
            seed=settings.seed,
        )
        making.note(
            f"{scope}: {_verdict(spots)}, from {events['cell_id'].notna().sum()} of {len(events)} events; "
            f"{len(of_scope) - len(events)} more reports tell of one of them again"
        )
        found.append(spots.assign(scope=scope))
    making.write(pd.concat(found, ignore_index=True), tables.HOTSPOTS)


def protect(making: Making) -> None:
    """TABLES -> WHAT AN AUDIENCE MAY SEE: one release for each audience."""
    study = making.here.study
    incidents, hotspots = making.read("ingest", tables.INCIDENTS), making.read("measure", tables.HOTSPOTS)
    placed, cells = making.read("link", tables.PLACED), making.read("link", tables.CELLS)
    background = {name: making.read("ingest", table) for name, table in tables.BACKGROUND_TABLES.items()}
    for audience in tables.AUDIENCES:
        release = make_release(
            incidents,
            placed,
            cells,
            hotspots,
            **background,
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


def publish(making: Making) -> None:
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


FLOW: Flow = {
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


@dataclass(frozen=True)
class Raw:
    """What the raw files say: reports as drafts, layers and rasters as tables."""

    sources: dict[str, Source]
    drafts: dict[str, Draft]
    layers: dict[str, Any]


def read_raw(making: Making) -> Raw:
    """Every registered file through its reader; the faults of all files are told at once."""
    sources = {source.name: source for source in making.here.sources if source.reader != "none"}
    drafts: dict[str, Draft] = {}
    layers: dict[str, list[Any]] = {name: [] for name in (*LAYERS, *RASTERS)}
    for done, source in enumerate(sources.values()):
        making.progress(source.file, done, len(sources))
        with making.gathering():
            if source.reader in READERS:
                drafts[source.name] = _read_reports(making, source)
            elif source.reader in LAYERS:
                layers[source.reader].append(_read_layer(making, source))
            else:
                layers[source.reader].append(_read_raster(making, source))
    making.require_sound()
    contracts = {name: table for name, (_, table) in {**LAYERS, **RASTERS}.items()}
    crs = making.here.study.ingest.crs
    return Raw(sources, drafts, {name: tables.concat(found, contracts[name], crs) for name, found in layers.items()})


def _read_reports(making: Making, source: Source) -> Draft:
    reading = making.here.study.ingest.files.get(source.name, Reading())
    return READERS[source.reader](
        making.here.raw_file(source),
        source=source.name,
        file=source.file,
        sheet=reading.sheet,
        columns=reading.columns,
        values=reading.values,
    )


def _read_layer(making: Making, source: Source) -> Any:
    study = making.here.study.ingest
    reading = study.files.get(source.name, Reading())
    of_claims = {"claimant": source.claimant, "date_format": reading.date_format} if source.reader == "claims" else {}
    kept = LAYERS[source.reader][0](
        making.here.raw_file(source),
        source=source.name,
        file=source.file,
        crs=study.crs,
        area=study.area,
        columns=reading.columns,
        values=reading.values,
        words=reading.words,
        sheet=reading.sheet,
        **of_claims,
    )
    making.note(*kept.notes)
    making.set_aside(kept.set_aside)
    making.count(source.name, kept=len(kept.table))
    return kept.table


def _read_raster(making: Making, source: Source) -> Any:
    study = making.here.study.ingest
    frame, notes = RASTERS[source.reader][0](making.here.raw_file(source), crs=study.crs, area=study.area)
    making.note(*notes)
    return frame


def in_scope(reports: pd.DataFrame, scope: str) -> pd.Series:
    """Which reports a scope counts: its theme, and without ``internal_`` no sealed ones."""
    theme = scope.removeprefix("internal_")
    return (reports["theme"] == theme) & ((reports["tier"] != "S") | (scope != theme))


def once(reports: pd.DataFrame) -> pd.DataFrame:
    """Of each event the one report that stands for it. All reports of an event are of one category, hence of one scope."""
    return reports[reports["incident_id"] == reports["event_id"]]


def _verdict(spots: pd.DataFrame) -> str:
    if (spots["hotspot"] == "too few to tell").all():
        return "too few to tell"
    return " and ".join(f"{(spots['hotspot'] == kind).sum()} {kind} cells" for kind in ("hot", "cold"))


def sniff(file: Path) -> str | None:
    """The reader that fits ``file``, as far as its headers tell."""
    return sniff_reports(file)


def check(workspace: Workspace, teller: Teller) -> None:
    """Pass if settings, register and every raw file can be read; else one error that names all faults."""
    workspace.require_usable()
    read_raw(Making("check", workspace, workspace, teller))


def run(workspace: Workspace, until: str, teller: Teller) -> None:
    """Bring every stage up to ``until`` up to date; a stage whose makings and outputs are unchanged is left alone."""
    bring_up(workspace, until, teller, FLOW)
