"""What learning curves say of the length of training: whether it was too short, or too long."""

from dataclasses import dataclass

import numpy as np
from scipy import special

from litmus.evidence.estimate import ALPHA
from litmus.evidence.results import ArmResult

LAST = 0.8
"""The fraction of training from which on it is its end."""
CLEAR_FALL = 0.05
"""The least fall of the validation loss at the end of training, as a fraction, that counts as still improving."""
CLEAR_RISE = 0.1
"""The least rise of the validation loss after its lowest value, as a fraction of that, that counts as overfitting."""
LEAST_LOSS = 0.05
"""A loss below this counts as this: near zero every change is a large fraction."""


@dataclass(frozen=True)
class Rise:
    """How far the loss rose after its lowest value, as a fraction of that, which it had `at` a fraction of training."""

    fraction: float
    at: float


def fall_at_the_end(result: ArmResult, column: str = "val_loss") -> float | None:
    """Return the fraction by which the validation loss still fell within the last fifth of training.

    From the mean of the first half of its evaluations there to that of the second, the mean over the finished seeds.
    None where it is less than a twentieth, where it is not above zero by a one-sided t test over the seeds at 0.05, or
    fewer than two seeds have two evaluations there.
    """
    falls = []
    for curve in _curves(result, column):
        end = list(curve)[-1]
        last = [value for step, value in curve.items() if step >= LAST * end - 1e-9]
        if half := len(last) // 2:
            before = float(np.mean(last[:half]))
            falls.append((before - float(np.mean(last[-half:]))) / max(before, LEAST_LOSS))
    fall = _mean_above_zero(falls)
    return fall if fall is not None and fall >= CLEAR_FALL else None


def loss_rise(result: ArmResult, column: str = "val_loss") -> Rise | None:
    """Return how far the mean validation loss over the finished seeds rose after its lowest value.

    None where it rose by less than a tenth of that, where the rise is not above zero by a one-sided t test over the
    seeds at 0.05, or there are fewer than two seeds.
    """
    curves = _curves(result, column)
    steps = sorted(set.intersection(*map(set, curves))) if curves else []
    if not steps:
        return None
    means = {step: float(np.mean([curve[step] for curve in curves])) for step in steps}
    lowest = min(means, key=means.__getitem__)
    rise = _mean_above_zero([curve[steps[-1]] - curve[lowest] for curve in curves])
    fraction = 0.0 if rise is None else rise / max(means[lowest], LEAST_LOSS)
    return Rise(fraction, lowest / steps[-1]) if fraction >= CLEAR_RISE else None


def _curves(result: ArmResult, column: str) -> list[dict[int, float]]:
    """Return a column at the evaluations of each finished seed, by step, in their order."""
    found = []
    for seed in result.seeds("finished"):
        rows = result.curves.get(seed)
        if rows is not None and column in rows:
            rows = rows.loc[rows["kind"] == "evaluation", ["step", column]].dropna()
            found.append({int(step): float(value) for step, value in zip(rows["step"], rows[column], strict=True)})
    return [curve for curve in found if curve]


def _mean_above_zero(values: list[float]) -> float | None:
    """Return the mean, None where a one-sided t test at 0.05 does not show it to be above zero."""
    if len(values) < 2:
        return None
    mean, error = float(np.mean(values)), float(np.std(values, ddof=1)) / len(values) ** 0.5
    return mean if mean > float(special.stdtrit(len(values) - 1, 1 - ALPHA)) * error else None
