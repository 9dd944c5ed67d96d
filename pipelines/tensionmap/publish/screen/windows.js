// The slider over the quarters, the time beside it with an edge that can be moved, and the season.
function chooseTimes(map, given, page, panes) {
  const slider = document.getElementById("window");
  const other = document.getElementById("other");
  const season = document.getElementById("season");
  const months = document.getElementById("months");
  const summary = document.querySelector(".summary");
  // The slider says its months itself.
  summary.setAttribute("aria-live", "polite");
  months?.setAttribute("aria-live", "off");
  slider?.addEventListener("input", () => page.choose({ window: Number(slider.value) }));
  other?.addEventListener("change", () => page.choose({ other: other.value === "" ? null : Number(other.value) }));
  season?.addEventListener("change", () => page.choose({ season: season.value === "" ? null : Number(season.value) }));
  page.on(["window", "other", "language"], () => {
    const window = given.windows[page.chosen.window];
    const name = page.say(window.text);
    document.title = page.say(window.title);
    document.querySelector("h1").textContent = document.title;
    summary.textContent = page.say(window.summary);
    if (slider) {
      slider.setAttribute("aria-valuetext", name);
      months.textContent = name;
      // As wide as the longest, so that nothing moves while the slider does.
      months.style.minWidth = `min(100%, ${Math.max(...given.windows.map(one => page.say(one.text).length))}ch)`;
    }
    for (const element of document.querySelectorAll("[data-windows]")) {
      const own = element.dataset.windows.split(",").map(Number);
      element.hidden = !page.windows().some(number => own.includes(number));
    }
  });
  swipe(map, given, page, panes);
}

// West of the edge the map shows the time beside, east of it the time chosen.
function swipe(map, given, page, panes) {
  const edge = page.make("input", "over-map swipe");
  Object.assign(edge, { type: "range", min: 0, max: 100, step: 1, value: 50 });
  const [left, right] = ["left", "right"].map(side => page.make("div", `over-map time ${side}`));
  const line = page.make("div", "over-map edge");
  L.DomEvent.disableClickPropagation(edge);
  map.getContainer().append(line, left, right, edge);
  const share = () => Number(edge.value) / 100;
  page.isLeft = place => page.chosen.other != null && map.latLngToContainerPoint(place).x < share() * map.getSize().x;
  const clip = () => {
    const isOn = page.chosen.other != null;
    const size = map.getSize();
    const corner = map.containerPointToLayerPoint([0, 0]);
    const middle = corner.x + size.x * share();
    const box = (west, east) =>
      `polygon(${[[west, corner.y], [east, corner.y], [east, corner.y + size.y], [west, corner.y + size.y]]
        .map(([x, y]) => `${x}px ${y}px`).join(",")})`;
    const clip = (pane, west, east) => { map.getPane(pane).style.clipPath = isOn ? box(west, east) : ""; };
    for (const name of panes) {
      clip(`${name}-chosen`, middle, corner.x + size.x);
      clip(`${name}-other`, corner.x, middle);
    }
    // Single reports are those of the time chosen.
    if (given.points) clip("points", middle, corner.x + size.x);
    line.style.left = `${100 * share()}%`;
    for (const part of [edge, left, right, line]) part.hidden = !isOn;
  };
  edge.addEventListener("input", clip);
  map.on("move zoom viewreset resize", clip);
  page.on(["window", "other", "language"], () => {
    const names = [page.chosen.other, page.chosen.window].map(number => (number == null ? "" : page.say(given.windows[number].text)));
    [left.textContent, right.textContent] = names;
    edge.setAttribute("aria-label", page.words("swipe"));
    edge.setAttribute("aria-valuetext", page.say(given.words.both, names));
    clip();
  });
}
