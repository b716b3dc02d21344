"""`litmus completion`: what a shell sources so that TAB completes commands, options and names.

Most commands take every config key as an option, and to know those PyTorch has to be imported, which takes seconds.
So the arguments of all commands are kept in a cache of the user, which commands that import PyTorch anyway fill.
"""

import argparse
import contextlib
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from argcomplete import CompletionFinder, shellcode
from argcomplete.completers import DirectoriesCompleter, FilesCompleter

from litmus.cli.parser import Command, Parser
from litmus.core.config_keys import Key
from litmus.core.errors import require_choice
from litmus.core.registry import Registry
from litmus.records.run_record import run_records
from litmus.records.storage import write_atomically
from litmus.records.study_record import STUDY_FILE

SHELLS = ("bash", "zsh", "fish")

Argument = dict[str, Any]
"""An option or a positional: `written`, `name`, `nargs`, `help`, `choices`, and `is_file`."""


def parser() -> Parser:
    """Return the command's parser."""
    parser = Parser("completion", "What a shell sources for TAB to complete; in bash: source <(litmus completion bash)")
    parser.add_argument("shell", help=f"{', '.join(SHELLS[:-1])} or {SHELLS[-1]}")
    return parser


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    options = parser().read(arguments)
    require_choice("shell", options.shell, SHELLS)
    # Options that take a file offer files; the shell's default would offer files everywhere.
    print(shellcode(["litmus"], use_defaults=False, shell=options.shell).strip())
    return 0


def complete(commands: Mapping[str, Command]) -> None:
    """Print what completes the command line that the shell gives in the environment, and end the process.

    `commands` are all commands by name.
    """
    typed = os.environ["COMP_LINE"][: int(os.environ["COMP_POINT"])]
    _Finder()(completing_parser(typed.split(" "), commands), always_complete_options=False)


class _Finder(CompletionFinder):
    """A finder that shows hundreds of config keys by their sections."""

    def filter_completions(self, completions: Sequence[str]) -> list[str]:
        """Return the completions without doubles; where several are left, the sections in place of their options."""
        found = super().filter_completions(list(completions))
        sections = [f"{each.partition('.')[0]}." if each.startswith("--") and "." in each else each for each in found]
        distinct = list(dict.fromkeys(sections))
        return distinct if len(distinct) > 1 else found


def completing_parser(words: Sequence[str], commands: Mapping[str, Command]) -> argparse.ArgumentParser:
    """Return a parser of the command line `words`, of which the last is unfinished.

    It knows the names of all commands, and the arguments of the one that is named.
    """
    parser = argparse.ArgumentParser("litmus", add_help=False)
    parsers = parser.add_subparsers()
    for name, command in commands.items():
        parsers.add_parser(name, help=command.summary, add_help=False)
    named = words[1] if len(words) > 2 else ""
    if named in commands:
        for argument in command_arguments(commands)[named]:
            _add(parsers.choices[named], argument)
    return parser


def command_arguments(commands: Mapping[str, Command]) -> dict[str, list[Argument]]:
    """Return the arguments of every command, from the cache where it has them."""
    try:
        content: dict[str, list[Argument]] = json.loads(cache_file().read_text())
    except (OSError, ValueError):
        return fill_cache(commands)
    return content


def fill_cache(commands: Mapping[str, Command]) -> dict[str, list[Argument]]:
    """Read the arguments of every command from its parser, keep them for the next time and return them."""
    content = {}
    for name, command in commands.items():
        parser = command.parser()
        keys = parser.keys()
        shown = [each for each in parser._actions if each.help != argparse.SUPPRESS or each.dest in keys]
        content[name] = [_argument(action, keys.get(action.dest), list(keys)) for action in shown]
    with contextlib.suppress(OSError):  # a cache saves time, and no more
        cache_file().parent.mkdir(parents=True, exist_ok=True)
        write_atomically(cache_file(), json.dumps(content))
    return content


def cache_file() -> Path:
    """Return the file of the cache, another one for each version."""
    folder = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    try:
        version = metadata.version("litmus-ablations")
    except metadata.PackageNotFoundError:
        version = "unknown"
    return Path(folder) / "litmus" / f"arguments-{version}.json"


def _argument(action: argparse.Action, key: Key | None, keys: Iterable[str]) -> Argument:
    # `--per-device` and `--per_device` are one option: the first is offered.
    hyphenated = [text for text in action.option_strings if "-" in text[2:]]
    return {
        "written": hyphenated or list(action.option_strings),
        "name": action.dest,
        "nargs": action.nargs,
        "help": key.help if key is not None else action.help or "",
        "choices": _choices(action.dest, key, keys),
        "is_file": key is not None and "Path" in str(key.type),
    }


def _choices(name: str, key: Key | None, keys: Iterable[str]) -> list[str]:
    """Return what the value of an argument may be, where that can be listed beforehand."""
    from litmus.datamodules.augmentation.recipes import RECIPES
    from litmus.datamodules.loading.registry import DATASETS
    from litmus.design.study_files import STUDIES
    from litmus.lit_archs.building.registry import ARCHITECTURES
    from litmus.probes.probe import PROBES

    if name in ("vary", "tune"):
        return [f"{key}=" for key in keys if "." in key and not key.startswith("slurm.")]
    registries: dict[str, Registry[Any]] = {
        "model.name": ARCHITECTURES, "architecture": ARCHITECTURES, "data.name": DATASETS, "dataset": DATASETS,
        "trainer.probes": PROBES, "study_or_file": STUDIES,
    }  # fmt: skip
    if name in registries:
        return [each for each in registries[name] if str(registries[name].module_of(each)).startswith("litmus.")]
    listed = {
        "data.augment": list(RECIPES), "augment": list(RECIPES), "preset": ["quick", "paper", "imagenet"],
        "what": ["studies", "archs", "data", "probes"], "shell": list(SHELLS), "action": ["report", "sync"],
    }  # fmt: skip
    if name in listed:
        return listed[name]
    if key is not None and key.type is bool:
        return ["true", "false"]
    return [str(choice) for choice in key.choices] if key is not None else []


def _add(parser: argparse.ArgumentParser, about: Argument) -> None:
    """Add an argument to the parser of a command, with what completes its value."""
    help = about["help"].replace("%", "%%")
    if not about["written"]:
        action = parser.add_argument(about["name"], nargs=about["nargs"], help=help)
    elif about["nargs"] == 0:
        action = parser.add_argument(*about["written"], dest=about["name"], help=help, action="store_true")
    else:
        action = parser.add_argument(*about["written"], dest=about["name"], help=help, nargs=about["nargs"])
    action.completer = _completer(about)  # type: ignore[attr-defined]


def _completer(about: Argument) -> Callable[..., Iterable[str]]:
    name, positional = about["name"], not about["written"]
    if name in ("out", "data.root"):
        return DirectoriesCompleter()
    if name == "study_or_file":
        files = FilesCompleter(allowednames=("py",))
        return lambda prefix, **_: [*about["choices"], *files(prefix)]
    if positional and name in ("study", "studies"):
        return lambda parsed_args, **_: [path.name for path in _studies_on_disk(parsed_args)]
    if positional and name == "run":
        return lambda parsed_args, **_: {
            run.run_id: study.name for study in _studies_on_disk(parsed_args) for run in run_records(study)
        }
    if about["is_file"] or (positional and not about["choices"]):
        return FilesCompleter()
    return lambda **_: about["choices"]


def _studies_on_disk(parsed_args: argparse.Namespace) -> list[Path]:
    out = Path(getattr(parsed_args, "out", None) or "runs")
    return sorted(path.parent for path in out.glob(f"*/{STUDY_FILE}"))
