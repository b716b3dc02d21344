"""Intervals of a mean that hold at every number of seeds at once, however often they are looked at on the way."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True)
class Sampling:
    """How the number of seeds of a comparison came about.

    Args:
        planned: the seeds that were planned before the first run; None where as many as there are were planned.
        looked: whether results were looked at on the way to them, as `--until decided` does.
    """

    planned: int | None = None
    looked: bool = False

    def is_anytime(self, n: int) -> bool:
        """Whether `n` pairs ask for an anytime-valid interval: more than planned, or looked at on the way."""
        return self.looked or (self.planned is not None and n > self.planned)

    def critical(self, n: int, alpha: float) -> float:
        """Return by how many standard errors a mean of `n` differs from the truth at most, but with chance `alpha`."""
        if self.is_anytime(n):
            return anytime_critical(n, alpha, mixture_precision(max(self.planned or 0, FEWEST)))
        return student_critical(n, alpha)


AS_PLANNED = Sampling()
"""As many seeds as there are were planned, and looked at once."""

FEWEST = 5
"""Below so many seeds the mixture is not tuned: its interval would be short where none can be."""


@lru_cache(maxsize=4096)
def student_critical(n: int, alpha: float) -> float:
    """Return the two-sided critical value of Student's t for a mean of `n` values, looked at once."""
    from scipy import special  # SciPy takes most of a second to import, which commands that estimate nothing spare

    return float(special.stdtrit(n - 1, 1 - alpha / 2))


@lru_cache(maxsize=4096)
def anytime_critical(n: int, alpha: float, precision: float) -> float:
    """Return the critical value of the t statistic of `n` normal values that holds at all n together.

    The chance that |mean − truth| > critical × sd / √n at any n from 2 on is at most `alpha`, for any variance. From
    the test martingale with a Gaussian mixture of the effect in sds, N(0, 1/`precision`), Wang & Ramdas 2023
    (arXiv 2310.03722, theorem 4.9), G = √(c²/(n+c²)) ((n+c²)V / ((n+c²)V − S²))^(n/2), S and V the sums of the values'
    differences from the truth and of their squares: with the statistic t this is √(c²/(n+c²)) ((ν+t²) / (ν+ρt²))^(n/2),
    ν = n − 1, ρ = c²/(n+c²), and Ville's inequality holds it below 1/alpha. Infinite where n is too small for any
    interval at this level.
    """
    if n < 2:
        return math.inf
    share = precision / (n + precision)
    growth = math.exp(2 / n * (-math.log(alpha) - 0.5 * math.log(share)))
    if growth * share >= 1:
        return math.inf
    return math.sqrt((n - 1) * (growth - 1) / (1 - growth * share))


@lru_cache(maxsize=256)
def mixture_precision(planned: int, alpha: float = 0.05) -> float:
    """Return the precision of the mixture at which the interval is shortest at `planned` values, to one in a thousand.

    It is chosen from the plan alone, before there is any result, as the interval's validity asks for.
    """
    low, high = math.log(1e-6), math.log(1e3)
    ratio = (math.sqrt(5) - 1) / 2

    def width(logarithm: float) -> float:
        return anytime_critical(planned, alpha, math.exp(logarithm))

    while high - low > 1e-3:
        first, second = high - ratio * (high - low), low + ratio * (high - low)
        # Where both are infinite the precision is too large.
        if width(first) <= width(second):
            high = second
        else:
            low = first
    return math.exp((low + high) / 2)


def confidence_sequence(values: Sequence[float], alpha: float = 0.05, planned: int = FEWEST) -> tuple[float, float]:
    """Return the interval (low, high) of the mean of paired differences that holds at every number of them at once.

    At level 1 − `alpha`, for normal differences of any variance; `planned` is the number at which it is shortest.
    """
    n = len(values)
    if n < 2:
        return -math.inf, math.inf
    mean = math.fsum(values) / n
    error = math.sqrt(math.fsum((each - mean) ** 2 for each in values) / (n - 1) / n)
    half = anytime_critical(n, alpha, mixture_precision(max(planned, FEWEST))) * error
    return mean - half, mean + half
