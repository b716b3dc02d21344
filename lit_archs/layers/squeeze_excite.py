"""Squeeze-and-excitation: channels reweighted by what the whole image holds (Hu et al. 2017, 1709.01507)."""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from litmus.core.errors import require_choice, require_positive

Squeeze = Literal["average", "max"]

_POOLING: dict[str, type[nn.Module]] = {"average": nn.AdaptiveAvgPool2d, "max": nn.AdaptiveMaxPool2d}


@dataclass(frozen=True)
class SqueezeExciteOptions:
    """Whether the blocks of a network end in squeeze-and-excitation, and in which (Hu et al. 2017, 1709.01507).

    Args:
        squeeze_excite: whether each block ends in squeeze-and-excitation.
        reduction: ratio of a block's channels to those of its squeeze-and-excitation's hidden layer.
        squeeze: pooling of squeeze-and-excitation, average or max.
    """

    squeeze_excite: bool = False
    reduction: int = 16
    squeeze: Squeeze = "average"

    def __post_init__(self) -> None:
        require_positive(reduction=self.reduction)
        require_choice("squeeze", self.squeeze, _POOLING)


class SqueezeExcite(nn.Module):
    """Global pooling, 1×1 to C/r channels, ReLU, 1×1 to C channels, sigmoid; the input is multiplied by the result.

    Maps [N, C, H, W] to the same shape (section 3; r is `reduction`, 16 in the paper). `squeeze` is the pooling:
    average, or max (section 6.2).
    """

    def __init__(self, channels: int, reduction: int = 16, squeeze: str = "average") -> None:
        super().__init__()
        require_choice("squeeze", squeeze, _POOLING)
        reduced = max(1, channels // reduction)
        self.pool = _POOLING[squeeze](1)
        self.reduce = nn.Conv2d(channels, reduced, 1)
        self.activation = nn.ReLU()
        self.expand = nn.Conv2d(reduced, channels, 1)
        self.gate = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(self.expand(self.activation(self.reduce(self.pool(x)))))
