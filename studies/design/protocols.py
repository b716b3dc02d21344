"""Training protocols of papers that several studies follow, each written once."""

from typing import Any

CIFAR_STEPWISE: dict[str, Any] = {
    "data.name": "cifar10",
    "data.batch_size": 128,
    "data.augment": "cifar",
    "optim.lr": 0.1,
    "optim.weight_decay": 1e-4,
    "optim.schedule": "multistep",
    "trainer.epochs": 182,
}
"""CIFAR-10, 45,000 and 5,000 images; batches of 128, about 64,000 steps; SGD with momentum 0.9 and weight decay 1e-4,
0.1 divided by ten at a half and three quarters; pad-4 crops and flips; each channel's mean and deviation taken out."""

HE_2015_CIFAR: dict[str, Any] = {**CIFAR_STEPWISE, "data.centring": "pixel"}
"""The same with the mean of each pixel subtracted: He et al. 2015 (arXiv 1512.03385), section 4.2."""
