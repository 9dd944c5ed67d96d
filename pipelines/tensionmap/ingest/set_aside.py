"""What was read but not kept: every row with file, row, column, reason and what to do."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from tensionmap.ingest.sheets import as_sheet, unguarded
from tensionmap.tables import SET_ASIDE, empty

if TYPE_CHECKING:
    from tensionmap.ingest.drafts import Draft


@dataclass(frozen=True)
class Kept:
    """What reading one file gave: the rows kept, the rows set aside, and notes on every automatic choice or mending."""

    table: Any
    set_aside: pd.DataFrame
    notes: tuple[str, ...] = ()
    left_out: int = 0


class SetAside:
    """Collects the rows of one file that cannot be used, each with its reason."""

    def __init__(self, source: str, file: str, sheet: str | None = None) -> None:
        self.source = source
        self._file = {"source": source, "file": file, "sheet": sheet}
        self._frames: list[pd.DataFrame] = []

    def add(self, row: int, column: str | None, reason: str, advice: str, original: Mapping[str, Any]) -> None:
        """Set one row aside; ``original`` is the row as read."""
        text = json.dumps({str(k): "" if v is None else str(v) for k, v in original.items()}, ensure_ascii=False)
        self._take([row], column, reason, advice, [text])

    def add_rows(
        self,
        rows: pd.DataFrame,
        column: str | Sequence[str | None] | None,
        reason: str | Sequence[str],
        advice: str | Sequence[str],
    ) -> None:
        """Set all ``rows`` aside (text as read, index the row in the file); ``column`` ... may be one for each."""
        if len(rows):
            self._take(rows.index, column, reason, advice, as_json(rows))

    def _take(self, row: Any, column: Any, reason: Any, advice: Any, original: Any) -> None:
        about = {"row": row, "column": column, "reason": reason, "advice": advice, "original": original}
        frame = pd.DataFrame({**about, **self._file}, index=range(len(row)))[SET_ASIDE.column_names]
        self._frames.append(frame)

    def __len__(self) -> int:
        return sum(map(len, self._frames))

    def frame(self) -> pd.DataFrame:
        """All rows set aside so far, as the table ``SET_ASIDE``."""
        typed = [frame.astype({column: "str" for column in SET_ASIDE.column_names if column != "row"}) for frame in self._frames]
        return pd.concat(typed).sort_values("row", kind="stable", ignore_index=True) if typed else empty(SET_ASIDE)


def as_json(rows: pd.DataFrame) -> list[str]:
    """Each row of text as a JSON object."""
    escape = json.encoder.encode_basestring
    names = [escape(name) for name in rows.columns]
    columns = [[escape(cell) for cell in rows[name].to_list()] for name in rows.columns]
    return [
        "{" + ", ".join(f"{name}: {cell}" for name, cell in zip(names, cells, strict=True)) + "}"
        for cells in zip(*columns, strict=True)
    ] or ["{}"] * len(rows)


LIST_COLUMNS = ("set aside: row", "set aside: column", "set aside: reason", "set aside: advice", "set aside: key")
"""What stands before the columns of the file itself in a list of rows set aside."""


def as_csv(aside: pd.DataFrame) -> bytes:
    """The rows set aside of one source as a list that a spreadsheet opens: reason and advice, then the row as it was read.

    Corrected there, in the columns of the file itself, it can be added back. Letters are right, and no cell runs as a formula.
    """
    originals = [json.loads(text) for text in aside["original"]]
    names = list(dict.fromkeys(name for original in originals for name in original))
    about = (*(aside[name] for name in ("row", "column", "reason", "advice")), keys(aside))
    columns = {name: pd.Series(list(column), dtype="object") for name, column in zip(LIST_COLUMNS, about, strict=True)}
    columns |= {name: pd.Series([original.get(name, "") for original in originals], dtype="object") for name in names}
    return as_sheet(pd.DataFrame(columns).astype("str").fillna(""))


def keys(aside: pd.DataFrame) -> list[str]:
    """A short name of each row as it was read, by which a corrected row finds the one that it corrects."""
    return [hashlib.sha256(text.encode()).hexdigest()[:12] for text in aside["original"]]


def corrections(drafts: Iterable[Draft], aside: Sequence[pd.DataFrame], mended: Mapping[str, Sequence[str]]) -> Iterator[Draft]:
    """Drafts of a corrected list, as if their rows had been read from the file itself; a row that corrects nothing is set aside.

    Parameters
    ----------
    drafts
        The corrected list, read as the file itself is.
    aside
        What was set aside of the file itself; looked at when the first draft is asked for, after the file has been read.
    mended
        Key -> a file for each row that stands corrected already; looked at anew for every draft, so that a row which two lists
        correct counts once.
    """
    known: Counter[str] | None = None
    for draft in drafts:
        known = Counter(key for frame in aside for key in keys(frame)) if known is None else known
        raw, table = (frame.map(unguarded).astype("str") for frame in (draft.raw, draft.table))
        raw.columns = [unguarded(name) for name in raw.columns]
        key = next((raw[name] for name in raw.columns if name.casefold() == LIST_COLUMNS[-1]), None)
        is_known = pd.Series(False, index=raw.index)
        if key is not None:
            still_wrong = key.map(lambda one, left=known: left[one] - len(mended.get(one, ())))
            is_known = key.groupby(key).cumcount() < still_wrong
        refused = SetAside(draft.source, draft.file, draft.sheet)
        refused.add_rows(
            raw[~is_known],
            LIST_COLUMNS[-1],
            "The row corrects none of the rows set aside now, or one that stands corrected already.",
            "Leave the column 'set aside: key' as it was; if the row was corrected elsewhere, take it out here.",
        )
        own = raw[[name for name in raw.columns if name.casefold() not in LIST_COLUMNS]]
        rest = pd.concat([draft.set_aside, refused.frame()], ignore_index=True)
        yield replace(
            draft, table=table[is_known], raw=own[is_known], set_aside=rest, corrects=key[is_known] if key is not None else None
        )


def mark_corrected(aside: pd.DataFrame, corrected: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """``aside`` with the rows that stand corrected elsewhere told as such; ``corrected``: key -> file, once for each row."""
    if not corrected:
        return aside
    key = pd.Series(keys(aside), index=aside.index)
    files = [dict(enumerate(corrected.get(k, ()))).get(n) for k, n in zip(key, key.groupby(key).cumcount(), strict=True)]
    done = pd.Series([file is not None for file in files], index=aside.index)
    reason = pd.Series([f"The row stands corrected in {file}." for file in files], index=aside.index, dtype="str")
    return aside.assign(reason=aside["reason"].mask(done, reason), advice=aside["advice"].mask(done, "Nothing needs doing."))
