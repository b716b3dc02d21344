"""Fully connected networks, among them the one of the batch normalisation paper's section 4.1."""

from collections import OrderedDict

from pydantic import NonNegativeInt, PositiveInt
from torch import nn

from litmus.core.config_keys import Fraction
from litmus.lit_archs.building.registry import register
from litmus.lit_archs.layers.norm_activation import Activation, Norm, norm_activation_1d


@register("mlp", input_shape=(1, 28, 28))
def mlp(
    num_classes: int = 10,
    in_channels: int = 1,
    image_size: PositiveInt = 28,
    *,
    depth: NonNegativeInt = 3,
    width: PositiveInt = 100,
    norm: Norm = "none",
    activation: Activation = "sigmoid",
    dropout: Fraction = 0.0,
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
    layers: OrderedDict[str, nn.Module] = OrderedDict(flatten=nn.Flatten())
    features = in_channels * image_size * image_size
    for index in range(1, depth + 1):
        layers[f"linear{index}"] = nn.Linear(features, width)
        layers[f"norm{index}"] = norm_activation_1d(norm, width, activation)
        layers[f"dropout{index}"] = nn.Dropout(dropout)
        features = width
    layers["classifier"] = nn.Linear(features, num_classes)
    return nn.Sequential(layers)
