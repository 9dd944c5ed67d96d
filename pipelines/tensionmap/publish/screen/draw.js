// Draws the layers of a scene, the lowest first. Each has a pane of its own for the time chosen and one for the time beside it.
const SIDES = ["chosen", "other"];
const NAME_SIDES = ["", "left", "above", "below"];
const FAINT = 0.3; // out of season
const ABOVE_LINES = 1e6; // Leaflet lays marks by their latitude, and so the northern ones below the lines of their pane

function makePanes(map, names) {
  names.forEach((name, height) => {
    for (const side of SIDES) map.createPane(`${name}-${side}`).style.zIndex = 300 + 5 * height;
  });
}

function drawLayers(map, given, page) {
  const layers = given.layers.map(layer => {
    const changes = layer.features.some(feature => feature.windows);
    const seasons = layer.features.some(feature => feature.season);
    const names = layer.features.some(feature => feature.names);
    const groups = SIDES.map(() => L.layerGroup());
    const fill = side => {
      const window = side == "chosen" ? page.chosen.window : page.chosen.other;
      const group = groups[SIDES.indexOf(side)].clearLayers();
      if (side == "other" && (!changes || window == null)) return;
      for (const feature of layer.features) {
        if (!feature.windows || feature.windows.includes(window)) drawFeature(feature, `${layer.name}-${side}`, given, page, group);
      }
    };
    const wanted = ["window", ...(changes ? ["other"] : []), ...(seasons ? ["season"] : []), ...(names ? ["language"] : [])];
    let isDrawn = false;
    page.on(wanted, choice => {
      const matters = changes || seasons || "language" in choice;
      if (!isDrawn || matters) SIDES.forEach(fill);
      isDrawn = true;
    });
    return { name: layer.name, show: isOn => groups.forEach(group => (isOn ? group.addTo(map) : group.remove())) };
  });
  return layers;
}

function drawFeature(feature, pane, given, page, group) {
  const months = page.months();
  const isOut = feature.season && months.length && !months.some(month => isInSeason(month, feature.season));
  const lines = () => page.lines(isOut ? [...feature.lines, given.words.out_of_season] : feature.lines);
  const told = layer => layer.bindTooltip(lines, { sticky: true, className: "words" });
  if (feature.geometry.type == "Point") {
    const mark = told(L.marker(latLng(feature.geometry.coordinates), markOptions(feature, pane, given, page)));
    if (isOut) mark.setOpacity(FAINT);
    if (feature.area != null) openArea(mark, feature, page);
    group.addLayer(mark);
    return;
  }
  const looks = given.looks[feature.look];
  looks.forEach((look, number) => {
    const faint = isOut ? { opacity: FAINT, fillOpacity: look.fillOpacity * FAINT } : {};
    const isTop = number == looks.length - 1;
    const path = L.geoJSON(feature.geometry, { ...look, ...faint, pane, interactive: isTop });
    if (isTop) told(path);
    // Who cannot point asks in the middle of the map, and does not step through a hundred nameless lines.
    path.eachLayer(line => line.on("add", () => line.getElement().setAttribute("tabindex", "-1")));
    if (isTop && feature.area != null) path.on("click", () => page.choose({ area: feature.area }));
    group.addLayer(path);
  });
}

function openArea(mark, feature, page) {
  mark.on("click", () => page.choose({ area: feature.area }));
  mark.on("keydown", ({ originalEvent }) => {
    if (!["Enter", " "].includes(originalEvent.key)) return;
    originalEvent.preventDefault();
    page.choose({ area: feature.area });
  });
  const name = () => mark.getElement()?.setAttribute("aria-label", page.line(feature.lines[0]));
  mark.on("add", name);
  page.onLanguage(name);
}

const latLng = ([longitude, latitude]) => [latitude, longitude];

const isInSeason = (month, [first, last]) => (first <= last ? month >= first && month <= last : month >= first || month <= last);

function markOptions(feature, pane, given, page) {
  return {
    pane,
    keyboard: feature.area != null,
    zIndexOffset: ABOVE_LINES,
    icon: L.divIcon({ className: "mark", iconSize: [0, 0], html: markOf(feature, given, page) }),
  };
}

function markOf(feature, given, page) {
  const mark = page.make("span", "");
  if (feature.glyph) mark.append(glyphOf(given.glyphs[feature.glyph], page));
  if (feature.letters != null) mark.append(page.make("span", "claimant", page.say(feature.letters)));
  if (feature.number != null) mark.append(page.make("b", `number ${feature.kind}`, page.say(feature.number)));
  if (feature.names) {
    const [first, ...other] = feature.names.map(number => page.say(number));
    mark.append(page.make("span", `name ${feature.glyph}`, first, ...other.map(name => page.make("small", "", name))));
  }
  return mark;
}

function glyphOf(glyph, page) {
  const element = page.make("span", glyph.hollow ? "glyph hollow" : "glyph", glyph.mark);
  element.style.color = glyph.colour;
  // The size of a character is about twice the shape that it shows.
  element.style.fontSize = `${1.8 * glyph.size}px`;
  return element;
}

// Names find room in the order in which they stand; what has none, or would be cut by the edge, is hidden until the map has moved.
function placeNames(map, page) {
  const frame = map.getContainer();
  const boxOf = element => element.getBoundingClientRect();
  const meet = (a, b) => a.right > b.left && b.right > a.left && a.bottom > b.top && b.bottom > a.top;
  const place = () => {
    const names = [...frame.querySelectorAll(".name")];
    const edge = boxOf(frame);
    const isCut = box =>
      meet(box, edge) && (box.left < edge.left || box.right > edge.right || box.top < edge.top || box.bottom > edge.bottom);
    const taken = [...frame.querySelectorAll(".number, .claimant")].map(boxOf);
    // All names are measured on one side before the next: to ask after each change would lay out the page a hundred times.
    const boxes = NAME_SIDES.map(side => {
      for (const name of names) name.dataset.side = side;
      return names.map(boxOf);
    });
    names.forEach((name, number) => {
      const found = boxes.findIndex(ofSide => !isCut(ofSide[number]) && !taken.some(other => meet(ofSide[number], other)));
      if (found >= 0) taken.push(boxes[found][number]);
      name.dataset.side = NAME_SIDES[Math.max(found, 0)];
      name.style.visibility = found < 0 ? "hidden" : "";
    });
  };
  let waiting = 0;
  const later = () => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(place);
  };
  map.on("moveend", later);
  map.on("layeradd", event => event.layer instanceof L.Marker && later());
  page.on(["language", "window", "other"], later);
  addEventListener("beforeprint", place);
}
