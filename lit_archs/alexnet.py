"""AlexNet (Krizhevsky et al. 2012) in one column (Krizhevsky 2014, 1404.5997), for ImageNet and for 32×32 images."""

from collections import OrderedDict

from torch import nn

from lit_archs.building.registry import register
from lit_archs.layers.norm_activation import Activation, Norm, activation_layer, norm_activation
from litmus.errors import require_at_least, require_fraction, require_positive

CHANNELS = (64, 192, 384, 256, 256)
"""Of the one-column network (1404.5997, footnote 1)."""
NARROW_CHANNELS = (64, 128, 256, 256, 256)


def _pool(overlapping: bool) -> nn.Module:
    return nn.MaxPool2d(3 if overlapping else 2, stride=2)


def _response_norm(present: bool) -> nn.Module:
    # The constants of Krizhevsky et al. 2012, section 3.3.
    return nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2.0) if present else nn.Identity()


def _network(
    num_classes: int,
    stem: nn.Conv2d,
    channels: tuple[int, ...],
    side: int,
    dense_units: int,
    dropout: float,
    local_response_norm: bool,
    overlapping_pooling: bool,
    norm: str,
    activation: str,
) -> nn.Module:
    """Return the network on a first convolution; `side` is that of the map which the dense layers see."""
    first, second, third, fourth, fifth = channels
    return nn.Sequential(
        OrderedDict(
            conv1=stem,
            norm1=norm_activation(norm, first, activation),
            response_norm1=_response_norm(local_response_norm),
            pool1=_pool(overlapping_pooling),
            conv2=nn.Conv2d(first, second, 5, padding=2),
            norm2=norm_activation(norm, second, activation),
            response_norm2=_response_norm(local_response_norm),
            pool2=_pool(overlapping_pooling),
            conv3=nn.Conv2d(second, third, 3, padding=1),
            norm3=norm_activation(norm, third, activation),
            conv4=nn.Conv2d(third, fourth, 3, padding=1),
            norm4=norm_activation(norm, fourth, activation),
            conv5=nn.Conv2d(fourth, fifth, 3, padding=1),
            norm5=norm_activation(norm, fifth, activation),
            pool5=_pool(overlapping_pooling),
            average=nn.AdaptiveAvgPool2d(side),
            flatten=nn.Flatten(),
            dropout1=nn.Dropout(dropout),
            fc1=nn.Linear(fifth * side * side, dense_units),
            fc1_activation=activation_layer(activation),
            dropout2=nn.Dropout(dropout),
            fc2=nn.Linear(dense_units, dense_units),
            fc2_activation=activation_layer(activation),
            classifier=nn.Linear(dense_units, num_classes),
        )
    )


def _scaled(channels: tuple[int, ...], width: float) -> tuple[int, ...]:
    require_positive(width=width)
    return tuple(max(1, round(width * count)) for count in channels)


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
    width: float = 1.0,
    dense_units: int = 4096,
    dropout: float = 0.5,
    local_response_norm: bool = False,
    overlapping_pooling: bool = True,
    norm: Norm = "none",
    activation: Activation = "relu",
) -> nn.Module:
    """AlexNet in one column: five convolutions (11×11, 5×5, 3 × 3×3), three dense layers.

    61,100,840 parameters at 64-192-384-256-256 channels. The smallest image is 63×63, or 35×35 where pooling windows
    do not overlap.

    Args:
        narrow: 64-128-256-256-256 channels instead of 64-192-384-256-256.
        width: factor on the channels of every convolution.
        dense_units: units of the two hidden dense layers.
        dropout: probability of zeroing an input of the two hidden dense layers.
        local_response_norm: whether responses are normalised over 5 neighbouring channels after the first two
            activations (Krizhevsky et al. 2012, section 3.3).
        overlapping_pooling: 3×3 windows at stride 2 (section 3.4); false takes 2×2 windows.
        norm: normalisation between convolution and activation.
        activation: non-linearity.
    """
    require_positive(dense_units=dense_units)
    require_fraction(dropout=dropout)
    require_at_least(63 if overlapping_pooling else 35, image_size=image_size)
    channels = _scaled(NARROW_CHANNELS if narrow else CHANNELS, width)
    stem = nn.Conv2d(in_channels, channels[0], 11, stride=4, padding=2)
    return _network(
        num_classes,
        stem,
        channels,
        6,
        dense_units,
        dropout,
        local_response_norm,
        overlapping_pooling,
        norm,
        activation,
    )


@register("alexnet_cifar", input_shape=(3, 32, 32))
def alexnet_cifar(
    num_classes: int = 10,
    in_channels: int = 3,
    image_size: int = 32,
    *,
    width: float = 1.0,
    dense_units: int = 1024,
    dropout: float = 0.5,
    local_response_norm: bool = False,
    overlapping_pooling: bool = True,
    norm: Norm = "none",
    activation: Activation = "relu",
) -> nn.Module:
    """AlexNet for 32×32 images: a first convolution of 5×5 at stride 1, dense layers on a 3×3 map.

    The smallest image is 15×15, or 8×8 where pooling windows do not overlap.

    Args:
        width: factor on the channels of every convolution.
        dense_units: units of the two hidden dense layers.
        dropout: probability of zeroing an input of the two hidden dense layers.
        local_response_norm: whether responses are normalised over 5 neighbouring channels after the first two
            activations (Krizhevsky et al. 2012, section 3.3).
        overlapping_pooling: 3×3 windows at stride 2 (section 3.4); false takes 2×2 windows.
        norm: normalisation between convolution and activation.
        activation: non-linearity.
    """
    require_positive(dense_units=dense_units)
    require_fraction(dropout=dropout)
    require_at_least(15 if overlapping_pooling else 8, image_size=image_size)
    channels = _scaled(CHANNELS, width)
    stem = nn.Conv2d(in_channels, channels[0], 5, padding=2)
    return _network(
        num_classes,
        stem,
        channels,
        3,
        dense_units,
        dropout,
        local_response_norm,
        overlapping_pooling,
        norm,
        activation,
    )
