"""The CIFAR residual networks of He et al. 2015 (1512.03385, section 4.2) and their plain twins."""

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from lit_archs.layers import Activation, Norm, activation_layer, norm_layer
from lit_archs.registry import register
from litmus.errors import UserError, require_at_least, require_choice, require_positive

PAPER_DEPTHS = (20, 32, 44, 56, 110)


class BasicBlock(nn.Module):
    """3×3, norm, activation, 3×3, norm, plus the shortcut (if residual), activation. Maps [N, C, H, W]."""

    def __init__(
        self,
        in_channels: int,
        channels: int,
        stride: int,
        norm: str,
        activation: str,
        residual: bool,
        shortcut: str,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride=stride, padding=1, bias=False)
        self.norm1 = norm_layer(norm, channels)
        self.activation1 = activation_layer(activation)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = norm_layer(norm, channels)
        self.activation2 = activation_layer(activation)
        self.shortcut = _shortcut(in_channels, channels, stride, norm, shortcut) if residual else None

    def forward(self, x: Tensor) -> Tensor:
        out = self.activation1(self.norm1(self.conv1(x)))
        out = self.norm2(self.conv2(out))
        if self.shortcut is not None:
            out = out + self.shortcut(x)
        return self.activation2(out)


class PadShortcut(nn.Module):
    """Option A: every `stride`-th pixel, and zeros for the added channels; no parameters."""

    def __init__(self, added_channels: int, stride: int) -> None:
        super().__init__()
        self.added_channels = added_channels
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        before = self.added_channels // 2
        x = x[:, :, :: self.stride, :: self.stride]
        return functional.pad(x, (0, 0, 0, 0, before, self.added_channels - before))


class ProjectionShortcut(nn.Module):
    """Options B and C: a 1×1 convolution with stride, and norm."""

    def __init__(self, in_channels: int, channels: int, stride: int, norm: str) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, channels, 1, stride=stride, bias=False)
        self.norm = norm_layer(norm, channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x))


def _shortcut(in_channels: int, channels: int, stride: int, norm: str, shortcut: str) -> nn.Module:
    same_shape = stride == 1 and in_channels == channels
    if shortcut == "C" or (shortcut == "B" and not same_shape):
        return ProjectionShortcut(in_channels, channels, stride, norm)
    return nn.Identity() if same_shape else PadShortcut(channels - in_channels, stride)


class ResNetCIFAR(nn.Module):
    """3×3 stem, three stages of n blocks at 16-32-64 channels, global average pool, linear.

    Maps images [N, in_channels, H, W] to logits [N, num_classes].
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        depth: int,
        width: int,
        norm: str,
        activation: str,
        residual: bool,
        shortcut: str,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, width, 3, padding=1, bias=False)
        self.norm = norm_layer(norm, width)
        self.activation = activation_layer(activation)

        def stage(in_channels: int, channels: int, stride: int) -> nn.Sequential:
            blocks = nn.Sequential()
            for index in range((depth - 2) // 6):
                first = index == 0
                block_in, block_stride = (in_channels, stride) if first else (channels, 1)
                blocks.append(BasicBlock(block_in, channels, block_stride, norm, activation, residual, shortcut))
            return blocks

        self.stage1 = stage(width, width, 1)
        self.stage2 = stage(width, 2 * width, 2)
        self.stage3 = stage(2 * width, 4 * width, 2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(4 * width, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.activation(self.norm(self.conv(x)))
        x = self.stage3(self.stage2(self.stage1(x)))
        return self.classifier(self.pool(x).flatten(1))


@register(
    "resnet_cifar",
    *(f"resnet{depth}" for depth in PAPER_DEPTHS),
    input_shape=(3, 32, 32),
    fixed={f"resnet{depth}": {"depth": depth} for depth in PAPER_DEPTHS},
    pattern=r"resnet(?P<depth>\d+)",
)
def resnet_cifar(
    num_classes: int = 10,
    in_channels: int = 3,
    image_size: int = 32,
    *,
    depth: int = 20,
    width: int = 16,
    norm: Norm = "batch",
    activation: Activation = "relu",
    residual: bool = True,
    shortcut: Literal["A", "B", "C"] = "A",
) -> nn.Module:
    """CIFAR ResNet of 6n+2 layers: 16-32-64 channels, basic blocks, shortcuts without parameters (option A).

    0.27M, 0.46M, 0.66M, 0.85M and 1.7M parameters at depths 20, 32, 44, 56 and 110 (He et al. 2015, table 6).

    Args:
        depth: layers with weights, 6n+2.
        width: channels of the first stage.
        norm: normalisation after each convolution.
        activation: non-linearity.
        residual: whether the blocks add their input; false gives the plain twin with the same parameters.
        shortcut: A pads with zeros, B projects where the shape changes, C projects everywhere.
    """
    require_at_least(8, depth=depth)
    require_positive(width=width)
    require_choice("shortcut", shortcut, ("A", "B", "C"))
    require_at_least(4, image_size=image_size)
    if (depth - 2) % 6:
        raise UserError(f"depth must be 6n+2 (8, 14, 20, 26, 32, ...), got {depth}")
    return ResNetCIFAR(num_classes, in_channels, depth, width, norm, activation, residual, shortcut)


@register(
    *(f"plain{depth}" for depth in PAPER_DEPTHS),
    input_shape=(3, 32, 32),
    fixed={f"plain{depth}": {"depth": depth} for depth in PAPER_DEPTHS},
    pattern=r"plain(?P<depth>\d+)",
)
def plain_cifar(
    num_classes: int = 10,
    in_channels: int = 3,
    image_size: int = 32,
    *,
    depth: int = 20,
    width: int = 16,
    norm: Norm = "batch",
    activation: Activation = "relu",
) -> nn.Module:
    """The plain twin of a CIFAR ResNet: the same layers and parameters, no shortcuts.

    Args:
        depth: layers with weights, 6n+2.
        width: channels of the first stage.
        norm: normalisation after each convolution.
        activation: non-linearity.
    """
    return resnet_cifar(
        num_classes,
        in_channels,
        image_size,
        depth=depth,
        width=width,
        norm=norm,
        activation=activation,
        residual=False,
    )
