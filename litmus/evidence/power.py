"""The power of the paired t test, and the number of seeds or the effect that it needs."""

import math
from collections.abc import Callable

import numpy as np
from scipy import optimize, stats

from litmus.core.errors import UserError, require_positive
from litmus.evidence.estimate import ALPHA, POWER, TAIL, Effect, step_variance

MOST_SEEDS = 10_000_000
"""Beyond this nobody looks for the number."""
WIDTH = 8.5
"""In sds: a normal variable lies beyond this with a chance below 1e-16."""
TYPICAL_SD = {0: 0.017, 5000: 0.004}
"""The sd over seeds of the difference of two arms' accuracies, from so many test images on, where no records tell.

Small test sets: `python -m benchmarks.typical_spread`. Large ones come with large training sets; there single runs of
ResNets on CIFAR-10 have 0.16 (He et al. 2015, table 6) to 0.5 points.
"""
TYPICAL_IMAGE_VARIANCE = 0.03
"""The part of the test images on which two arms answer differently whatever the seed."""
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(256)


def paired_t_power(standardised: float, n: int, alpha: float = ALPHA) -> float:
    """Return the chance that a two-sided paired t test at level `alpha` over `n` pairs finds an effect.

    `standardised` is the true mean difference over the true sd of the differences. Exact for normal differences: the
    test statistic is noncentral t with n − 1 degrees of freedom and noncentrality standardised × √n.
    """
    return t_power(standardised * math.sqrt(n), n - 1, alpha)


def t_power(shift: float, freedom: float, alpha: float) -> float:
    """Return the chance that a two-sided t test at level `alpha` finds an effect of `shift` standard errors."""
    critical = float(stats.t.isf(alpha / 2, freedom))
    return min(_noncentral_t_tail(critical, freedom, shift) + _noncentral_t_tail(critical, freedom, -shift), 1.0)


def _noncentral_t_tail(critical: float, freedom: float, shift: float) -> float:
    """Return P(T > critical) for noncentral t: T = (Z + shift) / S, Z normal, S² chi-square over its `freedom`.

    Integrated here because `scipy.stats.nct` (1.17) returns NaN or a wrong value at few degrees of freedom and at
    small levels, where three seeds and Holm's correction are. P is the mean of P(S < (Z + shift) / critical) over Z,
    and that of P(Z > critical S − shift) over S: the one is taken whose integrand is the smoother.
    """
    if critical > math.sqrt(2 * freedom):
        return _integral(
            lambda z: stats.norm.pdf(z) * stats.chi2.cdf(freedom * ((z + shift) / critical) ** 2, freedom),
            max(-WIDTH, -shift),
            WIDTH,
        )
    scale = 1 / math.sqrt(freedom)
    low, high = (scale * float(stats.chi.ppf(share, freedom)) for share in (1e-15, 1 - 1e-15))
    return _integral(lambda s: stats.chi.pdf(s, freedom, scale=scale) * stats.norm.sf(critical * s - shift), low, high)


def _integral(function: Callable[[np.ndarray], np.ndarray], low: float, high: float) -> float:
    """Return the integral of a smooth function by Gauss–Legendre, zero where `low` is not below `high`."""
    half = max(high - low, 0.0) / 2
    return float(half * _WEIGHTS @ function(low + half * (_NODES + 1)))


def detectable(standard_error: float, freedom: float, power: float = POWER, alpha: float = ALPHA) -> float:
    """Return the least effect that a t test of this standard error finds with this power, in its unit; NaN for NaN."""
    _check(power, alpha)
    if math.isnan(standard_error):
        return math.nan
    upper = 1.0
    while t_power(upper, freedom, alpha) < power:
        upper *= 2
    shift = optimize.brentq(lambda shift: t_power(shift, freedom, alpha) - power, 0.0, upper, xtol=1e-12)
    return standard_error * float(shift)


def seeds_needed(sd_of_differences: float, effect: float, power: float = POWER, alpha: float = ALPHA) -> int:
    """Return the fewest pairs with which a two-sided paired t test finds a mean difference of `effect`.

    `effect` is in the unit of `sd_of_differences`. Two pairs are the least that can be tested at all. Raises
    `UserError` for an effect that is not greater than zero, and where the number is beyond ten million.
    """
    _check(power, alpha)
    require_positive(effect=effect)
    if sd_of_differences == 0:
        return 2
    standardised = effect / sd_of_differences
    enough = 2
    while paired_t_power(standardised, enough, alpha) < power:
        enough *= 2
        if enough > MOST_SEEDS:
            raise UserError(
                f"an effect of {effect:g} with an sd of {sd_of_differences:g} takes over {MOST_SEEDS} seeds"
            )
    return _fewest(lambda n: paired_t_power(standardised, n, alpha) >= power, enough // 2, enough)


def seeds_to_decide(effect: Effect, distance: float, most: int, alpha: float = ALPHA) -> int | None:
    """Return the fewest seeds whose interval at level 1 − `alpha` is, with 80 % power, narrower than `distance`.

    `distance` is that of the effect from where its verdict changes. The errors are those of `effect`, in which that of
    the test images does not shrink with seeds. Beyond the planned number the interval is the anytime-valid one, as it
    will be. None where more than `most` seeds would be needed.
    """
    quantile = float(stats.norm.ppf(POWER))

    def decides(n: int) -> bool:
        larger = effect.with_seeds(n)
        return larger.half_width(alpha) + quantile * larger.seed_error <= distance

    return _fewest(decides, effect.n, most) if distance > 0 and decides(most) else None


def typical_effect(images: int) -> Effect:
    """Return the errors of a difference of two accuracies on so many test images, for one seed."""
    sd = next(sd for least, sd in sorted(TYPICAL_SD.items(), reverse=True) if images >= least)
    error = math.sqrt(TYPICAL_IMAGE_VARIANCE / images)
    return Effect(0.0, math.nan, math.nan, 1, sd, error, step_variance=step_variance(1 / images, 1 / images))


def _fewest(enough: Callable[[int], bool], low: int, high: int) -> int:
    """Return the least number above `low` that is enough, by bisection; `high` is."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def sd_interval(sd: float, n: int) -> tuple[float, float]:
    """Return the 95 % interval (low, high) of the true sd of normal values, given the sd of `n` of them.

    By the chi-square distribution of the sample's variance; NaN for fewer than two values.
    """
    if n < 2:
        return math.nan, math.nan
    freedom = n - 1
    return (
        sd * math.sqrt(freedom / float(stats.chi2.isf(TAIL, freedom))),
        sd * math.sqrt(freedom / float(stats.chi2.ppf(TAIL, freedom))),
    )


def _check(power: float, alpha: float) -> None:
    if not 0 < alpha < power < 1:
        raise UserError(f"power must lie between alpha ({alpha:g}) and 1, got {power:g}")
