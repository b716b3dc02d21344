"""The size of a step beside that of the weights."""

import pytest
from probed_steps import example, gradient, over_the_step
from torch import nn


def test_update_ratio_of_plain_gradient_descent() -> None:
    network = nn.Sequential(nn.Linear(6, 7), nn.Tanh(), nn.Linear(7, 3))
    module, batch, trainer = example(network, 20, 6)
    weight = network[0].weight.detach().clone()
    found = gradient(network, batch, "0.weight")
    after = {key: value - 0.1 * gradient(network, batch, key) for key, value in network.state_dict().items()}
    measured = over_the_step("update_ratio", module, batch, trainer, after)
    assert measured["0", "update_ratio"] == pytest.approx(0.1 * float(found.norm() / weight.norm()), rel=1e-4)
