"""Which architecture reaches which accuracy for its parameters, FLOPs, time and memory?

Epochs, batches, schedule (SGD, cosine, momentum 0.9) and augmentation are the same for all; each network tunes its
learning rate with the same budget. Families are compared with the same norm, so that a rival's norm is not attributed
to its architecture. quick: with batch norm, ResNet-20 of half the width and the others of a quarter, on drawn shapes of
16 pixels. paper: with the papers' widths, with and without norm where a family has no norm of its own, and VGG up to 19
layers; DenseNet has a depth of 22. CIFAR-10, 182 epochs. imagenet: the ImageNet forms on ImageNet as an image folder,
90 epochs.
"""

import math
from dataclasses import replace

from litmus import Claim, Levels, Scatter, Study, alike, logarithm, more
from litmus.design.protocols import CIFAR_STEPWISE, IMAGENET_STEPWISE

ALEXNET = "Krizhevsky et al. 2012, ImageNet Classification with Deep Convolutional Neural Networks"
VGG = "Simonyan & Zisserman 2014, Very Deep Convolutional Networks (arXiv 1409.1556)"
LIN = "Lin et al. 2013, Network in Network (arXiv 1312.4400)"
DENSENET = "Huang et al. 2016, Densely Connected Convolutional Networks (arXiv 1608.06993)"

NARROW: dict[str, Levels] = {
    "LeNet-5, batch norm": {"model.name": "lenet5", "model.norm": "batch"},
    "AlexNet, batch norm": {
        "model.name": "alexnet_cifar",
        "model.norm": "batch",
        "model.width": 0.25,
        "model.dense_units": 256,
        "model.dropout": 0.0,
    },
    "VGG-11, batch norm": {"model.name": "vgg11_cifar", "model.width": 16},
    "VGG-11, dense layers, batch norm": {
        "model.name": "vgg11_cifar",
        "model.width": 16,
        "model.head": "dense",
        "model.dense_units": 512,
    },
    "ResNet-20": {"model.name": "resnet20", "model.width": 8},
}
"""Networks of a quarter or half of the papers' width, LeNet-5 as it is."""

ZOO: dict[str, Levels] = {
    "LeNet-5": {"model.name": "lenet5"},
    "LeNet-5, batch norm": {"model.name": "lenet5", "model.norm": "batch"},
    "AlexNet": {"model.name": "alexnet_cifar", "model.dropout": 0.0},
    "AlexNet, batch norm": {"model.name": "alexnet_cifar", "model.dropout": 0.0, "model.norm": "batch"},
    "VGG-11": {"model.name": "vgg11_cifar", "model.norm": "none"},
    "VGG-11, batch norm": {"model.name": "vgg11_cifar"},
    "VGG-11, dense layers, batch norm": {"model.name": "vgg11_cifar", "model.head": "dense"},
    "VGG-16, batch norm": {"model.name": "vgg16_cifar"},
    "VGG-19, batch norm": {"model.name": "vgg19_cifar"},
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
        "data.name": "shapes", "data.image_size": 16, "data.num_classes": 6,
        "data.train_images": 2000, "data.test_images": 4000, "data.batch_size": 64,
        "optim.lr": 0.03, "optim.schedule": "cosine", "optim.warmup": 0.05, "trainer.epochs": 8,
    },
    factors=["model.name", "model.norm", "model.width", "model.head", "model.dense_units", "model.dropout"],
    arms=NARROW,
    baseline="LeNet-5, batch norm",
    seeds=6,
    tune={"optim.lr": [0.02, 0.1]},
    limits={
        "quick": "Eight epochs of 1,800 small images reward networks that learn fast; the papers of VGG and ResNet "
        "claim that they end best. VGG with dense layers hardly starts in so few, so that what is claimed of it is not "
        "earned. Two rates are a small budget."
    },
    plots=[
        Scatter("parameters", "Test accuracy against parameters"),
        Scatter("flops", "Test accuracy against FLOPs of an image"),
        Scatter("seconds", "Test accuracy against seconds of training"),
        Scatter("activations", "Test accuracy against activations of an image, the memory of training"),
    ],
    claims=[
        # Implied: the paper compares itself with what led ImageNet before, never with LeNet-5.
        Claim("AlexNet is more accurate than LeNet-5, both with batch norm.",
              more("test_top1", "AlexNet, batch norm", than="LeNet-5, batch norm"), source=ALEXNET, primary=True),
        Claim("Without its hidden dense layers VGG is no less accurate, to three points.",
              more("test_top1", "VGG-11, batch norm", than="VGG-11, dense layers, batch norm"),
              "section 4.6 and table 5", source=LIN, threshold=-0.03,
              paper="CIFAR-10, dense layers with dropout and global average: 10.88 % and 10.41 % error"),
        Claim("VGG is more accurate than AlexNet, both with batch norm.",
              more("test_top1", "VGG-11, batch norm", than="AlexNet, batch norm"), "table 7", source=VGG),
        Claim("ResNet is more accurate than VGG, both with batch norm.",
              more("test_top1", "ResNet-20", than="VGG-11, batch norm"), "table 3"),
        Claim("ResNet has fewer parameters than VGG.",
              more(logarithm("parameters", decimals=2), "VGG-11, batch norm", than="ResNet-20"),
              "section 5", source=DENSENET, check=True),
        # The paper has that the first fully connected layer holds most of its parameters; five times is this study's.
        Claim("Fully connected layers hold most parameters: AlexNet has five times those of ResNet-20.",
              more(logarithm("parameters", decimals=2), "AlexNet, batch norm", than="ResNet-20"),
              "a footnote of section 3.2", source=ALEXNET, threshold=math.log10(5), check=True),
    ],
)  # fmt: skip

study = replace(
    quick,
    presets={
        "paper": replace(
            quick,
            base={**CIFAR_STEPWISE, "optim.schedule": "cosine", "optim.warmup": 0.05},
            factors=[
                "model.name", "model.norm", "model.depth", "model.head", "model.dropout", "model.squeeze_excite",
                "model.reduction",
            ],
            arms=ZOO,
            seeds=3,
            tune={"optim.lr": [0.01, 0.1]},
            limits={},
            claims=[
                *quick.claims,
                Claim("VGG is more accurate than AlexNet, both without norm.",
                      more("test_top1", "VGG-11", than="AlexNet"), "table 7", source=VGG, primary=True),
                Claim("Depth is important: VGG-16 is more accurate than VGG-11.",
                      more("test_top1", "VGG-16, batch norm", than="VGG-11, batch norm"), "table 3", source=VGG,
                      paper="29.6 % and 27.0 % top-1 error at one scale"),
                Claim("There it stops: VGG-19 is within half a point of VGG-16.",
                      alike("test_top1", "VGG-19, batch norm", "VGG-16, batch norm"), "table 3", source=VGG,
                      threshold=0.005, paper="27.3 % and 27.0 %"),
            ],
        ),
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
