"""What a map says in sentences, in the same words on paper and on screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from tensionmap.publish import shown
from tensionmap.publish.words import Words, sentence
from tensionmap.tables import BANDS, PERIOD, Release

LOWEST_END = 5
MERGED = (2, 4)
"""Sides of merged squares, in cells."""


def title(release: Release, theme: str, words: Words, window: str = PERIOD, around: str = "") -> str:
    """What, where and which months are counted; of a part of the study the community ``around`` which it lies."""
    months = months_of(release, words, window)
    if around:
        return around_heading(theme, around, months, words)
    if theme == "crime":
        return words("Crime map of {study}, {months}", study=release.facts.study, months=months)
    return words("Tension map of {study}, {months}", study=release.facts.study, months=months)


def months_of(release: Release, words: Words, window: str = PERIOD) -> str:
    """The months that a window counts: 'October 2023 to September 2026'."""
    return words.months(*shown.months_counted(release, window))


def banners(release: Release, words: Words) -> list[tuple[str, str]]:
    """What nobody may overlook, each with its kind: internal, invented, loosened (as it was signed, in English)."""
    found = []
    if release.audience == "police":
        found.append(("internal", words("INTERNAL: for the police only. Do not copy, do not hand on.")))
    if release.audience == "research":
        found.append(("internal", words("INTERNAL: for research only. Do not copy, do not hand on.")))
    if release.facts.is_invented:
        found.append(("invented", words("INVENTED TRAINING DATA: no place, person or report here is real.")))
    return [*found, *(("loosened", signed) for signed in release.facts.loosened)]


def summary(release: Release, theme: str, words: Words, kinds_here: Sequence[str] | None = None) -> str:
    """How many reports, and what the test over the whole map says of them; of a part of it with the kinds of its areas."""
    every = list(shown.of_theme(release, "hotspots", theme)["kind"])
    kinds = every if kinds_here is None else list(kinds_here)
    number = number_of_reports(release, theme, words)
    parts = [words("Reports: {number}.", number=number)] if number else []
    if kinds_here is not None and number:
        parts = [words("Reports in the whole area: {number}.", number=number)]
    verdict = release.facts.verdicts.get(theme, "too few to tell")
    if kinds_here is not None and every and not kinds:
        return " ".join([*parts, words("No numbered area lies on this part of the map.")])
    if verdict == "too few to tell":
        parts.append(words("That is too few to tell whether any area stands out."))
    elif verdict == "none found":
        parts.append(words("No area stands out more than chance would explain."))
    elif not kinds:
        parts.append(words("An area stands out, but is not shown, to protect people."))
    if "hot" in kinds:
        parts.append(
            words.n(
                "In {n} numbered area there were more than chance would explain.",
                "In {n} numbered areas there were more than chance would explain.",
                kinds.count("hot"),
            )
        )
    if "cold" in kinds:
        parts.append(
            words.n(
                "In {n} numbered area there were fewer than chance would explain.",
                "In {n} numbered areas there were fewer than chance would explain.",
                kinds.count("cold"),
            )
        )
    return " ".join(parts)


def summary_of_quarter(release: Release, theme: str, words: Words, window: str) -> str:
    """How many reports a quarter has, and that areas are not measured by quarter."""
    number = number_of_reports(release, theme, words, window)
    study = words.months(release.facts.date_from, release.facts.date_to)
    areas = words("Numbered areas are measured over all months: {months}.", months=study)
    return f"{words('Reports: {number}.', number=number)} {areas}" if number else areas


def number_of_reports(release: Release, theme: str, words: Words, window: str = PERIOD) -> str:
    """The reports of a theme: 'about 640' for the community, '640' inside; empty if the release does not tell."""
    number = shown.number_of_reports(release, theme, window)
    if number is None:
        return ""
    if release.audience == "community" and number == 0:
        return reports(release, BANDS[0], words)
    written = words.number(number)
    return words("about {number}", number=written) if release.audience == "community" else written


def reports(release: Release, band: str, words: Words) -> str:
    """A band as read: '5-9 reports', 'fewer than 5 or none'; a community's lowest band ends at its minimum count."""
    if band == BANDS[0]:
        return words("fewer than {n} or none", n=words.number(_lowest_end(release)))
    return words("{band} reports", band=words.label(band))


def people(release: Release, band: str, words: Words) -> str:
    """How many were in a room: '5-9', 'fewer than 5 or nobody'."""
    if band == BANDS[0]:
        return words("fewer than {n} or nobody", n=words.number(_lowest_end(release)))
    return words.label(band)


def _lowest_end(release: Release) -> int:
    # Bands begin at five, so a lower minimum lists nothing more.
    return max(release.facts.minimum_count, LOWEST_END) if release.audience == "community" else LOWEST_END


def joint_work(release: Release, words: Words) -> str:
    """What the mark of cooperation means."""
    return words("{n} or more joint repairs, agreements or meetings", n=words.number(_lowest_end(release)))


def single_report(words: Words) -> str:
    """What the mark of a report means."""
    return words("a single report, about here")


def approximate(release: Release, theme: str, words: Words) -> str:
    """How exact places are, and that an empty square is not a safe one."""
    n = words.number(_lowest_end(release))
    if shown.has_merged(release, theme):
        double, fourfold = (_km(release, side, words) for side in MERGED)
        return words(
            "Places are approximate: squares of {km} by {km} km, and of {double} or {fourfold} km where fewer reports or people "
            "are. “Fewer than {n} or none” protects people; it does not mean safe.",
            km=_km(release, 1, words),
            double=double,
            fourfold=fourfold,
            n=n,
        )
    return words(
        "Places are approximate: squares of {km} by {km} km. “Fewer than {n} or none” protects people; it does not mean safe.",
        km=_km(release, 1, words),
        n=n,
    )


def size(release: Release, side_cells: int, words: Words) -> str:
    """How large a merged square is; empty for a square of one cell."""
    return words("Square of {km} by {km} km", km=_km(release, side_cells, words)) if side_cells > 1 else ""


def _km(release: Release, side_cells: int, words: Words) -> str:
    return words.number(side_cells * release.facts.cell_m / 1000)


def meaning(kind: str, words: Words) -> str:
    """What a hot or cold area is."""
    if kind == "hot":
        return words("more reports than chance would explain")
    return words("fewer reports than chance would explain")


def area(row: Any, words: Words) -> list[str]:
    """What is told of a numbered area: at least how many reports, from whom, near what; each only if it may be told."""
    found = []
    if row.at_least:  # of a cold area nothing is told
        found.append(words.n("at least {n} report", "at least {n} reports", int(row.at_least)))
    if row.reported_from == "both sides":
        found.append(words("reported from both sides"))
    if row.reported_from == "one side only":
        found.append(words("reported from one side only"))
    places = near(row, words)
    return [*found, places] if places else found


def support(row: Any, words: Words) -> list[str]:
    """Whether all of an area still stands out where imprecise reports are put at other places; nothing if it was not tried."""
    told = {
        "nearly always": sentence(
            "With imprecise reports put where else they can have been, all of it nearly always stands out."
        ),
        "mostly": sentence("With imprecise reports put where else they can have been, all of it mostly stands out."),
        "sometimes": sentence("With imprecise reports put where else they can have been, parts of it stand out only at times."),
    }
    return [words(told[row.support])] if row.support in told else []


def things(found: Sequence[tuple[str, str, tuple[int, int] | None]], words: Words) -> list[str]:
    """What lies in an area or near it, a line a kind: kind, name and season of each; that nothing does, if it is so."""
    lines: dict[str, list[str]] = {}
    for kind, name, season in found:
        months = f" ({in_use(season, words)})" if season else ""
        lines.setdefault(kind, []).append(f"{name}{months}".strip())
    told = [f"{words.label(kind)}: {', '.join(filter(None, names))}".rstrip(": ") for kind, names in lines.items()]
    return told or [words("No water, pasture, forest, road or post is known here.")]


def on_paper(row: Any, paper: Mapping[str, str], words: Words) -> list[str]:
    """Where the same area stands on paper; nothing if there is no paper."""
    return [words("{file}, number {number}", file=paper[words.language], number=row.hotspot_id)] if paper else []


def in_use(season: tuple[int, int], words: Words) -> str:
    """The months in which water or pasture is used: 'May to September'."""
    first, last = season
    return words("{first} to {last}", first=words.month(first), last=words.month(last))


def not_told_of_area(words: Words) -> list[str]:
    """What a numbered area does not show."""
    return [
        words("Not who did anything, and not why: only that more or fewer reports came from here than chance would explain."),
        words("What lies in it or near it need not be the cause."),
    ]


def near(row: Any, words: Words) -> str:
    """The settlements in or next to a numbered area: 'near Orrin (Оррин)'; empty if there are none."""
    names, locals_ = _split(row.near), _split(row.near_local)
    places = [words.place(name, *locals_[number : number + 1]) for number, name in enumerate(names)]
    return words("near {places}", places=", ".join(places)) if places else ""


def _split(names: Any) -> list[str]:
    return names.split("|") if isinstance(names, str) and names else []


def chance(release: Release, words: Words) -> str:
    """How often an area would be numbered where nothing is going on."""
    return words(
        "On maps where nothing is going on, an area would be numbered on at most {percent} of 100 "
        "({replicates} such maps were drawn).",
        percent=words.number(round(release.facts.alpha * 100, 1)),
        replicates=words.number(release.facts.replicates),
    )


def doubt(release: Release, theme: str, words: Words) -> list[str]:
    """What the map cannot tell: too few reports, areas withheld, reports without a place, thresholds that were lowered."""
    facts = release.facts
    verdict = facts.verdicts.get(theme, "too few to tell")
    found = []
    if verdict == "too few to tell":
        found.append(words("Too few reports to tell: that is not the same as safe."))
    if verdict == "none found":
        found.append(words("No numbered area does not mean that there is no problem."))
    if facts.is_withheld.get(theme, False):
        found.append(words("At least one area that stands out is not shown: too few people live or reported there."))
    percent = shown.unplaced_percent(release, theme)
    if percent is not None:
        found.append(words("Without a place exact enough for the map: {n} of 100 reports.", n=percent))
    return [*found, *facts.loosened]


def counted(release: Release, words: Words) -> list[str]:
    """Who reported, what counting reports means, and which layers the study does not have."""
    facts = release.facts
    names = ", ".join(words.label(name) for name in facts.reported_by)
    found = []
    if len(facts.reported_by) == 1:
        found.append(words("All reports come from one side: {names}. What others saw is missing.", names=names))
    elif names:
        found.append(words("Reports come from: {names}. Months, squares and kinds are the same for all.", names=names))
    found.append(words("Only what was reported is counted. More reports can mean more trust."))
    found.append(words("An event that two sources tell of is counted once."))
    if facts.missing_layers:
        kinds = ", ".join(words.label(kind) for kind in facts.missing_layers)
        found.append(words("The study has no data on: {kinds}.", kinds=kinds))
    return [*found, *anonymity(release, words)]


def anonymity(release: Release, words: Words) -> list[str]:
    """How few reports a count can stand for, told inside the house alone; nothing if nothing is counted."""
    facts = release.facts
    if release.audience == "community" or facts.smallest_count is None or facts.percent_at_minimum is None:
        return []
    told = words(
        "Counts by theme, quarter and square: the smallest is {n} (k-anonymity k = {n}); {percent} of 100 reach {minimum}.",
        n=words.number(facts.smallest_count),
        percent=facts.percent_at_minimum,
        minimum=words.number(facts.minimum_count),
    )
    return [told]


def hidden(release: Release, words: Words) -> list[str]:
    """What the map does not show, and why."""
    always = words("Violence in families, sexual violence, violence against children, recruitment: to protect those harmed.")
    if release.audience == "community":
        few = words("Squares in which fewer than {n} people live.", n=words.number(release.facts.minimum_residents))
        sensitive = words(
            "Drugs, weapons, youth violence, clashes between communities are counted for the whole study only, "
            "from {n} reports on.",
            n=words.number(release.facts.minimum_count_sensitive),
        )
        return [always, words("Single reports, names, dates and exact numbers: so that nobody can be found."), few, sensitive]
    if release.audience == "police":
        return [always, words("Names, texts and numbers of reports: they are not needed on a map.")]
    return [always, words("Single reports, names and dates: so that nobody can be found.")]


def claim(row: Any, words: Words) -> str:
    """Who claims or agreed it, and since when."""
    since = "" if pd.isna(row.date_from) else words(", since {day}", day=words.day(row.date_from.date().isoformat()))
    if row.status == "claimed":
        return words("claimed by {claimant}{since}", claimant=row.claimant, since=since)
    if row.status == "agreed":
        return words("agreed: {claimant}{since}", claimant=row.claimant, since=since)
    return words("undetermined: {claimant}{since}", claimant=row.claimant, since=since)


def claims(release: Release, words: Words, window: str = PERIOD) -> list[tuple[str, str]]:
    """Status and sentence of the claims that stand at the end of a window, those alike told once: who, since when, by what."""
    letters = shown.claimant_letters(release)
    told: dict[tuple[str, str], set[str]] = {}
    for row in shown.standing(release, window).sort_values(["status", "claimant", "date_from"], kind="stable").itertuples():
        told.setdefault((row.status, f"{letters[row.claimant]}: {claim(row, words)}"), set()).add(row.source)
    return [(status, f"{text} ({', '.join(sorted(sources))})") for (status, text), sources in told.items()]


def claims_left_out(release: Release, words: Words) -> list[str]:
    """That there are no claims, or that some ended before the last day."""
    ended = shown.ended(release)
    found = [] if len(shown.standing(release)) else [words("The study has no border claims here: none is drawn.")]
    if ended:
        found.append(words.n("{n} claim that ended before is not drawn.", "{n} claims that ended before are not drawn.", ended))
    return found


def disclaimer(words: Words) -> str:
    """That drawing is not endorsing."""
    return words("Drawing a line, an area or a name does not mean that anybody accepts or endorses it.")


def headings(release: Release, words: Words, window: str = PERIOD) -> Mapping[str, str]:
    """What stands over each part of the legend; squares and areas with their months where these differ."""
    squares, areas = words("Reports in a square"), words("Numbered areas")
    if shown.is_of_other_months(release) or window != PERIOD:
        study = words.months(release.facts.date_from, release.facts.date_to)
        squares = words("Reports in a square, {months}", months=months_of(release, words, window))
        areas = words("Numbered areas, {months}", months=study)
    return {
        "squares": squares,
        "areas": areas,
        "claims": words("Border claims as of {day}", day=words.day(shown.last_day(release, window))),
        "places": words("Places"),
        "doubt": words("How sure is this?"),
        "hidden": words("What this map does not show, and why"),
        "sources": words("Who reported, and what"),
        "contacts": words("Whom to call"),
    }


def contacts(given: Sequence[tuple[str, str]], words: Words) -> list[str]:
    """Whom to call, a line each: 'Police: ...'; what is of no office in particular as it reads."""
    return [
        text if office == "other" else words("{office}: {text}", office=capital(words.label(office)), text=text)
        for office, text in given
    ]


def theme_name(theme: str, words: Words) -> str:
    """The map that a row of numbers belongs to."""
    told = {"crime": words("Crime map"), "tension": words("Tension map"), "cooperation": words("Joint work")}
    return told[theme]


def around_heading(theme: str, name: str, months: str, words: Words) -> str:
    """What stands over what a map shows around a community."""
    if theme == "crime":
        return words("Crime map around {community}, {months}", community=name, months=months)
    return words("Tension map around {community}, {months}", community=name, months=months)


def notice_headings(words: Words) -> Mapping[str, str]:
    """What stands over each of the study's own texts, in the order of the page."""
    return {
        "staff": words("New in office"),
        "rights": words("Your rights"),
        "border_crossing": words("Crossing the border"),
        "pasture_use": words("Using the pasture"),
        "other": words("Good to know"),
    }


def area_name(row: Any, words: Words) -> str:
    """'Hot spot 1'."""
    if row.kind == "hot":
        return words("Hot spot {number}", number=row.hotspot_id)
    return words("Cold spot {number}", number=row.hotspot_id)


def capital(text: str) -> str:
    """``text`` as it begins a line."""
    return text[:1].upper() + text[1:]
