"""What helps a deep residual network where batches are large and the learning rate with them?

Networks of 56 layers, batch norm, option A; the rate is proportional to the batch and warmed up. Three ingredients,
each by itself: the last γ of each branch at zero, norm and activation before the convolutions, branches left out at
random. quick: a quarter of the width on scikit-learn's digits, batches of 256, lr 0.4. paper: CIFAR-10, batches of
1,024, lr 0.8.
"""

from litmus import Claim, Levels, Study, more
from litmus.design.protocols import CIFAR_STEPWISE

HE_2016 = "He et al. 2016, Identity Mappings in Deep Residual Networks (arXiv 1603.05027)"
HUANG_2016 = "Huang et al. 2016, Deep Networks with Stochastic Depth (arXiv 1603.09382)"


def recipe(*, zero_gamma: bool = False, pre_activation: bool = False, stochastic_depth: float = 0.0) -> Levels:
    return {
        "model.zero_gamma": zero_gamma, "model.pre_activation": pre_activation,
        "model.stochastic_depth": stochastic_depth,
    }  # fmt: skip


study = Study(
    source="Goyal et al. 2017, Accurate, Large Minibatch SGD (arXiv 1706.02677)",
    base={
        "model.name": "resnet_cifar", "model.depth": 56, "model.width": 4,
        "data.name": "digits", "data.batch_size": 256,
        "optim.lr": 0.4, "optim.schedule": "cosine", "optim.warmup": 0.1, "trainer.epochs": 24,
    },
    factors=["model.zero_gamma", "model.pre_activation", "model.stochastic_depth"],
    arms={
        "none": recipe(),
        "zero γ": recipe(zero_gamma=True),
        "pre-activation": recipe(pre_activation=True),
        "stochastic depth": recipe(stochastic_depth=0.5),
    },
    baseline="none",
    seeds=6,
    presets={"paper": {**CIFAR_STEPWISE, "model.width": 16, "data.batch_size": 1024, "optim.lr": 0.8,
                       "optim.schedule": "cosine", "optim.warmup": 0.03}},
    limits={
        "quick": "120 steps show what helps a deep network to start. What an ingredient brings at the end, as "
        "stochastic depth does after hundreds of epochs, is for the paper preset."
    },
    claims=[
        Claim("With the last γ of each branch at zero the network is more accurate.",
              more("test_top1", "zero γ", than="none"), "section 5.1", primary=True),
        Claim("It fits the training images better, too.",
              more("fit_top1", "zero γ", than="none"), "section 5.1: it eases optimisation at the start"),
        Claim("Pre-activation is more accurate.",
              more("test_top1", "pre-activation", than="none"), "table 2", source=HE_2016,
              paper="ResNet-110: 6.61 % to 6.37 % error", primary=True),
        Claim("Stochastic depth is more accurate.",
              more("test_top1", "stochastic depth", than="none"), "section 4, table 1", source=HUANG_2016,
              paper="CIFAR-10, 110 layers: 6.41 % to 5.25 % error"),
    ],
)  # fmt: skip

if __name__ == "__main__":
    study.main()
