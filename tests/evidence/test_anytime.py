"""Intervals that hold at every number of seeds at once: against a mixture by quadrature, and by simulation."""

import math

import numpy as np
import pytest
from scipy import integrate, stats

from litmus.evidence.estimate import Sampling, anytime_critical, confidence_sequence, estimate, mixture_precision


@pytest.mark.parametrize(("n", "precision"), [(4, 0.2), (10, 0.2), (10, 1.5)])
def test_at_the_critical_value_the_mixture_of_likelihoods_is_one_over_alpha(n: int, precision: float) -> None:
    """The likelihood ratio of Student's statistic with an effect to that without, mixed over effects by quadrature."""
    alpha = 0.05
    critical = anytime_critical(n, alpha, precision)

    def density(effect: float) -> float:
        ratio = stats.nct.pdf(critical, n - 1, effect * math.sqrt(n)) / stats.t.pdf(critical, n - 1)
        return float(ratio * stats.norm.pdf(effect, scale=1 / math.sqrt(precision)))

    mixed, _ = integrate.quad(density, -30, 30, limit=400, points=[0, critical / math.sqrt(n)])
    # The two-sided process depends on t through its square, the statistic's density on its sign: the mixture is even.
    assert mixed == pytest.approx(1 / alpha, rel=1e-3)


def test_looking_after_every_seed_errs_no_more_often_than_stated() -> None:
    generator = np.random.default_rng(1)
    values = generator.normal(size=(4000, 20))
    n = np.arange(1, 21)
    mean = values.cumsum(1) / n
    spread = np.sqrt(((values**2).cumsum(1) - n * mean**2)[:, 1:] / (n[1:] - 1))
    statistic = np.abs(mean[:, 1:]) / spread * np.sqrt(n[1:])
    anytime = [anytime_critical(int(each), 0.05, mixture_precision(5)) for each in n[1:]]
    fixed = [float(stats.t.isf(0.025, each - 1)) for each in n[1:]]
    assert (statistic > anytime).any(1).mean() < 0.05
    assert (statistic > fixed).any(1).mean() > 0.2  # what it is for


def test_the_interval_is_the_mean_and_its_critical_value() -> None:
    values = [0.2, 0.5, 0.3, 0.4, 0.6]
    low, high = confidence_sequence(values)
    half = anytime_critical(5, 0.05, mixture_precision(5)) * np.std(values, ddof=1) / math.sqrt(5)
    assert (low, high) == pytest.approx((0.4 - half, 0.4 + half))
    plain = estimate(values)
    assert low < plain.low
    assert plain.high < high
    assert confidence_sequence([0.3]) == (-math.inf, math.inf)


def test_the_tuned_precision_is_the_best_at_its_number() -> None:
    for planned in (5, 12, 30):
        best = anytime_critical(planned, 0.05, mixture_precision(planned))
        others = [anytime_critical(planned, 0.05, mixture_precision(planned) * factor) for factor in (0.8, 1.25)]
        assert best < min(others)


def test_only_as_many_seeds_as_planned_looked_at_once_are_judged_by_student() -> None:
    student = stats.t.isf(0.025, 4)
    assert Sampling().critical(5, 0.05) == pytest.approx(student)
    assert Sampling(planned=5).critical(5, 0.05) == pytest.approx(student)
    assert Sampling(planned=4).critical(5, 0.05) > 1.5 * student
    assert Sampling(planned=5, looked=True).critical(5, 0.05) > 1.5 * student
    assert Sampling(planned=8, looked=True).critical(2, 0.05) == math.inf
