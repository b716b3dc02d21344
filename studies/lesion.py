"""What does a trained network lose when blocks are deleted or shuffled?

After training, blocks are deleted one at a time and several at a time, and exchanged, and the validation split is
evaluated again; the test set is not read. The result is a fraction of the intact network's accuracy. A plain and a
residual network of 20 layers differ only in the shortcuts, and both train; a third, residual network is deeper. quick:
half the width on scikit-learn's digits, each with a tuned learning rate, the deeper network of 32 layers. paper:
CIFAR-10, the deeper network of 110 layers (the paper's plain network is a VGG).
"""

import math

from litmus import POINTS, ArmResult, Claim, Study, exceeds, measure, more, probed
from litmus.design.protocols import HE_2015_CIFAR

PLAIN, RESIDUAL, DEEPER = "plain, 20 layers", "residual, 20 layers", "residual, deeper"
INTACT, WITHOUT_ONE = probed("top1_intact"), probed("top1_without")


@measure(POINTS)
def kept(result: ArmResult, seed: int) -> float:
    """Return the share of the intact network's accuracy that it has without one block, the mean over the blocks."""
    intact = INTACT(result, seed)
    return WITHOUT_ONE(result, seed) / intact if intact > 0 else math.nan


study = Study(
    source="Veit et al. 2016, Residual Networks Behave Like Ensembles (arXiv 1605.06431)",
    base={
        "model.name": "resnet_cifar", "model.depth": 32, "model.width": 8,
        "data.name": "digits", "data.batch_size": 64, "data.validation": 0.3,
        "optim.lr": 0.05, "trainer.epochs": 12,
    },
    factors=["model.residual", "model.depth"],
    arms={
        PLAIN: {"model.residual": False, "model.depth": 20},
        RESIDUAL: {"model.residual": True, "model.depth": 20},
        DEEPER: {"model.residual": True},
    },
    baseline=PLAIN,
    seeds=5,
    tune={"optim.lr": [0.02, 0.1]},
    presets={
        "paper": {
            **HE_2015_CIFAR, "model.depth": 110, "model.width": 16, "data.validation": 0.1, "optim.warmup": 0.01,
        }
    },
    probes=["lesion"],
    measures={"share of the accuracy kept without one block": kept},
    claims=[
        Claim("Without one block a residual network keeps over ten points more of its accuracy than its plain twin.",
              more(kept, RESIDUAL, than=PLAIN), "section 4.1", threshold=0.1,
              paper="ResNet-110: hardly anything is lost; VGG-15: all down to chance", primary=True),
        Claim("A deeper residual network keeps most of its accuracy without one block: above 80 % of it on average.",
              exceeds(kept, DEEPER), "section 4.1", threshold=0.8, primary=True),
    ],
)  # fmt: skip

if __name__ == "__main__":
    study.main()
