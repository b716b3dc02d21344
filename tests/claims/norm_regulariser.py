"""What the claims of `norm_regulariser` say, and the worlds where they are right and wrong."""

from claims.base.says import better, gains_more, gap
from claims.base.world import world

NONE, BATCH = "no norm", "batch norm"
NONE_DROPPED, BATCH_DROPPED = "no norm, dropout", "batch norm, dropout"
DECAYED = "batch norm, strong decay"

CLAIMS = {
    "Batch norm alone narrows the gap between training and test accuracy.": gap(NONE, BATCH),
    "Without norm, dropout narrows that gap.": gap(NONE, NONE_DROPPED),
    "With batch norm, leaving out dropout does not widen it by a point.": gap(BATCH, BATCH_DROPPED),
    "Dropout gains more test accuracy without batch norm than with it.": gains_more(
        NONE_DROPPED, NONE, BATCH_DROPPED, BATCH
    ),
    "With batch norm, a fifth of the weight decay is more accurate.": better(BATCH, DECAYED),
    "With batch norm, weight decay does not regularise: five times as much moves the gap by under 3 points.": gap(
        BATCH, DECAYED
    ),
}

RIGHT = world(
    {NONE: 0.80, NONE_DROPPED: 0.85, BATCH: 0.90, BATCH_DROPPED: 0.89, DECAYED: 0.87},
    train={NONE: 0.99, NONE_DROPPED: 0.95, BATCH: 0.98, BATCH_DROPPED: 0.97, DECAYED: 0.95},
)
WRONG = world(
    {NONE: 0.90, NONE_DROPPED: 0.85, BATCH: 0.80, BATCH_DROPPED: 0.89, DECAYED: 0.87},
    train={NONE: 0.95, NONE_DROPPED: 0.96, BATCH: 0.99, BATCH_DROPPED: 0.95, DECAYED: 0.89},
)
