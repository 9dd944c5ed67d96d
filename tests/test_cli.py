"""The command line: quick, and every fault one message."""

import subprocess
import sys

import pytest
from click.testing import CliRunner

from tensionmap.cli import main
from tensionmap.workspace import Workspace


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *words, **more: CliRunner().invoke(main, list(words), **more)


def test_help_imports_nothing_heavy():
    code = "import sys; from tensionmap.cli import main; main(['--help'], standalone_mode=False); print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "Begin a study in DIR" in out
    heavy = {"pydantic", "pandas", "numpy", "geopandas", "rich", "tensionmap.workspace", "tensionmap.pipeline"}
    assert not heavy & set(out.split())


@pytest.mark.parametrize("command", [["check"], ["run"], ["status"], ["run", "measure"]])
def test_without_a_study_one_sentence_and_exit_1(run, command):
    result = run(*command)
    assert result.exit_code == 1
    assert result.output.startswith("Error: There is no study.toml here")
    assert "Traceback" not in result.output


def test_verbose_shows_where_it_arose(run):
    result = run("-v", "check")
    assert type(result.exception).__name__ == "WorkspaceError"


def test_a_fault_that_nobody_foresaw_is_one_message_without_its_content(run, tmp_path, monkeypatch):
    run("init", "valley")
    monkeypatch.chdir(tmp_path / "valley")

    def fails(*_):
        raise ZeroDivisionError("Ivan, phone 000")

    monkeypatch.setattr("tensionmap.workspace.read_study", fails)
    result = run("check")
    assert result.exit_code == 1
    assert "did not foresee (ZeroDivisionError)" in result.output
    assert "Ivan" not in result.output
    assert type(run("-v", "check").exception) is ZeroDivisionError


def test_an_unknown_stage_is_refused_with_the_stages(run):
    result = run("run", "mesure")
    assert result.exit_code == 2
    assert "ingest" in result.output


def test_init_add_check_status(run, tmp_path, monkeypatch):
    assert "study.toml" in run("init", "valley").output
    monkeypatch.chdir(tmp_path / "valley")
    (tmp_path / "notes.txt").write_text("hello")
    assert "no reader recognises" in run("add", str(tmp_path / "notes.txt"), "--publisher", "P", "--licence", "L").output
    added = run("add", str(tmp_path / "notes.txt"), "--reader", "none", input="Police\ninternal\n")
    assert "data/raw/notes.txt is registered as 'notes': reader none." in added.output
    assert "Raw files read as registered: 1." in run("check").output
    assert run("status").output.splitlines()[0] == "ingest: not made yet"
    (tmp_path / "valley/data/raw/notes.txt").write_text("changed")
    result = run("run")
    assert result.exit_code == 1
    assert "has changed since it was registered" in result.output


REGISTER = """№;Дата;Вид происшествия;Широта;Долгота;Описание
1;30.04.2025;кража;40,012;70,512;у моста ночью пропала овца, виновный неизвестен
2;01.05.2025;драка;40,013;70,513;на рынке подрались двое мужчин, причина неизвестна
3;17.05.2025;падёж скота;40,014;70,514;корова найдена мёртвой за оградой у дороги
"""


def test_add_proposes_how_a_register_is_read(run, tmp_path, monkeypatch):
    run("init", "valley")
    monkeypatch.chdir(tmp_path / "valley")
    (tmp_path / "register.csv").write_text(REGISTER, encoding="cp1251")
    about = ["--publisher", "Police", "--licence", "internal", "--reported-by", "First party"]
    added = run("add", str(tmp_path / "register.csv"), *about, "--yes")
    assert added.exit_code == 0, added.output
    assert "registered as 'register': reader table, reported by First party." in added.output
    reading = Workspace(tmp_path / "valley").study.ingest.files["register"]
    assert reading.date_format == "%d.%m.%Y"
    expected = {"record_id": "№", "date": "Дата", "category": "Вид происшествия", "latitude": "Широта", "longitude": "Долгота"}
    assert {**reading.columns, **expected} == reading.columns
    checked = run("check").output
    assert "register.csv is not UTF-8 and was read as cp1251" in checked
    again = run("add", "data/raw/register.csv")
    assert "study.toml says already how 'register' is read" in again.output


def test_a_list_of_corrections_needs_no_second_description(run, tmp_path, monkeypatch):
    run("init", "valley")
    monkeypatch.chdir(tmp_path / "valley")
    (tmp_path / "register.csv").write_text(REGISTER, encoding="utf-8")
    about = ["--publisher", "Police", "--licence", "internal", "--reported-by", "First party"]
    run("add", str(tmp_path / "register.csv"), *about, "--yes")
    ran = run("run", "ingest")
    assert "register: 3 rows read, 2 kept, 1 set aside" in ran.output
    listed = tmp_path / "valley/data/processed/ingest/set_aside/register.csv"
    (tmp_path / "mended.csv").write_text(
        listed.read_text(encoding="utf-8-sig").replace("падёж скота", "кража скота"), encoding="utf-8"
    )
    added = run("add", str(tmp_path / "mended.csv"), "--corrects", "register")
    assert "registered as 'mended': reader table, reported by First party." in added.output
    ran = run("run", "ingest")
    assert "register: 3 rows read, 2 kept, 1 set aside" in ran.output
    assert "mended: 1 rows read, 1 kept, 0 set aside" in ran.output


def test_fetch_without_a_name_lists_the_catalogue(run):
    listed = run("fetch").output
    assert "geonames" in listed
    assert "tensionmap fetch geonames iso2=TJ" in listed
    assert "did you mean 'geonames'" in run("fetch", "geoname").output.casefold()
