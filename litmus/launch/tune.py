"""Tune a study: every arm tries the same values, and chooses on the validation split before it is compared."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from litmus.core.metrics import task_named
from litmus.design.plan import Arm, Plan
from litmus.design.tuning import Tuning
from litmus.evidence.tuning import arm_tunings
from litmus.lit_archs.building.registry import ARCHITECTURES
from litmus.records.study_record import TrialRecord, TuningRecord, arm_label
from litmus.training.run import Run


def tune(
    plan: Plan,
    tuning: Tuning,
    directory: Path,
    make_run: Callable[[Arm, int, str], Run],
    execute: Callable[[Sequence[Run]], None],
    write: Callable[[TuningRecord], None],
) -> tuple[Plan | None, TuningRecord, list[Run]]:
    """Execute the missing trials; return the plan with each arm's chosen values, and the record of the trials.

    Also return the runs of the trials. `make_run` makes the run of an arm with a seed and a trial's name; `write` gets
    the record before the trials run. The plan is None if a trial crashed: an arm with fewer trials would have a smaller
    budget, so nothing is chosen.
    """
    task = task_named(ARCHITECTURES[plan.baseline.config.model["name"]].task)
    labels = [arm.label for arm in plan.arms]
    runs = {
        (arm.label, index, seed): make_run(arm.at(point), seed, arm_label(point))
        for index, point in enumerate(tuning.points)
        for seed in tuning.seed_numbers
        for arm in plan.arms
    }
    trials = tuple(
        TrialRecord(point, {label: {s: runs[label, index, s].run_id for s in tuning.seed_numbers} for label in labels})
        for index, point in enumerate(tuning.points)
    )
    space = {key: values_text(values) for key, values in tuning.space.items()}
    record = TuningRecord(space, tuning.seed_numbers, trials, {})
    write(record)
    execute(list(runs.values()))
    found = arm_tunings(directory, record, task, labels)
    chosen = {each.label: each.points[each.chosen] for each in found if each.chosen is not None}
    if len(chosen) < len(plan.arms):
        return None, record, list(runs.values())
    return plan.tuned(chosen), replace(record, chosen=chosen), list(runs.values())


def values_text(values: object) -> str:
    """Return the values of a key's search space, as a user types them: `0.1, 0.3, 1` or `0.001..1`."""
    return ", ".join(map(str, values)) if isinstance(values, list | tuple) else str(values)
