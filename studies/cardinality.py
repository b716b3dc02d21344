"""At equal cost, is a ResNeXt with more paths more accurate than one with wider paths?

ResNeXt of 11 layers with 1, 2, 4 or 8 paths, so wide that parameters and FLOPs are about equal. quick: a quarter of
the width on scikit-learn's digits. paper: CIFAR-10. The paper's own tables are of ImageNet and of CIFAR networks a
hundred times as large.
"""

from studies.design import Claim, Levels, Scatter, Study, more
from studies.design.protocols import CIFAR_STEPWISE

PATHS = {1: 16, 2: 10, 4: 6, 8: 4}
"""Channels of a path by the number of paths, at about equal parameters (122,000 to 136,000) and FLOPs."""


def paths(count: int) -> Levels:
    return {"model.name": f"resnext11_{count}x{PATHS[count]}d"}


study = Study(
    source="Xie et al. 2016, Aggregated Residual Transformations (arXiv 1611.05431)",
    base={
        "model.width": 16,
        "data.name": "digits", "data.batch_size": 64,
        "optim.lr": 0.05, "optim.schedule": "cosine", "trainer.epochs": 10,
    },
    factors=["model.name"],
    arms={f"{count} × {channels} channels": paths(count) for count, channels in PATHS.items()},
    baseline="1 × 16 channels",
    seeds=6,
    presets={"paper": {**CIFAR_STEPWISE, "optim.weight_decay": 5e-4, "trainer.epochs": 300}},
    limits={
        "quick": "The paper's difference is 1.7 points of ImageNet error; on digits all arms are near the ceiling."
    },
    plots=[Scatter("parameters", "Test accuracy against parameters")],
    claims=[
        Claim("Eight paths are more accurate than one of the same cost.",
              more("test_top1", paths(8), than=paths(1)), "table 3",
              paper="ResNet-50 1×64d to ResNeXt-50 32×4d: 23.9 % to 22.2 % top-1 error"),
        Claim("They fit the training set better.",
              more("fit_top1", paths(8), than=paths(1)), "section 5.1, figure 5"),
    ],
)  # fmt: skip

if __name__ == "__main__":
    from studies.command.main import run_script

    run_script(study)
