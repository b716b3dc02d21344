"""Does it matter where batch norm stands: before the activation, after it, or both before the layer?

CIFAR residual networks of He et al. 2015, SGD with momentum 0.9. quick: 14 layers of a quarter the width on
scikit-learn's digits. paper: 110 layers on CIFAR-10, 64,000 steps of 128, lr 0.1 divided at a half and three quarters,
weight decay 1e-4.
"""

from studies.design import Claim, Study, alike, more
from studies.design.protocols import HE_2015_CIFAR

study = Study(
    source="He et al. 2016, Identity Mappings (arXiv 1603.05027)",
    base={
        "model.name": "resnet_cifar", "model.depth": 14, "model.width": 8,
        "data.name": "digits", "data.batch_size": 64,
        "optim.lr": 0.1, "optim.schedule": "cosine", "trainer.epochs": 12,
    },
    factors=["norm.placement", "model.pre_activation"],
    arms={
        "before activation": {"norm.placement": "before", "model.pre_activation": False},
        "after activation": {"norm.placement": "after", "model.pre_activation": False},
        "pre-activation": {"norm.placement": "before", "model.pre_activation": True},
    },
    baseline="before activation",
    seeds=6,
    presets={"paper": {**HE_2015_CIFAR, "model.depth": 110, "model.width": 16, "optim.warmup": 0.01}},
    limits={"quick": "Pre-activation is said to help networks of a hundred layers and more; 14 layers cannot show it."},
    claims=[
        Claim("Before or after the activation makes no difference of a percentage point.",
              alike("test_top1", "after activation", "before activation"),
              "section 3.2 puts it before; after occurs as well", threshold=0.01,
              source="Ioffe & Szegedy 2015, Batch Normalization (arXiv 1502.03167)"),
        Claim("Pre-activation is more accurate.",
              more("test_top1", "pre-activation", than="before activation"), "table 3",
              paper="ResNet-110: 6.61 % to 6.37 % error; ResNet-1001: 7.61 % to 4.92 %"),
    ],
)  # fmt: skip

if __name__ == "__main__":
    from studies.command.main import run_script

    run_script(study)
