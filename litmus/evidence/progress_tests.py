"""Tests of claims about how training goes: up to which level of a factor runs train, and who learns sooner."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import integrate, optimize, stats

from litmus.core.formatting import several
from litmus.core.metrics import metric_of
from litmus.evidence.claim_tests import RUNS_MISSING, absent, judged_finding, missing_runs
from litmus.evidence.claims import ArmTest, Finding, judge
from litmus.evidence.estimate import Estimate, effect_of, proportion, steps
from litmus.evidence.results import Analysis, ArmResult
from litmus.evidence.sides import Selector, Side, arms_of, named, side_of
from litmus.evidence.units import LogRatio, Unit, level


@dataclass(frozen=True)
class Arrival:
    """When a run reached the target: at `steps`, or, where `reached` is false, not within the `steps` it was watched.

    Runs are watched at their evaluations; between two of them an arrival is interpolated. A run that diverged never
    arrives, which is more than not having been seen to: its `steps` are infinite.
    """

    steps: float
    reached: bool


NEVER = Arrival(math.inf, False)
"""Of a run that diverged before it reached the target."""


@dataclass(frozen=True)
class MedianArrival:
    """The Kaplan–Meier median of the steps to a target, with its 95 % interval; `reached` of `n` runs arrived.

    `steps` is the first step by which more than half of the runs are estimated to have arrived, infinite where none
    is: the median is then beyond what was run. `high` is infinite likewise. The ends are NaN where all runs arrive at
    the same evaluation, and `low` where none arrives.
    """

    steps: float
    low: float
    high: float
    reached: int
    n: int


@dataclass(frozen=True)
class Race:
    """Which of two arms arrives first, seed by seed.

    Args:
        first, second: pairs in which the one or the other is known to have arrived first.
        ties: pairs that arrived at the same evaluation, and pairs in which neither arrived.
        unknown: pairs left out, as the one run was no longer watched when the other arrived.
        p_value: of the exact two-sided sign test over the pairs that are no ties; NaN where there is none.
        probability_first: the share of pairs that the first arm wins, a tie counting one half, with its exact interval.
    """

    first: int
    second: int
    ties: int
    unknown: int
    p_value: float
    probability_first: Estimate


def arrivals(result: ArmResult, target: float, metric: str = "val_top1") -> dict[int, Arrival]:
    """Return each seed's arrival at `target`, over the runs of an arm that diverged, or finished and have a curve."""
    diverged = set(result.seeds("diverged"))
    found = {}
    for seed in sorted(diverged | (result.curves.keys() & set(result.seeds("finished")))):
        curve = result.curves.get(seed)
        seen = None if curve is None or metric not in curve else arrival(curve, target, metric)
        if seed in diverged and (seen is None or not seen.reached):
            seen = NEVER
        if seen is not None:
            found[seed] = seen
    return found


def arrival(curve: pd.DataFrame, target: float, metric: str = "val_top1") -> Arrival | None:
    """Return when a run's `metric`, smoothed, is first as good as `target`; None where it was never evaluated.

    The curve is smoothed by isotonic regression: the rising curve that is closest to it in squares (Barlow et al.
    1972), a mean over just those evaluations among which it does not rise. The first evaluation above a target is the
    earlier the noisier evaluations are; where the smoothed curve passes it is not, for noise above and below is alike.
    """
    steps, values = _evaluated(curve, metric)
    if not len(steps):
        return None
    known = metric_of(metric)
    # Of a metric of which less is better the curve falls: its mirror image rises.
    sign = 1.0 if known is None or known.higher_is_better else -1.0
    target *= sign
    rising = optimize.isotonic_regression(sign * values).x
    passed = np.flatnonzero(rising >= target - 1e-12)
    if not len(passed):
        return Arrival(float(steps[-1]), False)
    at = int(passed[0])
    if at == 0:
        return Arrival(float(steps[0]), True)
    share = (target - rising[at - 1]) / (rising[at] - rising[at - 1])
    return Arrival(float(steps[at - 1] + share * (steps[at] - steps[at - 1])), True)


def median_arrival(runs: Sequence[Arrival]) -> MedianArrival:
    """Return the median number of steps to the target, runs that did not arrive treated as censored.

    Such a run counts among those that could still arrive for as long as it was watched (Kaplan & Meier 1958), where
    dropping it would favour an arm that often fails, and taking its last step for its arrival would flatter it.
    The interval is that of statsmodels, on the complementary log-log scale. NaN for no runs.
    """
    if not runs:
        return MedianArrival(math.nan, math.nan, math.nan, 0, 0)
    reached = sum(run.reached for run in runs)
    if not reached:
        return MedianArrival(math.inf, math.nan, math.inf, 0, len(runs))
    # Importing statsmodels takes a second, which commands that only read records need not wait for.
    from statsmodels.duration.survfunc import SurvfuncRight

    # A run that diverged is watched for ever; for the estimate, as long as anything happens.
    last = max(run.steps for run in runs if math.isfinite(run.steps)) + 1
    survival = SurvfuncRight([min(run.steps, last) for run in runs], [int(run.reached) for run in runs])
    # Not `survival.quantile`: the product that makes one half may be rounded to below it.
    passed = np.flatnonzero(survival.surv_prob < 0.5 - 1e-9)
    median = float(survival.surv_times[passed[0]]) if len(passed) else math.inf
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = (float(end) for end in survival.quantile_ci(0.5))
    return MedianArrival(median, low, high, reached, len(runs))


def race(one: Mapping[int, Arrival], other: Mapping[int, Arrival]) -> Race:
    """Return which of two arms arrives first, over the seeds that both have and whose order is known."""
    outcomes = [_order(one[seed], other[seed]) for seed in sorted(one.keys() & other.keys())]
    first, second, ties = outcomes.count(1), outcomes.count(-1), outcomes.count(0)
    decided = first + second
    p_value = float(stats.binomtest(first, decided, 0.5).pvalue) if decided else math.nan
    share = proportion(first + ties / 2, decided + ties)
    return Race(first, second, ties, outcomes.count(None), p_value, share)


def area_under_curve(
    curve: pd.DataFrame, chance: float = 0.0, metric: str = "val_top1", budget: int | None = None
) -> float:
    """Return the mean of `metric` over a run's steps: the trapezoid's area under its curve over the steps' number.

    Before the first evaluation the curve rises from `chance` at step 0. `budget` is the number of steps to average
    over, the curve's own by default; NaN for a curve that ends before it, as what followed was not seen.
    """
    steps, values = _evaluated(curve, metric)
    end = float(budget) if budget is not None else (steps[-1] if len(steps) else 0.0)
    if not len(steps) or end <= 0 or steps[-1] < end:
        return math.nan
    if steps[0] > 0:
        steps, values = np.append(0.0, steps), np.append(chance, values)
    inside = steps < end
    steps, values = np.append(steps[inside], end), np.append(values[inside], np.interp(end, steps, values))
    return float(integrate.trapezoid(values, steps) / end)


def _evaluated(curve: pd.DataFrame, metric: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the steps at which `metric` was evaluated, in order, and its values there; of several the last one."""
    steps, values = curve["step"].to_numpy(dtype=float), curve[metric].to_numpy(dtype=float)
    there = ~np.isnan(values)
    distinct, last = np.unique(steps[there][::-1], return_index=True)
    return distinct, values[there][::-1][last]


def _order(one: Arrival, other: Arrival) -> int | None:
    """Return 1 where `one` is first, −1 where `other` is, 0 for a tie, None where it is not known."""
    if one.reached and other.reached:
        return int(one.steps < other.steps) - int(one.steps > other.steps)
    if not one.reached and not other.reached:
        return 0
    # The run that did not arrive was watched at this step, and had not.
    if one.reached:
        return 1 if one.steps <= other.steps else None
    return -1 if other.steps <= one.steps else None


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
