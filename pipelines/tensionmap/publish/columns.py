"""Texts in columns: how high a block is, which column it goes to, and how it is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import shapely

from tensionmap.publish.drawn import PT_MM
from tensionmap.publish.keys import KEY_MM, Key
from tensionmap.publish.page import BODY_PT, Page, line_mm, text_width_mm, wrap

HEADING_PT = 10.0
INDENT_MM = KEY_MM + 2.0
KEY_ROW_MM = 4.7
BLOCK_GAP_MM = 2.8
RULE_MM = 8.0


@dataclass(frozen=True)
class Row:
    """A line of text, with the drawing that it explains before it."""

    text: str
    key: Key | None = None


@dataclass(frozen=True)
class Block:
    """A heading with rows under it, first the short ones two by two; ``rules`` are lines to write on."""

    heading: str
    rows: tuple[Row, ...] = ()
    short: tuple[Row, ...] = ()
    rules: int = 0


@dataclass(frozen=True)
class SetBlock:
    """A block in a column so many millimetres wide."""

    block: Block
    width_mm: float

    @cached_property
    def heading(self) -> list[str]:
        """Its heading in lines."""
        return wrap(self.block.heading, self.width_mm, HEADING_PT, "Bold")

    @cached_property
    def pairs(self) -> list[list[Row]]:
        """Its short rows two by two; those too wide for half a column alone, at the end."""
        room = self.width_mm / 2 - INDENT_MM - 1
        narrow = [row for row in self.block.short if text_width_mm(row.text, BODY_PT) <= room]
        return [narrow[n : n + 2] for n in range(0, len(narrow), 2)] + [[row] for row in self.block.short if row not in narrow]

    @cached_property
    def height_mm(self) -> float:
        """Its height without the gap after it."""
        rows = sum(self._row_mm(row) for row in self.block.rows) + sum(self._row_mm(pair[0]) for pair in self.pairs)
        return len(self.heading) * line_mm(HEADING_PT) + 0.8 + rows + self.block.rules * RULE_MM

    def pieces(self) -> list[SetBlock]:
        """The same block row by row, for a column that cannot hold it whole."""
        first, *rest = [replace(self.block, heading="", rows=(row,), short=(), rules=0) for row in self.block.rows]
        first = replace(first, heading=self.block.heading)
        return [SetBlock(piece, self.width_mm) for piece in (first, *rest)]

    def draw(self, page: Page, x: float, y: float) -> None:
        """Draw it from its north-west corner."""
        for line in self.heading:
            page.text(x, y - HEADING_PT * PT_MM, line, size=HEADING_PT, face="Bold")
            y -= line_mm(HEADING_PT)
        y -= 0.8
        for rows in (self.pairs, [[row] for row in self.block.rows]):
            for pair in rows:
                for number, row in enumerate(pair):
                    self._draw_row(page, row, x + number * self.width_mm / 2, y)
                y -= self._row_mm(pair[0])
        _rules(page, x, y, self.width_mm, self.block.rules)

    def _lines(self, row: Row) -> list[str]:
        return wrap(row.text, self.width_mm - (INDENT_MM if row.key else 0))

    def _row_mm(self, row: Row) -> float:
        lines = len(self._lines(row)) * line_mm(BODY_PT)
        return max(lines + 0.5, KEY_ROW_MM) + 0.4 if row.key else lines + 0.7

    def _draw_row(self, page: Page, row: Row, x: float, y: float) -> None:
        lines = self._lines(row)
        first = y - BODY_PT * PT_MM - (0.4 if row.key else 0.0)
        for number, line in enumerate(lines):
            page.text(x + (INDENT_MM if row.key else 0.0), first - number * line_mm(BODY_PT), line)
        if row.key:
            row.key(page, x, y - KEY_ROW_MM / 2)


@dataclass(frozen=True)
class Column:
    """A free strip of the page."""

    x: float
    top: float
    bottom: float
    width_mm: float

    @property
    def height_mm(self) -> float:
        """What is free of it."""
        return self.top - self.bottom


@dataclass
class Flow:
    """Blocks set one after another into columns: where each stands, and what is left of the columns."""

    placed: list[tuple[SetBlock, float, float]] = field(default_factory=list)
    left: list[Column] = field(default_factory=list)
    has_room: bool = True

    def draw(self, page: Page) -> None:
        """Draw every block where it stands."""
        for block, x, y in self.placed:
            block.draw(page, x, y)


def set_blocks(blocks: Sequence[Block], width_mm: float) -> list[SetBlock]:
    """``blocks`` in columns of one width."""
    return [SetBlock(block, width_mm) for block in blocks]


def flow(blocks: Sequence[SetBlock], columns: Sequence[Column]) -> Flow:
    """Set ``blocks`` into ``columns`` in order; one that is higher than any column is broken between its rows."""
    highest = max(column.height_mm for column in columns)
    result = Flow(left=list(columns))
    for whole in blocks:
        is_kept_whole = whole.height_mm <= highest or whole.block.short or not whole.block.rows
        for piece in [whole] if is_kept_whole else whole.pieces():
            while result.left and result.left[0].height_mm < piece.height_mm - 1e-9:
                del result.left[0]
            if not result.left:
                return replace(result, has_room=False)
            first = result.left[0]
            result.placed.append((piece, first.x, first.top))
            gap = BLOCK_GAP_MM if piece is whole or piece.block.rows[-1:] == whole.block.rows[-1:] else 0.0
            result.left[0] = replace(first, top=first.top - piece.height_mm - gap)
    return result


def fill_with_rules(page: Page, columns: Sequence[Column]) -> None:
    """Fill what is left of ``columns`` with lines to write on."""
    for column in columns:
        _rules(page, column.x, column.top, column.width_mm, int(column.height_mm / RULE_MM))


def _rules(page: Page, x: float, y: float, width: float, count: int) -> None:
    for number in range(1, count + 1):
        line = shapely.LineString([(x, y - number * RULE_MM), (x + width, y - number * RULE_MM)])
        page.shape(line)
