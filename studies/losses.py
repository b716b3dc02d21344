"""Does it matter which loss a classifier is trained with: cross-entropy, hinge or squared error?

A convnet with a hidden dense layer, with and without batch norm, trained with cross-entropy, with
the multi-class hinge loss of Weston & Watkins, which adds up all violated margins, or with the squared error to one-hot
targets. Losses have different units, so accuracy is what is compared, and each arm tunes its learning rate. quick:
three convolutions on drawn shapes of four classes. paper: CIFAR-10, three blocks of two convolutions.
"""

from litmus import Claim, Levels, Study, Tuning, alike, interaction, more, sooner

LECTURE = "the CS231n notes, Neural networks 2"


def trained(loss: str, norm: str = "batch") -> Levels:
    return {"optim.loss": loss, "model.norm": norm}


study = Study(
    source="Hui & Belkin 2020, Square Loss vs Cross-Entropy in Classification Tasks (arXiv 2006.07322)",
    base={
        "model.name": "convnet", "model.blocks": 3, "model.convolutions": 1, "model.width": 8, "model.dense_units": 32,
        "data.name": "shapes", "data.image_size": 16, "data.num_classes": 4,
        "data.train_images": 2000, "data.test_images": 5000, "data.batch_size": 32,
        "optim.lr": 0.03, "optim.schedule": "cosine", "trainer.epochs": 10,
    },
    factors={
        "optim.loss": ["cross_entropy", "hinge", "squared_error"],
        "model.norm": ["none", "batch"],
    },
    baseline=trained("cross_entropy"),
    seeds=6,
    tune=Tuning({"optim.lr": [0.01, 0.03, 0.1]}, seeds=2),
    presets={
        "paper": {
            "tune": Tuning({"optim.lr": [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1]}, seeds=2),
            "model.blocks": 3, "model.convolutions": 2, "model.width": 64, "model.dense_units": 512,
            "data.name": "cifar10", "data.augment": "cifar", "data.batch_size": 128,
            "optim.schedule": "multistep", "optim.weight_decay": 5e-4, "trainer.epochs": 100,
        }
    },
    limits={
        "quick": "Hui & Belkin train to the end; ten epochs of 1,800 images are few for the squared error. Of its "
        "trouble with many classes, for which they rescale it, four classes show nothing."
    },
    claims=[
        Claim("With batch norm hinge loss and cross-entropy are equally accurate, to two points.",
              alike("test_top1", trained("hinge"), trained("cross_entropy")), "SVM vs. Softmax",
              source="the CS231n notes, Linear classification", threshold=0.02,
              paper="the difference is usually very small"),
        Claim("Without batch norm too, to two points.",
              alike("test_top1", trained("hinge", "none"), trained("cross_entropy", "none")), "SVM vs. Softmax",
              source="the CS231n notes, Linear classification", threshold=0.02,
              paper="the difference is usually very small"),
        Claim("With batch norm squared error is as accurate as cross-entropy, to a point.",
              more("test_top1", trained("squared_error"), than=trained("cross_entropy")), "abstract", threshold=-0.01,
              paper="on vision tasks cross-entropy has a slight edge", primary=True, answers="no"),
        Claim("Squared error is harder to optimise: with batch norm cross-entropy learns faster.",
              sooner(trained("cross_entropy"), than=trained("squared_error")), "Loss functions", source=LECTURE,
              paper="much harder to optimize", primary=True, answers="yes"),
        Claim("Without batch norm cross-entropy fits the training images better than squared error.",
              more("fit_top1", trained("cross_entropy", "none"), than=trained("squared_error", "none")),
              "Loss functions", source=LECTURE, paper="much harder to optimize"),
        Claim("Batch norm matters more with squared error than with cross-entropy.",
              interaction("test_top1", of=(trained("squared_error"), trained("squared_error", "none")),
                          than=(trained("cross_entropy"), trained("cross_entropy", "none"))),
              "Loss functions, of fragile and stable losses", source=LECTURE,
              primary=True, answers="yes"),
    ],
)  # fmt: skip

if __name__ == "__main__":
    study.main()
