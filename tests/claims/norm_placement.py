"""What the claims of `norm_placement` say, and the worlds where they are right and wrong."""

from claims.base.says import alike, better
from claims.base.world import world

BEFORE, AFTER, PRE_ACTIVATION = "before activation", "after activation", "pre-activation"

CLAIMS = {
    "Before or after the activation makes no difference of a percentage point.": alike(BEFORE, AFTER),
    "Pre-activation is more accurate.": better(PRE_ACTIVATION, BEFORE),
}

RIGHT = world({BEFORE: 0.90, AFTER: 0.903, PRE_ACTIVATION: 0.95})
WRONG = world({BEFORE: 0.90, AFTER: 0.95, PRE_ACTIVATION: 0.85})

LEVELS = {
    BEFORE: {"norm.placement": "before", "model.pre_activation": False},
    AFTER: {"norm.placement": "after", "model.pre_activation": False},
    PRE_ACTIVATION: {"norm.placement": "before", "model.pre_activation": True},
}
