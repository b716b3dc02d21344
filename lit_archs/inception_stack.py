"""A short stack of equal blocks, inception or a single large convolution, to compare them at equal output channels."""

from collections import OrderedDict
from typing import Literal

from pydantic import PositiveFloat, PositiveInt
from torch import nn

from litmus.core.errors import require_at_least
from litmus.lit_archs.building.registry import register
from litmus.lit_archs.layers.inception import InceptionModule, InceptionOptions, PathChannels, convolution
from litmus.lit_archs.layers.norm_activation import NormActivationOptions

Block = Literal["reduced", "unreduced", "naive", "no_pool", "single1", "single3", "single5"]
CHANNELS = PathChannels(one=64, reduce_three=96, three=128, reduce_five=16, five=32, pool=32)
"""The first inception module of GoogLeNet (Szegedy et al. 2014, 1409.4842, table 1): 256 output channels."""
Shares = Literal["equal", "rising"]
LEAST, MOST = 0.7, 1.3
"""Factors on the channels of the 3×3 and 5×5 paths in the first and the last block, where their share rises."""


def with_large_paths(channels: PathChannels, factor: float) -> PathChannels:
    """Return channels with the 3×3 and 5×5 paths and their reductions times `factor`, and the same sum."""
    large = {name: max(1, round(getattr(channels, name) * factor))
             for name in ("reduce_three", "three", "reduce_five", "five")}  # fmt: skip
    one = channels.one + channels.three + channels.five - large["three"] - large["five"]
    return channels._replace(one=one, **large)


@register("inception_stack", input_shape=(3, 32, 32))
def inception_stack(
    num_classes: int = 10,
    in_channels: int = 3,
    image_size: int = 32,
    *,
    block: Block = "reduced",
    shares: Shares = "equal",
    blocks: PositiveInt = 3,
    width: PositiveFloat = 1.0,
    layers: NormActivationOptions = NormActivationOptions(),
) -> nn.Module:
    """Stem, blocks of 256 channels (inception, naive inception, one 3×3 or one 5×5), average pool, linear.

    The naive module hands on all the channels that its pooling path sees, so that its output grows from block to block
    (Szegedy et al. 2014, 1409.4842, figure 2a): 864 channels after three blocks.

    Args:
        block: reduced (inception with 1×1 reductions); unreduced (without those before the 3×3 and 5×5); naive
            (without any); no_pool (reduced, without the pooling in front of its 1×1 convolution, which joins the 1×1
            path); single1, single3 or single5 (one convolution).
        shares: whether the share of the 3×3 and 5×5 paths in a block's channels is equal in all blocks, or rising from
            less than a half in the first to four fifths in the last; the 1×1 path has the others.
        blocks: number of blocks; the map is halved before each.
        width: factor on all channels.
    """
    require_at_least(2**blocks, image_size=image_size)
    scaled = PathChannels(*(max(1, round(channels * width)) for channels in CHANNELS))
    outputs = scaled.one + scaled.three + scaled.five + scaled.pool
    norm, activation = layers.norm, layers.activation
    options = InceptionOptions(
        norm=norm, activation=activation, reductions=block in ("reduced", "no_pool"), path_pool=block != "no_pool"
    )
    if block == "no_pool":
        scaled = scaled._replace(one=scaled.one + scaled.pool)
    channels = max(1, round(192 * width))
    modules: OrderedDict[str, nn.Module] = OrderedDict(stem=convolution(in_channels, channels, 3, norm, activation))
    for index in range(1, blocks + 1):
        modules[f"pool{index}"] = nn.MaxPool2d(2)
        if block.startswith("single"):
            modules[f"block{index}"] = convolution(channels, outputs, int(block[-1]), norm, activation)
            channels = outputs
        else:
            factor = 1.0
            if shares == "rising" and blocks > 1:
                factor = LEAST + (MOST - LEAST) * (index - 1) / (blocks - 1)
            divided = with_large_paths(scaled, factor)
            module = InceptionModule(channels, divided, options, project=block == "unreduced")
            modules[f"block{index}"], channels = module, module.out_channels
    modules["average"] = nn.AdaptiveAvgPool2d(1)
    modules["flatten"] = nn.Flatten()
    modules["classifier"] = nn.Linear(channels, num_classes)
    return nn.Sequential(modules)
