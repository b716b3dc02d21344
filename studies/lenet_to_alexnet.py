"""Which of AlexNet's changes to LeNet-5 helps, alone and together?

LeNet-5 with tanh and average pooling, without dropout and augmentation, against the same with AlexNet's ReLU, max
pooling, dropout and augmentation (crops that go over the edge by up to four pixels, and flips), and against this one
with each of the four taken back. Two further arms change what changed as well: AlexNet's filters of 11×11 at a stride
of 4 in the first layer, and, in LeNet-5, its own output of distances to fixed codes. Glorot & Bengio's initialisation;
each arm tunes the learning rate of Adam. quick: drawn shapes of 32 pixels. paper: CIFAR-10.
"""

from litmus import Claim, Levels, Study, more

ZEILER = "Zeiler & Fergus 2013, Visualizing and Understanding Convolutional Networks (arXiv 1311.2901)"

OLD: Levels = {
    "model.activation": "tanh", "model.pooling": "average", "model.dropout": 0.0, "data.augment": "none",
}  # fmt: skip
NEW: Levels = {
    "model.activation": "relu", "model.pooling": "max", "model.dropout": 0.5, "data.augment": "cifar",
}  # fmt: skip


study = Study(
    source="Krizhevsky et al. 2012, ImageNet Classification with Deep Convolutional Neural Networks",
    base={
        "model.name": "lenet5", "init.scheme": "xavier_normal",
        "data.name": "shapes", "data.train_images": 800, "data.test_images": 4000, "data.batch_size": 32,
        "optim.name": "adam", "optim.lr": 0.002, "optim.schedule": "cosine", "trainer.epochs": 25,
    },
    factors=[*OLD, "model.first_kernel", "model.first_stride", "model.output"],
    arms={
        "LeNet-5": OLD,
        "all": NEW,
        "tanh for ReLU": {**NEW, "model.activation": "tanh"},
        "average for max pooling": {**NEW, "model.pooling": "average"},
        "no dropout": {**NEW, "model.dropout": 0.0},
        "no augmentation": {**NEW, "data.augment": "none"},
        "11×11 at stride 4": {**NEW, "model.first_kernel": 11, "model.first_stride": 4},
        "codes": {**OLD, "model.output": "rbf_map"},
    },
    baseline="LeNet-5",
    seeds=5,
    tune={"optim.lr": [0.001, 0.003]},
    presets={
        "paper": {
            "tune": {"optim.lr": [0.001, 0.003]},
            "data.name": "cifar10", "data.batch_size": 128, "trainer.epochs": 100,
        }
    },
    limits={"quick": "LeNet-5 has a hundredth of AlexNet's units, and its training is short: dropout of one half, "
            "which AlexNet needs at 60 million parameters, leaves it little."},
    claims=[
        Claim("All four together help.", more("test_top1", "all", than="LeNet-5"), "section 1", primary=True,
              answers="yes"),
        Claim("Augmentation helps.", more("test_top1", "all", than="no augmentation"), "section 4.1", primary=True,
              answers="yes", paper="without it the network overfits"),
        Claim("ReLU helps, instead of tanh.", more("test_top1", "all", than="tanh for ReLU"), "section 3.1, of speed"),
        Claim("Max pooling instead of average helps.",
              more("test_top1", "all", than="average for max pooling"), "abstract",
              source="Scherer et al. 2010, Evaluation of Pooling Operations in Convolutional Architectures"),
        Claim("Dropout helps.", more("test_top1", "all", than="no dropout"), "section 4.2"),
        Claim("Filters of 11×11 at a stride of 4 in the first layer cost accuracy.",
              more("test_top1", "all", than="11×11 at stride 4"), "section 4.1", source=ZEILER, primary=True,
              answers="yes", paper="made 7×7 at a stride of 2: more accurate"),
        Claim("A linear output with cross-entropy is no worse than distances to codes, to two points.",
              more("test_top1", "LeNet-5", than="codes"), "Convolutional neural networks (LeNet)",
              source="Zhang et al. 2023, Dive into Deep Learning", threshold=-0.02,
              paper="the Gaussian decoder is rarely used nowadays"),
    ],
)  # fmt: skip

if __name__ == "__main__":
    study.main()
