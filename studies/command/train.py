"""`litmus train`: a study of one arm."""

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from datamodules.batches.config import DataConfig
from litmus.errors import UserError
from studies.command.options import add_launch_arguments, command_parser, launch_config
from studies.command.options import split_config as split
from studies.command.run import conduct_and_report
from studies.command.vary import study_name
from studies.design.study import Study, expand
from studies.design.study_files import import_source
from studies.training.config import add_config_arguments, flatten, resolve

DEFAULT_MODEL = "lenet5"


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    rest, typed = split(arguments)
    source = import_named_source(rest)
    parser = command_parser("train", "Train one network: a study of one arm.")
    parser.add_argument("--config", type=str | None, default=None, help="YAML of config keys, such as a run's own")
    parser.add_argument("--print_config", action="store_true", help="print the resolved config and stop")
    parser.add_argument(
        "--source", type=str | None, default=None, help="a file that registers an architecture, dataset or probe"
    )
    parser.add_argument("--seeds", type=int | None, default=None, help="seeds 0, 1, ... (default: --seed alone)")
    parser.add_argument("--name", type=str | None, default=None, help="folder under --out (default: from the config)")
    add_launch_arguments(parser)
    dataset = str(typed.get("data.name", DataConfig.name))
    add_config_arguments(parser, str(typed.get("model.name", DEFAULT_MODEL)), dataset)
    # jsonargparse reserves the word for a config file of its own.
    print_config = "--print_config" in rest
    options = parser.parse_args([argument for argument in rest if argument != "--print_config"])
    settings: dict[str, Any] = {"model.name": DEFAULT_MODEL}
    if options.config is not None:
        settings.update(read_config(Path(options.config)))
    if "data.augment" in typed:
        # The file's recipe is written out beside its name; both go.
        settings.pop("data.transforms", None)
    settings.update(typed)
    config = resolve(settings)
    if print_config:
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
    )
    plan = expand(study, seeds=options.seeds or 1)
    if seed is not None:
        plan = dataclasses.replace(plan, seeds=(config.seed,))
    return conduct_and_report(plan, launch_config(options), settings, source)


def import_named_source(arguments: Sequence[str]) -> Path | None:
    """Run the file that `--source` names, before the parser asks which options its architecture has; return it."""
    finder = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    finder.add_argument("--source", nargs="?", type=Path)
    source: Path | None = finder.parse_known_args(list(arguments))[0].source
    if source is None:
        return None
    import_source(source)
    return source.resolve()


def read_config(path: Path) -> dict[str, Any]:
    """Return the dotted keys of a YAML file. Raises `UserError` where it cannot be read or is no mapping."""
    try:
        content = yaml.safe_load(path.read_text())
    except OSError as error:
        raise UserError(f"--config {path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"--config {path}: not YAML ({' '.join(str(error).split())[:120]})") from None
    if not isinstance(content, dict):
        raise UserError(f"--config {path}: expected a mapping of config keys")
    return flatten(content)
