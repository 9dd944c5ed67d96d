"""Helpers for every stage's tests."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tensionmap import pipeline
from tensionmap.workspace import STAGES, Workspace

ROOT = Path(__file__).parents[1]
EVERY_LANGUAGE, TWO_LANGUAGES = 'languages = ["en", "tg", "ky", "ru", "uz"]', 'languages = ["en", "tg"]'
"""The example speaks all; whole runs in tests speak two, since each more is twelve more sheets to draw and attack."""


class Listener:
    """Remembers which stages were made, and why."""

    def __init__(self) -> None:
        self.made: dict[str, list[str]] = {}
        self.said: list[tuple[str, str]] = []

    def starts(self, stage, why):
        if why:
            self.made[stage] = list(why)

    def notes(self, stage, text):
        self.said.append((stage, text))

    def progresses(self, label, done, total):
        assert 0 <= done <= total, label


def _bring_up(root: Path, until: str = "publish") -> Listener:
    listener = Listener()
    pipeline.run(Workspace(root), until, listener)
    return listener


def _new_study(root: Path) -> Path:
    shutil.copytree(ROOT / "data" / "raw", root / "data" / "raw")
    study = (ROOT / "study.toml").read_text(encoding="utf-8")
    assert EVERY_LANGUAGE in study
    (root / "study.toml").write_text(study.replace(EVERY_LANGUAGE, TWO_LANGUAGES), encoding="utf-8")
    return root


@pytest.fixture(scope="session")
def bring_up():
    """Run the stages of a study's folder; what was made and said comes back."""
    return _bring_up


@pytest.fixture(scope="session")
def new_study():
    """Put the example study, not yet run, into a new folder."""
    return _new_study


@pytest.fixture(scope="session")
def finished_study(tmp_path_factory) -> Path:
    """The example study, run once. Not to be changed: copy it first."""
    root = _new_study(tmp_path_factory.mktemp("two_rivers"))
    assert list(_bring_up(root).made) == list(STAGES)
    return root


@pytest.fixture(scope="session")
def browser():
    """A Chromium without a screen: the system's, else Playwright's own."""
    found = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    quiet = ["--no-sandbox", "--disable-gpu", "--no-first-run"]
    quiet += [f"--disable-{what}" for what in ("background-networking", "component-update", "sync", "quic")]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=next(filter(None, found), None), args=quiet)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser, tmp_path):
    """Opens a page from a file without a network; gives the page and all that it asked for or complained of."""
    context = browser.new_context(offline=True, viewport={"width": 1024, "height": 768})

    def opened(text):
        path = tmp_path / "page.html"
        path.write_text(text, encoding="utf-8")
        page, seen = context.new_page(), []
        page.on("request", lambda request: seen.append(request.url))
        page.on("console", lambda message: seen.append(message.text))
        page.on("pageerror", lambda error: seen.append(str(error)))
        page.goto(path.as_uri())
        page.wait_for_timeout(30)
        seen[:] = [entry for entry in seen if entry != path.as_uri() and not entry.startswith("data:image/png")]
        return page, seen

    yield opened
    context.close()
