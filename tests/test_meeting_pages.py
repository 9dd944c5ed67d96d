"""The pages of a meeting from the command line: made, attacked, put down, and attacked again with the maps."""

import shutil
from io import BytesIO

import pytest
from click.testing import CliRunner
from pypdf import PdfReader

from tensionmap import pipeline
from tensionmap.cli import main
from tensionmap.errors import ReleaseError
from tensionmap.workspace import Workspace


@pytest.fixture(scope="module")
def study(finished_study, tmp_path_factory):
    """The example study, run."""
    root = tmp_path_factory.mktemp("meetings") / "study"
    shutil.copytree(finished_study, root)
    return root


@pytest.fixture
def call(study, monkeypatch):
    """A command of tensionmap in the study; its answer."""
    monkeypatch.chdir(study)
    return lambda *words: CliRunner().invoke(main, words)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "one of them"),
        (("--all", "--council", "Haftvezin"), "one of them"),
        (("--community", "Nowhere"), "No settlement of the study is called 'Nowhere'"),
        (("--community", "gulvaron"), "Give one by its identifier: N21, N22"),
        (("--council", "Nowhere"), "Districts are: "),
        (("--community", "N07", "--quarter", "2031Q1"), "does not tell of the quarter '2031Q1'"),
        (("--community", "N07", "--lang", "xx"), "no words for language 'xx'"),
        (("--community", "N07", "--paper", "A1"), "'A1' is not one of"),
    ],
)
def test_what_cannot_be_made_is_refused_in_a_sentence(call, words, said):
    answer = call("report", *words)
    assert answer.exit_code != 0
    assert said in answer.output
    assert "Traceback" not in answer.output


def test_a_study_that_was_not_run_is_refused(new_study, tmp_path):
    with pytest.raises(ReleaseError, match="Run 'tensionmap run' first"):
        pipeline.report(Workspace(new_study(tmp_path)), type("Teller", (), {})(), communities=["N07"])


def test_pages_are_made_audited_and_known_to_the_audit_of_the_maps(call, study):
    answer = call("report", "--community", "Тирвоғон", "--lang", "tg")
    assert answer.exit_code == 0, answer.output
    assert call("report", "--council", "Haftvezin", "--lang", "en").exit_code == 0
    (folder,) = (study / "maps" / "meetings").iterdir()
    packs = sorted(path.name for path in folder.iterdir())
    assert packs == ["Tirvoghon-N07.2026Q3.community.tg.pdf", "council-Haftvezin.2026Q3.community.en.pdf", "verdict.json"]
    digest = folder.name.removeprefix("2026Q3-")
    for name in packs[:2]:
        pages = PdfReader(BytesIO((folder / name).read_bytes())).pages
        assert all(digest in "".join(page.extract_text().lower().split()) for page in pages)
    passed = call("audit")
    assert passed.exit_code == 0, passed.output
    with (folder / packs[0]).open("ab") as pack:
        pack.write(b"% one byte more")
    changed = call("audit")
    assert changed.exit_code != 0
    assert packs[0] in changed.output
