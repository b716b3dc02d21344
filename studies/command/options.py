"""Options of the commands: config keys apart from the rest, which jsonargparse parses."""

import dataclasses
import re
from collections.abc import Sequence
from typing import Any, NoReturn

import jsonargparse

from litmus.errors import UserError, unknown_name
from studies.launch.conduct import LaunchConfig
from studies.training.config import SECTIONS, parse_value

CONFIG_HELP = (
    "Every config key is an option too: --model NAME, --data NAME, --model.norm batch, --optim.lr 0.1, "
    "--trainer.epochs 20, ...; `litmus train --model NAME --help` lists them with their defaults."
)


class Parser(jsonargparse.ArgumentParser):
    """A parser whose complaint is one line and whose exit status is 2."""

    def error(self, message: Any, ex: Exception | None = None) -> NoReturn:
        text = " ".join(str(message).split())
        unknown = re.search(r"(?:unrecognized arguments|Unrecognized arguments): (\S+)", text)
        if unknown:
            options = [option for action in self._actions for option in action.option_strings if option[:2] == "--"]
            raise unknown_name("option", unknown.group(1).partition("=")[0], options)
        typed = re.search(r'[Kk]ey "(\w+)": (.*?)(?:Got|Given) value: (\S+)', text)
        if typed:
            wanted = {"<class 'int'>": "an integer", "<class 'float'>": "a number"}
            expected = next((word for name, word in wanted.items() if name in typed.group(2)), typed.group(2))
            raise UserError(f"--{typed.group(1)}: expected {expected}, got {typed.group(3)!r}")
        raise UserError(text)


def command_parser(name: str, description: str) -> Parser:
    """Return the parser of the command `name`."""
    return Parser(prog=f"litmus {name}", description=description, allow_abbrev=False)


def add_launch_arguments(parser: Parser) -> None:
    """Add the options that say how runs are executed: --workers, --devices, --out, ..."""
    parser.add_class_arguments(LaunchConfig, as_group=True, sub_configs=False)


def launch_config(options: jsonargparse.Namespace) -> LaunchConfig:
    """Return the `LaunchConfig` that the parsed options ask for. Raises `UserError` naming the option."""
    fields = LaunchConfig.__dataclass_fields__
    try:
        return LaunchConfig(**{name: options[name] for name in fields})
    except UserError as error:
        raise UserError(f"--{error}" if str(error).split()[0] in fields else str(error)) from None


def split_config(arguments: Sequence[str]) -> tuple[list[str], dict[str, Any]]:
    """Return the arguments that are no config keys, and the config keys that the others set.

    `--data mnist` stands for `--data.name mnist`, `--optim.nesterov` alone for true. Raises `UserError` for a key
    without a value.
    """
    sections = "|".join(("model", *SECTIONS))
    rest: list[str] = []
    settings: dict[str, Any] = {}
    tokens = list(arguments)
    while tokens:
        token = tokens.pop(0)
        match = re.fullmatch(rf"--((?:{sections})(?:\.[\w.]+)?|seed)(?:=(.*))?", token, flags=re.DOTALL)
        if match is None:
            # --per-device and --per_device are one option.
            name, equals, given = token.partition("=")
            rest.append(name.replace("-", "_").replace("__", "--", 1) + equals + given if name[:2] == "--" else token)
            continue
        key, value = match.group(1), match.group(2)
        if value is None and tokens and not tokens[0].startswith("--"):
            value = tokens.pop(0)
        if key in ("model", "data"):
            key += ".name"
        elif key in SECTIONS:
            raise UserError(f"--{key} needs one of its keys, e.g. --{key}.{next(iter(_fields(key)))}")
        if value is None:
            if key.endswith(".name") or key == "seed":
                raise UserError(f"--{key.removesuffix('.name')} needs a value")
            value = "true"
        settings[key] = parse_value(value) if value.startswith("[") else value
    return rest, settings


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


def _fields(section: str) -> dict[str, Any]:
    return {field.name: field for field in dataclasses.fields(SECTIONS[section])}
