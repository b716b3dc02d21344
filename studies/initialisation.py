"""How careless may initialisation be with batch norm? (gain × norm)"""

from studies.design.study import Study, register
from studies.evidence.claim_tests import alike, interaction, more
from studies.evidence.claims import Claim
from studies.evidence.measures import logarithm, probed
from studies.evidence.units import Unit

PAPER = "Ioffe & Szegedy 2015, Batch Normalization (arXiv 1502.03167), section 3.3"
DECADES = Unit("decades", "decades", decimals=3)
SPREAD = logarithm(probed("sd", layer=-1, at="first"))


def arm(norm: str, gain: float) -> dict[str, str | float]:
    """Return the levels of an arm."""
    return {"model.norm": norm, "init.gain": gain}


study = register(
    Study(
        name="initialisation",
        question="How far off may the scale of the initial weights be, with batch norm and without?",
        protocol=(
            "Every initial weight is multiplied by the gain; 1 is He et al.'s initialisation. quick: a plain network "
            "of 8 layers on scikit-learn's digits. paper: a plain network of 20 layers on CIFAR-10."
        ),
        base={
            "model.name": "resnet_cifar",
            "model.residual": False,
            "model.depth": 8,
            "model.width": 8,
            "data.name": "digits",
            "data.batch_size": 64,
            "optim.lr": 0.03,
            "trainer.epochs": 12,
        },
        factors={"model.norm": ["none", "batch"], "init.gain": [0.1, 0.3, 1.0, 3.0, 10.0]},
        baseline=arm("none", 1.0),
        seeds=5,
        presets={
            "paper": {
                "model.depth": 20,
                "model.width": 16,
                "data.name": "cifar10",
                "data.batch_size": 128,
                "data.augment": "cifar",
                "optim.weight_decay": 1e-4,
                "trainer.epochs": 60,
            }
        },
        probes=("activations",),
        measures={"log10 of the last activation's initial input": SPREAD},
        claims=(
            Claim(
                "Weights ten times too small cost less with batch norm.",
                PAPER,
                interaction(
                    "test_top1",
                    of=(arm("batch", 0.1), arm("batch", 1.0)),
                    than=(arm("none", 0.1), arm("none", 1.0)),
                ),
            ),
            Claim(
                "Weights ten times too large cost less with batch norm.",
                PAPER,
                interaction(
                    "test_top1",
                    of=(arm("batch", 10.0), arm("batch", 1.0)),
                    than=(arm("none", 10.0), arm("none", 1.0)),
                ),
            ),
            Claim(
                "BN(aWu) = BN(Wu): the scale of the weights does not reach the activations (a = 10).",
                PAPER,
                alike(SPREAD, arm("batch", 10.0), arm("batch", 1.0), DECADES),
                threshold=0.01,
                paper="exact, but for the ε in the denominator",
            ),
            Claim(
                "Without batch norm it does: a factor of ten in the weights is more than that in the activations.",
                PAPER,
                more(SPREAD, arm("none", 1.0), arm("none", 0.1), DECADES),
                threshold=1.0,
            ),
        ),
    )
)

if __name__ == "__main__":
    from studies.command.main import run_script

    run_script(study)
