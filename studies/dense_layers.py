"""Are convolutions better than dense layers, is it by their shared weights, and is a dense layer behind them wasteful?

A convolutional network of two blocks and a hidden dense layer, which holds most of its parameters, against a fully
connected network of two hidden layers, and against a wider convolutional network that averages its last map in place of
the dense layer: both have its parameters, to 2 %. The average also replaces the dense layer at equal width, the dense
layer is doubled and given dropout, each block has one convolution in place of two, and each position of a map has
filters of its own. With batch norm; each tunes its learning rate. quick: 8 filters in the first block, drawn shapes of
16 pixels. paper: three blocks, 32 filters in the first, CIFAR-10.
"""

import math
from dataclasses import replace

from litmus import Claim, Levels, Scatter, Study, gap, interaction, logarithm, more
from litmus.design.protocols import CIFAR_STEPWISE

LIN = "Lin et al. 2013, Network in Network (arXiv 1312.4400)"
SRIVASTAVA = "Srivastava et al. 2014, Dropout"
CS231N = "CS231n notes, Convolutional networks, Layer patterns"
FULLY, DENSE, UNSHARED, DROPOUT, TWO, TWO_DROPOUT, AVERAGE, WIDER, ONE = (
    "fully connected", "dense layer", "unshared weights", "dense layer, dropout", "two dense layers",
    "two dense layers, dropout", "average", "average, wider", "dense layer, one convolution a block",
)  # fmt: skip
GAP = gap("fit_top1", "test_top1")


def arms(blocks: int, width: int, units: int, *, wider: int, fully: int) -> dict[str, Levels]:
    """Return the arms, by label; `wider` and `fully` are the widths of two that have as many parameters as `DENSE`."""
    dense: Levels = {
        "model.name": "convnet", "model.blocks": blocks, "model.width": width, "model.convolutions": 2,
        "model.hidden": 1, "model.dense_units": units, "model.dropout": 0.0, "model.shared": True,
    }  # fmt: skip
    average: Levels = {"model.name": "convnet_average", "model.blocks": blocks, "model.width": width}
    return {
        FULLY: {"model.name": "mlp", "model.depth": 2, "model.width": fully, "model.activation": "relu"},
        DENSE: dense,
        UNSHARED: {**dense, "model.shared": False},
        DROPOUT: {**dense, "model.dropout": 0.5},
        TWO: {**dense, "model.hidden": 2},
        TWO_DROPOUT: {**dense, "model.hidden": 2, "model.dropout": 0.5},
        AVERAGE: average,
        WIDER: {**average, "model.width": wider},
        ONE: {**dense, "model.convolutions": 1},
    }


quick = Study(
    source="LeCun 1989, Generalization and Network Design Strategies",
    base={
        "model.norm": "batch",
        "data.name": "shapes", "data.image_size": 16, "data.num_classes": 6,
        "data.train_images": 2000, "data.test_images": 4000, "data.batch_size": 50,
        "optim.lr": 0.05, "optim.schedule": "cosine", "trainer.epochs": 8,
    },
    factors=[
        "model.name", "model.depth", "model.activation", "model.blocks", "model.width", "model.convolutions",
        "model.hidden", "model.dense_units", "model.dropout",
        "model.shared",
    ],
    arms=arms(2, 8, 64, wider=18, fully=26),
    baseline=DENSE,
    seeds=5,
    tune={"optim.lr": [0.03, 0.1, 0.3]},
    measures={"training minus test accuracy": GAP},
    plots=[Scatter("parameters", "Test accuracy against parameters")],
    limits={
        "quick": "Eight epochs, in which no network fits all of its 1,800 images. Shapes lie anywhere in their image, "
        "which suits filters that are the same everywhere and an average over all places."
    },
    claims=[
        Claim("At equal parameters the convolutional network is more accurate than the fully connected one, by five "
              "points.", more("test_top1", DENSE, than=FULLY), "its nets 2 and 5", threshold=0.05, primary=True,
              answers="yes", paper="digits of 16×16: 87.0 % with 3,214 weights, 98.4 % with 1,060 that are shared"),
        Claim("It is by shared weights: with filters of its own at each position the network is less accurate, by two "
              "points.", more("test_top1", DENSE, than=UNSHARED), "its nets 3 and 5", threshold=0.02,
              paper="88.5 % without shared weights, 98.4 % with them"),
        Claim("At equal parameters the network without a dense layer is more accurate.",
              more("test_top1", WIDER, than=DENSE), "section 3.2", source=LIN, primary=True, answers="yes"),
        Claim("The dense layer is prone to overfitting: at equal parameters the gap of training and test accuracy is "
              "wider with it.", more(GAP, DENSE, than=WIDER), "section 3.2", source=LIN),
        Claim("At equal width the network without a dense layer is no less accurate, to three points.",
              more("test_top1", AVERAGE, than=DENSE), "section 4.6 and table 5", source=LIN, threshold=-0.03,
              paper="CIFAR-10, dense layers and global average: 11.59 % and 10.41 % error"),
        Claim("The larger network overfits more: without a dense layer the gap is wider at the greater width.",
              more(GAP, WIDER, than=AVERAGE), "the introduction", source=LIN),
        Claim("Dropout in the dense layer narrows the gap.", more(GAP, DENSE, than=DROPOUT), "section 4.6 and table 5",
              source=LIN, paper="11.59 % to 10.88 % error"),
        Claim("A second dense layer raises the accuracy.", more("test_top1", TWO, than=DENSE), source=CS231N),
        Claim("Dropout makes deeper ones possible: with it the second dense layer raises the accuracy by more.",
              interaction("test_top1", of=(TWO_DROPOUT, DROPOUT), than=(TWO, DENSE)), "section 1", source=SRIVASTAVA),
        Claim("Two convolutions before each pooling are more accurate than one.", more("test_top1", DENSE, than=ONE),
              source=CS231N),
        Claim("The dense layer holds most parameters: without it there are a quarter of them or fewer.",
              more(logarithm("parameters", decimals=2), DENSE, than=AVERAGE), "section 3.2", source=LIN,
              threshold=math.log10(4), check=True),
    ],
)  # fmt: skip

study = replace(
    quick,
    presets={
        "paper": replace(
            quick,
            base={**CIFAR_STEPWISE, "optim.schedule": "cosine", "model.norm": "batch"},
            arms=arms(3, 32, 512, wider=69, fully=387),
            seeds=3,
            tune={"optim.lr": [0.01, 0.03, 0.1]},
            limits={},
        )
    },
)

if __name__ == "__main__":
    study.main()
