"""A simulated photocopier: what is left of a page after an old black-and-white machine, twice.

A page is scanned a little out of focus, lies a little askew under an uneven lamp, picks up noise and dust, and is printed in
black and white alone. A dark copier makes lines fatter, a light one thinner; one with a screen prints greys as dots, one without
as white or black. Same page, same seed, same copy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product

import numpy as np
import pypdfium2
from scipy import ndimage

DPI = 300
PX_MM = DPI / 25.4
FINER = 2
BLUR_PX = 0.7
NOISE = 9.0
"""Standard deviation of the scanner's noise, in greys of 255."""
LAMP = 0.05
"""By how much the lamp is weaker at its weakest."""
DUST_PER_CM2 = 0.12
DARK, EVEN, LIGHT = 150.0, 128.0, 106.0
"""Greys of 255 below which a copier prints black: at 150 a black line grows by about a tenth of a millimetre a copy."""
CLEAR = (30.0, 220.0)
"""Greys of 255 that no copier takes for white, or for black."""
SCREEN = (np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]) + 0.5) / 16
"""Order in which a screened copier blackens the sixteen dots of a grey."""


@dataclass(frozen=True)
class Copier:
    """An old copier: below which grey it prints black, and whether it prints greys as a screen of dots."""

    black_below: float = EVEN
    is_screened: bool = False

    def copy(self, page: Picture, rng: np.random.Generator) -> Picture:
        """Copy ``page`` once."""
        page = _askew(page, rng)
        scanned = ndimage.gaussian_filter(page.pixels, BLUR_PX * rng.uniform(0.9, 1.1), truncate=3.0)
        scanned *= _lamp(scanned.shape, rng)
        scanned += NOISE * rng.standard_normal(scanned.shape, dtype=np.float32)
        is_black = scanned < self._limit(scanned.shape)
        is_black |= _dust(scanned.shape, rng)
        return Picture(np.where(is_black, np.float32(0), np.float32(255)), page.matrix, page.offset)

    def _limit(self, shape: tuple[int, ...]) -> np.ndarray:
        """The grey below which each pixel is printed black."""
        if not self.is_screened:
            return np.full(shape, self.black_below, np.float32)
        rows, columns = (-(-side // len(SCREEN)) for side in shape)
        # A copier's screen leaves clear blacks and clear whites alone.
        limit = np.clip(self.black_below + 200 * (SCREEN - 0.5), *CLEAR)
        return np.tile(limit, (rows, columns))[: shape[0], : shape[1]].astype(np.float32)


@dataclass(frozen=True)
class Picture:
    """Greys of a page, 0 black to 255 white, and where its points have gone: to row and column ``matrix @ first + offset``."""

    pixels: np.ndarray
    matrix: np.ndarray = field(default_factory=lambda: np.eye(2))
    offset: np.ndarray = field(default_factory=lambda: np.zeros(2))

    def at(self, points: Sequence[tuple[float, float]] | np.ndarray, height_mm: float) -> np.ndarray:
        """Rows and columns at which points of the page, in millimetres from its south-west corner, lie now."""
        x, y = np.asarray(points, dtype=float).T
        original = np.stack([(height_mm - y) * PX_MM - 0.5, x * PX_MM - 0.5])
        return self.matrix @ original + self.offset[:, None]

    def ink(self, points: Sequence[tuple[float, float]] | np.ndarray, height_mm: float) -> np.ndarray:
        """How black the page is at points in millimetres, 0 to 1."""
        return 1 - ndimage.map_coordinates(self.pixels, self.at(points, height_mm), order=1, mode="nearest").astype(float) / 255

    def crop(self, box: tuple[float, float, float, float], height_mm: float, step_mm: float = 1 / PX_MM) -> np.ndarray:
        """Ink of a box in millimetres (west, south, east, north), the north above, laid straight again."""
        west, south, east, north = box
        columns, rows = round((east - west) / step_mm), round((north - south) / step_mm)
        x, y = np.meshgrid(west + step_mm * (np.arange(columns) + 0.5), north - step_mm * (np.arange(rows) + 0.5))
        return self.ink(np.stack([x.ravel(), y.ravel()], axis=1), height_mm).reshape(x.shape)


def rasterised(pdf: bytes, page: int = 1, *, magnified: float = 1.0) -> Picture:
    """A page of a PDF in greys at 300 dots an inch of the paper on which it is printed ``magnified``.

    It is drawn finer than that, as a printer does, which prints what is more than half black as black.
    """
    with pypdfium2.PdfDocument(pdf) as document:
        printed = document[page - 1].render(scale=FINER * DPI * magnified / 72, grayscale=True).to_numpy()
    rows, columns = (side // FINER for side in printed.shape[:2])
    dots = np.where(printed < 128, 0, printed).reshape(printed.shape[:2])[: rows * FINER, : columns * FINER]
    return Picture(dots.reshape(rows, FINER, columns, FINER).mean(axis=(1, 3), dtype=np.float32))


EVENLY = Copier()


def photocopied(page: Picture, copier: Copier = EVENLY, *, times: int = 2, seed: int) -> Picture:
    """A copy of a copy of ``page``."""
    rng = np.random.default_rng(seed)
    for _ in range(times):
        page = copier.copy(page, rng)
    return page


def copies(page: Picture, seeds: Sequence[int]) -> Iterator[Picture]:
    """``page`` copied twice by a dark, an even and a light copier, with and without a screen."""
    for seed, black_below, is_screened in product(seeds, (DARK, EVEN, LIGHT), (False, True)):
        yield photocopied(page, Copier(black_below, is_screened), seed=seed)


def _askew(page: Picture, rng: np.random.Generator) -> Picture:
    """``page`` turned by up to a third of a degree and shifted by up to a millimetre, as a hand lays it down."""
    angle = np.deg2rad(rng.uniform(-0.33, 0.33))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = (np.array(page.pixels.shape) - 1) / 2
    offset = middle - turn @ middle + rng.uniform(-PX_MM, PX_MM, 2)
    back = turn.T
    pixels = ndimage.affine_transform(page.pixels, back, -back @ offset, order=1, mode="constant", cval=255.0)
    return Picture(pixels, turn @ page.matrix, turn @ page.offset + offset)


def _lamp(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """How bright the lamp is over the glass."""
    rows, columns = (np.linspace(-1, 1, side, dtype=np.float32) for side in shape)
    slope, bow = rng.uniform(-1, 1), rng.uniform(0, 1)
    light = slope * columns[None, :] - bow * rows[:, None] ** 2
    return (1 - LAMP * (light.max() - light) / np.ptp(light)).astype(np.float32)


def _dust(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Specks of two by two dots."""
    speckled = np.zeros(shape, dtype=bool)
    count = rng.poisson(DUST_PER_CM2 * shape[0] * shape[1] / (10 * PX_MM) ** 2)
    row, column = rng.integers(0, shape[0] - 1, count), rng.integers(0, shape[1] - 1, count)
    for down, right in product((0, 1), (0, 1)):
        speckled[row + down, column + right] = True
    return speckled
