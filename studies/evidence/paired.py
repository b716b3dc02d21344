"""One arm held against a reference, paired by seed: difference, effect size, p-values, what could have been seen."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from scipy import special, stats

from studies.evidence.estimate import Estimate, bca_interval, estimate, paired_differences, proportion
from studies.evidence.power import minimum_detectable_effect


@dataclass(frozen=True)
class Comparison:
    """An arm against a reference over the seeds that both have; what these cannot give is NaN.

    Args:
        difference: the mean of arm − reference, Student's 95 % interval, and the sd of the differences.
        bca: the same mean's 95 % bootstrap interval (low, high), see `bca_interval`.
        hedges_g_z: the effect in sds of the differences: Cohen's d_z with Hedges' correction. From three pairs on.
        p_value: of the two-sided paired t test. 1 where no pair differs; NaN where all differ by the same amount, as
            there is then no variance to hold the difference against.
        p_holm: `p_value` after Holm's correction over the study's comparisons; NaN until `with_holm` has set it.
        probability_of_improvement: how probable it is that the arm is the higher one of a pair, see there.
        minimum_detectable_effect: the least difference that the paired t test at level 0.05 finds with 80 % power at
            this number of pairs, were the sd the one observed; in the metric's unit.
    """

    difference: Estimate
    bca: tuple[float, float]
    hedges_g_z: float
    p_value: float
    probability_of_improvement: Estimate
    minimum_detectable_effect: float
    p_holm: float = math.nan


def compare(arm: Mapping[int, float], reference: Mapping[int, float]) -> Comparison:
    """Return the comparison of two arms' values by seed, over the seeds that both have."""
    differences = paired_differences(arm, reference)
    difference = estimate(differences)
    return Comparison(
        difference=difference,
        bca=bca_interval(differences),
        hedges_g_z=hedges_g_z(difference),
        p_value=paired_t_p(difference),
        probability_of_improvement=probability_of_improvement(arm, reference),
        minimum_detectable_effect=minimum_detectable_effect(difference.sd, difference.n),
    )


def with_holm(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Return all of a study's comparisons with `p_holm` set, in their order.

    Source: Holm 1979, A Simple Sequentially Rejective Multiple Test Procedure. A comparison without a p-value is no
    test, and so not of the family: its `p_holm` is NaN and it does not make the others stricter.
    """
    family = sorted((each.p_value, index) for index, each in enumerate(comparisons) if not math.isnan(each.p_value))
    corrected = dict.fromkeys(range(len(comparisons)), math.nan)
    largest = 0.0
    for rank, (p_value, index) in enumerate(family):
        largest = max(largest, min(1.0, (len(family) - rank) * p_value))
        corrected[index] = largest
    return [replace(each, p_holm=corrected[index]) for index, each in enumerate(comparisons)]


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


def paired_t_p(difference: Estimate) -> float:
    """Return the p-value of the two-sided paired t test; for differences that are all equal see `Comparison`."""
    if difference.n < 2:
        return math.nan
    if difference.sd == 0:
        return 1.0 if difference.mean == 0 else math.nan
    statistic = difference.mean / difference.sd * math.sqrt(difference.n)
    return float(2 * stats.t.sf(abs(statistic), difference.n - 1))


def probability_of_improvement(arm: Mapping[int, float], reference: Mapping[int, float]) -> Estimate:
    """Return the share of seeds at which the arm is higher, a tie counting one half, with its exact 95 % interval.

    Agarwal et al. 2021 (Deep Reinforcement Learning at the Edge of the Statistical Precipice, arXiv 2108.13264) compare
    every run of the one with every run of the other. Here a run is compared with the run of its own seed alone, since
    pairs share data order and initial weights; pairs are then independent, and the share is binomial.
    """
    seeds = arm.keys() & reference.keys()
    wins = sum((arm[seed] > reference[seed]) + 0.5 * (arm[seed] == reference[seed]) for seed in seeds)
    return proportion(wins, len(seeds))
