"""A study's results: its arms with their values by seed, their curves and what probes measured."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from litmus.core.errors import UserError
from litmus.core.metrics import METRICS, Task, complement_of, described, metric_of, split_of
from litmus.core.metrics import Metric as MetricKind
from litmus.evidence.estimate import AS_PLANNED, Estimate, Sampling, estimate
from litmus.evidence.preregistration import registration
from litmus.evidence.tuning import ArmTuning, arm_tunings
from litmus.evidence.units import POINTS, Unit, unit_of
from litmus.records.answers import Answers, read_answers
from litmus.records.aside import Aside, runs_aside
from litmus.records.frames import load, read_metrics, read_probes
from litmus.records.run_record import FAILURES, RunRecord
from litmus.records.study_record import STUDY_FILE, ArmRecord, StudyRecord, read_study_record


@dataclass(frozen=True)
class ArmResult:
    """An arm's runs.

    Args:
        arm: the arm.
        records: a row for each seed that left a record.
        curves, probes: their rows of `metrics.csv` and `probes.csv`, by seed.
        counts_as: what a run that failed counts as, by the metric's name; in others it has no value.
        directory: the study's folder.
    """

    arm: ArmRecord
    records: pd.DataFrame
    curves: dict[int, pd.DataFrame] = field(repr=False)
    probes: dict[int, pd.DataFrame] = field(repr=False, default_factory=dict)
    counts_as: Mapping[str, float] = field(default_factory=dict)
    directory: Path | None = None

    @property
    def label(self) -> str:
        """The arm's label."""
        return self.arm.label

    @property
    def planned(self) -> int:
        """How many seeds the study asks for."""
        return len(self.arm.runs)

    def seeds(self, state: str) -> list[int]:
        """Return the seeds whose run ended in `state`."""
        return sorted(self._by_state.get(state, ()))

    def count(self, state: str) -> int:
        """Return how many seeds ended in `state`."""
        return len(self.seeds(state))

    @property
    def missing(self) -> int:
        """How many seeds have no result: crashed, interrupted, running or not started."""
        return self.planned - self.ended

    @property
    def failed(self) -> list[int]:
        """The seeds that trained to no result: diverged, or without a finite evaluation."""
        return sorted(seed for state in FAILURES for seed in self.seeds(state))

    @property
    def ended(self) -> int:
        """How many seeds have a result: finished or failed."""
        return self.count("finished") + len(self.failed)

    @cached_property
    def _by_state(self) -> dict[str, list[int]]:
        return {str(state): [int(seed) for seed in rows["seed"]] for state, rows in self.records.groupby("state")}

    @cached_property
    def _values(self) -> "dict[Metric, dict[int, float]]":
        """The metrics that were read, by seed: a report reads each a thousand times."""
        return {}

    def values(self, metric: "Metric") -> dict[int, float]:
        """Return `metric` by seed, over the finished runs. A seed whose value is not a number is left out."""
        if metric not in self._values:
            found: dict[int, float] = {}
            if callable(metric):
                found = {seed: float(metric(self, seed)) for seed in self.seeds("finished")}
            elif base := complement_of(metric):
                found = {seed: 1 - value for seed, value in self.values(base).items()}
            elif metric in self.records:
                finished = self.records[self.records["state"] == "finished"]
                numbers = pd.to_numeric(finished[metric])
                found = {int(seed): float(number) for seed, number in zip(finished["seed"], numbers, strict=True)}
            self._values[metric] = {seed: value for seed, value in found.items() if not math.isnan(value)}
        return dict(self._values[metric])

    def outcomes(self, metric: "Metric") -> dict[int, float]:
        """Return `metric` by seed, over the runs that ended: the number that every table, test and claim uses.

        A finished run has its metric. A failed one counts as guessing, or as what the study declares, in the metrics of
        accuracy; in any other it has no value, and is left out.
        """
        outcomes = self.values(metric)
        if guessed(metric):
            outcomes.update(dict.fromkeys(self.failed, self.failed_value(metric)))
        return outcomes

    def failed_value(self, metric: "Metric") -> float:
        """Return what a failed run counts as in `metric`, which is one of those that can be guessed."""
        if base := complement_of(metric):
            return 1 - self.failed_value(base)
        return self.counts_as.get(split_of(str(metric))[1], 0.0)

    def estimate(self, metric: "Metric") -> Estimate:
        """Return the mean of the outcomes in `metric`."""
        return estimate(list(self.outcomes(metric).values()))

    @cached_property
    def answers(self) -> dict[int, Answers]:
        """What the finished runs answered to each test image, by seed; empty where the task keeps no answers."""
        if self.directory is None:
            return {}
        read = {seed: read_answers(RunRecord(self.directory / run)) for seed, run in self.arm.runs.items()}
        finished = set(self.seeds("finished"))
        return {seed: each for seed, each in read.items() if each is not None and seed in finished}

    def scores(self, metric: "Metric") -> dict[int, NDArray[np.float64]]:
        """Return each finished run's score of every test image, whose mean is `metric`, by seed; empty for others."""
        if base := complement_of(metric):
            return {seed: 1 - score for seed, score in self.scores(base).items()}
        split, name = split_of(metric) if isinstance(metric, str) else ("", "")
        return {seed: each.scores(name) for seed, each in self.answers.items() if split == "test" and each.has(name)}


Metric = str | Callable[[ArmResult, int], float]
"""A number of one run: a column of the records, or a function of its arm's results and its seed, NaN where the run
does not have it."""


def how_failed(results: Sequence[ArmResult], of: str = "") -> str:
    """Return how many runs of these arms failed, and how: `2 of 5 diverged and 1 gave no finite evaluation`."""
    counts = {state: sum(result.count(state) for result in results) for state in FAILURES}
    found = [(count, FAILURES[state]) for state, count in counts.items() if count]
    return " and ".join(f"{count}{'' if index else of} {word}" for index, (count, word) in enumerate(found))


FLOOR = 0.05
"""A share is at the floor up to this fraction of the way from guessing to perfect."""


def floor_of(chance: float) -> float:
    """Return the highest share that is at the floor, where guessing reaches `chance`."""
    return chance + FLOOR * (1 - chance)


def guessed(metric: Metric) -> bool:
    """Whether a diverged run counts in `metric`, by default as guessing: where it is a task's primary one."""
    known = metric_of(metric)
    return known is not None and known.guessing is not None


def is_exact(metric: Metric) -> bool:
    """Whether `metric` is the same in every seed by its nature: a count of parameters, FLOPs or activations."""
    known = metric_of(metric)
    return known.scale == "count" if known is not None else bool(getattr(metric, "exact", False))


@dataclass(frozen=True)
class Elsewhere:
    """What is known of runs that Litmus did not train.

    Args:
        table: the file or folder that lists them.
        seed: its column of the seeds; empty where it has none.
        notes: how it was read, a sentence each.
        others: those of its other columns that are equal in all runs of an arm and differ between arms.
    """

    table: str
    seed: str
    notes: tuple[str, ...]
    others: tuple[str, ...]


@dataclass(frozen=True)
class Analysis:
    """A study's record and the results of its arms.

    Args:
        directory: the study's folder.
        study: its record.
        arms: the arms' results.
        task: what the networks are trained for.
        test_metric: the column of the records by which arms are compared, `test_top1`.
        chances: what guessing reaches in each metric that can be guessed, by its name.
        sampling: how the number of seeds was decided.
        aside: the runs in the folder that do not count, of other settings, code or data.
        split_of_seed: the seed of each seed's validation split, where it is known.
        elsewhere: of runs that Litmus did not train, what is known of them; None for its runs.
    """

    directory: Path
    study: StudyRecord
    arms: tuple[ArmResult, ...]
    task: Task
    test_metric: str
    chances: Mapping[str, float]
    sampling: Sampling = AS_PLANNED
    aside: Aside = field(default_factory=Aside)
    split_of_seed: Mapping[int, int] = field(default_factory=dict)
    elsewhere: Elsewhere | None = None

    def are_paired(self, sides: Sequence[Mapping[int, float]]) -> bool:
        """Whether sides are compared seed by seed, given their values by seed.

        Runs of Litmus are: it gives a seed the same start and data in all arms. Others are where the side with the
        fewest runs shares at least half of them, and two, with all other sides. That depends on no value.
        """
        if self.elsewhere is None:
            return True
        shared, fewest = len(set.intersection(*map(set, sides))), min(map(len, sides))
        return shared >= max(2, fewest / 2)

    @property
    def name(self) -> str:
        """The experiment's name, which is its folder's."""
        return self.directory.resolve().name

    def splits(self, seeds: Sequence[int]) -> list[int]:
        """Return the validation splits of these seeds; empty where they are not known."""
        return [self.split_of_seed[seed] for seed in seeds] if set(seeds) <= self.split_of_seed.keys() else []

    def recorded(self, column: str) -> list[Any]:
        """Return the values that the runs recorded in a column; empty where none did."""
        return list(self.records[column].dropna()) if column in self.records else []

    @property
    def chance(self) -> float:
        """What guessing reaches in the task's primary metric: in accuracy one of the classes, or the most frequent."""
        return self.chances.get(self.task.primary_metric, 0.0)

    @property
    def metric(self) -> MetricKind:
        """What kind of number `test_metric` is."""
        found = metric_of(self.test_metric)
        assert found is not None
        return found

    @property
    def test_name(self) -> str:
        """What `test_metric` is, in words: `test accuracy`."""
        return described(self.test_metric)

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
        return self.metric.higher_is_better

    @property
    def fit_metric(self) -> str:
        """How well the training images are fit, as the records call it: the share of right answers where there is one.

        At the end of training, in evaluation mode, over images that are not augmented.
        """
        return f"fit_{self.task.trained or self.task.primary_metric}"

    @property
    def metric_name(self) -> str:
        """The metric in words, whatever the split."""
        return self.metric.display_name

    @property
    def train_metric_name(self) -> str:
        """What `fit_metric` measures, in words."""
        return METRICS[self.task.trained].display_name if self.task.trained else self.metric_name

    @property
    def baseline(self) -> ArmResult:
        """The baseline arm's result."""
        return next(result for result in self.arms if result.arm.is_baseline)

    @cached_property
    def records(self) -> pd.DataFrame:
        """Every run's record, a row each, arm by arm."""
        return pd.concat([result.records for result in self.arms], ignore_index=True)

    @cached_property
    def tunings(self) -> list[ArmTuning]:
        """What each arm tried and chose before it was compared; empty where nothing was tuned."""
        labels = [result.label for result in self.arms]
        tuning = self.study.tuning
        return [] if tuning is None else arm_tunings(self.directory, tuning, self.task, labels)

    @property
    def matched_factor(self) -> str | None:
        """The factor whose effect is shown at equal levels of the others: the first, if several make a full product."""
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
        """Return the arm with the best mean on the validation split, of those with a finished run.

        With `before`, over the seeds before that one alone, on which the choice can then be tested. A diverged run
        counts as what the study declares, guessing by default: else an arm would be chosen for its luckiest seeds.
        """
        candidates = [each for each in (self.arms if among is None else among) if each.count("finished")]
        means = {}
        for index, result in enumerate(candidates):
            outcomes = result.outcomes(self.val_metric).items()
            values = [value for seed, value in outcomes if before is None or seed < before]
            if values:
                means[index] = sum(values) / len(values)
        return candidates[self.metric.best(means, means.__getitem__)] if means else None

    @cached_property
    def training_threshold(self) -> float:
        """Validation accuracy that counts as having trained: halfway from chance to the best arm's mean.

        It is no lower than the floor, below which the best arm has not trained either.
        """
        best = self.best()
        halfway = self.chance + 0.5 * (best.estimate(self.val_metric).mean - self.chance) if best else self.chance
        return max(halfway, floor_of(self.chance)) if self.unit is POINTS else halfway

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
    task = study.known_task
    if task is None:
        raise UserError(f"{directory / STUDY_FILE} names the unknown task {study.task!r}; run the study again")
    frame = load(directory, columns="all")
    frame = frame[frame["run"].isin(study.arm_of_run())]
    classes = list(frame["data.num_classes"].dropna()) if "data.num_classes" in frame else []
    shares = list(frame["data.majority_share"].dropna()) if "data.majority_share" in frame else []
    data = min(classes, default=0), max(shares, default=0.0)
    chances = {name: metric.chance(*data) for name, metric in METRICS.items() if metric.guessing is not None}
    declared = {} if study.diverged_value is None else {task.primary_metric: study.diverged_value}
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
        results.append(ArmResult(arm, records, curves, probes, {**chances, **declared}, directory))
    split_of_seed: dict[int, int] = {}
    if "data.split_seed" in frame:
        split_of_seed = dict(frame[["seed", "data.split_seed"]].dropna().astype(int).itertuples(index=False))
    sampling, aside = registration(directory, study).sampling, runs_aside(directory, study)
    return Analysis(
        directory, study, tuple(results), task, f"test_{task.primary_metric}", chances, sampling, aside, split_of_seed
    )
