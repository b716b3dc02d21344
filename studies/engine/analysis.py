"""What a study's records say: arms with their estimates, differences to the baseline, curves, learning speed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from studies.engine.load import load, read_metrics
from studies.engine.manifest import Manifest, ManifestArm, read_manifest
from studies.engine.records import RunDirectory
from studies.engine.statistics import Estimate, estimate, paired_difference


@dataclass(frozen=True)
class ArmResult:
    """An arm's runs: `records` has a row for each seed that left a result, `curves` its evaluations by seed."""

    arm: ManifestArm
    records: pd.DataFrame
    curves: dict[int, pd.DataFrame] = field(repr=False)

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

    def values(self, metric: str) -> dict[int, float]:
        """Return `metric` by seed, over the finished runs."""
        if metric not in self.records:
            return {}
        finished = self.records[self.records["state"] == "finished"]
        return {
            int(seed): float(value)
            for seed, value in zip(finished["seed"], finished[metric], strict=True)
            if not math.isnan(value)
        }

    def estimate(self, metric: str) -> Estimate:
        """Return the mean of `metric` over the finished runs."""
        return estimate(list(self.values(metric).values()))


@dataclass(frozen=True)
class Analysis:
    """A study's manifest and the results of its arms."""

    directory: Path
    manifest: Manifest
    arms: tuple[ArmResult, ...]
    chance: float

    @property
    def baseline(self) -> ArmResult:
        """The baseline arm's result."""
        return next(result for result in self.arms if result.arm.is_baseline)

    def difference(self, result: ArmResult, metric: str, to: ArmResult | None = None) -> Estimate:
        """Return the paired difference of `metric` to the baseline, or to another arm."""
        return paired_difference(result.values(metric), (to or self.baseline).values(metric))

    def matched(self, result: ArmResult, factor: str) -> ArmResult | None:
        """Return the arm with `factor` at the baseline's level and all else as in `result`; None if it is itself."""
        wanted = {**result.arm.levels, factor: self.manifest.baseline.levels[factor]}
        other = next((each for each in self.arms if each.arm.levels == wanted), None)
        return None if other is result else other

    def with_levels(self, **levels: Any) -> list[ArmResult]:
        """Return the arms at these levels; `model__norm="batch"` stands for the factor `model.norm`."""
        wanted = {key.replace("__", "."): level for key, level in levels.items()}
        return [each for each in self.arms if all(each.arm.levels.get(k) == v for k, v in wanted.items())]

    def best(self, among: Sequence[ArmResult] | None = None, metric: str = "val_top1") -> ArmResult | None:
        """Return the arm with the highest mean of `metric`, of those with a finished run.

        The choice is made on the validation split; the test set has no say in it.
        """
        able = [each for each in (self.arms if among is None else among) if each.values(metric)]
        return max(able, key=lambda each: each.estimate(metric).mean) if able else None

    @cached_property
    def training_threshold(self) -> float:
        """Validation accuracy that counts as having trained: halfway from chance to the best arm's mean."""
        best = self.best()
        return self.chance + 0.5 * (best.estimate("val_top1").mean - self.chance) if best else self.chance

    def trains(self, result: ArmResult) -> bool:
        """Whether every seed of the arm finished above the training threshold."""
        values = result.values("val_top1")
        return len(values) == result.planned and all(value >= self.training_threshold for value in values.values())

    def complete(self) -> bool:
        """Whether every run of the study has its result."""
        return all(result.missing == 0 for result in self.arms)


def steps_to_reach(curve: pd.DataFrame, accuracy: float) -> int | None:
    """Return the first evaluated step at which validation accuracy is at least `accuracy`; None if it never is."""
    reached = curve.loc[curve["val_top1"] >= accuracy, "step"]
    return int(reached.iloc[0]) if len(reached) else None


def analyse(directory: str | Path) -> Analysis:
    """Read the study in `directory` as it was last asked for. Raises `UserError` where there is none."""
    directory = Path(directory)
    manifest = read_manifest(directory)
    frame = load(directory)
    frame = frame[frame["run"].isin(manifest.arm_of_run())]
    results = []
    for arm in manifest.arms:
        records = frame[frame["run"].isin(arm.runs.values())].copy()
        curves = {}
        for seed, run in arm.runs.items():
            rows = read_metrics(RunDirectory(directory / run))
            if rows is not None and len(rows):
                curves[seed] = rows
        results.append(ArmResult(arm, records, curves))
    return Analysis(directory, manifest, tuple(results), _chance(frame))


def _chance(frame: pd.DataFrame) -> float:
    classes = list(frame["data.num_classes"].dropna()) if "data.num_classes" in frame else []
    return 1.0 / min(classes) if classes else 0.0
