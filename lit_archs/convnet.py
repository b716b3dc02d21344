"""The plain convolutional network of lecture courses: [(convolution, activation) × N, pooling] × M, dense × K."""

from collections import OrderedDict

import torch
from pydantic import NonNegativeInt, PositiveInt
from torch import Tensor, nn
from torch.nn import functional

from litmus.core.config_keys import Fraction
from litmus.core.errors import require_at_least
from litmus.lit_archs.building.registry import register
from litmus.lit_archs.layers.norm_activation import NormActivationOptions, norm_activation, norm_activation_1d
from litmus.lit_archs.layers.pooling import Pooling, least_side, pooled_side, pooling_layer


class UnsharedConvolution(nn.Conv2d):
    """A locally connected layer: filters and biases of its own at each position of its output (LeCun 1989, net 3).

    Maps [N, in_channels, side, side] to [N, channels, S, S] and has the connections of an ordinary convolution, S²
    times its parameters. They are those of a 1×1 convolution with a group for each position, [S² · channels,
    in_channels · F², 1, 1], which gives initialisations the right fan-in.
    """

    def __init__(
        self, in_channels: int, channels: int, side: int, kernel_size: int, stride: int = 1, padding: int = 0
    ) -> None:
        self.out_side = (side - kernel_size + 2 * padding) // stride + 1
        positions = self.out_side**2
        super().__init__(positions * in_channels * kernel_size**2, positions * channels, 1, groups=positions)
        self.window = {"kernel_size": kernel_size, "stride": stride, "padding": padding}

    def forward(self, x: Tensor) -> Tensor:
        patches = functional.unfold(x, **self.window).permute(2, 0, 1).contiguous()  # [positions, N, inputs]
        assert self.bias is not None
        filters = self.weight.view(self.groups, -1, self.weight.shape[1]).transpose(1, 2).contiguous()
        outputs = torch.baddbmm(self.bias.view(self.groups, 1, -1), patches, filters)  # [positions, N, channels]
        return outputs.permute(1, 2, 0).unflatten(2, (self.out_side, self.out_side))


@register("convnet", input_shape=(3, 32, 32))
def convnet(
    num_classes: int = 10,
    in_channels: int = 3,
    image_size: int = 32,
    *,
    blocks: NonNegativeInt = 3,
    convolutions: PositiveInt = 2,
    width: PositiveInt = 32,
    kernel_size: PositiveInt = 3,
    stride: PositiveInt = 1,
    zero_padding: NonNegativeInt | None = None,
    shared: bool = True,
    pooling: Pooling = "max",
    hidden: NonNegativeInt = 1,
    dense_units: PositiveInt = 128,
    dropout: Fraction = 0.0,
    layers: NormActivationOptions = NormActivationOptions(norm="none"),
) -> nn.Module:
    """Convnet of lectures: [(convolution, activation) × N, pooling] × M, (dense, activation) × K, dense.

    The pattern is that of the CS231n notes (Convolutional networks, Layer patterns): INPUT → [[CONV → RELU]*N →
    POOL?]*M → [FC → RELU]*K → FC. Each block has twice the filters of the one before. A convolution makes of a map of
    N positions one of (N − F + 2P) / S + 1, rounded down, and has (F·F·D + 1)·K parameters, D maps in and K out.

    Args:
        blocks: M, blocks of convolutions with a pooling behind them.
        convolutions: N, convolutions of each block.
        width: filters of each convolution of the first block.
        kernel_size: F, side of the filters.
        stride: S, of every convolution.
        zero_padding: P, zeros around the map; null keeps its size at stride 1, with a side of the filters that is odd.
        shared: whether the weights of a convolution are shared between positions; false gives each position filters of
            its own (locally connected layers).
        pooling: over 2×2 windows max, average, sum, l2, trainable (LeCun et al. 1998), convolution (2×2 filters at
            stride 2) or blurred_max (Zhang 2019); subsample keeps every other position, none all.
        hidden: K, dense layers before the classifier.
        dense_units: units of each of these.
        dropout: probability of zeroing a unit of these.
    """
    padding = kernel_size // 2 if zero_padding is None else zero_padding
    sides = 1
    for _ in range(blocks):
        sides = least_side(pooling, sides)
        for _ in range(convolutions):
            sides = max(1, (sides - 1) * stride + kernel_size - 2 * padding)
    require_at_least(sides, image_size=image_size)
    norm, activation = layers.norm, layers.activation
    modules: OrderedDict[str, nn.Module] = OrderedDict()
    channels, side = in_channels, image_size
    for index in range(1, blocks + 1):
        filters = width * 2 ** (index - 1)
        block: OrderedDict[str, nn.Module] = OrderedDict()
        for place in range(1, convolutions + 1):
            block[f"conv{place}"] = (
                nn.Conv2d(channels, filters, kernel_size, stride, padding)
                if shared
                else UnsharedConvolution(channels, filters, side, kernel_size, stride, padding)
            )
            block[f"norm{place}"] = norm_activation(norm, filters, activation)
            channels, side = filters, (side - kernel_size + 2 * padding) // stride + 1
        block["pool"] = pooling_layer(pooling, filters, activation, norm)
        side = pooled_side(pooling, side)
        modules[f"block{index}"] = nn.Sequential(block)
    modules["flatten"] = nn.Flatten()
    features = channels * side * side
    for index in range(1, hidden + 1):
        modules[f"fc{index}"] = nn.Linear(features, dense_units)
        # Instance norm has nothing to average over in a feature vector.
        dense_norm = norm_activation_1d("none" if norm == "instance" else norm, dense_units, activation)
        modules[f"fc{index}_norm"] = dense_norm
        modules[f"dropout{index}"] = nn.Dropout(dropout)
        features = dense_units
    modules["classifier"] = nn.Linear(features, num_classes)
    return nn.Sequential(modules)


@register("convnet_average", input_shape=(3, 32, 32))
def convnet_average(
    num_classes: int = 10,
    in_channels: int = 3,
    image_size: int = 32,
    *,
    blocks: NonNegativeInt = 3,
    convolutions: PositiveInt = 2,
    width: PositiveInt = 32,
    layers: NormActivationOptions = NormActivationOptions(norm="none"),
) -> nn.Module:
    """Convnet that averages its last map in place of dense layers: [(convolution, activation) × N, pooling] × M, dense.

    The average of each channel goes to the classifier, as in Lin et al. 2013 (1312.4400), section 3.2.

    Args:
        blocks: M, blocks of convolutions with a pooling behind them.
        convolutions: N, convolutions of each block.
        width: filters of each convolution of the first block.
    """
    options = {"blocks": blocks, "convolutions": convolutions, "width": width, "hidden": 0, "layers": layers}
    network = convnet(num_classes, in_channels, image_size, **options)
    network.flatten = nn.Sequential(OrderedDict(pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten()))
    network.classifier = nn.Linear(width * 2 ** (blocks - 1) if blocks else in_channels, num_classes)
    return network
