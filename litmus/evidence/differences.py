"""Differences of arms by seed, with intervals that cover other seeds and, where answers were kept, other images.

The comparisons of a study with its baseline, and what each ingredient of a design contributes, are differences too.
"""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from litmus.core.formatting import several
from litmus.core.metrics import metric_of
from litmus.evidence.estimate import (
    ALPHA,
    NO_EFFECT,
    NO_ESTIMATE,
    POWER,
    Effect,
    Estimate,
    effect_of,
    estimate,
    normal_critical,
    proportion,
    step_variance,
    unpaired_effect,
    without_rounding,
)
from litmus.evidence.results import Analysis, ArmResult, Metric, guessed, is_exact
from litmus.records.study_record import StudyRecord, arm_label

Selector = str | Mapping[str, Any]
"""Selects arms: one by its label, or those at these levels of these factors."""


class NothingToCompare(Exception):
    """The records hold nothing that a test can compare; the message says why, and `withheld` in two words."""

    def __init__(self, reason: str, withheld: str = "") -> None:
        super().__init__(reason)
        self.withheld = withheld


@dataclass(frozen=True)
class Side:
    """One side of a comparison: the arm that is compared in each seed, the same one where there is no choice.

    Where several arms could, a seed's arm is the best on the validation split over the seeds before it, and the first
    seed has none. A choice that was made by a run's luck cannot be tested by the same luck. Choosing by the seeds
    before, and not by all others, keeps the seeds' differences independent where arms are alike.
    """

    by_seed: Mapping[int, ArmResult]

    @cached_property
    def results(self) -> list[ArmResult]:
        """The arms that are compared in some seed, those in most seeds first."""
        return sorted(distinct(self.by_seed.values()), key=lambda result: -self._seeds_of(result))

    def _seeds_of(self, result: ArmResult) -> int:
        return sum(each is result for each in self.by_seed.values())

    @property
    def label(self) -> str:
        """The arm's label; where seeds chose different ones, each with the number of seeds."""
        if len(self.results) == 1:
            return self.results[0].label
        return " / ".join(f"{each.label} ({several(self._seeds_of(each), 'seed')})" for each in self.results)

    def outcomes(self, metric: Metric) -> dict[int, float]:
        """Return in each seed the outcome of the arm that is compared in it."""
        found = {id(result): result.outcomes(metric) for result in self.results}
        return {seed: found[id(r)][seed] for seed, r in self.by_seed.items() if seed in found[id(r)]}


def side_of_arm(result: ArmResult) -> Side:
    """Return the side that is one arm in every seed."""
    return Side(dict.fromkeys(result.arm.runs, result))


def side_of(analysis: Analysis, selector: Selector) -> Side:
    """Return the side of the selected arms. Raises `NothingToCompare` where none of them has a finished run."""
    side = best_side(analysis, arms_of(analysis, selector))
    if side is None:
        raise NothingToCompare(f"No finished run with {named(analysis, selector)}.")
    return side


def best_side(analysis: Analysis, candidates: Sequence[ArmResult]) -> Side | None:
    """Return the side of these arms: the only one, or in each seed the best by the seeds before it."""
    if len(candidates) == 1:
        return side_of_arm(candidates[0])
    seeds = sorted({seed for result in candidates for seed in result.arm.runs})
    chosen = {seed: analysis.best(candidates, before=seed) for seed in seeds}
    found = {seed: result for seed, result in chosen.items() if result is not None}
    return Side(found) if found else None


def distinct(results: Iterable[ArmResult]) -> list[ArmResult]:
    """Return results without repetition, in their order."""
    return list({id(result): result for result in results}.values())


def arms_of(analysis: Analysis, selector: Selector) -> list[ArmResult]:
    """Return the selected arms."""
    if isinstance(selector, str):
        return [result for result in analysis.arms if result.label == selector]
    return analysis.at(selector)


def named(analysis: Analysis, selector: Selector) -> str:
    """Return a selector in words."""
    return selector if isinstance(selector, str) else arm_label(selector, analysis.study.level_names) or "any level"


WeightedSides = Sequence[tuple[float, Side]]
"""A weighted sum of sides: +1 and −1 make a difference."""


def contrast(analysis: Analysis, metric: Metric, sides: WeightedSides) -> Effect:
    """Return the mean over the seeds of the weighted sum of the sides' outcomes, over the seeds that all have.

    Outcomes come in steps: of one test image, and, where a run diverged, of the fall from the mean of the finished runs
    to what a diverged run counts as. Seeds that agree by chance do not look like certainty then, see `step_variance`.
    Where the sides do not share their seeds, see `Analysis.are_paired`, all their runs count, as independent ones.
    """
    outcomes = [side.outcomes(metric) for _, side in sides]
    if not analysis.are_paired(outcomes):
        return unpaired_effect(
            [(weight, estimate(list(each.values()))) for (weight, _), each in zip(sides, outcomes, strict=True)]
        )
    seeds = sorted(set.intersection(*(set(each) for each in outcomes)))
    sums = [sum(weight * each[seed] for (weight, _), each in zip(sides, outcomes, strict=True)) for seed in seeds]
    image_error, image_step = _of_images(metric, sides, seeds)
    steps = [*_falls(metric, sides, seeds), *(weight * image_step for weight, _ in sides)]
    return effect_of(
        without_rounding([float(each) for each in sums], [each[seed] for seed in seeds for each in outcomes]),
        image_error=image_error,
        step_variance=step_variance(*steps),
        sampling=analysis.sampling,
        exact=is_exact(metric),
        splits=analysis.splits(seeds),
    )


def difference(analysis: Analysis, result: ArmResult, metric: Metric, to: ArmResult | None = None) -> Effect:
    """Return the paired difference of `metric` to the baseline, or to another arm."""
    return contrast(analysis, metric, [(1.0, side_of_arm(result)), (-1.0, side_of_arm(to or analysis.baseline))])


def _falls(metric: Metric, sides: WeightedSides, seeds: Sequence[int]) -> list[float]:
    """Return, times its weight, how far below the finished runs a side counts its diverged ones, where it has some."""
    results = distinct(result for _, side in sides for result in side.results)
    finished = [value for result in results for value in result.values(metric).values()]
    if not guessed(metric) or not finished:
        return []
    diverged = {id(result): set(result.failed) for result in results}
    fallen = [any(seed in diverged[id(side.by_seed[seed])] for seed in seeds) for _, side in sides]
    depth = abs(float(np.mean(finished)) - results[0].failed_value(metric))
    return [weight * depth for (weight, _), fell in zip(sides, fallen, strict=True) if fell]


def _of_images(metric: Metric, sides: WeightedSides, seeds: Sequence[int]) -> tuple[float, float]:
    """Return the standard error that the choice of test images adds to a contrast, and the step of one image.

    Both are 0 where the runs did not keep their answers, or the metric is not one of the test images. The step is also
    0 where images have scores between right and wrong.
    """
    scores = {id(result): result.scores(metric) for _, side in sides for result in side.results}
    lengths = {len(score) for by_seed in scores.values() for score in by_seed.values()}
    if len(seeds) < 2 or len(lengths) != 1:
        return 0.0, 0.0
    images = lengths.pop()
    sums = np.zeros((len(seeds), images))
    for weight, side in sides:
        for row, seed in enumerate(seeds):
            result = side.by_seed[seed]
            score = scores[id(result)].get(seed)
            if score is not None:
                sums[row] += weight * score
            elif seed in result.failed:
                sums[row] += weight * result.failed_value(metric)
            else:
                return 0.0, 0.0
    binary = all(np.isin(score, (0, 1)).all() for by_seed in scores.values() for score in by_seed.values())
    return image_standard_error(sums), 1 / images if binary else 0.0


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


@dataclass(frozen=True)
class Comparison:
    """An arm against a reference over the seeds that both have; what these cannot give is NaN.

    Args:
        difference: the mean of arm − reference; its 95 % interval covers other seeds and, where the runs kept their
            answers, other test images; its sd is that of the differences over the seeds.
        improvement: how probable it is that a run of the arm is better, see `probability_of_improvement`.
        p_holm: the difference's p-value after Holm's correction over the study's comparisons.
        comparisons: how many comparisons Holm's correction is over.
    """

    difference: Effect
    improvement: Estimate = NO_ESTIMATE
    p_holm: float = math.nan
    comparisons: int = 1

    @cached_property
    def minimum_detectable_effect(self) -> float:
        """The least difference that would be found with 80 % power, were its errors those observed.

        At 0.05 over the number of comparisons, the level that Holm's correction sets for the first to be found. In the
        metric's unit; for the seeds' error by the power of the paired t test, for the images' by that of the normal
        one, the two added in squares.
        """
        from litmus.evidence.power import detectable  # its scipy.stats takes most of a second to import

        alpha, found = ALPHA / self.comparisons, self.difference
        seeds = detectable(found.seed_error, found.freedom, alpha=alpha)
        images = (normal_critical(alpha) + float(special.ndtri(POWER))) * found.image_error
        return math.hypot(seeds, images)


def compare(analysis: Analysis, result: ArmResult, metric: Metric) -> Comparison:
    """Return the comparison of an arm with the baseline, without Holm's correction.

    In a metric where a diverged run has no value, what is left would be a selection: an arm is not compared there where
    it or the baseline has such a run.
    """
    reference = analysis.baseline
    if not guessed(metric) and (result.failed or reference.failed):
        return Comparison(NO_EFFECT)
    effect = difference(analysis, result, metric)
    arm, other = result.outcomes(metric), reference.outcomes(metric)
    known = metric_of(metric)
    better = (arm, other) if known is None or known.higher_is_better else (other, arm)
    improvement = probability_of_improvement(*better, effect.paired)
    return Comparison(effect, improvement)


def probability_of_improvement(
    arm: Mapping[int, float], reference: Mapping[int, float], paired: bool = True
) -> Estimate:
    """Return the fraction of seeds in which the arm is higher, a tie counting one half, with its exact 95 % interval.

    Agarwal et al. 2021 (arXiv 2108.13264) compare every run of the one with every run of the other. Here a run is
    compared with that of its own seed, which shares its data order and initial weights: such pairs are independent, and
    the fraction is binomial. Where runs are not `paired`, it is the fraction of all pairs, without an interval.
    """
    if not paired:
        pairs = [(one > other) + 0.5 * (one == other) for one in arm.values() for other in reference.values()]
        share = float(np.mean(pairs)) if pairs else math.nan
        return Estimate(share, math.nan, math.nan, min(len(arm), len(reference)))
    seeds = arm.keys() & reference.keys()
    wins = sum((arm[seed] > reference[seed]) + 0.5 * (arm[seed] == reference[seed]) for seed in seeds)
    return proportion(wins, len(seeds))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values after Holm's correction over all of them, in their order.

    Source: Holm 1979, A Simple Sequentially Rejective Multiple Test Procedure. A NaN is no test and stays NaN; it does
    not make the others stricter.
    """
    tested = sorted((p_value, index) for index, p_value in enumerate(p_values) if not math.isnan(p_value))
    corrected = [math.nan] * len(p_values)
    largest = 0.0
    for rank, (p_value, index) in enumerate(tested):
        largest = max(largest, min(1.0, (len(tested) - rank) * p_value))
        corrected[index] = largest
    return corrected


def with_holm(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Return all of a study's comparisons with Holm's correction over them, in their order."""
    corrected = holm([each.difference.p_value for each in comparisons])
    tested = max(1, sum(not math.isnan(p_value) for p_value in corrected))
    return [
        replace(each, p_holm=p_holm, comparisons=tested) for each, p_holm in zip(comparisons, corrected, strict=True)
    ]


@dataclass(frozen=True)
class Ingredient:
    """A factor's level that is not the baseline's, and the two arms whose difference is its effect.

    Args:
        name: the level, as arms are called.
        present: label of the arm that has it.
        absent: label of the arm without it, with which it is compared.
    """

    name: str
    present: str
    absent: str


@dataclass(frozen=True)
class Contribution:
    """What an ingredient adds; `p_holm` is the effect's p after Holm's correction over the study's ingredients."""

    ingredient: Ingredient
    effect: Effect
    p_holm: float


def contributions(analysis: Analysis, metric: Metric) -> list[Contribution]:
    """Return each ingredient's effect on `metric`: the arm with it less the arm without, by seed.

    Over the seeds that both arms have, with an interval over seeds and test images.
    """
    found = ingredients(analysis.study)
    sides = {result.label: side_of_arm(result) for result in analysis.arms}
    effects = [contrast(analysis, metric, [(1.0, sides[each.present]), (-1.0, sides[each.absent])]) for each in found]
    corrected = holm([effect.p_value for effect in effects])
    return [Contribution(*each) for each in zip(found, effects, corrected, strict=True)]


def ingredients(study: StudyRecord) -> list[Ingredient]:
    """Return the ingredients of a study's design; none where it is the full product or the study names its arms."""
    others = [arm for arm in study.arms if not arm.is_baseline]
    if study.design == "one_at_a_time":
        pairs = [(arm, study.baseline) for arm in others]
    elif study.design == "leave_one_out":  # whose baseline is the full recipe
        pairs = [(study.baseline, arm) for arm in others]
    elif study.design == "ladder":
        pairs = [(arm, before) for before, arm in itertools.pairwise(study.arms)]
    else:
        return []
    found = []
    for arm, other in pairs:
        changed = {key: level for key, level in arm.levels.items() if other.levels[key] != level}
        found.append(Ingredient(arm_label(changed, study.level_names), arm.label, other.label))
    return found
