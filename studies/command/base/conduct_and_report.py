"""What `litmus run`, `vary` and `train` do once they have a plan: conduct it, write the report, tell the answer."""

import sys
from collections.abc import Sequence
from pathlib import Path

from litmus.settings import Settings
from studies.command.base.columns import say, width
from studies.command.base.next_steps import next_steps
from studies.command.base.python import finish
from studies.design.plan import Plan
from studies.launch.conduct import conduct, dry_run
from studies.launch.interruption import Interrupted
from studies.launch.machine import LaunchConfig
from studies.launch.until_decided import conduct_until_decided
from studies.report.ingredients import design_lines


def conduct_and_report(
    plan: Plan,
    launch: LaunchConfig,
    settings: Settings,
    source: Path | None = None,
    max_seeds: int | None = None,
    command: Sequence[str] = (),
) -> int:
    """Run what is missing of `plan`, write the report, tell the answer and return the exit status.

    Where `max_seeds` is given, seeds are added until the claims are decided, at most so many. `command` is what was
    typed behind `litmus`: with it, what to do next is told.
    """
    if launch.dry_run:
        print(dry_run(plan, launch))
        return 0
    for line in design_lines(plan.record((), settings)):
        print(line, file=sys.stderr)
    try:
        if max_seeds is None:
            conducted = conduct(plan, launch, settings, source)
        else:
            conducted = conduct_until_decided(plan, launch, settings, source, max_seeds)
    except Interrupted as interruption:
        print(f"litmus: stopped by {interruption}; {interruption.advice}", file=sys.stderr)
        return interruption.exit_status
    if not conducted.is_first:
        return 1 if conducted.outcome.crashed else 0
    outcome = conducted.outcome
    if outcome.missing:
        left = "1 run has" if len(outcome.missing) == 1 else f"{len(outcome.missing)} runs have"
        print(f"litmus: the jobs ended and {left} no result; the same command submits the rest", file=sys.stderr)
        if not outcome.finished and not outcome.diverged:
            return 1
    result = finish(plan.study, conducted)
    say(result.answer)
    for line in (*result.details, f"report: {result.report}"):
        print(line)
    if command and max_seeds is None:
        seeds = min(len(plan.seeds_of(arm.label)) for arm in plan.arms)
        for line in next_steps(result.undecided, command, seeds, width()):
            print(line)
    by_error: dict[str, list[str]] = {}
    for run, error in result.crashed.items():
        by_error.setdefault(error, []).append(run)
    for error, runs in by_error.items():
        which = f"run {runs[0]}" if len(runs) == 1 else f"{len(runs)} runs"
        print(f"litmus: {which} crashed: {error}; see {conducted.directory / runs[0] / 'log.txt'}", file=sys.stderr)
    return 1 if result.crashed or outcome.missing else 0
