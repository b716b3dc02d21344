"""Every variant at a small size, for tests that run all of them."""

from typing import Any

import torch
from torch import Tensor, nn

import lit_archs
from lit_archs.building.registry import ARCHITECTURES, names
from lit_archs.learning.loss import classification_loss

CLASSES = 5
_BY_FAMILY: dict[str, dict[str, Any]] = {
    "mlp": {"width": 8},
    "lenet5": {},
    "lenet5_1998": {},
    "alexnet": {"width": 0.1, "dense_units": 16},
    "alexnet_cifar": {"width": 0.1, "dense_units": 16},
    "vgg": {"width": 4, "dense_units": 16},
    "vgg_cifar": {"width": 4},
    "googlenet": {"width": 0.125, "auxiliary": True},
    "googlenet_cifar": {"width": 0.125, "auxiliary": True},
    "inception_stack": {"width": 0.125},
    "resnet": {"width": 8},
    "resnet_cifar": {"width": 4},
    "plain_cifar": {"width": 4},
    "wide_resnet_cifar": {"width": 2},
    "resnext_cifar": {"width": 4},
    "densenet": {"growth_rate": 4},
    "densenet_cifar": {"growth_rate": 4},
    "unet": {"width": 4},
}
_SIZE = {"alexnet": 80, "vgg": 32, "googlenet": 48, "resnet": 48, "densenet": 48, "unet": 32, "alexnet_cifar": 24}
"""Pixels; 16 for the other families."""


def variants() -> list[str]:
    """Return the names that the package itself registers; a test may have added others."""
    return [name for name in names() if ARCHITECTURES[name].make.__module__.startswith("lit_archs.")]


def family(name: str) -> str:
    """Return the name of the function that builds `name`."""
    return ARCHITECTURES[name].make.__name__


def size_of(name: str) -> int:
    """Return a small image size that the variant takes."""
    return _SIZE.get(family(name), 16)


def reduced(name: str, in_channels: int = 3, image_size: int | None = None, **options: Any) -> nn.Module:
    """Build `name` narrow, for images of `size_of(name)` pixels."""
    size = image_size or size_of(name)
    settings = {**_BY_FAMILY[family(name)], **options}
    return lit_archs.build(name, num_classes=CLASSES, in_channels=in_channels, image_size=size, **settings)


def loss_of(network: nn.Module, images: Tensor) -> Tensor:
    """Return the training loss on `images` with arbitrary labels, an image or a pixel each."""
    outputs = network(images)
    shape = (len(images), *outputs.shape[2:]) if isinstance(outputs, Tensor) else (len(images),)
    return classification_loss(network, outputs, torch.arange(torch.Size(shape).numel()).reshape(shape) % CLASSES)
