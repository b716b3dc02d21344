"""Which of AlexNet's changes to LeNet-5 helps, alone and together?

LeNet-5 with tanh and average pooling, without dropout and augmentation, against the same with AlexNet's ReLU, max
pooling, dropout or augmentation (crops that go over the edge by up to four pixels, and flips), and with all four. Three
further arms change LeNet-5's first layer to AlexNet's filters of 11×11 at a stride of 4, and its output to its own
distances to fixed codes, with its two criteria. Glorot & Bengio's initialisation, Adam with a warm-up of a tenth.
quick: drawn shapes of 24 pixels. paper: CIFAR-10; each arm tunes its learning rate.
"""

from litmus import Claim, Levels, Study, more

ZEILER = "Zeiler & Fergus 2013, Visualizing and Understanding Convolutional Networks (arXiv 1311.2901)"
LECUN = "LeCun et al. 1998, Gradient-Based Learning Applied to Document Recognition"

LENET: Levels = {
    "model.activation": "tanh", "model.pooling": "average", "model.dropout": 0.0, "data.augment": "none",
}  # fmt: skip
CHANGES: dict[str, Levels] = {
    "ReLU": {"model.activation": "relu"},
    "max pooling": {"model.pooling": "max"},
    "dropout": {"model.dropout": 0.5},
    "augmentation": {"data.augment": "cifar"},
}
ALL: Levels = {key: level for change in CHANGES.values() for key, level in change.items()}


study = Study(
    source="Krizhevsky et al. 2012, ImageNet Classification with Deep Convolutional Neural Networks",
    base={
        "model.name": "lenet5", "init.scheme": "xavier_normal",
        "data.name": "shapes", "data.image_size": 24, "data.train_images": 1000, "data.test_images": 5000,
        "data.batch_size": 50,
        "optim.name": "adam", "optim.lr": 0.002, "optim.schedule": "cosine", "optim.warmup": 0.1, "trainer.epochs": 40,
    },
    factors=[*LENET, "model.first_kernel", "model.first_stride", "model.output"],
    arms={
        "LeNet-5": LENET,
        **{change: {**LENET, **levels} for change, levels in CHANGES.items()},
        "all four": {**LENET, **ALL},
        "11×11 at stride 4": {**LENET, "model.first_kernel": 11, "model.first_stride": 4},
        "codes": {**LENET, "model.output": "rbf_map"},
        "codes, squared error": {**LENET, "model.output": "rbf_mse"},
    },
    baseline="LeNet-5",
    seeds=5,
    presets={
        "paper": {
            "tune": {"optim.lr": [0.001, 0.003]},
            "data.name": "cifar10", "data.batch_size": 128, "trainer.epochs": 100,
        }
    },
    limits={"quick": "All train at one rate of Adam, which may suit one better than another. LeNet-5 has a hundredth "
            "of AlexNet's units, so that dropout of one half leaves it little."},
    claims=[
        Claim("All four together help.", more("test_top1", "all four", than="LeNet-5"), "section 1", primary=True,
              answers="yes"),
        Claim("Augmentation helps.", more("test_top1", "augmentation", than="LeNet-5"), "section 4.1", primary=True,
              answers="yes", paper="without it the network overfits"),
        Claim("ReLU helps, instead of tanh.", more("test_top1", "ReLU", than="LeNet-5"), "section 3.1, of speed"),
        Claim("Max pooling instead of average helps.", more("test_top1", "max pooling", than="LeNet-5"), "abstract",
              source="Scherer et al. 2010, Evaluation of Pooling Operations in Convolutional Architectures"),
        Claim("Dropout helps.", more("test_top1", "dropout", than="LeNet-5"), "section 4.2"),
        Claim("Filters of 11×11 at a stride of 4 in the first layer cost accuracy.",
              more("test_top1", "LeNet-5", than="11×11 at stride 4"), "section 4.1", source=ZEILER, primary=True,
              answers="yes", paper="made 7×7 at a stride of 2: more accurate"),
        Claim("A linear output with cross-entropy is no worse than distances to codes, to three points.",
              more("test_top1", "LeNet-5", than="codes"), "Convolutional neural networks (LeNet)",
              source="Zhang et al. 2023, Dive into Deep Learning", threshold=-0.03,
              paper="the Gaussian decoder is rarely used nowadays"),
        Claim("With codes the MAP criterion, which keeps wrong classes away, is more accurate than squared error.",
              more("test_top1", "codes", than="codes, squared error"), "section II.C, loss function", source=LECUN,
              paper="squared error lacks competition between the classes"),
    ],
)  # fmt: skip

if __name__ == "__main__":
    study.main()
