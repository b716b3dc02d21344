"""What the claims of `kernel_size` say, and the worlds where they are right and wrong."""

from claims.base.says import about, better
from claims.base.world import worlds

SINGLE, STACKED, LINEAR_SINGLE, LINEAR_STACKED = "single", "stacked", "single, linear", "stacked, linear"
FIT = ("fit_loss",)

CLAIMS = {
    "The stack is more accurate.": better(STACKED, SINGLE),
    "The error of the single kernels is higher by 7 % of that of the stack, or more.": about(
        STACKED, SINGLE, of=("test_top1",)
    ),
    "The stack fits the training set better, having twice the non-linearities.": about(SINGLE, STACKED, of=FIT),
    "With activations the stack gains more in fitting than without.": about(
        SINGLE, STACKED, LINEAR_SINGLE, LINEAR_STACKED, of=FIT
    ),
    "Without activations two convolutions are one: the stack fits no better, to a fifth of the loss.": about(
        LINEAR_STACKED, LINEAR_SINGLE, of=FIT
    ),
    "Without activations the stack is more accurate: a 5×5 made of two 3×3 is a regularised one.": better(
        LINEAR_STACKED, LINEAR_SINGLE
    ),
}

RIGHT, WRONG = worlds(
    {SINGLE: (0.8, 0.9), STACKED: (0.9, 0.8), LINEAR_SINGLE: (0.5, 0.7), LINEAR_STACKED: (0.7, 0.5)},
    loss={SINGLE: (0.3, 0.1), STACKED: (0.1, 0.3), LINEAR_SINGLE: (0.4, 0.4), LINEAR_STACKED: (0.4, 0.2)},
)
