"""Figures as a reader wants them: accuracies in percent, differences in points, intervals beside the mean."""

import math
from dataclasses import dataclass
from typing import Any

from litmus.metrics import metric_of
from studies.evidence.estimate import Estimate


@dataclass(frozen=True)
class Unit:
    """How a quantity is written: the factor from the records' unit to the reader's, decimals, and the unit's name.

    `name` stands behind a value ("97.31 %"), `difference_name` behind a difference ("+1.20 points"). No value is below
    `lowest` or above `highest`, in the records' unit.
    """

    name: str
    difference_name: str
    factor: float = 1.0
    decimals: int = 2
    lowest: float = -math.inf
    highest: float = math.inf

    def text(self, value: float) -> str:
        """Return a value with its unit."""
        return "–" if math.isnan(value) else f"{self._number(value)} {self.name}".strip()

    def interval(self, value: Estimate) -> str:
        """Return a mean with its unit and 95 % interval: `97.31 % [96.90, 97.72]`.

        Student's interval knows no bounds; what lies below the lowest or above the highest value is cut off.
        """
        if math.isnan(value.low):
            return self.text(value.mean)
        bounded = Estimate(value.mean, max(self.lowest, value.low), min(self.highest, value.high), value.n)
        return self.text(value.mean) + self._range(bounded, "")

    def difference(self, value: Estimate) -> str:
        """Return a difference, signed, with its 95 % interval and unit."""
        return f"{self.signed(value)} {self.difference_name}".strip() if value.n else "–"

    def signed(self, value: Estimate) -> str:
        """Return a difference, signed, with its 95 % interval, without its unit: `+1.20 [+0.80, +1.60]`."""
        return f"{self._number(value.mean, '+')}{self._range(value, '+')}" if value.n else "–"

    def size(self, value: float) -> str:
        """Return the size of a difference with its unit."""
        return f"{self.amount(value)} {self.difference_name}".strip()

    def amount(self, value: float) -> str:
        """Return a size without its unit: a standard deviation, a least detectable effect."""
        return "–" if math.isnan(value) else "∞" if math.isinf(value) else self._number(value)

    def span(self, low: float, high: float, signed: bool = False) -> str:
        """Return an interval without its unit."""
        sign = "+" if signed else ""
        return "–" if math.isnan(low) else f"[{self._number(low, sign)}, {self._number(high, sign)}]"

    def _range(self, value: Estimate, sign: str) -> str:
        if not value.n or math.isnan(value.low):
            return ""
        return f" [{self._number(value.low, sign)}, {self._number(value.high, sign)}]"

    def _number(self, value: float, sign: str = "") -> str:
        return f"{value * self.factor:{sign},.{self.decimals}f}"


POINTS = Unit("%", "points", factor=100.0, lowest=0.0, highest=1.0)
"""Fractions in percent, their differences in percentage points."""
NUMBER = Unit("", "", decimals=3)
"""Plain numbers."""


def unit_of(metric: Any) -> Unit:
    """Return the unit of a metric: what a column of the records is, by its name, or what a measure says of itself."""
    if isinstance(metric, str):
        known = metric_of(metric)
        return POINTS if known is not None and known.scale == "share" else NUMBER
    unit = getattr(metric, "unit", NUMBER)
    return unit if isinstance(unit, Unit) else NUMBER


def level(value: Any) -> str:
    """Return a level of a factor as text."""
    return f"{value:g}" if isinstance(value, float) else str(value)
