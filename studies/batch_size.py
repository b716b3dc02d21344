"""At which batch sizes does batch norm break, and does group norm hold there?

Every arm trains on batches of 64 at the same rate; batch norm takes its statistics from parts of the batch (ghost
batches), so that nothing else varies with their size: the part that each of several devices has, where they do not
synchronise. Group norm does not see the batch. quick: ResNet-8 of width 8 on drawn shapes. cifar16: ResNet-20 on
CIFAR-10 at 16 pixels, six epochs. paper: ResNet-20 on CIFAR-10; Wu & He's table is of ResNet-50 on ImageNet, 8 GPUs.
worst_case: a fully connected net on scikit-learn's digits, in which batches of two leave no more than the order of two
values of a unit.
"""

from dataclasses import replace

from litmus import Claim, Levels, Study, alike, interaction, more, trend
from litmus.design.protocols import CIFAR_16_PIXELS, CIFAR_STEPWISE

SIZES = (2, 4, 8, 16, 64)
BATCH = {"model.norm": "ghost_batch", "norm.evaluation_statistics": "running"}
POPULATION = {"model.norm": "ghost_batch", "norm.evaluation_statistics": "population"}
GROUP = {"model.norm": "group"}


def batch(size: int, norm: Levels = BATCH) -> Levels:
    return {**norm, "norm.virtual_batch_size": size}


quick = Study(
    source="Wu & He 2018, Group Normalization (arXiv 1803.08494)",
    base={
        "model.name": "resnet_cifar", "model.depth": 8, "model.width": 8,
        "data.name": "shapes", "data.image_size": 16, "data.num_classes": 6,
        "data.train_images": 3000, "data.test_images": 4000, "data.batch_size": 64,
        "optim.lr": 0.05, "optim.schedule": "cosine", "trainer.epochs": 6,
    },
    factors=["model.norm", "norm.virtual_batch_size", "norm.evaluation_statistics"],
    arms={
        **{f"batch norm, {size}": batch(size) for size in SIZES},
        "batch norm, 2, population statistics": batch(2, POPULATION),
        "group norm": GROUP,
    },
    baseline="batch norm, 64",
    seeds=5,
    presets={
        "paper": {**CIFAR_STEPWISE, "model.depth": 20, "model.width": 16, "data.batch_size": 64, "trainer.epochs": 100}
    },
    limits={"quick": "Six epochs at one rate: no net has learnt the shapes to the end, group norm least."},
    claims=[
        Claim("With batch norm, batches of 2 are less accurate than batches of 64, by more than two points.",
              more("test_top1", batch(64), than=batch(2)), "table 2 and figure 1", threshold=0.02, primary=True,
              paper="ResNet-50, 32 and 2 images a GPU: 23.6 % and 34.7 % error"),
        Claim("In batches of 2, group norm is more accurate than batch norm, by more than a point.",
              more("test_top1", GROUP, than=batch(2)), "table 2 and figure 1", threshold=0.01, primary=True,
              paper="24.1 % against 34.7 % error"),
        Claim("The smaller the batch, the lower batch norm's accuracy: from 64 down to 2 by more than two points.",
              trend("test_top1", "norm.virtual_batch_size", BATCH), "table 2", threshold=0.02,
              paper="23.6, 23.7, 24.8, 27.3 and 34.7 % error from 32 to 2"),
        Claim("It is training that suffers: in batches of 2 the training images are fitted less well, too.",
              more("fit_top1", batch(64), than=batch(2)), "abstract: inaccurate batch statistics"),
        Claim("Statistics of the whole training set in evaluation do not repair it: two points remain.",
              more("test_top1", batch(64), than=batch(2, POPULATION)), "abstract: inaccurate batch statistics",
              threshold=0.02),
    ],
)  # fmt: skip


def connected(norm: str, size: int) -> Levels:
    """Return the levels of an arm of whole batches: the learning rate is proportional to the batch."""
    return {"model.norm": norm, "data.batch_size": size, "optim.lr": 0.05 * size / 32}


study = replace(
    quick,
    presets={
        **quick.presets,
        "cifar16": replace(
            quick,
            base={
                "model.name": "resnet_cifar", "model.depth": 20, "model.width": 16,
                **CIFAR_16_PIXELS, "data.batch_size": 64,
                "optim.lr": 0.05, "optim.schedule": "cosine", "trainer.epochs": 6,
            },
            seeds=3,
            limits={"cifar16": "Six epochs at one rate; Wu & He train for 100."},
        ),
        "worst_case": replace(
            quick,
            base={
                "model.name": "mlp", "model.depth": 2, "model.width": 64, "model.activation": "relu",
                # Groups of two units would leave only the signs of their difference.
                "norm.groups": 4,
                "data.name": "digits", "trainer.epochs": 6,
            },
            factors=["model.norm", "data.batch_size", "optim.lr"],
            arms={
                f"{norm} norm, {size}": connected(norm, size) for norm in ("batch", "group") for size in (2, 4, 8, 32)
            },
            baseline="batch norm, 32",
            limits={},
            claims=[
                Claim("With batch norm, batches of 2 are less accurate than batches of 32, by more than ten points.",
                      more("test_top1", connected("batch", 32), than=connected("batch", 2)), threshold=0.1,
                      primary=True),
                Claim("Going from 32 to 2 costs batch norm more than group norm.",
                      interaction("test_top1", of=(connected("batch", 32), connected("batch", 2)),
                                  than=(connected("group", 32), connected("group", 2))), "table 2 and figure 1",
                      paper="11.1 points against 0.0"),
                Claim("Group norm is as accurate in batches of 2 as in batches of 32, to two points.",
                      alike("test_top1", connected("group", 2), connected("group", 32)), "table 2", threshold=0.02,
                      paper="24.1 % and 24.1 % error"),
            ],
        ),
    },
)  # fmt: skip

if __name__ == "__main__":
    study.main()
