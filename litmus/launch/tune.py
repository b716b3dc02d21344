"""Tune a study: every arm tries the same values, and chooses on the validation split before it is compared."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from litmus.core.errors import UserError
from litmus.core.metrics import task_named
from litmus.design.plan import Arm, Plan
from litmus.design.tuning import Point, Tuning
from litmus.evidence.tuning import ArmTuning, arm_tunings
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
    """Execute what is missing of the trials; return the plan with each arm at what it chose, and what was tried.

    The last value are the runs of the trials. `make_run` makes the run of an arm with a seed, its text says what a
    trial sets; `write` is given the trials before they run. The plan is None where a trial crashed: nothing is chosen
    then, since an arm with fewer trials would have less of a budget.
    """
    task = task_named(ARCHITECTURES[plan.baseline.config.model["name"]].task)
    while True:
        runs = {
            (arm.label, index, seed): make_run(arm.at(point), seed, arm_label(point))
            for index, point in enumerate(tuning.points)
            for seed in tuning.seed_numbers
            for arm in plan.arms
        }
        record = TuningRecord(
            {key: values_text(values) for key, values in tuning.space.items()},
            tuning.seed_numbers,
            tuple(
                TrialRecord(
                    point,
                    {a.label: {s: runs[a.label, index, s].run_id for s in tuning.seed_numbers} for a in plan.arms},
                )
                for index, point in enumerate(tuning.points)
            ),
            {},
        )
        write(record)
        execute(list(runs.values()))
        found = arm_tunings(directory, record, task, [arm.label for arm in plan.arms])
        chosen = {each.label: each.points[each.chosen] for each in found if each.chosen is not None}
        if len(chosen) < len(plan.arms):
            return None, record, list(runs.values())
        wider = _extended(plan, tuning, found) if tuning.extend else None
        if wider is None:
            return plan.tuned(chosen), replace(record, chosen=chosen), list(runs.values())
        tuning = wider


def values_text(values: object) -> str:
    """Return what a key is chosen from, as it is typed: `0.1, 0.3, 1` or `0.001..1`."""
    return ", ".join(map(str, values)) if isinstance(values, list | tuple) else str(values)


def _extended(plan: Plan, tuning: Tuning, found: Sequence[ArmTuning]) -> Tuning | None:
    """Return the tuning with more values beyond the edges that any arm chose; None where there are none."""
    edges: dict[str, tuple[bool, bool]] = {}
    for each in found:
        for key, (low, high) in each.edges.items():
            before = edges.get(key, (False, False))
            edges[key] = (before[0] or low, before[1] or high)
    if not edges:
        return None
    wider = tuning.extended(edges)
    valid = tuple(point for point in wider.points if _is_valid(plan, point))
    return replace(wider, points=valid) if len(valid) > len(tuning.points) else None


def _is_valid(plan: Plan, point: Point) -> bool:
    # Beyond an edge there may be nothing: a momentum of one, say.
    try:
        for arm in plan.arms:
            arm.at(point)
    except UserError:
        return False
    return True
