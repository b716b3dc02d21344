"""Which layers become what they end as first: those at the input or those at the output?

The similarity of a layer's outputs to its final ones (SVCCA) is measured while a plain and a residual network train.
Even before the first step it is not zero, because outputs of random weights depend on the image; the second claim is
about the increase from there. quick: 14 layers of 8 channels on drawn shapes of 16 pixels. paper: 20 layers on
CIFAR-10, as He et al. 2015, section 4.2.
"""

import math

from litmus import ArmResult, ByLayer, Claim, OverTraining, Study, Unit, exceeds, measure, probed
from litmus.design.protocols import HE_2015_CIFAR
from litmus.evidence.measures import over_steps

SIMILARITY = Unit("of likeness", "of likeness", decimals=3)
WAY = Unit("of the way", "of the way", decimals=3)
FIRST, LAST = 0, -2
"""The first layer, and the last hidden one."""


@measure(SIMILARITY)
def first_over_last(result: ArmResult, seed: int) -> float:
    """Return how much more like its end the first layer is than the last hidden one, the mean over training."""
    first, last = (probed("similarity_to_final", layer)(result, seed) for layer in (FIRST, LAST))
    return first - last


def covered(result: ArmResult, seed: int, layer: int) -> float:
    """Return which part of its way from its start to its end a layer has behind it, the mean over training."""
    similarity = over_steps(result, seed, "similarity_to_final", layer)
    if len(similarity) < 2 or similarity.iloc[0] >= 1:
        return math.nan
    return float(((similarity.iloc[1:] - similarity.iloc[0]) / (1 - similarity.iloc[0])).mean())


@measure(WAY)
def first_before_last(result: ArmResult, seed: int) -> float:
    """Return how much more of its way the first layer has behind it than the last hidden one, over training."""
    return covered(result, seed, FIRST) - covered(result, seed, LAST)


study = Study(
    source="Raghu et al. 2017, SVCCA (arXiv 1706.05806)",
    base={
        "model.name": "resnet_cifar", "model.depth": 14, "model.width": 8,
        "data.name": "shapes", "data.image_size": 16, "data.num_classes": 6, "data.train_images": 1200,
        "data.validation": 0.25, "data.batch_size": 50,
        "optim.lr": 0.05, "optim.schedule": "cosine", "trainer.epochs": 10, "trainer.probe_every_n_steps": 10,
    },
    factors={"model.residual": [False, True]},
    baseline={"model.residual": False},
    seeds=6,
    tune={"optim.lr": [0.02, 0.1]},
    presets={
        "paper": {
            **HE_2015_CIFAR, "model.depth": 20, "model.width": 16, "trainer.probe_every_n_steps": 4000,
        }
    },
    probes=["representations"],
    measures={
        "likeness to the end, first layer minus last hidden one": first_over_last,
        "part of the way covered, first layer minus last hidden one": first_before_last,
    },
    limits={
        "quick": "300 images at 500 places are few for the likeness of up to 32 channels, which is overestimated then."
    },
    plots=[
        ByLayer("similarity_to_final", "Likeness of a layer's outputs to those it ends with, over training"),
        ByLayer("similarity_to_final", "The same before training", at="first"),
        OverTraining("similarity_to_final", "The same over the steps, the mean of the layers"),
    ],
    claims=[
        Claim("In a plain network the first layer is more like its end than the last hidden one, while it trains.",
              exceeds(first_over_last, {"model.residual": False}), "abstract and section 4, bottom up", primary=True),
        Claim("In a residual network, too.",
              exceeds(first_over_last, {"model.residual": True}), "abstract and section 4, bottom up", primary=True),
        # The paper does not take the start out.
        Claim("Counted from where it starts, too: a plain network's first layer is further on its way than its last.",
              exceeds(first_before_last, {"model.residual": False}), "implied by section 4"),
        Claim("And so in a residual network.",
              exceeds(first_before_last, {"model.residual": True}), "implied by section 4"),
    ],
)  # fmt: skip

if __name__ == "__main__":
    study.main()
