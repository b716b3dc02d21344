"""Is tuned SGD with momentum better than tuned Adam, and is weight decay better apart from the gradient?

SGD with momentum and Adam without decay and with it, as an L2 penalty in the gradient or, AdamW, apart from it. Every
arm tunes its learning rate over the same values, with the same number of trials. The decays shrink weights by about as
much a step at the usual rate of each. quick: a network of three convolutions with batch norm on drawn shapes. paper:
ResNet-20 on CIFAR-10, 90 epochs.
"""

from dataclasses import replace

from litmus import Claim, Levels, Study, Tuning, more

WILSON = "Wilson et al. 2017, The Marginal Value of Adaptive Gradient Methods (arXiv 1705.08292)"
CHOI = "Choi et al. 2019, On Empirical Comparisons of Optimizers for Deep Learning (arXiv 1910.05446)"


def arms(penalty: float, decay: float) -> dict[str, Levels]:
    """Return the arms for an L2 penalty and for AdamW's decay."""
    return {
        "SGD": {"optim.name": "sgd", "optim.weight_decay": 0.0},
        "SGD, L2": {"optim.name": "sgd", "optim.weight_decay": penalty},
        "Adam": {"optim.name": "adam", "optim.weight_decay": 0.0},
        "Adam, L2": {"optim.name": "adam", "optim.weight_decay": penalty},
        "AdamW": {"optim.name": "adamw", "optim.weight_decay": decay},
    }


quick = Study(
    source="Loshchilov & Hutter 2017, Decoupled Weight Decay Regularization (arXiv 1711.05101)",
    base={
        "model.name": "convnet", "model.blocks": 3, "model.convolutions": 1, "model.width": 8, "model.dense_units": 32,
        "model.norm": "batch",
        "data.name": "shapes", "data.image_size": 16, "data.num_classes": 6,
        "data.train_images": 1500, "data.test_images": 5000, "data.batch_size": 32,
        "optim.schedule": "cosine", "trainer.epochs": 12,
    },
    factors=["optim.name", "optim.weight_decay"],
    arms=arms(0.003, 0.05),
    baseline="SGD",
    seeds=6,
    tune=Tuning({"optim.lr": [0.002, 0.01, 0.05, 0.2]}),
    limits={
        "quick": "12 epochs of 1,350 images are too few for a decay to show what it does in hundreds of epochs, and "
        "one decay of each kind is tried."
    },
    claims=[
        Claim("Tuned with as many trials, Adam is no less accurate than SGD with momentum, to three points.",
              more("test_top1", "Adam", than="SGD"), "section 4", source=CHOI, threshold=-0.03, primary=True,
              answers="no"),
        Claim("With an L2 penalty SGD is more accurate than Adam.",
              more("test_top1", "SGD, L2", than="Adam, L2"), "section 4", source=WILSON),
        Claim("AdamW is more accurate than Adam with an L2 penalty.",
              more("test_top1", "AdamW", than="Adam, L2"), "section 4"),
        Claim("An L2 penalty makes SGD more accurate.", more("test_top1", "SGD, L2", than="SGD"), "section 4"),
        Claim("Decay apart from the gradient makes Adam more accurate.",
              more("test_top1", "AdamW", than="Adam"), "section 4"),
    ],
)  # fmt: skip

study = replace(
    quick,
    presets={
        "paper": replace(
            quick,
            base={
                "model.name": "resnet_cifar", "model.depth": 20, "model.width": 16,
                "data.name": "cifar10", "data.augment": "cifar", "data.batch_size": 128,
                "optim.schedule": "cosine", "trainer.epochs": 90,
            },
            arms=arms(5e-4, 0.05),
            limits={},
        )
    },
)  # fmt: skip

if __name__ == "__main__":
    study.main()
