// The profile of a numbered area: what it is, what lies there, how sure that is, and what it does not show.
function tellOfAreas(map, given, page) {
  const profile = document.getElementById("profile");
  let opener = null;
  for (const button of document.querySelectorAll("[data-area]")) {
    button.addEventListener("click", () => {
      const area = Number(button.dataset.area);
      const outlines = given.layers.find(layer => layer.name == "areas").features.filter(feature => feature.area == area);
      map.fitBounds(L.featureGroup(outlines.map(feature => L.geoJSON(feature.geometry))).getBounds(), { maxZoom: 13, padding: [48, 48], animate: false });
      page.choose({ area });
    });
  }
  const close = () => {
    page.choose({ area: null });
    opener?.focus();
  };
  profile.addEventListener("keydown", event => event.key == "Escape" && close());
  page.on(["area", "language"], changes => {
    const area = given.areas[page.chosen.area];
    profile.hidden = !area;
    if (!area) return;
    const button = page.make("button", "close", page.words("close"));
    button.type = "button";
    button.addEventListener("click", close);
    const parts = area.parts.filter(part => part.lines.length).flatMap(part => [
      part.heading == null ? null : page.make("h3", "", page.say(part.heading)),
      ...part.lines.map(line => page.make("p", "", page.line(line))),
    ]);
    profile.replaceChildren(button, page.make("h2", "", page.say(area.text)), ...parts.filter(Boolean));
    if (changes.area == null) return;
    opener = document.activeElement;
    profile.focus();
    profile.scrollIntoView({ block: "nearest" });
  });
}
