"""Which of AlexNet's changes to LeNet-5 helps, alone and together?

LeNet-5 as lectures draw it, with sigmoids and average pooling (the paper's are a scaled tanh and a trainable
subsampling). tanh, ReLU, max pooling, dropout and random crops are added one at a time, and those of AlexNet all
together. Further arms change what changed without being said to help: larger filters and a stride in the first layer,
and the linear output, trained with cross-entropy, in place of LeNet-5's distances to fixed codes. Glorot & Bengio's
initialisation. Each arm tunes the learning rate of Adam: with SGD the sigmoids only guess for thousands of steps at
any rate. quick: scikit-learn's digits. paper: CIFAR-10, the same crops, of up to two pixels, without flips.
"""

from litmus import Claim, Levels, Study, more, sooner

ZEILER = "Zeiler & Fergus 2013, Visualizing and Understanding Convolutional Networks (arXiv 1311.2901)"

OLD: Levels = {
    "model.activation": "sigmoid", "model.pooling": "average", "model.dropout": 0.0, "data.augment": "none",
}  # fmt: skip
NEW: Levels = {
    "model.activation": "relu", "model.pooling": "max", "model.dropout": 0.5, "data.augment": "crop",
}  # fmt: skip


def changed(factor: str) -> Levels:
    return {**OLD, factor: NEW[factor]}


study = Study(
    source="Krizhevsky et al. 2012, ImageNet Classification with Deep Convolutional Neural Networks",
    base={
        "model.name": "lenet5", "init.scheme": "xavier_normal",
        "data.name": "digits", "data.batch_size": 32,
        "optim.name": "adam", "optim.lr": 0.003, "trainer.epochs": 30,
    },
    factors=[*OLD, "model.first_kernel", "model.first_stride", "model.output"],
    arms={
        "LeNet-5": OLD,
        "tanh": {**OLD, "model.activation": "tanh"},
        "ReLU": changed("model.activation"),
        "max pooling": changed("model.pooling"),
        "dropout": changed("model.dropout"),
        "augmentation": changed("data.augment"),
        "all": NEW,
        "7×7 filters": {**OLD, "model.first_kernel": 7},
        "stride 2": {**OLD, "model.first_stride": 2},
        "RBF output": {**OLD, "model.output": "rbf_map"},
    },
    baseline="LeNet-5",
    seeds=5,
    tune={"optim.lr": [0.001, 0.003, 0.01]},
    presets={
        "paper": {
            "tune": {"optim.lr": [0.001, 0.003, 0.01]},
            "data.name": "cifar10", "data.batch_size": 128, "trainer.epochs": 100,
        }
    },
    limits={
        "quick": "A digit of 8 pixels is moved by up to two of them, and the test digits are centred: so hard an "
        "augmentation takes long to pay, if it does. A stride of 2 leaves one position of so small an image, and 7×7 "
        "filters span nearly all of it."
    },
    claims=[
        Claim("ReLU instead of sigmoid helps.", more("test_top1", "ReLU", than="LeNet-5"), "section 3.1, of speed"),
        Claim("With ReLU the net trains faster than with tanh.", sooner("ReLU", than="tanh"), "section 3.1, figure 1",
              paper="six times as fast to 25 % training error on CIFAR-10, a network of four layers", primary=True),
        Claim("Max pooling instead of average helps.", more("test_top1", "max pooling", than="LeNet-5"), "abstract",
              source="Scherer et al. 2010, Evaluation of Pooling Operations in Convolutional Architectures"),
        Claim("Dropout helps.", more("test_top1", "dropout", than="LeNet-5"), "section 4.2"),
        Claim("Augmentation helps.", more("test_top1", "augmentation", than="LeNet-5"), "section 4.1"),
        Claim("All four together help.", more("test_top1", "all", than="LeNet-5"), "section 1", primary=True),
        Claim("Larger filters in the first layer, 7×7 for 5×5, do not help.",
              more("test_top1", "LeNet-5", than="7×7 filters"), "section 4.1", source=ZEILER, threshold=-0.01,
              paper="11×11 filters at stride 4 made 7×7 at stride 2: more accurate"),
        Claim("A stride of 2 in the first layer costs accuracy.",
              more("test_top1", "LeNet-5", than="stride 2"), "section 4.1", source=ZEILER,
              paper="11×11 filters at stride 4 made 7×7 at stride 2: more accurate"),
        Claim("A linear output with cross-entropy is no worse than distances to codes, to a point.",
              more("test_top1", "LeNet-5", than="RBF output"), "Convolutional neural networks (LeNet)",
              source="Zhang et al. 2023, Dive into Deep Learning", threshold=-0.01,
              paper="the Gaussian decoder is rarely used nowadays"),
    ],
)  # fmt: skip

if __name__ == "__main__":
    study.main()
