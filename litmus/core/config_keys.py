"""Config keys: one table of name, type, default and help, for parsing, errors, help and documentation."""

import dataclasses
import inspect
import json
import re
import types
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import docstring_parser
import pydantic
import yaml

from litmus.core.errors import UserError, unknown_name
from litmus.core.suggestions import by_meaning, by_spelling

Settings = Mapping[str, Any]
"""Values by dotted key, text or typed."""


def parse_value(text: str) -> Any:
    """Return the value that a YAML scalar or flow collection stands for; `1e-3` is a number, as in Python."""
    try:
        return _with_numbers(yaml.safe_load(text))
    except yaml.YAMLError:
        return text


def _with_numbers(value: Any) -> Any:
    # YAML 1.1 takes a number with an exponent for one only where it has a point.
    if isinstance(value, list):
        return [_with_numbers(item) for item in value]
    is_number = isinstance(value, str) and re.fullmatch(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+", value)
    return float(value) if is_number else value


def read_mapping(path: Path, option: str, expected: str) -> dict[str, Any]:
    """Return the mapping that a YAML file holds, which a user named by `option`.

    Raises `UserError` where it cannot be read, or is no mapping, as `expected` says it in words.
    """
    try:
        content = yaml.safe_load(path.read_text())
    except OSError as error:
        raise UserError(f"{option} {path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{option} {path}: not YAML ({' '.join(str(error).split())[:120]})") from None
    if not isinstance(content, dict):
        raise UserError(f"{option} {path}: expected {expected}")
    return content


def flatten(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested dictionaries as one, by dotted key."""
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        if isinstance(value, Mapping):
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


_WORDS: dict[Any, tuple[str, str]] = {
    int: ("an integer", "integers"),
    float: ("a number", "numbers"),
    bool: ("true or false", "booleans"),
    str: ("text", "words"),
    type(None): ("null", "nulls"),
}

_PLAIN = (int, float, bool, str, type(None))


@dataclass(frozen=True)
class Key:
    """One setting, by its dotted name.

    Args:
        name: e.g. `optim.lr`.
        type: its Python type; a `Literal` lists the valid choices.
        default: its value where none is given.
        help: what it says, in a sentence.
    """

    name: str
    type: Any
    default: Any
    help: str

    @cached_property
    def choices(self) -> tuple[Any, ...]:
        """The valid values, where they can be listed."""
        return get_args(self.type) if get_origin(self.type) is Literal else ()

    @property
    def expected(self) -> str:
        """What a value has to be, in words."""
        return ", ".join(map(str, self.choices)) if self.choices else _in_words(self.type)

    def convert(self, value: Any) -> Any:
        """Return `value`, typed or as text, as the key's type; lists become tuples.

        Raises `UserError` that names the key, what is expected and what was given.
        """
        for reading in self._readings(value):
            try:
                text = json.dumps(reading, allow_nan=False, default=_plain_number)
                return _hashable(_adapter(self.type).validate_json(text, strict=True))
            except (ValueError, TypeError, RuntimeError):
                continue
        if self.choices:
            raise unknown_name(self.name, str(value), [str(choice) for choice in self.choices])
        raise UserError(f"{self.name}: expected {self.expected}, got {value!r}")

    def _readings(self, value: Any) -> list[Any]:
        if not isinstance(value, str):
            return [value]
        return [value] if self.type is str else [parse_value(value), value]


Keys = dict[str, Key]
"""Keys by name, in the order in which a reader meets them."""


def keys_of_class(config: type, section: str, skip: Collection[str] = ()) -> Keys:
    """Return a key for each field of a dataclass, `section.field`; its docstring's `Args` are their help."""
    return _keys(_fields(config), section, skip)


def keys_of_function(
    function: Callable[..., Any], section: str, skip: Collection[str] = (), defaults: Settings | None = None
) -> Keys:
    """Return a key for each parameter of a function or class, `section.parameter`; its docstring's `Args` are the help.

    A parameter whose default is a dataclass stands for its fields, with the values of the default as theirs. One that
    has no type is of its default's; one whose default or type is no plain value, a class say, is no key. `defaults` by
    name go before those of the signature.
    """
    hints, documented = _hints(function), _documented(function)
    found: list[Key] = []
    for name, parameter in inspect.signature(function).parameters.items():
        default = parameter.default
        if _is_group(default):
            found += [dataclasses.replace(key, default=getattr(default, key.name)) for key in _fields(type(default))]
            continue
        kind = hints.get(name, _kind_of(default))
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD) and _is_plain(kind, default):
            found.append(Key(name, kind, default, documented.get(name, "")))
    given = defaults or {}
    return _keys([dataclasses.replace(key, default=given.get(key.name, key.default)) for key in found], section, skip)


def groups_of(function: Callable[..., Any]) -> dict[str, tuple[Any, tuple[str, ...]]]:
    """Return, for each parameter of `function` that stands for a dataclass's fields, its default and their names."""
    return {
        name: (parameter.default, tuple(field.name for field in dataclasses.fields(parameter.default)))
        for name, parameter in inspect.signature(function).parameters.items()
        if _is_group(parameter.default)
    }


def _is_group(default: Any) -> bool:
    return dataclasses.is_dataclass(default) and not isinstance(default, type)


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return get_type_hints(getattr(function, "__init__") if isinstance(function, type) else function)  # noqa: B009
    except NameError:
        return {}  # a type that exists for type checkers alone; the defaults' own types stand in


def _kind_of(default: Any) -> Any:
    """Return the type of what has none but its default: a whole number may as well have been a fraction."""
    if default is None:
        return Any
    return int | float if type(default) is int else type(default)


def _is_plain(kind: Any, default: Any) -> bool:
    """Whether a value of this type can be written in a config; an empty default stands for none."""
    if default is not inspect.Parameter.empty and not isinstance(default, (*_PLAIN, list, tuple)):
        return False
    origin = get_origin(kind)
    if origin is Literal or kind is Any or kind in (list, tuple):
        return True
    if origin in (Union, types.UnionType, list, tuple):
        return all(each is ... or _is_plain(each, None) for each in get_args(kind))
    return kind in _PLAIN


def unknown_key(key: str, valid: Iterable[str], owner: str) -> UserError:
    """Return the error for a key that `owner` does not have: the one that is meant and those of the same section."""
    keys = list(valid)
    siblings = [candidate for candidate in keys if candidate.startswith(f"{key.partition('.')[0]}.")]
    meant = by_meaning(key, siblings) or by_meaning(key, keys) or by_spelling(key, siblings or keys)
    suggestion = f"; did you mean {meant!r}?" if meant else ";"
    shown = siblings or sorted({candidate.partition(".")[0] for candidate in keys})
    return UserError(f"unknown config key {key!r} for {owner}{suggestion} valid: {', '.join(shown)}")


def _keys(found: Iterable[Key], section: str, skip: Collection[str]) -> Keys:
    prefix = f"{section}." if section else ""
    named = {f"{prefix}{key.name}": key for key in found if key.name not in skip}
    return {name: dataclasses.replace(key, name=name) for name, key in named.items()}


def _fields(config: type) -> list[Key]:
    hints, documented = get_type_hints(config), _documented(config)
    keys = []
    for field in dataclasses.fields(config):
        made = field.default_factory
        default = field.default if made is dataclasses.MISSING else made()
        keys.append(Key(field.name, hints[field.name], default, documented.get(field.name, "")))
    return keys


def _documented(what: Any) -> dict[str, str]:
    """Return the help of arguments by name, from the docstring's `Args`; of a class, its bases' too."""
    documented = reversed(what.__mro__) if isinstance(what, type) else (what,)
    parsed = [docstring_parser.parse(inspect.cleandoc(each.__doc__ or "")) for each in documented]
    return {arg.arg_name: " ".join((arg.description or "").split()) for each in parsed for arg in each.params}


@cache
def _adapter(kind: Any) -> pydantic.TypeAdapter[Any]:
    return pydantic.TypeAdapter(kind)


def _in_words(kind: Any, several: bool = False) -> str:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return " or ".join(_in_words(each, several) for each in arguments)
    if origin in (list, tuple):
        return f"{'lists' if several else 'a list'} of {_in_words(arguments[0], several=True)}"
    if origin is Literal:
        return ", ".join(map(str, arguments))
    singular, plural = _WORDS.get(kind, (str(kind), str(kind)))
    return plural if several else singular


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _plain_number(value: Any) -> Any:
    """Return a number of NumPy's or PyTorch's as Python's; raises TypeError for what is no number, as JSON does."""
    if not hasattr(value, "item"):
        raise TypeError(type(value))
    return value.item()
