"""What the claims of `norm_placement` say, and the worlds where they are right and wrong."""

from claims.base.says import better
from claims.base.world import worlds

BEFORE, AFTER = "VGG, before activation", "VGG, after activation"
ADDED, PRE_ACTIVATION = "residual, after addition", "residual, pre-activation"

CLAIMS = {
    "Batch norm before the activation is more accurate than after it.": better(BEFORE, AFTER),
    "Pre-activation is more accurate.": better(PRE_ACTIVATION, ADDED),
}

RIGHT, WRONG = worlds({BEFORE: (0.90, 0.90), AFTER: (0.85, 0.95), ADDED: (0.93, 0.92), PRE_ACTIVATION: (0.95, 0.85)})
