"""Is squeeze-and-excitation worth its cost, and what must it look at? (squeeze_excite × squeeze)"""

from typing import Any

from studies.design.study import Study, register
from studies.evidence.claim_tests import more
from studies.evidence.claims import Claim

PAPER = "Hu et al. 2017, Squeeze-and-Excitation Networks (arXiv 1709.01507)"


def arm(squeeze_excite: bool, squeeze: str = "average", width: int = 16) -> dict[str, Any]:
    """Return the levels of an arm."""
    return {"model.squeeze_excite": squeeze_excite, "model.squeeze": squeeze, "model.width": width}


study = register(
    Study(
        name="squeeze_excite",
        question="Does squeeze-and-excitation raise accuracy by more than its parameters would, spent on width?",
        protocol=(
            "CIFAR ResNet with and without squeeze-and-excitation, and a plain one that is wider and has more "
            "parameters than either. quick: 8 layers on drawn shapes of 32 pixels (4 % more parameters with it). "
            "paper: 56 layers on CIFAR-10 (1 % more)."
        ),
        base={
            "model.name": "resnet_cifar",
            "model.depth": 8,
            "model.reduction": 4,
            "data.name": "shapes",
            "data.num_classes": 6,
            "data.train_images": 1000,
            "data.batch_size": 50,
            "optim.lr": 0.05,
            "optim.schedule": "cosine",
            "trainer.epochs": 12,
        },
        factors=("model.squeeze_excite", "model.squeeze", "model.width"),
        arms={
            "without": arm(False, width=8),
            "without, wider": arm(False, width=9),
            "average squeeze": arm(True, width=8),
            "max squeeze": arm(True, "max", width=8),
        },
        baseline="without",
        seeds=6,
        presets={
            "paper": {
                "model.depth": 56,
                "model.reduction": 16,
                "data.name": "cifar10",
                "data.batch_size": 128,
                "data.augment": "cifar",
                "optim.lr": 0.1,
                "optim.weight_decay": 1e-4,
                "optim.schedule": "multistep",
                "trainer.epochs": 182,
            }
        },
        limits={
            "quick": (
                "Twelve epochs end while every arm is still improving: what shows is who learns faster. The paper's "
                "gains are those of networks trained to their end."
            )
        },
        claims=(
            Claim(
                "Squeeze-and-excitation is more accurate than none.",
                f"{PAPER}, table 2",
                more("test_top1", "average squeeze", "without"),
                paper="ResNet-50: 24.80 % to 23.29 % top-1 error",
            ),
            Claim(
                "It is more accurate than a wider network of more parameters.",
                f"{PAPER}, section 6",
                more("test_top1", "average squeeze", "without, wider"),
            ),
            Claim(
                "Average pooling is the better squeeze.",
                f"{PAPER}, table 11",
                more("test_top1", "average squeeze", "max squeeze"),
                paper="22.28 % against 22.57 % top-1 error",
            ),
        ),
    )
)

if __name__ == "__main__":
    from studies.command.main import run_script

    run_script(study)
