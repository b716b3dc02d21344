"""A convolution whose weights are not shared between positions, also called locally connected."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class UnsharedConvolution(nn.Conv2d):
    """A convolution with filters and biases of its own at each position of its output (LeCun 1989, net 3).

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
