"""Draws the README's pictures from the maps of the example study: python docs/draw_pictures.py (needs poppler's pdftoppm)."""

import shutil
import subprocess
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"


def main() -> None:
    """Write screen.png (a page in Chromium) and sheet.png (the first page of a sheet)."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1024, "height": 768})
        page.goto((ROOT / "maps/web/tension_map.community.html").as_uri())
        page.wait_for_timeout(500)
        page.screenshot(path=PICTURES / "screen.png")
        browser.close()
    sheet = ROOT / "maps/paper/crime_map.community.tg.pdf"
    command = ["pdftoppm", "-r", "75", "-gray", "-png", "-singlefile", "-f", "1", "-l", "1", sheet, PICTURES / "sheet"]
    subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
