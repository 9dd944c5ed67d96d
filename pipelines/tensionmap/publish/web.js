function (map, control, layers, given) {
  const frame = map.getContainer();
  frame.setAttribute("role", "region");
  frame.setAttribute("aria-label", given.title);
  for (const [name, text] of [["in", given.zoom_in], ["out", given.zoom_out]]) {
    const button = frame.querySelector(".leaflet-control-zoom-" + name);
    button.title = text;
    button.setAttribute("aria-label", text);
  }
  document.getElementById("layers").append(control.getContainer());
  map.on("overlayadd", () => layers.filter(layer => map.hasLayer(layer)).forEach(layer => layer.bringToFront()));
  map.fitBounds(given.bounds, { animate: false, padding: [8, 8] });
  map.setMinZoom(map.getZoom() - 1);
  const far = () => frame.classList.toggle("far", map.getZoom() < 12);
  map.on("zoomend", far);
  far();
}
