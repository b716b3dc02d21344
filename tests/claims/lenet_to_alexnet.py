"""What the claims of `lenet_to_alexnet` say, and the worlds where they are right and wrong."""

from claims.base.says import better
from claims.base.world import ranked, world

CLAIMS = {
    "ReLU instead of tanh helps.": better("ReLU", "LeNet-5"),
    "Max pooling instead of average helps.": better("max pooling", "LeNet-5"),
    "Dropout helps.": better("dropout", "LeNet-5"),
    "Augmentation helps.": better("augmentation", "LeNet-5"),
    "All four together help.": better("all", "LeNet-5"),
}

RIGHT = world(ranked("LeNet-5", "ReLU", "max pooling", "dropout", "augmentation", "all"))
WRONG = world(ranked("all", "augmentation", "dropout", "max pooling", "ReLU", "LeNet-5"))
