"""Intervals against scipy, and their coverage by simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from litmus.evidence.estimate import (
    Sampling,
    bca_interval,
    confidence_sequence,
    effect_of,
    estimate,
    paired_difference,
    paired_differences,
    proportion,
    steps,
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
        low, high = stats.t.interval(0.95, len(values) - 1, loc=np.mean(values), scale=error)
        assert (result.low, result.high) == pytest.approx((low, high), rel=1e-6, abs=1e-9)


@given(st.dictionaries(st.integers(0, 9), FLOATS), st.dictionaries(st.integers(0, 9), FLOATS))
def test_differences_are_paired_by_seed(treated: dict[int, float], baseline: dict[int, float]) -> None:
    result = paired_difference(treated, baseline)
    shared = treated.keys() & baseline.keys()
    assert result.n == len(shared)
    if len(shared) >= 2:
        expected = estimate([treated[seed] - baseline[seed] for seed in sorted(shared)])
        assert result.mean == pytest.approx(expected.mean, abs=1e-4)
        # Below that the differences are those of single precision's rounding.
        if expected.sd > 1e-3:
            assert (result.low, result.high) == pytest.approx((expected.low, expected.high), rel=1e-9, abs=1e-11)


def test_differences_apart_by_the_rounding_of_a_subtraction_are_equal() -> None:
    treated, baseline = {0: 0.3, 1: 0.2, 2: 0.1}, {0: 0.2, 1: 0.1, 2: 0.0}
    assert len({treated[seed] - baseline[seed] for seed in treated}) > 1
    assert len(set(paired_differences(treated, baseline))) == 1
    # As records keep accuracies: in single precision.
    single, lower = (
        {s: float(np.float32(n / 360)) for s, n in enumerate(ns)} for ns in ((355, 250, 42), (350, 245, 37))
    )
    assert len({single[seed] - lower[seed] for seed in single}) > 1
    assert len(set(paired_differences(single, lower))) == 1
    treated[1] += 1e-5
    assert len(set(paired_differences(treated, baseline))) > 1


def test_pairing_removes_what_seeds_share() -> None:
    seeds = np.random.default_rng(0)
    shared = seeds.normal(0, 10, 5)
    baseline = dict(enumerate(shared))
    treated = {seed: value + 1 + seeds.normal(0, 0.1) for seed, value in baseline.items()}
    paired = paired_difference(treated, baseline)
    assert paired.excludes_zero
    assert paired.high - paired.low < 1
    assert estimate(list(treated.values())).high - estimate(list(treated.values())).low > 5


def test_one_value_has_no_interval_and_none_has_no_mean() -> None:
    assert estimate([3.0]).mean == 3.0
    assert math.isnan(estimate([3.0]).low)
    assert not estimate([3.0]).excludes_zero
    assert math.isnan(estimate([]).mean)


@pytest.mark.parametrize("n", [3, 5])
def test_intervals_cover_as_often_as_they_say(n: int) -> None:
    samples = np.random.default_rng(1).normal(2.0, 3.0, (4000, n))
    covered = np.mean([estimate(list(row)).low <= 2.0 <= estimate(list(row)).high for row in samples])
    # The standard error of a share of 0.95 over 4000 is 0.0034.
    assert covered == pytest.approx(0.95, abs=0.012)


def test_values_without_any_spread_have_no_interval() -> None:
    """Three seeds that are each one image better say nothing of how much others may differ."""
    assert math.isnan(effect_of([1 / 360] * 3).low)
    assert math.isnan(effect_of([1 / 360] * 3).p_value)
    assert effect_of([0.0] * 3).p_value == 1
    assert effect_of([7.0] * 3, exact=True).excludes_zero
    known = effect_of([1 / 360] * 3, step_variance=steps(1 / 360, -1 / 360))
    assert known.low < 0 < known.high
    assert effect_of([5 / 360] * 3, step_variance=steps(1 / 360, -1 / 360)).excludes_zero


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


def test_more_seeds_than_planned_have_an_interval_that_holds_at_every_number() -> None:
    values = [0.02, 0.03, 0.025, 0.035, 0.03, 0.02]
    plain, added = effect_of(values, sampling=Sampling(6)), effect_of(values, sampling=Sampling(4))
    assert (plain.low, plain.high) == pytest.approx((estimate(values).low, estimate(values).high))
    assert (added.low, added.high) == pytest.approx(confidence_sequence(values, planned=4))
    assert plain.p_value < added.p_value < 0.05


def test_the_sd_is_that_of_the_sample() -> None:
    assert estimate([1.0, 2.0, 4.0]).sd == pytest.approx(np.std([1, 2, 4], ddof=1))
    assert math.isnan(estimate([1.0]).sd)


def test_bca_is_efrons_formula() -> None:
    values = list(np.random.default_rng(2).exponential(1.0, 12))
    draws = np.random.default_rng(3).choice(values, (200_000, 12)).mean(1)
    bias = stats.norm.ppf(np.mean(draws < np.mean(values)))
    left_out = np.array([np.mean(np.delete(values, index)) for index in range(12)])
    pull = left_out.mean() - left_out
    acceleration = (pull**3).sum() / (6 * (pull**2).sum() ** 1.5)
    z = bias + stats.norm.ppf([0.025, 0.975])
    expected = np.quantile(draws, stats.norm.cdf(bias + z / (1 - acceleration * z)))
    low, high = bca_interval(values)
    assert (low, high) == pytest.approx(tuple(expected), abs=0.04 * (high - low))
    # The percentile interval, without the correction, is another one.
    assert abs(np.quantile(draws, 0.975) - high) > 0.05 * (high - low)


def test_bca_of_the_same_data_is_the_same_in_any_order() -> None:
    values = list(np.random.default_rng(6).normal(0, 1, 20))
    assert bca_interval(values) == bca_interval(values) == bca_interval(values[::-1])


def test_bca_of_too_few_or_equal_values() -> None:
    assert all(math.isnan(end) for end in bca_interval([1.0, 2.0]))
    assert bca_interval([0.1, 0.1, 0.1]) == (0.1, 0.1)


@pytest.mark.parametrize(("n", "share"), [(5, 0.84), (30, 0.935)])
def test_bca_covers_normal_values_as_documented(n: int, share: float) -> None:
    samples = np.random.default_rng(4).normal(2.0, 1.0, (800, n))
    intervals = [bca_interval(list(row), resamples=999) for row in samples]
    covered = np.mean([low <= 2.0 <= high for low, high in intervals])
    assert covered == pytest.approx(share, abs=3 * math.sqrt(share * (1 - share) / 800))


@pytest.mark.parametrize(("count", "n"), [(0, 5), (1, 5), (5, 5), (3, 17), (0, 1)])
def test_proportions_have_clopper_and_pearsons_interval(count: int, n: int) -> None:
    result = proportion(count, n)
    exact = stats.binomtest(count, n).proportion_ci(0.95, method="exact")
    assert (result.low, result.high) == pytest.approx((exact.low, exact.high), abs=1e-9)
    assert (result.mean, result.n) == (count / n, n)


def test_a_proportion_of_nothing_is_none() -> None:
    assert proportion(0, 0).n == 0
    assert math.isnan(proportion(0, 0).low)


def test_seeds_of_one_split_are_no_independent_sample_of_splits() -> None:
    values, splits = [1.0, 1.2, 3.0, 3.2, 5.0, 5.2], [0, 0, 1, 1, 2, 2]
    over_splits = effect_of(values, splits=splits)
    by_hand = estimate([1.1, 3.1, 5.1])
    assert (over_splits.mean, over_splits.low, over_splits.high) == pytest.approx(
        (by_hand.mean, by_hand.low, by_hand.high)
    )
    assert over_splits.count == "n = 3 splits of 6 seeds"
    # The seeds within a split differ by 0.2: a variance of 0.02, over six seeds.
    assert over_splits.within_error == pytest.approx(math.sqrt(0.02 / 6))
    assert over_splits.split_error == pytest.approx(math.sqrt(over_splits.seed_error**2 - 0.02 / 6))
    # A split of its own for each seed, or one for all, leaves the seeds as they are.
    alone = effect_of(values)
    assert effect_of(values, splits=range(6)) == effect_of(values, splits=[0] * 6) == alone
    assert alone.count == "n = 6"
    # Seeds beyond the plan are looks on the way, at the splits' means too.
    beyond = effect_of(values, splits=splits, sampling=Sampling(4))
    assert beyond.high - beyond.low > 2 * (over_splits.high - over_splits.low)
