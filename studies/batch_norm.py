"""Does batch normalisation speed up training, raise accuracy and allow higher learning rates?

Each norm is trained at five learning rates, and the best one on the validation split represents it. Without norm every
channel keeps its shift. quick: a plain network of 14 layers on scikit-learn's digits, because shortcuts would help
where the norm does; SGD with momentum 0.9. cifar16: that network at twice the width on CIFAR-10 at 16 pixels, four
epochs. mnist: LeNet-5, five epochs, evaluated eight times an epoch. paper: section 4.1 of Ioffe & Szegedy 2015, as
`batch_norm_mnist`.
"""

from dataclasses import replace

from litmus import Claim, Study, higher_limit, more, sooner
from litmus.design.protocols import CIFAR_16_PIXELS, IOFFE_2015_MNIST

WITH, WITHOUT = {"model.norm": "batch"}, {"model.norm": "none"}
RATE = 0.03

quick = Study(
    source="Ioffe & Szegedy 2015, Batch Normalization (arXiv 1502.03167)",
    base={
        "model.name": "resnet_cifar", "model.residual": False, "model.depth": 14, "model.width": 8,
        "data.name": "digits", "data.batch_size": 32, "data.validation": 0.2,
        "optim.schedule": "cosine", "trainer.epochs": 10, "trainer.validations_per_epoch": 3,
    },
    factors={"model.norm": ["none", "batch"], "optim.lr": [0.01, 0.03, 0.1, 0.3, 1.0]},
    baseline={"model.norm": "none", "optim.lr": RATE},
    seeds=6,
    for_data={
        "mnist": {
            "model.name": "lenet5",
            "data.batch_size": 128, "data.validation": 1 / 12,
            "trainer.epochs": 5, "trainer.validations_per_epoch": 8,
        }
    },
    claims=[
        Claim("At a rate of 0.03 the net with batch norm reaches the best of the net without in fewer steps.",
              sooner({**WITH, "optim.lr": RATE}, than={**WITHOUT, "optim.lr": RATE}, share=1.0),
              "section 4.2.2, figure 3",
              paper="Inception to 72.2 %, its best without: 31.0 M steps without, 13.3 M with, at one rate"),
        Claim("Each at its fastest rate, the net with batch norm reaches it in fewer steps.",
              sooner(WITH, than=WITHOUT, share=1.0, choose="speed"), "section 4.2.2, figure 3",
              primary=True, answers="yes",
              paper="Inception to 72.2 %: 31.0 M steps without, 2.1 M with, at five times the rate"),
        Claim("Batch norm allows higher learning rates.",
              higher_limit("optim.lr", WITH, than=WITHOUT), "sections 3.3 and 4.2.2", primary=True, answers="yes",
              paper="trains at 30 times the learning rate"),
        Claim("Batch norm reaches a higher accuracy.",
              more("test_top1", WITH, than=WITHOUT), "section 4.1", primary=True, answers="yes"),
    ],
)  # fmt: skip

study = replace(
    quick,
    presets={
        "paper": IOFFE_2015_MNIST,
        "cifar16": replace(
            quick,
            base={
                **quick.base, **CIFAR_16_PIXELS, "model.width": 16, "optim.schedule": "cosine", "trainer.epochs": 4,
                "trainer.validations_per_epoch": 4,
            },
            seeds=5,
            limits={"cifar16": "Four epochs show who learns faster, not where either ends."},
        ),
    },
)  # fmt: skip

if __name__ == "__main__":
    study.main()
