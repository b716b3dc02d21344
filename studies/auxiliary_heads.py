"""Do auxiliary classifiers in the middle of a deep network help it to learn, and to generalise?

GoogLeNet with and without its two auxiliary heads, whose losses are weighted by 0.3 and which are not evaluated in the
test; without norm, as in 2014, and with batch norm. Each arm tunes its learning rate. quick: an eighth of GoogLeNet's
channels on scikit-learn's digits. paper: CIFAR-10, all channels.
"""

from litmus import Claim, Levels, Study, gap, interaction, more, sooner

RETHINKING = "Szegedy et al. 2015, Rethinking the Inception Architecture (arXiv 1512.00567)"
GAP = gap("fit_top1", "test_top1")


def network(auxiliary: bool, norm: str) -> Levels:
    return {"model.auxiliary": auxiliary, "model.norm": norm}


study = Study(
    source="Szegedy et al. 2014, Going Deeper with Convolutions (arXiv 1409.4842)",
    base={
        "model.name": "googlenet_cifar", "model.width": 0.125,
        "data.name": "digits", "data.validation": 0.4, "data.batch_size": 32,
        "optim.lr": 0.01, "optim.schedule": "cosine", "trainer.epochs": 8, "trainer.validations_per_epoch": 3,
    },
    factors={"model.auxiliary": [False, True], "model.norm": ["none", "batch"]},
    baseline=network(auxiliary=False, norm="none"),
    seeds=5,
    tune={"optim.lr": [0.01, 0.05]},
    presets={
        "paper": {
            "tune": {"optim.lr": [0.003, 0.05]},
            "model.width": 1.0, "data.name": "cifar10", "data.validation": 0.1, "data.batch_size": 128,
            "data.augment": "cifar",
            "optim.schedule": "multistep", "optim.weight_decay": 1e-4, "trainer.epochs": 100,
            "trainer.validations_per_epoch": 1,
        }
    },
    measures={"training minus test accuracy": GAP},
    limits={"quick": "Two hundred steps of 862 digits: what heads do near the end of a long training, where they are "
            "said to help, shows in the paper preset alone."},
    claims=[
        Claim("Without norm auxiliary heads make the network learn faster.",
              sooner(network(True, "none"), than=network(False, "none")), "section 5",
              paper="to increase the gradient signal that gets propagated back", primary=True, answers="yes"),
        Claim("With batch norm they make it learn faster too.",
              sooner(network(True, "batch"), than=network(False, "batch")), "section 5"),
        Claim("Without norm they raise the test accuracy.",
              more("test_top1", network(True, "none"), than=network(False, "none")), "section 5",
              paper="around 0.5 % in later control experiments"),
        Claim("With batch norm they raise the test accuracy.",
              more("test_top1", network(True, "batch"), than=network(False, "batch")), "section 4", source=RETHINKING,
              paper="a slightly higher plateau near the end of training"),
        Claim("They regularise: with batch norm the gap between training and test accuracy is smaller.",
              more(GAP, network(False, "batch"), than=network(True, "batch")), "section 4", source=RETHINKING,
              paper="auxiliary classifiers act as regularizer", primary=True, answers="yes"),
        Claim("They matter more where no norm keeps the gradients up.",
              interaction("test_top1", of=(network(True, "none"), network(False, "none")),
                          than=(network(True, "batch"), network(False, "batch"))), "section 5, of vanishing gradients"),
    ],
)  # fmt: skip

if __name__ == "__main__":
    study.main()
