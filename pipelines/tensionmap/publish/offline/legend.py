"""The legend of a scale of colours, drawn once and for all: Branca would draw it in the browser, with a library of its own."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from math import floor, log10

import folium
from branca.colormap import ColorMap
from branca.element import MacroElement
from branca.utilities import legend_scaler
from folium.template import Template
from folium.utilities import get_obj_in_upper_tree


class Legend(MacroElement):
    """A picture in the upper right corner of a map.

    Parameters
    ----------
    picture
        SVG, as a text for a page.
    """

    _template = Template(
        """
        {% macro script(this, kwargs) %}
            (function () {
                const legend = L.control({position: "topright"});
                legend.onAdd = function () {
                    const box = L.DomUtil.create("div", "legend");
                    box.innerHTML = {{ this.picture|tojson }};
                    return box;
                };
                legend.addTo({{ this.map_name() }});
            })();
        {% endmacro %}
        """
    )

    def __init__(self, picture: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._name = "Legend"
        self.picture = picture

    @classmethod
    def of(cls, scale: ColorMap, text: Callable[[str], str]) -> Legend:
        """The legend of ``scale`` as Branca would draw it: bar, numbers above, caption below; ``text`` is done to its texts."""
        made = cls(_picture(scale, text))
        made._id = scale._id
        return made

    def map_name(self) -> str:
        """The name of the map on which the legend stands."""
        return str(get_obj_in_upper_tree(self, folium.Map).get_name())


def _picture(scale: ColorMap, text: Callable[[str], str]) -> str:
    length = scale.width - 50
    span = scale.vmax - scale.vmin
    colours = [scale(scale.vmin + span * (pixel + 0.5) / length) for pixel in range(length)]
    bar = ""
    for colour, pixels in groupby(range(length), key=colours.__getitem__):
        first, *others = pixels
        bar += f'<rect x="{first}" width="{len(others) + 1}" height="{scale.height - 30}" fill="{text(colour)}"/>'
    ticks = legend_scaler(scale.index, scale.max_labels) if scale.tick_labels is None else scale.tick_labels
    digits = 2 - floor(log10(span)) if span > 0 else 2
    numbers = "".join(
        f'<text x="{(tick - scale.vmin) / (span or 1) * length:.0f}" y="-4" text-anchor="middle">{round(tick, digits):,g}</text>'
        for tick in map(float, filter(lambda tick: tick != "", ticks))
    )
    caption = f'<text y="{scale.height - 19}">{text(str(scale.caption))}</text>'
    return (
        f'<svg width="{scale.width}" height="{scale.height}" font-size="11" fill="{text(str(scale.text_color))}">'
        f'<g transform="translate(25,16)">{bar}{numbers}{caption}</g></svg>'
    )
