"""ConvNeXt: its last step against torchvision's network, its first against a bottleneck, and each step's cost."""

import torch
import torchvision
from torch import nn
from torchvision.models.convnext import CNBlock, CNBlockConfig, ConvNeXt
from torchvision.models.resnet import Bottleneck

from litmus.lit_archs.building.norm_config import NormConfig
from litmus.lit_archs.building.registry import construct
from litmus.lit_archs.convnext import ConvNeXtBlock, ConvNeXtOptions
from litmus.lit_archs.cost.profile import Cost, profile_of, total

RESNET = {
    "stem": "convolution", "depthwise": False, "width": 64, "inverted": False, "kernel_size": 3, "activation": "relu",
    "sparse": False, "norm": "batch", "downsampling": "block",
}  # fmt: skip
GFLOPS = {
    "stem": 4.4, "depthwise": 2.4, "width": 5.3, "inverted": 4.1, "kernel_size": 4.2, "activation": 4.2, "sparse": 4.2,
    "norm": 4.2, "downsampling": 4.5,
}  # fmt: skip
"""After each step in the source's order (figure 2), for images of 224 pixels."""


@torch.no_grad()
def copied(ours: nn.Module, theirs: nn.Module, without: str) -> None:
    """Draw all parameters and statistics of `theirs`, and give them to `ours`, in the order of the layers."""
    keyed = torch.Generator().manual_seed(0)
    state = {name: value for name, value in theirs.state_dict().items() if value.is_floating_point()}
    for name, value in state.items():
        if name.endswith(without):
            value.fill_(1.0)
        else:
            value.copy_(torch.rand(value.shape, generator=keyed) * (0.2 if value.dim() > 1 else 1.0))
    wanted = [value for name, value in state.items() if not name.endswith(without)]
    mine = [value for value in ours.state_dict().values() if value.is_floating_point()]
    for own, value in zip(mine, wanted, strict=True):
        own.copy_(value.reshape(own.shape))


def test_the_last_step_is_torchvisions_block() -> None:
    ours, theirs = ConvNeXtBlock(8, 8, 1, ConvNeXtOptions()).double(), CNBlock(8, 1.0, 0.0).double()
    for norm in (ours.branch.spatial_norm.norm, theirs.block[2]):
        norm.eps = 1e-6
    copied(ours, theirs, without="layer_scale")
    x = torch.randn(2, 8, 9, 9, dtype=torch.float64)
    torch.testing.assert_close(ours(x), theirs(x))


def test_the_last_step_is_torchvisions_network() -> None:
    widths = [8, 16, 32, 64]
    counts, following = [1, 1, 3, 1], [*widths[1:], None]
    setting = [CNBlockConfig(*each) for each in zip(widths, following, counts, strict=True)]
    theirs = ConvNeXt(setting, layer_scale=1.0, num_classes=5).double()
    ours = construct(
        "convnext",
        num_classes=5,
        in_channels=3,
        image_size=64,
        stage_blocks=1,
        width=8,
        norm_config=NormConfig(eps=1e-6),
    ).double()
    copied(ours, theirs, without="layer_scale")
    images = torch.randn(2, 3, 64, 64, dtype=torch.float64)
    torch.testing.assert_close(ours(images), theirs(images))


def test_the_start_is_torchvisions_bottleneck() -> None:
    options = ConvNeXtOptions(
        norm="batch", activation="relu", depthwise=False, inverted=False, kernel_size=3, sparse=False
    )
    ours, theirs = ConvNeXtBlock(32, 32, 1, options).double(), Bottleneck(32, 8).double()
    for layer in (ours.branch.conv1, ours.branch.spatial, ours.branch.conv2):
        layer.bias = None  # batch norm subtracts it
    copied(ours, theirs, without="-")
    x = torch.randn(2, 32, 9, 9, dtype=torch.float64)
    torch.testing.assert_close(ours(x), theirs(x))


def cost(**options: object) -> Cost:
    made = {"num_classes": 1000, "in_channels": 3, "image_size": 224, **options}
    return total(profile_of(lambda: construct("convnext", **made), (3, 224, 224)))


def test_each_step_costs_what_the_source_says() -> None:
    with torch.device("meta"):
        reference = torchvision.models.convnext_tiny()
    scales = sum(each.numel() for name, each in reference.named_parameters() if name.endswith("layer_scale"))
    default, taken = cost(), dict(RESNET)
    assert default.parameters == sum(each.numel() for each in reference.parameters()) - scales
    for step, gigaflops in GFLOPS.items():
        taken[step] = 96 if step == "width" else getattr(ConvNeXtOptions(), step)
        assert round(cost(**taken).flops / 1e9, 1) == gigaflops, step
    assert cost(**taken) == default
