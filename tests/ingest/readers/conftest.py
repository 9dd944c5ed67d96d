"""Files of every format and how they are read: shared by the tests of the readers."""

import csv
import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

from tensionmap.ingest.readers import READERS, Draft

Rows = Sequence[Sequence[Any]]


@pytest.fixture
def read() -> Callable[..., Draft]:
    """All pieces of a file as one draft."""

    def whole(reader: str, path: Path, **how: Any) -> Draft:
        pieces = list(READERS[reader].read(path, source="s", file=path.name, **how))
        assert pieces
        counted: dict[str, int] = {}
        for piece in pieces:
            for sentence, count in piece.counted.items():
                counted[sentence] = counted.get(sentence, 0) + count
        table = pd.concat([piece.table for piece in pieces])
        aside = pd.concat([piece.set_aside for piece in pieces], ignore_index=True)
        rows = [*table.index, *aside["row"]]
        assert len(rows) == len(set(rows)), "a row is both kept and set aside, or twice"
        return dataclasses.replace(
            pieces[0],
            table=table,
            raw=pd.concat([piece.raw for piece in pieces]),
            set_aside=aside,
            notes=tuple(note for piece in pieces for note in piece.notes),
            counted={sentence: count for sentence, count in counted.items() if count},
        )

    return whole


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """A file named ``name`` of these rows; what it becomes, the end of the name says. ``sheets`` for a spreadsheet."""

    def written(name: str, rows: Rows = (), *, separator: str = ",", sheets: Mapping[str, Rows] | None = None) -> Path:
        path = tmp_path / name
        if name.endswith(".xlsx"):
            book = openpyxl.Workbook()
            book.remove(book.active)
            for title, lines in (sheets or {"Sheet": rows}).items():
                sheet = book.create_sheet(title)
                for line in lines:
                    sheet.append(list(line))
            book.save(path)
        elif name.endswith(".json"):
            path.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
        else:
            with path.open("w", encoding="utf-8", newline="") as file:
                csv.writer(file, delimiter=separator, quoting=csv.QUOTE_ALL).writerows(rows)
        return path

    return written
