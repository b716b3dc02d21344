"""Means, shares, risk differences and effects with their 95 % intervals."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from scipy import special

ALPHA, POWER = 0.05, 0.8
"""The level of a test, and the power that a number of seeds is planned for."""
CONFIDENCE = 0.95
TAIL = (1 - CONFIDENCE) / 2
SMALLEST_P = 1e-12
"""Smaller p-values are not distinguished."""
MIXTURE_SEEDS = 5
"""The fewest seeds that the mixture is tuned for: for fewer, its interval would be short where none can be."""


@lru_cache(maxsize=4096)
def student_critical(freedom: float, alpha: float) -> float:
    """Return the two-sided critical value of Student's t with so many degrees of freedom."""
    return float(special.stdtrit(freedom, 1 - alpha / 2))


@lru_cache(maxsize=4096)
def normal_critical(alpha: float) -> float:
    """Return the two-sided critical value of the normal distribution."""
    return float(-special.ndtri(alpha / 2))


@lru_cache(maxsize=4096)
def anytime_critical(n: int, alpha: float, precision: float) -> float:
    """Return the critical value of the t statistic of `n` normal values that holds at all n together.

    The chance that |mean − truth| > critical × sd / √n at any n from 2 on is at most `alpha`, for any variance. From
    the test martingale with a Gaussian mixture of the effect in sds, N(0, 1/`precision`), Wang & Ramdas 2023
    (arXiv 2310.03722, theorem 4.9), G = √(c²/(n+c²)) ((n+c²)V / ((n+c²)V − S²))^(n/2), S and V the sums of the values'
    differences from the truth and of their squares: with the statistic t this is √(c²/(n+c²)) ((ν+t²) / (ν+ρt²))^(n/2),
    ν = n − 1, ρ = c²/(n+c²), and Ville's inequality bounds it by 1/alpha. Infinite where n is too small for any
    interval at this level.
    """
    if n < 2:
        return math.inf
    rho = precision / (n + precision)
    growth = math.exp(2 / n * (-math.log(alpha) - 0.5 * math.log(rho)))
    if growth * rho >= 1:
        return math.inf
    return math.sqrt((n - 1) * (growth - 1) / (1 - growth * rho))


@lru_cache(maxsize=256)
def mixture_precision(planned: int, alpha: float = ALPHA) -> float:
    """Return the precision of the mixture at which the interval is shortest at `planned` values, to one in a thousand.

    It depends on the plan alone, as the interval's validity requires. By golden-section search.
    """
    low, high = math.log(1e-6), math.log(1e3)
    ratio = (math.sqrt(5) - 1) / 2
    while high - low > 1e-3:
        first, second = high - ratio * (high - low), low + ratio * (high - low)
        widths = [anytime_critical(planned, alpha, math.exp(logarithm)) for logarithm in (first, second)]
        # Where both are infinite the precision is too large.
        if widths[0] <= widths[1]:
            high = second
        else:
            low = first
    return math.exp((low + high) / 2)


@dataclass(frozen=True)
class Sampling:
    """How the number of seeds of a comparison was decided.

    Args:
        planned: the seeds that were planned before the first run; None where as many as there are were planned.
        looked: whether results were looked at before all seeds had run, as with `--max-seeds`.
    """

    planned: int | None = None
    looked: bool = False

    def is_anytime(self, n: int) -> bool:
        """Whether `n` pairs need an anytime-valid interval: more than planned, or looked at before the end."""
        return self.looked or (self.planned is not None and n > self.planned)

    def critical(self, n: int, alpha: float) -> float:
        """Return how many standard errors a mean of `n` differs from the truth at most, but with chance `alpha`."""
        if self.is_anytime(n):
            return anytime_critical(n, alpha, mixture_precision(max(self.planned or 0, MIXTURE_SEEDS)))
        return student_critical(n - 1, alpha)


AS_PLANNED = Sampling()
"""As many seeds as there are were planned, and looked at once."""


@dataclass(frozen=True)
class Estimate:
    """A mean over `n` seeds with its 95 % interval, by Student's t unless said otherwise, and the sample's sd.

    The interval and the sd (with n − 1 in its denominator) are NaN for fewer than two values. The interval is also NaN
    where all values are equal: no spread was seen, which does not say that there is none.
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

    @property
    def freedom(self) -> float:
        """The degrees of freedom of the sd."""
        return self.n - 1

    @property
    def hedges_g_z(self) -> float:
        """The mean over the sd of differences, without the bias of small samples.

        Cohen's d_z times Hedges' exact factor Γ(m/2) / (√(m/2) Γ((m−1)/2)), m = `freedom`: on average the true ratio
        (Hedges 1981, Distribution Theory for Glass's Estimator of Effect Size). NaN for fewer than three pairs, where
        that average does not exist, and where the sd is zero.
        """
        freedom = self.freedom
        if not freedom >= 2 or self.sd == 0:
            return math.nan
        log_factor = special.gammaln(freedom / 2) - special.gammaln((freedom - 1) / 2) - math.log(freedom / 2) / 2
        return float(self.mean / self.sd * math.exp(log_factor))


NO_ESTIMATE = Estimate(math.nan, math.nan, math.nan, 0)


@dataclass(frozen=True)
class Effect(Estimate):
    """What a verdict is about: a mean over seeds, with an interval that covers other seeds and other test images.

    Args:
        image_error: the standard error that the choice of test images adds; 0 where it is not known.
        sampling: how the number of seeds was decided: whether the interval is Student's or an anytime-valid one.
        step_variance: the variance of the error that each value has because it comes in steps, see `step_variance`.
        exact: whether values without any spread are exact, as counts of parameters are.
        seeds: where several seeds share a validation split, the number of seeds; each of the `n` values is then the
            mean over a split's seeds. 0 where each value is one seed's.
    """

    image_error: float = 0.0
    sampling: Sampling = AS_PLANNED
    step_variance: float = 0.0
    exact: bool = False
    seeds: int = 0

    paired = True
    """Whether the values are differences within a seed."""

    @property
    def count(self) -> str:
        """The number of seeds, and of splits where seeds share them, in words."""
        return f"n = {self.n} splits of {self.seeds} seeds" if self.seeds else f"n = {self.n}"

    @property
    def seed_error(self) -> float:
        """The standard error over seeds, and over splits where they vary; NaN without any spread, seen or known."""
        if self.n < 2:
            return math.nan
        variance = self.sd**2 + self.step_variance
        return math.sqrt(variance / self.n) if variance > 0 or self.exact else math.nan

    @property
    def standard_error(self) -> float:
        """The standard error of the mean over seeds and test images."""
        return math.hypot(self.seed_error, self.image_error)

    def half_width(self, alpha: float) -> float:
        """Return half of the interval at level 1 − `alpha`; NaN where there is none.

        The half-widths of the two sources of error add in squares (Howe 1974; Graybill & Wang 1980): Student's or the
        anytime-valid one over the seeds, the normal one over the images, of which there are many.
        """
        if math.isnan(self.seed_error):
            return math.nan
        seeds = 0.0 if self.seed_error == 0 else self.critical(alpha) * self.seed_error
        return math.hypot(seeds, normal_critical(alpha) * self.image_error)

    def critical(self, alpha: float) -> float:
        """Return how many of its errors over seeds the mean differs from the truth at most, but with chance `alpha`."""
        return self.sampling.critical(self.n, alpha)

    def with_seeds(self, n: int) -> "Effect":
        """Return the effect as it would be with so many seeds, were its errors the same."""
        return replace(self, n=n)

    def at(self, alpha: float) -> "Effect":
        """Return the effect with its interval at level 1 − `alpha`."""
        half = self.half_width(alpha)
        return replace(self, low=self.mean - half, high=self.mean + half)

    @property
    def seeds_only(self) -> "Effect":
        """The effect on these very test images: its interval covers other seeds alone."""
        return replace(self, image_error=0.0).at(2 * TAIL)

    def smallest_alpha(self, holds: Callable[[Estimate], bool]) -> float:
        """Return the smallest alpha at whose interval `holds` is true, which wider intervals make false; 1 for none."""
        if not self.n or math.isnan(self.half_width(0.5)) or not holds(self.at(1 - 1e-9)):
            return 1.0
        low, high = math.log(SMALLEST_P), 0.0
        if holds(self.at(SMALLEST_P)):
            return SMALLEST_P
        while high - low > 1e-4:
            middle = (low + high) / 2
            low, high = (low, middle) if holds(self.at(math.exp(middle))) else (middle, high)
        return math.exp(high)

    @property
    def p_value(self) -> float:
        """The smallest alpha at which the interval excludes zero; NaN where there is none, 1 where no seed differs.

        That of the two-sided t test where seeds alone count and there are as many as planned.
        """
        if math.isnan(self.low):
            return 1.0 if self.n > 1 and self.mean == self.sd == 0 else math.nan
        if self.image_error == 0 and not self.sampling.is_anytime(self.n) and self.seed_error > 0:
            return float(2 * special.stdtr(self.freedom, -abs(self.mean) / self.seed_error))
        return self.smallest_alpha(lambda each: each.excludes_zero)


NO_EFFECT = Effect(math.nan, math.nan, math.nan, 0)


@dataclass(frozen=True)
class UnpairedEffect(Effect):
    """A weighted sum of the means of independent runs, with Welch's interval.

    Args:
        groups: of each mean its number of runs and their sd times the weight. `n` is the lowest number, and `sd` that
            of the same sum of single runs.
    """

    groups: tuple[tuple[int, float], ...] = ()
    paired = False

    @property
    def count(self) -> str:
        """The number of runs of each side, in words."""
        return f"n = {' and '.join(str(n) for n, _ in self.groups)}, unpaired"

    @property
    def seed_error(self) -> float:
        """The standard error over runs; NaN without any spread."""
        variance = sum(sd**2 / n for n, sd in self.groups) if self.n > 1 else math.nan
        return math.sqrt(variance) if variance > 0 else math.nan

    @property
    def freedom(self) -> float:
        """The degrees of freedom of Satterthwaite (1946) and Welch (1947); NaN without any spread."""
        if math.isnan(self.seed_error):
            return math.nan
        parts = [(sd**2 / n, n - 1) for n, sd in self.groups]
        return sum(part for part, _ in parts) ** 2 / sum(part**2 / freedom for part, freedom in parts)

    def critical(self, alpha: float) -> float:
        """Return how many of its errors the mean differs from the truth at most, but with chance `alpha`."""
        return student_critical(self.freedom, alpha)

    def with_seeds(self, n: int) -> "UnpairedEffect":
        """Return the effect as it would be with so many runs of each side, were their sds the same."""
        return replace(self, n=n, groups=tuple((n, sd) for _, sd in self.groups))


def unpaired_effect(groups: Sequence[tuple[float, Estimate]]) -> Effect:
    """Return a weighted sum of the means of independent runs, given as (weight, mean), with Welch's 95 % interval."""
    n = min(mean.n for _, mean in groups)
    if not n:
        return NO_EFFECT
    sds = tuple((mean.n, abs(weight) * mean.sd) for weight, mean in groups)
    total = sum(weight * mean.mean for weight, mean in groups)
    return UnpairedEffect(total, math.nan, math.nan, n, math.hypot(*(sd for _, sd in sds)), groups=sds).at(2 * TAIL)


def estimate(values: Sequence[float]) -> Estimate:
    """Return the mean of finite `values` with Student's interval."""
    n = len(values)
    if n == 0:
        return NO_ESTIMATE
    mean = float(np.mean(values))
    if n == 1:
        return Estimate(mean, math.nan, math.nan, 1)
    sd = _standard_deviation(values)
    half = student_critical(n - 1, 2 * TAIL) * sd / math.sqrt(n) if sd else math.nan
    return Estimate(mean, mean - half, mean + half, n, sd)


def effect_of(
    values: Sequence[float],
    *,
    image_error: float = 0.0,
    sampling: Sampling = AS_PLANNED,
    step_variance: float = 0.0,
    exact: bool = False,
    splits: Sequence[int] = (),
) -> Effect:
    """Return the effect whose value in each seed is given, with its 95 % interval; see `Effect` for the arguments.

    `splits` are the seeds' validation splits where these differ. Seeds that share one are no independent sample of
    splits, so that the mean over each split's seeds counts as one value.
    """
    n = len(values)
    if 1 < len(set(splits)) < n:
        grouped: dict[int, list[float]] = {}
        for split, value in zip(splits, values, strict=True):
            grouped.setdefault(split, []).append(value)
        effect = effect_of(
            without_rounding([float(np.mean(group)) for group in grouped.values()], values),
            image_error=image_error,
            # The plan counts seeds. Where there are more of them, the splits' means were looked at before the end.
            sampling=Sampling(looked=sampling.is_anytime(n)),
            step_variance=step_variance / min(map(len, grouped.values())),
            exact=exact,
        )
        return replace(effect, seeds=n)
    if n == 0:
        return NO_EFFECT
    mean = float(np.mean(values))
    if n == 1:
        return Effect(mean, math.nan, math.nan, 1)
    sd = _standard_deviation(values)
    return Effect(mean, math.nan, math.nan, n, sd, image_error, sampling, step_variance, exact).at(2 * TAIL)


def step_variance(*steps: float) -> float:
    """Return the variance of a sum of values that are known in steps of these sizes: the sum of step²/12.

    A value may lie anywhere within its step (Sheppard's correction subtracts the same term). Values that happen to be
    equal do not look certain then: accuracies of a small test set, limits on a ladder of levels, diverged runs.
    """
    return sum(step**2 for step in steps) / 12


def without_rounding(values: Sequence[float], computed_from: Sequence[float]) -> list[float]:
    """Return values that differ by no more than single precision's rounding of `computed_from` as equal ones.

    Accuracies are recorded in single precision: 0.3 − 0.2 is not 0.2 − 0.1 there, and a t test of such a difference
    would find certainty in noise.
    """
    if not values:
        return []
    rounding = 4 * float(np.finfo(np.float32).eps) * max(map(abs, computed_from))
    if max(values) - min(values) <= rounding:
        return [float(np.median(values))] * len(values)
    return list(values)


def proportion(count: float, n: int) -> Estimate:
    """Return the share `count` of `n` with its exact 95 % interval (Clopper & Pearson 1934)."""
    if n == 0:
        return NO_ESTIMATE
    low = float(special.betaincinv(count, n - count + 1, TAIL)) if count > 0 else 0.0
    high = float(special.betaincinv(count + 1, n - count, 1 - TAIL)) if count < n else 1.0
    return Estimate(count / n, low, high, n)


def risk_difference(first: int, of_first: int, second: int, of_second: int) -> Estimate:
    """Return the difference of two risks, `first` of `of_first` runs less `second` of `of_second`, with its interval.

    The 95 % interval is Agresti & Caffo's (2000): Wald's with a run that diverged and one that did not added to each
    side, which keeps its level at few runs. The runs of a seed are taken as independent. They share data and initial
    weights, so that both diverge more often together, and the interval is longer than it need be.
    """
    if not of_first or not of_second:
        return NO_ESTIMATE
    from statsmodels.stats.proportion import confint_proportions_2indep  # takes a second to import

    low, high = confint_proportions_2indep(first, of_first, second, of_second, method="agresti-caffo", compare="diff")
    return Estimate(first / of_first - second / of_second, float(low), float(high), of_first + of_second)


def _standard_deviation(values: Sequence[float]) -> float:
    """Return the sample's sd; exactly zero for equal values, whose computed mean may be off by a rounding."""
    return 0.0 if max(values) == min(values) else float(np.std(values, ddof=1))
