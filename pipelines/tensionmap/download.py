"""Files from the web: how one arrives whole, and what is said when it does not.

A download that breaks off is kept beside its place in a file whose name begins with a dot, and the next try goes on from
there, if the publisher's file is still the same one. Nothing is sent to anybody but the request itself, which names the
program and its version.
"""

from __future__ import annotations

import errno
import io
import json
import re
import shutil
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar
from urllib.parse import urlsplit

import pooch  # type: ignore[import-untyped]
import requests
from requests.auth import AuthBase

from tensionmap import __version__
from tensionmap.errors import RawDataError, WorkspaceError

Tell = Callable[[str, int, int | None], None]
"""Told of progress: what is coming, bytes so far, bytes in all if the publisher says it."""

MB = 1_000_000

T = TypeVar("T")

_HEADERS = {"User-Agent": f"tensionmap/{__version__}", "Accept-Encoding": "identity"}
_TIMEOUT_S = (20, 60)
_WAITS_S = (1, 3, 9)
_LONGEST_WAIT_S = 60
_MAY_PASS = frozenset({408, 416, 429, 500, 502, 503, 504})
_RESERVE_MB = 50
_HIGHEST_RATIO = 200
_BROKE_OFF = requests.ConnectionError | requests.exceptions.ChunkedEncodingError
_BEGINS = {".zip": (b"PK\x03\x04",), ".tif": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), ".geojson": (b"{",)}


class NotThereError(RawDataError):
    """The publisher has no such file."""


class Bearer(AuthBase):
    """Sends the token. As ``auth`` it also keeps requests from looking for other passwords in .netrc."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sign the ``request``."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class Part:
    """The half file of a download, and what must be known to go on with it.

    pooch writes into it as into a file. ``begins`` is called by requests when the answer's head is there: it decides
    whether the body continues what is here, or starts anew.

    Parameters
    ----------
    path
        Where it lies. What must be known to go on stands beside it, in a file that ends in .json.
    limit_mb
        No honest answer is larger: it is refused, and what is here deleted.
    label
        What the file is called in progress and faults.
    tell
        Told of progress in bytes.
    """

    def __init__(self, path: Path, limit_mb: int, label: str, tell: Tell) -> None:
        self.path = path
        self.total: int | None = None
        self._about = path.with_name(f"{path.name}.json")
        self._limit_mb, self._label, self._tell = limit_mb, label, tell
        self._file: io.BufferedWriter | None = None
        self._response: requests.Response | None = None
        self._url = ""

    @property
    def size(self) -> int:
        """Bytes that are here."""
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def is_whole(self) -> bool:
        """Whether all that was announced is here."""
        return self.total in (None, self.size)

    def headers(self, url: str) -> dict[str, str]:
        """What to ask for: the rest of the same file, or all of it."""
        self._url = url
        about = self._read_about()
        if not self.size or about.get("url") != url or not about.get("validator"):
            return _HEADERS
        return {**_HEADERS, "Range": f"bytes={self.size}-", "If-Range": about["validator"]}

    def begins(self, response: requests.Response, *_: Any, **__: Any) -> None:
        """Get ready for the body of ``response``."""
        self._response = response
        if response.is_redirect or not (response.ok or response.status_code == 416):
            return
        says = response.headers
        said = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(\d+)", says.get("Content-Range", ""))
        if response.status_code == 416:
            self.total = int(said[2]) if said else -1
            if not self.is_whole:
                self.discard()
            return
        self._refuse(response)
        first = int(said[1] or 0) if said and response.status_code == 206 else 0
        goes_on = response.status_code == 206 and first == self.size
        if response.status_code == 206 and not goes_on:
            self.discard()
            raise requests.ConnectionError("another part of the file came than was asked for")
        is_encoded = says.get("Content-Encoding", "identity") != "identity"
        length = None if is_encoded else says.get("Content-Length")
        self.total = None if length is None else first + int(length)
        self._require_room(first)
        validator = says.get("ETag", "")
        validator = says.get("Last-Modified", "") if not validator or validator.startswith("W/") else validator
        about = {"url": self._url, "validator": "" if is_encoded else validator}
        self._about.write_text(json.dumps(about), encoding="utf-8")
        self._file = self.path.open("ab" if goes_on else "wb")
        self._tell(self._label, first, self.total)

    def _refuse(self, response: requests.Response) -> None:
        if "text/html" in response.headers.get("Content-Type", ""):
            raise _web_page(response.url)
        if self._url.startswith("https:") and response.url.startswith("http:"):
            raise RawDataError(f"{host_of(self._url)} leads to an address that is not protected (http). It was not followed.")

    def _require_room(self, here: int) -> None:
        if self.total is not None:
            self._refuse_too_large(self.total)
            _require_disk(self.path.parent, self.total - here)

    def write(self, chunk: bytes) -> None:
        """Add ``chunk``."""
        if self._file is None:
            raise requests.ConnectionError("a body came without its head")
        self._file.write(chunk)
        done = self._file.tell()
        self._refuse_too_large(done)
        self._tell(self._label, done, self.total)

    def _refuse_too_large(self, size: int) -> None:
        if size > self._limit_mb * MB:
            self.discard()
            raise too_large(self._label, self._limit_mb)

    def flush(self) -> None:
        """Hand over what was written."""

    def close(self) -> None:
        """No more comes of this answer."""
        for open_end in (self._file, self._response):
            if open_end is not None:
                open_end.close()
        self._file = self._response = None

    def discard(self) -> None:
        """Forget what is here."""
        self.close()
        self.path.unlink(missing_ok=True)
        self._about.unlink(missing_ok=True)

    def _read_about(self) -> dict[str, str]:
        try:
            about = json.loads(self._about.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return about if isinstance(about, dict) else {}


def download(url: str, part: Part, *, auth: AuthBase | None = None) -> None:
    """Bring ``part`` to its end, going on from what is there.

    Raises
    ------
    NotThereError
        The publisher has no such file.
    RawDataError
        It cannot be had, also after a few more tries; is a web page; is too large. What has arrived is kept, unless too large.
    WorkspaceError
        The disk has not room enough.
    """

    def attempt() -> None:
        loader = pooch.HTTPDownloader(
            chunk_size=1 << 16, headers=part.headers(url), timeout=_TIMEOUT_S, auth=auth, hooks={"response": part.begins}
        )
        try:
            loader(url, part, None)
        except requests.HTTPError as error:
            if _status(error) != 416 or not part.size:
                raise
        finally:
            part.close()
        if not part.is_whole:
            raise requests.ConnectionError("the connection ended before the file")

    _patiently(attempt, url, lambda: part.size, has_account=auth is not None)


def ask(url: str, *, form: Mapping[str, str] | None = None) -> bytes:
    """A short answer of ``url``, cut off soon after 1 MB; with ``form``, the answer to a login.

    Raises
    ------
    RawDataError
        There is none, or it is a web page.
    """

    def attempt() -> bytes:
        if form is None:
            response = requests.get(url, headers=_HEADERS, timeout=_TIMEOUT_S, stream=True)
        else:
            # A password is never sent on to where an answer points.
            response = requests.post(url, data=form, headers=_HEADERS, timeout=_TIMEOUT_S, stream=True, allow_redirects=False)
        with response:
            response.raise_for_status()
            if "text/html" in response.headers.get("Content-Type", ""):
                raise _web_page(url)
            answer = bytearray()
            for chunk in response.iter_content(1 << 14):
                answer += chunk
                if len(answer) > MB:
                    break
            return bytes(answer)

    return _patiently(attempt, url, lambda: 0, has_account=form is not None)


def _patiently(attempt: Callable[[], T], url: str, arrived: Callable[[], int], *, has_account: bool) -> T:
    """What ``attempt`` gives; tried again after faults that pass, as long as something arrives."""
    waits, most = list(_WAITS_S), arrived()
    while True:
        try:
            return attempt()
        except (requests.RequestException, ValueError) as error:  # a ValueError: a header or an address that makes no sense
            if arrived() > most:
                waits, most = list(_WAITS_S), arrived()
            if not waits or not _passes(error):
                fault = _in_words(error, url, arrived(), has_account)
                break
            pause = max(waits.pop(0), _asked_to_wait(error))
        time.sleep(pause)
    # Raised outside of the handler: the fault of requests may hold what was sent.
    raise fault


def _passes(error: Exception) -> bool:
    """Whether it may go better in a moment."""
    if isinstance(error, requests.HTTPError):
        return _status(error) in _MAY_PASS
    if isinstance(error, requests.exceptions.SSLError | requests.exceptions.ProxyError):
        return False
    return isinstance(error, _BROKE_OFF | requests.Timeout)


def _status(error: requests.HTTPError) -> int:
    return error.response.status_code if error.response is not None else 0


def _asked_to_wait(error: Exception) -> int:
    response = getattr(error, "response", None)
    wanted = response.headers.get("Retry-After", "") if response is not None else ""
    return min(int(wanted), _LONGEST_WAIT_S) if wanted.isdecimal() else 0


def _in_words(error: Exception, url: str, arrived: int, has_account: bool) -> RawDataError:
    host = host_of(url)
    kept = f" {arrived / MB:.1f} MB have arrived and are kept: fetch again to go on from there." if arrived else ""
    if isinstance(error, requests.HTTPError):
        return _refusal(_status(error), url, kept, has_account)
    if isinstance(error, requests.exceptions.ProxyError):
        return RawDataError(f"The proxy does not let {host} through. Ask who looks after your network.{kept}")
    if isinstance(error, requests.exceptions.SSLError):
        return RawDataError(
            f"The connection to {host} cannot be trusted (certificate). Check the date of this computer, "
            f"and ask who looks after your network.{kept}"
        )
    if isinstance(error, requests.Timeout):
        return RawDataError(f"{host} does not answer.{kept or ' Try again later.'}")
    if not isinstance(error, _BROKE_OFF):
        return RawDataError(f"{host} sent an answer that makes no sense. Look for the file in a browser.{kept}")
    if arrived or isinstance(error, requests.exceptions.ChunkedEncodingError):
        return RawDataError(f"The connection to {host} broke off.{kept or ' Try again.'}")
    return RawDataError(f"{host} cannot be reached. Check the connection to the internet, and try again.")


def _refusal(status: int, url: str, kept: str, has_account: bool) -> RawDataError:
    host = host_of(url)
    if status == 404:
        return NotThereError(
            f"{host} has no such file: {urlsplit(url)._replace(query='').geturl()}. Check the options; if they are right, "
            "the publisher has moved it: look for it in a browser, and register it with 'tensionmap add'."
        )
    if has_account and status in (400, 401):
        return RawDataError(f"{host} does not accept the e-mail or the password. See whether you can log in with a browser.")
    if has_account and status == 403:
        return RawDataError(f"{host} does not give these rows to your account. Ask the publisher for access to single events.")
    if status in (401, 403):
        return RawDataError(f"{host} does not give this file to everybody (answer {status}). Look for it in a browser.")
    if status in _MAY_PASS:
        return RawDataError(f"{host} is busy or out of order (answer {status}).{kept or ' Try again later.'}")
    return RawDataError(f"{host} does not give the file (answer {status}). Look for it in a browser.{kept}")


def host_of(url: str) -> str:
    """Whom ``url`` asks, as faults name it."""
    return urlsplit(url).hostname or url


def _web_page(url: str) -> RawDataError:
    return RawDataError(
        f"{host_of(url)} sent a web page in place of the data. Often the network wants you to log in first, "
        "or the publisher has moved the file: open the address in a browser, then fetch again."
    )


def too_large(label: str, limit_mb: int) -> RawDataError:
    """The fault of what is larger than any honest answer."""
    return RawDataError(f"{label} is larger than it can rightly be (limit {limit_mb} MB). It was not taken.")


def refuse_other_kind(path: Path, kind: str, url: str) -> None:
    """Refuse the file from ``url`` if its first bytes are not those of its ``kind``, a suffix such as .zip."""
    with path.open("rb") as file:
        head = file.read(512)
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text[:1] == b"<":
        raise _web_page(url)
    if kind == ".pbf":
        is_kind = b"OSMHeader" in head
    elif kind in _BEGINS:
        is_kind = (text if kind == ".geojson" else head).startswith(_BEGINS[kind])
    else:
        is_kind = bool(text) and text[:1] != b"{" and b"\0" not in head
    if not is_kind:
        raise RawDataError(f"{host_of(url)} sent something that is not a {kind} file. It was deleted. Try again later.")


@contextmanager
def _archive(path: Path, file: str) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise RawDataError(f"The archive of {file} is damaged or locked. It was deleted. Fetch it again.") from error


def take_out(path: Path, pattern: str, ready: Path, *, file: str, limit_mb: int) -> None:
    """Write the one member whose name fits ``pattern`` to ``ready``: never to the path that the archive names.

    Parameters
    ----------
    path
        The archive.
    pattern
        As in a shell: ``*.csv``.
    ready
        Where the member is written.
    file
        What the archive is called in faults.
    limit_mb
        An honest member is not larger.

    Raises
    ------
    RawDataError
        None or several fit; the archive is damaged, locked, or would fill the disk.
    WorkspaceError
        The disk has not room enough.
    """
    with _archive(path, file) as archive:
        member = _member(archive, pattern, file)
        _refuse_bomb([member], file, limit_mb)
        _require_disk(ready.parent, member.file_size)
        with archive.open(member) as packed, ready.open("wb") as unpacked:
            shutil.copyfileobj(packed, unpacked, 1 << 20)


def prove_archive(path: Path, *, file: str, limit_mb: int) -> None:
    """Pass if the archive is whole, and would do no harm to whoever unpacks it; else ``RawDataError``, naming it ``file``."""
    with _archive(path, file) as archive:
        _refuse_bomb(archive.infolist(), file, limit_mb)
        _refuse_escape(archive, file)
        if archive.testzip() is not None:
            raise zipfile.BadZipFile


def _member(archive: zipfile.ZipFile, pattern: str, file: str) -> zipfile.ZipInfo:
    names = [info for info in archive.infolist() if not info.is_dir()]
    fits = [info for info in names if fnmatchcase(PurePosixPath(info.filename).name, pattern)]
    if len(fits) != 1:
        held = ", ".join(repr(info.filename) for info in names[:5])
        raise RawDataError(
            f"The archive of {file} does not hold exactly one file {pattern!r}; it holds: {held}. "
            "The publisher has changed it: take the file out yourself, and register it with 'tensionmap add'."
        )
    return fits[0]


def _refuse_bomb(members: list[zipfile.ZipInfo], file: str, limit_mb: int) -> None:
    size = sum(info.file_size for info in members)
    packed = sum(info.compress_size for info in members)
    if size > limit_mb * MB or (size > MB and size > _HIGHEST_RATIO * packed):
        raise RawDataError(
            f"The archive of {file} would unpack to {size / MB:,.0f} MB, more than it can rightly hold. It was deleted."
        )


def _refuse_escape(archive: zipfile.ZipFile, file: str) -> None:
    for name in archive.namelist():
        if name.startswith("/") or ".." in PurePosixPath(name).parts or "\\" in name or ":" in name:
            raise RawDataError(
                f"The archive of {file} holds a file that would be unpacked outside of its folder. It was deleted, "
                "since no honest publisher makes such an archive."
            )


def _require_disk(folder: Path, size: int) -> None:
    """Pass if ``size`` bytes more leave some room on the disk of ``folder``; else ``WorkspaceError``."""
    free = shutil.disk_usage(folder).free
    if free < size + _RESERVE_MB * MB:
        raise WorkspaceError(
            f"The disk has {free / MB:,.0f} MB left, and {size / MB:,.0f} MB are to come. Free some room, then fetch again."
        )


@contextmanager
def disk_faults() -> Iterator[None]:
    """A disk that is full or cannot be written, met inside, is a ``WorkspaceError``."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise WorkspaceError("The disk is full. Free some room, then fetch again to go on from there.") from error
        raise WorkspaceError(
            f"{error.filename or 'data/raw'} cannot be written. Close it in other programs, or check its permissions."
        ) from error
