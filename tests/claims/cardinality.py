"""What the claims of `cardinality` say, and the worlds where they are right and wrong."""

from claims.base.says import better
from claims.base.world import world

ONE, EIGHT = "1 × 16 channels", "8 × 4 channels"

CLAIMS = {
    "Eight paths are more accurate than one of the same cost.": better(EIGHT, ONE),
    "They fit the training set better.": better(EIGHT, ONE, of="fit_top1"),
}

RIGHT = world({EIGHT: 0.9, ONE: 0.8}, train={EIGHT: 0.95, ONE: 0.85})
WRONG = world({EIGHT: 0.8, ONE: 0.9}, train={EIGHT: 0.85, ONE: 0.95})
