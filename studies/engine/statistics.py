"""Means, paired differences and their intervals."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean over `n` seeds with its 95 % interval by Student's t; the interval is NaN for fewer than two."""

    mean: float
    low: float
    high: float
    n: int

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval lies on one side of zero."""
        return self.low > 0 or self.high < 0


NO_ESTIMATE = Estimate(math.nan, math.nan, math.nan, 0)


def estimate(values: Sequence[float]) -> Estimate:
    """Return the mean of `values` with its interval; values that are not finite have no place here."""
    n = len(values)
    if n == 0:
        return NO_ESTIMATE
    mean = float(np.mean(values))
    if n == 1:
        return Estimate(mean, math.nan, math.nan, 1)
    half = float(stats.t.ppf(0.5 + CONFIDENCE / 2, n - 1) * np.std(values, ddof=1) / math.sqrt(n))
    return Estimate(mean, mean - half, mean + half, n)


def paired_difference(treated: Mapping[int, float], baseline: Mapping[int, float]) -> Estimate:
    """Return the mean of the per-seed differences treated − baseline, over the seeds that both have."""
    shared = sorted(treated.keys() & baseline.keys())
    return estimate([treated[seed] - baseline[seed] for seed in shared])
