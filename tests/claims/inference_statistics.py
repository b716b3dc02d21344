"""What the claims of `inference_statistics` say, and the worlds where they are right and wrong."""

from claims.base.says import alike, better
from claims.base.world import worlds


def arm(statistics: str, batch: int, momentum: float = 0.1) -> str:
    """Return the label of the arm with these statistics in evaluation, in batches of that size."""
    return f"evaluation_statistics {statistics}, momentum {momentum}, eval_batch_size {batch}"


CLAIMS = {
    "With running averages, small evaluation batches give what large ones give.": alike(
        arm("running", 2), arm("running", 360)
    ),
    "In batches of two, running averages are more accurate than the batch's own, by more than a point.": better(
        arm("running", 2), arm("batch", 2)
    ),
    "In large batches the two agree to a percentage point.": alike(arm("batch", 360), arm("running", 360)),
    "Averages that follow slowly (momentum 0.01) lag behind the weights and cost accuracy in a short run.": better(
        arm("running", 360), arm("running", 360, momentum=0.01)
    ),
}

RIGHT, WRONG = worlds({
    arm("running", 2): (0.95, 0.6), arm("running", 360): (0.95, 0.8), arm("batch", 2): (0.6, 0.9),
    arm("batch", 360): (0.952, 0.7), arm("running", 360, momentum=0.01): (0.5, 0.95),
})  # fmt: skip
