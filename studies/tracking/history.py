"""The rows of a run as the steps of a W&B run: metrics and probes by step, on the axes `epoch` and `images`."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from studies.tracking import names

AXES = ("epoch", "images")
"""What a plot can be drawn over beside the step: epochs, and training images seen so far."""

Values = dict[str, float | list[float]]
"""What is logged at a step: numbers, and lists of numbers, which become histograms."""

_UNIT = re.compile(r"_of_unit_\d+$")


class History:
    """Collects rows and gives them back step by step, each step once and whole.

    Args:
        images_per_step: images of a global batch.
        steps_per_epoch: steps of an epoch.
    """

    def __init__(self, images_per_step: int, steps_per_epoch: float) -> None:
        self.images_per_step = images_per_step
        self.steps_per_epoch = steps_per_epoch
        self._steps: dict[int, Values] = {}
        self._spread: dict[int, dict[str, list[float]]] = {}

    def add_row(self, row: Mapping[str, Any]) -> None:
        """Add a row of `metrics.csv`."""
        numbers = {key: _number(value) for key, value in row.items() if key not in ("kind", "step", "epoch")}
        self._at(int(row["step"])).update({key: value for key, value in numbers.items() if value is not None})

    def add_measured(self, row: Mapping[str, Any]) -> None:
        """Add a row of `probes.csv`: a curve of its own, and a part of the histogram over layers or units."""
        value = _number(row["value"])
        step, probe, layer, quantity = int(row["step"]), str(row["probe"]), str(row["layer"]), str(row["quantity"])
        values = self._at(step)
        if value is None:
            return
        spread = self._spread.setdefault(step, {})
        if _UNIT.search(quantity):
            # A curve for each unit of each layer would be thousands.
            spread.setdefault(names.key(probe, _UNIT.sub(" by unit", quantity), layer), []).append(value)
            return
        values[names.key(probe, quantity, layer)] = value
        if layer:
            spread.setdefault(names.key(probe, f"{quantity} by layer"), []).append(value)

    def steps(self, before: float = math.inf) -> Iterator[tuple[int, Values]]:
        """Return what was added of the steps below `before`, in their order, and forget it."""
        for step in sorted(each for each in self._steps if each < before):
            values = self._steps.pop(step)
            for key, numbers in self._spread.pop(step, {}).items():
                if len(numbers) > 1:
                    values[key] = numbers
            yield step, values

    def _at(self, step: int) -> Values:
        axes: Values = {"epoch": step / self.steps_per_epoch, "images": step * self.images_per_step}
        return self._steps.setdefault(step, axes)


def recorded(rows: Iterable[Mapping[str, Any]], measured: Iterable[Mapping[str, Any]], images_per_step: int) -> History:
    """Return the history of a run that lies on the disk, from the rows of its metrics and of its probes."""
    rows = list(rows)
    per_epoch = next((row["step"] / row["epoch"] for row in reversed(rows) if row.get("epoch", 0) > 0), 1.0)
    history = History(images_per_step, per_epoch)
    for row in rows:
        history.add_row(row)
    for row in measured:
        history.add_measured(row)
    return history


def _number(value: Any) -> float | None:
    number = float(value) if isinstance(value, int | float) else math.nan
    return number if math.isfinite(number) else None
