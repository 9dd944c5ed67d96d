"""The folders of a study, and how results are put there: all of a stage or nothing of it.

A stage writes into a staging folder. When it is complete, a mark is set, and what it wrote is moved into place. A run that
is killed before the mark leaves the last good state; one killed after it is completed by the next run.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from importlib.resources import files
from pathlib import Path

from filelock import FileLock, Timeout

from tensionmap.errors import RawDataError, StudyError, WorkspaceError
from tensionmap.receipts import FILE_NAME, sha256
from tensionmap.study import READERS, Source, Study, make_source, read_sources, read_study, source_as_toml, study_schema

STAGES = ("ingest", "link", "measure", "protect", "publish")
STUDY_FILE = "study.toml"
MAPS = ("maps/web", "maps/paper", "maps/audit")
INDEX = "maps/index.html"
MEETINGS = "maps/meetings"


@dataclass(frozen=True)
class Workspace:
    """A study's folder: study.toml, data/raw, data/processed and maps."""

    root: Path

    @cached_property
    def study(self) -> Study:
        """The settings."""
        return read_study(self.study_file)

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        """The registered raw files."""
        return read_sources(self.sources_file)

    @property
    def study_file(self) -> Path:
        """The file of the settings."""
        return self.root / STUDY_FILE

    @property
    def raw(self) -> Path:
        """Folder of raw files."""
        return self.root / "data" / "raw"

    @property
    def sources_file(self) -> Path:
        """The register of raw files."""
        return self.raw / "sources.toml"

    @property
    def place_decisions(self) -> Path:
        """What people decided about names of places that can mean several; the file need not be there."""
        return self.raw / "place_decisions.csv"

    @property
    def released(self) -> Path:
        """Folder of what was ever released: the ledger, and the community's tables of every release."""
        return self.root / "data" / "released"

    @property
    def _processed(self) -> Path:
        return self.root / "data" / "processed"

    def folder(self, stage: str) -> Path:
        """Folder in which ``stage`` keeps its tables and its receipt."""
        return self._processed / stage

    def maps(self, kind: str) -> Path:
        """Folder of maps of one ``kind``: web or paper; audit: the verdict on them."""
        return self.root / "maps" / kind

    @property
    def index(self) -> Path:
        """The page that leads to the maps."""
        return self.root / INDEX

    def meetings(self, name: str) -> Path:
        """Folder of the pages of meetings of one quarter, made from one release."""
        return self.root / MEETINGS / name

    def meeting_files(self, digest: str) -> list[Path]:
        """Every file of the pages of meetings that were made from the release ``digest``."""
        return [path for folder in sorted((self.root / MEETINGS).glob(f"*-{digest}")) for path in _files_in(folder)]

    @property
    def map_files(self) -> list[Path]:
        """Every file of the maps, without the verdict on them: the page that leads to them, those on screen, those on paper."""
        places = (self.index, self.maps("web"), self.maps("paper"))
        return [path for place in places for path in _files_in(place)]

    def raw_file(self, source: Source) -> Path:
        """The file of ``source``."""
        return self.raw / source.file

    def check_raw(self) -> list[str]:
        """What is wrong with the files under data/raw, a sentence each: missing, changed, not registered."""
        faults = []
        for source in self.sources:
            path = self.raw_file(source)
            if not path.is_file():
                faults.append(
                    f"data/raw/{source.file}: the file is missing. Put it back, or take {source.name!r} out of sources.toml."
                )
            elif sha256(path) != source.sha256:
                faults.append(
                    f"data/raw/{source.file}: the file has changed since it was registered. Put the old one back, "
                    f"or register the new one with 'tensionmap add data/raw/{source.file}'."
                )
        known = {source.file for source in self.sources} | {self.sources_file.name, self.place_decisions.name}
        present = {path.relative_to(self.raw).as_posix() for path in self.raw.rglob("*") if path.is_file()}
        unknown = sorted(name for name in present - known if not Path(name).name.startswith("."))
        faults += [
            f"data/raw/{name}: the file is not registered. Register it with 'tensionmap add data/raw/{name}'." for name in unknown
        ]
        return faults

    def require_raw(self) -> dict[str, str]:
        """File -> sha256 of every registered raw file; ``RawDataError`` with every fault if one is not as registered."""
        faults = self.check_raw()
        if faults:
            raise RawDataError.gather("Raw files are not as registered in data/raw/sources.toml:", faults)
        return {f"data/raw/{source.file}": source.sha256 for source in self.sources}

    def require_usable(self) -> None:
        """Pass if settings, register and raw files are sound; else one error that names every fault of all three."""
        faults: list[str] = []
        for look in (lambda: self.study, lambda: self.sources, self.require_raw):
            try:
                look()
            except (StudyError, RawDataError) as error:
                if str(error) not in faults:
                    faults.append(str(error))
        if not faults:
            unknown = sorted(set(self.study.ingest.files) - {source.name for source in self.sources})
            faults += [f"{STUDY_FILE}, ingest.files.{name}: no source of this name in data/raw/sources.toml." for name in unknown]
        if faults:
            raise StudyError("\n".join(faults))

    def is_registered(self, file: Path) -> bool:
        """Whether ``file`` lies in data/raw under a name that is registered."""
        return any(self.raw_file(source).resolve() == file.resolve() for source in self.sources)

    def outputs(self, stage: str) -> dict[str, str]:
        """File -> sha256 of what ``stage`` has written, without its receipt."""
        return {
            path.relative_to(self.root).as_posix(): sha256(path)
            for place in self._places(stage)
            for path in _files_in(self.root / place)
            if path.name != FILE_NAME
        }

    def folders(self, stage: str) -> list[Path]:
        """Every folder into which ``stage`` writes."""
        return [self.root / folder for folder in self._folders(stage)]

    @staticmethod
    def _folders(stage: str) -> tuple[str, ...]:
        return (f"data/processed/{stage}", *(MAPS if stage == "publish" else ()))

    def _places(self, stage: str) -> tuple[str, ...]:
        """What is put there as a whole: folders, and the page that leads to the maps, the last of all."""
        return (*self._folders(stage), *((INDEX,) if stage == "publish" else ()))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep a second run out, and bring an interrupted one to its end."""
        try:
            self._processed.mkdir(parents=True, exist_ok=True)
            with FileLock(self._processed / ".lock", timeout=0):
                self._recover()
                yield
        except Timeout as error:
            raise WorkspaceError("Another run is at work in this study. Wait until it has ended.") from error
        except PermissionError as error:
            raise WorkspaceError(
                f"{error.filename} cannot be written. Close it in other programs, or check its permissions."
            ) from error

    @contextmanager
    def staging(self, stage: str) -> Iterator[Workspace]:
        """A workspace to write ``stage`` into; its folders replace the old ones when the block ends without error."""
        staged = Workspace(self._processed / ".staging" / stage)
        shutil.rmtree(staged.root, ignore_errors=True)
        for folder in self._folders(stage):
            (staged.root / folder).mkdir(parents=True)
        yield staged
        # Renaming is the moment from which the new state counts.
        mark = staged.root / "complete"
        mark.with_suffix(".partial").touch()
        mark.with_suffix(".partial").replace(mark)
        self._move_in(stage)

    def _recover(self) -> None:
        for stage in STAGES:
            if (self._processed / ".staging" / stage / "complete").exists():
                self._move_in(stage)
        shutil.rmtree(self._processed / ".staging", ignore_errors=True)

    def _move_in(self, stage: str) -> None:
        staged = self._processed / ".staging" / stage
        for place in self._places(stage):
            target, old = self.root / place, staged / "old" / place
            if (staged / place).exists():
                if target.exists():
                    old.parent.mkdir(parents=True, exist_ok=True)
                    shutil.rmtree(old, ignore_errors=True)
                    target.replace(old)
                target.parent.mkdir(parents=True, exist_ok=True)
                (staged / place).replace(target)
        shutil.rmtree(staged)


def _files_in(place: Path) -> list[Path]:
    """Every file of a folder in order; a file by itself; nothing of what is not there."""
    return [path for path in (place, *sorted(place.rglob("*"))) if path.is_file()]


def find_workspace(start: Path) -> Workspace:
    """The study in which ``start`` lies, found by walking up to the first study.toml."""
    for folder in (start, *start.parents):
        if (folder / STUDY_FILE).is_file():
            return Workspace(folder)
    raise WorkspaceError(
        f"There is no {STUDY_FILE} here or in any folder above. Go to a study, or begin one with 'tensionmap init DIR'."
    )


def make_workspace(root: Path) -> Workspace:
    """A new study in ``root``, with a study.toml to fill in; refused where there is one already."""
    if (root / STUDY_FILE).exists():
        raise WorkspaceError(f"{root.name} already holds a {STUDY_FILE}. Nothing was changed.")
    template = files("tensionmap") / "template"
    for name, target in (("study.toml", STUDY_FILE), ("sources.toml", "data/raw/sources.toml"), ("gitignore", ".gitignore")):
        path = root / target
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text((template / name).read_text(encoding="utf-8"), encoding="utf-8", newline="\n")
    schema = json.dumps(study_schema(), indent=1, ensure_ascii=False) + "\n"
    (root / "study.schema.json").write_text(schema, encoding="utf-8", newline="\n")
    (root / "maps").mkdir(exist_ok=True)
    return Workspace(root)


def register(workspace: Workspace, file: Path, given: Mapping[str, str | None], *, retrieved: date) -> Source:
    """Copy ``file`` into data/raw and append it to the register; a file already there gets its new hash instead.

    Parameters
    ----------
    given
        Fields of ``Source`` as the user gave them; a missing ``name`` is made from the file's name.
    retrieved
        Day on which the file was received.

    Raises
    ------
    RawDataError
        If another file of this name lies in data/raw, or no reader is given.
    """
    for source in workspace.sources:
        if workspace.raw_file(source).resolve() == file.resolve():
            return _register_again(workspace, source, retrieved)
    inside = file.resolve().is_relative_to(workspace.raw.resolve())
    target = file if inside else workspace.raw / file.name
    if not inside and target.exists():
        raise RawDataError(f"data/raw already holds a file {file.name!r}. Rename the new one, or take the old one away.")
    if not given.get("reader") and not given.get("corrects"):
        raise RawDataError(f"{file.name}: no reader recognises this file. Name one with --reader: {', '.join(READERS)}.")
    entry = {key: value for key, value in given.items() if value is not None}
    if original := next((source for source in workspace.sources if source.name == given.get("corrects")), None):
        entry = {**original.model_dump(include={"publisher", "licence", "reader", "reported_by", "sensitivity"}), **entry}
    entry.setdefault("name", re.sub(r"[^a-z0-9]+", "_", file.stem.lower()).strip("_") or "source")
    name = target.resolve().relative_to(workspace.raw.resolve()).as_posix()
    source = make_source({**entry, "file": name, "sha256": sha256(file), "retrieved": retrieved})
    if not inside:
        shutil.copyfile(file, target)
    with workspace.sources_file.open("a", encoding="utf-8", newline="\n") as register_file:
        register_file.write(source_as_toml(source))
    return source


def write_reading(workspace: Workspace, block: str) -> None:
    """Append ``block``, which says how a file is read, to study.toml.

    Raises
    ------
    StudyError
        If the settings could not be used with it; study.toml is then as it was.
    """
    path = workspace.root / STUDY_FILE
    before = path.read_bytes()
    ending = "\r\n" if b"\r\n" in before else "\n"
    trial = path.with_name(f".{STUDY_FILE}.partial")
    trial.write_bytes(before + block.replace("\n", ending).encode("utf-8"))
    try:
        read_study(trial)
        trial.replace(path)
    finally:
        trial.unlink(missing_ok=True)


def _register_again(workspace: Workspace, source: Source, retrieved: date) -> Source:
    now = source.model_copy(update={"sha256": sha256(workspace.raw_file(source)), "retrieved": retrieved})
    entries = workspace.sources_file.read_text(encoding="utf-8").split("[[source]]")
    for number, entry in enumerate(entries):
        if source.sha256 in entry:
            dated = re.sub(r"(?m)^retrieved *= *\S+", f"retrieved = {retrieved.isoformat()}", entry)
            entries[number] = dated.replace(source.sha256, now.sha256)
    workspace.sources_file.write_text("[[source]]".join(entries), encoding="utf-8", newline="\n")
    return now
