"""What a stage was made from, so that anyone can see why it must be made again.

A receipt holds the settings, the hash of the code, the hashes of inputs and outputs, versions, automatic choices and
counts. It holds no record, no time and no path of a machine, so that two runs on the same input write the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from importlib import metadata
from importlib.resources import files
from pathlib import Path
from typing import Any

GROUND = ("compiled.py", "tables.py", "crs.py", "errors.py", "pipeline.py", "rerun.py")
# What was drawn is attacked before it goes into maps/: with other attacks it must be attacked again.
ALSO = {"publish": ("audit.py", "protect/audit")}
LIBRARIES = (
    "folium",
    "geopandas",
    "matplotlib",
    "networkx",
    "numba",
    "numpy",
    "pandas",
    "pyarrow",
    "rasterio",
    "scipy",
    "shapely",
)
FILE_NAME = "receipt.json"


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_of(data: bytes) -> str:
    """SHA-256 of ``data``, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True)
class Makings:
    """All that decides what a stage writes."""

    settings: Mapping[str, Any]
    inputs: Mapping[str, str]
    """File, as written from the study's folder with forward slashes -> sha256."""
    code: Mapping[str, str]
    versions: Mapping[str, str]


@dataclass(frozen=True)
class Receipt:
    """What a stage was made from and what it wrote."""

    stage: str
    makings: Makings
    outputs: Mapping[str, str]
    rows: Mapping[str, int] = field(default_factory=dict)
    choices: tuple[str, ...] = ()
    """Automatic choices, as told to the user."""
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Per source: rows read, kept and set aside."""

    def write(self, folder: Path) -> None:
        """Write the receipt into the ``folder`` of its stage."""
        text = json.dumps(asdict(self), indent=1, sort_keys=True, ensure_ascii=False)
        (folder / FILE_NAME).write_text(text + "\n", encoding="utf-8", newline="\n")


def read_receipt(folder: Path) -> Receipt | None:
    """The receipt in ``folder``; None if there is none or it cannot be read."""
    try:
        raw = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
        return Receipt(**{**raw, "makings": Makings(**raw["makings"]), "choices": tuple(raw["choices"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def hash_code(stage: str) -> dict[str, str]:
    """SHA-256 of every source file that takes part in ``stage``: its own folder and the ground it stands on."""
    package = files("tensionmap")
    found = {name: package / name for name in GROUND}
    folders = [(stage, package / stage)]
    for name in ALSO.get(stage, ()):
        if name.endswith(".py"):
            found[name] = package / name
        else:
            folders.append((name, package.joinpath(*name.split("/"))))
    while folders:
        name, folder = folders.pop()
        for item in folder.iterdir():
            if item.is_dir() and item.name != "__pycache__":
                folders.append((f"{name}/{item.name}", item))
            elif item.is_file() and not item.name.endswith(".pyc"):
                found[f"{name}/{item.name}"] = item
    return {name: hashlib.sha256(found[name].read_bytes().replace(b"\r\n", b"\n")).hexdigest() for name in sorted(found)}


def library_versions() -> dict[str, str]:
    """Versions of the libraries whose results are written, GDAL and PROJ among them."""
    import pyogrio
    import pyproj

    native = {"GDAL": pyogrio.__gdal_version_string__, "PROJ": pyproj.proj_version_str}
    return {name: metadata.version(name) for name in LIBRARIES} | native


def reasons_to_remake(receipt: Receipt | None, now: Makings, outputs: Mapping[str, str]) -> list[str]:
    """Why a stage must be made again, a sentence each; an empty list says that it is fresh.

    Parameters
    ----------
    receipt
        What the stage was made from last time.
    now
        What it would be made from now.
    outputs
        The output files as they lie there now, with their sha256.
    """
    if receipt is None:
        return ["not made yet"]
    then = receipt.makings
    reasons = [f"{key} {_short(before)} -> {_short(after)}" for key, before, after in _changes(then.settings, now.settings)]
    for what, before, after in (("input", then.inputs, now.inputs), ("code", then.code, now.code)):
        reasons += [_file_change(what, key, a, b) for key, a, b in _changes(before, after)]
    reasons += [f"{key} {a or 'not installed'} -> {b or 'not installed'}" for key, a, b in _changes(then.versions, now.versions)]
    for path, written, found in _changes(receipt.outputs, outputs):
        if found is None:
            reasons.append(f"output missing: {path}")
        elif written is not None:
            reasons.append(f"output edited by hand: {path}")
    return reasons


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterable[tuple[str, Any, Any]]:
    for key in sorted({*before, *after}):
        old, new = before.get(key), after.get(key)
        if old != new:
            if isinstance(old, Mapping) and isinstance(new, Mapping):
                yield from ((f"{key}.{inner}", a, b) for inner, a, b in _changes(old, new))
            else:
                yield key, old, new


def _file_change(what: str, name: str, before: str | None, after: str | None) -> str:
    word = "changed" if before and after else "new" if after else "gone"
    return f"{what} {word}: {name}"


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    text = "not set" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."
