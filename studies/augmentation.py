"""How much augmentation does a network want, with batch norm and without? (augmentation × norm)"""

from studies.design.study import Study, register
from studies.evidence.claim_tests import interaction, more
from studies.evidence.claims import Claim
from studies.evidence.measures import gap

HE = "He et al. 2015, Deep Residual Learning (arXiv 1512.03385), section 4.2"
IOFFE = "Ioffe & Szegedy 2015, Batch Normalization (arXiv 1502.03167), section 4.2.1"


def arm(augment: str, norm: str) -> dict[str, str]:
    """Return the levels of an arm."""
    return {"data.augment": augment, "model.norm": norm}


study = register(
    Study(
        name="augmentation",
        question="How much augmentation helps, and does batch norm want less of it?",
        protocol=(
            "none; pad-4 crops and flips; these with changes of colour and cutout. quick: a narrow AlexNet without "
            "dropout on 500 drawn shapes of 32 pixels. paper: ResNet-20 on CIFAR-10."
        ),
        base={
            "model.name": "alexnet_cifar",
            "model.width": 0.25,
            "model.dense_units": 128,
            "model.dropout": 0.0,
            "data.name": "shapes",
            "data.num_classes": 6,
            "data.train_images": 600,
            "data.batch_size": 50,
            "optim.lr": 0.005,
            "trainer.epochs": 12,
        },
        factors={"data.augment": ["none", "cifar", "cifar_heavy"], "model.norm": ["none", "batch"]},
        baseline=arm("none", "none"),
        seeds=4,
        presets={
            "paper": {
                "model.name": "resnet20",
                "data.name": "cifar10",
                "data.batch_size": 128,
                "optim.lr": 0.1,
                "optim.weight_decay": 1e-4,
                "optim.schedule": "multistep",
                "trainer.epochs": 182,
            }
        },
        measures={"training minus test accuracy": gap("train_top1", "test_top1")},
        limits={"quick": "Twelve epochs end while the augmented arms are still improving; augmentation pays late."},
        claims=(
            Claim(
                "Crops and flips raise test accuracy, with batch norm.",
                HE,
                more("test_top1", arm("cifar", "batch"), arm("none", "batch")),
            ),
            Claim(
                "They narrow the gap between training and test accuracy.",
                HE,
                more(gap("train_top1", "test_top1"), arm("none", "batch"), arm("cifar", "batch")),
            ),
            Claim(
                "With batch norm, less distortion is better: crops and flips beat the heavy recipe.",
                IOFFE,
                more("test_top1", arm("cifar", "batch"), arm("cifar_heavy", "batch")),
            ),
            Claim(
                "Heavy augmentation costs more with batch norm than without.",
                IOFFE,
                interaction(
                    "test_top1",
                    of=(arm("cifar", "batch"), arm("cifar_heavy", "batch")),
                    than=(arm("cifar", "none"), arm("cifar_heavy", "none")),
                ),
            ),
        ),
    )
)

if __name__ == "__main__":
    from studies.command.main import run_script

    run_script(study)
