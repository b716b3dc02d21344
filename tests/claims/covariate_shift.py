"""What the claims of `covariate_shift` say, and the worlds where they are right and wrong."""

from collections.abc import Mapping, Sequence

from claims.base.says import about, alike, better
from claims.base.world import Rows, World, wandering, world

NORMS = NONE, BATCH, NOISY = "norm none", "norm batch", "norm noisy_batch"

CLAIMS = {
    "Batch norm is more accurate than none.": better(BATCH, NONE),
    "Batch norm steadies the distribution of a layer's input.": about(BATCH, NONE),
    "Batch norm does not make the layers' gradients change less by the earlier layers' update: by a tenth.": about(
        BATCH, NONE
    ),
    "Noise after batch norm makes the layers' inputs less steady than no norm does.": about(NOISY, NONE),
    "With that noise it still fits the training set better than no norm.": better(NOISY, NONE, of="fit_top1"),
    "It fits it as well as without noise, to two points.": alike(NOISY, BATCH, of="fit_top1"),
    "Batch norm makes the gradient change less along its own direction.": about(BATCH, NONE),
}


def throughout(quantity: str, misleading: str, by_label: Mapping[str, float], layers: Sequence[str]) -> Rows:
    """Return rows of a quantity, the same at all steps and layers, and of another one that runs against it."""
    return {
        label: [
            row
            for step in (0, 10)
            for layer in layers
            for row in ((step, layer, quantity, value), (step, layer, misleading, 1 / value))
        ]
        for label, value in by_label.items()
    }


def by_norm(accuracy: Sequence[float], shift: Sequence[float], drift: Sequence[float], slope: Sequence[float]) -> World:
    """Return the world of these accuracies and measurements, each with no norm, batch norm and noisy batch norm."""
    accuracies, shifts, wanders, slopes = (
        dict(zip(NORMS, values, strict=True)) for values in (accuracy, shift, drift, slope)
    )
    each = (
        throughout("relative_shift", "shift", shifts, layers=("first", "last")),
        wandering(wanders),
        throughout("smoothness", "gradient_change", slopes, layers=("",)),
    )
    rows = {norm: [row for probe in each for row in probe[norm]] for norm in NORMS}
    return world(accuracies, train=accuracies, probes=rows)


RIGHT = by_norm(accuracy=(0.8, 0.9, 0.895), shift=(1.0, 2.0, 2.0), drift=(0.3, 0.1, 1.0), slope=(10.0, 1.0, 5.0))
WRONG = by_norm(accuracy=(0.9, 0.8, 0.6), shift=(1.0, 0.5, 0.1), drift=(1.0, 2.0, 0.3), slope=(1.0, 10.0, 0.1))
