"""What the claims of `kernel_size` say, and the worlds where they are right and wrong."""

from claims.base.says import about, better, gains_more
from claims.base.world import world

SINGLE, STACKED, LINEAR_SINGLE, LINEAR_STACKED = "single", "stacked", "single, linear", "stacked, linear"

CLAIMS = {
    "The stack is more accurate.": better(STACKED, SINGLE),
    "The error of the single kernels is higher by 7 % of that of the stack, or more.": about(
        STACKED, SINGLE, of=("test_top1",)
    ),
    "The stack fits the training set better, having twice the non-linearities.": better(STACKED, SINGLE, of="fit_top1"),
    "With activations the stack gains more in fitting than without.": gains_more(
        STACKED, SINGLE, LINEAR_STACKED, LINEAR_SINGLE, of="fit_top1"
    ),
    "Without activations two convolutions are one: the stack is no more accurate, to three points.": better(
        LINEAR_SINGLE, LINEAR_STACKED
    ),
}

RIGHT = world(
    {SINGLE: 0.8, STACKED: 0.9, LINEAR_SINGLE: 0.5, LINEAR_STACKED: 0.51},
    train={SINGLE: 0.85, STACKED: 0.95, LINEAR_SINGLE: 0.5, LINEAR_STACKED: 0.5},
)
WRONG = world(
    {SINGLE: 0.9, STACKED: 0.8, LINEAR_SINGLE: 0.5, LINEAR_STACKED: 0.7},
    train={SINGLE: 0.95, STACKED: 0.85, LINEAR_SINGLE: 0.5, LINEAR_STACKED: 0.6},
)
