"""Means, shares, paired differences and their intervals."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from litmus.core.keyed_random import derive


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


CONFIDENCE = 0.95
TAIL = (1 - CONFIDENCE) / 2

RESAMPLES = 9999
"""Bootstrap resamples: the ends of an interval then vary by about 2 % of its width from one key to another."""


@dataclass(frozen=True)
class Estimate:
    """A mean over `n` seeds with its 95 % interval, by Student's t unless said otherwise, and the sample's sd.

    The interval and the sd (with n − 1 in its denominator) are NaN for fewer than two values; the interval also where
    all values are equal: no spread has been seen then, which does not say that there is none.
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


@dataclass(frozen=True)
class Effect(Estimate):
    """What a verdict is about: a mean over seeds, with an interval that covers other seeds and other test images.

    Args:
        image_error: the standard error that the choice of test images adds; 0 where it is not known.
        sampling: how the number of seeds came about, which decides between Student's interval and an anytime-valid one.
        step_variance: what each value could be off by for being a step of a ladder, see `steps`.
        exact: whether values without any spread are exact, as counts of parameters are.
        seeds: where several seeds share a validation split, how many seeds there are; each of the `n` values is then
            the mean over a split's seeds. 0 where each value is one seed's.
        within_error: of these, the part of `seed_error` that comes from the seeds within a split.
    """

    image_error: float = 0.0
    sampling: Sampling = AS_PLANNED
    step_variance: float = 0.0
    exact: bool = False
    seeds: int = 0
    within_error: float = 0.0

    @property
    def count(self) -> str:
        """How many seeds it is over, and how many splits where seeds share them."""
        return f"n = {self.n} splits of {self.seeds} seeds" if self.seeds else f"n = {self.n}"

    @property
    def split_error(self) -> float:
        """The standard error that the choice of validation splits leaves beyond that of the seeds; NaN if unknown."""
        if not self.seeds:
            return math.nan
        return math.sqrt(max(self.seed_error**2 - self.within_error**2, 0.0))

    @property
    def seed_error(self) -> float:
        """The standard error that seeds, and splits where they vary, leave: NaN without any spread, seen or known."""
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

        The half-widths of the two sources of error add in squares (Howe 1974; Graybill & Wang 1980), Student's or the
        anytime-valid one over the seeds, the normal one over the images, of which there are many.
        """
        if math.isnan(self.seed_error):
            return math.nan
        seeds = 0.0 if self.seed_error == 0 else self.sampling.critical(self.n, alpha) * self.seed_error
        return math.hypot(seeds, _normal_critical(alpha) * self.image_error)

    def at(self, alpha: float) -> "Effect":
        """Return the effect with its interval at level 1 − `alpha`."""
        half = self.half_width(alpha)
        return replace(self, low=self.mean - half, high=self.mean + half)

    @property
    def seeds_only(self) -> "Effect":
        """The effect on these very test images: its interval covers other seeds alone."""
        return replace(self, image_error=0.0).at(2 * TAIL)

    def smallest_alpha(self, holds: "Callable[[Estimate], bool]") -> float:
        """Return the smallest alpha at whose interval something `holds` that is lost as intervals grow; 1 for none."""
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
            from scipy import special

            return float(2 * special.stdtr(self.n - 1, -abs(self.mean) / self.seed_error))
        return self.smallest_alpha(lambda each: each.excludes_zero)


SMALLEST_P = 1e-12
"""Smaller p-values are not told apart."""

NO_EFFECT = Effect(math.nan, math.nan, math.nan, 0)


def estimate(values: Sequence[float]) -> Estimate:
    """Return the mean of `values` with its interval; values that are not finite have no place here."""
    n = len(values)
    if n == 0:
        return NO_ESTIMATE
    mean = float(np.mean(values))
    if n == 1:
        return Estimate(mean, math.nan, math.nan, 1)
    sd = _spread(values)
    half = student_critical(n, 2 * TAIL) * sd / math.sqrt(n) if sd else math.nan
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
    """Return the effect whose value in each seed is given, with its 95 % interval; see `Effect` for the rest.

    `splits` are the validation splits of the seeds, where these differ: seeds that share one are no independent sample
    of splits, so that the mean over each split's seeds counts as one value.
    """
    if 1 < len(set(splits)) < len(values):
        return _over_splits(values, splits, image_error, sampling, step_variance, exact)
    n = len(values)
    if n == 0:
        return NO_EFFECT
    mean = float(np.mean(values))
    if n == 1:
        return Effect(mean, math.nan, math.nan, 1)
    found = Effect(mean, math.nan, math.nan, n, _spread(values), image_error, sampling, step_variance, exact)
    return found.at(2 * TAIL)


def _over_splits(
    values: Sequence[float],
    splits: Sequence[int],
    image_error: float,
    sampling: Sampling,
    step_variance: float,
    exact: bool,
) -> Effect:
    """Return the effect over the splits' means, with the error of the seeds within them by analysis of variance."""
    grouped: dict[int, list[float]] = {}
    for split, value in zip(splits, values, strict=True):
        grouped.setdefault(split, []).append(value)
    groups = list(grouped.values())
    squares = sum(float(np.var(group)) * len(group) for group in groups)
    variance = squares / (len(values) - len(groups))
    within = math.sqrt(variance * sum(1 / len(group) for group in groups)) / len(groups)
    effect = effect_of(
        without_rounding([float(np.mean(group)) for group in groups], values),
        image_error=image_error,
        # What is planned are seeds; more of them than planned are looks at the splits' means on the way.
        sampling=Sampling(looked=sampling.is_anytime(len(values))),
        step_variance=step_variance / min(map(len, groups)),
        exact=exact,
    )
    return replace(effect, seeds=len(values), within_error=within)


def steps(*sizes: float) -> float:
    """Return the variance of a sum of values that are known in steps of these sizes: of each its square over twelve.

    That of a value that may lie anywhere within its step (Sheppard's correction has it the other way round). It keeps
    values that happen to be equal from looking certain: accuracies of a small test set, limits on a ladder of levels,
    runs that diverged or did not.
    """
    return sum(size**2 for size in sizes) / 12


def _spread(values: Sequence[float]) -> float:
    """Return the standard deviation; exactly zero for equal values, whose computed mean may be off by a rounding."""
    return 0.0 if max(values) == min(values) else float(np.std(values, ddof=1))


@lru_cache(maxsize=4096)
def _normal_critical(alpha: float) -> float:
    from scipy import special

    return float(-special.ndtri(alpha / 2))


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

    Differences that are apart by no more than the rounding of what they were computed from are made equal. Accuracies
    are recorded in single precision: 0.3 − 0.2 is not 0.2 − 0.1 there, and a t test of such a difference would find
    certainty in noise.
    """
    seeds = sorted(arm.keys() & reference.keys())
    return without_rounding([arm[s] - reference[s] for s in seeds], [v for s in seeds for v in (arm[s], reference[s])])


def without_rounding(values: Sequence[float], computed_from: Sequence[float]) -> list[float]:
    """Return values that are apart by no more than single precision's rounding of `computed_from` as equal ones."""
    if not values:
        return []
    rounding = 4 * float(np.finfo(np.float32).eps) * max(map(abs, computed_from))
    if max(values) - min(values) <= rounding:
        return [float(np.median(values))] * len(values)
    return list(values)
