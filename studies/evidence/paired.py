"""One arm held against a reference, paired by seed: difference, effect size, p-values, what could have been seen."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import special, stats

from studies.evidence.estimate import Effect, Estimate, bca_interval, effect_of, paired_differences, proportion
from studies.evidence.power import ALPHA, POWER, minimum_detectable_effect


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
