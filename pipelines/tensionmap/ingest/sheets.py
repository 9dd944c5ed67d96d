"""Lists that people open in a spreadsheet, correct, and give back."""

from __future__ import annotations

import re

import pandas as pd

_FORMULA = re.compile(r"^(?='*[=+\-@\t\r])(?!-[0-9]+([.,][0-9]+)?$)")
_GUARDED = re.compile(r"^'(?='*[=+\-@\t\r])")


def as_sheet(table: pd.DataFrame) -> bytes:
    """``table`` (text) as a csv that a spreadsheet opens with its letters right and runs no formula of.

    With semicolons, which spreadsheets in the languages of the region expect. A cell that would be a formula gets an
    apostrophe in front; a negative number is none.
    """
    safe = table.apply(lambda column: column.str.replace(_FORMULA, "'", regex=True))
    safe.columns = table.columns.astype("str").str.replace(_FORMULA, "'", regex=True)
    text: str = safe.to_csv(index=False, sep=";", lineterminator="\r\n")
    return text.encode("utf-8-sig")


def unguarded(cell: str) -> str:
    """``cell`` without the apostrophe that `as_sheet` put in front."""
    return _GUARDED.sub("", cell)
