"""Is batch norm a regulariser that dropout and weight decay can be taken back for?

Norm × dropout × weight decay, each arm with a tuned learning rate. Overfitting is the final accuracy on the training
images minus that on the test images. The two strengths of weight decay differ by a factor of five, as in the source,
which does not state them. quick: LeNet-5 with ReLU on 400 drawn shapes. paper: an AlexNet for small images on
CIFAR-10; the source's network is an Inception on ImageNet.
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
        "data.name": "shapes", "data.train_images": 500, "data.batch_size": 32, "data.validation": 0.2,
        "optim.lr": 0.03, "trainer.epochs": 20,
    },
    factors={
        "model.norm": ["none", "batch"],
        "model.dropout": [0.0, 0.5],
        "optim.weight_decay": [WEAK, STRONG],
    },
    baseline=network("none"),
    seeds=6,
    tune={"optim.lr": [0.01, 0.03]},
    presets={
        "paper": {
            "tune": {"optim.lr": [0.01, 0.03]},
            "model.name": "alexnet_cifar", "model.dense_units": 1024,
            "data.name": "cifar10", "data.batch_size": 128, "data.validation": 0.1, "data.augment": "cifar",
            "optim.schedule": "cosine", "trainer.epochs": 100,
        }
    },
    limits={
        "quick": "400 images, which the net learns by heart: the gap that regularisers are to narrow is of 40 points, "
        "many times the source's."
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
              "section 4.2.1", primary=True, answers="yes"),
        Claim("With batch norm, weight decay does not regularise: five times as much moves the gap by under a point.",
              alike(GAP, network("batch", weight_decay=STRONG), network("batch", weight_decay=WEAK)),
              "abstract", source=VAN_LAARHOVEN, threshold=0.01),
    ],
)  # fmt: skip

if __name__ == "__main__":
    study.main()
