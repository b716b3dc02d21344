"""The answer in one sentence fits the design and the outcome."""

from pathlib import Path

import numpy as np
import pytest
from synthetic_records import Truth, synthetic

from litmus import Claim, Study, more
from litmus.design.plan import Arm
from litmus.evidence.summary import StudySummary, summarise
from litmus.records.answers import Answers, write_answers
from litmus.records.run_record import RunRecord
from litmus.report.answer import headline_of

NORM = {"model.name": "mlp", "data.name": "digits"}
PAIR = Study("pair", "Does it?", NORM, {"model.norm": ["none", "batch"]}, {"model.norm": "none"})
ACCURACY = "With batch norm accuracy is higher."


def summary(directory: Path, study: Study, truth: dict[str, list[Truth]]) -> StudySummary:
    """Return the summary of a study whose runs are given by arm and seed."""

    def left(arm: Arm, seed: int) -> Truth:
        return truth[arm.label][seed]

    synthetic(directory, study, left, seeds=len(next(iter(truth.values()))))
    return summarise(directory, study.claims)


def reached(*accuracies: float) -> list[Truth]:
    return [{"test_top1": value, "val_top1": value} for value in accuracies]


def test_two_arms_that_differ_and_two_that_do_not(tmp_path: Path) -> None:
    apart = {"norm none": reached(0.80, 0.81, 0.82), "norm batch": reached(0.90, 0.912, 0.921)}
    answer = headline_of(summary(tmp_path / "apart", PAIR, apart))
    assert answer == (
        "Test accuracy is higher with norm batch than with norm none: +10.10 [+9.85, +10.35] points over 3 seeds."
    )
    alike = {"norm none": reached(0.80, 0.81, 0.82), "norm batch": reached(0.81, 0.80, 0.83)}
    answer = headline_of(summary(tmp_path / "alike", PAIR, alike))
    assert answer.startswith("No difference in test accuracy is shown between norm batch and norm none: +0.33 [")
    assert answer.endswith("points would have been found.")


def test_what_diverged_crashed_or_is_missing_comes_first(tmp_path: Path) -> None:
    lost: dict[str, list[Truth]] = {"norm none": reached(0.8, 0.81, 0.82), "norm batch": ["diverged"] * 3}
    answer = headline_of(summary(tmp_path / "lost", PAIR, lost))
    assert answer == (
        "Diverged: norm batch (3 of 3 seeds); no rival of the baseline (norm none) finished, so there is nothing to "
        "compare."
    )
    partial: dict[str, list[Truth]] = {
        "norm none": reached(0.8, 0.81, 0.82),
        "norm batch": ["missing", *reached(0.9, 0.9)],
    }
    assert headline_of(summary(tmp_path / "partial", PAIR, partial)).startswith(
        "Partial: 1 of 6 runs have no result yet"
    )
    crashed = tmp_path / "crashed"
    summary(crashed, PAIR, partial)
    record = RunRecord(crashed / f"{0:012x}")
    record.write_status(**{**record.read_status(), "state": "crashed", "error": "out of memory"})
    assert headline_of(summarise(crashed)).startswith("Crashed: norm none (1 of 3 seeds); partial: 2 of 6 runs")


def test_leave_one_out_names_the_ingredient(tmp_path: Path) -> None:
    study = Study(
        "recipe",
        "Which?",
        NORM,
        {"model.norm": ["none", "batch"], "data.augment": ["none", "crop"]},
        {"model.norm": "none", "data.augment": "none"},
        design="leave_one_out",
    )
    truth = {
        "full recipe": reached(0.90, 0.91, 0.92),
        "full recipe, norm none": reached(0.70, 0.711, 0.722),
        "full recipe, augment none": reached(0.90, 0.912, 0.919),
    }
    answer = headline_of(summary(tmp_path, study, truth))
    assert answer.startswith("Of 2 ingredients 1 matters for test accuracy: norm batch helps (+19.90 [")
    assert answer.endswith("of the other no effect is shown.")


def test_claims_are_answered_with_their_effect(tmp_path: Path) -> None:
    claim = Claim(ACCURACY, more("test_top1", {"model.norm": "batch"}, than={"model.norm": "none"}))
    study = Study("claimed", "Does it?", NORM, PAIR.factors, PAIR.baseline, claims=[claim])
    truth = {"norm none": reached(0.80, 0.81, 0.82), "norm batch": reached(0.90, 0.912, 0.921)}
    answer = headline_of(summary(tmp_path, study, truth))
    assert answer == "Supported: “With batch norm accuracy is higher” (+10.10 [+9.85, +10.35] points)."


@pytest.mark.parametrize(("images", "named"), [(51, True), (5000, False)])
def test_a_test_set_too_small_for_the_difference_is_named(tmp_path: Path, images: int, named: bool) -> None:
    truth = {"norm none": reached(0.8, 0.8, 0.8), "norm batch": reached(0.8, 0.8, 0.8)}
    found = summary(tmp_path, PAIR, truth)
    right = np.arange(images) < 0.8 * images
    for result in found.analysis.arms:
        for run in result.arm.runs.values():
            write_answers(RunRecord(tmp_path / run), Answers(right=right))
    answer = headline_of(summarise(tmp_path))
    assert (
        "the difference is less than two images of the test set, which has 51: one is 1.96 points" in answer
    ) == named
