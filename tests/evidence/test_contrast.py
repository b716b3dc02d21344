"""The error that test images add: its size where it is known, and that it is told apart from the seeds' own."""

import numpy as np
import pytest
from litmus.evidence.arm_table import risk_difference

from benchmarks.calibration.studies_in_memory import arm, study
from litmus.evidence.differences import difference, image_standard_error


def test_the_images_error_is_the_one_that_scores_were_made_with() -> None:
    rng = np.random.default_rng(0)
    seeds, images, trials = 4, 200, 300
    of_seeds, of_images, own = 0.02, 0.5, 0.3
    found = []
    for _ in range(trials):
        by_seed, by_image = of_seeds * rng.normal(size=(seeds, 1)), of_images * rng.normal(size=images)
        found.append(image_standard_error(by_seed + by_image + own * rng.normal(size=(seeds, images))))
    assert np.mean(np.square(found)) == pytest.approx(of_images**2 / images, rel=0.05)
    alike = [image_standard_error(own * rng.normal(size=(seeds, images))) for _ in range(trials)]
    assert np.mean(np.square(alike)) < 0.2 * own**2 / (seeds * images)


def test_a_difference_covers_images_where_all_runs_kept_their_answers() -> None:
    rng = np.random.default_rng(1)
    right = rng.random((2, 3, 400)) < np.array([0.8, 0.9])[:, None, None]
    arms = [arm({"arm": i}, right[i].mean(1), right=right[i], baseline=i == 0) for i in range(2)]
    both = difference(study(arms), arms[1], "test_top1")
    assert both.mean == pytest.approx(right[1].mean() - right[0].mean())
    assert both.step_variance == pytest.approx(2 / 400**2 / 12)
    one = arm({"arm": 1}, right[1].mean(1))
    without = difference(study([arms[0], one]), one, "test_top1")
    assert (without.image_error, without.step_variance) == (0, 0)
    assert difference(study(arms), arms[1], "val_top1").image_error == 0


@pytest.mark.parametrize("risks", [(0.5, 0.5), (0.1, 0.1), (0.7, 0.2), (1.0, 0.6)])
def test_the_interval_of_a_difference_of_risks_covers_at_least_as_often_as_it_says(risks: tuple[float, float]) -> None:
    first, second = risks
    covered = 0.0
    for one in range(6):
        for other in range(6):
            chance = np.prod([_binomial(k, risk) for k, risk in ((one, first), (other, second))])
            found = risk_difference(one, 5, other, 5)
            covered += float(chance) * (found.low - 1e-3 <= first - second <= found.high + 1e-3)
    assert covered >= 0.95
    assert risk_difference(5, 5, 0, 5).excludes_zero
    assert not risk_difference(2, 5, 0, 5).excludes_zero


def _binomial(count: int, risk: float) -> float:
    from math import comb

    return comb(5, count) * risk**count * (1 - risk) ** (5 - count)
