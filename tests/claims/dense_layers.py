"""What the claims of `dense_layers` say, and the worlds where they are right and wrong."""

from claims.base.says import about, better, gains_more, gap
from claims.base.world import costs, worlds

FULLY, DENSE, UNSHARED, DROPOUT, TWO, TWO_DROPOUT, AVERAGE, WIDER, ONE = (
    "fully connected", "dense layer", "unshared weights", "dense layer, dropout", "two dense layers",
    "two dense layers, dropout", "average", "average, wider", "dense layer, one convolution a block",
)  # fmt: skip

CLAIMS = {
    "At equal parameters the convolutional network is more accurate than the fully connected one, by five points.": (
        better(DENSE, FULLY)
    ),
    "It is by shared weights: with filters of its own at each position the network is less accurate, by two points.": (
        better(DENSE, UNSHARED)
    ),
    "At equal parameters the network without a dense layer is more accurate.": better(WIDER, DENSE),
    "The dense layer is prone to overfitting: at equal parameters the gap of training and test accuracy is wider with "
    "it.": gap(DENSE, WIDER),
    "At equal width the network without a dense layer is no less accurate, to three points.": better(AVERAGE, DENSE),
    "The larger network overfits more: without a dense layer the gap is wider at the greater width.": gap(
        WIDER, AVERAGE
    ),
    "Dropout in the dense layer narrows the gap.": gap(DENSE, DROPOUT),
    "A second dense layer raises the accuracy.": better(TWO, DENSE),
    "Dropout makes deeper ones possible: with it the second dense layer raises the accuracy by more.": gains_more(
        TWO_DROPOUT, DROPOUT, TWO, DENSE
    ),
    "Two convolutions before each pooling are more accurate than one.": better(DENSE, ONE),
    "The dense layer holds most parameters: without it there are a quarter of them or fewer.": about(
        DENSE, AVERAGE, of=("parameters",)
    ),
}

SIZES, OTHER_SIZES = {DENSE: 40e3, AVERAGE: 5e3}, {DENSE: 40e3, AVERAGE: 20e3}

RIGHT, WRONG = worlds(
    {
        FULLY: (0.4, 0.8), DENSE: (0.7, 0.7), DROPOUT: (0.72, 0.68), TWO: (0.75, 0.65), WIDER: (0.8, 0.6),
        AVERAGE: (0.71, 0.5), ONE: (0.6, 0.75), UNSHARED: (0.5, 0.75), TWO_DROPOUT: (0.85, 0.55),
    },
    train={DENSE: (0.95, 0.72), WIDER: (0.85, 0.75), DROPOUT: (0.75, 0.95), AVERAGE: (0.71, 0.75)},
    cost=(costs(parameters=SIZES), costs(parameters=OTHER_SIZES)),
)  # fmt: skip
