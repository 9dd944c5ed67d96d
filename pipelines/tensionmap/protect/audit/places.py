"""Whether numbers tell a private place: read as coordinates in any order and unit, apart, or moved by a known noise."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import product

import numpy as np

from tensionmap.protect.audit.layers import Layer, Pairs
from tensionmap.protect.audit.secrets import SAME_M, Numbers, Secrets

WITHIN_M = 5.0
SCALES = (1.0, 1e4, 1e5, 1e6, 1e7)
"""Degrees are also written in ten-thousandths to ten-millionths, without a point."""

_NUMBER = re.compile(r"[-−]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_COMMA_NUMBER = re.compile(r"[-−]?\d+(?:,\d+)?")
_HAS_COMMA_NUMBER = re.compile(r"\d,\d{3}")
_PRECISE = re.compile(r"-?\d{1,3}\.\d{6,}")
_SEXAGESIMAL = re.compile(r"(\d{1,3})\s*°\s*(\d{1,2})\s*['′’]\s*(?:(\d{1,2}(?:[.,]\d+)?)\s*(?:\"|″|''|’’)?)?\s*([NSEWСЮВЗ])?")
_APART_DEGREES = 2e-6
_PUBLIC_DEGREES = 1e-5


def ways_told(layer: Layer, secrets: Secrets) -> set[str]:
    """In which ways a layer tells a private place; empty if it does not."""
    if not secrets.points or not secrets.places[0].n:
        return set()
    found = set()
    rows = [] if layer.pairs is None else [(layer.pairs[:, 0], layer.pairs[:, 1])]
    rows += [pair for row in _number_rows(layer.text) for pair in _neighbours(row)]
    for first, second in rows:
        for a, b in ((first, second), (second, first)):
            found |= {name for name, metres in _readings(a, b, secrets) if (secrets.is_near(metres, WITHIN_M) >= 0).any()}
    found |= {name for name, metres in _binary_readings(layer.raw, secrets) if (secrets.is_near(metres, WITHIN_M) >= 0).any()}
    if layer.text and _are_apart(layer.text, secrets):
        found.add("longitude and latitude apart")
    if not found and layer.text and _is_jittered(layer.text, secrets):
        found.add("degrees moved by a noise that can be undone")
    return found


def _number_rows(text: str) -> Iterator[Numbers]:
    """All numbers of a text, once with points and, where there are any, once with decimal commas."""
    if not text:
        return
    plain = text.replace("−", "-") if "−" in text else text
    yield np.array(list(map(float, _NUMBER.findall(plain))))
    if _HAS_COMMA_NUMBER.search(plain):
        yield np.array([float(number.replace(",", ".")) for number in _COMMA_NUMBER.findall(plain)])
    if "°" in plain:
        yield np.array([_degrees(*parts) for parts in _SEXAGESIMAL.findall(plain)])


def _degrees(degrees: str, minutes: str, seconds: str, side: str) -> float:
    value = float(degrees) + float(minutes) / 60 + float(seconds.replace(",", ".") or 0) / 3600
    return -value if side and side in "SWЮЗ" else value


def _neighbours(row: Numbers) -> list[tuple[Numbers, Numbers]]:
    """Each number with the next, and with the next but one (a height may stand between)."""
    return [(row[:-apart], row[apart:]) for apart in (1, 2) if len(row) > apart]


def _ranges(secrets: Secrets) -> list[tuple[str, float, Numbers, Numbers]]:
    """Unit, what it is multiplied by, and the numbers from and to which it can be a private place."""
    low, high = secrets.bounds
    found = [("degrees", scale, low * scale, high * scale) for scale in SCALES]
    private = secrets.places[0].data
    found.append(("metres", 1.0, private.min(axis=0) - 9, private.max(axis=0) + 9))
    corners = np.array(list(product((low[0], high[0]), (low[1], high[1]))))
    web = np.column_stack(secrets.from_web.transform(corners[:, 0], corners[:, 1], direction="INVERSE"))
    return [*found, ("web Mercator", 1.0, web.min(axis=0), web.max(axis=0))]


def _readings(first: Numbers, second: Numbers, secrets: Secrets) -> Iterator[tuple[str, Numbers]]:
    """The pairs that can be a place of the study, in metres: read as degrees, projected, and as web Mercator."""
    for name, scale, low, high in _ranges(secrets):
        with np.errstate(invalid="ignore"):
            at = np.flatnonzero((first > low[0]) & (first < high[0]))
            at = at[(second[at] > low[1]) & (second[at] < high[1])]
        if len(at):
            yield name, _in_metres(name, np.column_stack([first[at], second[at]]) / scale, secrets)


def _in_metres(name: str, pairs: Pairs, secrets: Secrets) -> Numbers:
    if name == "metres":
        return pairs
    if name == "web Mercator":
        pairs = np.column_stack(secrets.from_web.transform(pairs[:, 0], pairs[:, 1]))
    return secrets.metres(pairs)


def _binary_readings(raw: bytes, secrets: Secrets) -> Iterator[tuple[str, Numbers]]:
    """Numbers as machines write them, at every byte: a number is only looked at where the one beside it fits as well."""
    for size, kind in ((8, "<f8"), (8, ">f8"), (4, "<f4"), (4, ">f4")):
        many = len(raw) - size + 1
        if many < size + 1:
            continue
        values = np.ndarray((many,), dtype=kind, buffer=raw, strides=(1,))
        for name, scale, low, high in _ranges(secrets):
            if scale != 1.0:
                continue
            with np.errstate(invalid="ignore"):
                at = np.flatnonzero((values > low[0]) & (values < high[0]))
            for apart in (size, 2 * size, -size, -2 * size):
                beside = at[(at + apart >= 0) & (at + apart < many)]
                with np.errstate(invalid="ignore"):
                    other = values[beside + apart].astype(float)
                    fits = (other > low[1]) & (other < high[1])
                if fits.any():
                    pairs = np.column_stack([values[beside[fits]].astype(float), other[fits]])
                    yield name, _in_metres(name, pairs, secrets)


def _are_apart(text: str, secrets: Secrets) -> bool:
    """Whether longitude and latitude of a place stand in two lists, written with at least six decimals."""
    precise = np.unique(np.array(list(map(float, _PRECISE.findall(text)))))
    if not len(precise):
        return False
    low, high = secrets.bounds
    degrees, allowed = secrets.points_degrees, secrets.allowed_degrees
    is_there = np.ones(len(degrees), dtype=bool)
    for axis in (0, 1):
        told = precise[(precise > low[axis]) & (precise < high[axis])]
        told = told[_away(told, allowed[:, axis]) > _PUBLIC_DEGREES]
        is_there &= _away(degrees[:, axis], told) < _APART_DEGREES
    return bool(is_there.any())


def _away(numbers: Numbers, others: Numbers) -> Numbers:
    """How far each number is from the nearest of the others; infinite if there is none."""
    if not len(others):
        return np.full(len(numbers), np.inf)
    row = np.concatenate([[-np.inf], np.sort(others), [np.inf]])
    after = np.clip(np.searchsorted(row, numbers), 1, len(row) - 1)
    nearest: Numbers = np.minimum(numbers - row[after - 1], row[after] - numbers)
    return nearest


# Noise ---------------------------------------------------------------------------------------------------------------------

SEEDS = (*range(100), 123, 1234, 12345, 123456, 2020, 2021, 2022, 2023, 2024, 2025, 2026)
RADII_M = (50.0, 100.0, 200.0, 250.0, 300.0, 500.0, 1000.0, 2000.0)
RADII_DEGREES = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02)
_FEWEST_MOVED, _MOST_TRIED = 5, 40


def _is_jittered(text: str, secrets: Secrets) -> bool:
    """Whether places of the text, in their order, are private ones moved by numpy's noise of a seed that people choose."""
    moved = _foreign_places(text, secrets)
    if not _FEWEST_MOVED <= len(moved) <= 100_000:
        return False
    tried = min(len(moved), _MOST_TRIED)
    noise = _noises(len(moved), tried)
    undone = [secrets.metres(moved[:tried]) - radius * noise for radius in RADII_M]
    undone += [secrets.metres((moved[:tried] - radius * noise).reshape(-1, 2)) for radius in RADII_DEGREES]
    told = secrets.is_near(np.concatenate([places.reshape(-1, 2) for places in undone]), WITHIN_M).reshape(-1, tried)
    return bool(((told >= 0).sum(axis=1) >= max(3, tried // 2)).any())


@lru_cache(maxsize=8)
def _noises(count: int, tried: int) -> Numbers:
    """Noise from -1 to 1 for the first places of a list, of every seed, drawn place by place or all longitudes first."""
    drawn = [np.random.default_rng(seed).uniform(-1, 1, (count, 2))[:tried] for seed in SEEDS]
    drawn += [np.random.default_rng(seed).uniform(-1, 1, (2, count)).T[:tried] for seed in SEEDS]
    return np.array(drawn)


def _foreign_places(text: str, secrets: Secrets) -> Numbers:
    """Places of the text in degrees, in their order, that are not public ones."""
    row = next(_number_rows(text), np.empty(0))
    low, high = secrets.study
    east, north = ((row > low[axis]) & (row < high[axis]) for axis in (0, 1))
    starts = np.flatnonzero((east[:-1] & north[1:]) | (north[:-1] & east[1:])).tolist()
    places, after = [], -1
    for start in starts:
        if start >= after:
            places.append((row[start], row[start + 1]) if east[start] and north[start + 1] else (row[start + 1], row[start]))
            after = start + 2
    degrees = np.array(places).reshape(-1, 2)
    allowed = secrets.places[1]
    if allowed is None or not len(degrees):
        return degrees
    foreign: Numbers = degrees[allowed.query(secrets.metres(degrees))[0] > SAME_M]
    return foreign
