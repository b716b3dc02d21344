"""What the claims of `batch_size` say, and the worlds where they are right and wrong."""

from claims.base.says import better, gains_more, rises
from claims.base.world import world


def arm(norm: str, size: int) -> str:
    """Return the label of a norm's arm with batches of that size."""
    return f"{norm}, batch {size}"


CLAIMS = {
    "With batch norm, batches of 2 are less accurate than batches of 64, by more than a point.": better(
        arm("batch", 64), arm("batch", 2)
    ),
    "In batches of 2, group norm is more accurate than batch norm, by more than a point.": better(
        arm("group", 2), arm("batch", 2)
    ),
    "Going from 64 to 2 costs batch norm more than group norm.": gains_more(
        arm("batch", 64), arm("batch", 2), arm("group", 64), arm("group", 2)
    ),
    "Too large a batch costs accuracy with batch norm.": better(arm("batch", 64), arm("batch", 256)),
    "The larger the batch, the closer batch norm fits the training set.": rises(
        *(arm("batch", size) for size in (2, 4, 16, 64, 256)), of="fit_top1"
    ),
}

RIGHT = world(
    {
        arm("batch", 2): 0.60, arm("batch", 64): 0.90, arm("batch", 256): 0.80,
        arm("group", 2): 0.88, arm("group", 64): 0.89,
        arm("batch", 4): 0.20, arm("batch", 16): 0.30,
    },
    train={
        arm("batch", 2): 0.60, arm("batch", 4): 0.70, arm("batch", 16): 0.80,
        arm("batch", 64): 0.90, arm("batch", 256): 0.95,
    },
)  # fmt: skip
WRONG = world(
    {
        arm("batch", 2): 0.90, arm("batch", 64): 0.70, arm("batch", 256): 0.80,
        arm("group", 2): 0.60, arm("group", 64): 0.80,
        arm("batch", 4): 0.20, arm("batch", 16): 0.30,
    },
    train={
        arm("batch", 2): 0.95, arm("batch", 4): 0.90, arm("batch", 16): 0.80,
        arm("batch", 64): 0.70, arm("batch", 256): 0.60,
    },
)  # fmt: skip

LEVELS = {
    arm(norm, size): {"model.norm": norm, "data.batch_size": size, "optim.lr": rate}
    for norm in ("batch", "group", "layer", "instance", "ghost_batch", "none")
    for size, rate in ((2, 0.003125), (4, 0.00625), (16, 0.025), (64, 0.1), (256, 0.4))
}
