"""What is packed: nothing of data/raw, whatever lies there."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Wheel and source distribution of a copy into whose data/raw a secret was dropped."""
    copy = tmp_path_factory.mktemp("project") / "copy"
    copytree(ROOT, copy, ignore=ignore_patterns(".git", ".venv", "processed", "web", "paper", ".*_cache", "__pycache__", "raw"))
    for place in ("data/raw", "maps", "."):
        (copy / place).mkdir(parents=True, exist_ok=True)
        (copy / place / "secret_names.csv").write_text("name\n")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", "dist"], cwd=copy, check=True, capture_output=True
    )
    return copy / "dist"


def test_source_distribution_is_fenced(built):
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        inside = [Path(*Path(name).parts[1:]).as_posix() for name in archive.getnames()]
    assert not [name for name in inside if "secret_names" in name or name.startswith(("data", "maps", "tests"))]
    assert {"pipelines/tensionmap/cli.py", "README.md", "LICENSE", "pyproject.toml"} <= set(inside)


def test_wheel_holds_the_package_with_its_data_and_nothing_else(built):
    (path,) = built.glob("*.whl")
    inside = zipfile.ZipFile(path).namelist()
    assert {name.split("/")[0] for name in inside} == {"tensionmap", "tensionmap-0.1.0.dist-info"}
    for name in (
        "template/study.toml",
        "catalogue.toml",
        "ingest/taxonomy.toml",
        "publish/words/tg.po",
        "publish/offline/vendored/leaflet/leaflet.js",
        "py.typed",
    ):
        assert f"tensionmap/{name}" in inside
