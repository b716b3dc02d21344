"""U-Net: an encoder and a decoder whose skips carry detail across (Ronneberger et al. 2015, 1505.04597)."""

from collections import OrderedDict
from typing import Literal

import torch
from pydantic import PositiveInt
from torch import Tensor, nn

from litmus.core.errors import require_at_least
from litmus.lit_archs.building.registry import register
from litmus.lit_archs.layers.norm_activation import Activation, Norm, norm_activation


def _double_convolution(in_channels: int, channels: int, norm: str, activation: str) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(in_channels, channels, 3, padding=1),
            norm1=norm_activation(norm, channels, activation),
            conv2=nn.Conv2d(channels, channels, 3, padding=1),
            norm2=norm_activation(norm, channels, activation),
        )
    )


class UNet(nn.Module):
    """`depth` times (two 3×3 convolutions, max-pool) and back up, each step with the encoder's map of its size.

    Maps images [N, in_channels, H, W] to logits of every pixel [N, num_classes, H, W], for any H and W of at least
    2^depth.
    """

    def __init__(
        self, num_classes: int, in_channels: int, depth: int, width: int, skips: str, norm: str, activation: str
    ) -> None:
        super().__init__()
        self.skips = skips
        channels = [width * 2**level for level in range(depth + 1)]
        self.encoder = nn.ModuleList()
        self.upsample = nn.ModuleList()
        self.decoder = nn.ModuleList()
        self.pool = nn.MaxPool2d(2)
        for level in range(depth):
            self.encoder.append(_double_convolution(in_channels, channels[level], norm, activation))
            in_channels = channels[level]
        self.bottom = _double_convolution(in_channels, channels[depth], norm, activation)
        # Numbered as the encoder is, by resolution, so that names do not depend on the depth.
        for level in range(depth):
            self.upsample.append(nn.ConvTranspose2d(channels[level + 1], channels[level], 2, stride=2))
            joined = 2 * channels[level] if skips == "concatenate" else channels[level]
            self.decoder.append(_double_convolution(joined, channels[level], norm, activation))
        self.classifier = nn.Conv2d(width, num_classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        maps = []
        for encode in self.encoder:
            maps.append(encode(x))
            x = self.pool(maps[-1])
        x = self.bottom(x)
        for level in reversed(range(len(maps))):
            # The size asked for undoes a pooling that dropped an odd row or column.
            x = self.upsample[level](x, output_size=maps[level].shape[-2:])
            if self.skips == "concatenate":
                x = torch.cat((maps[level], x), 1)
            elif self.skips == "add":
                x = x + maps[level]
            x = self.decoder[level](x)
        return self.classifier(x)


@register("unet", input_shape=(1, 572, 572), num_classes=2, task="segmentation")
def unet(
    num_classes: int = 2,
    in_channels: int = 1,
    image_size: int = 572,
    *,
    depth: PositiveInt = 4,
    width: PositiveInt = 64,
    skips: Literal["concatenate", "add", "none"] = "concatenate",
    norm: Norm = "none",
    activation: Activation = "relu",
) -> nn.Module:
    """U-Net: two 3×3 convolutions at each of five resolutions, down and up, joined by skips; logits per pixel.

    The 23 convolutions of Ronneberger et al. 2015 (figure 1), padded, so that the output has the input's size where
    the paper's loses 92 pixels at each edge. The smallest image is 2^depth pixels wide.

    Args:
        depth: number of times that the resolution is halved.
        width: channels at the full resolution, doubled at each halving.
        skips: how the decoder takes up the encoder's maps: concatenate, add, or none.
        norm: normalisation between convolution and activation.
        activation: non-linearity.
    """
    require_at_least(2**depth, image_size=image_size)
    return UNet(num_classes, in_channels, depth, width, skips, norm, activation)
