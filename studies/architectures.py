"""Which architecture reaches which accuracy for its parameters, FLOPs, time and memory?

Epochs, batches, schedule (SGD, cosine, momentum 0.9) and augmentation are the same for all; each network tunes its
learning rate with the same budget. All have their papers' widths; DenseNet has a depth of 22. AlexNet and VGG are
trained with and without batch norm, so that the effect of a rival's norm is not attributed to its architecture. quick:
drawn shapes of 16 pixels. paper: CIFAR-10, 182 epochs. imagenet: the ImageNet forms on ImageNet as an image folder, 90
epochs.
"""

from dataclasses import replace

from litmus import Claim, Levels, Scatter, Study, logarithm, more
from litmus.design.protocols import CIFAR_STEPWISE, IMAGENET_STEPWISE

ALEXNET = "Krizhevsky et al. 2012, ImageNet Classification with Deep Convolutional Neural Networks"
VGG = "Simonyan & Zisserman 2014, Very Deep Convolutional Networks (arXiv 1409.1556)"
DENSENET = "Huang et al. 2016, Densely Connected Convolutional Networks (arXiv 1608.06993)"

ZOO: dict[str, Levels] = {
    "LeNet-5": {"model.name": "lenet5"},
    "AlexNet": {"model.name": "alexnet_cifar", "model.dropout": 0.0},
    "AlexNet, batch norm": {"model.name": "alexnet_cifar", "model.dropout": 0.0, "model.norm": "batch"},
    "VGG-11": {"model.name": "vgg11_cifar", "model.norm": "none"},
    "VGG-11, batch norm": {"model.name": "vgg11_cifar"},
    "Inception": {"model.name": "inception_stack"},
    "ResNet-20": {"model.name": "resnet20"},
    "WRN-10-2": {"model.name": "wide_resnet10_2"},
    "ResNeXt-11 4×4d": {"model.name": "resnext11_4x4d"},
    "SE-ResNet-20": {"model.name": "resnet20", "model.squeeze_excite": True, "model.reduction": 4},
    "DenseNet-22": {"model.name": "densenet_cifar", "model.depth": 22},
}
"""The networks at CIFAR-10's size; those without a named norm have their default."""

IMAGENET_ZOO: dict[str, Levels] = {
    "AlexNet": {"model.name": "alexnet"},
    "AlexNet, batch norm": {"model.name": "alexnet", "model.norm": "batch"},
    "VGG-11": {"model.name": "vgg11"},
    "VGG-11, batch norm": {"model.name": "vgg11", "model.norm": "batch"},
    "GoogLeNet": {"model.name": "googlenet"},
    "ResNet-50": {"model.name": "resnet50"},
    "WRN-50-2": {"model.name": "wide_resnet50_2"},
    "ResNeXt-50 32×4d": {"model.name": "resnext50_32x4d"},
    "SE-ResNet-50": {"model.name": "seresnet50"},
    "DenseNet-121": {"model.name": "densenet121"},
}
"""The zoo at the size that ImageNet has it, with the papers' dropout."""

quick = Study(
    source="He et al. 2015, Deep Residual Learning (arXiv 1512.03385)",
    base={
        "data.name": "shapes", "data.image_size": 16, "data.train_images": 450, "data.num_classes": 6,
        "data.batch_size": 50,
        "optim.lr": 0.02, "optim.schedule": "cosine", "optim.warmup": 0.05, "trainer.epochs": 4,
    },
    factors=[
        "model.name", "model.norm", "model.depth", "model.dropout", "model.squeeze_excite", "model.reduction",
    ],
    arms=ZOO,
    baseline="LeNet-5",
    tune={"optim.lr": [0.01, 0.05]},
    presets={"paper": {"tune": {"optim.lr": [0.01, 0.1]}, **CIFAR_STEPWISE, "optim.schedule": "cosine"}},
    limits={
        "quick": "Four epochs of 405 small images reward networks that learn fast, not those that end best; two "
        "rates are a small budget."
    },
    plots=[
        Scatter("parameters", "Test accuracy against parameters"),
        Scatter("flops", "Test accuracy against FLOPs of an image"),
        Scatter("seconds", "Test accuracy against seconds of training"),
        Scatter("activations", "Test accuracy against activations of an image, the memory of training"),
    ],
    claims=[
        # Implied: the paper compares itself with what led ImageNet before, never with LeNet-5.
        Claim("AlexNet is more accurate than LeNet-5.",
              more("test_top1", "AlexNet", than="LeNet-5"), source=ALEXNET, primary=True),
        Claim("VGG is more accurate than AlexNet, both without norm.",
              more("test_top1", "VGG-11", than="AlexNet"), "table 7", source=VGG, primary=True),
        Claim("ResNet is more accurate than VGG, both with batch norm.",
              more("test_top1", "ResNet-20", than="VGG-11, batch norm"), "table 3", primary=True),
        Claim("ResNet has fewer parameters than VGG.",
              more(logarithm("parameters", decimals=2), "VGG-11, batch norm", than="ResNet-20"),
              "section 5", source=DENSENET, check=True),
        # The paper has that the first fully connected layer holds most of its parameters; ten times is this study's.
        Claim("Fully connected layers hold most parameters: AlexNet has ten times those of ResNet-20.",
              more(logarithm("parameters", decimals=2), "AlexNet", than="ResNet-20"),
              "a footnote of section 3.2", source=ALEXNET, threshold=1.0, check=True),  # a decade
    ],
)  # fmt: skip

study = replace(
    quick,
    presets={
        **quick.presets,
        "imagenet": replace(
            quick,
            base={**IMAGENET_STEPWISE, "optim.schedule": "cosine", "optim.warmup": 0.05},
            factors=["model.name", "model.norm"],
            arms=IMAGENET_ZOO,
            baseline="AlexNet",
            tune={"optim.lr": [0.02, 0.1]},
            limits={"imagenet": "Two rates are a small budget; AlexNet and VGG have dropout, the others have none."},
            claims=[
                Claim("VGG is more accurate than AlexNet, both without norm.",
                      more("test_top1", "VGG-11", than="AlexNet"), "table 7", source=VGG, primary=True),
                Claim("ResNet is more accurate than VGG, both with batch norm.",
                      more("test_top1", "ResNet-50", than="VGG-11, batch norm"), "table 3", primary=True),
                Claim("ResNet has fewer parameters than VGG.",
                      more(logarithm("parameters", decimals=2), "VGG-11, batch norm", than="ResNet-50"),
                      "section 5", source=DENSENET, check=True),
                Claim("ResNeXt is more accurate than ResNet.",
                      more("test_top1", "ResNeXt-50 32×4d", than="ResNet-50"), "table 3",
                      source="Xie et al. 2016, Aggregated Residual Transformations (arXiv 1611.05431)",
                      paper="23.9 % to 22.2 % top-1 error"),
                Claim("ResNet with squeeze-and-excitation is more accurate than without.",
                      more("test_top1", "SE-ResNet-50", than="ResNet-50"), "table 2",
                      source="Hu et al. 2017, Squeeze-and-Excitation Networks (arXiv 1709.01507)",
                      paper="24.80 % to 23.29 % top-1 error"),
            ],
        ),
    },
)  # fmt: skip

if __name__ == "__main__":
    study.main()
