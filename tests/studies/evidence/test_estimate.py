"""Intervals against scipy, and their coverage by simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from studies.evidence.estimate import bca_interval, estimate, paired_difference, paired_differences, proportion

FLOATS = st.floats(-100, 100)


@given(st.lists(FLOATS, min_size=2, max_size=30))
def test_the_interval_is_students(values: list[float]) -> None:
    result = estimate(values)
    assert result.n == len(values)
    assert result.mean == pytest.approx(np.mean(values), abs=1e-9)
    error = float(stats.sem(values))
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
        assert (result.mean, result.low, result.high) == pytest.approx(
            (expected.mean, expected.low, expected.high), rel=1e-9, abs=1e-11
        )


def test_differences_apart_by_the_rounding_of_a_subtraction_are_equal() -> None:
    treated, baseline = {0: 0.3, 1: 0.2, 2: 0.1}, {0: 0.2, 1: 0.1, 2: 0.0}
    assert len({treated[seed] - baseline[seed] for seed in treated}) > 1
    assert len(set(paired_differences(treated, baseline))) == 1
    treated[1] += 1e-12
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
