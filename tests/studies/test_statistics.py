"""Intervals against scipy, and their coverage by simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from studies.engine.statistics import estimate, paired_difference

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
        assert result == expected


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
