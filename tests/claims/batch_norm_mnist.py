"""What the claims of `batch_norm_mnist` say, and the worlds where they are right and wrong."""

from claims.base.says import Says, about
from claims.base.world import Left, World, wandering

RATES = ("0.1", "0.3", "1.0")


def arms(norm: str, *rates: str) -> tuple[str, ...]:
    """Return the labels of a norm's arms at these learning rates, at all where none is given."""
    return tuple(f"norm {norm}, lr {rate}" for rate in rates or RATES)


# Where one arm is left to choose from after the others diverged, it is chosen; where none is, there is no verdict.
TUNED = Says(
    better=arms("batch"),
    worse=arms("none"),
    rests=(*arms("batch", "1.0"), *arms("none", "0.3")),
    diverged=("inconclusive", "inconclusive"),
    of=("val_top1", "test_top1"),
)

CLAIMS = {
    "With batch norm the net reaches a higher test accuracy.": TUNED,
    "With batch norm the net trains faster.": TUNED,
    "Without batch norm the distribution of a layer's input wanders more.": about(
        *arms("none", "0.1"), *arms("batch", "0.1")
    ),
}


def faster(norm: str, than: str) -> World:
    """Return the world where a norm is faster, better and steadier; the test set would choose other rates."""
    val = {
        norm: dict(zip(RATES, (0.85, 0.88, 0.92), strict=True)),
        than: dict(zip(RATES, (0.80, 0.95, 0.85), strict=True)),
    }
    best = {norm: ("1.0", 0.9, 100), than: ("0.3", 0.8, 400)}
    moves = wandering({**dict.fromkeys(arms(norm, "0.1"), 0.1), **dict.fromkeys(arms(than, "0.1"), 1.0)})

    def of(label: str) -> Left:
        this, rate = label.removeprefix("norm ").split(", lr ")
        chosen, test, steps = best[this]
        if rate != chosen:
            test, steps = (0.3, 900) if this == norm else (0.97, 20)
        left: Left = {"test": test, "val": val[this][rate], "train": 0.5, "steps": steps}
        return left | ({"probes": moves[label]} if label in moves else {})

    return of


RIGHT = faster("batch", than="none")
WRONG = faster("none", than="batch")
