"""`litmus completion` writes the script with which a shell completes commands, options and names with TAB.

The script lists what there is when it is written, since most commands take every config key as an option, and to list
those PyTorch has to be imported, which takes seconds.
"""

import argparse
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import shtab

from litmus.cli.command import Parser
from litmus.core.config_keys import Key
from litmus.core.registry import Registry

EXPERIMENTS = shtab.cmd("ls runs 2>/dev/null")


def parser() -> Parser:
    """Return the command's parser."""
    parser = Parser(
        "completion",
        "Print the script with which a shell completes with TAB, to write it once where the shell looks; for bash: "
        "litmus completion bash > ~/.local/share/bash-completion/completions/litmus",
    )
    parser.add_key(Key("shell", Literal["bash", "zsh", "fish"], "bash", "bash, zsh or fish"), positional=True)
    return parser


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    from litmus.cli.main import COMMANDS

    options = parser().read(arguments)
    everything = argparse.ArgumentParser("litmus", add_help=False)
    commands = everything.add_subparsers()
    for name, command in COMMANDS.items():
        of_command = command.parser()
        keys = of_command.keys()
        for action in of_command._actions:
            key = keys.get(action.dest)
            if key is not None:
                action.help = key.help.replace("%", "%%")
            values = _values(action, key, keys)
            if isinstance(values, dict):
                action.complete = values  # type: ignore[attr-defined]
            elif values:
                action.choices = values
        commands.add_parser(name, help=command.summary, parents=[of_command], add_help=False)
    print(shtab.complete(everything, options.shell))
    return 0


def _values(action: argparse.Action, key: Key | None, keys: Iterable[str]) -> list[str] | dict[str, Any]:
    """Return what the value of an argument may be, where that can be listed beforehand, or what completes it."""
    from litmus.cli.wandb import ACTIONS
    from litmus.datamodules.loading.registry import DATASETS
    from litmus.design.study_files import STUDIES
    from litmus.lit_archs.building.registry import ARCHITECTURES
    from litmus.probes.probe import PROBES

    registries: dict[str, Registry[Any]] = {
        "model.name": ARCHITECTURES, "architecture": ARCHITECTURES, "data.name": DATASETS, "trainer.probes": PROBES,
    }  # fmt: skip
    name, positional = action.dest, not action.option_strings
    if name in registries:
        return list(registries[name])
    if name == "study_or_file":
        return shtab.cmd(f"printf '%s\\n' {' '.join(STUDIES)} ./*.py")
    if name in ("vary", "tune"):
        return [f"{each}=" for each in keys if "." in each and not each.startswith("slurm.")]
    if name == "preset":
        return ["quick", *sorted({preset for study in STUDIES for preset in STUDIES[study].presets})]
    if name == "action":
        return list(ACTIONS)
    if name in ("out", "data.root") or (positional and name == "run"):
        return shtab.DIRECTORY
    if positional and name in ("study", "studies"):
        return EXPERIMENTS
    if key is None:
        return shtab.FILE if positional else []
    if "Path" in str(key.type):
        return shtab.FILE
    return ["true", "false"] if key.type is bool else [str(choice) for choice in key.choices]
