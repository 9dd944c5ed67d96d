// Which reports are shown: ticks by kind, source, exactness and reporter, and a span of months.

// The filters, put into page.panel. `passes` holds 1 for each point that is shown; onChange is called after it has changed.
function filterPoints(points, given, page, telling, onChange) {
  const { count, day } = points;
  const passes = new Uint8Array(count);
  const classOf = given.metres.map(metres => given.classes.filter(most => metres > most).length);
  const itself = options => options.map((_, at) => at);
  const ticks = [
    tickFilter("by_category", points.category, itself(given.categories), given.categories, page, telling, apply),
    tickFilter("by_source", points.source, itself(given.sources), given.sources, page, telling, apply),
    tickFilter("by_precision", points.metres, classOf, given.precisions, page, telling, apply),
    tickFilter("by_reporter", points.reporter, itself(given.reporters), given.reporters, page, telling, apply),
  ];
  const time = timeFilter(points, page, telling, later);
  const shown = page.make("p", "shown");
  shown.setAttribute("role", "status");
  shown.setAttribute("aria-live", "polite");
  const reset = page.make("button", "reset");
  reset.type = "button";
  reset.addEventListener("click", () => {
    ticks.forEach(tick => tick.setAll(true));
    time.setAll();
    apply();
  });
  page.panel.append(page.make("div", "point-filters", shown, reset, time.element, ...ticks.map(tick => tick.element)));

  let passing = 0, waiting = 0, firstDay = 0, lastDay = Infinity;

  // Sliders and drags speak more often than the screen can show.
  function later() {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(apply);
  }

  function apply() {
    cancelAnimationFrame(waiting);
    countPasses();
    tell();
    onChange();
  }

  // A point counts for a choice if it passes all other filters: the number says how many ticking it shows.
  function countPasses() {
    const [a, b, c, d] = ticks.map(tick => tick.failing());
    const [countsA, countsB, countsC, countsD] = ticks.map(tick => tick.counts.fill(0));
    const [codesA, codesB, codesC, codesD] = ticks.map(tick => tick.codes);
    const { monthOf, first, last } = time.span();
    const months = time.counts.fill(0);
    passing = 0;
    for (let i = 0; i < count; i++) {
      const when = day[i];
      passes[i] = 0;
      if (when < firstDay || when > lastDay) continue;
      const month = monthOf[when];
      const failsA = a[codesA[i]], failsB = b[codesB[i]], failsC = c[codesC[i]], failsD = d[codesD[i]];
      const failsTime = month < first || month > last ? 1 : 0;
      const fails = failsA + failsB + failsC + failsD + failsTime;
      if (fails > 1) continue;
      if (fails === 0) {
        passes[i] = 1;
        passing++;
      }
      if (fails === failsA) countsA[codesA[i]]++;
      if (fails === failsB) countsB[codesB[i]]++;
      if (fails === failsC) countsC[codesC[i]]++;
      if (fails === failsD) countsD[codesD[i]]++;
      if (fails === failsTime) months[month]++;
    }
  }

  function tell() {
    shown.textContent = telling.say("shown", { n: telling.number(passing), m: telling.number(count) });
    reset.textContent = telling.say("reset");
    ticks.forEach(tick => tick.tell());
    time.tell();
  }

  countPasses();
  page.onLanguage(tell);
  return {
    passes,
    count: () => passing,
    setDays(first, last) {
      firstDay = first ? telling.dayOf(first) : 0;
      lastDay = last ? telling.dayOf(last) : Infinity;
      apply();
    },
  };
}

// One group of ticks. A code of the column stands for one option, an option for one code or several.
function tickFilter(name, codes, optionOf, texts, page, telling, onChange) {
  const counts = new Uint32Array(optionOf.length);
  const inputs = texts.map(() => {
    const input = page.make("input", "");
    input.type = "checkbox";
    input.checked = true;
    input.addEventListener("change", onChange);
    return input;
  });
  const labels = texts.map(() => page.make("span", "option"));
  const numbers = texts.map(() => page.make("span", "count"));
  const items = inputs.map((input, at) => page.make("li", "", page.make("label", "", input, labels[at], numbers[at])));
  const setAll = isOn => inputs.forEach(input => { input.checked = isOn; });
  const buttons = ["all", "none"].map(which => {
    const button = page.make("button", which);
    button.type = "button";
    button.addEventListener("click", () => {
      setAll(which === "all");
      onChange();
    });
    return button;
  });
  const title = page.make("summary", ""), legend = page.make("legend", "");
  const choices = page.make("fieldset", "", legend, page.make("p", "", ...buttons), page.make("ul", "", ...items));
  return {
    codes, counts, setAll,
    element: page.make("details", `filter ${name}`, title, choices),
    failing: () => Uint8Array.from(optionOf, option => inputs[option].checked ? 0 : 1),
    tell() {
      const sums = new Uint32Array(texts.length);
      optionOf.forEach((option, code) => { sums[option] += counts[code]; });
      const ticked = inputs.filter(input => input.checked).length;
      title.textContent = telling.say(name) + (ticked < inputs.length ? ` (${ticked}/${inputs.length})` : "");
      legend.textContent = telling.say(name);
      buttons.forEach(button => { button.textContent = telling.say(button.className); });
      texts.forEach((text, at) => {
        labels[at].textContent = page.say(text);
        numbers[at].textContent = telling.number(sums[at]);
      });
    },
  };
}

// Reports a month as bars, and the months that are shown: by two sliders, or by a drag over the bars.
function timeFilter(points, page, telling, onChange) {
  let lastDay = 0;
  for (let i = 0; i < points.count; i++) lastDay = Math.max(lastDay, points.day[i]);
  const start = telling.monthOf(0), many = telling.monthOf(lastDay) - start + 1;
  const monthOf = Uint16Array.from({ length: lastDay + 1 }, (_, day) => telling.monthOf(day) - start);
  const counts = new Uint32Array(many);
  let first = 0, last = many - 1;

  const bars = page.make("canvas", "bars");
  Object.assign(bars, { width: 600, height: 120 });
  bars.setAttribute("aria-hidden", "true");
  const sliders = ["from", "to"].map(end => {
    const slider = page.make("input", end);
    Object.assign(slider, { type: "range", min: 0, max: many - 1, step: 1, value: end === "from" ? 0 : many - 1 });
    slider.addEventListener("input", () => {
      const at = Number(slider.value);
      if (end === "from") choose(at, Math.max(at, last));
      else choose(Math.min(at, first), at);
    });
    return slider;
  });
  const names = sliders.map(() => page.make("span", ""));
  const lines = sliders.map((slider, at) => page.make("label", "", names[at], slider));
  const legend = page.make("legend", ""), span = page.make("output", "span");
  const element = page.make("fieldset", "when", legend, bars, ...lines, span);

  let from = -1; // where a drag began
  const monthAt = event => {
    const box = bars.getBoundingClientRect();
    return Math.max(0, Math.min(many - 1, Math.floor((event.clientX - box.left) / box.width * many)));
  };
  bars.addEventListener("pointerdown", event => {
    from = monthAt(event);
    bars.setPointerCapture(event.pointerId);
    choose(from, from);
  });
  bars.addEventListener("pointermove", event => {
    if (from >= 0) choose(Math.min(from, monthAt(event)), Math.max(from, monthAt(event)));
  });
  for (const end of ["pointerup", "pointercancel"]) bars.addEventListener(end, () => { from = -1; });

  function choose(begin, end) {
    if (begin === first && end === last) return;
    [first, last] = [begin, end];
    [sliders[0].value, sliders[1].value] = [begin, end];
    onChange();
  }

  function draw() {
    const brush = bars.getContext("2d"), most = Math.max(1, ...counts), wide = bars.width / many;
    brush.clearRect(0, 0, bars.width, bars.height);
    counts.forEach((count, month) => {
      const high = count && Math.max(2, count / most * bars.height);
      brush.fillStyle = month >= first && month <= last ? "#3f007d" : "#bbb";
      brush.fillRect(month * wide, bars.height - high, Math.max(1, wide - 1), high);
    });
  }

  return {
    element, counts,
    span: () => ({ monthOf, first, last }),
    setAll() {
      [first, last] = [0, many - 1];
      [sliders[0].value, sliders[1].value] = [first, last];
    },
    tell() {
      const told = [first, last].map(month => telling.month(start + month));
      legend.textContent = telling.say("time");
      sliders.forEach((slider, at) => {
        names[at].textContent = telling.say(slider.className);
        slider.setAttribute("aria-valuetext", told[at]);
      });
      span.textContent = first === last ? told[0] : telling.say("period", { first: told[0], last: told[1] });
      draw();
    },
  };
}
