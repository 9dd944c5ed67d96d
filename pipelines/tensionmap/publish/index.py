"""The page that leads to the maps: what there is, for whom, in which languages, and how to tell that a file is the one made.

It opens by double-click and lies beside the folders ``web`` and ``paper``. It may be copied out with the community's maps, so
of internal files it tells names and nothing else: no picture, no size, no digest, or a change of one sealed report would
change a file that everybody may have.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import shapely
from babel import Locale
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from PIL import Image

from tensionmap.errors import ReleaseError
from tensionmap.publish import style
from tensionmap.publish.chart import View
from tensionmap.publish.drawn import outline_of
from tensionmap.publish.offline import escape
from tensionmap.publish.page import coordinates
from tensionmap.publish.style import Stroke
from tensionmap.publish.words import Words, sentence
from tensionmap.tables import AUDIENCES, BANDS, Release

FOLDERS = ("web", "paper")
PUBLIC = "community"
DIGITS = 12
"""Of a digest, of those that are shown; the whole stands behind them."""
THUMBNAIL_PX = 240

_TITLES = {"crime": sentence("Crime map"), "tension": sentence("Tension map")}
_ABOUT = {
    "crime": sentence("Theft, violence, accidents and other reports: where there were many."),
    "tension": sentence("Water, pasture, land and the border: where there were disputes, and what was done together."),
}
_FOR = {"police": sentence("For the police"), "research": sentence("For research")}


@dataclass(frozen=True)
class Entry:
    """A file of the maps: its name and folder (web, paper), for whom it is, its theme and languages, its sha256 and size.

    Raises
    ------
    ReleaseError
        If the folder, audience or theme is unknown, or an internal file comes with a thumbnail.
    """

    name: str
    folder: str
    audience: str
    theme: str
    languages: tuple[str, ...]
    sha256: str
    size_bytes: int
    thumbnail: bytes | None = None
    """A PNG, for maps of the community alone."""
    paper: str = ""
    """Size of a sheet: A4, A3 or A1."""

    def __post_init__(self) -> None:
        known = {"folder": FOLDERS, "audience": AUDIENCES, "theme": tuple(_TITLES)}
        for what, names in known.items():
            if getattr(self, what) not in names:
                raise ReleaseError(f"{self.name}: unknown {what} {getattr(self, what)!r}; there are: {', '.join(names)}.")
        if self.thumbnail and self.audience != PUBLIC:
            raise ReleaseError(f"{self.name} is internal: it gets no picture on a page that everybody may see. Leave it out.")


def index_page(entries: Iterable[Entry], *, language: str, study: str, is_invented: bool, months: tuple[str, str]) -> str:
    """The whole HTML text of maps/index.html: the community's maps first, then, in a red frame, what is internal.

    Parameters
    ----------
    entries
        The files, those of one map in the order in which they are listed.
    language
        Language of the words on this page, one of ``words.languages()``.
    study, is_invented
        Name of the study, and whether its data are invented.
    months
        First and last day that the community's maps count, as ISO dates.

    Raises
    ------
    ReleaseError
        If there are no words for ``language``.

    Notes
    -----
    The same files give the same bytes, so no time of making can stand in them: the one script of the page, named by its hash,
    shows the date that the system keeps with the file. Where scripts do not run, the months say how fresh the maps are.
    """
    words = Words(language)
    files = list(entries)
    public = [entry for entry in files if entry.audience == PUBLIC]
    internal = [entry for entry in files if entry.audience != PUBLIC]
    title = words("Maps of {study}", study=study)
    invented = words("INVENTED TRAINING DATA: no place, person or report here is real.")
    made = words("Made on {day}, by the date of this file.", day="#")
    parts = [
        _element("h1", title),
        _element("p", invented, "invented") if is_invented else "",
        _element("p", words("Months counted: {months}.", months=words.months(*months))),
        f'<p id="made" hidden>{escape(made)}</p>',
        _for_the_meeting(public, words) if public else "",
        _internal(internal, words) if internal else "",
    ]
    hashed = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; script-src 'sha256-{hashed}'; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    return (
        f'<!DOCTYPE html>\n<html lang="{escape(language)}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{escape(title)}</title>\n'
        f"<style>\n{_CSS}</style>\n</head>\n<body>\n" + "\n".join(filter(None, parts)) + f"\n<script>{_SCRIPT}</script>\n"
        "</body>\n</html>\n"
    )


def _for_the_meeting(files: Sequence[Entry], words: Words) -> str:
    maps = "\n".join(_map([entry for entry in files if entry.theme == theme], theme, words) for theme in _TITLES)
    about = words("A digest is the beginning of the SHA-256 of a file: if they agree, the file is the one that was made.")
    heading = _element("h2", words("For the meeting"))
    return f'<main>\n{heading}\n<div class="maps">\n{maps}\n</div>\n{_element("p", about)}\n</main>'


def _map(files: Sequence[Entry], theme: str, words: Words) -> str:
    """One map, on the screen and on paper."""
    if not files:
        return ""
    title = words(_TITLES[theme])
    pictures = [entry.thumbnail for entry in files if entry.thumbnail]
    alternative = escape(words("Small picture: {title}", title=title))
    parts = [
        _element("h3", title),
        *(f'<img width="{THUMBNAIL_PX}" alt="{alternative}" src="{_data_uri(picture)}">' for picture in pictures[:1]),
        _element("p", words(_ABOUT[theme])),
    ]
    for folder, heading in zip(FOLDERS, (words("On the screen"), words("To print")), strict=True):
        items = [_item(entry, words) for entry in files if entry.folder == folder]
        if items:
            parts.append(f"{_element('h4', heading)}\n<ul>\n" + "\n".join(items) + "\n</ul>")
    return "<article>\n" + "\n".join(parts) + "\n</article>"


def _item(entry: Entry, words: Words) -> str:
    size = words("{size} KB", size=words.number(max(1, round(entry.size_bytes / 1000))))
    digest = f'<code title="{escape(entry.sha256)}">{escape(entry.sha256[:DIGITS])}</code>'
    told = ", ".join(map(_language, entry.languages)) + (f" · {escape(entry.paper)}" if entry.paper else "")
    return f"<li>{_link(entry, told)} <small>{escape(size)} · {digest}</small></li>"


def _language(code: str) -> str:
    """What a language calls itself."""
    return f'<span lang="{escape(code)}">{escape(str(Locale.parse(code).display_name).capitalize())}</span>'


def _internal(files: Sequence[Entry], words: Words) -> str:
    parts = [
        _element("h2", words("INTERNAL: not for the meeting")),
        _element("p", words("Do not copy, do not hand on: these files stay out of every copy of this folder.")),
    ]
    for audience, heading in _FOR.items():
        items = [f"<li>{_link(entry, escape(entry.name))}</li>" for entry in files if entry.audience == audience]
        if items:
            parts.append(f"{_element('h3', words(heading))}\n<ul>\n" + "\n".join(items) + "\n</ul>")
    where = words("Their digests stand in {file}, which is not handed out either.", file="audit/verdict.html")
    parts.append(_element("p", where))
    return '<section class="internal">\n' + "\n".join(parts) + "\n</section>"


def _link(entry: Entry, html: str) -> str:
    return f'<a href="{escape(entry.folder)}/{escape(entry.name)}">{html}</a>'


def _element(tag: str, text: str, css_class: str = "") -> str:
    named = f' class="{css_class}"' if css_class else ""
    return f"<{tag}{named}>{escape(text)}</{tag}>"


def _data_uri(picture: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}"


_SCRIPT = """
const [month, day, year] = document.lastModified.split(/[ /]/);
const made = document.getElementById("made");
made.textContent = made.textContent.replace("#", [year, month, day].join("-"));
made.hidden = false;
"""

_CSS = """\
html { font: 16px/1.45 system-ui, "Segoe UI", "DejaVu Sans", "Noto Sans", Arial, sans-serif; color: #1a1a1a; }
html { background: #f6f6f2; }
body { max-width: 62rem; margin: 0 auto; padding: 0 1rem 2rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 1.2rem 0 .4rem; }
h2 { font-size: 1.25rem; margin: 1.4rem 0 .6rem; }
h3 { font-size: 1.15rem; margin: 0 0 .5rem; }
h4 { font-size: 1rem; margin: .8rem 0 .1rem; }
p { margin: .3rem 0; overflow-wrap: anywhere; }
ul { margin: 0; padding: 0; list-style: none; }
li { padding: .25rem 0; overflow-wrap: anywhere; }
a { color: #14507f; font-weight: 600; }
a:focus-visible { outline: 3px solid #1f5f99; outline-offset: 2px; }
small { color: #555; white-space: nowrap; }
img { display: block; border: 1px solid #777; background: #fff; margin-bottom: .5rem; }
.invented { background: #000; color: #fff; font-weight: bold; letter-spacing: .08em; padding: .2rem .6rem; }
.maps { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 19rem), 1fr)); gap: 1rem; margin-bottom: .8rem; }
article { background: #fff; border: 1px solid #bbb; border-radius: 4px; padding: 1rem; }
.internal { border: 3px solid #b00020; padding: 0 1rem .8rem; margin-top: 2rem; background: #fff; }
.internal h2 { color: #b00020; }
.internal h3 { font-size: 1rem; margin: .8rem 0 0; }
.internal ul { columns: 20rem; }
.internal a { font-weight: normal; }
@media print {
  html { background: none; font-size: 12px; }
  article, .internal { break-inside: avoid; }
  a { color: inherit; }
  .invented { background: none; color: #000; border: 2px solid; }
}
"""


# Thumbnails ----------------------------------------------------------------------------------------------------------------

_DPI = 100
_COLOURS = 128
_THIN = 0.5
"""Lines are so much thinner than on a whole map."""


def thumbnail(release: Release, theme: str) -> bytes:
    """A small picture of a community's map: squares in bands, numbered areas, claims, water, roads and settlements, no words.

    Returns
    -------
    bytes
        A PNG, 240 pixels wide, without metadata; the same release gives the same bytes.

    Raises
    ------
    ReleaseError
        If ``release`` is not a Release, or not the community's.
    """
    view = View(release, theme)
    if release.audience != PUBLIC:
        raise ReleaseError(f"A picture for everybody is drawn from the community's release, not from that of {release.audience}.")
    west, south, east, north = view.bounds
    size = THUMBNAIL_PX / _DPI, THUMBNAIL_PX / _DPI * (north - south) / (east - west)
    figure = Figure(figsize=size, dpi=_DPI, facecolor="#fbfbf8")
    axes = figure.add_axes((0, 0, 1, 1), xlim=(west, east), ylim=(south, north))
    axes.set_axis_off()
    for order, (geometry, look) in enumerate(_drawn(view)):
        outline = outline_of(geometry)
        if outline is not None:
            axes.add_patch(PathPatch(outline, zorder=order, **look))
    places = coordinates(view.settlements.geometry.to_numpy())
    axes.plot([east for east, _ in places], [north for _, north in places], "o", ms=1.9, mew=0, c=style.INK)
    drawn, small = BytesIO(), BytesIO()
    figure.savefig(drawn, format="png")
    with Image.open(drawn) as picture:
        # Matplotlib's PNG names its maker; this one is written anew, in as many colours as the eye needs.
        picture.convert("RGB").quantize(_COLOURS).save(small, "PNG", optimize=True)
    return small.getvalue()


def _drawn(view: View) -> list[tuple[Any, dict[str, Any]]]:
    """What is drawn, the lowest first, each with its look in matplotlib's words."""
    resources, services, cells = view.resources, view.services, view.cells
    found: list[tuple[Any, dict[str, Any]]] = []
    for kind, ground in style.GROUNDS.items():
        found.append((_of_kind(resources, kind), {"fc": ground.screen_fill, "lw": 0, "alpha": 0.6}))
    for band in BANDS[1:]:
        look = style.BANDS[band]
        squares = shapely.union_all(cells.geometry[cells["band"] == band].to_numpy())
        found.append((squares, {"fc": look.screen_fill, "lw": 0, "alpha": look.screen_opacity}))
    for kind in ("road", "canal", "river"):
        found += _strokes(_of_kind(services if kind == "road" else resources, kind), style.LINES[kind])
    for status, claims in view.claims.groupby("status", sort=True):
        found += _strokes(shapely.union_all(claims.geometry.to_numpy()), style.CLAIMS[str(status)])
    for row in view.hotspots.itertuples():
        found += _strokes(row.geometry, style.HOTSPOTS[str(row.kind)])
    return found


def _of_kind(layer: Any, kind: str) -> Any:
    return shapely.union_all(layer.geometry[layer["kind"] == kind].to_numpy())


def _strokes(geometry: Any, stroke: Stroke) -> list[tuple[Any, dict[str, Any]]]:
    """A line with its halo underneath and its core on top, as far as it has them."""
    widths = [
        (style.PAPER, "-", (stroke.width_pt + 2 * stroke.halo_pt) * (stroke.halo_pt > 0)),
        (stroke.screen_colour, stroke.linestyle, stroke.width_pt),
        (style.PAPER, "-", stroke.core_pt),
    ]
    return [
        (geometry, {"fill": False, "ec": colour, "ls": dashes, "lw": width * _THIN, "capstyle": "butt"})
        for colour, dashes, width in widths
        if width
    ]
