"""Places recovered from the lines of a printed map: what a page draws, and how its points become metres again.

A map on paper is drawn by a similarity without rotation. Its scale is read from the sides of its squares and from lines whose
course is public, its offset from public places; then every mark and every corner, covered or not, is a place in metres, more
exact than any file of coordinates.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree
from scipy.stats import poisson

from tensionmap.protect.audit.layers import without_paths
from tensionmap.protect.audit.secrets import Numbers, Secrets

Matrix = tuple[float, float, float, float, float, float]
_IDENTITY: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)

EXACT_M, NEAR_M = 0.05, 5.0
"""One corner this exact is no chance; corners that are merely near must be more than chance brings."""
_CHANCE = 1e-6


@dataclass(frozen=True)
class Frame:
    """How points of a page become metres of the study: ``metres = points * metres_per_point + (easting, northing)``."""

    metres_per_point: float
    easting: float
    northing: float

    def metres(self, points: Numbers) -> Numbers:
        """Points of the page as easting and northing."""
        metres: Numbers = points * self.metres_per_point + np.array([self.easting, self.northing])
        return metres


@dataclass
class Drawing:
    """What a page draws, in points: marks, subpaths of straight lines and those with curves, places of texts, bare operands."""

    marks: list[tuple[float, float]] = field(default_factory=list)
    paths: list[list[tuple[float, float]]] = field(default_factory=list)
    curves: list[list[tuple[float, float]]] = field(default_factory=list)
    texts: list[tuple[float, float]] = field(default_factory=list)
    operands: list[tuple[float, float]] = field(default_factory=list)

    @property
    def places(self) -> Numbers:
        """Every point at which something may have been put."""
        on_curves = [point for path in self.curves for point in path]
        return np.concatenate([self.corners, np.array([*on_curves, *self._middles()]).reshape(-1, 2)])

    @property
    def corners(self) -> Numbers:
        """Marks and ends of straight lines: letters, of which there are most, have curves."""
        return np.array([*self.marks, *(point for path in self.paths for point in path)]).reshape(-1, 2)

    def _middles(self) -> Iterator[tuple[float, float]]:
        for path in (*self.paths, *self.curves):
            if len(path) > 3:
                x, y = zip(*path, strict=True)
                yield (min(x) + max(x)) / 2, (min(y) + max(y)) / 2


# Content -------------------------------------------------------------------------------------------------------------------

_STRINGS = re.compile(rb"\((?:[^()\\]|\\.|\((?:[^()\\]|\\.)*\))*\)|<[0-9A-Fa-f\s]*>|%[^\r\n]*", re.DOTALL)
_MARK_PT = 72.0
_DEEPEST = 3


def drawing_of(page: Any, *, is_text_alone: bool = False) -> Drawing:
    """What a page of a PDF draws, forms included; or where its texts stand, without the paths."""
    found = Drawing()
    content = page.get_contents()
    if content is not None:
        data = content.get_data()
        if is_text_alone:
            data = without_paths(data.decode("latin-1")).encode("latin-1")
        _Pen(found, page.get("/Resources", {}), _IDENTITY, 0).follow(data)
    return found


class _Pen:
    """Follows the operators of a content stream that draw, place and transform."""

    def __init__(self, found: Drawing, resources: Any, matrix: Matrix, depth: int) -> None:
        self.found, self.resources, self.depth = found, resources, depth
        self.matrix, self.stack = matrix, [matrix]
        self.text: Matrix = _IDENTITY
        self.path: list[tuple[float, float]] = []
        self.is_curved = False
        self.operators = {
            b"q": self._save,
            b"Q": self._restore,
            b"cm": self._transform,
            b"m": self._move,
            b"l": self._line,
            b"c": self._curve,
            b"v": self._curve,
            b"y": self._curve,
            b"re": self._rectangle,
            b"Do": self._form,
            b"BT": self._begin_text,
            b"Tm": self._set_text,
            b"Td": self._shift_text,
            b"TD": self._shift_text,
            b"Tj": self._show,
            b"TJ": self._show,
        }

    def follow(self, content: bytes) -> None:
        """Do what ``content`` says."""
        operands: list[bytes] = []
        for token in _STRINGS.sub(b" ", content).split():
            operator = self.operators.get(token)
            if operator is not None:
                operator(operands)
                operands = []
            elif token[:1].isalpha() or token in (b"'", b'"'):
                operands = []
            else:
                operands.append(token)
        self._close()

    def _numbers(self, operands: list[bytes], many: int) -> list[float] | None:
        try:
            numbers = list(map(float, operands[-many:]))
        except ValueError:
            return None
        return numbers if len(numbers) == many else None

    def _place(self, x: float, y: float) -> tuple[float, float]:
        a, b, c, d, e, f = self.matrix
        return a * x + c * y + e, b * x + d * y + f

    def _save(self, _: list[bytes]) -> None:
        self.stack.append(self.matrix)

    def _restore(self, _: list[bytes]) -> None:
        if self.stack:
            self.matrix = self.stack.pop()

    def _transform(self, operands: list[bytes]) -> None:
        if numbers := self._numbers(operands, 6):
            self.matrix = _times(numbers, self.matrix)

    def _close(self) -> None:
        if self.path:
            (self.found.curves if self.is_curved else self.found.paths).append(self.path)
        self.path, self.is_curved = [], False

    def _move(self, operands: list[bytes]) -> None:
        self._close()
        self._line(operands)

    def _line(self, operands: list[bytes]) -> None:
        if numbers := self._numbers(operands, 2):
            self.path.append(self._place(numbers[0], numbers[1]))
            self.found.operands.append((numbers[0], numbers[1]))

    def _curve(self, operands: list[bytes]) -> None:
        self.is_curved = True
        self._line(operands)

    def _rectangle(self, operands: list[bytes]) -> None:
        if numbers := self._numbers(operands, 4):
            x, y, width, height = numbers
            self._close()
            corners = ((x, y), (x + width, y), (x + width, y + height), (x, y + height))
            self.path = [self._place(*corner) for corner in corners]
            self.found.operands.append((x, y))
            self._close()

    def _form(self, operands: list[bytes]) -> None:
        self.found.marks.append(self._place(0.0, 0.0))
        self.found.operands.append((self.matrix[4], self.matrix[5]))
        try:
            form = self.resources["/XObject"].get_object()[operands[-1].decode()].get_object()
            box = [float(side) for side in form.get("/BBox", (0, 0, 0, 0))]
        except (KeyError, IndexError, ValueError):
            return
        is_mark = max(box[2] - box[0], box[3] - box[1]) <= _MARK_PT
        if form.get("/Subtype") == "/Form" and not is_mark and self.depth < _DEEPEST:
            own = _times([float(number) for number in form.get("/Matrix", _IDENTITY)], self.matrix)
            inner = form.get("/Resources", self.resources)
            _Pen(self.found, inner.get_object(), own, self.depth + 1).follow(form.get_data())

    def _begin_text(self, _: list[bytes]) -> None:
        self.text = _IDENTITY

    def _set_text(self, operands: list[bytes]) -> None:
        if numbers := self._numbers(operands, 6):
            self.text = _times(numbers, _IDENTITY)

    def _shift_text(self, operands: list[bytes]) -> None:
        if numbers := self._numbers(operands, 2):
            self.text = _times([1.0, 0.0, 0.0, 1.0, *numbers], self.text)

    def _show(self, _: list[bytes]) -> None:
        self.found.texts.append(self._place(self.text[4], self.text[5]))


def _times(first: Sequence[float], then: Matrix) -> Matrix:
    a, b, c, d, e, f = first
    p, q, r, s, t, u = then
    return (a * p + b * r, a * q + b * s, c * p + d * r, c * q + d * s, e * p + f * r + t, e * q + f * s + u)


# Scale and offset ----------------------------------------------------------------------------------------------------------

_SCALES_TRIED, _PLACES_TRIED, _PAIRS_TRIED = 4, 250, 1_000_000
_FEWEST_AGREEING, _PLENTY, _MOST_ALIKE = 8, 50, 50
_CLOSE_PT = (0.1, 0.02, 0.002)
"""How near a drawn place must be to the public one, as the frame gets better."""


def frame_of(drawing: Drawing, secrets: Secrets) -> Frame | None:
    """The frame in which most places of the page are public ones; nothing if too few are."""
    if not secrets.allowed:
        return None
    public = np.unique(secrets.allowed_m.round(3), axis=0)
    places = np.unique(drawing.corners.round(6), axis=0)
    tree = cKDTree(public)
    best, most = None, _FEWEST_AGREEING - 1
    for frames in (_frames_of_lines(drawing, secrets.allowed_m), _frames_of_squares(drawing, places, public, secrets)):
        for tried in frames:
            frame, agreeing = _refined(tried, places, public, tree)
            if agreeing > most:
                best, most = frame, agreeing
        if most >= max(_PLENTY, len(places) // 20):
            break
    return best


def _frames_of_squares(drawing: Drawing, places: Numbers, public: Numbers, secrets: Secrets) -> Iterator[Frame]:
    """Frames in which squares on the page are cells; a grid fits twice its scale as well, so all must be weighed."""
    step_m = _lattice_step(secrets.allowed_m)
    for side in _square_sides(drawing) if step_m else ():
        # Where the middles of cells are public too, the step is half a side.
        yield _frame_by_offset(places, public, step_m / side)
        yield _frame_by_offset(places, public, 2 * step_m / side)


def _lattice_step(metres: Numbers) -> float:
    """The commonest step between eastings that many public places share; 0 if there is no grid."""
    eastings, counts = np.unique(metres[:, 0].round(1), return_counts=True)
    steps = np.diff(eastings[counts >= 4]).round(0)
    steps = steps[steps > 0]
    if not len(steps):
        return 0.0
    sides, times = np.unique(steps, return_counts=True)
    return float(sides[times.argmax()])


def _square_sides(drawing: Drawing) -> list[float]:
    """Sides in points of the upright squares of the page, the commonest first."""
    sides = []
    for path in drawing.paths:
        if len(path) in (4, 5):
            x, y = np.array(path).T
            width, height = float(np.ptp(x)), float(np.ptp(y))
            is_upright = len(set(x.round(3))) == len(set(y.round(3))) == 2
            if is_upright and abs(width - height) < 1e-3 * width:
                sides.append((width + height) / 2)
    values, times = np.unique(np.round(sides, 2), return_counts=True) if sides else (np.empty(0), np.empty(0))
    common = values[np.argsort(-times, kind="stable")][:_SCALES_TRIED]
    exact = np.array(sides)
    return [float(np.median(exact[np.abs(exact - side) < 0.01])) for side in common]


def _frames_of_lines(drawing: Drawing, metres: Numbers) -> Iterator[Frame]:
    """Frames in which steps on the page are steps of public lines: the true one is common to many."""
    drawn = _steps([np.array(path) for path in drawing.paths if len(path) > 2])
    public = _steps([metres])
    if not len(drawn) or not len(public):
        return
    public = public[np.argsort(public[:, 0])]
    first, last = (np.searchsorted(public[:, 0], drawn[:, 0] + shift) for shift in (-2e-6, 2e-6))
    many = np.where(last - first < _MOST_ALIKE, last - first, 0)
    if not many.any():
        return
    step = np.repeat(np.arange(len(drawn)), many)
    match = np.repeat(first, many) + np.arange(len(step)) - np.repeat(np.cumsum(many) - many, many)
    drawn, public = drawn[step], public[match]
    ratios = public[:, 1] / drawn[:, 1]
    rough = np.round(np.log(ratios) * 1e4)
    values, times = np.unique(rough, return_counts=True)
    for value in values[np.argsort(-times, kind="stable")][:_SCALES_TRIED]:
        alike = np.abs(rough - value) <= 1
        metres_per_point = float(np.median(ratios[alike]))
        yield Frame(metres_per_point, *_common(public[alike, 2:] - drawn[alike, 2:] * metres_per_point, metres_per_point))


def _steps(lines: list[Numbers]) -> Numbers:
    """Direction, length and beginning of each step of the lines that runs along no axis."""
    steps = np.concatenate([np.empty((0, 4)), *(np.column_stack([np.diff(line, axis=0), line[:-1]]) for line in lines)])
    steps = steps[(np.abs(steps[:, :2]) > 1e-3).all(axis=1)]
    return np.column_stack([np.arctan2(steps[:, 1], steps[:, 0]), np.hypot(steps[:, 0], steps[:, 1]), steps[:, 2:]])


def _frame_by_offset(places: Numbers, public: Numbers, metres_per_point: float) -> Frame:
    """The frame of this scale that most pairs of a drawn and a public place agree on."""
    many = min(len(places), max(20, min(_PLACES_TRIED, _PAIRS_TRIED // len(public))))
    tried = places[np.linspace(0, len(places) - 1, many).astype(int)] * metres_per_point
    away = (public[None, :, :] - tried[:, None, :]).reshape(-1, 2)
    return Frame(metres_per_point, *_common(away, metres_per_point))


def _common(offsets: Numbers, metres_per_point: float) -> tuple[float, float]:
    """The offset east and north that is the commonest."""
    keys = np.round(offsets / (_CLOSE_PT[0] * metres_per_point)).astype(np.int64)
    keys = keys[:, 0] * np.int64(1 << 31) + keys[:, 1]
    values, times = np.unique(keys, return_counts=True)
    east, north = np.median(offsets[keys == values[times.argmax()]], axis=0)
    return float(east), float(north)


def _refined(frame: Frame, places: Numbers, public: Numbers, tree: cKDTree) -> tuple[Frame, int]:
    """The frame moved and stretched to where the drawn places that are public ones by it say, and how many those are."""
    agreeing = 0
    for close_pt in _CLOSE_PT:
        away, which = tree.query(frame.metres(places), distance_upper_bound=close_pt * frame.metres_per_point)
        agrees = np.isfinite(away)
        agreeing = len(np.unique(which[agrees]))
        if agreeing < _FEWEST_AGREEING:
            break
        drawn, known = places[agrees], public[which[agrees]]
        spread = drawn - drawn.mean(axis=0)
        stretch = float((spread * (known - known.mean(axis=0))).sum() / (spread**2).sum())
        east, north = known.mean(axis=0) - drawn.mean(axis=0) * stretch
        frame = Frame(stretch, float(east), float(north))
    return frame, agreeing


# Private places ------------------------------------------------------------------------------------------------------------

_DISPLACED_M = 60.0


def tells_places(points: Numbers, frame: Frame, secrets: Secrets) -> bool:
    """Whether a page gives private places away: one exactly, or more of them nearly than chance brings."""
    metres = frame.metres(points)
    if (secrets.is_near(metres, EXACT_M) >= 0).any():
        return True
    hit = _places_hit(metres, secrets)
    bearings = np.arange(16) * 2 * np.pi / 16
    by_chance = [_places_hit(metres + _DISPLACED_M * np.array([np.cos(b), np.sin(b)]), secrets) for b in bearings]
    return bool(poisson.sf(hit - 1, max(float(np.mean(by_chance)), 1 / 16)) < _CHANCE) if hit else False


def _places_hit(metres: Numbers, secrets: Secrets) -> int:
    which: npt.NDArray[np.intp] = secrets.is_near(metres, NEAR_M)
    return len(np.unique(which[which >= 0]))
