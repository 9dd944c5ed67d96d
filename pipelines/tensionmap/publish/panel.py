"""What stands beside the map on a screen: banners, title, legend, doubt and sources.

Functions that return HTML take plain texts and escape them; nothing else here does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tensionmap.publish import sentences, shown, style
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


def header(release: Release, theme: str, words: Words) -> str:
    """Banners, title and one summary, as HTML."""
    said = [
        *(_element("p", text, f"banner {kind}") for kind, text in sentences.banners(release, words)),
        _element("h1", sentences.title(release, theme, words)),
        _element("p", sentences.summary(release, theme, words), "summary"),
    ]
    return f"<header>{''.join(said)}</header>\n"


def beside(release: Release, theme: str, words: Words, contacts: Sequence[str]) -> str:
    """Legend, doubt, what is hidden, sources and contacts, as HTML; the layer control finds its place in it."""
    headings = sentences.headings(release, words)
    sections = [
        _section(words("Layers: tick to show"), ['<div id="layers"></div>'], is_open=True),
        _section(headings["squares"], _cells_legend(release, theme, words), is_open=True),
        _section(headings["areas"], _hotspots_legend(release, theme, words), is_open=True),
        _section(headings["claims"], _claims_legend(release, words), is_open=True),
        _section(headings["places"], [_keys(_places_legend(release, theme, words))], is_open=True),
        _section(headings["doubt"], _paragraphs(sentences.doubt(release, theme, words))),
        _section(headings["hidden"], _paragraphs(sentences.hidden(release, words))),
        _section(headings["sources"], _sources(release, theme, words)),
    ]
    if contacts:
        sections.append(_section(headings["contacts"], _paragraphs(contacts), is_open=True))
    return f"<aside>{''.join(sections)}</aside>\n"


def _section(title: str, content: Iterable[str], *, is_open: bool = False) -> str:
    opened = " open" if is_open else ""
    return f"<details{opened}><summary>{escape(title)}</summary>{''.join(content)}</details>\n"


def _element(tag: str, text: str, css_class: str = "") -> str:
    """``text`` in an element; nothing if there is no text."""
    named = f' class="{css_class}"' if css_class else ""
    return f"<{tag}{named}>{escape(text)}</{tag}>" if text else ""


def _paragraphs(texts: Iterable[str]) -> list[str]:
    return [_element("p", text) for text in texts]


def _cells_legend(release: Release, theme: str, words: Words) -> list[str]:
    keys = [_key(_swatch(band), sentences.reports(release, band, words)) for band in reversed(BANDS)]
    if theme == "tension":
        keys.append(_key(glyph("joint_work"), sentences.joint_work(release, words)))
    if release.audience == "police":
        keys.append(_key(_svg(_POINT_KEY), sentences.single_report(words)))
    return [_keys(keys), _element("p", sentences.approximate(release, theme, words))]


def _hotspots_legend(release: Release, theme: str, words: Words) -> list[str]:
    spots = shown.of_theme(release, "hotspots", theme)
    kinds = [kind for kind in ("hot", "cold") if kind in {"hot", *spots["kind"]}]
    keys = [_key(_stroke_key(style.HOTSPOTS[kind]), sentences.meaning(kind, words)) for kind in kinds]
    named = [f"{hotspot_name(row, words)}: {', '.join(hotspot_facts(row, words))}" for row in spots.itertuples()]
    return [_keys(keys), *_paragraphs([*named, sentences.chance(release, words)])]


def _claims_legend(release: Release, words: Words) -> list[str]:
    keys = [_key(_stroke_key(style.CLAIMS[status]), text) for status, text in sentences.claims(release, words)]
    return [_keys(keys), *_paragraphs([*sentences.claims_left_out(release, words), sentences.disclaimer(words)])]


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


def _sources(release: Release, theme: str, words: Words) -> list[str]:
    digest = words("Digest of the data: {digest}", digest=release.digest)
    return [*_paragraphs([*sentences.counted(release, words), digest]), _totals(release, theme, words)]


def _totals(release: Release, theme: str, words: Words) -> str:
    rows = []
    for shown_theme in [theme, "cooperation"] if theme == "tension" else [theme]:
        rows.append(("th", capital(words.label(shown_theme)), sentences.number_of_reports(release, shown_theme, words)))
        totals = shown.of_theme(release, "totals", shown_theme)
        rows += [("td", words.label(row.category), words.label(row.band)) for row in totals.itertuples()]
    return f"<table>{''.join(f'<tr>{_element(tag, left)}{_element(tag, right)}</tr>' for tag, left, right in rows)}</table>"


def hotspot_name(row: Any, words: Words) -> str:
    """'Hot spot 1'."""
    if row.kind == "hot":
        return words("Hot spot {number}", number=row.hotspot_id)
    return words("Cold spot {number}", number=row.hotspot_id)


def hotspot_facts(row: Any, words: Words) -> list[str]:
    """Its meaning, and what is told of it."""
    return [sentences.meaning(row.kind, words), *sentences.area(row, words)]


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
