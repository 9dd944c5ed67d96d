"""The map checklist: what a sheet must say before it may be printed, read off what its pages really draw.

Each point is a small function that looks at the drawn page (its lines of type, its marks) and says what is missing and what to
do. A sheet that misses one point is refused with all of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import shapely

from tensionmap import __version__
from tensionmap.errors import ReleaseError
from tensionmap.publish import sentences, shown, style
from tensionmap.publish.chart import SIDES_M, View
from tensionmap.publish.columns import INDENT_MM
from tensionmap.publish.drawn import PT_MM, Drawn, Marks, Shape, Writing
from tensionmap.publish.keys import STREWN
from tensionmap.publish.labels import Box
from tensionmap.publish.page import BODY_PT, Page, short
from tensionmap.publish.words import Words
from tensionmap.tables import BANDS, Release

LONGEST_SENTENCE = 20
"""Words of a sentence of the summary, in every language."""
FEWEST_RULES = 6
"""Lines to write on that a sheet must offer."""
_BAR = (style.INK, style.PAPER)
UNDER_MM = 13.0
"""How far below a heading of one or two lines the first thing stands that belongs to it."""
OFFICES = ("police", "local_government", "helpline_for_women", "other")
"""Whose contacts a study can give."""
BLOCKS = ("rights", "border_crossing", "pasture_use")
"""Texts that a study writes itself, for each of its languages."""
BANNED = (
    *("kernel density", "p-value", "p value", "z-score", "statistically significant", "null hypothesis", "hot spot analysis"),
    *("attack", "enemy", "enemies", "terroris", "ethnic", "extremis"),
    *("плотность ядра", "p-значени", "статистически значим", "горячая точка", "нападен", "враг", "враждеб", "террор", "этнич"),
    *("ҳамла", "душман", "қавмият", "зичии ядро", "аҳамияти оморӣ"),
    *("чабуул", "кол салуу", "этностук", "статистикалык мааниси"),
    *("hujum", "dushman", "terror", "etnik", "statistik ahamiyat", "p-qiymat"),
)
"""Beginnings of words that no sheet says: jargon, and words that make a report into an act of war or a trait of a people."""


@dataclass(frozen=True)
class Printed:
    """What one page draws, in the order in which it was drawn."""

    page: Page

    @cached_property
    def lines(self) -> list[Writing]:
        """Its lines of type."""
        return [piece for piece in self.page.drawn if isinstance(piece, Writing)]

    @cached_property
    def shapes(self) -> list[Shape]:
        """Its lines and areas."""
        return [piece for piece in self.page.drawn if isinstance(piece, Shape)]

    @cached_property
    def told(self) -> str:
        """Everything it says: the lines of a sentence follow one another."""
        return _one_space(" ".join(line.text for line in self.lines))

    def says(self, text: str) -> bool:
        """Whether it says ``text``, in as many lines as it may be, drawn downwards or, as at the foot, upwards."""
        upwards = _one_space(" ".join(line.text for line in reversed(self.lines)))
        return _one_space(text) in self.told or _one_space(text) in upwards

    def beginnings(self, text: str) -> Iterator[Writing]:
        """The lines with which ``text`` begins."""
        wanted = _one_space(text)
        for number, line in enumerate(self.lines):
            if line.text and wanted.startswith(line.text):
                following = _one_space(" ".join(more.text for more in self.lines[number : number + 12]))
                if following.startswith(wanted):
                    yield line

    @cached_property
    def rules(self) -> list[tuple[float, float]]:
        """Where each line to write on begins: level, thin, and as long as a word or two."""
        thin = [
            shape
            for shape in self.shapes
            if shape.width_pt == style.THINNEST_LINE_PT and shape.ink == style.INK and not shape.dash
        ]
        lines = [part for shape in thin for part in shapely.get_parts(shape.geometry) if part.geom_type == "LineString"]
        bounds = [line.bounds for line in lines]
        return [(west, south) for west, south, east, north in bounds if north - south < 1e-9 and east - west > 20]

    def has_key(self, sign: _Sign, text: str) -> bool:
        """Whether ``sign`` is drawn beside ``text``, before it."""
        return any(
            line.x - INDENT_MM - 1 < west and east < line.x and abs((south + north) / 2 - line.y - 0.35 * BODY_PT * PT_MM) < 2
            for line in self.beginnings(text)
            for west, south, east, north in _extents(self, sign)
        )


@dataclass(frozen=True)
class Sheet:
    """The pages of a sheet, the front first, and what they must tell of."""

    pages: Sequence[Printed]
    view: View
    words: Words

    @property
    def release(self) -> Release:
        """What is shown."""
        return self.view.release

    @property
    def front(self) -> Printed:
        """The page with the map."""
        return self.pages[0]

    def says(self, text: str) -> bool:
        """Whether any page says ``text``."""
        return any(page.says(text) for page in self.pages)

    def silent(self, texts: Iterable[str], advice: str) -> list[str]:
        """A fault for each text that no page says."""
        return [f"no page says {short(text)!r}: {advice}" for text in texts if not self.says(text)]


# What is drawn -------------------------------------------------------------------------------------------------------------

_Sign = Callable[[Drawn], bool]
"""Whether a piece of a page is the sign."""


def _extents(page: Printed, sign: _Sign) -> Iterator[Box]:
    """West, south, east, north of wherever the sign is drawn."""
    for piece in filter(sign, page.page.drawn):
        if isinstance(piece, Shape):
            west, south, east, north = map(float, shapely.total_bounds(piece.geometry))
            yield west, south, east, north
        elif isinstance(piece, Marks):
            for x, y in piece.points:
                yield float(x), float(y), float(x), float(y)


def _is_band(band: str) -> _Sign:
    """A square in the hatch of the band, or the mark that stands for a small one; a blank is a framed white one."""
    look = style.BANDS[band]

    def is_band(piece: Drawn) -> bool:
        if isinstance(piece, Marks):
            return bool(piece.marker == "s" and piece.part_filled == style.MARKS.get(band))
        return isinstance(piece, Shape) and piece.hatch == look.hatch and piece.fill == look.grey and bool(piece.ink)

    return is_band


def _is_stroke(stroke: style.Stroke) -> _Sign:
    """A line of this width, these dashes and this colour."""
    look = (stroke.width_pt, tuple(stroke.dash), stroke.colour)
    return lambda piece: isinstance(piece, Shape) and (piece.width_pt, tuple(piece.dash), piece.ink) == look


def _is_mark(marker: Any, size_pt: float | None = None) -> _Sign:
    """A mark of this shape, and of this size if one is given."""
    return lambda piece: isinstance(piece, Marks) and piece.marker is marker and size_pt in (None, piece.size_pt)


def _is_shade(piece: Drawn) -> bool:
    """A slope in the shade."""
    return isinstance(piece, Shape) and piece.fill in {grey for _, grey in style.RELIEF}


def _is_place(kind: str) -> _Sign:
    if kind in style.LINES:
        return _is_stroke(style.LINES[kind])
    if kind in style.SYMBOLS:
        return _is_mark(style.SYMBOLS[kind].marker, style.SYMBOLS[kind].size_pt)
    return _is_mark(STREWN[kind])


# What must be said ---------------------------------------------------------------------------------------------------------


def title(sheet: Sheet) -> list[str]:
    """What, where, which months: in the largest type of each page."""
    study, months = sheet.view.around(sheet.words) or sheet.release.facts.study, sentences.months_of(sheet.release, sheet.words)
    found = []
    for number, page in enumerate(sheet.pages, start=1):
        largest = max((line.size for line in page.lines), default=0.0)
        said = _one_space(" ".join(line.text for line in page.lines if line.size == largest))
        rest = said.replace(_one_space(study), "").replace(months, "")
        for name, is_there in (
            (f"the place {short(study)!r}", _one_space(study) in said),
            (f"the months {months!r}", months in said),
            ("what is mapped", len(re.sub(r"\W", "", rest)) > 3),
        ):
            found += [] if is_there else [f"the title of page {number} does not name {name}: say what, where and which months"]
    return found


def summary(sheet: Sheet) -> list[str]:
    """The summary stands above the map, in sentences that can be said in one breath."""
    here = None if sheet.view.part is None else list(sheet.view.hotspots["kind"])
    said = sentences.summary(sheet.release, sheet.view.theme, sheet.words, here)
    starts = list(sheet.front.beginnings(said))
    above = [line for line in sheet.front.lines if starts and line.y > starts[0].y and line.size <= BODY_PT]
    banners = {_one_space(text) for _, text in sentences.banners(sheet.release, sheet.words)}
    below = [line for line in above if not any(line.text in banner for banner in banners)]
    found = [] if starts and not below else ["the summary does not stand above the map: put it under the title"]
    for sentence in re.split(r"(?<=[.!?])\s+", said):
        if len(sentence.split()) > LONGEST_SENTENCE:
            found.append(f"the sentence {short(sentence)!r} has more than {LONGEST_SENTENCE} words: make two of it")
    return found


def legend(sheet: Sheet) -> list[str]:
    """Every sign on the map is explained: its picture stands beside its words."""
    view, words, release = sheet.view, sheet.words, sheet.release
    signs: list[tuple[_Sign, str]] = [
        (_is_band(band), sentences.reports(release, band, words))
        for band in BANDS
        if band == BANDS[0] or band in set(view.cells["band"])
    ]
    signs += [
        (_is_stroke(style.HOTSPOTS[kind]), sentences.meaning(kind, words)) for kind in sorted({"hot", *view.hotspots["kind"]})
    ]
    signs += [(_is_stroke(style.CLAIMS[status]), words.label(status)) for status in sorted(set(view.claims["status"]))]
    kinds = {*view.settlements["kind"], *view.resources["kind"], *view.services["kind"]}
    drawn = {*style.LINES, *style.GROUNDS, *style.SYMBOLS}
    signs += [(_is_place(kind), words.label(kind)) for kind in sorted(kinds & drawn)]
    if len(view.joint_work):
        signs.append((_is_mark(style.SYMBOLS["joint_work"].marker), sentences.joint_work(release, words)))
    if view.points is not None and len(view.points):
        signs.append((_is_mark(style.SYMBOLS["report"].marker), sentences.single_report(words)))
    if any(map(_is_shade, sheet.front.shapes)):
        signs.append((_is_shade, words("slopes in the shade")))
    return [
        f"{short(text)!r} has no picture beside its words: draw it in the legend"
        for sign, text in signs
        if not sheet.front.has_key(sign, text)
    ]


def areas(sheet: Sheet) -> list[str]:
    """Each number on the map is told of in words."""
    wanted = [f"{row.hotspot_id} (" for row in sheet.view.hotspots.itertuples()]
    starts = {line.text[: len(text)] for text in wanted for page in sheet.pages for line in page.lines}
    return [f"area {text[:-2]} is numbered on the map and told of nowhere: list it" for text in wanted if text not in starts]


def claims(sheet: Sheet) -> list[str]:
    """Whose letters stand on the border lines, who claims what since when by which source, and that drawing is not endorsing."""
    release, words = sheet.release, sheet.words
    letters = shown.claimant_letters(release)
    names = sorted({name for names in sheet.view.claims["claimant"] for name in names.split(" + ")} & set(letters))
    wanted = [f"{letters[name]}: {name}" for name in names]
    wanted += [text for _, text in sentences.claims(release, words)]
    wanted += [*sentences.claims_left_out(release, words), sentences.headings(release, words)["claims"]]
    front = (
        [] if sheet.front.says(sentences.disclaimer(words)) else ["the front does not say that drawing is not endorsing: say it"]
    )
    return [*front, *sheet.silent(wanted, "tell of every claim that stands, and as of which day")]


def imprint(sheet: Sheet) -> list[str]:
    """Period, age of the data, projection, digest and maker stand on every page, and which page of how many it is."""
    words, release = sheet.words, sheet.release
    first, last = map(words.day, shown.months_counted(release))
    day = release.facts.data_as_of
    age = [words("Data as of {day}", day=words.day(day))] if day else []
    found = []
    for number, page in enumerate(sheet.pages, start=1):
        texts = (
            first,
            last,
            sheet.view.cells.crs.name,
            release.digest,
            f"tensionmap {__version__}",
        )
        if not any(re.fullmatch(r"\d+ / \d+", line.text) for line in page.lines):
            found.append(f"page {number} does not say which page of how many it is: put it at its foot")
        found += [f"page {number} does not say {text!r}: put it at its foot" for text in (*age, *texts) if not page.says(text)]
    return found


def scale(sheet: Sheet) -> list[str]:
    """A bar in round kilometres, its length on foot, and north."""
    words, front = sheet.words, sheet.front
    texts = {line.text for line in front.lines}
    lengths = [2 * side for side in SIDES_M if words("{km} km", km=words.number(2 * side / 1000)) in texts]
    found = []
    if not lengths or not _has_bar(front):
        found.append("there is no scale bar in round kilometres: draw one under the map")
    on_foot = words("On foot: {km} km in about {minutes} minutes.", km="|", minutes="|").split("|")[0].strip()
    if not front.says(on_foot):
        found.append("it does not say how long the way on foot is: write it beside the scale bar")
    if not any(line.text == words.north and line.size > BODY_PT for line in front.lines):
        found.append(f"there is no {words.north!r} for north: draw an arrow with it")
    return found


def _has_bar(page: Printed) -> bool:
    """Whether a black piece and a white one as long lie end to end."""
    ends = {fill: [tuple(np.round(shape.geometry.bounds, 3)) for shape in page.shapes if shape.fill == fill] for fill in _BAR}
    return any(
        (south, north) == (bottom, top) and east == left and abs((east - west) - (right - left)) < 0.01
        for west, south, east, north in ends[style.INK]
        for left, bottom, right, top in ends[style.PAPER]
    )


def doubt(sheet: Sheet) -> list[str]:
    """How sure it is, on the front: chance, what is withheld, the share without a place, and lowered thresholds."""
    release, words = sheet.release, sheet.words
    texts = [sentences.chance(release, words), *sentences.doubt(release, sheet.view.theme, words)]
    return [f"the front does not say {short(text)!r}: say how sure it is" for text in texts if not sheet.front.says(text)]


def approximate(sheet: Sheet) -> list[str]:
    """Places are approximate, and the lowest class is explained beside the legend."""
    said = sentences.approximate(sheet.release, sheet.view.theme, sheet.words)
    if sheet.front.says(said):
        return []
    return ["the front does not say how exact places are and that an empty square is not a safe one: say it under the squares"]


def not_shown(sheet: Sheet) -> list[str]:
    """What is not shown, and why."""
    release, words = sheet.release, sheet.words
    return sheet.silent([sentences.headings(release, words)["hidden"], *sentences.hidden(release, words)], "say what is hidden")


def reporters(sheet: Sheet) -> list[str]:
    """Who reported, that only reports are counted, and what the study has no data on."""
    return sheet.silent(sentences.counted(sheet.release, sheet.words), "say who reported, and what counting means")


def contacts(sheet: Sheet) -> list[str]:
    """Whom to call, or room to write it."""
    heading = sentences.headings(sheet.release, sheet.words)["contacts"]
    for page in sheet.pages:
        things = [(line.x, line.y) for line in page.lines if line.size == BODY_PT] + page.rules
        for line in page.beginnings(heading):
            if any(abs(x - line.x) < 1 and 0 < line.y - y < UNDER_MM for x, y in things):
                return []
    return [f"nobody can be called: write contacts under {heading!r}, or leave lines for them"]


def room(sheet: Sheet) -> list[str]:
    """What was done since, and lines to write on."""
    words = sheet.words
    found = sheet.silent([words("What was done since the last meeting")], "people ask it first")
    if sum(len(page.rules) for page in sheet.pages) < FEWEST_RULES:
        found.append(f"there are fewer than {FEWEST_RULES} lines to write on: leave room")
    return found


def banners(sheet: Sheet) -> list[str]:
    """For whom it is, that it is invented, and thresholds that were lowered: on every page."""
    return [
        f"page {number} does not say {short(text)!r}: put it into its head"
        for number, page in enumerate(sheet.pages, start=1)
        for kind, text in sentences.banners(sheet.release, sheet.words)
        if not page.says(text)
    ]


# How it must be said -------------------------------------------------------------------------------------------------------


def sizes(sheet: Sheet) -> list[str]:
    """Nothing is too small or too thin to be copied."""
    found = [
        f"{short(line.text)!r} is printed at {line.size:g} pt: print it at {style.SMALLEST_TYPE_PT:g} pt or more"
        for page in sheet.pages
        for line in page.lines
        if line.size < style.SMALLEST_TYPE_PT
    ]
    thin = {
        shape.width_pt for page in sheet.pages for shape in page.shapes if shape.ink and shape.width_pt < style.THINNEST_LINE_PT
    }
    return found + [f"a line is {width:g} pt thin: draw it at {style.THINNEST_LINE_PT:g} pt or more" for width in sorted(thin)]


def colours(sheet: Sheet) -> list[str]:
    """Type is black, or red in a banner; white only on black."""
    banners = {_one_space(text) for _, text in sentences.banners(sheet.release, sheet.words)}
    numbers = {str(row.hotspot_id) for row in sheet.view.hotspots.itertuples()}
    found = []
    for page in sheet.pages:
        for line in page.lines:
            is_banner = line.colour in style.BANNERS.values() and any(line.text in banner for banner in banners)
            is_number = line.colour == style.PAPER and line.text in numbers
            if line.colour != style.INK and not is_banner and not is_number:
                found.append(f"{short(line.text)!r} is printed in {line.colour}: print it in black")
    return found


def plain_words(sheet: Sheet) -> list[str]:
    """No jargon, and no word that makes a report into an act of war; names that the data give are left alone."""
    told = " ".join(page.told for page in sheet.pages).casefold()
    for name in sorted(_names(sheet.release), key=len, reverse=True):
        told = told.replace(name, " ")
    return [
        f"the sheet says {stem!r}: say it in plain words that blame nobody"
        for stem in BANNED
        if re.search(rf"(?<!\w){re.escape(stem)}", told)
    ]


def one_language(sheet: Sheet) -> list[str]:
    """No heading in English on a sheet in another language."""
    english = sentences.headings(sheet.release, Words("en"))
    own = sentences.headings(sheet.release, sheet.words)
    lines = {line.text for page in sheet.pages for line in page.lines}
    return [
        f"{english[name]!r} is in English: translate it"
        for name in english
        if english[name] != own[name] and english[name] in lines
    ]


POINTS: tuple[Callable[[Sheet], list[str]], ...] = (
    title,
    summary,
    legend,
    areas,
    claims,
    imprint,
    scale,
    doubt,
    approximate,
    not_shown,
    reporters,
    contacts,
    room,
    banners,
    sizes,
    colours,
    plain_words,
    one_language,
)


def missing_points(pages: Sequence[Page], view: View, words: Words) -> list[str]:
    """What a sheet misses, a sentence each with the name of the point before it; nothing if it is complete.

    Parameters
    ----------
    pages
        The drawn pages of one sheet, the one with the map first.
    view, words
        What was drawn, and in which language.
    """
    sheet = Sheet([Printed(page) for page in pages], view, words)
    return [f"{point.__name__.replace('_', ' ')}: {fault}" for point in POINTS for fault in point(sheet)]


def require_complete(pages: Sequence[Page], view: View, words: Words) -> None:
    """A sheet that misses a point of the checklist is refused, with all that it misses.

    Raises
    ------
    ReleaseError
        If a point is missing.
    """
    missing = missing_points(pages, view, words)
    if missing:
        raise ReleaseError.gather(f"The {view.theme} map in {words.language!r} is not ready to be printed:", missing)


def study_gaps(
    *,
    contacts: Sequence[tuple[str, str]],
    languages: Sequence[str],
    blocks: Mapping[str, Mapping[str, str]],
    parties: Sequence[str],
    reported_by: Sequence[str],
) -> list[str]:
    """What a study should still be told before a reporting day, a sentence each; nothing if it is complete.

    Parameters
    ----------
    contacts
        Office (one of ``OFFICES``) and the line that is printed.
    languages
        In which sheets are made.
    blocks
        Kind of text -> language -> text.
    parties
        Of the border.
    reported_by
        Who reported, one for each source; may name a party more than once.
    """
    offices = {office for office, text in contacts if text.strip()}
    found = [
        f"There is no contact of the {_plain(office)}: add one, or the sheet leaves a line to write it."
        for office in OFFICES[:-1]
        if office not in offices
    ]
    found += [
        f"The contact {short(text)!r} is of {office!r}, which is no office. Offices are: {', '.join(OFFICES)}."
        for office, text in contacts
        if office not in OFFICES
    ]
    for kind in (*BLOCKS, *(kind for kind in blocks if kind not in BLOCKS)):
        missing = [language for language in languages if not blocks.get(kind, {}).get(language, "").strip()]
        if missing:
            found.append(f"The text on {_plain(kind)} is not written in: {', '.join(missing)}. Write it there too.")
    silent = [party for party in parties if party not in set(reported_by)]
    if silent:
        found.append(
            f"No source is from {', '.join(silent)}: the map is one-sided. Ask for reports of that side, or say so aloud."
        )
    return found


def _names(release: Release) -> set[str]:
    """Names that the data give, as they are compared."""
    facts, background = release.facts, release.background
    found = {facts.study, *facts.parties, *facts.reported_by, *background["claims"]["source"], *background["claims"]["claimant"]}
    for layer in ("settlements", "resources", "services"):
        for column in ("name", "name_local"):
            found |= set(background[layer][column].dropna()) if column in background[layer] else set()
    return {_one_space(name).casefold() for name in found if isinstance(name, str) and name.strip()}


def _plain(identifier: str) -> str:
    return identifier.replace("_", " ")


def _one_space(text: str) -> str:
    return " ".join(text.split())
