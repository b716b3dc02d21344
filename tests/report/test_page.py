"""The report of every study can be written, needs no network, and shows names as text."""

import html
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hostile_names import HOSTILE, SCRIPT
from synthetic_records import Truth, synthetic

from litmus import Claim, Study, more
from litmus.design.plan import Arm
from litmus.design.study_files import STUDIES
from litmus.report.page import write_index, write_report

BASE = {"model.name": "mlp", "data.name": "digits"}


FAST = ("residual_depth", "gradient_flow", "unet_skips")


@pytest.mark.parametrize(
    "name", [name if name in FAST else pytest.param(name, marks=pytest.mark.slow) for name in STUDIES.names()]
)
def test_a_report_is_written_from_partial_records(name: str, tmp_path: Path) -> None:
    study = STUDIES[name]
    first = next(iter(study.arms), None)

    def truth(arm: Arm, seed: int) -> Truth:
        if seed == 1 and not arm.is_baseline:
            return "diverged" if arm.label == first else "missing"
        rows = [(step, "layer", "decay_factor", 0.9 + step / 100) for step in (0, 1)]
        return {"test_top1": 0.9 + seed / 100, "val_top1": 0.8, "train_top1": 1.0, "probes": rows}

    synthetic(tmp_path, study, truth, seeds=2)
    text = html.unescape(write_report(tmp_path, study).path.read_text())
    assert text.count('data-label="verdict"') == len(study.claims)
    assert study.limits.get("quick", "")[:20] in text
    assert (tmp_path / "statistics.csv").read_text().startswith("metric,arm,baseline,mean,low,high,n")


def test_the_page_is_whole_and_needs_no_network(tmp_path: Path) -> None:
    study = STUDIES["batch_norm"]

    def truth(arm: Arm, seed: int) -> Truth:
        if arm.label == "norm none, lr 1.0":
            return "diverged" if seed else {"test_top1": 0.1, "val_top1": 0.1}
        if arm.label == "norm batch, lr 1.0" and seed:
            return "missing"
        return {"test_top1": 0.9 + seed / 100, "val_top1": 0.9, "curve": [{"step": 1, "val_top1": 0.9}]}

    synthetic(tmp_path, study, truth, seeds=3)
    report = write_report(tmp_path, study)
    text = report.path.read_text()
    assert "2 of 30 runs have no result" in report.answer
    assert "2 of 30 without a result" in text
    assert "1 of 3, 2 diverged" in text.replace("\N{NO-BREAK SPACE}", " ")
    # Test accuracy over the learning rate, and two learning curves; no cost in which the arms differ.
    assert text.count('class="plot"') == 3
    assert 'src="http' not in text
    assert "<script src" not in text


def test_arms_that_set_different_keys_are_no_factorial_study(tmp_path: Path) -> None:
    study = STUDIES["batch_norm_recipe"]
    assert len({len(levels) for levels in study.arms.values()}) > 1
    synthetic(tmp_path, study, lambda arm, seed: {"test_top1": 0.9, "val_top1": 0.8}, seeds=2)
    assert "all else equal" not in write_report(tmp_path, study).path.read_text()


def test_hostile_names_are_escaped_on_every_page(tmp_path: Path) -> None:
    arms = {name: {"optim.lr": 0.1 * (index + 1)} for index, name in enumerate(HOSTILE)}
    claim = Claim(SCRIPT, more("test_top1", HOSTILE[1], than=SCRIPT), paper=SCRIPT)
    study = Study("hostile", SCRIPT, BASE, ["optim.lr"], SCRIPT, arms=arms, claims=[claim])
    synthetic(tmp_path / "one", study, lambda arm, seed: {"test_top1": 0.9, "val_top1": 0.8}, seeds=2)
    for page in (write_report(tmp_path / "one", study).path, write_index(tmp_path, [tmp_path / "one"])):
        text = page.read_text()
        assert "<script>alert(" not in text
        assert "&lt;script&gt;alert(" in text
        assert '"><img src=x' not in text


def test_the_index_says_of_a_folder_that_cannot_be_read_why(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    text = write_index(tmp_path, [tmp_path / "empty"]).read_text()
    assert "unreadable" in text
    assert 'href="empty' not in text


def test_runs_without_a_finite_evaluation_and_uncounted_operations_are_named(tmp_path: Path) -> None:
    study = Study("told", "Is it told?", BASE, {"model.norm": ["none", "batch"]}, {"model.norm": "none"})

    def truth(arm: Arm, seed: int) -> Truth:
        cost = {"uncounted": ["_fft_r2c", "mine::kernel"]}
        return "not_finite" if seed and not arm.is_baseline else {"test_top1": 0.5, "val_top1": 0.5, "cost": cost}

    synthetic(tmp_path, study, truth, seeds=3)
    text = write_report(tmp_path, study).path.read_text()
    assert "4 runs finished, 2 gave no finite evaluation" in text
    assert "No finite evaluation: norm batch (2 of 3 seeds)" in text
    assert "1 of 3, 2 gave no finite evaluation" in text.replace("\N{NO-BREAK SPACE}", " ")
    assert "do not include _fft_r2c, mine::kernel." in text


def test_the_authors_words_are_markdown_and_no_html(tmp_path: Path) -> None:
    study = replace(
        STUDIES["batch_norm"],
        discussion="""
        # Ours

        Norm **helps** <script>alert(1)</script> ![far](https://example.org/a.png) [here](javascript:alert(1)).
    """,
    )
    synthetic(tmp_path, study, lambda arm, seed: {"test_top1": 0.9, "val_top1": 0.8}, seeds=2)
    text = write_report(tmp_path, study).path.read_text()
    assert "<h3>Ours</h3>" in text
    assert "Norm <strong>helps</strong> &lt;script&gt;" in text
    assert "<img" not in text
    assert 'href="javascript' not in text
    (tmp_path / "discussion.md").write_text("Another *word*.")
    text = write_report(tmp_path, study).path.read_text()
    assert "<p>Another <em>word</em>.</p>" in text
    assert "<h3>Ours" not in text
    # Every word that is explained where it appears is in the list of words.
    words = set(re.findall(r'href="#(word-[^"]*)"', text))
    assert {"word-paired", "word-Holm", "word-interval"} <= words <= set(re.findall(r'id="(word-[^"]*)"', text))
