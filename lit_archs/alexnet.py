"""AlexNet (Krizhevsky et al. 2012) in one column (Krizhevsky 2014, 1404.5997), for ImageNet and for 32×32 images."""

from collections import OrderedDict
from dataclasses import dataclass

from pydantic import PositiveFloat, PositiveInt
from torch import nn

from litmus.core.config_keys import Fraction
from litmus.core.errors import require_at_least
from litmus.lit_archs.building.registry import register
from litmus.lit_archs.layers.norm_activation import Norm, NormActivationOptions, activation_layer, norm_activation

CHANNELS = (64, 192, 384, 256, 256)
"""Of the one-column network (1404.5997, footnote 1)."""
NARROW_CHANNELS = (64, 128, 256, 256, 256)


@dataclass(frozen=True)
class AlexNetOptions(NormActivationOptions):
    """What both forms of AlexNet may be made of.

    Args:
        width: factor on the channels of every convolution.
        dense_units: units of the two hidden dense layers.
        dropout: probability of zeroing an input of the two hidden dense layers.
        local_response_norm: whether responses are normalised over 5 neighbouring channels after the first two
            activations, with Krizhevsky et al.'s constants (2012, section 3.3).
        overlapping_pooling: 3×3 windows at stride 2 (section 3.4); false takes 2×2 windows.
    """

    norm: Norm = "none"
    width: PositiveFloat = 1.0
    dense_units: PositiveInt = 4096
    dropout: Fraction = 0.5
    local_response_norm: bool = False
    overlapping_pooling: bool = True

    def scaled(self, channels: tuple[int, ...]) -> tuple[int, ...]:
        """Return the channels of the convolutions, given those at width 1."""
        return tuple(max(1, round(self.width * count)) for count in channels)


def _pool(overlapping: bool) -> nn.Module:
    return nn.MaxPool2d(3 if overlapping else 2, stride=2)


def _response_norm(present: bool) -> nn.Module:
    # Krizhevsky et al. 2012, section 3.3: α = 1e-4 times the sum over n = 5 channels, of which PyTorch takes the mean.
    return nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0) if present else nn.Identity()


def _network(
    num_classes: int, stem: nn.Conv2d, channels: tuple[int, ...], side: int, options: AlexNetOptions
) -> nn.Module:
    """Return the network on a first convolution; `side` is that of the map which the dense layers see."""
    first, second, third, fourth, fifth = channels
    norm, activation, units = options.norm, options.activation, options.dense_units
    return nn.Sequential(
        OrderedDict(
            conv1=stem,
            norm1=norm_activation(norm, first, activation),
            response_norm1=_response_norm(options.local_response_norm),
            pool1=_pool(options.overlapping_pooling),
            conv2=nn.Conv2d(first, second, 5, padding=2),
            norm2=norm_activation(norm, second, activation),
            response_norm2=_response_norm(options.local_response_norm),
            pool2=_pool(options.overlapping_pooling),
            conv3=nn.Conv2d(second, third, 3, padding=1),
            norm3=norm_activation(norm, third, activation),
            conv4=nn.Conv2d(third, fourth, 3, padding=1),
            norm4=norm_activation(norm, fourth, activation),
            conv5=nn.Conv2d(fourth, fifth, 3, padding=1),
            norm5=norm_activation(norm, fifth, activation),
            pool5=_pool(options.overlapping_pooling),
            average=nn.AdaptiveAvgPool2d(side),
            flatten=nn.Flatten(),
            dropout1=nn.Dropout(options.dropout),
            fc1=nn.Linear(fifth * side * side, units),
            fc1_activation=activation_layer(activation),
            dropout2=nn.Dropout(options.dropout),
            fc2=nn.Linear(units, units),
            fc2_activation=activation_layer(activation),
            classifier=nn.Linear(units, num_classes),
        )
    )


@register(
    "alexnet",
    "alexnet_narrow",
    input_shape=(3, 224, 224),
    num_classes=1000,
    fixed={"alexnet_narrow": {"narrow": True}},
)
def alexnet(
    num_classes: int = 1000,
    in_channels: int = 3,
    image_size: int = 224,
    *,
    narrow: bool = False,
    layers: AlexNetOptions = AlexNetOptions(),
) -> nn.Module:
    """AlexNet in one column: five convolutions (11×11, 5×5, 3 × 3×3), three dense layers.

    61,100,840 parameters at 64-192-384-256-256 channels. The smallest image is 63×63, or 35×35 where pooling windows
    do not overlap.

    Args:
        narrow: 64-128-256-256-256 channels instead of 64-192-384-256-256.
    """
    require_at_least(63 if layers.overlapping_pooling else 35, image_size=image_size)
    channels = layers.scaled(NARROW_CHANNELS if narrow else CHANNELS)
    stem = nn.Conv2d(in_channels, channels[0], 11, stride=4, padding=2)
    return _network(num_classes, stem, channels, 6, layers)


@register("alexnet_cifar", input_shape=(3, 32, 32))
def alexnet_cifar(
    num_classes: int = 10,
    in_channels: int = 3,
    image_size: int = 32,
    *,
    layers: AlexNetOptions = AlexNetOptions(dense_units=1024),
) -> nn.Module:
    """AlexNet for 32×32 images: a first convolution of 5×5 at stride 1, dense layers on a 3×3 map.

    The smallest image is 15×15, or 8×8 where pooling windows do not overlap.
    """
    require_at_least(15 if layers.overlapping_pooling else 8, image_size=image_size)
    channels = layers.scaled(CHANNELS)
    stem = nn.Conv2d(in_channels, channels[0], 5, padding=2)
    return _network(num_classes, stem, channels, 3, layers)
