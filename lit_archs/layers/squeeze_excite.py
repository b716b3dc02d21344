"""Squeeze-and-excitation: channels reweighted by what the whole image holds (Hu et al. 2017, 1709.01507)."""

from dataclasses import dataclass
from typing import Literal

from pydantic import PositiveInt
from torch import Tensor, nn

from litmus.core.config_keys import Config

Squeeze = Literal["average", "max"]

_POOLING: dict[str, type[nn.Module]] = {"average": nn.AdaptiveAvgPool2d, "max": nn.AdaptiveMaxPool2d}


@dataclass(frozen=True)
class SqueezeExciteOptions(Config):
    """Whether the blocks of a network end in squeeze-and-excitation, and in which (Hu et al. 2017, 1709.01507).

    Args:
        squeeze_excite: whether each block ends in squeeze-and-excitation.
        reduction: ratio of a block's channels to those of its squeeze-and-excitation's hidden layer.
        squeeze: pooling of squeeze-and-excitation, average or max.
    """

    squeeze_excite: bool = False
    reduction: PositiveInt = 16
    squeeze: Squeeze = "average"


class SqueezeExcite(nn.Module):
    """Global pooling, 1×1 to C/r channels, ReLU, 1×1 to C channels, sigmoid; the input is multiplied by the result.

    Maps [N, C, H, W] to the same shape (section 3; r is `reduction`, 16 in the paper). `squeeze` is the pooling:
    average, or max (section 6.2).
    """

    def __init__(self, channels: int, reduction: int = 16, squeeze: Squeeze = "average") -> None:
        super().__init__()
        reduced = max(1, channels // reduction)
        self.pool = _POOLING[squeeze](1)
        self.reduce = nn.Conv2d(channels, reduced, 1)
        self.activation = nn.ReLU()
        self.expand = nn.Conv2d(reduced, channels, 1)
        self.gate = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(self.expand(self.activation(self.reduce(self.pool(x)))))
