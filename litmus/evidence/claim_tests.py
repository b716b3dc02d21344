"""The usual tests of claims: one arm against another, a trend over levels, an interaction, a limit.

Each function returns an `ArmTest`. Arms are given by a `Selector`: a label, or levels. Where several arms have these
levels, the best of them on the validation split is compared, as with a tuned learning rate: in each seed the one that
is best by the seeds before it.

All differences are paired by seed. A diverged run has the accuracy of guessing where accuracy is compared, or what the
study declares. Of anything else it has no value, and then, as where a run is missing or a finished one lacks the
measurement, the verdict is inconclusive: what is left would be a selection. Nor is there a verdict where both sides
are at the floor or at the ceiling, where no difference can be seen.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from litmus.core.formatting import capital, several
from litmus.core.metrics import complement_of, described, metric_of, split_of
from litmus.evidence.claims import ArmTest, Measurement
from litmus.evidence.differences import (
    NothingToCompare,
    Selector,
    Side,
    arms_of,
    contrast,
    distinct,
    named,
    side_of,
    side_of_arm,
)
from litmus.evidence.estimate import Effect, effect_of, estimate, step_variance
from litmus.evidence.results import FLOOR, Analysis, ArmResult, Metric, floor_of, guessed, how_failed
from litmus.evidence.units import Unit, level, unit_of

CEILING = 0.999
"""A side is at the ceiling from this share on."""
LADDER = Unit("levels", "levels")


def more(metric: Metric, of: Selector, *, than: Selector, unit: Unit | None = None) -> ArmTest:
    """Test whether `metric` is higher in the arm `of` than in the arm `than`, by more than the claim's threshold."""
    return _compared("more", metric, (of, than), unit)


def alike(metric: Metric, one: Selector, other: Selector, unit: Unit | None = None) -> ArmTest:
    """Test whether two arms differ in `metric` by less than the claim's threshold, which must be greater than zero."""
    return _compared("alike", metric, (one, other), unit, equivalence=True)


def exceeds(metric: Metric, arm: Selector, unit: Unit | None = None) -> ArmTest:
    """Test whether `metric` of the arm is above the claim's threshold."""
    return _compared("exceeds", metric, (arm,), unit, level=True)


def near(metric: Metric, arm: Selector, value: float, unit: Unit | None = None) -> ArmTest:
    """Test whether `metric` of the arm is within the claim's threshold, greater than zero, of `value`."""
    return _compared(
        "near", metric, (arm,), unit, equivalence=True, level=True, claimed=value, options={"value": value}
    )


def _compared(name: str, metric: Metric, selectors: tuple[Selector, ...], unit: Unit | None, **kind: Any) -> ArmTest:
    """Return the test of one arm, or of the difference of two; `kind` are further arguments of `ArmTest`."""
    written = unit or unit_of(metric)

    def measure(analysis: Analysis) -> Measurement:
        sides = [side_of(analysis, selector) for selector in selectors]
        if len(sides) == 1:
            effect = contrast(analysis, metric, [(1.0, sides[0])])
            evidence = f"{sides[0].label}: {written.interval(effect)}, {effect.count}."
        else:
            effect = contrast(analysis, metric, list(zip((1.0, -1.0), sides, strict=True)))
            means = [
                f"{side.label}: {written.interval(estimate(list(side.outcomes(metric).values())))}" for side in sides
            ]
            evidence = f"{'; '.join(means)}; paired difference {written.difference(effect)}, {effect.count}."
        return _measured(analysis, metric, effect, evidence, sides)

    return ArmTest(name, measure, selectors, written, (metric,), **kind)


def trend(
    metric: Metric, over: str, among: Selector | None = None, *, falling: bool = False, unit: Unit | None = None
) -> ArmTest:
    """Test whether `metric` rises with the factor `over` by more than the threshold from its lowest to highest level.

    With `falling`, whether it falls: the levels are taken from the highest to the lowest.

    The effect is a seed's least-squares slope over the levels' ranks, times the number of steps between them: equal to
    the difference where there are two levels.
    """
    written = unit or unit_of(metric)

    def measure(analysis: Analysis) -> Measurement:
        results = sorted(arms_of(analysis, among or {}), key=lambda result: result.arm.levels[over], reverse=falling)
        if len(results) < 2:
            raise NothingToCompare(f"Fewer than two levels of {over}.")
        ranks = np.arange(len(results)) - (len(results) - 1) / 2
        weights = ranks / (ranks**2).sum() * (len(results) - 1)
        sides = [(float(weight), side_of_arm(result)) for weight, result in zip(weights, results, strict=True)]
        effect = contrast(analysis, metric, sides)
        means = ", ".join(
            f"{level(result.arm.levels[over])}: {written.text(result.estimate(metric).mean)}" for result in results
        )
        ends = "from highest to lowest" if falling else "from lowest to highest"
        evidence = f"By {over}: {means}; {ends} {written.difference(effect)}, {effect.count}."
        return _measured(analysis, metric, effect, evidence, [side for _, side in sides])

    return ArmTest("trend", measure, (among or {},), written, (metric,), (over,), options={"falling": falling})


def interaction(
    metric: Metric, of: tuple[Selector, Selector], *, than: tuple[Selector, Selector], unit: Unit | None = None
) -> ArmTest:
    """Test whether the first difference exceeds the second by more than the threshold: (of₀ − of₁) − (than₀ − than₁).

    Each pair is two arms: `of=(batch at depth 20, none at depth 20)` and `than` the same at depth 8, say. Where both
    arms of a pair are at the floor or at the ceiling their difference says nothing, and there is no verdict.
    """
    written = unit or unit_of(metric)
    selectors = (*of, *than)

    def measure(analysis: Analysis) -> Measurement:
        sides = [side_of(analysis, selector) for selector in selectors]
        signs = list(zip((1.0, -1.0, -1.0, 1.0), sides, strict=True))
        effect = contrast(analysis, metric, signs)
        pairs = [sides[:2], sides[2:]]
        first, second = (
            f"{a.label} − {b.label}: {written.difference(contrast(analysis, metric, [(1.0, a), (-1.0, b)]))}"
            for a, b in pairs
        )
        evidence = f"{first}; {second}; difference of the two {written.difference(effect)}, {effect.count}."
        return _measured(analysis, metric, effect, evidence, *pairs)

    return ArmTest("interaction", measure, selectors, written, (metric,))


def higher_limit(factor: str, of: Selector, *, than: Selector) -> ArmTest:
    """Test whether the arms `of` train up to a higher level of the numeric `factor` than those of `than`.

    In each seed the limit of a side is the highest of the study's levels at which its run trains: ends above halfway
    from chance to the study's best arm on the validation split. The effect is the mean difference of the two limits,
    paired by seed, in steps from one level to the next, and so is the claim's threshold. A limit is known to one step,
    as the next level was not reached, which counts in the interval: equal limits in all seeds are no certainty.
    """

    def measure(analysis: Analysis) -> Measurement:
        groups = [arms_of(analysis, selector) for selector in (of, than)]
        for selector, arms in zip((of, than), groups, strict=True):
            if not arms:
                raise NothingToCompare(f"No arm with {named(analysis, selector)}.")
        ladder = sorted({result.arm.levels[factor] for arms in groups for result in arms})
        limits = [_limits(analysis, arms, factor, ladder) for arms in groups]
        seeds = sorted(limits[0].keys() & limits[1].keys())
        effect = effect_of(
            [float(limits[0][seed] - limits[1][seed]) for seed in seeds],
            step_variance=step_variance(1, 1),
            sampling=analysis.sampling,
            splits=analysis.splits(seeds),
        )
        evidence = (
            f"Highest {factor} at which a run ends above {analysis.unit.text(analysis.training_threshold)} on the "
            "validation split (halfway from guessing to the best arm), seed by seed: "
            f"{_in_words(limits[0], ladder)} with {named(analysis, of)}, "
            f"{_in_words(limits[1], ladder)} with {named(analysis, than)}"
        )
        if effect.n > 1:
            interval = f"{effect.mean:+.2f} [{effect.low:+.2f}, {effect.high:+.2f}]"
            evidence += f"; {interval} of {len(ladder)} levels"
        evidence += f", {effect.count}."
        reached = {limit for by_seed in limits for limit in by_seed.values()}
        if len(reached) == 1 and reached <= {0, len(ladder)}:
            evidence += " Neither trains at any level." if reached == {0} else " Both train at every level."
        missing = missing_runs([result for arms in groups for result in arms])
        return Measurement(effect, evidence + missing, "runs missing" if missing else "")

    return ArmTest("higher_limit", measure, (of, than), LADDER, factors=(factor,))


def missing_runs(results: Sequence[ArmResult]) -> str:
    """Return how many runs of these arms have no result, as a sentence; empty where none lacks it."""
    missing = sum(result.missing for result in results)
    return f" {missing} of {sum(result.planned for result in results)} runs have no result yet." if missing else ""


def _measured(
    analysis: Analysis, metric: Metric, effect: Effect, evidence: str, *groups: Sequence[Side]
) -> Measurement:
    """Return the measurement of a contrast with the reasons why it may have no verdict.

    Where all sides of a group are at the floor or at the ceiling, they cannot differ.
    """
    results = distinct(result for group in groups for side in group for result in side.results)
    missing = missing_runs(results)
    withheld = "runs missing" if missing else ""
    if measured := described(metric):
        evidence = f"{capital(measured)}. {evidence}"
    if failed := how_failed(results, " of these runs"):
        evidence += f" {failed}"
        if guessed(metric):
            counted = f"{100 * results[0].failed_value(metric):g} %, as the study declares"
            evidence += f", counted as {'guessing' if analysis.study.diverged_value is None else counted}."
        else:
            evidence += "."
            withheld = withheld or "runs diverged"
    if unmeasured := sum(result.count("finished") - len(result.values(metric)) for result in results):
        evidence += f" {unmeasured} finished runs have no such measurement."
        withheld = withheld or "not measured"
    if effect.n > 1 and math.isnan(effect.low):
        evidence += " All seeds agree, so there is no spread to compare this with."
    if where := next((place for group in groups if (place := _saturated(analysis, metric, group))), ""):
        evidence += f" {where}, where no difference can be seen."
        withheld = withheld or ("at the floor" if "floor" in where else "at the ceiling")
    return Measurement(effect, evidence + missing, withheld)


def _saturated(analysis: Analysis, metric: Metric, sides: Sequence[Side]) -> str:
    """Return where the means of all sides are, the floor or the ceiling of a share, as a sentence's beginning."""
    metric = complement_of(metric) or metric  # an error is at the floor where its accuracy is
    known = metric_of(metric)
    values = [list(side.outcomes(metric).values()) for side in sides]
    if known is None or known.scale != "share" or len(sides) < 2 or not all(values):
        return ""
    all_are = "Both are" if len(sides) == 2 else "All are"
    chance = analysis.chances.get(split_of(str(metric))[1], 0.0)
    if guessed(metric) and all(np.mean(each) <= floor_of(chance) for each in values):
        return f"{all_are} at the floor, less than {100 * FLOOR:g} % of the way from guessing to perfect"
    if all(np.mean(each) >= CEILING for each in values):
        return f"{all_are} at the ceiling, {100 * CEILING:g} % or more"
    return ""


def _limits(analysis: Analysis, results: Sequence[ArmResult], factor: str, ladder: Sequence[float]) -> dict[int, int]:
    """Return each seed's limit as a number of levels: 0 where it trains at none, over the seeds that all arms have."""
    trained = [(ladder.index(result.arm.levels[factor]) + 1, analysis.trained(result)) for result in results]
    seeds = set.intersection(*(set(by_seed) for _, by_seed in trained))
    return {seed: max((rank for rank, by_seed in trained if by_seed[seed]), default=0) for seed in sorted(seeds)}


def _in_words(limits: Mapping[int, int], ladder: Sequence[float]) -> str:
    """Return the limits of the seeds in words, equal ones together."""
    counts = {rank: list(limits.values()).count(rank) for rank in sorted(set(limits.values()), reverse=True)}
    words = [(level(ladder[rank - 1]) if rank else "none", count) for rank, count in counts.items()]
    if len(words) < 2:
        return words[0][0] if words else "–"
    return " and ".join(f"{word} in {several(count, 'seed')}" for word, count in words)
