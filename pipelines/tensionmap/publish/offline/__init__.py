"""Any Folium map as one file that stands alone: no request to anyone, no text that can run, the same bytes every time.

    m = OfflineMap([40.0, 70.5])
    folium.Marker([40.0, 70.5], popup="5 < 6").add_to(m)
    m.save("map.html", title="My map")

``make_offline`` does the same for a map that exists already, also for one that ``GeoDataFrame.explore`` drew.

What Folium does, and what is done about it here:

- It loads Leaflet, its plugins, jQuery, Bootstrap and icon fonts from five hosts. ``assets`` puts Leaflet and those of the
  plugins that a map uses into the page. An address or an element that is not known is an error, never a page that fails at
  the reader's.
- It does not escape texts, and renders what it has rendered once more as a Jinja template, so that a text can run in the
  browser of the reader and even in the Python of the author. ``copying`` renders a copy of the map in which every text is a
  name that means nothing; ``standins`` puts the texts back when nothing is rendered any more.
- It draws random names for everything. They are numbered in the order in which they appear.
- Leaflet's own mark in the corner of the map is left out; credits for the data belong into the text of the page.

Nothing in Folium or Branca is changed, neither a class nor a module, and neither is the map.
"""

from tensionmap.publish.offline.assets import vendored_blocks as vendored_blocks
from tensionmap.publish.offline.escaping import as_json as as_json
from tensionmap.publish.offline.escaping import escape as escape
from tensionmap.publish.offline.page import OfflineMap as OfflineMap
from tensionmap.publish.offline.page import block_hash as block_hash
from tensionmap.publish.offline.page import make_offline as make_offline
