"""`litmus completion`: what a shell sources so that TAB completes commands, options and names."""

import argparse
import importlib.util
import json
import os
import pkgutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from argcomplete import CompletionFinder, shellcode
from argcomplete.completers import DirectoriesCompleter, FilesCompleter

from litmus.cli.options import Parser
from litmus.core.errors import require_choice
from litmus.core.registry import declared
from litmus.lit_archs.cost.table import read_table
from litmus.records.run_record import run_records
from litmus.records.study_record import STUDY_FILE

OPTIONS = Path(__file__).with_name("options.json")
"""Every command's options, as `docs/pages.py` writes them."""

PRESETS = {
    "quick": "minutes on a laptop",
    "paper": "the paper's protocol",
    "imagenet": "an image folder of ImageNet, of some studies",
}

Completer = Callable[..., Iterable[str]]


def complete() -> None:
    """Print what completes the command line that the shell gives in the environment, and end the process."""
    typed = os.environ["COMP_LINE"][: int(os.environ["COMP_POINT"])]
    _Finder()(parser_for(typed.split(" ")), always_complete_options=False)


class _Finder(CompletionFinder):
    """The finder of completions; config keys, which are hundreds, are shown by their sections."""

    def filter_completions(self, completions: Sequence[str]) -> list[str]:
        """Return the completions without doubles; of options in several sections, the sections."""
        found = super().filter_completions(list(completions))
        dotted = {each: f"{each.partition('.')[0]}." for each in found if each.startswith("--") and "." in each}
        folded = list(dict.fromkeys(dotted.get(each, each) for each in found))
        return folded if len(folded) > 1 else found


def parser_for(words: Sequence[str]) -> argparse.ArgumentParser:
    """Return a parser of the command line of these words, the last of them unfinished.

    It knows all commands, but the options of that alone which is named.
    """
    table = json.loads(OPTIONS.read_text())
    known: dict[str, Any] = table["commands"]
    parser = argparse.ArgumentParser("litmus", add_help=False)
    commands = parser.add_subparsers()
    for name, about in known.items():
        if " " not in name:
            commands.add_parser(name, help=about["summary"].replace("%", "%%"), add_help=False)
    finished = words[1:-1]
    if not finished or finished[0] not in commands.choices:
        return parser
    chosen, name = commands.choices[finished[0]], finished[0]
    parts = {each.partition(" ")[2]: each for each in known if each.startswith(f"{name} ")}
    if parts and (not known[name]["positionals"] or set(finished[1:2]) & set(parts)):
        actions = chosen.add_subparsers()
        for part, whole in parts.items():
            actions.add_parser(part, help=known[whole]["summary"].replace("%", "%%"), add_help=False)
        if not set(finished[1:2]) & set(parts):
            return parser
        chosen, name = actions.choices[finished[1]], parts[finished[1]]
    _fill(chosen, name, known[name], table["config"])
    return parser


def _fill(parser: argparse.ArgumentParser, command: str, about: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    options = [*about["options"], *(each for each in config.values() if each["section"] in about["config"])]
    for option in options:
        written, nargs = option["written"], option["nargs"]
        how: dict[str, Any] = {"action": "store_true"} if nargs == 0 else {"nargs": nargs}
        action = parser.add_argument(*written, dest=option["name"], help=option["help"].replace("%", "%%"), **how)
        action.completer = _value_completer(option, config)  # type: ignore[attr-defined]
    for each in about["positionals"]:
        action = parser.add_argument(each["name"], nargs=each["nargs"])
        action.completer = _positional_completer(command, each["name"])  # type: ignore[attr-defined]


def _value_completer(option: Mapping[str, Any], config: Mapping[str, Any]) -> Completer:
    """Return what completes the value of an option."""
    by_name: dict[str, Completer] = {
        "out": DirectoriesCompleter(),
        "data.root": DirectoriesCompleter(),
        "model.name": _names(_architectures),
        "data.name": _names(lambda: _summaries("litmus.datamodules")),
        "trainer.probes": _listed(_names(lambda: _summaries("litmus.probes"))),
        "preset": _names(lambda: PRESETS),
        "vary": _settings(config),
        "tune": _settings(config),
    }
    if option["name"] in by_name:
        return by_name[option["name"]]
    if option["choices"]:
        return _names(lambda: dict.fromkeys(option["choices"], ""))
    return FilesCompleter() if option["is_file"] else _names(dict)


def _positional_completer(command: str, name: str) -> Completer:
    """Return what completes what a command is about."""
    if name in ("study", "studies"):
        return _own_or_package_study if command == "run" else _study_on_disk
    by_name: dict[str, Completer] = {
        "run": _run_or_data if command == "show" else _run_on_disk,
        "architecture": _names(_architectures),
        "name": _names(lambda: _summaries("litmus.datamodules")),
        "what": _names(lambda: dict.fromkeys(("studies", "archs", "data", "probes"), "")),
        "shell": _names(lambda: dict.fromkeys(("bash", "zsh", "fish"), "")),
    }
    return by_name.get(name, FilesCompleter())


def _names(found: Callable[[], Mapping[str, str]]) -> Completer:
    """Return a completer of names, which come with what each stands for."""

    def completer(**_: Any) -> Mapping[str, str]:
        return found()

    return completer


def _listed(one: Completer) -> Completer:
    """Return a completer of several names with commas between."""

    def completer(prefix: str, **more: Any) -> list[str]:
        before, comma, _ = prefix.rpartition(",")
        return [f"{before}{comma}{name}" for name in one(prefix=prefix, **more)]

    return completer


def _settings(config: Mapping[str, Any]) -> Completer:
    """Return a completer of `KEY=A,B`: first of the config key, then of its levels."""

    def completer(prefix: str, **more: Any) -> list[str]:
        key, equals, levels = prefix.partition("=")
        if not equals:
            return [f"{name}=" for name in config]
        if key not in config:
            return []
        return [f"{key}={each}" for each in _listed(_value_completer(config[key], {}))(prefix=levels, **more)]

    return completer


def _architectures() -> dict[str, str]:
    return {row.name: row.summary for row in read_table()}


def _summaries(package: str) -> dict[str, str]:
    return {name: texts["summary"] for name, texts in declared(package).items()}


def package_studies() -> list[str]:
    """Return the names of the package's studies, each of which is a file of its own."""
    spec = importlib.util.find_spec("litmus.studies")
    assert spec is not None
    return [file.name for file in pkgutil.iter_modules(spec.submodule_search_locations) if not file.ispkg]


def _own_or_package_study(prefix: str, **_: Any) -> list[str]:
    return [*package_studies(), *FilesCompleter(allowednames=("py",))(prefix)]


def _studies_on_disk(parsed_args: argparse.Namespace) -> list[Path]:
    out = Path(getattr(parsed_args, "out", None) or "runs")
    return sorted(path.parent for path in out.glob(f"*/{STUDY_FILE}"))


def _study_on_disk(parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    return [path.name for path in _studies_on_disk(parsed_args)]


def _run_on_disk(parsed_args: argparse.Namespace, **_: Any) -> dict[str, str]:
    return {run.run_id: study.name for study in _studies_on_disk(parsed_args) for run in run_records(study)}


def _run_or_data(parsed_args: argparse.Namespace, **_: Any) -> dict[str, str]:
    return {"data": "a dataset's images, before and after augmentation", **_run_on_disk(parsed_args)}


SHELLS = ("bash", "zsh", "fish")


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    parser = Parser("completion", "What a shell sources for TAB to complete; in bash: source <(litmus completion bash)")
    parser.add_argument("shell", help=f"{', '.join(SHELLS[:-1])} or {SHELLS[-1]}")
    options = parser.read(arguments)
    require_choice("shell", options.shell, SHELLS)
    # Files are completed where an option takes one; the shell's own guess elsewhere would be files everywhere.
    print(shellcode(["litmus"], use_defaults=False, shell=options.shell).strip())
    return 0
