"""JSON records, as web services give them -> one table, with a column for each name in any of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import IO, Any

from tensionmap.errors import RawDataError
from tensionmap.ingest.grids.grid import MOST_CELLS, Grid, grid_of_rows, refuse_columns, written

MOST_JSON_BYTES = 200 << 20
"""A larger file of JSON records is refused: it is read as a whole, and takes ten times its size."""


def json_records(stream: IO[bytes], *, file: str, notes: tuple[str, ...]) -> list[Grid]:
    """A list of objects, as web services give it; members of members are named by their way: ``point/latitude``.

    Parameters
    ----------
    stream
        The JSON, as UTF-8.
    file, notes
        Its name for messages, and what is to be told of it.

    Raises
    ------
    RawDataError
        If it is too large, no JSON, or no list of records.
    """
    text = stream.read(MOST_JSON_BYTES + 1)
    if len(text) > MOST_JSON_BYTES:
        raise too_much_json(file)
    try:
        # Numbers stay as they are written, so that no digit is lost and none is too large.
        content = json.loads(text, object_pairs_hook=_once, parse_int=str, parse_float=str, parse_constant=str)
        if isinstance(content, dict):
            lists = (content[key] for key in ("results", "value", "data") if isinstance(content.get(key), list))
            content = next(lists, [content])
        if not content or not all(isinstance(record, dict) for record in content):
            raise RawDataError(f"{file} is JSON, but no list of records. Export it as csv, or as a list of objects.")
        flat = [dict(_flattened(record)) for record in content]
    except json.JSONDecodeError as error:
        raise RawDataError(
            f"{file} begins like JSON, but is not valid in line {error.lineno}. Fetch or export it again."
        ) from error
    except RecursionError as error:
        raise RawDataError(f"{file} begins like JSON, but is nested too deep for a table. Export it as csv.") from error
    except ValueError as error:
        raise RawDataError(f"{file} is JSON in which a record has one name twice. Export it again, or as csv.") from error
    names = list(dict.fromkeys(name for record in flat for name in record))
    refuse_columns(len(names), file)
    if len(names) * len(flat) > MOST_CELLS:
        raise RawDataError(f"{file} has {len(flat):,} records with {len(names):,} names in all. Export it as csv.")
    rows = [[record.get(name, "") for name in names] for record in flat]
    return [grid_of_rows([(1, names), *enumerate(rows, start=2)], notes=notes)]


def too_much_json(file: str) -> RawDataError:
    """The refusal of a file above `MOST_JSON_BYTES`."""
    return RawDataError(f"{file} is JSON of more than {MOST_JSON_BYTES >> 20} MB. Export it as csv, or year by year.")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The members of an object; one of two of the same name would be lost."""
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError
    return members


def _flattened(record: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    for name, value in record.items():
        whole = before + written(name)
        if isinstance(value, Mapping):
            yield from _flattened(value, f"{whole}/")
        elif isinstance(value, list) and any(isinstance(v, dict | list) for v in value):
            yield whole, written(json.dumps(value, ensure_ascii=False))
        else:
            yield whole, " ".join(map(written, value)) if isinstance(value, list) else written(value)
