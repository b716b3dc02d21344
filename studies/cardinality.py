"""At equal cost, do more paths beat wider ones? (cardinality × width of a path)"""

from studies.design.study import Study, register
from studies.evidence.claim_tests import more
from studies.evidence.claims import Claim
from studies.report import plots

PAPER = "Xie et al. 2016, Aggregated Residual Transformations (arXiv 1611.05431), table 3"
PATHS = {1: 16, 2: 10, 4: 6, 8: 4}
"""Channels of a path by the number of paths, at about equal parameters (122,000 to 136,000) and FLOPs."""


def arm(cardinality: int) -> dict[str, str]:
    """Return the levels of an arm."""
    return {"model.name": f"resnext11_{cardinality}x{PATHS[cardinality]}d"}


study = register(
    Study(
        name="cardinality",
        question="At equal cost, is a ResNeXt with more paths more accurate than one with wider paths?",
        protocol=(
            "ResNeXt of 11 layers with 1, 2, 4 or 8 paths, so wide that parameters and FLOPs are about equal. quick: a "
            "quarter of the width on scikit-learn's digits. paper: CIFAR-10. The paper's own tables are of ImageNet "
            "and of CIFAR networks a hundred times as large."
        ),
        base={
            "model.width": 16,
            "data.name": "digits",
            "data.batch_size": 64,
            "optim.lr": 0.05,
            "optim.schedule": "cosine",
            "trainer.epochs": 10,
        },
        factors=("model.name",),
        arms={f"{paths} × {channels} channels": arm(paths) for paths, channels in PATHS.items()},
        baseline="1 × 16 channels",
        seeds=6,
        presets={
            "paper": {
                "data.name": "cifar10",
                "data.batch_size": 128,
                "data.augment": "cifar",
                "optim.lr": 0.1,
                "optim.weight_decay": 5e-4,
                "optim.schedule": "multistep",
                "trainer.epochs": 300,
            }
        },
        limits={
            "quick": "The paper's difference is 1.7 points of ImageNet error; on digits all arms are near the ceiling."
        },
        plots=(plots.scatter("parameters", "Test accuracy against parameters"),),
        claims=(
            Claim(
                "Eight paths are more accurate than one of the same cost.",
                PAPER,
                more("test_top1", arm(8), arm(1)),
                paper="ResNet-50 1×64d to ResNeXt-50 32×4d: 23.9 % to 22.2 % top-1 error",
            ),
            Claim("They fit the training set better.", PAPER, more("train_top1", arm(8), arm(1))),
        ),
    )
)

if __name__ == "__main__":
    from studies.command.main import run_script

    run_script(study)
