"""LeNet-5 in its modern form (LeCun et al. 1998): rectified or sigmoid units, plain pooling, softmax."""

from collections import OrderedDict
from typing import Literal

from torch import nn

from lit_archs.layers import Activation, Norm, activation_layer, norm_layer, norm_layer_1d
from lit_archs.registry import register
from litmus.errors import require_at_least, require_choice, require_fraction, require_positive

SMALLEST_IMAGE = 4
_POOLING: dict[str, type[nn.Module]] = {"max": nn.MaxPool2d, "average": nn.AvgPool2d}


@register("lenet5", input_shape=(1, 32, 32))
def lenet5(
    num_classes: int = 10,
    in_channels: int = 1,
    image_size: int = 32,
    *,
    width: float = 1.0,
    norm: Norm = "none",
    activation: Activation = "relu",
    pooling: Literal["max", "average"] = "max",
    dropout: float = 0.0,
) -> nn.Module:
    """LeNet-5, modern: 2 × (5×5 convolution, norm, activation, pooling), then 120 and 84 units.

    61,706 parameters at 1×32×32 and 10 classes. The network is drawn for 32×32 (LeCun et al. 1998, figure 2): 28×28
    images are padded by 2, as is customary for MNIST, and images below 20 pixels by 2 before both convolutions, or
    their maps would vanish.

    Args:
        width: factor on every layer's channels and units.
        norm: normalisation before each activation, of convolutions and of fully connected layers.
        activation: non-linearity.
        pooling: max or average over 2×2 windows.
        dropout: probability of zeroing a unit of a fully connected layer.
    """
    require_positive(width=width)
    require_fraction(dropout=dropout)
    require_choice("pooling", pooling, _POOLING)
    require_at_least(SMALLEST_IMAGE, image_size=image_size)
    conv1, conv2, fc1, fc2 = (max(1, round(width * channels)) for channels in (6, 16, 120, 84))
    padding1 = 0 if image_size >= 32 else 2
    padding2 = 0 if image_size >= 20 else 2
    side = ((image_size + 2 * padding1 - 4) // 2 + 2 * padding2 - 4) // 2
    # Instance norm has nothing to average over in a feature vector.
    norm_fc = "none" if norm == "instance" else norm
    pool = _POOLING[pooling]
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(in_channels, conv1, 5, padding=padding1),
            norm1=norm_layer(norm, conv1),
            activation1=activation_layer(activation),
            pool1=pool(2),
            conv2=nn.Conv2d(conv1, conv2, 5, padding=padding2),
            norm2=norm_layer(norm, conv2),
            activation2=activation_layer(activation),
            pool2=pool(2),
            flatten=nn.Flatten(),
            fc1=nn.Linear(conv2 * side * side, fc1),
            norm3=norm_layer_1d(norm_fc, fc1),
            activation3=activation_layer(activation),
            dropout1=nn.Dropout(dropout),
            fc2=nn.Linear(fc1, fc2),
            norm4=norm_layer_1d(norm_fc, fc2),
            activation4=activation_layer(activation),
            dropout2=nn.Dropout(dropout),
            classifier=nn.Linear(fc2, num_classes),
        )
    )
