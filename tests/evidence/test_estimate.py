"""Intervals against scipy, and their coverage by simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from litmus.evidence.estimate import (
    Sampling,
    anytime_critical,
    effect_of,
    estimate,
    mixture_precision,
    proportion,
    risk_difference,
    step_variance,
    without_rounding,
)

FLOATS = st.floats(-100, 100)


@given(st.lists(FLOATS, min_size=2, max_size=30))
def test_the_interval_is_students(values: list[float]) -> None:
    result = estimate(values)
    assert result.n == len(values)
    assert result.mean == pytest.approx(np.mean(values), abs=1e-9)
    error = float(stats.sem(values))
    if not error:
        assert math.isnan(result.low)
    if error > 1e-9:
        assert result.sd == pytest.approx(np.std(values, ddof=1))
        low, high = stats.t.interval(0.95, len(values) - 1, loc=np.mean(values), scale=error)
        assert (result.low, result.high) == pytest.approx((low, high), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(
    ("treated", "baseline"),
    [
        ([0.3, 0.2, 0.1], [0.2, 0.1, 0.0]),
        # As records keep accuracies: in single precision.
        *[[[float(np.float32(n / 360)) for n in ns] for ns in ((355, 250, 42), (350, 245, 37))]],
    ],
)
def test_differences_apart_by_the_rounding_of_a_subtraction_are_equal(
    treated: list[float], baseline: list[float]
) -> None:
    differences = [one - other for one, other in zip(treated, baseline, strict=True)]
    assert len(set(differences)) > 1
    assert len(set(without_rounding(differences, treated + baseline))) == 1
    differences[1] += 1e-5
    assert without_rounding(differences, treated + baseline) == differences


def test_one_value_has_no_interval_and_none_has_no_mean() -> None:
    assert estimate([3.0]).mean == 3.0
    assert math.isnan(estimate([3.0]).low)
    assert not estimate([3.0]).excludes_zero
    assert math.isnan(estimate([]).mean)
    assert effect_of([]).n == 0
    assert math.isnan(effect_of([1.0]).p_value)


def test_intervals_cover_and_p_values_find_nothing_as_often_as_they_say() -> None:
    samples = np.random.default_rng(1).normal(0.0, 3.0, (4000, 3))
    effects = [effect_of(list(row)) for row in samples]
    # The standard error of a share of 0.95 over 4000 is 0.0034.
    assert np.mean([each.low <= 0 <= each.high for each in effects]) == pytest.approx(0.95, abs=0.012)
    assert [each.p_value < 0.05 for each in effects] == [each.excludes_zero for each in effects]


def test_values_without_any_spread_have_no_interval() -> None:
    """Three seeds that are each one image better say nothing of how much others may differ."""
    assert math.isnan(effect_of([1 / 360] * 3).low)
    assert math.isnan(effect_of([1 / 360] * 3).p_value)
    assert effect_of([0.0] * 3).p_value == 1
    assert effect_of([7.0] * 3, exact=True).excludes_zero
    known = effect_of([1 / 360] * 3, step_variance=step_variance(1 / 360, -1 / 360))
    assert known.low < 0 < known.high
    assert effect_of([5 / 360] * 3, step_variance=step_variance(1 / 360, -1 / 360)).excludes_zero


def test_the_errors_of_seeds_and_images_add_in_squares() -> None:
    values = [0.01, 0.03, 0.02, 0.04]
    alone, both = effect_of(values), effect_of(values, image_error=0.01)
    assert alone.p_value == pytest.approx(float(stats.ttest_1samp(values, 0).pvalue))
    assert both.high - both.mean == pytest.approx(math.hypot(alone.high - alone.mean, stats.norm.isf(0.025) * 0.01))
    assert both.p_value > alone.p_value
    assert both.at(both.p_value * 1.001).excludes_zero
    assert not both.at(both.p_value * 0.999).excludes_zero
    assert both.seeds_only.low == pytest.approx(alone.low)
    assert both.standard_error == pytest.approx(math.hypot(alone.standard_error, 0.01))


def test_seeds_of_one_split_are_no_independent_sample_of_splits() -> None:
    values, splits = [1.0, 1.2, 3.0, 3.2, 5.0, 5.2], [0, 0, 1, 1, 2, 2]
    over_splits, by_hand = effect_of(values, splits=splits), estimate([1.1, 3.1, 5.1])
    assert (over_splits.mean, over_splits.low, over_splits.high) == pytest.approx(
        (by_hand.mean, by_hand.low, by_hand.high)
    )
    assert over_splits.count == "n = 3 splits of 6 seeds"
    # A split of its own for each seed, or one for all, leaves the seeds as they are.
    alone = effect_of(values)
    assert effect_of(values, splits=range(6)) == effect_of(values, splits=[0] * 6) == alone
    assert alone.count == "n = 6"
    # Seeds beyond the plan are looks on the way, at the splits' means too.
    beyond = effect_of(values, splits=splits, sampling=Sampling(4))
    assert beyond.high - beyond.low > 2 * (over_splits.high - over_splits.low)


@pytest.mark.parametrize(("n", "precision"), [(4, 0.2), (10, 1.5)])
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
    values = np.random.default_rng(1).normal(size=(4000, 20))
    n = np.arange(1, 21)
    mean = values.cumsum(1) / n
    spread = np.sqrt(((values**2).cumsum(1) - n * mean**2)[:, 1:] / (n[1:] - 1))
    statistic = np.abs(mean[:, 1:]) / spread * np.sqrt(n[1:])
    anytime = [anytime_critical(int(each), 0.05, mixture_precision(5)) for each in n[1:]]
    fixed = [float(stats.t.isf(0.025, each - 1)) for each in n[1:]]
    assert (statistic > anytime).any(1).mean() < 0.05
    assert (statistic > fixed).any(1).mean() > 0.2  # what it is for


def test_the_tuned_precision_is_the_best_at_its_number() -> None:
    for planned in (5, 30):
        best = anytime_critical(planned, 0.05, mixture_precision(planned))
        others = [anytime_critical(planned, 0.05, mixture_precision(planned) * factor) for factor in (0.8, 1.25)]
        assert best < min(others)


def test_only_as_many_seeds_as_planned_looked_at_once_are_judged_by_student() -> None:
    values = [0.02, 0.03, 0.025, 0.035, 0.03, 0.02]
    student = estimate(values)
    for sampling in (Sampling(), Sampling(6)):
        found = effect_of(values, sampling=sampling)
        assert (found.low, found.high) == pytest.approx((student.low, student.high))
    for sampling in (Sampling(4), Sampling(6, looked=True)):
        found = effect_of(values, sampling=sampling)
        assert found.high - found.low > 1.4 * (student.high - student.low)
        assert effect_of(values).p_value < found.p_value < 0.05
    assert Sampling(planned=8, looked=True).critical(2, 0.05) == math.inf


@pytest.mark.parametrize(("count", "n"), [(0, 5), (1, 5), (5, 5), (3, 17)])
def test_proportions_have_clopper_and_pearsons_interval(count: int, n: int) -> None:
    result = proportion(count, n)
    exact = stats.binomtest(count, n).proportion_ci(0.95, method="exact")
    assert (result.low, result.high) == pytest.approx((exact.low, exact.high), abs=1e-9)
    assert (result.mean, result.n) == (count / n, n)
    assert proportion(0, 0).n == 0


def test_the_interval_of_a_difference_of_risks_is_agresti_and_caffos() -> None:
    found = risk_difference(4, 5, 1, 7)
    assert (found.mean, found.n) == (pytest.approx(4 / 5 - 1 / 7), 12)
    error = math.sqrt(5 / 7 * 2 / 7 / 7 + 2 / 9 * 7 / 9 / 9)
    half = stats.norm.isf(0.025) * error
    assert (found.low, found.high) == pytest.approx((5 / 7 - 2 / 9 - half, 5 / 7 - 2 / 9 + half))
    assert risk_difference(5, 5, 0, 5).excludes_zero
    assert not risk_difference(2, 5, 0, 5).excludes_zero
    assert risk_difference(1, 3, 0, 0).n == 0
