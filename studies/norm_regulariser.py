"""Is batch norm a regulariser that dropout and weight decay can be taken back for?

Norm × dropout × weight decay, each arm at its own learning rate. Overfitting is the accuracy on the training images at
the end minus that on the test images. quick: a fully connected net on a quarter of scikit-learn's digits. paper: an
AlexNet for small images on CIFAR-10, with the two strengths of weight decay a factor of five apart as in the source,
whose own network is an Inception on ImageNet.
"""

from studies.design import Claim, Levels, Study, alike, gap, interaction, more

VAN_LAARHOVEN = "van Laarhoven 2017, L2 Regularization versus Batch and Weight Normalization (arXiv 1706.05350)"
GAP = gap("fit_top1", "test_top1")
WEAK, STRONG = 1e-4, 5e-4


def network(norm: str, dropout: float = 0.0, weight_decay: float = WEAK) -> Levels:
    return {"model.norm": norm, "model.dropout": dropout, "optim.weight_decay": weight_decay}


study = Study(
    source="Ioffe & Szegedy 2015, Batch Normalization (arXiv 1502.03167)",
    base={
        "model.name": "mlp", "model.depth": 2, "model.width": 128, "model.activation": "relu",
        "data.name": "digits", "data.batch_size": 16, "data.validation": 0.75,
        "optim.lr": 0.03, "trainer.epochs": 40,
    },
    factors={
        "model.norm": ["none", "batch"],
        "model.dropout": [0.0, 0.5],
        "optim.weight_decay": [WEAK, STRONG],
    },
    baseline=network("none"),
    seeds=10,
    tune={"optim.lr": [0.01, 0.03, 0.1]},
    presets={
        "paper": {
            "model.name": "alexnet_cifar", "model.dense_units": 1024,
            "data.name": "cifar10", "data.batch_size": 128, "data.validation": 0.1, "data.augment": "cifar",
            "optim.schedule": "cosine", "trainer.epochs": 100,
        }
    },
    limits={"quick": "360 training images of a net that fits them all: what regularisers are worth is a point or two."},
    measures={"training minus test accuracy": GAP, "test minus training loss": gap("test_loss", "fit_loss")},
    claims=[
        # not checked at the source: that it is section 3.4, here and below
        Claim("Batch norm alone narrows the gap between training and test accuracy.",
              more(GAP, network("none"), than=network("batch")), "section 3.4"),
        Claim("Without norm, dropout narrows that gap.",
              more(GAP, network("none"), than=network("none", 0.5)), "section 3.4"),
        Claim("With batch norm, leaving out dropout does not widen it by a point.",
              more(GAP, network("batch", 0.5), than=network("batch")), "section 4.2.1", threshold=-0.01,
              paper="removing dropout does not increase overfitting (no number given)"),
        Claim("Dropout gains more test accuracy without batch norm than with it.",
              interaction("test_top1", of=(network("none", 0.5), network("none")),
                          than=(network("batch", 0.5), network("batch"))), "section 3.4"),
        Claim("With batch norm, a fifth of the weight decay is more accurate.",
              more("test_top1", network("batch", weight_decay=WEAK), than=network("batch", weight_decay=STRONG)),
              "section 4.2.1"),
        Claim("With batch norm, weight decay does not regularise: five times as much moves the gap by under a point.",
              alike(GAP, network("batch", weight_decay=STRONG), network("batch", weight_decay=WEAK)),
              "abstract", source=VAN_LAARHOVEN, threshold=0.01),
    ],
)  # fmt: skip

if __name__ == "__main__":
    from studies.command.main import run_script

    run_script(study)
