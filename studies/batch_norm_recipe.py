"""Which of the seven changes that go with batch norm gives its gain? (the seven, cumulative)"""

from typing import Any

from studies.design.study import Study, register
from studies.evidence.claim_tests import more
from studies.evidence.claims import Claim

PAPER = "Ioffe & Szegedy 2015, Batch Normalization (arXiv 1502.03167), section 4.2.1"

STEPS: dict[str, dict[str, Any]] = {
    "without": {},
    "+ batch norm": {"model.norm": "batch"},
    "+ lr x5": {"optim.lr": 0.05},
    "+ no dropout": {"model.dropout": 0.0},
    "+ L2 /5": {"optim.weight_decay": 1e-4},
    "+ decay x6": {"optim.decay_factor": 0.5**6},
    "+ no LRN": {"model.local_response_norm": False},
    "+ reshuffling": {"data.reshuffle": True},
    "+ less distortion": {"data.augment": "cifar"},
}
"""What each arm changes on top of the one before it, in the paper's order."""

LABELS = list(STEPS)


def cumulative() -> dict[str, dict[str, Any]]:
    """Return the arms: each has its own change and all those before it."""
    levels: dict[str, Any] = {}
    return {label: dict(levels := {**levels, **change}) for label, change in STEPS.items()}


study = register(
    Study(
        name="batch_norm_recipe",
        question="Which of the changes that Ioffe & Szegedy made along with batch norm gives the gain?",
        protocol=(
            "An AlexNet for small images with everything that batch norm is said to make needless: dropout, LRN, "
            "strong L2, slow decay, heavy distortion, one order for all epochs. The arms change one thing each, on top "
            "of the arm before. Where the paper trained an Inception on ImageNet, paper has CIFAR-10, quick drawn "
            "shapes."
        ),
        base={
            "model.name": "alexnet_cifar",
            "model.width": 0.125,
            "model.dense_units": 64,
            "model.local_response_norm": True,
            "data.name": "shapes",
            "data.train_images": 1000,
            "data.batch_size": 50,
            "data.augment": "cifar_heavy",
            "data.reshuffle": False,
            "optim.lr": 0.01,
            "optim.weight_decay": 5e-4,
            "optim.schedule": "exponential",
            "optim.decay_factor": 0.5,
            "trainer.epochs": 10,
        },
        factors=(
            "model.norm",
            "optim.lr",
            "model.dropout",
            "optim.weight_decay",
            "optim.decay_factor",
            "model.local_response_norm",
            "data.reshuffle",
            "data.augment",
        ),
        arms=cumulative(),
        baseline="without",
        seeds=4,
        presets={
            "paper": {
                "data.name": "cifar10",
                "model.width": 1.0,
                "model.dense_units": 1024,
                "data.batch_size": 128,
                "trainer.epochs": 100,
            }
        },
        limits={
            "quick": (
                "Ten epochs of 900 images and four seeds: single steps of a few points do not stand out, and the arms "
                "with heavy distortion are still improving when they end."
            )
        },
        claims=(
            Claim("Batch norm alone helps.", PAPER, more("test_top1", "+ batch norm", "without")),
            Claim(
                "With batch norm, five times the learning rate helps.", PAPER, more("test_top1", LABELS[2], LABELS[1])
            ),
            Claim("With batch norm, leaving out dropout helps.", PAPER, more("test_top1", LABELS[3], LABELS[2])),
            Claim("With batch norm, a fifth of the L2 penalty helps.", PAPER, more("test_top1", LABELS[4], LABELS[3])),
            Claim("With batch norm, decaying six times as fast helps.", PAPER, more("test_top1", LABELS[5], LABELS[4])),
            Claim("With batch norm, leaving out LRN helps.", PAPER, more("test_top1", LABELS[6], LABELS[5])),
            Claim(
                "With batch norm, shuffling anew in each epoch helps.",
                PAPER,
                more("test_top1", LABELS[7], LABELS[6]),
                paper="about 1 % of validation accuracy",
            ),
            Claim("With batch norm, distorting images less helps.", PAPER, more("test_top1", LABELS[8], LABELS[7])),
            Claim(
                "Batch norm and all seven together help.",
                PAPER,
                more("test_top1", LABELS[8], "without"),
                paper="72.2 % (Inception) to 73.0 % (BN-x5)",
            ),
        ),
    )
)

if __name__ == "__main__":
    from studies.command.main import run_script

    run_script(study)
