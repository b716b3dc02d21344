"""Networks of torchvision and timm by name: options, norms, channels, paired starts."""

import pytest
import torch
from torch import nn

from litmus.core.errors import UserError
from litmus.lit_archs import build
from litmus.lit_archs.building.registry import ARCHITECTURES
from litmus.lit_archs.cost.profile import profile, total
from litmus.training.config import resolve


def test_a_network_of_torchvision_takes_the_datas_channels_and_classes() -> None:
    network = build("torchvision/resnet18", num_classes=7, in_channels=1).eval()
    assert network(torch.zeros(2, 1, 40, 40)).shape == (2, 7)
    assert network.conv1.weight.shape == (64, 1, 7, 7)
    # He et al.'s fan-out, which torchvision's constructor draws with: another scheme than this package's.
    assert float(network.conv1.weight.std()) == pytest.approx((2 / (64 * 49)) ** 0.5, rel=0.05)
    assert total(profile(network, (1, 40, 40))).parameters == sum(each.numel() for each in network.parameters())


def test_a_norm_is_exchanged_in_its_place_and_nothing_else_moves() -> None:
    batch = build("torchvision/resnet18", num_classes=3)
    group = build("torchvision/resnet18", num_classes=3, norm="group")
    without = build("torchvision/resnet18", num_classes=3, norm="none")
    kinds = {name: type(module) for name, module in batch.named_modules()}
    for name, module in group.named_modules():
        assert type(module) is (nn.GroupNorm if kinds[name] is nn.BatchNorm2d else kinds[name]), name
    assert not any(isinstance(module, nn.BatchNorm2d) for module in without.modules())
    convolutions = [name for name, each in batch.named_parameters() if each.dim() == 4]
    for name in convolutions:
        assert torch.equal(batch.get_parameter(name), group.get_parameter(name))
        assert torch.equal(batch.get_parameter(name), without.get_parameter(name))


def test_options_are_those_that_the_name_leaves_open() -> None:
    keys = ARCHITECTURES["torchvision/swin_t"].keys("model")
    assert "model.dropout" in keys
    assert "model.stochastic_depth_prob" not in keys  # which swin_t fixes
    assert "model.norm" not in keys  # it has no batch norm
    assert "model.norm" in ARCHITECTURES["torchvision/mobilenet_v2"].keys("model")
    assert resolve({"model.name": "torchvision/vit_b_16", "model.dropout": "0.1"}).model["dropout"] == 0.1
    assert resolve({"model.name": "torchvision/resnet18"}).init.scheme == "own"
    assert resolve({"model.name": "resnet18"}).init.scheme == "kaiming_normal"


def test_timm_has_its_networks_too() -> None:
    pytest.importorskip("timm")
    one, other = (build("timm/resnet10t", num_classes=4, in_channels=1, drop_rate=rate) for rate in (0.0, 0.5))
    assert all(map(torch.equal, one.parameters(), other.parameters()))
    assert one.eval()(torch.zeros(2, 1, 32, 32)).shape == (2, 4)
    # A transformer is told the size of the images.
    small = build("timm/vit_tiny_patch16_224", num_classes=4, image_size=32)
    assert small.eval()(torch.zeros(2, 3, 32, 32)).shape == (2, 4)


@pytest.mark.parametrize("typed", ["TorchVision/ResNet18", "torchvision/RESNET18", "torchvision/resnet18"])
def test_a_librarys_network_is_found_in_any_case_and_recorded_under_its_name(typed: str) -> None:
    assert resolve({"model.name": typed}).model["name"] == "torchvision/resnet18"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("torchvision/ResNet81", "unknown network of torchvision 'ResNet81'; did you mean 'resnet"),
        ("torchvison/resnet18", "unknown library 'torchvison'; did you mean 'torchvision'? valid: torchvision, timm"),
    ],
)
def test_an_unknown_network_of_a_library_is_told_with_the_nearest(typed: str, said: str) -> None:
    with pytest.raises(UserError) as error:
        resolve({"model.name": typed})
    assert str(error.value).startswith(said)


def test_timms_names_are_found_in_any_case_too() -> None:
    pytest.importorskip("timm")
    assert ARCHITECTURES["Timm/ResNet10T"].name == "timm/resnet10t"
    with pytest.raises(UserError, match=r"unknown network of timm 'RESNET10X'; did you mean 'resnet10t'"):
        resolve({"model.name": "timm/RESNET10X"})
