"""`litmus train`: one run of one network, or a few of several seeds."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from litmus.cli.conduct_and_report import after_training, conduct_and_report
from litmus.cli.options import SOURCE, add_launch_keys, all_config_keys, import_named_source, launch_config, read
from litmus.cli.parser import Parser
from litmus.cli.vary import study_name
from litmus.core.config_keys import Key, Keys, flatten, read_mapping
from litmus.core.errors import UserError
from litmus.datamodules.batches.config import DataConfig
from litmus.design.plan import expand
from litmus.design.study import Study
from litmus.launch.config import LaunchConfig
from litmus.launch.torchrun import torchrun_group
from litmus.records.run_record import RunRecord
from litmus.records.study_record import read_study_record
from litmus.training.config import DEFAULT_ARCHITECTURE, config_keys, resolve


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
        name=study_name(options.name, "train", model, data),
        question=f"How well does {model} learn {data}?",
        base=settings,
        arms={f"{model} on {data}": {}},
    )
    plan = expand(study, seeds=options.seeds or 1)
    if seed is not None:
        plan = dataclasses.replace(plan, seeds=(config.seed,))
    launch = launch_config(options)
    status = conduct_and_report(plan, launch, settings, source)
    _tell_what_follows(plan.directory(launch.out), launch)
    return status


def _tell_what_follows(directory: Path, launch: LaunchConfig) -> None:
    """Say what can be done with the run, where it has its result, by the process that wrote it."""
    team = torchrun_group()
    if launch.dry_run or (team is not None and team.rank):
        return
    study = read_study_record(directory)
    run = next(iter(study.arms[0].runs.values()))
    if RunRecord(directory / run).state() == "finished":
        print("\n".join(after_training(run, directory, launch.out == LaunchConfig.out, study.own_task is None)))


def _names(arguments: Sequence[str]) -> tuple[str, str]:
    """Return the architecture and the dataset that `arguments` name."""
    finder = Parser("train", "")
    names = {"model.name": DEFAULT_ARCHITECTURE, "data.name": DataConfig.name}
    finder.add_config_keys({key: Key(key, str, default, "") for key, default in names.items()})
    found = finder.read_known([each for each in arguments if each not in ("-h", "--help")])[0].settings
    return tuple(str({**names, **found}[key]) for key in names)  # type: ignore[return-value]
