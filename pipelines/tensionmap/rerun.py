"""What decides whether a stage is made again, and makes it.

doit walks the stages in order; a stage's receipt says why it is stale. A stage is given a ``Making``: where it reads, where
it writes, and whom it tells.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from tensionmap import tables
from tensionmap.errors import GeometryError, RawDataError, TensionmapError
from tensionmap.receipts import Makings, Receipt, hash_code, library_versions, read_receipt, reasons_to_remake, sha256
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
class Making:
    """One stage at work: where it reads, where it writes, and what it has to say about it."""

    stage: str
    here: Workspace
    to: Workspace
    teller: Teller
    rows: dict[str, int] = field(default_factory=dict)
    choices: list[str] = field(default_factory=list)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    aside: list[pd.DataFrame] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @contextmanager
    def gathering(self) -> Iterator[None]:
        """Keep a fault of one raw file and go on, so that a user mends the faults of all files in one go."""
        try:
            yield
        except (RawDataError, GeometryError) as error:
            if str(error) not in self.faults:  # a file that two readers look into has its fault once
                self.faults.append(str(error))

    def require_sound(self) -> None:
        """Raise the faults gathered so far as one error."""
        if self.faults:
            raise RawDataError.gather("These raw files cannot be read as study.toml says:", self.faults)

    def read(self, stage: str, table: tables.Table) -> Any:
        """The table as ``stage`` wrote it."""
        return tables.read(table, self.here.folder(stage) / f"{table.name}.parquet")

    def write(self, frame: Any, table: tables.Table) -> None:
        """Write ``frame`` as one of this stage's tables."""
        tables.write(frame, table, self.to.folder(self.stage) / f"{table.name}.parquet")
        self.rows[table.name] = len(frame)

    def write_list(self, name: str, content: bytes) -> None:
        """Write a list for people, ``name`` with forward slashes, beside this stage's tables."""
        self.path_for(name).write_bytes(content)

    def path_for(self, name: str) -> Path:
        """Where a file of this stage called ``name`` is written, with forward slashes; its folder is made."""
        path = self.to.folder(self.stage) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def note(self, *texts: str) -> None:
        """Say something, and write it in the receipt."""
        for text in texts:
            self.choices.append(text)
            self.teller.notes(self.stage, text)

    def set_aside(self, rows: pd.DataFrame) -> None:
        """Keep these rows for the lists of what was set aside, and count them for their sources."""
        self.aside.append(rows)
        for source, count in rows.groupby("source").size().items():
            self.count(str(source), set_aside=int(count))

    def count(self, source: str, *, kept: int = 0, set_aside: int = 0, left_out: int = 0) -> None:
        """Add rows of a source: kept, set aside, left out because they lie far away."""
        counts = self.counts.setdefault(source, {"kept": 0, "set_aside": 0, "left_out": 0})
        for name, more in (("kept", kept), ("set_aside", set_aside), ("left_out", left_out)):
            counts[name] += more

    def progress(self, label: str, done: int, total: int) -> None:
        """Say how far it is."""
        self.teller.progresses(f"{self.stage}: {label}", done, total)


Flow = Mapping[str, Callable[[Making], None]]

# The files that a stage reads, by the stage that wrote them. Nothing downstream reads the free text.
READS: dict[str, dict[str, tuple[str, ...]]] = {
    "ingest": {},
    "link": {"ingest": ("incidents", "settlements", "claims", "resources", "services", "population", "elevation", "land_cover")},
    "measure": {
        "ingest": ("incidents", "settlements", "claims", "meetings", "concerns", "actions"),
        "link": ("cells", "placed", "canal_sections"),
    },
    "protect": {
        "ingest": ("incidents", "settlements", "claims", "resources", "services", "meetings", "concerns", "actions"),
        "link": ("cells", "placed"),
        "measure": ("hotspots", "action_effects"),
    },
    # The maps hold what protect wrote, over the relief; the rest is what the audit looks for in them.
    "publish": {
        "ingest": (
            *("incidents", "canaries", "settlements", "claims", "resources", "services", "elevation"),
            *("meetings", "concerns", "actions"),
        ),
        "link": ("cells", "placed"),
        "measure": ("hotspots", "action_effects"),
        "protect": tables.AUDIENCES,
    },
}

# Stages that look at what was released before.
HELD_AGAINST_RELEASES = ("protect", "publish")


def _settings(workspace: Workspace, stage: str) -> dict[str, Any]:
    """The settings that decide what ``stage`` writes: its own section and what it needs of the others."""
    study = workspace.study
    data = study.model_dump(mode="json")
    frame = {key: data["ingest"][key] for key in ("crs", "area", "date_from", "date_to")}
    about = {key: data[key] for key in ("name", "is_invented", "parties")}
    if stage == "ingest":
        sources = {
            source.name: source.model_dump(include={"file", "reader", "reported_by", "claimant", "corrects"})
            for source in workspace.sources
            if source.reader != "none"
        }
        return {"parties": data["parties"], **data["ingest"], "sources": sources}
    more = {
        "link": frame,
        "measure": {key: frame[key] for key in ("date_from", "date_to")} | {"parties": data["parties"]},
        "protect": {
            **about,
            **frame,
            **{key: data["measure"][key] for key in ("alpha", "replicates")},
            "data_as_of": data_as_of(workspace),
        },
        "publish": {"protect": data["protect"]},
    }
    cell = {} if stage in ("link", "publish") else {"cell_m": data["link"]["cell_m"]}
    return {**more.get(stage, {}), **cell, **data[stage]}


def data_as_of(workspace: Workspace) -> str:
    """The day on which the last file that is read was received, as an ISO date; empty if none is."""
    return max((source.retrieved.isoformat() for source in workspace.sources if source.reader != "none"), default="")


def inputs_of(workspace: Workspace, stage: str) -> dict[str, str]:
    """File -> sha256 of everything that ``stage`` reads, as it lies there now."""
    if stage == "ingest":
        read = [source for source in workspace.sources if source.reader != "none"]
        paths = {s.file: workspace.raw_file(s) for s in read}
        paths[workspace.place_decisions.name] = workspace.place_decisions
        return {f"data/raw/{name}": sha256(path) for name, path in paths.items() if path.is_file()}
    written = {before: workspace.outputs(before) for before in READS[stage]}
    released = workspace.released.rglob("*") if stage in HELD_AGAINST_RELEASES else ()
    return {path.relative_to(workspace.root).as_posix(): sha256(path) for path in released if path.is_file()} | {
        path: digest
        for before, names in READS[stage].items()
        for path, digest in written[before].items()
        if path.removeprefix(f"data/processed/{before}/").split("/")[0].removesuffix(".parquet") in names
    }


def _makings(workspace: Workspace, stage: str) -> Makings:
    settings = json.loads(json.dumps(_settings(workspace, stage)))
    return Makings(settings, inputs_of(workspace, stage), hash_code(stage), library_versions())


def reasons(workspace: Workspace, stage: str) -> list[str]:
    """Why ``stage`` must be made again, a sentence each; an empty list says that it is fresh."""
    return _compare(workspace, stage, _makings(workspace, stage))


def _compare(workspace: Workspace, stage: str, makings: Makings) -> list[str]:
    receipt = read_receipt(workspace.folder(stage))
    return reasons_to_remake(receipt, makings, workspace.outputs(stage) if receipt else {})


def bring_up(workspace: Workspace, until: str, teller: Teller, flow: Flow) -> None:
    """Bring every stage up to ``until`` up to date; a stage whose makings and outputs are unchanged is left alone."""
    from doit.cmd_base import ModuleTaskLoader
    from doit.doit_cmd import DoitMain

    workspace.require_usable()
    failures: list[BaseException] = []

    # Files can be large: what a stage is made from is hashed once, when doit asks whether it is fresh.
    now: dict[str, Makings] = {}

    def is_fresh(stage: str) -> bool:
        now[stage] = _makings(workspace, stage)
        why = _compare(workspace, stage, now[stage])
        teller.starts(stage, why)
        return not why

    def make(stage: str) -> bool:
        try:
            _make(workspace, stage, teller, flow[stage], now[stage])
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


def _make(workspace: Workspace, stage: str, teller: Teller, function: Callable[[Making], None], makings: Makings) -> None:
    with workspace.staging(stage) as staged:
        making = Making(stage, workspace, staged, teller)
        function(making)
        receipt = Receipt(stage, makings, staged.outputs(stage), making.rows, tuple(making.choices), making.counts)
        receipt.write(staged.folder(stage))
