"""The page in headless Chromium: nothing breaks, nothing is fetched, and a reader can use it."""

import json
import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hostile_names import HOSTILE
from synthetic_records import Truth, synthetic

from litmus import ByLayer, Claim, Study, more
from litmus.design.plan import Arm
from litmus.design.study_files import STUDIES
from litmus.records.answers import Answers, write_answers
from litmus.records.run_record import run_records
from litmus.records.storage import write_atomically
from litmus.report.images import FINGERPRINT, image_file, png
from litmus.report.page import write_index, write_report

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install -e '.[test]'")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium"),
    pytest.mark.xdist_group("browser"),
]
DRAWN = "document.documentElement.dataset.figures === 'drawn'"
WIDTHS = (360, 1280, 1920)


def curve(end: float, seed: int, length: int = 12) -> list[dict[str, float]]:
    """Return the evaluations of a run that approaches `end`."""
    return [
        {
            "step": 10 * step,
            "epoch": step / 2,
            "val_top1": end * (1 - math.exp(-step / 3)) + 0.002 * seed,
            "train_loss": math.exp(-step / 4) + 0.01 * seed,
        }
        for step in range(1, length + 1)
    ]


def truth(arm: Arm, seed: int) -> Truth:
    """Return what a run leaves: accuracy by its arm, one arm that diverges, one run that is missing."""
    norm, lr = arm.levels["model.norm"], arm.levels["optim.lr"]
    if norm == "none" and lr == 1.0:
        return "diverged"
    if norm == "batch" and lr == 1.0 and seed == 2:
        return "missing"
    end = 0.97 - 0.02 * (norm == "none") - 0.01 * lr + 0.003 * seed
    layers = [(0, f"layer{index}", "weight_gradient_norm", 0.9**index) for index in range(6)]
    return {
        "test_top1": end, "val_top1": end, "fit_top1": min(1.0, end + 0.02), "steps": 120,
        "curve": curve(end, seed), "probes": layers,
    }  # fmt: skip


def give_pictures(directory: Path) -> None:
    """Have a study's runs answer to four test images, one of them wrong, and write the pictures of those."""
    for index, record in enumerate(run_records(directory)):
        given = np.array([0, 1, 2, index % 3])
        write_answers(record, Answers(given, np.array([0, 1, 2, 0])))
    pixels = torch.arange(3 * 64 * 64).remainder(256).to(torch.uint8).reshape(3, 64, 64)
    for image in range(4):
        write_atomically(image_file(directory, image), png(pixels, texts={FINGERPRINT: "f"}))


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of ten arms, one diverged, one with a run missing, with its report."""
    directory = tmp_path_factory.mktemp("browser") / "batch_norm"
    synthetic(directory, STUDIES["batch_norm"], truth, seeds=3)
    give_pictures(directory)
    write_report(directory)
    return directory


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study whose arms, question and claim have hostile names, with its report."""
    arms = {name: {"optim.lr": 0.1 * (index + 1)} for index, name in enumerate(HOSTILE)}
    study = Study(
        name="hostile",
        question=HOSTILE[0] + HOSTILE[1],
        base={"model.name": "mlp", "data.name": "digits", "data.augment": "crop"},
        factors=["optim.lr"],
        arms=arms,
        baseline=HOSTILE[0],
        claims=[Claim(HOSTILE[1], more("test_top1", HOSTILE[1], than=HOSTILE[0]), paper=HOSTILE[5])],
        plots=[ByLayer("weight_gradient_norm", HOSTILE[1])],
    )

    def ends(arm: Arm, seed: int) -> Truth:
        end = 0.9 + 0.01 * arm.levels["optim.lr"] + 0.001 * seed
        rows = [(0, HOSTILE[0], "weight_gradient_norm", 0.5), (0, HOSTILE[1], "weight_gradient_norm", 0.25)]
        return {"test_top1": end, "val_top1": end, "curve": curve(end, seed), "probes": rows}

    directory = tmp_path_factory.mktemp("hostile") / "hostile"
    synthetic(directory, study, ends, seeds=2)
    give_pictures(directory)
    write_report(directory, study)
    return directory


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium."""
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield running
        running.close()


class Watched:
    """A page with all that it complained of and asked the network for."""

    def __init__(self, browser: Any, path: Path, width: int = 1280, scheme: str = "light") -> None:
        self.page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.complaints.append(f"dialog {dialog.message}"), dialog.dismiss()))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())
        if self.page.query_selector(".plot"):
            self.page.wait_for_function(DRAWN, timeout=60_000)

    def at(self, width: int) -> Any:
        """Return the page, scrolled to its top in a window of this width."""
        self.page.set_viewport_size({"width": width, "height": 900})
        self.page.evaluate("scrollTo(0, 0)")
        return self.page

    def check(self) -> None:
        """Fail where the page complained, or fetched something."""
        assert self.complaints == []
        assert [url for url in self.requests[1:] if not url.startswith(("data:", "blob:"))] == []


# Each page is opened once, because its figures take seconds, and in the narrowest window, which lays them out anew.
@pytest.fixture(scope="module")
def report(browser: Any, directory: Path) -> Iterator[Watched]:
    """The report of twelve arms, which complains of nothing whatever a reader does."""
    seen = Watched(browser, directory / "report.html", WIDTHS[0])
    yield seen
    seen.check()


@pytest.fixture(scope="module")
def hostile_report(browser: Any, hostile: Path) -> Iterator[Watched]:
    """The report of the study of hostile names."""
    seen = Watched(browser, hostile / "report.html", WIDTHS[0])
    yield seen
    seen.check()


def wider_than_the_page(page: Any) -> list[str]:
    """Return which parts of the page are cut off, or reach beyond it."""
    return page.evaluate(
        """() => [...document.querySelectorAll('body *')].filter(each => {
            const box = each.getBoundingClientRect();
            const apart = each.closest('.plot, #js-plotly-tester, .skip, thead');
            if (!box.width || apart) return false;
            return box.right > document.documentElement.clientWidth + 1 || box.left < -1;
        }).map(each => `${each.tagName}: ${each.textContent.slice(0, 40)}`)"""
    )


def test_nothing_is_fetched_nothing_breaks_and_the_page_fits_every_width(
    report: Watched, hostile_report: Watched
) -> None:
    for seen in (report, hostile_report):
        seen.check()
        drawn = seen.page.evaluate("[...document.querySelectorAll('.plot')].map(each => each.data.length)")
        assert len(drawn) >= 4
        assert all(drawn)
        seen.page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        for width in WIDTHS:
            page = seen.at(width)
            page.wait_for_function(f"document.documentElement.scrollWidth <= {width}")  # figures follow the window
            assert wider_than_the_page(page) == []
        seen.page.evaluate("document.querySelectorAll('details').forEach(each => each.open = false)")


def test_the_answer_and_the_forest_plot_are_on_the_first_screen(report: Watched) -> None:
    page = report.at(1280)
    for part in (".answer", ".forest svg", ".effect .verdict"):
        assert page.locator(part).first.bounding_box()["y"] < 900
    answer = page.locator(".answer").inner_text().replace("\N{NO-BREAK SPACE}", " ")
    assert answer == "No claim is decided yet: 1 of 30 runs have no result."


def test_hostile_names_appear_as_text(hostile_report: Watched) -> None:
    page = hostile_report.at(1280)
    labels = page.locator("table[aria-label='Results by arm'] tbody th").all_inner_texts()
    shown = [label.removesuffix("\n(baseline)") for label in labels]
    assert shown == [" ".join(name.split()) for name in HOSTILE]
    assert page.locator("h1").inner_text() == HOSTILE[0] + HOSTILE[1]
    assert page.locator("img.thumbnail").first.get_attribute("alt") == "Test image 3"
    assert page.evaluate("[...document.images].every(each => each.naturalWidth >= 64)")
    assert page.evaluate("document.querySelectorAll('.plot .legendtext').length")
    assert not page.query_selector("img[src=x]")


def test_tables_sort_by_number_and_back(report: Watched) -> None:
    page = report.at(1280)
    table = page.locator("table[aria-label='Results by arm']")
    heading = table.locator("thead button").nth(1)

    def accuracies() -> list[float]:
        cells = table.locator("tbody tr td:nth-child(2)").all_inner_texts()
        return [float(cell.split()[0]) for cell in cells if cell.strip("– ")]

    heading.focus()
    page.keyboard.press("Enter")
    assert accuracies() == sorted(accuracies())
    assert table.locator("thead th").nth(1).get_attribute("aria-sort") == "ascending"
    page.keyboard.press("Enter")
    assert accuracies() == sorted(accuracies(), reverse=True)


def test_curves_are_switched_singled_out_and_opened(report: Watched) -> None:
    page = report.at(1280)
    figure = page.locator("figure:has-text('Validation accuracy while training')").first
    plot, over = figure.locator(".plot"), figure.locator("select").first
    last = "each => Math.max(...each.data.filter(t => t.hovertemplate).flatMap(t => t.x))"
    assert plot.evaluate(last) == 120
    over.select_option("epoch")
    assert plot.evaluate(last) == 6
    over.select_option("images")
    assert plot.evaluate(last) == 120 * 64
    figure.locator("select").nth(1).select_option("one")
    lines = plot.evaluate("each => each.data.length")
    figure.get_by_role("button", name="Single seeds").click()
    assert plot.evaluate("each => each.data.length") == lines + 26
    figure.get_by_role("button", name="Single seeds").click()
    figure.scroll_into_view_if_needed()
    box = plot.locator(".nsewdrag").first.bounding_box()
    for percent in range(2, 98, 2):  # until a line lies under the pointer
        page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + box["height"] * percent / 100)
        page.wait_for_timeout(40)
        if plot.locator(".hoverlayer .hovertext").count():
            break
    assert plot.evaluate("each => each.data.filter(t => t.opacity === 0.12).length") > 0
    figure.locator("summary", has_text="Choose among").click()
    figure.locator(".arms input").first.uncheck()
    assert plot.evaluate("each => new Set(each.data.map(t => t.legendgroup)).size") == 8


def test_figures_that_cannot_be_drawn_say_so(browser: Any, report: Watched, directory: Path, tmp_path: Path) -> None:
    assert not report.page.locator(".undrawn").is_visible()
    broken = tmp_path / "broken.html"
    broken.write_text((directory / "report.html").read_text().replace('id="packed-plotly">', 'id="packed-plotly">!'))
    page = browser.new_page()
    with page.expect_event("pageerror"):
        page.goto(broken.as_uri())
    assert page.locator(".undrawn").is_visible()
    page.close()


def test_dark_light_and_print(report: Watched) -> None:
    page = report.at(1280)
    page.emulate_media(color_scheme="dark")
    background = "getComputedStyle(document.body).backgroundColor"
    ink = "document.querySelector('.plot').layout.font.color"
    assert page.evaluate(background) == "rgb(15, 20, 26)"
    dark = page.evaluate(ink)
    page.get_by_role("button", name="Light colours").click()
    assert page.evaluate(background) == "rgb(255, 255, 255)"
    assert page.evaluate(ink) != dark
    page.get_by_role("button", name="Dark colours").click()
    assert page.pdf(format="A4").count(b"/Type /Page\n") >= 2
    page.emulate_media(media="print")
    assert page.evaluate(background) == "rgb(255, 255, 255)"


@pytest.mark.slow
def test_axe_finds_nothing_serious(browser: Any, directory: Path, hostile: Path, tmp_path: Path) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    pages = [(directory / "report.html", "light"), (directory / "report.html", "dark")]
    pages += [(hostile / "report.html", "dark"), (write_index(tmp_path, [directory]), "light")]
    for path, scheme in pages:
        page = Watched(browser, path, scheme=scheme).page
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        found = axe.Axe().run(page).response["violations"]
        serious = [each for each in found if each["impact"] in ("serious", "critical")]
        assert not serious, json.dumps(
            [(each["id"], [node["html"][:160] for node in each["nodes"][:3]]) for each in serious], indent=1
        )
        page.close()
