"""`litmus train` trains one network, `litmus vary` runs a study of config keys; neither needs a study's file."""

import dataclasses
import shlex
from collections.abc import Sequence
from typing import Any, Literal

import yaml

from litmus.cli.command import Parser
from litmus.cli.options import (
    CONFIG,
    CONFIG_HELP,
    NAME,
    SOURCE,
    SPLITS,
    add_environment,
    add_launch_keys,
    add_tuning_keys,
    all_config_keys,
    import_named_source,
    launch_config,
    parse_vary,
    read,
    read_config,
    read_some,
    tuning_of,
)
from litmus.cli.run import plans_by_dataset, run_plan, run_plans
from litmus.core.config_keys import Key, Keys, Settings
from litmus.core.errors import UserError
from litmus.datamodules.batches.config import DataConfig
from litmus.design.arms import DESIGNS
from litmus.design.experiment import asked_levels
from litmus.design.plan import Plan, as_registered, expand, registering_file
from litmus.design.study import Study
from litmus.launch.config import LaunchConfig
from litmus.launch.process_group import torchrun_group
from litmus.records.run_record import RunRecord
from litmus.records.study_record import read_study_record
from litmus.training.config import DEFAULT_ARCHITECTURE, config_keys, resolve


def parser(shown: Keys | None = None) -> Parser:
    """Return the command's parser, whose help lists the config keys `shown`."""
    parser = Parser("train", "Train one network: one run, or one per seed with --seeds. Every config key is an option.")
    parser.add_key(CONFIG)
    parser.add_key(Key("print_config", bool, False, "print the full config as YAML, and stop"))
    parser.add_key(SOURCE)
    add_environment(parser)
    parser.add_key(Key("seeds", int, None, "number of seeds: 0, 1, ... (default: one run, with --seed)"))
    parser.add_key(NAME)
    add_launch_keys(parser)
    parser.add_config_keys(shown or {}, shown=True)
    parser.add_config_keys(all_config_keys())
    return parser


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    source = import_named_source(arguments)
    shown: Keys = {}
    if {"-h", "--help"} & set(arguments):
        named = {"model.name": DEFAULT_ARCHITECTURE, "data.name": DataConfig.name}
        named.update(read_some(arguments, *named))
        shown = config_keys(named["model.name"], named["data.name"])
    options = read(parser(shown), arguments)
    # A study keeps no weights by default; whoever trains one network wants them.
    settings: dict[str, Any] = {"model.name": DEFAULT_ARCHITECTURE, "trainer.keep": "last"}
    if options.config is not None:
        settings.update(read_config(options.config))
    if "data.augment" in options.settings:
        # The file has the transforms of its own recipe too.
        settings.pop("data.transforms", None)
    settings.update(options.settings)
    config = resolve(settings)
    if options.print_config:
        print(yaml.safe_dump(config.as_dict(), sort_keys=False), end="")
        return 0
    seed = settings.pop("seed", None)
    if seed is not None and options.seeds is not None:
        raise UserError("--seed and --seeds exclude each other")
    model, data = str(config.model["name"]), config.data.name
    study = Study(
        name=_study_name("train", model),
        question=f"How well does {model} learn {data}?",
        base={"model.name": model},
        arms={f"{model} on {data}": {}},
        environment=options.environment,
    )
    plan = expand(study, seeds=options.seeds or 1, settings=settings, name=options.name)
    if seed is not None:
        plan = dataclasses.replace(plan, seeds=(config.seed,))
    launch = launch_config(options)
    status = run_plan(plan, launch, source or registering_file(plan))
    group, directory = torchrun_group(), plan.directory(launch.out)
    if launch.dry_run or (group is not None and group.rank):
        return status
    record = read_study_record(directory)
    run = next(iter(record.arms[0].runs.values()))
    if RunRecord(directory / run).state() == "finished":
        by_id = launch.out == LaunchConfig.out  # commands look in this folder by default
        name = run if by_id else shlex.quote(str(directory / run))
        # `litmus predict` cannot use the network of a task that the user's code defines.
        predict = [f"predict {name} IMAGES"] if record.custom_task is None else []
        for number, command in enumerate((f"show {name}", *predict, f"export {name}")):
            print(f"{'      ' if number else 'next: '}litmus {command}")
    return status


def vary_parser() -> Parser:
    """Return the parser of `litmus vary`."""
    parser = Parser(
        "vary", f"Compare any config keys, without a study file. The first levels are the baseline. {CONFIG_HELP}"
    )
    parser.add_argument(
        "--vary", metavar="KEY=A,B", action="append", default=[], help="a factor and its levels; repeatable"
    )
    design = "which combinations of levels become arms; leave_one_out and ladder need factors of two levels"
    parser.add_key(Key("design", Literal[tuple(DESIGNS)], "full", design))
    parser.add_key(Key("seeds", int, 3, "seeds per arm"))
    parser.add_key(SPLITS)
    parser.add_key(NAME)
    parser.add_key(SOURCE)
    add_environment(parser)
    add_tuning_keys(parser)
    add_launch_keys(parser)
    parser.add_config_keys(all_config_keys())
    return parser


def vary(arguments: Sequence[str]) -> int:
    """Run `litmus vary` and return its exit status."""
    source = import_named_source(arguments)
    options = read(vary_parser(), arguments)
    factors = {key: [as_registered(key, level) for level in levels] for key, levels in parse_vary(options.vary).items()}
    if not factors:
        raise UserError("nothing to vary: add --vary KEY=A,B, e.g. --vary model.norm=none,batch")
    several = "," in str(options.settings.get("data.name", ""))
    if several and "data.name" in factors:
        raise UserError("--data lists several datasets and --vary varies data.name; use one of the two")
    baseline = {key: levels[0] for key, levels in factors.items()}
    keys = " and ".join(factors)

    def make_plan(settings: Settings) -> Plan:
        config = resolve({**settings, **baseline})
        model = "models" if "model.name" in factors else str(config.model["name"])
        data = "datasets" if several or "data.name" in factors else config.data.name
        study = Study(
            name=_study_name("vary", model),
            question=f"What {'do' if len(factors) > 1 else 'does'} {keys} change for {model} on {data}?",
            base={} if "model.name" in factors else {"model.name": model},
            factors=factors,
            baseline=baseline,
            design=options.design,
            environment=options.environment,
        )
        plan = expand(study, seeds=options.seeds, settings=settings, tuning=tuning_of(options), splits=options.splits)
        # A ladder's arms follow from the order of its factors.
        design = {"full": {}, "ladder": {"ladder": ",".join(factors)}}.get(options.design, {options.design: ""})
        return dataclasses.replace(plan, asked={**plan.asked, **asked_levels(factors, baseline), **design})

    plans = plans_by_dataset(options.settings, make_plan, options.name)
    source = source or registering_file(*plans.values())
    return run_plans(plans, launch_config(options), source, command=["vary", *arguments], name=options.name)


def _study_name(command: str, model: str) -> str:
    return f"{command}-{model}".replace("/", "-")  # torchvision/resnet18
