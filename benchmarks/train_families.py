"""Train each family for a few steps on MNIST: `python benchmarks/train_families.py DATA` prints accuracy and chance.

DATA holds MNIST/raw. Classifiers see digits padded or resized to a size that they take; U-Net segments the digit from
its background. Small widths: this shows that every family learns, not how well it can.
"""

import sys
import time
from typing import Any

import torch
import torchvision
from torch import Tensor
from torch.nn import functional

from litmus import lit_archs
from litmus.lit_archs.building.registry import ARCHITECTURES
from litmus.lit_archs.learning.loss import classification_loss

STEPS, BATCH, TEST_IMAGES = 150, 64, 1000
CHANCE = 0.1

FAMILIES: dict[str, tuple[int, dict[str, Any]]] = {
    "mlp": (28, {"activation": "relu"}),
    "lenet5": (32, {}),
    "lenet5_1998": (32, {}),
    "alexnet": (63, {"width": 0.25, "dense_units": 256, "dropout": 0.0, "norm": "batch"}),
    "alexnet_cifar": (32, {"width": 0.25, "dense_units": 256, "dropout": 0.0, "norm": "batch"}),
    "vgg11": (32, {"width": 16, "dense_units": 256, "dropout": 0.0, "norm": "batch"}),
    "vgg11_cifar": (32, {"width": 8}),
    "googlenet": (64, {"width": 0.125, "auxiliary": True}),
    "googlenet_cifar": (16, {"width": 0.125}),
    "resnet18": (32, {"width": 8}),
    "resnet20": (16, {"width": 8}),
    "plain20": (16, {"width": 8}),
    "wide_resnet16_2": (16, {}),
    "resnext29_4x4d": (16, {"width": 8}),
    "seresnet50": (32, {"width": 8}),
    "densenet121": (32, {"growth_rate": 4}),
    "densenet_cifar": (16, {"depth": 22, "growth_rate": 6}),
    "unet": (28, {"width": 8, "depth": 2, "norm": "batch"}),
}
"""Image size and options by name."""


def digits(root: str, train: bool, count: int) -> tuple[Tensor, Tensor]:
    """Return images [count, 1, 28, 28] in [0, 1] and labels."""
    data = torchvision.datasets.MNIST(root, train=train)
    return data.data[:count, None].float() / 255, data.targets[:count]


def resized(images: Tensor, size: int) -> Tensor:
    """Return the images at `size` pixels: padded where it is close to 28, else interpolated; standardised."""
    if 28 <= size <= 32:
        images = functional.pad(images, [(size - 28) // 2] * 4)
    else:
        images = functional.interpolate(images, (size, size), mode="bilinear", antialias=True)
    return (images - 0.13) / 0.31


def train(name: str, size: int, options: dict[str, Any], data: tuple[Tensor, ...]) -> tuple[float, float]:
    """Return the accuracy on test digits (of pixels, balanced over the classes, for U-Net) and the seconds taken."""
    torch.manual_seed(0)
    segments = ARCHITECTURES[name].task == "segmentation"
    classes = 2 if segments else 10
    network = lit_archs.build(name, num_classes=classes, in_channels=1, image_size=size, **options)
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3)
    images, labels, test_images, test_labels = data
    start = time.perf_counter()
    for step in range(STEPS):
        chosen = slice(step * BATCH, (step + 1) * BATCH)
        target = (images[chosen, 0] > 0.5).long() if segments else labels[chosen]
        loss = classification_loss(network, network(resized(images[chosen], size)), target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    seconds = time.perf_counter() - start
    network.eval()
    with torch.no_grad():
        answers = torch.cat([network(resized(part, size)).argmax(1) for part in test_images.split(200)])
    target = (test_images[:, 0] > 0.5).long() if segments else test_labels
    accuracies = [(answers[target == label] == label).float().mean() for label in range(classes)]
    return torch.stack(accuracies).mean().item(), seconds


def main(root: str) -> None:
    data = (*digits(root, True, STEPS * BATCH), *digits(root, False, TEST_IMAGES))
    print(f"{STEPS} steps of {BATCH} MNIST digits, AdamW; balanced accuracy on {TEST_IMAGES} test digits")
    print(f"{'network':<18} {'pixels':>6} {'chance':>7} {'accuracy':>9} {'seconds':>8}")
    for name, (size, options) in FAMILIES.items():
        accuracy, seconds = train(name, size, options, data)
        chance = 0.5 if ARCHITECTURES[name].task == "segmentation" else CHANCE
        print(f"{name:<18} {size:>6} {chance:>7.0%} {accuracy:>9.1%} {seconds:>8.1f}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
