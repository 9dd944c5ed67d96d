"""A sheet that misses a point of the checklist is refused; each point is tried by taking out of a real sheet what it asks for."""

import dataclasses
import re

import numpy as np
import pytest
import shapely
from shapely.geometry import box

from tensionmap import tables
from tensionmap.errors import ReleaseError
from tensionmap.publish import checklist, sentences, style
from tensionmap.publish import sheet as sheets
from tensionmap.publish.chart import View
from tensionmap.publish.checklist import BANNED, missing_points, require_complete, study_gaps
from tensionmap.publish.drawn import Marks, Shape, Writing
from tensionmap.publish.page import A4_MM, Page
from tensionmap.publish.words import Words, every_text, languages

DRAW = {"crime": sheets.crime_sheet, "tension": sheets.tension_sheet}
WORKED = [("cooperation", tables.PERIOD, 5, 5, 1, "5-9")]
PRINTED = {}


@pytest.fixture
def printed(release, monkeypatch):
    """The drawn pages of a sheet and its release, drawn once."""

    def draw(theme="tension", audience="community", language="en"):
        key = (theme, audience, language)
        if key not in PRINTED:
            made = release(audience, squares=WORKED)
            monkeypatch.setattr(sheets, "as_pdf", lambda pages: PRINTED.update({key: (pages, made)}) or b"")
            DRAW[theme](made, language=language)
        return PRINTED[key]

    return draw


def without(pages, *texts):
    """The pages without the beginning of each text."""
    left = pages
    for text in texts:
        taken = [piece for page in left for piece in artists_that_say(page, text)]
        assert taken, f"the sheet never said {text!r}"
        left = [with_drawn(page, [piece for piece in page.drawn if not any(piece is one for one in taken)]) for page in left]
    return left


def with_drawn(page, drawn):
    return Page(page.width, page.height, page.zoom, list(drawn))


def changed(pages, chosen, **changes):
    """The pages with one piece drawn otherwise; with no change left out."""
    assert any(piece is chosen for page in pages for piece in page.drawn)
    other = [dataclasses.replace(chosen, **changes)] if changes else []
    return [with_drawn(page, [new for piece in page.drawn for new in (other if piece is chosen else [piece])]) for page in pages]


def lines_of(page):
    return [piece for piece in page.drawn if isinstance(piece, Writing)]


def artists_that_say(page, text):
    """The first of the lines in which ``text`` is printed, wherever it is."""
    wanted, lines = " ".join(text.split()), lines_of(page)
    following = [" ".join(other.text for other in lines[number : number + 12]) for number in range(len(lines))]
    return [
        line
        for line, rest in zip(lines, following, strict=True)
        if line.text and wanted.startswith(line.text) and rest.startswith(wanted)
    ]


def starting(pages, start):
    """The line that begins so."""
    return next(line for page in pages for line in lines_of(page) if line.text.startswith(start))


# Sheets as they are --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("theme", DRAW)
def test_a_sheet_misses_nothing(theme, language, printed):
    pages, release = printed(theme, "community", language)
    assert missing_points(pages, View(release, theme), Words(language)) == []
    require_complete(pages, View(release, theme), Words(language))


@pytest.mark.parametrize(("theme", "audience", "language"), [("crime", "police", "tg"), ("tension", "research", "uz")])
def test_a_sheet_for_inside_the_house_misses_nothing(theme, audience, language, printed):
    pages, release = printed(theme, audience, language)
    assert missing_points(pages, View(release, theme), Words(language)) == []


def test_an_incomplete_sheet_is_refused_with_all_that_it_misses(printed):
    pages, release = printed()
    left = without(pages, "Whom to call", "What this map does not show, and why")
    with pytest.raises(ReleaseError, match="The tension map in 'en' is not ready to be printed:") as refused:
        require_complete(left, View(release, "tension"), Words("en"))
    assert "contacts: nobody can be called" in str(refused.value)
    assert "not shown: no page says 'What this map does not show, and why'" in str(refused.value)


# One thing taken out -------------------------------------------------------------------------------------------------------


def texts_and_refusals(release, words):
    """What can be taken out of a sheet by name, and how its refusal begins."""
    hidden, counted = sentences.hidden(release, words), sentences.counted(release, words)
    headings = sentences.headings(release, words)
    return {
        "summary": (sentences.summary(release, "tension", words), "summary: the summary does not stand above the map"),
        "disclaimer": (sentences.disclaimer(words), "claims: the front does not say that drawing is not endorsing"),
        "a claim": (sentences.claims(release, words)[0][1], "claims: no page says"),
        "the letters of the parties": ("N: Norvia, S: Selmar", "claims: no page says"),
        "the day of the claims": (headings["claims"], "claims: no page says"),
        "chance": (sentences.chance(release, words), "doubt: the front does not say"),
        "the share without a place": (sentences.doubt(release, "tension", words)[-1], "doubt: the front does not say"),
        "approximate places": (sentences.approximate(release, "tension", words), "approximate: the front does not say how exact"),
        "what is hidden": (hidden[0], "not shown: no page says"),
        "few residents": (hidden[2], "not shown: no page says"),
        "who reported": (counted[0], "reporters: no page says"),
        "that only reports count": (counted[1], "reporters: no page says"),
        "layers without data": (counted[3], "reporters: no page says"),
        "whom to call": (headings["contacts"], "contacts: nobody can be called"),
        "what was done": (words("What was done since the last meeting"), "room: no page says"),
        "invented": (sentences.banners(release, words)[0][1], "banners: page 1 does not say"),
        "a band": (sentences.reports(release, "20+", words), "legend: "),
        "the lowest class": (sentences.reports(release, tables.BANDS[0], words), "legend: "),
        "a status": (words.label("agreed"), "legend: "),
        "a kind of place": (words.label("police_post"), "legend: "),
        "a kind of ground": (words.label("pasture"), "legend: "),
        "what a number means": (sentences.meaning("hot", words), "legend: "),
        "joint work": (sentences.joint_work(release, words), "legend: "),
        "the page's number": ("1 / 2", "imprint: page 1 does not say which page of how many"),
    }


NAMES = sorted(
    {
        *("summary", "disclaimer", "a claim", "the letters of the parties", "the day of the claims", "chance"),
        *("the share without a place", "approximate places", "what is hidden", "few residents", "who reported"),
        *("that only reports count", "layers without data", "whom to call", "what was done", "invented", "a band"),
        *("the lowest class", "a status", "a kind of place", "a kind of ground", "what a number means", "joint work"),
        "the page's number",
    }
)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_taken_out_is_missed(name, printed):
    pages, release = printed()
    words = Words("en")
    text, refusal = texts_and_refusals(release, words)[name]
    missing = missing_points(without(pages, text), View(release, "tension"), words)
    assert [fault for fault in missing if fault.startswith(refusal)]


@pytest.mark.parametrize(
    ("start", "changes", "refusal"),
    [
        ("Tension map of", {"text": "Tension map of Small Border"}, "title: the title of page 1 does not name the months"),
        (
            "Tension map of",
            {"text": "Tension map, October 2023 to September 2026"},
            "title: the title of page 1 does not name the place",
        ),
        (
            "Tension map of",
            {"text": "Small Border, October 2023 to September 2026"},
            "title: the title of page 1 does not name what",
        ),
        ("Reports: about", {"y": 5.0}, "summary: the summary does not stand above the map"),
        ("Map C-T-", {"text": "Map 1."}, "imprint: page 1 does not say"),
        ("Scale 1:", {}, "scale: it does not say how long the way on foot is"),
        ("20+ reports", {"x": 60.0}, "legend: '20+ reports' has no picture beside its words"),
        ("Places are", {"size": 8.5}, "sizes: 'Places are"),
        ("Places are", {"colour": "#b00020"}, "colours: 'Places are"),
        ("Whom to call", {"text": "Kernel density of reports"}, "plain words: the sheet says 'kernel density'"),
        ("Whom to call", {"text": "Attacks of last year"}, "plain words: the sheet says 'attack'"),
    ],
)
def test_what_is_said_otherwise_is_missed(start, changes, refusal, printed):
    pages, release = printed()
    missing = missing_points(changed(pages, starting(pages, start), **changes), View(release, "tension"), Words("en"))
    assert [fault for fault in missing if fault.startswith(refusal)], missing


def test_a_numbered_area_is_told_of(printed):
    pages, release = printed()
    left = [
        with_drawn(page, [piece for piece in page.drawn if not getattr(piece, "text", "").startswith("1 (")]) for page in pages
    ]
    missing = missing_points(left, View(release, "tension"), Words("en"))
    assert missing == ["areas: area 1 is numbered on the map and told of nowhere: list it"]


def test_north_the_bar_and_the_pictures_of_the_legend_are_looked_for(printed):
    pages, release = printed()
    drawn = pages[0].drawn
    north = next(line for line in lines_of(pages[0]) if line.text == "N" and line.size > 9)
    shapes = [piece for piece in drawn if isinstance(piece, Shape)]
    bar = next(shape for shape in shapes if shape.fill == style.INK and shape.geometry.bounds[3] - shape.geometry.bounds[1] < 2)
    key = next(shape for shape in shapes if shape.hatch == "xxx" and shape.z == 10)
    post = [piece for piece in drawn if isinstance(piece, Marks) and piece.marker == style.SYMBOLS["police_post"].marker]
    for piece, refusal in (
        (north, "scale: there is no 'N' for north"),
        (bar, "scale: there is no scale bar"),
        (key, "legend: '20+ reports' has no picture"),
        (post[-1], "legend: 'police post' has no picture"),
    ):
        missing = missing_points(changed(pages, piece), View(release, "tension"), Words("en"))
        assert [fault for fault in missing if fault.startswith(refusal)]


def test_slopes_in_the_shade_are_explained_where_they_are_drawn(printed):
    pages, release = printed()
    drawn = with_drawn(pages[0], pages[0].drawn)
    drawn.shape(box(40, 120, 80, 160), fill=style.RELIEF[0][1], ink=False)
    missing = missing_points([drawn, pages[1]], View(release, "tension"), Words("en"))
    assert missing == ["legend: 'slopes in the shade' has no picture beside its words: draw it in the legend"]


def test_a_sheet_without_lines_to_write_on_is_refused(printed):
    pages, release = printed()
    left = [with_drawn(page, [piece for piece in page.drawn if not _is_level(piece)]) for page in pages]
    missing = missing_points(left, View(release, "tension"), Words("en"))
    assert "room: there are fewer than 6 lines to write on: leave room" in missing
    assert [fault for fault in missing if fault.startswith("contacts: nobody can be called")]


def _is_level(piece):
    bounds = shapely.bounds(shapely.get_parts(piece.geometry)) if isinstance(piece, Shape) else np.empty((0, 4))
    return len(bounds) > 0 and bool(((bounds[:, 1] == bounds[:, 3]) & (bounds[:, 2] - bounds[:, 0] > 20)).all())


def test_a_hairline_is_refused(printed):
    pages, release = printed()
    first = next(piece for piece in pages[0].drawn if isinstance(piece, Shape) and piece.ink)
    missing = missing_points(changed(pages, first, width_pt=0.25), View(release, "tension"), Words("en"))
    assert "sizes: a line is 0.25 pt thin: draw it at 0.8 pt or more" in missing


def test_an_english_heading_on_a_tajik_sheet_is_refused(printed):
    pages, release = printed("tension", "community", "tg")
    words = Words("tg")
    told = starting(pages, sentences.headings(release, words)["contacts"])
    missing = missing_points(changed(pages, told, text="Whom to call"), View(release, "tension"), words)
    assert "one language: 'Whom to call' is in English: translate it" in missing


def test_a_long_sentence_of_the_summary_is_refused(printed, monkeypatch):
    pages, release = printed()
    monkeypatch.setattr(sentences, "summary", lambda *_: "word " * 21 + "end.")
    missing = missing_points(pages, View(release, "tension"), Words("en"))
    assert [fault for fault in missing if "has more than 20 words: make two of it" in fault]


@pytest.mark.parametrize("language", languages())
def test_summaries_are_short_in_every_language_and_for_every_outcome(language, release):
    for audience in tables.AUDIENCES:
        for verdict in ("found", "none found", "too few to tell"):
            made = release(audience, verdicts={"crime": verdict, "tension": verdict})
            said = sentences.summary(made, "tension", Words(language))
            assert max(len(part.split()) for part in re.split(r"(?<=[.!?])\s+", said)) <= checklist.LONGEST_SENTENCE


def test_nothing_that_a_map_says_by_itself_is_banned():
    said = " ".join(every_text()).casefold()
    assert [stem for stem in BANNED if re.search(rf"(?<!\w){re.escape(stem)}", said)] == []


def test_a_name_that_looks_like_a_banned_word_is_left_alone(printed):
    pages, release = printed()
    made = dataclasses.replace(release, facts=dataclasses.replace(release.facts, parties=("Norvia", "Attackmar")))
    told = changed(pages, starting(pages, "Whom to call"), text="Attackmar")
    missing = missing_points(told, View(made, "tension"), Words("en"))
    assert [fault for fault in missing if fault.startswith("plain words")] == []


def test_an_empty_page_misses_every_point_that_asks_for_something(release):
    missing = missing_points([Page(*A4_MM)], View(release(), "crime"), Words("en"))
    asking = {point.__name__.replace("_", " ") for point in checklist.POINTS} - {
        "sizes",
        "colours",
        "plain words",
        "one language",
    }
    assert {fault.split(":", 1)[0] for fault in missing} == asking


# What only settings tell ---------------------------------------------------------------------------------------------------

TOLD = {
    "contacts": [("police", "Post: 1"), ("local_government", "Council: 2"), ("helpline_for_women", "Line: 3")],
    "languages": ["en", "tg"],
    "blocks": {kind: {"en": "Text.", "tg": "Матн."} for kind in checklist.BLOCKS},
    "parties": ["Norvia", "Selmar"],
    "reported_by": ["Norvia", "Selmar", "community"],
}


def test_a_whole_study_has_no_gaps():
    assert study_gaps(**TOLD) == []


@pytest.mark.parametrize(
    ("change", "gap"),
    [
        ({"contacts": TOLD["contacts"][1:]}, "no contact of the police: add one"),
        ({"contacts": [*TOLD["contacts"][:2], ("helpline_for_women", " ")]}, "no contact of the helpline for women: add one"),
        ({"contacts": [*TOLD["contacts"], ("mayor", "4")]}, "'4' is of 'mayor', which is no office. Offices are: police,"),
        ({"blocks": {**TOLD["blocks"], "rights": {"en": "Text."}}}, "text on rights is not written in: tg."),
        ({"blocks": {**TOLD["blocks"], "market": {"tg": "Матн."}}}, "text on market is not written in: en."),
        ({"blocks": {}}, "text on pasture use is not written in: en, tg."),
        ({"reported_by": ["Norvia"]}, "No source is from Selmar: the map is one-sided."),
    ],
)
def test_each_gap_is_told(change, gap):
    assert [told for told in study_gaps(**{**TOLD, **change}) if gap in told]
