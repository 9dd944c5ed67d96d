"""The crime map and the tension map for a screen: one HTML file each, complete without a network, in all languages at once.

Everything drawn comes from a ``Release``, so nothing can be drawn that the audience may not see. ``scene`` says what is drawn,
``panel`` what stands around it, and the scripts in ``screen`` draw it on a Folium map, which ``offline`` makes stand alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import folium
from branca.element import MacroElement
from jinja2 import Template

from tensionmap.crs import DEGREES
from tensionmap.publish import panel, scene, shown
from tensionmap.publish.offline import as_json, block_hash, make_offline
from tensionmap.publish.points import pack, with_words
from tensionmap.publish.relief import Relief
from tensionmap.publish.texts import Texts
from tensionmap.tables import Release

CLOSEST_ZOOM = 15
SCRIPTS = ("page", "language", "draw", "squares", "windows", "search", "areas", "points", "filters", "table", "start")
"""The scripts of every page, in the order in which they stand in it."""


def crime_map(
    release: Release,
    *,
    languages: Sequence[str],
    contacts: Sequence[tuple[str, str]] = (),
    relief: Relief | None = None,
    paper: Mapping[str, str] | None = None,
) -> str:
    """The crime map as the whole HTML text of a page: bands, hot spots, settlements, border claims, posts and roads.

    Parameters
    ----------
    release
        What one audience may see. The tables stand in a CRS in metres; the page holds degrees rounded to about a metre.
    languages
        Codes of the languages of the page, of ``words.languages()``; it opens in the first, and a reader may choose.
    contacts
        Whom to call: the office ('police', 'local_government', 'helpline_for_women', 'other') and the text, as it shall be read.
    relief
        The shaded relief of the same study, if there is one.
    paper
        Language -> name of the file in which the same map stands on paper.

    Raises
    ------
    ReleaseError
        If ``release`` is not a Release, or if there are no words for one of ``languages``.

    Notes
    -----
    A band counts what was reported, not what happened. A square left blank holds too few reports to be told, or none, which
    is not the same as safe. A hot spot passed the map-wide test over the whole study period, whichever quarter is shown;
    everything else on the map is description.
    """
    return _page(release, "crime", languages, contacts, relief, paper or {})


def tension_map(
    release: Release,
    *,
    languages: Sequence[str],
    contacts: Sequence[tuple[str, str]] = (),
    relief: Relief | None = None,
    paper: Mapping[str, str] | None = None,
) -> str:
    """The tension map as the whole HTML text of a page: as ``crime_map``, with water, pasture, forest and cooperation.

    Parameters, returns and raises are those of ``crime_map``.

    Notes
    -----
    What a report was about and what lies near it is shown, not who is to blame. Cooperation is counted as tension is.
    """
    return _page(release, "tension", languages, contacts, relief, paper or {})


def app_block() -> str:
    """SHA-256 of the scripts of every page, which hold nothing of a study, so that an audit can pass them over."""
    return block_hash(_scripts())


class _Scene(MacroElement):
    """A scene on a Folium map: hands the data of a page to its scripts."""

    stands_alone = True
    _template = Template("{% macro script(this, kwargs) %}showMap({{ this._parent.get_name() }}, {{ this.data }});{% endmacro %}")

    def __init__(self, data: Mapping[str, Any]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._name = "scene"
        self.data = as_json(data)


def _page(
    release: Release,
    theme: str,
    languages: Sequence[str],
    contacts: Sequence[tuple[str, str]],
    relief: Relief | None,
    paper: Mapping[str, str],
) -> str:
    shown.refuse_unless_release(release)
    texts = Texts(languages)
    drawn = scene.scene_of(release, theme, texts, paper=paper)
    around = panel.around_the_map(release, theme, texts, drawn, contacts=contacts, paper=paper, has_relief=relief is not None)
    data = {
        **drawn,
        **({"relief": _relief(relief)} if relief else {}),
        **({"points": _points(release, theme, texts)} if "points" in release.tables else {}),
        "words": {name: texts(say) for name, say in _WORDS.items()},
        "languages": [words.language for words in texts.words],
    }
    south_west, north_east = drawn["bounds"]
    m = folium.Map(
        [round((low + high) / 2, scene.DECIMALS) for low, high in zip(south_west, north_east, strict=True)],
        tiles=None,
        control_scale=True,
        font_size="14px",
        maxZoom=CLOSEST_ZOOM,
        zoomSnap=0.25,
    )
    # The texts come last: whatever is drawn has said by now what it says.
    _Scene({**data, "texts": texts.by_language}).add_to(m)
    return make_offline(
        m,
        title=texts.first(drawn["windows"][0]["title"]),
        language=texts.words[0].language,
        css=_beside("page.css") + "\n" + _beside("points.css"),
        body=around,
        known_scripts=[_scripts()],
    )


def _relief(relief: Relief) -> dict[str, Any]:
    """The picture and its corners, latitude first."""
    west, south, east, north = relief.bounds
    return {"picture": relief.data_uri, "bounds": [[south, west], [north, east]]}


def _points(release: Release, theme: str, texts: Texts) -> dict[str, Any]:
    """The single reports of a theme, packed; on the tension map also those of cooperation."""
    points = release.tables["points"]
    themes = [theme, "cooperation"] if theme == "tension" else [theme]
    return with_words(pack(points[points["theme"].isin(themes)].to_crs(DEGREES)), texts)


_WORDS = {
    "zoom_in": lambda words: words("Zoom in"),
    "zoom_out": lambda words: words("Zoom out"),
    "close": lambda words: words("Close"),
    "not_found": lambda words: words("No village of this name is on the map."),
    "out_of_season": lambda words: words("Not in use in these months"),
    "swipe": lambda words: words("Move the edge between the two times"),
    "both": lambda words: words("Left: {left}. Right: {right}.", left="{0}", right="{1}"),
    "nothing_here": lambda words: words("Nothing is told of the middle of the map."),
}


def _scripts() -> str:
    return "\n".join(_beside(f"{name}.js") for name in SCRIPTS)


def _beside(name: str) -> str:
    return files(__package__).joinpath("screen", name).read_text(encoding="utf-8").strip()
