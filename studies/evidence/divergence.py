"""The risk that a run diverges, and the difference of two arms' risks with its exact interval."""

import numpy as np

from studies.evidence.estimate import NO_ESTIMATE, TAIL, Estimate

_GRID = 401
"""Risks at which the nuisance parameter is tried."""


def risk_difference(first: int, of_first: int, second: int, of_second: int) -> Estimate:
    """Return the difference of two risks, `first` of `of_first` runs less `second` of `of_second`, with its interval.

    The 95 % interval is exact and unconditional (Santner & Snell 1980; Chan & Zhang 1999 for the search over the
    nuisance parameter): a difference lies in it where the data's or a more extreme one has a chance above 2.5 % at some
    pair of risks that differ by so much. The runs of a seed are taken as independent; that they share data and initial
    weights makes both more often diverge together, and the interval longer than it need be.
    """
    if not of_first or not of_second:
        return NO_ESTIMATE
    observed = first / of_first - second / of_second
    high = -_lowest(of_second, of_first, -observed)
    return Estimate(observed, _lowest(of_first, of_second, observed), high, of_first + of_second)


def _lowest(of_first: int, of_second: int, observed: float) -> float:
    """Return the least difference at which one as high as `observed` or higher is not too improbable."""
    if observed <= -1:
        return -1.0
    low, high = -1.0, observed
    while high - low > 1e-4:
        middle = (low + high) / 2
        low, high = (middle, high) if _chance(of_first, of_second, observed, middle) < TAIL else (low, middle)
    return low


def _chance(of_first: int, of_second: int, observed: float, difference: float) -> float:
    """Return the largest chance of a difference of at least `observed`, over the pairs of risks that differ so much."""
    from scipy import special

    second = np.linspace(max(0.0, -difference), min(1.0, 1 - difference), _GRID)
    one, other = np.arange(of_first + 1), np.arange(of_second + 1)
    mass = [
        special.binom(n, counts)[:, None] * p ** counts[:, None] * (1 - p) ** (n - counts)[:, None]
        for n, counts, p in ((of_first, one, second + difference), (of_second, other, second))
    ]
    as_high = one[:, None] / of_first - other / of_second >= observed - 1e-12
    return float(np.einsum("ig,jg,ij->g", mass[0], mass[1], as_high.astype(float)).max())
