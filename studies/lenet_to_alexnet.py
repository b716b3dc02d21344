"""What separates LeNet-5 from AlexNet, one change at a time? (activation, pooling, dropout, augmentation)"""

from typing import Any

from studies.design.study import Study, register
from studies.evidence.claim_tests import more
from studies.evidence.claims import Claim

PAPER = "Krizhevsky et al. 2012, ImageNet Classification with Deep Convolutional Neural Networks"

OLD: dict[str, Any] = {
    "model.activation": "tanh",
    "model.pooling": "average",
    "model.dropout": 0.0,
    "data.augment": "none",
}
NEW: dict[str, Any] = {
    "model.activation": "relu",
    "model.pooling": "max",
    "model.dropout": 0.5,
    "data.augment": "crop",
}

study = register(
    Study(
        name="lenet_to_alexnet",
        question="Which of AlexNet's changes to LeNet-5 helps, alone and together?",
        protocol=(
            "LeNet-5 with tanh and average pooling; ReLU, max pooling, dropout and augmentation come one at a time and "
            "then all together. quick: scikit-learn's digits, random crops. paper: CIFAR-10, crops and flips."
        ),
        base={
            "model.name": "lenet5",
            "data.name": "digits",
            "data.batch_size": 64,
            "optim.lr": 0.05,
            "trainer.epochs": 40,
        },
        factors=tuple(OLD),
        arms={
            "LeNet-5": OLD,
            "ReLU": {**OLD, "model.activation": NEW["model.activation"]},
            "max pooling": {**OLD, "model.pooling": NEW["model.pooling"]},
            "dropout": {**OLD, "model.dropout": NEW["model.dropout"]},
            "augmentation": {**OLD, "data.augment": NEW["data.augment"]},
            "all": NEW,
        },
        baseline="LeNet-5",
        seeds=6,
        presets={"paper": {"data.name": "cifar10", "data.batch_size": 128, "trainer.epochs": 100}},
        limits={
            "quick": (
                "A digit of 8 pixels is moved by up to two of them, and the test digits are centred: so hard an "
                "augmentation takes long to pay, if it does."
            )
        },
        claims=(
            Claim("ReLU instead of tanh helps.", f"{PAPER}, section 3.1", more("test_top1", "ReLU", "LeNet-5")),
            Claim(
                "Max pooling instead of average helps.",
                f"{PAPER}, section 3.4",
                more("test_top1", "max pooling", "LeNet-5"),
            ),
            Claim("Dropout helps.", f"{PAPER}, section 4.2", more("test_top1", "dropout", "LeNet-5")),
            Claim("Augmentation helps.", f"{PAPER}, section 4.1", more("test_top1", "augmentation", "LeNet-5")),
            Claim("All four together help.", PAPER, more("test_top1", "all", "LeNet-5")),
        ),
    )
)

if __name__ == "__main__":
    from studies.command.main import run_script

    run_script(study)
