"""Along which paths of a residual network does the gradient come: short ones or long ones?

Of n residual blocks each can be passed by its branch or by its shortcut: 2ⁿ paths, whose gradients add up to the
network's. The gradient along single paths shows what a path of each length contributes; times the number of such
paths, it is what all paths of that length contribute. It is measured at the start of training, during it and near its
end. quick: 14, 20 and 32 layers of 8 channels (6, 9 and 15 blocks) on scikit-learn's digits. paper: 32, 56 and 110
layers on CIFAR-10.
"""

import math
from dataclasses import replace

from litmus import (
    DECADES,
    POINTS,
    ArmResult,
    ByLayer,
    Claim,
    OverTraining,
    Study,
    Unit,
    exceeds,
    measure,
    probed,
    trend,
)  # fmt: skip
from litmus.design.protocols import HE_2015_CIFAR

SHARE = probed("short_path_share", at="last", unit=POINTS)
COUNT = probed("short_path_count", at="last", unit=POINTS)
MEAN_LENGTH = probed("mean_path_length", at="last", unit=Unit("of the blocks", "of the blocks", decimals=2))
SHORTEST, MIDDLE, DEEPEST = "shallow", "deeper", "deepest"


@measure(POINTS)
def more_than_their_number(result: ArmResult, seed: int) -> float:
    """Return by how much the short paths' share of the gradient exceeds their share in the number of paths."""
    return SHARE(result, seed) - COUNT(result, seed)


@measure(DECADES)
def lost_a_branch(result: ArmResult, seed: int) -> float:
    """Return how much of its gradient a path loses by each branch that it takes, from none to a third of the blocks."""
    blocks = sum(layer.startswith("length") for layer in set(result.probes[seed]["layer"])) - 1
    length = max(1, blocks // 3)
    none, some = (probed("path_gradient", f"length {taken}", "last")(result, seed) for taken in (0, length))
    return math.log10(none / some) / length if none > 0 and some > 0 else math.nan


quick = Study(
    source="Veit et al. 2016, Residual Networks Behave Like Ensembles (arXiv 1605.06431)",
    base={
        "model.name": "resnet_cifar", "model.width": 8,
        "data.name": "digits", "data.batch_size": 64,
        "optim.lr": 0.05, "trainer.epochs": 8, "trainer.probe_every_n_steps": 75,
    },
    factors=["model.depth"],
    arms={SHORTEST: {"model.depth": 14}, MIDDLE: {"model.depth": 20}, DEEPEST: {"model.depth": 32}},
    baseline=SHORTEST,
    seeds=5,
    probes=["path_gradients"],
    measures={
        "share of the gradient that comes from paths through a third of the blocks or fewer": SHARE,
        "share of these paths in the number of paths": COUNT,
        "mean length of a path by its share of the gradient": MEAN_LENGTH,
        "decades that a path's gradient loses by a branch": lost_a_branch,
    },
    limits={
        "quick": "Of 15 blocks a third are 5, of the paper's 54 they are 18: by their number short paths are 15 % of "
        "all in place of 1 %.",
    },
    plots=[
        ByLayer("length_share", "Share of the gradient by the length of the path, near the end", at="last"),
        ByLayer("path_gradient", "Gradient of one path by its length, near the end", at="last"),
        OverTraining("short_path_share", "Share of the paths through a third of the blocks or fewer"),
    ],
    claims=[
        Claim("A path's gradient shrinks with each branch that it takes.",
              exceeds(lost_a_branch, DEEPEST), "section 5"),
        Claim("Most of the gradient comes from short paths, through a third of the blocks or fewer.",
              exceeds(SHARE, DEEPEST), "abstract and section 5", threshold=0.5,
              paper="ResNet-110: most comes from paths of 10 to 34 layers, 5 to 17 of 54 blocks", primary=True),
        Claim("Short paths have a larger share of the gradient than of the number of paths.",
              exceeds(more_than_their_number, DEEPEST), "section 5"),
        # Implied: the paper shows one depth, and says that depth is bridged by short paths.
        Claim("The deeper the network, the smaller the part of its blocks that the gradient passes.",
              trend(MEAN_LENGTH, "model.depth", falling=True), "section 5"),
    ],
)  # fmt: skip

study = replace(
    quick,
    presets={
        "paper": replace(
            quick,
            base={
                **HE_2015_CIFAR, "model.name": "resnet_cifar", "model.width": 16, "optim.warmup": 0.01,
                "trainer.probe_every_n_steps": 8000,
            },
            arms={SHORTEST: {"model.depth": 32}, MIDDLE: {"model.depth": 56}, DEEPEST: {"model.depth": 110}},
            limits={},
        )
    },
)  # fmt: skip

if __name__ == "__main__":
    study.main()
