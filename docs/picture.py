"""The picture of a report in the README.

    litmus run batch_norm && python docs/picture.py

takes `docs/report.png` anew: the head of `runs/batch_norm/report.html` in headless Chromium. Another report, and the
folder of another study, may be named: `python docs/picture.py runs/batch_norm`.
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

PICTURE = Path(__file__).with_name("report.png")
WIDTH, HEIGHT, MARGIN = 1280, 900, 12
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def take(report: Path, picture: Path) -> None:
    """Write the first screen of a report as a PNG."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.exit(f"no browser: install one of {', '.join(BROWSERS)}")
    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = running.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto(report.resolve().as_uri())
        page.wait_for_function("document.documentElement.dataset.figures === 'drawn'")
        end = page.evaluate("document.querySelector('.first').getBoundingClientRect().bottom")
        page.set_viewport_size({"width": WIDTH, "height": round(end) + MARGIN})
        page.screenshot(path=picture)
        running.close()


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/batch_norm")
    take(folder / "report.html", PICTURE)
    print(PICTURE)
