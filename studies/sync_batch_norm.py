"""What does batch norm lose on many GPUs at a fixed global batch, and does synchronising mend it? (devices)"""

from studies.design.study import Study, register
from studies.evidence.claim_tests import more, trend
from studies.evidence.claims import Claim

WU = "Wu & He 2018, Group Normalization (arXiv 1803.08494), table 2"
GLOBAL_BATCH = 64
SYNCHRONISED, GROUP = "synchronised", "group norm"


def local(devices: int) -> dict[str, str | int]:
    """Return the levels of batch norm over each device's own share of the global batch."""
    return {"model.norm": "ghost_batch", "norm.virtual_batch_size": GLOBAL_BATCH // devices}


study = register(
    Study(
        name="sync_batch_norm",
        question="At a fixed global batch, what does batch norm lose as more devices share it?",
        protocol=(
            "Statistics over a device's share of the global batch of 64 are those of a ghost batch of that size, so "
            "that 2 to 32 devices can be compared on one, with everything else equal to the last bit; `--devices N` "
            "with `--trainer.sync_batchnorm false` trains the same on real devices. quick: ResNet-8 on scikit-learn's "
            "digits. paper: ResNet-20 on CIFAR-10."
        ),
        base={
            "model.name": "resnet_cifar",
            "model.depth": 8,
            "model.width": 8,
            "data.name": "digits",
            "data.batch_size": GLOBAL_BATCH,
            "optim.lr": 0.1,
            "trainer.epochs": 6,
        },
        factors=("model.norm", "norm.virtual_batch_size"),
        arms={
            SYNCHRONISED: {"model.norm": "batch", "norm.virtual_batch_size": GLOBAL_BATCH},
            **{f"local, {devices} devices": local(devices) for devices in (2, 8, 16, 32)},
            GROUP: {"model.norm": "group", "norm.virtual_batch_size": GLOBAL_BATCH},
        },
        baseline=SYNCHRONISED,
        seeds=5,
        presets={
            "paper": {
                "model.depth": 20,
                "model.width": 16,
                "data.name": "cifar10",
                "data.augment": "cifar",
                "optim.weight_decay": 1e-4,
                "optim.schedule": "multistep",
                "trainer.epochs": 182,
            }
        },
        claims=(
            Claim(
                "Two samples a device, not synchronised, cost a percentage point or more.",
                WU,
                more("test_top1", SYNCHRONISED, "local, 32 devices"),
                threshold=0.01,
                paper="ResNet-50, 32 and 2 images a GPU: 23.6 % and 34.7 % error",
            ),
            Claim(
                "Shares of 32 samples, not synchronised, cost less than two percentage points.",
                WU,
                more("test_top1", "local, 2 devices", SYNCHRONISED),
                threshold=-0.02,
                paper="32 and 16 images a GPU: 23.6 % and 23.7 % error",
            ),
            Claim(
                "The larger a device's share, the higher the accuracy.",
                WU,
                trend("test_top1", "norm.virtual_batch_size", {"model.norm": "ghost_batch"}),
            ),
            Claim(
                "With two samples a device, group norm is more accurate than local batch norm.",
                WU,
                more("test_top1", GROUP, "local, 32 devices"),
                paper="24.1 % against 34.7 % error",
            ),
        ),
    )
)

if __name__ == "__main__":
    from studies.command.main import run_script

    run_script(study)
