"""What the claims of `lenet_to_alexnet` say, and the worlds where they are right and wrong."""

from claims.base.says import better
from claims.base.world import worlds

OLD, ALL, COARSE, CODES, SQUARED = "LeNet-5", "all four", "11×11 at stride 4", "codes", "codes, squared error"
CHANGES = RELU, MAX, DROPOUT, AUGMENTED = "ReLU", "max pooling", "dropout", "augmentation"

CLAIMS = {
    "All four together help.": better(ALL, OLD),
    "Augmentation helps.": better(AUGMENTED, OLD),
    "ReLU helps, instead of tanh.": better(RELU, OLD),
    "Max pooling instead of average helps.": better(MAX, OLD),
    "Dropout helps.": better(DROPOUT, OLD),
    "Filters of 11×11 at a stride of 4 in the first layer cost accuracy.": better(OLD, COARSE),
    "A linear output with cross-entropy is no worse than distances to codes, to three points.": better(OLD, CODES),
    "With codes the MAP criterion, which keeps wrong classes away, is more accurate than squared error.": better(
        CODES, SQUARED
    ),
}

RIGHT, WRONG = worlds(
    {OLD: (0.7, 0.7), COARSE: (0.5, 0.9), CODES: (0.71, 0.8), SQUARED: (0.6, 0.9)}
    | dict.fromkeys((*CHANGES, ALL), (0.9, 0.5))
)
