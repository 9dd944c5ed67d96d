"""The study's folders: found, registered, checked; results come whole or not at all."""

import subprocess
import sys
from datetime import date

import pytest

from tensionmap.errors import RawDataError, StudyError, WorkspaceError
from tensionmap.workspace import Workspace, find_workspace, make_workspace, register

GIVEN = {"publisher": "Police", "licence": "internal", "reader": "table", "reported_by": "First party"}
DAY = date(2026, 1, 2)


@pytest.fixture
def study(tmp_path):
    return make_workspace(tmp_path / "valley")


@pytest.fixture
def register_csv(tmp_path):
    path = tmp_path / "Police register.csv"
    path.write_text("date;place\n2025-01-01;Here\n")
    return path


def test_no_study_anywhere_is_said(tmp_path):
    with pytest.raises(WorkspaceError, match="tensionmap init"):
        find_workspace(tmp_path)


def test_a_study_is_found_from_below_and_not_made_twice(study):
    below = study.root / "data" / "raw"
    assert find_workspace(below).root == study.root
    with pytest.raises(WorkspaceError, match="already holds"):
        make_workspace(study.root)


def test_a_new_study_is_sound(study):
    study.require_usable()
    assert study.sources == ()
    assert (study.root / "study.schema.json").exists()


def test_a_file_dropped_changed_or_lost_is_named(study, register_csv):
    register(study, register_csv, GIVEN, retrieved=DAY)
    (study.raw / "stray.csv").write_text("x")
    (study.raw / "Police register.csv").write_text("other")
    faults = Workspace(study.root).check_raw()
    assert [fault.split(". ")[0] for fault in faults] == [
        "data/raw/Police register.csv: the file has changed since it was registered",
        "data/raw/stray.csv: the file is not registered",
    ]
    (study.raw / "Police register.csv").unlink()
    with pytest.raises(RawDataError, match="the file is missing"):
        Workspace(study.root).require_raw()


def test_a_registered_file_is_copied_hashed_and_listed(study, register_csv):
    source = register(study, register_csv, GIVEN, retrieved=DAY)
    assert (source.name, source.file, source.retrieved) == ("police_register", "Police register.csv", DAY)
    assert Workspace(study.root).sources == (source,)
    assert list(Workspace(study.root).require_raw()) == ["data/raw/Police register.csv"]


def test_a_changed_file_can_be_registered_again(study, register_csv):
    first = register(study, register_csv, GIVEN, retrieved=DAY)
    file = study.raw / first.file
    file.write_text("date;place\n2025-01-01;There\n")
    second = register(Workspace(study.root), file, {}, retrieved=date(2026, 2, 3))
    assert second.sha256 != first.sha256
    assert Workspace(study.root).sources == (second,)
    assert Workspace(study.root).check_raw() == []


def test_only_the_entry_of_the_changed_file_is_dated_anew(study, register_csv):
    other = register_csv.with_name("other.csv")
    other.write_text("date;place\n")
    first = register(study, register_csv, GIVEN, retrieved=DAY)
    second = register(Workspace(study.root), other, GIVEN, retrieved=DAY)
    blocks = study.sources_file.read_text().split("[[source]]")
    # Somebody put the date of the first entry above its hash.
    blocks[1] = "\nretrieved = 2026-01-02" + blocks[1].replace("retrieved = 2026-01-02\n", "")
    study.sources_file.write_text("[[source]]".join(blocks))
    (study.raw / first.file).write_text("changed")
    register(Workspace(study.root), study.raw / first.file, {}, retrieved=date(2026, 2, 3))
    assert [source.retrieved for source in Workspace(study.root).sources] == [DAY, date(2026, 2, 3)]
    assert Workspace(study.root).sources[0] == second


def test_another_file_of_the_same_name_is_not_overwritten(study, register_csv):
    register(study, register_csv, GIVEN, retrieved=DAY)
    with pytest.raises(RawDataError, match="already holds a file"):
        register(Workspace(study.root), register_csv, GIVEN, retrieved=DAY)


def test_a_file_no_reader_knows_is_refused(study, register_csv):
    with pytest.raises(RawDataError, match="no reader recognises"):
        register(study, register_csv, {**GIVEN, "reader": None}, retrieved=DAY)
    assert list(study.raw.glob("*.csv")) == []


def test_settings_and_register_faults_come_together(study):
    (study.root / "study.toml").write_text("nam = 1")
    study.sources_file.write_text("[[source]]\nname = 'x'\n")
    with pytest.raises(StudyError) as caught:
        Workspace(study.root).require_usable()
    assert "did you mean 'name'?" in str(caught.value)
    assert "source.0.sha256: this key is needed" in str(caught.value)


def test_a_reading_for_no_source_is_named(study):
    path = study.root / "study.toml"
    path.write_text(path.read_text() + '\n[ingest.files.ghost]\nsheet = "1"\n')
    with pytest.raises(StudyError, match=r"ingest\.files\.ghost: no source of this name"):
        Workspace(study.root).require_usable()


def write(staged: Workspace, text: str) -> None:
    (staged.root / "maps/web/m.html").write_text("half" if isinstance(text, bytes) else text)
    staged.index.write_text("half" if isinstance(text, bytes) else text)
    (staged.folder("publish") / "a.txt").write_text(text)


def contents(workspace: Workspace) -> list[str]:
    return [(workspace.root / path).read_text() for path in sorted(workspace.outputs("publish"))]


def test_a_stage_that_fails_leaves_the_last_good_state(study):
    with study.locked(), study.staging("publish") as staged:
        write(staged, "good")
    with pytest.raises(TypeError), study.locked(), study.staging("publish") as staged:
        write(staged, b"half")  # type: ignore[arg-type]
    assert contents(study) == ["good", "good", "good"]


DIES = """
import os, sys
from pathlib import Path
from tensionmap.workspace import Workspace

real, left = Path.replace, [int(sys.argv[2])]

def replace(path, target):
    if path.suffix != ".partial" and left[0] == 0:
        os._exit(9)
    left[0] -= path.suffix != ".partial"
    return real(path, target)

study = Workspace(Path(sys.argv[1]))
with study.locked(), study.staging("publish") as staged:
    (staged.folder("publish") / "a.txt").write_text("new")
    (staged.root / "maps/web/m.html").write_text("new")
    staged.index.write_text("new")
    Path.replace = replace
"""


@pytest.mark.parametrize("moves", range(10))
def test_killed_while_moving_in_is_completed_by_the_next_run(study, moves):
    with study.locked(), study.staging("publish") as staged:
        write(staged, "old")
    died = subprocess.run([sys.executable, "-c", DIES, str(study.root), str(moves)])
    assert died.returncode == 9
    with study.locked():
        assert contents(study) == ["new", "new", "new"]
    assert not (study.root / "data/processed/.staging").exists()


def test_the_first_index_is_put_there_and_counted_like_any_other_file(study):
    with study.locked(), study.staging("publish") as staged:
        write(staged, "first")
    assert study.index == study.root / "maps/index.html"
    assert list(study.outputs("publish")) == ["data/processed/publish/a.txt", "maps/web/m.html", "maps/index.html"]
    assert study.folder("publish") in study.folders("publish")
    assert study.index not in study.folders("publish")


def test_the_files_of_the_maps_are_told_without_the_verdict_on_them(study):
    with study.locked(), study.staging("publish") as staged:
        write(staged, "x")
        (staged.maps("paper") / "m.pdf").write_text("x")
        (staged.maps("audit") / "verdict.html").write_text("x")
    assert [path.relative_to(study.root).as_posix() for path in study.map_files] == [
        "maps/index.html",
        "maps/web/m.html",
        "maps/paper/m.pdf",
    ]
    assert make_workspace(study.root.parent / "other").map_files == []


def test_two_runs_at_once_are_kept_apart(study):
    with study.locked(), pytest.raises(WorkspaceError, match="Another run"), Workspace(study.root).locked():
        pass
