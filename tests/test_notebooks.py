"""The notebooks: clean as kept, and run from top to bottom in a finished study, rich or poor, changing nothing in it."""

import ast
import json
import re
import runpy
import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tensionmap.errors import WorkspaceError
from tensionmap.protect.audit.attacks import find_leaks
from tensionmap.protect.audit.secrets import Secrets
from tensionmap.receipts import sha256
from tensionmap.workspace import STAGES

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
# The kernel itself warns of its own future when it is shut down.
STRICT = "import warnings\nwarnings.simplefilter('error')\nwarnings.filterwarnings('ignore', module='ipykernel')"
FIGURES = {"0-start-here": 2, "1-ingest": 5, "2-link": 9, "3-measure": 6, "4-protect": 3, "5-publish": 2, "6-measure-alone": 1}

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells_of(path: Path, kind: str) -> list[str]:
    return [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == kind]


def test_one_for_each_stage():
    of_stages = [f"{n}-{stage}" for n, stage in enumerate(STAGES, start=1)]
    assert [path.stem for path in NOTEBOOKS] == ["0-start-here", *of_stages, "6-measure-alone"]


@every_notebook
def test_nothing_of_a_run_or_a_machine_is_kept(path):
    text = path.read_text(encoding="utf-8")
    notebook = json.loads(text)
    nbformat.validate(notebook)
    assert text == json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert notebook["metadata"] == METADATA
    assert [cell["id"] for cell in notebook["cells"]] == [f"c{n:02d}" for n in range(1, len(notebook["cells"]) + 1)]
    assert all(cell["metadata"] == {} for cell in notebook["cells"])
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert not re.search(r"(?<![\w.])/(home|work|tmp|usr|Users|mnt|root)/|\b[A-Z]:\\|https?:|file:", text)


@every_notebook
def test_it_reads_and_defines_nothing(path):
    nodes = [node for source in cells_of(path, "code") for node in ast.walk(ast.parse(source))]
    assert not [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda)]
    called = {ast.unparse(node.func).rpartition(".")[2] for node in nodes if isinstance(node, ast.Call)}
    writers = {"open", "write", "write_text", "write_bytes", "write_release", "savefig", "to_parquet", "to_file", "to_csv", "run"}
    assert not called & writers


@every_notebook
def test_it_is_read_in_ten_minutes(path):
    words = sum(len(text.split()) for text in cells_of(path, "markdown"))
    lines = sum(len(text.splitlines()) for text in cells_of(path, "code"))
    # 150 words of a foreign language a minute, and code looked over at 60 lines a minute.
    assert words / 150 + lines / 60 < 10


@pytest.mark.parametrize("path", NOTEBOOKS[:-1], ids=lambda path: path.stem)
def test_it_asks_to_run_the_stages_first(path, tmp_path, monkeypatch):
    shutil.copy(ROOT / "study.toml", tmp_path)
    (tmp_path / "notebooks").mkdir()
    script = tmp_path / "first_cell.py"
    script.write_text(cells_of(path, "code")[0], encoding="utf-8")
    monkeypatch.chdir(tmp_path / "notebooks")
    with pytest.raises(WorkspaceError, match="Run 'tensionmap run' in the folder of the study first"):
        runpy.run_path(str(script))


@pytest.fixture(scope="module")
def rich_study(finished_study, tmp_path_factory):
    """A copy of the finished example study, with its notebooks."""
    return shutil.copytree(finished_study, tmp_path_factory.mktemp("rich") / "study")


@pytest.fixture(scope="module")
def poor_study(new_study, bring_up, tmp_path_factory):
    """A study with few and vague reports and no layers but settlements and residents; nobody knows the truth."""
    root = new_study(tmp_path_factory.mktemp("poor"))
    (root / "data" / "raw" / "truth.json").unlink()
    sources = root / "data" / "raw" / "sources.toml"
    blocks = sources.read_text(encoding="utf-8").split("[[source]]")
    kept = "[[source]]".join(block for block in blocks if "truth.json" not in block)
    sources.write_text(re.sub(r'reader = "(?!ucdp|settlements|population)\w+"', 'reader = "none"', kept), encoding="utf-8")
    settings = root / "study.toml"
    text = settings.read_text(encoding="utf-8")
    for old, new in (("is_invented = true", ""), ("replicates = 999", "replicates = 99"), ('["en", "tg"]', '["tg"]')):
        assert old in text
        text = text.replace(old, new)
    settings.write_text(text, encoding="utf-8")
    bring_up(root)
    return root


@pytest.fixture(scope="module")
def execute(tmp_path_factory):
    """Run a notebook in a study, once, warnings being errors; the study must stay as it was. Its outputs come back."""
    done = {}

    def run(path: Path, root: Path) -> list:
        if (path, root) not in done:
            done[path, root] = _execute(path, root)
        return done[path, root]

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        patch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path_factory.mktemp("jupyter")))
        yield run


def _execute(path: Path, root: Path) -> list:
    folder = root / "notebooks"
    folder.mkdir(exist_ok=True)
    before = {file: sha256(file) for file in root.rglob("*") if file.is_file()}
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(STRICT))
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}}).execute()
    assert {file: sha256(file) for file in root.rglob("*") if file.is_file()} == before
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def text_of(outputs: list) -> str:
    texts = [output.get("text", "") for output in outputs]
    texts += [text for o in outputs for kind, text in o.get("data", {}).items() if kind != "image/png"]
    return "\n".join(texts)


@every_notebook
def test_it_runs_in_the_example_study(path, rich_study, execute):
    outputs = execute(path, rich_study)
    assert not [output.text for output in outputs if output.get("name") == "stderr"]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == FIGURES[path.stem]

    text = text_of(outputs)
    private = json.loads((rich_study / "data" / "raw" / "truth.json").read_text(encoding="utf-8"))["private"]
    secrets = Secrets(words=tuple(private["names"]), phones=tuple(private["phones"]))
    assert find_leaks(text.encode(), "txt", secrets) == []
    assert str(rich_study) not in text


def test_every_planted_cluster_is_found(rich_study, execute):
    """What notebook 3 says about its own study: hot cells at every planted cluster."""
    table = next(
        output.data["text/plain"]
        for output in execute(ROOT / "notebooks" / "3-measure.ipynb", rich_study)
        if "hot cells there" in output.get("data", {}).get("text/plain", "")
    )
    planted = json.loads((rich_study / "data" / "raw" / "truth.json").read_text(encoding="utf-8"))["clusters"]
    hot_cells = {line.split()[0]: int(line.split()[-1]) for line in table.splitlines()[2:]}
    assert set(hot_cells) == {cluster["id"] for cluster in planted}
    assert min(hot_cells.values()) > 0


@every_notebook
def test_it_runs_in_a_poor_study(path, poor_study, execute):
    outputs = execute(path, poor_study)
    assert not [output.text for output in outputs if output.get("name") == "stderr"]
    text = text_of(outputs)
    assert "These data are invented" not in text
    for sentence in {
        "2-link": ["nearest canal, nearest pasture", "This study has no claims", "This study has no layer of canals"],
        "3-measure": ["too few to tell", "Too few reports to draw maps of noise", "This study has no truth.json"],
    }.get(path.stem, []):
        assert sentence in text


def test_measure_alone_gives_the_clusters_of_satscan(poor_study, execute):
    """Log likelihood ratios that SaTScan 10.3.2 prints for the same 32 counties: 6.699841, 4.048435, 3.225059."""
    text = text_of(execute(NOTEBOOKS[-1], poor_study))
    assert all(re.search(rf"\b{ratio}\b", text) for ratio in ("6.700", "4.048", "3.225"))
