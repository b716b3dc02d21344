"""How much does batch norm's output for an image depend on the images beside it, and does that noise regularise?

All arms take the same steps on the same batches of 64. They differ in how many of a batch's images are normalised
together (ghost batches), from 4 to all 64, and therefore only in the noise of the statistics. Group norm has none. The
noise is the spread of an image's logits over random companions, relative to their spread over images. quick: LeNet-5
with ReLU on 400 drawn shapes, each arm with a tuned learning rate. paper: ResNet-20 on CIFAR-10.
"""

import math

from litmus import (
    DECADES,
    Against,
    ArmResult,
    Claim,
    Levels,
    Study,
    alike,
    gap,
    logarithm,
    measure,
    more,
    probed,
    trend,
)
from litmus.design.protocols import CIFAR_STEPWISE

HOFFER = "Hoffer et al. 2017, Train longer, generalize better (arXiv 1705.08741)"
BATCH = 64
GROUP = "group norm"
GAP = gap("fit_top1", "test_top1")
NOISE = logarithm(probed("logit_noise", at="last"))


def ghosts(size: int) -> Levels:
    return {"model.norm": "ghost_batch", "norm.virtual_batch_size": size}


@measure(DECADES)
def noise_by_root(result: ArmResult, seed: int) -> float:
    """Return log10 of the noise times √n, n images sharing their statistics: constant where noise is like 1/√n."""
    return NOISE(result, seed) + math.log10(result.arm.levels["norm.virtual_batch_size"]) / 2


study = Study(
    source="Ioffe & Szegedy 2015, Batch Normalization (arXiv 1502.03167)",
    base={
        "model.name": "lenet5", "model.activation": "relu", "norm.groups": 8,
        "data.name": "shapes", "data.train_images": 500, "data.test_images": 4000, "data.batch_size": BATCH,
        "data.validation": 0.2,
        "optim.lr": 0.05, "trainer.epochs": 30, "trainer.probe_every_n_steps": 50,
    },
    factors=["model.norm", "norm.virtual_batch_size"],
    arms={
        **{f"{size} share": ghosts(size) for size in (4, 8, 16, BATCH)},
        GROUP: {"model.norm": "group", "norm.virtual_batch_size": BATCH},
    },
    baseline=f"{BATCH} share",
    seeds=6,
    tune={"optim.lr": [0.01, 0.05]},
    presets={
        "paper": {
            **CIFAR_STEPWISE, "data.batch_size": BATCH, "norm.groups": 32,
            "model.name": "resnet_cifar", "model.depth": 20, "model.width": 16, "trainer.probe_every_n_steps": 5000,
        }
    },
    limits={"quick": "400 images, which the net learns by heart: its gap of up to 41 points is many times the usual."},
    probes=["batch_noise"],
    measures={
        "training minus test accuracy": GAP,
        "log10 of the noise of an image's logits": NOISE,
        "log10 of that noise times √n": noise_by_root,
    },
    plots=[Against(NOISE, "norm.virtual_batch_size", "Noise of an image's logits over how many share statistics")],
    claims=[
        # not checked at the source: the section, here and below
        Claim("An image's output depends on its companions: the more share their statistics, the less.",
              trend(NOISE, "norm.virtual_batch_size", {"model.norm": "ghost_batch"}, falling=True), "section 3.4",
              primary=True),
        Claim("The noise falls like 1/√n: from 4 to 64 images by a factor of four, to a quarter.",
              alike(noise_by_root, ghosts(4), ghosts(BATCH)), threshold=0.097,  # log10(1.25)
              source="follows from the variance of a mean of n independent samples"),
        Claim("The noise regularises: the more images share, the wider the gap between training and test accuracy.",
              trend(GAP, "norm.virtual_batch_size", {"model.norm": "ghost_batch"}), "section 3.4", primary=True),
        Claim("Statistics of 16 images generalise better than those of all 64.",
              more("test_top1", ghosts(16), than=ghosts(BATCH)), "abstract", source=HOFFER),
        Claim("Group norm, which has no such noise, overfits more than statistics of 16 images.",
              more(GAP, GROUP, than=ghosts(16)), "section 3.4"),
    ],
)  # fmt: skip

if __name__ == "__main__":
    study.main()
