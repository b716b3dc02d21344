"""Residual blocks with every ingredient as an option: shortcuts, pre-activation, zero-γ, Fixup, stochastic depth."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.ops import StochasticDepth

from litmus.core.config_keys import Fraction
from litmus.core.errors import UserError
from litmus.lit_archs.layers.norm_activation import (
    NormActivationOptions,
    activation_layer,
    norm_activation,
    norm_activation_of_sum,
    norm_layer,
)
from litmus.lit_archs.layers.shift import before_norm
from litmus.lit_archs.layers.squeeze_excite import SqueezeExcite, SqueezeExciteOptions

Shortcut = Literal["A", "B", "C"]
Padding = Literal["zeros", "circular"]


@dataclass(frozen=True)
class BlockOptions(NormActivationOptions, SqueezeExciteOptions):
    """Options of the blocks of a residual network, which every residual family has.

    Args:
        residual: whether the blocks add their input; false gives the plain twin.
        shortcut: A pads with zeros, B projects where the shape changes, C projects everywhere.
        pre_activation: norm and activation before each convolution, none after the addition (1603.05027).
        zero_gamma: whether the last norm of each branch starts at zero (1706.02677).
        stochastic_depth: probability of dropping the last branch, falling linearly to the first (1603.09382).
        fixup: Fixup's initialisation, biases and scales, for norm=none (1901.09321).
        dropout: probability of zeroing an activation between a block's convolutions.
        padding: what lies beyond the edge of a map: zeros, or circular, its other side, so that no position sees less
            than another.
    """

    residual: bool = True
    shortcut: Shortcut = "B"
    pre_activation: bool = False
    zero_gamma: bool = False
    stochastic_depth: Fraction = 0.0
    fixup: bool = False
    dropout: Fraction = 0.0
    padding: Padding = "zeros"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.stochastic_depth and not self.residual:
            raise UserError("stochastic_depth needs residual=true")
        if self.fixup and (self.norm != "none" or self.pre_activation or not self.residual):
            raise UserError("fixup is for residual networks with norm=none and pre_activation=false")
        if self.zero_gamma and (self.norm == "none" or self.pre_activation):
            raise UserError(
                "zero_gamma needs a norm at the end of each branch: norm other than none, no pre_activation"
            )

    def convolution(self, convolution: nn.Conv2d, norm_follows: bool) -> nn.Conv2d:
        """Return a convolution without bias as these options want it: padded, and with a bias where a norm is missing.

        Fixup brings its biases.
        """
        convolution.padding_mode = self.padding
        return before_norm(convolution, self.norm) if norm_follows and not self.fixup else convolution


class Bias(nn.Module):
    """One trainable number, added to everything; starts at zero (Zhang et al. 2019, Fixup, 1901.09321, section 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(1))

    def initialise_parameters(self) -> None:
        nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.bias


class Scale(nn.Module):
    """One trainable number that multiplies everything; starts at one (Fixup, 1901.09321, section 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def initialise_parameters(self) -> None:
        nn.init.ones_(self.scale)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale


class PadShortcut(nn.Module):
    """Option A: every `stride`-th pixel, and zeros for the added channels; no parameters."""

    def __init__(self, added_channels: int, stride: int) -> None:
        super().__init__()
        self.added_channels = added_channels
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        before = self.added_channels // 2
        x = x[:, :, :: self.stride, :: self.stride]
        return functional.pad(x, (0, 0, 0, 0, before, self.added_channels - before))


class ProjectionShortcut(nn.Module):
    """Options B and C: a 1×1 convolution with stride, and norm.

    Pre-activated blocks add raw sums: no norm on the way.
    """

    def __init__(self, in_channels: int, channels: int, stride: int, options: BlockOptions) -> None:
        super().__init__()
        normalised = not options.pre_activation
        self.conv = options.convolution(nn.Conv2d(in_channels, channels, 1, stride=stride, bias=False), normalised)
        self.norm = norm_layer(options.norm if normalised else "none", channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x))


class ResidualBlock(nn.Module):
    """A branch of convolutions, plus the shortcut (if residual), activation. Maps [N, C, H, W].

    `convolutions` are those of the branch in order; the norm and activation between two are named after the first.
    With pre-activation (He et al. 2016, 1603.05027) norm and activation come before each convolution, none after the
    addition, and a projection reads the activated input. `drop_probability` is this block's share of stochastic depth.
    """

    def __init__(
        self, convolutions: Sequence[nn.Conv2d], stride: int, options: BlockOptions, drop_probability: float
    ) -> None:
        super().__init__()
        in_channels, channels = convolutions[0].in_channels, convolutions[-1].out_channels
        self.zero_gamma = options.zero_gamma
        self.input_norm: nn.Module = nn.Identity()
        if options.pre_activation:
            self.input_norm = norm_activation_of_sum(options.norm, in_channels, options.activation)
        elif options.fixup:
            self.input_norm = Bias()
        self.branch = nn.Sequential(_branch(convolutions, options, drop_probability))
        self.shortcut = _shortcut(in_channels, channels, stride, options) if options.residual else None
        self.activation = nn.Identity() if options.pre_activation else activation_layer(options.activation)

    def forward(self, x: Tensor) -> Tensor:
        prepared = self.input_norm(x)
        out = self.branch(prepared)
        if self.shortcut is not None:
            out = out + self.shortcut(prepared if isinstance(self.shortcut, ProjectionShortcut) else x)
        return self.activation(out)

    @torch.no_grad()
    def adjust_parameters(self) -> None:
        """Zero the scale of the branch's last norm, where asked (Goyal et al. 2017, 1706.02677, section 5.1)."""
        if not self.zero_gamma:
            return
        last = self.branch.get_submodule("norm_last")
        if not isinstance(getattr(last, "weight", None), Tensor):
            raise UserError("zero_gamma needs norms with a scale: norm.affine=true, norm.scale=true")
        last.weight.zero_()  # type: ignore[operator]


def _branch(
    convolutions: Sequence[nn.Conv2d], options: BlockOptions, drop_probability: float
) -> "OrderedDict[str, nn.Module]":
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for index, convolution in enumerate(convolutions[:-1], start=1):
        layers[f"conv{index}"] = options.convolution(convolution, norm_follows=True)
        if options.fixup:
            layers[f"bias{index}"] = Bias()
        layers[f"norm{index}"] = norm_activation(options.norm, convolution.out_channels, options.activation)
        if options.fixup:
            layers[f"activated_bias{index}"] = Bias()
        layers[f"dropout{index}"] = nn.Dropout(options.dropout)
    last = convolutions[-1]
    layers[f"conv{len(convolutions)}"] = options.convolution(last, norm_follows=not options.pre_activation)
    if options.fixup:
        layers["scale"] = Scale()
        layers["bias_last"] = Bias()
    layers["norm_last"] = nn.Identity() if options.pre_activation else norm_layer(options.norm, last.out_channels)
    if options.squeeze_excite:
        layers["squeeze_excite"] = SqueezeExcite(last.out_channels, options.reduction, options.squeeze)
    layers["stochastic_depth"] = StochasticDepth(drop_probability, "row") if drop_probability else nn.Identity()
    return layers


def _shortcut(in_channels: int, channels: int, stride: int, options: BlockOptions) -> nn.Module:
    same_shape = stride == 1 and in_channels == channels
    if options.shortcut == "C" or (options.shortcut == "B" and not same_shape):
        return ProjectionShortcut(in_channels, channels, stride, options)
    if channels < in_channels:
        raise UserError(f"shortcut A cannot lead from {in_channels} channels to {channels}: use B")
    return nn.Identity() if same_shape else PadShortcut(channels - in_channels, stride)


def basic_convolutions(in_channels: int, channels: int, stride: int) -> list[nn.Conv2d]:
    """Return the two 3×3 convolutions of a basic block (He et al. 2015, 1512.03385, figure 5 left)."""
    return [
        nn.Conv2d(in_channels, channels, 3, stride=stride, padding=1, bias=False),
        nn.Conv2d(channels, channels, 3, padding=1, bias=False),
    ]


def bottleneck_convolutions(
    in_channels: int, inner_channels: int, channels: int, stride: int, cardinality: int = 1
) -> list[nn.Conv2d]:
    """Return the 1×1, 3×3 and 1×1 convolutions of a bottleneck block (1512.03385, figure 5 right).

    The stride is at the 3×3 convolution, as torchvision has it; `cardinality` is its number of groups (Xie et al.
    2016, ResNeXt, 1611.05431, figure 3c).
    """
    return [
        nn.Conv2d(in_channels, inner_channels, 1, bias=False),
        nn.Conv2d(inner_channels, inner_channels, 3, stride=stride, padding=1, groups=cardinality, bias=False),
        nn.Conv2d(inner_channels, channels, 1, bias=False),
    ]


@torch.no_grad()
def adjust_for_fixup(blocks: Sequence[ResidualBlock], classifier: nn.Linear) -> None:
    """Start a norm-free residual network as Fixup does (Zhang et al. 2019, 1901.09321, section 3).

    Zero the classifier and the last convolution of every branch; scale the branch's m − 1 others by L^(−1/(2m−2)),
    where L is the number of branches.
    """
    classifier.weight.zero_()
    for block in blocks:
        *others, last = (layer for layer in block.branch if isinstance(layer, nn.Conv2d))
        last.weight.zero_()
        for convolution in others:
            convolution.weight.mul_(len(blocks) ** (-1.0 / (2.0 * len(others))))
