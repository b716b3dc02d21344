"""DenseNet: every layer reads all before it (Huang et al. 2016, 1608.06993), for ImageNet and for CIFAR."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Gt, Le
from pydantic import PositiveInt
from torch import Tensor, nn

from litmus.core.config_keys import Fraction
from litmus.core.errors import UserError
from litmus.lit_archs.building.registry import register
from litmus.lit_archs.layers.norm_activation import NormActivationOptions, norm_activation, norm_activation_of_sum
from litmus.lit_archs.layers.shift import before_norm

BLOCK_LAYERS = {121: (6, 12, 24, 16), 169: (6, 12, 32, 32), 201: (6, 12, 48, 32)}
"""Layers of each dense block by depth (table 1)."""
BOTTLENECK_FACTOR = 4
"""Channels of a bottleneck by the growth rate (section 3)."""


@dataclass(frozen=True)
class DenseOptions(NormActivationOptions):
    """What dense blocks and the transitions between them consist of.

    Args:
        growth_rate: channels that each layer adds.
        compression: share of the channels that a transition keeps.
        bottleneck: whether a 1×1 convolution to 4 × growth_rate channels comes before each 3×3.
        dense: whether a layer reads all outputs before it in its block; false leaves only the last one.
        dropout: probability of zeroing an output of a convolution.
    """

    growth_rate: PositiveInt = 32
    compression: Annotated[float, Gt(0), Le(1)] = 0.5
    bottleneck: bool = True
    dense: bool = True
    dropout: Fraction = 0.0


def dense_layer(in_channels: int, options: DenseOptions) -> nn.Sequential:
    """Return norm, activation, 1×1 to 4k channels (the bottleneck); norm, activation, 3×3 to k; dropout."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    if options.bottleneck:
        inner = BOTTLENECK_FACTOR * options.growth_rate
        layers["bottleneck_norm"] = norm_activation_of_sum(options.norm, in_channels, options.activation)
        layers["bottleneck"] = before_norm(nn.Conv2d(in_channels, inner, 1, bias=False), options.norm)
        layers["norm"] = norm_activation(options.norm, inner, options.activation)
        in_channels = inner
    else:
        layers["norm"] = norm_activation_of_sum(options.norm, in_channels, options.activation)
    layers["conv"] = nn.Conv2d(in_channels, options.growth_rate, 3, padding=1, bias=False)
    layers["dropout"] = nn.Dropout(options.dropout)
    return nn.Sequential(layers)


class DenseBlock(nn.Module):
    """Layers of `growth_rate` channels each; hands on its input and all their outputs, concatenated.

    With dense connectivity each layer reads the input and all outputs before it, without only the output before it.
    Maps [N, C, H, W] to [N, C + layers · growth_rate, H, W] either way.
    """

    def __init__(self, in_channels: int, layers: int, options: DenseOptions) -> None:
        super().__init__()
        self.dense = options.dense
        self.layers = nn.ModuleList()
        for index in range(layers):
            chain = in_channels if index == 0 else options.growth_rate
            inputs = in_channels + index * options.growth_rate if options.dense else chain
            self.layers.append(dense_layer(inputs, options))
        self.out_channels = in_channels + layers * options.growth_rate

    def forward(self, x: Tensor) -> Tensor:
        features = [x]
        for layer in self.layers:
            features.append(layer(torch.cat(features, 1) if self.dense else features[-1]))
        return torch.cat(features, 1)


def _transition(in_channels: int, channels: int, options: DenseOptions) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            norm=norm_activation_of_sum(options.norm, in_channels, options.activation),
            conv=nn.Conv2d(in_channels, channels, 1, bias=False),
            dropout=nn.Dropout(options.dropout),
            pool=nn.AvgPool2d(2),
        )
    )


def _network(
    num_classes: int,
    stem: "OrderedDict[str, nn.Module]",
    channels: int,
    block_layers: Sequence[int],
    options: DenseOptions,
) -> nn.Sequential:
    """Return stem, dense blocks with transitions between them, norm, activation, global average pool, linear."""
    layers: OrderedDict[str, nn.Module] = OrderedDict(stem)
    for number, count in enumerate(block_layers, start=1):
        block = DenseBlock(channels, count, options)
        layers[f"block{number}"] = block
        channels = block.out_channels
        if number < len(block_layers):
            compressed = max(1, int(channels * options.compression))
            layers[f"transition{number}"] = _transition(channels, compressed, options)
            channels = compressed
    layers["final_norm"] = norm_activation_of_sum(options.norm, channels, options.activation)
    layers["pool"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    layers["classifier"] = nn.Linear(channels, num_classes)
    return nn.Sequential(layers)


@register(
    *(f"densenet{depth}" for depth in BLOCK_LAYERS),
    input_shape=(3, 224, 224),
    num_classes=1000,
    fixed={f"densenet{depth}": {"depth": depth} for depth in BLOCK_LAYERS},
)
def densenet(
    num_classes: int = 1000,
    in_channels: int = 3,
    image_size: Annotated[int, Ge(29)] = 224,
    *,
    depth: Literal[121, 169, 201] = 121,
    blocks: DenseOptions = DenseOptions(),
) -> nn.Module:
    """DenseNet for ImageNet: four dense blocks, transitions that halve channels and resolution between them.

    8.0M, 14.1M and 20.0M parameters at depths 121, 169 and 201. The smallest image is 29×29.

    Args:
        depth: layers with weights, 121, 169 or 201.
    """
    channels = 2 * blocks.growth_rate
    stem: OrderedDict[str, nn.Module] = OrderedDict(
        conv=before_norm(nn.Conv2d(in_channels, channels, 7, stride=2, padding=3, bias=False), blocks.norm),
        norm=norm_activation(blocks.norm, channels, blocks.activation),
        stem_pool=nn.MaxPool2d(3, stride=2, padding=1),
    )
    return _network(num_classes, stem, channels, BLOCK_LAYERS[depth], blocks)


@register(
    "densenet_cifar",
    "densenet40_k12",
    "densenet_bc100_k12",
    input_shape=(3, 32, 32),
    fixed={
        "densenet40_k12": {"depth": 40},
        "densenet_bc100_k12": {"depth": 100, "bottleneck": True, "compression": 0.5},
    },
)
def densenet_cifar(
    num_classes: int = 10,
    in_channels: int = 3,
    image_size: Annotated[int, Ge(4)] = 32,
    *,
    depth: int = 40,
    blocks: DenseOptions = DenseOptions(growth_rate=12, compression=1.0, bottleneck=False),
) -> nn.Module:
    """DenseNet for CIFAR: three dense blocks of equal depth; -BC with bottleneck and compression.

    L = 40, k = 12: 1.0M parameters; BC, L = 100, k = 12: 0.8M (table 2). The smallest image is 4×4.

    Args:
        depth: layers with weights, 3n+4, or 6n+4 with bottlenecks.
    """
    step = 6 if blocks.bottleneck else 3
    if depth < step + 4 or (depth - 4) % step:
        raise UserError(f"depth must be {step}n+4, got {depth}")
    # Section 3, implementation details: 16 channels, twice the growth rate for DenseNet-BC.
    channels = 2 * blocks.growth_rate if blocks.bottleneck and blocks.compression < 1 else 16
    stem: OrderedDict[str, nn.Module] = OrderedDict(
        conv=nn.Conv2d(in_channels, channels, 3, padding=1, bias=False),
    )
    return _network(num_classes, stem, channels, [(depth - 4) // step] * 3, blocks)
