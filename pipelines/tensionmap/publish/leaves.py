"""Pages of text, filled from the top; what does not fit goes on on the next page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from tensionmap.errors import ReleaseError
from tensionmap.publish.columns import RULE_MM, Column, fill_with_rules
from tensionmap.publish.drawn import PT_MM
from tensionmap.publish.page import BODY_PT, Page, line_mm, short, wrap
from tensionmap.publish.paper import MARGIN_MM, Paper
from tensionmap.publish.ruled import Ruled

READING_PT, HEADING_PT, TITLE_PT = 10.0, 11.0, 15.0
GAP_MM = 3.0
BULLET_MM = 4.0
TABLE_GAP_MM = 1.5
AFTER_MM = 0.8


@dataclass
class Leaf:
    """A page, and the strip of it that is still free, in millimetres."""

    page: Page
    west: float
    width_mm: float
    top: float
    floor: float


@dataclass
class Leaves:
    """Fills pages one after another; ``begin`` gives the next empty one.

    Raises
    ------
    ReleaseError
        If a paragraph or a row of a table is higher than a page, or cannot be printed legibly.
    """

    begin: Callable[[], Leaf]
    size_pt: float = READING_PT
    """Of paragraphs and lists."""
    pages: list[Page] = field(default_factory=list)
    leaf: Leaf = field(init=False)
    _waiting: list[_Lines] = field(init=False, default_factory=list)
    """What is not written before that over which it stands: so it is never the last on a page."""

    def __post_init__(self) -> None:
        self._turn()

    def title(self, text: str) -> None:
        """A sentence in large type."""
        self._write(wrap(text, self.leaf.width_mm, TITLE_PT, "Bold"), TITLE_PT, "Bold")

    def heading(self, text: str, under: str = "") -> None:
        """A heading, and a line ``under`` it, on the page of what comes next."""
        width = self.leaf.width_mm
        self._waiting.append(_Lines(wrap(text, width, HEADING_PT, "Bold"), HEADING_PT, "Bold", GAP_MM))
        if under:
            self._waiting.append(_Lines(wrap(under, width, self.size_pt), self.size_pt))

    def text(self, text: str) -> None:
        """A paragraph."""
        self._write(wrap(text, self.leaf.width_mm, self.size_pt), self.size_pt)

    def points(self, texts: Iterable[str]) -> None:
        """A list, each with a dot before it."""
        for text in texts:
            lines = wrap(text, self.leaf.width_mm - BULLET_MM, self.size_pt)
            self._make_room(len(lines) * line_mm(self.size_pt), text)
            self.leaf.page.text(self.leaf.west, self.leaf.top - self.size_pt * PT_MM, "•", size=self.size_pt)
            self._write(lines, self.size_pt, indent_mm=BULLET_MM)

    def table(self, ruled: Ruled) -> None:
        """A ruled table; what does not fit goes on on the next page under the same headings."""
        rest: Ruled | None = ruled
        while rest is not None:
            self._make_room(sum(rest.heights_mm[:2]) + 2 * TABLE_GAP_MM, rest.headings[0])
            leaf = self.leaf
            leaf.top -= TABLE_GAP_MM
            part, rest = rest.split(leaf.top - leaf.floor - TABLE_GAP_MM)
            leaf.top = part.draw(leaf.page, leaf.west, leaf.top) - TABLE_GAP_MM

    def rules(self, count: int) -> None:
        """Lines to write on."""
        self._make_room(count * RULE_MM, "rules")
        leaf = self.leaf
        fill_with_rules(leaf.page, [Column(leaf.west, leaf.top, leaf.top - count * RULE_MM - 0.1, leaf.width_mm)])
        leaf.top -= count * RULE_MM + 1.0

    def fill(self) -> None:
        """Lines to write on down to the end of the page, one at the least."""
        self._make_room(RULE_MM, "rules")
        leaf = self.leaf
        fill_with_rules(leaf.page, [Column(leaf.west, leaf.top, leaf.floor, leaf.width_mm)])
        leaf.top = leaf.floor

    def _turn(self) -> None:
        self.leaf = self.begin()
        self.pages.append(self.leaf.page)
        self._full_mm = self.leaf.top - self.leaf.floor

    def _make_room(self, height_mm: float, what: str) -> None:
        """Turn the page unless what waits and ``height_mm`` more fit on it; then write what waits."""
        waiting, self._waiting = self._waiting, []
        height_mm += sum(lines.height_mm for lines in waiting)
        if height_mm > self._full_mm + 1e-9:
            raise ReleaseError(f"{short(what)!r} is higher than a page. Make it shorter.")
        if self.leaf.top - height_mm < self.leaf.floor - 1e-9:
            self._turn()
        for lines in waiting:
            self.leaf.top -= lines.above_mm
            self._write(lines.texts, lines.size_pt, lines.face)

    def _write(self, lines: Sequence[str], size_pt: float, face: str = "", *, indent_mm: float = 0.0) -> None:
        self._make_room(len(lines) * line_mm(size_pt), lines[0] if lines else "")
        for line in lines:
            self.leaf.page.text(self.leaf.west + indent_mm, self.leaf.top - size_pt * PT_MM, line, size=size_pt, face=face)
            self.leaf.top -= line_mm(size_pt)
        self.leaf.top -= AFTER_MM


@dataclass(frozen=True)
class _Lines:
    """Lines of one size, so far below what is above them."""

    texts: Sequence[str]
    size_pt: float
    face: str = ""
    above_mm: float = 0.0

    @property
    def height_mm(self) -> float:
        return self.above_mm + len(self.texts) * line_mm(self.size_pt) + AFTER_MM


def filled(paper: Paper, fill: Callable[[Leaves], None]) -> list[Page]:
    """The pages of text that ``fill`` needs, with the banners and the imprint of ``paper``.

    If one page does not hold it in the size for reading, it is set in the smallest that outlives two copies.
    """

    def begin() -> Leaf:
        page = paper.begin()
        top = page.height - MARGIN_MM - paper.header_mm(())
        return Leaf(page, MARGIN_MM, paper.inner_mm, top, paper.floor_mm + 1.0)

    for size_pt in (READING_PT, BODY_PT):
        leaves = Leaves(begin, size_pt)
        fill(leaves)
        if len(leaves.pages) == 1:
            break
    return leaves.pages
