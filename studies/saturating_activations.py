"""Does batch norm let networks train with saturating activations? (activation × norm × depth)"""

from studies.design.study import Study, register
from studies.evidence.claim_tests import interaction, more
from studies.evidence.claims import Claim
from studies.evidence.measures import probed

PAPER = "Ioffe & Szegedy 2015, Batch Normalization (arXiv 1502.03167)"
DEEP, SHALLOW = 8, 2


def arm(activation: str, norm: str, depth: int) -> dict[str, str | int]:
    """Return the levels of an arm."""
    return {"model.activation": activation, "model.norm": norm, "model.depth": depth}


study = register(
    Study(
        name="saturating_activations",
        question="Does batch norm let deep networks train with sigmoid and tanh?",
        protocol=(
            "Fully connected nets of 100 units a layer, Glorot & Bengio's initialisation, SGD with momentum 0.9. "
            "quick: scikit-learn's digits. paper: MNIST. The paper's own case is Inception with sigmoids on ImageNet."
        ),
        base={
            "model.name": "mlp",
            "data.name": "digits",
            "data.batch_size": 64,
            "init.scheme": "xavier_normal",
            "optim.lr": 0.03,
            "trainer.epochs": 20,
        },
        factors={
            "model.activation": ["relu", "tanh", "sigmoid"],
            "model.norm": ["none", "batch"],
            "model.depth": [SHALLOW, DEEP],
        },
        baseline=arm("relu", "none", SHALLOW),
        seeds=5,
        presets={"paper": {"data.name": "mnist", "data.validation": 1 / 6, "trainer.epochs": 30}},
        probes=("activations",),
        measures={"saturated units": probed("saturated_fraction"), "dead units": probed("dead_fraction", at="last")},
        claims=(
            Claim(
                "A deep sigmoid net trains with batch norm and not without it: more than 20 points lie between.",
                f"{PAPER}, section 4.2.2",
                more("test_top1", arm("sigmoid", "batch", DEEP), arm("sigmoid", "none", DEEP)),
                threshold=0.2,
                paper="Inception with sigmoids: 69.8 % with, at chance (0.1 %) without",
            ),
            Claim(
                "A deep tanh net is more accurate with batch norm.",
                f"{PAPER}, section 3.2",
                more("test_top1", arm("tanh", "batch", DEEP), arm("tanh", "none", DEEP)),
            ),
            Claim(
                "Batch norm matters more to sigmoid than to ReLU nets.",
                f"{PAPER}, section 1",
                interaction(
                    "test_top1",
                    of=(arm("sigmoid", "batch", DEEP), arm("sigmoid", "none", DEEP)),
                    than=(arm("relu", "batch", DEEP), arm("relu", "none", DEEP)),
                ),
            ),
            Claim(
                "Batch norm matters more the deeper the sigmoid net is.",
                f"{PAPER}, section 1",
                interaction(
                    "test_top1",
                    of=(arm("sigmoid", "batch", DEEP), arm("sigmoid", "none", DEEP)),
                    than=(arm("sigmoid", "batch", SHALLOW), arm("sigmoid", "none", SHALLOW)),
                ),
            ),
        ),
    )
)

if __name__ == "__main__":
    from studies.command.main import run_script

    run_script(study)
