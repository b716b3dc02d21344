"""Config keys as options of the commands that train: `--model.norm batch`, and how runs are executed: `--workers 2`."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from datamodules.batches.config import DataConfig
from datamodules.loading.registry import DATASETS
from lit_archs.building.registry import ARCHITECTURES
from litmus.config_keys import Key, Keys, keys_of_class, unknown_key
from litmus.errors import unknown_name, written_with
from litmus.settings import Settings
from studies.command.base.options import Options, Parser
from studies.launch.machine import LaunchConfig
from studies.launch.slurm_config import slurm_config, slurm_keys
from studies.training.config import DEFAULT_ARCHITECTURE, config_keys

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
    parser.add_keys(keys_of_class(LaunchConfig, "", skip=("slurm",)))
    parser.add_key(SLURM_FILE)
    # Only what is given goes before the file's settings.
    parser.add_keys({name: dataclasses.replace(key, default=None) for name, key in slurm_keys().items()})


def launch_config(options: Options) -> LaunchConfig:
    """Return the `LaunchConfig` that the parsed options ask for. Raises `UserError` naming the option."""
    fields = keys_of_class(LaunchConfig, "", skip=("slurm",))
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
