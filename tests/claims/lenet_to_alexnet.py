"""What the claims of `lenet_to_alexnet` say, and the worlds where they are right and wrong."""

from claims.base.says import better, faster
from claims.base.world import ranked, worlds

CLAIMS = {
    "ReLU instead of sigmoid helps.": better("ReLU", "LeNet-5"),
    "With ReLU the net trains faster than with tanh.": faster("ReLU", "tanh"),
    "Max pooling instead of average helps.": better("max pooling", "LeNet-5"),
    "Dropout helps.": better("dropout", "LeNet-5"),
    "Augmentation helps.": better("augmentation", "LeNet-5"),
    "All four together help.": better("all", "LeNet-5"),
    "Larger filters in the first layer, 7×7 for 5×5, do not help.": better("LeNet-5", "7×7 filters"),
    "A stride of 2 in the first layer costs accuracy.": better("LeNet-5", "stride 2"),
    "A linear output with cross-entropy is no worse than distances to codes, to a point.": better(
        "LeNet-5", "RBF output"
    ),
}

RIGHT, WRONG = worlds(
    ranked("stride 2", "7×7 filters", "RBF output", "LeNet-5", "ReLU", "max pooling", "dropout", "augmentation", "all"),
    steps={"ReLU": (100, 400), "tanh": (400, 100)},
)
