"""The inception module: convolutions of 1×1, 3×3, 5×5 and pooling side by side (Szegedy et al. 2014, 1409.4842)."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from litmus.core.errors import UserError
from litmus.lit_archs.layers.norm_activation import NormActivationOptions, norm_activation
from litmus.lit_archs.layers.shift import before_norm
from litmus.lit_archs.layers.squeeze_excite import SqueezeExcite, SqueezeExciteOptions

NORM_EPS = 1e-3
"""Added to the variance, as torchvision's GoogLeNet has it."""


class PathChannels(NamedTuple):
    """Output channels of a module's convolutions: one column of table 1."""

    one: int
    reduce_three: int
    three: int
    reduce_five: int
    five: int
    pool: int


@dataclass(frozen=True)
class InceptionOptions(NormActivationOptions, SqueezeExciteOptions):
    """Options of the inception modules of a network.

    Args:
        reductions: whether 1×1 convolutions come before the 3×3 and 5×5 ones and after the pooling; false is the
            naive module (figure 2a).
        path_one: whether the modules have the 1×1 path.
        path_three: whether the modules have the 3×3 path.
        path_five: whether the modules have the 5×5 path.
        path_pool: whether the modules have the pooling path.
        large_kernel: side of the 5×5 path's convolution: the paper has 5, torchvision's network and its published
            weights have 3.
    """

    reductions: bool = True
    path_one: bool = True
    path_three: bool = True
    path_five: bool = True
    path_pool: bool = True
    large_kernel: Literal[3, 5] = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.paths:
            raise UserError("an inception module needs at least one path")

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths that the modules have, of one, three, five and pool."""
        present = {"one": self.path_one, "three": self.path_three, "five": self.path_five, "pool": self.path_pool}
        return tuple(name for name, exists in present.items() if exists)


def convolution(
    in_channels: int, channels: int, kernel_size: int, norm: str, activation: str, stride: int = 1
) -> nn.Sequential:
    """Return a convolution that keeps the size (at stride 1), norm and activation."""
    conv = nn.Conv2d(in_channels, channels, kernel_size, stride, padding=kernel_size // 2, bias=False)
    return nn.Sequential(
        OrderedDict(conv=before_norm(conv, norm), norm=norm_activation(norm, channels, activation, NORM_EPS))
    )


class InceptionModule(nn.Module):
    """Paths of 1×1, 3×3, 5×5 and max-pool, concatenated; with 1×1 reductions before the large ones, or naive.

    Maps [N, C, H, W] to [N, sum of the paths' channels, H, W] (figure 2). Without reductions the pooling path hands
    on all the channels that it sees, unless `project` asks for its 1×1 convolution.
    """

    def __init__(
        self, in_channels: int, channels: PathChannels, options: InceptionOptions, *, project: bool = False
    ) -> None:
        super().__init__()
        project = project or options.reductions

        def conv(inputs: int, outputs: int, size: int) -> nn.Module:
            return convolution(inputs, outputs, size, options.norm, options.activation)

        def reduced(reduce: int, outputs: int, size: int) -> nn.Module:
            before = conv(in_channels, reduce, 1) if options.reductions else nn.Identity()
            inputs = reduce if options.reductions else in_channels
            return nn.Sequential(OrderedDict(reduce=before, main=conv(inputs, outputs, size)))

        pool = nn.MaxPool2d(3, stride=1, padding=1, ceil_mode=True)
        projection = conv(in_channels, channels.pool, 1) if project else nn.Identity()
        paths = {
            "one": lambda: conv(in_channels, channels.one, 1),
            "three": lambda: reduced(channels.reduce_three, channels.three, 3),
            "five": lambda: reduced(channels.reduce_five, channels.five, options.large_kernel),
            "pool": lambda: nn.Sequential(OrderedDict(pool=pool, project=projection)),
        }
        self.paths = nn.ModuleDict({name: make() for name, make in paths.items() if name in options.paths})
        pooled = channels.pool if project else in_channels
        widths = {"one": channels.one, "three": channels.three, "five": channels.five, "pool": pooled}
        self.out_channels = sum(widths[name] for name in self.paths)
        self.squeeze_excite: nn.Module = nn.Identity()
        if options.squeeze_excite:
            self.squeeze_excite = SqueezeExcite(self.out_channels, options.reduction, options.squeeze)

    def forward(self, x: Tensor) -> Tensor:
        return self.squeeze_excite(torch.cat([path(x) for path in self.paths.values()], 1))
