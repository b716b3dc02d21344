"""The analysis and its report on records whose truth is known."""

import json
import math
from pathlib import Path

import pandas as pd
import pytest
import yaml
from synthetic_records import Truth
from synthetic_records import synthetic as records_of

from litmus import load
from litmus.design.plan import Arm, Plan, expand
from litmus.design.study import Study
from litmus.design.study_files import STUDIES
from litmus.evidence.arm_table import arm_statistics
from litmus.evidence.differences import difference
from litmus.evidence.results import Analysis, analyse
from litmus.evidence.units import POINTS
from litmus.records.run_record import RunRecord
from litmus.records.storage import to_json
from litmus.records.study_record import write_study_record
from litmus.report.page import write_report
from litmus.report.tables import comparisons
from litmus.training.config import resolve
from litmus.training.run import Run

batch_norm = STUDIES["batch_norm"]
NORM_AND_LR = {"model.norm": ["none", "batch"], "optim.lr": [0.1, 1.0]}


def synthetic(directory: Path, accuracy: dict[tuple[str, float], list[float | None]], study: Study) -> Analysis:
    """Write the records of a study whose test and validation accuracies are given; None is a diverged run."""
    plan = expand(study, seeds=max(map(len, accuracy.values())), vary=NORM_AND_LR)
    runs = [
        Run(f"{index:012x}", study.name, arm.label, arm.levels, arm.config.with_seed(seed), directory / f"{index:012x}")
        for index, (arm, seed) in enumerate(plan.runs())
    ]
    write_study_record(directory, plan.record(runs, {}))
    for run in runs:
        values = accuracy.get((run.levels["model.norm"], run.levels["optim.lr"]), [])
        if run.config.seed < len(values):
            record(run, values[run.config.seed])
    return analyse(directory)


def record(run: Run, accuracy: float | None) -> None:
    run.directory.mkdir(parents=True)
    state = "finished" if accuracy is not None else "diverged"
    record = RunRecord(run.directory)
    record.write_status(state=state, study=run.study, arm=run.arm, seed=run.config.seed, attempts=1)
    record.config_file.write_text(yaml.safe_dump(run.config.as_dict()))
    metrics = {} if accuracy is None else {"val_top1": accuracy, "test_top1": accuracy, "train_top1": accuracy}
    summary = {
        "state": state,
        "diverged_at_step": None if accuracy is not None else 3,
        "metrics": {**metrics, "train_loss": math.nan},
        "cost": {"parameters": 10, "flops": 20, "activations": 30},
        "seconds": 1.0,
        "normalisation": {"global_batch": 64, "batch_per_device": 64, "synchronised": False, "statistics_over": 64},
        "data": {"fingerprint": "f", "num_classes": 10},
        "environment": {"code": "abc", "torch": "2.8" if run.config.seed else "2.9", "device": "cpu"},
    }
    record.summary_file.write_text(to_json(summary))
    # A faster network reaches its accuracy sooner.
    steps = [10, 20, 30, 40]
    reached = 20 if run.levels["model.norm"] == "batch" else 40
    values = [(accuracy or 0.1) if step >= reached else 0.1 for step in steps]
    rows = pd.DataFrame({"kind": "evaluation", "step": steps, "epoch": 1, "lr": 0.1, "train_loss": 1.0,
                         "train_top1": values, "val_loss": 1.0, "val_top1": values, "val_top5": values})  # fmt: skip
    rows.to_csv(record.metrics_file, index=False)


GOOD = {
    ("none", 0.1): [0.90, 0.91, 0.92],
    ("none", 1.0): [None, None, 0.10],
    ("batch", 0.1): [0.95, 0.965, 0.97],
    ("batch", 1.0): [0.93, 0.94, 0.95],
}


def test_estimates_differences_and_counts(tmp_path: Path) -> None:
    analysis = synthetic(tmp_path, GOOD, batch_norm)
    arms = {result.label: result for result in analysis.arms}
    best = analysis.best()
    assert best is not None
    assert best.label == "norm batch, lr 0.1"
    found = difference(analysis, arms["norm batch, lr 0.1"], "test_top1", to=arms["norm none, lr 0.1"])
    assert found.n == 3
    assert found.mean == pytest.approx((0.05 + 0.055 + 0.05) / 3)
    assert found.excludes_zero
    diverging = arms["norm none, lr 1.0"]
    assert (diverging.count("diverged"), diverging.count("finished"), diverging.missing) == (2, 1, 0)
    assert list(diverging.values("test_top1")) == [2]
    assert analysis.matched(arms["norm batch, lr 1.0"], "model.norm") is diverging
    assert analysis.chance == 0.1
    assert [all(analysis.trained(arms[label]).values()) for label in arms] == [True, False, True, True]


def test_claims_that_hold_are_supported_and_of_their_opposites_the_opposite(tmp_path: Path) -> None:
    faster, higher_lr, higher = (claim.find for claim in batch_norm.claims)
    good = synthetic(tmp_path / "good", GOOD, batch_norm)
    # The limits are a step apart in all three seeds, and known to a step.
    assert [test(good).verdict for test in (faster, higher_lr, higher)] == ["supported", "inconclusive", "supported"]
    assert "1 with norm batch, 0.1 with norm none" in higher_lr(good).evidence
    swapped = {({"none": "batch", "batch": "none"}[norm], lr): values for (norm, lr), values in GOOD.items()}
    bad = synthetic(tmp_path / "bad", swapped, batch_norm)
    assert [test(bad).verdict for test in (higher_lr, higher)] == ["inconclusive", "opposite"]


def test_what_the_records_do_not_carry_is_inconclusive(tmp_path: Path) -> None:
    faster, higher_lr, higher = (claim.find for claim in batch_norm.claims)
    noisy = {**GOOD, ("batch", 0.1): [0.99, 0.80, 0.97], ("batch", 1.0): [None, None, None]}
    analysis = synthetic(tmp_path / "noisy", noisy, batch_norm)
    assert higher(analysis).verdict == "inconclusive"
    assert higher_lr(analysis).verdict == "inconclusive"  # both train up to 0.1
    nothing = synthetic(
        tmp_path / "nothing", {**GOOD, ("none", 0.1): [None] * 3, ("none", 1.0): [None] * 3}, batch_norm
    )
    assert faster(nothing).verdict == higher(nothing).verdict == "inconclusive"
    one_seed = synthetic(tmp_path / "one", {key: values[:1] for key, values in GOOD.items()}, batch_norm)
    assert faster(one_seed).verdict == higher(one_seed).verdict == "inconclusive"


@pytest.mark.parametrize(("short", "verdict"), [("none", "supported"), ("batch", "inconclusive")])
def test_a_run_that_fell_short_cannot_speak_for_the_claim(tmp_path: Path, short: str, verdict: str) -> None:
    accuracy = {("none", 0.1): [0.9] * 6, ("batch", 0.1): [0.9] * 6}
    analysis = synthetic(tmp_path, accuracy, batch_norm)
    for result in analysis.arms:
        for seed, run in result.arm.runs.items() if result.curves else ():
            norm = result.arm.levels["model.norm"]
            reached = 10 if norm == "batch" else 400
            top1 = 0.5 if (norm, seed) == (short, 5) else 0.9
            rows = pd.DataFrame({"kind": "evaluation", "step": [reached, 410], "val_top1": [top1, top1]})
            rows.to_csv(tmp_path / run / "metrics.csv", index=False)
    assert batch_norm.claims[0].find(analyse(tmp_path)).verdict == verdict


def test_the_report_is_whole_and_needs_no_network(tmp_path: Path) -> None:
    synthetic(tmp_path, {**GOOD, ("batch", 1.0): [0.93]}, batch_norm)
    report = write_report(tmp_path, batch_norm)
    text = report.path.read_text()
    assert "2 of 12 runs have no result yet" in report.answer
    assert "2 of 12 without a result" in text
    assert "9 runs" not in text
    assert "1 of 3, 2 diverged" in text
    assert "they differ in torch" in text  # mixed versions are said
    # The interaction, the map of both factors and two curves: no factor has three numeric levels.
    assert text.count('class="plot"') == 4
    assert 'src="http' not in text
    assert "<script src" not in text
    assert "litmus train --config" in text


def test_the_answer_names_the_claims_by_verdict_and_the_best_arm(tmp_path: Path) -> None:
    five = {
        ("none", 0.1): [0.90, 0.91, 0.92, 0.905, 0.915], ("none", 1.0): [None, None, 0.10, 0.11, 0.10],
        ("batch", 0.1): [0.95, 0.965, 0.97, 0.957, 0.968], ("batch", 1.0): [0.93, 0.94, 0.95, 0.935, 0.945],
    }  # fmt: skip
    synthetic(tmp_path / "good", five, batch_norm)
    answer = write_report(tmp_path / "good", batch_norm).answer
    faster, higher_limit, higher = (claim.sentence.rstrip(".") for claim in batch_norm.claims)
    assert answer.startswith(
        "Diverged: norm none, lr 1.0 (2 of 5 seeds). "
        f"Supported: {faster}; {higher_limit}; {higher}. Best on the validation split: norm batch"
    )
    assert "norm batch, lr 0.1, test accuracy 96.20 %" in answer
    assert "each seed's arm chosen by the seeds before it" in answer
    swapped = {({"none": "batch", "batch": "none"}[norm], lr): values for (norm, lr), values in five.items()}
    synthetic(tmp_path / "bad", swapped, batch_norm)
    answer = write_report(tmp_path / "bad", batch_norm).answer
    assert f"{higher_limit}; {higher}." in answer.partition("Opposite: ")[2]
    assert "No arm beats the baseline (norm none, lr 0.1)" in answer


def test_names_are_escaped(tmp_path: Path) -> None:
    study = Study("evil", "<script>alert(1)</script>", {"model.name": "lenet5"}, NORM_AND_LR, {"model.norm": "none"})
    synthetic(tmp_path, GOOD, study)
    text = write_report(tmp_path, study).path.read_text()
    assert "<script>alert(1)" not in text
    assert "&lt;script&gt;alert(1)" in text


def test_every_record_is_read_back_as_one_frame(tmp_path: Path) -> None:
    synthetic(tmp_path, GOOD, batch_norm)
    frame = load(tmp_path, columns="all")
    assert len(frame) == 12
    assert frame["state"].value_counts().to_dict() == {"finished": 10, "diverged": 2}
    assert set(frame["optim.lr"]) == {0.1, 1.0}
    assert frame["seed"].tolist() == [int(seed) for seed in frame["seed"]]
    assert {"test_top1", "parameters", "environment.torch", "normalisation.global_batch"} <= set(frame.columns)


def test_json_has_no_nan(tmp_path: Path) -> None:
    assert json.loads(to_json({"a": math.nan, "b": [math.inf, 1.0]})) == {"a": None, "b": [None, 1.0]}
    assert resolve({}).seed == 0
    assert isinstance(expand(batch_norm), Plan)


def test_where_seeds_share_splits_the_error_is_told_by_splits_seeds_and_images(tmp_path: Path) -> None:
    study = Study(name="example", base={"model.name": "lenet5"}, factors={"model.norm": ["none", "batch"]})

    def truth(arm: Arm, seed: int) -> Truth:
        gain = 0.1 + 0.02 * (seed % 3) + 0.001 * (seed // 3)  # by split, and by seed
        value = 0.5 + gain * (arm.levels["model.norm"] == "batch")
        return {"test_top1": value, "val_top1": value}

    for splits, heading, count in ((3, "error by splits, seeds, images", 3), (1, "error by seeds, images", 6)):
        folder = tmp_path / str(splits)
        analysis = records_of(folder / "example", study, truth, seeds=6, splits=splits)
        found = difference(analysis, analysis.arms[1], "test_top1")
        assert found.n == count
        statistics = arm_statistics(analysis, "test_top1")
        table = comparisons(statistics, POINTS, "Accuracy")
        assert table is not None
        errors = table.rows[1][list(table.headings).index(heading)]
        # The means of the splits are 0, 2 and 4 points higher; within one the seeds differ by a tenth.
        assert errors == ("1.15, 0.03, –" if splits == 3 else "0.73, –")
