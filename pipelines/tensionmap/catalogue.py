"""Public layers that a study may need: what there is, and how one comes into data/raw and its register.

The entries stand in catalogue.toml; how a file comes over the web stands in download.py.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from importlib.resources import files
from itertools import count
from pathlib import Path, PurePosixPath
from string import Formatter
from urllib.parse import quote, urlsplit

import pooch  # type: ignore[import-untyped]

from tensionmap.download import (
    MB,
    Bearer,
    NotThereError,
    Part,
    Tell,
    ask,
    disk_faults,
    download,
    host_of,
    prove_archive,
    refuse_other_kind,
    take_out,
    too_large,
)
from tensionmap.errors import RawDataError
from tensionmap.study import Source
from tensionmap.workspace import Workspace, register

OPTIONS: dict[str, tuple[str, str]] = {
    "iso2": ("[A-Z]{2}", "two letters of the country, for example TJ"),
    "iso3": ("[A-Z]{3}", "three letters of the country, for example TJK"),
    "level": ("[0-5]", "0 for the country, 1 for provinces, 2 for districts"),
    "layer": ("resources|services|settlements", "resources (canals, pastures ...), services (roads, posts ...) or settlements"),
    "region": (r"[a-z-]+(/[a-z-]+)+", "continent and country as on download.geofabrik.de, for example asia/tajikistan"),
    "version": (r"\d+(\.\d+)+", "number of the release, for example 26.1"),
    "year": (r"(19|20)\d\d", "a year, for example 2025"),
    "country": (r"[^\W\d_][\w .,'()-]*", "English name of the country, for example Tajikistan"),
    "claimant": (r"\S.*", "the party whose claim the layer states"),
}
"""What a user can choose -> how it is written, as a pattern and in words."""

_WHOLE_TILE_DEGREES = 3


@dataclass(frozen=True)
class Entry:
    """One layer of the catalogue; what the fields mean stands at the head of catalogue.toml."""

    name: str
    title: str
    url: str
    file: str
    publisher: str
    licence: str
    reader: str
    good_for: str
    citation: str
    size_mb: int
    limit_mb: int
    changes: bool = False
    hash: str = ""
    hash_url: str = ""
    answer: Mapping[str, str] = field(default_factory=dict)
    member: str = ""
    login: Mapping[str, str] = field(default_factory=dict)
    rows_a_page: int = 0
    may_claim: bool = False
    reported_by: str | None = None
    sensitivity: str = "public"
    defaults: Mapping[str, str] = field(default_factory=dict)
    hint: str = ""

    @property
    def options(self) -> tuple[str, ...]:
        """What the user has to choose, or may choose where there is a default."""
        asked = {name.split("_")[0] for text in (self.url, self.file) for _, name, _, _ in Formatter().parse(text) if name}
        return tuple(name for name in OPTIONS if name in asked or (name == "claimant" and self.may_claim))


@dataclass(frozen=True)
class Fetched:
    """What came: the registered files, and what the user should do or know next (empty if nothing)."""

    sources: tuple[Source, ...]
    hint: str


@dataclass(frozen=True)
class _Wanted:
    url: str
    file: str
    member: str
    reader: str

    @property
    def source(self) -> str:
        return re.sub(r"[^a-z0-9]+", "_", self.file.split(".")[0].lower()).strip("_")

    @property
    def kind(self) -> str:
        """Suffix of what is sent."""
        return ".zip" if self.member else PurePosixPath(self.file).suffix

    @property
    def address(self) -> str:
        """The url to register: what was asked of it may change from day to day."""
        return urlsplit(self.url)._replace(query="").geturl()


def entries() -> dict[str, Entry]:
    """The catalogue: name -> entry, in the order of catalogue.toml."""
    text = (files("tensionmap") / "catalogue.toml").read_text(encoding="utf-8")
    return {name: Entry(name=name, **fields) for name, fields in tomllib.loads(text).items()}


def find_entry(name: str) -> Entry:
    """The entry of this ``name``; ``RawDataError`` with the nearest one if there is none."""
    known = entries()
    if name in known:
        return known[name]
    near = get_close_matches(name, known, n=1, cutoff=0.4)
    meant = f" Did you mean {near[0]!r}?" if near else ""
    raise RawDataError(f"The catalogue has no {name!r}.{meant} 'tensionmap fetch' lists what it has.")


def fetch(workspace: Workspace, entry: Entry, *, options: Mapping[str, str], today: date, tell: Tell) -> Fetched:
    """The files of ``entry``, downloaded into data/raw, checked and registered.

    A file that is there already and never changes is not downloaded again; one that changes is, and replaces the old one.

    Parameters
    ----------
    options
        What the user chose, of ``entry.options``.
    today
        Day of the download, for the register.
    tell
        Told of progress in bytes.

    Raises
    ------
    RawDataError
        An option is missing or wrong; the file cannot be had, is not what it should be, or would overwrite another one.
        What has arrived of it is kept for the next try.
    WorkspaceError
        The disk is full or cannot be written.
    StudyError
        The study's area or period is needed and study.toml cannot be read.
    """
    values = _values(entry, options)
    wanted = _plan(workspace, entry, values)
    sources: list[Source] = []
    missing: list[NotThereError] = []
    with workspace.locked(), disk_faults():
        bearer = _log_in(entry.login) if entry.login else None
        for one in wanted:
            try:
                sources.append(_bring(Workspace(workspace.root), entry, one, values.get("claimant"), bearer, today, tell))
            except NotThereError as error:
                missing.append(error)
    if not sources:
        raise missing[0]
    return Fetched(tuple(sources), _hint(entry, sources, len(missing)))


def _values(entry: Entry, options: Mapping[str, str]) -> dict[str, str]:
    """The options by which the templates are filled; every fault at once."""
    faults = [
        f"{name}: {entry.name} has no such option; it has: {', '.join(entry.options) or 'none'}"
        for name in options
        if name not in entry.options
    ]
    values = {name: value.strip() for name, value in {**entry.defaults, **options}.items() if name in entry.options}
    for name, change in (("iso2", str.upper), ("iso3", str.upper), ("region", str.lower)):
        if name in values:
            values[name] = change(values[name])
    for name in entry.options:
        pattern, words = OPTIONS[name]
        if name not in values:
            if name != "claimant":
                faults.append(f"{name}=... is needed: {words}")
        elif not re.fullmatch(pattern, values[name]):
            faults.append(f"{name}={values[name]} cannot be used: write {words}")
    if faults:
        raise RawDataError.gather(f"{entry.name} cannot be fetched so:", faults)
    return values


def _plan(workspace: Workspace, entry: Entry, values: Mapping[str, str]) -> list[_Wanted]:
    """The files to fetch: one, or one a tile of the study area."""
    known = dict(values)
    known |= {"iso3_lower": values.get("iso3", "").lower(), "region_last": values.get("region", "").split("/")[-1]}
    version = values.get("version", "")
    known |= {"version_digits": version.replace(".", ""), "version_underscored": version.replace(".", "_")}
    if "{date_from}" in entry.url:
        period = workspace.study.ingest
        known |= {"date_from": period.date_from.isoformat(), "date_to": period.date_to.isoformat()}
    tiles = list(_tiles(workspace.study.ingest.area)) if "{tile}" in entry.url else [""]
    return [_filled(entry, {**known, "tile": tile}) for tile in tiles]


def _filled(entry: Entry, values: Mapping[str, str]) -> _Wanted:
    in_url = {name: quote(value) for name, value in values.items()}
    in_name = {name: re.sub(r"\W+", "_", value) for name, value in values.items()}
    file, member, reader = (text.format_map(in_name) for text in (entry.file, entry.member, entry.reader))
    return _Wanted(entry.url.format_map(in_url), file, member, reader)


def _tiles(area: tuple[float, float, float, float]) -> Iterator[str]:
    """Names of the tiles of 3 by 3 degrees that ``area`` touches, by their south-west corner: N39E069."""
    west, south, east, north = area
    step = _WHOLE_TILE_DEGREES
    for latitude in range(math.floor(south / step) * step, math.ceil(north / step) * step, step):
        for longitude in range(math.floor(west / step) * step, math.ceil(east / step) * step, step):
            yield f"{'SN'[latitude >= 0]}{abs(latitude):02d}{'WE'[longitude >= 0]}{abs(longitude):03d}"


def _bring(
    workspace: Workspace, entry: Entry, one: _Wanted, claimant: str | None, bearer: Bearer | None, today: date, tell: Tell
) -> Source:
    """One file of ``entry``: downloaded unless it is there, checked, put in its place, registered."""
    target = workspace.raw / one.file
    known = _registered(workspace, one, claimant)
    if known and target.exists() and not entry.changes:
        return known
    ready = target.with_name(f".{one.file}.new")
    licence = entry.licence
    try:
        if entry.rows_a_page:
            _get_pages(entry, one, ready, bearer, tell)
        else:
            licence = _get_file(entry, one, ready, tell)
        if known and pooch.file_hash(str(ready)) == known.sha256 and target.exists():
            return known
        ready.replace(target)
    finally:
        ready.unlink(missing_ok=True)
    given = {
        "name": one.source,
        "publisher": entry.publisher,
        "url": one.address,
        "licence": licence,
        "reader": "claims" if claimant else one.reader,
        "claimant": claimant,
        "reported_by": entry.reported_by,
        "sensitivity": entry.sensitivity,
    }
    return register(workspace, target, given, retrieved=today)


def _registered(workspace: Workspace, one: _Wanted, claimant: str | None) -> Source | None:
    """The source to refresh, if there is one; refused where the file or the name belongs to something else."""
    target = workspace.raw / one.file
    same = [source for source in workspace.sources if source.file == one.file or source.name == one.source]
    if not same:
        if target.exists():
            raise RawDataError(
                f"data/raw/{one.file} is there, but not registered. Take it away, or register it with "
                f"'tensionmap add data/raw/{one.file}'."
            )
        return None
    known = same[0]
    if len(same) > 1 or (known.name, known.file, known.url) != (one.source, one.file, one.address):
        raise RawDataError(
            f"{known.name!r} (data/raw/{known.file}) is registered from another place. Nothing was overwritten. "
            "Take it and its block in data/raw/sources.toml away first."
        )
    if claimant and claimant != known.claimant:
        raise RawDataError(
            f"{known.name!r} is registered without this claimant. "
            'Write reader = "claims" and claimant = "..." in its block of data/raw/sources.toml.'
        )
    if target.exists() and pooch.file_hash(str(target)) != known.sha256:
        raise RawDataError(
            f"data/raw/{one.file} was changed by hand since it was registered, and would be overwritten. "
            "Keep it under another name, or take it away; then fetch again."
        )
    return known


def _hint(entry: Entry, sources: list[Source], missing: int) -> str:
    lines = []
    if missing:
        lines.append(f"The publisher has no file for {missing} of {missing + len(sources)} tiles: open sea has none.")
    for source in sources:
        if source.reader != "none" and entry.hint:
            lines.append(f"Write in study.toml:\n{entry.hint.replace('{name}', source.name).rstrip()}")
        elif source.reader == "none" and entry.may_claim:
            lines.append(
                "It is kept, but not read, since the catalogue cannot know whose claim it states. To read it, write "
                f'reader = "claims" and claimant = "..." in the block of {source.name!r} in data/raw/sources.toml.'
            )
        elif source.reader == "none":
            lines.append("It is kept, but not read: open it in QGIS, and add what you export from there.")
    return "\n".join(lines)


def _get_file(entry: Entry, one: _Wanted, ready: Path, tell: Tell) -> str:
    """Download, check and unpack one file to ``ready``; the licence comes back, since some publishers name it only now."""
    url, licence = _answer(entry, one.url) if entry.answer else (one.url, entry.licence)
    known_hash = _published_hash(entry.hash_url.format(url=url)) if entry.hash_url else entry.hash
    part = Part(ready.with_name(f".{one.file}.part"), entry.limit_mb, one.file, tell)
    download(url, part)
    try:
        refuse_other_kind(part.path, one.kind, url)
        if known_hash and not pooch.hashes.hash_matches(str(part.path), known_hash):
            raise RawDataError(
                f"{one.file}: what arrived is not what the publisher says it should be (its hash differs). "
                "It was deleted. Fetch it again; if it happens again, tell the publisher."
            )
        if one.member:
            take_out(part.path, one.member, ready, file=one.file, limit_mb=entry.limit_mb)
        else:
            if one.kind == ".zip":
                prove_archive(part.path, file=one.file, limit_mb=entry.limit_mb)
            part.path.replace(ready)
    except RawDataError:
        part.discard()
        raise
    part.discard()
    return licence


def _answer(entry: Entry, url: str) -> tuple[str, str]:
    """Url and licence of the file that the JSON at ``url`` names."""
    try:
        said = json.loads(ask(url))
        found = said[entry.answer["url"]]
        licence = said.get(entry.answer["licence"]) or entry.licence
        scheme = urlsplit(found).scheme
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise RawDataError(
            f"{host_of(url)} did not say where the file lies. It may have none for this choice, or have changed its ways: "
            f"look at {url} in a browser."
        ) from error
    if scheme not in {"https", urlsplit(url).scheme}:
        raise RawDataError(f"{host_of(url)} names a file that is not on the web. Look at {url} in a browser.")
    return found, str(licence)[:200]


def _published_hash(url: str) -> str:
    found = re.match(rb"\s*([0-9a-fA-F]{32})\b", ask(url))
    if not found:
        raise RawDataError(f"{host_of(url)} gives no hash to check the file with, where it used to. Try again later.")
    return f"md5:{found[1].decode()}"


def _get_pages(entry: Entry, one: _Wanted, ready: Path, bearer: Bearer | None, tell: Tell) -> None:
    """A table that comes in pages, each with its header, as one table."""
    before: list[list[str]] = []
    header: list[str] = []
    with ready.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for page in count(1):
            rows = _page(entry, one, ready, page, bearer, tell)
            if not header and len(rows) < 2:
                raise NotThereError(
                    f"{entry.publisher} has no rows for this choice. Check the option, and the period in study.toml."
                )
            if page > 1 and rows and (rows == before or rows[0] != header):
                raise RawDataError(f"{entry.publisher} sends its pages in another way than it used to. Download it in a browser.")
            header = header or rows[0]
            writer.writerows(rows[page > 1 :])
            if len(rows) - 1 < entry.rows_a_page:
                return
            if file.tell() > entry.limit_mb * MB:
                raise too_large(one.file, entry.limit_mb)
            before = rows


def _page(entry: Entry, one: _Wanted, ready: Path, page: int, bearer: Bearer | None, tell: Tell) -> list[list[str]]:
    part = Part(ready.with_name(f".{one.file}.part"), entry.limit_mb, f"{one.file}, page {page}", tell)
    part.discard()
    try:
        download(f"{one.url}&limit={entry.rows_a_page}&page={page}", part, auth=bearer)
        if part.size:
            refuse_other_kind(part.path, one.kind, one.url)
        text = part.path.read_text(encoding="utf-8-sig")
        return [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise RawDataError(f"{entry.publisher} sent something that is no table. Try again later.") from error
    finally:
        part.discard()


def _log_in(login: Mapping[str, str]) -> Bearer:
    """A token for the user's own account. E-mail and password come from the environment and go nowhere else."""
    host = host_of(login["url"])
    email, password = (os.environ.get(login[what], "") for what in ("email", "password"))
    if not email or not password:
        raise RawDataError(
            f"{host} gives its rows only to its registered users. Put the e-mail and the password of your account "
            f"into the environment variables {login['email']} and {login['password']}, never into a file of the study."
        )
    form = {"username": email, "password": password, "grant_type": "password", "client_id": login["client_id"]}
    try:
        said = json.loads(ask(login["url"], form={**form, "scope": "authenticated"}))
        return Bearer(str(said["access_token"]))
    except (ValueError, TypeError, KeyError):
        raise RawDataError(f"{host} gave no token. Try again later, and see whether you can log in with a browser.") from None
