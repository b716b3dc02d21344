"""What the claims of `auxiliary_heads` say, and the worlds where they are right and wrong."""

from claims.base.says import Says, about, better, gains_more
from claims.base.world import world


def arm(auxiliary: bool, norm: str) -> str:
    """Return the label of the network with or without heads."""
    return f"auxiliary {auxiliary}, norm {norm}"


PLAIN, HEADS = arm(False, "none"), arm(True, "none")
PLAIN_BATCH, HEADS_BATCH = arm(False, "batch"), arm(True, "batch")


def faster(one: str, other: str) -> Says:
    """Return that a network learns faster; how fast one that diverges would have been is not known."""
    return Says((one,), (other,), (one, other), diverged=("opposite", "inconclusive"), of=("val_top1",))


CLAIMS = {
    "Without norm auxiliary heads make the network learn faster.": faster(HEADS, PLAIN),
    "With batch norm they make it learn faster too.": faster(HEADS_BATCH, PLAIN_BATCH),
    "Without norm they raise the test accuracy.": better(HEADS, PLAIN),
    "With batch norm they raise the test accuracy.": better(HEADS_BATCH, PLAIN_BATCH),
    "They regularise: with batch norm the gap between training and test accuracy is smaller.": about(
        PLAIN_BATCH, HEADS_BATCH, of=("fit_top1", "test_top1")
    ),
    "They matter more where no norm keeps the gradients up.": gains_more(HEADS, PLAIN, HEADS_BATCH, PLAIN_BATCH),
}

RIGHT = world(
    {PLAIN: 0.5, HEADS: 0.7, PLAIN_BATCH: 0.85, HEADS_BATCH: 0.9},
    train={PLAIN: 0.9, HEADS: 0.6, PLAIN_BATCH: 0.95, HEADS_BATCH: 0.95},
    steps={PLAIN: 400, HEADS: 100, PLAIN_BATCH: 300, HEADS_BATCH: 120},
)
WRONG = world(
    {PLAIN: 0.7, HEADS: 0.5, PLAIN_BATCH: 0.9, HEADS_BATCH: 0.85},
    train={PLAIN: 0.6, HEADS: 0.9, PLAIN_BATCH: 0.91, HEADS_BATCH: 0.95},
    steps={PLAIN: 100, HEADS: 400, PLAIN_BATCH: 120, HEADS_BATCH: 300},
)
