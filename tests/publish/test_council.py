"""The council's page: a row a community, every number worked out by hand, one page for thirteen of them."""

import re
from io import BytesIO

import geopandas as gpd
import pandas as pd
import pytest
from pypdf import PdfReader

from tensionmap import tables
from tensionmap.errors import ReleaseError
from tensionmap.publish import council
from tensionmap.publish.council import council_page, fill_district
from tensionmap.publish.drawn import Writing
from tensionmap.publish.leaves import Leaf, Leaves
from tensionmap.publish.meetings import District
from tensionmap.publish.page import A4_MM, Page, as_pdf
from tensionmap.publish.ruled import Ruled
from tensionmap.publish.sheet import A3_MM
from tensionmap.publish.words import Words, languages
from tensionmap.tables import Release

HEADINGS = ("Community", "Reporting day", "Women", "Men", "Youth", "Concerns", "Answered", "Overdue", "Done", "What changed")


def with_settlements(release, settlements=None, **columns):
    settlements = release.background["settlements"] if settlements is None else settlements
    layers = {**release.background, "settlements": settlements.assign(**columns)}
    return Release(release.audience, release.facts, release.tables, layers)


def with_tables(release, **frames):
    checked = {name: tables.check(frame, tables.RELEASE_TABLES[release.audience][name]) for name, frame in frames.items()}
    return Release(release.audience, release.facts, {**release.tables, **checked}, release.background)


def of_villages(release, names, local=None):
    """The release with so many villages, all in the district North."""
    one = release.background["settlements"].iloc[:1]
    villages = gpd.GeoDataFrame(pd.concat([one] * len(names), ignore_index=True), crs=one.crs)
    ids = [f"v{number}" for number in range(1, len(names) + 1)]
    return with_settlements(release, villages, settlement_id=ids, name=names, name_local=local or None, district="North")


@pytest.fixture
def northern(release):
    """The small release, with its villages in the district North."""
    return with_settlements(release(), district="North")


@pytest.fixture
def table(monkeypatch):
    """Headings and rows of a district's page, as they are set before they are drawn."""

    def of(release, quarter="2026Q2", language="en"):
        made = []
        monkeypatch.setattr(
            council.Ruled, "fitted", classmethod(lambda cls, *given, **how: made.append(given) or FITTED(*given, **how))
        )
        leaves = Leaves(lambda: Leaf(Page(*A4_MM[::-1]), 9, 279, 190, 20))
        fill_district(leaves, District(release, "North", quarter), Words(language))
        ((headings, rows, _),) = made
        return headings, rows

    return of


FITTED = Ruled.fitted


def pages_of(monkeypatch, release, **how):
    kept = []
    monkeypatch.setattr(council, "as_pdf", lambda pages: kept.extend(pages) or as_pdf(pages))
    pdf = council_page(release, **{"district": "North", "quarter": "2026Q2", "language": "en", **how})
    return pdf, kept


def says(page):
    return " ".join(piece.text for piece in page.drawn if isinstance(piece, Writing))


# Refused ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("raw", ["incidents.csv", None, pd.DataFrame({"theme": ["crime"]})])
def test_only_a_release_is_printed(raw):
    with pytest.raises(ReleaseError, match=r"drawn from a Release, not from a (str|NoneType|DataFrame)"):
        council_page(raw, district="North", quarter="2026Q2", language="en")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"district": "South"}, r"No settlement lies in the district 'South'\. Districts are: North"),
        ({"quarter": "2031Q1"}, "does not tell of the quarter '2031Q1'"),
        ({"language": "xx"}, "no words for language 'xx'"),
        ({"paper": "A1"}, "no paper 'A1' for the pages of a meeting. Choose one of: A4, A3"),
    ],
)
def test_what_cannot_be_printed_is_refused_by_name(northern, change, sentence):
    with pytest.raises(ReleaseError, match=sentence):
        council_page(northern, **{"district": "North", "quarter": "2026Q2", "language": "en", **change})


def test_a_name_wider_than_the_page_is_refused(release):
    with pytest.raises(ReleaseError, match="wider than its page"):
        council_page(of_villages(release(), ["W" * 100]), district="North", quarter="2026Q2", language="en")


# Numbers, by hand ------------------------------------------------------------------------------------------------------------


def test_every_number_of_a_quarter_is_that_of_the_meetings(northern, table):
    """v1 met on 19 June: three concerns, of which the first two have an action; the repair of spring was done on 10 April and the
    patrol on 20 May, both in this quarter; nothing else was due before July. v3 only had a council. v2 never met."""
    headings, rows = table(northern)
    assert headings == HEADINGS
    assert rows == (
        ("Orrin", "19 June 2026", "20+", "10-19", "not counted", "3", "2", "0", "2", "no clear change; too few to tell"),
        ("Tavesh", "not held", "–", "–", "–", "0", "0", "0", "0", "–"),
        ("Ulmek", "not held", "–", "–", "–", "1", "1", "0", "0", "–"),
    )


def test_a_quarter_later_what_was_agreed_is_overdue(northern, table):
    """The timetable was due on 10 July and the joint meeting on 1 September; v3's request has no day, so it is never late."""
    _, rows = table(northern, "2026Q3")
    assert [row[1:] for row in rows] == [
        ("not held", "–", "–", "–", "0", "0", "2", "0", "–"),
        ("not held", "–", "–", "–", "0", "0", "0", "0", "–"),
        ("not held", "–", "–", "–", "0", "0", "0", "0", "–"),
    ]


def test_what_was_done_after_the_quarter_is_not_done_in_it(northern, table):
    """Done on 20 July though due on 15 June: overdue at the end of June, and done in the quarter after."""
    actions = northern.tables["actions"].query("what == 'repair'")
    late = actions.assign(date_due=pd.Timestamp("2026-06-15"), date_done=pd.Timestamp("2026-07-20"))
    made = with_tables(northern, actions=late)
    assert [table(made, quarter)[1][0][7:] for quarter in ("2026Q2", "2026Q3")] == [
        ("1", "0", "–"),
        ("0", "1", "no clear change"),
    ]


def test_a_meeting_of_another_kind_is_not_a_reporting_day_but_its_concerns_count(northern, table):
    meetings = northern.tables["meetings"].assign(kind="reporting_day")
    concerns = northern.tables["concerns"].assign(kind="reporting_day")
    actions = northern.tables["actions"].assign(kind="reporting_day")
    _, rows = table(with_tables(northern, meetings=meetings, concerns=concerns, actions=actions))
    assert rows[2] == (
        "Ulmek",
        "25 June 2026",
        "fewer than 5 or nobody",
        "10-19",
        "fewer than 5 or nobody",
        "1",
        "1",
        "0",
        "0",
        "–",
    )


def test_people_in_the_room_are_told_in_bands_and_in_words(northern, table):
    for language in languages():
        words = Words(language)
        _, rows = table(northern, language=language)
        (held,) = [row for row in rows if row[1] == words.day("2026-06-19")]
        assert held[2:5] == (words.label("20+"), words.label("10-19"), words("not counted"))
        assert sum(row[1] == words("not held") for row in rows) == 2


def test_only_the_district_is_told(northern, table):
    half = with_settlements(northern, district=["North", "South", None])
    _, rows = table(half)
    assert [row[0] for row in rows] == ["Orrin"]


# Names -----------------------------------------------------------------------------------------------------------------------


def test_names_stand_in_the_order_of_the_alphabet(release, table):
    latin = ["Zirat", "Ark", "Chorsu", "Jildam"]
    cyrillic = ["Ҷилдам", "Жарык", "Ғалвонӣ", "Андар"]
    made = of_villages(release(), latin, cyrillic)
    assert [row[0] for row in table(made)[1]] == ["Ark", "Chorsu", "Jildam", "Zirat"]
    assert [row[0] for row in table(made, language="tg")[1]] == ["Андар", "Ғалвонӣ", "Жарык", "Ҷилдам"]
    # In Uzbek, ch comes after z.
    assert [row[0] for row in table(made, language="uz")[1]] == ["Ark", "Jildam", "Zirat", "Chorsu"]


def test_villages_of_one_name_are_told_apart(release, table):
    _, rows = table(of_villages(release(), ["Orrin", "Orrin", "Tavesh"]))
    assert [row[0] for row in rows] == ["Orrin (v1)", "Orrin (v2)", "Tavesh"]


def test_villages_written_alike_in_one_script_only_are_told_apart_there(release, table):
    made = of_villages(release(), ["Orrin", "Orin", "Tavesh"], ["Оррин", "Оррин", "Тавеш"])
    assert [row[0] for row in table(made, language="ru")[1]] == ["Оррин (v1)", "Оррин (v2)", "Тавеш"]
    assert [row[0] for row in table(made, language="en")[1]] == ["Orin", "Orrin", "Tavesh"]


def test_a_name_in_another_district_is_told_apart_too(northern, table):
    twins = with_settlements(northern, name=["Orrin", "Tavesh", "Orrin"], district=["North", "North", "South"])
    assert [row[0] for row in table(twins)[1]] == ["Orrin (v1)", "Tavesh"]


# The page --------------------------------------------------------------------------------------------------------------------


def test_the_page_says_what_its_columns_mean_and_what_it_proves(northern, monkeypatch):
    _, (page,) = pages_of(monkeypatch, northern)
    found = says(page)
    assert "North, April to June 2026: 1 community of 3 held a reporting day" in found
    assert "Also raised across a claimed line" not in found
    for sentence in (
        "Answered: something was agreed",
        "It proves no cause.",
        "A community without numbers is not one without concerns.",
    ):
        assert sentence in found
    assert "INVENTED TRAINING DATA" in found
    assert northern.digest in found
    assert "1 / 1" in found
    assert (page.width, page.height) == A4_MM[::-1]


def test_what_was_raised_on_both_sides_stands_below_the_table(northern, monkeypatch):
    same = northern.tables["concerns"].assign(category="irrigation_dispute")
    _, (page,) = pages_of(
        monkeypatch, with_settlements(with_tables(northern, concerns=same), district=["North", "North", "South"])
    )
    assert "Also raised across a claimed line • Irrigation dispute: Orrin; on the other side: Ulmek" in says(page)


@pytest.mark.parametrize("language", languages())
def test_thirteen_communities_stand_on_one_page(release, monkeypatch, language):
    made = of_villages(release(), [f"Village of the hill {number}" for number in range(1, 14)])
    pdf, (page,) = pages_of(monkeypatch, made, language=language)
    read = " ".join(PdfReader(BytesIO(pdf)).pages[0].extract_text().split())
    assert all(re.search(rf"Village of the hill {number}\b", read) for number in range(1, 14))
    for piece in page.drawn:
        if isinstance(piece, Writing):
            assert piece.size >= 9
            west, south, east, north = piece.box
            assert (west > 7, south > 7, east < page.width - 7, north < page.height - 7) == (True,) * 4, piece.text


def test_sixty_communities_go_on_on_further_pages_under_the_same_headings(release, monkeypatch):
    _, pages = pages_of(monkeypatch, of_villages(release(), [f"Village {number}" for number in range(1, 61)]), paper="A3")
    assert len(pages) > 1
    assert [f"{number} / {len(pages)}" in says(page) for number, page in enumerate(pages, start=1)] == [True] * len(pages)
    assert all("INVENTED" in says(page) for page in pages)
    found = " ".join(map(says, pages))
    assert [len(re.findall(rf"Village {number}\b", found)) for number in range(1, 61)] == [1] * 60
    assert found.count("Reporting day Women Men Youth") == len(pages)
    assert {(page.width, page.height) for page in pages} == {A3_MM[::-1]}


def test_two_runs_give_the_same_bytes(northern):
    first, second = (council_page(northern, district="North", quarter="2026Q2", language="ky") for _ in range(2))
    assert first == second
