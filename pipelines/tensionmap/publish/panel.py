"""What stands around the map on a screen, as HTML: banners, title, what can be chosen, legend, doubt and sources.

Every text carries its number, so that the scripts can say it in another language. Functions take plain texts and escape them;
nothing else here does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from babel import Locale

from tensionmap.publish import scene, sentences, shown, style
from tensionmap.publish.offline import escape
from tensionmap.publish.texts import Say, Texts
from tensionmap.publish.words import Words
from tensionmap.tables import BANDS, PERIOD, Release

POINT_COLOUR = style.SYMBOLS["report"].screen_colour
_POINT_KEY = f'<circle cx="16" cy="8" r="4" fill="{POINT_COLOUR}"/>'


def around_the_map(
    release: Release,
    theme: str,
    texts: Texts,
    drawn: Mapping[str, Any],
    *,
    contacts: Sequence[tuple[str, str]],
    paper: Mapping[str, str],
    has_relief: bool,
) -> str:
    """Everything but the map: what stands above it and what stands beside it.

    Parameters
    ----------
    drawn
        The scene of the same release, theme and texts.
    contacts
        Whom to call: the office ('police', 'local_government', 'helpline_for_women', 'other') and the text, as it shall be read.
    paper
        Language -> file name of the printed map of the same theme; may be empty.
    has_relief
        Whether the map has a picture of the relief.
    """
    names = {layer["name"] for layer in drawn["layers"]}
    return (
        _patterns()
        + _header(release, theme, texts, drawn)
        + _beside(release, theme, texts, names, contacts=contacts, paper=paper, has_relief=has_relief)
    )


def _patterns() -> str:
    """The hatches of the bands, the same as on paper: told apart without colour."""
    found = []
    for band, look in style.BANDS.items():
        hatch = {
            "...": '<circle cx="3" cy="3" r="1"/>',
            "///": '<path d="M-1 1L1 -1M0 6L6 0M5 7L7 5" stroke-width="1"/>',
            "xxx": '<path d="M0 0L6 6M0 6L6 0" stroke-width="1"/>',
        }.get(look.hatch, "")
        fill = f'<rect width="6" height="6" fill="{look.screen_fill}" fill-opacity="{look.screen_opacity:g}" stroke="none"/>'
        found.append(
            f'<pattern id="{style.pattern_id(band)}" width="6" height="6" patternUnits="userSpaceOnUse">{fill}'
            f'<g stroke="{style.INK}" fill="{style.INK}" opacity=".6">{hatch}</g></pattern>'
        )
    return f'<svg class="patterns" width="0" height="0" aria-hidden="true"><defs>{"".join(found)}</defs></svg>\n'


# Above the map -------------------------------------------------------------------------------------------------------------


def _header(release: Release, theme: str, texts: Texts, drawn: Mapping[str, Any]) -> str:
    banners = texts.each(lambda words: [text for _, text in sentences.banners(release, words)])
    kinds = [kind for kind, _ in sentences.banners(release, texts.words[0])]
    said = [
        *(_numbered("p", number, texts, f"banner {kind}") for kind, number in zip(kinds, banners, strict=True)),
        f'<div class="said">{texts.element("h1", lambda words: sentences.title(release, theme, words))}',
        f"{texts.element('p', lambda words: sentences.summary(release, theme, words), 'summary')}</div>",
        _choices(texts, drawn),
    ]
    return f"<header>{''.join(said)}</header>\n"


def _choices(texts: Texts, drawn: Mapping[str, Any]) -> str:
    """What a reader can choose: language, months, a second quarter beside, season, a village."""
    parts = []
    if len(texts.words) > 1:
        names = "".join(
            f'<option value="{place}" lang="{words.language}">{escape(_own_name(words))}</option>'
            for place, words in enumerate(texts.words)
        )
        parts.append(_labelled("language", texts, lambda words: words("Language"), f'<select id="language">{names}</select>'))
    windows = drawn["windows"]
    if len(windows) > 1:
        slider = f'<input type="range" id="window" min="0" max="{len(windows) - 1}" step="1" value="0">'
        parts.append(
            _labelled("window", texts, lambda words: words("Months"), f'{slider}<output id="months" for="window"></output>')
        )
        options = "".join(_option(number, window["text"], texts) for number, window in enumerate(windows))
        other = f'<select id="other"><option value="" {_data(texts, _nothing_beside)}</option>{options}</select>'
        parts.append(_labelled("other", texts, lambda words: words("Compare with"), other))
    if any("season" in feature for layer in drawn["layers"] for feature in layer["features"]):
        months = "".join(_option(n, texts(partial(_month, n)), texts) for n in range(1, 13))
        season = f'<select id="season"><option value="" {_data(texts, _months_shown)}</option>{months}</select>'
        parts.append(_labelled("season", texts, lambda words: words("Season"), season))
    if drawn["places"]:
        search = '<input type="search" id="search" autocomplete="off" aria-controls="found"><ol id="found" hidden></ol>'
        parts.append(_labelled("search", texts, lambda words: words("Find a village"), search))
    return f'<div id="choices">{"".join(parts)}</div>'


def _month(number: int, words: Words) -> str:
    return words.month(number)


def _nothing_beside(words: Words) -> str:
    return words("nothing")


def _months_shown(words: Words) -> str:
    return words("as the months chosen")


def _own_name(words: Words) -> str:
    """What a language calls itself."""
    # The language data write the Uzbek letter with a quotation mark.
    return sentences.capital(str(Locale.parse(words.language).get_language_name(words.language)).replace("‘", "ʻ"))


def _labelled(name: str, texts: Texts, say: Say, control: str) -> str:
    number = texts(say)
    label = f'<label for="{name}" data-text="{number}">{escape(texts.first(number))}</label>'
    return f'<div class="choice">{label}{control}</div>'


def _option(value: int, number: int, texts: Texts) -> str:
    return f'<option value="{value}" data-text="{number}">{escape(texts.first(number))}</option>'


def _data(texts: Texts, say: Say) -> str:
    """The end of an opening tag and its text."""
    number = texts(say)
    return f'data-text="{number}">{escape(texts.first(number))}'


def _numbered(tag: str, number: int, texts: Texts, css_class: str = "") -> str:
    named = f' class="{css_class}"' if css_class else ""
    return f'<{tag}{named} data-text="{number}">{escape(texts.first(number))}</{tag}>'


# Beside the map ------------------------------------------------------------------------------------------------------------


def _beside(
    release: Release,
    theme: str,
    texts: Texts,
    names: set[str],
    *,
    contacts: Sequence[tuple[str, str]],
    paper: Mapping[str, str],
    has_relief: bool,
) -> str:
    """The profile of an area, the legend with its ticks, doubt, what is hidden, sources and contacts."""
    sections = [
        '<section id="profile" tabindex="-1" hidden></section>',
        *_legend(release, theme, texts, names, has_relief=has_relief),
        '<div id="reports"></div>',
        _section(texts, "doubt", release, texts.elements("p", lambda words: sentences.doubt(release, theme, words))),
        _section(texts, "hidden", release, texts.elements("p", lambda words: sentences.hidden(release, words))),
        _section(texts, "sources", release, _sources(release, theme, texts, paper)),
    ]
    if contacts:
        lines = texts.elements("p", lambda words: sentences.contacts(contacts, words))
        sections.append(_section(texts, "contacts", release, lines, is_open=True))
    told = texts(lambda words: words("Legend and sources"))
    return f'<aside data-label="{told}" aria-label="{escape(texts.first(told))}">{"".join(sections)}</aside>\n'


def _section(texts: Texts, heading: str, release: Release, content: Iterable[str], *, is_open: bool = False) -> str:
    title = texts.element("summary", lambda words: sentences.headings(release, words)[heading])
    return f"<details{' open' if is_open else ''}>{title}{''.join(content)}</details>\n"


def _legend(release: Release, theme: str, texts: Texts, names: set[str], *, has_relief: bool) -> list[str]:
    """Groups of layers, each with its ticks; a layer that has nothing to show is left out, squares and areas are always there."""
    kinds = _kinds(release, theme)
    groups: list[tuple[Say, list[tuple[str, Say, str]]]] = [
        (
            lambda words: words("What was reported"),
            [
                ("squares", lambda words: words("Reports in a square"), _squares_keys(release, theme, texts)),
                ("points", lambda words: words("Single reports"), _points_keys(texts)),
                ("areas", lambda words: words("Numbered areas"), _areas_keys(release, theme, texts)),
                ("cooperation", partial(_capital_label, "cooperation"), _cooperation_keys(release, texts)),
                ("actions", lambda words: words("What was agreed"), _actions_keys(texts)),
            ],
        ),
        (
            lambda words: words("Border"),
            [("claims", lambda words: words("Border claims"), _claims_keys(release, texts))],
        ),
        (
            lambda words: words("Water and land"),
            [
                ("water", lambda words: words("Water"), _places_keys(kinds, scene.WATER, texts)),
                ("pasture", lambda words: words("Pasture"), _places_keys(kinds, ("pasture",), texts)),
                ("forest", lambda words: words("Forest"), _places_keys(kinds, ("forest",), texts)),
                ("relief", lambda words: words("Relief"), ""),
            ],
        ),
        (
            lambda words: words("Places"),
            [
                ("settlements", lambda words: words("Villages and towns"), _places_keys(kinds, ("village", "town"), texts)),
                ("roads", lambda words: words("Roads and crossings"), _places_keys(kinds, ("road", "crossing"), texts)),
                ("posts", lambda words: words("Police posts"), _places_keys(kinds, ("police_post",), texts)),
                ("meetings", lambda words: words("Meeting places"), _places_keys(kinds, ("meeting_place",), texts)),
            ],
        ),
    ]
    present = {*names, "squares", "areas", "claims"}
    present |= ({"relief"} if has_relief else set()) | ({"points"} if "points" in release.tables else set())
    found = [
        (heading, [_layer(name, texts, say, keys) for name, say, keys in layers if name in present]) for heading, layers in groups
    ]
    return [f"<fieldset>{texts.element('legend', heading)}{''.join(layers)}</fieldset>\n" for heading, layers in found if layers]


def _layer(name: str, texts: Texts, say: Say, keys: str) -> str:
    """A tick with the name of a layer, and below it what its signs mean, as long as it is shown."""
    tick = f'<label><input type="checkbox" checked> {texts.element("span", say)}</label>'
    return f'<div class="layer" data-layer="{name}">{tick}<div class="keys">{keys}</div></div>'


def _squares_keys(release: Release, theme: str, texts: Texts) -> str:
    heading = [texts(partial(_heading, release, "squares", window)) for window in shown.windows(release)]
    keys = [_key(_swatch(band), texts, partial(sentences.reports, release, band)) for band in reversed(BANDS)]
    months = f'<p class="months" data-texts="{",".join(map(str, heading))}">{escape(texts.first(heading[0]))}</p>'
    return months + _keys(keys) + texts.element("p", lambda words: sentences.approximate(release, theme, words))


def _points_keys(texts: Texts) -> str:
    return _keys([_key(_svg(_POINT_KEY), texts, sentences.single_report)])


def _cooperation_keys(release: Release, texts: Texts) -> str:
    return _keys([_key(glyph("joint_work"), texts, lambda words: sentences.joint_work(release, words))])


def _actions_keys(texts: Texts) -> str:
    return _keys([_key(glyph("action"), texts, lambda words: words("agreed at a meeting: what, by whom, and how it stands"))])


def _areas_keys(release: Release, theme: str, texts: Texts) -> str:
    spots = shown.hotspots(release, theme)
    kinds = [kind for kind in ("hot", "cold") if kind in {"hot", *spots["kind"]}]
    keys = [_key(_stroke_key(style.HOTSPOTS[kind]), texts, partial(sentences.meaning, kind)) for kind in kinds]
    months = texts.element("p", lambda words: sentences.headings(release, words, _any_window(release))["areas"], "months")
    buttons = [
        f'<li><button type="button" data-area="{place}" {_data(texts, partial(_area_line, row))}</button></li>'
        for place, row in enumerate(spots.itertuples())
    ]
    named = f'<ul class="areas">{"".join(buttons)}</ul>' if buttons else ""
    return months + _keys(keys) + named + texts.element("p", lambda words: sentences.chance(release, words))


def _any_window(release: Release) -> str:
    return shown.windows(release)[-1]


def _area_line(row: Any, words: Words) -> str:
    return f"{sentences.area_name(row, words)}: {', '.join([sentences.meaning(row.kind, words), *sentences.area(row, words)])}"


def _claims_keys(release: Release, texts: Texts) -> str:
    """The claims that stand at the end of any window, each shown with the windows in which it stands."""
    found: dict[tuple[str, int], list[int]] = {}
    for number, window in enumerate(shown.windows(release)):
        told = texts.each(partial(_claims, release, window))
        status = [status for status, _ in sentences.claims(release, texts.words[0], window)]
        for one in zip(status, told, strict=True):
            found.setdefault(one, []).append(number)
    days = [texts(partial(_heading, release, "claims", window)) for window in shown.windows(release)]
    keys = [
        f'<li data-windows="{",".join(map(str, windows))}"><span class="picture">{_stroke_key(style.CLAIMS[status])}</span>'
        f"{_numbered('span', number, texts)}</li>"
        for (status, number), windows in found.items()
    ]
    said = texts.elements("p", lambda words: [*sentences.claims_left_out(release, words), sentences.disclaimer(words)])
    as_of = f'<p class="months" data-texts="{",".join(map(str, days))}">{escape(texts.first(days[0]))}</p>'
    return as_of + _keys(keys) + "".join(said)


def _kinds(release: Release, theme: str) -> set[str]:
    background = release.background
    resources = set(background["resources"]["kind"])
    waters = resources if theme == "tension" else resources & set(scene.WAYS)
    return set(background["services"]["kind"]) | set(background["settlements"]["kind"]) | waters


def _places_keys(present: set[str], kinds: Iterable[str], texts: Texts) -> str:
    pictures = {kind: _stroke_key(look) for kind, look in style.LINES.items()}
    pictures |= {kind: _ground_key(look) for kind, look in style.GROUNDS.items()}
    pictures |= {kind: glyph(kind) for kind in style.SYMBOLS}
    return _keys(_key(pictures[kind], texts, partial(_label, kind)) for kind in kinds if kind in present)


def _label(identifier: str, words: Words) -> str:
    return words.label(identifier)


def _capital_label(identifier: str, words: Words) -> str:
    return sentences.capital(words.label(identifier))


def _heading(release: Release, part: str, window: str, words: Words) -> str:
    return sentences.headings(release, words, window)[part]


def _claims(release: Release, window: str, words: Words) -> list[str]:
    return [text for _, text in sentences.claims(release, words, window)]


def _number(release: Release, theme: str, window: str, words: Words) -> str:
    return sentences.number_of_reports(release, theme, words, window)


def _keys(entries: Iterable[str]) -> str:
    listed = "".join(entries)
    return f"<ul>{listed}</ul>" if listed else ""


def _key(picture: str, texts: Texts, say: Say) -> str:
    return f'<li><span class="picture">{picture}</span>{texts.element("span", say)}</li>'


def _svg(content: str) -> str:
    return f'<svg width="32" height="16" viewBox="0 0 32 16" aria-hidden="true">{content}</svg>'


def _swatch(band: str) -> str:
    edge = style.CELL_EDGE
    outline = f'stroke="{edge.screen_colour}" stroke-width="{edge.width_pt:g}"'
    return _svg(f'<rect x="6" y="1" width="20" height="14" fill="url(#{style.pattern_id(band)})" {outline}/>')


def _ground_key(look: style.Ground) -> str:
    outline = look.outline
    dash = f'stroke="{outline.screen_colour}" stroke-width="{outline.width_pt:g}" stroke-dasharray="{outline.dash_css}"'
    return _svg(f'<rect x="4" y="1" width="24" height="14" fill="{look.screen_fill}" {dash}/>')


def _stroke_key(stroke: style.Stroke) -> str:
    return _svg(
        "".join(
            f'<line x1="2" y1="8" x2="30" y2="8" stroke="{look["color"]}" stroke-width="{look["weight"]:g}" '
            f'stroke-dasharray="{look["dashArray"]}" stroke-linecap="{look["lineCap"]}"/>'
            for look in scene.strokes(stroke)
        )
    )


def glyph(kind: str) -> str:
    """The character that stands for a point, as HTML."""
    symbol = style.SYMBOLS[kind]
    hollow = "" if symbol.is_filled else " hollow"
    # The size of a character is about twice the shape that it shows.
    look = f"color:{symbol.screen_colour};font-size:{1.8 * symbol.size_pt:g}px"
    return f'<span class="glyph{hollow}" style="{look}" aria-hidden="true">{symbol.glyph}</span>'


def _sources(release: Release, theme: str, texts: Texts, paper: Mapping[str, str]) -> list[str]:
    found = texts.elements("p", lambda words: sentences.counted(release, words))
    found.append(texts.element("p", lambda words: words("Digest of the data: {digest}", digest=release.digest)))
    if paper:
        printed = {words.language: paper[words.language] for words in texts.words}
        found.append(texts.element("p", lambda words: words("On paper: {file}", file=printed[words.language])))
    return [*found, *(_totals(release, theme, texts, number, w) for number, w in enumerate(shown.windows(release)))]


def _totals(release: Release, theme: str, texts: Texts, number: int, window: str) -> str:
    """The categories of a window, a table that is shown while the window is."""
    rows = []
    for counted in [theme, "cooperation"] if theme == "tension" else [theme]:
        total = texts.element("td", partial(_number, release, counted, window))
        rows.append(texts.element("th", partial(_capital_label, counted), "theme") + total)
        for row in shown.of_theme(release, "totals", counted, window).itertuples():
            name = texts.element("th", partial(_label, row.category))
            rows.append(name + texts.element("td", partial(_label, row.band)))
    caption = texts.element("caption", lambda words: sentences.months_of(release, words, window))
    hidden = "" if window == PERIOD else " hidden"
    return f'<table data-windows="{number}"{hidden}>{caption}{"".join(f"<tr>{row}</tr>" for row in rows)}</table>'
