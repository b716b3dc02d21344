"""Do residual networks survive the removal of blocks, as ensembles of paths would? (plain / residual, lesioned)"""

from studies.design.study import Study, register
from studies.evidence.claim_tests import exceeds, more
from studies.evidence.claims import Claim
from studies.evidence.measures import probed
from studies.evidence.results import ArmResult
from studies.evidence.units import POINTS

VEIT = "Veit et al. 2016, Residual Networks Behave Like Ensembles (arXiv 1605.06431)"
PLAIN, RESIDUAL = {"model.residual": False}, {"model.residual": True}
WITHOUT_ONE = probed("top1_without")


def lost(result: ArmResult, seed: int) -> float:
    """Return the validation accuracy that deleting one block costs, the mean over the blocks."""
    return result.values("val_top1")[seed] - WITHOUT_ONE(result, seed)


study = register(
    Study(
        name="lesion",
        question="What does a trained network lose when blocks are deleted or shuffled?",
        protocol=(
            "After training, blocks are deleted one at a time and several at a time, and shuffled, and the validation "
            "split is evaluated again; the test set stays unread. quick: 20 layers of half the width on scikit-learn's "
            "digits. paper: 110 layers on CIFAR-10 (the paper's plain network is a VGG of 15 layers)."
        ),
        base={
            "model.name": "resnet_cifar",
            "model.depth": 32,
            "model.width": 8,
            "data.name": "digits",
            "data.batch_size": 64,
            "data.validation": 0.3,
            "optim.lr": 0.05,
            "trainer.epochs": 12,
        },
        factors={"model.residual": [False, True]},
        baseline=PLAIN,
        seeds=5,
        presets={
            "paper": {
                "model.depth": 110,
                "model.width": 16,
                "data.name": "cifar10",
                "data.batch_size": 128,
                "data.validation": 0.1,
                "data.augment": "cifar",
                "data.centring": "pixel",
                "optim.lr": 0.1,
                "optim.warmup": 0.01,
                "optim.schedule": "multistep",
                "optim.weight_decay": 1e-4,
                "trainer.epochs": 182,
            }
        },
        probes=("lesion",),
        measures={"validation accuracy lost with one block": lost},
        claims=(
            Claim(
                "Deleting one block costs a residual network less than a plain one, by more than ten points.",
                f"{VEIT}, section 4.1",
                more(lost, PLAIN, RESIDUAL, POINTS),
                threshold=0.1,
                paper="ResNet-110: hardly anything; VGG-15: to chance",
            ),
            Claim(
                "A residual network keeps most of its accuracy without one block: above 80 % on average.",
                f"{VEIT}, section 4.1",
                exceeds(WITHOUT_ONE, RESIDUAL, POINTS),
                threshold=0.8,
            ),
        ),
    )
)

if __name__ == "__main__":
    from studies.command.main import run_script

    run_script(study)
