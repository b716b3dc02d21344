"""A study and all that is in it is checked by type where it is made."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from litmus import Against, ByLayer, Claim, Plot, Range, Study, Tuning, Unit, more, near
from litmus.core.errors import UserError

TEST = more("test_top1", {"model.norm": "batch"}, than={"model.norm": "none"})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Claim("x", "section 3", TEST), "Claim: test: expected a function of 2 arguments, got 'section 3'"),
        (lambda: Claim("x", more), "Claim: test: expected a function of 2 arguments, got <function more"),
        (lambda: Claim("x", lambda analysis: None), "Claim: test: expected a function of 2 arguments, got <function"),
        (lambda: Claim("x", TEST, threshold="1"), "Claim: threshold: expected a number, got '1'"),
        (lambda: Claim("x", TEST, primary=1), "Claim: primary: expected true or false, got 1"),
        (lambda: Study(claims=TEST), "Study: claims: expected a list of Claims, got ArmTest("),
        (lambda: Study(claims=[TEST]), "Study: claims[0]: expected a Claim, got ArmTest("),
        (
            lambda: Study(factors={"a": "batch"}),
            "Study: factors['a']: expected a list of values or a dictionary of values, got 'batch'",
        ),
        (
            lambda: Study(factors={"a": {"b"}}),
            "Study: factors['a']: expected a list of values or a dictionary of values, got {'b'}",
        ),
        (lambda: Study(base={3: 1}), "Study: a key of base: expected text, got 3"),
        (lambda: Study(seeds=True), "Study: seeds: expected an integer, got True"),
        (lambda: Study(probes="logits"), "Study: probes: expected a list of words, got 'logits'"),
        (lambda: Study(presets={"p": [1]}), "Study: presets['p']: expected a dictionary of values or a Study, got [1]"),
        (lambda: Study(measures={"x": 3}), "Study: measures['x']: expected text or a function of 2 arguments, got 3"),
        (lambda: Study(plots=[more]), "Study: plots[0]: expected an Against or a Scatter or an OverTraining or "),
        (lambda: Tuning({"a": "0.1"}), "Tuning: space['a']: expected a list of values or a Range, got '0.1'"),
        (lambda: Range("a", 3), "Range: low: expected a number, got 'a'"),
        (lambda: Against("test_top1", 3, "t"), "Against: factor: expected text, got 3"),
        (lambda: ByLayer("q", "t", "middle"), "ByLayer: at: expected mean, median, first, last, max, min, sd, got 'm"),
        (lambda: Plot("t", "c", lambda: None), "Plot: draw: expected a function of 1 argument, got <function"),
        (lambda: Unit("s", 1), "Unit: difference_name: expected text, got 1"),
        (lambda: more(3, "a", than="b"), "ArmTest: metrics[0]: expected text or a function of 2 arguments, got 3"),
        (lambda: near("test_top1", ["a"], 1), "ArmTest: arms[0]: expected text or a dictionary of values, got ['a']"),
    ],
)
def test_a_field_of_another_type_is_refused_where_it_is_made(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(UserError) as error:
        make()
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def test_numbers_of_numpy_become_pythons() -> None:
    study = Study(
        base={"optim.lr": np.float32(0.5)},
        factors={"model.width": np.array([8, 16]), "optim.lr": [np.float64(0.1), 0.2]},
        baseline={"model.width": np.int64(8)},
        seeds=np.int64(2),
        tune={"optim.momentum": np.array([0.5, 0.9])},
        diverged_value=np.float64(0.1),
    )
    assert study == Study(
        base={"optim.lr": 0.5},
        factors={"model.width": [8, 16], "optim.lr": [0.1, 0.2]},
        baseline={"model.width": 8},
        seeds=2,
        tune={"optim.momentum": [0.5, 0.9]},
        diverged_value=0.1,
    )
    assert {type(level) for levels in study.factors.values() for level in levels} == {int, float}
    assert type(study.seeds) is int
