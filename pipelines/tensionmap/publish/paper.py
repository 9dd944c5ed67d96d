"""What the pages of a sheet share: for whom they are, that they are invented if they are, and the imprint at the foot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import shapely

from tensionmap import __version__
from tensionmap.errors import ReleaseError
from tensionmap.publish import sentences, shown, style
from tensionmap.publish.chart import View
from tensionmap.publish.drawn import PT_MM
from tensionmap.publish.page import BODY_PT, Page, line_mm, short, text_width_mm, wrap
from tensionmap.publish.qr import QUIET, code_mm, draw_code
from tensionmap.publish.words import Words

MARGIN_MM = 9.0
GUTTER_MM = 5.0
MODULE_MM = 0.5
SUMMARY_PT, BANNER_PT = 11.0, 9.0
TITLES = ((17.0, 1), (15.5, 1), (14.0, 1), (15.0, 2), (13.0, 2), (12.0, 2))
"""Sizes in points and numbers of lines that a title may take, the best first."""
OF_MEETINGS = ("A4", "A3")


def require_paper_of_meetings(name: str) -> None:
    """Pass if the pages of a meeting are printed on paper of that name.

    Raises
    ------
    ReleaseError
        If they are not, with the papers on which they are.
    """
    if name not in OF_MEETINGS:
        raise ReleaseError(f"There is no paper {name!r} for the pages of a meeting. Choose one of: {', '.join(OF_MEETINGS)}.")


@dataclass(frozen=True)
class Paper:
    """What the pages of a sheet or a pack share: size, banners, title and imprint.

    Parameters
    ----------
    view, words
        What is drawn, and in which language it is told.
    name
        A4, A3 or A1: as what it is printed. It is laid out on A4 in any case.
    page_mm
        Width and height of the page that is laid out.
    has_code
        Whether the page carries the QR code of the digest.
    label
        What is printed for the number of the map, where the page is not of one map.
    """

    view: View
    words: Words
    name: str
    page_mm: tuple[float, float]
    has_code: bool = False
    label: str = ""

    @property
    def inner_mm(self) -> float:
        """Width of the page between its margins."""
        return self.page_mm[0] - 2 * MARGIN_MM

    @cached_property
    def title(self) -> tuple[float, list[str]]:
        """Size and lines of the title."""
        view = self.view
        title = sentences.title(view.release, view.theme, self.words, around=view.around(self.words))
        for size, most in TITLES:
            lines = wrap(title, self.inner_mm, size, "Bold")
            if len(lines) <= most:
                return size, lines
        raise ReleaseError(
            f"The title {short(title)!r} is longer than two lines. Choose a shorter name of the study in study.toml."
        )

    @cached_property
    def texts(self) -> list[tuple[float, str, list[str]]]:
        """What stands over the map, with size and face: title and summary."""
        size, title = self.title
        view = self.view
        here = None if view.part is None else list(view.hotspots["kind"])
        summary = sentences.summary(view.release, view.theme, self.words, here)
        return [(size, "Bold", title), (SUMMARY_PT, "", wrap(summary, self.inner_mm, SUMMARY_PT))]

    @cached_property
    def banners(self) -> list[list[_Banner]]:
        """The banners in rows: for whom the sheet is and that it is invented side by side where they fit."""
        found = [
            _Banner(kind, wrap(text, self.inner_mm - 8, BANNER_PT, "Bold"))
            for kind, text in sentences.banners(self.view.release, self.words)
        ]
        row = [banner for banner in found if banner.kind != "loosened"]
        is_one_line = all(len(banner.lines) == 1 for banner in row)
        if len(row) > 1 and is_one_line and sum(banner.width_mm + 8 for banner in row) <= self.inner_mm:
            return [row, *([banner] for banner in found[len(row) :])]
        return [[banner] for banner in found]

    @property
    def banners_mm(self) -> float:
        """Height of the banners."""
        return sum(_row_mm(row) + 0.5 for row in self.banners) + 1.5 * bool(self.banners)

    @property
    def number(self) -> str:
        """The number of the map: for whom and of what, or ``label``; and the beginning of the digest."""
        release = self.view.release
        label = self.label or f"{release.audience[0].upper()}-{self.view.theme[0].upper()}"
        return f"{label}-{release.digest[:6]}"

    @property
    def code(self) -> str:
        """What the QR code says; no address, since nobody can be sure what will be found there."""
        return f"tensionmap {self.view.release.digest}"

    @property
    def code_mm(self) -> float:
        """Side of the QR code."""
        return code_mm(self.code, MODULE_MM) if self.has_code else 0.0

    @cached_property
    def imprint(self) -> list[str]:
        """Number, how new the data are, period, projection, digest and maker in lines; no time of making."""
        words, facts = self.words, self.view.release.facts
        first, last = map(words.day, shown.months_counted(self.view.release))
        told = [words("Map {number}", number=self.number)]
        if facts.data_as_of:
            told.append(words("Data as of {day}", day=words.day(facts.data_as_of)))
        told.append(
            words(
                "Period: {first} to {last}. Projection: {crs}. Data digest: {digest}",
                first=first,
                last=last,
                crs=self.view.cells.crs.name,
                digest=self.view.release.digest,
            )
        )
        told.append(f"tensionmap {__version__}")
        return wrap(". ".join(told), self.inner_mm - text_width_mm("10 / 10", BODY_PT) - GUTTER_MM - self._aside_mm)

    @property
    def _aside_mm(self) -> float:
        """Width of the QR code with the white before it."""
        return self.code_mm + QUIET * MODULE_MM if self.has_code else 0.0

    @property
    def floor_mm(self) -> float:
        """Where the imprint begins."""
        return MARGIN_MM + max(len(self.imprint) * line_mm(BODY_PT), self.code_mm + QUIET * MODULE_MM * self.has_code) + 1.5

    def header_mm(self, texts: Sequence[tuple[float, str, Sequence[str]]]) -> float:
        """Height of the banners and of ``texts`` of a size and a face."""
        return self.banners_mm + sum(len(t) * line_mm(size) for size, _, t in texts) + 2.0

    def begin(self, texts: Sequence[tuple[float, str, Sequence[str]]] = ()) -> Page:
        """A page with banners, ``texts`` and imprint."""
        page = Page(*self.page_mm)
        y = page.height - MARGIN_MM
        for row in self.banners:
            self._draw_banners(page, row, y)
            y -= _row_mm(row) + 0.5
        y = page.height - MARGIN_MM - self.banners_mm
        for size, face, lines in texts:
            for line in lines:
                page.text(MARGIN_MM, y - size * PT_MM, line, size=size, face=face)
                y -= line_mm(size)
        for place, line in enumerate(self.imprint[::-1]):
            page.text(MARGIN_MM, MARGIN_MM + 0.8 + place * line_mm(BODY_PT), line)
        east = page.width - MARGIN_MM
        if self.has_code:
            draw_code(page, east - self.code_mm, MARGIN_MM, self.code, MODULE_MM)
        return page

    def number_page(self, page: Page, number: int, of: int) -> None:
        """Write at the foot which page of how many it is."""
        side = f"{number} / {of}"
        page.text(page.width - MARGIN_MM - self._aside_mm - text_width_mm(side, BODY_PT), MARGIN_MM + 0.8, side)

    def _draw_banners(self, page: Page, row: Sequence[_Banner], top: float) -> None:
        """Framed, side by side over the whole line."""
        spare = (self.inner_mm - sum(banner.width_mm for banner in row) - (len(row) - 1) * 2) / len(row)
        x = MARGIN_MM
        for banner in row:
            east = x + banner.width_mm + spare
            page.shape(shapely.box(x, top - _row_mm(row), east, top), ink=banner.colour, lw=1.6, z=10)
            for number, line in enumerate(banner.lines):
                y = top - 3.9 - number * line_mm(BANNER_PT)
                page.text(x + spare / 2, y, line, size=BANNER_PT, face="Bold", colour=banner.colour)
            x = east + 2


@dataclass(frozen=True)
class _Banner:
    """What nobody may overlook, in lines."""

    kind: str
    lines: Sequence[str]

    @property
    def colour(self) -> str:
        return style.BANNERS.get(self.kind, style.INK)

    @property
    def width_mm(self) -> float:
        return max(text_width_mm(line, BANNER_PT, "Bold") for line in self.lines)


def _row_mm(row: Sequence[_Banner]) -> float:
    """Height of a row of banners with its frame."""
    return 5.5 + (max(len(banner.lines) for banner in row) - 1) * line_mm(BANNER_PT)
