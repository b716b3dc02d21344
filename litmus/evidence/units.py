"""Numbers as a reader wants them: accuracies in percent, differences in points, each with its interval."""

import math
from dataclasses import dataclass, replace
from typing import Any

from litmus.core.declaration import Declared
from litmus.core.metrics import metric_of
from litmus.evidence.estimate import Estimate


@dataclass(frozen=True)
class Unit(Declared):
    """How a quantity is written: the factor from the records' unit to the reader's, decimals, and the unit's name.

    `name` follows a value ("97.31 %"), `difference_name` a difference ("+1.20 points"). No value is below
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
        return self.text(value.mean) + self._range(value, self.lowest, self.highest)

    def difference(self, value: Estimate) -> str:
        """Return a difference, signed, with its 95 % interval and unit."""
        return f"{self.signed(value)} {self.difference_name}".strip() if value.n else "–"

    def signed(self, value: Estimate) -> str:
        """Return a difference, signed, with its 95 % interval, without its unit: `+1.20 [+0.80, +1.60]`.

        No two values are further apart than the lowest and the highest; what lies beyond is cut off.
        """
        if not value.n:
            return "–"
        widest = self.highest - self.lowest
        return f"{self._number(value.mean, '+')}{self._range(value, -widest, widest, '+')}"

    def size(self, value: float) -> str:
        """Return the size of a difference with its unit."""
        return f"{self.amount(value)} {self.difference_name}".strip()

    def amount(self, value: float) -> str:
        """Return a size without its unit: a standard deviation, a least detectable effect."""
        return "–" if math.isnan(value) else "∞" if math.isinf(value) else self._number(value)

    def span(self, low: float, high: float, signed: bool = False) -> str:
        """Return an interval without its unit."""
        sign = "+" if signed else ""
        return "–" if not has_ends(low, high) else f"[{self._number(low, sign)}, {self._number(high, sign)}]"

    def tick(self, value: float) -> str:
        """Return a value as a tick label of an axis, as short as it can be."""
        return f"{value * self.factor:.3g}"

    def _range(self, value: Estimate, lowest: float, highest: float, sign: str = "") -> str:
        if not value.n or math.isnan(value.low):
            return ""
        if not has_ends(value.low, value.high):
            return f" (no interval from {value.n} seeds)"
        low, high = max(lowest, value.low), min(highest, value.high)
        return f" [{self._number(low, sign)}, {self._number(high, sign)}]"

    def _number(self, value: float, sign: str = "") -> str:
        text = f"{value * self.factor:{sign},.{self.decimals}f}".replace("inf", "∞")
        # What rounds to zero has no sign.
        return text if text.strip("-+0.") else text.replace("-", sign)


@dataclass(frozen=True)
class LogRatio(Unit):
    """How the logarithm of a ratio is written: as the ratio itself, `2.90 [2.10, 4.00] times as fast`."""

    def tick(self, value: float) -> str:
        """Return a ratio as a tick label of an axis."""
        return f"{math.exp(value):.3g}×"

    def _number(self, value: float, sign: str = "") -> str:
        # Beyond this the interval says nothing, and the number has more digits than a line.
        return f"{math.exp(value):,.{self.decimals}f}" if abs(value) < 12 else "∞" if value > 0 else "0"


POINTS = Unit("%", "points", factor=100.0, lowest=0.0, highest=1.0)
"""Fractions in percent, their differences in percentage points."""
NUMBER = Unit("", "", decimals=3)
"""Plain numbers."""
NOT_NEGATIVE = Unit("", "", decimals=3, lowest=0.0)
"""Losses, seconds, counts."""


def unit_of(metric: Any) -> Unit:
    """Return the unit of a metric: what a column of the records is, by its name, or what a measure says of itself."""
    if isinstance(metric, str):
        known = metric_of(metric)
        if known is None:
            return NUMBER
        if known.scale == "number":
            return replace(NUMBER, decimals=known.decimals)
        return POINTS if known.scale == "share" else NOT_NEGATIVE
    unit = getattr(metric, "unit", NUMBER)
    return unit if isinstance(unit, Unit) else NUMBER


def has_ends(low: float, high: float) -> bool:
    """Whether an interval says anything: few seeds leave none at every number of seeds, and both ends are infinite."""
    return not (math.isnan(low) or (math.isinf(low) and math.isinf(high)))


def level(value: Any) -> str:
    """Return a level of a factor as text."""
    return f"{value:g}" if isinstance(value, float) else str(value)
