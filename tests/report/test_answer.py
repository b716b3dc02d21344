"""The answer fits the design and the outcome, and says no more than the records do."""

from pathlib import Path

import numpy as np
import pytest
from synthetic_records import Truth, synthetic

from litmus import Claim, Study, more
from litmus.design.plan import Arm
from litmus.design.study_files import STUDIES
from litmus.evidence.summary import StudySummary, summarise
from litmus.records.answers import Answers, write_answers
from litmus.records.run_record import RunRecord
from litmus.report.answer import answer_of, divergence_note

NORM = {"model.name": "mlp", "data.name": "digits"}
NONE, BATCH = {"model.norm": "none"}, {"model.norm": "batch"}
CLAIM = Claim("With batch norm accuracy is higher.", more("test_top1", BATCH, than=NONE))
PAIR = Study("pair", "Does it?", NORM, {"model.norm": ["none", "batch"]}, NONE)


def summary(directory: Path, study: Study, truth: dict[str, list[Truth]]) -> StudySummary:
    """Return the summary of a study whose runs are given by arm and seed."""

    def left(arm: Arm, seed: int) -> Truth:
        return truth[arm.label][seed]

    synthetic(directory, study, left, seeds=len(next(iter(truth.values()))))
    return summarise(directory, study.claims)


def reached(*accuracies: float) -> list[Truth]:
    return [{"test_top1": value, "val_top1": value} for value in accuracies]


APART = {"norm none": reached(0.80, 0.81, 0.82), "norm batch": reached(0.90, 0.912, 0.921)}


def test_two_arms_that_differ_and_two_that_do_not(tmp_path: Path) -> None:
    assert answer_of(summary(tmp_path / "apart", PAIR, APART)) == (
        "Test accuracy is higher with norm batch (91.10 %) than with norm none (81.00 %): "
        "+10.10 [+9.85, +10.35] points over 3 seeds."
    )
    alike = {"norm none": reached(0.80, 0.81, 0.82), "norm batch": reached(0.81, 0.80, 0.83)}
    answer = answer_of(summary(tmp_path / "alike", PAIR, alike))
    assert answer.startswith(
        "No difference in test accuracy is shown between norm batch (81.33 %) and norm none (81.00 %): +0.33 ["
    )
    assert answer.endswith("points would have been found.")


def test_what_diverged_crashed_or_is_missing_comes_first(tmp_path: Path) -> None:
    diverged: dict[str, list[Truth]] = {**APART, "norm batch": ["diverged"] * 3}
    assert answer_of(summary(tmp_path / "diverged", PAIR, diverged)) == (
        "Diverged: norm batch (3 of 3 seeds). No rival of the baseline (norm none) finished, so there is nothing to "
        "compare."
    )
    not_finite: dict[str, list[Truth]] = {**APART, "norm batch": ["not_finite", "diverged", *reached(0.9)]}
    assert answer_of(summary(tmp_path / "not finite", PAIR, not_finite)).startswith(
        "Diverged: norm batch (1 of 3 seeds). No finite evaluation: norm batch (1 of 3 seeds). No difference"
    )
    partial: dict[str, list[Truth]] = {**APART, "norm batch": ["missing", *reached(0.9, 0.9)]}
    found = summary(tmp_path / "partial", PAIR, partial)
    assert answer_of(found).startswith("Partial: 1 of 6 runs have no result yet. ")
    record = RunRecord(tmp_path / "partial" / f"{0:012x}")
    record.write_status(**{**record.read_status(), "state": "crashed", "error": "out of memory"})
    answer = answer_of(summarise(tmp_path / "partial"))
    assert answer.startswith("Crashed: norm none (1 of 3 seeds). Partial: 2 of 6 runs")


def test_claims_are_named_by_verdict_with_the_first_effect_and_then_the_best_arm(tmp_path: Path) -> None:
    study = STUDIES["batch_norm"]

    def truth(arm: Arm, seed: int) -> Truth:
        better, lr = arm.levels["model.norm"] == "batch", float(arm.levels["optim.lr"])
        if not better and lr > 1:
            return "diverged"
        end = 0.7 + 0.2 * better + 0.001 * seed * (1 + better) - 0.01 * lr
        curve = [{"step": 10 * step, "val_top1": end if step > (1 if better else 4) else 0.1} for step in range(1, 7)]
        return {"test_top1": end, "val_top1": end, "curve": curve}

    synthetic(tmp_path, study, truth, seeds=5)
    answer = answer_of(summarise(tmp_path, study.claims))
    faster, higher_limit, higher = (claim.sentence.rstrip(".") for claim in study.claims)
    assert answer.startswith("Diverged: norm none, lr 3.0 (5 of 5 seeds). Supported: “")
    supported = answer.partition("Supported: ")[2].partition(". Best")[0]
    assert all(f"“{sentence}”" in supported for sentence in (faster, higher_limit, higher))
    assert supported.count(" (") == 1  # of the first claim alone the effect is named
    best = answer.partition("Best on the validation split: ")[2]
    assert best.startswith("norm batch, lr 0.01, test accuracy 90.")
    assert "each seed's arm chosen by the seeds before it" in best


@pytest.mark.parametrize(("gain", "verdict"), [(0.1, "Supported"), (-0.1, "Opposite"), (0.0, "Inconclusive")])
def test_a_claim_has_the_verdict_that_its_records_carry(gain: float, verdict: str, tmp_path: Path) -> None:
    noise = (0.0, 0.01, -0.01, 0.003)
    rival = [0.8 + gain + noise[seed] for seed in (1, 0, 3, 2)]
    study = Study("claimed", "Does it?", NORM, PAIR.factors, NONE, claims=[CLAIM])
    truth = {"norm none": reached(*(0.8 + each for each in noise)), "norm batch": reached(*rival)}
    answer = answer_of(summary(tmp_path, study, truth))
    assert answer.startswith(f"{verdict}: “With batch norm accuracy is higher” ({100 * gain:+.2f} [")


def test_leave_one_out_names_the_ingredient(tmp_path: Path) -> None:
    factors = {"model.norm": ["none", "batch"], "data.augment": ["none", "crop"]}
    baseline = {"model.norm": "none", "data.augment": "none"}
    study = Study("recipe", "Which?", NORM, factors, baseline, design="leave_one_out")
    truth = {
        "full recipe": reached(0.90, 0.91, 0.92),
        "full recipe, norm none": reached(0.70, 0.711, 0.722),
        "full recipe, augment none": reached(0.90, 0.912, 0.919),
    }
    answer = answer_of(summary(tmp_path, study, truth))
    assert answer.startswith("Of 2 ingredients 1 matters for test accuracy: norm batch helps (+19.90 [")
    assert "points); of the other no effect is shown. " in answer


@pytest.mark.parametrize(("images", "named"), [(51, True), (5000, False)])
def test_a_test_set_too_small_for_the_difference_is_named(tmp_path: Path, images: int, named: bool) -> None:
    found = summary(tmp_path, PAIR, {label: reached(0.8, 0.8, 0.8) for label in APART})
    answers = Answers(given=(np.arange(images) < 0.8 * images).astype(int), true=np.ones(images, int))
    for result in found.analysis.arms:
        for run in result.arm.runs.values():
            write_answers(RunRecord(tmp_path / run), answers)
    small = "The difference is less than two images of the test set, which has 51: one is 1.96 points"
    assert (small in answer_of(summarise(tmp_path))) == named


def test_intervals_that_divergence_widens_are_explained(tmp_path: Path) -> None:
    diverged: dict[str, list[Truth]] = {**APART, "norm batch": ["diverged", *reached(0.9, 0.912)]}
    found = summary(tmp_path / "diverged", PAIR, diverged)
    assert "the step of their fall to guessing, 10.00 %" in divergence_note(found.analysis)
    assert divergence_note(summary(tmp_path / "none", PAIR, APART).analysis) == ""
