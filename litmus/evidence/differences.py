"""Differences of arms, seed by seed, with an interval that covers other seeds and, where answers were kept, images."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from litmus.evidence.estimate import (
    Effect,
    Estimate,
    bca_interval,
    effect_of,
    paired_differences,
    proportion,
    steps,
    without_rounding,
)
from litmus.evidence.power import ALPHA, POWER, minimum_detectable_effect
from litmus.evidence.results import Analysis, ArmResult, Metric, guessed, is_exact
from litmus.evidence.sides import Side, chosen_side


@dataclass(frozen=True)
class Pairing:
    """What pairing by seed gains: the correlation of the two arms over the seeds, and the ratio of variances.

    `variance_ratio` is the variance of the paired differences over that of unpaired ones, the sum of the two arms'
    variances: 0.5 is as good as twice the seeds, 1 or more is no gain. NaN for fewer than three pairs, or no spread.
    """

    correlation: float
    variance_ratio: float


@dataclass(frozen=True)
class Comparison:
    """An arm against a reference over the seeds that both have; what these cannot give is NaN.

    Args:
        difference: the mean of arm − reference; its 95 % interval covers other seeds and, where the runs kept their
            answers, other test images; its sd is that of the differences over the seeds.
        differences: arm − reference by seed.
        hedges_g_z: the effect in sds of the differences: Cohen's d_z with Hedges' correction. From three pairs on.
        p_value: the smallest alpha at which the difference's interval excludes zero: that of the two-sided paired t
            test where seeds alone count. NaN where all pairs differ by the same amount and nothing says how much more
            they might.
        p_holm: `p_value` after Holm's correction over the study's comparisons; NaN until `with_holm` has set it.
        probability_of_improvement: how probable it is that the arm is the higher one of a pair, see there.
        pairing: what pairing by seed gains, see there.
        comparisons: how many comparisons Holm's correction is over.
    """

    difference: Effect
    differences: tuple[float, ...]
    hedges_g_z: float
    p_value: float
    probability_of_improvement: Estimate
    pairing: Pairing
    p_holm: float = math.nan
    comparisons: int = 1

    @cached_property
    def bca(self) -> tuple[float, float]:
        """The mean difference's 95 % bootstrap interval over the seeds (low, high), see `bca_interval`."""
        return bca_interval(self.differences)

    @cached_property
    def minimum_detectable_effect(self) -> float:
        """The least difference that would be found with 80 % power, were its errors those observed.

        At the level that decides: 0.05 over the number of comparisons, which is what Holm's correction asks of the
        first to be found. In the metric's unit; of the seeds' error by the power of the paired t test, of the images'
        by that of the normal one, the two in squares.
        """
        alpha = ALPHA / self.comparisons
        difference = self.difference
        seeds = minimum_detectable_effect(difference.seed_error * math.sqrt(difference.n), difference.n, alpha=alpha)
        images = (stats.norm.isf(alpha / 2) + stats.norm.ppf(POWER)) * difference.image_error
        return math.hypot(seeds, images)


def pairing_of(arm: Mapping[int, float], reference: Mapping[int, float]) -> Pairing:
    """Return what pairing two arms' outcomes by seed gains."""
    seeds = sorted(arm.keys() & reference.keys())
    if len(seeds) < 3:
        return Pairing(math.nan, math.nan)
    one, other = (np.array([values[seed] for seed in seeds]) for values in (arm, reference))
    apart = float(one.var(ddof=1) + other.var(ddof=1))
    if one.std() <= 1e-9 or other.std() <= 1e-9:
        return Pairing(math.nan, math.nan)
    return Pairing(float(np.corrcoef(one, other)[0, 1]), float((one - other).var(ddof=1)) / apart)


def compare(arm: Mapping[int, float], reference: Mapping[int, float], difference: Effect | None = None) -> Comparison:
    """Return the comparison of two arms' outcomes by seed, over the seeds that both have.

    `difference` is theirs where it is known with the error of the test images; the seeds alone count where it is not.
    """
    differences = paired_differences(arm, reference)
    effect = effect_of(differences) if difference is None else difference
    return Comparison(
        difference=effect,
        differences=tuple(differences),
        hedges_g_z=hedges_g_z(effect),
        p_value=effect.p_value,
        probability_of_improvement=probability_of_improvement(arm, reference),
        pairing=pairing_of(arm, reference),
    )


def with_holm(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Return all of a study's comparisons with `p_holm` set, in their order."""
    corrected = holm([each.p_value for each in comparisons])
    family = sum(not math.isnan(each) for each in corrected)
    return [
        replace(each, p_holm=p_holm, comparisons=max(1, family))
        for each, p_holm in zip(comparisons, corrected, strict=True)
    ]


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values after Holm's correction over all of them, in their order.

    Source: Holm 1979, A Simple Sequentially Rejective Multiple Test Procedure. A comparison without a p-value is no
    test, and so not of the family: it stays NaN and does not make the others stricter.
    """
    family = sorted((p_value, index) for index, p_value in enumerate(p_values) if not math.isnan(p_value))
    corrected = [math.nan] * len(p_values)
    largest = 0.0
    for rank, (p_value, index) in enumerate(family):
        largest = max(largest, min(1.0, (len(family) - rank) * p_value))
        corrected[index] = largest
    return corrected


def hedges_g_z(difference: Estimate) -> float:
    """Return the mean over the sd of paired differences, without the bias of small samples.

    Cohen's d_z times Hedges' exact factor Γ(m/2) / (√(m/2) Γ((m−1)/2)), m = n − 1: on the average the true ratio
    (Hedges 1981, Distribution Theory for Glass's Estimator of Effect Size). NaN for fewer than three pairs, where
    that average does not exist, and where the sd is zero.
    """
    freedom = difference.n - 1
    if freedom < 2 or difference.sd == 0:
        return math.nan
    log_factor = special.gammaln(freedom / 2) - special.gammaln((freedom - 1) / 2) - math.log(freedom / 2) / 2
    return difference.mean / difference.sd * math.exp(log_factor)


def probability_of_improvement(arm: Mapping[int, float], reference: Mapping[int, float]) -> Estimate:
    """Return the share of seeds at which the arm is higher, a tie counting one half, with its exact 95 % interval.

    Agarwal et al. 2021 (Deep Reinforcement Learning at the Edge of the Statistical Precipice, arXiv 2108.13264) compare
    every run of the one with every run of the other. Here a run is compared with the run of its own seed alone, since
    pairs share data order and initial weights; pairs are then independent, and the share is binomial.
    """
    seeds = arm.keys() & reference.keys()
    wins = sum((arm[seed] > reference[seed]) + 0.5 * (arm[seed] == reference[seed]) for seed in seeds)
    return proportion(wins, len(seeds))


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
