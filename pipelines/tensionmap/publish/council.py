"""The council's page: of each community of a district, whether it met, what it asked for, and what became of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from tensionmap.publish import agreed, sentences, shown
from tensionmap.publish.chart import View
from tensionmap.publish.leaves import Leaves, filled
from tensionmap.publish.meetings import Community, District, across
from tensionmap.publish.page import A4_MM, as_pdf
from tensionmap.publish.paper import Paper, require_paper_of_meetings
from tensionmap.publish.ruled import Ruled
from tensionmap.publish.sheet import as_printed
from tensionmap.publish.words import Words
from tensionmap.tables import GROUPS, Release


def council_page(release: Release, *, district: str, quarter: str, language: str, paper: str = "A4") -> bytes:
    """The page of a district for its council as a PDF: of each community whether it met, what it asked for, what became of it.

    Parameters
    ----------
    release
        What the audience may see; nothing else is accepted.
    district
        Name of a district, as in the layer of settlements.
    quarter
        The quarter that is reported on, as 2026Q3.
    language
        'en', or a language that has a catalogue.
    paper
        'A4', or 'A3', on which all is 1.4 times as large.

    Returns
    -------
    bytes
        The same for the same arguments; a second page only if one does not hold the communities.

    Raises
    ------
    ReleaseError
        If it is not a release, the district or the quarter is not in it, or a text cannot be printed whole and legibly.
    """
    require_paper_of_meetings(paper)
    words, of = Words(language), District(release, district, quarter)
    shared = Paper(View(release, "tension"), words, paper, A4_MM[::-1], label=quarter)
    pages = filled(shared, lambda leaves: fill_district(leaves, of, words))
    for number, page in enumerate(pages, start=1):
        shared.number_page(page, number, len(pages))
    return as_pdf(as_printed(pages, paper))


NOTHING = "–"


def fill_district(leaves: Leaves, of: District, words: Words) -> None:
    """A table with a row a community, in the order of the alphabet; what was raised on both sides; what the columns mean."""
    held = [community for community in of.communities if community.reporting_day is not None]
    months = sentences.months_of(of.release, words, of.quarter)
    leaves.title(
        words.n(
            "{district}, {months}: {n} community of {all} held a reporting day",
            "{district}, {months}: {n} communities of {all} held a reporting day",
            len(held),
            district=words.names(*of.names)[0],
            months=months,
            all=words.number(len(of.communities)),
        )
    )
    headings = (
        words("Community"),
        words("Reporting day"),
        *(sentences.capital(words.label(group)) for group in GROUPS),
        words("Concerns"),
        words("Answered"),
        words("Overdue"),
        words("Done"),
        words("What changed"),
    )
    names = _names(of.release, words)
    communities = {names[community.settlement_id]: community for community in of.communities}
    rows = tuple(_row(name, communities[name], words) for name in words.in_order(communities))
    leaves.table(Ruled.fitted(headings, rows, leaves.leaf.width_mm))
    if both := _on_both_sides(of, names, words):
        leaves.heading(words("Also raised across a claimed line"))
        leaves.points(both)
    notes = [
        words("Women, men, youth: how many were in the room at the reporting day."),
        words("Concerns: raised in these months. Answered: something was agreed for them."),
        words("Overdue: agreed earlier, not done, and its day has passed. Done: in these months."),
        words("What changed: reports two quarters before and after, beside communities without action. It proves no cause."),
        words("Sensitive concerns are on no list. A community without numbers is not one without concerns."),
    ]
    leaves.text(" ".join(notes))


def _row(name: str, community: Community, words: Words) -> tuple[str, ...]:
    meeting = community.reporting_day
    day = words.day(meeting.date_held.date().isoformat()) if meeting is not None else words("not held")
    room = [_in_the_room(community, meeting, group, words) for group in GROUPS]
    concerns = [(one, row) for one in community.in_quarter for row in community.concerns(one)]
    answered = sum(bool(community.actions(one, int(row.rank))) for one, row in concerns)
    overdue = sum(community.is_overdue(row) for row in community.every_action)
    done = [row for row in community.every_action if community.is_done(row) and row.date_done >= community.first_day]
    numbers = [words.number(n) for n in (len(concerns), answered, overdue, len(done))]
    return (name, day, *room, *numbers, _changes(done, words))


def _in_the_room(community: Community, meeting: Any | None, group: str, words: Words) -> str:
    if meeting is None:
        return NOTHING
    band = getattr(meeting, group)
    return sentences.people(community.release, band, words) if isinstance(band, str) else words("not counted")


def _changes(done: list[Any], words: Words) -> str:
    """What the reports say of what was done, each verdict once."""
    told = dict.fromkeys(agreed.verdict(row.change, words) for row in done if isinstance(row.change, str))
    return "; ".join(told) or NOTHING


def _on_both_sides(of: District, names: Mapping[str, str], words: Words) -> list[str]:
    """Each concern with the communities of the district that raised it and those across a claimed line that did too."""
    found: dict[str, tuple[set[str], set[str]]] = {}
    for community in of.communities:
        for category, others in across(community).items():
            here, there = found.setdefault(category, (set(), set()))
            here.add(names[community.settlement_id])
            there.update(names[other] for other in others)
    return [
        words(
            "{concern}: {here}; on the other side: {there}",
            concern=sentences.capital(words.label(category)),
            here=", ".join(words.in_order(found[category][0])),
            there=", ".join(words.in_order(found[category][1])),
        )
        for category in sorted(found)
    ]


def _names(release: Release, words: Words) -> dict[str, str]:
    """Each settlement in the script of the language; with its identifier where another one would be written alike."""
    told = {
        row.settlement_id: words.names(row.name, shown.text_or_nothing(row.name_local) or None)[0]
        for row in shown.settlements(release).itertuples()
    }
    alike = Counter(told.values())
    return {one: f"{name} ({one})" if alike[name] > 1 else name for one, name in told.items()}
