"""Every variant at a small size, for tests that run all of them."""

import contextlib
import math
from functools import cache
from typing import Any, get_args

import pytest
import torch
from torch import Tensor, nn

from litmus import lit_archs
from litmus.core.errors import UserError
from litmus.lit_archs.building.registry import ARCHITECTURES, construct, names
from litmus.lit_archs.cost.table import read_table
from litmus.lit_archs.layers.norm_activation import Norm
from litmus.lit_archs.learning.loss import classification_loss

CLASSES = 5
_SMALL: dict[str, dict[type, Any]] = {
    "width": {int: 4, float: 0.125},
    "growth_rate": {int: 4},
    "stage_blocks": {int: 1},
    "dense_units": {int: 16},
    "auxiliary": {bool: True},
}
"""What makes a network small, by the option's name and type."""
LARGE = {"densenet121", "googlenet", "resnext29_8x64d"}
"""Families of which even the smallest network takes seconds; their blocks are tested in another family."""
_SIZES = (16, 24, 32, 48, 80)
"""Pixels; on less than 32, networks made for large images shrink them to one."""


def variants() -> list[str]:
    """Return the names that the package itself registers; a test may have added others."""
    return [name for name in names() if ARCHITECTURES[name].make.__module__.startswith("litmus.lit_archs.")]


def smallest_of_each_family() -> list[str]:
    """Return, of the names that one function builds, the one of the fewest FLOPs; the others differ in depth."""
    flops = {row.name: row.flops for row in read_table()}
    cheapest: dict[Any, str] = {}
    for name in sorted(variants(), key=lambda name: flops.get(name, math.inf)):
        cheapest.setdefault(ARCHITECTURES[name].make, name)
    return sorted(cheapest.values())


def families() -> list[Any]:
    """Return the smallest network of each family to parametrise a test by; those of `LARGE` ones are slow."""
    return [pytest.param(name, marks=_slow(name in LARGE)) for name in smallest_of_each_family()]


def every_variant() -> list[Any]:
    """Return all variants to parametrise a test by: the smallest of each family by default, the others if slow."""
    default = set(smallest_of_each_family()) - LARGE
    return [pytest.param(name, marks=_slow(name not in default)) for name in variants()]


def _slow(slow: bool) -> list[pytest.MarkDecorator]:
    return [pytest.mark.slow] if slow else []


def small_options(name: str) -> dict[str, Any]:
    """Return the options of `name` that make it small."""
    keys = ARCHITECTURES[name].keys()
    return {option: _SMALL[option][type(key.default)] for option, key in keys.items() if option in _SMALL}


def norms_of(name: str) -> list[str]:
    """Return the norms that studies can give the network; none where it has no norm or its name decides."""
    norms = get_args(Norm) if "norm" in ARCHITECTURES[name].keys() else ()  # noqa: SIM118
    # A vector has no statistics of an instance.
    return [norm for norm in norms if (name, norm) != ("mlp", "instance")]


@cache
def size_of(name: str) -> int:
    """Return the smallest image size that the variant takes."""
    large = ARCHITECTURES[name].input_shape[1] > 100
    for size in _SIZES[2 if large else 0 :]:
        with contextlib.suppress(UserError), torch.device("meta"):
            construct(name, num_classes=CLASSES, image_size=size, **small_options(name))
            return size
    raise AssertionError(f"{name} takes no images of {_SIZES} pixels")


def reduced(name: str, in_channels: int = 3, image_size: int | None = None, **options: Any) -> nn.Module:
    """Build `name` narrow, for images of `size_of(name)` pixels."""
    size = image_size or size_of(name)
    settings = {**small_options(name), **options}
    return lit_archs.build(name, num_classes=CLASSES, in_channels=in_channels, image_size=size, **settings)


def loss_of(network: nn.Module, images: Tensor) -> Tensor:
    """Return the training loss on `images` with arbitrary labels, an image or a pixel each."""
    outputs = network(images)
    shape = (len(images), *outputs.shape[2:]) if isinstance(outputs, Tensor) else (len(images),)
    return classification_loss(network, outputs, torch.arange(torch.Size(shape).numel()).reshape(shape) % CLASSES)
