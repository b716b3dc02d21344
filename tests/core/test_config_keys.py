"""Config keys: one table from signatures and docstrings, and strict conversion of typed and written values."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from litmus.core.config_keys import Key, flatten, groups_of, keys_of_class, keys_of_function, read_mapping
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
        (int, "010", 10),
        (int, "1_000", 1000),
        (int | None, "-08", -8),
        (float, ".5e1", 5.0),
        (int | str, "1:30", "1:30"),
        (bool | str, "no", "no"),
        (str | None, "2026-01-01", "2026-01-01"),
        (Literal["batch", "none"], "Batch", "batch"),
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
        (bool, "on", "k: expected true or false, got 'on'"),
        (int, "0x10", "k: expected an integer, got '0x10'"),
        (int, "1:30", "k: expected an integer, got '1:30'"),
        (tuple[int, ...], "[1, 1:30]", "k: expected a list of integers, got '[1, 1:30]'"),
        (float, numpy.ones(2), "k: expected a number, got array([1., 1.])"),
        (int | tuple[str, ...], "x", "k: expected an integer or a list of words, got 'x'"),
        (Literal["batch", "none"], "batc", "unknown k 'batc'; did you mean 'batch'? valid: batch, none"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_what_would(type: Any, given: Any, message: str) -> None:
    with pytest.raises(UserError) as error:
        Key("k", type, None, "").convert(given)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("optim:\n  lr: 1\ndata: {}\noptim:\n  lr: 2\n", ", line 4: optim is given twice"),
        ("optim: {lr: 1, lr: 2}\n", ", line 1: lr is given twice"),
        ("optim: [\n", ", line 2: not YAML, expected the node content, but found '<stream end>'"),
        ("- optim\n", ": expected a mapping"),
    ],
)
def test_a_file_that_says_two_things_is_refused_with_the_line(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(text)
    with pytest.raises(UserError) as error:
        read_mapping(file, "--config", "a mapping")
    assert str(error.value) == f"--config {file}{message}"


def test_a_file_means_what_it_says_and_reads_back_what_is_written(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("a: no\nb: 010\nc: 1:30:00\nd: 2026-01-01\ne: true\nf: 1.5\ng: 7\nh: null\n")
    written = {"a": "no", "b": "010", "c": "1:30:00", "d": "2026-01-01", "e": True, "f": 1.5, "g": 7, "h": None}
    assert read_mapping(file, "--config", "a mapping") == written
    texts = {text: text for text in ("089", "010", "1e3", "1_0", "0x10", "on", "1:30", "null", "1.5", "=", "<<", "")}
    file.write_text(yaml.safe_dump(texts))
    assert read_mapping(file, "--config", "a mapping") == texts


def test_a_key_and_its_section_do_not_both_set_it() -> None:
    assert flatten({"optim.lr": 1, "optim": {"momentum": 2}}) == {"optim.lr": 1, "optim.momentum": 2}
    with pytest.raises(UserError, match=r"optim\.lr is given twice"):
        flatten({"optim.lr": 1, "optim": {"lr": 2}})


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
