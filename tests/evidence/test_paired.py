"""Paired comparisons against scipy and statsmodels, and by simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from litmus.evidence.differences import (
    Comparison,
    Pairing,
    compare,
    hedges_g_z,
    pairing_of,
    probability_of_improvement,
    with_holm,
)
from litmus.evidence.estimate import NO_EFFECT, NO_ESTIMATE, effect_of, estimate, paired_differences
from litmus.evidence.power import minimum_detectable_effect

ACCURACIES = st.lists(st.floats(0.5, 1.0), min_size=3, max_size=12)


def by_seed(values: "list[float] | np.ndarray") -> dict[int, float]:
    return {seed: float(value) for seed, value in enumerate(values)}


def drawn(rng: np.random.Generator, n: int, shift: float) -> Comparison:
    reference = rng.normal(0, 2, n)
    return compare(by_seed(reference + rng.normal(shift, 1, n)), by_seed(reference))


@given(ACCURACIES, st.integers(0, 2**32 - 1))
def test_p_value_and_difference_are_scipys_paired_t_test(values: list[float], key: int) -> None:
    other = np.random.default_rng(key).normal(0.7, 0.1, len(values))
    result = compare(by_seed(values), by_seed(other))
    expected = stats.ttest_rel(values, other)
    assert result.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    interval = expected.confidence_interval()
    assert (result.difference.low, result.difference.high) == pytest.approx((interval.low, interval.high))


def test_only_seeds_that_both_have_are_compared() -> None:
    arm, reference = {0: 0.9, 1: 0.8, 2: 0.7, 7: 0.1}, {2: 0.6, 1: 0.75, 0: 0.7, 9: 0.99}
    result = compare(arm, reference)
    assert result.difference.n == result.probability_of_improvement.n == 3
    assert result.difference.mean == pytest.approx((0.2 + 0.05 + 0.1) / 3)
    assert result.probability_of_improvement.mean == 1


def test_differences_equal_but_for_rounding_are_equal() -> None:
    arm, reference = by_seed([0.95, 0.85, 0.35]), by_seed([0.94, 0.84, 0.34])
    assert len({arm[seed] - reference[seed] for seed in arm}) > 1
    assert len(set(paired_differences(arm, reference))) == 1
    result = compare(arm, reference)
    assert math.isnan(result.p_value)
    assert math.isnan(result.hedges_g_z)
    assert result.bca == pytest.approx((0.01, 0.01))


def test_arms_that_never_differ_have_p_1_and_half_a_chance() -> None:
    result = compare(by_seed([0.9, 0.8, 0.7]), by_seed([0.9, 0.8, 0.7]))
    assert result.p_value == 1
    assert result.probability_of_improvement.mean == 0.5
    assert math.isnan(result.difference.low)


@pytest.mark.parametrize("n", [0, 1])
def test_fewer_than_two_pairs_give_no_figure(n: int) -> None:
    result = compare(by_seed([0.9] * n), by_seed([0.8] * n))
    assert result.difference.n == n
    for value in (result.p_value, result.hedges_g_z, result.minimum_detectable_effect, *result.bca):
        assert math.isnan(value)


def test_holm_is_statsmodels_and_leaves_out_what_was_not_tested() -> None:
    rng = np.random.default_rng(3)
    tested = [drawn(rng, 5, shift) for shift in (0.0, 0.5, 2.0, 3.0, 1.0)]
    untested = compare({0: 1.0}, {0: 2.0})
    result = with_holm([tested[0], untested, *tested[1:]])
    expected = multipletests([each.p_value for each in tested], method="holm")[1]
    assert [each.p_holm for each in (result[0], *result[2:])] == pytest.approx(list(expected))
    assert math.isnan(result[1].p_holm)
    assert [each.p_value for each in result[2:]] == [each.p_value for each in tested[1:]]


def test_holm_keeps_the_chance_of_any_false_positive_below_5_percent() -> None:
    rng = np.random.default_rng(5)
    studies, arms = 600, 6
    # All arms are held against the same baseline, so that the tests are dependent, as in a study.
    differences = rng.normal(0, 1, (studies, arms, 5)) - rng.normal(0, 1, (studies, 1, 5))
    p = stats.ttest_1samp(differences, 0, axis=2).pvalue
    wrong = {"p_value": 0, "p_holm": 0}
    for study in p:
        family = with_holm([_with_p(float(each)) for each in study])
        for name in wrong:
            wrong[name] += any(getattr(each, name) < 0.05 for each in family)
    # The standard error of a share of 0.05 over 600 is 0.009.
    assert wrong["p_holm"] / studies < 0.05 + 3 * 0.009
    assert wrong["p_value"] / studies > 0.15


def _with_p(p: float) -> Comparison:
    return Comparison(NO_EFFECT, (), math.nan, p, NO_ESTIMATE, Pairing(math.nan, math.nan))


def test_what_is_detectable_is_at_the_level_that_decides() -> None:
    """Three seeds and 29 comparisons: 3.3 sds by the test of one, over 17 where Holm's correction decides."""
    differences = by_seed([0.0, 1.0, 2.0])
    alone = with_holm([compare(differences, by_seed([0.0] * 3))])[0]
    assert alone.minimum_detectable_effect == pytest.approx(minimum_detectable_effect(1.0, 3))
    assert alone.minimum_detectable_effect == pytest.approx(3.26, abs=0.02)
    many = with_holm([compare(differences, by_seed([0.0] * 3))] * 29)[0]
    assert many.minimum_detectable_effect == pytest.approx(17.6, abs=0.1)


def test_what_pairing_gains() -> None:
    shared = np.array([1.0, -1.0, 2.0, 0.5])
    own = np.array([0.1, 0.0, -0.1, 0.1])
    gains = pairing_of(by_seed(shared + own), by_seed(shared))
    assert gains.correlation > 0.99
    assert gains.variance_ratio < 0.01
    against = pairing_of(by_seed(shared), by_seed(-shared))
    assert against.variance_ratio == pytest.approx(2)
    assert math.isnan(pairing_of(by_seed([1.0, 1.0, 1.0]), by_seed([1.0, 2.0, 3.0])).correlation)


@pytest.mark.parametrize("n", [3, 5, 10])
def test_hedges_correction_removes_the_bias_of_cohens_d_z(n: int) -> None:
    samples = np.random.default_rng(7).normal(0.8, 1.0, (20_000, n))
    uncorrected = samples.mean(1) / samples.std(1, ddof=1)
    corrected = np.array([hedges_g_z(estimate(list(row))) for row in samples[:4000]])
    factor = corrected[0] / uncorrected[0]
    error = float(factor * uncorrected.std() / math.sqrt(len(uncorrected)))
    assert corrected == pytest.approx(factor * uncorrected[:4000])
    assert factor * uncorrected.mean() == pytest.approx(0.8, abs=4 * error)
    # Hedges' approximation of the factor, good to a few per cent at these sizes.
    assert factor == pytest.approx(1 - 3 / (4 * (n - 1) - 1), rel=0.03)


@pytest.mark.parametrize(("chance", "ties"), [(0.5, 0.0), (0.5, 0.4), (0.8, 0.0), (0.7, 0.3), (0.95, 0.0)])
@pytest.mark.parametrize("n", [3, 10])
def test_the_interval_of_the_probability_of_improvement_covers_it(chance: float, ties: float, n: int) -> None:
    rng = np.random.default_rng(11)
    wins = chance - ties / 2
    outcomes = rng.choice([1.0, 0.0, -1.0], size=(1500, n), p=[wins, ties, 1 - wins - ties])
    covered = 0
    for row in outcomes:
        result = probability_of_improvement(by_seed(row), by_seed(np.zeros(n)))
        assert result.mean == pytest.approx(((row > 0).sum() + (row == 0).sum() / 2) / n)
        covered += result.low <= chance <= result.high
    # An exact interval covers at least as often as it says; the standard error is 0.0056.
    assert covered / len(outcomes) >= 0.95 - 3 * 0.0056


def test_the_p_value_finds_nothing_as_often_as_it_says() -> None:
    differences = np.random.default_rng(13).normal(0, 1, (4000, 3))
    p = [effect_of(list(row)).p_value for row in differences]
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=3 * 0.0035)
