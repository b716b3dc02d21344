"""The CIFAR residual networks: of He et al. 2015 with their plain twins, WideResNet and ResNeXt."""

from typing import Annotated, Literal

from annotated_types import Ge
from pydantic import PositiveInt
from torch import nn

from litmus.core.errors import UserError
from litmus.lit_archs.building.registry import register
from litmus.lit_archs.layers.norm_activation import NormActivationOptions
from litmus.lit_archs.layers.residual import BlockOptions
from litmus.lit_archs.resnet import ResNet, Stage

PAPER_DEPTHS = (20, 32, 44, 56, 110)
_SHAPE = (3, 32, 32)


def _network(
    num_classes: int, in_channels: int, stem_channels: int, stages: list[Stage], blocks: BlockOptions
) -> ResNet:
    stem = nn.Conv2d(in_channels, stem_channels, 3, padding=1, bias=False)
    return ResNet(num_classes, stem, nn.Identity(), stages, blocks)


def _blocks_per_stage(depth: int, layers_per_block: int, other_layers: int) -> int:
    """Return n of depth = 3·layers_per_block·n + other_layers."""
    step = 3 * layers_per_block
    if depth < step + other_layers or (depth - other_layers) % step:
        examples = ", ".join(str(step * n + other_layers) for n in range(1, 5))
        raise UserError(f"depth must be {step}n+{other_layers} ({examples}, ...), got {depth}")
    return (depth - other_layers) // step


@register(
    "resnet_cifar",
    *(f"resnet{depth}" for depth in PAPER_DEPTHS),
    input_shape=_SHAPE,
    fixed={f"resnet{depth}": {"depth": depth} for depth in PAPER_DEPTHS},
    pattern=r"resnet(?P<depth>\d+)",
    hidden=("dropout",),
)
def resnet_cifar(
    num_classes: int = 10,
    in_channels: int = 3,
    image_size: Annotated[int, Ge(4)] = 32,
    *,
    depth: int = 20,
    width: PositiveInt = 16,
    block: Literal["basic", "bottleneck"] = "basic",
    blocks: BlockOptions = BlockOptions(shortcut="A"),
) -> nn.Module:
    """CIFAR ResNet of 6n+2 layers: 16-32-64 channels, basic blocks, shortcuts without parameters (option A).

    0.27M, 0.46M, 0.66M, 0.85M and 1.7M parameters at depths 20, 32, 44, 56 and 110 (He et al. 2015, 1512.03385,
    table 6).

    Args:
        depth: layers with weights, 6n+2 with basic and 9n+2 with bottleneck blocks.
        width: channels of the first stage.
        block: basic (two 3×3) or bottleneck (1×1, 3×3, 1×1 to four times the channels).
    """
    bottleneck = block == "bottleneck"
    count = _blocks_per_stage(depth, 3 if bottleneck else 2, 2)
    stages = []
    for stride, channels in ((1, width), (2, 2 * width), (2, 4 * width)):
        out, inner = (4 * channels, channels) if bottleneck else (channels, None)
        stages.append(Stage(count, out, stride, inner))
    return _network(num_classes, in_channels, width, stages, blocks)


@register(
    *(f"plain{depth}" for depth in PAPER_DEPTHS),
    input_shape=_SHAPE,
    fixed={f"plain{depth}": {"depth": depth} for depth in PAPER_DEPTHS},
    pattern=r"plain(?P<depth>\d+)",
)
def plain_cifar(
    num_classes: int = 10,
    in_channels: int = 3,
    image_size: Annotated[int, Ge(4)] = 32,
    *,
    depth: int = 20,
    width: PositiveInt = 16,
    layers: NormActivationOptions = NormActivationOptions(),
) -> nn.Module:
    """The plain twin of a CIFAR ResNet: the same layers and parameters, no shortcuts.

    Args:
        depth: layers with weights, 6n+2.
        width: channels of the first stage.
    """
    blocks = BlockOptions(norm=layers.norm, activation=layers.activation, residual=False, shortcut="A")
    return resnet_cifar(num_classes, in_channels, image_size, depth=depth, width=width, blocks=blocks)


@register(
    "wide_resnet16_4",
    "wide_resnet28_10",
    "wide_resnet40_4",
    input_shape=_SHAPE,
    fixed={
        "wide_resnet16_4": {"depth": 16, "widen_factor": 4},
        "wide_resnet28_10": {"depth": 28, "widen_factor": 10},
        "wide_resnet40_4": {"depth": 40, "widen_factor": 4},
    },
    pattern=r"wide_resnet(?P<depth>\d+)_(?P<widen_factor>\d+)",
    hidden=("shortcut", "zero_gamma", "fixup"),
)
def wide_resnet_cifar(
    num_classes: int = 10,
    in_channels: int = 3,
    image_size: Annotated[int, Ge(4)] = 32,
    *,
    depth: int = 28,
    widen_factor: PositiveInt = 10,
    width: PositiveInt = 16,
    blocks: BlockOptions = BlockOptions(pre_activation=True),
) -> nn.Module:
    """WideResNet for CIFAR of 6n+4 layers: pre-activated basic blocks, widen_factor times the channels.

    WRN-16-4 2.7M, WRN-28-10 36.5M, WRN-40-4 8.9M parameters (Zagoruyko & Komodakis 2016, 1605.07146, table 4).

    Args:
        depth: layers with weights, 6n+4: the projections of the three stages count.
        widen_factor: factor on the channels of the stages, k in WRN-d-k.
        width: channels of the stem, and of the first stage before widening.
    """
    count = _blocks_per_stage(depth, 2, 4)
    wide = width * widen_factor
    stages = [Stage(count, wide, 1), Stage(count, 2 * wide, 2), Stage(count, 4 * wide, 2)]
    return _network(num_classes, in_channels, width, stages, blocks)


@register(
    "resnext29_8x64d",
    "resnext29_16x64d",
    input_shape=_SHAPE,
    fixed={
        "resnext29_8x64d": {"depth": 29, "cardinality": 8, "base_width": 64},
        "resnext29_16x64d": {"depth": 29, "cardinality": 16, "base_width": 64},
    },
    pattern=r"resnext(?P<depth>\d+)_(?P<cardinality>\d+)x(?P<base_width>\d+)d",
    hidden=("shortcut", "pre_activation", "fixup", "dropout"),
)
def resnext_cifar(
    num_classes: int = 10,
    in_channels: int = 3,
    image_size: Annotated[int, Ge(4)] = 32,
    *,
    depth: int = 29,
    cardinality: PositiveInt = 8,
    base_width: PositiveInt = 64,
    width: PositiveInt = 64,
    blocks: BlockOptions = BlockOptions(),
) -> nn.Module:
    """ResNeXt for CIFAR of 9n+2 layers: bottlenecks of grouped convolutions, 256-512-1024 channels.

    ResNeXt-29 8×64d 34.4M, 16×64d 68.1M parameters (Xie et al. 2016, 1611.05431, table 7).

    Args:
        depth: layers with weights, 9n+2.
        cardinality: groups of the 3×3 convolutions.
        base_width: channels of each group of the first stage's 3×3 convolutions, doubled from stage to stage.
        width: channels of the stem; the first stage has four times as many.
    """
    count = _blocks_per_stage(depth, 3, 2)
    inner = cardinality * base_width
    stages = [
        Stage(count, 4 * width * 2**index, stride, inner * 2**index, cardinality)
        for index, stride in enumerate((1, 2, 2))
    ]
    return _network(num_classes, in_channels, width, stages, blocks)
