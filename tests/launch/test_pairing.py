"""How far arms start equal is counted from the networks themselves."""

import pytest

from litmus.design.plan import expand
from litmus.design.study import Study
from litmus.launch.first_step import advice, starts
from litmus.records.study_record import Start

BASE = {"model.name": "mlp", "model.width": 8, "data.name": "digits"}


def started(factors: dict, baseline: dict, **base: object) -> dict[str, Start]:
    study = Study("example", "a question", base={**BASE, **base}, factors=factors, baseline=baseline)
    return starts(expand(study), seed=0)


def test_arms_of_one_network_start_equal_whole() -> None:
    counted = started({"optim.lr": [0.1, 0.2]}, {"optim.lr": 0.1})
    assert counted == dict.fromkeys(counted, Start(8, 8))


def test_a_deeper_network_shares_what_the_shallower_has() -> None:
    assert started({"model.depth": [1, 3]}, {"model.depth": 1})["depth 3"] == Start(4, 4)


def test_another_gain_starts_nothing_equal_but_what_is_not_drawn() -> None:
    start = started({"init.gain": [1.0, 2.0]}, {"init.gain": 1.0})["gain 2.0"]
    assert (start.equal, start.shared) == (4, 8)  # the biases, which start at zero
    assert start.unequal == ("linear1.weight", "linear2.weight", "linear3.weight", "classifier.weight")
    assert len(advice({"gain 2.0": start}, ["init.gain"])) == 1  # it is what the study varies
    assert "classifier" not in start.some_unequal()
    assert "and 1 more" in start.some_unequal()


@pytest.mark.parametrize("pairing", ["name", "place"])
def test_a_shift_of_names_is_seen(pairing: str) -> None:
    settings = {"model.name": "lenet5", "init.pairing": pairing}
    counted = started({"model.norm": ["none", "batch"]}, {"model.norm": "none"}, **settings)
    assert not counted["norm batch"].unequal  # its modules have names that stay


def test_a_convolution_that_has_its_shift_itself_starts_as_the_one_before_a_norm() -> None:
    settings = {"model.name": "resnet20", "model.width": 4}
    start = started({"model.norm": ["none", "batch"]}, {"model.norm": "none"}, **settings)["norm batch"]
    assert not start.unequal
    assert start.shared == 40  # its weights, and the shifts, there of a convolution and here of a norm
