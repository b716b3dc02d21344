"""Every network costs and starts to train as the tables say, and the costs are the published ones."""

import json

import pytest
from network_tables import COMMAND, first_losses, options_of, read_first_losses
from reduced_networks import every_variant, variants

from litmus.lit_archs.cost.table import measure, read_table

PRECISION = 2e-3
"""Relative. Draws in single precision may differ in their last digit from one kind of CPU to another, which networks
that normalise maps of a few pixels enlarge: a change of 1e-7 in all weights moves the worst of them by as much."""

PUBLISHED = {
    "lenet5": 61_706, "lenet5_1998": 60_000, "alexnet": 61_100_840, "vgg11": 132_863_336, "vgg13": 133_047_848,
    "vgg16": 138_357_544, "vgg19": 143_667_240, "googlenet": 6_624_904, "resnet18": 11_689_512,
    "resnet34": 21_797_672, "resnet50": 25_557_032, "resnet101": 44_549_160, "resnet152": 60_192_808,
    "resnext50_32x4d": 25_028_904, "seresnet50": 28_088_024, "seresnext50_32x4d": 27_559_896,
    "densenet121": 7_978_856, "densenet169": 14_149_480, "densenet201": 20_013_928, "plain56": 853_018,
}  # fmt: skip
"""torchvision's counts of parameters where it has the network, timm's for SE; LeCun et al. 1998, section II.B."""
ROUNDED = {
    "resnet20": "0.27", "resnet32": "0.46", "resnet44": "0.66", "resnet56": "0.85", "resnet110": "1.7",
    "wide_resnet16_4": "2.7", "wide_resnet28_10": "36.5", "wide_resnet40_4": "8.9",
    "resnext29_8x64d": "34.4", "resnext29_16x64d": "68.2", "densenet40_k12": "1.0", "densenet_bc100_k12": "0.8",
}  # fmt: skip
"""Millions, as the papers quote them (ResNeXt-29, 16×64d: 68.1 in the paper, 68.155 here)."""


@pytest.mark.parametrize("name", every_variant())
def test_the_first_step_is_what_it_was(name: str) -> None:
    expected = read_first_losses().get(name, {})
    for options in options_of(name):
        key = json.dumps(options)
        assert key in expected, f"no first loss of {name} {key}: {COMMAND}"
        assert first_losses(name, options) == pytest.approx(expected[key], rel=PRECISION), (
            f"{name} {key} computes something else than it did; where that is meant, {COMMAND}"
        )


def test_both_tables_have_every_network_and_no_other() -> None:
    assert [row.name for row in read_table()] == variants(), COMMAND
    assert list(read_first_losses()) == variants(), COMMAND


@pytest.mark.parametrize("name", every_variant())
def test_costs_are_those_of_the_table(name: str) -> None:
    assert measure(name) in read_table(), f"{name} costs something else than the table says: {COMMAND}"


def test_parameters_are_the_published_ones() -> None:
    counts = {row.name: row.parameters for row in read_table()}
    assert {name: counts[name] for name in PUBLISHED} == PUBLISHED
    for name, millions in ROUNDED.items():
        digits = len(millions.partition(".")[2])
        assert f"{counts[name] / 1e6:.{digits}f}" == millions, name
