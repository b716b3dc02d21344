"""Taking a norm away, or its scale and shift, takes no channel's shift away."""

from typing import Any

import pytest
import torch
from reduced_networks import CLASSES, families, norms_of, size_of, small_options
from torch import nn

from litmus import lit_archs
from litmus.lit_archs.building.norm_config import NormConfig
from litmus.lit_archs.building.registry import construct
from litmus.lit_archs.layers.shift import Shift
from litmus.lit_archs.lenet import PartialConvolution

NORM_LAYERS = (nn.modules.batchnorm._BatchNorm, nn.GroupNorm, nn.LayerNorm, nn.InstanceNorm2d)
WEIGHTED = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear, PartialConvolution)


def shifted_channels(network: nn.Module, images: torch.Tensor) -> int:
    """Return how many channels are shifted between images and logits: by a bias, by a norm, or by both at one place."""
    total = pending = 0
    inside = {child for module in network.modules() if isinstance(module, PartialConvolution) for child in module.maps}

    def see(module: nn.Module, _: Any, output: torch.Tensor) -> None:
        nonlocal total, pending
        channels = output.shape[1]
        biased = isinstance(module, PartialConvolution) or getattr(module, "bias", None) is not None
        if isinstance(module, WEIGHTED):
            pending = channels if biased else 0
            total += pending
        elif biased:
            total += max(0, channels - pending)
            pending = channels

    handles = [
        module.register_forward_hook(see)
        for module in network.modules()
        if isinstance(module, (*WEIGHTED, *NORM_LAYERS, Shift)) and module not in inside
    ]
    network.eval()(images)
    for handle in handles:
        handle.remove()
    return total


def counted(name: str, norm: str, affine: bool, **options: Any) -> int:
    size = 65 if norm == "instance" else size_of(name)
    settings = {**small_options(name), **options}
    if norms_of(name):
        settings["norm"] = norm
    with torch.device("meta"):
        network = construct(
            name, num_classes=CLASSES, in_channels=3, image_size=size, norm_config=NormConfig(affine=affine), **settings
        )
        return shifted_channels(network, torch.empty(4, 3, size, size))


@pytest.mark.parametrize("name", families())
def test_as_many_channels_are_shifted_with_every_norm_and_without(name: str) -> None:
    norms = norms_of(name) or ["batch"]
    size = {"width": 1.0} if name == "lenet5" else {}
    choices = [*((norm, True) for norm in norms), ("batch", False), *([("group", False)] if "group" in norms else [])]
    found = {(norm, affine): counted(name, norm, affine, **size) for norm, affine in choices}
    # An image of another size has as many channels, but for the first dense layer's inputs.
    assert len(set(found.values())) == 1, found


def test_so_they_are_with_the_options_that_move_norms() -> None:
    cases: list[tuple[str, dict[str, Any]]] = [
        ("resnet20", {"pre_activation": True}),
        ("resnet20", {"pre_activation": True, "shortcut": "C"}),
        ("resnet20", {"shortcut": "B", "squeeze_excite": True}),
        ("resnet_cifar", {"block": "bottleneck", "depth": 11}),
        ("densenet_cifar", {"bottleneck": True, "depth": 10, "dense": False}),
        ("googlenet_cifar", {"reductions": False}),
    ]
    for name, options in cases:
        found = {counted(name, norm, affine, **options) for norm in ("none", "batch") for affine in (False, True)}
        assert len(found) == 1, (name, options, found)


def test_a_convolution_has_a_bias_where_no_norm_shifts_and_none_where_one_does() -> None:
    for affine, norm, expected in ((True, "batch", False), (False, "batch", True), (True, "none", True)):
        network = lit_archs.build("resnet20", norm=norm, norm_config=NormConfig(affine=affine))
        convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
        assert [convolution.bias is not None for convolution in convolutions] == [expected] * 19
    assert sum(parameter.numel() for parameter in lit_archs.build("resnet20").parameters()) == 269_722


def test_norms_of_another_librarys_network_leave_their_shift() -> None:
    network = lit_archs.build("torchvision/resnet18", norm="none")
    reference = lit_archs.build("torchvision/resnet18")
    shifts = [module for module in network.modules() if isinstance(module, Shift)]
    norms = [module for module in reference.modules() if isinstance(module, nn.BatchNorm2d)]
    assert [shift.bias.shape for shift in shifts] == [norm.bias.shape for norm in norms]
