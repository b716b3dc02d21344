"""What the claims of `lenet_to_alexnet` say, and the worlds where they are right and wrong."""

from claims.base.says import better
from claims.base.world import worlds

OLD, ALL, COARSE, CODES = "LeNet-5", "all", "11×11 at stride 4", "codes"
TANH, AVERAGE, UNDROPPED, UNAUGMENTED = (
    "tanh for ReLU", "average for max pooling", "no dropout", "no augmentation",
)  # fmt: skip

CLAIMS = {
    "All four together help.": better(ALL, OLD),
    "Augmentation helps.": better(ALL, UNAUGMENTED),
    "ReLU helps, instead of tanh.": better(ALL, TANH),
    "Max pooling instead of average helps.": better(ALL, AVERAGE),
    "Dropout helps.": better(ALL, UNDROPPED),
    "Filters of 11×11 at a stride of 4 in the first layer cost accuracy.": better(ALL, COARSE),
    "A linear output with cross-entropy is no worse than distances to codes, to two points.": better(OLD, CODES),
}

OTHERS = (OLD, TANH, AVERAGE, UNDROPPED, UNAUGMENTED, COARSE)
RIGHT, WRONG = worlds({ALL: (0.9, 0.5), CODES: (0.71, 0.8)} | dict.fromkeys(OTHERS, (0.7, 0.6)))
