"""Where does batch norm break as the batch shrinks or grows, and which norm does not? (norm × batch size)"""

from studies.design.study import Study, register
from studies.evidence.claim_tests import interaction, more, trend
from studies.evidence.claims import Claim

WU = "Wu & He 2018, Group Normalization (arXiv 1803.08494), table 2 and figure 1"
LECTURE = "a common statement on batch norm's noise as a regulariser"
NORMS = ("batch", "group", "layer", "instance", "ghost_batch", "none")


def arm(norm: str, size: int, largest_lr: float = 0.1, at: int = 64) -> dict[str, str | int | float]:
    """Return the levels of an arm: the learning rate is proportional to the batch (Goyal et al. 2017, 1706.02677)."""
    return {"model.norm": norm, "data.batch_size": size, "optim.lr": largest_lr * size / at}


def arms(*sizes: int) -> dict[str, dict[str, str | int | float]]:
    """Return an arm for each norm and batch size."""
    return {f"{norm}, batch {size}": arm(norm, size) for norm in NORMS for size in sizes}


study = register(
    Study(
        name="batch_size",
        question="At which batch sizes does batch norm break, and do other norms hold there?",
        protocol=(
            "Equal epochs, the learning rate proportional to the batch. One device, so the batch is the per-device "
            "batch. quick: ResNet-8 of half the width on scikit-learn's digits. paper: ResNet-20 on CIFAR-10; Wu & "
            "He's own table is ResNet-50 on ImageNet, 8 GPUs. Ghost batches are of 32 and equal batch norm where the "
            "batch is no larger."
        ),
        base={
            "model.name": "resnet_cifar",
            "model.depth": 8,
            "model.width": 8,
            "data.name": "digits",
            "trainer.epochs": 5,
        },
        factors=("model.norm", "data.batch_size", "optim.lr"),
        arms=arms(2, 4, 16, 64, 256),
        baseline="batch, batch 64",
        seeds=3,
        presets={
            "paper": {
                "model.depth": 20,
                "model.width": 16,
                "data.name": "cifar10",
                "data.augment": "cifar",
                "optim.weight_decay": 1e-4,
                "optim.schedule": "multistep",
                "optim.warmup": 0.03,
                "trainer.epochs": 100,
            }
        },
        limits={
            "quick": (
                "Digits are too easy for batches of 2 to hurt much, and each of a map's positions counts towards the "
                "statistics. Five epochs of 1,293 images are 25 steps at batch 256: few steps weigh more there than "
                "the norm, and the running averages have not caught up."
            ),
        },
        claims=(
            Claim(
                "With batch norm, batches of 2 are less accurate than batches of 64, by more than a point.",
                WU,
                more("test_top1", arm("batch", 64), arm("batch", 2)),
                threshold=0.01,
                paper="ResNet-50, 32 and 2 images a GPU: 23.6 % and 34.7 % error",
            ),
            Claim(
                "In batches of 2, group norm is more accurate than batch norm, by more than a point.",
                WU,
                more("test_top1", arm("group", 2), arm("batch", 2)),
                threshold=0.01,
                paper="24.1 % against 34.7 % error",
            ),
            Claim(
                "Going from 64 to 2 costs batch norm more than group norm.",
                WU,
                interaction(
                    "test_top1",
                    of=(arm("batch", 64), arm("batch", 2)),
                    than=(arm("group", 64), arm("group", 2)),
                ),
                paper="11.1 points against 0.0",
            ),
            Claim(
                "Too large a batch costs accuracy with batch norm.",
                LECTURE,
                more("test_top1", arm("batch", 64), arm("batch", 256)),
            ),
            Claim(
                "The larger the batch, the closer batch norm fits the training set.",
                LECTURE,
                trend("train_top1", "data.batch_size", {"model.norm": "batch"}),
            ),
        ),
    )
)

if __name__ == "__main__":
    from studies.command.main import run_script

    run_script(study)
