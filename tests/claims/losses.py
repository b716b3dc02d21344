"""What the claims of `losses` say, and the worlds where they are right and wrong."""

from claims.base.says import alike, better, faster, gains_more
from claims.base.world import worlds


def arm(loss: str, norm: str = "batch") -> str:
    """Return the label of the arm of a loss and a norm."""
    return f"loss {loss}, norm {norm}"


CLAIMS = {
    "With batch norm hinge loss and cross-entropy are equally accurate, to two points.": alike(
        arm("hinge"), arm("cross_entropy")
    ),
    "Without batch norm too, to two points.": alike(arm("hinge", "none"), arm("cross_entropy", "none")),
    "With batch norm squared error is as accurate as cross-entropy, to a point.": better(
        arm("squared_error"), arm("cross_entropy")
    ),
    "Squared error is harder to optimise: with batch norm cross-entropy learns faster.": faster(
        arm("cross_entropy"), arm("squared_error")
    ),
    "Without batch norm cross-entropy fits the training images better than squared error.": better(
        arm("cross_entropy", "none"), arm("squared_error", "none"), of="fit_top1"
    ),
    "Batch norm matters more with squared error than with cross-entropy.": gains_more(
        arm("squared_error"), arm("squared_error", "none"), arm("cross_entropy"), arm("cross_entropy", "none")
    ),
}  # fmt: skip

RIGHT, WRONG = worlds(
    {
        arm("cross_entropy"): (0.9, 0.9),
        arm("hinge"): (0.901, 0.8),
        arm("squared_error"): (0.895, 0.8),
        arm("cross_entropy", "none"): (0.85, 0.6),
        arm("hinge", "none"): (0.855, 0.8),
        arm("squared_error", "none"): (0.6, 0.75),
    },
    train={arm("cross_entropy", "none"): (0.9, 0.6), arm("squared_error", "none"): (0.7, 0.8)},
    steps={arm("cross_entropy"): (100, 300), arm("squared_error"): (300, 100)},
)
