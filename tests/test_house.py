"""The walls of the house, read from the imports: who may know whom, who prints, who builds paths."""

import ast
import tomllib
from pathlib import Path

import pytest

import tensionmap
from tensionmap import cli, workspace

PACKAGE = Path(tensionmap.__file__).parent
ROOT = Path(__file__).parents[1]
STAGES = ("ingest", "link", "measure", "protect", "publish")
MODULES = sorted(PACKAGE.rglob("*.py"))

# module or stage -> what of tensionmap it may import, besides itself
ALLOWED = {
    "errors": set(),
    "crs": {"errors"},
    "tables": {"crs", "errors"},
    "study": {"errors"},
    "receipts": {"errors"},
    "workspace": {"errors", "receipts", "study"},
    "compiled": set(),
    "streams": {"compiled"},
    "marks": {"errors"},
    **{stage: {"compiled", "streams", "tables", "crs", "errors", "marks"} for stage in STAGES},
    "catalogue": {"download", "errors", "study", "workspace"},
    "download": {"errors"},
    "transport": {"errors"},
    "rerun": {"errors", "tables", "receipts", "workspace"},
    "audit": {"errors", "tables", "protect", "receipts", "rerun", "workspace"},
    "pipeline": {"audit", "errors", "receipts", "report", "tables", "study", "workspace", "rerun", *STAGES},
    "report": {"errors", "publish", "tables"},
    "__main__": {"cli"},
    "cli": {"catalogue", "errors", "pipeline", "rerun", "study", "tables", "transport", "workspace"},
}


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported_rooms(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} uses a relative import"
            if node.module == "tensionmap":
                names |= {f"tensionmap.{alias.name}" for alias in node.names}
            else:
                names.add(node.module or "")
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {name.split(".")[1] for name in names if name.startswith("tensionmap.")}


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@pytest.mark.parametrize("path", [p for p in MODULES if p.parent != PACKAGE or p.stem != "__init__"], ids=name_of)
def test_imports_keep_the_direction(path):
    rooms = imported_rooms(path) - {room(path), "__version__"}
    assert rooms <= ALLOWED[room(path)]


def test_only_cli_prints():
    calls = {
        name_of(path)
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"print", "click.echo", "sys.stdout.write", "rich.print"}
    }
    assert calls == {"cli.py"}


def test_only_workspace_knows_the_folders():
    def names_folder(path: Path) -> bool:
        return any(
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and node.value in {"raw", "processed", "maps", "maps/web"}
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        )

    assert [name_of(path) for path in MODULES if names_folder(path)] == ["cli.py", "workspace.py"]


def test_stages_know_neither_study_nor_command_line():
    foreign = {"click", "rich", "doit", "tomllib", "pydantic", "filelock", "argparse"}
    for path in MODULES:
        if room(path) in STAGES:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            imported = {a.name.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
            imported |= {(n.module or "").split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
            # Words in five languages are tables that happen to be written in TOML.
            reads_words = name_of(path) in ("ingest/taxonomy.py", "ingest/meetings.py")
            assert not (imported & foreign) - ({"tomllib"} if reads_words else set()), name_of(path)


def test_five_stages_sort_as_the_data_flow():
    assert tuple(sorted(STAGES)) == STAGES == workspace.STAGES == cli.STAGES


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_does_something_and_says_what(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    assert len(tree.body) > 1 or path.stem == "__init__"
    assert path.stem not in {"utils", "util", "helpers", "common", "misc"}


def test_only_folium_is_pinned_and_nothing_names_a_registry():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pinned = {requirement.split("==")[0] for requirement in project["dependencies"] if "==" in requirement}
    assert pinned == {"folium", "branca"}
    assert "http" not in (ROOT / "constraints.txt").read_text().replace("httpcore", "").replace("httpx", "")


def test_constraints_hold_every_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = project["dependencies"] + [r for extra in project["optional-dependencies"].values() for r in extra]
    names = {requirement.split(">")[0].split("=")[0] for requirement in wanted}
    held = {line.split("==")[0] for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line}
    assert names <= held
