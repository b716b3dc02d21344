"""What enters the activations: its spread, its quantiles, dead and saturated shares."""

import math
from typing import Any

import numpy
import pytest
import torch
from probed_steps import before_the_step, example
from torch import nn

from litmus.lit_archs.building.registry import build


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_activation_statistics(activation: str) -> None:
    network = build("mlp", in_channels=1, image_size=4, depth=1, width=20, activation=activation, num_classes=3)
    layer: Any = network.get_submodule("linear1")
    with torch.no_grad():
        layer.weight.mul_(3)
        layer.bias[5] = -1000.0
    module, batch, trainer = example(network, 50, 1, 4, 4)
    measured = before_the_step("activations", module, batch, trainer)
    entering = (batch.images.flatten(1) @ layer.weight.T + layer.bias).detach().double().numpy()
    name = "norm1.activation"
    assert measured[name, "mean"] == pytest.approx(entering.mean(), rel=1e-5)
    assert measured[name, "sd"] == pytest.approx(entering.std(), rel=1e-5)
    for percent in (15, 50, 85):
        expected = numpy.percentile(entering[:, 0], percent)
        assert measured[name, f"p{percent}"] == pytest.approx(expected, rel=1e-4)
    for unit in (0, 7, 15):
        low, middle, high = numpy.percentile(entering[:, unit], [15, 50, 85])
        assert measured[name, f"median_of_unit_{unit}"] == pytest.approx(middle, rel=1e-4)
        assert measured[name, f"spread_of_unit_{unit}"] == pytest.approx(high - low, rel=1e-4)
    assert (name, "median_of_unit_16") not in measured
    if activation == "relu":
        assert measured[name, "dead_fraction"] == 1 / 20
        assert (name, "saturated_fraction") not in measured
        return
    assert measured[name, "saturated_fraction"] == pytest.approx((abs(entering) > math.atanh(0.95)).mean())
    assert (name, "dead_fraction") not in measured


def test_the_unit_of_a_map_is_its_centre_and_a_dead_one_a_channel() -> None:
    network = nn.Sequential(nn.ReLU(), nn.Flatten(), nn.Linear(5 * 6 * 8, 3))
    module, batch, trainer = example(network, 30, 5, 6, 8)
    images = batch.images.clone()
    images[:, 3] = -1.0
    images[4, 3, 0, 0] = 1.0  # once, in a corner: alive
    images[:, 2] = -1.0
    measured = before_the_step("activations", module, batch._replace(images=images), trainer)
    assert measured["0", "p85"] == pytest.approx(numpy.percentile(images[:, 0, 3, 4], 85), rel=1e-5)
    assert measured["0", "median_of_unit_1"] == pytest.approx(numpy.percentile(images[:, 1, 3, 4], 50), rel=1e-5)
    assert measured["0", "dead_fraction"] == 1 / 5
