"""Figures that lectures quote about the networks' costs, each measured and judged right or wrong."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from litmus.lit_archs.building.registry import construct
from litmus.lit_archs.cost.profile import LayerProfile, native_profile, profile, total

TOLERANCE = 0.05
"""Of a quoted figure, relative: they are rounded to two or three digits."""


@dataclass(frozen=True)
class Figure:
    """A quoted and a measured figure."""

    statement: str
    quoted: float
    measured: float

    @property
    def right(self) -> bool:
        """Whether the quoted figure is the measured one, rounded."""
        return abs(self.measured - self.quoted) <= TOLERANCE * self.quoted


def lecture_figures() -> list[Figure]:
    """Return every figure, measured anew.

    An inception block's cost against one convolution's, AlexNet's compute and parameters against LeNet-5's, parameters
    and outputs of convolutions. The block is GoogLeNet's first (3a: 192 channels in, 256 out, on a 28×28 map), without
    biases and norms.
    """
    return [*_networks(), *_inception(), *_convnet(), *_convolutions()]


def _networks() -> list[Figure]:
    alexnet, lenet = (total(native_profile(name)) for name in ("alexnet", "lenet5"))
    return [
        Figure("AlexNet's compute by LeNet-5's", 250, alexnet.flops / lenet.flops),
        Figure("AlexNet's parameters by LeNet-5's", 10, alexnet.parameters / lenet.parameters),
    ]


def _inception() -> list[Figure]:
    figures = []
    for what, (parameters, flops), quoted in (
        ("inception block", _inception_block(), (16e3, 128e6)),
        ("3×3 convolution", _convolution(3), (44e3, 346e6)),
        ("5×5 convolution", _convolution(5), (122e3, 963e6)),
    ):
        figures.append(Figure(f"{what} to 256 channels, parameters", quoted[0], parameters))
        figures.append(Figure(f"{what} to 256 channels, multiply-adds", quoted[1], flops))
    return figures


def _convolutions() -> list[Figure]:
    with torch.device("meta"):
        filters = profile(nn.Conv2d(3, 10, 5), (3, 32, 32))[0]
    return [
        Figure("ten 5×5 filters on 32×32×3, parameters", 760, filters.parameters),
        Figure("ten 5×5 filters on 32×32×3, side of the output", 28, filters.output_shape[1]),
    ]


def _convnet() -> list[Figure]:
    """Return parameters, (F·F·D + 1)·K, and sides of the output, (N − F + 2P) / S + 1, as lectures work them out."""
    thirty, _ = _first_block(width=30, kernel_size=5)
    first, second = _first_block(width=10)

    def side(image: int, **options: int) -> int:
        return _first_block(image, width=1, **options)[0].output_shape[1]

    return [
        # 2,280 and 910: not checked at the source
        Figure("thirty 5×5 filters on 3 maps, parameters", 2280, thirty.parameters),
        Figure("ten 3×3 filters on 3 maps, parameters", 280, first.parameters),
        Figure("ten 3×3 filters on 10 maps, parameters", 910, second.parameters),
        # The CS231n notes, Convolutional networks, Spatial arrangement; the last is AlexNet's first layer.
        Figure("3×3 filters on 7 pixels, side of the output", 5, side(7, zero_padding=0)),
        Figure("3×3 filters at stride 2 on 7 pixels, side of the output", 3, side(7, stride=2, zero_padding=0)),
        Figure("3×3 filters on 5 pixels and 1 of padding, side of the output", 5, side(5)),
        Figure(
            "11×11 filters at stride 4 on 227 pixels, side of the output", 55,
            side(227, kernel_size=11, stride=4, zero_padding=0),
        ),
    ]  # fmt: skip


def _first_block(image: int = 32, **options: Any) -> list[LayerProfile]:
    """Return the profiles of the two convolutions that a convnet of one block begins with."""
    shape: dict[str, Any] = {"in_channels": 3, "image_size": image, "blocks": 1, "pooling": "none", "hidden": 0}
    with torch.device("meta"):
        network = construct("convnet", num_classes=10, **shape, **options)
    return [layer for layer in profile(network, (3, image, image)) if layer.kind == "Conv2d"]


def _convolution(size: int) -> tuple[int, int]:
    with torch.device("meta"):
        layer = profile(nn.Conv2d(192, 256, size, padding=size // 2, bias=False), (192, 28, 28))[0]
    return layer.parameters, layer.flops


def _inception_block() -> tuple[int, int]:
    with torch.device("meta"):
        network = construct("googlenet", num_classes=10, in_channels=3, image_size=224, norm="none", large_kernel=5)
    block = network.get_submodule("inceptions.3a")
    weights = sum(parameter.numel() for parameter in block.parameters() if parameter.dim() > 1)
    layers = [layer for layer in profile(network, (3, 224, 224)) if layer.name.startswith("inceptions.3a.")]
    return weights, total(layers).flops
