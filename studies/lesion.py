"""What does a trained network lose when blocks are deleted or shuffled?

After training, blocks are deleted one at a time and several at a time, and shuffled, and the validation split is
evaluated again; the test set stays unread. quick: 32 layers of half the width on scikit-learn's digits. paper: 110
layers on CIFAR-10 (the paper's plain network is a VGG of 15 layers).
"""

from studies.design import POINTS, ArmResult, Claim, Levels, Study, exceeds, measure, more, probed
from studies.design.protocols import HE_2015_CIFAR

PLAIN: Levels = {"model.residual": False}
RESIDUAL: Levels = {"model.residual": True}
WITHOUT_ONE = probed("top1_without", unit=POINTS)


@measure(POINTS)
def lost(result: ArmResult, seed: int) -> float:
    """Return the validation accuracy that deleting one block costs, the mean over the blocks."""
    return result.values("val_top1")[seed] - WITHOUT_ONE(result, seed)


study = Study(
    source="Veit et al. 2016, Residual Networks Behave Like Ensembles (arXiv 1605.06431)",
    base={
        "model.name": "resnet_cifar", "model.depth": 32, "model.width": 8,
        "data.name": "digits", "data.batch_size": 64, "data.validation": 0.3,
        "optim.lr": 0.05, "trainer.epochs": 12,
    },
    factors={"model.residual": [False, True]},
    baseline=PLAIN,
    seeds=5,
    presets={
        "paper": {
            **HE_2015_CIFAR, "model.depth": 110, "model.width": 16, "data.validation": 0.1, "optim.warmup": 0.01,
        }
    },
    probes=["lesion"],
    measures={"validation accuracy lost with one block": lost},
    claims=[
        # not checked at the source: that the VGG has 15 layers
        Claim("Deleting one block costs a residual network less than a plain one, by more than ten points.",
              more(lost, PLAIN, than=RESIDUAL), "section 4.1", threshold=0.1,
              paper="ResNet-110: hardly anything; VGG-15: to chance"),
        Claim("A residual network keeps most of its accuracy without one block: above 80 % on average.",
              exceeds(WITHOUT_ONE, RESIDUAL), "section 4.1", threshold=0.8),
    ],
)  # fmt: skip

if __name__ == "__main__":
    from studies.command.main import run_script

    run_script(study)
