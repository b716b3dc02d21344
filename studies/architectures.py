"""Which architecture reaches which accuracy for its parameters, FLOPs, time and memory?

Equal epochs, batches, learning rate (SGD, cosine, momentum 0.9) and augmentation for all; no architecture is tuned for
itself. quick: narrow versions on drawn shapes of 32 pixels. paper: the same on CIFAR-10, 182 epochs.
"""

from studies.design import Claim, Levels, Scatter, Study, logarithm, more
from studies.design.protocols import CIFAR_STEPWISE

ALEXNET = "Krizhevsky et al. 2012, ImageNet Classification with Deep Convolutional Neural Networks"
VGG = "Simonyan & Zisserman 2014, Very Deep Convolutional Networks (arXiv 1409.1556)"
DENSENET = "Huang et al. 2016, Densely Connected Convolutional Networks (arXiv 1608.06993)"

ZOO: dict[str, Levels] = {
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

study = Study(
    source="He et al. 2015, Deep Residual Learning (arXiv 1512.03385)",
    base={
        "data.name": "shapes", "data.image_size": 32, "data.train_images": 1000, "data.num_classes": 6,
        "data.batch_size": 50,
        "optim.lr": 0.02, "optim.schedule": "cosine", "optim.warmup": 0.05, "trainer.epochs": 6,
    },
    factors=[
        "model.name", "model.width", "model.depth", "model.dense_units", "model.dropout", "model.squeeze_excite",
        "model.reduction", "model.growth_rate",
    ],
    arms=ZOO,
    baseline="LeNet-5",
    presets={"paper": {**CIFAR_STEPWISE, "optim.schedule": "cosine"}},
    limits={"quick": "Six epochs of 900 small images reward networks that learn fast, not those that end best."},
    plots=[
        Scatter("parameters", "Test accuracy against parameters"),
        Scatter("flops", "Test accuracy against FLOPs of an image"),
        Scatter("seconds", "Test accuracy against seconds of training"),
        Scatter("activations", "Test accuracy against activations of an image, the memory of training"),
    ],
    claims=[
        # Implied: the paper compares itself with what led ImageNet before, never with LeNet-5.
        Claim("AlexNet is more accurate than LeNet-5.",
              more("test_top1", "AlexNet", than="LeNet-5"), source=ALEXNET),
        Claim("VGG is more accurate than AlexNet.",
              more("test_top1", "VGG-11", than="AlexNet"), "table 7", source=VGG),
        Claim("ResNet is more accurate than VGG.",
              more("test_top1", "ResNet-20", than="VGG-11"), "table 3"),
        Claim("ResNet has fewer parameters than VGG.",
              more(logarithm("parameters", decimals=2), "VGG-11", than="ResNet-20"), "section 5", source=DENSENET),
        # The paper has that the first fully connected layer holds most of its parameters; ten times is this study's.
        Claim("Fully connected layers hold most parameters: AlexNet has ten times those of ResNet-20.",
              more(logarithm("parameters", decimals=2), "AlexNet", than="ResNet-20"),
              "a footnote of section 3.2", source=ALEXNET, threshold=1.0),  # a decade
    ],
)  # fmt: skip

if __name__ == "__main__":
    from studies.command.main import run_script

    run_script(study)
