"""What do running averages cost or save at inference? (statistics × momentum × evaluation batch)"""

from studies.design.study import Study, register
from studies.evidence.claim_tests import alike, more
from studies.evidence.claims import Claim

PAPER = "Ioffe & Szegedy 2015, Batch Normalization (arXiv 1502.03167), section 3.1"


def arm(statistics: str, momentum: float, evaluation_batch: int) -> dict[str, str | float | int]:
    """Return the levels of an arm."""
    return {
        "norm.evaluation_statistics": statistics,
        "norm.momentum": momentum,
        "data.eval_batch_size": evaluation_batch,
    }


study = register(
    Study(
        name="inference_statistics",
        question="At inference, do running averages serve as well as the statistics of the evaluated batch?",
        protocol=(
            "The arms of a seed train to the same weights and differ only in evaluation: running averages of two "
            "momenta or the evaluated batch's own statistics, in batches of 2, 8 or 360. quick: ResNet-8 on "
            "scikit-learn's digits. paper: ResNet-20 on CIFAR-10."
        ),
        base={
            "model.name": "resnet_cifar",
            "model.depth": 8,
            "model.width": 8,
            "data.name": "digits",
            "data.batch_size": 64,
            "optim.lr": 0.1,
            "trainer.epochs": 8,
        },
        factors={
            "norm.evaluation_statistics": ["running", "batch"],
            "norm.momentum": [0.01, 0.1],
            "data.eval_batch_size": [2, 8, 360],
        },
        baseline=arm("running", 0.1, 360),
        seeds=5,
        presets={
            "paper": {
                "model.depth": 20,
                "model.width": 16,
                "data.name": "cifar10",
                "data.batch_size": 128,
                "data.augment": "cifar",
                "optim.weight_decay": 1e-4,
                "optim.schedule": "multistep",
                "trainer.epochs": 182,
            }
        },
        claims=(
            Claim(
                "With running averages, small evaluation batches give what large ones give.",
                PAPER,
                alike("test_top1", arm("running", 0.1, 2), arm("running", 0.1, 360)),
                threshold=0.001,
                paper="exact: the output depends on the input alone",
            ),
            Claim(
                "In batches of two, running averages are more accurate than the batch's own, by more than a point.",
                PAPER,
                more("test_top1", arm("running", 0.1, 2), arm("batch", 0.1, 2)),
                threshold=0.01,
            ),
            Claim(
                "In large batches the two agree to a percentage point.",
                PAPER,
                alike("test_top1", arm("batch", 0.1, 360), arm("running", 0.1, 360)),
                threshold=0.01,
            ),
            Claim(
                "Averages that follow slowly (momentum 0.01) lag behind the weights and cost accuracy in a short run.",
                "follows from the definition of the running average",
                more("test_top1", arm("running", 0.1, 360), arm("running", 0.01, 360)),
            ),
        ),
    )
)

if __name__ == "__main__":
    from studies.command.main import run_script

    run_script(study)
