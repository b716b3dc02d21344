"""The parser of every command: its errors are one line, and its options are keys."""

import argparse
import dataclasses
import importlib
import textwrap
from collections.abc import Sequence
from typing import Any, NoReturn

from litmus.core.config_keys import Key, Keys
from litmus.core.errors import UserError, unknown_name
from litmus.core.suggestions import SYNONYMS, nearest

REQUIRED = object()
"""The default of a key that has to be given."""

SHORT = {"model.name": "--model", "data.name": "--data", "trainer.keep": "--keep"}
"""What stands for a key of another name."""


@dataclasses.dataclass(frozen=True)
class Command:
    """A command: its line of the overview, and where its code is, which is imported when it is needed.

    `code` is a module of `litmus.cli` with `parser()` and `execute(arguments)`, or `module:name` where the module
    has several commands: then they are `name_parser()` and `name(arguments)`.
    """

    code: str
    summary: str

    def parser(self) -> "Parser":
        """Return the command's parser."""
        module, _, name = self.code.partition(":")
        parser: Parser = getattr(
            importlib.import_module(f"litmus.cli.{module}"), f"{name}_parser" if name else "parser"
        )()
        return parser

    def execute(self, arguments: Sequence[str]) -> int:
        """Run the command and return its exit status."""
        module, _, name = self.code.partition(":")
        return int(getattr(importlib.import_module(f"litmus.cli.{module}"), name or "execute")(arguments))


class Options(argparse.Namespace):
    """What a command was given, by name: its own options with their types, and the config keys as they were typed."""

    settings: dict[str, Any]


class Parser(argparse.ArgumentParser):
    """A parser whose complaint is one line and whose exit status is 2."""

    def __init__(self, command: str, description: str) -> None:
        super().__init__(
            prog=f"litmus {command}",
            description=description,
            allow_abbrev=False,
            exit_on_error=False,
            formatter_class=lambda prog: argparse.HelpFormatter(prog, max_help_position=28, width=79),
        )
        self._own: Keys = {}
        self._config: Keys = {}

    def error(self, message: str) -> NoReturn:
        raise UserError(message)

    def add_key(self, key: Key) -> None:
        """Add an option of the command's own; `--per-device` and `--per_device` are one."""
        self._own[key.name] = key
        written = dict.fromkeys((f"--{key.name.replace('_', '-')}", f"--{key.name}"))
        self._add(key, list(written), key.help, required=key.default is REQUIRED)

    def add_keys(self, keys: Keys) -> None:
        """Add options of the command's own."""
        for key in keys.values():
            self.add_key(key)

    def add_config_keys(self, keys: Keys, shown: bool = False) -> None:
        """Add config keys as options: what is given of them comes back as it was typed, for `resolve` to convert.

        Sections alone, `--optim`, are no options; their help is listed where `shown`.
        """
        for name, key in keys.items():
            if name not in self._config:
                self._config[name] = key
                written = [SHORT[name], f"--{name}"] if name in SHORT else [f"--{name}"]
                self._add(key, written, key.help if shown else None)
        firsts = {name.partition(".")[0]: name for name in reversed(keys) if "." in name}
        for section, first in firsts.items():
            if not any(f"--{section}" in action.option_strings for action in self._actions):
                self.add_argument(f"--{section}", action=_needs_key(first), nargs="?", help=argparse.SUPPRESS)

    def keys(self) -> Keys:
        """Return the keys that are options: those of the command and the config keys."""
        return {**self._own, **self._config}

    def read(self, arguments: Sequence[str]) -> Options:
        """Return what `arguments` ask for. Raises `UserError` for an option that does not exist, and a wrong value."""
        options, unknown = self.read_known(arguments)
        self.refuse(unknown)
        return options

    def read_known(self, arguments: Sequence[str]) -> tuple[Options, list[str]]:
        """Return what `arguments` ask for, and those among them that are no options of this parser."""
        options = Options()
        try:
            _, unknown = self.parse_known_args(list(arguments), options)
        except argparse.ArgumentError as error:
            name = (error.argument_name or "").partition("/")[0]
            raise UserError(f"{name}: {error.message}" if name else error.message) from None
        for name, key in self._own.items():
            value = getattr(options, name, None)
            as_option = dataclasses.replace(key, name=f"--{name}")
            setattr(options, name, key.default if value is None else as_option.convert(value))
        options.settings = {name: getattr(options, name) for name in self._config if hasattr(options, name)}
        return options, unknown

    def refuse(self, unknown: Sequence[str]) -> None:
        """Raise `UserError` for the first of arguments that are no options, with the nearest that there is."""
        for argument in unknown:
            if argument.startswith("-"):
                written = [text for action in self._actions for text in action.option_strings if text[:2] == "--"]
                raise self._unknown_option(argument.partition("=")[0], written)
            raise UserError(f"unexpected argument {argument!r}")

    def _unknown_option(self, name: str, written: Sequence[str]) -> UserError:
        if not self._config:
            return unknown_name("option", name, written)
        # Config keys are a hundred: the help lists them.
        meant = nearest(name, written)
        suggestion = f"; did you mean {meant!r}?" if meant else ";"
        own = [text for text in dict.fromkeys(text.replace("_", "-") for text in written) if "." not in text]
        shown = [
            text for text in own if text[2:] not in {key.partition(".")[0] for key in self._config} - {"model", "data"}
        ]
        return UserError(f"unknown option {name!r}{suggestion} valid: {', '.join(shown)}, and the config keys")

    def _add(self, key: Key, written: list[str], help: str | None, required: bool = False) -> None:
        flag: dict[str, Any] = {"nargs": "?", "const": "true"} if key.type is bool else {}
        text = argparse.SUPPRESS if help is None else _described(key, help)
        metavar = key.name.rpartition(".")[2].upper()
        self.add_argument(
            *written, dest=key.name, default=argparse.SUPPRESS, help=text, metavar=metavar, required=required, **flag
        )


def _described(key: Key, help: str) -> str:
    valid = f"; {key.expected}" if key.choices and not all(str(choice) in help for choice in key.choices) else ""
    default = "" if key.default in (REQUIRED, None) else f" (default: {_as_typed(key.default)})"
    return textwrap.shorten(f"{help.rstrip('.')}{valid}{default}", 400).replace("%", "%%")


def _as_typed(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"[{', '.join(map(str, value))}]" if isinstance(value, tuple | list) else str(value)


def _needs_key(first: str) -> type[argparse.Action]:
    section = first.partition(".")[0]

    class NeedsKey(argparse.Action):
        def __call__(self, *_: Any) -> NoReturn:
            meant = SYNONYMS.get(section, ())
            suggestion = f"; did you mean '--{meant[0]}'?" if meant else ""
            raise UserError(f"--{section} needs one of its keys, e.g. --{first}{suggestion}")

    return NeedsKey


def records_key() -> Key:
    """Return the option that names the folder of records."""
    return Key("out", str, "runs", "folder of the records")
