"""Do auxiliary classifiers in the middle of a deep network help it to learn, and to generalise?

GoogLeNet with and without its two auxiliary heads, whose losses are weighted by 0.3 and which are not evaluated in the
test; without norm, as in 2014, and with batch norm. quick: a sixteenth of GoogLeNet's channels on 862 of scikit-learn's
digits, all four at one rate of Adam after a warm-up, with which all train. paper: CIFAR-10, all channels; each arm
tunes its learning rate.
"""

from litmus import Claim, Levels, Study, gap, more, sooner

RETHINKING = "Szegedy et al. 2015, Rethinking the Inception Architecture (arXiv 1512.00567)"
GAP = gap("test_loss", "fit_loss")


def network(auxiliary: bool, norm: str) -> Levels:
    return {"model.auxiliary": auxiliary, "model.norm": norm}


study = Study(
    source="Szegedy et al. 2014, Going Deeper with Convolutions (arXiv 1409.4842)",
    base={
        "model.name": "googlenet_cifar", "model.width": 0.0625,
        "data.name": "digits", "data.validation": 0.2, "data.train_fraction": 0.75, "data.batch_size": 32,
        "optim.name": "adam", "optim.lr": 0.003, "optim.schedule": "cosine", "optim.warmup": 0.1, "trainer.epochs": 10,
    },
    factors={"model.auxiliary": [False, True], "model.norm": ["none", "batch"]},
    baseline=network(auxiliary=False, norm="none"),
    seeds=8,
    presets={
        "paper": {
            "tune": {"optim.lr": [0.003, 0.05]},
            "optim.name": "sgd",
            "model.width": 1.0,
            "data.name": "cifar10", "data.validation": 0.1, "data.train_fraction": 1.0, "data.batch_size": 128,
            "data.augment": "cifar",
            "optim.schedule": "multistep", "optim.weight_decay": 1e-4, "trainer.epochs": 100,
        }
    },
    measures={"test minus training loss": GAP},
    limits={"quick": "With SGD, which the source has, not every network without norm trains in a few hundred steps. "
            "What heads do near the end of a long training, where they are said to help, shows in the paper preset "
            "alone."},
    claims=[
        Claim("Without norm auxiliary heads make the network learn faster, by a fifth or more.",
              sooner(network(True, "none"), than=network(False, "none")), "section 5", threshold=0.2,
              paper="to increase the gradient signal that gets propagated back", primary=True, answers="yes"),
        Claim("With batch norm they make it learn faster too.",
              sooner(network(True, "batch"), than=network(False, "batch")), "section 5"),
        Claim("Without norm they raise the test accuracy.",
              more("test_top1", network(True, "none"), than=network(False, "none")), "section 5",
              paper="around 0.5 % in later control experiments"),
        Claim("They regularise: with batch norm the test loss exceeds the training loss by less.",
              more(GAP, network(False, "batch"), than=network(True, "batch")), "section 4", source=RETHINKING,
              paper="auxiliary classifiers act as regularizer"),
    ],
)  # fmt: skip

if __name__ == "__main__":
    study.main()
