"""The sizes of a layer's parameters before the step, and how far the step moves its weight."""

import pytest
import torch
from probed_steps import before_the_step, example, gradient, over_the_step
from torch import nn


def test_weights_and_biases_are_measured_apart() -> None:
    network = nn.Sequential(nn.Linear(6, 7, bias=False), nn.BatchNorm1d(7), nn.Linear(7, 3))
    with torch.no_grad():
        network[0].weight.fill_(2.0)
        network[2].bias.copy_(torch.tensor([2.0, -3.0, 6.0]))
    measured = before_the_step("parameter_norms", *example(network, 20, 6))
    assert measured["0", "weight_norm"] == pytest.approx(2.0 * 42**0.5)
    assert measured["2", "bias_norm"] == pytest.approx(7.0)
    assert measured["2", "weight_norm"] == pytest.approx(float(network[2].weight.norm()))
    assert set(measured) == {("0", "weight_norm"), ("2", "weight_norm"), ("2", "bias_norm")}


def test_update_ratio_of_plain_gradient_descent() -> None:
    network = nn.Sequential(nn.Linear(6, 7), nn.Tanh(), nn.Linear(7, 3))
    module, batch, trainer = example(network, 20, 6)
    weight = network[0].weight.detach().clone()
    found = gradient(network, batch, "0.weight")
    after = {key: value - 0.1 * gradient(network, batch, key) for key, value in network.state_dict().items()}
    measured = over_the_step("update_ratio", module, batch, trainer, after)
    assert measured["0", "update_ratio"] == pytest.approx(0.1 * float(found.norm() / weight.norm()), rel=1e-4)
