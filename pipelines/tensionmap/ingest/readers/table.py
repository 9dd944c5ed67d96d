"""Registers as offices keep them, whatever the file: columns are named by the study, or bear our names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Unpack

from tensionmap.ingest.drafts import Draft, HowRead, read_as
from tensionmap.ingest.places import fold

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


def recognises(headers: frozenset[str]) -> bool:
    """Whether one header is about when, and another about where or what."""
    words = {word for header in headers for word in fold(header).split()}
    return any(word.startswith(_WHEN) for word in words) and any(word.startswith(_WHERE_OR_WHAT) for word in words)


def read(path: Path, **how: Unpack[HowRead]) -> Iterator[Draft]:
    """The reports of a register: a spreadsheet, text with separators, JSON records or a map layer.

    Title rows above the header, blank columns, merged cells and a total below are common and do no harm. Encoding and
    separator of a text file are found out. Every row that is no report is set aside with its reason; none is passed over.

    Parameters
    ----------
    path
        The file.
    **how
        See ``HowRead``. A header equal to our name needs no entry in ``columns``.

    Raises
    ------
    RawDataError
        If the file cannot be read, or a header is not there: with the header sought, the nearest and all that were found.
    """
    yield from read_as(path, **how)
