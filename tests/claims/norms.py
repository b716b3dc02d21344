"""What the claims of `norms` say, and the worlds where they are right and wrong."""

from claims.base.says import alike, better
from claims.base.world import worlds

BATCH, GROUP, LAYER, INSTANCE, NONE = (f"{norm} norm" for norm in ("batch", "group", "layer", "instance", "no"))
EPSILON, FIXUP = "batch norm, ε of 0.001", "Fixup"

CLAIMS = {
    "Batch norm is more accurate than group norm.": better(BATCH, GROUP),
    "Group norm is more accurate than instance norm.": better(GROUP, INSTANCE),
    "Group norm is more accurate than layer norm.": better(GROUP, LAYER),
    "Batch norm is more accurate than none.": better(BATCH, NONE),
    "With Fixup a net without norm is more accurate than without.": better(FIXUP, NONE),
    "With Fixup it is as accurate as with batch norm, to two points.": alike(FIXUP, BATCH),
    "The ε of batch norm does not matter: a hundred times as large moves the accuracy by less than a point.": alike(
        EPSILON, BATCH
    ),
}

RIGHT, WRONG = worlds({
    BATCH: (0.95, 0.60), GROUP: (0.93, 0.70), LAYER: (0.90, 0.80), INSTANCE: (0.85, 0.80), NONE: (0.80, 0.95),
    FIXUP: (0.948, 0.50), EPSILON: (0.951, 0.90),
})  # fmt: skip
