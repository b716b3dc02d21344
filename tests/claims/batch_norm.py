"""What the claims of `batch_norm` say, and the worlds where they are right and wrong."""

from claims.base.says import Says, tuned
from claims.base.world import faster_norm

RATES = ("0.01", "0.03", "0.1", "0.3", "1.0", "3.0")


def arms(norm: str, *rates: str) -> tuple[str, ...]:
    """Return the labels of a norm's arms at these learning rates, at all where none is given."""
    return tuple(f"norm {norm}, lr {rate}" for rate in rates or RATES)


TUNED = tuned(arms("batch"), arms("none"), (*arms("batch", "0.1"), *arms("none", "0.03")), "test_top1")

CLAIMS = {
    "Batch norm reaches the same accuracy in fewer steps.": TUNED,
    "Batch norm allows higher learning rates.": Says(
        better=arms("batch", "0.1", "0.3", "1.0", "3.0"),
        worse=arms("none", "0.03", "0.1", "0.3", "1.0", "3.0"),
        rests=arms("batch") + arms("none"),
        of=("val_top1",),
    ),
    "Batch norm reaches a higher accuracy.": TUNED,
}

RIGHT = faster_norm("batch", "none", RATES)
WRONG = faster_norm("none", "batch", RATES)
