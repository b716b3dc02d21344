"""Does batch normalisation speed up training, raise accuracy and allow higher learning rates? (norm × lr)"""

from studies.design.study import Study, register
from studies.evidence.claim_tests import higher_limit, more, sooner
from studies.evidence.claims import Claim

PAPER = "Ioffe & Szegedy 2015, Batch Normalization (arXiv 1502.03167)"
WITH, WITHOUT = {"model.norm": "batch"}, {"model.norm": "none"}

study = register(
    Study(
        name="batch_norm",
        question="Does batch normalisation speed up training, raise accuracy and allow higher learning rates?",
        protocol=(
            "quick: a small residual network on scikit-learn's digits, SGD with momentum 0.9 at a constant rate. "
            "mnist: LeNet-5, five epochs, evaluated eight times an epoch. paper: section 4.1 of Ioffe & Szegedy 2015, "
            "three layers of 100 sigmoid units on MNIST, plain SGD, batches of 60 for about 50,000 steps."
        ),
        base={
            "model.name": "resnet_cifar",
            "model.depth": 8,
            "model.width": 8,
            "data.name": "digits",
            "data.batch_size": 64,
            "data.validation": 0.2,
            "trainer.epochs": 15,
            "trainer.validations_per_epoch": 2,
        },
        factors={"model.norm": ["none", "batch"], "optim.lr": [0.01, 0.03, 0.1, 0.3, 1.0, 3.0]},
        baseline={"model.norm": "none", "optim.lr": 0.03},
        seeds=5,
        presets={
            "quick": {},
            "paper": {
                "model.name": "mlp",
                "data.name": "mnist",
                "data.batch_size": 60,
                "optim.momentum": 0.0,
                "init.scheme": "normal",
                "trainer.epochs": 60,
            },
        },
        for_data={
            "mnist": {
                "model.name": "lenet5",
                "data.batch_size": 128,
                "data.validation": 1 / 12,
                "trainer.epochs": 5,
                "trainer.validations_per_epoch": 8,
            },
        },
        claims=(
            Claim(
                "Batch norm reaches the same accuracy in fewer steps.",
                f"{PAPER}, section 4.2.1",
                sooner(WITH, than=WITHOUT),
                paper="Inception to 72.2 %: 31.0 M steps without, 13.3 M with",
            ),
            Claim(
                "Batch norm allows higher learning rates.",
                f"{PAPER}, section 3.3",
                higher_limit("optim.lr", WITH, than=WITHOUT),
                paper="trains at 30 times the learning rate",
            ),
            Claim(
                "Batch norm reaches a higher accuracy.",
                f"{PAPER}, section 4.1",
                more("test_top1", WITH, than=WITHOUT),
            ),
        ),
    )
)

if __name__ == "__main__":
    from studies.command.main import run_script

    run_script(study)
