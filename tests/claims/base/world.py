"""What the runs of a study end with, by their arm's label, in a world that is written from its claims' sentences.

Each study has two: `RIGHT`, where the literature is right, and `WRONG`, where it is wrong in every claim. What a claim
does not speak of is set to mislead: accuracies that are not given run against the test accuracy, the arms that no claim
is about are the best or the worst.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Left = dict[str, Any]
"""Means of a run: `test`, `val` and `train` accuracy; `loss` on the training images and `test_loss`; `steps`, at which
it is at its best; `seconds`; `cost`; `probes` rows; `logits`, the arrays of a seed."""

World = Callable[[str], Left]
"""What the runs of the arm of a label end with."""

Rows = Mapping[str, Sequence[Any]]
"""By an arm's label, what a probe measured as (step, layer, quantity, value)."""


def world(test: Mapping[str, float], **more: Mapping[str, Any]) -> World:
    """Return the world of these test accuracies by label, 0.99 those of all other arms, and of more by its name."""

    def of(label: str) -> Left:
        accuracy = test.get(label, 0.99)
        left = {"test": accuracy, "val": 1.1 - accuracy, "train": 1.1 - accuracy}
        return left | {name: by_label[label] for name, by_label in more.items() if label in by_label}

    return of


Pair = tuple[Any, Any]
"""A value where the literature is right, and where it is wrong."""


def worlds(test: Mapping[str, Pair], **more: Mapping[str, Pair] | Pair) -> tuple[World, World]:
    """Return the world where the literature is right and the one where it is wrong.

    From pairs of values by label; or from a pair of mappings, where these come from functions.
    """

    def side(pairs: Mapping[str, Pair] | Pair, at: int) -> Mapping[str, Any]:
        return pairs[at] if isinstance(pairs, tuple) else {label: pair[at] for label, pair in pairs.items()}

    right, wrong = (world(side(test, at), **{name: side(pairs, at) for name, pairs in more.items()}) for at in (0, 1))
    return right, wrong


def faster_norm(norm: str, than: str, rates: Sequence[str], probes: Rows | None = None) -> World:
    """Return the world where a norm is faster, better and trains at higher rates; the test set would choose others.

    The arms are called "norm batch, lr 0.1". On the validation split the norm is best at the third of the `rates`, the
    other one at the second. The norm is the fastest at the second, where it reaches the other's best as it does at the
    first and the third; the other one would be faster at rates at which it does not come as far.
    """
    val = {norm: (0.96, 0.97, 0.99, 0.7, 0.7, 0.1), than: (0.80, 0.90, 0.85, 0.2, 0.1, 0.1)}
    steps = {norm: (80, 60, 100, 900, 900, 900), than: (400, 400, 20, 20, 20, 20)}
    best = {norm: (2, 0.9, 0.3), than: (1, 0.8, 0.97)}

    def of(label: str) -> Left:
        this, rate = label.removeprefix("norm ").split(", lr ")
        at = rates.index(rate)
        chosen, test, otherwise = best[this]
        accuracy = test if at == chosen else otherwise
        left: Left = {"test": accuracy, "val": val[this][at], "train": 0.5, "steps": steps[this][at]}
        return left | ({"probes": probes[label]} if probes and label in probes else {})

    return of


def ranked(*labels: str) -> dict[str, Pair]:
    """Return accuracies that rise by five points from the first label to the last, and that fall."""
    rising = [0.5 + 0.05 * place for place in range(len(labels))]
    return dict(zip(labels, zip(rising, reversed(rising), strict=True), strict=True))


def costs(**by_name: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Return costs by label from the labels' values by the cost's name."""
    labels = dict.fromkeys(label for values in by_name.values() for label in values)
    return {label: {name: values[label] for name, values in by_name.items()} for label in labels}


def inverse(values: Mapping[str, float]) -> dict[str, float]:
    """Return values in the opposite order."""
    return {label: 1e6 / value for label, value in values.items()}


def wandering(by_label: Mapping[str, float]) -> Rows:
    """Return rows of medians that move that much in the last layer; in the first, the more the less in the last."""
    return {
        label: [
            row
            for step in range(4)
            for layer, size in (("first", 0.1 / amount), ("last", amount))
            for row in ((step, layer, "median_of_unit_0", size * (step % 2)), (step, layer, "spread_of_unit_0", 1.0))
        ]
        for label, amount in by_label.items()
    }


def initial(quantity: str, layers: Sequence[str], by_label: Mapping[str, float], later: float) -> Rows:
    """Return rows of a quantity at the start in the last of `layers`; its inverse before it, `later` for the rest."""
    return {
        label: [(0, layer, quantity, 1 / value) for layer in layers[:-1]]
        + [(0, layers[-1], quantity, value)]
        + [(step, layers[-1], quantity, later) for step in (10, 20)]
        for label, value in by_label.items()
    }
