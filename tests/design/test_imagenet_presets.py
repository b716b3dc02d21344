"""Studies on ImageNet, and networks that are said to be equal in size."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch

from litmus.design.plan import Plan, expand
from litmus.design.study_files import STUDIES
from litmus.lit_archs.building.registry import construct
from litmus.training.network import network_options

ON_IMAGENET = ("architectures", "kernel_size", "residual_depth", "squeeze_excite", "cardinality", "augmentation")


def parameters(plan: Plan, classes: int, shape: tuple[int, int, int]) -> dict[str, int]:
    """Return the parameters of each arm's network."""
    counts = {}
    for arm in plan.arms:
        with torch.device("meta"):
            options: Mapping[str, Any] = network_options(arm.config, classes, shape)
            counts[arm.label] = sum(p.numel() for p in construct(arm.config.model["name"], **options).parameters())
    return counts


@pytest.mark.parametrize("name", ON_IMAGENET)
def test_the_preset_imagenet_trains_networks_of_224_pixels_on_a_folder(name: str) -> None:
    plan = expand(STUDIES[name], preset="imagenet", settings={"data.root": "/somewhere"})
    assert len(plan.arms) == {"kernel_size": 2, "residual_depth": 4, "squeeze_excite": 4}.get(name, len(plan.arms))
    for arm in plan.arms:
        data = arm.config.data
        assert (data.name, data.root) == ("folder", "/somewhere")
        assert (data.options["image_size"], data.options["stored_size"]) == (224, 256)
        assert data.batch_size == 256
    assert plan.study.claims
    assert min(parameters(plan, 1000, (3, 224, 224)).values()) > 5e6


@pytest.mark.parametrize(
    ("name", "preset", "classes", "shape", "tolerance"),
    [
        ("width_depth", "quick", 10, (1, 8, 8), 0.02),
        ("width_depth", "paper", 10, (3, 32, 32), 0.02),
        ("cardinality", "imagenet", 1000, (3, 224, 224), 0.03),
        ("dense_gradients", "paper", 10, (3, 32, 32), 0.02),
        ("residual_imagenet", "quick", 6, (3, 32, 32), 1.0),
    ],
)
def test_networks_said_to_be_equal_have_about_the_same_parameters(
    name: str, preset: str, classes: int, shape: tuple[int, int, int], tolerance: float
) -> None:
    counts = parameters(expand(STUDIES[name], preset=preset), classes, shape)
    if name == "residual_imagenet":
        for depth in (18, 34):
            assert counts[f"plain, {depth} layers"] == counts[f"residual, {depth} layers"]
        return
    assert max(counts.values()) / min(counts.values()) - 1 < tolerance


def test_the_wider_rival_has_more_parameters_than_squeeze_and_excitation() -> None:
    counts = parameters(expand(STUDIES["squeeze_excite"], preset="imagenet"), 1000, (3, 224, 224))
    assert counts["without"] < counts["average squeeze"] == counts["max squeeze"] < counts["without, wider"]
    assert counts["without, wider"] / counts["without"] == pytest.approx(1.12, abs=0.005)
