"""Differences of arms, seed by seed, with an interval that covers other seeds and, where answers were kept, images."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from studies.evidence.estimate import Effect, effect_of, steps, without_rounding
from studies.evidence.results import Analysis, ArmResult, Metric, guessed, is_exact
from studies.evidence.selection import Side, chosen_side

Parts = Sequence[tuple[float, Side]]
"""A weighted sum of sides: +1 and −1 make a difference."""


def contrast(analysis: Analysis, metric: Metric, parts: Parts) -> Effect:
    """Return the mean over the seeds of the weighted sum of the sides' outcomes, over the seeds that all have.

    Whether a run diverges is a coin's throw: where one did, its side's outcomes are known in steps of the fall from the
    mean of the finished runs, so that throws that fall alike do not look like certainty.
    """
    values = [side.outcomes(metric) for _, side in parts]
    seeds = sorted(set.intersection(*(set(each) for each in values)))
    sums = [sum(weight * each[seed] for (weight, _), each in zip(parts, values, strict=True)) for seed in seeds]
    terms = [each[seed] for seed in seeds for each in values]
    images = over_images(metric, parts, seeds)
    falls = _falls(metric, parts, seeds)
    image = [weight * images.step for weight, _ in parts]
    return effect_of(
        without_rounding([float(each) for each in sums], terms),
        image_error=images.standard_error,
        step_variance=steps(*falls, *image),
        sampling=analysis.sampling,
        exact=is_exact(metric),
        splits=analysis.splits(seeds),
    )


def _falls(metric: Metric, parts: Parts, seeds: Sequence[int]) -> list[float]:
    """Return, times its weight, how far below the finished runs a side counts its diverged ones, where it has some."""
    results = list({id(result): result for _, side in parts for result in side.results}.values())
    finished = [value for result in results for value in result.values(metric).values()]
    if not guessed(metric) or not finished:
        return []
    diverged = {id(result): set(result.seeds("diverged")) for result in results}
    fallen = [any(seed in diverged[id(side.by_seed[seed])] for seed in seeds) for _, side in parts]
    depth = abs(float(np.mean(finished)) - results[0].diverged_value)
    return [weight * depth for (weight, _), fell in zip(parts, fallen, strict=True) if fell]


def difference(analysis: Analysis, result: ArmResult, metric: Metric, to: ArmResult | None = None) -> Effect:
    """Return the paired difference of `metric` to the baseline, or to another arm."""
    return contrast(analysis, metric, [(1.0, _alone(result)), (-1.0, _alone(to or analysis.baseline))])


def _alone(result: ArmResult) -> Side:
    return Side(dict.fromkeys(result.arm.runs, result))


@dataclass(frozen=True)
class Images:
    """What the choice of test images adds to the error of a mean: its standard error, and the step of an image.

    Both are 0 where the runs did not keep their answers, or the metric is not one of the test images.
    """

    standard_error: float = 0.0
    step: float = 0.0


UNKNOWN = Images()


def over_images(metric: Metric, parts: Parts, seeds: Sequence[int]) -> Images:
    """Return the error that the test images add to a contrast over `seeds`."""
    matrix = _scores(metric, parts, seeds)
    if matrix is None:
        return UNKNOWN
    single = guessed(metric) and isinstance(metric, str) and metric.endswith("top1")
    return Images(image_standard_error(matrix), 1 / matrix.shape[1] if single else 0.0)


def image_standard_error(scores: NDArray[np.float64]) -> float:
    """Return the standard error that the choice of images adds to the mean of `scores` [seeds, images].

    Seeds and images are crossed random effects: the variance of the mean is σ²(seeds)/n + σ²(images)/N + σ²(rest)/nN.
    The variance of the seeds' means over n estimates all but the second part, which the mean squares of a two-way
    analysis of variance without replication give: (MS images − MS rest) / (nN), 0 where that is below zero. Source:
    the crossed random effects of Owen & Eckles 2012 (arXiv 1106.2125); Bouthillier et al. 2021 (arXiv 2103.03098) name
    the test set as a source of variance. Zero for fewer than two seeds or images.
    """
    seeds, images = scores.shape
    if seeds < 2 or images < 2:
        return 0.0
    by_image = scores.mean(0)
    between_images = seeds * float(by_image.var(ddof=1))
    rest = scores - by_image - scores.mean(1, keepdims=True) + by_image.mean()
    within = float((rest**2).sum()) / ((seeds - 1) * (images - 1))
    return math.sqrt(max(between_images - within, 0.0) / (seeds * images))


def _scores(metric: Metric, parts: Parts, seeds: Sequence[int]) -> NDArray[np.float64] | None:
    """Return the weighted sums of the image scores [seeds, images]; None where a run has none."""
    if len(seeds) < 2:
        return None
    scores = {id(result): result.scores(metric) for _, side in parts for result in side.results}
    lengths = {len(score) for by_seed in scores.values() for score in by_seed.values()}
    if len(lengths) != 1:
        return None
    matrix = np.zeros((len(seeds), lengths.pop()))
    for weight, side in parts:
        for row, seed in enumerate(seeds):
            result = side.by_seed[seed]
            score = scores[id(result)].get(seed)
            if score is not None:
                matrix[row] += weight * score
            elif seed in result.seeds("diverged"):
                matrix[row] += weight * result.diverged_value
            else:
                return None
    return matrix


@dataclass(frozen=True)
class Best:
    """What is best on the validation split: in each seed the best arm by those before, and its gain on the baseline."""

    side: Side
    effect: Effect

    @property
    def is_baseline(self) -> bool:
        """Whether that is the baseline, whichever seed is left out."""
        return all(result.arm.is_baseline for result in self.side.results)


def best_against_baseline(analysis: Analysis) -> Best | None:
    """Return what is best on the validation split with its difference to the baseline; None where no run finished.

    The best of many arms is ahead by luck as well. Each seed is therefore tested on the arm that those before it chose.
    """
    side = chosen_side(analysis, analysis.arms)
    if side is None:
        return None
    return Best(side, contrast(analysis, analysis.test_metric, [(1.0, side), (-1.0, _alone(analysis.baseline))]))
