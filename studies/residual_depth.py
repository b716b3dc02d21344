"""Do deeper plain networks fit worse, and do shortcuts cure it? (plain / residual × depth)"""

from studies.design.study import Study, register
from studies.evidence.claim_tests import interaction, more, trend
from studies.evidence.claims import Claim
from studies.report import plots

PAPER = "He et al. 2015, Deep Residual Learning (arXiv 1512.03385), section 4.2"
PLAIN, RESIDUAL = {"model.residual": False}, {"model.residual": True}


def arm(residual: bool, depth: int) -> dict[str, bool | int]:
    """Return the levels of an arm."""
    return {"model.residual": residual, "model.depth": depth}


study = register(
    Study(
        name="residual_depth",
        question="Do deeper plain networks have a higher training error, and do residual ones not?",
        protocol=(
            "Networks of 6n+2 layers with batch norm; shortcuts have no parameters (option A), so that a plain network "
            "and its residual twin have the same. paper: CIFAR-10, 45,000/5,000, 64,000 steps of 128, lr 0.1 divided "
            "by ten at a half and three quarters, weight decay 1e-4, pad-4 crops and flips, per-pixel mean. quick: a "
            "quarter of the width on scikit-learn's digits."
        ),
        base={
            "model.name": "resnet_cifar",
            "model.width": 4,
            "data.name": "digits",
            "data.batch_size": 128,
            "optim.lr": 0.1,
            "trainer.epochs": 12,
        },
        factors={"model.residual": [False, True], "model.depth": [20, 32, 44, 56]},
        baseline=arm(False, 20),
        seeds=3,
        presets={
            "paper": {
                "model.width": 16,
                "data.name": "cifar10",
                "data.augment": "cifar",
                "data.centring": "pixel",
                "optim.weight_decay": 1e-4,
                "optim.schedule": "multistep",
                "trainer.epochs": 182,
            }
        },
        limits={
            "quick": (
                "Twelve epochs show that depth hurts plain networks and that shortcuts cure it. They are too few for "
                "56 residual layers to overtake 20, for which the paper takes 182."
            )
        },
        plots=(plots.against("train_top1", "model.depth", "Training accuracy over depth"),),
        claims=(
            Claim(
                "A plain network of 56 layers has a higher training error than one of 20.",
                f"{PAPER}, figure 6 left",
                more("train_top1", arm(False, 20), arm(False, 56)),
                paper="figure 6: plain-56 ends above plain-20 throughout",
            ),
            Claim(
                "So it is not overfitting: training accuracy falls with the depth of plain networks.",
                f"{PAPER}, section 1",
                trend("train_top1", "model.depth", PLAIN, falling=True),
            ),
            Claim(
                "At 56 layers the residual network has the lower training error.",
                f"{PAPER}, figure 6",
                more("train_top1", arm(True, 56), arm(False, 56)),
            ),
            Claim(
                "At 56 layers the residual network has the lower test error.",
                f"{PAPER}, table 6",
                more("test_top1", arm(True, 56), arm(False, 56)),
                paper="6.97 % error (residual)",
            ),
            Claim(
                "Shortcuts matter more at 56 layers than at 20.",
                f"{PAPER}, figure 6",
                interaction(
                    "train_top1",
                    of=(arm(True, 56), arm(False, 56)),
                    than=(arm(True, 20), arm(False, 20)),
                ),
            ),
            Claim(
                "A residual network of 56 layers has a lower test error than one of 20.",
                f"{PAPER}, table 6",
                more("test_top1", arm(True, 56), arm(True, 20)),
                paper="8.75 % at 20 layers, 7.51 % at 32, 7.17 % at 44, 6.97 % at 56",
            ),
        ),
    )
)

if __name__ == "__main__":
    from studies.command.main import run_script

    run_script(study)
