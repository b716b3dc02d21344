"""GoogLeNet and its inception module (Szegedy et al. 2014, 1409.4842), for ImageNet and for 32×32 images."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from lit_archs.building.registry import register
from lit_archs.layers.norm_activation import Activation, Norm, activation_layer, norm_activation
from lit_archs.layers.squeeze_excite import Squeeze, SqueezeExcite
from lit_archs.learning.loss import AuxiliaryOutputs
from litmus.errors import UserError, require_at_least, require_choice, require_fraction, require_positive

NORM_EPS = 1e-3
"""Added to the variance, as torchvision's GoogLeNet has it."""
AUXILIARY_WEIGHT = 0.3
"""Of each auxiliary head's loss (section 5)."""


class PathChannels(NamedTuple):
    """Output channels of a module's convolutions: one column of table 1."""

    one: int
    reduce_three: int
    three: int
    reduce_five: int
    five: int
    pool: int


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


@dataclass(frozen=True)
class InceptionConfig:
    """What every inception module of a network consists of; `paths` are those of one, three, five, pool that exist."""

    paths: tuple[str, ...]
    reductions: bool
    large_kernel: int
    norm: str
    activation: str
    squeeze_excite: bool
    reduction: int
    squeeze: str

    def __post_init__(self) -> None:
        if not self.paths:
            raise UserError("an inception module needs at least one path")
        if self.large_kernel not in (3, 5):
            raise UserError(f"large_kernel must be 3 or 5, got {self.large_kernel}")
        require_positive(reduction=self.reduction)


def convolution(
    in_channels: int, channels: int, kernel_size: int, norm: str, activation: str, stride: int = 1
) -> nn.Sequential:
    """Return a convolution that keeps the size (at stride 1), norm and activation."""
    conv = nn.Conv2d(in_channels, channels, kernel_size, stride, padding=kernel_size // 2, bias=False)
    return nn.Sequential(OrderedDict(conv=conv, norm=norm_activation(norm, channels, activation, NORM_EPS)))


class InceptionModule(nn.Module):
    """Paths of 1×1, 3×3, 5×5 and max-pool, concatenated; with 1×1 reductions before the large ones, or naive.

    Maps [N, C, H, W] to [N, sum of the paths' channels, H, W] (figure 2). Without reductions the pooling path hands
    on all the channels that it sees.
    """

    def __init__(self, in_channels: int, channels: PathChannels, config: InceptionConfig) -> None:
        super().__init__()

        def conv(inputs: int, outputs: int, size: int) -> nn.Module:
            return convolution(inputs, outputs, size, config.norm, config.activation)

        def reduced(reduce: int, outputs: int, size: int) -> nn.Module:
            before = conv(in_channels, reduce, 1) if config.reductions else nn.Identity()
            inputs = reduce if config.reductions else in_channels
            return nn.Sequential(OrderedDict(reduce=before, main=conv(inputs, outputs, size)))

        pool = nn.MaxPool2d(3, stride=1, padding=1, ceil_mode=True)
        project = conv(in_channels, channels.pool, 1) if config.reductions else nn.Identity()
        paths = {
            "one": lambda: conv(in_channels, channels.one, 1),
            "three": lambda: reduced(channels.reduce_three, channels.three, 3),
            "five": lambda: reduced(channels.reduce_five, channels.five, config.large_kernel),
            "pool": lambda: nn.Sequential(OrderedDict(pool=pool, project=project)),
        }
        self.paths = nn.ModuleDict({name: make() for name, make in paths.items() if name in config.paths})
        pooled = channels.pool if config.reductions else in_channels
        widths = {"one": channels.one, "three": channels.three, "five": channels.five, "pool": pooled}
        self.out_channels = sum(widths[name] for name in self.paths)
        self.squeeze_excite: nn.Module = nn.Identity()
        if config.squeeze_excite:
            self.squeeze_excite = SqueezeExcite(self.out_channels, config.reduction, config.squeeze)

    def forward(self, x: Tensor) -> Tensor:
        return self.squeeze_excite(torch.cat([path(x) for path in self.paths.values()], 1))


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
        config: InceptionConfig,
    ) -> None:
        super().__init__()
        self.stem = stem
        channels = stem_channels
        self.inceptions = nn.ModuleDict()
        after: dict[str, int] = {}
        for name, table in MODULES.items():
            module = InceptionModule(channels, PathChannels(*(_scaled(count, width) for count in table)), config)
            self.inceptions[name] = module
            after[name] = channels = module.out_channels
        self.pool3, self.pool4 = pools
        self.auxiliary = nn.ModuleDict()
        if auxiliary:
            for name in ("4a", "4d"):
                head = AuxiliaryHead(after[name], width, num_classes, config.norm, config.activation)
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


def _paths(one: bool, three: bool, five: bool, pool: bool) -> tuple[str, ...]:
    present = {"one": one, "three": three, "five": five, "pool": pool}
    return tuple(name for name, exists in present.items() if exists)


@register("googlenet", input_shape=(3, 224, 224), num_classes=1000)
def googlenet(
    num_classes: int = 1000,
    in_channels: int = 3,
    image_size: int = 224,
    *,
    width: float = 1.0,
    reductions: bool = True,
    path_one: bool = True,
    path_three: bool = True,
    path_five: bool = True,
    path_pool: bool = True,
    large_kernel: Literal[3, 5] = 3,
    auxiliary: bool = False,
    dropout: float = 0.2,
    norm: Norm = "batch",
    activation: Activation = "relu",
    squeeze_excite: bool = False,
    reduction: int = 16,
    squeeze: Squeeze = "average",
) -> nn.Module:
    """GoogLeNet: nine inception modules, each of 1×1, 3×3, 5×5 and pooling paths side by side.

    6,624,904 parameters with batch norm and without auxiliary heads. The smallest image is 15×15. Local response
    norm is left out, as batch norm replaces it (Ioffe & Szegedy 2015, section 4.2.1).

    Args:
        width: factor on every layer's channels.
        reductions: whether 1×1 convolutions come before the 3×3 and 5×5 ones and after the pooling; false is the
            naive module (figure 2a).
        path_one: whether the modules have the 1×1 path.
        path_three: whether the modules have the 3×3 path.
        path_five: whether the modules have the 5×5 path.
        path_pool: whether the modules have the pooling path.
        large_kernel: side of the 5×5 path's convolution: torchvision's network and its published weights have 3, the
            paper has 5.
        auxiliary: whether two auxiliary classifiers are trained along, their losses weighted by 0.3.
        dropout: probability of zeroing an input of the classifier.
        norm: normalisation between convolution and activation.
        activation: non-linearity.
        squeeze_excite: whether each module ends in squeeze-and-excitation (Hu et al. 2017, figure 2).
        reduction: channels of a module by those of its squeeze-and-excitation.
        squeeze: pooling of squeeze-and-excitation.
    """
    require_positive(width=width)
    require_fraction(dropout=dropout)
    require_at_least(15, image_size=image_size)
    require_choice("squeeze", squeeze, ("average", "max"))
    paths = _paths(path_one, path_three, path_five, path_pool)
    config = InceptionConfig(paths, reductions, large_kernel, norm, activation, squeeze_excite, reduction, squeeze)
    first, second = _scaled(64, width), _scaled(192, width)
    stem = nn.Sequential(
        OrderedDict(
            conv1=convolution(in_channels, first, 7, norm, activation, stride=2),
            pool1=nn.MaxPool2d(3, stride=2, ceil_mode=True),
            conv2=convolution(first, first, 1, norm, activation),
            conv3=convolution(first, second, 3, norm, activation),
            pool2=nn.MaxPool2d(3, stride=2, ceil_mode=True),
        )
    )
    pools = (nn.MaxPool2d(3, stride=2, ceil_mode=True), nn.MaxPool2d(2, stride=2, ceil_mode=True))
    return GoogLeNet(num_classes, stem, second, pools, width, auxiliary, dropout, config)


@register("googlenet_cifar", input_shape=(3, 32, 32))
def googlenet_cifar(
    num_classes: int = 10,
    in_channels: int = 3,
    image_size: int = 32,
    *,
    width: float = 1.0,
    reductions: bool = True,
    path_one: bool = True,
    path_three: bool = True,
    path_five: bool = True,
    path_pool: bool = True,
    large_kernel: Literal[3, 5] = 5,
    auxiliary: bool = False,
    dropout: float = 0.2,
    norm: Norm = "batch",
    activation: Activation = "relu",
    squeeze_excite: bool = False,
    reduction: int = 16,
    squeeze: Squeeze = "average",
) -> nn.Module:
    """GoogLeNet for 32×32 images: one 3×3 convolution at stride 1 as the stem, then the same nine modules.

    The smallest image is 4×4.

    Args:
        width: factor on every layer's channels.
        reductions: whether 1×1 convolutions come before the 3×3 and 5×5 ones and after the pooling; false is the
            naive module (figure 2a).
        path_one: whether the modules have the 1×1 path.
        path_three: whether the modules have the 3×3 path.
        path_five: whether the modules have the 5×5 path.
        path_pool: whether the modules have the pooling path.
        large_kernel: side of the 5×5 path's convolution, 3 or 5.
        auxiliary: whether two auxiliary classifiers are trained along, their losses weighted by 0.3.
        dropout: probability of zeroing an input of the classifier.
        norm: normalisation between convolution and activation.
        activation: non-linearity.
        squeeze_excite: whether each module ends in squeeze-and-excitation (Hu et al. 2017, figure 2).
        reduction: channels of a module by those of its squeeze-and-excitation.
        squeeze: pooling of squeeze-and-excitation.
    """
    require_positive(width=width)
    require_fraction(dropout=dropout)
    require_at_least(4, image_size=image_size)
    require_choice("squeeze", squeeze, ("average", "max"))
    paths = _paths(path_one, path_three, path_five, path_pool)
    config = InceptionConfig(paths, reductions, large_kernel, norm, activation, squeeze_excite, reduction, squeeze)
    channels = _scaled(192, width)
    stem = nn.Sequential(OrderedDict(conv1=convolution(in_channels, channels, 3, norm, activation)))
    pools = (nn.MaxPool2d(3, stride=2, ceil_mode=True), nn.MaxPool2d(2, stride=2, ceil_mode=True))
    return GoogLeNet(num_classes, stem, channels, pools, width, auxiliary, dropout, config)
