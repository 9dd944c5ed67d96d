"""The printed map: an A4 sheet that is complete without a screen.

On the front stands the map, with what one must know to read it; on the back what stands behind it, whom to call and room to
write. A page either keeps its promises or is not made: what does not fit, or cannot be read, is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from math import inf
from operator import itemgetter
from typing import Any

import matplotlib
import numpy as np
import shapely
from matplotlib import rc_context, rcdefaults
from matplotlib.patches import Rectangle

from tensionmap.errors import ReleaseError
from tensionmap.publish import sentences, shown, style
from tensionmap.publish.chart import INDEX_MM, SIDES_M, Chart, View
from tensionmap.publish.columns import BLOCK_GAP_MM, Block, Column, Flow, Row, SetBlock, fill_with_rules, flow, set_blocks
from tensionmap.publish.keys import band_key, hotspot_key, place_key, stroke_key, symbol_key
from tensionmap.publish.page import A4_MM, BODY_PT, PT_MM, Page, as_pdf, line_mm, short, text_width_mm, wrap
from tensionmap.publish.words import Words
from tensionmap.tables import BANDS, Release

MARGIN_MM = 9.0
GUTTER_MM = 5.0
NARROWEST_COLUMN_MM = 51.0
SCALE_BAR_MM = 62.0
SMALLEST_MAP_MM = 45.0
SUMMARY_PT, BANNER_PT, BACK_TITLE_PT = 11.0, 9.0, 13.0
TITLES = ((17.0, 1), (15.5, 1), (14.0, 1), (15.0, 2), (13.0, 2), (12.0, 2))
"""Sizes in points and numbers of lines that a title may take, the best first."""
HOTSPOTS_LISTED = (6, 3, 1)
"""How many numbered areas the front lists at most: fewer only where the texts would leave no room for the map."""
ORDERS = ((2, 3), (3, 2))
"""Doubt may stand before the claims or after them, whichever leaves more room."""
ROUND = (1.0, 1.25, 1.5, 1.75, 2.0, 2.25, 2.5, 2.75, 3.0, 3.5, 4.0, 4.5, 5.0, 5.5, 6.0, 6.5, 7.0, 7.5, 8.0, 8.5, 9.0, 9.5)
SCALES = tuple(int(step * 10**power) for power in range(3, 8) for step in ROUND)
WALKING_M_PER_MINUTE = 4000 / 60


def crime_sheet(release: Release, *, language: str, contacts: Sequence[str] = ()) -> bytes:
    """The crime map of ``release`` as a PDF of one A4 sheet: the map on the front, what stands behind it on the back.

    Parameters
    ----------
    release
        What the audience may see; nothing else is accepted.
    language
        'en', or a language that has a catalogue.
    contacts
        Lines printed under 'Whom to call'; without any, room is left to write them.

    Returns
    -------
    bytes
        The same for the same release, language and contacts.

    Raises
    ------
    ReleaseError
        If it is not a release, or a text cannot be printed whole and legibly.

    Notes
    -----
    Squares are drawn in bands; a numbered outline is an area that passed the map-wide test. Border lines are the claims standing
    on the last day of the period. The sheet does not show who did anything, and a blank square is not a safe one.
    """
    return _sheet(release, "crime", language, contacts)


def tension_sheet(release: Release, *, language: str, contacts: Sequence[str] = ()) -> bytes:
    """The tension map of ``release`` as a PDF of one A4 sheet: disputes, claims, water and pasture, and joint work.

    Parameters, returns, raises and notes are those of ``crime_sheet``; squares with five or more joint repairs, agreements
    or meetings carry a mark.
    """
    return _sheet(release, "tension", language, contacts)


def _sheet(release: Release, theme: str, language: str, contacts: Sequence[str]) -> bytes:
    shown.refuse_unless_release(release)
    words = Words(language)
    with rc_context():
        rcdefaults()
        matplotlib.rcParams.update({"pdf.fonttype": 42, "pdf.compression": 6, "hatch.linewidth": style.HATCH_LINE_PT})
        view = View(release, theme)
        front = _best_front(view, words)
        page, more_areas = front.draw()
        return as_pdf([page, _back(front.paper, contacts, more_areas)])


def _best_front(view: View, words: Words) -> _Front:
    """The layout with the largest map."""
    for listed in HOTSPOTS_LISTED:
        fronts, refusals = _fronts(view, words, listed)
        if not fronts:
            raise refusals[0]
        best = min(fronts, key=lambda front: front.scale)
        if best.scale < inf:
            break
    else:
        raise best.refusal()
    return best


def _fronts(view: View, words: Words, listed: int) -> tuple[list[_Front], list[ReleaseError]]:
    """Every layout that can be tried, and why the others cannot."""
    fronts, refusals = [], []
    for page, columns, beside in product((A4_MM, A4_MM[::-1]), (3, 4, 5), (1, 0)):
        if _column_mm(page[0], columns) >= NARROWEST_COLUMN_MM:
            try:
                fronts.append(_Front(_Paper(view, words, page), columns, beside, listed))
            except ReleaseError as error:
                refusals.append(error)
    return fronts, refusals


def _column_mm(page_mm: float, columns: int) -> float:
    return (page_mm - 2 * MARGIN_MM - (columns - 1) * GUTTER_MM) / columns


def _front_blocks(view: View, words: Words, index: Callable[[Any], str], side_mm: float, listed: int) -> list[Block]:
    """What one must know to read the map."""
    release, headings = view.release, sentences.headings(view.release, words)
    doubt = [sentences.chance(release, words), *sentences.doubt(release, view.theme, words)]
    kinds = [*view.settlements["kind"], *view.resources["kind"], *view.services["kind"]]
    order = [*style.LINES, *style.GROUNDS, *style.SYMBOLS]
    places = tuple(Row(words.label(kind), place_key(kind)) for kind in order if kind in kinds)
    found = [
        Block(headings["squares"], _squares(view, words, side_mm)),
        Block(headings["areas"], _first_areas(view, words, index, listed)),
        Block(headings["doubt"], tuple(map(Row, doubt))),
        _claims(view, words, headings["claims"]),
    ]
    return [*found, Block(headings["places"], short=places)] if places else found


def _squares(view: View, words: Words, side_mm: float) -> tuple[Row, ...]:
    rows = [Row(sentences.reports(view.release, band, words), band_key(band, side_mm)) for band in reversed(BANDS)]
    if len(view.joint_work):
        rows.append(Row(sentences.joint_work(view.release, words), symbol_key(style.SYMBOLS["joint_work"])))
    if view.points is not None:
        rows.append(Row(sentences.single_report(words), symbol_key(style.SYMBOLS["report"])))
    return (*rows, Row(sentences.approximate(view.release, view.theme, words)))


def _first_areas(view: View, words: Words, index: Callable[[Any], str], listed: int) -> tuple[Row, ...]:
    kinds = [kind for kind in ("hot", "cold") if kind in {"hot", *view.hotspots["kind"]}]
    keys = [Row(sentences.meaning(kind, words), hotspot_key(kind)) for kind in kinds]
    areas = _areas(view, words, index)
    more = len(areas) - listed
    told = words.n("{n} more area: see the back", "{n} more areas: see the back", more) if more > 0 else ""
    return (*keys, *areas[:listed], *([Row(told)] if told else []))


def _areas(view: View, words: Words, index: Callable[[Any], str]) -> list[Row]:
    """Each numbered area in a sentence: where, how many, from whom, near what."""
    rows = []
    for row in view.hotspots.itertuples():
        told = ", ".join(sentences.area(row, words))
        rows.append(Row(f"{row.hotspot_id} ({index(row.geometry)}){told and f': {told}'}"))
    return rows


def _claims(view: View, words: Words, heading: str) -> Block:
    """The kinds of claims on the map, whose letters stand on them, and that drawing is not endorsing."""
    drawn = set(view.claims["status"])
    keys = tuple(Row(words.label(status), stroke_key(look)) for status, look in style.CLAIMS.items() if status in drawn)
    letters = shown.claimant_letters(view.release)
    claimants = sorted({name for names in view.claims["claimant"] for name in names.split(" + ")})
    told = [", ".join(f"{letters[name]}: {name}" for name in claimants if name in letters), sentences.disclaimer(words)]
    return Block(heading, tuple(Row(text) for text in told if text), keys)


def _back_blocks(view: View, words: Words, contacts: Sequence[str], more_areas: Sequence[Row]) -> list[Block]:
    """What stands behind the map, whom to call, and room to write."""
    release, headings = view.release, sentences.headings(view.release, words)
    claims = [Row(text, stroke_key(style.CLAIMS[status])) for status, text in sentences.claims(release, words)]
    counted = [*sentences.counted(release, words), _totals(view, words)]
    areas = [Block(headings["areas"], tuple(more_areas))] if more_areas else []
    return [
        Block(headings["contacts"], tuple(map(Row, contacts)), rules=0 if contacts else 2),
        *areas,
        Block(headings["sources"], tuple(Row(text) for text in counted if text)),
        Block(headings["hidden"], tuple(map(Row, sentences.hidden(release, words)))),
        Block(headings["claims"], (*claims, *map(Row, sentences.claims_left_out(release, words)))),
        Block(words("What was done since the last meeting"), rules=4),
        Block(words("Your notes, next meeting"), rules=3),
    ]


def _totals(view: View, words: Words) -> str:
    """Kinds of reports by band, the most frequent first."""
    totals = shown.of_theme(view.release, "totals", view.theme)
    kinds = [(band, sorted(words.label(kind) for kind in totals[totals["band"] == band]["category"])) for band in BANDS[::-1]]
    return " ".join(words("{band}: {kinds}.", band=words.label(band), kinds=", ".join(names)) for band, names in kinds if names)


@dataclass(frozen=True)
class _Paper:
    """What both sides of a sheet share: size, banners, title and imprint."""

    view: View
    words: Words
    page_mm: tuple[float, float]

    @property
    def inner_mm(self) -> float:
        return self.page_mm[0] - 2 * MARGIN_MM

    @cached_property
    def title(self) -> tuple[float, list[str]]:
        """Size and lines of the title."""
        title = sentences.title(self.view.release, self.view.theme, self.words)
        for size, most in TITLES:
            lines = wrap(title, self.inner_mm, size, "Bold")
            if len(lines) <= most:
                return size, lines
        raise ReleaseError(
            f"The title {short(title)!r} is longer than two lines. Choose a shorter name of the study in study.toml."
        )

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

    @cached_property
    def imprint(self) -> list[str]:
        """Period, projection and digest in lines."""
        words = self.words
        first, last = map(words.day, shown.months_counted(self.view.release))
        told = words(
            "Period: {first} to {last}. Projection: {crs}. Data digest: {digest}",
            first=first,
            last=last,
            crs=self.view.cells.crs.name,
            digest=self.view.release.digest,
        )
        return wrap(told, self.inner_mm - text_width_mm("1 / 2", BODY_PT) - GUTTER_MM)

    @property
    def floor_mm(self) -> float:
        """Where the imprint begins."""
        return MARGIN_MM + len(self.imprint) * line_mm(BODY_PT) + 1.5

    def header_mm(self, texts: Sequence[tuple[float, str, Sequence[str]]]) -> float:
        """Height of the banners and of ``texts`` of a size and a face."""
        return self.banners_mm + sum(len(t) * line_mm(size) for size, _, t in texts) + 2.0

    def begin(self, number: int, texts: Sequence[tuple[float, str, Sequence[str]]]) -> Page:
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
        side = f"{number} / 2"
        page.text(page.width - MARGIN_MM - text_width_mm(side, BODY_PT), MARGIN_MM + 0.8, side)
        return page

    def _draw_banners(self, page: Page, row: Sequence[_Banner], top: float) -> None:
        """Framed, side by side over the whole line."""
        spare = (self.inner_mm - sum(banner.width_mm for banner in row) - (len(row) - 1) * 2) / len(row)
        x = MARGIN_MM
        for banner in row:
            east = x + banner.width_mm + spare
            page.shape(shapely.box(x, top - _row_mm(row), east, top), fill=False, ec=banner.colour, lw=1.6, zorder=10)
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


class _Front:
    """One way of laying the front out: the map at the largest round scale that fits, texts in columns beside and under it."""

    def __init__(self, paper: _Paper, columns: int, beside: int, listed: int) -> None:
        self.paper, self.view, self.words = paper, paper.view, paper.words
        size, title = paper.title
        summary = wrap(sentences.summary(paper.view.release, paper.view.theme, paper.words), paper.inner_mm, SUMMARY_PT)
        self.texts = ((size, "Bold", title), (SUMMARY_PT, "", summary))
        self.top = paper.page_mm[1] - MARGIN_MM - paper.header_mm(self.texts)
        self.columns, self.beside, self.listed = columns, beside, listed
        self.column_mm = _column_mm(paper.page_mm[0], columns)
        self.map_mm = paper.inner_mm - beside * (self.column_mm + GUTTER_MM)
        self.scale_row_mm = max(8.5, len(self._scale_lines(8_888_888, 88_000, 888)) * line_mm(BODY_PT) + 2.5)
        self.order, self.under_mm = min(((order, self._under_mm(order)) for order in ORDERS), key=itemgetter(1))
        self.scale = self._largest_scale()

    def _flow(self, blocks: Sequence[SetBlock], under_top: float, under_mm: float) -> Flow:
        """``blocks`` in the column beside the map, then in those under it."""
        places = [MARGIN_MM + number * (self.column_mm + GUTTER_MM) for number in range(self.columns)]
        split = self.columns - self.beside
        beside = [Column(x, self.top, self.paper.floor_mm, self.column_mm) for x in places[split:]]
        under = [Column(x, under_top, under_top - under_mm, self.column_mm) for x in places[:split]]
        return flow(blocks, beside + under)

    def _blocks(self, order: Sequence[int], index: Callable[[Any], str], side_mm: float) -> list[SetBlock]:
        blocks = _front_blocks(self.view, self.words, index, side_mm, self.listed)
        blocks[2:4] = [blocks[number] for number in order]
        return set_blocks(blocks, self.column_mm)

    def _under_mm(self, order: Sequence[int]) -> float:
        """The least height of the columns under the map that holds the texts; infinite if none does."""
        widest = self._blocks(order, lambda _: "W88", style.SMALLEST_HATCHED_MM)
        heights = np.arange(0.0, self.top - self.paper.floor_mm, 2.0)
        fitting = (height for height in heights if self._flow(widest, 0.0, height).has_room)
        return float(next(fitting, inf))

    @property
    def free_mm(self) -> float:
        """Height left for the map."""
        gap = BLOCK_GAP_MM * bool(self.under_mm)
        return self.top - self.paper.floor_mm - 2 * INDEX_MM - self.scale_row_mm - self.under_mm - gap

    def _largest_scale(self) -> float:
        """The largest round scale at which the map fits; infinite if the texts leave it too little room."""
        if self.free_mm < SMALLEST_MAP_MM:
            return inf
        west, south, east, north = self.view.bounds
        need = max((east - west) / (self.map_mm - 2 * INDEX_MM), (north - south) / self.free_mm) * 1000
        return next((scale for scale in SCALES if scale >= need), inf)

    def refusal(self) -> ReleaseError:
        """Why the map does not fit."""
        return ReleaseError(
            f"The texts on the front leave {max(self.free_mm, 0):.0f} mm for the map, and it needs {SMALLEST_MAP_MM:.0f} mm. "
            "Make the names of the study, of its parties and of settlements, or the reason for lower thresholds, shorter."
        )

    def draw(self) -> tuple[Page, list[Row]]:
        """The front, and the rows on the numbered areas for which it has no room."""
        page = self.paper.begin(1, self.texts)
        chart = Chart(page, self.view, self.words, self.scale, self.top - INDEX_MM, MARGIN_MM + INDEX_MM)
        left_out = chart.draw()
        below = chart.frame[1] - INDEX_MM
        self._draw_scale_row(page, chart.frame[0], below, left_out)
        blocks = self._blocks(self.order, chart.index, chart.side_mm)
        self._flow(blocks, below - self.scale_row_mm - BLOCK_GAP_MM, self.under_mm).draw(page)
        return page, _areas(self.view, self.words, chart.index)[self.listed :]

    def _draw_scale_row(self, page: Page, west: float, top: float, left_out: int) -> None:
        words = self.words
        length_m = max(side for side in SIDES_M if 2 * side / self.scale * 1000 <= SCALE_BAR_MM - 16)
        half, y = length_m / self.scale * 1000, top - 6.2
        for number, grey in enumerate((style.INK, style.PAPER)):
            piece = Rectangle((west + 1 + number * half, y), half, 1.6, facecolor=grey, edgecolor=style.INK, lw=0.8, zorder=10)
            page.axes.add_patch(piece)
        for number in range(3):
            km = words.number(number * length_m / 1000)
            x = west + 1 + number * half - text_width_mm(km, BODY_PT) / 2 * bool(number)
            page.text(x, y + 2.4, words("{km} km", km=km) if number == 2 else km)
        for number, line in enumerate(self._scale_lines(self.scale, 2 * length_m, left_out)):
            page.text(west + SCALE_BAR_MM, top - 3.6 - number * line_mm(BODY_PT), line)
        self._draw_north(page, MARGIN_MM + self.map_mm - 8, top - 8.0)

    def _scale_lines(self, scale: float, length_m: float, left_out: int) -> list[str]:
        words = self.words
        minutes = round(length_m / WALKING_M_PER_MINUTE)
        km = words.number(length_m / 1000)
        if minutes <= 90:
            walk = words("On foot: {km} km in about {minutes} minutes.", km=km, minutes=minutes)
        else:
            walk = words("On foot: {km} km in about {hours} hours.", km=km, hours=words.number(round(minutes / 60)))
        lines = [words("Scale 1:{scale} on A4 paper.", scale=words.number(scale)), walk]
        if left_out:
            lines.append(words("Names without room on the map: {n}; such settlements are small dots.", n=left_out))
        return wrap(" ".join(lines), self.map_mm - 2 * INDEX_MM - SCALE_BAR_MM - 12)

    def _draw_north(self, page: Page, x: float, y: float) -> None:
        head = shapely.Polygon([(x, y + 7.5), (x - 1.6, y + 3), (x, y + 4), (x + 1.6, y + 3)])
        page.shape(head, facecolor=style.INK, ec=style.INK, lw=0.8)
        page.shape(shapely.LineString([(x, y + 4), (x, y)]), fill=False, lw=1.0)
        page.text(x + 2.4, y + 1.6, self.words.north, size=11, face="Bold")


def _back(paper: _Paper, contacts: Sequence[str], more_areas: Sequence[Row]) -> Page:
    """What stands behind the map, in columns; what is left of them is ruled, to write on."""
    title = wrap(sentences.title(paper.view.release, paper.view.theme, paper.words), paper.inner_mm, BACK_TITLE_PT, "Bold")
    texts = ((BACK_TITLE_PT, "Bold", title),)
    page = paper.begin(2, texts)
    count = 2 if page.width < page.height else 3
    width = _column_mm(page.width, count)
    top = page.height - MARGIN_MM - paper.header_mm(texts) - 2
    columns = [Column(MARGIN_MM + n * (width + GUTTER_MM), top, paper.floor_mm + 2, width) for n in range(count)]
    blocks = _back_blocks(paper.view, paper.words, contacts, more_areas)
    texts_on_it = flow(set_blocks(blocks, width), columns)
    if not texts_on_it.has_room:
        longest = max(blocks, key=lambda block: sum(len(row.text) for row in block.rows))
        raise ReleaseError(
            f"The texts on the back do not fit on one page. The longest stands under {longest.heading!r}: "
            "make contacts, names of sources or names of claimants shorter."
        )
    texts_on_it.draw(page)
    notes, *empty = texts_on_it.left
    fill_with_rules(page, [replace(notes, top=notes.top + BLOCK_GAP_MM), *empty])
    return page
