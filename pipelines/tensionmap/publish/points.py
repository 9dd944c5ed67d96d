"""Single reports for a screen: up to a million points packed into one text, which the page unpacks, draws, filters and lists.

A point costs four to five bytes: its place two, what is said of it the rest. ``screen/points.js`` reads what ``pack`` writes,
and the audit reads it by means of its own (``protect/audit/packed.py``). All three keep to this form, which begins with its name:

    base64 of raw deflate (RFC 1951) of
      b"TMP1"
      varint      number of points
      varint      length of the places in bytes
      varint      number of planes
      places      for each point a varint: its place less the place before, the first less nothing
      planes      for each plane a byte a point

A place is one whole number, the bits of longitude and latitude in turn (Morton), longitude lowest; both are counted in
hundred-thousandths of a degree from 180 W and 90 S. Varints hold seven bits a byte, the lowest first, and 128 is added to
every byte but the last. A column is one plane or several, its lowest byte first; columns stand in the order of ``COLUMNS``.
Points are sorted by place and then by every column, so the order of the rows tells nothing and changes nothing.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable
from datetime import date
from functools import partial
from string import Formatter
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from tensionmap.compiled import compiled
from tensionmap.crs import DEGREES
from tensionmap.errors import GeometryError, ReleaseError
from tensionmap.publish import sentences, style
from tensionmap.publish.texts import Say
from tensionmap.publish.words import Words, sentence

Whole = npt.NDArray[np.uint64]

MAGIC = b"TMP1"
PER_DEGREE = 100_000
COLUMNS = ("category", "reported_by", "source", "date_precision", "location_precision_m", "date_start")
MOST_POINTS = 2_000_000
"""More would be slow to read, and the audit unpacks no more than a few times as many."""
MOST_CHOICES = 500
"""Of a category, source or reporter: more cannot be chosen from in a list of ticks."""

PRECISIONS: tuple[tuple[float | None, str], ...] = (
    (100.0, sentence("within 100 m")),
    (1_000.0, sentence("within 1 km")),
    (5_000.0, sentence("within 5 km")),
    (None, sentence("less exactly")),
)
"""Classes by which reports are filtered: the largest radius of each in metres, and how it is called."""

WORDS: dict[str, str] = {
    "shown": sentence("{n} of {m} reports shown"),
    "reset": sentence("Show all reports"),
    "by_category": sentence("Kind of report"),
    "by_reporter": sentence("Reported by"),
    "by_source": sentence("Source"),
    "by_precision": sentence("How exactly the place is known"),
    "all": sentence("All"),
    "none": sentence("None"),
    "time": sentence("When it happened"),
    "from": sentence("From"),
    "to": sentence("To"),
    "period": sentence("{first} to {last}"),
    "table": sentence("Reports in this view"),
    "latest": sentence("Reports in this view, the latest first"),
    "column_date": sentence("Date"),
    "column_place": sentence("Place known to within"),
    "metres": sentence("{metres} m"),
    "more": sentence("Show {n} more"),
    "nothing": sentence("No report in this view passes the filters."),
    "who": sentence("Reported by: {who}"),
    "out_of": sentence("Source: {source}"),
    "within": sentence("Place known to within {metres} m"),
    "here": sentence("{n} more at the same place"),
    "day": sentence("{day} {month} {year}"),
    "month": sentence("{month} {year}"),
    "since": sentence("from {day}"),
}
"""What the page says about points, by the name that its script uses."""


def pack(points: gpd.GeoDataFrame) -> dict[str, Any]:
    """``points`` as the page reads them, ready for JSON; the same points in any order give the same bytes.

    Parameters
    ----------
    points
        Single reports in degrees (EPSG:4326), with the columns of ``COLUMNS``: texts, ``location_precision_m`` in metres,
        ``date_start`` as dates. No value may be missing. Other columns are left out.

    Returns
    -------
    dict
        ``packed`` (the text above), ``count``, ``bytes`` (planes of each column), ``first_day`` (ISO date from which
        ``date_start`` counts days), ``metres``, ``date_precisions``, ``categories``, ``reporters`` and ``sources`` (what the
        codes of a column stand for), ``classes`` (largest radius of each class of precision in metres) and ``look``.

    Raises
    ------
    GeometryError
        If ``points`` are not points in degrees.
    ReleaseError
        If there are more than ``MOST_POINTS``, a value is missing, or a column has more different values than a list of ticks
        can show.

    Notes
    -----
    Places are rounded to 5 decimals of a degree (about a metre), radii up to whole metres.
    """
    if len(points) > MOST_POINTS:
        raise ReleaseError(f"A page cannot hold {len(points):,} points; the most is {MOST_POINTS:,}. Choose a shorter period.")
    codes, values = _dictionaries(points)
    places = _places(points)
    order = np.lexsort((*codes[::-1], places))
    written = _varints(places[order])
    planes = [_planes(column[order]) for column in codes]
    head = [len(order), len(written), sum(map(len, planes))]
    plain = [MAGIC, *map(_varint, head), written.tobytes(), *(plane.tobytes() for column in planes for plane in column)]
    return {
        "packed": _deflated(b"".join(plain)),
        "count": len(order),
        "bytes": [len(column) for column in planes],
        "categories": values[0],
        "reporters": values[1],
        "sources": values[2],
        "date_precisions": values[3],
        "metres": values[4],
        "first_day": values[5],
        "classes": [most for most, _ in PRECISIONS if most is not None],
        "look": {"fill": style.SYMBOLS["report"].screen_colour, "edge": style.PAPER},
    }


def with_words(packed: dict[str, Any], number: Callable[[Say], int]) -> dict[str, Any]:
    """What ``pack`` gives, with the numbers of texts for everything that is read.

    Parameters
    ----------
    packed
        What ``pack`` gives.
    number
        Takes what says a text in the language of the words that it is given, and returns the number of the text: ``Texts``.
    """

    def told(text: str) -> int:
        return number(lambda words: _template(text, words))

    def labels(identifiers: list[str]) -> list[int]:
        return [number(partial(_label, name)) for name in identifiers]

    def months(name: Callable[[Words, int], str]) -> list[int]:
        return [number(partial(_month, name, at)) for at in range(1, 13)]

    return {
        **packed,
        "categories": labels(packed["categories"]),
        "reporters": labels(packed["reporters"]),
        "sources": labels(packed["sources"]),
        "precisions": [told(text) for _, text in PRECISIONS],
        "months": months(Words.month),
        "months_of_day": months(Words.month_of_day),
        "thousands": number(lambda words: words.number(10_000)),
        "words": {name: told(text) for name, text in WORDS.items()},
    }


def _label(identifier: str, words: Words) -> str:
    return sentences.capital(words.label(identifier))


def _template(text: str, words: Words) -> str:
    """The sentence with its braces: the page puts the values in."""
    return words(text, **{name: f"{{{name}}}" for _, name, _, _ in Formatter().parse(text) if name})


def _month(name: Callable[[Words, int], str], at: int, words: Words) -> str:
    return name(words, at)


# What is said of a point ---------------------------------------------------------------------------------------------------


def _dictionaries(points: gpd.GeoDataFrame) -> tuple[list[npt.NDArray[Any]], list[Any]]:
    """Of each column the codes, and what they stand for."""
    missing = [name for name in COLUMNS if name not in points or points[name].isna().any()]
    if missing:
        raise ReleaseError(f"Points lack values of {', '.join(missing)}. Leave out the reports of which these are not known.")
    codes, values = [], []
    for name in COLUMNS[:5]:
        column = np.ceil(points[name].to_numpy(float)) if name == "location_precision_m" else points[name]
        found, known = pd.factorize(column, sort=True)
        if name in ("category", "reported_by", "source") and len(known) > MOST_CHOICES:
            raise ReleaseError(
                f"The column {name} of the points has {len(known):,} different values, of which a reader shall choose; "
                f"the most is {MOST_CHOICES}. Group them, or draw fewer points."
            )
        codes.append(_narrow(found))
        values.append([int(value) for value in known] if name == "location_precision_m" else [str(value) for value in known])
    days = points["date_start"].to_numpy("datetime64[D]").astype(np.int64)
    first = int(days.min()) if len(days) else 0
    codes.append(_narrow(days - first))
    return codes, [*values, date.fromordinal(date(1970, 1, 1).toordinal() + first).isoformat()]


def _narrow(codes: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """``codes`` in as few bytes as hold them, since narrow numbers sort much faster."""
    return codes.astype(np.min_scalar_type(int(codes.max(initial=0))))


def _planes(column: npt.NDArray[Any]) -> list[npt.NDArray[np.uint8]]:
    """The lowest bytes of a column, the next, and so on to the last that says anything."""
    wide = range(max(1, (int(column.max(initial=0)).bit_length() + 7) // 8))
    return [(column >> np.uint8(8 * byte)).astype(np.uint8) for byte in wide]


# Where it is ---------------------------------------------------------------------------------------------------------------


def _places(points: gpd.GeoDataFrame) -> Whole:
    """The place of each point as one whole number."""
    if points.crs is None or points.crs != DEGREES:
        raise GeometryError(f"Points to be packed stand in {points.crs}, not in degrees. Use to_crs('{DEGREES}').")
    shapes = points.geometry.to_numpy()
    if not (shapely.get_type_id(shapes) == 0).all() or shapely.is_empty(shapes).any():
        raise GeometryError("Some of the points to be packed are not points. Leave out lines, areas and rows without a place.")
    degrees = shapely.get_coordinates(shapes)
    if not (np.abs(degrees) <= (180.0, 85.0)).all():
        raise GeometryError("Some points lie beyond 180 degrees of longitude or 85 of latitude. Check the CRS of the layer.")
    return _interleaved(np.rint((degrees + np.array([180.0, 90.0])) * PER_DEGREE).astype(np.uint64))


@compiled
def _interleaved(places: Whole) -> Whole:
    """The bits of the two columns in turn, those of the first lowest."""
    found = np.empty(len(places), dtype=np.uint64)
    for row in range(len(places)):
        found[row] = _spread(places[row, 0]) | (_spread(places[row, 1]) << np.uint64(1))
    return found


@compiled
def _spread(number: np.uint64) -> np.uint64:
    """The lowest 32 bits with a zero above each."""
    number = (number | (number << np.uint64(16))) & np.uint64(0x0000FFFF0000FFFF)
    number = (number | (number << np.uint64(8))) & np.uint64(0x00FF00FF00FF00FF)
    number = (number | (number << np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    number = (number | (number << np.uint64(2))) & np.uint64(0x3333333333333333)
    return (number | (number << np.uint64(1))) & np.uint64(0x5555555555555555)


@compiled
def _varints(places: Whole) -> npt.NDArray[np.uint8]:
    """Each place less the one before, the lowest seven bits first."""
    written = np.empty(8 * len(places), dtype=np.uint8)
    at, before = 0, np.uint64(0)
    for place in places:
        rest = place - before
        before = place
        while rest >= np.uint64(128):
            written[at] = np.uint8(rest & np.uint64(127)) | np.uint8(128)
            rest >>= np.uint64(7)
            at += 1
        written[at] = np.uint8(rest)
        at += 1
    return written[:at]


def _varint(number: int) -> bytes:
    written = []
    while number >= 128:
        written.append(number & 127 | 128)
        number >>= 7
    return bytes([*written, number])


def _deflated(plain: bytes) -> str:
    """Runs and frequencies are all that there is to find: looking for longer repetitions takes ten times as long for nothing."""
    stream = zlib.compressobj(6, zlib.DEFLATED, -15, 9, zlib.Z_RLE)
    return base64.b64encode(stream.compress(plain) + stream.flush()).decode()
