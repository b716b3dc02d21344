"""Means, shares, paired differences and their intervals."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from litmus.derive import derive

CONFIDENCE = 0.95
TAIL = (1 - CONFIDENCE) / 2

RESAMPLES = 9999
"""Bootstrap resamples: the ends of an interval then vary by about 2 % of its width from one key to another."""


@dataclass(frozen=True)
class Estimate:
    """A mean over `n` seeds with its 95 % interval, by Student's t unless said otherwise, and the sample's sd.

    The interval and the sd (with n − 1 in its denominator) are NaN for fewer than two values.
    """

    mean: float
    low: float
    high: float
    n: int
    sd: float = math.nan

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
    from scipy import stats  # see `proportion`

    sd = float(np.std(values, ddof=1))
    half = float(stats.t.ppf(1 - TAIL, n - 1)) * sd / math.sqrt(n)
    return Estimate(mean, mean - half, mean + half, n, sd)


def bca_interval(values: Sequence[float], resamples: int = RESAMPLES) -> tuple[float, float]:
    """Return the 95 % interval (low, high) of the mean by the bias-corrected and accelerated bootstrap.

    It assumes no normal distribution, but resamples what few values there are: below about 20 it covers the mean less
    often than it says (84 % of the time for 5 normal values), and Student's interval is the one to judge by. The draw
    is keyed, so the same values give the same interval in any order. NaN for fewer than three values; values that are
    all equal have no spread to resample, and both ends are that value.

    Source: Efron 1987, Better Bootstrap Confidence Intervals; computed by scipy.
    """
    if len(values) < 3:
        return math.nan, math.nan
    if np.ptp(values) == 0:
        return float(values[0]), float(values[0])
    from scipy import stats  # see `proportion`

    generator = np.random.default_rng(derive(0, "bca", len(values)))
    result = stats.bootstrap(
        (np.sort(values),), np.mean, n_resamples=resamples, confidence_level=CONFIDENCE, method="BCa", rng=generator
    )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def proportion(count: float, n: int) -> Estimate:
    """Return the share `count` of `n` with its exact 95 % interval (Clopper & Pearson 1934).

    A count may be fractional, as where a tie counts one half: the beta quantiles are defined there too. The sd is that
    of no sample and stays NaN.
    """
    if n == 0:
        return NO_ESTIMATE
    # SciPy takes most of a second to import, which commands that estimate nothing, but read studies, need not wait for.
    from scipy import stats

    low = float(stats.beta.ppf(TAIL, count, n - count + 1)) if count > 0 else 0.0
    high = float(stats.beta.ppf(1 - TAIL, count + 1, n - count)) if count < n else 1.0
    return Estimate(count / n, low, high, n)


def paired_difference(treated: Mapping[int, float], baseline: Mapping[int, float]) -> Estimate:
    """Return the mean of the per-seed differences treated − baseline, over the seeds that both have."""
    return estimate(paired_differences(treated, baseline))


def paired_differences(arm: Mapping[int, float], reference: Mapping[int, float]) -> list[float]:
    """Return arm − reference for each seed that both have, by seed.

    Differences that are apart by no more than the rounding of their subtraction are made equal: 0.3 − 0.2 is not
    0.2 − 0.1 in binary, and a t test of that difference would find certainty in noise.
    """
    seeds = sorted(arm.keys() & reference.keys())
    differences = [arm[seed] - reference[seed] for seed in seeds]
    if not seeds:
        return []
    rounding = 4 * np.finfo(float).eps * max(max(abs(arm[seed]), abs(reference[seed])) for seed in seeds)
    if max(differences) - min(differences) <= rounding:
        return [float(np.median(differences))] * len(seeds)
    return differences
