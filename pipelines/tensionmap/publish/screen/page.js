// What the parts of a page share: what the reader has chosen, and who wants to know of it. Texts become text nodes, never HTML.
function makePage(given) {
  const chosen = { language: 0, window: 0, other: null, season: null };
  const listeners = [];
  const page = {
    chosen,
    // Values stand where a text names them in braces; those of a list by their place: {0}, {1}.
    say: (number, values = {}) =>
      given.texts[chosen.language][number].replace(/\{(\w+)\}/g, (gap, name) => (Object.hasOwn(values, name) ? values[name] : gap)),
    line: line => (Array.isArray(line) ? page.say(line[0], line.slice(1)) : page.say(line)),
    make(tag, className, ...children) {
      const element = document.createElement(tag);
      if (className) element.className = className;
      element.append(...children.filter(child => child != null));
      return element;
    },
    lines: lines => page.make("div", "", ...lines.map(line => page.make("div", "", page.line(line)))),
    choose(changes) {
      Object.assign(chosen, changes);
      for (const listener of listeners) listener(changes);
    },
    // Called now and at every choice of one of these things.
    on(names, listener) {
      listener(chosen);
      listeners.push(changes => names.some(name => name in changes) && listener(changes));
    },
    onLanguage: listener => page.on(["language"], listener),
    words: name => page.say(given.words[name]),
    // Both times that are on the map: the one chosen, and the one beside it if there is one.
    windows: () => [chosen.window, chosen.other].filter(number => number != null),
    // The months of the year whose water and land are shown; an empty list means all.
    months: () => (chosen.season ? [chosen.season] : given.windows[chosen.window].months),
  };
  return page;
}
