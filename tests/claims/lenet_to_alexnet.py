"""What the claims of `lenet_to_alexnet` say, and the worlds where they are right and wrong."""

from claims.base.says import Says, better
from claims.base.world import ranked, world

CLAIMS = {
    "ReLU instead of sigmoid helps.": better("ReLU", "LeNet-5"),
    # How fast a net that diverges would have been is not known, but that it never arrives is.
    "With ReLU the net trains faster than with tanh.": Says(
        ("ReLU",), ("tanh",), rests=("ReLU", "tanh"), diverged=("opposite", "inconclusive"), of=("val_top1",)
    ),
    "Max pooling instead of average helps.": better("max pooling", "LeNet-5"),
    "Dropout helps.": better("dropout", "LeNet-5"),
    "Augmentation helps.": better("augmentation", "LeNet-5"),
    "All four together help.": better("all", "LeNet-5"),
}

RIGHT = world(
    ranked("LeNet-5", "ReLU", "max pooling", "dropout", "augmentation", "all"), steps={"ReLU": 100, "tanh": 400}
)
WRONG = world(
    ranked("all", "augmentation", "dropout", "max pooling", "ReLU", "LeNet-5"), steps={"ReLU": 400, "tanh": 100}
)
