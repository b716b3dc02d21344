"""Do dense connections give more accuracy for the same parameters, and do they bring the gradient to the first layers?

DenseNet of 40 layers, with and without batch norm. Without dense connections a layer sees only the one before it; at
growth 18 such a network has the parameters of the dense one at growth 8, to a thousandth (475,858 and 476,122 on
CIFAR-10; no growth matches the paper's 12). The gradient at the output of the first layer is compared with that of the
last layer before the classifier, before training. Each tunes its learning rate. quick: a fifth of scikit-learn's
training digits. paper: CIFAR-10, 300 epochs.
"""

import math

from litmus import DECADES, ArmResult, ByLayer, Claim, Levels, OverTraining, Study, measure, more, probed


def dense(norm: str) -> Levels:
    return {"model.dense": True, "model.growth_rate": 8, "model.norm": norm}


def chain(norm: str) -> Levels:
    return {"model.dense": False, "model.growth_rate": 18, "model.norm": norm}


@measure(DECADES)
def unevenness(result: ArmResult, seed: int) -> float:
    """Return |log10| of the first layer's initial gradient over the last hidden one's: 0 where both are the same."""
    first, last = (probed("output_gradient_rms", layer, "first")(result, seed) for layer in (0, -2))
    return abs(math.log10(first / last)) if first > 0 and last > 0 else math.inf


study = Study(
    source="Huang et al. 2016, Densely Connected Convolutional Networks (arXiv 1608.06993)",
    base={
        "model.name": "densenet_cifar", "model.depth": 40,
        "data.name": "digits", "data.train_fraction": 0.2, "data.batch_size": 32,
        "optim.lr": 0.1, "optim.schedule": "cosine", "trainer.epochs": 10,
    },
    factors=["model.dense", "model.growth_rate", "model.norm"],
    arms={
        "chain": chain("none"), "dense": dense("none"),
        "chain, batch norm": chain("batch"), "dense, batch norm": dense("batch"),
    },
    baseline="chain, batch norm",
    seeds=6,
    tune={"optim.lr": [0.01, 0.1]},
    presets={
        "paper": {
            "tune": {"optim.lr": [0.01, 0.1]},
            "data.name": "cifar10", "data.train_fraction": 1.0, "data.batch_size": 64, "data.augment": "cifar",
            "optim.lr": 0.1, "optim.weight_decay": 1e-4, "optim.nesterov": True, "optim.schedule": "multistep",
            "trainer.epochs": 300, "trainer.probe_every_n_steps": 5000,
        }
    },
    probes=["gradient_norms"],
    measures={"decades between the first and the last layer's gradient": unevenness},
    limits={
        "quick": "Ten epochs of 259 digits, eighty steps: without norm what shows is which network learns in so few. "
        "At 8 pixels the zeros around small maps take part of the gradient, in all arms alike.",
        "paper": "Growth 8 in place of the paper's 12, which has no equal in parameters.",
    },
    plots=[
        ByLayer("output_gradient_rms", "Gradient at the layers' outputs, before training", at="first"),
        OverTraining("decay_factor", "Factor a layer while training"),
    ],
    claims=[
        Claim("At equal parameters the dense network is more accurate, with batch norm.",
              more("test_top1", "dense, batch norm", than="chain, batch norm"), "section 4.3",
              paper="DenseNet 40, k = 12: 5.24 % error with 1.0 M parameters; ResNet-110: 6.41 % with 1.7 M",
              primary=True, answers="yes"),
        Claim("With batch norm the gradients of first and last layer are closer with dense connections than without.",
              more(unevenness, "chain, batch norm", than="dense, batch norm"), "sections 1 and 5, deep supervision",
              primary=True, answers="yes"),
        Claim("Without norm they are, too.",
              more(unevenness, "chain", than="dense"), "sections 1 and 5, deep supervision"),
        Claim("Without norm the dense network fits the training set better.",
              more("fit_top1", "dense", than="chain"), "section 1, easy to train"),
        Claim("With batch norm it does, too.",
              more("fit_top1", "dense, batch norm", than="chain, batch norm"), "section 1, easy to train"),
    ],
)  # fmt: skip

if __name__ == "__main__":
    study.main()
