"""Does squeeze-and-excitation raise accuracy by more than its parameters would, spent on width?

CIFAR ResNet of 16 channels with and without squeeze-and-excitation, and one of 17 channels without it, the narrowest
that has more parameters than either: 9 % more than with it in quick, 12 % in paper. In quick each tunes its learning
rate. How far the excitations depend on the class is the share of their variance between classes. quick: 8 layers on
drawn shapes of 16 pixels (4 % more parameters with it). cifar16: 20 layers, reduction 4, CIFAR-10 at 16 pixels, 10
epochs. paper: 56 layers, reduction 16, CIFAR-10 (1 % more). imagenet: ResNet-50 of 64 channels, and of 68 as the wider
one, on ImageNet as an image folder (10 % more with it, 12 % more in the wider one).
"""

from dataclasses import replace

from litmus import POINTS, ArmResult, Claim, Levels, Study, exceeds, measure, more, probed
from litmus.design.protocols import CIFAR_16_PIXELS, CIFAR_STEPWISE, IMAGENET_STEPWISE


def network(squeeze_excite: bool, squeeze: str = "average", *, width: int = 16) -> Levels:
    return {"model.squeeze_excite": squeeze_excite, "model.squeeze": squeeze, "model.width": width}


@measure(POINTS)
def last_over_first(result: ArmResult, seed: int) -> float:
    """Return how much more of the excitations' variance lies between classes in the last block than in the first."""
    first, last = (probed("between_classes", layer)(result, seed) for layer in (0, -1))
    return last - first


quick = Study(
    source="Hu et al. 2017, Squeeze-and-Excitation Networks (arXiv 1709.01507)",
    base={
        "model.name": "resnet_cifar", "model.depth": 8, "model.reduction": 4,
        "data.name": "shapes", "data.image_size": 16, "data.num_classes": 6, "data.train_images": 1000,
        "data.test_images": 4000, "data.batch_size": 50,
        "optim.lr": 0.05, "optim.schedule": "cosine", "trainer.epochs": 12,
    },
    factors=["model.squeeze_excite", "model.squeeze", "model.width"],
    arms={
        "without": network(False),
        "without, wider": network(False, width=17),
        "average squeeze": network(True),
        "max squeeze": network(True, "max"),
    },
    baseline="without",
    seeds=8,
    tune={"optim.lr": [0.05, 0.15]},
    presets={"paper": {**CIFAR_STEPWISE, "model.depth": 56, "model.reduction": 16}},
    probes=["excitations"],
    measures={"excitations' variance between classes, last block minus first": last_over_first},
    limits={
        "quick": "Networks of 8 layers have three squeezes, and 900 small images are few for what these add. The "
        "paper's gains are at 50 layers and more, on 1.28 million images."
    },
    claims=[
        Claim("Squeeze-and-excitation is more accurate than none.",
              more("test_top1", "average squeeze", than="without"), "table 2",
              paper="ResNet-50: 24.80 % to 23.29 % top-1 error", primary=True, answers="yes"),
        Claim("It is more accurate than a wider network of more parameters.",
              more("test_top1", "average squeeze", than="without, wider"), "section 5.1, of deeper networks",
              primary=True, answers="yes"),
        Claim("Average pooling is the better squeeze.",
              more("test_top1", "average squeeze", than="max squeeze"), "table 11",
              paper="22.28 % against 22.57 % top-1 error"),
        Claim("Excitations are more specific to the class in the last block than in the first.",
              exceeds(last_over_first, "average squeeze"), "section 7.2, figure 6",
              paper="alike for all classes in early layers, different in later ones"),
    ],
)  # fmt: skip

study = replace(
    quick,
    presets={
        **quick.presets,
        "cifar16": replace(
            quick,
            base={
                "model.name": "resnet_cifar",
                "model.depth": 20,
                "model.reduction": 4,
                **CIFAR_16_PIXELS,
                "optim.schedule": "cosine",
                "trainer.epochs": 10,
            },
            seeds=3,
            tune={},
            limits={
                "cifar16": "Ten epochs at one rate; the source's networks of 50 layers and more are trained for 100."
            },
        ),
        "imagenet": replace(
            quick,
            base={**IMAGENET_STEPWISE, "model.name": "resnet50", "model.reduction": 16},
            arms={
                "without": network(False, width=64),
                "without, wider": network(False, width=68),
                "average squeeze": network(True, width=64),
                "max squeeze": network(True, "max", width=64),
            },
            seeds=3,
            tune={},
            limits={},
        ),
    },
)

if __name__ == "__main__":
    study.main()
