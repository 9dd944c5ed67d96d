"""Locked parcels: weak passwords refused, AES-256 and nothing less, no trace of folders, dates or systems."""

import io
import re
import struct
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import pyzipper
from click.testing import CliRunner

from tensionmap import transport
from tensionmap.cli import main
from tensionmap.errors import ReleaseError
from tensionmap.transport import lock, make_password, require_opens, require_strong

PASSWORD = "bagut-29 Kemur stap"  # noqa: S105
FILES = {
    "maps/paper/INTERNAL.crime_map.police.tg.pdf": b"%PDF-1.7 " * 99,
    "maps/web/INTERNAL.harita.ky.html": b"<html>",
    "empty": b"",
}


def entries(parcel: bytes) -> list[zipfile.ZipInfo]:
    return zipfile.ZipFile(io.BytesIO(parcel)).infolist()


def extra_fields(entry: zipfile.ZipInfo) -> dict[int, bytes]:
    fields, rest = {}, entry.extra
    while rest:
        kind, length = struct.unpack("<HH", rest[:4])
        fields[kind], rest = rest[4 : 4 + length], rest[4 + length :]
    return fields


# What is refused


@pytest.mark.parametrize(
    ("password", "sentence"),
    [
        ("bagut-29", "It has 8 characters; at least 12 are needed."),
        ("", "It has 0 characters"),
        ("bagut-29 Kem" * 9, "ZIP programs take at most 99"),
        ("aaaaaaaaaaaaaaaa", "It repeats the same few characters"),
        ("Aaaabbbbaaaabbbb", "It repeats the same few characters"),
        ("294810375612", "It is made of digits only; then at least 16"),
        ("in two rivers 29", "It holds the name of the study"),
        ("TWO-RIVERS-bagut", "It holds the name of the study"),
        ("rivers 29 bagut", "It holds the name of the study, or a word of it"),
        ("Password-29-bagut", "It holds a word that is guessed first"),
        ("парол бо тоҷикӣ", "It holds other letters than a-z"),
        ("bagut-29\tKemur", "It holds other letters than a-z"),
        (" bagut-29 Kemur", "It begins or ends with a space"),
    ],
)
def test_a_weak_password_is_refused_with_its_sentence(password, sentence):
    with pytest.raises(ReleaseError, match=re.escape(sentence)) as refusal:
        require_strong(password, study="Two Rivers")
    assert not password or password not in str(refusal.value)


def test_all_that_is_wrong_is_said_at_once():
    with pytest.raises(ReleaseError) as refusal:
        require_strong("1111", study="Two Rivers")
    assert len(str(refusal.value).splitlines()) == 4


@pytest.mark.parametrize("password", [PASSWORD, "2948103756129481", "x" * 90 + "abcde"])
def test_a_strong_password_passes(password):
    require_strong(password, study="Two Rivers")


def test_a_study_whose_name_says_nothing_refuses_nothing():
    require_strong(PASSWORD, study="A 2")
    require_strong(PASSWORD, study="Исфара ва Боткен")


def test_no_files_and_equal_names_are_refused():
    with pytest.raises(ReleaseError, match="no file to lock"):
        lock({}, PASSWORD)
    with pytest.raises(ReleaseError, match=r"Two of the files are named 'A\.pdf'"):
        lock({"web/a.pdf": b"1", "paper\\A.pdf": b"2"}, PASSWORD)


def test_without_the_extra_the_command_that_installs_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyzipper", None)
    with pytest.raises(ReleaseError, match=r'python -m pip install "pyzipper>=0\.4"'):
        lock(FILES, PASSWORD)


def test_the_extra_asks_for_what_the_message_names():
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["optional-dependencies"]["transport"] == [transport.REQUIREMENT]
    assert transport.REQUIREMENT in project["optional-dependencies"]["test"]


# What a parcel is


def test_the_right_password_opens_it_and_every_byte_is_equal():
    parcel = lock(FILES, PASSWORD)
    with pyzipper.AESZipFile(io.BytesIO(parcel)) as archive:
        archive.setpassword(PASSWORD.encode())
        found = {name: archive.read(name) for name in archive.namelist()}
    assert found == {name.rsplit("/", 1)[-1]: content for name, content in FILES.items()}
    require_opens(parcel, PASSWORD, FILES)


def test_a_wrong_password_does_not_open_it():
    parcel = lock(FILES, PASSWORD)
    for wrong in (PASSWORD + "s", PASSWORD.lower(), ""):
        with pytest.raises(ReleaseError, match="does not open with this password"):
            require_opens(parcel, wrong, FILES)


def test_damage_is_noticed_wherever_it_is():
    files = {"a": bytes(range(256))}
    parcel = lock(files, PASSWORD)
    for cut in range(0, len(parcel), 7):
        with pytest.raises(ReleaseError, match="or is damaged"):
            require_opens(parcel[:cut], PASSWORD, files)
    content = range(parcel.index(b"AE\x03") + 5, parcel.index(b"PK\x01\x02"))
    for place in content:
        with pytest.raises(ReleaseError, match="or is damaged"):
            require_opens(parcel[:place] + bytes([parcel[place] ^ 1]) + parcel[place + 1 :], PASSWORD, files)


def test_other_content_is_noticed():
    with pytest.raises(ReleaseError, match="does not hold the same files"):
        require_opens(lock(FILES, PASSWORD), PASSWORD, {**FILES, "empty": b"1"})


def test_it_is_aes_256_and_not_zipcrypto():
    for entry in entries(lock(FILES, PASSWORD)):
        assert entry.flag_bits & 1
        assert entry.compress_type == 99
        version, vendor, strength, method = struct.unpack("<H2sBH", extra_fields(entry)[0x9901])
        assert (version, vendor, strength, method) == (2, b"AE", 3, zipfile.ZIP_DEFLATED)
        # The checksum of the plain content would tell what is in a small file.
        assert entry.CRC == 0


def test_nothing_is_readable_but_names_and_sizes(monkeypatch):
    parcel = lock(FILES, PASSWORD)
    names = ["INTERNAL.crime_map.police.tg.pdf", "INTERNAL.harita.ky.html", "empty"]
    assert [entry.filename for entry in entries(parcel)] == names
    assert b"%PDF" not in parcel
    assert b"<html>" not in parcel
    assert b"maps" not in parcel
    assert {entry.date_time for entry in entries(parcel)} == {(1980, 1, 1, 0, 0, 0)}
    assert {entry.external_attr for entry in entries(parcel)} == {0o600 << 16}
    monkeypatch.setattr("sys.platform", "win32")
    assert {entry.create_system for entry in entries(lock(FILES, PASSWORD))} == {3}


def test_it_is_salted_and_so_never_the_same_twice():
    assert lock(FILES, PASSWORD) != lock(FILES, PASSWORD)


def test_a_made_password_is_strong_and_never_the_same():
    made = {make_password() for _ in range(50)}
    assert len(made) == 50
    assert transport.ENTROPY_BITS >= 77
    for password in made:
        assert re.fullmatch(r"([bdfgjkmnprstz][aeu][bdfgjkmnprstz][aeu][bdfgjkmnprstz]-?){6}", password)
        require_strong(password, study="Two Rivers")


# The command


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    CliRunner().invoke(main, ["init", "valley"])
    valley = tmp_path / "valley"
    for name in (
        "web/INTERNAL.crime_map.police.tg.html",
        "paper/INTERNAL.crime_map.police.tg.pdf",
        "paper/crime_map.community.pdf",
    ):
        (valley / "maps" / name).parent.mkdir(exist_ok=True)
        (valley / "maps" / name).write_bytes(name.encode())
    monkeypatch.chdir(valley)
    return valley


def run(*words, **more):
    result = CliRunner().invoke(main, ["lock", *words], **more)
    assert "Traceback" not in result.output
    return result


def read(parcel: Path, password: str) -> dict[str, bytes]:
    with pyzipper.AESZipFile(parcel) as archive:
        archive.setpassword(password.encode())
        return {name: archive.read(name) for name in archive.namelist()}


TYPED = f"{PASSWORD}\n{PASSWORD}\n"
INTERNAL = {
    "INTERNAL.crime_map.police.tg.html": b"web/INTERNAL.crime_map.police.tg.html",
    "INTERNAL.crime_map.police.tg.pdf": b"paper/INTERNAL.crime_map.police.tg.pdf",
}


def test_by_default_every_internal_map_and_no_other_is_locked(study):
    result = run("out.zip", input=TYPED)
    assert result.exit_code == 0, result.output
    assert read(study / "out.zip", PASSWORD) == INTERNAL
    assert PASSWORD not in result.output
    assert "7-Zip" in result.output
    assert [path.name for path in study.iterdir() if "out.zip" in path.name] == ["out.zip"]


def test_named_files_are_locked_with_a_password_from_a_file(study):
    # As Windows Notepad writes it.
    (study / "secret.txt").write_bytes(b"\xef\xbb\xbf" + PASSWORD.encode() + b"\r\n")
    result = run("out.zip", "maps/paper/crime_map.community.pdf", "study.toml", "--password-file", "secret.txt")
    assert result.exit_code == 0, result.output
    assert list(read(study / "out.zip", PASSWORD)) == ["crime_map.community.pdf", "study.toml"]


def test_a_made_password_is_shown_once_and_opens_it(study):
    result = run("out.zip", "--make-password")
    (password,) = re.findall(r"^  ((?:[a-z]{5}-){5}[a-z]{5})$", result.output, re.MULTILINE)
    assert f"{transport.ENTROPY_BITS} bits" in result.output
    assert read(study / "out.zip", password) == INTERNAL


def test_what_is_there_is_kept_unless_forced(study):
    (study / "out.zip").write_bytes(b"old")
    refused = run("out.zip", input=TYPED)
    assert refused.exit_code == 1
    assert "is there already and was kept" in refused.output
    assert (study / "out.zip").read_bytes() == b"old"
    assert run("out.zip", "--force", input=TYPED).exit_code == 0
    assert read(study / "out.zip", PASSWORD) == INTERNAL


def test_a_forced_parcel_among_the_maps_does_not_hold_itself(study):
    for _ in range(2):
        assert run("maps/INTERNAL.zip", "--force", input=TYPED).exit_code == 0
        assert read(study / "maps/INTERNAL.zip", PASSWORD) == INTERNAL
    refused = run("maps/INTERNAL.zip", "maps/INTERNAL.zip", "--force", input=TYPED)
    assert "cannot be put into itself" in refused.output


@pytest.mark.parametrize(
    "name", ["data/raw/sources.toml", "data/processed/ingest/incidents.parquet", "maps/../data/raw/sources.toml"]
)
def test_data_are_not_sent(study, name):
    (study / "data/processed/ingest").mkdir(parents=True)
    (study / "data/processed/ingest/incidents.parquet").touch()
    refused = run("out.zip", "study.toml", name, input=TYPED)
    assert refused.exit_code == 1
    assert "lies under data/" in refused.output
    assert not (study / "out.zip").exists()


def test_data_are_not_sent_through_a_link(study):
    try:
        (study / "maps/INTERNAL.link").symlink_to(study / "data/raw/sources.toml")
    except OSError:
        pytest.skip("links cannot be made here")
    assert "lies under data/" in run("out.zip", input=TYPED).output


@pytest.mark.parametrize(
    ("words", "typed", "sentence"),
    [
        (["out.zip"], "our-valley-29\nour-valley-29\n", "It holds the name of the study"),
        (["out.pdf"], TYPED, "must have a name that ends in .zip"),
        (["nowhere/out.zip"], TYPED, "there is no such folder"),
        (["out.zip", "--password-file", "two.txt"], "", "two.txt has 2 lines"),
        (["out.zip", "--password-file", "utf16.txt"], "", "utf16.txt is not plain text"),
        (["out.zip", "maps/a/x.pdf", "maps/b/x.pdf"], TYPED, "Two of the files are named 'x.pdf'"),
    ],
)
def test_what_cannot_be_done_is_one_message_and_leaves_nothing(study, words, typed, sentence):
    (study / "two.txt").write_text(f"{PASSWORD}\nsecond\n")
    (study / "utf16.txt").write_text(PASSWORD, encoding="utf-16")
    for folder in ("a", "b"):
        (study / "maps" / folder).mkdir()
        (study / "maps" / folder / "x.pdf").touch()
    before = sorted(study.rglob("*"))
    result = run(*words, input=typed)
    assert result.exit_code == 1
    assert sentence in result.output
    assert sorted(study.rglob("*")) == before


def test_without_internal_maps_it_says_what_to_do(study):
    for path in study.rglob("INTERNAL*"):
        path.unlink()
    assert "Run 'tensionmap run', or name the files" in run("out.zip", input=TYPED).output


def test_a_password_is_no_argument_and_not_two_things(study):
    assert run("out.zip", "--password", PASSWORD).exit_code == 2
    (study / "secret.txt").write_text(PASSWORD)
    assert "not both" in run("out.zip", "--make-password", "--password-file", "secret.txt").output


def test_without_the_extra_no_password_is_asked(study, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyzipper", None)
    result = run("out.zip", input=TYPED)
    assert result.exit_code == 1
    assert 'python -m pip install "pyzipper>=0.4"' in result.output
    assert "Password" not in result.output


@pytest.mark.parametrize("damaged", ["writing", "parcel"])
def test_a_parcel_that_fails_leaves_the_old_one_and_no_part(study, monkeypatch, damaged):
    (study / "out.zip").write_bytes(b"old")
    if damaged == "parcel":
        monkeypatch.setattr(transport, "lock", lambda files, password: lock(files, password)[:-40])
    else:
        monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(PermissionError(13, "in use")))
    result = run("out.zip", "--force", input=TYPED)
    assert result.exit_code == 1
    assert ("cannot be written" if damaged == "writing" else "is damaged") in result.output
    assert (study / "out.zip").read_bytes() == b"old"
    assert not list(study.glob(".out*"))
