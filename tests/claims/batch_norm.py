"""What the claims of `batch_norm` say, and the worlds where they are right and wrong."""

from claims.base.says import Says, to_the_best, tuned
from claims.base.world import faster_norm

RATES = ("0.01", "0.03", "0.1", "0.3", "1.0")


def arms(norm: str, *rates: str) -> tuple[str, ...]:
    """Return the labels of a norm's arms at these learning rates, at all where none is given."""
    return tuple(f"norm {norm}, lr {rate}" for rate in rates or RATES)


TUNED = tuned(arms("batch"), arms("none"), (*arms("batch", "0.1"), *arms("none", "0.03")), "test_top1")
SAME_RATE = arms("batch", "0.03"), arms("none", "0.03")

CLAIMS = {
    "At a rate of 0.03 the net with batch norm reaches the best of the net without in fewer steps.": to_the_best(
        *SAME_RATE, (*SAME_RATE[0], *SAME_RATE[1])
    ),
    "Each at its fastest rate, the net with batch norm reaches it in fewer steps.": to_the_best(
        arms("batch"), arms("none"), (*arms("batch", "0.03"), *arms("none", "0.03"))
    ),
    "Batch norm allows higher learning rates.": Says(
        better=arms("batch", "0.1", "0.3", "1.0"),
        worse=arms("none", "0.03", "0.1", "0.3", "1.0"),
        rests=arms("batch") + arms("none"),
        of=("val_top1",),
    ),
    "Batch norm reaches a higher accuracy.": TUNED,
}

RIGHT = faster_norm("batch", "none", RATES)
WRONG = faster_norm("none", "batch", RATES)
