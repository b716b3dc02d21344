"""GoogLeNet (Szegedy et al. 2014, 1409.4842), for ImageNet and for 32×32 images."""

from collections import OrderedDict
from typing import Annotated, Literal

from annotated_types import Ge
from pydantic import PositiveFloat
from torch import Tensor, nn

from litmus.core.config_keys import Fraction
from litmus.lit_archs.building.registry import register
from litmus.lit_archs.layers.inception import InceptionModule, InceptionOptions, PathChannels, convolution
from litmus.lit_archs.layers.norm_activation import activation_layer
from litmus.lit_archs.learning.loss import AuxiliaryOutputs

AUXILIARY_WEIGHT = 0.3
"""Of each auxiliary head's loss (section 5)."""

MODULES: dict[str, PathChannels] = {
    "3a": PathChannels(64, 96, 128, 16, 32, 32),
    "3b": PathChannels(128, 128, 192, 32, 96, 64),
    "4a": PathChannels(192, 96, 208, 16, 48, 64),
    "4b": PathChannels(160, 112, 224, 24, 64, 64),
    "4c": PathChannels(128, 128, 256, 24, 64, 64),
    "4d": PathChannels(112, 144, 288, 32, 64, 64),
    "4e": PathChannels(256, 160, 320, 32, 128, 128),
    "5a": PathChannels(256, 160, 320, 32, 128, 128),
    "5b": PathChannels(384, 192, 384, 48, 128, 128),
}
"""The nine modules by name (table 1)."""


class AuxiliaryHead(nn.Module):
    """A classifier on an inner map: 4×4 average pool, 1×1 to 128 channels, 1024 units, dropout 0.7 (section 5)."""

    def __init__(self, in_channels: int, width: float, num_classes: int, norm: str, activation: str) -> None:
        super().__init__()
        channels, units = _scaled(128, width), _scaled(1024, width)
        self.pool = nn.AdaptiveAvgPool2d(4)
        self.conv = convolution(in_channels, channels, 1, norm, activation)
        self.fc1 = nn.Linear(channels * 16, units)
        self.activation = activation_layer(activation)
        self.dropout = nn.Dropout(0.7)
        self.classifier = nn.Linear(units, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(self.pool(x)).flatten(1)
        return self.classifier(self.dropout(self.activation(self.fc1(x))))


class GoogLeNet(nn.Module):
    """Stem, nine inception modules in three stages, global average pool, dropout, linear.

    Maps images [N, in_channels, H, W] to logits [N, num_classes]; in training with auxiliary heads, after modules 4a
    and 4d, to `AuxiliaryOutputs`.
    """

    def __init__(
        self,
        num_classes: int,
        stem: nn.Sequential,
        stem_channels: int,
        pools: tuple[nn.Module, nn.Module],
        width: float,
        auxiliary: bool,
        dropout: float,
        modules: InceptionOptions,
    ) -> None:
        super().__init__()
        self.stem = stem
        channels = stem_channels
        self.inceptions = nn.ModuleDict()
        after: dict[str, int] = {}
        for name, table in MODULES.items():
            module = InceptionModule(channels, PathChannels(*(_scaled(count, width) for count in table)), modules)
            self.inceptions[name] = module
            after[name] = channels = module.out_channels
        self.pool3, self.pool4 = pools
        self.auxiliary = nn.ModuleDict()
        if auxiliary:
            for name in ("4a", "4d"):
                head = AuxiliaryHead(after[name], width, num_classes, modules.norm, modules.activation)
                self.auxiliary[name] = head
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(channels, num_classes)

    def forward(self, x: Tensor) -> Tensor | AuxiliaryOutputs:
        x = self.stem(x)
        outputs = []
        for name, module in self.inceptions.items():
            if name == "4a":
                x = self.pool3(x)
            elif name == "5a":
                x = self.pool4(x)
            x = module(x)
            if self.training and name in self.auxiliary:
                outputs.append(self.auxiliary[name](x))
        logits = self.classifier(self.dropout(self.pool(x).flatten(1)))
        return AuxiliaryOutputs(logits, tuple(outputs), AUXILIARY_WEIGHT) if outputs else logits


def _scaled(channels: int, width: float) -> int:
    return max(1, round(channels * width))


def _pools(pool4: int) -> tuple[nn.Module, nn.Module]:
    return nn.MaxPool2d(3, stride=2, ceil_mode=True), nn.MaxPool2d(pool4, stride=2, ceil_mode=True)


@register("googlenet", input_shape=(3, 224, 224), num_classes=1000)
def googlenet(
    num_classes: int = 1000,
    in_channels: int = 3,
    image_size: Annotated[int, Ge(15)] = 224,
    *,
    width: PositiveFloat = 1.0,
    auxiliary: bool = False,
    dropout: Fraction = 0.2,
    pool4: Literal[2, 3] = 2,
    modules: InceptionOptions = InceptionOptions(large_kernel=3),
) -> nn.Module:
    """GoogLeNet: nine inception modules, each of 1×1, 3×3, 5×5 and pooling paths side by side.

    6,624,904 parameters with batch norm and without auxiliary heads. The smallest image is 15×15. Local response
    norm is left out, as batch norm replaces it (Ioffe & Szegedy 2015, section 4.2.1).

    Args:
        width: factor on every layer's channels.
        auxiliary: whether two auxiliary classifiers are trained along, their losses weighted by 0.3.
        dropout: probability of zeroing an input of the classifier.
        pool4: side of the windows of the pooling before the last two modules: the paper has 3 (table 1), torchvision's
            network and its published weights have 2.
    """
    first, second = _scaled(64, width), _scaled(192, width)
    stem = nn.Sequential(
        OrderedDict(
            conv1=convolution(in_channels, first, 7, modules.norm, modules.activation, stride=2),
            pool1=nn.MaxPool2d(3, stride=2, ceil_mode=True),
            conv2=convolution(first, first, 1, modules.norm, modules.activation),
            conv3=convolution(first, second, 3, modules.norm, modules.activation),
            pool2=nn.MaxPool2d(3, stride=2, ceil_mode=True),
        )
    )
    return GoogLeNet(num_classes, stem, second, _pools(pool4), width, auxiliary, dropout, modules)


@register("googlenet_cifar", input_shape=(3, 32, 32))
def googlenet_cifar(
    num_classes: int = 10,
    in_channels: int = 3,
    image_size: Annotated[int, Ge(4)] = 32,
    *,
    width: PositiveFloat = 1.0,
    auxiliary: bool = False,
    dropout: Fraction = 0.2,
    pool4: Literal[2, 3] = 2,
    modules: InceptionOptions = InceptionOptions(),
) -> nn.Module:
    """GoogLeNet for 32×32 images: one 3×3 convolution at stride 1 as the stem, then the same nine modules.

    The smallest image is 4×4.

    Args:
        width: factor on every layer's channels.
        auxiliary: whether two auxiliary classifiers are trained along, their losses weighted by 0.3.
        dropout: probability of zeroing an input of the classifier.
        pool4: side of the windows of the pooling before the last two modules: the paper has 3 (table 1), torchvision's
            network and its published weights have 2.
    """
    channels = _scaled(192, width)
    stem = nn.Sequential(OrderedDict(conv1=convolution(in_channels, channels, 3, modules.norm, modules.activation)))
    return GoogLeNet(num_classes, stem, channels, _pools(pool4), width, auxiliary, dropout, modules)
