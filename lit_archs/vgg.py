"""VGG: stacks of 3×3 convolutions (Simonyan & Zisserman 2014, 1409.1556), for ImageNet and for 32×32 images."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge
from pydantic import PositiveInt
from torch import nn

from litmus.core.config_keys import Fraction
from litmus.lit_archs.building.registry import register
from litmus.lit_archs.layers.norm_activation import Norm, NormActivationOptions, activation_layer, norm_activation

STAGE_CONVOLUTIONS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
"""Convolutions of each stage by depth: the columns A, B, D and E of table 1."""

Depth = Literal[11, 13, 16, 19]
Convolutions = Literal["stacked", "single"]
Head = Literal["dense", "average"]


@dataclass(frozen=True)
class VGGOptions(NormActivationOptions):
    """What both forms of VGG may be made of.

    Args:
        width: channels of the first stage.
        convolutions: stacked (3×3 each) or single (one of the same receptive field: 5×5 for two, 7×7 for three).
        head: dense (two hidden layers) or average (global average pool, one layer).
        dense_units: units of the hidden layers of the dense head.
        dropout: probability of zeroing a unit of a hidden layer of the dense head.
    """

    norm: Norm = "none"
    width: PositiveInt = 64
    convolutions: Convolutions = "stacked"
    head: Head = "dense"
    dense_units: PositiveInt = 4096
    dropout: Fraction = 0.5


def _stage(in_channels: int, channels: int, count: int, options: VGGOptions) -> "OrderedDict[str, nn.Module]":
    """Return `count` 3×3 convolutions, or one of their receptive field, 2·count + 1 pixels."""
    sizes = [3] * count if options.convolutions == "stacked" else [2 * count + 1]
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for index, size in enumerate(sizes, start=1):
        layers[f"conv{index}"] = nn.Conv2d(in_channels, channels, size, padding=size // 2)
        layers[f"norm{index}"] = norm_activation(options.norm, channels, options.activation)
        in_channels = channels
    return layers


def _network(
    num_classes: int, in_channels: int, depth: int, side: int, pool_ceil: bool, options: VGGOptions
) -> nn.Module:
    """Return the five stages and the head; `side` is that of the map which the dense layers see."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for index, count in enumerate(STAGE_CONVOLUTIONS[depth]):
        channels = options.width * min(2**index, 8)
        stage = _stage(in_channels, channels, count, options)
        stage["pool"] = nn.MaxPool2d(2, ceil_mode=pool_ceil)
        layers[f"stage{index + 1}"] = nn.Sequential(stage)
        in_channels = channels
    return nn.Sequential(layers | _head(in_channels, side, num_classes, options))


def _head(channels: int, side: int, num_classes: int, options: VGGOptions) -> "OrderedDict[str, nn.Module]":
    if options.head == "average":
        return OrderedDict(
            pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), classifier=nn.Linear(channels, num_classes)
        )
    units = options.dense_units
    return OrderedDict(
        pool=nn.AdaptiveAvgPool2d(side),
        flatten=nn.Flatten(),
        fc1=nn.Linear(channels * side * side, units),
        fc1_activation=activation_layer(options.activation),
        dropout1=nn.Dropout(options.dropout),
        fc2=nn.Linear(units, units),
        fc2_activation=activation_layer(options.activation),
        dropout2=nn.Dropout(options.dropout),
        classifier=nn.Linear(units, num_classes),
    )


@register(
    *(f"vgg{depth}" for depth in STAGE_CONVOLUTIONS),
    *(f"vgg{depth}_bn" for depth in STAGE_CONVOLUTIONS),
    input_shape=(3, 224, 224),
    num_classes=1000,
    fixed={
        **{f"vgg{depth}": {"depth": depth} for depth in STAGE_CONVOLUTIONS},
        **{f"vgg{depth}_bn": {"depth": depth, "norm": "batch"} for depth in STAGE_CONVOLUTIONS},
    },
)
def vgg(
    num_classes: int = 1000,
    in_channels: int = 3,
    image_size: Annotated[int, Ge(32)] = 224,
    *,
    depth: Depth = 16,
    layers: VGGOptions = VGGOptions(),
) -> nn.Module:
    """VGG A, B, D, E: five stages of 3×3 convolutions at 64-128-256-512-512 channels, three dense layers.

    132.9M, 133.0M, 138.4M and 143.7M parameters at depths 11, 13, 16 and 19. The dense layers see a 7×7 map. The
    smallest image is 32×32.

    Args:
        depth: layers with weights, 11, 13, 16 or 19.
    """
    return _network(num_classes, in_channels, depth, 7, False, layers)


@register(
    *(f"vgg{depth}_cifar" for depth in STAGE_CONVOLUTIONS),
    input_shape=(3, 32, 32),
    fixed={f"vgg{depth}_cifar": {"depth": depth} for depth in STAGE_CONVOLUTIONS},
)
def vgg_cifar(
    num_classes: int = 10,
    in_channels: int = 3,
    image_size: Annotated[int, Ge(2)] = 32,
    *,
    depth: Depth = 16,
    layers: VGGOptions = VGGOptions(norm="batch", head="average", dense_units=512),
) -> nn.Module:
    """VGG for 32×32 images: the same stages down to a 1×1 map, and one layer after it.

    Pooling rounds up, so that a map of one pixel stays one and images below 32 pixels work too.

    Args:
        depth: convolutions and dense layers of the ImageNet form, 11, 13, 16 or 19.
    """
    return _network(num_classes, in_channels, depth, 1, True, layers)
