"""What the claims of `auxiliary_heads` say, and the worlds where they are right and wrong."""

from claims.base.says import better, faster, gains_more, gap
from claims.base.world import worlds

arm = "auxiliary {}, norm {}".format
PLAIN, HEADS = arm(False, "none"), arm(True, "none")
PLAIN_BATCH, HEADS_BATCH = arm(False, "batch"), arm(True, "batch")


CLAIMS = {
    "Without norm auxiliary heads make the network learn faster.": faster(HEADS, PLAIN),
    "With batch norm they make it learn faster too.": faster(HEADS_BATCH, PLAIN_BATCH),
    "Without norm they raise the test accuracy.": better(HEADS, PLAIN),
    "With batch norm they raise the test accuracy.": better(HEADS_BATCH, PLAIN_BATCH),
    "They regularise: with batch norm the gap between training and test accuracy is smaller.": gap(
        PLAIN_BATCH, HEADS_BATCH
    ),
    "They matter more where no norm keeps the gradients up.": gains_more(HEADS, PLAIN, HEADS_BATCH, PLAIN_BATCH),
}

RIGHT, WRONG = worlds(
    {PLAIN: (0.5, 0.7), HEADS: (0.7, 0.5), PLAIN_BATCH: (0.85, 0.9), HEADS_BATCH: (0.9, 0.85)},
    train={PLAIN: (0.9, 0.6), HEADS: (0.6, 0.9), PLAIN_BATCH: (0.95, 0.91), HEADS_BATCH: (0.95, 0.95)},
    steps={PLAIN: (400, 100), HEADS: (100, 400), PLAIN_BATCH: (300, 120), HEADS_BATCH: (120, 300)},
    val=dict.fromkeys((PLAIN, HEADS, PLAIN_BATCH, HEADS_BATCH), (0.6, 0.6)),
)
