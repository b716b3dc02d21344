"""The plain convnet: its pattern, its sizes, its parameters."""

from typing import Any

import torch
from torch import nn

from litmus import lit_archs
from litmus.lit_archs.building.initialisation import InitConfig, initialise


def kinds(network: nn.Module) -> list[str]:
    wanted = (nn.Conv2d, nn.Linear, nn.ReLU, nn.MaxPool2d)
    return [type(module).__name__ for module in network.modules() if isinstance(module, wanted)]


def test_the_pattern_is_that_of_the_lectures() -> None:
    network = lit_archs.build("convnet", blocks=2, convolutions=3, hidden=2)
    block = ["Conv2d", "ReLU"] * 3 + ["MaxPool2d"]
    assert kinds(network) == block * 2 + ["Linear", "ReLU"] * 2 + ["Linear"]
    assert kinds(lit_archs.build("convnet", blocks=0, hidden=0)) == ["Linear"]


def test_the_last_map_is_averaged_in_place_of_dense_layers() -> None:
    network = lit_archs.build("convnet_average", blocks=2, convolutions=1, width=4, image_size=8).eval()
    dense = lit_archs.build("convnet", blocks=2, convolutions=1, width=4, image_size=8, hidden=0).eval()
    assert kinds(network) == kinds(dense) == ["Conv2d", "ReLU", "MaxPool2d"] * 2 + ["Linear"]
    images = torch.randn(2, 3, 8, 8)
    means = dense.get_submodule("block2")(dense.get_submodule("block1")(images)).mean((2, 3))
    torch.testing.assert_close(network(images), network.get_submodule("classifier")(means))


def test_unshared_filters_that_are_equal_are_a_convolution() -> None:
    for options in ({}, {"kernel_size": 5, "stride": 2}, {"zero_padding": 0}):
        shape = {"blocks": 1, "convolutions": 1, "width": 4, "image_size": 9, **options}
        conv = lit_archs.build("convnet", **shape).get_submodule("block1.conv1")
        unshared = lit_archs.build("convnet", **shape, shared=False).get_submodule("block1.conv1")
        images = torch.randn(2, 3, 9, 9, generator=torch.Generator().manual_seed(0))
        positions = conv(images)[0, 0].numel()
        assert sum(each.numel() for each in unshared.parameters()) == positions * (
            sum(each.numel() for each in conv.parameters())
        )
        with torch.no_grad():
            unshared.weight.copy_(conv.weight.flatten(1).repeat(positions, 1)[:, :, None, None])
            unshared.bias.copy_(conv.bias.repeat(positions))
        torch.testing.assert_close(unshared(images), conv(images))
        # The filters of one position change the result at that position alone.
        with torch.no_grad():
            unshared.weight[:4] += 1.0
        changed = (unshared(images) - conv(images)).abs().amax((0, 1)) > 1e-4
        assert changed.nonzero().tolist() == [[0, 0]]


def test_unshared_filters_start_as_large_as_shared_ones() -> None:
    shape = {"blocks": 1, "convolutions": 1, "width": 16, "image_size": 16}
    shared, unshared = (lit_archs.build("convnet", **shape, shared=each) for each in (True, False))
    for network in (shared, unshared):
        initialise(network, seed=0, config=InitConfig())
    stds = [network.get_submodule("block1.conv1").weight.std() for network in (shared, unshared)]
    assert torch.isclose(stds[0], stds[1], rtol=0.1)


def test_sizes_are_what_the_formula_says() -> None:
    cases: list[tuple[int, dict[str, Any], int]] = [
        (7, {"zero_padding": 0}, 5),
        (7, {"zero_padding": 0, "stride": 2}, 3),
        (5, {"zero_padding": 1, "stride": 2}, 3),
        (227, {"kernel_size": 11, "stride": 4, "zero_padding": 0}, 55),
        (32, {"kernel_size": 5}, 32),
        (9, {"kernel_size": 5, "pooling": "subsample"}, 5),
    ]
    for size, options, side in cases:
        shape = {"blocks": 1, "convolutions": 1, "width": 2, "hidden": 0, "pooling": "none", "image_size": size}
        network = lit_archs.build("convnet", **{**shape, **options})
        assert network.get_submodule("block1")(torch.zeros(1, 3, size, size)).shape[2:] == (side, side)
        assert network(torch.zeros(1, 3, size, size)).shape == (1, 10)
