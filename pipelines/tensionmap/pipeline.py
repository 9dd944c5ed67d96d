"""The flow on one page: raw files -> ingest -> link -> measure -> protect -> publish -> maps.

Five short functions, one a stage, each over pure functions that know neither study nor folder.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from tensionmap import tables
from tensionmap.audit import attack, audience_of, prove, read_house, require_passed
from tensionmap.errors import ReleaseError, StudyError
from tensionmap.ingest.canaries import find_canaries
from tensionmap.ingest.claims import read_claims
from tensionmap.ingest.digitise import digitise, write_sheets
from tensionmap.ingest.duplicates import find_duplicates, verified
from tensionmap.ingest.incidents import How, Understood, assemble, understand
from tensionmap.ingest.land_cover import read_cover_areas
from tensionmap.ingest.layers import unique_ids
from tensionmap.ingest.meetings import Listed, Things, read_actions, read_concerns, read_meetings
from tensionmap.ingest.places import AmbiguousPlace, questions, read_decisions, read_gazetteer
from tensionmap.ingest.propose import Proposal as Proposal
from tensionmap.ingest.propose import as_toml, propose
from tensionmap.ingest.rasters import read_elevation, read_land_cover, read_population
from tensionmap.ingest.readers import READERS, Draft
from tensionmap.ingest.resources import read_resources
from tensionmap.ingest.services import read_services, read_settlements
from tensionmap.ingest.set_aside import as_csv
from tensionmap.ingest.sheets import as_sheet
from tensionmap.ingest.taxonomy import read_taxonomy
from tensionmap.link.canals import along_lines, canal_sections
from tensionmap.link.cells import make_cells
from tensionmap.link.disputed import disputed_areas
from tensionmap.link.imprecision import draw_cells, draw_days, residents_named
from tensionmap.link.nearby import by_kind
from tensionmap.link.place import PRECISE_KINDS, nearest_village, on_other_side, place_incidents, unplaced
from tensionmap.link.territory import own_land, territory, without_claims
from tensionmap.measure.actions import action_effects, counts_of_communities, done_actions
from tensionmap.measure.density import write_geotiff
from tensionmap.measure.scope import Land, Reports, Settings, measure_scope, shapes_looked_for, surfaces
from tensionmap.protect.audit.attacks import Expected
from tensionmap.protect.audit.verdict import Verdict, read_verdict
from tensionmap.protect.ledger import Entry, closed, enter, read_ledger, withdraw
from tensionmap.protect.meetings import Meetings
from tensionmap.protect.policy import Policy
from tensionmap.protect.release import Published, counted_marks, make_release
from tensionmap.publish import sheet, web
from tensionmap.publish.checklist import study_gaps
from tensionmap.publish.index import Entry as MapFile
from tensionmap.publish.index import index_page, thumbnail
from tensionmap.publish.offline import vendored_blocks
from tensionmap.publish.relief import Hillshade, Relief, hillshade, shade
from tensionmap.publish.words import every_text
from tensionmap.receipts import sha256_of
from tensionmap.report import Settings as Reporting
from tensionmap.report import communities_to_report, file_of, find_settlement, jobs_of
from tensionmap.report import make as make_pages
from tensionmap.rerun import Flow, Making, Teller, bring_up, data_as_of, reasons
from tensionmap.study import Publish, Reading, Source
from tensionmap.workspace import STAGES, Workspace


def ingest(making: Making) -> None:
    """RAW FILES -> CHECKED TABLES: every row is kept, or set aside with its reason."""
    raw = read_raw(making)
    incidents = assemble(raw.reports, making.here.study.ingest.crs)
    same = find_duplicates(incidents)
    incidents["event_id"] = same.event_id
    incidents["verification"] = verified(incidents, making.here.study.parties)
    for layer, (_, table) in {**LAYERS, **RASTERS}.items():
        making.write(raw.layers[layer], table)
    for reader, table in MEETINGS.items():
        making.write(tables.concat([told.table for told in raw.meetings[reader]], table), table)
    told: list[Understood | Listed] = [*raw.reports, *chain.from_iterable(raw.meetings.values())]
    texts = tables.concat([source.private_text for source in told], tables.PRIVATE_TEXT)
    making.write(incidents, tables.INCIDENTS)
    making.write(texts, tables.PRIVATE_TEXT)
    making.write(same.pairs, tables.SAME_EVENT)
    making.write(find_canaries(texts, not_names=_spellings(raw.layers, making)), tables.CANARIES)
    making.note(*same.notes)
    _lists_for_people(making, [source.doubtful for source in told])


def _lists_for_people(making: Making, doubtful: Sequence[Mapping[AmbiguousPlace, int]]) -> None:
    """What was set aside, source by source, and the names of places that a person must decide on."""
    listed = tables.concat(making.aside, tables.SET_ASIDE)
    making.write(listed, tables.SET_ASIDE)
    for name, of_source in listed.groupby("source"):
        making.write_list(f"set_aside/{name}.csv", as_csv(of_source))
    times: Counter[tuple[str, str]] = Counter()
    for asked in doubtful:
        for question, count in asked.items():
            times[question.name, question.district] += count
    if times:
        sheet = questions(chain.from_iterable(doubtful), times)
        making.write_list("place_questions.csv", as_sheet(sheet))
        advice = "decide in place_questions.csv, and save it in data/raw as place_decisions.csv"
        making.note(f"{len(sheet)} names of places can mean several: {advice}")


def _spellings(layers: Mapping[str, Any], making: Making) -> list[str]:
    """Names that stand on every map: to find one of them there gives nobody away."""
    columns = {"settlements": ("name", "name_local", "alternatives", "district"), "resources": ("name",), "services": ("name",)}
    names = (layers[layer][column].dropna() for layer, of_layer in columns.items() for column in of_layer)
    return [*making.here.study.parties, *chain.from_iterable(names)]


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
    disputed, _, disputed_notes = disputed_areas(
        claims, **when, area=study.ingest.area, crs=study.ingest.crs, sliver_m=study.link.sliver_m
    )
    making.write(territory(cells, claims, **when), tables.TERRITORY)
    making.write(disputed, tables.DISPUTED)
    making.write(canals, tables.CANAL_SECTIONS)
    making.note(
        *notes,
        *unplaced(incidents, placed),
        *on_other_side(incidents, placed),
        *without_claims(claims),
        *disputed_notes,
        *canal_notes,
    )


def measure(making: Making) -> None:
    """PLACES -> HOT SPOTS, WITH THEIR DOUBT: the same questions for each scope, each from its own reports alone."""
    settings, land = _settings(making), _land(making)
    placed = making.read("link", tables.PLACED)[["incident_id", "cell_id"]]
    reports = making.read("ingest", tables.INCIDENTS).merge(placed, on="incident_id")
    if "ellipse" not in shapes_looked_for(land, settings):
        making.note(f"{len(land.cells):,} cells are too many to look for ellipses up to largest_radius_m: circles only")
    acted = done_actions(*(making.read("ingest", table) for table in (tables.MEETINGS, tables.CONCERNS, tables.ACTIONS)))
    found: dict[tables.Table, list[pd.DataFrame]] = {table: [] for table in tables.HANDED_ON["measure"]}
    for done, scope in enumerate(tables.SCOPES):
        making.progress(scope, done, len(tables.SCOPES))
        of_scope = reports[in_scope(reports, scope)]
        events = once(of_scope).reset_index(drop=True)
        of_events = _reports(making, events, land.cells, is_exact=scope.startswith("internal_"))
        for table, frame in measure_scope(of_events, land, settings).items():
            found[table].append(frame.assign(scope=scope))
        effects = _effects(acted[acted["scope"] == scope], of_events.table, land, settings)
        found[tables.ACTION_EFFECTS].append(effects.assign(scope=scope))
        making.note(
            f"{scope}: {_verdict(found[tables.HOTSPOTS][-1])}, from {events['cell_id'].notna().sum()} of {len(events)} events; "
            f"{len(of_scope) - len(events)} more reports tell of one of them again"
        )
        if scope.startswith("internal_"):
            for rule, surface in surfaces(of_events.table, land.cells).items():
                write_geotiff(surface, making.path_for(f"density/{scope}_{rule}.tif"))
    for table, frames in found.items():
        making.write(tables.concat(frames, table), table)


def _effects(done: pd.DataFrame, reports: pd.DataFrame, land: Land, settings: Settings) -> pd.DataFrame:
    """What came after the actions of one scope."""
    period = {"date_from": settings.date_from, "date_to": settings.date_to}
    counts = counts_of_communities(reports, land.cells, land.communities, **period)
    return action_effects(done, counts, alpha=settings.alpha)


def _settings(making: Making) -> Settings:
    """How it is measured in this study."""
    study = making.here.study
    return Settings(
        date_from=study.ingest.date_from,
        date_to=study.ingest.date_to,
        parties=study.parties,
        **study.measure.model_dump(exclude={"draws"}),
    )


def _land(making: Making) -> Land:
    """What all scopes share."""
    study = making.here.study
    cells, settlements = making.read("link", tables.CELLS), making.read("ingest", tables.SETTLEMENTS)
    canals = along_lines(making.read("link", tables.CANAL_SECTIONS).geometry, cells, step_m=study.link.cell_m)
    return Land(
        cells=cells,
        own_land=own_land(
            cells,
            making.read("ingest", tables.CLAIMS),
            study.parties,
            date_from=study.ingest.date_from,
            date_to=study.ingest.date_to,
        ),
        communities=nearest_village(cells, settlements),
        drawn_named=residents_named(cells, settlements, cell_m=study.link.cell_m),
        edges=canals.edges,
        lengths_m=canals.lengths_m,
        nodes=np.column_stack([canals.easting, canals.northing]),
        node_of_cell=canals.node_of_cell,
    )


def _reports(making: Making, events: pd.DataFrame, cells: pd.DataFrame, *, is_exact: bool) -> Reports:
    """The events of one scope, with draws of where and when each can have been; without ``is_exact`` at cell centres."""
    study = making.here.study
    draws = {"draws": study.measure.draws, "seed": study.measure.seed}
    settlements = making.read("ingest", tables.SETTLEMENTS)
    middle = cells.set_index("cell_id")[["easting", "northing"]].reindex(events["cell_id"]).reset_index(drop=True)
    points = pd.DataFrame({"easting": events.geometry.x, "northing": events.geometry.y}) if is_exact else middle
    # A district tells nothing of its cells: its reports are on no draw.
    is_local = events["location_kind"].isin(PRECISE_KINDS).to_numpy()
    drawn_cells = np.full((study.measure.draws, len(events)), -1)
    drawn_cells[:, is_local] = draw_cells(
        events[is_local],
        events.loc[is_local, ["incident_id", "cell_id"]],
        cells,
        settlements,
        cell_m=study.link.cell_m,
        share_outside=study.measure.share_outside,
        **draws,
    )
    about = events[["cell_id", "reported_by", "date_start", "date_end"]].assign(
        is_named=events["location_kind"] == "settlement", **points
    )
    return Reports(about, drawn_cells, draw_days(events, **draws))


def protect(making: Making) -> None:
    """TABLES -> WHAT AN AUDIENCE MAY SEE: one release for each audience, the community's held against all that is out."""
    published = read_ledger(making.here.released).published()
    incidents = making.read("ingest", tables.INCIDENTS)
    for audience in tables.AUDIENCES:
        release = _releasing(making, audience, published)(incidents)
        if audience == "community":
            release = closed(release, published)
            making.note(*release.facts.loosened)
        tables.write_release(release, making.to.folder("protect") / audience)
        making.note(f"{audience}: release {release.digest}")


def _releasing(making: Making, audience: str, published: Published) -> Callable[..., tables.Release]:
    """What makes the release of ``audience`` out of reports, and of what meetings said if that is changed too."""
    study = making.here.study
    others = {
        "placed": making.read("link", tables.PLACED),
        "cells": making.read("link", tables.CELLS),
        "hotspots": making.read("measure", tables.HOTSPOTS),
        **{name: making.read("ingest", table) for name, table in tables.BACKGROUND_TABLES.items()},
    }
    told = Meetings(
        held=making.read("ingest", tables.MEETINGS),
        concerns=making.read("ingest", tables.CONCERNS),
        actions=making.read("ingest", tables.ACTIONS),
        effects=making.read("measure", tables.ACTION_EFFECTS),
    )

    def release_of(incidents: Any, meetings: Meetings = told) -> tables.Release:
        return make_release(
            incidents,
            **others,
            meetings=meetings,
            data_as_of=data_as_of(making.here),
            audience=audience,
            policy=_policy(making.here),
            study=study.name,
            is_invented=study.is_invented,
            parties=study.parties,
            date_from=study.ingest.date_from,
            date_to=study.ingest.date_to,
            cell_m=study.link.cell_m,
            alpha=study.measure.alpha,
            replicates=study.measure.replicates,
            published=published,
        )

    return release_of


def _policy(workspace: Workspace) -> Policy:
    return Policy(**workspace.study.protect.model_dump())


def publish(making: Making) -> None:
    """WHAT MAY BE SEEN -> MAPS: for each audience and theme a page, and a sheet a language; then the audit attacks them all."""
    drawn = draw(making, tables.AUDIENCES)
    making.progress("the audit attacks every file", len(drawn), len(drawn))
    published = read_ledger(making.here.released).published()
    verdict = audit(drawn, making.here, make=_releasing(making, "community", published))
    require_passed(verdict)
    folder = making.to.maps("audit")
    (folder / "verdict.json").write_bytes(verdict.as_json())
    (folder / "verdict.html").write_bytes(verdict.as_page())
    making.note(f"audit passed: {len(drawn)} files, {len(verdict.attacks)} attacks and proofs, nothing found")


def draw(making: Making, audiences: Sequence[str]) -> dict[str, bytes]:
    """Every file of the maps for these audiences, written and by its name: pages, sheets, and the page that leads to them."""
    study = making.here.study
    releases = {audience: _release(making.here, audience) for audience in audiences}
    facts = releases[audiences[0]].facts
    elevation, crs = making.read("ingest", tables.ELEVATION), study.ingest.crs
    relief = Lie(shade(elevation, crs=crs, extent=facts.extent), hillshade(elevation, crs=crs, extent=facts.extent))
    found: dict[str, bytes] = {}
    entries = []
    wanted = [(audience, theme) for audience in audiences for theme in MAPS]
    for done, (audience, theme) in enumerate(wanted):
        making.progress(f"{theme} map for {audience}", done, len(wanted))
        for name, folder, languages, paper, content in _drawn(releases[audience], theme, study.publish, relief):
            (making.to.maps(folder) / name).write_bytes(content)
            found[name] = content
            picture = thumbnail(releases[audience], theme) if (audience, folder) == ("community", "web") else None
            digest, size = sha256_of(content), len(content)
            entries.append(MapFile(name, folder, audience, theme, languages, digest, size, picture, paper))
    index = index_page(
        entries,
        language=study.publish.languages[0],
        study=study.name,
        is_invented=study.is_invented,
        months=(facts.public_from, facts.public_to),
    )
    making.to.index.write_text(index, encoding="utf-8", newline="\n")
    return {**found, making.to.index.name: index.encode()}


class Lie(NamedTuple):
    """The lie of the land, for the screen and for paper; nothing where the elevation is too coarse."""

    screen: Relief | None
    paper: Hillshade | None


def _drawn(release: tables.Release, theme: str, settings: Publish, relief: Lie) -> Iterator[Drawn]:
    """One map of one audience: name, folder, languages, paper and content of its page, which speaks them all, and its sheets."""
    name = f"{'' if release.audience == 'community' else 'INTERNAL.'}{theme}_map.{release.audience}"
    page, sheet_of = MAPS[theme]
    sheets = {
        (size, language): f"{name}.{language}.pdf" if size == "A4" else f"{name}.{size}.{language}.pdf"
        for size in settings.papers
        for language in settings.languages
    }
    contacts = [(contact.office, contact.text) for contact in settings.contact]
    paper: dict[str, str] = {language: file for (size, language), file in sheets.items() if size == settings.papers[0]}
    text = page(release, languages=settings.languages, contacts=contacts, relief=relief.screen, paper=paper)
    yield f"{name}.html", "web", settings.languages, "", text.encode()
    for (size, language), file in sheets.items():
        content = sheet_of(release, language=language, contacts=contacts, paper=size, relief=relief.paper)
        yield file, "paper", (language,), size, content


Drawn = tuple[str, str, tuple[str, ...], str, bytes]

MAPS = {
    "crime": (web.crime_map, sheet.crime_sheet),
    "tension": (web.tension_map, sheet.tension_sheet),
}


def _draw_community(making: Making) -> None:
    draw(making, ("community",))


def _release(workspace: Workspace, audience: str) -> tables.Release:
    return tables.read_release(workspace.folder("protect") / audience)


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
MEETINGS = {"meetings": tables.MEETINGS, "concerns": tables.CONCERNS, "actions": tables.ACTIONS}


@dataclass(frozen=True)
class Raw:
    """What the raw files say: the reports of each source, layers and rasters as tables, and the lists of meetings by reader."""

    reports: list[Understood]
    layers: dict[str, Any]
    meetings: dict[str, list[Listed]]


def read_raw(making: Making) -> Raw:
    """Every registered file through its reader, places before reports; the faults of all files are told at once."""
    sources = [source for source in making.here.sources if source.reader != "none"]
    steps = [(reader, [source for source in sources if source.reader == reader]) for reader in (*LAYERS, *RASTERS)]
    layers: dict[str, Any] = {}
    done = 0
    for reader, of_reader in steps:
        found = []
        for source in of_reader if reader in LAYERS else of_reader[:1]:
            making.progress(source.file, done, len(sources))
            with making.gathering():
                found.append(_read_layer(making, source) if reader in LAYERS else _read_rasters(making, of_reader))
        done += len(of_reader)
        contract = {**LAYERS, **RASTERS}[reader][1]
        layers[reader] = tables.concat(unique_ids(found, contract), contract, making.here.study.ingest.crs)
    layers["resources"] = _with_cover(making, layers["resources"], [s for s in sources if s.reader == "land_cover"])
    reports = []
    how = _how(making, layers["settlements"])
    for source in sources:
        if source.reader in READERS and not source.corrects:
            making.progress(source.file, done, len(sources))
            with making.gathering():
                reports.append(_understand(making, source, how))
            done += 1
    meetings = _read_meetings(making, sources, how, layers, done)
    making.require_sound()
    return Raw(reports, layers, meetings)


def _read_meetings(making: Making, sources: list[Source], how: How, layers: dict[str, Any], done: int) -> dict[str, list[Listed]]:
    """The lists of meetings, then those that name meetings, then those that name concerns; ``done`` files were read before."""
    found: dict[str, list[Listed]] = {reader: [] for reader in MEETINGS}
    things = Things(layers["resources"], layers["services"], layers["settlements"])
    # These lists fill while the files are read, one after the other.
    of_meetings = {"meetings": found["meetings"], "things": things}
    read: dict[str, tuple[Callable[..., Listed], dict[str, Any]]] = {
        "meetings": (read_meetings, {"earlier": found["meetings"]}),
        "concerns": (read_concerns, of_meetings),
        "actions": (read_actions, {**of_meetings, "concerns": found["concerns"]}),
    }
    for reader, source in ((reader, source) for reader in MEETINGS for source in sources if source.reader == reader):
        making.progress(source.file, done, len(sources))
        reading = making.here.study.ingest.files.get(source.name, Reading())
        with making.gathering():
            read_list, known = read[reader]
            told = read_list(
                making.here.raw_file(source),
                how,
                **known,
                source=source.name,
                file=source.file,
                **reading.model_dump(include={"sheet", "columns", "values", "words", "date_format"}),
            )
            making.note(*told.notes)
            making.set_aside(told.set_aside)
            making.count(source.name, kept=len(told.table))
            found[reader].append(told)
        done += 1
    return found


def _with_cover(making: Making, resources: Any, sources: list[Source]) -> Any:
    """The resources, and those kinds that no layer has from the land cover, if there is any."""
    study = making.here.study.ingest
    classes: dict[str, tuple[int, ...]] = {k: codes for k, codes in study.cover.items() if k not in set(resources["kind"])}
    if not sources or not classes:
        return resources
    making.note(f"no layer has {' or '.join(classes)}: taken from the land cover")
    with making.gathering():
        paths = [making.here.raw_file(source) for source in sources]
        kept = read_cover_areas(paths, crs=study.crs, area=study.area, classes=classes)
        making.note(*kept.notes)
        for number, column in enumerate(("season_from", "season_to")):
            kept.table[column] = kept.table["kind"].map({kind: months[number] for kind, months in study.seasons.items()})
        return tables.concat([resources, kept.table], tables.RESOURCES, study.crs)
    return resources


def _how(making: Making, settlements: Any) -> How:
    """How reports are understood in this study."""
    study, decisions = making.here.study, making.here.place_decisions
    return How(
        parties=study.parties,
        places=read_gazetteer(settlements, read_decisions(decisions) if decisions.is_file() else None),
        points=settlements,
        taxonomy=read_taxonomy(study.ingest.taxonomy.model_dump()),
        **study.ingest.model_dump(include={"crs", "area", "date_from", "date_to", "timezone"}),
    )


def _understand(making: Making, source: Source, how: How) -> Understood:
    reading = making.here.study.ingest.files.get(source.name, Reading())
    corrected = [other for other in making.here.sources if other.corrects == source.name]
    told = understand(
        _drafts(making, source, reading),
        how,
        source=source.name,
        reported_by=source.reported_by or "",
        words=reading.words,
        date_format=reading.date_format,
        crs=reading.crs,
        mend_exchanged=reading.mend_exchanged,
        corrected=chain.from_iterable(_drafts(making, other, reading) for other in corrected),
    )
    making.note(*told.notes)
    making.set_aside(told.set_aside)
    for name in (source.name, *(other.name for other in corrected)):
        making.count(name, kept=told.counts.get(name, 0))
        rows = making.counts[name]
        making.note(f"{name}: {sum(rows.values())} rows read, {rows['kept']} kept, {rows['set_aside']} set aside")
    return told


def _drafts(making: Making, source: Source, reading: Reading) -> Iterator[Draft]:
    return READERS[source.reader].read(
        making.here.raw_file(source),
        source=source.name,
        file=source.file,
        sheet=None if source.corrects else reading.sheet,
        columns=reading.columns,
        values=reading.values,
    )


def _read_layer(making: Making, source: Source) -> Any:
    study = making.here.study.ingest
    reading = study.files.get(source.name, Reading())
    more: dict[str, dict[str, Any]] = {
        "claims": {"claimant": source.claimant, "date_format": reading.date_format},
        "resources": {"seasons": study.seasons},
    }
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
        **more.get(source.reader, {}),
    )
    making.note(*kept.notes)
    making.set_aside(kept.set_aside)
    making.count(source.name, kept=len(kept.table), left_out=kept.left_out)
    return kept.table


def _read_rasters(making: Making, sources: list[Source]) -> Any:
    """The tiles of one map, in the order of their names."""
    study = making.here.study.ingest
    paths = [making.here.raw_file(source) for source in sources]
    frame, notes = RASTERS[sources[0].reader][0](paths, crs=study.crs, area=study.area)
    making.note(*notes)
    return frame


def in_scope(reports: pd.DataFrame, scope: str) -> pd.Series:
    """Which reports a scope counts: its theme, and without ``internal_`` no sealed ones."""
    theme = scope.removeprefix("internal_")
    return (reports["theme"] == theme) & ((reports["tier"] != "S") | (scope != theme))


def once(reports: pd.DataFrame) -> pd.DataFrame:
    """Of each event the one report that stands for it. All reports of an event are of one scope: one theme, sealed or not."""
    return reports[reports["incident_id"] == reports["event_id"]]


def _verdict(spots: pd.DataFrame) -> str:
    if (spots["hotspot"] == "too few to tell").all():
        return "too few to tell"
    return " and ".join(f"{(spots['hotspot'] == kind).sum()} {kind} cells" for kind in ("hot", "cold"))


def digitise_scans(
    scans: Sequence[Path], target: Path, *, code: str, is_forced: bool
) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Write what was drawn on scanned correction sheets to the GeoPackage ``target``; the files written and what was found.

    ``code`` is a sheet's code given by hand. Needs no study. See ``ingest.digitise`` for what is found, and for the errors.
    """
    sheets = [sheet for scan in scans for sheet in digitise(scan, code=code)]
    return write_sheets(target, sheets, is_forced=is_forced), tuple(note for sheet in sheets for note in sheet.notes)


def propose_reading(workspace: Workspace, file: Path) -> Proposal:
    """How ``file`` is probably read; while study.toml cannot be used, without its area and its own categories."""
    try:
        study = workspace.study.ingest
    except StudyError:
        return propose(file, file=file.name, taxonomy=read_taxonomy(), area=None)
    return propose(file, file=file.name, taxonomy=read_taxonomy(study.taxonomy.model_dump()), area=study.area)


def reading_as_toml(proposal: Proposal, name: str) -> str:
    """What is proposed for the source ``name``, as a block of study.toml; empty if there is nothing to say."""
    return as_toml(proposal, name)


def audit(
    files: Mapping[str, bytes],
    workspace: Workspace,
    *,
    expected: Mapping[str, Expected] | None = None,
    make: Callable[..., tables.Release] | None = None,
) -> Verdict:
    """The verdict on ``files``, which should be maps of this study as the last run made it."""
    study = workspace.study
    return attack(
        files,
        read_house(workspace),
        {audience: _release(workspace, audience) for audience in tables.AUDIENCES},
        study=study.name,
        policy=_policy(workspace),
        published=read_ledger(workspace.released).published(),
        public_texts=[study.name, *study.parties, *_own_texts(study.publish), *every_text()],
        known_blocks=[*vendored_blocks(), web.app_block()],
        expected=expected,
        make=make,
        seed=study.measure.seed,
    )


def _own_texts(settings: Publish) -> list[str]:
    """The texts that a study gives to be printed."""
    contacts = [contact.text for contact in settings.contact]
    return [*contacts, *chain.from_iterable(notice.text.values() for notice in settings.notice)]


def audit_folder(workspace: Workspace, folder: Path | None, teller: Teller, *, is_proved: bool) -> Verdict:
    """The verdict on everything that lies in ``folder`` (by default the maps), held against what the last run put into maps/.

    With ``is_proved`` also what of the community's files changes when private data do, from link to publish: minutes.
    """
    workspace.require_usable()
    made = workspace.maps("audit") / "verdict.json"
    if not made.is_file():
        raise ReleaseError("There is no verdict of a run to hold the files against. Run 'tensionmap run' first.")
    of_meetings = workspace.meeting_files(_release(workspace, "community").digest)
    verdicts = [made, *(path for path in of_meetings if path.name == made.name)]
    known = dict(chain.from_iterable(read_verdict(path.read_bytes()).files.items() for path in verdicts))
    expected = {name: Expected(file["sha256"], file["audience"]) for name, file in known.items()}
    files: dict[str, bytes] = {}
    own = [*workspace.map_files, *(path for path in of_meetings if path.name != made.name)]
    for path in sorted(file for file in folder.rglob("*") if file.is_file()) if folder else own:
        # A second file of a name is known by its folder, and so is none that anybody expects.
        name = path.relative_to(folder or workspace.root).as_posix() if path.name in files else path.name
        files[name] = path.read_bytes()
    verdict = audit(files, workspace, expected=expected)
    if is_proved:
        disproved = prove(workspace, teller, {**FLOW, "publish": _draw_community}, seed=workspace.study.measure.seed)
        verdict = replace(verdict, findings=tuple(sorted({*verdict.findings, *disproved})))
    return verdict


def release(workspace: Workspace, *, signed_off_by: Sequence[str], on: date, withdraw_on: date) -> Entry:
    """Enter the community's maps, as they lie in maps/, into the ledger of what is out.

    Raises
    ------
    ReleaseError
        If they are not fresh, do not pass the audit again, or are not signed by two people.
    """
    _require_fresh(workspace)
    out, ledger = _release(workspace, "community"), read_ledger(workspace.released)
    of_meetings = [path for path in workspace.meeting_files(out.digest) if path.suffix == ".pdf"]
    files = {path.name: path.read_bytes() for path in (*workspace.map_files, *of_meetings)}
    require_passed(audit(files, workspace))
    entry = Entry(
        digest=out.digest,
        released=on.isoformat(),
        signed_off_by=tuple(signed_off_by),
        withdraw_on=withdraw_on.isoformat(),
        study=out.facts.study,
        crs=out.tables["cells"].crs.to_string(),
        cell_m=out.facts.cell_m,
        period=(out.facts.public_from, out.facts.public_to),
        quarters=out.facts.quarters,
        files={name: sha256_of(data) for name, data in files.items() if audience_of(name) == "community"},
        loosened=out.facts.loosened,
    )
    incidents = tables.read(tables.INCIDENTS, workspace.folder("ingest") / f"{tables.INCIDENTS.name}.parquet")
    enter(ledger, entry, out, counted_marks(incidents, out, ledger.published(), _policy(workspace)))
    return entry


def _require_fresh(workspace: Workspace) -> None:
    stale = [f"{stage}: {'; '.join(why[:2])}" for stage in STAGES if (why := reasons(workspace, stage))]
    if stale:
        raise ReleaseError.gather("The maps are not up to date. Run 'tensionmap run' first:", stale)


def report(
    workspace: Workspace,
    teller: Teller,
    *,
    communities: Sequence[str] | None = None,
    district: str = "",
    quarter: str = "",
    languages: Sequence[str] = (),
    paper: str = "A4",
) -> list[Path]:
    """The pages of meetings, made from the community's release, attacked, and only then put into maps/meetings.

    Parameters
    ----------
    communities
        Names or identifiers of settlements; None: all that ever held a meeting, or every one if none is on record.
    district
        Name of a district, whose council's page is made instead.
    quarter
        The quarter that is reported on, as 2026Q3; by default the last one that the release tells.
    languages
        By default those of the study.
    paper
        A4 or A3.

    Raises
    ------
    ReleaseError
        If the maps are not fresh, a name is unknown or means several, the release does not tell of the quarter, a text does
        not fit, or the audit finds anything.
    """
    _require_fresh(workspace)
    release, settings = _release(workspace, "community"), workspace.study.publish
    quarters = release.facts.quarters
    if not quarter and not quarters:
        raise ReleaseError("The release tells no quarter yet, so there is nothing to report on. The study is too short.")
    how = Reporting(
        quarter=quarter or quarters[-1],
        paper=paper,
        around_m=settings.around_m,
        contacts=[(contact.office, contact.text, contact.communities) for contact in settings.contact],
        notices=[(notice.about, notice.text, notice.communities) for notice in settings.notice],
    )
    if communities is None and not district:
        chosen = communities_to_report(release)
        teller.notes("report", f"{len(chosen)} communities, {how.quarter}")
    else:
        chosen = [find_settlement(release, name) for name in communities or ()]
    for gap in _gaps(workspace, languages or settings.languages):
        teller.notes("report", gap)
    jobs = jobs_of(release, how.quarter, languages or settings.languages, communities=chosen, district=district)
    elevation = tables.read(tables.ELEVATION, workspace.folder("ingest") / f"{tables.ELEVATION.name}.parquet")
    relief = hillshade(elevation, crs=workspace.study.ingest.crs, extent=release.facts.extent)
    files: dict[str, bytes] = {}
    for job, content in make_pages(jobs, release, how, relief):
        name = file_of(job, release, how)
        files[name] = content
        teller.progresses(f"report: {name}", len(files), len(jobs))
    teller.progresses("report: the audit attacks every file", len(files), len(files))
    verdict = audit(files, workspace)
    require_passed(verdict)
    return _put_down(workspace, f"{how.quarter}-{release.digest}", files, verdict)


def _put_down(workspace: Workspace, folder: str, files: Mapping[str, bytes], verdict: Verdict) -> list[Path]:
    """Write the pages of meetings beside those made earlier of the same quarter and release, and one verdict on them all."""
    with workspace.locked():
        there = workspace.meetings(folder)
        there.mkdir(parents=True, exist_ok=True)
        told = there / "verdict.json"
        earlier = dict(read_verdict(told.read_bytes()).files) if told.is_file() else {}
        whole = replace(verdict, files=dict(sorted({**earlier, **verdict.files}.items())))
        written = []
        for name, content in [*sorted(files.items()), (told.name, whole.as_json())]:
            partial = there / f".{name}.partial"
            partial.write_bytes(content)
            written.append(partial.replace(there / name))
    return written[:-1]


def withdraw_release(workspace: Workspace, digest: str, *, on: date, why: str) -> None:
    """Mark a release as withdrawn: nothing is held against it any more."""
    withdraw(read_ledger(workspace.released), digest, on=on, why=why)


def check(workspace: Workspace, teller: Teller) -> None:
    """Pass if settings, register and every raw file can be read; else one error that names all faults.

    What the pages of a meeting would still miss, such as a helpline, is told and does no harm otherwise.
    """
    workspace.require_usable()
    read_raw(Making("check", workspace, workspace, teller))
    for gap in _gaps(workspace, workspace.study.publish.languages):
        teller.notes("check", gap)


def _gaps(workspace: Workspace, languages: Sequence[str]) -> list[str]:
    """What the study should still be told before a meeting."""
    settings = workspace.study.publish
    blocks: dict[str, dict[Any, str]] = {}
    for notice in settings.notice:
        blocks.setdefault(notice.about, {}).update(notice.text)
    return study_gaps(
        contacts=[(contact.office, contact.text) for contact in settings.contact],
        languages=languages,
        blocks=blocks,
        parties=workspace.study.parties,
        reported_by=[source.reported_by for source in workspace.sources if source.reported_by],
    )


def run(workspace: Workspace, until: str, teller: Teller) -> None:
    """Bring every stage up to ``until`` up to date; a stage whose makings and outputs are unchanged is left alone."""
    bring_up(workspace, until, teller, FLOW)
