"""The answer fits the design and the outcome, and says no more than the records do."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from synthetic_records import Truth, synthetic

from litmus import Claim, Study, exceeds, more
from litmus.design.plan import Arm
from litmus.design.study_files import STUDIES
from litmus.evidence.summary import StudySummary, summarise
from litmus.records.run_record import RunRecord
from litmus.report.answer import answer_of, cautions_of, next_step
from litmus.report.forest import arm_groups

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


def test_what_diverged_crashed_or_is_missing_is_told_beside_the_answer(tmp_path: Path) -> None:
    diverged: dict[str, list[Truth]] = {**APART, "norm batch": ["diverged"] * 3}
    found = summary(tmp_path / "diverged", PAIR, diverged)
    assert answer_of(found) == "No rival of the baseline (norm none) finished, so there is nothing to compare."
    assert cautions_of(found) == ["Diverged: norm batch (3 of 3 seeds)."]
    not_finite: dict[str, list[Truth]] = {**APART, "norm batch": ["not_finite", "diverged", *reached(0.9)]}
    assert cautions_of(summary(tmp_path / "not finite", PAIR, not_finite)) == [
        "Diverged: norm batch (1 of 3 seeds).",
        "No finite evaluation: norm batch (1 of 3 seeds).",
    ]
    partial: dict[str, list[Truth]] = {**APART, "norm batch": ["missing", *reached(0.9, 0.9)]}
    found = summary(tmp_path / "partial", PAIR, partial)
    assert cautions_of(found) == ["Partial: 1 of 6 runs have no result yet."]
    assert next_step(found, "litmus run pair") == "litmus run pair  (1 run without a result)"
    record = RunRecord(tmp_path / "partial" / f"{0:012x}")
    record.write_status(**{**record.read_status(), "state": "crashed", "error": "out of memory"})
    crashed, missing = cautions_of(summarise(tmp_path / "partial"))
    assert (crashed, missing[:27]) == ("Crashed: norm none (1 of 3 seeds).", "Partial: 2 of 6 runs have n")


NOISE = (0.0, 0.01, -0.01, 0.003)


def claimed(directory: Path, gain: float, *claims: Claim, seeds: int = 4) -> StudySummary:
    """Return the summary of a pair of arms of which batch norm gains so much, with claims."""
    rival = [0.8 + gain + NOISE[seed] for seed in (1, 0, 3, 2)][:seeds]
    study = Study("claimed", "Does it?", NORM, PAIR.factors, NONE, claims=claims)
    truth = {"norm none": reached(*(0.8 + each for each in NOISE[:seeds])), "norm batch": reached(*rival)}
    return summary(directory, study, truth)


@pytest.mark.parametrize(
    ("gain", "alone", "yes", "no"),
    [
        (0.1, "“With batch norm accuracy is higher”, supported", "Yes", "No"),
        (-0.1, "“With batch norm accuracy is higher”, opposite", "No", "Yes"),
        (0.0, "“With batch norm accuracy is higher”, inconclusive", "Inconclusive", "Inconclusive"),
    ],
)
def test_one_claim_is_answered_with_what_its_arms_reached(
    gain: float, alone: str, yes: str, no: str, tmp_path: Path
) -> None:
    for name, begin, claim in (
        ("alone", alone, CLAIM),
        ("yes", yes, replace(CLAIM, answers="yes")),
        ("no", no, replace(CLAIM, answers="no")),
    ):
        answer = answer_of(claimed(tmp_path / name, gain, claim))
        numbers = f"test accuracy is {80.1 + 100 * gain:.1f} % (norm batch) and 80.1 % (norm none), a difference of "
        assert answer.startswith(f"{begin}: {numbers}{100 * gain:+.2f} [")
        assert answer.endswith("] points.")


def test_several_claims_are_answered_together(tmp_path: Path) -> None:
    yes = replace(CLAIM, answers="yes")
    error = Claim("Its error is lower.", more("test_error", NONE, than=BATCH), answers="yes")
    level = Claim("It reaches 80 %.", exceeds("test_top1", BATCH), threshold=0.8, answers="yes")
    assert answer_of(claimed(tmp_path / "yes", 0.1, yes, error)) == (
        "Yes: test accuracy is 90.1 % (norm batch) and 80.1 % (norm none), test error is 19.9 % (norm none) and 9.9 % "
        "(norm batch)."
    )
    far = Claim("By far.", more("test_top1", BATCH, than=NONE), threshold=0.5)
    assert answer_of(claimed(tmp_path / "part", 0.1, yes, replace(far, answers="yes"))) == (
        "In part. Supported: test accuracy is 90.1 % (norm batch) and 80.1 % (norm none); smaller than claimed: test "
        "accuracy is 90.1 % (norm batch) and 80.1 % (norm none)."
    )
    assert answer_of(claimed(tmp_path / "counted", 0.1, CLAIM, far)).startswith(
        "Of 2 claims, 1 is supported and 1 is smaller than claimed. "
    )
    secondary = replace(far, answers="no")
    primary = answer_of(claimed(tmp_path / "primary", 0.1, replace(yes, primary=True), secondary))
    assert primary.startswith("Yes: test accuracy is 90.1 % (norm batch)")
    assert "80.1 %" not in answer_of(claimed(tmp_path / "level", 0.1, level))


def test_what_only_holms_correction_leaves_open_is_said_so(tmp_path: Path) -> None:
    claims = [Claim(f"{index}.", more("test_top1", BATCH, than=NONE)) for index in range(30)]
    found = claimed(tmp_path, 0.03, *claims)
    assert {finding.verdict for _, finding in found.findings} == {"supported"}
    answer = answer_of(found)
    assert answer.startswith("None of 30 claims is decided after Holm's correction: test accuracy is 83.1 % (norm")
    assert answer.endswith("; and 26 more claims.")


def test_a_side_of_several_arms_is_named_by_what_they_have_in_common(tmp_path: Path) -> None:
    study = STUDIES["batch_norm"]

    def truth(arm: Arm, seed: int) -> Truth:
        better, lr = arm.levels["model.norm"] == "batch", float(arm.levels["optim.lr"])
        end = 0.7 + 0.2 * better + 0.001 * seed * (1 + better) - 0.01 * lr
        return {"test_top1": end, "val_top1": end}

    claim = Claim("Batch norm reaches a higher accuracy.", more("test_top1", BATCH, than=NONE), answers="yes")
    synthetic(tmp_path, study, truth, seeds=5)
    assert answer_of(summarise(tmp_path, [claim])).startswith(
        "Yes: test accuracy is 90.5 % (norm batch at its best lr) and 70.2 % (norm none at its best lr), a difference"
    )
    # Without claims the best arm is named, with a verdict that holds among all of them.
    answer = answer_of(summarise(tmp_path))
    assert answer.startswith("Norm batch, lr 0.01 is best of 10 arms on the validation split; its test accuracy is 90.")
    assert answer.endswith("] points against the baseline (norm none, lr 0.03).")


@pytest.mark.parametrize(("extra", "begin"), [(0.1, "The effect of norm depends on lr"), (0.0, "No interaction of")])
def test_of_two_by_two_arms_the_interaction_is_told(extra: float, begin: str, tmp_path: Path) -> None:
    factors = {"model.norm": ["none", "batch"], "optim.lr": [0.1, 0.2]}
    study = Study("square", "How?", NORM, factors, {"model.norm": "none", "optim.lr": 0.1})

    def truth(arm: Arm, seed: int) -> Truth:
        both = arm.label == "norm batch, lr 0.2"
        value = 0.6 + 0.05 * ("batch" in arm.label) + extra * both + (both + 1) * NOISE[(seed + both) % 4] / 10
        return {"test_top1": value, "val_top1": value}

    synthetic(tmp_path, study, truth, seeds=4)
    answer = answer_of(summarise(tmp_path))
    assert answer.startswith(begin)
    assert "norm batch changes test accuracy by +5." in answer
    assert f" points at lr 0.1 and by {5 + 100 * extra:+.0f}." in answer
    assert answer.endswith("points over 4 seeds.")
    row = arm_groups(summarise(tmp_path))[0].rows[0]
    assert (row.label, row.verdict) == ("Interaction of norm and lr", "positive" if extra else "inconclusive")


def test_more_seeds_are_recommended_where_they_decide_and_named_where_they_do_not(tmp_path: Path) -> None:
    near = claimed(tmp_path / "near", 0.01, CLAIM)
    assert re.fullmatch(
        r"litmus run it --seeds \d{1,2}  \(would decide the open claim\)", next_step(near, "litmus run it")
    )
    far = next_step(claimed(tmp_path / "far", 0.0005, CLAIM), "litmus run it")
    assert far.startswith(
        "more seeds will not decide “With batch norm accuracy is higher”: each arm would need over 100"
    )
    assert next_step(claimed(tmp_path / "decided", 0.1, CLAIM)) == ""


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
    assert answer.endswith("points); of the other no effect is shown.")
