"""Public layers: downloaded whole, checked, registered; a broken download goes on; a password stays out of every file."""

import csv
import gc
import gzip
import hashlib
import io
import json
import random
import socket
import threading
import tomllib
import zipfile
from dataclasses import dataclass, field, replace
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3

from tensionmap import __version__, catalogue, download
from tensionmap.catalogue import Entry, entries, fetch, find_entry
from tensionmap.errors import RawDataError, WorkspaceError
from tensionmap.study import INCIDENT_READERS, READERS, Reading
from tensionmap.workspace import Workspace, make_workspace, register

DAY, LATER = date(2026, 1, 2), date(2026, 2, 3)
TEXT = "id,name\n" + "".join(f"{number},place {number}\n" for number in range(40_000))
PLAIN = Entry(
    name="plain",
    title="A table",
    url="",
    file="plain.csv",
    publisher="Office of the valley",
    licence="CC0-1.0",
    reader="none",
    good_for="tests",
    citation="nobody",
    size_mb=1,
    limit_mb=2,
    changes=True,
)


@dataclass
class Page:
    """What the server answers at one path."""

    body: bytes = b""
    kind: str = "text/csv"
    etag: str = '"one"'
    has_ranges: bool = True
    has_length: bool = True
    headers: dict[str, str] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)
    cut_after: list[int] = field(default_factory=list)
    wait_s: float = 0


@dataclass
class Asked:
    path: str
    headers: dict[str, str]
    form: str
    served: int = 0


class Server:
    """The internet of these tests."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.asked: list[Asked] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                outer.answer(self)

            do_POST = do_GET  # noqa: N815

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        form = handler.rfile.read(int(handler.headers.get("Content-Length", 0))).decode()
        asked = Asked(handler.path, {name.lower(): value for name, value in handler.headers.items()}, form)
        self.asked.append(asked)
        path = handler.path if handler.path in self.pages else urlsplit(handler.path).path
        page = self.pages.get(path, Page(b"no", statuses=[404] * 9))
        threading.Event().wait(page.wait_s)
        status = page.statuses.pop(0) if page.statuses else 200
        body = page.body if status == 200 else b"an answer of the server that nobody should read"
        first = 0
        wanted = asked.headers.get("range")
        if status == 200 and wanted and page.has_ranges and asked.headers.get("if-range") == page.etag:
            first = int(wanted.removeprefix("bytes=").rstrip("-"))
            status = 206 if first < len(body) else 416
        handler.send_response(status)
        if status == 416:
            handler.send_header("Content-Range", f"bytes */{len(body)}")
            body, first = b"", 0
        elif status == 206:
            handler.send_header("Content-Range", f"bytes {first}-{len(body) - 1}/{len(body)}")
        if page.etag:
            handler.send_header("ETag", page.etag)
        if page.has_length:
            handler.send_header("Content-Length", str(len(body) - first))
        for name, value in {"Content-Type": page.kind, **page.headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        end = first + page.cut_after.pop(0) if page.cut_after else len(body)
        part = body[first:end]
        handler.wfile.write(part)
        asked.served = len(part)
        handler.close_connection = True

    def of(self, path: str) -> list[Asked]:
        return [asked for asked in self.asked if urlsplit(asked.path).path == path]


@pytest.fixture
def server(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    server = Server()
    yield server
    server.http.shutdown()
    server.http.server_close()


@pytest.fixture
def pauses(monkeypatch):
    """Nobody waits; how long it would have been comes back."""
    slept = []
    monkeypatch.setattr(download.time, "sleep", slept.append)
    return slept


@pytest.fixture
def study(tmp_path, pauses):
    return make_workspace(tmp_path / "valley")


@pytest.fixture
def bring(study, server):
    """Fetch an entry whose url lies on the test's server; ``bring.told`` holds the progress."""

    def bring(entry=PLAIN, path="/plain.csv", *, day=DAY, **options):
        bring.told = []
        entry = replace(entry, url=server.url + path if path else entry.url)
        return fetch(Workspace(study.root), entry, options=options, today=day, tell=lambda *what: bring.told.append(what))

    return bring


def zipped(members: dict[str, bytes]) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return memory.getvalue()


def locked(archive: bytes) -> bytes:
    """``archive`` of one member, marked as protected by a password."""
    marked = bytearray(archive)
    for place in (6, archive.index(b"PK\x01\x02") + 8):
        marked[place] |= 1
    return bytes(marked)


def lying(study) -> list[str]:
    """What lies in data/raw beside the register, hidden files too."""
    return sorted(path.name for path in study.raw.rglob("*") if path.name != "sources.toml")


# The catalogue itself


def test_every_entry_is_complete_and_has_a_reader():
    for entry in entries().values():
        assert {entry.reader} <= {*READERS, "{layer}"}
        assert entry.sensitivity in {"public", "internal"}
        assert bool(entry.reported_by) == (entry.reader in INCIDENT_READERS)
        assert entry.url.startswith("https://")
        assert 0 < entry.size_mb <= entry.limit_mb
        assert set(entry.defaults) <= set(entry.options) <= set(catalogue.OPTIONS)
        assert entry.title
        assert entry.good_for
        assert entry.citation
        assert "://" in entry.citation
    assert entries()["acled"].sensitivity == "internal"


def test_every_hint_is_a_reading_that_study_toml_accepts():
    for entry in entries().values():
        for name, table in tomllib.loads(entry.hint.replace("{name}", "layer")).get("ingest", {}).get("files", {}).items():
            assert name == "layer"
            Reading.model_validate(table)


def test_an_unknown_name_gets_the_nearest_one():
    with pytest.raises(RawDataError, match=r"no 'geoname'\. Did you mean 'geonames'\?"):
        find_entry("geoname")


@pytest.mark.parametrize(
    ("name", "options", "url", "source"),
    [
        ("geonames", {"iso2": "tj"}, "https://download.geonames.org/export/dump/TJ.zip", "geonames_tj"),
        (
            "worldpop",
            {"iso3": "KGZ"},
            "https://data.worldpop.org/GIS/Population/Global_2015_2030/R2025A/2025/KGZ/v1/100m/constrained/"
            "kgz_pop_2025_CN_100m_R2025A_v1.tif",
            "worldpop_kgz_2025",
        ),
        (
            "geofabrik",
            {"region": "asia/tajikistan", "layer": "services"},
            "https://download.geofabrik.de/asia/tajikistan-latest.osm.pbf",
            "osm_tajikistan_services",
        ),
        ("ucdp_ged", {}, "https://ucdp.uu.se/downloads/ged/ged261-csv.zip", "ucdp_ged_26_1"),
        (
            "ucdp_candidate",
            {"version": "26.0.9"},
            "https://ucdp.uu.se/downloads/candidateged/GEDEvent_v26_0_9.csv",
            "ucdp_candidate_26_0_9",
        ),
        (
            "acled",
            {"country": "Selmar Isles"},
            "https://acleddata.com/api/acled/read?_format=csv&country=Selmar%20Isles"
            "&event_date=2023-01-01|2025-12-31&event_date_where=BETWEEN",
            "acled_selmar_isles",
        ),
    ],
)
def test_urls_are_filled_from_options_and_study(study, name, options, url, source):
    entry = find_entry(name)
    (wanted,) = catalogue._plan(study, entry, catalogue._values(entry, options))
    assert (wanted.url, wanted.source) == (url, source)


def test_all_wrong_options_are_told_at_once_and_nothing_is_asked_for(bring, server):
    with pytest.raises(RawDataError) as caught:
        bring(find_entry("geoboundaries"), iso3="Norvia", colour="red")
    assert [line.split(":")[0].strip() for line in str(caught.value).splitlines()[1:]] == [
        "colour",
        "iso3=NORVIA cannot be used",
        "level=... is needed",
    ]
    assert server.asked == []


@pytest.mark.parametrize("region", ["../../etc/passwd", "asia", "asia/tajik?x=1", "/asia/norvia"])
def test_an_option_cannot_lead_elsewhere(bring, region):
    with pytest.raises(RawDataError, match="cannot be used"):
        bring(find_entry("geofabrik"), region=region, layer="services")


@pytest.mark.parametrize(
    ("area", "tiles"),
    [
        ((69.5, 39.6, 71.2, 40.4), ["N39E069"]),
        ((69.0, 39.0, 72.0, 42.0), ["N39E069"]),
        ((-27.5, 42.5, -26.5, 43.5), ["N42W030", "N42W027"]),
        ((-0.5, -0.5, 0.5, 0.5), ["S03W003", "S03E000", "N00W003", "N00E000"]),
    ],
)
def test_tiles_are_those_that_the_area_touches(area, tiles):
    assert list(catalogue._tiles(area)) == tiles


# Refused, each with one sentence


BROKEN = {"Location": "http://[broken/"}


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (Page(statuses=[404] * 9), "has no such file"),
        (Page(statuses=[302] * 9, headers=BROKEN), "makes no sense"),
        (Page(statuses=[302] * 99, headers={"Location": "/plain.csv"}), "makes no sense"),
        (Page(statuses=[401] * 9), "does not give this file to everybody"),
        (Page(statuses=[418] * 9), r"does not give the file \(answer 418\)"),
        (Page(statuses=[503] * 9), r"busy or out of order \(answer 503\)"),
        (Page(b"<html>Log in to the hotel</html>", kind="text/html; charset=utf-8"), "sent a web page"),
        (Page(b"\n<!DOCTYPE html><p>not found", kind="text/csv"), "sent a web page"),
        (Page(b'{"error": "no"}'), "is not a .csv file"),
        (Page(b""), "is not a .csv file"),
        (Page(b"id\n" * 700_000), "larger than it can rightly be"),
        (Page(b"id\n" * 700_000, has_length=False), "larger than it can rightly be"),
    ],
)
def test_what_is_not_the_file_is_refused(bring, server, study, page, words):
    server.pages["/plain.csv"] = page
    with pytest.raises(RawDataError, match=words) as caught:
        bring()
    assert "nobody should read" not in str(caught.value)
    del caught
    assert Workspace(study.root).sources == ()
    assert lying(study) == []
    gc.collect()  # an open connection would be told of here


def test_too_large_is_seen_from_the_head_of_the_answer(bring, server):
    server.pages["/plain.csv"] = Page(b"id\n" * 700_000)
    with pytest.raises(RawDataError, match="larger than it can rightly be"):
        bring()
    assert bring.told == []


def test_a_proxy_or_a_certificate_that_says_no_is_not_asked_again(bring, server, pauses, monkeypatch):
    safe = replace(PLAIN, url=server.url.replace("http:", "https:") + "/plain.csv")
    with pytest.raises(RawDataError, match="cannot be trusted"):
        bring(safe, "")
    monkeypatch.setenv("https_proxy", server.url)
    with pytest.raises(RawDataError, match="The proxy does not let"):
        bring(replace(PLAIN, url="https://data.norvia.invalid/plain.csv"), "")
    assert pauses == []


def test_nobody_answers_at_the_address(bring, pauses):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        entry = replace(PLAIN, url=f"http://127.0.0.1:{taken.getsockname()[1]}/x.csv")
        with pytest.raises(RawDataError, match=r"cannot be reached\. Check the connection"):
            bring(entry, "")
    assert pauses == [1, 3, 9]


def test_a_server_that_falls_silent_is_named(bring, server, monkeypatch):
    monkeypatch.setattr(download, "_TIMEOUT_S", (0.2, 0.2))
    monkeypatch.setattr(download, "_WAITS_S", ())
    server.pages["/plain.csv"] = Page(TEXT.encode(), wait_s=0.6)
    with pytest.raises(RawDataError, match=r"127\.0\.0\.1 does not answer\. Try again later"):
        bring()


def test_a_busy_server_is_asked_again_as_late_as_it_wishes(bring, server, pauses):
    server.pages["/plain.csv"] = Page(TEXT.encode(), statuses=[503, 429], headers={"Retry-After": "7"})
    bring()
    assert pauses == [7, 7]


def test_another_hash_than_the_publisher_says_is_refused(bring, server, study):
    server.pages["/plain.csv"] = Page(TEXT.encode())
    with pytest.raises(RawDataError, match="its hash differs"):
        bring(replace(PLAIN, hash="0" * 64))
    assert lying(study) == []
    bring(replace(PLAIN, hash=hashlib.sha256(TEXT.encode()).hexdigest()))


def test_the_published_md5_is_fetched_and_compared(bring, server, study):
    entry = replace(PLAIN, hash_url="{url}.md5")
    server.pages["/plain.csv"] = Page(TEXT.encode())
    server.pages["/plain.csv.md5"] = Page(b"gone")
    with pytest.raises(RawDataError, match="gives no hash"):
        bring(entry)
    server.pages["/plain.csv.md5"] = Page(b"0" * 32 + b"  plain.csv\n")
    with pytest.raises(RawDataError, match="its hash differs"):
        bring(entry)
    server.pages["/plain.csv.md5"] = Page(hashlib.md5(TEXT.encode()).hexdigest().encode() + b"  plain.csv\n")  # noqa: S324
    assert bring(entry).sources[0].file == "plain.csv"


def test_a_full_disk_is_seen_before_anything_is_written(bring, server, study, monkeypatch):
    server.pages["/plain.csv"] = Page(TEXT.encode())
    usage = download.shutil.disk_usage(study.raw)
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _: usage._replace(free=50_000_000))
    with pytest.raises(WorkspaceError, match="The disk has 50 MB left, and 1 MB are to come"):
        bring()
    assert lying(study) == []


def test_room_for_what_is_unpacked_is_looked_for_too(bring, server, study, monkeypatch):
    server.pages["/e.zip"] = Page(zipped({"a.csv": TEXT.encode()}), "application/zip")
    usage = download.shutil.disk_usage(study.raw)
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _: usage._replace(free=50_500_000))
    with pytest.raises(WorkspaceError, match="Free some room"):
        bring(replace(PLAIN, member="*.csv"), "/e.zip")
    assert ".plain.csv.part" in lying(study)
    monkeypatch.undo()
    bring(replace(PLAIN, member="*.csv"), "/e.zip")
    assert server.asked[-1].served == 0


def test_a_disk_that_fills_up_is_one_sentence(bring, server, study, monkeypatch):
    def full(*_):
        raise OSError(download.errno.ENOSPC, "No space left on device")

    server.pages["/plain.csv"] = Page(TEXT.encode())
    monkeypatch.setattr(download.Part, "write", full)
    with pytest.raises(WorkspaceError, match="The disk is full"):
        bring()


# Continued


def test_a_broken_download_goes_on_where_it_stopped(bring, server, study):
    body = TEXT.encode()
    server.pages["/plain.csv"] = Page(body, cut_after=[200_000, 0, 0, 0])
    with pytest.raises(RawDataError, match=r"broke off\. 0\.2 MB have arrived and are kept") as caught:
        bring()
    assert "Traceback" not in str(caught.value)
    assert lying(study) == [".plain.csv.part", ".plain.csv.part.json"]
    assert Workspace(study.root).check_raw() == []
    kept = (study.raw / ".plain.csv.part").stat().st_size
    asked = len(server.asked)
    (source,) = bring().sources
    (last,) = server.asked[asked:]
    assert last.headers["range"] == f"bytes={kept}-"
    assert last.served == len(body) - kept < len(body)
    assert (study.raw / "plain.csv").read_bytes() == body
    assert source.sha256 == hashlib.sha256(body).hexdigest()
    assert lying(study) == ["plain.csv"]


def test_within_one_call_every_cut_is_continued_while_something_arrives(bring, server, pauses):
    body = TEXT.encode()
    server.pages["/plain.csv"] = Page(body, cut_after=[100_000] * 6)
    bring()
    assert len(pauses) == 6
    assert sum(asked.served for asked in server.asked) < len(body) + 6 * (1 << 16)


@pytest.mark.parametrize(
    "change",
    [{"has_ranges": False}, {"etag": '"two"'}, {"etag": ""}, {"etag": 'W/"one"'}],
    ids=["no ranges", "changed", "no validator", "weak validator"],
)
def test_it_starts_anew_where_it_cannot_go_on(bring, server, study, change):
    server.pages["/plain.csv"] = Page(TEXT.encode(), cut_after=[200_000, 0, 0, 0])
    with pytest.raises(RawDataError):
        bring()
    body = TEXT.replace("place", "town").encode()
    server.pages["/plain.csv"] = Page(body, **change)
    bring()
    assert server.asked[-1].served == len(body)
    assert (study.raw / "plain.csv").read_bytes() == body


def test_a_weak_validator_is_not_trusted(bring, server):
    server.pages["/plain.csv"] = Page(TEXT.encode(), etag='W/"one"', cut_after=[200_000])
    bring()
    assert "range" not in server.asked[-1].headers


def test_a_short_body_is_seen_where_the_library_below_says_nothing(bring, server, study, monkeypatch):
    real = urllib3.HTTPResponse.__init__
    careless = {"enforce_content_length": False}
    monkeypatch.setattr(urllib3.HTTPResponse, "__init__", lambda self, *more, **named: real(self, *more, **{**named, **careless}))
    server.pages["/plain.csv"] = Page(TEXT.encode(), cut_after=[200_000])
    bring()
    assert len(server.asked) == 2
    assert (study.raw / "plain.csv").read_text() == TEXT


def test_last_modified_serves_where_there_is_no_etag(bring, server):
    stamp = "Fri, 02 Jan 2026 10:00:00 GMT"
    server.pages["/plain.csv"] = Page(TEXT.encode(), etag="", headers={"Last-Modified": stamp}, cut_after=[200_000])
    bring()
    assert server.asked[-1].headers["if-range"] == stamp


def test_a_web_page_in_place_of_the_rest_does_not_cost_what_has_arrived(bring, server, study):
    server.pages["/plain.csv"] = Page(TEXT.encode(), cut_after=[200_000, 0, 0, 0])
    with pytest.raises(RawDataError):
        bring()
    kept = (study.raw / ".plain.csv.part").read_bytes()
    server.pages["/plain.csv"] = Page(b"<html>Log in</html>", kind="text/html", etag='"hotel"')
    with pytest.raises(RawDataError, match="sent a web page"):
        bring()
    assert (study.raw / ".plain.csv.part").read_bytes() == kept
    server.pages["/plain.csv"] = Page(TEXT.encode())
    bring()
    assert server.asked[-1].served == len(TEXT) - len(kept)


def test_a_half_file_of_another_address_is_not_continued(bring, server):
    server.pages["/plain.csv"] = Page(TEXT.encode(), cut_after=[200_000, 0, 0, 0])
    with pytest.raises(RawDataError):
        bring()
    server.pages["/other.csv"] = Page(TEXT.encode())
    bring(path="/other.csv")
    assert "range" not in server.asked[-1].headers


def test_a_half_file_that_is_whole_already_is_taken(bring, server, study):
    body = TEXT.encode()
    server.pages["/plain.csv"] = Page(body)
    (study.raw / ".plain.csv.part").write_bytes(body)
    about = {"url": f"{server.url}/plain.csv", "validator": '"one"'}
    (study.raw / ".plain.csv.part.json").write_text(json.dumps(about))
    bring()
    assert [asked.served for asked in server.asked] == [0]
    assert (study.raw / "plain.csv").read_bytes() == body


@pytest.mark.parametrize("longer", [b"x", b"x" * 9])
def test_a_half_file_longer_than_the_whole_is_thrown_away(bring, server, study, longer):
    body = TEXT.encode()
    server.pages["/plain.csv"] = Page(body)
    (study.raw / ".plain.csv.part").write_bytes(body + longer)
    about = {"url": f"{server.url}/plain.csv", "validator": '"one"'}
    (study.raw / ".plain.csv.part.json").write_text(json.dumps(about))
    bring()
    assert (study.raw / "plain.csv").read_bytes() == body


@pytest.mark.parametrize("about", ["", "[]", '"x"', "{", '{"url": 1}'])
def test_notes_beside_a_half_file_that_make_no_sense_do_no_harm(bring, server, study, about):
    server.pages["/plain.csv"] = Page(TEXT.encode())
    (study.raw / ".plain.csv.part").write_bytes(b"half")
    (study.raw / ".plain.csv.part.json").write_text(about)
    bring()
    assert (study.raw / "plain.csv").read_text() == TEXT


# What comes is registered


def test_the_file_is_registered_with_its_source(bring, server, study):
    server.pages["/plain.csv"] = Page(TEXT.encode())
    fetched = bring()
    (source,) = Workspace(study.root).sources
    assert fetched.sources == (source,)
    assert (source.name, source.file, source.publisher, source.licence) == (
        "plain",
        "plain.csv",
        "Office of the valley",
        "CC0-1.0",
    )
    assert (source.url, source.retrieved, source.sensitivity) == (f"{server.url}/plain.csv", DAY, "public")
    assert source.sha256 == hashlib.sha256(TEXT.encode()).hexdigest()
    assert Workspace(study.root).check_raw() == []
    assert server.asked[0].headers["user-agent"] == f"tensionmap/{__version__}"
    assert "kept, but not read" in fetched.hint


def test_progress_counts_bytes_up_to_the_whole(bring, server):
    server.pages["/plain.csv"] = Page(TEXT.encode())
    bring()
    done = [done for _, done, _ in bring.told]
    assert done == sorted(done)
    assert bring.told[-1] == ("plain.csv", len(TEXT), len(TEXT))
    server.pages["/plain.csv"] = Page(TEXT.encode() + b"1\n", has_length=False)
    bring()
    assert bring.told[-1] == ("plain.csv", len(TEXT) + 2, None)


def test_what_changes_is_refreshed_and_registered_again(bring, server, study):
    server.pages["/plain.csv"] = Page(TEXT.encode())
    (first,) = bring().sources
    assert bring(day=LATER).sources == (first,)
    server.pages["/plain.csv"] = Page(b"id,name\n1,new\n")
    (second,) = bring(day=LATER).sources
    assert second.sha256 != first.sha256
    assert Workspace(study.root).sources == (second,)
    assert second.retrieved == LATER
    assert Workspace(study.root).check_raw() == []


def test_a_stale_file_of_a_killed_try_is_not_taken(bring, server, study):
    server.pages["/plain.csv"] = Page(TEXT.encode())
    (study.raw / ".plain.csv.new").write_text("stale")
    bring()
    assert (study.raw / "plain.csv").read_text() == TEXT
    assert lying(study) == ["plain.csv"]


def test_a_body_that_the_server_packs_unasked_comes_unpacked_and_is_not_continued(bring, server, study):
    server.pages["/plain.csv"] = Page(gzip.compress(TEXT.encode()), headers={"Content-Encoding": "gzip"})
    bring()
    assert server.asked[0].headers["accept-encoding"] == "identity"
    assert (study.raw / "plain.csv").read_text() == TEXT
    longer = TEXT + random.Random(1).randbytes(300_000).hex()  # noqa: S311
    server.pages["/plain.csv"].cut_after = [300_000, 0, 0, 0]
    server.pages["/plain.csv"].body = gzip.compress(longer.encode())
    with pytest.raises(RawDataError, match="broke off"):
        bring()
    bring()
    assert not any("range" in asked.headers for asked in server.asked)
    assert (study.raw / "plain.csv").read_text() == longer


def test_what_never_changes_is_not_downloaded_twice(bring, server, study):
    entry = replace(PLAIN, changes=False)
    server.pages["/plain.csv"] = Page(TEXT.encode())
    first = bring(entry)
    assert bring(entry, day=LATER).sources == first.sources
    assert len(server.asked) == 1
    (study.raw / "plain.csv").unlink()
    bring(entry)
    assert len(server.asked) == 2
    assert Workspace(study.root).check_raw() == []


def test_a_stranger_under_the_same_name_is_not_overwritten(bring, server, study, tmp_path):
    server.pages["/plain.csv"] = Page(TEXT.encode())
    target = study.raw / "plain.csv"
    target.write_text("mine")
    with pytest.raises(RawDataError, match="is there, but not registered"):
        bring()
    given = {"publisher": "Me", "licence": "mine", "reader": "none"}
    register(Workspace(study.root), target, given, retrieved=DAY)
    with pytest.raises(RawDataError, match="registered from another place"):
        bring()
    assert target.read_text() == "mine"
    assert server.asked == []


def test_a_name_that_another_file_bears_is_not_taken(bring, server, study, tmp_path):
    other = tmp_path / "other.csv"
    other.write_text("x")
    given = {"name": "plain", "publisher": "Me", "licence": "mine", "reader": "none"}
    register(Workspace(study.root), other, given, retrieved=DAY)
    with pytest.raises(RawDataError, match="registered from another place"):
        bring()


def test_a_file_changed_by_hand_is_not_overwritten(bring, server, study):
    server.pages["/plain.csv"] = Page(TEXT.encode())
    bring()
    (study.raw / "plain.csv").write_text("mended by hand")
    with pytest.raises(RawDataError, match="changed by hand"):
        bring()
    assert (study.raw / "plain.csv").read_text() == "mended by hand"


def test_a_run_at_work_keeps_a_download_out(bring, server, study):
    server.pages["/plain.csv"] = Page(TEXT.encode())
    with study.locked(), pytest.raises(WorkspaceError, match="Another run"):
        bring()


# Archives


def test_only_the_wanted_member_is_taken_out(bring, server, study):
    entry = replace(PLAIN, member="*.csv", file="events.csv")
    server.pages["/e.zip"] = Page(zipped({"readme.txt": b"hello", "deep/../../GEDEvent.csv": b"id\n1\n"}), "application/zip")
    bring(entry, "/e.zip")
    assert lying(study) == ["events.csv"]
    assert (study.raw / "events.csv").read_bytes() == b"id\n1\n"
    assert [path.name for path in study.root.parent.rglob("GEDEvent*")] == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (zipped({"a.csv": b"id\n", "b.csv": b"id\n"}), r"exactly one file '\*.csv'; it holds: 'a.csv', 'b.csv'"),
        (zipped({"a.txt": b"id\n"}), "exactly one file"),
        (zipped({"a.csv": TEXT.encode() * 4}), "would unpack to 3 MB"),
        (zipped({"a.csv": b"\0" * 1_900_000}), "would unpack to 2 MB"),
        (zipped({"a.csv": TEXT.encode()})[:-30], "damaged"),
        (locked(zipped({"a.csv": TEXT.encode()})), "damaged or locked"),
        (b"PK\x03\x04" + b"nonsense" * 20, "damaged"),
        (b"id,name\n", "is not a .zip file"),
        (b"<html>", "web page"),
    ],
)
def test_archives_that_cannot_be_right_are_refused_and_deleted(bring, server, study, body, words):
    server.pages["/e.zip"] = Page(body, "application/zip")
    with pytest.raises(RawDataError, match=words):
        bring(replace(PLAIN, member="*.csv"), "/e.zip")
    assert lying(study) == []


@pytest.mark.parametrize("name", ["../evil.shp", "/evil.shp", "a/../../evil.shp", "..\\evil.shp", "C:/evil.shp"])
def test_an_archive_kept_whole_holds_nothing_that_would_leave_its_folder(bring, server, study, name):
    server.pages["/e.zip"] = Page(zipped({name: b"x"}), "application/zip")
    with pytest.raises(RawDataError, match="outside of its folder"):
        bring(replace(PLAIN, file="layer.zip"), "/e.zip")
    assert lying(study) == []


def test_an_archive_kept_whole_is_proved_and_kept_as_it_came(bring, server, study):
    entry = replace(PLAIN, file="layer.zip")
    whole = zipped({"rivers/r.shp": TEXT.encode(), "rivers/r.dbf": b"x"})
    middle = len(whole) // 2
    server.pages["/e.zip"] = Page(whole[:middle] + b"\xff\xff\xff" + whole[middle + 3 :], "application/zip")
    with pytest.raises(RawDataError, match="damaged"):
        bring(entry, "/e.zip")
    server.pages["/e.zip"] = Page(zipped({f"{n}.shp": b"\0" * 900_000 for n in range(3)}), "application/zip")
    with pytest.raises(RawDataError, match="would unpack to 3 MB"):
        bring(entry, "/e.zip")
    server.pages["/e.zip"] = Page(whole, "application/zip")
    bring(entry, "/e.zip")
    assert (study.raw / "layer.zip").read_bytes() == whole


@pytest.mark.parametrize(
    ("file", "good"),
    [("a.tif", b"II*\0rest"), ("a.geojson", b'\xef\xbb\xbf\n{"type": 1}'), ("a.osm.pbf", b"\0\0\0\x0e\n\tOSMHeader")],
)
def test_each_kind_is_known_by_its_first_bytes(bring, server, study, file, good):
    server.pages["/it"] = Page(b"id,name\n1,2\n", "application/octet-stream")
    with pytest.raises(RawDataError, match="is not a"):
        bring(replace(PLAIN, file=file), "/it")
    server.pages["/it"] = Page(good, "application/octet-stream")
    bring(replace(PLAIN, file=file), "/it")


# The entries that need more than one step


def test_geonames_comes_as_its_reader_needs_it(bring, server, study):
    from tensionmap.ingest.services import read_settlements

    def row(number, name, code, residents):
        names = f"{number}\t{name}\t{name}\t{name} two,Старое"
        return f"{names}\t43.01\t-27.02\t{code[0]}\t{code}\tNV\t\t01\t\t\t\t{residents}\t\t900\tEtc/UTC\t2025-01-01"

    rows = "\n".join([row(1, "Upper Norvia", "PPL", 800), row(2, "Market Norvia", "PPLA2", 9000)])
    server.pages["/NV.zip"] = Page(zipped({"readme.txt": b"x", "NV.txt": rows.encode()}), "application/zip")
    (source,) = bring(find_entry("geonames"), "/{iso2}.zip", iso2="nv").sources
    assert (source.name, source.file, source.reader) == ("geonames_nv", "geonames_NV.txt", "settlements")
    assert (study.raw / source.file).read_text(encoding="utf-8") == rows
    kept = read_settlements(
        study.raw / source.file, source=source.name, file=source.file, crs="EPSG:32626", area=(-28, 42, -26, 44)
    )
    assert list(kept.table["name"]) == ["Upper Norvia", "Market Norvia"]
    assert list(kept.table["kind"]) == ["village", "town"]
    assert list(kept.table["residents"]) == [800, 9000]


@pytest.mark.parametrize("name", ["natural_earth_rivers", "natural_earth_places", "hydrorivers"])
def test_zipped_layers_with_their_hints_are_what_the_readers_need(bring, server, study, tmp_path, name):
    import geopandas as gpd
    from shapely import LineString, Point

    from tensionmap.ingest.resources import read_resources
    from tensionmap.ingest.services import read_settlements

    is_place = name == "natural_earth_places"
    fields = {"name": ["Norva"], "NAME": ["Norva"], "NAMEALT": ["Old Norva"], "POP_MAX": [900], "HYRIV_ID": [7]}
    wanted = {
        "natural_earth_rivers": {"name"},
        "natural_earth_places": {"NAME", "NAMEALT", "POP_MAX"},
        "hydrorivers": {"HYRIV_ID"},
    }[name]
    shape = Point(-27, 43) if is_place else LineString([(-27, 43), (-27.1, 43.1)])
    frame = gpd.GeoDataFrame({key: value for key, value in fields.items() if key in wanted}, geometry=[shape], crs="EPSG:4326")
    frame.to_file(tmp_path / "layer.shp")
    parts = {f"folder/{path.name}": path.read_bytes() for path in tmp_path.glob("layer.*")}
    server.pages["/layer.zip"] = Page(zipped({"about.pdf": b"x", **parts}), "application/zip")
    fetched = bring(find_entry(name), "/layer.zip")
    (source,) = fetched.sources
    settings = tomllib.loads(fetched.hint.partition("\n")[2])["ingest"]["files"][source.name]
    read = {"resources": read_resources, "settlements": read_settlements}[source.reader]
    where = {"crs": "EPSG:32626", "area": (-28, 42, -26, 44)}
    kept = read(study.raw / source.file, source=source.name, file=source.file, **where, **settings)
    assert list(kept.table["kind"]) == ["town" if is_place else "river"]
    assert len(kept.set_aside) == 0


def test_geoboundaries_asks_twice_and_keeps_the_licence_it_is_told(bring, server, study):
    entry = find_entry("geoboundaries")
    place = "/api/{iso3}/ADM{level}/"
    server.pages["/raw/nor.geojson"] = Page(b'{"type": "FeatureCollection", "features": []}', "text/plain")
    server.pages["/moved"] = Page(statuses=[302] * 9, headers={"Location": "/raw/nor.geojson"})
    said = {"gjDownloadURL": f"{server.url}/moved", "boundaryLicense": "CC0 of Norvia"}
    server.pages["/api/NOR/ADM1/"] = Page(json.dumps(said).encode(), "application/json")
    fetched = bring(entry, place, iso3="NOR", level="1")
    (source,) = fetched.sources
    assert (source.file, source.licence, source.reader) == ("geoboundaries_NOR_ADM1.geojson", "CC0 of Norvia", "none")
    assert source.url == f"{server.url}/api/NOR/ADM1/"
    assert "whose claim" in fetched.hint
    with pytest.raises(RawDataError, match="registered without this claimant"):
        bring(entry, place, iso3="NOR", level="1", claimant="Norvia")
    server.pages["/api/NOR/ADM0/"] = server.pages["/api/NOR/ADM1/"]
    (claim,) = bring(entry, place, iso3="NOR", level="0", claimant="Norvia").sources
    assert (claim.reader, claim.claimant) == ("claims", "Norvia")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"[]", "did not say where the file lies"),
        (b"not json", "did not say where the file lies"),
        (b"{}", "did not say where the file lies"),
        (b'{"gjDownloadURL": "file:///etc/passwd"}', "not on the web"),
        (b'{"gjDownloadURL": 7}', "did not say where the file lies"),
        (b'{"gjDownloadURL": "http://[broken/"}', "did not say where the file lies"),
    ],
)
def test_an_answer_that_names_no_file_is_refused(bring, server, study, said, words):
    server.pages["/api/NOR/ADM1/"] = Page(said, "application/json")
    with pytest.raises(RawDataError, match=words):
        bring(find_entry("geoboundaries"), "/api/{iso3}/ADM{level}/", iso3="NOR", level="1")
    assert lying(study) == []


def test_worldcover_brings_every_tile_that_there_is(bring, server, study):
    path = study.root / "study.toml"
    path.write_text(path.read_text().replace("[69.5, 39.6, 71.2, 40.4]", "[-27.5, 42.5, -26.5, 43.5]"))
    with pytest.raises(RawDataError, match="has no such file"):
        bring(find_entry("worldcover"), "/{tile}.tif")
    server.pages["/N42W027.tif"] = Page(b"II*\0two", "image/tiff")
    fetched = bring(find_entry("worldcover"), "/{tile}.tif")
    assert [source.name for source in fetched.sources] == ["worldcover_2021_n42w027"]
    assert "no file for 1 of 2 tiles" in fetched.hint
    server.pages["/N42W030.tif"] = Page(b"II*\0one", "image/tiff")
    fetched = bring(find_entry("worldcover"), "/{tile}.tif")
    assert [source.reader for source in fetched.sources] == ["land_cover", "land_cover"]
    assert len(server.of("/N42W027.tif")) == 2
    assert Workspace(study.root).check_raw() == []


def test_a_proxy_of_the_environment_is_used(bring, server, monkeypatch):
    server.pages["/plain.csv"] = Page(TEXT.encode())
    monkeypatch.setenv("http_proxy", server.url)
    bring(replace(PLAIN, url="http://data.norvia.invalid/plain.csv"), "")
    assert server.asked[0].path == "http://data.norvia.invalid/plain.csv"


def test_from_a_safe_address_to_an_open_one_nothing_is_taken(tmp_path):
    part = download.Part(tmp_path / ".x.part", 1, "x", lambda *_: None)
    part.headers("https://norvia.invalid/x")
    response = download.requests.Response()
    response.status_code, response.url = 200, "http://norvia.invalid/x"
    with pytest.raises(RawDataError, match="not protected"):
        part.begins(response)


# ACLED: the user's own account

PASSWORD, TOKEN = "correct horse battery", "token-7f3a"


@pytest.fixture
def account(server, monkeypatch):
    """An account at the test's server, and the entry that leads there."""
    monkeypatch.setenv("ACLED_EMAIL", "analyst@norvia.invalid")
    monkeypatch.setenv("ACLED_PASSWORD", PASSWORD)
    server.pages["/oauth/token"] = Page(json.dumps({"access_token": TOKEN}).encode(), "application/json")
    entry = find_entry("acled")
    return replace(entry, login={**entry.login, "url": f"{server.url}/oauth/token"}, rows_a_page=2)


HEADER = "event_id_cnty,event_date,time_precision,event_type,sub_event_type,location,latitude,longitude,geo_precision,notes"


def events(server, *pages: list[tuple[str, str]]) -> None:
    for number, rows in enumerate(pages, 1):
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(HEADER.split(","))
        where = ["Upper Norvia", "43.01", "-27.02", "1", 'Two\nlines, "one"']
        writer.writerows([[name, "2025-01-02", "1", "Battles", kind, *where] for name, kind in rows])
        path = "/read?_format=csv&country=Norvia&event_date=2023-01-01%7C2025-12-31&event_date_where=BETWEEN"
        server.pages[f"{path}&limit=2&page={number}"] = Page(text.getvalue().encode())


READ = "/read?_format=csv&country={country}&event_date={date_from}|{date_to}&event_date_where=BETWEEN"


def test_acled_pages_become_one_table(bring, server, study, account):
    events(server, [("N1", "Armed clash"), ("N2", "Mob violence")], [("N3", "Armed clash")])
    (source,) = bring(account, READ, country="Norvia").sources
    assert (source.sensitivity, source.reported_by, source.url) == ("internal", "outside", f"{server.url}/read")
    with (study.raw / source.file).open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert [row[0] for row in rows] == ["event_id_cnty", "N1", "N2", "N3"]
    assert rows[3][-1] == 'Two\nlines, "one"'
    form = parse_qs(server.of("/oauth/token")[0].form)
    assert form["username"] == ["analyst@norvia.invalid"]
    assert (form["client_id"], form["grant_type"]) == (["acled"], ["password"])
    assert {asked.headers["authorization"] for asked in server.of("/read")} == {f"Bearer {TOKEN}"}
    assert lying(study) == ["acled_Norvia.csv"]


@pytest.mark.parametrize("last", [b"", HEADER.encode()])
def test_acled_ends_with_an_empty_page_when_the_last_was_full(bring, server, study, account, last):
    events(server, [("N1", "Armed clash"), ("N2", "Mob violence")], [])
    server.pages[list(server.pages)[-1]].body = last
    bring(account, READ, country="Norvia")
    assert (study.raw / "acled_Norvia.csv").read_text().count("Upper Norvia") == 2


def test_no_secret_of_the_account_is_written_or_said(bring, server, study, account, caplog, capfd):
    caplog.set_level(0)
    events(server, [("N1", "Armed clash")])
    bring(account, READ, country="Norvia")
    server.pages["/oauth/token"].statuses = [401]
    with pytest.raises(RawDataError, match="does not accept the e-mail or the password") as caught:
        bring(account, READ, country="Norvia")
    server.pages["/oauth/token"].body = f'{{"error": "{PASSWORD}"}}'.encode()
    with pytest.raises(RawDataError, match="gave no token") as second:
        bring(account, READ, country="Norvia")
    written = b"".join(path.read_bytes() for path in study.root.rglob("*") if path.is_file())
    said = f"{caught.getrepr(chain=True)}{second.getrepr(chain=True)}{caplog.text}{''.join(capfd.readouterr())}"
    for secret in (PASSWORD, TOKEN, "analyst@norvia"):
        assert secret.encode() not in written
        assert secret not in said


def test_without_an_account_acled_is_not_asked(bring, server, account, monkeypatch):
    monkeypatch.delenv("ACLED_PASSWORD")
    with pytest.raises(RawDataError, match="ACLED_EMAIL and ACLED_PASSWORD, never into a file"):
        bring(account, READ, country="Norvia")
    assert server.asked == []


def test_a_password_is_not_sent_on(bring, server, account):
    server.pages["/oauth/token"] = Page(statuses=[307] * 9, headers={"Location": f"{server.url}/elsewhere"})
    with pytest.raises(RawDataError, match="gave no token"):
        bring(account, READ, country="Norvia")
    assert server.of("/elsewhere") == []


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (Page(statuses=[403] * 9), "does not give these rows to your account"),
        (Page(b'{"status": 200, "data": []}'), "is not a .csv file"),
        (Page(b"\xff\xfe\xff,a\n"), "is no table"),
        (Page(b"event_id_cnty,event_date\n"), "has no rows for this choice"),
        (Page(b"event_id_cnty\nN1\nN2\n"), "in another way than it used to"),
    ],
)
def test_acled_answers_that_are_no_events_are_refused(bring, server, study, account, page, words):
    server.pages["/read"] = page
    with pytest.raises(RawDataError, match=words):
        bring(account, READ, country="Norvia")
    assert lying(study) == []


def test_what_acled_sends_is_what_its_reader_needs(bring, server, study, account):
    from tensionmap.ingest.readers import READERS as BY_NAME

    events(server, [("N1", "Mob violence")])
    (source,) = bring(account, READ, country="Norvia").sources
    (draft,) = BY_NAME[source.reader].read(study.raw / source.file, source=source.name, file=source.file)
    assert draft.table[["record_id", "category", "location_kind"]].to_numpy().tolist() == [
        ["N1", "intercommunal_clash", "settlement"]
    ]
