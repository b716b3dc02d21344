"""Options of the commands: each is a key of a table, which says how it is parsed, what it means and what is valid."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from litmus.cli.parser import Options, Parser
from litmus.core.config_keys import Key, Keys, Settings, keys_of_class, parse_value, unknown_key
from litmus.core.errors import UserError, unknown_name, written_with
from litmus.datamodules.batches.config import DataConfig
from litmus.datamodules.loading.registry import DATASETS
from litmus.design.study_files import import_source
from litmus.design.tuning import Range, Tuning, as_tuning
from litmus.launch.config import LaunchConfig, slurm_config, slurm_keys
from litmus.lit_archs.building.registry import ARCHITECTURES
from litmus.training.config import DEFAULT_ARCHITECTURE, config_keys

SPLITS = Key(
    "splits", int, 1, "validation splits that the seeds take in turn; the report says what the choice of a split adds"
)


def parse_vary(texts: Sequence[str]) -> dict[str, list[Any]]:
    """Return the levels by config key of `KEY=A,B,...` texts. Raises `UserError` where one is not of that form."""
    levels: dict[str, list[Any]] = {}
    for text in texts:
        key, equals, values = text.partition("=")
        items = [item.strip() for item in values.split(",")]
        if not equals or not key or not all(items):
            raise UserError(f"--vary {text!r}: expected KEY=LEVEL,LEVEL,..., e.g. model.norm=none,batch")
        levels[key] = [parse_value(item) for item in items]
    return levels


SLURM_FILE = Key("slurm.config", Path | None, None, "YAML of settings such as partition: gpu; options go before it")

CONFIG_HELP = (
    "Every config key is an option too: --model NAME, --data NAME, --model.norm batch, --optim.lr 0.1, "
    "--trainer.epochs 20, ...; `litmus train --model NAME --help` lists them with their defaults."
)


def all_config_keys() -> Keys:
    """Return the config keys of all architectures and datasets, by name; of several of one name, one."""
    keys = dict(config_keys(DEFAULT_ARCHITECTURE))
    for architecture in ARCHITECTURES:
        keys |= {name: key for name, key in ARCHITECTURES[architecture].keys("model").items() if name not in keys}
    for dataset in DATASETS:
        keys |= {name: key for name, key in DATASETS[dataset].keys("data").items() if name not in keys}
    return keys


def add_launch_keys(parser: Parser) -> None:
    """Add the options that say how runs are executed: --workers, --devices, --out, ..."""
    parser.add_keys(keys_of_class(LaunchConfig, ""))
    parser.add_key(SLURM_FILE)
    # Only what is given goes before the file's settings.
    parser.add_keys({name: dataclasses.replace(key, default=None) for name, key in slurm_keys().items()})


def launch_config(options: Options) -> LaunchConfig:
    """Return the `LaunchConfig` that the parsed options ask for. Raises `UserError` naming the option."""
    fields = keys_of_class(LaunchConfig, "")
    given = {name.removeprefix("slurm."): getattr(options, name) for name in slurm_keys()}
    slurm = slurm_config(given, getattr(options, SLURM_FILE.name))
    with written_with("--", fields):
        return LaunchConfig(**{name: getattr(options, name) for name in fields}, slurm=slurm)


def read(parser: Parser, arguments: Sequence[str], base: Settings | None = None) -> Options:
    """Return what `arguments` ask for, every config key there is among their options.

    Raises `UserError` for an option that does not exist, and a wrong value; for a key of the form of a config key with
    those that the architecture and the dataset have: those that are asked for, or else those of `base`, a study's.
    """
    base = base or {}
    parser.add_config_keys(all_config_keys())
    options, unknown = parser.read_known(arguments)
    for argument in unknown:
        name = argument.removeprefix("--").partition("=")[0]
        if name.startswith("slurm."):
            raise unknown_name("option", name, [*slurm_keys(), SLURM_FILE.name])
        if argument.startswith("--") and "." in name:
            named = {"model.name": DEFAULT_ARCHITECTURE, "data.name": DataConfig.name, **base, **options.settings}
            # Of several datasets the first: see `datasets.py`.
            model, dataset = str(named["model.name"]), str(named["data.name"]).partition(",")[0].partition(":")[0]
            raise unknown_key(name, config_keys(model, dataset), dataset if name.startswith("data.") else model)
    parser.refuse(unknown)
    return options


SOURCE = Key("source", Path | None, None, "a file that registers an architecture, dataset or probe")


def import_named_source(arguments: Sequence[str]) -> Path | None:
    """Run the file that `--source` names, which may register what other options name or have; return it."""
    finder = Parser("train", "")
    finder.add_key(SOURCE)
    source: Path | None = finder.read_known([each for each in arguments if each not in ("-h", "--help")])[0].source
    if source is None:
        return None
    import_source(source)
    return source.resolve()


DETAILS = (
    Key("trials", int | None, None, f"trials of each arm where --tune gives a range (default: {Tuning.trials})"),
    Key("tuning_seeds", int | None, None, f"seeds of each trial, never used again (default: {Tuning.seeds})"),
)


def add_tuning_keys(parser: Parser) -> None:
    """Add --tune, --trials and --tuning-seeds."""
    parser.add_argument(
        "--tune",
        action="append",
        default=[],
        help="KEY=A,B,... or KEY=LOW..HIGH: values that each arm chooses from on the validation split; repeatable",
    )
    for key in DETAILS:
        parser.add_key(key)


def tuning_of(options: Options, declared: Tuning | None = None) -> Tuning | None:
    """Return the tuning that the options ask for: `declared`, a study's own, where they name no key.

    Raises `UserError` for a wrong value, and for details of a tuning where there is none.
    """
    details = {key.name.removeprefix("tuning_"): getattr(options, key.name) for key in DETAILS}
    given = {name: value for name, value in details.items() if value is not None}
    tuning = as_tuning(parse_tune(options.tune)) if options.tune else declared
    if tuning is None:
        if given:
            raise UserError(f"--{next(iter(given))} is about tuning; say what with --tune KEY=A,B")
        return None
    if not given:
        return tuning
    kept = {"trials": tuning.trials, "seeds": tuning.seeds}
    return Tuning(tuning.space, **{**kept, **given})


def parse_tune(texts: Sequence[str]) -> dict[str, Sequence[Any] | Range]:
    """Return what to try by config key of `KEY=A,B,...` and `KEY=LOW..HIGH` texts.

    Raises `UserError` where one is of neither form.
    """
    space: dict[str, Sequence[Any] | Range] = {}
    for text in texts:
        key, equals, values = text.partition("=")
        low, dots, high = values.partition("..")
        items = [item.strip() for item in values.split(",")]
        if not equals or not key or not all(items):
            raise UserError(f"--tune {text!r}: expected KEY=VALUE,VALUE,... or KEY=LOW..HIGH, e.g. optim.lr=0.01..1")
        if not dots:
            space[key] = [parse_value(item) for item in items]
            continue
        ends = [parse_value(end) for end in (low, high)]
        if not all(isinstance(end, int | float) and not isinstance(end, bool) for end in ends):
            raise UserError(f"--tune {text!r}: a range goes from one number to another, e.g. optim.lr=0.01..1")
        with written_with(f"--tune {key}: ", ("low", "a")):
            space[key] = Range(*ends)
    return space
