"""What a study's records say: arms with their values by seed, differences to the baseline, curves, what was probed."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from litmus.core.metrics import METRICS, TASKS, Task, metric_of, split_of
from litmus.evidence.estimate import AS_PLANNED, Estimate, Sampling, estimate
from litmus.evidence.units import Unit, unit_of
from litmus.records.answers import Answers, read_answers
from litmus.records.code_use import CodeUse, code_use
from litmus.records.frames import load, read_metrics, read_probes
from litmus.records.run_record import RunRecord
from litmus.records.study_record import ArmRecord, PlanEntry, StudyRecord, read_plans, read_study_record


@dataclass(frozen=True)
class History:
    """The plans of an experiment.

    Args:
        plan: the first one; None where an earlier version ran it and wrote none.
        changes: how many followed it.
        looked: whether results were looked at on the way, or fewer seeds stand than were planned.
    """

    plan: PlanEntry | None
    changes: int = 0
    looked: bool = False


NO_HISTORY = History(None)
"""Of a study that an earlier version ran."""


def history(directory: Path, study: StudyRecord) -> History:
    """Return the plans of the experiment that stands in `directory`."""
    plans = read_plans(directory)
    if not plans:
        return NO_HISTORY
    same = [plan for plan in plans if plan.experiment == plans[-1].experiment]
    fewest = min((len(arm.runs) for arm in study.arms), default=0)
    looked = any(plan.looked for plan in same) or 0 < fewest < len(same[0].seeds)
    return History(same[0], len(same) - 1, looked)


def sampling(directory: Path, study: StudyRecord) -> Sampling:
    """Return how the number of seeds came about, which decides between fixed-n and anytime-valid intervals."""
    found = history(directory, study)
    return AS_PLANNED if found.plan is None else Sampling(len(found.plan.seeds), found.looked)


@dataclass(frozen=True)
class ArmResult:
    """An arm's runs: `records` has a row for each seed that left a record, `curves` and `probes` their rows by seed.

    `diverged_value` is the accuracy that a run counts with that diverged, `directory` the study's folder.
    """

    arm: ArmRecord
    records: pd.DataFrame
    curves: dict[int, pd.DataFrame] = field(repr=False)
    probes: dict[int, pd.DataFrame] = field(repr=False, default_factory=dict)
    diverged_value: float = 0.0
    directory: Path | None = None

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
        return len(self._by_state.get(state, ()))

    @property
    def missing(self) -> int:
        """How many seeds have no result: crashed, interrupted, running or not started."""
        return self.planned - self.count("finished") - self.count("diverged")

    def seeds(self, state: str) -> list[int]:
        """Return the seeds whose run ended in `state`."""
        return sorted(int(seed) for seed in self._by_state.get(state, ()))

    @cached_property
    def _by_state(self) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {}
        for seed, state in zip(self.records["seed"], self.records["state"], strict=True):
            found.setdefault(state, []).append(seed)
        return found

    @cached_property
    def _columns(self) -> dict[str, dict[int, float]]:
        """The columns of the records that were asked for, by seed: a report asks for each a thousand times."""
        return {}

    def values(self, metric: "Metric") -> dict[int, float]:
        """Return `metric` by seed, over the finished runs. A seed whose value is not a number is left out."""
        if callable(metric):
            values = {seed: float(metric(self, seed)) for seed in self.seeds("finished")}
        else:
            if metric not in self._columns:
                self._columns[metric] = self._column(metric)
            values = self._columns[metric]
        return {seed: value for seed, value in values.items() if not math.isnan(value)}

    def _column(self, name: str) -> dict[int, float]:
        if name not in self.records:
            return {}
        finished = self.records[self.records["state"] == "finished"]
        return {int(s): float(v) for s, v in zip(finished["seed"], pd.to_numeric(finished[name]), strict=True)}

    def outcomes(self, metric: "Metric") -> dict[int, float]:
        """Return `metric` by seed, over the runs that ended: the one number that each counts with, wherever it counts.

        A finished run has its metric. A diverged one has `diverged_value` where the metric is an accuracy; in anything
        else it has no value, and is left out.
        """
        outcomes = self.values(metric)
        if guessed(metric):
            outcomes.update(dict.fromkeys(self.seeds("diverged"), self.diverged_value))
        return outcomes

    def estimate(self, metric: "Metric") -> Estimate:
        """Return the mean of the outcomes in `metric`."""
        return estimate(list(self.outcomes(metric).values()))

    @cached_property
    def answers(self) -> dict[int, Answers]:
        """What the finished runs answered to each test image, by seed; those of an earlier version did not keep it."""
        if self.directory is None:
            return {}
        read = {seed: read_answers(RunRecord(self.directory / run)) for seed, run in self.arm.runs.items()}
        finished = set(self.seeds("finished"))
        return {seed: each for seed, each in read.items() if each is not None and seed in finished}

    def scores(self, metric: "Metric") -> dict[int, NDArray[np.float64]]:
        """Return each finished run's score of every test image, whose mean is `metric`, by seed; empty for others."""
        split, name = split_of(metric) if isinstance(metric, str) else ("", "")
        return {seed: each.scores(name) for seed, each in self.answers.items() if split == "test" and each.has(name)}


Metric = str | Callable[[ArmResult, int], float]
"""A number of one run: a column of the records, or a function of its arm's results and its seed, NaN where the run
does not have it."""


def guessed(metric: Metric) -> bool:
    """Whether a diverged run has a value in `metric`, by default that of guessing: where it is an accuracy."""
    known = metric_of(metric) if isinstance(metric, str) else None
    return known is not None and known.guessing is not None


def is_exact(metric: Metric) -> bool:
    """Whether `metric` is the same in every seed by its nature: a count of parameters, FLOPs or activations."""
    known = metric_of(metric) if isinstance(metric, str) else None
    return known.scale == "count" if known is not None else bool(getattr(metric, "exact", False))


@dataclass(frozen=True)
class Analysis:
    """A study's record and the results of its arms.

    `task` says which metric the runs are judged by, `chance` what guessing reaches in it, `sampling` how the number of
    seeds came about, `code` of which versions of the user's code the runs are, `split_of_seed` the seed of each seed's
    validation split, where it is known.
    """

    directory: Path
    study: StudyRecord
    arms: tuple[ArmResult, ...]
    task: Task
    chance: float
    sampling: Sampling = AS_PLANNED
    code: CodeUse = field(default_factory=CodeUse)
    split_of_seed: Mapping[int, int] = field(default_factory=dict)

    def splits(self, seeds: Sequence[int]) -> list[int]:
        """Return the validation splits of these seeds; empty where they are not known."""
        return [self.split_of_seed[seed] for seed in seeds] if set(seeds) <= self.split_of_seed.keys() else []

    @property
    def test_metric(self) -> str:
        """The metric on the test set, as the records call it."""
        return f"test_{self.task.primary_metric}"

    @property
    def val_metric(self) -> str:
        """The metric on the validation split, as the records call it."""
        return f"val_{self.task.primary_metric}"

    @property
    def unit(self) -> Unit:
        """How the metric is written: in percent where it is a share."""
        return unit_of(self.test_metric)

    @property
    def higher_is_better(self) -> bool:
        """Whether more of the metric is better."""
        return METRICS[self.task.primary_metric].higher_is_better

    @property
    def train_metric(self) -> str:
        """The share of right answers in training, as the records call it; the loss where a task has none."""
        return self.task.training_columns[-1]

    @cached_property
    def fit_metric(self) -> str:
        """The share of right answers on the training images, as the records call it.

        At the end, in evaluation mode, over images that are not augmented; where the records of an earlier version have
        no such pass, that of training itself.
        """
        fit = f"fit_{self.task.trained or self.task.primary_metric}"
        return fit if any(result.values(fit) for result in self.arms) else self.train_metric

    @property
    def metric_name(self) -> str:
        """The metric, as a reader calls it."""
        return METRICS[self.task.primary_metric].display_name

    @property
    def train_metric_name(self) -> str:
        """What `fit_metric` is, as a reader calls it."""
        return METRICS[split_of(self.fit_metric)[1]].display_name

    @property
    def baseline(self) -> ArmResult:
        """The baseline arm's result."""
        return next(result for result in self.arms if result.arm.is_baseline)

    @cached_property
    def records(self) -> pd.DataFrame:
        """Every run's record, a row each, arm by arm."""
        return pd.concat([result.records for result in self.arms], ignore_index=True)

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

    def best(self, among: Sequence[ArmResult] | None = None, before: int | None = None) -> ArmResult | None:
        """Return the arm with the best mean of the metric, of those with a finished run.

        The choice is made on the validation split; the test set has no say in it, and no seed from `before` on: what
        the seeds before it chose can be tested on a seed. A diverged run counts as what the study says, guessing by
        default: else an arm would be chosen for its luckiest seeds.
        """
        candidates = [each for each in (self.arms if among is None else among) if each.count("finished")]
        means = {}
        for index, result in enumerate(candidates):
            values = [
                value for seed, value in result.outcomes(self.val_metric).items() if before is None or seed < before
            ]
            if values:
                means[index] = sum(values) / len(values)
        return candidates[METRICS[self.task.primary_metric].best(means, means.__getitem__)] if means else None

    @cached_property
    def training_threshold(self) -> float:
        """Validation accuracy that counts as having trained: halfway from chance to the best arm's mean."""
        best = self.best()
        return self.chance + 0.5 * (best.estimate(self.val_metric).mean - self.chance) if best else self.chance

    def trained(self, result: ArmResult) -> dict[int, bool]:
        """Return for each seed whose run ended whether it is above the training threshold."""
        ended, threshold = result.outcomes(self.val_metric), self.training_threshold
        return {
            seed: value > threshold if self.higher_is_better else value < threshold for seed, value in ended.items()
        }


def analyse(directory: str | Path) -> Analysis:
    """Read the study in `directory` as it was last asked for. Raises `UserError` where there is none."""
    directory = Path(directory)
    study = read_study_record(directory)
    frame = load(directory, columns="all")
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
        results.append(ArmResult(arm, records, curves, probes, directory=directory))
    task = study.known_task or _task_of(frame, results)
    classes = list(frame["data.num_classes"].dropna()) if "data.num_classes" in frame else []
    chance = task.chance(min(classes, default=0))
    counted = chance if study.diverged_value is None else study.diverged_value
    results = [replace(result, diverged_value=counted) for result in results]
    return Analysis(
        directory,
        study,
        tuple(results),
        task,
        chance,
        sampling(directory, study),
        code_use(directory, study),
        _split_of_seed(frame),
    )


def _split_of_seed(frame: pd.DataFrame) -> dict[int, int]:
    if "data.split_seed" not in frame:
        return {}
    known = frame[["seed", "data.split_seed"]].dropna()
    return {int(seed): int(split) for seed, split in zip(known["seed"], known["data.split_seed"], strict=True)}


def _task_of(frame: pd.DataFrame, results: Sequence[ArmResult]) -> Task:
    # Studies of an earlier version did not say. Where every run diverged there is no test metric; what was evaluated
    # until then tells the task.
    segmented = "test_iou" in frame or any("val_iou" in rows for result in results for rows in result.curves.values())
    return TASKS["segmentation" if segmented else "classification"]
