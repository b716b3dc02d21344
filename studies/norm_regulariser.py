"""Is batch norm a regulariser that dropout and weight decay can be taken back for?

Norm and dropout, each with and without the other, and batch norm with five times the weight decay: the source takes a
fifth and does not state of what. Each arm tunes its learning rate, since decay acts on a normalised layer through the
rate; γ, β and the classifier decay, too. Overfitting is the final accuracy on the training images minus that on the
test images. quick: LeNet-5 with ReLU on 800 drawn shapes. paper: an AlexNet for small images on CIFAR-10; the source's
network is an Inception on ImageNet.
"""

from litmus import Claim, Levels, Study, alike, gap, interaction, more

VAN_LAARHOVEN = "van Laarhoven 2017, L2 Regularization versus Batch and Weight Normalization (arXiv 1706.05350)"
GAP = gap("fit_top1", "test_top1")
WEAK, STRONG = 5e-4, 2.5e-3


def network(norm: str, dropout: float = 0.0, weight_decay: float = WEAK) -> Levels:
    return {"model.norm": norm, "model.dropout": dropout, "optim.weight_decay": weight_decay}


study = Study(
    source="Ioffe & Szegedy 2015, Batch Normalization (arXiv 1502.03167)",
    base={
        "model.name": "lenet5", "model.activation": "relu",
        "data.name": "shapes", "data.train_images": 1000, "data.test_images": 4000, "data.batch_size": 32,
        "data.validation": 0.2, "optim.lr": 0.03, "trainer.epochs": 15,
    },
    factors=["model.norm", "model.dropout", "optim.weight_decay"],
    arms={
        "no norm": network("none"),
        "no norm, dropout": network("none", 0.5),
        "batch norm": network("batch"),
        "batch norm, dropout": network("batch", 0.5),
        "batch norm, strong decay": network("batch", weight_decay=STRONG),
    },
    baseline="no norm",
    seeds=8,
    tune={"optim.lr": [0.01, 0.03, 0.1]},
    presets={
        "paper": {
            "tune": {"optim.lr": [0.01, 0.03, 0.1]},
            "model.name": "alexnet_cifar", "model.dense_units": 1024,
            "data.name": "cifar10", "data.batch_size": 128, "data.validation": 0.1, "data.augment": "cifar",
            "optim.schedule": "cosine", "trainer.epochs": 100,
        }
    },
    limits={
        "quick": "800 images, which the net learns by heart: the gap that regularisers are to narrow is many times the "
        "source's."
    },
    measures={"training minus test accuracy": GAP, "test minus training loss": gap("test_loss", "fit_loss")},
    claims=[
        # not checked at the source: that it is section 3.4, here and below
        Claim("Batch norm alone narrows the gap between training and test accuracy.",
              more(GAP, network("none"), than=network("batch")), "section 3.4", primary=True, answers="yes"),
        Claim("Without norm, dropout narrows that gap.",
              more(GAP, network("none"), than=network("none", 0.5)), "section 3.4"),
        Claim("With batch norm, leaving out dropout does not widen it by a point.",
              more(GAP, network("batch", 0.5), than=network("batch")), "section 4.2.1", threshold=-0.01,
              paper="removing dropout does not increase overfitting (no number given)"),
        Claim("Dropout gains more test accuracy without batch norm than with it.",
              interaction("test_top1", of=(network("none", 0.5), network("none")),
                          than=(network("batch", 0.5), network("batch"))), "section 3.4", primary=True, answers="yes"),
        Claim("With batch norm, a fifth of the weight decay is more accurate.",
              more("test_top1", network("batch", weight_decay=WEAK), than=network("batch", weight_decay=STRONG)),
              "section 4.2.1"),
        Claim("With batch norm, weight decay does not regularise: five times as much moves the gap by under 3 points.",
              alike(GAP, network("batch", weight_decay=STRONG), network("batch", weight_decay=WEAK)),
              "abstract", source=VAN_LAARHOVEN, threshold=0.03),
    ],
)  # fmt: skip

if __name__ == "__main__":
    study.main()
