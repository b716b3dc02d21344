"""Does depth pay more the more data there is?

Residual networks of 8 and 32 layers, on all of the training split and on a tenth of it, class by class. They are
compared at equal steps: a tenth of the data is seen ten times as often, and only the data differ. Each network tunes
its learning rate. quick: half the width on scikit-learn's digits, 320 steps. paper: CIFAR-10, 64,000 steps.
"""

from dataclasses import replace

from litmus import Claim, Levels, Study, gap, interaction, more
from litmus.design.protocols import CIFAR_STEPWISE

SUN = "Sun et al. 2017, Revisiting Unreasonable Effectiveness of Data (arXiv 1707.02968)"


def arms(epochs: int) -> dict[str, Levels]:
    """Return the arms, where all of the data is seen in `epochs` epochs."""

    def network(depth: int, fraction: float, passes: int) -> Levels:
        return {"model.depth": depth, "data.train_fraction": fraction, "trainer.epochs": passes}

    return {
        "8 layers, a tenth": network(8, 0.1, 10 * epochs),
        "8 layers, all": network(8, 1.0, epochs),
        "32 layers, a tenth": network(32, 0.1, 10 * epochs),
        "32 layers, all": network(32, 1.0, epochs),
    }


quick = Study(
    source=SUN,
    base={
        "model.name": "resnet_cifar", "model.width": 8,
        "data.name": "digits", "data.batch_size": 32,
        "optim.lr": 0.05, "optim.schedule": "cosine",
    },
    factors=["model.depth", "data.train_fraction", "trainer.epochs"],
    arms=arms(epochs=8),
    baseline="8 layers, all",
    seeds=12,
    tune={"optim.lr": [0.02, 0.1]},
    limits={
        "quick": "With 1,294 digits both depths come near the ceiling, which bounds what depth could pay: this run "
        "sees whether it costs less where there are more data.",
    },
    claims=[
        Claim("At equal steps the deeper network is more accurate with all of the data than with a tenth.",
              more("test_top1", "32 layers, all", than="32 layers, a tenth"), "abstract",
              paper="accuracy rises with the logarithm of the amount of data", primary=True),
        Claim("So is the shallower one.",
              more("test_top1", "8 layers, all", than="8 layers, a tenth"), "abstract"),
        # not checked at the source
        Claim("Depth pays more with more data.",
              interaction("test_top1", of=("32 layers, all", "8 layers, all"),
                          than=("32 layers, a tenth", "8 layers, a tenth")), "on the capacity of the model",
              primary=True, answers="yes"),
        Claim("The deeper network overfits more with a tenth of the data than with all: its gap is wider.",
              more(gap("fit_top1", "test_top1"), "32 layers, a tenth", than="32 layers, all"),
              source="a common statement: large networks overfit where labels are few"),
    ],
)  # fmt: skip

study = replace(
    quick,
    presets={
        "paper": replace(
            quick,
            base={
                **{key: value for key, value in CIFAR_STEPWISE.items() if key != "trainer.epochs"},
                "model.name": "resnet_cifar", "model.width": 16,
            },
            arms=arms(epochs=182),
            limits={},
        )
    },
)  # fmt: skip

if __name__ == "__main__":
    study.main()
