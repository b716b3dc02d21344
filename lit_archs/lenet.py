"""LeNet-5: its modern form, and the network of 1998 (LeCun et al. 1998, Gradient-based learning)."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from pydantic import PositiveFloat
from torch import Tensor, nn

from litmus.core.config_keys import Fraction
from litmus.core.errors import UserError, require_at_least
from litmus.core.keyed_random import generator
from litmus.lit_archs.building.registry import register
from litmus.lit_archs.layers.norm_activation import (
    Norm,
    NormActivation,
    NormActivationOptions,
    norm_activation,
    norm_activation_1d,
)
from litmus.lit_archs.layers.pooling import pooling_layer

CONNECTIONS = (
    (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5),
    (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5),
    (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5), (0, 1, 2, 3, 4, 5),
)  # fmt: skip
"""The maps of S2 that each of the 16 maps of C3 reads (table I)."""


class PartialConvolution(nn.Module):
    """A convolution each of whose output maps reads some of the input maps, as `connections` lists them."""

    def __init__(self, connections: Sequence[Sequence[int]], kernel_size: int, padding: int) -> None:
        super().__init__()
        self.connections = [list(inputs) for inputs in connections]
        self.maps = nn.ModuleList(
            nn.Conv2d(len(inputs), 1, kernel_size, padding=padding) for inputs in self.connections
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([conv(x[:, inputs]) for conv, inputs in zip(self.maps, self.connections, strict=True)], 1)


class RadialBasisOutput(nn.Module):
    """One unit a class: the squared distance to the class's code of ±1, which is fixed; logits are its negative.

    `loss` is the penalty of the right class, and with `map` also the competition of the others (section II.C,
    equations 8 and 9; the constant j is `rejection`). The paper draws the codes by hand as 7×12 characters and names
    random ones as an alternative; these are random, the same in every run.
    """

    centres: Tensor

    def __init__(self, units: int, num_classes: int, criterion: str, rejection: float = 1.0) -> None:
        super().__init__()
        self.criterion = criterion
        self.rejection = rejection
        self.register_buffer("centres", torch.empty(num_classes, units))
        keyed = generator(0, "radial basis codes", num_classes, units)
        self.centres.copy_(torch.randint(2, (num_classes, units), generator=keyed, device="cpu") * 2.0 - 1.0)

    def forward(self, x: Tensor) -> Tensor:
        return -(x[:, None, :] - self.centres).square().sum(2)

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of each sample, [N]."""
        right = logits.gather(1, labels[:, None]).squeeze(1)
        if self.criterion == "mse":
            return -right
        rejected = torch.full_like(logits[:, :1], -self.rejection)
        return torch.logsumexp(torch.cat((logits, rejected), 1), 1) - right


class RadialBasisNetwork(nn.Sequential):
    """A network that ends in a `RadialBasisOutput` called `classifier` and is trained with its loss."""

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of each sample, [N]."""
        return self.get_submodule("classifier").loss(logits, labels)  # type: ignore[operator]


Pooling = Literal["max", "average", "trainable"]
Output = Literal["softmax", "rbf_map", "rbf_mse"]


@dataclass(frozen=True)
class LeNetOptions(NormActivationOptions):
    """What both forms of LeNet-5 may be made of.

    Args:
        pooling: max or average over 2×2 windows, or trainable: the sum times a coefficient, plus a bias, through the
            activation. LeCun et al. used trainable, most later versions use max.
        dropout: probability of zeroing a unit of a fully connected layer.
        connections: whether each map of the second convolution reads all maps (full) or those of table I (partial).
        output: softmax (a linear layer, cross-entropy), or distances to fixed codes trained with the paper's MAP
            (rbf_map) or mean squared error criterion (rbf_mse).
        first_kernel: size of the first convolution's filters, padded to keep the size of the map: AlexNet's is 11.
        first_stride: stride of the first convolution: AlexNet's is 4.
    """

    norm: Norm = "none"
    pooling: Pooling = "max"
    dropout: Fraction = 0.0
    connections: Literal["full", "partial"] = "full"
    output: Output = "softmax"
    first_kernel: Literal[5, 7, 11] = 5
    first_stride: Literal[1, 2, 4] = 1


@register("lenet5", input_shape=(1, 32, 32))
def lenet5(
    num_classes: int = 10,
    in_channels: int = 1,
    image_size: int = 32,
    *,
    width: PositiveFloat = 1.0,
    layers: LeNetOptions = LeNetOptions(),
) -> nn.Module:
    """LeNet-5, modern: 2 × (5×5 convolution, norm, activation, pooling), then 120 and 84 units.

    61,706 parameters at 1×32×32 and 10 classes. The network is drawn for 32×32 (LeCun et al. 1998, figure 2): 28×28
    images are padded by 2, as is customary for MNIST, and images below 20 pixels by 2 before both convolutions, or
    their maps would vanish. The smallest image is 4×4, 7×7 and 13×13 at first strides of 2 and 4.

    Args:
        width: factor on every layer's channels and units.
    """
    kernel, stride = layers.first_kernel, layers.first_stride
    # Four positions are left by the first convolution, two by its pooling.
    require_at_least(3 * stride + 1, image_size=image_size)
    norm, activation = layers.norm, layers.activation
    if layers.connections == "partial" and width != 1:
        raise UserError(f"connections=partial is a table for width 1, got width {width}")
    conv1, conv2, fc1, fc2 = (max(1, round(width * channels)) for channels in (6, 16, 120, 84))
    padding1 = (0 if image_size >= 32 else 2) + (kernel - 5) // 2
    pooled = ((image_size + 2 * padding1 - kernel) // stride + 1) // 2
    padding2 = 0 if pooled >= 10 else 2
    side = (pooled + 2 * padding2 - 4) // 2
    second: nn.Module = nn.Conv2d(conv1, conv2, 5, padding=padding2)
    if layers.connections == "partial":
        second = PartialConvolution(CONNECTIONS, 5, padding2)

    def dense_norm(units: int) -> NormActivation:
        # Instance norm has nothing to average over in a feature vector.
        return norm_activation_1d("none" if norm == "instance" else norm, units, activation)

    modules: OrderedDict[str, nn.Module] = OrderedDict(
        conv1=nn.Conv2d(in_channels, conv1, kernel, stride, padding1),
        norm1=norm_activation(norm, conv1, activation),
        pool1=pooling_layer(layers.pooling, conv1, activation),
        conv2=second,
        norm2=norm_activation(norm, conv2, activation),
        pool2=pooling_layer(layers.pooling, conv2, activation),
        flatten=nn.Flatten(),
        fc1=nn.Linear(conv2 * side * side, fc1),
        norm3=dense_norm(fc1),
        dropout1=nn.Dropout(layers.dropout),
        fc2=nn.Linear(fc1, fc2),
        norm4=dense_norm(fc2),
        dropout2=nn.Dropout(layers.dropout),
    )
    if layers.output == "softmax":
        return nn.Sequential(modules | {"classifier": nn.Linear(fc2, num_classes)})
    criterion = layers.output.removeprefix("rbf_")
    return RadialBasisNetwork(modules | {"classifier": RadialBasisOutput(fc2, num_classes, criterion)})


@register("lenet5_1998", input_shape=(1, 32, 32))
def lenet5_1998(
    num_classes: int = 10,
    in_channels: int = 1,
    image_size: int = 32,
    *,
    layers: LeNetOptions = LeNetOptions(
        activation="scaled_tanh", pooling="trainable", connections="partial", output="rbf_map"
    ),
) -> nn.Module:
    """LeNet-5 of 1998: trainable subsampling, scaled tanh, table of connections, RBF output with its loss.

    60,000 trainable parameters at 1×32×32 (LeCun et al. 1998, section II.B).
    """
    return lenet5(num_classes, in_channels, image_size, layers=layers)
