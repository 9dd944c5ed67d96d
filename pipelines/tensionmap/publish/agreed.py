"""What a meeting's pages say in sentences: numbers side by side, what was asked for and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any

import pandas as pd

from tensionmap.publish import sentences, shown
from tensionmap.publish.chart import View
from tensionmap.publish.meetings import Community, before, place_of
from tensionmap.publish.words import Words
from tensionmap.tables import Release

CHANGED = 3.0
"""From so many standard errors on a difference is called a change: fewer are within what quarters vary by anyhow."""
THEMES = ("crime", "tension", "cooperation")


def compared(release: Release, quarter: str) -> tuple[str, ...]:
    """The quarter, the one before, and the same of last year: those of them that the release tells."""
    return tuple(one for one in (quarter, before(quarter, 1), before(quarter, 4)) if one in release.facts.quarters)


def change(release: Release, theme: str, now: str, then: str) -> str:
    """'more', 'about the same' or 'fewer' of ``now`` against ``then``; empty if either is not told.

    Counts are compared by twice the difference of their square roots, whose standard error is 1 for Poisson counts, and a
    change is said only from three on (Wheeler 2016, https://doi.org/10.1177/1461355716642781). Told numbers are rounded, so it
    is said only if it holds for every pair of counts that may stand behind them: few small changes are found.
    """
    spans = [_may_be(release, theme, window) for window in (now, then)]
    if None in spans:
        return ""
    (low_now, high_now), (low_then, high_then) = (span for span in spans if span is not None)
    if 2 * (sqrt(low_now) - sqrt(high_then)) > CHANGED:
        return "more"
    if 2 * (sqrt(low_then) - sqrt(high_now)) > CHANGED:
        return "fewer"
    return "about the same"


def _may_be(release: Release, theme: str, window: str) -> tuple[int, int] | None:
    """The least and the most reports that may stand behind a told number."""
    number = shown.number_of_reports(release, theme, window)
    if number is None:
        return None
    if release.audience != "community":
        return number, number
    step = release.facts.minimum_count
    # A number is rounded to twice the minimum count, and raised where squares already show more.
    return max(number - 2 * step + 1, 0), number + step - 1


def headline(release: Release, quarter: str, words: Words) -> str:
    """What the quarter brought, as a sentence."""
    months, last_year = sentences.months_of(release, words, quarter), before(quarter, 4)
    changes = {change(release, theme, quarter, last_year) for theme in ("crime", "tension")}
    if changes == {"about the same"}:
        return words("{months}: about as many reports as in the same months of last year", months=months)
    if changes <= {"more", "about the same"} and "more" in changes:
        return words("{months}: more reports than in the same months of last year", months=months)
    if changes <= {"fewer", "about the same"} and "fewer" in changes:
        return words("{months}: fewer reports than in the same months of last year", months=months)
    if changes == {"more", "fewer"}:
        return words("{months}: more reports of one kind and fewer of another than a year before", months=months)
    return words("{months}: what was reported, and what was done", months=months)


def numbers(release: Release, quarter: str, words: Words) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Headings and rows of the three numbers: this quarter, the last one, the same of last year, and how they compare."""
    told = compared(release, quarter)
    months = tuple(sentences.months_of(release, words, one) for one in told)
    headings = (words("Reports in the whole area"), *months, words("How they compare"))
    rows = []
    for theme in THEMES:
        figures = [sentences.number_of_reports(release, theme, words, one) or words("not told") for one in told]
        rows.append((sentences.theme_name(theme, words), *figures, _compares(release, theme, told, words)))
    return headings, tuple(rows)


def _compares(release: Release, theme: str, told: Sequence[str], words: Words) -> str:
    """'more than in the quarter before; about as many as a year before'."""
    now, *earlier = told
    than = {
        ("more", 1): words("more than in the quarter before"),
        ("fewer", 1): words("fewer than in the quarter before"),
        ("about the same", 1): words("about as many as in the quarter before"),
        ("more", 4): words("more than a year before"),
        ("fewer", 4): words("fewer than a year before"),
        ("about the same", 4): words("about as many as a year before"),
    }
    ago = {before(now, quarters): quarters for quarters in (1, 4)}
    found = [(change(release, theme, now, then), ago[then]) for then in earlier]
    if found == [("about the same", 1), ("about the same", 4)]:
        return words("about as many as in the quarter before and a year before")
    return "; ".join(than[how] for how in found if how[0])


def around(community: Community, theme: str, part: Any, index: Any, words: Words) -> list[str]:
    """The squares of the quarter around a community, each by its place on the map."""
    release, quarter = community.release, community.quarter
    squares = shown.cut(shown.squares(release, theme, quarter), part)
    rows = [
        words(
            "Square {place} of the map: {reports}",
            place=index(row.geometry),
            reports=sentences.reports(release, row.band, words),
        )
        for row in squares.itertuples()
    ]
    if rows:
        return rows
    n = words.number(max(release.facts.minimum_count, sentences.LOWEST_END))
    return [words("In these months no square here had {n} reports or more. That does not mean that nothing happened.", n=n)]


def areas(view: View, index: Any, words: Words) -> list[str]:
    """Each numbered area of a map in a sentence: where, how many, from whom, and what it was found near."""
    layers = [view.release.background[name] for name in ("resources", "services")]
    told = []
    for row in view.hotspots.itertuples():
        parts = [sentences.meaning(row.kind, words), *sentences.area(row, words)]
        near = sentences.things(shown.things_near(row.geometry, layers), words)
        told.append(
            words(
                "{area} (square {place} of the map): {told}. Found near: {things}.",
                area=sentences.area_name(row, words),
                place=index(row.geometry),
                told=", ".join(parts),
                things="; ".join(near).rstrip("."),
            )
        )
    if not told:
        return [words("No numbered area lies here. That does not mean that there is no problem.")]
    study = words.months(view.release.facts.date_from, view.release.facts.date_to)
    return [words("Numbered areas are measured over all months: {months}.", months=study), *told]


def met(community: Community, words: Words) -> str:
    """Which meeting the page goes back to: 'Reporting day of 12 July 2026'."""
    meeting = community.last_meeting
    if meeting is None:
        return words("No earlier meeting of this community is on record.")
    kind, day = sentences.capital(words.label(meeting.kind)), words.day(meeting.date_held.date().isoformat())
    return words("{kind}, {day}", kind=kind, day=day)


def concern(community: Community, row: Any, words: Words) -> str:
    """A concern with its place, and who raised it."""
    told = sentences.capital(words.label(row.category))
    place = place_name(community.release, row.place_id, words)
    if place:
        told = words("{what}, {place}", what=told, place=place)
    groups = [words.label(group) for group in _split(row.raised_by)]
    return words("{what} (raised by: {groups})", what=told, groups=", ".join(groups)) if groups else told


def action(community: Community, row: Any, words: Words) -> str:
    """What was agreed, and where."""
    told = sentences.capital(words.label(row.what))
    place = place_name(community.release, row.place_id, words)
    return words("{what}, {place}", what=told, place=place) if place else told


def due(row: Any, words: Words) -> str:
    """Until when: an empty text if it was not said."""
    return words.day(row.date_due.date().isoformat()) if isinstance(row.date_due.year, int) else ""


def state(community: Community, row: Any, words: Words) -> str:
    """How an action stands at the end of the quarter, what people say of it, and what the reports say."""
    if community.is_done(row):
        is_dated = not pd.isna(row.date_done)
        told = [words("done, {day}", day=words.day(row.date_done.date().isoformat())) if is_dated else words.label("done")]
        if isinstance(row.result, str):
            told.append(words("people say: {result}", result=words.label(row.result)))
        if isinstance(row.change, str):
            told.append(effect(row.change, words))
        return "; ".join(told)
    if community.is_overdue(row):
        return words("not done yet, its day has passed")
    if row.status == "not_possible":
        return words("not possible")
    return words.label("under way" if row.status == "done" else row.status)


def verdict(change: str, words: Words) -> str:
    """What reports before and after an action say, in a table."""
    told = {
        "fewer": words("fewer reports"),
        "more": words("more reports"),
        "no clear change": words("no clear change"),
        "too few to tell": words.label("too few to tell"),
    }
    return told[change]


def effect(change: str, words: Words) -> str:
    """What reports before and after an action say, beside other communities; never that the action was the cause."""
    told = {
        "fewer": words("fewer reports after it than elsewhere lets expect"),
        "more": words("more reports after it than elsewhere lets expect"),
        "no clear change": words("no clear change in reports"),
        "too few to tell": words("too few reports to tell a change"),
    }
    return told[change]


def asked_and_done(community: Community, words: Words) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Headings and rows: what the last meeting asked for, what was agreed, by whom, until when, and how it stands."""
    headings = (words("Concern"), words("What was agreed"), words("Who"), words("Until"), words("How it stands"))
    meeting = community.last_meeting
    if meeting is None:
        return headings, ()
    rows = []
    for row in community.concerns(meeting):
        actions = community.actions(meeting, int(row.rank))
        name = f"{row.rank}. {concern(community, row, words)}"
        rows += _rows(community, name, actions, words) or [(name, words("nothing agreed yet"), "", "", "")]
    return headings, (*rows, *_rows(community, words("Other"), community.actions(meeting), words))


def _rows(community: Community, name: str, actions: Sequence[Any], words: Words) -> list[tuple[str, ...]]:
    return [
        (
            "" if number else name,
            action(community, row, words),
            words.label(row.who),
            due(row, words),
            state(community, row, words),
        )
        for number, row in enumerate(actions)
    ]


def place_name(release: Release, place_id: Any, words: Words) -> str:
    """The name of a place: a settlement's in both scripts; its kind where it has no name; empty if it is not known."""
    place = place_of(release, place_id)
    if place is None:
        return ""
    if hasattr(place, "settlement_id"):
        return words.place(place.name, place.name_local)
    return f"{place.name} ({words.label(place.kind)})" if isinstance(place.name, str) else words.label(place.kind)


def _split(names: Any) -> list[str]:
    return names.split("|") if isinstance(names, str) and names else []
