"""The pack of a meeting: every page in its place, complete in every language, of one community alone."""

import re
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import shapely
from pypdf import PdfReader

from tensionmap import tables
from tensionmap.errors import ReleaseError
from tensionmap.marks import marks_of
from tensionmap.publish import reporting_day, sentences, style
from tensionmap.publish.chart import Chart, View
from tensionmap.publish.drawn import Shape, Writing
from tensionmap.publish.leaves import filled
from tensionmap.publish.meetings import Community
from tensionmap.publish.page import A4_MM, Page, as_pdf
from tensionmap.publish.paper import Paper
from tensionmap.publish.reporting_day import meeting_pack
from tensionmap.publish.sheet import A3_MM, PAPERS, SCALES
from tensionmap.publish.words import Words, languages
from tensionmap.tables import Release

CONTACTS = (
    ("police", "Post of Orrin +000 1"),
    ("police", "Post of Tavesh +000 2"),
    ("local_government", "Council House +000 3"),
    ("helpline_for_women", "Helpline +000 4"),
    ("other", "Library +000 5"),
)
NOTICES = (("rights", "You may report without a fee."), ("border_crossing", "The bridge is open from 7 to 19."))
ORDER = ("crime", "crime back", "tension", "tension back", "facts", "contacts", "to correct", "facilitator", "notes")


@dataclass(frozen=True)
class Pack:
    """A pack as a file, and its pages as they were drawn."""

    pdf: bytes
    pages: tuple[Page, ...]

    @cached_property
    def told(self):
        """What each page says."""
        return [says(page) for page in self.pages]

    def page(self, name):
        return self.pages[ORDER.index(name)]

    def says(self, name):
        return self.told[ORDER.index(name)]


def writings(page):
    return [piece for piece in page.drawn if isinstance(piece, Writing)]


def says(page):
    return " ".join(" ".join(piece.text for piece in writings(page)).split())


def rules_of(page):
    """The single lines of a page from side to side: those to write on, not those of tables."""
    shapes = [piece for piece in page.drawn if isinstance(piece, Shape) and len(shapely.get_parts(piece.geometry)) == 1]
    bounds = [shapely.bounds(piece.geometry) for piece in shapes]
    return sorted((south for west, south, east, north in bounds if north - south < 1e-9 and east - west > 30), reverse=True)


def with_tables(release, **frames):
    """The release with other rows in some of its tables."""
    checked = {name: tables.check(frame, tables.RELEASE_TABLES[release.audience][name]) for name, frame in frames.items()}
    return Release(release.audience, release.facts, {**release.tables, **checked}, release.background)


def with_settlements(release, **columns):
    layers = {**release.background, "settlements": release.background["settlements"].assign(**columns)}
    return Release(release.audience, release.facts, release.tables, layers)


PACKS: dict[tuple[str, str, str], Pack] = {}


@pytest.fixture
def make(monkeypatch):
    """A pack of any release, with its pages."""

    def made(release, language="en", paper="A4", settlement_id="v1", **how):
        kept = []
        monkeypatch.setattr(reporting_day, "as_pdf", lambda pages: kept.extend(pages) or as_pdf(pages))
        given = {"contacts": CONTACTS, "notices": NOTICES, "around_m": 2500.0, **how}
        pdf = meeting_pack(release, settlement_id=settlement_id, quarter="2026Q3", language=language, paper=paper, **given)
        return Pack(pdf, tuple(kept))

    return made


@pytest.fixture
def pack(release, make):
    """The plain pack of a community in a language on a paper, made once."""

    def of(language="en", paper="A4", settlement_id="v1"):
        key = (language, paper, settlement_id)
        if key not in PACKS:
            PACKS[key] = make(release(), language, paper, settlement_id)
        return PACKS[key]

    return of


def leaves_of(release, write, settlement_id="v1", language="en"):
    """The pages of one part of a pack: ``write`` with its community, charts and words."""
    words, community = Words(language), Community(release, settlement_id, "2026Q3")
    views = [View(release, theme, community.part(2500), ("Orrin", None)) for theme in reporting_day.THEMES]
    charts = [Chart(Page(*A4_MM), view, words, 0.02, 250, 15) for view in views]
    paper = Paper(views[0], words, "A4", A4_MM, label="v1")
    return filled(paper, lambda leaves: write(leaves, community, charts, words))


# Refused ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("raw", ["incidents.csv", None, pd.DataFrame({"theme": ["crime"]})])
def test_only_a_release_is_printed(raw):
    with pytest.raises(ReleaseError, match=r"drawn from a Release, not from a (str|NoneType|DataFrame)"):
        meeting_pack(raw, settlement_id="v1", quarter="2026Q3", language="en")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"settlement_id": "v9"}, "no settlement 'v9'"),
        ({"settlement_id": "Orrin"}, "no settlement 'Orrin'"),
        ({"quarter": "2031Q1"}, "does not tell of the quarter '2031Q1'. It tells 2026Q2 to 2026Q3"),
        ({"quarter": "summer"}, "does not tell of the quarter 'summer'"),
        ({"language": "xx"}, "no words for language 'xx'"),
        ({"paper": "A1"}, "no paper 'A1' for the pages of a meeting. Choose one of: A4, A3"),
        ({"contacts": [("police", "w" * 200)]}, "wider than its box"),
        ({"contacts": [("police", "Post 警")]}, "no letter for U.8B66"),
        ({"notices": [("rights", "word " * 3000)]}, "'word word .* is higher than a page"),
    ],
)
def test_what_cannot_be_printed_is_refused_by_name(release, change, sentence):
    how = {"settlement_id": "v1", "quarter": "2026Q3", "language": "en", "around_m": 2500.0}
    with pytest.raises(ReleaseError, match=sentence):
        meeting_pack(release(), **{**how, **change})


# The pages -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", languages())
def test_every_page_is_in_its_place(pack, release, language):
    words, found = Words(language), pack(language)
    place = words.place("Orrin", "Оррин")
    months = sentences.months_of(release(), words)
    maps = [sentences.around_heading(theme, place, months, words) for theme in ("crime", "tension")]
    titles = [
        *(maps[0], maps[0], maps[1], maps[1]),
        words("For the meeting of {community}", community=place),
        words("Whom to call, and what you have a right to"),
        words("What is wrong or missing? Draw and write on this map."),
        words("For whoever leads the meeting"),
        words("Notes of the meeting of {community}", community=place),
    ]
    assert [title in told for title, told in zip(titles, found.told, strict=True)] == [True] * len(ORDER)


@pytest.mark.parametrize("language", languages())
def test_every_page_can_be_read_and_says_what_it_is(pack, release, language):
    words, found, digest = Words(language), pack(language), release().digest
    banner = words("INVENTED TRAINING DATA: no place, person or report here is real.")
    for number, (page, told) in enumerate(zip(found.pages, found.told, strict=True), start=1):
        assert banner in told, number
        assert digest in told or digest.upper() in told, number
        is_numbered = f"{number} / {len(ORDER)}" in told
        assert is_numbered == (ORDER[number - 1] != "to correct")
        for piece in writings(page):
            assert piece.size >= style.SMALLEST_TYPE_PT
            west, south, east, north = piece.box
            assert (west >= 7, south >= 7, east <= page.width - 7, north <= page.height - 7) == (True,) * 4, piece.text


@pytest.mark.parametrize("language", languages())
def test_no_line_of_text_lies_on_another(pack, language):
    for page in (page for name, page in zip(ORDER, pack(language).pages, strict=True) if name in ORDER[4:6] + ORDER[7:]):
        boxes = sorted((shapely.box(*piece.box) for piece in writings(page)), key=lambda box: box.bounds)
        overlaps = [a.intersection(b).area for n, a in enumerate(boxes) for b in boxes[n + 1 :]]
        assert max(overlaps) < 0.5


@pytest.mark.parametrize("language", ["en", "tg"])
def test_the_file_says_what_its_pages_say(pack, language):
    """All that was written, letter for letter; names on maps have a drawn rim under them and are written all the same."""
    found = pack(language)
    for page, printed in zip(found.pages, PdfReader(BytesIO(found.pdf)).pages, strict=True):
        read = "".join(printed.extract_text().split())
        missing = [piece.text for piece in writings(page) if "".join(piece.text.split()) not in read]
        assert missing == []


def test_facts_stand_in_three_numbers_and_in_what_was_asked_for_and_done(release, make):
    told = [(theme, q, n, None) for theme in tables.THEMES for q, n in (("2026Q3", 70), ("2026Q2", 60), ("2025Q3", 400))]
    numbers = pd.DataFrame(told, columns=["theme", "window", "reports", "unplaced_percent"])
    made = with_tables(release(quarters=("2025Q3", "2026Q2", "2026Q3")), numbers=numbers.astype({"unplaced_percent": "Int64"}))
    (page,) = leaves_of(made, reporting_day.facts)
    facts = says(page)
    assert "July to September 2026: fewer reports than in the same months of last year" in facts
    assert re.search(r"Crime map about 70 about 60 about 400 about as many as in the .*fewer than a year before", facts)
    assert "Reporting day, 19 June 2026" in facts
    for expected in (
        "1. Irrigation dispute, Head",
        "Water timetable,",
        "water users",
        "10 July 2026",
        "3. Theft nothing agreed yet",
    ):
        assert expected in facts
    assert facts.count("not done yet, its day has passed") == 2
    assert "Only what was reported is counted." in facts
    assert "%" not in facts


def test_areas_say_over_which_months_they_were_measured(pack):
    """They stand under the heading of a quarter, and are of three years."""
    facts = pack().says("facts")
    assert facts.count("Hot spot 1 (square") == 2
    assert facts.count("Numbered areas are measured over all months: October 2023 to September 2026.") == 2


def test_squares_are_named_as_the_maps_name_them(pack):
    """A place on the facts page is found in the index at the edge of its map, and of the map to correct."""
    found = pack()
    (place,) = set(re.findall(r"square ([A-Z]\d+) of the map", found.says("facts")))
    for name in ("crime", "tension", "to correct"):
        told = {piece.text for piece in writings(found.page(name))}
        assert {place[0], place[1:]} <= told
    # Further letters are those of claimants, and of north.
    index = [{piece.text for piece in writings(found.page(name)) if re.fullmatch("[A-M]", piece.text)} for name in ORDER[2::4]]
    assert index[0] == index[1]


def test_contacts_stand_by_office_and_the_helpline_comes_with_its_meaning(pack):
    told = pack().says("contacts")
    offices = ("Police", "Local government", "Helpline for women", "Others", "Your rights", "Crossing the border", "Next meeting")
    places = [told.index(office) for office in offices]
    assert places == sorted(places)
    for number, (_, text) in enumerate(CONTACTS):
        office = places[max(number - 1, 0)]
        assert office < told.index(text) < places[max(number - 1, 0) + 1]
    assert "help is here, also without giving a name" in told
    assert told.index("Your rights") < told.index("You may report without a fee.") < told.index("Crossing the border")
    assert "Using the pasture" not in told


def test_without_contacts_there_is_room_to_write_them(release):
    def write(leaves, community, charts, words):
        reporting_day.contacts_and_rights(leaves, (), (), words)

    (page,) = leaves_of(release(), write)
    tops = {piece.text: piece.y for piece in writings(page)}
    headings = ["Police", "Local government", "Helpline for women", "New in office", "Next meeting: day, hour and place"]
    for heading, below in pairwise([*headings, "Room for questions"]):
        between = [y for y in rules_of(page) if tops[heading] > y > tops[below]]
        assert len(between) == (2 if heading == "New in office" else 1), heading
    assert sum(y < tops["Room for questions"] for y in rules_of(page)) >= 6
    assert "Others" not in tops


def test_only_the_map_to_correct_carries_marks_and_code(pack):
    marks = {tuple(np.round(mark.box, 3)) for mark in marks_of(*A4_MM)}
    carrying = [
        (name, len(marks & {tuple(np.round(p.geometry.bounds, 3)) for p in page.drawn if isinstance(p, Shape)}), "TM1 " in told)
        for name, page, told in zip(ORDER, pack().pages, pack().told, strict=True)
    ]
    assert carrying == [(name, 4 * (name == "to correct"), name == "to correct") for name in ORDER]
    assert "V1-2026Q3-TENSION-EN" in pack().says("to correct")
    assert len(rules_of(pack().page("to correct"))) >= 3


def test_whoever_leads_finds_questions_and_what_not_to_say(pack):
    told = pack().says("facilitator")
    asked, forbidden, misread = re.split("What not to say|What is easily misread", told)
    assert asked.count("•") == 7
    assert all(point.rstrip().endswith("?") for point in asked.split("•")[1:])
    assert forbidden.count("•") == 6
    assert "No name, no family, no house" in forbidden
    assert "at most 5 of 100" in misread


def test_the_form_has_the_columns_in_which_it_is_typed_in(pack):
    told = pack().says("notes")
    assert "Day Place Kind of meeting" in told
    assert "Women Men Youth" in told
    assert "No. Concern Where Raised by 1 2 3 4 5" in told
    assert "No. What Where Office Until" in told
    assert "never the name of a person" in told
    assert len(rules_of(pack().page("notes"))) >= 4
    tables_drawn = [
        p.geometry for p in pack().page("notes").drawn if isinstance(p, Shape) and len(shapely.get_parts(p.geometry)) > 4
    ]
    assert len(tables_drawn) == 4
    for table in tables_drawn:
        edges = sorted({part.bounds[1] for part in shapely.get_parts(table) if part.bounds[1] == part.bounds[3]})
        assert min(np.diff(edges)[:-1]) >= 9 - 1e-6, "a row to write into is 9 mm high"


# One community alone ---------------------------------------------------------------------------------------------------------


def test_nothing_of_another_community_is_told(release):
    made = release()
    own = {name: made.tables[name].query("settlement_id == 'v1'") for name in ("meetings", "concerns", "actions")}

    def every(leaves, community, charts, words):
        reporting_day.facts(leaves, community, charts, words)
        reporting_day.facilitators_page(leaves, community, charts, words)
        reporting_day.notes(leaves, community, words)

    def told(release):
        return [says(page).replace(release.digest, "").replace(release.digest[:6], "") for page in leaves_of(release, every)]

    assert "oad blockade" not in " ".join(told(made))
    assert told(made) == told(with_tables(made, **own))
    assert told(made) != told(with_tables(made, **{name: table.iloc[:0] for name, table in own.items()}))


def test_a_community_without_a_meeting_gets_a_pack_with_room_to_write(pack):
    found = pack(settlement_id="v2")
    assert len(found.pages) == len(ORDER)
    facts = found.says("facts")
    assert "No earlier meeting of this community is on record." in facts
    assert "Water timetable" not in facts
    (asked,) = [
        p.geometry for p in found.page("facts").drawn if isinstance(p, Shape) and len(shapely.get_parts(p.geometry)) == 5 + 6
    ]
    edges = sorted({part.bounds[1] for part in shapely.get_parts(asked) if part.bounds[1] == part.bounds[3]})
    assert np.diff(edges)[:3] == pytest.approx([9.0] * 3)


def test_a_neighbour_is_named_only_if_it_raised_the_same_across_a_claimed_line(release):
    made = release()
    same = with_tables(made, concerns=made.tables["concerns"].assign(category="irrigation_dispute"))
    sentence = "Irrigation dispute: raised on the other side of a claimed line too, in Ulmek (Ӯлмек). Propose a joint meeting."
    told = [says(leaves_of(one, reporting_day.facilitators_page)[0]) for one in (made, same)]
    assert [sentence in one for one in told] == [False, True]
    assert "other side of a claimed line" not in told[0]


def test_an_area_of_one_side_only_is_for_whoever_leads(release):
    made = release()
    one_side = made.tables["hotspots"].assign(reported_from=["one side only", "both sides"])
    sentence = "Hot spot 1 rests on reports from one side only: ask the other side before you speak of it."
    told = [says(leaves_of(one, reporting_day.facilitators_page)[0]) for one in (made, with_tables(made, hotspots=one_side))]
    assert [one.count(sentence) for one in told] == [0, 1]


def test_many_concerns_go_over_pages_and_none_is_lost(release):
    made = release()
    key = ("v1", pd.Timestamp("2026-06-19"), "reporting_day")
    concerns = [(*key, number, "pasture_dispute", "r4", "women|men|youth") for number in range(1, 21)]
    actions = [
        (*key, 2 * rank + half, rank, "repair", "water_users", "r3", pd.Timestamp("2026-08-01"), "agreed", None, None, None)
        for rank in range(1, 21)
        for half in (0, 1)
    ]
    many = with_tables(
        made,
        concerns=pd.DataFrame(concerns, columns=tables.RELEASED_CONCERNS.column_names),
        actions=pd.DataFrame(actions, columns=tables.RELEASED_ACTIONS.column_names),
    )
    pages = leaves_of(many, reporting_day.facts)
    told = [says(page) for page in pages]
    assert len(pages) == 3
    assert [sum(bool(re.search(rf"\b{number}\. Pasture", page)) for page in told) >= 1 for number in range(1, 21)] == [True] * 20
    assert sum(page.count("Repair, Head Intake") for page in told) == 40
    for page in pages[1:]:
        assert "Concern What was agreed Who Until How it stands" in says(page)
        first = next(piece for piece in writings(page) if re.match(r"\d+\.", piece.text))
        assert first.y > page.height - 45, "a page of rows begins with whose they are"
    assert len(rules_of(pages[-1])) >= 1
    assert rules_of(pages[0]) == []


def test_long_names_are_printed_or_refused_by_name(release, make):
    found = make(with_settlements(release(), name="Upper Orrin of the Long Canal", name_local="Оррини боло дар канали дароз"))
    assert len(found.pages) == len(ORDER)
    assert all("Upper Orrin of the Long Canal" in found.says(name) for name in (*ORDER[:5], "to correct", "notes"))
    with pytest.raises(ReleaseError, match="longer than two lines"):
        make(with_settlements(release(), name="Upper Orrin " * 12))


# Papers and readers ----------------------------------------------------------------------------------------------------------


def test_a_study_that_is_not_invented_has_no_such_banner(release, make):
    assert all("INVENTED" not in told for told in make(release(is_invented=False)).told)


def test_inside_the_house_every_page_says_so(release, make):
    assert all("INTERNAL: for the police only." in told for told in make(release("police")).told)


def test_two_runs_give_the_same_bytes(release, make, pack):
    assert make(release()).pdf == pack().pdf


def scale_and_bar(page, paper, zoom):
    """The scale as it is told, and metres for each millimetre of the bar."""
    scale = int(re.search(rf"Scale 1:([\d,]+) on {paper} paper", says(page))[1].replace(",", ""))
    white = [p.geometry.bounds for p in page.drawn if isinstance(p, Shape) and p.z == 10 and p.fill == style.PAPER]
    (half,) = [bounds for bounds in white if bounds[3] - bounds[1] == pytest.approx(1.6 * zoom)]
    (km,) = [float(piece.text.removesuffix(" km")) for piece in writings(page) if re.fullmatch(r"[\d.]+ km", piece.text)]
    return scale, km * 1000 / (2 * (half[2] - half[0]))


@pytest.mark.parametrize("paper", ["A4", "A3"])
@pytest.mark.parametrize("theme", ["crime", "tension"])
def test_the_scale_is_round_and_the_bar_is_true(pack, paper, theme):
    scale, m_per_mm = scale_and_bar(pack(paper=paper).page(theme), paper, PAPERS[paper])
    assert scale in SCALES
    assert m_per_mm * 1000 == pytest.approx(scale)


def test_a3_is_a4_enlarged(pack):
    small, large = pack(), pack(paper="A3")
    assert {(page.width, page.height) for page in small.pages} == {A4_MM}
    assert {(page.width, page.height) for page in large.pages} == {A3_MM}
    zoom = PAPERS["A3"]
    for name in ("facts", "contacts", "facilitator", "notes"):
        pairs = list(zip(writings(small.page(name)), writings(large.page(name)), strict=True))
        assert all(a.text == b.text for a, b in pairs)
        assert all((b.x, b.y, b.size) == pytest.approx((a.x * zoom, a.y * zoom, a.size * zoom)) for a, b in pairs)
    assert PdfReader(BytesIO(large.pdf)).pages[0].mediabox.width == pytest.approx(297 / 25.4 * 72, abs=0.1)
