"""The printed map: a sheet that is complete without a screen, on A4, on A3, or as a poster of eight A4 sheets.

On the front stands the map, with what one must know to read it; on the back what stands behind it, whom to call and room to
write. A page either keeps its promises or is not made: what does not fit, or cannot be read, is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf, sqrt
from operator import itemgetter
from typing import Any

import numpy as np
import shapely

from tensionmap.errors import ReleaseError
from tensionmap.publish import sentences, shown, style
from tensionmap.publish.chart import INDEX_MM, SIDES_M, Chart, View
from tensionmap.publish.checklist import require_complete
from tensionmap.publish.columns import BLOCK_GAP_MM, Block, Column, Flow, Row, SetBlock, fill_with_rules, flow, set_blocks
from tensionmap.publish.keys import band_key, hotspot_key, place_key, relief_key, stroke_key, symbol_key
from tensionmap.publish.page import A4_MM, BODY_PT, Page, as_pdf, line_mm, text_width_mm, wrap
from tensionmap.publish.paper import GUTTER_MM, MARGIN_MM, Paper
from tensionmap.publish.poster import ZOOM, poster
from tensionmap.publish.relief import Hillshade
from tensionmap.publish.words import Words
from tensionmap.tables import BANDS, Release

NARROWEST_COLUMN_MM = 51.0
SCALE_BAR_MM = 62.0
SMALLEST_MAP_MM = 45.0
BACK_TITLE_PT = 13.0
HOTSPOTS_LISTED = (6, 3, 1)
"""How many numbered areas the front lists at most: fewer only where the texts would leave no room for the map."""
ORDERS = ((2, 3), (3, 2))
"""Doubt may stand before the claims or after them, whichever leaves more room."""
ROUND = (1.0, 1.25, 1.5, 1.75, 2.0, 2.25, 2.5, 2.75, 3.0, 3.5, 4.0, 4.5, 5.0, 5.5, 6.0, 6.5, 7.0, 7.5, 8.0, 8.5, 9.0, 9.5)
SCALES = tuple(int(step * 10**power) for power in range(3, 8) for step in ROUND)
WALKING_M_PER_MINUTE = 4000 / 60
PAPERS = {"A4": 1.0, "A3": sqrt(2), "A1": ZOOM}
"""How many times larger than on A4 everything is: letters, lines and hatches too."""
A3_MM = (297.0, 420.0)
ORIENTATIONS = {"portrait": (A4_MM,), "landscape": (A4_MM[::-1],), None: (A4_MM, A4_MM[::-1])}


def crime_sheet(
    release: Release,
    *,
    language: str,
    contacts: Sequence[tuple[str, str]] = (),
    paper: str = "A4",
    orientation: str | None = None,
    relief: Hillshade | None = None,
) -> bytes:
    """The crime map of ``release`` as a PDF of one sheet: the map on the front, what stands behind it on the back.

    Parameters
    ----------
    release
        What the audience may see; nothing else is accepted.
    language
        'en', or a language that has a catalogue.
    contacts
        Office ('police', ..., 'other') and text of each line under 'Whom to call'; without any, room is left to write them.
    paper
        'A4'; 'A3', on which all is 1.4 times as large; or 'A1', a poster of eight A4 sheets to be glued together, which has
        no back. The map has a round scale on each.
    orientation
        'portrait' or 'landscape'; None for the one in which the map is larger.
    relief
        The lie of the land, shown in light greys under the map.

    Returns
    -------
    bytes
        The same for the same arguments.

    Raises
    ------
    ReleaseError
        If it is not a release, there is no such paper, or a text cannot be printed whole and legibly.

    Notes
    -----
    Squares are drawn in bands; a numbered outline is an area that passed the map-wide test. Border lines are the claims standing
    on the last day of the period. The sheet does not show who did anything, and a blank square is not a safe one.
    """
    return _sheet(View(release, "crime"), language, contacts, paper, orientation, relief)


def tension_sheet(
    release: Release,
    *,
    language: str,
    contacts: Sequence[tuple[str, str]] = (),
    paper: str = "A4",
    orientation: str | None = None,
    relief: Hillshade | None = None,
) -> bytes:
    """The tension map of ``release`` as a PDF of one sheet: disputes, claims, water and pasture, and joint work.

    Parameters, returns, raises and notes are those of ``crime_sheet``; squares with five or more joint repairs, agreements
    or meetings carry a mark.
    """
    return _sheet(View(release, "tension"), language, contacts, paper, orientation, relief)


def _sheet(
    view: View, language: str, contacts: Sequence[tuple[str, str]], paper: str, orientation: str | None, relief: Hillshade | None
) -> bytes:
    words = Words(language)
    sheet = map_sheet(view, words, contacts=contacts, paper=paper, orientation=orientation, relief=relief)
    if paper == "A1":
        return as_pdf(poster(sheet.front, number=sheet.paper.number, words=words))
    pages = [sheet.front, sheet.back]
    for number, page in enumerate(pages, start=1):
        sheet.paper_of(page).number_page(page, number, len(pages))
    require_complete(pages, view, words)
    return as_pdf(as_printed(pages, paper))


@dataclass(frozen=True)
class MapSheet:
    """Both sides of a map, laid out but not yet numbered: the map itself, and what its pages share."""

    front: Page
    back: Page
    chart: Chart
    paper: Paper

    def paper_of(self, page: Page) -> Paper:
        """What a side shares with the other: the back carries the code."""
        return replace(self.paper, has_code=page is self.back)


def map_sheet(
    view: View,
    words: Words,
    *,
    contacts: Sequence[tuple[str, str]] = (),
    paper: str = "A4",
    orientation: str | None = None,
    relief: Hillshade | None = None,
    label: str = "",
) -> MapSheet:
    """Front and back of a map of ``view``; parameters and errors are those of ``crime_sheet``.

    ``label`` is printed before the digest in the number of the map; by default for whom it is and of what.
    """
    for name, given, known in (("paper", paper, PAPERS), ("orientation", orientation, ORIENTATIONS)):
        if given not in known:
            raise ReleaseError(f"There is no {name} {given!r}. Choose one of: {', '.join(filter(None, known))}.")
    papers = [Paper(view, words, paper, page, label=label) for page in ORIENTATIONS[orientation]]
    front = _best_front(papers, relief)
    page, chart = front.draw()
    return MapSheet(page, _back(front.paper, contacts, _areas(view, words, chart.index)), chart, front.paper)


def as_printed(pages: Sequence[Page], paper: str) -> list[Page]:
    """Pages that were laid out on A4, as large as ``paper`` is."""
    return list(pages) if paper == "A4" else [_on_a3(page) for page in pages]


def _on_a3(page: Page) -> Page:
    width, height = A3_MM if page.width < page.height else A3_MM[::-1]
    return page.part((0.0, 0.0, page.width, page.height), PAPERS["A3"], width=width, height=height, corner=(0.0, 0.0))


def _best_front(papers: Sequence[Paper], relief: Hillshade | None) -> _Front:
    """The layout with the largest map, on any of ``papers``."""
    view, words = papers[0].view, papers[0].words
    for listed in HOTSPOTS_LISTED:
        blocks = _front_blocks(view, words, lambda _: "W88", style.SMALLEST_HATCHED_MM, listed, has_relief=relief is not None)
        fronts: list[_Front] = []
        refusals: list[ReleaseError] = []
        for paper in papers:
            for front in _fronts(paper, blocks, listed, relief):
                if isinstance(front, _Front):
                    fronts.append(front)
                else:
                    refusals.append(front)
        if not fronts:
            raise refusals[0]
        best = min(fronts, key=lambda front: front.scale)
        if best.scale < inf:
            break
    else:
        raise best.refusal()
    return best


def _fronts(paper: Paper, blocks: Sequence[Block], listed: int, relief: Hillshade | None) -> Iterator[_Front | ReleaseError]:
    """Every layout that can be tried on a page, or why it cannot."""
    for columns in (3, 4, 5):
        width = _column_mm(paper.page_mm[0], columns)
        if width < NARROWEST_COLUMN_MM:
            return
        try:
            widest = set_blocks(blocks, width)
            yield from (_Front(paper, widest, columns, beside, listed, relief) for beside in range(columns - 2, -1, -1))
        except ReleaseError as error:
            yield error


def _column_mm(page_mm: float, columns: int) -> float:
    return (page_mm - 2 * MARGIN_MM - (columns - 1) * GUTTER_MM) / columns


def _front_blocks(
    view: View, words: Words, index: Callable[[Any], str], side_mm: float, listed: int, *, has_relief: bool
) -> list[Block]:
    """What one must know to read the map."""
    release, headings = view.release, sentences.headings(view.release, words)
    doubt = [sentences.chance(release, words), *sentences.doubt(release, view.theme, words)]
    kinds = [*view.settlements["kind"], *view.resources["kind"], *view.services["kind"]]
    order = [*style.LINES, *style.GROUNDS, *style.SYMBOLS]
    places = tuple(Row(words.label(kind), place_key(kind)) for kind in order if kind in kinds)
    places += (Row(words("slopes in the shade"), relief_key),) * has_relief
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


def _support(view: View, words: Words) -> list[Row]:
    """How sure each numbered area is where places are imprecise, areas alike together."""
    told: dict[str, list[str]] = {}
    for row in view.hotspots.itertuples():
        for sentence in sentences.support(row, words):
            told.setdefault(sentence, []).append(row.hotspot_id)
    return [Row(f"{', '.join(numbers)}: {sentence}") for sentence, numbers in told.items()]


def _back_blocks(view: View, words: Words, contacts: Sequence[tuple[str, str]], areas: Sequence[Row]) -> list[Block]:
    """What stands behind the map, whom to call, and room to write."""
    release, headings = view.release, sentences.headings(view.release, words)
    claims = [Row(text, stroke_key(style.CLAIMS[status])) for status, text in sentences.claims(release, words)]
    counted = [*sentences.counted(release, words), _totals(view, words)]
    listed = [Block(headings["areas"], (*areas, *_support(view, words)))] if areas else []
    return [
        Block(headings["contacts"], tuple(map(Row, sentences.contacts(contacts, words))), rules=0 if contacts else 2),
        *listed,
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


class _Front:
    """One way of laying the front out: the map at the largest round scale that fits, texts in columns beside and under it."""

    def __init__(
        self, paper: Paper, widest: Sequence[SetBlock], columns: int, beside: int, listed: int, relief: Hillshade | None
    ) -> None:
        self.paper, self.view, self.words, self.relief = paper, paper.view, paper.words, relief
        self.texts = paper.texts
        self.top = paper.page_mm[1] - MARGIN_MM - paper.header_mm(self.texts)
        self.columns, self.beside, self.listed = columns, beside, listed
        self.column_mm = _column_mm(paper.page_mm[0], columns)
        self.map_mm = paper.inner_mm - beside * (self.column_mm + GUTTER_MM)
        self.scale_row_mm = max(8.5, len(self._scale_lines(8_888_888, 88_000, 888)) * line_mm(BODY_PT) + 2.5)
        self.order, self.under_mm = min(((order, self._under_mm(_ordered(widest, order))) for order in ORDERS), key=itemgetter(1))
        self.scale = self._largest_scale()

    def _flow(self, blocks: Sequence[SetBlock], under_top: float, under_mm: float) -> Flow:
        """``blocks`` in the column beside the map, then in those under it."""
        places = [MARGIN_MM + number * (self.column_mm + GUTTER_MM) for number in range(self.columns)]
        split = self.columns - self.beside
        beside = [Column(x, self.top, self.paper.floor_mm, self.column_mm) for x in places[split:]]
        under = [Column(x, under_top, under_top - under_mm, self.column_mm) for x in places[:split]]
        return flow(blocks, beside + under)

    def _under_mm(self, blocks: Sequence[SetBlock]) -> float:
        """The least height of the columns under the map that holds the texts; infinite if none does."""
        highest = self.top - self.paper.floor_mm
        least = (sum(block.height_mm for block in blocks) - self.beside * highest) / (self.columns - self.beside)
        heights = np.arange(0.0, highest, 2.0)
        fitting = (height for height in heights[heights >= least - 2.0] if self._flow(blocks, 0.0, height).has_room)
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
        need = max((east - west) / (self.map_mm - 2 * INDEX_MM), (north - south) / self.free_mm) * 1000 / self.zoom
        return next((scale for scale in SCALES if scale >= need), inf)

    @property
    def zoom(self) -> float:
        """How many times larger than it is laid out the page is printed."""
        return PAPERS[self.paper.name]

    @property
    def mm_per_m(self) -> float:
        """Millimetres of the layout for a metre."""
        return 1000 / self.scale / self.zoom

    def refusal(self) -> ReleaseError:
        """Why the map does not fit."""
        return ReleaseError(
            f"The texts on the front leave {max(self.free_mm, 0):.0f} mm for the map, and it needs {SMALLEST_MAP_MM:.0f} mm. "
            "Make the names of the study, of its parties and of settlements, or the reason for lower thresholds, shorter."
        )

    def draw(self) -> tuple[Page, Chart]:
        """The front, and the map on it."""
        page = self.paper.begin(self.texts)
        chart = Chart(page, self.view, self.words, self.mm_per_m, self.top - INDEX_MM, MARGIN_MM + INDEX_MM)
        if self.relief is not None:
            chart.draw_relief(self.relief)
        left_out = chart.draw()
        below = chart.frame[1] - INDEX_MM
        self._draw_scale_row(page, chart.frame[0], below, left_out)
        blocks = _front_blocks(self.view, self.words, chart.index, chart.side_mm, self.listed, has_relief=self.relief is not None)
        texts = _ordered(set_blocks(blocks, self.column_mm), self.order)
        self._flow(texts, below - self.scale_row_mm - BLOCK_GAP_MM, self.under_mm).draw(page)
        return page, chart

    def _draw_scale_row(self, page: Page, west: float, top: float, left_out: int) -> None:
        words = self.words
        length_m = max(side for side in SIDES_M if 2 * side * self.mm_per_m <= SCALE_BAR_MM - 16)
        half, y = length_m * self.mm_per_m, top - 6.2
        for number, grey in enumerate((style.INK, style.PAPER)):
            page.shape(shapely.box(west + 1 + number * half, y, west + 1 + (number + 1) * half, y + 1.6), fill=grey, z=10)
        for number in range(3):
            km = words.number(number * length_m / 1000)
            x = west + 1 + number * half - text_width_mm(km, BODY_PT) / 2 * bool(number)
            page.text(x, y + 2.4, words("{km} km", km=km) if number == 2 else km)
        for number, line in enumerate(self._scale_lines(self.scale, 2 * length_m, left_out)):
            page.text(west + SCALE_BAR_MM, top - 3.6 - number * line_mm(BODY_PT), line)
        self._draw_north(page, MARGIN_MM + self.map_mm - 8, top - 8.0)

    def _scale_lines(self, scale: float, length_m: float, left_out: int) -> list[str]:
        words, name = self.words, self.paper.name
        minutes = round(length_m / WALKING_M_PER_MINUTE)
        km = words.number(length_m / 1000)
        if minutes <= 90:
            walk = words("On foot: {km} km in about {minutes} minutes.", km=km, minutes=minutes)
        else:
            walk = words("On foot: {km} km in about {hours} hours.", km=km, hours=words.number(round(minutes / 60)))
        if name == "A1":
            told = words("Scale 1:{scale} on a poster of eight A4 sheets.", scale=words.number(scale))
        else:
            told = words("Scale 1:{scale} on {paper} paper.", scale=words.number(scale), paper=name)
        lines = [told, walk]
        if left_out:
            lines.append(words("Names without room on the map: {n}; such settlements are small dots.", n=left_out))
        return wrap(" ".join(lines), self.map_mm - 2 * INDEX_MM - SCALE_BAR_MM - 12)

    def _draw_north(self, page: Page, x: float, y: float) -> None:
        head = shapely.Polygon([(x, y + 7.5), (x - 1.6, y + 3), (x, y + 4), (x + 1.6, y + 3)])
        page.shape(head, fill=style.INK)
        page.shape(shapely.LineString([(x, y + 4), (x, y)]), lw=1.0)
        page.text(x + 2.4, y + 1.6, self.words.north, size=11, face="Bold")


def _ordered(blocks: Sequence[SetBlock], order: Sequence[int]) -> list[SetBlock]:
    return [*blocks[:2], *(blocks[number] for number in order), *blocks[4:]]


def _back(front: Paper, contacts: Sequence[tuple[str, str]], areas: Sequence[Row]) -> Page:
    """What stands behind the map, in columns; what is left of them is ruled, to write on."""
    paper = replace(front, has_code=True)
    view = paper.view
    told = sentences.title(view.release, view.theme, paper.words, around=view.around(paper.words))
    title = wrap(told, paper.inner_mm, BACK_TITLE_PT, "Bold")
    texts = ((BACK_TITLE_PT, "Bold", title),)
    page = paper.begin(texts)
    count = 2 if page.width < page.height else 3
    width = _column_mm(page.width, count)
    top = page.height - MARGIN_MM - paper.header_mm(texts) - 2
    columns = [Column(MARGIN_MM + n * (width + GUTTER_MM), top, paper.floor_mm + 2, width) for n in range(count)]
    blocks = _back_blocks(paper.view, paper.words, contacts, areas)
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
