"""Every metric that a task declares reaches the statistics, and what seeds would decide what is inconclusive."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from synthetic_records import Truth, synthetic

from benchmarks.calibration.studies_in_memory import SimulatedArm, study
from litmus import Claim, Study, more
from litmus.core import metrics
from litmus.core.metrics import TASKS, Metric, Task, add_task, custom_task
from litmus.design.plan import Arm
from litmus.evidence.results import Analysis
from litmus.evidence.summary import arm_statistics, metrics_of, statistics_table, summarise, undecided
from litmus.records.study_record import ArmRecord


def evaluated(task: Task) -> Analysis:
    """Return a study of two arms whose runs have every number that a task declares."""
    columns = [f"{split}_{name}" for split in ("test", "val") for name in task.evaluated]
    columns += [*task.fit_columns, *task.training_columns]
    arms = []
    for number in range(2):
        by_seed = {seed: 0.5 + 0.1 * number + 0.01 * seed * (-1) ** number for seed in range(3)}
        record = ArmRecord(f"arm {number}", {"arm": number}, number == 0, dict.fromkeys(by_seed, "0"))
        arms.append(SimulatedArm(record, pd.DataFrame(), {}, {}, simulated=dict.fromkeys(columns, by_seed)))
    return replace(study(arms), task=task, test_metric=f"test_{task.primary_metric}")


@pytest.fixture
def reconstruction(monkeypatch: pytest.MonkeyPatch) -> Task:
    """A custom task with two metrics."""
    monkeypatch.setattr(metrics, "TASKS", dict(TASKS))
    errors = Metric("mse", "mean squared error", "loss", False), Metric("ssim", "structural similarity", "share", True)
    task = custom_task("denoising", *errors, guessing=1.0)
    for metric in task.metrics:
        monkeypatch.setitem(metrics.METRICS, metric.name, metric)
    add_task(task)
    return task


def test_a_second_metric_of_a_users_task_reaches_the_statistics(reconstruction: Task) -> None:
    analysis = evaluated(reconstruction)
    names = metrics_of(analysis)
    assert names[:3] == ["test_mse", "test_ssim", "test_loss"]
    table = statistics_table({name: arm_statistics(analysis, name) for name in names}).set_index(["metric", "arm"])
    assert table.loc[("test_ssim", "arm 1"), "difference_n"] == 3
    assert table.loc[("test_ssim", "arm 1"), "difference_mean"] == pytest.approx(0.08)


def test_every_metric_of_segmentation_reaches_the_statistics_the_primary_one_first() -> None:
    names = metrics_of(evaluated(TASKS["segmentation"]))
    assert names[:4] == ["test_iou", "test_dice", "test_pixel_accuracy", "test_loss"]
    assert {"val_pixel_accuracy", "fit_pixel_accuracy", "train_pixel_accuracy"} <= set(names)


STUDY = Study(
    name="norms",
    question="Which norm?",
    base={"model.name": "lenet5", "data.name": "digits"},
    factors={"model.norm": ["none", "batch"]},
    baseline={"model.norm": "none"},
)
NOISE = [0.03, -0.02, 0.01, -0.03, 0.02]


def truth(arm: Arm, seed: int) -> Truth:
    """An effect of one point, hidden in the noise of five seeds."""
    base = 0.8 + seed / 50
    value = base + 0.01 + NOISE[seed] if arm.levels["model.norm"] == "batch" else base
    return {"test_top1": value, "val_top1": value}


def test_undecided_are_claims_and_without_them_arms(tmp_path: Path) -> None:
    synthetic(tmp_path / "norms", STUDY, truth, seeds=5)
    [arm] = undecided(summarise(tmp_path / "norms"))
    assert arm.what == "norm batch"
    claims = [
        Claim("Batch norm helps.", more("test_top1", {"model.norm": "batch"}, than={"model.norm": "none"})),
        Claim("It helps little.", more("test_top1", "norm batch", than="norm none"), threshold=0.5),
    ]
    summary = summarise(tmp_path / "norms", claims)
    assert [finding.verdict for _, finding in summary.findings] == ["inconclusive", "smaller"]
    [claim] = undecided(summary)
    assert claim.what == "Batch norm helps."
    assert claim.seeds is not None
    assert arm.seeds is not None
    assert claim.seeds > arm.seeds > 5  # Holm's correction is over both claims


def test_where_runs_are_missing_seeds_are_no_answer(tmp_path: Path) -> None:
    def holes(arm: Arm, seed: int) -> Truth:
        return "missing" if arm.levels["model.norm"] == "batch" else truth(arm, seed)

    synthetic(tmp_path / "norms", STUDY, holes, seeds=5)
    claim = Claim("Batch norm helps.", more("test_top1", "norm batch", than="norm none"))
    assert undecided(summarise(tmp_path / "norms", [claim])) == []
