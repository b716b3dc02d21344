"""Figures as a reader wants them: accuracies in percent, differences in points, intervals beside the mean."""

import math
from dataclasses import dataclass
from typing import Any

from litmus.metrics import metric_of
from studies.evidence.estimate import Estimate


@dataclass(frozen=True)
class Unit:
    """How a quantity is written: the factor from the records' unit to the reader's, decimals, and the unit's name.

    `name` stands behind a value ("97.31 %"), `difference_name` behind a difference ("+1.20 points").
    """

    name: str
    difference_name: str
    factor: float = 1.0
    decimals: int = 2

    def text(self, value: float) -> str:
        """Return a value with its unit."""
        return "–" if math.isnan(value) else f"{self._number(value)} {self.name}".strip()

    def interval(self, value: Estimate) -> str:
        """Return a mean with its unit and 95 % interval."""
        return self.text(value.mean) + self._range(value, "")

    def difference(self, value: Estimate) -> str:
        """Return a difference, signed, with its 95 % interval and unit."""
        if not value.n:
            return "–"
        return f"{self._number(value.mean, '+')}{self._range(value, '+')} {self.difference_name}".strip()

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


POINTS = Unit("%", "points", factor=100.0)
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


def percent(fraction: float) -> str:
    """Return a fraction as percent: `97.31 %`."""
    return "–" if math.isnan(fraction) else f"{100 * fraction:.2f} %"


def percent_interval(value: Estimate) -> str:
    """Return a mean of fractions with its interval in percent: `97.31 % [96.90, 97.72]`.

    Student's interval knows no bounds; what lies below 0 or above 100 percent is cut off.
    """
    bounded = Estimate(value.mean, max(0.0, value.low), min(1.0, value.high), value.n)
    return percent(value.mean) + _interval(value if math.isnan(value.low) else bounded, "{:.2f}")


def points(value: Estimate) -> str:
    """Return a difference of fractions with its interval in percentage points: `+1.20 [+0.80, +1.60]`."""
    return "–" if not value.n else f"{100 * value.mean:+.2f}" + _interval(value, "{:+.2f}")


def _interval(value: Estimate, form: str) -> str:
    if not value.n or math.isnan(value.low):
        return ""
    return f" [{form.format(100 * value.low)}, {form.format(100 * value.high)}]"


def level(value: Any) -> str:
    """Return a level of a factor as text."""
    return f"{value:g}" if isinstance(value, float) else str(value)
