"""What a paired comparison can show: the power of the paired t test, and the seeds or the effect that it takes."""

import math
from collections.abc import Callable

import numpy as np
from scipy import optimize, stats

from litmus.core.errors import UserError, require_positive
from litmus.evidence.estimate import TAIL

ALPHA = 0.05
POWER = 0.8

MOST_SEEDS = 10_000_000
"""Beyond this nobody looks for the number."""

WIDTH = 8.5
"""In sds: what a normal variable has beyond this is below 1e-16."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(256)


def paired_t_power(standardised: float, n: int, alpha: float = ALPHA) -> float:
    """Return the chance that a two-sided paired t test at level `alpha` over `n` pairs finds an effect.

    `standardised` is the true mean difference over the true sd of the differences. Exact for normal differences: the
    test statistic is noncentral t with n − 1 degrees of freedom and noncentrality standardised × √n.
    """
    critical = float(stats.t.isf(alpha / 2, n - 1))
    shift = standardised * math.sqrt(n)
    return min(_exceeds(critical, n - 1, shift) + _exceeds(critical, n - 1, -shift), 1.0)


def _exceeds(critical: float, freedom: int, shift: float) -> float:
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


def minimum_detectable_effect(sd: float, n: int, power: float = POWER, alpha: float = ALPHA) -> float:
    """Return the least mean difference that a paired t test over `n` pairs finds with this power, in the unit of `sd`.

    `sd` is that of the paired differences. NaN for fewer than two pairs or where `sd` is.
    """
    _check(power, alpha)
    if n < 2 or math.isnan(sd):
        return math.nan
    upper = 1.0
    while paired_t_power(upper, n, alpha) < power:
        upper *= 2
    return sd * float(optimize.brentq(lambda effect: paired_t_power(effect, n, alpha) - power, 0.0, upper, xtol=1e-12))


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
    too_few, enough = 1, 2
    while paired_t_power(standardised, enough, alpha) < power:
        too_few, enough = enough, 2 * enough
        if enough > MOST_SEEDS:
            raise UserError(
                f"an effect of {effect:g} beside an sd of {sd_of_differences:g} takes over {MOST_SEEDS} seeds"
            )
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        if paired_t_power(standardised, middle, alpha) < power:
            too_few = middle
        else:
            enough = middle
    return enough


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
