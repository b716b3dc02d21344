"""Squeeze-and-excitation: channels reweighted by what the whole image holds (Hu et al. 2017, 1709.01507)."""

from typing import Literal

from torch import Tensor, nn

from litmus.errors import require_choice

Squeeze = Literal["average", "max"]

_POOLING: dict[str, type[nn.Module]] = {"average": nn.AdaptiveAvgPool2d, "max": nn.AdaptiveMaxPool2d}


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
