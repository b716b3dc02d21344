"""`litmus train` trains one network, `litmus vary` runs a study of config keys; neither needs a study's file."""

import dataclasses
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import yaml

from litmus.cli.options import (
    CONFIG_HELP,
    SOURCE,
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
from litmus.cli.parser import Parser
from litmus.cli.run_plan import datasets_of, run_on_datasets, run_plan
from litmus.core.config_keys import Key, Keys, Settings, flatten, read_mapping
from litmus.core.errors import UserError
from litmus.datamodules.batches.config import DataConfig
from litmus.design.arms import DESIGNS
from litmus.design.plan import Plan, expand
from litmus.design.study import Study, require_study_name
from litmus.launch.config import LaunchConfig
from litmus.launch.torchrun import torchrun_group
from litmus.records.run_record import RunRecord
from litmus.records.study_record import read_study_record, short_name
from litmus.training.config import DEFAULT_ARCHITECTURE, config_keys, resolve

DESIGN = Key(
    "design",
    Literal[tuple(DESIGNS)],
    "full",
    "which combinations of the levels are arms; all but full are for factors of two levels, one_at_a_time for any",
)


def parser(shown: Keys | None = None) -> Parser:
    """Return the command's parser, whose help lists the config keys `shown`."""
    parser = Parser("train", "Train one network: a run, or with --seeds one a seed.")
    parser.add_key(Key("config", Path | None, None, "YAML of config keys, such as a run's own"))
    parser.add_argument("--print_config", action="store_true", help="print the resolved config and stop")
    parser.add_key(SOURCE)
    parser.add_key(Key("seeds", int, None, "seeds 0, 1, ... (default: --seed alone)"))
    parser.add_key(Key("name", str, None, "folder under --out (default: from the config)"))
    add_launch_keys(parser)
    parser.add_config_keys(shown or {}, shown=True)
    parser.add_config_keys(all_config_keys())
    return parser


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    source = import_named_source(arguments)
    asks_help = {"-h", "--help"} & set(arguments)
    options = read(parser(config_keys(*_names(arguments)) if asks_help else None), arguments)
    # Who trains one network wants it; a study is about what its runs measure.
    settings: dict[str, Any] = {"model.name": DEFAULT_ARCHITECTURE, "trainer.keep": "last"}
    if options.config is not None:
        settings.update(flatten(read_mapping(options.config, "--config", "a mapping of config keys")))
    if "data.augment" in options.settings:
        # The file's recipe is written out beside its name; both go.
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
        name=_study_name(options.name, "train", model, data),
        question=f"How well does {model} learn {data}?",
        base=settings,
        arms={f"{model} on {data}": {}},
    )
    plan = expand(study, seeds=options.seeds or 1)
    if seed is not None:
        plan = dataclasses.replace(plan, seeds=(config.seed,))
    launch = launch_config(options)
    status = run_plan(plan, launch, settings, source)
    group, directory = torchrun_group(), plan.directory(launch.out)
    if launch.dry_run or (group is not None and group.rank):
        return status
    record = read_study_record(directory)
    run = next(iter(record.arms[0].runs.values()))
    if RunRecord(directory / run).state() == "finished":
        print("\n".join(after_training(run, directory, launch.out == LaunchConfig.out, record.custom_task is None)))
    return status


def after_training(run: str, folder: Path, is_default: bool, predicts: bool) -> list[str]:
    """Return the commands that use a run of `litmus train`, in lines.

    `is_default` says that its folder lies where commands look by default, so that the run id finds it; `predicts` that
    `litmus predict` can use its network, which it cannot where the user's code defines the task.
    """
    name = run if is_default else shlex.quote(str(folder / run))
    commands = [f"show {name}", *([f"predict {name} IMAGES"] if predicts else []), f"export {name}"]
    return [f"{'      ' if number else 'next: '}litmus {command}" for number, command in enumerate(commands)]


def vary_parser() -> Parser:
    """Return the parser of `litmus vary`."""
    parser = Parser("vary", f"A study of any config keys; the first levels are the baseline. {CONFIG_HELP}")
    parser.add_argument("--vary", action="append", default=[], help="KEY=A,B,...: a factor and its levels; repeatable")
    parser.add_key(DESIGN)
    parser.add_key(Key("seeds", int, 3, "seeds of each arm"))
    parser.add_key(SPLITS)
    parser.add_key(Key("name", str, None, "folder under --out (default: from the keys)"))
    parser.add_key(SOURCE)
    add_tuning_keys(parser)
    add_launch_keys(parser)
    parser.add_config_keys(all_config_keys())
    return parser


def vary(arguments: Sequence[str]) -> int:
    """Run `litmus vary` and return its exit status."""
    source = import_named_source(arguments)
    options = read(vary_parser(), arguments)
    factors = parse_vary(options.vary)
    if not factors:
        raise UserError("nothing to vary: give --vary KEY=A,B, e.g. --vary model.norm=none,batch")
    datasets = datasets_of(options.settings)
    several = len(datasets) > 1
    if several and "data.name" in factors:
        raise UserError("--data names several datasets and --vary data.name too; one of them is enough")
    launch, tuning = launch_config(options), tuning_of(options)

    def make_study(settings: Settings) -> Study:
        keys = " and ".join(factors)
        config = resolve({**settings, **{key: levels[0] for key, levels in factors.items()}})
        model = "models" if "model.name" in factors else str(config.model["name"])
        data = "datasets" if "data.name" in factors else config.data.name
        design = [] if options.design == "full" else [options.design]
        parts = [model, *([] if several else [data]), *map(short_name, factors), *design]
        return Study(
            name=_study_name(options.name, "vary", *parts),
            question=f"What {'do' if len(factors) > 1 else 'does'} {keys} change for {model} on {data}?",
            base=settings,
            factors=factors,
            baseline={key: levels[0] for key, levels in factors.items()},
            design=options.design,
        )

    def make_plan(settings: Settings) -> Plan:
        return expand(make_study(settings), seeds=options.seeds, tuning=tuning, splits=options.splits)

    plans = {dataset.name: make_plan(dataset.settings) for dataset in datasets}
    if several:
        return run_on_datasets(plans, datasets, launch, source, None)
    plan, settings = plans[datasets[0].name], datasets[0].settings
    return run_plan(plan, launch, settings, source, command=["vary", *arguments])


def _names(arguments: Sequence[str]) -> tuple[str, str]:
    """Return the architecture and the dataset that `arguments` name."""
    finder = Parser("train", "")
    names = {"model.name": DEFAULT_ARCHITECTURE, "data.name": DataConfig.name}
    finder.add_config_keys({key: Key(key, str, default, "") for key, default in names.items()})
    found = finder.read_known([each for each in arguments if each not in ("-h", "--help")])[0].settings
    return tuple(str({**names, **found}[key]) for key in names)  # type: ignore[return-value]


def _study_name(asked: str | None, *parts: str) -> str:
    """Return the name the user asked for, or one made of `parts`. Raises `UserError` for one that is no file name."""
    if asked is None:
        return "-".join(parts).replace("/", "-")  # torchvision/resnet18
    require_study_name(asked)
    return asked
