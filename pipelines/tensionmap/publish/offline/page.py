"""The page itself: a map of Folium, what stands around it, and the rule that nothing else may run."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

import folium
from branca.element import Element, Figure, Link
from folium.utilities import remove_empty

from tensionmap.errors import ReleaseError
from tensionmap.publish.offline import assets
from tensionmap.publish.offline.copying import copied
from tensionmap.publish.offline.elements import needs_jquery, refuse_unknown
from tensionmap.publish.offline.escaping import escape
from tensionmap.publish.offline.inspection import scripts_of
from tensionmap.publish.offline.standins import StandIns

_RANDOM_NAME = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
_LETTER_ESCAPE = re.compile(r"\\\\|\\u(04[0-9a-f]{2}|02b[bc])")
_ENDS_A_SCRIPT = re.compile("<!--|</?script", re.IGNORECASE)


def make_offline(
    m: folium.Map,
    *,
    title: str,
    language: str = "en",
    css: str = "",
    body: str = "",
    script: str = "",
    known_scripts: Sequence[str] = (),
    is_html: bool = False,
) -> str:
    """The whole HTML text of the page that shows ``m``: open it by double-click, with the cable cut.

    Parameters
    ----------
    m
        A Folium map of elements that are known to work without internet, or whose class says ``stands_alone = True``: its
        template then asks for nothing outside the page and makes its texts harmless itself, by ``escape`` and ``as_json``.
        ``tiles=None``: tiles need a network. The map is not changed.
    title
        Plain text; escaped here.
    language
        Code of the language of the page, for ``<html lang>``.
    css, body, script
        What stands around the map: style rules, HTML before the map, and a script that runs after the map's own.
        They are taken as they are: escape texts first (in ``script``: ``as_json``).
    known_scripts
        Code that is the same in every page: each becomes a block of its own, after Leaflet's and before the map's, so that
        an audit can know it by its ``block_hash``.
    is_html
        Whether popups, tooltips, names of layers and the other texts of the map are HTML. Else, each is read as it is
        written. HTML cannot run either way, and may not reach outside the page.

    Raises
    ------
    ReleaseError
        If the map holds an element that is not known to work, or anything an address outside the page; if a script holds
        what would end it; or if the vendored files are not those of the manifest.

    Notes
    -----
    The page forbids itself everything (``default-src 'none'``) but its own scripts, named by their sha256, its own
    styles and images inside the page. The same map gives the same bytes, rendered twice or in two processes.

    Code stays code: ``JsCode``, the functions of clusters given as JavaScript, and what was added to the header, the HTML
    or the script of the map's own figure.
    """
    figure = m.get_root()
    if type(figure) is not Figure:
        raise ReleaseError("The map stands in a part of a figure. Make a page of a map that stands by itself.")
    refuse_unknown(figure)
    texts = StandIns(is_html=is_html)
    copy, names = copied(figure, texts)
    _render(copy)
    header, markup, code, script = _numbered([_inner(copy.header), _inner(copy.html), _inner(copy.script), script], names)

    # Who sees badly must be able to make letters larger, which Folium forbids on a phone.
    header = header.replace(", maximum-scale=1.0, user-scalable=no", "")
    head = assets.put_in(texts.back_in_html(header)) + (f"\n<style>\n{css}\n</style>" if css else "")
    blocks = [assets.stand_in_for_jquery()] if needs_jquery(copy) else []
    blocks += map(_block, (*known_scripts, texts.back_in_script(_with_letters(code)), *([script] if script else [])))
    rest = f"</head>\n<body>\n{body}\n{texts.back_in_html(markup)}\n</body>\n" + "\n".join(blocks) + "\n</html>\n"
    opening = f'<!DOCTYPE html>\n<html lang="{escape(language)}">\n<head>\n<meta charset="utf-8">\n'
    policy = _policy(scripts_of(head + rest))
    return f"{opening}{policy}\n<title>{escape(title)}</title>\n{head}\n{rest}"


def block_hash(code: str) -> str:
    """SHA-256, hexadecimal, of the block that ``code`` becomes as one of ``known_scripts`` of ``make_offline``."""
    return hashlib.sha256(_block(code).removeprefix("<script>").removesuffix("</script>").encode()).hexdigest()


class OfflineMap(folium.Map):
    """A Folium map that is saved, and shown in a notebook, as one page that needs no internet.

    Parameters
    ----------
    location
        Latitude and longitude of the middle.
    tiles
        None: there are no tiles.
    min_zoom, max_zoom
        How far the map can be zoomed out and in.
    options
        The other arguments of ``folium.Map``.

    Raises
    ------
    ReleaseError
        If ``tiles`` are given: they need a network, and tell whoever serves them what a reader looks at.

    Examples
    --------
    >>> m = OfflineMap([40.0, 70.5], zoom_start=9)
    >>> _ = folium.Marker([40.0, 70.5], popup="5 < 6").add_to(m)
    >>> page = m.page(title="One village")
    >>> "<script src" in page
    False
    """

    stands_alone = True

    def __init__(
        self,
        location: Sequence[float] | None = None,
        *,
        tiles: None = None,
        min_zoom: int | None = None,
        max_zoom: int | None = None,
        **options: Any,
    ) -> None:
        if tiles:
            raise ReleaseError(
                "Tiles need a network, and tell whoever serves them what a reader looks at. Use tiles=None, and draw what lies "
                "below as GeoJson or one ImageOverlay."
            )
        super().__init__(location, tiles=None, **options)
        self.options.update(remove_empty(min_zoom=min_zoom, max_zoom=max_zoom))

    def page(self, *, title: str = "Map", **around: Any) -> str:
        """The whole HTML text of the page; what may stand ``around`` the map are the arguments of ``make_offline``."""
        return make_offline(self, title=title, **around)

    def save(self, outfile: str | bytes | Path | BinaryIO, close_file: bool = True, **around: Any) -> None:
        """Write the page to a file, or to what is open for writing bytes; ``title`` and the like as for ``page``."""
        content = self.page(**around).encode()
        if isinstance(outfile, (str, bytes, Path)):
            Path(os.fsdecode(outfile)).write_bytes(content)
            return
        outfile.write(content)
        if close_file:
            outfile.close()

    def _repr_html_(self, **kwargs: Any) -> str:
        """The page in a frame, for a notebook."""
        return str(_Frame(self.page(), cast(Figure, self.get_root()))._repr_html_(**kwargs))


class _Frame(Figure):
    """A page that is made already, in the frame that the figure of its map would have."""

    def __init__(self, page: str, figure: Figure) -> None:
        super().__init__(width=figure.width, height=figure.height, ratio=figure.ratio)
        self.page = page

    def render(self, **kwargs: Any) -> str:  # noqa: ARG002
        return self.page


def _render(figure: Figure) -> None:
    """Let everything in ``figure`` write its part; links come in the order in which they are asked for, whatever was before."""
    links = {name: child for name, child in figure.header._children.items() if isinstance(child, Link)}
    for name in links:
        del figure.header._children[name]
    for child in figure._children.values():
        child.render()
    for name, link in links.items():
        if link.url not in assets.NOT_NEEDED:
            figure.header._children.setdefault(name, link)


def _inner(part: Element) -> str:
    return str(part.render()).strip()


def _block(code: str) -> str:
    code = code.replace("\r\n", "\n")
    if _ENDS_A_SCRIPT.search(code):
        raise ReleaseError("A script holds <!-- or a script tag, which would end it. Write values by as_json.")
    return f"<script>\n{code}\n</script>"


def _policy(scripts: Sequence[str]) -> str:
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in scripts)
    rules = (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    )
    return f'<meta http-equiv="Content-Security-Policy" content="{rules}">'


def _numbered(parts: list[str], known: set[str]) -> list[str]:
    """``parts`` with every random name of Folium replaced by its number in order of appearance."""
    numbers: dict[str, str] = {}

    def number(found: re.Match[str]) -> str:
        name = found[0]
        return numbers.setdefault(name, str(len(numbers) + 1)) if name in known else name

    return [_RANDOM_NAME.sub(number, part) for part in parts]


def _with_letters(code: str) -> str:
    """``code`` with Cyrillic letters instead of their escapes, which take three times the room."""
    return _LETTER_ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else found[0], code)
