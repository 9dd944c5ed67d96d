"""The letters of paper: DejaVu Sans in three faces, cut to the scripts of our readers.

A whole DejaVu has six thousand letters, and rules to shape and to kern them, which every sheet would read again to embed the
hundred that it prints. Ours are cut once a process, without kerning: a line is as wide as its letters side by side.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path

import matplotlib
import numpy as np
from fontTools import subset
from matplotlib.font_manager import FontProperties, get_font
from matplotlib.ft2font import LoadFlags

SCRIPTS = (
    (0x0020, 0x007E), (0x00A0, 0x02AF), (0x02B9, 0x02BE), (0x1E00, 0x1EFF),  # Latin, and the turned commas of Uzbek
    (0x0400, 0x052F), (0x0370, 0x03FF), (0x0531, 0x0587), (0x10D0, 0x10FC),  # Cyrillic, Greek, Armenian, Georgian
    (0x2010, 0x203A), (0x20A0, 0x20BF), (0x2100, 0x214F), (0x2190, 0x2199), (0x2212, 0x2212),  # signs
    (0x25A0, 0x25FF), (0x2605, 0x2606), (0x2610, 0x2612), (0x2713, 0x2718),  # shapes and ticks
)  # fmt: skip
"""First and last code of what can be printed: scripts whose letters stand side by side, from left to right, each by itself."""
_AS_DESIGNED = LoadFlags.NO_SCALE | LoadFlags.NO_HINTING
_SIXTY_FOURTHS = 64


class Face:
    """A face of DejaVu Sans, '' for the upright one, 'Bold' or 'Oblique': its file, and widths and outlines of letters."""

    def __init__(self, name: str) -> None:
        self.file = _cut(name)
        self.properties = FontProperties(fname=self.file)
        self._font = get_font(str(self.file))
        self._glyphs = self._font.get_charmap()
        self._widths: dict[str, float] = {}
        self._outlines: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    def missing(self, text: str) -> list[str]:
        """The letters of ``text`` that the face does not have."""
        return sorted({letter for letter in text if ord(letter) not in self._glyphs})

    def width(self, letter: str) -> float:
        """How wide a letter is, as a share of the size."""
        if letter not in self._widths:
            glyph = self._font.load_glyph(self._glyphs[ord(letter)], flags=_AS_DESIGNED)
            self._widths[letter] = glyph.horiAdvance / self._font.units_per_EM
        return self._widths[letter]

    def outline(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        """The outlines of ``text`` from its beginning on the baseline, at size one: points, and what each is for a path."""
        points, codes, x = [], [], 0.0
        for letter in text:
            own_points, own_codes = self._outline(letter)
            points.append(own_points + np.array([x, 0.0]))
            codes.append(own_codes)
            x += self.width(letter)
        return np.concatenate(points), np.concatenate(codes)

    def _outline(self, letter: str) -> tuple[np.ndarray, np.ndarray]:
        if letter not in self._outlines:
            self._font.load_glyph(self._glyphs[ord(letter)], flags=_AS_DESIGNED)
            points, codes = self._font.get_path()
            self._outlines[letter] = (points.reshape(-1, 2) * _SIXTY_FOURTHS / self._font.units_per_EM, codes)
        return self._outlines[letter]


@lru_cache
def face(name: str = "") -> Face:
    """The face of that name, cut when it is first asked for."""
    return Face(name)


def _cut(name: str) -> Path:
    """A file of the letters that we print, of one face."""
    file = f"DejaVuSans{name and f'-{name}'}.ttf"
    options = subset.Options(layout_features=[], hinting=False, notdef_outline=True, recalc_timestamp=False)
    options.drop_tables += ["FFTM", "GDEF", "GPOS", "GSUB", "MATH", "gasp"]
    with subset.load_font(str(Path(matplotlib.get_data_path(), "fonts", "ttf", file)), options) as font:
        subsetter = subset.Subsetter(options)
        subsetter.populate(unicodes=[code for first, last in SCRIPTS for code in range(first, last + 1)])
        subsetter.subset(font)
        subset.save_font(font, str(_folder() / file), options)
    return _folder() / file


@lru_cache
def _folder() -> Path:
    """Where the faces lie until the process ends."""
    folder = Path(tempfile.mkdtemp(prefix="tensionmap-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
