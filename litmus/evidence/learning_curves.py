"""Learning curves: when a run reaches a target, the area under its curve, and the test of who learns sooner."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from litmus.core.metrics import metric_of
from litmus.evidence.claim_tests import missing_runs
from litmus.evidence.claims import ArmTest, Measurement
from litmus.evidence.differences import NothingToCompare, Selector, Side, distinct, side_of
from litmus.evidence.estimate import effect_of
from litmus.evidence.results import Analysis, ArmResult
from litmus.evidence.units import LogRatio

SPEED = LogRatio("", "times as fast")
APPROACH = 0.95
"""How far from chance to the level at which an arm ends the target lies."""


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


def arrivals(result: ArmResult, target: float, metric: str) -> dict[int, Arrival]:
    """Return each seed's arrival at `target`, over the runs of an arm that diverged, or finished and have a curve."""
    diverged = set(result.failed)
    found = {}
    for seed in sorted(diverged | (result.curves.keys() & set(result.seeds("finished")))):
        curve = result.curves.get(seed)
        seen = None if curve is None or metric not in curve else arrival(curve, target, metric)
        if seed in diverged and (seen is None or not seen.reached):
            seen = NEVER
        if seen is not None:
            found[seed] = seen
    return found


def arrival(curve: pd.DataFrame, target: float, metric: str) -> Arrival | None:
    """Return when a run's `metric`, smoothed, is first as good as `target`; None where it was never evaluated.

    The curve is smoothed by isotonic regression: the rising curve that is closest to it in squares (Barlow et al.
    1972), a mean over just those evaluations among which it does not rise. The first evaluation above a target is the
    earlier the noisier evaluations are; where the smoothed curve passes it is not, for noise above and below is alike.
    """
    from scipy import optimize  # takes a third of a second to import

    steps, values = _evaluated(curve, metric)
    if not len(steps):
        return None
    known = metric_of(metric)
    # The curve of a loss falls: its mirror image rises.
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


def sooner(of: Selector, *, than: Selector, to: float | None = None) -> ArmTest:
    """Test whether the arm `of` needs fewer steps than `than` to a target on the validation split.

    The target is `to` where the claim sets it beforehand; else 95 % of the way from chance to the mean at which the
    runs of `than` end. Curves are smoothed before they are followed to it, see `arrival`.

    The effect is the logarithm of the ratio of steps, seed by seed: times are compared by their ratio, as the papers do
    ("14 times fewer steps"). The claim's threshold is the gain that must be exceeded, 0.5 for half as fast again. A run
    that never got there counts with all the steps that it had, which understates what it needed; no verdict may rest on
    such a bound in its favour.
    """

    def measure(analysis: Analysis) -> Measurement:
        fast, slow = side_of(analysis, of), side_of(analysis, than)
        target, where = to, "as set beforehand"
        if target is None:
            ends = list(slow.outcomes(analysis.val_metric).values())
            if not ends or not any(result.count("finished") for result in slow.results):
                raise NothingToCompare(f"No run of {slow.label} finished.")
            target = analysis.chance + APPROACH * (float(np.mean(ends)) - analysis.chance)
            where = f"{100 * APPROACH:g} % of the way to where {slow.label} ends"
        mine, other = (_arrivals_of(side, target, analysis.val_metric) for side in (fast, slow))
        seeds = sorted(mine.keys() & other.keys())
        evidence = (
            f"Steps to {analysis.unit.text(target)} on the validation split, {where}, by seed, "
            f"{fast.label} against {slow.label}: "
            + "; ".join(f"{_shown(mine[seed])} against {_shown(other[seed])}" for seed in seeds)
        )
        results = distinct([*fast.results, *slow.results])
        missing = missing_runs(results)
        if sum(mine[seed].reached or other[seed].reached for seed in seeds) < 2:
            raise NothingToCompare(f"{evidence}. Too few pairs reached it.{missing}", "too few")
        budget = float(max(rows["step"].max() for result in results for rows in result.curves.values()))
        early, late = ([each[seed].steps if each[seed].reached else budget for seed in seeds] for each in (mine, other))
        effect = effect_of(
            [math.log(b / a) for a, b in zip(early, late, strict=True)],
            sampling=analysis.sampling,
            splits=analysis.splits(seeds),
        )
        mean, low, high = (f"{math.exp(value):.2f}" for value in (effect.mean, effect.low, effect.high))
        evidence += f"; {mean} times as fast [{low}, {high}], {effect.count}.{missing}"
        in_favour = () if all(mine[seed].reached for seed in seeds) else ("supported",)
        against = () if all(other[seed].reached for seed in seeds) else ("opposite", "smaller")
        return Measurement(effect, evidence, "runs missing" if missing else "", (*in_favour, *against))

    return ArmTest("sooner", measure, (of, than), SPEED, boundary=math.log1p)


def _evaluated(curve: pd.DataFrame, metric: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the steps at which `metric` was evaluated, in order, and its values there; of several the last one."""
    steps, values = curve["step"].to_numpy(dtype=float), curve[metric].to_numpy(dtype=float)
    there = ~np.isnan(values)
    distinct, last = np.unique(steps[there][::-1], return_index=True)
    return distinct, values[there][::-1][last]


def _arrivals_of(side: Side, target: float, metric: str) -> dict[int, Arrival]:
    found = {id(result): arrivals(result, target, metric) for result in side.results}
    return {seed: found[id(r)][seed] for seed, r in side.by_seed.items() if seed in found[id(r)]}


def _shown(arrival: Arrival) -> str:
    return f"{arrival.steps:,.0f}" if arrival.reached else "never"
