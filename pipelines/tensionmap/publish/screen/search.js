// Finds a village by any spelling: both alphabets, with or without marks on the letters, with a slip of the hand.
const LATIN = {
  а: "a", б: "b", в: "v", г: "g", ғ: "g", д: "d", е: "e", ж: "j", з: "z", и: "i", к: "k", қ: "k", л: "l", м: "m", н: "n", ң: "n",
  о: "o", ө: "o", п: "p", р: "r", с: "s", т: "t", у: "u", ү: "u", ф: "f", х: "h", ҳ: "h", ц: "s", ч: "ch", ҷ: "j", ш: "sh",
  щ: "sh", ъ: "", ы: "i", ь: "", э: "e", ю: "yu", я: "ya",
};

function folded(text) {
  const plain = text.toLowerCase().normalize("NFD").replace(/\p{M}/gu, "");
  const latin = [...plain].map(letter => LATIN[letter] ?? letter).join("");
  return latin.replace(/dzh|dj|zh/g, "j").replace(/kh|x/g, "h").replace(/gh/g, "g").replace(/q/g, "k").replace(/y/g, "i")
    .replace(/w/g, "v").replace(/[^\p{L}\p{N}]/gu, "").replace(/(.)\1+/gu, "$1");
}

// The fewest letters to change, add, leave out or exchange with their neighbour.
function slips(a, b) {
  let before = [];
  let row = Array.from({ length: b.length + 1 }, (_, place) => place);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) next[j] = Math.min(next[j], before[j - 2] + 1);
    }
    [before, row] = [row, next];
  }
  return row[b.length];
}

function rank(asked, spelling) {
  if (spelling.startsWith(asked)) return spelling == asked ? 0 : 1;
  if (spelling.includes(asked)) return 2;
  const allowed = asked.length < 4 ? 0 : asked.length < 7 ? 1 : 2;
  const found = Math.min(slips(asked, spelling), slips(asked, spelling.slice(0, asked.length)));
  return found <= allowed ? 2 + found : Infinity;
}

function searchPlaces(map, given, page) {
  const field = document.getElementById("search");
  const list = document.getElementById("found");
  if (!field) return;
  const places = given.places.map(place => ({ ...place, folded: place.spellings.map(folded) }));
  const sign = L.tooltip({ className: "words" });
  list.setAttribute("aria-live", "polite");
  const close = () => { list.hidden = true; };
  const go = place => {
    close();
    map.setView(place.at, Math.max(map.getZoom(), 13), { animate: false });
    map.getContainer().focus();
    sign.setLatLng(place.at).setContent(page.lines([place.text])).addTo(map);
  };
  const find = () => {
    const asked = folded(field.value);
    const ranked = asked ? places.map(place => [Math.min(...place.folded.map(name => rank(asked, name))), place]) : [];
    return ranked.filter(([own]) => own < Infinity).sort((a, b) => a[0] - b[0]).slice(0, 8).map(([, place]) => place);
  };
  const show = () => {
    const found = find();
    const entries = found.map(place => {
      const button = page.make("button", "", page.say(place.text));
      button.type = "button";
      button.addEventListener("click", () => go(place));
      return page.make("li", "", button);
    });
    list.replaceChildren(...(found.length ? entries : [page.make("li", "", page.words("not_found"))]));
    list.hidden = !field.value.trim();
  };
  // By arrows from the field through what is found and back.
  const step = by => {
    if (list.hidden) show();
    const stops = [field, ...list.querySelectorAll("button")];
    stops[stops.indexOf(document.activeElement) + by]?.focus();
  };
  const choice = field.parentElement;
  field.addEventListener("input", show);
  field.addEventListener("keydown", event => event.key == "Enter" && find().length && go(find()[0]));
  choice.addEventListener("keydown", event => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by) {
      event.preventDefault();
      step(by);
    }
    if (event.key == "Escape") {
      field.focus();
      close();
    }
  });
  choice.addEventListener("focusout", event => choice.contains(event.relatedTarget) || close());
  // Some browsers give a pressed button no focus: the list would close below the finger.
  list.addEventListener("mousedown", event => event.preventDefault());
  page.on(["language"], () => list.hidden || show());
}
