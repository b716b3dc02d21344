"""What does each architecture reach for its parameters, FLOPs, seconds and memory? (the zoo at a fixed budget)"""

from typing import Any

from studies.design.study import Study, register
from studies.evidence.claim_tests import more
from studies.evidence.claims import Claim
from studies.evidence.measures import logarithm
from studies.evidence.units import Unit
from studies.report import plots

DECADES = Unit("decades", "decades", decimals=2)
TENTH = 1.0

ZOO: dict[str, dict[str, Any]] = {
    "LeNet-5": {"model.name": "lenet5", "model.width": 1.0},
    "AlexNet": {"model.name": "alexnet_cifar", "model.width": 0.25, "model.dense_units": 512, "model.dropout": 0.0},
    "VGG-11": {"model.name": "vgg11_cifar", "model.width": 8},
    "Inception": {"model.name": "inception_stack", "model.width": 0.25},
    "ResNet-20": {"model.name": "resnet20", "model.width": 8},
    "WRN-10-2": {"model.name": "wide_resnet10_2", "model.width": 8},
    "ResNeXt-11 4×4d": {"model.name": "resnext11_4x4d", "model.width": 8},
    "SE-ResNet-20": {"model.name": "resnet20", "model.width": 8, "model.squeeze_excite": True, "model.reduction": 4},
    "DenseNet-13": {"model.name": "densenet_cifar", "model.depth": 13, "model.growth_rate": 8},
}
"""The zoo at a size that two CPU cores train in minutes."""

study = register(
    Study(
        name="architectures",
        question="Which architecture reaches which accuracy for its parameters, FLOPs, time and memory?",
        protocol=(
            "Equal epochs, batches, learning rate (SGD, cosine, momentum 0.9) and augmentation for all; no "
            "architecture is tuned for itself. quick: narrow versions on drawn shapes of 32 pixels. paper: the same on "
            "CIFAR-10, 182 epochs."
        ),
        base={
            "data.name": "shapes",
            "data.image_size": 32,
            "data.train_images": 1000,
            "data.num_classes": 6,
            "data.batch_size": 50,
            "optim.lr": 0.02,
            "optim.schedule": "cosine",
            "optim.warmup": 0.05,
            "trainer.epochs": 6,
        },
        factors=(
            "model.name",
            "model.width",
            "model.depth",
            "model.dense_units",
            "model.dropout",
            "model.squeeze_excite",
            "model.reduction",
            "model.growth_rate",
        ),
        arms=ZOO,
        baseline="LeNet-5",
        seeds=3,
        presets={
            "paper": {
                "data.name": "cifar10",
                "data.batch_size": 128,
                "data.augment": "cifar",
                "optim.lr": 0.1,
                "optim.weight_decay": 1e-4,
                "trainer.epochs": 182,
            }
        },
        limits={"quick": "Six epochs of 900 small images reward networks that learn fast, not those that end best."},
        plots=(
            plots.scatter("parameters", "Test accuracy against parameters"),
            plots.scatter("flops", "Test accuracy against FLOPs of an image"),
            plots.scatter("seconds", "Test accuracy against seconds of training"),
            plots.scatter("activations", "Test accuracy against activations of an image, the memory of training"),
        ),
        claims=(
            Claim(
                "AlexNet is more accurate than LeNet-5.",
                "Krizhevsky et al. 2012",
                more("test_top1", "AlexNet", "LeNet-5"),
            ),
            Claim(
                "VGG is more accurate than AlexNet.",
                "Simonyan & Zisserman 2014 (arXiv 1409.1556)",
                more("test_top1", "VGG-11", "AlexNet"),
            ),
            Claim(
                "ResNet is more accurate than VGG.",
                "He et al. 2015 (arXiv 1512.03385)",
                more("test_top1", "ResNet-20", "VGG-11"),
            ),
            Claim(
                "ResNet has fewer parameters than VGG.",
                "He et al. 2015 (arXiv 1512.03385)",
                more(logarithm("parameters"), "VGG-11", "ResNet-20", DECADES),
            ),
            Claim(
                "Fully connected layers hold most parameters: AlexNet has ten times those of ResNet-20.",
                "a common statement on dense layers",
                more(logarithm("parameters"), "AlexNet", "ResNet-20", DECADES),
                threshold=TENTH,
            ),
        ),
    )
)

if __name__ == "__main__":
    from studies.command.main import run_script

    run_script(study)
