"""The profile by layer: receptive fields that gradients confirm, costs that PyTorch counts too, lecture figures."""

from typing import Any
from unittest.mock import ANY

import pytest
import torch
from reduced_networks import families
from torch import Tensor, nn
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from litmus.lit_archs.building.registry import ARCHITECTURES, construct
from litmus.lit_archs.cost.lecture_figures import lecture_figures
from litmus.lit_archs.cost.profile import Cost, LayerProfile, profile, profile_of, total


def test_receptive_fields_are_what_gradients_reach() -> None:
    layers = [nn.Conv2d(1, 1, 3), nn.MaxPool2d(2), nn.Conv2d(1, 1, 5, dilation=2), nn.Conv2d(1, 1, 3, stride=2)]
    with torch.device("meta"):
        predicted = [layer.receptive_field for layer in profile(nn.Sequential(*layers).to("meta"), (1, 64, 64))]
    measured = []
    linear = [nn.AvgPool2d(2) if isinstance(layer, nn.MaxPool2d) else layer.to_empty(device="cpu") for layer in layers]
    for layer in linear:
        for parameter in layer.parameters():
            nn.init.constant_(parameter, 1.0)
    for depth in range(1, len(linear) + 1):
        image = torch.zeros(1, 1, 64, 64, requires_grad=True)
        output = nn.Sequential(*linear[:depth])(image)
        output[0, 0, output.shape[2] // 2, output.shape[3] // 2].backward()
        assert image.grad is not None
        measured.append(int((image.grad[0, 0].abs().sum(0) > 0).sum()))
    assert predicted == measured


def test_the_lecture_figures_are_judged_right_or_wrong() -> None:
    figures = {figure.statement: figure for figure in lecture_figures()}
    assert figures["AlexNet's compute by LeNet-5's"].measured == pytest.approx(1714.7, abs=0.1)
    assert figures["AlexNet's parameters by LeNet-5's"].measured == pytest.approx(990.2, abs=0.1)
    right = {statement for statement, figure in figures.items() if figure.right}
    assert right == {statement for statement in figures if "multiply-adds" in statement or "filters" in statement}
    # Ten times what is quoted.
    assert figures["inception block to 256 channels, parameters"].measured == 163_328
    assert figures["3×3 convolution to 256 channels, parameters"].measured == 442_368
    assert figures["5×5 convolution to 256 channels, parameters"].measured == 1_228_800


NORMS_AND_POOLS = {
    "native_batch_norm", "_native_batch_norm_legit_no_training", "native_group_norm", "native_layer_norm", "mean",
    "_adaptive_avg_pool2d",
}  # fmt: skip


@pytest.mark.parametrize("name", [*families(), "torchvision/vit_b_16", "torchvision/swin_t"])
def test_products_are_counted_as_pytorchs_own_counter_does(name: str) -> None:
    entry = ARCHITECTURES[name]
    channels, size, _ = entry.input_shape or (3, 224, 224)
    with torch.device("meta"):
        network = construct(name, num_classes=entry.num_classes, in_channels=channels, image_size=size).eval()
        image = torch.zeros(1, channels, size, size)
    with FlopCounterMode(display=False) as counter:
        network(image)
    with _NormsAndPools() as others:
        network(image)
    counted = total(profile(network, (channels, size, size)))
    # To PyTorch's counter a multiply-add is two operations, norms and pooling are none.
    assert counted.flops - others.flops == counter.get_total_flops() / 2
    assert counted.parameters == sum(each.numel() for each in network.parameters())
    assert not counted.uncounted


class _NormsAndPools(TorchDispatchMode):
    flops = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name, weight = func.overloadpacket.__name__, args[1] if len(args) > 1 else None
        if name in NORMS_AND_POOLS:
            each = 5 if "layer" in name or "group" in name else 2 if "norm" in name else 1
            assert "norm" not in name or weight is not None
            self.flops += each * args[0].numel()
        return func(*args, **(kwargs or {}))


def test_a_transformer_costs_what_is_published() -> None:
    # torchvision's table: 17.56 GFLOPS, which are multiply-adds; layer norm is what is on top.
    layers = native("torchvision/vit_b_16", 224)
    norms = sum(layer.flops for layer in layers if layer.kind == "LayerNorm")
    assert (total(layers).flops - norms) / 1e9 == pytest.approx(17.56, abs=0.005)
    assert next(layer.name for layer in layers if layer.kind == "MultiheadAttention").endswith("self_attention")


def native(name: str, size: int) -> list[LayerProfile]:
    return profile_of(lambda: construct(name, num_classes=1000, in_channels=3, image_size=size), (3, size, size))


class Attention(nn.Module):
    """Attention over the 64 pixels of an image, with 16 numbers each, written in one of several ways."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way
        self.qkv = nn.Linear(1, 48)
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)

    def forward(self, images: Tensor) -> Tensor:
        q, k, v = self.qkv(images.flatten(2).transpose(1, 2)).chunk(3, -1)
        match self.way:
            case "fused":
                return functional.scaled_dot_product_attention(q, k, v)
            case "bmm":
                return torch.bmm(torch.bmm(q, k.transpose(1, 2)).softmax(-1), v)
            case "matmul":
                return (q @ k.mT).softmax(-1) @ v
            case "einsum":
                weights = torch.einsum("bid,bjd->bij", q, k).softmax(-1)
                return torch.einsum("bij,bjd->bid", weights, v)
            case "module":
                return self.attention(q, k, v, need_weights=False)[0]
            case "fourier":
                return torch.fft.fft(q, dim=1).real
            case "value":  # which the meta device has none of
                return q @ k.mT if float(q.sum()) > 1e9 else q
            case _:
                return v @ q[0, 0]


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize(
    ("way", "products"),
    [
        *((way, 2 * 64 * 64 * 16) for way in ("fused", "bmm", "matmul", "einsum")),
        ("module", 2 * 64 * 64 * 16 + 4 * 64 * 16 * 16),
        ("matrix times vector", 64 * 16),
    ],
)
def test_every_way_to_write_attention_is_counted(way: str, products: int, device: str) -> None:
    layers = profile(Attention(way).to(device), (1, 8, 8))
    assert total(layers) == Cost(sum(p.numel() for p in Attention(way).parameters()), 64 * 48 + products, ANY)
    assert total(layers).uncounted == ()


def test_what_cannot_be_counted_is_named_and_code_that_looks_at_values_is_run() -> None:
    assert total(profile_of(lambda: Attention("fourier"), (1, 8, 8))).uncounted == ("_fft_r2c",)
    assert total(profile_of(lambda: Attention("value"), (1, 8, 8))).flops == 64 * 48


def test_a_network_in_whose_own_code_all_happens_has_a_row() -> None:
    layers = profile(Attention("matmul"), (1, 8, 8))
    assert [(layer.name, layer.flops) for layer in layers] == [("qkv", 64 * 48), ("", 2 * 64 * 64 * 16)]
