"""Which activation learns fastest, and when do ReLUs die?

A convnet of two convolutions and a hidden dense layer with each activation at four learning rates, with Glorot &
Bengio's initialisation. Where a claim names no rate, the best one on the validation split represents the activation. A
ReLU is dead if no training image makes it positive; a leaky one is counted in the same way, though its gradient is not
zero. Batch norm with saturating activations is the question of `saturating_activations`. quick: 8 and 16 filters on
scikit-learn's digits. paper: three convolutions and the classifier on CIFAR-10 without augmentation, as many layers as
in Krizhevsky et al.'s figure 1.
"""

from litmus import POINTS, Against, Claim, Levels, OverTraining, Study, alike, more, probed, sooner

DEAD = probed("dead_units", at="last", unit=POINTS)
KRIZHEVSKY = "Krizhevsky et al. 2012, ImageNet Classification with Deep Convolutional Neural Networks"
LOW, SAME, FAST, HIGH = 0.01, 0.03, 0.1, 0.3


def each(activation: str) -> Levels:
    """Return the arms of an activation; the best of them represents it."""
    return {"model.activation": activation}


def at(rate: float, activation: str) -> Levels:
    return {"model.activation": activation, "optim.lr": rate}


study = Study(
    source="the CS231n notes, Neural networks 1",
    base={
        "model.name": "convnet", "model.blocks": 2, "model.convolutions": 1, "model.width": 8, "model.dense_units": 32,
        "init.scheme": "xavier_normal",
        "data.name": "digits", "data.batch_size": 64,
        "trainer.epochs": 15,
    },
    factors={
        "model.activation": ["sigmoid", "tanh", "relu", "leaky_relu"],
        "optim.lr": [LOW, SAME, FAST, HIGH],
    },
    baseline=at(SAME, "relu"),
    seeds=5,
    presets={
        "paper": {
            "model.blocks": 3, "model.width": 32, "model.hidden": 0,
            "data.name": "cifar10", "data.batch_size": 128,
            "trainer.epochs": 40,
        }
    },
    limits={
        "quick": "Figure 1 is of natural images and of 25 % training error; digits of 8 pixels are learnt in a hundred "
        "steps. At its highest rate a sigmoid net trains in some seeds only."
    },
    probes=["dead_units"],
    measures={"units that no image makes positive": DEAD},
    plots=[
        Against("fit_top1", "optim.lr", "Training accuracy over the learning rate"),
        OverTraining("dead_units", "Units that no training image makes positive"),
    ],
    claims=[
        Claim("Each at its fastest rate, ReLU learns faster than tanh.",
              sooner(each("relu"), than=each("tanh"), choose="speed"),
              "section 3.1, figure 1", source=KRIZHEVSKY, primary=True,
              paper="six times as fast to 25 % training error on CIFAR-10, a network of four layers"),
        Claim("At a rate of 0.03 ReLU learns faster than tanh.",
              sooner(at(SAME, "relu"), than=at(SAME, "tanh")), "section 3.1", source=KRIZHEVSKY),
        Claim("Each at its fastest rate, ReLU learns faster than sigmoid.",
              sooner(each("relu"), than=each("sigmoid"), choose="speed"),
              "Commonly used activation functions"),
        Claim("Tanh is more accurate than sigmoid.", more("test_top1", each("tanh"), than=each("sigmoid")),
              "Commonly used activation functions", paper="tanh is always preferred"),
        Claim("Too high a rate kills ReLUs: at 0.3 over 20 points more are dead than at 0.01.",
              more(DEAD, at(HIGH, "relu"), than=at(LOW, "relu")), "Commonly used activation functions", threshold=0.2,
              paper="as much as 40 % of a network", primary=True),
        Claim("At 0.1 fewer leaky ReLUs are negative for every image.",
              more(DEAD, at(FAST, "relu"), than=at(FAST, "leaky_relu")), "Commonly used activation functions",
              paper="one attempt to fix the dying ReLU problem"),
        Claim("At 0.1 a net of leaky ReLUs is more accurate.",
              more("test_top1", at(FAST, "leaky_relu"), than=at(FAST, "relu")), "Commonly used activation functions",
              paper="one attempt to fix the dying ReLU problem"),
        Claim("Each at its best rate, leaky ReLU and ReLU are equally accurate, to two points.",
              alike("test_top1", each("leaky_relu"), each("relu")), "Commonly used activation functions",
              threshold=0.02, paper="results are not always consistent"),
    ],
)  # fmt: skip

if __name__ == "__main__":
    study.main()
