"""Networks that a study says are equal in size are."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch

from litmus.design.plan import Plan, expand
from litmus.design.study_files import STUDIES
from litmus.lit_archs.building.registry import construct
from litmus.lit_archs.cost.profile import profile_of, total
from litmus.studies.unet_skips import ADD, CONCATENATE, NONE
from litmus.training.network import network_options


def parameters(plan: Plan, classes: int, shape: tuple[int, int, int]) -> dict[str, int]:
    """Return the parameters of each arm's network."""
    counts = {}
    for arm in plan.arms:
        with torch.device("meta"):
            options: Mapping[str, Any] = network_options(arm.config, classes, shape)
            counts[arm.label] = sum(p.numel() for p in construct(arm.config.model["name"], **options).parameters())
    return counts


@pytest.mark.parametrize(
    ("name", "preset", "classes", "shape", "tolerance"),
    [
        ("width_depth", "paper", 10, (3, 32, 32), 0.02),
        ("cardinality", "imagenet", 1000, (3, 224, 224), 0.03),
    ],
)
def test_networks_said_to_be_equal_have_about_the_same_parameters(
    name: str, preset: str, classes: int, shape: tuple[int, int, int], tolerance: float
) -> None:
    counts = parameters(expand(STUDIES[name], preset=preset), classes, shape)
    assert max(counts.values()) / min(counts.values()) - 1 < tolerance


def test_the_wider_rival_has_more_parameters_than_squeeze_and_excitation() -> None:
    counts = parameters(expand(STUDIES["squeeze_excite"], preset="imagenet"), 1000, (3, 224, 224))
    assert counts["without"] < counts["average squeeze"] == counts["max squeeze"] < counts["without, wider"]
    assert counts["without, wider"] / counts["without"] == pytest.approx(1.12, abs=0.005)


@pytest.mark.parametrize("preset", ["quick", "paper"])
def test_the_skips_of_a_unet_cost_about_the_same(preset: str) -> None:
    costs = {}
    for arm in expand(STUDIES["unet_skips"], preset=preset).arms:
        size = arm.config.data.options["image_size"]
        options = network_options(arm.config, 4, (3, size, size))
        costs[arm.label] = total(profile_of(lambda options=options: construct("unet", **options), (3, size, size)))
    assert costs[NONE] == costs[ADD]
    assert 1.08 < costs[NONE].parameters / costs[CONCATENATE].parameters < 1.1
    assert 0.965 < costs[NONE].flops / costs[CONCATENATE].flops < 0.99
