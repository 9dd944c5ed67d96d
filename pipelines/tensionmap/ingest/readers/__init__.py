"""One file a format, found by its name. A reader takes a path and gives drafts: reports as text, with their row in the file."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from tensionmap.ingest.drafts import DRAFT_COLUMNS, Draft, Reader

__all__ = ["DRAFT_COLUMNS", "READERS", "Draft", "Reader"]

READERS: dict[str, Reader] = {
    module.name: import_module(f"{__name__}.{module.name}")
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name)
}
