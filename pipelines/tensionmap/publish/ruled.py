"""Ruled tables on paper: columns of wrapped text between lines, to read or to write into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import shapely

from tensionmap.errors import ReleaseError
from tensionmap.publish import style
from tensionmap.publish.drawn import PT_MM
from tensionmap.publish.page import BODY_PT, Page, line_mm, short, text_width_mm, wrap

PAD_MM = 1.0
ROUNDING_MM = 0.01


@dataclass(frozen=True)
class Ruled:
    """A table so many millimetres wide in each column.

    A row with nothing after its first cell, as a number, is ``empty_mm`` high at the least: it is to be written into.

    Raises
    ------
    ReleaseError
        If a word is wider than its column, or a text cannot be printed legibly.
    """

    headings: tuple[str, ...]
    widths_mm: tuple[float, ...]
    rows: tuple[tuple[str, ...], ...]
    size_pt: float = BODY_PT
    empty_mm: float = 9.0

    @classmethod
    def fitted(
        cls,
        headings: Sequence[str],
        rows: Sequence[Sequence[str]],
        width_mm: float,
        *,
        shares: Sequence[float] = (),
        size_pt: float = BODY_PT,
        empty_mm: float = 9.0,
    ) -> Ruled:
        """A table ``width_mm`` wide, each column as wide as its longest word at the least.

        What is left over goes to the columns by ``shares``; without them to those whose texts would need more lines.
        """
        columns = list(zip(headings, *rows, strict=True))
        faces = ["Bold", *[""] * len(rows)]
        least = [max(_longest_word_mm(text, size_pt, face) for text, face in zip(c, faces, strict=True)) for c in columns]
        least = [mm + 2 * PAD_MM + ROUNDING_MM for mm in least]
        if sum(least) > width_mm:
            raise ReleaseError(f"The table under {short(' '.join(headings))!r} is wider than its page. Choose shorter words.")
        whole = [max(text_width_mm(text, size_pt, face) for text, face in zip(c, faces, strict=True)) for c in columns]
        wanted = shares or [max(mm + 2 * PAD_MM - narrow, 0.0) for mm, narrow in zip(whole, least, strict=True)]
        spare, total = width_mm - sum(least), sum(wanted)
        weights = [one / total if total else 1 / len(least) for one in wanted]
        widths = tuple(narrow + spare * weight for narrow, weight in zip(least, weights, strict=True))
        return cls(tuple(headings), widths, tuple(map(tuple, rows)), size_pt, empty_mm)

    @cached_property
    def lines(self) -> list[list[list[str]]]:
        """Each cell of each row, the headings first, in lines."""
        faces = ["Bold", *[""] * len(self.rows)]
        return [
            [wrap(text, width - 2 * PAD_MM, self.size_pt, face) for text, width in zip(row, self.widths_mm, strict=True)]
            for row, face in zip((self.headings, *self.rows), faces, strict=True)
        ]

    @cached_property
    def heights_mm(self) -> list[float]:
        """The height of each row, the headings first."""
        heights = [max(map(len, row)) * line_mm(self.size_pt) + 2 * PAD_MM for row in self.lines]
        has_text = [any(row[1:] or row) for row in self.lines]
        return [mm if told else max(mm, self.empty_mm) for mm, told in zip(heights, has_text, strict=True)]

    def split(self, room_mm: float) -> tuple[Ruled, Ruled | None]:
        """As many rows as ``room_mm`` holds, and the rest under the same headings; None if nothing is left.

        A rest that begins without a first cell belongs to the last one before it, which it repeats.
        """
        used, count = self.heights_mm[0], 0
        while count < len(self.rows) and used + self.heights_mm[count + 1] <= room_mm:
            used += self.heights_mm[count + 1]
            count += 1
        if count == len(self.rows):
            return self, None
        above, (begins, *below) = self.rows[:count], self.rows[count:]
        owner = begins[0] or next((row[0] for row in reversed(above) if row[0]), "")
        return replace(self, rows=above), replace(self, rows=((owner, *begins[1:]), *below))

    def draw(self, page: Page, x: float, y: float) -> float:
        """Draw it from its north-west corner; where it ends."""
        top, east = y, x + sum(self.widths_mm)
        edges = [y]
        for number, (row, height) in enumerate(zip(self.lines, self.heights_mm, strict=True)):
            self._draw_row(page, row, x, y, face="" if number else "Bold")
            y -= height
            edges.append(y)
        across = [[(x, edge), (east, edge)] for edge in edges]
        stops = [x + sum(self.widths_mm[:number]) for number in range(len(self.widths_mm) + 1)]
        along = [[(stop, top), (stop, y)] for stop in stops]
        page.shape(shapely.multilinestrings([*across, *along]), fill=False, lw=style.THINNEST_LINE_PT)
        return y

    def _draw_row(self, page: Page, row: Sequence[Sequence[str]], x: float, y: float, *, face: str) -> None:
        for cell, width in zip(row, self.widths_mm, strict=True):
            for number, line in enumerate(cell):
                at = y - PAD_MM - 0.9 * self.size_pt * PT_MM - number * line_mm(self.size_pt)
                page.text(x + PAD_MM, at, line, size=self.size_pt, face=face)
            x += width


def _longest_word_mm(text: str, size_pt: float, face: str) -> float:
    return max((text_width_mm(word, size_pt, face) for word in text.split()), default=0.0)
