"""What the claims of `deep_residual_recipe` say, and the worlds where they are right and wrong."""

from claims.base.says import better
from claims.base.world import worlds

NONE, ZERO, BEFORE, DROPPED = "none", "zero γ", "pre-activation", "stochastic depth"

CLAIMS = {
    "With the last γ of each branch at zero the network is more accurate.": better(ZERO, NONE),
    "It fits the training images better, too.": better(ZERO, NONE, of="fit_top1"),
    "Pre-activation is more accurate.": better(BEFORE, NONE),
    "Stochastic depth is more accurate.": better(DROPPED, NONE),
}

RIGHT, WRONG = worlds(
    {NONE: (0.5, 0.9), ZERO: (0.8, 0.7), BEFORE: (0.9, 0.6), DROPPED: (0.6, 0.5)},
    train={NONE: (0.6, 0.9), ZERO: (0.8, 0.7)},
)
