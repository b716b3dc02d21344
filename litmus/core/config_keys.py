"""Config keys: each setting's name, type, bounds, default, help and role, read from the one place that declares it.

A key is a field of a `Config`, or a parameter of a function that builds an architecture or a dataset. Its annotation
holds type, bounds and role, the docstring's `Args` its help:

    lr: PositiveFloat = 0.1
    deterministic: Annotated[bool, Role.SPEED] = True

Parsing, errors, `--help`, a run's identity, the check of speed settings, the report and docs/config_keys.md follow.
"""

import dataclasses
import inspect
import json
import re
import types
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import docstring_parser
import pydantic
import yaml
from annotated_types import Ge, Lt
from pydantic_core import CoreSchema, core_schema

from litmus.core.errors import UserError, unknown_name
from litmus.core.suggestions import by_meaning, by_spelling, in_any_case

REQUIRED = inspect.Parameter.empty
"""The default of a key that has to be given."""

Settings = Mapping[str, Any]
"""Values by dotted key, text or typed."""

Fraction = Annotated[float, Ge(0), Lt(1)]
"""A number from 0 up to, not including, 1."""


class Role(StrEnum):
    """What a key's value means for a run; other than `IDENTITY` it is part of the annotation."""

    IDENTITY = "identity"
    """Part of what the experiment is: another value is another run."""
    SPEED = "speed"
    """How fast a run computes: part of its identity, and one choice for all arms of a study."""
    PLACE = "place"
    """Where something lies, or what stays of it: no part of the identity, and no factor of a study."""
    FILES = "files"
    """Where files lie whose content is part of the identity; the place is not."""


@dataclass(frozen=True, eq=False)
class OneOf:
    """Part of the annotation of a text that has to be one of `names`, such as those of a registry."""

    names: Collection[str]

    def __get_pydantic_core_schema__(self, source: Any, handler: pydantic.GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def _check(self, name: str) -> str:
        if name not in self.names:
            raise ValueError("not among the names")
        return name


@dataclass(frozen=True)
class Key:
    """One setting, by its dotted name.

    Args:
        name: e.g. `optim.lr`.
        type: its Python type, `Annotated` with its bounds and its role; a `Literal` lists the valid choices.
        default: its value where none is given.
        help: what it says, in a sentence.
    """

    name: str
    type: Any
    default: Any
    help: str

    @cached_property
    def role(self) -> Role:
        """What the value means for a run."""
        marks = get_args(self.type)[1:] if get_origin(self.type) is Annotated else ()
        return next((mark for mark in marks if isinstance(mark, Role)), Role.IDENTITY)

    @property
    def in_identity(self) -> bool:
        """Whether the value is part of a run's identity."""
        return self.role in (Role.IDENTITY, Role.SPEED)

    @cached_property
    def choices(self) -> tuple[Any, ...]:
        """The valid values, where they can be listed; null, where it is valid too, is not among them."""
        return () if self.is_list else _choices(self.type)

    @property
    def is_list(self) -> bool:
        """Whether a value has several parts."""
        return get_origin(_unmarked(self.type)) in (list, tuple)

    @property
    def expected(self) -> str:
        """What a value has to be, in words."""
        return in_words(self.type)

    def convert(self, value: Any) -> Any:
        """Return `value`, typed or as text, as the key's type; lists become tuples, choices may be of any case.

        Raises `UserError` that names the key, what is expected and what was given.
        """
        readings = [value]
        if isinstance(value, str) and _unmarked(self.type) is not str:
            readings = [parse_value(value), value]
        if self.is_list:
            readings += [[reading] for reading in readings if isinstance(reading, str)]  # a list of one word
        names = [choice for choice in _choices(self.type) if isinstance(choice, str)]
        if names:
            readings += [_in_their_case(reading, names) for reading in readings]
        errors: list[Any] = []
        for reading in readings:
            try:
                text = json.dumps(reading, allow_nan=False, default=_plain)
                found = _adapter(self.type).validate_json(text, strict=True)
                return tuple(found) if isinstance(found, list) else found
            except pydantic.ValidationError as error:
                errors += error.errors()
            except (ValueError, TypeError, RuntimeError):
                continue
        raise self._error(value, errors)

    def _error(self, value: Any, errors: Iterable[Any]) -> UserError:
        for error in errors:
            for bound, (words, _) in _BOUNDS.items():
                if bound in error.get("ctx", {}):
                    return UserError(f"{self.name} must be {words} {error['ctx'][bound]:g}, got {error['input']}")
        choices = [str(choice) for choice in _choices(self.type)]
        items = value if isinstance(value, list | tuple) else [value]
        wrong = [str(item) for item in items if str(item) not in choices]
        if choices and wrong:
            return unknown_name(self.name, wrong[0], choices)
        return UserError(f"{self.name}: expected {self.expected}, got {value!r}")


Keys = dict[str, Key]
"""Keys by name, in the order in which they are shown."""


@dataclass(frozen=True)
class Config:
    """A group of keys: a frozen dataclass whose values are checked as they are declared.

    A subclass that checks how its values go together does so in `__post_init__`, after `super().__post_init__()`.
    """

    def __post_init__(self) -> None:
        for key in keys_of_class(type(self), "").values():
            object.__setattr__(self, key.name, key.convert(getattr(self, key.name)))


def keys_of_class(config: Any, section: str) -> Keys:
    """Return a key for each field of a dataclass whose values can be written in a config: `section.field`."""
    return _named(_fields(config), section)


def keys_of_function(function: Callable[..., Any], section: str, skip: Collection[str] = ()) -> Keys:
    """Return a key for each parameter of a function or class but those of `skip`: `section.parameter`.

    A parameter whose default is a dataclass stands for its fields, with the values of the default as theirs. One that
    has no type is of its default's; one whose default or type is no plain value, a class say, is no key.
    """
    return _named([key for key in _parameters(function) if key.name not in skip], section)


def groups_of(function: Callable[..., Any]) -> dict[str, tuple[Any, tuple[str, ...]]]:
    """Return, for each parameter of `function` that stands for a dataclass's fields, its default and their names."""
    return {
        name: (parameter.default, tuple(field.name for field in dataclasses.fields(parameter.default)))
        for name, parameter in inspect.signature(function).parameters.items()
        if _is_group(parameter.default)
    }


def unknown_key(key: str, valid: Iterable[str], owner: str) -> UserError:
    """Return the error for a key that `owner` does not have: the nearest match and those of the same section.

    All have the same keys but those of `model` and `data`.
    """
    keys = list(valid)
    siblings = [candidate for candidate in keys if candidate.startswith(f"{key.partition('.')[0]}.")]
    meant = by_meaning(key, siblings) or by_meaning(key, keys) or by_spelling(key, siblings or keys)
    suggestion = f"; did you mean {meant!r}?" if meant else ";"
    shown = siblings or sorted({candidate.partition(".")[0] for candidate in keys})
    of = f" for {owner}" if key.startswith(("model.", "data.")) else ""
    return UserError(f"unknown config key {key!r}{of}{suggestion} valid: {', '.join(shown)}")


class _Loader(yaml.SafeLoader):
    """Reads YAML as people write it, without what only YAML 1.1 makes of plain text.

    `010` is no octal number, `1:30` no number of minutes, `no` not false and `2026-01-01` no date. A key that a mapping
    has twice is an error.
    """

    yaml_implicit_resolvers = {}  # noqa: RUF012

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set[str]()
        for key, _ in node.value:
            if str(key.value) in seen:
                raise yaml.MarkedYAMLError(problem=f"{key.value} is given twice", problem_mark=key.start_mark)
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


for _tag, _pattern, _first in (
    ("bool", "true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?(0|[1-9]\d*)", "-+0123456789"),
    ("float", r"[-+]?(\d+\.\d*|\.\d+)([eE][-+]\d+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", "-+.0123456789"),
    ("null", "~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("merge", "<<", "<"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^({_pattern})$", re.ASCII), _first)


def parse_value(text: str) -> Any:
    """Return the value of a YAML scalar or flow collection; `1e-3`, `010` and `1_000` are numbers, as people mean them.

    Raises `UserError` for a mapping with a key twice.
    """
    try:
        return _with_numbers(yaml.load(text, _Loader))  # a subclass of the safe loader
    except yaml.YAMLError:
        return text


def read_mapping(path: Path, option: str, expected: str) -> dict[str, Any]:
    """Return the mapping that a YAML file holds, which a user named by `option`.

    Raises `UserError` where it cannot be read, or is no mapping, as `expected` says it in words.
    """
    try:
        content = yaml.load(path.read_text(), _Loader)
    except OSError as error:
        raise UserError(f"{option} {path}: {error.strerror}") from None
    except yaml.MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f", line {error.problem_mark.line + 1}"
        what = "" if type(error) is yaml.MarkedYAMLError else "not YAML, "
        raise UserError(f"{option} {path}{line}: {what}{error.problem}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{option} {path}: not YAML ({' '.join(str(error).split())[:120]})") from None
    if not isinstance(content, dict):
        raise UserError(f"{option} {path}: expected {expected}")
    return content


def flatten(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested dictionaries as one, by dotted key. Raises `UserError` where a key is there twice."""
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        found = flatten(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
        for name in found.keys() & flat.keys():
            raise UserError(f"{name} is given twice, as a dotted key and in its section")
        flat.update(found)
    return flat


def _with_numbers(value: Any) -> Any:
    # The loader leaves them as text, so that what a config file holds as text is read as text again.
    if isinstance(value, list):
        return [_with_numbers(item) for item in value]
    if isinstance(value, str) and re.fullmatch(r"[-+]?\d+(_\d+)*", value, re.ASCII):
        return int(value)
    is_number = isinstance(value, str) and re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", value, re.ASCII)
    return float(value) if is_number else value


def _named(keys: Iterable[Key], section: str) -> Keys:
    prefix = f"{section}." if section else ""
    return {f"{prefix}{key.name}": dataclasses.replace(key, name=f"{prefix}{key.name}") for key in keys}


@cache
def _fields(config: Any) -> tuple[Key, ...]:
    hints, documented = get_type_hints(config, include_extras=True), _documented(config)
    keys = []
    for field in dataclasses.fields(config):
        if _is_plain(hints[field.name], None):
            made = field.default_factory
            default = field.default if made is dataclasses.MISSING else made()
            keys.append(Key(field.name, hints[field.name], default, documented.get(field.name, "")))
    return tuple(keys)


@cache
def _parameters(function: Callable[..., Any]) -> tuple[Key, ...]:
    hints, documented = _hints(function), _documented(function)
    found: list[Key] = []
    for name, parameter in inspect.signature(function).parameters.items():
        default = parameter.default
        if _is_group(default):
            fields = keys_of_class(type(default), "").values()
            found += [dataclasses.replace(key, default=getattr(default, key.name)) for key in fields]
            continue
        kind = hints.get(name, _kind_of(default))
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD) and _is_plain(kind, default):
            found.append(Key(name, kind, default, documented.get(name, "")))
    return tuple(found)


def _is_group(default: Any) -> bool:
    return dataclasses.is_dataclass(default) and not isinstance(default, type)


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    described = getattr(function, "__init__") if isinstance(function, type) else function  # noqa: B009
    try:
        return get_type_hints(described, include_extras=True)
    except NameError:
        return {}  # a type that exists for type checkers alone; the defaults' types are used


def _documented(what: Any) -> dict[str, str]:
    """Return the help of arguments by name, from the docstring's `Args`; of a class, its bases' too."""
    documented = reversed(what.__mro__) if isinstance(what, type) else (what,)
    parsed = [docstring_parser.parse(inspect.cleandoc(each.__doc__ or "")) for each in documented]
    return {arg.arg_name: " ".join((arg.description or "").split()) for each in parsed for arg in each.params}


_WORDS: dict[Any, tuple[str, str]] = {
    int: ("an integer", "integers"),
    float: ("a number", "numbers"),
    bool: ("true or false", "booleans"),
    str: ("text", "words"),
    type(None): ("null", "nulls"),
    Callable: ("a function", "functions"),
    Any: ("a value", "values"),
}
_BOUNDS = {"gt": ("greater than", ">"), "ge": ("at least", "≥"), "lt": ("less than", "<"), "le": ("at most", "≤")}
"""Names of bounds in pydantic's errors and the `annotated_types`, in words and as a sign."""


def _kind_of(default: Any) -> Any:
    """Return the type of what has none but its default: a whole number may as well have been a fraction."""
    if default is None or default is REQUIRED:
        return Any
    return int | float if type(default) is int else type(default)


def _is_plain(kind: Any, default: Any) -> bool:
    """Whether a value of this type can be written in a config; an empty default stands for none."""
    if default is not REQUIRED and not isinstance(default, (*_WORDS, list, tuple)):
        return False
    kind = _unmarked(kind)
    origin = get_origin(kind)
    if origin is Literal or kind is Any or kind in (list, tuple):
        return True
    if origin in (Union, types.UnionType, list, tuple):
        return all(each is ... or _is_plain(each, None) for each in get_args(kind))
    return kind in _WORDS


def _unmarked(kind: Any) -> Any:
    """Return a type without its bounds and its role."""
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _choices(kind: Any) -> tuple[Any, ...]:
    """Return what a value of a type, or each of a list's, may be, where that can be listed."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return arguments
    if origin is Annotated:
        names = next((tuple(mark.names) for mark in arguments[1:] if isinstance(mark, OneOf)), ())
        return names or _choices(arguments[0])
    if origin in (list, tuple):
        return _choices(arguments[0])
    if origin in (Union, types.UnionType):
        found = [_choices(each) for each in arguments if each is not type(None)]
        return tuple(choice for each in found for choice in each) if all(found) else ()
    return ()


def in_words(kind: Any, several: bool = False) -> str:
    """Return what a value of a type has to be, in words; with `several`, what each of a list's has to be."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        marks = arguments[1:]
        if choices := _choices(kind):
            return ", ".join(map(str, choices))
        bounds = [
            f"{sign} {getattr(mark, bound):g}"
            for mark in marks
            for bound, (_, sign) in _BOUNDS.items()
            if hasattr(mark, bound)
        ]
        return " ".join([in_words(arguments[0], several), " and ".join(bounds)]).strip()
    if origin in (Union, types.UnionType):
        return " or ".join(in_words(each, several) for each in arguments)
    if origin in (list, tuple, Sequence):
        return f"{'lists' if several else 'a list'} of {in_words(arguments[0], several=True)}"
    if origin is Literal:
        return ", ".join(map(str, arguments))
    if origin is Mapping:
        return f"{'dictionaries' if several else 'a dictionary'} of {in_words(arguments[1], several=True)}"
    if origin is Callable and arguments and arguments[0] is not ...:
        count = len(arguments[0])
        return f"{'functions' if several else 'a function'} of {count} argument{'s' * (count != 1)}"
    name = getattr(kind, "__name__", str(kind))
    singular, plural = _WORDS.get(origin or kind, (f"{'an' if name[0] in 'AEIOU' else 'a'} {name}", f"{name}s"))
    return plural if several else singular


def _in_their_case(value: Any, names: Collection[str]) -> Any:
    """Return a name, or each of a list, as `names` spell it."""
    if isinstance(value, list | tuple):
        return [_in_their_case(each, names) for each in value]
    return in_any_case(str(value), names) or value


@cache
def _adapter(kind: Any) -> pydantic.TypeAdapter[Any]:
    return pydantic.TypeAdapter(kind)


def _plain(value: Any) -> Any:
    """Return a path as text, a number of NumPy's or PyTorch's as Python's; raises TypeError for all else."""
    if isinstance(value, Path):
        return str(value)
    if not hasattr(value, "item"):
        raise TypeError(type(value))
    return value.item()
