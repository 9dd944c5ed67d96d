"""The door of the house: what was drawn is attacked before it goes into maps/, and whatever lies in a folder on request.

The attacks themselves are in ``protect.audit``; here they are given what the house knows.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tensionmap import tables
from tensionmap.errors import ReleaseError
from tensionmap.protect.audit.attacks import ATTACKS, Expected, Finding, attack_files
from tensionmap.protect.audit.house import House, sealed_places, secrets_of
from tensionmap.protect.audit.meetings import MEETING_ATTACKS, attack_meetings
from tensionmap.protect.audit.numbers import FILE, NUMBER_ATTACKS, attack_numbers
from tensionmap.protect.audit.proofs import CHANGES, CHANGES_OF_MEETINGS
from tensionmap.protect.audit.secrets import Secrets
from tensionmap.protect.audit.verdict import Verdict
from tensionmap.protect.meetings import Meetings
from tensionmap.protect.policy import Policy
from tensionmap.protect.release import Published
from tensionmap.receipts import sha256_of
from tensionmap.rerun import Flow, Making, Teller
from tensionmap.tables import Release
from tensionmap.workspace import INDEX, Workspace

Make = Callable[[Any, Meetings], Release]
"""Reports and what meetings said -> the community's release."""
SHOWN = 10
OF_PLACES = ("A4", "A10")
FILES_A_PROCESS = 50
"""A process of its own takes some seconds to begin, and reads again what files of one release share."""
PROOFS = {number: what for number, (what, _) in {**CHANGES, **CHANGES_OF_MEETINGS}.items()}


def audience_of(name: str) -> str:
    """For whom a file of the maps is, by its name; empty if the name does not say. The page that leads to them is for all."""
    if Path(name).name == Path(INDEX).name:
        return "community"
    parts = Path(name).name.split(".")
    return next((audience for audience in tables.AUDIENCES if audience in parts), "")


def attack(
    files: Mapping[str, bytes],
    house: House,
    releases: Mapping[str, Release],
    *,
    study: str,
    policy: Policy,
    published: Published,
    public_texts: Iterable[str],
    known_blocks: Iterable[str],
    expected: Mapping[str, Expected] | None = None,
    make: Make | None = None,
    seed: int = 0,
) -> Verdict:
    """The verdict on ``files`` and on the numbers behind them.

    Parameters
    ----------
    files
        Name -> bytes.
    house
        What must not be found.
    releases
        Audience -> what the files were drawn from.
    study, policy, published, seed
        Name of the study, its thresholds, what is out already, seed of the proofs.
    public_texts, known_blocks
        What maps say of themselves; sha256 of blocks of vendored code.
    expected
        The files that may be there; by default all of ``files`` whose name says for whom they are.
    make
        What makes the community's release, if it is to be made from changed data too: by proof, not by search.
    """
    by_name = {name: Expected(sha256_of(data), audience_of(name)) for name, data in files.items()}
    known = {name: own for name, own in by_name.items() if own.audience} if expected is None else expected
    secrets = secrets_of(house, releases, public_texts=list(public_texts))
    blocks = frozenset(known_blocks)
    findings = _attacked(files, secrets, known, blocks)
    # The police see places of reports, but of no sealed one: their files are attacked again as files without places.
    places = {name: data for name, data in files.items() if by_name[name].audience == "police"}
    as_placeless = {name: replace(by_name[name], audience="research") for name in places}
    again = attack_files(places, sealed_places(house, secrets), expected=as_placeless, known_blocks=blocks)
    findings += [replace(found, what=f"{found.what}: sealed") for found in again if found.attack in OF_PLACES]
    findings += attack_numbers(releases["community"], house, policy=policy, published=published)
    for release in releases.values():
        findings += attack_meetings(release, house, policy=policy)
    proved: dict[str, str] = {}
    if make is not None:
        proved = {number: f"{what}: the community's release becomes another." for number, what in PROOFS.items()}
        findings += _disproved(make, house, releases["community"], seed)
    return Verdict(
        study=study,
        files={name: {"audience": own.audience or "nobody", "sha256": own.sha256} for name, own in by_name.items()},
        releases={audience: release.digest for audience, release in releases.items()},
        attacks={**ATTACKS, **NUMBER_ATTACKS, **MEETING_ATTACKS, **proved},
        findings=tuple(sorted(set(findings))),
        notes=policy.loosened,
    )


def _changed(house: House, cell_m: float, seed: int) -> Iterator[tuple[str, House]]:
    """The house after each change of private data, by the number of the proof."""
    for number, (_, change) in CHANGES.items():
        yield number, replace(house, incidents=change(house.incidents, cell_m, seed))
    for number, (_, change_of_meetings) in CHANGES_OF_MEETINGS.items():
        yield number, replace(house, meetings=change_of_meetings(house.meetings, seed))


def _attacked(
    files: Mapping[str, bytes], secrets: Secrets, expected: Mapping[str, Expected], blocks: frozenset[str]
) -> list[Finding]:
    """What the files tell and must not; many files by as many processes as the machine has cores."""
    names = sorted(files)
    hands = min(os.cpu_count() or 1, len(names) // FILES_A_PROCESS)
    if hands < 2:
        return attack_files(files, secrets, expected=expected, known_blocks=blocks)
    parts = [{name: files[name] for name in names[hand::hands]} for hand in range(hands)]
    # Started anew, as on Windows: a fork of a process with threads, such as that of the progress bar, can hang.
    with ProcessPoolExecutor(hands, get_context("spawn")) as pool:
        waiting = [pool.submit(attack_files, part, secrets, expected=expected, known_blocks=blocks) for part in parts]
        return [found for done in waiting for found in done.result()]


def _disproved(make: Make, house: House, release: Release, seed: int) -> list[Finding]:
    return [
        Finding(number, FILE, f"{_of(number)}: the community's release becomes another")
        for number, changed in _changed(house, release.facts.cell_m, seed)
        if make(changed.incidents, changed.meetings).digest != release.digest
    ]


def _of(number: str) -> str:
    """What was changed in a proof, within a sentence."""
    return PROOFS[number][0].lower() + PROOFS[number][1:]


def require_passed(verdict: Verdict) -> None:
    """Pass if nothing was found; ``ReleaseError`` with what was found otherwise."""
    if not verdict.is_passed:
        faults = [f"{finding.attack}, {finding.file}: {finding.what}" for finding in verdict.findings[:SHOWN]]
        more = len(verdict.findings) - SHOWN
        raise ReleaseError.gather(
            "The maps were drawn, but an attack on them succeeded, so none was put into maps/:",
            faults + ([f"and {more} more"] if more > 0 else []),
        )


def read_house(workspace: Workspace) -> House:
    """What the last run kept in the house."""

    def read(stage: str, table: tables.Table) -> Any:
        return tables.read(table, workspace.folder(stage) / f"{table.name}.parquet")

    return House(
        incidents=read("ingest", tables.INCIDENTS),
        placed=read("link", tables.PLACED),
        cells=read("link", tables.CELLS),
        canaries=read("ingest", tables.CANARIES),
        meetings=Meetings(
            held=read("ingest", tables.MEETINGS),
            concerns=read("ingest", tables.CONCERNS),
            actions=read("ingest", tables.ACTIONS),
            effects=read("measure", tables.ACTION_EFFECTS),
        ),
    )


def prove(workspace: Workspace, teller: Teller, flow: Flow, *, seed: int) -> list[Finding]:
    """What of the community's files changes when private data change, all the way from link to publish.

    Takes a run of four stages for every change. The study itself is left alone.
    """
    house, cell_m = read_house(workspace), workspace.study.link.cell_m
    found = []
    with tempfile.TemporaryDirectory() as folder:
        trials = [("", house), *_changed(house, cell_m, seed)]
        before: dict[str, bytes] = {}
        for done, (number, changed) in enumerate(trials):
            teller.progresses(f"proof {number}", done, len(trials))
            after = _run_with(workspace, Path(folder) / f"trial{done}", changed, flow)
            before = before or after
            for name in sorted({*before, *after}):
                if before.get(name) != after.get(name):
                    found.append(Finding(number, name, f"{_of(number)}: this file changes"))
    return found


class _Silent:
    """Hears nothing of a trial."""

    def starts(self, stage: str, why: Any) -> None:
        """Hear nothing."""

    def notes(self, stage: str, text: str) -> None:
        """Hear nothing."""

    def progresses(self, label: str, done: int, total: int) -> None:
        """Hear nothing."""


def _run_with(workspace: Workspace, root: Path, house: House, flow: Flow) -> dict[str, bytes]:
    """The community's files of a study whose reports or meetings were changed after they were read."""
    trial = replace(workspace, root=root)
    for source, target in ((workspace.folder("ingest"), trial.folder("ingest")), (workspace.released, trial.released)):
        if source.is_dir():
            shutil.copytree(source, target)
    trial.raw.mkdir(parents=True)
    for source, target in ((workspace.study_file, trial.study_file), (workspace.sources_file, trial.sources_file)):
        shutil.copyfile(source, target)
    for changed, table in (
        (house.incidents, tables.INCIDENTS),
        (house.meetings.held, tables.MEETINGS),
        (house.meetings.concerns, tables.CONCERNS),
        (house.meetings.actions, tables.ACTIONS),
    ):
        tables.write(changed, table, trial.folder("ingest") / f"{table.name}.parquet")
    for stage in list(flow)[1:]:
        for folder in trial.folders(stage):
            folder.mkdir(parents=True)
        flow[stage](Making(stage, trial, trial, _Silent()))
    files = {path.relative_to(root).as_posix(): path for path in sorted(root.rglob("*.*")) if path.is_file()}
    return {
        name: path.read_bytes()
        for name, path in files.items()
        if "/protect/community/" in name or audience_of(name) == "community"
    }
