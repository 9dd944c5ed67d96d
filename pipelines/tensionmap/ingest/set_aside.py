"""What was read but not kept: every row with file, row, column, reason and what to do."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tensionmap.tables import SET_ASIDE, check, empty


@dataclass(frozen=True)
class Kept:
    """What reading one file gave: the rows kept, the rows set aside, and notes on every automatic choice or mending."""

    table: Any
    set_aside: pd.DataFrame
    notes: tuple[str, ...] = ()


class SetAside:
    """Collects the rows of one file that cannot be used, each with its reason."""

    def __init__(self, source: str, file: str, sheet: str | None = None) -> None:
        self._file = {"source": source, "file": file, "sheet": sheet}
        self._rows: list[dict[str, Any]] = []

    def add(self, row: int, column: str | None, reason: str, advice: str, original: Mapping[str, Any]) -> None:
        """Set one row aside; ``original`` is the row as read."""
        text = json.dumps({str(k): "" if v is None else str(v) for k, v in original.items()}, ensure_ascii=False)
        self._rows.append({**self._file, "row": row, "column": column, "reason": reason, "advice": advice, "original": text})

    def __len__(self) -> int:
        return len(self._rows)

    def frame(self) -> pd.DataFrame:
        """All rows set aside so far, as the table ``SET_ASIDE``."""
        return check(pd.DataFrame(self._rows, columns=SET_ASIDE.column_names), SET_ASIDE) if self._rows else empty(SET_ASIDE)


def as_csv(frames: Sequence[pd.DataFrame]) -> bytes:
    """All rows set aside as one CSV file that a spreadsheet opens with its letters right and runs no formula of."""
    rows = pd.concat([empty(SET_ASIDE), *(frame for frame in frames if len(frame))], ignore_index=True)
    rows = rows.sort_values(["source", "row", "column", "reason"], kind="stable", ignore_index=True)
    texts = rows.select_dtypes("str").columns
    rows[texts] = rows[texts].apply(lambda column: column.str.replace(r"^(?=[=+\-@\t\r])", "'", regex=True))
    text: str = rows.to_csv(index=False, lineterminator="\r\n")
    return text.encode("utf-8-sig")
