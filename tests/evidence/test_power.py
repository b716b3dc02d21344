"""Power of the paired t test against statsmodels, another integral, and simulation."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import integrate, stats
from statsmodels.stats.power import TTestPower

from litmus.core.errors import UserError
from litmus.evidence.estimate import Sampling, effect_of
from litmus.evidence.power import (
    detectable,
    paired_t_power,
    sd_interval,
    seeds_needed,
    seeds_to_decide,
)

VALUES = [0.04, -0.01, 0.02, -0.02, 0.03]
"""Differences by seed whose mean, 0.01, five seeds do not show."""
MOST = 10_000


@pytest.mark.parametrize("n", [3, 5, 10, 40, 300])
@pytest.mark.parametrize("effect", [0.0, 0.15, 0.3])
def test_power_is_that_of_statsmodels(n: int, effect: float) -> None:
    assert paired_t_power(effect, n) == pytest.approx(TTestPower().power(effect, n, 0.05), abs=1e-6)
    assert paired_t_power(-effect, n) == pytest.approx(paired_t_power(effect, n))


@pytest.mark.parametrize(("n", "alpha"), [(2, 0.05), (2, 0.05 / 30), (3, 0.05 / 30), (5, 1e-4), (30, 0.3)])
@pytest.mark.parametrize("share", [0.5, 1.0, 1.3])
def test_power_is_right_where_scipys_noncentral_t_is_not(n: int, alpha: float, share: float) -> None:
    critical, freedom = float(stats.t.isf(alpha / 2, n - 1)), n - 1
    shift = share * critical

    def above(variance: float) -> float:
        threshold = critical * math.sqrt(variance / freedom)
        return float(stats.norm.sf(threshold - shift) + stats.norm.cdf(-threshold - shift))

    # Over the quantiles of the variance, in which the integrand is bounded.
    expected = integrate.quad(lambda q: above(float(stats.chi2.ppf(q, freedom))), 0, 1, limit=400)[0]
    assert paired_t_power(shift / math.sqrt(n), n, alpha) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("n", [3, 5, 12])
def test_the_minimum_detectable_effect_is_found_as_often_as_it_says(n: int) -> None:
    effect = detectable(2.0 / math.sqrt(n), n - 1)
    assert effect == pytest.approx(2 * TTestPower().solve_power(nobs=n, alpha=0.05, power=0.8), rel=1e-4)
    samples = np.random.default_rng(0).normal(effect, 2.0, (20_000, n))
    found = np.mean(stats.ttest_1samp(samples, 0, axis=1).pvalue < 0.05)
    assert found == pytest.approx(0.8, abs=4 * math.sqrt(0.16 / 20_000))


@pytest.mark.parametrize("alpha", [0.05, 0.05 / 11])
@pytest.mark.parametrize("ratio", [0.3, 1.0, 3.0, 50.0, 1e4])
def test_seeds_needed_is_the_least_number(ratio: float, alpha: float) -> None:
    n = seeds_needed(1.0, ratio, alpha=alpha)
    assert paired_t_power(ratio, n, alpha) >= 0.8
    assert n == 2 or paired_t_power(ratio, n - 1, alpha) < 0.8


def test_the_ends_of_what_can_be_needed_and_detected() -> None:
    assert math.isnan(detectable(math.nan, 0))
    assert math.isfinite(detectable(1.0, 1, alpha=0.05 / 40))
    assert all(math.isnan(end) for end in sd_interval(math.nan, 1))
    assert seeds_needed(0.0, 1.0) == 2
    for effect in (0.0, -1.0, math.nan):
        with pytest.raises(UserError, match="effect must be greater than 0"):
            seeds_needed(1.0, effect)
    with pytest.raises(UserError, match="power must lie"):
        seeds_needed(1.0, 1.0, power=1.0)
    with pytest.raises(UserError, match="takes over"):
        seeds_needed(1.0, 1e-6)


@pytest.mark.parametrize("n", [2, 3, 8])
def test_the_interval_of_the_sd_covers_it(n: int) -> None:
    sds = np.random.default_rng(1).normal(0, 3.0, (4000, n)).std(1, ddof=1)
    intervals = np.array([sd_interval(float(sd), n) for sd in sds])
    assert np.mean((intervals[:, 0] <= 3) & (intervals[:, 1] >= 3)) == pytest.approx(0.95, abs=0.012)
    # Both tails, not one of them.
    assert np.mean(intervals[:, 0] > 3) == pytest.approx(0.025, abs=0.009)


def test_the_seeds_to_decide_are_about_those_of_the_power_analysis() -> None:
    effect = effect_of(VALUES)
    within, beyond = (seeds_to_decide(each, 0.01, MOST) for each in (effect, replace(effect, sampling=Sampling(5))))
    assert within == pytest.approx(seeds_needed(effect.sd, 0.01), abs=2)
    assert beyond is not None
    assert beyond > within


@pytest.mark.parametrize("sampling", [Sampling(), Sampling(planned=5), Sampling(planned=5, looked=True)])
def test_so_many_seeds_decide_and_one_less_does_not(sampling: Sampling) -> None:
    effect = effect_of(VALUES, image_error=0.002, sampling=sampling)
    found = seeds_to_decide(effect, 0.01, MOST)
    assert found is not None
    for seeds, enough in ((found, True), (found - 1, False)):
        more_seeds = replace(effect, n=seeds)
        assert (more_seeds.half_width(0.05) + 0.8416 * more_seeds.seed_error <= 0.01 + 1e-6) is enough


def test_no_number_of_seeds_makes_the_test_set_larger() -> None:
    assert seeds_to_decide(effect_of(VALUES, image_error=0.02), 0.01, MOST) is None
    assert seeds_to_decide(effect_of([value - 0.01 for value in VALUES]), 0.0, MOST) is None
