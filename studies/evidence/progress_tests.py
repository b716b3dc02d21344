"""Tests of claims about how training goes: up to which level of a factor runs train, and who learns sooner."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from litmus.wording import several
from studies.evidence.claim_tests import RUNS_MISSING, absent, judged_finding, missing_runs
from studies.evidence.claims import ArmTest, Finding, judge
from studies.evidence.estimate import effect_of, steps
from studies.evidence.learning_speed import Arrival, arrivals
from studies.evidence.results import Analysis, ArmResult
from studies.evidence.selection import Selector, Side, arms_of, named, side_of
from studies.evidence.units import LogRatio, Unit, level

LADDER = Unit("steps", "steps of the ladder")
SPEED = LogRatio("", "times as fast")

APPROACH = 0.95
"""How far from chance to the level at which an arm ends the target lies that its curve is followed to."""


def higher_limit(factor: str, of: Selector, *, than: Selector) -> ArmTest:
    """Test whether the arms `of` train up to a higher level of the numeric `factor` than those of `than`.

    In each seed the limit of a side is the highest of the study's levels at which its run trains: ends above halfway
    from chance to the study's best arm on the validation split. The effect is the mean difference of the two limits,
    paired by seed, in steps from one level to the next. A limit is known to one step, as the next level was not
    reached, and this counts in the interval beside the spread over the seeds: equal limits in all seeds are no
    certainty. The claim's threshold is in steps.
    """

    def test(analysis: Analysis, threshold: float) -> Finding:
        sides = [arms_of(analysis, selector) for selector in (of, than)]
        for selector, arms in zip((of, than), sides, strict=True):
            if not arms:
                return absent(selector)
        ladder = sorted({result.arm.levels[factor] for arms in sides for result in arms})
        limits = [_limits(analysis, arms, factor, ladder) for arms in sides]
        seeds = sorted(limits[0].keys() & limits[1].keys())
        effect = effect_of(
            [float(limits[0][seed] - limits[1][seed]) for seed in seeds],
            step_variance=steps(1, 1),
            sampling=analysis.sampling,
            splits=analysis.splits(seeds),
        )
        evidence = (
            f"Highest {factor} at which a run ends above {analysis.unit.text(analysis.training_threshold)} on the "
            "validation split (halfway from chance to the best arm), by seed: "
            f"{_told(limits[0], ladder)} with {named(of)}, {_told(limits[1], ladder)} with {named(than)}"
        )
        if effect.n > 1:
            interval = f"{effect.mean:+.2f} [{effect.low:+.2f}, {effect.high:+.2f}]"
            evidence += f"; {interval} steps of the ladder of {len(ladder)} levels"
        evidence += f", {effect.count}."
        reached = {limit for by_seed in limits for limit in by_seed.values()}
        if len(reached) == 1 and reached <= {0, len(ladder)}:
            evidence += " Neither trains at any level." if reached == {0} else " Both train at every level."
        missing = missing_runs([Side(dict.fromkeys(r.arm.runs, r)) for arms in sides for r in arms])
        return judged_finding(
            effect, lambda each: judge(each, threshold), evidence + missing, withheld=RUNS_MISSING if missing else ""
        )

    return ArmTest(test, arms=(of, than), factors=(factor,), name="higher_limit", unit=LADDER)


def _limits(analysis: Analysis, results: Sequence[ArmResult], factor: str, ladder: Sequence[float]) -> dict[int, int]:
    """Return each seed's limit as a number of levels: 0 where it trains at none, over the seeds that all arms have."""
    trained = [(ladder.index(result.arm.levels[factor]) + 1, analysis.trained(result)) for result in results]
    seeds = set.intersection(*(set(by_seed) for _, by_seed in trained))
    return {seed: max((rank for rank, by_seed in trained if by_seed[seed]), default=0) for seed in sorted(seeds)}


def _told(limits: Mapping[int, int], ladder: Sequence[float]) -> str:
    """Return the limits of the seeds in words, equal ones together."""
    if not limits:
        return "–"
    counts = {rank: list(limits.values()).count(rank) for rank in sorted(set(limits.values()), reverse=True)}
    words = [(level(ladder[rank - 1]) if rank else "none", count) for rank, count in counts.items()]
    if len(words) == 1:
        return words[0][0]
    return " and ".join(f"{word} in {several(count, 'seed')}" for word, count in words)


def sooner(of: Selector, *, than: Selector, to: float | None = None) -> ArmTest:
    """Test whether the arm `of` needs fewer steps than `than` to a target on the validation split.

    The target is `to` where the claim sets it beforehand; else 95 % of the way from chance to the mean at which the
    runs of `than` end. Curves are smoothed before they are followed to it, see `arrivals`: the first evaluation above a
    target is early where evaluations are noisy, whatever the network has learned.

    The effect is the logarithm of the ratio of steps, seed by seed: times are compared by their ratio, as the papers do
    ("14 times fewer steps"). The claim's threshold is the gain that must be exceeded, 0.5 for half as fast again. A run
    that never got there counts with all the steps that it had, which understates what it needed; no verdict may rest on
    such a bound in its own favour.
    """

    def test(analysis: Analysis, threshold: float) -> Finding:
        fast, slow = side_of(analysis, of), side_of(analysis, than)
        if fast is None or slow is None:
            return absent(of if fast is None else than)
        target = aim(analysis, slow) if to is None else to
        if math.isnan(target):
            return Finding("inconclusive", f"No run of {slow.label} finished.")
        mine, other = (_arrivals(side, target, analysis.val_metric) for side in (fast, slow))
        seeds = sorted(mine.keys() & other.keys())
        ends = [rows["step"].max() for side in (fast, slow) for r in side.results for rows in r.curves.values()]
        budget = float(max(ends))
        pairs = [(_steps(mine[seed], budget), _steps(other[seed], budget)) for seed in seeds]
        reached = [mine[seed].reached or other[seed].reached for seed in seeds]
        where = "as set beforehand" if to is not None else f"{100 * APPROACH:g} % of the way to where {slow.label} ends"
        evidence = (
            f"Steps to {analysis.unit.text(target)} on the validation split, {where}, by seed, "
            f"{fast.label} against {slow.label}: "
            + "; ".join(f"{_shown(mine[seed])} against {_shown(other[seed])}" for seed in seeds)
        )
        missing = missing_runs([fast, slow])
        if sum(reached) < 2:
            return Finding("inconclusive", evidence + ". Too few pairs reached it." + missing, withheld="too few")
        ratio = effect_of(
            [math.log(late / early) for early, late in pairs],
            sampling=analysis.sampling,
            splits=analysis.splits(seeds),
        )
        mean, low, high = (f"{math.exp(value):.2f}" for value in (ratio.mean, ratio.low, ratio.high))
        evidence += f"; {mean} times as fast [{low}, {high}], {ratio.count}."
        finding = judged_finding(
            ratio,
            lambda each: judge(each, math.log1p(threshold)),
            evidence + missing,
            withheld=RUNS_MISSING if missing else "",
        )
        favoured = mine if finding.verdict == "supported" else other
        if all(favoured[seed].reached for seed in seeds):
            return finding
        return Finding("inconclusive", finding.evidence, ratio, withheld=finding.withheld)

    return ArmTest(test, arms=(of, than), name="sooner", unit=SPEED)


def aim(analysis: Analysis, side: Side) -> float:
    """Return the target that a side's curves are followed to: most of the way from chance to where its runs end."""
    values = list(side.outcomes(analysis.val_metric).values())
    if not any(result.count("finished") for result in side.results):
        return math.nan
    return analysis.chance + APPROACH * (float(np.mean(values)) - analysis.chance)


def _arrivals(side: Side, target: float, metric: str) -> dict[int, Arrival]:
    found = {id(result): arrivals(result, target, metric) for result in side.results}
    return {seed: found[id(r)][seed] for seed, r in side.by_seed.items() if seed in found[id(r)]}


def _steps(arrival: Arrival, budget: float) -> float:
    return arrival.steps if arrival.reached else budget


def _shown(arrival: Arrival) -> str:
    return f"{arrival.steps:,.0f}" if arrival.reached else "never"
