"""The door of the house: what was drawn is attacked before it goes into maps/, and whatever lies in a folder on request.

The attacks themselves are in ``protect.audit``; here they are given what the house knows.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tensionmap import tables
from tensionmap.errors import ReleaseError
from tensionmap.protect.audit.attacks import ATTACKS, Expected, Finding, attack_files
from tensionmap.protect.audit.house import House, sealed_places, secrets_of
from tensionmap.protect.audit.numbers import FILE, NUMBER_ATTACKS, attack_numbers
from tensionmap.protect.audit.proofs import CHANGES
from tensionmap.protect.audit.verdict import Verdict
from tensionmap.protect.policy import Policy
from tensionmap.protect.release import Published
from tensionmap.receipts import sha256_of
from tensionmap.rerun import Flow, Making, Teller
from tensionmap.tables import Release
from tensionmap.workspace import INDEX, Workspace

Make = Callable[[Any], Release]
SHOWN = 10
OF_PLACES = ("A4", "A10")


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
        Reports -> the community's release, if it is to be made from changed reports: by proof, not by search.
    """
    by_name = {name: Expected(sha256_of(data), audience_of(name)) for name, data in files.items()}
    known = {name: own for name, own in by_name.items() if own.audience} if expected is None else expected
    secrets = secrets_of(house, releases, public_texts=list(public_texts))
    blocks = frozenset(known_blocks)
    findings = list(attack_files(files, secrets, expected=known, known_blocks=blocks))
    # The police see places of reports, but of no sealed one: their files are attacked again as files without places.
    places = {name: data for name, data in files.items() if by_name[name].audience == "police"}
    as_placeless = {name: replace(by_name[name], audience="research") for name in places}
    again = attack_files(places, sealed_places(house, secrets), expected=as_placeless, known_blocks=blocks)
    findings += [replace(found, what=f"{found.what}: sealed") for found in again if found.attack in OF_PLACES]
    findings += attack_numbers(releases["community"], house, policy=policy, published=published)
    proved: dict[str, str] = {}
    if make is not None:
        proved = {number: f"{what}: the community's release becomes another." for number, (what, _) in CHANGES.items()}
        findings += _disproved(make, house, releases["community"], seed)
    return Verdict(
        study=study,
        files={name: {"audience": own.audience or "nobody", "sha256": own.sha256} for name, own in by_name.items()},
        releases={audience: release.digest for audience, release in releases.items()},
        attacks={**ATTACKS, **NUMBER_ATTACKS, **proved},
        findings=tuple(sorted(set(findings))),
        notes=policy.loosened,
    )


def _disproved(make: Make, house: House, release: Release, seed: int) -> list[Finding]:
    return [
        Finding(number, FILE, f"{what[0].lower()}{what[1:]}: the community's release becomes another")
        for number, (what, change) in CHANGES.items()
        if make(change(house.incidents, release.facts.cell_m, seed)).digest != release.digest
    ]


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
    return House(
        **{
            name: tables.read(table, workspace.folder(stage) / f"{table.name}.parquet")
            for name, stage, table in (
                ("incidents", "ingest", tables.INCIDENTS),
                ("placed", "link", tables.PLACED),
                ("cells", "link", tables.CELLS),
                ("canaries", "ingest", tables.CANARIES),
            )
        }
    )


def prove(workspace: Workspace, teller: Teller, flow: Flow, *, seed: int) -> list[Finding]:
    """What of the community's files changes when private data change, all the way from link to publish.

    Takes a run of four stages for every change. The study itself is left alone.
    """
    incidents = tables.read(tables.INCIDENTS, workspace.folder("ingest") / f"{tables.INCIDENTS.name}.parquet")
    cell_m = workspace.study.link.cell_m
    found = []
    with tempfile.TemporaryDirectory() as folder:
        trials = {"": incidents} | {number: change(incidents, cell_m, seed) for number, (_, change) in CHANGES.items()}
        before: dict[str, bytes] = {}
        for done, (number, changed) in enumerate(trials.items()):
            teller.progresses(f"proof {number}", done, len(trials))
            after = _run_with(workspace, Path(folder) / f"trial{done}", changed, flow)
            before = before or after
            for name in sorted({*before, *after}):
                if before.get(name) != after.get(name):
                    found.append(
                        Finding(number, name, f"{CHANGES[number][0][0].lower()}{CHANGES[number][0][1:]}: this file changes")
                    )
    return found


class _Silent:
    """Hears nothing of a trial."""

    def starts(self, stage: str, why: Any) -> None:
        """Hear nothing."""

    def notes(self, stage: str, text: str) -> None:
        """Hear nothing."""

    def progresses(self, label: str, done: int, total: int) -> None:
        """Hear nothing."""


def _run_with(workspace: Workspace, root: Path, incidents: Any, flow: Flow) -> dict[str, bytes]:
    """The community's files of a study whose reports were changed after they were read."""
    trial = replace(workspace, root=root)
    for source, target in ((workspace.folder("ingest"), trial.folder("ingest")), (workspace.released, trial.released)):
        if source.is_dir():
            shutil.copytree(source, target)
    shutil.copyfile(workspace.study_file, trial.study_file)
    tables.write(incidents, tables.INCIDENTS, trial.folder("ingest") / f"{tables.INCIDENTS.name}.parquet")
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
