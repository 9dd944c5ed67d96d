"""Receipts: why a stage is stale, in a sentence; nothing else."""

from dataclasses import replace

from tensionmap.receipts import Makings, Receipt, hash_code, library_versions, read_receipt, reasons_to_remake, sha256

MAKINGS = Makings(
    {"cell_m": 1000, "files": {"a": {"sheet": None}}}, {"data/raw/a.csv": "1"}, {"link/grid.py": "2"}, {"numpy": "2.0"}
)
RECEIPT = Receipt("link", MAKINGS, {"data/processed/link/cells.parquet": "3"}, {"cells": 5}, ("a choice",))


def reasons(**changes):
    return reasons_to_remake(RECEIPT, replace(MAKINGS, **changes), RECEIPT.outputs)


def test_without_receipt_it_is_not_made_yet():
    assert reasons_to_remake(None, MAKINGS, {}) == ["not made yet"]


def test_a_setting_is_named_with_both_values():
    assert reasons(settings={"cell_m": 2000, "files": {"a": {"sheet": "x"}}}) == [
        "cell_m 1000 -> 2000",
        'files.a.sheet not set -> "x"',
    ]


def test_files_code_and_versions_are_named():
    assert reasons(inputs={"data/raw/b.csv": "1"}) == ["input gone: data/raw/a.csv", "input new: data/raw/b.csv"]
    assert reasons(code={"link/grid.py": "9"}) == ["code changed: link/grid.py"]
    assert reasons(versions={"numpy": "2.1"}) == ["numpy 2.0 -> 2.1"]


def test_an_output_touched_or_lost_is_named():
    path = "data/processed/link/cells.parquet"
    assert reasons_to_remake(RECEIPT, MAKINGS, {path: "9"}) == [f"output edited by hand: {path}"]
    assert reasons_to_remake(RECEIPT, MAKINGS, {}) == [f"output missing: {path}"]


def test_a_fresh_stage_has_no_reason():
    assert reasons() == []


def test_a_receipt_is_read_back_and_a_broken_one_counts_as_none(tmp_path):
    RECEIPT.write(tmp_path)
    assert read_receipt(tmp_path) == RECEIPT
    (tmp_path / "receipt.json").write_text("{}")
    assert read_receipt(tmp_path) is None


def test_code_of_a_stage_is_its_folder_and_the_ground(tmp_path):
    code = hash_code("publish")
    assert {"tables.py", "crs.py", "pipeline.py", "publish/__init__.py"} <= set(code)
    assert not any(name.startswith(("measure/", "ingest/")) or "__pycache__" in name for name in code)


def test_versions_name_the_native_libraries_too():
    versions = library_versions()
    assert {"geopandas", "shapely", "GDAL", "PROJ", "numpy"} <= set(versions)
    assert all(version[0].isdigit() for version in versions.values())


def test_sha256_is_the_files():
    import hashlib
    from pathlib import Path

    path = Path(__file__)
    assert sha256(path) == hashlib.sha256(path.read_bytes()).hexdigest()
