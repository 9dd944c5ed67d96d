"""One file a format. A reader takes a path and gives a draft: every report as text, with its row in the file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from tensionmap.errors import RawDataError
from tensionmap.ingest.places import fold
from tensionmap.ingest.readers import kobo, table, ucdp
from tensionmap.ingest.readers.table import DRAFT_COLUMNS, Draft

__all__ = ["DRAFT_COLUMNS", "READERS", "Draft", "Reader", "sniff"]


class Reader(Protocol):
    """Anything that reads one file into a draft."""

    def __call__(
        self,
        path: Path,
        *,
        source: str,
        file: str,
        sheet: str | None = None,
        columns: Mapping[str, str] = ...,
        values: Mapping[str, str] = ...,
    ) -> Draft:
        """The reports of the file."""
        ...


READERS: dict[str, Reader] = {"table": table.read, "kobo": kobo.read, "ucdp": ucdp.read}

_SUFFIXES = frozenset({".csv", ".tsv", ".tab", ".txt", ".gz", ".xlsx", ".xls", ".ods"})
_WHEN = tuple(map(fold, ("date", "дата", "сана", "таърих", "күнү", "датасы", "sana", "month", "fecha")))
_WHERE_OR_WHAT = tuple(
    map(
        fold,
        (
            *("latitude", "lat", "longitude", "lon", "широта", "долгота", "кенглик", "узундук", "арз", "тӯл", "place", "village"),
            *("место", "село", "ҷой", "деҳа", "айыл", "жер", "joy", "location", "category", "offence", "категория", "вид"),
            *("происшествие", "навъ", "намуд", "түрү", "turi", "toifa"),
        ),
    )
)


def sniff(path: Path) -> str | None:
    """The reader whose headers stand in the file at ``path``, or nothing if it looks like no file of incidents."""
    if path.suffix.lower() not in _SUFFIXES:
        return None
    try:
        grids = table.read_grids(path, file=path.name)
    except RawDataError:
        return None
    rows = [set(map(str.casefold, cells)) for grid in grids for _, cells in grid.rows[:50]]
    if any(found.issuperset(ucdp.NEEDED) for found in rows):
        return "ucdp"
    if any({"_uuid", "_submission_time"} <= found for found in rows):
        return "kobo"
    words = [{word for cell in found for word in fold(cell).split()} for found in rows]
    return "table" if any(_begins(found, _WHEN) and _begins(found, _WHERE_OR_WHAT) for found in words) else None


def _begins(words: set[str], known: tuple[str, ...]) -> bool:
    return any(word.startswith(known) for word in words)
