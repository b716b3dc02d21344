"""The gradients that training propagates, layer by layer."""

from typing import Any

import pytest
import torch
from probed_steps import before_the_step, example, gradient, random
from torch import Tensor, nn

from litmus.lit_archs.building.registry import build


def linear_stack(factor: float, layers: int, width: int = 8) -> nn.Sequential:
    """Linear layers that are rotations times `factor`, and a classifier."""
    stack = [nn.Linear(width, width, bias=False) for _ in range(layers)]
    with torch.no_grad():
        for index, layer in enumerate(stack):
            layer.weight.copy_(factor * torch.linalg.qr(random(width, width, seed=index)).Q)
    return nn.Sequential(*stack, nn.Linear(width, 3))


def test_the_decay_factor_of_a_linear_network_is_that_of_its_layers() -> None:
    factor = 0.9
    network = linear_stack(factor, layers=12)
    module, batch, trainer = example(network, 16, 8)
    measured = before_the_step("gradient_norms", module, batch, trainer)
    assert measured["", "decay_factor"] == pytest.approx(factor, rel=1e-5)
    assert measured["", "decay_layers"] == 12
    assert measured["4", "output_gradient_rms"] / measured["11", "output_gradient_rms"] == pytest.approx(factor**7)


def test_gradients_are_those_of_the_mean_loss() -> None:
    network = build("resnet_cifar", depth=8, width=4, shortcut="B", in_channels=1, image_size=8)
    network.train()
    module, batch, trainer = example(network, 12, 1, 8, 8)
    measured = before_the_step("gradient_norms", module, batch, trainer)
    name = "stage2.0.branch.conv1"
    kept: dict[str, Tensor] = {}

    def keep(module: nn.Module, inputs: Any, output: Tensor) -> None:
        output.retain_grad()
        kept[name] = output

    handle = network.get_submodule(name).register_forward_hook(keep)
    by_weight = gradient(network, batch, f"{name}.weight")
    handle.remove()
    assert measured[name, "weight_gradient_norm"] == pytest.approx(float(by_weight.norm()), rel=1e-5)
    by_output = kept[name].grad
    assert by_output is not None
    assert measured[name, "output_gradient_rms"] == pytest.approx(float(by_output.square().mean().sqrt()), rel=1e-5)
    # The second convolution's input is what the first's norm and activation make: no shortcut reads it.
    second = "stage2.0.branch.conv2"
    entering: list[Tensor] = []

    def keep_input(module: nn.Module, inputs: Any) -> None:
        inputs[0].retain_grad()
        entering.append(inputs[0])

    handle = network.get_submodule(second).register_forward_pre_hook(keep_input)
    gradient(network, batch, f"{name}.weight")
    handle.remove()
    by_input = entering[0].grad
    assert by_input is not None
    assert measured[second, "input_gradient_rms"] == pytest.approx(float(by_input.square().mean().sqrt()), rel=1e-5)
    assert ("conv", "input_gradient_rms") not in measured  # it reads the images
    layers = {layer for layer, _ in measured if layer}
    hidden = [layer for layer in layers if "shortcut" not in layer and layer != "classifier"]
    assert len(layers) - 1 - len(hidden) == 2  # two projections
    assert measured["", "decay_layers"] == len(hidden) == 7
