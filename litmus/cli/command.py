"""What every command is made of: where its code is, its parser, and how it prints."""

import argparse
import dataclasses
import importlib
import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from pydantic import PositiveInt

from litmus.core.config_keys import REQUIRED, Key, Keys
from litmus.core.errors import UserError, unknown_name
from litmus.core.suggestions import SYNONYMS, nearest
from litmus.records.storage import to_json

SHORT = {"model.name": "--model", "data.name": "--data", "trainer.keep": "--keep"}
"""The shorter options of some config keys."""

SECTIONS = {"model": "network", "init": "network", "norm": "network", "data": "data", "optim": "optimisation"}
SECTIONS |= {"trainer": "training", "seed": "training"}
"""The group of the help that lists a config key, by the first part of its name."""

RUN_HELP = "a run's identity, its first characters, or its folder"
JSON_HELP = "print JSON, see docs/json.md"
OUT = Key("out", str, "runs", "folder of the records")

FORMAT = 1
"""The version of what `--json` prints: it goes up where a key is renamed, removed or changes its meaning."""


@dataclasses.dataclass(frozen=True)
class Command:
    """A command: where its code is, which is imported when it is needed, and its line of the overview.

    `code` is a module of `litmus.cli` with `parser()` and `execute(arguments)`, or `module:name` where the module
    has several commands: then they are `name_parser()` and `name(arguments)`.
    """

    code: str
    summary: str

    def parser(self) -> "Parser":
        """Return the command's parser."""
        parser: Parser = self._function("parser", "{}_parser")()
        return parser

    def execute(self, arguments: Sequence[str]) -> int:
        """Run the command and return its exit status."""
        return int(self._function("execute", "{}")(arguments))

    def _function(self, of_one: str, of_several: str) -> Any:
        module, _, name = self.code.partition(":")
        return getattr(importlib.import_module(f"litmus.cli.{module}"), of_several.format(name) if name else of_one)


class Options(argparse.Namespace):
    """What a command was given, by name: its own options with their types, and the config keys as they were typed."""

    settings: dict[str, Any]


class _Once(argparse.Action):
    """Keeps the values of a list, which are given together: of two options one would be lost."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        if hasattr(namespace, self.dest):
            first, second = (str(each).strip("[] ") for each in (getattr(namespace, self.dest), values))
            raise argparse.ArgumentError(self, f"given twice; give all values at once: [{first}, {second}]")
        setattr(namespace, self.dest, values)


class _Formatter(argparse.HelpFormatter):
    """Writes an option once, and breaks lines between words alone."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=26, width=79)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        if not action.option_strings:
            return super()._format_action_invocation(action)
        written = [text for text in action.option_strings if "_" not in text or "." in text]  # not --per_device as well
        values = self._format_args(action, str(action.metavar or action.dest.upper())) if action.nargs != 0 else ""
        return f"{', '.join(written)} {values}".strip()

    def _split_lines(self, text: str, width: int) -> list[str]:
        return wrapped(" ".join(text.split()), width)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n".join(wrapped(" ".join(text.split()), width))


class Parser(argparse.ArgumentParser):
    """A parser whose options are keys, and whose errors are a `UserError` each."""

    def __init__(self, command: str, description: str) -> None:
        super().__init__(
            prog=f"litmus {command}",
            description=description,
            allow_abbrev=False,
            exit_on_error=False,
            formatter_class=_Formatter,
        )
        self._group: Any = self
        self._command_keys: Keys = {}
        self._config_keys: Keys = {}

    def error(self, message: str) -> NoReturn:
        raise UserError(message.replace("the following arguments are required:", "missing:"))

    def start_group(self, title: str) -> None:
        """List the keys that are added from now on under `title` in the help."""
        self._group = self.add_argument_group(title)

    def format_help(self) -> str:
        """Return the help; its first line names what a call must have, and not each of a hundred options."""
        options = [each for each in self._actions if each.option_strings]
        required = [f"{each.option_strings[0]} {each.metavar}" for each in options if each.required]
        places = [
            f"[{name}]" if each.nargs == "?" else f"{name} ..." if each.nargs else name
            for each in self._actions
            if not each.option_strings and (name := str(each.metavar or each.dest))
        ]
        self.usage = " ".join([self.prog, *required, "[options]", *places])
        return super().format_help()

    def add_key(self, key: Key, positional: bool = False) -> None:
        """Add an argument of the command; `--per-device` and `--per_device` are the same option."""
        self._command_keys[key.name] = key
        if positional:
            self.add_argument(key.name, nargs="?", default=argparse.SUPPRESS, help=_described(key))
        else:
            written = dict.fromkeys((f"--{key.name.replace('_', '-')}", f"--{key.name}"))
            self._add(key, list(written), _described(key), required=key.default is REQUIRED)

    def add_config_keys(self, keys: Keys, shown: bool = False) -> None:
        """Add config keys as options, whose values `read` returns as they were typed, for `resolve` to convert.

        The help lists them where `shown`, and those that have a shorter option in any case.
        """
        section = ""
        if not shown:
            self.start_group("frequent config keys")
        for name, key in keys.items():
            if name not in self._config_keys:
                if shown and section != SECTIONS.get(name.partition(".")[0], section):
                    self.start_group(section := SECTIONS[name.partition(".")[0]])
                self._config_keys[name] = key
                written = [SHORT[name], f"--{name}"] if name in SHORT else [f"--{name}"]
                self._add(key, written, _described(key) if shown or name in SHORT else argparse.SUPPRESS)

    def keys(self) -> Keys:
        """Return the keys of all arguments: the command's and the config keys."""
        return {**self._command_keys, **self._config_keys}

    def read(self, arguments: Sequence[str]) -> Options:
        """Return what `arguments` ask for. Raises `UserError` for an unknown option and for a wrong value."""
        options, unknown = self.read_known(arguments)
        self.refuse(unknown)
        return options

    def read_known(self, arguments: Sequence[str]) -> tuple[Options, list[str]]:
        """Return what `arguments` ask for, and those arguments that this parser does not know."""
        options = Options()
        try:
            _, unknown = self.parse_known_args(list(arguments), options)
        except argparse.ArgumentError as error:
            name = (error.argument_name or "").partition("/")[0]
            raise UserError(f"{name}: {error.message}" if name else error.message) from None
        positionals = [action.dest for action in self._actions if not action.option_strings]
        for name, key in self._command_keys.items():
            typed = getattr(options, name, None)
            as_typed = key if name in positionals else dataclasses.replace(key, name=f"--{name}")
            setattr(options, name, key.default if typed is None else as_typed.convert(typed))
        options.settings = {name: getattr(options, name) for name in self._config_keys if hasattr(options, name)}
        return options, unknown

    def refuse(self, unknown: Sequence[str]) -> None:
        """Raise `UserError` for the first of the unknown arguments, with the option that is nearest to it."""
        for argument in unknown:
            if not argument.startswith("-"):
                raise UserError(f"unexpected argument {argument!r}")
            name = argument.partition("=")[0]
            in_section = [key for key in self._config_keys if key.startswith(f"{name[2:]}.")]
            if in_section:
                meant = SYNONYMS.get(name[2:], ())
                suggestion = f"; did you mean '--{meant[0]}'?" if meant else ""
                raise UserError(f"{name} needs one of its keys, e.g. --{in_section[0]}{suggestion}")
            raise self._unknown_option(name)

    def _unknown_option(self, name: str) -> UserError:
        written = [text for action in self._actions for text in action.option_strings if text.startswith("--")]
        if not self._config_keys:
            return unknown_name("option", name, written)
        # There are hundreds of config keys: the help lists them.
        meant = nearest(name, written)
        suggestion = f"; did you mean {meant!r}?" if meant else ";"
        shown = [text for text in written if "." not in text and "_" not in text]
        return UserError(f"unknown option {name!r}{suggestion} valid: {', '.join(shown)}, and the config keys")

    def _add(self, key: Key, written: Sequence[str], help: str, required: bool = False) -> None:
        flag: dict[str, Any] = {"nargs": "?", "const": "true"} if key.type is bool else {}
        if key.is_list:
            flag["action"] = _Once
        number = key.type is int or key.type == PositiveInt or key.type == PositiveInt | None
        metavar = "true|false" if flag.get("nargs") else "N" if number else key.name.rpartition(".")[2].upper()
        self._group.add_argument(
            *written, dest=key.name, default=argparse.SUPPRESS, help=help, metavar=metavar, required=required, **flag
        )


def read_some(arguments: Sequence[str], *names: str) -> dict[str, str]:
    """Return the values of some options, read before the parser that has all options can be made."""
    finder = Parser("", "")
    finder.add_config_keys({name: Key(name, str, None, "") for name in names})
    return finder.read_known([each for each in arguments if each not in ("-h", "--help")])[0].settings


def _described(key: Key) -> str:
    listed = all(str(choice) in key.help for choice in key.choices)
    valid = "" if listed else f"; {key.expected}"
    default = "" if key.default in (REQUIRED, None, "") else f" (default: {_as_typed(key.default)})"
    return f"{key.help.rstrip('.')}{valid}{default}".replace("%", "%%")


def _as_typed(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"[{', '.join(map(str, value))}]" if isinstance(value, tuple | list) else str(value)


def width() -> int:
    """Return the columns of the terminal, or 80."""
    return shutil.get_terminal_size().columns


def aligned(headings: Sequence[str], rows: Sequence[Sequence[str]], columns: int) -> list[list[str]]:
    """Return the lines of each row of a table, those of the headings first: names to the left, figures to the right.

    Where a name leaves no room for the figures, they are on the next line, under their headings; a name that is longer
    than a line is wrapped.
    """
    table = [headings, *rows]
    figures = [max(map(len, column)) for column in list(zip(*table, strict=True))[1:]]
    names = max(len(row[0]) for row in table)
    gap = "  " if names + sum(figures) + 2 * len(figures) <= columns else " "
    one_line = names + sum(figures) + len(gap) * len(figures) <= columns
    if not one_line:
        gap = "  " if sum(figures) + 2 * (len(figures) + 1) <= columns else " "
    blocks = []
    for row in table:
        numbers = gap.join(cell.rjust(size) for cell, size in zip(row[1:], figures, strict=True))
        if one_line:
            blocks.append([f"{row[0]:{names}}{gap}{numbers}".rstrip()])
        else:
            name = textwrap.wrap(row[0], columns, subsequent_indent="  ", break_on_hyphens=False)
            blocks.append([*(name or [""]), f"{gap}{numbers}".rstrip()])
    return blocks


def wrapped(text: str, columns: int) -> list[str]:
    """Return a sentence in lines of `columns` that break between words; a word that is longer than a line is kept."""
    return textwrap.wrap(text, columns, break_long_words=False, break_on_hyphens=False) or [""]


def say(text: str) -> None:
    """Print a sentence: wrapped in a terminal, in one line where another program reads it."""
    print("\n".join(wrapped(text, width())) if sys.stdout.isatty() else text)


def print_json(content: Mapping[str, Any]) -> None:
    """Print `content` as JSON with its format; a number that is not finite is null."""
    print(to_json({"format": FORMAT, **content}), end="")
