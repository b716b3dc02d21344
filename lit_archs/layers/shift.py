"""The shift of each channel, which remains if a norm is removed or has no trainable shift."""

import torch
from torch import Tensor, nn

NORM_FOLLOWS = "norm_follows"
"""An attribute of convolutions that leave the shift of their channels to the norm behind them."""


class Shift(nn.Module):
    """One trainable number for each channel of [N, C, ...], added to it; starts at zero, as the shift of a norm does.

    It is used where a norm would read a sum or a concatenation, whose channels no convolution's bias shifts.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))

    def initialise_parameters(self) -> None:
        nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.bias.view(1, -1, *(1 for _ in x.shape[2:]))


def before_norm(convolution: nn.Conv2d, norm: str) -> nn.Conv2d:
    """Return a convolution without bias, which `norm` follows, with a bias where that is `none`: it starts at zero."""
    if norm == "none":
        _give_bias(convolution)
    else:
        setattr(convolution, NORM_FOLLOWS, True)
    return convolution


def shift_by_itself(module: nn.Module) -> None:
    """Give `module` a bias if it is a convolution without one because of the norm behind it, which loses its shift."""
    if isinstance(module, nn.Conv2d) and getattr(module, NORM_FOLLOWS, False):
        _give_bias(module)


def _give_bias(convolution: nn.Conv2d) -> None:
    convolution.bias = nn.Parameter(torch.zeros(convolution.out_channels, device=convolution.weight.device))
