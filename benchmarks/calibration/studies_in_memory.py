"""Studies whose truth is known, made up in memory: arms with their outcomes by seed, as records would give them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from litmus.core.metrics import TASKS
from litmus.evidence.results import Analysis, ArmResult, Metric
from litmus.records.study_record import ArmRecord, StudyRecord

CLASSES = 10
CHANCE = 1 / CLASSES
MEAN, SD = 0.8, 0.01
"""An arm's accuracy and its standard deviation over the seeds, where a world says nothing else."""
SHARED = 0.5
"""The share of the variance that the runs of a seed have in common, as paired runs do."""

_NO_RECORDS = pd.DataFrame()

Floats = NDArray[np.float64]
Levels = Mapping[str, Any]
Generator = np.random.Generator


@dataclass(frozen=True)
class SimulatedArm(ArmResult):
    """An arm whose numbers are given: each metric by seed, of the runs that finished; the other seeds diverged."""

    simulated: Mapping[str, Mapping[int, float]] = field(default_factory=dict)
    right: Mapping[int, NDArray[np.bool_]] = field(default_factory=dict)

    def values(self, metric: Metric) -> dict[int, float]:
        """Return a metric by seed, over the finished runs."""
        if callable(metric):
            return {seed: float(metric(self, seed)) for seed in self.seeds("finished")}
        return dict(self.simulated.get(metric, {}))

    def seeds(self, state: str) -> list[int]:
        """Return the seeds whose run ended in `state`."""
        finished = next(iter(self.simulated.values()), {})
        in_state = {"finished": True, "diverged": False}.get(state)
        return [seed for seed in self.arm.runs if in_state is (seed in finished)]

    def count(self, state: str) -> int:
        """Return how many seeds ended in `state`."""
        return len(self.seeds(state))

    def scores(self, metric: Metric) -> dict[int, Floats]:
        """Return each finished run's score of every test image."""
        if metric != "test_top1":
            return {}
        return {seed: np.asarray(each, dtype=float) for seed, each in self.right.items()}


def arm(
    levels: Levels,
    accuracy: Sequence[float] | Floats,
    validation: Sequence[float] | Floats | None = None,
    right: NDArray[np.bool_] | None = None,
    curves: Sequence[Floats] = (),
    baseline: bool = False,
) -> SimulatedArm:
    """Return an arm with these test accuracies by seed, NaN for a run that diverged.

    Validation accuracies are the same where they are not given, which is the hardest case for a choice among arms.
    `right` [seeds, images] says which test images each run got right, `curves` the validation accuracy over the run.
    """
    tested = {seed: float(value) for seed, value in enumerate(accuracy) if not np.isnan(value)}
    validated = tested if validation is None else {seed: float(validation[seed]) for seed in tested}
    label = ", ".join(f"{key} {value}" for key, value in levels.items())
    record = ArmRecord(label, dict(levels), baseline, {seed: f"{seed:012x}" for seed in range(len(accuracy))})
    rows = {
        seed: pd.DataFrame({"kind": "evaluation", "step": 10 * np.arange(1, len(curve) + 1), "val_top1": curve})
        for seed, curve in enumerate(curves)
    }
    answers = {} if right is None else {seed: right[seed] for seed in tested}
    numbers = {"test_top1": tested, "val_top1": validated, "fit_top1": tested}
    return SimulatedArm(record, _NO_RECORDS, rows, {}, simulated=numbers, right=answers)


def study(arms: Sequence[SimulatedArm], **more: Any) -> Analysis:
    """Return the analysis of a study of these arms, the first of which is the baseline unless one says so."""
    factors = {key: tuple(dict.fromkeys(each.arm.levels[key] for each in arms)) for key in arms[0].arm.levels}
    record = StudyRecord(
        "simulated", "?", "quick", factors, True, "classification", {}, "", tuple(each.arm for each in arms)
    )
    return Analysis(Path(), record, tuple(arms), TASKS["classification"], "test_top1", {"top1": CHANCE}, **more)


def noise(generator: Generator, arms: int, seeds: int, sds: Sequence[float] | float = SD) -> Floats:
    """Return normal noise [arms, seeds] of these sds; the seeds' runs share `SHARED` of their variance."""
    sd = np.broadcast_to(np.asarray(sds, dtype=float), (arms,))[:, None]
    common = generator.normal(size=(1, seeds))
    own = generator.normal(size=(arms, seeds))
    return sd * (np.sqrt(SHARED) * common + np.sqrt(1 - SHARED) * own)
