"""Does it matter where batch norm stands: before the activation, after it, or both before the layer?

Before and after the activation are compared in a VGG, where every norm has an activation; in a residual block the norm
at the end of the branch has none. Pre-activation is compared with the residual network of He et al. 2015. quick:
VGG-11 and 14 residual layers of 8 channels on drawn shapes, each with a tuned learning rate. paper: VGG-11 and 110
residual layers of 16 channels on CIFAR-10, 64,000 steps of 128, rate divided at a half and three quarters, weight decay
1e-4.
"""

from litmus import Claim, Levels, Study, more
from litmus.design.protocols import HE_2015_CIFAR


def vgg(placement: str) -> Levels:
    return {"model.name": "vgg11_cifar", "norm.placement": placement}


def residual(pre_activation: bool) -> Levels:
    return {"model.name": "resnet_cifar", "model.pre_activation": pre_activation}


study = Study(
    source="He et al. 2016, Identity Mappings (arXiv 1603.05027)",
    base={
        "model.depth": 14, "model.width": 8, "model.norm": "batch",
        "data.name": "shapes", "data.image_size": 16, "data.num_classes": 6,
        "data.train_images": 3000, "data.test_images": 4000, "data.batch_size": 64,
        "optim.lr": 0.1, "optim.schedule": "cosine", "trainer.epochs": 8,
    },
    factors=["model.name", "norm.placement", "model.pre_activation"],
    arms={
        "VGG, before activation": vgg("before"),
        "VGG, after activation": vgg("after"),
        "residual, after addition": residual(pre_activation=False),
        "residual, pre-activation": residual(pre_activation=True),
    },
    baseline="VGG, before activation",
    seeds=6,
    tune={"optim.lr": [0.02, 0.05, 0.1]},
    presets={"paper": {**HE_2015_CIFAR, "model.depth": 110, "model.width": 16, "optim.warmup": 0.01}},
    limits={"quick": "Pre-activation is said to help networks of a hundred layers and more; 14 layers cannot show it."},
    claims=[
        Claim("Batch norm before the activation is more accurate than after it.",
              more("test_top1", "VGG, before activation", than="VGG, after activation"), "section 3.2",
              source="Ioffe & Szegedy 2015, Batch Normalization (arXiv 1502.03167)",
              paper="argued, not measured: what enters an activation is the more Gaussian", primary=True,
              answers="yes"),
        Claim("Pre-activation is more accurate.",
              more("test_top1", "residual, pre-activation", than="residual, after addition"), "table 3",
              paper="ResNet-110: 6.61 % to 6.37 % error; ResNet-1001: 7.61 % to 4.92 %", primary=True, answers="yes"),
    ],
)  # fmt: skip

if __name__ == "__main__":
    study.main()
