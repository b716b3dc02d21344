"""`litmus completion`: what a shell needs to complete commands, options and names with TAB.

Most commands take every config key as an option, and to list those PyTorch has to be imported, which takes seconds.
So the arguments of all commands are kept in the user's cache.
"""

import argparse
import contextlib
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from argcomplete import CompletionFinder, shellcode
from argcomplete.completers import DirectoriesCompleter, FilesCompleter

from litmus.cli.command import Command, Parser
from litmus.core.config_keys import Key
from litmus.core.errors import PACKAGES
from litmus.core.registry import Registry
from litmus.records.run_record import run_records
from litmus.records.storage import write_atomically
from litmus.records.study_record import experiments_in

Shell = Literal["bash", "zsh", "fish"]

Argument = dict[str, Any]
"""An option or a positional: `written`, `name`, `nargs`, `help` and `values`.

`values` are those that can be listed beforehand, or else say what completes them: "files", "folders", "studies",
"runs". The positional of `litmus run` takes a study of the list or a file.
"""


def parser() -> Parser:
    """Return the command's parser."""
    parser = Parser(
        "completion", "Print what a shell needs to complete with TAB; in bash: source <(litmus completion bash)"
    )
    parser.add_key(Key("shell", Shell, "bash", "bash, zsh or fish"), positional=True)
    return parser


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    options = parser().read(arguments)
    # Options that take a file offer files; the shell's default would offer files everywhere.
    print(shellcode(["litmus"], use_defaults=False, shell=options.shell).strip())
    return 0


def complete(commands: Mapping[str, Command]) -> None:
    """Print what completes the command line that the shell gives in the environment, and end the process.

    `commands` are all commands by name.
    """
    words = os.environ["COMP_LINE"][: int(os.environ["COMP_POINT"])].split(" ")
    parser = argparse.ArgumentParser("litmus", add_help=False)
    parsers = parser.add_subparsers()
    for name, command in commands.items():
        parsers.add_parser(name, help=command.summary, add_help=False)
    # The last word is unfinished.
    if len(words) > 2 and words[1] in commands:
        for argument in command_arguments(commands)[words[1]]:
            _add(parsers.choices[words[1]], argument)
    _Finder()(parser, always_complete_options=False)


class _Finder(CompletionFinder):
    """A finder that shows hundreds of config keys by their sections."""

    def filter_completions(self, completions: Sequence[str]) -> list[str]:
        """Return the completions without duplicates; where several are left, sections in place of their options."""
        found = super().filter_completions(list(completions))
        sections = [f"{each.partition('.')[0]}." if each.startswith("--") and "." in each else each for each in found]
        distinct = list(dict.fromkeys(sections))
        return distinct if len(distinct) > 1 else found


def command_arguments(commands: Mapping[str, Command]) -> dict[str, list[Argument]]:
    """Return the arguments of every command, from the cache or from their parsers.

    The cache has to be newer than every file of the package, which someone may be working on.
    """
    file = cache_file()
    with contextlib.suppress(OSError, ValueError):
        if file.stat().st_mtime > max(each.stat().st_mtime for folder in PACKAGES for each in folder.rglob("*.py")):
            content: dict[str, list[Argument]] = json.loads(file.read_text())
            return content
    content = {}
    for name, command in commands.items():
        parser = command.parser()
        content[name] = [_argument(action, parser.keys()) for action in parser._actions]
    with contextlib.suppress(OSError):  # the cache only saves time
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, json.dumps(content))
    return content


def cache_file() -> Path:
    """Return the file of the cache; each version has another."""
    folder = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    try:
        version = metadata.version("litmus-ablations")
    except metadata.PackageNotFoundError:
        version = "unknown"
    return Path(folder) / "litmus" / f"arguments-{version}.json"


def _argument(action: argparse.Action, keys: Mapping[str, Key]) -> Argument:
    key = keys.get(action.dest)
    # `--per-device` and `--per_device` are one option: the first is offered.
    hyphenated = [text for text in action.option_strings if "-" in text[2:]]
    return {
        "written": hyphenated or list(action.option_strings),
        "name": action.dest,
        "nargs": action.nargs,
        "help": key.help if key is not None else action.help or "",
        "values": _values(action, key, keys),
    }


def _registries() -> dict[str, Registry[Any]]:
    """Return the registry that has the values of an argument, by the argument's name."""
    from litmus.datamodules.loading.registry import DATASETS
    from litmus.design.study_files import STUDIES
    from litmus.lit_archs.building.registry import ARCHITECTURES
    from litmus.probes.probe import PROBES

    return {
        "model.name": ARCHITECTURES, "architecture": ARCHITECTURES, "data.name": DATASETS, "dataset": DATASETS,
        "trainer.probes": PROBES, "study_or_file": STUDIES,
    }  # fmt: skip


def _values(action: argparse.Action, key: Key | None, keys: Iterable[str]) -> list[str] | str:
    """Return what the value of an argument may be, where that can be listed beforehand, or what completes it."""
    from litmus.cli.wandb import ACTIONS
    from litmus.design.study_files import STUDIES

    name, positional, registries = action.dest, not action.option_strings, _registries()
    if name in registries:
        return [each for each in registries[name] if str(registries[name].module_of(each)).startswith("litmus.")]
    if name in ("vary", "tune"):
        return [f"{each}=" for each in keys if "." in each and not each.startswith("slurm.")]
    if name == "preset":
        return ["quick", *sorted({preset for study in STUDIES for preset in STUDIES[study].presets})]
    if name == "action":
        return list(ACTIONS)
    if name in ("out", "data.root"):
        return "folders"
    if positional and name in ("study", "studies"):
        return "studies"
    if positional and name == "run":
        return "runs"
    if key is None:
        return "files" if positional else []
    if "Path" in str(key.type):
        return "files"
    return ["true", "false"] if key.type is bool else [str(choice) for choice in key.choices]


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
    values = about["values"]
    if about["name"] == "study_or_file":
        files = FilesCompleter(allowednames=("py",))
        return lambda prefix, **_: [*values, *files(prefix)]
    if values == "files":
        return FilesCompleter()
    if values == "folders":
        return DirectoriesCompleter()
    if values == "studies":
        return lambda parsed_args, **_: [path.name for path in _studies_on_disk(parsed_args)]
    if values == "runs":
        return lambda parsed_args, **_: {
            run.run_id: study.name for study in _studies_on_disk(parsed_args) for run in run_records(study)
        }
    return lambda **_: values


def _studies_on_disk(parsed_args: argparse.Namespace) -> list[Path]:
    out = Path(getattr(parsed_args, "out", None) or "runs")
    return experiments_in(out)
