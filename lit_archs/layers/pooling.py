"""Pooling over 2×2 windows by name: max, average, sum, L2, trained ones, and leaving positions out."""

from collections import OrderedDict
from typing import Literal

import torch
from torch import Tensor, nn

from litmus.lit_archs.layers.norm_activation import activation_layer, norm_activation

Pooling = Literal["none", "max", "average", "sum", "l2", "trainable", "convolution", "subsample", "blurred_max"]


class TrainableSubsampling(nn.Module):
    """The sum over 2×2 windows, times a coefficient and plus a bias of each map; starts as the mean.

    LeCun et al. 1998, Gradient-based learning, section II.B.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(2, divisor_override=1)
        self.coefficient = nn.Parameter(torch.empty(channels, 1, 1))
        self.bias = nn.Parameter(torch.empty(channels, 1, 1))
        self.initialise_parameters()

    def initialise_parameters(self) -> None:
        nn.init.constant_(self.coefficient, 0.25)
        nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.pool(x) * self.coefficient + self.bias


def pooling_layer(pooling: str, channels: int, activation: str, norm: str = "none") -> nn.Module:
    """Return what halves the sides of a map [N, channels, H, W], rounding down; `none` leaves them.

    Over 2×2 windows `max`, `average` and `sum`; `l2` is the root of the sum of squares (Sermanet et al. 2012,
    1204.3968); `trainable` is LeCun et al.'s, with the activation behind it as all units have it there;
    `convolution` one of 2×2 filters at stride 2 between all maps, with `norm` and activation (Springenberg et al.
    2014, 1412.6806, which has 3×3); `subsample` every other position, as a convolution at stride 2 leaves them,
    rounding up; `blurred_max` the maximum at stride 1, of whose weighted mean (1, 2, 1)² / 16 every other position is
    kept (Zhang 2019, 1904.11486).
    """
    match pooling:
        case "max":
            return nn.MaxPool2d(2)
        case "average":
            return nn.AvgPool2d(2)
        case "sum":
            return nn.AvgPool2d(2, divisor_override=1)
        case "l2":
            return nn.LPPool2d(2, 2)
        case "trainable":
            squashed = activation_layer(activation)
            return nn.Sequential(OrderedDict(sum=TrainableSubsampling(channels), activation=squashed))
        case "convolution":
            learned = nn.Conv2d(channels, channels, 2, stride=2)
            return nn.Sequential(OrderedDict(conv=learned, norm=norm_activation(norm, channels, activation)))
        case "subsample":
            return nn.MaxPool2d(1, stride=2)
        case "blurred_max":
            # Two means of neighbours are the weights 1, 2, 1; beyond the edge, the edge is repeated.
            neighbours = nn.AvgPool2d(2, stride=1, padding=1, count_include_pad=False)
            return nn.Sequential(OrderedDict(max=nn.MaxPool2d(2, stride=1), blur=neighbours, halve=nn.AvgPool2d(2)))
        case _:
            return nn.Identity()


def pooled_side(pooling: str, side: int) -> int:
    """Return the side of what `pooling_layer` makes of a map of `side` positions."""
    return side if pooling == "none" else (side + (pooling == "subsample")) // 2


def least_side(pooling: str, pooled: int) -> int:
    """Return the smallest side of which `pooled` positions are left."""
    return pooled if pooling == "none" else 2 * pooled - (pooling == "subsample")
