"""At equal cost, is a ResNeXt with more paths more accurate than one with wider paths?

ResNeXt of 11 layers with one path or eight, whose widths make parameters and FLOPs about equal. quick: a quarter of the
width on drawn shapes of 12 pixels. paper: 1, 2, 4 and 8 paths on CIFAR-10; the paper's tables are of ImageNet and of
CIFAR networks a hundred times as large. imagenet: the networks of its table 3, ResNeXt-50 with 1 to 32 paths (25.0 to
25.6 million parameters), on ImageNet as an image folder.
"""

from dataclasses import replace

from litmus import Claim, Levels, Scatter, Study, more, trend
from litmus.design.protocols import CIFAR_STEPWISE, IMAGENET_STEPWISE

PATHS = {1: 16, 2: 10, 4: 6, 8: 4}
"""Channels of a path by the number of paths, at about equal parameters (122,000 to 136,000) and FLOPs."""


PATHS_OF_50_LAYERS = {1: 64, 2: 40, 4: 24, 8: 14, 32: 4}
"""The same of the networks of the paper's table 3."""


def paths(count: int) -> Levels:
    return {"model.name": f"resnext11_{count}x{PATHS[count]}d"}


def arms(*counts: int) -> dict[str, Levels]:
    return {f"{count} × {PATHS[count]} channels": paths(count) for count in counts}


quick = Study(
    source="Xie et al. 2016, Aggregated Residual Transformations (arXiv 1611.05431)",
    base={
        "model.width": 16,
        "data.name": "shapes", "data.image_size": 12, "data.num_classes": 6,
        "data.train_images": 2000, "data.test_images": 4000, "data.batch_size": 64,
        "optim.lr": 0.1, "optim.schedule": "cosine", "trainer.epochs": 8,
    },
    factors=["model.name"],
    arms=arms(1, 8),
    baseline="1 × 16 channels",
    seeds=6,
    limits={
        "quick": "Eight epochs of 1,800 small images show which network fits them better. What the better fit is worth "
        "in the test is a question of more data."
    },
    plots=[Scatter("parameters", "Test accuracy against parameters")],
    claims=[
        Claim("Eight paths are more accurate than one of the same cost.",
              more("test_top1", paths(8), than=paths(1)), "table 3",
              paper="ResNet-50 1×64d to ResNeXt-50 32×4d: 23.9 % to 22.2 % top-1 error"),
        Claim("They fit the training set better.",
              more("fit_top1", paths(8), than=paths(1)), "section 5.1, figure 5", primary=True,
              paper="a lower training error throughout: the gain is of the representation, not of regularisation"),
    ],
)  # fmt: skip

study = replace(
    quick,
    presets={
        "paper": replace(
            quick,
            base={"model.width": 16, **CIFAR_STEPWISE, "optim.weight_decay": 5e-4, "trainer.epochs": 300},
            arms=arms(*PATHS),
            limits={},
        ),
        "imagenet": replace(
            quick,
            base={**IMAGENET_STEPWISE, "model.name": "resnet50"},
            factors=["model.cardinality", "model.base_width"],
            arms={
                f"{count} × {channels} channels": {"model.cardinality": count, "model.base_width": channels}
                for count, channels in PATHS_OF_50_LAYERS.items()
            },
            baseline="1 × 64 channels",
            seeds=3,
            limits={},
            claims=[
                Claim("Thirty-two paths are more accurate than one of the same cost.",
                      more("test_top1", "32 × 4 channels", than="1 × 64 channels"), "table 3",
                      paper="23.9 % to 22.2 % top-1 error", primary=True, answers="yes"),
                Claim("The more paths, the more accurate.",
                      trend("test_top1", "model.cardinality"), "table 3",
                      paper="23.9 % (1), 23.0 % (2), 22.6 % (4), 22.3 % (8), 22.2 % (32)"),
                Claim("They fit the training set better.",
                      more("fit_top1", "32 × 4 channels", than="1 × 64 channels"), "section 5.1, figure 5"),
            ],
        ),
    },
)  # fmt: skip

if __name__ == "__main__":
    study.main()
