"""The ledger of releases: what was ever handed out, one line a release, only ever appended to.

``ledger.jsonl`` says of each release when, by whom, on which grid, of which windows, until when, and the hash of every file.
Beside it lie the community's tables of each release, which are public, so that the next one can be held against all of them,
and ``counted.txt``: marks of the reports that released quarters counted, so that a late one is known.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from tensionmap.errors import ReleaseError
from tensionmap.protect.disclosure import opened
from tensionmap.protect.policy import SIGNERS
from tensionmap.protect.release import Published
from tensionmap.protect.windows import STEP_QUARTERS, complete_quarters
from tensionmap.tables import Release, read_release, write_release

LEDGER = "ledger.jsonl"
COUNTED = "counted.txt"
FIRST_OF_MANY = 3


@dataclass(frozen=True)
class Entry:
    """One release in the ledger: dates are ISO days, ``files`` names every map with its sha256."""

    digest: str
    released: str
    signed_off_by: tuple[str, ...]
    withdraw_on: str
    study: str
    crs: str
    cell_m: float
    period: tuple[str, str]
    quarters: tuple[str, ...]
    files: Mapping[str, str]
    loosened: tuple[str, ...] = ()
    withdrawn: str = ""
    """The day on which it was withdrawn, and why; empty while it stands."""


@dataclass(frozen=True)
class Ledger:
    """Every release so far, the earliest first."""

    folder: Path
    entries: tuple[Entry, ...] = field(default_factory=tuple)

    def published(self) -> Published:
        """The community's tables of every release that was not withdrawn, and the marks of the reports that they counted."""
        marks = self.folder / COUNTED
        counted = frozenset(marks.read_text(encoding="utf-8").split()) if marks.is_file() else frozenset()
        standing = [entry for entry in self.entries if not entry.withdrawn]
        return Published(tuple(read_release(self.folder / entry.digest) for entry in standing), counted)

    def named(self, digest: str) -> Entry:
        """The entry of a release; ``ReleaseError`` if there is none."""
        for entry in self.entries:
            if entry.digest == digest:
                return entry
        known = ", ".join(entry.digest for entry in self.entries) or "none"
        raise ReleaseError(f"The ledger holds no release {digest!r}. Released so far: {known}.")


def read_ledger(folder: Path) -> Ledger:
    """The ledger in ``folder``; empty if nothing was released yet.

    Raises
    ------
    ReleaseError
        If a line cannot be read: a ledger that is not whole cannot tell what is out.
    """
    path = folder / LEDGER
    found: dict[str, Entry] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines() if path.is_file() else [], start=1):
        try:
            told: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in json.loads(line).items()}
            digest = str(told["digest"])
            found[digest] = replace(found[digest], **told) if told.keys() == {"digest", "withdrawn"} else Entry(**told)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ReleaseError(
                f"{LEDGER}, line {number}, cannot be read, so nobody can say what is out already. "
                "Put the last sound copy of data/released back."
            ) from error
    return Ledger(folder, tuple(found.values()))


def enter(ledger: Ledger, entry: Entry, release: Release, counted: frozenset[str]) -> None:
    """Write a release into the ledger: its tables first, the line that makes it count last.

    Raises
    ------
    ReleaseError
        If it is in the ledger already, is not for the community, or is not signed by two people, or its day of withdrawal
        does not come after the day of release.
    """
    faults = []
    if release.audience != "community":
        faults.append(f"only what is for the community is released, not what is for {release.audience}")
    if any(entry.digest == earlier.digest for earlier in ledger.entries):
        faults.append(f"{entry.digest} is in the ledger already")
    if len({name.strip().casefold() for name in entry.signed_off_by if name.strip()}) < SIGNERS:
        faults.append("two people sign a release: the police, and a representative of the community or its women, of either side")
    if date.fromisoformat(entry.withdraw_on) <= date.fromisoformat(entry.released):
        faults.append(f"the day of withdrawal ({entry.withdraw_on}) does not come after the day of release ({entry.released})")
    if faults:
        raise ReleaseError.gather("This cannot be released:", faults)
    write_release(release, ledger.folder / entry.digest)
    (ledger.folder / COUNTED).write_text("\n".join(sorted(counted)) + "\n", encoding="utf-8", newline="\n")
    _append(ledger.folder / LEDGER, asdict(entry))


def withdraw(ledger: Ledger, digest: str, *, on: date, why: str) -> None:
    """Mark a release as withdrawn: from then on nothing is held against it, so its copies must really be gone.

    Raises
    ------
    ReleaseError
        If there is no such release, it is withdrawn already, or no reason is given.
    """
    entry = ledger.named(digest)
    if entry.withdrawn:
        raise ReleaseError(f"Release {digest} was withdrawn already ({entry.withdrawn}).")
    if not why.strip():
        raise ReleaseError("Say why the release is withdrawn: the next reader of the ledger must know.")
    _append(ledger.folder / LEDGER, {"digest": digest, "withdrawn": f"{on.isoformat()}: {why.strip()}"})


def _append(path: Path, line: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8", newline="\n") as stream:
        stream.write(json.dumps(line, ensure_ascii=False, sort_keys=True) + "\n")


def require_closed(release: Release, published: Published) -> None:
    """Pass if ``release`` and everything that is out leave every hidden number open.

    Raises
    ------
    ReleaseError
        Naming the releases that together open a number, and where it is; never what it is.
    """
    earlier = [other for other in published.releases if other.digest != release.digest]
    found = opened([*earlier, release])
    if not found:
        _require_apart(release, earlier)
        return
    faults = []
    for one in found[:FIRST_OF_MANY]:
        names = [f"this release ({name})" if name == release.digest else f"release {name}" for name in one.releases]
        faults.append(f"square {one.square}, {one.theme}, {one.window}: opened by {' and '.join(names)}")
    if len(found) > FIRST_OF_MANY:
        faults.append(f"and {len(found) - FIRST_OF_MANY} more")
    raise ReleaseError.gather(
        "Numbers that are hidden to protect people could be worked out by subtraction. Keep the grid, the period and the "
        "thresholds as they were released, or use smaller squares or a larger study area:",
        faults,
    )


def _require_apart(release: Release, earlier: Sequence[Release]) -> None:
    """Pass if the period of ``release`` overlaps an earlier one only by holding it, or lying in it, with a year to spare.

    What `opened` solves allows for reports that belong to no quarter. Who is sure that there are none could subtract.
    """
    for other in earlier:
        (a_from, a_to), (b_from, b_to) = ((r.facts.public_from, r.facts.public_to) for r in (other, release))
        is_apart = a_to < b_from or b_to < a_from or (a_from, a_to) == (b_from, b_to)
        is_nested = (b_from <= a_from and a_to <= b_to) or (a_from <= b_from and b_to <= a_to)
        spare = abs(_quarters_in(a_from, a_to) - _quarters_in(b_from, b_to))
        if not is_apart and not (is_nested and spare >= STEP_QUARTERS):
            raise ReleaseError(
                "Numbers that are hidden to protect people could be worked out by subtraction: the period of this release "
                f"({b_from} to {b_to}) overlaps that of release {other.digest} ({a_from} to {a_to}). "
                "Keep the first day of the study as it was; the period is renewed once a year by itself."
            )


def _quarters_in(first_day: str, last_day: str) -> int:
    return len(complete_quarters(date.fromisoformat(first_day), date.fromisoformat(last_day)))


def closed(release: Release, published: Published) -> Release:
    """``release`` if it opens nothing; else the same without its areas, if that opens nothing (see `require_closed`)."""
    try:
        require_closed(release, published)
    except ReleaseError:
        areas = release.tables["hotspots"]
        if areas.empty:
            raise
        found = set(areas["theme"])
        facts = replace(release.facts, is_withheld={t: is_so or t in found for t, is_so in release.facts.is_withheld.items()})
        release = replace(release, facts=facts, tables={**release.tables, "hotspots": areas.iloc[:0]})
        require_closed(release, published)
    return release
