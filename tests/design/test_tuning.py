"""What every arm tries: the same values for all, on seeds that no comparison uses."""

import math

import pytest

from litmus import Range, Study, Tuning
from litmus.cli.options import parse_tune
from litmus.core.errors import UserError
from litmus.design.plan import expand
from litmus.design.tuning import FIRST_TUNING_SEED


def a_study(**changes: object) -> Study:
    settings: dict = {"name": "example", "base": {"model.name": "lenet5"}, "factors": {"model.norm": ["none", "batch"]}}
    return Study(**{**settings, **changes})


def test_values_are_tried_in_every_combination() -> None:
    tuning = Tuning({"optim.lr": [0.1, 0.3], "optim.weight_decay": [0.0, 1e-4]}, trials=99)
    assert [tuple(point.values()) for point in tuning.points] == [(0.1, 0.0), (0.1, 1e-4), (0.3, 0.0), (0.3, 1e-4)]


def test_a_range_is_drawn_evenly_over_its_logarithm_and_always_the_same() -> None:
    points = [Tuning({"optim.lr": Range(1e-3, 10.0)}, trials=trials).points for trials in (8, 8, 16)]
    assert points[0] == points[1] == points[2][:8]
    halves = [math.floor(2 * math.log10(point["optim.lr"])) for point in points[0]]
    assert sorted(halves) == list(range(-6, 2)), "each half decade is tried once"
    both = Tuning({"optim.lr": Range(1e-3, 1.0), "optim.momentum": [0.0, 0.9]}, trials=12).points
    assert {point["optim.momentum"] for point in both} == {0.0, 0.9}
    assert len({point["optim.lr"] for point in both}) == 12


def test_a_preset_says_itself_what_it_tunes() -> None:
    space = {"optim.lr": [0.1, 0.3]}
    presets = {"paper": {"optim.lr": 0.2}, "large": {"tune": {"optim.lr": [1.0, 3.0]}, "trainer.epochs": 3}}
    study = a_study(tune=space, presets=presets)
    quick, paper, large = (expand(study, preset=preset) for preset in ("quick", *presets))
    assert quick.tuning == Tuning(space)
    assert paper.tuning is None
    assert paper.baseline.config.optim.lr == 0.2
    assert large.tuning == Tuning({"optim.lr": [1.0, 3.0]})
    assert large.baseline.config.trainer.epochs == 3
    with pytest.raises(UserError, match=r"preset small: quick tunes optim\.lr, of which this preset says nothing; set"):
        expand(a_study(tune=space, presets={"small": {"trainer.epochs": 1}}), preset="small")


def test_tuned_arms_differ_in_the_factors_and_the_tuned_keys_alone() -> None:
    plan = expand(a_study(tune={"optim.lr": [0.1, 0.3]}))
    tuned = plan.tuned({"norm none": {"optim.lr": 0.1}, "norm batch": {"optim.lr": 0.3}})
    first, second = (arm.config.flat() for arm in tuned.arms)
    assert {key for key in first if first[key] != second[key]} == {"model.norm", "optim.lr"}


@pytest.mark.parametrize(
    ("changes", "arguments", "message"),
    [
        ({"tune": {"model.norm": ["none", "batch"]}}, {}, "tune model.norm: it is a factor of example"),
        ({"tune": {"optim.lr": [0.1, -1.0]}}, {}, "tune: arm 'norm none': optim.lr must be"),
        ({"tune": {"data.validation": [0.1, 0.2]}}, {}, "it must be equal in all trials"),
        ({"tune": {"optim.lr": [0.1, 0.2]}}, {"settings": {"optim.lr": 0.1}}, "example tunes optim.lr"),
        ({}, {"seeds": FIRST_TUNING_SEED + 1}, "seeds from 1000000 on are for tuning"),
    ],
)
def test_what_cannot_be_tuned_is_refused(changes: dict, arguments: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        expand(a_study(**changes), **arguments)


def test_what_is_typed_is_read() -> None:
    assert parse_tune(["optim.lr=0.1,1e-2", "optim.weight_decay=1e-6..1e-2"]) == {
        "optim.lr": [0.1, 0.01],
        "optim.weight_decay": Range(1e-6, 1e-2),
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("optim.lr", "expected KEY=VALUE,VALUE"),
        ("optim.lr=a..b", "a range has two numbers"),
        ("optim.lr=1..0.1", "tune optim.lr: a range needs a lower and a higher number, got 1..0.1"),
    ],
)
def test_what_is_typed_wrongly_is_told(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse_tune([text])
