// All that Folium's own scripts ask of jQuery: the element that some HTML describes, and a call once the page is ready.
function $(given) {
  if (given === document) return { ready: call => document.addEventListener("DOMContentLoaded", call) };
  const template = document.createElement("template");
  template.innerHTML = given.trim();
  return [...template.content.children];
}
