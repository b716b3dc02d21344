"""Each kind of pooling, against a calculation by hand."""

from typing import get_args

import torch
from torch import nn

from litmus.lit_archs.layers.pooling import Pooling, least_side, pooled_side, pooling_layer

MAP = torch.tensor(
    [[1.0, 2.0, 0.0, 0.0], [3.0, 4.0, 0.0, 8.0], [5.0, 0.0, 6.0, 6.0], [0.0, 0.0, 6.0, 6.0]]
)[None, None]  # fmt: skip


def test_pooling_is_what_its_name_says() -> None:
    cases = {
        "none": MAP[0, 0].tolist(),
        "max": [[4, 8], [5, 6]],
        "average": [[2.5, 2], [1.25, 6]],
        "sum": [[10, 8], [5, 24]],
        "l2": [[30**0.5, 8], [5, 12]],
        # Starts as the mean; the sum of a ReLU's outputs stays.
        "trainable": [[2.5, 2], [1.25, 6]],
        "subsample": [[1, 0], [5, 6]],
    }
    for pooling, expected in cases.items():
        found = pooling_layer(pooling, 1, "relu")(MAP)[0, 0]
        torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float32), msg=pooling)


def test_blurred_maxima_are_means_of_the_weights_1_2_1() -> None:
    found = pooling_layer("blurred_max", 1, "relu")(MAP)
    maxima = nn.functional.max_pool2d(MAP, 2, 1)
    padded = nn.functional.pad(maxima, (1, 1, 1, 1), mode="replicate")
    binomial = torch.tensor([1.0, 2.0, 1.0])
    weights = (binomial[:, None] * binomial / 16)[None, None]
    torch.testing.assert_close(found, nn.functional.conv2d(padded, weights, stride=2))


def test_a_learned_pooling_reads_all_maps_of_a_window() -> None:
    layer = pooling_layer("convolution", 3, "relu", "batch")
    assert sum(parameter.numel() for parameter in layer.parameters()) == (2 * 2 * 3 + 1) * 3 + 2 * 3
    images = torch.randn(2, 3, 6, 6)
    conv, norm = layer.get_submodule("conv"), layer.get_submodule("norm.norm")
    torch.testing.assert_close(layer(images), norm(conv(images)).relu())
    assert layer(images).shape == (2, 3, 3, 3)


def test_the_root_of_a_dead_window_has_a_finite_gradient() -> None:
    dead = torch.zeros(1, 1, 2, 2, requires_grad=True)
    pooling_layer("l2", 1, "relu")(dead).sum().backward()
    assert dead.grad is not None
    assert torch.isfinite(dead.grad).all()


def test_the_side_that_is_left() -> None:
    for pooling in get_args(Pooling):
        layer = pooling_layer(pooling, 2, "relu")
        for side in (2, 3, 4, 7):
            assert layer(torch.zeros(1, 2, side, side)).shape[2:] == (pooled_side(pooling, side),) * 2
        for pooled in (1, 2, 3):
            least = least_side(pooling, pooled)
            assert pooled_side(pooling, least) == pooled
            assert pooled_side(pooling, least - 1) < pooled
