"""What the claims of `kernel_size` say, and the worlds where they are right and wrong."""

from claims.base.says import about, better
from claims.base.world import world

SINGLE, STACKED = "convolutions single", "convolutions stacked"

CLAIMS = {
    "The stack is more accurate.": better(STACKED, SINGLE),
    "The error of the single kernels is higher by 7 % of that of the stack, or more.": about(
        STACKED, SINGLE, of=("test_top1",)
    ),
    "The stack fits the training set better, having twice the non-linearities.": better(STACKED, SINGLE, of="fit_top1"),
}

RIGHT = world({SINGLE: 0.8, STACKED: 0.9}, train={SINGLE: 0.85, STACKED: 0.95})
WRONG = world({SINGLE: 0.9, STACKED: 0.8}, train={SINGLE: 0.95, STACKED: 0.85})
