"""Normalisation and activation layers by name, those of PyTorch if it has them; options of a network choose them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torchvision.models.convnext import LayerNorm2d

from litmus.core.config_keys import Config
from litmus.core.errors import require_choice
from litmus.lit_archs.layers.batch_norm import GhostBatchNorm, NoisyBatchNorm
from litmus.lit_archs.layers.shift import Shift
from litmus.lit_archs.layers.sync_batch_norm import SyncBatchNorm

Norm = Literal["none", "batch", "sync_batch", "ghost_batch", "noisy_batch", "group", "layer", "layer_2d", "instance"]
Activation = Literal["relu", "leaky_relu", "sigmoid", "tanh", "scaled_tanh", "gelu", "silu", "identity"]


@dataclass(frozen=True)
class NormActivationOptions(Config):
    """Options for the norms and activations of a network.

    Args:
        norm: normalisation next to each layer; layer is over channels, height and width, layer_2d over the channels at
            each position.
        activation: non-linearity; identity has none, so that successive layers are one linear map.
    """

    norm: Norm = "batch"
    activation: Activation = "relu"


class ScaledTanh(nn.Module):
    """1.7159 tanh(2x/3), which maps ±1 to ±1 (LeCun et al. 1998, Gradient-based learning, appendix A)."""

    def forward(self, x: Tensor) -> Tensor:
        return 1.7159 * torch.tanh(x * (2.0 / 3.0))


class LayerNormOfMap(nn.GroupNorm):
    """Layer norm of a feature map over (channels, height, width) (Wu & He 2018, 1803.08494, section 3)."""

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__(1, channels, eps)


class NormActivation(nn.Module):
    """A norm and the activation next to it, in the order that `placement` says: the norm `before` or `after`.

    One that reads a sum or a concatenation, of so many `shifted_channels`, has a `shift` behind its norm where that has
    none; elsewhere the bias of the layer before shifts.
    """

    def __init__(self, norm: nn.Module, activation: nn.Module, shifted_channels: int | None = None) -> None:
        super().__init__()
        self.norm = norm
        self.activation = activation
        self.shifted_channels = shifted_channels
        self.placement = "before"
        self.register_module("shift", None)
        if isinstance(norm, nn.Identity):
            self.shift_by_itself()

    def shift_by_itself(self) -> None:
        """Add the shift that the norm does not have, if nothing else shifts its channels."""
        if self.shifted_channels is not None:
            self.shift = Shift(self.shifted_channels)

    def normalise(self, x: Tensor) -> Tensor:
        """Return [N, C, ...] normalised and shifted."""
        x = self.norm(x)
        return x if self.shift is None else self.shift(x)

    def forward(self, x: Tensor) -> Tensor:
        if self.placement == "before":
            return self.activation(self.normalise(x))
        return self.normalise(self.activation(x))

    def extra_repr(self) -> str:
        return f"placement={self.placement}"


_ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "scaled_tanh": ScaledTanh,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "identity": nn.Identity,
}

ACTIVATION_LAYERS = (nn.ReLU, nn.LeakyReLU, nn.Sigmoid, nn.Tanh, ScaledTanh, nn.GELU, nn.SiLU)
"""The types that `activation_layer` returns."""

_NORMS: dict[str, Callable[[int, float], nn.Module]] = {
    "none": lambda channels, eps: nn.Identity(),
    "batch": nn.BatchNorm2d,
    "sync_batch": SyncBatchNorm,
    "ghost_batch": GhostBatchNorm,
    "noisy_batch": NoisyBatchNorm,
    "group": lambda channels, eps: nn.GroupNorm(group_count(channels), channels, eps),
    "layer": LayerNormOfMap,
    "layer_2d": LayerNorm2d,
    "instance": lambda channels, eps: nn.InstanceNorm2d(channels, eps, affine=True),
}

_NORMS_1D: dict[str, Callable[[int, float], nn.Module]] = {
    **{name: layer for name, layer in _NORMS.items() if name != "instance"},
    "batch": nn.BatchNorm1d,
    "layer": nn.LayerNorm,
    "layer_2d": nn.LayerNorm,
}


def norm_layer(norm: str, channels: int, eps: float = 1e-5) -> nn.Module:
    """Return the normalisation of a feature map [N, channels, H, W]; `none` gives the identity."""
    return _NORMS[norm](channels, eps)


def norm_layer_1d(norm: str, features: int, eps: float = 1e-5) -> nn.Module:
    """Return the normalisation of a feature vector [N, features]; `none` gives the identity.

    Raises `UserError` for `instance`, which has nothing to average over in a vector.
    """
    require_choice("norm of a fully connected layer", norm, _NORMS_1D)
    return _NORMS_1D[norm](features, eps)


def activation_layer(activation: str) -> nn.Module:
    """Return the activation called `activation`."""
    return _ACTIVATIONS[activation]()


def norm_activation(norm: str, channels: int, activation: str, eps: float = 1e-5) -> NormActivation:
    """Return the norm of a feature map [N, channels, H, W] with the activation that follows it."""
    return NormActivation(norm_layer(norm, channels, eps), activation_layer(activation))


def norm_activation_of_sum(norm: str, channels: int, activation: str) -> NormActivation:
    """Return the norm of a sum or a concatenation [N, channels, H, W] with its activation; `none` leaves its shift."""
    return NormActivation(norm_layer(norm, channels), activation_layer(activation), shifted_channels=channels)


def norm_activation_1d(norm: str, features: int, activation: str) -> NormActivation:
    """Return the norm of a feature vector [N, features] with the activation that follows it."""
    return NormActivation(norm_layer_1d(norm, features), activation_layer(activation))


def group_count(channels: int, groups: int = 32) -> int:
    """Return the largest divisor of `channels` that is at most `groups` and leaves two channels a group.

    The paper's 32 groups (Wu & He 2018, 1803.08494) for 64 channels and more, fewer for narrower layers.
    """
    return next(count for count in range(min(groups, max(channels // 2, 1)), 0, -1) if channels % count == 0)
