"""What learning curves say of the length of training: whether it was too short, or too long."""

from dataclasses import dataclass

import numpy as np
from scipy import special

from litmus.evidence.estimate import ALPHA
from litmus.evidence.results import ArmResult

CLEAR_RISE = 0.1
"""The least rise of the validation loss after its lowest value, as a fraction of that, that counts as overfitting."""
LEAST_LOSS = 0.05
"""A lowest loss below this counts as this: near zero every rise is a large fraction."""


@dataclass(frozen=True)
class Rise:
    """How far the loss rose after its lowest value, as a fraction of that, which it had `at` a fraction of training."""

    fraction: float
    at: float


def rise_at_the_end(result: ArmResult, metric: str, higher_is_better: bool) -> float | None:
    """Return how much better `metric` is over the last fifth of training than over the fifth before, in its unit.

    The mean over the finished seeds. None where it is not above zero by a one-sided t test over the seeds at 0.05, or
    there are fewer than two seeds with five evaluations.
    """
    gains = []
    for curve in _curves(result, metric):
        steps, values = np.array(list(curve)), np.array(list(curve.values()))
        place = steps / steps[-1]
        before, last = values[(place > 0.6) & (place <= 0.8)], values[place > 0.8]
        if len(values) >= 5 and len(before):
            gains.append(float(last.mean() - before.mean()) * (1 if higher_is_better else -1))
    return _mean_above_zero(gains)


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
