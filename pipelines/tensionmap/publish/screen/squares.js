// Draws the squares of a time in their bands, one path a band, and tells of the square under the pointer, the finger or the middle.
function drawCells(map, given, page) {
  const groups = SIDES.map(() => L.layerGroup());
  const fill = side => {
    const window = side == "chosen" ? page.chosen.window : page.chosen.other;
    const group = groups[SIDES.indexOf(side)].clearLayers();
    if (window == null) return;
    const alike = new Map();
    for (const square of given.squares) {
      const key = `${9 - square.side} ${square.bands[window]}`;
      if (square.bands[window] >= 0) alike.set(key, [...(alike.get(key) ?? []), [square.corners]]);
    }
    for (const key of [...alike.keys()].sort()) {
      for (const look of given.looks[`square ${key.split(" ")[1]}`]) {
        group.addLayer(L.polygon(alike.get(key), { ...look, pane: `squares-${side}`, interactive: false }));
      }
    }
  };
  page.on(["window", "other"], () => SIDES.forEach(fill));
  let isShown = true;
  tellOfSquares(map, given, page, () => isShown);
  return {
    name: "squares",
    show: isOn => {
      isShown = isOn;
      groups.forEach(group => (isOn ? group.addTo(map) : group.remove()));
    },
  };
}

function tellOfSquares(map, given, page, isShown) {
  const tooltip = L.tooltip({ className: "words square" });
  const here = page.make("div", "unseen");
  const linesAt = place => {
    if (!isShown()) return [];
    const window = page.isLeft?.(place) ? page.chosen.other : page.chosen.window;
    // A smaller square stands after a larger one around it.
    const square = given.squares.findLast(one => one.bands[window] >= 0 && isInside(place, one.corners));
    return square ? square.lines[window] : [];
  };
  const tell = event => {
    const lines = event.originalEvent.target.closest(".leaflet-interactive, .leaflet-control, .over-map") ? [] : linesAt(event.latlng);
    if (lines.length) tooltip.setLatLng(event.latlng).setContent(page.lines(lines)).addTo(map);
    else tooltip.remove();
  };
  map.on("mousemove click", tell);
  map.on("mouseout movestart", () => tooltip.remove());
  // What was told of other months would be wrong of these.
  page.on(["window", "other", "language"], () => { here.textContent = ""; });
  here.setAttribute("aria-live", "polite");
  map.getContainer().append(here);
  map.getContainer().addEventListener("keydown", event => {
    if (event.key != "Enter" || event.target != map.getContainer()) return;
    const lines = linesAt(map.getCenter());
    const told = lines.length ? lines : [given.words.nothing_here];
    tooltip.setLatLng(map.getCenter()).setContent(page.lines(told)).addTo(map);
    here.textContent = told.map(page.line).join(". ");
  });
}

// Whether a place lies on the same side of all four edges.
function isInside(place, corners) {
  let isLeft = false;
  let isRight = false;
  corners.forEach(([latitude, longitude], number) => {
    const [nextLatitude, nextLongitude] = corners[(number + 1) % corners.length];
    const turn = (nextLongitude - longitude) * (place.lat - latitude) - (nextLatitude - latitude) * (place.lng - longitude);
    if (turn > 0) isLeft = true;
    if (turn < 0) isRight = true;
  });
  return !(isLeft && isRight);
}
