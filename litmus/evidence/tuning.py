"""What a study's trials say: what each arm chooses on the validation split, and what a budget can be expected to reach.

The test set has no part in it: a trial does not even evaluate it.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from litmus.core.metrics import METRICS, Task
from litmus.records.run_record import FAILURES, RunRecord
from litmus.records.storage import CorruptRecord
from litmus.records.study_record import TuningRecord


@dataclass(frozen=True)
class ArmTuning:
    """An arm's trials and the one that it chooses.

    Args:
        label: the arm.
        points: what was tried.
        scores: the validation metric of each, the mean over the tuning seeds; a diverged run counts as guessing; NaN
            where a run has no result.
        diverged: how many runs of each diverged.
        chosen: the place of the chosen one, None until all trials have their result.
        edges: of the keys with an order, those whose chosen value is the lowest or the highest that was tried:
            (at the low end, at the high end).
    """

    label: str
    points: tuple[dict[str, Any], ...]
    scores: tuple[float, ...]
    diverged: tuple[int, ...]
    chosen: int | None
    edges: dict[str, tuple[bool, bool]]


def arm_tunings(directory: Path, tuning: TuningRecord, task: Task, arms: Sequence[str]) -> list[ArmTuning]:
    """Return each arm's trials with the results that they have so far."""
    points = tuple(trial.values for trial in tuning.trials)
    found = []
    for label in arms:
        results = [_scores(directory, trial.runs.get(label, {}), task) for trial in tuning.trials]
        scores = tuple(sum(values) / len(values) if values else math.nan for values, _ in results)
        failed = [index for index, (values, count) in enumerate(results) if count == len(values)]
        chosen = choice(points, scores, METRICS[task.primary_metric].higher_is_better, failed)
        edges = {} if chosen is None else edges_of(points, points[chosen])
        found.append(ArmTuning(label, points, scores, tuple(diverged for _, diverged in results), chosen, edges))
    return found


def choice(
    points: Sequence[Mapping[str, Any]], scores: Sequence[float], higher_is_better: bool, failed: Collection[int] = ()
) -> int | None:
    """Return the place of the best score; of several alike the one at the fewest edges. None where one is missing.

    A trial of `failed`, whose runs all diverged, is chosen only where all trials failed: it counts as guessing, and a
    run that trains badly may end below that.
    """
    if not scores or any(math.isnan(score) for score in scores):
        return None
    places = [index for index in range(len(scores)) if index not in failed] or range(len(scores))
    best = (max if higher_is_better else min)(scores[index] for index in places)
    alike = [index for index in places if scores[index] == best]
    return min(alike, key=lambda index: len(edges_of(points, points[index])))


def edges_of(points: Sequence[Mapping[str, Any]], chosen: Mapping[str, Any]) -> dict[str, tuple[bool, bool]]:
    """Return the keys of which `chosen` has the lowest or the highest value of all that were tried.

    Keys whose values have no order, names and booleans, have no edge.
    """
    found = {}
    for key, value in chosen.items():
        tried = [point[key] for point in points]
        if all(isinstance(each, int | float) and not isinstance(each, bool) for each in tried):
            ends = (value == min(tried), value == max(tried))
            if any(ends):
                found[key] = ends
    return found


def _scores(directory: Path, runs: Mapping[int, str], task: Task) -> tuple[list[float], int]:
    """Return the validation scores of a trial's runs, NaN where one has no result, and how many diverged."""
    scores, diverged = [], 0
    for run in runs.values():
        try:
            record = RunRecord(directory / run)
            state, summary = record.state(), record.read_summary()
        except CorruptRecord:
            state, summary = "corrupt", {}
        if state in FAILURES and summary:
            diverged += 1
            data = summary["data"]
            chance = METRICS[task.primary_metric].chance(data["num_classes"], data.get("majority_share", 0.0))
            scores.append(chance)
        elif state == "finished" and summary:
            score = summary["metrics"].get(f"val_{task.primary_metric}")
            scores.append(math.nan if score is None else float(score))
        else:
            scores.append(math.nan)
    return scores, diverged
