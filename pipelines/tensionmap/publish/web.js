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
  const placeNames = () => {
    const taken = [...frame.querySelectorAll(".number, .claimant")].map(mark => mark.getBoundingClientRect());
    for (const name of frame.querySelectorAll(".name")) {
      const isPlaced = ["", "left", "above", "below"].some(side => {
        name.dataset.side = side;
        const box = name.getBoundingClientRect();
        const isFree = taken.every(other =>
          box.right <= other.left || other.right <= box.left || box.bottom <= other.top || other.bottom <= box.top);
        if (isFree) taken.push(box);
        return isFree;
      });
      name.style.visibility = isPlaced ? "" : "hidden";
    }
  };
  map.on("zoomend overlayadd", placeNames);
  placeNames();
}
