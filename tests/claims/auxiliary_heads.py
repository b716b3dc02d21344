"""What the claims of `auxiliary_heads` say, and the worlds where they are right and wrong."""

from claims.base.says import about, better, faster
from claims.base.world import worlds

arm = "auxiliary {}, norm {}".format
PLAIN, HEADS = arm(False, "none"), arm(True, "none")
PLAIN_BATCH, HEADS_BATCH = arm(False, "batch"), arm(True, "batch")


CLAIMS = {
    "Without norm auxiliary heads make the network learn faster, by a fifth or more.": faster(HEADS, PLAIN),
    "With batch norm they make it learn faster too.": faster(HEADS_BATCH, PLAIN_BATCH),
    "Without norm they raise the test accuracy.": better(HEADS, PLAIN),
    "They regularise: with batch norm the test loss exceeds the training loss by less.": about(
        PLAIN_BATCH, HEADS_BATCH, of=("test_loss", "fit_loss")
    ),
}

RIGHT, WRONG = worlds(
    {PLAIN: (0.5, 0.7), HEADS: (0.7, 0.5), PLAIN_BATCH: (0.85, 0.9), HEADS_BATCH: (0.9, 0.85)},
    loss={PLAIN_BATCH: (0.1, 0.1), HEADS_BATCH: (0.2, 0.1)},
    test_loss={PLAIN_BATCH: (0.5, 0.3), HEADS_BATCH: (0.3, 0.5)},
    steps={PLAIN: (400, 100), HEADS: (100, 400), PLAIN_BATCH: (300, 120), HEADS_BATCH: (120, 300)},
    val=dict.fromkeys((PLAIN, HEADS, PLAIN_BATCH, HEADS_BATCH), (0.6, 0.6)),
)
