"""Numbers of one run that studies compare: what a probe measured, gaps between metrics, logarithms."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from litmus.core.declaration import Declared
from litmus.evidence.results import ArmResult, Metric, is_exact
from litmus.evidence.units import NUMBER, Unit, unit_of

At = Literal["mean", "median", "first", "last", "max", "min", "sd"]
REDUCTIONS: dict[At, Callable[..., Any]] = {
    "mean": np.mean,
    "median": np.median,
    "first": lambda values: values[0],
    "last": lambda values: values[-1],
    "max": np.max,
    "min": np.min,
    "sd": np.std,
}
"""How the numbers of several steps become one."""

Layers = str | int | Callable[[str], bool] | None

DECADES = Unit("decades", "decades", decimals=3)
"""Logarithms to the base of ten, whose differences are ratios: 1 is a factor of ten."""


@dataclass(frozen=True)
class Measure(Declared):
    """A number of one run, from its arm's results and its seed, and the unit in which it is written.

    `exact` says that it is the same in every seed, as a count of parameters is: that it does not vary is no accident.
    """

    function: Callable[[ArmResult, int], float]
    unit: Unit = NUMBER
    exact: bool = False

    def __call__(self, result: ArmResult, seed: int) -> float:
        return self.function(result, seed)


def measure(unit: Unit) -> Callable[[Callable[[ArmResult, int], float]], Measure]:
    """Return a decorator that makes a function of (arm's results, seed) a measure in `unit`."""
    return lambda function: Measure(function, unit)


def probed(quantity: str, layer: Layers = None, at: At = "mean", unit: Unit = NUMBER) -> Measure:
    """Return the measure of a probe's `quantity`, reduced over the steps of the run by `at`.

    `layer` is a name, a number in the order of the network (-1 is the last), or a function of the name; of several
    layers, None means all, the mean is taken at each step. NaN where the run has no such rows.
    """

    @measure(unit)
    def value(result: ArmResult, seed: int) -> float:
        series = over_steps(result, seed, quantity, layer)
        return float(REDUCTIONS[at](series.to_numpy())) if len(series) else math.nan

    return value


def over_steps(result: ArmResult, seed: int, quantity: str, layer: Layers = None) -> pd.Series:
    """Return a probe's `quantity` by step, the mean over the layers chosen; empty where the run has none."""
    rows = result.probes.get(seed)
    if rows is None:
        return pd.Series(dtype=float)
    rows = rows[rows["quantity"] == quantity]
    names = list(dict.fromkeys(rows["layer"]))
    if isinstance(layer, int):
        names = names[layer : layer + 1 or None] if names else []
    elif layer is not None:
        names = [name for name in names if (layer(name) if callable(layer) else name == layer)]
    return rows[rows["layer"].isin(names)].groupby("step")["value"].mean()


def drift(layer: Layers, units: int = 16) -> Measure:
    """Return the measure of how far the median inputs of a layer's units move over the run, by their usual spread.

    Of each of the first `units` units that the probe `activations` follows: the standard deviation over the steps of
    the 50th percentile, over the mean distance of the 15th and 85th; the median of the units. 0 is a distribution that
    stays where it is.
    """

    @measure(NUMBER)
    def value(result: ArmResult, seed: int) -> float:
        moved = []
        for unit in range(units):
            median = over_steps(result, seed, f"median_of_unit_{unit}", layer)
            spread = over_steps(result, seed, f"spread_of_unit_{unit}", layer)
            if len(median) > 1 and spread.mean() > 0:
                moved.append(float(median.std() / spread.mean()))
        return float(np.median(moved)) if moved else math.nan

    return value


def gap(metric: str, other: str) -> Measure:
    """Return the measure `metric` minus `other`, of one run, e.g. `gap("train_top1", "test_top1")`."""

    @measure(unit_of(metric))
    def value(result: ArmResult, seed: int) -> float:
        values, others = result.values(metric), result.values(other)
        return values.get(seed, math.nan) - others.get(seed, math.nan)

    return value


def logarithm(metric: Metric, decimals: int = 3) -> Measure:
    """Return the measure log10 of a metric, whose differences are ratios: 1 is a factor of ten."""

    def value(result: ArmResult, seed: int) -> float:
        number = metric(result, seed) if callable(metric) else result.values(metric).get(seed, math.nan)
        return math.log10(number) if number > 0 else math.nan

    return Measure(value, replace(DECADES, decimals=decimals), is_exact(metric))
