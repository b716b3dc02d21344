"""Training protocols of papers that several studies follow, each written once."""

from typing import Any

CIFAR_STEPWISE: dict[str, Any] = {
    "data.name": "cifar10",
    "data.batch_size": 128,
    "data.validation": 0.1,
    "data.augment": "cifar",
    "optim.lr": 0.1,
    "optim.weight_decay": 1e-4,
    "optim.schedule": "multistep",
    "trainer.epochs": 182,
}
"""CIFAR-10, 45,000 and 5,000 images; batches of 128, about 64,000 steps; SGD with momentum 0.9 and weight decay 1e-4,
0.1 divided by ten at a half and three quarters; pad-4 crops and flips; each channel's mean and deviation taken out."""

CIFAR_16_PIXELS: dict[str, Any] = {
    **CIFAR_STEPWISE,
    "data.image_size": 16,
    "data.augment": "crop_flip",
    "trainer.epochs": 12,
}
"""The same with images of half the side, and crops in proportion, for 12 epochs: what two cores train in minutes."""

HE_2015_CIFAR: dict[str, Any] = {**CIFAR_STEPWISE, "data.centring": "pixel_mean"}
"""The same with the mean of each pixel subtracted and nothing divided by: He et al. 2015 (arXiv 1512.03385), 4.2."""

IMAGENET_FOLDER: dict[str, Any] = {
    "data.name": "folder",
    "data.image_size": 224,
    "data.stored_size": 256,
    "data.batch_size": 256,
    "data.validation": 0.04,
}
"""ImageNet or a part of it as an image folder, `--data.root DIR`: the shorter side at 256 pixels, of which the middle
is kept; the network sees 224. Of 1,281,167 training images 51,000 are for validation."""

IMAGENET_STEPWISE: dict[str, Any] = {
    **IMAGENET_FOLDER,
    "data.augment": "imagenet",
    "optim.lr": 0.1,
    "optim.weight_decay": 1e-4,
    "optim.schedule": "multistep",
    "optim.milestones": [1 / 3, 2 / 3],
    "trainer.epochs": 90,
}
"""ImageNet as torchvision trains residual networks: 90 epochs of batches of 256, SGD with momentum 0.9 and weight decay
1e-4, 0.1 divided by ten every 30 epochs; random parts at random aspect ratios, flips."""

HE_2015_IMAGENET: dict[str, Any] = {
    **IMAGENET_FOLDER,
    "data.augment": "alexnet",
    "data.centring": "pixel_mean",
    "data.test_crops": 10,
    "optim.lr": 0.1,
    "optim.weight_decay": 1e-4,
    "optim.schedule": "plateau",
    "trainer.epochs": 120,
}
"""ImageNet in He et al. 2015 (arXiv 1512.03385), section 3.4: 600,000 steps of 256, 0.1 divided by ten at plateaus, 224
pixels out of larger images, flips, colours shifted as for AlexNet, the mean of each pixel subtracted, ten crops in the
test. The paper resizes the shorter side to 256 to 480 pixels at random; here it is 256."""

SIMONYAN_2014_IMAGENET: dict[str, Any] = {
    **IMAGENET_FOLDER,
    "data.augment": "alexnet",
    "optim.lr": 0.01,
    "optim.weight_decay": 5e-4,
    "optim.schedule": "plateau",
    "trainer.epochs": 74,
}
"""ImageNet in Simonyan & Zisserman 2014 (arXiv 1409.1556), section 3.1: 74 epochs of batches of 256, 0.01 divided by
ten at plateaus, weight decay 5e-4, crops of 224 out of 256, flips and shifted colours."""

IOFFE_2015_MNIST: dict[str, Any] = {
    "model.name": "mlp",
    "init.scheme": "normal",
    "init.gain": 10.0,
    "data.name": "mnist",
    "data.binary": True,
    "data.validation": 1 / 6,
    "data.batch_size": 60,
    "optim.momentum": 0.0,
    "optim.schedule": "constant",
    "trainer.epochs": 60,
}
"""Three layers of 100 sigmoid units, binary MNIST, 50,000 training images, 50,000 steps of 60, plain SGD: Ioffe &
Szegedy 2015 (arXiv 1502.03167), section 4.1. The paper names neither its learning rate nor the size of the Gaussian
weights: their standard deviation is 0.1 here."""
