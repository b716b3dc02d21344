"""Residual networks: the network that stages of blocks make, and its ImageNet forms, ResNeXt and wide ones included."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import PositiveInt
from torch import Tensor, nn

from litmus.core.errors import UserError
from litmus.lit_archs.building.registry import register
from litmus.lit_archs.layers.norm_activation import norm_activation, norm_activation_of_sum
from litmus.lit_archs.layers.residual import (
    Bias,
    BlockOptions,
    ResidualBlock,
    adjust_for_fixup,
    basic_convolutions,
    bottleneck_convolutions,
)

STAGE_BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
"""Blocks of each stage by depth (He et al. 2015, 1512.03385, table 1)."""


Stem = Literal["imagenet", "cifar"]


@dataclass(frozen=True)
class Stage:
    """A run of blocks at one resolution; `inner_channels` makes them bottlenecks, absent they are basic blocks."""

    blocks: int
    channels: int
    stride: int
    inner_channels: int | None = None
    cardinality: int = 1

    def convolutions(self, in_channels: int, stride: int) -> list[nn.Conv2d]:
        """Return the convolutions of one block's branch."""
        if self.inner_channels is None:
            return basic_convolutions(in_channels, self.channels, stride)
        return bottleneck_convolutions(in_channels, self.inner_channels, self.channels, stride, self.cardinality)


class ResNet(nn.Module):
    """Convolution, norm, activation, pool; stages of residual blocks; global average pool, linear.

    Maps images [N, in_channels, H, W] to logits [N, num_classes]. With pre-activation the stem has no norm, and norm
    and activation follow the last block.
    """

    def __init__(
        self, num_classes: int, stem: nn.Conv2d, stem_pool: nn.Module, stages: Sequence[Stage], options: BlockOptions
    ) -> None:
        super().__init__()
        channels = stem.out_channels

        def bias() -> nn.Module:
            return Bias() if options.fixup else nn.Identity()

        self.fixup = options.fixup
        self.conv = options.convolution(stem, norm_follows=not options.pre_activation)
        self.bias = bias()
        self.norm: nn.Module = nn.Identity()
        if not options.pre_activation:
            self.norm = norm_activation(options.norm, channels, options.activation)
        self.stem_pool = stem_pool
        self.stages: list[str] = []
        total, built = sum(stage.blocks for stage in stages), 0
        for number, stage in enumerate(stages, start=1):
            blocks = nn.Sequential()
            for index in range(stage.blocks):
                built += 1
                stride = stage.stride if index == 0 else 1
                # The linear decay rule of Huang et al. 2016, 1603.09382, section 4.
                drop_probability = options.stochastic_depth * built / total
                blocks.append(ResidualBlock(stage.convolutions(channels, stride), stride, options, drop_probability))
                channels = stage.channels
            self.add_module(f"stage{number}", blocks)
            self.stages.append(f"stage{number}")
        self.final_norm: nn.Module = nn.Identity()
        if options.pre_activation:
            self.final_norm = norm_activation_of_sum(options.norm, channels, options.activation)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier_bias = bias()
        self.classifier = nn.Linear(channels, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem_pool(self.norm(self.bias(self.conv(x))))
        for stage in self.stages:
            x = self.get_submodule(stage)(x)
        x = self.pool(self.final_norm(x)).flatten(1)
        return self.classifier(self.classifier_bias(x))

    def blocks(self) -> list[ResidualBlock]:
        """Return every residual block, from the first to the last."""
        return [module for module in self.modules() if isinstance(module, ResidualBlock)]

    def adjust_parameters(self) -> None:
        """Apply Fixup's initialisation, where asked."""
        if self.fixup:
            adjust_for_fixup(self.blocks(), self.classifier)


def _named(**options: Any) -> dict[str, Any]:
    return options


@register(
    *(f"resnet{depth}" for depth in STAGE_BLOCKS),
    "resnext50_32x4d",
    "resnext101_32x8d",
    "wide_resnet50_2",
    "wide_resnet101_2",
    "seresnet50",
    "seresnext50_32x4d",
    input_shape=(3, 224, 224),
    num_classes=1000,
    fixed={
        **{f"resnet{depth}": {"depth": depth} for depth in STAGE_BLOCKS},
        "resnext50_32x4d": _named(depth=50, cardinality=32, base_width=4),
        "resnext101_32x8d": _named(depth=101, cardinality=32, base_width=8),
        "wide_resnet50_2": _named(depth=50, base_width=128),
        "wide_resnet101_2": _named(depth=101, base_width=128),
        "seresnet50": _named(depth=50, squeeze_excite=True),
        "seresnext50_32x4d": _named(depth=50, cardinality=32, base_width=4, squeeze_excite=True),
    },
    hidden=("dropout",),
)
def resnet(
    num_classes: int = 1000,
    in_channels: int = 3,
    image_size: PositiveInt = 224,
    *,
    depth: Literal[18, 34, 50, 101, 152] = 50,
    width: PositiveInt = 64,
    block: Literal["auto", "basic", "bottleneck"] = "auto",
    cardinality: PositiveInt = 1,
    base_width: PositiveInt = 64,
    stem: Stem = "imagenet",
    blocks: BlockOptions = BlockOptions(),
) -> nn.Module:
    """ImageNet ResNet, ResNeXt, WideResNet and SE-ResNet: four stages at 64-128-256-512 (× 4) channels.

    He et al. 2015 (1512.03385, table 1); Xie et al. 2016 (ResNeXt, 1611.05431); Zagoruyko & Komodakis 2016
    (1605.07146); Hu et al. 2017 (SE, 1709.01507). 11.7M, 21.8M, 25.6M, 44.5M and 60.2M parameters at depths 18 to 152.

    Args:
        depth: 18, 34, 50, 101 or 152.
        width: channels of the stem and the first stage.
        block: basic (two 3×3) or bottleneck (1×1, 3×3, 1×1 to four times the channels); auto is the paper's for the
            depth.
        cardinality: groups of the bottleneck's 3×3 convolution.
        base_width: channels of each group of the first stage's 3×3 convolutions, doubled from stage to stage.
        stem: imagenet (7×7 at stride 2, 3×3 max pool at stride 2) or cifar (3×3 at stride 1), for images of 32 pixels.
    """
    bottleneck = block == "bottleneck" or (block == "auto" and depth >= 50)
    if not bottleneck and (cardinality, base_width) != (1, 64):
        raise UserError("cardinality and base_width need bottleneck blocks")
    stages = []
    for index, count in enumerate(STAGE_BLOCKS[depth]):
        channels = width * 2**index
        inner = max(1, channels * base_width // 64) * cardinality if bottleneck else None
        out = 4 * channels if bottleneck else channels
        stages.append(Stage(count, out, 1 if index == 0 else 2, inner, cardinality))
    if stem == "cifar":
        return ResNet(
            num_classes, nn.Conv2d(in_channels, width, 3, padding=1, bias=False), nn.Identity(), stages, blocks
        )
    convolution = nn.Conv2d(in_channels, width, 7, stride=2, padding=3, bias=False)
    return ResNet(num_classes, convolution, nn.MaxPool2d(3, stride=2, padding=1), stages, blocks)
