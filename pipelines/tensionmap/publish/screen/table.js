// The reports in view as a table, the latest first: a row is a way to its point, and the chosen point has its row.

const TABLE_ROWS = 100; // at first, and more at each press of the button

// The table, put into page.panel. onChosen(point) is called for a row that is clicked or entered.
function listPoints(map, points, page, telling, passes, canvas, onChosen) {
  const title = page.make("summary", ""), caption = page.make("caption", "");
  const columns = ["column_date", "by_category", "by_reporter", "by_source", "column_place"].map(name => {
    const heading = page.make("th", name);
    heading.scope = "col";
    return heading;
  });
  const body = page.make("tbody", ""), nothing = page.make("p", "nothing"), more = page.make("button", "more");
  more.type = "button";
  const table = page.make("table", "", caption, page.make("thead", "", page.make("tr", "", ...columns)), body);
  const scroll = page.make("div", "scroll", table);
  const element = page.make("details", "point-table", title, scroll, nothing, more);
  page.panel.append(element);

  let most = TABLE_ROWS, chosen = -1, waiting = 0, latest = null;

  // Counting sort by day, made when it is first needed.
  function latestFirst() {
    if (latest) return latest;
    const { day, count } = points;
    let last = 0;
    for (let i = 0; i < count; i++) last = Math.max(last, day[i]);
    const starts = new Uint32Array(last + 2);
    for (let i = 0; i < count; i++) starts[last - day[i] + 1]++;
    for (let at = 1; at < starts.length; at++) starts[at] += starts[at - 1];
    latest = new Uint32Array(count);
    for (let i = 0; i < count; i++) latest[starts[last - day[i]]++] = i;
    return latest;
  }

  // The first so many points in view that pass, the latest first, and among equal days in the order of the points.
  function inView(wanted) {
    const { x, y, day } = points, view = canvas.view(), few = canvas.few();
    const isSeen = i => passes[i] !== 0 && x[i] >= view.west && x[i] <= view.east && y[i] >= view.north && y[i] <= view.south;
    if (few) return Array.from(few).filter(isSeen).sort((a, b) => day[b] - day[a] || a - b).slice(0, wanted);
    const found = [], order = latestFirst();
    for (let at = 0; at < order.length && found.length < wanted; at++) if (isSeen(order[at])) found.push(order[at]);
    return found;
  }

  function row(at) {
    const button = page.make("button", "go", telling.date(at));
    button.type = "button";
    const heading = page.make("th", "", button);
    heading.scope = "row";
    const cells = [telling.category(at), telling.reporter(at), telling.source(at), telling.within(at)];
    const made = page.make("tr", "", heading, ...cells.map(text => page.make("td", "", text)));
    made.dataset.point = at;
    if (at === chosen) made.setAttribute("aria-current", "true");
    return made;
  }

  function fill() {
    title.textContent = telling.say("table");
    if (!element.open) return;
    const found = canvas.isOn() ? inView(most + 1) : [];
    const listed = found.slice(0, most);
    // The chosen point always has its row: the first, if it would be below the last.
    if (chosen >= 0 && canvas.isOn() && !listed.includes(chosen)) listed.unshift(chosen);
    const focused = document.activeElement?.closest("tr[data-point]")?.dataset.point;
    body.replaceChildren(...listed.map(row));
    if (focused) body.querySelector(`[data-point="${focused}"] button`)?.focus({ preventScroll: true });
    caption.textContent = telling.say("latest");
    columns.forEach(heading => { heading.textContent = telling.say(heading.className); });
    nothing.textContent = telling.say("nothing");
    nothing.hidden = listed.length > 0;
    table.hidden = listed.length === 0;
    more.hidden = found.length <= most;
    more.textContent = telling.say("more", { n: TABLE_ROWS });
    bringIntoSight();
  }

  // Within the table alone: the map stays where it is.
  function bringIntoSight() {
    const made = body.querySelector("[aria-current]");
    if (!made) return;
    const above = made.offsetTop - columns[0].offsetHeight, below = made.offsetTop + made.offsetHeight - scroll.clientHeight;
    scroll.scrollTop = Math.max(below, Math.min(above, scroll.scrollTop));
  }

  // Rows wait until the map has come to rest.
  function refresh() {
    clearTimeout(waiting);
    waiting = setTimeout(fill, 60);
  }

  more.addEventListener("click", () => {
    most += TABLE_ROWS;
    fill();
  });
  element.addEventListener("toggle", fill);
  body.addEventListener("click", event => {
    const made = event.target.closest("tr");
    if (made) onChosen(Number(made.dataset.point));
  });
  map.on("moveend", refresh);
  page.onLanguage(fill);
  return {
    refresh,
    mark(at) {
      chosen = at;
      for (const made of body.rows) {
        if (Number(made.dataset.point) === at) made.setAttribute("aria-current", "true");
        else made.removeAttribute("aria-current");
      }
      refresh();
    },
  };
}
