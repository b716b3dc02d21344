"""What the claims of `batch_norm_mnist` say, and the worlds where they are right and wrong."""

from claims.base.says import Says, about, better
from claims.base.world import wandering, world

NONE, BATCH = "norm none", "norm batch"

CLAIMS = {
    "With batch norm the net reaches a higher test accuracy.": better(BATCH, NONE),
    # How fast a net that diverges would have been is not known, but that it never arrives is.
    "With batch norm the net trains faster.": Says(
        (BATCH,), (NONE,), rests=(BATCH, NONE), diverged=("opposite", "inconclusive"), of=("val_top1",)
    ),
    "Without batch norm the distribution of a layer's input wanders more.": about(NONE, BATCH),
}

RIGHT = world({NONE: 0.8, BATCH: 0.9}, steps={NONE: 400, BATCH: 100}, probes=wandering({NONE: 1.0, BATCH: 0.1}))
WRONG = world({NONE: 0.9, BATCH: 0.8}, steps={NONE: 100, BATCH: 400}, probes=wandering({NONE: 0.1, BATCH: 1.0}))
