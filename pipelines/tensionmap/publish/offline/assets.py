"""The code of Leaflet and its plugins that is kept for pages without internet, and the addresses that ask for it.

Every file is the one that Folium 0.20.0 links, or the nearest that its package registry has; ``vendored/manifest.json`` says
which, with licence and sha256. Of jQuery Folium needs two small things: ``stand_in.js`` is these two and no more.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import NamedTuple, cast

from tensionmap.errors import ReleaseError
from tensionmap.publish.offline.escaping import as_json
from tensionmap.publish.offline.inspection import CSS_ADDRESS

_NPM = "https://cdn.jsdelivr.net/npm"
_CDNJS = "https://cdnjs.cloudflare.com/ajax/libs"


class _File(NamedTuple):
    package: str
    name: str


# The addresses of folium 0.20.0, word for word and not read from Folium, where any program can add to the list.
_KEPT = {
    f"{_NPM}/leaflet@1.9.3/dist/leaflet.js": _File("leaflet", "leaflet.js"),
    f"{_NPM}/leaflet@1.9.3/dist/leaflet.css": _File("leaflet", "leaflet.css"),
    f"{_CDNJS}/leaflet.markercluster/1.1.0/leaflet.markercluster.js": _File("leaflet.markercluster", "leaflet.markercluster.js"),
    f"{_CDNJS}/leaflet.markercluster/1.1.0/MarkerCluster.css": _File("leaflet.markercluster", "MarkerCluster.css"),
    f"{_CDNJS}/leaflet.markercluster/1.1.0/MarkerCluster.Default.css": _File(
        "leaflet.markercluster", "MarkerCluster.Default.css"
    ),
    "https://unpkg.com/leaflet.featuregroup.subgroup@1.0.2/dist/leaflet.featuregroup.subgroup.js": _File(
        "leaflet.featuregroup.subgroup", "leaflet.featuregroup.subgroup.js"
    ),
    "https://cdn.jsdelivr.net/gh/python-visualization/folium@main/folium/templates/leaflet_heat.min.js": _File(
        "leaflet.heat", "leaflet_heat.min.js"
    ),
    f"{_NPM}/leaflet.fullscreen@3.0.0/Control.FullScreen.min.js": _File("leaflet.fullscreen", "Control.FullScreen.js"),
    f"{_NPM}/leaflet.fullscreen@3.0.0/Control.FullScreen.css": _File("leaflet.fullscreen", "Control.FullScreen.css"),
    f"{_CDNJS}/leaflet-groupedlayercontrol/0.6.1/leaflet.groupedlayercontrol.min.js": _File(
        "leaflet-groupedlayercontrol", "leaflet.groupedlayercontrol.min.js"
    ),
    f"{_CDNJS}/leaflet-groupedlayercontrol/0.6.1/leaflet.groupedlayercontrol.min.css": _File(
        "leaflet-groupedlayercontrol", "leaflet.groupedlayercontrol.min.css"
    ),
    f"{_NPM}/leaflet-search@2.9.7/dist/leaflet-search.min.js": _File("leaflet-search", "leaflet-search.min.js"),
    f"{_NPM}/leaflet-search@2.9.7/dist/leaflet-search.min.css": _File("leaflet-search", "leaflet-search.min.css"),
}
NOT_NEEDED = frozenset(
    {
        "https://code.jquery.com/jquery-3.7.1.min.js",
        f"{_NPM}/bootstrap@5.2.2/dist/js/bootstrap.bundle.min.js",
        f"{_CDNJS}/Leaflet.awesome-markers/2.0.2/leaflet.awesome-markers.js",
        f"{_NPM}/bootstrap@5.2.2/dist/css/bootstrap.min.css",
        "https://netdna.bootstrapcdn.com/bootstrap/3.0.0/css/bootstrap-glyphicons.css",
        f"{_NPM}/@fortawesome/fontawesome-free@6.2.0/css/all.min.css",
        f"{_CDNJS}/Leaflet.awesome-markers/2.0.2/leaflet.awesome-markers.css",
        "https://cdn.jsdelivr.net/gh/python-visualization/folium/folium/templates/leaflet.awesome.rotate.min.css",
        f"{_CDNJS}/d3/3.5.5/d3.min.js",
    }
)
"""What Folium links and no element known here needs."""
_LINK = re.compile(r'<script src="([^"]*)"></script>|<link rel="stylesheet" href="([^"]*)"\s*/?>')
_IMAGES = {"gif": "gif", "png": "png", "svg": "svg+xml"}
# Internet Explorer's vector language, which no browser of today draws, at an address that is none.
_VML = "behavior: url(#default#VML);"


def put_in(header: str) -> str:
    """``header`` with the code itself in the place of every tag that would fetch it.

    Raises
    ------
    ReleaseError
        If an address is not known, or a file is not the one of the manifest.
    """
    return _LINK.sub(lambda found: _in_place_of(html.unescape(found[1] or found[2])), header)


def stand_in_for_jquery() -> str:
    """The block that gives Folium's own scripts the two things that they ask of jQuery."""
    return _script(files(__package__).joinpath("stand_in.js").read_text(encoding="utf-8"))


def vendored_blocks() -> tuple[str, ...]:
    """SHA-256 of the scripts and styles of any page that hold nothing of its map, so that an audit can pass them over."""
    blocks = [*map(_block, _KEPT.values()), stand_in_for_jquery()]
    contents = (re.sub(r"^<(?:script|style)>|</(?:script|style)>$", "", block) for block in blocks)
    return tuple(hashlib.sha256(content.encode()).hexdigest() for content in contents)


def _in_place_of(address: str) -> str:
    if address in _KEPT:
        return _block(_KEPT[address])
    if address in NOT_NEEDED:
        return ""
    raise ReleaseError(
        f"The map wants to load {address}, which is not among the files kept for pages without internet. "
        "Leave out the plugin that needs it."
    )


def _block(file: _File) -> str:
    code = _vendored(file).decode().replace("\r\n", "\n")
    if file.name.endswith(".css"):
        return _style(file.package, code)
    code = code.rsplit("//# sourceMappingURL", 1)[0]
    return _script(f"{code}\n{_settings()}" if file.name == "leaflet.js" else code)


def _script(code: str) -> str:
    return f"<script>\n{code.strip()}\n</script>"


def _style(package: str, code: str) -> str:
    def inside(found: re.Match[str]) -> str:
        return f"url({_data_uri(_File(package, found[1].removeprefix('../images/')))}"

    return f"<style>\n{CSS_ADDRESS.sub(inside, code.replace(_VML, '')).strip()}\n</style>"


def _settings() -> str:
    icons = {
        option: _data_uri(_File("leaflet", f"images/{name}.png"))
        for option, name in (("iconUrl", "marker-icon"), ("iconRetinaUrl", "marker-icon-2x"), ("shadowUrl", "marker-shadow"))
    }
    return f"L.Icon.Default.mergeOptions({as_json(icons)}); L.Map.mergeOptions({{attributionControl: false}});"


def _data_uri(file: _File) -> str:
    kind = _IMAGES[file.name.rpartition(".")[2]]
    return f"data:image/{kind};base64,{base64.b64encode(_vendored(file)).decode()}"


def _folder() -> Traversable:
    return files(__package__).joinpath("vendored")


@lru_cache
def _manifest() -> dict[str, dict[str, dict[str, str]]]:
    text = _folder().joinpath("manifest.json").read_text(encoding="utf-8")
    return cast(dict[str, dict[str, dict[str, str]]], json.loads(text))


@lru_cache
def _vendored(file: _File) -> bytes:
    entry = _manifest()[file.package]
    content = _folder().joinpath(file.package, *file.name.split("/")).read_bytes()
    if hashlib.sha256(content).hexdigest() != entry["files"][file.name]:
        raise ReleaseError(
            f"The file {file.name} of {file.package} {entry['version']} is not the one that the manifest names. "
            "Install tensionmap again."
        )
    return content
