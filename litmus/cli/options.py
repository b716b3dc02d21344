"""Options that several commands have: of the config, of how runs are executed, of levels and of tuning."""

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from litmus.cli.command import Options, Parser, read_some
from litmus.core.config_keys import Key, Keys, Settings, flatten, keys_of_class, parse_value, read_mapping, unknown_key
from litmus.core.errors import UserError, unknown_name, written_with
from litmus.core.source import import_source, set_environment
from litmus.datamodules.batches.config import DataConfig
from litmus.datamodules.loading.registry import DATASETS
from litmus.design.tuning import Range, Tuning, as_tuning
from litmus.launch.config import LaunchConfig, slurm_config, slurm_keys
from litmus.lit_archs.building.registry import ARCHITECTURES, FILE_AND_CLASS, keys_of_files
from litmus.training.config import DEFAULT_ARCHITECTURE, ENV, config_keys

SPLITS = Key(
    "splits", int, 1, "validation splits that the seeds use in turn; the report says how much the split matters"
)
NAME = Key("name", str, "", "name of the experiment and of its folder (default: the study with the changed settings)")
SOURCE = Key(
    "source",
    Path | None,
    None,
    "a Python file that registers datasets or probes, or has the networks that other options name",
)
CONFIG = Key("config", Path | None, None, "YAML file of config keys, such as the config.yaml of a run")
SLURM_FILE = Key("slurm.config", Path | None, None, "YAML file of settings such as partition: gpu; options override it")

CONFIG_HELP = (
    "Every config key is also an option, such as --model.norm batch, --optim.lr 0.1 or --trainer.epochs 20. "
    "`litmus train --model NAME --help` lists them with their defaults."
)


def all_config_keys() -> Keys:
    """Return the config keys of all architectures and datasets by name; where several have a key, the first's."""
    keys = dict(config_keys(DEFAULT_ARCHITECTURE))
    of_all = [ARCHITECTURES[name].keys("model") for name in ARCHITECTURES]
    of_all += [DATASETS[name].keys("data") for name in DATASETS]
    of_all += keys_of_files("model")
    for some in of_all:
        for name, key in some.items():
            keys.setdefault(name, key)
    return keys


def read(parser: Parser, arguments: Sequence[str], base: Settings | None = None) -> Options:
    """Return what `arguments` ask for, where `parser` has the config keys of all architectures and datasets.

    Raises `UserError` for an unknown option and for a wrong value. For an unknown config key the error lists those of
    the architecture and the dataset that `arguments` name, or else `base`, a study's settings.
    """
    options, unknown = parser.read_known(arguments)
    for argument in unknown:
        name = argument.removeprefix("--").partition("=")[0]
        if name.startswith("slurm."):
            raise unknown_name("option", name, [*slurm_keys(), SLURM_FILE.name])
        if argument.startswith("--") and "." in name:
            named = {"model.name": DEFAULT_ARCHITECTURE, "data.name": DataConfig.name, **(base or {})}
            named.update(options.settings)
            # Of several datasets the first, without its folder.
            model, dataset = str(named["model.name"]), str(named["data.name"]).partition(",")[0].partition(":")[0]
            raise unknown_key(name, config_keys(model, dataset), dataset if name.startswith("data.") else model)
    parser.refuse(unknown)
    return options


def import_named_source(arguments: Sequence[str]) -> Path | None:
    """Import the files that `arguments` name, by --source FILE or as in --model FILE.py:CLASS, whose networks, datasets
    and probes have options too; return the path of --source.
    """
    typed = read_some(arguments, SOURCE.name, CONFIG.name)
    source = typed.get(SOURCE.name)
    if source is not None and CONFIG.name in typed:
        env = {name: value for name, value in read_config(Path(typed[CONFIG.name])).items() if name.startswith(ENV)}
        set_environment(Path(source), {name.removeprefix(ENV): value for name, value in env.items()})
    named = [FILE_AND_CLASS.fullmatch(part) for argument in arguments for part in re.split("[=,]", argument)]
    for file in (*filter(None, [source]), *(each["file"] for each in named if each is not None)):
        import_source(file)
    return None if source is None else Path(source).resolve()


def read_config(path: Path) -> dict[str, Any]:
    """Return the config keys of a YAML file, by dotted name. Raises `UserError` where it cannot be read."""
    settings = flatten(read_mapping(path, "--config", "a mapping of config keys"))
    for name, value in settings.items():
        if name.startswith(ENV) and not isinstance(value, str | None):
            raise UserError(f"--config {path}: {name}: expected text, in quotes, or null, got {value!r}")
    return settings


def add_environment(parser: Parser) -> None:
    """Add --environment."""
    named = "an environment variable that the file of --source reads; part of each run's identity; repeatable"
    parser.add_argument("--environment", metavar="NAME", action="append", default=[], help=named)


def add_launch_keys(parser: Parser) -> None:
    """Add the options that say how runs are executed: --workers, --devices, --out, ..."""
    parser.start_group("where and how runs are executed; this changes no result")
    for key in keys_of_class(LaunchConfig, "").values():
        parser.add_key(key)
    parser.start_group("SLURM jobs, with --launcher slurm")
    parser.add_key(SLURM_FILE)
    for key in slurm_keys().values():
        # Without a default: only what is typed replaces the file's settings.
        default = f" (default: {key.default})" if key.default else ""
        parser.add_key(dataclasses.replace(key, default=None, help=f"{key.help.rstrip('.')}{default}"))


def launch_config(options: Options) -> LaunchConfig:
    """Return the `LaunchConfig` that the options ask for. Raises `UserError` naming the option."""
    fields = keys_of_class(LaunchConfig, "")
    given = {name.removeprefix("slurm."): getattr(options, name) for name in slurm_keys()}
    slurm = slurm_config(given, getattr(options, SLURM_FILE.name))
    with written_with("--", fields):
        return LaunchConfig(**{name: getattr(options, name) for name in fields}, slurm=slurm)


def parse_vary(texts: Sequence[str]) -> dict[str, list[Any]]:
    """Return the levels by config key of `KEY=A,B,...` texts.

    Raises `UserError` where one has not that form, and where two are of one key.
    """
    typed = _values_by_key("--vary", texts, "KEY=LEVEL,LEVEL,..., e.g. model.norm=none,batch")
    return {key: [parse_value(value) for value in values] for key, values in typed.items()}


def add_tuning_keys(parser: Parser) -> None:
    """Add --tune, --trials and --tuning-seeds."""
    tune = "tune KEY for each arm on the validation split: KEY=A,B,... or KEY=LOW..HIGH; repeatable"
    parser.add_argument("--tune", metavar="KEY=...", action="append", default=[], help=tune)
    trials = f"trials per arm if --tune gives a range (default: {Tuning.trials})"
    parser.add_key(Key("trials", int | None, None, trials))
    seeds = f"seeds per trial; the study itself does not use them (default: {Tuning.seeds})"
    parser.add_key(Key("tuning_seeds", int | None, None, seeds))


def tuning_of(options: Options, declared: Tuning | None = None) -> Tuning | None:
    """Return the tuning that the options ask for: where they name no key, that of `declared`, which a study has.

    Raises `UserError` for a wrong value, and for --trials or --tuning-seeds where nothing is tuned.
    """
    tuning = as_tuning(parse_tune(options.tune)) if options.tune else declared
    given = {"trials": options.trials, "seeds": options.tuning_seeds}
    given = {name: number for name, number in given.items() if number is not None}
    if tuning is None and given:
        raise UserError("--trials and --tuning-seeds need --tune KEY=A,B")
    return None if tuning is None else dataclasses.replace(tuning, **given)


def parse_tune(texts: Sequence[str]) -> dict[str, Sequence[Any] | Range]:
    """Return the values or the range by config key of `KEY=A,B,...` and `KEY=LOW..HIGH` texts.

    Raises `UserError` where a text has neither form, and where two are of one key.
    """
    space: dict[str, Sequence[Any] | Range] = {}
    typed = _values_by_key("--tune", texts, "KEY=VALUE,VALUE,... or KEY=LOW..HIGH, e.g. optim.lr=0.01..1")
    for key, values in typed.items():
        listed = ",".join(values)
        if ".." not in listed:
            space[key] = [parse_value(value) for value in values]
            continue
        ends = [parse_value(end) for end in listed.split("..")]
        if len(ends) != 2 or not all(isinstance(end, int | float) and not isinstance(end, bool) for end in ends):
            raise UserError(f"--tune {key}={listed}: a range has two numbers, e.g. optim.lr=0.01..1")
        with written_with(f"--tune {key}: ", ("low", "a")):
            space[key] = Range(*ends)
    return space


def _values_by_key(option: str, texts: Sequence[str], expected: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for text in texts:
        key, _, listed = text.partition("=")
        key, values = key.strip(), [value.strip() for value in listed.split(",")]
        if not key or not all(values):
            raise UserError(f"{option} {text!r}: expected {expected}")
        if key in found:
            raise UserError(
                f"{option} {key} is given twice; give all values at once: {option} {key}="
                f"{','.join([*found[key], *values])}"
            )
        found[key] = values
    return found
