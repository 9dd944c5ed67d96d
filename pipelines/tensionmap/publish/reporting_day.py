"""The pack for one meeting: map sheets, plain facts, contacts and rights, a map to correct, and pages for those who lead it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import shapely

from tensionmap.publish import agreed, sentences
from tensionmap.publish.chart import Chart, View
from tensionmap.publish.checklist import require_complete
from tensionmap.publish.correction import correction_sheet
from tensionmap.publish.leaves import Leaves, filled
from tensionmap.publish.meetings import Community, across
from tensionmap.publish.page import A4_MM, Page, as_pdf
from tensionmap.publish.paper import require_paper_of_meetings
from tensionmap.publish.relief import Hillshade
from tensionmap.publish.ruled import Ruled
from tensionmap.publish.sheet import PAPERS, SCALES, as_printed, map_sheet
from tensionmap.publish.words import Words
from tensionmap.tables import GROUPS, Release

ROWS_TO_WRITE = 5
THEMES = ("crime", "tension")


def meeting_pack(
    release: Release,
    *,
    settlement_id: str,
    quarter: str,
    language: str,
    contacts: Sequence[tuple[str, str]] = (),
    notices: Sequence[tuple[str, str]] = (),
    around_m: float = 5000.0,
    paper: str = "A4",
    relief: Hillshade | None = None,
) -> bytes:
    """The pack of one community for its meeting on ``quarter`` as a PDF.

    Both maps of its surroundings, front and back; plain facts; contacts and rights; a map to correct; a page for whoever leads
    the meeting; a form for its notes.

    Parameters
    ----------
    release
        What the audience may see; nothing else is accepted.
    settlement_id
        The community.
    quarter
        The quarter that is reported on, as 2026Q3. The maps count all months of the release: a quarter of a village is too few.
    language
        'en', or a language that has a catalogue.
    contacts
        Office ('police', 'local_government', 'helpline_for_women' or 'other') and text of each contact.
    notices
        What the study's own texts are about ('staff', 'rights', 'border_crossing', 'pasture_use' or 'other'), and the texts.
    around_m
        How far the maps reach around the community, in metres.
    paper
        'A4', or 'A3', on which all is 1.4 times as large.
    relief
        The lie of the land, shown in light greys under the maps.

    Returns
    -------
    bytes
        The same for the same arguments.

    Raises
    ------
    ReleaseError
        If it is not a release, the community or the quarter is not in it, or a text cannot be printed whole and legibly.
    """
    require_paper_of_meetings(paper)
    community, words = Community(release, settlement_id, quarter), Words(language)
    settlement = community.settlement
    named, part = (settlement.name, settlement.name_local), community.part(around_m)
    views = [View(release, theme, part, named) for theme in THEMES]
    sheets = [
        map_sheet(
            view,
            words,
            contacts=contacts,
            paper=paper,
            orientation="portrait",
            relief=relief,
            label=f"{settlement_id}-{quarter}-{theme[0].upper()}",
        )
        for view, theme in zip(views, THEMES, strict=True)
    ]
    charts = [sheet.chart for sheet in sheets]
    shared = replace(sheets[0].paper, page_mm=A4_MM, label=f"{settlement_id}-{quarter}")
    maps = [(sheet.paper_of(page), page) for sheet in sheets for page in (sheet.front, sheet.back)]
    texts = filled(shared, lambda leaves: facts(leaves, community, charts, words))
    texts += filled(shared, lambda leaves: contacts_and_rights(leaves, contacts, notices, words))
    after = filled(shared, lambda leaves: facilitators_page(leaves, community, charts, words))
    after += filled(shared, lambda leaves: notes(leaves, community, words))
    # Without a number: its corners hold the marks.
    to_correct = Page(*A4_MM)
    correction_sheet(
        to_correct,
        views[1],
        words,
        name=f"{settlement_id}-{quarter}-tension-{language}",
        title=sentences.title(release, "tension", words, around=views[1].around(words)),
        index_m=charts[1].index_m,
        scales=SCALES,
        zoom=PAPERS[paper],
    )
    pages = [*maps, *((shared, page) for page in texts), (None, to_correct), *((shared, page) for page in after)]
    for number, (own, page) in enumerate(pages, start=1):
        if own is not None:
            own.number_page(page, number, len(pages))
    for view, sheet in zip(views, sheets, strict=True):
        require_complete([sheet.front, sheet.back], view, words)
    return as_pdf(as_printed([page for _, page in pages], paper))


def facts(leaves: Leaves, community: Community, charts: Sequence[Chart], words: Words) -> None:
    """Plain facts: three numbers, what is near, what was asked for and done."""
    release, quarter, name = community.release, community.quarter, place_of(community, words)
    width = leaves.leaf.width_mm
    leaves.title(sentences.capital(agreed.headline(release, quarter, words)))
    leaves.text(words("For the meeting of {community}", community=name))
    headings, rows = agreed.numbers(release, quarter, words)
    leaves.heading(words("The numbers side by side"))
    leaves.table(Ruled.fitted(headings, rows, width, size_pt=leaves.size_pt))
    varies = words("A change is only called one if it is larger than what numbers vary by from quarter to quarter.")
    leaves.points([varies, *sentences.counted(release, words)[:2]])
    for chart in charts:
        view = chart.view
        leaves.heading(sentences.around_heading(view.theme, name, sentences.months_of(release, words, quarter), words))
        leaves.points(agreed.around(community, view.theme, shapely.box(*view.bounds), chart.index, words))
        leaves.points(agreed.areas(view, chart.index, words))
    leaves.heading(words("What the last meeting asked for, and what was done"), agreed.met(community, words))
    headings, rows = agreed.asked_and_done(community, words)
    empty = [("",) * len(headings)] * 3
    leaves.table(Ruled.fitted(headings, rows or empty, width, shares=() if rows else (3, 3, 2, 1, 3)))
    if len(leaves.pages) > 1:
        leaves.heading(words("Room for questions"))
        leaves.fill()


def contacts_and_rights(
    leaves: Leaves, contacts: Sequence[tuple[str, str]], notices: Sequence[tuple[str, str]], words: Words
) -> None:
    """Whom to call, who is new, and the study's own texts on rights and procedures."""
    leaves.title(words("Whom to call, and what you have a right to"))
    for office in ("police", "local_government", "helpline_for_women", "other"):
        told = [text for kind, text in contacts if kind == office]
        if told or office != "other":
            leaves.heading(sentences.capital(words.label(office)) if office != "other" else words("Others"))
            leaves.points(told)
            if office == "helpline_for_women":
                leaves.text(words("For what is on no map, help is here, also without giving a name."))
            if not told:
                leaves.rules(1)
    for about, heading in sentences.notice_headings(words).items():
        told = [text for kind, text in notices if kind == about]
        if told or about == "staff":
            leaves.heading(heading)
            for text in told:
                leaves.text(text)
            if not told:
                leaves.rules(2)
    leaves.heading(words("Next meeting: day, hour and place"))
    leaves.rules(1)
    leaves.heading(words("Room for questions"))
    leaves.fill()


def facilitators_page(leaves: Leaves, community: Community, charts: Sequence[Chart], words: Words) -> None:
    """For whoever leads the meeting: what to ask, what not to say, what is easily misread."""
    leaves.title(words("For whoever leads the meeting"))
    leaves.text(words("Lay out the maps, let people look and draw, and only then speak. Listen twice as long as you speak."))
    leaves.heading(words("Questions to ask"))
    leaves.points(
        [
            words("Does this map look right to you? What is missing, what is in the wrong place?"),
            words("What has changed since the last meeting, for the better or for the worse?"),
            words("What matters most to women, to young people, to those who are not in the room?"),
            words("In which months is it worst, and what happens then: turns of water, harvest, pasture?"),
            words("What has been tried already, here or on the other side? What helped?"),
            words("What can we do, what can the police, what can the local government, and until when?"),
            words("Who tells us at the next meeting what became of it?"),
        ]
    )
    leaves.heading(words("What not to say"))
    leaves.points(
        [
            words("No name, no family, no house, no people: nobody is pointed at."),
            words("Not “dangerous place”: it only had more reports than chance would explain."),
            words("Not who is to blame: the map does not know it."),
            words("Not whose land it is: every line is a claim with a date."),
            words("Nothing of what happens inside a home before others: give the number to call."),
            words("No promise that your office cannot keep."),
        ]
    )
    leaves.heading(words("What is easily misread"))
    leaves.points(
        [
            words("More reports can mean more trust, not more harm."),
            words("A square without a mark is not a safe square: few or no reports came from it."),
            words("Small numbers rise and fall by themselves: “about as many” is an answer."),
            sentences.chance(community.release, words),
            *_of_one_side(charts, words),
            *_beyond(community, words),
        ]
    )


def _of_one_side(charts: Sequence[Chart], words: Words) -> list[str]:
    return [
        words(
            "{area} rests on reports from one side only: ask the other side before you speak of it.",
            area=sentences.area_name(row, words),
        )
        for chart in charts
        for row in chart.view.hotspots.itertuples()
        if row.reported_from == "one side only"
    ]


def _beyond(community: Community, words: Words) -> list[str]:
    """The neighbours across a claimed line that raised the same: what a joint meeting could be about."""
    return [
        words(
            "{concern}: raised on the other side of a claimed line too, in {communities}. Propose a joint meeting.",
            concern=sentences.capital(words.label(category)),
            communities=", ".join(words.in_order([agreed.place_name(community.release, one, words) for one in found])),
        )
        for category, found in sorted(across(community).items())
    ]


def notes(leaves: Leaves, community: Community, words: Words) -> None:
    """A form to write the meeting down, with the columns in which it is typed in afterwards."""
    width = leaves.leaf.width_mm
    leaves.title(words("Notes of the meeting of {community}", community=place_of(community, words)))
    leaves.text(words("Write offices, never the name of a person who told something."))
    leaves.table(Ruled.fitted((words("Day"), words("Place"), words("Kind of meeting")), [("",) * 3], width, shares=(1, 1, 1)))
    leaves.heading(words("How many were in the room"))
    groups = tuple(sentences.capital(words.label(group)) for group in GROUPS)
    leaves.table(Ruled.fitted(groups, [("",) * 3], width, shares=(1, 1, 1)))
    leaves.heading(words("Concerns, the most pressing first"))
    headings = (words("No."), words("Concern"), words("Where"), words("Raised by"))
    rows = [(str(number), "", "", "") for number in range(1, ROWS_TO_WRITE + 1)]
    leaves.table(Ruled.fitted(headings, rows, width, shares=(0, 4, 3, 2)))
    leaves.heading(words("What was agreed"))
    agreed_on = (words("No."), words("What"), words("Where"), words("Office"), words("Until"))
    leaves.table(Ruled.fitted(agreed_on, [("",) * 5] * ROWS_TO_WRITE, width, shares=(0, 4, 2, 2, 2)))
    leaves.heading(words("What else was said"))
    leaves.fill()


def place_of(community: Community, words: Words) -> str:
    """The name of the community in both scripts."""
    return words.place(community.settlement.name, community.settlement.name_local)
