"""`litmus run`: run what is missing of a study, then write its report. `vary` and `train` run their plans here too."""

import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import PositiveInt

from litmus.api import finish
from litmus.cli.command import Parser, say, width
from litmus.cli.options import (
    CONFIG_HELP,
    NAME,
    SPLITS,
    add_launch_keys,
    add_tuning_keys,
    all_config_keys,
    import_named_source,
    launch_config,
    parse_vary,
    read,
    tuning_of,
)
from litmus.core.config_keys import Key, Settings, unknown_key
from litmus.core.errors import UserError
from litmus.datamodules.loading.registry import DATASETS
from litmus.design.answerable import earlier_results, too_narrow, warning
from litmus.design.experiment import experiment_name
from litmus.design.plan import Plan, expand, registering_file
from litmus.design.study import Study, require_folder_name
from litmus.design.study_files import lookup_study
from litmus.design.tuning import as_tuning
from litmus.evidence.datasets import write_datasets
from litmus.evidence.results import analyse
from litmus.launch.checks import check
from litmus.launch.conduct import conduct, dry_run
from litmus.launch.config import LaunchConfig
from litmus.launch.forecast import forecast
from litmus.launch.signals import Interrupted
from litmus.launch.until_decided import conduct_until_decided, seeds_to_start_with
from litmus.report.answer import next_step
from litmus.report.datasets import write_joint
from litmus.report.printed import results_of
from litmus.training.config import DEFAULT_ARCHITECTURE, config_keys

SEEDS_OPTIONS = ("--seeds", "--max-seeds", "--max_seeds")


def parser() -> Parser:
    """Return the command's parser."""
    parser = Parser("run", f"Run the missing runs of a study, then write its report. {CONFIG_HELP}")
    parser.add_argument(
        "study_or_file", metavar="study", help="a name of `litmus list studies`, or the path of a study's file"
    )
    preset = "quick (minutes on a laptop), paper (the paper's protocol), or another preset of the study"
    parser.add_key(Key("preset", str, "quick", preset))
    parser.add_key(Key("seeds", int, None, "seeds per arm (default: the study's)"))
    parser.add_key(Key("first_seed", int, 0, "the first seed; fresh seeds, such as from 100, confirm a finding"))
    parser.add_key(SPLITS)
    until = "add seeds until the primary claims are decided, up to N per arm"
    parser.add_key(Key("max_seeds", PositiveInt | None, None, until))
    parser.add_argument(
        "--vary", metavar="KEY=A,B", action="append", default=[], help="other levels of a factor; repeatable"
    )
    parser.add_key(NAME)
    parser.add_argument("--forecast", action="store_true", help="estimate runs, steps and hours, and stop")
    add_tuning_keys(parser)
    add_launch_keys(parser)
    parser.add_config_keys(all_config_keys())
    return parser


def execute(arguments: Sequence[str], study: Study | None = None, source: Path | None = None) -> int:
    """Run the command and return its exit status.

    `study` is given where its file is run as a script, and `source`, that file, where it is not one of the package's.
    """
    import_named_source(arguments)
    if study is None:
        # The file may register networks and datasets, which have options: it is imported before these are read.
        study, source = lookup_study(parser().read_known(arguments)[0].study_or_file)
    options = read(parser(), arguments, study.base)
    study = study.at(options.preset)
    max_seeds = options.max_seeds
    launch = launch_config(options)

    def make_plan(settings: Settings) -> Plan:
        return expand(
            study,
            preset=options.preset,
            seeds=options.seeds if max_seeds is None else seeds_to_start_with(study, options.seeds),
            first_seed=options.first_seed,
            settings=settings,
            vary=parse_vary(options.vary),
            tuning=tuning_of(options, as_tuning(study.tune)),
            splits=options.splits,
        )

    plans = plans_by_dataset(options.settings, make_plan, options.name)
    # The command is printed again with more seeds, where the path must be valid in every folder.
    typed = [str(source) if source is not None and each == study.name else each for each in arguments]
    source = source or registering_file(*plans.values())
    if options.forecast:
        print("\n".join(line for plan in plans.values() for line in forecast(plan, launch, source).lines()))
        return 0
    if options.preset != "quick":
        # It may take hours. Another process measures: a CUDA context here would keep a GPU in exclusive mode from the
        # workers.
        measuring = [sys.executable, "-m", "litmus.cli.main", "run", *typed, "--forecast"]
        lines = subprocess.run(measuring, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
        print(lines, end="", file=sys.stderr)
    return run_plans(plans, launch, source, max_seeds, command=["run", *typed], name=options.name)


def plans_by_dataset(settings: Settings, make_plan: Callable[[Settings], Plan], name: str = "") -> dict[str, Plan]:
    """Return the plan for each dataset of `data.name`; `name` is what the user calls the experiment.

    Where there are several datasets, each has an experiment of its own.
    """
    plans = {dataset: make_plan(each) for dataset, each in settings_by_dataset(settings).items()}
    if not name:
        return plans
    require_folder_name(name)
    if len(plans) == 1:
        return {dataset: replace(plan, named=name) for dataset, plan in plans.items()}
    return {dataset: replace(plan, named=experiment_name(name, {"data": dataset})) for dataset, plan in plans.items()}


def settings_by_dataset(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return the settings for each dataset that `data.name` lists, by name; by an empty name where it is not set.

    `folder:DIR` is the dataset `folder` with `data.root` DIR. Each dataset gets those of the `data` keys that it has.
    Raises `UserError` for an unknown dataset, a dataset that is named twice, and a key that none of them has.
    """
    if "data.name" not in settings:
        return {"": dict(settings)}
    typed = [text.strip().partition(":") for text in str(settings["data.name"]).split(",")]
    named = [(DATASETS[name].name, colon, root) for name, colon, root in typed]
    keys_of = {name: config_keys(DEFAULT_ARCHITECTURE, name) for name, _, _ in named}
    for key in settings:
        if key.startswith("data.") and not any(key in keys for keys in keys_of.values()):
            raise unknown_key(key, {name: None for keys in keys_of.values() for name in keys}, " and ".join(keys_of))
    found: dict[str, dict[str, Any]] = {}
    for dataset, _, root in named:
        name = f"{dataset}-{Path(root).resolve().name}" if root else dataset
        if name in found:
            raise UserError(f"--data names {name} twice")
        valid = {
            key: value for key, value in settings.items() if not key.startswith("data.") or key in keys_of[dataset]
        }
        found[name] = {**valid, "data.name": dataset, **({"data.root": root} if root else {})}
    return found


def run_plans(
    plans: Mapping[str, Plan],
    launch: LaunchConfig,
    source: Path | None,
    max_seeds: int | None = None,
    command: Sequence[str] = (),
    name: str = "",
) -> int:
    """Run a plan, or one for each of several datasets with a report on them together, and return the exit status.

    `name` is what the user calls the experiment.

    Raises `UserError` before any run starts where one could not.
    """
    first = next(iter(plans.values()))
    if len(plans) == 1:
        return run_plan(first, launch, source, max_seeds, command)
    for plan in plans.values():
        for arm in plan.arms:
            check(arm.config, launch.devices)
    status = 0
    for dataset, plan in plans.items():
        print(f"{dataset}:")
        ended = run_plan(plan, launch, source, max_seeds)
        if ended > 1:
            return ended
        status = max(status, ended)
    asked = {name: text for plan in plans.values() for name, text in plan.asked.items()} | {"data": ",".join(plans)}
    together = replace(first, asked=asked, named=name).directory(launch.out)
    write_datasets(together, first.study.name, {dataset: plan.name for dataset, plan in plans.items()})
    analyses = {dataset: analyse(plan.directory(launch.out)) for dataset, plan in plans.items()}
    path, lines = write_joint(together, analyses, first.study.claims)
    print("\n".join([*lines, f"report: {path}"]))
    return status


def run_plan(
    plan: Plan,
    launch: LaunchConfig,
    source: Path | None,
    max_seeds: int | None = None,
    command: Sequence[str] = (),
) -> int:
    """Run what is missing of `plan`, write the report, print the answer and return the exit status.

    With `max_seeds`, seeds are added until the claims are decided, at most so many for each arm. `command` is what was
    typed after `litmus`: with it, the command that adds seeds is printed.
    """
    if launch.dry_run:
        print(dry_run(plan, launch))
        return 0
    earlier = earlier_results(plan.directory(launch.out))
    if text := warning(too_narrow(plan, earlier)):
        print(f"litmus: {text}", file=sys.stderr)
    try:
        if max_seeds is None:
            ended = conduct(plan, launch, source)
        else:
            ended = conduct_until_decided(plan, launch, source, max_seeds)
    except Interrupted as interruption:
        print(f"litmus: stopped by {interruption}; {interruption.advice}", file=sys.stderr)
        return interruption.exit_status
    if ended.rank > 0:
        return 1 if ended.crashed else 0
    lost = bool(ended.missing) and launch.launcher != "none"
    if lost:
        left = "1 run has" if len(ended.missing) == 1 else f"{len(ended.missing)} runs have"
        logs = f"their logs are in {ended.directory / 'slurm'}"
        print(
            f"litmus: the jobs ended and {left} no result; {logs}; the same command submits the rest", file=sys.stderr
        )
    if ended.missing and not ended.finished and not ended.diverged:
        return 1 if lost or ended.crashed else 0
    result = finish(plan.study, ended)
    print("\n".join(results_of(result, width())))
    if (
        command
        and max_seeds is None
        and result.summary is not None
        and (step := next_step(result.summary, again(command)))
    ):
        say(f"next: {step}")
    by_error: dict[str, list[str]] = {}
    for run, error in result.crashed.items():
        by_error.setdefault(error, []).append(run)
    for error, runs in by_error.items():
        which = f"run {runs[0]}" if len(runs) == 1 else f"{len(runs)} runs"
        print(f"litmus: {which} crashed: {error}; see {ended.directory / runs[0] / 'log.txt'}", file=sys.stderr)
    return 1 if result.crashed or lost else 0


def again(command: Sequence[str]) -> str:
    """Return the command that was typed after `litmus`, without the options that say how many seeds there are."""
    kept: list[str] = []
    words = iter(command)
    for word in words:
        if word in SEEDS_OPTIONS:
            next(words, None)
        elif word.partition("=")[0] not in SEEDS_OPTIONS:
            kept.append(word)
    return shlex.join(["litmus", *kept])
