"""How the update of the layers before changes a layer's gradient."""

import copy

import pytest
import torch
from probed_steps import example, gradient, over_the_step, random
from torch import nn


def test_covariate_shift_follows_its_definition() -> None:
    network = nn.Sequential(nn.Linear(6, 7), nn.Tanh(), nn.Linear(7, 5), nn.Tanh(), nn.Linear(5, 3))
    module, batch, trainer = example(network, 20, 6)
    before = copy.deepcopy(network)
    after = {key: value + 0.3 * random(*value.shape, seed=9) for key, value in network.state_dict().items()}
    measured = over_the_step("covariate_shift", module, batch, trainer, after)
    for layer, updated in {"2": ("0.",), "4": ("0.", "2.")}.items():
        partly = copy.deepcopy(before)
        partly.load_state_dict({**before.state_dict(), **{k: v for k, v in after.items() if k.startswith(updated)}})
        first, second = (gradient(each, batch, f"{layer}.weight").double() for each in (before, partly))
        shift = float((first - second).norm())
        assert shift > 0
        assert measured[layer, "shift"] == pytest.approx(shift, rel=1e-5)
        assert measured[layer, "relative_shift"] == pytest.approx(shift / float(first.norm()), rel=1e-5)
        cosine = float((first * second).sum() / first.norm() / second.norm())
        assert measured[layer, "cosine"] == pytest.approx(cosine, rel=1e-5)
    assert {layer for layer, _ in measured} == {"2", "4"}
    assert all(torch.equal(value, after[key]) for key, value in network.state_dict().items())


def test_a_step_that_leaves_the_layers_before_alone_shifts_nothing() -> None:
    # With dropout: both passes have to draw the same masks.
    network = nn.Sequential(nn.Linear(6, 7), nn.Dropout(0.5), nn.Linear(7, 5), nn.Linear(5, 3))
    module, batch, trainer = example(network, 20, 6)
    last = {key: value + key.startswith("3.") for key, value in network.state_dict().items()}
    measured = over_the_step("covariate_shift", module, batch, trainer, last)
    assert measured["2", "shift"] == measured["3", "shift"] == 0.0
