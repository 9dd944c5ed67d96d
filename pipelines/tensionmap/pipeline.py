"""The flow on one page: raw files -> ingest -> link -> measure -> protect -> publish -> maps.

Five short functions, one a stage, each over pure functions that know neither study nor folder. Below them stands what
decides whether a stage is made again: doit walks the stages in order, and a stage's receipt says why it is stale.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tensionmap import tables
from tensionmap.errors import RawDataError, TensionmapError
from tensionmap.receipts import Makings, Receipt, hash_code, library_versions, read_receipt, reasons_to_remake, sha256
from tensionmap.study import INCIDENT_READERS, Study
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

    def read(self, stage: str, table: tables.Table) -> Any:
        return tables.read(table, self.here.folder(stage) / f"{table.name}.parquet")

    def write(self, frame: Any, table: tables.Table) -> None:
        tables.write(frame, table, self.to.folder(self.stage) / f"{table.name}.parquet")
        self.rows[table.name] = len(frame)

    def note(self, *texts: str) -> None:
        for text in texts:
            self.choices.append(text)
            self.teller.notes(self.stage, text)

    def progress(self, label: str, done: int, total: int) -> None:
        self.teller.progresses(f"{self.stage}: {label}", done, total)
