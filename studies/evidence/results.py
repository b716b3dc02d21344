"""What a study's records say: arms with their values by seed, differences to the baseline, curves, what was probed."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from litmus.metrics import METRICS, TASKS, Task
from studies.evidence.estimate import Estimate, estimate, paired_difference
from studies.records.frames import load, read_metrics, read_probes
from studies.records.run_record import RunRecord
from studies.records.study_record import ArmRecord, StudyRecord, read_study_record


@dataclass(frozen=True)
class ArmResult:
    """An arm's runs: `records` has a row for each seed that left a record, `curves` and `probes` their rows by seed."""

    arm: ArmRecord
    records: pd.DataFrame
    curves: dict[int, pd.DataFrame] = field(repr=False)
    probes: dict[int, pd.DataFrame] = field(repr=False, default_factory=dict)

    @property
    def label(self) -> str:
        """The arm's label."""
        return self.arm.label

    @property
    def planned(self) -> int:
        """How many seeds the study asks for."""
        return len(self.arm.runs)

    def count(self, state: str) -> int:
        """Return how many seeds ended in `state`."""
        return int((self.records["state"] == state).sum())

    @property
    def missing(self) -> int:
        """How many seeds have no result: crashed, interrupted, running or not started."""
        return self.planned - self.count("finished") - self.count("diverged")

    def seeds(self, state: str) -> list[int]:
        """Return the seeds whose run ended in `state`."""
        return sorted(int(seed) for seed in self.records.loc[self.records["state"] == state, "seed"])

    def values(self, metric: "Metric") -> dict[int, float]:
        """Return `metric` by seed, over the finished runs. A seed whose value is not a number is left out."""
        if callable(metric):
            values = {seed: float(metric(self, seed)) for seed in self.seeds("finished")}
        elif metric in self.records:
            finished = self.records[self.records["state"] == "finished"]
            numbers = pd.to_numeric(finished[metric])
            values = {int(s): float(v) for s, v in zip(finished["seed"], numbers, strict=True)}
        else:
            values = {}
        return {seed: value for seed, value in values.items() if not math.isnan(value)}

    def estimate(self, metric: "Metric") -> Estimate:
        """Return the mean of `metric` over the finished runs."""
        return estimate(list(self.values(metric).values()))


Metric = str | Callable[[ArmResult, int], float]
"""A number of one run: a column of the records, or a function of its arm's results and its seed, NaN where the run
does not have it."""


@dataclass(frozen=True)
class Analysis:
    """A study's record and the results of its arms.

    `task` says which metric the runs are judged by, `chance` what guessing reaches in it.
    """

    directory: Path
    study: StudyRecord
    arms: tuple[ArmResult, ...]
    task: Task
    chance: float

    @property
    def test_metric(self) -> str:
        """The metric on the test set, as the records call it."""
        return f"test_{self.task.primary_metric}"

    @property
    def val_metric(self) -> str:
        """The metric on the validation split, as the records call it."""
        return f"val_{self.task.primary_metric}"

    @property
    def train_metric(self) -> str:
        """The share of right answers in training, as the records call it; the loss where a task has none."""
        return self.task.training_columns[-1]

    @property
    def metric_name(self) -> str:
        """The metric, as a reader calls it."""
        return METRICS[self.task.primary_metric].display_name

    @property
    def train_metric_name(self) -> str:
        """What `train_metric` is, as a reader calls it."""
        return METRICS[self.task.trained or "loss"].display_name

    @property
    def baseline(self) -> ArmResult:
        """The baseline arm's result."""
        return next(result for result in self.arms if result.arm.is_baseline)

    @cached_property
    def records(self) -> pd.DataFrame:
        """Every run's record, a row each, arm by arm."""
        return pd.concat([result.records for result in self.arms], ignore_index=True)

    def difference(self, result: ArmResult, metric: Metric, to: ArmResult | None = None) -> Estimate:
        """Return the paired difference of `metric` to the baseline, or to another arm."""
        return paired_difference(result.values(metric), (to or self.baseline).values(metric))

    @property
    def matched_factor(self) -> str | None:
        """The factor whose effect is told at equal levels of the others: the first, if several make a full product."""
        levels = self.study.baseline.levels
        return next(iter(levels)) if len(levels) > 1 and self.study.full_product else None

    def matched(self, result: ArmResult, factor: str) -> ArmResult | None:
        """Return the arm with `factor` at the baseline's level and all else as in `result`; None if it is itself."""
        wanted = {**result.arm.levels, factor: self.study.baseline.levels[factor]}
        other = next((each for each in self.arms if each.arm.levels == wanted), None)
        return None if other is result else other

    def at(self, levels: Mapping[str, Any]) -> list[ArmResult]:
        """Return the arms at these levels of these factors."""
        return [each for each in self.arms if all(each.arm.levels.get(k) == v for k, v in levels.items())]

    def best(self, among: Sequence[ArmResult] | None = None) -> ArmResult | None:
        """Return the arm with the best mean of the metric, of those with a finished run.

        The choice is made on the validation split; the test set has no say in it. A diverged run counts as guessing:
        else an arm would be chosen for its luckiest seeds.
        """

        def mean(result: ArmResult) -> float:
            values = [*result.values(self.val_metric).values(), *[self.chance] * result.count("diverged")]
            return sum(values) / len(values)

        able = [each for each in (self.arms if among is None else among) if each.values(self.val_metric)]
        return METRICS[self.task.primary_metric].best(able, mean) if able else None

    @cached_property
    def training_threshold(self) -> float:
        """Validation accuracy that counts as having trained: halfway from chance to the best arm's mean."""
        best = self.best()
        return self.chance + 0.5 * (best.estimate(self.val_metric).mean - self.chance) if best else self.chance

    def trains(self, result: ArmResult) -> bool:
        """Whether every seed of the arm finished above the training threshold."""
        values = result.values(self.val_metric)
        return len(values) == result.planned and all(value >= self.training_threshold for value in values.values())


def steps_to_reach(curve: pd.DataFrame, accuracy: float, metric: str = "val_top1") -> int | None:
    """Return the first evaluated step at which the `metric` is at least `accuracy`; None if it never is."""
    reached = curve.loc[curve[metric] >= accuracy, "step"]
    return int(reached.iloc[0]) if len(reached) else None


def analyse(directory: str | Path) -> Analysis:
    """Read the study in `directory` as it was last asked for. Raises `UserError` where there is none."""
    directory = Path(directory)
    study = read_study_record(directory)
    frame = load(directory)
    frame = frame[frame["run"].isin(study.arm_of_run())]
    results = []
    for arm in study.arms:
        records = frame[frame["run"].isin(arm.runs.values())].copy()
        curves, probes = {}, {}
        for seed, run in arm.runs.items():
            record = RunRecord(directory / run)
            rows, measured = read_metrics(record), read_probes(record)
            if rows is not None and len(rows):
                curves[seed] = rows
            if measured is not None:
                probes[seed] = measured
        results.append(ArmResult(arm, records, curves, probes))
    task = study.known_task or _task_of(frame, results)
    classes = list(frame["data.num_classes"].dropna()) if "data.num_classes" in frame else []
    return Analysis(directory, study, tuple(results), task, task.chance(min(classes, default=0)))


def _task_of(frame: pd.DataFrame, results: Sequence[ArmResult]) -> Task:
    # Studies of an earlier version did not say. Where every run diverged there is no test metric; what was evaluated
    # until then tells the task.
    segmented = "test_iou" in frame or any("val_iou" in rows for result in results for rows in result.curves.values())
    return TASKS["segmentation" if segmented else "classification"]
