"""Paired differences: what pairs and images leave open, Holm's correction, effect sizes, what pairing gains."""

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from benchmarks.calibration.studies_in_memory import arm, study
from litmus.evidence.differences import (
    Comparison,
    compare,
    difference,
    holm,
    image_standard_error,
    with_holm,
)
from litmus.evidence.estimate import effect_of, estimate
from litmus.evidence.power import detectable


def by_seed(values: "list[float] | np.ndarray") -> dict[int, float]:
    return {seed: float(value) for seed, value in enumerate(values)}


def test_a_comparison_is_scipys_paired_t_test_over_the_seeds_that_both_have() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.normal(0.8, 0.01, 6), rng.normal(0.7, 0.01, 5)
    arms = [arm({"arm": 0}, other, baseline=True), arm({"arm": 1}, one)]
    found = compare(study(arms), arms[1], "test_top1")
    expected = stats.ttest_rel(one[:5], other)
    assert found.difference.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    interval = expected.confidence_interval()
    assert (found.difference.low, found.difference.high) == pytest.approx((interval.low, interval.high))
    assert found.difference.n == 5


def test_where_a_diverged_run_has_no_value_an_arm_is_not_compared() -> None:
    arms = [arm({"arm": 0}, [0.8, 0.7, 0.75], baseline=True), arm({"arm": 1}, [0.9, math.nan, 0.85])]
    assert compare(study(arms), arms[1], "test_top1").difference.n == 3  # guessing
    assert compare(study(arms), arms[1], "test_loss").difference.n == 0


def test_holm_is_statsmodels_and_leaves_out_what_was_not_tested() -> None:
    p_values = [0.03, 0.001, 0.014, 0.2, 0.014]
    expected = list(multipletests(p_values, method="holm")[1])
    found = holm([p_values[0], math.nan, *p_values[1:]])
    assert [found[0], *found[2:]] == expected
    assert math.isnan(found[1])


def test_what_is_detectable_is_at_the_level_that_decides() -> None:
    """Three seeds and 29 comparisons: 3.3 sds by the test of one, over 17 where Holm's correction decides."""
    one = Comparison(effect_of([0.0, 1.0, 2.0]))
    alone = with_holm([one])[0]
    assert alone.minimum_detectable_effect == pytest.approx(detectable(1 / math.sqrt(3), 2))
    assert alone.minimum_detectable_effect == pytest.approx(3.26, abs=0.02)
    assert with_holm([one] * 29)[0].minimum_detectable_effect == pytest.approx(17.6, abs=0.1)


@pytest.mark.parametrize("n", [3, 10])
def test_hedges_correction_removes_the_bias_of_cohens_d_z(n: int) -> None:
    samples = np.random.default_rng(7).normal(0.8, 1.0, (20_000, n))
    uncorrected = samples.mean(1) / samples.std(1, ddof=1)
    factor = estimate(list(samples[0])).hedges_g_z / uncorrected[0]
    error = float(factor * uncorrected.std() / math.sqrt(len(uncorrected)))
    assert factor * uncorrected.mean() == pytest.approx(0.8, abs=4 * error)
    # Hedges' approximation of the factor, good to a few per cent at these sizes.
    assert factor == pytest.approx(1 - 3 / (4 * (n - 1) - 1), rel=0.03)


def test_the_images_error_is_the_one_that_scores_were_made_with() -> None:
    rng = np.random.default_rng(0)
    seeds, images, trials = 4, 200, 300
    of_seeds, of_images, own = 0.02, 0.5, 0.3
    found = []
    for _ in range(trials):
        seed_effects, image_effects = of_seeds * rng.normal(size=(seeds, 1)), of_images * rng.normal(size=images)
        found.append(image_standard_error(seed_effects + image_effects + own * rng.normal(size=(seeds, images))))
    assert np.mean(np.square(found)) == pytest.approx(of_images**2 / images, rel=0.05)
    alike = [image_standard_error(own * rng.normal(size=(seeds, images))) for _ in range(trials)]
    assert np.mean(np.square(alike)) < 0.2 * own**2 / (seeds * images)


def test_a_difference_covers_images_where_all_runs_kept_their_answers() -> None:
    rng = np.random.default_rng(1)
    right = rng.random((2, 3, 400)) < rng.random((2, 1, 400))
    arms = [arm({"arm": i}, right[i].mean(1), right=right[i], baseline=i == 0) for i in range(2)]
    both = difference(study(arms), arms[1], "test_top1")
    assert both.mean == pytest.approx(right[1].mean() - right[0].mean())
    assert both.image_error > 0
    assert both.step_variance == pytest.approx(2 / 400**2 / 12)
    without = arm({"arm": 1}, right[1].mean(1))
    found = difference(study([arms[0], without]), without, "test_top1")
    assert (found.image_error, found.step_variance) == (0, 0)
    assert difference(study(arms), arms[1], "val_top1").image_error == 0
