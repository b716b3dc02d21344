"""What is written before anything runs: the plan, what was seen before it, and what the user should know of both."""

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from litmus.core.errors import UserError
from litmus.core.formatting import several
from litmus.design.plan import Plan
from litmus.evidence.estimate import ALPHA, AS_PLANNED, Sampling
from litmus.evidence.preregistration import earlier_experiments, registration
from litmus.evidence.results import analyse
from litmus.evidence.summary import arm_statistics
from litmus.launch.tune import values_text
from litmus.records.run_record import STATES_WITH_RESULT
from litmus.records.study_record import PlanEntry, StudyRecord, append_plan, hash_of, read_plans, to_text
from litmus.records.user_code import code_version
from litmus.training.identity import identity_settings
from litmus.training.run import Run


def append_to_history(
    plan: Plan, directory: Path, runs: Sequence[Run], record: StudyRecord, looked: bool, same_code: bool = False
) -> None:
    """Append `plan` to the history of its folder, unless it is already there.

    Args:
        plan: the plan.
        directory: its folder.
        runs: its runs.
        record: what its folder keeps of it.
        looked: whether results decide how many seeds follow; the planned seeds are then those that the study declares.
        same_code: whether runs of the user's code before a change count as those of the code as it is.
    """
    varied = {key for arm in plan.arms for key in arm.levels} | {"seed"}
    space = plan.tuning.space if plan.tuning is not None else {}
    tuned = {key: values_text(values) for key, values in space.items()}
    before = read_plans(directory)
    code = code_version(record.codes[0]) if record.codes else ""
    experiment = {
        "config": {key: value for key, value in identity_settings(plan.baseline.config).items() if key not in varied},
        "data": record.data,
        "code": before[-1].code if same_code and before else code,
        "tuned": tuned,
        "splits": plan.splits,
    }
    first_seed = plan.seeds[0]
    entry = PlanEntry(
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        experiment=hash_of(experiment),
        preset=plan.preset,
        arms={arm.label: arm.levels for arm in plan.arms},
        seeds=tuple(range(first_seed, first_seed + plan.study.seeds)) if looked else plan.seeds,
        looked=looked,
        claims=tuple(claim.key for claim in plan.study.claims),
        tuned=tuned,
        results_before=sum(run.record.state() in STATES_WITH_RESULT for run in runs),
        code=str(experiment["code"]),
        earlier=earlier_experiments(directory, record, same_code),
    )
    append_plan(directory, replace(entry, confirms=_confirmed(directory.parent, entry)))


def _confirmed(out: Path, entry: PlanEntry) -> str:
    """Return the earlier experiment whose design and claims `entry` repeats on seeds that none has used; else empty."""
    if any(set(each.seeds) & set(entry.seeds) for each in entry.earlier):
        return ""
    for each in entry.earlier:
        plans = read_plans(out / each.experiment)
        if any(
            plan.experiment == entry.experiment == plans[-1].experiment
            and to_text([plan.arms, plan.claims]) == to_text([entry.arms, entry.claims])
            for plan in plans
        ):
            return each.experiment
    return ""


def lines_about_history(plan: Plan, directory: Path, record: StudyRecord, looked: bool) -> list[str]:
    """Return what the user should know before the runs of `plan` start: earlier looks, and seeds beyond the plan."""
    found = registration(directory, record)
    if found.plan is None or looked:
        return []
    lines = []
    if found.plan.earlier and found.plan.claims and not found.plan.confirms:
        used = [*plan.seeds, *(seed for each in found.plan.earlier for seed in each.seeds)]
        lines.append(
            f"{found.earlier_in_words()} had results on the same test images, so that the claims are exploratory here; "
            f"once nothing changes any more, --first-seed {max(used) + 1} tests them on fresh seeds"
        )
    planned = len(found.plan.seeds)
    if len(plan.seeds) > planned and not found.plan.looked:
        wider = _expected(directory, len(plan.seeds), Sampling(planned))
        fresh = _expected(directory, planned, AS_PLANNED)
        lines += [
            f"{several(planned, 'seed')} were planned. With {len(plan.seeds)}, intervals must hold at any number of "
            f"seeds and are wider{wider}",
            f"with {planned} fresh seeds (--first-seed {plan.seeds[0] + planned} in place of --seeds "
            f"{len(plan.seeds)}) they stay as planned{fresh}",
        ]
    return lines


def _expected(directory: Path, seeds: int, sampling: Sampling) -> str:
    """Return the intervals to expect of so many seeds, given the spread of the results so far; empty without these."""
    try:
        analysis = analyse(directory)
    except UserError:
        return ""
    compared = [each.comparison for each in arm_statistics(analysis, analysis.test_metric)]
    effects = [each.difference for each in compared if each is not None and each.difference.n > 1]
    # Splits are left out: their number need not grow with the seeds.
    halves = sorted(replace(each, n=seeds, sampling=sampling).half_width(ALPHA) for each in effects if not each.seeds)
    if not halves or math.isnan(halves[-1]):
        return ""
    if math.isinf(halves[-1]):
        return ": so few seeds leave none"
    ends = dict.fromkeys(analysis.unit.amount(each) for each in (halves[0], halves[-1]))
    return f": about ±{' to ±'.join(ends)} {analysis.unit.difference_name}".rstrip()
