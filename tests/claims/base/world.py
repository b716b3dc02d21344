"""What the runs of a study end with, by their arm's label, in a world that is written from its claims' sentences.

Each study has two: `RIGHT`, where the literature is right, and `WRONG`, where it is wrong in every claim. What a claim
does not speak of is set to mislead: accuracies that are not given run against the test accuracy, the arms that no claim
is about are the best or the worst.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Left = dict[str, Any]
"""Means of a run: `test`, `val` and `train` accuracy; `loss` on the training images; `steps`, at which it is at its
best; `seconds`; `cost`; `probes` rows; `logits`, the arrays of a seed."""

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


def ranked(*labels: str) -> dict[str, float]:
    """Return accuracies that rise by five points from the first label to the last."""
    return {label: 0.5 + 0.05 * place for place, label in enumerate(labels)}


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
