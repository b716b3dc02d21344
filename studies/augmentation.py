"""How much augmentation helps, and does batch norm want less of it?

none; pad-4 crops and flips; these with photometric distortion, changes of brightness, contrast, saturation and hue.
Each arm has its own learning rate. quick: LeNet-5 with ReLU and max pooling on 540 drawn shapes of 32 pixels.
cifar16: the same network on CIFAR-10 at 16 pixels, 20 epochs. paper: ResNet-20 on CIFAR-10. imagenet: GoogLeNet on
ImageNet as an image folder, random parts at random aspect ratios in place of the crops.
"""

from dataclasses import replace

from litmus import Claim, Levels, Study, gap, interaction, more
from litmus.design.protocols import CIFAR_16_PIXELS, CIFAR_STEPWISE, IMAGENET_STEPWISE

ALEXNET = "Krizhevsky et al. 2012, ImageNet Classification with Deep Convolutional Neural Networks"
DENSENET = "Huang et al. 2016, Densely Connected Convolutional Networks (arXiv 1608.06993)"
GAP = gap("fit_top1", "test_top1")
CIFAR_16_IMAGES = ("none", "crop_flip", "crop_flip_colour")


def plain(augment: str) -> Levels:
    return {"data.augment": augment, "model.norm": "none"}


def normed(augment: str) -> Levels:
    return {"data.augment": augment, "model.norm": "batch"}


def claims(moved: str, distorted: str) -> list[Claim]:
    """Return the claims about a recipe that moves images, and the same with colours distorted."""
    return [
        Claim("Crops and flips raise test accuracy, with batch norm.",
              more("test_top1", normed(moved), than=normed("none")), "table 2 (C10 against C10+)", source=DENSENET,
              primary=True),
        Claim("They narrow the gap between training and test accuracy.",
              more(GAP, normed("none"), than=normed(moved)), "section 4.1", source=ALEXNET),
        Claim("With batch norm, less distortion is better: crops and flips alone beat photometric distortion on top.",
              more("test_top1", normed(moved), than=normed(distorted)), "section 4.2.1", primary=True),
        Claim("Photometric distortion costs more with batch norm than without.",
              interaction("test_top1", of=(normed(moved), normed(distorted)),
                          than=(plain(moved), plain(distorted))), "section 4.2.1"),
    ]  # fmt: skip


quick = Study(
    source="Ioffe & Szegedy 2015, Batch Normalization (arXiv 1502.03167)",
    base={
        "model.name": "lenet5",
        "data.name": "shapes", "data.num_classes": 6, "data.train_images": 600, "data.test_images": 3000,
        "data.batch_size": 50, "optim.lr": 0.05, "optim.schedule": "cosine", "trainer.epochs": 25,
    },
    factors={"data.augment": ["none", "cifar", "cifar_colour"], "model.norm": ["none", "batch"]},
    baseline=plain("none"),
    seeds=5,
    tune={"optim.lr": [0.01, 0.05]},
    presets={"paper": {"tune": {"optim.lr": [0.01, 0.1]}, **CIFAR_STEPWISE, "model.name": "resnet20"}},
    measures={"training minus test accuracy": GAP},
    limits={
        "quick": "The source distorts less because a network with batch norm sees each of 1.2 million images less "
        "often; of 540 images that are seen 25 times each, distorted copies are what is missing."
    },
    claims=claims("cifar", "cifar_colour"),
)  # fmt: skip

study = replace(
    quick,
    presets={
        **quick.presets,
        "cifar16": replace(
            quick,
            base={**CIFAR_16_PIXELS, "model.name": "lenet5", "optim.schedule": "cosine", "trainer.epochs": 20},
            factors=["data.augment", "model.norm", "optim.lr"],
            arms={
                **{f"{images}, no norm": {**plain(images), "optim.lr": 0.01} for images in CIFAR_16_IMAGES},
                **{f"{images}, batch norm": {**normed(images), "optim.lr": 0.1} for images in CIFAR_16_IMAGES},
            },
            seeds=4,
            tune={},
            limits={
                "cifar16": "LeNet-5 is small: it cannot fit what a deep network can. Its rate is 0.1 with batch norm "
                "and 0.01 without: in a pilot at a tenth of the data each was the better one for any augmentation."
            },
            claims=claims("crop_flip", "crop_flip_colour"),
        ),
        "imagenet": replace(
            quick,
            base={**IMAGENET_STEPWISE, "model.name": "googlenet"},
            factors={"data.augment": ["none", "imagenet", "imagenet_colour"], "model.norm": ["none", "batch"]},
            seeds=3,
            tune={"optim.lr": [0.01, 0.1]},
            limits={},
            claims=claims("imagenet", "imagenet_colour"),
        ),
    },
)

if __name__ == "__main__":
    study.main()
