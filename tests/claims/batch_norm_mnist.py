"""What the claims of `batch_norm_mnist` say, and the worlds where they are right and wrong."""

from claims.base.says import about, to_the_best, tuned
from claims.base.world import Rows, faster_norm, wandering

RATES = ("0.1", "0.3", "1.0")


def arms(norm: str, *rates: str) -> tuple[str, ...]:
    """Return the labels of a norm's arms at these learning rates, at all where none is given."""
    return tuple(f"norm {norm}, lr {rate}" for rate in rates or RATES)


TUNED = tuned(arms("batch"), arms("none"), (*arms("batch", "1.0"), *arms("none", "0.3")), "test_top1")
SAME_RATE = arms("batch", "0.1"), arms("none", "0.1")

CLAIMS = {
    "With batch norm the net reaches a higher test accuracy.": TUNED,
    "At the same rate, the net with batch norm reaches the best of the net without in fewer steps.": to_the_best(
        *SAME_RATE, (*SAME_RATE[0], *SAME_RATE[1])
    ),
    "Without batch norm the distribution of a layer's input wanders more.": about(
        *arms("none", "0.1"), *arms("batch", "0.1")
    ),
}


def moving(norm: str, than: str) -> Rows:
    """Return rows of medians that move less with a norm, at the lowest rate."""
    return wandering({**dict.fromkeys(arms(norm, "0.1"), 0.1), **dict.fromkeys(arms(than, "0.1"), 1.0)})


RIGHT = faster_norm("batch", "none", RATES, moving("batch", "none"))
WRONG = faster_norm("none", "batch", RATES, moving("none", "batch"))
