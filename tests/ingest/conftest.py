"""Helpers for the tests of ingest."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tensionmap.ingest.propose import propose
from tensionmap.ingest.taxonomy import read_taxonomy


@pytest.fixture(scope="session")
def sniff() -> Callable[[Path], str | None]:
    """The reader that is proposed for a file."""
    return lambda path: propose(path, file=path.name, taxonomy=read_taxonomy(), area=None).reader
