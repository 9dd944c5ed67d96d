// Puts the parts of a page together.
function showMap(map, given) {
  const page = makePage(given);
  const frame = map.getContainer();
  frame.setAttribute("role", "main");
  // Read and stepped through in the order in which it is seen.
  frame.after(document.querySelector("aside"));
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) map.options.inertia = false;
  // The words above the map are longer in one language and shorter in another.
  new ResizeObserver(() => map.invalidateSize({ animate: false, pan: false })).observe(frame);
  page.onLanguage(() => {
    frame.setAttribute("aria-label", page.say(given.windows[page.chosen.window].title));
    for (const way of ["in", "out"]) {
      const button = frame.querySelector(`.leaflet-control-zoom-${way}`);
      button.title = page.words(`zoom_${way}`);
      button.setAttribute("aria-label", button.title);
    }
  });
  map.fitBounds(given.bounds, { animate: false, padding: [8, 8] });
  map.setMinZoom(map.getZoom() - 1);
  const order = ["relief", "edge", "pasture", "forest", "squares", ...given.layers.map(layer => layer.name)];
  const panes = [...new Set(order)];
  makePanes(map, panes);
  L.rectangle(given.bounds, { ...given.looks.edge[0], pane: "edge-chosen", interactive: false }).addTo(map);
  sayEverything(given, page);
  const layers = [drawRelief(map, given), drawCells(map, given, page), ...drawLayers(map, given, page), drawReports(map, given, page)]
    .filter(Boolean);
  chooseTimes(map, given, page, panes.filter(name => !["relief", "edge"].includes(name) && changesWithTime(given, name)));
  searchPlaces(map, given, page);
  tellOfAreas(map, given, page);
  tickLayers(layers);
  tellOneThing(map, page);
  printWhole(map, given);
  placeNames(map, page);
}

// One tooltip at a time, and none of months or in a language that have been left. At a report the style sheet hides all others.
function tellOneThing(map, page) {
  const silence = kept => map.eachLayer(layer => layer instanceof L.Tooltip && layer != kept && layer.remove());
  map.on("tooltipopen", ({ tooltip }) => map.getContainer().classList.contains("at-point") || silence(tooltip));
  page.on(["window", "other", "season", "language"], () => silence(null));
}

// Paper gets all that is seen of the map, whatever the size of the window, and nothing that is folded away on the screen.
function printWhole(map, given) {
  let before = null;
  let folded = [];
  addEventListener("beforeprint", () => {
    const whole = L.latLngBounds(given.bounds);
    const seen = map.getBounds().contains(whole) ? whole : map.getBounds();
    before = [map.getCenter(), map.getZoom(), { animate: false }];
    folded = [...document.querySelectorAll("aside details:not([open])")];
    for (const part of folded) part.open = true;
    document.body.classList.add("printed");
    map.invalidateSize({ animate: false }).fitBounds(seen, { animate: false });
  });
  addEventListener("afterprint", () => {
    for (const part of folded) part.open = false;
    document.body.classList.remove("printed");
    map.invalidateSize({ animate: false }).setView(...before);
  });
}

function changesWithTime(given, name) {
  return name == "squares" || given.layers.some(layer => layer.name == name && layer.features.some(feature => feature.windows));
}

function drawRelief(map, given) {
  if (!given.relief) return null;
  const picture = L.imageOverlay(given.relief.picture, given.relief.bounds, { pane: "relief-chosen", interactive: false });
  return { name: "relief", show: isOn => (isOn ? picture.addTo(map) : picture.remove()) };
}

// Single reports, which are unpacked after the rest of the map is there.
function drawReports(map, given, page) {
  if (!given.points) return null;
  map.createPane("points").style.zIndex = Number(map.getPane("squares-other").style.zIndex) + 1;
  page.panel = document.getElementById("reports");
  const unpacked = showPoints(map, given.points, page);
  page.on(["window"], () => {
    const days = daysOf(given.windows[page.chosen.window].quarter);
    unpacked.then(reports => reports.setDays(...days));
  });
  return { name: "points", show: isOn => unpacked.then(reports => reports.show(isOn)) };
}

// First and last day of a quarter, "2026Q3"; of the whole period nothing is left out.
function daysOf(quarter) {
  if (!quarter) return [null, null];
  const [year, number] = quarter.split("Q").map(Number);
  return [Date.UTC(year, 3 * number - 3, 1), Date.UTC(year, 3 * number, 0)].map(day => new Date(day).toISOString().slice(0, 10));
}

// The ticks of the legend: what is shown, and what its signs mean for as long as it is.
function tickLayers(layers) {
  for (const entry of document.querySelectorAll("[data-layer]")) {
    const layer = layers.find(one => one.name == entry.dataset.layer);
    const tick = entry.querySelector("input");
    const show = () => {
      layer?.show(tick.checked);
      entry.querySelector(".keys").hidden = !tick.checked;
    };
    tick.addEventListener("change", show);
    show();
  }
}
