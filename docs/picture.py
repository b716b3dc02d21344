"""The picture of a report in the README, for light and dark pages.

    litmus run batch_norm && python docs/picture.py

writes `docs/report.png` and `docs/report_dark.png`: the head of `runs/batch_norm/report.html` in headless Chromium. The
folder of another experiment may be named: `python docs/picture.py runs/batch_size`.
"""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from playwright.sync_api import sync_playwright

Theme = Literal["light", "dark"]
PICTURES: dict[Theme, Path] = {
    "light": Path(__file__).with_name("report.png"),
    "dark": Path(__file__).with_name("report_dark.png"),
}
WIDTH, HEIGHT, MARGIN = 1280, 900, 12
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def take(report: Path, pictures: Mapping[Theme, Path]) -> None:
    """Write the first screen of a report as a PNG, by theme."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.exit(f"no browser: install one of {', '.join(BROWSERS)}")
    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        for theme, path in pictures.items():
            page = running.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=theme)
            page.goto(report.resolve().as_uri())
            page.wait_for_function("document.documentElement.dataset.figures === 'drawn'")
            end = page.evaluate("document.querySelector('.first').getBoundingClientRect().bottom")
            page.set_viewport_size({"width": WIDTH, "height": round(end) + MARGIN})
            page.screenshot(path=path)
        running.close()


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/batch_norm")
    take(folder / "report.html", PICTURES)
    print(*PICTURES.values(), sep="\n")
