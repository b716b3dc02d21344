"""Declarations in Python: dataclasses whose fields are checked by their types when they are made."""

import dataclasses
import inspect
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from numbers import Integral, Real
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

from litmus.core.config_keys import in_words
from litmus.core.errors import UserError


class Declared:
    """A base of frozen dataclasses that a user's file makes; numbers and arrays of NumPy become Python's.

    Raises `UserError` that names the class, the field, what is expected and what was given. A subclass that checks how
    its values go together does so in `__post_init__`, after `super().__post_init__()`.
    """

    def __post_init__(self) -> None:
        declared: Any = type(self)
        for name, kind, default in _typed_fields(declared):
            given = getattr(self, name)
            if given is default:
                continue
            value = as_python(given)
            object.__setattr__(self, name, value)
            if found := _misfit(value, kind, name):
                place, expected, given = found
                raise UserError(f"{type(self).__name__}: {place}: expected {in_words(expected)}, got {_shown(given)}")


def as_python(value: Any) -> Any:
    """Return numbers and arrays of NumPy as Python's, in lists, tuples and dictionaries too; all else as it is."""
    if type(value) in (str, int, float, bool):
        return value
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return {as_python(key): as_python(item) for key, item in value.items()}
    return type(value)(map(as_python, value)) if type(value) in (list, tuple) else value


@cache
def _typed_fields(declared: Any) -> list[tuple[str, Any, Any]]:
    hints = get_type_hints(declared, include_extras=True)
    return [(field.name, hints[field.name], field.default) for field in dataclasses.fields(declared)]


@cache
def _taken_apart(kind: Any) -> tuple[Any, tuple[Any, ...]]:
    return get_origin(kind), get_args(kind)


def _misfit(value: Any, kind: Any, place: str) -> tuple[str, Any, Any] | None:
    """Return the place of the first value that is not of its type, that type and the value; None where all are."""
    if _is_exactly(value, kind):
        return None
    origin, arguments = _taken_apart(kind)
    if origin is Annotated:
        return _misfit(value, arguments[0], place)
    if origin in (Union, types.UnionType):
        if type(value) in arguments:
            return None
        found = [_misfit(value, each, place) for each in arguments]
        # The type that the value has, but for something inside it, is the one that was meant.
        inside = [each for each in found if each is not None and each[0] != place]
        return None if None in found else next(iter(inside), (place, kind, value))
    if not _is_a(value, origin or kind, arguments):
        return place, kind, value
    if origin is Mapping:
        parts = [(key, arguments[0], f"a key of {place}") for key in value if not _is_exactly(key, arguments[0])]
        named: Iterable[tuple[Any, Any]] = value.items()
    else:
        parts, named = [], enumerate(value) if origin in (Sequence, list, tuple) else ()
    kind_of_part = arguments[-1 if origin is Mapping else 0] if arguments else Any
    parts += [(part, kind_of_part, f"{place}[{name!r}]") for name, part in named if not _is_exactly(part, kind_of_part)]
    return next(filter(None, (_misfit(*part) for part in parts)), None)


def _is_exactly(value: Any, kind: Any) -> bool:
    return kind is Any or type(value) is kind


def _is_a(value: Any, kind: Any, arguments: tuple[Any, ...]) -> bool:
    if kind is Literal:
        return value in arguments
    if kind is Callable:
        return isinstance(value, Declared) or (callable(value) and _takes(value, *arguments[:1]))
    if kind in (int, float):
        return isinstance(value, Integral if kind is int else Real) and not isinstance(value, bool)
    return isinstance(value, kind) and not (kind is Sequence and isinstance(value, str | bytes))


def _takes(function: Callable[..., Any], expected: Any = ...) -> bool:
    """Whether a function can be called with as many arguments as its type says."""
    if expected is ...:
        return True
    try:
        inspect.signature(function).bind(*expected)
    except TypeError:
        return False
    except ValueError:  # a function of C without a signature
        pass
    return True


def _shown(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:59]}…"
