"""How long a report takes to open in a browser, and how large it is.

    python -m benchmarks.opening [--runs 1000]

Writes so many records (`benchmarks/scaling.py` says how), their report, and opens it in headless Chromium five times:
seconds until the page is loaded, until its figures can be read, and the size of the file.
"""

import argparse
import math
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from benchmarks.scaling import SETTINGS, one_run, write_records
from docs.picture import BROWSERS
from litmus.design.plan import expand
from litmus.design.study import Study
from litmus.report.page import write_report

ROUNDS = 5


def main() -> None:
    """Print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    arguments = parser.parse_args()
    os.environ.update(WANDB_MODE="disabled", OMP_NUM_THREADS="1")
    arms = max(number for number in range(1, math.isqrt(arguments.runs) + 1) if arguments.runs % number == 0)
    levels = [round(0.001 * (number + 1), 3) for number in range(arms)]
    study = Study("opened", "What does optim.lr change?", SETTINGS, {"optim.lr": levels}, {"optim.lr": levels[0]})
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        write_records(expand(study, seeds=arguments.runs // arms), one_run(out), out)
        page = write_report(out / "opened").path
        with sync_playwright() as driver:
            browser = driver.chromium.launch(
                executable_path=next(filter(None, map(shutil.which, BROWSERS))), args=["--no-sandbox"]
            )
            times = [seconds(browser, page) for _ in range(ROUNDS)]
        loaded, drawn = (statistics.median(each) for each in zip(*times, strict=True))
        print(
            f"{arguments.runs} runs, {arms} arms: {page.stat().st_size / 1e6:.2f} MB, loaded after {loaded:.2f} s, "
            f"figures drawn after {drawn:.2f} s"
        )


def seconds(browser: Browser, page: Path) -> tuple[float, float]:
    """Return the seconds until a page is loaded, and until its first figures are drawn."""
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    began = time.perf_counter()
    tab.goto(page.resolve().as_uri())
    loaded = time.perf_counter() - began
    tab.wait_for_function("document.documentElement.dataset.figures === 'drawn'")
    drawn = time.perf_counter() - began
    tab.close()
    return loaded, drawn


if __name__ == "__main__":
    main()
