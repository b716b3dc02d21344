"""Do dense connections make better use of parameters? (dense / not, at equal growth and at equal parameters)"""

from typing import Any

from studies.design.study import Study, register
from studies.evidence.claim_tests import more
from studies.evidence.claims import Claim
from studies.report import plots

PAPER = "Huang et al. 2016, Densely Connected Convolutional Networks (arXiv 1608.06993)"


def arm(dense: bool, growth_rate: int) -> dict[str, Any]:
    """Return the levels of an arm."""
    return {"model.dense": dense, "model.growth_rate": growth_rate}


study = register(
    Study(
        name="dense_connectivity",
        question="Do dense connections give more accuracy for the same parameters?",
        protocol=(
            "DenseNet of 22 layers; without dense connections a layer sees the one before it alone. At growth 12 such "
            "a network has the parameters of the dense one at growth 6 (85,618 and 79,906 on digits). quick: "
            "scikit-learn's digits. paper: 40 layers, growth 12 and its equal on CIFAR-10, 300 epochs."
        ),
        base={
            "model.name": "densenet_cifar",
            "model.depth": 22,
            "data.name": "digits",
            "data.batch_size": 64,
            "optim.lr": 0.05,
            "optim.schedule": "cosine",
            "trainer.epochs": 6,
        },
        factors=("model.dense", "model.growth_rate"),
        arms={
            "dense, growth 6": arm(True, 6),
            "not dense, growth 6": arm(False, 6),
            "not dense, growth 12": arm(False, 12),
        },
        baseline="not dense, growth 12",
        seeds=6,
        presets={
            "paper": {
                "model.depth": 40,
                "data.name": "cifar10",
                "data.augment": "cifar",
                "optim.lr": 0.1,
                "optim.weight_decay": 1e-4,
                "optim.nesterov": True,
                "optim.schedule": "multistep",
                "trainer.epochs": 300,
            }
        },
        limits={"quick": "Digits leave all three arms within two points of the ceiling."},
        plots=(plots.scatter("parameters", "Test accuracy against parameters"),),
        claims=(
            Claim(
                "At equal parameters the dense network is more accurate.",
                f"{PAPER}, section 4.3",
                more("test_top1", "dense, growth 6", "not dense, growth 12"),
                paper="DenseNet 40, k = 12: 5.24 % error with 1.0 M parameters; ResNet-110: 6.41 % with 1.7 M",
            ),
            Claim(
                "At equal growth it is, too.",
                f"{PAPER}, section 3",
                more("test_top1", "dense, growth 6", "not dense, growth 6"),
            ),
        ),
    )
)

if __name__ == "__main__":
    from studies.command.main import run_script

    run_script(study)
