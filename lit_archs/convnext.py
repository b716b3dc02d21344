"""ConvNeXt, with each step that leads to it from a ResNet as an option (Liu et al. 2022, 2201.03545)."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal

from pydantic import PositiveInt
from torch import Tensor, nn

from litmus.core.errors import require_at_least
from litmus.lit_archs.building.registry import register
from litmus.lit_archs.layers.norm_activation import (
    Activation,
    Norm,
    NormActivation,
    NormActivationOptions,
    activation_layer,
    norm_activation,
    norm_activation_of_sum,
    norm_layer,
    norm_layer_1d,
)

EXPANSION = 4
"""The channels at the wide end of a block by those at its narrow end."""
STAGE_RATIO = (1, 1, 3, 1)
"""The blocks of the stages by those of the first (section 2.2)."""


@dataclass(frozen=True)
class ConvNeXtOptions(NormActivationOptions):
    """The steps from a ResNet to ConvNeXt (section 2); the defaults are ConvNeXt.

    Args:
        stem: patchify (a convolution of p×p pixels at stride p) or convolution (one of 2p-1 pixels at stride p/2, 3×3
            max pooling at stride 2), for p pixels of `patch`.
        depthwise: whether each filter of a block's k×k convolution reads one channel.
        inverted: whether a block is wide inside, with the k×k convolution first on its narrow input; false is a
            bottleneck, narrow inside, with the k×k convolution there.
        kernel_size: k of the blocks' k×k convolutions.
        sparse: whether a block has one norm, behind the k×k convolution, and one activation, behind the first 1×1
            convolution, and the stem no activation; false has both behind each convolution.
        downsampling: separate (a norm and a 2×2 convolution between stages, and a norm before the classifier) or block
            (the first block of a stage has stride 2).
    """

    norm: Norm = "layer_2d"
    activation: Activation = "gelu"
    stem: Literal["patchify", "convolution"] = "patchify"
    depthwise: bool = True
    inverted: bool = True
    kernel_size: Literal[3, 5, 7, 9, 11] = 7
    sparse: bool = True
    downsampling: Literal["separate", "block"] = "separate"

    def between(self, channels: int, norm: bool, activation: bool) -> NormActivation:
        """Return the norm and the activation behind a convolution, those that are wanted."""
        return norm_activation(self.norm if norm else "none", channels, self.activation if activation else "identity")


class ConvNeXtBlock(nn.Module):
    """A k×k and two 1×1 convolutions, added to what they read. Maps [N, C, H, W].

    With a change of shape the input goes through a 1×1 convolution with stride, and a norm.
    """

    def __init__(self, in_channels: int, channels: int, stride: int, options: ConvNeXtOptions) -> None:
        super().__init__()
        inner = channels * EXPANSION if options.inverted else channels // EXPANSION
        spatial = in_channels if options.inverted else inner
        convolution = nn.Conv2d(
            spatial,
            spatial,
            options.kernel_size,
            stride,
            padding=options.kernel_size // 2,
            groups=spatial if options.depthwise else 1,
        )
        every = not options.sparse
        first = OrderedDict(
            spatial=convolution,
            spatial_norm=options.between(spatial, norm=True, activation=every),
        )
        second = OrderedDict(
            conv1=nn.Conv2d(in_channels, inner, 1),
            norm1=options.between(inner, norm=every, activation=True),
        )
        last = OrderedDict(
            conv2=nn.Conv2d(inner, channels, 1),
            norm2=options.between(channels, norm=every, activation=False),
        )
        self.branch = nn.Sequential((first | second if options.inverted else second | first) | last)
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or in_channels != channels:
            self.shortcut = nn.Sequential(
                OrderedDict(conv=nn.Conv2d(in_channels, channels, 1, stride), norm=norm_layer(options.norm, channels))
            )
        self.activation = activation_layer(options.activation if every else "identity")

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.branch(x) + self.shortcut(x))


def _stem(in_channels: int, channels: int, patch: int, options: ConvNeXtOptions) -> "OrderedDict[str, nn.Module]":
    between = options.between(channels, norm=True, activation=not options.sparse)
    if options.stem == "patchify":
        return OrderedDict(stem=nn.Conv2d(in_channels, channels, patch, patch), stem_norm=between)
    side = 2 * patch - 1
    return OrderedDict(
        stem=nn.Conv2d(in_channels, channels, side, patch // 2, padding=side // 2),
        stem_norm=between,
        stem_pool=nn.MaxPool2d(3, 2, padding=1),
    )


@register("convnext", input_shape=(3, 224, 224), num_classes=1000)
def convnext(
    num_classes: int = 1000,
    in_channels: int = 3,
    image_size: int = 224,
    *,
    patch: Literal[2, 4, 8] = 4,
    stage_blocks: PositiveInt = 3,
    width: PositiveInt = 96,
    steps: ConvNeXtOptions = ConvNeXtOptions(),
) -> nn.Module:
    """ConvNeXt, and with other options the networks from a ResNet to it: four stages at 96-192-384-768 channels.

    28.6M parameters and 4.5 GFLOPs by default, ConvNeXt-T (Liu et al. 2022, 2201.03545), without the layer scale and
    the stochastic depth of its training. The smallest image is eight patches wide.

    Args:
        patch: factor by which the stem makes the image smaller.
        stage_blocks: blocks of the first, second and fourth stage; the third has three times as many.
        width: channels at the narrow end of the first stage's blocks, doubled from stage to stage; the wide end has
            four times as many.
    """
    require_at_least(8 * patch, image_size=image_size)
    outer = width if steps.inverted else EXPANSION * width
    channels = outer if steps.inverted else width
    layers: OrderedDict[str, nn.Module] = _stem(in_channels, channels, patch, steps)
    for index, ratio in enumerate(STAGE_RATIO):
        wanted, stride = outer * 2**index, 1 if index == 0 else 2
        if steps.downsampling == "separate" and index > 0:
            layers[f"downsample{index}"] = nn.Sequential(
                OrderedDict(
                    norm=norm_activation_of_sum(steps.norm, channels, "identity"),
                    conv=nn.Conv2d(channels, wanted, 2, 2),
                )
            )
            channels, stride = wanted, 1
        stage = nn.Sequential()
        for number in range(ratio * stage_blocks):
            stage.append(ConvNeXtBlock(channels, wanted, stride if number == 0 else 1, steps))
            channels = wanted
        layers[f"stage{index + 1}"] = stage
    layers["pool"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    if steps.downsampling == "separate":
        # Instance norm has nothing to average over in a feature vector.
        norm = norm_layer_1d("none" if steps.norm == "instance" else steps.norm, channels)
        layers["final_norm"] = NormActivation(norm, nn.Identity(), shifted_channels=channels)
    layers["classifier"] = nn.Linear(channels, num_classes)
    return nn.Sequential(layers)
