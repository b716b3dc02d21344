"""At a fixed global batch, what does batch norm lose as more devices share it?

The statistics of one device's samples of a global batch of 64 are those of a ghost batch of that size. Therefore 2 to
32 devices can be compared on one, with everything else equal to the last bit; `--devices N` with
`--trainer.sync_batchnorm false` trains the same on real devices. quick: ResNet-8 on scikit-learn's digits. paper:
ResNet-20 on CIFAR-10.
"""

from litmus import Claim, Levels, Study, more, trend
from litmus.design.protocols import CIFAR_STEPWISE

GLOBAL_BATCH = 64
SYNCHRONISED, GROUP = "synchronised", "group norm"


def normalised(norm: str, batch: int = GLOBAL_BATCH) -> Levels:
    return {"model.norm": norm, "norm.virtual_batch_size": batch}


study = Study(
    source="Wu & He 2018, Group Normalization (arXiv 1803.08494)",
    base={
        "model.name": "resnet_cifar", "model.depth": 8, "model.width": 8,
        "data.name": "digits", "data.batch_size": GLOBAL_BATCH,
        "optim.lr": 0.1, "trainer.epochs": 6,
    },
    factors=["model.norm", "norm.virtual_batch_size"],
    arms={
        SYNCHRONISED: normalised("batch"),
        **{f"local, {devices} devices": normalised("ghost_batch", GLOBAL_BATCH // devices)
           for devices in (2, 8, 16, 32)},
        GROUP: normalised("group"),
    },
    baseline=SYNCHRONISED,
    seeds=5,
    presets={"paper": {**CIFAR_STEPWISE, "data.batch_size": GLOBAL_BATCH, "model.depth": 20, "model.width": 16}},
    limits={
        "quick": "Five seeds and 360 test images leave about four points open: that shares of 32 cost less than two is "
        "shown only where they cost nothing and the seeds agree better than is usual."
    },
    claims=[
        Claim("Two samples a device, not synchronised, cost a percentage point or more.",
              more("test_top1", SYNCHRONISED, than="local, 32 devices"), "table 2", threshold=0.01,
              paper="ResNet-50, 32 and 2 images a GPU: 23.6 % and 34.7 % error", primary=True),
        Claim("Shares of 32 samples, not synchronised, cost less than two percentage points.",
              more("test_top1", "local, 2 devices", than=SYNCHRONISED), "table 2", threshold=-0.02,
              paper="32 and 16 images a GPU: 23.6 % and 23.7 % error", primary=True),
        Claim("The larger a device's share, the higher the accuracy.",
              trend("test_top1", "norm.virtual_batch_size", {"model.norm": "ghost_batch"}), "table 2"),
        Claim("With two samples a device, group norm is more accurate than local batch norm.",
              more("test_top1", GROUP, than="local, 32 devices"), "table 2", paper="24.1 % against 34.7 % error"),
    ],
)  # fmt: skip

if __name__ == "__main__":
    study.main()
