"""Fully connected networks, among them the one of the batch normalisation paper's section 4.1."""

from collections import OrderedDict

from torch import nn

from litmus.core.errors import require_at_least, require_fraction, require_positive
from litmus.lit_archs.building.registry import register
from litmus.lit_archs.layers.norm_activation import Activation, Norm, norm_activation_1d


@register("mlp", input_shape=(1, 28, 28))
def mlp(
    num_classes: int = 10,
    in_channels: int = 1,
    image_size: int = 28,
    *,
    depth: int = 3,
    width: int = 100,
    norm: Norm = "none",
    activation: Activation = "sigmoid",
    dropout: float = 0.0,
) -> nn.Module:
    """Fully connected: depth × (linear, norm, activation, dropout), linear; by default 3 × 100 sigmoid units.

    The defaults are the network of Ioffe & Szegedy 2015 (1502.03167), section 4.1.

    Args:
        depth: hidden layers.
        width: units of each hidden layer.
        norm: normalisation before each activation.
        activation: non-linearity of the hidden layers.
        dropout: probability of zeroing a hidden unit.
    """
    require_at_least(0, depth=depth)
    require_positive(width=width)
    require_at_least(1, image_size=image_size)
    require_fraction(dropout=dropout)
    layers: OrderedDict[str, nn.Module] = OrderedDict(flatten=nn.Flatten())
    features = in_channels * image_size * image_size
    for index in range(1, depth + 1):
        layers[f"linear{index}"] = nn.Linear(features, width)
        layers[f"norm{index}"] = norm_activation_1d(norm, width, activation)
        layers[f"dropout{index}"] = nn.Dropout(dropout)
        features = width
    layers["classifier"] = nn.Linear(features, num_classes)
    return nn.Sequential(layers)
