"""What the claims of `batch_norm` say, and the worlds where they are right and wrong."""

from claims.base.says import Says
from claims.base.world import Left, World

RATES = ("0.01", "0.03", "0.1", "0.3", "1.0", "3.0")


def arms(norm: str, *rates: str) -> tuple[str, ...]:
    """Return the labels of a norm's arms at these learning rates, at all where none is given."""
    return tuple(f"norm {norm}, lr {rate}" for rate in rates or RATES)


# Where one arm is left to choose from after the others diverged, it is chosen; where none is, there is no verdict.
TUNED = Says(
    better=arms("batch"),
    worse=arms("none"),
    rests=(*arms("batch", "0.1"), *arms("none", "0.03")),
    diverged=("inconclusive", "inconclusive"),
    of=("val_top1", "test_top1"),
)

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


def faster(norm: str, than: str) -> World:
    """Return the world where a norm is faster, better and trains at higher rates; the test set would choose others."""
    val = {
        norm: dict(zip(RATES, (0.85, 0.88, 0.92, 0.9, 0.9, 0.1), strict=True)),
        than: dict(zip(RATES, (0.80, 0.95, 0.85, 0.2, 0.1, 0.1), strict=True)),
    }
    best = {norm: ("0.1", 0.9, 100), than: ("0.03", 0.8, 400)}

    def of(label: str) -> Left:
        this, rate = label.removeprefix("norm ").split(", lr ")
        chosen, test, steps = best[this]
        if rate != chosen:
            test, steps = (0.3, 900) if this == norm else (0.97, 20)
        return {"test": test, "val": val[this][rate], "train": 0.5, "steps": steps}

    return of


RIGHT = faster("batch", than="none")
WRONG = faster("none", than="batch")
