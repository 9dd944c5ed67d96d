// Says the whole page in the language that is chosen.
function sayEverything(given, page) {
  const choice = document.getElementById("language");
  choice?.addEventListener("change", () => page.choose({ language: Number(choice.value) }));
  page.on(["language", "window"], () => {
    document.documentElement.lang = given.languages[page.chosen.language];
    for (const element of document.querySelectorAll("[data-text]")) element.textContent = page.say(Number(element.dataset.text));
    for (const element of document.querySelectorAll("[data-label]")) {
      element.setAttribute("aria-label", page.say(Number(element.dataset.label)));
    }
    for (const element of document.querySelectorAll("[data-texts]")) {
      element.textContent = page.say(Number(element.dataset.texts.split(",")[page.chosen.window]));
    }
  });
}
