"""What stands beside the map on a screen: title, legend, doubt, sources, in the words of the printed sheet.

Functions that return HTML take plain texts and escape them; nothing else here does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import geopandas as gpd
import pandas as pd

from tensionmap.publish import style
from tensionmap.publish.offline import escape
from tensionmap.publish.words import Words
from tensionmap.tables import BANDS, Release

Look = dict[str, Any]
"""Options of a Leaflet path."""

POINT: Look = {
    "color": style.PAPER,
    "weight": 1,
    "fill": True,
    "fillColor": style.SYMBOLS["report"].screen_colour,
    "fillOpacity": 0.9,
}
_POINT_KEY = f'<circle cx="16" cy="8" r="4" fill="{POINT["fillColor"]}"/>'


def title(release: Release, theme: str, words: Words) -> str:
    """What, where and which months: the title of the page."""
    months = words.months(release.facts.date_from, release.facts.date_to)
    if theme == "crime":
        return words("Crime map of {study}: reports from {months}", study=release.facts.study, months=months)
    return words("Tension map of {study}: reports from {months}", study=release.facts.study, months=months)


def header(release: Release, theme: str, words: Words) -> str:
    """Banners, title and one summary, as HTML."""
    banners = []
    if release.facts.is_invented:
        banners.append(
            _element("p", words("INVENTED TRAINING DATA: no place, person or report here is real."), "banner invented")
        )
    if release.audience == "police":
        banners.append(_element("p", words("INTERNAL: for the police only. Do not copy, do not hand on."), "banner internal"))
    if release.audience == "research":
        banners.append(_element("p", words("INTERNAL: for research only. Do not copy, do not hand on."), "banner internal"))
    said = [*banners, _element("h1", title(release, theme, words)), _element("p", _summary(release, theme, words), "summary")]
    return f"<header>{''.join(said)}</header>\n"


def beside(release: Release, theme: str, words: Words, contacts: Sequence[str]) -> str:
    """Legend, doubt, what is hidden, sources and contacts, as HTML; the layer control finds its place in it."""
    last = words.day(release.facts.date_to)
    sections = [
        _section(words("Layers: tick to show"), ['<div id="layers"></div>'], is_open=True),
        _section(words("Reports in a square"), _cells_legend(release, theme, words), is_open=True),
        _section(words("Numbered areas"), _hotspots_legend(release, theme, words), is_open=True),
        _section(words("Border claims as of {day}", day=last), _claims_legend(release, words), is_open=True),
        _section(words("Places"), [_keys(_places_legend(release, theme, words))], is_open=True),
        _section(words("How sure is this?"), _paragraphs(_doubt(release, theme, words))),
        _section(words("What this map does not show, and why"), _paragraphs(_hidden(release, words))),
        _section(words("Who reported, and what"), [*_paragraphs(_sources(release, words)), _totals(release, theme, words)]),
    ]
    if contacts:
        sections.append(_section(words("Whom to call"), _paragraphs(contacts), is_open=True))
    return f"<aside>{''.join(sections)}</aside>\n"


def _summary(release: Release, theme: str, words: Words) -> str:
    """How many reports, and what the test over the whole map says of them."""
    kinds = list(of_theme(release, "hotspots", theme)["kind"])
    number = _number_of_reports(release, theme, words)
    parts = [words("Reports: {number}.", number=number)] if number else []
    verdict = release.facts.verdicts.get(theme, "too few to tell")
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


def _number_of_reports(release: Release, theme: str, words: Words) -> str:
    number = release.facts.reports.get(theme, "")
    if not number.isdigit():
        return words.label(number)
    written = words.number(int(number))
    return words("about {number}", number=written) if release.audience == "community" else written


def _section(title: str, content: Iterable[str], *, is_open: bool = False) -> str:
    opened = " open" if is_open else ""
    return f"<details{opened}><summary>{escape(title)}</summary>{''.join(content)}</details>\n"


def _element(tag: str, text: str, css_class: str = "") -> str:
    named = f' class="{css_class}"' if css_class else ""
    return f"<{tag}{named}>{escape(text)}</{tag}>"


def _paragraphs(texts: Iterable[str]) -> list[str]:
    return [_element("p", text) for text in texts]


def _cells_legend(release: Release, theme: str, words: Words) -> list[str]:
    keys = [_key(_swatch(band), reports(band, words)) for band in reversed(BANDS)]
    if theme == "tension":
        keys.append(_key(glyph("joint_work"), words("5 or more joint repairs, agreements or meetings")))
    if release.audience == "police":
        keys.append(_key(_svg(_POINT_KEY), words("a single report, about here")))
    approximate = words(
        "Places are approximate: squares of {km} by {km} km. “Fewer than 5 or none” protects people; it does not mean safe.",
        km=words.number(release.facts.cell_m / 1000),
    )
    return [_keys(keys), _element("p", approximate)]


def _hotspots_legend(release: Release, theme: str, words: Words) -> list[str]:
    spots = of_theme(release, "hotspots", theme)
    keys = [
        _key(_stroke_key(style.HOTSPOTS[kind]), meaning(kind, words))
        for kind in ("hot", "cold")
        if kind in {"hot", *spots["kind"]}
    ]
    named = [f"{hotspot_name(row, words)}: {', '.join(hotspot_facts(row, words))}" for row in spots.itertuples()]
    noise = words(
        "On maps where nothing is going on, an area would be numbered on at most {percent} of 100 "
        "({replicates} such maps were drawn).",
        percent=words.number(round(release.facts.alpha * 100, 1)),
        replicates=words.number(release.facts.replicates),
    )
    return [_keys(keys), *_paragraphs([*named, noise])]


def _claims_legend(release: Release, words: Words) -> list[str]:
    rows = standing(release).drop_duplicates(["status", "claimant", "date_from"]).sort_values(["status", "claimant", "claim_id"])
    letters = claimant_letters(release)
    keys = [
        _key(_stroke_key(style.CLAIMS[row.status]), f"{letters[row.claimant]}: {claim(row, words)}") for row in rows.itertuples()
    ]
    if not keys:
        keys.append(_key("", words("The study has no border claims here: none is drawn.")))
    ended = int((release.background["claims"]["date_to"] < pd.Timestamp(release.facts.date_to)).sum())
    texts = [words("Drawing a line, an area or a name does not mean that anybody accepts or endorses it.")]
    if ended:
        texts.insert(
            0, words.n("{n} claim that ended before is not drawn.", "{n} claims that ended before are not drawn.", ended)
        )
    return [_keys(keys), *_paragraphs(texts)]


def _places_legend(release: Release, theme: str, words: Words) -> list[str]:
    shown = set(release.background["services"]["kind"]) | set(release.background["settlements"]["kind"])
    if theme == "tension":
        shown |= set(release.background["resources"]["kind"])
    pictures = {kind: _stroke_key(look) for kind, look in style.LINES.items()}
    pictures |= {kind: _ground_key(look) for kind, look in style.GROUNDS.items()}
    pictures |= {kind: glyph(kind) for kind in style.SYMBOLS}
    return [_key(picture, words.label(kind)) for kind, picture in pictures.items() if kind in shown]


def _keys(entries: Iterable[str]) -> str:
    return f"<ul>{''.join(entries)}</ul>"


def _key(picture: str, text: str) -> str:
    return f'<li><span class="picture">{picture}</span>{escape(text)}</li>'


def _svg(content: str) -> str:
    return f'<svg width="32" height="16" viewBox="0 0 32 16" aria-hidden="true">{content}</svg>'


def _swatch(band: str) -> str:
    look, edge = style.BANDS[band], style.CELL_EDGE
    outline = f'stroke="{edge.screen_colour}" stroke-width="{edge.width_pt:g}"'
    return _svg(
        f'<rect x="6" y="1" width="20" height="14" fill="{look.screen_fill}" fill-opacity="{look.screen_opacity:g}" {outline}/>'
    )


def _ground_key(look: style.Ground) -> str:
    outline = look.outline
    dash = f'stroke="{outline.screen_colour}" stroke-width="{outline.width_pt:g}" stroke-dasharray="{outline.dash_css}"'
    return _svg(f'<rect x="4" y="1" width="24" height="14" fill="{look.screen_fill}" {dash}/>')


def _stroke_key(stroke: style.Stroke) -> str:
    return _svg(
        "".join(
            f'<line x1="2" y1="8" x2="30" y2="8" stroke="{look["color"]}" stroke-width="{look["weight"]:g}" '
            f'stroke-dasharray="{look["dashArray"]}" stroke-linecap="{look["lineCap"]}"/>'
            for look in strokes(stroke)
        )
    )


def _totals(release: Release, theme: str, words: Words) -> str:
    rows = []
    for shown in [theme, "cooperation"] if theme == "tension" else [theme]:
        rows.append(("th", capital(words.label(shown)), _number_of_reports(release, shown, words)))
        totals = of_theme(release, "totals", shown)
        rows += [("td", words.label(row.category), words.label(row.band)) for row in totals.itertuples()]
    return f"<table>{''.join(f'<tr>{_element(tag, left)}{_element(tag, right)}</tr>' for tag, left, right in rows)}</table>"


def _doubt(release: Release, theme: str, words: Words) -> list[str]:
    facts = release.facts
    verdict = facts.verdicts.get(theme, "too few to tell")
    texts = []
    if verdict == "too few to tell":
        texts.append(words("Too few reports to tell: that is not the same as safe."))
    if verdict == "none found":
        texts.append(words("No numbered area does not mean that there is no problem."))
    if facts.is_withheld.get(theme, False):
        texts.append(words("At least one area that stands out is not shown: too few people live or reported there."))
    if theme in facts.unplaced_percent:
        texts.append(words("Without a place exact enough for the map: {n} of 100 reports.", n=facts.unplaced_percent[theme]))
    if facts.missing_layers:
        kinds = ", ".join(words.label(kind) for kind in facts.missing_layers)
        texts.append(words("The study has no data on: {kinds}.", kinds=kinds))
    return [*texts, words("Only what was reported is counted. More reports can mean more trust.")]


def _hidden(release: Release, words: Words) -> list[str]:
    always = words("Violence in families, sexual violence, violence against children, recruitment: to protect those harmed.")
    if release.audience == "community":
        return [always, words("Single reports, names, dates and exact numbers: so that nobody can be found.")]
    if release.audience == "police":
        return [always, words("Names, texts and numbers of reports: they are not needed on a map.")]
    return [always, words("Single reports, names and dates: so that nobody can be found.")]


def _sources(release: Release, words: Words) -> list[str]:
    facts = release.facts
    reporters = ", ".join(words.label(name) for name in facts.reported_by)
    texts = []
    if len(facts.reported_by) == 1:
        texts.append(words("All reports come from one side: {names}. What others saw is missing.", names=reporters))
    elif reporters:
        texts.append(words("Reports come from: {names}. Months, squares and kinds are the same for all.", names=reporters))
    for claimant, claims in standing(release).groupby("claimant", sort=True):
        texts.append(
            words("Claims of {claimant}: {sources}.", claimant=claimant, sources=", ".join(sorted(set(claims["source"]))))
        )
    return [*texts, words("Digest of the data: {digest}", digest=release.digest)]


def of_theme(release: Release, name: str, theme: str) -> Any:
    """The rows of one theme of a table of the release."""
    table = release.tables[name]
    return table[table["theme"] == theme]


def standing(release: Release) -> gpd.GeoDataFrame:
    """The claims that stand on the last day of the period."""
    claims, last = release.background["claims"], pd.Timestamp(release.facts.date_to)
    return claims[~(claims["date_from"] > last) & ~(claims["date_to"] < last)]


def claimant_letters(release: Release) -> dict[str, str]:
    """The letters of each claimant as the claims write it: 'Norvia + Selmar' -> 'N+S'."""
    claimants = sorted(set(release.background["claims"]["claimant"]))
    single = style.claimant_letters([*release.facts.parties, *(name for names in claimants for name in names.split(" + "))])
    return {names: "+".join(single[name] for name in names.split(" + ")) for names in claimants}


def hotspot_name(row: Any, words: Words) -> str:
    """'Hot spot 1'."""
    if row.kind == "hot":
        return words("Hot spot {number}", number=row.hotspot_id)
    return words("Cold spot {number}", number=row.hotspot_id)


def hotspot_facts(row: Any, words: Words) -> list[str]:
    """Band, meaning and the settlements near it."""
    places = _places(row.near, row.near_local, words)
    facts = [reports(row.band, words), meaning(row.kind, words)]
    return [*facts, words("near {places}", places=places)] if places else facts


def meaning(kind: str, words: Words) -> str:
    """What a hot or cold area is, in words."""
    if kind == "hot":
        return words("more reports than chance would explain")
    return words("fewer reports than chance would explain")


def reports(band: str, words: Words) -> str:
    """A band as read: '5-9 reports', 'fewer than 5 or none'."""
    return words.label(band) if band == BANDS[0] else words("{band} reports", band=words.label(band))


def _places(near: Any, near_local: Any, words: Words) -> str:
    names = text_or_nothing(near).split("|") if text_or_nothing(near) else []
    local = [*text_or_nothing(near_local).split("|"), *[""] * len(names)]
    return ", ".join(words.place(name, other or None) for name, other in zip(names, local, strict=False))


def claim(row: Any, words: Words) -> str:
    """Who claims or agreed it since when, in the words of the printed sheet."""
    since = "" if pd.isna(row.date_from) else words(", since {day}", day=words.day(row.date_from.date().isoformat()))
    if row.status == "claimed":
        return words("claimed by {claimant}{since}", claimant=row.claimant, since=since)
    if row.status == "agreed":
        return words("agreed: {claimant}{since}", claimant=row.claimant, since=since)
    return words("undetermined: {claimant}{since}", claimant=row.claimant, since=since)


def strokes(stroke: style.Stroke) -> tuple[Look, ...]:
    """A stroke as Leaflet's paths, from the halo below to the core on top."""
    line = {"color": stroke.screen_colour, "weight": stroke.width_pt, "dashArray": stroke.dash_css, "lineCap": "butt"}
    passes = (
        [line | {"color": style.PAPER, "weight": stroke.width_pt + 2 * stroke.halo_pt, "dashArray": ""}] if stroke.halo_pt else []
    )
    passes.append(line)
    if stroke.dots_pt:
        dots = {"weight": stroke.dots_pt, "dashArray": f"0 {style.AGREED_DOT_SPACING_PT:g}", "lineCap": "round"}
        passes.append(line | dots)
    if stroke.core_pt:
        passes.append(line | {"color": style.PAPER, "weight": stroke.core_pt})
    return tuple(look | {"opacity": 1, "fill": False} for look in passes)


def glyph(kind: str) -> str:
    """The character that stands for a point, as HTML."""
    symbol = style.SYMBOLS[kind]
    hollow = "" if symbol.is_filled else " hollow"
    # The size of a character is about twice the shape that it shows.
    look = f"color:{symbol.screen_colour};font-size:{1.8 * symbol.size_pt:g}px"
    return f'<span class="glyph{hollow}" style="{look}">{symbol.glyph}</span>'


def text_or_nothing(value: Any) -> str:
    """``value``, or an empty text where a table has none."""
    return value if isinstance(value, str) else ""


def capital(text: str) -> str:
    """``text`` as it begins a line."""
    return text[:1].upper() + text[1:]
