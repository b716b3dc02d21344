"""Normalisation and activation layers by name: PyTorch's own, chosen by an option of the network."""

from collections.abc import Callable
from typing import Literal

from torch import nn

from litmus.errors import require_choice

Norm = Literal["none", "batch", "group", "layer", "instance"]
Activation = Literal["relu", "leaky_relu", "sigmoid", "tanh", "gelu", "silu"]

_ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
}

_NORMS: dict[str, Callable[[int], nn.Module]] = {
    "none": lambda channels: nn.Identity(),
    "batch": nn.BatchNorm2d,
    "group": lambda channels: nn.GroupNorm(_groups(channels), channels),
    # Over (channels, height, width), as Wu & He 2018 (1803.08494, section 3) define it for images.
    "layer": lambda channels: nn.GroupNorm(1, channels),
    "instance": lambda channels: nn.InstanceNorm2d(channels, affine=True),
}

_NORMS_1D: dict[str, Callable[[int], nn.Module]] = {
    "none": lambda features: nn.Identity(),
    "batch": nn.BatchNorm1d,
    "group": lambda features: nn.GroupNorm(_groups(features), features),
    "layer": nn.LayerNorm,
}


def norm_layer(norm: str, channels: int) -> nn.Module:
    """Return the normalisation of a feature map [N, channels, H, W]; `none` gives the identity."""
    require_choice("norm", norm, _NORMS)
    return _NORMS[norm](channels)


def norm_layer_1d(norm: str, features: int) -> nn.Module:
    """Return the normalisation of a feature vector [N, features]; `none` gives the identity.

    Raises `UserError` for `instance`, which has nothing to average over in a vector.
    """
    require_choice("norm of a fully connected layer", norm, _NORMS_1D)
    return _NORMS_1D[norm](features)


def activation_layer(activation: str) -> nn.Module:
    """Return the activation called `activation`."""
    require_choice("activation", activation, _ACTIVATIONS)
    return _ACTIVATIONS[activation]()


def _groups(channels: int) -> int:
    # 32 groups as in Wu & He 2018, or the largest divisor of narrower layers that leaves two channels a group.
    return next(groups for groups in range(min(32, max(channels // 2, 1)), 0, -1) if channels % groups == 0)
