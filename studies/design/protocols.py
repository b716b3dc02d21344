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

HE_2015_CIFAR: dict[str, Any] = {**CIFAR_STEPWISE, "data.centring": "pixel_mean"}
"""The same with the mean of each pixel subtracted and nothing divided by: He et al. 2015 (arXiv 1512.03385), 4.2."""

IOFFE_2015_MNIST: dict[str, Any] = {
    "model.name": "mlp",
    "init.scheme": "normal",
    "init.gain": 10.0,
    "data.name": "mnist",
    "data.binary": True,
    "data.validation": 1 / 6,
    "data.batch_size": 60,
    "optim.momentum": 0.0,
    "trainer.epochs": 60,
}
"""Three layers of 100 sigmoid units, binary MNIST, 50,000 training images, 50,000 steps of 60, plain SGD: Ioffe &
Szegedy 2015 (arXiv 1502.03167), section 4.1. The paper names neither its learning rate nor the size of the Gaussian
weights: their standard deviation is 0.1 here."""
