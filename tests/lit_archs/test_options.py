"""Toggling an option changes what it says and nothing else; shared parameters start equal."""

from typing import Any

import pytest
import torch
from reduced_networks import loss_of, reduced, size_of
from torch import nn

from litmus import lit_archs
from litmus.lit_archs.building.norm_config import NormConfig
from litmus.lit_archs.layers.batch_norm import GhostBatchNorm, NoisyBatchNorm
from litmus.lit_archs.layers.norm_activation import NormActivation
from litmus.lit_archs.learning.loss import AuxiliaryOutputs, classification_loss

Option = dict[str, Any]

TOGGLES: dict[str, list[tuple[Option, Option, str, str]]] = {
    # options before, options after, parameters that vanish, and that appear (parts of their names)
    "mlp": [({}, {"dropout": 0.5}, "", ""), ({"norm": "none"}, {"norm": "batch"}, "", ".norm")],
    "convnet": [
        *(({}, {"pooling": kind}, "", "") for kind in ("average", "subsample")),
        ({}, {"pooling": "convolution"}, "", "pool.conv"), ({}, {"convolutions": 3}, "", "conv3"),
        ({}, {"kernel_size": 5}, "conv", ""), ({"hidden": 1}, {"hidden": 2}, "", "fc2"),
    ],
    "convnet_average": [({}, {"convolutions": 3}, "", "conv3")],
    "lenet5": [
        ({"pooling": "max"}, {"pooling": "trainable"}, "", "sum"), ({}, {"first_kernel": 7}, "conv1", ""),
        ({}, {"first_stride": 2}, "", ""), ({"connections": "full"}, {"connections": "partial"}, "conv2", "conv2.maps"),
        ({"output": "softmax"}, {"output": "rbf_map"}, "classifier", ""),
    ],
    "alexnet": [({}, {"local_response_norm": True}, "", ""), ({}, {"overlapping_pooling": False}, "", "")],
    "vgg16": [
        ({}, {"norm": "batch"}, "", ".norm"), ({}, {"convolutions": "single"}, "conv", ""),
        ({}, {"head": "average"}, "fc", ""),
    ],
    "googlenet_cifar": [
        ({"auxiliary": False}, {"auxiliary": True}, "", "auxiliary"), ({}, {"path_one": False}, "one", ""),
        ({}, {"path_three": False}, "three", ""), ({}, {"path_five": False}, "five", ""),
        ({"large_kernel": 3}, {"large_kernel": 5}, "five", ""), ({}, {"path_pool": False}, "pool", ""),
        ({}, {"pool4": 3}, "", ""), ({}, {"reductions": False}, "reduce|project", ""),
        ({}, {"squeeze_excite": True}, "", "squeeze_excite"),
    ],
    "resnet20": [
        ({"residual": True}, {"residual": False}, "", ""), ({"shortcut": "A"}, {"shortcut": "B"}, "", "shortcut"),
        ({"shortcut": "B"}, {"shortcut": "C"}, "", "shortcut"), ({}, {"pre_activation": True}, "norm", "norm"),
        ({}, {"zero_gamma": True}, "", ""), ({}, {"padding": "circular"}, "", ""),
        ({}, {"stochastic_depth": 0.5}, "", ""), ({}, {"activation": "tanh"}, "", ""),
        # Fixup's biases are one a layer, in place of one a channel.
        ({"norm": "none"}, {"norm": "none", "fixup": True}, "bias", "bias|scale"),
        ({}, {"squeeze_excite": True}, "", "squeeze_excite"),
        ({"squeeze_excite": True}, {"squeeze_excite": True, "reduction": 2}, "squeeze_excite", ""),
        ({"squeeze_excite": True}, {"squeeze_excite": True, "squeeze": "max"}, "", ""),
    ],
    "resnet18": [({}, {"residual": False}, "shortcut", ""), ({}, {"stem": "cifar"}, "", "")],
    "resnet50": [({}, {"cardinality": 2}, "", "")],
    "wide_resnet16_4": [({}, {"dropout": 0.3}, "", "")],
    # At equal depth a layer of two convolutions leaves half as many layers.
    "densenet_cifar": [
        ({}, {"bottleneck": True}, "layers.", "bottleneck"), ({}, {"dense": False}, "", ""),
        ({}, {"compression": 0.5}, "", ""),
    ],
    "convnext": [
        ({}, {"stem": "convolution"}, "stem", ""), ({}, {"depthwise": False}, "spatial", ""),
        ({}, {"inverted": False}, "conv1", "shortcut"), ({}, {"kernel_size": 3}, "spatial", ""),
        ({}, {"sparse": False}, "", "norm"), ({}, {"downsampling": "block"}, "downsample|final_norm", "shortcut"),
        ({}, {"norm": "layer"}, "", ""),
    ],
    "unet": [
        ({"skips": "concatenate"}, {"skips": "add"}, "", ""), ({"skips": "add"}, {"skips": "none"}, "", ""),
    ],
}  # fmt: skip

CONSTANT_BY_DESIGN = {"zero_gamma", "fixup"}
"""Options whose purpose is another start."""


def same(name: str, text: str) -> bool:
    return any(part in name for part in text.split("|") if part)


@pytest.mark.parametrize("name", TOGGLES)
def test_only_what_the_option_says_changes(name: str) -> None:
    always: Option = {"lenet5": {"width": 1.0}, "googlenet_cifar": {"auxiliary": False}}.get(name, {})
    for before, after, vanish, appear in TOGGLES[name]:
        networks = [reduced(name, **{**always, **options}) for options in (before, after)]
        first, second = (dict(network.named_parameters()) for network in networks)
        for gone in first.keys() - second.keys():
            assert same(gone, vanish), f"{gone} vanished"
        for new in second.keys() - first.keys():
            assert same(new, appear), f"{new} appeared"
        if vanish:
            lost = [key for key in first if same(key, vanish)]
            assert any(key not in second or second[key].shape != first[key].shape for key in lost)
        if appear:
            assert second.keys() - first.keys()
        if not CONSTANT_BY_DESIGN & after.keys():
            for key in first.keys() & second.keys():
                if first[key].shape == second[key].shape:
                    assert torch.equal(first[key], second[key]), f"{key} starts elsewhere under {after}"
        assert _behaviour(name, networks[0]) != _behaviour(name, networks[1]), after


def _behaviour(name: str, network: nn.Module) -> tuple[float, ...]:
    """Return the loss in training and in eval mode after a few updates: equal for networks that compute the same."""
    images = torch.randn(4, 3, size_of(name), size_of(name), generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.02)
    losses = []
    for _ in range(2):
        optimiser.zero_grad()
        loss = loss_of(network, images)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return tuple(losses)


def test_zero_gamma_and_fixup_start_every_block_as_its_shortcut() -> None:
    for options in ({"zero_gamma": True}, {"norm": "none", "fixup": True}):
        network = lit_archs.build("resnet_cifar", depth=8, width=4, **options).eval()
        x = torch.rand(2, 4, 8, 8)
        torch.testing.assert_close(network.stage1[0](x), x)


def test_stochastic_depth_drops_more_the_deeper_and_nothing_in_eval() -> None:
    network = lit_archs.build("resnet20", stochastic_depth=0.5)
    rates = [getattr(block.branch.stochastic_depth, "p", 0.0) for block in network.blocks()]
    assert rates == pytest.approx([0.5 * index / 9 for index in range(1, 10)])
    images = torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(network.eval()(images), lit_archs.build("resnet20").eval()(images))


def test_auxiliary_heads_weigh_three_tenths_and_vanish_in_eval() -> None:
    network = reduced("googlenet")
    images, labels = torch.randn(4, 3, 48, 48), torch.tensor([0, 1, 2, 3])
    outputs = network(images)
    assert isinstance(outputs, AuxiliaryOutputs)
    parts = [nn.functional.cross_entropy(head, labels) for head in (outputs.logits, *outputs.auxiliary)]
    expected = parts[0] + 0.3 * parts[1] + 0.3 * parts[2]
    torch.testing.assert_close(classification_loss(network, outputs, labels), expected)
    assert isinstance(network.eval()(images), torch.Tensor)


def test_radial_basis_loss_is_the_papers() -> None:
    network = lit_archs.build("lenet5_1998", in_channels=1)
    logits = network(torch.randn(3, 1, 32, 32))
    penalties, labels = -logits.double(), torch.tensor([1, 4, 7])
    # Equation 9 with j = 1: y_D + log(e^−j + Σ e^−y_i).
    right = penalties[torch.arange(3), labels]
    expected = right + torch.log(torch.exp(torch.tensor(-1.0)) + torch.exp(-penalties).sum(1))
    torch.testing.assert_close(network.loss(logits.double(), labels), expected)
    assert set(network.classifier.centres.unique().tolist()) == {-1.0, 1.0}


def test_with_circular_padding_no_position_differs_from_another() -> None:
    def moved_along(padding: str) -> bool:
        network = lit_archs.build("resnet_cifar", depth=8, width=4, padding=padding).eval()
        images = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
        maps = network.stage1(network.norm(network.conv(images)))
        shifted = network.stage1(network.norm(network.conv(images.roll(3, -1))))
        return torch.allclose(maps.roll(3, -1), shifted, atol=1e-5)

    assert moved_along("circular")
    assert not moved_along("zeros")


def test_norm_config_reaches_every_layer() -> None:
    config = NormConfig(placement="after", affine=False, momentum=0.3, evaluation_statistics="batch")
    network = lit_archs.build("resnet20", norm_config=config)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert (module.weight, module.bias, module.running_mean, module.momentum) == (None, None, None, 0.3)
        if isinstance(module, NormActivation):
            x = torch.randn(4, module.norm.num_features, 5, 5)
            torch.testing.assert_close(module(x), module.norm(module.activation(x)))
    images = torch.randn(4, 3, 32, 32)
    torch.testing.assert_close(network.train()(images), network.eval()(images))
    for norm, groups in (("group", 8), ("layer", 1)):
        network = lit_archs.build("resnet18", norm=norm, norm_config=NormConfig(groups=8))
        assert {module.num_groups for module in network.modules() if isinstance(module, nn.GroupNorm)} == {groups}


def test_ghost_batches_are_normalised_one_by_one() -> None:
    ghost, batch = GhostBatchNorm(3), nn.BatchNorm2d(3)
    ghost.virtual_batch_size = 4
    x = torch.randn(9, 3, 2, 2)
    # Nine samples hold two virtual batches: of five and of four.
    torch.testing.assert_close(ghost(x), torch.cat([batch(x[:5]), batch(x[5:])]))
    torch.testing.assert_close(ghost.running_mean, batch.running_mean)
    torch.testing.assert_close(ghost.eval()(x), batch.eval()(x))


def test_noise_after_batch_norm_shifts_and_scales_each_channel_anew() -> None:
    layer = NoisyBatchNorm(64)
    x = torch.randn(256, 64, 4, 4)
    torch.manual_seed(0)
    first, second = layer(x), layer(x)
    means, deviations = first.mean((0, 2, 3)), first.std((0, 2, 3))
    assert 0.2 < means.abs().mean() < 0.3  # |U(−0.5, 0.5)| has mean 0.25.
    assert 1.0 < deviations.mean() < 1.25
    assert not torch.allclose(means, second.mean((0, 2, 3)), atol=1e-2)
    torch.manual_seed(0)
    torch.testing.assert_close(layer(x), first)
    torch.testing.assert_close(layer.eval()(x), layer.eval()(x))
