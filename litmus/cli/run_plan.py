"""What `litmus run`, `vary` and `train` do once they have a plan: run it, write the report, print the answer."""

import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from litmus.api import finish
from litmus.cli.terminal import say, width, wrapped
from litmus.core.config_keys import Keys, Settings, unknown_key
from litmus.core.errors import UserError
from litmus.core.formatting import several
from litmus.datamodules.loading.registry import DATASETS
from litmus.design.plan import Plan
from litmus.evidence.datasets import write_datasets
from litmus.evidence.summary import MOST, Undecided
from litmus.launch.checks import check
from litmus.launch.conduct import conduct, dry_run
from litmus.launch.config import LaunchConfig
from litmus.launch.signals import Interrupted
from litmus.launch.until_decided import conduct_until_decided
from litmus.report.overviews import joint_lines
from litmus.training.config import DEFAULT_ARCHITECTURE, config_keys

WORTH_IT = 100
"""Seeds of an arm beyond which a number is printed and not recommended."""

_REPLACED = ("--seeds", "--until", "--max-seeds", "--max_seeds")


@dataclass(frozen=True)
class Dataset:
    """A dataset of several: what it is called, and the settings of a study on it."""

    name: str
    settings: dict[str, Any]


def datasets_of(settings: Settings) -> list[Dataset]:
    """Return the datasets that `data.name` names, each with the settings that apply to it; the study's own for none.

    `folder:DIR` is the dataset `folder` with `data.root` DIR. Of the keys of `data` each gets those that it has. Raises
    `UserError` for an unknown dataset, a key that none of them has, and for the same one twice.
    """
    if "data.name" not in settings:
        return [Dataset("", dict(settings))]
    found: dict[str, Dataset] = {}
    names = [text.strip() for text in str(settings["data.name"]).split(",")]
    for key in settings:
        keys_of = [_keys(name.partition(":")[0]) for name in names]
        if key.startswith("data.") and not any(key in keys for keys in keys_of):
            raise unknown_key(key, {name: None for keys in keys_of for name in keys}, " and ".join(names))
    for text in names:
        dataset, _, root = text.partition(":")
        keys = _keys(dataset)
        own = {key: value for key, value in settings.items() if not key.startswith("data.") or key in keys}
        own["data.name"] = dataset
        if root:
            own["data.root"] = root
        name = f"{dataset}-{Path(root).resolve().name}" if root else dataset
        if name in found:
            raise UserError(f"--data names {text} twice")
        found[name] = Dataset(name, own)
    return list(found.values())


def _keys(dataset: str) -> Keys:
    return config_keys(DEFAULT_ARCHITECTURE, DATASETS[dataset].name)


def run_on_datasets(
    plans: Mapping[str, Plan],
    datasets: Sequence[Dataset],
    launch: LaunchConfig,
    source: Path | None,
    max_seeds: int | None,
) -> int:
    """Run a study's plan for each of several datasets, then report on them together; return the exit status.

    Each dataset has its own folder. Raises `UserError` before any run starts where one could not.
    """
    study = next(iter(plans.values())).study
    plans = {name: replace(plan, folder=f"{study.name}.{name}") for name, plan in plans.items()}
    for plan in plans.values():
        for arm in plan.arms:
            check(arm.config, launch.devices)
    status = 0
    for dataset in datasets:
        print(f"{dataset.name}:")
        ended = run_plan(plans[dataset.name], launch, dataset.settings, source, max_seeds)
        if ended > 1:
            return ended
        status = max(status, ended)
    together = Path(launch.out) / f"{study.name}.datasets"
    write_datasets(together, study.name, {name: plan.folder for name, plan in plans.items()})
    print("\n".join(joint_lines(together, study, {name: plan.directory(launch.out) for name, plan in plans.items()})))
    return status


def run_plan(
    plan: Plan,
    launch: LaunchConfig,
    settings: Settings,
    source: Path | None = None,
    max_seeds: int | None = None,
    command: Sequence[str] = (),
) -> int:
    """Run what is missing of `plan`, write the report, print the answer and return the exit status.

    Where `max_seeds` is given, seeds are added until the claims are decided, at most so many. `command` is what was
    typed after `litmus`; with it, the command that adds seeds is printed.
    """
    if launch.dry_run:
        print(dry_run(plan, launch))
        return 0
    try:
        if max_seeds is None:
            ended = conduct(plan, launch, settings, source)
        else:
            ended = conduct_until_decided(plan, launch, settings, source, max_seeds)
    except Interrupted as interruption:
        print(f"litmus: stopped by {interruption}; {interruption.advice}", file=sys.stderr)
        return interruption.exit_status
    if ended.rank > 0:
        return 1 if ended.crashed else 0
    if ended.missing:
        left = "1 run has" if len(ended.missing) == 1 else f"{len(ended.missing)} runs have"
        print(f"litmus: the jobs ended and {left} no result; the same command submits the rest", file=sys.stderr)
        if not ended.finished and not ended.diverged:
            return 1
    result = finish(plan.study, ended)
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
        print(f"litmus: {which} crashed: {error}; see {ended.directory / runs[0] / 'log.txt'}", file=sys.stderr)
    return 1 if result.crashed or ended.missing else 0


def next_steps(open_questions: Sequence[Undecided], command: Sequence[str], seeds: int, columns: int) -> list[str]:
    """Return what would decide what a study left open, in lines; nothing where nothing is, or no seeds would do.

    `command` is what was typed after `litmus`, `seeds` how many seeds each arm has.
    """
    if not open_questions:
        return []
    rows = [
        (several(each.seeds, "seed") if each.seeds is not None else f"over {MOST:,} seeds", each.what)
        for each in open_questions
    ]
    room = max(len(number) for number, _ in rows) + 2
    lines = wrapped("Still inconclusive; were the effects those found so far, each arm would need about:", columns)
    for number, what in rows:
        first, *others = wrapped(what, columns - room - 2)
        lines += [f"  {number:<{room}}{first}", *(" " * (room + 2) + other for other in others)]
    within_reach = [each.seeds for each in open_questions if each.seeds is not None and each.seeds <= WORTH_IT]
    if within_reach:
        lines.append(f"next: {_typed(command)} --seeds {max(max(within_reach), seeds + 1)}")
    return lines


def _typed(command: Sequence[str]) -> str:
    kept, skip = [], False
    for word in command:
        if skip or word.partition("=")[0] in _REPLACED:
            skip = not skip and "=" not in word
            continue
        kept.append(word)
    return shlex.join(["litmus", *kept])
