"""Config keys: one table from signatures and docstrings, and strict conversion of typed and written values."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from litmus.core.config_keys import Key, groups_of, keys_of_class, keys_of_function
from litmus.core.errors import UserError


@dataclass(frozen=True)
class Group:
    """Options that several functions share.

    Args:
        rate: how fast,
            in units a second.
        mode: slow or fast.
    """

    rate: float = 0.5
    mode: Literal["slow", "fast"] = "slow"


def build(size: int = 3, name: str | None = None, *, group: Group = Group(rate=2.0)) -> None:
    """Build.

    Args:
        size: how large.
        name: its name.
    """


def test_a_functions_parameters_are_keys_and_a_group_stands_for_its_fields() -> None:
    keys = keys_of_function(build, "model", skip=["name"])
    assert keys == {
        "model.size": Key("model.size", int, 3, "how large."),
        "model.rate": Key("model.rate", float, 2.0, "how fast, in units a second."),
        "model.mode": Key("model.mode", Literal["slow", "fast"], "slow", "slow or fast."),
    }
    assert groups_of(build) == {"group": (Group(rate=2.0), ("rate", "mode"))}
    assert list(keys_of_class(Group, "")) == ["rate", "mode"]


@pytest.mark.parametrize(
    ("type", "typed", "value"),
    [
        (int, "3", 3),
        (float, "1e-2", 0.01),
        (float, 3, 3.0),
        (int, numpy.int64(3), 3),
        (bool, "true", True),
        (int | None, "null", None),
        (str, "1e3", "1e3"),
        (str, "null", "null"),
        (tuple[float, ...], "[0.1, 0.2]", (0.1, 0.2)),
        (int | tuple[str, ...] | None, "[b, a]", ("b", "a")),
    ],
)
def test_what_is_typed_becomes_the_keys_type(type: Any, typed: Any, value: Any) -> None:
    converted = Key("k", type, None, "").convert(typed)
    assert converted == value
    assert converted.__class__ is value.__class__


@pytest.mark.parametrize(
    ("type", "given", "message"),
    [
        (int, "3.5", "k: expected an integer, got '3.5'"),
        (int, True, "k: expected an integer, got True"),
        (float, float("nan"), "k: expected a number, got nan"),
        (bool, "1", "k: expected true or false, got '1'"),
        (float, numpy.ones(2), "k: expected a number, got array([1., 1.])"),
        (int | tuple[str, ...], "x", "k: expected an integer or a list of words, got 'x'"),
        (Literal["batch", "none"], "batc", "unknown k 'batc'; did you mean 'batch'? valid: batch, none"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_what_would(type: Any, given: Any, message: str) -> None:
    with pytest.raises(UserError) as error:
        Key("k", type, None, "").convert(given)
    assert str(error.value) == message


numbers = st.floats(allow_nan=False, allow_infinity=False)
VALUES: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (int, st.integers(-(10**12), 10**12)),
    (float, numbers),
    (bool, st.booleans()),
    (int | None, st.none() | st.integers(-9, 9)),
    (tuple[float, ...], st.lists(numbers, max_size=4).map(tuple)),
]


@given(st.data())
def test_every_value_survives_a_file_and_a_command_line(data: st.DataObject) -> None:
    kind, strategy = data.draw(st.sampled_from(VALUES))
    value = data.draw(strategy)
    key = Key("k", kind, None, "")
    ways: list[Callable[[Any], Any]] = [
        lambda plain: plain,
        lambda plain: yaml.safe_load(yaml.safe_dump({"k": plain}))["k"],
        json.dumps,
    ]
    plain = list(value) if isinstance(value, tuple) else value
    for way in ways:
        assert key.convert(way(plain)) == value
